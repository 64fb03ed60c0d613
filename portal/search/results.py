"""Hits as the page draws them: their titles, and an extract around what was looked for, marked."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _
from markupsafe import Markup, escape

from core import access, registry
from core.db import table_of, unfiltered
from core.feed.cards import Person, Place, role_label, space_url
from core.models import Document, Entry, Space, User
from core.search.index import SECOND
from core.search.wanted import Term, Wanted
from core.search.words import Word, composed, split, stems
from core.text import plain

LENGTH, BEFORE = 260, 60
PERSON = "core.person"
_document, _entry, _space, _user = table_of(Document), table_of(Entry), table_of(Space), table_of(User)
_root = _entry.alias("root")


@dataclass(frozen=True)
class Result:
    """A hit; `label` says what it is, `lang` in what language it was written."""

    url: str
    label: str
    title: Markup
    extract: Markup
    date: dt.datetime
    icon: str
    author: Person | None = None
    byline: str = ""
    place: Place | None = None
    lang: str | None = None


def results(hits: Sequence[Any], wanted: Wanted) -> list[Result]:
    """The results of hits of `find.search`, in their order."""
    return [_result(row, wanted) for row in rows(hits)]


def rows(hits: Sequence[Any]) -> list[Any]:
    """What is shown of hits, in their order."""
    found = {row.place: row for row in unfiltered(_drawn().params(places=[hit.place for hit in hits]))}
    return [found[hit.place] for hit in hits if hit.place in found]


def title(row: Any) -> str:
    """What a hit is called."""
    if row.user_id is not None:
        return str(row.user_name)
    if row.own_title:
        return str(row.own_title)
    if row.entry_id is None:
        return str(row.space_name)
    if row.title:
        return str(row.title)
    name = row.byline or row.user_name or _("Somebody who has left")
    if not row.parent_id:
        return str(_("Post by %(name)s", name=name))
    comments = row.root_kind is not None and registry.current().entry_kind(row.root_kind).comments
    said = _("Comment by %(name)s", name=name) if comments else _("Reply by %(name)s", name=name)
    return str(_("%(said)s: %(title)s", said=said, title=row.root_title) if row.root_title else said)


def url(row: Any) -> str:
    """The page that shows a hit."""
    if row.url.startswith("/"):
        return str(row.url)
    if row.user_id is not None:
        return f"/people/{row.user_handle}"
    if row.entry_id is None:
        own = space_url(row.space_id, row.space_kind)
        return own if row.listed or row.plugin != "core" else f"/spaces/{row.space_id}/about"
    return f"/posts/{row.parent_id}#post-{row.entry_id}" if row.parent_id else f"/posts/{row.entry_id}"


def label(row: Any) -> str:
    """What a hit is, in a word or two."""
    return dict(kinds()).get(row.kind, "")


def kinds() -> list[tuple[str, str]]:
    """What can be found, by name and title: posts, then spaces of each kind, then people."""
    active = registry.current().active()
    entries = [(kind.name, str(kind.label)) for plugin in active for kind in plugin.entry_kinds]
    spaces = [(kind.name, str(kind.label)) for plugin in active for kind in plugin.space_kinds]
    return [*entries, *spaces, (PERSON, str(_("Person")))]


def marked(text: str, wanted: Wanted) -> Markup:
    """A short text whole, with what was looked for marked."""
    text = composed(text)
    return _marked(text, _spans(split(text), wanted), 0, len(text))


def extract(text: str, wanted: Wanted) -> Markup:
    """The part of a text where most of what was looked for stands together, marked."""
    text = composed(text)
    spans = _spans(split(text), wanted)
    best = max(spans, key=lambda one: len({s[2] for s in spans if 0 <= s[0] - one[0] < LENGTH}), default=None)
    start = _cut(text, best[0] - BEFORE) if best and best[0] > LENGTH - BEFORE else 0
    end = _cut(text, start + LENGTH) if len(text) > start + LENGTH else len(text)
    shown = _marked(text, spans, start, end)
    return Markup("{}{}{}").format("…" if start else "", shown, "…" if end < len(text) else "")


Span = tuple[int, int, Term]


def _spans(words: Sequence[Word], wanted: Wanted) -> list[Span]:
    """Where the terms stand in a text, in its order."""
    found: list[Span] = []
    for number, word in enumerate(words):
        for term in wanted.terms:
            last = number + len(term) - 1
            if last < len(words) and all(map(_same, term, (one.folded for one in words[number:]))):
                found.append((word.start, words[last].end, term))
                break
    return found


def _same(wanted: str, word: str) -> bool:
    return wanted[0] == word[0] and any(a == b for a, b in zip(stems(wanted), stems(word), strict=True))


def _cut(text: str, at: int) -> int:
    """The beginning of the word that stands there."""
    return text.rfind(" ", 0, at) + 1


def _marked(text: str, spans: Sequence[Span], start: int, end: int) -> Markup:
    parts, at = Markup(), start
    for first, last, _term in spans:
        if at <= first and last <= end:
            parts += escape(text[at:first]) + Markup("<mark>{}</mark>").format(text[first:last])
            at = last
    return parts + escape(text[at:end].rstrip() if end < len(text) else text[at:end])


def _result(row: Any, wanted: Wanted) -> Result:
    text, said = row.own_text, row.entry_id is not None and row.plugin == "core"
    if row.user_id is not None:
        text = " · ".join(
            filter(None, (role_label(row.user_role, row.user_mandate), row.portfolio, row.user_about))
        )
    elif said:
        text = plain(row.html)
    elif row.plugin == "core":
        text = row.space_summary if row.listed else plain(row.space_html)
    author = place = None
    if said and row.user_name:
        author = Person(
            row.user_name, f"/people/{row.user_handle}", role_label(row.user_role, row.user_mandate)
        )
    if row.space_id is not None and (row.entry_id is not None or row.plugin != "core"):
        place = Place(row.space_name, space_url(row.space_id, row.space_kind))
    icon = "person" if row.user_id else "space" if row.entry_id is None else "reply"
    return Result(
        url(row),
        label(row),
        marked(title(row), wanted),
        extract(text, wanted),
        (said and row.published_at) or dt.datetime.fromtimestamp(row.place // SECOND, dt.UTC),
        icon,
        author,
        (said and row.byline) or "",
        place,
        row.lang,
    )


@lru_cache
def _drawn() -> Any:
    shown = ("place", "kind", "plugin", "entry_id", "user_id", "listed", "url")
    said = ("title", "html", "byline", "parent_id", "published_at", "lang")
    where = ("id", "name", "kind", "summary", "html")
    who = ("name", "handle", "role", "mandate", "about")
    return (
        sa.select(
            *(_document.c[name] for name in shown),
            *(_document.c[name].label(f"own_{name}") for name in ("title", "text")),
            *(_entry.c[name] for name in said),
            _root.c.title.label("root_title"),
            _root.c.kind.label("root_kind"),
            *(_space.c[name].label(f"space_{name}") for name in where),
            *(_user.c[name].label(f"user_{name}") for name in who),
            _user.c.portfolio,
        )
        .select_from(_document)
        .outerjoin(_entry, _entry.c.id == _document.c.entry_id)
        .outerjoin(_root, sa.and_(_root.c.id == _entry.c.parent_id, access.entry_readable(_root.c)))
        .outerjoin(_space, _space.c.id == sa.func.coalesce(_entry.c.space_id, _document.c.space_id))
        .outerjoin(_user, _user.c.id == sa.func.coalesce(_entry.c.author_id, _document.c.user_id))
        .where(_document.c.place.in_(sa.bindparam("places", expanding=True)))
        .where(access.findable(_document.c))
    )
