"""The rows of a town as text that either database takes: each a JSON array, by the tables as they stand."""

import base64
import datetime as dt
import decimal
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import archive

BATCH = 500
LARGEST_BATCH = 8 * 1024**2
LONGEST_ROW, MOST_VALUES = 64 * 1024**2, 2_000_000


class RowError(Exception):
    """Rows that can't be written down, or that don't fit the tables they are for."""


def heads(connection: Connection) -> dict[str, str]:
    """The revision that each owner's tables are at, owners whose package is gone included."""
    names = [name for name in sa.inspect(connection).get_table_names() if name.endswith("_version")]
    version: sa.ColumnClause[str] = sa.column("version_num")
    found = {name: connection.scalar(sa.select(version).select_from(sa.table(name))) for name in names}
    return {name.removesuffix("_version"): head for name, head in found.items() if head}


def tables(connection: Connection, owners: Iterable[str]) -> dict[str, sa.Table]:
    """The tables of these owners as they stand in the database, without what is derived from others."""
    derived = _virtual(connection)
    prefixes = tuple(f"{owner}_" for owner in owners)
    versions = {f"{owner}_version" for owner in owners}
    names = [
        name
        for name in sorted(sa.inspect(connection).get_table_names())
        if name.startswith(prefixes) and name not in derived | versions
    ]
    metadata = sa.MetaData()
    for name in names:
        table = sa.Table(name, metadata, autoload_with=connection, resolve_fks=False)
        for column in table.columns:
            if isinstance(column.type, sa.JSON):
                column.type = sa.JSON(none_as_null=bool(column.nullable))
    return dict(metadata.tables)


def columns(table: sa.Table) -> list[sa.Column[Any]]:
    """The columns that hold something of their own: the database computes the others."""
    return [column for column in table.columns if column.computed is None]


def sequences(connection: Connection, found: Mapping[str, sa.Table]) -> dict[str, int]:
    """The last number that each table gave away, so that none is ever given twice."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")
        return {row.name: row.seq for row in rows if row.name in found}
    last = {}
    state: tuple[sa.ColumnClause[Any], ...] = (sa.column("last_value"), sa.column("is_called"))
    for name, sequence in _serials(connection, found).items():
        row = connection.execute(sa.select(*state).select_from(sa.text(sequence))).one()
        if row.is_called:
            last[name] = row.last_value
    return last


def dump(connection: Connection, table: sa.Table) -> Iterator[bytes]:
    """Each row of a table as a line, in the order of its key."""
    order = list(table.primary_key.columns)
    statement = sa.select(*columns(table)).order_by(*order).execution_options(yield_per=BATCH)
    for row in connection.execute(statement):
        try:
            line = json.dumps([_plain(value) for value in row], ensure_ascii=False).encode() + b"\n"
        except TypeError as error:
            raise RowError(f"{table.name} holds what can't be written down: {error}") from error
        if _too_long(line):
            raise RowError(f"a row of {table.name} is too long to be restored")
        yield line


def load(connection: Connection, table: sa.Table, names: list[str], data: Iterable[bytes]) -> int:
    """Insert the rows that `dump` wrote, their values in the order of these columns; answers how many."""
    unknown = [name for name in names if name not in table.columns]
    if unknown:
        raise RowError(f"{table.name} has no column {unknown[0]}")
    readers = [_reader(table.columns[name].type) for name in names]
    connection.execute(sa.delete(table))  # what a migration put there is in the rows, if it was still wanted
    batch: list[dict[str, Any]] = []
    count = size = 0
    for line in _lines(data):
        batch.append(_row(table, names, readers, line))
        count, size = count + 1, size + len(line)
        if len(batch) == BATCH or size > LARGEST_BATCH:
            _insert(connection, table, batch)
            batch, size = [], 0
    _insert(connection, table, batch)
    return count


def _insert(connection: Connection, table: sa.Table, batch: list[dict[str, Any]]) -> None:
    """Insert rows; raises RowError where a driver can't take what JSON can say."""
    try:
        if batch:
            connection.execute(sa.insert(table), batch)
    except (UnicodeError, OverflowError) as error:
        raise RowError(f"a row of {table.name} can't be kept: {type(error).__name__}") from error


def column(table: str, names: list[str], name: str, data: Iterable[bytes]) -> Iterator[Any]:
    """The values of one of these columns in the rows that `dump` wrote, as text or a number."""
    place = names.index(name)
    for line in _lines(data):
        yield _values(table, len(names), line)[place]


def defer(connection: Connection, found: Mapping[str, sa.Table], deferred: bool) -> None:
    """Let PostgreSQL check references at the end, while rows come in any order; SQLite's are off."""
    if connection.dialect.name != "postgresql":
        return
    quote = connection.dialect.identifier_preparer.quote
    how = "DEFERRABLE INITIALLY DEFERRED" if deferred else "NOT DEFERRABLE"
    if not deferred:
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    for name in found:
        for key in sa.inspect(connection).get_foreign_keys(name):
            constraint = quote(str(key["name"]))
            connection.exec_driver_sql(f"ALTER TABLE {quote(name)} ALTER CONSTRAINT {constraint} {how}")


def advance(connection: Connection, found: Mapping[str, sa.Table], last: Mapping[str, int]) -> None:
    """Let each table go on counting after the last number that it gave away, far from the end of numbers."""
    for name, reached in sequences(connection, found).items():
        if reached >= archive.MOST_NUMBER:
            raise RowError(f"a row of {name} has the number {reached}")
    if connection.dialect.name == "sqlite":
        sequence = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        for name in last.keys() & found.keys():
            connection.execute(sa.delete(sequence).where(sequence.c.name == name))
            connection.execute(sa.insert(sequence).values(name=name, seq=last[name]))
        return
    for name, serial in _serials(connection, found).items():
        [key] = found[name].primary_key.columns
        largest = connection.scalar(sa.select(sa.func.max(key))) or 0
        if largest >= archive.MOST_NUMBER:
            raise RowError(f"a row of {name} has the number {largest}")
        if reached := max(largest, last.get(name, 0)):
            connection.execute(sa.select(sa.func.setval(serial, reached)))


def _serials(connection: Connection, found: Mapping[str, sa.Table]) -> dict[str, str]:
    """PostgreSQL's sequence behind the key of each table that has one."""
    serials = {}
    for name, table in found.items():
        key = list(table.primary_key.columns)
        if len(key) == 1:
            serial = connection.scalar(sa.select(sa.func.pg_get_serial_sequence(name, key[0].name)))
            if serial:
                serials[name] = serial
    return serials


def _virtual(connection: Connection) -> set[str]:
    """SQLite's virtual tables, and those in which it keeps what they hold: indexes over other tables."""
    if connection.dialect.name != "sqlite":
        return set()
    rows = connection.exec_driver_sql("PRAGMA table_list")
    return {row.name for row in rows if row.type in ("virtual", "shadow")}


def _plain(value: Any) -> Any:
    """A value as JSON has it; times are in UTC and don't say so."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, decimal.Decimal | uuid.UUID):
        return str(value)
    return value


def _reader(kind: Any) -> Callable[[Any], Any]:
    """What makes a value of this type of column out of what `_plain` wrote."""
    if isinstance(kind, sa.DateTime):
        zone = dt.UTC if kind.timezone else None
        return lambda text: dt.datetime.fromisoformat(text).replace(tzinfo=zone)
    if isinstance(kind, sa.Date):
        return dt.date.fromisoformat
    if isinstance(kind, sa.Time):
        return dt.time.fromisoformat
    if isinstance(kind, sa.LargeBinary):
        return base64.b64decode
    if isinstance(kind, sa.Uuid):
        return uuid.UUID
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float):
        return decimal.Decimal
    if isinstance(kind, sa.Boolean):
        return bool
    return lambda value: value


def _row(
    table: sa.Table, names: list[str], readers: list[Callable[[Any], Any]], line: bytes
) -> dict[str, Any]:
    values = _values(table.name, len(names), line)
    try:
        read = [
            None if value is None else reader(value) for reader, value in zip(readers, values, strict=True)
        ]
    except (ValueError, TypeError, ArithmeticError) as error:
        raise RowError(f"a row of {table.name} can't be read: {error}") from error
    return dict(zip(names, read, strict=True))


def _values(table: str, count: int, line: bytes) -> list[Any]:
    """What a line says, which is a row of so many values; raises RowError."""
    if _too_long(line):
        raise RowError(f"a row of {table} is too long")
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RowError(f"a row of {table} can't be read: {error}") from error
    if not isinstance(values, list) or len(values) != count:
        raise RowError(f"a row of {table} can't be read: it has not {count} values")
    return values


def _too_long(line: bytes) -> bool:
    return len(line) > LONGEST_ROW or archive.values(line) > MOST_VALUES


def _lines(data: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces of bytes, cut at the ends of lines instead."""
    begun = b""
    for piece in data:
        *whole, begun = (begun + piece).split(b"\n")
        yield from whole
        if len(begun) > LONGEST_ROW:
            raise RowError("a row is too long")
    if begun:
        raise RowError("the last row is cut off")
