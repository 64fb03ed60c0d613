"""An official reads what matters and approves drafts on one screen; themes rest on questions."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import api
from core.db import db, now, write
from plugins.neighbourhood_visits.models import Casework, Question
from plugins.neighbourhood_visits.plan.models import Sensitivity
from plugins.neighbourhood_visits.prepare import themes

if TYPE_CHECKING:
    from .conftest import Scene


def asked(scene: Scene, visit: int, count: int) -> list[int]:
    """So many accepted questions of a visit, the first with most support: straight into the database."""

    def make() -> list[int]:
        found = []
        with write() as session:
            for at in range(count):
                entry = api.Entry(space_id=visit, kind="visits.question", title=f"Question {at:03}?")
                entry.body, entry.html, entry.lang = "", "", "en"
                entry.byline, entry.state, entry.published_at, entry.active_at = (
                    "R",
                    "published",
                    now(),
                    now(),
                )
                session.add(entry)
                session.flush()
                session.add(Question(entry_id=entry.id, triage="accepted", theme="streets"))
                session.add(Casework(entry_id=entry.id, space_id=visit))
                found.append(entry.id)
        return found

    return scene.town.run(make)  # type: ignore[no-any-return]


def statements(scene: Scene, path: str, name: str = "mayor") -> tuple[str, int]:
    """A page, and how many statements it costs."""
    browser = scene.browser(name)
    browser.get(path)
    seen: list[str] = []
    with scene.town.app.app_context():
        engine = db.engine

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        answer = browser.get(path)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    assert answer.status_code == 200
    return answer.text, len(seen)


def test_the_next_visit_says_what_matters_and_why(scene: Scene) -> None:
    visit = scene.visit()
    ids = asked(scene, visit, 60)

    def mark() -> None:
        with write() as session:
            session.add(Sensitivity(entry_id=ids[55], space_id=visit, text="A court decides."))
            session.get(Question, ids[54]).signatures = 120
            session.get(Question, ids[58]).group_id = ids[1]
            for name in ("neighbour", "deputy", "agent"):
                session.add(api.Support(user_id=scene.town.person(name), entry_id=ids[58]))
            session.add(api.Support(user_id=scene.town.person("neighbour"), entry_id=ids[1]))

    scene.town.run(mark)
    page = scene.browser("mayor").get("/visits/next").text
    shown = re.findall(r"Question (\d{3})\?</a></h3>\s*(?:<p class=\"meta\">(.*?)</p>)?", page)
    assert [number for number, _reasons in shown] == ["054", "001", "055", "000", "002"]
    assert re.findall(r"<span>(.*?)</span>", shown[0][1]) == ["120 signatures on paper"], (
        "which no one counts as supports"
    )
    assert re.findall(r"<span>(.*?)</span>", shown[1][1]) == ["3 supports", "asked by 1 other"], (
        "each person once"
    )
    assert "Visit of the Tanneries" in page
    assert "In front of the school" in page


def test_ten_drafts_are_approved_without_leaving_the_page(scene: Scene) -> None:
    visit = scene.visit()
    ids = asked(scene, visit, 10)
    for ident in ids:
        scene.draft(ident, f"We mend number {ident}.")
        page = f"/visits/questions/{ident}"
        told = scene.browser("agent").submit(
            f"{page}/answer", _page=page, body=f"We mend number {ident}.", version="1", submit="yes"
        )
        assert told.status_code == 302, told.text
    mayor = scene.browser("mayor")
    assert "10 drafts to approve" in mayor.get("/visits/next").text
    for ident in ids[:5]:
        told = mayor.submit(
            f"/visits/questions/{ident}/approve", _page="/visits/next", version="1", publish="y"
        )
        assert told.location.startswith("/visits/next")
    held = mayor.submit(f"/visits/questions/{ids[5]}/approve", _page="/visits/next", version="1", hold="y")
    assert held.status_code == 302
    page = mayor.get("/visits/next").text
    assert "4 drafts to approve" in page
    assert f"We mend number {ids[0]}." not in page
    states = sa.select(Casework.entry_id, Casework.answer).where(Casework.entry_id.in_(ids))
    found = {row[0]: row[1] for row in scene.town.run(lambda: db.session.execute(states).all())}
    assert [found[one] for one in ids] == ["published"] * 5 + ["approved"] + ["to_approve"] * 4


def test_each_question_has_its_reason(scene: Scene) -> None:
    visit = scene.visit()
    scene.accepted(visit, title="A bench?")
    scene.answered(visit, title="A tree?")
    old = scene.accepted(visit, title="A lamp?")
    held = scene.drafted(visit, title="A hedge?")
    scene.approve(held, "It is cut.", publish="", hold="yes")

    def age() -> None:
        with write() as session:
            session.get(api.Entry, old).created_at -= dt.timedelta(days=8)

    scene.town.run(age)
    page = scene.browser("mayor").get("/visits/next").text
    for title, reasons in (
        ("A bench?", ["new", "no answer yet"]),
        ("A tree?", ["new", "answered already"]),
        ("A lamp?", ["no answer yet"]),
        ("A hedge?", ["new", "answer ready for the visit"]),
    ):
        said = page.partition(f"{title}</a></h3>")[2].partition("</li>")[0]
        assert re.findall("<span>(.*?)</span>", said) == reasons, title


def test_a_draft_approved_in_place_says_so_and_brings_what_matters_up_to_date(scene: Scene) -> None:
    visit = scene.visit()
    ident = scene.drafted(visit)
    page = f"/visits/questions/{ident}"
    fields = {"body": "It is mended on Monday.", "version": "1", "submit": "yes"}
    scene.browser("agent").submit(f"{page}/answer", _page=page, **fields)
    mayor = scene.browser("mayor")
    shown = mayor.get("/visits/next").text
    assert 'data-hx-select-oob="#what-matters,#said:innerHTML"' in shown
    assert '<div id="said" role="status" class="visually-hidden"></div>' in shown
    mayor.submit(f"{page}/approve", _page="/visits/next", version="1", publish="yes")
    shown = mayor.client.get("/visits/next", headers={"HX-Request": "true"}).text
    said = shown.partition('<div id="said" role="status" class="visually-hidden">')[2].partition("</div>")[0]
    assert "The answer is published: “When will the lamp in rue du Lavoir be mended?”" in said
    matters = shown.partition('<section id="what-matters"')[2].partition("</section>")[0]
    assert "answered already" in matters


def test_a_draft_is_read_with_its_question_and_approved_with_an_outcome(scene: Scene) -> None:
    visit = scene.visit()
    ids = [scene.drafted(visit, title=title, body="It was dark by the well.") for title in ("A?", "B?", "C?")]
    for ident in ids:
        page = f"/visits/questions/{ident}"
        fields = {"body": "It is mended on Monday.", "version": "1", "submit": "yes"}
        scene.browser("agent").submit(f"{page}/answer", _page=page, **fields)
    mayor = scene.browser("mayor")
    shown = mayor.get("/visits/next").text.partition(f'id="draft-{ids[0]}"')[2].partition("</li>")[0]
    assert "It was dark by the well." in shown
    assert "support" not in shown, "nobody supports it, which needs no words"
    offered = re.findall(r'<option value="(\w*)"', shown)
    assert offered == ["", "settle", "refuse", "study", "decline", "inform"]
    said = {"version": "1", "publish": "y"}
    approve = f"/visits/questions/{ids[0]}/approve"
    told = mayor.submit(approve, _page="/visits/next", outcome="no-such", **said)
    assert told.status_code == 404
    told = mayor.submit(approve, _page="/visits/next", outcome="settle", **said)
    assert told.location == f"/visits/next?after={ids[0]}#drafts"
    found = scene.town.run(lambda: db.session.get(Question, ids[0]))
    assert (found.outcome, found.answered_at is not None) == ("settled", True)
    shown = mayor.client.get(told.location, headers={"HX-Request": "true"}).text
    assert re.findall(r'id="draft-(\d+)"><details open><summary autofocus>', shown) == [str(ids[1])]
    before, _card, within = shown.partition(f'<li class="card goes-on" id="draft-{ids[1]}">')
    assert "The answer is published: “A?”" in before.rpartition('<ul class="stack">')[2], "above the next one"
    assert "The answer is published" not in within.partition("</li>")[0], "and not within it"
    mayor.submit(approve, _page="/visits/next", **said)
    shown = mayor.get("/visits/next").text
    assert "“A?”: This draft no longer waits" in shown
    assert "below" not in shown.partition("<main")[2].partition("drafts-title")[0]
    said = {"hold": "y", "version": "1", "outcome": "refuse"}
    mayor.submit(f"/visits/questions/{ids[1]}/approve", _page="/visits/next", **said)
    assert scene.town.run(lambda: db.session.get(Question, ids[1])).outcome == "refused"
    assert "published on the day of the visit: “B?”" in mayor.get("/visits/next").text


def test_a_draft_that_changed_since_it_was_read_is_not_approved(scene: Scene) -> None:
    visit = scene.visit()
    ident = scene.drafted(visit)
    page = f"/visits/questions/{ident}"
    agent = scene.browser("agent")
    agent.submit(f"{page}/answer", _page=page, body="It is mended in May.", version="1", submit="yes")
    kept = sa.select(Casework.answer).where(Casework.entry_id == ident)
    for name, version in (("mayor", "1"), ("agent", "2"), ("opposition", "2"), ("resident", "2")):
        browser = scene.browser(name)
        told = browser.submit(f"{page}/approve", _page=f"/visits/{visit}/ask", version=version, publish="yes")
        assert told.status_code == 302 if name == "mayor" else told.status_code in (403, 404)
        assert scene.town.run(lambda: db.session.scalar(kept)) == "to_approve"


def test_the_first_screen_costs_the_same_at_five_hundred_questions(scene: Scene) -> None:
    visit = scene.visit()
    asked(scene, visit, 20)
    _page, few = statements(scene, "/visits/next")
    asked(scene, visit, 480)
    _page, many = statements(scene, "/visits/next")
    assert many == few


def test_without_a_visit_to_come_nothing_is_told(scene: Scene) -> None:
    scene.visit()
    for name in ("opposition", "resident"):
        page = scene.browser(name).get("/visits/next")
        assert page.status_code == 200
        assert "You are on the team of no visit to come" in page.text


SAID = (
    (
        "When will the lamps of the rue du Lavoir be mended?",
        "The lamps are broken since the storm of May.",
        9,
    ),
    ("The lamps are out", "All lamps of the rue du Lavoir are broken since the storm.", 2),
    ("Dark street", "Children walk home in the dark because the lamps are broken.", 4),
    ("A bench by the river", "Old people would like to sit down by the river on the way home.", 1),
)


def test_themes_are_summed_up_in_sentences_that_people_wrote(scene: Scene) -> None:
    visit = scene.visit()
    ids = [scene.accepted(visit, title=title, body=body, theme="streets") for title, body, _n in SAID]
    page = scene.browser("agent").get(f"/visits/{visit}/themes").text
    assert "4 questions" in page
    assert "lamps" in re.findall(r"<strong>(.*?)</strong>", page)[0]
    quoted = re.findall(r"<blockquote><p>(.*?)</p></blockquote>\s*<p class=\"hint\">(.*?)</p>", page, re.S)
    assert 1 <= len(quoted) <= 3
    for text, rests_on in quoted:
        assert any(text in f"{title} {body}" for title, body, _n in SAID)
        linked = [int(one) for one in re.findall(r"/visits/questions/(\d+)", rests_on)]
        assert linked
        assert set(linked) <= set(ids)
    assert scene.browser("resident").get(f"/visits/{visit}/themes").status_code in (403, 404)


def test_a_sentence_links_all_that_say_it_and_no_other(scene: Scene) -> None:
    said = "Le trottoir est défoncé devant le numéro 21."
    noise = "Nous avons écrit il y a des mois. Le bar est bruyant, au numéro 4. Un vélo barre le trottoir."
    ids = asked(scene, scene.visit(), 14)

    def write_down() -> int:
        with write() as session:
            for ident in ids[:12]:
                session.get(api.Entry, ident).body = said
            for ident in ids[12:]:
                session.get(api.Entry, ident).body = noise
            return session.get(api.Entry, ids[0]).space_id

    visit = scene.town.run(write_down)
    page = scene.browser("agent").get(f"/visits/{visit}/themes").text
    sentence = page.partition(f"<blockquote><p>{said}</p>")[2].partition("</li>")[0]
    linked = [int(one) for one in re.findall(r"/visits/questions/(\d+)", sentence)]
    assert sorted(linked) == ids[:12]
    assert "and 7 more" in sentence
    leading = re.findall(r"<strong>(.*?)</strong>", page)[0].lower()
    assert "trottoir" in leading
    assert not {"avons", "écrit", "mois"} & set(leading.split(", "))


def test_a_question_alone_in_its_theme_is_named_once(scene: Scene) -> None:
    visit = scene.visit()
    title = "How does one cross the market on a Saturday?"
    scene.accepted(visit, title=title, body="Between the stalls no way is left at all.", theme="streets")
    page = scene.browser("agent").get(f"/visits/{visit}/themes").text
    assert page.count(title) == 1
    assert "Between the stalls no way is left at all." in page


@pytest.mark.parametrize("text", ["", "…", "a b c", "1 2 3", "😀" * 50])
def test_texts_that_say_nothing_are_no_theme(text: str) -> None:
    assert themes.leading_words([text]) == []
