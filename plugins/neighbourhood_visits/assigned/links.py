"""Signed links: bound to a question, its department and one assignment; void once any of them changes."""

import datetime as dt
import hmac
import logging
from typing import Any

import sqlalchemy as sa
from flask import current_app
from itsdangerous import Signer

from core import api

from .. import letters
from ..models import Casework, Department, DepartmentMember, Question, Visit
from ..states import Case
from .due import OPEN, answer_by
from .models import DepartmentLink

GRACE = dt.timedelta(days=14)  # after the day on which the answer is due
PLAINLY = {"synchronize_session": False}

log = logging.getLogger("parvis.visits")


def follow_assignment(case: Case, due_at: dt.datetime | None = None) -> None:
    """A question is assigned: note when its answer is due, where nobody said, and tell its department."""
    _end(case.entry.id)
    api.untell("visits.department_assigned", "visits.department_overdue", entry_id=case.entry.id)
    department = case.casework.department_id and api.db.session.get(Department, case.casework.department_id)
    days = department.days_to_answer if department else api.settings("neighbourhood_visits")["days_to_answer"]
    case.casework.due_at = due_at or api.now() + dt.timedelta(days=days)  # the visit may ask for it earlier
    case.casework.reminded_at = case.casework.escalated_at = None
    if department is not None:
        _reach(case, department)


def follow_department(case: Case) -> None:
    """Others are told for the department of a question now: no earlier link opens it, and its day stays."""
    by_link = answered(case.entry.id)
    _end(case.entry.id)
    api.untell("visits.department_assigned", "visits.department_overdue", entry_id=case.entry.id)
    _reach(case, api.get_or_404(Department, case.casework.department_id), by_link)


def _reach(case: Case, department: Department, by_link: bool = False) -> None:
    """Have a department told of a question; who answered it `by_link` before reads that by the new one."""
    if not members(department.id) and department.mailbox:
        link = DepartmentLink(entry_id=case.entry.id, space_id=case.space.id, department_id=department.id)
        link.expires_at = max(case.casework.due_at or api.now(), api.now()) + GRACE
        link.drafted_at = api.now() if by_link else None
        api.db.session.add(link)
    letters.tell_department(case.entry.id, "assigned")


def end(question_id: int) -> None:
    """The question is not to be answered as things stand: its link opens nothing; inside a write."""
    _end(question_id)
    with api.as_system("nothing is due any more"):
        free = sa.update(Casework).where(Casework.entry_id == question_id).values(due_at=None)
        api.db.session.execute(free, execution_options=PLAINLY)


def _end(question_id: int) -> None:
    with api.as_system("end the link of a department"):
        gone = sa.delete(DepartmentLink).where(DepartmentLink.entry_id == question_id)
        api.db.session.execute(gone, execution_options=PLAINLY)


def members(department_id: int) -> list[int]:
    """The ids of those who work in a department and have an account."""
    with api.as_system("who works in a department"):
        rows = sa.select(DepartmentMember.user_id).where(DepartmentMember.department_id == department_id)
        return list(api.db.session.scalars(rows))


def tell_department(question_id: int, what: str) -> None:
    """Job: mail the department its link, or give its members a notice; nothing if it is no longer theirs."""
    with api.as_system("tell a department of its request"), api.write() as session:
        entry, casework = session.get(api.Entry, question_id), session.get(Casework, question_id)
        department = casework and casework.department_id and session.get(Department, casework.department_id)
        if entry is None or not department or casework.answer not in OPEN or entry.state != "published":
            return
        people = members(department.id)
        if people:
            api.notify(f"visits.department_{what}", people, entry=entry)
            return
        link = session.scalars(
            sa.select(DepartmentLink).where(DepartmentLink.entry_id == question_id)
        ).one_or_none()
        if link is not None:
            due = answer_by(casework.due_at, entry.created_at, session.get(Visit, entry.space_id))
            letter = api.compose(
                f"visits/mail/{what}",
                None,
                address(link),
                title=entry.title,
                department=department.name,
                due=api.day(due.astimezone(api.town_zone()).date()),
            )
            api.send(f"visits.{what}", department.mailbox, letter.subject, letter.text, letter.html)


def address(link: DepartmentLink) -> str:
    """The whole address that opens one request."""
    return f"{current_app.config['PARVIS'].base_url}/visits/request/{link.id}/{_signature(link)}"


def _signature(link: DepartmentLink) -> str:
    salt = f"visits.department {link.entry_id} {link.department_id} {link.secret}"
    return Signer(current_app.config["SECRET_KEY"], salt=salt).get_signature(str(link.id)).decode()


def opened(link_id: int, token: str, act: str) -> DepartmentLink | None:
    """The link, if this is its signature and it still opens its request; use and refusal are in the log."""
    link: Any = api.db.session.get(DepartmentLink, link_id)
    if link is None or not hmac.compare_digest(_signature(link).encode(), token.encode()):
        why = "ended" if link is None else "forged"
        log.warning("department link refused", extra={"link": link_id, "why": why, "act": act})
        return None
    casework: Any = api.db.session.get(Casework, link.entry_id)
    question: Any = api.db.session.get(Question, link.entry_id)
    holds = link.expires_at > api.now() and casework.department_id == link.department_id
    if not holds or casework.answer == "none" or question.triage != "accepted":
        log.info("department link refused", extra={"link": link_id, "why": "void", "act": act})
        return None
    log.info("department link used", extra={"link": link_id, "entry": link.entry_id, "act": act})
    return link  # type: ignore[no-any-return]


def answered(question_id: int) -> bool:
    """Whether a department has answered this by its link."""
    found = sa.select(DepartmentLink.id).where(
        DepartmentLink.entry_id == question_id, DepartmentLink.drafted_at.is_not(None)
    )
    return api.db.session.scalar(found) is not None
