"""After an erasure nothing of the person is left: a word in each column and file is found nowhere again.

The tables and what is declared of them are walked, so that a new column must be declared and is tried here.
"""

from __future__ import annotations

import datetime as dt
import html as entities
import re
import threading
from typing import TYPE_CHECKING, Any

import dummy_plugin.plugin as dummy
import pytest
import sqlalchemy as sa

from core import access, files, jobs, registry
from core.access import as_system
from core.accounts import actions as accounts
from core.db import Base, UtcDateTime, db, now, write
from core.feed import actions
from core.models import (
    Entry,
    Erasure,
    Follow,
    Invitation,
    JoinRequest,
    Mail,
    Membership,
    PendingClaim,
    Space,
    Support,
    Throttle,
    User,
)
from core.search import index
from core.spaces import actions as spaces
from core.testing import PASSWORD
from portal.moderation import actions as reports
from portal.privacy import erase, views
from portal.spaces import invitations, joining

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from core.testing import Browser, Town

WORD = re.compile(r"zibeline(\d+)q", re.IGNORECASE)
EMAIL, HANDLE, NAME = "zibeline1001q@example.org", "zibeline1002q", "Zibeline1003q"
PICTURE = "ab" * 32
WORDS_THAT_STAY = {
    ("core_entry", "title"),
    ("core_entry", "body"),
    ("core_entry", "html"),
    ("core_file", "alt"),
    ("dummy_idea", "place"),
    ("dummy_assessment", "text"),
    ("visits_question", "place"),
    ("visits_question", "reason"),
    ("visits_question", "objection"),
    ("visits_question", "forwarded_to"),
    ("visits_question", "outcome_reason"),
    ("visits_note", "text"),
    ("visits_note", "stop"),
}
OF_THE_TOWN = {  # what the town says of a visit in its own name, whoever wrote it down
    ("visits_minutes", "body"),
    ("visits_report", "facts"),
    ("visits_step", "reason"),
}
LOGGED = {("core_audit", name) for name in ("act", "ref", "origin", "details")}  # for a year, under a number
NOBODYS = {  # the columns of text that are declared as nobody's data, by why they hold no words of anybody
    "one of the words that the code knows": {
        "core_area": "level",
        "core_case": "origin act reason",
        "core_entry": "kind channel lang state",
        "core_file": "type",
        "core_invitation": "role",
        "core_job": "name state",
        "core_mail": "kind status",
        "core_search": "kind plugin",
        "core_search_stale": "sort",
        "core_space": "kind visibility joining",
        "core_stamp": "key",
        "visits_casework": "answer flags",
        "visits_commitment": "state",
        "visits_import": "state",
        "visits_learned": "sort",
        "visits_note": "outcome state",
        "visits_paper": "kind lang state",
        "visits_question": "triage discussion outcome",
        "visits_step": "thing verb",
        "visits_visit": "state",
    },
    "a key, a digest or an address that the code makes": {
        "core_entry": "client_key",
        "core_file": "sha256",
        "core_invitation": "token_hash",
        "core_job": "once",
        "core_received": "key",
        "core_search": "url",
        "visits_casework": "import_key",
        "visits_department_link": "secret",
        "visits_import": "header",
        "visits_note": "key",
        "visits_visit": "code",
    },
    "the name of what failed, without its words": {
        "core_job": "error",
        "core_mail": "error",
        "core_plugin_fault": "plugin place what trace",
    },
    "counted or found by a job, of many people's words or of an entry, with which it goes": {
        "moderation_figures": "counted",
        "visits_import": "columns result",
        "visits_learned": "word label",
        "visits_report": "mentions",
        "visits_term": "term",
    },
    "what the town, a group or a plugin says of itself, whoever wrote it": {
        "core_area": "name path boundary",
        "core_plugin": "name",
        "core_setting": "key value",
        "core_space": "name folded summary body html",
        "visits_commitment": "text reason",
        "visits_department": "name folded mailbox",
        "visits_import": "name",
        "visits_question": "theme",
        "visits_stop": "title",
        "visits_street": "name lines",
        "visits_template": "theme title body",
        "visits_visit": "reason meeting_point access_notes other_ways",
    },
    "of the plugin of the tests, which says so of whole tables": {
        "dummy_assessment": "text",
        "dummy_idea": "place",
        "dummy_line": "text",
        "dummy_step": "text",
        "dummy_theme": "name",
        "dummy_workshop": "room",
    },
}
UNPLANTED = {  # the columns of text that are declared and get no planted word, by why
    "one of the words that the code knows, or a number": {
        "core_account": "language timezone",
        "core_claim": "action",
        "core_event": "topic",
        "core_export": "rights",
        "core_membership": "source role",
        "core_notice": "type way",
        "core_notice_choice": "type way",
        "core_notice_letter": "way",
        "core_notice_round": "way",
        "core_report": "reason",
        "core_user": "role mandate",
    },
    "a digest, or a name that is drawn": {
        "core_account": "password_hash",
        "core_export": "name",
        "core_throttle": "key",
        "visits_voice": "code",
    },
    "written by the erasure": {"core_erasure": "mark alias owed"},
    "empty where it is of the core's own things; the index is made anew of what is left": {
        "core_search": "title"
    },
    "made anew of what is left, which tests/visits/test_plan_papers.py looks at": {
        "visits_paper": "data content"
    },
}
WORDLESS = sa.Numeric | sa.Float | sa.Integer | sa.Boolean | sa.Date | UtcDateTime


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    """Return the installed plugins, and the dummy plugin, which has a table per reader mixin."""
    return {"dummy": dummy, **registry.discover()[1]}


class Planter:
    """Puts a row of the victim's, full of words of its own, into every declared table."""

    def __init__(self, town: Town) -> None:
        self.town, self.words = town, 0
        self.places: dict[str, tuple[str, str]] = {}
        self.victim = town.person("victim")
        self.space = town.space("Halle", "olga")

    def word(self, table: str, column: str) -> str:
        self.words += 1
        self.places[str(self.words)] = (table, column)
        return f"zibeline{self.words}q"

    def everything(self) -> None:
        person = {"handle": HANDLE, "name": NAME, "folded": NAME.lower()}
        person |= {name: self.word("core_user", name) for name in ("about", "list_name", "portfolio")}
        self.update("core_user", sa.column("id") == self.victim, **person)
        former = [self.word("core_account", "former")]
        self.update("core_account", sa.column("user_id") == self.victim, email=EMAIL, former=former)
        olga = {
            "author_id": self.town.person("olga"),
            "title": "",
            "html": "",
            "byline": None,
            "client_key": None,
        }
        olgas = self.row("core_entry", **olga, body=f"@{HANDLE} said")
        self.answered = self.row("core_entry", in_feed=True, published_at=now(), active_at=now())
        self.row("core_entry", **{**olga, "html": "<p>stays</p>"}, parent_id=self.answered, body="stays")
        self.row("core_entry", parent_id=olgas)
        self.idea = self.row("core_entry", kind="dummy.idea")
        asks = {"subject": f"{NAME} asks", "text": f"{NAME} asks"}
        self.mail = self.row("core_mail", recipient=EMAIL, status="sent")
        self.row(
            "core_mail", recipient="olga@example.org", **dict.fromkeys(("kind", "error", "html"), ""), **asks
        )
        self.row("core_file", profile_of=self.victim, entry_id=None, sha256=PICTURE)
        decided = {"origin": "appeal", "act": "hidden", "reason": "other", "decided_at": now()}
        self.case = self.row("core_case", **decided, appeal_of=None)
        self.department = self.row("visits_department", name="Roads", folded="roads", mailbox="")
        given = {
            "core_claim": {"email": EMAIL, "action": "core.reset"},
            "core_invitation": {"email": EMAIL},
            "core_file": {"profile_of": None, "sha256": "cd" * 32},
            "core_follow": {"space_id": None},
            "core_notice_choice": {"space_id": None},
            "core_event": {"topic": f"user/{self.victim}"},
            "core_job": {
                "payload": {"to": EMAIL},
                "name": "core.tell",
                "run_at": now() + dt.timedelta(days=9),
            },
            "core_search": {"space_id": None, "user_id": None},
            "core_report": {"case_id": self.case, "reason": "other"},
            "visits_casework": {"entry_id": self.answered, "import_key": None, "flags": ""},
            "visits_department_member": {"department_id": self.department},
            "visits_sensitivity": {"entry_id": self.answered},
            "visits_note": {"key": "note-1", "outcome": ""},
            "visits_step": {"thing": "outcome", "verb": "keep"},
            "visits_report": {"mentions": []},
            "visits_voice": {"code": "of somebody else"},
            "visits_paper": {"data": {}, "content": b"", "kind": "dossier", "lang": "fr"},
        }
        for table in Base.metadata.sorted_tables:
            skipped = (
                "core_case",
                "visits_department",
                "core_user",
                "core_account",
                "core_entry",
                "core_mail",
                "core_space",
                "core_export",
            )
            if table.name in tables() and table.name not in (
                *skipped,
                "core_erasure",
                "core_seen",
                "core_throttle",
            ):
                self.row(table.name, **given.get(table.name, {}))
        self.row("dummy_assessment", entry_id=self.idea)
        self.row("dummy_idea", entry_id=self.idea)
        self.row("dummy_line", text=f"joined person {self.victim}")
        self.update("core_space", sa.column("id") == self.space, created_by=self.victim)
        index.note("user", self.victim)
        index.note("entry", self.answered)
        stored = files.stored(PICTURE)
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.write_text(self.word("file", "profile"))

    def update(self, name: str, where: Any, /, **values: Any) -> None:
        table = Base.metadata.tables[name]
        db.session.execute(sa.update(table).where(where).values(**values))

    def row(self, name: str, /, **given: Any) -> int:
        table = Base.metadata.tables[name]
        values = {column.name: self.value(column, given) for column in table.columns}
        result = db.session.execute(
            sa.insert(table).values({k: v for k, v in values.items() if v is not None})
        )
        ident: int = result.inserted_primary_key[0]
        return ident

    def value(self, column: sa.Column[Any], given: dict[str, Any]) -> Any:
        if column.name in given:
            return given[column.name]
        if column.name in ("way", "type", "theme"):
            return "daily"
        refers = {key.column.table.name for key in column.foreign_keys}
        known = {"core_user": self.victim, "core_space": self.space}
        if column.name in ("parent_id", "reader_id", "recorded_by", "triaged_by") or "core_area" in refers:
            return None
        for table in refers:
            return known.get(table) or {"core_entry": self.answered, "core_mail": self.mail}.get(table)
        default = getattr(column.default, "arg", None)
        if isinstance(column.type, sa.String | sa.Text) or type(column.type).__name__ == "Tokens":
            if default not in (None, ""):
                return None
            return (
                self.word(column.table.name, column.name) if getattr(column.type, "length", 99) != 5 else "fr"
            )
        if isinstance(column.type, sa.LargeBinary):
            return self.word(column.table.name, column.name).encode()
        if isinstance(column.type, sa.Date):
            return now().date()
        if isinstance(column.type, sa.JSON):
            return {"said": self.word(column.table.name, column.name)}
        if default is not None or column is column.table.autoincrement_column:
            return None
        if isinstance(column.type, sa.Integer | sa.BigInteger):
            return 7
        return None if column.nullable else now() + dt.timedelta(days=1)


def declared() -> set[tuple[str, str]]:
    """The columns that are declared as personal data."""
    plugins = registry.current()
    everybody = (plugins.core, *plugins.installed.values())
    return {(data.table, data.column) for plugin in everybody for data in plugin.personal_data}


def tables() -> set[str]:
    """The tables of which personal data is declared."""
    return {table for table, _column in declared()}


def listed(reasons: dict[str, dict[str, str]]) -> set[tuple[str, str]]:
    """The columns of all reasons, each of which is there for one alone."""
    named = [
        (table, column)
        for columns in reasons.values()
        for table, names in columns.items()
        for column in names.split()
    ]
    assert len(named) == len(set(named))
    return set(named)


def texts_there() -> set[tuple[str, str]]:
    """The columns of the core and the plugins that can hold words; other tests have tables of their own."""
    plugins = registry.current()
    prefixes = tuple(f"{plugin.table_prefix}_" for plugin in (plugins.core, *plugins.installed.values()))
    return {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if table.name.startswith(prefixes) and not isinstance(column.type, WORDLESS)
    }


def found(planter: Planter) -> Iterator[tuple[str, str]]:
    """Where in the database and the data folder a planted word still stands, and what it was planted for."""
    there = set(sa.inspect(db.engine).get_table_names())  # other tests declare tables of their own
    for table in Base.metadata.sorted_tables:
        if table.name not in there:
            continue
        for row in db.session.execute(sa.select(table)).mappings():
            for column, value in row.items():
                for number in WORD.findall(str(value)):
                    yield f"{table.name}.{column}", str(planter.places.get(number, number))
    for path in planter.town.app.config["PARVIS"].data.rglob("*"):
        if path.is_file():
            for number in re.findall(rb"zibeline(\d+)q", path.read_bytes(), re.IGNORECASE):
                yield path.name, str(planter.places.get(number.decode(), number))


def close(town: Town, words: str) -> Browser:
    """Go the way of somebody who deletes their account."""
    browser = town.browser("leaver")
    answer = browser.submit("/me/delete", words=words, current=PASSWORD)
    assert answer.location == "/me/delete/confirm", answer.text
    done = browser.submit("/me/delete/confirm")
    assert done.location == "/"
    return browser


@pytest.mark.parametrize("words", [True, False])
def test_what_was_planted_in_each_column_and_file_is_found_nowhere(
    town: Town, words: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    planter = Planter(town)
    browser = town.browser("victim")
    assert browser.submit("/me/data", current=PASSWORD).status_code == 302
    jobs.run_due(town.app)
    with town.app.app_context(), as_system("plant"):
        with write():
            planter.everything()
        index.run()
        before = {place for place, _planted in found(planter)}
        planted = {(table, column) for table, column in declared() if f"{table}.{column}" in before}
        assert (texts_there() & declared()) - planted == listed(UNPLANTED)
    assert PICTURE in before
    assert list((town.app.config["PARVIS"].data / "exports").iterdir())
    with town.app.app_context():
        erase.begin(planter.victim, words)
    assert "/sign-in" in browser.get("/me").location
    jobs.run_due(town.app)
    with town.app.app_context(), as_system("look"):
        index.run()
        left = set(found(planter))
        expected = {str(place) for place in OF_THE_TOWN | LOGGED | (set() if words else WORDS_THAT_STAY)}
        assert {planted for _place, planted in left} == expected, left
        erasure = db.session.get(Erasure, planter.victim)
        assert erasure.done_at is not None
        keeper = db.session.get(User, planter.victim)
        assert keeper.name == erasure.alias
        others = db.session.scalars(sa.select(Entry.body).where(Entry.author_id == town.person("olga"))).all()
        assert sorted(others) == sorted([f"{erasure.alias} said", "stays"])
        post = db.session.get(Entry, planter.answered)
        assert (post.reply_count, post.support_count, post.state) == (1, 0, "published")
    assert list((town.app.config["PARVIS"].data / "exports").iterdir()) == []
    assert not WORD.search(capfd.readouterr().err)
    shown = town.browser("olga").get(f"/posts/{planter.answered}")
    assert shown.status_code == 200
    assert erasure.alias in shown.text
    assert "stays" in shown.text


def test_every_text_of_a_declared_table_is_declared(town: Town) -> None:
    personal = town.run(declared)
    assert town.run(texts_there) - personal == listed(NOBODYS)
    named = {table for table, _column in personal}
    referring = {
        table.name
        for table in Base.metadata.sorted_tables
        for key in table.foreign_keys
        if key.target_fullname == "core_user.id" and not table.name.startswith(("dummy_", "shape_"))
    }
    assert referring <= named
    for table, column in personal:
        assert column in Base.metadata.tables[table].columns, (table, column)


def leaver(town: Town) -> tuple[Browser, str]:
    """Somebody who wrote a post that olga answered, a post that nobody did, and an answer to olga's."""
    space = town.space("Hall", "olga")
    browser, olga, page = town.browser("leaver"), town.browser("olga"), f"/spaces/{space}"
    browser.submit(f"{page}/posts", page, title="Answered", body="my words", client_key="1")
    browser.submit(f"{page}/posts", page, title="Alone", body="my words", client_key="2")
    olga.submit(f"{page}/posts", page, title="Hers", body="Ask @leaver, or @leaver-2.", client_key="3")
    posts = {title: ident for ident, title in town.run(titles)}
    olga.submit(
        f"/posts/{posts['Answered']}/reply", f"/posts/{posts['Answered']}", body="I agree", client_key="4"
    )
    browser.submit(
        f"/posts/{posts['Hers']}/reply", f"/posts/{posts['Hers']}", body="my words", client_key="5"
    )
    browser.submit(f"/posts/{posts['Hers']}/support", f"/posts/{posts['Hers']}")
    return browser, f"/posts/{posts['Answered']}"


def titles() -> list[Any]:
    return list(db.session.execute(sa.select(Entry.id, Entry.title).where(Entry.parent_id.is_(None))))


def gone(town: Town, words: str) -> tuple[str, str]:
    """Let that somebody delete their account; answers the alias, and the address of the answered post."""
    _browser, answered = leaver(town)
    browser = close(town, words)
    assert "/sign-in" in browser.get("/me").location
    jobs.run_due(town.app)
    erasure = town.run(lambda: db.session.scalars(sa.select(Erasure)).one())
    return erasure.alias, answered


def test_somebody_goes_and_their_words_stay_under_an_alias(town: Town) -> None:
    alias, answered = gone(town, "alias")
    assert re.fullmatch("Ancien·ne habitant·e [0-9]{6}", alias)
    shown = town.browser("reader").get(answered).text
    assert "my words" in shown
    assert alias in shown
    assert "Leaver" not in shown
    assert town.browser().get("/people/leaver").status_code == 404
    assert town.browser("reader").get("/search?q=leaver").text.count("my words") == 0
    hers = town.run(lambda: db.session.scalars(sa.select(Entry).where(Entry.title == "Hers")).one())
    assert hers.body == f"Ask {alias}, or @leaver-2."
    assert (hers.reply_count, hers.support_count) == (1, 0)
    again = town.browser()
    assert again.submit("/sign-in", email="leaver@example.org", password=PASSWORD).status_code == 422
    assert town.run(lambda: db.session.scalars(sa.select(Throttle.key)).all()) != ["leaver@example.org"]
    assert town.person("new") != town.people["leaver"]


def test_somebody_goes_with_all_they_wrote_and_what_others_said_stays(town: Town) -> None:
    alias, answered = gone(town, "delete")
    shown = town.browser("reader").get(answered)
    assert shown.status_code == 200
    assert "Supprimé par la personne" in shown.text
    assert "I agree" in shown.text
    assert alias in shown.text
    assert [title for _ident, title in town.run(titles)] == ["Message supprimé", "Hers"]
    hers = town.run(lambda: db.session.scalars(sa.select(Entry).where(Entry.title == "Hers")).one())
    assert (hers.reply_count, hers.support_count) == (0, 0)
    assert town.run(lambda: db.session.get(Space, hers.space_id)).entry_count == 2
    whole = town.run(lambda: "".join(db.session.scalars(sa.select(Entry.body))))
    assert "my words" not in whole


def test_only_who_knows_the_password_and_says_yes_twice_goes(town: Town) -> None:
    browser = town.browser("ana")
    wrong = browser.submit("/me/delete", words="alias", current="not-this-one")
    assert wrong.status_code == 422
    assert browser.get("/me/delete/confirm").location == "/me/delete"
    assert browser.submit("/me/delete/confirm", "/me").location == "/me/delete"
    browser.submit("/me/delete", words="alias", current=PASSWORD)
    assert "under an alias" in browser.get("/me/delete/confirm").text
    assert browser.client.post("/me/delete/confirm").status_code in (400, 403), "without a token"
    assert browser.get("/me").status_code == 200
    assert browser.submit("/me/delete", current=PASSWORD).status_code == 422


def test_the_yes_of_one_person_is_not_that_of_the_next_at_the_browser(town: Town) -> None:
    browser = town.browser("ana")
    browser.submit("/me/delete", words="alias", current=PASSWORD)
    with browser.client.session_transaction() as kept:
        kept[views.SURE]["user"] = town.person("ben")
        kept.modified = True
    assert browser.submit("/me/delete/confirm", "/me").location == "/me/delete"


def test_the_last_administrator_stays_and_what_was_written_in_office_too(town: Town) -> None:
    browser = town.browser("boss", "administrator")
    page = browser.get("/me/delete").text
    assert "in office" in page
    assert 'name="words"' not in page
    browser.submit("/me/delete", current=PASSWORD, words="delete")
    refused = browser.submit("/me/delete/confirm")
    assert refused.status_code == 422
    assert "only administrator" in refused.text
    town.person("second", "administrator")
    assert browser.submit("/me/delete/confirm").location == "/"
    erasure = town.run(lambda: db.session.scalars(sa.select(Erasure)).one())
    assert not erasure.words


def test_an_erasure_that_was_killed_is_carried_through(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    leaver(town)
    close(town, "delete")

    def killed(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(erase, "_count_anew", killed)
        with pytest.raises(KeyboardInterrupt), town.app.app_context():
            erase.run()
    person = town.run(lambda: db.session.get(User, town.person("leaver")))
    assert person.name == "Leaver", "all or nothing"
    with town.app.app_context():
        erase.run()
        erase.run()
    assert town.run(lambda: db.session.get(User, town.person("leaver"))).name != "Leaver"
    assert len(erasures(town)) == 1


def erasures(town: Town) -> list[str]:
    return (town.app.config["PARVIS"].data / erase.LEDGER).read_text().splitlines()


def test_a_plugin_that_fails_stops_the_whole_and_the_worker_tries_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaver(town)
    close(town, "alias")

    def fails(_name: str, _work: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(dummy, "unless_trouble", fails)
        with town.app.app_context(), pytest.raises(registry.PluginFailed, match="dummy"):
            erase.run()
    assert town.run(lambda: db.session.get(User, town.person("leaver"))).name == "Leaver"
    assert town.run(lambda: db.session.scalars(sa.select(Erasure)).one()).done_at is None
    town.run(lambda: registry.current().switch("dummy", False))
    jobs.run_due(town.app)
    assert town.run(lambda: db.session.get(User, town.person("leaver"))).name != "Leaver"


def test_a_plugin_that_is_not_installed_pays_when_it_is_back(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaver(town)
    close(town, "alias")
    town.run(lambda: note(f"joined person {town.person('leaver')}"))
    plugins, asked = town.app.extensions["parvis"], []
    module, impl = plugins.modules.pop("dummy"), plugins.manager.unregister(name="dummy")
    plugins.__dict__.pop("installed", None)
    with town.app.app_context():
        erase.run()
    assert town.run(lambda: db.session.scalars(sa.select(Erasure)).one()).owed == ["dummy"]
    plugins.modules["dummy"] = module
    plugins.manager.register(impl, "dummy")
    plugins.__dict__.pop("installed", None)
    monkeypatch.setattr(module.actions, "forget_lines", asked.append)
    with town.app.app_context():
        erase.run()
        erase.run()
    assert asked == [town.person("leaver")]
    assert town.run(lambda: db.session.scalars(sa.select(Erasure)).one()).owed == []


def note(text: str) -> None:
    with write():
        dummy.actions.note(text)


def recipients() -> list[str]:
    return list(db.session.scalars(sa.select(Mail.recipient).where(Mail.kind != "core.erased")))


def test_the_address_that_somebody_was_changing_to_goes_and_mail_of_its_owner_stays(town: Town) -> None:
    browser = town.browser("leaver")
    town.person("olga")
    for new in ("zibeline1@example.org", "olga@example.org"):
        answer = browser.submit("/me/email", email=new, current=PASSWORD)
        assert answer.status_code < 400, answer.text
    town.browser().submit("/reset", email="olga@example.org")
    assert sorted(set(town.run(recipients))) == [
        "leaver@example.org",
        "olga@example.org",
        "zibeline1@example.org",
    ]
    close(town, "alias")
    with town.app.app_context():
        erase.run()
    assert town.run(recipients) == ["olga@example.org"], "what olga asked for herself"


@pytest.mark.engines
@pytest.mark.parametrize("taken", [False, True])
def test_what_is_kept_under_an_address_that_somebody_had_goes_unless_it_is_another_s_now(
    town: Town, taken: bool
) -> None:
    browser, space = town.browser("leaver"), town.space("Hall", "olga")
    browser.submit("/me/email", email="zibeline1@example.org", current=PASSWORD)
    asked = sa.select(Mail.text).where(Mail.recipient == "zibeline1@example.org")
    link = re.search(r"/confirm/[\w-]+", town.run(lambda: db.session.scalars(asked).one()))
    assert link
    assert browser.submit(link[0]).status_code == 302
    former = "leaver@example.org"
    town.browser().submit("/reset", email=former)

    def invite() -> None:
        with write() as session:
            until = now() + dt.timedelta(days=1)
            session.add(Invitation(token_hash="x", email=former, space_id=space, expires_at=until))
            if taken:
                accounts.create_user(former, "Another")

    def kept() -> list[int]:
        columns = Mail.recipient, PendingClaim.email, Invitation.email
        found = (sa.select(sa.func.count()).where(column == former) for column in columns)
        return [db.session.scalar(one) or 0 for one in found]

    town.run(invite)
    assert all(town.run(kept))
    close(town, "alias")
    town.run(erase.run)
    assert [bool(number) for number in town.run(kept)] == [taken] * 3
    written = [one.read_bytes() for one in town.app.config["PARVIS"].data.glob("town.db*")]
    assert taken or not any(former.encode() in one for one in written)


@pytest.mark.parametrize("words", ["alias", "delete"])
@pytest.mark.parametrize("carried_out", [True, False])
def test_what_is_being_sent_while_its_author_goes_is_not_published(
    town: Town, monkeypatch: pytest.MonkeyPatch, words: str, carried_out: bool
) -> None:
    leaver(town)
    browser, page = town.browser("leaver"), f"/spaces/{town.space('Late', 'olga')}"
    person, whole = town.person("leaver"), actions.check

    def meanwhile(*arguments: Any) -> Any:
        answer = whole(*arguments)
        others = threading.Thread(target=go)
        others.start()
        others.join()
        return answer

    def go() -> None:
        with town.app.app_context():
            erase.begin(person, words == "delete")
            if carried_out:
                erase.run()

    monkeypatch.setattr(actions, "check", meanwhile)
    monkeypatch.setattr(erase, "_empty_journal", lambda: None)  # waits for whoever still reads
    late = browser.submit(f"{page}/posts", page, title="Late", body="too late", client_key="9")
    assert late.status_code == 403
    monkeypatch.undo()
    with town.app.app_context():
        erase.run()
    assert "Late" not in [title for _ident, title in town.run(titles)]
    for table in (Membership, Follow):
        found = sa.select(table).where(table.user_id == person)
        assert town.run(lambda found=found: db.session.scalars(found).all()) == []


def test_who_is_about_to_go_is_told_what_an_erasure_does_not_reach(town: Town) -> None:
    browser, told = town.browser("leaver"), "is deleted 30 days after that at the latest"
    assert told not in browser.get("/me/delete").text
    (town.app.config["PARVIS"].data / "purged" / "polls 2026").mkdir(parents=True)
    assert told in browser.get("/me/delete").text


def test_what_was_under_way_when_an_account_closed_is_refused(town: Town) -> None:
    """The request began before: its viewer is somebody whose account closed meanwhile."""
    hall, club = town.space("Hall", "olga"), town.space("Club", "olga", "members", "request")
    post = town.run(lambda: actions.publish(db.session.get(Space, hall), "Words").id, "olga")
    leaver = town.person("leaver")
    person = town.run(lambda: access.viewer(), "leaver")

    def entry() -> Entry:
        return db.session.get(Entry, post)

    def place(ident: int) -> Space:
        return db.session.get(Space, ident)

    under_way = {
        "support": lambda: actions.support(entry(), True),
        "follow a post": lambda: actions.follow(True, entry=entry()),
        "follow a space": lambda: actions.follow(True, space=place(hall)),
        "join": lambda: spaces.join(place(hall)),
        "ask to join": lambda: joining.ask_to_join(place(club), "Please"),
        "report": lambda: reports.report(entry(), "spam"),
        "reply": lambda: actions.publish(place(hall), "Me too", kind="core.reply", parent=entry()),
    }
    with town.app.app_context():
        erase.begin(leaver, words=False)
    for when in ("closed", "erased"):
        for name, work in under_way.items():
            with town.app.app_context(), access.as_viewer(person):
                try:
                    work()
                except access.Forbidden:
                    continue
            pytest.fail(f"{name} passed although {when}")
        jobs.run_due(town.app)
    assert refers(town, leaver) == []


@pytest.mark.parametrize("words", [False, True])
def test_supports_follows_and_joins_race_an_erasure_and_leave_nothing(town: Town, words: bool) -> None:
    hall = town.space("Hall", "olga")
    posts = [
        town.run(lambda: actions.publish(db.session.get(Space, hall), "Words").id, "olga") for _ in range(12)
    ]
    leaver = town.person("leaver")
    person = town.run(lambda: access.viewer(), "leaver")
    begun = threading.Barrier(4)
    ends: list[BaseException] = []

    def act(work: Callable[[int], Any]) -> None:
        begun.wait()
        for ident in posts:
            try:
                with town.app.app_context(), access.as_viewer(person):
                    work(ident)
            except access.Forbidden:
                pass
            except BaseException as error:  # noqa: BLE001  told below
                ends.append(error)

    def leave() -> None:
        begun.wait()
        with town.app.app_context():
            erase.begin(leaver, words=words)
            erase.run()

    works: list[Callable[[int], Any]] = [
        lambda ident: actions.support(db.session.get(Entry, ident), True),
        lambda ident: actions.follow(True, entry=db.session.get(Entry, ident)),
        lambda _ident: spaces.join(db.session.get(Space, hall)),
    ]
    threads = [threading.Thread(target=act, args=(work,)) for work in works] + [
        threading.Thread(target=leave)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == []
    jobs.run_due(town.app)
    assert refers(town, leaver) == []
    counts = town.run(lambda: list(db.session.scalars(sa.select(Entry.support_count))))
    assert set(counts) == {0}
    assert town.run(lambda: db.session.get(Space, hall)).member_count == 1


def refers(town: Town, person: int) -> list[str]:
    """Which rows still say what this person did or wanted."""
    models = (Support, Follow, Membership, JoinRequest)
    counted = {
        model.__tablename__: sa.select(sa.func.count()).select_from(model).where(model.user_id == person)
        for model in models
    }
    return [name for name, count in counted.items() if town.run(lambda c=count: db.session.scalar(c))]


@pytest.mark.parametrize("name", ["Zib’ & d'Arc", "Z.Zibeline", 'Le "Zibeline"', "Zibeline"])
def test_no_way_of_writing_a_name_waits_in_a_letter_to_somebody_else(town: Town, name: str) -> None:
    def write_down() -> None:
        with write() as session:
            session.get(User, town.person("leaver")).name = name

    def invite() -> None:
        invitations.invite(db.session.get(Space, group), "friend@elsewhere.example")

    group = town.space("Circle", "leaver", joining="invite")
    town.person("olga")
    town.run(write_down)
    town.run(invite, "leaver")

    def letters() -> list[str]:
        rows = db.session.scalars(sa.select(Mail).where(Mail.kind == "core.invitation"))
        return [entities.unescape(text).replace("[.]", ".") for row in rows for text in (row.text, row.html)]

    assert all(name in text for text in town.run(letters))
    close(town, "alias")
    with town.app.app_context():
        erase.run()
    assert [name in text for text in town.run(letters)] == [False, False]


def test_a_word_that_holds_a_name_is_not_the_name(town: Town) -> None:
    words = "Prézib zibert"
    group = town.space(words, "leaver", joining="invite")

    def write_down() -> None:
        with write() as session:
            session.get(User, town.person("leaver")).name = "zib"

    def invite() -> None:
        invitations.invite(db.session.get(Space, group), "friend@elsewhere.example")

    def letter() -> str:
        [mail] = db.session.scalars(sa.select(Mail).where(Mail.kind == "core.invitation"))
        return f"{mail.subject} {mail.text} {mail.html}"

    town.run(write_down)
    town.run(invite, "leaver")
    before = town.run(letter)
    assert re.search(r"\bzib\b", before)
    close(town, "alias")
    town.run(erase.run)
    after = town.run(letter)
    assert not re.search(r"\bzib\b", after)
    assert after.count(words) == before.count(words) > 0
