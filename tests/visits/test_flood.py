"""500 scripted accounts ask and support before a visit: the public sees none of it, residents are heard."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import access, registry
from core.accounts import throttle
from core.db import db, write
from core.feed import actions as feed
from core.models import Entry, User
from plugins.neighbourhood_visits import actions
from plugins.neighbourhood_visits.models import Visit
from tests.conftest import SOAK

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Scene

OLD = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
MANY = 500 if SOAK else 80
BURST = throttle.LIMITS["support"][0].burst


@pytest.fixture
def everybody_may_write() -> None:
    """Leave the gates as a town has them."""


def scripted(scene: Scene, work: Callable[[], Any]) -> list[str]:
    """Let so many new accounts each do this; answers what became of it, by the name of the refusal."""

    def act() -> list[str]:
        with write() as session:
            people = [User(handle=f"b{n}", name=f"B{n}", folded=f"b{n}") for n in range(MANY)]
            session.add_all(people)
            session.flush()
            ids = [person.id for person in people]
        ends, kinds = [], registry.current().kinds()
        for ident in ids:
            with access.as_viewer(access.Viewer(id=ident, role="resident", kinds=kinds)):
                try:
                    work()
                    ends.append("done")
                except (access.Refused, throttle.TooMany) as refusal:
                    ends.append(type(refusal).__name__)
        return ends

    return list(scene.town.run(act))


def test_scripted_questions_stay_out_of_public_view_and_an_honest_one_passes(scene: Scene) -> None:
    visit = scene.visit()
    spam = "Buy pills for your neighbourhood, cheap"
    ends = scripted(scene, lambda: actions.ask(db.session.get(Visit, visit), spam))
    assert set(ends) == {"done"}
    honest = scene.question(visit)
    visitor = scene.browser()
    for page in (
        "/",
        f"/visits/{visit}",
        "/visits/",
        "/feed.atom",
        "/search?q=pills",
        f"/visits/{visit}/questions.csv",
    ):
        assert spam not in visitor.get(page).text, page
    pending = sa.select(sa.func.count()).select_from(Entry).where(Entry.state == "pending")
    assert scene.town.run(lambda: db.session.scalar(pending)) == MANY + 1
    page = f"/visits/questions/{honest}"
    assert scene.browser("agent").submit(f"{page}/accept", _page=page).status_code == 302
    shown = visitor.get(f"/visits/{visit}").text
    assert "When will the lamp" in shown
    assert spam not in shown


def test_scripted_supports_of_a_question_are_bounded_and_a_resident_s_counts(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.accepted(visit)
    ends = scripted(scene, lambda: feed.support(db.session.get(Entry, question), True))
    assert ends.count("done") == BURST
    assert ends.count("TooMany") == MANY - BURST
    neighbour = scene.town.person("neighbour")

    def age() -> None:
        with write() as session:
            session.execute(sa.update(User).where(User.id == neighbour).values(created_at=OLD))

    scene.town.run(age)
    page = f"/visits/questions/{question}"
    answer = scene.browser("neighbour").submit(f"/posts/{question}/support", _page=page)
    assert answer.status_code == 302
    count = sa.select(Entry.support_count).where(Entry.id == question)
    assert scene.town.run(lambda: db.session.scalar(count)) == BURST + 1
