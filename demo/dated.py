"""Lets all that the making of the town wrote be as old as what it belongs to, never as old as the making."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from core import access
from core.db import db, write
from core.models import Audit, Entry, File, Membership, Space, Support, User
from plugins.neighbourhood_visits.follow.models import Step
from plugins.neighbourhood_visits.models import Commitment
from plugins.neighbourhood_visits.plan.models import Sensitivity


@contextmanager
def logged(at: dt.datetime) -> Iterator[None]:
    """Let what is done within stand in the log as done then: afterwards nobody can change a row of it."""

    def date(_connection: Any, clause: Any, many: Any, params: Any, _options: Any) -> tuple[Any, Any, Any]:
        if isinstance(clause, sa.Insert) and clause.table is Audit.__table__:
            clause = clause.values(at=at)
        return clause, many, params

    event.listen(db.engine, "before_execute", date, retval=True)
    try:
        yield
    finally:
        event.remove(db.engine, "before_execute", date)


def agree() -> None:
    """Date what no action of the town's people dates with the entry, space or person that it belongs to."""
    said = sa.func.coalesce(Entry.published_at, Entry.created_at)
    came = sa.case((Space.created_at > User.created_at, Space.created_at), else_=User.created_at)
    joined = sa.select(came).where(Space.id == Membership.space_id, User.id == Membership.user_id)
    moved = sa.select(sa.func.max(Step.at)).where(Step.commitment_id == Commitment.id)
    with access.as_system("date what belongs to something"), write():
        for column, moment in (
            (Membership.created_at, joined),
            (Support.created_at, sa.select(said).where(Entry.id == Support.entry_id)),
            (File.created_at, sa.select(said).where(Entry.id == File.entry_id)),
            (File.created_at, sa.select(User.created_at).where(User.id == File.profile_of)),
            (Commitment.changed_at, moved),
            (Sensitivity.changed_at, sa.select(said).where(Entry.id == Sensitivity.entry_id)),
        ):
            _set(column, moment.scalar_subquery())
        _set(Entry.pinned_at, Entry.created_at, Entry.pinned_at.is_not(None))


def _set(column: Any, moment: Any, *where: Any) -> None:
    """Write a moment in a column, where there is one."""
    known = [moment.is_not(None)] if isinstance(moment, sa.ScalarSelect) else []
    statement = sa.update(column.class_).where(*known, *where).values({column.key: moment})
    db.session.execute(statement.execution_options(synchronize_session=False))
