"""In which part of the town a place lies, and which visits take place near there."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from core import api

from ..models import OVER, Visit
from .maps import rings

NEAR = 6
OUTSIDE = 300  # metres beyond its border that people still call their neighbourhood
DEGREE = 111_195  # metres, of latitude


def area_at(latitude: float, longitude: float) -> api.Area | None:
    """The smallest area in which a place lies, found from the largest down, even below a blank one."""
    found: api.Area | None = None
    level = _under([None])
    while level:
        inside = [area for area in level if area.boundary and _holds(area.boundary, longitude, latitude)]
        found = inside[0] if inside else found
        further = [area.id for area in level if area in inside or not area.boundary]
        level = _under(further) if further else []
    return found


def strays(area_id: int | None, latitude: float, longitude: float) -> str:
    """The name of an area, for a place that is further outside of its border than people take it to be."""
    area = api.db.session.get(api.Area, area_id) if area_id else None
    if area is None or not area.boundary or _holds(area.boundary, longitude, latitude):
        return ""
    return "" if _metres(area.boundary, longitude, latitude) <= OUTSIDE else area.name


def _metres(boundary: Any, x: float, y: float) -> float:
    """How far a place is from a border, about."""
    wide, high = DEGREE * math.cos(math.radians(y)), DEGREE
    nearest = math.inf
    for ring in rings(boundary):
        corners = [((corner[0] - x) * wide, (corner[1] - y) * high) for corner in ring]
        for (x1, y1), (x2, y2) in pairwise(corners):
            right, up = x2 - x1, y2 - y1
            along = -(x1 * right + y1 * up) / (right**2 + up**2 or 1.0)
            along = min(max(along, 0.0), 1.0)
            nearest = min(nearest, math.hypot(x1 + along * right, y1 + along * up))
    return nearest


def _under(parents: Sequence[int | None]) -> Sequence[api.Area]:
    ids = [parent for parent in parents if parent is not None]
    rows = sa.select(api.Area).where(api.Area.parent_id.in_(ids) if ids else api.Area.parent_id.is_(None))
    return api.db.session.scalars(rows.order_by(api.Area.id)).all()


def _holds(boundary: Any, x: float, y: float) -> bool:
    """Whether a place is inside a border: a line from it crosses the border an odd number of times."""
    inside = False
    for ring in rings(boundary):
        for (x1, y1, *_z1), (x2, y2, *_z2) in pairwise(ring):
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                inside = not inside
    return inside


def chosen(kept: str | None) -> api.Area | None:
    """The area that somebody chose, as their browser keeps it, or else that of their profile."""
    if kept and kept.isascii() and kept.isdecimal() and len(kept) < 10:
        return api.db.session.get(api.Area, int(kept))
    path = api.viewer().area
    if not path:
        return None
    found: api.Area | None = api.db.session.scalar(sa.select(api.Area).where(api.Area.path == path))
    return found


def visits_near(area: api.Area) -> Sequence[sa.Row[Visit, api.Space]]:
    """The visits to come in an area, within it, then around it: the smallest area first, then the next."""
    around = sa.or_(api.Area.path.startswith(area.path), sa.literal(area.path).startswith(api.Area.path))
    outside = sa.case((api.Area.id == area.id, 0), (api.Area.path.startswith(area.path), 1), else_=2)
    rows = (
        sa.select(Visit, api.Space)
        .join(api.Space, api.Space.id == Visit.space_id)
        .join(api.Area, api.Area.id == api.Space.area_id)
        .where(Visit.ends_at >= api.now(), Visit.state.not_in(OVER), around)
        .order_by(outside, sa.func.length(api.Area.path).desc(), Visit.starts_at, Visit.space_id)
    )
    return api.db.session.execute(rows.limit(NEAR)).all()


def names() -> list[tuple[int, str]]:
    """All areas to choose from, each after the one it lies in."""
    rows = sa.select(api.Area.id, api.Area.name, api.Area.path).order_by(api.Area.path)
    return [(row.id, "\u2003" * (row.path.count("/") - 2) + row.name) for row in api.db.session.execute(rows)]
