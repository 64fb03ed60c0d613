"""What the tables of the visits held is there after later revisions, as these say it, on both engines."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import migrate, registry
from core.db import WRITING, db
from core.models import Entry
from plugins.neighbourhood_visits.models import Answer, Casework, Question
from plugins.neighbourhood_visits.plan.models import Paper
from plugins.neighbourhood_visits.report.models import Report

if TYPE_CHECKING:
    from core.testing import Town

pytestmark = pytest.mark.engines

MOMENT = dt.datetime(2026, 3, 1, 18, tzinfo=dt.UTC)
CASES = (
    (1, "submitted", "pending", None),
    (2, "accepted", "published", "drafted"),
    (3, "accepted", "published", "published"),
    (4, "rejected", "published", None),
)


def test_questions_answers_and_decisions_are_kept(town: Town) -> None:
    mayor, modules = town.person("mayor", "official"), registry.discover()[1]
    town.run(lambda: fall_back(modules))
    town.run(lambda: fill(mayor))
    town.run(lambda: migrate.upgrade(db.engine, modules))

    def read() -> dict[int, tuple[Any, ...]]:
        found = sa.select(Entry, Question, Casework).join(Question, Question.entry_id == Entry.id)
        rows = db.session.execute(found.join(Casework, Casework.entry_id == Entry.id))
        return {
            entry.id: (question.triage, entry.state, entry.reader_id, casework.answer, casework.drafted_by)
            for entry, question, casework in rows
        }

    assert town.run(read) == {
        1: ("submitted", "pending", mayor, "none", None),
        2: ("accepted", "published", None, "drafted", mayor),
        3: ("accepted", "published", None, "published", None),
        4: ("rejected", "pending", mayor, "none", None),
    }
    answers = sa.select(Answer.question_id).order_by(Answer.question_id)
    assert town.run(lambda: list(db.session.scalars(answers))) == [2, 3]


def fall_back(modules: Any, revision: str = "visits_0001") -> None:
    """Take the plugin back to its first revision, or to another one."""
    folder = migrate.owners(modules)["visits"]
    migrate.downgrade(db.engine, "visits", folder)
    migrate.upgrade(db.engine, modules, {"visits": revision})


def fill(mayor: int) -> None:
    """A visit with questions in each state that there was, as the first revision kept them."""
    with db.engine.connect() as plain:
        connection = plain.execution_options(guarded=True, **WRITING)
        say = lambda table, **values: insert(connection, table, values)  # noqa: E731
        say("core_space", id=1, kind="visits.visit", name="A visit", folded="a visit", visibility="public")
        say(
            "visits_visit",
            space_id=1,
            state="collecting",
            starts_at=MOMENT,
            ends_at=MOMENT,
            questions_close_at=MOMENT,
            meeting_point="Here",
            access_notes="",
            other_ways="",
        )
        for ident, triage, state, answer in CASES:
            closed = triage != "accepted"
            private = state == "published" and closed
            text = {"title": "A question", "body": "", "html": "", "kind": "visits.question", "space_id": 1}
            audience = {"team_only": closed, "private": private, "reader_id": mayor if closed else None}
            say("core_entry", id=ident, author_id=mayor, state=state, **text, **audience)
            answered_at = MOMENT if answer == "published" else None
            say(
                "visits_question",
                entry_id=ident,
                theme="",
                place="",
                triage=triage,
                reason="",
                answered_at=answered_at,
            )
            say("visits_casework", entry_id=ident, space_id=1, contact="", note="")
            if answer:
                reply = {"parent_id": ident, "kind": "visits.answer", "state": "published"}
                reply |= {"team_only": answer == "drafted", "private": answer == "drafted"}
                say("core_entry", id=10 + ident, author_id=mayor, **text | reply)
                say("visits_answer", entry_id=10 + ident, question_id=ident, state=answer)
        connection.commit()


def insert(connection: Any, table: str, values: dict[str, Any]) -> None:
    """Insert a row as the database, not the models, knows the table; the core's defaults taken in."""
    known = db.metadata.tables.get(table) if table.startswith("core_") else None
    target = known if known is not None else sa.Table(table, sa.MetaData(), autoload_with=connection)
    moments = {
        name: value.replace(tzinfo=None)
        if isinstance(value, dt.datetime) and known is None and connection.dialect.name == "sqlite"
        else value
        for name, value in values.items()
    }
    connection.execute(sa.insert(target).values(moments))


def test_reports_lose_promises_without_a_public_question(town: Town) -> None:
    modules = registry.discover()[1]
    town.run(lambda: fall_back(modules, "visits_0011"))
    town.run(fill_report)
    town.run(lambda: migrate.upgrade(db.engine, modules))
    report, paper = town.run(lambda: (db.session.get(Report, 1), db.session.get(Paper, 1)))
    assert [row["text"] for row in report.facts["commitments"]] == ["A lamp"]
    assert [(one["question"], one["what"]) for one in report.mentions] == [(3, "promise"), (None, "promise")]
    assert paper.data["late"] == [{"id": 1, "question": 2, "due": "", "text": "A lamp", "by": ""}]


def fill_report() -> None:
    """A report with promises about a public question, a private one, and one that is there no more."""
    promises = [("A lamp", 2), ("A bench", 3), ("A tree", None)]
    with db.engine.connect() as plain:
        connection = plain.execution_options(guarded=True, **WRITING)
        say = lambda table, **values: insert(connection, table, values)  # noqa: E731
        say("core_space", id=1, kind="visits.visit", name="A visit", folded="a visit", visibility="public")
        text = {"title": "A question", "body": "", "html": "", "kind": "visits.question", "space_id": 1}
        for ident, triage, state in ((2, "accepted", "published"), (3, "private_case", "pending")):
            closed = state == "pending"
            say("core_entry", id=ident, state=state, team_only=closed, private=closed, **text)
            empty = dict.fromkeys(("theme", "place", "reason", "forwarded_to", "outcome_reason"), "")
            stands = {"triage": triage, "discussion": "not_planned", "outcome": "none", "moves": 0}
            say("visits_question", entry_id=ident, compared=False, signatures=0, **stands, **empty)
        say("visits_department", id=1, name="Roads", folded="roads", mailbox="", days_to_answer=30)
        promised = {"space_id": 1, "department_id": 1, "due_on": MOMENT.date(), "changed_at": MOMENT}
        promised |= {"state": "open", "reason": "", "told": 0}
        say("visits_commitment", id=1, question_id=2, text="A lamp", **promised)
        rows = [{"id": at, "question": ident, "text": text} for at, (text, ident) in enumerate(promises, 1)]
        facts = {"questions": [], "commitments": rows}
        say("visits_report", space_id=1, facts=facts, mentions=[], issued_at=MOMENT)
        late = {"late": [{"due": "", "text": "A lamp", "by": ""}]}
        said = {"kind": "dossier", "lang": "en", "data": late, "content": b"", "made_at": MOMENT}
        said |= {"state": "done", "progress": 100}
        say("visits_paper", id=1, space_id=1, **said)
        connection.commit()


def test_an_answer_whose_words_went_with_an_account_is_to_be_written(town: Town) -> None:
    modules = registry.discover()[1]
    town.run(lambda: fall_back(modules, "visits_0015"))
    town.run(fill_lost)
    town.run(lambda: migrate.upgrade(db.engine, modules))
    stands = town.run(lambda: (db.session.get(Casework, 1), db.session.get(Question, 1)))
    assert (stands[0].answer, stands[1].answered_at) == ("none", None)


def fill_lost() -> None:
    """A question that counts as answered, without the answer."""
    with db.engine.connect() as plain:
        connection = plain.execution_options(guarded=True, **WRITING)
        say = lambda table, **values: insert(connection, table, values)  # noqa: E731
        say("core_space", id=1, kind="visits.visit", name="A visit", folded="a visit", visibility="public")
        text = {"title": "A question", "body": "", "html": "", "kind": "visits.question", "space_id": 1}
        say("core_entry", id=1, state="published", team_only=False, private=False, **text)
        empty = dict.fromkeys(("theme", "place", "reason", "objection", "forwarded_to", "outcome_reason"), "")
        stands = {"triage": "accepted", "discussion": "not_planned", "outcome": "none", "moves": 0}
        stands |= {"answered_at": MOMENT, "compared": False, "signatures": 0, "unconfirmed": 0}
        say("visits_question", entry_id=1, **stands, **empty)
        said = {"contact": "", "note": "", "flags": "", "held": False, "kept_out": 0, "answer": "published"}
        say("visits_casework", entry_id=1, space_id=1, **said)
        connection.commit()
