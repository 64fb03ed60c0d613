"""Every journey completes by keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .journeys import JOURNEYS, Journey, Keyboard

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import DemoTown


@pytest.mark.parametrize("name", JOURNEYS)
def test_by_keyboard(name: str, demo_town: DemoTown, new_page: Callable[..., Page]) -> None:
    page = new_page(locale="en-GB")
    JOURNEYS[name](Journey(demo_town, page, Keyboard(page)))
