"""What is kept of pages never goes stale and never shows one person what is another's."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import dummy_plugin.plugin as dummy
import pytest
from dummy_plugin.trouble import trouble
from markupsafe import Markup, escape
from PIL import Image
from werkzeug.datastructures import FileStorage

from core import api, files, kept, registry, settings
from core.db import db, write
from core.feed import actions, cards
from core.models import Account, Entry, Space, User
from core.spaces.actions import change_space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from core.testing import Browser, Town


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One engine: what is kept is keyed by rows, wherever they are from."""
    return sqlite_url


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    return {"dummy": dummy}


@pytest.fixture(autouse=True)
def _no_trouble() -> Iterator[None]:
    yield
    trouble.clear()


@pytest.fixture
def post(town: Town) -> int:
    """Return the id of a post of ana's in the square."""
    space_id = town.space("Square", "olga")
    town.person("ana")

    def say() -> int:
        return actions.publish(db.session.get(Space, space_id), "Dear **neighbours**", "Fountain").id

    return int(town.run(say, "ana"))


def card(browser: Browser, post: int, page: str = "/") -> str:
    """Return the card of the post on a page, which is loaded twice: drawn, then kept."""
    shown = [browser.get(page).text for _ in range(2)]
    found = [re.search(rf'<article[^>]* id="post-{post}".*?</article>', text, re.S) for text in shown]
    parts = [one[0] for one in found if one]
    assert len(parts) == 2, shown[0]
    assert parts[0] == parts[1]
    return str(parts[0])


def tokens(html: str) -> list[str]:
    """Return the cross-site tokens of the forms."""
    return re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', html)


def change(town: Town, ident: int, model: type[Any] = Entry, **values: Any) -> None:
    """Change a row as the system."""

    def work() -> None:
        with write() as session:
            row = session.get(model, ident)
            for name, value in values.items():
                setattr(row, name, value)

    town.run(work)


def picture(town: Town, name: str) -> files.Prepared:
    """Return a small picture, stored."""
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), "teal").save(buffer, "PNG")
    buffer.seek(0)
    return town.run(lambda: files.prepare(FileStorage(buffer, name)))


def test_a_card_follows_all_that_it_shows(town: Town, post: int) -> None:
    visitor = town.browser()
    ana = town.person("ana")
    entry: Callable[[], Entry] = lambda: db.session.get(Entry, post)  # noqa: E731

    def attach() -> None:
        with write():
            files.attach(entry(), picture(town, "fountain.png"), "The fountain")

    def portray() -> None:
        with write():
            files.set_picture(ana, picture(town, "ana.png"))

    assert "Dear <strong>neighbours</strong>" in card(visitor, post)
    steps: dict[str, tuple[Callable[[], Any], str | None]] = {
        ">The well<": (lambda: actions.change_entry(entry(), title="The well"), "ana"),
        "<p>Beloved</p>": (lambda: actions.change_entry(entry(), body="Beloved"), "ana"),
        ">Market<": (lambda: change_space(db.session.get(Space, 1), name="Market"), "olga"),
        'alt="The fountain"': (attach, None),
        "/ana.webp": (portray, None),
        '<span class="count">1</span>': (lambda: actions.support(entry(), on=True), "zoe"),
    }
    rows: dict[str, tuple[type[Any], int, dict[str, Any]]] = {
        ">Anna Bell<": (User, ana, {"name": "Anna Bell"}),
        ">Deputy mayor<": (User, ana, {"role": "official", "mandate": "deputy_mayor"}),
        "by e-mail": (Entry, post, {"channel": "email"}),
    }
    town.person("zoe")
    for new, (work, who) in steps.items():
        assert new not in card(visitor, post)
        town.run(work, who)
        assert new in card(visitor, post)
    for new, (model, ident, values) in rows.items():
        assert new not in card(visitor, post)
        change(town, ident, model, **values)
        assert new in card(visitor, post)
    assert not {"Fountain", "Dear", ">Ana<", ">Square<", "avatar tint"} & set(
        re.findall(r"Fountain|Dear|>Ana<|>Square<|avatar tint", card(visitor, post))
    )
    town.run(lambda: actions.hide(entry()), "olga")
    assert f"post-{post}" not in visitor.get("/").text


def test_each_sees_their_own_support_link_and_token(town: Town, post: int) -> None:
    ana, zoe, visitor = town.browser("ana"), town.browser("zoe"), town.browser()
    town.run(lambda: actions.support(db.session.get(Entry, post), on=True), "zoe")
    pages = {"ana": card(ana, post), "zoe": card(zoe, post), "": card(visitor, post)}
    assert 'aria-pressed="false"' in pages["ana"]
    assert 'aria-pressed="true"' in pages["zoe"]
    assert "aria-pressed" not in pages[""]
    assert [f"/posts/{post}/edit" in page for page in pages.values()] == [True, False, False]
    assert tokens(pages[""]) == []
    [hers], [theirs] = tokens(pages["ana"]), tokens(pages["zoe"])
    url = f"/posts/{post}/support"
    for browser, own, other in ((ana, hers, theirs), (zoe, theirs, hers)):
        assert set(tokens(browser.get("/").text)) == {own}
        assert browser.client.post(url, data={"csrf_token": other}).status_code == 400
        assert browser.client.post(url, data={"csrf_token": own}).status_code == 302


def test_no_mark_is_left_where_a_token_or_an_address_belongs(town: Town, post: int) -> None:
    for browser in (town.browser(), town.browser("ana")):
        for path in ("/", "/?order=active&x=%22%3E", "/spaces", "/nowhere"):
            shown = browser.get(path).text
            assert kept._SECRET not in shown
            assert f'name="next" value="{escape(path)}"' in shown


def test_languages_and_time_zones_are_kept_apart(town: Town, post: int) -> None:
    visitor = town.browser()
    english = card(visitor, post)
    french = [visitor.get("/", headers={"Accept-Language": "fr"}).text for _ in range(2)]
    assert french[0].count("à l’instant") == french[1].count("à l’instant") > 0
    assert "just now" in english
    assert card(visitor, post) == english
    titles = []
    for zone in ("Europe/Paris", "Pacific/Auckland"):
        change(town, town.person("ana"), Account, timezone=zone)
        titles += re.findall(r'title="([^"]+)"', card(town.browser("ana"), post))
    assert len(set(titles)) == 2


def test_the_town_and_its_menu_follow_what_was_decided(town: Town) -> None:
    visitor = town.browser()
    assert [visitor.get("/").text.count("Workshops") > 0 for _ in range(2)] == [True, True]

    def rename() -> None:
        with write():
            settings.save(settings.TOWN, {"name": "Valbrume", "colour": "#5b2a86"})

    town.run(rename)
    shown = [visitor.get("/").text for _ in range(2)]
    assert all("Valbrume" in page and "--town-accent:#5b2a86" in page for page in shown)
    assert not any(">Parvis<" in page for page in shown)
    town.run(lambda: registry.current().switch("dummy", False))
    assert 'href="/dummy/"' not in visitor.get("/").text


def test_what_plugins_add_to_a_card_comes_and_goes(town: Town, post: int) -> None:
    ana, zoe = town.browser("ana"), town.browser("zoe")
    plain = card(ana, post)
    given = api.Decoration(badges=("Bright",), actions=(api.Action("Keep", "/dummy/keep", "POST"),))
    trouble["decorate_entries"] = lambda: {post: given}
    hers, theirs = card(ana, post), card(zoe, post)
    assert [text.count("Bright") for text in (hers, theirs)] == [1, 1]
    assert [len(tokens(hers)), len(tokens(theirs))] == [2, 2]
    assert set(tokens(hers)).isdisjoint(tokens(theirs))
    for footer, drawn in (("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"), (Markup("<b>x</b>"), "<b>x</b>")):
        trouble["decorate_entries"] = lambda footer=footer: {post: api.Decoration(footer=footer)}
        assert f'<div class="card-extra">{drawn}</div>' in card(ana, post)
    trouble["decorate_entries"] = lambda: 1 / 0
    assert card(ana, post) == plain
    trouble["decorate_entries"] = lambda: {post: given}
    town.run(lambda: registry.current().switch("dummy", False))
    assert card(ana, post) == plain


def test_little_is_kept_and_only_what_is_short(town: Town, post: int) -> None:
    visitor = town.browser()
    visitor.get("/")
    before = cards._card.cache_info().currsize, kept._drawn.cache_info().currsize
    change(town, post, html=f"<p>{'x' * cards.LONGEST}</p>")
    assert "xxxx" in card(visitor, post)
    assert (cards._card.cache_info().currsize, kept._drawn.cache_info().currsize) == before
    assert cards._card.cache_info().maxsize == kept._drawn.cache_info().maxsize == kept.MOST
