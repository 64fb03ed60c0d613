"""What follows when an entry changes, inside the write that changes it: each follower is a line of `tell`."""

from .. import live, registry
from ..access import viewer
from ..models import Entry
from ..notices import tell as notices
from ..search import index
from . import cases


def tell(entry: Entry, change: str) -> None:
    """An entry was first `published`, `edited`, `redacted`, `hidden`, `restored`, `removed`, or `waits`."""
    notices.follow(entry, change)
    cases.follow(entry, change)
    if change == "waits":
        return
    if change == "published":
        told = registry.current().call("entry_published", entry=entry, actor=viewer())
    else:
        told = registry.current().call("entry_changed", entry=entry, actor=viewer(), change=change)
    list(told)  # they are called as their answers are taken
    index.entry_changed(entry, change)


def show(entry: Entry, what: str, before: frozenset[str] = frozenset()) -> None:
    """Let open pages know what became of an entry: those who may see it, and those who could `before`."""
    ref = f"{entry.parent_id}/{entry.id}" if entry.parent_id else entry.id
    for topic in before | audience(entry):
        live.tell(topic, f"{entry.kind}:{what}", ref)


def audience(entry: Entry) -> frozenset[str]:
    """The topics of those who may see an entry."""
    topics = {live.of_space(entry.space_id, entry.team_only)}
    if entry.team_only and entry.reader_id is not None:
        topics.add(f"user/{entry.reader_id}")
    return frozenset(topics)
