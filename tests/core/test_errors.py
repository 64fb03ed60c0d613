"""What goes wrong gets a kind page in the reader's language, whatever is broken."""

from types import ModuleType

import pytest
import sqlalchemy.exc
from flask import Blueprint, Flask
from sqlalchemy.orm.exc import StaleDataError

from core import access, errors, registry
from core.api import Plugin, needs
from core.db import db
from core.models import PluginFault
from core.testing import Town

faulty = Blueprint("faulty", __name__, url_prefix="/faulty")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the engine."""
    return sqlite_url


@faulty.get("/<word>")
@needs("core.read")
def fail(word: str) -> str:
    raise {
        "value": ValueError("Secret-Word-9"),
        "locked": sqlalchemy.exc.OperationalError("SELECT", {}, Exception("database is locked")),
        "pool": sqlalchemy.exc.TimeoutError("no connection"),
        "number": sqlalchemy.exc.DataError("SELECT", {}, Exception("out of range")),
        "stale": StaleDataError("meanwhile"),
        "refused": access.Refused("The space is closed."),
        "forbidden": access.Forbidden("core.read"),
    }[word]


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    """A plugin whose view fails in many ways."""
    module = ModuleType("faulty_plugin.plugin")
    module.__file__ = __file__
    module.plugin = Plugin(  # type: ignore[attr-defined]
        name="faulty",
        title="Faulty",
        summary="Fails.",
        version="1",
        table_prefix="faulty",
        paths=("/faulty",),
        blueprints=(faulty,),
    )
    return {"faulty": module}


@pytest.mark.parametrize(
    ("language", "title"), [("en", "There is nothing here"), ("fr", "Il n’y a rien ici")]
)
def test_an_unknown_page_says_so_in_both_languages(town: Town, language: str, title: str) -> None:
    page = town.browser().get("/nothing", headers={"Accept-Language": language})
    assert page.status_code == 404
    assert f"<h1>{title}</h1>" in page.text
    assert f'<html lang="{language}">' in page.text
    assert 'href="/"' in page.text


def test_a_wrong_method_is_told_which_are_right(town: Town) -> None:
    page = town.browser().get("/language")
    assert page.status_code == 405
    assert set(page.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize(
    ("word", "status", "words"),
    [
        ("value", 500, "The plugin “Faulty” has a fault"),
        ("locked", 503, "The portal is very busy"),
        ("pool", 503, "The portal is very busy"),
        ("number", 400, "We could not read this request"),
        ("refused", 422, "The space is closed."),
        ("stale", 409, "Somebody else was faster"),
        ("forbidden", 403, "You may not do this"),
    ],
)
def test_each_failure_has_its_page(town: Town, word: str, status: int, words: str) -> None:
    page = town.browser("ana").get(f"/faulty/{word}")
    assert page.status_code == status
    assert words in page.text
    assert "Secret-Word-9" not in page.text
    assert ("Retry-After" in page.headers) == (status == 503)


def test_staff_see_which_plugin_failed_and_where(town: Town) -> None:
    town.browser().get("/faulty/value")
    (fault,) = town.run(lambda: db.session.scalars(db.select(PluginFault)).all())
    assert (fault.plugin, fault.what) == ("faulty", "ValueError")
    assert "faulty.fail" in fault.place
    assert "Secret-Word-9" not in fault.trace


def test_a_part_that_is_switched_off_says_that_and_nothing_else(town: Town) -> None:
    town.run(lambda: registry.current().switch("faulty", False))
    for path in ("/faulty/value", "/faulty/no/such/page"):
        page = town.browser().get(path)
        assert page.status_code == 404
        assert "switched off" in page.text
    assert "switched off" not in town.browser().get("/nothing").text


def test_other_clients_than_browsers_get_what_they_read(town: Town) -> None:
    browser = town.browser()
    data = browser.get("/nothing", headers={"Accept": "application/json"})
    assert (data.status_code, data.json) == (404, {"error": "There is nothing here"})
    text = browser.get("/nothing", headers={"Accept": "text/plain"})
    assert (text.mimetype, text.text) == ("text/plain", "There is nothing here\n")
    assert browser.get("/nothing", headers={"Accept": "*/*"}).mimetype == "text/html"


def test_a_page_is_drawn_even_without_a_database(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = town.browser()

    def away(*_: object, **__: object) -> None:
        raise sqlalchemy.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(db.session, "execute", away)
    page = browser.get("/")
    assert page.status_code == 503
    assert "<h1>The portal is very busy</h1>" in page.text
    assert page.headers["Retry-After"]
    health = browser.get("/healthz")
    assert health.status_code == 503
    assert health.json["checks"]["database"]["ok"] is False


@pytest.mark.parametrize("code", [400, 403, 404, 405, 409, 413, 414, 418, 429, 500, 502, 503])
def test_every_status_has_words(app: Flask, code: int) -> None:
    with app.test_request_context("/"):
        title, sentence = errors._words(code)
    assert title
    assert sentence
