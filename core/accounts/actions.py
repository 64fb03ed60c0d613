"""What happens to accounts: opened, changed, cleaned up after. Hashing is done before the write."""

import re
import secrets
import unicodedata
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from .. import access, files, mail
from ..access import as_system, require
from ..db import db, insert_once, write
from ..models import Account, PendingClaim, User
from ..registry import current
from ..search import index
from ..text import fold
from . import passwords, sessions
from .addresses import typed

_ALIKE = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"}  # whose letters look alike
_TITLES = {"maire", "mairie", "mayor", "adjoint", "adjointe", "elu", "elue", "agent", "agente"}
_TITLES |= {"admin", "administrateur", "administratrice"}
_BESIDE = {"m", "mme", "mr", "mrs", "monsieur", "madame", "le", "la", "l", "de", "du", "the", *_TITLES}
_BESIDE |= {"premier", "premiere", "municipal", "municipale"}


def create_user(
    email: str,
    name: str,
    password: str | None = None,
    role: str = "resident",
    *,
    password_hash: str | None = None,
    **values: Any,
) -> User:
    """A new person and their account, inside a write; `reserve` says beforehand whether the address is free.

    Requests give `password_hash`, made before the write; `password` is for commands and tests.
    """
    private = {key: values.pop(key) for key in {"language", "timezone", "demo"} & values.keys()}
    if password is not None:
        password_hash = passwords.digest(password)
    handle = base = handle_of(name)
    while not insert_once(User, handle=handle, name=name, folded=fold(name)[:80], role=role, **values):
        handle = f"{base}-{secrets.randbelow(10_000)}"
    user = db.session.scalars(sa.select(User).where(User.handle == handle)).one()
    db.session.add(Account(user_id=user.id, email=typed(email), password_hash=password_hash, **private))
    db.session.flush()
    _tell_plugins(user, "joined")
    return user


def reserve(email: str) -> bool:
    """Whether the address is nobody's yet; nobody else can take it before this write ends."""
    email = typed(email)
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(email))))
    with as_system("see whether an address is free"):
        return db.session.scalar(sa.select(Account.user_id).where(Account.email == email)) is None


def check_name(name: str) -> None:
    """Raise Refused for a resident's new name by which an official or staff are known here."""
    person, name = access.viewer(), unicodedata.normalize("NFKC", name)
    if person.role not in ("visitor", "resident") or fold(name)[:80] == fold(person.name)[:80]:
        return
    if len(_ALIKE & {unicodedata.name(sign, "").split(" ")[0] for sign in name}) > 1:
        raise access.Refused(_("Please write your name in one alphabet."))
    officials = sa.select(User.folded).where(User.role != "resident", User.closed_at.is_(None))
    known = {key for one in db.session.scalars(officials) for key in _keys(_words(one))}
    read = [(words, [one for one in words if one not in _BESIDE]) for words in map(_words, _read_as(name))]
    if any(known & (_keys(words) | _keys(bare)) for words, bare in read):
        raise access.Refused(
            _(
                "An elected official or somebody of the staff is known by this name. If it is yours too, "
                "add another first name or an initial, so that nobody takes one of you for the other."
            )
        )
    if any(_TITLES & {*words} and not bare for words, bare in read):
        raise access.Refused(_("A name is needed, not a title."))


def _read_as(name: str) -> set[str]:
    """What a name and what it has in brackets may be taken for, folded: I and l look alike, so do 1 and |."""
    clear = re.sub(r"\bl(?=[b-df-hj-np-tv-xz])", "i", re.sub(r"(?<=\w)I|[1|]", "l", name))
    bare = re.sub(r"\([^)]*\)?|[^\w\s'’-]", "", clear)
    return {fold(one) for one in (name, clear, bare, *re.findall(r"\(([^)]*)", clear))}


def _words(folded: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", folded)


def _keys(words: list[str]) -> set[str]:
    """What names are compared by: their letters, with the words as they stand and in any order."""
    return {"".join(words), "".join(sorted(words))} - {""}


def change_profile(values: dict[str, Any], picture: files.Prepared | None = None) -> None:
    """Change one's own profile and preferences, as the form gives them.

    The area is one's own to say for a resident only: it bounds the rights of officials and staff, and stays.
    """
    require("core.account")
    check_name(values["name"])
    person = access.viewer()
    with write() as session:
        user, account = session.get(User, person.id), session.get(Account, person.id)
        user.name, user.folded, user.about = values["name"], fold(values["name"])[:80], values["about"]
        account.language, account.timezone = values["language"], values["timezone"]
        if person.role == "resident":
            user.area_id = values["area"]
        if picture is not None or values.get("no_picture"):
            files.set_picture(user.id, picture)
        session.flush()
        _tell_plugins(user, "profile")


def change_password(password_hash: str) -> None:
    """Give one's own account a new password; all other browsers are signed out and the owner is told."""
    person = access.viewer()
    letter = mail.compose("core/mail/password_changed", person.language, name=person.name)
    with write() as session:
        account = session.get(Account, person.id)
        account.password_hash = password_hash
        sessions.sign_out_everywhere(account.user_id, but_here=True)
        mail.send("core.password_changed", account.email, *letter)
        open_links = (PendingClaim.email == account.email, PendingClaim.used_at.is_(None))
        with as_system("void older links to choose a password"):
            session.execute(sa.delete(PendingClaim).where(*open_links, PendingClaim.action == "core.reset"))


def _tell_plugins(user: User, change: str) -> None:
    index.note("user", user.id)
    for _answer in current().call("user_changed", user=user, change=change):
        pass


def handle_of(name: str) -> str:
    """The handle that somebody of this name gets, where nobody has it."""
    return re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")[:40].strip("-") or "person"
