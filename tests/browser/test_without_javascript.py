"""Every journey completes where no JavaScript runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .journeys import JOURNEYS, Journey, Pointer

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import DemoTown


@pytest.mark.parametrize("name", JOURNEYS)
def test_without_javascript(name: str, demo_town: DemoTown, new_page: Callable[..., Page]) -> None:
    page = new_page(width=1280, locale="en-GB", java_script_enabled=False)
    JOURNEYS[name](Journey(demo_town, page, Pointer(page)))
