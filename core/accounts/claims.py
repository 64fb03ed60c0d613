"""What is started with an e-mail address alone and confirmed by the link mailed to it.

Whoever holds the mailbox decides: the link's page changes nothing, its button acts once, on any device,
as the person whose address it is. Typing an address does nothing in its owner's name. Known and unknown
addresses cost the same statements and the same mail.
"""

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import current_app
from flask_babel import get_locale
from flask_babel import gettext as _

from .. import access, mail, registry
from ..access import as_system
from ..db import db, lock, now, write
from ..models import Account, PendingClaim, User
from ..plugin import Claim
from . import actions, sessions, throttle
from .addresses import normal, typed

SIGN_UP, RESET, CHANGE_ADDRESS = "core.sign_up", "core.reset", "core.email_change"
LIFETIMES = {RESET: dt.timedelta(hours=2), CHANGE_ADDRESS: dt.timedelta(days=1)}
LIFETIME = dt.timedelta(days=7)

Known = sa.Row[int, str, str | None, str | None, str, bool]


class Unusable(Exception):
    """A link that does nothing (any more)."""


@dataclass(frozen=True)
class Pending:
    """What a link is for; `state` is open, used, expired, or off: its plugin is switched off.

    `of_account` alone may confirm it, signed in already; None when the link itself signs in.
    """

    claim: Claim
    owner: str
    email: str
    payload: dict[str, Any]
    state: str
    of_account: int | None


def known(email: str) -> Known | None:
    """What is known of the open account with this address: `user_id`, `name`, … `role`, `factor`."""
    whose = Account.user_id, User.name, Account.language, Account.password_hash
    account = sa.select(*whose, User.role, sessions.has_factor(User.id).label("factor"))
    account = account.join(User, User.id == Account.user_id)
    with as_system("find whose address it is"):
        found = db.session.execute(account.where(Account.email == typed(email), User.closed_at.is_(None)))
        return found.one_or_none()


def confirm_later(email: str, action: str, payload: dict[str, Any]) -> str:
    """Keep what somebody without an account started, and mail the link that carries it out.

    `action` names a Claim of a manifest. `payload["name"]` names the account of an address that has none yet;
    The link's page shows what its `describe` answers. Answers what `take_back` takes.
    Raises throttle.TooMany, ValueError for no address, and Refused for a name of an official or of staff.
    """
    actions.check_name(payload.get("name") or "")
    email = _counted(email)
    claim = registry.current().declared("claims", action)[1]
    link = _mail_link(email, action, payload, "confirm", known(email), claim=claim)
    return sessions.fingerprint(link.rpartition("/")[2])


def take_back(kept: str) -> bool:
    """Forget what somebody started, as what replaces it is on its way; whether nobody had confirmed it."""
    with write() as session, as_system("take back a confirmation link"):
        unused = sa.delete(PendingClaim).where(PendingClaim.used_at.is_(None)).returning(PendingClaim.email)
        return session.scalar(unused.where(PendingClaim.token_hash == kept)) is not None


def sign_up(email: str, name: str, path: str) -> None:
    """Mail a link that opens the account, or one that lets the owner of a known address in.

    Whoever opens it chooses the password there, so that nobody knows that of another's account.
    Raises as `confirm_later` does.
    """
    actions.check_name(name)
    email = _counted(email)
    person = known(email)
    if person is None:
        payload = {"name": name, "language": str(get_locale()), "next": path}
        _mail_link(email, SIGN_UP, payload, "sign_up", None, name=name)
    else:
        _mail_link(email, RESET, {}, "known", person, name=person.name)


def reset(email: str) -> None:
    """Mail a link that lets the owner of the address choose a new password, or say that nobody has it."""
    email = _counted(email)
    person = known(email)
    _mail_link(email, RESET, {}, "reset" if person else "unknown", person, name=person.name if person else "")


def change_address(user_id: int, old: str, new: str) -> None:
    """Mail a link to the new address and a warning to the old one."""
    new = _counted(new)
    person, asking = known(new), known(old)
    payload = {"user_id": user_id, "email": new}
    _mail_link(new, CHANGE_ADDRESS, payload, "taken" if person else "change_address", asking)
    language = asking.language if asking else None
    letter = mail.compose("core/mail/change_address_warning", language, new=mail.mask(new))
    with write():
        mail.send(CHANGE_ADDRESS, old, *letter)


def _counted(email: str) -> str:
    """The address as it is kept, once the message to it is counted, however the address is spelt."""
    email = normal(email)
    throttle.hit("mail", email)
    return email


def _mail_link(
    email: str, action: str, payload: dict[str, Any], letter: str, person: Known | None, **values: Any
) -> str:
    language = (person.language if person else None) or str(get_locale())
    with write():
        link = issue(email, action, payload)
        mail.send(action, email, *mail.compose(f"core/mail/{letter}", language, link=link, **values))
    return link


def issue(email: str, action: str, payload: dict[str, Any]) -> str:
    """A link, to hand over by other means than mail too, and the row that remembers it, inside a write."""
    token, until = secrets.token_urlsafe(32), now() + LIFETIMES.get(action, LIFETIME)
    kept = {"action": action, "email": email, "payload": payload, "expires_at": until}
    db.session.add(PendingClaim(token_hash=sessions.fingerprint(token), **kept))
    return f"{current_app.config['PARVIS'].base_url}/confirm/{token}"


def look(token: str) -> Pending:
    """What a link is for; raises Unusable for one that never was, or was cleared away."""
    with as_system("look at a confirmation link"):
        row = db.session.scalars(_row(token)).one_or_none()
    if row is None:
        raise Unusable("unknown")
    plugins = registry.current()
    try:
        owner, claim = plugins.declared("claims", row.action)
    except LookupError:
        raise Unusable("unknown") from None
    on = owner in plugins.active()
    person = known(row.email)
    done = row.used_at or (row.action == SIGN_UP and _opened(person))
    state = "used" if done else "expired" if row.expires_at <= now() else "open" if on else "off"
    return Pending(claim, owner.name, row.email, row.payload, state, _whose(row, person))


def _whose(row: PendingClaim, person: Known | None) -> int | None:
    """A link by which a password is chosen leads on to the second factor; no other acts for who owes one."""
    if row.action == CHANGE_ADDRESS:
        return row.payload.get("user_id")
    if person is None or row.action in (SIGN_UP, RESET):
        return None
    return person.user_id if person.factor or sessions.due(person) else None


def confirm(token: str, **given: Any) -> str:
    """Carry out what the link is for, once, and sign its owner in; answers the path of the page to show next.

    Raises Unusable when it can't be done (any more); then nothing has changed.
    """
    with write():
        pending = look(token)
        with as_system("use up a confirmation link"):
            row = db.session.scalars(lock(_row(token))).one()
            if pending.state != "open" or row.used_at is not None:
                raise Unusable("used" if row.used_at else pending.state)
            row.used_at, row.payload = now(), {}
            db.session.flush()
        user_id = pending.of_account or _person(pending)
        if pending.of_account and pending.of_account != access.viewer().id:
            raise Unusable("elsewhere")
        with sessions.as_viewer(user_id):
            path = pending.claim.run({**pending.payload, **given})
        if not pending.of_account:
            path = sessions.sign_in(user_id, path=path)
    return path


def again(token: str) -> None:
    """Mail a new link in place of an expired one; only who holds the old link can ask."""
    pending = look(token)
    if pending.state == "expired":
        confirm_later(pending.email, pending.claim.name, pending.payload)


def _person(pending: Pending) -> int:
    """The id of the account with the confirmed address, opened now if there is none."""
    free = actions.reserve(pending.email)
    person = known(pending.email)
    if pending.claim.name == SIGN_UP and _opened(person):
        raise Unusable("used")
    if person is not None:
        return int(person.user_id)
    if not free or pending.claim.name == RESET:
        raise Unusable("unknown")
    said = pending.payload.get
    actions.check_name(said("name") or "")  # somebody may have come into office since
    name, language = said("name") or _("Resident"), said("language") or str(get_locale())
    return actions.create_user(pending.email, name, language=language).id


def _opened(person: Known | None) -> bool:
    """Whether somebody has signed up with the address: an account of who only wrote has no password."""
    return person is not None and person.password_hash is not None


def _row(token: str) -> sa.Select[Any]:
    return sa.select(PendingClaim).where(PendingClaim.token_hash == sessions.fingerprint(token))
