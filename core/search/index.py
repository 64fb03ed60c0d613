"""Keeping the index true: a write notes what became stale; the worker makes its documents anew.

What is hidden or removed leaves the index in the same write. A document that hangs on what its viewer may no
longer read needs no new indexing: who reads is asked at each search.
"""

import datetime as dt
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from .. import registry
from ..access import as_system
from ..db import db, insert_new, table_of, unfiltered, write
from ..models import Document, Entry, Space, Stale, User
from ..text import plain
from .words import tag, tokens

BATCH, SECONDS = 200, 5
SECOND, LATEST = 2**30, 2**32 - 1  # places in a second, and seconds since 1970 that have places
THINGS: dict[str, Any] = {"user": User, "space": Space, "entry": Entry}
BLANK = {"plugin": "core", "listed": False, **dict.fromkeys(("title", "text", "url"), "")}
BLANK |= dict.fromkeys(("entry_id", "space_id", "user_id"))
_document, _stale, _entry = table_of(Document), table_of(Stale), table_of(Entry)

Ref = tuple[str, int]


def note(sort: str, ident: int) -> None:
    """An `entry`, `space` or `user` changed: inside the write that changes it."""
    unfiltered(sa.insert(_stale), {"sort": sort, "ident": ident})


def entry_changed(entry: Entry, change: str) -> None:
    """An entry changed as `changes.tell` has it; what is not to be read any more leaves the index now."""
    if change not in ("published", "edited", "restored"):
        forget("entry", entry.id)
    note("entry", entry.id)


def forget(sort: str, ident: int, *which: Any) -> None:
    """Take what hangs on a thing out of the index now, or some of it: inside a write."""
    unfiltered(sa.delete(_document).where(_document.c[f"{sort}_id"] == ident, *which))


def reindex(thing: Entry | Space) -> None:
    """What a plugin answers of an entry or a space in `search_documents` changed: inside a write.

    What plugins answered before is found no more from then on, and what they answer now in a moment.
    """
    sort = "entry" if isinstance(thing, Entry) else "space"
    forget(sort, thing.id, _document.c.plugin != "core")
    note(sort, thing.id)


def note_everything() -> None:
    """Have all documents made anew, the newest entries first."""
    with as_system("index everything"), write():
        for sort, model in THINGS.items():
            every = sa.select(sa.literal(sort), model.id).order_by(model.id)
            unfiltered(sa.insert(_stale).from_select(["sort", "ident"], every))


def waiting() -> bool:
    """Whether anything is stale."""
    return unfiltered(sa.select(_stale.c.id).limit(1)).first() is not None


def run(seconds: float = SECONDS) -> None:
    """Index what is stale, the latest change first, for so many seconds; the rest waits for the next run."""
    end = time.monotonic() + seconds
    with as_system("index what changed"):
        while _batch() and time.monotonic() < end:
            pass


def tidy() -> None:
    """Leave no word of deleted documents in SQLite's index, which else merges them away only in time."""
    with as_system("tidy the index"), write() as session:
        if session.get_bind().dialect.name == "sqlite":
            unfiltered(sa.text("INSERT INTO core_search_fts (core_search_fts) VALUES ('optimize')"))


def _batch() -> bool:
    """Index some of what is stale; whether there was any that could be."""
    rows = unfiltered(sa.select(_stale).order_by(_stale.c.id.desc()).limit(BATCH)).all()
    refs = {(row.sort, row.ident): row.id for row in reversed(rows)}
    made = list(_documents(refs))
    active = [plugin.name for plugin in registry.current().active()]
    with write():
        busy = _busy(refs)
        free = {sort: [ident for known, ident in refs.keys() - busy if known == sort] for sort in THINGS}
        theirs = sa.or_(*(_document.c[f"{sort}_id"].in_(idents) for sort, idents in free.items()))
        old = sa.select(_document.c.place).where(theirs, _document.c.plugin.in_(active))
        unfiltered(sa.delete(_document).where(_document.c.place.in_(sorted(unfiltered(old).scalars()))))
        _insert([values for ref, values in made if ref not in busy])
        done = [row.id for row in rows if (row.sort, row.ident) not in busy]
        unfiltered(sa.delete(_stale).where(_stale.c.id.in_(done)))
    return bool(done)


def _insert(rows: list[dict[str, Any]]) -> None:
    """Insert documents, each in the next free place: in the order in which FTS5 does it in one go."""
    while rows:
        rows.sort(key=itemgetter("place"))
        for before, row in pairwise(rows):
            row["place"] = max(row["place"], before["place"] + 1)
        there = set(insert_new(Document, rows, _document.c.place))
        rows = [{**row, "place": row["place"] + 1} for row in rows if row["place"] not in there]


def _busy(refs: dict[Ref, int]) -> set[Ref]:
    """What changed since it was read, or is being changed at this moment, and is left for the next time."""
    here = sa.select(_entry.c.id).where(_entry.c.id.in_([ident for sort, ident in refs if sort == "entry"]))
    free = here.order_by(_entry.c.id).with_for_update(read=True, skip_locked=True)
    held = set(unfiltered(here).scalars()) - set(unfiltered(free).scalars())
    later = sa.select(_stale.c.sort, _stale.c.ident).where(_stale.c.id > max(refs.values(), default=0))
    return {("entry", ident) for ident in held} | {(row.sort, row.ident) for row in unfiltered(later)}


def _documents(refs: Iterable[Ref]) -> Iterator[tuple[Ref, dict[str, Any]]]:
    """What is to be found of these things as they stand, the core's documents, then the plugins'."""
    named = {sort: [ident for known, ident in refs if known == sort] for sort in THINGS}
    spaces: dict[Ref, int] = {}
    shown = sa.select(Entry).where(Entry.id.in_(named["entry"]), Entry.state == "published")
    for entry in db.session.scalars(shown):
        ref, tags = ("entry", entry.id), [tag("k", entry.kind), tag("s", entry.space_id)]
        tags += [tag("p", entry.author_id)] if entry.author_id else []
        spaces[ref] = entry.space_id
        words = tokens(entry.title, plain(entry.html), tags)
        yield ref, _made(ref, 0, entry.kind, entry.published_at or entry.created_at, words)
    for space in db.session.scalars(sa.select(Space).where(Space.id.in_(named["space"]))):
        ref, tags = ("space", space.id), [tag("k", space.kind), tag("s", space.id)]
        spaces[ref] = space.id
        words = tokens(space.name, space.summary, [*tags, tag("n", 1)])
        yield ref, {**_made(ref, 1, space.kind, space.created_at, words), "listed": True}
        if space.body:
            yield ref, _made(ref, 2, space.kind, space.created_at, tokens("", plain(space.html), tags))
    for person in db.session.scalars(sa.select(User).where(User.id.in_(named["user"]))):
        text = " ".join(filter(None, (person.handle, person.about, person.portfolio, person.list_name)))
        ref, tags = ("user", person.id), [tag("k", "core.person"), tag("p", person.id), tag("n", 1)]
        yield ref, _made(ref, 3, "core.person", person.created_at, tokens(person.name, text, tags))
    yield from _of_plugins(spaces)


def _of_plugins(spaces: dict[Ref, int]) -> Iterator[tuple[Ref, dict[str, Any]]]:
    """What the plugins add to these entries and spaces, each given with the space it is in."""
    plugins = registry.current()
    for name, answer in plugins.call("search_documents", refs=list(spaces)):
        prefix = plugins.installed[name].table_prefix + "."
        for number, one in enumerate(answer):
            ref = ("entry", one.entry_id) if one.entry_id is not None else ("space", one.space_id)
            if ref in spaces and one.kind.startswith(prefix):
                words = tokens(one.title, one.text, [tag("k", one.kind), tag("s", spaces[ref])])
                kept = {"title": one.title[:300], "text": one.text, "url": one.url[:300], "plugin": name}
                yield ref, {**_made(ref, 4 + number, one.kind, one.date, words), **kept}


def _made(ref: Ref, number: int, kind: str, at: dt.datetime, words: str) -> dict[str, Any]:
    """A document of this date; those of one second come in the order of their ids."""
    sort, ident = ref
    place = place_of(at) + (ident * 16 + min(number, 15)) % SECOND
    return {**BLANK, "place": place, "kind": kind, "words": words, f"{sort}_id": ident}


def place_of(at: dt.datetime) -> int:
    """The first place of this second, which the years 1834 to 2106 hold."""
    return max(-LATEST, min(LATEST, int(at.timestamp()))) * SECOND
