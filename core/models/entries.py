"""What is said: entries, their history, supports, mentions, follows and files."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..access import OnEntry, Owned, Reader
from ..db import Base, UtcDateTime, Versioned, now
from .columns import one_of, partial, to, user

STATES = ("published", "pending", "hidden", "removed")
CHANNELS = ("web", "email", "phone", "paper", "stall")


class Entry(Reader, Versioned, Base):
    """Something said in a space; a reply is an entry with a parent.

    `private` is what its author or team meant: for the team and whom it is `meant_for` also once published.
    `team_only` and `reader_id` are what holds now, with its state and its parent taken in. `in_feed` is true
    for published first posts of kinds that show in feeds; the feeds' partial indexes hold them alone.
    """

    __tablename__ = "core_entry"
    __table_args__ = (
        one_of("state", STATES),
        one_of("channel", CHANNELS),
        sa.CheckConstraint("state = 'published' OR team_only", name="unpublished_is_team_only"),
        sa.UniqueConstraint("space_id", "client_key", name="uq_core_entry_client_key"),
        *(
            partial(f"ix_core_entry_{name}", *columns, where="in_feed")
            for name, columns in (
                ("newest", ("published_at", "id")),
                ("active", ("active_at", "id")),
                ("space_newest", ("space_id", "published_at", "id")),
                ("space_active", ("space_id", "active_at", "id")),
                ("author_newest", ("author_id", "published_at", "id")),
            )
        ),
        sa.Index("ix_core_entry_replies", "parent_id", "published_at", "id"),
        partial("ix_core_entry_pinned", "space_id", "pinned_at", where="pinned_at IS NOT NULL"),
        partial("ix_core_entry_pending", "space_id", "id", where="state = 'pending'"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    space_id: Mapped[int] = to("space")
    parent_id: Mapped[int | None] = to("entry")
    kind: Mapped[str] = mapped_column(sa.String(60), default="core.post")
    author_id: Mapped[int | None] = user(index=True)
    byline: Mapped[str | None] = mapped_column(sa.String(80))
    recorded_by: Mapped[int | None] = user()
    channel: Mapped[str] = mapped_column(sa.String(10), default="web")
    title: Mapped[str] = mapped_column(sa.String(200), default="")
    body: Mapped[str] = mapped_column(sa.Text)
    html: Mapped[str] = mapped_column(sa.Text)
    lang: Mapped[str | None] = mapped_column(sa.String(5))
    state: Mapped[str] = mapped_column(sa.String(10), default="published")
    team_only: Mapped[bool] = mapped_column(default=False)
    private: Mapped[bool] = mapped_column(default=False)
    meant_for: Mapped[int | None]
    reader_id: Mapped[int | None] = user()
    in_feed: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    published_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    active_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    edited_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    pinned_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    locked_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    reply_count: Mapped[int] = mapped_column(default=0)
    support_count: Mapped[int] = mapped_column(default=0)
    client_key: Mapped[str | None] = mapped_column(sa.String(64))


class Revision(OnEntry, Base):
    """An entry as it stood before an edit, kept from its first publication on."""

    __tablename__ = "core_revision"
    number: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(200))
    body: Mapped[str] = mapped_column(sa.Text)
    html: Mapped[str] = mapped_column(sa.Text)
    editor_id: Mapped[int | None] = user()
    written_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class Support(OnEntry, Base):
    """One person's voice for an entry."""

    __tablename__ = "core_support"
    user_id: Mapped[int] = user("CASCADE", primary_key=True, index=True)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)


class Mention(OnEntry, Base):
    """Somebody is named in an entry."""

    __tablename__ = "core_mention"
    user_id: Mapped[int] = user("CASCADE", primary_key=True, index=True)


class Follow(Owned, Base):
    """Somebody wants to hear of a space, or of one entry."""

    __tablename__ = "core_follow"
    __table_args__ = (
        sa.UniqueConstraint("user_id", "space_id", name="uq_core_follow_space"),
        sa.UniqueConstraint("user_id", "entry_id", name="uq_core_follow_entry"),
        sa.CheckConstraint("(space_id IS NULL) <> (entry_id IS NULL)", name="one_thing"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = user("CASCADE")
    space_id: Mapped[int | None] = to("space", index=True)
    entry_id: Mapped[int | None] = to("entry", index=True)


class File(OnEntry, Base):
    """A stored file: an entry's, with its audience; else a person's picture or the town's logo, public."""

    __tablename__ = "core_file"
    __table_args__ = (
        sa.CheckConstraint("entry_id IS NULL OR profile_of IS NULL", name="one_place"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int | None] = mapped_column(  # type: ignore[assignment]
        sa.ForeignKey("core_entry.id", ondelete="CASCADE"), index=True
    )
    profile_of: Mapped[int | None] = user("CASCADE", unique=True)
    uploader_id: Mapped[int | None] = user()
    sha256: Mapped[str] = mapped_column(sa.String(64), index=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    type: Mapped[str] = mapped_column(sa.String(60))
    size: Mapped[int]
    width: Mapped[int | None]
    height: Mapped[int | None]
    alt: Mapped[str] = mapped_column(sa.String(300), default="")
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
