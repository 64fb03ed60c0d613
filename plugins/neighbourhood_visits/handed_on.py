"""What a question hands on to another: what the town says of it, the work on that, where it is talked about.

All is done inside a write that holds the visit, for the system.
"""

from typing import Any

import sqlalchemy as sa

from core import api

from . import letters
from .assigned.due import OPEN
from .assigned.models import DepartmentLink
from .field.models import Note
from .follow.models import Step
from .models import STANDS, Answer, Casework, Commitment, Question, pledged
from .plan.models import StopQuestion

NOTHING = {"answer": "none", "held": False}  # of casework, before anybody begins; of all else, nobody
ANSWER = ("answer", "held", "drafted_by", "corrected_by", "approved_by", "approved_for")
CHARGE = ("department_id", "official_id", "due_at", "reminded_at", "escalated_at")


def give(first: Question, heir: Question) -> None:
    """Move what the town says of a question to another, and the work on it, unless that has its own.

    Promises go in any case.
    """
    _hand_work_on(first, heir)
    _hand_stop_on(first, heir)
    if heir.outcome == "none":
        heir.outcome, heir.outcome_reason = first.outcome, first.outcome_reason
        first.outcome, first.outcome_reason = "none", ""
        _move(Step, first, heir, Step.thing == "outcome")
        _move(Note, first, heir, Note.outcome != "")  # of which a coordinator may choose another
    give_promises(first, heir)


def give_promises(first: Question, heir: Question) -> None:
    """Move what was promised about a question to another, of which it is the outcome as long as it stands."""
    if promised(first.entry_id):
        _move(Commitment, first, heir)
        _move(Step, first, heir, sa.or_(Step.commitment_id.is_not(None), Step.verb == "commit"))
        first.outcome = "none" if first.outcome == "committed" else first.outcome
        if promised(heir.entry_id, STANDS):
            heir.outcome, heir.outcome_reason = "committed", ""
        elif heir.outcome == "none":
            heir.outcome = "committed"
    api.db.session.flush()
    for ident in (first.entry_id, heir.entry_id):
        api.reindex(api.get_or_404(api.Entry, ident))


def _hand_work_on(first: Question, heir: Question) -> None:
    """Move an answer in whichever state, and who is in charge of it, each unless the other has its own."""
    both = sa.select(Answer).where(Answer.question_id.in_((first.entry_id, heir.entry_id)))
    answers = {one.question_id: one for one in api.db.session.scalars(both)}
    before, after = (api.get_or_404(Casework, one.entry_id) for one in (first, heir))
    begun, free = first.entry_id in answers, after.department_id is None and after.official_id is None
    if heir.entry_id in answers or not (begun or free):
        return
    for column in (*ANSWER, *CHARGE):
        if free or column in ANSWER:
            setattr(after, column, getattr(before, column))
        setattr(before, column, NOTHING.get(column))
    if begun:
        _hand_answer_on(answers[first.entry_id], first, heir)
    if free:
        _move(DepartmentLink, first, heir)
    api.db.session.execute(sa.delete(DepartmentLink).where(DepartmentLink.entry_id == first.entry_id))
    for ident in (first.entry_id, *(() if after.answer in OPEN else (heir.entry_id,))):
        api.untell("visits.department_assigned", "visits.department_overdue", entry_id=ident)
    if free and after.department_id is not None and after.answer in OPEN:
        letters.tell_department(heir.entry_id, "assigned")


def _hand_answer_on(answer: Answer, first: Question, heir: Question) -> None:
    """Move an answer below another question."""
    heir.answered_at, first.answered_at = first.answered_at, None
    answer.question_id = heir.entry_id
    entry = api.get_or_404(api.Entry, answer.entry_id)
    entry.parent_id = heir.entry_id
    if entry.state == "published" and not entry.team_only:
        for ident, change in ((first.entry_id, -1), (heir.entry_id, 1)):
            api.get_or_404(api.Entry, ident).reply_count += change
    api.db.session.flush()
    api.set_audience(entry, entry.private, entry.meant_for)  # as wide as its new question


def _hand_stop_on(first: Question, heir: Question) -> None:
    """Let the other be talked about where this one was to be, unless it has a stop of its own."""
    placed = sa.select(StopQuestion.entry_id).where(StopQuestion.entry_id == heir.entry_id)
    if api.db.session.scalar(placed) is None:
        _move(StopQuestion, first, heir)
    if heir.discussion == "not_planned":
        heir.discussion, first.discussion = first.discussion, "not_planned"
        _move(Step, first, heir, Step.thing == "discussion")


def _move(table: Any, first: Question, heir: Question, *which: Any) -> None:
    """Let rows of a table that are about one question be about another."""
    column = Commitment.question_id if table is Commitment else table.entry_id
    moved = sa.update(table).where(column == first.entry_id, *which).values({column: heir.entry_id})
    api.db.session.execute(moved, execution_options={"synchronize_session": False})


def promised(question_id: int, *how: Any) -> bool:
    """Whether something was ever promised about a question, or in this way (`STANDS`)."""
    about = sa.select(Question.entry_id).where(Question.entry_id == question_id, pledged(*how))
    return api.db.session.scalar(about) is not None
