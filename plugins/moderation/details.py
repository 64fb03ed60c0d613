"""Finds somebody's telephone number, e-mail or postal address in a text."""

import html
import re
from contextlib import suppress
from itertools import islice

SHORTEST = 8  # digits of a telephone number
MOST = 100  # numbers that are looked at
# Each run is bounded, so that looking costs no more than the text is long.
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_NUMBER = re.compile(r"(?<![\d+])\+?\d(?:[\W_]{0,3}\d){7,14}(?!\d)")
_STREET = (
    r"rue|avenue|av\.|boulevard|bd\.?|impasse|all[ée]e|chemin|place|quai|cours|route|square|passage|sentier|ruelle"
    r"|villa|cit[ée]|r[ée]sidence|lotissement|faubourg|venelle|mont[ée]e"
)
_PLACE = re.compile(
    rf"\b\d{{1,4}}(?:\s?(?:bis|ter|quater))?,?\s+(?:{_STREET})\s+[^\n,.;:!?()]{{2,40}}"
    r"(?:,?\s*\b\d{5}\s+[\w’'-]+(?:[ -][\w’'-]+){0,4})?",
    re.IGNORECASE,
)


def found(text: str, known: str = "", places: bool = True) -> list[str]:
    """The passages of a text that tell where somebody lives or is reached, those in `known` left out.

    Without `places` where somebody lives is left out too.
    """
    text = html.unescape(text)
    passages = _numbers(text) if sum(map(str.isdigit, text)) >= SHORTEST else []
    passages += [match[0].strip(".") for match in _EMAIL.finditer(text)] if "@" in text else []
    passages += [" ".join(match[0].split()) for match in _PLACE.finditer(text)] if places else []
    published = _squeezed(known)
    return list(dict.fromkeys(one for one in passages if _squeezed(one) not in published))


def _numbers(text: str) -> list[str]:
    import phonenumbers  # dear to load, and most texts need none of it

    found = []
    for match in islice(_NUMBER.finditer(text), MOST):
        with suppress(phonenumbers.NumberParseException):
            if phonenumbers.is_valid_number(phonenumbers.parse(re.sub(r"[^\d+]", "", match[0]), "FR")):
                found.append(match[0])
    return found


def _squeezed(text: str) -> str:
    return re.sub(r"[\s.\-,()]", "", text).casefold()
