"""Where an address is, asked of a service that staff chose or of none; what fails leaves people to go on.

The protocol is that of the French national address API: `search/?q=…&limit=…` and `reverse/?lon=…&lat=…`
answer a GeoJSON FeatureCollection. No address is kept, nor written to a log.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from core import api

PLUGIN = "neighbourhood_visits"
SECONDS = 3
MOST = 200_000  # bytes
TYPES = ("application/json", "application/geo+json", "application/vnd.geo+json")


@dataclass(frozen=True)
class Place:
    """A place that was found: how it is called, and where it is."""

    label: str
    latitude: float
    longitude: float


def known() -> bool:
    """Whether there is a service to ask."""
    chosen = api.settings(PLUGIN)
    return chosen["geocoder"] == "address_api" and bool(chosen["geocoder_url"])


def search(address: str) -> Place | None:
    """The best place for an address; None where none is found, in time."""
    return _ask("search/", q=address[:200], limit=1) if address.strip() else None


def reverse(latitude: float, longitude: float) -> Place | None:
    """The address nearest to a place."""
    return _ask("reverse/", lon=longitude, lat=latitude, limit=1)


def _ask(path: str, **values: Any) -> Place | None:
    if not known():
        return None
    base = api.settings(PLUGIN)["geocoder_url"].rstrip("/")
    url = f"{base}/{path}?{urlencode(values)}"
    try:
        answer = api.fetch(PLUGIN, url, types=TYPES, most=MOST, seconds=SECONDS)
        return _first(json.loads(answer.body))
    except (api.FetchError, ValueError, TypeError, KeyError, IndexError):
        return None


def _first(found: Any) -> Place | None:
    feature = found["features"][0]
    longitude, latitude = (float(part) for part in feature["geometry"]["coordinates"][:2])
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        return None
    return Place(api.one_line(str(feature["properties"]["label"]))[:200], latitude, longitude)
