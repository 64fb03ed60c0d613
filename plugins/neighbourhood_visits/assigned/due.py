"""What is overdue: past the department's day, or unanswered three days before the freeze; the one rule."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from ..models import Casework, Question, Visit

OPEN = ("assigned", "drafted", "to_approve")  # of answers, while a department may draft
BEFORE_FREEZE = dt.timedelta(days=3)
LIVE = ("announced", "collecting", "preparing", "ready", "postponed", "in_progress")


def answer_by(promised: dt.datetime, since: dt.datetime, visit: Visit) -> dt.datetime:
    """Until when an answer is to be expected: the day that is promised, or three days before the freeze.

    What came `since` then is answered until the visit, and what came after that, as promised.
    """
    freezes_at = visit.freezes_at or visit.starts_at
    ends = (freezes_at - BEFORE_FREEZE, visit.starts_at)
    return promised if visit.off else min([promised, *[moment for moment in ends if moment > since][:1]])


def overdue(now: dt.datetime) -> Any:
    """The condition on questions, their casework and visit; a visit without a freeze has it at its start."""
    freezes_at = sa.func.coalesce(Visit.freezes_at, Visit.starts_at)
    late = sa.or_(Casework.due_at < now, freezes_at <= now + BEFORE_FREEZE)
    waits = (Question.triage == "accepted", Question.answered_at.is_(None), Question.group_id.is_(None))
    return sa.and_(*waits, Casework.answer.in_(("none", *OPEN)), Visit.state.in_(LIVE), late)


def is_overdue(question: Question, casework: Casework, visit: Visit, now: dt.datetime) -> bool:
    """The same of rows that were read."""
    late = casework.due_at is not None and casework.due_at < now
    late = late or (visit.freezes_at or visit.starts_at) <= now + BEFORE_FREEZE
    waits = question.triage == "accepted" and question.answered_at is None and question.group_id is None
    return waits and casework.answer in ("none", *OPEN) and visit.state in LIVE and late
