"""What people are told: notices, how each person wants them, how far their mail has got; and mail in."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..access import Owned, StaffOnly
from ..db import Base, UtcDateTime, now
from .columns import one_of, partial, to, user

BY_MAIL = ("at_once", "daily", "weekly")
WAYS = (*BY_MAIL, "page", "none")
EVERY_DAY = 0b1111111


class Notice(Owned, Base):
    """Somebody is told of one thing; it says what by reference, so that it shows what may be read by then.

    `once` makes one event one notice. `way` is how it leaves, as its owner wished when it happened.
    """

    __tablename__ = "core_notice"
    __table_args__ = (
        one_of("way", WAYS),
        sa.UniqueConstraint("user_id", "once", name="uq_core_notice_once"),
        sa.Index("ix_core_notice_mail", "user_id", "way", "id"),
        partial("ix_core_notice_unread", "user_id", "id", where="read_at IS NULL"),
        sa.Index("ix_core_notice_all", "user_id", "id"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = user("CASCADE")
    type: Mapped[str] = mapped_column(sa.String(60))
    entry_id: Mapped[int | None] = to("entry", index=True)
    space_id: Mapped[int | None] = to("space", index=True)
    actor_id: Mapped[int | None] = user(index=True)
    once: Mapped[str] = mapped_column(sa.String(80))
    way: Mapped[str] = mapped_column(sa.String(10))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now, index=True)
    read_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class NoticeChoice(Owned, Base):
    """How somebody wants one kind of notice, or all that comes from one space, which goes before."""

    __tablename__ = "core_notice_choice"
    __table_args__ = (
        one_of("way", WAYS),
        sa.UniqueConstraint("user_id", "type", name="uq_core_notice_choice_type"),
        sa.UniqueConstraint("user_id", "space_id", name="uq_core_notice_choice_space"),
        sa.CheckConstraint("(type IS NULL) <> (space_id IS NULL)", name="one_thing"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = user("CASCADE")
    type: Mapped[str | None] = mapped_column(sa.String(60))
    space_id: Mapped[int | None] = to("space", index=True)
    way: Mapped[str] = mapped_column(sa.String(10))


class NoticeTimes(Owned, Base):
    """When somebody wants their digests, by their own clock; `days` has a bit for each day from Monday on."""

    __tablename__ = "core_notice_times"
    hour: Mapped[int] = mapped_column(default=8)
    days: Mapped[int] = mapped_column(default=1)
    paused_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class NoticeRound(Owned, Base):
    """How far a person's mail of one way has got: the last notice in it; `due_at` while more waits."""

    __tablename__ = "core_notice_round"
    __table_args__ = (sa.Index("ix_core_notice_round_due", "due_at", "user_id"),)
    way: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    mailed_id: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class NoticeLetter(Owned, Base):
    """Of which notices a message in the outbox tells: those of a way, between two, in a thread or in all."""

    __tablename__ = "core_notice_letter"
    user_id: Mapped[int] = user("CASCADE", index=True)
    mail_id: Mapped[int] = to("mail", primary_key=True)
    way: Mapped[str] = mapped_column(sa.String(10))
    after_id: Mapped[int]
    upto_id: Mapped[int]
    thread_id: Mapped[int | None]


class Received(StaffOnly, Base):
    """A message that the mailbox took in: its fingerprint, so that it is acted on once."""

    __tablename__ = "core_received"
    key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now, index=True)
