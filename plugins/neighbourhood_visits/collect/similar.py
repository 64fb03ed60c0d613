"""Which questions asked before say about the same: the one place where that is looked for."""

from collections import Counter
from collections.abc import Collection

import sqlalchemy as sa

from core import api

from .. import reads
from ..models import Question, Visit

WORDS, SHOWN, PAST = 4, 5, 50


def similar(text: str, space_ids: Collection[int]) -> list[tuple[int, str]]:
    """The questions of these visits that the viewer may read and that share words with the text, best first.

    Each with the reason: the words shared.
    """
    shared: dict[int, list[str]] = {}
    for word in _telling(text):
        try:
            hits = api.search(word, kind="visits.question").hits
        except api.Refused:
            continue
        for hit in hits:
            if hit.entry_id is not None:
                shared.setdefault(hit.entry_id, []).append(word)
    here = {entry.id for entry in reads.entries(list(shared)) if entry.space_id in space_ids}
    ranked = Counter({ident: len(words) for ident, words in shared.items() if ident in here}).most_common()
    return [(ident, ", ".join(shared[ident])) for ident, _count in ranked]


def _telling(text: str) -> list[str]:
    """The longest words of a text, which tell most."""
    words = {word for word in api.fold(text).split() if len(word) > 3 and word.isalnum()}
    return sorted(words, key=lambda word: (-len(word), word))[:WORDS]


def asked_alike(text: str, visit: Visit) -> list[tuple[api.Entry, reads.Facts]]:
    """The public questions of this visit, and the answered ones of visits past, that say about the same."""
    past = sa.select(Visit.space_id).where(Visit.ends_at < api.now()).order_by(Visit.starts_at.desc())
    spaces = {visit.space_id, *api.db.session.scalars(past.limit(PAST))}
    ids = [ident for ident, _why in similar(text, spaces)][: 4 * SHOWN]
    facts = reads.load_questions(ids)
    rows = {entry.id: entry for entry in reads.entries(ids) if entry.state == "published"}
    shown = [
        (rows[ident], facts[ident])
        for ident in ids
        if ident in rows
        and facts[ident].question.triage == "accepted"
        and (rows[ident].space_id == visit.space_id or facts[ident].question.answered_at is not None)
    ]
    return shown[:SHOWN]


def accepted(entry: api.Entry) -> bool:
    """Whether a question takes voices: it is accepted and public."""
    question = api.db.session.get(Question, entry.id)
    return entry.state == "published" and question is not None and question.triage == "accepted"
