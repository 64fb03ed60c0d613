"""Spaces, who belongs to them, and who is asked or asks to."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..access import InSpace, Reader, TeamOnly
from ..db import Base, UtcDateTime, Versioned, now
from .columns import one_of, to, user

VISIBILITIES = ("public", "portal", "members", "hidden")
JOINING = ("open", "request", "invite")


class Space(Reader, Versioned, Base):
    """A place with members and a feed."""

    __tablename__ = "core_space"
    __table_args__ = (
        one_of("visibility", VISIBILITIES),
        one_of("joining", JOINING),
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
    area_id: Mapped[int | None] = to("area", "SET NULL", index=True)
    created_by: Mapped[int | None] = user()
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    archived_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    entry_count: Mapped[int] = mapped_column(default=0)
    member_count: Mapped[int] = mapped_column(default=0)


class Membership(InSpace, Base):
    """Somebody's role in a space; `source` names the rule that gave it, so that the rule can take it back."""

    __tablename__ = "core_membership"
    __table_args__ = (sa.Index("ix_core_membership_user", "user_id", "space_id"),)
    space_id: Mapped[int] = to("space", primary_key=True)
    user_id: Mapped[int] = user("CASCADE", primary_key=True)
    source: Mapped[str] = mapped_column(sa.String(60), primary_key=True, default="core")
    role: Mapped[str] = mapped_column(sa.String(30), default="member")
    team: Mapped[bool] = mapped_column(default=False)
    expires_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)


class Invitation(TeamOnly, Base):
    """A link that makes whoever holds it and proves the address a member."""

    __tablename__ = "core_invitation"
    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(254), index=True)
    role: Mapped[str] = mapped_column(sa.String(30), default="member")
    invited_by: Mapped[int | None] = user()
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    member_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class JoinRequest(TeamOnly, Base):
    """Somebody asks to become a member."""

    __tablename__ = "core_join_request"
    space_id: Mapped[int] = to("space", primary_key=True)
    user_id: Mapped[int] = user("CASCADE", primary_key=True)
    message: Mapped[str] = mapped_column(sa.String(500), default="")
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
