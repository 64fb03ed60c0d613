"""Pages of a department: its requests, and one of them, by an account or by a signed link; nothing else."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import abort, make_response, redirect, request, url_for
from werkzeug.wrappers import Response

from core import api
from core.api import gettext as _

from .. import teams
from ..approve import answers
from ..follow import promises
from ..models import Casework, Department, DepartmentMember, Question, Visit, asked_questions
from ..pages import REFUSED, TOO_LATE, blueprint
from ..show import draw
from . import actions, due, links
from .due import OPEN
from .forms import DepartmentAnswerForm, GiveBackForm
from .models import DepartmentLink

PAGE = 50


@dataclass(frozen=True)
class Asked:
    """What a department reads of a request: not who asked it, and nothing of any other."""

    question_id: int
    department: str
    visit: str
    title: str
    html: str
    place: str
    due_at: dt.datetime | None
    answer: str
    own: bool
    body: str
    version: int


@blueprint.route("/request/<int:link_id>/<token>", methods=["GET", "POST"])
@api.needs("visits.answer_by_link")
def by_link(link_id: int, token: str) -> Response:
    """One request for a department without accounts, and its draft of an answer; looking changes nothing."""
    with api.as_system("a department opens its request by its link"):
        link = links.opened(link_id, token, request.method)
        asked = link and _asked(link.entry_id, link.department_id, link)
    if not link or not asked:
        return _private(draw("visits/assigned/void.html"), 404)
    return _private(*_page(asked, link, url_for("visits.by_link", link_id=link_id, token=token)))


@blueprint.get("/department")
@api.needs("core.account")
def my_department() -> str:
    """What is assigned to the viewer's departments and what these have promised, the most urgent first."""
    person: Any = api.viewer().id
    with api.as_system("members of a department read what is assigned to it"):
        rows = (
            sa.select(api.Entry, Question, Casework, Visit)
            .join(Question, Question.entry_id == api.Entry.id)
            .join(Casework, Casework.entry_id == api.Entry.id)
            .join(Visit, Visit.space_id == api.Entry.space_id)
            .where(_mine(person), Casework.answer.in_(OPEN), api.Entry.id.in_(asked_questions()))
            .order_by(due.due(), api.Entry.id)
            .limit(PAGE)
        )
        found = api.db.session.execute(rows).all()
    return draw(
        "visits/assigned/mine.html",
        rows=[_row(*row) for row in found],
        promises=promises.kept_by(teams.departments_of()),
        day=api.town_today(),
        label_day=api.day,
    )


def _row(entry: Any, question: Question, casework: Casework, visit: Visit) -> dict[str, Any]:
    late = due.is_overdue(entry, question, casework, visit, api.now())
    day = due.answer_by(casework.due_at, entry.created_at, visit) if casework.due_at else None
    said = {"id": entry.id, "title": entry.title, "place": question.place, "answer": casework.answer}
    return {**said, "due_at": day, "late": late}


@blueprint.route("/department/<int:question_id>", methods=["GET", "POST"])
@api.needs("core.account")
def my_request(question_id: int) -> Response:
    """One request of the viewer's department, and their draft of an answer."""
    person: Any = api.viewer().id
    with api.as_system("a member of a department opens its request"):
        theirs = sa.select(Casework).where(Casework.entry_id == question_id, _mine(person))
        casework = api.db.session.scalars(theirs).one_or_none()
        asked = casework and _asked(question_id, casework.department_id or 0, person)
    if not asked:
        abort(404)
    return _private(*_page(asked, person, url_for("visits.my_request", question_id=question_id)))


def _mine(person: int) -> Any:
    """The question is assigned to a department in which this person works."""
    own = sa.select(DepartmentMember.department_id).where(DepartmentMember.user_id == person)
    return Casework.department_id.in_(own)


def _asked(question_id: int, department_id: int, by: int | DepartmentLink) -> Asked | None:
    """The request as its department reads it, for the system; None where it is not to be answered."""
    entry: Any = api.db.session.get(api.Entry, question_id)
    question: Any = api.db.session.get(Question, question_id)
    casework: Any = api.db.session.get(Casework, question_id)
    if question.triage != "accepted" or casework.answer == "none" or entry.state != "published":
        return None
    visit = api.get_or_404(Visit, entry.space_id)
    _answer, draft = answers.answer_of(question_id)
    drafted = actions.reads_draft(casework, by)
    department: Any = api.db.session.get(Department, department_id)
    return Asked(
        question_id,
        department.name,
        api.get_or_404(api.Space, entry.space_id).name,
        entry.title,
        entry.html,
        question.place,
        due.answer_by(casework.due_at, entry.created_at, visit) if casework.due_at else None,
        casework.answer,
        drafted or draft is None,
        draft.body if draft and drafted else "",
        draft.version if draft and drafted else 0,
    )


def _page(asked: Asked, by: int | DepartmentLink, here: str) -> tuple[Any, int]:
    """The request with the form of its answer; what was written is kept and waits for approval."""
    form: Any = DepartmentAnswerForm(body=asked.body, version=asked.version)
    status = 200
    if "return" in request.form:
        return _given_back(asked, by, form, here)
    if request.method == "POST" and form.validate_on_submit():
        try:
            actions.answer(asked.question_id, form.body.data, form.version.data or 0, by)
        except api.Refused as reason:
            form.form_errors.append(str(reason))
            status = TOO_LATE
        else:
            api.says(_("Thank you: the officials of the visit are asked to approve your answer."))
            return redirect(here), 302
    elif request.method == "POST":
        status = REFUSED
    return _drawn(asked, form, here), status


def _given_back(asked: Asked, by: int | DepartmentLink, form: Any, here: str) -> tuple[Any, int]:
    """The request goes back to the team, which reads why; what was written stays while it does not."""
    why: Any = GiveBackForm()
    if not why.validate():
        return _drawn(asked, form, here, why), REFUSED
    try:
        actions.give_back(asked.question_id, why.reason.data, by)
    except api.Refused as reason:
        form.form_errors.append(str(reason))
        return _drawn(asked, form, here, why), TOO_LATE
    return draw("visits/assigned/returned.html", asked=asked), 200


def _drawn(asked: Asked, form: Any, here: str, why: Any = None) -> str:
    context = {"asked": asked, "form": form, "here": here, "pictures": _pictures(asked.question_id)}
    return draw("visits/assigned/request.html", why=why or GiveBackForm(), **context)


def _pictures(question_id: int) -> tuple[Any, ...]:
    """The pictures of a request, where anybody may see them; else they stay inside."""
    entry = api.db.session.get(api.Entry, question_id)
    shown = api.cards([entry], show_space=False) if entry is not None else []
    return tuple(shown[0].pictures) if shown else ()


def _private(page: Any, status: int) -> Response:
    """A page whose address is a secret, which no cache keeps."""
    answer = make_response(page, status)
    answer.headers["Cache-Control"] = "no-store, private"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
