"""What the viewer is in a space."""

from dataclasses import dataclass

import sqlalchemy as sa

from ..access import viewer
from ..db import UtcDateTime, now, table_of
from ..models import Follow, JoinRequest, Membership
from ..prepared import Prepared

_member, _follow, _request = table_of(Membership), table_of(Follow), table_of(JoinRequest)
_me, _in_it = sa.bindparam("me", type_=sa.Integer), sa.bindparam("space", type_=sa.Integer)
_holds = sa.or_(_member.c.expires_at.is_(None), _member.c.expires_at > sa.bindparam("now", type_=UtcDateTime))


@dataclass(frozen=True)
class Standing:
    """What the viewer is in a space: roles that hold now, and whether they follow it or asked to join."""

    roles: frozenset[str]
    own: bool
    follows: bool
    asked: bool

    @property
    def member(self) -> bool:
        return bool(self.roles)


_standing = Prepared(
    sa.union_all(
        sa.select(_member.c.role, _member.c.source).where(
            _member.c.user_id == _me, _member.c.space_id == _in_it, _holds
        ),
        sa.select(sa.literal_column("'follows'"), sa.literal_column("''")).where(
            sa.exists().where(_follow.c.user_id == _me, _follow.c.space_id == _in_it)
        ),
        sa.select(sa.literal_column("'asked'"), sa.literal_column("''")).where(
            sa.exists().where(_request.c.user_id == _me, _request.c.space_id == _in_it)
        ),
    ).execution_options(guarded=True)
)


def standing(space_id: int) -> Standing:
    """What the viewer is in this space."""
    rows = _standing(me=viewer().id, space=space_id, now=now())
    marks = {role for role, source in rows if not source}
    roles = frozenset(role for role, source in rows if source)
    own = any(source == "core" for _role, source in rows)
    return Standing(roles, own, "follows" in marks, "asked" in marks)
