"""The verbs of the report: write the minutes, freeze what an official approved, take out what has to go."""

import copy
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm.attributes import flag_modified

from core import api
from core.api import gettext as _

from .. import letters, seen, states, teams
from ..approve.corrections import changed, mostly_stays
from ..follow.models import Step
from ..models import Answer, Commitment, Question, Visit
from . import data
from .figures import figures
from .models import Minutes, Report

# What stands before the name of a person, and the name: up to three words with a capital, or "de la" and one.
TITLES = r"(?:MM?|(?i:Mmes?|Mlles?|Monsieur|Madame|Mademoiselle)|Mrs?|Ms)"
OFFICES = r"(?!Maire(?![\w-])|Adjoint|Conseill|Préf|Présid|Direct|Déput|Sénat|Ministre|Mayor)"
PART = rf"(?:(?:de|du|des|la|le|van|von|der|di|da)[ ]|(?:de[ ]l|d)[’'])*{OFFICES}[^\W\d_a-zß-ÿœ][\w’'-]*"
NAME = rf"\b{TITLES}(?:\.[ ]|\.|[ ]){PART}(?:[ ]{PART}){{0,2}}"
NAMED = re.compile(NAME.replace("[ ]", "[ \u00a0\u202f]+"))


def ask_approval(space: api.Space) -> None:
    """Ask the officials of the visit to approve what stands as its report, unless it would be wrong."""
    api.require("visits.conclude", space)
    with api.write() as session, _for_writers():
        case = states.visit_case(space.id)
        minutes = session.get(Minutes, space.id)
        if case.visit.state != "reporting" or minutes is None:
            raise api.Refused(
                _("The report can be approved once the visit is over and its minutes are kept.")
            )
        for guard in (states.CHOSEN, states.OWNED):
            if not guard.holds(case):
                raise api.Refused(str(guard.refusal))
        minutes.asked_at = api.now()
        letters.tell("report_to_approve", space.id)


def doubt(space: api.Space, body: str) -> str:
    """What whoever writes or publishes these minutes is asked about them, "" where nothing strikes."""
    draft = api.Draft(space, api.viewer(), "visits.minutes", "", body, api.markdown(body), channel="paper")
    try:
        api.check_draft(draft, False)
    except api.AskAuthor as asked:
        return str(asked)
    except api.Refused:  # how much somebody writes in an hour is not the question
        pass
    return ""


def named(minutes: str, facts: dict[str, Any]) -> list[str]:
    """The words of a report that look like the names of people, for who publishes to look at, each once.

    That is what follows a title, and each name of a resident of the portal that is more than one word.
    """
    said = [f"{row['outcome_reason']}\n{api.plain(row['answer'])}" for row in facts["questions"]]
    body = "\n".join([minutes, *said, *(row["text"] for row in facts["commitments"])])
    titled = [" ".join(one.split()) for one in NAMED.findall(body)]
    with api.as_system("whoever has an account is named in no report"):
        people = sa.select(api.User.name).where(api.User.role == "resident", api.User.closed_at.is_(None))
        spoken, names = _spoken(body), api.db.session.scalars(people.order_by(api.User.name)).all()
    known = [name for name in names if " " in name.strip() and _spoken(name) in spoken]
    return list(dict.fromkeys([*titled, *known]))


def _spoken(text: str) -> str:
    """The words of a text for comparing whole ones."""
    words = re.findall(r"[^\W_]+", api.fold(text))
    return f" {' '.join(words)} "


def keep_minutes(space: api.Space, body: str, version: int, confirmed: bool = False) -> None:
    """Keep the minutes of a visit over those of this version, 0 for none; Refused when they changed since.

    Raises AskAuthor about personal details unless it is `confirmed` that they may stand there.
    """
    api.require("visits.conclude", space)
    asked = "" if confirmed else doubt(space, body)
    if asked:
        raise api.AskAuthor(asked)
    person = api.viewer().id
    with _for_writers(), api.write() as session:
        session.scalars(api.lock(sa.select(api.Space).where(api.Space.id == space.id))).one()
        row = session.get(Minutes, space.id)
        if row is not None and row.body == body and person in (row.drafted_by, row.changed_by):
            return  # a second tap
        if version != (row.version if row else 0):
            raise api.Refused(
                _("A colleague has changed the minutes in the meantime. Compare them with yours.")
            )
        if row is None:
            session.add(Minutes(space_id=space.id, body=body, drafted_by=person))
        else:
            already = row.changed if row.changed_by == person else 0
            if row.drafted_by is None or not mostly_stays(row.body, body, already):
                row.drafted_by = person
            row.changed_by, row.changed = person, already + changed(row.body, body)
            row.body = body


def _for_writers() -> Any:
    """The minutes are for the team and for scribes, whose right was asked before."""
    return api.as_system("scribes write the minutes too")


def facts_of(visit: Visit, minutes: Minutes | None) -> dict[str, Any]:
    """All that the report of a visit says, as it stands now."""
    found: dict[str, Any] = data.all_tables([visit.space_id])
    with api.as_system("an answer's audience is asked below"):
        answers, entries = data.answers([visit.space_id]), data.answer_entries([visit.space_id])
    for row in found["questions"]:
        row["answer"] = data.answer_to(row, answers)
    said_in = {str(row["id"]): data.answer_to(row, entries) for row in found["questions"]}
    setting = bool(api.settings("neighbourhood_visits")["one_person_approves"])
    return {
        **found,
        "answer_entries": {ident: entry for ident, entry in said_in.items() if entry},
        "figures": figures(found["questions"], found["counts"], data.moment(visit.starts_at)),
        "minutes": api.markdown(minutes.body) if minutes else "",
        "one_person_approves": setting,
        "alone": bool(minutes and minutes.drafted_by == api.viewer().id),
    }


def mark_of(facts: dict[str, Any]) -> str:
    """The mark of what a report says, which the form that publishes it carries.

    How many support a question goes on counting meanwhile.
    """
    rows = [{**row, "supports": 0, "group_supports": 0, "unconfirmed": 0} for row in facts["questions"]]
    return seen.mark(json.dumps({**facts, "questions": rows}, sort_keys=True, default=str))


def must_be_as_read(visit: Visit, read: str) -> None:
    """Refused where the report would not say what stood on the page of this mark; inside a write."""
    if mark_of(facts_of(visit, minutes_of(visit.space_id))) != read:
        raise api.Refused(
            _("The minutes or the report have changed since you read them. Please read them again.")
        )


def freeze(visit: Visit) -> None:
    """Keep the report as it stands, for everybody, as the viewer approves it; inside a write."""
    minutes = api.db.session.get(Minutes, visit.space_id)
    facts = facts_of(visit, minutes)
    api.db.session.add(Report(space_id=visit.space_id, facts=facts, approved_by=api.viewer().id))


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
    was, answers = copy.deepcopy(report.facts), data.answers([space_id])
    if shown.kind == "visits.question":
        _say_left(report, ident, shown)
        answers |= data.answers([space_id], of=ident)
        report.facts["commitments"] = _promises_again(report, ident, of or ident)
    touched, led = _rows(report, ident)
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


def report_of(space_id: int) -> Report | None:
    """The report of a visit, where it is published and the viewer may read it."""
    return api.db.session.get(Report, space_id)


def minutes_of(space_id: int) -> Minutes | None:
    """The minutes of a visit, for who writes them."""
    with _for_writers():
        return api.db.session.get(Minutes, space_id)


def people(report: Report) -> str:
    """Who approved the report, by name."""
    return teams.names([report.approved_by]).get(report.approved_by, "")
