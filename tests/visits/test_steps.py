"""No question, answer or visit reaches a state otherwise than by the table of steps, whoever tries what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from core.db import db
from plugins.neighbourhood_visits.models import Answer, Question, Visit
from plugins.neighbourhood_visits.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.testing import Browser

    from .conftest import Scene

MEMBERS = {"mayor": "official", "deputy": "official", "agent": "agent"}
REFUSED = {"visits.publish": {"agent"}}
FORMS: dict[tuple[str, str], tuple[str, dict[str, str]]] = {
    ("visit", "announce"): ("/visits/{visit}/announce", {}),
    ("visit", "close"): ("/visits/{visit}/close", {}),
    ("visit", "reopen"): ("/visits/{visit}/reopen", {}),
    ("question", "accept"): ("/visits/questions/{question}/accept", {}),
    ("question", "reject"): ("/visits/questions/{question}/reject", {"reason": "Not ours."}),
    ("answer", "draft"): ("/visits/questions/{question}/answer", {"body": "A draft."}),
    ("answer", "publish"): ("/visits/questions/{question}/answer", {"body": "In March.", "publish": "yes"}),
}


def test_every_step_of_the_table_has_its_form() -> None:
    assert {(step.thing, step.verb) for step in STEPS} == set(FORMS)


def test_random_walks_follow_the_table(
    scene: Scene, sample: Callable[[Sequence[Any], int], list[Any]]
) -> None:
    people = [*MEMBERS, "opposition", "agent2", "resident", None]
    browsers = {name: scene.browser(name) for name in people}
    visit = scene.visit()
    question = scene.question(visit)
    tries = [(name, form) for _round in range(30) for name in people for form in FORMS]
    for name, form in sample(tries, 120):
        before = states(scene, visit, question)
        attempt(browsers[name], form, visit, question, version(scene, question, form[0]))
        after = states(scene, visit, question)
        assert after in allowed(before, name, form), (before, name, form, after)


def attempt(browser: Browser, form: tuple[str, str], visit: int, question: int, seen: int) -> None:
    """Send a form of the table, wherever the person found it."""
    url, fields = FORMS[form]
    url = url.format(visit=visit, question=question)
    answer = browser.submit(url, _page="/visits/", **fields, version=str(seen))
    assert answer.status_code < 500, answer.text


def allowed(before: dict[str, str], name: str | None, form: tuple[str, str]) -> list[dict[str, str]]:
    """What may hold after somebody tried something: what the table leads to for a member, else as before."""
    thing, verb = form
    if name not in MEMBERS or (verb == "publish" and MEMBERS[name] != "official"):
        return [before]
    if thing == "answer" and before["question"] != "accepted":
        return [before]
    if verb == "reject" and before["answer"] == "published":
        return [before]
    source = "drafted" if verb == "publish" and before["answer"] == "none" else before[thing]
    step = next(one for one in STEPS if (one.thing, one.verb) == form)
    return [before | {thing: step.target}] if source in step.sources else [before]


def states(scene: Scene, visit: int, question: int) -> dict[str, str]:
    """The three states as the database holds them."""

    def read() -> dict[str, str]:
        answer = db.session.scalars(sa.select(Answer).where(Answer.question_id == question)).one_or_none()
        return {
            "visit": db.session.get(Visit, visit).state,
            "question": db.session.get(Question, question).triage,
            "answer": answer.state if answer else "none",
        }

    return scene.town.run(read)


def version(scene: Scene, question: int, thing: str) -> int:
    """The version of the question, or of the draft of its answer, which its page holds."""
    from core.models import Entry

    def read() -> int:
        which = Entry.id if thing == "question" else Entry.parent_id
        draft = db.session.scalars(sa.select(Entry).where(which == question)).one_or_none()
        return draft.version if draft else 0

    return scene.town.run(read)
