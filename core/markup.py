"""HTML that plugins give to a page: whether it is whole, so that it takes in nothing of what is around it."""

import re

TEXT = r"(?:[^<]|<(?![a-z/!?]|\Z))"
VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s"'<>=`]+(?=[\s>]))"""  # a / before the > belongs to a bare value
ATTRIBUTES = rf"""(?:[ \t\n\f\r]+[^\s"'<>/=]+(?:={VALUE})?)*[ \t\n\f\r]*"""
COMMENT = r"<!--(?!-?>).*?--!?>"
RAW = rf"<(?P<raw>script|style|textarea|title|noscript){ATTRIBUTES}>{TEXT}*</(?P=raw)\s*>"
TAG = rf"<(?P<ends>/?)(?P<name>[a-z][a-z0-9-]*){ATTRIBUTES}(?P<closed>/?)>"
TOKEN = re.compile(rf"[^<]+|{TEXT}|{COMMENT}|{RAW}|{TAG}", re.I | re.A | re.S)

EMPTY = re.compile("area|br|col|hr|img|input|source|track|wbr")
SHAPES = re.compile("circle|ellipse|line|path|polygon|polyline|rect|stop|use")  # in SVG a /> closes them
REFUSED = re.compile(  # what acts on the whole page, holds no tags, or is not ended as others are
    "base|meta|link|html|head|body|frameset|frame|iframe|object|embed|noembed|noframes|plaintext|xmp|script|"
    "style|textarea|title|noscript|applet|marquee|math|foreignobject|desc|annotation-xml"
)
APART = {  # what ends another of its sort around it, unless one of the last stands between
    **dict.fromkeys(("dd", "dt"), re.compile("(dd|dt)|dl")),
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), re.compile("(h[1-6])")),
    "button": re.compile("(button)"),
    "li": re.compile("(li)|menu|ol|ul"),
    "table": re.compile("(table)|caption|td|th"),
}
DEEPEST = 100


def whole(html: str) -> bool:
    """Whether each tag in it is closed in order, so that all browsers read it alike, whatever comes after."""
    at = 0
    opened: list[str] = []
    while found := TOKEN.match(html, at):
        at, name = found.end(), (found["name"] or found["raw"] or "").lower()
        if found["ends"]:
            if not opened or opened.pop() != name:
                return False
        elif name and not _fits(name, opened, found["raw"] is not None):
            return False
        elif found["name"] and not EMPTY.fullmatch(name) and not (found["closed"] and _shape(name, opened)):
            opened.append(name)
    return at == len(html) and not opened


def _fits(name: str, opened: list[str], raw: bool) -> bool:
    """Whether an element may stand here: nothing around it ends by it."""
    if (REFUSED.fullmatch(name) and not raw) or len(opened) > DEEPEST:
        return False
    if "select" in opened and name not in ("option", "optgroup"):
        return False
    around = (APART[name].fullmatch(one) for one in reversed(opened)) if name in APART else iter(())
    nearest = next(filter(None, around), None)
    return nearest is None or nearest[1] is None


def _shape(name: str, opened: list[str]) -> bool:
    return "svg" in opened and SHAPES.fullmatch(name) is not None
