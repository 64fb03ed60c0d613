"""A walk through the states of a visit: the doors that people try, and what the table lets them do."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from core.access import permissions
from core.db import db, write
from core.models import Entry, Space
from core.spaces.actions import set_members
from plugins.neighbourhood_visits.assigned import links
from plugins.neighbourhood_visits.assigned.models import DepartmentLink
from plugins.neighbourhood_visits.collect import codes
from plugins.neighbourhood_visits.field.models import Note
from plugins.neighbourhood_visits.models import (
    Casework,
    Commitment,
    Department,
    DepartmentMember,
    Question,
    Visit,
)
from plugins.neighbourhood_visits.plan.models import StopQuestion
from plugins.neighbourhood_visits.report.models import Minutes
from plugins.neighbourhood_visits.states import BY_DEPARTMENT, BY_OWNER, FOLLOWS, REPORTED, TABLE, TRANSITIONS

from .conftest import today

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.test import TestResponse

    from core.testing import Browser

    from .conftest import Scene

MEMBERS = {
    "mayor": "official",
    "deputy": "official",
    "substitute": "official",
    "agent": "agent",
    "scribe": "scribe",
}
TEAM = {"official", "agent"}
PEOPLE = (
    *MEMBERS,
    "worker",
    "opposition",
    "mayor2",
    "agent2",
    "admin",
    "resident",
    "neighbour",
    None,
)
OFFICES = {"mayor", "deputy", "substitute", "agent", "worker", "admin"}
STAFF = {"worker", "scribe", "admin"}  # who moderate in what is public, the team apart
THINGS = ("visit", "triage", "answer", "discussion", "outcome", "commitment")
BLANK = ("none", "assigned")
WAYS = [(way.thing, way.verb) for way in TRANSITIONS]
ANSWER = "In March."


@dataclass(frozen=True)
class Door:
    """A form that leads along ways of the table, in their turn; `gives` is what it holds for their guards.

    The ways that may be `passed_by` are gone or not; of `either` one is.
    """

    name: str
    ways: tuple[tuple[str, str], ...]
    form: Callable[[Walk], tuple[str, dict[str, Any]]]
    passed_by: frozenset[tuple[str, str]] = frozenset()
    gives: frozenset[str] = frozenset({"reason", "body"})
    either: bool = False


@dataclass(frozen=True)
class Sent:
    """What was sent through a door, so that it can be sent again."""

    door: Door
    name: str | None
    url: str
    fields: dict[str, Any]
    gives: frozenset[str]


def team_up(scene: Scene) -> dict[str | None, Browser]:
    """Browsers of all who walk; the deputy is absent, and the substitute approves in their place."""
    executive = {"mandate": "delegated_councillor", "area_id": scene.commune}
    scene.town.person("substitute", "official", **executive)
    for name in ("scribe", "worker"):
        scene.town.person(name, "agent", area_id=scene.commune)
    told = scene.browser("deputy").submit(
        "/visits/delegate",
        delegate=str(scene.town.person("substitute")),
        begins=str(today()),
        ends=str(today() + dt.timedelta(days=5)),
    )
    assert told.status_code == 302, told.text
    return {name: scene.browser(name) for name in PEOPLE}


@dataclass
class Walk:
    """A visit that is planned, with a question, and a promise about another, and what people try on them."""

    scene: Scene
    browsers: dict[str | None, Browser]
    sent: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.visit = self.scene.visit()
        self.question = self.scene.question(self.visit)
        self.lamp = self.scene.question(self.visit, title="A lamp?")
        self.scene.town.run(self._prepare)
        self.stands = self.states()

    def _prepare(self) -> None:
        """A scribe, two departments and a promise; the visit is a draft, as one that a file brought."""
        with write() as session:
            space, visit = session.get(Space, self.visit), session.get(Visit, self.visit)
            space.visibility, visit.state = "hidden", "draft"
            set_members(space, "test", {self.scene.town.person("scribe"): "scribe"})
            roads = Department(name="Roads", folded=f"roads {self.visit}")
            parks = Department(name="Parks", folded=f"parks {self.visit}", mailbox="parks@example.org")
            session.add_all([roads, parks])
            session.flush()
            session.add(DepartmentMember(department_id=roads.id, user_id=self.scene.town.person("worker")))
            said = {"text": "A lamp", "department_id": roads.id, "due_on": dt.date(2030, 1, 1)}
            promise = Commitment(space_id=self.visit, question_id=self.lamp, **said)
            session.add(promise)
            session.flush()
            self.roads, self.parks, self.promise = roads.id, parks.id, promise.id
            self.code, self.lamp_code = codes.code_of(self.question), codes.code_of(self.lamp)

    def states(self) -> dict[str, Any]:
        """Every state as the database holds it, and what guards ask for."""
        return self.scene.town.run(self._states)  # type: ignore[no-any-return]

    def _states(self) -> dict[str, Any]:
        one = db.session.get
        question, work = one(Question, self.question), one(Casework, self.question)
        entry, minutes = one(Entry, self.question), one(Minutes, self.visit)
        public = {"accepted": "published"}.get(question.triage, "pending")
        assert entry.state == public, (question.triage, entry.state)
        assert entry.team_only == (public == "pending")
        words = db.session.scalars(sa.select(Entry).where(Entry.id == self.answer()[0])).first()
        out = words is not None and words.state == "published"
        trail = [(sent.name, sent.door.name) for sent in self.sent]
        assert out == (work.answer == "published"), (work.answer, words and words.state, trail)
        link = sa.select(DepartmentLink.id).where(DepartmentLink.entry_id == self.question)
        kept = sa.select(Commitment.id).where(Commitment.question_id == self.question)
        noted = sa.select(Note).where(Note.entry_id == self.question, Note.outcome != "").order_by(Note.id)
        notes = db.session.scalars(noted).all()
        first = db.session.scalars
        return {
            "visit": one(Visit, self.visit).state,
            "triage": question.triage,
            "answer": work.answer,
            "discussion": question.discussion,
            "outcome": question.outcome,
            "commitment": one(Commitment, self.promise).state,
            "moves": question.moves,
            "answered": question.answered_at is not None,
            "held": work.held,
            "drafter": work.drafted_by,
            "department": work.department_id,
            "link": first(link).first(),
            "promised": first(kept.where(Commitment.state != "abandoned").limit(1)).first() is not None,
            "pledged": first(kept.limit(1)).first() is not None,
            "waits": any(note.state == "kept" for note in notes),
            "notes": {note.outcome: note.id for note in notes},
            "stop": first(
                sa.select(StopQuestion.stop_id).where(StopQuestion.entry_id == self.question)
            ).first(),
            "shown": words is not None and words.published_at is not None,
            "writer": minutes and minutes.drafted_by,
            "minutes": minutes.version if minutes else 0,
        }

    def answer(self) -> tuple[int, int]:
        """The entry of the answer and its version, none yet being nought."""
        rows = sa.select(Entry.id, Entry.version).where(
            Entry.parent_id == self.question, Entry.kind == "visits.answer"
        )
        found = self.scene.town.run(lambda: db.session.execute(rows.order_by(Entry.id.desc())).first())
        return (found.id, found.version) if found else (0, 0)

    def link(self) -> str:
        """The path of the signed link that the department's mailbox was sent; one that opens nothing else."""
        if self.stands["link"] is None:
            return "/visits/request/0/none"
        row = self.stands["link"]
        whole = self.scene.town.run(lambda: links.address(db.session.get(DepartmentLink, row)))
        return str(whole).removeprefix("http://localhost")

    def go(self, name: str | None, door: Door, *, blank: bool = False) -> Sent:
        """Send a form as somebody fills it in who saw the present state; `blank` leaves the reason out."""
        url, fields = door.form(self)
        gives = door.gives
        if blank:
            fields = fields | dict.fromkeys({"reason", "to", "text"} & set(fields), "")
            gives = gives - {"reason", "body"}
        return self.send(Sent(door, name, url, fields, gives))

    def send(self, sent: Sent) -> Sent:
        """Send a form, for the first time or again, and hold what came of it to the table."""
        before = self.stands
        self.sent.append(sent)
        answer = self.post(sent.name, sent.url, sent.fields)
        self.stands = self.states()
        may = [before, *led(self, before, sent)]
        assert told(self.stands) in map(told, may), (
            sent.name,
            sent.door.name,
            answer.status_code,
            before,
            self.stands,
        )
        return sent

    def post(self, name: str | None, url: str, fields: dict[str, Any]) -> TestResponse:
        browser = self.browsers[name]
        answer = browser.client.post(url, data={"csrf_token": token(browser), **fields})
        assert answer.status_code < 500, (url, answer.text)
        return answer


def told(stands: dict[str, Any]) -> dict[str, Any]:
    """The states alone, without what guards ask for."""
    return {thing: stands[thing] for thing in THINGS}


def token(browser: Browser) -> str:
    """The cross-site token of a browser, which any page shows."""
    if not browser.token:
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/visits/code").text)
        browser.token = found[1] if found else ""
    return browser.token


def led(walk: Walk, before: dict[str, Any], sent: Sent) -> list[dict[str, Any]]:
    """Where the table lets this person lead things by what they sent: nowhere, or all the way."""
    door = sent.door
    found = []
    for chain in [(way,) for way in door.ways] if door.either else [door.ways]:
        ends = [before]
        for way in chain:
            stays = ends if way in door.passed_by else []
            ends = [*filter(None, (_after(walk, one, way, sent) for one in ends)), *stays]
        found += ends
    return found


def _after(walk: Walk, before: dict[str, Any], step: tuple[str, str], sent: Sent) -> dict[str, Any] | None:
    """How things stand after one way of the table, with what that brings with it; None where it is closed."""
    way, now = TABLE[step], dict(before)
    if before[way.thing] not in way.sources or not allowed(walk, way, before, sent):
        return None
    if step == ("answer", "draft") and now["answer"] in BLANK:
        now["drafter"] = walk.scene.town.people.get(sent.name or "")
    now[way.thing] = way.target
    if step == ("answer", "draft") and "keep" in sent.fields and before["held"]:
        now["answer"] = "to_approve" if before["answer"] == "approved" else now["answer"]  # asked anew
    brings = FOLLOWS.get(step, "")
    if (
        "answer publish" in brings
        and now["held"]
        and (now["answer"], now["triage"]) == ("approved", "accepted")
    ):
        now["answer"] = "published"
    if "answer unassign" in brings and now["answer"] == "assigned":
        now["answer"] = "none"
    if "triage accept" in brings and now["triage"] in ("submitted", "contested"):
        now["triage"] = "accepted"
    return now


def leads_on(walk: Walk, door: Door) -> bool:
    """Whether a door leads on from the present state, for whoever may go through it."""
    now = walk.stands
    return any(now[thing] in TABLE[thing, verb].sources for thing, verb in door.ways)


def allowed(walk: Walk, way: Any, now: dict[str, Any], sent: Sent) -> bool:
    """Whether the table lets whoever sent this go that way: by their role, and by its guards in words."""
    role, name = permissions[way.role], sent.name
    inside = name in MEMBERS and bool(role.space_roles & _roles(MEMBERS[name]))
    if way.role == "visits.announce":
        inside = name in OFFICES
    if way.role == "core.moderate":
        inside = inside or (name in STAFF and now["visit"] != "draft")
    if (way.thing, way.verb) in BY_DEPARTMENT:
        inside = inside or _in_charge(walk, now, sent)
    if (way.thing, way.verb) in BY_OWNER:
        inside = inside or name == "worker"  # who works in the department that keeps the promise
    if not (inside or "anyone" in role.roles or ("signed_in" in role.roles and name)):
        return False
    me = walk.scene.town.people.get(name or "")
    return all(GUARDS[guard.says](now, me, name, sent) for guard in way.guards)


def _roles(role: str) -> set[str]:
    return {role, "team"} if role in TEAM else {role}


def _in_charge(walk: Walk, now: dict[str, Any], sent: Sent) -> bool:
    """Whether this came from the department of the question: by its member, or by the link that holds."""
    if sent.url == f"/visits/department/{walk.question}":
        return sent.name == "worker" and now["department"] == walk.roads
    by_link = sent.url.startswith(f"/visits/request/{now['link']}/")
    return by_link and now["department"] == walk.parks


GUARDS: dict[str, Callable[[dict[str, Any], int | None, str | None, Sent], bool]] = {
    "a reason is given": lambda now, me, name, sent: "reason" in sent.gives,
    "the body is named": lambda now, me, name, sent: "body" in sent.gives,
    "by its author, or by its code": lambda now, me, name, sent: name == "resident" or "code" in sent.gives,
    "by who asked or supports the question, or by its code": lambda now, me, name, sent: (
        name == "resident" or "code" in sent.gives
    ),
    "by another than those who may say that it is done": lambda now, me, name, sent: (
        name == "resident" or "code" in sent.gives
    ),
    "it is said to be done, or its date is thirty days past": lambda now, me, name, sent: (
        now["commitment"] in ("done_claimed", "confirmed")
    ),
    "no answer is published": lambda now, me, name, sent: not now["answered"],
    "nothing was ever promised about it": lambda now, me, name, sent: not now["pledged"],
    "no promise about it stands": lambda now, me, name, sent: not now["promised"],
    "it is not accepted, or the report is not published": lambda now, me, name, sent: (
        now["triage"] != "accepted" or now["visit"] not in REPORTED
    ),
    "the report that counts it is not published": lambda now, me, name, sent: now["visit"] not in REPORTED,
    "the question is accepted": lambda now, me, name, sent: now["triage"] == "accepted",
    "the question is to be read, or accepted": lambda now, me, name, sent: (
        now["triage"] in ("submitted", "contested", "accepted")
    ),
    "the report is not published": lambda now, me, name, sent: now["visit"] not in REPORTED,
    "by somebody else than the drafter, unless nobody else could or the setting allows it": (
        lambda now, me, name, sent: now["drafter"] != me
    ),
    "by another than who wrote the minutes, unless nobody else could or the setting allows it": (
        lambda now, me, name, sent: now["writer"] is None or now["writer"] != me
    ),
    "no choice waits in the notes of the field": lambda now, me, name, sent: (
        not now["waits"] or now["triage"] != "accepted"
    ),
    "every promise has an owner and a date": lambda now, me, name, sent: (
        now["outcome"] != "committed" or now["promised"] or now["triage"] != "accepted"
    ),
    "its owner and date are said": lambda now, me, name, sent: now["promised"] or "promise" in sent.gives,
    "before the last day to ask is over": lambda now, me, name, sent: True,
    "another date is given, which is to come": lambda now, me, name, sent: True,
    "nobody has said so since they were asked": lambda now, me, name, sent: True,
    "the meeting point is known": lambda now, me, name, sent: True,
}


def _page(walk: Walk) -> str:
    return f"/visits/questions/{walk.question}"


def _turn(verb: str) -> Callable[[Walk], tuple[str, dict[str, Any]]]:
    said = {"verb": verb, "reason": "Storm.", "sure": "1", "lacking": "1"}
    return lambda walk: (f"/visits/{walk.visit}/turn", said)


def _reschedule(**more: str) -> Callable[[Walk], tuple[str, dict[str, Any]]]:
    def form(walk: Walk) -> tuple[str, dict[str, Any]]:
        day = dt.date(2031, 1, 1) + dt.timedelta(days=len(walk.sent))
        said = {"date": day.isoformat(), "closes": "2030-12-01", "starts": "18:00", "ends": "20:00"}
        return f"/visits/{walk.visit}/reschedule", said | {"meeting_point": "Here"} | more

    return form


def _own(verb: str) -> Callable[[Walk], tuple[str, dict[str, Any]]]:
    return lambda walk: (f"{_page(walk)}/{verb}", {"reason": "It is our street."})


def _decide(verb: str, **more: str) -> Callable[[Walk], tuple[str, dict[str, Any]]]:
    def form(walk: Walk) -> tuple[str, dict[str, Any]]:
        said = {"verb": verb, "reason": "Not ours.", "to": "The region", **more}
        said["department"] = str(walk.parks if more else walk.roads)
        return f"/visits/{walk.visit}/decide", said | {"pick": f"{walk.question}:{walk.stands['moves']}"}

    return form


def _decide_one(verb: str) -> Callable[[Walk], tuple[str, dict[str, Any]]]:
    def form(walk: Walk) -> tuple[str, dict[str, Any]]:
        said = {"verb": verb, "to": "The region", "department": str(walk.parks)}
        return f"{_page(walk)}/decide", said | {"moves": str(walk.stands["moves"])}

    return form


def _write(button: str, **more: str) -> Callable[[Walk], tuple[str, dict[str, Any]]]:
    def form(walk: Walk) -> tuple[str, dict[str, Any]]:
        said = {"body": ANSWER, "version": str(walk.answer()[1]), button: "yes"}
        return f"{_page(walk)}/answer", said | more

    return form


def _moderate(verb: str) -> Callable[[Walk], tuple[str, dict[str, Any]]]:
    return lambda walk: (f"/posts/{walk.answer()[0]}/{verb}", {"sure": "1"})


def _conclude(verb: str) -> Callable[[Walk], tuple[str, dict[str, Any]]]:
    return lambda walk: (f"{_page(walk)}/conclude", {"verb": verb, "reason": "So it is."})


def _note(verb: str) -> Callable[[Walk], tuple[str, dict[str, Any]]]:
    def form(walk: Walk) -> tuple[str, dict[str, Any]]:
        said = {"question": str(walk.question), "outcome": verb, "text": "Said there."}
        return f"/visits/{walk.visit}/field/notes", said | {"key": f"{verb} {len(walk.sent)}"}

    return form


def _choose(verb: str) -> Callable[[Walk], tuple[str, dict[str, Any]]]:
    return lambda walk: (f"/visits/notes/{walk.stands['notes'].get(verb, 0)}/choose", {})  # the note says why


def _let_stand(walk: Walk) -> tuple[str, dict[str, Any]]:
    note = max(walk.stands["notes"].values(), default=0)
    return f"/visits/notes/{note}/choose", {"stands": "1"}


def _department(fields: dict[str, str], *, link: bool) -> Callable[[Walk], tuple[str, dict[str, Any]]]:
    def form(walk: Walk) -> tuple[str, dict[str, Any]]:
        page = walk.link() if link else f"/visits/department/{walk.question}"
        return page, {"version": str(walk.answer()[1]), **fields}

    return form


def _promise(verb: str) -> Callable[[Walk], tuple[str, dict[str, Any]]]:
    said = {"verb": verb, "reason": "Not so."}
    return lambda walk: (f"/visits/promises/{walk.promise}/turn", said)


def _new_promise(walk: Walk) -> tuple[str, dict[str, Any]]:
    said = {"text": "A bench", "department": str(walk.roads), "due_on": "2030-02-01"}
    return f"{_page(walk)}/promise", said


def _minutes(walk: Walk) -> tuple[str, dict[str, Any]]:
    said = {"body": f"Thirty came, {len(walk.sent)} spoke.", "version": str(walk.stands["minutes"])}
    return f"/visits/{walk.visit}/minutes", said


DISCUSS = ("discussion", "discuss")
_WRITES = {"keep": ("draft",), "submit": ("draft", "submit"), "hold": ("draft", "approve")}
_WRITES["publish"] = ("draft", "approve", "publish")
_OUTCOMES = [verb for thing, verb in WAYS if thing == "outcome"]


def _doors() -> list[Door]:
    """Every form that moves something: first one for each way of the table, then the others."""
    found = []
    for thing, verb in WAYS:
        ways: tuple[tuple[str, str], ...] = ((thing, verb),)
        either = False
        form = {"visit": _turn, "triage": _decide, "answer": _moderate, "commitment": _promise}.get(
            thing, _conclude
        )(verb)
        if verb == "reschedule":
            form = _reschedule(later="yes")
        elif verb in ("withdraw", "contest") and thing == "triage":
            form = _own(verb)
        elif (thing, verb) in (("answer", "assign"), ("answer", "unassign")):
            form = _decide(verb)
        elif (thing, verb) == ("answer", "return"):
            form = _department({"return": "yes", "reason": "Not ours."}, link=False)
        elif (thing, verb) in (("answer", "retract"), ("answer", "restore"), ("answer", "discard")):
            form = _moderate({"discard": "remove"}.get(verb, "hide"))
            either = verb != "discard"  # who hides what is hidden shows it again
            ways = (("answer", "retract"), ("answer", "restore")) if either else ways
        elif thing == "answer":
            button = {"draft": "keep", "approve": "hold"}.get(verb, verb)
            ways = tuple((thing, step) for step in _WRITES[button])
            form = _write(button)
        found.append(Door(f"{thing} {verb}", ways, form, either=either))
    return found + _more_doors()


def _more_doors() -> list[Door]:
    accept, assign = (("triage", "accept"),), (("answer", "assign"),)
    answer = tuple(("answer", step) for step in ("draft", "submit"))
    both = {"link": True, "page": False}
    nothing: tuple[tuple[str, str], ...] = ()
    return [
        Door("reschedule and ask again", (("visit", "reschedule"), ("visit", "open")), _reschedule()),
        Door("accept on its page", accept, lambda walk: (f"{_page(walk)}/accept", {})),
        Door(
            "reject on its page",
            (("triage", "reject"),),
            lambda walk: (f"{_page(walk)}/reject", {"reason": "No."}),
        ),
        *(
            Door(f"{verb} on its page", (("triage", verb),), _decide_one(verb))
            for verb in ("forward", "divert", "reconsider")
        ),
        Door("assign on its page", assign, _decide_one("assign")),
        Door("assign by link", assign, _decide("assign", by="link")),
        *(
            Door(
                f"{verb} by code",
                (("triage", verb),),
                lambda walk, verb=verb: (
                    f"/visits/code/{verb}",
                    {"code": walk.code, "reason": "Ours.", "sure": "1"},
                ),
                gives=frozenset({"reason", "code"}),
            )
            for verb in ("withdraw", "contest")
        ),
        *(
            Door(
                f"{verb} its promise by code",
                (("commitment", verb),),
                lambda walk, verb=verb: (
                    "/visits/code/promise",
                    {
                        "code": walk.lamp_code,
                        "promise": str(walk.promise),
                        "verb": verb,
                        "reason": "So it is.",
                    },
                ),
                gives=frozenset({"reason", "code"}),
            )
            for verb in ("confirm", "contest")
        ),
        Door(
            "withdraw by a wrong code",
            nothing,
            lambda walk: ("/visits/code/withdraw", {"code": "2345-6789", "sure": "1"}),
        ),
        *(Door(f"answer by {by}", answer, _department({"body": ANSWER}, link=on)) for by, on in both.items()),
        Door(
            "return by link",
            (("answer", "return"),),
            _department({"return": "yes", "reason": "Not ours."}, link=True),
        ),
        Door(
            "publish with an outcome",
            (*((("answer", step)) for step in _WRITES["publish"]), ("outcome", "inform")),
            _write("publish", outcome="inform"),
        ),
        *(
            Door(
                f"note {verb}",
                (("outcome", verb), DISCUSS),
                _note(verb),
                frozenset({("outcome", verb), DISCUSS}),
            )
            for verb in _OUTCOMES
        ),
        Door("note nothing", nothing, _note("")),
        *(
            Door(
                f"choose {verb}",
                (("outcome", verb), DISCUSS),
                _choose(verb),
                frozenset({("outcome", verb), DISCUSS}),
            )
            for verb in _OUTCOMES
        ),
        Door("let it stand", (DISCUSS,), _let_stand, frozenset({DISCUSS})),
        Door(
            "promise",
            (("outcome", "commit"), DISCUSS),
            _new_promise,
            frozenset({("outcome", "commit"), DISCUSS}),
            frozenset({"promise", "reason"}),
        ),
        Door(
            "put on the route",
            (("discussion", "plan"),),
            lambda walk: (f"/visits/{walk.visit}/route/questions", {"pick": str(walk.question)}),
        ),
        Door("take off the route", (("discussion", "drop"),), lambda walk: (f"{_page(walk)}/off-route", {})),
        Door(
            "remove its stop",
            (("discussion", "drop"),),
            lambda walk: (f"/visits/stops/{walk.stands['stop'] or 0}/turn", {"verb": "remove"}),
        ),
        Door("minutes", nothing, _minutes),
    ]


DOORS = _doors()
NAMED = {door.name: door for door in DOORS}
BEGUN = (("mayor", "visit announce"), ("agent", "visit open"))
READY = (*BEGUN, ("agent", "answer assign"), ("agent", "visit close"), ("agent", "visit finish"))
THROUGH: dict[str, tuple[tuple[str | None, str], ...]] = {
    "the whole way": (
        *BEGUN,
        ("agent", "triage accept"),
        ("agent", "answer draft"),
        ("agent", "answer submit"),
        ("substitute", "answer approve"),
        ("agent", "visit close"),
        ("agent", "visit finish"),
        ("agent", "put on the route"),
        ("agent", "visit begin"),
        ("scribe", "note settle"),
        ("agent", "minutes"),
        ("agent", "visit end"),
        ("mayor", "visit publish"),
        ("agent", "visit follow"),
        ("agent", "commitment start"),
        ("agent", "commitment claim"),
        ("resident", "commitment contest"),
        ("agent", "commitment claim"),
        ("resident", "commitment confirm"),
        ("agent", "visit archive"),
    ),
    "a visit put off": (
        *BEGUN,
        ("agent", "visit close"),
        ("agent", "visit finish"),
        ("agent", "visit resume"),
        ("agent", "visit finish"),
        ("agent", "visit postpone"),
        ("agent", "visit reschedule"),
        ("agent", "visit cancel"),
    ),
    "a question to and fro": (
        *BEGUN,
        ("agent", "triage reject"),
        ("resident", "triage contest"),
        ("agent", "accept on its page"),
        ("agent", "reject on its page"),
        (None, "contest by code"),
        ("agent", "triage reject"),
        ("agent", "triage reconsider"),
        ("agent", "triage forward"),
        ("agent", "reconsider on its page"),
        ("agent", "triage divert"),
        ("agent", "triage reconsider"),
        ("agent", "triage accept"),
        ("resident", "triage withdraw"),
    ),
    "taken back by its code": (*BEGUN, ("agent", "forward on its page"), (None, "withdraw by code")),
    "departments": (
        *BEGUN,
        ("agent", "answer assign"),
        ("agent", "answer unassign"),
        ("agent", "answer assign"),
        ("agent", "triage reconsider"),
        ("agent", "answer assign"),
        ("worker", "answer return"),
        ("agent", "assign by link"),
        (None, "return by link"),
        ("agent", "assign on its page"),
        (None, "answer by link"),
        ("mayor", "answer publish"),
        ("agent", "answer retract"),
        ("agent", "answer restore"),
        ("agent", "answer discard"),
        ("agent", "answer assign"),
        ("worker", "answer by page"),
        ("deputy", "publish with an outcome"),
    ),
    "the stops": (
        *READY,
        ("agent", "discussion plan"),
        ("scribe", "discussion drop"),
        ("agent", "put on the route"),
        ("agent", "take off the route"),
        ("agent", "put on the route"),
        ("agent", "remove its stop"),
        ("scribe", "discussion discuss"),
    ),
    "what is noted": (
        *READY,
        ("agent", "visit begin"),
        ("scribe", "note refuse"),
        ("agent", "note decline"),
        ("agent", "choose decline"),
        *(("scribe", f"outcome {verb}") for verb in _OUTCOMES if verb != "commit"),
        ("agent", "promise"),
        ("agent", "commitment abandon"),
    ),
}
