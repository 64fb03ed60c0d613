"""What everybody may know of the questions of visits, as plain rows: for open data, reports and figures.

Of what is not public there are counts alone. A question that is grouped has the answer of the first of its
group.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from core import api
from core.api import lazy_gettext

from .. import labels
from ..models import Answer, Casework, Commitment, Department, Question, Visit, about_public
from ..reads import voices_by_group
from .figures import Row

Column = tuple[str, str, Any]
PINNED = lazy_gettext("Degrees of WGS 84 to three decimals, where somebody set a pin")
TABLES: dict[str, tuple[Column, ...]] = {
    "questions": (
        ("id", "integer", lazy_gettext("Number of the question, which is also its address: /posts/number")),
        ("visit", "integer", lazy_gettext("Number of the visit")),
        ("asked_on", "date", lazy_gettext("Day on which it was received")),
        ("question", "string", lazy_gettext("The question")),
        ("theme", "string", lazy_gettext("Theme")),
        ("place", "string", lazy_gettext("Place, as it was written")),
        ("latitude", "number", PINNED),
        (
            "longitude",
            "number",
            PINNED,
        ),
        ("channel", "string", lazy_gettext("How it came: web, email, phone, paper or stall")),
        ("supports", "integer", lazy_gettext("How many people support it; empty before an election")),
        (
            "group_supports",
            "integer",
            lazy_gettext(
                "How many people support it or one that is answered with it, each counted once; "
                "empty before an election"
            ),
        ),
        (
            "signatures",
            "integer",
            lazy_gettext("Signatures of a petition on paper; empty before an election"),
        ),
        (
            "unconfirmed",
            "integer",
            lazy_gettext("Voices without an address, which nobody has confirmed; empty before an election"),
        ),
        ("department", "string", lazy_gettext("Department in charge")),
        ("grouped_with", "integer", lazy_gettext("Number of the question with which it is answered")),
        ("answered_on", "date", lazy_gettext("Day of its first published answer")),
        ("answered_at", "datetime", lazy_gettext("Moment of its first published answer, in UTC")),
        (
            "outcome",
            "string",
            lazy_gettext(
                "none, settled, committed, refused, needs_study, not_competent or information_given"
            ),
        ),
        (
            "outcome_reason",
            "string",
            lazy_gettext(
                "Why, or how: the reason that was written apart, else the words of the published answer"
            ),
        ),
        ("discussion", "string", lazy_gettext("not_planned, planned or discussed")),
    ),
    "counts": (
        ("visit", "integer", lazy_gettext("Number of the visit")),
        (
            "measure",
            "string",
            lazy_gettext(
                "decision (all), reason (of those not accepted), or channel (of those not withdrawn)"
            ),
        ),
        ("value", "string", lazy_gettext("What is counted")),
        ("number", "integer", lazy_gettext("How many questions")),
    ),
    "commitments": (
        ("id", "integer", lazy_gettext("Number of the promise")),
        ("visit", "integer", lazy_gettext("Number of the visit")),
        ("question", "integer", lazy_gettext("Number of the question that it is about")),
        ("text", "string", lazy_gettext("What is promised")),
        ("department", "string", lazy_gettext("Department in charge")),
        ("due_on", "date", lazy_gettext("Until when")),
        ("state", "string", lazy_gettext("open, in_progress, done_claimed, confirmed or abandoned")),
    ),
    "visits": (
        ("id", "integer", lazy_gettext("Number of the visit, which is also its address: /visits/number")),
        ("name", "string", lazy_gettext("Name of the visit")),
        ("area", "string", lazy_gettext("Neighbourhood")),
        ("starts_at", "datetime", lazy_gettext("When it begins, in UTC")),
        ("state", "string", lazy_gettext("Where it stands")),
    ),
}


def all_tables(space_ids: Sequence[int]) -> dict[str, list[Row]]:
    """The rows of each table about these visits, which the viewer must be known to read."""
    with api.as_system("count what is not public, and name departments"):
        return {
            "visits": _visits(space_ids),
            "questions": _questions(space_ids),
            "counts": _counts(space_ids),
            "commitments": _commitments(space_ids),
        }


def open_tables(space_ids: Sequence[int]) -> dict[str, list[Row]]:
    """The same rows as open data: where no reason was written apart, the published answer says why."""
    tables = all_tables(space_ids)
    with api.as_system("an answer's audience is asked below"):
        said = answers(space_ids)
    tables["questions"] = [with_why(row, answer_to(row, said)) for row in tables["questions"]]
    return tables


def with_why(row: Row, answer: str) -> Row:
    """A question as open data says it, with why it ends so in the words of this answer if in no others."""
    said = row["outcome_reason"] or (api.plain(answer) if row["outcome"] != "none" else "")
    return {**row, "outcome_reason": said}


def answers(space_ids: Sequence[int], of: int | None = None) -> dict[int, str]:
    """The published answers of these visits as they are drawn, by question.

    That `of` a question which is being shown again follows it out of sight until the write ends.
    """
    public = api.Entry.team_only if of is None else api.Entry.private
    rows = (
        sa.select(Answer.question_id, api.Entry.html)
        .join(api.Entry, api.Entry.id == Answer.entry_id)
        .where(api.Entry.space_id.in_(space_ids), api.Entry.state == "published", ~public)
    )
    rows = rows if of is None else rows.where(Answer.question_id == of)
    return {row.question_id: row.html for row in api.db.session.execute(rows)}


def answer_entries(space_ids: Sequence[int]) -> dict[int, int]:
    """The entries of the published answers of these visits, by question."""
    rows = sa.select(Answer.question_id, Answer.entry_id).join(api.Entry, api.Entry.id == Answer.entry_id)
    rows = rows.where(api.Entry.space_id.in_(space_ids), api.Entry.state == "published")
    return {row.question_id: row.entry_id for row in api.db.session.execute(rows)}


def answer_to(row: Row, answers: Mapping[int, Any]) -> Any:
    """What answers a question: the answer to the first of its group, or its own."""
    return answers.get(row["grouped_with"] or row["id"]) or answers.get(row["id"], "")


def public_visits() -> list[int]:
    """The visits of which everybody may read."""
    rows = sa.select(Visit.space_id).join(api.Space, api.Space.id == Visit.space_id)
    rows = rows.where(api.Space.visibility == "public", Visit.state != "draft").order_by(Visit.space_id)
    return list(api.db.session.scalars(rows))


def moment(at: dt.datetime | None) -> str:
    """A moment as the data says it, in UTC."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}" if at else ""


def day(at: dt.datetime | None) -> str:
    """The day of a moment where the town is, as the data says it."""
    return at.astimezone(api.town_zone()).date().isoformat() if at else ""


def _visits(space_ids: Sequence[int]) -> list[Row]:
    rows = (
        sa.select(Visit, api.Space.name, api.Area.name.label("area"))
        .join(api.Space, api.Space.id == Visit.space_id)
        .outerjoin(api.Area, api.Area.id == api.Space.area_id)
        .where(Visit.space_id.in_(space_ids))
        .order_by(Visit.space_id)
    )
    return [
        {
            "id": visit.space_id,
            "name": name,
            "area": area or "",
            "starts_at": moment(visit.starts_at),
            "state": visit.state,
        }
        for visit, name, area in api.db.session.execute(rows)
    ]


def _questions(space_ids: Sequence[int]) -> list[Row]:
    head, head_entry = aliased(Question), aliased(api.Entry)
    leads = sa.and_(head_entry.state == "published", ~head_entry.team_only, head.triage == "accepted")
    rows = (
        sa.select(api.Entry, Question, Department.name, sa.case((leads, head.entry_id)), head)
        .join(Question, Question.entry_id == api.Entry.id)
        .outerjoin(Casework, Casework.entry_id == api.Entry.id)
        .outerjoin(Department, Department.id == Casework.department_id)
        .outerjoin(head, head.entry_id == Question.group_id)
        .outerjoin(head_entry, head_entry.id == head.entry_id)
        .where(
            api.Entry.space_id.in_(space_ids),
            api.Entry.state == "published",
            ~api.Entry.team_only,
            Question.triage == "accepted",
        )
        .order_by(api.Entry.id)
    )
    voices = voices_by_group(api.Entry.space_id.in_(space_ids))
    return [
        _question(
            entry,
            question,
            department or "",
            led if led_by else None,
            voices.get(question.group_id or entry.id, 0),
        )
        for entry, question, department, led_by, led in api.db.session.execute(rows)
    ]


def _question(
    entry: api.Entry, question: Question, department: str, head: Question | None, voices: int
) -> Row:
    """A question as the data says it; what its group's first has and itself lacks counts for it."""
    answered = question.answered_at or (head.answered_at if head else None)
    concluded = head if head and question.outcome == "none" else question
    latitude, longitude = question.public_pin or (None, None)
    return {
        "id": entry.id,
        "visit": entry.space_id,
        "asked_on": day(entry.created_at),
        "question": entry.title,
        "theme": labels.theme_label(question.theme),
        "place": question.place,
        "latitude": latitude,
        "longitude": longitude,
        "channel": entry.channel,
        "supports": entry.support_count,
        "group_supports": voices,
        "signatures": question.signatures,
        "unconfirmed": question.unconfirmed,
        "department": department,
        "grouped_with": head.entry_id if head else None,
        "answered_on": day(answered),
        "answered_at": moment(answered),
        "outcome": concluded.outcome,
        "outcome_reason": concluded.outcome_reason,
        "discussion": question.discussion,
    }


def _counts(space_ids: Sequence[int]) -> list[Row]:
    """How many questions were decided on how, why, and how they came; what moderators took out is left out.

    A private case, or one that was withdrawn, counts still when its time is over and an empty place is left.
    A reason or body that is none of those the town offers may name somebody, so it is not said.
    """
    rows = (
        sa.select(api.Entry.space_id, Question.triage, Question.reason, api.Entry.channel, sa.func.count())
        .join(Question, Question.entry_id == api.Entry.id)
        .where(
            api.Entry.space_id.in_(space_ids),
            sa.or_(
                api.Entry.state.in_(("published", "pending")),
                sa.and_(api.Entry.state == "removed", Question.triage.in_(("private_case", "withdrawn"))),
            ),
        )
        .group_by(api.Entry.space_id, Question.triage, Question.reason, api.Entry.channel)
    )
    usual, found = _reasons(), Counter[tuple[int, str, str]]()
    for visit, triage, reason, channel, number in api.db.session.execute(rows):
        decision = "submitted" if triage == "contested" else triage
        found[visit, "decision", decision] += number
        if triage == "rejected":
            found[visit, "reason", usual.get(reason) or str(labels.OTHER_REASON)] += number
        if triage != "withdrawn":
            found[visit, "channel", channel] += number
    return [
        {"visit": visit, "measure": measure, "value": value, "number": number}
        for (visit, measure, value), number in sorted(found.items())
    ]


def _reasons() -> dict[str, str]:
    """The reasons that the town offers, its own and the usual ones in each language."""
    return labels.usual() | {reason: reason for reason in labels.reasons()}


def _commitments(space_ids: Sequence[int]) -> list[Row]:
    rows = (
        sa.select(Commitment, Department.name)
        .join(Department, Department.id == Commitment.department_id)
        .where(Commitment.space_id.in_(space_ids), about_public())
        .order_by(Commitment.id)
    )
    return [
        {
            "id": promise.id,
            "visit": promise.space_id,
            "question": promise.question_id,
            "text": promise.text,
            "department": department,
            "due_on": promise.due_on.isoformat(),
            "state": promise.state,
        }
        for promise, department in api.db.session.execute(rows)
    ]
