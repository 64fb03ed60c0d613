"""The report: approved by another, frozen, public, naming nobody; its figures counted again from the data."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import math
import re
from typing import TYPE_CHECKING, Any

import geojson_pydantic
import pytest
import sqlalchemy as sa
from frictionless import Resource, Schema

from core import jobs
from core.db import db, write
from core.models import Entry
from plugins.neighbourhood_visits.collect import codes
from plugins.neighbourhood_visits.models import Casework, Commitment, Department, Question, Visit
from plugins.neighbourhood_visits.report.models import Minutes, Report
from portal.privacy import erase

from .test_collect_record import recorded
from .test_moderated_answers import answer_to
from .test_plugin import change
from .test_promises import department, promise, turn
from .test_triage import decide, row

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Scene

MINUTES = "Thirty people came; the lamp was shown."


def page_of(question: int) -> str:
    return f"/visits/questions/{question}"


def conclude(scene: Scene, question: int, verb: str, reason: str = "") -> None:
    """Let the agent say what became of a question."""
    url = f"{page_of(question)}/conclude"
    scene.browser("agent").submit(url, _page=page_of(question), verb=verb, reason=reason)


def lead(scene: Scene, visit: int, *verbs: str, name: str = "agent") -> None:
    """Lead a visit on."""
    for verb in verbs:
        fields = {"verb": verb, "reason": "", "sure": "yes", "lacking": "yes"}
        scene.browser(name).submit(f"/visits/{visit}/turn", _page="/visits/", **fields)


def age(scene: Scene, question: int, days: int) -> None:
    """Let a question have been asked earlier."""

    def act() -> None:
        with write() as session:
            session.get(Entry, question).created_at -= dt.timedelta(days=days)

    scene.town.run(act)


def lived(scene: Scene) -> tuple[int, dict[str, int]]:
    """A visit that is over, with a question of each sort."""
    visit, owner = scene.visit(), department(scene)
    scene.browser("admin").submit("/visits/departments/new", name="Gardens", days="30", official="0")
    another = scene.town.run(lambda: db.session.scalar(sa.select(sa.func.max(Department.id))))
    found = {
        "settled": scene.answered(visit, title="=A lamp?", place="-1, rue du Lavoir"),
        "promised": scene.accepted(visit, title="A bench?", name="neighbour"),
        "like it": scene.accepted(visit, title="A bench, please?"),
        "refused": scene.accepted(visit, title="A car park?"),
        "rejected": scene.question(visit, title="My neighbour Zoe is loud"),
        "other": scene.question(visit, title="Odd words"),
        "forwarded": scene.question(visit, title="A train?"),
        "private": scene.question(visit, title="My flat"),
        "waiting": recorded(scene, visit, words="Unread"),
        "withdrawn": recorded(scene, visit, words="Never mind", channel="stall"),
        "spam": scene.accepted(visit, title="Cheap watches!"),
        "late spam": scene.answered(visit, "Here they are.", title="Cheaper watches!"),
    }
    decide(scene, visit, [found["promised"]], "assign", department=str(owner))
    decide(scene, visit, [found["rejected"]], "reject", reason="It is not a question to the town.")
    decide(scene, visit, [found["other"]], "reject", reason="Because of Zoe.")
    decide(scene, visit, [found["forwarded"]], "forward", to="The region")
    decide(scene, visit, [found["private"]], "divert")
    code = scene.town.run(lambda: codes.code_of(found["withdrawn"]))
    assert (
        scene.browser().submit("/visits/code/withdraw", _page="/visits/code", code=code, sure="1").status_code
        == 200
    )
    decide(scene, visit, [found["refused"]], "assign", department=str(another))
    scene.draft(found["refused"], "No, it is a garden.")
    scene.approve(found["refused"], "No, it is a garden.")
    for taken, away in (("spam", "remove"), ("late spam", "hide")):
        url = f"/posts/{found[taken]}/{away}"
        assert scene.browser("mayor").submit(url, _page="/visits/", sure="1").status_code == 302
    decide(scene, visit, [found["promised"], found["like it"]], "group")
    scene.draft(found["promised"], "A bench comes in May.")
    scene.approve(found["promised"], "A bench comes in May.")
    assert promise(scene, found["promised"], owner) == 302
    conclude(scene, found["settled"], "settle")
    conclude(scene, found["refused"], "refuse", "It is a garden.")
    for number, (name, ident) in enumerate(found.items()):
        if name != "spam":  # of which nothing is left
            age(scene, ident, 3 * number)
    lead(scene, visit, "close", "finish", "begin", "end")
    return visit, found


def keep(scene: Scene, visit: int, body: str = MINUTES, name: str = "agent", version: str = "0") -> int:
    """The status of somebody's minutes."""
    url = f"/visits/{visit}/minutes"
    return scene.browser(name).submit(url, body=body, version=version).status_code


def test_a_report_is_approved_by_another_frozen_and_names_nobody(scene: Scene) -> None:
    visit, found = lived(scene)
    page = f"/visits/{visit}/report"
    assert keep(scene, visit, name="mayor") == 302
    assert keep(scene, visit, "Later words.", version="0") == 409
    unread = scene.browser("agent").submit(f"/visits/{visit}/minutes", body="Over what nobody read.")
    assert unread.status_code == 409
    for name in (None, "resident", "opposition", "mayor2"):
        assert scene.browser(name).get(page).status_code == 404
        assert scene.browser(name).get(f"/visits/{visit}/minutes").status_code in (302, 403)
    lead(scene, visit, "publish", name="mayor")
    assert row(scene, Visit, visit).state == "reporting", "who wrote the minutes does not approve them"
    lead(scene, visit, "publish", name="agent")
    assert row(scene, Visit, visit).state == "reporting", "agents do not approve"
    lead(scene, visit, "publish", name="deputy")
    assert row(scene, Visit, visit).state == "published"
    shown = scene.browser().get(page).text
    for text in (
        MINUTES,
        "A car park?",
        "Approved by Deputy",
        "No, it is a garden.",
        "by 1 May 2099",
        "44.4 %",
    ):
        assert text in shown, text
    for text in (
        "Zoe",
        "My flat",
        "Unread",
        "Odd words",
        "A train?",
        "Resident</",
        "Neighbour<",
        "The region",
    ):
        assert text not in shown, text
    conclude(scene, found["refused"], "settle")
    assert keep(scene, visit, "Quite other words.", version="1") == 302
    later = scene.browser().get(page).text
    assert "Quite other words." not in later
    assert "No, it is a garden." in later


def test_what_an_official_has_not_read_is_not_published(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.accepted(visit)
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit)
    mayor, page = scene.browser("mayor"), f"/visits/{visit}/minutes"

    def read() -> dict[str, str]:
        found = re.search(r'name="read" value="([0-9a-f]+)"', mayor.get(page).text)
        assert found
        return {"verb": "publish", "lacking": "yes", "sure": "yes", "read": found[1]}

    def publish(fields: dict[str, str]) -> str:
        answer = mayor.submit(f"/visits/{visit}/turn", _page=page, **fields)
        return mayor.get(answer.location).text

    for changed in ("minutes", "outcome"):
        seen = read()
        if changed == "minutes":
            keep(scene, visit, "Zoe insulted everybody.", version="1")
        else:
            conclude(scene, question, "refuse", "It is a garden.")
        shown = publish(seen)
        assert "have changed since you read them" in shown, changed
        assert ("Zoe insulted everybody." if changed == "minutes" else "It is a garden.") in shown
        assert row(scene, Visit, visit).state == "reporting"
        assert row(scene, Report, visit) is None
    seen = read()
    scene.browser("neighbour").submit(f"/posts/{question}/support", _page=f"/posts/{question}")
    assert row(scene, Entry, question).support_count == 1
    assert "The report is public" in publish(seen), "support counts on"
    assert row(scene, Visit, visit).state == "published"


def test_who_writes_other_minutes_over_a_colleague_s_is_their_writer(scene: Scene) -> None:
    visit, _found = lived(scene)
    assert keep(scene, visit, "Nothing.") == 302
    assert keep(scene, visit, name="mayor", version="1") == 302
    lead(scene, visit, "publish", name="mayor")
    assert row(scene, Visit, visit).state == "reporting"
    lead(scene, visit, "publish", name="deputy")
    assert row(scene, Visit, visit).state == "published"


def test_who_replaces_minutes_in_small_parts_is_their_writer(scene: Scene) -> None:
    visit, _found = lived(scene)
    words = [f"word{number}" for number in range(40)]
    assert keep(scene, visit, " ".join(words)) == 302
    for part in range(2):
        words[part * 10 : part * 10 + 10] = [f"mayor{part}{number}" for number in range(10)]
        assert keep(scene, visit, " ".join(words), "mayor", str(part + 1)) == 302
    assert row(scene, Minutes, visit).drafted_by == scene.town.person("agent"), "half of it stands"
    words[20:30] = [f"mayor2{number}" for number in range(10)]
    assert keep(scene, visit, " ".join(words), "mayor", "3") == 302
    assert row(scene, Minutes, visit).drafted_by == scene.town.person("mayor")
    lead(scene, visit, "publish", name="mayor")
    assert row(scene, Visit, visit).state == "reporting"


def test_what_two_change_of_minutes_is_counted_of_each(scene: Scene) -> None:
    visit, _found = lived(scene)
    words = [f"word{number}" for number in range(40)]
    assert keep(scene, visit, " ".join(words)) == 302
    for part, name in enumerate(("mayor", "deputy", "mayor")):
        words[part * 10 : part * 10 + 10] = [f"{name}{part}{number}" for number in range(10)]
        assert keep(scene, visit, " ".join(words), name, str(part + 1)) == 302
    assert row(scene, Minutes, visit).drafted_by == scene.town.person("agent"), "each changed a quarter"


def test_who_changes_a_word_of_minutes_that_are_nobodys_is_their_writer(scene: Scene) -> None:
    visit, _found = lived(scene)
    assert keep(scene, visit, "The lamp is mended on Monday.") == 302
    change(scene, Minutes, visit, drafted_by=None)
    version = str(row(scene, Minutes, visit).version)
    assert keep(scene, visit, "The lamp is mended on Tuesday.", "mayor", version) == 302
    assert row(scene, Minutes, visit).drafted_by == scene.town.person("mayor")


def test_who_puts_the_words_of_minutes_in_another_order_is_their_writer(scene: Scene) -> None:
    visit, _found = lived(scene)
    words = [f"word{number}" for number in range(40)]
    assert keep(scene, visit, " ".join(words)) == 302
    words[:16] = reversed(words[:16])
    assert keep(scene, visit, " ".join(words), "mayor", "1") == 302
    assert row(scene, Minutes, visit).drafted_by == scene.town.person("agent"), "half of it stands"
    words[16:32] = reversed(words[16:32])
    assert keep(scene, visit, " ".join(words), "mayor", "2") == 302
    assert row(scene, Minutes, visit).drafted_by == scene.town.person("mayor")


def test_one_person_may_approve_where_the_town_says_so_and_the_report_says_it(scene: Scene) -> None:
    visit, _found = lived(scene)
    keep(scene, visit, name="mayor")
    form = scene.browser("admin").get("/admin/plugins/neighbourhood_visits").text
    assert 'name="one_person_approves"' in form
    scene.browser("admin").submit(
        "/admin/plugins/neighbourhood_visits", days_to_answer="30", one_person_approves="y"
    )
    lead(scene, visit, "publish", name="mayor")
    shown = scene.browser().get(f"/visits/{visit}/report").text
    assert "one person may both write and approve" in shown
    assert "So it was with this report." in shown


def test_what_is_redacted_leaves_the_report_with_its_date(scene: Scene) -> None:
    visit, found = lived(scene)
    lead(scene, visit, "publish", name="mayor")
    page, entry = f"/visits/{visit}/report", found["refused"]
    answer = scene.town.run(
        lambda: db.session.scalar(
            sa.select(Entry.id).where(Entry.parent_id == entry, Entry.kind == "visits.answer")
        )
    )
    url = f"/posts/{answer}/redact"
    told = scene.browser("mayor").submit(url, passage="it is a garden", reason="private")
    assert told.status_code == 302, told.text
    shown = scene.browser().get(page).text
    assert "No, it is a garden." not in shown
    assert "words of an answer were taken out" in shown
    scene.browser("mayor").submit(f"/posts/{entry}/hide", _page=f"/posts/{entry}", sure="1")
    shown = scene.browser().get(page).text
    assert "A car park?" not in shown
    assert "words of a question were taken out" in shown
    assert "A car park?" not in scene.browser().get(f"{page}/data.json").text


def test_a_place_and_a_reason_that_are_redacted_leave_the_report(scene: Scene) -> None:
    visit = scene.visit()
    first = scene.accepted(visit, title="A bench?", place="At Zibeline’s, rue du Lavoir")
    grouped = scene.accepted(visit, title="A bench, please?", name="neighbour")
    own = scene.accepted(visit, title="A seat?", name="neighbour")
    decide(scene, visit, [first, grouped, own], "group")
    conclude(scene, first, "refuse", "Zibeline has said no.")
    conclude(scene, own, "refuse", "No room.")
    lead(scene, visit, "close", "finish", "begin", "end")
    lead(scene, visit, "publish", name="mayor")
    page = f"/visits/{visit}/report"
    both = (page, f"{page}/data.json")
    assert all("Zibeline" in scene.browser().get(url).text for url in both)
    scene.browser("mayor").submit(f"/posts/{first}/redact", passage="Zibeline", reason="private")
    for url in both:
        shown = scene.browser().get(url).text
        assert "Zibeline" not in shown
        assert shown.count("has said no.") == 2
        assert "No room." in shown
    assert "words of a question were taken out" in scene.browser().get(page).text


def test_a_promise_leaves_the_report_with_its_question(scene: Scene) -> None:
    visit, found = lived(scene)
    lead(scene, visit, "publish", name="mayor")
    both, entry = (f"/visits/{visit}/report", f"/visits/{visit}/report/data.json"), found["promised"]
    assert all("The lamps of" in scene.browser().get(url).text for url in both)
    scene.browser("mayor").submit(f"/posts/{entry}/redact", passage="lamps", reason="private")
    for url in both:
        shown = scene.browser().get(url).text
        assert "The lamps of" not in shown
        assert "of rue du Lavoir are replaced" in shown
    scene.browser("mayor").submit(f"/posts/{entry}/hide", _page=f"/posts/{entry}", sure="1")
    assert all("are replaced" in scene.browser().get(url).text for url in both), "below the next of its group"
    scene.browser("mayor").submit(f"/posts/{found['like it']}/hide", _page="/visits/", sure="1")
    assert not any("are replaced" in scene.browser().get(url).text for url in both)


def test_usual_themes_and_reasons_are_said_in_the_reader_s_language(scene: Scene) -> None:
    scene.let_one_approve()
    visit = scene.visit()
    lamp, other = scene.accepted(visit, title="A lamp?"), scene.question(visit, title="Odd words")
    decide(scene, visit, [lamp], "theme", theme="streets")
    decide(scene, visit, [other], "reject", reason="It is not a question to the town.")
    lead(scene, visit, "close", "finish", "begin", "end")
    lead(scene, visit, "publish", name="mayor")
    french = {"headers": {"Accept-Language": "fr"}}
    said = {
        "en": ("Streets and pavements", "Not accepted: It is not a question to the town."),
        "fr": ("Rues et trottoirs", "Non acceptées\xa0: Ce n’est pas une question à la ville."),
    }
    page = f"/visits/{visit}/report"
    for language, more in (("en", {}), ("fr", french)):
        shown = scene.browser().get(page, **more).text
        for words in said[language]:
            assert words in shown, (language, words)


def test_an_outcome_stays_as_the_published_report_says(scene: Scene) -> None:
    visit, found = lived(scene)
    lead(scene, visit, "publish", name="mayor")
    owner = scene.town.run(lambda: db.session.scalar(sa.select(Department.id)))
    for state in ("published", "follow_up", "archived"):
        assert row(scene, Visit, visit).state == state
        conclude(scene, found["refused"], "settle")
        assert promise(scene, found["refused"], owner) == 422
        assert row(scene, Question, found["refused"]).outcome == "refused"
        assert 'value="settle"' not in scene.browser("agent").get(page_of(found["refused"])).text
        lead(scene, visit, {"published": "follow"}.get(state, "archive"))


def again(data: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The figures as a stranger counts them who has read their definitions, with no word of our code."""
    [visit] = data["visits"]
    of = lambda measure: {r["value"]: int(r["number"]) for r in data["counts"] if r["measure"] == measure}  # noqa: E731
    decided, reasons = of("decision"), of("reason")
    received = sum(n for what, n in decided.items() if what != "withdrawn")
    answered = [q for q in data["questions"] if q["answered_at"]]
    early = [
        q
        for q in answered
        if q["outcome"] in {"settled", "information_given"}
        and dt.datetime.fromisoformat(q["answered_at"]) < dt.datetime.fromisoformat(visit["starts_at"])
    ]
    departments = sorted({q["department"] for q in answered} - {""})
    times = [
        waited(name, [q for q in answered if name in ("", q["department"])]) for name in ("", *departments)
    ]
    return {
        "received": received,
        "answered": len(answered),
        "rate": round(100 * len(answered) / received, 1),
        "settled_before": len(early),
        "rejected": reasons,
        "forwarded": decided.get("forwarded", 0),
        "private": decided.get("private_case", 0),
        "withdrawn": decided.get("withdrawn", 0),
        "channels": {how: round(100 * n / received, 1) for how, n in of("channel").items()},
        "times": [time for time in times if time["answers"]],
    }


def waited(department: str, answered: list[dict[str, Any]]) -> dict[str, Any]:
    """How long these questions waited for an answer: half of them, and nine of ten, no longer than that."""
    day = dt.date.fromisoformat
    days = sorted((day(q["answered_on"]) - day(q["asked_on"])).days for q in answered)
    middle = len(days) // 2
    median = days and (days[middle] if len(days) % 2 else (days[middle - 1] + days[middle]) / 2)
    ninetieth = days and days[math.ceil(0.9 * len(days)) - 1]
    return {"department": department, "answers": len(days), "median": median, "ninetieth": ninetieth}


EXPECTED = {
    "received": 9,
    "answered": 4,
    "rate": 44.4,
    "settled_before": 1,
    "forwarded": 1,
    "private": 1,
    "rejected": {"Another reason": 1, "It is not a question to the town.": 1},
    "withdrawn": 1,
    "channels": {"phone": 11.1, "web": 88.9},
    "times": [
        {"department": "", "answers": 4, "median": 4.5, "ninetieth": 9},
        {"department": "Gardens", "answers": 1, "median": 9, "ninetieth": 9},
        {"department": "Roads", "answers": 1, "median": 3, "ninetieth": 3},
    ],
}


def test_anybody_counts_the_figures_again_from_the_open_data(scene: Scene) -> None:
    visit, _found = lived(scene)
    lead(scene, visit, "publish", name="mayor")
    told = scene.browser().get(f"/visits/{visit}/report/data.json").json
    live = scene.browser().get(f"/visits/{visit}/data.json").json
    tables = {
        name: list(csv.DictReader(io.StringIO(scene.browser().get(f"/visits/open-data/{name}.csv").text)))
        for name in ("visits", "questions", "counts")
    }
    kept = row(scene, Report, visit).facts["figures"]
    for data in (told, live, tables):
        counted = again(data)
        assert {name: counted[name] for name in EXPECTED} == EXPECTED
        assert {name: kept[name] for name in EXPECTED} == EXPECTED


def test_the_files_hold_what_their_schemas_say(scene: Scene, tmp_path: Path) -> None:
    visit, found = lived(scene)

    def pin() -> None:
        with write() as session:
            question = session.get(Question, found["settled"])
            question.latitude, question.longitude = 47.200412, -1.550389  # somebody's house

    scene.town.run(pin)
    visitor = scene.browser()
    assert visitor.get("/visits/open-data").status_code == 200
    for name in ("questions", "counts", "commitments", "visits"):
        schema = Schema.from_descriptor(visitor.get(f"/visits/open-data/{name}.schema.json").json)
        (tmp_path / f"{name}.csv").write_text(visitor.get(f"/visits/open-data/{name}.csv").text)
        report = Resource(path=f"{name}.csv", basepath=str(tmp_path), schema=schema).validate()
        assert report.valid, report.flatten(["rowNumber", "fieldName", "message"])
    [line] = [
        r
        for r in csv.DictReader(io.StringIO((tmp_path / "questions.csv").read_text()))
        if int(r["id"]) == found["settled"]
    ]
    assert (line["question"], line["place"], line["longitude"]) == (
        "'=A lamp?",
        "'-1, rue du Lavoir",
        "-1.55",
    )
    for url in (f"/visits/{visit}/questions.geojson", "/visits/open-data/questions.geojson"):
        answer = visitor.get(url)
        assert answer.content_type == "application/geo+json"
        known = geojson_pydantic.FeatureCollection.model_validate_json(answer.text)
        [feature] = known.features
        assert feature.geometry.coordinates[:2] == (-1.55, 47.2)
        assert feature.properties["question"] == "=A lamp?"


def test_the_data_of_a_hidden_visit_are_hidden(scene: Scene) -> None:
    hidden = scene.browser("agent").submit("/visits/new", **scene.plan(), keep="yes").location
    for name in (
        "questions.csv",
        "counts.csv",
        "data.json",
        "questions.geojson",
        "report",
        "report/data.json",
    ):
        assert scene.browser().get(f"{hidden}/{name}").status_code == 404, name
    assert "Tanneries" not in json.dumps(scene.browser("agent").get("/visits/open-data/data.json").json)


def test_what_the_report_counts_is_taken_back_no_more(scene: Scene) -> None:
    visit, found = lived(scene)
    bare = scene.accepted(visit_open(scene, visit), title="Taken back later?", name="neighbour")
    lead(scene, visit, "close", "finish", "begin", "end")
    lead(scene, visit, "publish", name="mayor")
    page = f"/visits/{visit}/report"
    before = scene.browser().get(f"/visits/{visit}/data.json").json
    neighbour, url = scene.browser("neighbour"), f"{page_of(bare)}/withdraw"
    assert url not in neighbour.get(f"/posts/{bare}").text
    assert neighbour.get(url).location == f"/posts/{bare}"
    assert "they leave the report too" in neighbour.submit(url, _page=page).text
    code = scene.town.run(lambda: codes.code_of(bare))
    assert "Withdraw my question" not in scene.browser().submit("/visits/code", code=code).text
    for sure in ({}, {"sure": "1"}):
        told = scene.browser().submit("/visits/code/withdraw", "/visits/code", code=code, **sure)
        assert "they leave the report too" in told.text, sure
    for verb, more in (
        ("reject", {"reason": "No."}),
        ("forward", {"to": "Them"}),
        ("divert", {}),
        ("reconsider", {}),
    ):
        decide(scene, visit, [bare], verb, **more)
        assert row(scene, Question, bare).triage == "accepted", verb
    shown = scene.browser("agent").get(page_of(bare)).text
    assert "so its questions stay public" in shown
    assert "Take it back from the public" not in shown
    assert "Taken back later?" in scene.browser().get(page).text
    assert scene.browser().get(f"/visits/{visit}/data.json").json == before
    decide(scene, visit, [found["waiting"]], "reject", reason="No.")
    assert row(scene, Question, found["waiting"]).triage == "rejected", "what nobody read is still decided"


@pytest.mark.parametrize("way", ["hide", "remove"])
def test_a_promise_leaves_the_report_with_a_question_that_may_come_back(scene: Scene, way: str) -> None:
    visit, owner = scene.visit(), department(scene)
    ident = scene.accepted(visit, title="A lamp?")
    promise(scene, ident, owner)
    lead(scene, visit, "close", "finish", "begin", "end")
    lead(scene, visit, "publish", name="mayor")
    page = f"/visits/{visit}/report"
    assert "The lamps of" in scene.browser().get(page).text
    scene.browser("mayor").submit(f"/posts/{ident}/{way}", _page=f"/posts/{ident}", sure="1")
    shown = scene.browser().get(page).text
    assert "words of a question were taken out" in shown
    assert "A lamp?" not in shown
    for text in (shown, scene.browser().get(f"{page}/data.json").text, str(row(scene, Report, visit).facts)):
        assert ("The lamps of" in text) is (way == "remove"), "what is hidden may come back"
        assert "A lamp?" not in text


@pytest.mark.parametrize("way", ["hide", "remove"])
@pytest.mark.parametrize("grouped", [False, True])
def test_an_answer_leaves_the_report_with_its_question_alone(scene: Scene, way: str, grouped: bool) -> None:
    scene.let_one_approve()
    visit = scene.visit()
    first, second = scene.answered(visit, title="A lamp?"), scene.accepted(visit, title="A light?")
    if grouped:
        decide(scene, visit, [first, second], "group")
    lead(scene, visit, "close", "finish", "begin", "end")
    lead(scene, visit, "publish", name="mayor")
    pages = [f"/visits/{visit}/report{end}" for end in ("", "/data.json")]
    assert all("It is mended on Monday." in scene.browser().get(page).text for page in pages)
    scene.browser("mayor").submit(f"/posts/{first}/{way}", _page=f"/posts/{first}", sure="1")
    for shown in (scene.browser().get(page).text for page in pages):
        assert ("It is mended on Monday." in shown) is grouped
        assert "A lamp?" not in shown
        assert "A light?" in shown


@pytest.mark.engines
def test_what_moderators_show_again_is_back_in_the_report(scene: Scene) -> None:
    scene.let_one_approve()
    visit, owner = scene.visit(), department(scene)
    first, second = scene.answered(visit, title="A lamp?", place="Rue Haute"), scene.accepted(visit)
    third = scene.accepted(visit, title="A bench?")
    decide(scene, visit, [first, second], "group")
    promise(scene, first, owner)
    lead(scene, visit, "close", "finish", "begin", "end")
    lead(scene, visit, "publish", name="mayor")
    assert promise(scene, first, owner) == 302, "another, after the report"
    scene.draft(third, "Said later.")
    scene.approve(third, "Said later.")
    data, page, mayor = f"/visits/{visit}/report/data.json", f"/visits/{visit}/report", scene.browser("mayor")
    before = scene.browser().get(data).json
    for ident in (first, third, answer_to(scene, first).id, answer_to(scene, third).id):
        mayor.submit(f"/posts/{ident}/hide", _page="/visits/")
        before["commitments"][0]["question"] = second  # which leads, since the first was hidden
        assert scene.browser().get(data).json != before or ident == answer_to(scene, third).id
        mayor.submit(f"/posts/{ident}/hide", _page="/visits/")
        assert scene.browser().get(data).json == before
    shown = scene.browser().get(page).text
    assert "A question that was taken out" not in shown
    for said in ("words of a question were taken out", "what had been hidden is shown again"):
        assert shown.count(said) == 1, "what is said in the same words is said once"
    assert "It is mended on Monday." in shown
    assert "Said later." not in shown


@pytest.mark.engines
@pytest.mark.parametrize(
    ("before", "after"),
    [((), ("claim", "confirm")), (("start",), ("abandon",)), (("claim", "confirm"), ("contest",))],
    ids=["open", "begun", "kept"],
)
def test_a_promise_is_back_in_the_report_as_it_stood_there(
    scene: Scene, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    scene.let_one_approve()
    visit, owner = scene.visit(), department(scene)
    ident, mayor = scene.accepted(visit), scene.browser("mayor")
    promise(scene, ident, owner)
    [made] = scene.town.run(lambda: list(db.session.scalars(sa.select(Commitment.id))))

    def go(verbs: tuple[str, ...]) -> None:
        for verb in verbs:
            name = "resident" if verb in ("confirm", "contest") else "agent"
            assert turn(scene, made, verb, name, "The road is closed.").status_code == 302

    go(before)
    lead(scene, visit, "close", "finish", "begin", "end")
    lead(scene, visit, "publish", name="mayor")
    data = f"/visits/{visit}/report/data.json"
    frozen = scene.browser().get(data).json
    go(after)
    for _ in ("hidden", "shown"):
        mayor.submit(f"/posts/{ident}/hide", _page="/visits/")
    assert scene.browser().get(data).json == frozen
    [live] = scene.browser().get(f"/visits/{visit}/data.json").json["commitments"]
    assert live["state"] != frozen["commitments"][0]["state"], "elsewhere it says how it stands now"


def test_what_is_shown_again_but_not_accepted_stays_out_of_the_report(scene: Scene) -> None:
    scene.let_one_approve()
    visit = scene.visit()
    ident, mayor = scene.accepted(visit, title="A lamp?"), scene.browser("mayor")
    lead(scene, visit, "close", "finish", "begin", "end")
    lead(scene, visit, "publish", name="mayor")
    mayor.submit(f"/posts/{ident}/hide", _page="/visits/")
    change(scene, Question, ident, triage="withdrawn")  # as earlier releases let it
    mayor.submit(f"/posts/{ident}/hide", _page="/visits/")
    shown = scene.browser().get(f"/visits/{visit}/report").text
    assert "A lamp?" not in shown
    assert "shown again" not in shown


def test_the_report_says_why_where_the_answer_does(scene: Scene) -> None:
    visit = scene.visit()
    ident = scene.drafted(visit, "There is a garden.", title="A car park?")
    page = page_of(ident)
    scene.browser("agent").submit(
        f"{page}/answer", _page=page, body="It is a garden.", version="1", submit="yes"
    )
    said = {"version": "2", "publish": "y", "outcome": "refuse"}
    scene.browser("mayor").submit(f"{page}/approve", _page="/visits/next", **said)
    assert row(scene, Question, ident).outcome == "refused"
    lead(scene, visit, "close", "finish", "begin", "end")
    lead(scene, visit, "publish", name="mayor")
    shown = scene.browser().get(f"/visits/{visit}/report").text
    assert "<dt>Why</dt><dd>The answer says why.</dd>" in shown
    assert "It is a garden." in shown


def visit_open(scene: Scene, visit: int) -> int:
    """The same visit, taking questions again."""

    def act() -> None:
        with write() as session:
            session.get(Visit, visit).state = "collecting"

    scene.town.run(act)
    return visit


def test_erased_words_leave_the_report(scene: Scene) -> None:
    visit, found = lived(scene)
    lead(scene, visit, "publish", name="mayor")
    assert scene.town.run(lambda: db.session.get(Casework, found["promised"])) is not None
    scene.town.run(lambda: erase.begin(scene.town.person("neighbour"), words=True))
    jobs.run_due(scene.town.app)
    shown = scene.browser().get(f"/visits/{visit}/report").text
    assert "A bench?" not in shown
    assert "A bench, please?" in shown


def test_who_takes_out_words_that_are_no_minutes_is_told_where(scene: Scene) -> None:
    visit, _found = lived(scene)
    keep(scene, visit)
    lead(scene, visit, "publish", name="mayor")
    page = f"/visits/{visit}/report"
    told = scene.browser("mayor").submit(f"{page}/redact", _page=page, passage="garden", reason="private")
    assert told.status_code == 422
    assert "taken out on the page of the question" in told.text


def test_whoever_writes_or_publishes_the_minutes_is_asked_about_people(scene: Scene) -> None:
    visit, _found = lived(scene)
    page = f"/visits/{visit}/minutes"
    words = "M. Dupont du 12 rue Haute a dit merci, Mme le Gall aussi. Son numéro : 06 12 34 56 78."
    said = {"body": words, "version": "0"}
    agent = scene.browser("agent")
    asked = agent.submit(page, **said)
    assert asked.status_code == 422
    assert "details by which somebody can be found" in asked.text
    assert 'name="confirmed" type="hidden" value="yes"' in asked.text
    assert "The minutes as they stand now" not in asked.text
    assert agent.submit(page, **said, confirmed="yes").status_code == 302
    shown = scene.browser("mayor").get(page).text.partition("Publish what came of it</h2>")[2]
    assert "M. Dupont, Mme le Gall." in shown
    assert "details by which somebody can be found" in shown
    people = "M. Dupont et Mme d’Ormesson, M Petit et Madame de La Tour sont là.\nM. Roux\n\nLa séance ouvre."
    agent.submit(page, body=people, version="1")
    shown = scene.browser("mayor").get(page).text.partition("Publish what came of it</h2>")[2]
    assert "M. Dupont, Mme d’Ormesson, M Petit, Madame de La Tour, M. Roux." in shown
    offices = "Madame la maire répond, Madame la Maire ajoute. M. le maire aussi. Thirty people came."
    agent.submit(page, body=offices, version="2")
    assert "names no resident" not in scene.browser("mayor").get(page).text.partition("Publish what")[2]
    scene.town.person("ulysse trottoir")
    plain = "ULYSSE  Trottoir spoke of the square; Ulysse Trottoirs did not, and the Mayor answered."
    agent.submit(page, body=plain, version="3")
    shown = scene.browser("mayor").get(page).text.partition("Publish what came of it</h2>")[2]
    assert "the reasons and the promises: Ulysse Trottoir." in shown
    agent.submit(page, body="Ulysse Trottoirs spoke. The resident agrees.", version="4")
    assert "names no resident" not in scene.browser("mayor").get(page).text.partition("Publish what")[2]
    for said in ("madame Durand", "M.Durand", "Mme Maire-Durand", "Ulysse Trottoir"):
        agent.submit(page, body=f"{said} spoke.", version=str(row(scene, Minutes, visit).version))
        shown = scene.browser("mayor").get(page).text.partition("Publish what came of it</h2>")[2]
        assert f"the reasons and the promises: {said}." in shown
    agent.submit(page, body="The Mayor spoke.", version=str(row(scene, Minutes, visit).version))
    silent = scene.town.run(
        lambda: db.session.scalar(
            sa.select(sa.func.min(Question.entry_id)).where(
                Question.outcome == "none", Question.triage == "accepted"
            )
        )
    )
    change(scene, Entry, silent, title="Why does Mme Durand want none?")
    conclude(scene, silent, "refuse", "Ulysse Trottoir is against it.")
    shown = scene.browser("mayor").get(page).text.partition("Publish what came of it</h2>")[2]
    assert "the reasons and the promises: Mme Durand, Ulysse Trottoir." in shown


def test_a_report_takes_questions_by_what_was_decided(scene: Scene) -> None:
    visit, found = lived(scene)

    def undo() -> None:
        with write() as session:
            session.get(Question, found["refused"]).outcome = "none"

    scene.town.run(undo)
    keep(scene, visit, name="mayor")
    lead(scene, visit, "publish", name="deputy")
    shown = scene.browser().get(f"/visits/{visit}/report").text.partition('id="questions"')[2]
    contents = shown.partition("</nav>")[0]
    named = re.findall(r'<a href="#(\w+)">([^<]+) \((\d+)\)</a>', contents)
    assert len(named) > 1
    headed = re.findall(r"<h3>([^<]+) \((\d+)\)</h3>", shown)
    assert headed == [(title, count) for _name, title, count in named]
    names = [name for name, _title, _count in named]
    assert names == [one for one in ("done", "promised", "refused", "studied", "undecided") if one in names]
    for name, _title, count in named:
        part = re.split(r"</section>|</details>", shown.partition(f'id="{name}"')[2])[0]
        assert part.count("<article") == int(count), name
    assert '<details id="undecided">' in shown, "what is not decided is folded"
    minutes = scene.browser("agent").get(f"/visits/{visit}/minutes").text
    assert "The report is published, and stays as it is." in minutes
    assert "<textarea" not in minutes, "nothing that one could change would change it"


def test_a_second_tap_on_minutes_is_no_colleague(scene: Scene) -> None:
    visit, _found = lived(scene)
    for words, version in (("Nothing.", "0"), ("Nothing more.", "1")):
        for _tap in range(2):
            assert keep(scene, visit, words, version=version) == 302
    assert keep(scene, visit, "Other words.", version="1") == 409
    assert keep(scene, visit, "Nothing more.", "mayor", version="1") == 409
