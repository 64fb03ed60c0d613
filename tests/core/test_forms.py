"""What forms keep of a text: what can be seen of it, and nothing where nothing can."""

import io
import re

import pytest
import sqlalchemy as sa

from core import mail, settings
from core.db import db
from core.models import Entry, Mail, Space
from core.testing import Town
from core.text import one_line

BLANK = ("   ", "\u00a0\u2003", "\u200b\u2060", "\u202e\u2066", "\u3164\u2800", "\ufe0f", "\x07", "\r\n")


def count(town: Town, model: type) -> int:
    return int(town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(model))))


def test_what_nobody_can_see_is_nothing(town: Town) -> None:
    space = town.space("Halle", "olga")
    olga, agnes, visitor = town.browser("olga"), town.browser("agnes", "agent"), town.browser()
    before = {model: count(town, model) for model in (Entry, Mail, Space)}
    post, page = f"/spaces/{space}/posts", f"/spaces/{space}"
    fields = {"visibility": "public", "joining": "open", "area": "0"}
    guest = {"email": "ana@example.org", "client_key": "1"}
    for blank in BLANK:
        refused = [
            olga.submit(post, page, body=blank, client_key="1"),
            olga.submit("/me", name=blank, about="", area="", language="", timezone=""),
            agnes.submit("/spaces/new", name=blank, **fields),
            visitor.submit("/sign-up", name=blank, email="ana@example.org"),
            visitor.submit(post, page, name=blank, body="Words", **guest),
            visitor.submit(post, page, name="Ana", body=blank, **guest),
        ]
        assert [answer.status_code for answer in refused] == [422] * len(refused), ascii(blank)
    assert before == {model: count(town, model) for model in (Entry, Mail, Space)}


def test_a_line_is_kept_as_it_is_seen_and_a_text_as_it_is_written(town: Town) -> None:
    space = town.space("Halle", "olga")
    title, body = "The \u202eold\u202c\r\nmarket\u200b\u2003hall", "  One line\r\n\r\n\u200fanother  "
    sent = {"title": title, "body": body, "client_key": "1"}
    assert (
        town.browser("olga").submit(f"/spaces/{space}/posts", f"/spaces/{space}", **sent).status_code == 302
    )
    (kept,) = town.run(lambda: db.session.execute(sa.select(Entry.title, Entry.body)).all())
    assert kept.title == "The old market hall"
    assert kept.body == body.strip()


def test_one_line_keeps_every_script() -> None:
    for text in ("Zoé Œuvrard", "李雷", "דוד", "محمد", "नमस्ते", "👍🏽 ❤️", "🫨"):
        assert one_line(text) == text


def test_one_line_holds_nothing_that_a_database_refuses() -> None:
    assert one_line("a\0b\ud800c") == "abc"


def test_one_line_keeps_the_spaces_that_break_no_line() -> None:
    assert one_line(" \u00a0Où\u202f?  Ici\u00a0:\n\u202flà ") == "Où\u202f? Ici\u00a0: \u202flà"


def test_a_town_whose_name_was_sent_in_two_lines_still_sends_mail(town: Town) -> None:
    admin = town.browser("admin", "administrator")
    values = {"name": "Ville\r\nde Brume", "language": "fr", "colour": "#1d5e63", "colour_dark": "#7fc8c3"}
    assert admin.submit("/admin/town", **values).status_code == 302

    def written() -> tuple[str, str]:
        letter = mail.compose("core/mail/unknown", "en")
        return settings.town().name, letter.subject

    name, subject = town.run(written)
    assert name == "Ville de Brume"
    assert subject.endswith("Ville de Brume")


PAGES = (
    "/sign-in",
    "/sign-up",
    "/reset",
    "/me",
    "/me/password",
    "/me/email",
    "/spaces/new",
    "/spaces/1/settings",
)


@pytest.mark.parametrize("page", PAGES)
def test_a_file_where_a_text_belongs_is_not_there(town: Town, page: str) -> None:
    town.app.testing = False
    town.space("Halle", "olga")
    browser = town.browser() if page in PAGES[:3] else town.browser("olga", "administrator")
    shown = browser.get(page).text
    names = set(re.findall(r'<(?:input|textarea|select)[^>]*name="([^"]+)"', shown)) - {"csrf_token"}
    assert names
    for name in names:
        sent = browser.submit(page, **{name: (io.BytesIO(b"hello"), "x.txt")})
        assert sent.status_code < 500, name
    sent = browser.submit(page, csrf_token=(io.BytesIO(b"hello"), "x.txt"))
    assert sent.status_code == 400


@pytest.mark.parametrize("page", ["/sign-in", "/spaces/1/posts", "/preview"])
@pytest.mark.parametrize("file", ["", '; filename="x"'])
@pytest.mark.parametrize("beside", ["", "token"])
def test_a_part_without_a_name_is_refused(town: Town, page: str, file: str, beside: str) -> None:
    town.app.testing = False
    town.space("Halle", "olga")
    browser = town.browser("olga")
    named = f'; name="csrf_token"\r\n\r\n{browser.token}\r\n--x\r\nContent-Disposition: form-data' * bool(
        beside
    )
    body = f"--x\r\nContent-Disposition: form-data{named}{file}\r\n\r\nx\r\n--x--\r\n"
    sent = browser.client.post(page, data=body, content_type="multipart/form-data; boundary=x")
    assert sent.status_code == 400
