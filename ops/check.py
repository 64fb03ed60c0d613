"""What `parvis check` looks at beyond the health checks of `/healthz`, because it takes longer."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from flask_babel import force_locale

from core import files, health
from core.db import db, now, table_of
from core.models import Entry, File, Membership, Space, Support
from core.plugin import Health
from portal import intake

NAMED = 5
CLOCK_MARGIN = dt.timedelta(minutes=1)


def everything(with_files: bool = False) -> list[Health]:
    """The health checks, then the soundness, references and counters of the database; each file, if asked.

    In English, as all that the command says, whatever the town speaks.
    """
    with force_locale("en"):
        found = health.checks()
    looks: dict[str, Callable[[], tuple[bool, str]]] = {
        "mailbox": intake.look,
        "clock": _clock,
        "soundness": _soundness,
        "references": _references,
        "counters": _counters,
        **({"stored files": _stored_files} if with_files else {}),
    }
    return [*found, *(health.safely(name, look) for name, look in looks.items())]


def recounts() -> Iterator[tuple[sa.Table, str, Any]]:
    """Each kept counter of the core: its table, its column, and the query that counts anew."""
    entry, reply, space = table_of(Entry), table_of(Entry).alias(), table_of(Space)
    support, member = table_of(Support), table_of(Membership)
    number = sa.select(sa.func.count())
    shown = number.where(entry.c.space_id == space.c.id, entry.c.in_feed, ~entry.c.team_only)
    yield space, "entry_count", shown.select_from(entry).scalar_subquery()
    people = sa.select(sa.func.count(member.c.user_id.distinct())).where(member.c.space_id == space.c.id)
    yield space, "member_count", people.scalar_subquery()
    said = number.where(reply.c.parent_id == entry.c.id, reply.c.state == "published", ~reply.c.team_only)
    yield entry, "reply_count", said.select_from(reply).correlate(entry).scalar_subquery()
    voices = number.where(support.c.entry_id == entry.c.id)
    yield entry, "support_count", voices.select_from(support).scalar_subquery()


def _clock() -> tuple[bool, str]:
    """A clock that was set back lets new posts come before old ones."""
    newest = db.session.scalar(sa.select(Entry.created_at).order_by(Entry.id.desc()).limit(1))
    moment = now()
    if newest and newest - moment > CLOCK_MARGIN:
        return (
            False,
            f"{moment:%Y-%m-%d %H:%M:%S} UTC, but something was written at {newest:%Y-%m-%d %H:%M:%S}",
        )
    return True, f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _soundness() -> tuple[bool, str]:
    if db.engine.dialect.name != "sqlite":
        return True, "PostgreSQL looks after itself"
    said = db.session.scalars(sa.text("PRAGMA quick_check(5)")).all()
    return said == ["ok"], ", ".join(said)


def _references() -> tuple[bool, str]:
    if db.engine.dialect.name != "sqlite":
        return True, "PostgreSQL allows no other"
    broken = db.session.execute(sa.text("PRAGMA foreign_key_check")).all()
    tables = sorted({row[0] for row in broken})
    return (
        not broken,
        f"{len(broken)} rows without what they refer to: {', '.join(tables)}" if broken else "all hold",
    )


def _counters() -> tuple[bool, str]:
    wrong = []
    for table, column, recount in recounts():
        differ = sa.select(sa.func.count()).select_from(table).where(table.c[column] != recount)
        count = db.session.scalar(differ)
        if count:
            wrong.append(f"{table.name}.{column} in {count} rows")
    return not wrong, "; ".join(wrong) or "equal to a recount"


def _stored_files() -> tuple[bool, str]:
    """Each file that a row names is there, and its bytes are those that its name promises."""
    keys = sorted(set(db.session.scalars(sa.select(File.sha256))))
    db.session.rollback()
    bad = [key for key in keys if not _whole(key)]
    named = ", ".join(bad[:NAMED]) + (" …" if len(bad) > NAMED else "")
    return (
        not bad,
        f"{len(bad)} of {len(keys)} missing or damaged: {named}" if bad else f"{len(keys)} are whole",
    )


def _whole(key: str) -> bool:
    try:
        with files.stored(key).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == key
    except OSError:
        return False
