"""The reference code of a question: short enough to dictate, opens its thread, and can't be guessed.

A code is made from the question and the portal's secret, so that it can be said again; what is kept is a
keyed digest of it.
"""

import hashlib
import hmac

import sqlalchemy as sa
from flask import current_app

from core import api

from ..models import Casework

LETTERS = "23456789ACDEFHJKMNPRTVWXY"  # none that is taken for another, heard or read
GROUPS, SIZE = 3, 4


def code_of(question_id: int) -> str:
    """The code of a question: three groups of four, some 55 bits."""
    return _spelled(f"code {question_id}")


def voice_code(question_id: int, key: str) -> str:
    """The code of the one voice that the browser with this key gives to a question."""
    return _spelled(f"voice {question_id} {key}")


def _spelled(text: str) -> str:
    number = int.from_bytes(_digest(text))
    letters = ""
    for _place in range(GROUPS * SIZE):
        number, letter = divmod(number, len(LETTERS))
        letters += LETTERS[letter]
    return "-".join(letters[start : start + SIZE] for start in range(0, len(letters), SIZE))


def fingerprint(code: str) -> str:
    """What is kept of a code, however it is typed."""
    letters = "".join(letter for letter in code.upper() if letter in LETTERS)
    return _digest(f"fingerprint {letters}").hex()


def find(code: str) -> int | None:
    """The id of the question that a code opens."""
    with api.as_system("find the question of a code"):
        same = sa.select(Casework.entry_id).where(Casework.code == fingerprint(code))
        found: int | None = api.db.session.scalar(same)
        return found


def _digest(text: str) -> bytes:
    secret = f"visits {current_app.secret_key!r}".encode()
    return hmac.digest(secret, text.encode(), hashlib.sha256)
