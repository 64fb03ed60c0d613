"""HTML that plugins give to a page: whether it is whole, so that it takes in nothing of what is around it."""

import re

SPACE = r"[ \t\n\f\r]"
TEXT = r"(?:[^<]|<(?![a-z/!?]|\Z))"
VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s"'<>=`]+(?=[\s>]))"""  # a / before the > belongs to a bare value
ATTRIBUTES = rf"""(?:{SPACE}+[^\s"'<>/=]+(?:{SPACE}*={SPACE}*{VALUE})?)*{SPACE}*"""
COMMENT = r"<!--(?!-?>).*?--!?>"
RAWS = "script|style|textarea|title|noscript"  # which hold text, as far as their end
RAW = rf"<(?P<raw>{RAWS}){ATTRIBUTES}>{TEXT}*</(?P=raw){SPACE}*>"
TAG = rf"<(?P<ends>/?)(?!(?:{RAWS})[\s/>])(?P<name>[a-z][a-z0-9]*){ATTRIBUTES}(?P<closed>/?)>"
TOKEN = re.compile(rf"[^<]+|{TEXT}|{COMMENT}|{RAW}|{TAG}", re.I | re.A | re.S)

EMPTY = re.compile("area|br|col|hr|img|input|source|track|wbr")
FLOW = re.compile(
    "a|abbr|address|area|article|aside|audio|b|bdi|bdo|blockquote|br|button|canvas|cite|code|data|datalist|del|"
    "details|dfn|dialog|div|dl|em|fieldset|figcaption|figure|footer|form|h[1-6]|header|hgroup|hr|i|img|input|ins|"
    "kbd|label|legend|map|mark|menu|meter|nav|ol|output|p|picture|pre|progress|q|s|samp|search|section|select|"
    "small|source|span|strong|sub|summary|sup|svg|table|time|track|u|ul|var|video|wbr|"
    "script|style|textarea|noscript"
)
DRAWING = re.compile(
    "animate|circle|clippath|defs|ellipse|g|image|line|lineargradient|mask|path|pattern|polygon|polyline|"
    "radialgradient|rect|stop|svg|symbol|text|title|tspan|use"
)
CHILDREN = {  # which alone stand right inside these; all but FLOW stand nowhere else
    "colgroup": re.compile("col"),
    "datalist": re.compile("option"),
    "dl": re.compile("dd|div|dt"),
    **dict.fromkeys(("menu", "ol", "ul"), re.compile("li")),
    "optgroup": re.compile("option"),
    "option": re.compile("(?!)"),
    "select": re.compile("hr|optgroup|option"),
    "table": re.compile("caption|colgroup|tbody|tfoot|thead|tr"),
    **dict.fromkeys(("tbody", "tfoot", "thead"), re.compile("tr")),
    "tr": re.compile("td|th"),
}
ALONE = re.compile("a|button|form|h[1-6]")  # not inside another of the same letter
DEEPEST = 40


def whole(html: str) -> bool:
    """Whether each tag is closed in order and stands where it may, so that all browsers read it alike."""
    at = 0
    opened: list[str] = []
    while found := TOKEN.match(html, at):
        at, name = found.end(), (found["name"] or found["raw"] or "").lower()
        if found["ends"]:
            if not opened or opened.pop() != name:
                return False
        elif name:
            if not _fits(name, opened):
                return False
            closed = found["closed"] and "svg" in (name, *opened)
            if not (found["raw"] or closed or EMPTY.fullmatch(name)):
                opened.append(name)
    return at == len(html) and not opened


def _fits(name: str, opened: list[str]) -> bool:
    """Whether an element may stand here: it ends none of those around it, nor do they change what it is."""
    if len(opened) > DEEPEST:
        return False
    if "svg" in opened:
        return DRAWING.fullmatch(name) is not None
    around = "dl" if opened[-2:] == ["dl", "div"] else "".join(opened[-1:])
    if around in CHILDREN:
        return CHILDREN[around].fullmatch(name) is not None
    if ALONE.fullmatch(name) and any(ALONE.fullmatch(one) and one[0] == name[0] for one in opened):
        return False
    return FLOW.fullmatch(name) is not None
