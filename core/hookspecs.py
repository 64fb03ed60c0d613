"""The hooks: when each is called, for which plugins, and what an answer or a failure does.

Every hook is called one plugin at a time (`registry.call`): a plugin that raises, or answers something of
another type, loses its own part and is named to staff; after five failures in a row it is put in quarantine.
`export_user` and `erase_user` alone are loud: one that fails stops the whole (`registry.demand`).
"""

from dataclasses import fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pluggy
from flask_babel.speaklater import LazyString

from .plugin import Action, Ask, Decoration, Health, Hold, Panel, Refuse, SearchDocument

if TYPE_CHECKING:
    from .access import Viewer
    from .feed.drafts import Draft
    from .models import Entry, User

hookspec = pluggy.HookspecMarker("parvis")
hookimpl = pluggy.HookimplMarker("parvis")


@hookspec
def check_entry(draft: "Draft") -> Hold | Ask | Refuse | None:
    """Before an entry is published: nothing, or Hold, Ask or Refuse. A failure means Hold."""


@hookspec
def entry_published(entry: "Entry", actor: "Viewer") -> None:
    """An entry was published: inside the write, under a savepoint; write rows, enqueue the rest."""


@hookspec
def entry_changed(entry: "Entry", actor: "Viewer", change: str) -> None:
    """An entry was `edited`, `redacted`, `hidden`, `restored` or `removed`: as `entry_published`."""


@hookspec
def user_changed(user: "User", change: str) -> None:
    """A person `joined`, or changed `profile` or `role`: as `entry_published`, also while off."""


@hookspec
def plugin_switched(name: str, on: bool) -> None:
    """A plugin was switched: all installed plugins hear it; one switched on rebuilds what it missed."""


@hookspec
def decorate_entries(entries: "list[Any]", viewer: "Viewer") -> dict[int, Decoration]:  # type: ignore[empty-body]
    """Badges, actions and a footer for the cards to be drawn, by entry id; one call a page."""


@hookspec
def panels(place: str, subject: Any) -> list[Panel]:  # type: ignore[empty-body]
    """Blocks beside a page of the core: `home`, `space`, `entry`, `report`, `profile` or `dashboard`."""


@hookspec
def search_documents(refs: list[tuple[str, int]]) -> list[SearchDocument]:  # type: ignore[empty-body]
    """Further texts to be found that hang on these `("entry", id)` or `("space", id)`; the worker asks."""


@hookspec
def health() -> list[Health]:  # type: ignore[empty-body]
    """Named checks for the page of plugins, also while the plugin is off; while it is on for `/healthz`."""


@hookspec
def export_user(user_id: int) -> dict[str, list[dict[str, Any]]]:  # type: ignore[empty-body]
    """What it keeps of a person beside rows of their own, by name; asked as that person, also while off."""


@hookspec
def erase_user(user_id: int, alias: str, words: bool) -> None:
    """Rid texts of a person, now known by the alias, and of their `words` too; inside the write."""


@hookspec
def purge_expired(now: datetime) -> None:
    """Delete what was kept for long enough (`kept_for`), in writes of its own: daily, also while off."""


_SAID = Panel | Decoration | Action | Health | Hold | Ask | Refuse | SearchDocument
INSTALLED = frozenset({"user_changed", "plugin_switched", "health", "purge_expired"})


def sound(hook: str, answer: Any) -> bool:
    """Whether a plugin's answer has the type that the hook promises, down to the texts in it."""
    if answer is None:
        return True
    if hook == "check_entry":
        return isinstance(answer, Hold | Ask | Refuse)
    if hook == "decorate_entries":
        return isinstance(answer, dict) and all(
            isinstance(key, int) and isinstance(value, Decoration) and _sound_decoration(value)
            for key, value in answer.items()
        )
    if hook == "panels":
        return _list_of(Panel, answer) and all(
            _text(panel.title) and _text(panel.html) and isinstance(panel.weight, int) for panel in answer
        )
    if hook == "search_documents":
        return _list_of(SearchDocument, answer) and all(map(_sound_document, answer))
    if hook == "export_user":
        return isinstance(answer, dict) and all(isinstance(rows, list) for rows in answer.values())
    if hook == "health":
        return _list_of(Health, answer) and all(
            _text(one.name) and isinstance(one.ok, bool) and _text(one.detail) for one in answer
        )
    return False


def _sound_decoration(decoration: Decoration) -> bool:
    actions = all(
        isinstance(one, Action) and _text(one.label) and _text(one.url) for one in decoration.actions
    )
    return actions and all(map(_text, (*decoration.badges, decoration.footer)))


def _sound_document(document: SearchDocument) -> bool:
    texts = (document.kind, document.title, document.text, document.url)
    on_one = (document.entry_id is None) != (document.space_id is None)
    return on_one and all(map(_text, texts)) and document.date.tzinfo is not None


def _list_of(kind: type, answer: Any) -> bool:
    return isinstance(answer, list) and all(isinstance(one, kind) for one in answer)


def settled(answer: Any) -> Any:
    """The answer with its lazy texts said, and all texts fit to be sent: a failure is the plugin's own."""
    if isinstance(answer, str | LazyString):
        said = answer if isinstance(answer, str) else str(answer)
        said.encode()  # raises for a lone surrogate
        return said
    if isinstance(answer, list | tuple):
        return type(answer)(map(settled, answer))
    if isinstance(answer, dict):
        return {key: settled(value) for key, value in answer.items()}
    if isinstance(answer, _SAID):
        return replace(answer, **{one.name: settled(getattr(answer, one.name)) for one in fields(answer)})
    return answer


def _text(text: Any) -> bool:
    return isinstance(text, str | LazyString)
