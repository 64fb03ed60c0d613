"""The way that a question has come: its steps are written down as they happen, and read by everybody."""

from collections.abc import Sequence

import sqlalchemy as sa

from core import api

from .models import Step

BY_ASKERS = frozenset({"confirm", "contest"})  # of commitments; what they say is an entry of their own
PUBLIC = frozenset({("triage", "group"), ("discussion", "discuss")})


def record(
    question_id: int | None, thing: str, verb: str, reason: str = "", commitment_id: int | None = None
) -> None:
    """Write a step down that everybody may know of, inside a write; others leave no trace."""
    told = thing in ("outcome", "commitment") or (thing, verb) in PUBLIC
    if question_id is None or not told:
        return
    by_town = thing == "commitment" and verb not in BY_ASKERS  # an outcome's is kept with the question
    kept = reason if by_town else ""
    step = Step(entry_id=question_id, thing=thing, verb=verb, reason=kept, commitment_id=commitment_id)
    api.db.session.add(step)


def forget_outcome(question_id: int, verbs: Sequence[str]) -> None:
    """One of these outcomes was noted, but another chosen: the way of the question tells of that alone."""
    said = (Step.entry_id == question_id, Step.thing == "outcome", Step.verb.in_(verbs))
    latest = sa.select(sa.func.max(Step.id)).where(*said)
    api.db.session.execute(sa.delete(Step).where(Step.id == latest.scalar_subquery()))


def last(commitment_id: int) -> Step | None:
    """The latest step of a promise."""
    rows = sa.select(Step).where(Step.commitment_id == commitment_id).order_by(Step.id.desc()).limit(1)
    return api.db.session.scalars(rows).one_or_none()
