"""The weeks before an election: nothing is highlighted and no figure shown; asking and answering go on."""

from core import api
from core.api import gettext as _


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
