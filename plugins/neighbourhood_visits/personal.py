"""What the plugin keeps of people beside their words: given to them, erased with them, ended in time."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from . import reads, states, taken_out
from .field.models import Note
from .models import Asker, Casework, PrivateCase, Question, Visit, pledged
from .plan import papers, route
from .plan.models import Paper, Sensitivity
from .suggest.models import Term
from .triage import groups

CONTACTS = "visits.contacts"
SAID = ("place", "reason", "objection", "forwarded_to", "outcome_reason")  # words beside a question's own


def contacts(user_id: int) -> list[dict[str, Any]]:
    """How to call a person back, by question."""
    with api.as_system("people take their own with them"):
        rows = api.db.session.execute(
            sa.select(Casework.entry_id, Casework.contact)
            .where(Casework.entry_id.in_(_asked(user_id)), Casework.contact != "")
            .order_by(Casework.entry_id)
        )
        return [{"question": row.entry_id, "contact": row.contact} for row in rows]


def unnamed(user_id: int) -> list[dict[str, Any]]:
    """What a person asked without being shown as its author."""
    mine = sa.select(Asker.entry_id).where(Asker.user_id == user_id)
    with api.as_system("people take their own with them"):
        rows = api.db.session.execute(
            sa.select(api.Entry.id, api.Entry.title, api.Entry.body).where(api.Entry.id.in_(mine))
        )
        return [{"question": row.id, "title": row.title, "text": row.body} for row in rows]


def sensitivities(user_id: int) -> list[dict[str, Any]]:
    """What the team noted as delicate about the subjects of a person's questions."""
    with api.as_system("people take their own with them"):
        rows = sa.select(Sensitivity).where(Sensitivity.entry_id.in_(_asked(user_id)))
        found = api.db.session.scalars(rows.order_by(Sensitivity.entry_id))
        return [{"question": row.entry_id, "text": row.text} for row in found]


def notes(user_id: int) -> list[dict[str, Any]]:
    """What a person noted on visits."""
    with api.as_system("people take their own with them"):
        rows = api.db.session.scalars(sa.select(Note).where(Note.author_id == user_id).order_by(Note.id))
        return [
            {"question": row.entry_id, "text": row.text, "noted_at": row.noted_at.isoformat()} for row in rows
        ]


def erase(user_id: int, words: bool, addresses: Sequence[str] = ()) -> list[int]:
    """Empty what says who asked; with `words`, also where the question is about and what became of it.

    Answers the questions of which an empty place stays, since something was promised about them. What came by
    mail from one of the `addresses` was theirs, though they never followed the link to it.
    """
    senders = [address[:120] for address in addresses]
    by_mail = sa.select(api.Entry.id).join(Casework, Casework.entry_id == api.Entry.id)
    by_mail = by_mail.where(api.Entry.channel == "email", Casework.contact.in_(senders))
    for entry_id in api.db.session.scalars(by_mail).all():
        api.insert_once(Asker, user_id=user_id, entry_id=entry_id)
    theirs = sa.or_(api.Entry.id.in_(_asked(user_id)), api.Entry.author_id == user_id)
    of_theirs = sa.select(api.Entry.space_id).where(theirs)
    states.hold(sa.select(api.Space.id).where(api.Space.id.in_(of_theirs)))
    _update(
        sa.update(Casework)
        .where(Casework.entry_id.in_(_asked(user_id)))
        .values(contact="", note="", code=None)
    )
    api.db.session.execute(sa.delete(Sensitivity).where(Sensitivity.entry_id.in_(_asked(user_id))))
    still = PrivateCase.entry_id.in_(_asked(user_id)), PrivateCase.ended_at.is_(None)
    _update(sa.update(PrivateCase).where(*still).values(ended_at=api.now()))  # nobody is there to go on with
    papers.forget(user_id, words)
    if words:
        route.rename(api.db.session.scalars(_asked(user_id)).all(), gone=True)
        _leave_answers(user_id)
        # What was asked under no name becomes theirs again, so that it goes with all they wrote.
        unnamed = sa.select(Asker.entry_id).where(Asker.user_id == user_id)
        _update(sa.update(api.Entry).where(api.Entry.id.in_(unnamed)).values(author_id=user_id))
        spoken = _hand_over(list(api.db.session.scalars(_asked(user_id))))
        said = dict.fromkeys(SAID, "")
        _update(sa.update(Question).where(Question.entry_id.in_(_asked(user_id))).values(said))
        _update(sa.update(Note).where(Note.author_id == user_id).values(text="", stop=""))
        taken_out.take_out_words(list(api.db.session.scalars(_asked(user_id))), spoken)
        _update(sa.delete(Term).where(Term.entry_id.in_(_asked(user_id))))
        _update(sa.update(Question).where(Question.entry_id.in_(_asked(user_id))).values(compared=False))
    kept = sa.select(Question.entry_id).where(Question.entry_id.in_(_asked(user_id)), pledged())
    return list(api.db.session.scalars(kept)) if words else []


def _leave_answers(user_id: int) -> None:
    """Let answers that a person approved stay as the town's: they are its act, not that person's words."""
    theirs = (api.Entry.kind == "visits.answer", api.Entry.author_id == user_id)
    _update(sa.update(api.Entry).where(*theirs).values(author_id=None, byline=_("The town")))


def _hand_over(question_ids: list[int]) -> set[int]:
    """Let another question lead each group whose first goes, with all that the town says of it.

    Where none can take that yet, it stays below an empty place, which stands on no list any more, and leads
    until another of its group is accepted. Answers the questions of which the town had said something in
    public: an answer, or a promise.
    """
    said = sa.or_(Question.answered_at.is_not(None), pledged())
    spoken: set[int] = set()
    for question_id in question_ids:  # one after the other: what goes too takes over what the first hands on
        now = sa.select(Question.entry_id).where(Question.entry_id == question_id, said)
        spoken |= set(api.db.session.scalars(now))
        leads = reads.led([question_id]).get(question_id)
        if api.get_or_404(api.Entry, question_id).state == "hidden":  # whose place nobody would read
            taken_out.put_back(groups.remove(question_id), of=question_id)
        elif groups.hand_on(question_id) or question_id not in spoken or not leads:
            groups.settle(question_id, gone=True)
    empty = api.Entry.id.in_(question_ids), api.Entry.kind == "visits.question"
    _update(sa.update(api.Entry).where(*empty).values(in_feed=False))
    _update(sa.update(Question).where(Question.entry_id.in_(question_ids)).values(empty=True))
    return spoken


def end_contacts(now: dt.datetime) -> None:
    """Empty how to call people back, notes on their questions and passing papers, long after the visit."""
    kept = api.kept_for(CONTACTS)
    if kept is None:
        return
    over = sa.select(Visit.space_id).where(Visit.ends_at < now - kept)
    said = sa.or_(Casework.contact != "", Casework.note != "")
    with api.write():
        _update(sa.update(Casework).where(Casework.space_id.in_(over), said).values(contact="", note=""))
        api.db.session.execute(sa.delete(Sensitivity).where(Sensitivity.space_id.in_(over)))
        passing = sa.delete(Paper).where(Paper.space_id.in_(over), Paper.kind != "dossier")
        api.db.session.execute(passing)
        _update(sa.update(Note).where(Note.space_id.in_(over), Note.text != "").values(text=""))


def _asked(user_id: int) -> Any:
    return reads.asked_by(user_id)


def _update(statement: Any) -> None:
    api.db.session.execute(statement, execution_options={"synchronize_session": False})
