"""The town's settings: who sets them, which colours are taken, what is shown while a text is missing."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from PIL import Image

from core import create_app, settings
from core.colours import contrast, on
from core.db import db, write
from core.models import Audit
from core.testing import Town
from portal.admin import colours

if TYPE_CHECKING:
    from types import ModuleType

GIVEN = {
    "name": "Valbrume",
    "contact": "town@example.org",
    "language": "fr",
    "colour": "#1d5e63",
    "colour_dark": "#7fc8c3",
}


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    return {}


def save(town: Town, **values: object) -> object:
    """Send the town's form as an administrator."""
    return town.browser("ada", "administrator").submit("/admin/town", **{**GIVEN, **values})


def picture() -> tuple[io.BytesIO, str]:
    """Return a small picture as a browser sends it."""
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), "teal").save(buffer, "PNG")
    buffer.seek(0)
    return buffer, "logo.png"


def test_only_an_administrator_sets_the_town(town: Town) -> None:
    assert save(town).status_code == 302
    assert town.browser("bea", "agent").get("/admin/town").status_code == 403
    assert town.browser().get("/admin/town").status_code == 302
    assert "Valbrume" in town.browser().get("/legal").text


def changes(town: Town) -> list[list[str]]:
    """The fields that each line of the log names, the oldest first."""
    found = sa.select(Audit.details).where(Audit.act == "town.changed").order_by(Audit.id)
    return [details["fields"] for details in town.run(lambda: db.session.scalars(found).all())]


def test_the_log_names_what_a_save_changes_and_has_no_line_where_it_changes_nothing(town: Town) -> None:
    texts = {"home": "Welcome.\n\nAsk!", "legal": "We.\nHere.", "accessibility": "Yes.\nAA."}

    def begin() -> None:
        with write():
            settings.save(settings.TOWN, texts)

    town.run(begin)
    sent = {name: text.replace("\n", "\r\n") for name, text in texts.items()}
    for _ in range(2):
        assert save(town, **sent).status_code == 302
    assert changes(town) == [["contact", "name"]]
    for _ in range(2):
        assert save(town, **{**sent, "legal": "We.\r\n\r\nHere."}).status_code == 302
    assert changes(town)[1:] == [["legal"]]
    for fields in ({"logo": picture()}, {}, {"no_logo": "y"}, {"no_logo": "y"}):
        assert save(town, **{**sent, **fields, "legal": "We.\n\nHere."}).status_code == 302
    assert changes(town)[2:] == [["logo"], ["logo"]]
    shown = town.browser("ada", "administrator").get("/admin/audit").text
    assert shown.count("Logo") >= 2


def test_every_process_sees_new_settings_at_its_next_request(town: Town) -> None:
    other = Town(create_app(town.app.config["PARVIS"], {}))
    assert "Valbrume" not in other.browser().get("/legal").text
    save(town)
    assert "Valbrume" in other.browser().get("/legal").text
    with other.app.app_context():
        db.engine.dispose()


def test_settings_that_are_rolled_back_leave_no_trace_in_the_process(town: Town) -> None:
    def give_up() -> None:
        with write():
            settings.save(settings.TOWN, {"name": "Nowhere"})
            assert settings.town().name == "Nowhere"
            raise LookupError

    with pytest.raises(LookupError):
        town.run(give_up)
    save(town)
    assert town.run(lambda: settings.town().name) == "Valbrume"


@pytest.mark.parametrize(("field", "colour"), [("colour", "#a09890"), ("colour_dark", "#554433")])
def test_an_unreadable_colour_is_refused_with_the_nearest(town: Town, field: str, colour: str) -> None:
    page = save(town, **{field: colour}, legal="We, the town")
    assert page.status_code == 200
    assert "The nearest colour that works is #" in page.text
    label = {"colour": "Colour", "colour_dark": "Colour on dark screens"}[field]
    assert f"{label}: it is hard to read." in page.text
    assert f'href="#{field}"' in page.text
    assert "We, the town" in page.text
    nearest = page.text.partition("The nearest colour that works is ")[2][:7]
    assert save(town, **{field: nearest}).status_code == 302
    assert "Choose a colour" in save(town, **{field: "red; }"}).text
    assert f'name="take_{field}" value="{nearest}"' in page.text
    assert "Please choose the logo again" in save(town, **{field: colour}, logo=picture()).text
    assert "Please choose the logo again" not in page.text
    assert save(town, **{field: colour, f"take_{field}": nearest}).status_code == 302
    assert getattr(town.run(settings.town), field) == nearest


@pytest.mark.parametrize("page", [colours.LIGHT_PAGE, colours.DARK_CARD])
@pytest.mark.parametrize(
    "colour", ["#ffff00", "#808080", "#000000", "#ffffff", "#ff0000", "#123456", "#7fc8c3"]
)
def test_the_nearest_colour_is_readable_and_a_readable_one_is_its_own_nearest(colour: str, page: str) -> None:
    found = colours.nearest(colour, page)
    assert contrast(found, page) >= 4.5
    assert contrast(found, on(found)) >= 4.5
    assert (found == colour) == colours.readable(colour, page)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_logo_is_shown_to_everybody_and_can_be_removed(town: Town) -> None:
    assert save(town, logo=picture()).status_code == 302
    url = town.run(lambda: settings.town().logo_url)
    assert url in town.browser().get("/legal").text
    shown = town.browser().get(url)
    assert shown.mimetype.startswith("image/")
    shown.close()
    save(town, no_logo="y")
    assert town.run(lambda: settings.town().logo_url) == ""
    assert town.browser().get(url).status_code == 404


def test_a_logo_that_is_no_picture_gets_a_message_and_changes_nothing(town: Town) -> None:
    page = save(town, name="Elsewhere", logo=(io.BytesIO(b"<svg onload=alert(1)>"), "logo.png"))
    assert page.status_code == 200
    assert 'href="#logo"' in page.text
    assert town.run(lambda: settings.town().name) == "Parvis"


def test_the_towns_name_colour_and_welcome_are_on_the_home_page(town: Town) -> None:
    save(town, home="Come **in**", colour="#7a1f5c")
    page = town.browser().get("/").text
    for words in ("Valbrume", "Come <strong>in</strong>", "--town-accent:#7a1f5c;--town-on-accent:#ffffff"):
        assert words in page


@pytest.mark.parametrize("path", ["/legal", "/accessibility"])
def test_a_starter_text_stands_in_until_staff_write_theirs(town: Town, path: str) -> None:
    visitor = town.browser()
    assert "This is a starter text" in visitor.get(path).text
    assert "texte de départ" in visitor.get(path, headers={"Accept-Language": "fr"}).text
    save(town, legal="# Éditeur\n\nLa ville <script>", accessibility="# État\n\nLa ville <script>")
    page = visitor.get(path).text
    assert "starter text" not in page
    assert "La ville &lt;script&gt;" in page
    assert 'class="prose" lang="fr"' in page


def test_who_may_do_what_is_told_to_everybody(town: Town) -> None:
    page = town.browser().get("/about/permissions")
    assert page.status_code == 200
    for words in ("Switch plugins on and off", "administrator", "Owner"):
        assert words in page.text
