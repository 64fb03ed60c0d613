"""The second factor: codes of an authenticator app and of a list on paper; how each is made, and counts once.

No secret is kept: each is made of a random seed and the town's key, so that who reads the tables has none.
"""

import base64
import hmac
import re
import secrets
from typing import Any

import pyotp
import sqlalchemy as sa
from flask import current_app

from core import mail
from core.access import as_system
from core.accounts import sessions
from core.db import db, insert_once, now, write
from core.models import Account, RecoveryCode, SecondFactor, User

STEP_SECONDS = 30
NEVER = 2**31 - 1  # a step that no clock comes to
CODES = 10
DIGITS = 12  # and nothing else: a telephone shows keys of digits for the field


def secret(seed: str) -> str:
    """What an authenticator app is given when it is set up, in the letters that it takes."""
    return base64.b32encode(_keyed(f"app {seed}")[:20]).decode()


def enrol(user_id: int, seed: str, typed: str) -> list[str]:
    """Ask for codes from now on, once the app has shown one, end other sign-ins, and give the recovery codes.

    Nothing happens, and nothing is given, for a wrong code and for who has a factor already.
    """
    step = _step(seed, _plain(typed))
    with as_system("set a second factor up"), write():
        if step is None or not insert_once(SecondFactor, user_id=user_id, seed=seed, last_step=step):
            return []
        sessions.sign_out_everywhere(user_id, but_here=True)
        tell_of_factor(user_id, "on")
        return renew(user_id)


def renew(user_id: int) -> list[str]:
    """New recovery codes in place of those that are left; only their fingerprints are kept."""
    codes = [f"{secrets.randbelow(10**DIGITS):0{DIGITS}}" for _ in range(CODES)]
    with as_system("write recovery codes"), write() as session:
        session.execute(sa.delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
        session.add_all(RecoveryCode(user_id=user_id, code_hash=_digest(user_id, code)) for code in codes)
    return [f"{code[:4]}-{code[4:8]}-{code[8:]}" for code in codes]


def passes(user_id: int, typed: str) -> bool:
    """Whether this is a code that counts, which it then does no more; right or wrong, it is the same work.

    After a code that was used while the clock was ahead, those count that no earlier moment than this shows.
    """
    code, current = _plain(typed), _current()
    with as_system("compare a second factor"), write() as session:
        seed = session.scalar(sa.select(SecondFactor.seed).where(SecondFactor.user_id == user_id))
        step = _step(seed or "", code) or 0
        ahead = SecondFactor.last_step > (current + 1 if step >= current else NEVER)
        fresh = SecondFactor.user_id == user_id, sa.or_(SecondFactor.last_step < step, ahead)
        by_app: Any = session.execute(sa.update(SecondFactor).where(*fresh).values(last_step=step))
        same = RecoveryCode.user_id == user_id, RecoveryCode.code_hash == _digest(user_id, code)
        by_list: Any = session.execute(sa.delete(RecoveryCode).where(*same))
        if by_list.rowcount:
            tell_of_factor(user_id, "used")
    return bool(by_app.rowcount or by_list.rowcount)


def left() -> int:
    """How many recovery codes the viewer has left."""
    return db.session.scalar(sa.select(sa.func.count()).select_from(RecoveryCode)) or 0


def forget_factor(user_id: int, change: str = "off") -> None:
    """Ask the person for no second factor any more (until they set one up anew), and end other sign-ins."""
    with as_system("forget a second factor"), write() as session:
        for model in (RecoveryCode, SecondFactor):
            session.execute(sa.delete(model).where(model.user_id == user_id))
        sessions.sign_out_everywhere(user_id, but_here=True)
        tell_of_factor(user_id, change)


def tell_of_factor(user_id: int, change: str) -> None:
    """Write to the owner that their second factor is `on`, `off` or `reset`, or a recovery code `used`."""
    person = sa.select(Account.email, Account.language, User.name).join(User, User.id == Account.user_id)
    email, language, name = db.session.execute(person.where(Account.user_id == user_id)).one()
    letter = mail.compose("core/mail/second_factor", language, name=name, change=change)
    mail.send("core.second_factor", email, *letter)


def _step(seed: str, code: str) -> int | None:
    """The step of time, this one or one beside it, at which the app shows the code."""
    current, app = _current(), pyotp.TOTP(secret(seed))
    steps = (current - 1, current, current + 1)
    fits = [step for step in steps if hmac.compare_digest(app.generate_otp(step).encode(), code.encode())]
    return max(fits, default=None)


def _current() -> int:
    return int(now().timestamp()) // STEP_SECONDS


def _plain(typed: str) -> str:
    """What was typed or pasted, without the spaces and hyphens that make it readable."""
    return re.sub(r"[\W_]", "", typed).lower()


def _digest(user_id: int, code: str) -> str:
    return _keyed(f"list {user_id} {code}").hex()


def _keyed(text: str) -> bytes:
    return hmac.digest(str(current_app.secret_key).encode(), f"second factor {text}".encode(), "sha256")
