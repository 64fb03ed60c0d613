"""What happens to accounts: opened and named. Hashing is done before the write."""

import re
import secrets
import unicodedata
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from .. import access
from ..access import as_system
from ..db import db, insert_once
from ..models import Account, User
from ..registry import current
from ..search import index
from ..text import fold
from . import passwords
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
    tell_plugins(user, "joined")
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


def tell_plugins(user: User, change: str) -> None:
    """Have plugins and the index hear that somebody `joined`, or changed their `profile`."""
    index.note("user", user.id)
    for _answer in current().call("user_changed", user=user, change=change):
        pass


def handle_of(name: str) -> str:
    """The handle that somebody of this name gets, where nobody has it."""
    return re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")[:40].strip("-") or "person"
