"""An authenticator app, as tests hold one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyotp

from core.db import now

if TYPE_CHECKING:
    from core.testing import Browser


def key(page: str) -> str:
    """The key that the page of setting up shows, as an app keeps it."""
    return "".join(re.findall(r"<span>([A-Z2-7]{4})</span>", page))


def code(secret: str, steps: int = 0) -> str:
    """What the app shows now, or so many half minutes later."""
    return pyotp.TOTP(secret).generate_otp(int(now().timestamp()) // 30 + steps)


def recovery_codes(page: str) -> list[str]:
    """The recovery codes that a page shows."""
    return re.findall(r"<code>(\d{4}-\d{4}-\d{4})</code>", page)


def set_up(browser: Browser, steps: int = 0, **fields: Any) -> tuple[str, list[str]]:
    """Set a factor up in this browser, with the code of a step: its key, and the recovery codes."""
    secret = key(browser.get("/second-factor").text)
    shown = browser.submit("/second-factor", code=code(secret, steps), **fields)
    assert shown.status_code == 200, shown.text
    return secret, recovery_codes(shown.text)
