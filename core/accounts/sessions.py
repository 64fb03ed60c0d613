"""Who is signed in: one row of `core_sign_in` for each browser, known by the token in its cookie."""

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import request, session
from flask_login import UserMixin, current_user, login_user, logout_user

from .. import access, registry
from ..access import Viewer
from ..db import Base, after_commit, db, now, write
from ..models import Account, Area, File, SignIn, User

SHORT = dt.timedelta(hours=12)
LONG = dt.timedelta(days=30)

_tables = Base.metadata.tables
_user, _account, _area = (_tables[model.__tablename__] for model in (User, Account, Area))
_file, _sign_in = (_tables[model.__tablename__] for model in (File, SignIn))
_person = (
    sa.select(
        *(_user.c[name] for name in ("id", "role", "name", "handle")),
        _account.c.language,
        _account.c.timezone,
        _area.c.path.label("area"),
        _file.c.id.label("picture_id"),
        _file.c.name.label("picture_name"),
    )
    .select_from(_user)
    .join(_account, _account.c.user_id == _user.c.id)
    .outerjoin(_area, _area.c.id == _user.c.area_id)
    .outerjoin(_file, _file.c.profile_of == _user.c.id)
    .where(_user.c.closed_at.is_(None))
    .execution_options(guarded=True)
)
_by_token = _person.join(_sign_in, _sign_in.c.user_id == _user.c.id).where(
    _sign_in.c.token_hash == sa.bindparam("token_hash"), _sign_in.c.expires_at > sa.bindparam("now")
)
_by_id = _person.where(_user.c.id == sa.bindparam("user_id"))


@dataclass(frozen=True)
class SignedIn(UserMixin):  # type: ignore[misc]
    """What Flask-Login knows of a signed-in browser: its token, and the person."""

    token: str
    viewer: Viewer

    def get_id(self) -> str:
        return self.token


def load(token: str) -> SignedIn | None:
    """The signed-in person behind a cookie's token, unless it expired or was ended."""
    row = db.session.execute(_by_token, {"token_hash": fingerprint(token), "now": now()}).one_or_none()
    return None if row is None else SignedIn(token, _viewer(row))


def viewer() -> Viewer:
    """Who makes this request: the signed-in person, or a visitor."""
    if current_user.is_authenticated:
        person: Viewer = current_user.viewer
        return person
    return Viewer(kinds=registry.current().kinds())


def viewer_for(user_id: int) -> Viewer:
    """The viewer that this person is; raises LookupError for an unknown or closed account."""
    row = db.session.execute(_by_id, {"user_id": user_id}).one_or_none()
    if row is None:
        raise LookupError(f"no open account {user_id}")
    return _viewer(row)


@contextmanager
def as_viewer(user_id: int) -> Iterator[Viewer]:
    """Read for this person: what runs on somebody's behalf says it."""
    with access.as_viewer(viewer_for(user_id)) as person:
        yield person


def sign_in(user_id: int, remember: bool = False) -> None:
    """Sign this browser in as the person, with a new token and an empty session."""
    token = secrets.token_urlsafe(32)
    with write() as database:
        _end(current_token())
        database.add(
            SignIn(
                token_hash=fingerprint(token),
                user_id=user_id,
                expires_at=now() + (LONG if remember else SHORT),
                device=device(request.user_agent.string),
            )
        )
        database.flush()
        person = SignedIn(token, viewer_for(user_id))
        after_commit(lambda: _keep(person, remember))


def _keep(person: SignedIn, remember: bool) -> None:
    messages = session.get("_flashes")
    session.clear()
    session.permanent = remember
    if messages:
        session["_flashes"] = messages
    login_user(person)


def sign_out() -> None:
    """Sign this browser out."""
    with write():
        _end(current_token())
    forget()


def sign_out_everywhere(user_id: int, but_here: bool = False) -> None:
    """End all sign-ins of the person, or all but this browser's."""
    kept = fingerprint(current_token() or "") if but_here else ""
    with write():
        _delete(_sign_in.c.user_id == user_id, _sign_in.c.token_hash != kept)
    if not but_here:
        forget()


def forget() -> None:
    """Empty this browser's session."""
    logout_user()
    session.clear()


def current_token() -> str | None:
    """The token of the browser that makes this request."""
    return current_user.get_id() if current_user.is_authenticated else None


def fingerprint(token: str) -> str:
    """What is kept of a token: whoever reads the table can't use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def device(agent: str) -> str:
    """A browser's description of itself in words that a person recognises, such as `Firefox, Android`."""
    browser = next((name for name, mark in _BROWSERS if mark in agent), "")
    system = next((name for name, mark in _SYSTEMS if re.search(mark, agent)), "")
    return ", ".join(part for part in (browser, system) if part)


_BROWSERS = (
    ("Edge", "Edg/"),
    ("Opera", "OPR/"),
    ("Firefox", "Firefox/"),
    ("Chrome", "Chrome/"),
    ("Safari", "Safari/"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("macOS", "Mac OS X"),
    ("Linux", "Linux|X11"),
)


def _end(token: str | None) -> None:
    _delete(_sign_in.c.token_hash == fingerprint(token or ""))


def _delete(*which: sa.ColumnElement[bool]) -> None:
    db.session.execute(sa.delete(_sign_in).where(*which).execution_options(guarded=True))


def _viewer(row: Any) -> Viewer:
    from ..files import address  # which needs the web, which needs this module

    picture = address(row.picture_id, row.picture_name) if row.picture_id else None
    return Viewer(
        id=row.id,
        role=row.role,
        name=row.name,
        handle=row.handle,
        area=row.area or "",
        picture_url=picture,
        language=row.language,
        timezone=row.timezone,
        kinds=registry.current().kinds(),
    )
