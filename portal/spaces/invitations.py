"""Invitations to spaces: sent by mail, withdrawn, and answered by whoever proves the address."""

import datetime as dt
import hashlib
import secrets
from contextlib import nullcontext
from typing import Any

import sqlalchemy as sa
from flask import current_app
from flask_babel import gettext as _

from core import access, mail, registry
from core.access import Refused, as_system, require, viewer
from core.accounts import addresses, sessions, throttle
from core.audit import audit
from core.db import db, now, table_of, unfiltered, write
from core.models import Account, Invitation, Membership, Space, User
from core.notices.reads import INVITED
from core.notices.tell import notify, untell
from core.spaces import actions

from .forms import last_day

LASTS = dt.timedelta(days=14)

_invitation, _account, _user, _membership = map(table_of, (Invitation, Account, User, Membership))


class IsMember(Exception):
    """Who is invited is a member already, for as long; the message names them."""


def invite(space: Space, email: str, role: str = "member", until: dt.datetime | None = None) -> None:
    """Mail a link that makes whoever proves the address a member; only owners invite to the team.

    It takes the place of what invited the address to the space before.

    Raises throttle.TooMany where the sender has invited many people, or many have invited this one, and
    IsMember where it would give nothing: who may invite sees the members, so it reveals nobody.
    """
    require("core.invite", space)
    if actions.role_of(space, role).team:
        require("core.manage_space", space)
    throttle.hit("invite", str(viewer().id))
    throttle.hit("invited", addresses.typed(email))
    if name := _member(space.id, email, until):
        raise IsMember(_("%(name)s is a member already.", name=name))
    token = secrets.token_urlsafe(32)
    letter = mail.compose(
        "core/mail/invitation",
        None,
        link=f"{current_app.config['PARVIS'].base_url}/invitations/{token}",
        inviter=viewer().name,
        space=space.name,
        until=last_day(until),
    )
    with write() as session:
        actions.hold_open(space.id)
        invited = Invitation(
            token_hash=_digest(token),
            space_id=space.id,
            email=addresses.typed(email),
            role=role,
            invited_by=viewer().id,
            expires_at=now() + LASTS,
            member_until=until,
        )
        _use_up(invited)
        session.add(invited)
        mail.send("core.invitation", email, *letter)
        for person in _people(email):
            untell(INVITED, space_id=space.id, user_id=person)  # an earlier one, which they may have read
            notify(INVITED, [person], space=space)
        audit("space.invited", f"space/{space.id}", role=role, until=until and until.isoformat())


def withdraw(space: Space, key: str) -> bool:
    """Take an invitation back; `key` is its `token_hash`. Says whether there was one."""
    require("core.invite", space)
    with write() as session:
        known = (Invitation.space_id == space.id, Invitation.token_hash == key)
        taken: Any = session.execute(sa.delete(Invitation).where(*known))
    return bool(taken.rowcount)


def decline(key: str) -> None:
    """Give back what invites this address to the space, as whoever holds a link or the address may.

    Those who invited hear of it: by name from who is signed in with the address, a link alone names nobody.
    """
    with write():
        found = invitation_of(key)
        if found is None:
            return
        invited, space = found
        inviters, once = _use_up(invited), f"declined:{secrets.token_hex(8)}"
        with nullcontext() if is_own(invited) else as_system("a link does not say who holds it"):
            notify("core.newcomer", inviters, space=space, once=once)


def invitation(token: str) -> tuple[Invitation, Space] | None:
    """The invitation behind a link and its space, as long as it holds."""
    return invitation_of(_digest(token))


def invitation_of(key: str) -> tuple[Invitation, Space] | None:
    """The invitation with this `token_hash` and its space, as long as it holds."""
    with as_system("whoever is invited may see what it is for"):
        found = db.session.get(Invitation, key)
        space = db.session.get(Space, found.space_id) if found else None
    return (found, space) if found and space and holds(found, space) else None


def is_own(invited: Invitation) -> bool:
    """Whether the viewer is signed in with the address that it was sent to."""
    return viewer().id in _people(invited.email)


def holds(invited: Invitation, space: Space) -> bool:
    """Whether an invitation is open still: it ends with its time or what it gives, or its sender's right."""
    ends = min(invited.expires_at, invited.member_until or invited.expires_at)
    if ends <= now() or space.kind not in registry.current().kinds():
        return False
    needed = ["core.invite"] + ["core.manage_space"] * actions.role_of(space, invited.role).team
    try:
        with sessions.as_viewer(invited.invited_by or 0):
            return all(access.can(name, space) for name in needed)
    except LookupError:  # no account, or a closed one
        return False


def accept(key: str) -> bool:
    """Become a member, or one for longer, by an invitation to one's own address, once; says whether anew.

    Refused to who is a member already, for as long.
    """
    require("core.account")
    with write() as session:
        found = invitation_of(key)
        if found is None:
            raise Refused(_("This invitation is no longer valid. Please ask for a new one."))
        invited, space = found
        own = session.get(Account, viewer().id)
        if own is None or own.email != addresses.typed(invited.email):
            raise Refused(_("This invitation was sent to another address. Sign in with that address."))
        actions.hold_open(space.id)
        if not _use_up(invited):
            raise Refused(_("This invitation is no longer valid. Please ask for a new one."))
        until, team = invited.member_until, actions.role_of(space, invited.role).team
        new = actions.enter(space.id, own.user_id, role=invited.role, team=team, expires_at=until)
        if not new and not actions.prolong(space.id, own.user_id, until):
            raise Refused(_("You are a member already. The team of the space can change your place."))
        notify("core.newcomer", actions.team_of(space.id), space=space)
        return new


def _use_up(invited: Invitation) -> list[int]:
    """Delete all that invites this address to the space, as one answer is one to all; who had invited."""
    same = (_invitation.c.space_id == invited.space_id, _invitation.c.email == invited.email)
    gone = unfiltered(sa.delete(_invitation).where(*same).returning(_invitation.c.invited_by))
    return sorted(set(filter(None, gone.scalars())))


def _people(email: str) -> list[int]:
    """Whose address it is: one person, or nobody."""
    theirs = sa.select(_account.c.user_id).where(_account.c.email == addresses.typed(email))
    return list(unfiltered(theirs).scalars())


def _member(space_id: int, email: str, until: dt.datetime | None) -> str | None:
    """The name of the member whose address it is, where an invitation until then would give them nothing."""
    ends = _membership.c.expires_at
    lasts = sa.or_(ends.is_(None), ends >= until) if until else ends.is_(None)
    theirs = (_membership.c.space_id == space_id, _membership.c.source == actions.OWN, lasts)
    named = (
        sa.select(_user.c.name)
        .join(_account, _account.c.user_id == _user.c.id)
        .join(_membership, _membership.c.user_id == _user.c.id)
        .where(*theirs, _account.c.email == addresses.typed(email))
    )
    return unfiltered(named).scalar()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
