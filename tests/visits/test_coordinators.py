"""Who coordinates a visit is said on its form, changed there, and told what nobody else deals with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from plugins.neighbourhood_visits import reads, teams

from .test_import import LINES, take_in
from .test_promises import department

if TYPE_CHECKING:
    from .conftest import Scene


def team(scene: Scene, visit: int, role: str) -> set[int]:
    """Who has a role in a visit."""
    return scene.town.run(lambda: set(teams.team_ids(visit, role)))  # type: ignore[no-any-return]


def told(scene: Scene, visit: int) -> set[int]:
    """Who hears of what is overdue."""
    return scene.town.run(lambda: teams.who_coordinates(visit))  # type: ignore[no-any-return]


def ticked(scene: Scene, page: str, name: str) -> set[int]:
    """Who is ticked as coordinating on the form of a visit."""
    shown = scene.browser(name).get(page).text
    boxes = re.findall(r'<input checked[^>]*name="coordinators"[^>]*value="(\d+)"', shown)
    return {int(box) for box in boxes}


def test_who_plans_a_visit_coordinates_it_unless_others_are_chosen(scene: Scene) -> None:
    agent, colleague, admin = (scene.town.person(name) for name in ("agent", "colleague", "admin"))
    assert ticked(scene, "/visits/new", "agent") == {agent}
    assert ticked(scene, "/visits/new", "admin") == {admin}
    assert ticked(scene, "/visits/new", "mayor") == set()
    plan = scene.plan() | {"agents": [], "coordinators": [str(colleague)]}
    answer = scene.browser("agent").submit("/visits/new", keep="yes", **plan)
    visit = int(answer.location.rpartition("/")[2])
    assert (team(scene, visit, "coordinator"), team(scene, visit, "agent")) == ({colleague}, {agent})
    assert told(scene, visit) == {colleague}
    page = f"/visits/{visit}/edit"
    assert ticked(scene, page, "agent") == {colleague}
    version = re.search(r'name="version"[^>]*value="(\d+)"', scene.browser("agent").get(page).text)
    assert version
    changed = plan | {"agents": [str(colleague)], "coordinators": [str(agent)], "version": version[1]}
    assert scene.browser("colleague").submit(page, **changed).status_code == 302
    assert (team(scene, visit, "coordinator"), team(scene, visit, "agent")) == ({agent}, {colleague})
    stranger = changed | {"coordinators": [str(scene.town.person("resident"))]}
    assert scene.browser("agent").submit(page, **stranger).status_code == 422


def test_where_nobody_coordinates_the_whole_team_is_told(scene: Scene) -> None:
    visit = scene.visit()
    assert team(scene, visit, "coordinator") == set()
    assert told(scene, visit) == {scene.town.person(name) for name in ("mayor", "deputy", "agent")}


def test_who_coordinates_what_a_file_brought_is_changed_like_others(scene: Scene) -> None:
    admin, colleague = scene.town.person("admin"), scene.town.person("colleague")
    take_in(scene, LINES.encode(), coordinators=[admin])
    [visit, *_others] = scene.town.run(lambda: [row.Visit.space_id for row in reads.visits()])
    page = f"/visits/{visit}/edit"
    assert ticked(scene, page, "admin") == {admin}
    version = re.search(r'name="version"[^>]*value="(\d+)"', scene.browser("admin").get(page).text)
    assert version
    plan = scene.plan() | {"coordinators": [str(colleague)], "version": version[1]} | {"area": "0"}
    answer = scene.browser("admin").submit(page, **plan)
    assert answer.status_code == 302, answer.text
    assert team(scene, visit, "coordinator") == {colleague}


def marks(shown: str) -> dict[str, str]:
    """What a form sends back of what it showed."""
    return dict(re.findall(r'<input[^>]*name="(read|version)"[^>]*value="([0-9a-f]+)"', shown))


@pytest.mark.parametrize("what", ["visit", "department"])
def test_a_team_is_not_named_over_what_nobody_has_read(scene: Scene, what: str) -> None:
    agent, colleague = (scene.town.person(name) for name in ("agent", "colleague"))
    people = "members" if what == "department" else "agents"
    if what == "department":
        page, plan = (
            f"/visits/departments/{department(scene)}",
            {"name": "Roads", "days": "30", "official": "0"},
        )
    else:
        page, plan = f"/visits/{scene.visit()}/edit", scene.plan()
    who = "admin" if what == "department" else "mayor"

    def ticked_there() -> set[str]:
        shown = scene.browser(who).get(page).text
        return set(re.findall(rf'<input checked[^>]*name="{people}"[^>]*value="(\d+)"', shown))

    one, other = scene.browser(who), scene.browser(who)
    stale = marks(other.get(page).text)
    first = one.submit(page, **plan | {people: [str(agent)]}, **marks(one.get(page).text))
    assert first.status_code == 302, first.text
    for seen in ({}, stale):
        late = other.submit(page, **plan | {people: [str(colleague)]}, **seen)
        assert late.status_code == 422
        assert "meanwhile" in late.text or "in the meantime" in late.text
        assert re.search(rf'<input checked[^>]*name="{people}"[^>]*value="{colleague}"', late.text)
        assert ticked_there() == {str(agent)}
    again = other.submit(page, **plan | {people: [str(colleague)]}, **marks(late.text))
    assert again.status_code == 302
    assert ticked_there() == {str(colleague)}


def test_the_mailbox_of_a_visit_is_on_its_form(scene: Scene) -> None:
    page = f"/visits/{scene.visit()}/edit"
    assert "The town takes in no mail yet" in scene.browser("agent").get(page).text
