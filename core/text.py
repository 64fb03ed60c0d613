"""Markdown to safe HTML, folded text for comparing, one line of text, plain text and excerpts."""

import html as entities
import re
import unicodedata
from collections.abc import Iterator, Mapping, MutableMapping
from functools import cache
from typing import TYPE_CHECKING, Any

import nh3
from flask import Flask
from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

LOWEST_HEADING = 3  # a post's own title is the second level of its page
_LINK = r"(?<![\w/@.])(?:https?://|www\.)[^\s<>\"'`]*[^\s<>\"'`.,;:!?…»)\]}*_]"
_MENTION = r"(?<![\w@/.])@(?P<handle>[a-z0-9](?:[a-z0-9._-]{0,58}[a-z0-9])?)"
_BREAKING = re.compile(r"[^\S\u00a0\u202f]+")
_WORDS = re.compile(f"(?P<url>{_LINK})|{_MENTION}", re.IGNORECASE)
_TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "a", "ul", "ol", "li"),
    *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}


def init(app: Flask) -> None:
    """Give templates the filters `markdown` and `excerpt`."""
    app.add_template_filter(lambda source: Markup(markdown(source)), "markdown")  # noqa: S704  cleaned
    app.add_template_filter(excerpt, "excerpt")


def markdown(source: str, mentions: Mapping[str, str] | None = None) -> str:
    """Safe HTML of a Markdown text; `@handle` becomes a link where `mentions` has its address."""
    if not source:
        return ""
    return (
        nh3.clean(
            _parser().render(source, {"mentions": mentions or {}}),
            tags=_TAGS,
            attributes={"a": {"href", "title"}, "ol": {"start"}},
            allowed_classes={"a": {"mention"}},
            url_schemes={"http", "https", "mailto", "tel"},
            link_rel="nofollow noopener ugc",
        )
        .translate(_TURNING)
        .strip()
    )


def handles(source: str) -> set[str]:
    """The handles that a Markdown text mentions, in lower case."""
    if "@" not in source and "&" not in source:  # which begins another way to write it
        return set()
    found: dict[str, set[str]] = {"handles": set()}
    _parser().parse(source, found)
    return found["handles"]


def fold(text: str) -> str:
    """The text for comparing: lower case, without accents, ligatures spelt out, spaces made one."""
    return " ".join(text.lower().translate(_FOLDED).split())


def visible(text: str) -> bool:
    """Whether anything of the text can be seen."""
    return any(c not in _FILLERS and unicodedata.category(c) not in _UNSEEN for c in text)


def one_line(text: str) -> str:
    """The text in one line, without characters that can't be seen or that turn the direction of others.

    Spaces that break no line stay what they are: French is written with them.
    """
    if not visible(text):
        return ""
    shown = (c for c in text if c.isspace() or not (c in _FILLERS or unicodedata.category(c) in _FORMATS))
    return _BREAKING.sub(" ", "".join(shown)).strip()


def plain(html: str) -> str:
    """The words of an HTML text."""
    spaced = re.sub(r"</(?:p|li|h\d|td|th|pre)>|<br>", " ", html)
    return _BREAKING.sub(" ", entities.unescape(nh3.clean(spaced, tags=set()))).strip()


def initials(name: str) -> str:
    """The first letters of a name's first and last word."""
    words = name.split() or ["?"]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def excerpt(html: str, length: int = 160) -> str:
    """The first words of an HTML text, cut between words."""
    most = 9 * length + 1000  # of HTML, which is dear to read whole and has marks between its words
    words = plain(html[:most])
    cut = len(words) > length or len(html) > most
    return words[:length].rsplit(" ", 1)[0].rstrip(" .,;:<") + "…" if cut else words


def raise_headings(html: str) -> str:
    """The same HTML with each heading one level higher, for a page where the post's title is the first."""
    return re.sub(r"(</?h)([3-6])(?=>)", lambda match: match[1] + str(int(match[2]) - 1), html)


def _fold_table() -> dict[int, str]:
    table = {ord("œ"): "oe", ord("æ"): "ae", ord("ß"): "ss", ord("ø"): "o", ord("ł"): "l", ord("’"): "'"}
    for code in (*range(0x80, 0x250), *range(0x1E00, 0x1F00), *range(0xFB00, 0xFB07)):
        parts = unicodedata.normalize("NFKD", chr(code))
        if parts != chr(code):
            table[code] = "".join(part for part in parts if not unicodedata.combining(part))
    return table | dict.fromkeys(range(0x300, 0x370), "")


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # what is read is HTML; a process may never write any

    made = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["strikethrough"])
    made.disable(["image", "html_block", "html_inline", "reference"])
    # Tables and `[name]: address` are short to write, long to read: a million cells, an address each time
    made.core.ruler.push("link_words", _link_words)
    made.core.ruler.push("place_headings", _place_headings)
    return made


def _link_words(state: "StateCore") -> None:
    """Make links of bare addresses and mentions; a link that has no words gets its address as words."""
    for block in state.tokens:
        depth = begun = 0
        children: list[Token] = []
        for token in block.children or ():
            depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
            if token.type == "text" and not depth:
                children.extend(_split(token.content, state.env))
                continue
            if token.type == "link_open":
                begun = len(children)
            elif token.type == "link_close" and not visible("".join(one.content for one in children[begun:])):
                children[begun + 1 :] = [_words(str(children[begun].attrs["href"]) or "…")]
            children.append(token)
        if block.children:
            block.children = children


def _words(content: str) -> "Token":
    from markdown_it.token import Token

    return Token("text", "", 0, content=content)


def _split(text: str, env: MutableMapping[str, Any]) -> Iterator["Token"]:
    from markdown_it.token import Token

    start = 0
    for match in _WORDS.finditer(text):
        attributes = _link(match["url"]) if match["url"] else _mention(match["handle"].lower(), env)
        if attributes is None:
            continue
        yield _words(text[start : match.start()])
        yield Token("link_open", "a", 1, attrs=attributes)
        yield _words(match[0])
        yield Token("link_close", "a", -1)
        start = match.end()
    yield _words(text[start:])


def _link(url: str) -> dict[str, str | int | float]:
    return {"href": url if url.lower().startswith("http") else f"https://{url}"}


def _mention(handle: str, env: MutableMapping[str, Any]) -> dict[str, str | int | float] | None:
    env.setdefault("handles", set()).add(handle)
    url = env.get("mentions", {}).get(handle)
    return {"href": url, "class": "mention"} if url else None


def _place_headings(state: "StateCore") -> None:
    """Put headings below the post's title, without skipping a level; one without words is none."""
    level = LOWEST_HEADING - 1
    for begin, words, end in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if begin.type == "heading_open" and visible("".join(one.content for one in words.children or ())):
            level = min(int(begin.tag[1]) + LOWEST_HEADING - 1, level + 1, 6)
            begin.tag = end.tag = f"h{level}"
        elif begin.type == "heading_open":
            begin.tag = end.tag = "p"


_FORMATS = {"Cc", "Cf", "Cs"}
_UNSEEN = {*_FORMATS, "Zs", "Zl", "Zp", "Mn", "Me"}
_FILLERS = set("\u115f\u1160\u2800\u3164\uffa0")  # letters and a symbol that look like nothing
_TURNING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])  # the direction of what follows
_FOLDED = _fold_table()
