"""Columns and checks that several tables have."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import mapped_column


def one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    """The column holds one of these values."""
    return sa.CheckConstraint(f"{column} IN {values}", name=f"{column}_known")


def to(table: str, ondelete: str = "CASCADE", **kw: Any) -> Any:
    """A reference to a row of the core, which takes this row with it unless said otherwise."""
    return mapped_column(sa.ForeignKey(f"core_{table}.id", ondelete=ondelete), **kw)


def user(ondelete: str = "SET NULL", **kw: Any) -> Any:
    """A reference to a person."""
    return to("user", ondelete, **kw)
