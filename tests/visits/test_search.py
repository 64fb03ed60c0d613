"""What a visit says beside its questions and answers is found while its pages show it, and no longer."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import jobs, registry
from core.db import db, table_of, unfiltered, write
from core.models import Document, Space
from core.search import index
from plugins.neighbourhood_visits.models import Commitment, Question, Visit
from plugins.neighbourhood_visits.plan.models import Stop
from portal.privacy import erase

from .conftest import read_mark
from .test_plugin import change
from .test_promises import department, promise, turn
from .test_report import conclude, keep, lead
from .test_triage import decide, row

if TYPE_CHECKING:
    from .conftest import Scene

pytestmark = pytest.mark.engines

EVERYBODY = (None, "resident", "neighbour", "agent", "admin", "mayor2")
MINUTES = "Thirty people came; a zibelinette crossed the square."


def found(scene: Scene, word: str, name: str | None = None, **narrowed: Any) -> list[tuple[str, str]]:
    """What somebody finds by a word: what each is, and its address."""
    asked = "".join(f"&{key}={value}" for key, value in narrowed.items())
    page = scene.browser(name).get(f"/search?q={word}{asked}").text
    results = re.findall(r'<p class="kind">.*?</svg>(.*?)</p>\s*<h3[^>]*><a href="([^"]*)"', page, re.DOTALL)
    return [(html.unescape(label).strip(), url) for label, url in results]


def later(scene: Scene) -> None:
    """Let the worker do what waits."""
    jobs.run_due(scene.town.app)


def shown_at(scene: Scene, url: str, word: str) -> bool:
    """Whether the page of a result has the word, at the place where its address leads."""
    page, _hash, anchor = url.partition("#")
    text = scene.browser().get(page).text
    return bool(anchor) and word in text.partition(f'id="{anchor}"')[2].partition("</section>")[0]


def kept(scene: Scene, word: str) -> bool:
    """Whether anything of the index holds a word."""
    column = table_of(Document).c
    rows = sa.select(column.title, column.text, column.words)
    return any(word in " ".join(one) for one in scene.town.run(lambda: unfiltered(rows).all()))


def promised(scene: Scene, visit: int, **fields: Any) -> tuple[int, int]:
    """A public question and the promise about it, not indexed yet."""
    question, owner = scene.accepted(visit, **fields), department(scene)
    later(scene)
    assert promise(scene, question, owner) == 302
    last = sa.select(sa.func.max(Commitment.id))
    return question, scene.town.run(lambda: db.session.scalar(last))


def planned(scene: Scene, visit: int, title: str = "Halte quetsche") -> int:
    """The id of a stop."""
    page = f"/visits/{visit}/route"
    said = {"title": title, "minutes": "10", "step_free": "y"}
    assert scene.browser("agent").submit(f"{page}/stops", _page=page, **said).status_code == 302
    return int(scene.town.run(lambda: db.session.scalar(sa.select(sa.func.max(Stop.id)))))


def published(scene: Scene, minutes: str = MINUTES) -> int:
    """A visit whose report is published, with a question that is refused."""
    visit = scene.visit()
    question = scene.answered(visit, "No.")
    lead(scene, visit, "close", "finish", "begin", "end")
    conclude(scene, question, "refuse", "The mirabelle grows there.")
    assert keep(scene, visit, minutes) == 302
    later(scene)
    assert not found(scene, "zibelinette", "agent"), "the minutes are the team's until then"
    assert not found(scene, "mirabelle", "agent")
    lead(scene, visit, "publish", name="mayor")
    later(scene)
    return visit


def test_a_promise_is_found_by_its_words_its_department_and_why(scene: Scene) -> None:
    question, ident = promised(scene, scene.visit())
    later(scene)
    result = ("Promise", f"/posts/{question}#promise-{ident}")
    for name in EVERYBODY:
        assert result in found(scene, "replaced", name), name
    assert found(scene, "roads") == [result]
    assert found(scene, "replaced", kind="visits.promise") == [result]
    assert shown_at(scene, result[1], "replaced")
    assert "<mark>replaced</mark>" in scene.browser().get("/search?q=replaced").text
    turn(scene, ident, "abandon", "agent", "No money for the mirabelle.")
    assert found(scene, "roads") == [], "what has changed is not found as it was"
    later(scene)
    assert found(scene, "mirabelle") == [result]
    page, admin = f"/visits/departments/{row(scene, Commitment, ident).department_id}", scene.browser("admin")
    said = {"name": "Highways", "days": "30", "official": "0", "read": read_mark(admin, page)}
    assert admin.submit(page, **said).status_code == 302
    assert found(scene, "roads") == []
    later(scene)
    assert (found(scene, "roads"), found(scene, "highways")) == ([], [result])


def test_a_promise_is_nobody_s_words_and_has_the_date_on_which_it_last_moved(scene: Scene) -> None:
    question, ident = promised(scene, scene.visit(), name="neighbour", shown="alias")
    change(scene, Commitment, ident, changed_at=dt.datetime(2031, 5, 1, 12, tzinfo=dt.UTC))
    scene.town.run(index.note_everything)
    later(scene)
    page = scene.browser().get("/search?q=replaced").text
    result = next(part for part in page.split("<article")[1:] if f"/posts/{question}#promise-{ident}" in part)
    assert "A resident" in scene.browser().get(f"/posts/{question}").text
    assert "A resident" not in result
    assert "2031" in result


@pytest.mark.parametrize("way", ["hide", "remove"])
def test_a_promise_leaves_the_search_with_its_question(scene: Scene, way: str) -> None:
    question, _ident = promised(scene, scene.visit(), place="Allée quetsche")
    later(scene)
    assert found(scene, "replaced")
    assert found(scene, "quetsche") == [("Question", f"/posts/{question}")]
    url = f"/posts/{question}/{way}"
    assert scene.browser("mayor").submit(url, _page="/visits/", sure="1").status_code == 302
    assert (found(scene, "replaced"), found(scene, "quetsche")) == ([], [])
    assert not kept(scene, "quetsche")
    later(scene)
    assert found(scene, "quetsche") == []
    assert bool(found(scene, "replaced")) == (way == "remove"), "what was promised outlives the question"
    if way == "hide":  # and show again, by the same button
        assert scene.browser("mayor").submit(url, _page="/visits/").status_code == 302
        later(scene)
        assert found(scene, "replaced")
        assert found(scene, "quetsche")


def test_a_promise_is_found_below_the_question_that_takes_it_over(scene: Scene) -> None:
    visit = scene.visit()
    question, ident = promised(scene, visit)
    heir = scene.accepted(visit, title="And the lamp of the bridge?", name="neighbour")
    decide(scene, visit, [question, heir], "group")
    later(scene)
    assert (
        scene.browser("mayor").submit(f"/posts/{question}/remove", _page="/visits/", sure="1").status_code
        == 302
    )
    later(scene)
    assert found(scene, "replaced") == [("Promise", f"/posts/{heir}#promise-{ident}")]


def test_a_promise_is_found_as_long_as_its_question_counts_as_public(scene: Scene) -> None:
    question, _ident = promised(scene, scene.visit())
    later(scene)
    assert found(scene, "replaced")
    change(scene, Question, question, triage="rejected")
    scene.town.run(index.note_everything)
    later(scene)
    assert "replaced" not in scene.browser().get("/visits/promises").text
    assert all(found(scene, "replaced", name) == [] for name in EVERYBODY)


@pytest.mark.parametrize("verb", ["reconsider", "withdraw"])
def test_where_a_question_is_leaves_the_search_once_it_is_no_longer_accepted(scene: Scene, verb: str) -> None:
    visit = scene.visit()
    question = scene.accepted(visit, place="Allée quetsche")
    later(scene)
    assert found(scene, "quetsche", "neighbour")
    if verb == "reconsider":
        decide(scene, visit, [question], verb)
    else:
        page = f"/visits/questions/{question}"
        assert scene.browser("resident").submit(f"{page}/withdraw", _page=page, sure="1").status_code == 302
    assert row(scene, Question, question).triage != "accepted"
    assert all(found(scene, "quetsche", name) == [] for name in EVERYBODY)
    later(scene)
    assert all(found(scene, "quetsche", name) == [] for name in EVERYBODY)


def test_what_a_question_that_is_not_accepted_is_about_is_found_by_nobody(scene: Scene) -> None:
    visit = scene.visit()
    scene.question(visit, place="Allée quetsche")
    diverted = scene.question(visit, title="My flat", place="Cour quetsche", name="neighbour")
    decide(scene, visit, [diverted], "divert")
    later(scene)
    assert all(found(scene, "quetsche", name) == [] for name in EVERYBODY)


def test_stops_are_found_once_everybody_reads_the_agenda_and_as_they_stand(scene: Scene) -> None:
    visit = scene.visit()
    stop = planned(scene, visit)
    later(scene)
    assert all(found(scene, "quetsche", name) == [] for name in EVERYBODY)
    lead(scene, visit, "close", "finish")
    later(scene)
    result = ("Stop of a visit", f"/visits/{visit}/agenda#stop-{stop}")
    assert all(found(scene, "quetsche", name) == [result] for name in EVERYBODY)
    assert shown_at(scene, result[1], "Halte quetsche")
    said = {"title": "Halte mirabelle", "minutes": "10", "step_free": "y"}
    assert scene.browser("agent").submit(f"/visits/stops/{stop}", **said).status_code == 302
    assert found(scene, "quetsche") == []
    later(scene)
    assert found(scene, "mirabelle") == [result]
    other = planned(scene, visit)
    later(scene)
    assert found(scene, "quetsche") == [("Stop of a visit", f"/visits/{visit}/agenda#stop-{other}")]
    url = f"/visits/stops/{other}/turn"
    assert (
        scene.browser("agent").submit(url, _page=f"/visits/{visit}/route", verb="remove").status_code == 302
    )
    assert found(scene, "quetsche") == []
    later(scene)
    assert (found(scene, "quetsche"), found(scene, "mirabelle")) == ([], [result])


def test_a_visit_is_found_by_where_people_meet_until_it_is_called_off(scene: Scene) -> None:
    visit = scene.visit(meeting_point="Porche quetsche", access_notes="Rampe mirabelle")
    later(scene)
    where = ("Neighbourhood visit", f"/visits/{visit}#when-and-where")
    for word in ("quetsche", "mirabelle"):
        assert found(scene, word) == [where]
        assert shown_at(scene, where[1], word)
    planned(scene, visit, "Halte framboise")
    lead(scene, visit, "close", "finish")
    later(scene)
    assert found(scene, "framboise")
    fields = {"verb": "cancel", "reason": "Snow on the zibelinette", "sure": "1"}
    scene.browser("mayor").submit(f"/visits/{visit}/turn", _page=f"/visits/{visit}", **fields)
    assert row(scene, Visit, visit).state == "cancelled"
    assert (found(scene, "quetsche"), found(scene, "framboise")) == ([], [])
    later(scene)
    assert (found(scene, "quetsche"), found(scene, "framboise")) == ([], [])
    assert found(scene, "zibelinette") == [("Neighbourhood visit", f"/visits/{visit}")]


def test_other_words_of_a_visit_are_found_instead_of_those_before(scene: Scene) -> None:
    visit = scene.visit(meeting_point="Porche quetsche")
    later(scene)
    page = f"/visits/{visit}/edit"
    version = re.search(r'name="version"[^>]*value="(\d+)"', scene.browser("mayor").get(page).text)
    assert version
    said = scene.plan() | {"meeting_point": "Porche mirabelle", "version": version[1]}
    assert scene.browser("mayor").submit(page, **said).status_code == 302
    assert found(scene, "quetsche") == []
    later(scene)
    assert found(scene, "mirabelle") == [("Neighbourhood visit", f"/visits/{visit}#when-and-where")]


def test_a_draft_and_a_visit_that_is_closed_to_others_are_found_by_who_reads_them(scene: Scene) -> None:
    said = scene.plan() | {"meeting_point": "Porche quetsche"}
    answer = scene.browser("mayor").submit("/visits/new", _page="/visits/", **said)
    draft = int(answer.location.rpartition("/")[2])
    later(scene)
    where = ("Neighbourhood visit", f"/visits/{draft}#when-and-where")
    readers = {name for name in (*EVERYBODY, "mayor", "deputy") if found(scene, "quetsche", name)}
    assert readers == {"mayor", "deputy", "agent"}
    assert found(scene, "quetsche", "mayor") == [where]
    visit = published(scene)
    assert found(scene, "zibelinette")

    def close() -> None:
        with write() as session:
            session.get(Space, visit).visibility = "hidden"

    scene.town.run(close, "mayor")
    assert {name for name in EVERYBODY if found(scene, "zibelinette", name)} == {"agent"}


def test_a_report_is_found_by_its_minutes_and_its_reasons_from_its_publication_on(scene: Scene) -> None:
    visit = published(scene)
    [minutes], [reason] = found(scene, "zibelinette"), found(scene, "mirabelle")
    assert minutes == ("Report of the visit", f"/visits/{visit}/report#minutes")
    assert re.fullmatch(rf"/visits/{visit}/report#question-\d+", reason[1])
    assert shown_at(scene, minutes[1], "zibelinette")
    assert shown_at(scene, reason[1], "mirabelle")
    assert all(found(scene, "zibelinette", name) == [minutes] for name in EVERYBODY)


def test_a_passage_that_is_taken_out_of_the_minutes_leaves_the_index_in_the_same_write(scene: Scene) -> None:
    visit = published(scene)
    assert kept(scene, "zibelinette")
    page = f"/visits/{visit}/report"
    said = {"passage": "zibelinette", "reason": "personal_data"}
    form = scene.browser("mayor").get(page).text.partition('name="reason"')[2]
    said["reason"] = re.findall(r'<option[^>]*value="([^"]+)"', form)[0]
    answer = scene.browser("mayor").submit(f"{page}/redact", _page=page, **said)
    assert answer.status_code == 302, answer.text
    assert not kept(scene, "zibelinet")
    later(scene)
    assert found(scene, "zibelinette") == []
    assert found(scene, "crossed") == [("Report of the visit", f"{page}#minutes")]


def test_a_reason_leaves_the_search_with_the_question_of_a_report(scene: Scene) -> None:
    published(scene)
    [(_label, url)] = found(scene, "mirabelle")
    question = url.rpartition("-")[2]
    assert (
        scene.browser("mayor").submit(f"/posts/{question}/hide", _page="/visits/", sure="1").status_code
        == 302
    )
    assert found(scene, "mirabelle") == []
    assert not kept(scene, "mirabel")
    later(scene)
    assert found(scene, "mirabelle") == []


def test_what_an_erased_person_wrote_is_found_nowhere_and_the_town_s_promise_is(scene: Scene) -> None:
    question, _ident = promised(scene, scene.visit(), place="Allée quetsche", name="neighbour")
    later(scene)
    assert kept(scene, "quetsch")
    scene.town.run(lambda: erase.begin(scene.town.person("neighbour"), words=True))
    later(scene)
    assert not kept(scene, "quetsch")
    assert [url.partition("#")[0] for _label, url in found(scene, "replaced")] == [f"/posts/{question}"]


def test_a_stop_is_not_called_by_the_words_of_a_question_whose_author_is_erased(scene: Scene) -> None:
    visit = scene.visit()
    asked = [
        scene.accepted(visit, title="A zibelinette?", name="neighbour"),
        scene.accepted(visit, title="A bench?", place="Allée quetsche", name="neighbour"),
        scene.accepted(visit, title="A mirabelle?"),
    ]
    page = f"/visits/{visit}/route"
    for ident in asked:
        scene.browser("agent").submit(f"{page}/questions", _page=page, pick=str(ident), stop="0")
    lead(scene, visit, "close", "finish")
    later(scene)
    assert all(("Stop of a visit" in dict(found(scene, word))) for word in ("zibelinette", "quetsche"))
    scene.town.run(lambda: erase.begin(scene.town.person("neighbour"), words=True))
    later(scene)
    shown = scene.browser().get(f"/visits/{visit}/agenda").text
    for word, stays in (("zibelinette", False), ("quetsche", False), ("mirabelle", True)):
        assert (word in shown) == stays, word
        assert bool(found(scene, word)) == stays, word
        assert kept(scene, word) == stays, word


def test_the_index_made_anew_holds_the_same(scene: Scene) -> None:
    visit = published(scene)
    planned(scene, visit)
    scene.browser("admin")
    later(scene)
    rows = sa.select(*(table_of(Document).c[name] for name in ("kind", "title", "text", "url", "words")))

    def documents() -> list[tuple[str, ...]]:
        return sorted(tuple(one) for one in unfiltered(rows).all())

    before = scene.town.run(documents)
    assert {one[0] for one in before} >= {"visits.visit", "visits.stop", "visits.report", "visits.question"}
    scene.town.run(index.note_everything)
    later(scene)
    assert scene.town.run(documents) == before


def test_visits_that_are_off_are_not_found_and_are_again(scene: Scene) -> None:
    visit = published(scene)
    planned(scene, visit)
    promised(scene, scene.visit())
    later(scene)
    words = ("zibelinette", "mirabelle", "quetsche", "replaced")
    before = {word: found(scene, word) for word in words}
    assert all(before.values())
    scene.town.run(lambda: registry.current().switch("neighbourhood_visits", False))
    assert not any(found(scene, word) for word in words)
    scene.town.run(lambda: registry.current().switch("neighbourhood_visits", True))
    later(scene)
    assert {word: found(scene, word) for word in words} == before


def test_what_the_team_alone_reads_is_not_found(scene: Scene) -> None:
    question = scene.drafted(scene.visit(), "Ask the zibelinette.")
    page, agent = f"/visits/questions/{question}", scene.browser("agent")
    said = {"note": "Ask the quetsche", "read": read_mark(agent, page)}
    assert agent.submit(f"{page}/note", _page=page, **said).status_code == 302
    assert "quetsche" in agent.get(page).text
    later(scene)
    for word in ("quetsche", "zibelinette"):
        assert all(found(scene, word, name) == [] for name in (*EVERYBODY, "mayor", "deputy"))


def test_an_answer_that_is_held_for_the_day_is_found_from_then_on(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.drafted(visit, "The zibelinette comes.")
    scene.approve(question, "The zibelinette comes.", publish="", hold="yes")
    later(scene)
    assert all(found(scene, "zibelinette", name) == [] for name in EVERYBODY)
    lead(scene, visit, "close", "finish", "begin")
    later(scene)
    [(label, url)] = found(scene, "zibelinette")
    assert (label, url.partition("#")[0]) == ("Answer of the elected officials", f"/posts/{question}")
