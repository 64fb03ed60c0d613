"""The words of a message: those it has as plain text, or what its HTML says, of its beginning.

Whatever it holds is read once. Charsets are those of mail alone: Python has some that take the square of what
they read, and its parser of pages does so for tags that have no end.
"""

import base64
import codecs
import html
import operator
import re
from collections.abc import Iterable
from contextlib import suppress
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import EmailMessage
from typing import Any

LONGEST = 256 * 1024  # bytes of a part
_NAMES = (
    *(
        "utf-8",
        "us-ascii",
        "utf-16",
        "utf-16le",
        "utf-16be",
        "utf-32",
        "utf-32le",
        "utf-32be",
        "koi8-r",
        "koi8-u",
    ),
    *("gb18030", "gbk", "gb2312", "big5", "euc-jp", "shift_jis", "iso-2022-jp", "euc-kr"),
    *(f"iso-8859-{number}" for number in range(1, 17) if number != 12),
    *(f"{maker}{number}" for maker in ("windows-", "cp") for number in range(1250, 1259)),
)
_NO_LETTER = re.compile(r"[^a-z0-9]")
_CHARSETS = {_NO_LETTER.sub("", name): name for name in _NAMES}
_CHARSETS |= {"iso88591": "windows-1252", "iso88599": "windows-1254"}  # as browsers read these two
_NO_WORDS = {"text/calendar", "text/vcard", "text/x-vcard", "text/directory", "text/rtf"}
_ENCODED_WORD = re.compile(r"=\?[!->@-~]+\?[bq]\?[ ->@-~]*\?=", re.IGNORECASE)


def words(made: EmailMessage) -> str:
    """The words of all parts of a message that are text; of alternatives the plain one, if it has any."""
    return "\n".join(_texts(made))


def _texts(part: Any) -> list[str]:
    kind, parts = part.get_content_type(), []
    if kind.startswith("multipart/"):
        parts = [(one.get_content_type() != "text/plain", _texts(one)) for one in part.iter_parts()]
    if kind == "multipart/alternative":
        parts = sorted((one for one in parts if one[1]), key=operator.itemgetter(0))[:1]
    uncut = kind.startswith("multipart/") and not part.is_multipart()  # it does not say where
    is_text = uncut or (kind.startswith("text/") and kind not in _NO_WORDS)
    if not is_text or part.get_content_disposition() == "attachment":
        return [text for _html, texts in parts for text in texts]
    text = decoded(part.get_payload(decode=True), part.get_content_charset(""))
    text = _of_html(text) if kind == "text/html" else text
    return [text] if text.strip() else []


def decoded(raw: bytes, charset: str) -> str:
    """The text that bytes begin with: in their charset if mail has it, else UTF-8 or Windows-1252."""
    begin, whole = raw[:LONGEST], len(raw) <= LONGEST
    for name in (_CHARSETS.get(_NO_LETTER.sub("", charset.lower()), "utf-8"), "utf-8"):
        with suppress(UnicodeError):
            return codecs.getincrementaldecoder(name)().decode(begin, whole)
    text = begin.decode("utf-8", "replace")
    spoilt, well = text.count("\ufffd"), sum(sign > "\x7f" for sign in text)
    return text if well > 2 * spoilt else begin.decode("windows-1252", "replace")


def in_utf8(header: str) -> str:
    """A header as it came, with its encoded words in UTF-8 whatever charset they name."""
    return _ENCODED_WORD.sub(_word_in_utf8, decoded(header.encode("utf-8", "surrogateescape"), ""))


def _word_in_utf8(word: re.Match[str]) -> str:
    if word[0].lower().startswith(("=?utf-8?", "=?utf-8*")):  # which may end within a letter
        return word[0]
    try:
        [(raw, charset)] = decode_header(word[0])
    except HeaderParseError:
        return ""
    text = decoded(raw, (charset or "").partition("*")[0])
    return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


_ATTRIBUTES = r"""(?P<{}>(?:[^>=]++|=\s*+(?:"[^"]*+"?|'[^']*+'?)?+)*+)"""
_TOKEN = re.compile(
    r"(?P<text>[^<]++)|<!--(?:-?>|.*?(?:--!?>|\Z))"
    r"|<(?P<raw>script|style|title)(?=[\s/>])" + _ATTRIBUTES.format("_") + r">?"
    r"(?:(?<=/>)|.*?(?:</(?P=raw)(?=[\s/>])[^>]*+>?|\Z))"
    r"|<(?P<closes>/?)(?P<name>[a-z][^\s/>]*+)" + _ATTRIBUTES.format("attributes") + r">?"
    r"|<[!?/][^>]*+>?|(?P<sign><)",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([^\s/=]++)(?:\s*+=\s*+("[^"]*+"?|'[^']*+'?|\S*+))?""")
_EMPTY = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "track",
    "wbr",
}
_LINES = {
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "legend",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tr",
    "ul",
}
# What ends where something else begins: by its name, what it ends, unless one of the others opened since.
_CELLS = {"table", "td", "th", "caption"}
_IN_LISTS = {"ul", "ol", "dl", "blockquote", "section", "article", "fieldset", *_CELLS}
_ENDS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    **dict.fromkeys(_LINES - {"tr", "body"}, (("p",), {"button", *_CELLS})),
    "li": (("li", "p"), _IN_LISTS),
    **dict.fromkeys(("dt", "dd"), (("dt", "dd", "p"), _IN_LISTS)),
    **dict.fromkeys(("td", "th"), (("td", "th", "caption"), {"table"})),
    "tr": (("tr", "caption"), {"table"}),
    **dict.fromkeys(("tbody", "thead", "tfoot"), (("tbody", "thead", "tfoot", "tr", "caption"), {"table"})),
    "option": (("option",), {"select"}),
    "optgroup": (("option", "optgroup"), {"select"}),
}
# And what its own tag does not end where one of the others opened since, if not the cells below.
_HOLDS = {
    "table": set[str](),
    **{name: {"table"} for name in ("caption", "tbody", "thead", "tfoot", "tr", "td", "th")},
}
_SPACES = re.compile(r"[ \t\r\n\f]+")
_TOO_LONG = re.compile(r"&#[0-9]{8,};?")  # to be the number of a character


class _Open:
    """The elements that are open, as browsers count them: many end without a tag of their own."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.places: dict[str, list[int]] = {}
        self.left_out: int | None = None  # the outermost of those that nobody reads

    def begin(self, name: str, left_out: bool) -> None:
        """Open an element, in which what comes is left out where it or one around it is."""
        ended, limits = _ENDS.get(name, ((), set()))
        for one in ended:
            self._end(one, limits)
        if name in _EMPTY:
            return
        if left_out and self.left_out is None:
            self.left_out = len(self.names)
        self.places.setdefault(name, []).append(len(self.names))
        self.names.append(name)

    def end(self, name: str) -> None:
        """Close the last element of a name, and what is open in it, unless a cell is."""
        self._end(name, _HOLDS.get(name, _CELLS))

    def _end(self, name: str, limits: Iterable[str]) -> None:
        place = self._last(name)
        if max(map(self._last, limits), default=-1) > place:
            return
        while -1 < place < len(self.names):
            self.places[self.names.pop()].pop()
        if self.left_out is not None and self.left_out >= len(self.names):
            self.left_out = None

    def _last(self, name: str) -> int:
        return self.places[name][-1] if self.places.get(name) else -1


def _of_html(source: str) -> str:
    """What a page says to who reads it: tags end its lines, those of its source don't."""
    said, open_, as_it_is = ["\n"], _Open(), False
    for token in _TOKEN.finditer(source):
        text, name, opens = token["text"] or token["sign"], (token["name"] or "").lower(), not token["closes"]
        at_start = said[-1].endswith("\n")
        before = open_.left_out
        if name and opens:
            open_.begin(name, _left_out(name, token["attributes"]))
        elif name:
            open_.end(name)
        if open_.left_out is not None or (not opens and before == len(open_.names)):
            continue
        if name == "pre":
            as_it_is = opens
        if name == "br":
            text = "\n"
        elif name in _LINES:
            text = "" if at_start else "\n\n" if name == "p" else "\n"
        elif name in ("td", "th"):
            text = " " if opens and not at_start else ""
        elif text and not as_it_is:
            text = _SPACES.sub(" ", text).removeprefix(" " if at_start else "")
        if text:
            said.append(text)
    return html.unescape(_TOO_LONG.sub("\ufffd", "".join(said[1:])))


def _left_out(name: str, attributes: str | None) -> bool:
    """Whether an element is not shown, or quotes the message that is answered."""
    said = {key.lower(): value.lower().strip("\"'") for key, value in _ATTRIBUTE.findall(attributes or "")}
    rules = (rule.partition(":") for rule in said.get("style", "").split(";"))
    shown = {what.strip(): how.split("!")[0].strip() for what, _colon, how in rules}
    hidden = "hidden" in said or shown.get("display") == "none" or shown.get("visibility") == "hidden"
    quotes = "cite" in said.get("type", "") or "quote" in said.get("class", "").replace("blockquote", "")
    return hidden or (name == "blockquote" and quotes)
