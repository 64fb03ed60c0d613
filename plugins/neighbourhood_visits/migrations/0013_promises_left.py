"""Reports hold promises about public questions alone, papers say what a late one is about; a wider index."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "visits_0013"
down_revision = "visits_0012"
branch_labels = None
depends_on = None

_report = sa.table(
    "visits_report", sa.column("space_id"), sa.column("facts", sa.JSON), sa.column("mentions", sa.JSON)
)
_paper = sa.table("visits_paper", sa.column("id"), sa.column("data", sa.JSON))
_promise = sa.table("visits_commitment", *map(sa.column, ("id", "question_id", "text")))
_question = sa.table("visits_question", *map(sa.column, ("entry_id", "triage")))
_entry = sa.table("core_entry", sa.column("id"), sa.column("state"), sa.column("team_only", sa.Boolean))


def upgrade() -> None:
    op.drop_index("ix_visits_term_term", "visits_term")
    op.create_index("ix_visits_term_term", "visits_term", ["term", "space_id", "entry_id", "weight"])
    connection = op.get_bind()
    for space_id, facts, mentions in _each(_report):
        promises = facts.get("commitments", [])
        shown = _public({row["question"] for row in promises})
        gone = dict.fromkeys(row["question"] for row in promises if row["question"] not in shown)
        if gone:
            today = dt.datetime.now(dt.UTC).date().isoformat()
            new = [{"on": today, "question": ident, "what": "promise"} for ident in gone]
            left = {**facts, "commitments": [row for row in promises if row["question"] in shown]}
            values = {"facts": left, "mentions": [*mentions, *new]}
            connection.execute(sa.update(_report).where(_report.c.space_id == space_id).values(values))
    for ident, data in _each(_paper):
        if any("question" not in row for row in data.get("late", ())):
            late = [_named(row) for row in data["late"]]
            named = sa.update(_paper).where(_paper.c.id == ident).values(data={**data, "late": late})
            connection.execute(named)


def downgrade() -> None:
    """What was taken out stays so."""
    op.drop_index("ix_visits_term_term", "visits_term")
    op.create_index("ix_visits_term_term", "visits_term", ["term", "space_id"])


def _each(table: Any) -> Iterator[Any]:
    """The rows of a table, one at a time: they may be long."""
    [key, *_rest] = table.c
    for ident in op.get_bind().execute(sa.select(key).order_by(key)).scalars().all():
        yield op.get_bind().execute(sa.select(table).where(key == ident)).one()


def _public(ids: set[int | None]) -> set[int]:
    """Those of these questions that everybody may read."""
    rows = sa.select(_question.c.entry_id).join(_entry, _entry.c.id == _question.c.entry_id)
    rows = rows.where(_question.c.entry_id.in_([ident for ident in ids if ident is not None]))
    rows = rows.where(_question.c.triage == "accepted", _entry.c.state == "published", ~_entry.c.team_only)
    return set(op.get_bind().execute(rows).scalars())


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """A late promise with what it is about, found by its words."""
    said = sa.select(_promise.c.id, _promise.c.question_id).where(_promise.c.text == row["text"])
    found = op.get_bind().execute(said.order_by(_promise.c.id)).first()
    return {"id": found.id, "question": found.question_id, **row} if found else row
