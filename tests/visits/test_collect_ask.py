"""The page to ask: one field is needed; a map from nowhere else, an alias, pictures, one's voice instead."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from PIL import Image

from core import jobs
from core.db import db, now, write
from core.models import Area, Entry, File, Mail, Notice, Support, User
from plugins.moderation import gates
from plugins.neighbourhood_visits import personal
from plugins.neighbourhood_visits.collect import codes, maps
from plugins.neighbourhood_visits.models import Asker, Question, Visit
from plugins.neighbourhood_visits.suggest import similar as alike
from portal.privacy import erase

from .conftest import QUESTION

if TYPE_CHECKING:
    from .conftest import Scene

SQUARE = {
    "type": "Polygon",
    "coordinates": [[[2.0, 48.0], [2.2, 48.0], [2.2, 48.1], [2.0, 48.1], [2.0, 48.0]]],
}
NAME = "Zibeline Martin"


def row(scene: Scene, model: Any, ident: int) -> Any:
    """A row as the database holds it."""
    return scene.town.run(lambda: db.session.get(model, ident))


def border(scene: Scene, boundary: Any = SQUARE) -> None:
    """Let the commune have a border."""

    def change() -> None:
        with write() as session:
            session.get(Area, scene.commune).boundary = boundary

    scene.town.run(change)


def link(scene: Scene, recipient: str) -> str:
    """The path that the one message to somebody leads to."""
    jobs.run_due(scene.town.app)
    rows = sa.select(Mail.text).where(Mail.recipient == recipient, Mail.text.contains("/confirm/"))
    [text] = scene.town.run(lambda: list(db.session.scalars(rows)))
    found = re.search(r"http://localhost(/confirm/\S+)", text)
    assert found
    return found[1]


def test_the_page_needs_one_thing_and_is_light(scene: Scene) -> None:
    ring = [[2 + 0.1 * (i % 97) / 97, 48 + 0.1 * i / 20_000] for i in range(20_000)]
    border(scene, {"type": "Polygon", "coordinates": [[*ring, ring[0]]]})
    page = scene.browser().get(f"/visits/{scene.visit()}/ask")
    assert len(re.findall(r"<(?:input|textarea|select)[^>]* required", page.text)) == 1
    assert "<svg viewBox" in page.text
    assert "map-meeting" not in page.text
    assert len(page.data) <= 60 * 1024


def test_the_map_is_made_of_the_border_alone(scene: Scene) -> None:
    visit = scene.visit()
    assert "data-place-map" not in scene.browser().get(f"/visits/{visit}/ask").text
    border(scene)
    page = scene.browser().get(f"/visits/{visit}/ask").text
    assert 'data-west="2.0"' in page
    assert not re.search(r'(?:src|href)="https?://(?!localhost)', page)


def test_the_map_to_ask_shows_where_people_meet(scene: Scene) -> None:
    border(scene)
    visit = scene.visit()

    def pinned() -> None:
        with write() as session:
            found = session.get(Visit, visit)
            found.meeting_latitude, found.meeting_longitude = 48.05, 2.1

    scene.town.run(pinned)
    page = scene.browser().get(f"/visits/{visit}/ask").text
    assert re.search(r'class="map-meeting" x="478"', page)
    assert "The square is where people meet." in page


def test_a_place_is_where_it_is_on_the_drawing() -> None:
    drawn = maps.drawn("Square", SQUARE)
    assert drawn
    assert drawn.height == pytest.approx(1000 / 2 / 0.6687, abs=3)
    assert (drawn.at(2.0, 48.1), drawn.at(2.2, 48.0)) == ((0, 0), (1000, drawn.height))
    assert drawn.holds(2.1, 48.05)
    assert not drawn.holds(3, 48.05)
    assert maps.drawn("Line", {"type": "Polygon", "coordinates": [[[1, 1], [1, 2], [1, 1], [1, 1]]]}) is None


@pytest.mark.parametrize(
    ("latitude", "longitude", "kept"),
    [
        ("48.05", "2.1", (48.05, 2.1)),
        ("91", "2", (None, None)),
        ("nan", "2", (None, None)),
        ("x", "2", (None, None)),
        ("48.05", "", (None, None)),
    ],
)
def test_the_pin_is_kept_in_degrees(scene: Scene, latitude: str, longitude: str, kept: Any) -> None:
    question = scene.question(scene.visit(), latitude=latitude, longitude=longitude)
    found = row(scene, Question, question)
    assert (found.latitude, found.longitude) == kept


def test_a_question_under_an_alias_names_nobody_and_is_still_its_authors(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.question(visit, shown="alias")
    page, review = f"/posts/{question}", f"/visits/questions/{question}"
    resident, agent = scene.browser("resident"), scene.browser("agent")
    assert row(scene, Entry, question).author_id is None
    for one in (page, f"{review}/thanks", f"{review}/slip"):
        assert QUESTION in resident.get(one).text
        assert scene.browser("neighbour").get(one).status_code == 404
    assert f"{review}/withdraw" in resident.get(page).text
    assert QUESTION in resident.get(f"/visits/{visit}").text
    assert "Resident" in agent.get(review).text.partition("Asked by")[2][:200]
    agent.submit(f"{review}/reject", _page=review, reason="Not here.")
    assert "Not here." in resident.get(page).text
    assert scene.browser("neighbour").get(page).status_code == 404
    contested = resident.submit(f"{review}/contest", reason="It is.")
    assert contested.status_code == 302, contested.text
    agent.submit(f"{review}/accept", _page=review)
    for name in (None, "neighbour", "opposition", "admin"):
        shown = scene.browser(name).get(page).text
        assert QUESTION in shown
        assert "A resident" in shown
        assert "/people/resident" not in shown.partition("<main")[2]
    assert QUESTION not in scene.browser("neighbour").get("/people/resident").text


def test_who_asked_under_an_alias_is_told_of_the_answer_and_others_withdraw_nothing(scene: Scene) -> None:
    question = scene.question(scene.visit(), shown="alias")
    page = f"/visits/questions/{question}"
    assert scene.browser("neighbour").submit(f"{page}/withdraw", _page="/visits/").status_code == 404
    scene.browser("agent").submit(f"{page}/accept", _page=page)
    scene.draft(question, "Soon.")
    scene.approve(question, "On Monday.")
    jobs.run_due(scene.town.app)
    told = sa.select(Notice.type).where(Notice.user_id == scene.town.person("resident"))
    types = set(scene.town.run(lambda: list(db.session.scalars(told))))
    assert types >= {"visits.received", "visits.accepted", "visits.answered"}


@pytest.mark.parametrize("words", [True, False])
def test_an_erasure_and_an_archive_take_what_was_asked_under_an_alias(scene: Scene, words: bool) -> None:
    question = scene.question(scene.visit(), shown="alias")
    resident = scene.town.person("resident")
    archived = scene.town.run(lambda: personal.unnamed(resident))
    assert [one["title"] for one in archived] == [QUESTION]
    scene.town.run(lambda: erase.begin(resident, words))
    jobs.run_due(scene.town.app)
    found = row(scene, Entry, question)
    assert (found is None) == words
    assert scene.town.run(lambda: list(db.session.scalars(sa.select(Asker)))) == []


def picture(size: tuple[int, int] = (40, 30)) -> tuple[io.BytesIO, str]:
    """A picture of a street."""
    data = io.BytesIO()
    Image.new("RGB", size, "grey").save(data, "JPEG")
    data.seek(0)
    return data, "lamp.jpg"


def test_pictures_go_with_a_question_and_follow_its_audience(scene: Scene) -> None:
    visit = scene.visit()
    undescribed = scene.browser("resident").submit(
        f"/visits/{visit}/ask", title=QUESTION, pictures=[picture()]
    )
    assert undescribed.status_code == 422
    assert "say what it shows" in undescribed.text
    question = scene.question(visit, pictures=[picture()], alts=["The dark lamp"])
    file = scene.town.run(lambda: db.session.scalars(sa.select(File)).one())
    address = f"/files/{file.id}/{file.name}"
    assert scene.browser("neighbour").get(address).status_code == 404
    thanks = f"/visits/questions/{question}"
    resident = scene.browser("resident")
    assert f"{thanks}/photos" in resident.get(f"{thanks}/thanks").text
    more = resident.submit(f"{thanks}/photos", pictures=[picture((41, 30))], alts=["Another"])
    assert more.status_code == 302, more.text
    assert scene.browser("neighbour").get(f"{thanks}/photos").status_code == 404
    agent = scene.browser("agent")
    agent.submit(f"{thanks}/accept", _page=thanks)
    assert scene.browser("neighbour").get(address).status_code == 200
    assert "The dark lamp" in scene.browser().get(f"/posts/{question}").text
    late = resident.get(f"{thanks}/photos")
    assert late.status_code == 404, "what was accepted stays what was read"


def similar(scene: Scene, visit: int, text: str, name: str | None = None) -> str:
    """What the page to ask shows while one types."""
    return scene.browser(name).submit(f"/visits/{visit}/similar", f"/visits/{visit}/ask", title=text).text


def test_similar_questions_and_past_answers_appear_and_nothing_private(scene: Scene) -> None:
    visit, past = scene.visit(), scene.visit()
    public = scene.accepted(visit, title="Will the lamps of rue du Lavoir be mended?")
    scene.question(visit, title="A private lamp of mine")
    answered = scene.answered(past, title="More lamps at the station?")
    waiting = scene.accepted(past, title="Which lamps are next?")

    def over() -> None:
        with write() as session:
            old = session.get(Visit, past)
            old.starts_at = old.ends_at = old.questions_close_at = now() - dt.timedelta(days=9)

    scene.town.run(over)
    scene.town.run(alike.run)
    shown = similar(scene, visit, "The lamps don't work")
    assert f"/posts/{public}" in shown
    assert f"/posts/{answered}" in shown
    assert f"/posts/{waiting}" not in shown
    assert "private lamp" not in similar(scene, visit, "The lamps don't work", "agent")
    assert f"/visits/questions/{public}/voice" in shown
    assert "Go on: it is sent at the end of the form." in shown
    assert "<button" not in shown, "nothing is sent before place, name and address are asked"
    assert "/posts/" not in similar(scene, visit, "Something else entirely")
    assert "/posts/" not in similar(scene, visit, "Are the benches mended?"), "one word of no subject"
    assert "/posts/" not in similar(scene, visit, '- " ( * :')


def test_what_was_asked_alike_is_shown_once_before_a_question_is_sent(scene: Scene) -> None:
    visit = scene.visit()
    public = scene.accepted(visit, title="Will the lamps of rue du Lavoir be mended?")
    scene.town.run(alike.run)
    page, words = f"/visits/{visit}/ask", {"title": "When are the lamps mended?", "place": "Number 4"}
    more = {"body": "It is dark.\nVery.", "theme": "streets", "latitude": "48.01", "longitude": "2.01"}
    typed = {**words, **more, "shown": "alias"}
    between = scene.browser("neighbour").submit(page, **typed)
    assert between.status_code == 200
    assert "Somebody asked something like this" in between.text
    assert f"/visits/questions/{public}/voice" in between.text
    assert "/thanks" not in between.text
    fields = html.unescape(between.text)
    for name, value in typed.items():
        assert f'name="{name}" value="{value}"' in fields, name
    changed = scene.browser("neighbour").submit(page, **typed, change="yes")
    assert "It is dark." in changed.text
    sent = scene.browser("neighbour").submit(page, **typed, seen="yes")
    assert "/thanks" in sent.location, "once is enough, and what appeared while typing was seen too"
    assert 'name="seen" value="yes"' in similar(scene, visit, "The lamps don't work")
    far = "Could the leaking roof of the gymnasium be mended before winter, with warmer showers and lamps?"
    assert f"/posts/{public}" in similar(scene, visit, far), "it appears while typing and stops nobody"
    for title in ("More benches at the station?", "Which trees are planted in rue du Lavoir?", far):
        assert "/thanks" in scene.browser("neighbour").submit(page, title=title).location
    pictured = {"pictures": [picture()], "alts": ["The dark lamp"]}
    again = scene.browser("resident").submit(page, **words, **pictured)
    assert "choose your pictures once more" in again.text
    assert 'type="file"' in again.text
    stranger = {"name": NAME, "email": "zibeline@example.org"}
    assert "Somebody asked" in scene.browser().submit(page, **words, **stranger).text
    assert scene.browser().submit(page, **words, **stranger, seen="yes").status_code == 302


def test_a_voice_is_added_in_two_taps_and_counts_once(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    page = f"/visits/questions/{question}/voice"
    assert page in scene.browser().get(f"/posts/{question}").text
    neighbour = scene.browser("neighbour")
    for _turn in range(2):
        assert neighbour.submit(page).location == f"/posts/{question}"
    assert row(scene, Entry, question).support_count == 1
    waiting = scene.question(scene.visit(), title="Not read yet?")
    assert neighbour.get(f"/visits/questions/{waiting}/voice").status_code == 404


def test_a_voice_without_an_address_is_told_how_else(scene: Scene) -> None:
    visit = scene.visit(other_ways="Call 02 96 00 00 00, or the stall on Saturday.")
    question = scene.accepted(visit)
    page = scene.browser().get(f"/visits/questions/{question}/voice").text
    assert "Call 02 96 00 00 00, or the stall on Saturday." in page
    assert f'href="/visits/{visit}/ask"' in page
    assert "02 96 00 00 00" not in scene.browser("neighbour").get(f"/visits/questions/{question}/voice").text


def test_a_voice_without_an_account_counts_once_it_is_confirmed(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    page = f"/visits/questions/{question}/voice"
    visitor = scene.browser()
    assert visitor.submit(page, name="", email="no").status_code == 422
    asked = visitor.submit(page, name=NAME, email="zibeline@example.org")
    assert "open your mail" in asked.text
    assert row(scene, Entry, question).support_count == 0
    path = link(scene, "zibeline@example.org")
    elsewhere = scene.browser()
    assert QUESTION in elsewhere.get(path).text
    assert elsewhere.submit(path).status_code == 302
    assert row(scene, Entry, question).support_count == 1
    who = sa.select(User.name).join(Support, Support.user_id == User.id)
    assert scene.town.run(lambda: list(db.session.scalars(who))) == [NAME]


def test_an_alias_and_a_pin_survive_the_confirmation_by_mail(scene: Scene) -> None:
    visit = scene.visit()
    fields = {"title": QUESTION, "name": NAME, "email": "zibeline@example.org", "shown": "alias"}
    scene.browser().submit(f"/visits/{visit}/ask", **fields, latitude="48.05", longitude="2.1")
    elsewhere = scene.browser()
    done = elsewhere.submit(link(scene, "zibeline@example.org"))
    question = int(re.search(r"questions/(\d+)/thanks", done.location)[1])  # type: ignore[index]
    found = row(scene, Entry, question)
    assert (found.author_id, found.byline) == (None, "A resident")
    assert row(scene, Question, question).latitude == 48.05
    code = scene.town.run(lambda: codes.code_of(question))
    assert code in elsewhere.get(done.location).text


def test_the_team_sees_the_pin_on_the_map(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.question(visit, latitude="48.05", longitude="2.1")
    page = f"/visits/questions/{question}"
    assert "Pin: 48.05000, 2.10000" in scene.browser("agent").get(page).text
    border(scene)
    assert re.search(r'class="map-pin" transform="translate\(500 ', scene.browser("agent").get(page).text)


@pytest.mark.usefixtures("slow")
def test_who_asks_too_fast_is_told_so_and_keeps_their_words(scene: Scene) -> None:
    visit = scene.visit()
    scene.question(visit)
    told = scene.browser("resident").submit(f"/visits/{visit}/ask", title="And this one?")
    assert told.status_code == 422
    assert "You have written a lot in a short time." in told.text
    assert "And this one?" in told.text


@pytest.fixture
def slow(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A town in which each may write once within an hour."""
    monkeypatch.setitem(gates.DEFAULTS, "most_per_hour", 1)
