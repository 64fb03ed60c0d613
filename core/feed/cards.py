"""Entries as templates draw them: each a `Card`, with what plugins add to it."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask import current_app
from flask_babel import gettext as _
from markupsafe import Markup

from .. import files, registry
from ..access import Viewer, viewer
from ..db import db, table_of
from ..models import Entry, File
from ..plugin import Action, Decoration, EntryKind
from . import query


@dataclass(slots=True)
class Person:
    """Who said something, as templates draw it; `role` is a label, empty for a resident.

    `url` is empty where the account is closed.
    """

    name: str
    url: str
    role: str = ""
    picture_url: str | None = None

    @property
    def initials(self) -> str:
        return initials(self.name)


@dataclass(slots=True)
class Place:
    """The space of a card."""

    name: str
    url: str


@dataclass(slots=True)
class Picture:
    """A picture of an entry; `small` is the address of its small version."""

    url: str
    small: str
    alt: str
    width: int
    height: int


@dataclass(slots=True)
class Card:
    """An entry as `m.card` draws it; `extra` is its kind's own row, `drawn` its kind's template."""

    id: int
    version: int
    kind: str
    label: str
    title: str
    html: Markup
    lang: str | None
    url: str
    author: Person | None
    byline: str
    space: Place | None
    published: dt.datetime
    edited: dt.datetime | None
    pinned: bool
    state: str
    team_only: bool
    channel: str
    supports: int
    supported: bool
    replies: int
    can_support: bool
    can_reply: bool
    own: bool
    can_edit: bool
    comments: bool
    pictures: list[Picture] = field(default_factory=list)
    badges: list[str] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    footers: list[Any] = field(default_factory=list)
    template: str | None = None
    extra: Any = None
    drawn: Markup = field(default_factory=Markup)


def cards(entries: Sequence[Any], show_space: bool = True) -> list[Card]:
    """The cards of rows of `query.page`, or of entries; what a failing plugin would add is left out."""
    rows = (
        query.rows([entry.id for entry in entries]) if any(isinstance(e, Entry) for e in entries) else entries
    )
    if not rows:
        return []
    person, plugins = viewer(), registry.current()
    kinds = {name: plugins.entry_kind(name) for name in {row.kind for row in rows}}
    places = _places(rows) if show_space else {}
    drawn = [_card(row, kinds[row.kind], places.get(row.space_id), person) for row in rows]
    by_id = {card.id: card for card in drawn}
    for picture in db.session.execute(_pictures, {"ids": list(by_id)}):
        by_id[picture.entry_id].pictures.append(_picture(picture))
    _extras(by_id, kinds)
    for name, answer in plugins.call("decorate_entries", entries=list(rows), viewer=person):
        for ident, decoration in answer.items():
            if ident in by_id:
                _isolated(name, "decorate_entries", _decorate, by_id[ident], decoration)
    return drawn


def initials(name: str) -> str:
    """The first letters of a name's first and last word."""
    words = name.split() or ["?"]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def role_label(role: str, mandate: str | None) -> str:
    """What a person is in the town, in words; empty for a resident."""
    if role == "official":
        labels: dict[str, str] = {
            "mayor": _("Mayor"),
            "deputy_mayor": _("Deputy mayor"),
            "delegated_councillor": _("Delegated councillor"),
        }
        return labels.get(mandate or "") or str(_("Councillor"))
    titles: dict[str, str] = {"agent": _("Agent"), "administrator": _("Administrator")}
    return titles.get(role, "")


_file = table_of(File)
_pictures = (
    sa.select(*(_file.c[name] for name in ("id", "entry_id", "name", "alt", "width", "height")))
    .where(_file.c.entry_id.in_(sa.bindparam("ids", expanding=True)), _file.c.width.is_not(None))
    .order_by(_file.c.id)
    .execution_options(guarded=True)
)


def _card(row: Any, kind: EntryKind, place: Place | None, person: Viewer) -> Card:
    published = row.state == "published"
    author = None
    if row.author_name is not None:
        picture = files.address(row.picture_id, row.picture_name) if row.picture_id else None
        role = role_label(row.author_role, row.author_mandate) if row.author_role != "resident" else ""
        page = "" if row.author_closed else f"/people/{row.author_handle}"
        author = Person(row.author_name, page, role, picture)
    closed = row.locked_at is not None or row.space_archived is not None
    own = person.signed_in and row.author_id == person.id
    return Card(
        id=row.id,
        version=row.version,
        kind=row.kind,
        label="" if row.kind.startswith("core.") else str(kind.label),
        title=row.title,
        html=Markup(row.html),  # noqa: S704  cleaned when it was written
        lang=row.lang,
        url=f"/posts/{row.parent_id}#post-{row.id}" if row.parent_id else f"/posts/{row.id}",
        author=author,
        byline=row.byline or ("" if author else _("Somebody who has left")),
        space=place,
        published=row.published_at or row.created_at,
        edited=row.edited_at,
        pinned=row.pinned_at is not None,
        state=row.state,
        team_only=row.team_only,
        channel=row.channel,
        supports=row.support_count,
        supported=row.supported,
        replies=row.reply_count,
        can_support=person.signed_in and published and kind.supports,
        can_reply=person.signed_in and kind.replies and row.parent_id is None and not closed,
        own=own,
        can_edit=own and row.space_archived is None and kind.changeable(row.state),
        comments=kind.comments,
        template=kind.template,
    )


def _places(rows: Iterable[Any]) -> dict[int, Place]:
    found: dict[int, Place] = {}
    for row in rows:
        if row.space_id not in found:
            found[row.space_id] = Place(row.space_name, space_url(row.space_id, row.space_kind))
    return found


def space_url(space_id: int, kind: str) -> str:
    """The address of a space's page, which its kind may have of its own."""
    own = registry.current().space_kind(kind).url
    address = _isolated(_owner(kind), "space url", own, space_id) if own else None
    return address if isinstance(address, str) else f"/spaces/{space_id}"


def _picture(row: Any) -> Picture:
    whole, small = files.address(row.id, row.name), files.address(row.id, row.name, small=True)
    return Picture(whole, small, row.alt, row.width, row.height)


def _extras(by_id: dict[int, Card], kinds: dict[str, EntryKind]) -> None:
    """Let the kinds' plugins load their own rows, batched, and draw them into their cards."""
    context: dict[str, Any] = {}
    for kind in kinds.values():
        own = [card for card in by_id.values() if card.kind == kind.name]
        if kind.load is not None:
            ids = [card.id for card in own]
            found = _isolated(_owner(kind.name), f"load {kind.name}", _load, kind.load, ids) or {}
            for card in own:
                card.extra = found.get(card.id)
        if kind.template is not None:
            if not context:
                current_app.update_template_context(context)
            for card in own:
                card.drawn = _isolated(_owner(kind.name), kind.template, _draw, card, context) or Markup()


def _load(load: Callable[..., Any], ids: list[int]) -> dict[int, Any]:
    return dict(load(ids))


def _draw(card: Card, context: dict[str, Any]) -> Markup:
    template = current_app.jinja_env.get_template(str(card.template))
    return Markup(template.render({**context, "card": card}))  # noqa: S704  templates escape


def _decorate(card: Card, decoration: Decoration) -> None:
    badges = [str(badge) for badge in decoration.badges]
    actions = [Action(str(a.label), str(a.url), a.method) for a in decoration.actions]
    card.badges += badges
    card.actions += actions
    if decoration.footer:
        card.footers.append(decoration.footer)


def _owner(kind: str) -> str:
    plugins = registry.current().installed.values()
    return next((p.name for p in plugins if p.table_prefix == kind.partition(".")[0]), "core")


def _isolated(plugin: str, place: str, call: Callable[..., Any], *arguments: Any) -> Any:
    """What a plugin's part answers; None, and a note for staff, when it fails."""
    return registry.current().attempt(plugin, place, lambda: call(*arguments))
