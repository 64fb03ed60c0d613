"""What the link by which somebody chooses a password carries out."""

import secrets
from typing import Any

import sqlalchemy as sa

from core.access import viewer
from core.accounts import actions
from core.db import db
from core.models import Account, User


def choose_password(payload: dict[str, Any]) -> str:
    """Give the account its new password, and its owner's name and handle where it was opened without one."""
    if payload.get("unnamed") and payload.get("name"):
        user, account = db.session.get(User, viewer().id), db.session.get(Account, viewer().id)
        if user is not None and account is not None:
            kept = {"area": user.area_id, "language": account.language, "timezone": account.timezone}
            user.handle = _free_handle(payload["name"], user.id)
            actions.change_profile({"name": payload["name"], "about": user.about, **kept})
    actions.change_password(payload["password_hash"])
    return "/"


def _free_handle(name: str, own: int) -> str:
    handle = base = actions.handle_of(name)
    others = sa.select(User.id).where(User.handle == sa.bindparam("handle"), User.id != own)
    while db.session.scalar(others, {"handle": handle}) is not None:
        handle = f"{base}-{secrets.randbelow(10_000)}"
    return handle
