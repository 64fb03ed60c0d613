"""Who is behind a visit: its officials, who approves, its coordinators, and the departments of the town."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from .models import Department, DepartmentMember

DELEGATES = "visits.delegate."  # by which delegates of officials are on a team
RANKS = ("mayor", "deputy_mayor", "delegated_councillor")
EXECUTIVE = frozenset(RANKS)


def department(ident: int | None) -> Department | None:
    """The department with this id, if there is one."""
    return api.db.session.get(Department, ident) if ident else None


def department_said(row: Department) -> dict[str, Any]:
    """A department as its form holds it."""
    members = sa.select(DepartmentMember.user_id).where(DepartmentMember.department_id == row.id)
    return {
        "name": row.name,
        "mailbox": row.mailbox,
        "official": row.official_id or 0,
        "days": row.days_to_answer,
        "members": sorted(api.db.session.scalars(members)),
    }


def departments() -> Sequence[Department]:
    """The departments of the town, by name."""
    return api.db.session.scalars(sa.select(Department).order_by(Department.folded)).all()


def unreached() -> dict[int, str]:
    """The departments in which nobody is told of a request, as they have neither a mailbox nor a member."""
    works = sa.select(DepartmentMember.user_id).where(DepartmentMember.department_id == Department.id)
    rows = sa.select(Department.id, Department.name).where(Department.mailbox == "", ~works.exists())
    with api.as_system("know whether anybody is told"):
        return {row.id: row.name for row in api.db.session.execute(rows)}


def not_told(department_id: int | None) -> str:
    """What to say of a request of a department in which nobody is told of it, "" where somebody is."""
    name = unreached().get(department_id or 0)
    said = _("Nobody is told: %(name)s has neither a mailbox nor a member.", name=name or "")
    return str(said) if name else ""


def departments_of() -> frozenset[int]:
    """The departments whose promises the viewer keeps: who works there, or is the official in charge."""
    person = api.viewer()
    if not person.staff and person.role != "official":
        return frozenset()
    works = sa.select(DepartmentMember.department_id).where(DepartmentMember.user_id == person.id)
    charged = sa.select(Department.id).where(Department.official_id == person.id)
    return frozenset(api.db.session.scalars(sa.union(works, charged)))


def officials_of(space_id: int) -> Sequence[api.User]:
    """The elected officials of a visit: the mayor first, then deputies, then councillors, each by name."""
    rows = (
        sa.select(api.User)
        .join(api.Membership, api.Membership.user_id == api.User.id)
        .where(
            api.Membership.space_id == space_id,
            api.Membership.role == "official",
            ~api.Membership.source.startswith(DELEGATES),
            api.User.closed_at.is_(None),
        )
        .order_by(api.User.name)
    )
    ranks = {mandate: rank for rank, mandate in enumerate(RANKS)}
    found = api.db.session.scalars(rows).unique()
    return sorted(found, key=lambda person: ranks.get(person.mandate or "", len(RANKS)))


def others_approve(space_id: Any) -> Any:
    """The names of those beside the viewer who approve answers of a visit, delegates of officials too."""
    return (
        sa.select(api.User.name)
        .join(api.Membership, api.Membership.user_id == api.User.id)
        .where(api.Membership.space_id == space_id, api.Membership.role == "official")
        .where(api.User.id != api.viewer().id, api.User.closed_at.is_(None))
        .where(sa.or_(api.Membership.expires_at.is_(None), api.Membership.expires_at > api.now()))
    )


def other_approvers(space_id: int) -> list[str]:
    """Their names, in their order."""
    return sorted(set(api.db.session.scalars(others_approve(space_id))))


def approves_own(space_id: int) -> bool:
    """Whether who may approve also approves their own words: by the setting, or as nobody else could."""
    setting = api.settings("neighbourhood_visits")["one_person_approves"]
    return bool(setting) or not other_approvers(space_id)


def names(user_ids: Iterable[int | None]) -> dict[int | None, str]:
    """The names of people, by id."""
    rows = sa.select(api.User.id, api.User.name).where(api.User.id.in_(set(user_ids) - {None}))
    return {row.id: row.name for row in api.db.session.execute(rows)}


def who_coordinates(space_id: int) -> set[int]:
    """Those who coordinate a visit; its whole team where nobody does."""
    team = sa.select(api.Membership.user_id).where(api.Membership.space_id == space_id, api.Membership.team)
    chosen = api.db.session.scalars(team.where(api.Membership.role == "coordinator"))
    return set(chosen) or set(api.db.session.scalars(team))


def managed_by(user_id: int | None) -> Any:
    """The ids of the spaces on whose team somebody is."""
    rows = sa.select(api.Membership.space_id).where(api.Membership.user_id == user_id, api.Membership.team)
    return rows.where(sa.or_(api.Membership.expires_at.is_(None), api.Membership.expires_at > api.now()))


def team_ids(space_id: int, role: str) -> list[int]:
    """The ids of those who have a role in a visit."""
    rows = sa.select(api.Membership.user_id).where(
        api.Membership.space_id == space_id,
        api.Membership.role == role,
        ~api.Membership.source.startswith(DELEGATES),
    )
    return list(api.db.session.scalars(rows))
