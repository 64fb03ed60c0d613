"""Every page, as everybody, in both languages, at a phone and a desk, light and dark, is accessible."""

from __future__ import annotations

import itertools
import os
import random
import re
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import LANGUAGES, ROLES, combinations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from .conftest import DemoTown

SOAK = bool(os.environ.get("SOAK"))
NO_PAGE = {  # they answer something else than a page
    "static",
    "health.healthz",
    "about.security",
    "files.show",
    "feed.mentions",
    "search.suggest",
    "posts.some",
    "live.stream",
    "privacy.archive",
    "feed.feed_atom",
    "feed.person_atom",
    "feed.space_atom",
    "visits.visit_csv",
    "visits.visit_json",
    "visits.visit_geojson",
    "visits.town_csv",
    "visits.town_json",
    "visits.town_geojson",
    "visits.table_schema",
    "visits.report_data",
    "visits.report_pdf",
    "visits.paper_pdf",
    "visits.visit_ics",
    "visits.print_sheet",
    "visits.short_address",
    "visits.field_state",
    "visits.field_worker",
}
SLICES = 12  # of the routes, which the workers share
LOOKS = tuple(itertools.product((320, 1280), ("light", "dark")))
BUILT = re.compile(r'<(/?[a-z]\w*)(?:[^>]*? class="([^"]*)")?')  # the elements of a page, and how they look
FOLDED, DROPDOWN, POPOVER = "details:not(.dropdown)", "details.dropdown", "[popover]:popover-open"
SETTLED = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
    document.getAnimations().filter((one) => one instanceof CSSTransition).forEach((one) => one.finish())
    done()
})))"""
Look = tuple[int, str]


def swept(town: DemoTown) -> list[Any]:
    """The routes that answer with a page."""
    rules = sorted(town.app.url_map.iter_rules(), key=lambda rule: rule.rule)
    reading = [rule for rule in rules if "GET" in (rule.methods or ())]
    return [one for one in reading if one.endpoint not in NO_PAGE and not one.endpoint.endswith(".static")]


def drawn(chance: random.Random) -> list[tuple[str, list[Look]]]:
    """The languages a page is loaded in, and how it is looked at then: one of all; in `make soak`, all."""
    language, look = chance.choice(list(itertools.product(LANGUAGES, LOOKS)))
    return [(every, list(LOOKS)) for every in LANGUAGES] if SOAK else [(language, [look])]


def shown(town: DemoTown, rule: Any, chance: random.Random) -> Iterator[tuple[str, str]]:
    """A role and a path that shows it a page of the route: the first, or in `make soak` one for each role.

    Of roles to whom a page is built alike, one looks at it.
    """
    adapter, seen, known = town.app.url_map.bind("localhost"), set(), set()
    tries = list(itertools.product(ROLES, combinations(rule, town.links())))
    chance.shuffle(tries)
    for role, values in tries[:2000]:
        if role not in seen:
            path = adapter.build(rule.endpoint, values)
            answer = town.client(role).get(path, base_url=town.url)
            if answer.status_code == 200 and answer.mimetype == "text/html":
                seen.add(role)
                built = tuple(BUILT.findall(answer.text))
                if built not in known:
                    known.add(built)
                    yield role, path
                if not SOAK:
                    return


@dataclass
class Sweeper:
    """Looks at pages in one language, whoever they are shown to, and says what is wrong with them."""

    town: DemoTown
    page: Page
    axe: Callable[..., list[str]]
    html_errors: Callable[[str], list[str]]
    menus: set[Any]  # what was looked at already

    def faults(self, role: str, path: str, looks: list[Look]) -> Iterator[str]:
        """What is wrong with a page: with its HTML, with what it keeps, and in each look."""
        self.enter(role)
        self.look(*looks[0])
        answer = self.page.goto(self.town.url + path)
        assert answer is not None
        yield from self.html_errors(answer.text())
        self.page.evaluate("unfolded = [...document.querySelectorAll('details[open]')]")
        for width, scheme in looks:
            self.look(width, scheme)
            yield from (f"{width}, {scheme}: {fault}" for fault in self.seen())
        yield from (f"{name} is kept and not declared" for name in self.undeclared())

    def enter(self, role: str) -> None:
        """Be in this role, in a browser that keeps nothing of another's."""
        cdp = self.page.context.new_cdp_session(self.page)
        cdp.send("Storage.clearDataForOrigin", {"origin": self.town.url, "storageTypes": "all"})
        cdp.detach()
        self.page.context.clear_cookies()
        self.page.context.add_cookies(self.town.cookies(role))

    def look(self, width: int, scheme: Any) -> None:
        """See the page so."""
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.emulate_media(color_scheme=scheme)

    def seen(self) -> Iterator[str]:
        """What is wrong with it: as it is, with all that unfolds unfolded, and in each menu that opens."""
        page = self.page
        yield from overflow(page)
        self.unfold(FOLDED)
        page.evaluate(SETTLED)  # colours change by transitions
        yield from self.axe(page)
        yield from overflow(page)
        self.unfold(DROPDOWN)
        yield from (f"menu open: {fault}" for fault in [*self.menu(DROPDOWN), *overflow(page)])
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = false })")
        for opener in page.locator("[popovertarget]:visible").all():
            if opener.get_attribute("popovertargetaction") != "hide":
                opener.click()
                yield from (f"menu open: {fault}" for fault in self.menu(POPOVER))
                page.keyboard.press("Escape")
        page.evaluate("unfolded.forEach((one) => { one.open = true })")

    def unfold(self, which: str) -> None:
        """Open these."""
        self.page.locator(which).evaluate_all("found => found.forEach((one) => { one.open = true })")

    def menu(self, which: str) -> Iterator[str]:
        """What is wrong with open menus; of those built alike, of one in each look."""
        view = """all => all.map((one) => [
            document.documentElement.lang, innerWidth,
            matchMedia("(prefers-color-scheme: dark)").matches, one.outerHTML
        ])"""
        opened = self.page.locator(which).evaluate_all(view)
        views = {(*seen, tuple(BUILT.findall(html))) for *seen, html in opened}
        if views - self.menus:
            self.menus |= views
            self.page.evaluate(SETTLED)
            for fault in self.axe(self.page, which):
                if not fault.startswith("target-size"):  # lies over targets, as a menu does
                    yield fault

    def undeclared(self) -> Iterator[str]:
        """What the page keeps in the browser that neither the core nor a plugin says that it does."""
        plugins = self.town.app.extensions["parvis"]
        declared = [one.name for p in (plugins.core, *plugins.installed.values()) for one in p.cookies]
        kept = self.page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
        self.page.evaluate("sessionStorage.clear()")
        for name in [*kept, *(cookie["name"] for cookie in self.page.context.cookies())]:
            if not any(fnmatch(name, pattern) for pattern in declared):
                yield name


def overflow(page: Page) -> list[str]:
    """Whether the page must be scrolled sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{wide} px too wide"] if wide > 0 else []


@pytest.fixture(scope="module")
def menus() -> set[Any]:
    """The menus that were looked at."""
    return set()


@pytest.mark.parametrize("part", range(SLICES))
def test_every_page_is_accessible_valid_and_fits(
    part: int,
    demo_town: DemoTown,
    new_page: Callable[..., Page],
    axe: Callable[..., list[str]],
    html_errors: Callable[[str], list[str]],
    menus: set[Any],
    record_property: Callable[[str, object], None],
) -> None:
    found: list[str] = []
    unseen: list[str] = []
    counts = Counter[str]()
    sweepers = {
        language: Sweeper(demo_town, new_page(locale=locale), axe, html_errors, menus)
        for language, locale in LANGUAGES.items()
    }
    rules = swept(demo_town)[part::SLICES]
    for rule in rules:
        chance = random.Random(os.environ["SEED"] + rule.rule)
        views, where = drawn(chance), list(shown(demo_town, rule, chance))
        unseen += [] if where else [rule.rule]
        counts.update({"routes": 1, "pages": len(where)})
        for role, path in where:
            for language, looks in views:
                counts.update(f"{language} {width} {scheme}" for width, scheme in looks)
                faults = sweepers[language].faults(role, path, looks)
                found += [f"{path} as {role}, {language}: {fault}" for fault in faults]
    record_property("swept", dict(counts))  # printed at the end of the run
    assert unseen == []
    assert "\n".join(found) == ""
