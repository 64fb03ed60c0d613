"""What people change of their own account: how they appear, what they prefer, and their password."""

from typing import Any

import sqlalchemy as sa

from core import files, mail
from core.access import as_system, require, viewer
from core.accounts import actions, sessions
from core.db import write
from core.models import Account, PendingClaim, User
from core.text import fold


def change_profile(values: dict[str, Any], picture: files.Prepared | None = None) -> None:
    """Change one's own profile and preferences, as the form gives them.

    The area is one's own to say for a resident only: it bounds the rights of officials and staff, and stays.
    """
    require("core.account")
    actions.check_name(values["name"])
    person = viewer()
    with write() as session:
        user, account = session.get(User, person.id), session.get(Account, person.id)
        user.name, user.folded, user.about = values["name"], fold(values["name"])[:80], values["about"]
        account.language, account.timezone = values["language"], values["timezone"]
        if person.role == "resident":
            user.area_id = values["area"]
        if picture is not None or values.get("no_picture"):
            files.set_picture(user.id, picture)
        session.flush()
        actions.tell_plugins(user, "profile")


def change_password(password_hash: str) -> None:
    """Give one's own account a new password; all other browsers are signed out and the owner is told."""
    person = viewer()
    letter = mail.compose("core/mail/password_changed", person.language, name=person.name)
    with write() as session:
        account = session.get(Account, person.id)
        account.password_hash = password_hash
        sessions.sign_out_everywhere(account.user_id, but_here=True)
        mail.send("core.password_changed", account.email, *letter)
        open_links = (PendingClaim.email == account.email, PendingClaim.used_at.is_(None))
        with as_system("void older links to choose a password"):
            session.execute(sa.delete(PendingClaim).where(*open_links, PendingClaim.action == "core.reset"))
