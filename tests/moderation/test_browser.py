"""The queue in a real browser: cleared by keys alone, without a page load, and undone."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from .conftest import Square


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Return the address of a fresh migrated database; the engine does not matter to a browser."""
    return sqlite_url


@pytest.fixture
def address(square: Square, free_port: Callable[[], int]) -> Iterator[str]:
    """The address at which the town of these tests is served."""
    port = free_port()
    server = make_server("127.0.0.1", port, square.town.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{port}"
    server.shutdown()
    thread.join()
    server.server_close()


def signed_in(square: Square, page: Page, address: str, name: str) -> Page:
    """The page, signed in as somebody."""
    cookie = square.browser(name).client.get_cookie("parvis", "localhost")
    assert cookie is not None
    page.context.add_cookies([{"name": "parvis", "value": cookie.value, "url": address}])
    return page


def test_the_keyboard_alone_clears_the_queue(
    square: Square, new_page: Callable[..., Page], address: str
) -> None:
    bad, good, worst = (square.say(words) for words in ("Bad words", "Good words", "Worst words"))
    for post in (bad, good, worst):
        square.report(post)
    page = signed_in(square, new_page(locale="en-GB"), address, "agent")
    page.goto(f"{address}/moderation/")
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    cases = {post: square.case(post) for post in (bad, good, worst)}

    def says(post: int, text: str) -> None:
        """Wait until the case says so, and has the keyboard again."""
        page.locator(f"#case-{cases[post]}").get_by_text(text).wait_for()
        page.wait_for_function(
            "id => document.activeElement.closest(`#${id}`)"
            " && !document.querySelector('.htmx-request, .htmx-settling')",
            arg=f"case-{cases[post]}",
        )

    page.keyboard.press("j")
    page.keyboard.press("1")
    page.keyboard.press("h")
    says(bad, "It is decided.")
    assert square.state(bad) == "hidden"
    page.keyboard.press("u")
    says(bad, "waits again")
    assert square.state(bad) == "published"
    page.keyboard.press("1")
    page.keyboard.press("h")
    says(bad, "It is decided.")
    page.keyboard.press("j")
    page.keyboard.press("a")
    says(good, "It is decided.")
    page.keyboard.press("j")
    page.keyboard.press("1")
    page.keyboard.press("r")
    says(worst, "It is decided.")
    assert [square.state(post) for post in (bad, good, worst)] == ["hidden", "published", "hidden"]
    assert loads == []
    page.reload()
    page.get_by_text("Nothing waits").wait_for()


def test_escape_leads_from_a_field_back_to_the_case(
    square: Square, new_page: Callable[..., Page], address: str
) -> None:
    post = square.say("Bad words")
    square.report(post)
    page = signed_in(square, new_page(locale="en-GB"), address, "agent")
    page.goto(f"{address}/moderation/")
    focused = "() => document.activeElement.tagName"
    for key in ("j", "h"):  # and no reason is chosen
        page.keyboard.press(key)
    assert page.evaluate(focused) == "SELECT"
    page.keyboard.press("Escape")
    assert page.evaluate(focused) == "ARTICLE"
    page.get_by_label("Say more to the author").fill("Please stay polite.")
    for key in ("Escape", "1", "h"):
        page.keyboard.press(key)
    page.get_by_text("It is decided.").wait_for()
    assert square.state(post) == "hidden"


def test_without_javascript_the_same_buttons_are_forms(
    square: Square, new_page: Callable[..., Page], address: str
) -> None:
    post = square.say("Bad words")
    page = signed_in(square, new_page(locale="en-GB", java_script_enabled=False), address, "reader")
    page.goto(f"{address}/posts/{post}")
    page.get_by_role("link", name="Report").click()
    page.get_by_label("Insults, hatred or threats").check()
    page.get_by_role("button", name="Send the report").click()
    page.get_by_text("your report is received").wait_for()
    page.context.clear_cookies()
    signed_in(square, page, address, "agent").goto(f"{address}/moderation/")
    page.get_by_label("Say more to the author").fill("Please stay polite.")
    page.get_by_label("Reason", exact=True).select_option("insult")
    page.get_by_role("button", name="Hide").click()
    page.get_by_text("It is decided.").wait_for()
    assert square.state(post) == "hidden"
