"""What people are told: the author of a question hears what became of it."""

from core import api
from core.api import lazy_gettext as _

from .models import Question


def reason(entry_id: int) -> str:
    """Why a question was not accepted, as its author may read it."""
    question = api.db.session.get(Question, entry_id)
    return question.reason if question is not None else ""


NOTICE_TYPES = (
    api.NoticeType(
        "visits.accepted",
        _("My question before a visit is public"),
        _("Your question has been accepted: “%(title)s”. Everybody can read it and support it."),
        "at_once",
    ),
    api.NoticeType(
        "visits.rejected",
        _("My question before a visit is not accepted"),
        _("Your question has not been accepted: “%(title)s”. Only you and the team can see it."),
        "at_once",
        detail=reason,
    ),
    api.NoticeType(
        "visits.answered",
        _("My question before a visit has its answer"),
        _("The answer to your question is published: “%(title)s”"),
        "at_once",
    ),
)


def tell(what: str, entry: api.Entry, answer: api.Entry | None = None) -> None:
    """Tell the author of a question what became of it, inside a write; of an answer, in the core's place."""
    if entry.author_id is not None:
        once = f"entry:{answer.id}" if answer else None
        api.notify(f"visits.{what}", [entry.author_id], entry=entry, once=once)
