"""A decision is taken back by who took it, for a little while; what the agency hid, no team shows again."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core.db import db, now, write
from core.feed import actions
from core.models import Audit, Case, Entry, Space, User
from core.spaces import actions as spaces

if TYPE_CHECKING:
    from core.testing import Browser

    from .conftest import Square

LEGAL = {"legal": "y", "text": "It incites hatred.", "name": "Alma", "good_faith": "y", "address": "here"}


@pytest.fixture(params=[LEGAL, {}], ids=["legal", "plain"])
def hidden(request: pytest.FixtureRequest, square: Square) -> tuple[int, int]:
    """Return what the owner wrote and the agency has hidden, with its case; `second` is on the team."""

    def fill() -> None:
        people = {square.town.person(name): role for name, role in (("second", "moderator"),)}
        spaces.set_members(db.session.get(Space, square.space), "test", people)

    square.town.run(fill)
    post = square.say("Rude words", "keeper")
    square.report(post, **request.param)
    case = square.case(post)
    assert square.decide(case, "hidden", text="It is wrong.").status_code == 302
    assert square.state(post) == "hidden"
    return post, case


def undo(square: Square, case: int, name: str) -> Any:
    """Press Undo, which the page may not offer."""
    return square.browser(name).submit(f"/moderation/cases/{case}/undo", "/me")


def test_what_the_agency_hid_no_team_takes_back(square: Square, hidden: tuple[int, int]) -> None:
    post, case = hidden
    for name in ("second", "keeper"):
        assert "/undo" not in square.browser(name).get(f"/moderation/cases/{case}").text
        undo(square, case, name)
        square.browser(name).submit(f"/posts/{post}/hide", "/me")
        square.browser(name).submit(f"/posts/{post}/decide", "/me", act="restored", reason="other")
        assert square.state(post) == "hidden", name
    second = square.browser("second")
    second.submit(f"/posts/{post}/hide", "/me")
    assert "only the agency shows it again" in second.get("/me").text
    assert [one.act for one in square.cases()] == ["hidden"]


def test_nor_by_a_case_of_its_own_or_by_an_answer(square: Square, hidden: tuple[int, int]) -> None:
    post, case = hidden
    square.report(post, "second")
    offers = (f"/moderation/cases/{square.case(post)}", f"/posts/{post}/decide")
    for name, offered in (("second", False), ("agent", True)):
        pages = [square.browser(name).get(page).text for page in offers]
        assert ['value="restored"' in page for page in pages] == [offered] * 2, name
    assert f"/posts/{post}/hide" not in square.browser("second").get(f"/posts/{post}").text
    for act in ("restored", "hidden", "restored"):
        square.decide(square.case(post), act, "second")
    square.browser("second").submit(f"/posts/{post}/hide", "/me")
    assert square.state(post) == "hidden"
    square.browser("keeper").submit(f"/me/moderation/{case}/answer", words="It was a joke.")
    square.decide(square.case(post), "restored", "second", text="Indeed.")
    assert square.state(post) == "hidden"
    assert square.cases()[-1].act is None
    square.decide(square.case(post), "restored", "admin", text="Indeed.")
    assert square.state(post) == "published"


def test_the_agency_shows_again_what_it_hid_and_its_author_hears_of_it(
    square: Square, hidden: tuple[int, int]
) -> None:
    post, case = hidden

    def wait() -> None:
        with write() as session:
            session.execute(sa.update(Case).values(decided_at=now() - dt.timedelta(minutes=6)))

    square.town.run(wait)
    assert f'"/posts/{post}/decide"' in square.browser("agent").get(f"/moderation/cases/{case}").text
    again = {"act": "restored", "reason": "other", "text": "It is an opinion."}
    page, agent = f"/posts/{post}/decide", square.browser("agent")
    assert agent.submit(page, **again, version=version_read(agent, page)).status_code == 302
    assert (square.state(post), [one.act for one in square.cases()]) == ("published", ["hidden", "restored"])
    assert "Shown again" in square.browser("keeper").get("/me/moderation").text
    for state in ("hidden", "published"):
        square.browser("second").submit(f"/posts/{post}/hide", "/me")
        assert square.state(post) == state, "what the team hides the team shows again"


@pytest.mark.parametrize("hidden", [LEGAL], indirect=True)
def test_what_the_law_hid_no_team_shows_again_once_who_decided_has_left_the_agency(
    square: Square, hidden: tuple[int, int]
) -> None:
    def leave() -> None:
        with write() as session:
            session.get(User, square.town.person("agent")).role = "resident"

    post, case = hidden
    square.town.run(leave)
    second, page = square.browser("second"), f"/posts/{post}/decide"
    assert 'value="restored"' not in second.get(page).text
    second.submit(page, "/me", act="restored", reason="other", waited="0")
    square.decide(case, "restored", "second")
    second.submit(f"/posts/{post}/hide", "/me")
    assert square.state(post) == "hidden"
    admin = square.browser("admin")
    again = {
        "act": "restored",
        "reason": "other",
        "text": "It is lawful.",
        "version": version_read(admin, page),
    }
    assert admin.submit(page, **again).status_code == 302
    assert square.state(post) == "published"


def version_read(browser: Browser, page: str) -> str:
    """The version of the words that a page shows."""
    found = re.search(r'name="version"[^>]*value="(\d+)"', browser.get(page).text)
    assert found, page
    return found[1]


@pytest.mark.engines
@pytest.mark.parametrize("sent", ["older", "none"])
def test_words_that_changed_since_they_were_read_are_not_shown_again(square: Square, sent: str) -> None:
    post = square.say("Rude words")
    page, turn = f"/posts/{post}/decide", f"/posts/{post}/hide"
    keeper, writer = square.browser("keeper"), square.browser("writer")
    keeper.submit(turn, "/me")
    read = {"version": version_read(keeper, page)} if sent == "older" else {}
    keeper.submit(turn, "/me")
    own = f"/posts/{post}/edit"
    writer.submit(own, body="Vile words", version=version_read(writer, own))
    keeper.submit(turn, "/me")
    said = {"act": "restored", "reason": "other", "waited": "0"}
    keeper.submit(page, "/me", **said, **read)
    assert square.state(post) == "hidden"
    assert "This was changed meanwhile." in keeper.get("/me").text
    keeper.submit(page, "/me", **said, version=version_read(keeper, page))
    assert square.state(post) == "published"


def test_what_waits_is_not_published_by_who_does_not_say_what_they_read(square: Square) -> None:
    square.browser("keeper").submit(f"/moderation/spaces/{square.space}", checked="y")
    post, keeper = square.say("Harmless words"), square.browser("keeper")
    keeper.submit(f"/posts/{post}/release", "/me")
    assert square.state(post) == "pending"
    keeper.submit(f"/posts/{post}/release", "/me", version=version_read(keeper, f"/posts/{post}"))
    assert square.state(post) == "published"


def test_who_decided_takes_it_back_and_the_log_says_so(square: Square, hidden: tuple[int, int]) -> None:
    post, case = hidden
    assert "/undo" in square.browser("agent").get(f"/moderation/cases/{case}").text
    undo(square, case, "agent")
    assert (square.state(post), square.cases()[0].act) == ("published", None)
    log = sa.select(Audit.actor_id, Audit.ref).where(Audit.act == "case.undone")
    told = square.town.run(lambda: db.session.execute(log).all())
    assert [tuple(one) for one in told] == [(square.town.person("agent"), f"case/{case}")]


def test_nothing_is_taken_back_later_or_once_somebody_has_answered(
    square: Square, hidden: tuple[int, int]
) -> None:
    post, case = hidden
    square.browser("keeper").submit(f"/me/moderation/{case}/answer", words="It was a joke.")
    undo(square, case, "agent")
    assert (square.state(post), square.cases()[0].act) == ("hidden", "hidden")

    def wait() -> None:
        with write() as session:
            session.execute(sa.delete(Case).where(Case.appeal_of == case))
            session.execute(sa.update(Case).values(decided_at=now() - dt.timedelta(minutes=6)))

    square.town.run(wait)
    assert "/undo" not in square.browser("agent").get(f"/moderation/cases/{case}").text
    undo(square, case, "agent")
    assert (square.state(post), square.cases()[0].act) == ("hidden", "hidden")


def test_a_team_takes_back_no_decision_of_another_and_the_agency_does(square: Square) -> None:
    post = square.say("Rude words")
    square.report(post)
    square.decide(square.case(post), "hidden", "keeper")
    square.town.run(
        lambda: spaces.set_members(
            db.session.get(Space, square.space), "test", {square.town.person("second"): "moderator"}
        )
    )
    undo(square, square.case(post), "second")
    assert square.state(post) == "hidden"
    undo(square, square.case(post), "agent")
    assert square.state(post) == "published"


@pytest.mark.parametrize("author", ["keeper", "agent"])
@pytest.mark.parametrize(
    ("page", "fields"),
    [
        ("redact", {"passage": "Rude", "reason": "other"}),
        *(("decide", {"act": act, "reason": "other"}) for act in ("locked", "hidden", "removed")),
        ("hide", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else value.get("act", "-"),
)
def test_nobody_closes_by_a_side_door_what_is_about_them(
    square: Square, author: str, page: str, fields: dict[str, str]
) -> None:
    post = square.say("Rude words", author)
    square.report(post)
    browser = square.browser(author)
    answer = browser.submit(f"/posts/{post}/{page}", "/me", **fields)
    if page != "hide":
        shown = answer.text if answer.status_code == 422 else browser.get("/me").text
        assert "nobody judges what they wrote" in shown
        assert square.state(post) == "published"
    assert [one.act for one in square.cases()] == [None], "it waits for somebody else"
    body = sa.select(Entry.body).where(Entry.id == post)
    assert square.town.run(lambda: db.session.scalar(body)) == "Rude words"
    assert square.decide(square.case(post), "hidden", "admin").status_code == 302
    assert [one.act for one in square.cases()] == ["hidden"]


def test_one_s_own_words_one_edits_and_removes_all_the_same(square: Square) -> None:
    post = square.say("Rude words", "keeper")
    square.report(post)
    square.town.run(lambda: actions.change_entry(db.session.get(Entry, post), body="Milder words"), "keeper")
    assert square.cases()[0].act is None
    assert square.browser("keeper").submit(f"/posts/{post}/remove", "/me", sure="1").status_code == 302
    assert (square.state(post), square.cases()[0].act) == (None, "removed")
