"""The ground of the demonstration town: its borders and streets, drawn here, and where things are.

Places are in kilometres east and north of its fountain, which stands in the open sea,
so that nobody's house is on its map.
"""

import json
import math
import random
from itertools import pairwise
from typing import Any

from .town import AREAS
from .words import french

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
STREETS: dict[str, list[Place]] = {  # those with a name; lanes without one lie between them
    "Grande Rue": [(-0.75, 0.62), (-0.35, 0.34), (0.0, 0.05), (0.3, -0.3), (0.55, -0.95)],
    "Avenue de la Gare": [(0.0, 0.05), (0.6, 0.35), (1.2, 0.62), (1.55, 0.75), (2.3, 0.95)],
    "Rue des Libraires": [(-0.3, 0.75), (0.05, 0.55), (0.35, 0.3), (0.75, 0.1)],
    "Quai des Lavandières": [(-1.05, -0.8), (-0.6, -0.86), (-0.1, -0.9), (0.3, -0.98)],
    "Rue des Tanneurs": [(-1.9, 0.1), (-1.4, 0.1), (-0.9, -0.05), (-0.55, -0.3), (-0.3, -0.75)],
    "Boulevard de Bellevue": [(-1.5, 1.55), (-1.1, 1.6), (-0.4, 1.95), (0.2, 2.05)],
    "Rue du Belvédère": [(-0.4, 1.95), (-0.2, 1.2), (-0.05, 0.8)],
    "Rue de l'Octroi": [(-0.75, 0.62), (-0.7, 1.3), (-1.1, 1.6)],
    "Route de Vérin": [(0.55, -0.95), (0.5, -1.3), (0.3, -1.7), (0.25, -2.3)],
    "Rue du Bourg": [(-1.3, -1.35), (-0.6, -1.2), (-0.2, -1.15), (0.5, -1.3)],
    "Chemin des Prés": [(0.5, -1.3), (1.1, -1.5), (1.7, -1.7), (2.1, -1.75)],
    "Boulevard du Rail": [(1.9, 0.1), (1.55, 0.75), (1.2, 1.4), (0.7, 1.8)],
}
BLOCK = 0.17  # kilometres between two lanes


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


def streets() -> bytes:
    """The file of the streets, as a town's engineer brings one in."""
    lines = [*STREETS.items(), *(("", lane) for key in ("montclarey", "verin") for lane in _lanes(key))]
    features = [
        {
            "type": "Feature",
            "properties": {"nom": french(name)},
            "geometry": {
                "type": "LineString",
                "coordinates": [list(reversed(degrees(point))) for point in line],
            },
        }
        for name, line in lines
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def _lanes(key: str) -> list[list[Place]]:
    """Lanes across a commune, each a little bent, where there is ground and often enough no house."""
    ring = [CORNERS[corner] for corner in RINGS[key]]
    chance: Any = random.Random(key)  # noqa: S311
    spot = {
        (column, row): (
            (column + chance.uniform(-WILD, WILD) * 3) * BLOCK,
            (row + chance.uniform(-WILD, WILD) * 3) * BLOCK,
        )
        for column in range(-17, 18)
        for row in range(-18, 16)
    }
    lanes = []
    for (column, row), here in spot.items():
        for right, up in ((1, 0), (0, 1)):
            there = spot.get((column + right, row + up))
            if there and chance.random() < 0.55 and _inside(here, ring) and _inside(there, ring):
                lanes.append([here, there])
    return lanes


def _inside(place: Place, ring: list[Place]) -> bool:
    """Whether a place is within a border, by the sides of it that a line to the east crosses."""
    (x, y), inside = place, False
    for (one_x, one_y), (other_x, other_y) in pairwise([*ring, ring[0]]):
        if (one_y > y) != (other_y > y) and x < one_x + (y - one_y) / (other_y - one_y) * (other_x - one_x):
            inside = not inside
    return inside


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
