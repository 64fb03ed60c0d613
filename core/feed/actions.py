"""The verbs of the feed: publish, change, release, hide, remove, support, pin, follow.

Locks are taken in one order, the space, then the thread. Authors change their own words; state and audience
are for the team of the space. A plugin checks its own permissions before.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from .. import access, files, registry
from ..access import SYSTEM, Forbidden, Gone, Refused, as_system, require, viewer
from ..accounts import throttle
from ..audit import audit
from ..db import db, insert_once, lock, now, table_of, unfiltered, write
from ..models import Entry, File, Follow, Membership, Mention, Revision, Space, Support, User
from ..plugin import EntryKind
from ..spaces import actions as spaces
from . import audience, cases, changes
from .drafts import Draft, check, render

_entry, _space, _user, _member = table_of(Entry), table_of(Space), table_of(User), table_of(Membership)
_support, _follow, _mentioned = table_of(Support), table_of(Follow), table_of(Mention)
_same = sa.select(_entry.c.id).where(
    _entry.c.space_id == sa.bindparam("space"), _entry.c.client_key == sa.bindparam("key")
)
NEW = dt.timedelta(days=1)
_VIEWER: Any = object()


def publish(
    space: Space,
    body: str,
    title: str = "",
    kind: str = "core.post",
    *,
    parent: Entry | None = None,
    channel: str = "web",
    byline: str | None = None,
    recorded_by: int | None = None,
    author_id: int | None = _VIEWER,
    team_only: bool = False,
    reader_id: int | None = None,
    state: str | None = None,
    lang: str | None = None,
    pictures: Sequence[tuple[files.Prepared, str]] = (),
    beside: Sequence[str] = (),
    client_key: str | None = None,
    confirmed: bool = False,
    at: dt.datetime | None = None,
) -> Entry:
    """Say something in a space, now or `at` an earlier time; the same `client_key` says no words twice.

    Of what was said `at` an earlier time the team isn't told that it waits, one by one.
    With a `state` it is a step of a plugin, not a comment: a thread that is closed to replies takes it too.
    `beside` is what a plugin will keep beside it for the same readers, to be checked with its words.
    `team_only` keeps it between the team and `reader_id`; such an entry isn't held back for the team's look.
    Raises Forbidden, Refused, or AskAuthor unless `confirmed`.
    """
    person, entry_kind = viewer(), registry.current().entry_kind(kind)
    author = person.id if author_id is _VIEWER else author_id
    if author not in (None, person.id) and person is not SYSTEM:
        raise Forbidden("core.post")
    _may_publish(entry_kind, space, parent)
    html, mentioned = render(body, space)
    more: Any = {"alts": tuple(alt for _picture, alt in pictures), "beside": (*beside, byline or "")}
    free = check(Draft(space, person, kind, title, body, html, parent, channel, **more), confirmed)
    space_id, parent_id = space.id, parent.id if parent else None
    key = _key(client_key, author, kind, parent_id, title, body)
    with write() as session:
        root = _hold(space_id, parent_id, comments=state is None)
        _may_publish(entry_kind, space, parent)  # still: nobody takes it away from here on
        if author is not None:
            spaces.hold_person(author)
        if key is not None:
            said = _said(space_id, key)
            if said is not None:
                return said
        entry = Entry(space_id=space_id, kind=kind, author_id=author, byline=byline, recorded_by=recorded_by)
        entry.channel, entry.title, entry.body, entry.html, entry.lang = channel, title, body, html, lang
        entry.parent_id = root.id if root else None
        entry.private = team_only or bool(root and root.team_only)
        entry.meant_for = reader_id if team_only or root is None else root.reader_id
        entry.state = state or (entry_kind.initial_state if free or team_only else "pending")
        entry.client_key, entry.created_at = key, at or now()
        if entry.state == "published":
            entry.published_at = entry.active_at = entry.created_at
        audience.settle(entry, root)
        session.add(entry)
        session.flush()
        writes = kind == "core.post" and author is not None
        if writes and not spaces.belongs(space_id, author) and open_to_all(space):
            spaces.enter(space_id, author)
        for picture, alt in pictures:
            files.attach(entry, picture, alt)
        _mention(entry, mentioned, new=True)
        if author is not None:
            insert_once(Follow, user_id=author, entry_id=(root or entry).id)
        if entry.state == "published":
            _announce(entry, root)
            audience.tally(entry, root, was=False)
        elif entry_kind.initial_state == "published" or (root is None and at is None):
            changes.tell(entry, "waits")
        changes.show(entry, entry.state)
    return entry


def change_entry(
    entry: Entry,
    title: str | None = None,
    body: str | None = None,
    version: int | None = None,
    confirmed: bool = False,
) -> None:
    """Change what one said; what stood there since its publication stays in the public history.

    `version` is what the person saw: Refused when the entry changed since. Raises as `publish` does.
    """
    person = viewer()
    space = _space_of(entry)
    if person.id is None or person.id != entry.author_id:
        _of_team(entry, space)
    else:
        must_be_changeable(entry)
    title, body = entry.title if title is None else title, entry.body if body is None else body
    html, mentioned = render(body, space)
    draft = Draft(space, person, entry.kind, title, body, html, None, entry.channel, entry)
    if not check(draft, confirmed) and entry.state != "pending":
        raise Refused(_("This change has to be looked at first. Please write to the team of the space."))
    with write() as session:
        _hold(space.id, entry.parent_id if entry.kind == "core.reply" else None)
        row = _row(entry.id)
        _unchanged(row, version)
        if (row.title, row.body) == (title, body):
            return
        if row.published_at is not None:
            session.add(
                Revision(
                    entry_id=row.id,
                    number=row.version,
                    title=row.title,
                    body=row.body,
                    html=row.html,
                    editor_id=person.id,
                    written_at=row.edited_at or row.published_at,
                )
            )
            row.edited_at = now()
        row.title, row.body, row.html = title, body, html
        _mention(row, mentioned)
        session.flush()
        changes.tell(row, "edited")
        changes.show(row, "edited")


def must_be_changeable(entry: Entry) -> None:
    """Raise Refused where its author can't change an entry: it was let through as it stood, or is closed."""
    if entry.state == "published" and not registry.current().entry_kind(entry.kind).changeable(entry.state):
        raise Refused(_("This was accepted as it stands, so it no longer changes. Say more in a comment."))
    spaces.must_be_open(entry.space_id)


def set_audience(entry: Entry, team_only: bool, reader_id: int | None = None) -> None:
    """Keep an entry between the team and one reader, or open it; replies are never wider."""
    with changing(entry, "moved") as (row, _root):
        row.private, row.meant_for = team_only, reader_id if team_only else None


def release(
    entry: Entry, team_only: bool = False, reader_id: int | None = None, version: int | None = None
) -> None:
    """Publish what was pending or kept for the team, as wide as its thread allows, unless said narrower.

    `version` is what the team looked at: Refused when the entry changed since.
    """
    with changing(entry, "published") as (row, root):
        _unchanged(row, version)
        if row.state in audience.CLOSED:
            raise Refused(_("This was hidden or removed meanwhile."))
        row.state, row.private, row.meant_for = "published", team_only, reader_id if team_only else None
        audience.settle(row, root)
        if row.published_at is None:
            row.published_at = row.active_at = now()
            _announce(row, root)


def hide(entry: Entry) -> None:
    """Take an entry and its replies out of sight, the team's excepted, until it is restored."""
    with changing(entry, "hidden") as (row, root):
        if row.state not in ("published", "pending"):
            raise Refused(_("This is not published."))
        row.state = "hidden"
        audience.settle(row, root)
        audit("entry.hidden", f"entry/{row.id}")
        changes.tell(row, "hidden")


def restore(entry: Entry) -> None:
    """Show again what was hidden, to those who saw it before."""
    with changing(entry, "restored") as (row, root):
        if row.state != "hidden":
            raise Refused(_("This is not hidden."))
        row.state = "published" if row.published_at else "pending"
        audience.settle(row, root)
        audit("entry.restored", f"entry/{row.id}")
        changes.tell(row, "restored")


def remove(entry: Entry, keep: bool = False) -> None:
    """Remove what one said, or as a moderator what another said; its words are gone.

    With replies, or where it is to `keep`, an empty place stays, for the team; replies go out of sight.
    """
    own = viewer().id is not None and viewer().id == entry.author_id and entry.kind.startswith("core.")
    ident = entry.id
    with write():
        with changing(entry, "removed", allowed=own) as (row, root):
            if not own:
                audit("entry.removed", f"entry/{ident}")
            changes.tell(row, "removed")
            row.state, row.title, row.body, row.html, row.byline = "removed", "", "", "", None
            audience.settle(row, root)
            for table in (table_of(Revision), _mentioned, table_of(File)):
                unfiltered(sa.delete(table).where(table.c.entry_id == ident))
        reply = _entry.alias()
        replies = sa.select(reply.c.id).where(reply.c.parent_id == ident).exists()
        unfiltered(sa.delete(_entry).where(_entry.c.id == ident, ~replies, sa.literal(not keep)))


def support(entry: Entry, on: bool) -> None:
    """Add one's voice to an entry or take it back; a person counts once. Refused in a closed space.

    New accounts together are slowed down for each entry, by throttle.TooMany.
    """
    require("core.support")
    born = sa.select(_user.c.created_at).where(_user.c.id == viewer().id, _user.c.created_at > now() - NEW)
    if on and unfiltered(born).first() is not None:
        throttle.hit("support", f"entry/{entry.id}")
    with write():
        spaces.hold_person(viewer().id)
        row = _row(entry.id, held=True)
        spaces.must_be_open(row.space_id)
        if row.state != "published" or not registry.current().entry_kind(row.kind).supports:
            raise Forbidden("core.support")
        if on:
            change = int(insert_once(Support, entry_id=row.id, user_id=viewer().id))
        else:
            own = sa.delete(_support).where(_support.c.entry_id == row.id, _support.c.user_id == viewer().id)
            change = -unfiltered(own).rowcount
        if change:
            audience.add("support_count", row.id, change)
            changes.show(row, "supported")


def pin(entry: Entry, on: bool) -> None:
    """Keep a post at the top of its space, or no longer."""
    moderated(entry)
    with write():
        row = _row(entry.id)
        if row.parent_id is not None:
            raise Refused(_("Only a post can be pinned, not a reply."))
        _mark(row, pinned_at=now() if on else None)
        changes.show(row, "pinned")


def lock_thread(entry: Entry, on: bool) -> None:
    """Close a post to further replies, or open it again."""
    moderated(entry)
    with write():
        row = _row(entry.id, moderates=True)
        if row.parent_id is not None:
            raise Refused(_("Only a post can be closed to replies, not a reply."))
        _mark(row, locked_at=now() if on else None)
        audit("entry.locked" if on else "entry.unlocked", f"entry/{row.id}")
        changes.show(row, "locked")


def _mark(row: Entry, **values: dt.datetime | None) -> None:
    """Note what is no change to an entry for who edits it at the time: its version stays."""
    unfiltered(sa.update(_entry).where(_entry.c.id == row.id).values(**values))


def follow(on: bool, space: Space | None = None, entry: Entry | None = None) -> None:
    """Hear of a space or of one post from now on, or no longer."""
    require("core.account")
    key = {"user_id": viewer().id, **({"space_id": space.id} if space else {"entry_id": entry.id})}  # type: ignore[union-attr]
    with write():
        if on:
            spaces.hold_person(viewer().id)
            if entry is not None:
                _row(entry.id, held=True)
            insert_once(Follow, **key)
        else:
            same = [_follow.c[name] == value for name, value in key.items()]
            unfiltered(sa.delete(_follow).where(*same))


def may_post(space: Space, kind: str = "core.post") -> bool:
    """Whether the viewer may begin something of this kind in the space."""
    if space.archived_at is not None:
        return False
    return access.can(_right(registry.current().entry_kind(kind), space), space)


def takes_replies(entry: Entry) -> bool:
    """Whether something may be said below the entry: it is no reply itself, and its kind has replies."""
    return entry.parent_id is None and registry.current().entry_kind(entry.kind).replies


def open_to_all(space: Space) -> bool:
    """Whether everybody signed in may post in the space, and becomes a member by it."""
    return space.joining == "open" and space.visibility in ("public", "portal")


def _may_publish(kind: EntryKind, space: Space, parent: Entry | None) -> None:
    if parent is not None and (parent.space_id != space.id or not takes_replies(parent)):
        raise Forbidden("core.reply")
    answers = "core.reply" if kind.name == "core.reply" else kind.publish
    require(_right(kind, space) if parent is None else answers, space)


def _right(kind: EntryKind, space: Space) -> str:
    """The permission that beginning something of this kind in the space needs."""
    return "core.post_open" if kind.name == "core.post" and open_to_all(space) else kind.publish


def _unchanged(row: Entry, version: int | None) -> None:
    if version is not None and row.version != version:
        raise Refused(_("This was changed meanwhile. Please read it again."))


def _key(client_key: str | None, *said: str | int | None) -> str | None:
    """A key of its author's own, for this kind, thread and words: nothing else can be taken for it."""
    if not client_key:
        return None
    return hashlib.sha256(repr((client_key, said)).encode(errors="surrogatepass")).hexdigest()


def _said(space_id: int, key: str) -> Entry | None:
    ident = unfiltered(_same, {"space": space_id, "key": key}).scalar()
    with as_system("a repeated post is found whatever became of it"):
        return None if ident is None else db.session.get(Entry, ident)


def _hold(space_id: int, root_id: int | None, comments: bool = True) -> Entry | None:
    """Hold the space, then the thread, which is answered; Refused when either is closed, or to `comments`."""
    spaces.hold_open(space_id)
    root = None if root_id is None else _row(root_id, held=True)
    if root is not None and ((comments and root.locked_at is not None) or root.state in audience.CLOSED):
        raise Refused(_("This conversation is closed."))
    return root


def _row(entry_id: int, held: bool = False, moderates: bool = False) -> Entry:
    """The entry as it stands now, if the viewer may read it, or `moderates` it."""
    statement = sa.select(Entry).where(Entry.id == entry_id)
    token = access.enter(SYSTEM if moderates else viewer())
    try:
        row: Entry | None = db.session.scalars(lock(statement) if held else statement).one_or_none()
    finally:
        access.leave(token)
    if row is None:
        raise Gone("core.read")
    return row


@contextmanager
def changing(entry: Entry, what: str, allowed: bool = False) -> Iterator[tuple[Entry, Entry | None]]:
    """Change state or audience inside a write; replies, feeds, counters and open pages follow."""
    if not allowed:
        moderated(entry)
    with write() as session:
        spaces.hold(entry.space_id)
        root = None if entry.parent_id is None else _row(entry.parent_id, True, not allowed)
        row = _row(entry.id, True, not allowed)
        was, before = audience.counted(row), changes.audience(row)
        yield row, root
        audience.settle(row, root)
        changes.show(row, what, before)
        session.flush()
        audience.tally(row, root, was)
        if root is None:
            audience.cascade(row)


def _announce(entry: Entry, root: Entry | None) -> None:
    """Move the thread of what is published first up, and tell of it."""
    at = entry.published_at
    if root is not None and not entry.team_only:
        moved = sa.update(_entry).where(_entry.c.id == root.id, _entry.c.active_at < at).values(active_at=at)
        unfiltered(moved)
    changes.tell(entry, "published")


def _mention(entry: Entry, user_ids: Sequence[int], new: bool = False) -> None:
    if not new:
        others = (_mentioned.c.entry_id == entry.id, _mentioned.c.user_id.not_in(user_ids))
        unfiltered(sa.delete(_mentioned).where(*others))
    for user_id in user_ids:
        insert_once(Mention, entry_id=entry.id, user_id=user_id)


def _space_of(entry: Entry) -> Space:
    space = db.session.get(Space, entry.space_id)
    if space is None:
        raise Forbidden("core.read")
    return space


def moderated(entry: Entry) -> Space:
    """The space of an entry whose state the viewer may change, overseeing it or by a case; else Forbidden."""
    with as_system("some decide on an entry whose space they do not read"):
        space = _space_of(entry)
    if not (spaces.oversees(space) or cases.judges(entry)):
        raise Forbidden("core.moderate")
    return space


def _of_team(entry: Entry, space: Space) -> None:
    """The words of a person are that person's own; what a plugin keeps, its team writes together."""
    if viewer() is not SYSTEM and (entry.kind.startswith("core.") or not access.can("core.moderate", space)):
        raise Forbidden("core.post")
