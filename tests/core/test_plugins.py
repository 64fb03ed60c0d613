"""Plugins at run time: the switch, the gate, hooks that fail, and two processes on one database."""

from __future__ import annotations

import asyncio
import decimal
import itertools
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dummy_plugin.plugin as dummy
import pytest
import sqlalchemy as sa
from dummy_plugin.models import Idea, Line
from dummy_plugin.trouble import trouble
from flask import Response, after_this_request, g, request, session
from flask.globals import app_ctx, request_ctx
from flask_babel.speaklater import LazyString
from werkzeug.exceptions import NotFound

from core import access, api, create_app, jobs, mail, registry, security, settings
from core.checks import PluginError
from core.db import db, reading, write
from core.models import Entry, Mail, PluginFault, PluginState, Space
from core.spaces.actions import set_members
from core.testing import Browser, Town
from ops import server, worker
from portal.notices import mailing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from flask import Flask


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    return {"dummy": dummy}


@pytest.fixture(autouse=True)
def _no_trouble(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let nothing be slow, on a busy machine too, and nothing fail unless a test says so."""
    monkeypatch.setattr(registry, "SLOW_MILLISECONDS", 60_000)
    yield
    trouble.clear()


@pytest.fixture
def workshop(town: Town) -> int:
    """Return the id of a public workshop that ana leads, with one idea of hers."""
    ana = town.browser("ana", "agent")
    shown = ana.submit("/dummy/new", name="Mending workshop", room="Hall", visibility="public")
    space_id = int(shown.location.rstrip("/").rpartition("/")[2])
    ana.submit(f"/dummy/{space_id}/say", title="A shared drill", body="One for all of us.", place="Cellar")
    return space_id


def switch(town: Town, on: bool) -> None:
    """Switch the dummy plugin as the command line does."""
    town.run(lambda: registry.current().switch("dummy", on))


def faults(town: Town) -> list[tuple[str, str]]:
    """Return place and kind of the faults that staff see."""
    rows = sa.select(PluginFault.place, PluginFault.what).order_by(PluginFault.id)
    return town.run(lambda: [(place, what.partition(":")[0]) for place, what in db.session.execute(rows)])


def fail() -> None:
    """Raise what no plugin should."""
    raise ZeroDivisionError


# The switch and the gate


@pytest.mark.parametrize(
    "path", ["/dummy/", "/dummy", "/dummy/1/", "/dummy/unknown", "/dummy//", "/dummy/ledger"]
)
def test_off_means_that_no_path_of_the_plugin_answers(town: Town, workshop: int, path: str) -> None:
    ana = town.browser("ana")
    before = ana.get(path).status_code
    switch(town, on=False)
    assert ana.get(path).status_code == 404
    assert ana.client.delete(path).status_code == 404
    switch(town, on=True)
    assert ana.get(path).status_code == before


def test_a_switch_hides_spaces_entries_links_and_blocks_until_switched_back(
    town: Town, workshop: int
) -> None:
    ana = town.browser("ana")
    shown = ana.get("/").text
    assert "A shared drill" in shown
    assert 'href="/dummy/"' in shown
    assert "Dummy panel on home" in shown
    switch(town, on=False)
    for path in ("/", "/spaces", "/people/ana", "/feed.atom"):
        hidden = ana.get(path)
        assert hidden.status_code == 200
        for words in ("A shared drill", "Mending workshop", 'href="/dummy/"', "Dummy panel"):
            assert words not in hidden.text
    switch(town, on=True)
    assert "A shared drill" in ana.get("/").text


def test_the_permalink_of_an_entry_says_that_its_plugin_is_off_and_no_title(
    town: Town, workshop: int
) -> None:
    [entry_id] = town.run(lambda: db.session.scalars(sa.select(Idea.entry_id)).all())
    ana = town.browser("ana")
    assert "A shared drill" in ana.get(f"/posts/{entry_id}").text
    switch(town, on=False)
    page = ana.get(f"/posts/{entry_id}")
    assert page.status_code == 404
    assert "A shared drill" not in page.text
    assert "switched off" in page.text


def test_switching_deletes_nothing(town: Town, workshop: int) -> None:
    def rows() -> list[int]:
        return [
            db.session.scalar(sa.select(sa.func.count()).select_from(model)) for model in (Space, Entry, Idea)
        ]

    before = town.run(rows)
    switch(town, on=False)
    assert town.run(rows) == before


def test_off_its_hooks_are_silent_except_for_those_of_installed_plugins(town: Town) -> None:
    switch(town, on=False)
    town.person("newcomer")
    lines = town.run(lambda: db.session.scalars(sa.select(Line.text)).all())
    assert "dummy off" in lines
    assert [line for line in lines if line.startswith("joined")]
    assert not [line for line in lines if line.startswith("published")]


def test_hooks_are_heard_when_an_entry_is_published_and_changed(town: Town, workshop: int) -> None:
    lines = town.run(lambda: db.session.scalars(sa.select(Line.text)).all())
    assert [line for line in lines if line.startswith("published dummy.idea")]


def test_a_kind_of_space_that_is_not_listed_stays_out_of_the_list(
    town: Town, workshop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = town.browser("ana")
    zoe = town.browser()
    assert "Mending workshop" in ana.get("/spaces").text
    assert "Mending workshop" in zoe.get("/").text.partition("<aside")[2]
    with monkeypatch.context() as patch:
        patch.setitem(vars(dummy.plugin.space_kinds[0]), "listed", False)
        assert "Mending workshop" not in ana.get("/spaces").text
        assert "Mending workshop" not in zoe.get("/").text.partition("<aside")[2]
    assert ana.get(f"/dummy/{workshop}/").status_code == 200


def test_two_processes_see_a_switch_at_their_next_request(town: Town, workshop: int, app: Flask) -> None:
    other = Town(create_app(app.config["PARVIS"], {"dummy": dummy}))
    there = other.browser()
    assert there.get("/dummy/").status_code == 200
    assert "A shared drill" in there.get("/").text
    switch(town, on=False)
    assert there.get("/dummy/").status_code == 404
    home = there.get("/")
    assert home.status_code == 200
    assert "A shared drill" not in home.text
    switch(town, on=True)
    assert there.get("/dummy/").status_code == 200
    with other.app.app_context():
        db.engine.dispose()


def test_a_switch_that_is_rolled_back_leaves_no_trace_in_the_process(town: Town) -> None:
    def give_up() -> None:
        with write():
            registry.current().switch("dummy", False)
            assert "dummy" not in registry.current().enabled()
            raise LookupError

    with pytest.raises(LookupError):
        town.run(give_up)
    assert town.browser().get("/dummy/").status_code == 200


def test_a_path_belongs_to_a_plugin_however_it_is_spelt(town: Town) -> None:
    owner = town.run(lambda: registry.current().owner)
    assert {owner(path) for path in ("/dummy", "/dummy/", "//dummy//x", "/dummy/1/y")} == {"dummy"}
    assert {owner(path) for path in ("/", "/dummies", "/spaces/dummy", "")} == {None}


def test_a_switch_that_the_database_refuses_leaves_no_trace_in_the_process(
    town: Town, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_session: object) -> None:
        raise sa.exc.OperationalError("COMMIT", {}, OSError("disk full"))

    other = Town(create_app(app.config["PARVIS"], {"dummy": dummy}))
    ana, there = town.browser("ana", "agent"), other.browser()
    assert ana.get("/dummy/").status_code == there.get("/dummy/").status_code == 200
    trouble["plugin_switched"] = settings.town  # which reads what the write may not keep
    with monkeypatch.context() as patch:
        patch.setattr("core.db.FlaskSession.commit", refuse)
        assert ana.submit("/admin/plugins/dummy/switch", on="0", sure="1").status_code == 503
    trouble.clear()
    other.run(lambda: registry.current().switch("dummy", False))
    assert there.get("/dummy/").status_code == 404
    assert ana.get("/dummy/").status_code == 404
    with other.app.app_context():
        db.engine.dispose()


def test_what_is_off_says_nothing_by_its_blueprint_either(town: Town, app: Flask) -> None:
    heard: list[str] = []
    blueprint = dummy.plugin.blueprints[0].name
    app.error_handler_spec[blueprint][404][NotFound] = lambda _error: ("it speaks", 200)
    app.after_request_funcs[blueprint].append(lambda answer: heard.append("after") or answer)
    app.teardown_request_funcs[blueprint].append(lambda _error: heard.append("teardown"))
    visitor = town.browser()
    assert visitor.get("/dummy/").status_code == 200
    assert heard == ["after", "teardown"]
    heard.clear()
    switch(town, on=False)
    answer = visitor.get("/dummy/")
    assert (answer.status_code, "it speaks" in answer.text, heard) == (404, False, [])


# Plugins that fail


@pytest.mark.parametrize("place", ["panels", "decorate_entries", "load dummy.idea", "space url", "tab"])
def test_a_failing_part_never_takes_a_page_of_the_core_down(
    town: Town, workshop: int, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "FAILURES_ALLOWED", 1_000)
    [entry_id] = town.run(lambda: db.session.scalars(sa.select(Idea.entry_id)).all())
    ana = town.browser("ana")
    space = (f"/spaces/{workshop}", f"/spaces/{workshop}/about", f"/posts/{entry_id}")
    pages = ("/", "/spaces", "/people/ana", "/feed.atom", "/admin", *space)
    for nonsense in (fail, lambda: 42, lambda: [object()], lambda: "words"):
        trouble[place] = nonsense
        answers = {path: ana.get(path).status_code for path in pages}
        assert set(answers.values()) <= {200, 302}, answers
    assert (place, "ZeroDivisionError") in faults(town)


def test_a_hook_cannot_end_the_process(town: Town) -> None:
    trouble["panels"] = sys.exit
    assert town.browser().get("/").status_code == 200
    assert faults(town) == [("panels", "SystemExit")]


def test_a_failing_hook_loses_its_own_part_and_staff_see_which(town: Town) -> None:
    trouble["panels"] = fail
    home = town.browser().get("/")
    assert home.status_code == 200
    assert "Dummy panel" not in home.text
    assert faults(town) == [("panels", "ZeroDivisionError")]
    page = town.browser("ana", "agent").get("/admin/plugins/dummy").text
    assert "panels" in page
    assert "ZeroDivisionError" in page


def test_a_hook_that_fails_in_a_write_loses_its_rows_and_not_the_entry(town: Town, workshop: int) -> None:
    trouble["entry_published"] = fail
    ana = town.browser("ana")
    ana.submit(f"/dummy/{workshop}/say", title="A shared saw", body="Sharp.")
    titles = town.run(lambda: db.session.scalars(sa.select(Entry.title)).all())
    assert "A shared saw" in titles
    lines = town.run(lambda: db.session.scalars(sa.select(Line.text)).all())
    assert len([line for line in lines if line.startswith("published")]) == 1
    assert faults(town) == [("entry_published", "ZeroDivisionError")]


def test_a_hook_that_breaks_the_database_transaction_does_not_break_the_page(town: Town) -> None:
    trouble["panels"] = lambda: db.session.execute(sa.text("SELECT nothing FROM nowhere"))
    assert town.browser().get("/").status_code == 200
    assert [place for place, _what in faults(town)] == ["panels"]


def test_a_hook_that_hides_a_broken_transaction_does_not_break_the_page(town: Town) -> None:
    def hide() -> list[api.Panel]:
        with suppress(sa.exc.DBAPIError):
            db.session.execute(sa.text("SELECT nothing FROM nowhere"))
        return []

    trouble["panels"] = hide
    assert town.browser().get("/").status_code == 200
    assert faults(town) == [("panels", "FailureUnsaid")]


def test_a_hook_that_changes_something_while_reading_is_stopped(town: Town) -> None:
    trouble["panels"] = lambda: db.session.add(Line(text="stray"))
    assert town.browser().get("/").status_code == 200
    assert "stray" not in town.run(lambda: db.session.scalars(sa.select(Line.text)).all())
    assert faults(town) == [("panels", "WriteOutsideBoundary")]


def test_a_hook_that_writes_while_somebody_reads_is_stopped(town: Town) -> None:
    def publish() -> list[api.Panel]:
        with write():
            db.session.add(Line(text="stray"))
        return []

    trouble["panels"] = publish
    assert town.browser().get("/").status_code == 200
    assert "stray" not in town.run(lambda: db.session.scalars(sa.select(Line.text)).all())
    assert faults(town) == [("panels", "WriteOutsideBoundary")]


def end_session(end: str) -> None:
    """Do to the session what only its owner may."""
    getattr(db.session if end == "remove" else db.session(), end)()


ENDS = ("commit", "rollback", "close", "reset", "invalidate", "expunge_all", "remove")


@pytest.mark.parametrize("end", ENDS)
def test_a_hook_cannot_end_the_write_that_it_is_called_in(town: Town, workshop: int, end: str) -> None:
    trouble["entry_published"] = lambda: end_session(end)
    town.browser("ana").submit(f"/dummy/{workshop}/say", title="A shared saw", body="Sharp.", place="Cellar")
    ideas = sa.select(Entry.title, Idea.place).join(Idea, Idea.entry_id == Entry.id)
    assert ("A shared saw", "Cellar") in town.run(lambda: list(map(tuple, db.session.execute(ideas))))
    lines = town.run(lambda: db.session.scalars(sa.select(Line.text)).all())
    assert len([line for line in lines if line.startswith("published")]) == 1, "its own rows are gone"
    assert faults(town) == [("entry_published", "WriteOutsideBoundary")]


def test_a_write_that_fails_after_a_hook_wanted_to_commit_leaves_nothing(town: Town, workshop: int) -> None:
    def publish_and_fail() -> None:
        with write():
            api.publish(db.session.get(Space, workshop), "Sharp.", "A shared saw", "dummy.idea")
            raise LookupError

    trouble["entry_published"] = lambda: db.session.commit()
    with pytest.raises(LookupError):
        town.run(publish_and_fail, "ana")
    assert "A shared saw" not in town.run(lambda: db.session.scalars(sa.select(Entry.title)).all())


def test_what_a_hook_does_after_the_write_is_its_own_to_fail_at(town: Town, workshop: int) -> None:
    done: list[str] = []

    def fail_later() -> None:
        api.after_commit(lambda: done.append("after"))
        api.after_commit(fail)

    trouble["entry_published"] = fail_later
    ana, form = town.browser("ana"), {"title": "A shared saw", "body": "Sharp."}
    assert ana.submit(f"/dummy/{workshop}/say", **form).status_code == 302
    assert done == ["after"]
    assert faults(town) == [("entry_published", "ZeroDivisionError")]

    def fail_at_once() -> None:
        fail_later()
        fail()

    trouble["entry_published"] = fail_at_once
    assert ana.submit(f"/dummy/{workshop}/say", **{**form, "body": "Blunt."}).status_code == 302
    assert done == ["after"], "what the hook wrote is undone, and so is this"


@pytest.mark.parametrize("end", ENDS)
def test_a_hook_takes_nothing_from_the_page_that_it_is_called_in(town: Town, workshop: int, end: str) -> None:
    trouble["tab"] = trouble["panels"] = lambda: end_session(end)
    page = town.browser().get(f"/spaces/{town.space('Square', 'ana')}")
    assert page.status_code == 200
    assert "Square" in page.text
    assert set(faults(town)) == {(place, "WriteOutsideBoundary") for place in ("tab", "panels")}


UNENDED = (
    *("<!--", "<!-- a --><!-- b", "<p>a</p><TextArea>", "<script>a", "<style>a</script>", '<a href="'),
    *('<a title=">', "<p class='>", "<svg><![CDATA[", "<noembed>", "<noframes>", '<!--><b title="-->'),
    *("<script><!--<script></script>", '<base href="/x">', '<meta http-equiv="refresh" content="0">'),
    *('<textarea><a title="</textarea><b title=\'"></textarea>', '<a\u00a0title="><b title=\'">'),
    *("<select>", '<select><option title="</select>">', "<svg><style><a title='</style>", "<br", "a <"),
    *(
        "<table><tr><td>",
        "<svg><desc>",
        "<form action=/x>",
        "<a href=/x>",
        "<p>a<p>b",
        "</div>",
        "<b><p></b></p>",
    ),
    *("<svg><foreignObject></foreignObject></svg>", "<math><mi></mi></math>", "<div/>", "<svg><a/></svg>"),
    *("<select><div><input></div></select>", "<button><div><button></button></div></button>"),
    *(
        "<li><div><li></li></div></li>",
        "<dd><p><dt></dt></p></dd>",
        "<table><div><table></table></div></table>",
    ),
    *("<h2><div><h3></h3></div></h2>", "<select>" + "<option value=/a/>x" * 40, "<b>" * 200 + "</b>" * 200),
    "<textarea>x</textarea\x0b>",
    "<svg><main><b></b></main><circle hidden/></svg>",
    "<svg><br><circle/></svg>",
    "<table><caption><main><tr></tr></main></caption></table>",
    "<table><td><tr><div><table></table></div></tr></td></table>",
    "<form><li><form></form></li></form>",
    "<template><tr></tr></template>",
)
ENDED = (
    *(
        "<!-- a -->",
        "<p>a</p><P>b</P>",
        "<script>1 < 2</script>",
        "<textarea>a</textarea>",
        "1 < 2 & 3",
        "<br>",
    ),
    *("<br/>", '<a href="/x?a=1&b=2" title="1 > 2" hidden data-a=\'"\'>a</a>', "<a href=/x/>a</a>"),
    *("<select name=a><option selected>b</option></select>", "<svg><title>a</title><path d='M0 0'/></svg>"),
    *(
        "<ul><li>a<ul><li>b</li></ul></li></ul>",
        "<table><tr><td><table><tr><td>a</td></tr></table></td></tr></table>",
    ),
    '<svg viewBox="0 0 1 1"><g/><title>a</title><use href="#i-check"/></svg>',
    '<dl><div><dt>a</dt><dd>b</dd></div></dl><a href = "/x">c</a>',
    '<form data-hx-post="/x"><label>a <input></label><button>c</button></form>',
    "<select><option>b</option><hr></select>",
)


@pytest.mark.filterwarnings("ignore:.*transaction already deassociated:sqlalchemy.exc.SAWarning")
def test_a_hook_that_closes_a_connection_loses_its_own_part_of_a_page(town: Town) -> None:
    town.browser("ana").submit(f"/spaces/{town.space('Square', 'ana')}/posts", body="Good morning.")
    for place in ("decorate_entries", "panels"):
        trouble[place] = lambda: db.session.connection().close()
    page = town.browser().get("/")
    assert page.status_code == 200
    assert "Good morning." in page.text
    assert faults(town) == [(place, "WriteOutsideBoundary") for place in ("decorate_entries", "panels")]


@pytest.mark.parametrize("place", ["decorate_entries", "panels"])
@pytest.mark.parametrize("raises", [False, True])
def test_who_closes_the_connection_of_a_page_is_said_and_out_at_once(
    town: Town, raises: bool, place: str
) -> None:
    def close() -> None:
        db.session.connection().connection.driver_connection.close()
        if raises:
            fail()

    town.browser("ana").submit(f"/spaces/{town.space('Square', 'ana')}/posts", body="Good morning.")
    trouble[place] = close
    page = town.browser().get("/")
    assert page.status_code == 200
    assert "Good morning." in page.text
    assert [at for at, _what in faults(town)] == [place]
    assert town.run(lambda: db.session.get(PluginState, "dummy").quarantined_at)
    assert "Good morning." in town.browser().get("/").text


def test_a_hook_that_closes_what_is_read_by_beside_breaks_no_page(town: Town) -> None:
    trouble["decorate_entries"] = trouble["panels"] = lambda: reading().close()
    town.browser("ana").submit(f"/spaces/{town.space('Square', 'ana')}/posts", body="Good morning.")
    assert "Good morning." in town.browser().get("/").text


TRANSACTION_ENDS = {
    "close": lambda: db.session.connection().close(),
    "rollback": lambda: db.session.connection().rollback(),
    "raw rollback": lambda: db.session.connection().connection.rollback(),
    "raw rollback, and on": lambda: (
        db.session.connection().connection.rollback(),
        db.session.execute(sa.text("SELECT 1")),
    ),
    "raw rollback, and raises": lambda: (db.session.connection().connection.rollback(), fail()),
    "invalidate": lambda: db.session.connection().invalidate(),
}


@pytest.mark.filterwarnings("ignore:.*transaction already deassociated:sqlalchemy.exc.SAWarning")
@pytest.mark.parametrize("end", TRANSACTION_ENDS)
def test_who_ends_a_write_by_its_connection_is_said_and_out_at_once(town: Town, end: str) -> None:
    trouble["entry_published"] = TRANSACTION_ENDS[end]
    space, ana = town.space("Square", "ana"), town.browser("ana")
    lost = ana.submit(f"/spaces/{space}/posts", body="A shared saw.")
    assert lost.status_code == 500
    assert "The plugin “Workshops” has a fault." in lost.text
    assert "What you sent may not be kept: go back and send it again." in lost.text
    bodies = sa.select(Entry.body)
    assert town.run(lambda: db.session.scalars(bodies).all()) == []
    assert [place for place, _what in faults(town)] == ["entry_published"]
    assert town.run(lambda: db.session.get(PluginState, "dummy").quarantined_at)
    assert ana.submit(f"/spaces/{space}/posts", body="A shared saw.").status_code == 302
    assert town.run(lambda: db.session.scalars(bodies).all()) == ["A shared saw."]


def test_a_hook_that_hides_a_broken_statement_in_a_write_loses_its_rows_alone(town: Town) -> None:
    def hide() -> None:
        with suppress(sa.exc.DBAPIError):
            db.session.execute(sa.text("SELECT nothing FROM nowhere"))

    trouble["entry_published"] = hide
    posted = town.browser("ana").submit(f"/spaces/{town.space('Square', 'ana')}/posts", body="A shared saw.")
    assert posted.status_code == 302
    assert town.run(lambda: db.session.scalars(sa.select(Entry.body)).all()) == ["A shared saw."]


CONTEXTS = {
    "pushed": lambda: request_ctx.push(),
    "application pushed": lambda: app_ctx.push(),
    **{
        f"{context}.{name}": lambda of=of, name=name: setattr(of._get_current_object(), name, None)
        for context, of, names in (
            ("application", app_ctx, ("app", "g", "_cv_tokens")),
            ("request", request_ctx, ("request", "_session", "_cv_tokens", "_after_request_functions")),
        )
        for name in names
    },
    "url_rule": lambda: setattr(request._get_current_object(), "url_rule", None),  # type: ignore[attr-defined]
    "environ": lambda: setattr(request._get_current_object(), "environ", None),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("what", CONTEXTS)
def test_what_a_hook_does_to_the_contexts_of_flask_ends_with_it(town: Town, what: str) -> None:
    space, ana = town.space("Square", "ana"), town.browser("ana")
    for place in ("panels", "decorate_entries", "entry_published"):
        trouble[place] = CONTEXTS[what]
    said = ana.submit(f"/spaces/{space}/posts", body="Good morning.")
    assert said.status_code == 302
    page = town.browser().get(f"/spaces/{space}")
    assert page.status_code == 200
    assert "Good morning." in page.text
    assert {place for place, _what in faults(town)} == {"panels", "decorate_entries", "entry_published"}


def test_the_session_that_a_hook_sees_is_a_copy(town: Town) -> None:
    ana = town.person("ana", "administrator")

    def become_ana() -> None:
        mine: Any = session._get_current_object()  # type: ignore[attr-defined]
        mine.on_update = lambda this: dict.update(this, _user_id=str(ana), _fresh=True)
        mine["seen"] = True

    trouble["panels"] = become_ana
    visitor = town.browser()
    assert visitor.get("/").status_code == 200
    assert visitor.get("/admin").status_code == 302
    assert faults(town) == [("panels", "AnswerTouched")]


def test_what_cant_even_be_compared_or_read_costs_a_hook_its_own_part(town: Town) -> None:
    class Evil(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            raise LookupError

        __hash__ = None  # type: ignore[assignment]

    class Unreadable(Exception):
        def __getattribute__(self, name: str) -> Any:
            raise LookupError

    def fail_unreadably() -> None:
        raise Unreadable

    for spoil in (lambda: session.update(seen=Evil()), fail_unreadably):
        trouble["panels"] = spoil
        assert town.browser().get("/").status_code == 200
    assert {place for place, _what in faults(town)} == {"panels"}


def test_a_hook_whose_error_has_no_name_loses_its_own_part(town: Town) -> None:
    class Nameless(type):
        @property
        def __name__(cls) -> str:  # type: ignore[override]
            raise LookupError

    class Failure(Exception, metaclass=Nameless):
        pass

    def fail_namelessly() -> None:
        raise Failure

    trouble["panels"] = fail_namelessly
    assert town.browser().get("/").status_code == 200
    assert faults(town) == [("panels", "Failure")]


def test_a_hook_leaves_the_request_alone(town: Town) -> None:
    trouble["panels"] = lambda: request.environ.clear() or []
    assert town.browser().get("/").status_code == 200
    assert faults(town) == [("panels", "AnswerTouched")]


@pytest.mark.parametrize("place", ["panels", "index"])
def test_a_precision_that_a_plugin_chooses_for_its_numbers_ends_with_its_work(town: Town, place: str) -> None:
    def count() -> list[api.Panel]:
        decimal.getcontext().prec = 1
        return []

    trouble[place] = count
    before = decimal.getcontext().prec
    ana = town.browser("ana", "administrator")
    for path in ("/", "/dummy/", "/admin"):
        assert ana.get(path).status_code == 200, path
    assert town.browser().get("/about/permissions").status_code == 200
    assert decimal.getcontext().prec == before


def test_who_reads_is_nothing_that_a_hook_changes_for_the_page(town: Town) -> None:
    def look() -> bool:
        list(registry.current().call("panels", place="home", subject=None))
        return access.viewer() is access.SYSTEM

    trouble["panels"] = lambda: access.enter(access.SYSTEM) and []
    town.browser("ana")
    assert not town.run(look, "ana")


@pytest.mark.parametrize("html", UNENDED)
def test_html_that_takes_in_the_rest_of_a_page_is_left_out_and_named(town: Town, html: str) -> None:
    trouble["panels"] = lambda: [api.Panel("Bells", html)]
    town.browser("ana").submit(f"/spaces/{town.space('Square', 'ana')}/posts", body="Good morning.")
    assert "Bells" not in town.browser().get("/").text
    assert faults(town) == [("panels", "TypeError")]


@pytest.mark.parametrize("html", ENDED)
def test_html_that_is_whole_is_drawn(town: Town, html: str) -> None:
    trouble["panels"] = lambda: [api.Panel("Bells", html)]
    assert html in town.browser().get("/").text
    assert faults(town) == []


def test_a_hook_that_fails_within_another_plugins_hook_is_named_alone(town: Town, workshop: int) -> None:
    trouble["decorate_entries"] = fail
    trouble["panels"] = lambda: api.cards(api.page().entries) and []
    assert town.browser().get("/about/permissions").status_code == 200
    assert town.browser().get("/").status_code == 200
    assert {place for place, _what in faults(town)} == {"decorate_entries"}


def test_a_failing_check_holds_the_entry(town: Town, workshop: int) -> None:
    trouble["check_entry"] = fail
    town.browser("ana").submit(f"/dummy/{workshop}/say", title="A shared saw", body="Sharp.")
    state = town.run(lambda: db.session.scalar(sa.select(Entry.state).where(Entry.title == "A shared saw")))
    assert state == "pending"


def test_a_failing_page_names_the_module_and_is_no_ground_for_quarantine(town: Town) -> None:
    trouble["index"] = fail
    visitor = town.browser()
    for _ in range(7):
        page = visitor.get("/dummy/")
        assert page.status_code == 500
    assert "Workshops" in page.text
    assert faults(town) == [("dummy.index", "ZeroDivisionError")]
    assert visitor.get("/").status_code == 200
    trouble.clear()
    assert visitor.get("/dummy/").status_code == 200


def raises(error: BaseException) -> Callable[[], Any]:
    """What a part of a plugin does that raises this."""

    def work() -> Any:
        raise error

    return work


ENDS = {
    **{one.__name__: raises(one()) for one in (SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError)},
    "no table": lambda: db.session.execute(sa.text("SELECT 1 FROM dummy_nowhere"), execution_options=RAW),
}
RAW = {"guarded": True}


@pytest.mark.parametrize("how", ENDS)
def test_a_page_may_end_in_any_way_and_staff_see_whose_it_was(town: Town, how: str) -> None:
    trouble["index"] = ENDS[how]
    assert town.browser().get("/dummy/").status_code in (500, 503)
    assert [place for place, _what in faults(town)] == ["dummy.index"]
    trouble.clear()
    assert town.browser().get("/dummy/").status_code == 200


ANSWERS = {"nothing": None, "no status": ("x", 99), "nonsense": ("x", "y"), "broken off": lambda: broken()}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_page_may_answer_anything_and_staff_see_whose_it_was(
    town: Town, app: Flask, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = api.needs("core.read")(lambda: Response(broken()) if callable(answer) else answer)
    monkeypatch.setitem(app.view_functions, "dummy.index", view)
    assert town.browser().get("/dummy/").status_code == 500
    assert [place for place, _what in faults(town)] == ["dummy.index"]


def broken() -> Iterator[str]:
    """An answer that breaks off while it is made."""
    yield "a beginning"
    raise LookupError("the rest")


class Hostile(str):  # noqa: SLOT000
    """A text that raises as soon as it is looked at."""

    def __eq__(self, other: object) -> bool:
        raise LookupError

    __hash__ = str.__hash__

    def __format__(self, spec: str) -> str:
        raise LookupError

    def __html__(self) -> str:
        raise LookupError


class Heavy(int):
    """A number that can't be put in order."""

    def __lt__(self, other: object) -> bool:
        raise LookupError


def test_an_answer_is_taken_in_types_that_the_core_knows(town: Town) -> None:
    trouble["panels"] = lambda: [
        api.Panel(Hostile("A plain title"), Hostile("<p>Plain words</p>"), Heavy(weight)) for weight in (2, 1)
    ]
    page = town.browser().get("/")
    assert page.status_code == 200
    assert page.text.count("<p>Plain words</p>") == 2
    assert page.text.count("A plain title") == 2


class Odd(api.Panel):
    """A panel that looks like one until it is drawn."""


UNFITTING = {
    "of a class of its own": (lambda: [Odd("Title", "")], "TypeError"),
    "long": (lambda: [api.Panel("Title", "x" * 300_000)] * 2, "AnswerTooLong"),
    "many": (lambda: [api.Panel("Title", "")] * 600_000, "AnswerTooLong"),
}


@pytest.mark.parametrize("how", UNFITTING)
def test_an_answer_that_a_page_cannot_hold_is_left_out_and_named(town: Town, how: str) -> None:
    trouble["panels"], named = UNFITTING[how]
    page = town.browser().get("/")
    assert page.status_code == 200
    assert len(page.text) < 100_000
    assert ("panels", named) in faults(town)


def of_request() -> dict[str, Any]:
    """What Flask's `g` holds."""
    return vars(g._get_current_object())  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", ["emptied", "replaced"])
def test_a_hook_leaves_what_a_request_remembers_alone(town: Town, how: str) -> None:
    trouble["panels"] = {
        "emptied": lambda: [of_request().clear()][:0],
        "replaced": lambda: [of_request().update(dict.fromkeys(of_request(), Hostile("x")))][:0],
    }[how]
    ana = town.browser("ana")
    assert [ana.get("/").status_code for _ in range(2)] == [200, 200]
    assert {place for place, _what in faults(town)} == {"panels"}
    assert "Ana" in ana.get("/").text


@pytest.mark.parametrize(
    "made",
    [["x"] * 3, "\ud800", "a" * 41, 7, Hostile("x")],
    ids=["list", "surrogate", "long", "number", "hostile"],
)
def test_a_hook_makes_no_token_of_its_own(town: Town, made: Any) -> None:
    trouble["panels"] = lambda: [session.update(csrf_token=made)][:0]
    visitor = town.browser()
    assert visitor.get("/").status_code == 200
    trouble.clear()
    assert [visitor.get(path).status_code for path in ("/", "/sign-in", "/spaces")] == [200, 200, 200]
    assert ("panels", "AnswerTouched") in faults(town)


def test_a_hook_chooses_no_word_that_guards_a_page(town: Town) -> None:
    chosen = {"nonce": "evil'; script-src *", "csrf_token": "chosen"}
    trouble["panels"] = lambda: [of_request().update(chosen)][:0]
    page = town.browser("ana").get("/")
    assert "evil" not in page.headers["Content-Security-Policy"]
    assert "chosen" not in page.text


def test_what_a_hook_remembers_in_a_request_is_gone_after_it(town: Town) -> None:
    seen: list[dict[str, Any]] = []
    trouble["decorate_entries"] = lambda: of_request().update(csrf_valid=True, left="here")
    trouble["panels"] = lambda: [seen.append(dict(of_request()))][:0]
    space = town.space("Square", "ana")
    town.browser("ana").submit(f"/spaces/{space}/posts", _page="/me", body="A bench")
    assert town.browser("ana").get(f"/spaces/{space}").status_code == 200
    assert seen
    assert not seen[-1].keys() & {"csrf_valid", "left"}
    assert faults(town) == []


def test_a_form_drawn_in_a_hook_makes_no_session_where_no_page_is_drawn(town: Town) -> None:
    trouble["decorate_entries"] = lambda: [security.token()][1:] or None
    space = town.space("Square", "ana")
    town.browser("ana").submit(f"/spaces/{space}/posts", _page="/me", body="A bench")
    visitor, bob = town.browser(), fresh(town, "bob")
    for browser in (visitor, bob):
        for feed in ("/feed.atom", f"/spaces/{space}/feed.atom"):
            answer = browser.get(feed)
            assert (answer.status_code, "A bench" in answer.text) == (200, True)
            assert "Set-Cookie" not in answer.headers
    assert "Set-Cookie" in visitor.get(f"/spaces/{space}").headers
    assert bob.submit("/posts/1/support", _page="/").status_code in (302, 303)


def test_what_a_plugin_tells_a_team_is_read_and_mailed_while_one_is_on_that_team(
    town: Town, workshop: int
) -> None:
    people = {name: town.person(name, language="en") for name in ("marc", "bob")}

    def become(**roles: str) -> None:
        held = {people[name]: role for name, role in roles.items()}
        town.run(lambda: set_members(db.session.get(Space, workshop), "test", held))

    def told(name: str) -> bool:
        return "assessed “A shared drill”" in town.browser(name).get("/notices").text

    become(marc="lead", bob="member")
    idea = town.run(lambda: db.session.scalar(sa.select(Entry.id).where(Entry.kind == "dummy.idea")))
    assert town.browser("ana").submit(f"/dummy/ideas/{idea}/assess", text="Good").status_code == 302
    jobs.run_due(town.app)
    assert (told("marc"), told("bob")) == (True, False)
    become(marc="member", bob="member")
    town.run(mailing.mail_due)
    assert (told("marc"), told("bob")) == (False, False)
    assert town.browser("marc").get(f"/posts/{idea}").status_code == 200, "the idea itself is public"
    assert not any(town.run(lambda: [mail.written(row) for row in db.session.scalars(sa.select(Mail))]))
    become(marc="lead", bob="member")
    assert (told("marc"), told("bob")) == (True, False)


@pytest.mark.parametrize("what", ["session", "emptied", "after"])
def test_a_hook_leaves_the_session_and_the_answer_alone(town: Town, what: str) -> None:
    trouble["panels"] = {
        "session": lambda: session.update(seen={1, 2}),
        "emptied": lambda: session.clear(),
        "after": lambda: [after_this_request(fail)][:0],
    }[what]
    ana = town.browser("ana")
    assert [ana.get("/").status_code for _ in range(2)] == [200, 200]
    assert ana.get("/me").status_code == 200, "ana is still signed in"
    assert ("panels", "AnswerTouched") in faults(town)


def fresh(town: Town, name: str) -> Browser:
    """Return a browser in which somebody just signed in and no form was drawn yet."""
    browser = town.browser(name)
    with browser.client.session_transaction() as session:
        del session["csrf_token"]
    browser.token = ""
    return browser


@pytest.mark.parametrize("ends", [list, fail])
def test_a_form_drawn_in_a_hook_leaves_the_other_forms_of_its_page_good(
    town: Town, ends: Callable[[], None]
) -> None:
    trouble["panels"] = lambda: [security.token(), ends()][:0]
    space = town.space("Square", "ana")
    town.browser("ana").submit(f"/spaces/{space}/posts", _page="/me", body="A bench")
    bob = fresh(town, "bob")
    assert bob.submit("/posts/1/support", _page="/").status_code in (302, 303)
    assert faults(town) == ([("panels", "ZeroDivisionError")] if ends is fail else [])


def test_five_failures_in_a_row_mean_quarantine_and_staff_give_another_try(town: Town) -> None:
    trouble["panels"] = fail
    visitor, ana = town.browser(), town.browser("ana", "agent")
    for _ in range(4):
        visitor.get("/")
    assert visitor.get("/dummy/").status_code == 200
    visitor.get("/")
    assert visitor.get("/dummy/").status_code == 404
    shown = ana.get("/admin/plugins").text
    assert "quarantine" in shown
    trouble.clear()
    ana.submit("/admin/plugins/dummy/switch", _page="/admin/plugins", on="1")
    assert visitor.get("/dummy/").status_code == 200
    assert "quarantine" not in ana.get("/admin/plugins").text


def test_a_success_in_between_begins_the_count_again(town: Town) -> None:
    visitor = town.browser()
    for _ in range(2):
        trouble["panels"] = fail
        for _ in range(4):
            visitor.get("/")
        trouble.clear()
        visitor.get("/")
    assert visitor.get("/dummy/").status_code == 200


def test_a_plugin_that_protects_is_never_put_in_quarantine(
    town: Town, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(dummy.plugin, "protects", True)
    try:
        trouble["panels"] = fail
        visitor = town.browser()
        for _ in range(6):
            visitor.get("/")
        assert visitor.get("/dummy/").status_code == 200
    finally:
        object.__setattr__(dummy.plugin, "protects", False)


def test_a_slow_hook_is_named_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "SLOW_MILLISECONDS", 5)
    trouble["panels"] = lambda: time.sleep(0.02)
    visitor = town.browser()
    visitor.get("/")
    assert faults(town).count(("panels", "slow")) == 0  # the first call of a process is a cold one
    for _ in range(3):
        visitor.get("/")
    assert faults(town).count(("panels", "slow")) == 1
    worker.beat(town.app.config["PARVIS"])
    town.person("ada", "agent")
    overview = town.browser("ada").get("/admin").text
    assert "A plugin was slow 1 time" in overview
    assert 'class="card-flag danger"' not in overview


def test_a_job_is_slow_later_than_what_a_page_waits_for(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "SLOW_MILLISECONDS", 20)

    clock = itertools.count(step=0.03)  # 30 ms pass from each look at it to the next
    monkeypatch.setattr(registry.time, "perf_counter", lambda: next(clock))

    def work() -> None:
        for place in ("panels", "job dummy.sweep"):
            for _again in range(2):
                registry.current().attempt("dummy", place, list)
        registry.current().settle()

    town.run(work)
    assert faults(town) == [("panels", "slow")]


HANG = """
import sys, threading
from pathlib import Path
import dummy_plugin.plugin as dummy
from dummy_plugin.trouble import trouble
from werkzeug.test import EnvironBuilder, run_wsgi_app
from core import config, create_app
from ops import server

settings = config.Config(data=Path(sys.argv[1]), database_url=sys.argv[2], url="http://localhost")
app = create_app(settings, {"dummy": dummy})
run_wsgi_app(app.wsgi_app, EnvironBuilder("/legal").get_environ())
patient = config.Config(data=settings.data, request_seconds=2)
web = server.Watchdog(app.wsgi_app, patient, app.extensions["parvis"])
trouble[sys.argv[3]] = lambda: threading.Event().wait()
run_wsgi_app(web, EnvironBuilder(sys.argv[4]).get_environ())
"""


def hang(town: Town, place: str, path: str) -> str:
    """What a web process logs that is ended because a part of the plugin hangs there."""
    config = town.app.config["PARVIS"]
    command = [sys.executable, "-c", HANG, config.data, config.database_url, place, path]
    ended = subprocess.run(
        command,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "PYTHONPATH": ".:.."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    return ended.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("place", "path", "named", "what"),
    [("panels", "/", "panels", "hangs"), ("index", "/dummy/", "dummy.index", "page hangs")],
)
def test_what_hangs_is_named_by_the_process_that_comes_next(
    town: Town, place: str, path: str, named: str, what: str
) -> None:
    line = json.loads(hang(town, place, path))
    assert (line["event"], line["plugin"], line["place"]) == (
        "a page hangs; its process ends",
        "dummy",
        named,
    )
    data = town.app.config["PARVIS"].data
    for _ in range(2):
        town.run(lambda: server.hear(registry.current(), data))
    assert faults(town) == [(named, what)]
    page = town.browser("ana", "agent").get("/admin/plugins/dummy").text
    assert f"{what}: its process was ended after 2 s" in page


def test_a_hook_that_hangs_time_and_again_means_quarantine_and_a_page_does_not(
    town: Town, tmp_path: Path
) -> None:
    visitor, plugins = town.browser(), town.run(registry.current)

    def end_of_a_process(counts: bool) -> None:
        plugins.running = [("dummy", "here", counts)]
        server.leave_word(plugins, tmp_path, 30)
        town.run(lambda: server.hear(plugins, tmp_path))

    for counts in [False] * 6 + [True] * 4:
        end_of_a_process(counts)
    assert visitor.get("/dummy/").status_code == 200
    end_of_a_process(counts=True)
    assert visitor.get("/dummy/").status_code == 404
    switch(town, on=True)
    end_of_a_process(counts=True)
    assert visitor.get("/dummy/").status_code == 200, "staff's switch begins the count again"


def test_faults_that_cannot_be_written_down_break_no_page(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_write() -> None:
        raise sa.exc.OperationalError("INSERT", {}, Exception("the disk is full"))

    trouble["panels"] = fail
    monkeypatch.setattr(registry, "write", no_write)
    assert town.browser().get("/").status_code == 200


def test_only_the_latest_faults_are_kept(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "FAULTS_KEPT", 3)

    def note() -> None:
        for number in range(9):
            registry.current().note("dummy", f"place {number}", "what")
            registry.current().settle()

    town.run(note)
    assert [place for place, _what in faults(town)] == ["place 6", "place 7", "place 8"]


def test_what_hooks_answer_is_checked_down_to_its_texts() -> None:
    from core import hookspecs

    good = {
        "panels": [api.Panel("Title", "<br>", 1)],
        "health": [api.Health("disk", True)],
        "decorate_entries": {1: api.Decoration(("Badge",), (api.Action("Go", "/go"),), "<br>")},
        "check_entry": api.Hold("why"),
    }
    bad = {
        "panels": [[api.Panel("Title", 3, 1)], [api.Panel(None, "", 1)], [api.Panel("", "", "2")], "no"],
        "health": [[api.Health(1, True)], {}, [None]],
        "decorate_entries": [
            {"1": api.Decoration()},
            {1: api.Decoration((None,))},
            {1: api.Decoration((), ("go",))},
            {1: api.Decoration((), (api.Action("Go", None),))},
            {1: api.Decoration((), (), None)},
        ],
        "check_entry": ["hold", True],
        "entry_published": ["anything"],
    }
    assert all(hookspecs.sound(hook, answer) for hook, answer in good.items())
    assert not [
        answer for hook, answers in bad.items() for answer in answers if hookspecs.sound(hook, answer)
    ]


def test_a_job_of_a_plugin_that_is_off_does_not_run(town: Town, app: Flask) -> None:
    from core import jobs

    def ask() -> None:
        with write():
            jobs.enqueue("dummy.count")

    def counted() -> int:
        return len(
            town.run(lambda: db.session.scalars(sa.select(Line).where(Line.text.like("% ideas"))).all())
        )

    town.run(ask)
    switch(town, on=False)
    jobs.run_due(app)
    assert counted() == 0
    switch(town, on=True)
    town.run(ask)
    jobs.run_due(app)
    assert counted() >= 1


def test_states_are_rows_that_everybody_may_read(town: Town) -> None:
    with town.app.app_context(), access.as_system("test"):
        state = db.session.get(PluginState, "dummy")
    assert state.enabled


def test_a_failing_job_is_named_and_is_no_ground_for_quarantine(town: Town, app: Flask) -> None:
    from core import jobs

    def ask() -> None:
        with write():
            jobs.enqueue("dummy.fail")

    trouble["job"] = fail
    for _ in range(6):
        town.run(ask)
    jobs.run_due(app)
    assert ("job dummy.fail", "ZeroDivisionError") in faults(town)
    assert town.browser().get("/dummy/").status_code == 200


def test_what_a_plugin_emits_is_heard_by_its_audience_while_it_is_on(town: Town, workshop: int) -> None:
    ana, visitor = town.browser("ana"), town.browser()
    ana.submit(f"/dummy/{workshop}/plan", text="Sweep the floor")
    told = f'"kind": "dummy.plan", "ref": "{workshop}"'
    address = f"/live?after=0&space={workshop}"
    assert told in ana.get(address).text
    assert "dummy.idea:published" in visitor.get(address).text
    assert told not in visitor.get(address).text, "it is for the team"
    switch(town, on=False)
    assert "dummy." not in ana.get(address).text + visitor.get(address).text


@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, SystemExit],
    ids=lambda one: one.__name__,
)
def test_a_hook_may_raise_whatever_there_is(town: Town, error: type[BaseException]) -> None:
    def cancel() -> None:
        raise error

    trouble["panels"] = trouble["decorate_entries"] = cancel
    assert town.browser().get("/").status_code == 200
    assert ("panels", error.__name__) in faults(town)


def fickle() -> Any:
    """A text that can be said once."""
    said = iter(["once"])
    return LazyString(lambda: next(said))


UNFIT = {
    "surrogate in a panel": ("panels", lambda: [api.Panel("\ud800", "<br>")]),
    "surrogate in its HTML": ("panels", lambda: [api.Panel("Title", "\udfff")]),
    "text that raises": ("panels", lambda: [api.Panel(LazyString(fail), "<br>")]),
    "surrogate in a check": ("health", lambda: [api.Health("\ud800", True)]),
    "surrogate in its detail": ("health", lambda: [api.Health("disk", True, "\ud800")]),
    "neither well nor ill": ("health", lambda: [api.Health("disk", "yes")]),  # type: ignore[arg-type]
    "detail that raises": ("health", lambda: [api.Health("disk", True, LazyString(fail))]),
    "surrogate in a tab": ("tab", lambda: "/\ud800"),
    "script in a tab": ("tab", lambda: "javascript:alert(1)"),
    "elsewhere in a tab": ("tab", lambda: "//a.example"),
}


@pytest.mark.parametrize("what", UNFIT)
def test_a_text_that_cant_be_sent_costs_its_plugin_its_own_part(town: Town, workshop: int, what: str) -> None:
    place, answer = UNFIT[what]
    trouble[place] = answer
    ana, group = town.browser("ana", "agent"), town.space("Square", "ana")
    for page in ("/", "/healthz", "/admin/plugins", "/admin/plugins/dummy", "/admin", f"/spaces/{group}"):
        assert ana.get(page).status_code in (200, 302, 503 if page == "/healthz" else 200), page
    assert place in dict(faults(town))


@pytest.mark.parametrize("badge", ["\ud800", LazyString(fail)], ids=["surrogate", "raises"])
def test_a_badge_that_cant_be_sent_is_not_drawn(town: Town, workshop: int, badge: Any) -> None:
    idea = town.run(lambda: db.session.scalars(sa.select(Entry.id)).first())
    trouble["decorate_entries"] = lambda: {idea: api.Decoration((badge,))}
    page = town.browser().get("/")
    assert page.status_code == 200
    assert "A shared drill" in page.text
    assert "decorate_entries" in dict(faults(town))


@pytest.mark.parametrize("bad", ["\ud800", LazyString(fail)], ids=["surrogate", "raises"])
def test_a_manifest_that_cant_be_said_takes_no_page_down(
    town: Town, workshop: int, bad: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = dummy.plugin
    things = (plugin, *plugin.permissions, *plugin.personal_data, *plugin.jobs, *plugin.entry_kinds)
    for thing in things:
        for field in {"title", "summary", "label", "purpose"} & vars(thing).keys():
            monkeypatch.setitem(vars(thing), field, bad)
    ada = town.browser("ada", "administrator")
    staff = ("/admin/plugins", "/admin/plugins/dummy", "/admin/operations", "/admin", "/admin/people")
    for page in (f"/spaces/{workshop}/about", "/", "/spaces", "/about/permissions", *staff):
        assert ada.get(page).status_code == 200, page
    assert ">dummy</a></h2>" in ada.get("/admin/plugins").text, "it is called by its name"
    asked = ada.submit("/admin/plugins/dummy/switch", _page="/me", on="0")
    assert "Switch “dummy” off" in asked.text
    assert {"text of dummy", "text of the manifest"} <= dict(faults(town)).keys()


class Unsayable:
    """A text that can't be said."""

    def __str__(self) -> str:
        raise SystemExit


@pytest.mark.parametrize("bad", ["\ud800", LazyString(fail), Unsayable()], ids=["surrogate", "lazy", "ends"])
def test_a_link_that_cant_be_said_is_left_out_of_the_navigation_and_named(
    town: Town, bad: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vars(dummy.plugin.nav[0]), "label", bad)
    page = town.browser().get("/")
    assert page.status_code == 200
    assert 'href="/spaces"' in page.text
    assert 'href="/dummy/"' not in page.text
    assert [place for place, _what in faults(town)] == ["navigation"]


def test_a_lazy_text_is_said_once(town: Town) -> None:
    trouble["panels"] = lambda: [api.Panel(fickle(), "<p>here</p>")]
    assert "once" in town.browser().get("/").text


class Broken:
    """The entry point of a plugin whose code is not there any more."""

    name, value = "dummy", "dummy_plugin.gone"

    def load(self) -> None:
        raise ModuleNotFoundError("No module named 'gone'")


def test_a_plugin_that_cant_be_loaded_any_more_is_shown_and_the_rest_works(
    town: Town, workshop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, find = town.app.config["PARVIS"], registry.metadata.entry_points
    cores = [point for point in find(group=registry.GROUP) if point.name == "core"]
    monkeypatch.setattr(registry.metadata, "entry_points", lambda group: [*cores, Broken()])
    app = create_app(config)
    app.test_client_class = town.app.test_client_class
    after = Town(app, dict(town.people))
    ana = after.browser("ana", "agent")
    for path in (f"/dummy/{workshop}/", f"/spaces/{workshop}"):
        assert ana.get(path).status_code == 404, "what is its is not there"
    home = ana.get("/")
    assert home.status_code == 200
    assert "A shared drill" not in home.text
    shown = ana.get("/admin/plugins").text
    assert "dummy” can’t be loaded" in shown
    assert "No module named &#39;gone&#39;" in shown
    well = after.browser().get("/healthz")
    assert well.status_code == 503
    assert well.json["checks"]["plugins"] == {"ok": False, "detail": ""}
    town.run(lambda: registry.current().switch("dummy", False))
    assert after.browser().get("/healthz").json["checks"]["plugins"]["ok"]
    with pytest.raises(PluginError, match="can't be loaded"):
        registry.discover()
    with app.app_context():
        db.engine.dispose()
