"""The map of an area, drawn from its border and the town's streets: nothing is loaded from elsewhere."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from core import api

from . import streets
from .models import Street

WIDE = 1000  # the units of the drawing
CORNERS = 400  # of one border; a finer one is drawn coarser
PARTS = 12
NAMED, APART, LETTER = 10, 150, 26  # names of streets, and the units between two and of a letter


@dataclass(frozen=True)
class Part:
    """A smaller area on the map: its name, where that is written, and its border."""

    name: str
    x: int
    y: int
    path: str


@dataclass(frozen=True)
class Name:
    """The name of a street, where it is written, and how much it is turned, in degrees."""

    name: str
    x: int
    y: int
    turn: int


@dataclass(frozen=True)
class Map:
    """A drawing of `WIDE` by `height` units between four degrees."""

    name: str
    west: float
    south: float
    east: float
    north: float
    height: int
    path: str
    parts: tuple[Part, ...] = ()
    streets: str = ""
    named: tuple[Name, ...] = ()

    def at(self, longitude: float, latitude: float) -> tuple[int, int]:
        """Where a place is in the drawing."""
        x = (longitude - self.west) / (self.east - self.west) * WIDE
        y = (self.north - latitude) / (self.north - self.south) * self.height
        return round(x), round(y)

    def holds(self, longitude: float, latitude: float) -> bool:
        """Whether a place is on the map."""
        return self.west <= longitude <= self.east and self.south <= latitude <= self.north


def map_of(area_id: int | None) -> Map | None:
    """The map of an area with the areas in it; None where no border is known."""
    area = api.db.session.get(api.Area, area_id) if area_id else None
    if area is None or not area.boundary:
        return None
    inner = sa.select(api.Area).where(api.Area.parent_id == area.id, api.Area.boundary.is_not(None))
    parts = api.db.session.scalars(inner.order_by(api.Area.name).limit(PARTS)).all()
    return _with_streets(drawn(area.name, area.boundary, [(part.name, part.boundary) for part in parts]))


def map_of_town() -> Map | None:
    """The map of all largest areas; of one, with the areas in it."""
    largest = sa.select(api.Area).where(api.Area.parent_id.is_(None), api.Area.boundary.is_not(None))
    areas = api.db.session.scalars(largest.order_by(api.Area.name)).all()
    if len(areas) < 2:
        return map_of(areas[0].id) if areas else None
    polygons = [polygon for area in areas for polygon in _polygons(area.boundary)]
    everything = {"type": "MultiPolygon", "coordinates": polygons}
    return _with_streets(drawn("", everything, [(area.name, area.boundary) for area in areas]))


def drawn(name: str, boundary: Any, parts: Sequence[tuple[str, Any]] = ()) -> Map | None:
    """The drawing of a border in GeoJSON; None where it has no extent."""
    corners = [corner for ring in rings(boundary) for corner in ring]
    west, east = min(corner[0] for corner in corners), max(corner[0] for corner in corners)
    south, north = min(corner[1] for corner in corners), max(corner[1] for corner in corners)
    shrink = math.cos(math.radians((south + north) / 2))
    if east <= west or north <= south or shrink <= 0.01:
        return None
    height = round(WIDE * (north - south) / ((east - west) * shrink))
    blank = Map(name, west, south, east, north, min(max(height, 200), 3 * WIDE), "")
    drawing = tuple(_part(blank, *part) for part in parts)
    return Map(name, west, south, east, north, blank.height, _path(blank, boundary), drawing)


def _with_streets(found: Map | None) -> Map | None:
    """The same map, with the streets that reach into it."""
    if found is None:
        return None
    roads = streets.within((found.west, found.south, found.east, found.north))
    return replace(found, streets=streets.path(roads, found.at), named=tuple(_names(found, roads)))


def rings(boundary: Any) -> Iterator[Sequence[Sequence[float]]]:
    """The rings of a polygon, or of several."""
    for polygon in _polygons(boundary):
        yield from polygon


def _polygons(boundary: Any) -> Sequence[Any]:
    return boundary["coordinates"] if boundary["type"] == "MultiPolygon" else [boundary["coordinates"]]


def _part(on: Map, name: str, boundary: Any) -> Part:
    places = [on.at(corner[0], corner[1]) for ring in rings(boundary) for corner in ring]
    x, y = (sum(place[axis] for place in places) // len(places) for axis in (0, 1))
    return Part(name, x, y, _path(on, boundary))


def _path(on: Map, boundary: Any) -> str:
    """The border as a path of an SVG."""
    every = list(rings(boundary))
    step = max(1, math.ceil(sum(map(len, every)) / CORNERS))
    pieces = []
    for ring in every:
        places = dict.fromkeys(on.at(corner[0], corner[1]) for corner in ring[::step])
        if len(places) > 2:
            pieces.append("M" + "L".join(f"{x} {y}" for x, y in places) + "Z")
    return "".join(pieces)


def _names(on: Map, roads: Sequence[Street]) -> Iterator[Name]:
    """The names of the longest streets, each along the longest part of its line, apart from one another."""
    written: list[tuple[int, int]] = []
    for street in roads:
        pieces = [piece for line in street.lines for piece in pairwise(on.at(*corner) for corner in line)]
        (x, y), (to_x, to_y) = max(pieces, key=lambda piece: math.dist(*piece))
        middle = (x + to_x) // 2, (y + to_y) // 2
        inside = LETTER * 4 < middle[0] < WIDE - LETTER * 4 and LETTER < middle[1] < on.height - LETTER
        if street.name and inside and all(math.dist(middle, other) > APART for other in written):
            written.append(middle)
            turn = round(math.degrees(math.atan2(to_y - y, to_x - x)))
            yield Name(street.name, *middle, (turn + 90) % 180 - 90)
        if len(written) == NAMED:
            return
