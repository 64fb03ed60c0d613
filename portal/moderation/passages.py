"""Where a passage stands in a text of Markdown, however it is written; each text is read once.

Words are compared folded: upper and lower case are one, so are quotes, dashes and the ways in which Unicode
writes a sign, and what can't be seen is left out.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote

from core.text import plain

MARK = "[…]"
BETWEEN = "*_~`\\"  # what Markdown makes words bold, slanted, struck, code or plain with
ENTITY = r"&(?:#0{0,99}[0-9]{1,7}|#x0{0,99}[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});"
OCTETS = r"%[0-7][0-9a-f]|%[c-f][0-9a-f](?:%[89ab][0-9a-f]){1,3}"  # of one sign
ACCENTS = r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
SIGN = rf".{ACCENTS}{{0,30}}"  # with what is written on it, of which Unicode knows the order
RUN = rf"(?:(?![&%{re.escape(BETWEEN)}])[!-~])+(?![^\x00-\x7f])"  # of ASCII, which has no accents
UNSEEN = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    *map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
}
ALIKE = str.maketrans(
    dict.fromkeys("‘’‚‛′ʼʹ´", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—―−﹘﹣－", "-")
)
TAG = re.compile(r"<[^<>]*>")
AGAIN = 3  # times that codes are read that were made of codes


def _reading(*codes: str) -> re.Pattern[str]:
    """A text in tokens: what is read for one of these codes, else a run of ASCII, or a single sign."""
    return re.compile(rf"({'|'.join(codes) or '(?!)'})|{RUN}|{SIGN}", re.IGNORECASE | re.DOTALL)


READINGS = {"": _reading(), "&": _reading(ENTITY), "%": _reading(ENTITY, OCTETS)}  # by the sign they need


def take_out(passage: str, text: str) -> tuple[str, int]:
    """A text with the mark wherever it has a passage, and how often it has."""
    bare = _bare(passage)
    if not bare:
        return text, 0
    spans = {
        span for sign, reading in READINGS.items() if sign in text for span in _find(bare, text, reading)
    }
    left, count, end = "", 0, 0
    for start, stop in sorted(spans):
        if start >= end:
            left, count = left + text[end:start] + MARK, count + 1
        end = max(end, stop)
    return left + text[end:], count


def shows(rendered: str, passage: str) -> bool:
    """Whether a passage can be read in what a text became, or in the addresses and titles of its links."""
    return bool(_bare(passage)) and any(_places(_even(passage), _even(_said(rendered))))


def hints(rendered: str, passage: str) -> bool:
    """Whether the letters of a passage can be read there, whatever stands between or on them."""
    said = _said(rendered)
    for _time in range(AGAIN):
        said = unquote(html.unescape(said))
    letters = _letters(passage)
    between = bool(letters) and any(letters in _letters(one) for one in (said, TAG.sub("", said)))
    return between or shows(rendered, passage)


def _said(rendered: str) -> str:
    beside = re.findall(r'(?:href|title)="([^"]*)"', rendered)
    return " ".join([plain(rendered), *(unquote(html.unescape(one)) for one in beside)])


def _letters(text: str) -> str:
    return "".join(one for one in _folded(text) if one.isalnum())


def _bare(passage: str) -> str:
    """The words of a passage without what Markdown puts between signs."""
    words = (re.sub(f"[{re.escape(BETWEEN)}]", "", word) for word in _folded(passage).split())
    return " ".join(word for word in words if word)


def _even(words: str) -> str:
    return " ".join(_folded(words).split())


def _find(bare: str, text: str, reading: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where the bare words stand in a text that is read so, without what stands between its signs."""
    said, starts, ends = [""], list[int](), list[int]()
    for token in reading.finditer(text):
        start, end = token.span()
        if token[1] is None and end - start > 1 and token[0].isascii():
            places = range(start, end)
            starts.extend(places)
            ends.extend(place + 1 for place in places)
            said.append(token[0].lower())
            continue
        for sign in _folded(token[0] if token[1] is None else unquote(html.unescape(token[1]))):
            if sign in BETWEEN or (sign.isspace() and said[-1] == " "):
                continue
            said.append(" " if sign.isspace() else sign)
            starts.append(start)
            ends.append(end)
    for at, last in _places(bare, "".join(said)):
        yield starts[at], ends[last - 1]


def _places(words: str, text: str) -> Iterator[tuple[int, int]]:
    """Where these words stand in a text, both folded; an accent makes another letter of the last."""
    at = 0
    while (at := text.find(words, at)) >= 0:
        last = at + len(words)
        if unicodedata.combining(text[last : last + 1] or " "):
            at += 1
        else:
            yield at, last
            at = last


def _folded(text: str) -> str:
    return (
        text.lower() if text.isascii() and text.isprintable() else "".join(map(_fold, _SIGNS.findall(text)))
    )


@lru_cache(4096)
def _fold(sign: str) -> str:
    whole = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", sign.translate(ALIKE)).casefold())
    return "".join(one for one in whole if one.isspace() or _seen(one))


def _seen(sign: str) -> bool:
    return sign not in UNSEEN and unicodedata.category(sign) not in ("Cc", "Cf")


_SIGNS = re.compile(SIGN, re.DOTALL)
