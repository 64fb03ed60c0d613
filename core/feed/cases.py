"""Cases follow entries: what is held opens one, and what becomes of an entry closes the one that is open."""

from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from .. import access, registry
from ..access import STAFF, Refused, viewer
from ..db import db, insert_new, now, table_of, unfiltered
from ..models import Case, Entry, Report, Space, User
from ..notices.tell import notify
from .query import Row
from .unnamed import author_of

DECIDED = "core.decision"
ACTS = {"published": "kept", "hidden": "hidden", "removed": "removed"}
LEFT = _("A notice of illegal content is decided by the agency. Until then you can hide it.")
PARTY = _("Somebody else decides this: nobody judges what they wrote or decided themselves.")
_case, _space, _report, _user = table_of(Case), table_of(Space), table_of(Report), table_of(User)
_open = (_case.c.entry_id == sa.bindparam("entry"), _case.c.appeal_of.is_(None), _case.c.decided_at.is_(None))
_theirs = sa.and_(_case.c.author_id == sa.bindparam("person"), _case.c.origin != "team")
_judged = sa.select(_case.c.id).where(*_open, _theirs)
_decide = sa.update(_case).where(*_open, _theirs.is_not(True)).returning(_case.c.id)


def follow(entry: Entry, change: str) -> None:
    """Open a case for what waits to be checked, or close the entry's by what became of it.

    Of their own words people close none but by removing them.
    """
    if change == "waits" and registry.current().entry_kind(entry.kind).initial_state == "published":
        open_for(entry, "held")
    elif change == "restored" and not shows_again(entry):
        raise Refused(str(_("The agency decided to hide this, and only the agency shows it again.")))
    elif change in ACTS:
        person = None if change == "removed" else viewer().id
        ended = unfiltered(_decide, {"entry": entry.id, "person": person, **decided(ACTS[change])}).scalar()
        if ended and change == "removed" and viewer().id == entry.author_id:
            told = sa.select(_report.c.reporter_id).where(_report.c.case_id == ended)
            others = set(unfiltered(told).scalars()) - {None, entry.author_id}
            notify(DECIDED, others, space=db.session.get(Space, entry.space_id), once=f"case:{ended}")
        elif ended and left_to_agency(ended):
            if change != "hidden":
                raise Refused(str(LEFT))
            _leave_to_agency(ended, open_for(entry, "reported"))


def legal(case: int | None, *which: Any) -> bool:
    """Whether a case holds a notice of illegal content."""
    notices = sa.select(_report.c.id).where(_report.c.case_id == case, _report.c.legal, *which)
    return unfiltered(notices).first() is not None


def left_to_agency(case: int) -> bool:
    """Whether a case holds a notice of illegal content, which the agency decides and not the viewer."""
    return legal(case, _space.c.id == _report.c.space_id, ~access.reached(_space.c))


def hidden_by_agency(entry: Entry | Row) -> bool:
    """Whether the agency decided to hide an entry, and nobody has decided to show it again since."""
    legal = sa.select(_report.c.id).where(_report.c.case_id == _case.c.id, _report.c.legal)
    hid = sa.and_(_case.c.act == "hidden", sa.or_(_user.c.role.in_(STAFF), legal.exists()))
    last = sa.select(_case.c.act).outerjoin(_user, _user.c.id == _case.c.decided_by)
    last = last.where(_case.c.entry_id == entry.id, sa.or_(hid, _case.c.act == "restored"))
    return unfiltered(last.order_by(_case.c.decided_at.desc()).limit(1)).scalar() == "hidden"


def shows_again(entry: Entry | Row) -> bool:
    """Whether the viewer, who moderates, may show an entry again: what the agency hid, it alone may."""
    here = sa.select(_space.c.id).where(_space.c.id == entry.space_id, access.reached(_space.c))
    return not hidden_by_agency(entry) or unfiltered(here).first() is not None


def must_be_impartial(entry: Entry) -> None:
    """Raise Refused while a case that others opened about the viewer's words waits for a decision."""
    if unfiltered(_judged, {"entry": entry.id, "person": viewer().id}).first() is not None:
        raise Refused(str(PARTY))


def _leave_to_agency(ended: int, anew: int) -> None:
    """Let the notices of a round that hid their entry wait on in one of their own, as old as it."""
    since = sa.select(_case.c.opened_at).where(_case.c.id == ended).scalar_subquery()
    unfiltered(sa.update(_case).where(_case.c.id == anew).values(opened_at=since))
    unfiltered(sa.update(_report).where(_report.c.case_id == ended, _report.c.legal).values(case_id=anew))


def open_for(entry: Entry, origin: str) -> int:
    """The id of the entry's open case, made now if there is none."""
    row = {"entry_id": entry.id, "space_id": entry.space_id, "author_id": author_of(entry), "origin": origin}
    made = insert_new(Case, row, _case.c.id)
    return int(made[0] if made else waiting(entry))  # type: ignore[arg-type]


def waiting(entry: Entry) -> int | None:
    """The id of the entry's open case, if there is one."""
    return unfiltered(sa.select(_case.c.id).where(*_open), {"entry": entry.id}).scalar()


def must_still_wait(entry: Entry, waited: int | None) -> None:
    """Raise Refused where another case waits for the entry than the one that `waited`, 0 for none."""
    if waited not in (None, waiting(entry) or 0):
        raise Refused(str(_("Somebody has reported or decided this meanwhile. Please look at it again.")))


def judges(entry: Entry) -> bool:
    """Whether the viewer decides a case of the entry that is open, or has decided one."""
    own = sa.or_(_case.c.decided_at.is_(None), _case.c.decided_by == viewer().id)
    mine = (_case.c.entry_id == entry.id, _case.c.space_id == _space.c.id, own)
    return bool(unfiltered(sa.select(_case.c.id).where(*mine, access.judged(_case.c, _space.c))).first())


def decided(act: str) -> dict[str, Any]:
    """What a case holds once the viewer has decided it now."""
    return {"act": act, "decided_by": viewer().id, "decided_at": now()}
