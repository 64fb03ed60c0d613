"""Public pages on personal data, made of what the core and the plugins declare."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from flask import Blueprint, render_template
from flask_babel import lazy_gettext as _

from core import registry, settings
from core.plugin import Cookie, PersonalData, Plugin
from core.web import needs

from .retention import all_periods, removed

blueprint = Blueprint("about_privacy", __name__)

UNSENT = _("Until it is sent or the tab is closed")
COOKIES = (
    Cookie(
        "parvis",
        _("Keeps you signed in, and forms safe from other sites"),
        _("Until the browser is closed, or 30 days if you stay signed in"),
    ),
    Cookie("language", _("Remembers the language you chose"), _("One year")),
    Cookie("/posts/*", _("Keeps what you are writing, should the page be lost"), UNSENT),
    Cookie("/spaces/*", _("Keeps what you are writing, should the page be lost"), UNSENT),
)


BASES = {
    "6(1)(a)": _("You agreed to it"),
    "6(1)(b)": _("You asked for the service that needs it"),
    "6(1)(c)": _("The law demands it"),
    "6(1)(e)": _("It is a task of the town, in the public interest"),
    "6(1)(f)": _("It keeps the portal safe"),
}


@blueprint.get("/privacy")
@needs("core.read")
def privacy() -> str:
    """What becomes of personal data here, and what everybody can ask for."""
    return render_template("portal/privacy.html")


@blueprint.get("/privacy/record")
@needs("core.read")
def record() -> str:
    """The record of processing activities: of each plugin, why which columns are kept and for how long."""
    groups = [(plugin, list(_purposes(plugin))) for plugin in _owners() if plugin.personal_data]
    periods = [
        (plugin, period, kept.days if (kept := settings.kept_for(period.name)) else 0)
        for plugin, period in all_periods()
    ]
    egress = [(plugin, plugin.egress) for plugin in _owners() if plugin.egress]
    shown: dict[str, Any] = {"groups": groups, "periods": periods, "egress": egress, "removed": removed()}
    return render_template("portal/record.html", **shown)


@blueprint.get("/privacy/cookies")
@needs("core.read")
def cookies() -> str:
    """What is kept in the browsers of people."""
    kept = [(plugin, cookie) for plugin in _owners() for cookie in plugin.cookies]
    return render_template("portal/cookies.html", cookies=kept)


def _owners() -> tuple[Plugin, ...]:
    """The core and every installed plugin: what one keeps is kept while it is off too."""
    plugins = registry.current()
    return (plugins.core, *plugins.installed.values())


def _purposes(plugin: Plugin) -> Iterator[dict[str, Any]]:
    """What a plugin keeps, by purpose, right and time: each with the columns by table."""

    def why(data: PersonalData) -> tuple[str, str, str]:
        return str(data.purpose), str(data.legal_basis), str(data.retention)

    for (purpose, basis, kept), found in groupby(sorted(plugin.personal_data, key=why), why):
        tables: dict[str, list[str]] = {}
        for data in found:
            tables.setdefault(data.table, []).append(data.column)
        words = next((words for article, words in BASES.items() if article in basis), "")
        yield {"purpose": purpose, "ground": words, "legal_basis": basis, "retention": kept, "tables": tables}
