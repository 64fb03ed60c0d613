"""How the pages say dates, themes and mandates; times are the town's, wherever the reader is."""

import datetime as dt
from typing import Any

from flask import render_template

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from . import labels
from .models import Visit
from .triage import queues

MANDATES = {
    "mayor": lazy_gettext("mayor"),
    "deputy_mayor": lazy_gettext("deputy mayor"),
    "delegated_councillor": lazy_gettext("delegated councillor"),
    "councillor": lazy_gettext("councillor"),
}


def draw(template: str, **context: Any) -> str:
    """A page or a piece of one, which says things with the functions below."""
    return render_template(
        template,
        now=api.now(),
        date=date,
        day_of=day_of,
        called_off=called_off,
        hours=hours,
        mandate=mandate,
        standing=labels.standing,
        theme_label=labels.theme_label,
        queue_label=queues.queue_label,
        outcome_label=labels.outcome_label,
        visit_state_label=labels.visit_state_label,
        flags_label=labels.flags_label,
        **context,
    )


def date(moment: dt.datetime) -> str:
    """The day of a moment where the town is: Thursday 12 March 2026."""
    return api.day(moment.astimezone(api.town_zone()).date(), weekday=True)


def day_of(visit: Visit) -> str:
    """The day of a visit; of one that is postponed or cancelled, that it is."""
    return str(labels.visit_state_label(visit)) if visit.off else date(visit.starts_at)


def called_off(visit: Visit) -> str:
    """What becomes of a visit that does not take place on its day, and of the questions before it."""
    if visit.state == "postponed":
        return str(
            _(
                "The new date will be told here, and to all with an account who asked or support a question. "
                "Questions that were asked are kept, and the team goes on answering them."
            )
        )
    return str(
        _(
            "It does not take place. Questions that were asked stay with the team, "
            "which can still answer them in writing."
        )
    )


def hours(visit: Visit) -> str:
    """From when to when a visit takes place: 18:00 – 20:00."""
    ends = (visit.starts_at, visit.ends_at)
    return " – ".join(f"{moment.astimezone(api.town_zone()):%H:%M}" for moment in ends)


def glance(text: str, most: int) -> str:
    """What a Markdown text says in so many characters, in one paragraph, cut between words."""
    said = api.plain(api.markdown(text)) if text else ""
    return said if len(said) <= most else said[:most].rsplit(" ", 1)[0] + " …"


def mandate(user: api.User, commune: str = "") -> str:
    """What an elected official is: mandate, commune if it is to be said, and portfolio.

    A list's name is no matter of the town's papers.
    """
    said = str(MANDATES[user.mandate]) if user.mandate in MANDATES else ""
    return ", ".join(filter(None, (said, commune, user.portfolio)))
