"""What is taken out leaves what was copied of it: the report for everybody, stops, the papers for the team.

What is shown again is back in the report.
"""

from collections.abc import Container, Sequence

import sqlalchemy as sa

from core import api

from .plan import papers, route
from .report import reissue

TAKEN_OUT = ("redacted", "hidden", "removed")


def follow_moderation(entry: api.Entry, change: str) -> None:
    """Take what is redacted or gone out of report and papers, and what is shown again back in; in a write."""
    if entry.kind == "visits.question":
        route.rename([entry.id])
    if change == "restored":
        put_back(entry)
    if change not in TAKEN_OUT:
        return
    if entry.kind == "visits.answer" and entry.parent_id is not None:
        left = entry if change == "redacted" else None
        _take_out(entry.space_id, entry.parent_id, "answer", left, entry.id)
    elif entry.kind == "visits.question":
        _take_out(entry.space_id, entry.id, "question", entry if change == "redacted" else None)
    elif entry.parent_id is None:
        _leave_out(entry.id)


def put_back(entry: api.Entry | None, of: int | None = None) -> None:
    """Let the report say again what everybody may read again of a question or an answer; papers stay.

    Of a question that is gone, what was promised about it stands below an empty place now.
    """
    if entry is None:
        return
    question_id = {"visits.question": entry.id, "visits.answer": entry.parent_id}.get(entry.kind)
    if question_id is not None and entry.state == "published":
        mention = {"on": _today(), "question": question_id, "what": "shown"}
        with api.as_system("who shows it again need not be on the team"):
            reissue.put_back(entry.space_id, mention, entry, of)


def take_out_words(question_ids: Sequence[int], spoken: Container[int] = ()) -> None:
    """Take the words of questions that are deleted out of reports and papers; inside a write.

    What the town has `spoken` of some in public stays there: answer and promises.
    """
    rows = sa.select(api.Entry.id, api.Entry.space_id)
    rows = rows.where(api.Entry.id.in_(question_ids), api.Entry.kind == "visits.question")
    for question_id, space_id in api.db.session.execute(rows.order_by(api.Entry.id)).all():
        empty = api.Entry(title="", body="", html="") if question_id in spoken else None
        _take_out(space_id, question_id, "question", empty)


def _take_out(
    space_id: int, question_id: int, what: str, left: api.Entry | None, answer_id: int | None = None
) -> None:
    """Let all that is frozen say what the entry says now, or nothing where there is none, on this day."""
    mention = {"on": _today(), "question": question_id, "what": what}
    with api.as_system("who takes it out need not read the papers of the team"):
        reissue.take_out(space_id, mention, left, answer_id)
        papers.take_out(space_id, mention, left)
    if what == "question":
        _leave_out(question_id)


def _today() -> str:
    return api.town_today().isoformat()


def _leave_out(post_id: int) -> None:
    """Let no dossier say any more what the search found of a post."""
    with api.as_system("who takes it out need not read the papers of the team"):
        papers.leave_out(post_id)
