"""The verbs of the report: write the minutes, freeze what an official approved, take out what has to go."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm.attributes import flag_modified

from core import api
from core.api import gettext as _

from .. import reads
from ..models import Visit
from . import data
from .figures import figures
from .models import Minutes, Report

TAKEN_OUT = ("redacted", "hidden", "removed", "erased")
WORDS = ("question", "place", "outcome_reason", "answer")


def keep_minutes(space: api.Space, body: str, version: int) -> None:
    """Keep the minutes of a visit over those of this version, 0 for none; Refused when they changed since."""
    api.require("visits.conclude", space)
    with api.write() as session:
        session.scalars(api.lock(sa.select(api.Space).where(api.Space.id == space.id))).one()
        row = session.get(Minutes, space.id)
        if version != (row.version if row else 0):
            raise api.Refused(
                _("A colleague has changed the minutes in the meantime. Compare them with yours.")
            )
        if row is None:
            session.add(Minutes(space_id=space.id, body=body, drafted_by=api.viewer().id))
        else:
            row.body = body
            row.drafted_by = row.drafted_by or api.viewer().id


def facts_of(visit: Visit, minutes: Minutes | None) -> dict[str, Any]:
    """All that the report of a visit says, as it stands now."""
    found: dict[str, Any] = data.all_tables([visit.space_id])
    with api.as_system("an answer's audience is asked below"):
        answers = data.answers(visit.space_id)
    for row in found["questions"]:
        row["answer"] = answers.get(row["grouped_with"] or row["id"], "") or answers.get(row["id"], "")
    setting = bool(api.settings("neighbourhood_visits")["one_person_approves"])
    return {
        **found,
        "figures": figures(found["questions"], found["counts"], data.moment(visit.starts_at)),
        "minutes": api.markdown(minutes.body) if minutes else "",
        "one_person_approves": setting,
        "alone": bool(minutes and minutes.drafted_by == api.viewer().id),
    }


def freeze(visit: Visit) -> None:
    """Keep the report as it stands, for everybody, as the viewer approves it; inside a write."""
    minutes = api.db.session.get(Minutes, visit.space_id)
    facts = facts_of(visit, minutes)
    api.db.session.add(Report(space_id=visit.space_id, facts=facts, approved_by=api.viewer().id))


def follow_moderation(entry: api.Entry, change: str) -> None:
    """Take what is redacted or gone out of the report, and name the day; inside a write."""
    if change in TAKEN_OUT and entry.kind in ("visits.question", "visits.answer"):
        question_id = entry.parent_id if entry.kind == "visits.answer" else entry.id
        report = api.db.session.get(Report, entry.space_id)
        if report is not None and question_id is not None:
            _take_out(report, question_id, entry if change == "redacted" else None, entry.kind)


def take_out_words(question_ids: list[int]) -> None:
    """Take the words of questions that are public no longer out of the reports; inside a write."""
    places = sa.select(api.Entry.space_id).where(api.Entry.id.in_(question_ids))
    reports = api.db.session.scalars(sa.select(Report).where(Report.space_id.in_(places))).all()
    for report in reports:
        for question_id in question_ids:
            _take_out(report, question_id, None, "visits.question")


def _take_out(report: Report, question_id: int, entry: api.Entry | None, kind: str) -> None:
    """Let the report say what the entry says now, or nothing where there is none; on this day."""
    touched = [row for row in report.facts.get("questions", ()) if row["id"] == question_id]
    if kind == "visits.answer":
        touched += [r for r in report.facts.get("questions", ()) if r["grouped_with"] == question_id]
    if not touched:
        return
    for row in touched:
        if kind == "visits.answer":
            row["answer"] = entry.html if entry else ""
        elif entry:
            row["question"] = entry.title
        else:
            row.update(dict.fromkeys(WORDS[:3], ""))
    day = api.now().astimezone(api.town_zone()).date().isoformat()
    mention = {
        "on": day,
        "question": question_id,
        "what": "answer" if kind == "visits.answer" else "question",
    }
    if mention not in report.mentions:
        report.mentions = [*report.mentions, mention]
    flag_modified(report, "facts")


def report_of(space_id: int) -> Report | None:
    """The report of a visit, where it is published and the viewer may read it."""
    return api.db.session.get(Report, space_id)


def minutes_of(space_id: int) -> Minutes | None:
    """The minutes of a visit, for its team."""
    return api.db.session.get(Minutes, space_id)


def people(report: Report) -> str:
    """Who approved the report, by name."""
    return reads.names([report.approved_by]).get(report.approved_by, "")
