"""The verbs of spaces: open, change, join, leave. Roles come from the kind of the space."""

import datetime as dt
import secrets
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from .. import access, registry
from ..access import Forbidden, Refused, as_system, require, viewer
from ..audit import audit
from ..db import insert_once, now, table_of, unfiltered, write
from ..models import Membership, Space, User
from ..notices.tell import notify
from ..search import index
from ..text import fold, markdown

OWN = "core"  # the source of memberships that people give, take and have themselves

Role = str | tuple[str, dt.datetime | None]
_space, _membership, _user = map(table_of, (Space, Membership, User))
_open = sa.select(_user.c.id).where(_user.c.id == sa.bindparam("person"), _user.c.closed_at.is_(None))
_held = _open.with_for_update(read=True)
_archived = sa.select(_space.c.archived_at).where(_space.c.id == sa.bindparam("space"))
_belongs = sa.select(_membership.c.role).where(
    _membership.c.space_id == sa.bindparam("space"),
    _membership.c.user_id == sa.bindparam("person"),
    _membership.c.source == OWN,
    sa.or_(_membership.c.expires_at.is_(None), _membership.c.expires_at > sa.bindparam("now")),
)


def create_space(
    kind: str,
    name: str,
    *,
    visibility: str = "public",
    joining: str = "open",
    summary: str = "",
    body: str = "",
    area_id: int | None = None,
    members: Mapping[int, Role] | None = None,
) -> Space:
    """A new space; a group's founder owns it. A plugin checks its own permission for its own kinds."""
    space = Space(kind=kind, name=name, visibility=visibility, joining=joining, summary=summary)
    space.body, space.html, space.area_id, space.folded = body, markdown(body), area_id, fold(name)[:240]
    if _of_core(space):
        require("core.create_space", space)
    founder = viewer().id
    members = dict(members or {})
    if _of_core(space) and founder is not None:
        members.setdefault(founder, "owner")
    _must_be_sound(space)
    with write() as session, as_system("the founder may see what is being founded"):
        space.created_by = founder
        session.add(space)
        session.flush()
        set_members(space, OWN, members)
        index.note("space", space.id)
    return space


def change_space(space: Space, version: int | None = None, **values: Any) -> None:
    """Change a space's own words and settings; `archived` closes it to new posts.

    `version` is what the person saw: Refused when somebody changed the space since.
    """
    _manage(space)
    with write() as session:
        space = session.get(Space, space.id)
        if version is not None and space.version != version:
            raise Refused(_("Somebody else changed this space meanwhile. Please look again."))
        if "archived" in values:
            space.archived_at = now() if values.pop("archived") else None
        if "body" in values:
            space.html = markdown(values["body"])
        if "name" in values:
            space.folded = fold(values["name"])[:240]
        for name, value in values.items():
            setattr(space, name, value)
        _must_be_sound(space)
        index.note("space", space.id)


def _must_be_sound(space: Space) -> None:
    """Raise Refused where anybody could join what nobody may know of."""
    if space.visibility == "hidden" and space.joining == "open":
        raise Refused(_("A space that anybody may join is not hidden. Let people ask, or invite them."))


def set_members(space: Space, source: str, members: Mapping[int, Role]) -> None:
    """Make the memberships that this source gives exactly these; what other sources gave stays."""
    with write():
        hold(space.id)
        given_here = (_membership.c.space_id == space.id, _membership.c.source == source)
        unfiltered(sa.delete(_membership).where(*given_here, _membership.c.user_id.not_in(list(members))))
        for user_id, given in members.items():
            role, until = given if isinstance(given, tuple) else (given, None)
            _give(space, user_id, source, role, until)
        _count(space.id)


def set_role(space: Space, user_id: int, role: str, until: dt.datetime | None = None) -> None:
    """Give somebody a role in the space, until a time or for good; the last owner stays one."""
    require("core.manage_space", space)
    with write():
        hold(space.id)
        _give(space, user_id, OWN, role, until)
        audit("space.role", f"space/{space.id}", person=user_id, role=role, until=until and until.isoformat())
        ends = f"until:{until.timestamp():.0f}:{secrets.token_hex(8)}" if until else None
        notify("core.membership", [user_id], space=space, once=ends)
        _keep_an_owner(space)
        _count(space.id)


def expel(space: Space, user_id: int) -> None:
    """End the membership that somebody was given by hand; the last owner stays."""
    require("core.manage_space", space)
    with write():
        audit("space.expelled", f"space/{space.id}", person=user_id)
        _end(space, user_id)


def leave(space: Space) -> None:
    """End one's own membership."""
    require("core.account")
    _end(space, viewer().id)


def join(space: Space) -> bool:
    """Become a member of a space that is open to all; says whether the viewer was not one before."""
    require("core.account")
    space_id = space.id
    with write():
        hold_open(space_id)
        if space.joining != "open":  # as it is read again, now that nobody changes it
            raise Forbidden("core.join")
        return enter(space_id, viewer().id)


def end_memberships() -> None:
    """Remove memberships whose end has come: nobody reads by them, but they are counted until then."""
    with as_system("clear away ended memberships"), write() as session:
        ended = sa.and_(Membership.expires_at.is_not(None), Membership.expires_at <= now())
        spaces = session.scalars(sa.select(Membership.space_id).where(ended).distinct()).all()
        for space_id in sorted(spaces):
            hold(space_id)
            session.execute(sa.delete(Membership).where(ended, Membership.space_id == space_id))
            _count(space_id)


def oversees(space: Space) -> bool:
    """Whether the viewer moderates in the space: on its team, or as staff in whose reach it is, if public."""
    mine = sa.select(_space.c.id).where(_space.c.id == space.id, access.overseen(_space.c))
    return viewer() is access.SYSTEM or unfiltered(mine).first() is not None


def _of_core(space: Space) -> bool:
    return space.kind.startswith("core.")


def _manage(space: Space) -> None:
    if _of_core(space):
        require("core.manage_space", space)


def role_of(space: Space, name: str) -> Any:
    """The role of this name in the kind of the space."""
    for role in registry.current().space_kind(space.kind).roles:
        if role.name == name:
            return role
    raise ValueError(f"{space.kind} has no role {name}")


def enter(space_id: int, user_id: int | None, **values: Any) -> bool:
    """Make somebody a member who is none; a membership that ended makes room."""
    hold(space_id)
    hold_person(user_id)
    key = {"space_id": space_id, "user_id": user_id, "source": OWN}
    same = [_membership.c[name] == value for name, value in key.items()]
    unfiltered(sa.delete(_membership).where(*same, _membership.c.expires_at <= now()))
    new = insert_once(Membership, **key, **values)
    if new:
        _count(space_id)
    return new


def prolong(space_id: int, user_id: int | None, until: dt.datetime | None) -> bool:
    """Let a membership last until later, or for good; says whether it would have ended before."""
    own = (_membership.c.space_id == space_id, _membership.c.user_id == user_id, _membership.c.source == OWN)
    sooner = _membership.c.expires_at < until if until else _membership.c.expires_at.is_not(None)
    return bool(unfiltered(sa.update(_membership).where(*own, sooner).values(expires_at=until)).rowcount)


def belongs(space_id: int, user_id: int | None) -> bool:
    """Whether somebody is a member in their own right, at this moment."""
    return unfiltered(_belongs, {"space": space_id, "person": user_id, "now": now()}).first() is not None


def hold_person(user_id: int | None) -> None:
    """Let nobody close the account until this write ends; Forbidden where it was closed since it was read."""
    if unfiltered(_held, {"person": user_id}).first() is None:
        raise Forbidden("core.account")


def hold(space_id: int) -> None:
    """Let no other write change who belongs to the space, or close it, until this one ends."""
    unfiltered(sa.select(_space.c.id).where(_space.c.id == space_id).with_for_update(key_share=True))


def hold_open(space_id: int) -> None:
    """Hold the space in order to add something to it; Refused when it is closed."""
    must_be_open(space_id, held=True)


def must_be_open(space_id: int, held: bool = False) -> None:
    """Raise Refused when the space is closed."""
    archived = _archived.with_for_update(key_share=True) if held else _archived
    if unfiltered(archived, {"space": space_id}).scalar() is not None:
        raise Refused(_("This space is closed: what was said stays readable."))


def _give(space: Space, user_id: int | None, source: str, role: str, until: dt.datetime | None) -> None:
    values = {"role": role, "team": role_of(space, role).team, "expires_at": until}
    key = {"space_id": space.id, "user_id": user_id, "source": source}
    if not insert_once(Membership, **key, **values):
        same = [_membership.c[name] == value for name, value in key.items()]
        unfiltered(sa.update(_membership).where(*same).values(**values))


def _end(space: Space, user_id: int | None) -> None:
    with write():
        hold(space.id)
        theirs = (_membership.c.space_id == space.id, _membership.c.user_id == user_id)
        unfiltered(sa.delete(_membership).where(*theirs, _membership.c.source == OWN))
        _keep_an_owner(space)
        _count(space.id)


def team_of(space_id: int) -> list[int]:
    """Who is on the team of the space now."""
    theirs = sa.select(_membership.c.user_id).where(_membership.c.space_id == space_id, _membership.c.team)
    lasts = sa.or_(_membership.c.expires_at.is_(None), _membership.c.expires_at > now())
    return list(unfiltered(theirs.where(lasts)).scalars())


def _keep_an_owner(space: Space) -> None:
    if not _of_core(space):
        return
    owners = sa.select(_membership.c.user_id).where(
        _membership.c.space_id == space.id,
        _membership.c.role == "owner",
        _membership.c.expires_at.is_(None),
    )
    if unfiltered(owners.limit(1)).first() is None:
        raise Refused(_("A space needs an owner: make somebody else owner first."))


def _count(space_id: int) -> None:
    people = sa.func.count(_membership.c.user_id.distinct())
    members = sa.select(people).where(_membership.c.space_id == space_id)
    counted = sa.update(_space).where(_space.c.id == space_id).values(member_count=members.scalar_subquery())
    unfiltered(counted)
