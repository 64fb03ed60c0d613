"""The answer to a question: drafted by one, approved by another, published now or on the day of the visit."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from . import letters, reads, states
from .approve import delegates
from .approve.corrections import mostly_stays
from .models import Answer, Casework, Question, Visit
from .states import Case, question_case

BLANK = ("none", "assigned")  # of answers of which nothing is written


def draft(question_id: int, body: str, version: int) -> api.Entry:
    """Keep a draft for the team; `version` is that of the draft it was written over, 0 for none."""
    with api.write():
        return keep(question_case(question_id), body, version)


def submit(question_id: int, body: str, version: int) -> api.Entry:
    """Keep this text and ask the officials of the visit to approve it."""
    with api.write():
        case = question_case(question_id)
        entry = keep(case, body, version)
        states.move(case, "answer", "submit")
    return entry


def approve(question_id: int, body: str, version: int, held: bool = False, outcome: str = "") -> None:
    """Approve this text, which is published now, or `held` until the day of the visit."""
    with api.write():
        case = question_case(question_id)
        entry = keep(case, body, version)
        states.move(case, "answer", "approve")
        case.casework.approved_by, case.casework.held = api.viewer().id, held
        case.casework.approved_for = delegates.approves_for(case.space.id)
        entry.author_id = api.viewer().id
        if outcome:
            conclude(case, outcome, body)
            case.question.outcome_reason = ""  # the answer says why
        if not held:
            _publish(case, entry)


def publish_held(begun: int = 0) -> None:
    """Job: publish the answers that were held until the visit, where it has begun, or of the one `begun`."""
    due = _held().where(Visit.space_id == begun) if begun else to_publish(api.now())
    with api.as_system("publish on the day of the visit"):
        for question_id in api.db.session.scalars(due).all():
            with api.write():
                case = question_case(question_id)
                if api.db.session.scalar(due.where(Casework.entry_id == question_id)) is not None:
                    _publish(case, answer_of(question_id)[1])


def to_publish(moment: dt.datetime) -> sa.Select[int]:
    """The questions whose answer is held though their visit has begun by this moment.

    That of a visit which was postponed waits for the new day; one that is cancelled has no other day.
    """
    return _held().where(Visit.starts_at <= moment, Visit.state != "postponed")


def _held() -> sa.Select[int]:
    rows = sa.select(Casework.entry_id).join(Visit, Visit.space_id == Casework.space_id)
    rows = rows.join(Question, Question.entry_id == Casework.entry_id)
    return rows.where(Casework.held, Casework.answer == "approved", Question.triage == "accepted")


def turn(question_id: int, thing: str, verb: str, reason: str, moves: int | None = None) -> None:
    """Say what became of a question (`outcome`), or whether it is talked about (`discussion`)."""
    with api.write():
        case = question_case(question_id, moves)
        if thing == "outcome":
            conclude(case, verb, reason)
        else:
            states.move(case, thing, verb)


def conclude(case: Case, verb: str, reason: str) -> None:
    """Say what became of a question, inside a write; `verb` is one of the outcomes' in the table."""
    states.move(case, "outcome", verb, reason=reason)
    case.question.outcome_reason = reason[:1000]


def keep(case: Case, body: str, version: int, **said: Any) -> api.Entry:
    """Keep a draft inside a write; who writes its words, or other words over them, is its drafter.

    Who changes less than half of what another drafted, one of them an official, corrects it: once, and named.
    `said` is as whom (`author_id`, `byline`), where it is not the viewer.
    """
    said = {"author_id": api.viewer().id, "byline": None, **said}
    answer, entry = answer_of(case.entry.id)
    begun = case.casework is not None and case.casework.answer in BLANK
    states.move(case, "answer", "draft")
    if version != (entry.version if entry else 0):
        raise api.Refused(_("A colleague has changed the draft in the meantime. Compare it with yours."))
    rewritten = entry is not None and entry.body.split() != body.split()
    corrects = entry is not None and rewritten and not begun and _corrects(case, entry.body, body)
    if corrects:
        case.casework.corrected_by = api.viewer().id
    elif begun or entry is None or rewritten:
        case.casework.drafted_by, case.casework.corrected_by = said["author_id"], None
    if answer is None or entry is None:
        entry = api.publish(case.space, body, kind="visits.answer", parent=case.entry, confirmed=True, **said)
        api.db.session.add(Answer(entry_id=entry.id, question_id=case.entry.id))
    elif entry.body != body:
        api.change_entry(entry, body=body, confirmed=True)
    if rewritten and not corrects:
        entry.author_id, entry.byline = said["author_id"], said["byline"]
    return entry


def is_own(case: Case, entry: api.Entry | None, body: str) -> bool:
    """Whether this text, over the draft that stands, is the viewer's own, which another must approve."""
    if reads.approves_own(case.space.id):
        return False
    if entry is None or case.casework.answer in BLANK or case.casework.drafted_by == api.viewer().id:
        return True
    return entry.body.split() != body.split() and not _corrects(case, entry.body, body)


def _corrects(case: Case, before: str, after: str) -> bool:
    """Whether somebody changes what another drafted, for the first time, and most of it stays.

    One of them is an official: words that one wrote stay theirs to have approved by another.
    """
    person, work = api.viewer().id, case.casework
    if person is None or work is None or work.drafted_by == person or work.corrected_by == person:
        return False
    officials = reads.team_ids(case.space.id, "official")
    one_is = api.can("visits.publish", case.space) or work.drafted_by in officials
    return one_is and mostly_stays(before, after)


def follow_moderation(entry: api.Entry, change: str) -> None:
    """Keep the question in step with what moderation has done to its answer; inside a write.

    Staff moderate too who are not on the team of the visit: what they did holds for the question as well.
    """
    verb = {"hidden": "retract", "restored": "restore", "removed": "discard"}.get(change)
    if verb is None or entry.parent_id is None:
        return
    with api.as_system("who moderates there need not be on the team"):
        asked = api.db.session.get(api.Entry, entry.parent_id)
        if asked is not None:
            _follow(states.case_of(asked, api.get_or_404(api.Space, entry.space_id)), entry, verb)


def _follow(case: Case, entry: api.Entry, verb: str) -> None:
    stands = case.casework.answer if case.casework else "none"
    if verb == "restore" and (entry.state != "published" or stands != "approved"):
        if entry.state == "published":  # it was drafted anew meanwhile, and nobody has approved that
            api.set_audience(entry, team_only=True)
            entry.state = "pending"
    elif stands in states.TABLE["answer", verb].sources:
        states.move(case, "answer", verb)
        case.question.answered_at = entry.published_at if verb == "restore" else None


def answer_of(question_id: int) -> tuple[Answer, api.Entry] | tuple[None, None]:
    """The answer to a question with its entry, as far as the viewer may read it."""
    rows = sa.select(Answer, api.Entry).join(api.Entry, api.Entry.id == Answer.entry_id)
    found = api.db.session.execute(rows.where(Answer.question_id == question_id)).one_or_none()
    return (found[0], found[1]) if found else (None, None)


def _publish(case: Case, entry: Any) -> None:
    states.move(case, "answer", "publish")
    case.casework.held = False
    letters.tell_answered(case.entry, entry, reads.group_of(case.question))
    api.release(entry)
    case.question.answered_at = api.now()
