"""The verbs of the report: write the minutes, look for names in it, freeze what an official approved."""

import json
import re
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from .. import letters, seen, states, teams
from ..approve.corrections import changed, mostly_stays
from ..models import Visit
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
    columns = ("question", "place", "outcome_reason")
    said = [row[column] for row in facts["questions"] for column in columns]
    said += [api.plain(row["answer"]) for row in facts["questions"]]
    body = "\n".join([minutes, *said, *(row["text"] for row in facts["commitments"])])
    titled = [" ".join(one.split()) for one in NAMED.findall(body)]
    with api.as_system("whoever has an account is named in no report"):
        people = sa.select(api.User.name).where(api.User.role == "resident", api.User.closed_at.is_(None))
        spoken, names = _spoken(body), api.db.session.scalars(people.order_by(api.User.name)).all()
    words = set(spoken.split())
    known = [
        name
        for name in names
        if " " in name.strip() and words.issuperset((one := _spoken(name)).split()) and one in spoken
    ]
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
