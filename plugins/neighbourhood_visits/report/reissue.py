"""What a frozen report says once words are taken out of what it tells of, or shown again.

What the town said of a question may stand below another by then: the report knows which entry each answer is,
and of which question it says what stands below an empty place.
"""

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm.attributes import flag_modified

from core import api

from .. import states
from ..follow.models import Step
from ..models import Answer, Commitment, Question
from . import data
from .models import Report


def take_out(
    space_id: int, mention: dict[str, Any], left: api.Entry | None, answer_id: int | None = None
) -> None:
    """Let a report say what is left of a question or of this answer, with a dated mention; inside a write."""
    ident, report = mention["question"], _held(space_id)
    if report is None:
        return
    was = copy.deepcopy(report.facts)
    touched, led = _rows(report, ident)
    if answer_id is not None:
        for row in _answered_by(report, answer_id, touched + led):
            row["answer"] = left.html if left else ""
    else:
        _say_left(report, ident, left)
        about = {row["id"]: row["question"] for row in report.facts["commitments"]}
        report.facts["commitments"] = [
            {**row, "question": _said_of(report, row["question"], about[row["id"]])}
            for row in promises_left(report.facts["commitments"], ident, left)
        ]
    if touched or led or report.facts != was:
        _mention(report, mention)


def put_back(space_id: int, mention: dict[str, Any], shown: api.Entry, of: int | None = None) -> None:
    """Let a report say again what it said of a question or an answer that is shown again; inside a write.

    It says it in the words that stand now, with a dated mention; what came after the report stays out. What
    is shown may be the empty place `of` a question.
    """
    ident, report = mention["question"], _held(space_id)
    if report is None:
        return
    of = of or report.facts.get("places", {}).get(str(ident))
    was, answers = copy.deepcopy(report.facts), data.answers([space_id])
    if shown.kind == "visits.question":
        _say_left(report, ident, shown)
        answers |= data.answers([space_id], of=ident)
        report.facts["commitments"] = _promises_again(report, ident, of or ident)
    touched, led = _rows(report, of or ident)
    for row in touched + led:
        if row["answered_at"] and not row["answer"]:
            row["answer"] = answers.get(ident) or data.answer_to(row, answers)
    if report.facts != was:
        _mention(report, mention)


def _held(space_id: int) -> Report | None:
    held = api.lock(sa.select(Report).where(Report.space_id == space_id))
    return api.db.session.scalars(held).one_or_none()


def _rows(report: Report, ident: int) -> tuple[list[Any], list[Any]]:
    """A report's rows of a question and of those that it leads, as the report says, or by now.

    A question that is gone left what the town said of it to the others of its group.
    """
    rows = report.facts["questions"]
    ids = [row["id"] for row in rows]
    lives = sa.select(Question.entry_id, Question.group_id).where(Question.entry_id.in_(ids))
    leads = {row.entry_id: row.group_id for row in api.db.session.execute(lives)}
    touched = [row for row in rows if row["id"] == ident]
    group = {row["grouped_with"] or row["id"] for row in touched}
    led = []
    for row in rows:
        gone = row["id"] not in leads and (row["grouped_with"] or row["id"]) in group and not leads.get(ident)
        if row["id"] != ident and (gone or ident in (row["grouped_with"], leads.get(row["id"]))):
            led.append(row)
    return touched, led


def _answered_by(report: Report, answer_id: int, likely: list[Any]) -> list[Any]:
    """A report's rows that say this answer, wherever it stands by now; the likely ones if none was noted."""
    said_in = report.facts.get("answer_entries")
    if said_in is None:
        return likely
    return [row for row in report.facts["questions"] if said_in.get(str(row["id"])) == answer_id]


def _mention(report: Report, mention: dict[str, Any]) -> None:
    """Keep that a report says something else since a day."""
    if mention not in report.mentions:
        report.mentions = [*report.mentions, mention]
    flag_modified(report, "facts")
    api.reindex(api.get_or_404(api.Space, report.space_id))


def _said_of(report: Report, ident: int, before: int) -> int:
    """Of which question a report says what stands below this one, below which it did not stand `before`."""
    if ident in {row["id"] for row in report.facts["questions"]}:
        return ident
    places: dict[str, int] = report.facts.setdefault("places", {})
    return places.setdefault(str(ident), before)


def _promises_again(report: Report, ident: int, before: int) -> list[Any]:
    """The promises of a report, with those about a question again that it had, as they stood in it."""
    kept = report.facts["commitments"]
    made_later = sa.select(Step.commitment_id).where(Step.verb == "promise", Step.at > report.issued_at)
    out = {row["id"] for row in kept} | set(api.db.session.scalars(made_later))
    found = data.all_tables([report.space_id])["commitments"]
    stood = _stood(report)
    again = [
        {**row, "question": _said_of(report, ident, before), "state": stood.get(row["id"], row["state"])}
        for row in found
        if row["question"] == ident and row["id"] not in out
    ]
    return sorted([*kept, *again], key=lambda row: int(row["id"]))


def _stood(report: Report) -> dict[int, str]:
    """How the promises of a visit stood when its report was issued, by the last step of each until then."""
    taken = sa.select(Commitment.id, Step.verb).join(Step, Step.commitment_id == Commitment.id)
    taken = taken.where(Commitment.space_id == report.space_id, Step.at <= report.issued_at).order_by(Step.id)
    targets = {verb: way.target for (thing, verb), way in states.TABLE.items() if thing == "commitment"}
    targets["promise"] = "open"
    return {ident: targets[verb] for ident, verb in api.db.session.execute(taken)}


def _say_left(report: Report, ident: int, left: api.Entry | None) -> None:
    """Say what is left of a question, its answer and why it ends so, also where its group has these of it."""
    touched, led = _rows(report, ident)
    question = api.db.session.get(Question, ident) if left else None
    below = api.db.session.scalar(sa.select(Answer.entry_id).where(Answer.question_id == ident))
    if left is None and below is not None:  # it is out of sight with its question
        unread = {row["answer"] for row in touched}
        same = [row for row in touched + led if row["answer"] in unread]
        for row in _answered_by(report, below, same):
            row["answer"] = ""
    for row in touched:
        row["question"], row["place"] = (left.title, question.place) if left and question else ("", "")
    ids = [row["id"] for row in touched + led]
    spoken = sa.select(Question.entry_id).where(Question.entry_id.in_(ids), Question.outcome != "none")
    own = set(api.db.session.scalars(spoken))
    for row in touched + led:
        if (row["id"] == ident) == (row["id"] in own):
            row["outcome_reason"] = question.outcome_reason if question else ""


def promises_left(rows: Iterable[Any], ident: int, left: api.Entry | None) -> Iterator[Any]:
    """Promises as a report or paper says them: those about a question as they read now, none without it.

    One that another question of its group took over is about that one.
    """
    rows = list(rows)
    found = sa.select(Commitment).where(Commitment.id.in_([row["id"] for row in rows]))
    stand = {one.id: one for one in api.db.session.scalars(found)}
    for row in rows:
        now = stand.get(row["id"])
        if ident not in (row.get("question"), now and now.question_id):
            yield row
        elif now and (left or now.question_id not in (None, ident)):
            yield {**row, "question": now.question_id, "text": now.text}
