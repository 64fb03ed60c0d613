"""A picture without words is asked about before it is sent: the server can't give the file back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import DemoTown

PICTURE = {"name": "bench.png", "mimeType": "image/png", "buffer": b"not looked at by the page"}


@pytest.mark.parametrize("answer", ["words", "decorative"])
def test_a_picture_without_words_is_not_sent(
    answer: str, demo_town: DemoTown, new_page: Callable[..., Page]
) -> None:
    page = new_page(locale="en-GB")
    page.context.add_cookies(demo_town.cookies("resident"))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.goto(f"{demo_town.url}/")
    page.locator(".prompt > summary").click()
    page.locator(".pictures > summary").click()
    page.locator("#pictures-1").set_input_files(PICTURE)  # type: ignore[arg-type]
    publish = page.locator(".composer .form-actions button[type=submit]")
    publish.click()
    asks = "Say what the picture shows, or that it only decorates."
    words = page.locator("#alts-1")
    assert words.evaluate("field => [field === document.activeElement, field.validationMessage]") == [
        True,
        asks,
    ]
    assert sent == []
    if answer == "words":
        words.fill("A red bench")
    else:
        page.locator("#decorative-1").check()
    with page.expect_request(lambda request: request.method == "POST"):
        publish.click()
