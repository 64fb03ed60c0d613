"""The map of an area, drawn from its border alone: nothing is loaded from elsewhere to show it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core import api

WIDE = 1000  # the units of the drawing
CORNERS = 400  # of one border; a finer one is drawn coarser
PARTS = 12


@dataclass(frozen=True)
class Part:
    """A smaller area on the map: its name, where that is written, and its border."""

    name: str
    x: int
    y: int
    path: str


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
    return drawn(area.name, area.boundary, [(part.name, part.boundary) for part in parts])


def map_of_town() -> Map | None:
    """The map of all largest areas; of one, with the areas in it."""
    largest = sa.select(api.Area).where(api.Area.parent_id.is_(None), api.Area.boundary.is_not(None))
    areas = api.db.session.scalars(largest.order_by(api.Area.name)).all()
    if len(areas) < 2:
        return map_of(areas[0].id) if areas else None
    polygons = [polygon for area in areas for polygon in _polygons(area.boundary)]
    everything = {"type": "MultiPolygon", "coordinates": polygons}
    return drawn("", everything, [(area.name, area.boundary) for area in areas])


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
