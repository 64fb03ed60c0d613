"""The calendar of promises: owners are reminded before and after the day, askers asked thirty days later."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from core import api

from .. import letters, teams
from ..models import ONGOING, Commitment, Department, DepartmentMember, about_public

BEFORE, AFTER, ASKED = (1, dt.timedelta(days=-7)), (2, dt.timedelta(days=1)), (3, dt.timedelta(days=30))
CONTESTED = 4  # whenever somebody says that it is not kept
KINDS = {CONTESTED: "visits.contested", 1: "visits.due_soon", 2: "visits.late", 3: "visits.kept"}
CHUNK = 200


def run() -> None:
    """Job: send each letter whose day has come, the latest alone, once; of public questions alone."""
    with api.as_system("tell of promises that come due"):
        for stage, shift in (ASKED, AFTER, BEFORE):
            states = (*ONGOING, "done_claimed") if stage == ASKED[0] else ONGOING
            due = (
                sa.select(Commitment.id)
                .where(Commitment.told < stage, Commitment.due_on <= api.town_today() - shift)
                .where(Commitment.state.in_(states), about_public())
                .order_by(Commitment.id)
                .limit(CHUNK)
            )
            for ident in api.db.session.scalars(due).all():
                _tell(ident, stage)


def _tell(ident: int, stage: int) -> None:
    with api.write() as session:
        still = sa.select(Commitment).where(Commitment.id == ident, about_public())
        row = session.scalars(api.lock(still)).one_or_none()
        if row is None or row.told >= stage:
            return
        row.told = stage
        entry: Any = session.get(api.Entry, row.question_id)
        people = letters.askers_of(entry.id) if stage == ASKED[0] else _owners(row)
        api.notify(KINDS[stage], sorted(people), entry=entry, once=f"promise:{ident}:{stage}")


def tell_contested(row: Commitment, entry: api.Entry) -> None:
    """Tell its owners that somebody said that a promise is not kept, inside a write."""
    with api.as_system("tell who keeps a promise"):
        owners = sorted(_owners(row))
    api.notify(KINDS[CONTESTED], owners, entry=entry, once=f"promise:{row.id}:{CONTESTED}")


def untell(row: Commitment) -> None:
    """Something was said of a promise: what told its owners to say it is taken back, inside a write."""
    about = {"entry_id": row.question_id} if row.question_id else {"space_id": row.space_id}
    for stage in (BEFORE[0], AFTER[0], CONTESTED):
        api.untell(KINDS[stage], once=f"promise:{row.id}:{stage}", **about)


def _owners(row: Commitment) -> set[int]:
    """Who works in the department and who is in charge of it; else the coordinators, or the team."""
    members = sa.select(DepartmentMember.user_id).where(DepartmentMember.department_id == row.department_id)
    people = set(api.db.session.scalars(members))
    department = api.db.session.get(Department, row.department_id)
    if department and department.official_id:
        people.add(department.official_id)
    return people or teams.who_coordinates(row.space_id)
