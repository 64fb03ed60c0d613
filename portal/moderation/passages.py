"""Where a passage stands in a text of Markdown, however it is written; each text is read once."""

import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

from core.text import plain

MARK = "[…]"
BETWEEN = "*_~`\\"  # what Markdown makes words bold, slanted, struck, code or plain with
ENTITY = r"&(?:#0{0,99}[0-9]{1,7}|#x0{0,99}[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});"
OCTETS = r"%[0-7][0-9a-f]|%[c-f][0-9a-f](?:%[89ab][0-9a-f]){1,3}"  # of one sign
RUN = rf"[^\s&%{re.escape(BETWEEN)}]+"


def _reading(*codes: str) -> re.Pattern[str]:
    """A text in tokens: what is read for one of these codes, else a run of letters, or a single sign."""
    return re.compile(rf"({'|'.join(codes) or '(?!)'})|{RUN}|.", re.IGNORECASE | re.DOTALL)


READINGS = {"": _reading(), "&": _reading(ENTITY), "%": _reading(ENTITY, OCTETS)}  # by the sign they need


def take_out(passage: str, text: str) -> tuple[str, int]:
    """A text with the mark wherever it has a passage, and how often it has; upper and lower case are one."""
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
    beside = re.findall(r'(?:href|title)="([^"]*)"', rendered)
    said = " ".join([plain(rendered), *(unquote(html.unescape(one)) for one in beside)])
    return bool(_bare(passage)) and _even(passage) in _even(said)


def _bare(passage: str) -> str:
    """The words of a passage without what Markdown puts between signs."""
    words = (re.sub(f"[{re.escape(BETWEEN)}]", "", word) for word in passage.split())
    return _folded(" ".join(word for word in words if word))


def _even(words: str) -> str:
    return " ".join(words.split()).casefold()


def _find(bare: str, text: str, reading: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where the bare words stand in a text that is read so, without what stands between its signs."""
    folded, said, starts, ends = _folded(text), [""], list[int](), list[int]()
    for token in reading.finditer(text):
        start, end = token.span()
        if token[1] is None and end - start > 1:
            signs, places = folded[start:end], range(start, end)
            starts.extend(places)
            ends.extend(place + 1 for place in places)
            said.append(signs)
            continue
        for sign in folded[start:end] if token[1] is None else _folded(unquote(html.unescape(token[1]))):
            if sign in BETWEEN or (sign.isspace() and said[-1] == " "):
                continue
            said.append(" " if sign.isspace() else sign)
            starts.append(start)
            ends.append(end)
    whole, at = "".join(said), 0
    while (at := whole.find(bare, at)) >= 0:
        last = at + len(bare)
        yield starts[at], ends[last - 1]
        at = last


def _folded(text: str) -> str:
    """A text whose upper and lower case are one, as long as it was."""
    whole = text.casefold()
    if len(whole) == len(text):
        return whole
    return "".join(one if len(one := sign.casefold()) == 1 else sign for sign in text)
