"""What people come to do, told once: by keyboard alone, and by pointer without JavaScript."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core.db import db
from core.models import Account, Entry, Mail, Membership, Space
from demo.build import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from .conftest import DemoTown

STEPS = 150


@dataclass
class Pointer:
    """Somebody with a mouse or a finger."""

    page: Page

    def press(self, place: Locator) -> None:
        """Click it."""
        place.click()

    def fill(self, place: Locator, text: str) -> None:
        """Type into it, in place of what is there."""
        place.fill(text)


@dataclass
class Keyboard:
    """Somebody who has keys alone: what can't be reached by them, or not be seen there, fails the journey."""

    page: Page

    def reach(self, place: Locator) -> None:
        """Go to it by the Tab key, and see where one is."""
        target = place.element_handle()
        for _ in range(STEPS):
            if self.page.evaluate("element => document.activeElement === element", target):
                break
            self.page.keyboard.press("Tab")
        else:
            raise AssertionError(f"{place} is not reached by Tab")
        seen = "(element) => { const style = getComputedStyle(element); return style.outlineStyle !== 'none'"
        seen += " || style.boxShadow !== 'none' }"
        assert self.page.evaluate(seen, target), f"the focus of {place} is not seen"

    def press(self, place: Locator) -> None:
        """Go to it and press Enter."""
        self.reach(place)
        self.page.keyboard.press("Enter")

    def fill(self, place: Locator, text: str) -> None:
        """Go to it and type, in place of what is there."""
        self.reach(place)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)


@dataclass
class Journey:
    """Somebody on their way through the town, in English."""

    town: DemoTown
    page: Page
    hand: Pointer | Keyboard

    def go(self, path: str) -> None:
        """Open a page of the town."""
        self.page.goto(self.town.url + path)

    def button(self, name: str) -> Locator:
        """The first button of this name in the page's main part."""
        return self.page.get_by_role("main").get_by_role("button", name=name, exact=True).first

    def send(self, button: Locator) -> None:
        """Press a form's button, and see what comes of it."""
        self.page.evaluate("() => { window.isLeft = true }")
        with self.page.expect_response(lambda answer: answer.request.method == "POST") as caught:
            self.hand.press(button)
        if caught.value.request.is_navigation_request():
            self.page.wait_for_function("() => !window.isLeft")
        self.page.wait_for_load_state("networkidle")

    def sign_in(self, who: str) -> None:
        """Sign in as one of the demo people."""
        self.go("/sign-in")
        self.hand.fill(self.page.locator("[name=email]"), f"{who}@parvis.example")
        self.hand.fill(self.page.locator("[name=password]"), PASSWORD)
        self.send(self.button("Sign in"))
        self.page.wait_for_url(lambda url: "/sign-in" not in url)


def sign_up(journey: Journey) -> None:
    """Sign up, and choose a password on the page of the mailed link."""
    page, hand = journey.page, journey.hand
    journey.go("/sign-up")
    address = f"newcomer-{type(hand).__name__.lower()}@parvis.example"
    hand.fill(page.locator("[name=name]"), "Camille Nouvelle")
    hand.fill(page.locator("[name=email]"), address)
    journey.send(page.locator("main form button:not([type=button])").last)
    text = journey.town.run(
        lambda: db.session.scalars(
            sa.select(Mail.text).where(Mail.recipient == address).order_by(Mail.id.desc())
        ).first()
    )
    journey.go(re.findall(r"/confirm/[\w-]+", text)[0])
    hand.fill(page.locator("[name=password]"), "un-chat-orange-sur-le-toit")
    journey.send(page.locator("main form button:not([type=button])").last)
    journey.go("/me")
    assert page.url.endswith("/me")


def write(journey: Journey) -> None:
    """Post in a space of one's own, reply to it, and support what another said."""
    page, hand = journey.page, journey.hand
    journey.sign_in("resident")
    space = own_space(journey)
    words = f"Hello from the {type(hand).__name__.lower()}"
    journey.go(f"/spaces/{space}")
    hand.press(page.locator("main details.prompt > summary"))
    hand.fill(page.locator("main details.prompt [name=body]"), words)
    journey.send(page.locator("main details.prompt button:not([name]):not([type=button])").last)
    page.get_by_text(words).first.wait_for()
    post = journey.town.run(lambda: db.session.scalars(sa.select(Entry.id).where(Entry.body == words)).one())
    journey.go(f"/posts/{post}")
    hand.fill(page.locator("form[action$='/reply'] [name=body]"), f"{words}, again")
    journey.send(page.locator("form[action$='/reply'] button:not([name]):not([type=button])").last)
    page.get_by_text(f"{words}, again").first.wait_for()


def own_space(journey: Journey) -> int:
    """A space in which the resident may write."""

    def find() -> int:
        mine = sa.select(Account.user_id).where(Account.email == "resident@parvis.example")
        found = sa.select(Membership.space_id).join(Space, Space.id == Membership.space_id)
        found = found.where(Membership.user_id.in_(mine), Space.kind == "core.group")
        return int(db.session.scalars(found.limit(1)).one())

    return int(journey.town.run(find))


def support(journey: Journey) -> None:
    """Add one's voice to what another said, in two actions."""
    journey.sign_in("neighbour")
    journey.go("/")
    form = journey.page.locator("form[action$='/support']:has([aria-pressed='false'])").first
    action = form.get_attribute("action") or ""
    journey.send(form.locator("button"))
    journey.go(action.replace("/support", ""))
    pressed = journey.page.locator(f"form[action='{action}'] button").first
    assert pressed.get_attribute("aria-pressed") == "true"


def language(journey: Journey) -> None:
    """Read the portal in French, and in English again."""
    for code in ("fr", "en"):
        journey.go("/legal")
        choice = journey.page.locator(f"form[action='/language'] button[value='{code}']:visible")
        journey.send(choice.first)
        assert journey.page.locator("html").get_attribute("lang") == code


def profile(journey: Journey) -> None:
    """Say something about oneself."""
    journey.sign_in("member")
    journey.go("/me")
    words = f"I garden by {type(journey.hand).__name__.lower()}."
    journey.hand.fill(journey.page.locator("[name=about]"), words)
    journey.send(journey.page.locator("form:has([name=about]) button:not([type=button])").last)
    journey.go("/me")
    assert journey.page.locator("[name=about]").input_value() == words


def switch(journey: Journey) -> None:
    """Switch a module off and on again."""
    journey.sign_in("agent")
    for status in (404, 200):
        journey.go("/admin/plugins")
        form = journey.page.locator("form[action$='/neighbourhood_visits/switch']")
        details = journey.page.locator("details:has(form[action$='/neighbourhood_visits/switch'])")
        if details.count():
            journey.hand.press(details.locator("summary").first)
        if status == 404 and isinstance(journey.hand, Keyboard):  # scripts run, and a dialog asks
            journey.hand.press(form.locator("button").first)
            told = form.locator("button").first.get_attribute("data-more")
            assert journey.page.locator("dialog p").inner_text() == told
            journey.send(journey.page.locator("dialog button").last)
        else:
            journey.send(form.locator("button").first)
            if status == 404:
                journey.send(journey.button("Switch off"))
        answer = journey.page.request.get(f"{journey.town.url}/visits/")
        assert answer.status == status


JOURNEYS = {journey.__name__: journey for journey in (sign_up, write, support, language, profile, switch)}
