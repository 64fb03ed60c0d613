"""What is a correction of somebody's text, and what is another text."""

from collections import Counter

STAYS = 0.5  # of the words


def mostly_stays(before: str, after: str) -> bool:
    """Whether other words are a correction of a text, of which at least half the words are still there."""
    old, new = before.split(), after.split()
    return 2 * (Counter(old) & Counter(new)).total() >= STAYS * (len(old) + len(new))
