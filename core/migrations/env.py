"""Runs one owner's revisions; `core.migrate` says which owner and on which connection."""

from typing import Any

import sqlalchemy as sa
from alembic import context

FULL_TEXT = "core_search_fts"  # with SQLite its tables, with PostgreSQL an index: made by hand, in no model
given = context.config.attributes
owner, connection, version_table = given["owner"], given["connection"], given["version_table"]


def _own_object(thing: Any, name: str | None, type_: str, _reflected: bool, _other: Any) -> bool:
    return FULL_TEXT not in (name or "") and _own_table(name if type_ == "table" else thing.table.name)


def _own_name(name: str | None, type_: str, _parents: Any) -> bool:
    return FULL_TEXT not in (name or "") and _own_table(name) if type_ == "table" else True


def _own_table(name: str | None) -> bool:
    return name is not None and name.startswith(owner + "_") and name != version_table


def _render(type_: str, thing: Any, autogen: Any) -> str | bool:
    if type_ == "type" and type(thing).__name__ == "UtcDateTime":
        autogen.imports.add(f"from core.{'db' if owner == 'core' else 'api'} import UtcDateTime")
        return "UtcDateTime()"
    return False


context.configure(
    connection=connection,
    target_metadata=given["metadata"],
    version_table=version_table,
    include_object=_own_object,
    include_name=_own_name,
    render_item=_render,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():  # all of an owner's revisions or none
    context.run_migrations()
    if connection.dialect.name == "sqlite":
        broken = connection.execute(sa.text("PRAGMA foreign_key_check")).all()
        if broken:
            raise RuntimeError(f"migration of {owner} left rows without their parent: {broken[:3]}")
connection.commit()
