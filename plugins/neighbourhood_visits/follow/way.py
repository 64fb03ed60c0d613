"""The whole way of a question, from its first word to the proof, on the one page that is its address."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from .. import states
from ..models import Commitment, Department, Question, about_public, grouped_with
from ..report.models import Report
from ..show import draw
from . import promises
from .models import Step
from .steps import BY_ASKERS

Moment = tuple[dt.datetime, str, str]


def panel(entry: Any, code: str = "") -> list[api.Panel]:
    """The way of the question whose page is shown; of what is not public its author and team see it too.

    Whoever has shown its `code` is asked whether its promises are kept, as who asked is.
    """
    if entry is None or entry.kind != "visits.question":
        return []
    question, whole = api.db.session.get(Question, entry.id), api.db.session.get(api.Entry, entry.id)
    if question is None or whole is None:
        return []
    items = [
        {"when": api.day(at.astimezone(api.town_zone()).date()), "title": title, "html": note}
        for at, title, note in sorted(_moments(whole, question), key=lambda one: one[0])
    ]
    promised = _promised(whole, code)
    if len(items) == 1:
        return promised  # that it was asked is said above
    return [*promised, api.Panel(_("The whole way"), draw("visits/follow/way.html", items=items), weight=10)]


def _promised(entry: api.Entry, code: str) -> list[api.Panel]:
    """What was promised about a public question; above it for who may say whether it is kept."""
    about = sa.select(Commitment, api.Space, Department.name, promises.contested_at()).order_by(Commitment.id)
    about = about.join(api.Space, api.Space.id == Commitment.space_id)
    about = about.join(Department, Department.id == Commitment.department_id)
    together = sa.select(Question.entry_id).where(grouped_with(entry.id))
    found = api.db.session.execute(about.where(Commitment.question_id.in_(together), about_public())).all()
    rows = []
    for row, space, keeper, contested_at in found:
        case = states.Case(space, None, entry, commitment=row, by_code=bool(code))
        rows.append((row, keeper, contested_at, states.ways(case, "commitment")))
    if not rows:
        return []
    html = draw(
        "visits/follow/promised.html",
        rows=rows,
        back=f"/posts/{entry.id}",
        code=code,
        day=api.town_today(),
        state_label=promises.state_label,
        label_day=api.day,
    )
    asked = any(way.verb in BY_ASKERS for *_row, ways in rows for way in ways)
    return [api.Panel(_("What was promised"), html, weight=5, urgent=asked)]


def _moments(entry: api.Entry, question: Question) -> list[Moment]:
    """What happened when: of the question itself, of what was promised, and of the visit's report."""
    found = [(entry.created_at, str(_("Asked")), "")]
    if question.triage == "accepted" and entry.published_at:
        found.append((entry.published_at, str(_("Accepted: everybody can read and support it")), ""))
    if question.answered_at:
        found.append((question.answered_at, str(_("Answer published")), ""))
    rows = (
        sa.select(Step, Commitment.text, Commitment.due_on)
        .outerjoin(Commitment, Commitment.id == Step.commitment_id)
        .where(Step.entry_id == entry.id)
        .order_by(Step.id)
    )
    steps = api.db.session.execute(rows).all()
    promised = any(step.verb == "promise" for step, _text, _due_on in steps)
    for step, text, due_on in steps:
        if promised and (step.thing, step.verb) == ("outcome", "commit"):
            continue  # the promise itself says so, and until when
        found.append((step.at, _title(step, due_on), text if step.verb == "promise" else step.reason))
    report = api.db.session.get(Report, entry.space_id)
    if report is not None:
        found.append((report.issued_at, str(_("Report of the visit published")), ""))
    return found


def _title(step: Step, due_on: dt.date | None) -> str:
    """What happened, in a word or two."""
    if step.verb == "promise":
        return str(_("Promise made, due by %(date)s", date=api.day(due_on)))
    labels = {
        ("triage", "group"): _("Grouped with similar questions"),
        ("discussion", "discuss"): _("Talked about during the visit"),
        ("outcome", "settle"): _("Settled"),
        ("outcome", "commit"): _("A promise is made"),
        ("outcome", "refuse"): _("Refused"),
        ("outcome", "study"): _("To be studied"),
        ("outcome", "decline"): _("Not the town’s to decide"),
        ("outcome", "inform"): _("Explained"),
        ("commitment", "start"): _("Work has begun"),
        ("commitment", "claim"): _("Said to be done"),
        ("commitment", "confirm"): _("Confirmed by somebody who asked or supports it"),
        ("commitment", "contest"): _("Not done, says somebody who asked or supports it: open again"),
        ("commitment", "abandon"): _("Given up"),
    }
    return str(labels.get((step.thing, step.verb), step.verb))
