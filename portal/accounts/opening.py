"""What links carry out by which one opens an account, chooses a password, or changes one's address."""

import secrets
from typing import Any

import sqlalchemy as sa

from core import mail
from core.access import Forbidden, viewer
from core.accounts import actions, sessions
from core.db import db, write
from core.models import Account, User
from core.web import local_path

from . import profile


def welcome(payload: dict[str, Any]) -> str:
    """Give an account that was confirmed its first password; other browsers are signed out."""
    with write() as session:
        session.get(Account, viewer().id).password_hash = payload["password_hash"]
        sessions.sign_out_everywhere(viewer().id or 0, but_here=True)
    return local_path(payload.get("next")) or "/"


def choose_password(payload: dict[str, Any]) -> str:
    """Give the account its new password, and its owner's name and handle where it was opened without one."""
    if payload.get("unnamed") and payload.get("name"):
        user, account = db.session.get(User, viewer().id), db.session.get(Account, viewer().id)
        if user is not None and account is not None:
            kept = {"area": user.area_id, "language": account.language, "timezone": account.timezone}
            user.handle = _free_handle(payload["name"], user.id)
            profile.change_profile({"name": payload["name"], "about": user.about, **kept})
    profile.change_password(payload["password_hash"])
    return "/"


def take_address(payload: dict[str, Any]) -> str:
    """Change the address that was confirmed, unless somebody has it meanwhile, and tell the old one."""
    if not actions.reserve(payload["email"]):
        raise Forbidden("address")
    person = viewer()
    letter = mail.compose("core/mail/address_changed", person.language, new=mail.mask(payload["email"]))
    with write() as session:
        account = session.get(Account, person.id)
        old, account.email = account.email, payload["email"]
        account.former = [*account.former, old]
        mail.send("core.email_change", old, *letter)
    return "/me"


def _free_handle(name: str, own: int) -> str:
    handle = base = actions.handle_of(name)
    others = sa.select(User.id).where(User.handle == sa.bindparam("handle"), User.id != own)
    while db.session.scalar(others, {"handle": handle}) is not None:
        handle = f"{base}-{secrets.randbelow(10_000)}"
    return handle
