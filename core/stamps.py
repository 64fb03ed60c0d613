"""Version numbers in the database that tell every process when what it keeps in memory is stale."""

from collections import defaultdict

import sqlalchemy as sa
from flask import g

from .db import db, insert_once
from .models import Stamp
from .prepared import Prepared

_TABLE = sa.table("core_stamp", sa.column("key"), sa.column("version"))
_EVENT = sa.table("core_event", sa.column("id", sa.Integer))
_all = Prepared(
    sa.union_all(
        sa.select(_TABLE), sa.select(sa.literal("events"), sa.func.coalesce(sa.func.max(_EVENT.c.id), 0))
    ).execution_options(guarded=True)
)


def read() -> dict[str, int]:
    """All stamps, read once a request; one that was never bumped is 0, `events` is the newest event."""
    stamps: dict[str, int] | None = g.get("stamps")
    if stamps is None:
        stamps = g.stamps = defaultdict(int, _all())
        g.setdefault("cursor", stamps["events"])
    return stamps


def bump(key: str) -> None:
    """Tell every process, with this write, that what depends on `key` changed."""
    insert_once(Stamp, key=key, version=0)
    db.session.execute(sa.update(Stamp).where(Stamp.key == key).values(version=Stamp.version + 1))
    g.pop("stamps", None)


def cursor() -> int:
    """The newest event when this request began to read: what came later, its page has yet to be told."""
    read()
    number: int = g.cursor
    return number
