"""The team orders the stops of a visit, by hand or by what is short to walk, within the time that it has."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core import api
from plugins.neighbourhood_visits.models import Question, Visit
from plugins.neighbourhood_visits.plan import ordering
from plugins.neighbourhood_visits.plan.models import Stop, StopQuestion

from .test_plan_papers import many

if TYPE_CHECKING:
    from .conftest import Scene

HERE = (48.86, 2.35)


def places(count: int, seed: int) -> list[ordering.Place]:
    """So many places of a neighbourhood of two kilometres."""
    draw = random.Random(seed)
    return [(48.85 + draw.random() * 0.02, 2.34 + draw.random() * 0.03) for _each in range(count)]


@pytest.mark.parametrize("seed", range(4))
def test_the_way_through_eight_stops_is_the_shortest_there_is(seed: int) -> None:
    found = places(8, seed)
    best = min(ordering.length([HERE, *way]) for way in itertools.permutations(found))
    way = [found[at] for at in ordering.shortest(HERE, found)]
    assert ordering.length([HERE, *way]) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(3))
def test_the_way_through_forty_stops_visits_each_and_crosses_nothing(seed: int) -> None:
    found = places(40, seed)
    order = ordering.shortest(HERE, found)
    assert sorted(order) == list(range(40))
    way = [HERE, *(found[at] for at in order)]
    nearest, left = [HERE], list(found)
    while left:
        nearest.append(min(left, key=lambda one: ordering.metres(nearest[-1], one)))
        left.remove(nearest[-1])
    assert ordering.length(way) <= ordering.length(nearest)
    for first, last in itertools.combinations(range(1, len(way)), 2):
        turned = way[:first] + way[first : last + 1][::-1] + way[last + 1 :]
        assert ordering.length(turned) >= ordering.length(way) - 1e-3


def test_a_degree_is_as_long_as_it_is() -> None:
    assert ordering.metres((48.0, 2.0), (49.0, 2.0)) == pytest.approx(111_195, abs=10)
    assert ordering.shortest(None, []) == []
    assert ordering.shortest(None, [HERE]) == [0]


def test_stops_are_made_of_questions_moved_and_taken_off(scene: Scene) -> None:
    visit, agent = scene.visit(), scene.browser("agent")
    page = f"/visits/{visit}/route"
    one = scene.accepted(visit, place="Rue du Lavoir")
    two = scene.accepted(visit, title="Why is the bench gone?")
    assert agent.submit(f"{page}/questions", _page=page, pick=[str(one), str(two)]).status_code == 302
    titles, ids = stops(scene, visit)
    assert titles == ["Rue du Lavoir", "Why is the bench gone?"]
    assert discussion(scene, one) == "planned"
    assert agent.submit(f"/visits/stops/{ids[1]}/turn", _page=page, verb="up").status_code == 302
    assert stops(scene, visit)[1] == [ids[1], ids[0]]
    agent.submit(f"{page}/order", _page=page, stop=[str(ids[0]), str(ids[1])])
    assert stops(scene, visit)[1] == ids
    agent.submit(f"{page}/questions", _page=page, pick=str(two), stop=str(ids[0]))
    agent.submit(f"/visits/stops/{ids[1]}/turn", _page=page, verb="remove")
    assert stops(scene, visit)[1] == [ids[0]]
    assert [row[:2] for row in placed(scene)] == [(one, ids[0]), (two, ids[0])]
    agent.submit(f"/visits/questions/{one}/off-route", _page=page)
    assert discussion(scene, one) == "not_planned"
    assert [row[0] for row in placed(scene)] == [two]
    told = agent.submit(f"/visits/stops/{ids[0]}/turn", _page=page, verb="remove")
    assert told.status_code == 302, "a stop is taken off with what was to be talked about there"
    assert placed(scene) == stops(scene, visit)[1] == []
    assert discussion(scene, two) == "not_planned"


def test_a_stop_that_is_taken_off_leaves_its_questions_to_others(scene: Scene) -> None:
    visit, agent = scene.visit(), scene.browser("agent")
    page = f"/visits/{visit}/route"
    questions = [scene.accepted(visit, title=f"Where is bench {number}?") for number in (1, 2)]
    agent.submit(f"{page}/questions", _page=page, pick=[str(one) for one in questions])
    kept, gone = stops(scene, visit)[1]
    agent.submit(f"{page}/questions", _page=page, pick=str(questions[0]), stop=str(gone))
    assert agent.submit(f"/visits/stops/{gone}/turn", _page=page, verb="remove").status_code == 302
    assert stops(scene, visit)[1] == [kept]
    assert placed(scene) == []
    assert [discussion(scene, one) for one in questions] == ["not_planned"] * 2
    agent.submit(f"{page}/questions", _page=page, pick=str(questions[1]), stop=str(kept))
    assert [row[:2] for row in placed(scene)] == [(questions[1], kept)]


def test_the_time_that_a_route_takes_is_counted_with_the_walks(scene: Scene) -> None:
    visit, agent = scene.visit(), scene.browser("agent")
    page = f"/visits/{visit}/route"
    agent.submit(f"{page}/meeting", _page=page, latitude="48.860", longitude="2.350")
    for title, latitude, minutes, step_free in (("Far", 48.869, 100, ""), ("Near", 48.861, 10, "y")):
        said = {"title": title, "latitude": str(latitude), "longitude": "2.350", "minutes": str(minutes)}
        said |= {"step_free": "y"} if step_free else {}
        assert agent.submit(f"{page}/stops", _page=page, **said).status_code == 302
    shown = agent.get(page).text
    assert "149 of 120 minutes" in shown
    assert "29 minutes more than the visit has" in shown
    assert "Not everybody reaches: Far." in shown
    agent.submit(f"{page}/order", _page=page)
    assert stops(scene, visit)[0] == ["Near", "Far"]
    assert "131 of 120 minutes" in agent.get(page).text


def test_only_the_team_plans_and_only_with_what_is_accepted_there(scene: Scene) -> None:
    visit, other = scene.visit(), scene.visit()
    page, agent = f"/visits/{visit}/route", scene.browser("agent")
    unread, elsewhere = scene.question(visit), scene.accepted(other)
    assert agent.submit(f"{page}/stops", _page=page, title="A", minutes="5").status_code == 302
    stop = stops(scene, visit)[1][0]
    for question in (unread, elsewhere):
        agent.submit(f"{page}/questions", _page=page, pick=str(question), stop=str(stop))
    assert placed(scene) == []
    assert agent.submit(f"{page}/stops", _page=page, title="A", minutes="999").status_code == 422
    assert agent.submit(f"{page}/stops", _page=page, title="A", minutes="5", latitude="1").status_code == 422
    for name in ("resident", "opposition", "agent2", None):
        browser = scene.browser(name)
        assert browser.get(page).status_code in (302, 403, 404)
        told = browser.submit(f"/visits/stops/{stop}/turn", _page=f"/visits/{visit}/ask", verb="remove")
        assert told.status_code in (302, 403, 404)
        assert stops(scene, visit)[1] == [stop]


def stops(scene: Scene, visit: int) -> tuple[list[str], list[int]]:
    def read() -> tuple[list[str], list[int]]:
        rows = sa.select(Stop).where(Stop.space_id == visit).order_by(Stop.position)
        found = api.db.session.scalars(rows).all()
        return [one.title for one in found], [one.id for one in found]

    return scene.town.run(read)  # type: ignore[no-any-return]


def placed(scene: Scene) -> list[tuple[int, int, int]]:
    rows = sa.select(StopQuestion.entry_id, StopQuestion.stop_id, StopQuestion.position)
    order = rows.order_by(StopQuestion.position)
    return [tuple(row) for row in scene.town.run(lambda: api.db.session.execute(order).all())]


def discussion(scene: Scene, question: int) -> str:
    found = sa.select(Question.discussion).where(Question.entry_id == question)
    return str(scene.town.run(lambda: api.db.session.scalar(found)))


def test_visits_know_no_meeting_place_until_one_is_set(scene: Scene) -> None:
    visit = scene.visit()
    found = sa.select(Visit.meeting_latitude).where(Visit.space_id == visit)
    assert scene.town.run(lambda: api.db.session.scalar(found)) is None


def test_a_visit_that_is_not_there_has_no_order(scene: Scene) -> None:
    agent = scene.browser("agent")
    assert agent.submit("/visits/0/route/order", _page="/").status_code == 404


def test_the_route_says_how_many_questions_it_does_not_list(scene: Scene) -> None:
    visit = scene.visit()
    many(scene, visit, 52)
    shown = scene.browser("agent").get(f"/visits/{visit}/route").text
    assert shown.count('name="pick"') == 50
    assert "2 more questions follow once some of these have a stop." in shown
