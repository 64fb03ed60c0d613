"""Digests for a whole town: telling everybody of a post, putting their mail into the outbox, wording it."""

import datetime as dt
import sqlite3
import time
from pathlib import Path

import sqlalchemy as sa

from core import create_app, jobs, mail, migrate, registry
from core.access import as_system
from core.accounts.sessions import as_viewer
from core.config import Config
from core.db import db, now, write
from core.feed.actions import publish
from core.models import Account, Mail, Membership, NoticeRound, Space, User
from portal.notices import mailing

POSTS = 3


def digests(folder: Path, people: int) -> tuple[float, float]:
    """Seconds to tell so many people and fill their outbox, and to word each of the messages."""
    app = create_app(Config(data=folder, url="http://localhost"))
    with app.app_context(), as_system("measure digests"):
        migrate.upgrade(db.engine, registry.current().modules)
        ids = range(1, people + 1)
        with write() as session:
            names = [{"handle": f"p{n}", "name": f"Person {n}", "folded": f"p{n}", "id": n} for n in ids]
            session.execute(sa.insert(User), names)
            session.execute(sa.insert(Account), [{"user_id": n, "email": f"p{n}@bench.example"} for n in ids])
            session.execute(sa.insert(Space), [{"id": 1, "name": "Square"}])
            session.execute(sa.insert(Membership), [{"user_id": n, "space_id": 1} for n in ids])
            session.execute(sa.text("ANALYZE"))
        for number in range(POSTS):
            with as_viewer(1):
                publish(db.session.get(Space, 1), "Hello " * 40, title=f"News {number}")
        started = time.perf_counter()
        jobs.run_due(app)
        with write() as session:
            session.execute(sa.update(NoticeRound).values(due_at=now() - dt.timedelta(seconds=1)))
        while mailing._mail_some():
            pass
        told = time.perf_counter()
        rows = db.session.scalars(sa.select(Mail)).all()
        assert len(rows) == people - 1
        db.session.expunge_all()
        assert all(mail.written(row) for row in rows)
        done = time.perf_counter()
        db.session.remove()
        db.engine.dispose()
    return told - started, done - told


def bare(folder: Path, people: int) -> float:
    """Seconds in which sqlite3 alone inserts the notices of as many people, and as many outbox rows."""
    raw = sqlite3.connect(folder / "raw.db", isolation_level=None)
    raw.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE n (a PRIMARY KEY, b, c, d, e);"
        "CREATE INDEX i ON n (b, c); CREATE TABLE m (a INTEGER PRIMARY KEY, b, c, d)"
    )
    started = time.perf_counter()
    for first in range(0, people, mailing.PEOPLE):
        some = range(first, first + mailing.PEOPLE)
        raw.execute("BEGIN IMMEDIATE")
        notices = [(f"{n} {post}", n, post, "core.post", "daily") for n in some for post in range(POSTS)]
        raw.executemany("INSERT INTO n VALUES (?, ?, ?, ?, ?)", notices)
        raw.executemany(
            "INSERT INTO m (b, c, d) VALUES (?, ?, ?)", [(n, "x@y.example", "News") for n in some]
        )
        raw.execute("COMMIT")
    raw.close()
    return time.perf_counter() - started
