"""What open pages are told of."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..access import StaffOnly
from ..db import Base, UtcDateTime, now


class Event(StaffOnly, Base):
    """Something changed: who hears of it (`topic`), what it is about (`kind`, `ref`), never what it says."""

    __tablename__ = "core_event"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(sa.String(40))
    kind: Mapped[str] = mapped_column(sa.String(80))
    ref: Mapped[str] = mapped_column(sa.String(60))
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now, index=True)
