"""Who stands behind an entry that shows no author: for judging, notices and limits, never for a page."""

import datetime as dt
from functools import cache
from typing import Any

import sqlalchemy as sa

from .. import registry
from ..db import table_of, unfiltered
from ..models import Entry
from ..prepared import Prepared


def author_of(entry: Entry) -> int | None:
    """Who wrote an entry, whether it shows that or not."""
    column = registry.current().entry_kind(entry.kind).author
    if entry.author_id is not None or column is None:
        return entry.author_id
    own = table_of(column.class_).c
    return unfiltered(sa.select(own[column.key]).where(own.entry_id == entry.id)).scalar()


def count_unnamed(user_id: int, since: dt.datetime) -> int:
    """How many entries a person has written since, that do not show them."""
    kinds = [kind for plugin in registry.current().installed.values() for kind in plugin.entry_kinds]
    authors = tuple(kind.author for kind in kinds if kind.author is not None)
    return int(_counted(authors)(author=user_id, since=since)[0][0]) if authors else 0


@cache
def _counted(authors: tuple[Any, ...]) -> Prepared:
    """The count over the columns in which kinds of entries keep whom they do not show."""
    made, author = table_of(Entry).c, sa.bindparam("author", type_=sa.Integer)
    tables = {table_of(column.class_): column.key for column in authors}
    mine = [sa.select(own.c.entry_id).where(own.c[key] == author) for own, key in tables.items()]
    recent = sa.select(sa.func.count(made.id)).where(made.created_at > sa.bindparam("since"))
    return Prepared(recent.where(made.id.in_(sa.union_all(*mine))).execution_options(guarded=True))
