"""Who is told of what is overdue: its department, and a day later the coordinator."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from core import api

from .. import letters, teams
from ..models import Casework, Question, Visit
from .due import overdue

PATIENCE = dt.timedelta(days=1)  # from a department's reminder until its coordinator is told
BATCH = 500


def remind() -> None:
    """Job: remind the department of what is overdue, and a day later tell the coordinator; each once."""
    now = api.now()
    rows = (
        _late(now)
        .where(Casework.escalated_at.is_(None))
        .where(sa.or_(Casework.reminded_at.is_(None), Casework.reminded_at <= now - PATIENCE))
        .order_by(Casework.entry_id)
        .limit(BATCH)
    )
    with api.as_system("remind of what is overdue"):
        for question_id in api.db.session.scalars(rows).all():
            with api.write():
                _remind(question_id, now)


def forget(space_id: int) -> None:
    """Nobody was told yet of what is not overdue any more, where a visit has moved; inside a write."""
    late = _late(api.now()).where(Casework.space_id == space_id)
    others = sa.update(Casework).where(Casework.space_id == space_id, Casework.entry_id.not_in(late))
    with api.as_system("remind anew of what is due later"):
        api.db.session.flush()
        anew = others.values(reminded_at=None, escalated_at=None)
        api.db.session.execute(anew, execution_options={"synchronize_session": False})


def _late(now: dt.datetime) -> sa.Select[int]:
    """The ids of the questions that are overdue, and that moderators have not hidden."""
    return (
        sa.select(Casework.entry_id)
        .join(api.Entry, api.Entry.id == Casework.entry_id)
        .join(Question, Question.entry_id == Casework.entry_id)
        .join(Visit, Visit.space_id == Casework.space_id)
        .where(overdue(now), api.Entry.state == "published")
    )


def _remind(question_id: int, now: dt.datetime) -> None:
    """One step for one question, taken once however often the job runs."""
    held = api.lock(sa.select(Casework).where(Casework.entry_id == question_id))
    casework = api.db.session.scalars(held).one()
    if casework.reminded_at is None and casework.department_id is not None:
        casework.reminded_at = now
        letters.tell_department(question_id, "overdue")
    elif casework.escalated_at is None:
        casework.escalated_at = now
        entry: Any = api.db.session.get(api.Entry, question_id)
        api.notify("visits.overdue", sorted(teams.who_coordinates(casework.space_id)), entry=entry)
