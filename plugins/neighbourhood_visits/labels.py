"""How what a visit keeps is called: themes, states, outcomes, and the usual reasons and bodies."""

from flask_babel import force_locale

from core import api
from core.api import gettext as _
from core.api import ngettext

from .models import Question, Visit

LANGUAGES = ("fr", "en")
BUILT_IN_THEMES = (
    ("streets", api.lazy_gettext("Streets and pavements")),
    ("transport", api.lazy_gettext("Getting around and parking")),
    ("cleanliness", api.lazy_gettext("Cleanliness and waste")),
    ("safety", api.lazy_gettext("Safety and quiet")),
    ("green", api.lazy_gettext("Parks and trees")),
    ("schools", api.lazy_gettext("Schools and childhood")),
    ("sports", api.lazy_gettext("Sports and culture")),
    ("housing", api.lazy_gettext("Housing and planning")),
    ("other", api.lazy_gettext("Something else")),
)
USUAL_REASONS = (
    api.lazy_gettext("It names or concerns a private person."),
    api.lazy_gettext("It is not about this neighbourhood."),
    api.lazy_gettext("Its words hurt: please ask again in other words."),
    api.lazy_gettext("It is not a question to the town."),
)
OTHER_REASON = api.lazy_gettext("Another reason")
USUAL_BODIES = (
    api.lazy_gettext("the intercommunal authority"),
    api.lazy_gettext("the department council"),
    api.lazy_gettext("the regional council"),
    api.lazy_gettext("the State’s services"),
)
OUTCOMES = {
    "settled": api.lazy_gettext("Settled"),
    "committed": api.lazy_gettext("Promised"),
    "refused": api.lazy_gettext("Refused"),
    "needs_study": api.lazy_gettext("To be studied"),
    "not_competent": api.lazy_gettext("Not the town’s to decide"),
    "information_given": api.lazy_gettext("Explained"),
}


def themes() -> list[tuple[str, str]]:
    """The themes that a question may have, as (kept word, label): the town's own, else the usual ones."""
    own = [line.strip()[:80] for line in api.settings("neighbourhood_visits")["themes"].splitlines()]
    if any(own):
        return [(line, line) for line in own if line]
    return [(word, str(label)) for word, label in BUILT_IN_THEMES]


def theme_label(theme: str) -> str:
    """How a question's theme is shown; one that the town has since dropped is shown as it was."""
    return str(dict(BUILT_IN_THEMES).get(theme, theme))


def usual() -> dict[str, str]:
    """The usual themes and reasons, in whichever language they were kept, as this reader reads them."""
    labels = [label for _word, label in BUILT_IN_THEMES]
    mine = [str(label) for label in (*labels, *USUAL_REASONS, OTHER_REASON)]
    found: dict[str, str] = {}
    for language in LANGUAGES:
        with force_locale(language):
            kept = [str(label) for label in (*labels, *USUAL_REASONS, OTHER_REASON)]
        found |= dict(zip(kept, mine, strict=True))
    return found


def standing(question: Question) -> str:
    """Where a question stands, in a word or two."""
    if question.answered_at is not None:
        return str(_("Answer published"))
    if question.triage == "accepted" and question.outcome != "none":
        return outcome_label(question)
    labels = {
        "submitted": _("To be read by the team"),
        "accepted": _("Answer to come"),
        "rejected": _("Not accepted"),
        "forwarded": _("Forwarded"),
        "private_case": _("Dealt with in private"),
        "withdrawn": _("Withdrawn"),
        "contested": _("To be read once more"),
    }
    return str(labels[question.triage])


def outcome_label(question: Question) -> str:
    """What became of a question, where it is known."""
    if question.outcome == "committed" and question.given_up:
        return str(_("Promise given up"))
    return str(OUTCOMES.get(question.outcome, ""))


def visit_state_label(visit: Visit) -> str:
    """Where a visit stands, in a word or two."""
    labels = {
        "draft": _("Not announced yet"),
        "announced": _("Announced"),
        "collecting": _("Taking questions"),
        "preparing": _("Being prepared"),
        "ready": _("Prepared"),
        "in_progress": _("Taking place"),
        "reporting": _("Being reported"),
        "published": _("Report published"),
        "follow_up": _("Promises followed up"),
        "archived": _("Closed"),
        "postponed": _("Postponed"),
        "cancelled": _("Cancelled"),
    }
    return str(labels[visit.state])


def flags_label(flags: str) -> str:
    """What a question lacks that was imported, or holds that nobody could be asked about."""
    labels = {
        "title": _("No title"),
        "place": _("No address"),
        "channel": _("Came in a way that is not known"),
        "details": _("Holds personal details"),
    }
    return ", ".join(str(labels.get(flag, flag)) for flag in flags.split())


def voices_label(supports: int) -> str:
    """How many people support a question; nothing where nobody does."""
    return ngettext("%(num)s support", "%(num)s supports", supports) if supports else ""


def apart_label(signed: int, voices: int) -> str:
    """What stands beside the supports of a question: signatures on paper, voices without an address."""
    on_paper = ngettext("%(num)s signature on paper", "%(num)s signatures on paper", signed)
    unnamed = ngettext("+ %(num)s voice without an address", "+ %(num)s voices without an address", voices)
    return ", ".join(words for count, words in ((signed, on_paper), (voices, unnamed)) if count)


def reasons() -> list[str]:
    """The reasons for which the town declines questions, as its agents choose them by a digit."""
    own = [line.strip() for line in api.settings("neighbourhood_visits")["reasons"].splitlines()]
    return [line for line in own if line][:9] or [str(reason) for reason in USUAL_REASONS]


def bodies() -> list[str]:
    """The bodies to which questions are forwarded, chosen by a digit too."""
    own = [line.strip() for line in api.settings("neighbourhood_visits")["bodies"].splitlines()]
    return [line for line in own if line][:9] or [str(body) for body in USUAL_BODIES]
