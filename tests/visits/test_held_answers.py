"""What is approved for the day of the visit is published then, in these words, whatever else happened."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import jobs
from core.db import db, write
from core.models import Entry, User
from plugins.neighbourhood_visits import answers, letters
from plugins.neighbourhood_visits.models import Casework, Question, Visit
from portal.privacy import erase

from .conftest import draft_version
from .test_moderated_answers import answer_to, hide
from .test_triage import row, told

if TYPE_CHECKING:
    from .conftest import Scene

SAID = "It is mended on Monday."


def write_answer(scene: Scene, question: int, name: str, body: str = SAID, **fields: str) -> Any:
    """What comes of somebody's words over the draft that stands."""
    page, browser = f"/visits/questions/{question}", scene.browser(name)
    fields = {"version": draft_version(browser, page), **fields}
    return browser.submit(f"{page}/answer", _page=page, body=body, **fields)


def held(scene: Scene, visit: int, name: str = "mayor", title: str = "A lamp?") -> int:
    """The id of a question whose answer an official has approved for the day of the visit."""
    question = scene.drafted(visit, SAID, title=title)
    assert write_answer(scene, question, name, hold="yes").status_code == 302
    assert row(scene, Casework, question).answer == "approved"
    return question


def ready(scene: Scene, visit: int, days: int = 0) -> None:
    """Let a visit be prepared, and so many days earlier."""

    def act() -> None:
        with write() as session:
            found = session.get(Visit, visit)
            found.state = "ready"
            found.starts_at -= dt.timedelta(days=days)
            found.ends_at -= dt.timedelta(days=days)

    scene.town.run(act)


def begin(scene: Scene, visit: int, name: str = "deputy") -> str:
    """The state of a visit after an official lets it begin."""
    fields = {"verb": "begin", "sure": "yes"}
    scene.browser(name).submit(f"/visits/{visit}/turn", _page=f"/visits/{visit}", **fields)
    return str(row(scene, Visit, visit).state)


def close_with_words(scene: Scene, name: str) -> None:
    """Let somebody leave office, close their account and have their words deleted."""
    ident = scene.town.person(name)

    def act() -> None:
        with write() as session:
            session.get(User, ident).role = "resident"
        erase.begin(ident, True)
        erase.run()

    scene.town.run(act)


@pytest.mark.parametrize("what", ["answer", "question"])
def test_a_visit_begins_although_something_that_is_held_is_hidden(scene: Scene, what: str) -> None:
    visit = scene.visit()
    question, other = held(scene, visit), held(scene, visit, title="A bench?")
    hidden = answer_to(scene, question).id if what == "answer" else question
    agent, act = scene.browser("agent"), {"reason": "private", "text": "It is private."}
    agent.submit(f"/posts/{hidden}/decide", **act, act="hidden")
    assert row(scene, Entry, hidden).state == "hidden"
    ready(scene, visit, days=30)
    assert begin(scene, visit) == "in_progress"
    assert row(scene, Casework, other).answer == "published"
    assert row(scene, Casework, question).answer == "approved"
    page = agent.get(f"/visits/questions/{question}").text
    assert ("Approved, but not shown" in page) == (what == "answer")
    assert ("visits.answered", scene.town.person("resident")) in told(scene)
    assert len([one for one in told(scene) if one[0] == "visits.answered"]) == 1
    agent.submit(f"/posts/{hidden}/decide", **act, act="restored")
    scene.town.run(answers.publish_held)
    assert SAID in scene.browser().get(f"/posts/{question}").text


def test_one_answer_that_fails_keeps_no_other_visit_waiting_and_is_named(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = [scene.visit(), scene.visit(name="Another visit")]
    first, second = (held(scene, visit) for visit in visits)
    for visit in visits:
        ready(scene, visit, days=30)
    tell = letters.tell_answered

    def fails(entry: Entry, *more: Any) -> None:
        if entry.id == first:
            raise ValueError
        tell(entry, *more)

    monkeypatch.setattr(letters, "tell_answered", fails)
    with pytest.raises(RuntimeError, match=rf"questions {first}$"):
        scene.town.run(answers.publish_held)
    assert [row(scene, Casework, one).answer for one in (first, second)] == ["approved", "published"]
    monkeypatch.undo()
    scene.town.run(answers.publish_held)
    assert row(scene, Casework, first).answer == "published"
