"""What a plugin must satisfy before the application starts; each refusal names the plugin and the remedy."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import Flask
from wtforms.form import FormMeta

from . import access
from .db import Base
from .plugin import CONTRACT, NavItem, Plugin, Tab

if TYPE_CHECKING:
    from .registry import Registry

CHANGES: dict[int, str] = {1: "the first contract"}
MIXINS = (access.InSpace, access.OnEntry, access.TeamOnly, access.Owned, access.StaffOnly, access.Public)
READ_BY_CLAUSES = ("core_space", "core_entry", "core_search")


class PluginError(Exception):
    """A plugin that can't be loaded; the message names it, the fault and the remedy."""


def manifest(plugin: Plugin, registry: "Registry") -> None:
    """Refuse a manifest of another contract, with unfit names, or with names that another plugin has."""
    if plugin.contract != CONTRACT:
        since = "; ".join(f"{number}: {text}" for number, text in CHANGES.items() if number > plugin.contract)
        raise PluginError(f"{plugin.name} speaks contract {plugin.contract}, this is {CONTRACT} ({since})")
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,38}", plugin.name):
        raise PluginError(f"{plugin.name!r}: a plugin's name is lower case letters, digits and _")
    if not re.fullmatch(r"[a-z][a-z0-9]{1,19}", plugin.table_prefix):
        raise PluginError(f"{plugin.name}: table_prefix {plugin.table_prefix!r} is not a short word")
    for name, value in vars(plugin).items():
        if isinstance(getattr(Plugin, name, None), tuple) and not isinstance(value, tuple | list):
            raise PluginError(f"{plugin.name}: {name} must be a tuple, of one thing too: {name}=(…,)")
    for path in plugin.paths:
        if not re.fullmatch(r"(/[a-z0-9-]+)+", path):
            raise PluginError(f"{plugin.name}: path {path!r} must look like /word")
    links: list[Any] = [*((NavItem, item) for item in plugin.nav), *((Tab, tab) for tab in plugin.tabs)]
    for sort, link in links:
        if not isinstance(link, sort) or type(link.weight) is not int:
            raise PluginError(f"{plugin.name}: what should be a {sort.__name__} is none with a whole weight")
    for item in plugin.nav:
        if not isinstance(item.url, str) or not re.fullmatch(r"/(?![/\\])[!-~]*", item.url):
            raise PluginError(f"{plugin.name}: a link to {item.url!r}, which is no path like /word/")
    if not isinstance(plugin.settings_form, FormMeta | None):
        raise PluginError(f"{plugin.name}: settings_form {plugin.settings_form!r} is no class of forms")
    if plugin is registry.core:
        return
    for other in (registry.core, *registry.installed.values()):
        if other is not plugin and other.table_prefix == plugin.table_prefix:
            raise PluginError(f"{plugin.name}: table_prefix {plugin.table_prefix!r} is {other.name}'s")
        for path in plugin.paths:
            if other is not plugin and any(_overlap(path, taken) for taken in other.paths):
                raise PluginError(f"{plugin.name}: path {path} is {other.name}'s")
    kinds: tuple[Any, ...] = (*plugin.space_kinds, *plugin.entry_kinds)
    sorts: tuple[Any, ...] = (plugin.permissions, kinds, plugin.jobs, plugin.claims, plugin.notice_types)
    sorts += (plugin.mail_handlers, plugin.retention)
    for names in [*([thing.name for thing in sort] for sort in sorts), [*plugin.live_topics]]:
        for name in names:
            if names.count(name) > 1:
                raise PluginError(f"{plugin.name}: two things of one sort are called {name!r}")
            if not name.startswith(plugin.table_prefix + "."):
                raise PluginError(f"{plugin.name}: {name!r} must begin with {plugin.table_prefix}.")


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")


@contextmanager
def nothing_app_wide(app: Flask, name: str) -> Iterator[None]:
    """Refuse blueprints that add handlers, processors, filters or globals to the whole application."""
    before = _app_wide(app)
    yield
    if _app_wide(app) != before:
        raise PluginError(f"{name}: app-wide handlers, processors and filters would outlive switching it off")


def _app_wide(app: Flask) -> dict[str, Any]:
    per_scope: dict[str, Any] = {
        "before": app.before_request_funcs,
        "after": app.after_request_funcs,
        "teardown": app.teardown_request_funcs,
        "context": app.template_context_processors,
        "defaults": app.url_default_functions,
        "values": app.url_value_preprocessors,
    }
    found: dict[str, Any] = {key: tuple(functions.get(None, ())) for key, functions in per_scope.items()}
    errors = app.error_handler_spec.get(None, {})
    found["errors"] = {code: dict(kinds) for code, kinds in errors.items()}
    found["app teardown"] = tuple(app.teardown_appcontext_funcs)
    jinja = app.jinja_env
    found["jinja"] = [dict(names) for names in (jinja.globals, jinja.filters, jinja.tests)]
    return found


def package(module: ModuleType) -> str:
    """The name of the package that a plugin's `plugin.py` is in."""
    return module.__name__.rpartition(".")[0] or module.__name__


def models(registry: "Registry") -> None:
    """Refuse tables without the prefix, without a reader mixin, or tied to the core without ON DELETE."""
    prefixes = {package(module): module.plugin for module in registry.modules.values()}
    mapped = {mapper.local_table for mapper in Base.registry.mappers}
    for loose in Base.metadata.tables.values():
        if loose not in mapped:
            raise PluginError(f"table {loose.name} has no model, so nothing says who reads its rows")
    for mapper in Base.registry.mappers:
        cls, table = mapper.class_, mapper.local_table
        name = getattr(table, "name", "")
        if sum(issubclass(cls, mixin) for mixin in MIXINS) != 1 and name not in READ_BY_CLAUSES:
            names = ", ".join(mixin.__name__ for mixin in MIXINS)
            raise PluginError(f"{cls.__module__}.{cls.__name__} needs exactly one reader mixin: {names}")
        module = f"{cls.__module__}."
        plugin = next((p for package, p in prefixes.items() if module.startswith(f"{package}.")), None)
        if plugin is None:
            continue
        if not name.startswith(plugin.table_prefix + "_"):
            raise PluginError(f"{plugin.name}: table {name} must begin with {plugin.table_prefix}_")
        for key in table.foreign_keys if isinstance(table, sa.Table) else ():
            if key.target_fullname.startswith("core_") and not key.ondelete:
                raise PluginError(f"{plugin.name}: {key.parent} refers to the core without ON DELETE")


def permissions(app: Flask, registry: "Registry") -> None:
    """Refuse a link, a kind or a view that names a permission which nobody declares."""
    for plugin in (registry.core, *registry.installed.values()):
        named = [item.permission for item in plugin.nav] + [tab.permission for tab in plugin.tabs]
        named += [kind.permission for kind in plugin.notice_types]
        for name in named + [kind.publish for kind in plugin.entry_kinds]:
            if name not in access.permissions:
                raise PluginError(f"{plugin.name}: permission {name!r} is declared nowhere")
    for endpoint, view in app.view_functions.items():
        name = getattr(view, "permission", "core.read")
        if name not in access.permissions:
            raise PluginError(f"{endpoint}: permission {name!r} is declared nowhere")


def endpoints(app: Flask, registry: "Registry") -> None:
    """Refuse views without a declared permission, and plugins' rules outside their own paths."""
    owners = {blueprint.name: p for p in registry.installed.values() for blueprint in p.blueprints}
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if rule.endpoint.rpartition(".")[2] != "static" and not hasattr(view, "permission"):
            raise PluginError(f"{rule.endpoint} ({rule.rule}) declares no permission: add @needs(…)")
        owner, holder = owners.get(rule.endpoint.partition(".")[0]), registry.owner(rule.rule)
        if owner is None and holder:
            raise PluginError(f"{holder}: in its paths is {rule.rule}, a page of none of its blueprints")
        if owner is not None and holder != owner.name:
            raise PluginError(f"{owner.name}: {rule.rule} is outside its paths {', '.join(owner.paths)}")
