"""Who stands behind an entry that shows no author: for judging, notices and limits, never for a page."""

import datetime as dt

import sqlalchemy as sa

from .. import registry
from ..db import table_of, unfiltered
from ..models import Entry


def author_of(entry: Entry) -> int | None:
    """Who wrote an entry, whether it shows that or not."""
    column = registry.current().entry_kind(entry.kind).author
    if entry.author_id is not None or column is None:
        return entry.author_id
    own = table_of(column.class_).c
    mine = sa.select(own[column.key]).where(own.entry_id == entry.id)
    return unfiltered(mine).scalar()


def count_unnamed(user_id: int, since: dt.datetime) -> int:
    """How many entries a person has written since, that do not show them."""
    kinds = [kind for plugin in registry.current().installed.values() for kind in plugin.entry_kinds]
    tables = {table_of(kind.author.class_): kind.author.key for kind in kinds if kind.author is not None}
    mine = [sa.select(own.c.entry_id).where(own.c[key] == user_id) for own, key in tables.items()]
    made = table_of(Entry).c
    recent = sa.select(sa.func.count(made.id)).where(made.created_at > since)
    return int(unfiltered(recent.where(made.id.in_(sa.union_all(*mine)))).scalar_one()) if mine else 0
