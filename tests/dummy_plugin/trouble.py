"""What a test makes a part of the plugin do instead of its work."""

from collections.abc import Callable
from typing import Any

trouble: dict[str, Callable[[], Any]] = {}


def unless_trouble(place: str, work: Callable[[], Any]) -> Any:
    """Do the work, unless a test wants trouble at this place."""
    return trouble.get(place, work)()
