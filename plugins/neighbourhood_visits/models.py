"""The plugin's tables: what hangs on a visit's space, on a question, and on an answer."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import api


class Visit(api.InSpace, api.Base):
    """When and where a visit takes place, and until when questions are taken."""

    __tablename__ = "visits_visit"
    space_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_space.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(sa.String(20), default="draft")
    starts_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime, index=True)
    ends_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime)
    meeting_point: Mapped[str] = mapped_column(sa.String(200))
    access_notes: Mapped[str] = mapped_column(sa.String(1000), default="")
    other_ways: Mapped[str] = mapped_column(sa.String(1000), default="")
    questions_close_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime)

    def takes_questions(self, at: dt.datetime) -> bool:
        """Whether a question written at this moment is taken."""
        return self.state == "collecting" and at < self.questions_close_at

    @property
    def last_moment(self) -> dt.datetime:
        """The last moment at which a question is taken; its day is the last day to ask."""
        return self.questions_close_at - dt.timedelta(seconds=1)


class Question(api.OnEntry, api.Base):
    """What the public and the author may know of a question beside its text."""

    __tablename__ = "visits_question"
    theme: Mapped[str] = mapped_column(sa.String(80), default="")
    place: Mapped[str] = mapped_column(sa.String(200), default="")
    triage: Mapped[str] = mapped_column(sa.String(20), default="submitted")
    reason: Mapped[str] = mapped_column(sa.String(1000), default="")
    answered_at: Mapped[dt.datetime | None] = mapped_column(api.UtcDateTime)


class Casework(api.TeamOnly, api.Base):
    """What only the team of the visit may know of a question."""

    __tablename__ = "visits_casework"
    entry_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_entry.id", ondelete="CASCADE"), primary_key=True
    )
    contact: Mapped[str] = mapped_column(sa.String(120), default="")
    note: Mapped[str] = mapped_column(sa.String(4000), default="")
    triaged_by: Mapped[int | None] = mapped_column(sa.ForeignKey("core_user.id", ondelete="SET NULL"))


class Answer(api.OnEntry, api.Base):
    """The one answer to a question; its entry is for the team until it is published."""

    __tablename__ = "visits_answer"
    question_id: Mapped[int] = mapped_column(sa.ForeignKey("core_entry.id", ondelete="CASCADE"), unique=True)
    state: Mapped[str] = mapped_column(sa.String(20), default="drafted")
