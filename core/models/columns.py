"""Columns and checks that several tables have."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import mapped_column


def one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    """The column holds one of these values."""
    return sa.CheckConstraint(f"{column} IN {values}", name=f"{column}_known")


def user(ondelete: str = "SET NULL", **kw: Any) -> Any:
    """A reference to a person."""
    return mapped_column(sa.ForeignKey("core_user.id", ondelete=ondelete), **kw)
