"""What open pages are told: events, rows that say what changed and never what it says.

A topic names who hears of it: `space/12` who reads the space, `space/12/team` its team, `user/7` one person.
Who that is, is asked anew whenever there is something to tell. The table is the truth: whoever was not
reached asks again from the event they know. What keeps streams open is in `ops/live.py`.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from . import access, registry
from .access import Viewer
from .db import UtcDateTime, before_commit, db, now, table_of, unfiltered
from .models import Event, SignIn, Space, User
from .plugin import Plugin

MOST = 500  # whoever missed more than this reads the page anew
LOCK = 7068948  # of the advisory lock, any number that nobody else uses
CHANNEL = "parvis"
BEGIN_ANEW = "reset"

_event, _space, _user, _sign_in = map(table_of, (Event, Space, User, SignIn))
_write = sa.insert(_event)


@dataclass(slots=True, eq=False)
class Listener:
    """An open page: whose, by which sign-in, the newest event it knows, its spaces (None: all one reads)."""

    after: int
    user_id: int | None = None
    token_hash: str = ""
    spaces: frozenset[int] | None = frozenset()


def emit(to: Space | User, kind: str, ref: object, team_only: bool = False) -> None:
    """Tell open pages, with this write, that what `kind` and `ref` name changed: a space's, or a person's.

    `kind` is among the `live_topics` of a plugin, or a kind of entry; `:` and a word may follow.
    """
    name = kind.partition(":")[0]
    plugins = registry.current()
    if name not in _kinds([plugins.core, *plugins.installed.values()]):
        raise LookupError(f"{name} is not among the live_topics of any plugin")
    tell(f"user/{to.id}" if isinstance(to, User) else of_space(to.id, team_only), kind, ref)


def of_space(space_id: int, team_only: bool) -> str:
    """The topic of a space, or of its team."""
    return f"space/{space_id}/team" if team_only else f"space/{space_id}"


def tell(topic: str, kind: str, ref: object) -> None:
    """Tell who hears this topic, with this write; the same is told once."""
    before_commit(_insert)
    db.session.info.setdefault("events", {}).setdefault((topic, kind, str(ref)))


def _insert() -> None:
    """Write the events down, in the order in which their transactions end, and wake who waits for them."""
    told = db.session.info.pop("events")
    on_postgresql = db.session.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        unfiltered(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        unfiltered(sa.select(sa.func.pg_notify(CHANNEL, "")))
    rows = [{"topic": topic, "kind": kind, "ref": ref, "at": now()} for topic, kind, ref in told]
    unfiltered(_write, rows)


def hear(listeners: Collection[Listener], anyway: bool = False) -> dict[Listener, str | None]:
    """What has to be told to whom, as server-sent events; None to those whose sign-in has ended.

    Sign-ins are looked at when there is news, or `anyway`; who hears a topic, for each piece of news.
    """
    oldest, newest = db.session.execute(_bounds).one()
    if not anyway and all(one.after == newest for one in listeners):
        return {}
    gone = _signed_out(listeners)
    behind = [one for one in listeners if one not in gone and one.after != newest]
    first = max(oldest - 1, newest - MOST)
    known = [one for one in behind if first <= one.after < newest]
    told = dict.fromkeys(behind, f"id: {newest}\nevent: {BEGIN_ANEW}\ndata: {newest}\n\n")
    if known:
        told |= _told(known, newest)
    for one in behind:
        one.after = newest
    return {**dict.fromkeys(gone), **{one: text for one, text in told.items() if text}}


def _told(listeners: Collection[Listener], newest: int) -> dict[Listener, str]:
    since = {"after": min(one.after for one in listeners), "newest": newest}
    kinds = _kinds(registry.current().active())
    rows = [row for row in db.session.execute(_since, since) if row.kind.partition(":")[0] in kinds]
    with access.as_viewer(Viewer(kinds=registry.current().kinds())):
        hears = _audience(
            {int(row.topic.split("/")[1]) for row in rows if row.topic.startswith("space/")},
            {one.user_id for one in listeners if one.user_id is not None},
        )
    texts: dict[Any, str] = {}
    told: dict[Listener, str] = {}
    for one in listeners:
        key = (one.after, one.user_id, one.spaces)
        text = texts.get(key)
        if text is None:
            text = texts[key] = "".join(
                _message(row) for row in rows if row.id > one.after and _concerns(row.topic, one, hears)
            )
        told[one] = text
    return told


def _message(row: Any) -> str:
    said = {"topic": row.topic, "kind": row.kind, "ref": row.ref}
    return f"id: {row.id}\ndata: {json.dumps(said)}\n\n"


def _concerns(topic: str, one: Listener, hears: set[tuple[str, int | None]]) -> bool:
    sort, _, rest = topic.partition("/")
    if sort == "user":
        return one.user_id == int(rest)
    wanted = one.spaces is None or int(rest.partition("/")[0]) in one.spaces
    return wanted and ((topic, None) in hears or (topic, one.user_id) in hears)


def _audience(spaces: set[int], people: set[int]) -> set[tuple[str, int | None]]:
    """Who of these people hears which topic of these spaces; None stands for anybody."""
    if not spaces:
        return set()
    open_to_all = db.session.scalars(_open, {"spaces": list(spaces)})
    hears: set[tuple[str, int | None]] = {(of_space(ident, False), None) for ident in open_to_all}
    if people:
        for row in db.session.execute(_inside, {"spaces": list(spaces), "people": list(people)}):
            hears.add((of_space(row.id, False), row.user_id))
            if row.team:
                hears.add((of_space(row.id, True), row.user_id))
    return hears


def _signed_out(listeners: Collection[Listener]) -> set[Listener]:
    tokens = {one.token_hash for one in listeners if one.token_hash}
    if not tokens:
        return set()
    held = set(db.session.scalars(_held, {"tokens": list(tokens), "now": now()}))
    return {one for one in listeners if one.token_hash and one.token_hash not in held}


def _kinds(plugins: Iterable[Plugin]) -> set[str]:
    """What events of these plugins may be about."""
    return {
        name
        for plugin in plugins
        for name in (*plugin.live_topics, *(kind.name for kind in plugin.entry_kinds))
    }


def _among(column: Any, name: str) -> Any:
    return column.in_(sa.bindparam(name, expanding=True))


_bounds = sa.select(
    *(
        sa.select(sa.func.coalesce(edge(_event.c.id), 0)).scalar_subquery()
        for edge in (sa.func.min, sa.func.max)
    )
).execution_options(guarded=True)
_since = (
    sa.select(*(_event.c[name] for name in ("id", "topic", "kind", "ref")))
    .where(_event.c.id > sa.bindparam("after"), _event.c.id <= sa.bindparam("newest"))
    .order_by(_event.c.id)
    .execution_options(guarded=True)
)
_held = (
    sa.select(_sign_in.c.token_hash)
    .join(_user, _user.c.id == _sign_in.c.user_id)
    .where(
        _among(_sign_in.c.token_hash, "tokens"),
        _sign_in.c.expires_at > sa.bindparam("now", type_=UtcDateTime),
        _user.c.closed_at.is_(None),
    )
    .execution_options(guarded=True)
)
_open = (
    sa.select(_space.c.id)
    .where(_among(_space.c.id, "spaces"), access.in_space(_space.c.id))
    .execution_options(guarded=True)
)
_inside = (
    sa.select(
        _space.c.id,
        _user.c.id.label("user_id"),
        access.member(_space.c.id, team=True, person=_user.c.id).label("team"),
    )
    .join(_user, sa.true())
    .where(
        _among(_space.c.id, "spaces"),
        _among(_user.c.id, "people"),
        access.in_space(_space.c.id, person=_user.c.id),
    )
    .execution_options(guarded=True)
)
