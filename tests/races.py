"""For tests of two writes at once: waiting until one of them waits for the other."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from core.db import db

if TYPE_CHECKING:
    from concurrent.futures import Future


def await_lock(waits: Future[Any]) -> None:
    """Return once it waits for a lock that somebody else holds (SQLite has one, for the whole file)."""
    if db.engine.name == "sqlite":
        return
    activity = sa.table("pg_stat_activity", sa.column("datname"), sa.column("wait_event_type"))
    here = activity.c.datname == sa.func.current_database()
    waiting = sa.select(sa.func.count()).where(here, activity.c.wait_event_type == "Lock")
    with db.engine.connect().execution_options(guarded=True, isolation_level="AUTOCOMMIT") as connection:
        while not waits.done() and not connection.scalar(waiting):
            time.sleep(0.01)
