"""How long things are kept: what the core declares, and the daily job that ends what is old enough."""

import datetime as dt

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from core.access import as_system
from core.db import now, write
from core.models import JobRow, Mail, PendingClaim, SignIn, Throttle
from core.plugin import Retention
from core.settings import kept_for

RETENTION = (
    Retention("core.exports", _("Archives that people asked for of their data"), 7, most=30),
    Retention("core.links", _("Links mailed to confirm something, once used or ended"), 30, most=90),
    Retention(
        "core.mail", _("To whom mail was sent, and when; its text ends when it has left"), 30, most=365
    ),
    Retention("core.jobs", _("Work that failed for good"), 30, most=90),
)


def sweep() -> None:
    """Job: remove what nobody needs any longer: old sign-ins, links, counters, failed jobs, sent mail."""
    with as_system("clear away what expired"), write() as session:
        links, mails, failed = (_before(f"core.{name}") for name in ("links", "mail", "jobs"))
        for gone in (
            sa.delete(SignIn).where(SignIn.expires_at < now()),
            sa.delete(PendingClaim).where(
                sa.or_(PendingClaim.used_at < links, PendingClaim.expires_at < links)
            ),
            sa.delete(Throttle).where(Throttle.since < now() - dt.timedelta(days=1)),
            sa.delete(JobRow).where(JobRow.state == "failed", JobRow.run_at < failed),
            sa.delete(Mail).where(Mail.status != "waiting", Mail.created_at < mails),
        ):
            session.execute(gone)


def _before(name: str) -> dt.datetime:
    """The moment before which something was kept for long enough."""
    return now() - (kept_for(name) or dt.timedelta())
