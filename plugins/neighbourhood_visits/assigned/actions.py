"""A department answers, and its draft waits for approval as any other; or it gives the request back."""

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from .. import states
from ..approve import answers
from ..models import Casework, Department
from . import links
from .due import OPEN
from .models import DepartmentLink


def answer(question_id: int, body: str, version: int, by: int | DepartmentLink) -> None:
    """Keep what a department wrote, by a member or by its link, and ask for its approval.

    Refused when the question is no longer theirs at the moment of writing, or they are not shown what stands.
    """
    person = by if isinstance(by, int) else api.viewer().id  # who opens a link may have an account
    with api.as_system("a department answers its request"), api.write() as session:
        case = _open_case(question_id, by)
        if answers.answer_of(question_id)[1] is not None and not reads_draft(case.casework, by):
            raise api.Refused(_("A colleague has changed the draft in the meantime. Compare it with yours."))
        department = session.get(Department, case.casework.department_id)
        answers.keep(case, body, version, drafter=person, byline=department.name)
        states.move(case, "answer", "submit")
        if not isinstance(by, int):
            drafted = sa.update(DepartmentLink).where(DepartmentLink.entry_id == question_id)
            session.execute(drafted.values(drafted_at=api.now()), execution_options=links.PLAINLY)
        api.audit("visits.department_answered", f"entry/{question_id}", by_link=not isinstance(by, int))


def give_back(question_id: int, reason: str, by: int | DepartmentLink) -> None:
    """The request is not for this department: the team reads why and assigns it anew."""
    with api.as_system("a department gives its request back"), api.write() as session:
        case = _open_case(question_id, by)
        department = session.get(Department, case.casework.department_id)
        states.move(case, "answer", "return", reason=reason)
        case.casework.department_id = case.casework.official_id = None
        said = _("%(department)s: not for us. %(reason)s", department=department.name, reason=reason)
        case.casework.note = f"{case.casework.note}\n\n{said}".strip()[-4000:]
        session.flush()
        links.end(question_id)
        api.audit("visits.department_returned", f"entry/{question_id}", by_link=not isinstance(by, int))


def _open_case(question_id: int, by: int | DepartmentLink) -> states.Case:
    """The question, held; Refused where it is not theirs to answer at this moment."""
    case = states.question_case(question_id)
    open_to_them = case.casework.answer in OPEN and case.question.triage == "accepted"
    if not open_to_them or not _theirs(case.casework, by):
        raise api.Refused(_("This request is no longer yours to answer."))
    return case


def reads_draft(casework: Casework, by: int | DepartmentLink) -> bool:
    """Whether the draft that stands is shown to them: it is this person's, or this link has drafted."""
    return casework.drafted_by == by if isinstance(by, int) else by.drafted_at is not None


def _theirs(casework: Casework, by: int | DepartmentLink) -> bool:
    """Whether the question is assigned to this person's department, or still by this very link."""
    if isinstance(by, int):
        return by in links.members(casework.department_id or 0)
    still = sa.select(DepartmentLink.id).where(
        DepartmentLink.id == by.id, DepartmentLink.department_id == casework.department_id
    )
    return api.db.session.scalar(still) is not None
