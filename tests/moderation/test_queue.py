"""From a report to the queue, a decision with its reason, and the author who reads and answers it."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from core.access import as_system
from core.db import db, write
from core.feed import actions
from core.models import Entry
from plugins.moderation import actions as moderation
from plugins.moderation import queue

if TYPE_CHECKING:
    from .conftest import Square

STALE = "Somebody has reported or decided this meanwhile. Please look at it again."


def test_a_report_reaches_the_queue_and_its_decision_the_author(square: Square) -> None:
    post = square.say("You are all fools.")
    assert square.report(post, text="Rude to everybody").status_code == 302
    assert square.notices("reader")[-1] == "core.report_received"
    about = "It is about: “You are all fools.”"
    assert about in square.browser("reader").get("/notices").text
    overview = square.browser("agent").get("/admin").text
    attention = overview[overview.index('id="attention"') :]
    assert "1 post waits for a decision." in attention
    assert "Nothing at the moment." not in attention
    shown = square.browser("agent").get("/moderation/").text
    assert "You are all fools." in shown
    assert "Rude to everybody" in shown
    answer = square.decide(square.case(post), "hidden", text="Please stay polite.")
    assert answer.status_code == 302, answer.text
    assert square.state(post) == "hidden"
    assert "You are all fools." not in square.browser().get(f"/spaces/{square.space}").text
    assert "core.decision" in square.notices("writer")
    assert square.notices("reader").count("core.decision") == 1
    told = "Hidden. Reason: insults, hatred or threats. “Please stay polite.”"
    for name in ("writer", "reader"):
        assert told in square.browser(name).get("/notices").text, name
    assert about not in square.browser("reader").get("/notices").text, "who may not read it any more"
    author = square.browser("writer").get("/me/moderation").text
    assert "Please stay polite." in author
    assert "reader" not in author.lower()
    assert "Nothing waits" in square.browser("agent").get("/moderation/").text


def test_where_somebody_may_come_to_harm_comes_first(square: Square, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "PAGE", 2)
    words = {"Rude one": "insult", "Dull two": "spam", "Child three": "child", "Odd four": "other"}
    words |= {"Danger five": "danger", "Child six": "child", "Late seven": "spam"}
    for body, reason in words.items():
        square.report(square.say(body, "keeper"), reason=reason)
    agent, page, seen = square.browser("agent"), "/moderation/", []
    while page:
        shown = agent.get(page).text
        seen.append(re.findall("|".join(words), shown))
        further = re.search(r'href="(/moderation/\?[^"]*after=[^"]*)"', shown)
        page = html.unescape(further[1]) if further else ""
    assert seen == [
        ["Child three", "Danger five"],
        ["Child six", "Rude one"],
        ["Dull two", "Odd four"],
        ["Late seven"],
    ]


def pressed(square: Square, case: int, act: str, shown: str, **more: str) -> Any:
    """Press a button of a card of the queue as it was shown."""
    card = shown[shown.index(f'id="case-{case}"') :]
    [version] = re.findall(r'name="version" value="(\d+)"', card.partition("</article>")[0])
    return square.decide(case, act, version=version, **more)


@pytest.mark.engines
@pytest.mark.parametrize("held", [True, False], ids=["held back", "reported"])
def test_words_that_changed_since_the_queue_was_read_are_read_again(square: Square, held: bool) -> None:
    if held:
        square.browser("keeper").submit(f"/moderation/spaces/{square.space}", checked="y")
    post = square.say("Harmless words", title="A plan")
    if not held:
        square.report(post)
    case, agent = square.case(post), square.browser("agent")
    shown = agent.get("/moderation/").text
    assert "Harmless words" in shown
    fields = {"title": "A plan", "body": "Vile words"}
    page = f"/posts/{post}/edit"
    version = re.search(r'name="version"[^>]*value="(\d+)"', square.browser("writer").get(page).text)
    assert version
    assert square.browser("writer").submit(page, **fields, version=version[1]).status_code == 302
    assert pressed(square, case, "kept", shown).status_code == 302
    assert square.cases()[-1].decided_at is None
    assert ("Vile words" in square.browser().get(f"/spaces/{square.space}").text) is not held
    again = agent.get("/moderation/").text
    assert "Vile words" in again
    assert pressed(square, case, "kept", again).status_code == 302
    assert square.state(post) == "published"
    assert square.cases()[-1].act == "kept"


@pytest.mark.engines
@pytest.mark.parametrize("act", ["hidden", "removed"])
def test_of_two_decisions_at_once_the_second_is_told(
    square: Square, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    post = square.say("Rude words")
    square.report(post)
    case, first = square.case(post), square.browser("admin")
    alone = moderation.alone

    def meanwhile(*about: Any) -> bool:
        monkeypatch.setattr(moderation, "alone", alone)
        said = {"act": "kept", "reason": "insult", "version": "1", "csrf_token": first.token}
        with ThreadPoolExecutor() as another:
            done = another.submit(first.client.post, f"/moderation/cases/{case}", data=said).result()
        assert done.status_code == 302
        return alone(*about)

    agent = square.browser("agent")
    monkeypatch.setattr(moderation, "alone", meanwhile)
    said = {"act": act, "reason": "insult", "csrf_token": agent.token}
    assert agent.client.post(f"/moderation/cases/{case}", data=said).status_code == 302
    assert STALE in agent.get("/moderation/").text
    assert [one.act for one in square.cases()] == ["kept"]
    assert square.state(post) == "published"


def test_nor_is_what_somebody_decided_decided_anew_from_an_older_page(square: Square) -> None:
    post = square.say("Rude words")
    square.report(post)
    page, agent = f"/posts/{post}/decide", square.browser("agent")
    waited = re.search(r'name="waited"[^>]*value="(\d+)"', agent.get(page).text)
    assert waited
    square.decide(square.case(post), "kept", "admin")
    said = {"act": "hidden", "reason": "insult", "waited": waited[1]}
    assert agent.submit(page, **said).status_code == 302
    assert STALE in agent.get(f"/posts/{post}").text
    assert square.state(post) == "published"
    assert agent.submit(page, act="hidden", reason="insult").status_code == 302
    assert square.state(post) == "hidden", "who has read that may decide anew"


@pytest.mark.engines
@pytest.mark.parametrize("act", ["decide", "redact"])
def test_nor_is_a_report_closed_that_came_since_the_page_was_read(square: Square, act: str) -> None:
    post = square.say("Rude words")
    page, agent = f"/posts/{post}/{act}", square.browser("agent")
    waited = re.search(r'name="waited"[^>]*value="(\d+)"', agent.get(page).text)
    assert waited
    said = {"act": "hidden", "reason": "insult", "passage": "Rude"}
    square.report(post)
    for older in (waited[1], "", "none", "-1"):
        told = agent.submit(page, **said, waited=older)
        assert STALE in (told.text if act == "redact" else agent.get(f"/posts/{post}").text), older
    untold = {"csrf_token": agent.token, **said}
    told = agent.client.post(page, data=untold)
    assert STALE in (told.text if act == "redact" else agent.get(f"/posts/{post}").text)
    assert [one.decided_at for one in square.cases()] == [None]
    assert "Rude words" in square.browser().get(f"/posts/{post}").text
    now = re.search(
        r'name="waited"[^>]*value="(\d+)"', told.text if act == "redact" else agent.get(page).text
    )
    assert now
    assert agent.submit(page, **said, waited=now[1]).status_code == 302
    assert square.cases()[-1].act == ("hidden" if act == "decide" else "redacted")


def test_a_reply_is_not_closed_to_replies(square: Square) -> None:
    post = square.say()
    reply = square.say("Rude", "reader", kind="core.reply", parent=post)
    square.report(reply, "writer")
    agent = square.browser("agent")
    said = {"act": "locked", "reason": "insult"}
    assert agent.submit(f"/moderation/cases/{square.case(reply)}", "/moderation/", **said).status_code == 302
    assert "Only a post can be closed to replies" in agent.get("/moderation/").text
    assert square.cases()[-1].decided_at is None


def test_in_a_closed_conversation_nobody_goes_on_by_changing_their_reply(square: Square) -> None:
    post = square.say()
    reply = square.say("Mine", "reader", kind="core.reply", parent=post)
    square.report(post)
    square.decide(square.case(post), "locked")
    page, reader = f"/posts/{reply}/edit", square.browser("reader")
    refused = reader.submit(page, body="And one more thing", version="1")
    assert refused.status_code == 409
    assert "This conversation is closed." in refused.text
    assert "And one more thing" in refused.text, "nothing typed is lost"
    assert "And one more thing" not in reader.get(f"/posts/{post}").text
    assert square.browser("agent").submit(f"/posts/{post}/lock", f"/posts/{post}").status_code == 302
    assert reader.submit(page, body="And one more thing", version="1").status_code == 302


@pytest.mark.parametrize("version", ["", "one", None])
def test_a_card_that_does_not_say_what_was_read_shows_nothing(square: Square, version: str | None) -> None:
    square.browser("keeper").submit(f"/moderation/spaces/{square.space}", checked="y")
    post = square.say("Vile words")
    agent, page = square.browser("agent"), f"/moderation/cases/{square.case(post)}"
    said = {"act": "kept", "csrf_token": agent.token} | ({} if version is None else {"version": version})
    agent.client.post(page, data=said)
    assert "This was changed meanwhile. Please read it again." in agent.get("/moderation/").text
    assert square.state(post) == "pending"
    assert agent.client.post(page, data={**said, "version": "1"}).status_code == 302
    assert square.state(post) == "published"


def test_the_card_that_is_pressed_shows_the_new_words_and_why(square: Square) -> None:
    post = square.say("Harmless words")
    square.report(post)
    case = square.case(post)
    square.town.run(lambda: actions.change_entry(db.session.get(Entry, post), body="Vile words"), "writer")
    agent = square.browser("agent")
    said = {"act": "kept", "version": "1", "csrf_token": agent.token}
    card = agent.client.post(f"/moderation/cases/{case}", data=said, headers={"HX-Request": "true"}).text
    assert "This was changed meanwhile. Please read it again." in card
    assert "Vile words" in card
    assert square.cases()[-1].decided_at is None


def test_nor_are_hidden_words_shown_again_that_changed_since(square: Square) -> None:
    post = square.say("Rude words")
    square.report(post)
    square.decide(square.case(post), "hidden")
    [case] = [one.id for one in square.cases()]
    answered = square.browser("writer").submit(f"/me/moderation/{case}/answer", words="I was not rude.")
    assert answered.status_code == 302
    shown = square.browser("admin").get("/moderation/").text

    def change() -> None:
        with as_system("as another page does"), write() as session:
            session.get(Entry, post).body = "Vile words"

    square.town.run(change)
    assert (
        pressed(square, square.case(post), "restored", shown, name="admin", text="Fine.").status_code == 302
    )
    assert square.state(post) == "hidden"
