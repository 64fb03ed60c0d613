"""Which questions somebody who is asking may be shown: alike, public, and of this visit or answered."""

import sqlalchemy as sa
from werkzeug.exceptions import TooManyRequests

from core import api

from .. import reads
from ..models import Question, Visit
from ..suggest.similar import similar

SHOWN, PAST = 5, 50


def asked_alike(text: str, visit: Visit, near: bool = False) -> list[tuple[api.Entry, reads.Facts]]:
    """The public questions of this visit, and the answered ones of visits past, that say about the same.

    With `near` those alone that are near enough to stop somebody for.
    """
    past = sa.select(Visit.space_id).where(Visit.ends_at < api.now()).order_by(Visit.starts_at.desc())
    spaces = {visit.space_id, *api.db.session.scalars(past.limit(PAST))}
    found = similar(text, spaces, limit=4 * SHOWN, near=near)
    ids = [ident for ident, shared in found if shared.enough and not shared.place_alone]
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


def near_enough(text: str, visit: Visit) -> list[tuple[api.Entry, reads.Facts]]:
    """What somebody sees once before their question is sent; nothing where too many ask at once."""
    try:
        api.throttle("work")
    except TooManyRequests:
        return []
    return asked_alike(text, visit, near=True)


def accepted(entry: api.Entry) -> bool:
    """Whether a question takes voices: it is accepted and public."""
    question = api.db.session.get(Question, entry.id)
    return entry.state == "published" and question is not None and question.triage == "accepted"
