"""What a report lacks before it is published: what would make it wrong, and what only leaves it thin."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from core import api

from ..field.models import Note
from ..models import Commitment, Question

WRONG, THIN = ("choices", "promises"), ("outcomes", "notes")
LISTED = 5


@dataclass(frozen=True)
class Gap:
    """How much of one sort is lacking, with the first questions that lack it."""

    count: int
    first: list[tuple[int, str]]


def of(space_id: int) -> dict[str, Gap]:
    """What the report of a visit lacks, for who writes it; as many statements however much it is."""
    with api.as_system("scribes are told what the report lacks"):
        return _of(space_id)


def _of(space_id: int) -> dict[str, Gap]:
    found = {name: _questions(space_id, name) for name in (*WRONG, "outcomes")}
    found["notes"] = Gap(unread(space_id), [])
    return {name: gap for name, gap in found.items() if gap.count}


def thin(space_id: int) -> bool:
    """Whether the report of a visit lacks anything without which it is right and says little."""
    return lacks(space_id, "outcomes") or unread(space_id) > 0


def lacks(space_id: int, name: str) -> bool:
    """Whether the report of a visit lacks this sort of thing."""
    return _questions(space_id, name).count > 0


def promised(question_id: int) -> bool:
    """Whether it is said by whom and until when something is done about a question."""
    found = sa.select(Commitment.id).where(Commitment.question_id == question_id)
    return api.db.session.scalars(found.limit(1)).first() is not None


def unread(space_id: int) -> int:
    """How many notes without an outcome nobody has looked at yet."""
    waiting = sa.select(sa.func.count(Note.id)).where(*unread_in(space_id))
    return api.db.session.scalar(waiting) or 0


def unread_in(space_id: int) -> tuple[Any, ...]:
    """The condition on these notes."""
    return Note.space_id == space_id, Note.outcome == "", Note.state == "kept"


def _questions(space_id: int, name: str) -> Gap:
    """The accepted questions of a visit that wait for a choice, for a promise's owner, or for an outcome.

    A promise that was noted on the way and contradicted by nobody waits for its owner and date alone.
    """
    head = aliased(Question)
    noted = (
        sa.select(
            Note.entry_id,
            sa.func.max(sa.case((Note.state == "kept", 1), else_=0)).label("waits"),
            sa.func.max(sa.case((Note.outcome != "commit", 1), else_=0)).label("others"),
        )
        .where(Note.space_id == space_id, Note.outcome != "", Note.state != "set_aside")
        .group_by(Note.entry_id)
        .subquery()
    )
    owned = sa.exists().where(Commitment.question_id == Question.entry_id)
    waits, contradicted = sa.func.coalesce(noted.c.waits, 0) == 1, noted.c.others == 1
    stands = Question.outcome.not_in(("none", "committed"))
    choice = sa.and_(waits, sa.or_(contradicted, owned, stands))
    promise = sa.and_(~owned, sa.or_(Question.outcome == "committed", waits))
    silent = sa.and_(Question.outcome == "none", sa.func.coalesce(head.outcome, "none") == "none")
    sort = sa.case((choice, "choices"), (promise, "promises"), (silent, "outcomes"))
    rows = (
        sa.select(api.Entry.id, api.Entry.title, sa.func.count().over())
        .join(Question, Question.entry_id == api.Entry.id)
        .outerjoin(head, head.entry_id == Question.group_id)
        .outerjoin(noted, noted.c.entry_id == api.Entry.id)
        .where(api.Entry.space_id == space_id, api.Entry.state == "published")
        .where(Question.triage == "accepted", sort == name)
        .order_by(api.Entry.id)
        .limit(LISTED)
    )
    found = api.db.session.execute(rows).all()
    return Gap(found[0][2] if found else 0, [(row[0], row[1]) for row in found])
