"""Which notices are there for somebody: of what they may not read any more, none is, nor is it counted."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from .. import access
from ..db import table_of
from ..models import Entry, Notice, Space

OF_TEAM = ("core.join_request", "core.newcomer")  # what of a space concerns its team alone
SHOWN = 10  # more unread notices than this are not counted

_notice, _entry, _space = table_of(Notice), table_of(Entry), table_of(Space)
_ONE: Any = sa.literal_column("1")
thread = sa.func.coalesce(_entry.c.parent_id, _entry.c.id)


def visible(person: Any) -> ColumnElement[bool]:
    """What a row of core_notice is about, this person may read now."""
    entry, space = _entry.alias(), _space.alias()
    about = sa.select(_ONE).where(entry.c.id == _notice.c.entry_id, entry.c.state != "removed")
    about = about.where(access.entry_readable(entry.c, person)).correlate_except(entry)
    place = sa.select(_ONE).where(space.c.id == _notice.c.space_id, access.space_listed(space.c, person))
    team = access.member(_notice.c.space_id, team=True, person=person)
    return sa.and_(
        access.notice_is_on(_notice.c.type),
        sa.or_(_notice.c.entry_id.is_(None), about.exists()),
        sa.or_(sa.and_(*(_notice.c.type != name for name in OF_TEAM)), team),
        sa.or_(_notice.c.space_id.is_(None), place.correlate_except(space).exists()),
    )


def unread(person: Any) -> Any:
    """How many unread notices a person has, as a column beside theirs; SHOWN of them at most are counted."""
    mine = sa.select(_ONE).where(_notice.c.user_id == person, _notice.c.read_at.is_(None), visible(person))
    some = mine.limit(SHOWN).correlate(person.table).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()
