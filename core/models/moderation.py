"""What teams look at and decide: cases, the reports behind them, and the log of privileged acts."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..access import StaffOnly, TeamOnly
from ..db import Base, UtcDateTime, now
from .columns import one_of, partial, to, user

ORIGINS = ("reported", "held", "appeal", "team")
ACTS = ("kept", "restored", "hidden", "removed", "redacted", "locked")
_OPEN = "decided_at IS NULL"


class Case(TeamOnly, Base):
    """An entry that was reported or held, or an appeal of a decision; and what was decided, and why.

    Open ones are the queue. An entry has one open case at a time, appeals apart.
    """

    __tablename__ = "core_case"
    __table_args__ = (
        *(one_of(column, values) for column, values in (("origin", ORIGINS), ("act", ACTS))),
        sa.UniqueConstraint("appeal_of", "appellant_id", name="uq_core_case_appeal"),
        partial("ix_core_case_open", "id", where=_OPEN),
        partial("uq_core_case_one", "entry_id", unique=True, where=f"{_OPEN} AND appeal_of IS NULL"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int | None] = to("entry", "SET NULL", index=True)
    author_id: Mapped[int | None] = user(index=True)
    origin: Mapped[str] = mapped_column(sa.String(10))
    appeal_of: Mapped[int | None] = to("case")
    appellant_id: Mapped[int | None] = user(index=True)
    words: Mapped[str] = mapped_column(sa.Text, default="")
    opened_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    act: Mapped[str | None] = mapped_column(sa.String(10))
    reason: Mapped[str] = mapped_column(sa.String(10), default="")
    text: Mapped[str] = mapped_column(sa.Text, default="")
    decided_by: Mapped[int | None] = user(index=True)
    decided_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime, index=True)


class Report(TeamOnly, Base):
    """Somebody tells a team that an entry is wrong, or as a legal notice that it is illegal; once each."""

    __tablename__ = "core_report"
    __table_args__ = (sa.UniqueConstraint("entry_id", "reporter_id", name="uq_core_report_once"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = to("case", index=True)
    entry_id: Mapped[int | None] = to("entry", "SET NULL")
    reporter_id: Mapped[int | None] = user(index=True)
    reason: Mapped[str] = mapped_column(sa.String(10))
    text: Mapped[str] = mapped_column(sa.Text, default="")
    legal: Mapped[bool] = mapped_column(default=False)
    address: Mapped[str] = mapped_column(sa.String(500), default="")
    name: Mapped[str] = mapped_column(sa.String(80), default="")
    good_faith: Mapped[bool] = mapped_column(default=False)
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)


class Audit(StaffOnly, Base):
    """A privileged act: whose, when, on what, from where. The database refuses to change or delete one."""

    __tablename__ = "core_audit"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now, index=True)
    actor_id: Mapped[int | None]
    act: Mapped[str] = mapped_column(sa.String(60))
    ref: Mapped[str] = mapped_column(sa.String(80), default="")
    origin: Mapped[str] = mapped_column(sa.String(60))
    details: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
