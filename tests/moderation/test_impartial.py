"""Who took a decision does not answer the one who contests it, unless the town has nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from core.db import write
from core.models import User

if TYPE_CHECKING:
    from .conftest import Square


def contested(square: Square, decider: str) -> int:
    """The id of an answer to a decision that somebody took."""
    post = square.say("Bad words")
    square.report(post)
    case = square.case(post)
    assert square.decide(case, "hidden", decider).status_code == 302
    square.browser("writer").submit(f"/me/moderation/{case}/answer", words="I did not mean it.")
    return square.case(post)


def only(square: Square, *names: str) -> None:
    """Leave no other staff and no team than these."""
    from core.models import Membership

    def leave() -> None:
        with write() as session:
            kept = [square.town.person(name) for name in names]
            session.execute(sa.update(User).where(User.id.not_in(kept)).values(role="resident"))
            session.execute(sa.delete(Membership))

    square.town.run(leave)


def test_another_answers(square: Square) -> None:
    for decider, other in (("agent", "admin"), ("admin", "agent"), ("keeper", "agent")):
        appeal = contested(square, decider)
        page = f"/moderation/cases/{appeal}"
        assert "nobody judges" in square.browser(decider).get(page).text, decider
        refused = square.browser(decider).submit(page, "/me", act="restored", text="Fine.")
        assert refused.status_code == 302
        assert square.cases()[-1].act is None, decider
        assert square.decide(appeal, "restored", other, text="Fine.").status_code == 302
        assert square.cases()[-1].act == "restored", other


def test_the_only_administrator_may_and_the_page_says_so(square: Square) -> None:
    appeal = contested(square, "admin")
    only(square, "admin", "agent2")
    page = f"/moderation/cases/{appeal}"
    admin = square.browser("admin")
    shown = admin.get(page).text
    assert "because nobody else in this town can" in shown, "the agent of elsewhere decides nothing here"
    assert admin.submit(page, act="kept", text="I looked at it once more.").status_code == 302
    assert square.cases()[-1].act == "kept"


def test_the_only_agent_may_not(square: Square) -> None:
    appeal = contested(square, "agent")
    only(square, "agent")
    refused = square.browser("agent").submit(f"/moderation/cases/{appeal}", "/me", act="kept", text="No.")
    assert refused.status_code == 302
    assert square.cases()[-1].act is None


def test_nobody_judges_what_they_wrote(square: Square) -> None:
    post = square.say("Rude words", "agent")
    square.report(post)
    square.decide(square.case(post), "kept")
    assert square.cases()[-1].act is None
    square.decide(square.case(post), "kept", "admin")
    assert square.cases()[-1].act == "kept"


def test_a_decision_needs_a_reason_that_somebody_chose(square: Square) -> None:
    post = square.say("Bad words")
    square.report(post, reason="spam")
    case = square.case(post)
    shown = square.browser("agent").get("/moderation/").text
    assert "selected" not in shown.split('<form class="decide"')[1].split("</form>")[0]
    refused = square.decide(case, "hidden", reason="")
    assert refused.status_code == 422
    assert "Choose a reason." in refused.text
    assert f'href="#reason-{case}"' in refused.text
    assert square.state(post) == "published"
    agent = square.browser("agent")
    for page, fields in (("decide", {"act": "hidden"}), ("redact", {"passage": "Bad"})):
        answer = agent.submit(f"/posts/{post}/{page}", **fields)
        assert answer.status_code == 422, page
        assert "Choose a reason." in answer.text
    assert square.decide(case, "kept", reason="").status_code == 302
