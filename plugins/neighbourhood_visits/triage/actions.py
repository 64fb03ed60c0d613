"""What the team decides about a question, or many at once: accept, reject, forward, divert, assign, group."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from .. import labels, letters, reads, seen, states, taken_out
from ..assigned import links
from ..assigned.due import OPEN
from ..models import Department, PrivateCase, Question
from ..states import Case, question_case
from . import groups

NOBODY = (None, None, None)  # the department, the official and the day of what is assigned to nobody


@dataclass(frozen=True)
class Decision:
    """What is decided: a verb of the table, the reason or body that goes with it, and who is in charge."""

    verb: str
    reason: str = ""
    to: str = ""
    department_id: int | None = None
    official_id: int | None = None


def decide(question_id: int, decision: Decision, moves: int | None = None, words: str | None = None) -> None:
    """Decide on a question; Refused when it moved since `moves`, or to publish other words than `words`."""
    with api.write():
        case = question_case(question_id, moves)
        api.require("visits.review", case.space)
        if decision.verb == "assign":
            _assign(case, decision, words)
        elif decision.verb == "unassign":
            _give_back(case)
        else:
            _triage(case, decision, words)
            if decision.verb == "accept" and case.casework.answer in OPEN:
                links.follow_assignment(case)  # it was assigned before it was looked at anew


def decide_many(
    picked: Iterable[tuple[int, int, str | None]], decision: Decision
) -> tuple[list[int], dict[int, str]]:
    """Decide on several questions, each by itself: the ids decided on, and why the others were not."""
    done, refused = [], {}
    for question_id, moves, words in picked:
        try:
            decide(question_id, decision, moves, words)
            done.append(question_id)
        except api.Refused as reason:
            refused[question_id] = str(reason)
    return done, refused


def withdraw(question_id: int) -> None:
    """Take back what one asked; it is public no longer, and no answer to it is published."""
    with api.write():
        case = question_case(question_id)
        states.move(case, "triage", "withdraw")
        with api.as_system("its author takes a question back"):
            _withdrawn(case)


def by_code(question_id: int, verb: str, reason: str = "") -> None:
    """Withdraw or contest, as its author may, the question whose code somebody has shown."""
    with api.as_system("whoever holds its code acts as its author"), api.write():
        case = question_case(question_id)
        case.by_code = True
        states.move(case, "triage", verb, reason=reason)
        if verb == "withdraw":
            _withdrawn(case)
        else:
            case.question.objection = reason


def contest(question_id: int, reason: str) -> None:
    """Say why a question should have been accepted; the team looks at it again."""
    with api.write():
        case = question_case(question_id)
        states.move(case, "triage", "contest", reason=reason)
        case.question.objection = reason


def follow_moderation(entry: api.Entry, change: str) -> None:
    """What is shown again, but isn't accepted, waits between its author and the team; inside a write."""
    if change != "restored":
        return
    with api.as_system("who moderates need not be on the team"):
        question = api.get_or_404(Question, entry.id)
    if question.triage != "accepted":
        entry.state, entry.team_only = "pending", True
    groups.settle(entry.id)


def keep_note(question_id: int, note: str, read: str | None = None) -> None:
    """Keep a note on a question that its team alone reads; Refused over another than was `read`."""
    with api.write():
        case = question_case(question_id)
        api.require("visits.review", case.space)
        if case.casework.note == note:  # a second tap
            return
        seen.must_be_text(case.casework.note, read)
        case.casework.note = note


def group(question_ids: Iterable[int]) -> dict[int, str]:
    """Answer questions of one visit together; each stays as it is, and each author hears of it.

    None is grouped where one is not open any more: answers why, by its id.
    """
    with api.write():
        cases = [question_case(question_id) for question_id in question_ids]
        for case in cases:
            api.require("visits.review", case.space)
            if case.space.id != cases[0].space.id:
                raise api.Refused(_("Only questions of one visit are grouped."))
        closed = {case.entry.id: str(states.OPEN.refusal) for case in cases if not states.OPEN.holds(case)}
        if not closed:
            groups.join(cases[0].space.id, [case.entry.id for case in cases])
        return closed


def say_theme(question_ids: Iterable[int], theme: str) -> None:
    """Say what questions are about, as one of the themes that the town has."""
    if theme not in dict(labels.themes()):
        raise api.Refused(_("Choose a theme."))
    with api.write():
        for question_id in question_ids:
            case = question_case(question_id)
            api.require("visits.review", case.space)
            case.question.theme = theme


def ungroup(question_id: int) -> None:
    """Take a question out of its group, which undoes `group`."""
    with api.write():
        case = question_case(question_id)
        api.require("visits.review", case.space)
        groups.leave(question_id)


def _triage(case: Case, decision: Decision, words: str | None) -> None:
    if decision.verb == "accept":
        seen.must_stand(case.entry, case.question, words)
    states.move(case, "triage", decision.verb, reason=decision.reason, to=decision.to)
    case.question.reason, case.question.forwarded_to = decision.reason, decision.to
    case.casework.triaged_by = api.viewer().id
    if decision.verb == "accept":
        api.release(case.entry)
    else:
        _keep_from_the_public(case)
    if decision.verb == "reconsider":
        if case.casework.answer == "assigned":
            _unassign(case)
        taken_back = sa.delete(PrivateCase).where(PrivateCase.entry_id == case.entry.id)
        api.db.session.execute(taken_back)
    elif decision.verb == "divert":
        api.insert_once(
            PrivateCase,
            entry_id=case.entry.id,
            space_id=case.space.id,
            recipient_id=decision.official_id or api.viewer().id,
            ended_at=None if _is_there(case.entry) else api.now(),
        )


def _is_there(entry: api.Entry) -> bool:
    """Whether somebody can go on with a private case: its author, or who asked without an account."""
    author = api.db.session.get(api.User, entry.author_id or 0)
    return author is None or author.closed_at is None


def _assign(case: Case, decision: Decision, words: str | None) -> None:
    """Say who prepares the answer; what is still to be read is accepted by it."""
    if decision.department_id is None and decision.official_id is None:
        raise api.Refused(_("Choose a department or an official."))
    if case.question.triage in ("submitted", "contested"):
        _triage(case, Decision("accept"), words)
    work = case.casework
    replaced = (work.department_id, work.official_id, work.due_at) if work.answer == "assigned" else NOBODY
    states.move(case, "answer", "assign")
    department = decision.department_id and api.get_or_404(Department, decision.department_id)
    work.department_id = department.id if department else None
    work.official_id = decision.official_id or (department.official_id if department else None)
    work.former_department_id, work.former_official_id, work.former_due_at = replaced
    links.follow_assignment(case)


def _give_back(case: Case) -> None:
    """Take an assignment back: to whom it was assigned before, due on the day that it was, else to nobody."""
    work = case.casework
    if work.former_department_id is None and work.former_official_id is None:
        _unassign(case)
        return
    states.move(case, "answer", "assign")
    work.department_id, work.official_id = work.former_department_id, work.former_official_id
    links.follow_assignment(case, work.former_due_at)
    work.former_department_id, work.former_official_id, work.former_due_at = NOBODY


def _unassign(case: Case) -> None:
    """Nobody prepares the answer any more, as nobody has begun to."""
    states.move(case, "answer", "unassign")
    work = case.casework
    work.department_id = work.official_id = work.former_department_id = work.former_official_id = None
    api.db.session.flush()
    links.end(case.entry.id)
    api.untell("visits.department_assigned", "visits.department_overdue", entry_id=case.entry.id)


def _withdrawn(case: Case) -> None:
    """Nobody reads or answers it any more; was it a private case, that has ended."""
    _keep_from_the_public(case)
    private = api.db.session.get(PrivateCase, case.entry.id)
    if private is not None:
        private.ended_at = private.ended_at or api.now()


def _keep_from_the_public(case: Case) -> None:
    """Let the question wait again, between its author and the team: first out of sight, then pending.

    What moderators hid stays hidden.
    """
    if case.entry.state != "pending":
        api.set_audience(case.entry, team_only=True)
        if case.entry.state == "published":
            case.entry.state = "pending"
            if api.now() - case.entry.published_at < letters.PAUSE:
                case.entry.published_at = None  # nobody was told of it yet
        taken_out.take_out_words([case.entry.id])
        asker = reads.asker(case.entry.id)
        api.set_audience(case.entry, team_only=asker is not None, reader_id=asker)
    elif case.entry.recorded_by is not None:
        api.set_audience(case.entry, team_only=False)  # a scribe who wrote it down reads it no longer
    links.end(case.entry.id)
