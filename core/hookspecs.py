"""The hooks: when each is called, for which plugins, and what an answer or a failure does.

Every hook is called one plugin at a time (`registry.call`): a plugin that raises, or answers something of
another type or too long, loses its own part and is named to staff; after five failures in a row it is put
in quarantine, at once where it ended the write, or closed the connection, that it was called in.
`export_user` and `erase_user` alone are loud: one that fails stops the whole (`registry.demand`).
"""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pluggy
from flask_babel.speaklater import LazyString
from markupsafe import Markup, escape

from . import markup
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
def erase_user(user_id: int, alias: str, words: bool, addresses: list[str]) -> list[int] | None:
    """Rid texts of a person, now known by the alias, and of their `words` too; inside the write.

    `addresses` are those that the account has and had, if it was there still. Answers the ids of those
    entries of theirs, if any, of which an empty place must stay, since what others said hangs on them.
    """


@hookspec
def purge_expired(now: datetime) -> None:
    """Delete what was kept for long enough (`kept_for`), in writes of its own: daily, also while off."""


_SAID = (Panel, Decoration, Action, Health, Hold, Ask, Refuse, SearchDocument)
PAGE = 500_000  # characters and parts that an answer may have; of those that are no part of a page, MOST
MOST = {"search_documents": 50_000_000, "export_user": 50_000_000}
INSTALLED = frozenset({"user_changed", "plugin_switched", "health", "purge_expired"})


def asked(hook: str, impl: pluggy.HookImpl, arguments: dict[str, Any]) -> Any:
    """What a plugin answers at a hook, in types that the core knows; raises for nonsense."""
    said = impl.function(**{key: arguments[key] for key in impl.argnames})
    answer = settled(said, [MOST.get(hook, PAGE)])
    if not sound(hook, answer):
        raise TypeError(f"{hook} answered {type(answer).__name__}")
    return answer


def sound(hook: str, answer: Any) -> bool:
    """Whether a plugin's answer has the type that the hook promises, down to the texts in it."""
    if answer is None:
        return True
    if hook == "check_entry":
        return type(answer) in (Hold, Ask, Refuse)
    if hook == "decorate_entries":
        return isinstance(answer, dict) and all(
            isinstance(key, int) and type(value) is Decoration and _sound_decoration(value)
            for key, value in answer.items()
        )
    if hook == "panels":
        return _list_of(Panel, answer) and all(
            _text(panel.title) and _whole(panel.html) and isinstance(panel.weight, int) for panel in answer
        )
    if hook == "search_documents":
        return _list_of(SearchDocument, answer) and all(map(_sound_document, answer))
    if hook == "export_user":
        return isinstance(answer, dict) and all(isinstance(rows, list) for rows in answer.values())
    if hook == "health":
        return _list_of(Health, answer) and all(
            _text(one.name) and isinstance(one.ok, bool) and _text(one.detail) for one in answer
        )
    return hook == "erase_user" and _list_of(int, answer)


def _sound_decoration(decoration: Decoration) -> bool:
    actions = all(type(one) is Action and _text(one.label) and _text(one.url) for one in decoration.actions)
    texts = all(map(_text, (*decoration.badges, decoration.footer)))
    return actions and texts and type(decoration.uncounted) is bool and _whole(escape(decoration.footer))


def _whole(html: Any) -> bool:
    return _text(html) and markup.whole(str(html))


def _sound_document(document: SearchDocument) -> bool:
    texts = (document.kind, document.title, document.text, document.url)
    on_one = (document.entry_id is None) != (document.space_id is None)
    return on_one and all(map(_text, texts)) and document.date.tzinfo is not None


def _list_of(kind: type, answer: Any) -> bool:
    return isinstance(answer, list) and all(type(one) is kind for one in answer)


class AnswerTooLong(ValueError):
    """A hook answered more than there is place for."""


def settled(answer: Any, left: list[int] | None = None) -> Any:
    """The answer with its lazy texts said, and all texts fit to be sent: a failure is the plugin's own.

    Texts, numbers and lists of a class of its own become plain ones; `left` is how much it may hold still.
    """
    left = [PAGE] if left is None else left
    said = str.__str__(str(answer)) if _text(answer) else answer
    if isinstance(said, str | list | tuple | dict):
        left[0] -= len(said)
        if left[0] < 0:
            raise AnswerTooLong
    if isinstance(said, str):
        said.encode()  # raises for a lone surrogate
        return Markup(said) if isinstance(answer, Markup) else said  # noqa: S704  as the plugin said
    if isinstance(answer, int) and not isinstance(answer, bool):
        return int.__int__(answer)
    if isinstance(answer, list | tuple):
        return (list if isinstance(answer, list) else tuple)(settled(one, left) for one in answer)
    if isinstance(answer, dict):
        return {settled(key, left): settled(value, left) for key, value in answer.items()}
    if type(answer) in _SAID:
        return replace(answer, **{name: settled(value, left) for name, value in vars(answer).items()})
    return answer


def _text(text: Any) -> bool:
    return isinstance(text, str | LazyString)
