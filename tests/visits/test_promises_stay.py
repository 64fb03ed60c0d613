"""What is promised stays public with its question, and who asked by a code says whether it is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core.db import db
from core.models import Entry
from plugins.neighbourhood_visits.collect import codes
from plugins.neighbourhood_visits.models import Casework, Commitment, Question
from portal.privacy import erase

from .test_collect_by_code import asked
from .test_collect_codes import opened
from .test_promises import PROMISE, department, promise, turn
from .test_races import at_once, token_only
from .test_report import conclude, lead
from .test_triage import decide, row, told

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from .conftest import Scene

WHY_NOT = "so it stays public. A promise that will not be kept is given up publicly"
DECISIONS = (
    ("reject", {"reason": "No."}),
    ("forward", {"to": "The region"}),
    ("divert", {}),
    ("reconsider", {}),
)


def promises(scene: Scene) -> list[int]:
    """The ids of all promises."""
    return scene.town.run(lambda: list(db.session.scalars(sa.select(Commitment.id).order_by(Commitment.id))))


@pytest.mark.parametrize("given_up", [False, True])
def test_a_question_about_which_something_was_promised_stays_public(scene: Scene, given_up: bool) -> None:
    visit, owner = scene.visit(), department(scene)
    question = scene.accepted(visit)
    page, own = f"/visits/questions/{question}", f"/visits/questions/{question}/withdraw"
    resident, agent = scene.browser("resident"), scene.browser("agent")
    assert "Take it back from the public" in agent.get(page).text
    assert own in resident.get(f"/posts/{question}").text
    promise(scene, question, owner)
    [ident] = promises(scene)
    if given_up:
        turn(scene, ident, "abandon", "agent", "No money.")
    for verb, more in DECISIONS:
        review, pick = f"/visits/{visit}/review", f"{question}:{row(scene, Question, question).moves}"
        told_so = agent.submit(f"/visits/{visit}/decide", _page=review, verb=verb, pick=[pick], **more)
        assert (told_so.status_code, WHY_NOT in told_so.text) == (409, True), verb
    told_so = agent.submit(f"{page}/reject", _page=page, reason="No.")
    assert (told_so.status_code, WHY_NOT in told_so.text) == (409, True)
    shown = agent.get(page).text
    assert WHY_NOT in shown
    assert "Take it back from the public" not in shown
    assert 'value="divert"' not in shown
    assert 'value="assign"' in shown, "who answers is still said"
    assert own not in resident.get(f"/posts/{question}").text
    assert resident.get(own).location == f"/posts/{question}"
    assert WHY_NOT in resident.submit(own, _page=f"/posts/{question}").text
    code = scene.town.run(lambda: codes.code_of(question))
    assert "Withdraw my question" not in opened(scene, code).text
    for sure in ({}, {"sure": "1"}):
        answer = scene.browser().submit("/visits/code/withdraw", "/visits/code", code=code, **sure)
        assert WHY_NOT in answer.text, sure
    assert row(scene, Question, question).triage == "accepted"
    public = scene.browser().get("/visits/promises").text
    assert PROMISE in public
    assert ("Given up" in public) == ("No money." in public) == given_up
    assert PROMISE in scene.browser().get(f"/visits/{visit}/commitments.csv").text


def test_a_question_is_withdrawn_while_something_is_promised_about_it(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    agent, resident = scene.browser("agent"), scene.browser("resident")
    for number in range(5):
        question = scene.accepted(visit, title=f"Question {number}?")
        form, own = f"/visits/questions/{question}/promise", f"/visits/questions/{question}/withdraw"
        said = {"text": PROMISE, "department": str(owner), "due_on": "2099-05-01"}
        tries = [
            (agent, form, token_only(agent, form) | said),
            (resident, own, token_only(resident, own)),
        ]
        at_once(tries)
        kept = row(scene, Question, question).triage == "accepted"
        about = sa.select(Commitment.id).where(Commitment.question_id == question)
        assert (scene.town.run(lambda one=about: db.session.scalar(one)) is not None) == kept  # type: ignore[misc]


def test_the_outcome_stays_promised_until_the_promise_is_given_up(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    question = scene.drafted(visit)
    page, agent, mayor = f"/visits/questions/{question}", scene.browser("agent"), scene.browser("mayor")
    agent.submit(f"{page}/answer", _page=page, body="It is mended on Monday.", version="1", submit="yes")
    assert 'value="refuse"' in mayor.get("/visits/next").text
    promise(scene, question, owner)
    [ident] = promises(scene)
    for verb in ("settle", "refuse", "study", "decline", "inform"):
        conclude(scene, question, verb, "Too dear.")
        assert "A promise about this question stands" in agent.get(page).text
        assert row(scene, Question, question).outcome == "committed", verb
    shown = mayor.get(page).text
    assert "A promise about this question stands" in shown
    assert 'value="refuse"' not in shown
    assert "Make a promise" in shown, "another may be made"
    assert 'value="refuse"' not in mayor.get("/visits/next").text
    said = {"body": "It is mended on Monday.", "version": "1", "outcome": "refuse", "publish": "yes"}
    refused = mayor.submit(f"{page}/answer", _page=page, **said)
    assert refused.status_code in (409, 422)
    assert row(scene, Question, question).answered_at is None
    badge = ">{}</span>"
    assert badge.format("Promised") in scene.browser().get(f"/visits/{visit}").text
    turn(scene, ident, "abandon", "agent", "No money.")
    shown = scene.browser().get(f"/visits/{visit}").text
    assert badge.format("Promise given up") in shown
    assert badge.format("Promised") not in shown
    conclude(scene, question, "refuse", "Too dear.")
    assert row(scene, Question, question).outcome == "refused"


def test_a_promise_whose_form_is_sent_twice_is_made_once(scene: Scene) -> None:
    question, owner = scene.accepted(scene.visit()), department(scene)
    assert [promise(scene, question, owner) for _time in range(2)] == [302, 302]
    assert len(promises(scene)) == 1
    assert promise(scene, question, owner, due_on="2099-06-01") == 302
    assert len(promises(scene)) == 2, "another day is another promise"
    turn(scene, promises(scene)[0], "abandon", "agent", "No money.")
    promise(scene, question, owner)
    assert len(promises(scene)) == 3, "what was given up may be promised anew"
    agent, page = scene.browser("agent"), f"/visits/questions/{question}/promise"
    scene.browser("admin").submit("/visits/departments/new", name="Parks", days="30", official="0")
    said = {"text": PROMISE, "department": str(owner), "due_on": "2099-05-01"}
    for other in ({"text": "The bench is painted."}, {"department": str(owner + 1)}):
        assert agent.submit(page, **said | other).status_code == 302
    assert len(promises(scene)) == 5, "so are other words, and another department"


def test_a_promise_that_is_given_up_names_no_keeper_by_the_code(scene: Scene) -> None:
    question, owner = scene.accepted(scene.visit()), department(scene)
    code = scene.town.run(lambda: codes.code_of(question))
    promise(scene, question, owner)
    assert "<dd>Roads</dd>" in opened(scene, code).text
    assert ">Promised</span>" in opened(scene, code).text
    turn(scene, promises(scene)[0], "abandon", "agent", "No money.")
    told_so = opened(scene, code).text
    assert "<dd>Roads</dd>" not in told_so
    assert ">Promise given up</span>" in told_so
    assert ">Promised</span>" not in told_so


@pytest.mark.engines
def test_a_promise_that_is_sent_twice_at_once_is_made_once(scene: Scene) -> None:
    question, owner = scene.accepted(scene.visit()), department(scene)
    agent, form = scene.browser("agent"), f"/visits/questions/{question}/promise"
    said = token_only(agent, form) | {"text": PROMISE, "department": str(owner), "due_on": "2099-05-01"}
    answers = at_once([(agent, form, said), (agent, form, said)])
    assert [answer.status_code for answer in answers] == [302, 302]
    assert len(promises(scene)) == 1


def say(scene: Scene, code: str, ident: int, verb: str, reason: str = "") -> TestResponse:
    """What a visitor says of a promise who holds a code."""
    fields = {"code": code, "promise": str(ident), "verb": verb, "reason": reason}
    return scene.browser().submit("/visits/code/promise", _page="/visits/code", **fields)


def test_who_asked_by_a_code_is_asked_whether_a_promise_is_kept(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    assert asked(scene, visit).location == "/visits/received"
    question = scene.town.run(lambda: db.session.scalar(sa.select(Casework.entry_id)))
    code = scene.town.run(lambda: codes.code_of(question))
    decide(scene, visit, [question], "accept")
    assert "What was promised" not in opened(scene, code).text
    assert promise(scene, question, owner) == 302
    [ident] = promises(scene)
    thread = opened(scene, code).text
    for said in (PROMISE, "by 1 May 2099", "<dd>Roads</dd>", "<span>Roads</span>", "The whole way"):
        assert said in thread, said
    assert "The team of the visit" not in thread
    assert "Yes, it is done" not in thread
    assert "in the meantime" in say(scene, code, ident, "contest", "It is dark.").text, "nobody is asked yet"
    turn(scene, ident, "claim", "agent")
    thread = opened(scene, code).text
    assert "Said to be done" in thread
    forms = re.findall(r'<form[^>]*action="/visits/code/promise">.*?</form>', thread, re.DOTALL)
    assert len(forms) == 2
    assert all(f'name="code" value="{code}"' in form for form in forms), "by form, without a script"
    assert "Write the reason." in say(scene, code, ident, "contest").text
    assert row(scene, Commitment, ident).state == "done_claimed"
    thread = say(scene, code, ident, "contest", "Two lamps are dark.").text
    assert "the promise is under way again" in thread
    assert "that it is not done." in thread
    assert row(scene, Commitment, ident).state == "in_progress"
    assert "visits.contested" in dict(told(scene))
    for page in ("/visits/promises", f"/posts/{question}"):
        shown = scene.browser().get(page).text
        assert "that it is not done." in shown
        assert "Two lamps are dark." not in shown, "the team looks at it first"
    reply = scene.town.run(
        lambda: db.session.scalars(sa.select(Entry).where(Entry.kind == "visits.unnamed")).one()
    )
    assert (reply.body, reply.author_id, reply.byline) == ("Two lamps are dark.", None, "A resident")
    assert reply.state == "pending"
    assert "in the meantime" in say(scene, code, ident, "contest", "Still.").text, "once until asked again"
    turn(scene, ident, "claim", "agent")
    assert "the promise counts as kept" in say(scene, code, ident, "confirm").text
    assert row(scene, Commitment, ident).state == "confirmed"


def test_a_code_speaks_for_the_promises_of_its_own_question_alone(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    mine, other = (
        scene.accepted(visit, title="A lamp?"),
        scene.accepted(visit, title="A bench?", name="neighbour"),
    )
    promise(scene, other, owner)
    [ident] = promises(scene)
    turn(scene, ident, "claim", "agent")
    code = scene.town.run(lambda: codes.code_of(mine))
    assert say(scene, code, ident, "confirm").status_code == 403
    assert say(scene, "2345-6789", ident, "confirm").status_code == 422
    for verb in ("start", "claim", "abandon"):
        assert say(scene, code, ident, verb, "No.").status_code == 404, verb
    assert row(scene, Commitment, ident).state == "done_claimed"


def test_the_one_about_which_something_is_promised_leads_its_group(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    older, newer = scene.accepted(visit, title="One?"), scene.accepted(visit, title="Two?")
    promise(scene, newer, owner)
    decide(scene, visit, [older, newer], "group")
    assert [row(scene, Question, one).group_id for one in (older, newer)] == [newer, None]
    decide(scene, visit, [newer], "divert")
    assert row(scene, Question, newer).triage == "accepted"


def leaves(scene: Scene, name: str) -> None:
    """Let somebody close their account and have their words deleted."""
    scene.town.run(lambda: erase.begin(scene.town.person(name), True))
    scene.town.run(erase.run)


def test_a_promise_outlives_the_account_of_who_asked(scene: Scene) -> None:
    scene.let_one_approve()
    visit, owner = scene.visit(), department(scene)
    question, other = scene.accepted(visit, title="A zibeline?"), scene.accepted(visit, title="A bench?")
    promise(scene, question, owner)
    lead(scene, visit, "close", "finish", "begin", "end")
    lead(scene, visit, "publish", name="mayor")
    leaves(scene, "resident")
    visitor = scene.browser()
    report, data = f"/visits/{visit}/report", f"/visits/{visit}/report/data.json"
    for page in ("/visits/promises", f"/posts/{question}", report, data):
        shown = visitor.get(page).text
        assert PROMISE in shown, page
        assert "zibeline" not in shown, page
    assert visitor.get(f"/posts/{other}").status_code == 404, "nothing was said of it"
    assert f"/posts/{question}" not in visitor.get(f"/visits/{visit}").text, "an empty place"
    [ident] = promises(scene)
    assert turn(scene, ident, "claim", "agent").status_code == 302
    assert row(scene, Commitment, ident).state == "done_claimed"


@pytest.mark.parametrize("what", ["promise", "draft", "held"])
def test_what_is_said_of_a_group_goes_to_the_next_when_who_asked_first_leaves(
    scene: Scene, what: str
) -> None:
    visit, owner = scene.visit(), department(scene)
    first = scene.accepted(visit)
    other = scene.accepted(visit, title="And the bench?", name="neighbour")
    decide(scene, visit, [first, other], "group")
    if what == "promise":
        promise(scene, first, owner)
    else:
        scene.draft(first, "In spring.")
    if what == "held":
        scene.approve(first, "In spring.", publish="", hold="yes")
    leaves(scene, "resident")
    assert scene.town.run(lambda: db.session.get(Entry, first)) is None
    if what == "promise":
        assert PROMISE in scene.browser().get(f"/posts/{other}").text
        assert PROMISE in scene.browser().get("/visits/promises").text
        assert row(scene, Question, other).outcome == "committed"
    else:
        state = {"draft": "drafted", "held": "approved"}[what]
        assert row(scene, Casework, other).answer == state
        assert "In spring." in scene.browser("agent").get(f"/visits/questions/{other}").text
        assert row(scene, Entry, other).reply_count == 0


def test_who_asked_or_supports_any_of_a_group_is_asked_about_its_promise(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    first = scene.accepted(visit)
    other = scene.accepted(visit, title="And the bench?", name="neighbour")
    assert asked(scene, visit).location == "/visits/received"
    third = scene.town.run(lambda: db.session.scalar(sa.select(sa.func.max(Casework.entry_id))))
    code = scene.town.run(lambda: codes.code_of(third))
    decide(scene, visit, [third], "accept")
    decide(scene, visit, [first, other, third], "group")
    promise(scene, first, owner)
    [ident] = promises(scene)
    supporter = scene.town.person("supporter")
    scene.browser("supporter").submit(f"/posts/{other}/support", _page=f"/posts/{other}")
    turn(scene, ident, "claim", "agent")
    asked_of = {scene.town.person(name) for name in ("resident", "neighbour")} | {supporter}
    assert {person for kind, person in told(scene) if kind == "visits.done"} == asked_of
    thread = opened(scene, code).text
    assert PROMISE in thread
    assert "Yes, it is done" in thread
    shown = scene.browser("neighbour").get(f"/posts/{other}").text
    assert PROMISE in shown
    stranger = scene.browser("stranger")
    scene.town.person("stranger")
    assert "Yes, it is done" not in stranger.get(f"/posts/{other}").text
    said = {"verb": "contest", "reason": "It is dark."}
    told_so = scene.browser("neighbour").submit(
        f"/visits/promises/{ident}/turn", _page=f"/posts/{other}", **said
    )
    assert told_so.status_code == 302
    assert row(scene, Commitment, ident).state == "in_progress"
    turn(scene, ident, "claim", "agent")
    assert "the promise counts as kept" in say(scene, code, ident, "confirm").text


def test_who_keeps_a_promise_confirms_it_by_no_code_that_they_can_read(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    assert asked(scene, visit).location == "/visits/received"
    question = scene.town.run(lambda: db.session.scalar(sa.select(Casework.entry_id)))
    code = scene.town.run(lambda: codes.code_of(question))
    decide(scene, visit, [question], "accept")
    promise(scene, question, owner)
    [ident] = promises(scene)
    turn(scene, ident, "claim", "agent")
    fields = {"code": code, "promise": str(ident), "verb": "confirm", "reason": ""}
    agent = scene.browser("agent")
    assert agent.submit("/visits/code/promise", _page="/visits/code", **fields).status_code == 403
    assert row(scene, Commitment, ident).state == "done_claimed"
    assert "the promise counts as kept" in say(scene, code, ident, "confirm").text


def test_what_is_said_of_a_group_goes_to_the_next_when_moderators_remove_its_first(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    first = scene.answered(visit, "In spring.")
    other = scene.accepted(visit, title="And the bench?", name="neighbour")
    promise(scene, first, owner)
    decide(scene, visit, [first, other], "group")
    act = {"act": "removed", "reason": "private", "text": "It names somebody."}
    scene.browser("agent").submit(f"/posts/{first}/decide", **act)
    assert scene.browser("agent").get(f"/posts/{first}").status_code == 404
    shown = scene.browser().get(f"/posts/{other}").text
    assert "In spring." in shown
    assert PROMISE in shown
    assert PROMISE in scene.browser().get("/visits/promises").text
    assert row(scene, Entry, other).reply_count == 1
