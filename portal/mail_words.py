"""The words of a message: those it has as plain text, or what its HTML says.

HTML is read tag by tag, once: a parser of pages takes seconds for tags that were nested to keep it busy.
"""

import html
import re
from email.message import EmailMessage
from typing import Any

LONGEST = 256 * 1024  # characters
_GONE = {"script", "style", "head", "blockquote"}  # and all within
_ENDS_LINE = {"br", "/p", "/div", "/li", "/h1", "/h2", "/h3", "/h4", "/h5", "/h6"}
_MARK = re.compile(
    r"<!--.*?(?:-->|\Z)|<(/?[a-z][a-z0-9]{0,20})\b[^<>]*>|<[!?][^<>]*>", re.IGNORECASE | re.DOTALL
)


def words(made: EmailMessage) -> str:
    """The words of a message, without what its HTML quotes where it has nothing else."""
    part: Any = made.get_body(("plain", "html"))
    text = "" if part is None else str(part.get_content())[:LONGEST]
    return _of_html(text) if part is not None and part.get_content_type() == "text/html" else text


def _of_html(text: str) -> str:
    first, *rest = _MARK.split(text)
    said, depth = [first], 0
    for mark, after in zip(rest[::2], rest[1::2], strict=True):
        tag = (mark or "").lower()
        if tag == "body":  # which ends a head that was left open
            depth = 0
        elif tag.removeprefix("/") in _GONE:
            depth = max(depth - 1, 0) if tag[0] == "/" else depth + 1
        if not depth:
            said += ["\n" * (tag in _ENDS_LINE), after]
    return html.unescape("".join(said))
