"""Opens the gates of moderation in a town whose servers are processes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import settings
from core.db import write

if TYPE_CHECKING:
    from core.testing import Town


def open_gates(town: Town) -> None:
    """Let the people of a test, whose accounts are all new, write as much as they like."""

    def save() -> None:
        with write():
            settings.save("moderation", {"young_most": 1000, "most_per_hour": 1000})

    town.run(save)
