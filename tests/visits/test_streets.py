"""The town's streets come from a file of open data, and its maps show them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import access
from core.access import Refused
from core.db import db, write
from core.models import Area, Space
from plugins.neighbourhood_visits import cli
from plugins.neighbourhood_visits.collect import streets
from plugins.neighbourhood_visits.collect.models import Street

from .test_triage import row

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Scene

SQUARE = [[2.0, 48.0], [2.02, 48.0], [2.02, 48.02], [2.0, 48.02], [2.0, 48.0]]


def line(name: Any, *points: list[Any], **more: Any) -> dict[str, Any]:
    """A street of a file."""
    geometry = {"type": "LineString", "coordinates": [*points]}
    return {"type": "Feature", "properties": {"nom": name}, "geometry": geometry, **more}


def file(*features: Any) -> bytes:
    """A file of GeoJSON."""
    return json.dumps({"type": "FeatureCollection", "features": [*features]}).encode()


def keep(scene: Scene, *features: Any) -> tuple[int, int]:
    """Bring streets in."""
    return scene.town.run(lambda: streets.keep(file(*features)))


def names(scene: Scene) -> list[str]:
    """The streets that are kept."""
    return scene.town.run(lambda: list(db.session.scalars(sa.select(Street.name).order_by(Street.id))))


def bordered(scene: Scene) -> int:
    """A visit of an area with a border."""
    visit = scene.visit()

    def act() -> None:
        with access.as_system("draw a border"), write() as session:
            area = session.get(Area, session.get(Space, visit).area_id)
            area.boundary = {"type": "Polygon", "coordinates": [SQUARE]}

    scene.town.run(act)
    return visit


HIGH = line("Rue Haute <b>", [2.004, 48.005], [2.016, 48.005], [2.016, 48.006])
FAR = line("Rue Lointaine", [3.0, 49.0], [3.1, 49.1])
LANE = line(None, [2.006, 48.01], [2.006, 48.012])


def test_streets_are_drawn_and_named_on_the_maps_of_their_area_alone(scene: Scene) -> None:
    visit = bordered(scene)
    ask, page = f"/visits/{visit}/ask", f"/visits/{visit}"
    assert "map-street" not in scene.browser().get(ask).text
    assert keep(scene, HIGH, FAR, LANE) == (3, 1)
    shown = scene.browser().get(ask).text
    [drawn] = re.findall(r'<path class="map-street" d="([^"]+)"/>', shown)
    assert drawn.count("M") == 2
    assert drawn.startswith("M200 "), "a fifth of the way from west to east"
    assert "Rue Haute &lt;b&gt;</text>" in shown
    assert "Rue Lointaine" not in shown
    assert 'class="map-street"' in scene.browser().get(page).text


def test_a_file_takes_the_place_of_the_one_before(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keep(scene, HIGH, FAR) == (2, 0)
    path = tmp_path / "streets.geojson"
    path.write_bytes(b"\xef\xbb\xbf" + file(LANE))
    run: Any = cli.import_streets.callback
    scene.town.run(lambda: run(path))
    assert capsys.readouterr().out == "1 streets kept, 1 of them without a name\n"
    assert names(scene) == [""]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"nom;rue\n", "this is not a GeoJSON file"),
        (b"[1]", "this is not a GeoJSON file"),
        (file(1), "this is not a GeoJSON file"),
        (b'{"type": "FeatureCollection", "features": 3}', "this is not a GeoJSON file"),
        (b"[" * 100_000, "this is not a GeoJSON file"),
        (file(line("A", [652_000, 6_862_000], [652_100, 6_862_100])), "not in degrees"),
        (file(line("A", [2.0, 48.0], "x")), "not in degrees"),
        (file(line("A", [2.0], [2.0])), "not in degrees"),
        (file(line("A", [2.0, 48.0], [None, 48.0])), "not in degrees"),
        (file(line("A", [2.0, 48.0])), "holds no street"),
        (file({"type": "Feature", "properties": {}, "geometry": None}), "holds no street"),
        (file(), "holds no street"),
    ],
)
def test_what_is_no_file_of_streets_is_refused_and_changes_nothing(
    scene: Scene, content: bytes, says: str
) -> None:
    keep(scene, HIGH)
    with pytest.raises(Refused, match=says):
        scene.town.run(lambda: streets.keep(content))
    assert names(scene) == ["Rue Haute <b>"]


def test_too_many_streets_are_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streets, "MOST", 1)
    with pytest.raises(Refused, match="too many"):
        keep(scene, HIGH, LANE)
    monkeypatch.setattr(streets, "MOST", 2)
    monkeypatch.setattr(streets, "CORNERS", 4)
    with pytest.raises(Refused, match="too many"):
        keep(scene, HIGH, LANE)
    assert names(scene) == []


def test_of_very_many_streets_a_map_shows_the_longest(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streets, "DRAWN", 1)
    visit = bordered(scene)
    keep(scene, LANE, HIGH)
    shown = scene.browser().get(f"/visits/{visit}/ask").text
    [drawn] = re.findall(r'<path class="map-street" d="([^"]+)"/>', shown)
    assert drawn.count("M") == 1
    assert "Rue Haute" in shown
    assert row(scene, Street, 1).length == pytest.approx(222, abs=2)
