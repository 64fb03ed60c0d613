"""The read guard: every ORM statement is filtered for the viewer, and a second net stops what slipped past.

First net: loader criteria on each reader mixin. Second net, once per text: a statement that the first one
filtered must reach guarded tables by their models alone, and say their names no oftener than its compiler
wrote them; any other must not name a guarded table at all, except as the target of an INSERT or of the
session's own flush. Both must be plain statements, without a function that runs SQL given as a value. And an
object comes to a session by being read or made there, not by saying that it is in the database already.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria

from . import access
from .db import Base, Session
from .models import Document, Entry, Space

FILTERED = "filtered"
FULL_TEXT = "core_search_fts"  # SQLite's index of documents, which has no model


class UnguardedRead(RuntimeError):
    """A guarded table was reached by a statement that the guard could not filter."""


def _criterion(reader: type, clause: Callable[[Any], Any]) -> Any:
    return with_loader_criteria(reader, clause, include_aliases=True)


CRITERIA = (
    _criterion(access.InSpace, lambda cls: access.in_space(cls.space_id)),
    _criterion(access.OnEntry, lambda cls: access.on_entry(cls.entry_id)),
    _criterion(access.TeamOnly, lambda cls: access.team_of(cls.space_id)),
    _criterion(access.Owned, lambda cls: access.owned(cls.user_id)),
    _criterion(access.StaffOnly, lambda _cls: access.staff()),
    _criterion(Space, lambda cls: access.space_listed(cls)),
    _criterion(Entry, lambda cls: access.entry_readable(cls)),
    _criterion(Document, lambda cls: access.findable(cls)),
)


def install(engine: Engine) -> None:
    """Put both nets in place: the first on every session, the second on this engine."""
    if not event.contains(Session, "do_orm_execute", _filter):
        event.listen(Session, "do_orm_execute", _filter)
        event.listen(Session, "before_attach", _refuse_fabricated)
    compiler = engine.dialect.statement_compiler
    if not issubclass(compiler, _Counting):
        engine.dialect.statement_compiler = type("Compiler", (_Counting, compiler), {})
    event.listen(engine, "before_cursor_execute", _refuse_unguarded)


def guarded_tables() -> frozenset[str]:
    """The names of the tables that not everybody may read."""
    public = {
        mapper.local_table.name  # type: ignore[attr-defined]
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, access.Public)
    }
    return frozenset(Base.metadata.tables) - public | {FULL_TEXT}


def filtered(select: Any) -> Any:
    """A SELECT as the first net lets it pass, for whoever runs it otherwise than by the session."""
    if select._propagate_attrs.get("compile_state_plugin") != "orm":
        return select
    if access.viewer() is access.SYSTEM:
        return select.execution_options(guarded=True)
    return select.options(*CRITERIA).execution_options(guarded=FILTERED)


def _filter(state: ORMExecuteState) -> None:
    if not state.is_orm_statement:
        return
    if access.viewer() is access.SYSTEM or state.is_column_load:
        state.update_execution_options(guarded=True)
    elif state.is_select or state.is_update or state.is_delete:
        if not state.is_select and isinstance(state.parameters, list):
            raise UnguardedRead("an UPDATE by a list of keys can't be filtered")
        state.statement = state.statement.options(*CRITERIA)
        state.update_execution_options(guarded=FILTERED)


def _refuse_fabricated(_session: Any, instance: Any) -> None:
    if sa.inspect(instance).key is not None and access.viewer() is not access.SYSTEM:
        raise UnguardedRead(f"a {type(instance).__name__} from outside the session: read it anew")


class _Counting:
    """A compiler that counts how often it writes the name of each table."""

    written: Counter[str] | None = None

    def visit_table(self, table: Any, asfrom: bool = False, ashint: bool = False, **kw: Any) -> Any:
        if asfrom or ashint:
            self.written = self.written or Counter()
            self.written[table.name] += 1
        return super().visit_table(table, asfrom=asfrom, ashint=ashint, **kw)  # type: ignore[misc]


def _refuse_unguarded(
    connection: Connection, _cursor: object, sql: str, _parameters: object, context: Any, _many: bool
) -> None:
    options = context.execution_options
    mark = options.get("guarded") or connection.get_execution_options().get("guarded")
    if mark is True:
        return
    tables = len(Base.metadata.tables)
    if mark == FILTERED:
        refused = _seen.get(context.compiled)
        if refused is None:
            refused = _seen[context.compiled] = _passes_by(context.compiled, sql)
    else:
        refused = _names_guarded(sql, "compiled_cache" in options, tables)
    if refused and access.viewer() is not access.SYSTEM:
        raise UnguardedRead(sql[:120])


_seen: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def _passes_by(compiled: Any, sql: str) -> bool:
    """Whether a filtered statement also reaches a guarded table otherwise than by its model."""
    names = _names(len(Base.metadata.tables))
    named = Counter(name.lower() for name in names.findall(sql))
    raw = any(names.search(name) for name in _raw_names(compiled.statement))
    return raw or bool(named - (compiled.written or Counter())) or _strange(sql)


def _strange(sql: str) -> bool:
    """Whether it is no plain statement, or reaches for what runs SQL given as a value or samples all rows."""
    return not _PLAIN.match(sql) or bool(_DOORS.search(sql))


def _raw_names(statement: Any, outer: frozenset[Any] = frozenset()) -> Iterator[str]:
    """Raw SQL, tables named without their model, and what an UPDATE or DELETE reads beside its target."""
    filtered = outer if getattr(statement, "_correlate_except", None) is not None else frozenset()
    if statement.is_dml or statement._propagate_attrs.get("compile_state_plugin") == "orm":
        entities = [part._annotations.get("parententity") for part in _parts(statement, frozenset())]
        filtered |= {entity.selectable for entity in entities if entity is not None}
    if statement.is_dml:
        filtered &= {statement.table}
    for part in _parts(statement, filtered):
        if isinstance(part, sa.SelectBase):
            yield from _raw_names(part, filtered)
        elif isinstance(part, sa.TextClause):
            yield part.text
        elif isinstance(part, sa.ColumnClause) and part.is_literal:
            yield part.name
        elif isinstance(part, sa.Column) and statement.is_dml and part.table not in filtered:
            yield part.table.name
        else:
            table = getattr(part, "element", part)
            if isinstance(table, sa.TableClause) and table not in access.OWN_TABLES:
                yield table.name


def _parts(statement: Any, filtered: frozenset[Any]) -> Iterator[Any]:
    """What a statement is made of, without what is filtered, down to the statements nested in it."""
    for part in statement.get_children():
        if part not in filtered:
            yield part
            if not isinstance(part, sa.SelectBase):
                yield from _parts(part, filtered)


@lru_cache(maxsize=4096)
def _names_guarded(sql: str, flush: bool, tables: int) -> bool:
    """Whether SQL names a guarded table, the target of an INSERT or of the session's flush apart."""
    if _strange(sql):
        return True
    target = _TARGET.match(sql)
    if target and (flush or target[1].lower().startswith("insert")) and not _UPSERT.search(sql):
        sql = sql[target.end() :]
    return bool(_names(tables).search(sql))


@lru_cache(maxsize=1)
def _names(_tables: int) -> re.Pattern[str]:
    names = "|".join(sorted(guarded_tables()))
    return re.compile(rf'\b({names})\b(?!["`\]]?\s*\.)', re.I)


_TARGET = re.compile(r'\s*(insert\s+into|update|delete\s+from)\s+["`\[]?\w+["`\]]?', re.I)
_UPSERT = re.compile(r"\bdo\s+update\b", re.I)
_PLAIN = re.compile(
    r"[\s(]*(?:select|with|values|insert|update|delete|begin|savepoint|release|rollback\s+to)\b", re.I
)
_DOORS = re.compile(
    r"\b(?:(?:query|table|schema|database|cursor)_to_xml\w*|ts_stat|ts_rewrite|dblink\w*|crosstab\w*|connectby"
    r"|xpath_table|pg_stat\w*|pg_read_\w+|pg_ls_\w+|lo_(?:get|open|import|export)|load_extension"
    r"|sqlite_stat\d|sqlite_dbpage|dbstat)\b|\bu&[\"']",
    re.I,
)
