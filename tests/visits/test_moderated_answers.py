"""What moderation does to an answer holds for its question; one that it shows again is accepted, or waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core.db import db
from core.models import Entry
from plugins.neighbourhood_visits.models import Casework, Question

from .conftest import QUESTION
from .test_triage import decide, row

if TYPE_CHECKING:
    from .conftest import Scene

OLD, NEW = "It is mended on Monday.", "The lamp will stay as it is, for it is not ours to mend."


def answer_to(scene: Scene, question: int) -> Any:
    found = sa.select(Entry).where(Entry.parent_id == question, Entry.kind == "visits.answer")
    return scene.town.run(lambda: db.session.scalars(found).first())


def hide(scene: Scene, question: int, name: str = "agent") -> None:
    """Let somebody hide the answer, or show it again."""
    url = f"/posts/{answer_to(scene, question).id}/hide"
    assert scene.browser(name).submit(url, _page="/visits/", sure="1").status_code == 302


def test_what_is_drafted_anew_under_a_hidden_answer_is_not_shown_before_somebody_approves(
    scene: Scene,
) -> None:
    question = scene.answered(scene.visit(), OLD)
    hide(scene, question)
    written = {"body": NEW, "version": str(answer_to(scene, question).version)}
    page = f"/visits/questions/{question}"
    assert scene.browser("agent").submit(f"{page}/answer", _page=page, **written).status_code == 302
    for _turn in range(2):
        hide(scene, question)
    assert row(scene, Casework, question).answer == "drafted"
    assert NEW not in scene.browser().get(f"/posts/{question}").text
    scene.approve(question, NEW)
    assert NEW in scene.browser().get(f"/posts/{question}").text
    assert row(scene, Question, question).answered_at is not None


def test_an_answer_that_nobody_published_is_not_published_by_being_shown_again(scene: Scene) -> None:
    question = scene.drafted(scene.visit(), OLD)
    page = f"/visits/questions/{question}"
    said = {"body": OLD, "version": str(answer_to(scene, question).version), "hold": "yes"}
    assert scene.browser("mayor").submit(f"{page}/answer", _page=page, **said).status_code == 302
    for _turn in range(2):
        hide(scene, question)
    assert row(scene, Casework, question).answer == "approved"
    assert row(scene, Question, question).answered_at is None
    assert OLD not in scene.browser().get(f"/posts/{question}").text


def test_an_answer_that_staff_beside_the_team_hide_or_remove_is_no_answer_any_more(scene: Scene) -> None:
    question = scene.answered(scene.visit(), OLD)
    hide(scene, question, "admin")
    assert row(scene, Casework, question).answer == "approved"
    assert row(scene, Question, question).answered_at is None
    hide(scene, question)
    assert row(scene, Casework, question).answer == "published"
    assert row(scene, Question, question).answered_at is not None
    url = f"/posts/{answer_to(scene, question).id}/remove"
    assert scene.browser("admin").submit(url, _page="/visits/").status_code == 302
    assert row(scene, Casework, question).answer == "none"
    assert row(scene, Question, question).answered_at is None


@pytest.mark.parametrize("fields", [{}, {"shown": "alias"}])
@pytest.mark.parametrize(
    ("verb", "hidden_first"),
    [("withdraw", False), *((one, first) for one in ("divert", "reject") for first in (False, True))],
)
def test_a_question_that_is_not_accepted_is_not_published_by_being_shown_again(
    scene: Scene, verb: str, fields: dict[str, str], hidden_first: bool
) -> None:
    visit = scene.visit()
    question = scene.accepted(visit, **fields)
    agent, resident, anybody = scene.browser("agent"), scene.browser("resident"), scene.browser()
    page, act = f"/posts/{question}", {"reason": "private", "text": "It is private."}

    def turn() -> None:
        if verb == "withdraw":
            resident.submit(f"/visits/questions/{question}/withdraw", sure="yes")
        else:
            decide(scene, visit, [question], verb, reason="No.")

    if not hidden_first:
        turn()
    agent.submit(f"{page}/decide", **act, act="hidden")
    assert row(scene, Entry, question).state == "hidden"
    if hidden_first:
        turn()
        assert row(scene, Entry, question).state == "hidden", "the team does not undo what moderators did"
    assert row(scene, Question, question).triage != "accepted"
    read = str(row(scene, Entry, question).version)
    agent.submit(f"{page}/decide", **act, act="restored", version=read)
    assert row(scene, Entry, question).state == "pending"
    assert anybody.get(page).status_code == 404
    for shown in (f"/visits/{visit}", "/feed.atom", "/search?q=lamp"):
        assert QUESTION not in anybody.get(shown).text, shown
    assert QUESTION in agent.get(f"/visits/questions/{question}").text
    assert resident.get(page).status_code == 200, "its author reads it"
    if verb != "withdraw":
        decide(scene, visit, [question], "reconsider")
        decide(scene, visit, [question], "accept")
        assert anybody.get(page).status_code == 200
