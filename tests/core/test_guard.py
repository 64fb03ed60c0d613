"""Nobody reads or changes through the database session what role, membership and audience hide from them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import NoResultFound

from core import access, guard
from core.access import Viewer, as_system, as_viewer
from core.db import Session, db, write
from core.models import Area, Entry, Membership, Space, User
from tests.core.guard_shapes import CANARY, READS, TABLE, WRITES, Prepares, Scene, Shelf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

pytestmark = pytest.mark.engines

KINDS = ("core.group", "core.post", "core.reply")
REFUSALS = (guard.UnguardedRead, TypeError, NoResultFound)


def reader(ident: int | None, role: str = "resident", kinds: tuple[str, ...] = KINDS) -> Viewer:
    """A viewer of these kinds of things; without an id, a visitor."""
    return Viewer(id=ident, role=role if ident else "visitor", kinds=kinds)


@pytest.fixture
def frame(app: Flask) -> Iterator[None]:
    """Code outside a request."""
    with app.app_context():
        with db.engine.connect().execution_options(guarded=True) as connection:
            Shelf.__table__.create(connection)
            connection.commit()
        yield
        db.session.remove()


def person(handle: str) -> User:
    """A person to be added."""
    return User(handle=handle, name=handle.title(), folded=handle)


@pytest.fixture
def scene(frame: None) -> Scene:
    """A public and a hidden entry by the same author, quoted by two rows that anybody may read."""
    with as_system("build the scene"), write() as session:
        stranger, member = person("stranger"), person("member")
        open_space, closed = Space(name="Square"), Space(name="Cellar", visibility="hidden")
        areas = [Area(level="land", name=name) for name in ("Here", "Over there")]
        session.add_all([stranger, member, open_space, closed, *areas])
        session.flush()
        assert stranger.id == areas[0].id
        session.add(Membership(space_id=closed.id, user_id=member.id))
        author = {"author_id": stranger.id, "html": ""}
        public = Entry(space_id=open_space.id, body="hello", support_count=1, **author)
        hidden = Entry(space_id=closed.id, body=CANARY, support_count=1, **author)
        session.add_all([public, hidden])
        session.flush()
        session.add_all([Shelf(entry_id=public.id), Shelf(entry_id=hidden.id)])
        return Scene(open_space.id, public.id, hidden.id, stranger.id, member.id)


@pytest.fixture
def without_guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take all nets down."""
    monkeypatch.setattr(guard, "CRITERIA", ())
    monkeypatch.setattr(guard, "_names_guarded", lambda *_: False)
    monkeypatch.setattr(guard, "_passes_by", lambda *_: False)
    monkeypatch.setattr(guard, "_seen", WeakKeyDictionary())
    event.remove(Session, "before_attach", guard._refuse_fabricated)
    yield
    event.listen(Session, "before_attach", guard._refuse_fabricated)


def seen(name: str, scene: Scene, viewer: int | None, prepares: Prepares | None = None) -> str:
    """What a way to read shows to somebody; nothing when it is refused, or can't be prepared."""
    with as_viewer(reader(viewer)):
        try:
            return repr(READS[name](prepares or db.session(), scene)).lower()
        except REFUSALS:
            return ""
        except (AttributeError, sa.exc.SQLAlchemyError):
            if prepares is None:
                raise
            return ""
        finally:
            db.session.rollback()


class Undo(Exception):
    """Ends a write without leaving a trace."""


def harm(name: str, scene: Scene) -> str:
    """What a way to write shows to a stranger or does to the hidden entry; nothing when it is refused."""
    found = ""
    with as_viewer(reader(scene.stranger)):
        try:
            with write() as session:
                found = repr(WRITES[name](session, scene))
                columns = (TABLE.c.body, TABLE.c.html, TABLE.c.lang)
                row = sa.select(*columns).where(TABLE.c.id == scene.hidden)
                kept = session.execute(row, execution_options={"guarded": True}).one_or_none()
                raise Undo
        except REFUSALS:
            return ""
        except Undo:
            return found if kept == (CANARY, "", None) else f"{CANARY} was changed"


def test_no_way_to_read_shows_what_the_viewer_may_not(scene: Scene) -> None:
    assert [name for name in READS if CANARY in seen(name, scene, None)] == []
    assert [name for name in READS if CANARY in seen(name, scene, scene.stranger)] == []


def test_every_way_to_read_would_show_it_without_the_guard(scene: Scene, without_guard: None) -> None:
    assert [name for name in READS if CANARY not in seen(name, scene, None)] == []


def test_no_prepared_statement_shows_what_the_viewer_may_not(scene: Scene) -> None:
    for viewer in (None, scene.stranger):
        assert [name for name in READS if CANARY in seen(name, scene, viewer, Prepares())] == []


def test_most_prepared_statements_would_show_it_without_the_guard(scene: Scene, without_guard: None) -> None:
    shown = [name for name in READS if CANARY in seen(name, scene, None, Prepares())]
    assert len(shown) > len(READS) / 2, shown


def test_no_way_to_write_shows_or_touches_what_the_viewer_may_not_read(scene: Scene) -> None:
    assert [name for name in WRITES if CANARY in harm(name, scene)] == []


def test_every_way_to_write_would_touch_it_without_the_guard(scene: Scene, without_guard: None) -> None:
    closed_anyway = ["update by a list of keys", "bulk update"]
    assert [name for name in WRITES if CANARY not in harm(name, scene)] == closed_anyway


RAW = (
    "SELECT body FROM core_entry",
    'SELECT body FROM "core_entry"',
    "SELECT body FROM [core_entry]",
    "SELECT body FROM `core_entry`",
    "SELECT body FROM main.core_entry",
    'SELECT body FROM "public"."core_entry"',
    "SELECT body FROM/**/core_entry",
    "SELECT body FROM core_user, core_entry",
    "SELECT body FROM (core_entry JOIN core_user ON true)",
    "WITH x AS (SELECT body FROM core_entry) SELECT * FROM x",
    "TABLE core_entry",
    "COPY core_entry TO STDOUT",
    "INSERT INTO core_area (name) SELECT body FROM core_entry",
    "INSERT INTO core_entry (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET body = ''",
    "UPDATE core_user SET name = (SELECT max(body) FROM core_entry)",
    "update core_entry set body = ''",
    "DELETE FROM core_entry",
    "SELECT query_to_xml('SELECT body FROM core_' || 'entry', true, false, '')",
    "SELECT database_to_xml(true, false, '')",
    "SELECT word FROM ts_stat('SELECT to_tsvector(body) FROM core_' || 'entry')",
    "SELECT * FROM dblink('dbname=town', 'SELECT body FROM core_' || 'entry') AS t(body text)",
    "SELECT most_common_vals FROM pg_stats",
    "SELECT query FROM pg_stat_activity",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT load_extension('/tmp/mine')",
    "SELECT sample FROM sqlite_stat4",
    'SELECT body FROM U&"core\\005fentry"',
    "DO $$ BEGIN EXECUTE 'SELECT body FROM core_' || 'entry'; END $$",
    "CREATE VIEW mine AS SELECT 1",
    "PREPARE mine AS SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "ATTACH 'town.db' AS other",
    "VACUUM INTO '/tmp/copy'",
    "PRAGMA query_only",
    "COMMIT",
    "ROLLBACK",
    "END",
)


def test_sql_that_names_a_guarded_table_is_refused(frame: None) -> None:
    with as_viewer(reader(None)):
        connection = db.session.connection(execution_options={"parvis_writing": True})
        for sql in RAW:
            with pytest.raises(guard.UnguardedRead):
                connection.exec_driver_sql(sql)


def test_sql_of_public_tables_passes(frame: None) -> None:
    with as_viewer(reader(None)):
        assert db.session.execute(sa.text("SELECT core_user.id FROM core_user")).all() == []


def test_a_row_deleted_under_a_savepoint_that_fails_is_there_again(scene: Scene) -> None:
    with as_viewer(reader(scene.stranger)), write() as session:
        entry = session.get(Entry, scene.public)
        with suppress(ZeroDivisionError), session.begin_nested():
            session.delete(entry)
            session.flush()
            _ = 1 / 0
        assert entry in session
        assert entry.body == "hello"


def test_a_read_without_a_viewer_is_refused(frame: None) -> None:
    with pytest.raises(access.NoViewer):
        db.session.scalars(sa.select(Entry)).all()


def test_a_statement_compiled_for_one_viewer_serves_the_next_by_their_own_rights(scene: Scene) -> None:
    counted = []
    for viewer in (scene.member, None, scene.stranger, scene.member, None):
        with as_viewer(reader(viewer)):
            counted.append(db.session.scalar(sa.select(sa.func.count(Entry.id))))
    assert counted == [2, 1, 1, 2, 1]


def test_what_the_system_loaded_is_not_there_for_the_viewer_afterwards(scene: Scene) -> None:
    with as_viewer(reader(scene.stranger)):
        with as_system("load everything"):
            assert db.session.get(Entry, scene.hidden) is not None
            assert len(db.session.scalars(sa.select(Entry)).all()) == 2
        assert db.session.get(Entry, scene.hidden) is None
        assert [entry.id for entry in db.session.scalars(sa.select(Entry))] == [scene.public]


def test_a_viewer_within_a_viewer_leaves_nothing_behind_and_gives_back_what_was_there(scene: Scene) -> None:
    with as_viewer(reader(scene.stranger)):
        mine = db.session.get(Entry, scene.public)
        with as_viewer(reader(scene.member)):
            assert db.session.get(Entry, scene.hidden) is not None
            assert mine not in db.session
        assert mine in db.session
        assert db.session.get(Entry, scene.hidden) is None


def test_an_exception_ends_the_frame_of_a_viewer_and_of_the_system(scene: Scene) -> None:
    with as_viewer(reader(None)):
        for inner in (as_viewer(reader(scene.member)), as_system("fail")):
            with pytest.raises(ZeroDivisionError), inner:
                _ = 1 / (db.session.get(Entry, scene.hidden) is None)
            assert db.session.get(Entry, scene.hidden) is None


def test_what_a_person_writes_without_being_its_reader_can_be_finished(scene: Scene) -> None:
    with as_viewer(reader(scene.stranger)):
        with write() as session:
            entry = Entry(space_id=scene.space, body="to the team", html="", team_only=True)
            session.add(entry)
        assert entry.id is not None
        assert db.session.get(Entry, entry.id) is None


def test_rows_of_kinds_of_plugins_that_are_off_are_not_read(scene: Scene) -> None:
    with as_viewer(reader(scene.member, kinds=("core.post",))):
        assert db.session.scalars(sa.select(Space)).all() == []
        assert db.session.scalars(sa.select(Entry)).all() == []
    with as_viewer(reader(scene.member, kinds=("core.group",))):
        assert len(db.session.scalars(sa.select(Space)).all()) == 2
        assert db.session.scalars(sa.select(Entry)).all() == []
