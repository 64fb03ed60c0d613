"""What a report lacks is said before it is published: what is wrong blocks, what is thin is confirmed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core import jobs
from core.db import db, write
from core.models import Notice, Space
from core.spaces.actions import set_members
from plugins.neighbourhood_visits.models import Commitment, Question, Visit
from plugins.neighbourhood_visits.report.models import Minutes

from .test_field import send
from .test_prepare_first import statements
from .test_promises import department, promise
from .test_report import conclude, keep, lead
from .test_triage import row

if TYPE_CHECKING:
    from .conftest import Scene


def held(scene: Scene) -> int:
    """A visit with two scribes that takes place."""
    visit = scene.visit()
    people = {scene.town.person(name, "agent"): "scribe" for name in ("scribe", "second")}

    def act() -> None:
        with write() as session:
            set_members(session.get(Space, visit), "test", people)

    scene.town.run(act)
    return visit


def before(scene: Scene, visit: int, name: str = "mayor") -> str:
    """What the page of the report says before it is published."""
    shown = scene.browser(name).get(f"/visits/{visit}/minutes").text
    found = re.search(r'<section[^>]*id="publish".*?</section>', shown, re.S)
    return found[0] if found else ""


def publish(scene: Scene, visit: int, **fields: str) -> str:
    """The state of a visit after the mayor wanted its report published."""
    said = {"verb": "publish", "sure": "yes", **fields}
    scene.browser("mayor").submit(f"/visits/{visit}/turn", _page="/visits/", **said)
    return str(row(scene, Visit, visit).state)


def test_what_is_thin_is_confirmed_by_a_box(scene: Scene) -> None:
    visit = held(scene)
    bench = scene.accepted(visit, title="A bench?")
    send(scene, visit, key="n", text="Thirty people.")
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit)
    told = before(scene, visit)
    assert "1 accepted question has no outcome" in told
    assert f"/visits/questions/{bench}#becomes" in told
    assert "1 note that the team has not looked at yet" in told
    assert "To be mended first" not in told
    assert 'name="lacking"' in scene.browser("mayor").get(f"/visits/{visit}/minutes").text
    assert publish(scene, visit) == "reporting", "nobody has ticked the box"
    page = f"/visits/{visit}/field/notes"
    last = re.search(r'name="last" value="(\d+)"', scene.browser("agent").get(page).text)
    assert last
    for name, left in (("scribe", True), ("resident", True), ("agent", False)):
        scene.browser(name).submit(f"{page}/seen", _page="/visits/", last=last[1] if left else "9" * 30)
        assert ("has not looked at" in before(scene, visit)) == left, name
    assert publish(scene, visit, lacking="yes") == "published"


def test_a_report_without_a_gap_asks_for_nothing(scene: Scene) -> None:
    visit = held(scene)
    bench = scene.answered(visit, title="A bench?")
    conclude(scene, bench, "settle")
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit)
    assert before(scene, visit) == ""
    assert 'name="lacking"' not in scene.browser("mayor").get(f"/visits/{visit}/minutes").text
    assert publish(scene, visit) == "published"


def test_questions_to_read_and_outcomes_without_an_answer_are_confirmed(scene: Scene) -> None:
    visit = held(scene)
    bench = scene.accepted(visit, title="A bench?")
    conclude(scene, bench, "settle")
    scene.question(visit, title="Nobody has read this")
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit)
    told = before(scene, visit)
    assert "1 question is still to be read" in told
    assert f"/visits/{visit}/review?queue=unread" in told
    assert "1 question with an outcome has no published answer" in told
    assert f"/visits/questions/{bench}#answer" in told
    for text in ("To be mended first", "Nobody has read this"):
        assert text not in told
    told = before(scene, visit, "scribe")
    assert "1 question is still to be read" in told
    assert "/review" not in told
    assert publish(scene, visit) == "reporting", "nobody has ticked the box"
    assert publish(scene, visit, lacking="yes") == "published"


def test_what_is_held_for_the_visit_is_out_when_it_begins_ends_or_is_reported(scene: Scene) -> None:
    visit = held(scene)
    one, two, three = (scene.drafted(visit, title=title) for title in ("One?", "Two?", "Three?"))

    def hold(ident: int) -> None:
        scene.approve(ident, "On Monday.", hold="yes", publish="")
        assert row(scene, Question, ident).answered_at is None

    lead(scene, visit, "close", "finish")
    for ident, verb in ((one, "begin"), (two, "end")):
        hold(ident)
        lead(scene, visit, verb)
        assert row(scene, Question, ident).answered_at is not None, verb
    hold(three)
    keep(scene, visit)
    assert "1 approved answer is held for the visit" in before(scene, visit)
    assert publish(scene, visit, lacking="yes") == "published"
    shown = scene.browser().get(f"/visits/{visit}/report").text
    assert shown.count("On Monday.") == 3


def test_a_choice_that_waits_blocks_whatever_is_ticked(scene: Scene) -> None:
    visit = held(scene)
    bench = scene.answered(visit, title="A bench?")
    send(scene, visit, "scribe", key="a", question=bench, outcome="settle")
    send(scene, visit, "second", key="b", question=bench, outcome="refuse", text="No room.")
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit)
    told = before(scene, visit)
    assert "1 choice waits in the notes of the visit" in told
    assert f"/visits/{visit}/field/notes#choice-{bench}" in told
    assert "To be mended first" in told
    page = f"/visits/{visit}/minutes"
    shown = scene.browser("mayor").get(page).text
    assert "Approve and publish the report" not in shown
    assert "In charge of that: Agent." in shown
    scribe = scene.browser("scribe")
    scribe.submit(page, body="Nobody came.", version="1", ask="yes")
    assert "First choose what holds" in scribe.get(page).text
    assert row(scene, Minutes, visit).asked_at is None
    assert publish(scene, visit, lacking="yes") == "reporting"
    notes = f"/visits/{visit}/field/notes"
    chosen = re.search(r"/visits/notes/(\d+)/choose", scene.browser("mayor").get(notes).text)
    assert chosen
    scene.browser("mayor").submit(chosen[0], _page=notes, reason="")
    assert before(scene, visit) == ""
    assert publish(scene, visit) == "published"


def test_a_promise_from_the_field_counts_once_it_has_owner_and_date(scene: Scene) -> None:
    visit, owner = held(scene), department(scene)
    bench = scene.answered(visit, title="A bench?")
    conclude(scene, bench, "commit", "We promise.")
    assert row(scene, Question, bench).outcome == "none", "a promise has an owner and a date"
    send(scene, visit, key="a", question=bench, outcome="commit", text="The mayor promised it.")
    assert row(scene, Question, bench).outcome == "none"
    assert "Promised" not in scene.browser().get(f"/posts/{bench}").text
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit)
    told = before(scene, visit)
    assert "1 promise has no owner and no date" in told
    assert f"/visits/questions/{bench}/promise" in told
    assert publish(scene, visit, lacking="yes") == "reporting"
    assert (
        f"/visits/questions/{bench}/promise"
        in scene.browser("agent").get(f"/visits/{visit}/field/notes").text
    )
    assert promise(scene, bench, owner) == 302
    found = row(scene, Question, bench)
    assert (found.outcome, found.discussion) == ("committed", "discussed")
    assert before(scene, visit) == ""
    assert publish(scene, visit) == "published"


def test_a_promise_that_lost_its_owner_blocks(scene: Scene) -> None:
    visit, owner = held(scene), department(scene)
    bench = scene.accepted(visit, title="A bench?")
    assert promise(scene, bench, owner) == 302

    def act() -> None:
        with write() as session:
            session.execute(sa.delete(Commitment))

    scene.town.run(act)
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit)
    assert "1 promise has no owner and no date" in before(scene, visit)
    assert publish(scene, visit, lacking="yes") == "reporting"


def test_a_promise_that_was_given_up_is_none(scene: Scene) -> None:
    visit, owner = held(scene), department(scene)
    question = scene.accepted(visit)
    assert promise(scene, question, owner) == 302
    lead(scene, visit, "close", "finish", "begin", "end")

    def give_up() -> None:
        with write() as session:
            session.execute(sa.update(Commitment).values(state="abandoned"))

    scene.town.run(give_up)
    assert publish(scene, visit, lacking="yes") == "reporting"


def test_the_page_costs_the_same_however_much_is_lacking(scene: Scene) -> None:
    visit = held(scene)
    scene.accepted(visit, title="A bench?")
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit)
    _page, few = statements(scene, f"/visits/{visit}/minutes")

    def act() -> None:
        with write() as session:
            session.get(Visit, visit).state = "collecting"

    scene.town.run(act)
    for number in range(7):
        scene.accepted(visit, title=f"Bench {number}?")
    lead(scene, visit, "close", "finish", "begin", "end")
    page, many = statements(scene, f"/visits/{visit}/minutes")
    assert "8 accepted questions have no outcome" in page
    assert "and 3 more" in page
    assert many == few


def test_the_writer_asks_and_the_officials_are_told(scene: Scene) -> None:
    visit = held(scene)
    page = f"/visits/{visit}/minutes"
    fields = {"body": "Thirty people came.", "version": "0", "ask": "yes"}
    scene.browser("scribe").submit(page, **fields)
    assert row(scene, Minutes, visit).asked_at is None, "the visit is not over"
    lead(scene, visit, "close", "finish", "begin", "end")
    for name in ("resident", "opposition", "agent2"):
        assert scene.browser(name).submit(page, _page="/visits/", **fields).status_code == 403
    told = scene.browser("scribe").submit(page, **fields | {"version": "1"})
    assert told.status_code == 302
    assert row(scene, Minutes, visit).asked_at is not None
    jobs.run_due(scene.town.app)
    kinds = sa.select(Notice.user_id).where(Notice.type == "visits.report_to_approve")
    got = set(scene.town.run(lambda: db.session.scalars(kinds).all()))
    assert got == {scene.town.person("mayor"), scene.town.person("deputy")}
    assert "Ask for approval" in scene.browser("agent").get(page).text
    assert "Ask for approval" not in scene.browser("mayor").get(page).text
