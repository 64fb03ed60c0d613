"""The page that says who may do what tells what is so: the same declarations decide and are shown."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core import access
from core.db import db, write
from core.feed import actions as feed
from core.models import Area, Entry, Mail, Space
from core.spaces import actions as spaces

if TYPE_CHECKING:
    from core.testing import Browser, Town

COLUMNS = ("anyone", "resident", "official", "agent", "administrator", "in a space")


def table(browser: Browser) -> dict[str, dict[str, str]]:
    """What the page says: by right, by column."""
    page = browser.get("/about/permissions").text
    found = {}
    for row in re.findall(r"(?s)<tr><th scope=.row.>(.*?)</tr>", page):
        title, *cells = (
            " ".join(html.unescape(re.sub("<[^>]+>", " ", cell)).split())
            for cell in re.split("<td[^>]*>", row)
        )
        found[title] = dict(zip(COLUMNS, (cell.removeprefix("– ") for cell in cells), strict=True))
    return found


def inside(town: Town, name: str, parent: int) -> int:
    """The id of a new area in another."""

    def make() -> int:
        with write() as session:
            area = Area(name=name, level="commune", parent_id=parent)
            session.add(area)
            session.flush()
            area.path = f"{session.get(Area, parent).path}{area.id}/"
            return int(area.id)

    return int(town.run(make))


def test_whoever_has_a_border_decides_nothing_for_the_whole_town(town: Town) -> None:
    whole = town.area("Agglomeration")
    commune = inside(town, "Here", whole)
    inside(town, "There", whole)
    switch = "/admin/plugins/neighbourhood_visits/switch"
    for name, role, area, may in (
        ("agnes", "agent", None, True),
        ("aline", "agent", whole, True),
        ("axel", "agent", commune, False),
        ("adele", "administrator", commune, True),
    ):
        town.person(name, role, area_id=area)
        browser = town.browser(name)
        assert browser.get("/admin/plugins").status_code == (200 if may else 403)
        assert browser.submit(switch, "/me", on="1").status_code == (302 if may else 403)
        assert ("/admin/plugins" in browser.get("/admin").text) is may
    said = table(town.browser())["Switch plugins on and off Only those whose area is the whole town"]
    assert (said["official"], said["agent"], said["administrator"]) == ("no", "yes", "yes")


def test_a_town_of_one_commune_has_no_border_there(town: Town) -> None:
    town.person("agnes", "agent", area_id=town.area("Here"))
    assert town.browser("agnes").get("/admin/plugins").status_code == 200
    town.area("There")
    assert town.browser("agnes").get("/admin/plugins").status_code == 403


def test_a_visit_is_announced_by_those_whom_the_page_names(town: Town) -> None:
    said = table(town.browser())["Plan and announce a visit"]
    assert said["official"] == "mayor, deputy mayor, delegated councillor"
    assert (said["resident"], said["agent"]) == ("no", "yes")
    for mandate in ("mayor", "deputy_mayor", "delegated_councillor", "councillor", None):
        name = mandate or "candidate"
        town.person(name, "official", mandate=mandate)
        expected = 200 if mandate and mandate.replace("_", " ") in said["official"].split(", ") else 403
        assert town.browser(name).get("/visits/new").status_code == expected, name
    town.person("former", "resident", mandate="mayor")
    assert town.browser("former").get("/visits/new").status_code == 403, "a mandate is an official's"


def test_whoever_is_on_the_team_of_a_space_of_any_kind_pins_and_hides(town: Town) -> None:
    assert table(town.browser())["Pin and hide posts of a space"]["in a space"] == "everybody on the team"
    roles = {"coordinator": True, "agent": True, "scribe": False, "member": False}

    def make() -> int:
        people = {town.person(f"{role}s"): role for role in roles}
        return int(spaces.create_space("visits.visit", "A visit", members=people).id)

    space = town.run(make)

    def may() -> bool:
        return access.can("core.moderate", db.session.get(Space, space))

    assert {role: town.run(may, f"{role}s") for role in roles} == roles


def test_who_has_no_account_replies_and_writes_where_the_page_says_so_and_supports_nothing(
    town: Town,
) -> None:
    said, visitor = table(town.browser()), town.browser()
    for right in ("Reply, where one may read", "Write in a space that all may join"):
        assert said[right]["anyone"] == "by confirming an address"
        assert said[right]["resident"] == "yes"
    assert said["Support, where one may read"]["anyone"] == "no"
    space = town.space("Halle", "olga")
    post = town.run(lambda: feed.publish(db.session.get(Space, space), "Words").id, "olga")
    words = {"name": "Ines", "email": "ines@example.org", "body": "Mine", "client_key": "1"}
    for url, page in (
        (f"/posts/{post}/reply", f"/posts/{post}"),
        (f"/spaces/{space}/posts", f"/spaces/{space}"),
    ):
        assert 'name="email"' in visitor.get(page).text
        assert "Your message waits" in visitor.submit(url, page, **words).text
    assert "/sign-in" in visitor.submit(f"/posts/{post}/support", f"/posts/{post}").location
    assert town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(Mail))) == 2
    assert town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(Entry))) == 1


def test_what_a_right_no_longer_gives_people_without_an_account_they_no_longer_do(town: Town) -> None:
    space = town.space("Halle", "olga")
    post = town.run(lambda: feed.publish(db.session.get(Space, space), "Words").id, "olga")
    words = {"name": "Ines", "email": "ines@example.org", "body": "Mine", "client_key": "1"}
    permission = access.permissions["core.reply"]
    object.__setattr__(permission, "by_mail", False)
    try:
        assert table(town.browser())["Reply, where one may read"]["anyone"] == "no"
        assert 'name="email"' not in town.browser().get(f"/posts/{post}").text
        answer = town.browser().submit(f"/posts/{post}/reply", f"/spaces/{space}", **words)
        assert answer.status_code == 403
    finally:
        object.__setattr__(permission, "by_mail", True)
