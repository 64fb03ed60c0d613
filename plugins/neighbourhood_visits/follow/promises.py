"""Commitments of the town: the verbs that make and follow them, and the page where everybody reads them."""

import datetime as dt
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from flask import abort, redirect, request, url_for

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from .. import labels, quiet, reads, states
from ..approve import answers
from ..field import notes
from ..forms import PromiseForm
from ..models import (
    ONGOING,
    STANDS,
    Asker,
    Casework,
    Commitment,
    Department,
    Question,
    about_public,
    grouped_with,
    late,
)
from ..pages import REFUSED, Page, blueprint, form_page
from ..show import draw
from . import calendar, steps
from .models import Step

THANKS = {
    "confirm": lazy_gettext("Thank you: the promise counts as kept."),
    "contest": lazy_gettext("Thank you: the promise is under way again, and who keeps it is told."),
}


def promise(question_id: int, text: str, department_id: int, due_on: dt.date) -> Commitment:
    """Promise something about an accepted question: by whom and until when; it is its outcome from now on.

    What stands is promised once, however often its form is sent.
    """
    with api.write() as session:
        case = states.question_case(question_id)
        api.require("visits.commit", case.space)
        if not states.ACCEPTED.holds(case):
            raise api.Refused(str(states.ACCEPTED.refusal))
        if case.entry.state != "published":
            raise api.Refused(_("This question is hidden, and a promise is public. Show it again first."))
        said = _said(question_id, text, department_id, due_on)
        if said is not None:
            return said
        row = Commitment(
            space_id=case.space.id,
            question_id=question_id,
            text=text,
            department_id=api.get_or_404(Department, department_id).id,
            due_on=due_on,
        )
        session.add(row)
        session.flush()
        if case.question.outcome != "committed":
            answers.conclude(case, "commit", "")  # the promise says it
        steps.record(question_id, "commitment", "promise", text, row.id)
        api.reindex(case.entry)
        notes.promised(case)
    return row


def _said(question_id: int, text: str, department_id: int, due_on: dt.date) -> Commitment | None:
    """The same promise where it stands already, its form having been sent twice."""
    rows = sa.select(Commitment).where(
        Commitment.question_id == question_id,
        Commitment.text == text,
        Commitment.department_id == department_id,
        Commitment.due_on == due_on,
        STANDS,
    )
    return api.db.session.scalars(rows.limit(1)).first()


def turn(commitment_id: int, verb: str, reason: str = "") -> None:
    """Lead a commitment to another state; an asker's reason waits for the team to let it through."""
    with api.write():
        _turn(states.commitment_case(commitment_id), verb, reason)


def by_code(question_id: int, commitment_id: int, verb: str, reason: str = "") -> None:
    """Confirm or contest, as who asked may, a promise about the question whose code somebody has shown.

    Who keeps the promise does not confirm it by a code either, as long as they are signed in.
    """
    keeps = _keeps(commitment_id)
    with api.as_system("whoever holds its code acts as its author"), api.write():
        case = states.commitment_case(commitment_id)
        about = sa.select(Question.entry_id).where(Question.entry_id == case.commitment.question_id)
        if api.db.session.scalar(about.where(grouped_with(question_id))) is None:
            raise api.Forbidden("visits.ask")
        case.by_code, case.keeps = True, keeps
        _turn(case, verb, reason)


def _keeps(commitment_id: int) -> bool:
    row = api.db.session.get(Commitment, commitment_id)
    space = api.db.session.get(api.Space, row.space_id) if row else None
    return space is not None and states.may_claim(states.Case(space, commitment=row))


def _turn(case: states.Case, verb: str, reason: str) -> None:
    states.move(case, "commitment", verb, reason=reason)
    calendar.untell(case.commitment)
    by_asker = verb in steps.BY_ASKERS
    case.commitment.reason, case.commitment.changed_at = "" if by_asker else reason, api.now()
    if verb == "contest":
        _say(case, reason)
        calendar.tell_contested(case.commitment, case.entry)


def _say(case: states.Case, reason: str) -> None:
    """Let the reason of who contests wait below the question, unnamed where that was asked so; in a write."""
    unnamed = case.by_code or (case.entry.author_id is None and reads.asked(case.entry))
    kind = "visits.unnamed" if unnamed else "core.reply"
    said = api.publish(case.space, reason, kind=kind, parent=case.entry, state="pending", confirmed=True)
    if unnamed:
        said.author_id, said.byline = None, case.entry.byline or _("A resident")
        if not case.by_code:
            api.insert_once(Asker, user_id=api.viewer().id, entry_id=said.id)


@blueprint.get("/promises")
@api.needs("core.read")
def promises() -> str:
    """What the town has promised, what is late first, for everybody."""
    visit, area = (request.args.get(name, type=int) for name in ("visit", "area"))
    theme = request.args.get("theme", "")
    only = _only(visit, area, theme)
    rows, further = _page(only, request.args.get("after", ""))
    cases = {row.id: states.Case(space, None, entry, commitment=row) for row, space, entry, *_owner in rows}
    return draw(
        "visits/promises.html",
        rows=rows,
        further=further,
        chosen={name: value for name, value in (("visit", visit), ("area", area), ("theme", theme)) if value},
        areas=_areas(),
        themes=_themes(),
        quiet=quiet.sentence(),
        counts=_counts(only),
        day=api.town_today(),
        ways={ident: states.ways(case, "commitment") for ident, case in cases.items()},
        state_label=state_label,
        label_day=api.day,
    )


@blueprint.post("/promises/<int:commitment_id>/turn")
@api.needs("core.account")
def turn_promise(commitment_id: int) -> Any:
    """Say that work has begun, is done, is not done after all, or is given up."""
    verb = request.form.get("verb", "")
    if ("commitment", verb) not in states.TABLE:
        abort(404)
    try:
        turn(commitment_id, verb, api.one_line(request.form.get("reason", ""))[:1000])
        api.says(THANKS.get(verb) or _("Done."))
    except api.Refused as reason:
        api.says(str(reason), "error")
    return api.back(url_for("visits.promises") + f"#promise-{commitment_id}")


@blueprint.route("/questions/<int:question_id>/promise", methods=["GET", "POST"])
@api.needs("visits.commit")
def new_promise(question_id: int) -> Page:
    """Promise something about a question."""
    entry = api.get_or_404(api.Entry, question_id)
    space = api.get_or_404(api.Space, entry.space_id)
    api.require("visits.commit", space)
    casework = api.get_or_404(Casework, question_id)
    form: Any = PromiseForm.offered(casework.department_id)
    shown = {"entry": entry, "space": space, "organises": api.can("visits.organise")}
    if not form.validate_on_submit():
        return form_page("visits/promise_form.html", form, **shown)
    try:
        promise(question_id, form.text.data, form.department.data, form.due_on.data)
    except api.Refused as reason:
        form.form_errors.append(str(reason))
        return draw("visits/promise_form.html", form=form, **shown), REFUSED
    api.says(_("The promise is public, with its date."))
    return redirect(url_for("visits.question", question_id=question_id))


def kept_by(
    departments: Collection[int],
) -> list[tuple[Commitment, api.Entry, dt.datetime | None, list[states.Transition]]]:
    """The promises that these departments have to keep still, the first due first: each with its question,
    when it was contested, and what may be said of it.
    """
    rows = (
        sa.select(Commitment, api.Space, api.Entry, contested_at())
        .join(api.Space, api.Space.id == Commitment.space_id)
        .join(api.Entry, api.Entry.id == Commitment.question_id)
        .where(Commitment.department_id.in_(departments), Commitment.state.in_(ONGOING), about_public())
        .order_by(Commitment.due_on, Commitment.id)
        .limit(reads.PAGE)
    )
    found = api.db.session.execute(rows).all() if departments else []
    return [
        (row, entry, contested, states.ways(states.Case(space, None, entry, commitment=row), "commitment"))
        for row, space, entry, contested in found
    ]


def state_label(row: Commitment) -> str:
    """Where a commitment stands, in a word or two; late ones say so."""
    if row.is_late(api.town_today()):
        return str(_("Late"))
    labels = {
        "open": _("Promised"),
        "in_progress": _("Under way"),
        "done_claimed": _("Said to be done"),
        "confirmed": _("Confirmed"),
        "abandoned": _("Given up"),
    }
    return str(labels[row.state])


def contested_at() -> Any:
    """When somebody said that a promise is not kept, if nothing was said of it since: a column beside it."""
    said = (Step.commitment_id == Commitment.id, Step.thing == "commitment")
    last = sa.select(sa.func.max(Step.id)).where(*said).correlate(Commitment).scalar_subquery()
    return sa.select(Step.at).where(Step.id == last, Step.verb == "contest").scalar_subquery()


def _only(visit: int | None, area: int | None, theme: str) -> list[Any]:
    """Those about public questions: of one visit, of an area with all in it, of one theme."""
    found: list[Any] = [about_public()]
    if visit is not None:
        found.append(Commitment.space_id == visit)
    if area is not None:
        path = sa.select(api.Area.path).where(api.Area.id == area).scalar_subquery()
        within = sa.select(api.Area.id).where(api.Area.path.startswith(path))
        found.append(api.Space.area_id.in_(within))
    if theme:
        about = sa.select(Question.entry_id).where(Question.theme == theme)
        found.append(Commitment.question_id.in_(about))
    return found


def _areas() -> list[tuple[int, str]]:
    """The areas about which something was promised."""
    rows = (
        sa.select(api.Area.id, api.Area.name)
        .join(api.Space, api.Space.area_id == api.Area.id)
        .join(Commitment, Commitment.space_id == api.Space.id)
        .where(about_public())
        .order_by(api.Area.name, api.Area.id)
        .distinct()
    )
    return [(row.id, row.name) for row in api.db.session.execute(rows)]


def _themes() -> list[tuple[str, str]]:
    """The themes about which something was promised."""
    rows = sa.select(Question.theme).join(Commitment, Commitment.question_id == Question.entry_id)
    words = api.db.session.scalars(rows.where(Question.theme != "", about_public()).distinct())
    return sorted(((word, labels.theme_label(word)) for word in words), key=lambda pair: pair[1])


def _counts(only: list[Any]) -> dict[str, int]:
    """How many there are in all, confirmed, and late."""
    count = sa.func.count
    rows = (
        sa.select(
            count(Commitment.id),
            count(sa.case((Commitment.state == "confirmed", 1))),
            count(sa.case((late(api.town_today()), 1))),
        )
        .join(api.Space, api.Space.id == Commitment.space_id)
        .where(*only)
    )
    return dict(zip(("all", "confirmed", "late"), api.db.session.execute(rows).one(), strict=True))


def _page(only: list[Any], after: str) -> tuple[Any, str]:
    """A page of commitments: those not done yet, the longest due first, those said to be done, the others."""
    done = sa.case((Commitment.state.in_(ONGOING), 0), (Commitment.state == "done_claimed", 1), else_=2)
    rows = (
        sa.select(Commitment, api.Space, api.Entry, Department, contested_at())
        .join(api.Space, api.Space.id == Commitment.space_id)
        .outerjoin(api.Entry, api.Entry.id == Commitment.question_id)
        .join(Department, Department.id == Commitment.department_id)
        .order_by(done, Commitment.due_on, Commitment.id)
        .limit(reads.PAGE + 1)
    )
    rows = rows.where(*only)
    start = _cursor(after)
    if start is not None:
        place = sa.tuple_(done, Commitment.due_on, Commitment.id)
        rows = rows.where(place > sa.tuple_(*(sa.literal(part) for part in start)))
    found = api.db.session.execute(rows).all()
    if len(found) <= reads.PAGE:
        return found, ""
    last = found[reads.PAGE - 1][0]
    place_of = 0 if last.state in ONGOING else 1 if last.state == "done_claimed" else 2
    return found[: reads.PAGE], f"{place_of}_{last.due_on}_{last.id}"


def _cursor(text: str) -> tuple[int, dt.date, int] | None:
    parts = text.split("_")
    if len(parts) != 3 or not (parts[0] in ("0", "1", "2") and parts[2].isascii() and parts[2].isdecimal()):
        return None
    try:
        return int(parts[0]), dt.date.fromisoformat(parts[1]), int(parts[2][:9])
    except ValueError:
        return None
