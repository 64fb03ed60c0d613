"""Statements that pages run all the time: filtered and compiled once, then handed to the driver as they are.

What SQLAlchemy does anew at each call takes several times as long as the database's own work.
"""

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from . import access, guard
from .db import note_failure, reading

LISTS = ("viewer_kinds", "viewer_notices")  # written out in the SQL, which is compiled for each


@dataclass(frozen=True)
class _Compiled:
    """A statement's SQL, its parameters, those still open until it runs, and how its rows are read."""

    context: Any
    sql: str
    parameters: Any
    open: tuple[tuple[Any, str | Callable[[], Any], Callable[[Any], Any] | None], ...]
    converters: tuple[tuple[int, Callable[[Any], Any]], ...]
    row: Callable[[Any], Any]


class Prepared:
    """A SELECT of columns, run for the viewer; its rows are named tuples, or of a type that is given.

    Inside a write it sees what was flushed. A statement of models is filtered by the read guard; a hot page's
    own Core statement carries the clauses and is marked.
    """

    def __init__(self, statement: Any, row: type[tuple[Any, ...]] | None = None) -> None:
        self.statement, self.row = statement, row
        self._known: WeakKeyDictionary[sa.Dialect, dict[Any, _Compiled]] = WeakKeyDictionary()

    def __call__(self, **values: Any) -> list[Any]:
        connection, kinds = reading(), (access.sees(), *map(values.get, LISTS))
        known = self._known.setdefault(connection.dialect, {})
        if kinds not in known:
            known[kinds] = self._compile(connection.dialect, values)
        compiled = known[kinds]
        parameters = compiled.parameters.copy()
        for place, source, convert in compiled.open:
            value = values[source] if isinstance(source, str) else source()
            parameters[place] = convert(value) if convert else value
        rows = _run(connection, compiled, parameters)
        if rows and compiled.converters:
            columns = list(zip(*rows, strict=True))
            for place, convert in compiled.converters:
                columns[place] = tuple(map(convert, columns[place]))
            rows = list(zip(*columns, strict=True))
        return list(map(compiled.row, rows))

    def _compile(self, dialect: sa.Dialect, values: dict[str, Any]) -> _Compiled:
        statement = guard.filtered(self.statement)
        compiled = statement.compile(dialect=dialect)
        lists = {name for name in values.keys() & compiled.binds.keys() if compiled.binds[name].expanding}
        if lists - {*LISTS}:
            raise TypeError("a list of values makes another statement each time")
        state = compiled.construct_expanded_state(values)
        names, parameters = list(state.positiontup or state.parameters), dict(state.parameters)
        still_open = []
        for place, name in enumerate(names):
            bound, convert = compiled.binds.get(name), state.processors.get(name)
            if bound is not None:
                convert = bound.type.dialect_impl(dialect).bind_processor(dialect)
            source = name if name in values else getattr(bound, "callable", None)
            if source is not None:
                still_open.append((place if state.positiontup else name, source, convert))
            elif convert is not None:
                parameters[name] = convert(state.parameters[name])
        columns = list(statement.selected_columns)
        converters = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        keys = [column.key or "" for column in columns]
        row: Any = self.row or namedtuple("Row", keys, rename=True)
        return _Compiled(
            SimpleNamespace(execution_options=statement.get_execution_options(), compiled=compiled),
            state.statement,
            [parameters[name] for name in names] if state.positiontup else parameters,
            tuple(still_open),
            tuple((place, convert) for place, convert in enumerate(converters) if convert is not None),
            partial(tuple.__new__, row),  # as its _make does, for many rows
        )


def _run(connection: sa.Connection, compiled: _Compiled, parameters: Any) -> list[Any]:
    cursor = connection.connection.cursor()
    for listener in connection.dispatch.before_cursor_execute:  # the guard's second net among them
        listener(connection, cursor, compiled.sql, parameters, compiled.context, False)
    errors = connection.dialect.loaded_dbapi.Error
    try:
        cursor.execute(compiled.sql, parameters)
        return list(cursor.fetchall())
    except errors as error:
        lost = connection.dialect.is_disconnect(error, connection.connection.dbapi_connection, cursor)
        if lost:  # and so are those that wait in the pool
            connection.invalidate(error)
            connection.engine.dispose()
        note_failure()
        raise sa.exc.DBAPIError.instance(
            compiled.sql,
            parameters,
            error,
            errors,
            connection_invalidated=lost,
            dialect=connection.dialect,
        ) from error
    finally:
        cursor.close()
