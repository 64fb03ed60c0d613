"""The decisions of moderation: a verb on the entry, its reasons on the case, and word to whom it concerns."""

from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from ..access import Refused
from ..audit import audit
from ..db import table_of, unfiltered, write
from ..models import Case, Entry, Report, Space
from ..notices.tell import notify
from ..spaces import actions as spaces
from . import actions, cases

REASONS = {
    "insult": _("Insults, hatred or threats"),
    "private": _("Somebody’s personal details"),
    "false": _("False or misleading"),
    "spam": _("Advertising, or the same again and again"),
    "off_topic": _("Not the place for it"),
    "danger": _("Somebody is in danger"),
    "child": _("Harm to a child"),
    "other": _("Something else"),
}
ACTS = {  # as whom a decision concerns reads them
    "kept": _("Left as it is"),
    "restored": _("Shown again"),
    "hidden": _("Hidden"),
    "removed": _("Removed"),
    "redacted": _("A part taken out"),
    "locked": _("Closed to replies"),
}
SHOWN = ("kept", "restored")
VERBS: dict[str, Any] = {
    "hidden": actions.hide,
    "restored": actions.restore,
    "removed": actions.remove,
    "locked": lambda entry: actions.lock_thread(entry, True),
}
_entry, _case, _report = table_of(Entry), table_of(Case), table_of(Report)


def decide(
    entry: Entry,
    act: str,
    reason: str = "other",
    text: str = "",
    alone: bool = False,
    version: int | None = None,
    waited: int | None = None,
) -> int:
    """Keep, hide, remove or lock an entry, as `act` says, and tell its author and who reported it why.

    Answers the id of the case. Raises Forbidden, and Refused where the act can't be done, where the viewer
    would judge their own words though they are not `alone`, or show others than those of the `version` read,
    and where the case that `waited` for them, 0 for none, does no more.
    """
    space = actions.moderated(entry)
    stands = sa.select(_entry.c.state, _entry.c.version).where(_entry.c.id == entry.id)
    with write():
        spaces.hold(space.id)
        if not alone:
            cases.must_be_impartial(entry)
        found: Any = unfiltered(stands).first() or (None, version)
        (state, at), waits = found, cases.waiting(entry)
        cases.must_still_wait(entry, waited)
        if act in SHOWN and version not in (None, at):
            raise Refused(_("This was changed meanwhile. Please read it again."))
        if act == "kept" and state not in ("published", "pending"):
            raise Refused(_("This was hidden or removed meanwhile."))
        case = cases.open_for(entry, "team")
        if act in VERBS and not (waits and act == state):  # hidden already, and now decided
            VERBS[act](entry)
        elif act == "kept" and state == "pending":
            actions.release(entry)
        settle(case, space, act, reason, text)
    return case


def settle(case: int, space: Space, act: str, reason: str, text: str) -> None:
    """Write a decision on its case, within the write that carries it out, and tell whom it concerns.

    Whether the viewer may decide is asked before. Raises Refused where that is left to the agency, and
    where a notice of illegal content is decided without a word.
    """
    if cases.left_to_agency(case):
        raise Refused(str(cases.LEFT))
    if not text.strip() and cases.legal(case):
        raise Refused(_("A notice of illegal content is decided with reasons in words. Write them."))
    done = {**cases.decided(act), "reason": reason, "text": text}
    row = unfiltered(sa.update(_case).where(_case.c.id == case).values(done).returning(_case)).one()
    told = set(unfiltered(sa.select(_report.c.reporter_id).where(_report.c.case_id == case)).scalars())
    author = {row.author_id} if act != "kept" or row.origin == "held" else set()
    told |= {row.appellant_id} if row.appellant_id else author
    notify(cases.DECIDED, told - {None}, space=space, once=f"case:{case}")
    audit(f"case.{act}", f"case/{case}", reason=reason, entry=row.entry_id)
