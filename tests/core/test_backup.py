"""A backup taken while people write is the town of one moment; only an archive that is whole is restored."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import re
import secrets
import shutil
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy.engine import Connection
from werkzeug.datastructures import FileStorage

from core import access, create_app, files, registry
from core.config import Config
from core.db import db, now, write
from core.feed import actions as feed
from core.models import Area, Entry, File, JobRow, Mail, Space
from core.testing import Browser, Town
from ops import archive, backup, check, restore, rows, worker
from portal import backing_up
from portal import files as portal_files
from portal.admin import operations
from portal.notices.letters import stop_token
from portal.privacy import erase

from ..conftest import pg_address, pg_execute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask

pytestmark = pytest.mark.engines

ENGINES = ("sqlite", "postgresql")
NOT_THE_SAME = {"core_setting", "core_stamp", "core_search_stale"}  # a restore notes itself there
ENDED = {"core_sign_in", "core_claim"}


@pytest.fixture
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Config]]:
    """Return `empty(engine)`: settings of an empty folder and an empty database of that engine."""
    names: list[str] = []

    def make(engine: str) -> Config:
        folder = tmp_path / f"restored-{secrets.token_hex(2)}"
        if engine == "sqlite":
            return Config(data=folder, url="http://localhost")
        server = request.getfixturevalue("pg_server")
        names.append(f"empty_{secrets.token_hex(4)}")
        pg_execute(server, f"create database {names[-1]}")
        return Config(data=folder, url="http://localhost", database_url=pg_address(server, names[-1]))

    yield make
    for name in names:
        pg_execute(request.getfixturevalue("pg_server"), f"drop database {name} with (force)")


def picture(colour: str = "teal", size: tuple[int, int] = (900, 40)) -> FileStorage:
    """A picture that is wide enough to have a small version too."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return FileStorage(io.BytesIO(buffer.getvalue()), "square.png")


def live(town: Town) -> int:
    """Let people write, reply, support and hang up pictures; answers the space."""
    space = town.space("Place de l’Église ☀", "ana")

    def talk() -> None:
        first = feed.publish(db.session.get(Space, space), "Œuf\n\n\\N, 'quoted' \"so\" 🦊")
        feed.publish(db.session.get(Space, space), "Yes", kind="core.reply", parent=first)
        feed.support(first, True)
        shown = files.prepare(picture())
        with write():
            files.attach(first, shown, "A square")

    town.run(talk, "ana")

    def keep() -> None:
        with write() as session:
            session.add(Area(name="Centre", level="commune", boundary={"type": "Point", "at": [1.5, None]}))
            session.add(Mail(kind="core.reset", recipient="a@example.org", subject="s", text="the secret"))
            session.add(JobRow(name="core.sweep", payload={"nested": [1, {"é": None}]}))

    town.run(keep)
    return space


def take(app: Flask, folder: Path) -> Path:
    """A backup of the town in this folder."""
    with app.app_context(), access.as_system("backup"):
        return backup.backup(folder).path


def content(app: Flask) -> dict[str, list[bytes]]:
    """Every row of every table, as text that is the same for either engine."""
    with app.app_context(), db.engine.connect().execution_options(guarded=True) as connection:
        found = rows.tables(connection, rows.heads(connection))
        return {name: list(rows.dump(connection, table)) for name, table in found.items()}


def assert_the_same(before: dict[str, list[bytes]], after: dict[str, list[bytes]]) -> None:
    """A restored town holds what it held before, but for what a restore notes and ends."""
    assert b"town.restored" in after["core_audit"].pop()
    assert before.keys() == after.keys()
    assert {name: after[name] for name in before if name not in NOT_THE_SAME | ENDED} == {
        name: lines for name, lines in before.items() if name not in NOT_THE_SAME | ENDED
    }


def opened(config: Config) -> Town:
    """The restored town."""
    return Town(create_app(config, registry.discover()[1]))


def ended(town: Town) -> None:
    """Let go of its database."""
    with town.app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_restored_town_is_the_town_on_either_engine(
    town: Town, engine: str, empty: Callable[[str], Config], tmp_path: Path
) -> None:
    space = live(town)
    path = take(town.app, tmp_path / "kept")
    assert path.stat().st_mode & 0o777 == 0o600
    config = empty(engine)
    taken_at = restore.restore(path, config)
    assert dt.timedelta() < now() - taken_at < dt.timedelta(minutes=5)
    again = opened(config)
    assert_the_same(content(town.app), content(again.app))
    well = {one.name: one.ok for one in again.run(lambda: check.everything(with_files=True))}
    assert {name for name, ok in well.items() if not ok} == {"worker"}
    browser = Browser(again.app.test_client())
    assert browser.submit("/sign-in", email="ana@example.org", password="correct-horse-battery").location
    page = browser.get(f"/spaces/{space}")
    assert "Œuf" in page.text
    assert "/files/1/square.webp?w=640" in page.text
    for address in ("/files/1/square.webp", "/files/1/square.webp?w=640"):
        assert browser.get(address).data == town.browser("ana").get(address).data
    assert browser.submit(f"/spaces/{space}/posts", f"/spaces/{space}", body="Hello again").status_code == 302
    assert sorted(path.name for path in config.data.iterdir() if not path.name.startswith("town.db")) == [
        "files",
        "secret-key",
        "templates",
    ]
    ended(again)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_restore_ends_sessions_and_links_and_old_mail_still_unsubscribes(
    town: Town, engine: str, empty: Callable[[str], Config], tmp_path: Path
) -> None:
    """They may have been ended since the backup, which nothing in it says."""
    ana = town.browser("ana")
    assert town.browser().submit("/reset", email="ana@example.org").status_code == 200

    def mailed() -> str:
        letter = str(db.session.scalars(sa.select(Mail.text)).one())
        return re.findall(r"http://localhost(/confirm/\S+)", letter)[0]

    link = town.run(mailed)
    space = town.space("Square", "ana")
    stop = town.run(lambda: "/unsubscribe/" + stop_token(town.people["ana"], [], [space]))
    cookie = ana.client.get_cookie("parvis", "localhost")
    config = empty(engine)
    restore.restore(take(town.app, tmp_path / "kept"), config)
    again = opened(config)
    client = again.app.test_client()
    client.set_cookie("parvis", cookie.value if cookie else "", domain="localhost")
    assert ana.get("/me").status_code == 200
    assert client.get("/me").status_code == 302
    assert 'type="password"' in town.browser().get(link).text
    assert 'type="password"' not in again.browser().get(link).text
    assert again.browser().client.post(stop).status_code == 200
    ended(again)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_number_that_was_given_away_is_not_given_again(
    town: Town, engine: str, empty: Callable[[str], Config], tmp_path: Path
) -> None:
    space = live(town)

    def publish() -> int:
        return feed.publish(db.session.get(Space, space), "gone").id

    def forget(ident: int) -> None:
        with write() as session:
            session.execute(sa.delete(Entry).where(Entry.id == ident))

    gone = town.run(publish, "ana")
    town.run(lambda: forget(gone))
    config = empty(engine)
    restore.restore(take(town.app, tmp_path / "kept"), config)
    again = opened(config)
    again.people.update(town.people)
    assert again.run(publish, "ana") == gone + 1
    ended(again)


def test_a_backup_under_load_is_the_town_of_one_moment(
    town: Town, empty: Callable[[str], Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each turn writes a post with a support and a picture, and takes the picture before away at once."""
    monkeypatch.setattr(portal_files, "ORPHAN_SECONDS", -1)
    space, done, stop, begun = town.space("Square", "ana"), [0], threading.Event(), threading.Event()
    states = [content(town.app)]

    def note(_session: object) -> None:
        """Keep all that the town holds after each commit of the one who writes."""
        states.append(content(town.app))

    sa.event.listen(db.session, "after_commit", note)

    def turn(number: int) -> None:
        shown = files.prepare(picture(f"#{number:06x}"))
        with write() as session:
            post = feed.publish(db.session.get(Space, space), f"turn {number}")
            session.flush()
            files.set_picture(town.people["ana"], shown)
            feed.support(post, True)
        portal_files.sweep()

    def work() -> None:
        while not stop.is_set():
            town.run(lambda: turn(done[0] + 1), "ana")
            done[0] += 1
            begun.set()

    writer = threading.Thread(target=work)
    copy, dump = backup._write_file, rows.dump

    def wait() -> None:
        """Let somebody write meanwhile."""
        reached = done[0]
        while done[0] < reached + 2:
            threading.Event().wait(0.01)

    def copied(*arguments: Any) -> bool:
        wait()
        return copy(*arguments)

    def dumped(connection: Connection, table: sa.Table) -> Iterator[bytes]:
        if threading.current_thread() is not writer and table.name in ("core_file", "core_space"):
            wait()
        return dump(connection, table)

    writer.start()
    begun.wait()
    before, first = done[0], len(states) - 1
    with monkeypatch.context() as patch:
        patch.setattr(backup, "_write_file", copied)
        patch.setattr(rows, "dump", dumped)
        path = take(town.app, tmp_path / "kept")
    after, last = done[0], len(states)  # at most one more was committed and not noted yet
    stop.set()
    writer.join()
    sa.event.remove(db.session, "after_commit", note)
    with zipfile.ZipFile(path) as source:
        names = [name for name in source.namelist() if name.startswith("rows/")]
        kept = {name[5:-6]: source.read(name).splitlines(keepends=True) for name in names}
    assert kept in states[first : last + 1]
    config = empty("sqlite")
    restore.restore(path, config)
    again = opened(config)
    assert_the_same(kept, content(again.app))

    def look() -> tuple[list[str], int, int]:
        bodies = db.session.scalars(sa.select(Entry.body).order_by(Entry.id)).all()
        voices = db.session.scalars(sa.select(Entry.support_count)).all()
        return list(bodies), db.session.get(Space, space).entry_count, sum(voices)

    bodies, counter, voices = again.run(look)
    assert bodies == [f"turn {number}" for number in range(1, len(bodies) + 1)]
    assert counter == voices == len(bodies)
    assert before <= len(bodies) <= after + 1
    found = {one.name: one for one in again.run(lambda: check.everything(with_files=True))}
    assert found["stored files"].ok, found["stored files"].detail
    assert found["stored files"].detail == "1 are whole"
    assert found["counters"].ok
    assert not (town.app.config["PARVIS"].data / "backup-links").exists()
    ended(again)


def test_what_was_erased_is_in_no_backup(town: Town, tmp_path: Path) -> None:
    live(town)

    def erase() -> None:
        with write() as session:
            session.execute(sa.update(Mail).values(text=None, status="sent"))

    with zipfile.ZipFile(take(town.app, tmp_path / "kept")) as before:
        assert b"the secret" in before.read("rows/core_mail.jsonl")
    town.run(erase)
    for path in (tmp_path / "kept").iterdir():
        path.unlink()
    with zipfile.ZipFile(take(town.app, tmp_path / "kept")) as after:
        assert not any(b"the secret" in after.read(name) for name in after.namelist())


def test_nothing_is_overwritten_and_one_backup_runs_at_a_time(town: Town, tmp_path: Path) -> None:
    target = tmp_path / "mine.zip"
    target.write_text("precious")
    with town.app.app_context(), access.as_system("test"):
        with pytest.raises(backup.BackupError, match="there already"):
            backup.backup(target)
        with (
            backing_up.alone(town.app.config["PARVIS"].data),
            pytest.raises(backup.BackupError, match="running"),
        ):
            backup.backup(tmp_path / "other.zip")
    assert target.read_text() == "precious"
    assert not (tmp_path / "other.zip").exists()


KILLED = """
import os, sys
from pathlib import Path
from core import access, create_app
from core.config import Config
from ops import backup
data, url, target = sys.argv[1:]
backup._write_file = lambda *_: os.kill(os.getpid(), 9)
with create_app(Config(data=Path(data), database_url=url, url="http://localhost")).app_context():
    with access.as_system("backup"):
        backup.backup(Path(target))
"""


@pytest.fixture
def killed(town: Town, tmp_path: Path) -> tuple[Path, Path]:
    """The folder of links and the unfinished archive of a backup that was killed."""
    live(town)
    config, target = town.app.config["PARVIS"], tmp_path / "kept.zip"
    argv = [sys.executable, "-c", KILLED, str(config.data), config.database_url, str(target)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    links, begun = config.data / "backup-links", target.with_name("kept.zip.unfinished")
    assert len(list(links.rglob("*"))) == 3
    assert begun.exists()
    return links, begun


def start_worker(town: Town) -> None:
    stop = threading.Event()
    stop.set()
    worker.run(town.app, stop)


def erase_ana(town: Town) -> None:
    erase.begin(town.people["ana"], words=True)
    erase.run()


@pytest.mark.parametrize(
    "come",
    [
        lambda town: town.run(portal_files.sweep),
        start_worker,
        lambda town: town.run(lambda: erase_ana(town)),
        lambda town: take(town.app, town.app.config["PARVIS"].data / "kept"),
    ],
    ids=["sweep", "worker", "erasure", "backup"],
)
def test_what_a_killed_backup_left_is_cleared(
    town: Town, killed: tuple[Path, Path], come: Callable[[Town], object]
) -> None:
    come(town)
    assert [path for path in killed if path.exists()] == []


@pytest.mark.parametrize("come", ["sweep", "worker", "erasure"])
def test_a_lock_of_another_user_of_the_system_ends_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, come: str
) -> None:
    """As a backup that root took leaves one: the erasure goes on to what comes after its commit."""
    live(town)
    town.person("olga", "administrator")
    (town.app.config["PARVIS"].data / "backup.lock").touch()
    opens, overwritten = Path.open, list[int]()

    def refuse(path: Path, *how: Any, **more: Any) -> Any:
        if path.name == "backup.lock":
            raise PermissionError(13, "Permission denied")
        return opens(path, *how, **more)

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(erase, "overwrite", lambda: overwritten.append(1))
    if come == "worker":
        start_worker(town)
    else:
        town.run(portal_files.sweep if come == "sweep" else lambda: erase_ana(town))
    assert len(overwritten) == (come == "erasure")
    assert "what a backup left can't be cleared" in caplog.text


def test_what_a_running_backup_needs_stays(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody is erased while it copies: it is the town of its moment."""
    live(town)
    town.person("olga", "administrator")
    copy = backup._write_file

    def first_erase(*arguments: Any) -> bool:
        with ThreadPoolExecutor(1) as other:
            other.submit(town.run, lambda: erase_ana(town)).result()
        assert not list((town.app.config["PARVIS"].data / "files").glob("??/*"))
        return copy(*arguments)

    monkeypatch.setattr(backup, "_write_file", first_erase)
    (tmp_path / "kept").mkdir()
    with town.app.app_context(), access.as_system("test"):
        assert backup.backup(tmp_path / "kept").missing == ()
    assert not (town.app.config["PARVIS"].data / "backup-links").exists()
    assert (town.app.config["PARVIS"].data / "backup.lock").read_text() == ""


def test_a_backup_that_fails_leaves_nothing(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(town)
    folder = tmp_path / "kept"
    folder.mkdir()

    def full(*_: Any) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_write_file", full)
    with pytest.raises(OSError, match="No space left"):
        take(town.app, folder)
    assert list(folder.iterdir()) == []
    assert operations.last_backup(town.app.config["PARVIS"]) is None


def test_files_that_are_missing_are_told_and_the_rest_is_kept(
    town: Town, empty: Callable[[str], Config], tmp_path: Path
) -> None:
    live(town)
    key = town.run(lambda: db.session.scalars(sa.select(File.sha256)).one())
    data = town.app.config["PARVIS"].data
    (data / "files" / key[:2] / key).unlink()
    (tmp_path / "kept").mkdir()
    with town.app.app_context(), access.as_system("test"):
        taken = backup.backup(tmp_path / "kept")
    assert taken.missing == (key,)
    assert any("1 files are not in it" in line for line in backup.describe(taken))
    config = empty("sqlite")
    with pytest.raises(restore.RestoreError, match=r"1 of 1 files are .*--allow-missing-files"):
        restore.restore(taken.path, config)
    assert list(config.data.iterdir()) == []
    restore.restore(taken.path, config, allow_missing_files=True)
    again = opened(config)
    found = {one.name: one for one in again.run(lambda: check.everything(with_files=True))}
    assert not found["stored files"].ok
    assert key in found["stored files"].detail
    ended(again)


def test_a_file_that_is_damaged_is_told_as_missing_and_its_town_is_restored(
    town: Town, empty: Callable[[str], Config], tmp_path: Path
) -> None:
    live(town)
    key = town.run(lambda: db.session.scalars(sa.select(File.sha256)).one())
    (town.app.config["PARVIS"].data / "files" / key[:2] / key).write_bytes(b"rotten")
    (tmp_path / "kept").mkdir()
    with town.app.app_context(), access.as_system("test"):
        taken = backup.backup(tmp_path / "kept")
    assert taken.missing == (key,)
    restore.restore(taken.path, empty("sqlite"), allow_missing_files=True)


def test_a_folder_for_backups_is_made_for_the_eyes_of_its_owner(town: Town, tmp_path: Path) -> None:
    folder = tmp_path / "var" / "backups"
    path = take(town.app, folder)
    assert path.parent == folder
    assert path.suffix == ".zip"
    assert folder.stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        take(town.app, path.rename(tmp_path / "kept"))


def test_the_latest_backup_is_remembered(town: Town, tmp_path: Path) -> None:
    config = town.app.config["PARVIS"]
    assert operations.last_backup(config) is None
    path = take(town.app, tmp_path / "kept")
    facts = operations.last_backup(config)
    assert facts is not None
    assert facts["size"] == path.stat().st_size
    assert now() - facts["at"] < dt.timedelta(minutes=5)


@pytest.fixture(scope="module")
def archived(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive that would be restored."""
    folder = tmp_path_factory.mktemp("town")
    shutil.copy(sqlite_template, folder)
    town = opened(Config(data=folder, url="http://localhost"))
    live(town)
    path = take(town.app, folder / "kept")
    ended(town)
    return path


def named(content: bytes) -> str:
    """The member that holds a file of this content."""
    digest = hashlib.sha256(content).hexdigest()
    return f"files/{digest[:2]}/{digest}"


class TestARestoreRefuses:
    """Each refusal leaves an empty folder and an empty database behind."""

    @pytest.fixture
    def good(self, archived: Path, tmp_path: Path) -> Path:
        """A copy of it."""
        return Path(shutil.copy(archived, tmp_path))

    def refused(self, path: Path, config: Config, said: str, **options: Any) -> None:
        with pytest.raises(restore.RestoreError, match=said):
            restore.restore(path, config, **options)
        assert not config.data.exists() or list(config.data.iterdir()) == []
        if config.database_url:
            engine = sa.create_engine(config.database)
            assert sa.inspect(engine).get_table_names() == []
            engine.dispose()

    @pytest.fixture
    def into(self, empty: Callable[[str], Config]) -> Config:
        """An empty place, for what is refused before the database is touched."""
        return empty("sqlite")

    @pytest.fixture(params=ENGINES)
    def into_either(self, request: pytest.FixtureRequest, empty: Callable[[str], Config]) -> Config:
        """An empty place of each engine, for what is refused while its tables are filled."""
        return empty(request.param)

    @pytest.mark.parametrize(
        "name",
        [
            "../outside",
            "/etc/cron.d/parvis",
            "files/../../outside",
            "files/aa/../../../outside",
            "files\\aa\\" + "a" * 64,
            "files/aa/" + "b" * 64,
            "rows/../secret-key.jsonl",
            "town.db",
            "worker-beat",
            "files/aa/" + "a" * 64 + "/",
            "rows/x\0y.jsonl",
            "secret-key\n",
        ],
    )
    def test_names_that_no_backup_gives(self, good: Path, into: Config, name: str) -> None:
        self.refused(changed(good, add={name: b"x"}), into, "no name that a backup gives")

    def test_a_member_that_the_manifest_does_not_name(self, good: Path, into: Config) -> None:
        extra = {"files/aa/" + "a" * 64: b"x"}
        self.refused(changed(good, add=extra, listed=False), into, "not those of its manifest")

    def test_a_member_that_is_not_there(self, good: Path, into: Config) -> None:
        self.refused(changed(good, drop="secret-key", listed=False), into, "not those of its manifest")

    def test_two_members_of_one_name(self, good: Path, into: Config) -> None:
        self.refused(changed(good, twice="secret-key"), into, "not those of its manifest")

    def test_rows_of_a_table_that_the_manifest_does_not_know(self, good: Path, into: Config) -> None:
        self.refused(changed(good, add={"rows/core_more.jsonl": b"[]\n"}), into, "its tables are not those")

    def test_a_table_that_its_version_does_not_have(self, good: Path, into_either: Config) -> None:
        more = changed(good, add={"rows/core_more.jsonl": b""}, tables={"core_more": []})
        self.refused(more, into_either, "has no table core_more")

    def test_an_archive_without_the_core(self, good: Path, into: Config) -> None:
        self.refused(good, into, "holds no tables of the core", without={"core"})

    @pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o040755, 0o010666])
    def test_links_devices_folders_and_pipes(self, good: Path, into: Config, mode: int) -> None:
        self.refused(changed(good, mode=mode), into, "no plain file")

    @pytest.mark.parametrize("name", ["secret-key", "rows/core_user.jsonl", "rows/core_entry.jsonl"])
    def test_a_changed_byte(self, good: Path, into: Config, name: str) -> None:
        self.refused(changed(good, flip=name), into, "damaged: its checksum")

    @pytest.mark.parametrize("name", ["secret-key", "manifest.json"])
    def test_a_member_that_is_packed_otherwise(self, good: Path, into: Config, name: str) -> None:
        other = good.with_name("packed.zip")
        with zipfile.ZipFile(good) as source, zipfile.ZipFile(other, "w") as target:
            for one in source.namelist():
                target.writestr(one, source.read(one), zipfile.ZIP_BZIP2 if one == name else None)
        self.refused(other, into, f"{name} is packed as no backup packs")

    @pytest.mark.parametrize("name", ["secret-key", "manifest.json"])
    @pytest.mark.parametrize(
        ("place", "value", "said"), [(8, 1, "packed as no backup packs"), (6, 99, "damaged")]
    )
    def test_what_needs_a_password_or_a_later_zip(
        self, good: Path, into: Config, name: str, place: int, value: int, said: str
    ) -> None:
        data = bytearray(good.read_bytes())
        data[data.rindex(b"PK\x01\x02", 0, data.rindex(name.encode())) + place] |= value
        good.write_bytes(data)
        self.refused(good, into, said)

    def test_two_manifests(self, good: Path, into: Config) -> None:
        with zipfile.ZipFile(good, "a") as target:
            manifest = target.read("manifest.json")
            target.NameToInfo.pop("manifest.json")
            target.writestr("manifest.json", manifest)
        self.refused(good, into, "has no manifest")

    def test_another_format(self, good: Path, into: Config) -> None:
        self.refused(changed(good, format=archive.FORMAT + 1), into, "this version reads 1")

    def test_a_size_that_is_not_the_manifest_s(self, good: Path, into: Config) -> None:
        self.refused(changed(good, sizes={"secret-key": 63}), into, "another size")

    def test_a_bomb(self, good: Path, into: Config, monkeypatch: pytest.MonkeyPatch) -> None:
        """A member of 60 MB in 60 kB, honestly listed: there is no room for it."""
        bomb = changed(good, add={named(bytes(60_000_000)): bytes(60_000_000)})
        assert bomb.stat().st_size < 1_000_000
        usage = type("usage", (), {"free": 50_000_000})
        monkeypatch.setattr(restore.shutil, "disk_usage", lambda _: usage)
        self.refused(bomb, into, "more than there is room for")

    def test_a_bomb_that_lies_about_its_size(self, good: Path, into: Config) -> None:
        """The sizes in the list of members and in the manifest say 10 bytes; the stream goes on."""
        name = named(bytes(5_000_000))
        lying = changed(good, add={name: bytes(5_000_000)}, sizes={name: 10})
        data = bytearray(lying.read_bytes())
        where = data.rindex(b"PK\x01\x02", 0, data.rindex(name.encode()))
        data[where + 24 : where + 28] = (10).to_bytes(4, "little")
        lying.write_bytes(data)
        self.refused(lying, into, "damaged")

    def test_a_stream_that_outgrows_what_was_promised(
        self, good: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever the library behind it lets through."""
        with archive.Reader(good, room=10**9) as source:
            size = source.members["secret-key"][0]
            monkeypatch.setattr(source._zip, "open", lambda _name: io.BytesIO(bytes(size + 1)))
            with pytest.raises(archive.ArchiveError, match="larger than the manifest says"):
                list(source.read("secret-key"))

    @pytest.mark.parametrize("lists", [1_000_000, 20_000_000])
    def test_a_manifest_that_is_a_bomb(self, good: Path, into: Config, lists: int) -> None:
        """Of 3 MB, and of 60 MB in 60 kB: read, each would be hundreds of times its size in the archive."""
        bomb = changed(good, manifest=b"[" + b"[]," * lists + b"1]")
        self.refused(bomb, into, "manifest is too large")

    def test_a_manifest_that_is_long_and_says_little(self, good: Path, into: Config) -> None:
        endless = changed(good, manifest=b'"' + b" " * 20_000_000 + b'"')
        self.refused(endless, into, "manifest is too large")

    def test_a_row_that_is_a_bomb(self, good: Path, into_either: Config) -> None:
        bomb = changed(good, replace={"rows/core_stamp.jsonl": b"[" + b"[]," * 2_000_000 + b"1]\n"})
        self.refused(bomb, into_either, "a row of core_stamp is too long")

    def test_many_long_rows_are_not_kept_together(
        self, good: Path, into: Config, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What waits to be inserted is bounded in bytes too."""
        together: list[int] = []
        insert = Connection.execute

        def note(self: Connection, statement: Any, parameters: Any = None, **more: Any) -> Any:
            if isinstance(parameters, list) and getattr(statement, "table", None) is not None:
                together.append(len(parameters) * (statement.table.name == "core_stamp"))
            return insert(self, statement, parameters, **more)

        monkeypatch.setattr(rows, "LARGEST_BATCH", 1000)
        monkeypatch.setattr(Connection, "execute", note)
        line = json.dumps(["a" * 30, 1]).encode() + b"\n"
        many = b"".join(line.replace(b"aaa", b"%03d" % number, 1) for number in range(100))
        restore.restore(changed(good, replace={"rows/core_stamp.jsonl": many}), into)
        assert 1 < max(together) < 40

    def test_a_row_without_end(
        self, good: Path, into_either: Config, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rows, "LONGEST_ROW", 1000)
        endless = changed(good, replace={"rows/core_user.jsonl": b"[" + b" " * 5000})
        self.refused(endless, into_either, "a row is too long")

    @pytest.mark.parametrize("cut", [10, 200, 1000])
    def test_an_archive_that_was_cut_off(self, good: Path, into: Config, cut: int) -> None:
        good.write_bytes(good.read_bytes()[:-cut])
        self.refused(good, into, "damaged")

    @pytest.mark.parametrize("manifest", [b"", b"[]", b"{}", b'{"format": 1}', b"[" * 100_000, b"\xff"])
    def test_a_manifest_of_something_else(self, good: Path, into: Config, manifest: bytes) -> None:
        self.refused(changed(good, manifest=manifest), into, "this archive can't be restored")

    @pytest.mark.parametrize(
        "facts",
        [
            {"heads": {"core": 5}},
            {"sequences": {"core_user": "many"}},
            {"tables": {"core_user": "name"}},
            {"tables": {"core_user": [1]}},
            {"tables": {"core_file": ["sha256", "sha256"]}},
            {"members": {"secret-key": [-1, "0" * 64]}},
            {"members": {"secret-key": [64, 0]}},
            {"members": {"secret-key": [64]}},
        ],
    )
    def test_a_fact_of_another_type(self, good: Path, into: Config, facts: dict[str, Any]) -> None:
        self.refused(changed(good, **facts), into, "something else than a backup's")

    @pytest.mark.parametrize("offset", [2**40, 2**62, 2**63, 2**64 - 1])
    def test_a_member_that_lies_beyond_all_files(self, good: Path, into: Config, offset: int) -> None:
        with zipfile.ZipFile(good, "a") as archive:
            archive.getinfo("secret-key").header_offset = offset
            archive._didModify = True  # type: ignore[attr-defined]  # so that the directory is written anew
        self.refused(good, into, "damaged")

    def test_something_that_is_no_archive(self, tmp_path: Path, into: Config) -> None:
        (tmp_path / "text.zip").write_text("hello")
        self.refused(tmp_path / "text.zip", into, "damaged")

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (b"[1]\n", "can't be read"),
            (b"nonsense\n", "can't be read"),
            (b"[" * 50_000 + b"\n", "can't be read"),
            (b'{"name": "admin", "value": 1}\n', "can't be read"),
            (b"5\n", "can't be read"),
            (b'["admin", 1', "cut off"),
        ],
    )
    def test_rows_that_are_none(self, good: Path, into_either: Config, line: bytes, said: str) -> None:
        self.refused(changed(good, replace={"rows/core_stamp.jsonl": line}), into_either, said)

    @pytest.mark.parametrize("line", [b"[1]\n", b"5\n"])
    def test_rows_of_files_that_are_none(self, good: Path, into: Config, line: bytes) -> None:
        self.refused(changed(good, replace={"rows/core_file.jsonl": line}), into, "can't be read")

    def test_rows_that_refer_to_nobody(self, good: Path, into_either: Config) -> None:
        with zipfile.ZipFile(good) as source:
            accounts = json.loads(source.read("rows/core_account.jsonl").splitlines()[0])
            columns = json.loads(source.read("manifest.json"))["tables"]["core_account"]
        accounts[columns.index("user_id")] = 999_999
        line = json.dumps(accounts).encode() + b"\n"
        self.refused(
            changed(good, replace={"rows/core_account.jsonl": line}), into_either, r"not there|don't fit"
        )

    @pytest.mark.parametrize("column", ["nothing", "id; DROP TABLE core_user", "name\0"])
    def test_columns_that_are_not_there(self, good: Path, into_either: Config, column: str) -> None:
        self.refused(changed(good, tables={"core_stamp": [column, "version"]}), into_either, "has no column")

    def test_tables_of_a_plugin_that_is_not_installed_unless_they_are_left_out(
        self, good: Path, into_either: Config
    ) -> None:
        stranger = changed(
            good,
            heads={"gone": "gone_0001"},
            tables={"gone_one": ["id"]},
            add={"rows/gone_one.jsonl": b"[1]\n"},
        )
        self.refused(stranger, into_either, "--without gone")
        restore.restore(stranger, into_either, without=["gone"])

    @pytest.mark.parametrize(
        "head", ["core_9999", "base", "", "head", "heads", "core_", "core_000", "core@head", "+1", "-1"]
    )
    def test_tables_of_a_newer_version(self, good: Path, into: Config, head: str) -> None:
        self.refused(changed(good, heads={"core": head}), into, "newer version")

    @pytest.mark.parametrize("value", ["half \ud800 a sign", 2**70, -(2**70)])
    def test_values_that_no_database_takes(self, good: Path, into_either: Config, value: str | int) -> None:
        place = "name" if isinstance(value, str) else "id"
        with zipfile.ZipFile(good) as source:
            [area] = map(json.loads, source.read("rows/core_area.jsonl").splitlines())
            columns = json.loads(source.read("manifest.json"))["tables"]["core_area"]
        area[columns.index(place)] = value
        line = json.dumps(area).encode() + b"\n"
        hostile = changed(good, replace={"rows/core_area.jsonl": line})
        self.refused(hostile, into_either, r"can't be kept|don't fit")

    def test_half_a_sign_in_the_manifest(self, good: Path, into: Config) -> None:
        self.refused(changed(good, tables={"core_stamp": ["half \ud800"]}), into, "damaged")

    @pytest.mark.parametrize("key", [b"", b"00ff", b"\xff\xfe\x00" * 20, b"0" * 63 + b"\n"])
    def test_a_key_that_is_none(self, good: Path, into: Config, key: bytes) -> None:
        self.refused(changed(good, replace={"secret-key": key}), into, "64 hex digits")

    def test_a_key_that_is_long_is_not_read(
        self, good: Path, into: Config, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(restore.archive.Reader, "verify", lambda _self: None)  # it reads piece by piece
        joined: list[int] = []
        read = restore.archive.Reader.read

        def note(self: archive.Reader, name: str) -> Iterator[bytes]:
            for piece in read(self, name):
                joined.append(len(piece))
                yield piece

        monkeypatch.setattr(restore.archive.Reader, "read", note)
        self.refused(changed(good, replace={"secret-key": b"0" * 2 * archive.CHUNK}), into, "64 hex digits")
        assert joined == []

    @pytest.mark.parametrize("last", [2**70, 2**63 - 1, 2**31 - 1, -5])
    def test_a_number_that_no_table_counts_to(self, good: Path, into: Config, last: int) -> None:
        self.refused(changed(good, sequences={"core_case": last}), into, "something else than a backup")

    @pytest.mark.parametrize("number", [2**63 - 1, 2**31 - 1])
    def test_a_row_after_which_none_can_be_written(
        self, good: Path, into_either: Config, number: int
    ) -> None:
        hostile = with_value(good, "core_area", "id", number)
        self.refused(hostile, into_either, r"has the number|don't fit|can't be kept")

    @pytest.mark.parametrize(
        "moment",
        [
            "2026-01-01T00:00:00",
            "9999-12-31T00:00:00+00:00",
            "0001-01-01T00:00:00+23:00",
            "9999-12-31T23:59:59-12:00",
            "0001-01-01",
        ],
    )
    def test_a_moment_that_has_not_been(self, good: Path, into: Config, moment: str) -> None:
        self.refused(changed(good, taken_at=moment), into, "no moment in the past")

    def test_a_file_that_is_not_what_its_name_says(self, good: Path, into: Config) -> None:
        script = {"files/ab/ab" + "0" * 62: b"<script>"}
        self.refused(changed(good, add=script), into, "something else than its name says")

    @pytest.mark.parametrize("said", [True, False])
    def test_an_archive_without_the_files_that_its_rows_name(
        self, good: Path, into_either: Config, said: bool
    ) -> None:
        """Whether or not its manifest says so."""
        with zipfile.ZipFile(good) as source:
            [*_, name] = sorted(source.namelist(), key=lambda one: (one.startswith("files/"), -len(one)))
        facts: dict[str, Any] = {"missing": [name[-64:]]} if said else {}
        self.refused(changed(good, drop=name, **facts), into_either, "1 of 1 files are not in this archive")

    @pytest.mark.parametrize(
        "key",
        ["../../outside.env", "../../" + "a" * 58, "", "A" * 64, "a" * 64 + "\n", "a" * 64 + "-640", None],
    )
    def test_a_file_whose_name_leads_elsewhere(
        self, good: Path, into_either: Config, key: str | None
    ) -> None:
        """Whatever may be missing."""
        hostile = with_value(good, "core_file", "sha256", key)
        self.refused(hostile, into_either, "64 hex digits", allow_missing_files=True)

    def test_a_place_that_is_not_empty(self, good: Path, into: Config) -> None:
        into.data.mkdir()
        (into.data / "precious").write_text("data")
        with pytest.raises(restore.RestoreError, match="is not empty"):
            restore.restore(good, into)
        assert [path.name for path in into.data.iterdir()] == ["precious"]

    def test_a_database_that_is_not_empty(self, good: Path, pg_url: str, tmp_path: Path) -> None:
        fresh = Config(data=tmp_path / "fresh", database_url=pg_url)
        with pytest.raises(restore.RestoreError, match="database of PARVIS_DATABASE_URL is not empty"):
            restore.restore(good, fresh)
        engine = sa.create_engine(pg_url)
        assert "core_user" in sa.inspect(engine).get_table_names()
        engine.dispose()
        assert not fresh.data.exists()


def changed(
    path: Path,
    add: dict[str, bytes] | None = None,
    replace: dict[str, bytes] | None = None,
    drop: str = "",
    twice: str = "",
    flip: str = "",
    mode: int = 0,
    sizes: dict[str, int] | None = None,
    listed: bool = True,
    manifest: bytes | None = None,
    **facts: Any,
) -> Path:
    """A copy of an archive with something else in it, and a manifest that agrees unless `listed` is false."""
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    told = json.loads(members.pop("manifest.json"))
    members |= {**(add or {}), **(replace or {})}
    members.pop(drop, None)
    if listed:
        told["members"] = {
            name: [len(data), hashlib.sha256(data).hexdigest()] for name, data in members.items()
        }
    for name, size in (sizes or {}).items():
        told["members"][name][0] = size
    for fact, values in facts.items():
        if isinstance(values, dict):
            told[fact].update(values)
        else:
            told[fact] = values
    if flip:
        data = members[flip]
        members[flip] = bytes([data[0] ^ 1]) + data[1:]
    copy = path.with_name(f"changed-{secrets.token_hex(3)}.zip")
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.filename = name  # whatever is in it
            info.compress_type = zipfile.ZIP_DEFLATED
            if mode and name == "secret-key":
                info.external_attr = mode << 16
            target.writestr(info, data)
        if twice:
            target.fp.seek(target.start_dir)  # type: ignore[union-attr]
            target.NameToInfo.pop(twice)
            target.writestr(twice, members[twice])
        target.writestr("manifest.json", json.dumps(told) if manifest is None else manifest)
    return copy


def with_value(archive: Path, table: str, column: str, value: object) -> Path:
    """The archive with another value in this column of the only row of a table."""
    with zipfile.ZipFile(archive) as source:
        [row] = map(json.loads, source.read(f"rows/{table}.jsonl").splitlines())
        columns = json.loads(source.read("manifest.json"))["tables"][table]
    row[columns.index(column)] = value
    return changed(archive, replace={f"rows/{table}.jsonl": json.dumps(row).encode() + b"\n"})


def test_a_row_that_names_what_is_outside_opens_nothing(town: Town) -> None:
    live(town)
    outside = town.app.config["PARVIS"].data.parent / "outside.env"
    outside.write_text("precious")

    def lead_out() -> None:
        with write() as session:
            session.execute(sa.update(File).values(sha256="../outside.env"))

    address = "/files/1/square.webp"
    assert town.browser("ana").get(address).status_code == 200
    town.run(lead_out)
    assert town.browser("ana").get(address).status_code == 404
    found = {one.name: one for one in town.run(lambda: check.everything(with_files=True))}
    assert "1 of 1 missing or damaged" in str(found["stored files"].detail)


def test_check_tells_what_is_wrong(town: Town) -> None:
    live(town)

    def spoil() -> None:
        with write() as session:
            session.execute(sa.update(Entry).where(Entry.parent_id.is_(None)).values(support_count=7))

    def bad() -> dict[str, str]:
        return {one.name: str(one.detail) for one in check.everything(with_files=True) if not one.ok}

    assert town.run(bad).keys() == {"worker"}
    town.run(spoil)
    key = town.run(lambda: db.session.scalars(sa.select(File.sha256)).one())
    stored = town.app.config["PARVIS"].data / "files" / key[:2] / key
    stored.write_bytes(stored.read_bytes()[:-1] + b"x")
    found = town.run(bad)
    assert found["counters"] == "core_entry.support_count in 1 rows"
    assert "1 of 1 missing or damaged" in found["stored files"]


class TestOfSqlite:
    @pytest.fixture
    def database_url(self, sqlite_url: str) -> str:
        """SQLite alone can hold such rows."""
        return sqlite_url

    def test_check_finds_rows_without_what_they_refer_to(self, town: Town) -> None:
        town.person("ana")
        engine = sa.create_engine(town.app.config["PARVIS"].database)
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM core_user")
        engine.dispose()
        found = {one.name: one for one in town.run(check.everything)}
        assert not found["references"].ok
        assert "core_account" in str(found["references"].detail)
