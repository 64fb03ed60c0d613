"""An official corrects a draft of somebody else and approves it; the record names who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plugins.neighbourhood_visits.approve.corrections import changed
from plugins.neighbourhood_visits.models import Casework

from .conftest import draft_version
from .test_triage import row

if TYPE_CHECKING:
    from .conftest import Scene


def test_an_outcome_is_asked_once_and_without_an_answer_behind_a_word(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    page = f"/visits/questions/{question}"
    assert write(scene, question, "agent", "We look into it.") == 302
    official, agent = (scene.browser(name).get(page).text for name in ("mayor", "agent"))
    assert 'name="outcome"' in official
    below = official[official.index('id="becomes"') :]
    assert below.index("Say it without an answer") < below.index('value="refuse"')
    assert 'value="commit"' not in official
    assert 'name="outcome"' not in agent
    assert "Say it without an answer" not in agent
    assert '<option value="refuse"' in agent


def write(scene: Scene, question: int, name: str, body: str, **button: str) -> int:
    """The status of what somebody writes as the answer."""
    page, browser = f"/visits/questions/{question}", scene.browser(name)
    fields = {"body": body, "version": draft_version(browser, page), **button}
    return browser.submit(f"{page}/answer", _page=page, **fields).status_code


def people(scene: Scene, question: int) -> tuple[str, str, str]:
    """Who drafted, corrected and approved an answer."""
    names = {ident: name for name, ident in scene.town.people.items()}
    found = row(scene, Casework, question)
    return tuple(  # type: ignore[return-value]
        names.get(getattr(found, one), "") for one in ("drafted_by", "corrected_by", "approved_by")
    )


def test_an_official_corrects_and_approves_in_one_step(scene: Scene) -> None:
    question = scene.drafted(scene.visit(), "It is mended on Monday.")
    assert write(scene, question, "mayor", "It is mended on Tuesday.", publish="yes") == 302
    assert people(scene, question) == ("agent", "mayor", "mayor")
    record = scene.browser("agent").get(f"/visits/questions/{question}").text
    for said in ("drafted by Agent", "corrected by Mayor", "approved by Mayor"):
        assert said in record
    assert "It is mended on Tuesday." in scene.browser().get(f"/posts/{question}").text


def test_a_correction_that_is_kept_is_approved_by_either(scene: Scene) -> None:
    visit = scene.visit()
    for title, approver in (("A bench?", "mayor"), ("A lamp?", "deputy")):
        question = scene.drafted(visit, "On Monday.", title=title)
        assert write(scene, question, "mayor", "On Tuesday.", keep="yes") == 302
        assert people(scene, question) == ("agent", "mayor", "")
        assert "corrected by Mayor" in scene.browser("agent").get(f"/visits/questions/{question}").text
        assert write(scene, question, approver, "On Tuesday.", publish="yes") == 302
        assert people(scene, question) == ("agent", "mayor", approver)


def test_without_a_change_nobody_has_corrected(scene: Scene) -> None:
    question = scene.drafted(scene.visit(), "On Monday.")
    assert write(scene, question, "mayor", "On  Monday.", publish="yes") == 302
    assert people(scene, question) == ("agent", "", "mayor")


def test_who_drafted_approves_no_correction_of_their_own_draft(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    assert write(scene, question, "mayor", "On Monday.", keep="yes") == 302
    assert write(scene, question, "deputy", "On Tuesday.", keep="yes") == 302
    assert people(scene, question) == ("mayor", "deputy", "")
    assert write(scene, question, "mayor", "On Wednesday.", publish="yes") == 409
    assert write(scene, question, "deputy", "On Tuesday.", publish="yes") == 302


def test_other_words_are_no_correction(scene: Scene) -> None:
    question = scene.drafted(scene.visit(), "It is mended on Monday.")
    assert write(scene, question, "mayor", "Nothing of this can be done.", publish="yes") == 409
    assert write(scene, question, "mayor", "Nothing of this can be done.", keep="yes") == 302
    assert people(scene, question) == ("mayor", "", "")


def test_words_that_are_mostly_ones_own_are_no_correction(scene: Scene) -> None:
    drafted = " ".join(f"word{number}" for number in range(20))
    question = scene.drafted(scene.visit(), drafted)
    added = " ".join(f"mine{number}" for number in range(21))
    assert write(scene, question, "mayor", f"{drafted} {added}", publish="yes") == 409
    assert write(scene, question, "mayor", added, publish="yes") == 409
    assert write(scene, question, "mayor", f"{drafted} {added[:130]}", publish="yes") == 302


def test_who_takes_out_less_than_half_corrects(scene: Scene) -> None:
    words = [f"word{number}" for number in range(20)]
    question = scene.drafted(scene.visit(), " ".join(words))
    assert write(scene, question, "mayor", " ".join(words[:9]), publish="yes") == 409
    assert write(scene, question, "mayor", " ".join(words[:12]), publish="yes") == 302
    assert people(scene, question) == ("agent", "mayor", "mayor")


def test_an_agent_who_rewrites_a_draft_is_its_drafter(scene: Scene) -> None:
    question = scene.drafted(scene.visit(), "On Monday.")
    assert write(scene, question, "mayor", "On Tuesday.", keep="yes") == 302
    assert write(scene, question, "agent", "On Friday.", keep="yes") == 302
    assert people(scene, question) == ("agent", "", "")
    assert write(scene, question, "agent", "On Friday.", publish="yes") == 403


def test_small_corrections_do_not_add_up_to_words_of_ones_own(scene: Scene) -> None:
    question = scene.drafted(scene.visit(), "The lamp in the street is mended on Monday.")
    assert write(scene, question, "mayor", "The lamp in the street is never mended.", keep="yes") == 302
    assert write(scene, question, "mayor", "The lamp is never mended, ask elsewhere.", publish="yes") == 409
    assert write(scene, question, "mayor", "The lamp is never mended, ask elsewhere.", keep="yes") == 302
    assert people(scene, question) == ("mayor", "", "")
    assert write(scene, question, "deputy", "The lamp is never mended, ask elsewhere.", publish="yes") == 302


def test_a_word_of_a_colleague_makes_nobody_elses_draft_theirs(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    assert write(scene, question, "mayor", "It is mended on Monday.", keep="yes") == 302
    assert write(scene, question, "agent", "It is mended on Monday. Thanks.", keep="yes") == 302
    assert people(scene, question) == ("mayor", "agent", "")
    assert write(scene, question, "mayor", "It is mended on Monday.", publish="yes") == 409


def test_the_same_words_in_another_order_are_no_correction(scene: Scene) -> None:
    drafted = "The lamp stays. We refuse the car park. The garden comes in May."
    moved = "The car park comes. We refuse the garden. In May the lamp stays."
    question = scene.drafted(scene.visit(), drafted)
    assert write(scene, question, "mayor", moved, publish="yes") == 409
    assert write(scene, question, "mayor", moved, keep="yes") == 302
    assert people(scene, question) == ("mayor", "", "")


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        ("a b c d", "a b c d", 0),
        ("a b c d", "a x c", 2),
        ("a b c d", "c d a b", 2),
        ("a b c d", "d c b a", 3),
        ("", "a b", 2),
        ("a " * 3000, "a b " * 1500, 1500),  # too long to tell order
        ("a " * 3000 + "b", "b " + "a " * 3000, 0),
    ],
)
def test_words_that_are_moved_are_changed(before: str, after: str, count: int) -> None:
    assert changed(before, after) == count
