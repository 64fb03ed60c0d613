"""What the link by which somebody chooses a password carries out."""

from typing import Any

from core.access import viewer
from core.accounts import actions
from core.db import db
from core.models import Account, User


def choose_password(payload: dict[str, Any]) -> str:
    """Give the account its new password, and its owner's name where it was opened without one."""
    if payload.get("unnamed") and payload.get("name"):
        user, account = db.session.get(User, viewer().id), db.session.get(Account, viewer().id)
        if user is not None and account is not None:
            kept = {"area": user.area_id, "language": account.language, "timezone": account.timezone}
            actions.change_profile({"name": payload["name"], "about": user.about, **kept})
    return actions.choose_password(payload)
