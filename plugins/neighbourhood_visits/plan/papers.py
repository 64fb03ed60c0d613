"""What the papers for the team of a visit say: briefings, and the dossier as it was when it was frozen.

They hold what is accepted, never a private case or who asked; officials by number, so that an erasure reaches
their names.
"""

import copy
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import render_template
from flask_babel import force_locale, get_locale
from sqlalchemy.orm import aliased, defer
from sqlalchemy.orm.attributes import flag_modified

from core import api
from core.api import gettext as _
from core.api import ngettext

from .. import labels, reads, show, states, teams
from ..assigned.due import is_overdue
from ..models import OFF, Answer, Casework, Commitment, Department, Question, Visit, about_public, late
from ..report import reissue
from ..report.words import changes
from ..show import glance
from . import found, route
from .models import Paper, Sensitivity, StopQuestion

TEMPLATES = Path(__file__).parent / "typst"
KINDS = {
    "briefing": (api.lazy_gettext("Briefing"), "briefing.typ"),
    "dossier": (api.lazy_gettext("Dossier"), "briefing.typ"),
    "sheets": (api.lazy_gettext("Field sheets"), "sheets.typ"),
}
SHEETS = "sheets"  # say nothing that is not public, so scribes take them too
CONTEXT, DRAFT = 320, 520  # characters that are read at a glance
LATE = 30
ANSWERS = {
    "none": api.lazy_gettext("No answer yet"),
    "assigned": api.lazy_gettext("No answer yet"),
    "drafted": api.lazy_gettext("Draft answer"),
    "to_approve": api.lazy_gettext("Draft answer, to approve"),
    "approved": api.lazy_gettext("Approved answer, to be published"),
    "published": api.lazy_gettext("Published answer"),
}
CHANNELS = {
    "email": api.lazy_gettext("by e-mail"),
    "phone": api.lazy_gettext("by phone"),
    "paper": api.lazy_gettext("on paper"),
    "stall": api.lazy_gettext("at a stall"),
}


def papers(space_id: int) -> Sequence[Any]:
    """The papers of a visit that the viewer takes, the newest first, without what they hold."""
    columns = (Paper.id, Paper.kind, Paper.lang, Paper.state, Paper.progress, Paper.made_at)
    rows = sa.select(*columns).where(Paper.space_id == space_id).order_by(Paper.id.desc())
    if api.can("visits.manage", api.get_or_404(api.Space, space_id)):
        return api.db.session.execute(rows.limit(reads.PAGE)).all()
    with api.as_system("scribes take the field sheets"):
        return api.db.session.execute(rows.where(Paper.kind == SHEETS).limit(reads.PAGE)).all()


def sheets(paper_id: int) -> Paper | None:
    """These field sheets, as scribes take them."""
    with api.as_system("scribes take the field sheets"):
        row = api.db.session.get(Paper, paper_id)
    if row is None or row.kind != SHEETS:
        return None
    return row if api.can("visits.conclude", api.get_or_404(api.Space, row.space_id)) else None


def order(space_id: int, kind: str) -> int:
    """The id of a paper in the viewer's language, which the worker makes; one that says nothing yet is it."""
    with api.write() as session:
        space = api.get_or_404(api.Space, space_id)
        api.require("visits.conclude" if kind == SHEETS else "visits.manage", space)
        visit = states.visit_case(space_id).visit
        with api.as_system("scribes take the field sheets"):
            waits = sa.select(Paper.id).where(Paper.space_id == space_id, Paper.kind == kind)
            waits = waits.where(Paper.lang == _language(), Paper.state == "waiting", Paper.progress == 0)
            waiting: int | None = session.scalar(waits.limit(1))
        if waiting is not None:
            return waiting
        if kind == "dossier":
            visit.freezes_at = api.now()
        return _order(space_id, kind)


def freeze_on(space_id: int, day: dt.date | None) -> None:
    """Say when the dossier is frozen by itself: as that day begins; None takes it back."""
    with api.write():
        api.require("visits.manage", api.get_or_404(api.Space, space_id))
        moment = dt.datetime.combine(day, dt.time(), api.town_zone()) if day else None
        api.get_or_404(Visit, space_id).freezes_at = moment


def freeze_due() -> None:
    """Job: freeze the dossiers whose day has come."""
    with api.as_system("freeze dossiers on time"):
        for space_id in api.db.session.scalars(to_freeze(api.now())).all():
            with api.write():
                _order(space_id, "dossier")


def to_freeze(moment: dt.datetime) -> sa.Select[int]:
    """The visits whose dossier should be frozen since this moment and is not."""
    made = _dossiers(Visit.space_id, Visit.freezes_at).exists()
    due = sa.select(Visit.space_id).where(Visit.freezes_at <= moment, ~made)
    return due.where(Visit.state.not_in((*OFF, "archived")))


def is_frozen(visit: Visit) -> bool:
    """Whether the dossier of a visit is made since the day on which it freezes."""
    made = _dossiers(visit.space_id, visit.freezes_at)
    return visit.freezes_at is not None and api.db.session.scalar(made.limit(1)) is not None


def _dossiers(space_id: Any, since: Any) -> sa.Select[int]:
    made = sa.select(Paper.id).where(Paper.space_id == space_id, Paper.kind == "dossier")
    return made.where(Paper.made_at >= since)


def make(paper_id: int) -> None:
    """Job: gather what a paper says, unless it says it already, and print it; one that fails says so.

    What is taken out in between waits until it is gathered, or has it printed again.
    """
    with api.as_system("make a paper for the team of a visit"):
        try:
            _make(paper_id)
        except BaseException:  # too long a time is none of Exception
            with api.write():
                row = _paper(paper_id)
                if row is not None and row.state == "waiting":
                    row.state = "failed"
                    _tell(row, 100)
            raise


def _make(paper_id: int) -> None:
    with api.write():
        row = _paper(paper_id)
        if row is None or row.state not in ("waiting", "failed"):
            return
        if not row.data:
            with force_locale(row.lang):
                row.data, row.made_at = gathered(row.space_id, row.kind), api.now()
        _tell(row, 50)
    said = copy.deepcopy(row.data)
    content = api.pdf(TEMPLATES / KINDS[row.kind][1], printed(said), seconds=100)
    with api.write() as session:
        row = _paper(paper_id)
        if row is None or row.data != said:
            return
        row.content, row.state = content, "done"
        _tell(row, 100)
        if row.kind != "dossier":
            older = sa.delete(Paper).where(Paper.space_id == row.space_id, Paper.kind == row.kind)
            session.execute(older.where(Paper.id < row.id, Paper.lang == row.lang))


def _paper(paper_id: int) -> Paper | None:
    """A paper, held until the write ends."""
    row: Paper | None = api.db.session.scalars(api.lock(_held().where(Paper.id == paper_id))).one_or_none()
    return row


def gathered(space_id: int, kind: str) -> dict[str, Any]:
    """All that a paper says, as it is now, in the language that is spoken."""
    visit, space = api.get_or_404(Visit, space_id), api.get_or_404(api.Space, space_id)
    way = route.of(visit)
    questions, people = _questions(visit)
    at = {leg.stop.id: [one for one in questions if one["stop"] == leg.stop.id] for leg in way.legs}
    officials = teams.officials_of(space_id)
    people |= {str(one.id): one.name for one in officials}
    name = str(KINDS[kind][0])
    now = api.now()
    facts = [
        (_("Date"), show.day_of(visit)),
        *(() if visit.off else ((_("Time"), show.hours(visit)),)),
        (_("Meeting point"), visit.meeting_point or "–"),
        (_("Accessibility"), visit.access_notes or "–"),
    ]
    if kind == "dossier":
        facts.append((_("Frozen on"), moment_said(now)))
    answered = sum(one["published"] for one in questions)
    return {
        "lang": str(get_locale())[:2],
        "title": f"{name} – {space.name}",
        "town": town_name(),
        "when": show.day_of(visit),
        "foot": _("For the team of the visit alone; as of %(date)s.", date=moment_said(now)),
        "name": space.name,
        "kind": name,
        "facts": facts,
        "officials": [one.id for one in officials],
        "counts": ", ".join(
            (
                ngettext("%(num)s accepted question", "%(num)s accepted questions", len(questions)),
                ngettext("%(num)s answered", "%(num)s answered", answered),
                ngettext("%(num)s minute in all", "%(num)s minutes in all", way.total),
            )
        ),
        "late": late_promises(space, visit),
        "found": found.found(space) if kind == "dossier" else [],
        "looked": kind == "dossier",
        "stops": [
            {
                "number": leg.number,
                "title": leg.stop.title,
                "at": f"{leg.arrives.astimezone(api.town_zone()):%H:%M}" if leg.arrives else "",
                "lasts": ngettext("%(num)s minute", "%(num)s minutes", leg.stop.minutes),
                "step_free": leg.stop.step_free,
                "questions": [_at(leg.stop.title, one) for one in at[leg.stop.id]],
            }
            for leg in way.legs
        ],
        "rest": [one for one in questions if one["stop"] not in at],
        "people": people,
        "words": {
            "briefing": name,
            "sensitivity": _("Delicate"),
            "also": _("Also asked:"),
            "steps": _("Steps on the way"),
            "nothing": _("Nothing is planned to be talked about here yet."),
            "late": _("Late promises of the last visit"),
            "no_late": _("No promise is late."),
            "found": _("What the search finds of the neighbourhood"),
            "no_found": _("The search finds nothing of the neighbourhood."),
            "contents": _("Contents"),
            "continued": _("(continued)"),
            "rest": _("Without a stop") if way.legs else _("Questions"),
            "officials": _("Who comes"),
            "outcome": _("What became of it"),
            "outcomes": [str(label) for label in labels.OUTCOMES.values()],
            "note": _("Note"),
            "people": _("How many people were there"),
            "new": _("Questions that are new"),
        },
    }


def _at(stop: str, one: dict[str, Any]) -> dict[str, Any]:
    """A question below its stop, whose name it need not repeat."""
    return {**one, "place": ""} if api.fold(one["place"]) == api.fold(stop) else one


def printed(said: dict[str, Any]) -> dict[str, Any]:
    """What a paper says with the names of people where their numbers stand."""
    people = said["people"]
    names = ", ".join(people[str(one)] for one in said["officials"] if str(one) in people)
    facts = [*said["facts"], *([(said["words"]["officials"], names)] if names else [])]

    def named(one: dict[str, Any]) -> dict[str, Any]:
        owner = (one["department"], people.get(str(one["official"]), ""))
        return {**one, "owner": " – ".join(filter(None, owner))}

    with force_locale(said["lang"]):
        mentions = changes(said.get("mentions", ()))
    stops = [{**stop, "questions": [named(one) for one in stop["questions"]]} for stop in said["stops"]]
    rest = [named(one) for one in said["rest"]]
    return {**said, "facts": facts, "mentions": mentions, "stops": stops, "rest": rest}


def late_promises(space: api.Space, visit: Visit) -> list[dict[str, Any]]:
    """What was promised on earlier visits of the same area and is late, the longest due first."""
    rows = (
        sa.select(Commitment, Department.name, api.Space.name)
        .join(Department, Department.id == Commitment.department_id)
        .join(api.Space, api.Space.id == Commitment.space_id)
        .join(Visit, Visit.space_id == Commitment.space_id)
        .where(api.Space.area_id.is_not_distinct_from(space.area_id), Visit.starts_at < visit.starts_at)
        .where(late(api.town_today()), about_public())
        .order_by(Commitment.due_on, Commitment.id)
        .limit(LATE)
    )
    return [
        {
            "id": row.id,
            "question": row.question_id,
            "due": api.day(row.due_on),
            "text": row.text,
            "by": f"{department} – {name}",
        }
        for row, department, name in api.db.session.execute(rows)
    ]


def forget(user_id: int, words: bool) -> None:
    """Take a person out of the papers, inside a write: name, what is delicate to them, their `words`."""
    own = set(api.db.session.scalars(reads.asked_by(user_id)))
    for row in api.db.session.scalars(api.lock(_held())):
        was = copy.deepcopy(row.data)
        row.data.get("people", {}).pop(str(user_id), None)
        for one in _each(row.data):
            if one["id"] in own:
                one["sensitivity"] = ""
        if words:
            posts = [one["post"] for one in row.data.get("found", ()) if "post" in one]
            theirs = sa.select(api.Entry.id).where(api.Entry.id.in_(posts), api.Entry.author_id == user_id)
            found.leave_out(row.data, row.lang, set(api.db.session.scalars(theirs)))
        if row.data != was:
            _print_again(row)


def leave_out(post_id: int) -> None:
    """Let no dossier say the words of a post any more that the search found, inside a write."""
    holds = sa.cast(Paper.data, sa.Text).like(f'%"post": {post_id},%')
    for row in api.db.session.scalars(api.lock(_held().where(Paper.kind == "dossier", holds))):
        found.leave_out(row.data, row.lang, {post_id})
        _print_again(row)


def take_out(space_id: int, mention: dict[str, Any], left: api.Entry | None) -> None:
    """Let papers say what is left of a question, its promises or an answer, inside a write.

    Those are papers of its visit, and of later ones that name a promise as late. A frozen dossier says on
    which day it changed; what passes is made anew.
    """
    promised = sa.cast(Paper.data, sa.Text).like(f'%"question": {mention["question"]},%')
    holds = sa.or_(Paper.space_id == space_id, promised)
    for row in api.db.session.scalars(api.lock(_held().where(holds))):
        was = copy.deepcopy(row.data)
        _say_left(row.data, mention, left)
        if row.data != was:
            what = mention["what"] if row.space_id == space_id else "promise"
            row.data["mentions"] = [*was.get("mentions", ()), {**mention, "what": what}]
            _print_again(row)
            if row.kind != "dossier":
                row.data = {}


def _say_left(said: dict[str, Any], mention: dict[str, Any], left: api.Entry | None) -> None:
    """Say what an entry says now, or nothing where there is none."""
    ident = mention["question"]
    words = {"title": "–", **dict.fromkeys(("body", "place", "sensitivity", "draft"), "")}
    if mention["what"] == "answer":
        words = {"draft": glance(left.body, DRAFT) if left else ""}
    elif left:
        place = api.get_or_404(Question, ident).place
        words = {"title": left.title or "–", "body": glance(left.body, CONTEXT), "place": place}
    if mention["what"] == "question" and "late" in said:
        said["late"] = list(reissue.promises_left(said["late"], ident, left))
    for one in _each(said):
        if one["id"] == ident:
            one |= words
        if mention["what"] == "question":
            others = [other for other in one["others"] if left or other[0] != ident]
            one["others"] = [[at, left.title if left and at == ident else text] for at, text in others]
            one["similar"] = [text for _ident, text in one["others"]]


def _held() -> Any:
    return sa.select(Paper).options(defer(Paper.content)).order_by(Paper.id)


def _each(said: dict[str, Any]) -> list[dict[str, Any]]:
    """Each question that a paper says something of."""
    return [*said.get("rest", ()), *(one for stop in said.get("stops", ()) for one in stop["questions"])]


def _print_again(row: Paper) -> None:
    flag_modified(row, "data")
    row.content, row.state = b"", "waiting"
    api.enqueue("visits.print", paper_id=row.id)


def _order(space_id: int, kind: str) -> int:
    row = Paper(space_id=space_id, kind=kind, lang=_language(), data={})
    api.db.session.add(row)
    api.db.session.flush()
    api.enqueue("visits.print", paper_id=row.id)
    return row.id


def _language() -> str:
    return str(get_locale())[:2]


def _tell(row: Paper, progress: int) -> None:
    row.progress = progress
    space = api.get_or_404(api.Space, row.space_id)
    api.emit(space, "visits.paper", row.id, team_only=True)


def _questions(visit: Visit) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The accepted questions of a visit as its papers show them, and the names of the officials in charge."""
    answer, official = aliased(api.Entry), aliased(api.User)
    rows = (
        sa.select(api.Entry, Question, Casework, Department.name, official.id, official.name)
        .add_columns(answer.body, Sensitivity.text, StopQuestion.stop_id)
        .join(Question, Question.entry_id == api.Entry.id)
        .join(Casework, Casework.entry_id == api.Entry.id)
        .outerjoin(Department, Department.id == Casework.department_id)
        .outerjoin(official, official.id == Casework.official_id)
        .outerjoin(Answer, Answer.question_id == api.Entry.id)
        .outerjoin(answer, answer.id == Answer.entry_id)
        .outerjoin(Sensitivity, Sensitivity.entry_id == api.Entry.id)
        .outerjoin(StopQuestion, StopQuestion.entry_id == api.Entry.id)
        .where(api.Entry.space_id == visit.space_id, api.Entry.state == "published")
        .where(Question.triage == "accepted")
        .order_by(StopQuestion.position, api.Entry.support_count.desc(), api.Entry.id)
    )
    found = api.db.session.execute(rows).all()
    heads = {entry.id for entry, *_rest in found}
    joined = {entry.id: row.group_id for entry, row, *_rest in found if row.group_id in heads}
    others: dict[int, list[tuple[int, str]]] = {}
    for entry, *_rest in found:
        if entry.id in joined:
            others.setdefault(joined[entry.id], []).append((entry.id, entry.title))
    voices = reads.voices_by_group(api.Entry.space_id == visit.space_id)
    beside = reads.apart_by_group(api.Entry.space_id == visit.space_id)
    said = [
        _said(
            *row,
            visit=visit,
            others=others.get(row[0].id, []),
            supports=voices.get(row[0].id, 0),
            apart=beside.get(row[1].group_id or row[0].id, (0, 0)),
        )
        for row in found
        if row[0].id not in joined
    ]
    return said, {str(row[4]): row[5] for row in found if row[4]}


def _said(
    entry: Any,
    question: Question,
    casework: Casework,
    department: str | None,
    official: int | None,
    _name: str | None,
    draft: str | None,
    sensitivity: str | None,
    stop: int | None,
    *,
    visit: Visit,
    others: list[tuple[int, str]],
    supports: int,
    apart: tuple[int, int],
) -> dict[str, Any]:
    return {
        "id": entry.id,
        "stop": stop,
        "title": entry.title,
        "body": glance(entry.body, CONTEXT),
        "others": others,
        "similar": [text for _ident, text in others],
        "published": question.answered_at is not None,
        "answer": str(ANSWERS[casework.answer]),
        "draft": glance(draft or "", DRAFT),
        "sensitivity": sensitivity or "",
        "supports": supports,
        "supports_word": ngettext("support", "supports", supports),
        "apart": labels.apart_label(*apart),
        "theme": labels.theme_label(question.theme),
        "place": question.place,
        "channel": str(CHANNELS.get(entry.channel, "")),
        "department": department or "",
        "official": official,
        "overdue": _("Late") if is_overdue(entry, question, casework, visit, api.now()) else "",
        "outcome": labels.outcome_label(question),
    }


def town_name() -> str:
    """What the town is called on paper."""
    return render_template("visits/plan/town.txt").strip()


def moment_said(moment: dt.datetime) -> str:
    """A moment to the minute, as papers and their list say it."""
    return str(api.format_datetime(moment, _("d MMMM y, HH:mm")))
