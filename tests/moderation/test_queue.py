"""From a report to the queue, a decision with its reason, and the author who reads and answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Square


def test_a_report_reaches_the_queue_and_its_decision_the_author(square: Square) -> None:
    post = square.say("You are all fools.")
    assert square.report(post, text="Rude to everybody").status_code == 302
    assert square.notices("reader")[-1] == "core.report_received"
    shown = square.browser("agent").get("/moderation/").text
    assert "You are all fools." in shown
    assert "Rude to everybody" in shown
    answer = square.decide(square.case(post), "hidden", text="Please stay polite.")
    assert answer.status_code == 302, answer.text
    assert square.state(post) == "hidden"
    assert "You are all fools." not in square.browser().get(f"/spaces/{square.space}").text
    assert "core.decision" in square.notices("writer")
    assert square.notices("reader").count("core.decision") == 1
    author = square.browser("writer").get("/me/moderation").text
    assert "Please stay polite." in author
    assert "reader" not in author.lower()
    assert "Nothing waits" in square.browser("agent").get("/moderation/").text
