"""On a telephone: asked without an account and confirmed elsewhere; the phone call; the map by keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core.db import db, write
from core.models import Area, Entry
from plugins.neighbourhood_visits.models import Question
from plugins.neighbourhood_visits.suggest import similar as alike

from . import test_browser
from .test_browser import link, sign_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import Scene

address, database_url = test_browser.address, test_browser.database_url
WIDTH = 360
ASKED = "Le banc devant la boulangerie a disparu. Quand revient-il ?"
BORDER = [[2.34, 48.85], [2.39, 48.84], [2.40, 48.88], [2.35, 48.89], [2.34, 48.85]]


@pytest.fixture(params=[True, False], ids=["javascript", "no javascript"])
def phone(
    request: pytest.FixtureRequest, new_page: Callable[..., Page], axe: Callable[[Page], list[str]]
) -> Callable[[], tuple[Page, Callable[[str], None]]]:
    """Return `phone()`: a page at a telephone's width, and `look(heading)`, which says that it is well."""

    def take() -> tuple[Page, Callable[[str], None]]:
        page = new_page(width=WIDTH, java_script_enabled=request.param)

        def look(heading: str) -> None:
            page.get_by_role("heading", level=1, name=heading).wait_for()
            page.wait_for_load_state()
            assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH, page.url
            if request.param:
                assert axe(page) == [], page.url

        return page, look

    return take


def border(scene: Scene) -> None:
    """Let the commune have a border to draw."""

    def change() -> None:
        with write() as session:
            boundary = {"type": "Polygon", "coordinates": [BORDER]}
            session.get(Area, scene.commune).boundary = boundary

    scene.town.run(change)


def asked(scene: Scene) -> list[Any]:
    """Every question with its entry."""
    rows = sa.select(Entry, Question).join(Question, Question.entry_id == Entry.id).order_by(Entry.id)
    return scene.town.run(lambda: list(db.session.execute(rows).all()))  # type: ignore[no-any-return]


def test_the_page_to_ask_is_light_on_a_telephone(
    scene: Scene, address: str, new_page: Callable[..., Page]
) -> None:
    border(scene)
    page, answers = new_page(width=WIDTH), []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(f"{address}/visits/{scene.visit()}/ask", wait_until="networkidle")
    # Of what is sent the bodies are counted, compressed as they come: headers depend on the server before.
    sizes = [answer.request.sizes() for answer in answers]
    sent = {answer.url: size["responseBodySize"] for answer, size in zip(answers, sizes, strict=True)}
    assert page.get_by_label("Votre question").is_visible()
    assert page.evaluate("document.fonts.check('16px Figtree')"), "with all that it shows"
    assert sum(sent.values()) <= 60 * 1024, sent
    assert len(sent) <= 8, sent


def test_asked_without_an_account_confirmed_elsewhere_and_followed_by_code(
    scene: Scene,
    address: str,
    phone: Any,
) -> None:
    visit = scene.visit()
    border(scene)
    page, look = phone()
    page.goto(f"{address}/visits/{visit}/ask")
    look("Poser une question")
    assert page.locator("form [required]").count() == 1
    page.get_by_label("Votre question").fill(ASKED)
    page.get_by_label("Où est-ce").fill("place du Marché")
    page.get_by_label("Votre nom").fill("Mireille Dano")
    page.get_by_label("Adresse électronique").fill("mireille@example.org")
    page.locator("summary", has_text="Ajouter des précisions").click()
    page.get_by_label("Un·e habitant·e").check()
    page.get_by_role("button", name="Envoyer ma question").click()
    look("Encore une étape")

    elsewhere, seen = phone()
    elsewhere.goto(address + link(scene, "mireille@example.org"))
    elsewhere.get_by_role("button", name="Confirmer").click()
    seen("Votre question est arrivée")
    code = elsewhere.locator("#code").inner_text()
    [(entry, question)] = asked(scene)
    assert (entry.author_id, question.place) == (None, "place du Marché")

    page.goto(f"{address}/visits/")
    page.get_by_role("link", name="Retrouver ma question").click()
    look("Retrouver ma question")
    page.get_by_label("Code de suivi").fill(code.lower())
    page.get_by_role("button", name="Ouvrir ma question").click()
    look("Le banc devant la boulangerie")
    assert page.get_by_text("L’équipe de la visite").is_visible()


def test_asked_without_an_address_and_followed_by_the_code_on_the_screen(
    scene: Scene, address: str, phone: Any
) -> None:
    visit = scene.visit()
    page, look = phone()
    page.goto(f"{address}/visits/{visit}/ask")
    page.get_by_label("Votre question").fill(f"{ASKED} {'anticonstitutionnellement' * 2}")
    page.get_by_role("button", name="Envoyer ma question").click()
    look("Votre question est arrivée")
    code = page.locator("#code").inner_text()
    elsewhere, seen = phone()
    elsewhere.goto(f"{address}/visits/code")
    elsewhere.get_by_label("Code de suivi").fill(code)
    elsewhere.get_by_role("button", name="Ouvrir ma question").click()
    seen("Le banc devant la boulangerie")


def test_the_phone_call(scene: Scene, address: str, phone: Any) -> None:
    visit = scene.visit()
    page, look = phone()
    sign_in(page, address, "agent")
    page.goto(f"{address}/visits/{visit}")
    page.get_by_role("link", name="Noter une question").click()
    look("Noter une question")
    fields = page.locator("form[action$='/record'] :is(.field)")
    assert fields.count() == 5
    assert page.get_by_role("heading", name="À lire d’abord à voix haute").is_visible()
    for number in (1, 2):
        first = page.get_by_label("Quelle est la question")
        assert first.evaluate("field => field === document.activeElement")
        page.keyboard.type(f"Question {number} du téléphone ?")
        page.get_by_label("Où est-ce").fill("rue du Lavoir")
        page.get_by_label("Téléphone", exact=False).first.fill("01 23 45 67 89")
        with page.expect_navigation():
            page.get_by_role("button", name="Enregistrer").click()
        page.get_by_role("heading", name="Lisez le code").wait_for()
        look("Noter une question")
        code = page.locator("#code").inner_text()
        assert re.fullmatch(r"\w{4}-\w{4}-\w{4}", code)
        assert first.input_value() == ""
    assert [entry.title for entry, _question in asked(scene)] == [
        "Question 1 du téléphone ?",
        "Question 2 du téléphone ?",
    ]
    page.get_by_role("link", name="Imprimer l’accusé de réception").click()
    look("Question 2 du téléphone ?")
    own, seen = phone()
    own.goto(f"{address}/visits/code")
    own.get_by_label("Code de suivi").fill(code.replace("-", " ").lower())
    own.get_by_role("button", name="Ouvrir ma question").click()
    seen("Question 2 du téléphone ?")
    assert own.get_by_role("button", name="Retirer ma question").is_visible()


def test_the_pin_is_set_by_tap_and_by_arrow_keys(
    scene: Scene,
    address: str,
    new_page: Callable[..., Page],
) -> None:
    visit = scene.visit()
    border(scene)
    page = sign_in(new_page(width=WIDTH), address, "resident")
    page.goto(f"{address}/visits/{visit}/ask")
    drawing = page.get_by_role("application")
    drawing.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.locator("#announcer:has-text('Le repère est posé')").wait_for(state="attached")
    east = float(page.locator("[name=longitude]").input_value())
    assert east == pytest.approx(2.37 + 0.06 * 20 / 1000, abs=1e-5)
    box = drawing.bounding_box()
    assert box is not None
    drawing.click(position={"x": box["width"] / 5, "y": box["height"] * 0.4})
    assert float(page.locator("[name=longitude]").input_value()) < 2.36
    page.get_by_label("Votre question").fill(ASKED)
    page.get_by_role("button", name="Envoyer ma question").click()
    page.get_by_role("heading", name="Votre question est arrivée").wait_for()
    [(_entry, question)] = asked(scene)
    assert 48.86 < question.latitude < 48.9
    assert 2.34 <= question.longitude < 2.36


def test_a_voice_is_added_in_two_taps_instead_of_asking_again(
    scene: Scene,
    address: str,
    new_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
) -> None:
    visit = scene.visit()
    question = scene.accepted(visit, title="Quand le banc de la boulangerie revient-il ?")
    scene.town.run(alike.run)
    page = sign_in(new_page(width=WIDTH), address, "neighbour")
    page.goto(f"{address}/visits/{visit}/ask")
    page.get_by_label("Votre question").press_sequentially("Le banc a disparu")
    voice = page.get_by_role("link", name="Ajouter ma voix")
    voice.wait_for()
    assert axe(page) == []
    voice.click()
    page.get_by_role("button", name="Soutenir cette question").click()
    page.get_by_text("Votre voix compte.").wait_for()
    assert scene.town.run(lambda: db.session.get(Entry, question).support_count) == 1
