"""What is private is on no page, in no feed, header, mail or log line of those who may not read it.

A canary word is planted in every text column of every guarded table of the core and of the plugins, in a
hidden space of every kind and in entries of every kind and state. Everybody then opens every address.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import dummy_plugin.plugin as dummy
import pypdfium2
import pytest
import sqlalchemy as sa

from core import access, guard, mail, registry
from core.access import as_system
from core.db import Base, db, now, write
from core.models import Document, Entry, File, Mail, Membership, Notice, NoticeRound, Space
from core.search import find, index, wanted
from portal.notices import mailing
from portal.search import results

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from flask import Flask
    from werkzeug.routing import Rule
    from werkzeug.test import TestResponse

    from core.testing import Browser, Town

pytestmark = pytest.mark.slow

CANARY = re.compile(r"zibelinette(\d+)q", re.I)
SOAK = bool(os.environ.get("SOAK"))
MISSING = 999_999

MEMBERS = frozenset({"insider", "keeper", "victim"})
TEAM = frozenset({"keeper"})
OUTSIDERS = {
    "visitor": {},
    "stranger": {},
    "elsewhere": {},
    "opposition": {"role": "official", "mandate": "councillor", "list_name": "Another list"},
    "mayor2": {"role": "official", "mandate": "mayor"},
    "agent2": {"role": "agent"},
    "agent": {"role": "agent"},
    "administrator": {"role": "administrator"},
}
STAFF = frozenset({"agent2", "agent", "administrator"})
NOT_EVEN_STAFF = {"core_claim", "core_throttle", "core_mail"}


@pytest.fixture(params=["sqlite", "postgresql"] if SOAK else ["sqlite"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of a fresh migrated database."""
    return str(request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "pg_url"}[request.param]))


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    """Return the installed plugins, and the dummy plugin, which has a table per reader mixin."""
    return {"dummy": dummy, **registry.discover()[1]}


@dataclass
class Planted:
    """What was planted where: for each canary its place and who may read it; and the ids to try."""

    places: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)
    spaces: list[int] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)
    files: dict[int, str] = field(default_factory=dict)
    hidden_spaces: list[int] = field(default_factory=list)
    hidden_entries: list[int] = field(default_factory=list)

    def word(self, place: str, readers: Iterable[str]) -> str:
        """A canary of its own for a place."""
        self.places.append((place, frozenset(readers)))
        return f"zibelinette{len(self.places) - 1}q"

    def seen_by(self, name: str, text: str) -> set[str]:
        """The places whose canaries are in a text although this person may not read them."""
        found = {self.places[int(number)] for number in CANARY.findall(text)}
        seen = {place for place, readers in found if name not in readers}
        return seen | ({"address"} if "victim@example.org" in text and name != "victim" else set())


class Planter:
    """Puts rows with canaries into every guarded table."""

    def __init__(self, people: dict[str, int]) -> None:
        self.people, self.planted = people, Planted()
        self.department: int | None = None
        self.in_spaces: dict[tuple[str, int], int] = {}
        self.numbers = itertools.count(1)

    def row(self, table: sa.Table, readers: Iterable[str], /, **values: Any) -> int:
        """Insert a row whose free texts are canaries; foreign keys go to `values` by table or column."""
        word = self.planted.word(table.name, readers)
        found = {column.name: self.value(column, word, values) for column in table.columns}
        known = {key: value for key, value in found.items() if value is not None}
        self.planted.tables.add(table.name)
        result = db.session.execute(sa.insert(table).values(known), execution_options={"guarded": True})
        ident: int = result.inserted_primary_key[0]
        return ident

    def value(self, column: sa.Column[Any], word: str, given: dict[str, Any]) -> Any:
        """A value for a column: what is given, what it refers to, or the canary where it is free text."""
        if column.name in given:
            return given[column.name]
        if column.name == "way":
            return "daily"
        for key in column.foreign_keys:
            table = key.column.table
            return self.a_department(table) if table.name == "visits_department" else given.get(table.name)
        default = getattr(column.default, "arg", None)
        if isinstance(column.type, sa.String) and default in (None, ""):
            return word if (column.type.length or 99) >= 20 else ("x" if not column.nullable else None)
        if isinstance(column.type, sa.LargeBinary):
            return word.encode()
        if isinstance(column.type, sa.JSON) and column.table.name == "visits_report":
            return [] if column.name == "mentions" else {"minutes": word, "questions": [], "commitments": []}
        if isinstance(column.type, sa.JSON):
            return {word: word}
        if default is not None or column.nullable or column is column.table.autoincrement_column:
            return None
        if isinstance(column.type, sa.Integer | sa.Float):
            return next(self.numbers)
        return now() + dt.timedelta(days=1)

    def a_department(self, table: sa.Table) -> int:
        """The id of a department, which everybody may read of."""
        if self.department is None:
            plain = sa.insert(table).values(name="Roads", folded="roads", mailbox="", days_to_answer=30)
            self.department = db.session.execute(plain).inserted_primary_key[0]  # type: ignore[attr-defined]
        return self.department or 0

    def space(self, kind: str, hidden: bool) -> int:
        """A space of this kind with its members: hidden and full of canaries, or public with a plain name."""
        readers = MEMBERS if hidden else OUTSIDERS.keys() | MEMBERS
        plain = {} if hidden else {"name": f"Open {kind}", "summary": "", "body": "", "html": ""}
        visibility = "hidden" if hidden else "public"
        ident = self.row(Space.__table__, readers, kind=kind, visibility=visibility, **plain)
        for name in MEMBERS:
            team = {"team": True, "role": "owner"} if name in TEAM else {}
            db.session.add(Membership(space_id=ident, user_id=self.people[name], **team))
        db.session.flush()
        self.planted.spaces.append(ident)
        if hidden:
            self.planted.hidden_spaces.append(ident)
        for model in self.models(kind):
            if issubclass(model, access.InSpace) and (hidden or model.__tablename__ != "core_membership"):
                given = {"core_space": ident, "core_user": self.people["victim"], "source": "planted"}
                row = self.row(model.__table__, readers if not hidden else MEMBERS, **given)
                self.in_spaces[model.__tablename__, ident] = row
            elif issubclass(model, access.TeamOnly) and "entry_id" not in model.__table__.columns:
                self.row(model.__table__, TEAM, core_space=ident, core_user=self.people["victim"])
        return ident

    def entry(self, space: int, kind: str, readers: Iterable[str], **values: Any) -> int:
        """An entry full of canaries, with a row of each model that can hang on it, and a file."""
        person = self.people["victim"]
        shown = {"published_at": now(), "active_at": now(), "kind": kind, "in_feed": kind != "core.reply"}
        ident = self.row(Entry.__table__, readers, space_id=space, author_id=person, **shown | values)
        self.planted.entries.append(ident)
        self.planted.hidden_entries.append(ident)
        case = {}
        for model in self.models(kind):
            given = {"core_entry": ident, "core_user": person, "core_space": space, **case}
            given["visits_stop"] = self.in_spaces.get(("visits_stop", space))
            if issubclass(model, access.OnEntry) and model is not File:
                self.row(model.__table__, readers, **given)
            elif issubclass(model, access.TeamOnly) and "entry_id" in model.__table__.columns:
                if not model.__tablename__.startswith(("core_case", "core_report")):
                    self.row(model.__table__, TEAM, **given)
                elif space in self.planted.hidden_spaces:  # those of public spaces are for staff too
                    made = {"origin": "team"} if model.__tablename__ == "core_case" else {}
                    case = {"core_case": self.row(model.__table__, TEAM | {"victim"}, **given, **made)}
        self.row(Document.__table__, readers, core_entry=ident, kind=kind, plugin="another")
        file = self.row(File.__table__, readers, entry_id=ident, uploader_id=person, type="image/png", size=1)
        self.planted.files[file] = f"zibelinette{len(self.planted.places) - 1}q"
        return ident

    def models(self, kind: str) -> Iterator[Any]:
        """The models that belong to things of a kind: the core's, and those of the plugin that brings it."""
        for mapper in sorted(Base.registry.mappers, key=lambda mapper: mapper.class_.__name__):
            if mapper.local_table.name.partition("_")[0] in {"core", kind.partition(".")[0]}:
                yield mapper.class_

    def rest(self, space: int, entry: int) -> None:
        """A row in each guarded table that belongs to no space: a person's own, and the staff's."""
        owned = {"core_user": self.people["victim"], "space_id": space, "entry_id": None}
        for mapper in sorted(Base.registry.mappers, key=lambda mapper: mapper.class_.__name__):
            model, name = mapper.class_, mapper.local_table.name
            if issubclass(model, access.Owned) and name != "core_account":
                alone = ("core_follow", "core_notice_choice")
                given = owned if name in alone else {**owned, "entry_id": entry}
                given |= {"type": None} if name == "core_notice_choice" else {}
                given |= {"type": "core.mention"} if name == "core_notice" else {}
                given |= {"core_mail": self.row(Mail.__table__, (), kind="confirm", error="")}
                self.row(mapper.local_table, {"victim"}, **given)
            elif issubclass(model, access.StaffOnly):
                shown = {"kind": "confirm", "error": ""} if name == "core_mail" else {}
                person = {"core_user": self.people["victim"]}
                self.row(mapper.local_table, () if name in NOT_EVEN_STAFF else STAFF, **person, **shown)


@pytest.fixture
def planted(app: Flask, town: Town) -> Planted:
    """A town where every kind of thing exists in the open and in private."""
    app.testing = False
    home, other = town.area("Here"), town.area("Over there")
    areas = {"mayor2": other, "agent2": other}
    names = {**{name: {} for name in sorted(MEMBERS)}, **OUTSIDERS}
    for name, values in names.items():
        if name != "visitor":
            town.person(name, area_id=areas.get(name, home), **values)
    town.space("Another circle", "elsewhere", visibility="members")
    with app.app_context(), as_system("plant canaries"), write():
        planter = Planter(dict(town.people))
        kinds = registry.current()
        plugins = (kinds.core, *kinds.installed.values())
        spaces = {
            kind.name: [planter.space(kind.name, hidden) for hidden in (False, True)]
            for plugin in plugins
            for kind in plugin.space_kinds
        }
        for plugin in plugins:
            public, hidden = spaces[plugin.space_kinds[0].name if plugin.space_kinds else "core.group"]
            for kind in plugin.entry_kinds:
                plant_entries(planter, kind.name, public, hidden)
        planter.rest(hidden, planter.planted.entries[-1])
    town.run(index.note_everything)
    town.run(lambda: index.run(seconds=60))
    return planter.planted


def plant_entries(planter: Planter, kind: str, public: int, hidden: int) -> None:
    """Entries of a kind: in the hidden space; in the public one for the team, unpublished, or private."""
    victim = planter.people["victim"]
    plain = dict.fromkeys(("title", "body", "html"), "Hello") | {"byline": None, "kind": "core.post"}
    shown = {"author_id": victim, "published_at": now(), "active_at": now(), "in_feed": True}
    open_post = planter.row(Entry.__table__, (), space_id=public, **plain, **shown)
    planter.planted.entries.append(open_post)
    parent = {"parent_id": open_post} if kind == "core.reply" else {}
    hidden_parent = {"parent_id": planter.planted.hidden_entries[0]} if parent else {}
    planter.entry(hidden, kind, MEMBERS, **hidden_parent)
    planter.entry(hidden, kind, TEAM, team_only=True, in_feed=False, **hidden_parent)
    for state in ("published", "pending", "hidden", "removed"):
        values = {"state": state, "team_only": True, "in_feed": state == "published", **parent}
        planter.entry(public, kind, TEAM, **values)
    planter.entry(public, kind, TEAM | {"victim"}, team_only=True, reader_id=victim, in_feed=False, **parent)


@pytest.fixture
def without_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take both nets of the read guard down."""
    monkeypatch.setattr(guard, "CRITERIA", ())
    monkeypatch.setattr(guard, "_names_guarded", lambda *_: False)
    monkeypatch.setattr(guard, "_passes_by", lambda *_: False)
    monkeypatch.setattr(guard, "_seen", WeakKeyDictionary())


# Addresses: what each name in a route stands for. A route with another name fails the test until it is told.


def choices(planted: Planted, rule: Rule, name: str) -> list[Any]:
    """What to put into a part of a route."""
    known: dict[str, list[Any]] = {
        "space_id": [*planted.spaces, MISSING],
        "entry_id": [*planted.entries, MISSING],
        "post_id": [*planted.entries, MISSING],
        "question_id": [*planted.entries, MISSING],
        "commitment_id": [1, 2, MISSING],
        "link_id": [1, MISSING],
        "template_id": [1, MISSING],
        "import_id": [1, 2, MISSING],
        "stop_id": [1, 2, MISSING],
        "paper_id": [1, 2, MISSING],
        "code": ["nothing"],
        "size": ["a4"],
        "department_id": [1, MISSING],
        "file_id": [*planted.files, MISSING],
        "area_id": [1, MISSING],
        "user_id": [1, MISSING],
        "mail_id": [1, MISSING],
        "job_id": [1, MISSING],
        "case_id": [1, 2, MISSING],
        "notice_id": [1, MISSING],
        "note_id": [1, MISSING],
        "handle": ["victim", "nobody"],
        "token": ["nothing"],
        "key": ["nothing"],
        "name": ["dummy", "nothing"],
        "filename": ["parvis.css"],
        "verb": ["announce", "close", "reopen"],
        "table": ["questions", "counts"],
        "number": [1, MISSING],
    }
    assert name in known, f"{rule.rule}: say in `choices` what <{name}> stands for"
    return known[name]


QUERIES = {
    "feed.home": ["", "?order=active", "?show=followed"],
    "feed.person": ["", "?order=active"],
    "feed.mentions": ["?q=v&space={space}"],
    "search.index": ["?person=victim", "?space={space}", "?kind=core.reply"],
    "search.suggest": ["?q=zibelinette"],
}


def addresses(
    app: Flask, planted: Planted, sample: Any, method: str = "GET"
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every route of the portal with ids in it, a sample of them unless in `make soak`."""
    adapter = app.url_map.bind("localhost")
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        if method not in (rule.methods or ()):
            continue
        names = sorted(rule.arguments)
        filled = list(itertools.product(*(choices(planted, rule, name) for name in names)))
        for values in sample(filled, 4):
            path = adapter.build(rule.endpoint, dict(zip(names, values, strict=True)), method)
            for query in QUERIES.get(rule.endpoint, [""]):
                for space in planted.spaces if "{space}" in query else [None]:
                    yield (
                        rule.endpoint,
                        path + query.format(space=space),
                        dict(zip(names, values, strict=True)),
                    )


def told(answer: TestResponse) -> str:
    """Everything that an answer says."""
    with answer:
        if answer.data.startswith(b"%PDF"):
            with pypdfium2.PdfDocument(answer.data) as pages:
                text = " ".join(page.get_textpage().get_text_bounded() for page in pages)
            return f"{answer.headers} {text}"
        return f"{answer.headers} {answer.get_data(as_text=True)}"


def leaks(town: Town, planted: Planted, name: str, sample: Any) -> list[str]:
    """What somebody sees anywhere although they may not."""
    browser = town.browser(None if name == "visitor" else name)
    found = []
    for _endpoint, path, _values in addresses(town.app, planted, sample):
        answer = browser.get(path)
        if answer.status_code >= 500 and path != "/healthz":
            found.append(f"{path} answers {answer.status_code}")
        found += [f"{path} shows {place}" for place in sorted(planted.seen_by(name, told(answer)))]
    return found


def test_a_canary_is_planted_in_every_guarded_table(planted: Planted) -> None:
    mapped = {mapper.local_table.name for mapper in Base.registry.mappers}
    ours = {name for name in mapped if name.partition("_")[0] in {"core", "dummy", "visits"}}
    assert guard.guarded_tables() & ours == planted.tables | {"core_account"}


def test_nobody_sees_anywhere_what_they_may_not(
    town: Town, planted: Planted, sample: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="parvis")
    for name in (*OUTSIDERS, *MEMBERS):
        assert "\n".join(leaks(town, planted, name, sample)) == "", name
    assert caplog.records
    assert planted.seen_by("nobody", repr([vars(record) for record in caplog.records])) == set()


def test_nobody_finds_what_they_may_not(town: Town, planted: Planted, sample: Any) -> None:
    kinds = [*town.run(lambda: registry.current().kinds()), "core.person"]
    words = [f"zibelinette{number}q" for number in sample(range(len(planted.places)), 20)]

    def look() -> str:
        found = [find.suggest("zibelinette"), *(find.search(word).hits for word in words)]
        for kind in kinds:
            page = find.search("", kind=kind)
            found.append(page.hits)
            while page.next:
                page = find.search("", kind=kind, cursor=page.next)
                found.append(page.hits)
        return repr([results.results(hits, wanted.Wanted()) for hits in found])

    def as_visitor() -> str:
        with access.as_viewer(access.Viewer(kinds=registry.current().kinds())):
            return look()

    for name in (*OUTSIDERS, *MEMBERS):
        text = town.run(as_visitor) if name == "visitor" else town.run(look, name)
        assert planted.seen_by(name, text) == set(), name
        assert (len(CANARY.findall(text)) > 20) is (name in MEMBERS)


def test_without_the_guard_it_would_be_seen(
    town: Town, planted: Planted, sample: Any, without_guard: None
) -> None:
    assert any("shows core_" in line for line in leaks(town, planted, "visitor", sample))


@pytest.mark.parametrize("name", ["stranger", "administrator"])
def test_what_one_may_not_know_of_answers_as_if_it_did_not_exist(
    name: str, town: Town, planted: Planted, sample: Any
) -> None:
    browser = town.browser(name)
    hidden = {"space_id": planted.hidden_spaces, "file_id": [*planted.files]}
    hidden |= dict.fromkeys(("entry_id", "post_id", "question_id"), planted.hidden_entries)
    token, differences = token_of(browser), []
    for method in ("GET", "POST"):
        form = {"csrf_token": token} if method == "POST" else None
        for _endpoint, path, values in addresses(town.app, planted, sample, method):
            for key in hidden.keys() & values.keys():
                if values[key] in hidden[key]:
                    elsewhere = re.sub(rf"/{values[key]}(?=/|$|\?)", f"/{MISSING}", path, count=1)
                    answer, other = (
                        browser.client.open(one, method=method, data=form) for one in (path, elsewhere)
                    )
                    if planted.seen_by(name, told(answer)) or answer.status_code != other.status_code:
                        differences.append(f"{method} {path}: {answer.status_code}, not {other.status_code}")
    assert "\n".join(differences) == ""


def token_of(browser: Browser) -> str:
    """The cross-site token of a session."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/me").text)
    assert found
    return found[1]


def test_mail_names_nothing_that_its_reader_may_not_read(town: Town, planted: Planted) -> None:
    browser = town.browser()
    for path in ("/sign-up", "/reset"):
        browser.submit(path, email="victim@example.org", name="Mallory")
    written = town.run(
        lambda: [
            f"{mail.subject} {mail.text} {mail.html}"
            for mail in db.session.scalars(sa.select(Mail))
            if not CANARY.search(mail.recipient)
        ]
    )
    assert written
    assert not [text for text in written if CANARY.search(text)]


def test_notices_and_their_mail_name_nothing_that_may_not_be_read(town: Town, planted: Planted) -> None:
    people = {name: town.person(name) for name in (*OUTSIDERS, *MEMBERS) if name != "visitor"}
    things = [{"entry_id": ident, "type": "core.mention"} for ident in planted.hidden_entries]
    things += [{"space_id": ident, "type": "core.membership"} for ident in planted.hidden_spaces]

    def tell() -> dict[str, str]:
        with write() as session:
            for ident in people.values():
                session.add_all(
                    Notice(user_id=ident, once=str(number), way="daily", **thing)
                    for number, thing in enumerate(things)
                )
            session.flush()
            session.execute(sa.delete(NoticeRound))
            session.add_all(
                NoticeRound(user_id=ident, way="daily", due_at=now()) for ident in people.values()
            )
        mailing.mail_due()
        rows = db.session.scalars(sa.select(Mail).where(Mail.kind == mailing.KIND)).all()
        found = {row.recipient.partition("@")[0]: mail.written(row) for row in rows}
        return {name: f"{words}" for name, words in found.items() if words is not None}

    letters = town.run(tell)
    assert letters.keys() <= people.keys()
    for name in people:
        page = town.browser(name).get("/notices").text
        assert planted.seen_by(name, letters.get(name, "") + page) == set(), name
        if name in OUTSIDERS:
            assert name not in letters, "what may not be read is not even counted"
            assert 'class="bell-count"' not in page, name
    assert CANARY.search(letters["keeper"])
