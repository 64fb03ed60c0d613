"""`parvis backup`: a whole town in one file, taken while it is in use.

The rows are those of one moment (one read transaction). The bytes of files never change once written, so
they are copied afterwards; until then hard links keep those that the portal deletes meanwhile.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.engine import Connection, Engine

from core import __version__
from core.config import Config
from core.db import db, now
from core.files import unfinished
from portal import backing_up

from . import archive, rows


class BackupError(Exception):
    """Why there is no backup."""


@dataclass(frozen=True)
class Taken:
    """A finished backup; `missing` are files that rows name and that were not there."""

    path: Path
    size: int
    rows: int
    files: int
    missing: tuple[str, ...]


def backup(target: Path) -> Taken:
    """Write the town into a new archive: `target` if it ends in .zip, else in that folder, which is made."""
    config: Config = current_app.config["PARVIS"]
    taken_at = now()
    path = target if target.suffix == ".zip" else target / f"parvis-{taken_at:%Y%m%dT%H%M%SZ}.zip"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        raise BackupError(f"{path} is there already")
    with (
        _alone(config, path),
        _pinned(config) as pinned,
        unfinished(path, backing_up.UNFINISHED) as file,
        archive.Writer(file) as into,
    ):
        with into.member("secret-key") as append:
            append(config.secret_key().encode())
        facts, keys = _write_rows(into)
        folders = pinned, config.data / "files"
        missing = tuple(key for key in sorted(keys) if not _write_file(into, key, folders))
        into.finish(parvis=__version__, taken_at=taken_at.isoformat(), missing=missing, **facts)
    files = sum(name.startswith("files/") for name in into.members)
    taken = Taken(path, path.stat().st_size, facts["count"], files, missing)
    _note(config, at=taken_at.isoformat(), size=taken.size, missing=len(missing))
    return taken


def _note(config: Config, **facts: Any) -> None:
    """Tell the page of operations."""
    temporary = config.data / "last-backup.new"
    temporary.write_text(json.dumps(facts))
    temporary.replace(config.data / "last-backup")


def _write_rows(into: archive.Writer) -> tuple[dict[str, Any], set[str]]:
    """All rows as they are at one moment; answers the manifest's facts, and the files that they name."""
    keys: set[str] = set()
    with _snapshot(db.engine) as connection:
        heads = rows.heads(connection)
        found = rows.tables(connection, heads)
        count = 0
        for name, table in found.items():
            with into.member(f"rows/{name}.jsonl") as append:
                for line in rows.dump(connection, table):
                    append(line)
                    count += 1
        if "core_file" in found:
            keys = set(connection.scalars(sa.select(found["core_file"].c.sha256)))
        facts = {
            "engine": connection.dialect.name,
            "heads": heads,
            "tables": {
                name: [column.name for column in rows.columns(table)] for name, table in found.items()
            },
            "sequences": rows.sequences(connection, found),
            "count": count,
        }
    return facts, keys


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one moment, whatever is written meanwhile."""
    options: dict[str, Any] = {"guarded": True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as connection:
        yield connection


def _write_file(into: archive.Writer, key: str, folders: tuple[Path, Path]) -> bool:
    """Copy the bytes of a file, and of its small version if there is one; says whether they were there."""
    found = False
    for name in (key, *(f"{key}-{width}" for width in _widths(key, folders))):
        for folder in folders:
            with suppress(FileNotFoundError), (folder / key[:2] / name).open("rb") as source:
                if name == key and hashlib.file_digest(source, "sha256").hexdigest() != key:
                    continue  # damaged: no restore would take it
                source.seek(0)
                if archive.NAMES.fullmatch(member := f"files/{key[:2]}/{name}"):
                    _copy(source, into, member)
                    found = found or name == key
                    break
    return found


def _widths(key: str, folders: tuple[Path, Path]) -> list[str]:
    """The widths of the smaller versions of a picture."""
    found = (
        {path.name for folder in folders for path in (folder / key[:2]).glob(f"{key}-*")} if key else set()
    )
    return sorted(width for name in found if (width := name.rpartition("-")[2]).isdigit())


def _copy(source: IO[bytes], into: archive.Writer, name: str) -> None:
    with into.member(name, packed=False) as append:
        while data := source.read(archive.CHUNK):
            append(data)


@contextmanager
def _alone(config: Config, path: Path) -> Iterator[None]:
    """One backup of a town at a time."""
    with ExitStack() as held:
        try:
            held.enter_context(backing_up.alone(config.data, path))
        except BlockingIOError as error:
            raise BackupError("another backup is running") from error
        yield


@contextmanager
def _pinned(config: Config) -> Iterator[Path]:
    """A folder of hard links to all files, so that none is gone before it is copied."""
    folder = config.data / backing_up.LINKS
    try:
        for shelf in sorted((config.data / "files").glob("??")):
            (folder / shelf.name).mkdir(parents=True)
            for path in shelf.iterdir():
                with suppress(OSError):  # deleted just now, or links are not known here: read it where it is
                    os.link(path, folder / shelf.name / path.name)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def describe(taken: Taken) -> Iterator[str]:
    """What a finished backup says of itself, line by line."""
    yield f"{taken.path}: {taken.rows} rows, {taken.files} files, {taken.size / 1024**2:.1f} MiB"
    yield "It holds the town's secret key and everybody's personal data: keep it where only you can read it."
    if taken.missing:
        yield f"{len(taken.missing)} files are not in it: they were not there (`parvis check --files`)"
        yield "Without them it is restored by `parvis restore --allow-missing-files` alone."
