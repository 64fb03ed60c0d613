"""The table of voices that nobody has confirmed."""

import datetime as dt

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
