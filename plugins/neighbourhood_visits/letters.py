"""What people are told: authors, supporters and officials hear what became of a question or a visit."""

import datetime as dt
import secrets
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import lazy_gettext as _

from . import reads, teams
from .collect import receipts
from .models import Asker, Casework, Question, Visit, grouped_with, public_questions
from .show import called_off, date, draw, hours

PAUSE = dt.timedelta(seconds=60)  # a decision is told when there was time to take it back
AUTHOR, ASKERS, OFFICIALS = "its author", "all who asked or support", "the officials of the visit"
COORDINATORS = "the coordinators of the visit, else its team"
AUDIENCES = {
    "received": AUTHOR,
    "accepted": AUTHOR,
    "rejected": AUTHOR,
    "forwarded": AUTHOR,
    "private_case": AUTHOR,
    "grouped": AUTHOR,
    "to_approve": OFFICIALS,
    "report_to_approve": OFFICIALS,
    "returned": COORDINATORS,
    "done": ASKERS,
    "postponed": ASKERS,
    "rescheduled": ASKERS,
    "moved": ASKERS,
    "cancelled": ASKERS,
}
TRIAGE = frozenset({"accepted", "rejected", "forwarded", "private_case"})
TAKEN_BACK = TRIAGE | {"grouped"}  # what the queue can undo
WORK: dict[
    str, dict[str, set[str]]
] = {  # notices of work to do, each with the states of an answer or a visit in which it waits
    "answer": {
        "visits.to_approve": {"to_approve"},
        "visits.returned": {"none"},
        "visits.department_assigned": {"assigned", "drafted"},
        "visits.department_overdue": {"assigned", "drafted"},
        "visits.overdue": {"none", "assigned", "drafted", "to_approve"},
    },
    "visit": {"visits.report_to_approve": {"reporting"}},
    "triage": {"core.waits": set()},
}


def reason(entry_id: int) -> str:
    """Why a question was not accepted, as its author may read it."""
    question = api.db.session.get(Question, entry_id)
    if question is None:
        return ""
    return (
        f"{question.forwarded_to}\n\n{question.reason}".strip() if question.forwarded_to else question.reason
    )


def given_back(entry_id: int) -> str:
    """Which department gave a request back last and why, for the team, in whose note it stands."""
    casework = api.db.session.get(Casework, entry_id)
    names = tuple(row.name for row in teams.departments())
    parts = casework.note.split("\n\n") if casework and names else []
    return next((part for part in reversed(parts) if part.startswith(names)), "")


def acknowledged(entry_id: int) -> str:
    """What an acknowledgement by mail says: who is in charge, until when to wait, and the code."""
    return draw("visits/collect/received.txt", receipt=receipts.receipt(entry_id)).strip()


def when_and_where(once: str) -> str:
    """When and where the visit that a notice is about takes place by now."""
    visit = api.db.session.get(Visit, int(once.rpartition(":")[2]))
    return (
        ""
        if visit is None or visit.off
        else f"{date(visit.starts_at)}, {hours(visit)}, {visit.meeting_point}"
    )


def why_off(once: str) -> str:
    """Why the visit that a notice is about is postponed or cancelled, and what becomes of the questions."""
    visit = api.db.session.get(Visit, int(once.rpartition(":")[2]))
    return "" if visit is None or not visit.off else f"{visit.reason}\n\n{called_off(visit)}"


NOTICE_TYPES = (
    api.NoticeType(
        "visits.received",
        _("My question before a visit has arrived"),
        _("Your question has arrived: “%(title)s”. The team of the visit reads it."),
        "at_once",
        detail=acknowledged,
    ),
    api.NoticeType(
        "visits.accepted",
        _("My question before a visit is public"),
        _("Your question has been accepted: “%(title)s”. Everybody can read it and support it."),
        "at_once",
    ),
    api.NoticeType(
        "visits.rejected",
        _("My question before a visit is not accepted"),
        _("Your question has not been accepted: “%(title)s”. Only you and the team can see it."),
        "at_once",
        detail=reason,
    ),
    api.NoticeType(
        "visits.forwarded",
        _("My question before a visit is forwarded"),
        _("Your question has been forwarded to the body in charge: “%(title)s”."),
        "at_once",
        detail=reason,
    ),
    api.NoticeType(
        "visits.private_case",
        _("My question before a visit is dealt with in private"),
        _("Your question is dealt with between you and the team: “%(title)s”. It is not public."),
        "at_once",
    ),
    api.NoticeType(
        "visits.grouped",
        _("My question before a visit is grouped with similar ones"),
        _("Your question is answered together with similar ones: “%(title)s”. It stays readable as it is."),
        "at_once",
    ),
    api.NoticeType(
        "visits.answered",
        _("A question that I asked or support has its answer"),
        _("The answer is published: “%(title)s”"),
        "at_once",
    ),
    api.NoticeType(
        "visits.to_approve",
        _("An answer waits for my approval"),
        _("A draft answer waits for approval: “%(title)s”"),
        "at_once",
        permission="visits.publish",
        team=True,
    ),
    api.NoticeType(
        "visits.returned",
        _("A department says that a request is not its own"),
        _("A department says that a request is not its own: “%(title)s”. Assign it anew."),
        "at_once",
        detail=given_back,
        permission="visits.review",
        team=True,
    ),
    api.NoticeType(
        "visits.report_to_approve",
        _("The report of a visit waits for my approval"),
        _("A report waits for approval: %(space)s"),
        "at_once",
        url="/visits/next#reports",
        permission="visits.publish",
        team=True,
    ),
    api.NoticeType(
        "visits.department_assigned",
        _("A request is assigned to my department"),
        _("A request is assigned to your department: “%(title)s”"),
        "at_once",
        url="/visits/department",
        permission="core.staff",
    ),
    api.NoticeType(
        "visits.department_overdue",
        _("An answer of my department is overdue"),
        _("The answer of your department is overdue: “%(title)s”"),
        "at_once",
        url="/visits/department",
        permission="core.staff",
    ),
    api.NoticeType(
        "visits.overdue",
        _("A question of a visit that I coordinate is not answered in time"),
        _("No answer in time, although its department was reminded: “%(title)s”"),
        "at_once",
        permission="visits.review",
        team=True,
    ),
    api.NoticeType(
        "visits.done",
        _("A promise about a question of mine is said to be kept"),
        _("The town says that its promise is kept: “%(title)s”. Is it? Say so on the page of promises."),
        "at_once",
    ),
    api.NoticeType(
        "visits.due_soon",
        _("A promise of my department comes due within a week"),
        _("A promise comes due within a week: “%(title)s”"),
        "at_once",
        url="/visits/promises",
        permission="core.staff",
    ),
    api.NoticeType(
        "visits.late",
        _("A promise of my department is late"),
        _("A promise is late: “%(title)s”. Say what becomes of it."),
        "at_once",
        url="/visits/promises",
        permission="core.staff",
    ),
    api.NoticeType(
        "visits.contested",
        _("Somebody says that a promise of my department is not kept"),
        _("Somebody who asked or supports the question says that the promise is not kept: “%(title)s”"),
        "at_once",
        url="/visits/promises",
        permission="core.staff",
    ),
    api.NoticeType(
        "visits.kept",
        _("The date of a promise about a question of mine has passed by thirty days"),
        _("The date of this promise passed thirty days ago: “%(title)s”. Has it been kept?"),
        "at_once",
        url="/visits/promises",
    ),
    api.NoticeType(
        "visits.postponed",
        _("A visit that I asked about is postponed"),
        _("The visit is postponed: %(space)s"),
        "at_once",
        detail=why_off,
    ),
    api.NoticeType(
        "visits.rescheduled",
        _("A visit that I asked about has another date"),
        _("The visit has a new date: %(space)s"),
        "at_once",
        detail=when_and_where,
    ),
    api.NoticeType(
        "visits.moved",
        _("A visit that I asked about has another date, hour or meeting point"),
        _("The date, the hour or the meeting point has changed: %(space)s"),
        "at_once",
        detail=when_and_where,
    ),
    api.NoticeType(
        "visits.cancelled",
        _("A visit that I asked about is cancelled"),
        _("The visit is cancelled: %(space)s"),
        "at_once",
        detail=why_off,
    ),
)


def untell(thing: str, state: str, **about: Any) -> None:
    """Take back what told of work that a thing in this state no longer asks for, inside a write."""
    done = [name for name, states in WORK.get(thing, {}).items() if state not in states]
    if done:
        api.untell(*done, **about)


def tell_department(question_id: int, what: str) -> None:
    """Have the department of a question told of it, once there was time to take that back."""
    once = f"visits.tell_department {what} {question_id}"  # whoever it is assigned to by then is told, once
    api.enqueue("visits.tell_department", PAUSE, once, question_id=question_id, what=what)


def tell(what: str, space_id: int, question_id: int | None = None) -> None:
    """Have people told what became of a question or a visit, inside a write."""
    delay = PAUSE if what in TAKEN_BACK else None
    once = f"visits.{what} {space_id} {question_id}"
    api.enqueue("visits.tell", delay, once, what=what, space_id=space_id, question_id=question_id)


def tell_people(what: str, space_id: int, question_id: int | None) -> None:
    """Job: give the notice to whom it concerns, unless the decision was taken back since, or the question."""
    with api.as_system("tell what became of a question"), api.write() as session:
        space = session.get(api.Space, space_id)
        entry = session.get(api.Entry, question_id) if question_id else None
        if space is None or (question_id and entry is None):
            return
        if what in TRIAGE and session.get(Question, question_id).triage != what:
            return
        if what == "grouped" and not reads.group_of(session.get(Question, question_id)):
            return
        public = public_questions().where(Question.entry_id == question_id)
        if what == "done" and session.scalar(public) is None:
            return
        waits = WORK["answer"].get(f"visits.{what}")
        if waits and session.get(Casework, question_id).answer not in waits:
            return
        if what == "report_to_approve" and session.get(Visit, space_id).state != "reporting":
            return
        about: Any = {"entry": entry}
        if entry is None:
            about = {"space": space, "once": f"{what}:{secrets.token_hex(8)}:{space_id}"}
        api.notify(f"visits.{what}", sorted(_people(what, space_id, entry)), **about)


def tell_answered(entry: api.Entry, answer: api.Entry, together: list[int]) -> None:
    """Give who asked or supports a question, or one grouped with it, its answer, in the core's place."""
    people = sorted(askers([entry.id, *together]))
    api.notify("visits.answered", people, entry=answer, once=f"entry:{answer.id}")


def askers_of(question_id: int) -> set[int]:
    """Who asked or supports a question, or one of its group: what is promised concerns them all."""
    together = sa.select(Question.entry_id).where(grouped_with(question_id))
    with api.as_system("know whom a promise concerns"):
        return askers(list(api.db.session.scalars(together)))


def askers(question_ids: list[int]) -> set[int]:
    """Who asked or supports these questions, each once."""
    authors = sa.select(api.Entry.author_id).where(
        api.Entry.id.in_(question_ids), api.Entry.author_id.is_not(None)
    )
    unnamed = sa.select(Asker.user_id).where(Asker.entry_id.in_(question_ids))
    voices = sa.select(api.Support.user_id).where(api.Support.entry_id.in_(question_ids))
    with api.as_system("know whom an answer concerns"):
        return set(api.db.session.scalars(sa.union(authors, unnamed, voices)))


def _drafter(entry: api.Entry | None) -> set[int | None]:
    """Who wrote the answer to a question, where another must approve it."""
    if entry is None or api.settings("neighbourhood_visits")["one_person_approves"]:
        return set()
    return {api.db.session.scalar(sa.select(Casework.drafted_by).where(Casework.entry_id == entry.id))}


def _people(what: str, space_id: int, entry: api.Entry | None) -> set[int]:
    if AUDIENCES[what] == COORDINATORS:
        return teams.who_coordinates(space_id)
    if AUDIENCES[what] == OFFICIALS:
        officials = sa.select(api.Membership.user_id).where(
            api.Membership.space_id == space_id, api.Membership.team, api.Membership.role == "official"
        )
        return set(api.db.session.scalars(officials)) - _drafter(entry)
    if entry is None:
        asked = sa.select(api.Entry.id).where(
            api.Entry.space_id == space_id, api.Entry.kind == "visits.question"
        )
        return askers(list(api.db.session.scalars(asked)))
    if AUDIENCES[what] == ASKERS:
        return askers_of(entry.id)
    author = entry.author_id or reads.asker(entry.id)
    return set() if author is None else {author}
