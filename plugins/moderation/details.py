"""Finds somebody's telephone number, e-mail or postal address in a text."""

import html
import re
from contextlib import suppress
from itertools import islice

SHORTEST = 8  # digits of a telephone number
MOST = 100  # numbers that are looked at
# Each run is bounded, so that looking costs no more than the text is long.
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_SPOKEN = (  # `example dot org`, of which an ending is asked, as prose has points too: “at this point”
    r"(?!(?:th\w+|an?|any|one|some|which|what|my|your|our)\b)[\w-]{1,63}"
    r"(?:\s{1,2}(?:dot|point)\s{1,2}[\w-]{1,63}){0,7}?"
    r"\s{1,2}(?:dot|point)\s{1,2}(?:com|fr|org|net|eu|be|ch|lu|uk|info|bzh)\b"
)
_AT = re.compile(
    r"\s{0,2}[(\[{]\s{0,2}(?:at|@|a|à|arobase|chez)\s{0,2}[)\]}]\s{0,2}|\s{1,2}arobase\s{1,2}|\uff20"
    rf"|(?:\s{{1,2}}at\s{{1,2}}|\s{{0,2}}@\s{{0,2}})(?={_SPOKEN})",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"[\w.+-]+$")
_DOT = r"(?:\.|\s{0,2}[(\[{]\s{0,2}(?:dot|point|\.)\s{0,2}[)\]}]\s{0,2})"
_AFTER = re.compile(rf"[\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}}){{1,8}}|{_SPOKEN}", re.IGNORECASE)
_ALONE = re.compile(r"(?<![\d+])\+?\d(?:[\W_]{0,3}\d){7,14}(?!\d)")  # no other digit is near
_PAIRS = re.compile(  # parted alike, which dates are not, and not by what parts days in a row
    r"(?<![\d+])(?<!\d[-.,])(?:0|(?:\+|00)33[\W_]{0,3}(?:\(0\)[\W_]{0,3})?)[1-9](?:[^\w,;/]{0,3}|_)\d\d"
    r"(?P<parted>[^\w,;/]{0,3}|_)\d\d(?:(?P=parted)\d\d){2}(?!\d)"
)
_STREET = (
    r"rue|r\.|avenue|av\.|boulevard|bl?v?d\.?|impasse|all[ée]e|chemin|place|quai|cours|route|square|passage|sentier|ruelle"
    r"|villa|cit[ée]|r[ée]sidence|lotissement|faubourg|venelle|mont[ée]e"
)
_SMALL = r"(?:de\s|du\s|des\s|la\s|le\s|les\s|aux?\s|à\s|et\s|d['’]|l['’])"
_NAME = r"[A-ZÀ-Þ][\w’'-]{1,30}"
_PLACE = re.compile(  # a street with its number, the town too where it is said
    rf"\b\d{{1,4}}(?i:\s?(?:bis|ter|quater))?,?\s+(?i:(?:de\s(?:la\s|l['’])|du\s)?(?:{_STREET}))\s+"
    rf"{_SMALL}{{0,3}}[\w’'-]{{2,30}}(?:[ -]{_SMALL}{{0,2}}{_NAME}){{0,4}}"
    r"(?P<town>,?\s{0,3}\b\d{5}\s{1,3}[\w’'-]{1,30}(?:[ -][\w’'-]{1,30}){0,4})?"
)
NEAR = 60  # characters around a street, in which somebody is said to live there
_LIVES = re.compile(  # words and titles by which somebody is said to live there
    r"\b(?i:habit(?:e|es|ent|ons|ez|ait|aient)|vit|vis|vivent|demeure(?:nt|s)?|réside(?:nt|s)?|loge(?:nt|s)?"
    r"|domicil\w{1,5}|(?:mon|son|leur|ma|sa)\sadresse|chez|voisine?s?|famille|lives?|(?:his|her|my|their)\saddress)\b"
    rf"|\b(?:M\.|(?:Monsieur|Madame|Mme|Mlle|Dr|Mrs?|Ms)\b)\s(?!Maire|Monsieur|Madame){_NAME}"
    r"|\b(?i:mme|mlle|mrs?)\s(?!(?i:l[ae]|les?|maire|monsieur|madame)\b)[^\W\d_]{2}"  # names in small letters
)
_PERSON = re.compile(  # a name of two words just before, which is not that of a school or a shop
    rf"(?:^|[.:;!?,(\n]\s{{0,2}}|\b(?i:de|à|par|que|et|avec|contre|pour)\s){_NAME}\s{_NAME}[\s,:(]{{1,3}}"
    r"(?:(?:au|du|le|at)\s)?$"
    r"|\b(?i:madame|monsieur)\s(?!(?i:les|maire)\b)[^\W\d_]{3,30}(?:[ -][^\W\d_]{3,30})?"
    r"[\s,:(]{1,3}(?:au\s)?$"
)


def found(text: str, known: str = "", places: bool = True) -> list[str]:
    """The passages of a text that tell where somebody lives or is reached, those in `known` left out.

    Without `places` where somebody lives is left out too.
    """
    text = html.unescape(text)
    passages = _numbers(text) if sum(map(str.isdigit, text)) >= SHORTEST else []
    passages += [match[0].strip(".") for match in _EMAIL.finditer(text)] if "@" in text else []
    passages += _veiled(text)
    passages += _homes(text) if places else []
    published = _squeezed(known)
    return list(dict.fromkeys(one for one in passages if _squeezed(one) not in published))


def _numbers(text: str) -> list[str]:
    """Numbers that can be called, whatever other digits stand beside them."""
    import phonenumbers  # dear to load, and most texts need none of it

    found = []
    for match in (*islice(_ALONE.finditer(text), MOST), *islice(_PAIRS.finditer(text), MOST)):
        with suppress(phonenumbers.NumberParseException):
            if phonenumbers.is_valid_number(phonenumbers.parse(re.sub(r"[^\d+]", "", match[0]), "FR")):
                found.append(match[0])
    spaced = re.sub(r"[^\S\n]", " ", text)  # it knows some spaces only
    exact = phonenumbers.Leniency.EXACT_GROUPING  # or a date with its hour would be a number
    for one in islice(phonenumbers.PhoneNumberMatcher(spaced, "FR", exact, MOST), MOST):
        raw = text[one.start : one.end]
        if not any(raw in known for known in found):
            found.append(raw)
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


def _homes(text: str) -> list[str]:
    """Streets with their number where somebody is said to live: with the town, or with a person near it.

    What towns are asked about has an address of its own: a hole in front of number 4 is nobody's.
    """
    found = []
    for match in islice(_PLACE.finditer(text), MOST):
        before, after = text[max(0, match.start() - NEAR) : match.start()], text[match.end() :][:NEAR]
        lives = _LIVES.search(before.rpartition("\n\n")[2]) or _LIVES.search(after.partition("\n")[0])
        if match["town"] or lives or _PERSON.search(before):
            found.append(" ".join(match[0].split()))
    return found


def _squeezed(text: str) -> str:
    return re.sub(r"[\s.\-,()]", "", text).casefold()
