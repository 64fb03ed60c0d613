"""The public questions of a visit as a table for everybody, in which no cell is taken for a formula."""

import csv
import io
from collections.abc import Iterator

import sqlalchemy as sa
from flask import Response

from core import api

from . import reads
from .models import Question
from .pages import blueprint, visit_and_space

COLUMNS = (
    *("id", "asked_on", "question", "theme", "place", "channel", "supports"),
    *("answered_on", "outcome", "outcome_reason", "discussion"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@blueprint.get("/<int:space_id>/questions.csv")
@api.needs("core.read")
def questions_csv(space_id: int) -> Response:
    """What everybody may read of the questions of a visit, in CSV; it names nobody."""
    visit_and_space(space_id)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([harmless(cell) for cell in row] for row in _rows(space_id))
    named = {"Content-Disposition": f'attachment; filename="visit-{space_id}.csv"'}
    return Response(text.getvalue(), mimetype="text/csv", headers=named)


def harmless(cell: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


def _rows(space_id: int) -> Iterator[tuple[object, ...]]:
    rows = (
        sa.select(api.Entry, Question)
        .join(Question, Question.entry_id == api.Entry.id)
        .where(api.Entry.space_id == space_id, ~api.Entry.team_only, Question.triage == "accepted")
        .order_by(api.Entry.id)
    )
    for entry, question in api.db.session.execute(rows):
        yield (
            entry.id,
            entry.created_at.astimezone(api.town_zone()).date(),
            entry.title,
            reads.theme_label(question.theme),
            question.place,
            entry.channel,
            entry.support_count,
            question.answered_at and question.answered_at.astimezone(api.town_zone()).date(),
            question.outcome,
            question.outcome_reason,
            question.discussion,
        )
