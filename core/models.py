"""The core's tables. Each model declares who reads it by one mixin of `access.py`."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .access import InSpace, OnEntry, Owned, Public, Reader, StaffOnly, TeamOnly
from .db import Base, UtcDateTime, Versioned, now

ROLES = ("resident", "official", "agent", "administrator")
MANDATES = ("mayor", "deputy_mayor", "delegated_councillor", "councillor")
VISIBILITIES = ("public", "portal", "members", "hidden")
JOINING = ("open", "request", "invite")
STATES = ("published", "pending", "hidden", "removed")
CHANNELS = ("web", "email", "phone", "paper", "stall")


def _one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN {values}", name=f"{column}_known")


def _user(ondelete: str = "SET NULL", **kw: Any) -> Any:
    return mapped_column(sa.ForeignKey("core_user.id", ondelete=ondelete), **kw)


class Area(Public, Base):
    """A part of the town: agglomeration, commune, neighbourhood; `path` is `/1/4/` from the top."""

    __tablename__ = "core_area"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("core_area.id", ondelete="RESTRICT"))
    level: Mapped[str] = mapped_column(sa.String(20))
    name: Mapped[str] = mapped_column(sa.String(120))
    path: Mapped[str] = mapped_column(sa.String(120), index=True, default="")
    boundary: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))


class User(Public, Base):
    """What everybody may know of a person; what only they know is their Account."""

    __tablename__ = "core_user"
    __table_args__ = (_one_of("role", ROLES), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    handle: Mapped[str] = mapped_column(sa.String(60), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    folded: Mapped[str] = mapped_column(sa.String(80), index=True)
    role: Mapped[str] = mapped_column(sa.String(20), default="resident")
    mandate: Mapped[str | None] = mapped_column(sa.String(30))
    list_name: Mapped[str | None] = mapped_column(sa.String(80))
    portfolio: Mapped[str | None] = mapped_column(sa.String(120))
    area_id: Mapped[int | None] = mapped_column(sa.ForeignKey("core_area.id", ondelete="SET NULL"))
    about: Mapped[str] = mapped_column(sa.String(500), default="")
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    closed_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class Account(Owned, Base):
    """A person's private side: address, password, preferences."""

    __tablename__ = "core_account"
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    password_hash: Mapped[str | None] = mapped_column(sa.String(200))
    language: Mapped[str | None] = mapped_column(sa.String(5))
    timezone: Mapped[str | None] = mapped_column(sa.String(40))
    demo: Mapped[bool] = mapped_column(default=False)


class SignIn(Owned, Base):
    """One signed-in browser; its cookie holds the token whose SHA-256 is the key."""

    __tablename__ = "core_sign_in"
    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("core_user.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    device: Mapped[str] = mapped_column(sa.String(80), default="")


class PendingClaim(StaffOnly, Base):
    """Something started by e-mail address, carried out when the link in the mail is confirmed."""

    __tablename__ = "core_claim"
    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    action: Mapped[str] = mapped_column(sa.String(60))
    email: Mapped[str] = mapped_column(sa.String(254), index=True)
    payload: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class Throttle(StaffOnly, Base):
    """How often something was tried from one account or address since `since`."""

    __tablename__ = "core_throttle"
    key: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    count: Mapped[int] = mapped_column(default=0)
    since: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)


class Space(Reader, Versioned, Base):
    """A place with members and a feed."""

    __tablename__ = "core_space"
    __table_args__ = (
        _one_of("visibility", VISIBILITIES),
        _one_of("joining", JOINING),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(60), default="core.group", index=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    folded: Mapped[str] = mapped_column(sa.String(240), default="", index=True)
    summary: Mapped[str] = mapped_column(sa.String(300), default="")
    body: Mapped[str] = mapped_column(sa.Text, default="")
    html: Mapped[str] = mapped_column(sa.Text, default="")
    visibility: Mapped[str] = mapped_column(sa.String(10), default="public")
    joining: Mapped[str] = mapped_column(sa.String(10), default="open")
    area_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("core_area.id", ondelete="SET NULL"), index=True
    )
    created_by: Mapped[int | None] = _user()
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    archived_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    entry_count: Mapped[int] = mapped_column(default=0)
    member_count: Mapped[int] = mapped_column(default=0)


class Membership(InSpace, Base):
    """Somebody's role in a space; `source` names the rule that gave it, so that the rule can take it back."""

    __tablename__ = "core_membership"
    __table_args__ = (sa.Index("ix_core_membership_user", "user_id", "space_id"),)
    space_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_space.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = _user("CASCADE", primary_key=True)
    source: Mapped[str] = mapped_column(sa.String(60), primary_key=True, default="core")
    role: Mapped[str] = mapped_column(sa.String(30), default="member")
    team: Mapped[bool] = mapped_column(default=False)
    expires_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)


class Invitation(TeamOnly, Base):
    """A link that makes whoever holds it and proves the address a member."""

    __tablename__ = "core_invitation"
    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(254))
    role: Mapped[str] = mapped_column(sa.String(30), default="member")
    invited_by: Mapped[int | None] = _user()
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    member_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class JoinRequest(TeamOnly, Base):
    """Somebody asks to become a member."""

    __tablename__ = "core_join_request"
    space_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_space.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = _user("CASCADE", primary_key=True)
    message: Mapped[str] = mapped_column(sa.String(500), default="")
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)


class Entry(Reader, Versioned, Base):
    """Something said in a space; a reply is an entry with a parent.

    `private` is what its author or team meant: for the team and `reader_id` also once published. `team_only`
    is what holds now, with its state and its parent taken in. `in_feed` is true for published first posts of
    kinds that show in feeds; the feeds' partial indexes hold them alone.
    """

    __tablename__ = "core_entry"
    __table_args__ = (
        _one_of("state", STATES),
        _one_of("channel", CHANNELS),
        sa.CheckConstraint("state = 'published' OR team_only", name="unpublished_is_team_only"),
        sa.UniqueConstraint("space_id", "client_key", name="uq_core_entry_client_key"),
        *(
            sa.Index(
                f"ix_core_entry_{name}",
                *columns,
                sqlite_where=sa.text("in_feed"),
                postgresql_where=sa.text("in_feed"),
            )
            for name, columns in (
                ("newest", ("published_at", "id")),
                ("active", ("active_at", "id")),
                ("space_newest", ("space_id", "published_at", "id")),
                ("space_active", ("space_id", "active_at", "id")),
                ("author_newest", ("author_id", "published_at", "id")),
            )
        ),
        sa.Index("ix_core_entry_replies", "parent_id", "published_at", "id"),
        sa.Index(
            "ix_core_entry_pinned",
            "space_id",
            "pinned_at",
            sqlite_where=sa.text("pinned_at IS NOT NULL"),
            postgresql_where=sa.text("pinned_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_core_entry_pending",
            "space_id",
            "id",
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        ),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    space_id: Mapped[int] = mapped_column(sa.ForeignKey("core_space.id", ondelete="CASCADE"))
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("core_entry.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(sa.String(60), default="core.post")
    author_id: Mapped[int | None] = _user(index=True)
    byline: Mapped[str | None] = mapped_column(sa.String(80))
    recorded_by: Mapped[int | None] = _user()
    channel: Mapped[str] = mapped_column(sa.String(10), default="web")
    title: Mapped[str] = mapped_column(sa.String(200), default="")
    body: Mapped[str] = mapped_column(sa.Text)
    html: Mapped[str] = mapped_column(sa.Text)
    lang: Mapped[str | None] = mapped_column(sa.String(5))
    state: Mapped[str] = mapped_column(sa.String(10), default="published")
    team_only: Mapped[bool] = mapped_column(default=False)
    private: Mapped[bool] = mapped_column(default=False)
    reader_id: Mapped[int | None] = _user()
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
    editor_id: Mapped[int | None] = _user()
    written_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class Support(OnEntry, Base):
    """One person's voice for an entry."""

    __tablename__ = "core_support"
    user_id: Mapped[int] = _user("CASCADE", primary_key=True, index=True)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)


class Mention(OnEntry, Base):
    """Somebody is named in an entry."""

    __tablename__ = "core_mention"
    user_id: Mapped[int] = _user("CASCADE", primary_key=True, index=True)


class Follow(Owned, Base):
    """Somebody wants to hear of a space, or of one entry."""

    __tablename__ = "core_follow"
    __table_args__ = (
        sa.UniqueConstraint("user_id", "space_id", name="uq_core_follow_space"),
        sa.UniqueConstraint("user_id", "entry_id", name="uq_core_follow_entry"),
        sa.CheckConstraint("(space_id IS NULL) <> (entry_id IS NULL)", name="one_thing"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = _user("CASCADE")
    space_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("core_space.id", ondelete="CASCADE"), index=True
    )
    entry_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("core_entry.id", ondelete="CASCADE"), index=True
    )


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
    profile_of: Mapped[int | None] = _user("CASCADE", unique=True)
    uploader_id: Mapped[int | None] = _user()
    sha256: Mapped[str] = mapped_column(sa.String(64), index=True)
    name: Mapped[str] = mapped_column(sa.String(120))
    type: Mapped[str] = mapped_column(sa.String(60))
    size: Mapped[int]
    width: Mapped[int | None]
    height: Mapped[int | None]
    alt: Mapped[str] = mapped_column(sa.String(300), default="")
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)


class Setting(StaffOnly, Base):
    """What the town or a plugin's settings form decided; `key` is `core.town` or a plugin's name."""

    __tablename__ = "core_setting"
    key: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class Stamp(Public, Base):
    """Rises with each change of settings or plugins, so that every process sees it at its next request."""

    __tablename__ = "core_stamp"
    key: Mapped[str] = mapped_column(sa.String(30), primary_key=True)
    version: Mapped[int] = mapped_column(default=0)


class PluginState(Public, Base):
    """Whether a plugin is enabled, and whether failures put it in quarantine."""

    __tablename__ = "core_plugin"
    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    enabled: Mapped[bool] = mapped_column(default=False)
    quarantined_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    switched_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class PluginFault(StaffOnly, Base):
    """A failure or slowness of a plugin, shown to staff: where and what, never whose."""

    __tablename__ = "core_plugin_fault"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    plugin: Mapped[str] = mapped_column(sa.String(40), index=True)
    place: Mapped[str] = mapped_column(sa.String(120))
    what: Mapped[str] = mapped_column(sa.String(500))
    trace: Mapped[str] = mapped_column(sa.Text, default="")
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)


class JobRow(StaffOnly, Base):
    """Work waiting for the worker, leased while it runs, retried with growing pauses."""

    __tablename__ = "core_job"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    payload: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    state: Mapped[str] = mapped_column(sa.String(10), default="waiting")
    run_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now, index=True)
    leased_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(sa.String(500), default="")
    once: Mapped[str | None] = mapped_column(sa.String(120), unique=True)


class Mail(StaffOnly, Base):
    """A message on its way out; text and link are erased once it is delivered."""

    __tablename__ = "core_mail"
    __table_args__ = {"sqlite_autoincrement": True}
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(60))
    recipient: Mapped[str] = mapped_column(sa.String(254))
    subject: Mapped[str] = mapped_column(sa.String(200))
    text: Mapped[str | None] = mapped_column(sa.Text)
    html: Mapped[str | None] = mapped_column(sa.Text)
    status: Mapped[str] = mapped_column(sa.String(10), default="waiting", index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    error: Mapped[str] = mapped_column(sa.String(300), default="")
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    sent_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
