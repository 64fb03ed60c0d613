"""One table per reader mixin."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.api import (
    Base,
    InSpace,
    OnEntry,
    Owned,
    Public,
    StaffOnly,
    TeamOnly,
    UtcDateTime,
    Versioned,
    now,
)


class Theme(Public, Base):
    """Anybody may read it."""

    __tablename__ = "dummy_theme"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)


class Workshop(InSpace, Base):
    """A workshop's own row, hung on its space."""

    __tablename__ = "dummy_workshop"
    space_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_space.id", ondelete="CASCADE"), primary_key=True
    )
    room: Mapped[str] = mapped_column(sa.String(80), default="")


class Step(InSpace, Versioned, Base):
    """A step of a workshop's plan: a row that is no entry."""

    __tablename__ = "dummy_step"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.String(200))


class Idea(OnEntry, Base):
    """An idea's own row, hung on its entry."""

    __tablename__ = "dummy_idea"
    theme_id: Mapped[int | None] = mapped_column(sa.ForeignKey("dummy_theme.id", ondelete="SET NULL"))
    place: Mapped[str] = mapped_column(sa.String(120), default="")


class Assessment(TeamOnly, Base):
    """What a workshop's team thinks of an idea."""

    __tablename__ = "dummy_assessment"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int] = mapped_column(sa.ForeignKey("core_entry.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(sa.Text)


class Bookmark(Owned, Base):
    """Somebody keeps an idea for later."""

    __tablename__ = "dummy_bookmark"
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("core_user.id", ondelete="CASCADE"), primary_key=True)
    entry_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_entry.id", ondelete="CASCADE"), primary_key=True
    )
    note: Mapped[str] = mapped_column(sa.String(200), default="")


class Line(StaffOnly, Base):
    """A line of the ledger: what the hooks and jobs noticed."""

    __tablename__ = "dummy_line"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.String(200))
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
