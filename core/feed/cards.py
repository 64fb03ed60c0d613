"""Entries as templates draw them: each a `Card`, with what plugins add to it."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from flask import current_app
from flask_babel import get_locale
from flask_babel import gettext as _
from markupsafe import Markup, escape

from .. import files, kept, registry
from ..access import viewer
from ..i18n import teller
from ..models import Entry
from ..plugin import Action, Decoration, EntryKind
from ..text import initials
from . import query
from .query import Row

LONGEST = 4000  # characters of a text that is kept drawn


class Person(NamedTuple):
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


class Place(NamedTuple):
    """The space of a card."""

    name: str
    url: str


class Picture(NamedTuple):
    """A picture of an entry; `small` is the address of its small version."""

    url: str
    small: str
    alt: str
    width: int
    height: int


class Card(NamedTuple):
    """An entry as `m.card` draws it: two that are equal look the same.

    `when` says how long ago it was published; `drawn` is its kind's template, which alone knows `extra`, its
    kind's own row; of that only `decided` is left beside it. `replies` leaves out what is `apart`, and
    what is `withdrawn` its author no longer edits.
    """

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
    when: Markup
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
    pictures: tuple[Picture, ...]
    badges: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    footers: tuple[Markup, ...] = ()
    drawn: Markup = Markup()
    extra: Any = None

    @property
    def plain(self) -> bool:
        """Whether it is short and nothing in it was drawn by a plugin, perhaps for this viewer alone."""
        return not self.drawn and not self.footers and len(self.html) <= LONGEST


def cards(entries: Sequence[Any], show_space: bool = True) -> list[Card]:
    """The cards of rows of `query.page`, or of entries; what a failing plugin would add is left out."""
    rows: Sequence[Row] = (
        query.rows([entry.id for entry in entries]) if Entry in set(map(type, entries)) else entries
    )
    if not rows:
        return []
    person, plugins, tell, language = viewer(), registry.current(), teller(), str(get_locale())
    kinds = {name: plugins.entry_kind(name) for name in {row.kind for row in rows}}
    places = _places(rows) if show_space else {}
    found = {}
    for row in rows:
        make = _card if len(row.html) <= LONGEST else _card.__wrapped__
        when, own = tell(row.published_at or row.moment), row.author_id == person.id
        place = places.get(row.space_id)
        found[row.id] = make(row, kinds[row.kind], place, when, language, person.signed_in, own)
    _draw_kinds(found, kinds)
    for name, answer in plugins.call("decorate_entries", entries=list(rows), viewer=person):
        for ident, decoration in answer.items():
            if ident in found:
                decorated = _isolated(name, "decorate_entries", _decorate, found[ident], decoration)
                found[ident] = decorated or found[ident]
    return list(found.values())


def role_label(role: str, mandate: str | None) -> str:
    """What a person is in the town, in words; empty for a resident."""
    if role == "resident":
        return ""
    if role == "official":
        labels: dict[str, str] = {
            "mayor": _("Mayor"),
            "deputy_mayor": _("Deputy mayor"),
            "delegated_councillor": _("Delegated councillor"),
        }
        return labels.get(mandate or "") or str(_("Councillor"))
    titles: dict[str, str] = {"agent": _("Agent"), "administrator": _("Administrator")}
    return titles.get(role, "")


@lru_cache(kept.MOST)
def _card(
    row: Row, kind: EntryKind, place: Place | None, when: Markup, _language: str, signed_in: bool, own: bool
) -> Card:
    author = None
    if row.author_name is not None:
        picture = files.address(row.picture_id, row.picture_name or "") if row.picture_id else None
        role = role_label(row.author_role or "resident", row.author_mandate)
        page = "" if row.author_closed else f"/people/{row.author_handle}"
        author = Person(row.author_name, page, role, picture)
    return Card(
        id=row.id,
        version=row.version,
        kind=row.kind,
        label=_isolated(_owner(kind.name), "label", _label, kind) or "",
        title=row.title,
        html=Markup(row.html),  # noqa: S704  cleaned when it was written
        lang=row.lang,
        url=f"/posts/{row.parent_id}#post-{row.id}" if row.parent_id else f"/posts/{row.id}",
        author=author,
        byline=row.byline or ("" if author else _("Somebody who has left")),
        space=place,
        published=row.published_at or row.moment,
        when=when,
        edited=row.edited_at,
        pinned=row.pinned,
        state=row.state,
        team_only=row.team_only,
        channel=row.channel,
        supports=row.support_count,
        supported=row.supported,
        replies=row.reply_count,
        can_support=signed_in and row.state == "published" and kind.supports,
        can_reply=signed_in and kind.replies and row.parent_id is None and not row.closed,
        own=own,
        can_edit=own and not row.archived and kind.changeable(row.state),
        comments=kind.comments,
        pictures=tuple(map(_picture, row.pictures)),
    )


def _places(rows: Iterable[Row]) -> dict[int, Place]:
    names = {row.space_id: (row.space_name, row.space_kind) for row in rows}
    plugins = registry.current()
    own = {kind for kind in {kind for _name, kind in names.values()} if plugins.space_kind(kind).url}
    return {
        ident: Place(name, space_url(ident, kind) if kind in own else f"/spaces/{ident}")
        for ident, (name, kind) in names.items()
    }


def space_url(space_id: int, kind: str) -> str:
    """The address of a space's page, which its kind may have of its own."""
    own = registry.current().space_kind(kind).url
    address = _isolated(_owner(kind), "space url", own, space_id) if own else None
    return address if isinstance(address, str) else f"/spaces/{space_id}"


def _picture(row: query.Picture) -> Picture:
    whole, small = files.address(row.id, row.name), files.address(row.id, row.name, small=True)
    return Picture(whole, small, row.alt, row.width, row.height)


def _draw_kinds(found: dict[int, Card], kinds: dict[str, EntryKind]) -> None:
    """Let the kinds' plugins load their own rows, batched, and draw them into their cards."""
    context: dict[str, Any] = {}
    drawing = [(kind, kind.template) for kind in kinds.values() if kind.template is not None]
    if drawing:
        current_app.update_template_context(context)
    for kind, template in drawing:
        owner, own = _owner(kind.name), [card for card in found.values() if card.kind == kind.name]
        extras = (kind.load and _isolated(owner, f"load {kind.name}", _load, kind.load, own)) or {}
        for card in own:
            extra = extras.get(card.id)
            drawn = _isolated(owner, template, _draw, template, card._replace(extra=extra), context)
            left: dict[str, Any] = {"drawn": drawn or Markup(), "extra": getattr(extra, "decided", None)}
            left["can_edit"] = card.can_edit and not getattr(extra, "withdrawn", False)
            found[card.id] = card._replace(**left, replies=card.replies - getattr(extra, "apart", 0))


def _label(kind: EntryKind) -> str:
    return "" if kind.name.startswith("core.") else str(kind.label).encode().decode()


def _load(load: Callable[..., Any], own: list[Card]) -> dict[int, Any]:
    return dict(load([card.id for card in own]))


def _draw(name: str, card: Card, context: dict[str, Any]) -> Markup:
    template = current_app.jinja_env.get_template(name)
    return Markup(template.render({**context, "card": card}))  # noqa: S704  templates escape


def _decorate(card: Card, decoration: Decoration) -> Card:
    actions = (Action(str(a.label), str(a.url), a.method) for a in decoration.actions)
    return card._replace(
        badges=(*card.badges, *map(str, decoration.badges)),
        actions=(*card.actions, *actions),
        footers=(*card.footers, escape(decoration.footer)) if decoration.footer else card.footers,
        supports=0 if decoration.uncounted else card.supports,
    )


def _owner(kind: str) -> str:
    plugins = registry.current().installed.values()
    return next((p.name for p in plugins if p.table_prefix == kind.partition(".")[0]), "core")


def _isolated(plugin: str, place: str, call: Callable[..., Any], *arguments: Any) -> Any:
    """What a plugin's part answers; None, and a note for staff, when it fails."""
    return registry.current().attempt(plugin, place, lambda: call(*arguments))
