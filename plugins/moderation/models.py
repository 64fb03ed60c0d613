"""The plugin's tables: which spaces look at everything before it is published, and the public figures."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import api


class Checked(api.InSpace, api.Base):
    """In this space, what people without a place on the team write waits for a look."""

    __tablename__ = "moderation_checked"
    space_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_space.id", ondelete="CASCADE"), primary_key=True
    )


class Figures(api.Public, api.Base):
    """What was decided in a year, counted: one row, for everybody."""

    __tablename__ = "moderation_figures"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime, default=api.now)
    counted: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
