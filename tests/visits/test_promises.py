"""A promise: public with its date and department, late by itself, and kept when who asked says so."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core.db import db, write
from core.models import Space
from plugins.neighbourhood_visits.models import Commitment, Department, Question

from .test_plugin import change, statements
from .test_triage import decide, row, told

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from .conftest import Scene

PROMISE = "The lamps of rue du Lavoir are replaced."


def department(scene: Scene) -> int:
    """The id of the department of roads."""
    scene.browser("admin").submit("/visits/departments/new", name="Roads", days="30", official="0")
    return int(scene.town.run(lambda: db.session.scalar(sa.select(Department.id))))


def promise(scene: Scene, question: int, owner: int, due_on: str = "2099-05-01", name: str = "agent") -> int:
    """The status of somebody's promise about a question."""
    fields = {"text": PROMISE, "department": str(owner), "due_on": due_on}
    return scene.browser(name).submit(f"/visits/questions/{question}/promise", **fields).status_code


def turn(scene: Scene, ident: int, verb: str, name: str, reason: str = "") -> TestResponse:
    """What somebody says of a promise."""
    url = f"/visits/promises/{ident}/turn"
    return scene.browser(name).submit(url, _page="/visits/", verb=verb, reason=reason)


def test_a_promise_is_public_and_needs_an_owner_and_a_date(scene: Scene) -> None:
    question, owner = scene.accepted(scene.visit()), department(scene)
    assert promise(scene, question, owner, due_on="") == 422
    assert promise(scene, question, 999) == 422
    assert promise(scene, question, owner) == 302
    assert row(scene, Question, question).outcome == "committed"
    shown = scene.browser().get("/visits/promises").text
    assert PROMISE in shown
    assert "Roads" in shown
    assert "by 1 May 2099" in shown
    assert "Promised" in shown
    for name in ("resident", "opposition", "mayor2"):
        page = f"/visits/questions/{question}/promise"
        assert scene.browser(name).get(page).status_code == 403, name


def test_no_department_is_in_charge_unawares(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    question = scene.accepted(visit)
    page = f"/visits/questions/{question}/promise"
    shown = scene.browser("agent").get(page).text
    assert '<option value="0">Choose</option>' in shown
    assert "<option selected" not in shown
    assert promise(scene, question, 0) == 422
    decide(scene, visit, [question], "assign", department=str(owner), official="0")
    assert f'<option selected value="{owner}">Roads</option>' in scene.browser("agent").get(page).text


def test_who_may_add_the_first_department_is_led_there_and_others_are_told_whom_to_ask(scene: Scene) -> None:
    clerk = scene.town.person("clerk", "agent")
    question = scene.accepted(scene.visit(agents=[str(clerk), str(scene.town.person("agent"))]))
    page = f"/visits/questions/{question}/promise"
    for name, leads in (("clerk", True), ("mayor", False)):
        shown = scene.browser(name).get(page).text
        assert ('href="/visits/departments/new"' in shown) == leads, name
        assert ("ask an agent to add it" in shown) != leads, name


def test_who_is_not_accepted_gets_no_promise(scene: Scene) -> None:
    question, owner = scene.question(scene.visit()), department(scene)
    assert promise(scene, question, owner) == 422
    assert PROMISE not in scene.browser().get("/visits/promises").text


def test_late_is_computed_and_comes_first(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    for due_on in ("2099-05-01", "2020-05-01"):
        assert promise(scene, scene.accepted(visit, title=f"{due_on}?"), owner, due_on) == 302
    shown = scene.browser().get("/visits/promises").text
    assert shown.index("2020-05-01?") < shown.index("2099-05-01?")
    assert "Late</span>" in shown
    late = scene.town.run(
        lambda: db.session.scalar(sa.select(Commitment.id).where(Commitment.due_on < dt.date(2021, 1, 1)))
    )
    turn(scene, late, "claim", "agent")
    assert "Late</span>" not in scene.browser().get("/visits/promises").text


def test_who_asked_or_supports_is_asked_and_one_no_reopens_it(scene: Scene) -> None:
    question, owner = scene.accepted(scene.visit()), department(scene)
    scene.browser("neighbour").submit(f"/posts/{question}/support", _page=f"/posts/{question}")
    promise(scene, question, owner)
    [ident] = scene.town.run(lambda: list(db.session.scalars(sa.select(Commitment.id))))
    assert turn(scene, ident, "claim", "resident").status_code == 403
    turn(scene, ident, "claim", "agent")
    asked = {person for kind, person in told(scene) if kind == "visits.done"}
    assert asked == {scene.town.person("resident"), scene.town.person("neighbour")}
    for name in ("mayor2", "opposition", "agent"):
        assert turn(scene, ident, "confirm", name).status_code == 403, name
    assert "No, it is not done" in scene.browser("neighbour").get("/visits/promises").text
    assert "No, it is not done" not in scene.browser().get("/visits/promises").text
    turn(scene, ident, "contest", "neighbour")
    assert row(scene, Commitment, ident).state == "done_claimed", "a no needs its reason"
    turn(scene, ident, "contest", "neighbour", "Two lamps are still dark.")
    shown = scene.browser().get("/visits/promises").text
    assert "Two lamps are still dark." not in shown, "the team looks at it first"
    assert "Under way" in shown
    turn(scene, ident, "claim", "agent")
    turn(scene, ident, "confirm", "resident")
    assert "Confirmed" in scene.browser().get("/visits/promises").text


def test_who_keeps_a_promise_does_not_confirm_it(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    said = {"name": "Roads", "days": "30", "members": [str(scene.town.person("colleague"))]}
    said["official"] = str(scene.town.person("opposition"))
    assert scene.browser("admin").submit("/visits/departments/new", **said).status_code == 302
    promise(scene, question, scene.town.run(lambda: db.session.scalars(sa.select(Department.id)).one()))
    [ident] = scene.town.run(lambda: list(db.session.scalars(sa.select(Commitment.id))))
    keepers = ("colleague", "opposition", "agent")
    for name in (*keepers, "neighbour"):
        told = scene.browser(name).submit(f"/posts/{question}/support", _page=f"/posts/{question}")
        assert told.status_code == 302, name
    assert turn(scene, ident, "start", "opposition").status_code == 302, "in charge, though not on the team"
    turn(scene, ident, "claim", "colleague")
    for name in keepers:
        assert "Yes, it is done" not in scene.browser(name).get("/visits/promises").text, name
        assert "Yes, it is done" not in scene.browser(name).get(f"/posts/{question}").text, name
        assert turn(scene, ident, "confirm", name).status_code == 403, name
    assert row(scene, Commitment, ident).state == "done_claimed"
    assert "No, it is not done" in scene.browser("colleague").get("/visits/promises").text
    turn(scene, ident, "confirm", "neighbour")
    assert row(scene, Commitment, ident).state == "confirmed"


def test_a_no_counts_where_the_question_is_closed_to_replies(scene: Scene) -> None:
    question, owner = scene.accepted(scene.visit()), department(scene)
    promise(scene, question, owner)
    [ident] = scene.town.run(lambda: list(db.session.scalars(sa.select(Commitment.id))))
    turn(scene, ident, "claim", "agent")
    scene.browser("mayor").submit(f"/posts/{question}/lock", _page=f"/posts/{question}")
    turn(scene, ident, "contest", "resident", "Two lamps are still dark.")
    assert row(scene, Commitment, ident).state == "in_progress"
    assert "Two lamps are still dark." in scene.browser("mayor").get(f"/posts/{question}").text


def test_the_promises_of_a_hidden_visit_are_hidden(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    promise(scene, scene.accepted(visit), owner)
    change(scene, Space, visit, visibility="hidden")
    assert PROMISE in scene.browser("agent").get("/visits/promises").text
    for name in (None, "neighbour", "opposition", "agent2"):
        assert PROMISE not in scene.browser(name).get("/visits/promises").text, name


def test_the_page_goes_on_and_costs_the_same(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    question = scene.accepted(visit)
    promise(scene, question, owner)

    def more(count: int) -> None:
        with write() as session:
            session.add_all(
                Commitment(
                    space_id=visit,
                    question_id=question,
                    department_id=owner,
                    text=f"Promise {number}.",
                    due_on=dt.date(2030, 1, 1) + dt.timedelta(days=number % 7),
                    state=("confirmed", "done_claimed", "open")[number % 3],
                )
                for number in range(count)
            )

    visitor = scene.browser()
    few = statements(scene, visitor, "/visits/promises")
    scene.town.run(lambda: more(45))
    assert statements(scene, visitor, "/visits/promises") == few
    seen, states, url = [], "", "/visits/promises"
    while url:
        page = visitor.get(url).text
        seen += re.findall(r'id="promise-(\d+)"', page)
        states += "".join(re.findall(r"Promised|Said to be done|Confirmed(?=</span>)", page))
        further = re.search(r'href="(/visits/promises\?[^"]*after=[^"]+)"', page)
        url = further[1].replace("&amp;", "&") if further else ""
    assert len(seen) == len(set(seen)) == 46
    assert states == "Promised" * 16 + "Said to be done" * 15 + "Confirmed" * 15
    assert visitor.get("/visits/promises?after=9_x_1").status_code == 200


FILES = ("/visits/promises", "/visits/open-data/data.json", "/visits/open-data/commitments.csv")


def test_a_promise_is_as_public_as_its_question(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    question, pages = scene.accepted(visit), (*FILES, f"/visits/{visit}/data.json")
    promise(scene, question, owner)
    for page in pages:
        assert PROMISE in scene.browser().get(page).text, page
    scene.browser("mayor").submit(f"/posts/{question}/hide", _page=f"/posts/{question}", sure="1")
    for page in pages:
        assert PROMISE not in scene.browser().get(page).text, page


def test_what_is_redacted_leaves_the_promise_and_why_it_is_given_up(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    question = scene.accepted(visit)
    promise(scene, question, owner)
    [ident] = scene.town.run(lambda: list(db.session.scalars(sa.select(Commitment.id))))
    turn(scene, ident, "abandon", "agent", "The Lavoir is sold.")
    pages = (f"/posts/{question}", *FILES, f"/visits/{visit}/commitments.csv")
    for page in pages:
        assert "Lavoir" in scene.browser().get(page).text, page
    answer = scene.browser("mayor").submit(f"/posts/{question}/redact", passage="Lavoir", reason="private")
    assert answer.status_code == 302, answer.text
    for page in pages:
        assert "Lavoir" not in scene.browser().get(page).text, page
    assert row(scene, Commitment, ident).reason == "The […] is sold."


def test_who_keeps_a_promise_says_that_it_is_begun_and_done(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    fields = {"days": "30", "official": str(scene.town.person("deputy"))}
    members = [str(scene.town.person("colleague"))]
    scene.browser("admin").submit("/visits/departments/new", name="Roads", members=members, **fields)
    owner = int(scene.town.run(lambda: db.session.scalar(sa.select(Department.id))))
    promise(scene, question, owner)
    [ident] = scene.town.run(lambda: list(db.session.scalars(sa.select(Commitment.id))))
    colleague = scene.browser("colleague")
    for page in ("/visits/department", "/visits/promises"):
        shown = colleague.get(page).text
        assert PROMISE in shown, page
        assert "Work has begun" in shown, page
        assert "It is done" in shown, page
        assert "Abandon this promise" not in shown, page
    for name in ("agent2", "opposition", "mayor2", "admin", "resident"):
        assert turn(scene, ident, "start", name).status_code == 403, name
        assert PROMISE not in scene.browser(name).get("/visits/department").text
    assert turn(scene, ident, "abandon", "colleague", "Too dear.").status_code == 403
    url = f"/visits/promises/{ident}/turn"
    said = colleague.submit(url, _page="/visits/department", verb="start", next="/visits/department")
    assert said.location == "/visits/department"
    assert row(scene, Commitment, ident).state == "in_progress"
    assert turn(scene, ident, "claim", "deputy").status_code == 302
    assert row(scene, Commitment, ident).state == "done_claimed"
    assert PROMISE not in colleague.get("/visits/department").text, "nothing is left to do"
    page = f"/posts/{question}"
    resident = scene.browser("resident")
    resident.submit(url, _page=page, verb="contest", reason="One is dark.", next=page)
    shown = resident.get(page).text
    assert "the promise is under way again" in shown
    assert "Done." not in shown
    owners = {scene.town.person(name) for name in ("colleague", "deputy")}
    assert {person for kind, person in told(scene) if kind == "visits.contested"} == owners
    shown = colleague.get("/visits/department").text
    assert "Said not to be done" in shown
    turn(scene, ident, "claim", "deputy")
    assert "visits.contested" not in dict(told(scene)), "what told to look at it again is taken back"
    resident.submit(url, _page=page, verb="confirm", next=page)
    assert "the promise counts as kept" in resident.get(page).text


def test_a_no_leaves_its_trace_and_the_page_of_the_question_asks(scene: Scene) -> None:
    question, owner = scene.accepted(scene.visit()), department(scene)
    promise(scene, question, owner)
    [ident] = scene.town.run(lambda: list(db.session.scalars(sa.select(Commitment.id))))
    page, trace = f"/posts/{question}", "that it is not done."
    assert "Yes, it is done" not in scene.browser("resident").get(page).text
    turn(scene, ident, "claim", "agent")
    for name in (None, "neighbour"):
        shown = scene.browser(name).get(page).text
        assert PROMISE in shown
        assert f"/visits/promises?visit={row(scene, Commitment, ident).space_id}#promise-{ident}" in shown
        assert "Yes, it is done" not in shown, name
    resident = scene.browser("resident")
    shown = resident.get(page).text
    assert "Yes, it is done" in shown
    assert shown.index("Yes, it is done") < shown.index("The whole way") < shown.index('id="replies"')
    assert trace not in resident.get("/visits/promises").text
    url = f"/visits/promises/{ident}/turn"
    told = resident.submit(url, _page=page, verb="contest", reason="One is dark.", next=page)
    assert told.location == page
    for shown in (scene.browser().get("/visits/promises").text, scene.browser().get(page).text):
        assert trace in shown
        assert "One is dark." not in shown, "the team looks at it first"
    turn(scene, ident, "claim", "agent")
    assert trace not in scene.browser().get("/visits/promises").text
