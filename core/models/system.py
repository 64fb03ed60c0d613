"""What the portal keeps for itself: settings, plugins, jobs and mail."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..access import Public, StaffOnly
from ..db import Base, UtcDateTime, now


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
    """A failure or slowness of a plugin, or an error of the core: where and what, never whose."""

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
