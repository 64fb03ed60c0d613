"""When mail with notices is due: at once, or at its reader's hour on days of their choice."""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from ..db import db, insert, now, table_of, unfiltered
from ..i18n import town_zone
from ..models import Account, NoticeRound, NoticeTimes
from ..models.notices import BY_MAIL

_round = table_of(NoticeRound)
_account, _times = table_of(Account), table_of(NoticeTimes)


def plan(new: Sequence[tuple[int, str]]) -> None:
    """Have mail written to those whose new notice leaves by mail, inside the write that makes it."""
    waiting = [(user_id, way) for user_id, way in new if way in BY_MAIL]
    digests = [user_id for user_id, way in waiting if way != "at_once"]
    known = {row.user_id: row for row in unfiltered(clocks(digests))} if digests else {}
    values = [
        {"user_id": user_id, "way": way, "mailed_id": 0, "due_at": due(way, known.get(user_id))}
        for user_id, way in waiting
    ]
    if values:
        rows = insert(_round)
        first = sa.func.coalesce(_round.c.due_at, rows.excluded.due_at)
        planned = rows.on_conflict_do_update(index_elements=["way", "user_id"], set_={"due_at": first})
        db.session.execute(planned, values, execution_options={"guarded": True})


def due(way: str, clock: Any, moment: dt.datetime | None = None) -> dt.datetime:
    """When the next message of this way leaves, by its reader's `hour`, `days` and `timezone`."""
    moment = moment or now()
    if way == "at_once" or clock is None:
        return moment
    zone = ZoneInfo(clock.timezone) if clock.timezone else town_zone()
    local, hour = moment.astimezone(zone), dt.time(8 if clock.hour is None else clock.hour)
    for ahead in range(9):
        day = local.date() + dt.timedelta(days=ahead)
        then = dt.datetime.combine(day, hour, zone).astimezone(dt.UTC)
        if then > moment and (way == "daily" or (clock.days or 1) >> day.weekday() & 1):
            return then
    return moment + dt.timedelta(days=7)


def clocks(people: Sequence[int]) -> sa.Select[Any]:
    """The time zone, hour and days (bits, Monday first) of each of these people who has chosen any."""
    columns = (_account.c.user_id, _account.c.timezone, _times.c.hour, _times.c.days)
    clocks = sa.select(*columns).outerjoin(_times, _times.c.user_id == _account.c.user_id)
    return clocks.where(_account.c.user_id.in_(people))
