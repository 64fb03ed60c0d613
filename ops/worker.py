"""The process that runs jobs, second by second; of several workers one leads.

The leader holds a lock: on a file with SQLite, one of its own session's with PostgreSQL.
"""

import datetime as dt
import fcntl
import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from apscheduler.executors.debug import DebugExecutor
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from flask import Flask
from sqlalchemy.engine import Connection, Engine

from core import access, health, jobs
from core.config import Config
from core.db import TROUBLE, db, now, write
from core.models import JobRow, Mail, NoticeRound
from portal import backing_up

STEP = dt.timedelta(seconds=5)
LEADER_KEY = 7068947  # of the advisory lock, any number that nobody else uses

log = logging.getLogger("parvis.worker")


def run(app: Flask, stop: threading.Event) -> None:
    """Run what is due, second by second, until `stop` is set; of several workers one leads."""
    with app.app_context():
        engine, config = db.engine, app.config["PARVIS"]
    on_postgresql = engine.dialect.name == "postgresql"
    leader = SessionLock(engine) if on_postgresql else FileLock(config.data / "worker.lock")
    clock, cut_off = Clock(), False
    executors = {"default": DebugExecutor(), "beat": ThreadPoolExecutor(1)}
    scheduler = BlockingScheduler(timezone=dt.UTC, executors=executors)

    def tick() -> None:
        nonlocal cut_off
        if leader.held():
            if by := clock.set_back():
                bring_forward(app, by)
            if cut_off:
                let_go(app)
            try:
                jobs.run_due(app, stop)
            except TROUBLE:
                cut_off = True
                raise
            cut_off = False

    def end() -> None:
        stop.wait()
        while not scheduler.running:
            time.sleep(0.1)
        scheduler.shutdown(wait=False)

    backing_up.clear(config.data)
    beat(config)
    scheduler.add_job(tick, "interval", seconds=1, coalesce=True, misfire_grace_time=None)
    scheduler.add_job(beat, "interval", [config], seconds=health.BEAT_SECONDS, executor="beat")
    threading.Thread(target=end, daemon=True, name="stop").start()
    try:
        scheduler.start()
    finally:
        leader.release()


class Clock:
    """Notices when the clock of the machine is set back."""

    def __init__(self) -> None:
        self.offset = self._offset()

    def set_back(self) -> dt.timedelta:
        """By how much since the last call; what is less than a few seconds is nothing."""
        before, self.offset = self.offset, self._offset()
        gone = dt.timedelta(seconds=before - self.offset)
        return gone if gone > STEP else dt.timedelta()

    def _offset(self) -> float:
        return now().timestamp() - time.monotonic()


def beat(config: Config) -> None:
    """Note that the worker lives, as `parvis check` and /healthz read it."""
    temporary = config.data / "worker-beat.new"
    temporary.write_text(now().isoformat())
    temporary.replace(config.data / "worker-beat")


def bring_forward(app: Flask, by: dt.timedelta) -> None:
    """Let what waits for a time wait no longer than it was to, although the clock was set back."""
    log.warning("the clock was set back", extra={"seconds": by.total_seconds()})
    with app.app_context(), access.as_system("follow the clock"), write() as session:
        for model, column in ((JobRow, "run_at"), (JobRow, "leased_until"), (Mail, "next_at")):
            for row in session.scalars(sa.select(model).where(getattr(model, column) > now())):
                setattr(row, column, getattr(row, column) - by)
        late = NoticeRound.way == "at_once", NoticeRound.due_at > now()  # digests wait for an hour of the day
        session.execute(sa.update(NoticeRound).where(*late).values(due_at=now()))


def let_go(app: Flask) -> None:
    """Try again soon what the database went away under; nobody else runs jobs while this worker leads."""
    soon = now() + jobs.PAUSES[0]
    with app.app_context(), access.as_system("let leases go"), write() as session:
        held = JobRow.state == "running", JobRow.leased_until > soon
        session.execute(sa.update(JobRow).where(*held).values(leased_until=soon))


class FileLock:
    """The leader among the workers on one machine; the system gives it back when a process ends."""

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_RDWR | os.O_CREAT)  # stays open: closing it gives the lock away

    def held(self) -> bool:
        """Whether this process leads, or could just become the leader."""
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let another lead."""
        fcntl.flock(self.file, fcntl.LOCK_UN)


class SessionLock:
    """The leader among the workers on one PostgreSQL: whose session holds the lock, while it lives."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.connection: Connection | None = None

    def held(self) -> bool:
        """Whether this process leads, or could just become the leader; asks the session each time."""
        try:
            if self.connection is not None:
                self.connection.execute(sa.select(1))
                return True
            connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if connection.scalar(sa.select(sa.func.pg_try_advisory_lock(LEADER_KEY))):
                self.connection = connection
            else:
                connection.close()
        except sa.exc.OperationalError:
            self.release()
        return self.connection is not None

    def release(self) -> None:
        """Let another lead."""
        if self.connection is not None:
            with suppress(sa.exc.SQLAlchemyError):  # a session that died has let go already
                self.connection.execute(sa.select(sa.func.pg_advisory_unlock(LEADER_KEY)))
            self.connection.invalidate()
            self.connection.close()
            self.connection = None
