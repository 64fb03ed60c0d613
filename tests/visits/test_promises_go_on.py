"""What the town says of a question goes on where that is hidden, removed, or leads its group no more."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core import jobs
from core.db import db
from core.models import Case, Entry
from plugins.moderation import actions as moderation
from plugins.neighbourhood_visits.models import Casework, Department, PrivateCase, Question, Visit
from portal.privacy import erase

from .test_promises import PROMISE, department, promise, turn
from .test_promises_stay import promises
from .test_report import change, conclude, keep, lead
from .test_triage import decide, row, told

if TYPE_CHECKING:
    from .conftest import Scene

ANSWER = "In spring, on both sides."
WHY = {"reason": "private", "text": "It names somebody."}


def grouped(scene: Scene, draft: str = "") -> tuple[int, int, int]:
    """A visit, an answered and promised question that leads a group, and one of its group, drafted or not."""
    visit, owner = scene.visit(), department(scene)
    first = scene.answered(visit, ANSWER)
    other = scene.accepted(visit, title="And the bench?", name="neighbour")
    if draft:
        scene.draft(other, draft)
    assert promise(scene, first, owner) == 302
    decide(scene, visit, [first, other], "group")
    return visit, first, other


def judge(scene: Scene, question: int, act: str) -> None:
    version = str(row(scene, Entry, question).version)
    answer = scene.browser("agent").submit(f"/posts/{question}/decide", act=act, version=version, **WHY)
    assert answer.status_code == 302, answer.text


def goes_on(scene: Scene, visit: int, question: int, answered: bool = True) -> None:
    """The promise stands in public below this question, and in the open data; the answer too."""
    visitor = scene.browser()
    shown = visitor.get(f"/posts/{question}").text
    assert PROMISE in shown
    assert (ANSWER in shown) == answered
    assert PROMISE in visitor.get("/visits/promises").text
    found = visitor.get(f"/visits/{visit}/data.json").json
    assert [one["question"] for one in found["commitments"]] == [question]


@pytest.mark.parametrize("draft", ["", "A draft of its own."])
@pytest.mark.parametrize("acts", [("removed",), ("hidden",), ("hidden", "removed")])
def test_what_is_said_of_the_first_goes_on_where_moderators_take_it_out(
    scene: Scene, acts: tuple[str, ...], draft: str
) -> None:
    visit, first, other = grouped(scene, draft)
    for act in acts:
        judge(scene, first, act)
        goes_on(scene, visit, other, answered=not draft)
    assert row(scene, Question, other).outcome == "committed"
    assert row(scene, Question, other).group_id is None


def test_what_is_said_goes_on_where_the_queue_removes_some_time_after_it_hid(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation, "GRACE", dt.timedelta())
    visit, first, other = grouped(scene)
    scene.browser("neighbour").submit(f"/posts/{first}/report", reason="private", text="It names me.")
    case = scene.town.run(lambda: db.session.scalar(sa.select(Case.id).where(Case.entry_id == first)))
    assert scene.browser("admin").submit(f"/moderation/cases/{case}", act="removed", **WHY).status_code == 302
    jobs.run_due(scene.town.app)
    assert scene.town.run(lambda: db.session.get(Entry, first)) is None
    goes_on(scene, visit, other)


def test_a_first_that_is_shown_again_is_answered_with_the_one_that_leads_now(scene: Scene) -> None:
    visit, first, other = grouped(scene)
    agent = scene.browser("agent")
    third = scene.accepted(visit, title="And the tree?", name="neighbour")
    agent.submit(f"/posts/{first}/hide", _page="/visits/")
    goes_on(scene, visit, other)
    decide(scene, visit, [other, third], "group")
    assert row(scene, Question, third).group_id == other, "which is not hidden, as the first is"
    agent.submit(f"/posts/{first}/hide", _page="/visits/")
    shown = scene.browser().get(f"/posts/{first}").text
    assert "Answered together with a similar question" in shown
    assert f'href="/posts/{other}"' in shown
    assert PROMISE in shown
    assert [row(scene, Question, ident).group_id for ident in (first, other, third)] == [other, None, other]


def test_a_question_that_is_hidden_leads_none(scene: Scene) -> None:
    visit, first, other = grouped(scene)
    third = scene.accepted(visit, title="And the tree?", name="neighbour")
    decide(scene, visit, [other, third], "group")
    agent = scene.browser("agent")
    agent.submit(f"/posts/{first}/hide", _page="/visits/")
    decide(scene, visit, [other], "ungroup")
    groups = [row(scene, Question, ident).group_id for ident in (first, other, third)]
    assert groups == [third, None, None]


def test_a_promise_about_a_question_alone_outlives_it_below_an_empty_place(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    question = scene.accepted(visit, title="At Mrs Zibeline's?")
    promise(scene, question, owner)
    judge(scene, question, "removed")
    assert scene.browser().get(f"/posts/{question}").status_code == 404
    place = scene.town.run(lambda: db.session.scalar(sa.select(sa.func.max(Question.entry_id))))
    goes_on(scene, visit, place, answered=False)
    shown = scene.browser().get("/visits/promises").text
    assert "A question that was taken out" in shown
    assert "Zibeline" not in shown
    for name, page in (("agent", f"/visits/{visit}/review?queue=unanswered"), ("mayor", "/visits/next")):
        assert not re.search(rf"/(posts|questions)/{place}\b", scene.browser(name).get(page).text), page
    [ident] = promises(scene)
    assert turn(scene, ident, "claim", "agent").status_code == 302
    assert turn(scene, ident, "confirm", "resident").status_code in (403, 404, 409)


def test_a_question_that_is_accepted_takes_over_from_an_empty_place(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    first, other = scene.accepted(visit), scene.question(visit, title="And the bench?", name="neighbour")
    promise(scene, first, owner)
    decide(scene, visit, [first, other], "group")
    scene.town.run(lambda: erase.begin(scene.town.person("resident"), True))
    jobs.run_due(scene.town.app)
    goes_on(scene, visit, first, answered=False)
    decide(scene, visit, [other], "accept")
    goes_on(scene, visit, other, answered=False)
    queue = scene.browser("agent").get(f"/visits/{visit}/review?queue=unanswered").text
    assert f'data-question="{other}"' in queue
    assert f'data-question="{first}"' not in queue
    assert f"/posts/{first}" not in scene.browser("mayor").get("/visits/next").text


def test_what_is_promised_about_one_of_a_group_concerns_them_all(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    first = scene.accepted(visit)
    other = scene.accepted(visit, title="And the bench?", name="neighbour")
    decide(scene, visit, [first, other], "group")
    promise(scene, other, owner)
    assert PROMISE in scene.browser().get(f"/posts/{first}").text
    [ident] = promises(scene)
    turn(scene, ident, "claim", "agent")
    asked = {person for kind, person in told(scene) if kind == "visits.done"}
    assert asked == {scene.town.person("resident"), scene.town.person("neighbour")}
    assert turn(scene, ident, "confirm", "resident").status_code == 302


@pytest.mark.parametrize("act", ["removed", "hidden"])
def test_what_is_promised_about_one_that_leads_none_goes_to_the_first(scene: Scene, act: str) -> None:
    visit, owner = scene.visit(), department(scene)
    first = scene.answered(visit, ANSWER)
    other = scene.accepted(visit, title="And the bench?", name="neighbour")
    promise(scene, other, owner)
    decide(scene, visit, [first, other], "group")
    assert row(scene, Question, other).group_id == first
    judge(scene, other, act)
    goes_on(scene, visit, first)
    assert row(scene, Question, first).outcome == "committed"
    assert (scene.town.run(lambda: db.session.get(Entry, other)) is None) is (act == "removed")


def test_an_empty_place_joins_no_group(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    first, other = scene.accepted(visit), scene.accepted(visit, title="And the bench?", name="neighbour")
    promise(scene, first, owner)
    scene.town.run(lambda: erase.begin(scene.town.person("resident"), True))
    jobs.run_due(scene.town.app)
    told_so = decide(scene, visit, [first, other], "group")
    assert told_so.status_code == 409
    assert "A question that was deleted is not grouped." in told_so.text
    assert row(scene, Question, other).group_id is None


def test_a_report_keeps_the_answer_that_another_question_took_over(scene: Scene) -> None:
    visit, first, other = grouped(scene)
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit, "Nothing.")
    lead(scene, visit, "publish", name="mayor")
    judge(scene, first, "removed")
    assert ANSWER in scene.browser().get(f"/visits/{visit}/report").text
    rows = {
        one["id"]: one for one in scene.browser().get(f"/visits/{visit}/report/data.json").json["questions"]
    }
    assert ANSWER in rows[other]["answer"]


def test_who_governs_no_longer_is_in_charge_of_nothing(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    deputy = scene.town.person("deputy")
    question = scene.accepted(visit)
    decide(scene, visit, [question], "assign", department="0", official=str(deputy))

    def charged() -> tuple[int | None, int | None]:
        found = db.session.get(Department, owner), db.session.get(Casework, question)
        return tuple(one.official_id for one in found)

    change(scene, Department, owner, official_id=deputy)
    assert scene.town.run(charged) == (deputy, deputy)
    said = {"mandate": "", "list_name": "", "portfolio": "", "area_id": "0"}
    answer = scene.browser("admin").submit(f"/admin/people/{deputy}", role="resident", **said)
    assert answer.status_code == 302
    assert scene.town.run(charged) == (None, None)


def test_a_private_case_of_a_closed_account_has_ended_as_it_begins(scene: Scene) -> None:
    visit = scene.visit()
    gone, there = scene.question(visit), scene.question(visit, title="Mine?", name="neighbour")
    scene.town.run(lambda: erase.begin(scene.town.person("resident"), False))
    jobs.run_due(scene.town.app)
    decide(scene, visit, [gone, there], "divert")
    ended = {ident: row(scene, PrivateCase, ident).ended_at is not None for ident in (gone, there)}
    assert ended == {gone: True, there: False}


def erased(scene: Scene, name: str) -> None:
    """Somebody leaves with all they wrote."""
    scene.town.run(lambda: erase.begin(scene.town.person(name), True))
    jobs.run_due(scene.town.app)


def tap(scene: Scene, *questions: int) -> None:
    """Hide what is shown and show what is hidden, by the quick button."""
    for question in questions:
        scene.browser("agent").submit(f"/posts/{question}/hide", _page="/visits/")


def to_answer(scene: Scene, visit: int) -> set[int]:
    """What the team reads in the queue of what is to be answered."""
    page = scene.browser("agent").get(f"/visits/{visit}/review?queue=unanswered").text
    return {int(ident) for ident in re.findall(r'data-question="(\d+)"', page)}


def promised_pair(scene: Scene) -> tuple[int, int, int]:
    """A visit, and two accepted questions of a group, something being promised about the first."""
    visit, owner = scene.visit(), department(scene)
    first = scene.accepted(visit)
    other = scene.accepted(visit, title="And the bench?", name="neighbour")
    promise(scene, first, owner)
    decide(scene, visit, [first, other], "group")
    return visit, first, other


def test_what_joins_a_group_that_an_empty_place_leads_leads_it(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    first, unread = scene.accepted(visit), scene.question(visit, title="And the bench?", name="neighbour")
    promise(scene, first, owner)
    decide(scene, visit, [first, unread], "group")
    erased(scene, "resident")
    assert row(scene, Question, unread).group_id == first
    joins = scene.accepted(visit, title="And the tree?", name="deputy")
    decide(scene, visit, [unread, joins], "group")
    assert [row(scene, Question, ident).group_id for ident in (first, unread, joins)] == [None, joins, None]
    goes_on(scene, visit, joins, answered=False)
    assert to_answer(scene, visit) == {joins}


def test_what_is_shown_again_leads_where_an_empty_place_did_meanwhile(scene: Scene) -> None:
    visit, first, other = promised_pair(scene)
    tap(scene, first)
    erased(scene, "neighbour")
    goes_on(scene, visit, other, answered=False)
    tap(scene, first)
    goes_on(scene, visit, first, answered=False)
    assert row(scene, Question, first).group_id is None
    assert to_answer(scene, visit) == {first}


def test_an_empty_place_keeps_what_was_promised_from_a_question_that_is_hidden(scene: Scene) -> None:
    visit, first, other = promised_pair(scene)
    unread = scene.question(visit, title="And the tree?", name="deputy")
    decide(scene, visit, [other, unread], "group")
    tap(scene, first)
    erased(scene, "neighbour")
    decide(scene, visit, [unread], "reject", reason="No.")
    goes_on(scene, visit, other, answered=False)
    assert [row(scene, Question, ident).group_id for ident in (first, other)] == [other, None]
    assert row(scene, Question, other).outcome == "committed"


def test_an_answer_goes_to_the_one_that_it_was_answered_with(scene: Scene) -> None:
    visit = scene.visit()
    first = scene.accepted(visit)
    answered = scene.answered(visit, ANSWER, title="And the bench?", name="neighbour")
    third = scene.accepted(visit, title="And the tree?")
    decide(scene, visit, [first, third], "group")
    decide(scene, visit, [first, answered], "group")
    assert [row(scene, Question, ident).group_id for ident in (first, answered)] == [None, first]
    erased(scene, "neighbour")
    assert ANSWER in scene.browser().get(f"/posts/{first}").text, "which it was answered with"
    assert row(scene, Question, answered) is None
    tap(scene, first)
    assert ANSWER in scene.browser().get(f"/posts/{third}").text, "which leads since the first is hidden"


def test_an_answer_comes_back_with_the_question_that_was_hidden(scene: Scene) -> None:
    _visit, first, other = grouped(scene)
    tap(scene, first)
    judge(scene, other, "removed")
    tap(scene, first)
    shown = scene.browser().get(f"/posts/{first}").text
    assert ANSWER in shown
    assert PROMISE in shown


@pytest.mark.parametrize("back", [0, 1])
def test_of_two_that_are_hidden_the_one_that_is_shown_again_leads(scene: Scene, back: int) -> None:
    visit, *both = grouped(scene)
    tap(scene, *both)
    assert PROMISE not in scene.browser().get("/visits/promises").text
    tap(scene, both[back])
    goes_on(scene, visit, both[back])
    tap(scene, both[1 - back])
    goes_on(scene, visit, both[back])
    assert row(scene, Question, both[1 - back]).group_id == both[back]


def test_whose_promise_went_on_is_promised_no_more(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    first = scene.answered(visit, ANSWER)
    other = scene.accepted(visit, title="And the bench?", name="neighbour")
    promise(scene, other, owner)
    decide(scene, visit, [first, other], "group")
    tap(scene, other, other)
    goes_on(scene, visit, first)
    assert [row(scene, Question, ident).outcome for ident in (first, other)] == ["committed", "none"]
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit, "Nothing.")
    lead(scene, visit, "publish", name="mayor")
    assert row(scene, Visit, visit).state == "published"


def test_an_outcome_goes_on_with_its_reason(scene: Scene) -> None:
    visit = scene.visit()
    first, other = scene.accepted(visit), scene.accepted(visit, title="And the bench?", name="neighbour")
    conclude(scene, first, "refuse", "Too dear.")
    decide(scene, visit, [first, other], "group")
    tap(scene, first)
    found = row(scene, Question, other)
    assert (found.outcome, found.outcome_reason) == ("refused", "Too dear.")


def test_an_empty_place_that_is_hidden_and_shown_waits_in_no_queue(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    question = scene.accepted(visit)
    promise(scene, question, owner)
    erased(scene, "resident")
    for _time in range(2):
        tap(scene, question)
        assert to_answer(scene, visit) == set()
    goes_on(scene, visit, question, answered=False)
    assert f'href="/posts/{question}"' not in scene.browser().get(f"/visits/{visit}").text
