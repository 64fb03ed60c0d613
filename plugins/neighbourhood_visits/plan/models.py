"""The tables of planning: stops and what is talked about there, what is delicate, papers for the team."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import api


class Stop(api.InSpace, api.Base):
    """A place where a visit stops, in order of `position`, and for how many minutes.

    Its title is that of the question it is `made_of`, until somebody gives it another.
    """

    __tablename__ = "visits_stop"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int]
    title: Mapped[str] = mapped_column(sa.String(120))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    minutes: Mapped[int] = mapped_column(default=10)
    step_free: Mapped[bool] = mapped_column(default=True)
    made_of: Mapped[int | None] = mapped_column(
        sa.ForeignKey("core_entry.id", ondelete="SET NULL"), index=True
    )


class StopQuestion(api.OnEntry, api.Base):
    """A question is talked about at a stop, and at no other."""

    __tablename__ = "visits_stop_question"
    stop_id: Mapped[int] = mapped_column(sa.ForeignKey("visits_stop.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]


class Sensitivity(api.TeamOnly, api.Base):
    """What is delicate about the subject of a question, for the team; never about a person."""

    __tablename__ = "visits_sensitivity"
    entry_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_entry.id", ondelete="CASCADE"), primary_key=True
    )
    text: Mapped[str] = mapped_column(sa.String(1000))
    noted_by: Mapped[int | None] = mapped_column(sa.ForeignKey("core_user.id", ondelete="SET NULL"))
    changed_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime, default=api.now)


class Paper(api.TeamOnly, api.Base):
    """A paper of a visit for its team: a `briefing` made when asked for, or a `dossier` frozen at a moment.

    `data` is what it says, as it was then, and `content` the PDF of it once `state` is done.
    """

    __tablename__ = "visits_paper"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(20))
    lang: Mapped[str] = mapped_column(sa.String(8))
    state: Mapped[str] = mapped_column(sa.String(20), default="waiting")
    progress: Mapped[int] = mapped_column(default=0)
    data: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    content: Mapped[bytes] = mapped_column(sa.LargeBinary, default=b"")
    made_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime, default=api.now)
