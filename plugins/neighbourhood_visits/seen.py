"""Marks of what somebody read on a page, which it sends back: they tell whether that still stands."""

import hashlib
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from .models import Question


def mark(*shown: Any) -> str:
    """A short mark of what is shown, another as soon as any of it changes."""
    return hashlib.sha256(repr(shown).encode(errors="surrogatepass")).hexdigest()[:16]


def marks(rows: Iterable[tuple[api.Entry, Question]]) -> dict[int, str]:
    """The marks of all that becomes public when questions are accepted: words, place and pictures."""
    shown = list(rows)
    ids = [entry.id for entry, _question in shown]
    hung = sa.select(api.File.entry_id, api.File.id, api.File.alt).order_by(api.File.id)
    pictures: dict[Any, list[tuple[int, str]]] = {ident: [] for ident in ids}
    for ident, file_id, alt in api.db.session.execute(hung.where(api.File.entry_id.in_(ids))).all():
        pictures[ident].append((file_id, alt))
    return {
        entry.id: mark(entry.title, entry.body, question.place, pictures[entry.id])
        for entry, question in shown
    }


def must_be_text(text: str, read: str | None) -> None:
    """Refused when a note is another than the one of this mark, over which somebody writes."""
    if read is not None and mark(text) != read:
        raise api.Refused(_("A colleague has changed this note in the meantime. Compare it with yours."))


def must_be_same(said: Any, read: str) -> None:
    """Refused when what is said is another than of this mark, over which somebody writes."""
    if mark(said) != read:
        raise api.Refused(
            _("A colleague has changed this in the meantime. What you filled in is kept: compare, then save.")
        )


def must_stand(entry: api.Entry, question: Question, seen: str | None) -> None:
    """Refused when a question does not read any more as it did where this mark of it stood."""
    if seen is not None and marks([(entry, question)])[entry.id] != seen:
        raise api.Refused(
            _(
                "“%(title)s” has other words or pictures than when you read it. Please read it again.",
                title=entry.title,
            )
        )
