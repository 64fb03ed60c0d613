"""What somebody is about to publish, as the hooks that check it see it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..access import Viewer

if TYPE_CHECKING:
    from ..models import Entry, Space


@dataclass(frozen=True)
class Draft:
    """An entry before publication; `html` is what its Markdown body will be shown as."""

    space: "Space"
    author: Viewer
    kind: str
    title: str
    body: str
    html: str
    parent: "Entry | None" = None
    channel: str = "web"
    entry: "Entry | None" = None


class AskAuthor(Exception):
    """A plugin asks the author something before this is published; the message is the question."""
