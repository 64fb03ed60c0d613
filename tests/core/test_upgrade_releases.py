"""A town of any release so far can be upgraded to this one, on both engines.

`tools/release-dump` keeps the dumps that `test_a_dump_is_taken_and_restored` takes at each run.
"""

from __future__ import annotations

import gzip
import os
import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa

from core import create_app, migrate, registry
from core.access import as_system
from core.config import Config
from core.db import Base, db
from core.testing import Browser
from demo import build

if TYPE_CHECKING:
    from flask import Flask

pytestmark = [pytest.mark.slow, pytest.mark.engines]

RELEASES = Path(__file__).parents[1] / "data/releases"
LARGEST = 200 * 1024
COUNTED = ("core_user", "core_account", "core_space", "core_membership", "core_entry", "core_support")


OF_FTS = re.compile(
    r"(?:CREATE (?:VIRTUAL )?TABLE|INSERT INTO|DELETE FROM) [\"']?(?:\w+_fts(?:_\w+)?\b|sqlite_master)"
    r"|PRAGMA writable"
)


def engine_of(url: str) -> str:
    """`sqlite` or `postgresql`."""
    return url.partition(":")[0].partition("+")[0]


def dump(url: str) -> str:
    """The whole database as SQL: tables, indexes and rows."""
    if engine_of(url) == "sqlite":
        connection = sqlite3.connect(sa.make_url(url).database or "")
        statements = [one for one in connection.iterdump() if not OF_FTS.match(one)]
        virtual = connection.execute(
            "SELECT sql, name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'"
        ).fetchall()
        connection.close()
        for made, name in virtual:  # with the tables behind it, of which each Python dumps something else
            statements += [f"{made};", f"INSERT INTO {name} ({name}) VALUES ('rebuild');"]
        return "\n".join(statements)
    lines: list[str] = []
    mock = sa.create_mock_engine("postgresql+psycopg://", lambda ddl, *_, **__: lines.append(ddl))
    installed = ("core_", *(plugin.plugin.table_prefix + "_" for plugin in registry.discover()[1].values()))
    tables = [table for table in Base.metadata.sorted_tables if table.name.startswith(installed)]
    Base.metadata.create_all(mock, tables, checkfirst=False)  # type: ignore[arg-type]
    statements = [str(ddl.compile(dialect=mock.dialect)).strip() + ";" for ddl in lines]  # type: ignore[attr-defined]
    versions = [f"{owner}_version" for owner in migrate.owners(registry.discover()[1])]
    statements += [
        f"CREATE TABLE {name} (version_num VARCHAR(32) NOT NULL PRIMARY KEY);" for name in versions
    ]
    with psycopg.connect(url.replace("+psycopg", "")) as server:
        for name in (*(table.name for table in tables), *versions):
            statements += rows(server, name)
        statements += [
            f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}));"
            for name, table in ((table.name, table) for table in tables)
            if table.autoincrement_column is not None and table.autoincrement_column.name == "id"
        ]
    return "\n".join(statements)


def rows(server: psycopg.Connection, table: str) -> list[str]:
    """The rows of a PostgreSQL table as INSERTs, parents before their children."""
    described = server.execute(f'SELECT * FROM "{table}" LIMIT 0').description or []
    names = [f'"{column.name}"' for column in described]
    literals = " || ', ' || ".join(f"quote_nullable({name}::text)" for name in names)
    found = server.execute(f'SELECT {literals} FROM "{table}" ORDER BY 1').fetchall()
    if '"id"' in names:
        found = server.execute(f'SELECT {literals} FROM "{table}" ORDER BY id').fetchall()
    columns = ", ".join(names)
    return [f'INSERT INTO "{table}" ({columns}) VALUES ({values});' for (values,) in found]


def restore(url: str, text: str) -> None:
    """Make the database of a dump, in place of what is there."""
    if engine_of(url) == "sqlite":
        path = Path(sa.make_url(url).database or "")
        for file in path.parent.glob(f"{path.name}*"):  # what it had not written back yet, too
            file.unlink()
        connection = sqlite3.connect(path)
        connection.executescript(text)
        connection.close()
        return
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as server:
        server.execute("DROP SCHEMA public CASCADE")
        server.execute("CREATE SCHEMA public")
        server.execute(text.encode())


def counts(url: str) -> dict[str, int]:
    """How many rows the tables have that tell most."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = {
            name: connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one() for name in COUNTED
        }
    engine.dispose()
    return found


def upgraded(url: str, folder: Path) -> Flask:
    """The portal over an upgraded database."""
    given = "" if engine_of(url) == "sqlite" else url
    app = create_app(Config(data=folder, url="http://localhost", database_url=given, demo=True))
    with app.app_context(), as_system("upgrade"):
        migrate.upgrade(db.engine, registry.current().modules)
        migrate.check(db.engine, registry.current().modules)
    return app


def lives(app: Flask) -> None:
    """Assert that people can read, sign in and write in the town."""
    browser = Browser(app.test_client())
    for path in ("/", "/spaces", "/feed.atom", "/visits/", "/posts/1"):
        assert browser.get(path).status_code == 200, path
    entered = browser.submit("/sign-in", email="resident@parvis.example", password=build.PASSWORD)
    assert entered.status_code in (302, 303), entered.text
    assert browser.get("/me").status_code == 200
    with app.app_context():
        db.engine.dispose()


def test_a_dump_is_taken_and_restored(app: Flask, database_url: str, tmp_path: Path) -> None:
    with app.app_context():
        build.Builder().build()
    with app.app_context():  # another, as each gives its connections back at its end
        db.engine.dispose()
    before = counts(database_url)
    text = dump(database_url)
    packed = gzip.compress(text.encode(), mtime=0)
    assert len(packed) < LARGEST
    folder = Path(os.environ.get("RELEASE_DUMP") or tmp_path / "dump")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{engine_of(database_url)}.sql.gz").write_bytes(packed)
    restore(database_url, text)
    assert counts(database_url) == before
    assert min(before.values()) > 0
    lives(upgraded(database_url, tmp_path))


def test_a_town_of_every_release_is_upgraded(database_url: str, tmp_path: Path) -> None:
    found = sorted(RELEASES.glob(f"*/{engine_of(database_url)}.sql.gz"))
    assert found, f"no dump of any release in {RELEASES}: run tools/release-dump"
    for path in found:
        restore(database_url, gzip.decompress(path.read_bytes()).decode())
        before = counts(database_url)
        app = upgraded(database_url, tmp_path)
        assert counts(database_url) == before
        lives(app)


def test_a_release_has_a_dump_of_each_engine() -> None:
    changes = (RELEASES.parents[2] / "CHANGELOG.md").read_text()
    assert {path.name for path in RELEASES.iterdir()} == set(
        re.findall(r"^## ([\d.]+)", changes, re.MULTILINE)
    )
    for release in RELEASES.iterdir():
        assert {path.name for path in release.iterdir()} == {"sqlite.sql.gz", "postgresql.sql.gz"}
        assert all(path.stat().st_size < LARGEST for path in release.iterdir())
