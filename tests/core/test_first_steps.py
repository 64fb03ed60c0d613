"""A new town tells its administrator what is still to do, and each step ticks itself."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from core import registry, settings
from core.audit import audit
from core.db import write
from core.testing import PASSWORD
from tests.factors import set_up

if TYPE_CHECKING:
    from core.testing import Browser, Town


def left(browser: Browser) -> list[str]:
    """The steps that the administration page still asks for."""
    page = browser.get("/admin").text.partition("First steps:")[2].partition("</ul>")[0]
    steps = re.findall(r'<li class="step">(.*?)</li>', page, re.DOTALL)
    told = [re.sub(r"<[^>]+>", " ", step).split() for step in steps]
    return [words[0] for words in told if "do" in words]


def deploy(town: Town, **values: object) -> None:
    """Start the portal with other deployment settings."""
    town.app.config["PARVIS"] = dataclasses.replace(town.app.config["PARVIS"], **values)


def save(town: Town, **values: object) -> None:
    """Change the town's settings."""

    def keep() -> None:
        with write():
            settings.save(settings.TOWN, {**dataclasses.asdict(settings.town()), **values})

    town.run(keep)


def test_each_step_ticks_itself_and_the_list_goes_when_all_are_done(town: Town) -> None:
    for name in ("neighbourhood_visits", "moderation"):
        town.run(lambda name=name: registry.current().switch(name, name == "moderation"))
    admin = town.browser("adele", "administrator")
    names = ["Mail", "Name", "Legal", "Areas", "Spaces", "Plugins", "Second", "Backup"]
    assert left(admin) == names
    assert "First steps: 0 of 8 done" in admin.get("/admin").text
    deploy(town, smtp_host="mail.example.org")
    assert left(admin) == names[1:]
    save(town, name="Belleroche")
    assert left(admin) == names[1:], "nobody could be reached"
    save(town, contact="contact@belleroche.example")
    save(town, legal="The town")
    assert left(admin) == names[2:]
    save(town, accessibility="All of it")
    town.area("Rive")
    town.space("Hall", "adele")
    town.run(lambda: registry.current().switch("neighbourhood_visits", True))
    assert left(admin) == ["Second", "Backup"]

    def backed_up() -> None:
        with write():
            audit("town.backup", "town")

    town.run(backed_up)
    assert left(admin) == ["Second"]
    agent = town.browser("lea", "agent")
    assert "First steps:" not in agent.get("/admin").text
    set_up(admin, current=PASSWORD)
    save(town, second_factor=True)
    assert "First steps:" not in admin.get("/admin").text


def test_without_a_mail_server_administrators_are_told_on_their_first_page_and_nobody_else(
    town: Town,
) -> None:
    told = "No mail leaves this portal"
    admin, agent = town.browser("adele", "administrator"), town.browser("lea", "agent")
    for path in ("/", "/admin"):
        assert told in admin.get(path).text, path
        assert told not in agent.get(path).text, path
    for browser in (town.browser(), town.browser("zoe")):
        assert told not in browser.get("/").text
    deploy(town, smtp_host="mail.example.org")
    for path in ("/", "/admin"):
        assert told not in admin.get(path).text, path


def test_home_of_an_empty_town_opens_a_space_instead_of_finding_one(town: Town) -> None:
    admin = town.browser("boss", "administrator")
    page = admin.get("/").text
    for link in ("/spaces/new", "/admin"):
        assert f'class="button" href="{link}"' in page or f'class="button quiet" href="{link}"' in page, link
    assert "Find spaces" not in page
    assert "Open a space" not in town.browser("ana").get("/").text
    town.space("Square", "owner")
    page = admin.get("/").text
    assert "Find spaces" in page
    assert "Open a first space" not in page


def test_home_shows_a_visitor_nothing_twice_nor_a_column_of_nothing(town: Town) -> None:
    page = town.browser().get("/").text
    assert "Posts will appear here." in page
    assert "Write without an account" not in page
    assert ("side-column" in page, "with-side" in page) == (False, False)
    town.space("Square", "owner")
    page = town.browser().get("/").text
    assert page.count("Write without an account") == 1
    assert ("side-column" in page, "with-side" in page) == (True, True)


def test_a_visitor_is_led_first_to_where_they_may_write_without_an_account(town: Town) -> None:
    town.space("Closed", "owner", joining="invite")
    hero = town.browser().get("/").text.partition("<main")[2].partition("</header>")[0]
    assert "Write without an account" not in hero
    town.space("Square", "owner")
    hero = town.browser().get("/").text.partition("<main")[2].partition("</header>")[0]
    assert hero.index('href="/spaces"') < hero.index('href="/sign-up"')
    assert "Write without an account" not in town.browser("ana").get("/").text
