"""Notes of the field: each once, for the team, by form as by script; where two differ somebody chooses."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from PIL import Image

from core import api, jobs
from core.access import Refused
from core.db import db, now, write
from core.models import Entry, File, Space
from core.spaces.actions import set_members
from plugins.neighbourhood_visits import personal
from plugins.neighbourhood_visits.field.models import Note
from plugins.neighbourhood_visits.models import Question, Visit
from plugins.neighbourhood_visits.plan.models import Stop, StopQuestion
from portal.privacy import erase

from .test_races import at_once
from .test_triage import decide, row

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from .conftest import Scene


@pytest.fixture
def walk(scene: Scene) -> tuple[int, int]:
    """A visit with two scribes, and an accepted question of it."""
    visit = scene.visit()
    question = scene.accepted(visit)
    people = {scene.town.person(name, "agent"): "scribe" for name in ("scribe", "second")}

    def act() -> None:
        with write() as session:
            set_members(session.get(Space, visit), "test", people)

    scene.town.run(act)
    stand(scene, visit, "in_progress")
    return visit, question


def stand(scene: Scene, visit: int, state: str, days: int = 0) -> None:
    """Let a visit stand in this state, and move its beginning by so many days."""

    def act() -> None:
        with write() as session:
            found = session.get(Visit, visit)
            found.state, found.starts_at = state, found.starts_at + dt.timedelta(days=days)

    scene.town.run(act)


def send(scene: Scene, visit: int, name: str = "scribe", **fields: Any) -> TestResponse:
    """Somebody's note, sent by the form of the page of a visit that takes place."""
    if row(scene, Visit, visit).state == "collecting":
        stand(scene, visit, "in_progress")
    page = f"/visits/{visit}/field"
    return scene.browser(name).submit(f"{page}/notes", _page=page, **fields)


def kept(scene: Scene) -> list[Note]:
    """The notes, in order."""
    return list(scene.town.run(lambda: db.session.scalars(sa.select(Note).order_by(Note.id)).all()))


def test_a_tap_is_an_outcome_and_the_same_key_one_note(scene: Scene, walk: tuple[int, int]) -> None:
    visit, question = walk
    said = {"key": "one", "question": question, "outcome": "settle", "text": "Mended on the spot."}
    for _again in range(3):
        assert send(scene, visit, **said).status_code == 302
    assert (
        send(scene, visit, "second", key="one", question=question, text="Thirty people.").status_code == 302
    )
    assert [(note.outcome, note.state) for note in kept(scene)] == [("settle", "applied"), ("", "kept")]
    found = row(scene, Question, question)
    assert (found.outcome, found.discussion, found.outcome_reason) == (
        "settled",
        "discussed",
        "Mended on the spot.",
    )


def test_notes_are_taken_from_the_day_of_the_visit_on(scene: Scene, walk: tuple[int, int]) -> None:
    visit, question = walk
    scribe, page = scene.browser("scribe"), f"/visits/{visit}/field"
    data = {"csrf_token": scribe.get(f"{page}/state").json["token"], "question": question}
    data |= {"outcome": "settle", "noted_at": now().isoformat()}
    for state in ("preparing", "ready", "postponed"):
        stand(scene, visit, state)
        shown = scribe.get(page).text
        assert f'id="question-{question}"' in shown, "the pack is loaded the evening before"
        assert "Practice view" in shown
        assert re.search(r"<button (?!disabled)[^>]*name=\"(outcome|keep)\"", shown) is None
        told = scribe.client.post(f"{page}/notes", data=data, headers={"Accept": "application/json"})
        assert (told.status_code, "from the day of the visit" in told.json["said"]) == (409, True)
        told = scribe.submit(f"{page}/notes", _page="/visits/", question=question, text="Too early.")
        assert told.status_code == 302
        assert "Nothing is noted." in scribe.get(page).text
        found = row(scene, Question, question)
        assert (found.outcome, found.discussion, kept(scene)) == ("none", "not_planned", [])
    for state, days in (("in_progress", 0), ("ready", -20), ("reporting", 0)):
        stand(scene, visit, state, days)
        shown = scribe.get(page).text
        assert "Practice view" not in shown
        assert "data-later" not in shown
        told = scribe.client.post(f"{page}/notes", data={**data, "key": state})
        assert told.status_code == 302
    found = row(scene, Question, question)
    assert (found.outcome, found.discussion, len(kept(scene))) == ("settled", "discussed", 3)


def test_what_contradicts_an_outcome_that_stands_waits_for_the_coordinator(
    scene: Scene, walk: tuple[int, int]
) -> None:
    visit, _question = walk
    notes, mayor = f"/visits/{visit}/field/notes", scene.browser("mayor")
    for title, stands in (("A bench?", True), ("A tree?", False)):
        stand(scene, visit, "collecting")
        question = scene.accepted(visit, title=title)
        page = f"/visits/questions/{question}"
        scene.browser("agent").submit(f"{page}/conclude", _page=page, verb="settle", reason="Mended.")
        send(scene, visit, key=title, question=question, outcome="study", text="It is dark again.")
        found = row(scene, Question, question)
        assert (found.outcome, found.discussion) == ("settled", "not_planned")
        note = kept(scene)[-1]
        assert note.state == "kept"
        stand(scene, visit, "reporting")
        assert "1 choice waits" in mayor.get(f"/visits/{visit}/minutes").text
        shown = mayor.get(notes).text
        assert shown.count("This holds") == 2
        assert "<p>Mended.</p>" in shown, "why it stands"
        said = {"stands": "yes"} if stands else {"reason": note.text}
        assert mayor.submit(f"/visits/notes/{note.id}/choose", _page=notes, **said).status_code == 302
        found = row(scene, Question, question)
        assert (found.outcome, found.discussion) == ("settled" if stands else "needs_study", "discussed")
        assert kept(scene)[-1].state == ("set_aside" if stands else "applied")
        assert "What holds?" not in mayor.get(notes).text


def test_who_is_not_on_the_team_notes_nothing(scene: Scene, walk: tuple[int, int]) -> None:
    visit, question = walk
    page = f"/visits/{visit}/field"
    for name in ("resident", "opposition", "agent2", "mayor2", "admin"):
        browser = scene.browser(name)
        for url in (page, f"{page}/state", f"{page}/notes"):
            assert browser.get(url).status_code == 403, (name, url)
        told = browser.submit(f"{page}/notes", _page="/visits/", question=question, outcome="settle")
        assert told.status_code == 403
    assert scene.browser().get(page).status_code == 302
    assert kept(scene) == []


def test_two_scribes_differ_both_are_kept_and_the_coordinator_chooses(
    scene: Scene, walk: tuple[int, int]
) -> None:
    visit, question = walk
    send(scene, visit, "scribe", key="a", question=question, outcome="settle")
    send(scene, visit, "second", key="b", question=question, outcome="refuse", text="The mayor said no.")
    assert [note.state for note in kept(scene)] == ["applied", "kept"]
    assert row(scene, Question, question).outcome == "settled"
    page = f"/visits/{visit}/field/notes"
    shown = scene.browser("mayor").get(page).text
    assert "What holds?" in shown
    assert "This holds" not in scene.browser("scribe").get(page).text
    second = kept(scene)[1].id
    told = scene.browser("scribe").submit(f"/visits/notes/{second}/choose", _page="/visits/")
    assert told.status_code == 404
    told = scene.browser("mayor").submit(f"/visits/notes/{second}/choose", _page=page, reason="No room.")
    assert told.status_code == 302
    assert [note.state for note in kept(scene)] == ["set_aside", "applied"]
    found = row(scene, Question, question)
    assert (found.outcome, found.outcome_reason) == ("refused", "No room.")
    assert "What holds?" not in scene.browser("mayor").get(page).text
    way = scene.browser().get(f"/posts/{question}").text.partition("The whole way</h2>")[2]
    assert "Refused" in way
    assert "Settled" not in way, "which was noted and did not hold"


def test_of_one_scribe_the_last_word_counts(scene: Scene, walk: tuple[int, int]) -> None:
    visit, question = walk
    send(scene, visit, key="a", question=question, outcome="settle")
    send(scene, visit, key="b", question=question, outcome="study", text="Ask the bus company.")
    assert [note.state for note in kept(scene)] == ["set_aside", "applied"]
    assert row(scene, Question, question).outcome == "needs_study"


def test_what_holds_is_not_set_aside_by_a_last_word_that_does_not_count_yet(
    scene: Scene, walk: tuple[int, int]
) -> None:
    visit, question = walk
    send(scene, visit, key="a", question=question, outcome="study", text="Ask the bus company.")
    send(scene, visit, key="b", question=question, outcome="refuse")  # which needs a reason
    assert row(scene, Question, question).outcome == "needs_study"
    page = f"/visits/{visit}/field/notes"
    shown = scene.browser("mayor").get(page).text
    assert shown.count("Holds now") == 1
    assert "set aside" not in shown
    second = kept(scene)[1].id
    scene.browser("mayor").submit(f"/visits/notes/{second}/choose", _page=page, reason="No room.")
    assert [note.state for note in kept(scene)] == ["set_aside", "applied"]
    assert row(scene, Question, question).outcome == "refused"


def test_an_outcome_without_its_reason_is_kept_until_there_is_one(
    scene: Scene, walk: tuple[int, int]
) -> None:
    visit, question = walk
    send(scene, visit, key="a", question=question, outcome="refuse")
    assert row(scene, Question, question).outcome == "none"
    assert "This outcome needs a reason." in scene.browser("mayor").get(f"/visits/{visit}/field/notes").text
    [note] = kept(scene)
    page = f"/visits/{visit}/field/notes"
    scene.browser("mayor").submit(f"/visits/notes/{note.id}/choose", _page=page, reason="")
    assert row(scene, Question, question).outcome == "none"
    scene.browser("mayor").submit(f"/visits/notes/{note.id}/choose", _page=page, reason="No room.")
    assert row(scene, Question, question).outcome == "refused"


def test_photos_numbers_and_new_questions_are_for_the_team(scene: Scene, walk: tuple[int, int]) -> None:
    visit, question = walk
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")
    photo = (io.BytesIO(picture.getvalue()), "lamp.png")
    assert send(scene, visit, key="p", question=question, photo=photo).status_code == 302
    assert send(scene, visit, key="n", attendance="31").status_code == 302
    assert send(scene, visit, key="q", asked="Is there a bench?").status_code == 302
    assert send(scene, visit, key="q", asked="Is there a bench?").status_code == 302
    assert send(scene, visit, key="x").status_code == 302
    wrong = (io.BytesIO(b"no picture"), "lamp.png")
    headers = {"Accept": "application/json"}
    scribe = scene.browser("scribe")
    token = scribe.get(f"/visits/{visit}/field/state").json["token"]
    data = {"csrf_token": token, "key": "w", "photo": wrong}
    told = scribe.client.post(f"/visits/{visit}/field/notes", data=data, headers=headers)
    assert (told.status_code, list(told.json)) == (422, ["said"])
    assert len(kept(scene)) == 3
    file = scene.town.run(lambda: db.session.scalars(sa.select(File)).one())
    for name, status in (("mayor", 200), ("resident", 404), (None, 404), ("opposition", 404)):
        answer = scene.browser(name).get(f"/files/{file.id}/{file.name}")
        assert answer.status_code == status, name
        answer.close()
    asked = scene.town.run(
        lambda: db.session.scalars(sa.select(Entry).where(Entry.title == "Is there a bench?")).one()
    )
    assert (asked.state, asked.channel, asked.author_id) == ("pending", "stall", None)
    assert asked.recorded_by == scene.town.person("scribe")
    assert "Is there a bench?" not in scene.browser().get(f"/visits/{visit}").text
    shown = scene.browser("mayor").get(f"/visits/{visit}/field/notes").text
    assert "31 people here" in shown
    assert f"/files/{file.id}/" in shown


def test_what_is_not_accepted_is_never_in_the_pack(scene: Scene, walk: tuple[int, int]) -> None:
    visit, question = walk
    stand(scene, visit, "collecting")
    private = scene.question(visit, title="My landlord and I", contact="01 23 45 67 89")
    decide(scene, visit, [private], "divert")
    scene.question(visit, title="Nobody has read this")
    shown = scene.browser("scribe").get(f"/visits/{visit}/field").text
    assert f'id="question-{question}"' in shown
    for text in ("My landlord and I", "Nobody has read this", "01 23 45 67 89"):
        assert text not in shown
    send(scene, visit, key="late", question=private, text="She was there.")
    assert "She was there." in scene.browser("mayor").get(f"/visits/{visit}/field/notes").text


def test_scribes_read_who_supports_a_question_or_one_of_its_group(
    scene: Scene, walk: tuple[int, int]
) -> None:
    visit, question = walk
    stand(scene, visit, "collecting")
    other = scene.accepted(visit, title="And the bench?", name="neighbour")
    for name, ident in (("deputy", question), ("agent", other), ("mayor", other)):
        scene.browser(name).submit(f"/posts/{ident}/support", _page=f"/posts/{ident}")
    decide(scene, visit, [question, other], "group")
    shown = scene.browser("scribe").get(f"/visits/{visit}/field").text
    assert shown.count("<span>3 supports</span>") == 2


def test_a_note_on_a_published_visit_changes_no_outcome(scene: Scene, walk: tuple[int, int]) -> None:
    visit, question = walk
    send(scene, visit, key="a", question=question, outcome="settle")
    for verb in ("close", "finish", "begin", "end", "publish"):
        scene.browser("mayor").submit(
            f"/visits/{visit}/turn", _page="/visits/", verb=verb, sure="1", lacking="1"
        )
    assert row(scene, Visit, visit).state == "published"
    assert send(scene, visit, key="b", question=question, outcome="inform").status_code == 302
    assert [note.state for note in kept(scene)] == ["applied", "kept"], "the first holds still"
    assert row(scene, Question, question).outcome == "settled"
    [told] = scene.browser().get(f"/visits/{visit}/report/data.json").json["questions"]
    assert told["outcome"] == "settled"
    over = scene.browser("scribe").get(f"/visits/{visit}/field").text
    assert "This visit is over and its report is published" in over
    assert 'name="outcome"' not in over


def test_scribes_go_from_stop_to_stop(scene: Scene, walk: tuple[int, int]) -> None:
    visit, lamp = walk
    stand(scene, visit, "collecting")
    titles = ("Where is the bench?", "Who cuts the hedge?", "When does the bus come?")
    bench, hedge, bus = (scene.accepted(visit, title=title) for title in titles)

    def plan() -> None:
        with write() as session:
            school, well, empty = (
                Stop(space_id=visit, position=at, title=title)
                for at, title in ((2, "The school"), (1, "The well"), (3, "The park"))
            )
            session.add_all([school, well, empty])
            session.flush()
            for ident, stop, at in ((lamp, school, 2), (bench, school, 1), (hedge, well, 1)):
                session.add(StopQuestion(entry_id=ident, stop_id=stop.id, position=at))

    scene.town.run(plan)
    whole = scene.browser("scribe").get(f"/visits/{visit}/field").text
    assert whole.count('href="#stop-') == 3, (
        "what is asked at no stop is a stop of its own, an empty one none"
    )
    shown = whole[whole.index('id="stop-1"') :]
    marks = ["The well", f'id="question-{hedge}"', "The school", f'id="question-{bench}"']
    marks += [f'id="question-{lamp}"', "The park", f'id="question-{bus}"']
    places = [shown.index(mark) for mark in marks]
    assert places == sorted(places)
    assert all(shown.count(mark) == 1 for mark in marks if mark.startswith("id="))


def test_one_question_is_open_the_first_that_waits_or_the_one_just_noted(
    scene: Scene, walk: tuple[int, int]
) -> None:
    visit, lamp = walk
    stand(scene, visit, "collecting")
    bench = scene.accepted(visit, title="Where is the bench?")

    def opened(query: str = "") -> list[str]:
        shown = scene.browser("scribe").get(f"/visits/{visit}/field{query}").text
        assert shown.count('<details class="card field-card" name="question"') == 2
        return re.findall(r'id="question-(\d+)" open', shown)

    assert opened() == opened("?at=999999") == [str(lamp)]
    told = send(scene, visit, key="a", question=bench, text="It is broken.")
    assert told.location == f"/visits/{visit}/field?at={bench}#question-{bench}"
    assert opened(f"?at={bench}") == [str(bench)]
    send(scene, visit, key="b", question=lamp, outcome="settle")
    assert opened() == [str(bench)]


def test_the_worker_is_served_where_it_may_serve_the_field(scene: Scene) -> None:
    answer = scene.browser().get("/visits/field-worker.js")
    assert answer.content_type.startswith("text/javascript")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    answer.close()
    left = scene.browser("resident").submit("/sign-out", _page="/visits/")
    assert left.headers["Clear-Site-Data"] == '"storage"'


def test_the_same_note_sent_at_once_is_there_once(scene: Scene, walk: tuple[int, int]) -> None:
    visit, question = walk
    browsers = [scene.browser("scribe") for _number in range(4)]
    said = {"key": "same", "question": str(question), "outcome": "settle"}
    url = f"/visits/{visit}/field"
    tries = [
        (one, f"{url}/notes", {**said, "csrf_token": one.get(f"{url}/state").json["token"]})
        for one in browsers
    ]
    assert {answer.status_code for answer in at_once(tries)} == {302}
    assert [note.state for note in kept(scene)] == ["applied"]
    assert row(scene, Question, question).outcome == "settled"


def test_what_a_scribe_noted_is_given_and_erased_with_their_words(
    scene: Scene, walk: tuple[int, int]
) -> None:
    visit, question = walk
    send(scene, visit, key="a", question=question, outcome="settle", text="I held the ladder.")
    scribe = scene.town.person("scribe")
    [said] = scene.town.run(lambda: personal.notes(scribe))
    assert (said["question"], said["text"]) == (question, "I held the ladder.")
    scene.town.run(lambda: erase.begin(scribe, words=True))
    jobs.run_due(scene.town.app)
    [note] = kept(scene)
    assert (note.author_id, note.text, note.outcome) == (None, "", "settle")


def test_a_scribe_is_told_of_no_private_case(scene: Scene, walk: tuple[int, int]) -> None:
    visit, question = walk
    send(scene, visit, key="before", question=question, text="Her landlord came.")
    decide(scene, visit, [question], "divert")
    title = row(scene, Entry, question).title
    page = f"/visits/{visit}/field/notes"
    for text in (title, "Her landlord came."):
        assert text not in scene.browser("scribe").get(page).text
        assert text in scene.browser("mayor").get(page).text
    send(scene, visit, key="after", question=question, outcome="settle", text="Seen again.")
    late = kept(scene)[1]
    assert (late.entry_id, late.outcome) == (question, "")
    assert row(scene, Question, question).outcome == "none"
    assert "Seen again." not in scene.browser("scribe").get(page).text


@pytest.mark.parametrize("verb", ["reconsider", "divert", "reject"])
def test_an_outcome_that_comes_too_late_is_kept_in_words(
    scene: Scene, walk: tuple[int, int], verb: str
) -> None:
    visit, question = walk
    decide(scene, visit, [question], verb, reason="Not ours.")
    assert send(scene, visit, key="late", question=question, outcome="refuse").status_code == 302
    [note] = kept(scene)
    assert (note.entry_id, note.outcome) == (question, "")
    assert row(scene, Question, question).outcome == "none"
    shown = scene.browser("mayor").get(f"/visits/{visit}/field/notes").text
    for text in (
        "Outcome noted: Refused. It does not count",
        row(scene, Entry, question).title,
        "1 note that the team has not looked at yet",
    ):
        assert text in shown
    assert row(scene, Entry, question).title not in scene.browser("scribe").get(f"/visits/{visit}/field").text


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "nonsense"])
def test_a_moment_that_is_none_is_now(scene: Scene, walk: tuple[int, int], moment: str) -> None:
    visit, _question = walk
    assert send(scene, visit, key="when", text="Rain.", noted_at=moment).status_code == 302
    assert (now() - kept(scene)[0].noted_at).total_seconds() < 600


def test_a_question_that_is_refused_on_the_way_is_told(
    scene: Scene, walk: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, _question = walk

    def refuse(*_said: object, **_more: object) -> None:
        raise Refused("Not so fast.")

    monkeypatch.setattr(api, "publish", refuse)
    scribe, page = scene.browser("scribe"), f"/visits/{visit}/field"
    told = scribe.submit(f"{page}/notes", _page=page, key="new", asked="Is there a bench?")
    assert told.status_code == 302
    assert "Not so fast." in scribe.get(page).text
    assert kept(scene) == []
