"""No state is reached otherwise than by the table, by whomever, by form or by replay; the page shows it."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.access import permissions
from core.db import db
from core.models import Entry
from plugins.neighbourhood_visits.models import Casework, Commitment, Department, Question, Visit
from plugins.neighbourhood_visits.states import TRANSITIONS, as_markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.test import TestResponse

    from core.testing import Browser

    from .conftest import Scene

PAGE = Path(__file__).parents[2] / "docs/reference/visits.md"
MEMBERS = {"mayor": "official", "deputy": "official", "agent": "agent", "scribe": "scribe"}
PEOPLE = (*MEMBERS, "opposition", "agent2", "admin", "resident", "neighbour", None)
OFFICES = {"mayor", "deputy", "agent", "admin"}
BY_CORE = {"retract": "hide", "restore": "restore", "discard": "remove"}
DECIDED = ("accept", "reject", "forward", "divert", "reconsider", "assign")


def test_the_page_of_the_documentation_shows_the_table() -> None:
    assert as_markdown() in PAGE.read_text(), "run python tools/visit_states.py"


def test_each_way_has_a_known_permission(scene: Scene) -> None:
    assert len({(way.thing, way.verb) for way in TRANSITIONS}) == len(TRANSITIONS)
    for way in TRANSITIONS:
        assert way.role in permissions, way
        assert way.target not in way.sources or way.verb in ("assign", "draft", "contest"), way


class Walk:
    """A visit with a question and a commitment, and what people try on them."""

    def __init__(self, scene: Scene, browsers: dict[str | None, Browser] | None = None) -> None:
        self.scene = scene
        self.visit = scene.visit()
        self.question = scene.question(self.visit)
        self.browsers = browsers or {name: scene.browser(name) for name in PEOPLE}
        self.sent: list[tuple[str, str, str | None, str, dict[str, str]]] = []
        scene.town.run(self.prepare)

    def prepare(self) -> None:
        """A scribe on the team, a department and a commitment, as earlier journeys left them."""
        from core.db import write
        from core.models import Space
        from core.spaces.actions import set_members

        with write() as session:
            space = session.get(Space, self.visit)
            set_members(space, "test", {self.scene.town.person("scribe"): "scribe"})
            department = Department(name="Roads", folded=f"roads {self.visit}")
            session.add(department)
            session.flush()
            promise = Commitment(
                space_id=self.visit,
                question_id=self.question,
                text="A lamp",
                department_id=department.id,
                due_on=dt.date(2030, 1, 1),
            )
            session.add(promise)
            session.flush()
            self.department, self.promise = department.id, promise.id

    def states(self) -> dict[str, Any]:
        """Every state as the database holds it, and what guards ask for."""

        def read() -> dict[str, Any]:
            question, casework = (
                db.session.get(Question, self.question),
                db.session.get(Casework, self.question),
            )
            entry = db.session.get(Entry, self.question)
            public = {"accepted": "published"}.get(question.triage, "pending")
            assert entry.state == public, (question.triage, entry.state)
            assert entry.team_only == (public == "pending")
            return {
                "visit": db.session.get(Visit, self.visit).state,
                "triage": question.triage,
                "answer": casework.answer,
                "discussion": question.discussion,
                "outcome": question.outcome,
                "commitment": db.session.get(Commitment, self.promise).state,
                "answered": question.answered_at is not None,
                "drafter": casework.drafted_by,
            }

        return self.scene.town.run(read)

    def request(self, thing: str, verb: str) -> tuple[str, dict[str, str]]:
        """The form that a verb of the table is sent by, as somebody who saw the present state fills it in."""
        page = f"/visits/questions/{self.question}"
        if verb == "reschedule":
            day = dt.date(2031, 1, 1) + dt.timedelta(days=len(self.sent))
            said = {"date": day.isoformat(), "starts": "18:00", "ends": "20:00", "meeting_point": "Here"}
            return f"/visits/{self.visit}/reschedule", said | {"closes": "2030-12-01"}
        if thing == "visit":
            return f"/visits/{self.visit}/turn", {"verb": verb, "reason": "Storm.", "sure": "1"}
        if thing == "commitment":
            return f"/visits/promises/{self.promise}/turn", {"verb": verb, "reason": "Not so."}
        if thing == "triage" and verb in ("withdraw", "contest"):
            return f"{page}/{verb}", {"reason": "It is our street."}
        if verb in BY_CORE and thing == "answer":
            return f"/posts/{self.answer() or 0}/{BY_CORE[verb]}", {"sure": "1"}
        if thing in ("discussion", "outcome"):
            return f"{page}/conclude", {"verb": verb, "reason": "So it is."}
        if verb == "return":
            return f"/visits/department/{self.question}", {"return": "yes", "reason": "Not ours."}
        if verb in DECIDED:
            picked = f"{self.question}:{self.moves()}"
            said = {
                "verb": verb,
                "reason": "Not ours.",
                "to": "The region",
                "department": str(self.department),
            }
            return f"/visits/{self.visit}/decide", said | {"pick": picked}
        button = {"draft": "keep", "submit": "submit", "approve": "hold", "publish": "publish"}[verb]
        return f"{page}/answer", {"body": "In March.", "version": str(self.version()), button: "yes"}

    def moves(self) -> int:
        return int(self.scene.town.run(lambda: db.session.get(Question, self.question).moves))

    def answer(self) -> int | None:
        found = sa.select(Entry.id).where(Entry.parent_id == self.question, Entry.kind == "visits.answer")
        return self.scene.town.run(lambda: db.session.scalar(found))

    def version(self) -> int:
        found = sa.select(Entry.version).where(
            Entry.parent_id == self.question, Entry.kind == "visits.answer"
        )
        return self.scene.town.run(lambda: db.session.scalar(found)) or 0

    def post(self, name: str | None, url: str, fields: dict[str, str]) -> TestResponse:
        browser = self.browsers[name]
        answer = browser.client.post(url, data={"csrf_token": token(browser), **fields})
        assert answer.status_code < 500, (url, answer.text)
        return answer


def token(browser: Browser) -> str:
    """The cross-site token of a browser, which any page shows."""
    if not browser.token:
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/visits/").text)
        browser.token = found[1] if found else ""
    return browser.token


CHAINS = {
    ("visit", "reschedule"): ("reschedule", "open"),
    ("answer", "submit"): ("draft", "submit"),
    ("answer", "approve"): ("draft", "approve"),
    ("answer", "publish"): ("draft", "approve", "publish"),
}


def reachable(
    before: dict[str, Any], name: str | None, thing: str, verb: str, me: int | None
) -> Iterator[str]:
    """Where this person may lead the thing by this form, going only by ways of the table."""
    state = before[thing]
    for step in CHAINS.get((thing, verb), (verb,)):
        way = next(one for one in TRANSITIONS if (one.thing, one.verb) == (thing, step))
        if state not in way.sources or not allowed(
            way, before, name, me, begun=state in ("none", "assigned")
        ):
            return
        state = way.target
    yield state


def allowed(way: Any, before: dict[str, Any], name: str | None, me: int | None, begun: bool) -> bool:
    """Whether the table lets this person, as the guards that it prints say."""
    role = permissions[way.role]
    inside = name in MEMBERS and (MEMBERS[name] in role.space_roles or "team" in role.space_roles)
    if way.role == "visits.announce":
        inside = name in OFFICES
    if not (inside or "anyone" in role.roles or ("signed_in" in role.roles and name)):
        return way.role == "core.moderate" and name in MEMBERS
    says = {guard.says for guard in way.guards}
    own = name == "resident"
    if says & {"by its author, or by its code", "by who asked or supports the question"} and not own:
        return False
    if any("thirty days" in one for one in says) and before["commitment"] in ("open", "in_progress"):
        return False
    if "no answer is published" in says and before["answered"]:
        return False
    if "the question is accepted" in says and before["triage"] != "accepted":
        return False
    if any("somebody else" in one for one in says):
        return not begun and before["drafter"] != me
    return True


THINGS = [(way.thing, way.verb) for way in TRANSITIONS]


STEP = st.tuples(st.integers(0, 999), st.integers(0, 999), st.integers(0, 7))


def test_walks_never_leave_the_table(scene: Scene) -> None:
    browsers = {name: scene.browser(name) for name in PEOPLE}

    @settings(
        max_examples=5,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
        report_multiple_bugs=False,
    )
    @given(st.lists(STEP, min_size=40, max_size=40))
    def walk_on(steps: list[tuple[int, int, int]]) -> None:
        walk = Walk(scene, browsers)
        for step in steps:
            take(walk, *step)

    walk_on()


def take(walk: Walk, which: int, who: int, how: int) -> None:
    """One step of a walk: something sent again, something likely, or anything by anybody."""
    before = walk.states()
    if how == 0 and walk.sent:
        thing, verb, name, url, fields = walk.sent[which % len(walk.sent)]
    else:
        likely = [one for one in THINGS if before[one[0]] in sources(one)] if how > 2 else THINGS
        people = ("mayor", "agent", "resident") if how > 4 else PEOPLE
        (thing, verb), name = likely[which % len(likely)], people[who % len(people)]
        url, fields = walk.request(thing, verb)
    answer = walk.post(name, url, fields)
    walk.sent.append((thing, verb, name, url, fields))
    me = walk.scene.town.people.get(name or "")
    check(before, walk.states(), name, thing, verb, me, answer.status_code)


def sources(way: tuple[str, str]) -> frozenset[str]:
    return next(one.sources for one in TRANSITIONS if (one.thing, one.verb) == way)


def check(
    before: dict[str, Any],
    after: dict[str, Any],
    name: str | None,
    thing: str,
    verb: str,
    me: Any,
    status: int,
) -> None:
    """What changed is what the table leads to; a question that is assigned is accepted by it."""
    said = (name, thing, verb, before, after, status)
    changed = {key for key in before if key not in ("answered", "drafter") and before[key] != after[key]}
    if verb == "assign" and thing == "answer" and before["triage"] in ("submitted", "contested"):
        assert name in MEMBERS or not changed, said
        assert changed <= {"triage", "answer"}, said
        assert not changed or (after["triage"], after["answer"]) == ("accepted", "assigned"), said
        return
    assert changed <= {thing}, said
    if changed:
        assert after[thing] in set(reachable(before, name, thing, verb, me)), said


@pytest.mark.parametrize("name", ["opposition", "agent2", "neighbour", None])
def test_outsiders_move_nothing(scene: Scene, name: str | None) -> None:
    walk = Walk(scene)
    before = walk.states()
    for thing, verb in THINGS:
        url, fields = walk.request(thing, verb)
        assert walk.post(name, url, fields).status_code in (302, 403, 404, 405), (thing, verb)
        assert walk.states() == before, (name, thing, verb)


def test_the_whole_way_of_a_visit_and_of_its_question(scene: Scene) -> None:
    walk = Walk(scene)
    way = (
        ("agent", "triage", "accept"),
        ("agent", "answer", "draft"),
        ("agent", "answer", "submit"),
        ("mayor", "answer", "publish"),
        ("agent", "visit", "close"),
        ("agent", "visit", "finish"),
        ("agent", "discussion", "plan"),
        ("agent", "visit", "begin"),
        ("scribe", "discussion", "discuss"),
        ("scribe", "outcome", "settle"),
        ("agent", "visit", "end"),
        ("mayor", "visit", "publish"),
        ("agent", "visit", "follow"),
        ("agent", "commitment", "start"),
        ("agent", "commitment", "claim"),
        ("resident", "commitment", "contest"),
        ("agent", "commitment", "claim"),
        ("resident", "commitment", "confirm"),
        ("agent", "visit", "archive"),
    )
    for name, thing, verb in way:
        before = walk.states()[thing]
        walk.post(name, *walk.request(thing, verb))
        after = walk.states()[thing]
        target = next(one.target for one in TRANSITIONS if (one.thing, one.verb) == (thing, verb))
        assert after == target, (name, thing, verb, before, after)
