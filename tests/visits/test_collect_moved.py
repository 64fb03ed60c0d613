"""A change of date, hour or meeting point by the form reaches who asked or supported, once; others don't."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import jobs
from core.db import db, write
from core.models import Entry, Membership, Notice, Space
from plugins.neighbourhood_visits import actions, letters
from plugins.neighbourhood_visits.models import Casework, Visit

from .conftest import TOWN
from .test_collect_ask import row

if TYPE_CHECKING:
    from core.testing import Browser

    from .conftest import Scene


def change(scene: Scene, visit: int, mayor: Browser | None = None, **fields: Any) -> Any:
    """Change a visit by its form, which otherwise says what it said."""
    page, mayor = f"/visits/{visit}/edit", mayor or scene.browser("mayor")
    version = re.search(r'name="version"[^>]*value="(\d+)"', mayor.get(page).text)
    assert version
    return mayor.submit(page, **{**scene.plan(), "version": version[1], **fields})


def told(scene: Scene) -> list[tuple[str, int]]:
    """Who was told of a change."""
    jobs.run_due(scene.town.app)
    found = sa.select(Notice.type, Notice.user_id).where(Notice.type == "visits.moved").order_by(Notice.id)
    return [tuple(row) for row in scene.town.run(lambda: db.session.execute(found).all())]


def asked(scene: Scene) -> int:
    """A visit with a question of the resident's that the neighbour supports."""
    visit = scene.visit()
    question = scene.accepted(visit)
    scene.browser("neighbour").submit(f"/posts/{question}/support", _page=f"/posts/{question}")
    return visit


@pytest.mark.parametrize(
    "fields",
    [{"starts": "17:00"}, {"ends": "21:00"}, {"meeting_point": "At the fountain"}, {"date": "later"}],
)
def test_who_asked_or_supported_is_told_once_per_change(scene: Scene, fields: dict[str, str]) -> None:
    visit = asked(scene)
    if "date" in fields:
        day = dt.date.fromisoformat(scene.plan()["date"]) + dt.timedelta(days=7)
        fields = {"date": day.isoformat()}
    assert change(scene, visit, **fields).status_code == 302
    both = {("visits.moved", scene.town.person(name)) for name in ("resident", "neighbour")}
    found = told(scene)
    assert (set(found), len(found)) == (both, 2)
    assert change(scene, visit, **fields).status_code == 302, "the same said again"
    assert len(told(scene)) == 2
    assert change(scene, visit, starts="16:00").status_code == 302
    assert len(told(scene)) == 4
    notice = scene.town.run(
        lambda: db.session.scalars(sa.select(Notice.once).order_by(Notice.id.desc())).first()
    )
    assert "16:00" in scene.town.run(lambda: letters.when_and_where(notice))


@pytest.mark.parametrize("fields", [{"summary": "Words"}, {"access_notes": "A ramp"}, {"closes": "sooner"}])
def test_other_changes_are_told_to_nobody(scene: Scene, fields: dict[str, str]) -> None:
    visit = asked(scene)
    if "closes" in fields:
        day = dt.date.fromisoformat(scene.plan()["closes"]) - dt.timedelta(days=1)
        fields = {"closes": day.isoformat()}
    assert change(scene, visit, **fields).status_code == 302
    assert told(scene) == []


def test_an_imported_visit_is_completed_by_the_form_then_announced(scene: Scene) -> None:
    def draft() -> int:
        with write():
            space = actions.draft_visit("Visit 75118", "75118", dt.date(2030, 1, 1))
            member = Membership(space_id=space.id, user_id=scene.town.person("mayor"), team=True)
            member.role = "coordinator"
            db.session.add(member)
            return space.id

    visit = scene.town.run(draft)
    mayor = scene.browser("mayor")
    mayor.submit(f"/visits/{visit}/announce", _page=f"/visits/{visit}", sure="1")
    assert row(scene, Visit, visit).state == "draft", "people must know where to meet"
    assert change(scene, visit, meeting_point="").status_code == 422
    assert change(scene, visit).status_code == 302
    mayor.submit(f"/visits/{visit}/announce", _page=f"/visits/{visit}", sure="1")
    assert (row(scene, Visit, visit).state, row(scene, Space, visit).visibility) == ("collecting", "public")
    assert told(scene) == []


def test_the_days_of_the_team_follow_the_visit(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.accepted(visit)
    now, month = dt.datetime.now(dt.UTC), dt.timedelta(days=30)
    told_at = now - dt.timedelta(days=1)

    def prepare() -> None:
        with write() as session:
            session.get(Visit, visit).freezes_at = now + dt.timedelta(days=2)
            session.get(Entry, question).created_at = now - dt.timedelta(days=9)
            casework = session.get(Casework, question)
            casework.reminded_at = casework.escalated_at = told_at

    def moments() -> tuple[Any, Any]:
        return db.session.get(Visit, visit).freezes_at, db.session.get(Casework, question).reminded_at

    scene.town.run(prepare)
    assert change(scene, visit, starts="16:00").status_code == 302
    assert scene.town.run(moments)[1] == told_at, "it is overdue as before"
    assert question in late(scene, visit)
    day = dt.date.fromisoformat(scene.plan()["date"]) + month
    assert change(scene, visit, date=day.isoformat(), starts="16:00").status_code == 302
    freezes_at, reminded_at = scene.town.run(moments)
    assert now + month < freezes_at < now + month + dt.timedelta(days=3)
    assert reminded_at is None, "whoever was reminded is reminded again on the later day"
    assert question not in late(scene, visit)


def test_the_last_day_to_ask_moves_along_unless_it_is_changed_too(scene: Scene) -> None:
    visit, plan = scene.visit(), scene.plan()
    day, closes = (dt.date.fromisoformat(plan[name]) for name in ("date", "closes"))
    week, mayor = dt.timedelta(days=7), scene.browser("mayor")

    def last() -> dt.date:
        return scene.town.run(lambda: db.session.get(Visit, visit).last_moment.astimezone(TOWN).date())

    assert "it moves along with the date" in mayor.get(f"/visits/{visit}/edit").text
    assert change(scene, visit, mayor, date=(day + week).isoformat()).status_code == 302
    assert last() == closes + week
    assert "The last day to ask has moved along" in mayor.get(f"/visits/{visit}").text
    sooner = (closes + dt.timedelta(days=1)).isoformat()
    assert change(scene, visit, mayor, date=(day + 2 * week).isoformat(), closes=sooner).status_code == 302
    assert last().isoformat() == sooner
    assert "has moved along" not in mayor.get(f"/visits/{visit}").text
    assert change(scene, visit, mayor, date=day.isoformat(), closes=sooner).status_code == 302
    assert last() < dt.date.fromisoformat(sooner), "a visit brought forward brings it forward"


def late(scene: Scene, visit: int) -> list[int]:
    """The questions that the desk calls overdue."""
    page = scene.browser("agent").get(f"/visits/{visit}/review?queue=overdue").text
    return [int(one) for one in re.findall(r'data-question="(\d+)"', page)]
