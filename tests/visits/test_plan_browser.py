"""Stops are ordered by dragging and by keyboard; ten drafts are approved with two taps each on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .test_browser import address, database_url, sign_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import Scene

__all__ = ["address", "database_url"]


def titles(page: Page) -> list[str]:
    return [text.rpartition(":")[2].strip() for text in page.locator("#route h3").all_inner_texts()]


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
def test_stops_are_put_in_order(
    scene: Scene,
    address: str,
    new_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
    javascript: bool,
) -> None:
    visit = scene.visit()
    for number in range(3):
        scene.accepted(visit, title=f"Why is lamp {number} out?", place=f"Corner {number}")
    page = sign_in(new_page(width=1280, java_script_enabled=javascript, locale="en-GB"), address, "agent")
    page.goto(f"{address}/visits/{visit}/route")
    for box in page.locator("input[name=pick]").all():
        box.check()
    with page.expect_navigation():
        page.get_by_role("button", name="Put on the route").click()
    assert titles(page) == ["Corner 0", "Corner 1", "Corner 2"]
    page.get_by_role("button", name="Down Corner 0").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert titles(page) == ["Corner 1", "Corner 0", "Corner 2"]
    if javascript:
        for pressed, order in (("Down", [1, 2, 0]), ("Up", [1, 0, 2])):  # at the end, the other way is left
            expect(page.get_by_role("button", name=f"{pressed} Corner 0")).to_be_focused()
            with page.expect_navigation():
                page.keyboard.press("Enter")
            assert titles(page) == [f"Corner {number}" for number in order]
        page.set_viewport_size({"width": 1280, "height": 1800})
        with page.expect_navigation():
            page.locator(".route-number").nth(2).drag_to(page.locator(".route-number").nth(0))
        assert titles(page) == ["Corner 2", "Corner 1", "Corner 0"]
        assert axe(page) == []


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
def test_ten_drafts_are_approved_with_a_tap_each_once_the_first_is_open(
    scene: Scene,
    address: str,
    new_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
    javascript: bool,
) -> None:
    visit = scene.visit()
    agent = scene.browser("agent")
    for number in range(10):
        ident = scene.drafted(visit, f"Lamp {number} is mended.", title=f"Why is lamp {number} out?")
        path = f"/visits/questions/{ident}"
        said = {"body": f"Lamp {number} is mended.", "version": "1", "submit": "yes"}
        assert agent.submit(f"{path}/answer", _page=path, **said).status_code == 302
    page = sign_in(new_page(width=360, java_script_enabled=javascript, locale="en-GB"), address, "mayor")
    page.goto(f"{address}/visits/next")
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    for left in range(9, -1, -1):
        draft = page.locator("#drafts li.card").first
        if left == 9:
            draft.locator("summary").click()
        elif javascript:
            expect(draft.locator("summary")).to_be_focused()
        assert draft.locator(".prose").inner_text().endswith("is mended.")
        if left == 9 and javascript:
            assert axe(page) == []
        draft.get_by_role("button", name="Approve and publish").click()
        said = f"{left} draft" if left else "No draft waits for approval"
        page.locator("#drafts-title", has_text=said).wait_for()
        assert page.url.partition("#")[0].partition("?")[0] == f"{address}/visits/next"
    if javascript:
        expect(page.locator("#drafts-title")).to_be_focused()
    assert (loads == []) is javascript


def test_after_a_draft_comes_the_one_after_it_with_what_was_said(
    scene: Scene, address: str, new_page: Callable[..., Page]
) -> None:
    visit = scene.visit()
    agent = scene.browser("agent")
    found = []
    for number in range(8):
        text = f"Lamp {number} is mended."
        found.append(scene.drafted(visit, text, title=f"Why is lamp {number} out?"))
        path = f"/visits/questions/{found[-1]}"
        said = {"body": text, "version": "1", "submit": "yes"}
        assert agent.submit(f"{path}/answer", _page=path, **said).status_code == 302
    page = sign_in(new_page(width=360, locale="en-GB"), address, "mayor")
    page.goto(f"{address}/visits/next")
    page.locator(f"#draft-{found[5]} summary").click()
    page.locator(f"#draft-{found[5]}").get_by_role("button", name="Approve and publish").click()
    following = page.locator(f"#draft-{found[6]}")
    expect(following.locator("summary")).to_be_focused()
    above = page.get_by_text("The answer is published: “Why is lamp 5 out?”").last
    expect(above).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 360, "height": 300})
    following.locator("summary").evaluate(
        "one => { one.blur(); const top = one.getBoundingClientRect().top - 30;"
        " scrollBy({top, behavior: 'instant'}); one.focus() }"
    )
    expect(above).to_be_in_viewport(ratio=1)  # also where the card was in view already
    expect(following.get_by_text("The answer is published")).to_have_count(0)
    path = f"/visits/questions/{found[6]}"
    deputy = scene.browser("deputy")
    assert deputy.submit(f"{path}/approve", _page="/visits/next", version="1", publish="y").status_code == 302
    following.get_by_role("button", name="Approve and publish").click()
    last = page.locator(f"#draft-{found[7]}")
    expect(last.locator("summary")).to_be_focused()
    expect(page.get_by_text("“Why is lamp 6 out?”: This draft no longer waits").last).to_be_in_viewport()
    expect(page.locator("#said")).to_contain_text("no longer waits")
