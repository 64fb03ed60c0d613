"""`parvis plugins …`: list, show, enable, disable, make, revise and purge plugins from the command line."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from flask import current_app
from flask_babel import force_locale

from core import migrate, registry
from core.audit import audit
from core.db import db, write
from core.db import prepare as prepare_engine
from core.models import PluginFault, PluginState
from core.registry import Registry
from portal import contributions

from . import purge, scaffold
from .application import advice
from .town import Refusal, opened, settings, traced

NEEDS_VALUE = re.compile(r"add_column\(sa\.Column\((?!.*server_default).*nullable=False")


@click.group()
def plugins() -> None:
    """List, show, switch, make and purge plugins."""


@plugins.command("list")
def list_all() -> None:
    """Say which plugins are installed, and which are on."""
    with _town() as installed:
        for name, plugin in installed.installed.items():
            click.echo(f"{_state(name):11} {name} {plugin.version} – {_title(name)}")
        for name, reason in installed.broken.items():
            click.echo(f"{'waits' if reason == advice(name) else 'BROKEN':11} {reason}")
        for name in installed.missing().keys() - installed.broken.keys():
            click.echo(f"MISSING     {name} is enabled, but not installed")
        if not installed.installed:
            click.echo("No plugin is installed.")


@plugins.command()
@click.argument("name")
def show(name: str) -> None:
    """Print all that a plugin adds, each thing with the file and line that say so."""
    with _town(name) as installed:
        plugin = installed.installed[name]
        click.echo(f"{name} {plugin.version} ({_state(name)}) – {_title(name)}")
        click.echo(contributions.text_of(name, plugin.summary) + "\n")
        for one in contributions.contributions(_app(), installed, name):
            title = f" – {one.title}" if one.title else ""
            click.echo(f"{one.sort:13} {one.name}{title}\n{'':13} {_short(one.file)}:{one.line}")
        found = contributions.reach(_app(), installed, name)
        click.echo(f"\nIt holds {found.spaces} spaces and {found.entries} posts.")
        for check in dict(installed.call("health")).get(name, ()):
            click.echo(f"{'well' if check.ok else 'NOT WELL'}: {check.name} {check.detail}")
        latest = sa.select(PluginFault).where(PluginFault.plugin == name).order_by(PluginFault.id.desc())
        for fault in db.session.scalars(latest.limit(5)):
            click.echo(f"fault: {fault.at:%Y-%m-%d %H:%M} {fault.place}: {fault.what}")


@plugins.command()
@click.argument("name")
def enable(name: str) -> None:
    """Switch a plugin on, for every process at its next request."""
    with _town(name) as installed:
        module = installed.modules[name]
        if module.plugin.table_prefix in migrate.behind(db.engine, {name: module}):
            raise Refusal(advice(name))
        new = db.session.get(PluginState, name) is None
        if new:
            click.echo(
                f"If a server runs since before {name} was installed, start it anew first: until then "
                f"{name} is not there, and its /healthz answers 503."
            )
        with write():
            audit("plugin.on", f"plugin/{name}")
            installed.switch(name, True)
    restart = f" A server that was started before {name} was installed needs a restart."
    click.echo(f"{name} is on.{restart if new else ''}")


@plugins.command()
@click.argument("name")
def disable(name: str) -> None:
    """Switch a plugin off; nothing is deleted."""
    with _town(name, leaving=True) as installed, write():
        audit("plugin.off", f"plugin/{name}")
        installed.switch(name, False)
    click.echo(f"{name} is off. Its data stay.")


@plugins.command()
@click.argument("name")
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), default=".", help="Where to write it."
)
def new(name: str, into: Path) -> None:
    """Write a new plugin, a package of its own with tests that pass."""
    if reason := scaffold.unfit(name):
        raise Refusal(f"{name!r}: {reason}")
    folder = into / f"parvis-{name}"
    if folder.exists():
        raise Refusal(f"{folder} is there already")
    for path in scaffold.write(name, folder):
        click.echo(path.relative_to(into))
    python = _short(sys.executable)
    click.echo(f"Now: {python} -m pip install pytest --editable {folder}, then {python} -m pytest {folder}")


@plugins.command()
@click.argument("name")
@click.option("--message", "-m", default="Follow the models", help="What the revision does, in a few words.")
def revise(name: str, message: str) -> None:
    """Write a migration from what a plugin's models say that its revisions do not."""
    _core, modules = registry.discover()
    if name not in modules:
        raise Refusal(f"no plugin {name!r} is installed")
    module = modules[name]
    folder = Path(str(module.__file__)).parent / "migrations"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        engine = sa.create_engine(f"sqlite:///{scratch}/scratch.db")
        prepare_engine(engine)
        migrate.upgrade(engine, {name: module})
        before = set(folder.glob("*.py"))
        migrate.revise(engine, module.plugin.table_prefix, folder, message)
        engine.dispose()
    [written] = set(folder.glob("*.py")) - before
    click.echo(f"{_short(str(written))}\nRead it, then: parvis upgrade")
    if NEEDS_VALUE.search(written.read_text(encoding="utf-8")):
        click.echo(
            "It adds a column that can't be empty: give it a `server_default` for the rows that are there."
        )


@plugins.command("purge")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask.")
def purge_one(name: str, yes: bool) -> None:
    """Export all that a plugin keeps, then delete it: tables, posts, spaces, settings."""
    with _town(name) as installed:
        try:
            off_since = purge.since(name)
            found = contributions.reach(_app(), installed, name)
            if not yes:
                click.confirm(
                    f"Delete {found.spaces} spaces and {found.entries} posts of {name} for good?", abort=True
                )
            click.echo(f"Exported to {purge.export(name)}")
            purge.purge(name, off_since)
        except purge.SwitchedOn:
            raise Refusal(f"{name} is on: run `parvis plugins disable {name}` first") from None
        except purge.TablesStay as stay:
            where, why = traced(stay.error)
            raise Refusal(
                f"the posts, spaces and settings of {name} are deleted; its tables stay, since its downgrade "
                f"failed{where}: {why}. Once that is mended, purge it again, which goes on from there"
            ) from stay
    click.echo(
        f"{name} is purged. Run `parvis upgrade` to begin anew, or uninstall its package; "
        "a server that runs needs a restart after that."
    )


@contextmanager
def _town(name: str | None = None, leaving: bool = False) -> Iterator[Registry]:
    """The plugins of the town in PARVIS_DATA, in English; refuses a name that is not installed.

    One that is `leaving` may be enabled but not installed, or have tables of another version.
    """
    with opened(settings(), despite=name if leaving else None), force_locale("en"):
        installed = registry.current()
        known = installed.installed.keys() | (installed.missing().keys() if leaving else set())
        if name is not None and name not in known:
            raise Refusal(installed.broken.get(name, f"no plugin {name!r} is installed"))
        yield installed
        installed.settle()


def _state(name: str) -> str:
    state = db.session.get(PluginState, name)
    if state is None or not state.enabled:
        return "off"
    return "quarantine" if state.quarantined_at else "on"


def _title(name: str) -> str:
    return contributions.text_of(name, registry.current().installed[name].title, name)


def _app() -> Any:
    return current_app._get_current_object()  # type: ignore[attr-defined]


def _short(path: str) -> str:
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path
