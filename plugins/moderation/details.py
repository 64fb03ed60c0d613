"""Finds somebody's telephone number, e-mail or postal address in a text."""

import html
import re
from contextlib import suppress
from itertools import islice

SHORTEST = 8  # digits of a telephone number
MOST = 100  # numbers that are looked at
# Each run is bounded, so that looking costs no more than the text is long.
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_AT = re.compile(
    r"\s{0,2}[(\[{]\s{0,2}(?:at|@|a|à|arobase|chez)\s{0,2}[)\]}]\s{0,2}|\s{1,2}arobase\s{1,2}|\uff20",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"[\w.+-]+$")
_DOT = r"(?:\.|\s{0,2}[(\[{]\s{0,2}(?:dot|point|\.)\s{0,2}[)\]}]\s{0,2})"
_AFTER = re.compile(rf"[\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}}){{1,8}}", re.IGNORECASE)
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
    passages += _veiled(text)
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


def _veiled(text: str) -> list[str]:
    """Addresses that are written so that machines miss them: `ana (at) example.org`."""
    found = []
    for match in islice(_AT.finditer(text), MOST):
        before = _BEFORE.search(text[max(0, match.start() - 64) : match.start()])
        after = _AFTER.match(text, match.end())
        if before and after:
            found.append(f"{before[0]}{match[0]}{after[0]}".strip("."))
    return found


def _squeezed(text: str) -> str:
    return re.sub(r"[\s.\-,()]", "", text).casefold()
