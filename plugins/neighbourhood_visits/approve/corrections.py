"""What is a correction of somebody's text, and what is another text."""

from collections import Counter
from difflib import SequenceMatcher

LIMIT = 100_000_000  # comparisons at the very worst: some seconds, for texts of one word over and over


def changed(before: str, after: str) -> int:
    """How many words are others, or stand elsewhere, than before: taken out or put in, whichever are more."""
    old, new = before.split(), after.split()
    return max(len(old), len(new)) - _staying(old, new)


def _staying(old: list[str], new: list[str]) -> int:
    """How many words stay in their order; or in any, where it would take too long to tell."""
    ours, theirs = Counter(old), Counter(new)
    pairs = sum(times * theirs[word] for word, times in ours.items())
    if (len(old) + pairs) * min(len(old), len(new)) > LIMIT:
        return (ours & theirs).total()
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)


def mostly_stays(before: str, after: str, already: int = 0) -> bool:
    """Whether other words are a correction: half the old ones stay in order, and make half the new, at least.

    `already` counts words that were changed earlier.
    """
    longer = max(len(before.split()), len(after.split()))
    return 2 * (already + changed(before, after)) <= longer
