"""Second factors: what codes are made from, and the recovery codes that are left."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..access import Owned
from ..db import Base, UtcDateTime, now


class SecondFactor(Owned, Base):
    """A person's authenticator app; `seed` makes its secret together with the town's key."""

    __tablename__ = "core_second_factor"
    seed: Mapped[str] = mapped_column(sa.String(60))
    last_step: Mapped[int]
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=now)


class RecoveryCode(Owned, Base):
    """One that was not used yet; who reads the table can't use it."""

    __tablename__ = "core_recovery_code"
    code_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
