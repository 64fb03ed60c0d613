"""What a report lacks before it is published: what would make it wrong, and what only leaves it thin."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from core import api

from ..field.models import Note
from ..models import STANDS, Casework, Commitment, Question, pledged

WRONG, THIN = ("choices", "promises"), ("to_read", "outcomes", "unanswered", "held")
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
    found = {name: _questions(space_id, name) for name in (*WRONG, *THIN)}
    found["notes"] = Gap(unread(space_id), [])
    return {name: gap for name, gap in found.items() if gap.count}


def thin(space_id: int) -> bool:
    """Whether the report of a visit lacks anything without which it is right and says little."""
    return unread(space_id) > 0 or any(lacks(space_id, name) for name in THIN)


def lacks(space_id: int, name: str) -> bool:
    """Whether the report of a visit lacks this sort of thing."""
    return _questions(space_id, name).count > 0


def promised(question_id: int) -> bool:
    """Whether it is said by whom and until when something is done about a question."""
    stands = sa.select(Commitment.id).where(Commitment.question_id == question_id, STANDS).limit(1)
    return api.db.session.scalars(stands).first() is not None


def unread(space_id: int) -> int:
    """How many notes without an outcome nobody has looked at yet."""
    waiting = sa.select(sa.func.count(Note.id)).where(*unread_in(space_id))
    return api.db.session.scalar(waiting) or 0


def unread_in(space_id: int) -> tuple[Any, ...]:
    """The condition on these notes."""
    return Note.space_id == space_id, Note.outcome == "", Note.state == "kept"


def _questions(space_id: int, name: str) -> Gap:
    """The questions of a visit that wait to be read, or accepted ones that lack something.

    That is a choice, a promise's owner, an outcome, an answer, or the day on which it is published. A promise
    that was noted on the way and contradicted by nobody waits for its owner and date alone.
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
    owned = pledged(STANDS)
    waits, contradicted = sa.func.coalesce(noted.c.waits, 0) == 1, noted.c.others == 1
    stands = Question.outcome.not_in(("none", "committed"))
    choice = sa.and_(waits, sa.or_(contradicted, owned, stands))
    promise = sa.and_(~owned, sa.or_(Question.outcome == "committed", waits))
    silent = sa.and_(Question.outcome == "none", sa.func.coalesce(head.outcome, "none") == "none")
    answered = sa.func.coalesce(Question.answered_at, head.answered_at).is_not(None)
    held = sa.and_(Casework.held, Casework.answer == "approved")
    sort = sa.case((choice, "choices"), (promise, "promises"), (silent, "outcomes"))
    wanted = {
        "to_read": Question.triage.in_(("submitted", "contested")),
        "unanswered": sa.and_(~silent, ~answered, ~held),
        "held": held,
    }.get(name, sort == name)
    read = sa.and_(api.Entry.state == "published", Question.triage == "accepted")
    rows = (
        sa.select(api.Entry.id, api.Entry.title, sa.func.count().over())
        .join(Question, Question.entry_id == api.Entry.id)
        .outerjoin(head, head.entry_id == Question.group_id)
        .join(Casework, Casework.entry_id == api.Entry.id)
        .outerjoin(noted, noted.c.entry_id == api.Entry.id)
        .where(api.Entry.space_id == space_id, wanted)
        .where(api.Entry.state == "pending" if name == "to_read" else read)
        .order_by(api.Entry.id)
        .limit(LISTED)
    )
    found = api.db.session.execute(rows).all()
    return Gap(found[0][2] if found else 0, [(row[0], row[1]) for row in found])
