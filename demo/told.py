"""What people of the demonstration town were told: each notice and mail as old as what it is about."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from core import access, registry
from core.db import db, write
from core.models import Case, Entry, JobRow, Mail, Notice, NoticeRound, Report, Space
from core.notices.tell import NOTIFY, TELL
from plugins.neighbourhood_visits.letters import WORK
from plugins.neighbourhood_visits.models import Question
from portal.notices import mailing

FIRST = ("visits.tell", "visits.tell_department")
THEN = (TELL, NOTIFY)
HOURS = {"visits.accepted": 9, "visits.rejected": 9, "visits.department_assigned": 9, "visits.to_approve": 26}
LATEST = dt.timedelta(hours=2)
FRESH = dt.timedelta(days=2)  # what is younger is unread, and a few of its messages wait
WAITS = {name for kinds in WORK.values() for name in kinds} | {"core.waits"}


def catch_up(start: dt.datetime) -> None:
    """Tell everybody what the town would have told them in the last weeks, in the order of events."""
    with access.as_system("tell what happened"), write():
        for names in (FIRST, THEN):
            rows = db.session.scalars(sa.select(JobRow).where(JobRow.name.in_(names))).all()
            told = [(_when(row.payload, start), row.id, row.name, row.payload) for row in rows]
            for at, _ident, name, payload in sorted(told, key=lambda one: one[:2]):
                _tell(name, payload, at)
            db.session.execute(sa.delete(JobRow).where(JobRow.id.in_([row.id for row in rows])))
        _look_back(start)


def _tell(name: str, payload: dict[str, Any], at: dt.datetime) -> None:
    """Run a job and date what it tells."""
    notices, mails = _last(Notice), _last(Mail)
    registry.current().declared("jobs", name)[1].run(**payload)
    mailing.mail_due()
    db.session.execute(sa.update(Notice).where(Notice.id > notices).values(created_at=at))
    db.session.execute(sa.update(Mail).where(Mail.id > mails).values(created_at=at))


def _last(model: Any) -> int:
    return db.session.scalar(sa.select(sa.func.max(model.id))) or 0


def _when(payload: dict[str, Any], start: dt.datetime) -> dt.datetime:
    """When what a job tells of happened."""
    event = payload.get("event", payload)
    ident, kind = event.get("entry_id") or event.get("question_id"), event.get("type", "")
    entry = db.session.get(Entry, ident) if ident else None
    space = db.session.get(Space, event["space_id"]) if event.get("space_id") else None
    question = db.session.get(Question, (entry and entry.parent_id) or ident) if ident else None
    thing, _colon, ref = event.get("once", "").partition(":")
    if thing == "case":
        at = _judged(*ref.split(":"))
    elif kind == "visits.answered" and question is not None and question.answered_at is not None:
        at = question.answered_at
    elif entry is not None:
        at = entry.created_at + dt.timedelta(hours=HOURS.get(kind, 1))
    elif space is not None and not kind.startswith("core."):
        at = space.created_at
    else:
        at = start - FRESH / 2
    return min(at, start - LATEST)


def _judged(case: str, reporter: str = "") -> dt.datetime:
    """When a case was reported by somebody, or else decided."""
    moment: sa.Select[Any] = sa.select(Case.decided_at).where(Case.id == int(case))
    if reporter:
        moment = sa.select(Report.at).where(Report.case_id == int(case), Report.reporter_id == int(reporter))
    at: dt.datetime = db.session.scalars(moment).one()
    return at


def _look_back(start: dt.datetime) -> None:
    """What is older was read, and its mail has left; no digest begins with the whole past."""
    old = start - FRESH
    read = sa.update(Notice).where(Notice.created_at < old, Notice.type.not_in(WAITS))
    db.session.execute(read.values(read_at=old))
    db.session.execute(sa.update(NoticeRound).values(mailed_id=_last(Notice), due_at=None))
    left = sa.update(Mail).where(Mail.created_at < old)
    db.session.execute(left.values(status="sent", sent_at=Mail.created_at, text=None, html=None))
