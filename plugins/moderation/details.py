"""Finds somebody's telephone number, e-mail or postal address in a text."""

import re

SHORTEST = 8  # digits of a telephone number
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_STREET = (
    r"rue|avenue|av\.|boulevard|bd\.?|impasse|all[ée]e|chemin|place|quai|cours|route|square|passage|sentier|ruelle"
    r"|villa|cit[ée]|r[ée]sidence|lotissement|faubourg|venelle|mont[ée]e"
)
_PLACE = re.compile(
    rf"\b\d{{1,4}}(?:\s?(?:bis|ter|quater))?,?\s+(?:{_STREET})\s+[^\n,.;:!?()]{{2,40}}"
    r"(?:,?\s*\b\d{5}\s+[\w’'-]+(?:[ -][\w’'-]+){0,4})?",
    re.IGNORECASE,
)


def found(text: str, known: str = "") -> list[str]:
    """The passages of a text that tell where somebody lives or is reached, those in `known` left out."""
    passages = _numbers(text) if sum(map(str.isdigit, text)) >= SHORTEST else []
    passages += [match[0].strip(".") for match in _EMAIL.finditer(text)]
    passages += [" ".join(match[0].split()) for match in _PLACE.finditer(text)]
    published = _squeezed(known)
    return list(dict.fromkeys(one for one in passages if _squeezed(one) not in published))


def _numbers(text: str) -> list[str]:
    from phonenumbers import PhoneNumberMatcher  # dear to load, and most texts need none of it

    return [match.raw_string for match in PhoneNumberMatcher(text, "FR")]


def _squeezed(text: str) -> str:
    return re.sub(r"[\s.\-,()]", "", text).casefold()
