"""Pages of the feed by keyset, newest or most active first: Core statements that carry the guard's clauses.

Each statement first finds the ids by one index (several, where somebody follows little in a busy town), then
reads what their cards show.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from .. import access
from ..access import viewer
from ..db import UtcDateTime, db, now, table_of
from ..models import Entry, File, Follow, Membership, Space, Support, User

SIZE = 20
FEW = 50  # somebody who follows no more spaces than this is served by a merge of their feeds
PINNED = 5
THREADS = 200
MOMENT = {"newest": "published_at", "active": "active_at"}

_entry, _space, _user, _file = table_of(Entry), table_of(Space), table_of(User), table_of(File)
_follow, _support, _member = table_of(Follow), table_of(Support), table_of(Membership)
_me = sa.bindparam("me", type_=sa.Integer)
_shown: Any = sa.literal_column("core_entry.in_feed")  # bare, as the partial indexes have it
_no: Any = sa.literal_column("0")
_readable = access.entry_readable(_entry.c)
_SHOWN = (
    "id",
    "kind",
    "title",
    "html",
    "lang",
    "author_id",
    "byline",
    "channel",
    "state",
    "team_only",
    "in_feed",
)
_DATES = ("published_at", "created_at", "active_at", "edited_at", "pinned_at", "locked_at")
_NUMBERS = ("space_id", "parent_id", "reply_count", "support_count", "reader_id", "version")


@dataclass(frozen=True)
class Page:
    """Rows of entries, and the cursor of what follows them, None at the end."""

    entries: Sequence[Any]
    next: str | None


class BadCursor(ValueError):
    """A cursor that no page of ours gave."""


def page(
    order: str = "newest",
    before: str | None = None,
    size: int = SIZE,
    space: Any = None,
    author: int | None = None,
    followed: bool | Sequence[int] = False,
    kind: str | None = None,
) -> Page:
    """A page of the feed: all that the viewer reads, or of a space, an author, a kind, or what they follow.

    The first page of a space begins with what is pinned there.
    """
    values: dict[str, Any] = {"me": viewer().id, "size": size + 1, "pinned": PINNED, "now": now()}
    filters = []
    if space is not None:
        filters.append("space")
        values["space"] = getattr(space, "id", space)
    if author is not None:
        filters.append("author")
        values["author"] = author
    if kind is not None:
        filters.append("kind")
        values["kind"] = kind
    if before is not None:
        filters.append("before")
        values["moment"], values["id"] = parse(before)
    pinned = space is not None and before is None and kind is None
    spaces = followed_spaces() if followed is True else followed or []
    follows = followed is not False
    if follows and len(spaces) <= FEW:
        values |= {f"space_{n}": ident for n, ident in enumerate(spaces)}
        statement = _merge(order, tuple(filters), len(spaces))
    else:
        statement = _walk(order, (*filters, "followed") if follows else tuple(filters), pinned)
    rows = db.session.execute(statement, values).all()
    first = [row for row in rows if row.pinned]
    shown = {row.id for row in first}
    walked = [row for row in rows if not row.pinned]
    entries = [*first, *(row for row in walked[:size] if row.id not in shown)]
    return Page(entries, cursor(walked[size - 1], order) if len(walked) > size else None)


def rows(ids: Sequence[int]) -> list[Any]:
    """The rows of these entries, in this order, without those the viewer may not read."""
    found = {row.id: row for row in db.session.execute(_by_id(), {"ids": list(ids), "me": viewer().id})}
    return [found[ident] for ident in ids if ident in found]


def thread(root_id: int, after: str | None = None, size: int = 50) -> tuple[Any | None, Page]:
    """An entry, and a page of its replies, the oldest first; what waits to be checked comes at the end."""
    values: dict[str, Any] = {"me": viewer().id, "root": root_id, "size": size + 1}
    if after is not None:
        values["moment"], values["id"] = parse(after)
    rows = db.session.execute(_thread(after is not None), values).all()
    root = next((row for row in rows if row.id == root_id), None)
    said = [row for row in rows if row.published_at and row.id != root_id]
    held = [row for row in rows if not row.published_at and row.id != root_id]
    more = len(said) > size
    return root, Page(
        said[:size] if more else [*said, *held], cursor(said[size - 1], "newest") if more else None
    )


def waiting(space_id: int, size: int = 50) -> list[Any]:
    """What waits in a space to be checked, the oldest first."""
    return list(db.session.execute(_waiting(), {"me": viewer().id, "space": space_id, "size": size}))


def cursor(row: Any, order: str) -> str:
    """Where the page after this row begins."""
    moment: dt.datetime = getattr(row, MOMENT[order])
    return f"{int(moment.timestamp()) * 1_000_000 + moment.microsecond}-{row.id}"


def parse(text: str) -> tuple[dt.datetime, int]:
    """What a cursor says; raises BadCursor."""
    match = re.fullmatch(r"([0-9]{1,17})-([0-9]{1,18})", text)
    if match is None:
        raise BadCursor(text)
    seconds, micro = divmod(int(match[1]), 1_000_000)
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(microsecond=micro), int(match[2])
    except (ValueError, OverflowError) as error:
        raise BadCursor(text) from error


def followed_spaces() -> list[int]:
    """The spaces that the viewer follows or belongs to, one more than FEW at most."""
    return list(db.session.scalars(_followed, {"me": viewer().id, "now": now(), "most": FEW + 1}))


_belongs = sa.and_(
    _member.c.user_id == _me,
    sa.or_(_member.c.expires_at.is_(None), _member.c.expires_at > sa.bindparam("now", type_=UtcDateTime)),
)
_followed = (
    sa.union(
        sa.select(_follow.c.space_id).where(_follow.c.user_id == _me, _follow.c.space_id.is_not(None)),
        sa.select(_member.c.space_id).where(_belongs),
    )
    .limit(sa.bindparam("most"))
    .execution_options(guarded=True)
)
_threads = (
    sa.select(_follow.c.entry_id)
    .where(_follow.c.user_id == _me, _follow.c.entry_id.is_not(None))
    .order_by(_follow.c.id.desc())
    .limit(THREADS)
)


def _filter(name: str, order: str) -> Any:
    """The clause of a named filter of `page`."""
    if name == "before":
        place = sa.tuple_(_entry.c[MOMENT[order]], _entry.c.id)
        return place < sa.tuple_(sa.bindparam("moment", type_=UtcDateTime), sa.bindparam("id"))
    if name == "followed":
        follows = access.following(_entry.c.space_id, _entry.c.id)
        return sa.or_(follows, access.member(_entry.c.space_id))
    column = {"space": "space_id", "author": "author_id", "kind": "kind"}[name]
    return _entry.c[column] == sa.bindparam(name)


def _arm(order: str, *where: Any, size: str = "size", pinned: bool = False) -> Any:
    """The ids and moments of the first entries of the feed, by one index."""
    moment = _entry.c[MOMENT[order]]
    order_by = (_entry.c.pinned_at.desc(),) if pinned else (moment.desc(), _entry.c.id.desc())
    found = (
        sa.select(_entry.c.id, moment.label("moment"), sa.literal_column(str(int(pinned))).label("pinned"))
        .where(_shown, _readable, *where)
        .order_by(*order_by)
        .limit(sa.bindparam(size))
    ).subquery()
    return sa.select(found)


@lru_cache
def _walk(order: str, filters: tuple[str, ...], pinned: bool) -> Any:
    """One index, walked from the cursor on."""
    arms = [_arm(order, *(_filter(name, order) for name in filters))]
    if pinned:
        on_top = (_filter("space", order), _entry.c.pinned_at.is_not(None))
        arms.append(_arm(order, *on_top, size="pinned", pinned=True))
    return _drawn(sa.union_all(*arms).subquery())


@lru_cache
def _merge(order: str, filters: tuple[str, ...], spaces: int) -> Any:
    """The newest of each followed space and of the followed threads, merged."""
    where = [_filter(name, order) for name in filters]
    arms = [_arm(order, *where, _entry.c.space_id == sa.bindparam(f"space_{n}")) for n in range(spaces)]
    arms.append(_arm(order, *where, _entry.c.id.in_(_threads)))
    merged = sa.union(*arms).subquery()
    best = sa.select(merged).order_by(merged.c.moment.desc(), merged.c.id.desc()).limit(sa.bindparam("size"))
    return _drawn(best.subquery())


@lru_cache
def _by_id() -> Any:
    ids = sa.select(_entry.c.id, _entry.c.created_at.label("moment"), _no.label("pinned")).where(
        _entry.c.id.in_(sa.bindparam("ids", expanding=True)), _readable
    )
    return _drawn(ids.subquery())


@lru_cache
def _thread(after: bool) -> Any:
    columns: Any = (_entry.c.id, _entry.c.published_at.label("moment"))
    below = (_entry.c.parent_id == sa.bindparam("root"), _readable)
    place = sa.tuple_(_entry.c.published_at, _entry.c.id)
    start = sa.tuple_(sa.bindparam("moment", type_=UtcDateTime), sa.bindparam("id"))
    first = place > start if after else _entry.c.published_at.is_not(None)
    arms = (
        sa.select(*columns, _no.label("pinned"))
        .where(*below, first)
        .order_by(_entry.c.published_at, _entry.c.id)
        .limit(sa.bindparam("size")),
        sa.select(*columns, _no.label("pinned"))
        .where(*below, _entry.c.published_at.is_(None))
        .order_by(_entry.c.id)
        .limit(sa.bindparam("size")),
        sa.select(*columns, sa.literal_column("1").label("pinned")).where(
            _entry.c.id == sa.bindparam("root"), _readable
        ),
    )
    return _drawn(sa.union_all(*(sa.select(arm.subquery()) for arm in arms)).subquery(), oldest_first=True)


@lru_cache
def _waiting() -> Any:
    columns: Any = (_entry.c.id, _entry.c.created_at.label("moment"), _no.label("pinned"))
    held: Any = sa.literal_column("core_entry.state = 'pending'")  # as its partial index has it
    ids = sa.select(*columns).where(held, _entry.c.space_id == sa.bindparam("space"), _readable)
    return _drawn(ids.order_by(_entry.c.id).limit(sa.bindparam("size")).subquery(), oldest_first=True)


def _drawn(ids: Any, oldest_first: bool = False) -> Any:
    """What cards show of the entries with these ids."""
    supported = sa.select(_support.c.user_id).where(
        _support.c.entry_id == _entry.c.id, _support.c.user_id == _me
    )
    direction = sa.asc if oldest_first else sa.desc
    return (
        sa.select(
            *(_entry.c[name] for name in (*_SHOWN, *_DATES, *_NUMBERS)),
            ids.c.pinned,
            supported.exists().label("supported"),
            _space.c.name.label("space_name"),
            _space.c.kind.label("space_kind"),
            _space.c.visibility.label("space_visibility"),
            _space.c.archived_at.label("space_archived"),
            _user.c.name.label("author_name"),
            _user.c.handle.label("author_handle"),
            _user.c.role.label("author_role"),
            _user.c.mandate.label("author_mandate"),
            _user.c.closed_at.label("author_closed"),
            _file.c.id.label("picture_id"),
            _file.c.name.label("picture_name"),
        )
        .select_from(ids)
        .join(_entry, _entry.c.id == ids.c.id)
        .outerjoin(_space, _space.c.id == _entry.c.space_id)
        .outerjoin(_user, _user.c.id == _entry.c.author_id)
        .outerjoin(_file, _file.c.profile_of == _user.c.id)
        .order_by(ids.c.pinned.desc(), direction(ids.c.moment), direction(_entry.c.id))
        .execution_options(guarded=True)
    )
