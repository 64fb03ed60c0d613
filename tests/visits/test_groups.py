"""Questions that are answered together: whatever becomes of the first, none is lost with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core import jobs
from core.db import db
from core.models import Entry
from plugins.neighbourhood_visits.follow.models import Step
from plugins.neighbourhood_visits.models import Casework, Question
from portal.privacy import erase

from .test_moderated_answers import answer_to
from .test_promises import PROMISE, department, promise
from .test_races import at_once, picked, token_only
from .test_report import keep, lead
from .test_triage import decide, row, told

if TYPE_CHECKING:
    from .conftest import Scene


def groups(scene: Scene, *questions: int) -> list[int | None]:
    """With which question each of these is grouped."""
    return [row(scene, Question, one).group_id for one in questions]


def steps_of(scene: Scene, question: int) -> list[str]:
    """What was decided on a question itself."""
    rows = sa.select(Step.verb).where(Step.entry_id == question, Step.thing == "triage").order_by(Step.id)
    return list(scene.town.run(lambda: db.session.scalars(rows).all()))


def leave(scene: Scene, visit: int, question: int, way: str) -> None:
    """Let a question leave what is to be answered, in one of the ways that there are."""
    if way == "withdraw":
        scene.browser("resident").submit(f"/visits/questions/{question}/withdraw")
    elif way in ("hide", "remove"):
        scene.browser("mayor").submit(f"/posts/{question}/{way}", _page="/visits/", sure="1")
    else:
        decide(scene, visit, [question], way, reason="Not ours.", to="The region")


@pytest.mark.parametrize(
    "way", ["withdraw", "reject", "forward", "divert", "reconsider", "ungroup", "hide", "remove"]
)
def test_another_accepted_question_leads_where_the_first_leaves(scene: Scene, way: str) -> None:
    visit = scene.visit()
    first, second, third = (scene.accepted(visit, title=f"Question {number}?") for number in range(3))
    unread = scene.question(visit, title="Number four?")
    decide(scene, visit, [unread, third, second, first], "group")
    assert groups(scene, first, second, third, unread) == [None, first, first, first]
    leave(scene, visit, first, way)
    assert groups(scene, second, third, unread) == [None, second, second]
    agent = scene.browser("agent")
    assert f'id="question-{second}"' in agent.get(f"/visits/{visit}/review?queue=unanswered").text
    shown = scene.browser().get(f"/posts/{third}").text
    assert f'href="/posts/{second}"' in shown
    assert f'href="/posts/{first}"' not in shown


@pytest.mark.parametrize("way", ["withdraw", "reject", "divert", "hide"])
def test_a_question_that_is_left_alone_waits_again_by_itself(scene: Scene, way: str) -> None:
    visit = scene.visit()
    first, second = scene.accepted(visit, title="One?"), scene.accepted(visit, title="Two?")
    decide(scene, visit, [first, second], "group")
    leave(scene, visit, first, way)
    assert groups(scene, second) == [None]
    assert (
        f'id="question-{second}"'
        in scene.browser("agent").get(f"/visits/{visit}/review?queue=unanswered").text
    )
    assert "Answered together" not in scene.browser().get(f"/posts/{second}").text


def test_who_is_rejected_alone_leaves_the_others_together(scene: Scene) -> None:
    visit = scene.visit()
    first, second, third = (scene.accepted(visit, title=f"Question {number}?") for number in range(3))
    decide(scene, visit, [first, second, third], "group")
    decide(scene, visit, [second], "reject", reason="No.")
    assert groups(scene, first, second, third) == [None, None, first]


def test_what_is_accepted_leads_what_is_not(scene: Scene) -> None:
    visit = scene.visit()
    older = scene.question(visit, title="The lamp?")
    newer = scene.question(visit, title="The light?", name="neighbour")
    decide(scene, visit, [newer, older], "group")
    assert groups(scene, older, newer) == [None, older], "the older leads, whichever was ticked first"
    decide(scene, visit, [newer], "accept")
    assert groups(scene, older, newer) == [newer, None]
    assert (
        f'id="question-{newer}"'
        in scene.browser("agent").get(f"/visits/{visit}/review?queue=unanswered").text
    )
    other = scene.accepted(visit, title="The street lamp?")
    last = scene.question(visit, title="The lantern?")
    agent, page = scene.browser("agent"), f"/visits/{visit}/review?queue=unread"
    agent.submit(f"/visits/{visit}/decide", _page=page, one=f"group {last}:0 {other}:0")
    assert groups(scene, other, last) == [None, other]
    decide(scene, visit, [last, newer], "group")
    assert groups(scene, older, newer, other, last) == [newer, None, newer, newer], "two groups become one"


def test_what_is_not_to_be_answered_joins_no_group_and_one_is_none(scene: Scene) -> None:
    visit = scene.visit()
    first, rejected = scene.accepted(visit, title="One?"), scene.question(visit, title="Two?")
    decide(scene, visit, [rejected], "reject", reason="No.")
    agent, page = scene.browser("agent"), f"/visits/{visit}/review"
    for ticked, refusal in (
        ([first, rejected], "This question is not accepted, or no longer."),
        ([first], "Choose at least two questions to group them."),
    ):
        picks = [picked(scene, one) for one in ticked]
        refused = agent.submit(f"/visits/{visit}/decide", _page=page, verb="group", pick=picks)
        assert refused.status_code == 409
        assert refusal in refused.text
    assert groups(scene, first, rejected) == [None, None]
    assert "visits.grouped" not in dict(told(scene))


def test_questions_of_two_visits_are_no_group(scene: Scene) -> None:
    visit = scene.visit()
    here, there = scene.accepted(visit, title="One?"), scene.accepted(scene.visit(), title="Two?")
    refused = decide(scene, visit, [here, there], "group")
    assert "Only questions of one visit are grouped." in refused.text
    assert groups(scene, here, there) == [None, None]


def test_a_question_that_is_hidden_joins_no_group(scene: Scene) -> None:
    visit = scene.visit()
    hidden, seen = (scene.accepted(visit, title=f"{name}?") for name in ("Hidden", "Seen"))
    leave(scene, visit, hidden, "hide")
    decide(scene, visit, [hidden, seen], "group")
    agent = scene.browser("agent")
    assert groups(scene, hidden, seen) == [None, None]
    assert f'id="question-{seen}"' in agent.get(f"/visits/{visit}/review?queue=unanswered").text
    picks = [picked(scene, one) for one in (hidden, seen)]
    page = f"/visits/{visit}/review"
    refused = agent.submit(f"/visits/{visit}/decide", _page=page, verb="group", pick=picks)
    assert "show it again first" in refused.text


@pytest.mark.engines
def test_a_question_joins_while_the_first_is_taken_back(scene: Scene) -> None:
    visit = scene.visit()
    agent, mayor = scene.browser("agent"), scene.browser("mayor")
    page, url = f"/visits/{visit}/review", f"/visits/{visit}/decide"
    for number in range(5):
        first, second = (scene.accepted(visit, title=f"{one} {number}?") for one in ("One", "Two"))
        third = scene.accepted(visit, title=f"Three {number}?")
        decide(scene, visit, [first, second], "group")
        joined = {"one": f"group {first}:0 {third}:0"}
        gone = {"verb": "reject", "reason": "No.", "department": "0", "official": "0"}
        gone["pick"] = picked(scene, first)
        at_once(
            [(agent, url, token_only(agent, page) | joined), (mayor, url, token_only(mayor, page) | gone)]
        )
        assert row(scene, Question, first).triage == "rejected"
        leads = groups(scene, first, second, third)
        assert leads in ([None, None, second], [None, None, None]), "the second leads, or each is alone"


@pytest.mark.engines
@pytest.mark.parametrize("answered", [True, False])
def test_a_group_outlives_the_account_of_who_asked_first(scene: Scene, answered: bool) -> None:
    visit, said = scene.visit(), "The lamp is changed in March."
    one = scene.answered(visit, said) if answered else scene.accepted(visit)
    others = [scene.accepted(visit, title=f"And the bench {at}?", name="neighbour") for at in range(2)]
    decide(scene, visit, [one, *others], "group")
    if answered:
        promise(scene, one, department(scene))
        assert said in scene.browser().get(f"/posts/{one}").text
    comment = scene.browser("neighbour").submit(f"/posts/{one}/reply", f"/posts/{one}", body="Indeed!")
    assert comment.status_code == 302
    own = steps_of(scene, others[0])
    scene.town.run(lambda: erase.begin(scene.town.person("resident"), True))
    jobs.run_due(scene.town.app)
    assert groups(scene, *others) == [None, others[0]]
    assert steps_of(scene, others[0]) == own, "what was decided of the other stays with it"
    assert row(scene, Entry, one).reply_count == 1, "the comment"
    assert row(scene, Entry, others[0]).reply_count == (1 if answered else 0), "the answer"
    lists = scene.browser().get(f"/visits/{visit}").text
    assert "2 questions asked so far" in lists
    assert f"/posts/{one}" not in lists, "an empty place"
    assert "And the bench 1?" in lists
    assert (said in lists) is answered
    assert (said in scene.browser().get(f"/posts/{others[0]}").text) is answered
    assert said not in scene.browser().get(f"/posts/{one}").text
    if answered:
        assert PROMISE in scene.browser().get("/visits/promises").text
        assert PROMISE in scene.browser().get(f"/posts/{others[0]}").text.partition("The whole way")[2]
        found = scene.browser().get(f"/visits/{visit}/data.json").json
        assert [one["question"] for one in found["commitments"]] == [others[0]]
        assert row(scene, Casework, others[0]).approved_by == scene.town.person("mayor")
        became = {one["id"]: (bool(one["answered_at"]), one["outcome"]) for one in found["questions"]}
        assert [became[ident] for ident in others] == [(True, "committed")] * 2
        scene.browser("agent").submit(f"/posts/{answer_to(scene, others[0]).id}/hide", "/visits/")
        assert row(scene, Question, others[0]).answered_at is None


def test_who_takes_an_answer_over_has_none_and_stays_what_they_became(scene: Scene) -> None:
    visit, said = scene.visit(), "The lamp is changed in March."
    one = scene.answered(visit, said)
    drafted = scene.drafted(visit, "Soon.", title="And the bench?", name="neighbour")
    other = scene.accepted(visit, title="And the tree?", name="neighbour")
    for ident, verb in ((one, "settle"), (other, "refuse")):
        page, fields = f"/visits/questions/{ident}", {"verb": verb, "reason": "No room."}
        told = scene.browser("agent").submit(f"{page}/conclude", _page=page, **fields)
        assert told.status_code == 302
    decide(scene, visit, [one, drafted, other], "group")
    scene.town.run(lambda: erase.begin(scene.town.person("resident"), True))
    jobs.run_due(scene.town.app)
    assert groups(scene, drafted, other) == [other, None]
    assert said in scene.browser().get(f"/posts/{other}").text
    assert answer_to(scene, drafted).body == "Soon."
    assert [row(scene, Question, ident).outcome for ident in (drafted, other)] == ["none", "refused"]


def test_an_answer_that_nobody_can_take_over_keeps_its_address_alone(scene: Scene) -> None:
    visit, said = scene.visit(), "The lamp is changed in March."
    one, other = scene.answered(visit, said), scene.question(visit, title="Not read?", name="neighbour")
    decide(scene, visit, [one, other], "group")
    scene.town.run(lambda: erase.begin(scene.town.person("resident"), True))
    jobs.run_due(scene.town.app)
    assert said in scene.browser().get(f"/posts/{one}").text
    assert f"/posts/{one}" not in scene.browser().get(f"/visits/{visit}").text, "an empty place"
    assert groups(scene, other) == [one]


def test_who_supports_two_of_a_group_is_counted_once_wherever_it_is_said(scene: Scene) -> None:
    visit = scene.visit()
    first, other = (scene.accepted(visit, title=f"Question {number}?") for number in range(2))
    supporters = {first: ("neighbour", "deputy", "agent"), other: ("neighbour", "mayor", "opposition")}
    for question, names in supporters.items():
        for name in names:
            page = f"/posts/{question}"
            scene.browser(name).submit(f"{page}/support", _page=page)
    decide(scene, visit, [first, other], "group")
    agent, route = scene.browser("agent"), f"/visits/{visit}/route"
    said = "<span>5 supports</span>"
    assert agent.get(f"/visits/{visit}/review?queue=unanswered").text.count(said) == 1
    assert said in agent.get(route).text
    agent.submit(f"{route}/questions", _page=route, pick=[str(first)])
    assert said in agent.get(route).text
    assert "5 supports" in agent.get(f"/visits/{visit}/themes").text
    assert "6 supports" not in agent.get(f"/visits/{visit}/themes").text
    public = "5 people support it or a similar question, each counted once"
    assert public in scene.browser().get(f"/posts/{first}").text
    assert public not in scene.browser().get(f"/posts/{other}").text
    rows = scene.browser().get(f"/visits/{visit}/data.json").json["questions"]
    assert [(row["supports"], row["group_supports"]) for row in rows] == [(3, 5), (3, 5)]
    scene.let_one_approve()
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit, "Nothing.")
    lead(scene, visit, "publish", name="mayor")
    report = scene.browser().get(f"/visits/{visit}/report").text
    assert (report.count(said), report.count("<span>3 supports</span>")) == (1, 0)


def test_the_report_says_an_answer_that_the_first_of_a_group_lacks(scene: Scene) -> None:
    scene.let_one_approve()
    visit = scene.visit()
    first, third = (scene.accepted(visit, title=f"Question {number}?") for number in range(2))
    decide(scene, visit, [first, third], "group")
    other = scene.answered(visit, "In spring, on both sides.", title="And the bench?", name="neighbour")
    decide(scene, visit, [first, other], "group")
    assert groups(scene, first, other) == [None, first]
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit, "Nothing.")
    lead(scene, visit, "publish", name="mayor")
    report = scene.browser().get(f"/visits/{visit}/report").text
    assert report.count("In spring, on both sides.") == 1
    assert report.count("Answered together with a similar question") == 1
