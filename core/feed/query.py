"""Pages of the feed by keyset, newest or most active first: Core statements that carry the guard's clauses.

Each statement first finds the ids by one index (several, where somebody follows little in a busy town), then
reads what their cards show.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import sqlalchemy as sa

from .. import access
from ..access import viewer
from ..db import UtcDateTime, db, now, table_of
from ..models import Entry, File, Follow, Membership, Space, Support, User
from ..prepared import Prepared

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
_picture = _file.alias()


class Picture(NamedTuple):
    """What a card shows of a picture of an entry."""

    id: int
    name: str
    alt: str
    width: int
    height: int


class Row(NamedTuple):
    """What a card shows of an entry, of its space and of its author, and whether the viewer supports it.

    `moment` is what its page is sorted by; `on_top` says that it is there because it is pinned.
    """

    id: int
    on_top: int
    moment: dt.datetime
    kind: str
    title: str
    html: str
    lang: str | None
    author_id: int | None
    byline: str | None
    channel: str
    state: str
    team_only: bool
    in_feed: bool
    published_at: dt.datetime | None
    edited_at: dt.datetime | None
    space_id: int
    parent_id: int | None
    reply_count: int
    support_count: int
    version: int
    pinned: bool
    locked: bool
    archived: bool
    supported: bool
    space_name: str
    space_kind: str
    space_visibility: str
    author_name: str | None
    author_handle: str | None
    author_role: str | None
    author_mandate: str | None
    author_closed: bool
    picture_id: int | None
    picture_name: str | None
    pictures: tuple[Picture, ...]

    @property
    def closed(self) -> bool:
        """Whether nobody replies any more."""
        return self.locked or self.archived


_row: Callable[..., Row] = partial(tuple.__new__, Row)
_FACTS = Row._fields.index("pictures")
_OF_ENTRY = Row._fields[Row._fields.index("kind") : Row._fields.index("pinned")]


@dataclass(frozen=True)
class Page:
    """Rows of entries, and the cursor of what follows them, None at the end."""

    entries: Sequence[Row]
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
        filters += ["followed"] if follows else []
        statement = _walk(order, tuple(filters), pinned, viewer().signed_in)
    rows = _rows(statement(**values))
    first = [row for row in rows if row.on_top]
    shown = {row.id for row in first}
    walked = [row for row in rows if not row.on_top]
    entries = [*first, *(row for row in walked[:size] if row.id not in shown)]
    return Page(entries, cursor(walked[size - 1]) if len(walked) > size else None)


def rows(ids: Sequence[int]) -> list[Row]:
    """The rows of these entries, in this order, without those the viewer may not read."""
    drawn = db.session.execute(_by_id(), {"ids": list(ids), "me": viewer().id})
    found = {row.id: row for row in _rows(drawn)}
    return [found[ident] for ident in ids if ident in found]


def thread(root_id: int, after: str | None = None, size: int = 50) -> tuple[Row | None, Page]:
    """An entry, and a page of its replies, the oldest first; what waits to be checked comes at the end."""
    values: dict[str, Any] = {"me": viewer().id, "root": root_id, "size": size + 1}
    if after is not None:
        values["moment"], values["id"] = parse(after)
    rows = _rows(_thread(after is not None)(**values))
    root = next((row for row in rows if row.id == root_id), None)
    said = [row for row in rows if row.published_at and row.id != root_id]
    held = [row for row in rows if not row.published_at and row.id != root_id]
    more = len(said) > size
    return root, Page(said[:size] if more else [*said, *held], cursor(said[size - 1]) if more else None)


def waiting(space_id: int, size: int = 50) -> list[Row]:
    """What waits in a space to be checked, the oldest first."""
    return _rows(_waiting()(me=viewer().id, space=space_id, size=size))


def _rows(drawn: Iterable[Any]) -> list[Row]:
    """A row for each entry of what a statement of `_drawn` finds, where each picture has a row of its own."""
    found: list[Row] = []
    for values in drawn:
        facts, picture = values[:_FACTS], values[_FACTS:]
        pictures: tuple[Picture, ...] = () if picture[0] is None else (Picture(*picture),)
        if pictures and found and found[-1][:2] == facts[:2]:
            pictures = (*found.pop().pictures, *pictures)
        found.append(_row((*facts, pictures)))
    return found


def cursor(row: Row) -> str:
    """Where the page after this row begins."""
    return f"{int(row.moment.timestamp()) * 1_000_000 + row.moment.microsecond}-{row.id}"


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
    return [ident for (ident,) in _followed(me=viewer().id, now=now(), most=FEW + 1)]


_belongs = sa.and_(
    _member.c.user_id == _me,
    sa.or_(_member.c.expires_at.is_(None), _member.c.expires_at > sa.bindparam("now", type_=UtcDateTime)),
)
_followed = Prepared(
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
        sa.select(_entry.c.id, moment.label("moment"), sa.literal_column(str(int(pinned))).label("on_top"))
        .where(_shown, _readable, *where)
        .order_by(*order_by)
        .limit(sa.bindparam(size))
    ).subquery()
    return sa.select(found)


@lru_cache
def _walk(order: str, filters: tuple[str, ...], pinned: bool, signed_in: bool) -> Prepared:
    """One index, walked from the cursor on."""
    arms = [_arm(order, *(_filter(name, order) for name in filters))]
    if pinned:
        on_top = (_filter("space", order), _entry.c.pinned_at.is_not(None))
        arms.append(_arm(order, *on_top, size="pinned", pinned=True))
    return Prepared(_drawn(sa.union_all(*arms).subquery(), signed_in=signed_in), tuple)


@lru_cache
def _merge(order: str, filters: tuple[str, ...], spaces: int) -> Prepared:
    """The newest of each followed space and of the followed threads, merged."""
    where = [_filter(name, order) for name in filters]
    arms = [_arm(order, *where, _entry.c.space_id == sa.bindparam(f"space_{n}")) for n in range(spaces)]
    arms.append(_arm(order, *where, _entry.c.id.in_(_threads)))
    merged = sa.union(*arms).subquery()
    best = sa.select(merged).order_by(merged.c.moment.desc(), merged.c.id.desc()).limit(sa.bindparam("size"))
    return Prepared(_drawn(best.subquery()), tuple)


@lru_cache
def _by_id() -> Any:
    ids = sa.select(_entry.c.id, _entry.c.created_at.label("moment"), _no.label("on_top")).where(
        _entry.c.id.in_(sa.bindparam("ids", expanding=True)), _readable
    )
    return _drawn(ids.subquery())


@lru_cache
def _thread(after: bool) -> Prepared:
    said_or_held = sa.func.coalesce(_entry.c.published_at, _entry.c.created_at)
    columns: Any = (_entry.c.id, said_or_held.label("moment"))
    below = (_entry.c.parent_id == sa.bindparam("root"), _readable)
    place = sa.tuple_(_entry.c.published_at, _entry.c.id)
    start = sa.tuple_(sa.bindparam("moment", type_=UtcDateTime), sa.bindparam("id"))
    first = place > start if after else _entry.c.published_at.is_not(None)
    arms = (
        sa.select(*columns, _no.label("on_top"))
        .where(*below, first)
        .order_by(_entry.c.published_at, _entry.c.id)
        .limit(sa.bindparam("size")),
        sa.select(*columns, _no.label("on_top"))
        .where(*below, _entry.c.published_at.is_(None))
        .order_by(_entry.c.id)
        .limit(sa.bindparam("size")),
        sa.select(*columns, sa.literal_column("1").label("on_top")).where(
            _entry.c.id == sa.bindparam("root"), _readable
        ),
    )
    found = sa.union_all(*(sa.select(arm.subquery()) for arm in arms)).subquery()
    return Prepared(_drawn(found, oldest_first=True), tuple)


@lru_cache
def _waiting() -> Prepared:
    columns: Any = (_entry.c.id, _entry.c.created_at.label("moment"), _no.label("on_top"))
    held: Any = sa.literal_column("core_entry.state = 'pending'")  # as its partial index has it
    ids = sa.select(*columns).where(held, _entry.c.space_id == sa.bindparam("space"), _readable)
    found = ids.order_by(_entry.c.id).limit(sa.bindparam("size")).subquery()
    return Prepared(_drawn(found, oldest_first=True), tuple)


def _drawn(ids: Any, oldest_first: bool = False, signed_in: bool = True) -> Any:
    """What cards show of the entries with these ids; a visitor supports none of them."""
    supported = sa.select(_support.c.user_id).where(
        _support.c.entry_id == _entry.c.id, _support.c.user_id == _me
    )
    direction = sa.asc if oldest_first else sa.desc
    return (
        sa.select(
            _entry.c.id,
            ids.c.on_top,
            ids.c.moment,
            *(_entry.c[name] for name in _OF_ENTRY),
            _entry.c.pinned_at.is_not(None).label("pinned"),
            _entry.c.locked_at.is_not(None).label("locked"),
            _space.c.archived_at.is_not(None).label("archived"),
            (supported.exists() if signed_in else sa.false()).label("supported"),
            _space.c.name.label("space_name"),
            _space.c.kind.label("space_kind"),
            _space.c.visibility.label("space_visibility"),
            _user.c.name.label("author_name"),
            _user.c.handle.label("author_handle"),
            _user.c.role.label("author_role"),
            _user.c.mandate.label("author_mandate"),
            _user.c.closed_at.is_not(None).label("author_closed"),
            _file.c.id.label("picture_id"),
            _file.c.name.label("picture_name"),
            *(_picture.c[name] for name in Picture._fields),
        )
        .select_from(ids)
        .join(_entry, _entry.c.id == ids.c.id)
        .outerjoin(_space, _space.c.id == _entry.c.space_id)
        .outerjoin(_user, _user.c.id == _entry.c.author_id)
        .outerjoin(_file, _file.c.profile_of == _user.c.id)
        .outerjoin(_picture, sa.and_(_picture.c.entry_id == _entry.c.id, _picture.c.width.is_not(None)))
        .order_by(ids.c.on_top.desc(), direction(ids.c.moment), direction(_entry.c.id), _picture.c.id)
        .execution_options(guarded=True)
    )
