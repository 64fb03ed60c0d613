"""What decisions and privileged acts are called."""

from collections.abc import Iterator
from contextlib import nullcontext

import sqlalchemy as sa
from flask_babel import gettext as _

from core.access import as_system, viewer
from core.db import db
from core.feed import cases
from core.feed.moderation import ACTS, REASONS
from core.models import Case, Entry, Report
from core.text import excerpt

from . import actions


def acts_to_do() -> dict[str, str]:
    """What each decision is called, by who takes it."""
    return {
        "hidden": _("Hide it: only the team sees it, and it can be shown again"),
        "restored": _("Show it again"),
        "removed": _("Remove it: its words and pictures are deleted for good"),
        "locked": _("Close it to replies"),
    }


def sorts() -> dict[str, str]:
    """The sorts of privileged acts, by how their names begin."""
    return {
        "entry.": _("Posts hidden, removed, closed"),
        "case.": _("Decisions"),
        "space.": _("Roles and invitations in spaces"),
        "person.": _("Roles, mandates and links to sign in"),
        "plugin.": _("Plugins"),
        "town.": _("The town’s settings and backups"),
        "area.": _("Areas"),
        "factor.": _("Second factors removed"),
        "moderation.": _("Looking before publication"),
    }


def outcome(case: Case) -> str:
    """What became of a case that is decided, as whom it concerns reads it."""
    if case.appeal_of and case.act == "kept":
        return str(_("The decision stands"))
    return str(_("Removed by its author") if taken_back(case) else ACTS[case.act or "kept"])


def redress() -> str:
    """Where one may turn besides, once a notice of illegal content is decided."""
    return str(
        _(
            "If you do not agree, you may also turn to a court, or to an out-of-court dispute settlement "
            "body certified under the Digital Services Act."
        )
    )


def taken_back(case: Case) -> bool:
    """Whether an author ended a case by removing what it was about; a decision has its reason."""
    by_author = case.decided_by is not None and case.decided_by == case.author_id
    return case.act == "removed" and by_author and not case.reason


def decision(once: str) -> str:
    """What was decided and why, as whom it concerns reads it in a message."""
    person, number = viewer().id, once.split(":")[1]
    with as_system("whom a decision concerns reads it"):
        case = db.session.get(Case, int(number))
        if case is None or case.decided_at is None or not actions.concerns(case, person):
            return ""
        own = case.author_id == person
        said = " ".join(_said(case))
    return " – ".join([*_about(case.id, case.entry_id, own), said])


def _said(case: Case) -> Iterator[str]:
    yield f"{outcome(case)}."
    if case.reason in REASONS:
        named = str(REASONS[case.reason])
        yield str(_("Reason: %(reason)s.", reason=named[:1].lower() + named[1:]))
    if case.text:
        yield str(_("“%(title)s”", title=case.text))
    if cases.legal(case.appeal_of or case.id):
        yield redress()


def received(once: str) -> str:
    """Which report was received, for who sent it: its number, what it is about, and what they wrote."""
    number = int(once.split(":")[1])
    mine = (Report.case_id == number, Report.reporter_id == viewer().id)
    with as_system("which case a receipt is about, and its reader's own words"):
        report = db.session.scalars(sa.select(Report).where(*mine)).one_or_none()
    said = [str(_("You wrote: “%(words)s”", words=report.text))] if report and report.text else []
    return " – ".join([*_about(number, report.entry_id if report else None), *said])


def _about(number: int, entry_id: int | None, own: bool = False) -> Iterator[str]:
    """The number of a case, and the title or first words of its post: one's own, or what one may read now."""
    yield str(_("No. %(number)s", number=number))
    there = sa.select(Entry).where(Entry.id == entry_id, Entry.state != "removed")
    with as_system("people read what was decided about their own words") if own else nullcontext():
        entry = db.session.scalars(there if own else there.where(~Entry.team_only)).one_or_none()
    if entry is not None:
        yield str(_("It is about: “%(title)s”", title=entry.title or excerpt(entry.html, 60)))
