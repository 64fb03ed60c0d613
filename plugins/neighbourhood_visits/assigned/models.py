"""The signed link by which a department without accounts reads one request and answers it."""

import datetime as dt
import secrets

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import api


class DepartmentLink(api.TeamOnly, api.Base):
    """One assignment's link: what it is signed with beside the town's own key, and until when it opens."""

    __tablename__ = "visits_department_link"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int] = mapped_column(sa.ForeignKey("core_entry.id", ondelete="CASCADE"), unique=True)
    department_id: Mapped[int] = mapped_column(
        sa.ForeignKey("visits_department.id", ondelete="CASCADE"), index=True
    )
    secret: Mapped[str] = mapped_column(sa.String(64), default=lambda: secrets.token_urlsafe(24))
    expires_at: Mapped[dt.datetime] = mapped_column(api.UtcDateTime)
    drafted_at: Mapped[dt.datetime | None] = mapped_column(api.UtcDateTime)
