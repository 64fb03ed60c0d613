"""What people do: announce a visit, ask, accept or reject, draft and publish an answer."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm.attributes import flag_modified

from core import api
from core.api import gettext as _

from . import letters, reads
from .models import Answer, Casework, Question, Visit
from .steps import step

SOURCE = "visits"
EXECUTIVE = frozenset({"mayor", "deputy_mayor", "delegated_councillor"})


def may_announce(area_id: int | None = None, anywhere: bool = False) -> bool:
    """Whether the viewer announces visits in this area, or anywhere; a mere councillor doesn't."""
    return api.can("visits.announce", None if anywhere else api.Space(area_id=area_id))


@dataclass(frozen=True)
class Plan:
    """What is said of a visit when it is planned or changed."""

    name: str
    summary: str
    area_id: int | None
    details: Mapping[str, Any]
    officials: Iterable[int]
    agents: Iterable[int]


def plan_visit(plan: Plan) -> Visit:
    """A new visit, which its team alone sees until it is announced; who plans it is on the team."""
    if not may_announce(plan.area_id):
        raise api.Forbidden("visits.announce")
    person: Any = api.viewer()
    if person.role == "official":
        plan = replace(plan, officials={*plan.officials, person.id})
    with api.write() as session:
        space = api.create_space(
            "visits.visit",
            plan.name,
            visibility="hidden",
            joining="invite",
            summary=plan.summary,
            area_id=plan.area_id,
        )
        visit = Visit(space_id=space.id, **plan.details)
        session.add(visit)
        _set_team(space, plan, [person.id])
    return visit


def change_visit(visit: Visit, plan: Plan, version: int) -> None:
    """Other words, another date or another team for a visit; Refused when it changed since this version."""
    space = api.get_or_404(api.Space, visit.space_id)
    api.require("visits.manage", space)
    if plan.area_id != space.area_id and not may_announce(plan.area_id):
        raise api.Forbidden("visits.announce")
    with api.write():
        api.change_space(space, version, name=plan.name, summary=plan.summary, area_id=plan.area_id)
        flag_modified(space, "name")  # its version counts the changes of the whole visit
        for column, value in plan.details.items():
            setattr(visit, column, value)
        _set_team(space, plan, reads.team_ids(space.id, "coordinator"))
        api.emit(space, "visits.visit", space.id)


def _set_team(space: api.Space, plan: Plan, coordinators: Iterable[int]) -> None:
    team = dict.fromkeys(plan.agents, "agent") | dict.fromkeys(coordinators, "coordinator")
    team |= dict.fromkeys(plan.officials, "official")
    if not team:
        raise api.Refused(_("A visit needs at least one official or agent."))
    api.set_members(space, SOURCE, team)


def announce(visit: Visit) -> None:
    """Show a visit to everybody and take questions."""
    space = api.get_or_404(api.Space, visit.space_id)
    if not may_announce(space.area_id):
        raise api.Forbidden("visits.announce")
    with api.write():
        visit.state = step("visit", "announce", visit.state, space)
        api.change_space(space, visibility="public")


def close(visit: Visit) -> None:
    """Take no more questions, so that the visit can be prepared."""
    _turn(visit, "close")


def reopen(visit: Visit) -> None:
    """Take questions again, until the closing date at most."""
    _turn(visit, "reopen")


def _turn(visit: Visit, verb: str) -> None:
    with api.write():
        space = api.get_or_404(api.Space, visit.space_id)
        visit.state = step("visit", verb, visit.state, space)
        api.emit(space, "visits.visit", space.id)


def close_due() -> None:
    """Stop taking questions where the closing date has passed."""
    due = sa.update(Visit).where(Visit.state == "collecting", Visit.questions_close_at <= api.now())
    with api.as_system("close questions on time"), api.write() as session:
        session.execute(due.values(state="preparing"), execution_options={"synchronize_session": False})


def ask(
    visit: Visit,
    title: str,
    body: str = "",
    theme: str = "",
    place: str = "",
    contact: str = "",
    key: str | None = None,
    written_at: dt.datetime | None = None,
    confirmed: bool = False,
) -> api.Entry:
    """Submit a question before a visit; the team and its author alone see it until it is accepted."""
    space = api.get_or_404(api.Space, visit.space_id)
    api.require("visits.ask", space)
    if not visit.takes_questions(written_at or api.now()):
        raise api.Refused(_("This visit takes no more questions."))
    with api.write() as session:
        entry = api.publish(
            space,
            body,
            title=title,
            kind="visits.question",
            client_key=key,
            confirmed=confirmed,
        )
        if api.insert_once(Question, entry_id=entry.id, theme=theme, place=place):
            session.add(Casework(entry_id=entry.id, space_id=space.id, contact=contact))
    return entry


def accept(question_id: int, version: int | None = None) -> None:
    """Show a question to everybody; what its author and the team said about it until now stays theirs.

    `version` is what the team looked at: Refused when its author changed it since.
    """
    with api.write():
        entry, question, space = _held(question_id)
        question.triage = step("question", "accept", question.triage, space)
        question.reason = ""
        _casework(question_id).triaged_by = api.viewer().id
        api.release(entry, version=version)
        letters.tell("accepted", entry)


def reject(question_id: int, reason: str) -> None:
    """Keep a question from the public; its author reads the reason."""
    with api.write():
        entry, question, space = _held(question_id)
        if question.answered_at is not None:
            raise api.Refused(_("This question has a published answer, so it stays public."))
        public = question.triage == "accepted"
        question.triage = step("question", "reject", question.triage, space)
        question.reason = reason
        _casework(question_id).triaged_by = api.viewer().id
        if public:
            api.set_audience(entry, team_only=True, reader_id=entry.author_id)
        letters.tell("rejected", entry)


def keep_note(question_id: int, note: str) -> None:
    """Keep a note on a question that its team alone reads."""
    with api.write():
        _entry, _question, space = _held(question_id)
        api.require("visits.review", space)
        _casework(question_id).note = note


def draft_answer(question_id: int, body: str, version: int) -> api.Entry:
    """Keep a draft for the team; `version` is that of the draft it was written over, 0 for none."""
    with api.write():
        entry, question, space = _held(question_id)
        return _draft(entry, question, space, body, version)[1]


def publish_answer(question_id: int, body: str, version: int) -> api.Entry:
    """Publish this text as the answer, in the name of the official who publishes it."""
    with api.write():
        entry, question, space = _held(question_id)
        answer, draft = _draft(entry, question, space, body, version)
        answer.state = step("answer", "publish", answer.state, space)
        draft.author_id = api.viewer().id
        letters.tell("answered", entry, draft)
        api.release(draft)
        question.answered_at = api.now()
    return draft


def notice_answer(entry: api.Entry, change: str) -> None:
    """Keep the question in step with what the core's moderation does to its answer; inside a write."""
    question = api.db.session.get(Question, entry.parent_id)
    if question is not None and change in ("hidden", "removed"):
        question.answered_at = None
    elif question is not None and change == "restored":
        question.answered_at = entry.published_at


def _draft(
    entry: api.Entry, question: Question, space: api.Space, body: str, version: int
) -> tuple[Answer, api.Entry]:
    answer, draft = answer_of(question.entry_id)
    state = step("answer", "draft", answer.state if answer else "none", space)
    if question.triage != "accepted":
        raise api.Refused(_("Accept the question first, then answer it."))
    if version != (draft.version if draft else 0):
        raise api.Refused(_("A colleague has changed the draft in the meantime. Compare it with yours."))
    if answer is None or draft is None:
        draft = api.publish(space, body, kind="visits.answer", parent=entry, confirmed=True)
        answer = Answer(entry_id=draft.id, question_id=question.entry_id, state=state)
        api.db.session.add(answer)
    elif draft.body != body:
        api.change_entry(draft, body=body, confirmed=True)
    return answer, draft


def answer_of(question_id: int) -> tuple[Answer, api.Entry] | tuple[None, None]:
    """The answer to a question with its entry, as far as the viewer may read it."""
    rows = sa.select(Answer, api.Entry).join(api.Entry, api.Entry.id == Answer.entry_id)
    found = api.db.session.execute(rows.where(Answer.question_id == question_id)).one_or_none()
    return (found[0], found[1]) if found else (None, None)


def _held(question_id: int) -> tuple[api.Entry, Question, api.Space]:
    """A question, held until the write ends: of two people at once, the second sees what the first did."""
    entry = api.get_or_404(api.Entry, question_id)
    space = api.db.session.scalars(api.lock(sa.select(api.Space).where(api.Space.id == entry.space_id))).one()
    api.db.session.expire(entry)
    return entry, api.get_or_404(Question, question_id), space


def _casework(question_id: int) -> Casework:
    row: Casework = api.get_or_404(Casework, question_id)
    return row
