"""The versions of an entry and what each change took away and added, at a cost that nobody can drive up."""

import difflib
import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from markupsafe import Markup, escape

from core.db import db
from core.models import Entry, Revision

SIZE = 10
WORD = re.compile(r"(?:\r?\n)+|[^ \r\n]+")  # where a line ends stands by itself: it is no part of a word
MOST_PAIRS = 100_000  # of words compared; a larger change is shown as the old text and the new


def versions(entry: Entry, before: int | None = None) -> tuple[list[dict[str, Any]], int | None]:
    """A page of versions, the newest first, and the number to pass as `before` for the earlier ones."""
    older = sa.select(Revision).where(Revision.entry_id == entry.id)
    if before is not None:
        older = older.where(Revision.number <= before)
    kept = db.session.scalars(older.order_by(Revision.number.desc()).limit(SIZE + 1)).all()
    texts = [(old.number, old.title, old.body, old.written_at) for old in kept]
    if before is None:
        when = entry.edited_at or entry.published_at or entry.created_at
        texts.insert(0, (entry.version, entry.title, entry.body, when))
    shown = [
        {"when": when, "number": number, **_shown((title, body), texts[n + 1 : n + 2])}
        for n, (number, title, body, when) in enumerate(texts[:SIZE])
    ]
    return shown, texts[SIZE][0] if len(texts) > SIZE else None


def _shown(text: tuple[str, str], before: list[Any]) -> dict[str, Any]:
    """Title and body as they were written: of the first version as they are, else with what changed."""
    _number, *old, _when = before[0] if before else (0, *text, None)
    pairs = zip(("title", "body"), old, text, strict=True)
    return {
        "first": not before,
        **{part: Markup().join(changes(one, other)).strip() for part, one, other in pairs},
    }


def changes(old: str, new: str) -> Iterator[Markup]:
    """The words of a text, with what a change took away and added marked."""
    before, after = (WORD.findall(text.strip()) for text in (old, new))
    first = _common(before, after)
    last = _common(before[first:][::-1], after[first:][::-1])
    yield escape("".join(f"{word} " for word in after[:first]))
    gone, come = before[first : len(before) - last], after[first : len(after) - last]
    if len(gone) * len(come) > MOST_PAIRS:
        yield from _marked(gone, come)
    else:
        for kind, a, b, c, d in difflib.SequenceMatcher(None, gone, come).get_opcodes():
            if kind == "equal":
                yield escape(" ".join(come[c:d]) + " ")
            else:
                yield from _marked(gone[a:b], come[c:d])
    yield escape(" ".join(after[len(after) - last :]))


def _common(one: list[str], other: list[str]) -> int:
    """How many words both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _marked(gone: list[str], come: list[str]) -> Iterator[Markup]:
    if gone:
        yield Markup("<del>{}</del> ").format(" ".join(gone))
    if come:
        yield Markup("<ins>{}</ins> ").format(" ".join(come))
