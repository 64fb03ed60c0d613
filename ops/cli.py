"""The command `parvis`: every word of it acts on the town in the folder PARVIS_DATA."""

import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from core import __version__, access, migrate, registry
from core import settings as town
from core.accounts import actions as accounts
from core.accounts import claims
from core.accounts.addresses import normal
from core.audit import audit
from core.checks import PluginError
from core.config import Config, ConfigError
from core.db import db, write
from core.feed.cards import role_label
from core.models import Account, User
from core.plugin import Health
from core.search import index
from portal.accounts import factor

from . import backup as keep
from . import check as looks
from . import restore as bring_back
from . import rows, server
from . import worker as work
from .application import application
from .cli_plugins import plugins
from .town import ELSEWHERE, Refusal, alone, made, opened, refuse_no_folder, refuse_no_town, settings, traced

FORESEEN = (
    ConfigError,
    PluginError,
    server.PortTaken,
    keep.BackupError,
    bring_back.RestoreError,
    rows.RowError,
    access.Refused,
    migrate.Later,
)


OWN = {"files", "templates", "secret-key", "town.db", "town.db-wal", "town.db-shm"}  # in a town's folder
NOBODY = "administrator@localhost"  # of a first administrator who gave no address


class Commands(click.Group):
    """Commands whose foreseeable failures are one clear line and an exit code of 1."""

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """A command of Parvis, or else the group of commands that a plugin brings by this prefix."""
        own = super().get_command(ctx, name)
        return own or next((group for prefix, group in _brought() if prefix == name), None)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *(prefix for prefix, _group in _brought())]

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FORESEEN as error:
            raise Refusal(str(error)) from error
        except (sa.exc.OperationalError, sqlite3.DatabaseError) as error:
            reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
            where = "PARVIS_DATABASE_URL: " if os.environ.get("PARVIS_DATABASE_URL") else ""
            raise Refusal(f"{where}the database does not answer: {reason}") from error
        except sa.exc.DatabaseError as error:
            if isinstance(error, sa.exc.ProgrammingError) and error.statement is None:  # before any statement
                raise Refusal(f"PARVIS_DATABASE_URL: {error.orig}".strip()) from error
            if not isinstance(error.orig, sqlite3.DatabaseError) or type(error) is not sa.exc.DatabaseError:
                raise
            raise Refusal(f"town.db is no database: {error.orig}") from error
        except BrokenPipeError:  # whoever reads has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        except OSError as error:
            raise Refusal(f"{error.filename or 'the system'}: {error.strerror or error}") from error


class Brought(click.Group):
    """The commands of a plugin, which run on an opened town."""

    def invoke(self, ctx: click.Context) -> Any:
        if {*ctx.args} & {*ctx.help_option_names}:  # which needs no town
            return super().invoke(ctx)
        with opened(settings()):
            for name, module in registry.discover({})[1].items():
                if module.plugin.table_prefix == self.name and name in registry.current().broken:
                    raise Refusal(registry.current().broken[name])
            return super().invoke(ctx)


def _brought() -> Iterator[tuple[str, click.Group]]:
    """The groups of commands of the installed plugins, by prefix."""
    for module in registry.discover()[1].values():
        plugin = module.plugin
        if plugin.cli is not None:
            yield plugin.table_prefix, Brought(plugin.table_prefix, plugin.cli.commands, help=plugin.cli.help)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="parvis")
def main() -> None:
    """A town square on the web: residents, elected officials and agency staff in one feed."""


main.add_command(plugins)


@main.command()
@click.option("--email", help="Address of the first administrator.", default=NOBODY)
def init(email: str) -> None:
    """Make an empty town, and a link by which its first administrator chooses a password."""
    config, email = settings(), _address(email)
    folder = config.data.absolute()
    strange = sorted({path.name for path in config.data.glob("*")} - OWN)
    if strange and not (config.data / "town.db").exists():
        raise Refusal(f"{folder} holds something else: {strange[0]}; {ELSEWHERE}")
    with alone(folder), made(config, new=True), _alone_in_database(config):
        migrate.upgrade(db.engine, registry.current().modules)  # what was broken off goes on
        for name, plugin in registry.current().installed.items():
            if plugin.protects:
                registry.current().switch(name, True)
        with write():
            accounts.create_user(email, role_label("administrator", None), role="administrator")
            town.save(town.TOWN, {"second_factor": True})
            link = claims.issue(email, claims.RESET, {"unnamed": True})
    click.echo(f"An empty town is ready in {folder}.")
    if not config.smtp_host:
        click.echo(
            "No mail leaves yet: set PARVIS_SMTP_HOST, or nobody receives the links that open accounts."
        )
    click.echo(f"Run `parvis serve`, then open this link once, within two hours, as {email}:\n{link}")


@contextmanager
def _alone_in_database(config: Config) -> Iterator[None]:
    """Be the only one who makes a town in this database; Refused where it is one's already."""
    lock = work.SessionLock(db.engine)
    try:
        making = not config.database_url or lock.held()
        known = sa.inspect(db.engine).has_table(Account.__tablename__)
        people = set(db.session.scalars(sa.select(Account.demo).distinct())) if known else set()
        if people:
            what = "the demonstration town" if True in people else "a town"
            where = "the database" if config.database_url else config.data.absolute()
            raise Refusal(f"{where} holds {what} already; for another town {ELSEWHERE}")
        if not making:
            raise Refusal("another command is making a town in this database, or serves one")
        yield
    finally:
        lock.release()


@main.command()
@click.argument("email")
@click.option("--reset-factor", is_flag=True, help="Remove their second factor too, lost with a telephone.")
def admin(email: str, reset_factor: bool) -> None:
    """Make a link by which an administrator, new or known, chooses a password."""
    email = _address(email)
    with opened(settings()), write():
        person = claims.known(email)
        if person is None:
            new = accounts.create_user(email, role_label("administrator", None), role="administrator")
            audit("person.role", f"user/{new.id}", role="administrator")
        elif (known := db.session.get(User, person.user_id)) is None or known.role != "administrator":
            raise Refusal(f"{email} belongs to somebody who is no administrator: give the role on their page")
        elif reset_factor:
            factor.forget_factor(person.user_id, "reset")
            audit("factor.reset", f"user/{person.user_id}")
        if person is not None:
            audit("person.link", f"user/{person.user_id}")
        unnamed = person is None or person.password_hash is None
        link = claims.issue(email, claims.RESET, {"unnamed": unnamed})
    click.echo(f"Open this link once, within two hours, as {email}:\n{link}")


@main.command()
def demo() -> None:
    """Serve a lived-in demonstration town; the first start makes it."""
    os.environ["PARVIS_DEMO"] = "1"
    config = settings()
    server.check_port(config)
    from demo import build

    from . import demonstration  # with its pictures and people, which no other command needs

    if (config.data / "town.db").exists():
        refuse_no_folder(config)
    demonstration.prepare(config)
    click.echo(f"\n  {build.welcome(config)}\n")
    server.serve(config)


@main.command()
def serve() -> None:
    """Serve the portal until Ctrl-C."""
    config = _to_serve()
    click.echo(f"Parvis listens at {config.base_url} (data: {config.data.absolute()})")
    server.serve(config)


@main.command()
def web() -> None:
    """Serve pages alone, without streams and jobs, behind a reverse proxy."""
    server.run(_to_serve(), "pages")


@main.command()
def live() -> None:
    """Keep the streams of open pages alone: what a reverse proxy gets for `/live`."""
    server.run(_to_serve(), "streams")


@main.command()
@click.option("--parent", type=int, hidden=True)
def worker(parent: int | None) -> None:
    """Run the jobs until Ctrl-C; `parvis serve` does it too."""
    config = _to_run(settings())
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if parent is not None:
        server.end_with(parent)
    work.run(application(config), stop)


@main.command()
def upgrade() -> None:
    """Bring the database to this version, the plugins' tables included."""
    config = settings()
    refuse_no_folder(config)
    with made(config, new=True) as app:  # every plugin
        refuse_no_town(app)
        try:
            changed = migrate.upgrade(db.engine, registry.current().modules)
        except migrate.Later:
            raise
        except (Exception, SystemExit) as error:
            raise Refusal(_undone(error)) from error
        if changed:
            index.note_everything()  # a later version may find more than the one before
    click.echo("Upgraded: " + ", ".join(changed) if changed else "The database is up to date.")


@main.command()
@click.option(
    "--files", "with_files", is_flag=True, help="Read every stored file too, and compare its checksum."
)
def check(with_files: bool) -> None:
    """Say whether settings, database, counters, files, mail and plugins are well."""
    with made(settings()) as app:
        refuse_no_town(app)
        if not _say(looks.everything(with_files)):
            raise SystemExit(1)


@main.command()
@click.argument("target", type=click.Path(path_type=Path), default=".")
def backup(target: Path) -> None:
    """Write the whole town into one archive, while it is in use: TARGET.zip, or a new file in TARGET."""
    with opened(settings()):
        with write():
            audit("town.backup", "town")
        for line in keep.describe(keep.backup(target)):
            click.echo(line)


@main.command()
@click.argument("archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--without", multiple=True, metavar="PREFIX", help="Leave out the tables of a plugin that is gone."
)
@click.option(
    "--erasures",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The erasures.jsonl of the lost town: who was erased since the backup is erased again.",
)
@click.option(
    "--allow-missing-files", is_flag=True, help="Restore also where files are not in it that rows name."
)
def restore(
    archive: Path, without: tuple[str, ...], erasures: Path | None, allow_missing_files: bool
) -> None:
    """Make the town of ARCHIVE in an empty PARVIS_DATA (and an empty PostgreSQL database), and check it."""
    config = settings()
    taken_at = bring_back.restore(archive, config, without, erasures, allow_missing_files)
    click.echo(f"The town of {taken_at:%Y-%m-%d %H:%M:%S} UTC is restored in {config.data.absolute()}.")
    if erasures is None:
        click.echo("Whoever was erased since then is back: restore with --erasures to erase them again.")
    with opened(config):
        _say(looks.everything(with_files=True))


def _undone(error: BaseException) -> str:
    """Which upgrade failed and where, and the way out: one owner's revisions are made all or none."""
    owner = migrate.behind(db.engine, registry.current().modules)[0]
    plugins = registry.current().installed.items()
    named = [name for name, plugin in plugins if plugin.table_prefix == owner]
    without = "".join(f"; without it: `parvis plugins disable {name}`" for name in named)
    where, why = traced(error)
    return f"the upgrade of {owner} failed{where} and is undone, its tables are as they were: {why}{without}"


def _to_serve() -> Config:
    """The settings of a town that may be served, at a port that is free."""
    config = settings()
    server.check_port(config)
    return _to_run(config)


def _to_run(config: Config) -> Config:
    """The same settings; Refused where the town is the demonstration's and they don't say so."""
    with opened(config):
        pretended = db.session.scalar(sa.select(sa.func.count()).select_from(Account).where(Account.demo))
    if pretended and not config.demo:
        raise Refusal(
            f"{config.data.absolute()} is the demonstration town, with demonstration accounts that all know: "
            f"`parvis demo` serves it; for a real one {ELSEWHERE}, then `parvis init`"
        )
    return config


def _say(found: list[Health]) -> bool:
    """Print each check; answers whether all is well."""
    for one in found:
        click.echo(f"{'ok  ' if one.ok else 'BAD '} {one.name}: {one.detail}")
    return all(one.ok for one in found)


@main.command()
def reindex() -> None:
    """Make the index of the search anew, from what the database holds."""
    with opened(settings()):
        index.note_everything()
        while index.waiting():
            index.run()
    click.echo("Everything can be found again.")


def _address(email: str) -> str:
    """The address as accounts keep it; what is none is refused."""
    try:
        return email if email == NOBODY else normal(email)
    except ValueError as error:
        raise Refusal(f"{email!r} is no e-mail address: {error}") from error


if __name__ == "__main__":
    main()
