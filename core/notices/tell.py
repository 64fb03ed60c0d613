"""Who is told of what: each event becomes, by a job, one notice for everybody who may read of it then."""

import datetime as dt
import secrets
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from .. import access, jobs, live, registry
from ..access import Viewer, as_system, viewer
from ..db import UtcDateTime, db, insert, now, table_of, unfiltered, write
from ..models import Entry, Follow, Membership, Mention, Notice, NoticeChoice, Space, User
from . import rounds
from .reads import INVITED

TELL, NOTIFY = "core.tell", "core.notify"
CHUNK = 500
OLD = dt.timedelta(hours=1)  # what is said as of an earlier time is no news
PAUSE = dt.timedelta(minutes=1)  # within which whoever let through what waited takes that back
ORDER_KEY = 7068949  # of the advisory lock, any number that nobody else uses

_entry, _user, _space = table_of(Entry), table_of(User), table_of(Space)
_notice, _choice = table_of(Notice), table_of(NoticeChoice)


def notify(
    name: str,
    people: Collection[int],
    *,
    entry: Entry | None = None,
    space: Space | None = None,
    once: str | None = None,
) -> None:
    """Tell people something of an entry or a space, inside a write; who may not read it hears nothing.

    `name` is that of a NoticeType. How it reaches them is theirs to choose. With the same `once` they hear
    once; `entry:<id>` is that of the core's own notice of a published entry.
    """
    registry.current().declared("notice_types", name)
    about = {"entry_id": entry.id if entry else None, "space_id": space.id if space else None}
    event = {"type": name, "once": once or secrets.token_hex(8), "actor_id": viewer().id, **about}
    jobs.enqueue(NOTIFY, people=sorted(people), event=event)


def untell(*names: str, **about: Any) -> None:
    """Take back what people were told of as work, inside a write: it is done. `about`: columns of Notice."""
    gone = sa.delete(_notice).where(_notice.c.type.in_(names)).filter_by(**about)
    for person in unfiltered(gone.returning(_notice.c.user_id)).scalars().all():
        live.tell(f"user/{person}", "core.notice", person)


def follow(entry: Entry, change: str) -> None:
    """Have people told of an entry that was published, mentions somebody new, or waits for the team."""
    waited = entry.published_at != entry.created_at
    if change in ("published", "hidden", "removed") and waited:
        untell("core.waits", entry_id=entry.id)
    old = change == "published" and entry.published_at and now() - entry.published_at > OLD
    if change in ("published", "edited", "waits") and not old:
        actor = (change == "published" and entry.author_id) or viewer().id  # not who let it through
        pause = PAUSE if change == "published" and waited else None
        jobs.enqueue(TELL, pause, entry_id=entry.id, change=change, actor_id=actor)


def tell_people(people: Sequence[int], event: dict[str, Any]) -> None:
    """Job: give each of these people their notice of an event, once however often this runs."""
    told = [user_id for user_id in people if user_id != event["actor_id"]]
    with access.as_viewer(Viewer(kinds=registry.current().kinds())):
        for start in range(0, len(told), CHUNK):
            with write():
                _insert(told[start : start + CHUNK], event)


def tell(entry_id: int, change: str, actor_id: int | None) -> None:
    """Job: tell of an entry those whom it concerns."""
    with as_system("see whom an entry concerns"):
        entry = db.session.get(Entry, entry_id)
        audiences = [] if entry is None else list(_audiences(entry, change))
    event = {"entry_id": entry_id, "space_id": None, "actor_id": actor_id}
    for name, once, people in audiences:
        tell_people(sorted(people), {"type": name, "once": f"{once}:{entry_id}", **event})


def _audiences(entry: Entry, change: str) -> Iterator[tuple[str, str, set[int]]]:
    """Kinds of notices with whom they are for; who is mentioned hears that, and nothing else of the same."""
    members = sa.select(Membership.user_id).where(Membership.space_id == entry.space_id)
    if change == "waits" and entry.state == "pending":  # and nobody was quicker
        yield "core.waits", "waits", _ids(members.where(Membership.team))
        return
    mentioned = _ids(sa.select(Mention.user_id).where(Mention.entry_id == entry.id))
    yield "core.mention", "mention", mentioned
    if change == "published" and entry.parent_id is not None:
        thread = sa.select(Follow.user_id).where(Follow.entry_id == entry.parent_id)
        yield "core.reply", "entry", _ids(thread) - mentioned
    elif change == "published" and entry.in_feed:
        followers = _ids(sa.select(Follow.user_id).where(Follow.space_id == entry.space_id))
        yield "core.post", "entry", (followers | _ids(members)) - mentioned


def _ids(statement: sa.Select[Any]) -> set[int]:
    return set(db.session.scalars(statement))


def _insert(people: Sequence[int], event: dict[str, Any]) -> None:
    """A notice for each of these people who may read of it now and wants to hear of it."""
    if db.session.get_bind().dialect.name == "postgresql":  # so that ids are seen in order, as cursors need
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(ORDER_KEY)))
    kind = registry.current().declared("notice_types", event["type"])[1]
    by_type, by_space = _choice.alias(), _choice.alias()
    way: Any = sa.literal("at_once" if kind.subject else kind.default, sa.String)
    way = way if kind.subject else sa.func.coalesce(by_space.c.way, by_type.c.way, way)
    about = (("entry_id", _entry), ("space_id", _space), ("actor_id", _user))
    numbers = {name: sa.literal(_kept(table, event[name]), sa.Integer) for name, table in about}
    values = {
        "user_id": _user.c.id,
        "type": sa.literal(event["type"], sa.String),
        "once": sa.literal(event["once"][:80], sa.String),
        "created_at": sa.literal(now(), UtcDateTime),
        "way": way,
        **numbers,
    }
    place = sa.func.coalesce(_entry.c.space_id, _space.c.id)
    rows = (
        sa.select(*values.values())
        .select_from(_user)
        .outerjoin(_entry, _entry.c.id == numbers["entry_id"])
        .outerjoin(_space, _space.c.id == numbers["space_id"])
        .outerjoin(by_type, sa.and_(by_type.c.user_id == _user.c.id, by_type.c.type == values["type"]))
        .outerjoin(by_space, sa.and_(by_space.c.user_id == _user.c.id, by_space.c.space_id == place))
        .where(_user.c.id.in_(people), _user.c.closed_at.is_(None), way != "none")
    )
    if event["entry_id"] is not None:
        rows = rows.where(access.entry_readable(_entry.c, _user.c.id))
    if event["space_id"] is not None and event["type"] != INVITED:
        rows = rows.where(access.space_listed(_space.c, _user.c.id))
    rows = rows.with_for_update(read=True, key_share=True, of=_user)
    new = insert(_notice).from_select(list(values), rows).on_conflict_do_nothing()
    made = unfiltered(new.returning(_notice.c.user_id, _notice.c.way)).all()
    rounds.plan([(row.user_id, row.way) for row in made])
    for row in made:
        live.tell(f"user/{row.user_id}", "core.notice", row.user_id)


def _kept(table: sa.Table, ident: int | None) -> int | None:
    """The same number, of a row that nobody deletes until this write ends; None once it is gone."""
    held = sa.select(table.c.id).where(table.c.id == ident).with_for_update(read=True, key_share=True)
    return unfiltered(held).scalar()
