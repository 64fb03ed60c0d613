"""When an answer is due: on the department's day, or three days before the freeze; what is late by that."""

import datetime as dt
from functools import partial
from typing import Any

import sqlalchemy as sa

from core import api

from ..models import OFF, Casework, Question, Visit

OPEN = ("assigned", "drafted", "to_approve")  # of answers, while a department may draft
BEFORE_FREEZE = dt.timedelta(days=3)
NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)
ENDED = ("cancelled", "archived")  # of visits: nobody answers there any more


def answer_by(promised: dt.datetime, since: dt.datetime, visit: Visit) -> dt.datetime:
    """Until when an answer is to be expected: the day that is promised, or three days before the freeze.

    What came `since` then is answered until the visit, and what came after that, as promised.
    """
    freezes_at = visit.freezes_at or visit.starts_at
    ends = (freezes_at - BEFORE_FREEZE, visit.starts_at)
    return promised if visit.off else min([promised, *[moment for moment in ends if moment > since][:1]])


def due() -> Any:
    """The same day of questions joined with their entry, casework and visit, in seconds since 1970.

    NULL where none is promised and the visit sets none.
    """
    seconds = partial(sa.extract, "epoch")
    since, starts, promised = map(seconds, (api.Entry.created_at, Visit.starts_at, Casework.due_at))
    freezes = seconds(sa.func.coalesce(Visit.freezes_at, Visit.starts_at)) - BEFORE_FREEZE.total_seconds()
    on = Visit.state.not_in(OFF)
    ends = sa.case((sa.and_(on, freezes > since), freezes), (sa.and_(on, starts > since), starts))
    return sa.case((promised < ends, promised), else_=sa.func.coalesce(ends, promised))


def overdue(now: dt.datetime) -> Any:
    """The condition on questions, joined with their entry, casework and visit."""
    late = due() <= now.timestamp()
    asked = (Question.triage == "accepted", ~Question.empty)
    waits = (*asked, Question.answered_at.is_(None), Question.group_id.is_(None))
    return sa.and_(*waits, Casework.answer.in_(("none", *OPEN)), Visit.state.not_in(ENDED), late)


def is_overdue(
    entry: api.Entry, question: Question, casework: Casework, visit: Visit, now: dt.datetime
) -> bool:
    """The same of rows that were read."""
    late = answer_by(casework.due_at or NEVER, entry.created_at, visit) <= now
    asked = question.triage == "accepted" and not question.empty
    waits = asked and question.answered_at is None and question.group_id is None
    return waits and casework.answer in ("none", *OPEN) and visit.state not in ENDED and late
