"""Colours that can be read: the contrast of WCAG 2, and the nearest colour that has enough of it."""

import colorsys
import re

LIGHT_PAGE = "#f7f3ec"
DARK_CARD = "#26221d"
ON_PAGE = 5.0
ON_COLOUR = 4.5


def valid(colour: str) -> bool:
    """Whether this is a colour as browsers send it: `#rrggbb`."""
    return bool(re.fullmatch(r"#[0-9a-fA-F]{6}", colour))


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def on(colour: str) -> str:
    """White or near black, whichever reads better on this colour."""
    return max(("#ffffff", "#16130f"), key=lambda text: contrast(text, colour))


def readable(colour: str, page: str) -> bool:
    """Whether text of this colour reads well on the page, and white or black text on this colour."""
    return contrast(colour, page) >= ON_PAGE and contrast(colour, on(colour)) >= ON_COLOUR


def nearest(colour: str, page: str) -> str:
    """The colour of the same hue, lightened or darkened as little as possible, that is readable."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    steps = sorted((index / 200 for index in range(201)), key=lambda step: abs(step - lightness))
    candidates = (_hex(colorsys.hls_to_rgb(hue, step, saturation)) for step in steps)
    return next(found for found in (colour, *candidates) if readable(found, page))


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red / 255, green / 255, blue / 255


def _hex(channels: tuple[float, ...]) -> str:
    return "#" + bytes(round(channel * 255) for channel in channels).hex()


def _luminance(colour: str) -> float:
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
