"""Removing a plugin's data for good: first all of it is exported to a folder, then it is deleted."""

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import current_app

from core import files, migrate, registry, stamps
from core.audit import audit
from core.db import db, lock, now, table_of, write
from core.models import (
    Document,
    Entry,
    File,
    JobRow,
    Membership,
    PendingClaim,
    PluginFault,
    PluginState,
    Setting,
    Space,
)
from core.plugin import Plugin
from portal import contributions

from . import check


class SwitchedOn(RuntimeError):
    """A plugin that was to be purged is in use."""


class TablesStay(RuntimeError):
    """A plugin's own migrations failed to remove its tables; all else that it kept is deleted."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def export(name: str) -> Path:
    """Write a plugin's rows, spaces, entries, settings and files into a new folder, which is answered."""
    plugins = registry.current()
    plugin = plugins.installed[name]
    moment = now().strftime("%Y-%m-%dT%H-%M-%S")
    folder: Path = current_app.config["PARVIS"].data / "purged" / f"{name} {moment}"
    folder.mkdir(parents=True)
    chosen = _core_rows(plugin)
    rows = {table.name: _rows(table, where) for table, where in chosen}
    for model in contributions.models(plugins, name):
        rows[model.__tablename__] = _rows(table_of(model), sa.true())
    content = {"plugin": name, "version": plugin.version, "exported_at": now(), "rows": rows}
    text = json.dumps(content, default=_plain, ensure_ascii=False, indent=1)
    (folder / "data.json").write_text(text, encoding="utf-8")
    for file in rows["core_file"]:
        bytes_of_it = files.stored(file["sha256"])
        if bytes_of_it.exists():
            shutil.copyfile(bytes_of_it, folder / f"{file['id']} {file['name']}")
    db.session.rollback()
    return folder


def since(name: str) -> dt.datetime | None:
    """When a plugin was last switched; raises SwitchedOn unless it is off."""
    where = PluginState.name == name
    state = db.session.scalars(lock(sa.select(PluginState).where(where))).one_or_none()
    if state is not None and state.enabled:
        raise SwitchedOn(name)
    return state.switched_at if state else None


def purge(name: str, off_since: dt.datetime | None) -> None:
    """Delete all that a plugin keeps: entries, spaces, settings, waiting work, its tables and its state.

    Raises SwitchedOn where it is not off, or was not throughout since it was exported, and TablesStay, after
    which a purge may be begun again.
    """
    plugins = registry.current()
    plugin, module = plugins.installed[name], plugins.modules[name]
    prefix = plugin.table_prefix + ".%"
    with write():
        if since(name) != off_since:
            raise SwitchedOn(name)
        chosen = dict(_core_rows(plugin))
        for model in (File, Entry, Membership, Space):
            _delete(table_of(model), chosen[table_of(model)])
        _recount()
        audit("plugin.purged", f"plugin/{name}")
        _delete(table_of(Setting), Setting.key == name)
        _delete(table_of(JobRow), JobRow.name.like(prefix))
        _delete(table_of(PendingClaim), PendingClaim.action.like(prefix))
        _delete(table_of(PluginFault), PluginFault.plugin == name)
        _delete(table_of(Document), Document.plugin == name)
        _delete(table_of(PluginState), PluginState.name == name)
        for stamp in ("plugins", "settings"):
            stamps.bump(stamp)
    owner = migrate.owners({name: module})
    if plugin.table_prefix in owner:
        try:
            migrate.downgrade(db.engine, plugin.table_prefix, owner[plugin.table_prefix])
        except Exception as error:  # a plugin's revision may raise anything
            raise TablesStay(error) from error


def _core_rows(plugin: Plugin) -> list[tuple[Any, Any]]:
    """The core's tables with the condition that chooses the plugin's rows in them."""
    space, entry = contributions.owned(plugin)
    spaces, entries = sa.select(Space.id).where(space), sa.select(Entry.id).where(entry)
    thread = sa.or_(entry, Entry.parent_id.in_(entries))
    return [
        (table_of(Space), space),
        (table_of(Membership), Membership.space_id.in_(spaces)),
        (table_of(Entry), thread),
        (table_of(File), File.entry_id.in_(sa.select(Entry.id).where(thread))),
        (table_of(Setting), Setting.key == plugin.name),
    ]


def _rows(table: Any, where: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in db.session.execute(sa.select(table).where(where)).mappings()]


def _delete(table: Any, where: Any) -> None:
    db.session.execute(sa.delete(table).where(where))


def _recount() -> None:
    """Count anew what is left in the spaces and threads that lost entries."""
    for table, column, recount in check.recounts():
        wrong = sa.update(table).where(table.c[column] != recount)
        db.session.execute(wrong.values({column: recount}))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else str(value)
