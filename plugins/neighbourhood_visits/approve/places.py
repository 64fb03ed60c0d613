"""The places that delegates have on the teams of visits, for as long as the official has theirs."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from core import api

from .. import teams
from ..teams import DELEGATES as SOURCE
from .models import Delegate


def apply_all() -> None:
    """Job: let delegates take their places today, and leave them when the time is over."""
    with api.as_system("delegates take their places"):
        for person in api.db.session.scalars(sa.select(Delegate.user_id)).all():
            with api.write():
                apply(person)


def apply(person: int) -> None:
    """Give the delegate of an official exactly the places that are due today; inside a write."""
    given = _given(person)
    for space in api.db.session.scalars(_spaces(person, f"{SOURCE}{person}")).all():
        _set(space, person, given)


def follow_team(space: api.Space, before: Iterable[int]) -> None:
    """The officials of a visit are others than `before`: delegates come and go with them; inside a write."""
    with api.as_system("delegates follow the team"):
        officials = {*before, *teams.team_ids(space.id, "official")}
        for person in api.db.session.scalars(_absent(officials)).all():
            _set(space, person, _given(person))


def follow_mandate(person: int) -> None:
    """Somebody has another mandate or role: who governs no longer is nobody's delegate; inside a write."""
    named = sa.or_(Delegate.user_id == person, Delegate.delegate_id == person)
    with api.as_system("delegates follow mandates"):
        for official in api.db.session.scalars(sa.select(Delegate.user_id).where(named)).all():
            apply(official)


def _absent(people: Iterable[int]) -> Any:
    return sa.select(Delegate.user_id).where(Delegate.user_id.in_(list(people))).order_by(Delegate.user_id)


def _given(person: int) -> dict[int, Any]:
    """The place that the delegate of an official has today, while they govern."""
    row = api.db.session.get(Delegate, person)
    today = api.now().astimezone(api.town_zone()).date()
    if row is None or not row.begins_on <= today <= row.ends_on or not _governs(row.delegate_id):
        return {}
    after = dt.datetime.combine(row.ends_on + dt.timedelta(days=1), dt.time(), api.town_zone())
    return {row.delegate_id: ("official", after)}


def _governs(person: int) -> bool:
    found = sa.select(api.User.id).where(
        api.User.id == person,
        api.User.role == "official",
        api.User.mandate.in_(teams.EXECUTIVE),
        api.User.closed_at.is_(None),
    )
    return api.db.session.scalar(found) is not None


def _set(space: api.Space, person: int, given: dict[int, Any]) -> None:
    api.set_members(space, f"{SOURCE}{person}", given if _is_official(person, space.id) else {})


def _spaces(person: int, source: str) -> Any:
    """The visits on whose teams the official is, and those where the delegate still has a place."""
    there = sa.select(api.Membership.space_id).where(
        sa.or_(
            sa.and_(api.Membership.user_id == person, api.Membership.role == "official"),
            api.Membership.source == source,
        )
    )
    return sa.select(api.Space).where(api.Space.id.in_(there), api.Space.kind == "visits.visit")


def _is_official(person: int, space_id: int) -> bool:
    own = sa.select(api.Membership.user_id).where(
        api.Membership.user_id == person,
        api.Membership.space_id == space_id,
        api.Membership.role == "official",
        ~api.Membership.source.startswith(SOURCE),
    )
    return api.db.session.scalar(own) is not None
