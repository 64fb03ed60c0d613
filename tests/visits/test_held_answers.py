"""What is approved for the day of the visit is published then, in these words, whatever else happened."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import jobs
from core.access import Refused
from core.db import db, write
from core.models import Entry, User
from plugins.neighbourhood_visits import letters
from plugins.neighbourhood_visits.approve import answers
from plugins.neighbourhood_visits.models import Casework, Question, Visit
from portal.privacy import erase

from .conftest import draft_version
from .test_moderated_answers import answer_to, hide
from .test_triage import row, told

if TYPE_CHECKING:
    from .conftest import Scene

SAID = "It is mended on Monday."


def write_answer(scene: Scene, question: int, name: str, body: str = SAID, **fields: str) -> Any:
    """What comes of somebody's words over the draft that stands."""
    page, browser = f"/visits/questions/{question}", scene.browser(name)
    fields = {"version": draft_version(browser, page), **fields}
    return browser.submit(f"{page}/answer", _page=page, body=body, **fields)


def held(scene: Scene, visit: int, name: str = "mayor", title: str = "A lamp?") -> int:
    """The id of a question whose answer an official has approved for the day of the visit."""
    question = scene.drafted(visit, SAID, title=title)
    assert write_answer(scene, question, name, hold="yes").status_code == 302
    assert row(scene, Casework, question).answer == "approved"
    return question


def ready(scene: Scene, visit: int, days: int = 0) -> None:
    """Let a visit be prepared, and so many days earlier."""

    def act() -> None:
        with write() as session:
            found = session.get(Visit, visit)
            found.state = "ready"
            found.starts_at -= dt.timedelta(days=days)
            found.ends_at -= dt.timedelta(days=days)

    scene.town.run(act)


def begin(scene: Scene, visit: int, name: str = "deputy") -> str:
    """The state of a visit after an official lets it begin."""
    fields = {"verb": "begin", "sure": "yes"}
    scene.browser(name).submit(f"/visits/{visit}/turn", _page=f"/visits/{visit}", **fields)
    return str(row(scene, Visit, visit).state)


def close_with_words(scene: Scene, name: str) -> None:
    """Let somebody leave office, close their account and have their words deleted."""
    ident = scene.town.person(name)

    def act() -> None:
        with write() as session:
            session.get(User, ident).role = "resident"
        erase.begin(ident, True)
        erase.run()

    scene.town.run(act)


@pytest.mark.parametrize("what", ["answer", "question"])
def test_a_visit_begins_although_something_that_is_held_is_hidden(scene: Scene, what: str) -> None:
    visit = scene.visit()
    question, other = held(scene, visit), held(scene, visit, title="A bench?")
    hidden = answer_to(scene, question).id if what == "answer" else question
    agent, act = scene.browser("agent"), {"reason": "private", "text": "It is private."}
    agent.submit(f"/posts/{hidden}/decide", **act, act="hidden")
    assert row(scene, Entry, hidden).state == "hidden"
    ready(scene, visit, days=30)
    assert begin(scene, visit) == "in_progress"
    assert row(scene, Casework, other).answer == "published"
    assert row(scene, Casework, question).answer == "approved"
    page = agent.get(f"/visits/questions/{question}").text
    assert ("Approved, but not shown" in page) == (what == "answer")
    assert ("visits.answered", scene.town.person("resident")) in told(scene)
    assert len([one for one in told(scene) if one[0] == "visits.answered"]) == 1
    version = str(row(scene, Entry, hidden).version)
    agent.submit(f"/posts/{hidden}/decide", **act, act="restored", version=version)
    scene.town.run(answers.publish_held)
    assert SAID in scene.browser().get(f"/posts/{question}").text


def test_one_answer_that_fails_keeps_no_other_visit_waiting_and_is_named(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = [scene.visit(), scene.visit(name="Another visit")]
    first, second = (held(scene, visit) for visit in visits)
    for visit in visits:
        ready(scene, visit, days=30)
    tell = letters.tell_answered

    def fails(entry: Entry, *more: Any) -> None:
        if entry.id == first:
            raise ValueError
        tell(entry, *more)

    monkeypatch.setattr(letters, "tell_answered", fails)
    with pytest.raises(RuntimeError, match=rf"questions {first}$"):
        scene.town.run(answers.publish_held)
    assert [row(scene, Casework, one).answer for one in (first, second)] == ["approved", "published"]
    monkeypatch.undo()
    scene.town.run(answers.publish_held)
    assert row(scene, Casework, first).answer == "published"


def test_a_visit_begins_with_all_its_answers_or_not_at_all(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = scene.visit()
    questions = [held(scene, visit), held(scene, visit, title="A bench?")]
    ready(scene, visit)
    tell = letters.tell_answered

    def fails(entry: Entry, *more: Any) -> None:
        if entry.id == questions[1]:
            raise Refused("There is a storm.")
        tell(entry, *more)

    monkeypatch.setattr(letters, "tell_answered", fails)
    deputy, page = scene.browser("deputy"), f"/visits/{visit}"
    told = deputy.submit(f"{page}/turn", _page=page, verb="begin", sure="yes")
    assert "There is a storm." in (told.text if told.status_code != 302 else deputy.get(told.location).text)
    assert row(scene, Visit, visit).state == "ready"
    assert [row(scene, Casework, one).answer for one in questions] == ["approved"] * 2
    monkeypatch.undo()
    assert begin(scene, visit) == "in_progress"
    assert [row(scene, Casework, one).answer for one in questions] == ["published"] * 2


def test_an_answer_is_looked_at_once_more_before_it_is_published(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = [scene.visit(), scene.visit(name="Another visit")]
    first, second = (held(scene, visit) for visit in visits)
    for visit in visits:
        ready(scene, visit, days=30)
    tell = letters.tell_answered

    def and_another_is_postponed(entry: Entry, *more: Any) -> None:
        tell(entry, *more)
        db.session.get(Visit, visits[1]).state = "postponed"

    monkeypatch.setattr(letters, "tell_answered", and_another_is_postponed)
    scene.town.run(answers.publish_held)
    assert [row(scene, Casework, one).answer for one in (first, second)] == ["published", "approved"]


@pytest.mark.engines
def test_the_towns_answers_stay_when_who_wrote_or_approved_them_goes_with_their_words(scene: Scene) -> None:
    visit = scene.visit()
    waits, public = held(scene, visit), scene.answered(visit, SAID, title="A bench?")
    drafted = scene.drafted(visit, SAID, title="A tree?")
    assert write_answer(scene, drafted, "agent", submit="yes").status_code == 302
    before = scene.browser().get(f"/posts/{public}").text
    assert "#i-check" in before, "the mayor stands for it"
    assert re.search(r'class="byline-name">(<a [^>]*>)?Mayor', before)
    for name in ("mayor", "agent"):
        close_with_words(scene, name)
    shown = scene.browser().get(f"/posts/{public}").text
    assert SAID in shown
    assert re.search(r'class="byline-name">(La ville|The town)', shown)
    assert "Written by" not in shown
    assert "#i-check" not in shown, "nobody stands for it any more"
    data = scene.browser().get(f"/visits/{visit}/data.json").json
    assert [bool(one["answered_on"]) for one in data["questions"] if one["id"] == public] == [True]
    ready(scene, visit)
    assert begin(scene, visit) == "in_progress"
    later = scene.browser().get(f"/posts/{waits}").text
    assert SAID in later
    assert re.search(r'class="byline-name">(La ville|The town)', later)
    assert write_answer(scene, drafted, "deputy", publish="yes").status_code == 302
    assert SAID in scene.browser().get(f"/posts/{drafted}").text


@pytest.mark.parametrize("state", ["drafted", "held"])
def test_the_words_of_an_answer_change_in_its_form_alone(scene: Scene, state: str) -> None:
    visit = scene.visit()
    question = held(scene, visit) if state == "held" else scene.drafted(visit, SAID)
    text = answer_to(scene, question)
    said = {"title": "", "body": "Words that nobody has read.", "version": str(text.version)}
    for name in ("mayor", "agent", "deputy"):
        browser = scene.browser(name)
        assert f"/posts/{text.id}/edit" not in browser.get(f"/posts/{question}").text
        assert browser.submit(f"/posts/{text.id}/edit", _page="/visits/", **said).status_code in (403, 404)
    assert answer_to(scene, question).body == SAID
    shown = scene.browser("agent").get(f"/posts/{question}").text
    assert "The team of the visit" in shown


def test_whoever_writes_over_an_approved_answer_is_told_and_officials_are_asked_anew(scene: Scene) -> None:
    visit = scene.visit()
    question, mayor = held(scene, visit), scene.town.person("mayor")
    agent = scene.browser("agent")
    page = agent.get(f"/visits/questions/{question}").text
    assert "takes the approval back" in page
    assert "Keep as a draft" not in page
    assert ("visits.to_approve", mayor) not in told(scene)
    said = {"version": draft_version(agent, f"/visits/questions/{question}"), "keep": "yes"}
    agent.submit(f"/visits/questions/{question}/answer", body="It is mended on Tuesday.", **said)
    assert "are asked to approve it" in agent.get(f"/visits/questions/{question}").text
    assert row(scene, Casework, question).answer == "to_approve"
    assert ("visits.to_approve", mayor) in told(scene)
    assert "It is mended on Tuesday." in scene.browser("mayor").get("/visits/next").text


def test_a_published_answer_that_was_hidden_and_written_anew_is_approved_as_any_other(scene: Scene) -> None:
    question, new = scene.answered(scene.visit(), "Call Zibeline at home."), "Call the town hall."
    hide(scene, question, "admin")
    assert write_answer(scene, question, "agent", new, submit="yes").status_code == 302
    assert new not in scene.browser().get(f"/posts/{question}").text
    assert answer_to(scene, question).author_id is None, "nobody's own until it is published"
    assert write_answer(scene, question, "mayor", new, publish="yes").status_code == 302
    assert new in scene.browser().get(f"/posts/{question}").text
    assert row(scene, Question, question).answered_at is not None
    past = scene.browser().get(f"/posts/{answer_to(scene, question).id}/history").text
    assert "Zibeline" not in past, "what moderators hid is not shown as what stood there before"


def test_a_question_that_is_closed_to_replies_is_answered_all_the_same(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    page = f"/posts/{question}"
    assert scene.browser("mayor").submit(f"{page}/lock", _page=page).status_code == 302
    assert row(scene, Entry, question).locked_at is not None
    scene.draft(question, SAID)
    scene.approve(question, SAID)
    assert SAID in scene.browser().get(page).text
    neighbour = scene.browser("neighbour")
    neighbour.submit(f"{page}/reply", _page=page, body="Me too.")
    assert "Me too." not in scene.browser().get(page).text


@pytest.mark.parametrize("button", ["submit", "keep", "hold", "publish"])
def test_a_second_tap_says_that_it_is_saved(scene: Scene, button: str) -> None:
    name = "agent" if button in ("submit", "keep") else "mayor"
    question = scene.accepted(scene.visit()) if name == "agent" else scene.drafted(scene.visit(), SAID)
    page, browser = f"/visits/questions/{question}", scene.browser(name)
    fields = {"version": draft_version(browser, page), button: "yes"}
    for _tap in range(2):
        assert browser.submit(f"{page}/answer", _page=page, body=SAID, **fields).status_code == 302
    assert "is saved already" in browser.get(page).text
    stands = {"submit": "to_approve", "keep": "drafted", "hold": "approved", "publish": "published"}
    assert row(scene, Casework, question).answer == stands[button]
    other = write_answer(scene, question, "deputy", version="0")
    assert other.status_code == 409
    assert not re.search("is saved already", other.text)
    jobs.run_due(scene.town.app)
    found = sa.select(sa.func.count()).select_from(Entry).where(Entry.parent_id == question)
    assert scene.town.run(lambda: db.session.scalar(found)) == 1


def test_an_answer_whose_words_are_taken_out_while_it_is_held_is_approved_anew(scene: Scene) -> None:
    visit = scene.visit()
    question = held(scene, visit)
    answer, agent = answer_to(scene, question).id, scene.browser("agent")
    gone = agent.submit(f"/posts/{answer}/redact", passage="on Monday", reason="private")
    assert gone.status_code == 302
    assert row(scene, Casework, question).answer == "to_approve"
    assert ("visits.to_approve", scene.town.person("mayor")) in told(scene)
    ready(scene, visit, days=30)
    assert begin(scene, visit) == "in_progress"
    assert "It is mended" not in scene.browser().get(f"/posts/{question}").text


def test_another_button_below_the_same_words_is_not_taken_for_the_first_again(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.accepted(visit)
    page, agent, mayor = f"/visits/questions/{question}", scene.browser("agent"), scene.browser("mayor")
    old = {"body": SAID, "version": "0"}
    for button, stands in (("", "drafted"), ("submit", "to_approve")):
        told_so = agent.submit(f"{page}/answer", _page=page, **old, **({button: "yes"} if button else {}))
        assert told_so.status_code == 302
        assert row(scene, Casework, question).answer == stands
    assert "is saved already" not in agent.get(page).text
    assert ("visits.to_approve", scene.town.person("mayor")) in told(scene)
    read = {"body": SAID, "version": draft_version(mayor, page)}
    assert mayor.submit(f"{page}/answer", _page=page, **read, hold="yes").status_code == 302
    assert row(scene, Casework, question).answer == "approved"
    mayor.get(page)
    assert mayor.submit(f"{page}/answer", _page=page, **read, hold="yes").status_code == 302
    assert "is saved already" in mayor.get(page).text
    gone = mayor.submit(f"{page}/answer", _page=page, **read, publish="yes", outcome="settle")
    assert gone.status_code == 302
    assert row(scene, Casework, question).answer == "published"
    assert row(scene, Question, question).outcome == "settled"
    assert SAID in scene.browser().get(f"/posts/{question}").text
