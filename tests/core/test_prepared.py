"""Prepared statements: what they see and when, how their rows read, and what becomes of their connection."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core.access import NoViewer, Viewer, as_system, as_viewer
from core.db import UtcDateTime, db, end_reading, reading, write
from core.feed import query
from core.feed.actions import publish
from core.models import Area, Entry, Space
from core.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from core.testing import Town

pytestmark = pytest.mark.engines

NAMES = sa.select(Area.name).order_by(Area.id)


@pytest.fixture
def frame(app: Flask) -> Iterator[None]:
    """Code outside a request, for the system."""
    with app.app_context(), as_system("test"):
        yield


def add(name: str) -> None:
    """Add an area inside a write."""
    db.session.add(Area(name=name, level="commune"))
    db.session.flush()


def test_it_sees_what_is_committed_and_inside_a_write_what_was_flushed(frame: None) -> None:
    names = Prepared(NAMES)
    assert names() == []

    def fail() -> None:
        with write():
            add("Never")
            assert names() == [("Never",)]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names() == []
    with write():
        add("Here")
    assert names() == [("Here",)]
    assert not db.session().in_transaction()
    db.session.scalars(NAMES).all()
    assert reading() is db.session.connection()


def test_rows_have_names_and_the_types_of_their_columns(town: Town) -> None:
    space_id = town.space("Square", "olga")
    town.run(lambda: publish(db.session.get(Space, space_id), "Words"), "olga")
    columns = (Entry.id, Entry.published_at, Entry.in_feed, Entry.edited_at, (Entry.id + 1).label("next"))
    [row] = town.run(lambda: Prepared(sa.select(*columns))(), "olga")
    assert row.published_at.tzinfo is dt.UTC
    assert (row.in_feed, row.edited_at, row.next) == (True, None, row.id + 1)
    assert row.in_feed is True


def test_values_are_given_as_their_types_say(town: Town) -> None:
    moment = dt.datetime(2026, 3, 12, 18, 30, 0, 123456, dt.UTC)
    later = sa.select(Entry.id).where(Entry.created_at > sa.bindparam("moment", type_=UtcDateTime))
    space_id = town.space("Square", "olga")
    entry = town.run(lambda: publish(db.session.get(Space, space_id), "Words").id, "olga")

    def dated() -> None:
        with write() as session:
            session.get(Entry, entry).created_at = moment

    town.run(dated)
    after = Prepared(later)
    east = dt.timezone(dt.timedelta(hours=5))
    for earlier, found in ((1, [(entry,)]), (0, []), (-1, [])):
        at = (moment - dt.timedelta(microseconds=earlier)).astimezone(east)
        assert town.run(lambda at=at: after(moment=at), "olga") == found


def test_each_page_of_a_feed_begins_exactly_where_the_one_before_ends(town: Town) -> None:
    space_id = town.space("Square", "olga")
    ids = [
        town.run(lambda n=n: publish(db.session.get(Space, space_id), f"Post {n}").id, "olga")
        for n in range(5)
    ]
    for who in (None, "olga"):
        seen: list[int] = []
        before = None
        while True:
            work = lambda before=before: query.page(size=2, before=before)  # noqa: E731
            page = town.run(work, who) if who else town.run(lambda: _as_visitor(work))  # noqa: B023
            seen += [row.id for row in page.entries]
            before = page.next
            if before is None:
                break
        assert seen == ids[::-1]


def _as_visitor(work):  # type: ignore[no-untyped-def]
    with as_viewer(Viewer(kinds=("core.group", "core.post"))):
        return work()


def test_it_reads_for_somebody(app: Flask) -> None:
    with app.app_context(), pytest.raises(NoViewer):
        Prepared(sa.select(Entry.id))()


def test_a_list_of_values_is_refused_for_it_would_be_another_statement_each_time(frame: None) -> None:
    some = Prepared(sa.select(Area.name).where(Area.id.in_(sa.bindparam("ids", expanding=True))))
    with pytest.raises(TypeError):
        some(ids=[1, 2])


def test_a_failure_is_told_as_sqlalchemy_tells_it(frame: None) -> None:
    nowhere = Prepared(sa.select(sa.table("nowhere", sa.column("x")).c.x))
    with pytest.raises((sa.exc.OperationalError, sa.exc.ProgrammingError)):
        nowhere()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_was_lost_is_not_used_again(frame: None) -> None:
    process = Prepared(sa.select(sa.func.pg_backend_pid().label("pid")))
    [(lost,)] = process()
    other = sa.create_engine(db.engine.url, poolclass=sa.NullPool)
    with other.connect() as connection:
        connection.execute(sa.select(sa.func.pg_terminate_backend(lost)))
    with pytest.raises(sa.exc.OperationalError) as caught:
        process()
    assert caught.value.connection_invalidated
    end_reading()
    assert process() != [(lost,)]


def test_a_request_gives_its_connection_back(town: Town) -> None:
    town.browser().get("/")
    with town.app.app_context():
        pool = db.engine.pool
        assert isinstance(pool, sa.QueuePool)
        assert pool.checkedout() == 0
