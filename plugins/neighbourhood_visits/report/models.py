"""The minutes that the team writes, and the report as it was approved."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import api


def _person() -> Mapped[int | None]:
    return mapped_column(sa.ForeignKey("core_user.id", ondelete="SET NULL"))


class Minutes(api.TeamOnly, api.Versioned, api.Base):
    """What the team writes of a visit, until an official approves it as the report.

    `asked_at` is when the officials of the visit were asked to approve it. `changed` counts the words that
    `changed_by`, who saved it last, has changed since somebody else did.
    """

    __tablename__ = "visits_minutes"
    space_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_space.id", ondelete="CASCADE"), primary_key=True
    )
    body: Mapped[str] = mapped_column(sa.Text, default="")
    drafted_by: Mapped[int | None] = _person()
    changed_by: Mapped[int | None] = _person()
    changed: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[dt.datetime | None] = mapped_column(api.UtcDateTime)


class Report(api.InSpace, api.Base):
    """The report of a visit as it was when an official approved it.

    `facts` holds all that it says, drawn and counted on that day; which entries its answers are, and of which
    question it says what stands below an empty place by now. What is taken out of it later, or shown in it
    again, is named with its date in `mentions`.
    """

    __tablename__ = "visits_report"
    space_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_space.id", ondelete="CASCADE"), primary_key=True
    )
    facts: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    mentions: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON, default=list)
    issued_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime, default=api.now)
    approved_by: Mapped[int | None] = _person()
