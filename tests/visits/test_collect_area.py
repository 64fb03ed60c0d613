"""My neighbourhood by address, map or name: nothing is kept but which it is, and no service is waited for."""

from __future__ import annotations

import ipaddress
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpcore
import pytest
import sqlalchemy as sa

from core import fetch, settings
from core.db import Base, db, write
from core.models import Area, Space
from plugins.neighbourhood_visits.collect import geocoder
from plugins.neighbourhood_visits.models import Question

from .conftest import QUESTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Scene

ADDRESS = "12 rue de la Zibeline"
LABEL = "12 Rue de la Zibeline 99999 Belleroche"


def square(west: float, south: float, size: float) -> dict[str, Any]:
    """The border of a square."""
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


@dataclass
class Service:
    """An address service on this machine, which answers as a test wants."""

    answer: tuple[int, str, bytes] = (200, "application/json", b"{}")
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)

    def knows(self, longitude: float, latitude: float, label: str = LABEL) -> None:
        """From now on every address is there."""
        feature = {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [longitude, latitude]},
            "properties": {"label": label, "score": 0.9},
        }
        found = {"type": "FeatureCollection", "features": [feature]}
        self.answer = (200, "application/json; charset=utf-8", json.dumps(found).encode())


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """An address service that speaks the national protocol."""
    found = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            found.asked.append((parts.path, parse_qs(parts.query)))
            status, kind, body = found.answer
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Leave the request out of the log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        port = server.server_address[1]
        monkeypatch.setattr(fetch, "resolve", lambda _host, _port: [ipaddress.ip_address("93.184.215.14")])
        monkeypatch.setattr(
            fetch,
            "dial",
            lambda _address, _port, seconds: httpcore.SyncBackend().connect_tcp("127.0.0.1", port, seconds),
        )
        monkeypatch.setattr(fetch, "PAUSE_SECONDS", 0.0)
        monkeypatch.setattr(fetch, "_turns", {})
        yield found
        server.shutdown()


@pytest.fixture
def quarters(scene: Scene) -> dict[str, int]:
    """Two neighbourhoods in the commune, each with its border."""

    def make() -> dict[str, int]:
        with write() as session:
            commune = session.get(Area, scene.commune)
            commune.boundary = square(2.0, 48.0, 0.2)
            ids = {}
            for name, west in (("Lavoir", 2.0), ("Gare", 2.1)):
                area = Area(name=name, level="neighbourhood", parent_id=commune.id, path="")
                area.boundary = square(west, 48.0, 0.1)
                session.add(area)
                session.flush()
                area.path = f"{commune.path}{area.id}/"
                ids[name] = area.id
            return ids

    found: dict[str, int] = scene.town.run(make)
    return found


def switch_on(scene: Scene, url: str = "http://addresses.example/v1") -> None:
    """Let staff choose the service."""

    def save() -> None:
        with write():
            settings.save(geocoder.PLUGIN, {"geocoder": "address_api", "geocoder_url": url})

    scene.town.run(save)


def placed(scene: Scene, visit: int, area: int) -> None:
    """Let a visit take place in an area."""

    def change() -> None:
        with write() as session:
            session.get(Space, visit).area_id = area

    scene.town.run(change)


def kept() -> list[str]:
    """The tables in which a word of the address is."""
    found, there = [], set(sa.inspect(db.engine).get_table_names())
    for table in (table for table in Base.metadata.sorted_tables if table.name in there):
        rows = db.session.execute(sa.select(table), execution_options={"guarded": True})
        found += [table.name for row in rows if "Zibeline" in str(tuple(row))]
    return found


def near(page: str) -> str:
    """What the list of visits shows as near."""
    return page.partition('id="near-title"')[2].partition("</section>")[0]


def test_an_address_gives_the_neighbourhood_and_is_forgotten(
    scene: Scene, quarters: dict[str, int], service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = scene.visit(), scene.visit()
    placed(scene, here, quarters["Lavoir"])
    placed(scene, there, quarters["Gare"])
    switch_on(scene)
    service.knows(2.05, 48.05)
    visitor = scene.browser()
    assert "Find my neighbourhood" in visitor.get("/visits/").text
    assert "My address" in visitor.get("/visits/near").text
    done = visitor.submit("/visits/near", address=ADDRESS, area="0")
    assert done.status_code == 302
    assert service.asked == [("/v1/search/", {"q": [ADDRESS], "limit": ["1"]})]
    page = visitor.get("/visits/").text
    assert "Lavoir" in near(page)
    assert "Find my neighbourhood" not in page
    assert f"/visits/{here}" in near(page)
    assert f"/visits/{there}" not in near(page)
    cookies = [str(cookie.value) for cookie in visitor.client._cookies.values()]
    assert str(quarters["Lavoir"]) in cookies
    assert "Zibeline" not in page + "".join(cookies) + capsys.readouterr().err
    assert scene.town.run(kept) == []
    visitor.submit("/visits/near", "/visits/", forget="1")
    assert "Near me" not in visitor.get("/visits/").text


def test_a_pin_gives_the_neighbourhood_without_any_service(scene: Scene, quarters: dict[str, int]) -> None:
    visitor = scene.browser()
    page = visitor.get("/visits/near").text
    assert "My address" not in page
    assert "data-place-map" in page
    visitor.submit("/visits/near", latitude="48.05", longitude="2.15", area="0")
    assert "Gare" in near(visitor.get("/visits/").text)
    outside = visitor.submit("/visits/near", latitude="49", longitude="2.15", area="0")
    assert outside.status_code == 422
    assert "by its name" in outside.text


def test_the_map_of_a_town_of_several_communes_holds_each(scene: Scene, quarters: dict[str, int]) -> None:
    def add() -> None:
        with write() as session:
            other = Area(name="Sautelle", level="commune", path="", boundary=square(2.2, 48.0, 0.2))
            session.add(other)
            session.flush()
            other.path = f"/{other.id}/"

    assert "Lavoir</text>" in scene.browser().get("/visits/near").text
    scene.town.run(add)
    page = scene.browser().get("/visits/near").text
    assert "Sautelle</text>" in page
    edges = re.search(r'data-west="([\d.]+)" data-east="([\d.]+)"', page)
    assert edges is not None
    assert [float(edge) for edge in edges.groups()] == pytest.approx([2.0, 2.4])


def test_a_name_gives_the_neighbourhood_and_what_lies_around_it(
    scene: Scene, quarters: dict[str, int]
) -> None:
    whole = scene.visit()
    visitor = scene.browser()
    visitor.submit("/visits/near", area=str(quarters["Gare"]))
    assert f"/visits/{whole}" in near(visitor.get("/visits/").text), "the commune's visit is near, too"
    visitor.client.set_cookie("visits_area", "999999", path="/visits")
    assert visitor.get("/visits/").status_code == 200
    visitor.client.set_cookie("visits_area", "x'", path="/visits")
    assert visitor.get("/visits/").status_code == 200


def test_visits_of_the_smallest_area_come_first_also_below_one_without_a_border(
    scene: Scene, quarters: dict[str, int]
) -> None:
    whole, quarter, corner = scene.visit(), scene.visit(), scene.visit()

    def make() -> int:
        with write() as session:
            gare = session.get(Area, quarters["Gare"])
            middle = Area(name="Middle", level="district", parent_id=gare.id, path="")
            session.add(middle)
            session.flush()
            middle.path = f"{gare.path}{middle.id}/"
            small = Area(name="Corner", level="block", parent_id=middle.id, path="")
            small.boundary = square(2.1, 48.0, 0.05)
            session.add(small)
            session.flush()
            small.path = f"{middle.path}{small.id}/"
            return int(small.id)

    placed(scene, corner, scene.town.run(make))
    placed(scene, quarter, quarters["Gare"])
    visitor = scene.browser()
    visitor.submit("/visits/near", latitude="48.01", longitude="2.11", area="0")
    shown = near(visitor.get("/visits/").text)
    assert "Corner" in shown
    assert re.findall(r"/visits/(\d+)", shown) == [str(corner), str(quarter), str(whole)]


def test_a_pin_far_outside_of_the_area_is_taken_away_and_blocks_nothing(
    scene: Scene, quarters: dict[str, int]
) -> None:
    visit = scene.visit()
    placed(scene, visit, quarters["Lavoir"])
    page, words = f"/visits/{visit}/ask", {"title": "When is the bench mended?", "place": "By the bakery"}
    resident = scene.browser("resident")
    for longitude in ("2.11", "1.99", "9"):
        refused = resident.submit(page, **words, latitude="48.05", longitude=longitude)
        assert (refused.status_code, "outside of Lavoir" in refused.text) == (422, True), longitude
        assert "By the bakery" in refused.text
        assert f'value="{longitude}"' not in refused.text
        assert 'aria-describedby="place-' in refused.text, "it is said beside the field"
    for longitude in ("2.05", "2.1035"):  # some 260 metres beyond the border
        ask = {"latitude": "48.05", "longitude": longitude, "title": f"When is {longitude} mended?"}
        sent = resident.submit(page, **ask)
        ident = int(sent.location.split("/")[3])
        question = scene.town.run(lambda ident=ident: db.session.get(Question, ident))  # type: ignore[misc]
        assert question.longitude == float(longitude)
    assert resident.submit(page, **words).status_code == 302


def test_without_a_choice_the_area_of_the_profile_counts(scene: Scene) -> None:
    visit = scene.visit()
    assert f"/visits/{visit}" in near(scene.browser("agent").get("/visits/").text)
    assert "Near me" not in near(scene.browser("resident").get("/visits/").text)
    scene.question(visit)
    waits = scene.browser("agent").get("/visits/").text
    assert "Questions waiting for you" in waits
    assert 'id="near-title"' not in waits, "what is near stands there already"


@pytest.mark.parametrize(
    "answer",
    [
        (500, "application/json", b"{}"),
        (200, "text/html", b"<p>no</p>"),
        (200, "application/json", b"not json"),
        (200, "application/json", b"[]"),
        (200, "application/json", b'{"features": []}'),
        (200, "application/json", b'{"features": [{"geometry": {"coordinates": [999, 0]}}]}'),
        (200, "application/json", b'{"features": [{"geometry": null, "properties": {}}]}'),
    ],
)
def test_what_the_service_answers_wrongly_lets_people_go_on(
    scene: Scene, quarters: dict[str, int], service: Service, answer: tuple[int, str, bytes]
) -> None:
    switch_on(scene)
    service.answer = answer
    visitor = scene.browser()
    told = visitor.submit("/visits/near", address=ADDRESS, area="0")
    assert told.status_code == 422
    assert ADDRESS in told.text
    assert visitor.submit("/visits/near", address=ADDRESS, area=str(quarters["Gare"])).status_code == 302
    visit = scene.visit()
    form = visitor.submit(f"/visits/{visit}/ask", title=QUESTION, place=ADDRESS, find="1")
    assert QUESTION in form.text
    assert ADDRESS in form.text
    assert scene.question(visit, place=ADDRESS)


def test_a_service_that_is_not_there_blocks_nothing(
    scene: Scene, quarters: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    switch_on(scene)

    def gone(_host: str, _port: int) -> Any:
        raise fetch.FetchError("name", "addresses.example")

    monkeypatch.setattr(fetch, "resolve", gone)
    told = scene.browser().submit("/visits/near", address=ADDRESS, area="0")
    assert told.status_code == 422


def test_the_place_of_a_question_is_found_on_the_map_and_back(
    scene: Scene, quarters: dict[str, int], service: Service
) -> None:
    visit = scene.visit()
    assert 'name="find"' not in scene.browser().get(f"/visits/{visit}/ask").text
    switch_on(scene)
    service.knows(2.05, 48.05)
    resident = scene.browser("resident")
    form = resident.submit(f"/visits/{visit}/ask", title=QUESTION, place=ADDRESS, find="1").text
    assert LABEL in form
    assert 'value="48.050000"' in form
    assert QUESTION in form
    form = resident.submit(
        f"/visits/{visit}/ask", title=QUESTION, latitude="48.06", longitude="2.06", find="1"
    ).text
    assert service.asked[-1] == ("/v1/reverse/", {"lon": ["2.06"], "lat": ["48.06"], "limit": ["1"]})
    assert LABEL in form
    assert 'value="48.06"' in form, "the pin stays where it was set"


def test_what_the_service_answers_is_taken_without_what_no_text_holds(
    scene: Scene, quarters: dict[str, int], service: Service
) -> None:
    visit = scene.visit()
    switch_on(scene)
    service.knows(2.05, 48.05, f"\0{LABEL}\ud800")
    form = scene.browser("resident").submit(f"/visits/{visit}/ask", title=QUESTION, place=ADDRESS, find="1")
    assert f'value="{LABEL}"' in form.text


def test_a_service_inside_the_house_is_not_called(
    scene: Scene, quarters: dict[str, int], service: Service
) -> None:
    switch_on(scene, "http://127.0.0.1:9/")
    service.knows(2.05, 48.05)
    told = scene.browser().submit("/visits/near", address=ADDRESS, area="0")
    assert told.status_code == 422
    assert service.asked == []


@pytest.mark.parametrize(
    "url", ["addresses.example", "https://me:key@x.example", "https://x.example/?key=1", ""]
)
def test_the_address_of_the_service_is_a_plain_one(scene: Scene, url: str) -> None:
    admin = scene.browser("admin")
    page = "/admin/plugins/neighbourhood_visits"
    fields = {"days_to_answer": "30", "geocoder": "address_api"}
    wrong = admin.submit(page, **fields, geocoder_url=url)
    assert "Write an address such as" in wrong.text
