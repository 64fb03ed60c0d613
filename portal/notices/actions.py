"""What people decide of their notices: read, how each kind reaches them, no more mail. Each is one write."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from core import registry
from core.access import as_system, require, viewer
from core.db import db, insert_once, lock, now, unfiltered, write
from core.models import Notice, NoticeChoice, NoticeRound, NoticeTimes, User
from core.models.notices import BY_MAIL
from core.notices import rounds
from core.settings import kept_for

_PLAIN: dict[str, Any] = {"synchronize_session": False}


def read(upto: int, notice_id: int | None = None) -> None:
    """Mark one of one's notices as read, or all up to one."""
    require("core.account")
    which = Notice.id <= upto if notice_id is None else Notice.id == notice_id
    with write() as session:
        mine = sa.update(Notice).where(which, Notice.read_at.is_(None))
        session.execute(mine.values(read_at=now()), execution_options=_PLAIN)


def choose(
    kinds: Mapping[str, str], spaces: Mapping[int, str | None], hour: int, days: Sequence[int], paused: bool
) -> None:
    """Keep how each kind, and what comes from some spaces, reaches the viewer; and when digests do."""
    require("core.account")
    person = viewer().id or 0
    with write() as session:
        shown = sa.or_(NoticeChoice.type.in_(kinds), NoticeChoice.space_id.in_(spaces))
        session.execute(sa.delete(NoticeChoice).where(shown))
        session.add_all(NoticeChoice(user_id=person, type=name, way=way) for name, way in kinds.items())
        session.add_all(
            NoticeChoice(user_id=person, space_id=key, way=way) for key, way in spaces.items() if way
        )
        insert_once(NoticeTimes, user_id=person)
        times = session.get(NoticeTimes, person)
        times.hour, times.days = hour, sum(1 << day for day in set(days))
        times.paused_at = (times.paused_at or now()) if paused else None
        session.flush()
        _replan(person)


def _replan(person: int) -> None:
    """Let digests that wait leave at the hour and on the days that hold now."""
    [clock] = unfiltered(rounds.clocks([person])).all()
    for way in ("daily", "weekly"):
        mine = (NoticeRound.way == way, NoticeRound.due_at.is_not(None))
        later = sa.update(NoticeRound).where(*mine).values(due_at=rounds.due(way, clock))
        db.session.execute(later, execution_options=_PLAIN)


def stop(user_id: int, kinds: Sequence[str], spaces: Sequence[int]) -> None:
    """End somebody's mail of these kinds, and mail chosen for these spaces: it stays on their page.

    Who closed their account gets no more anyway.
    """
    known = {kind.name for plugin in registry.current().active() for kind in plugin.notice_types}
    with as_system("the link in a mail ends it without signing in"), write() as session:
        here = sa.select(User.id).where(User.id == user_id, User.closed_at.is_(None))
        if session.scalars(lock(here)).first() is None:
            return
        mine = NoticeChoice.user_id == user_id
        for name in known.intersection(kinds):
            insert_once(NoticeChoice, user_id=user_id, type=name, way="page")
        which = sa.or_(NoticeChoice.type.in_(kinds), NoticeChoice.space_id.in_(spaces))
        ended = sa.update(NoticeChoice).where(mine, which, NoticeChoice.way.in_(BY_MAIL)).values(way="page")
        session.execute(ended, execution_options=_PLAIN)


def sweep() -> None:
    """Job: remove notices that were read long ago, or never."""
    read, unread = (now() - (kept_for(f"core.{name}") or dt.timedelta()) for name in ("notices", "unread"))
    gone = (Notice.read_at < read, Notice.created_at < unread)
    with as_system("clear away old notices"), write() as session:
        session.execute(sa.delete(Notice).where(sa.or_(*gone)), execution_options=_PLAIN)
