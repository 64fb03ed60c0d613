"""A town restored from a backup: who was erased after it was taken is erased again before it is served."""

from __future__ import annotations

import json
import secrets
import shutil
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core import access, create_app, jobs, registry
from core.config import Config
from core.db import Base, db, write
from core.models import Audit, Erasure, User
from core.testing import PASSWORD, Browser, Town
from ops import backup, restore
from portal.privacy import erase
from tests.conftest import pg_address, pg_execute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WORD = "zibelinette"


def live(town: Town) -> None:
    """Ana writes; ben stays; olga answers."""
    space = town.space("Halle", "olga")
    page = f"/spaces/{space}"
    for name in ("ana", "ben"):
        town.browser(name).submit(f"{page}/posts", page, title=f"By {name}", body="my words", client_key="1")

    def called() -> None:
        with write() as session:
            session.execute(sa.update(User).where(User.handle == "ana").values(about=WORD, name=WORD))

    town.run(called)


def gone(town: Town, name: str) -> None:
    browser = town.browser(name)
    browser.submit("/me/delete", words="alias", current=PASSWORD)
    assert browser.submit("/me/delete/confirm").location == "/"
    jobs.run_due(town.app)


def taken(town: Town, folder: Path) -> Path:
    folder.mkdir()
    with town.app.app_context(), access.as_system("backup"):
        return backup.backup(folder).path


@pytest.fixture
def empty(request: pytest.FixtureRequest, database_url: str) -> Iterator[Callable[[], str]]:
    """Return `empty()`: the address of an empty database on the engine of the town, "" for SQLite's file."""
    made: list[str] = []

    def make() -> str:
        if database_url.startswith("sqlite"):
            return ""
        made.append(f"restored_{secrets.token_hex(4)}")
        server = request.getfixturevalue("pg_server")
        pg_execute(server, f"create database {made[-1]}")
        return pg_address(server, made[-1])

    yield make
    for name in made:
        pg_execute(request.getfixturevalue("pg_server"), f"drop database {name} with (force)")


def again(path: Path, folder: Path, erasures: Path | None, database: str) -> Town:
    config = Config(data=folder, url="http://localhost", database_url=database)
    restore.restore(path, config, erasures=erasures)
    town = Town(create_app(config, registry.discover()[1]))
    town.app.testing = True
    return town


def test_who_was_erased_since_the_backup_is_erased_again(
    town: Town, tmp_path: Path, empty: Callable[[], str]
) -> None:
    live(town)
    path = taken(town, tmp_path / "kept")
    gone(town, "ana")
    ledger = town.app.config["PARVIS"].data / erase.LEDGER
    assert ledger.stat().st_mode & 0o777 == 0o600
    [line] = map(json.loads, ledger.read_text().splitlines())
    assert line.keys() == {"user_id", "mark", "alias", "words", "at"}
    kept = tmp_path / "elsewhere.jsonl"
    shutil.copy(ledger, kept)

    forgotten = again(path, tmp_path / "forgotten", None, empty())
    assert forgotten.run(lambda: db.session.get(User, line["user_id"])).name == WORD, (
        "else this proves nothing"
    )
    ended(forgotten)
    restored = again(path, tmp_path / "new", kept, empty())
    person = restored.run(lambda: db.session.get(User, line["user_id"]))
    assert (person.name, person.about) == (line["alias"], "")
    assert restored.run(lambda: db.session.get(Erasure, line["user_id"])).done_at
    assert "town.restored" in restored.run(lambda: set(db.session.scalars(sa.select(Audit.act))))
    browser = Browser(restored.app.test_client())
    refused = browser.submit("/sign-in", email="ana@example.org", password=PASSWORD)
    assert refused.status_code == 422
    assert browser.submit("/sign-in", email="ben@example.org", password=PASSWORD).status_code == 302

    def named() -> list[str]:
        there = sa.inspect(db.engine).get_table_names()
        tables = [table for table in Base.metadata.sorted_tables if table.name in there]
        rows = [row for table in tables for row in db.session.execute(sa.select(table))]
        return [str(row) for row in rows if WORD in str(row)]

    assert restored.run(named) == []
    for path in (tmp_path / "new").rglob("*"):
        assert path.is_dir() or WORD.encode() not in path.read_bytes(), path
    assert (tmp_path / "new" / erase.LEDGER).read_text() == kept.read_text(), "for the next restore"
    ended(restored)


@pytest.mark.parametrize("lost", [True, False])
def test_who_asked_is_written_down_at_once_and_the_worker_sees_to_it(town: Town, lost: bool) -> None:
    ana = town.person("ana")
    with town.app.app_context():
        erase.begin(ana, words=True)
    ledger = town.app.config["PARVIS"].data / erase.LEDGER
    [line] = map(json.loads, ledger.read_text().splitlines())
    assert (line["user_id"], line["words"]) == (ana, True)
    assert town.run(lambda: db.session.get(Erasure, ana)).done_at is None
    if lost:
        ledger.unlink()
    jobs.run_due(town.app)
    assert list(map(json.loads, ledger.read_text().splitlines())) == [line]


def test_a_number_that_somebody_else_has_now_is_not_erased(
    town: Town, tmp_path: Path, empty: Callable[[], str]
) -> None:
    live(town)
    path = taken(town, tmp_path / "kept")
    ana = town.person("ana")
    kept = tmp_path / "erasures.jsonl"
    other = {"user_id": ana, "mark": "0" * 64, "alias": "Former resident 1", "words": True, "at": ""}
    unknown = {**other, "user_id": 999}
    kept.write_text("".join(json.dumps(line) + "\n" for line in (other, unknown)))
    restored = again(path, tmp_path / "new", kept, empty())
    assert restored.run(lambda: db.session.get(User, ana)).name == WORD
    ended(restored)


@pytest.mark.parametrize("text", ["not JSON", "[]", "{}", '{"user_id": "x", "mark": "1", "alias": "1"}'])
def test_a_file_that_tells_of_no_erasures_is_refused_before_anything_is_made(
    town: Town, tmp_path: Path, text: str
) -> None:
    path = taken(town, tmp_path / "kept")
    kept = tmp_path / "erasures.jsonl"
    kept.write_text(text)
    with pytest.raises(restore.RestoreError, match="no file of erasures"):
        restore.restore(path, Config(data=tmp_path / "new"), erasures=kept)
    assert not (tmp_path / "new").exists()


def ended(town: Town) -> None:
    with town.app.app_context():
        db.engine.dispose()
