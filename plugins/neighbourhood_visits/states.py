"""The states of a visit and of all in it, and the only ways between them: one table, and what follows it."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import lazy_gettext as _

from . import letters, reads, teams
from .follow import steps
from .models import Casework, Commitment, Question, Visit, grouped_with, pledged
from .report import gaps
from .report.models import Minutes
from .triage import groups

DELAY = dt.timedelta(days=30)  # after a promise's date askers say themselves whether it is kept
REPORTED = frozenset({"published", "follow_up", "archived"})
HOLDERS = {
    "visit": ("visit", "state"),
    "triage": ("question", "triage"),
    "answer": ("casework", "answer"),
    "discussion": ("question", "discussion"),
    "outcome": ("question", "outcome"),
    "commitment": ("commitment", "state"),
}


@dataclass
class Case:
    """What a verb concerns, with what was said: a visit, or one question or commitment of it."""

    space: api.Space
    visit: Any = None
    entry: Any = None
    question: Any = None
    casework: Any = None
    commitment: Any = None
    by_code: bool = False
    keeps: bool | None = None  # whether whoever shows a code keeps the promise, where that was asked before
    said: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Guard:
    """What must hold beside the state; where it doesn't, the refusal is told, or it is not theirs to do.

    Where one that `hides` doesn't hold, the verb is not offered either.
    """

    says: str
    holds: Callable[[Case], bool]
    refusal: Any = None
    hides: bool = False


@dataclass(frozen=True)
class Transition:
    """A verb that leads from some states to another, for those with the permission, where the guards hold."""

    thing: str
    verb: str
    sources: frozenset[str]
    target: str
    role: str
    guards: tuple[Guard, ...]
    notice: str
    label: Any


def _asked_or_supported(case: Case) -> bool:
    """Whether the viewer wrote the question that this is about, or one of its group, supports it, or has
    shown its code.
    """
    if case.by_code:
        return True
    person, ident = api.viewer().id, case.commitment.question_id
    if person is None or ident is None:
        return False
    about = grouped_with(ident), reads.concerns(person)
    return api.db.session.scalar(sa.select(Question.entry_id).where(*about).limit(1)) is not None


def _not_keeper(case: Case) -> bool:
    """Whether the viewer could not say themselves that a promise is done."""
    return not (may_claim(case) if case.keeps is None else case.keeps)


def may_claim(case: Case) -> bool:
    """Whether the viewer may say that a promise is done, in any state of it."""
    return _may(TABLE["commitment", "claim"], case)


def _not_said(case: Case) -> bool:
    """Whether nobody has contested a promise since its askers were last asked, and nothing came after."""
    last = steps.last(case.commitment.id)
    asked = case.commitment.due_on + DELAY
    return last is None or last.verb != "contest" or last.at.astimezone(api.town_zone()).date() < asked


def _unpromised(case: Case) -> bool:
    """Whether nothing was ever promised about a question."""
    found = sa.select(Question.entry_id).where(Question.entry_id == case.entry.id, pledged())
    return api.db.session.scalar(found) is None


def _another(case: Case) -> bool:
    return case.casework.drafted_by != api.viewer().id or teams.approves_own(case.space.id)


def _not_the_writer(case: Case) -> bool:
    minutes = api.db.session.get(Minutes, case.space.id)
    other = minutes is None or minutes.drafted_by != api.viewer().id
    return other or teams.approves_own(case.space.id)


REASON = Guard("a reason is given", lambda case: bool(case.said.get("reason")), _("Write the reason."))
BODY = Guard("the body is named", lambda case: bool(case.said.get("to")), _("Say to whom it is forwarded."))
OWN = Guard("by its author, or by its code", lambda case: case.by_code or reads.asked(case.entry), hides=True)
ASKER = Guard("by who asked or supports the question, or by its code", _asked_or_supported, hides=True)
ASKED = Guard(
    "it is said to be done, or its date is thirty days past",
    lambda case: (
        case.commitment.state in ("done_claimed", "confirmed")
        or case.commitment.due_on + DELAY <= api.now().astimezone(api.town_zone()).date()
    ),
    _("This commitment has moved on in the meantime. Look at it again."),
    hides=True,
)
NOT_SAID = Guard(
    "nobody has said so since they were asked",
    _not_said,
    _("This commitment has moved on in the meantime. Look at it again."),
    hides=True,
)
NOT_KEEPER = Guard(
    "by another than those who may say that it is done",
    _not_keeper,
    hides=True,
)
UNANSWERED = Guard(
    "no answer is published",
    lambda case: case.question.answered_at is None,
    _("This question has a published answer, so it stays public."),
    hides=True,
)
UNPROMISED = Guard(
    "nothing was ever promised about it",
    _unpromised,
    _(
        "The town has promised something about this question, so it stays public. "
        "A promise that will not be kept is given up publicly, with the reason."
    ),
    hides=True,
)
UNTOLD = Guard(
    "it is not accepted, or the report is not published",
    lambda case: case.question.triage != "accepted" or case.visit.state not in REPORTED,
    _(
        "The report of this visit is published, so its questions stay public. "
        "Words that nobody should read are taken out by moderation."
    ),
    hides=True,
)
UNCOUNTED = Guard(
    "the report that counts it is not published",
    lambda case: case.visit.state not in REPORTED,
    _(
        "The report of this visit is published and counts your question. "
        "To have your words taken out, ask the team, or delete your account with your words: "
        "they leave the report too."
    ),
    hides=True,
)
UNPUBLISHED = (UNANSWERED, UNPROMISED, UNTOLD)  # nothing is published about a question
ACCEPTED = Guard(
    "the question is accepted",
    lambda case: case.question.triage == "accepted",
    _("This question is not accepted, or no longer. Look at it again."),
)
OPEN = Guard(
    "the question is to be read, or accepted",
    lambda case: case.question.triage in ("submitted", "contested", "accepted"),
    _("This question is not accepted, or no longer. Look at it again."),
    hides=True,
)
UNREPORTED = Guard(
    "the report is not published",
    lambda case: case.visit.state not in REPORTED,
    _("The report of this visit is published, so what became of its questions stays as it says."),
    hides=True,
)
ANOTHER = Guard(
    "by somebody else than the drafter, unless nobody else could or the setting allows it",
    _another,
    _("Somebody else than who drafted this answer must approve it."),
)
NOT_THE_WRITER = Guard(
    "by another than who wrote the minutes, unless nobody else could or the setting allows it",
    _not_the_writer,
    _("Somebody else than who wrote the minutes must approve the report."),
)
CHOSEN = Guard(
    "no choice waits in the notes of the field",
    lambda case: not gaps.lacks(case.space.id, "choices"),
    _("First choose what holds where the notes of the visit differ."),
)
OWNED = Guard(
    "every promise has an owner and a date",
    lambda case: not gaps.lacks(case.space.id, "promises"),
    _("First say of every promise who keeps it and until when."),
)
PROMISED = Guard(
    "its owner and date are said",
    lambda case: gaps.promised(case.entry.id),
    _("It is a promise once you say who keeps it and until when."),
)
UNBOUND = Guard(
    "no promise about it stands",
    lambda case: not gaps.promised(case.entry.id),
    _(
        "A promise about this question stands, and says what becomes of it. "
        "If it will not be kept, give it up publicly first, with the reason."
    ),
    hides=True,
)
IN_TIME = Guard(
    "before the last day to ask is over",
    lambda case: case.visit.questions_close_at > api.now(),
    _("The last day to ask is over: choose another first."),
)
ANOTHER_DATE = Guard(
    "another date is given, which is to come",
    lambda case: api.now() < case.said.get("starts_at", api.now()) != case.visit.starts_at,
    _("Give another date, which is to come."),
)

PLACED = Guard(
    "the meeting point is known",
    lambda case: bool(case.visit.meeting_point),
    _("Say first where people meet."),
)

MOVED = {
    "visit": _("This visit has moved on in the meantime. Look at it again."),
    "triage": _("A colleague has dealt with this question in the meantime. Look at it again."),
    "answer": _("This question has been answered in the meantime. Read the answer below."),
    "discussion": _("This visit has moved on in the meantime. Look at it again."),
    "outcome": _("A colleague has dealt with this question in the meantime. Look at it again."),
    "commitment": _("This commitment has moved on in the meantime. Look at it again."),
}
_OUTCOMES = "none settled committed refused needs_study not_competent information_given"


def _way(
    thing: str, verb: str, sources: str, target: str, role: str, label: Any, *guards: Guard, notice: str = ""
) -> Transition:
    return Transition(thing, verb, frozenset(sources.split()), target, role, guards, notice, label)


def _outcome(verb: str, target: str, label: Any, *guards: Guard) -> Transition:
    sources = _OUTCOMES.replace(target, "")
    return _way("outcome", verb, sources, target, "visits.conclude", label, ACCEPTED, UNREPORTED, *guards)


TRANSITIONS = (
    _way("visit", "announce", "draft", "announced", "visits.announce", _("Announce the visit"), PLACED),
    _way("visit", "open", "announced preparing", "collecting", "visits.manage", _("Take questions"), IN_TIME),
    _way("visit", "close", "collecting", "preparing", "visits.manage", _("Stop taking questions")),
    _way("visit", "finish", "preparing", "ready", "visits.manage", _("Everything is prepared")),
    _way("visit", "resume", "ready", "preparing", "visits.manage", _("Prepare further")),
    _way("visit", "begin", "ready", "in_progress", "visits.manage", _("The visit begins")),
    _way("visit", "end", "in_progress", "reporting", "visits.manage", _("The visit is over")),
    _way(
        "visit",
        "publish",
        "reporting",
        "published",
        "visits.publish",
        _("Publish what came of it"),
        NOT_THE_WRITER,
        CHOSEN,
        OWNED,
    ),
    _way("visit", "follow", "published", "follow_up", "visits.manage", _("Follow up the promises")),
    _way("visit", "archive", "follow_up", "archived", "visits.manage", _("Close the file")),
    _way(
        "visit",
        "postpone",
        "announced collecting preparing ready",
        "postponed",
        "visits.manage",
        _("Postpone the visit"),
        REASON,
        notice="postponed",
    ),
    _way(
        "visit",
        "reschedule",
        "postponed",
        "announced",
        "visits.manage",
        _("Announce the new date"),
        ANOTHER_DATE,
        notice="rescheduled",
    ),
    _way(
        "visit",
        "cancel",
        "draft announced collecting preparing ready postponed",
        "cancelled",
        "visits.manage",
        _("Cancel the visit"),
        REASON,
        notice="cancelled",
    ),
    _way(
        "triage",
        "accept",
        "submitted rejected forwarded contested",
        "accepted",
        "visits.review",
        _("Accept"),
        notice="accepted",
    ),
    _way(
        "triage",
        "reject",
        "submitted accepted contested",
        "rejected",
        "visits.review",
        _("Don’t accept"),
        REASON,
        *UNPUBLISHED,
        notice="rejected",
    ),
    _way(
        "triage",
        "forward",
        "submitted accepted contested",
        "forwarded",
        "visits.review",
        _("Forward"),
        BODY,
        *UNPUBLISHED,
        notice="forwarded",
    ),
    _way(
        "triage",
        "divert",
        "submitted accepted contested",
        "private_case",
        "visits.review",
        _("Private case"),
        *UNPUBLISHED,
        notice="private_case",
    ),
    _way(
        "triage",
        "reconsider",
        "accepted rejected forwarded private_case",
        "submitted",
        "visits.review",
        _("Undo"),
        *UNPUBLISHED,
    ),
    _way(
        "triage",
        "withdraw",
        "submitted accepted rejected forwarded contested private_case",
        "withdrawn",
        "visits.ask",
        _("Withdraw my question"),
        OWN,
        UNANSWERED,
        UNPROMISED,
        UNCOUNTED,
    ),
    _way("triage", "contest", "rejected", "contested", "visits.ask", _("Contest"), OWN, REASON),
    _way("answer", "assign", "none assigned", "assigned", "visits.review", _("Assign"), OPEN),
    _way("answer", "unassign", "assigned", "none", "visits.review", _("Undo the assignment")),
    _way(
        "answer",
        "return",
        "assigned",
        "none",
        "visits.review",
        _("Not for this department"),
        ACCEPTED,
        REASON,
        notice="returned",
    ),
    _way(
        "answer",
        "draft",
        "none assigned drafted to_approve approved",
        "drafted",
        "visits.answer",
        _("Keep as a draft"),
        ACCEPTED,
    ),
    _way(
        "answer",
        "submit",
        "drafted",
        "to_approve",
        "visits.answer",
        _("Ask for approval"),
        ACCEPTED,
        notice="to_approve",
    ),
    _way(
        "answer",
        "approve",
        "drafted to_approve",
        "approved",
        "visits.publish",
        _("Approve"),
        ACCEPTED,
        ANOTHER,
    ),
    _way("answer", "publish", "approved", "published", "visits.publish", _("Publish the answer"), ACCEPTED),
    _way("answer", "retract", "published", "approved", "core.moderate", _("Hide the answer")),
    _way("answer", "restore", "approved", "published", "core.moderate", _("Show the answer again")),
    _way(
        "answer",
        "discard",
        "assigned drafted to_approve approved published",
        "none",
        "core.moderate",
        _("Remove the answer"),
    ),
    _way("discussion", "plan", "not_planned", "planned", "visits.conclude", _("To talk about"), ACCEPTED),
    _way("discussion", "drop", "planned", "not_planned", "visits.conclude", _("Not to talk about")),
    _way(
        "discussion",
        "discuss",
        "not_planned planned",
        "discussed",
        "visits.conclude",
        _("Talked about"),
        ACCEPTED,
    ),
    _outcome("settle", "settled", _("Settled"), UNBOUND),
    _outcome("commit", "committed", _("Promised"), PROMISED),
    _outcome("refuse", "refused", _("Refused"), UNBOUND, REASON),
    _outcome("study", "needs_study", _("To be studied"), UNBOUND, REASON),
    _outcome("decline", "not_competent", _("Not the town’s to decide"), UNBOUND, REASON),
    _outcome("inform", "information_given", _("Explained"), UNBOUND),
    _way("commitment", "start", "open", "in_progress", "visits.commit", _("Work has begun")),
    _way(
        "commitment",
        "claim",
        "open in_progress",
        "done_claimed",
        "visits.commit",
        _("It is done"),
        notice="done",
    ),
    _way(
        "commitment",
        "confirm",
        "open in_progress done_claimed",
        "confirmed",
        "visits.ask",
        _("Yes, it is done"),
        ASKER,
        NOT_KEEPER,
        ASKED,
    ),
    _way(
        "commitment",
        "contest",
        "open in_progress done_claimed confirmed",
        "in_progress",
        "visits.ask",
        _("No, it is not done"),
        ASKER,
        ASKED,
        NOT_SAID,
        REASON,
    ),
    _way(
        "commitment",
        "abandon",
        "open in_progress",
        "abandoned",
        "visits.commit",
        _("Abandon this promise"),
        REASON,
    ),
)
BY_DEPARTMENT = frozenset(
    {("answer", "draft"), ("answer", "submit"), ("answer", "return")}
)  # by an account or a signed link
FOLLOWS = {  # what a verb brings with it, whoever uses it
    ("visit", "begin"): "answers that are held: answer publish",
    ("visit", "end"): "answers that are held: answer publish",
    ("visit", "publish"): "answers that are held: answer publish",
    ("visit", "cancel"): "answers that are held: answer publish",
    ("answer", "assign"): "what is still to be read: triage accept",
    ("triage", "reconsider"): "an assignment that nobody has answered: answer unassign",
}
BY_OWNER = frozenset({("commitment", "start"), ("commitment", "claim")})  # of the promise, as well
TABLE = {(one.thing, one.verb): one for one in TRANSITIONS}


def move(case: Case, thing: str, verb: str, **said: Any) -> None:
    """Do what the verb says, inside a write; Forbidden or Refused where the table has no such way."""
    way = TABLE[thing, verb]
    if not _may(way, case):
        raise api.Forbidden(way.role)
    holder, column = HOLDERS[thing]
    row, case.said = getattr(case, holder), said
    for guard in way.guards:
        if not guard.holds(case):
            raise api.Refused(str(guard.refusal)) if guard.refusal else api.Forbidden(way.role)
    if getattr(row, column) not in way.sources:
        raise api.Refused(str(MOVED[thing]))
    setattr(row, column, way.target)
    if case.question is not None:
        case.question.moves += 1
    if thing == "triage":
        api.db.session.flush()
        groups.settle(case.entry.id)
    if thing in ("visit", "triage", "commitment"):  # whose moves change what the search finds
        api.reindex(case.entry or case.space)
    made = case.commitment.id if thing == "commitment" else None
    steps.record(case.entry and case.entry.id, thing, verb, said.get("reason", ""), made)
    about = {"entry_id": case.entry.id} if case.entry else {"space_id": case.space.id}
    letters.untell(thing, way.target, **about)
    if way.notice:
        letters.tell(way.notice, case.space.id, case.entry.id if case.entry else None)


def ways(case: Case, thing: str) -> list[Transition]:
    """The verbs that the viewer has from where this stands, but for those that a guard hides."""
    holder, column = HOLDERS[thing]
    state = getattr(getattr(case, holder), column)
    open_to = [one for one in TRANSITIONS if one.thing == thing and state in one.sources and _may(one, case)]
    return [one for one in open_to if hidden_by(case, one) is None]


def hidden_by(case: Case, way: Transition) -> Guard | None:
    """The first guard that hides a verb as this stands, if one does."""
    return next((guard for guard in way.guards if guard.hides and not guard.holds(case)), None)


def _may(way: Transition, case: Case) -> bool:
    """Whether this is the viewer's to do: by their place, or as who keeps the promise."""
    owns = (way.thing, way.verb) in BY_OWNER
    return api.can(way.role, case.space) or (owns and case.commitment.department_id in teams.departments_of())


def visit_case(space_id: int) -> Case:
    """A visit, held until the write ends: of two people at once, the second sees what the first did."""
    return Case(_hold(space_id), visit=api.get_or_404(Visit, space_id))


def question_case(question_id: int, moves: int | None = None) -> Case:
    """A question, held likewise; Refused when `moves` is what somebody saw and it has moved since."""
    entry = api.get_or_404(api.Entry, question_id)
    space = _hold(entry.space_id)
    api.db.session.expire(entry)
    case = case_of(entry, space)
    if moves is not None and moves != case.question.moves:
        raise api.Refused(str(MOVED["triage"]))
    return case


def case_of(entry: api.Entry, space: api.Space) -> Case:
    """The question that an entry is, as it stands."""
    question = api.get_or_404(Question, entry.id)
    casework = api.db.session.get(Casework, entry.id)
    return Case(space, api.get_or_404(Visit, space.id), entry, question, casework)


def commitment_case(commitment_id: int) -> Case:
    """A commitment, held likewise."""
    space = _hold(api.get_or_404(Commitment, commitment_id).space_id)
    row = api.get_or_404(Commitment, commitment_id)
    api.db.session.refresh(row)
    entry = api.db.session.get(api.Entry, row.question_id) if row.question_id else None
    return Case(space, api.get_or_404(Visit, space.id), entry, commitment=row)


def day_has_come(visit: Visit) -> bool:
    """Whether it is the day of a visit, or later."""
    return visit.starts_at.astimezone(api.town_zone()).date() <= api.town_today()


def takes_notes(visit: Visit) -> bool:
    """Whether something is noted on a visit: from when it begins, or from its day where all is prepared."""
    begun = visit.state in REPORTED | {"in_progress", "reporting"}
    return begun or (visit.state == "ready" and day_has_come(visit))


def _hold(space_id: int) -> api.Space:
    """The space of a visit, both read again: what is done next is judged by what stands."""
    both: Any = sa.select(api.Space, Visit).join(Visit, Visit.space_id == api.Space.id)
    held = api.lock(both.where(api.Space.id == space_id))
    space: api.Space = api.db.session.scalars(held).one_or_none() or api.get_or_404(api.Space, space_id)
    return space


def hold(space_ids: Any) -> None:
    """Hold visits, for whoever works on many at once; inside a write, before anything of theirs changes."""
    both: Any = sa.select(api.Space.id, Visit.space_id).join(Visit, Visit.space_id == api.Space.id)
    api.db.session.execute(api.lock(both.where(api.Space.id.in_(space_ids)).order_by(api.Space.id)))


def as_markdown() -> str:
    """The table as the documentation shows it."""
    head = ("thing", "verb", "from", "to", "who", "if", "told", "brings with it")
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for one in TRANSITIONS:
        sources = ", ".join(f"`{state}`" for state in sorted(one.sources))
        told = letters.AUDIENCES[one.notice] if one.notice else ""
        guards = "; ".join(guard.says for guard in one.guards)
        who = f"`{one.role}`" + (" or its department" if (one.thing, one.verb) in BY_DEPARTMENT else "")
        who += " or staff who moderate there" if one.role == "core.moderate" else ""
        who += " or who keeps it" if (one.thing, one.verb) in BY_OWNER else ""
        brings = FOLLOWS.get((one.thing, one.verb), "")
        cells = (one.thing, one.verb, sources, f"`{one.target}`", who, guards, told, brings)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
