"""Two languages, chosen by browser, cookie or account; dates and numbers as each writes them."""

import ast
import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from flask import Flask, render_template_string
from flask_babel import force_locale, format_date, format_datetime, format_time

from core import i18n, settings
from core.db import db, now, write
from core.models import Account
from core.testing import Town


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the engine."""
    return sqlite_url


def language(page: str) -> str:
    """The language a page says it is in."""
    found = re.search(r'<html lang="(\w+)">', page)
    assert found
    return found.group(1)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("fr-FR,fr;q=0.9", "fr"),
        ("en-GB,fr;q=0.5", "en"),
        ("de,fr;q=0.5,en;q=0.4", "fr"),
        ("de", "fr"),
        ("", "fr"),
    ],
)
def test_the_browser_s_language_is_spoken_else_the_town_s(town: Town, header: str, expected: str) -> None:
    page = town.browser().get("/sign-in", headers={"Accept-Language": header})
    assert language(page.text) == expected
    assert ("Se connecter" in page.text) == (expected == "fr")


def test_the_town_chooses_what_others_are_spoken_to_in(town: Town) -> None:
    def choose() -> None:
        with write():
            settings.save(settings.TOWN, {"language": "en"})

    town.run(choose)
    assert language(town.browser().get("/", headers={"Accept-Language": "de"}).text) == "en"


def test_a_visitor_s_choice_is_remembered_and_leads_back(town: Town) -> None:
    browser = town.browser()
    assert language(browser.get("/sign-in").text) == "en"
    back = browser.submit("/language", _page="/sign-in", language="fr", next="/sign-in")
    assert (back.status_code, back.location) == (302, "/sign-in")
    assert language(browser.get("/sign-in").text) == "fr"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"]
)
def test_the_switch_leads_nowhere_else(town: Town, target: str) -> None:
    back = town.browser().submit("/language", _page="/", language="fr", next=target)
    assert back.location == "/"


def test_an_unknown_language_changes_nothing(town: Town) -> None:
    browser = town.browser()
    assert browser.submit("/language", _page="/", language="xx").status_code == 302
    assert language(browser.get("/").text) == "en"


def test_an_account_remembers_on_another_device(town: Town) -> None:
    town.browser("ana").submit("/language", _page="/", language="fr")
    stored = town.run(lambda: db.session.scalars(db.select(Account.language)).all())
    assert stored == ["fr"]
    assert language(town.browser("ana").get("/").text) == "fr"
    assert language(town.browser("ben").get("/").text) == "en"


def test_pages_are_kept_apart_by_language(town: Town) -> None:
    assert {"Accept-Language", "Cookie"} <= set(town.browser().get("/").vary)


@pytest.mark.parametrize(
    ("ago", "fr", "en"),
    [
        (dt.timedelta(seconds=5), "à l’instant", "just now"),
        (dt.timedelta(minutes=3), "il y a 3 minutes", "3 minutes ago"),
        (dt.timedelta(hours=5, minutes=50), "il y a 5 heures", "5 hours ago"),
        (dt.timedelta(days=3), "il y a 3 jours", "3 days ago"),
    ],
)
def test_a_moment_is_told_as_people_tell_it(app: Flask, ago: dt.timedelta, fr: str, en: str) -> None:
    moment = now() - ago
    for locale, text in (("fr", fr), ("en", en)):
        with app.test_request_context(headers={"Accept-Language": locale}):
            shown = render_template_string("{{ moment|when }}", moment=moment)
        assert f">{text}</time>" in shown
        assert f'datetime="{moment.isoformat(timespec="seconds")}"' in shown


def test_an_old_moment_is_a_date_and_its_title_has_the_viewer_s_time(app: Flask) -> None:
    moment = dt.datetime(2025, 7, 14, 22, 30, tzinfo=dt.UTC)
    with app.test_request_context(headers={"Accept-Language": "fr"}):
        assert ">15 juillet 2025</time>" in i18n.when(moment)
        assert "15 juillet 2025" in re.findall('title="([^"]*)"', i18n.when(moment))[0]
        assert i18n.day(moment) == "15 juillet 2025"
        assert i18n.day(dt.date(2025, 7, 1)) == "1er juillet 2025"
        assert i18n.day(dt.date(2025, 7, 1), weekday=True) == "mardi 1er juillet 2025"
        assert i18n.day(dt.date(2025, 7, 21)) == "21 juillet 2025"
        assert i18n.number(12345.6) == "12\u202f345,6"
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert i18n.day(dt.date(2025, 7, 1)) == "1 July 2025"
        assert i18n.day(dt.date(2025, 7, 14), weekday=True) == "Monday 14 July 2025"
        assert i18n.number(12345.6) == "12,345.6"
        assert i18n.when(None) == i18n.day(None) == i18n.number(None) == ""


@pytest.mark.parametrize(("language", "month"), [("en", "November"), ("fr", "novembre")])
def test_a_date_is_written_in_one_way_whoever_writes_it(app: Flask, language: str, month: str) -> None:
    moment = dt.datetime(2026, 11, 26, 17, 5, tzinfo=dt.UTC)
    with app.test_request_context(headers={"Accept-Language": language}):
        assert {i18n.day(moment), format_date(moment), format_date(moment, "long")} == {f"26 {month} 2026"}
        assert format_datetime(moment) == f"26 {month} 2026, 18:05"
        assert format_time(moment, "short") == "18:05"


def test_templates_and_code_speak_the_same_language(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "fr"}):
        shown = render_template_string("{{ _('Sign in') }} {% trans %}Sign in{% endtrans %}")
        assert shown == "Se connecter Se connecter"
        with force_locale("en"):
            assert render_template_string("{{ _('Sign in') }}") == "Sign in"


def test_what_is_put_into_a_text_is_escaped(app: Flask) -> None:
    with app.test_request_context():
        shown = render_template_string("{{ _('Welcome to %(town)s', town='<b>') }}")
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown


def test_a_catalogue_is_compiled_when_it_is_missing_or_older(tmp_path: Path) -> None:
    source = tmp_path / "messages.po"
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    source.write_text(header + 'msgid "yes"\nmsgstr "oui"\n')
    first = i18n._compiled(source)
    assert first is not None
    assert b"oui" in first
    assert source.with_suffix(".mo").read_bytes() == first
    assert i18n._compiled(tmp_path / "none.po") is None


def test_french_is_complete() -> None:
    for texts in french():
        assert [forms for forms in texts if not all(forms)] == []


def test_no_text_stands_inside_an_f_string_where_the_catalogue_misses_it() -> None:
    root = Path(i18n.__file__).parent.parent
    words = {"_", "_l", "_n", "gettext", "ngettext", "lazy_gettext", "lazy_ngettext"}
    missed = [
        f"{source.relative_to(root)}:{call.lineno}"
        for part in ("core", "portal", "ops", "plugins")
        for source in (root / part).rglob("*.py")
        for string in ast.walk(ast.parse(source.read_text()))
        if isinstance(string, ast.JoinedStr)
        for call in ast.walk(string)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in words
    ]
    assert missed == []


def test_in_french_a_narrow_space_stands_by_its_signs_and_glues_no_words() -> None:
    glued = re.compile(r"(?<!«)\u202f(?![?!;»])(?!(?<=\d\u202f)\d)")
    for texts in french():
        assert [text for forms in texts for text in forms if glued.search(text)] == []


def french() -> Iterator[list[tuple[str, ...]]]:
    """The texts of each French catalogue, in all their forms."""
    root = Path(i18n.__file__).parent.parent
    sources = [
        source for part in ("core", "portal", "plugins") for source in (root / part).rglob("fr/**/*.po")
    ]
    assert len(sources) >= 4
    for source in sources:
        with source.open("rb") as text:
            yield [_forms(entry.string) for entry in read_po(text) if entry.id]


def _forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return text if isinstance(text, tuple) else (text,)
