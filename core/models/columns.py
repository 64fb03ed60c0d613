"""Columns and checks that several tables have."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import mapped_column
from sqlalchemy.schema import CreateIndex


def one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    """The column holds one of these values."""
    return sa.CheckConstraint(f"{column} IN {values}", name=f"{column}_known")


def to(table: str, ondelete: str = "CASCADE", **kw: Any) -> Any:
    """A reference to a row of the core, which takes this row with it unless said otherwise."""
    return mapped_column(sa.ForeignKey(f"core_{table}.id", ondelete=ondelete), **kw)


def user(ondelete: str = "SET NULL", **kw: Any) -> Any:
    """A reference to a person."""
    return to("user", ondelete, **kw)


def partial(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    """An index of the rows for which this holds, on both engines."""
    return sa.Index(
        name, *columns, unique=unique, sqlite_where=sa.text(where), info={"where": sa.text(where)}
    )


@compiles(CreateIndex, "postgresql")
def _partial(create: Any, compiler: Any, **kw: Any) -> Any:
    """Said here, as an option of PostgreSQL at an index loads its dialect in every process."""
    if "where" in create.element.info:
        create.element.dialect_options["postgresql"]["where"] = create.element.info["where"]
    return compiler.visit_create_index(create, **kw)
