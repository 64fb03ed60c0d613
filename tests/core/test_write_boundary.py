"""Changes happen inside `with write():` only, all or none, and on rows read anew."""

# ruff: noqa: PT012  what raises here is the end of a write that did something before

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core.access import as_system
from core.db import WriteOutsideBoundary, after_commit, db, insert_once, write
from core.models import Area, Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

pytestmark = pytest.mark.engines


@pytest.fixture(autouse=True)
def frame(app: Flask) -> Iterator[None]:
    """Code outside a request, which reads everything."""
    with app.app_context(), as_system("test"):
        yield
        db.session.remove()


def land(name: str) -> Area:
    """A row to be written."""
    return Area(level="land", name=name)


def names() -> list[str]:
    """The names that are in the database."""
    return list(db.session.scalars(sa.select(Area.name).order_by(Area.id)))


def other_writer() -> None:
    """Change a row by another connection, as another process would."""
    with db.engine.connect().execution_options(parvis_writing=True) as connection:
        connection.execute(sa.update(Area.__table__).values(name="changed elsewhere"))
        connection.commit()


def test_a_write_is_kept_and_a_failed_one_leaves_nothing() -> None:
    with write() as session:
        session.add(land("kept"))
    with pytest.raises(ZeroDivisionError), write() as session:
        session.add(land("half"))
        session.flush()
        _ = 1 / 0
    assert names() == ["kept"]


@pytest.mark.parametrize(
    "change",
    [
        lambda: db.session.execute(sa.insert(Area).values(level="land", name="stray")),
        lambda: db.session.execute(sa.update(Area).values(name="stray")),
        lambda: db.session.execute(sa.delete(Area)),
        lambda: db.session.execute(sa.text("  \n insert into core_area (level, name) values ('', '')")),
        lambda: insert_once(Stamp, key="stray"),
        lambda: (db.session.add(land("stray")), db.session.flush()),
    ],
    ids=["insert", "update", "delete", "text", "insert_once", "flush"],
)
def test_a_change_outside_a_write_is_refused(change: object) -> None:
    with write() as session:
        session.add(land("kept"))
    with pytest.raises(WriteOutsideBoundary):
        change()
    db.session.rollback()
    assert names() == ["kept"]


def test_objects_changed_before_the_write_are_refused_not_lost_nor_kept() -> None:
    with write() as session:
        session.add(land("kept"))
    db.session.scalars(sa.select(Area)).one().name = "early"
    with pytest.raises(WriteOutsideBoundary), write():
        pass
    db.session.rollback()
    db.session.add(land("early"))
    with pytest.raises(WriteOutsideBoundary), write():
        pass
    db.session.rollback()
    assert names() == ["kept"]


def test_the_session_is_usable_and_closed_to_changes_after_a_failed_write() -> None:
    with pytest.raises(sa.exc.IntegrityError), write() as session:
        session.add(Area(id=1, level="land", name="one"))
        session.flush()
        session.execute(sa.insert(Area).values(id=1, level="land", name="two"))
    with pytest.raises(WriteOutsideBoundary):
        db.session.execute(sa.update(Area).values(name="stray"))
    with write() as session:
        session.add(land("after"))
    assert names() == ["after"]


def test_a_write_within_a_write_joins_it() -> None:
    with pytest.raises(ZeroDivisionError), write() as outer:
        with write() as inner:
            assert inner is outer
            inner.add(land("inner"))
        assert names() == ["inner"]
        _ = 1 / 0
    assert names() == []


def test_a_failure_inside_a_joined_write_ends_the_outer_one_too_unless_under_a_savepoint() -> None:
    with write() as session:
        session.add(land("outer"))
        with pytest.raises(ZeroDivisionError), session.begin_nested(), write():
            session.add(land("inner"))
            session.flush()
            _ = 1 / 0
    assert names() == ["outer"]


def test_what_follows_a_commit_runs_once_after_it_and_never_after_a_failure() -> None:
    ran = []
    with write() as session:
        session.add(land("kept"))
        with write():
            after_commit(lambda: ran.append(names()))
        assert ran == []
    assert ran == [["kept"]]
    with pytest.raises(ZeroDivisionError), write():
        after_commit(lambda: ran.append("never"))
        _ = 1 / 0
    with write():
        pass
    assert ran == [["kept"]]
    with pytest.raises(WriteOutsideBoundary):
        after_commit(lambda: None)


def test_what_follows_a_commit_may_write_again() -> None:
    def more() -> None:
        with write() as session:
            session.add(land("second"))

    with write() as session:
        session.add(land("first"))
        after_commit(more)
    assert names() == ["first", "second"]


def test_rows_read_before_a_write_are_read_again_inside() -> None:
    with write() as session:
        session.add(land("before"))
    row = db.session.scalars(sa.select(Area)).one()
    assert row.name == "before"
    db.session.rollback()
    row = db.session.scalars(sa.select(Area)).one()
    seen = row.name
    other_writer()
    with write():
        assert (seen, row.name) == ("before", "changed elsewhere")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_write_holds_the_lock_of_sqlite_from_its_first_moment() -> None:
    with write():
        other = sqlite3.connect(db.engine.url.database, timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM core_area").fetchone() == (0,)
        other.close()


def test_insert_once_says_who_was_first() -> None:
    with write():
        assert insert_once(Stamp, key="race", version=1)
        assert not insert_once(Stamp, key="race", version=2)
    assert db.session.scalar(sa.select(Stamp.version).where(Stamp.key == "race")) == 1
