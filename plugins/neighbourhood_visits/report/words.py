"""How the report says its facts and defines its figures, in plain words."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from .. import labels
from .figures import Row

CAN = {
    "settled": lazy_gettext("Yes, it is done"),
    "committed": lazy_gettext("Yes, it is promised"),
    "refused": lazy_gettext("No"),
    "needs_study": lazy_gettext("Not known yet, it is studied"),
    "not_competent": lazy_gettext("Not by the town"),
    "information_given": lazy_gettext("It is explained"),
    "none": lazy_gettext("Not decided yet"),
}
GROUPS = (  # of outcomes, as the report takes them one after the other
    ("done", ("settled", "information_given"), lazy_gettext("Done or explained")),
    ("promised", ("committed",), lazy_gettext("What is promised, and by when")),
    ("refused", ("refused", "not_competent"), lazy_gettext("Refused, or not the town’s to decide")),
    ("studied", ("needs_study",), lazy_gettext("Studied further")),
    ("undecided", ("none",), lazy_gettext("Not decided yet")),
)
TONES = {"settled": "success", "committed": "success", "refused": "danger", "needs_study": "warning"}
CHANNELS = {
    "web": lazy_gettext("on this site"),
    "email": lazy_gettext("by e-mail"),
    "phone": lazy_gettext("by telephone"),
    "paper": lazy_gettext("on paper"),
    "stall": lazy_gettext("at a stall or on the way"),
}
WORDS: dict[str, Any] = {
    "received": lazy_gettext(
        "All questions that arrived, except those withdrawn by who asked and those moderators took out."
    ),
    "settled_before": lazy_gettext(
        "Questions that were settled or explained by an answer published before the visit began."
    ),
    "rate": lazy_gettext(
        "Accepted questions with a published answer, out of all received. One that is grouped is answered "
        "with the first of its group."
    ),
    "times": lazy_gettext(
        "Days from the day a question was received to the day its first answer was published. Half of the "
        "answers took no longer than the median; nine of ten no longer than the last column."
    ),
    "beside": lazy_gettext(
        "Not accepted, forwarded to another body and dealt with in private: counted here, and nothing else "
        "is said of them."
    ),
    "channels": lazy_gettext("How the received questions came, out of a hundred."),
}


def reworded(facts: Row) -> Row:
    """What a report says, with the usual themes and reasons in the reader's language, whichever it kept."""
    usual, figures = labels.usual(), facts.get("figures")
    questions = [{**row, "theme": usual.get(row["theme"], row["theme"])} for row in facts["questions"]]
    if figures:
        rejected = {usual.get(reason, reason): number for reason, number in figures["rejected"].items()}
        figures = {**figures, "rejected": rejected}
    return {**facts, "questions": questions, "figures": figures}


def decision(row: Row) -> tuple[str, str]:
    """Whether what a question asks for can be done, and the tone of its badge."""
    return str(CAN.get(row["outcome"], row["outcome"])), TONES.get(row["outcome"], "quiet")


def by_decision(rows: Sequence[Row], silent: bool = False) -> list[tuple[str, str, list[Row]]]:
    """The questions of a report by what was decided, as its contents name them: name, heading, rows.

    A heading says how many there are, unless the figures are `silent`.
    """
    found = []
    for name, outcomes, label in GROUPS:
        some = [row for row in rows if row["outcome"] in outcomes]
        if some:
            found.append((name, str(label) if silent else f"{label} ({len(some)})", some))
    return found


def when(row: Row, commitments: list[Row]) -> str:
    """When it is done, or was answered."""
    dates = [promise["due_on"] for promise in commitments if promise["state"] != "abandoned"]
    if dates:
        return str(_("by %(date)s", date=_day(max(dates))))
    if row["outcome"] in ("settled", "information_given") and row["answered_on"]:
        return str(_("since %(date)s", date=_day(row["answered_on"])))
    return ""


def why(row: Row) -> str:
    """Why it ends so: the reason that was given, else that the answer says it."""
    own = row["answer"] and row["grouped_with"] in (None, row["id"])
    if not row["outcome_reason"] and own and row["outcome"] in ("refused", "needs_study", "not_competent"):
        return str(_("The answer says why."))
    return str(row["outcome_reason"])


def promises_of(row: Row, commitments: list[Row]) -> list[Row]:
    """What was promised about a question, or about the first of its group."""
    return [one for one in commitments if one["question"] in (row["id"], row["grouped_with"] or row["id"])]


def channel_label(name: str) -> str:
    """How a question came."""
    return str(CHANNELS.get(name, name))


def voices(row: Row) -> int:
    """How many people support a question with its group, each counted once beside the first of that alone."""
    if row["grouped_with"] not in (None, row["id"]):
        return 0
    own: int = row["supports"]
    return row.get("group_supports") or own


def changes(mentions: Iterable[Row]) -> list[str]:
    """What was taken out of a report or of a paper, and on which day, each once."""
    return list(dict.fromkeys(_change(one) for one in mentions if one["on"]))


def _change(mention: Row) -> str:
    if mention["what"] == "minutes":
        return str(_("Changed on %(date)s: words of the minutes were taken out.", date=_day(mention["on"])))
    if mention["what"] == "answer":
        return str(_("Changed on %(date)s: words of an answer were taken out.", date=_day(mention["on"])))
    if mention["what"] == "promise":
        return str(_("Changed on %(date)s: words of a promise were taken out.", date=_day(mention["on"])))
    if mention["what"] == "shown":
        return str(_("Changed on %(date)s: what had been hidden is shown again.", date=_day(mention["on"])))
    return str(_("Changed on %(date)s: words of a question were taken out.", date=_day(mention["on"])))


def _day(text: str) -> str:
    return api.day(dt.date.fromisoformat(text))
