"""The read guard: every ORM statement is filtered for the viewer, and a second net stops what slipped past.

First net: loader criteria on each reader mixin. Second net: the SQL of any statement that the first one
did not mark is searched for guarded tables, once per text; a read of one is refused.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria

from . import access
from .db import Base, Session
from .models import Entry, Space


class UnguardedRead(RuntimeError):
    """A guarded table was read by a statement that the guard did not filter."""


def _criterion(reader: type, clause: Callable[[Any], Any]) -> Any:
    return with_loader_criteria(reader, clause, include_aliases=True, propagate_to_loaders=False)


CRITERIA = (
    _criterion(access.InSpace, lambda cls: access.in_space(cls.space_id)),
    _criterion(access.OnEntry, lambda cls: access.on_entry(cls.entry_id)),
    _criterion(access.TeamOnly, lambda cls: access.team_of(cls.space_id)),
    _criterion(access.Owned, lambda cls: access.owned(cls.user_id)),
    _criterion(access.StaffOnly, lambda _cls: access.staff()),
    _criterion(Space, lambda cls: access.space_listed(cls)),
    _criterion(Entry, lambda cls: access.entry_readable(cls)),
)


def install(engine: Engine) -> None:
    """Put both nets in place: the first on every session, the second on this engine."""
    if not event.contains(Session, "do_orm_execute", _filter):
        event.listen(Session, "do_orm_execute", _filter)
    event.listen(engine, "before_cursor_execute", _refuse_unguarded)


def guarded_tables() -> frozenset[str]:
    """The names of the tables that not everybody may read."""
    return frozenset(
        mapper.local_table.name  # type: ignore[attr-defined]
        for mapper in Base.registry.mappers
        if not issubclass(mapper.class_, access.Public)
    )


def _filter(state: ORMExecuteState) -> None:
    if not state.is_orm_statement:
        return
    if access.viewer() is access.SYSTEM or state.is_column_load:
        state.update_execution_options(guarded=True)
    elif state.is_select or state.is_update or state.is_delete:
        state.statement = state.statement.options(*CRITERIA)
        state.update_execution_options(guarded=True)


def _refuse_unguarded(
    connection: Connection, _cursor: object, sql: str, _parameters: object, context: Any, _many: bool
) -> None:
    if context is not None and context.execution_options.get("guarded"):
        return
    if connection.get_execution_options().get("guarded"):
        return
    if _reads_guarded(sql) and access.viewer() is not access.SYSTEM:
        raise UnguardedRead(sql[:120])


@lru_cache(maxsize=4096)
def _reads_guarded(sql: str) -> bool:
    return bool(re.search(r"\b(select|returning)\b", sql, re.I) and _names().search(sql))


@lru_cache(maxsize=1)
def _names() -> re.Pattern[str]:
    names = "|".join(sorted(guarded_tables()))
    return re.compile(rf'(\b(from|join|using)\s+|,\s*)"?({names})"?(?![\w."])', re.I)
