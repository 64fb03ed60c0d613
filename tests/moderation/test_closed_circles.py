"""Groups for their members alone are moderated by their teams; some cases go to the agency all the same."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from PIL import Image
from werkzeug.datastructures import FileStorage

from core import files
from core.db import db, write
from core.feed import actions, moderation
from core.models import Audit, Entry, File, Space

if TYPE_CHECKING:
    from .conftest import Square

LEGAL = {"legal": "y", "text": "It incites hatred.", "name": "Alma", "good_faith": "y", "address": "here"}
SAID, ABOVE, BESIDE = "Zibeline words", "Ocelot question", "Marmot talk"


@pytest.fixture(params=["members", "hidden"])
def circle(request: pytest.FixtureRequest, square: Square) -> int:
    """Return a closed group in the agent's commune: keeper owns it, writer and reader belong to it."""
    space = square.town.space("Circle", "keeper", visibility=request.param, joining="invite")

    def fill() -> None:
        from core.spaces import actions as spaces

        with write() as session:
            found = session.get(Space, space)
            found.area_id = square.commune
            people = {square.town.person(name): "member" for name in ("writer", "reader")}
            spaces.set_members(found, "test", people)

    square.town.run(fill)
    square.say(BESIDE, "writer", space)
    return space


def reading(square: Square) -> list[tuple[str, str]]:
    """Who read what for a case, as the log has it."""
    read = sa.select(Audit.actor_id, Audit.ref).where(Audit.act == "case.read").order_by(Audit.id)
    names = {ident: name for name, ident in square.town.people.items()}
    return [(names[who], ref) for who, ref in square.town.run(lambda: db.session.execute(read).all())]


def reply(square: Square, circle: int) -> int:
    """The id of a reply in the circle, to a question there."""
    above = square.say(ABOVE, "reader", circle)

    def answer() -> int:
        root = db.session.get(Entry, above)
        space = db.session.get(Space, circle)
        return int(actions.publish(space, SAID, kind="core.reply", parent=root).id)

    return int(square.town.run(answer, "writer"))


def test_a_legal_notice_reaches_the_agency_which_reads_that_alone_and_the_log_says_so(
    square: Square, circle: int
) -> None:
    post = reply(square, circle)
    assert square.report(post, **LEGAL).status_code == 302
    case = square.case(post)
    agent = square.browser("agent")
    queue = agent.get("/moderation/").text
    assert "It incites hatred." in queue
    assert "in a space that you do not read" in queue
    for hidden in (SAID, ABOVE, BESIDE):
        assert hidden not in queue
    assert reading(square) == []
    shown = agent.get(f"/moderation/cases/{case}").text
    assert SAID in shown
    assert ABOVE in shown
    assert BESIDE not in shown
    assert "See it where it stands" not in shown, "it would lead nowhere"
    assert reading(square) == [("agent", f"case/{case}")]
    for path in (f"/posts/{post}", f"/spaces/{circle}/edit"):
        assert agent.get(path).status_code == 404, path
    for name in ("agent2", "writer"):
        assert square.browser(name).get(f"/moderation/cases/{case}").status_code in (403, 404), name
        assert SAID not in square.browser(name).get("/moderation/").text, name
    answer = agent.submit(
        f"/moderation/cases/{case}", act="hidden", reason="insult", text="Hatred is illegal."
    )
    assert answer.status_code == 302, answer.text
    assert square.state(post) == "hidden"
    assert "Hatred is illegal." in square.browser("writer").get("/me/moderation").text
    undo = f"/moderation/cases/{case}/undo"
    assert agent.submit(undo, f"/moderation/cases/{case}").status_code == 302
    assert square.state(post) == "published"
    log = square.browser("admin").get("/admin/audit?act=case.").text
    assert "has undone the decision about a post" in log, "of a circle that is closed to its reader"


def test_who_decides_reads_each_notice_beside_the_words_that_it_was_about(
    square: Square, circle: int
) -> None:
    post = square.say("First words", "writer", circle)

    def edit(body: str) -> None:
        page = square.browser("writer").get(f"/posts/{post}/edit").text
        version = re.search(r'name="version"[^>]*value="(\d+)"', page)
        assert version
        fields = {"body": body, "version": version[1]}
        assert square.browser("writer").submit(f"/posts/{post}/edit", **fields).status_code == 302

    edit(SAID)
    square.report(post, **LEGAL)
    case, agent = square.case(post), square.browser("agent")
    assert "As it was when reported" not in agent.get(f"/moderation/cases/{case}").text
    edit("Worse words")
    square.report(post, "keeper", **LEGAL)
    edit("Harmless words")
    shown = agent.get(f"/moderation/cases/{case}").text
    assert shown.count("As it was when reported") == 2
    for words in (SAID, "Worse words", "Harmless words"):
        assert words in shown, words
    assert "First words" not in shown, "nobody has reported them"
    assert SAID not in agent.get("/moderation/").text
    assert agent.get(f"/posts/{post}/history").status_code == 404
    square.decide(case, "hidden", text="It is illegal.")
    assert SAID not in agent.get(f"/moderation/cases/{case}").text, "sealed again"


@pytest.mark.parametrize("author", ["writer", "keeper"])
def test_who_gave_a_notice_hears_that_its_author_has_removed_it(
    square: Square, circle: int, author: str
) -> None:
    post = square.say(SAID, author, circle)
    square.report(post, **LEGAL)
    assert square.browser(author).submit(f"/posts/{post}/remove", "/me", sure="1").status_code == 302
    assert (square.state(post), [one.act for one in square.cases()]) == (None, ["removed"])
    assert square.notices("reader").count("core.decision") == 1
    assert square.notices(author).count("core.decision") == 0
    shown = square.browser("reader").get("/me/moderation").text
    assert "Removed by its author" in shown
    assert "Decided by a person" not in shown


def left(square: Square, name: str = "keeper") -> str:
    """What somebody reads in the queue."""
    return square.browser(name).get("/moderation/").text


def test_a_team_hides_what_a_legal_notice_is_about_and_the_agency_decides(
    square: Square, circle: int
) -> None:
    post = square.say(SAID, "writer", circle)
    square.report(post, **LEGAL)
    first, keeper, agent = square.case(post), square.browser("keeper"), square.browser("agent")
    assert "Until then you can hide it" in left(square)
    for button in ("kept", "removed", "locked"):
        assert f'value="{button}"' not in left(square), button
    for act in ("kept", "removed", "locked"):
        square.decide(first, act, "keeper")
        keeper.submit(f"/posts/{post}/decide", "/me", act=act, reason="spam")
    keeper.submit(f"/posts/{post}/remove", "/me")
    keeper.submit(f"/posts/{post}/redact", "/me", passage="Zibeline", reason="spam")
    assert (square.state(post), [one.act for one in square.cases()]) == ("published", [None])
    assert square.decide(first, "hidden", "keeper", text="We hide it.").status_code == 302
    assert square.state(post) == "hidden"
    assert [one.act for one in square.cases()] == ["hidden", None]
    assert square.cases()[1].opened_at == square.cases()[0].opened_at
    told = [square.notices(name).count("core.decision") for name in ("writer", "reader")]
    assert told == [1, 0], "who gave the notice hears of the agency"
    assert "Received, not decided yet" in square.browser("reader").get("/me/moderation").text
    assert "We hide it." not in square.browser("reader").get("/me/moderation").text
    assert "It is hidden until the agency has decided" in left(square)
    case = square.case(post)
    for act in ("hidden", "restored", "removed", "kept"):
        square.decide(case, act, "keeper")
    assert [one.act for one in square.cases()] == ["hidden", None]
    assert "It incites hatred." in left(square, "agent")
    assert SAID in agent.get(f"/moderation/cases/{case}").text
    answer = agent.submit(f"/moderation/cases/{case}", act="hidden", reason="insult", text="It is illegal.")
    assert answer.status_code == 302
    assert (square.state(post), [one.act for one in square.cases()]) == ("hidden", ["hidden", "hidden"])
    assert square.notices("reader").count("core.decision") == 1
    assert "It is illegal." in square.browser("reader").get("/me/moderation").text
    undo = f"/moderation/cases/{case}/undo"
    assert agent.submit(undo, f"/moderation/cases/{case}").status_code == 302
    assert square.state(post) == "hidden", "as the team had left it"
    assert square.cases()[1].act is None
    square.decide(case, "restored", reason="other", text="It is an opinion.")
    assert (square.state(post), [one.act for one in square.cases()]) == ("published", ["hidden", "restored"])
    assert "Shown again" in square.browser("reader").get("/me/moderation").text


@pytest.mark.parametrize("act", ["kept", "locked", "removed"])
def test_nor_does_a_team_decide_a_legal_notice_with_reasons_in_words(
    square: Square, circle: int, act: str
) -> None:
    post = square.say(SAID, "writer", circle)
    square.report(post, **LEGAL)
    case, keeper = square.case(post), square.browser("keeper")
    square.decide(case, act, "keeper", text="With reasons.")
    said = {"act": act, "reason": "spam", "text": "With reasons.", "waited": str(case)}
    keeper.submit(f"/posts/{post}/decide", "/me", **said)
    assert (square.state(post), [one.act for one in square.cases()]) == ("published", [None])
    assert square.decide(case, act, text="With reasons.").status_code == 302
    assert None not in [one.act for one in square.cases()], "the agency does"


def test_a_hidden_entry_is_hidden_at_once_by_its_page_and_its_notice_waits(
    square: Square, circle: int
) -> None:
    post = square.say(SAID, "writer", circle)
    square.report(post, **LEGAL)
    assert square.browser("keeper").submit(f"/posts/{post}/hide", "/me").status_code == 302
    assert (square.state(post), [one.act for one in square.cases()]) == ("hidden", ["hidden", None])
    assert square.browser("agent").get(f"/moderation/cases/{square.case(post)}").status_code == 200
    assert square.decide(square.case(post), "removed", text="It is illegal.").status_code == 302
    assert [one.act for one in square.cases()] == ["hidden", "hidden"]


def pictured(square: Square, circle: int) -> tuple[int, str]:
    """The id of a post with a picture in the circle, and the address of the picture."""

    def publish() -> tuple[int, str]:
        data = io.BytesIO()
        Image.new("RGB", (60, 40), "teal").save(data, "PNG")
        data.seek(0)
        picture = files.prepare(FileStorage(data, "view.png"))
        space = db.session.get(Space, circle)
        entry = actions.publish(space, SAID, pictures=[(picture, "A view")]).id
        shown = db.session.scalars(sa.select(File).where(File.entry_id == entry)).one()
        return entry, files.address(shown.id, shown.name)

    made: tuple[int, str] = square.town.run(publish, "writer")
    return made


def test_who_decides_a_case_sees_its_pictures_while_it_is_open_and_nobody_else(
    square: Square, circle: int
) -> None:
    post, picture = pictured(square, circle)
    _other, beside = pictured(square, circle)
    square.report(post, **LEGAL)
    case, agent = square.case(post), square.browser("agent")
    assert picture not in agent.get("/moderation/").text
    page = agent.get(f"/moderation/cases/{case}").text
    assert f'src="{picture}?case={case}' in page
    assert beside not in page
    seen = agent.get(f"{picture}?case={case}")
    assert (seen.status_code, seen.content_type) == (200, "image/webp")
    assert seen.headers["Cache-Control"] == "private, no-cache"
    assert reading(square) == [("agent", f"case/{case}")] * 2
    ground = f"?case={case}"
    assert agent.get(picture).status_code == 404, "the case is the ground, not the role"
    assert agent.get(beside + ground).status_code == 404, "of what it is about alone"
    assert agent.get(f"{picture}?case={case + 1}").status_code == 404
    square.town.person("stranger")
    for name in ("agent2", "stranger", "reader", None):
        assert square.browser(name).get(picture + ground).status_code == 404, name
    assert square.browser("reader").get(picture).status_code == 200
    assert square.browser("keeper").get(picture + ground).status_code == 200
    assert len(reading(square)) == 2, "a team reads there anyway"
    square.decide(case, "kept", reason="", text="It is lawful.")
    assert agent.get(picture + ground).status_code == 404
    assert picture not in agent.get(f"/moderation/cases/{case}").text
    assert square.browser("reader").get(picture).status_code == 200


@pytest.mark.parametrize("page", ["decide", "redact"])
def test_who_reads_a_reported_post_on_the_page_of_an_act_is_in_the_log(
    square: Square, circle: int, page: str
) -> None:
    post = square.say(SAID, "writer", circle)
    square.report(post, **LEGAL)
    assert square.browser("agent").get(f"/posts/{post}/{page}").status_code == 200
    assert reading(square) == [("agent", f"entry/{post}")]
    assert square.browser("keeper").get(f"/posts/{post}/{page}").status_code == 200
    assert len(reading(square)) == 1, "a team reads there anyway"


def test_what_was_decided_is_sealed_again(square: Square, circle: int) -> None:
    post = square.say(SAID, "writer", circle)
    square.report(post, **LEGAL)
    case = square.case(post)
    assert (
        square.browser("agent")
        .submit(f"/posts/{post}/decide", act="locked", reason="insult", text="So.")
        .status_code
        == 302
    )
    assert square.browser("admin").get(f"/posts/{post}/redact").status_code == 404
    keeper = square.say(BESIDE, "keeper", circle)
    assert square.browser("agent").get(f"/posts/{keeper}/redact").status_code == 404
    assert [one for one in reading(square) if one[0] != "agent"] == []
    assert square.cases()[0].id == case


def test_another_report_stays_with_the_team_unless_it_is_of_the_team(square: Square, circle: int) -> None:
    own, theirs = square.say(SAID, "writer", circle), square.say(ABOVE, "keeper", circle)
    square.report(own)
    square.report(theirs)
    agent = square.browser("agent")
    assert agent.get(f"/moderation/cases/{square.case(own)}").status_code == 404
    assert agent.get(f"/posts/{own}/redact").status_code == 404
    assert ABOVE in agent.get(f"/moderation/cases/{square.case(theirs)}").text
    assert SAID in square.browser("keeper").get("/moderation/").text
    answer = square.browser("keeper").submit(
        f"/moderation/cases/{square.case(theirs)}", "/me", act="kept", reason=""
    )
    assert answer.status_code == 302
    assert square.cases()[-1].act is None
    assert "nobody judges what they wrote" in square.browser("keeper").get("/moderation/").text
    assert square.decide(square.case(theirs), "hidden").status_code == 302
    assert square.state(theirs) == "hidden"


def test_an_answer_to_a_decision_reaches_the_agency(square: Square, circle: int) -> None:
    post = square.say(SAID, "writer", circle)
    square.report(post)
    case = square.case(post)
    square.decide(case, "hidden", "keeper")
    square.browser("writer").submit(f"/me/moderation/{case}/answer", words="That was fair.")
    appeal = square.case(post)
    assert "nobody judges" in square.browser("keeper").get("/moderation/").text
    refused = square.browser("keeper").submit(
        f"/moderation/cases/{appeal}", "/me", act="kept", text="It stands."
    )
    assert refused.status_code == 302
    assert square.cases()[-1].act is None
    agent = square.browser("agent")
    page = agent.get("/moderation/").text
    assert "That was fair." in page
    assert SAID not in page
    answer = square.decide(appeal, "restored", text="You are right.")
    assert answer.status_code == 302, answer.text
    assert square.state(post) == "published"
    assert square.cases()[-1].act == "restored"


@pytest.mark.parametrize("name", ["agent2", "reader"])
def test_nobody_else_decides_what_goes_to_the_agency(square: Square, circle: int, name: str) -> None:
    from core.access import Forbidden

    post = square.say(SAID, "writer", circle)
    square.report(post, "keeper", **LEGAL)
    with pytest.raises(Forbidden):
        square.town.run(lambda: moderation.decide(entry_of(post), "hidden"), name)
    assert square.state(post) == "published"


def entry_of(ident: int) -> Entry:
    """An entry, whoever may read it."""
    from core.access import as_system

    with as_system("test"):
        return db.session.get(Entry, ident)  # type: ignore[return-value]
