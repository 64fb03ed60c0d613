"""The streets of the town, from a file of open data: drawn on its maps, which load nothing from elsewhere."""

import json
import math
from collections.abc import Callable, Iterator
from itertools import groupby, pairwise, starmap
from typing import Any

import sqlalchemy as sa

from core import api

from .models import Street

Point = tuple[float, float]  # longitude, latitude, in degrees
Box = tuple[float, float, float, float]  # west, south, east, north

NAMES = ("name", "nom", "NAME", "NOM", "nom_voie", "NOM_VOIE", "libelle", "l_longmin")
MOST, CORNERS = 50_000, 1_000_000  # of a file
DRAWN = 300  # of one map, the longest
METRES = 111_320  # in a degree from south to north


def keep(content: bytes) -> tuple[int, int]:
    """Keep the streets of a GeoJSON file in the place of those before; how many, and how many have no name.

    Lines in degrees, longitude first (RFC 7946); points and areas are passed over. Refused, with nothing
    changed, where it is no such file, holds no line, or more than can be drawn.
    """
    found: list[tuple[str, list[list[Point]]]] = []
    corners = 0
    for feature in _features(content):
        lines = _lines(feature.get("geometry") or {})
        corners += sum(map(len, lines))
        if len(found) >= MOST or corners > CORNERS:
            raise api.Refused("these streets are too many or too detailed: simplify the file first")
        if lines:
            found.append((_name(feature.get("properties")), lines))
    if not found:
        raise api.Refused("the file holds no street")
    with api.as_system("streets belong to nobody"), api.write() as session:
        session.execute(sa.delete(Street))
        session.add_all(Street(name=name, lines=lines, **_measures(lines)) for name, lines in found)
    return len(found), sum(not name for name, _lines in found)


def within(box: Box) -> list[Street]:
    """The longest streets that reach into a part of the town."""
    west, south, east, north = box
    rows = sa.select(Street).where(
        Street.west <= east, Street.east >= west, Street.south <= north, Street.north >= south
    )
    return list(api.db.session.scalars(rows.order_by(Street.length.desc(), Street.id).limit(DRAWN)))


def path(streets: list[Street], at: Callable[[float, float], Point]) -> str:
    """The streets as one path of an SVG; `at` says where a longitude and latitude are in the drawing."""
    pieces = []
    for street in streets:
        for line in street.lines:
            places = [place for place, _same in groupby(f"{x:.0f} {y:.0f}" for x, y in starmap(at, line))]
            if len(places) > 1:
                pieces.append("M" + "L".join(places))
    return "".join(pieces)


def _features(content: bytes) -> Iterator[dict[str, Any]]:
    try:
        data = json.loads(content.decode("utf-8-sig"), parse_constant=_no_number)
        features = data["features"] if data["type"] == "FeatureCollection" else [data]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise api.Refused("this is not a GeoJSON file") from None
    if not isinstance(features, list) or not all(isinstance(one, dict) for one in features):
        raise api.Refused("this is not a GeoJSON file")
    yield from features


def _no_number(name: str) -> float:
    raise ValueError(name)


def _lines(geometry: Any) -> list[list[Point]]:
    """The lines of a feature; Refused where they are not in degrees."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("LineString", "MultiLineString"):
        return []
    lines = geometry.get("coordinates") or []
    try:
        found = [
            [_corner(*point[:2]) for point in line] for line in ([lines] if kind == "LineString" else lines)
        ]
    except (TypeError, ValueError, OverflowError):
        raise api.Refused("the lines of the file are not in degrees, longitude first") from None
    return [line for line in found if len(line) > 1]


def _corner(longitude: float, latitude: float) -> Point:
    if not (math.fabs(longitude) <= 180 and math.fabs(latitude) <= 90):
        raise ValueError("not in degrees")
    return round(longitude, 6), round(latitude, 6)


def _name(properties: Any) -> str:
    said = properties if isinstance(properties, dict) else {}
    name = next((said[key] for key in NAMES if isinstance(said.get(key), str)), "")
    return str(api.one_line(name.encode("utf-8", "replace").decode()))[:120]


def _measures(lines: list[list[Point]]) -> dict[str, float]:
    """Between which degrees lines are, and how many metres they are long."""
    across, up = zip(*(corner for line in lines for corner in line), strict=True)
    narrow = math.cos(math.radians(sum(up) / len(up)))
    length = sum(
        math.hypot((b[0] - a[0]) * narrow, b[1] - a[1]) * METRES for line in lines for a, b in pairwise(line)
    )
    return {"west": min(across), "south": min(up), "east": max(across), "north": max(up), "length": length}
