"""The tables of voices that nobody has confirmed, and of the town's streets."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import api


class Voice(api.TeamOnly, api.Base):
    """A voice for a question, of somebody who is known by its code alone; of a code a digest is kept."""

    __tablename__ = "visits_voice"
    entry_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_entry.id", ondelete="CASCADE"), primary_key=True
    )
    code: Mapped[str] = mapped_column(sa.String(64), primary_key=True, unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime, default=api.now)


class Street(api.Public, api.Base):
    """A street of the town: its `lines`, lists of longitude and latitude, and their bounds, in degrees.

    `length` is in metres. One without a name is drawn all the same.
    """

    __tablename__ = "visits_street"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(120), default="")
    lines: Mapped[list[Any]] = mapped_column(sa.JSON)
    west: Mapped[float]
    south: Mapped[float]
    east: Mapped[float]
    north: Mapped[float]
    length: Mapped[float]
