"""Invitations to spaces: sent by mail, withdrawn, and answered by whoever proves the address."""

import datetime as dt
import hashlib
import secrets

import sqlalchemy as sa
from flask import current_app
from flask_babel import gettext as _

from core import access, mail, registry
from core.access import Refused, as_system, require, viewer
from core.accounts import addresses, sessions, throttle
from core.audit import audit
from core.db import db, now, table_of, unfiltered, write
from core.models import Account, Invitation, Space
from core.notices.tell import notify
from core.spaces import actions

LASTS = dt.timedelta(days=14)


def invite(space: Space, email: str, role: str = "member", until: dt.datetime | None = None) -> None:
    """Mail a link that makes whoever proves the address a member; only owners invite to the team.

    Raises throttle.TooMany where the sender has invited many people, or many have invited this one.
    """
    require("core.invite", space)
    if actions.role_of(space, role).team:
        require("core.manage_space", space)
    throttle.hit("invite", str(viewer().id))
    throttle.hit("invited", addresses.typed(email))
    token = secrets.token_urlsafe(32)
    letter = mail.compose(
        "core/mail/invitation",
        None,
        link=f"{current_app.config['PARVIS'].base_url}/invitations/{token}",
        inviter=viewer().name,
        space=space.name,
    )
    with write() as session:
        actions.hold_open(space.id)
        session.add(
            Invitation(
                token_hash=_digest(token),
                space_id=space.id,
                email=addresses.typed(email),
                role=role,
                invited_by=viewer().id,
                expires_at=now() + LASTS,
                member_until=until,
            )
        )
        mail.send("core.invitation", email, *letter)
        for person in _people(email):
            untell(INVITED, space_id=space.id, user_id=person)  # an earlier one, which they may have read
            notify(INVITED, [person], space=space)
        audit("space.invited", f"space/{space.id}", role=role, until=until and until.isoformat())


def withdraw(space: Space, key: str) -> None:
    """Take an invitation back; `key` is its `token_hash`."""
    require("core.invite", space)
    with write() as session:
        known = (Invitation.space_id == space.id, Invitation.token_hash == key)
        session.execute(sa.delete(Invitation).where(*known))


def decline(invited: Invitation) -> None:
    """Give back what invites this address to the space, as whoever holds a link or the address may."""
    with as_system("whoever is invited may decline it"), write() as session:
        session.execute(sa.delete(Invitation).filter_by(space_id=invited.space_id, email=invited.email))


def invitation(token: str) -> tuple[Invitation, Space] | None:
    """The invitation behind a link and its space, as long as it holds."""
    return invitation_of(_digest(token))


def invitation_of(key: str) -> tuple[Invitation, Space] | None:
    """The invitation with this `token_hash` and its space, as long as it holds."""
    with as_system("whoever is invited may see what it is for"):
        found = db.session.get(Invitation, key)
        space = db.session.get(Space, found.space_id) if found else None
    return (found, space) if found and space and holds(found, space) else None


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


def accept(key: str) -> None:
    """Become a member by an invitation to one's own address, once; Refused to who is one already."""
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
        with as_system("an invitation is used up by who could not see the space before"):
            used = sa.delete(table_of(Invitation)).where(Invitation.token_hash == invited.token_hash)
            if not unfiltered(used).rowcount:
                raise Refused(_("This invitation is no longer valid. Please ask for a new one."))
            values = {"role": invited.role, "team": actions.role_of(space, invited.role).team}
            if not actions.enter(space.id, own.user_id, **values, expires_at=invited.member_until):
                raise Refused(_("You are a member already. The team of the space can change your place."))
            notify("core.newcomer", actions.team_of(space.id), space=space)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
