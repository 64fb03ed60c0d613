"""What comes by phone, on paper or at a stall is written down on one screen; a petition is one question."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from PIL import Image

from core.db import db, write
from core.models import Entry, File, Space
from core.spaces.actions import set_members
from plugins.neighbourhood_visits.collect import actions, codes
from plugins.neighbourhood_visits.models import Casework, Question

from .test_collect_codes import opened, shown

if TYPE_CHECKING:
    from .conftest import Scene

WORDS = "The bench in front of the bakery is gone.\nI can't stand that long."


def recorded(scene: Scene, visit: int, by: str = "agent", **fields: Any) -> int:
    """The id of a question that somebody of the team has written down."""
    page = f"/visits/{visit}/record"
    answer = scene.browser(by).submit(page, **{"words": WORDS, "channel": "phone", **fields})
    assert answer.status_code == 302, answer.text
    found = re.search(r"done=(\d+)", answer.location)
    assert found
    return int(found[1])


def row(scene: Scene, model: Any, ident: int) -> Any:
    """A row as the database holds it."""
    return scene.town.run(lambda: db.session.get(model, ident))


def test_a_call_becomes_a_question_with_a_code_to_read_out(scene: Scene) -> None:
    visit = scene.visit()
    page = f"/visits/{visit}/record"
    agent = scene.browser("agent")
    assert "To read out first" in agent.get(page).text
    question = recorded(scene, visit, contact="01 23 45 67 89", place="place du Marché")
    entry = row(scene, Entry, question)
    assert (entry.title, entry.body) == tuple(WORDS.split("\n"))
    assert (entry.author_id, entry.byline, entry.channel) == (None, "A resident", "phone")
    assert entry.recorded_by == scene.town.person("agent")
    assert (entry.state, row(scene, Casework, question).contact) == ("pending", "01 23 45 67 89")
    after = agent.get(f"{page}?done={question}").text
    code = shown(after)
    assert re.search(r"<textarea[^>]*autofocus", after)
    assert code == scene.town.run(lambda: codes.code_of(question))
    assert entry.title in opened(scene, code).text
    assert shown(agent.get(f"/visits/questions/{question}/slip").text) == code
    assert "Written down by" in agent.get(f"/visits/questions/{question}").text


@pytest.mark.parametrize("channel", ["phone", "paper", "stall"])
def test_the_channel_and_the_byline_are_kept(scene: Scene, channel: str) -> None:
    question = recorded(scene, scene.visit(), channel=channel, name="Zibeline Martin")
    entry = row(scene, Entry, question)
    assert (entry.channel, entry.byline, entry.author_id) == (channel, "Zibeline Martin", None)


def test_a_slip_sent_twice_is_one_question(scene: Scene) -> None:
    visit = scene.visit()
    first = recorded(scene, visit, key="same")
    assert first == recorded(scene, visit, key="same")
    assert first != recorded(scene, visit, key="same", words="The next caller asks this."), "back to the page"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"words": " "}, "Write the question."),
        ({"channel": "web"}, "Not a valid choice"),
    ],
)
def test_what_is_no_question_is_refused_and_kept_in_the_form(
    scene: Scene, fields: dict[str, str], said: str
) -> None:
    page = f"/visits/{scene.visit()}/record"
    answer = scene.browser("agent").submit(page, **{"words": WORDS, "channel": "phone", **fields})
    assert answer.status_code == 422
    assert said in answer.text


def test_only_the_team_writes_down_and_sees_codes(scene: Scene) -> None:
    visit = scene.visit()
    question = recorded(scene, visit)
    for name in ("resident", "opposition", "colleague", "agent2", "admin"):
        browser = scene.browser(name)
        for page in (f"/visits/{visit}/record", f"/visits/questions/{question}/petition"):
            assert browser.get(page).status_code in (403, 404), (name, page)
        assert browser.get(f"/visits/questions/{question}/slip").status_code == 404, name
        page = f"/visits/{visit}/record"
        answer = browser.submit(page, _page=f"/visits/{visit}", words=WORDS, channel="phone")
        assert answer.status_code == 403
    assert scene.town.run(lambda: db.session.scalar(sa.select(sa.func.count(Question.entry_id)))) == 1


def test_the_code_of_a_question_with_an_author_is_not_for_the_team(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.question(visit)
    code = scene.town.run(lambda: codes.code_of(question))
    agent = scene.browser("agent")
    assert code not in agent.get(f"/visits/{visit}/record?done={question}").text
    assert code not in agent.get(f"/visits/questions/{question}").text


def test_nothing_is_written_down_before_the_visit_is_announced_or_when_it_is_over(scene: Scene) -> None:
    kept = scene.browser("mayor").submit("/visits/new", **scene.plan(), keep="yes")
    page = f"{kept.location}/record"
    answer = scene.browser("mayor").submit(page, words=WORDS, channel="phone")
    assert answer.status_code == 409
    assert WORDS.split("\n")[0] in answer.text


def test_a_question_that_came_late_is_written_down(scene: Scene) -> None:
    assert recorded(scene, scene.visit(closed=True), channel="paper")


def picture() -> tuple[io.BytesIO, str]:
    """A picture of a sheet."""
    data = io.BytesIO()
    Image.new("RGB", (40, 60), "white").save(data, "PNG")
    data.seek(0)
    return data, "sheet.png"


def test_a_petition_is_counted_beside_supporters_and_its_sheets_stay_with_the_team(scene: Scene) -> None:
    question = recorded(scene, scene.visit(), channel="paper")
    page = f"/visits/questions/{question}"
    agent = scene.browser("agent")
    agent.submit(f"{page}/accept", _page=page)
    kept = agent.submit(f"{page}/petition", signatures="214", sheets=[picture()])
    assert kept.status_code == 302, kept.text
    assert row(scene, Question, question).signatures == 214
    assert row(scene, Entry, question).support_count == 0
    public = scene.browser().get(f"/posts/{question}").text
    assert "Petition: 214 signatures" in public
    assert "sheet.webp" not in public
    file = scene.town.run(lambda: db.session.scalars(sa.select(File)).one())
    assert "sheet.webp" in agent.get(f"{page}/petition").text
    address = f"/files/{file.id}/{file.name}"
    assert agent.get(address).status_code == 200
    for name in (None, "resident", "opposition", "admin", "agent2"):
        assert scene.browser(name).get(address).status_code == 404, name


def test_a_sheet_that_is_no_picture_is_refused(scene: Scene) -> None:
    question = recorded(scene, scene.visit())
    page = f"/visits/questions/{question}/petition"
    agent = scene.browser("agent")
    wrong = agent.submit(page, signatures="3", sheets=[(io.BytesIO(b"%PDF-1.7"), "sheet.pdf")])
    assert wrong.status_code == 422
    assert "not a picture" in wrong.text
    assert agent.submit(page, signatures="-1").status_code == 422
    assert row(scene, Question, question).signatures == 0


@pytest.mark.parametrize(
    ("words", "title", "body"),
    [
        ("One line?", "One line?", ""),
        ("One\n\nTwo\nThree", "One", "Two\nThree"),
        ("word " * 60, ("word " * 39).strip() + "…", ("word " * 60).strip()),
    ],
)
def test_the_first_line_is_the_title(words: str, title: str, body: str) -> None:
    assert actions.headed(words) == (title, body)


def test_a_code_is_read_out_by_who_wrote_the_question_down_alone(scene: Scene) -> None:
    visit = scene.visit()
    scribe(scene, visit)
    question, own = recorded(scene, visit), recorded(scene, visit, by="scribe", words="Their own?")
    code, its = (scene.town.run(lambda ident=ident: codes.code_of(ident)) for ident in (question, own))
    page, theirs = f"/visits/{visit}/record", scene.browser("scribe")
    for browser, ident in (
        (theirs, question),
        (scene.browser("mayor"), question),
        (scene.browser(), question),
    ):
        assert code not in browser.get(f"{page}?done={ident}").text
    shown = theirs.get(f"{page}?done={own}").text
    assert its in shown
    assert f"/visits/questions/{own}/slip" not in shown, "what they may not open is not offered"
    assert scene.browser("agent").get(f"/visits/questions/{own}/slip").status_code == 200


def scribe(scene: Scene, visit: int) -> None:
    """Let a scribe be on the team."""
    person = scene.town.person("scribe", "agent")

    def act() -> None:
        with write() as session:
            set_members(session.get(Space, visit), "test", {person: "scribe"})

    scene.town.run(act)
