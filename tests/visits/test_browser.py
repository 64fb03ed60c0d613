"""The journey on a telephone, with JavaScript and without, by keyboard where the team works."""

from __future__ import annotations

import datetime as dt
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from werkzeug.serving import WSGIRequestHandler, make_server

from core import jobs
from core.db import db, write
from core.models import Mail
from core.testing import PASSWORD
from plugins.neighbourhood_visits import reads
from plugins.neighbourhood_visits.intake import imports, tables
from plugins.neighbourhood_visits.models import Question, Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page, Route

    from .conftest import Scene

ASKED = "Quand le lampadaire de la rue du Lavoir sera-t-il réparé ?"
ANSWERED = "Il est réparé lundi, et toute la rue en mars."


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One engine is enough for what a browser sees."""
    return sqlite_url


class Quiet(WSGIRequestHandler):
    """Says nothing of the requests it serves."""

    def log(self, *_args: Any, **_kw: Any) -> None:
        """Leave the request out of the log."""


@pytest.fixture
def address(scene: Scene, free_port: Callable[[], int]) -> Iterator[str]:
    """Serve the town on a port of this machine."""
    port = free_port()
    server = make_server("localhost", port, scene.town.app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{port}"
    server.shutdown()
    thread.join()


def sign_in(page: Page, address: str, name: str) -> Page:
    """The page, signed in as somebody."""
    page.goto(f"{address}/sign-in")
    page.locator("[name=email]").fill(f"{name}@example.org")
    page.locator("[name=password]").fill(PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    return page


def link(scene: Scene, recipient: str) -> str:
    """The path that the mail to somebody leads to."""
    jobs.run_due(scene.town.app)
    rows = sa.select(Mail.text).where(Mail.recipient == recipient)
    [text] = scene.town.run(lambda: list(db.session.scalars(rows)))
    found = re.search(r"http://localhost(/confirm/\S+)", text)
    assert found
    return found[1]


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
def test_from_the_question_to_its_answer(
    scene: Scene,
    address: str,
    new_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
    javascript: bool,
) -> None:
    visit = scene.visit()

    def phone(name: str | None = None) -> Page:
        page = new_page(width=360, java_script_enabled=javascript)
        return sign_in(page, address, name) if name else page

    def look(page: Page, heading: str) -> None:
        page.get_by_role("heading", level=1, name=heading).wait_for()
        page.wait_for_load_state()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, page.url
        if javascript:
            assert axe(page) == [], page.url

    resident = phone()
    resident.goto(f"{address}/visits/")
    look(resident, "Visites de quartier")
    resident.get_by_role("link", name="Visit of the Tanneries").click()
    look(resident, "Visit of the Tanneries")
    resident.get_by_role("link", name="Poser une question").first.click()
    look(resident, "Poser une question")
    assert resident.locator("form [required]").count() == 1
    resident.get_by_role("button", name="Envoyer ma question").click()
    resident.get_by_role("link", name="Écrivez votre question.").wait_for()
    look(resident, "Poser une question")
    resident.get_by_label("Votre question").fill(ASKED)
    resident.get_by_label("Votre nom").fill("Mireille Dano")
    resident.get_by_label("Adresse électronique").fill("mireille@example.org")
    resident.get_by_role("button", name="Envoyer ma question").click()
    look(resident, "Encore une étape")

    elsewhere = phone()
    elsewhere.goto(address + link(scene, "mireille@example.org"))
    elsewhere.get_by_role("button", name="Confirmer").click()
    look(elsewhere, "Votre question est arrivée")
    elsewhere.get_by_role("link", name="Voir ma question").click()
    look(elsewhere, ASKED)
    question = elsewhere.url.rpartition("/")[2]
    resident.goto(f"{address}/visits/{visit}")
    assert not resident.get_by_text(ASKED).is_visible()

    agent = phone("agent")
    agent.goto(f"{address}/visits/")
    look(agent, "Visites de quartier")
    agent.get_by_role("link", name="Visit of the Tanneries").first.click()
    look(agent, "Examiner les questions")
    agent.get_by_role("button", name=f"Accepter {ASKED}").focus()
    agent.keyboard.press("Enter")
    agent.get_by_text("tout le monde peut lire").wait_for()
    agent.goto(f"{address}/visits/{visit}/review?queue=unanswered")
    look(agent, "Examiner les questions")
    agent.get_by_role("link", name=f"Répondre {ASKED}").click()
    look(agent, "Examiner et répondre")
    agent.get_by_role("textbox", name="Réponse").fill(ANSWERED)
    agent.get_by_role("button", name="Garder comme projet").click()
    agent.get_by_text("Le projet de réponse est gardé").wait_for()
    assert agent.get_by_role("button", name="Publier la réponse").count() == 0

    deputy = phone("deputy")
    deputy.goto(f"{address}/visits/{visit}/review?queue=unanswered")
    deputy.get_by_role("link", name=f"Lire le projet {ASKED}").click()
    look(deputy, "Examiner et répondre")
    deputy.get_by_role("button", name="Publier la réponse").click()
    deputy.get_by_text("La réponse est publiée.").wait_for()

    elsewhere.goto(f"{address}/posts/{question}")
    assert elsewhere.get_by_text(ANSWERED).is_visible()
    assert elsewhere.get_by_text("Peut-être lundi.").count() == 0
    look(elsewhere, ASKED)
    neighbour = phone("neighbour")
    neighbour.goto(f"{address}/visits/{visit}")
    assert neighbour.get_by_text(ANSWERED).is_visible()
    neighbour.get_by_role("button", name="Soutenir").click()
    neighbour.locator("button.support[aria-pressed=true]").wait_for()
    look(neighbour, "Visit of the Tanneries")


def test_a_visit_is_planned_on_a_telephone(
    scene: Scene, address: str, new_page: Callable[..., Page], axe: Callable[[Page], list[str]]
) -> None:
    mayor = sign_in(new_page(width=360), address, "mayor")
    mayor.goto(f"{address}/visits/new")
    plan = scene.plan()
    mayor.get_by_role("button", name="Annoncer la visite").click()
    mayor.get_by_role("link", name="Donnez un nom à la visite.").wait_for()
    assert axe(mayor) == []
    mayor.get_by_label("Nom de la visite").fill("Visite des Tanneries")
    mayor.get_by_label("Date", exact=True).fill(plan["date"])
    mayor.get_by_label("Commence à").fill("18:00")
    mayor.get_by_label("Se termine à").fill("20:00")
    mayor.get_by_label("Point de rendez-vous").fill("Devant l’école")
    mayor.get_by_label("Dernier jour pour poser une question").fill(plan["closes"])
    mayor.get_by_role("group", name="Agent·es").get_by_label("Agent").check()
    mayor.get_by_role("button", name="Annoncer la visite").click()
    mayor.get_by_role("heading", name="Visite des Tanneries").wait_for()
    assert mayor.get_by_text("18:00 – 20:00").is_visible()
    assert axe(mayor) == []
    mayor.goto(f"{address}/visits/")
    assert axe(mayor) == []


MANY = 200
KEYS = ("a", "x1", "d{letter}", "f2", "p")


def many(scene: Scene, visit: int, count: int) -> None:
    """Questions that nobody has read yet, as an import leaves them."""
    lines = [f"{number};Question {number} ?;rue {number};here;Roads" for number in range(count)]
    table = tables.read("\n".join(["id;title;place;visit;department", *lines]).encode())

    def act() -> None:
        with write() as session:
            session.get(Visit, visit).code = "here"
        imports.take_in(table, imports.guess(table.header), "Import", dt.date(2030, 1, 1))

    scene.town.run(act)


def test_two_hundred_requests_are_cleared_by_keyboard_with_at_most_four_keys_each(
    scene: Scene, address: str, new_page: Callable[..., Page], axe: Callable[[Page], list[str]]
) -> None:
    visit = scene.visit()
    many(scene, visit, MANY)
    agent = sign_in(new_page(), address, "agent")
    agent.goto(f"{address}/visits/{visit}/review")
    assert axe(agent) == []
    loads: list[str] = []
    agent.on("framenavigated", lambda frame: loads.append(frame.url))
    held: list[Route] = []  # the second page comes when the first is decided on: the slowest it can be
    agent.route("**/review?*", lambda route: held.append(route))
    agent.get_by_role("button", name="Trier la file au clavier").press("Enter")
    pressed = 0
    for number in range(MANY):
        if number == reads.PAGE:
            agent.locator("#queue[aria-busy=false]").wait_for(state="attached", timeout=60_000)
            held.pop().continue_()
            agent.unroute("**/review?*")
        agent.locator(f"[data-question]:focus h2:has-text('Question {number} ?')").wait_for()
        keys = KEYS[number % len(KEYS)].format(letter="a")
        assert len(keys) <= 4
        for key in keys:
            agent.keyboard.press(key)
            pressed += 1
    agent.locator("#queue[aria-busy=false]").wait_for(state="attached", timeout=60_000)
    assert agent.locator("[data-question]").count() == 0
    assert loads == []
    assert pressed <= 4 * MANY
    rows = sa.select(Question.triage, sa.func.count()).group_by(Question.triage)
    found = scene.town.run(lambda: {row[0]: row[1] for row in db.session.execute(rows)})
    assert found == {"accepted": 80, "rejected": 40, "forwarded": 40, "private_case": 40}


def test_what_was_decided_by_keyboard_is_undone_grouped_and_refused(
    scene: Scene, address: str, new_page: Callable[..., Page]
) -> None:
    visit = scene.visit()
    many(scene, visit, 4)
    agent = sign_in(new_page(), address, "agent")
    agent.goto(f"{address}/visits/{visit}/review")
    agent.get_by_role("button", name="Trier la file au clavier").press("Enter")
    first = agent.locator("[data-question]").first
    first.locator(":scope:focus").wait_for()
    ident = int(first.get_attribute("data-question") or 0)
    agent.keyboard.press("a")
    agent.locator("#announcer:has-text('1 question')").wait_for(state="attached")
    assert triage_of(scene, ident) == "accepted"
    told = agent.locator("#desk-done")
    assert told.inner_text().replace("\n", " ").split() == ["1", "question", "acceptée.", "u", "Annuler"]
    to_read = agent.locator(".tabs [aria-current=page] .count")
    assert to_read.inner_text() == "3"
    agent.keyboard.press("u")
    agent.locator(f"#question-{ident}:focus").wait_for()
    assert triage_of(scene, ident) == "submitted"
    assert to_read.inner_text() == "4"
    agent.keyboard.press("a")
    told.get_by_role("button").click()
    agent.locator(f"#question-{ident}:focus").wait_for()
    assert triage_of(scene, ident) == "submitted"
    every = agent.get_by_label("Tout cocher sur cette page")
    every.check()
    assert agent.locator("[name=pick]:checked").count() == 4
    agent.locator("[name=pick]").first.uncheck()
    assert not every.is_checked()
    every.check()
    every.uncheck()
    assert agent.locator("[name=pick]:checked").count() == 0
    first.focus()
    for shown in (True, False):
        agent.keyboard.press("?")
        assert agent.get_by_text("Suivante, précédente").is_visible() == shown
        assert first.evaluate("card => card === document.activeElement")
    for key in "mjmg":
        agent.keyboard.press(key)
    agent.locator("#announcer:has-text('2 questions')").wait_for(state="attached")
    grouped = sa.select(sa.func.count()).where(Question.group_id == ident)
    assert scene.town.run(lambda: db.session.scalar(grouped)) == 1
    agent.locator("[data-question]").nth(3).focus()
    last = int(agent.locator("[data-question]:focus").get_attribute("data-question") or 0)
    page = f"/visits/questions/{last}"
    scene.browser("mayor").submit(f"{page}/accept", _page=page)
    agent.keyboard.press("x")
    agent.keyboard.press("1")
    agent.locator(f"#question-{last} .desk-refused").wait_for()
    assert triage_of(scene, last) == "accepted"


def test_what_a_colleague_was_first_with_is_named_and_the_other_marks_stay(
    scene: Scene, address: str, new_page: Callable[..., Page]
) -> None:
    visit = scene.visit()
    first, second, third = (scene.question(visit, title=f"Which lamp is number {n}?") for n in range(3))
    agent = sign_in(new_page(), address, "agent")
    agent.goto(f"{address}/visits/{visit}/review")
    agent.get_by_role("button", name="Trier la file au clavier").press("Enter")
    page = f"/visits/questions/{first}"
    assert scene.browser("mayor").submit(f"{page}/reject", _page=page, reason="No.").status_code == 302
    for ident, key in ((first, "m"), (second, "m"), (third, "m"), (third, "g")):
        agent.locator(f"#question-{ident}").focus()
        agent.keyboard.press(key)
    agent.locator(f"#question-{first} .desk-refused").wait_for()
    assert agent.locator(f"#desk-done a[href='{page}']").inner_text() == "Which lamp is number 0?"
    ticked = agent.locator("[name=pick]:checked").evaluate_all("boxes => boxes.map(box => box.id)")
    assert ticked == [f"pick-{second}", f"pick-{third}"]
    assert agent.locator(f"#question-{second} .desk-refused").count() == 0
    agent.locator(f"#question-{third}").focus()
    agent.keyboard.press("g")
    agent.locator("#announcer:has-text('2 questions')").wait_for(state="attached")
    assert agent.locator("#desk-done a").count() == 0


def test_words_that_changed_under_the_keys_are_read_again(
    scene: Scene, address: str, new_page: Callable[..., Page]
) -> None:
    visit = scene.visit()
    questions = [scene.question(visit, title=f"Which lamp is number {number}?") for number in range(3)]
    agent = sign_in(new_page(), address, "agent")
    agent.goto(f"{address}/visits/{visit}/review")
    agent.get_by_role("button", name="Trier la file au clavier").press("Enter")
    agent.keyboard.press("d")
    agent.locator("#desk-done:has-text('rien à choisir')").wait_for()  # no department is there yet
    scene.rewrite(questions[0], "What did I write instead?")
    card = agent.locator(f"#question-{questions[0]}")
    agent.keyboard.press("a")
    card.locator(".desk-refused").wait_for()
    assert "What did I write instead?" in card.inner_text()
    assert triage_of(scene, questions[0]) == "submitted"
    card.focus()
    agent.keyboard.press("a")
    card.wait_for(state="detached")
    agent.locator("#queue[aria-busy=false]").wait_for()
    assert triage_of(scene, questions[0]) == "accepted"
    agent.keyboard.press("u")
    card.wait_for()
    agent.locator("#queue[aria-busy=false]").wait_for()
    card.focus()
    agent.keyboard.press("a")
    agent.locator("#queue[aria-busy=false]").wait_for()
    assert triage_of(scene, questions[0]) == "accepted", "what one has read is accepted again at once"


def triage_of(scene: Scene, ident: int) -> str:
    """Where a question stands."""
    return str(scene.town.run(lambda: db.session.get(Question, ident).triage))
