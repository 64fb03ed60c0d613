"""The stops of a visit with their questions, as scribes go through them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from core import api

from ..models import Question
from ..plan.models import Stop, StopQuestion
from ..reads import Facts, load_questions


@dataclass
class Halt:
    """A stop, or with an empty title what belongs to none; its questions in order."""

    title: str
    questions: list[tuple[api.Entry, Facts]] = field(default_factory=list)


def halts(space_id: int) -> list[Halt]:
    """The stops of a visit with the accepted questions; those without one last, the most wanted first."""
    planned, unplanned = sa.case((Question.discussion == "not_planned", 1), else_=0), Halt("")
    rows = (
        sa.select(api.Entry)
        .join(Question, Question.entry_id == api.Entry.id)
        .where(api.Entry.space_id == space_id, api.Entry.state == "published", Question.triage == "accepted")
        .order_by(planned, api.Entry.support_count.desc(), api.Entry.id)
    )
    entries = {entry.id: entry for entry in api.db.session.scalars(rows)}
    facts = load_questions(list(entries))
    found = []
    for title, ids in _stops(space_id):
        here = [(entries.pop(ident), facts[ident]) for ident in ids if ident in entries]
        found.append(Halt(title, here))
    unplanned.questions = [(entry, facts[ident]) for ident, entry in entries.items()]
    return [*found, unplanned]


def _stops(space_id: int) -> Sequence[tuple[str, list[int]]]:
    """The titles of the stops in order, each with the ids of its questions."""
    rows = (
        sa.select(Stop.id, Stop.title, StopQuestion.entry_id)
        .outerjoin(StopQuestion, StopQuestion.stop_id == Stop.id)
        .where(Stop.space_id == space_id)
        .order_by(Stop.position, Stop.id, StopQuestion.position)
    )
    found: dict[int, tuple[str, list[int]]] = {}
    for ident, title, entry_id in api.db.session.execute(rows):
        found.setdefault(ident, (title, []))[1].extend([entry_id] if entry_id else [])
    return list(found.values())
