"""Who is signed in: one row of `core_sign_in` for each browser, known by the token in its cookie."""

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import request, session
from flask_login import UserMixin, current_user, login_user, logout_user

from .. import access, registry, settings
from ..access import Viewer
from ..db import after_commit, db, insert, now, table_of, unfiltered, write
from ..files import address
from ..models import Account, Area, File, SecondFactor, Seen, SignIn, User
from ..notices.reads import unread
from ..prepared import Prepared

SHORT = dt.timedelta(hours=12)
LONG = dt.timedelta(days=30)
HALF = dt.timedelta(minutes=10)
GUARDED = frozenset({"official", "agent", "administrator"})

_user, _account, _area, _file, _sign_in = map(table_of, (User, Account, Area, File, SignIn))
_factor = table_of(SecondFactor)


def has_factor(user_id: Any) -> sa.Exists:
    """The person has a second factor."""
    return sa.exists().where(_factor.c.user_id == user_id)


_person = (
    sa.select(
        *(_user.c[name] for name in ("id", "role", "mandate", "name", "handle")),
        *(_account.c[name] for name in ("language", "timezone")),
        sa.func.coalesce(_area.c.path, "").label("area"),
        *(_file.c[name].label(f"picture_{name}") for name in ("id", "name")),
        unread(_user.c.id).label("unread"),
        has_factor(_user.c.id).label("factor"),
    )
    .select_from(_user)
    .join(_account, _account.c.user_id == _user.c.id)
    .outerjoin(_area, _area.c.id == _user.c.area_id)
    .outerjoin(_file, _file.c.profile_of == _user.c.id)
    .where(_user.c.closed_at.is_(None))
    .execution_options(guarded=True)
)
_by_token = Prepared(
    _person.join(_sign_in, _sign_in.c.user_id == _user.c.id).where(
        _sign_in.c.token_hash == sa.bindparam("token_hash"), _sign_in.c.expires_at > sa.bindparam("now")
    )
)
_by_id = Prepared(_person.where(_user.c.id == sa.bindparam("user_id")))


@dataclass(frozen=True)
class SignedIn(UserMixin):  # type: ignore[misc]
    """What Flask-Login knows of a signed-in browser: its token, and the person."""

    token: str
    viewer: Viewer

    def get_id(self) -> str:
        return self.token


def load(token: str) -> SignedIn | None:
    """The signed-in person behind a cookie's token, unless it expired or was ended, or a factor is due."""
    rows = _by_token(token_hash=fingerprint(token), now=now(), **_kinds())
    return SignedIn(token, _viewer(rows[0])) if rows and not due(rows[0]) else None


def due(person: Any) -> bool:
    """Whether the person must set a second factor up before anything counts as theirs."""
    return person.role in GUARDED and not person.factor and settings.town().second_factor


def viewer() -> Viewer:
    """Who makes this request: the signed-in person, or a visitor."""
    person: Viewer | None = getattr(current_user, "viewer", None) if "_user_id" in session else None
    return person or Viewer(kinds=registry.current().kinds())


def viewer_for(user_id: int) -> Viewer:
    """The viewer that this person is; raises LookupError for an unknown or closed account."""
    rows = _by_id(user_id=user_id, **_kinds())
    if not rows:
        raise LookupError(f"no open account {user_id}")
    return _viewer(rows[0])


@contextmanager
def as_viewer(user_id: int) -> Iterator[Viewer]:
    """Read for this person: what runs on somebody's behalf says it."""
    with access.as_viewer(viewer_for(user_id)) as person:
        yield person


class Half(NamedTuple):
    """Who showed the password, or the link in its place, in this browser and still owes the second factor."""

    user_id: int
    has_one: bool
    remember: bool
    path: str
    password: str
    at: float


def half() -> Half | None:
    """Who is halfway in here; nobody after a while, or when the password has become another."""
    known = Half(*session["half"]) if "half" in session else None
    fresh = known is not None and 0 <= now().timestamp() - known.at < HALF.total_seconds()
    return known if known and fresh and known.password == _password(known.user_id) else None


def _password(user_id: int) -> str:
    kept = sa.select(_account.c.password_hash).join(_user, _user.c.id == _account.c.user_id)
    kept = kept.where(_account.c.user_id == user_id, _user.c.closed_at.is_(None))
    return fingerprint(str(db.session.scalar(kept, execution_options={"guarded": True})))


def sign_in(user_id: int, remember: bool = False, path: str = "/", proven: bool = False) -> str:
    """Sign this browser in as the person, with a new token and an empty session; answers the next path.

    Where a second factor is due and not `proven`, let it halfway in, to the page that asks for it.
    """
    token = secrets.token_urlsafe(32)
    with write() as database:
        _delete(_sign_in.c.token_hash == here())
        entering = viewer_for(user_id)
        if not proven and (entering.factor or due(entering)):
            owing = Half(user_id, entering.factor, remember, path, _password(user_id), now().timestamp())
            after_commit(lambda: _keep_half(owing))
            return "/sign-in/code" if owing.has_one else "/second-factor"
        kept = {
            "device": device(request.user_agent.string),
            "expires_at": now() + (LONG if remember else SHORT),
        }
        database.add(SignIn(token_hash=fingerprint(token), user_id=user_id, **kept))
        database.flush()
        seen = {"at": now(), "warned_at": None}
        here_now = insert(table_of(Seen)).values(user_id=user_id, **seen)
        unfiltered(here_now.on_conflict_do_update(index_elements=["user_id"], set_=seen))
        person = SignedIn(token, entering)
        after_commit(lambda: _keep(person, remember))
    return path


def _keep_half(owing: Half) -> None:
    forget()
    session["half"] = owing


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
        _delete(_sign_in.c.token_hash == here())
    forget()


def sign_out_everywhere(user_id: int, but_here: bool = False) -> None:
    """End all sign-ins of the person, or all but this browser's."""
    with write():
        _delete(_sign_in.c.user_id == user_id, _sign_in.c.token_hash != (here() if but_here else ""))
    if not but_here:
        forget()


def forget() -> None:
    """Empty this browser's session."""
    logout_user()
    session.clear()


def here() -> str:
    """The fingerprint of the token of the browser that makes this request; nobody's for a visitor."""
    return fingerprint(getattr(current_user, "token", ""))


def fingerprint(token: str) -> str:
    """What is kept of a token: whoever reads the table can't use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def device(agent: str) -> str:
    """A browser's description of itself in words that a person recognises, such as `Firefox, Android`."""
    known = (next((name for mark, name in marks.items() if mark in agent), "") for marks in _MARKS)
    return ", ".join(filter(None, known))


_BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
_SYSTEMS = {name: name for name in ("Android", "iPhone", "iPad", "Windows")}
_MARKS = (_BROWSERS, _SYSTEMS | {"Mac OS X": "macOS", "Linux": "Linux", "X11": "Linux"})


def _delete(*which: sa.ColumnElement[bool]) -> None:
    db.session.execute(sa.delete(_sign_in).where(*which).execution_options(guarded=True))


def _kinds() -> dict[str, Any]:
    """Of the clauses of `access`, what nobody looks for yet."""
    return {"viewer_kinds": registry.current().kinds(), "viewer_notices": registry.current().notices()}


def _viewer(row: Any) -> Viewer:
    values = row._asdict()
    picture_id, picture_name = values.pop("picture_id"), values.pop("picture_name")
    picture = address(picture_id, picture_name) if picture_id else None
    plugins = registry.current()
    return Viewer(**values, picture_url=picture, kinds=plugins.kinds(), notices=plugins.notices())
