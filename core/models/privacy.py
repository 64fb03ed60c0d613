"""What people take with them, what is left of those who went, and when somebody was last here."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..access import Owned, StaffOnly
from ..db import Base, UtcDateTime, now


class Export(Owned, Base):
    """A person's archive of their data, being made until `ready_at`: its file in the data folder.

    `rights` are the places in spaces (space, team) that it was made with, and last what others had addressed
    to the person (newest id, number, sum of ids); whoever has lost any of it has to ask anew.
    """

    __tablename__ = "core_export"
    name: Mapped[str] = mapped_column(sa.String(64), unique=True)
    progress: Mapped[int] = mapped_column(default=0)
    rights: Mapped[list[list[int]]] = mapped_column(sa.JSON, default=list)
    asked_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    ready_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime, index=True)


class Erasure(StaffOnly, Base):
    """A closed account, so that its erasure is carried through, and again after a restore.

    With `words`, what they wrote goes too. `mark` tells them from a later person with the same number;
    `owed` are plugins that were not there.
    """

    __tablename__ = "core_erasure"
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    mark: Mapped[str] = mapped_column(sa.String(64))
    alias: Mapped[str] = mapped_column(sa.String(80))
    words: Mapped[bool] = mapped_column(default=False)
    asked_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    done_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    owed: Mapped[list[str]] = mapped_column(sa.JSON, default=list)


class Seen(Owned, Base):
    """When somebody last signed in, and when they were warned that an unused account ends."""

    __tablename__ = "core_seen"
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime, index=True)
    warned_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
