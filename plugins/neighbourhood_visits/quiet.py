"""The weeks before an election: nothing is highlighted and no figure shown; asking and answering go on."""

from typing import Any

from core import api
from core.api import gettext as _

FIGURES = ("supports", "group_supports", "signatures", "unconfirmed")  # of a question in the data


def sentence() -> str:
    """What pages say while it is so, else nothing."""
    settings = api.settings("neighbourhood_visits")
    begins, ends = settings["quiet_from"], settings["quiet_until"]
    if begins is None or ends is None or not begins <= api.town_today() <= ends:
        return ""
    return str(
        _(
            "An election comes: until %(date)s, no figure of the visits is shown and nothing is put forward. "
            "You can ask questions and read answers as always.",
            date=api.day(ends),
        )
    )


def without_figures(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Tables of the data as everybody reads them: while it is so, no counts, nor how many support what."""
    if not sentence():
        return tables
    questions = [row | dict.fromkeys(FIGURES) for row in tables["questions"]]
    return {name: rows for name, rows in tables.items() if name != "counts"} | {"questions": questions}
