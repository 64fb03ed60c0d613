"""The answer to a question: drafted by one, approved by another, published now or on the day of the visit."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlalchemy.orm.attributes import flag_modified

from core import api
from core.api import gettext as _

from .. import letters, reads, states, teams
from ..models import Answer, Casework, Question, Visit
from ..states import Case, question_case
from . import delegates
from .corrections import mostly_stays

BLANK = ("none", "assigned")  # of answers of which nothing is written


class Saved(api.Refused):
    """Somebody sends once more what stands already as they have kept or approved it."""


def draft(question_id: int, body: str, version: int) -> bool:
    """Keep a draft for the team; `version` is that of the draft it was written over, 0 for none.

    Over what was approved for the day of the visit the officials are asked anew: answers whether they are.
    """
    with api.write():
        case = question_case(question_id)
        approved = is_held(case.casework)
        keep(case, body, version)
        if approved:
            states.move(case, "answer", "submit")
    return approved


def submit(question_id: int, body: str, version: int) -> api.Entry:
    """Keep this text and ask the officials of the visit to approve it."""
    with api.write():
        case = question_case(question_id)
        done = case.casework is not None and case.casework.answer in ("to_approve", "approved", "published")
        entry = keep(case, body, version, done=done)
        states.move(case, "answer", "submit")
    return entry


def approve(question_id: int, body: str, version: int, held: bool = False, outcome: str = "") -> None:
    """Approve this text, which is published now, or `held` until the day of the visit."""
    with api.write():
        case = question_case(question_id)
        if held and not case.visit.is_to_come(api.now()):
            raise api.Refused(_("This visit has no day to come any more: publish the answer now."))
        entry = keep(case, body, version, done=_is_approved(case, held, outcome))
        states.move(case, "answer", "approve")
        case.casework.approved_by, case.casework.held = api.viewer().id, held
        case.casework.approved_for = delegates.approves_for(case.space.id)
        flag_modified(entry, "byline")  # its version: who still reads it as a draft is told
        if outcome:
            conclude(case, outcome, body)
            case.question.outcome_reason = ""  # the answer says why
        if not held:
            _publish(case, entry)


def _is_approved(case: Case, held: bool, outcome: str) -> bool:
    """Whether an answer is approved already as somebody asks, with this outcome."""
    said = not outcome or states.TABLE["outcome", outcome].target == case.question.outcome
    stands = case.casework.answer if case.casework else "none"
    return said and (stands == "published" or (held and is_held(case.casework)))


def publish_held(begun: int = 0) -> None:
    """Job: publish the answers held for a visit that has begun or is cancelled, or for the one `begun`.

    The job publishes each by itself, and names at its end those that could not be.
    """
    due = _held().where(Visit.space_id == begun) if begun else to_publish(api.now())
    failures: dict[int, Exception] = {}
    with api.as_system("publish on the day of the visit"):
        for question_id in api.db.session.scalars(due).all():
            try:
                with api.write():
                    case = question_case(question_id)
                    if api.db.session.scalar(due.where(Casework.entry_id == question_id)) is not None:
                        _publish(case, answer_of(question_id)[1])
            except Exception as failure:
                if begun:  # inside the write that begins it, which is done whole or not at all
                    raise
                failures[question_id] = failure
    if failures:
        named, first = ", ".join(map(str, failures)), next(iter(failures.values()))
        raise RuntimeError(f"not published: the answers to the questions {named}") from first


def to_publish(moment: dt.datetime) -> sa.Select[int]:
    """The questions whose answer is held though their visit has begun by this moment, or is cancelled.

    That of a visit which was postponed waits for the new day.
    """
    nothing_to_come = sa.or_(Visit.starts_at <= moment, Visit.state == "cancelled")
    return _held().where(nothing_to_come, Visit.state != "postponed")


def held_before(space_id: int) -> int:
    """How many approved answers wait for the day of a visit."""
    held = _held().where(Visit.space_id == space_id).subquery()
    return api.db.session.scalar(sa.select(sa.func.count()).select_from(held)) or 0


def _held() -> sa.Select[int]:
    """Those approved for the day; what moderators hide, or its question, waits to be shown again."""
    text = aliased(api.Entry)
    rows = sa.select(Casework.entry_id).join(Visit, Visit.space_id == Casework.space_id)
    rows = rows.join(Question, Question.entry_id == Casework.entry_id)
    rows = rows.join(api.Entry, api.Entry.id == Casework.entry_id)
    rows = rows.join(Answer, Answer.question_id == Casework.entry_id).join(text, text.id == Answer.entry_id)
    rows = rows.where(Casework.held, Casework.answer == "approved", Question.triage == "accepted")
    return rows.where(text.state == "pending", api.Entry.state == "published")


def is_held(work: Casework | None) -> bool:
    """Whether an answer is approved, to be published on the day of the visit."""
    return work is not None and work.held and work.answer == "approved"


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


def keep(
    case: Case, body: str, version: int, drafter: int | None = None, byline: str = "", done: bool = True
) -> api.Entry:
    """Keep a draft inside a write; who writes its words, or other words over them, is its drafter.

    Who changes less than half of what another drafted, one of them an official, corrects it: once, and named.
    `drafter` and `byline` say who writes, where it is not the viewer. Until it is published its words are
    nobody's own, so that they change here alone. Saved where these words and all they ask for are `done`.
    """
    person, byline = drafter or api.viewer().id, byline or _("The team of the visit")
    answer, entry = answer_of(case.entry.id)
    newer = version != (entry.version if entry else 0)
    if entry is not None and newer and _is_saved(case.casework, entry, body, person):
        if done:
            raise Saved(_("What you wrote is saved already, as it stands here."))
        newer = False  # what is asked now, of these very words, is not
    begun = case.casework is not None and case.casework.answer in BLANK
    states.move(case, "answer", "draft")
    if newer:
        raise api.Refused(_("A colleague has changed the draft in the meantime. Compare it with yours."))
    rewritten = entry is not None and entry.body.split() != body.split()
    if entry is not None and rewritten and not begun and _corrects(case, entry.body, body):
        case.casework.corrected_by = api.viewer().id
    elif begun or entry is None or rewritten:
        case.casework.drafted_by, case.casework.corrected_by = person, None
    if answer is None or entry is None:
        said: dict[str, Any] = {"parent": case.entry, "author_id": None, "byline": byline, "confirmed": True}
        entry = api.publish(case.space, body, kind="visits.answer", state="pending", **said)
        api.db.session.add(Answer(entry_id=entry.id, question_id=case.entry.id))
    elif entry.body != body:
        if entry.state == "hidden":
            _begin_anew(entry)
        api.change_entry(entry, body=body, confirmed=True)
    entry.author_id, entry.byline = None, byline
    return entry


def _is_saved(work: Casework, entry: api.Entry, body: str, person: int | None) -> bool:
    """Whether these very words stand as this person, or their department by its link, has written them."""
    approved = work.approved_by if work.answer in ("approved", "published") else work.drafted_by
    return entry.body.split() == body.split() and person in (work.drafted_by, work.corrected_by, approved)


def _begin_anew(entry: api.Entry) -> None:
    """Let what is written over words that moderators hid be a draft as any other, without a past."""
    api.set_audience(entry, team_only=True)
    entry.state, entry.published_at, entry.edited_at = "pending", None, None


def is_own(case: Case, entry: api.Entry | None, body: str) -> bool:
    """Whether this text, over the draft that stands, is the viewer's own, which another must approve."""
    if teams.approves_own(case.space.id):
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
    officials = teams.team_ids(case.space.id, "official")
    one_is = api.can("visits.publish", case.space) or work.drafted_by in officials
    return one_is and mostly_stays(before, after)


def follow_moderation(entry: api.Entry, change: str) -> None:
    """Keep the question in step with what moderation has done to its answer; inside a write.

    Staff moderate too who are not on the team of the visit: what they did holds for the question as well.
    An answer that was approved for the day with words that are taken out now is to be approved anew.
    """
    verb = {"hidden": "retract", "restored": "restore", "removed": "discard"}.get(change)
    if entry.parent_id is None or (verb is None and change != "redacted"):
        return
    with api.as_system("who moderates there need not be on the team"):
        asked = api.db.session.get(api.Entry, entry.parent_id)
        if asked is not None and verb is None:
            _ask_again(states.case_of(asked, api.get_or_404(api.Space, entry.space_id)))
        elif asked is not None and verb is not None:
            _follow(states.case_of(asked, api.get_or_404(api.Space, entry.space_id)), entry, verb)


def _ask_again(case: Case) -> None:
    if is_held(case.casework):
        for verb in ("draft", "submit"):
            states.move(case, "answer", verb)


def _follow(case: Case, entry: api.Entry, verb: str) -> None:
    stands = case.casework.answer if case.casework else "none"
    if verb == "restore" and (entry.state != "published" or stands != "approved"):
        if entry.state == "published":  # it was drafted anew meanwhile, and nobody has approved that
            entry.state, entry.private, entry.team_only = "pending", True, True
    elif stands in states.TABLE["answer", verb].sources:
        states.move(case, "answer", verb)
        case.question.answered_at = entry.published_at if verb == "restore" else None


def answer_of(question_id: int) -> tuple[Answer, api.Entry] | tuple[None, None]:
    """The answer to a question with its entry, as far as the viewer may read it."""
    rows = sa.select(Answer, api.Entry).join(api.Entry, api.Entry.id == Answer.entry_id)
    found = api.db.session.execute(rows.where(Answer.question_id == question_id)).one_or_none()
    return (found[0], found[1]) if found else (None, None)


def _publish(case: Case, entry: Any) -> None:
    """Publish an answer as who approved it, or the town where they have left since."""
    states.move(case, "answer", "publish")
    case.casework.held = False
    entry.author_id = case.casework.approved_by
    entry.byline = None if entry.author_id else _("The town")
    letters.tell_answered(case.entry, entry, reads.group_of(case.question))
    api.release(entry)
    case.question.answered_at = api.now()
