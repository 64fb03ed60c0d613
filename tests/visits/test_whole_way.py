"""A visit from the first question to the promise that its author confirms, with JavaScript and without."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pypdfium2
import pytest
import sqlalchemy as sa

from core import jobs
from core.db import db
from core.models import Entry
from plugins.neighbourhood_visits.models import Commitment, Question, Visit

from .test_browser import address, link, sign_in
from .test_promises import department
from .test_triage import row, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

    from .conftest import Scene

__all__ = ["address"]
ASKED = "Quand le lampadaire de la rue du Lavoir sera-t-il réparé ?"
EARLY = "Il est réparé lundi, et toute la rue au printemps."
PROMISE = "Toute la rue du Lavoir est éclairée."


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One engine is enough for what a browser sees."""
    return sqlite_url


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
def test_from_the_first_question_to_the_confirmed_promise(
    scene: Scene,
    address: str,
    chromium: Browser,
    new_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
    javascript: bool,
) -> None:
    department(scene)
    scene.town.person("scribe", "agent", area_id=scene.commune)
    visit = scene.visit(scribes=[str(scene.town.person("scribe"))])
    home = f"{address}/visits/{visit}"

    def phone(name: str | None = None) -> Page:
        page = new_page(width=360, java_script_enabled=javascript)
        return sign_in(page, address, name) if name else page

    def look(page: Page) -> None:
        page.wait_for_load_state()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, page.url
        if javascript:
            assert axe(page) == [], page.url

    def said(page: Page, text: str) -> None:
        page.locator(".flashes").get_by_text(text).wait_for()
        look(page)

    resident = phone()
    resident.goto(f"{home}/ask")
    resident.get_by_label("Votre question").fill(ASKED)
    resident.get_by_label("Votre nom").fill("Mireille Dano")
    resident.get_by_label("Adresse électronique").fill("mireille@example.org")
    with resident.expect_navigation():
        resident.get_by_role("button", name="Envoyer ma question").click()
    look(resident)
    elsewhere = phone()
    elsewhere.goto(address + link(scene, "mireille@example.org"))
    elsewhere.get_by_role("button", name="Confirmer").click()
    with elsewhere.expect_navigation(url=re.compile(r"/\d+$")):
        elsewhere.get_by_role("link", name="Voir ma question").click()
    question = int(elsewhere.url.rpartition("/")[2])
    review = f"{address}/visits/questions/{question}"

    agent = phone("agent")
    agent.goto(review)
    agent.locator("summary", has_text="Affecter").first.click()
    agent.locator("form[action$='/decide'] select[name=verb]").select_option("assign")
    agent.locator("form[action$='/decide'] select[name=department]").select_option(label="Roads")
    agent.get_by_role("button", name="Décider").click()
    said(agent, "C’est fait.")
    agent.get_by_role("textbox", name="Réponse").fill(EARLY)
    agent.get_by_role("button", name="Proposer à la validation").click()
    agent.wait_for_url(review)

    deputy = phone("deputy")
    deputy.goto(review)
    deputy.get_by_role("button", name="Publier la réponse").click()
    said(deputy, "La réponse est publiée.")
    assert ("visits.answered", row(scene, Entry, question).author_id) in told(scene)
    elsewhere.goto(f"{address}/posts/{question}")
    elsewhere.get_by_text(EARLY).wait_for()

    mayor = phone("mayor")

    def press(page: Page, step: str, asks: bool = True) -> None:
        with page.expect_navigation():
            page.get_by_role("button", name=step).click()
            if asks and javascript:
                page.locator("dialog").get_by_role("button", name=step).click()
        if asks and not javascript:
            with page.expect_navigation():
                page.locator("main form button").click()

    def lead(step: str, asks: bool = True, more: bool = False) -> None:
        mayor.goto(home)
        if more:
            mayor.get_by_text("Plus pour l’équipe").click()
        press(mayor, step, asks)

    lead("Ne plus prendre de questions", asks=javascript, more=True)
    agent.goto(home)
    agent.get_by_text("Plus pour l’équipe").click()
    with agent.expect_navigation():
        agent.get_by_role("link", name="Parcours de la visite").click()
    look(agent)
    agent.get_by_label(ASKED).check()
    agent.get_by_role("button", name="Ajouter au parcours").click()
    agent.locator(".route-stop", has_text=ASKED).wait_for()
    look(agent)
    lead("Tout est prêt", asks=False)
    agent.goto(f"{home}/papers")
    agent.get_by_role("button", name="Préparer la fiche de briefing").click()
    said(agent, "Le document est en préparation.")
    jobs.run_due(scene.town.app)
    agent.goto(f"{home}/papers")
    look(agent)
    paper = agent.get_by_role("link", name="PDF – Fiche de briefing").get_attribute("href")
    printed = agent.request.get(f"{address}{paper}").body()
    with pypdfium2.PdfDocument(printed) as paper_sheets:
        words = " ".join(paper_sheets[0].get_textpage().get_text_bounded().split())
    assert ASKED in words
    lead("La visite commence", more=True)
    assert row(scene, Visit, visit).state == "in_progress"

    walking = chromium.new_context(  # goes without a network, which a console calls an error
        viewport={"width": 360, "height": 800}, locale="fr-FR", java_script_enabled=javascript
    )
    scribe = sign_in(walking.new_page(), address, "scribe")
    scribe.goto(f"{home}/field")
    card = scribe.locator(f"#question-{question}")
    if javascript:
        scribe.get_by_text("gardée sur cet appareil").wait_for()
        scribe.context.set_offline(True)
    card.get_by_label("Note ou motif").fill("La maire l’a promis devant trente personnes.")
    card.locator("button[value=commit]").click()
    if javascript:
        scribe.locator("#field-status", has_text="1 note pas encore envoyée").wait_for()
        scribe.context.set_offline(False)
        scribe.locator("#field-status", has_text="Toutes les notes sont envoyées").wait_for()
        look(scribe)
    else:
        said(scribe, "C’est noté.")
    walking.close()
    assert row(scene, Question, question).outcome == "none", "it has no owner and no date yet"

    day = (dt.date.today() + dt.timedelta(days=60)).isoformat()  # noqa: DTZ011
    agent.goto(f"{review}/promise")
    look(agent)
    agent.get_by_role("textbox", name="Engagement").fill(PROMISE)
    agent.get_by_label("Jusqu’à quand").fill(day)
    agent.get_by_role("button", name="S’engager").click()
    agent.wait_for_url(review)
    assert row(scene, Question, question).outcome == "committed"

    lead("La visite est terminée", more=True)
    agent.goto(f"{home}/minutes")
    look(agent)
    agent.get_by_role("textbox", name="Compte rendu").fill("Trente personnes sont venues.")
    agent.get_by_role("button", name="Garder le compte rendu").click()
    said(agent, "Le compte rendu est gardé pour l’équipe.")
    deputy.goto(f"{home}/minutes")
    look(deputy)
    press(deputy, "Valider et publier le bilan")
    deputy.wait_for_url(home)
    reader = phone()
    reader.goto(home)
    reader.get_by_role("link", name="Lire le bilan").click()
    reader.get_by_role("heading", level=1, name="Bilan de la visite").wait_for()
    look(reader)
    for text in (ASKED, EARLY, PROMISE, "Trente personnes sont venues.", "Oui, la ville s’y engage"):
        assert reader.get_by_text(text).first.is_visible(), text
    assert "Mireille" not in reader.content()

    lead("Suivre les engagements")
    agent.goto(f"{address}/visits/promises")
    agent.get_by_role("button", name=f"C’est fait {PROMISE}").click()
    said(agent, "C’est fait.")
    elsewhere.goto(f"{address}/visits/promises")
    look(elsewhere)
    elsewhere.get_by_role("button", name=f"Oui, c’est fait {PROMISE}").click()
    said(elsewhere, "la promesse est considérée comme tenue")
    elsewhere.goto(f"{address}/posts/{question}")
    elsewhere.get_by_text("Confirmé par une personne qui l’a posée ou la soutient").wait_for()
    look(elsewhere)
    states = sa.select(Commitment.state).where(Commitment.question_id == question)
    assert scene.town.run(lambda: list(db.session.scalars(states))) == ["confirmed"]
    assert row(scene, Visit, visit).state == "follow_up"
