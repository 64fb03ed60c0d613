"""A question's code: shown to who asked, opens its thread anywhere, gives no more, and can't be guessed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from core import jobs, mail
from core.db import db, write
from plugins.neighbourhood_visits import personal
from plugins.neighbourhood_visits.collect import codes
from plugins.neighbourhood_visits.models import Casework, PrivateCase, Question
from portal.notices import mailing

from .conftest import QUESTION
from .test_triage import decide, row

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from .conftest import Scene


def shown(page: str) -> str:
    """The code that a page shows."""
    found = re.search(r'id="code">([^<]+)<', page)
    assert found, page
    return found[1]


def opened(scene: Scene, code: str, name: str | None = None) -> TestResponse:
    """What somebody reads who types this code."""
    return scene.browser(name).submit("/visits/code", code=code)


def test_the_code_of_the_thanks_page_opens_the_thread_without_an_account(scene: Scene) -> None:
    question = scene.question(scene.visit(), place="rue du Lavoir", contact="01 23 45 67 89")
    thanks = scene.browser("resident").get(f"/visits/questions/{question}/thanks").text
    code = shown(thanks)
    assert re.fullmatch(rf"[{codes.LETTERS}]{{4}}(-[{codes.LETTERS}]{{4}}){{2}}", code)
    assert "The team of the visit" in thanks
    for typed in (code, code.lower().replace("-", " "), f" {code.replace('-', '')} "):
        thread = opened(scene, typed)
        assert thread.status_code == 200
        assert QUESTION in thread.text
        assert "To be read by the team" in thread.text
        assert "01 23 45 67 89" not in thread.text
        assert f"/posts/{question}" not in thread.text
    assert QUESTION not in scene.browser().get("/visits/code").text


def test_the_thread_of_a_code_says_who_is_in_charge_and_the_answer(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.question(visit)
    code = scene.town.run(lambda: codes.code_of(question))
    staff = scene.browser("admin")
    staff.submit("/visits/departments/new", name="Roads", mailbox="roads@town.example", days="12")
    page = f"/visits/questions/{question}"
    agent = scene.browser("agent")
    decided = agent.submit(f"{page}/decide", _page=page, verb="assign", department="1")
    assert decided.status_code == 302, decided.text
    thread = opened(scene, code).text
    assert "Roads" in thread
    assert "roads@town.example" in thread
    scene.draft(question, "A draft nobody reads.")
    assert "A draft nobody reads." not in opened(scene, code).text
    scene.approve(question, "It is mended on Monday.")
    thread = opened(scene, code).text
    assert "It is mended on Monday." in thread
    assert f"/posts/{question}" in thread
    assert "Withdraw my question" not in thread


def test_a_reason_is_read_by_code_and_the_question_withdrawn(scene: Scene) -> None:
    question = scene.question(scene.visit())
    code = scene.town.run(lambda: codes.code_of(question))
    page = f"/visits/questions/{question}"
    agent = scene.browser("agent")
    assert "Answer expected by" in opened(scene, code).text
    agent.submit(f"{page}/reject", _page=page, reason="Not of this neighbourhood.")
    told = opened(scene, code).text
    assert told.index("Contest</summary>") < told.index("Acknowledgement"), "what one can do comes first"
    assert "Not of this neighbourhood." in told
    assert "Answer expected by" not in told
    visitor = scene.browser()
    asked = visitor.submit("/visits/code/withdraw", "/visits/code", code=code)
    assert 'name="sure"' in asked.text
    assert triage(scene, question) == "rejected", "without JavaScript too it is asked first"
    done = visitor.submit("/visits/code/withdraw", "/visits/code", code=code, sure="1")
    assert "Your question is withdrawn." in done.text
    assert triage(scene, question) == "withdrawn"
    again = visitor.submit("/visits/code/withdraw", "/visits/code", code=code, sure="1")
    assert "in the meantime" in again.text


@pytest.mark.parametrize(
    ("contact", "says"),
    [("01 23 45 67 89", "will call you."), ("", "You left no way to reach you")],
)
def test_a_private_case_says_who_calls_and_is_withdrawn_by_code(
    scene: Scene, contact: str, says: str
) -> None:
    visit, visitor = scene.visit(), scene.browser()
    visitor.submit(f"/visits/{visit}/ask", title=QUESTION, contact=contact)
    code = shown(visitor.get("/visits/received").text)
    [question] = re.findall(
        r'id="question-(\d+)"', scene.browser("agent").get(f"/visits/{visit}/review").text
    )
    decide(scene, visit, [int(question)], "divert")
    page = opened(scene, code).text
    assert "Dealt with between you and the town" in page
    assert says in page
    done = visitor.submit("/visits/code/withdraw", "/visits/code", code=code, sure="1")
    assert "Your question is withdrawn." in done.text
    assert triage(scene, int(question)) == "withdrawn"
    assert row(scene, PrivateCase, int(question)).ended_at is not None


def test_a_refusal_is_contested_by_code(scene: Scene) -> None:
    question = scene.question(scene.visit())
    code = scene.town.run(lambda: codes.code_of(question))
    page, visitor = f"/visits/questions/{question}", scene.browser()
    early = visitor.submit("/visits/code/contest", "/visits/code", code=code, reason="It is ours.")
    assert "in the meantime" in early.text
    scene.browser("agent").submit(f"{page}/reject", _page=page, reason="Not of this neighbourhood.")
    without = visitor.submit("/visits/code/contest", "/visits/code", code=code)
    assert "Write the reason." in without.text
    assert triage(scene, question) == "rejected"
    visitor.submit("/visits/code/contest", "/visits/code", code=code, reason="It is ours.")
    assert triage(scene, question) == "contested"
    for shown in (scene.browser("agent").get(page).text, opened(scene, code).text):
        assert "It is ours." in shown
        assert "Not of this neighbourhood." in shown, "the town's reason stays beside it"


def test_a_code_that_is_none_opens_and_withdraws_nothing(scene: Scene) -> None:
    question = scene.question(scene.visit())
    code = scene.town.run(lambda: codes.code_of(question))
    other = ("A" if code[0] != "A" else "C") + code[1:]
    for wrong in (other, code[:-1], "nothing", ""):
        answer = opened(scene, wrong)
        assert answer.status_code == 422
        assert QUESTION not in answer.text
        for sure in ({}, {"sure": "1"}):
            answer = scene.browser().submit("/visits/code/withdraw", "/visits/code", code=wrong, **sure)
            assert answer.status_code == 422
    assert triage(scene, question) == "submitted"


def test_codes_are_not_guessed_by_the_thousand(scene: Scene) -> None:
    scene.question(scene.visit())
    stranger = scene.browser()
    told = [stranger.submit("/visits/code", code=f"ACDE-2345-FHJ{one}").status_code for one in "ACDEF" * 7]
    assert told[:30] == [422] * 30
    assert told[-1] == 429


def test_only_a_digest_of_a_code_is_kept(scene: Scene) -> None:
    question = scene.question(scene.visit())
    code = scene.town.run(lambda: codes.code_of(question))
    row = scene.town.run(lambda: db.session.get(Casework, question))
    assert row.code
    assert code not in row.code
    assert code.replace("-", "") not in row.code


def test_a_code_opens_no_more_than_its_author_reads(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    code = scene.town.run(lambda: codes.code_of(question))
    assert opened(scene, code).status_code == 200
    scene.browser("agent").submit(f"/posts/{question}/hide", _page=f"/posts/{question}")
    assert scene.browser("resident").get(f"/posts/{question}").status_code == 404
    answer = opened(scene, code)
    assert answer.status_code == 422
    assert QUESTION not in answer.text
    assert "is no longer shown" in answer.text
    assert "No question has this code" not in answer.text, "the code is right"


def test_the_slip_is_for_its_author_alone(scene: Scene) -> None:
    question = scene.question(scene.visit())
    slip = f"/visits/questions/{question}/slip"
    code = scene.town.run(lambda: codes.code_of(question))
    assert shown(scene.browser("resident").get(slip).text) == code
    for name in ("neighbour", "agent", "mayor", "admin", "opposition"):
        assert scene.browser(name).get(slip).status_code == 404, name
    assert scene.browser().get(slip).status_code == 302


def test_the_acknowledgement_is_mailed_with_the_code(scene: Scene, smtp: Any) -> None:
    ways = {"smtp_host": "127.0.0.1", "smtp_port": smtp.port, "smtp_tls": "none"}
    scene.town.app.config["PARVIS"] = replace(scene.town.app.config["PARVIS"], **ways)
    question = scene.question(scene.visit())
    jobs.run_due(scene.town.app)
    scene.town.run(mailing.mail_due)
    scene.town.run(mail.deliver)
    [letter] = [one for one in smtp.messages if one["To"] == "resident@example.org"]
    text = letter.get_body(("plain",)).get_content()
    assert scene.town.run(lambda: codes.code_of(question)) in text
    assert re.search(r"^(Answer expected by|Réponse attendue avant le) \w+", text, re.M), "one sentence"
    assert "The team of the visit" in text or "L’équipe de la visite" in text


def triage(scene: Scene, question: int) -> str:
    """Where a question stands."""
    return str(scene.town.run(lambda: db.session.get(Question, question).triage))


@pytest.mark.parametrize("words", [True, False])
def test_an_erased_author_leaves_no_code(scene: Scene, words: bool) -> None:
    question = scene.question(scene.visit())
    code = scene.town.run(lambda: codes.code_of(question))
    resident = scene.town.person("resident")

    def erase() -> None:
        with write():
            personal.erase(resident, words)

    scene.town.run(erase)
    assert opened(scene, code).status_code == 422
