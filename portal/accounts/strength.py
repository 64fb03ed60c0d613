"""How guessable a password is."""

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _

MINIMUM = 10
MAXIMUM = 200
STRONG_ENOUGH = 3
WEIGHED = 32  # the work of weighing grows fast with the length; so many characters show what is strong enough


def weakness(password: str, own_words: Iterable[str] = ()) -> str | None:
    """Why the password is too easy to guess, for the person who chose it; None when it is good."""
    if len(password) < MINIMUM:
        return str(_("Use at least %(number)s characters.", number=MINIMUM))
    if len(password) > MAXIMUM:
        return str(_("Use at most %(number)s characters.", number=MAXIMUM))
    from zxcvbn import zxcvbn  # its word lists take a while to load, and few requests need them

    words = [part for word in own_words for part in (word, *word.replace("@", " ").split()) if len(part) > 2]
    found = zxcvbn(password[:WEIGHED], user_inputs=words)
    return None if found["score"] >= STRONG_ENOUGH else _reason(found["sequence"])


def _reason(sequence: Any) -> str:
    patterns = {part["pattern"] for part in sequence}
    if any(part.get("dictionary_name") == "user_inputs" for part in sequence):
        return str(_("This is easy to guess: leave out your name and your address."))
    if patterns & {"repeat", "sequence", "spatial"}:
        return str(_("This is easy to guess: avoid repetitions, sequences and neighbouring keys."))
    if patterns & {"date", "regex"}:
        return str(_("This is easy to guess: avoid dates and years."))
    return str(_("This is easy to guess: try four words that have nothing to do with one another."))
