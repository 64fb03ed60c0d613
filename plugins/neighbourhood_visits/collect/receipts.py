"""What whoever asked may know of their question: who is in charge, how to reach them, until when to wait."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core import api

from .. import labels, teams
from ..assigned.due import answer_by
from ..models import STANDS, Casework, Commitment, Department, Question, Visit
from ..show import called_off, date, day_of
from . import codes

EXPECTS = ("submitted", "contested", "accepted")


@dataclass(frozen=True)
class Receipt:
    """An acknowledgement in words of the present; `contact` is empty where the town's own will do."""

    title: str
    visit: str
    takes_place: str
    asked_at: dt.datetime
    standing: str
    department: str
    official: str
    contact: str
    answer_by: dt.datetime
    code: str
    expects: bool  # whether an answer is still to come


def receipt(question_id: int) -> Receipt:
    """The acknowledgement of a question, for whoever may read it, which is asked before."""
    with api.as_system("say who is in charge of a question"):
        entry: Any = api.db.session.get(api.Entry, question_id)
        question: Any = api.db.session.get(Question, question_id)
        visit: Any = api.db.session.get(Visit, entry.space_id)
        space: Any = api.db.session.get(api.Space, entry.space_id)
        casework: Any = api.db.session.get(Casework, question_id)
        keeper = teams.department(_keeper(question_id))
        department = keeper or teams.department(casework.department_id)
        person = None if keeper else casework.official_id
        person = person or (department.official_id if department else None)
        return Receipt(
            title=entry.title,
            visit=space.name,
            takes_place=takes_place(visit),
            asked_at=entry.created_at,
            standing=labels.standing(question),
            department=department.name if department else "",
            official=teams.names([person]).get(person, ""),
            contact=(department.mailbox if department else "") or visit.other_ways,
            answer_by=expected(entry, casework, visit),
            code=codes.code_of(question_id) if casework.code else "",
            expects=question.triage in EXPECTS and question.answered_at is None,
        )


def _keeper(question_id: int) -> int | None:
    """The department that keeps the latest promise about a question that stands."""
    stands = sa.select(Commitment.department_id).where(Commitment.question_id == question_id, STANDS)
    latest = stands.order_by(Commitment.id.desc()).limit(1)
    found: int | None = api.db.session.scalar(latest)
    return found


def takes_place(visit: Visit) -> str:
    """When and where a visit is, or that it is put off and what becomes of questions."""
    if visit.off:
        return f"{day_of(visit)}. {called_off(visit)}"
    return ", ".join(filter(None, (date(visit.starts_at), visit.meeting_point)))


def expected(entry: api.Entry, casework: Casework, visit: Visit) -> dt.datetime:
    """Until when a question is to be answered, as whoever asked and the team read it."""
    days = dt.timedelta(days=_days(teams.department(casework.department_id)))
    return answer_by(casework.due_at or entry.created_at + days, entry.created_at, visit)


def _days(department: Department | None) -> int:
    days: int = api.settings("neighbourhood_visits")["days_to_answer"]
    return department.days_to_answer if department else days
