"""Which colours a town may choose: those that can be read, and the nearest of them to one that can't."""

import colorsys
import re

from core.colours import channels, contrast, on

LIGHT_PAGE = "#f7f3ec"
DARK_CARD = "#26221d"
ON_PAGE = 5.0
ON_COLOUR = 4.5


def valid(colour: str) -> bool:
    """Whether this is a colour as browsers send it: `#rrggbb`."""
    return bool(re.fullmatch(r"#[0-9a-fA-F]{6}", colour))


def readable(colour: str, page: str) -> bool:
    """Whether text of this colour reads well on the page, and white or black text on this colour."""
    return contrast(colour, page) >= ON_PAGE and contrast(colour, on(colour)) >= ON_COLOUR


def nearest(colour: str, page: str) -> str:
    """The colour of the same hue, lightened or darkened as little as possible, that is readable."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*channels(colour))
    steps = sorted((index / 200 for index in range(201)), key=lambda step: abs(step - lightness))
    candidates = (_hex(colorsys.hls_to_rgb(hue, step, saturation)) for step in steps)
    return next(found for found in (colour, *candidates) if readable(found, page))


def _hex(channels: tuple[float, ...]) -> str:
    return "#" + bytes(round(channel * 255) for channel in channels).hex()
