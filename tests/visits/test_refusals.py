"""Who may not: beside each success, the refusals of the same act."""

from __future__ import annotations

import re

import pytest

from .conftest import QUESTION, Scene
from .test_triage import decide

OUTSIDERS = ("opposition", "colleague", "mayor2", "agent2", "admin", "resident", "neighbour")


def test_announcing_takes_an_office_and_a_mandate_in_the_area(scene: Scene) -> None:
    assert scene.browser("mayor").get("/visits/new").status_code == 200
    assert scene.browser("agent").get("/visits/new").status_code == 200
    for name in ("opposition", "resident"):
        browser = scene.browser(name)
        assert browser.get("/visits/new").status_code == 403, name
        assert browser.submit("/visits/new", _page="/visits/", **scene.plan()).status_code == 403, name
    visitor = scene.browser()
    assert "/sign-in" in visitor.get("/visits/new").location
    elsewhere = scene.browser("mayor2").submit("/visits/new", **scene.plan(), announce="yes")
    assert elsewhere.status_code == 422
    assert "Tanneries" not in visitor.get("/visits/").text


def test_the_review_pages_are_the_teams(scene: Scene) -> None:
    visit = scene.visit()
    pending, accepted = scene.question(visit), scene.accepted(visit, title="Is the bridge safe?")
    deputy = scene.browser("deputy")
    pages = (f"/visits/{visit}/review", f"/visits/{visit}/edit", f"/visits/questions/{accepted}")
    for page in (*pages, f"/visits/questions/{pending}"):
        assert deputy.get(page).status_code == 200
    for name in OUTSIDERS:
        browser = scene.browser(name)
        for page in pages:
            assert browser.get(page).status_code == 403, (name, page)
        if name != "resident":
            assert browser.get(f"/visits/questions/{pending}").status_code == 404, name
            assert browser.get(f"/visits/questions/{pending}/thanks").status_code == 404, name
        tries = ((pending, "accept"), (pending, "reject"), (accepted, "answer"), (accepted, "note"))
        for question, verb in tries:
            fields = {"reason": "no", "body": "no", "note": "no", "publish": "yes"}
            url = f"/visits/questions/{question}/{verb}"
            answer = browser.submit(url, _page="/visits/", **fields)
            assert answer.status_code in (403, 404), (name, verb)
        for verb in ("close", "reopen"):
            answer = browser.submit(f"/visits/{visit}/{verb}", _page="/visits/")
            assert answer.status_code == 403, (name, verb)
    assert QUESTION not in scene.browser().get(f"/visits/{visit}").text


def test_the_doors_of_the_core_do_not_pass_the_team_by(scene: Scene) -> None:
    visit = scene.visit()
    pending, accepted = scene.question(visit), scene.accepted(visit, title="Is the bridge safe?")
    for name in (*OUTSIDERS, "agent"):
        browser = scene.browser(name)
        for question in (pending, accepted):
            for verb in ("release",) if name == "agent" else ("release", "hide", "pin", "lock", "edit"):
                if (name, verb) == ("resident", "edit") or (
                    name in ("colleague", "admin") and verb in ("hide", "lock", "pin")
                ):
                    continue  # one's own words, and what staff oversee in all public spaces of their area
                answer = browser.submit(f"/posts/{question}/{verb}", _page="/visits/")
                assert answer.status_code in (403, 404, 405), (name, verb, question)
    public = scene.browser().get(f"/visits/{visit}").text
    assert "Is the bridge safe?" in public
    assert QUESTION not in public


def test_an_agent_drafts_and_an_official_publishes(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    page = f"/visits/questions/{question}"
    refused = scene.browser("agent").submit(f"{page}/answer", _page=page, body="In March.", publish="yes")
    assert refused.status_code == 403
    assert "In March." not in scene.browser("deputy").get(page).text
    own = scene.browser("deputy").submit(f"{page}/answer", _page=page, body="In March.", publish="yes")
    assert own.status_code == 409
    assert "Somebody else than who drafted" in own.text
    scene.draft(question, "In March.")
    scene.approve(question, "In March.", "deputy")


def test_a_rejected_question_stays_between_its_author_and_the_team(scene: Scene) -> None:
    visit = scene.visit()
    question, page = scene.question(visit), f"/visits/{visit}"
    review = f"/visits/questions/{question}"
    agent = scene.browser("agent")
    empty = agent.submit(f"{review}/reject", _page=review, reason=" ")
    assert empty.status_code == 422
    assert "Write the reason" in empty.text
    assert agent.submit(f"{review}/reject", _page=review, reason="The region mends it.").status_code == 302
    told = scene.browser("resident").get(page).text
    assert QUESTION in told
    assert "The region mends it." in told
    for name in (None, "neighbour", "opposition", "mayor2"):
        seen = scene.browser(name).get(page).text
        assert QUESTION not in seen
        assert "The region mends it." not in seen


def test_an_accepted_question_can_be_taken_back_and_accepted_again(scene: Scene) -> None:
    visit = scene.visit()
    question, page = scene.accepted(visit), f"/visits/{visit}"
    review, agent = f"/visits/questions/{question}", scene.browser("agent")
    assert QUESTION in scene.browser().get(page).text
    agent.submit(f"{review}/reject", _page=review, reason="A neighbour is named.")
    assert QUESTION not in scene.browser().get(page).text
    assert "A neighbour is named." in scene.browser("resident").get(page).text
    agent.submit(f"{review}/accept", _page=review)
    assert QUESTION in scene.browser().get(page).text
    assert "A neighbour is named." not in scene.browser("resident").get(page).text


@pytest.mark.parametrize("past", [False, True])
def test_a_closed_visit_says_so_kindly(scene: Scene, past: bool) -> None:
    visit = scene.visit(closed=True)
    if past:
        end(scene, visit)
    for name, extra in ((None, {"name": "Mireille", "email": "mireille@example.org"}), ("resident", {})):
        browser = scene.browser(name)
        shown = browser.get(f"/visits/{visit}/ask")
        assert shown.status_code == 200
        assert "takes no more questions" in shown.text
        late = browser.submit(f"/visits/{visit}/ask", _page="/visits/", title=QUESTION, **extra)
        assert late.status_code == 409
        assert QUESTION in late.text
    assert QUESTION not in scene.browser("agent").get(f"/visits/{visit}/review").text


def test_a_visit_that_closed_early_names_no_day_to_come(scene: Scene) -> None:
    shown = scene.browser().get(f"/visits/{scene.visit(closed=True)}").text
    assert "no longer taken; come to the meeting point" in shown
    assert "closed since" not in shown


def end(scene: Scene, visit: int) -> None:
    """Let the visit be over since yesterday."""
    import datetime as dt

    from core.db import db, now, write
    from plugins.neighbourhood_visits.models import Visit

    def move() -> None:
        with write():
            row = db.session.get(Visit, visit)
            row.starts_at, row.ends_at = now() - dt.timedelta(hours=26), now() - dt.timedelta(hours=24)
            row.questions_close_at = row.starts_at

    scene.town.run(move)


def test_bad_input_is_told_beside_its_field_and_kept(scene: Scene) -> None:
    visit = scene.visit()
    answer = scene.browser().submit(
        f"/visits/{visit}/ask",
        title=QUESTION,
        name="",
        email="mireille(at)example.org",
        place="rue du Lavoir",
    )
    assert answer.status_code == 422
    assert QUESTION in answer.text
    assert "rue du Lavoir" in answer.text
    assert 'href="#name"' in answer.text
    assert "Write a complete address" in answer.text
    plan = scene.plan() | {"ends": "17:00", "closes": "2999-01-01", "meeting_point": ""}
    wrong = scene.browser("mayor").submit("/visits/new", **plan, announce="yes")
    assert wrong.status_code == 422
    for text in ("It must end after it begins.", "be after the visit", "Say where people meet."):
        assert text in wrong.text
    past = scene.browser("mayor").submit("/visits/new", **(scene.plan() | {"date": "2020-01-01"}))
    assert "This date has passed." in past.text
    bad = scene.browser().get(f"/visits/{visit}?after=1-2")
    assert bad.status_code == 200


def test_a_question_whose_answer_is_taken_away_waits_again(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.answered(visit, "It is mended on Monday.")
    mayor, queue = scene.browser("mayor"), f"/visits/{visit}/review?queue=unanswered"
    assert QUESTION not in mayor.get(queue).text
    [answer] = scene.town.run(lambda: answers(question))
    for waits in (True, False):
        assert mayor.submit(f"/posts/{answer}/hide", _page="/visits/").status_code == 302
        assert (QUESTION in mayor.get(queue).text) == waits
        assert ("It is mended" in scene.browser().get(f"/visits/{visit}").text) != waits
    assert mayor.submit(f"/posts/{answer}/remove").status_code == 302
    assert QUESTION in mayor.get(queue).text
    scene.draft(question, "On Tuesday.")
    scene.approve(question, "On Tuesday.")
    assert "On Tuesday." in scene.browser().get(f"/posts/{question}").text


def answers(question: int) -> list[int]:
    """The ids of the replies to a question."""
    import sqlalchemy as sa

    from core.db import db
    from core.models import Entry

    return list(db.session.scalars(sa.select(Entry.id).where(Entry.parent_id == question)))


def test_what_was_said_before_a_question_is_public_stays_private(
    scene: Scene,
) -> None:
    visit = scene.visit()
    question = scene.question(visit)
    page, review = f"/posts/{question}", f"/visits/questions/{question}"
    agent = scene.browser("agent")
    said = agent.submit(f"{page}/reply", _page=page, body="Which lamp, please? Write to us here.")
    assert said.status_code == 302, said.text
    agent.submit(f"{review}/accept", _page=review)
    agent.submit(f"{page}/reply", _page=page, body="Thank you, we look at it.")
    for name in ("resident", "agent"):
        shown = scene.browser(name).get(page).text
        assert "Which lamp, please?" in shown
        assert "Thank you, we look at it." in shown
    for name in (None, "neighbour", "opposition"):
        shown = scene.browser(name).get(page).text
        assert "Which lamp, please?" not in shown
        assert "Thank you, we look at it." in shown


def test_of_two_who_change_a_visit_at_once_the_later_is_told(scene: Scene) -> None:
    visit = scene.visit()
    page, plan = f"/visits/{visit}/edit", scene.plan()
    mayor, deputy = scene.browser("mayor"), scene.browser("deputy")
    seen = re.findall(r'name="version"[^>]*value="(\d+)"', mayor.get(page).text)[0]
    first = {**plan, "meeting_point": "The bridge", "version": seen}
    assert deputy.submit(page, **first).status_code == 302
    late = mayor.submit(page, **{**plan, "meeting_point": "The mill", "version": seen})
    assert late.status_code == 422
    assert "Somebody else changed this" in late.text
    assert 'value="The mill"' in late.text, "nothing typed is lost"
    assert "The bridge" in scene.browser().get(f"/visits/{visit}").text
    unseen = mayor.submit(page, **{**plan, "meeting_point": "The mill"})
    assert unseen.status_code == 422, "who says no version has seen none"
    again = re.findall(r'name="version"[^>]*value="(\d+)"', late.text)[0]
    assert mayor.submit(page, **{**plan, "meeting_point": "The mill", "version": again}).status_code == 302
    assert "The mill" in scene.browser().get(f"/visits/{visit}").text


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_at_the_end_of_the_calendar_is_a_mistake_beside_its_field(scene: Scene, day: str) -> None:
    answer = scene.browser("mayor").submit("/visits/new", **{**scene.plan(), "date": day, "closes": day})
    assert answer.status_code == 422
    assert 'href="#date"' in answer.text
    assert 'href="#closes"' in answer.text


def test_an_answered_question_leads_back_from_the_page_to_withdraw_it(scene: Scene) -> None:
    question = scene.answered(scene.visit())
    page, resident = f"/visits/questions/{question}/withdraw", scene.browser("resident")
    assert resident.get(page).location == f"/posts/{question}"
    assert "so it stays public" in resident.get(f"/posts/{question}").text
    assert scene.browser("neighbour").get(page).status_code == 404


def test_who_contests_is_spoken_to_about_their_own_words(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.question(visit)
    decide(scene, visit, [question], "reject", reason="Not ours.")
    contest = f"/visits/questions/{question}/contest"
    scene.browser("resident").submit(contest, reason="It is the town's lamp.")
    own = scene.browser("resident").get(f"/posts/{question}").text
    assert "What you hold against that:" in own
    assert "What its author holds against that:" not in own
    assert "What its author holds against that:" in scene.browser("agent").get(f"/posts/{question}").text
