"""An answer: drafted by one, approved by another, published now or on the day of the visit, and counted."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import jobs
from core.access import as_system
from core.db import db, insert_once, now, write
from core.models import Entry, Follow, JobRow, Mail, Notice
from plugins.neighbourhood_visits.models import Answer, Casework, Question, Visit
from portal.notices import letters, mailing

from .conftest import QUESTION, draft_version, today
from .test_plugin import change
from .test_triage import row, told

if TYPE_CHECKING:
    from .conftest import Scene

ANSWER = "It is mended on Monday."


def answer(scene: Scene, question: int, name: str, **fields: Any) -> int:
    """The status of what somebody does with the draft as it stands."""
    page, browser = f"/visits/questions/{question}", scene.browser(name)
    said = {"body": ANSWER, "version": draft_version(browser, page), **fields}
    return browser.submit(f"{page}/answer", _page=page, **said).status_code


def test_who_drafted_does_not_approve_unless_the_setting_says_so(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    assert answer(scene, question, "mayor") == 302
    assert answer(scene, question, "mayor", publish="yes") == 409
    assert scene.browser().get(f"/posts/{question}").text.count(ANSWER) == 0
    page = "/admin/plugins/neighbourhood_visits"
    fields = {"days_to_answer": "30", "one_person_approves": "y"}
    assert scene.browser("admin").submit(page, **fields).status_code == 302
    assert answer(scene, question, "mayor", publish="yes") == 302
    assert ANSWER in scene.browser().get(f"/posts/{question}").text


def test_a_mayor_alone_on_the_team_publishes_what_they_wrote_and_nobody_else_does(scene: Scene) -> None:
    visit = scene.visit(officials=[], agents=[])
    question, page = scene.question(visit), f"/visits/{visit}/edit"
    own = f"/visits/questions/{question}"
    assert scene.browser("mayor").submit(f"{own}/accept", _page=own).status_code == 302
    shown = scene.browser("mayor").get(own).text
    assert "you may publish what you wrote yourself" in shown
    assert f'href="{page}#officials-0"' in shown
    assert answer(scene, question, "mayor", publish="yes") == 302
    assert ANSWER in scene.browser().get(f"/posts/{question}").text
    assert row(scene, Casework, question).drafted_by == row(scene, Casework, question).approved_by


def test_a_second_elected_person_on_the_team_brings_the_second_pair_of_eyes_back(scene: Scene) -> None:
    visit = scene.visit(officials=[], agents=[])
    question = scene.question(visit)
    own, mayor = f"/visits/questions/{question}", scene.browser("mayor")
    assert mayor.submit(f"{own}/accept", _page=own).status_code == 302
    assert answer(scene, question, "mayor") == 302
    both = scene.plan() | {"agents": []}
    version = re.search(r'name="version"[^>]*value="(\d+)"', mayor.get(f"/visits/{visit}/edit").text)
    assert version is not None
    told = mayor.submit(f"/visits/{visit}/edit", version=version[1], **both)
    assert told.status_code == 302
    assert "Ask for approval" in mayor.get(own).text
    assert answer(scene, question, "mayor", publish="yes") == 409
    assert ANSWER not in scene.browser().get(f"/posts/{question}").text
    assert answer(scene, question, "deputy", publish="yes") == 302


def test_officials_are_asked_to_approve_and_the_record_names_both(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    assert answer(scene, question, "agent", submit="yes") == 302
    waits = {person for kind, person in told(scene) if kind == "visits.to_approve"}
    assert waits == {scene.town.person("mayor"), scene.town.person("deputy")}
    assert answer(scene, question, "deputy", publish="yes", outcome="settle") == 302
    casework = row(scene, Casework, question)
    assert casework.drafted_by == scene.town.person("agent")
    assert casework.approved_by == scene.town.person("deputy")
    shown = scene.browser("agent").get(f"/visits/questions/{question}").text
    assert "drafted by Agent" in shown
    assert "approved by Deputy" in shown


def test_what_is_approved_waits_for_none_of_the_officials_any_more(scene: Scene) -> None:
    """Not on the page, nor in mail; and who was quicker than the worker leaves nothing to tell."""
    visit = scene.visit()
    first, second = (scene.accepted(visit, title=f"Question {number}?") for number in range(2))
    assert "core.waits" not in {kind for kind, _entry in notices(scene)}, "both are accepted"
    assert answer(scene, first, "agent", submit="yes") == 302
    assert ("visits.to_approve", first) in notices(scene)
    assert "waits for approval" in scene.browser("deputy").get("/notices").text
    assert answer(scene, first, "mayor", publish="yes") == 302
    assert answer(scene, second, "agent", submit="yes") == 302
    assert answer(scene, second, "mayor", publish="yes") == 302
    assert "visits.to_approve" not in {kind for kind, _entry in notices(scene)}
    assert "waits for approval" not in scene.browser("deputy").get("/notices").text


def notices(scene: Scene) -> set[tuple[str, int]]:
    """What there is for anybody, once the worker has done its part."""
    jobs.run_due(scene.town.app)
    found = sa.select(Notice.type, Notice.entry_id)
    return {tuple(one) for one in scene.town.run(lambda: db.session.execute(found).all())}


def test_who_asked_and_who_supports_hear_of_the_answer(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    scene.browser("neighbour").submit(f"/posts/{question}/support", _page=f"/posts/{question}")
    scene.draft(question, ANSWER)
    scene.approve(question, ANSWER)
    heard = sorted(person for kind, person in told(scene) if kind == "visits.answered")
    assert heard == sorted(scene.town.person(name) for name in ("resident", "neighbour"))


def test_the_answer_itself_is_mailed_once_to_each_and_to_nobody_once_it_is_hidden(scene: Scene) -> None:
    """Who asked follows the thread as well, in which the core tells of what is new."""
    question = scene.accepted(scene.visit())
    follows = scene.town.person("resident"), scene.town.person("colleague")
    for person in follows:
        scene.town.run(lambda person=person: _follow(person, question))
    jobs.run_due(scene.town.app)
    told_before = max(scene.town.run(lambda: db.session.scalars(sa.select(Mail.id)).all()), default=0)
    scene.draft(question, ANSWER)
    scene.approve(question, ANSWER)
    jobs.run_due(scene.town.app)
    scene.town.run(mailing.mail_due)
    assert set(_mailed(scene, told_before)) >= {"colleague@example.org", "resident@example.org"}
    for recipient, text in _mailed(scene, told_before).items():
        assert ANSWER in text, recipient
        assert QUESTION in text, recipient
    answer_id = scene.town.run(lambda: db.session.scalar(sa.select(Answer.entry_id)))
    change(scene, Entry, answer_id, state="hidden", team_only=True)
    assert not any(ANSWER in text for text in _mailed(scene, told_before).values())


def _follow(person: int, question: int) -> None:
    with as_system("test"), write():
        insert_once(Follow, user_id=person, entry_id=question)


def _mailed(scene: Scene, after: int) -> dict[str, str]:
    """What each letter with notices of an answer would say now, by recipient."""

    def build() -> dict[str, str]:
        with as_system("test"):
            rows = db.session.scalars(sa.select(Mail).where(Mail.kind == mailing.KIND, Mail.id > after)).all()
            found = [(row.recipient, letters.write(row)) for row in rows]
        assert len({recipient for recipient, _made in found}) == len(found), "one message each"
        return {recipient: made[0].text if made else "" for recipient, made in found}

    return scene.town.run(build)


def test_an_answer_is_held_until_the_visit(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.drafted(visit, ANSWER)
    assert answer(scene, question, "mayor", hold="yes") == 302
    publish_due(scene)
    assert ANSWER not in scene.browser().get(f"/posts/{question}").text
    assert row(scene, Casework, question).answer == "approved"
    change(scene, Visit, visit, starts_at=now() - dt.timedelta(minutes=1))
    publish_due(scene)
    assert ANSWER in scene.browser().get(f"/posts/{question}").text
    assert ("visits.answered", scene.town.person("resident")) in told(scene)


def test_an_answer_is_held_until_the_new_day_of_a_visit_that_was_postponed(scene: Scene) -> None:
    visit, mayor = scene.visit(), scene.browser("mayor")
    question, page = scene.drafted(visit, ANSWER), f"/visits/{visit}"
    later = scene.drafted(visit, ANSWER, title="Later?")
    assert answer(scene, question, "mayor", hold="yes") == 302
    mayor.submit(f"{page}/turn", _page=page, verb="postpone", reason="Storm.", sure="yes")
    change(scene, Visit, visit, starts_at=now() - dt.timedelta(minutes=1))
    publish_due(scene)
    assert ANSWER not in scene.browser().get(f"/posts/{question}").text
    assert answer(scene, later, "mayor", hold="yes") == 302, "it gets a new day"
    days = [(today() + dt.timedelta(days=days)).isoformat() for days in (30, 25)]
    later = scene.plan() | dict(zip(("date", "closes"), days, strict=True))
    assert mayor.submit(f"{page}/reschedule", _page=page, **later).status_code == 302
    publish_due(scene)
    assert row(scene, Casework, question).answer == "approved"
    change(scene, Visit, visit, starts_at=now() - dt.timedelta(minutes=1))
    publish_due(scene)
    assert ANSWER in scene.browser().get(f"/posts/{question}").text


@pytest.mark.engines
@pytest.mark.parametrize("first", ["cancel", "postpone"])
def test_an_answer_that_is_held_is_published_when_its_visit_is_cancelled(scene: Scene, first: str) -> None:
    visit, mayor = scene.visit(), scene.browser("mayor")
    questions = [scene.drafted(visit, ANSWER, title=f"Number {number}?") for number in range(2)]
    later, page = scene.drafted(visit, ANSWER, title="Later?"), f"/visits/{visit}"
    for question in questions:
        assert answer(scene, question, "mayor", hold="yes") == 302
    for verb in dict.fromkeys((first, "cancel")):
        form = mayor.submit(f"{page}/turn", _page=page, verb=verb).text
        assert ("2 approved answers that wait for the day of the visit" in form) is (verb == "cancel")
        assert ANSWER not in scene.browser().get(f"/posts/{questions[0]}").text
        mayor.submit(f"{page}/turn", _page=page, verb=verb, reason="Storm.", sure="yes")
    for question in questions:
        assert ANSWER in scene.browser().get(f"/posts/{question}").text
        assert row(scene, Casework, question).answer == "published"
    assert [one for one, _person in told(scene)].count("visits.answered") == 2
    assert 'name="hold"' not in mayor.get(f"/visits/questions/{later}").text
    assert answer(scene, later, "mayor", hold="yes") == 409
    assert answer(scene, later, "mayor", publish="yes") == 302


def test_what_was_held_before_a_cancellation_did_that_waits_for_no_old_day(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.drafted(visit, ANSWER)
    assert answer(scene, question, "mayor", hold="yes") == 302
    change(scene, Visit, visit, state="cancelled")
    publish_due(scene)
    assert ANSWER in scene.browser().get(f"/posts/{question}").text


def test_a_held_answer_whose_question_was_withdrawn_stays_unpublished(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.drafted(visit, ANSWER)
    assert answer(scene, question, "mayor", hold="yes") == 302
    own = f"/visits/questions/{question}/withdraw"
    assert scene.browser("resident").submit(own).status_code == 302
    change(scene, Visit, visit, starts_at=now() - dt.timedelta(minutes=1))
    publish_due(scene)
    assert row(scene, Casework, question).answer == "approved"
    found = sa.select(Entry.state).where(Entry.parent_id == question)
    assert scene.town.run(lambda: db.session.scalar(found)) == "pending"


def publish_due(scene: Scene) -> None:
    """Let ten minutes pass for the worker."""

    def pass_time() -> None:
        with write() as session:
            session.execute(sa.update(JobRow).values(run_at=now() - dt.timedelta(seconds=1)))

    scene.town.run(pass_time)
    jobs.run_due(scene.town.app)


def test_settled_before_counts_by_its_definition(scene: Scene) -> None:
    visit = scene.visit()
    outcomes = ("settle", "inform", "refuse", "")
    questions = [scene.drafted(visit, ANSWER, title=f"Question {number}?") for number in range(4)]
    for question, outcome in zip(questions, outcomes, strict=True):
        scene.approve(question, ANSWER, outcome=outcome)
    page = f"/visits/{visit}"
    assert "2 questions were settled before the visit." in scene.browser().get(page).text
    change(scene, Question, questions[0], answered_at=now() + dt.timedelta(days=30))
    assert "1 question was settled before the visit." in scene.browser().get(page).text


@pytest.mark.parametrize(("verb", "state"), [("postpone", "postponed"), ("cancel", "cancelled")])
def test_a_visit_postponed_or_cancelled_is_told_to_all_who_asked_or_support(
    scene: Scene, verb: str, state: str
) -> None:
    visit = scene.visit()
    question = scene.accepted(visit)
    scene.browser("neighbour").submit(f"/posts/{question}/support", _page=f"/posts/{question}")
    scene.question(visit, title="Not read yet?", name="mayor2")
    told(scene)
    page, agent = f"/visits/{visit}", scene.browser("agent")
    agent.submit(f"{page}/turn", _page=page, verb=verb, sure="1")
    assert row(scene, Visit, visit).state == "collecting", "a reason is needed"
    agent.submit(f"{page}/turn", _page=page, verb=verb, reason="The river is high.", sure="1")
    assert row(scene, Visit, visit).state == state
    shown = scene.browser().get(page).text
    assert f"This visit is {state}" in shown
    assert "The river is high." in shown
    heard = sorted(person for kind, person in told(scene) if kind == f"visits.{state}")
    assert heard == sorted(scene.town.person(name) for name in ("resident", "neighbour", "mayor2"))


def test_who_puts_other_words_over_a_draft_does_not_approve_them(scene: Scene) -> None:
    question = scene.drafted(scene.visit(), "We look into it.")
    assert answer(scene, question, "deputy", publish="yes") == 409
    assert row(scene, Casework, question).answer == "drafted"
    assert ANSWER not in scene.browser().get(f"/posts/{question}").text
    assert answer(scene, question, "deputy", submit="yes") == 302
    assert row(scene, Casework, question).drafted_by == scene.town.person("deputy")
    assert answer(scene, question, "deputy", publish="yes") == 409
    assert answer(scene, question, "mayor", publish="yes") == 302
    assert ANSWER in scene.browser().get(f"/posts/{question}").text


def test_residents_are_not_asked_about_what_only_teams_hear(scene: Scene) -> None:
    scene.visit()
    shown = {name: scene.browser(name).get("/me/notices").text for name in ("resident", "deputy", "agent")}
    for kind, readers in (
        ("to_approve", {"deputy"}),
        ("returned", {"deputy", "agent"}),
        ("department_assigned", {"agent"}),
        ("answered", set(shown)),
    ):
        assert {name for name in shown if f'name="kind-visits.{kind}"' in shown[name]} == readers, kind
    assert ">Neighbourhood visits</label>" in shown["resident"]


def test_who_asked_chooses_what_comes_of_this_visit_and_finds_the_way_there(scene: Scene) -> None:
    visit = scene.visit()
    page, way = f"/visits/{visit}", "/me/notices#spaces"
    assert way not in scene.browser("resident").get(page).text
    scene.accepted(visit)
    asker, neighbour = (scene.browser(name) for name in ("resident", "neighbour"))
    assert way in asker.get(page).text
    assert f'name="space-{visit}"' in asker.get("/me/notices").text
    assert way not in neighbour.get(page).text
    assert f'name="space-{visit}"' not in neighbour.get("/me/notices").text
    neighbour.submit(f"/spaces/{visit}/follow", _page=page)
    assert way in neighbour.get(page).text


def test_an_answer_stands_apart_from_the_comments_under_who_wrote_and_who_approved_it(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    page, neighbour = f"/posts/{question}", scene.browser("neighbour")
    assert neighbour.submit(f"{page}/reply", _page=page, body="It flickers too.").status_code == 302
    assert "Your comment is published." in neighbour.get(page).text
    assert answer(scene, question, "mayor", submit="yes") == 302
    assert answer(scene, question, "deputy", publish="yes") == 302
    apart, _between, said = scene.browser().get(page).text.partition('<section class="replies"')
    assert ANSWER in apart
    assert "Written by Mayor" in apart
    assert "approved by Deputy" in apart
    assert "1 comment<" in said
    assert ANSWER not in said
    assert "It flickers too." in said
    assert ">Comment by Neighbour</h3>" in said
    assert "Reply by" not in said
    jobs.run_due(scene.town.app)
    found = scene.browser().get("/search?q=flickers").text
    assert "Comment by Neighbour: " in found
    feed = scene.browser().get("/").text
    assert re.search(r'Comments</span> <span class="count">1</span>', feed)


def test_an_agent_who_drafted_an_answer_is_not_named_to_everybody(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    assert answer(scene, question, "agent", submit="yes") == 302
    assert answer(scene, question, "deputy", publish="yes") == 302
    shown = scene.browser().get(f"/posts/{question}").text
    assert "Approved by Deputy" in shown
    assert "Agent" not in shown.partition("<main")[2]
