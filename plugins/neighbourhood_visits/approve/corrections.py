"""What is a correction of somebody's text, and what is another text."""

from collections import Counter


def changed(before: str, after: str) -> int:
    """How many words of a text are others than before: taken out or put in, whichever are more."""
    old, new = before.split(), after.split()
    return max(len(old), len(new)) - (Counter(old) & Counter(new)).total()


def mostly_stays(before: str, after: str, already: int = 0) -> bool:
    """Whether other words are a correction: at least half the old ones stay, and make at least half the new.

    `already` counts words that were changed earlier.
    """
    longer = max(len(before.split()), len(after.split()))
    return 2 * (already + changed(before, after)) <= longer
