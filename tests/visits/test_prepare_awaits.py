"""What awaits an official on all visits is on one screen, and on the home page with one link to it."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pytest

from core.db import db, now, write
from core.models import Space
from core.spaces.actions import set_members
from plugins.neighbourhood_visits.models import Casework, DepartmentMember, Visit

from .conftest import TOWN
from .test_prepare_first import asked, statements
from .test_promises import department
from .test_report import MINUTES, keep, lead
from .test_triage import decide

if TYPE_CHECKING:
    from .conftest import Scene


def submitted(scene: Scene, visit: int, title: str) -> int:
    """A question whose draft waits for approval."""
    ident = scene.accepted(visit, title=title)
    page = f"/visits/questions/{ident}"
    fields = {"body": f"Yes, {title}", "version": "0", "submit": "yes"}
    assert scene.browser("agent").submit(f"{page}/answer", _page=page, **fields).status_code == 302
    return ident


def panel(scene: Scene, name: str | None, title: str = "(?:What awaits you|My next visit)") -> str:
    """What the home page shows under this heading."""
    home = scene.browser(name).get("/").text
    found = re.search(rf"<h2[^>]*>{title}</h2>(.*?)</section>", home.partition("data-live-list")[0], re.S)
    return found[1] if found else ""


def test_drafts_of_all_visits_are_approved_on_one_screen(scene: Scene) -> None:
    over, coming = scene.visit(name="Visit of the mill"), scene.visit(name="Visit of the tower")
    ids = [submitted(scene, visit, title) for visit, title in ((over, "A bench?"), (coming, "A lamp?"))]

    def past() -> None:
        with write() as session:
            session.get(Visit, over).starts_at = now() - dt.timedelta(days=3)
            session.get(Visit, over).ends_at = now() - dt.timedelta(days=2)

    scene.town.run(past)
    mayor = scene.browser("mayor")
    shown = mayor.get("/visits/next").text
    assert "2 drafts to approve" in shown
    assert re.search('id="drafts".*A lamp.*Visit of the mill</a></h3>.*A bench', shown, re.S)
    assert shown.partition("<main")[2].count("Visit of the tower") == 1, "its name is said once"
    coming_up, past_ones = shown.split("Visit of the mill</a></h3>")
    assert ('name="hold"' in coming_up, 'name="hold"' in past_ones) == (True, False), "its day has been"
    assert "2 drafts to approve" in panel(scene, "mayor")
    assert 'href="/visits/next#drafts"' in panel(scene, "mayor")
    places = [shown.index(f'id="{one}"') for one in ("when", "drafts", "what-matters")]
    assert places == sorted(places), "date, time and place, then what waits"
    for ident in ids:
        mayor.submit(f"/visits/questions/{ident}/approve", _page="/visits/next", version="1", publish="y")
    assert "to approve" not in panel(scene, "mayor")
    for name in (None, "resident", "opposition", "mayor2"):
        assert panel(scene, name) == "", name
    assert "A lamp?" not in scene.browser("opposition").get("/visits/next").text


def gone(scene: Scene, visit: int, ident: int, how: str) -> None:
    """Let a question be public no longer, which its author, the team or a moderator decides."""
    if how == "withdraw":
        told = scene.browser("resident").submit(f"/visits/questions/{ident}/withdraw")
    elif how == "hide":
        told = scene.browser("deputy").submit(f"/posts/{ident}/hide", _page="/visits/", sure="1")
    else:
        told = decide(scene, visit, [ident], how, reason="Not the town’s.", to="The county")
    assert told.status_code == 302, told.text


@pytest.mark.parametrize("how", ["withdraw", "hide", "reject", "forward", "divert", "reconsider"])
def test_a_draft_awaits_nobody_once_its_question_is_public_no_longer(scene: Scene, how: str) -> None:
    visit = scene.visit()
    ident = submitted(scene, visit, "A bench?")
    assert "1 draft to approve" in panel(scene, "mayor")
    gone(scene, visit, ident, how)
    assert "to approve" not in panel(scene, "mayor")
    shown = scene.browser("mayor").get("/visits/next").text
    assert "to approve" not in shown
    assert "Yes, A bench?" not in shown


def test_a_report_awaits_the_officials_who_did_not_write_it(scene: Scene) -> None:
    visit = scene.visit()
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit, name="mayor")
    page, link = f"/visits/{visit}/minutes", f'href="/visits/{visit}/minutes"'
    assert link not in scene.browser("deputy").get("/visits/next").text, "nobody was asked yet"
    scene.browser("agent").submit(page, body=f"{MINUTES} Thirty people.", version="1", ask="yes")
    assert link in scene.browser("deputy").get("/visits/next").text
    assert "1 report to approve" in panel(scene, "deputy")
    for name in ("mayor", "agent", "opposition", "mayor2"):
        assert link not in scene.browser(name).get("/visits/next").text, name
    assert panel(scene, "mayor") == ""
    scene.browser("deputy").submit(f"/visits/{visit}/turn", _page=page, verb="publish", sure="y", lacking="y")
    assert link not in scene.browser("deputy").get("/visits/next").text


def test_the_next_visit_stands_above_the_feed_for_who_goes_there(scene: Scene) -> None:
    visit = scene.visit()
    found = scene.town.run(lambda: db.session.get(Visit, visit).starts_at.astimezone(TOWN).date())
    questions = [scene.accepted(visit, title=f"A bench number {number}?") for number in range(6)]
    told = panel(scene, "mayor")
    for said in ("Visit of the Tanneries", str(found.year), "18:00 – 20:00", "In front of the school"):
        assert said in told, said
    for ident in questions[:5]:
        assert f'href="/visits/questions/{ident}"' in told
    assert told.count("<span>no answer yet</span>") == 5, "the five that matter, each with its reason"
    assert "late promise" not in told
    assert 'href="/visits/next"' in told
    assert scene.browser("mayor").get("/").text.count("In front of the school") == 1, "and once"
    for name in ("opposition", "mayor2"):
        home = scene.browser(name).get("/").text
        assert "In front of the school" in home
        assert "/visits/next" not in home, "they are on the team of none"
    for name in (None, "resident", "opposition", "mayor2", "agent"):
        assert panel(scene, name) == "", name
    page = f"/visits/{visit}"
    scene.town.person("scribe", "agent", area_id=scene.commune)
    scene.town.run(lambda: add_scribe(scene, visit))
    told = panel(scene, "scribe", "You take the notes")
    assert f'href="{page}/field"' in told
    assert "In front of the school" in told


def add_scribe(scene: Scene, visit: int) -> None:
    with write() as session:
        set_members(session.get(Space, visit), "test", {scene.town.person("scribe"): "scribe"})


@pytest.mark.parametrize("days", [-1, 1])
def test_what_is_late_is_late_by_the_one_rule(scene: Scene, days: int) -> None:
    visit, owner = scene.visit(), department(scene)
    ident = scene.accepted(visit, title="A bench?")
    decide(scene, visit, [ident], "assign", department=str(owner))

    def due() -> None:
        with write() as session:
            session.get(Casework, ident).due_at = now() + dt.timedelta(days=days)

    scene.town.run(due)
    assert ("the answer is late" in scene.browser("mayor").get("/visits/next").text) == (days < 0)
    queue = scene.browser("mayor").get(f"/visits/{visit}/review?queue=unanswered").text
    badge = 'badge danger">Overdue</span>' in re.sub("<svg.*?</svg>", "", queue)
    assert badge == (days < 0)


def test_the_screen_costs_the_same_with_more_visits_and_drafts(scene: Scene) -> None:
    visit = scene.visit()
    submitted(scene, visit, "A bench?")
    _page, few = statements(scene, "/visits/next")
    for number in range(3):
        more = scene.visit(name=f"Visit {number}")
        submitted(scene, more, f"A lamp {number}?")
        asked(scene, more, 20)
    page, many = statements(scene, "/visits/next")
    assert "4 drafts to approve" in page
    assert many == few


def test_members_of_a_department_are_told_how_much_waits(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    member = scene.town.person("colleague")

    def join() -> None:
        with write() as session:
            session.add(DepartmentMember(department_id=owner, user_id=member))

    scene.town.run(join)
    title = "Requests to your department"
    assert panel(scene, "colleague", title) == ""
    ident = scene.accepted(visit, title="A bench?")
    decide(scene, visit, [ident], "assign", department=str(owner))
    told = panel(scene, "colleague", title)
    assert "1 request waits for your draft" in told
    assert 'href="/visits/department"' in told
    assert "A bench?" not in told
    for name in ("agent", "mayor", "resident", None):
        assert panel(scene, name, title) == "", name


def test_who_changes_a_draft_from_the_list_comes_back_to_it(scene: Scene) -> None:
    ident = submitted(scene, scene.visit(), "A bench?")
    deputy, page = scene.browser("deputy"), f"/visits/questions/{ident}"
    assert f'href="{page}?next=drafts#answer"' in deputy.get("/visits/next").text
    assert '<input type="hidden" name="next" value="drafts">' in deputy.get(f"{page}?next=drafts").text
    assert 'name="next" value="https' not in deputy.get(f"{page}?next=https://example.org").text
    said = {"body": "Yes, A bench? Soon.", "version": "1", "publish": "y"}
    answer = deputy.submit(f"{page}/answer", _page=f"{page}?next=drafts", next="drafts", **said)
    assert answer.location == "/visits/next#drafts"


def test_nobody_is_led_elsewhere_after_an_answer(scene: Scene) -> None:
    visit = scene.visit()
    ident = submitted(scene, visit, "A bench?")
    deputy, page = scene.browser("deputy"), f"/visits/questions/{ident}"
    said = {"body": "Yes, A bench? Soon.", "version": "1", "publish": "y", "next": "https://example.org"}
    answer = deputy.submit(f"{page}/answer", _page=page, **said)
    assert answer.location == f"/visits/{visit}/review?queue=unanswered"
