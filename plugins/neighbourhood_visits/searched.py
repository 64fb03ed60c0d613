"""What the search finds of visits beside entries: where their pages show it, to whoever reads it there.

What a question is about hangs on its entry, what a visit says on its space. What the team alone reads hangs
on neither, and is not found.
"""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from core import api

from .models import Commitment, Department, Question, Visit, about_public
from .plan.models import Stop
from .plan.pages import AGENDA
from .report.models import Report


def documents(refs: Sequence[tuple[str, int]]) -> list[api.SearchDocument]:
    """The words beside these entries and spaces, as the system reads them for the index."""
    questions, spaces = ([ident for sort, ident in refs if sort == wanted] for wanted in ("entry", "space"))
    return [
        *_places(questions),
        *_promises(questions),
        *_visits(spaces),
        *_stops(spaces),
        *_reports(spaces),
    ]


def _places(question_ids: Sequence[int]) -> Iterator[api.SearchDocument]:
    """Where questions are, as the card of each says."""
    rows = sa.select(Question.entry_id, Question.place, api.Entry.created_at, api.Entry.published_at)
    rows = rows.join(api.Entry, api.Entry.id == Question.entry_id).order_by(Question.entry_id)
    rows = rows.where(Question.entry_id.in_(question_ids), Question.place != "")
    for row in api.db.session.execute(rows):
        at = row.published_at or row.created_at
        yield api.SearchDocument("visits.question", "", row.place, at, entry_id=row.entry_id)


def _promises(question_ids: Sequence[int]) -> Iterator[api.SearchDocument]:
    """What was promised about questions that everybody may read, by whom, and why it stands so."""
    rows = sa.select(Commitment, Department.name)
    rows = rows.join(Department, Department.id == Commitment.department_id).order_by(Commitment.id)
    rows = rows.where(Commitment.question_id.in_(question_ids), about_public())
    for row, keeper in api.db.session.execute(rows):
        where = f"/posts/{row.question_id}#promise-{row.id}"
        said = " · ".join(filter(None, (keeper, row.reason)))
        yield api.SearchDocument(
            "visits.promise", row.text, said, row.changed_at, entry_id=row.question_id, url=where
        )


def _visits(space_ids: Sequence[int]) -> Iterator[api.SearchDocument]:
    """Where people meet and how they get there, or why a visit does not take place."""
    rows = sa.select(Visit).where(Visit.space_id.in_(space_ids)).order_by(Visit.space_id)
    for row in api.db.session.scalars(rows):
        said = " · ".join(filter(None, (row.reason if row.off else row.meeting_point, row.access_notes)))
        where = f"/visits/{row.space_id}" + ("" if row.off else "#when-and-where")
        if said:
            yield api.SearchDocument(
                "visits.visit", "", said, row.starts_at, space_id=row.space_id, url=where
            )


def _stops(space_ids: Sequence[int]) -> Iterator[api.SearchDocument]:
    """The stops of visits whose agenda everybody reads."""
    rows = sa.select(Stop, Visit.starts_at).join(Visit, Visit.space_id == Stop.space_id).order_by(Stop.id)
    rows = rows.where(Stop.space_id.in_(space_ids), Visit.state.in_(AGENDA))
    for row, at in api.db.session.execute(rows):
        where = f"/visits/{row.space_id}/agenda#stop-{row.id}"
        yield api.SearchDocument("visits.stop", row.title, "", at, space_id=row.space_id, url=where)


def _reports(space_ids: Sequence[int]) -> Iterator[api.SearchDocument]:
    """The minutes of published reports, and why each question ends as it does."""
    rows = sa.select(Report).where(Report.space_id.in_(space_ids)).order_by(Report.space_id)
    for row in api.db.session.scalars(rows):
        said = [("minutes", api.plain(row.facts.get("minutes", "")))]
        said += [(f"question-{one['id']}", one["outcome_reason"]) for one in row.facts.get("questions", ())]
        for anchor, text in said:
            where = f"/visits/{row.space_id}/report#{anchor}"
            if text:
                yield api.SearchDocument(
                    "visits.report", "", text, row.issued_at, space_id=row.space_id, url=where
                )
