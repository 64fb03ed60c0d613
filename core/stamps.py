"""Version numbers in the database that tell every process when what it keeps in memory is stale."""

from collections import defaultdict

import sqlalchemy as sa
from flask import g

from .db import db, insert_once
from .models import Stamp

_TABLE = sa.table("core_stamp", sa.column("key"), sa.column("version"))


def read() -> dict[str, int]:
    """All stamps, read once a request; one that was never bumped is 0."""
    if "stamps" not in g:
        rows = db.session.execute(sa.select(_TABLE))
        g.stamps = defaultdict(int, {row.key: row.version for row in rows})
    stamps: dict[str, int] = g.stamps
    return stamps


def bump(key: str) -> None:
    """Tell every process, with this write, that what depends on `key` changed."""
    insert_once(Stamp, key=key, version=0)
    db.session.execute(sa.update(Stamp).where(Stamp.key == key).values(version=Stamp.version + 1))
    g.pop("stamps", None)
