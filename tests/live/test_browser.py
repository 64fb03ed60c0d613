"""What is new appears in an open page, where it belongs, and moves nothing that somebody reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from core import jobs, live
from core.db import db, write
from core.feed import actions
from core.models import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

    from core.testing import Town

    from .conftest import Server, Streams


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One engine is enough for what a browser sees."""
    return sqlite_url


def shown(page: Page) -> list[str]:
    """The posts or replies of a page, in order, as text."""
    return list(page.locator(".feed > article").all_inner_texts())


def do(town: Town, verb: Callable[..., None], ident: int, *values: Any) -> None:
    """Do something with an entry, as the owner of its space."""
    town.run(lambda: verb(db.session.get(Entry, ident), *values), "ann")


def visit(page: Page, server: Server, path: str, **cookie: str) -> Page:
    """The page, once its stream is open."""
    if cookie:
        page.context.add_cookies([{**cookie, "url": f"http://localhost:{server.port}"}])  # type: ignore[list-item]
    with page.expect_response(lambda answer: "/live?" in answer.url):
        page.goto(f"http://localhost:{server.port}{path}")
    return page


def test_posts_replies_and_supports_appear_without_reloading(
    streams: Streams, new_page: Callable[..., Page]
) -> None:
    town = streams.town
    space = town.space("Square", "ann")
    first = streams.say(space, "ann", title="First")
    server = streams.serve()
    signed_in = town.browser("bob").client.get_cookie("parvis")
    assert signed_in is not None
    bob = {"name": "parvis", "value": signed_in.value}
    feed = visit(new_page(locale="en-GB"), server, f"/spaces/{space}")
    thread = visit(new_page(locale="en-GB"), server, f"/posts/{first}", **bob)

    second = streams.say(space, "ann", title="Second")
    button = feed.get_by_role("button", name="1 new post")
    button.wait_for()
    assert feed.locator(f"#post-{second}").count() == 0, "nothing moves before it is asked for"
    streams.say(space, "ann", title="Third")
    feed.get_by_role("button", name="2 new posts").click()
    feed.locator(f"#post-{second}").wait_for()
    titles = feed.locator(".feed > article .card-title").all_inner_texts()
    assert titles == ["Third", "Second", "First"]
    assert feed.locator(".live-news").count() == 0

    thread.locator("textarea[name=body]").focus()
    reply = streams.say(space, "ann", first)
    thread.locator(f"#post-{reply}").wait_for()
    assert thread.locator("#replies-title").inner_text() == "1 reply"
    assert thread.evaluate("document.activeElement.name") == "body", "who writes goes on writing"
    feed.locator(f"#post-{first} .count", has_text="1").wait_for()

    do(town, actions.support, first, True)
    feed.locator(f"#post-{first} .tally .count", has_text="1").wait_for()
    thread.locator(f"#support-{first} .count", has_text="1").wait_for()
    thread.locator(f"#support-button-{first}").click()
    feed.locator(f"#post-{first} .tally .count", has_text="2").wait_for()

    do(town, actions.change_entry, first, None, "Other words")
    feed.locator(f"#post-{first}", has_text="Other words").wait_for()
    thread.locator(f"#post-{first}", has_text="Other words").wait_for()
    do(town, actions.hide, reply)
    thread.locator(f"#post-{reply}").wait_for(state="detached")
    do(town, actions.remove, second)
    feed.locator(f"#post-{second}").wait_for(state="detached")
    for page in (feed, thread):
        before = shown(page)
        page.reload()
        assert shown(page) == before


def test_notices_appear_without_reloading(streams: Streams, new_page: Callable[..., Page]) -> None:
    town = streams.town
    space = town.space("Square", "ann")
    first = streams.say(space, "bob", title="First")
    server = streams.serve()
    signed_in = town.browser("bob").client.get_cookie("parvis")
    assert signed_in is not None
    bob = {"name": "parvis", "value": signed_in.value}
    page = visit(new_page(locale="en-GB"), server, "/notices", **bob)
    assert page.locator(".bell-count").count() == 0
    streams.say(space, "ann", first)
    jobs.run_due(town.app)
    page.locator(".bell-count", has_text="1").wait_for()
    line = page.locator(".notice-line.unread .notice-open")
    line.wait_for()
    line.focus()
    streams.say(space, "cleo", first)
    jobs.run_due(town.app)
    page.locator(".bell-count", has_text="2").wait_for()
    assert line.count() == 2
    assert page.evaluate("document.activeElement.id.startsWith('notice-')"), "the focus stays on its line"


def test_more_posts_bring_no_pinned_one_a_second_time(
    streams: Streams, new_page: Callable[..., Page]
) -> None:
    space = streams.town.space("Square", "ann")
    oldest, *others = (streams.say(space, "ann", title=f"Post {number}") for number in range(25))
    do(streams.town, actions.pin, oldest, True)
    page = visit(new_page(locale="en-GB"), streams.serve(), f"/spaces/{space}")
    page.get_by_role("link", name="Load more").click()
    page.locator(f"#post-{others[0]}").wait_for()
    assert sorted(
        page.locator(".feed > article").evaluate_all("posts => posts.map(one => one.id)")
    ) == sorted(f"post-{ident}" for ident in (oldest, *others))
    assert page.locator(".feed > article").first.get_attribute("id") == f"post-{oldest}"


def test_a_thread_that_is_hidden_goes_out_of_sight(streams: Streams, chromium: Browser) -> None:
    space = streams.town.space("Square", "ann")
    first = streams.say(space, "ann", title="First")
    server = streams.serve()
    with chromium.new_context(locale="en-GB") as context:  # its console tells of the 404 that is meant
        page = visit(context.new_page(), server, f"/posts/{first}")
        do(streams.town, actions.hide, first)
        page.get_by_role("heading", name="There is nothing here").wait_for()
        assert page.get_by_text("First").count() == 0


def test_a_page_that_was_hidden_or_cut_off_catches_up(
    streams: Streams, new_page: Callable[..., Page]
) -> None:
    space = streams.town.space("Square", "ann")
    first = streams.say(space, "ann")
    server = streams.serve()
    page = visit(new_page(locale="en-GB"), server, f"/posts/{first}")
    page.evaluate("pauseListening()")
    reply = streams.say(space, "ann", first)
    with page.expect_response(lambda answer: "/live?" in answer.url):
        page.evaluate("listen()")
    page.locator(f"#post-{reply}").wait_for()
    page.evaluate("again(0.1)")
    other = streams.say(space, "ann", first)
    page.locator(f"#post-{other}").wait_for()
    assert page.locator(".live-lost").count() == 0


def test_a_part_that_names_an_event_is_read_anew(streams: Streams, new_page: Callable[..., Page]) -> None:
    town = streams.town
    signed_in = town.browser("bob").client.get_cookie("parvis")
    assert signed_in is not None
    page = visit(new_page(locale="en-GB"), streams.serve(), "/me", name="parvis", value=signed_in.value)
    page.evaluate("main.dataset.liveOn = 'core.notice'; main.old = true")

    def notice() -> None:
        with write():
            live.tell(f"user/{town.people['bob']}", "core.notice", 1)

    town.run(notice)
    page.wait_for_function("() => !document.getElementById('main').old")


def test_the_button_moves_nothing(streams: Streams, new_page: Callable[..., Page]) -> None:
    space = streams.town.space("Square", "ann")
    first = streams.say(space, "ann")
    page = visit(new_page(locale="en-GB"), streams.serve(), f"/spaces/{space}")
    before = page.locator(f"#post-{first}").bounding_box()
    streams.say(space, "ann")
    page.get_by_role("button", name="1 new post").wait_for()
    assert page.locator(f"#post-{first}").bounding_box() == before
