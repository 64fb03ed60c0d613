"""The map of a visit as a drawing: the outline of its area, where people meet, its stops, what is asked."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core import api

from ..collect import streets
from ..models import Question, Visit
from . import ordering, route

WIDE, EDGE = 640, 28
MOST_PINS = 100
SMALLEST = 0.002  # degrees, so that one pin alone is not a whole page
BARS = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)  # metres that a scale bar may stand for
LONGEST_BAR = WIDE / 3
METRES = 111_320  # in a degree from south to north


@dataclass(frozen=True)
class Drawing:
    """Paths and points of a map, in the units of its drawing; what its area is called, and its scale bar."""

    name: str
    bar: tuple[float, str]
    height: int
    outlines: list[str]
    streets: str
    way: str
    meeting: tuple[float, float] | None
    stops: list[tuple[int, float, float, str]]
    pins: list[tuple[float, float, str, int]]


def drawing(visit: Visit, space: api.Space, legs: Sequence[route.Leg]) -> Drawing | None:
    """The map of a visit with these stops; None where nothing has a place."""
    area = api.db.session.get(api.Area, space.area_id) if space.area_id else None
    rings = list(_rings(area.boundary)) if area and area.boundary else []
    meeting = route.meeting(visit)
    stops = [(leg, found) for leg in legs if (found := route.place(leg.stop))]
    pins = _pins(space.id)
    shown = [place for ring in rings for place in ring]
    shown += [place for place in (meeting, *(place for _leg, place in stops)) if place]
    shown += [place for place, _title, _ident in pins]
    if not shown:
        return None
    project, height, scale = _projection(shown)
    way = [place for place in (meeting, *(place for _leg, place in stops)) if place]
    return Drawing(
        area.name if area and rings else "",
        _bar(scale),
        height,
        [_path(map(project, ring)) + "Z" for ring in rings],
        streets.path(streets.within(_box(shown)), lambda longitude, latitude: project((latitude, longitude))),
        _path(map(project, way)) if len(way) > 1 else "",
        project(meeting) if meeting else None,
        [(leg.number, *project(place), leg.stop.title) for leg, place in stops],
        [(*project(place), title, ident) for place, title, ident in pins],
    )


def _pins(space_id: int) -> list[tuple[ordering.Place, str, int]]:
    """The public pins of the questions that everybody reads, those with most support first."""
    rows = (
        sa.select(api.Entry.id, api.Entry.title, Question)
        .join(Question, Question.entry_id == api.Entry.id)
        .where(api.Entry.space_id == space_id, api.Entry.state == "published", ~api.Entry.team_only)
        .where(Question.triage == "accepted", Question.latitude.is_not(None), Question.longitude.is_not(None))
        .order_by(api.Entry.support_count.desc(), api.Entry.id)
        .limit(MOST_PINS)
    )
    found = api.db.session.execute(rows)
    return [(place, title, ident) for ident, title, question in found if (place := question.public_pin)]


def _rings(boundary: dict[str, Any]) -> Iterator[list[ordering.Place]]:
    """The outer rings of a polygon or of several, in GeoJSON."""
    shapes = boundary.get("coordinates", [])
    for polygon in [shapes] if boundary.get("type") == "Polygon" else shapes:
        yield [(point[1], point[0]) for point in polygon[0]]


def _box(shown: Sequence[ordering.Place]) -> streets.Box:
    """Between which degrees places are: west, south, east, north."""
    up, across = zip(*shown, strict=True)
    return min(across), min(up), max(across), max(up)


def _bar(scale: float) -> tuple[float, str]:
    """How long a scale bar is in the drawing, and what it stands for."""
    fitting = [metres for metres in BARS if metres / METRES * scale <= LONGEST_BAR]
    metres = max(fitting, default=BARS[0])
    said = f"{metres // 1000}\N{NO-BREAK SPACE}km" if metres >= 1000 else f"{metres}\N{NO-BREAK SPACE}m"
    return round(metres / METRES * scale, 1), said


def _projection(shown: Sequence[ordering.Place]) -> tuple[Any, int, float]:
    """From degrees to the drawing, north up and as wide as it is; how high that makes it, and its scale."""
    south, north = min(one[0] for one in shown), max(one[0] for one in shown)
    west, east = min(one[1] for one in shown), max(one[1] for one in shown)
    narrow = math.cos(math.radians((south + north) / 2))
    room = max((east - west) * narrow, (north - south) / 1.4, SMALLEST)
    scale = (WIDE - 2 * EDGE) / room
    height = max(160, round((north - south) * scale) + 2 * EDGE)
    middle, across = (south + north) / 2, (west + east) / 2

    def project(place: ordering.Place) -> tuple[float, float]:
        x = WIDE / 2 + (place[1] - across) * narrow * scale
        return round(x, 1), round(height / 2 - (place[0] - middle) * scale, 1)

    return project, height, scale


def _path(points: Any) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)
