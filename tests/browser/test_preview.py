"""What one previews while writing fits the page, as what is posted does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core.db import db
from core.models import Entry

from .test_sweep import overflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import DemoTown

LONG = (
    "```\n" + "a line of code that does not end " * 3 + "\n```",
    "https://example.org/" + "a" * 90,
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamter",
)


@pytest.mark.parametrize("width", [320, 360])
@pytest.mark.parametrize("where", ["post", "reply", "edit"])
def test_a_preview_fits_a_phone(
    where: str, width: int, demo_town: DemoTown, new_page: Callable[..., Page]
) -> None:
    written = sa.select(Entry.id, Entry.space_id).where(
        Entry.author_id == demo_town.run(lambda: demo_town.of("resident")),
        Entry.kind == "core.post",
        Entry.state == "published",
    )
    entry, space = demo_town.run(lambda: db.session.execute(written.limit(1)).one())
    path = {"post": f"/spaces/{space}", "reply": f"/posts/{entry}", "edit": f"/posts/{entry}/edit"}[where]
    page = new_page(width=width, locale="en-GB")
    page.context.add_cookies(demo_town.cookies("resident"))
    page.goto(demo_town.url + path)
    if where == "post":
        page.locator("details.prompt > summary").click()
    for text in LONG:
        page.locator("textarea:visible").first.fill(text)
        page.get_by_role("button", name="Preview", exact=True).first.click()
        page.locator(".preview > *").first.wait_for()
        assert overflow(page) == [], text
        page.get_by_role("button", name="Write", exact=True).first.click()
