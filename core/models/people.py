"""People, their areas, accounts and sign-ins."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..access import Owned, Public, StaffOnly
from ..db import Base, UtcDateTime, now
from .columns import one_of, to

ROLES = ("resident", "official", "agent", "administrator")
MANDATES = ("mayor", "deputy_mayor", "delegated_councillor", "councillor")


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
    __table_args__ = (one_of("role", ROLES), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    handle: Mapped[str] = mapped_column(sa.String(60), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    folded: Mapped[str] = mapped_column(sa.String(80), index=True)
    role: Mapped[str] = mapped_column(sa.String(20), default="resident")
    mandate: Mapped[str | None] = mapped_column(sa.String(30))
    list_name: Mapped[str | None] = mapped_column(sa.String(80))
    portfolio: Mapped[str | None] = mapped_column(sa.String(120))
    area_id: Mapped[int | None] = to("area", "SET NULL")
    about: Mapped[str] = mapped_column(sa.String(500), default="")
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)
    closed_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class Account(Owned, Base):
    """A person's private side: address and `former` ones, password, preferences."""

    __tablename__ = "core_account"
    email: Mapped[str] = mapped_column(sa.String(254), unique=True)
    former: Mapped[list[str]] = mapped_column(sa.JSON, default=list, server_default="[]")
    password_hash: Mapped[str | None] = mapped_column(sa.String(200))
    language: Mapped[str | None] = mapped_column(sa.String(5))
    timezone: Mapped[str | None] = mapped_column(sa.String(40))
    demo: Mapped[bool] = mapped_column(default=False)


class SignIn(Owned, Base):
    """One signed-in browser; its cookie holds the token whose SHA-256 is the key."""

    __tablename__ = "core_sign_in"
    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    user_id: Mapped[int] = to("user", index=True)
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
