"""What a plugin adds to the portal, and what switching it shows or hides."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_babel import gettext as _

from core import access, checks
from core.db import Base, db
from core.models import Entry, Space
from core.plugin import Plugin, Text
from core.registry import Registry, current


@dataclass(frozen=True)
class Contribution:
    """One thing that a plugin adds: its sort, its name, a title for people, and where the code says so."""

    sort: str
    name: str
    title: Text
    file: str
    line: int


@dataclass(frozen=True)
class Reach:
    """What a plugin shows: its spaces, the entries in them or of its kinds, links; and whether any pages."""

    spaces: int
    entries: int
    links: int
    pages: bool


def contributions(app: Flask, registry: Registry, name: str) -> list[Contribution]:
    """Everything that the plugin adds, in the order of the manifest; then hooks, pages, tables, revisions."""
    found = [
        *_declared(registry.installed[name]),
        *_hooks(registry, name),
        *_pages(app, registry, name),
        *_tables(registry, name),
        *_revisions(registry, name),
    ]
    return [replace(one, title=text_of(name, one.title, one.name)) for one in found]


def text_of(plugin: str, text: Text, otherwise: str = "") -> str:
    """A text of a plugin's manifest as people read it; `otherwise`, and a fault, where it can't be said."""

    def say() -> str:
        words = str(text)
        words.encode()
        return words

    answer: str = current().attempt(plugin, f"text of {otherwise or 'the manifest'}", say, otherwise)
    return answer


def _declared(plugin: Plugin) -> Iterator[Contribution]:
    for kind in plugin.space_kinds:
        yield Contribution("space kind", kind.name, kind.label, *kind.where)
    for entry in plugin.entry_kinds:
        yield Contribution("entry kind", entry.name, entry.label, *entry.where)
    for item in plugin.nav:
        yield Contribution("navigation", item.url, item.label, *item.where)
    for tab in plugin.tabs:
        yield Contribution("tab", tab.permission, tab.label, *tab.where)
    for permission in plugin.permissions:
        yield Contribution("permission", permission.name, permission.title, *permission.where)
    for job in plugin.jobs:
        yield Contribution("job", job.name, job.title, *job.where)
    for claim in plugin.claims:
        yield Contribution("claim", claim.name, claim.title, *claim.where)
    for notice in plugin.notice_types:
        yield Contribution("notice", notice.name, notice.title, *notice.where)
    for handler in plugin.mail_handlers:
        yield Contribution("mail handler", handler.name, handler.title, *handler.where)
    if plugin.settings_form is not None:
        yield Contribution("settings", plugin.settings_form.__name__, "", *_source(plugin.settings_form))
    for data in plugin.personal_data:
        yield Contribution("personal data", f"{data.table}.{data.column}", data.purpose, *data.where)
    for kept in plugin.retention:
        yield Contribution("retention", kept.name, kept.what, *kept.where)


def _hooks(registry: Registry, name: str) -> Iterator[Contribution]:
    module = registry.modules[name]
    for caller in registry.manager.get_hookcallers(module) or ():
        yield Contribution("hook", caller.name, "", *_source(getattr(module, caller.name)))


def _pages(app: Flask, registry: Registry, name: str) -> Iterator[Contribution]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        if registry.owner(rule.rule) == name and hasattr(view, "permission"):
            methods = ",".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
            title = access.permissions[view.permission].title
            yield Contribution("page", f"{methods} {rule.rule}", title, *_source(view))


def _tables(registry: Registry, name: str) -> Iterator[Contribution]:
    for model in models(registry, name):
        reader = next(mixin.__name__ for mixin in checks.MIXINS if issubclass(model, mixin))
        yield Contribution("table", f"{model.__tablename__} ({reader})", "", *_source(model))


def _revisions(registry: Registry, name: str) -> Iterator[Contribution]:
    from core import migrate  # Alembic is dear to load, and most pages need none of it

    module = registry.modules[name]
    folder = migrate.owners({name: module}).get(module.plugin.table_prefix)
    for path in sorted(folder.glob("*.py")) if folder else ():
        yield Contribution("revision", path.stem, "", str(path), 1)


def models(registry: Registry, name: str) -> list[Any]:
    """A plugin's models, in an order in which their rows can be inserted."""
    prefix = registry.installed[name].table_prefix + "_"
    order = [table.name for table in Base.metadata.sorted_tables]
    found = [
        mapper.class_ for mapper in Base.registry.mappers if mapper.class_.__tablename__.startswith(prefix)
    ]
    return sorted(found, key=lambda model: order.index(model.__tablename__))


def reach(app: Flask, registry: Registry, name: str) -> Reach:
    """What people see or miss when the plugin is switched, private things counted too."""
    plugin = registry.installed[name]
    spaces, entries = owned(plugin)
    with access.as_system("count what a plugin shows"):
        return Reach(
            spaces=db.session.scalar(sa.select(sa.func.count()).select_from(Space).where(spaces)) or 0,
            entries=db.session.scalar(sa.select(sa.func.count()).select_from(Entry).where(entries)) or 0,
            links=len(plugin.nav) + len(plugin.tabs),
            pages=any(one.name.startswith("GET") for one in _pages(app, registry, name)),
        )


def owned(plugin: Plugin) -> tuple[Any, Any]:
    """The conditions that choose a plugin's spaces, and its entries with those in its spaces."""
    spaces = Space.kind.in_([kind.name for kind in plugin.space_kinds])
    kinds = Entry.kind.in_([kind.name for kind in plugin.entry_kinds])
    return spaces, sa.or_(kinds, Entry.space_id.in_(sa.select(Space.id).where(spaces)))


def sorts() -> dict[str, str]:
    """What each sort of contribution is called on a page, in the order in which staff read them."""
    return {
        "space kind": _("Kinds of spaces"),
        "entry kind": _("Kinds of posts"),
        "navigation": _("Links in the main menu"),
        "tab": _("Tabs on the page of a space"),
        "permission": _("Rights"),
        "job": _("Regular work"),
        "claim": _("What people without an account may start"),
        "notice": _("What people are told of"),
        "mail handler": _("What may be done by e-mail"),
        "personal data": _("Personal data it keeps"),
    }


def _source(thing: Any) -> tuple[str, int]:
    thing = inspect.unwrap(thing)
    try:
        return inspect.getsourcefile(thing) or "", inspect.getsourcelines(thing)[1]
    except (OSError, TypeError):
        return str(Path(inspect.getfile(thing))), 1
