"""Reports with and without an account, legal notices, decisions with reasons, and their one answer."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core import mail
from core.access import Forbidden
from core.db import db, now, write
from core.models import Account, Mail, Space
from portal.moderation import actions
from portal.spaces import joining

if TYPE_CHECKING:
    from tests.conftest import Mailbox

    from .conftest import Square

LEGAL = {"legal": "y", "text": "It incites hatred.", "name": "Alma Reader", "good_faith": "y"}
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def letters(square: Square, address: str) -> str:
    """What waits in the outbox for an address."""

    def read() -> str:
        rows = db.session.scalars(sa.select(Mail).where(Mail.recipient == address).order_by(Mail.id)).all()
        return "\n".join(words[0].text for row in rows if (words := mail.written(row)))

    return str(square.town.run(read))


def test_a_visitor_confirms_a_report_by_mail(square: Square) -> None:
    post = square.say()
    browser = square.browser()
    page = f"/posts/{post}/report"
    assert browser.submit(page, reason="spam").status_code == 422
    assert browser.submit(page, reason="spam", email="visitor@example.org").status_code == 200
    assert square.cases() == []
    [link] = re.findall(r"http://localhost(/confirm/\S+)", letters(square, "visitor@example.org"))
    shown = browser.get(link).text
    assert "Advertising" in shown
    assert browser.submit(link).status_code == 302
    [report] = square.reports()
    assert report.reason == "spam"
    assert report.reporter_id is not None
    assert square.cases()[0].entry_id == post


def test_a_person_and_an_entry_count_once(square: Square) -> None:
    post = square.say()
    for _ in range(3):
        assert square.report(post).status_code == 302
    square.report(post, "keeper", reason="spam")
    assert len(square.reports()) == 2
    assert len(square.cases()) == 1
    square.decide(square.case(post), "kept")
    square.report(post)
    assert len(square.cases()) == 1
    assert "Nothing waits" in square.browser("agent").get("/moderation/").text


def test_a_flood_of_reports_by_one_person_is_slowed_down(square: Square) -> None:
    posts = [square.say(f"Post {number}", "keeper") for number in range(12)]
    answers = [square.report(post).status_code for post in posts]
    assert answers[:10] == [302] * 10
    assert 429 in answers
    visitor = square.browser()
    child = {**LEGAL, "reason": "child", "name": "", "address": "x"}
    answers = [visitor.submit(f"/posts/{post}/report", **child).status_code for post in posts]
    assert 429 in answers


def test_a_legal_notice_needs_what_the_law_asks(square: Square) -> None:
    post = square.say("Hateful words")
    page = f"/posts/{post}/report"
    shown = square.browser("reader").get(page).text
    assert f"http://localhost/posts/{post}" in shown
    assert "A legal notice needs it" in shown
    assert "(optional)" not in shown
    address = f"http://localhost/posts/{post}"
    for missing in ("text", "name", "good_faith"):
        fields = {key: value for key, value in LEGAL.items() if key != missing}
        assert square.report(post, address=address, **fields).status_code == 422, missing
    assert square.report(post, **LEGAL, address="").status_code == 422
    assert square.report(post, **LEGAL, address=address).status_code == 302
    [report] = square.reports()
    assert (report.legal, report.good_faith, report.name) == (True, True, "Alma Reader")
    assert report.address == address
    assert "Legal notice" in square.browser("agent").get("/moderation/").text
    assert "core.report_received" in square.notices("reader")


def test_word_of_a_case_names_its_number_and_what_it_is_about(square: Square) -> None:
    def english() -> None:
        with write() as session:
            session.execute(sa.update(Account).values(language="en"))

    square.town.run(english)
    posts = [square.say(f"Bad words {n}", title=f"Lamps {n}") for n in (1, 2)]
    for number, post in enumerate(posts, 1):
        square.report(post, text=f"Because {number}")
    cases = [square.case(post) for post in posts]
    square.notices("reader")
    square.town.run(rounds_due)
    receipts = letters(square, "reader@example.org")
    for number, case in enumerate(cases, 1):
        assert f"No. {case} – It is about: “Lamps {number}” – You wrote: “Because {number}”" in receipts
    for case, act in zip(cases, ("hidden", "kept"), strict=True):
        square.decide(case, act)
    square.notices("reader")
    square.town.run(rounds_due)
    told = letters(square, "reader@example.org")
    assert f"No. {cases[0]} – Hidden." in told
    assert f"No. {cases[1]} – It is about: “Lamps 2” – Left as it is." in told
    assert f"No. {cases[0]} – It is about: “Lamps 1” – Hidden." in letters(square, "writer@example.org")


def test_a_legal_notice_is_decided_with_reasons_in_words_whatever_is_decided(square: Square) -> None:
    post = square.say("Hateful words")
    square.report(post, **LEGAL, address="here")
    case, agent = square.case(post), square.browser("agent")
    assert "(optional)" not in agent.get(f"/moderation/cases/{case}").text
    for act in ("kept", "hidden", "removed", "locked"):
        square.decide(case, act, text=" ")
        agent.submit(f"/posts/{post}/decide", act=act, reason="insult", text="")
    agent.submit(f"/posts/{post}/redact", passage="Hateful", reason="insult")
    agent.submit(f"/posts/{post}/hide", "/me")
    assert agent.submit(f"/posts/{post}/remove", "/me").location == f"/posts/{post}/decide"
    assert (square.state(post), [one.act for one in square.cases()]) == ("published", [None])
    assert square.decide(case, "kept", text="Hard words, and an opinion.").status_code == 302
    assert square.cases()[0].act == "kept"
    mine = square.browser("reader").get("/me/moderation").text
    square.notices("reader")
    square.town.run(rounds_due)
    for told, named in (
        (mine, "turn to a court"),
        (letters(square, "reader@example.org"), "saisir un tribunal"),
    ):
        assert "Hard words, and an opinion." in told
        assert named in told
    assert "by the law and the rules of this site" in mine


def test_what_was_taken_out_is_not_said_to_be_shown_again(square: Square) -> None:
    post = square.say("Kind words and rude words")
    square.report(post)
    square.browser("agent").submit(f"/posts/{post}/redact", passage="rude words", reason="insult")
    first = square.cases()[0]
    square.browser("writer").submit(f"/me/moderation/{first.id}/answer", words="They were a quotation.")
    appeal, page = square.cases()[1].id, square.browser("admin").get("/moderation/").text
    assert "What was taken out is gone for good" in page
    assert 'value="restored"' not in page
    square.decide(appeal, "restored", "admin", text="You are right.")
    assert square.cases()[1].act is None
    assert square.decide(appeal, "kept", "admin", text="We regret it.").status_code == 302
    told = square.browser("writer").get("/me/moderation").text
    assert "We regret it." in told
    assert "Shown again" not in told


def test_a_notice_about_harm_to_a_child_needs_no_name(square: Square) -> None:
    post = square.say()
    fields = {**LEGAL, "name": "", "reason": "child", "address": f"http://localhost/posts/{post}"}
    visitor = square.browser()
    assert visitor.submit(f"/posts/{post}/report", **fields).status_code == 302
    assert "Without your address we cannot write to you." in visitor.get(f"/posts/{post}").text
    del fields["name"]
    assert visitor.submit(f"/posts/{post}/report", **fields).status_code == 302, "nor the field for one"
    assert [(one.reporter_id, one.name) for one in square.reports()] == [(None, "")] * 2


def test_a_decision_needs_no_field_for_a_reason_where_it_needs_none(square: Square) -> None:
    post = square.say()
    square.report(post)
    agent, case = square.browser("agent"), square.case(post)
    assert (
        agent.submit(f"/moderation/cases/{case}", "/moderation/", act="kept", version="1").status_code == 302
    )
    assert square.cases()[-1].act == "kept"


def test_the_reasons_are_mailed_to_both_and_each_answers_once(square: Square) -> None:
    post = square.say("Bad words")
    square.report(post)
    case = square.case(post)
    square.decide(case, "hidden", text="This insults people.")
    square.notices("writer")
    square.town.run(rounds_due)
    for name in ("writer", "reader"):
        told = letters(square, f"{name}@example.org")
        assert "This insults people." in told, name
        assert "http://localhost/me/moderation" in told
        answer = square.browser(name).submit(f"/me/moderation/{case}/answer", words=f"{name} says no")
        assert answer.status_code == 302
        again = square.browser(name).submit(f"/me/moderation/{case}/answer", words="Again")
        assert again.status_code == 302
    appeals = [one for one in square.cases() if one.origin == "appeal"]
    assert [one.words for one in appeals] == ["writer says no", "reader says no"]
    queue = square.browser("agent").get("/moderation/").text
    assert "writer says no" in queue
    first, second = appeals
    assert square.decide(first.id, "restored", "admin", text="You are right.").status_code == 302
    assert square.state(post) == "published"
    assert square.decide(second.id, "kept", "admin", text="It stands.").status_code == 302
    assert "You are right." in square.browser("writer").get("/me/moderation").text
    reader = square.browser("reader").get("/me/moderation").text
    assert "It stands." in reader
    assert "The decision stands" in reader
    assert "The decision stands" not in square.browser("writer").get("/me/moderation").text
    assert "You are right." not in square.browser("reader").get("/me/moderation").text


def rounds_due() -> None:
    """Write the messages that are due."""
    from portal.notices import mailing

    mailing.mail_due()


@pytest.mark.parametrize("name", ["keeper", "agent", "agent2"])
def test_nobody_answers_somebody_elses_decision(square: Square, name: str) -> None:
    post = square.say("Bad words")
    square.report(post)
    case = square.case(post)
    square.decide(case, "hidden")
    page = f"/me/moderation/{case}/answer"
    assert square.browser(name).get(page).status_code == 404
    assert square.browser(name).submit(page, "/me", words="Mine").status_code == 404
    with pytest.raises(Forbidden):
        square.town.run(lambda: actions.appeal(case, "Mine"), name)
    assert len(square.cases()) == 1
    assert "Insults" not in square.browser(name).get("/me/moderation").text


def test_an_open_case_cannot_be_answered_yet(square: Square) -> None:
    post = square.say()
    square.report(post)
    case = square.case(post)
    assert square.browser("reader").submit(f"/me/moderation/{case}/answer", words="Now").status_code == 302
    assert len(square.cases()) == 1


def test_script_in_a_report_and_in_an_answer_stays_text(square: Square) -> None:
    post = square.say("Bad words")
    square.report(post, text=SCRIPT)
    case = square.case(post)
    pages = [square.browser("agent").get(path).text for path in ("/moderation/", f"/moderation/cases/{case}")]
    square.decide(case, "hidden", text=SCRIPT)
    square.browser("writer").submit(f"/me/moderation/{case}/answer", words=SCRIPT)
    pages += [square.browser("agent").get("/moderation/").text]
    pages += [square.browser("writer").get("/me/moderation").text]
    for page in pages:
        assert "&lt;script&gt;alert" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_a_moderator_of_elsewhere_sees_and_does_nothing(square: Square) -> None:
    post = square.say("Bad words")
    square.report(post)
    case = square.case(post)
    elsewhere = square.browser("agent2")
    assert "Bad words" not in elsewhere.get("/moderation/").text
    assert elsewhere.get(f"/moderation/cases/{case}").status_code == 404
    for path in (f"/moderation/cases/{case}", f"/moderation/cases/{case}/undo"):
        assert elsewhere.submit(path, "/me", act="hidden", reason="spam").status_code == 404
    decide = {"act": "hidden", "reason": "spam"}
    assert elsewhere.submit(f"/posts/{post}/decide", "/me", **decide).status_code == 403
    for verb in ("hide", "lock", "pin"):
        assert elsewhere.submit(f"/posts/{post}/{verb}", "/me").status_code == 403
    assert square.browser("writer").submit(f"/posts/{post}/decide", "/me", **decide).status_code == 403
    assert square.state(post) == "published"
    assert square.cases()[0].act is None


def test_an_agent_decides_nothing_in_a_closed_circle(square: Square) -> None:
    circle = square.town.space("Circle", "keeper", visibility="members")
    square.town.run(lambda: None)
    post = square.say("Between us", "keeper", circle)
    assert square.browser("agent").get(f"/posts/{post}/decide").status_code == 404
    assert square.browser("admin").get(f"/posts/{post}/redact").status_code == 404


def test_removal_in_the_queue_waits_and_can_be_undone(square: Square) -> None:
    import datetime as dt

    from core import jobs
    from core.db import now, write
    from core.models import JobRow

    def later() -> None:
        with write() as session:
            session.execute(sa.update(JobRow).values(run_at=now() - dt.timedelta(seconds=1)))

    kept, gone = square.say("First"), square.say("Second")
    for post in (kept, gone):
        square.report(post)
        square.decide(square.case(post), "removed")
        assert square.state(post) == "hidden"
    case = square.case(kept)
    page = f"/moderation/cases/{case}"
    assert square.browser("agent").submit(f"{page}/undo", page).status_code == 302
    square.town.run(later)
    jobs.run_due(square.town.app)
    assert square.state(kept) == "published"
    assert square.state(gone) is None
    assert [one.act for one in square.cases()] == [None, "removed"]


def test_the_public_figures_have_numbers_and_no_names(square: Square) -> None:
    from plugins.moderation import figures

    assert "No decision yet" in square.browser().get("/moderation/decisions").text
    post, other = square.say("Bad words"), square.say("Good words")
    for one in (post, other):
        square.report(one)
    square.decide(square.case(post), "hidden", text="Not here.")
    square.decide(square.case(other), "kept")
    square.browser("writer").submit(f"/me/moderation/{square.case(post)}/answer", words="No")
    square.decide(square.case(post), "kept", "keeper", text="It stands.")
    square.town.run(figures.count)
    page = square.browser().get("/moderation/decisions").text
    for words in ("Hidden", "Left as it is", "Insults, hatred or threats"):
        assert words in page
    assert "&lt;\u00a01\u00a0h" in page
    assert f"{now():%B %Y}" in page
    french = square.browser().get("/moderation/decisions", headers={"Accept-Language": "fr"}).text
    assert "Délai médian" in french
    assert "Masqué" in french
    assert "Caché" not in french
    for words in ("Bad words", "Not here", "Writer", "Reader", "Agent"):
        assert words not in page


def test_word_of_a_decision_is_in_no_other_mail_as_well(square: Square) -> None:
    club = square.town.space("Club", "writer", visibility="members", joining="request")

    def asks(name: str) -> None:
        square.town.run(lambda: joining.ask_to_join(db.session.get(Space, club), "Please"), name)
        square.notices("writer")

    post = square.say("Bad words")
    square.report(post)
    asks("reader")
    square.decide(square.case(post), "hidden", text="This insults people.")
    square.notices("writer")
    asks("keeper")
    square.town.run(rounds_due)
    told = letters(square, "writer@example.org")
    assert told.count("This insults people.") == 1
    assert "Reader" in told
    assert "Keeper" in told


def test_mail_about_one_s_own_case_says_so_and_leaves_whatever_one_chose(
    square: Square, smtp: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(name: str) -> None:
        """Pause all mail, and end by link and choice what could be ended."""
        from portal.notices import actions as choices
        from portal.notices.kinds import NOTICE_TYPES

        person = square.town.person(name)
        kinds = [kind.name for kind in NOTICE_TYPES]
        square.town.run(lambda: choices.stop(person, kinds, []))
        ways = dict.fromkeys(kinds, "none")
        square.town.run(lambda: choices.choose(ways, {square.space: "none"}, 8, [0], True), name)

    page = square.browser("reader").get("/me/notices").text
    assert "My report is received" not in page
    assert "Replies to what I wrote" in page
    no_more("reader")
    post = square.say("Bad words")
    square.report(post)
    square.decide(square.case(post), "hidden", text="This insults people.")
    square.notices("reader")

    def add() -> None:
        joining.ask_to_join(db.session.get(Space, asked), "Please")

    asked = square.town.space("Club", "writer", visibility="members", joining="request")
    square.town.run(add, "reader")
    square.notices("writer")

    def speak_english() -> None:
        with write() as session:
            session.execute(sa.update(Account).values(language="en"))

    square.town.run(speak_english)
    config = square.town.app.config["PARVIS"]
    monkeypatch.setitem(
        square.town.app.config,
        "PARVIS",
        dataclasses.replace(config, smtp_host="127.0.0.1", smtp_port=smtp.port, smtp_tls="none"),
    )
    square.town.run(rounds_due)
    square.town.run(mail.deliver)
    came = {(one["To"], one["Subject"]): one for one in smtp.messages}
    received, decided = (
        "Your report is received – Parvis",
        "A decision about what you wrote or reported – Parvis",
    )
    assert sorted(came) == [
        ("reader@example.org", decided),
        ("reader@example.org", received),
        ("writer@example.org", decided),
        ("writer@example.org", "Reader asks to join Club"),
    ]
    for (_to, subject), message in came.items():
        text = message.get_body(("plain",)).get_content()
        ends = subject == "Reader asks to join Club"
        assert (message["List-Unsubscribe"] is not None) is ends
        assert ("No more such mail" in text) is ends
        assert ("about your own case" in text) is not ends
    assert "This insults people." in came["writer@example.org", decided].get_body(("plain",)).get_content()
    square.town.run(rounds_due)
    square.town.run(mail.deliver)
    assert len(smtp.messages) == 4
