"""Which kinds of notices somebody may get at all, in the groups in which they choose among them."""

from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from core import access, registry
from core.access import viewer
from core.db import db, now
from core.models import Membership, Notice
from core.plugin import NoticeType

CONVERSATIONS = frozenset({"core.reply", "core.mention", "core.post"})


def groups() -> list[tuple[Any, list[NoticeType]]]:
    """Titles, each with kinds that may reach the viewer: by right, here or in a space, or as they have."""
    roles, told = _roles(), set(db.session.scalars(sa.select(Notice.type).distinct()))
    found: dict[Any, list[NoticeType]] = {}
    for plugin in registry.current().active():
        for kind in plugin.notice_types:
            if not kind.subject and (kind.name in told or _may(kind.permission, roles)):
                of_core = _("Conversations") if kind.name in CONVERSATIONS else _("Spaces")
                title = of_core if plugin.name == "core" else plugin.title
                found.setdefault(str(title), []).append(kind)
    return list(found.items())


def _may(permission: str, roles: frozenset[str]) -> bool:
    return access.can(permission) or bool(access.permissions[permission].space_roles & roles)


def _roles() -> frozenset[str]:
    """The viewer's roles in any of their spaces, and `team` for who is on a team."""
    lasts = sa.or_(Membership.expires_at.is_(None), Membership.expires_at > now())
    held = sa.select(Membership.role, Membership.team).where(Membership.user_id == viewer().id, lasts)
    rows = db.session.execute(held.distinct()).all()
    return frozenset(row.role for row in rows) | ({"team"} if any(row.team for row in rows) else set())
