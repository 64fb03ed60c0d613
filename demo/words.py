"""How the demonstration town writes: French typography, and times said as `2d3h`."""

import datetime as dt
import re
from typing import Any

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def french(text: str) -> str:
    """The text with the apostrophes and the unbreakable spaces that French asks for."""
    text = re.sub(r" ([;?!»%])", "\u202f\\1", text.replace("'", "’"))
    text = re.sub(r" (?=:)|(?<=\d) (?=(?:h|°C)\b)|(?<=\d h) (?=\d)", "\u00a0", text)
    return text.replace("« ", "«\u202f")


def ago(text: str) -> dt.timedelta:
    """How long ago `2d3h` or `50m` was."""
    parts: dict[str, Any] = {UNITS[unit]: int(count) for count, unit in re.findall(r"(\d+)([dhm])", text)}
    return dt.timedelta(**parts)
