"""How long things are kept: what the core declares, and the daily job that ends what is old enough."""

import datetime as dt
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import sqlalchemy as sa
from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import aliased

from core import access, mail, registry, settings
from core.access import as_system
from core.audit import audit
from core.db import db, now, table_of, unfiltered, write
from core.models import (
    Account,
    Audit,
    Case,
    Entry,
    Export,
    JobRow,
    Mail,
    PendingClaim,
    Seen,
    SignIn,
    Throttle,
    User,
)
from core.plugin import Plugin, Retention
from core.settings import kept_for

from . import erase, export

NOTICE, BATCH = dt.timedelta(days=30), 200
MAILBOX = "core.mailbox"
RETENTION = (
    Retention("core.inactive", _("Accounts of residents who do not sign in any more"), 3 * 365, least=365),
    Retention("core.exports", _("Archives that people asked for of their data"), 7, most=30),
    Retention("core.links", _("Links mailed to confirm something, once used or ended"), 30, most=90),
    Retention(
        "core.mail", _("To whom mail was sent, and when; its text ends when it has left"), 30, most=365
    ),
    Retention("core.notices", _("Notifications that were read"), 90, most=730),
    Retention("core.unread", _("Notifications that nobody read"), 365, most=730),
    Retention("core.jobs", _("Work that failed for good"), 30, most=90),
    Retention(
        "core.cases",
        _("Reports, decisions and their answers, once decided; longer while the post stays hidden"),
        400,
        least=366,
        most=5 * 365,
    ),
    Retention("core.audit", _("The log of who used which right"), 366, least=366, most=10 * 365),
    Retention(MAILBOX, _("Messages in the town’s mailbox, once they were taken in or refused"), 30, most=365),
    Retention("core.purged", _("What was kept of a plugin that was removed for good"), 30, most=365),
)


def all_periods() -> list[tuple[Plugin, Retention]]:
    """What the core and every installed plugin keep for a time, with who says so."""
    plugins = registry.current()
    owners = (plugins.core, *plugins.installed.values())
    return [(plugin, period) for plugin in owners for period in plugin.retention]


def set_periods(days: Mapping[str, int]) -> None:
    """Keep things for so many days from now on, 0 for ever; what is beyond its bounds is a ValueError."""
    access.require("core.manage_town")
    for _plugin, period in all_periods():
        if period.name in days and not within(period, days[period.name]):
            raise ValueError(period.name)
    with write():
        settings.save(settings.RETENTION, dict(days))
        audit("town.retention", "town", **days)


def within(period: Retention, days: int) -> bool:
    """Whether something may be kept for so many days."""
    if days == 0:
        return period.most is None
    return period.least <= days <= (period.most or 100 * 365)


def purge() -> None:
    """Job: end what was kept for long enough, first of each plugin, whether it is on or off, by itself."""
    with as_system("end what was kept for long enough"):
        for _answer in registry.current().call("purge_expired", now=now()):
            pass
    sweep()
    export.sweep()
    _end_purged()
    _end_unused()


def sweep() -> None:
    """Remove what nobody needs any longer: old sign-ins, links, counters, failed jobs, sent mail."""
    with as_system("clear away what expired"), write() as session:
        names = ("links", "mail", "jobs", "cases")
        links, mails, failed, decided = (_before(f"core.{name}") for name in names)
        answer = aliased(Case)
        newer = sa.or_(answer.decided_at.is_(None), answer.decided_at >= decided)
        answered = sa.select(answer.id).where(answer.appeal_of == Case.id, newer).exists()
        hidden = sa.select(Entry.id).where(Entry.id == Case.entry_id, Entry.state == "hidden").exists()
        old = (Case.appeal_of.is_(None), Case.decided_at < decided, ~answered, ~hidden)
        for gone in (
            sa.delete(SignIn).where(SignIn.expires_at < now()),
            sa.delete(PendingClaim).where(
                sa.or_(PendingClaim.used_at < links, PendingClaim.expires_at < links)
            ),
            sa.delete(Throttle).where(Throttle.since < now() - dt.timedelta(days=1)),
            sa.delete(JobRow).where(JobRow.state == "failed", JobRow.run_at < failed),
            sa.delete(Mail).where(Mail.status != "waiting", Mail.created_at < mails),
            sa.delete(Audit).where(
                Audit.at < _before("core.audit")
            ),  # the database refuses it for younger ones
            sa.delete(Case).where(*old),  # not while its entry is hidden: its author reads why
            sa.delete(Export).where(Export.ready_at.is_(None), Export.asked_at < mails),
        ):
            session.execute(gone)


def _before(name: str) -> dt.datetime:
    """The moment before which something was kept for long enough."""
    return now() - (kept_for(name) or dt.timedelta())


def purged_days() -> int:
    """For how many days at most rows of removed plugins stay, which no erasure reaches; 0 for none."""
    kept = kept_for("core.purged")
    return kept.days if kept and any(_purged()) else 0


def mailbox_days() -> int:
    """For how many days what people sent by mail lies in the town's mailbox; 0 where it takes no mail in."""
    config, kept = current_app.config["PARVIS"], kept_for(MAILBOX)
    return kept.days if kept and config.imap_host and config.mailbox else 0


def removed() -> list[tuple[str, dt.datetime]]:
    """The plugins that were removed for good and of which rows, words and pictures stay, each until when."""
    ends = kept_for("core.purged") or dt.timedelta()
    made = [(folder.name.partition(" ")[0], folder.stat().st_mtime) for folder in sorted(_purged())]
    return [(name, dt.datetime.fromtimestamp(at, dt.UTC) + ends) for name, at in made]


def _purged() -> Iterator[Path]:
    data: Path = current_app.config["PARVIS"].data
    return (data / "purged").glob("*")


def _end_purged() -> None:
    """Delete what `parvis plugins purge` exported long enough ago."""
    for folder in _purged():
        if folder.stat().st_mtime < _before("core.purged").timestamp():
            shutil.rmtree(folder)


def _end_unused() -> None:
    """Warn residents who have not signed in for very long by mail; a month later close their accounts."""
    kept = kept_for("core.inactive")
    if kept is None:
        return
    with as_system("see who has not been here for very long"):
        user, seen = table_of(User), table_of(Seen)
        never = sa.select(user.c.id, user.c.created_at).where(user.c.closed_at.is_(None))
        never = never.where(user.c.id.not_in(sa.select(seen.c.user_id)))
        with write():
            unfiltered(sa.insert(seen).from_select(["user_id", "at"], never))
        residents = sa.select(Seen.user_id).join(User, User.id == Seen.user_id)
        residents = residents.where(User.role == "resident", User.closed_at.is_(None)).order_by(Seen.user_id)
        unused = residents.where(Seen.at < now() - kept + NOTICE, Seen.warned_at.is_(None))
        warned = residents.where(Seen.warned_at < now() - NOTICE, Seen.at < Seen.warned_at)
        due, over = (db.session.scalars(who.limit(BATCH)).all() for who in (unused, warned))
        for user_id in due:
            _warn(user_id)
    for user_id in over:
        erase.begin(user_id, words=False)


def _warn(user_id: int) -> None:
    found = sa.select(User.name, Account.email, Account.language).join(Account, Account.user_id == User.id)
    person = db.session.execute(found.where(User.id == user_id)).one_or_none()
    if person is None:
        return
    link = f"{current_app.config['PARVIS'].base_url}/sign-in"
    letter = mail.compose("portal/mail/account_unused", person.language, link, name=person.name)
    with write() as session:
        unwarned = sa.update(Seen).where(Seen.user_id == user_id, Seen.warned_at.is_(None))
        done = session.execute(unwarned.values(warned_at=now()).returning(Seen.user_id))
        if done.first() is not None:
            mail.send("core.unused", person.email, *letter)
