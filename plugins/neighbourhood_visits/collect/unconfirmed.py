"""Voices without an account or an address: each is known by its code alone, and counted apart."""

from typing import Any

import sqlalchemy as sa
from werkzeug.exceptions import TooManyRequests

from core import api
from core.api import gettext as _

from ..models import Question
from .actions import AT_ONCE, HOUR
from .codes import fingerprint, voice_code
from .models import Voice


def own(question_id: int, key: str) -> str:
    """The code of the voice that the browser with this key has given to a question; empty for none."""
    code = voice_code(question_id, key)
    return code if key and question_of(code) == question_id else ""


def question_of(code: str) -> int | None:
    """The id of the question to which the voice of a code was given."""
    with api.as_system("find the voice of a code"):
        found: int | None = api.db.session.scalar(
            sa.select(Voice.entry_id).where(Voice.code == fingerprint(code))
        )
        return found


def add(entry: api.Entry, key: str) -> None:
    """Count a voice once for the key of a browser. Few come in at once, of one network and of all."""
    if own(entry.id, key):
        return
    try:
        api.throttle("ask")
    except TooManyRequests as refusal:
        raise api.Refused(_many()) from refusal
    latest = sa.select(sa.func.count(Voice.code)).where(
        Voice.space_id == entry.space_id, Voice.created_at > api.now() - HOUR
    )
    code = fingerprint(voice_code(entry.id, key))
    with api.as_system("count a voice that nobody has confirmed"), api.write() as session:
        if (session.scalar(latest) or 0) >= AT_ONCE:
            raise api.Refused(_many())
        if api.insert_once(Voice, entry_id=entry.id, space_id=entry.space_id, code=code):
            _count(entry.id, 1)


def take_back(code: str) -> None:
    """Count the voice of a code no longer."""
    found = question_of(code)
    with api.as_system("whoever holds its code takes a voice back"), api.write() as session:
        gone: Any = session.execute(sa.delete(Voice).where(Voice.code == fingerprint(code)))
        if found is not None and gone.rowcount:
            _count(found, -1)


def _count(question_id: int, change: int) -> None:
    same = sa.update(Question).where(Question.entry_id == question_id)
    api.db.session.execute(same.values(unconfirmed=Question.unconfirmed + change))


def _many() -> str:
    return str(_("Too many come without an address just now. Give yours, or try again in a few minutes."))
