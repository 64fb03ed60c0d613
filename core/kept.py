"""Parts of pages that are drawn once, and kept for all to whom they look the same."""

import secrets
from collections.abc import Hashable, Iterable
from functools import lru_cache
from typing import Any

from flask import Flask, request
from markupsafe import Markup, escape

from .security import token

MOST = 1000  # parts in each process; of what people wrote only short texts are kept (`Card.plain`)
_SECRET = secrets.token_hex(8)


def init(app: Flask) -> None:
    """Give templates `kept(macro, …)` and `kept_each(macro, items, …)`."""
    app.jinja_env.globals.update(kept=kept, kept_each=kept_each)


def kept(macro: Any, *arguments: Hashable, **own: Any) -> Markup:
    """What a macro draws for these arguments, which with its language are all that it may look at.

    What belongs to one answer alone is put in afterwards where the macro prints it: its named arguments, and
    `token` and `here`, the answer's cross-site token and address, where it has these parameters.
    """
    html, names = _drawn(macro, arguments, tuple(own))
    return _filled(html, names, own) if names else html


def kept_each(macro: Any, items: Iterable[Any], *arguments: Hashable) -> Markup:
    """What a macro draws for each of these; those that are not `plain` are drawn anew."""
    parts = [(_drawn if one.plain else _drawn.__wrapped__)(macro, (one, *arguments), ()) for one in items]
    names = {name for _html, names in parts for name in names}
    return _filled("".join([html for html, _names in parts]), names, {})


@lru_cache(MOST)
def _drawn(macro: Any, arguments: tuple[Any, ...], own: tuple[str, ...]) -> tuple[Markup, tuple[str, ...]]:
    """What a macro draws, with marks in it for what belongs to one answer alone; and the names of these."""
    names = (*own, *(name for name in _STANDARD if name in macro.arguments))
    html: Markup = macro(*arguments, **{name: _mark(name) for name in names})
    return html, tuple(name for name in names if _mark(name) in html)


def _mark(name: str) -> str:
    return f"{_SECRET}-{name}-"


def _filled(html: str, names: Iterable[str], own: dict[str, Any]) -> Markup:
    for name in names:
        value = escape(own[name] if name in own else _STANDARD[name]())
        html = str.replace(html, _mark(name), value)  # that of Markup would escape, and copy, once more
    return Markup(html)  # noqa: S704  drawn by macros, which escape


def _here() -> str:
    return request.full_path if request.query_string else request.path


_STANDARD = {"token": token, "here": _here}
