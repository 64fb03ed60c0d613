"""Every page, as everybody, in both languages, at a phone and a desk, light and dark, is accessible."""

from __future__ import annotations

import itertools
import os
import random
import re
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
LOOKS = tuple(itertools.product(LANGUAGES, (320, 1280), ("light", "dark")))
BUILT = re.compile(r'<(/?[a-z]\w*)(?:[^>]*? class="([^"]*)")?')  # the elements of a page, and how they look
FOLDED, DROPDOWN = "details:not(.dropdown)", "details.dropdown"
Case = tuple[str, str, str]
Look = tuple[str, int, str]


def cases(town: DemoTown, look: Look) -> Iterator[tuple[str, list[Case]]]:
    """The routes that are looked at so, each with the pages found there: role, path and endpoint.

    A route is drawn for one of the looks, so that together they cover all; in `make soak`, for each.
    """
    links = town.links()
    for rule in sorted(town.app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if "GET" not in (rule.methods or ()) or rule.endpoint in NO_PAGE or rule.endpoint.endswith(".static"):
            continue
        chance = random.Random(os.environ["SEED"] + rule.rule)
        if chance.choice(LOOKS) != look and not SOAK:
            continue
        filled = combinations(rule, links)
        tries = [(role, values) for values in filled for role in ROLES]
        chance.shuffle(tries)
        yield rule.rule, list(shown(town, rule, tries))


def undeclared(town: DemoTown, page: Page) -> Iterator[str]:
    """What the page keeps in the browser that neither the core nor a plugin says that it does."""
    plugins = town.app.extensions["parvis"]
    declared = [one.name for p in (plugins.core, *plugins.installed.values()) for one in p.cookies]
    kept = page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    for name in [*kept, *(cookie["name"] for cookie in page.context.cookies())]:
        if not any(fnmatch(name, pattern) for pattern in declared):
            yield name


def shown(town: DemoTown, rule: Any, tries: list[tuple[str, dict[str, Any]]]) -> Iterator[Case]:
    """The pages of a route: the first that somebody sees, or in `make soak` one for each role.

    Of roles to whom a page is built alike, one looks at it.
    """
    adapter, seen, known = town.app.url_map.bind("localhost"), set(), set()
    for role, values in tries[: 2000 if SOAK else 600]:
        if role not in seen:
            path = adapter.build(rule.endpoint, values)
            answer = town.client(role).get(path, base_url=town.url)
            if answer.status_code == 200 and answer.mimetype == "text/html":
                seen.add(role)
                built = tuple(BUILT.findall(answer.text))
                if built not in known:
                    known.add(built)
                    yield role, path, rule.endpoint
                if not SOAK:
                    return


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: "-".join(map(str, look)))
def test_every_page_is_accessible_valid_and_fits(
    look: Look,
    demo_town: DemoTown,
    new_page: Callable[..., Page],
    axe: Callable[..., list[str]],
    html_errors: Callable[[str], list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    language, width, scheme = look
    found: list[str] = []
    unseen: list[str] = []
    routes = pages = 0
    for rule, where in cases(demo_town, look):
        routes += 1
        unseen += [] if where else [rule]
        for role, path, _endpoint in where:
            pages += 1
            page = new_page(width=width, locale=LANGUAGES[language], color_scheme=scheme)
            page.context.add_cookies(demo_town.cookies(role))
            label = f"{path} as {role}, {language}, {width}, {scheme}"
            found += [f"{label}: {fault}" for fault in faults(page, demo_town.url + path, axe, html_errors)]
            found += [f"{label}: {name} is kept and not declared" for name in undeclared(demo_town, page)]
            page.context.close()
    with capsys.disabled():
        print(f"\nswept {pages} pages of {routes} routes, {language}, {width}, {scheme}")
    assert unseen == []
    assert "\n".join(found) == ""


def faults(
    page: Page, url: str, axe: Callable[..., list[str]], html_errors: Callable[[str], list[str]]
) -> Iterator[str]:
    """What is wrong with a page: as it is, with all that unfolds unfolded, and in each menu that opens."""
    answer = page.goto(url)
    assert answer is not None
    yield from html_errors(answer.text())
    yield from overflow(page)
    unfold(page, FOLDED)
    yield from axe(page)
    yield from overflow(page)
    if unfold(page, DROPDOWN):  # lies over targets, as a menu does
        opened = [*axe(page, DROPDOWN), *overflow(page)]
        yield from (f"menu open: {fault}" for fault in opened if not fault.startswith("target-size"))
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = false })")
    for opener in page.locator("[popovertarget]:visible").all():
        if opener.get_attribute("popovertargetaction") != "hide":
            opener.click()
            yield from (f"menu open: {fault}" for fault in axe(page, "[popover]:popover-open"))
            page.keyboard.press("Escape")


def unfold(page: Page, which: str) -> int:
    """Open these; how many there are."""
    opening = "found => found.forEach((one) => { one.open = true }) || found.length"
    return int(page.locator(which).evaluate_all(opening))


def overflow(page: Page) -> list[str]:
    """Whether the page must be scrolled sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{wide} px too wide"] if wide > 0 else []
