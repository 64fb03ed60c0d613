"""The steps that a question and what was promised about it have gone, as everybody may know them."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import api


class Step(api.OnEntry, api.Base):
    """A question, or a promise about it, has moved: when and by which verb; never by whom."""

    __tablename__ = "visits_step"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int] = mapped_column(sa.ForeignKey("core_entry.id", ondelete="CASCADE"), index=True)
    commitment_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("visits_commitment.id", ondelete="CASCADE")
    )
    thing: Mapped[str] = mapped_column(sa.String(20))
    verb: Mapped[str] = mapped_column(sa.String(20))
    reason: Mapped[str] = mapped_column(sa.String(1000), default="")
    at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime, default=api.now)
