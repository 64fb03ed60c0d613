"""The pictures of the README and of the guides, taken from the demonstration town.

`make screenshots` keeps them in docs/screenshots; an ordinary run takes them elsewhere, and only looks.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2
import pytest
import sqlalchemy as sa
from markdown_it import MarkdownIt

from core.db import db
from plugins.neighbourhood_visits.models import Commitment, Visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import DemoTown

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/guides"
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
        page.locator("main .card:has-text('Questions ouvertes') a.card-link").first.click()
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
    texts = "".join(path.read_text() for path in (FOLDER / "fr").glob("*.md"))
    shown = set(re.findall(r"screenshots/([\w-]+)\.png", texts))
    assert shown - set(README) == set(GUIDES)


@pytest.mark.parametrize("guide", ["agent", "coordination", "elu", "habitant"])
def test_a_guide_is_printed_on_two_pages(guide: str, new_page: Callable[..., Page], tmp_path: Path) -> None:
    text = (FOLDER / f"fr/{guide}.md").read_text()
    words = MarkdownIt().enable("table").render(text)
    style = (FOLDER / "print.css").read_text()
    sheet = tmp_path / f"{guide}.html"
    head = f'<meta charset="utf-8"><base href="{FOLDER.as_uri()}/fr/"><style>{style}</style>'
    sheet.write_text(f'<!doctype html><html lang="fr">{head}{words}')
    page = new_page(width=700)
    page.goto(sheet.as_uri(), wait_until="load")
    drawn = page.evaluate("[...document.images].filter(image => image.naturalWidth > 0).length")
    assert drawn == text.count("](../../screenshots/") > 0
    printed = page.pdf(path=tmp_path / f"{guide}.pdf", prefer_css_page_size=True)
    with pypdfium2.PdfDocument(printed) as document:
        assert len(document) == 2
        assert [round(side / 72 * 25.4) for side in document[0].get_size()] == [210, 297]


def test_readme_shows_what_the_tests_take() -> None:
    shown = set(re.findall(r"docs/screenshots/([\w-]+)\.png", (ROOT / "README.md").read_text()))
    assert shown == set(README)
