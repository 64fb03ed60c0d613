"""The database: base class, types, session, and the write boundary. Who may read what is in `access.py`."""

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any

import sqlalchemy as sa
from flask import g, has_app_context
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

WRITING = {"parvis_writing": True}
READING: dict[str, dict[str, Any]] = {"sqlite": {}, "postgresql": {"isolation_level": "AUTOCOMMIT"}}
WRITES = "purge_expired"  # the one hook that is called outside of a write and begins its own
TROUBLE = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)  # not the statement's fault
_CHANGES = ("INSERT", "UPDATE", "DELETE")


class WriteOutsideBoundary(RuntimeError):
    """A change was sent to the database outside `with write():`, or somebody else wanted to end one."""


class FailureUnsaid(RuntimeError):
    """A statement failed, and whoever sent it said nothing: PostgreSQL takes no other until a rollback."""


class Base(DeclarativeBase):
    """Base class of every table, the core's and the plugins'."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(sa.types.TypeDecorator[dt.datetime]):
    """An aware datetime, kept in UTC on both engines; a naive one is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime can't be stored")
        utc = value.astimezone(dt.UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: dt.datetime | None, _dialect: sa.Dialect) -> dt.datetime | None:
        return None if value is None else value.astimezone(dt.UTC)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any] | None:
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


@lru_cache(maxsize=4096)
def _from_text(text: str | None) -> dt.datetime | None:
    """The moment that SQLite keeps as this text; the same ones are read all the time."""
    return None if text is None else dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


class Versioned:
    """A row whose `version` rises at each change; the later of two editors gets StaleDataError."""

    version: Mapped[int] = mapped_column(default=1)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


def now() -> dt.datetime:
    """The current time, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


def _held(name: str) -> Callable[..., Any]:
    method = getattr(FlaskSession, name)

    def end(self: "Session", *args: Any, **kw: Any) -> Any:
        if self.info.get("writing") or g.get("visited"):
            raise WriteOutsideBoundary(f"{name}(): what somebody else began is not yours to end")
        return method(self, *args, **kw)

    return end


class Session(FlaskSession):
    """A session whose `get` is always a SELECT, so that the read guard sees it; bulk methods are closed.

    During a `write`, or while it is `visited` by a plugin's hook, nobody but a `write` ends its transaction.
    """

    commit, rollback, close, reset, invalidate, expunge_all = map(
        _held, ("commit", "rollback", "close", "reset", "invalidate", "expunge_all")
    )

    def get(self, entity: Any, ident: Any, **kw: Any) -> Any:
        if any(kw.values()):
            raise TypeError(f"Session.get takes no options here: {sorted(kw)}")
        key = sa.inspect(entity).primary_key
        values = ident if isinstance(ident, tuple) else (ident,)
        where = [column == value for column, value in zip(key, values, strict=True)]
        return self.scalars(sa.select(entity).where(*where)).one_or_none()

    def _bulk(self, *_args: Any, **_kw: Any) -> None:
        raise TypeError("bulk methods pass the read guard by: use insert() or update()")

    bulk_save_objects = bulk_insert_mappings = bulk_update_mappings = _bulk


db = SQLAlchemy(model_class=Base, disable_autonaming=True, session_options={"class_": Session})


@contextmanager
def write() -> Iterator[Session]:
    """Everything inside is one transaction, committed at the end; SQLite takes its write lock at once.

    What was read before is forgotten and read again inside. A `write` within a `write` joins it.
    """
    session: Session = db.session()  # type: ignore[assignment]
    if session.info.get("writing"):
        yield session
        return
    if g.get("visited") not in (None, WRITES):
        raise WriteOutsideBoundary("a hook that is asked while somebody reads may not write")
    if session.new or session.dirty or session.deleted:
        raise WriteOutsideBoundary("objects were changed before `with write():`")
    FlaskSession.rollback(session)
    session.info.update(writing=True, before_commit={}, after_commit=[])
    try:
        session.connection(execution_options=WRITING)
        yield session
        session.flush()
        for call in session.info["before_commit"]:
            call()
        FlaskSession.commit(session)
    except BaseException:
        FlaskSession.rollback(session)
        session.info["after_commit"] = []
        for remembered in ("stamps", "enabled_plugins"):  # as they were inside, which never was
            g.pop(remembered, None)
        raise
    finally:
        session.info["writing"] = False
    for call in session.info.pop("after_commit"):
        call()


def writing() -> bool:
    """Whether this is inside `with write():`."""
    return db.session.registry.has() and bool(db.session().info.get("writing"))


def changed() -> bool:
    """Whether objects were changed that no write has taken, or the connection was closed."""
    if not db.session.registry.has():
        return False
    session = db.session()
    if session.in_transaction():
        if session.connection().closed:
            return True
        session.connection().connection.cursor()  # raises where a hook closed the driver's own
    return bool(session.new or session.dirty or session.deleted)


def begin_anew() -> bool:
    """End what is read, also within a hook, where nobody else may; False where its connection was lost."""
    session = db.session()
    try:
        FlaskSession.rollback(session)
    except Exception:  # noqa: BLE001  of whichever driver
        FlaskSession.invalidate(session)
        return False
    return True


def before_commit(call: Callable[[], None]) -> None:
    """Run `call` as the last thing of the surrounding `write`, once however often it is asked for."""
    session = db.session()
    if not session.info.get("writing"):
        raise WriteOutsideBoundary("before_commit belongs inside `with write():`")
    session.info["before_commit"].setdefault(call)


def after_commit(call: Callable[[], None]) -> None:
    """Run `call` once the surrounding `write` is safely in the database; never if it isn't."""
    session = db.session()
    if not session.info.get("writing"):
        raise WriteOutsideBoundary("after_commit belongs inside `with write():`")
    session.info["after_commit"].append(call)


def reading() -> Connection:
    """The connection that prepared statements read by: the session's inside its transaction, else one beside.

    The one beside stays open until the request or the job ends, and sees at each statement what is committed.
    """
    if db.session.registry.has() and db.session().in_transaction():
        return db.session.connection()
    connection: Connection | None = g.get("reading")
    if connection is None or connection.closed:
        connection = g.reading = db.engine.connect().execution_options(**READING[db.engine.dialect.name])
    return connection


def end_reading(_error: BaseException | None = None) -> None:
    """Give back the connection that was used beside the session."""
    if (connection := g.pop("reading", None)) is not None:
        connection.close()


def table_of(model: type[Base]) -> sa.Table:
    """The table of a model, for statements that carry the guard's clauses themselves."""
    table = model.__table__
    if not isinstance(table, sa.Table):
        raise TypeError(f"{model.__name__} has no table of its own")
    return table


def unfiltered(statement: Any, values: Any = None) -> "sa.CursorResult[Any]":
    """Run a Core statement to which the guard adds nothing: its author has said whom it concerns."""
    run: Any = db.session.execute if statement._propagate_attrs else db.session.connection().execute
    result = run(statement, values, execution_options={"guarded": True})
    if not isinstance(result, sa.CursorResult):
        raise TypeError("not a Core statement")
    return result


def insert(model: Any) -> Any:
    """An INSERT of the engine in use, which knows ON CONFLICT."""
    return import_module(f"sqlalchemy.dialects.{db.session.get_bind().dialect.name}").insert(model)


def insert_once(model: type[Base], **values: Any) -> bool:
    """Insert a row unless one with the same key is there; says whether this call inserted it."""
    return bool(insert_new(model, values, _ONE))


def insert_new(model: type[Base], rows: Any, returning: Any) -> list[Any]:
    """Insert in one statement the rows whose key is not there; answers a column of those inserted."""
    db.session.flush()
    new = _new(model, returning, db.session.get_bind().dialect.name)
    return list(unfiltered(new, rows).scalars())


@lru_cache
def _new(model: type[Base], returning: Any, _dialect: str) -> Any:
    return insert(table_of(model)).on_conflict_do_nothing().returning(returning)


_ONE: Any = sa.literal_column("1")


def counter(column: sa.Column[int]) -> Any:
    """An UPDATE that changes a counter of one `row` by `change`, whatever others do to it meanwhile."""
    more = {column.name: column + sa.bindparam("change", type_=sa.Integer)}
    return sa.update(column.table).where(column.table.c.id == sa.bindparam("row")).values(more)


def lock(statement: sa.Select[Any]) -> sa.Select[Any]:
    """The same SELECT, holding its rows until the write ends (SQLite holds the whole file already).

    Nobody else holds, changes or deletes them, but new rows may refer to them: else two who hold a row each
    and refer to the other's would wait for one another. Locks are taken in one order: an advisory one that
    numbers what is made (notices), then rows, and at the very end that of events, whose holder waits for
    nothing more.
    """
    return statement.with_for_update(key_share=True).execution_options(populate_existing=True)


def prepare(engine: Engine) -> None:
    """Set an engine up: safe, patient SQLite; changes only inside the write boundary."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    event.listen(engine, "before_cursor_execute", _refuse_stray_changes)
    event.listen(engine, "handle_error", note_failure)


def _sqlite_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "busy_timeout=10000",  # less than a request may take: who waits in vain is told so
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-16000",
        "secure_delete=ON",  # what is deleted is overwritten
    ):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get("parvis_writing")
    if writing:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.connection.cursor().execute("BEGIN")  # waits for nobody and can't fail


def note_failure(_context: object = None) -> None:
    """Remember for whoever calls a plugin's hook that a statement failed in it, which it may hide."""
    if has_app_context():
        g.failed = True


def _refuse_stray_changes(
    connection: Connection, _cursor: object, sql: str, _parameters: object, _context: object, _many: bool
) -> None:
    if sql.lstrip()[:6].upper() in _CHANGES and not connection.get_execution_options().get("parvis_writing"):
        raise WriteOutsideBoundary(sql[:80])
