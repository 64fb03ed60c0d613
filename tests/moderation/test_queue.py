"""From a report to the queue, a decision with its reason, and the author who reads and answers it."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from plugins.moderation import queue

if TYPE_CHECKING:
    import pytest

    from .conftest import Square


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
