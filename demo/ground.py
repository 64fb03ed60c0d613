"""The ground of the demonstration town: its borders, drawn here, and where things are.

Places are in kilometres east and north of its fountain, which stands in the open sea,
so that nobody's house is on its map.
"""

import json
import math
import random
from itertools import pairwise
from typing import Any

from .town import AREAS

Place = tuple[float, float]

SOUTH_NORTH, WEST_EAST = 46.4, -6.2  # degrees of the fountain
DEGREE = 111.2  # kilometres
BENDS, WILD = 4, 0.09

CORNERS: dict[str, Place] = {
    "a": (-2.6, 0.4),
    "b": (-1.8, 1.9),
    "c": (-0.2, 2.5),
    "d": (1.6, 2.1),
    "e": (2.5, 0.9),
    "f": (2.3, -0.6),
    "g": (0.6, -1.1),
    "h": (-1.2, -0.9),
    "k": (2.6, -1.9),
    "l": (1.2, -2.9),
    "m": (-0.9, -2.7),
    "n": (-2.0, -1.8),
    "p": (-0.8, 0.7),
    "q": (0.5, 0.9),
    "r": (1.0, 0.0),
    "s": (-0.5, -0.4),
    "u": (0.2, -2.0),
}
RINGS = {  # f, g and h are on the river
    "agglo": "abcdefklmnh",
    "montclarey": "abcdefgh",
    "centre": "pqrs",
    "tanneries": "abpsrgh",
    "gare": "cdefgrq",
    "bellevue": "bcqp",
    "verin": "hgfklmn",
    "bourg": "hgun",
    "pres": "gfklmnu",
}


def degrees(place: Place) -> tuple[float, float]:
    """Latitude and longitude of a place."""
    east, north = place
    longitude = WEST_EAST + east / (DEGREE * math.cos(math.radians(SOUTH_NORTH)))
    return round(SOUTH_NORTH + north / DEGREE, 5), round(longitude, 5)


def geojson(keys: list[str]) -> bytes:
    """The file of these areas, as an administrator brings one in."""
    features = [
        {
            "type": "Feature",
            "properties": {"name": AREAS[key][1]},
            "geometry": {"type": "Polygon", "coordinates": [_ring(RINGS[key])]},
        }
        for key in keys
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def _ring(corners: str) -> list[list[float]]:
    points: list[Place] = []
    for one, other in zip(corners, corners[1:] + corners[0], strict=True):
        points += _border(one, other)
    ring = [list(reversed(degrees(point))) for point in points]
    return [*ring, ring[0]]


def _border(one: str, other: str) -> list[Place]:
    """From a corner to just before another, as borders run; the same for the areas on either side."""
    first, last = sorted((one, other))
    chance: Any = random.Random(first + last)  # noqa: S311
    points = [CORNERS[first], CORNERS[last]]
    for _time in range(BENDS):
        bent = [points[0]]
        for (x, y), (to_x, to_y) in pairwise(points):
            off = chance.uniform(-WILD, WILD)
            bent += [((x + to_x) / 2 - off * (to_y - y), (y + to_y) / 2 + off * (to_x - x)), (to_x, to_y)]
        points = bent
    return points[:-1] if one == first else points[:0:-1]
