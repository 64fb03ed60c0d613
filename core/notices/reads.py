"""Which notices are there for somebody: of what they may not read any more, none is, nor is it counted."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from .. import access, registry
from ..db import table_of
from ..models import Account, Entry, Invitation, Membership, Notice, Space

INVITED = "core.invited"  # to a space that one may not know of but by an invitation
SHOWN = 10  # more unread notices than this are not counted

_notice, _entry, _space = table_of(Notice), table_of(Entry), table_of(Space)
_account, _invitation, _membership = table_of(Account), table_of(Invitation), table_of(Membership)
_ONE: Any = sa.literal_column("1")
thread = sa.func.coalesce(_entry.c.parent_id, _entry.c.id)


def _of_team() -> list[str]:
    """The types of notices that are for the team of a space; a plugin that is off has none to read."""
    everybody = (registry.current().core, *registry.current().installed.values())
    return [kind.name for plugin in everybody for kind in plugin.notice_types if kind.team]


_OF_TEAM = sa.bindparam("team_notices", callable_=_of_team, type_=sa.String, **access.IN_SQL)


def visible(person: Any) -> ColumnElement[bool]:
    """What a row of core_notice is about, this person may read now."""
    entry, space = _entry.alias(), _space.alias()
    around = sa.select(entry.c.space_id).where(entry.c.id == _notice.c.entry_id).correlate_except(entry)
    about = around.where(entry.c.state != "removed", access.entry_readable(entry.c, person))
    listed = sa.and_(_notice.c.type != INVITED, access.space_listed(space.c, person))
    place = sa.select(_ONE).where(space.c.id == _notice.c.space_id)
    place = place.where(sa.or_(listed, _invited(space.c, person)))
    whose = sa.func.coalesce(_notice.c.space_id, around.scalar_subquery())
    return sa.and_(
        access.notice_is_on(_notice.c.type),
        sa.or_(_notice.c.entry_id.is_(None), about.exists()),
        sa.or_(_notice.c.type.not_in(_OF_TEAM), access.member(whose, team=True, person=person)),
        sa.or_(_notice.c.space_id.is_(None), place.correlate_except(space).exists()),
    )


def invitations(person: Any) -> tuple[Any, Any]:
    """What invites a person's proven address, to where they don't belong for as long; and its own table."""
    invited, account, member = _invitation.alias(), _account.alias(), _membership.alias()
    as_long = sa.or_(member.c.expires_at.is_(None), member.c.expires_at >= invited.c.member_until)
    same = (member.c.space_id == invited.c.space_id, member.c.user_id == person)
    open_ones = (
        sa.select(invited.c.token_hash)
        .select_from(invited.join(account, account.c.email == invited.c.email))
        .where(account.c.user_id == person, invited.c.expires_at > sa.func.current_timestamp())
        .where(~sa.select(_ONE).where(*same, as_long).correlate_except(member).exists())
    )
    return open_ones.correlate_except(invited, account), invited


def _invited(space: Any, person: Any) -> ColumnElement[bool]:
    """The notice is of an invitation to the space that waits for this person's answer."""
    open_ones, invited = invitations(person)
    waits = open_ones.where(invited.c.space_id == space.id).exists()
    return sa.and_(_notice.c.type == INVITED, access.kind_is_on(space.kind), waits)


def unread(person: Any) -> Any:
    """How many unread notices a person has, as a column beside theirs; SHOWN of them at most are counted."""
    mine = sa.select(_ONE).where(_notice.c.user_id == person, _notice.c.read_at.is_(None), visible(person))
    some = mine.limit(SHOWN).correlate(person.table).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()
