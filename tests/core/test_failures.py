"""Disk full, database gone, worker killed, clock moved: what was answered is kept, and all heals."""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import secrets
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import api, db, files, health, jobs, registry
from core.accounts import throttle
from core.models import Event, JobRow, Mail, NoticeRound, SignIn
from core.notices import rounds
from ops import server, streams, worker

from ..conftest import PostgreSQL, migrate_new, pg_address, pg_execute
from ..live.conftest import Stream
from . import test_concurrency as real
from .test_backup import picture
from .test_cli import parvis, processes_of, refused, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.testing import Town

pytestmark = [pytest.mark.slow, pytest.mark.engines]


serve = real.serve
HOUR = dt.timedelta(hours=1)


# The disk is full


class TestFullDisk:
    @pytest.fixture
    def database_url(self, sqlite_url: str) -> str:
        """PostgreSQL has a disk of its own."""
        return sqlite_url

    def test_reading_goes_on_and_writing_heals(
        self, town: Town, serve: Callable[..., real.Server], tmp_path: Path
    ) -> None:
        writer, space = real.signed_in(town, "ana"), town.space("Square", "ana")
        server = serve(1)
        assert writer.post(server, space, "before") in (302, 303)
        with no_room(tmp_path):
            assert writer.post(server, space, "lost") == 503
            status, page, headers = server.request("GET", f"/spaces/{space}", writer.cookie)
            assert (status, "Hello before" in page, "Hello lost" in page) == (200, True, False)
            status, page, headers = server.request("POST", f"/spaces/{space}/posts", writer.cookie, body="x")
            assert (status, headers["Retry-After"]) in ((503, "5"), (400, None))
        assert writer.post(server, space, "after") in (302, 303)
        bodies, counter, recount = real.said(town, space)
        assert (sorted(bodies), counter, recount) == (["Hello after", "Hello before"], 2, 2)
        server.stop()

    def test_a_picture_that_finds_no_room_leaves_nothing(
        self, town: Town, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        town.app.testing = False
        space, ana = town.space("Square", "ana"), town.browser("ana")

        def full(_number: int) -> None:
            raise OSError(28, "No space left on device")

        def post() -> int:
            fields = {"body": "Look", "pictures": (picture().stream, "a.png"), "alts": "A square"}
            return ana.submit(f"/spaces/{space}/posts", f"/spaces/{space}", **fields).status_code

        with monkeypatch.context() as patch:
            patch.setattr(files.os, "fsync", full)
            assert post() == 503
        assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
        assert real.said(town, space)[1:] == (0, 0)
        assert post() == 302
        assert real.said(town, space)[1:] == (1, 1)

    def test_a_backup_that_finds_no_room_is_one_clear_line_and_no_file(self, tmp_path: Path) -> None:
        folder, kept = tmp_path / "town", tmp_path / "kept"
        kept.mkdir()
        assert parvis(folder, "init").returncode == 0
        with closing(sqlite3.connect(folder / "town.db")) as database, database:
            database.execute("INSERT INTO core_setting VALUES ('x', ?)", [f'"{secrets.token_hex(200_000)}"'])
        small = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)); "
        program = small + "sys.argv[1:] = ['backup', sys.argv[1]]; from ops.cli import main; main()"
        environment = {"PARVIS_DATA": str(folder), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "-c", program, kept],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "File too large" in refused(done)
        assert list(kept.iterdir()) == []
        assert parvis(folder, "backup", str(kept)).returncode == 0


class no_room:  # noqa: N801
    """Inside, no process of the town can make any file longer."""

    def __init__(self, folder: Path) -> None:
        self.processes = [int(number) for number in processes_of(folder)]

    def __enter__(self) -> None:
        self.limit(0)

    def __exit__(self, *_: object) -> None:
        self.limit(resource.RLIM_INFINITY)

    def limit(self, size: int) -> None:
        for process in self.processes:
            _soft, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
            resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))


# PostgreSQL goes away and comes back


class TestPostgresqlStopped:
    @pytest.fixture
    def server(self) -> Iterator[PostgreSQL]:
        """A server of the test's own."""
        server = PostgreSQL()
        yield server
        server.remove()

    @pytest.fixture
    def database_url(self, server: PostgreSQL) -> str:
        """A migrated database on it."""
        pg_execute(server.folder, "create database town")
        migrate_new(pg_address(server.folder, "town"))
        return pg_address(server.folder, "town")

    def test_pages_say_so_kindly_and_all_heals_by_itself(
        self, server: PostgreSQL, town: Town, serve: Callable[..., real.Server], tmp_path: Path
    ) -> None:
        writer, space = real.signed_in(town, "ana"), town.space("Square", "ana")
        with town.app.app_context():
            db.db.engine.dispose()
        portal = serve(1)
        assert writer.post(portal, space, "before") in (302, 303)
        heard = town.run(lambda: db.db.session.scalar(sa.select(sa.func.max(Event.id))))
        stream = Stream(portal, f"after={heard}&space={space}", writer.cookie)  # type: ignore[arg-type]
        server.stop()
        for path in ("/", f"/spaces/{space}", "/sign-in"):
            status, page, headers = portal.request("GET", path, writer.cookie)
            assert (status, headers["Retry-After"]) == (503, "5"), path
            assert "<h1" in page
            assert "Traceback" not in page
        assert writer.post(portal, space, "lost") == 503
        status, page, _headers = portal.request("GET", "/healthz")
        assert (status, json.loads(page)["checks"]["database"]["ok"]) == (503, False)
        assert portal.request("GET", "/static/parvis.css")[0] == 200
        server.start()
        assert portal.request("GET", f"/spaces/{space}", writer.cookie)[0] == 200, "the first request already"
        server.stop()
        server.start()
        assert portal.request("GET", f"/spaces/{space}", writer.cookie)[0] == 200, "nobody asked meanwhile"
        assert writer.post(portal, space, "after") in (302, 303)
        stream.connection.sock.settimeout(streams.QUIET + 5)
        assert stream.next().startswith("core.post:published "), "open all the while"
        stream.close()
        bodies, counter, recount = real.said(town, space)
        assert (sorted(bodies), counter, recount) == (["Hello after", "Hello before"], 2, 2)
        enqueue(town, "core.sweep")
        wait_for(lambda: not rows(town, JobRow.name == "core.sweep", JobRow.once.is_(None)))
        portal.stop()


# The worker dies while web processes are started; it is killed while it holds a lease; the clock moves

FORKED = """
import os, subprocess, threading, time
from ops import server
begun, forked, turns, start = threading.Event(), threading.Event(), [], subprocess._fork_exec
def slowly(*arguments):
    turns.append(begun.set())
    forked.wait(1)
    return start(*arguments)
subprocess._fork_exec = slowly
server.RESTART_PAUSE = 0.1
server.Worker().start()
begun.wait()
if os.fork() == 0:
    server.end_with(os.getppid())
    time.sleep(60)
forked.set()
while len(turns) < 2:
    time.sleep(0.1)
os._exit(0)
"""


def test_a_worker_that_dies_is_replaced_though_a_web_process_was_forked_while_it_began(
    tmp_path: Path,
) -> None:
    """There is no town: it ends at once. The web process, which lives on, holds none of its pipes."""
    environment = {"PARVIS_DATA": str(tmp_path / "none"), "PATH": os.environ["PATH"]}
    subprocess.run(
        [sys.executable, "-c", FORKED], env=environment, check=True, timeout=20, stderr=subprocess.DEVNULL
    )


def test_a_worker_that_cannot_be_started_once_is_started_later(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []
    keeper = server.Worker()

    class Ends:
        """A process that ends at once, of which the second could not be started."""

        def __init__(self, _command: list[str]) -> None:
            tries.append("tried")
            if len(tries) == 2:
                raise BlockingIOError("no room for another process")
            if len(tries) == 3:
                keeper.stopping.set()

        def wait(self) -> int:
            return 0

        def poll(self) -> int:
            return 0

    monkeypatch.setattr(server.subprocess, "Popen", Ends)
    monkeypatch.setattr(server, "RESTART_PAUSE", 0.01)
    keeper.start()
    keeper.thread.join(10)
    assert len(tries) == 3


ran: list[str] = []
WORKER = """
import sys, time, threading
from pathlib import Path
from core import create_app, api
from core.config import Config
from ops import worker
from types import ModuleType
def work():
    Path(sys.argv[1], "begun").write_text("")
    time.sleep(600)
module = ModuleType("slow.plugin")
module.__file__ = __file__ = sys.argv[1]
module.plugin = api.Plugin(name="slow", title="S", summary="S", version="1", table_prefix="slow",
    paths=("/slow",), jobs=(api.Job("slow.work", "Work", work),))
config = Config(data=Path(sys.argv[1]), database_url=sys.argv[2])
worker.run(create_app(config, {"slow": module}), threading.Event())
"""


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    """A plugin with one job."""
    ran.clear()
    module = ModuleType("slow.plugin")
    module.__file__ = __file__
    module.plugin = api.Plugin(  # type: ignore[attr-defined]
        name="slow",
        title="Slow",
        summary="Slow",
        version="1",
        table_prefix="slow",
        paths=("/slow",),
        jobs=(api.Job("slow.work", "Work", lambda: ran.append("work")),),
    )
    return {"slow": module}


def enqueue(town: Town, name: str) -> None:
    """Ask for a job."""

    def put() -> None:
        with db.write():
            api.enqueue(name)

    town.run(put)


def rows(town: Town, *where: Any) -> list[JobRow]:
    """The jobs there are."""
    return town.run(lambda: list(db.db.session.scalars(sa.select(JobRow).where(*where))))


def test_a_job_whose_worker_was_killed_is_done_once_its_lease_ends(
    town: Town, tmp_path: Path, database_url: str, move: Callable[[dt.timedelta], None]
) -> None:
    enqueue(town, "slow.work")
    address = "" if database_url.startswith("sqlite") else database_url
    with subprocess.Popen([sys.executable, "-c", WORKER, tmp_path, address]) as process:
        wait_for(lambda: (tmp_path / "begun").exists() or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    [held] = rows(town, JobRow.name == "slow.work")
    assert (held.state, held.attempts) == ("running", 1)
    jobs.run_due(town.app)
    assert ran == [], "the lease holds"
    job = town.run(lambda: registry.current().declared("jobs", "slow.work")[1])
    move(dt.timedelta(seconds=job.seconds) + jobs.LEASE_MARGIN + dt.timedelta(seconds=1))
    jobs.run_due(town.app)
    jobs.run_due(town.app)
    assert ran == ["work"]
    assert rows(town, JobRow.name == "slow.work") == []


def test_a_job_that_the_database_went_away_under_is_done_after_one_pause(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker lives and leads again: there is no lease of a dead one to wait for."""
    stop, finish, pause = threading.Event(), jobs._finish, 2.0
    monkeypatch.setattr(jobs, "PAUSES", (dt.timedelta(seconds=pause), *jobs.PAUSES[1:]))
    ended: list[float] = []

    def gone(row: JobRow, *how: Any) -> None:
        if row.name == "slow.work":
            ended.append(time.monotonic())
            if len(ended) == 1:
                raise sa.exc.OperationalError("gone", None, Exception())
        finish(row, *how)

    def wait() -> None:
        with suppress(AssertionError):
            wait_for(lambda: len(ended) == 2, seconds=pause + 10)
        stop.set()

    monkeypatch.setattr(jobs, "_finish", gone)
    enqueue(town, "slow.work")
    helper = threading.Thread(target=wait)
    helper.start()
    worker.run(town.app, stop)
    helper.join()
    assert ran == ["work", "work"]
    assert ended[1] - ended[0] >= pause
    assert rows(town, JobRow.name == "slow.work") == []


@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["ahead", "back"])
def test_who_is_signed_in_stays_so(
    town: Town, move: Callable[[dt.timedelta], None], by: dt.timedelta
) -> None:
    ana = town.browser("ana")
    move(by)
    assert ana.get("/me").status_code == 200
    assert town.browser("ben").get("/me").status_code == 200
    lasts = town.run(lambda: max(db.db.session.scalars(sa.select(SignIn.expires_at)))) - db.now()
    assert lasts <= dt.timedelta(hours=13)


def test_a_clock_set_back_lets_nobody_wait_longer_to_sign_in(
    town: Town, move: Callable[[dt.timedelta], None]
) -> None:
    town.person("ana")

    def guess() -> int:
        page = town.browser().submit("/sign-in", email="ana@example.org", password="wrong")
        return page.status_code

    limit = next(limit for limit in throttle.LIMITS["sign_in"] if limit.per == "both")
    while (status := guess()) != 429:
        assert status != 302
    move(-HOUR)
    assert guess() == 429
    move(-HOUR + limit.every + dt.timedelta(seconds=1))
    assert guess() != 429


def test_a_clock_set_ahead_lets_work_begin_once(town: Town, move: Callable[[dt.timedelta], None]) -> None:
    enqueue(town, "slow.work")
    move(HOUR)
    jobs.run_due(town.app)
    jobs.run_due(town.app)
    assert ran == ["work"]


def test_a_clock_set_back_lets_work_and_mail_wait_no_longer(
    town: Town, move: Callable[[dt.timedelta], None]
) -> None:
    clock = worker.Clock()
    assert not clock.set_back()
    enqueue(town, "slow.work")

    def write() -> None:
        with db.write() as session:
            session.add(Mail(kind="core.reset", recipient="a@example.org", subject="s", text="t"))

    town.run(write)
    move(-HOUR)
    jobs.run_due(town.app)
    assert ran == [], "without help it would wait for an hour"
    by = clock.set_back()
    assert abs(by - HOUR) < dt.timedelta(seconds=5)
    assert not clock.set_back(), "once"
    worker.bring_forward(town.app, by)
    jobs.run_due(town.app)
    assert ran == ["work"]
    due = town.run(lambda: db.db.session.scalars(sa.select(Mail.next_at)).one())
    assert due <= db.now() + dt.timedelta(seconds=5)


@pytest.mark.engines
def test_a_clock_set_back_lets_notices_wait_no_longer_and_digests_for_their_hour(
    town: Town, move: Callable[[dt.timedelta], None]
) -> None:
    clock, person = worker.Clock(), town.person("ana")
    move(HOUR)
    clock.set_back()

    def plan() -> None:
        with db.write():
            rounds.plan([(person, "at_once"), (person, "daily")])

    def due(way: str) -> dt.datetime:
        planned = sa.select(NoticeRound.due_at).where(NoticeRound.way == way)
        return town.run(lambda: db.db.session.scalars(planned).one())

    town.run(plan)
    daily = due("daily")
    move(dt.timedelta())
    worker.bring_forward(town.app, clock.set_back())
    assert due("at_once") <= db.now()
    assert due("daily") == daily
    town.run(plan)
    assert due("at_once") <= db.now()


def test_the_worker_follows_a_clock_that_is_set_back(
    town: Town, move: Callable[[dt.timedelta], None]
) -> None:
    stop = threading.Event()

    def set_back() -> None:
        wait_for(lambda: (town.app.config["PARVIS"].data / "worker-beat").exists())
        enqueue(town, "slow.work")
        wait_for(lambda: ran == ["work"])
        later = dt.timedelta(seconds=2)
        town.run(lambda: put_off(later))
        move(-HOUR)
        wait_for(lambda: ran == ["work", "work"])
        stop.set()

    helper = threading.Thread(target=set_back)
    helper.start()
    worker.run(town.app, stop)
    helper.join()
    assert ran == ["work", "work"]


def put_off(by: dt.timedelta) -> None:
    """Ask for the job a little later."""
    with db.write():
        api.enqueue("slow.work", delay=by)


def test_a_worker_that_died_is_noticed_though_the_clock_was_set_back(
    town: Town, move: Callable[[dt.timedelta], None]
) -> None:
    worker.beat(town.app.config["PARVIS"])

    def well() -> bool:
        return next(one.ok for one in town.run(health.checks) if one.name == "worker")

    assert well()
    move(-HOUR)
    assert not well(), "until its next sign of life"
    worker.beat(town.app.config["PARVIS"])
    assert well()
