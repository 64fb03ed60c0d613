"""Delegates of absent officials, and templates of answers."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import api


class Delegate(api.Owned, api.Base):
    """Who approves answers for an official, from one day to another, both included."""

    __tablename__ = "visits_delegate"
    delegate_id: Mapped[int] = mapped_column(sa.ForeignKey("core_user.id", ondelete="CASCADE"), index=True)
    begins_on: Mapped[dt.date]
    ends_on: Mapped[dt.date]


class AnswerTemplate(api.Public, api.Base):
    """Words to begin an answer with; of one theme, or of all."""

    __tablename__ = "visits_template"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(primary_key=True)
    theme: Mapped[str] = mapped_column(sa.String(80), default="")
    title: Mapped[str] = mapped_column(sa.String(120))
    body: Mapped[str] = mapped_column(sa.Text)
