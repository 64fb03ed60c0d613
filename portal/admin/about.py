"""Public pages on the town's rules: who may do what, the legal notice, the accessibility statement."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, current_app, render_template
from flask_babel import get_locale
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core import registry, settings, text
from core.db import now
from core.models import MANDATES
from core.plugin import Permission, Plugin
from core.web import needs

from ..contributions import text_of
from .forms import mandate_title, role_title

blueprint = Blueprint("about", __name__)
STARTERS = Path(__file__).parent.parent / "texts"
COLUMNS = ("anyone", "resident", "official", "agent", "administrator")


@blueprint.get("/about/permissions")
@needs("core.read")
def permissions() -> str:
    """Who may do what, for the core and each plugin that is on."""
    groups: dict[Any, list[Any]] = {}
    titles = _space_role_titles()
    plugins = registry.current().active()
    for plugin, permission in ((one, permission) for one in plugins for permission in one.permissions):
        in_space = [titles.get(role, role) for role in sorted(permission.space_roles)]
        cells = [_cell(permission, column) for column in COLUMNS]
        group = groups.setdefault(plugin.name, [text_of(plugin.name, plugin.title, plugin.name), []])
        title = text_of(plugin.name, permission.title, permission.name)
        group[1].append((title, permission.whole_town, cells, in_space))
    columns = [role_title(column) for column in COLUMNS]
    return render_template("portal/permissions.html", groups=groups.values(), columns=columns)


def _cell(permission: Permission, column: str) -> bool | str:
    """Whether people of this column have the right; in words, where some have it or it takes more."""
    roles = permission.roles
    if "anyone" in roles or column in roles or (column != "anyone" and "signed_in" in roles):
        return True
    if column == "anyone" and permission.by_mail:
        return str(_("by confirming an address"))
    mandates = [mandate_title(mandate) for mandate in MANDATES if mandate in roles]
    return ", ".join(mandates) if column == "official" else False


def _space_role_titles() -> dict[str, Any]:
    owned = [(plugin, kind) for plugin in registry.current().active() for kind in plugin.space_kinds]
    titles = {
        role.name: text_of(plugin.name, role.title, role.name)
        for plugin, kind in reversed(owned)
        for role in kind.roles
    }
    return {**titles, "team": _("everybody on the team")}


@blueprint.get("/.well-known/security.txt")
@needs("core.read")
def security() -> Response:
    """Where weaknesses are reported, as the deployment says; nothing where it says nothing."""
    config = current_app.config["PARVIS"]
    if not config.security_contact:
        abort(404)
    until = now().replace(microsecond=0) + dt.timedelta(days=180)
    lines = {
        "Contact": config.security_contact,
        "Expires": until.isoformat().replace("+00:00", "Z"),
        "Preferred-Languages": "fr, en",
        "Canonical": f"{config.base_url}/.well-known/security.txt",
    }
    return Response("".join(f"{name}: {value}\n" for name, value in lines.items()), mimetype="text/plain")


@blueprint.get("/legal")
@needs("core.read")
def legal() -> str:
    """Who publishes the portal, who hosts it, and what becomes of personal data."""
    return _page("legal", _("Legal notice"))


@blueprint.get("/accessibility")
@needs("core.read")
def accessibility() -> str:
    """How accessible the portal is, which obstacles plugins know of, and whom to tell about another."""
    plugins = [plugin for plugin in registry.current().active() if plugin.obstacles]
    return _page("accessibility", _("Accessibility"), plugins)


def _page(name: str, title: str, obstacles: Sequence[Plugin] = ()) -> str:
    town = settings.town()
    source, lang = getattr(town, name), town.language
    if not source:
        lang = str(get_locale())
        source = (STARTERS / f"{name}.{lang}.md").read_text(encoding="utf-8")
        source = source.replace("{town}", town.name).replace("{contact}", town.contact or "…")
    return render_template(
        "portal/about.html",
        title=title,
        html=text.raise_headings(text.markdown(source)),
        lang_of_text=lang,
        obstacles=obstacles,
    )
