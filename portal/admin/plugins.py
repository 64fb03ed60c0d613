"""The pages on which staff see, switch and set the installed plugins."""

from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response

from core import access, registry, settings
from core.db import db
from core.models import PluginFault, PluginState
from core.plugin import Plugin
from core.web import needs, says

from .. import contributions
from . import actions
from .forms import role_title
from .views import menu

blueprint = Blueprint("plugins", __name__, url_prefix="/admin/plugins")
blueprint.context_processor(menu)
FAULTS = 20


@blueprint.get("")
@needs("core.switch_plugins")
def index() -> str:
    """Every installed plugin: what it is, whether it is on and well, and its switch."""
    health = dict(registry.current().call("health"))
    rows = [_described(name, health.get(name, ())) for name in registry.current().installed]
    missing, broken = registry.current().missing(), registry.current().broken
    shown: dict[str, Any] = {"broken": broken, "missing": missing, "gone": missing.keys() - broken.keys()}
    return render_template("portal/admin_plugins.html", plugins=rows, **shown)


@blueprint.route("/<name>", methods=["GET", "POST"])
@needs("core.switch_plugins")
def index_one(name: str) -> str | Response:
    """One plugin: what it adds, its health, its latest faults, its settings."""
    plugins = registry.current()
    if name not in plugins.installed:
        abort(404)
    form = plugins.attempt(name, "settings form", lambda: _form(plugins.installed[name]))
    if request.method == "POST":
        actions.require_switch(name)
        if form is None:
            abort(404)
        if plugins.attempt(name, "settings form", form.validate_on_submit):
            values = plugins.attempt(name, "settings form", lambda: _storable(form))
            if values is not None:
                actions.save_plugin_settings(name, values)
                says(_("The settings are saved."))
                return redirect(url_for("plugins.index_one", name=name))
            form.form_errors.append(_("The plugin has a fault: its settings could not be saved."))
    fields = form and _drawn(name, form)
    if form and fields is None:  # what is kept fits no more: staff begin from what the plugin says itself
        form = plugins.attempt(name, "settings form", lambda: _form(plugins.installed[name], kept=False))
        fields = form and _drawn(name, form)
    health = dict(plugins.call("health"))
    statement = sa.select(PluginFault).where(PluginFault.plugin == name).order_by(PluginFault.id.desc())
    return render_template(
        "portal/admin_plugin.html",
        plugin=_described(name, health.get(name, ())),
        faults=db.session.scalars(statement.limit(FAULTS)).all(),
        form=form if fields is not None and _may_switch(name) else None,
        fields=fields,
        role_title=role_title,
        said=said,
    )


@blueprint.post("/<name>/switch")
@needs("core.switch_plugins")
def index_switch(name: str) -> str | Response:
    """Enable or disable a plugin, asked once more before; enabling one in quarantine gives it another try."""
    plugins = registry.current()
    if name in plugins.broken:
        says(_("“%(title)s” can’t be loaded", title=name), "error")
        return redirect(url_for("plugins.index"))
    if name not in plugins.installed or request.form.get("on") not in {"0", "1"}:
        abort(404 if name not in plugins.installed else 400)
    on = request.form["on"] == "1"
    listed = {"list": "1"} if request.form.get("list") else {}
    back = url_for("plugins.index") if listed else url_for("plugins.index_one", name=name)
    if not on and "sure" not in request.form:
        actions.require_switch(name)
        fields = {"on": "0", "sure": "1", **listed}
        described = _described(name, ())
        return render_template("portal/admin_plugin_off.html", plugin=described, fields=fields, back=back)
    try:
        actions.switch_plugin(name, on)
    except access.Refused as refusal:
        says(str(refusal), "error")
        return redirect(back)
    title = contributions.text_of(name, plugins.installed[name].title, name)
    says(
        _("“%(title)s” is on.", title=title)
        if on
        else _("“%(title)s” is off. Nothing of it is lost.", title=title)
    )
    return redirect(back)


def _form(plugin: Plugin, kept: bool = True) -> Any:
    values = settings.plugin_settings(plugin.name) if kept else plugin.defaults
    return plugin.settings_form and plugin.settings_form(data=values)


def _storable(form: Any) -> dict[str, Any]:
    """What was chosen; raises where it can't be kept."""
    values = {key: value for key, value in form.data.items() if key != "csrf_token"}
    settings.storable(values)
    return values


def _drawn(name: str, form: Any) -> Markup | None:
    """The fields of a plugin's settings; None where they can't be drawn, which is named."""
    html = partial(render_template, "portal/admin_plugin_fields.html", form=form)
    drawn = registry.current().attempt(name, "settings form", html)
    return None if drawn is None else Markup(drawn)  # noqa: S704  by a template of ours


def said(what: str) -> str:
    """What happened to a plugin, in words where there are some."""
    slow = what.removeprefix(registry.SLOW)
    return what if slow == what else _("slow: %(time)s", time=slow)


def _may_switch(name: str) -> bool:
    protects = registry.current().installed[name].protects
    return access.can("core.switch_protection" if protects else "core.switch_plugins")


def _described(name: str, health: Any) -> dict[str, Any]:
    """What a page tells of a plugin."""
    plugins = registry.current()
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    state = db.session.get(PluginState, name)
    failed = (PluginFault.plugin == name, ~PluginFault.what.startswith(registry.SLOW))
    latest = sa.select(PluginFault).where(*failed).order_by(PluginFault.id.desc())
    added, manifest = contributions.contributions(app, plugins, name), plugins.installed[name]
    by_sort = [
        (sort, title, [one for one in added if one.sort == sort])
        for sort, title in contributions.sorts().items()
    ]
    kept = [(data, (data.purpose, data.legal_basis, data.retention)) for data in manifest.personal_data]
    return {
        "manifest": manifest,
        "title": contributions.text_of(name, manifest.title, name),
        "summary": contributions.text_of(name, manifest.summary),
        "kept": [(data, [contributions.text_of(name, text) for text in texts]) for data, texts in kept],
        "on": name in plugins.enabled(),
        "quarantined_at": state and state.enabled and state.quarantined_at,
        "may_switch": _may_switch(name),
        "reach": contributions.reach(app, plugins, name),
        "adds": [_group(sort, title, found) for sort, title, found in by_sort if found],
        "health": health,
        "fault": db.session.scalars(latest.limit(1)).first(),
    }


def _group(sort: str, title: str, found: list[Any]) -> dict[str, Any]:
    """What a page tells of one sort of contribution; one alone is said at once."""
    return {"sort": sort, "title": title, "found": found, "one": len(found) == 1}
