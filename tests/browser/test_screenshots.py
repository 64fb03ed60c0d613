"""The pictures of the README and of the guides, taken from the demonstration town.

`make screenshots` keeps them in docs/screenshots; an ordinary run takes them elsewhere, and only looks.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core.db import db
from plugins.neighbourhood_visits.models import Commitment, Visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import DemoTown

ROOT = Path(__file__).parents[2]
README = {
    "home": ("/", "visitor", 1280, 900),
    "visit-phone": ("/visits/", "visitor", 360, 720),
    "plugins": ("/admin/plugins", "admin", 1280, 900),
}
GUIDES = {
    "guide-report": ("/visits/{published}/report", "visitor", 360, 720),
    "guide-way": ("/posts/{kept}", "visitor", 360, 720),
    "guide-queue": ("/visits/{collecting}/review", "agent", 1280, 900),
    "guide-field": ("/visits/{ready}/field", "scribe", 360, 720),
    "guide-notes": ("/visits/{published}/field/notes", "coordinator", 360, 720),
    "guide-promises": ("/visits/promises", "visitor", 360, 720),
}
SHOTS = README | GUIDES


@pytest.mark.parametrize("name", SHOTS)
def test_picture(name: str, demo_town: DemoTown, new_page: Callable[..., Page], tmp_path: Path) -> None:
    path, role, width, height = SHOTS[name]
    page = new_page(width=width, height=height, locale="fr-FR", device_scale_factor=1.5)
    page.context.add_cookies(demo_town.cookies(role))
    page.goto(demo_town.url + path.format(**demo_town.run(places)))
    if name == "visit-phone":
        page.locator("main .card:has-text('Questions jusqu’au') a.card-link").first.click()
        page.wait_for_load_state("networkidle")
    if name == "guide-way":
        page.locator(".timeline").scroll_into_view_if_needed()
    if name == "guide-field":
        page.get_by_text("gardée sur cet appareil").wait_for()
        page.locator(".field-card").first.evaluate("card => card.scrollIntoView({ behavior: 'instant' })")
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    taken = page.screenshot(path=folder / f"{name}.png")
    assert len(taken) > 20_000, "an almost empty picture"


def places() -> dict[str, int]:
    """The visits of the town by where they stand, and a question whose promise is kept."""
    kept = sa.select(Commitment.question_id).where(Commitment.state == "confirmed")
    rows = sa.select(Visit.state, Visit.space_id).order_by(Visit.space_id.desc())
    return {row.state: row.space_id for row in db.session.execute(rows)} | {"kept": db.session.scalar(kept)}


def test_guides_show_what_the_tests_take() -> None:
    texts = "".join(path.read_text() for path in (ROOT / "docs/guides/fr").glob("*.md"))
    shown = set(re.findall(r"screenshots/([\w-]+)\.png", texts))
    assert shown - set(README) == set(GUIDES)


def test_readme_shows_what_the_tests_take() -> None:
    shown = set(re.findall(r"docs/screenshots/([\w-]+)\.png", (ROOT / "README.md").read_text()))
    assert shown == set(README)
