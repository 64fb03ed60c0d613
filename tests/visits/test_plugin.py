"""The plugin in the house: the contract, switched off, its settings, panels, badges, jobs and health."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest

from core import api, jobs, registry
from core.db import db, now, write
from core.testing import check_plugin
from plugins.neighbourhood_visits.models import Casework, Department, Visit

from .conftest import QUESTION, Scene

if TYPE_CHECKING:
    from core.testing import Town

NAME = "neighbourhood_visits"


def test_the_plugin_keeps_the_contract(town: Town) -> None:
    check_plugin(town, NAME)


def switch(scene: Scene, on: bool) -> None:
    """Switch the plugin as the page of plugins does."""
    scene.town.run(lambda: registry.current().switch(NAME, on))


def test_off_hides_all_of_it_and_breaks_no_page_and_on_brings_it_back(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.answered(visit)
    pages = (f"/visits/{visit}", f"/visits/{visit}/ask", f"/visits/{visit}/review", "/visits/", "/visits")
    core = ("/", "/spaces", "/feed.atom", "/about/permissions")
    resident = scene.browser("resident")
    assert QUESTION in resident.get("/").text
    switch(scene, on=False)
    for page in pages:
        assert resident.get(page).status_code == 404, page
    for page in core:
        shown = resident.get(page)
        assert shown.status_code == 200, page
        assert QUESTION not in shown.text
        assert "Tanneries" not in shown.text
        assert "/visits" not in shown.text
    gone = resident.get(f"/posts/{question}")
    assert gone.status_code == 404
    assert QUESTION not in gone.text
    switch(scene, on=True)
    assert QUESTION in resident.get(f"/posts/{question}").text
    assert resident.get(f"/visits/{visit}").status_code == 200


def test_the_home_page_shows_the_next_visit_and_what_waits_for_the_team(scene: Scene) -> None:
    visit = scene.visit()
    scene.question(visit)
    assert "Next neighbourhood visit" in scene.browser().get("/").text
    home = scene.browser("agent").get("/").text
    assert "Questions waiting for you" in home.partition('<div class="feed">')[0].partition("<h1")[2]
    assert f'href="/visits/{visit}/review?queue=unread">To read (1)</a>' in home
    for name in (None, "resident", "opposition", "colleague", "mayor2"):
        home = scene.browser(name).get("/").text
        assert "Questions waiting for you" not in home, name
        assert QUESTION not in home


@pytest.mark.parametrize("name", [None, "resident"])
def test_the_next_visit_that_takes_questions_stands_high(scene: Scene, name: str | None) -> None:
    sooner, later = scene.visit(closed=True), scene.visit(name="Visit of the Mills")
    top = scene.browser(name).get("/").text.partition("<main")[2].partition('data-live-list="')[0]
    assert f'class="button small" href="/visits/{later}/ask"' in top
    assert f"/visits/{sooner}" not in top
    for_staff = scene.browser("agent").get("/").text.partition("data-live-list")[0]
    assert "Next neighbourhood visit" not in for_staff
    scene.browser("mayor").submit(f"/visits/{later}/close", _page=f"/visits/{later}")
    shown = scene.browser(name).get("/").text
    assert f'href="/visits/{sooner}"' in shown, "without any, the next stands beside"
    assert f"/visits/{sooner}" not in shown.partition("data-live-list")[0]


def test_staff_read_what_a_town_does_before_its_first_visit_until_it_is_done(town: Town) -> None:
    def left(name: str, role: str) -> list[str]:
        page = town.browser(name, role).get("/admin").text.partition("First steps of neighbourhood visits")[2]
        steps = re.findall(r'<li class="step">(.*?)</li>', page, re.DOTALL)
        told = [re.sub(r"<[^>]+>", " ", step) for step in steps]
        return [" ".join(one.partition(":")[0].split()) for one in told if "to do" in one]

    def department() -> None:
        with write() as session:
            session.add(Department(name="Roads", folded="roads", mailbox="", days_to_answer=10))

    assert (
        left("adele", "administrator") == left("lea", "agent") == ["Areas", "Departments", "The first visit"]
    )
    assert left("deputy", "official") == []
    for path in ("/admin/areas", "/visits/departments", "/visits/new"):
        assert f'href="{path}"' in town.browser("adele").get("/admin").text, path
        assert town.browser("adele").get(path).status_code == 200, path
    area = town.area("Rive")
    town.run(department)
    assert left("adele", "administrator") == ["The first visit"]
    day = now().date() + dt.timedelta(days=20)
    plan: dict[str, Any] = {"name": "Rive", "meeting_point": "Hall", "area": str(area)}
    plan |= {"date": day.isoformat(), "starts": "18:00", "ends": "20:00", "closes": day.isoformat()}
    plan["officials"] = [str(town.person("deputy"))]
    answer = town.browser("adele").submit("/visits/new", **plan)
    assert answer.status_code == 302, answer.text
    assert "First steps of neighbourhood visits" not in town.browser("adele").get("/admin").text
    assert "First steps of neighbourhood visits" not in town.browser("lea").get("/admin").text


def test_staff_choose_themes_and_what_the_acknowledgement_says(scene: Scene) -> None:
    visit = scene.visit()
    assert "Parks and trees" in scene.browser().get(f"/visits/{visit}/ask").text
    page = f"/admin/plugins/{NAME}"
    fields = {
        "days_to_answer": "9",
        "acknowledgement": "The mayor’s office thanks you.",
        "themes": "Quays\nHills",
    }
    saved = scene.browser("admin").submit(page, **fields)
    assert saved.status_code == 302, saved.text
    shown = scene.browser().get(f"/visits/{visit}/ask").text
    assert "Quays" in shown
    assert "Parks and trees" not in shown
    question = scene.question(visit, theme="Quays")
    thanks = scene.browser("resident").get(f"/visits/questions/{question}/thanks").text
    due = now().astimezone(scene.town.run(api.town_zone)) + dt.timedelta(days=9)
    assert f"by {due:%A} {due.day} {due:%B %Y}" in thanks
    assert "The mayor’s office thanks you." in thanks
    wrong = scene.browser("admin").submit(page, **(fields | {"days_to_answer": "0"}))
    assert "Give a number from 1 to 365." in wrong.text


def change(scene: Scene, model: type[Any], ident: int, **values: Any) -> None:
    """Let a row be as time would have made it."""

    def act() -> None:
        with write():
            row = db.session.get(model, ident)
            for name, value in values.items():
                setattr(row, name, value)

    scene.town.run(act)


def test_questions_close_by_themselves_on_their_date(scene: Scene) -> None:
    early, due = scene.visit(), scene.visit()
    change(scene, Visit, due, questions_close_at=now() - dt.timedelta(minutes=1))
    jobs.run_due(scene.town.app)
    states = scene.town.run(lambda: [db.session.get(Visit, one).state for one in (early, due)])
    assert states == ["collecting", "preparing"]


def test_health_is_the_work_of_jobs_and_not_that_of_people(scene: Scene) -> None:
    visit, held, frozen = scene.visit(), scene.visit(), scene.visit()
    late, waits = scene.accepted(visit), scene.accepted(held)
    change(scene, Casework, late, due_at=now() - dt.timedelta(days=12))
    assert health(scene).ok, "an answer that is late is for staff, not for who runs the portal"
    assert scene.browser().get("/healthz").json["checks"][f"{NAME}.regular work"]["ok"]
    page = scene.browser("agent").get("/").text
    assert "Overdue (1)" in page
    assert f"/visits/{visit}/review?queue=overdue" in page
    scene.draft(waits, "In March.")
    page = f"/visits/questions/{waits}"
    held_for = {"body": "In March.", "version": "1", "hold": "yes"}
    assert scene.browser("mayor").submit(f"{page}/answer", _page=page, **held_for).status_code == 302
    past = now() - dt.timedelta(minutes=30)
    change(scene, Visit, visit, questions_close_at=past)
    assert health(scene).ok, "jobs have an hour"
    past -= dt.timedelta(hours=1)
    change(scene, Visit, visit, questions_close_at=past)
    assert str(health(scene).detail).startswith("1 ")
    change(scene, Visit, held, starts_at=past)
    change(scene, Visit, frozen, freezes_at=past)
    assert not health(scene).ok
    assert str(health(scene).detail).startswith("3 ")
    jobs.run_due(scene.town.app)
    assert health(scene).ok, str(health(scene).detail)


def health(scene: Scene) -> Any:
    """What the plugin says of its health."""
    [(_name, [found])] = [
        answer
        for answer in scene.town.run(lambda: list(registry.current().call("health")))
        if answer[0] == NAME
    ]
    return found


def test_authors_are_written_to_and_nobody_else(scene: Scene) -> None:
    visit = scene.visit()
    answered = scene.answered(visit)
    rejected = scene.question(visit, title="Is the mayor asleep?", name="neighbour")
    page = f"/visits/questions/{rejected}"
    scene.browser("agent").submit(f"{page}/reject", _page=page, reason="Ask about the street.")
    jobs.run_due(scene.town.app)
    from sqlalchemy import select

    from core import mail
    from core.models import Mail, Notice
    from portal.notices import mailing

    told = select(Notice.type, Notice.user_id).where(Notice.type.startswith("visits.")).order_by(Notice.id)
    assert sorted(scene.town.run(lambda: [tuple(row) for row in db.session.execute(told)])) == [
        ("visits.accepted", scene.town.person("resident")),
        ("visits.answered", scene.town.person("resident")),
        ("visits.received", scene.town.person("resident")),
        ("visits.received", scene.town.person("neighbour")),
        ("visits.rejected", scene.town.person("neighbour")),
    ]
    scene.town.run(mailing.mail_due)
    rows = select(Mail).where(Mail.kind == mailing.KIND)
    sent = scene.town.run(lambda: {row.recipient: mail.written(row) for row in db.session.scalars(rows)})
    assert set(sent) == {"resident@example.org", "neighbour@example.org"}
    assert f"/posts/{answered}" in sent["resident@example.org"][0].text
    assert "Ask about the street." in sent["neighbour@example.org"][0].text


def test_pages_cost_the_same_however_many_questions_there_are(scene: Scene) -> None:
    visit = scene.visit()
    scene.question(visit, title="First?")
    scene.accepted(visit, title="Second?")
    pages = (f"/visits/{visit}/review", f"/visits/{visit}")
    agent = scene.browser("agent")
    counted = {page: statements(scene, agent, page) for page in pages}
    for number in range(12):
        scene.accepted(visit, title=f"Question {number}?") if number % 3 else scene.question(
            visit, title=f"Question {number}?"
        )
    for page in pages:
        assert statements(scene, agent, page) <= counted[page] + 1, page


def statements(scene: Scene, browser: Any, page: str) -> int:
    """How many statements a page takes once it was asked for, where nothing else is read anew."""
    from sqlalchemy import event

    counts: list[int] = []

    def note(_connection: Any, _cursor: Any, _sql: str, *_rest: Any) -> None:
        counts[-1] += 1

    browser.get(page)
    with scene.town.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    for _turn in range(3):
        counts.append(0)
        assert browser.get(page).status_code == 200
    event.remove(engine, "before_cursor_execute", note)
    return min(counts)


def test_the_question_page_is_light(scene: Scene) -> None:
    visit = scene.visit()
    page = scene.browser().get(f"/visits/{visit}/ask")
    assert len(page.data) < 60 * 1024
    required = re.findall(r"<(?:input|textarea|select)[^>]*\brequired\b", page.text)
    assert len(required) <= 3
    assert len(required) >= 1


def test_open_pages_hear_that_a_visit_changed(scene: Scene) -> None:
    visit = scene.visit()
    visitor = scene.browser()
    page = visitor.get(f"/visits/{visit}").text
    assert f'data-live-on="visits.visit:{visit}"' in page
    [after] = re.findall(r'data-live="/live\?space=\d+&amp;after=(\d+)"', page)
    told = f'"kind": "visits.visit", "ref": "{visit}"'
    assert told not in visitor.get(f"/live?after={after}&space={visit}").text
    scene.browser("deputy").submit(f"/visits/{visit}/close", _page=f"/visits/{visit}/review")
    assert told in visitor.get(f"/live?after={after}&space={visit}").text


def test_a_visitor_finds_above_the_posts_where_to_ask_before_the_next_visit(scene: Scene) -> None:
    visit = scene.visit()
    ask = f'href="/visits/{visit}/ask"'
    page = scene.browser().get("/").text
    assert page.index(ask) < page.index('data-live-list="')
    assert f'href="/spaces/{visit}"' not in page, "it is no group among the spaces"
    assert "Visit of the Tanneries" not in scene.browser().get("/spaces").text
