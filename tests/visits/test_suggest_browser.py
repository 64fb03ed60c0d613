"""What is suggested is taken by a key, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core.db import db
from plugins.neighbourhood_visits.models import Casework, Question

from .test_browser import address, sign_in, triage_of  # noqa: F401  a fixture
from .test_suggest_desk import taught, worked

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import Scene


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One engine is enough for what a browser sees."""
    return sqlite_url


def test_what_is_suggested_is_taken_by_one_key(
    scene: Scene,
    address: str,  # noqa: F811
    new_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
) -> None:
    visit, lights, _parks = taught(scene)
    first = scene.question(visit, title="Le lampadaire de la rue du Lavoir est en panne")
    other = scene.question(visit, title="Plus d’éclairage rue du Lavoir")
    worked(scene)
    agent = sign_in(new_page(), address, "agent")
    agent.goto(f"{address}/visits/{visit}/review?queue=unread")
    assert axe(agent) == []
    loads: list[str] = []
    agent.on("framenavigated", lambda frame: loads.append(frame.url))
    agent.get_by_role("button", name="Trier la file au clavier").press("Enter")
    for key in "jts":
        agent.keyboard.press(key)
    agent.locator("#queue[aria-busy=false]").wait_for(state="attached")
    agent.locator("#announcer:has-text('2 questions')").wait_for(state="attached")
    rows = sa.select(Question.theme, Question.group_id).where(Question.entry_id == other)
    assert scene.town.run(lambda: tuple(db.session.execute(rows).one())) == ("safety", first)
    agent.locator(f"#question-{first} .badge:has-text('1 question semblable')").wait_for()
    agent.locator(f"#question-{other} .badge:has-text('Regroupée')").wait_for()
    for one, grouped in ((first, other), (other, first)):
        assert agent.locator(f"#question-{one} [data-head='{grouped}']").count() == 0
    assert agent.locator(f"#question-{other}:focus").count() == 1
    agent.keyboard.press("u")
    agent.locator("#announcer:has-text('1 question')").wait_for(state="attached")
    assert scene.town.run(lambda: tuple(db.session.execute(rows).one())) == ("safety", None)
    agent.keyboard.press("1")
    agent.locator("#queue[aria-busy=false]").wait_for(state="attached")
    agent.locator(f"#question-{first}:focus").wait_for()
    assert triage_of(scene, other) == "accepted"
    held = sa.select(Casework.department_id).where(Casework.entry_id == other)
    agent.locator("#announcer:has-text('1 question')").wait_for(state="attached")
    assert scene.town.run(lambda: db.session.scalar(held)) == lights
    assert loads == []
