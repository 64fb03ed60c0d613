"""Jobs: run once, tried again, ended in time, and led by one worker."""

import datetime as dt
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from core import api, jobs, registry
from core.db import db, now, write
from core.models import JobRow, PluginFault, SignIn
from core.testing import Town
from ops import worker

pytestmark = pytest.mark.engines

ran: list[Any] = []


def count(**payload: Any) -> None:
    """Keep what it was called with."""
    ran.append(payload)


def fail() -> None:
    """Raise what a plugin might."""
    ran.append("tried")
    raise ValueError("with somebody's words in it")


def hang() -> None:
    """Swallow every Exception, and never end."""
    while True:
        try:
            time.sleep(30)
        except Exception:  # noqa: BLE001
            ran.append("swallowed")


def write_rows() -> None:
    """Change something, then fail: nothing of it stays."""
    with api.as_system("test"), write() as session:
        session.add(JobRow(name="worker.count", payload={}))
        session.flush()
        raise ValueError


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    """A plugin with jobs of every temper."""
    ran.clear()
    module = ModuleType("worker")
    module.__file__ = __file__
    module.plugin = api.Plugin(  # type: ignore[attr-defined]
        name="worker",
        title="Worker",
        summary="Works",
        version="1",
        table_prefix="worker",
        paths=("/worker",),
        jobs=(
            api.Job("worker.count", "Count", count),
            api.Job(
                "worker.often",
                "Count again and again",
                lambda: count(often=True),
                every=dt.timedelta(hours=1),
            ),
            api.Job("worker.fail", "Fail", fail),
            api.Job("worker.write", "Write and fail", write_rows),
            api.Job("worker.hang", "Hang", hang, seconds=1),
        ),
    )
    return {"worker": module}


def enqueue(town: Town, name: str, **values: Any) -> None:
    def put() -> None:
        with write():
            api.enqueue(name, **values)

    town.run(put)


def rows(town: Town, name: str) -> list[JobRow]:
    found = sa.select(JobRow).where(JobRow.name == name).order_by(JobRow.id)
    return town.run(lambda: list(db.session.scalars(found)))


def due_now(town: Town, **values: Any) -> None:
    def shift() -> None:
        with write() as session:
            session.execute(sa.update(JobRow).values(run_at=now() - dt.timedelta(seconds=1), **values))

    town.run(shift)


def asked(payload: Any) -> list[Any]:
    return [one for one in ran if one == payload]


def test_a_job_runs_once_when_it_is_due(town: Town) -> None:
    enqueue(town, "worker.count", word="now")
    enqueue(town, "worker.count", delay=dt.timedelta(hours=1), word="later")
    jobs.run_due(town.app)
    jobs.run_due(town.app)
    assert asked({"word": "now"}) == [{"word": "now"}]
    assert asked({"word": "later"}) == []
    assert [row.payload for row in rows(town, "worker.count")] == [{"word": "later"}], (
        "what is done leaves no row"
    )


def test_a_job_asked_for_in_a_write_that_fails_never_runs(town: Town) -> None:
    def put() -> None:
        with write():
            api.enqueue("worker.count", word="never")
            raise ValueError("the write fails")

    with pytest.raises(ValueError, match="the write fails"):
        town.run(put)
    jobs.run_due(town.app)
    assert asked({"word": "never"}) == []


def test_a_job_nobody_declared_is_refused(town: Town) -> None:
    with pytest.raises(LookupError, match=r"worker\.unknown"):
        enqueue(town, "worker.unknown")


def test_once_means_once_while_it_waits(town: Town) -> None:
    for _ in range(3):
        enqueue(town, "worker.count", once="the key")
    jobs.run_due(town.app)
    assert len(asked({})) == 1
    enqueue(town, "worker.count", once="the key")
    jobs.run_due(town.app)
    assert len(asked({})) == 2


def test_a_failing_job_is_tried_again_with_growing_pauses_and_named(town: Town) -> None:
    enqueue(town, "worker.fail")
    pauses = []
    for _ in range(len(jobs.PAUSES)):
        due_now(town)
        jobs.run_due(town.app)
        (row,) = rows(town, "worker.fail")
        pauses.append(row.run_at - now())
        assert (row.state, row.error) == ("waiting", "ValueError")
    assert pauses == sorted(pauses)
    due_now(town)
    jobs.run_due(town.app)
    (row,) = rows(town, "worker.fail")
    assert row.state == "failed"
    due_now(town)
    jobs.run_due(town.app)
    assert ran.count("tried") == len(jobs.PAUSES) + 1
    faults = town.run(lambda: db.session.execute(sa.select(PluginFault.plugin, PluginFault.place)).all())
    assert faults[0] == ("worker", "job worker.fail")
    assert town.run(lambda: registry.current().enabled()) == {"worker"}


def test_a_job_that_fails_leaves_nothing_half_written(town: Town) -> None:
    enqueue(town, "worker.write")
    jobs.run_due(town.app)
    assert rows(town, "worker.count") == []
    assert rows(town, "worker.write")[0].error == "ValueError"


def test_a_job_that_hangs_is_ended(town: Town) -> None:
    enqueue(town, "worker.hang")
    jobs.run_due(town.app)
    (row,) = rows(town, "worker.hang")
    assert (row.state, row.error, row.leased_until) == ("waiting", "OutOfTime", None)
    assert "swallowed" not in ran


def test_a_periodic_job_comes_back_by_one_row(town: Town) -> None:
    for _ in range(3):
        jobs.run_due(town.app)
    assert asked({"often": True}) == [{"often": True}]
    (row,) = rows(town, "worker.often")
    assert dt.timedelta(minutes=59) < row.run_at - now() <= dt.timedelta(hours=1)
    due_now(town)
    jobs.run_due(town.app)
    assert len(asked({"often": True})) == 2


def test_jobs_of_a_plugin_that_is_off_wait(town: Town) -> None:
    enqueue(town, "worker.count", word="patient")
    town.run(lambda: registry.current().switch("worker", False))
    jobs.run_due(town.app)
    assert ran == []
    town.run(lambda: registry.current().switch("worker", True))
    jobs.run_due(town.app)
    assert asked({"word": "patient"}) == [{"word": "patient"}]


def test_a_leased_job_is_left_alone_until_its_worker_must_be_dead(town: Town) -> None:
    enqueue(town, "worker.count", word="leased")
    due_now(town, state="running", leased_until=now() + dt.timedelta(minutes=1))
    jobs.run_due(town.app)
    assert asked({"word": "leased"}) == []
    due_now(town, leased_until=now() - dt.timedelta(seconds=1))
    jobs.run_due(town.app)
    assert asked({"word": "leased"}) == [{"word": "leased"}]


def test_several_at_work_never_run_a_job_twice(town: Town) -> None:
    for number in range(20):
        enqueue(town, "worker.count", number=number)
    barrier = threading.Barrier(3)

    def help_out() -> None:
        barrier.wait()
        jobs.run_due(town.app)

    threads = [threading.Thread(target=help_out) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [one["number"] for one in ran if "number" in one]
    assert sorted(numbers) == list(range(20))


def test_one_worker_leads_and_the_next_takes_over(town: Town) -> None:
    def lock() -> Any:
        with town.app.app_context():
            if db.engine.dialect.name == "postgresql":
                return worker.SessionLock(db.engine)
        return worker.FileLock(town.app.config["PARVIS"].data / "worker.lock")

    first, second = lock(), lock()
    assert first.held()
    assert first.held()
    assert not second.held()
    first.release()
    assert second.held()
    assert not first.held()
    second.release()


HOLD = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, 2); print(flush=True); sys.stdin.read()"


def test_a_killed_worker_leads_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "worker.lock"
    lock = worker.FileLock(path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        assert not lock.held()
        holder.kill()
    assert lock.held()
    lock.release()


def test_a_leader_whose_session_died_leads_no_longer(pg_url: str) -> None:
    engine = sa.create_engine(pg_url)
    first, second = worker.SessionLock(engine), worker.SessionLock(engine)
    assert first.held()
    assert first.connection
    pid = first.connection.scalar(sa.select(sa.func.pg_backend_pid()))
    with engine.connect() as other:
        other.execute(sa.select(sa.func.pg_terminate_backend(pid, 5000)))
    assert not first.held()
    assert second.held()
    assert not first.held()
    second.release()
    engine.dispose()


def test_the_worker_runs_jobs_until_it_is_stopped(town: Town) -> None:
    stop = threading.Event()
    enqueue(town, "worker.count", word="by the worker")
    watcher = threading.Thread(target=lambda: (_until(lambda: asked({"word": "by the worker"})), stop.set()))
    watcher.start()
    worker.run(town.app, stop)
    watcher.join()
    assert asked({"word": "by the worker"}) == [{"word": "by the worker"}]


def test_a_worker_stopped_before_it_began_ends(town: Town) -> None:
    stop = threading.Event()
    stop.set()
    worker.run(town.app, stop)
    assert (town.app.config["PARVIS"].data / "worker-beat").exists(), "the health check knows that it lived"


def _until(condition: Any) -> None:
    while not condition():
        time.sleep(0.05)


def test_what_expired_is_cleared_away(town: Town) -> None:
    town.browser("ana")

    def age() -> None:
        with write() as session:
            session.execute(sa.update(SignIn).values(expires_at=now() - dt.timedelta(seconds=1)))

    town.run(age)
    jobs.run_due(town.app)
    assert town.run(lambda: db.session.scalars(sa.select(SignIn)).all()) == []
