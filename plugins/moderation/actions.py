"""What who moderates does in the queue; what is removed there is hidden first, so that it can be undone."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from core import api
from core.api import gettext as _

from .models import Checked

REMOVE = "moderation.remove"
GRACE = dt.timedelta(minutes=5)


def decide(
    case: api.Case, entry: api.Entry, act: str, reason: str, text: str, alone: bool, version: int | None
) -> None:
    """Decide a case and its entry, as it was at `version`; a removal waits a little."""
    seen: dict[str, Any] = {"alone": alone, "version": version, "waited": case.id}
    if act != "removed":
        api.decide(entry, act, reason, text, **seen)
        return
    with api.write():
        decided = api.decide(entry, "hidden", reason, text, **seen)
        if _waits(entry.id):
            raise api.Refused(
                _("A notice of illegal content is decided by the agency. Until then you can hide it.")
            )
        api.enqueue(REMOVE, GRACE, case=decided, at=_decided_at(decided))


def undoes(case: api.Case, space: api.Space) -> bool:
    """Whether the viewer may take a decision back: their own, or as the agency another's, for a little."""
    if case.act != "hidden" or case.decided_at is None or case.decided_at < api.now() - GRACE:
        return False
    person = api.viewer().id
    others = person != case.author_id and api.can("core.oversee", space)
    return (case.decided_by == person or others) and (not party(case, None) or alone(case, None, space))


def undo(case_id: int, entry: api.Entry, space: api.Space) -> None:
    """Make it as it was before, shown or hidden by the round before, and let it wait anew."""
    answers = sa.select(api.Case.id).where(api.Case.appeal_of == case_id)
    with api.write() as session:
        with api.as_system("whose decision this is, and whether somebody has answered it"):
            case = session.scalars(api.lock(sa.select(api.Case).where(api.Case.id == case_id))).one()
            answered = session.scalars(answers).first() is not None
        if answered or not undoes(case, space):
            raise api.Refused(_("This can’t be undone any more."))
        api.audit("case.undone", f"case/{case_id}", entry=entry.id)
        if not _hidden_before(case_id):
            api.restore(entry)
        undone = sa.update(api.Case).where(api.Case.id == case_id, api.Case.act == "hidden")
        anew = {"act": None, "decided_at": None, "decided_by": None, "reason": "", "text": ""}
        with api.as_system("a decision that is taken back is none"):
            session.execute(undone.values({"act": "restored"} if _waits(entry.id) else anew))


def _waits(entry_id: int) -> bool:
    """Whether an open case of the entry waits for a decision, whoever takes it."""
    waits = (api.Case.entry_id == entry_id, api.Case.decided_at.is_(None), api.Case.appeal_of.is_(None))
    with api.as_system("see what else waits"):
        return api.db.session.scalars(sa.select(api.Case.id).where(*waits)).first() is not None


def _hidden_before(case_id: int) -> bool:
    """Whether a team hid it in the round out of which this case came, which opened at the same moment."""
    this = aliased(api.Case)
    same = (api.Case.id < this.id, api.Case.entry_id == this.entry_id, api.Case.opened_at == this.opened_at)
    rounds = (
        sa.select(api.Case.id).join(this, sa.and_(*same)).where(this.id == case_id, api.Case.act == "hidden")
    )
    with api.as_system("see what the round before did"):
        return api.db.session.scalars(rounds).first() is not None


def remove(case: int, at: str) -> None:
    """Job: remove for good what was hidden for that a while ago, unless that was undone."""
    with api.as_system("what is removed is gone a little later"), api.write() as session:
        row = session.get(api.Case, case)
        entry = session.get(api.Entry, row.entry_id) if row and row.entry_id else None
        if entry is not None and entry.state == "hidden" and _decided_at(case) == at:
            row.act = "removed"
            session.flush()
            api.remove(entry)


def party(case: api.Case, first: api.Case | None) -> bool:
    """Whether the viewer is judged too: wrote what is reported, or took or contests the decision."""
    own = {case.author_id, case.appellant_id, first.decided_by if first else None}
    return case.origin != "team" and api.viewer().id in own


def alone(case: api.Case, first: api.Case | None, space: api.Space) -> bool:
    """Whether nobody but the viewer, an administrator, could decide a case that the viewer is a party of."""
    if api.viewer().role != "administrator":
        return False
    end = api.Membership.expires_at
    team = sa.select(api.Membership.user_id).where(
        *(api.Membership.space_id == space.id, api.Membership.team, api.Membership.user_id == api.User.id),
        sa.or_(end.is_(None), end > api.now()),
    )
    here = sa.select(api.Area.path).where(api.Area.id == space.area_id).scalar_subquery()
    reaches = sa.or_(api.User.area_id.is_(None), here.startswith(api.Area.path))
    staff = sa.or_(api.User.role == "administrator", sa.and_(api.User.role == "agent", reaches))
    agencys = first is not None and first.decided_by == api.viewer().id  # which no team takes back
    parties = [case.author_id, case.appellant_id, first.decided_by if first else None, api.viewer().id]
    others = sa.select(api.User.id).outerjoin(api.Area, api.Area.id == api.User.area_id)
    others = others.where(
        *(staff if agencys else sa.or_(staff, team.exists()), api.User.closed_at.is_(None)),
        api.User.id.not_in([one for one in parties if one is not None]),
    )
    with api.as_system("see whether somebody else could decide"):
        return api.db.session.scalars(others.limit(1)).first() is None


def must_be_impartial(case: api.Case, first: api.Case | None, space: api.Space) -> None:
    """Raise Refused where somebody else decides: nobody judges what they wrote or decided themselves."""
    if party(case, first) and not alone(case, first, space):
        raise api.Refused(
            _("Somebody else decides this: nobody judges what they wrote or decided themselves.")
        )


def answer(
    case: api.Case,
    first: api.Case,
    space: api.Space,
    entry: api.Entry | None,
    upheld: bool,
    text: str,
    version: int | None = None,
) -> None:
    """Answer an appeal of the `first` decision: it stands, or what it hid is shown again as at `version`."""
    judged = sa.select(api.Case.id).join(api.Space, api.Space.id == api.Case.space_id)
    judged = judged.where(api.Case.id == case.id, api.judged(api.Case, api.Space))
    with api.as_system("see whether the answer is the viewer's to give"):
        if api.db.session.scalars(judged).first() is None:
            raise api.Forbidden("moderation.decide")
    must_be_impartial(case, first, space)
    with api.write() as session:
        waits = sa.select(api.Case.id).where(api.Case.id == case.id, api.Case.decided_at.is_(None))
        with api.as_system("see whether somebody has answered meanwhile"):
            if session.scalars(api.lock(waits)).first() is None:
                raise api.Refused(_("Somebody has answered this meanwhile."))
        if not upheld and (entry is None or entry.state == "removed"):
            raise api.Refused(_("It is removed for good and can’t be shown again."))
        if not upheld and first.act != "hidden":
            raise api.Refused(_("Only what was hidden can be shown again. Answer in words."))
        if not upheld and entry is not None and version not in (None, entry.version):
            raise api.Refused(_("This was changed meanwhile. Please read it again."))
        if not upheld and entry is not None and entry.state == "hidden":
            api.restore(entry)
        api.settle(case.id, space, "kept" if upheld else "restored", "", text)


def _decided_at(case: int) -> str:
    with api.as_system("which decision this is"):
        return str(api.db.session.scalar(sa.select(api.Case.decided_at).where(api.Case.id == case)))


def set_checked(space: api.Space, on: bool) -> None:
    """Look at everything in a space before it is published, or no longer."""
    if not api.oversees(space):
        raise api.Forbidden("moderation.hold")
    with api.write() as session:
        if on:
            api.insert_once(Checked, space_id=space.id)
        else:
            session.execute(sa.delete(Checked).where(Checked.space_id == space.id))
        api.audit("moderation.checked", f"space/{space.id}", on=on)
