"""The figures of a visit, counted from its open data alone; anybody can count them again."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]
SETTLED = ("settled", "information_given")


def figures(questions: list[Row], counts: list[Row], starts_at: str) -> dict[str, Any]:
    """What the report counts, from the rows of `questions` and `counts` that the open data holds."""
    decided = _counted(counts, "decision")
    received = sum(number for decision, number in decided.items() if decision != "withdrawn")
    answered = [row for row in questions if row["answered_at"]]
    before = [row for row in answered if row["outcome"] in SETTLED and row["answered_at"] < starts_at]
    return {
        "received": received,
        "accepted": len(questions),
        "answered": len(answered),
        "rate": share(len(answered), received),
        "settled_before": len(before),
        "rejected": _counted(counts, "reason"),
        "forwarded": decided.get("forwarded", 0),
        "private": decided.get("private_case", 0),
        "withdrawn": decided.get("withdrawn", 0),
        "waiting": decided.get("submitted", 0),
        "outcomes": _tally(row["outcome"] for row in questions),
        "channels": {name: share(number, received) for name, number in _counted(counts, "channel").items()},
        "times": times(answered),
    }


def times(answered: Iterable[Row]) -> list[Row]:
    """Days from a question to its first answer: all together, then by department."""
    together: list[int] = []
    parts: dict[str, list[int]] = {}
    for row in answered:
        days = (dt.date.fromisoformat(row["answered_on"]) - dt.date.fromisoformat(row["asked_on"])).days
        together.append(days)
        if row["department"]:
            parts.setdefault(row["department"], []).append(days)
    return [_time(name, days) for name, days in (("", together), *sorted(parts.items())) if days]


def share(part: int, whole: int) -> float:
    """How many of a hundred, to one decimal."""
    return round(100 * part / whole, 1) if whole else 0.0


def _time(name: str, days: list[int]) -> Row:
    from statistics import median  # brings fractions and decimals, for the report alone

    ordered = sorted(days)
    rank = -(-9 * len(ordered) // 10)  # nine of ten, rounded up
    half, most = median(ordered), ordered[rank - 1]
    return {"department": name, "answers": len(ordered), "median": half, "ninetieth": most}


def _counted(counts: list[Row], measure: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in counts:
        if row["measure"] == measure:
            found[row["value"]] = found.get(row["value"], 0) + row["number"]
    return found


def _tally(words: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    return found
