"""Who reads an entry and what counts it, worked out from what was meant, its state and its thread."""

import sqlalchemy as sa

from .. import registry
from ..access import as_system
from ..db import counter, db, table_of, unfiltered
from ..models import Entry, Space

CLOSED = ("hidden", "removed")
_entry, _space = table_of(Entry), table_of(Space)
_counters = {
    column.name: counter(column)
    for column in (_entry.c.support_count, _space.c.entry_count, _entry.c.reply_count)
}


def settle(entry: Entry, root: Entry | None) -> None:
    """Work out who reads the entry: from what was meant, its state, and its thread, never more than that."""
    published, above = entry.state == "published", root is not None and root.team_only
    if entry.private:
        entry.reader_id = None if entry.state in CLOSED else entry.meant_for
    elif root is not None and above and published:
        entry.reader_id = root.reader_id
    else:
        entry.reader_id = entry.author_id if entry.state == "pending" else None
    if root is not None and above and entry.reader_id != root.reader_id:
        entry.reader_id = None
    entry.team_only = entry.private or not published or above
    entry.in_feed = published and root is None and registry.current().entry_kind(entry.kind).feed


def cascade(root: Entry) -> None:
    """Let the replies follow the audience of their thread, and count them anew."""
    with as_system("replies follow their thread, whoever may read them"):
        for reply in db.session.scalars(sa.select(Entry).where(Entry.parent_id == root.id)):
            settle(reply, root)
        db.session.flush()
    answer = _entry.alias()
    public = (answer.c.parent_id == root.id, answer.c.state == "published", ~answer.c.team_only)
    count = sa.select(sa.func.count()).where(*public).scalar_subquery()
    unfiltered(sa.update(_entry).where(_entry.c.id == root.id).values(reply_count=count))


def counted(entry: Entry) -> bool:
    """Whether public counters count it: a space's its posts in the feed, a post's its replies."""
    return (entry.in_feed or entry.parent_id is not None) and not entry.team_only


def tally(entry: Entry, root: Entry | None, was: bool) -> None:
    """Count the entry publicly, or no longer, where it `was` counted otherwise before."""
    change = counted(entry) - was
    if change and root is None:
        add("entry_count", entry.space_id, change)
    elif change and root is not None:
        add("reply_count", root.id, change)


def add(counter: str, ident: int, change: int) -> None:
    """Change a counter of one row, whatever others do to it at the same time."""
    unfiltered(_counters[counter], {"row": ident, "change": change})
