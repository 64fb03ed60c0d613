"""What the town and the plugins' staff decided on web pages; deployment settings are in `config.py`.

Kept in each process, and read again when the stamp `settings` says that something changed.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask import Flask, current_app, g, request
from markupsafe import Markup

from . import access, colours, registry, stamps
from .db import db, insert_once, writing
from .hookspecs import settled
from .models import Setting
from .plugin import NavItem
from .text import markdown

TOWN = "core.town"
RESTORED = "core.restored"
RETENTION = "core.retention"
STAMP = "settings"
_TABLE = sa.table("core_setting", sa.column("key", sa.String), sa.column("value", sa.JSON))


@dataclass(frozen=True)
class Town:
    """What the town says of itself; an empty text means that the starter text of `texts/` is shown."""

    name: str = "Parvis"
    colour: str = "#1d5e63"
    colour_dark: str = "#7fc8c3"
    language: str = "fr"
    contact: str = ""
    officer: str = ""
    second_factor: bool = False
    home: str = ""
    legal: str = ""
    accessibility: str = ""
    logo_id: int | None = None
    logo_url: str = ""

    @cached_property
    def welcome(self) -> Markup:
        """The town's own words at the top of the home page."""
        return Markup(markdown(self.home))  # noqa: S704  cleaned

    @cached_property
    def on_colour(self) -> str:
        """The colour of text on the town's colour."""
        return colours.on(self.colour)

    @cached_property
    def on_colour_dark(self) -> str:
        """The colour of text on the town's colour in dark mode."""
        return colours.on(self.colour_dark)


class Link(NamedTuple):
    """A link of the navigation; `current` where the page belongs to it."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True)
class _Kept:
    """All settings as this process last read them, and at which version."""

    version: int
    values: dict[str, dict[str, Any]]

    @cached_property
    def town(self) -> Town:
        known = {field.name for field in fields(Town)}
        return Town(**{key: value for key, value in self.values.get(TOWN, {}).items() if key in known})


def init(app: Flask) -> None:
    """Give every template the town, its navigation, and whether this is a demonstration."""
    app.extensions["parvis_settings"] = _Kept(-1, {})
    app.context_processor(lambda: {"town": town(), "nav": nav(), "demo": current_app.config["PARVIS"].demo})


def town() -> Town:
    """The town's settings, with defaults for what nobody set."""
    return _all().town


def plugin_settings(name: str) -> dict[str, Any]:
    """A plugin's settings: its manifest's defaults, and over them what staff chose."""
    return {**registry.current().installed[name].defaults, **_all().values.get(name, {})}


def kept_for(name: str) -> dt.timedelta | None:
    """How long what a Retention names is kept, as administrators decided or by default; None is for ever."""
    days = _all().values.get(RETENTION, {}).get(name, registry.current().declared("retention", name)[1].days)
    return dt.timedelta(days=days) if days else None


def restored() -> dict[str, dt.datetime] | None:
    """When the town was restored (`at`), and when the backup was taken (`taken_at`), if it ever was."""
    return {key: dt.datetime.fromisoformat(at) for key, at in _all().values.get(RESTORED, {}).items()} or None


def save(key: str, values: dict[str, Any]) -> None:
    """Keep the settings of `core.town` or of a plugin, for every process from its next request on."""
    values = storable(values)
    insert_once(Setting, key=key, value=values)
    changed = sa.update(_TABLE).where(_TABLE.c.key == key).values(value=values)
    db.session.execute(changed, execution_options={"guarded": True})
    stamps.bump(STAMP)


def storable(value: Any) -> Any:
    """The value in words of JSON, a date as `{"$date": …}`; raises TypeError for what can't be kept."""
    name = type(value).__name__
    if name in _READ:
        return {f"${name}": str(value)}
    if isinstance(value, dict):
        return {key: storable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one) for one in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"settings can't keep a {name}")


_READ: dict[str, Callable[[str], Any]] = {
    "date": dt.date.fromisoformat,
    "datetime": dt.datetime.fromisoformat,
    "time": dt.time.fromisoformat,
    "Decimal": Decimal,
    "UUID": UUID,
}


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(one) for one in value]
    if not isinstance(value, dict):
        return value
    [name, *others] = value or [""]
    if not others and name[:1] == "$" and name[1:] in _READ:
        return _READ[name[1:]](value[name])
    return {key: _restored(one) for key, one in value.items()}


def nav() -> tuple[Link, ...]:
    """The main navigation: links of the core and of the enabled plugins that the viewer may use.

    One whose label can't be said is left out and named to staff.
    """
    if "viewer_token" not in g:  # a mail, or the page of an error before anybody was known
        return ()
    items = [(plugin.name, item) for plugin in registry.current().active() for item in plugin.nav]
    shown = [(name, item) for name, item in items if access.can(item.permission)]
    links = [_link(name, item) for name, item in sorted(shown, key=lambda one: one[1].weight)]
    return tuple(filter(None, links))


def _link(name: str, item: NavItem) -> Link | None:
    try:
        label = settled(str(item.label))
    except BaseException as error:  # noqa: BLE001  a plugin may raise anything; the page goes on
        registry.current().fault(name, "navigation", error)
        return None
    return Link(label, item.url, request.path == item.url or _below(request.path, item.url))


def _below(path: str, url: str) -> bool:
    return url != "/" and path.startswith(url.rstrip("/") + "/")


def _all() -> _Kept:
    kept: _Kept = current_app.extensions["parvis_settings"]
    version = stamps.read()[STAMP]
    if version != kept.version:
        rows = db.session.execute(sa.select(_TABLE), execution_options={"guarded": True})
        kept = _Kept(version, {row.key: _restored(row.value) for row in rows})
        if not writing():
            current_app.extensions["parvis_settings"] = kept
    return kept
