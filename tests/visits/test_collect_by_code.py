"""Asked without an account and without an e-mail address: a code on the screen, and not too many at once."""

from __future__ import annotations

import io
import re
import secrets
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core.accounts import throttle
from core.db import db
from core.models import Entry, File
from plugins.neighbourhood_visits.collect import actions, codes, unconfirmed
from plugins.neighbourhood_visits.models import Casework, Question
from plugins.neighbourhood_visits.plan import papers

from .conftest import QUESTION
from .test_collect_ask import border, link, picture, row
from .test_collect_codes import opened, shown
from .test_triage import decide

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from core.testing import Browser

    from .conftest import Scene


def asked(scene: Scene, visit: int, title: str = QUESTION, **fields: Any) -> TestResponse:
    """What a visitor is answered who asks without an address."""
    return scene.browser().submit(f"/visits/{visit}/ask", title=title, **fields)


def test_a_code_on_the_screen_opens_what_was_asked_without_an_address(scene: Scene) -> None:
    visit = scene.visit()
    visitor = scene.browser()
    fields = {"name": "Zibeline", "contact": "01 23 45 67 89", "body": "It is dark.", "theme": "streets"}
    told = visitor.submit(f"/visits/{visit}/ask", title=QUESTION, place="Number 4", **fields)
    assert told.location == "/visits/received"
    page = visitor.get("/visits/received").text
    assert page.count(f">{shown(page)}<") == 1
    thread = opened(scene, shown(page)).text
    assert QUESTION in thread
    assert "It is dark." in thread
    assert "Zibeline" not in thread
    review = scene.browser("agent").get(f"/visits/{visit}/review").text
    [question] = [int(found) for found in re.findall(r'id="question-(\d+)"', review)]
    entry = row(scene, Entry, question)
    assert (entry.state, entry.author_id, entry.byline) == ("pending", None, "A resident")
    assert row(scene, Casework, question).contact == "Zibeline, 01 23 45 67 89"
    own = scene.browser("agent").get(f"/visits/questions/{question}").text
    assert "nobody has confirmed who asked" in own
    for name in (None, "resident", "opposition", "agent2"):
        assert QUESTION not in scene.browser(name).get(f"/visits/{visit}").text
        assert scene.browser(name).get(f"/posts/{question}").status_code == 404
    assert scene.browser().get("/visits/received").location == "/visits/code"
    scene.browser("agent").submit(
        f"/visits/questions/{question}/accept", _page=f"/visits/questions/{question}"
    )
    public = scene.browser().get(f"/posts/{question}").text
    assert "A resident" in public
    assert "Zibeline" not in public


def test_what_is_sent_again_in_one_browser_is_one_question(scene: Scene) -> None:
    visit, visitor = scene.visit(), scene.browser()
    codes = []
    for title in (QUESTION, QUESTION, "And the bench?"):
        assert visitor.submit(f"/visits/{visit}/ask", title=title).location == "/visits/received"
        codes.append(shown(visitor.get("/visits/received").text))
    assert codes[0] == codes[1] != codes[2]
    assert asked(scene, visit).location == "/visits/received", "somebody else asks the same"
    review = scene.browser("agent").get(f"/visits/{visit}/review").text
    assert len(re.findall(r'id="question-', review)) == 3


def test_the_thread_of_a_code_shows_the_pin(scene: Scene) -> None:
    border(scene)
    visit, visitor = scene.visit(), scene.browser()
    assert "The pin on the map" not in opened(scene, code_of(visitor, visit)).text
    pinned = opened(scene, code_of(scene.browser(), visit, latitude="48.01", longitude="2.01"))
    assert "The pin on the map of Belleroche" in pinned.text


def code_of(visitor: Browser, visit: int, **fields: str) -> str:
    """The code of a question that a visitor asks."""
    visitor.submit(f"/visits/{visit}/ask", title=QUESTION, **fields)
    return shown(visitor.get("/visits/received").text)


def test_pictures_are_added_by_code_until_somebody_has_read(scene: Scene) -> None:
    visit, visitor = scene.visit(), scene.browser()
    visitor.submit(f"/visits/{visit}/ask", title=QUESTION)
    page = visitor.get("/visits/received").text
    assert "Send the pictures" in page
    code, add = shown(page), "/visits/code/photos"

    def files() -> int:
        rows = sa.select(sa.func.count()).select_from(File)
        return scene.town.run(lambda: db.session.scalar(rows)) or 0

    def send(pictures: list[Any], **fields: Any) -> TestResponse:
        return visitor.submit(add, "/visits/received", code=code, pictures=pictures, **fields)

    no_picture = (io.BytesIO(b"%PDF-1.7"), "lamp.jpg")
    for told, says in (
        (send([picture()]), "say what it shows"),
        (send([no_picture], alts=["A lamp"]), "Picture 1:"),
        (send([picture() for _each in range(5)], alts=["A lamp"] * 5), "At most four pictures."),
        (send([]), "Choose a picture."),
    ):
        assert (told.status_code, says in told.text) == (422, True), says
    assert files() == 0
    assert send([picture(), picture((41, 30))], alts=["A lamp", "Its foot"]).status_code == 200
    assert files() == 2
    assert "2 pictures: A lamp · Its foot" in opened(scene, code).text
    assert send([picture((42, number)) for number in (30, 31, 32)], alts=["A lamp"] * 3).status_code == 422
    wrong = visitor.submit(
        add, "/visits/received", code="ACDE-2345-FHJK", pictures=[picture()], alts=["A lamp"]
    )
    assert wrong.status_code == 422
    review = scene.browser("agent").get(f"/visits/{visit}/review").text
    [question] = re.findall(r'id="question-(\d+)"', review)
    own = f"/visits/questions/{question}"
    assert "A lamp" in scene.browser("agent").get(own).text
    scene.browser("agent").submit(f"{own}/accept", _page=own)
    assert send([picture((43, 30))], alts=["A lamp"]).status_code == 422
    assert files() == 2, "what was accepted stays what was read"
    assert "Send the pictures" not in opened(scene, code).text


def test_an_address_needs_a_name_and_is_confirmed_as_ever(scene: Scene) -> None:
    visit = scene.visit()
    refused = asked(scene, visit, email="zibeline@example.org")
    assert refused.status_code == 422
    assert "your name is needed too." in refused.text
    told = asked(scene, visit, email="zibeline@example.org", name="Zibeline")
    assert told.location == f"/visits/{visit}/asked"


def test_a_mistyped_address_is_shown_and_corrected(scene: Scene) -> None:
    visit, visitor = scene.visit(), scene.browser()
    page, ask = f"/visits/{visit}/asked", f"/visits/{visit}/ask"
    words = {"title": QUESTION, "body": "It is dark.", "name": "Zibeline", "email": "zibelin@example.org"}
    assert visitor.submit(ask, **words).location == page
    assert "zibelin@example.org" in visitor.get(page).text
    assert visitor.submit(page, email="no address").status_code == 422
    assert visitor.submit(page, email="zibeline@example.org").location == page
    assert "zibeline@example.org" in visitor.get(page).text
    confirm = link(scene, "zibeline@example.org")
    again = visitor.get(f"{ask}?change=1").text
    for said in (QUESTION, "It is dark.", 'value="Zibeline"', 'value="zibeline@example.org"'):
        assert said in again
    for empty in (visitor.get(ask), scene.browser().get(f"{ask}?change=1")):
        assert "It is dark." not in empty.text, "another question, another browser"
    assert QUESTION in scene.browser().get(confirm).text
    assert scene.browser().submit(page, _page=ask, email="spy@example.org").location == f"/visits/{visit}"


@pytest.mark.parametrize("way", ["address", "changed", "resent", "by code", "another"])
def test_a_link_that_another_replaces_does_nothing(scene: Scene, way: str) -> None:
    visit, visitor = scene.visit(), scene.browser()
    page, ask = f"/visits/{visit}/asked", f"/visits/{visit}/ask"
    words = {"title": QUESTION, "contact": "01 23 45 67 89", "name": "Zibeline", "key": "one"}
    visitor.submit(ask, **words, email="zibelin@example.org")
    mistyped, right = link(scene, "zibelin@example.org"), {"email": "zibeline@example.org"}
    scene.browser().submit(ask, title="A bench?", name="Otto", key="o", seen="yes", email="otto@example.org")
    if way == "address":
        visitor.submit(page, **right)
    elif way == "by code":
        told = visitor.submit(f"{ask}?change=1", **words | {"key": "two"}, email="")
        assert told.location == "/visits/received"
    else:
        key = {"key": "one" if way == "resent" else "two"}
        visitor.submit(f"{ask}?change=1" if way == "changed" else ask, **words | key | right, seen="yes")
    stranger = scene.browser().get(mistyped)
    assert (stranger.status_code == 404) == (way != "another")
    assert ("01 23 45 67 89" in stranger.text) == (way == "another")
    if way != "by code":
        assert "01 23 45 67 89" in scene.browser().get(link(scene, "zibeline@example.org")).text
    else:
        once_more = visitor.submit(
            f"{ask}?change=1", **words | {"title": "A tree?", "key": "three"}, email=""
        )
        assert once_more.location == "/visits/received", "nothing is left that it would replace"
    assert "A bench?" in scene.browser().get(link(scene, "otto@example.org")).text, "of somebody else"


@pytest.mark.engines
def test_two_questions_of_one_form_are_both_there(scene: Scene) -> None:
    visit, visitor = scene.visit(), scene.browser()
    ask, who = f"/visits/{visit}/ask", {"name": "Zibeline", "key": "one", "seen": "yes"}
    titles = (QUESTION, "Could the market have a bench?")
    for number, title in enumerate(titles):
        visitor.submit(ask, title=title, **who, email=f"z{number}@example.org")
    for number, title in enumerate(titles):
        done = scene.browser().submit(link(scene, f"z{number}@example.org"))
        assert done.status_code == 302, title
    assert sorted(asked_titles(scene, visit)) == sorted(titles)


def asked_titles(scene: Scene, visit: int) -> list[str]:
    """What was asked before a visit."""
    rows = sa.select(Entry.title).where(Entry.space_id == visit, Entry.kind == "visits.question")
    return list(scene.town.run(lambda: db.session.scalars(rows).all()))


@pytest.mark.parametrize("way", ["resent", "changed", "by code", "address"])
def test_what_was_confirmed_elsewhere_is_not_asked_again_in_other_words_unless_meant(
    scene: Scene, way: str
) -> None:
    visit, visitor, other = scene.visit(), scene.browser(), QUESTION.replace("rue", "the rue")
    ask, page = f"/visits/{visit}/ask", f"/visits/{visit}/asked"
    words = {"title": QUESTION, "name": "Zibeline", "key": "one", "seen": "yes"}
    email = {"email": "zibeline@example.org"}
    visitor.submit(ask, **words, **email)
    confirm = link(scene, "zibeline@example.org")
    scene.browser().submit(confirm)
    assert "This link was used already" in scene.browser().get(confirm).text
    if way == "address":
        visitor.submit(page, email="other@example.org")
        assert "it is asked" in visitor.get(f"/visits/{visit}").text
        assert asked_titles(scene, visit) == [QUESTION]
        return
    again = words | {"title": other} | ({} if way == "by code" else email)
    ask += "" if way == "resent" else "?change=1"
    told = visitor.submit(ask, **again)
    assert told.status_code == 422
    assert "You have confirmed your question in the meantime, so it is asked." in told.text
    assert other in told.text, "nothing that was written is lost"
    assert 'name="seen" type="hidden" value="told"' in told.text
    assert asked_titles(scene, visit) == [QUESTION]
    assert visitor.submit(ask, **again | {"seen": "told"}).status_code == 302, "another question, then"


def test_who_goes_back_and_changes_what_is_asked_is_led_to_it(scene: Scene) -> None:
    visit, visitor, other = scene.visit(), scene.browser(), QUESTION.replace("rue", "the rue")
    ask = f"/visits/{visit}/ask"
    words = {"title": QUESTION, "key": "one", "seen": "yes"}
    visitor.submit(ask, **words, name="Zibeline", email="zibeline@example.org")
    thanks = visitor.submit(link(scene, "zibeline@example.org")).location
    visitor.get(thanks)
    question = re.search(r"questions/(\d+)/", thanks)
    assert question
    told = visitor.submit(ask, **words | {"title": other})
    assert told.status_code == 409
    assert f'href="/posts/{question[1]}"' in told.text
    assert other in told.text
    again = visitor.submit(ask, **words)
    assert again.location == thanks, "it is the same, sent again"
    elsewhere = scene.visit()
    there = visitor.submit(f"/visits/{elsewhere}/ask", **words | {"title": other, "key": "two"})
    assert there.status_code == 302, "of another visit"
    visitor.get(thanks)
    assert asked_titles(scene, visit) == [QUESTION]
    assert visitor.submit(ask, **words | {"title": "Could the market have a bench?"}).status_code == 302
    assert visitor.submit(ask, **words | {"title": other, "seen": "told"}).status_code == 302
    assert len(asked_titles(scene, visit)) == 3


def test_a_long_question_fits_no_cookie_and_is_sent_all_the_same(scene: Scene) -> None:
    visit, visitor = scene.visit(), scene.browser()
    long = " ".join(secrets.token_hex(8) for _ in range(280))
    words = {"title": QUESTION, "body": long, "name": "Zibeline", "email": "z@example.org"}
    told = visitor.submit(f"/visits/{visit}/ask", **words, confirmed="yes")
    assert len(told.headers["Set-Cookie"]) < 4000
    assert "z@example.org" in visitor.get(told.location).text


def test_what_looks_like_personal_details_is_asked_about_first(scene: Scene) -> None:
    visit = scene.visit()
    visitor = scene.browser()
    words = {"title": QUESTION, "body": "Call my neighbour: 06 12 34 56 78"}
    doubt = visitor.submit(f"/visits/{visit}/ask", **words)
    assert doubt.status_code == 422
    assert "06 12 34 56 78" in doubt.text
    assert visitor.submit(f"/visits/{visit}/ask", **words, confirmed="yes").location == "/visits/received"


def test_a_closed_visit_takes_none(scene: Scene) -> None:
    assert asked(scene, scene.visit(closed=True)).status_code in (409, 410, 422)


def test_few_come_in_at_once_from_one_network_and_of_all(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = scene.visit()
    monkeypatch.setitem(throttle.LIMITS, "ask", (throttle.LIMITS["ask"][0]._replace(burst=2),))
    for number in range(2):
        assert asked(scene, visit, f"Question {number}?").location == "/visits/received"
    refused = asked(scene, visit, "One more?")
    assert refused.status_code == 422
    assert "Too many questions" in refused.text
    assert "One more?" in refused.text, "nothing that was written is lost"
    signed_in = scene.question(visit, "With an account?")
    assert row(scene, Entry, signed_in).state == "pending"
    monkeypatch.setitem(throttle.LIMITS, "ask", (throttle.LIMITS["ask"][0]._replace(burst=99),))
    monkeypatch.setattr(actions, "AT_ONCE", 3)
    assert asked(scene, visit, "The third?").location == "/visits/received"
    assert "Too many questions" in asked(scene, visit, "The fourth?").text
    assert asked(scene, scene.visit(), "Before another visit?").location == "/visits/received"


def test_a_voice_without_an_address_counts_once_apart_and_is_taken_back_by_its_code(scene: Scene) -> None:
    question, others = scene.accepted(scene.visit()), scene.browser("resident")
    page, visitor = f"/visits/questions/{question}/voice", scene.browser()
    assert "Support without an address" in visitor.get(page).text

    def counted() -> tuple[int, int]:
        return row(scene, Question, question).unconfirmed, row(scene, Entry, question).support_count

    for _turn in range(2):
        assert visitor.submit(f"{page}/code", "/visits/code").location == page
    assert counted() == (1, 0), "one for each browser, and apart from the supports"
    code = shown(visitor.get(page).text)
    assert scene.browser().submit(f"{page}/code", page).location == page
    assert counted() == (2, 0)
    assert "+ 2 voices without an address" in others.get(f"/posts/{question}").text
    assert code not in others.get(page).text
    assert others.submit(f"{page}/code", page).status_code == 302
    assert counted() == (2, 0), "with an account one supports"
    elsewhere = scene.browser()
    found = elsewhere.submit("/visits/code", code=code.lower().replace("-", " "))
    assert "Your voice is counted" in found.text
    assert QUESTION in found.text
    for _turn in range(2):
        elsewhere.submit("/visits/code/voice", page, code=code)
        elsewhere.submit("/visits/code/voice", page, code="ACDE-2345-FHJK")
        assert counted() == (1, 0)
    waiting = scene.question(scene.visit(), title="Not read yet?")
    assert visitor.submit(f"/visits/questions/{waiting}/voice/code", page).status_code == 404


def test_few_voices_without_an_address_come_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    question = scene.accepted(scene.visit())
    page = f"/visits/questions/{question}/voice"
    ask = throttle.LIMITS["ask"][0]

    def give() -> int:
        browser = scene.browser()
        browser.submit(f"{page}/code", page)
        return int(row(scene, Question, question).unconfirmed)

    monkeypatch.setitem(throttle.LIMITS, "ask", (ask._replace(burst=2),))
    assert [give(), give(), give()] == [1, 2, 2]
    monkeypatch.setitem(throttle.LIMITS, "ask", (ask._replace(burst=99),))
    monkeypatch.setattr(unconfirmed, "AT_ONCE", 3)
    assert [give(), give()] == [3, 3]


def test_who_asked_by_a_code_reads_that_the_answer_comes_together_with_another(scene: Scene) -> None:
    visit, words = scene.visit(), "To be answered together with a similar question"
    head, other = (scene.question(visit, title=title) for title in ("A lamp at the corner?", "A light?"))
    codes_of = [scene.town.run(lambda one=one: codes.code_of(one)) for one in (head, other)]
    assert not any(words in opened(scene, code).text for code in codes_of)
    decide(scene, visit, [head, other], "group")
    decide(scene, visit, [head], "accept")
    shown = opened(scene, codes_of[1]).text
    assert words in shown
    assert "A lamp at the corner?" not in shown
    leads = "1 similar question is answered together with it"
    assert leads in opened(scene, codes_of[0]).text
    decide(scene, visit, [other], "ungroup")
    assert words not in opened(scene, codes_of[1]).text
    assert leads not in opened(scene, codes_of[0]).text


def test_voices_without_an_address_are_summed_across_a_group(scene: Scene) -> None:
    visit = scene.visit()
    both = [
        scene.accepted(visit, title=title) for title in ("A lamp at the corner?", "A light at the corner?")
    ]
    for question, names in zip(both, ("ab", "c"), strict=True):
        for _name in names:
            scene.browser().submit(
                f"/visits/questions/{question}/voice/code", f"/visits/questions/{question}/voice"
            )
    decide(scene, visit, both, "group")
    for question in both:
        shown = scene.browser("agent").get(f"/visits/questions/{question}").text
        assert "<p>+ 3 voices without an address" in shown
    said = scene.town.run(lambda: papers.gathered(visit, "briefing"))
    assert [one["apart"] for one in said["rest"]] == ["+ 3 voix sans adresse"]
