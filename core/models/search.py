"""What search looks through: a document for each thing that can be found, and what waits to be indexed."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..access import Reader, StaffOnly
from ..db import Base


class Tokens(sa.types.TypeDecorator[str]):
    """Words with spaces between: text on SQLite, whose FTS5 table reads it; a tsvector on PostgreSQL."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.Text())
        from sqlalchemy.dialects.postgresql import TSVECTOR  # a town on SQLite starts without it

        return dialect.type_descriptor(TSVECTOR())

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        if value is None or dialect.name == "sqlite":
            return value
        return " ".join(f"{token}:{place}" for place, token in enumerate(value.split(), 1))


def _cascading(table: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete="CASCADE")


class Document(Reader, Base):
    """A text that can be found, by whoever reads what it hangs on: an entry, a space or a person.

    `place` sorts documents by date. With `listed`, whoever may know of the space finds it. Title and text are
    kept for what plugins add; those of the core's own things are read where they stand. Its index is
    `core_search_fts`: on SQLite a virtual table that triggers keep true to inserts and deletes, so that a
    document is never updated.
    """

    __tablename__ = "core_search"
    place: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False
    )
    kind: Mapped[str] = mapped_column(sa.String(60))
    plugin: Mapped[str] = mapped_column(sa.String(40), default="core")
    entry_id: Mapped[int | None] = mapped_column(_cascading("core_entry"), index=True)
    space_id: Mapped[int | None] = mapped_column(_cascading("core_space"), index=True)
    user_id: Mapped[int | None] = mapped_column(_cascading("core_user"), index=True)
    listed: Mapped[bool] = mapped_column(default=False)
    title: Mapped[str] = mapped_column(sa.String(300), default="")
    text: Mapped[str] = mapped_column(sa.Text, default="")
    url: Mapped[str] = mapped_column(sa.String(300), default="")
    words: Mapped[str] = mapped_column(Tokens, default="")


class Stale(StaffOnly, Base):
    """An `entry`, a `space` or a `user` whose documents are to be made anew; a row for each change."""

    __tablename__ = "core_search_stale"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    sort: Mapped[str] = mapped_column(sa.String(10))
    ident: Mapped[int]
