"""A visit is led on from one panel: the next step first; what cannot be undone is asked before."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pypdfium2
import pytest
import sqlalchemy as sa

from core import jobs, mail
from core.db import db, now, write
from core.models import Mail
from core.spaces.actions import set_members
from plugins.neighbourhood_visits import actions
from plugins.neighbourhood_visits.models import Visit
from plugins.neighbourhood_visits.states import TRANSITIONS
from plugins.neighbourhood_visits.turns import FOR_GOOD
from portal.notices import mailing

from .test_collect_moved import change
from .test_field import stand
from .test_report import lead
from .test_scribe_reads import visit as visit_with_scribe
from .test_triage import row

if TYPE_CHECKING:
    from .conftest import Scene

visit = visit_with_scribe


def panel(scene: Scene, visit: int, name: str | None) -> str:
    """What somebody finds for the team on the page of a visit."""
    shown = scene.browser(name).get(f"/visits/{visit}").text
    found = re.search(r'<section class="panel team".*?</section>', shown, re.S)
    if found:
        assert shown.index(found[0]) < shown.index('id="practical"'), "it comes first"
    return found[0] if found else ""


def first(text: str) -> str:
    """The one button that is not quiet."""
    [button] = re.findall(
        r'<(?:button type="submit"|a) class="button "[^>]*>(?:<svg.*?</svg>)?([^<]+)<', text
    )
    return button.strip()


def day_of(scene: Scene, visit: int) -> str:
    """The day of a visit, as its page says it."""
    found = re.search(r"<dt>Date</dt><dd>([^<]+)<", scene.browser().get(f"/visits/{visit}").text)
    assert found
    return found[1]


def put_off(scene: Scene, visit: int, verb: str, reason: str = "The river is high.") -> None:
    """Let the mayor postpone or cancel a visit."""
    page = f"/visits/{visit}"
    scene.browser("mayor").submit(f"{page}/turn", _page=page, verb=verb, reason=reason, sure="1")


def reschedule(scene: Scene, visit: int, days: int = 0, name: str = "mayor", **fields: str) -> int:
    """What the form of the new date answers, so many days after the date that was postponed."""
    plan = scene.plan()
    said = {key: plan[key] for key in ("starts", "ends", "meeting_point", "closes")}
    said["date"] = (dt.date.fromisoformat(plan["date"]) + dt.timedelta(days=days)).isoformat()
    page = f"/visits/{visit}/reschedule"
    return scene.browser(name).submit(page, _page=f"/visits/{visit}", **{**said, **fields}).status_code


def test_the_team_reads_whom_no_message_reaches_when_a_visit_moves(scene: Scene) -> None:
    visit = scene.visit()
    own = scene.question(visit, title="With an account?")
    scene.question(visit, title="Under an alias?", name="neighbour", shown="alias")
    page, agent, mayor = f"/visits/{visit}", scene.browser("agent"), scene.browser("mayor")
    words = {
        "words": "By telephone?",
        "name": "Madame Brunet",
        "contact": "01 23 45 67 89",
        "channel": "phone",
    }
    assert agent.submit(f"{page}/record", **words).status_code == 302
    with_code = {"title": "By code?", "seen": "yes"}
    assert scene.browser().submit(f"{page}/ask", **with_code).status_code == 302
    assert "Whom to call back" not in agent.get(page).text, "nothing has changed"
    asked = mayor.submit(f"{page}/turn", _page=page, verb="postpone").text
    assert "All who have an account and asked or support a question are told" in asked
    assert "1 question came from somebody without an account, who left you a contact" in asked
    assert "1 question came without a contact" in asked
    mayor.submit(f"{page}/turn", _page=page, verb="postpone", sure="1", reason="Snow.")
    assert f'href="{page}/callers"' in agent.get(page).text
    shown = agent.get(f"{page}/callers").text
    assert "By telephone?" in shown
    assert "01 23 45 67 89" in shown
    assert "Madame Brunet" in shown
    assert "With an account?" not in shown
    assert own
    for name in (None, "resident", "agent2", "opposition", "colleague"):
        refused = scene.browser(name).get(f"{page}/callers")
        assert refused.status_code in (302, 403, 404), name
        assert "01 23 45 67 89" not in refused.text
        assert "Whom to call back" not in scene.browser(name).get(page).text, name


def test_each_state_has_one_next_step(scene: Scene, visit: int) -> None:
    seen = {}
    for verb in ("", "close", "finish", "begin", "end", "publish", "follow"):
        if verb:
            lead(scene, visit, verb, name="mayor")
        seen[row(scene, Visit, visit).state] = first(panel(scene, visit, "mayor"))
        for name in (None, "resident", "opposition", "mayor2"):
            assert panel(scene, visit, name) == "", name
    assert seen == {
        "collecting": "Review the questions",
        "preparing": "Everything is prepared",
        "ready": "In the field",
        "in_progress": "In the field",
        "reporting": "Minutes and report",
        "published": "Follow up the promises",
        "follow_up": "Promises",
    }


def test_a_draft_says_what_it_lacks_to_be_announced(scene: Scene) -> None:
    def draft() -> int:
        with write():
            space = actions.draft_visit("Visit 75118", "75118", dt.date(2030, 1, 1))
            set_members(space, "test", {scene.town.person("agent"): "coordinator"})
            return space.id

    visit = scene.town.run(draft)
    shown = panel(scene, visit, "agent")
    assert "fill in where people meet" in shown
    assert first(shown) == "Change the visit"
    assert "Announce" not in shown
    scene.town.run(lambda: meet(visit))
    shown = panel(scene, visit, "agent")
    assert "choose its neighbourhood" in shown, (
        "who reaches a part of the town announces nothing for all of it"
    )
    assert first(shown) == "Change the visit"
    assert change(scene, visit, scene.browser("agent")).status_code == 302
    shown = panel(scene, visit, "agent")
    assert "Read it once more, then announce it." in shown
    assert first(shown) == "Announce the visit"


def meet(visit: int) -> None:
    """Say where people meet, and nothing else."""
    with write() as session:
        session.get(Visit, visit).meeting_point = "In front of the school"


def test_a_visit_begins_by_the_one_button_on_its_day(scene: Scene, visit: int) -> None:
    stand(scene, visit, "ready")
    early = panel(scene, visit, "mayor")
    assert first(early) == "In the field"
    assert "The visit begins" in early
    stand(scene, visit, "ready", days=-20)
    assert first(panel(scene, visit, "mayor")) == "The visit begins"


def test_a_visit_that_was_before_its_date_is_past(scene: Scene, visit: int) -> None:
    card = f'href="/visits/{visit}"'
    for state, coming in (("ready", True), ("in_progress", True), ("reporting", False), ("follow_up", False)):
        stand(scene, visit, state)
        before, _title, after = scene.browser().get("/visits/").text.partition("Past visits")
        assert (card in before, card in after) == (coming, not coming), state
        assert (card in scene.browser().get("/").text.partition("Next neighbourhood visit")[2]) == coming
        assert ("This visit has taken place." in scene.browser().get(f"/visits/{visit}").text) != coming


def test_a_scribe_finds_the_field_and_the_minutes(scene: Scene, visit: int) -> None:
    seen = []
    for verb in ("close", "finish", "begin", "end", "publish"):
        lead(scene, visit, verb, name="mayor")
        seen.append("/field" in panel(scene, visit, "scribe"))
    assert seen == [False, True, True, True, False]
    assert panel(scene, visit, "scribe") == ""


@pytest.mark.parametrize("verb", ["begin", "cancel"])
def test_what_cannot_be_undone_is_asked_before(scene: Scene, visit: int, verb: str) -> None:
    lead(scene, visit, "close", "finish")
    page = f"/visits/{visit}/turn"
    mayor = scene.browser("mayor")
    asked = mayor.submit(page, _page=f"/visits/{visit}", verb=verb, reason="Storm.")
    assert asked.status_code == 200
    assert "This cannot be undone." in asked.text
    assert str(FOR_GOOD[verb]) in asked.text
    assert 'name="reason"' in asked.text
    assert "Storm." in asked.text
    assert row(scene, Visit, visit).state == "ready"
    told = scene.browser("scribe").submit(page, _page=f"/visits/{visit}", verb=verb, reason="Storm.")
    assert told.status_code == 403
    told = mayor.submit(page, _page=f"/visits/{visit}", verb=verb, reason="Storm.", sure="1")
    assert told.status_code == 302
    assert row(scene, Visit, visit).state == {"begin": "in_progress", "cancel": "cancelled"}[verb]
    assert str(FOR_GOOD[verb]) in mayor.get(f"/visits/{visit}").text


@pytest.mark.parametrize("verb", ["postpone", "cancel"])
def test_the_reason_is_asked_where_one_is_sure_and_kept(scene: Scene, visit: int, verb: str) -> None:
    page, mayor = f"/visits/{visit}/turn", scene.browser("mayor")
    assert 'name="reason"' not in panel(scene, visit, "mayor")
    asked = mayor.submit(page, _page=f"/visits/{visit}", verb=verb)
    assert asked.status_code == 200
    assert "reason-error" not in asked.text
    assert "with your reason" in asked.text or verb == "cancel"
    assert "Change nothing</a>" in asked.text
    assert "Cancel</a>" not in asked.text, "a visit is cancelled by the other button"
    for reason, says in (("  ", "Write the reason."), ("x" * 1001, "x" * 1001)):
        refused = mayor.submit(page, _page=f"/visits/{visit}", verb=verb, reason=reason, sure="1")
        assert refused.status_code == 422
        assert 'aria-describedby="reason-hint reason-error"' in refused.text
        assert says in refused.text
    assert row(scene, Visit, visit).state == "collecting"
    put_off(scene, visit, verb)
    assert row(scene, Visit, visit).reason == "The river is high."


def test_what_can_be_undone_is_done_at_once(scene: Scene, visit: int) -> None:
    for verb, state in (("close", "preparing"), ("finish", "ready"), ("resume", "preparing")):
        scene.browser("mayor").submit(f"/visits/{visit}/turn", _page=f"/visits/{visit}", verb=verb)
        assert row(scene, Visit, visit).state == state


def test_what_leads_back_is_asked_where_people_are_told_alone() -> None:
    moves = [way for way in TRANSITIONS if way.thing == "visit"]
    back = {
        way.verb
        for way in moves
        for other in moves
        if other.target in way.sources and way.target in other.sources
    }
    assert {way.verb for way in moves if way.verb not in back or way.notice} == set(FOR_GOOD)


@pytest.mark.parametrize(("verb", "says"), [("postpone", "Postponed"), ("cancel", "Cancelled")])
def test_who_reads_of_a_visit_put_off_reads_no_old_date(scene: Scene, verb: str, says: str) -> None:
    visit = scene.visit(closed=True, other_ways="Call 02 96 00 00 00.")
    old, place = day_of(scene, visit), "In front of the school"
    put_off(scene, visit, verb)
    shown = scene.browser().get(f"/visits/{visit}")
    assert "The river is high." in shown.text
    assert says in shown.text
    asked = scene.browser().get(f"/visits/{visit}/ask")
    assert "Call 02 96 00 00 00." in asked.text
    for page in (shown, asked):
        assert "Questions that were asked" in page.text
        assert "closed since" not in page.text
        assert "Questions were taken until" not in page.text
        assert old not in page.text
        assert place not in page.text


def test_the_code_of_a_question_before_a_visit_put_off_says_so(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.question(visit)
    slip, resident = f"/visits/questions/{question}/slip", scene.browser("resident")
    old = day_of(scene, visit)
    assert old in resident.get(slip).text
    put_off(scene, visit, "postpone")
    for page in (slip, f"/visits/questions/{question}/thanks"):
        shown = resident.get(page).text
        assert "The new date will be told here" in shown
        assert old not in shown
        assert "In front of the school" not in shown


def test_who_asked_hears_why_a_visit_is_put_off_and_its_new_date(scene: Scene) -> None:
    scene.town.person("asker", "resident", language="en")
    visit = scene.visit()
    scene.question(visit, name="asker")
    put_off(scene, visit, "postpone", "The river is high.")
    asker = scene.browser("asker")

    def heard() -> str:
        jobs.run_due(scene.town.app)
        scene.town.run(mailing.mail_due)
        own = sa.select(Mail).where(Mail.recipient == "asker@example.org").order_by(Mail.id)
        written = scene.town.run(lambda: [mail.written(one) for one in db.session.scalars(own).all()])
        return "\n".join(words[0].text for words in written if words)

    for text in (heard(), asker.get("/notices").text):
        assert "The visit is postponed: Visit of the Tanneries" in text
        assert "The river is high." in text
        assert "The new date will be told here" in text
    assert f"/visits/{visit}\n" in heard()
    assert f"/spaces/{visit}" not in heard()
    old = row(scene, Visit, visit).starts_at
    assert reschedule(scene, visit, days=7, starts="17:00", meeting_point="At the fountain") == 302
    assert row(scene, Visit, visit).starts_at == old + dt.timedelta(days=7, hours=-1)
    for text in (heard(), asker.get("/notices").text):
        assert "The visit has a new date: Visit of the Tanneries" in text
        assert f"{day_of(scene, visit)}, 17:00 – 20:00, At the fountain" in text


def test_the_new_date_is_given_where_it_is_announced(scene: Scene) -> None:
    visit, page = scene.visit(), "/visits/{}/reschedule"
    page, mayor = page.format(visit), scene.browser("mayor")
    assert mayor.get(page).status_code == 302, "nothing is postponed"
    closed_at = row(scene, Visit, visit).questions_close_at
    put_off(scene, visit, "postpone")
    assert f'href="{page}"' in panel(scene, visit, "mayor")
    assert scene.plan()["date"] in mayor.get(page).text
    for name in ("opposition", "resident"):
        assert reschedule(scene, visit, days=7, name=name) == 403
    turned = mayor.submit(f"/visits/{visit}/turn", _page=f"/visits/{visit}", verb="reschedule", sure="1")
    assert turned.location == page
    assert reschedule(scene, visit) == 422, "it is the date that was postponed"
    assert reschedule(scene, visit, days=-40) == 422
    assert reschedule(scene, visit, days=7, meeting_point="") == 422
    assert row(scene, Visit, visit).state == "postponed"
    assert reschedule(scene, visit, days=7) == 302
    moved = row(scene, Visit, visit)
    assert moved.state == "collecting"
    assert moved.questions_close_at == closed_at + dt.timedelta(days=7)
    assert moved.sequence == 2
    assert "Ask a question" in scene.browser().get(f"/visits/{visit}").text
    assert reschedule(scene, visit, days=9) == 302
    assert row(scene, Visit, visit).starts_at == moved.starts_at, "it is announced already"


def test_the_new_date_is_announced_without_taking_questions(scene: Scene) -> None:
    visit = scene.visit()
    put_off(scene, visit, "postpone")
    day = (dt.date.fromisoformat(scene.plan()["closes"]) + dt.timedelta(days=2)).isoformat()
    assert reschedule(scene, visit, days=7, later="yes", closes=day) == 302
    kept = row(scene, Visit, visit)
    assert (kept.state, kept.last_moment.date().isoformat()) == ("announced", day)


def test_a_visit_that_takes_no_questions_yet_says_so_everywhere(scene: Scene) -> None:
    visit, visitor = scene.visit(other_ways="Call 02 96 00 00 00."), scene.browser()
    page = f"/visits/{visit}"
    assert "Questions are open" in visitor.get("/visits/").text
    put_off(scene, visit, "postpone")
    assert reschedule(scene, visit, days=7, later="yes") == 302
    assert "not open yet; the last day will be" in visitor.get(page).text
    assert "Questions are not open yet" in visitor.get("/visits/").text
    ask = visitor.get(f"{page}/ask").text
    assert "This visit takes no questions yet" in ask
    assert "the last day to ask will be" in ask
    for closed in ("Questions were taken", "no more questions"):
        assert closed not in ask
    with pypdfium2.PdfDocument(scene.browser("mayor").get(f"{page}/a4.pdf").data) as poster:
        assert "Soon, ask your question, until" in " ".join(poster[0].get_textpage().get_text_range().split())


def test_no_last_day_to_ask_moves_into_the_past_in_silence(scene: Scene) -> None:
    visit, plan = scene.visit(), scene.plan()
    today, passed = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1), "which has passed: give another"
    near = (today - dt.date.fromisoformat(plan["date"])).days
    refused = change(scene, visit, date=today.isoformat())
    assert refused.status_code == 422
    assert passed in refused.text
    put_off(scene, visit, "postpone")
    assert reschedule(scene, visit, days=near) == 422
    assert reschedule(scene, visit, days=near, later="yes") == 422
    assert row(scene, Visit, visit).state == "postponed"
    assert reschedule(scene, visit, days=7, later="yes") == 302

    def close() -> None:
        with write() as session:
            session.get(Visit, visit).questions_close_at = now() - dt.timedelta(days=1)

    scene.town.run(close)
    mayor, page = scene.browser("mayor"), f"/visits/{visit}"
    assert mayor.submit(f"{page}/open", _page=page).location == f"{page}/edit"
    shown = mayor.get(f"{page}/edit").text
    assert "The last day to ask is over" in shown
    assert "give a later one to take questions again" in shown
    said = {"date": today.isoformat(), "closes": today.isoformat()}
    assert change(scene, visit, **said).status_code == 302
    mayor.submit(f"{page}/open", _page=page)
    assert row(scene, Visit, visit).state == "collecting"


def test_the_form_of_a_postponed_visit_asks_no_date(scene: Scene) -> None:
    visit = scene.visit()
    old = row(scene, Visit, visit).starts_at
    put_off(scene, visit, "postpone")
    shown = scene.browser("mayor").get(f"/visits/{visit}/edit").text
    assert 'name="date"' not in shown
    assert f'href="/visits/{visit}/reschedule"' in shown
    assert change(scene, visit, date="2031-01-01", summary="Other words").status_code == 302
    assert row(scene, Visit, visit).starts_at == old


def test_no_page_of_the_team_shows_the_day_of_a_visit_that_is_put_off(scene: Scene, visit: int) -> None:
    pages = [f"/visits/{visit}/{name}" for name in ("review", "agenda", "field")]
    day, agent = day_of(scene, visit), scene.browser("agent")
    for page in pages:
        assert day in agent.get(page).text, page
    put_off(scene, visit, "postpone")
    for page in pages:
        shown = agent.get(page).text.partition("<main")[2]
        assert day not in shown, page
        assert "18:00" not in shown, page
        assert "ostponed" in shown, page
    assert 'data-opens=""' in agent.get(pages[2]).text, "notes do not open on the day that was"
