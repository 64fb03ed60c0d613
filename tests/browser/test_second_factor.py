"""Setting a second factor up and signing in with it, in a browser, without JavaScript and with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from factors import code

from core.accounts.actions import create_user
from core.db import write
from demo.build import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from .conftest import DemoTown


def shoot(page: Page, name: str) -> None:
    """Keep a picture of the page, where somebody wants to look at it."""
    folder = os.environ.get("PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize(
    ("locale", "width", "scheme", "scripts"),
    [("fr-FR", 360, "light", False), ("en-GB", 1280, "dark", True)],
    ids=["telephone", "desk"],
)
def test_somebody_sets_it_up_keeps_the_codes_and_signs_in_with_one(
    demo_town: DemoTown,
    new_page: Callable[..., Page],
    axe: Callable[[Page], list[str]],
    locale: str,
    width: int,
    scheme: str,
    scripts: bool,
) -> None:
    email, name = f"camille{width}@parvis.example", f"{scheme}-{width}"

    def person() -> None:
        with write():
            create_user(email, "Camille Essai", PASSWORD)

    demo_town.run(person)
    page = new_page(width=width, locale=locale, color_scheme=scheme, java_script_enabled=scripts)

    def sound(what: str) -> None:
        shoot(page, f"{name}-{what}")
        assert page.locator("h1").count() == 1
        if scripts:
            assert axe(page) == []
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wide) <= 0

    def send() -> None:
        with page.expect_navigation():
            page.keyboard.press("Enter")

    def follow(selector: str) -> None:
        with page.expect_navigation():
            page.click(selector)

    def sign_in() -> None:
        page.goto(demo_town.url + "/sign-in")
        page.fill("#email", email)
        page.fill("#password", PASSWORD)
        send()

    sign_in()
    page.goto(demo_town.url + "/me")
    follow('a[href="/me/second-factor"]')
    sound("off")
    follow('a[href="/second-factor"]')
    key = "".join(page.locator(".key span").all_inner_texts())
    sound("set-up")
    assert page.locator("img.qr").get_attribute("alt")
    page.fill("#current", PASSWORD)
    page.fill("#code", code(key))
    send()
    codes = page.locator(".recovery-codes code").all_inner_texts()
    assert len(codes) == 10
    sound("codes")
    with page.expect_download() as download:
        page.click("a[download]")
    assert codes[0] in Path(download.value.path()).read_text(encoding="utf-8")
    follow(".form-actions a.button:not([download])")
    sound("on")
    follow('a[href="/me/second-factor/remove"]')
    sound("remove")
    page.context.clear_cookies()
    sign_in()
    assert page.url.endswith("/sign-in/code")
    sound("code")
    page.locator("#code").press_sequentially("000000")
    send()
    sound("wrong")
    page.fill("#code", codes[0])
    send()
    page.goto(demo_town.url + "/me/second-factor")
    assert "9" in page.locator("main").inner_text()
