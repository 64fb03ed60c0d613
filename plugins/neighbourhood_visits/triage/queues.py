"""What waits for the team: the queues of a visit, how many questions each holds, and whose they are."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from ..assigned.due import overdue
from ..labels import theme_label
from ..models import Answer, Casework, Department, Question, Visit
from ..reads import PAGE

NOTED = ("announced", "collecting", "preparing", "ready", "in_progress", "reporting")
QUEUES: dict[str, Any] = {
    "unread": sa.and_(Question.triage.in_(("submitted", "contested")), ~Question.empty),
    "unanswered": sa.and_(
        Question.triage == "accepted",
        Question.answered_at.is_(None),
        Question.group_id.is_(None),
        ~Question.empty,
    ),
    "answered": Question.answered_at.is_not(None),
    "rejected": Question.triage.in_(("rejected", "forwarded", "private_case", "withdrawn")),
}

FILTERS: dict[str, Any] = {"theme": Question.theme, "department": Casework.department_id}


def conditions() -> dict[str, Any]:
    """What each queue holds at this moment."""
    return {**QUEUES, "overdue": overdue(api.now())}


def queue_label(name: str) -> str:
    """The name of a queue on the page."""
    labels = {
        "unread": _("To read"),
        "unanswered": _("To answer"),
        "answered": _("Answered"),
        "rejected": _("Not public"),
        "overdue": _("Overdue"),
    }
    return str(labels[name])


def _waiting() -> sa.Select[api.Entry, Question, Casework, Answer]:
    return (
        sa.select(api.Entry, Question, Casework, Answer)
        .join(Question, Question.entry_id == api.Entry.id)
        .join(Casework, Casework.entry_id == api.Entry.id)
        .join(Visit, Visit.space_id == api.Entry.space_id)
        .outerjoin(Answer, Answer.question_id == api.Entry.id)
        .where(api.Entry.state != "removed")
    )


def queue(
    space_id: int, name: str, after: int = 0, filters: Mapping[str, str] | None = None
) -> tuple[Sequence[sa.Row[api.Entry, Question, Casework, Answer]], int | None]:
    """A page of one queue of a visit, the oldest first, and the id to go on after.

    `filters` leave those of one `theme`, or of the department with one id.
    """
    rows = _waiting().where(api.Entry.space_id == space_id, conditions()[name], api.Entry.id > after)
    rows = rows.where(*(sa.cast(FILTERS[one], sa.String) == value for one, value in (filters or {}).items()))
    found = api.db.session.execute(rows.order_by(api.Entry.id).limit(PAGE + 1)).all()
    return found[:PAGE], found[PAGE - 1][0].id if len(found) > PAGE else None


def kinds(space_id: int, name: str) -> dict[str, list[tuple[Any, str, int]]]:
    """What the questions of a queue can be told apart by: value, name and how many."""
    found: dict[str, list[tuple[Any, str, int]]] = {}
    for one, column in FILTERS.items():
        called: Any = Department.name if one == "department" else column
        rows = (
            sa.select(column, called, sa.func.count())
            .select_from(api.Entry)
            .join(Question, Question.entry_id == api.Entry.id)
            .join(Casework, Casework.entry_id == api.Entry.id)
            .join(Visit, Visit.space_id == api.Entry.space_id)
            .outerjoin(Department, Department.id == Casework.department_id)
            .where(api.Entry.space_id == space_id, api.Entry.state != "removed", conditions()[name])
            .where(column.is_not(None), sa.cast(column, sa.String) != "")
            .group_by(column, called)
        )
        said = theme_label if one == "theme" else str
        found[one] = sorted(
            ((row[0], said(row[1]), row[2]) for row in api.db.session.execute(rows)), key=_name
        )
    return found


def _name(kind: tuple[Any, str, int]) -> str:
    return api.fold(kind[1])


def queue_counts(space_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """How many questions are in each queue, by visit: one statement."""
    held = conditions()
    rows = api.db.session.execute(_counted(held).where(api.Entry.space_id.in_(list(space_ids))))
    found = {row[0]: dict(zip(held, row[1:], strict=True)) for row in rows}
    return {space_id: found.get(space_id, dict.fromkeys(held, 0)) for space_id in space_ids}


def _counted(held: dict[str, Any]) -> Any:
    counts = [sa.func.count(sa.case((condition, 1))).label(name) for name, condition in held.items()]
    return (
        sa.select(api.Entry.space_id, *counts)
        .join(Question, Question.entry_id == api.Entry.id)
        .join(Casework, Casework.entry_id == api.Entry.id)
        .join(Visit, Visit.space_id == api.Entry.space_id)
        .where(api.Entry.state != "removed")
        .group_by(api.Entry.space_id)
    )


def reviewed(space_ids: Iterable[int]) -> frozenset[int]:
    """Which of these visits the viewer reviews questions of: those on whose team they are."""
    rows = sa.select(api.Membership.space_id).where(
        api.Membership.user_id == api.viewer().id,
        api.Membership.space_id.in_(list(space_ids)),
        api.Membership.role.in_(("coordinator", "official", "agent")),
        sa.or_(api.Membership.expires_at.is_(None), api.Membership.expires_at > api.now()),
    )
    return frozenset(api.db.session.scalars(rows))


def waiting() -> list[tuple[Visit, api.Space, dict[str, int]]]:
    """The visits on whose team the viewer is and where questions wait, with their counts: one statement.

    Where something is overdue comes first, then the visit that is soonest, and what is past comes last.
    """
    if api.viewer().role not in ("official", "agent", "administrator"):
        return []
    team = sa.select(api.Membership.space_id).where(
        api.Membership.user_id == api.viewer().id,
        api.Membership.role.in_(("coordinator", "official", "agent")),
        sa.or_(api.Membership.expires_at.is_(None), api.Membership.expires_at > api.now()),
    )
    held = conditions()
    counted = _counted(held).where(api.Entry.space_id.in_(team)).subquery()
    late, past = counted.c.overdue > 0, Visit.ends_at < api.now()
    rows = (
        sa.select(Visit, api.Space, *(counted.c[name] for name in held))
        .join(api.Space, api.Space.id == Visit.space_id)
        .join(counted, counted.c.space_id == Visit.space_id)
        .where(sa.or_(counted.c.unread > 0, counted.c.unanswered > 0))
        .order_by(sa.case((late, 0), (past, 2), else_=1), Visit.starts_at, Visit.space_id)
    )
    found = api.db.session.execute(rows)
    return [(visit, space, dict(zip(held, counts, strict=True))) for visit, space, *counts in found]


def noted_next() -> sa.Row[Visit, str] | None:
    """The visit that the viewer notes and whose report is not out: the next, else the first that is over."""
    row, past = api.Membership, sa.or_(Visit.state == "reporting", Visit.ends_at < api.now())
    rows = (
        sa.select(Visit, api.Space.name)
        .join(api.Space, api.Space.id == Visit.space_id)
        .join(row, row.space_id == Visit.space_id)
        .where(row.user_id == api.viewer().id, row.role == "scribe", Visit.state.in_(NOTED))
        .where(sa.or_(row.expires_at.is_(None), row.expires_at > api.now()))
        .order_by(sa.case((past, 1), else_=0), Visit.starts_at, Visit.space_id)
    )
    return api.db.session.execute(rows.limit(1)).first()
