"""What is asked under an alias is moderated as all else: its author is told, never judges, stays unnamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from core import jobs
from core.db import db
from core.models import Case, Entry, Notice
from plugins.moderation import gates

from .conftest import QUESTION
from .test_triage import row

if TYPE_CHECKING:
    import pytest

    from .conftest import Scene


def cases(scene: Scene) -> list[Case]:
    """All cases, in their order."""
    return list(scene.town.run(lambda: db.session.scalars(sa.select(Case).order_by(Case.id)).all()))


def notices(scene: Scene, name: str) -> list[str]:
    """The kinds of what somebody was told."""
    jobs.run_due(scene.town.app)
    told = sa.select(Notice.type).where(Notice.user_id == scene.town.person(name))
    return list(scene.town.run(lambda: db.session.scalars(told).all()))


def judge(scene: Scene, case: int, name: str, act: str, **fields: str) -> None:
    """Press a button of the queue."""
    about = sa.select(Entry.version).join(Case, Case.entry_id == Entry.id).where(Case.id == case)
    version = str(scene.town.run(lambda: db.session.scalar(about)))
    values = {"act": act, "reason": "insult", "text": "Because.", "version": version, **fields}
    scene.browser(name).submit(f"/moderation/cases/{case}", "/me", **values)


def test_who_asked_under_an_alias_does_not_judge_it_and_is_not_named(scene: Scene) -> None:
    question = scene.accepted(scene.visit(), name="colleague", shown="alias")
    scene.browser("neighbour").submit(f"/posts/{question}/report", reason="insult")
    [case] = cases(scene)
    judge(scene, case.id, "colleague", "kept")
    assert cases(scene)[0].act is None, "nobody judges what they wrote"
    agent = scene.browser("agent")
    for page in ("/moderation/", f"/moderation/cases/{case.id}", f"/posts/{question}/decide"):
        shown = agent.get(page).text
        assert QUESTION in shown, page
        assert "Colleague" not in shown, page
    judge(scene, case.id, "agent", "kept")
    assert cases(scene)[0].act == "kept"


def test_who_asked_under_an_alias_reads_the_decision_and_answers_it_unnamed(scene: Scene) -> None:
    question = scene.accepted(scene.visit(), shown="alias")
    resident, agent = scene.browser("resident"), scene.browser("agent")
    agent.submit(f"/posts/{question}/decide", act="hidden", reason="insult", text="Too rude.")
    assert row(scene, Entry, question).state == "hidden"
    [case] = cases(scene)
    assert "core.decision" in notices(scene, "resident")
    assert "core.decision" not in notices(scene, "neighbour")
    mine, answer = resident.get("/me/moderation").text, f"/me/moderation/{case.id}/answer"
    for one in ("Too rude.", QUESTION, "What I wrote", answer):
        assert one in mine, one
    assert QUESTION in resident.get(answer).text, "its author reads it while it is hidden"
    assert scene.browser("neighbour").get(answer).status_code == 404
    assert QUESTION not in scene.browser("neighbour").get("/me/moderation").text
    assert resident.submit(answer, words="It is polite.").status_code == 302
    appeal = cases(scene)[1]
    for page in ("/moderation/", f"/moderation/cases/{appeal.id}"):
        shown = scene.browser("admin").get(page).text
        assert "It is polite." in shown
        assert "Resident" not in shown.partition("<main")[2], page
    judge(scene, appeal.id, "admin", "restored", text="It is.")
    assert row(scene, Entry, question).state == "published"
    assert notices(scene, "resident").count("core.decision") == 2
    assert (
        "/people/resident" not in scene.browser("agent").get(f"/posts/{question}").text.partition("<main")[2]
    )


def test_what_is_removed_under_an_alias_stays_unnamed(scene: Scene) -> None:
    question = scene.accepted(scene.visit(), shown="alias")
    scene.browser("agent").submit(
        f"/posts/{question}/decide", act="removed", reason="insult", text="Too rude."
    )
    [case] = cases(scene)
    assert case.author_id == scene.town.person("resident")
    answer = scene.browser("resident").submit(f"/me/moderation/{case.id}/answer", words="It is polite.")
    assert answer.status_code == 302
    for one in cases(scene):
        shown = scene.browser("admin").get(f"/moderation/cases/{one.id}").text
        assert "Resident" not in shown.partition("<main")[2]


def test_questions_under_an_alias_count_as_much_as_others(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = scene.visit()
    monkeypatch.setitem(gates.DEFAULTS, "most_per_hour", 2)
    scene.question(visit, "One?", shown="alias")
    scene.question(visit, "Two?")
    for shown in ("alias", "name"):
        refused = scene.browser("resident").submit(f"/visits/{visit}/ask", title="Three?", shown=shown)
        assert refused.status_code == 422, shown
        assert "a lot in a short time" in refused.text
    scene.question(visit, "Three?", name="neighbour", shown="alias")
