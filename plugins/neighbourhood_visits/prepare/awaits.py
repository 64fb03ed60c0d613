"""What awaits an official across visits: drafts and reports to approve; and a department: its requests."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from core import api

from .. import teams
from ..assigned.due import OPEN, due
from ..models import STANDS, Answer, Casework, DepartmentMember, Question, Visit, asked_questions, pledged
from ..report.models import Minutes
from ..states import REPORTED, TRANSITIONS, Transition

DRAFTS, REPORTS = 10, 10
TEAM = ("official", "coordinator", "agent")


@dataclass(frozen=True)
class Draft:
    """An answer that waits for approval, its question as it stands, who drafted it, what may become of it."""

    question: Any
    facts: Question
    answer: Any
    drafter: str
    own: bool
    outcomes: list[Transition]


@dataclass(frozen=True)
class Drafts:
    """The drafts of one visit, whether the viewer approves them, and whether for a day that is to come."""

    space: Any
    publishes: bool
    holds: bool
    drafts: list[Draft] = field(default_factory=list)


def own_visits() -> Any:
    """The visits on whose team the viewer is, each with whether they are one of its officials."""
    row = api.Membership
    official = sa.func.max(sa.case((row.role == "official", 1), else_=0)).label("official")
    return (
        sa.select(row.space_id, official)
        .where(row.user_id == api.viewer().id, row.role.in_(TEAM))
        .where(sa.or_(row.expires_at.is_(None), row.expires_at > api.now()))
        .group_by(row.space_id)
        .subquery()
    )


def drafts(first: int | None = None) -> tuple[list[Drafts], int]:
    """The answers that wait for approval, by visit, those of `first` before the others; and how many."""
    answer, drafter, team = aliased(api.Entry), aliased(api.User), own_visits()
    rows = (
        sa.select(
            api.Space,
            team.c.official,
            api.Entry,
            answer,
            drafter.name,
            _by_others(Casework),
            sa.func.count().over(),
            Question,
            Visit,
            pledged(STANDS),
        )
        .join(Question, Question.entry_id == api.Entry.id)
        .join(Casework, Casework.entry_id == api.Entry.id)
        .join(Answer, Answer.question_id == api.Entry.id)
        .join(answer, answer.id == Answer.entry_id)
        .join(api.Space, api.Space.id == api.Entry.space_id)
        .join(Visit, Visit.space_id == api.Space.id)
        .join(team, team.c.space_id == api.Space.id)
        .outerjoin(drafter, drafter.id == Casework.drafted_by)
        .where(Casework.answer == "to_approve", Casework.entry_id.in_(asked_questions()))
        .order_by(
            sa.case((api.Space.id == (first or 0), 0), else_=1), Visit.starts_at, api.Space.id, answer.id
        )
        .limit(DRAFTS)
    )
    found = api.db.session.execute(rows).all()
    groups = []
    for _ident, some in groupby(found, key=lambda row: row[0].id):
        own = list(some)
        group = Drafts(own[0][0], bool(own[0][1]), own[0][8].is_to_come(api.now()))
        group.drafts.extend(
            Draft(row[2], row[7], row[3], row[4] or "", not row[5], _outcomes(row[7], row[8].state, row[9]))
            for row in own
        )
        groups.append(group)
    return groups, found[0][6] if found else 0


def _outcomes(question: Question, state: str, bound: bool) -> list[Transition]:
    """What an official may say becomes of a question with its answer; a promise is made elsewhere."""
    if bound or state in REPORTED:
        return []
    ways = (one for one in TRANSITIONS if one.thing == "outcome" and one.verb != "commit")
    return [one for one in ways if question.outcome in one.sources]


def reports() -> Sequence[Any]:
    """The visits whose minutes the viewer was asked to approve as the report, the longest waiting first."""
    rows = sa.select(Visit, api.Space, Minutes.asked_at).join(api.Space, api.Space.id == Visit.space_id)
    rows = rows.join(Minutes, Minutes.space_id == Visit.space_id).order_by(Minutes.asked_at, Visit.space_id)
    return api.db.session.execute(_approvable(rows).limit(REPORTS)).all()


def counts() -> tuple[int, int]:
    """How many drafts and how many reports the viewer may approve: one statement."""
    team = own_visits()
    waiting = sa.select(sa.func.count(Casework.entry_id)).join(team, team.c.space_id == Casework.space_id)
    waiting = waiting.where(Casework.answer == "to_approve", team.c.official == 1, _by_others(Casework))
    waiting = waiting.where(Casework.entry_id.in_(asked_questions()))
    asked = _approvable(
        sa.select(sa.func.count(Visit.space_id)).join(Minutes, Minutes.space_id == Visit.space_id)
    )
    row = api.db.session.execute(sa.select(waiting.scalar_subquery(), asked.scalar_subquery())).one()
    return row[0], row[1]


def requests() -> tuple[int, dt.datetime | None]:
    """How many requests wait for a draft of the viewer's departments, and when the first is due."""
    own = sa.select(DepartmentMember.department_id).where(DepartmentMember.user_id == api.viewer().id)
    rows = (
        sa.select(sa.func.count(Casework.entry_id), sa.func.min(due()))
        .join(api.Entry, api.Entry.id == Casework.entry_id)
        .join(Visit, Visit.space_id == Casework.space_id)
        .where(Casework.department_id.in_(own), Casework.answer.in_(OPEN), Casework.answer != "to_approve")
        .where(Casework.entry_id.in_(asked_questions()))
    )
    with api.as_system("members of a department are told how much is assigned to it"):
        number, first = api.db.session.execute(rows).one()
    return number, None if first is None else dt.datetime.fromtimestamp(float(first), dt.UTC)


def _approvable(rows: Any) -> Any:
    """Those of the visits in `rows`, with their minutes, whose report the viewer may approve."""
    team = own_visits()
    rows = rows.join(team, team.c.space_id == Visit.space_id).where(team.c.official == 1)
    return rows.where(Visit.state == "reporting", Minutes.asked_at.is_not(None), _by_others(Minutes))


def _by_others(row: Any) -> Any:
    """Somebody else drafted it, or nobody else could approve, or the town lets one person do both."""
    if api.settings("neighbourhood_visits")["one_person_approves"]:
        return sa.true()
    another = teams.others_approve(row.space_id).correlate(row).exists()
    return sa.or_(row.drafted_by.is_(None), row.drafted_by != api.viewer().id, ~another)
