"""The contrast of colours by WCAG 2, and the colour of text that reads on one."""


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def on(colour: str) -> str:
    """White or near black, whichever reads better on this colour."""
    return max(("#ffffff", "#16130f"), key=lambda text: contrast(text, colour))


def channels(colour: str) -> tuple[float, float, float]:
    """Red, green and blue of `#rrggbb`, each from 0 to 1."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red / 255, green / 255, blue / 255


def _luminance(colour: str) -> float:
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
