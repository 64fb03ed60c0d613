"""In which order stops are walked: distances between them, and a short way from where people meet."""

import itertools
import math
from collections.abc import Sequence

Place = tuple[float, float]  # latitude and longitude, in degrees of WGS 84
EARTH = 6_371_000.0
FEW = 10  # places up to which each is tried as the first
PACE = 3.0  # km/h in a straight line: a group that talks, and streets that turn


def metres(one: Place, other: Place) -> float:
    """How far two places are from one another, in a straight line on the ground."""
    (lat1, lon1), (lat2, lon2) = (map(math.radians, place) for place in (one, other))
    h = math.sin((lat2 - lat1) / 2) ** 2
    h += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH * math.asin(min(1.0, math.sqrt(h)))


def walk(distance: float) -> int:
    """How many minutes it takes to walk so many metres, rounded up."""
    return math.ceil(distance / (PACE * 1000 / 60))


def length(places: Sequence[Place]) -> float:
    """The metres of a way from place to place."""
    return sum(metres(one, other) for one, other in itertools.pairwise(places))


def shortest(start: Place | None, places: Sequence[Place]) -> list[int]:
    """An order of places that is short to walk from the start, else from the first: nearest next, then 2-opt.

    It needs no way back; the answer is the indexes of `places`. With few places, each is tried as the first.
    """
    points = [start or places[0], *places] if places else []
    far = [[metres(one, other) for other in points] for one in points]
    firsts = sorted(range(1, len(points)), key=lambda one: far[0][one])
    tried = [_better([0, first], far) for first in (firsts if len(firsts) <= FEW else firsts[:1])]
    return [one - 1 for one in min(tried, key=lambda way: _along(way, far))[1:]] if tried else []


def _better(order: list[int], far: list[list[float]]) -> list[int]:
    """A way that begins like this, always to the nearest, then made shorter as long as that is found."""
    left = set(range(len(far))) - set(order)
    while left:
        order.append(min(left, key=lambda one: (far[order[-1]][one], one)))
        left.remove(order[-1])
    while _untangle(order, far) or _transplant(order, far):
        pass
    return order


def _along(order: list[int], far: list[list[float]]) -> float:
    return sum(far[one][other] for one, other in itertools.pairwise(order))


def _untangle(order: list[int], far: list[list[float]]) -> bool:
    """Turn one stretch of the way around where that makes it shorter; the start stays."""
    for first, last in itertools.combinations(range(1, len(order)), 2):
        before, a, b = order[first - 1], order[first], order[last]
        gain = far[before][a] - far[before][b]
        if last + 1 < len(order):
            gain += far[b][order[last + 1]] - far[a][order[last + 1]]
        if gain > 1e-6:
            order[first : last + 1] = reversed(order[first : last + 1])
            return True
    return False


def _transplant(order: list[int], far: list[list[float]]) -> bool:
    """Walk to one place, or to some in a row, at another time where that makes the way shorter."""
    now = _along(order, far)
    for size in (1, 2, 3):
        for at in range(1, len(order) - size + 1):
            moved, rest = order[at : at + size], order[:at] + order[at + size :]
            for to in range(1, len(rest) + 1):
                for piece in (moved, moved[::-1]):
                    way = rest[:to] + piece + rest[to:]
                    if _along(way, far) < now - 1e-6:
                        order[:] = way
                        return True
    return False
