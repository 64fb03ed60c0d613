"""Work outside requests: rows that the worker leases, runs, and tries again when they fail.

A job runs in the worker's main thread, where an alarm ends it after its `seconds`. The lease outlives
that, so a job is taken up again only when its worker died. A periodic job is one row that comes back;
jobs of a plugin that is off wait. What runs the worker itself is in `ops/worker.py`.
"""

import datetime as dt
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import sqlalchemy as sa
from flask import Flask

from . import access, registry
from .db import db, insert_once, lock, now, write
from .models import JobRow
from .plugin import Job

PAUSES = tuple(dt.timedelta(seconds=seconds) for seconds in (30, 120, 600, 3600, 6 * 3600))
LEASE_MARGIN = dt.timedelta(seconds=60)


class OutOfTime(BaseException):
    """A job ran longer than its `seconds`; no Exception, so that a job's own error handling lets it pass."""


def enqueue(name: str, delay: dt.timedelta | None = None, once: str | None = None, **payload: Any) -> None:
    """Ask for a job, inside a write; with `once`, nothing happens while one with that key waits."""
    registry.current().declared("jobs", name)
    insert_once(JobRow, name=name, run_at=now() + (delay or dt.timedelta()), once=once, payload=payload)


def run_due(app: Flask, stop: threading.Event | None = None) -> int:
    """Run what is due, one job after the other; answers how many ran."""
    with app.app_context(), access.as_system("plan periodic jobs"):
        _plan()
    count = 0
    while not (stop and stop.is_set()) and _run_next(app):
        count += 1
    return count


def _active() -> list[Job]:
    return [job for plugin in registry.current().active() for job in plugin.jobs]


def _plan() -> None:
    """Give every periodic job that has none its row."""
    periodic = {_key(job): job for job in _active() if job.every or _waits(job)}
    planned = set(db.session.scalars(sa.select(JobRow.once).where(JobRow.once.in_(periodic))))
    if periodic.keys() - planned:
        with write():
            for key, job in periodic.items():
                insert_once(JobRow, name=job.name, once=key, payload={})


def _waits(job: Job) -> bool:
    """Whether a job that looks for its work itself has found some; one that fails to look has none."""
    plugins = registry.current()
    owner = plugins.declared("jobs", job.name)[0].name
    return job.waiting is not None and bool(plugins.attempt(owner, f"job {job.name}", job.waiting, False))


def _key(job: Job) -> str:
    return f"every {job.name}"


def _run_next(app: Flask) -> bool:
    with app.app_context():
        with access.as_system("take a job"):
            row = _take()
        if row is None:
            return False
        plugins = registry.current()
        owner, job = plugins.declared("jobs", row.name)
        error = _run(job, row.payload)
        db.session.rollback()
        if error is not None:
            plugins.fault(owner.name, f"job {job.name}", error, counts=False)
        with access.as_system("note how a job went"), write():
            _finish(row, job, error)
        plugins.settle()
    return True


def _take() -> JobRow | None:
    """Lease the job that has been due for longest, if any; looking costs no write lock."""
    jobs = {job.name: job for job in _active()}
    free = sa.or_(JobRow.leased_until.is_(None), JobRow.leased_until < now())
    due = sa.select(JobRow).where(
        JobRow.name.in_(jobs), JobRow.state != "failed", JobRow.run_at <= now(), free
    )
    due = due.order_by(JobRow.run_at, JobRow.id).limit(1)
    if db.session.scalars(due.with_only_columns(JobRow.id)).one_or_none() is None:
        return None
    with write() as session:
        row = session.scalars(due.with_for_update(skip_locked=True)).one_or_none()
        if row is not None:
            job = jobs[row.name]
            row.state, row.attempts = "running", row.attempts + 1
            row.leased_until = now() + dt.timedelta(seconds=job.seconds) + LEASE_MARGIN
            row.once = row.once if row.once == _key(job) else None
            session.flush()
            session.expunge(row)
    return row


def _run(job: Job, payload: dict[str, Any]) -> BaseException | None:
    try:
        with _limited(job.seconds):
            job.run(**payload)
    except (Exception, OutOfTime) as error:  # noqa: BLE001  a job may raise anything; it is noted, tried again
        return error
    return None


@contextmanager
def _limited(seconds: int) -> Iterator[None]:
    """Raise OutOfTime inside after so many seconds; only the main thread can be told."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise OutOfTime(f"longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _finish(taken: JobRow, job: Job, error: BaseException | None) -> None:
    """Remove what is done, plan what is periodic, put off what failed; unless another worker has it now."""
    found = sa.select(JobRow).where(JobRow.id == taken.id, JobRow.attempts == taken.attempts)
    row = db.session.scalars(lock(found)).one_or_none()
    if row is None:
        return
    row.leased_until, row.state = None, "waiting"
    row.error = type(error).__name__ if error else ""
    if error is not None and (row.attempts <= len(PAUSES) or job.waiting):
        row.run_at = now() + PAUSES[min(row.attempts, len(PAUSES)) - 1]
    elif row.once == _key(job) and job.every:
        row.run_at, row.attempts = now() + job.every, 0
    elif error is not None:
        row.state = "failed"
    else:
        db.session.delete(row)
