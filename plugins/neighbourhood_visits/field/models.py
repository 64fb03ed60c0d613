"""What scribes note on a visit."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import api


class Note(api.TeamOnly, api.Base):
    """One thing that a scribe noted: an outcome, words, a photo or how many came; the same `key` is one note.

    `state` says what became of its outcome: `applied`, `kept` until the coordinator chooses, or `set_aside`;
    a note without an outcome is `kept` until the team has `seen` it.
    """

    __tablename__ = "visits_note"
    __table_args__ = (
        sa.UniqueConstraint("space_id", "key", name="uq_visits_note_key"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(64))
    author_id: Mapped[int | None] = mapped_column(sa.ForeignKey("core_user.id", ondelete="SET NULL"))
    entry_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("core_entry.id", ondelete="SET NULL"), index=True
    )
    photo_id: Mapped[int | None] = mapped_column(sa.ForeignKey("core_entry.id", ondelete="SET NULL"))
    stop: Mapped[str] = mapped_column(sa.String(200), default="")
    outcome: Mapped[str] = mapped_column(sa.String(20), default="")
    text: Mapped[str] = mapped_column(sa.String(4000), default="")
    attendance: Mapped[int | None]
    state: Mapped[str] = mapped_column(sa.String(20), default="kept")
    noted_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime, default=api.now)
