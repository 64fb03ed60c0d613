"""The plugin's tables: what hangs on a visit, on a question, on an answer; departments, commitments."""

import datetime as dt
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, aliased, column_property, mapped_column, synonym

from core import api

ONGOING = ("open", "in_progress")  # of commitments


def _person() -> Mapped[int | None]:
    return mapped_column(sa.ForeignKey("core_user.id", ondelete="SET NULL"))


def _department() -> Mapped[int | None]:
    return mapped_column(sa.ForeignKey("visits_department.id", ondelete="SET NULL"))


class Department(api.Public, api.Base):
    """A service of the town: what residents may know of who deals with their question."""

    __tablename__ = "visits_department"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    folded: Mapped[str] = mapped_column(sa.String(120), unique=True)
    mailbox: Mapped[str] = mapped_column(sa.String(254), default="")
    official_id: Mapped[int | None] = _person()
    days_to_answer: Mapped[int] = mapped_column(default=30)


class DepartmentMember(api.StaffOnly, api.Base):
    """Somebody works in a department."""

    __tablename__ = "visits_department_member"
    department_id: Mapped[int] = mapped_column(
        sa.ForeignKey("visits_department.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_user.id", ondelete="CASCADE"), primary_key=True, index=True
    )


OFF = ("postponed", "cancelled")
OVER = ("reporting", "published", "follow_up", "archived")  # states of a visit that has taken place


class Visit(api.InSpace, api.Base):
    """When and where a visit takes place, and until when questions are taken.

    `sequence` counts the changes of when and where, by which calendars know the newest.
    """

    __tablename__ = "visits_visit"
    space_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_space.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(sa.String(20), default="draft")
    code: Mapped[str] = mapped_column(sa.String(40), default="", index=True)
    reason: Mapped[str] = mapped_column(sa.String(1000), default="")
    starts_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime, index=True)
    ends_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime)
    meeting_point: Mapped[str] = mapped_column(sa.String(200))
    access_notes: Mapped[str] = mapped_column(sa.String(1000), default="")
    other_ways: Mapped[str] = mapped_column(sa.String(1000), default="")
    questions_close_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime)
    freezes_at: Mapped[dt.datetime | None] = mapped_column(api.UtcDateTime)
    meeting_latitude: Mapped[float | None]
    meeting_longitude: Mapped[float | None]
    sequence: Mapped[int] = mapped_column(default=0)

    def takes_questions(self, at: dt.datetime) -> bool:
        """Whether a question written at this moment is taken."""
        return self.state == "collecting" and at < self.questions_close_at

    def opens_later(self, at: dt.datetime) -> bool:
        """Whether it is announced, and takes its questions later."""
        return self.state == "announced" and at < self.questions_close_at

    def is_over(self, at: dt.datetime) -> bool:
        """Whether a visit has taken place at this moment, whatever its date."""
        return self.ends_at < at or self.state in OVER

    def is_to_come(self, at: dt.datetime) -> bool:
        """Whether there is a day to wait for at this moment: a visit that is postponed gets a new one."""
        return self.state == "postponed" or (self.state != "cancelled" and at < self.starts_at)

    @property
    def off(self) -> bool:
        """Whether it does not take place on the day that was announced."""
        return self.state in OFF

    @property
    def last_moment(self) -> dt.datetime:
        """The last moment at which a question is taken; its day is the last day to ask."""
        return self.questions_close_at - dt.timedelta(seconds=1)


class Question(api.OnEntry, api.Base):
    """What the public and the author may know of a question beside its text.

    `reason` is the town's for not accepting it, `objection` what its author holds against that.
    `moves` counts its changes of state, so that who acts on what has changed since is told. `group_id` is
    the first of its group, which is accepted if any of it is (see `groups`). `latitude` and `longitude` are
    its pin, in degrees of WGS 84, if anybody set one; `signatures` counts those on a petition's paper,
    `unconfirmed` the voices of people without an address; `compared` says whether it was compared
    with the others as it stands, `empty` that nobody asks it any more: it is a place for what the town said.
    """

    __tablename__ = "visits_question"
    theme: Mapped[str] = mapped_column(sa.String(80), default="")
    place: Mapped[str] = mapped_column(sa.String(200), default="")
    triage: Mapped[str] = mapped_column(sa.String(20), default="submitted")
    reason: Mapped[str] = mapped_column(sa.String(1000), default="")
    objection: Mapped[str] = mapped_column(sa.String(1000), default="")
    forwarded_to: Mapped[str] = mapped_column(sa.String(200), default="")
    answered_at: Mapped[dt.datetime | None] = mapped_column(api.UtcDateTime)
    discussion: Mapped[str] = mapped_column(sa.String(20), default="not_planned")
    outcome: Mapped[str] = mapped_column(sa.String(20), default="none")
    outcome_reason: Mapped[str] = mapped_column(sa.String(1000), default="")
    group_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("core_entry.id", ondelete="SET NULL"), index=True
    )
    moves: Mapped[int] = mapped_column(default=0)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    signatures: Mapped[int] = mapped_column(default=0)
    unconfirmed: Mapped[int] = mapped_column(default=0)
    compared: Mapped[bool] = mapped_column(default=False, index=True)
    empty: Mapped[bool] = mapped_column(default=False)
    given_up: ClassVar[Any]  # below, as a promise comes after what it is about

    @property
    def public_pin(self) -> tuple[float, float] | None:
        """Its pin as everybody may know it, to about a hundred metres: it may be where somebody lives."""
        if self.latitude is None or self.longitude is None:
            return None
        return round(self.latitude, 3), round(self.longitude, 3)


class Casework(api.TeamOnly, api.Base):
    """What only the team of the visit may know of a question.

    `corrected_by` changed less than half of what another had drafted, since that draft.
    `approved_for` is the absent official for whom a delegate approved. `due_at` is when the
    department's own days end, whatever the visit asks; `reminded_at` and `escalated_at` when it and the
    coordinator were told that it is late. The `former` ones are those of the assignment that this one
    replaced, for whoever takes it back. `kept_out` counts later messages that were not taken in, since
    too many came.
    """

    __tablename__ = "visits_casework"
    entry_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_entry.id", ondelete="CASCADE"), primary_key=True
    )
    contact: Mapped[str] = mapped_column(sa.String(120), default="")
    note: Mapped[str] = mapped_column(sa.String(4000), default="")
    triaged_by: Mapped[int | None] = _person()
    department_id: Mapped[int | None] = _department()
    official_id: Mapped[int | None] = _person()
    answer: Mapped[str] = mapped_column(sa.String(20), default="none")
    drafted_by: Mapped[int | None] = _person()
    corrected_by: Mapped[int | None] = _person()
    approved_by: Mapped[int | None] = _person()
    held: Mapped[bool] = mapped_column(default=False)
    approved_for: Mapped[int | None] = _person()
    due_at: Mapped[dt.datetime | None] = mapped_column(api.UtcDateTime, index=True)
    reminded_at: Mapped[dt.datetime | None] = mapped_column(api.UtcDateTime)
    escalated_at: Mapped[dt.datetime | None] = mapped_column(api.UtcDateTime)
    former_department_id: Mapped[int | None] = _department()
    former_official_id: Mapped[int | None] = _person()
    former_due_at: Mapped[dt.datetime | None] = mapped_column(api.UtcDateTime)
    flags: Mapped[str] = mapped_column(sa.String(40), default="")
    kept_out: Mapped[int] = mapped_column(default=0)
    import_key: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    code: Mapped[str | None] = mapped_column(sa.String(64), unique=True)


class Asker(api.Owned, api.Base):
    """Who asked a question that is not shown under their name; its team is told by `reads.asker`."""

    __tablename__ = "visits_asker"
    entry_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_entry.id", ondelete="CASCADE"), primary_key=True, unique=True
    )


class PrivateCase(api.TeamOnly, api.Base):
    """A question dealt with between its author and the team: by whom, when they meet, when it ended."""

    __tablename__ = "visits_private_case"
    entry_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_entry.id", ondelete="CASCADE"), primary_key=True
    )
    recipient_id: Mapped[int | None] = _person()
    appointment_at: Mapped[dt.datetime | None] = mapped_column(api.UtcDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(api.UtcDateTime)


class Answer(api.OnEntry, api.Base):
    """The one answer to a question; its entry is for the team until it is published."""

    __tablename__ = "visits_answer"
    question_id: Mapped[int] = mapped_column(sa.ForeignKey("core_entry.id", ondelete="CASCADE"), unique=True)


class Commitment(api.InSpace, api.Base):
    """What the town has promised to do, by whom and by when; `told` counts letters sent about its date."""

    __tablename__ = "visits_commitment"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("core_entry.id", ondelete="SET NULL"), index=True
    )
    entry_id: Mapped[int | None] = synonym("question_id")  # as a redaction finds it
    text: Mapped[str] = mapped_column(sa.String(300))
    department_id: Mapped[int] = mapped_column(sa.ForeignKey("visits_department.id", ondelete="RESTRICT"))
    due_on: Mapped[dt.date] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(sa.String(20), default="open")
    reason: Mapped[str] = mapped_column(sa.String(1000), default="")
    changed_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime, default=api.now)
    told: Mapped[int] = mapped_column(default=0)

    def is_late(self, day: dt.date) -> bool:
        """Whether it is not kept on this day and was due before."""
        return self.state in ONGOING and self.due_on < day


STANDS = Commitment.state != "abandoned"


def late(day: dt.date) -> sa.ColumnElement[bool]:
    """The same as a condition."""
    return sa.and_(Commitment.state.in_(ONGOING), Commitment.due_on < day)


def public_questions() -> sa.Select[int]:
    """The ids of the questions that everybody may read, where they may see the visit."""
    rows = sa.select(Question.entry_id).join(api.Entry, api.Entry.id == Question.entry_id)
    return rows.where(Question.triage == "accepted", api.Entry.state == "published", ~api.Entry.team_only)


def asked_questions() -> sa.Select[int]:
    """Those of them that somebody asks still, for who answers."""
    return public_questions().where(~Question.empty)


def pledged(*how: Any) -> sa.ColumnElement[bool]:
    """Whether something was ever promised about a question, or in this way (`STANDS`), as a condition."""
    return sa.exists().where(Commitment.question_id == Question.entry_id, *how)


# Whether something was promised about it, and all of that is given up.
Question.given_up = column_property(pledged() & ~pledged(STANDS), deferred=True)


def grouped_with(question_id: int) -> sa.ColumnElement[bool]:
    """Whether a question is this one or of its group, as a condition: what is promised concerns them all."""
    this = aliased(Question)
    head = sa.select(sa.func.coalesce(this.group_id, this.entry_id)).where(this.entry_id == question_id)
    return sa.func.coalesce(Question.group_id, Question.entry_id) == head.scalar_subquery()


def about_public() -> sa.ColumnElement[bool]:
    """Whether everybody may read the question that a commitment is about, as a condition."""
    return Commitment.question_id.in_(public_questions())


class Import(api.Owned, api.Base):
    """A file of questions that somebody takes in, with what its columns hold; emptied when done.

    `byline` is shown as who asked; `chosen` says whether somebody has said what the columns hold. `result`
    says how many lines are read while they are taken in, then what became of them, in which visits.
    """

    __tablename__ = "visits_import"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("core_user.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    header: Mapped[str] = mapped_column(sa.String(64))
    columns: Mapped[dict[str, int]] = mapped_column(sa.JSON)
    byline: Mapped[str] = mapped_column(sa.String(80), default="")
    chosen: Mapped[bool] = mapped_column(default=False)
    day: Mapped[dt.date]
    content: Mapped[bytes] = mapped_column(sa.LargeBinary)
    state: Mapped[str] = mapped_column(sa.String(20), default="checked")
    result: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    created_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime, default=api.now)
