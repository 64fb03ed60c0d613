"""Which questions somebody who is asking may be shown: alike, public, and of this visit or answered."""

import sqlalchemy as sa

from core import api

from .. import reads
from ..models import Question, Visit
from ..suggest.similar import similar

SHOWN, PAST = 5, 50


def asked_alike(text: str, visit: Visit) -> list[tuple[api.Entry, reads.Facts]]:
    """The public questions of this visit, and the answered ones of visits past, that say about the same."""
    past = sa.select(Visit.space_id).where(Visit.ends_at < api.now()).order_by(Visit.starts_at.desc())
    spaces = {visit.space_id, *api.db.session.scalars(past.limit(PAST))}
    ids = [ident for ident, shared in similar(text, spaces, limit=4 * SHOWN) if not shared.place_alone]
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
