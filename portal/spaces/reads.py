"""Which spaces there are for the viewer, and who is in them, as the pages show it."""

import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa

from core import access, registry
from core.access import viewer
from core.db import UtcDateTime, db, now, table_of, unfiltered
from core.models import Area, Follow, Invitation, JoinRequest, Membership, Space, User
from core.notices import reads as notices
from core.prepared import Prepared
from core.text import fold

from .forms import last_day
from .invitations import invitation_of

MINE, NEWEST, PAGE, MEMBERS, WAITING, INVITED = 50, 6, 24, 60, 100, 10
WRITERS = ("member", "moderator", "owner")

_space, _member, _user, _area = table_of(Space), table_of(Membership), table_of(User), table_of(Area)
_follow = table_of(Follow)
_me = sa.bindparam("me", type_=sa.Integer)
_holds = sa.or_(_member.c.expires_at.is_(None), _member.c.expires_at > sa.bindparam("now", type_=UtcDateTime))


class Mine(NamedTuple):
    """A space that the viewer belongs to or may write in; `writes` says whether posts may be begun there."""

    id: int
    name: str
    kind: str
    visibility: str
    area_id: int | None
    writes: int


_KNOWN = tuple(_space.c[name] for name in ("id", "name", "kind", "visibility", "area_id"))
_mine = Prepared(
    sa.select(
        *_KNOWN,
        sa.func.max(
            sa.case(
                (sa.and_(_member.c.role.in_(WRITERS), _space.c.archived_at.is_(None)), 1),
                else_=0,
            )
        ).label("writes"),
    )
    .join(_member, _member.c.space_id == _space.c.id)
    .where(_member.c.user_id == _me, _holds, access.space_listed(_space.c))
    .group_by(*_KNOWN)
    .order_by(_space.c.name, _space.c.id)
    .limit(MINE)
    .execution_options(guarded=True),
    Mine,
)
_newest = Prepared(
    sa.select(*(_space.c[name] for name in ("id", "name", "kind", "visibility", "joining")))
    .where(access.space_listed(_space.c), _space.c.archived_at.is_(None))
    .order_by(_space.c.id.desc())
    .limit(NEWEST)
    .execution_options(guarded=True)
)


def _open(*where: Any) -> Any:
    found = sa.select(*_KNOWN, sa.literal_column("1").label("writes")).where(
        _space.c.joining == "open",
        _space.c.visibility.in_(("public", "portal")),
        _space.c.archived_at.is_(None),
        access.kind_is_on(_space.c.kind),
        *where,
    )
    return found.order_by(_space.c.folded, _space.c.id).limit(MINE)


_here = _open(_space.c.area_id == sa.bindparam("area", type_=sa.Integer))
_both = sa.union(
    *(sa.select(arm.add_columns(_space.c.folded).subquery()) for arm in (_here, _open()))
).subquery()
_here_and_elsewhere = sa.select(*(_both.c[name] for name in Mine._fields)).order_by(
    _both.c.folded, _both.c.id
)
_open_to_all = Prepared(_open().execution_options(guarded=True), Mine)
_open_from_here = Prepared(_here_and_elsewhere.execution_options(guarded=True), Mine)
_follows_one = Prepared(
    sa.select(sa.literal(1))
    .where(_follow.c.user_id == _me, _follow.c.space_id.is_not(None))
    .limit(1)
    .execution_options(guarded=True)
)


def mine() -> list[Mine]:
    """The spaces that the viewer belongs to, by name."""
    return _mine(me=viewer().id, now=now())


def open_to_all() -> list[Mine]:
    """Some spaces where everybody signed in may write: of the viewer's own area and others, by name."""
    area = area_at(viewer().area)
    return _open_to_all() if area is None else _open_from_here(area=area)


def follows_none() -> bool:
    """Whether the viewer follows no space."""
    return not _follows_one(me=viewer().id)


def newest() -> list[Any]:
    """The newest of the spaces in the list that the viewer may know of."""
    return _newest(viewer_kinds=tuple(_listed_kinds()))


def readable_ones(without: Iterable[int], most: int) -> list[Any]:
    """The newest spaces in which the viewer may read, by name, some left out."""
    spaces = (
        sa.select(_space.c.id, _space.c.name)
        .where(access.space_listed(_space.c), access.in_space(_space.c.id), _space.c.id.not_in(list(without)))
        .order_by(_space.c.id.desc())
        .limit(most)
    )
    found = db.session.execute(spaces, {"me": viewer().id, "now": now()}, execution_options=_MARKED)
    return sorted(found, key=lambda space: fold(space.name))


def _listed_kinds() -> list[str]:
    """The kinds of which spaces are in the list; others have a page of their own for theirs."""
    return [kind.name for plugin in registry.current().active() for kind in plugin.space_kinds if kind.listed]


def listed(search: str, area_id: int | None, after: str | None) -> tuple[list[Any], str]:
    """A page of the spaces that the viewer may know of, by name, and the cursor of the next."""
    belongs = sa.exists().where(_member.c.user_id == _me, _member.c.space_id == _space.c.id, _holds)
    spaces = (
        sa.select(
            *(_space.c[name] for name in ("id", "name", "folded", "kind", "summary", "visibility")),
            _space.c.member_count.label("members"),
            _area.c.name.label("area"),
            belongs.label("mine"),
        )
        .outerjoin(_area, _area.c.id == _space.c.area_id)
        .where(
            access.space_listed(_space.c), _space.c.kind.in_(_listed_kinds()), _space.c.archived_at.is_(None)
        )
        .order_by(_space.c.folded, _space.c.id)
        .limit(PAGE + 1)
    )
    if search:
        spaces = spaces.where(_space.c.folded.contains(fold(search), autoescape=True))
    if area_id is not None:
        path = sa.select(_area.c.path).where(_area.c.id == area_id).scalar_subquery()
        spaces = spaces.where(_area.c.path.startswith(path))
    spaces = _after(spaces, _space.c.folded, _space.c.id, after)
    rows = list(db.session.execute(spaces, {"me": viewer().id, "now": now()}, execution_options=_MARKED))
    return _cut(rows, PAGE)


def areas() -> list[Any]:
    """The parts of the town, from the top."""
    return list(db.session.execute(sa.select(_area.c.id, _area.c.name, _area.c.path).order_by(_area.c.path)))


def area_name(area_id: int | None) -> str:
    """What a part of the town is called."""
    return db.session.scalar(sa.select(_area.c.name).where(_area.c.id == area_id)) or ""


def area_at(path: str) -> int | None:
    """The id of the area at the end of a path."""
    return int(path.strip("/").rpartition("/")[2]) if path else None


def members(space_id: int, team: bool, after: str | None = None) -> tuple[list[Any], str]:
    """A page of the team of a space, or of its other members, by name; and the next cursor."""
    people = (
        _people()
        .where(_member.c.space_id == space_id, _holds)
        .group_by(_user.c.id)
        .having(sa.func.max(sa.case((_member.c.team, 1), else_=0)) == int(team))
        .order_by(_user.c.folded, _user.c.id)
        .limit(MEMBERS + 1)
    )
    people = _after(people, _user.c.folded, _user.c.id, after)
    return _cut(list(db.session.execute(people, {"now": now()}, execution_options=_MARKED)), MEMBERS)


def member(space_id: int, user_id: int) -> Any:
    """Somebody's membership given by hand."""
    given = (_member.c.space_id == space_id, _member.c.user_id == user_id, _member.c.source == "core")
    return db.session.execute(_people().where(*given).group_by(_user.c.id), execution_options=_MARKED).first()


def requests(space_id: int) -> list[Any]:
    """Who asks to join, the earliest first."""
    asked = (
        sa.select(_user.c.id, _user.c.name, _user.c.handle, JoinRequest.message, JoinRequest.created_at)
        .join(JoinRequest, JoinRequest.user_id == _user.c.id)
        .where(JoinRequest.space_id == space_id, _user.c.closed_at.is_(None))
        .order_by(JoinRequest.created_at)
        .limit(WAITING)
    )
    return list(db.session.execute(asked))


def requests_count(space_id: int) -> int:
    """How many ask to join, a hundred at most."""
    asked = sa.select(JoinRequest.user_id).where(JoinRequest.space_id == space_id)
    return len(db.session.scalars(asked.limit(WAITING)).all())


def invitations(space_id: int) -> list[Invitation]:
    """Who is invited and has not answered, the latest first."""
    open_ones = sa.select(Invitation).where(Invitation.space_id == space_id, Invitation.expires_at > now())
    return list(db.session.scalars(open_ones.order_by(Invitation.created_at.desc()).limit(WAITING)))


class Invited(NamedTuple):
    """What the viewer is invited to, by whom, and for how long."""

    key: str
    space: Space
    inviter: str
    until: dt.date | None


def own_invitations(space_id: int | None = None) -> list[Invited]:
    """What the viewer's own, proven address is invited to, where they don't belong for as long."""
    open_ones, invited = notices.invitations(_me)
    if space_id is not None:
        open_ones = open_ones.where(invited.c.space_id == space_id)
    newest = open_ones.order_by(invited.c.created_at.desc()).limit(INVITED)
    found = filter(None, map(invitation_of, unfiltered(newest, {"me": viewer().id}).scalars().all()))
    return [
        Invited(one.token_hash, space, name_of(one.invited_by), last_day(one.member_until))
        for one, space in found
        if space.archived_at is None
    ]


def name_of(user_id: int | None) -> str:
    """A person's name."""
    return db.session.scalar(sa.select(_user.c.name).where(_user.c.id == user_id)) or ""


_MARKED = {"guarded": True}


def _people() -> Any:
    """Members with open accounts."""
    people = sa.select(
        _user.c.id,
        _user.c.name,
        _user.c.handle,
        _user.c.role.label("town_role"),
        _user.c.mandate,
        sa.func.min(_member.c.role).label("role"),
        sa.func.max(_member.c.expires_at).label("expires_at"),
        sa.func.min(_member.c.source).label("source"),
        _user.c.folded,
    )
    return people.join(_member, _member.c.user_id == _user.c.id).where(_user.c.closed_at.is_(None))


def _after(statement: Any, name: Any, ident: Any, after: str | None) -> Any:
    """What comes after a cursor, which is an id and a folded name."""
    number, _, text = (after or "").partition("-")
    if not number.isdecimal() or len(number) > 15:
        return statement
    return statement.where(sa.tuple_(name, ident) > sa.tuple_(sa.literal(text), sa.literal(int(number))))


def _cut(rows: list[Any], size: int) -> tuple[list[Any], str]:
    if len(rows) <= size:
        return rows, ""
    last = rows[size - 1]
    return rows[:size], f"{last.id}-{last.folded}"


def readable(space: Space) -> bool:
    """Whether the viewer may read the content of a space, not only its name."""
    if space.visibility == "public":
        return True
    if space.visibility == "portal":
        return viewer().signed_in
    return bool(access.space_roles(space.id))
