"""The pictures of the README, taken from the demonstration town.

`make screenshots` keeps them in docs/screenshots; an ordinary run takes them elsewhere, and only looks.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import DemoTown

ROOT = Path(__file__).parents[2]
SHOTS = {
    "home": ("/", "visitor", 1280, 900),
    "visit-phone": ("/visits/", "visitor", 360, 720),
    "plugins": ("/admin/plugins", "admin", 1280, 900),
}


@pytest.mark.parametrize("name", SHOTS)
def test_picture(name: str, demo_town: DemoTown, new_page: Callable[..., Page], tmp_path: Path) -> None:
    path, role, width, height = SHOTS[name]
    page = new_page(width=width, height=height, locale="fr-FR", device_scale_factor=1.5)
    page.context.add_cookies(demo_town.cookies(role))
    page.goto(demo_town.url + path)
    if name == "visit-phone":
        page.locator("main h2 a, main h3 a").first.click()
        page.wait_for_load_state("networkidle")
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    taken = page.screenshot(path=folder / f"{name}.png")
    assert len(taken) > 20_000, "an almost empty picture"


def test_readme_shows_what_the_tests_take() -> None:
    shown = set(re.findall(r"docs/screenshots/([\w-]+)\.png", (ROOT / "README.md").read_text()))
    assert shown == set(SHOTS)
