"""`parvis restore`: the town of an archive, in an empty folder and an empty database.

Everything is read and checked before anything is made; what was made is taken away again if it fails.
"""

import datetime as dt
import json
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, Engine

from core import access, create_app, migrate, registry, settings
from core.audit import audit
from core.config import KEY, Config
from core.db import db, now, write
from core.models import PendingClaim, SignIn
from core.search import index

from . import archive, rows
from .town import close_all

STAGING = "restoring"
ERASE = "core.replay_erasures"


class RestoreError(Exception):
    """Why nothing was restored."""


def after_restore(taken_at: dt.datetime) -> None:
    """What must follow a restore, in a database that knows nothing of what happened since `taken_at`.

    Somebody may have been signed out since, and links may have been used: all of them end.
    """
    with write() as session:
        session.execute(sa.delete(SignIn))
        session.execute(sa.delete(PendingClaim))
        settings.save(settings.RESTORED, {"taken_at": taken_at.isoformat(), "at": now().isoformat()})
        index.note_everything()
        audit("town.restored", "town", taken_at=taken_at.isoformat())


def restore(
    path: Path,
    config: Config,
    without: Collection[str] = (),
    erasures: Path | None = None,
    allow_missing_files: bool = False,
) -> dt.datetime:
    """Make the town of an archive; owners of tables in `without` are left out. Answers when it was taken.

    Whoever is named in the file `erasures` is erased again before the town is there to be served.
    """
    lines = [] if erasures is None else _erasures(erasures)
    if config.data.exists() and any(config.data.iterdir()):
        raise RestoreError(f"{config.data.absolute()} is not empty")
    if config.database_url:
        _refuse_full_database(config)
    config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    staging = config.data / STAGING
    with _trouble(), archive.Reader(path, room=shutil.disk_usage(config.data).free) as source:
        heads = {owner: head for owner, head in source.manifest["heads"].items() if owner not in without}
        _refuse_unknown(heads, registry.discover()[1])
        source.verify()
        _refuse_no_key(source)
        _refuse_missing_files(source, allow_missing_files)
        try:
            staging.mkdir(mode=0o700)
            for name in source.members:
                if not name.startswith("rows/"):
                    _unpack(source, name, staging / name)
            _build(source, heads, Config(data=staging, database_url=config.database_url), lines)
            os.sync()
            for made in sorted(
                staging.iterdir(), key=lambda one: one.name == "town.db"
            ):  # the town comes last
                made.rename(config.data / made.name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return source.taken_at


@contextmanager
def _trouble() -> Iterator[None]:
    """Whatever is wrong with an archive is a RestoreError."""
    try:
        yield
    except (archive.ArchiveError, rows.RowError) as error:
        raise RestoreError(f"this archive can't be restored: {error}") from error
    except sa.exc.OperationalError:
        raise
    except sa.exc.StatementError as error:
        raise RestoreError(
            f"this archive can't be restored: its rows don't fit ({type(error).__name__})"
        ) from error


def _erasures(path: Path) -> list[dict[str, Any]]:
    """The lines of a town's file of erasures, each of the person that it says."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [{**line, "user_id": int(line["user_id"])} for line in lines if line["mark"] and line["alias"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RestoreError(f"{path} is no file of erasures ({type(error).__name__})") from error


def _refuse_full_database(config: Config) -> None:
    engine = sa.create_engine(config.database)
    try:
        if sa.inspect(engine).get_table_names():
            raise RestoreError("the database of PARVIS_DATABASE_URL is not empty")
    finally:
        engine.dispose()


def _refuse_unknown(heads: dict[str, str], modules: dict[str, ModuleType]) -> None:
    """Raise RestoreError unless this installation can make the tables of all these owners."""
    folders = migrate.owners(modules)
    if "core" not in heads:
        raise RestoreError("this archive holds no tables of the core")
    for owner, head in heads.items():
        if owner not in folders:
            leave = f"install it, or leave its tables out with --without {owner}"
            raise RestoreError(f"this archive holds tables of {owner}, which is not installed: {leave}")
        scripts = ScriptDirectory(str(migrate.SCRIPTS), version_locations=[str(folders[owner])])
        if head not in {script.revision for script in scripts.walk_revisions()}:
            raise RestoreError(f"the tables of {owner} in this archive are of a newer version")


def _refuse_no_key(source: archive.Reader) -> None:
    """Raise ArchiveError unless the key that signs cookies and links is one."""
    size, _digest = source.members.get("secret-key", (0, ""))
    if size > archive.CHUNK or not KEY.fullmatch(b"".join(source.read("secret-key")) if size else b""):
        raise archive.ArchiveError("its secret-key is not 64 hex digits")


def _refuse_missing_files(source: archive.Reader, allowed: bool) -> None:
    """Raise RestoreError unless all files are there that rows name, or may be missing, each under a name."""
    table, names = "core_file", source.manifest["tables"].get("core_file", [])
    if "sha256" not in names:
        return
    keys = set(map(str, rows.column(table, names, "sha256", source.read(f"rows/{table}.jsonl"))))
    strange = [key for key in keys if not KEY.fullmatch(key.encode(errors="replace"))]
    if strange:
        raise archive.ArchiveError(f"{strange[0]!r} is no name of a file: 64 hex digits are")
    missing = sorted(key for key in keys if f"files/{key[:2]}/{key}" not in source.members)
    if missing and not allowed:
        absent = f"{len(missing)} of {len(keys)} files are not in this archive, one is {missing[0]}"
        raise RestoreError(f"{absent}: restore without them by --allow-missing-files")


def _unpack(source: archive.Reader, name: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for data in source.read(name):
            file.write(data)


def _build(
    source: archive.Reader, heads: dict[str, str], config: Config, erased: list[dict[str, Any]]
) -> None:
    """Make the tables as they were, fill them, bring them to this version, and repeat erasures."""
    with create_app(config).app_context(), access.as_system("restore"):
        engine, modules = db.engine, registry.current().modules
        try:
            migrate.upgrade(engine, modules, heads)
            with migrate.connected(engine) as connection:
                _fill(connection, source, heads)
            migrate.upgrade(engine, modules)
            after_restore(source.taken_at)
            if erased:
                registry.current().declared("jobs", ERASE)[1].run(lines=erased)
        except BaseException:
            db.session.remove()
            _clear(engine)
            raise
        finally:
            close_all()


def _fill(connection: Connection, source: archive.Reader, heads: dict[str, str]) -> None:
    """Insert all rows in one transaction, at whose end every reference holds."""
    found = rows.tables(connection, heads)
    prefixes = tuple(f"{owner}_" for owner in heads)
    wanted = {name: names for name, names in source.manifest["tables"].items() if name.startswith(prefixes)}
    unknown = wanted.keys() - found.keys()
    if unknown:
        raise rows.RowError(f"the version it is from has no table {min(unknown)}")
    rows.defer(connection, found, True)
    for name, names in wanted.items():
        rows.load(connection, found[name], names, source.read(f"rows/{name}.jsonl"))
    rows.advance(connection, found, source.manifest["sequences"])
    rows.defer(connection, found, False)
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise rows.RowError(f"rows of {broken[0]} refer to rows that are not there")
    connection.commit()


def _clear(engine: Engine) -> None:
    """Take away what an attempt left in a database that was empty before."""
    metadata = sa.MetaData()
    with suppress(sa.exc.SQLAlchemyError), migrate.connected(engine) as connection:
        metadata.reflect(connection)
        metadata.drop_all(connection)
        connection.commit()
