"""No state is reached otherwise than by the table, by whomever, by form or by replay; the page shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.access import permissions
from core.accounts import throttle
from plugins.neighbourhood_visits.states import TABLE, TRANSITIONS, as_markdown

from . import walking
from .walking import DOORS, NAMED, THINGS, THROUGH, Walk

if TYPE_CHECKING:
    from core.testing import Browser

    from .conftest import Scene

PAGE = Path(__file__).parents[2] / "docs/reference/visits.md"


def test_the_page_of_the_documentation_shows_the_table() -> None:
    assert as_markdown() in PAGE.read_text(), "run python tools/visit_states.py"


def test_each_way_has_a_known_permission(scene: Scene) -> None:
    assert len({(way.thing, way.verb) for way in TRANSITIONS}) == len(TRANSITIONS)
    for way in TRANSITIONS:
        assert way.role in permissions, way
        assert way.target not in way.sources or way.verb in ("assign", "draft", "contest"), way


@pytest.fixture
def browsers(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> dict[str | None, Browser]:
    """The browsers of all who walk, who may try codes as often as they like."""
    monkeypatch.setitem(throttle.LIMITS, "guess", ())
    return walking.team_up(scene)


def goes(walk: Walk, name: str | None, door: str) -> set[tuple[str, str]]:
    """Let somebody through a door that is open to them; the ways of the table that it led along."""
    before = walk.stands
    sent = walk.go(name, NAMED[door])
    led = walking.led(walk, before, sent)
    assert walking.told(walk.stands) in map(walking.told, led), (name, door, before, walk.stands)
    return {
        (thing, verb)
        for thing, verb in sent.door.ways
        if before[thing] != walk.stands[thing] == TABLE[thing, verb].target
    }


def test_each_way_of_the_table_is_gone_and_each_state_reached(
    scene: Scene, browsers: dict[str | None, Browser]
) -> None:
    gone: set[tuple[str, str]] = set()
    reached = set()
    for way in THROUGH.values():
        walk = Walk(scene, browsers)
        for name, door in way:
            before = walk.stands
            gone |= goes(walk, name, door)
            reached |= {
                (thing, walk.stands[thing]) for thing in THINGS if walk.stands[thing] != before[thing]
            }
    assert {(way.thing, way.verb) for way in TRANSITIONS} <= gone
    assert {(way.thing, way.target) for way in TRANSITIONS} <= reached


STEP = st.tuples(st.integers(0, 999), st.integers(0, 999), st.integers(0, 9))
BEFORE = st.sampled_from(sorted(THROUGH)).flatmap(
    lambda name: st.integers(0, len(THROUGH[name])).map(lambda end: THROUGH[name][:end])
)


@pytest.mark.slow
def test_walks_never_leave_the_table(scene: Scene, browsers: dict[str | None, Browser]) -> None:
    @settings(
        max_examples=settings.default.max_examples // 2,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
        report_multiple_bugs=False,
    )
    @given(BEFORE, st.lists(STEP, min_size=25, max_size=25))
    def walk_on(way: tuple[tuple[str | None, str], ...], steps: list[tuple[int, int, int]]) -> None:
        walk = Walk(scene, browsers)
        for name, door in way:
            goes(walk, name, door)
        for step in steps:
            take(walk, *step)

    walk_on()


def take(walk: Walk, which: int, who: int, how: int) -> None:
    """One step of a walk: something sent again, something likely, or anything by anybody."""
    if how == 0 and walk.sent:
        walk.send(walk.sent[which % len(walk.sent)])
        return
    likely = [door for door in DOORS if walking.leads_on(walk, door)] if how > 2 else DOORS
    people = ("mayor", "agent", "resident") if how > 5 else walking.PEOPLE
    if how > 7 and walk.sent and walk.sent[-1].door.ways:  # the same person goes on with the same thing
        last = walk.sent[-1]
        people, thing = (last.name,), last.door.ways[0][0]
        likely = [door for door in likely if door.ways and door.ways[0][0] == thing] or likely
    walk.go(people[who % len(people)], likely[which % len(likely)], blank=how == 1)


@pytest.mark.parametrize("name", ["opposition", "agent2", "mayor2", "neighbour", None])
def test_outsiders_move_nothing(scene: Scene, browsers: dict[str | None, Browser], name: str | None) -> None:
    walk = Walk(scene, browsers)
    before = walk.stands
    for door in DOORS:
        if "code" in door.gives or door.name == "answer by link":
            continue  # whoever holds these may
        walk.go(name, door)
        assert walk.stands == before, (name, door.name)
