"""What follows when an entry changes, inside the write that changes it: each follower is a line of `tell`."""

from .. import registry
from ..access import viewer
from ..models import Entry
from ..search import index


def tell(entry: Entry, change: str) -> None:
    """An entry was `published` for the first time, `edited`, `hidden`, `restored` or `removed`."""
    if change == "published":
        told = registry.current().call("entry_published", entry=entry, actor=viewer())
    else:
        told = registry.current().call("entry_changed", entry=entry, actor=viewer(), change=change)
    for _answer in told:
        pass
    index.entry_changed(entry, change)
