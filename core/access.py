"""Who may read and do what: the viewer, the reader mixins, their SQL clauses, and named permissions.

`guard.py` puts the clauses on every statement; only `can` and what it asks run queries.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.sql.elements import ColumnElement

from .db import db, unfiltered
from .plugin import Permission
from .text import initials

STAFF = frozenset({"agent", "administrator"})


@dataclass(frozen=True)
class Viewer:
    """For whom a page or a job reads: a visitor has no id; `kinds` and `notices` are the enabled plugins'."""

    id: int | None = None
    role: str = "visitor"
    name: str = ""
    handle: str = ""
    area: str = ""
    mandate: str | None = None
    picture_url: str | None = None
    language: str | None = None
    timezone: str | None = None
    unread: int = field(default=0, compare=False)
    factor: bool = False
    kinds: tuple[str, ...] = field(default=(), repr=False)
    notices: tuple[str, ...] = field(default=(), repr=False)

    @property
    def signed_in(self) -> bool:
        return self.id is not None

    @property
    def initials(self) -> str:
        return initials(self.name)

    @property
    def staff(self) -> bool:
        return self.role in STAFF

    @property
    def reach(self) -> str:
        """The path of the area where the role's rights end, for officials and agents."""
        return self.area if self.role in ("official", "agent") else ""

    @property
    def offices(self) -> frozenset[str]:
        """What somebody is in the town: the role, and an official's mandate."""
        mandate = self.mandate if self.role == "official" else None
        return frozenset({self.role, mandate or self.role})


SYSTEM = Viewer(role="system")
_viewer: ContextVar[Viewer] = ContextVar("viewer")


class NoViewer(RuntimeError):
    """A read without `as_viewer` or `as_system` around it."""


class Refused(Exception):
    """What was asked can't be done as things stand; the message tells the person why.

    A mail that says so leads to the `link`, where it is given.
    """

    link = ""


class Forbidden(Exception):
    """The viewer may know that the thing exists but not do this with it."""


class Gone(Forbidden):
    """What the viewer wants to do something with was just removed, or closed to them."""


def enter(person: Viewer) -> Token[Viewer]:
    """Read for this person from here on, until `leave` with the token: the frame of a request."""
    return _viewer.set(person)


def leave(token: Token[Viewer]) -> None:
    """End what `enter` began."""
    _viewer.reset(token)


def viewer() -> Viewer:
    """For whom the running code reads; raises NoViewer where nobody said."""
    try:
        return _viewer.get()
    except LookupError:
        raise NoViewer("say `with as_viewer(…):` or `with as_system(reason):`") from None


def sees() -> tuple[Any, ...] | None:
    """What statements are compiled for: the viewer's kinds, None for the system; () where nobody said."""
    person = _viewer.get(None)
    return () if person is None else None if person is SYSTEM else (person.kinds, person.notices)


@contextmanager
def as_viewer(person: Viewer) -> Iterator[Viewer]:
    """Read for this person; what the outer viewer loaded stays with the outer viewer."""
    known = list(db.session.identity_map.values()) if db.session.registry.has() else []
    for row in known:
        db.session.expunge(row)
    token = _viewer.set(person)
    try:
        yield person
    finally:
        _viewer.reset(token)
        if db.session.registry.has():
            _forget_all()
            again = _viewer.set(SYSTEM)  # what comes back was read before
            db.session.add_all(row for row in known if sa.inspect(row).detached)
            _viewer.reset(again)


@contextmanager
def as_system(reason: str) -> Iterator[None]:
    """Read everything, for the stated reason; what was loaded inside is detached at the end."""
    if not reason:
        raise ValueError("as_system needs a reason")
    known = set(db.session.identity_map.values()) if db.session.registry.has() else set()
    token = _viewer.set(SYSTEM)
    try:
        yield
    finally:
        _viewer.reset(token)
        if db.session.registry.has():
            _forget_all(except_for=known)


def _forget_all(except_for: set[Any] | frozenset[Any] = frozenset()) -> None:
    if db.session.info.get("writing"):
        db.session.flush()
    for row in set(db.session.identity_map.values()) - except_for:
        db.session.expunge(row)


# Reader mixins: every model has exactly one.

FIRST = -1  # a key begins with whom or what its row is about, so that its index finds all of that


class Reader:
    """Marks a model as guarded; use one of its subclasses."""


class InSpace(Reader):
    """Rows that whoever reads the space's content may read."""

    @declared_attr
    def space_id(cls) -> Mapped[int]:
        return mapped_column(sa.ForeignKey("core_space.id", ondelete="CASCADE"), index=True)


class OnEntry(Reader):
    """Rows that whoever reads the entry may read."""

    @declared_attr
    def entry_id(cls) -> Mapped[int]:
        entry = sa.ForeignKey("core_entry.id", ondelete="CASCADE")
        return mapped_column(entry, primary_key=True, sort_order=FIRST)


class TeamOnly(Reader):
    """Rows for the team of a space; one that is about an entry refers to it beside."""

    @declared_attr
    def space_id(cls) -> Mapped[int]:
        return mapped_column(sa.ForeignKey("core_space.id", ondelete="CASCADE"), index=True)


class Owned(Reader):
    """Rows that their owner alone reads."""

    @declared_attr
    def user_id(cls) -> Mapped[int]:
        person = sa.ForeignKey("core_user.id", ondelete="CASCADE")
        return mapped_column(person, primary_key=True, sort_order=FIRST)


class StaffOnly(Reader):
    """Rows for agents and administrators."""


class Public(Reader):
    """Rows that anybody may read."""


# The clauses, on light tables, so that models can use them and hot pages can carry them.

_ONE = sa.literal_column("1", sa.Integer)
_VISIBLE = sa.column("visibility", sa.String)
_SPACE = sa.table("core_space", sa.column("id"), _VISIBLE, sa.column("kind"))
_MEMBER = sa.table(
    "core_membership",
    sa.column("user_id"),
    sa.column("space_id"),
    sa.column("team"),
    sa.column("role"),
    sa.column("expires_at"),
)
_ENTRY = sa.table(
    "core_entry",
    *(sa.column(name) for name in ("id", "space_id", "kind", "reader_id")),
    sa.column("team_only", sa.Boolean),
)
_USER = sa.table("core_user", sa.column("id"), sa.column("closed_at"))
_AREA = sa.table("core_area", sa.column("id"), sa.column("path", sa.String))
_REPORT = sa.table("core_report", sa.column("case_id"), sa.column("legal", sa.Boolean))
_FOLLOW = sa.table("core_follow", sa.column("user_id"), sa.column("space_id"), sa.column("entry_id"))
OWN_TABLES = frozenset({_SPACE, _MEMBER, _ENTRY, _FOLLOW, _USER})


def _parameter(name: str, read: Callable[[Viewer], Any], kind: Any, **kw: Any) -> sa.BindParameter[Any]:
    return sa.bindparam(name, callable_=lambda: read(viewer()), type_=kind, **kw)


_ID = _parameter("viewer_id", lambda person: person.id, sa.Integer)
VIEWER_ID = _ID  # for statements that are made before anybody looks
_STAFF = _parameter("viewer_staff", lambda person: person.staff, sa.Boolean)
IN_SQL: Any = {"expanding": True, "literal_execute": True}  # dozens of values, bound one by one, take time
_KINDS = _parameter("viewer_kinds", lambda person: person.kinds, sa.String, **IN_SQL)
_NOTICES = _parameter("viewer_notices", lambda person: person.notices, sa.String, **IN_SQL)


def kind_is_on(kind: Any) -> ColumnElement[bool]:
    """The kind of space or entry is the core's or an enabled plugin's."""
    return kind.in_(_KINDS)  # type: ignore[no-any-return]


def notice_is_on(kind: Any) -> ColumnElement[bool]:
    """The type of notice is the core's or an enabled plugin's."""
    return kind.in_(_NOTICES)  # type: ignore[no-any-return]


def member(space_id: Any, team: bool = False, person: Any = _ID) -> ColumnElement[bool]:
    """The viewer, or another person, belongs to the space now (or to its team)."""
    row = _MEMBER.alias()
    where = [
        row.c.user_id == person,
        row.c.space_id == space_id,
        sa.or_(row.c.expires_at.is_(None), row.c.expires_at > sa.func.current_timestamp()),
    ]
    if team:
        where.append(row.c.team)
    return sa.select(_ONE).select_from(row).where(*where).correlate_except(row).exists()


def space_listed(space: Any, person: Any = _ID) -> ColumnElement[bool]:
    """The viewer, or another person, may know that the space exists: its name and summary."""
    return sa.and_(
        space.kind.in_(_KINDS),
        sa.or_(
            space.visibility == "public",
            space.visibility == "members",
            sa.and_(space.visibility == "portal", person.is_not(None)),
            member(space.id, person=person),
        ),
    )


def in_space(space_id: Any, person: Any = _ID) -> ColumnElement[bool]:
    """The viewer, or another person, may read the content of the space."""
    row = _SPACE.alias()
    readable = sa.or_(
        row.c.visibility == "public",
        sa.and_(row.c.visibility == "portal", person.is_not(None)),
        member(row.c.id, person=person),
    )
    found = sa.select(_ONE).select_from(row)
    return found.where(row.c.id == space_id, row.c.kind.in_(_KINDS), readable).correlate_except(row).exists()


def entry_readable(entry: Any, person: Any = _ID) -> ColumnElement[bool]:
    """The viewer, or another person, may read the entry: its space, and what is for the team only as such."""
    audience = sa.or_(
        ~entry.team_only, entry.reader_id == person, member(entry.space_id, team=True, person=person)
    )
    return sa.and_(entry.kind.in_(_KINDS), in_space(entry.space_id, person), audience)


def on_entry(entry_id: Any) -> ColumnElement[bool]:
    """The viewer may read the entry that a row hangs on; a row that hangs on none is public."""
    row = _ENTRY.alias()
    found = sa.select(_ONE).select_from(row).where(row.c.id == entry_id, entry_readable(row.c))
    return sa.or_(entry_id.is_(None), found.correlate_except(row).exists())


def team_of(space_id: Any) -> ColumnElement[bool]:
    """The viewer is on the team of the space."""
    return sa.and_(in_space(space_id), member(space_id, team=True))


def owned(user_id: Any) -> ColumnElement[bool]:
    """The row is the viewer's own."""
    return sa.and_(_ID.is_not(None), user_id == _ID)


def staff() -> ColumnElement[bool]:
    """The viewer is agency staff."""
    return _STAFF.is_(True)


def reached(space: Any) -> ColumnElement[bool]:
    """The viewer of this moment is staff in whose area the space is."""
    inside = sa.select(_ONE).select_from(_AREA).where(_AREA.c.id == space.area_id)
    inside = inside.where(_AREA.c.path.startswith(viewer().reach)).correlate_except(_AREA)
    return sa.and_(sa.literal(can("core.oversee")), sa.or_(sa.literal(not viewer().reach), inside.exists()))


def overseen(space: Any) -> ColumnElement[bool]:
    """The viewer of this moment moderates in the space: on its team, or as staff in reach, if public."""
    public = sa.and_(space.visibility.in_(("public", "portal")), reached(space))
    return sa.or_(member(space.id, team=True, person=viewer().id), public)


def judged(case: Any, space: Any) -> ColumnElement[bool]:
    """The viewer of this moment decides a case of the space: they oversee it, or it is for the agency too.

    So are legal notices, reports of what somebody of the team wrote, and answers to decisions, everywhere.
    """
    of_team = member(case.space_id, team=True, person=case.author_id)
    graver = sa.select(_ONE).select_from(_REPORT).where(_REPORT.c.case_id == case.id)
    graver = graver.where(sa.or_(_REPORT.c.legal, of_team)).correlate_except(_REPORT)
    for_agency = sa.or_(case.appeal_of.is_not(None), graver.exists())
    return sa.or_(overseen(space), sa.and_(reached(space), for_agency))


def findable(document: Any) -> ColumnElement[bool]:
    """The viewer may find a document of the search: they read what it hangs on, or may know of it."""
    space, person = _SPACE.alias(), _USER.alias()
    known = sa.select(_ONE).select_from(space).where(space.c.id == document.space_id, space_listed(space.c))
    here = sa.select(_ONE).select_from(person).where(person.c.id == document.user_id)
    here = here.where(person.c.closed_at.is_(None)).correlate_except(person)
    on_read_entry = sa.and_(document.entry_id.is_not(None), on_entry(document.entry_id))
    read = sa.and_(document.kind.in_(_KINDS), sa.or_(on_read_entry, in_space(document.space_id)))
    return sa.or_(read, sa.and_(document.listed, known.correlate_except(space).exists()), here.exists())


def following(space_id: Any, entry_id: Any) -> ColumnElement[bool]:
    """The viewer follows the space, or the entry."""
    row = _FOLLOW.alias()
    found = sa.select(_ONE).select_from(row)
    same = sa.or_(row.c.space_id == space_id, row.c.entry_id == entry_id)
    return found.where(row.c.user_id == _ID, same).correlate_except(row).exists()


# Named permissions.

permissions: dict[str, Permission] = {}


def declare(permission: Permission) -> None:
    """Make a permission known; a name is declared once."""
    if permissions.setdefault(permission.name, permission) != permission:
        raise ValueError(f"permission {permission.name} is declared twice")


def can(name: str, space: Any = None) -> bool:
    """Whether the viewer may do what the permission names, in this space where one is given."""
    person, permission = viewer(), permissions[name]
    if person is SYSTEM or "anyone" in permission.roles:
        return True
    if person.id is None:
        return False
    if "signed_in" in permission.roles:
        return True
    if permission.roles & person.offices and _reaches(person, permission, space):
        return True
    return space is not None and bool(permission.space_roles & _standing(space.id))


def by_mail(name: str) -> bool:
    """Whether people without an account may do it too, once they confirm their address."""
    return permissions[name].by_mail


def require(name: str, space: Any = None) -> None:
    """Raise Forbidden unless `can(name, space)`."""
    if not can(name, space):
        raise Forbidden(name)


def space_roles(space_id: int) -> frozenset[str]:
    """The viewer's roles in a space at this moment."""
    return frozenset(role for role, _team in _memberships(space_id))


def _standing(space_id: int) -> frozenset[str]:
    """The same, and `team` for who is on the team."""
    held = _memberships(space_id)
    return frozenset(["team" if team else role for role, team in held] + [role for role, _team in held])


def _memberships(space_id: int) -> Sequence[Any]:
    return unfiltered(_HELD, {"space": space_id}).all()


_HELD = sa.select(_MEMBER.c.role, _MEMBER.c.team).where(
    _MEMBER.c.user_id == _ID,
    _MEMBER.c.space_id == sa.bindparam("space"),
    sa.or_(_MEMBER.c.expires_at.is_(None), _MEMBER.c.expires_at > sa.func.current_timestamp()),
)


def _reaches(person: Viewer, permission: Permission, space: Any) -> bool:
    if permission.whole_town and person.reach:
        outside = sa.select(_ONE).select_from(_AREA).where(~_AREA.c.path.startswith(person.reach)).limit(1)
        return db.session.scalar(outside) is None
    return space is None or covers(person.reach, space.area_id)


def covers(path: str, area_id: int | None) -> bool:
    """Whether staff rights for the area at `path` reach the area with this id; no path is the whole town."""
    if not path:
        return True
    if area_id is None:
        return False
    found = db.session.scalar(sa.select(_AREA.c.path).where(_AREA.c.id == area_id))
    return found is not None and found.startswith(path)
