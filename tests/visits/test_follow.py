"""Afterwards: promises by area and theme, letters, the way of a question, an election, a private case."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from typing import TYPE_CHECKING, Any, cast

import pytest
import sqlalchemy as sa

from core import jobs, registry
from core.db import db, now, write
from core.models import Case, Entry
from plugins.neighbourhood_visits.follow import calendar
from plugins.neighbourhood_visits.follow.models import Step
from plugins.neighbourhood_visits.models import Commitment, PrivateCase, Question
from plugins.neighbourhood_visits.triage import cases
from portal.privacy import erase

from .conftest import read_mark, today
from .test_plugin import change, statements
from .test_promises import PROMISE, department, promise, turn
from .test_report import conclude, lead, lived
from .test_triage import decide, row, told

if TYPE_CHECKING:
    from .conftest import Scene

FIGURES = ("supports", "group_supports", "signatures", "unconfirmed")
SETTINGS = "/admin/plugins/neighbourhood_visits"


def due(scene: Scene, ident: int, days: int) -> None:
    """Let a promise have been due so many days ago."""

    def act() -> None:
        with write() as session:
            session.get(Commitment, ident).due_on = today() - dt.timedelta(days=days)

    scene.town.run(act)


def promised(scene: Scene) -> tuple[int, int, int]:
    """A question with a promise whose department has an agent: question, promise, department."""
    visit, owner = scene.visit(), department(scene)
    fields = {
        "name": "Roads",
        "days": "30",
        "official": "0",
        "members": [str(scene.town.person("colleague"))],
    }
    admin, page = scene.browser("admin"), f"/visits/departments/{owner}"
    assert admin.submit(page, **fields, read=read_mark(admin, page)).status_code == 302
    question = scene.accepted(visit, theme="streets")
    scene.browser("neighbour").submit(f"/posts/{question}/support", _page=f"/posts/{question}")
    assert promise(scene, question, owner) == 302
    ident = scene.town.run(lambda: db.session.scalar(sa.select(Commitment.id)))
    return question, ident, owner


def letters(scene: Scene) -> list[tuple[str, int]]:
    """What the calendar tells whom, once it has run twice."""
    scene.town.run(calendar.run)
    scene.town.run(calendar.run)
    return [one for one in told(scene) if one[0] in calendar.KINDS.values()]


def test_owners_are_reminded_and_askers_asked_once_each(scene: Scene) -> None:
    _question, ident, _owner = promised(scene)
    owner, asker, voice = (scene.town.person(name) for name in ("colleague", "resident", "neighbour"))
    due(scene, ident, -8)
    assert letters(scene) == []
    due(scene, ident, -7)
    assert letters(scene) == [("visits.due_soon", owner)]
    due(scene, ident, 0)
    assert len(letters(scene)) == 1
    due(scene, ident, 1)
    assert letters(scene)[1:] == [("visits.late", owner)]
    due(scene, ident, 29)
    turn(scene, ident, "confirm", "resident")
    assert row(scene, Commitment, ident).state == "open", "asked too early"
    due(scene, ident, 30)
    assert sorted(letters(scene)[2:]) == sorted([("visits.kept", asker), ("visits.kept", voice)])
    turn(scene, ident, "contest", "neighbour", "Still dark.")
    assert row(scene, Commitment, ident).state == "in_progress"
    turn(scene, ident, "confirm", "resident")
    assert row(scene, Commitment, ident).state == "confirmed"
    turn(scene, ident, "contest", "neighbour", "Dark again.")
    assert row(scene, Commitment, ident).state == "in_progress", "one no is enough"


def test_a_whole_group_is_asked_in_time_whether_its_promise_is_kept(scene: Scene) -> None:
    question, ident, _owner = promised(scene)
    visit = row(scene, Entry, question).space_id
    other = scene.accepted(visit, title="And the bench?", name="colleague")
    scene.browser("supporter").submit(f"/posts/{other}/support", _page=f"/posts/{other}")
    assert decide(scene, visit, [question, other], "group").status_code == 302
    assert row(scene, Question, other).group_id == question
    due(scene, ident, 30)
    people = {scene.town.person(name) for name in ("resident", "neighbour", "colleague", "supporter")}
    assert {person for kind, person in letters(scene) if kind == "visits.kept"} == people


def test_what_is_confirmed_or_given_up_is_not_asked_about(scene: Scene) -> None:
    _question, ident, _owner = promised(scene)
    turn(scene, ident, "abandon", "agent", "No money.")
    due(scene, ident, 40)
    assert letters(scene) == []


@pytest.mark.parametrize("way", ["hide", "remove"])
def test_no_letter_goes_out_about_a_promise_whose_question_is_out_of_sight(scene: Scene, way: str) -> None:
    question, ident, _owner = promised(scene)
    turn(scene, ident, "claim", "agent")
    scene.browser("mayor").submit(f"/posts/{question}/{way}", _page=f"/posts/{question}", sure="1")
    due(scene, ident, 40)
    assert letters(scene) == []
    assert "visits.done" not in dict(told(scene))
    if way == "hide":
        scene.browser("mayor").submit(f"/posts/{question}/hide", _page="/visits/", sure="1")
        assert {name for name, _person in letters(scene)} == {"visits.kept"}


def test_a_question_that_is_hidden_while_letters_are_sent_gets_none(scene: Scene) -> None:
    question, ident, _owner = promised(scene)
    due(scene, ident, 40)
    scene.browser("mayor").submit(f"/posts/{question}/hide", _page=f"/posts/{question}", sure="1")
    scene.town.run(lambda: calendar._tell(ident, 3))
    assert row(scene, Commitment, ident).told == 0
    assert letters(scene) == []


def test_promises_are_found_by_area_and_theme(scene: Scene) -> None:
    promised(scene)
    page = scene.browser().get("/visits/promises").text
    assert "Promise made" in page, "one is no plural"
    assert "Streets and pavements" in page
    for query, found in (
        (f"area={scene.commune}", True),
        ("theme=streets", True),
        (f"area={scene.commune}&theme=streets", True),
        ("theme=green", False),
        (f"area={scene.commune + 1}", False),
        ("area=999999", False),
        ("area=x", True),
    ):
        assert (PROMISE in scene.browser().get(f"/visits/promises?{query}").text) is found, query


def test_one_address_tells_the_whole_way_and_names_nobody(scene: Scene) -> None:
    question, ident, owner = promised(scene)
    scene.draft(question, "In March.")
    scene.approve(question, "In March.")
    conclude(scene, question, "discuss")
    turn(scene, ident, "start", "agent")
    turn(scene, ident, "claim", "agent")
    turn(scene, ident, "contest", "neighbour", "Two lamps are dark.")
    turn(scene, ident, "claim", "agent")
    turn(scene, ident, "confirm", "resident")
    page = scene.browser().get(f"/posts/{question}").text
    way = page[page.index('class="timeline"') :].partition("</ol>")[0]
    titles = re.findall(r'timeline-title">([^<]+)<', way)
    assert titles == [
        "Asked",
        "Accepted: everybody can read and support it",
        "Promise made, due by 1 May 2099",
        "Answer published",
        "Talked about during the visit",
        "Work has begun",
        "Said to be done",
        "Not done, says somebody who asked or supports it: open again",
        "Said to be done",
        "Confirmed by somebody who asked or supports it",
    ]
    assert PROMISE in way
    assert "Two lamps are dark." not in way, "whose words they are is for the team to look at first"
    for name in ("Resident", "Neighbour", "Agent", "Mayor"):
        assert name not in way
    other = scene.accepted(row(scene, Entry, question).space_id, title="Another?")
    short = statements(scene, scene.browser(), f"/posts/{other}")
    assert promise(scene, other, owner) == 302
    assert statements(scene, scene.browser(), f"/posts/{other}") == short


def test_a_way_is_shown_once_a_question_has_gone_one(scene: Scene) -> None:
    visit = scene.visit()
    waits, goes = scene.question(visit, title="Number 1?"), scene.accepted(visit, title="Number 2?")
    assert "The whole way" not in scene.browser("resident").get(f"/posts/{waits}").text
    assert "The whole way" in scene.browser("resident").get(f"/posts/{goes}").text


def test_before_an_election_figures_rest_and_the_service_goes_on(scene: Scene) -> None:
    visit, found = lived(scene)
    refused = f"/posts/{found['refused']}"
    scene.browser("neighbour").submit(f"{refused}/support", _page=refused)
    change(scene, Question, found["refused"], latitude=46.1, longitude=4.2, signatures=214, unconfirmed=3)
    lead(scene, visit, "publish", name="mayor")
    coming = scene.visit()
    said = {"days_to_answer": "30", "quiet_from": today().isoformat()}
    admin = scene.browser("admin")
    assert "Give both days, or none." in admin.submit(SETTINGS, **said).text
    until = (today() + dt.timedelta(days=30)).isoformat()
    assert admin.submit(SETTINGS, **said, quiet_until=until).status_code == 302
    visitor, word = scene.browser(), "An election comes"
    report = visitor.get(f"/visits/{visit}/report").text
    assert word in report
    assert "Answer rate" not in report
    assert "1 support<" not in report
    assert "Refused, or not the town’s to decide (" not in report
    assert "No, it is a garden." in report, "answers are read as always"
    assert word in visitor.get("/visits/").text
    promises = visitor.get("/visits/promises").text
    assert word in promises
    assert "Promise made" not in promises
    assert PROMISE in promises
    assert "Next neighbourhood visit" not in visitor.get("/").text
    own = visitor.get(f"/visits/{visit}").text
    assert f"/visits/promises?visit={visit}" in own
    assert "/visits/promises" not in visitor.get(f"/visits/{coming}").text
    assert "settled before the visit" not in own
    assert not re.search(r"\d+ questions? asked", own)
    counts = ('<span class="count">1<', "214 signatures", "3 voices")

    def counted() -> list[bool]:
        pages = (refused, f"/visits/{visit}", f"/spaces/{visit}")
        people = (visitor, scene.browser("neighbour"))
        shown = [person.get(page).text for page in pages for person in people]
        return [any(words in page for page in shown) for words in counts]

    assert counted() == [False] * 3
    for url in (f"/visits/{visit}/counts.csv", "/visits/open-data/counts.csv"):
        assert visitor.get(url).status_code == 404
    for url in (
        f"/visits/{visit}/data.json",
        "/visits/open-data/data.json",
        f"/visits/{visit}/report/data.json",
    ):
        told = visitor.get(url).json
        assert "counts" not in told
        assert {row[name] for row in told["questions"] for name in FIGURES} == {None}, url
    for url in (f"/visits/{visit}/questions.csv", "/visits/open-data/questions.csv"):
        rows = list(csv.DictReader(io.StringIO(visitor.get(url).text)))
        assert {row[name] for row in rows for name in FIGURES} == {""}, url
    for url in (f"/visits/{visit}/questions.geojson", "/visits/open-data/questions.geojson"):
        [pin] = visitor.get(url).json["features"]
        assert {pin["properties"][name] for name in FIGURES} == {None}, url
    assert scene.question(coming, title="And now?") > 0
    yesterday = (today() - dt.timedelta(days=1)).isoformat()
    said["quiet_from"] = (today() - dt.timedelta(days=9)).isoformat()
    assert admin.submit(SETTINGS, **said, quiet_until=yesterday).status_code == 302
    after = visitor.get(f"/visits/{visit}/report").text
    assert "Answer rate" in after
    assert "1 support<" in after
    assert "Refused, or not the town’s to decide (" in after
    assert "0 supports" not in after
    for url in (f"/visits/{visit}/data.json", f"/visits/{visit}/report/data.json"):
        told = visitor.get(url).json
        assert "counts" in told
        assert None not in {row[name] for row in told["questions"] for name in FIGURES}
    assert re.search(r"\d+ questions? asked", visitor.get(f"/visits/{visit}").text)
    assert "Next neighbourhood visit" in visitor.get("/").text
    assert counted() == [True] * 3


def test_a_private_case_is_the_teams_and_ends(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.question(visit, title="My landlord and I")
    decide(scene, visit, [question], "divert")
    page = f"/visits/questions/{question}"
    deputy = str(scene.town.person("deputy"))
    said = {"recipient": deputy, "appointment": "2031-05-04T14:30"}
    for name in ("opposition", "agent2", "neighbour", "resident", "scribe"):
        told = scene.browser(name).submit(f"{page}/case", _page="/visits/", **said)
        assert told.status_code in (403, 404), name
    assert scene.browser("agent").submit(f"{page}/case", _page=page, **said).status_code == 302
    case = row(scene, PrivateCase, question)
    assert (case.recipient_id, case.ended_at) == (int(deputy), None)
    assert case.appointment_at == dt.datetime(2031, 5, 4, 12, 30, tzinfo=dt.UTC)
    assert 'value="2031-05-04T14:30' in scene.browser("deputy").get(page).text
    for name in (None, "resident", "neighbour", "opposition"):
        assert "2031" not in scene.browser(name).get(f"/posts/{question}").text, name
    scene.browser("agent").submit(f"{page}/case", _page=page, **said, ended="y")
    assert row(scene, PrivateCase, question).ended_at is not None

    def purge(days: int) -> Any:
        scene.town.run(lambda: cases.end_time(now() + dt.timedelta(days=days)))
        return row(scene, Entry, question)

    assert purge(179).title == "My landlord and I"
    assert purge(181).title == ""
    assert row(scene, PrivateCase, question) is None


def test_a_question_taken_back_from_a_private_case_stays(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.accepted(visit)
    page = f"/visits/questions/{question}"
    decide(scene, visit, [question], "divert")
    scene.browser("agent").submit(f"{page}/case", _page=page, recipient="0", ended="y")
    kept = row(scene, PrivateCase, question)
    assert kept.ended_at is not None
    decide(scene, visit, [question], "reconsider")
    assert row(scene, PrivateCase, question) is None
    scene.browser("agent").submit(f"{page}/accept", _page=page)

    def left_behind() -> None:
        with write() as session:
            session.add(PrivateCase(entry_id=question, space_id=visit, ended_at=kept.ended_at))

    for step in (lambda: None, left_behind):
        scene.town.run(step)
        scene.town.run(lambda: cases.end_time(now() + dt.timedelta(days=200)))
        assert scene.browser().get(f"/posts/{question}").status_code == 200


def said(scene: Scene) -> Entry:
    """What somebody has written about a promise that is not kept."""
    mine = sa.select(Entry).where(Entry.kind.in_(("core.reply", "visits.unnamed")))
    return cast("Entry", scene.town.run(lambda: db.session.scalars(mine).one()))


def decided(scene: Scene, entry: Entry) -> None:
    """Let the agent let through what waits."""
    waits = sa.select(Case.id).where(Case.entry_id == entry.id)
    case = scene.town.run(lambda: db.session.scalars(waits).one())
    agent = scene.browser("agent")
    said = {"act": "kept", "version": str(entry.version)}
    assert agent.submit(f"/moderation/cases/{case}", "/moderation/", **said).status_code == 302


def test_who_is_asked_while_work_goes_on_may_say_no(scene: Scene) -> None:
    question, ident, _owner = promised(scene)
    turn(scene, ident, "start", "agent")
    due(scene, ident, 29)
    neighbour, word = scene.browser("neighbour"), "No, it is not done"
    assert word not in neighbour.get("/visits/promises").text, "they are not asked yet"
    turn(scene, ident, "contest", "neighbour", "Too early.")
    due(scene, ident, 30)
    assert ("visits.kept", scene.town.person("neighbour")) in letters(scene)
    assert word in neighbour.get("/visits/promises").text
    turn(scene, ident, "contest", "neighbour")
    turn(scene, ident, "contest", "opposition", "Not ours to say.")
    assert contests(scene, ident) == []
    turn(scene, ident, "contest", "neighbour", "It is dark.")
    assert row(scene, Commitment, ident).state == "in_progress"
    assert len(contests(scene, ident)) == 1
    decided(scene, said(scene))
    shown = scene.browser().get(f"/posts/{question}").text
    assert "Not done, says somebody" in shown
    assert "It is dark." in shown
    assert word not in scene.browser("resident").get("/visits/promises").text, "it is said already"
    turn(scene, ident, "contest", "resident", "Indeed.")
    assert len(contests(scene, ident)) == 1

    def before_the_letter() -> None:
        with write() as session:
            session.get(Step, contests(scene, ident)[0]).at = now() - dt.timedelta(days=1)

    scene.town.run(before_the_letter)
    assert word in scene.browser("resident").get("/visits/promises").text
    turn(scene, ident, "contest", "resident", "Indeed.")
    assert len(contests(scene, ident)) == 2


def contests(scene: Scene, ident: int) -> list[int]:
    """The ids of the steps by which a promise was contested."""
    steps = sa.select(Step.id).where(Step.commitment_id == ident, Step.verb == "contest").order_by(Step.id)
    return list(scene.town.run(lambda: list(db.session.scalars(steps))))


def test_why_it_is_not_done_waits_for_the_team_and_is_its_authors_own(scene: Scene) -> None:
    question, ident, _owner = promised(scene)
    thread = f"/posts/{question}"
    turn(scene, ident, "claim", "agent")
    turn(scene, ident, "contest", "neighbour", "It is dark.")
    entry = said(scene)
    for page in ("/visits/promises", thread):
        assert "It is dark." not in scene.browser().get(page).text, page
    assert "It is dark." in scene.browser("neighbour").get(thread).text
    assert "Not done, says somebody" in scene.browser().get(thread).text
    decided(scene, entry)
    shown = scene.browser().get(thread).text
    assert "It is dark." in shown
    assert "Neighbour" in shown
    scene.town.run(lambda: erase.begin(scene.town.person("neighbour"), True))
    jobs.run_due(scene.town.app)
    for page in ("/visits/promises", thread):
        assert "It is dark." not in scene.browser().get(page).text, page
    turn(scene, ident, "claim", "agent")
    turn(scene, ident, "confirm", "resident", "Slipped in.")
    for page in ("/visits/promises", thread):
        assert "Slipped in." not in scene.browser("agent").get(page).text, page


@pytest.mark.parametrize("moderation", ["on", "off"])
def test_who_asked_under_an_alias_contests_unnamed(scene: Scene, moderation: str) -> None:
    if moderation == "off":
        scene.town.run(lambda: registry.current().switch("moderation", False))
    question = scene.accepted(scene.visit(), shown="alias")
    assert promise(scene, question, department(scene)) == 302
    ident = scene.town.run(lambda: db.session.scalar(sa.select(Commitment.id)))
    turn(scene, ident, "claim", "agent")
    turn(scene, ident, "contest", "resident", "It is dark.")
    entry = said(scene)
    assert "It is dark." in scene.browser("resident").get(f"/posts/{question}").text
    if moderation == "on":
        decided(scene, entry)
    else:
        agent, thread = scene.browser("agent"), f"/posts/{question}"
        assert f"/posts/{entry.id}/release" in agent.get(thread).text
        assert (
            agent.submit(f"/posts/{entry.id}/release", thread, version=str(entry.version)).status_code == 302
        )
    told(scene)
    for name in (None, "neighbour", "agent"):
        shown = scene.browser(name).get(f"/posts/{question}").text.partition("<main")[2]
        assert "It is dark." in shown
        assert "/people/resident" not in shown, name
    scene.town.run(lambda: erase.begin(scene.town.person("resident"), True))
    jobs.run_due(scene.town.app)
    assert scene.town.run(lambda: db.session.get(Entry, entry.id)) is None
