"""The pages under /visits/: each reads a form, calls an action, and shows or redirects."""

import datetime as dt
from typing import Any

from flask import Blueprint, abort, redirect, request, session, url_for
from werkzeug.wrappers import Response

from core import api
from core.api import gettext as _

from . import actions, reads
from .forms import AnswerForm, AskForm, AskWithoutAccountForm, NoteForm, RejectForm, VisitForm
from .models import Casework, Question, Visit
from .show import draw

blueprint = Blueprint("visits", __name__, url_prefix="/visits", template_folder="templates")

Page = str | Response | tuple[str, int]
REFUSED = 422
TOO_LATE = 409


def url_of(space_id: int) -> str:
    """The page of a visit."""
    return url_for("visits.visit", space_id=space_id)


@blueprint.get("/")
@api.needs("core.read")
def index() -> str:
    """Visits to come, the next first, and below those past."""
    coming, past = reads.visits(), reads.visits(past=True)
    announces = actions.may_announce(anywhere=True)
    waiting = reads.waiting()
    return draw("visits/index.html", coming=coming, past=past, announces=announces, waiting=waiting)


@blueprint.route("/new", methods=["GET", "POST"])
@api.needs("visits.announce")
def new() -> Page:
    """Plan a visit; announce it at once, or keep it for the team for now."""
    form = VisitForm.offered()
    if not form.validate_on_submit():
        return _form_page("visits/visit_form.html", form)
    visit = actions.plan_visit(form.plan())
    if "announce" in request.form:
        actions.announce(visit)
        api.says(_("The visit is announced. Residents can ask their questions."))
    else:
        api.says(_("The visit is kept for its team. Announce it when it is ready."))
    return redirect(url_of(visit.space_id))


@blueprint.get("/<int:space_id>")
@api.needs("core.read")
def visit(space_id: int) -> str:
    """A visit: when, where, who comes, and the questions asked so far."""
    found, space = _visit(space_id)
    entries, further = reads.questions_of(space_id, request.args.get("after"))
    reviews = api.can("visits.review", space)
    return draw(
        "visits/visit.html",
        visit=found,
        space=space,
        officials=reads.officials_of(space_id),
        cards=api.cards(entries, show_space=False),
        count=reads.public_count(space_id),
        own=reads.own_questions(space_id) if api.viewer().signed_in else (),
        follows=api.viewer().signed_in and api.standing(space_id).follows,
        further=further,
        reviews=reviews,
        counts=reads.queue_counts([space_id])[space_id] if reviews else {},
    )


@blueprint.route("/<int:space_id>/edit", methods=["GET", "POST"])
@api.needs("visits.manage")
def edit(space_id: int) -> Page:
    """Change a visit and its team."""
    found, space = _visit(space_id)
    api.require("visits.manage", space)
    form = VisitForm.offered(found, space)
    if not form.validate_on_submit():
        return _form_page("visits/visit_form.html", form, visit=found, space=space)
    seen = request.form.get("version", 0, type=int)  # who sends none has seen none
    try:
        actions.change_visit(found, form.plan(), seen)
    except api.Refused as reason:
        form.form_errors.append(str(reason))
        form.over(api.get_or_404(api.Space, space_id).version)
        return _form_page("visits/visit_form.html", form, visit=found, space=space)
    api.says(_("The visit is changed."))
    return redirect(url_of(space_id))


@blueprint.post("/<int:space_id>/<any(announce, close, reopen):verb>")
@api.needs("core.account")
def turn(space_id: int, verb: str) -> Response:
    """Announce a visit, stop taking questions, or take them again."""
    found, _space = _visit(space_id)
    try:
        {"announce": actions.announce, "close": actions.close, "reopen": actions.reopen}[verb](found)
    except api.Refused as reason:
        api.says(str(reason), "error")
    return redirect(url_of(space_id))


@blueprint.route("/<int:space_id>/ask", methods=["GET", "POST"])
@api.needs("visits.ask")
def ask(space_id: int) -> Page:
    """Ask a question: at once when signed in, else confirmed by the link in a mail."""
    found, space = _visit(space_id)
    form: Any = AskForm() if api.viewer().signed_in else AskWithoutAccountForm()
    if not found.takes_questions(api.now()):
        if form.is_submitted():
            form.form_errors.append(_("This visit takes no more questions. You find yours below."))
        status = TOO_LATE if form.is_submitted() else 200
        return draw("visits/ask.html", form=form, visit=found, space=space, open=False), status
    if not form.validate_on_submit():
        return _form_page("visits/ask.html", form, visit=found, space=space, open=True)
    if not api.viewer().signed_in:
        payload = {
            "visit": space_id,
            "said": form.said(),
            "written_at": api.now().isoformat(),
            "name": form.name.data,
        }
        api.confirm_later(form.email.data, "visits.ask", payload)
        session["visits_asked"] = space_id
        return redirect(url_for("visits.asked", space_id=space_id))
    try:
        entry = actions.ask(found, **form.said(), confirmed=bool(form.confirmed.data))
    except api.AskAuthor as doubt:
        form.form_errors.append(str(doubt))
        form.confirmed.data = "yes"
        return _form_page("visits/ask.html", form, visit=found, space=space, open=True)
    return redirect(url_for("visits.thanks", question_id=entry.id))


def describe_question(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """What somebody is about to ask, and before which visit."""
    space, said = api.db.session.get(api.Space, payload["visit"]), payload["said"]
    return [
        (_("Visit"), space.name if space else ""),
        (_("Your question"), said["title"]),
        (_("Where is it?"), said["place"]),
        (_("Theme"), reads.theme_label(said["theme"])),
        (_("Say more"), said["body"]),
        (_("Telephone"), said["contact"]),
    ]


def confirm_question(payload: dict[str, Any]) -> str:
    """Ask what somebody wrote before they confirmed their address; taken when it was written in time."""
    found, _space = _visit(payload["visit"])
    try:
        entry = actions.ask(
            found,
            **payload["said"],
            written_at=dt.datetime.fromisoformat(payload["written_at"]),
            confirmed=True,
        )
    except api.Refused as reason:
        api.says(str(reason), "error")
        return url_of(payload["visit"])
    return url_for("visits.thanks", question_id=entry.id)


@blueprint.get("/<int:space_id>/asked")
@api.needs("core.read")
def asked(space_id: int) -> str | Response:
    """What somebody without an account does next: open the link in their mail; not told to others."""
    found, space = _visit(space_id)
    if session.get("visits_asked") != space_id:
        return redirect(url_of(space_id))
    return draw("visits/asked.html", visit=found, space=space)


@blueprint.get("/questions/<int:question_id>/thanks")
@api.needs("core.account")
def thanks(question_id: int) -> str:
    """The acknowledgement: what happens to a question now, and when."""
    entry = api.get_or_404(api.Entry, question_id)
    found, space = _visit(entry.space_id)
    if entry.kind != "visits.question" or entry.author_id != api.viewer().id:
        abort(404)
    settings = api.settings("neighbourhood_visits")
    return draw(
        "visits/thanks.html",
        entry=entry,
        visit=found,
        space=space,
        settings=settings,
        visit_first=found.starts_at < api.now() + dt.timedelta(days=settings["days_to_answer"]),
    )


@blueprint.get("/<int:space_id>/review")
@api.needs("visits.review")
def review(space_id: int) -> str:
    """The team's queue of a visit."""
    found, space = _visit(space_id)
    api.require("visits.review", space)
    counts = reads.queue_counts([space_id])[space_id]
    chosen = request.args.get("queue", "")
    name = chosen if chosen in reads.QUEUES else next((one for one in reads.QUEUES if counts[one]), "unread")
    rows, further = reads.queue(space_id, name, request.args.get("after", 0, type=int))
    tabs = [
        {
            "label": reads.queue_label(one),
            "url": url_for("visits.review", space_id=space_id, queue=one),
            "count": counts[one],
            "current": one == name,
        }
        for one in reads.QUEUES
    ]
    return draw(
        "visits/review.html",
        visit=found,
        space=space,
        tabs=tabs,
        name=name,
        rows=rows,
        people=reads.names(entry.author_id for entry, _question, _casework, _answer in rows),
        here=url_for("visits.review", space_id=space_id, queue=name),
        further=further,
    )


@blueprint.get("/questions/<int:question_id>")
@api.needs("visits.review")
def question(question_id: int) -> Page:
    """One question for the team: the decision, the note and the answer."""
    return _question_page(question_id)


@blueprint.post("/questions/<int:question_id>/accept")
@api.needs("visits.review")
def accept(question_id: int) -> Response:
    """Show a question to everybody; the team goes on to the next."""
    found = api.get_or_404(api.Entry, question_id)
    try:
        actions.accept(question_id, request.form.get("version", type=int))
        api.says(_("Accepted: everybody can read this question and support it."))
    except api.Refused as reason:
        api.says(str(reason), "error")
    return api.back(url_for("visits.review", space_id=found.space_id))


@blueprint.post("/questions/<int:question_id>/reject")
@api.needs("visits.review")
def reject(question_id: int) -> Page:
    """Keep a question from the public and tell its author why."""
    form: Any = RejectForm()
    if not form.validate_on_submit():
        return _question_page(question_id, REFUSED, rejecting=form)
    try:
        actions.reject(question_id, form.reason.data)
    except api.Refused as reason:
        return _refused(question_id, reason, rejecting=form)
    api.says(_("Not accepted: its author reads your reason."))
    found = api.get_or_404(api.Entry, question_id)
    return redirect(url_for("visits.review", space_id=found.space_id))


@blueprint.post("/questions/<int:question_id>/note")
@api.needs("visits.review")
def note(question_id: int) -> Page:
    """Keep a note for the team."""
    form: Any = NoteForm()
    if not form.validate_on_submit():
        return _question_page(question_id, REFUSED, noting=form)
    actions.keep_note(question_id, form.note.data)
    api.says(_("The note is kept."))
    return redirect(url_for("visits.question", question_id=question_id))


@blueprint.post("/questions/<int:question_id>/answer")
@api.needs("visits.answer")
def answer(question_id: int) -> Page:
    """Keep the draft of an answer, or publish it."""
    form: Any = AnswerForm()
    if not form.validate_on_submit():
        return _question_page(question_id, REFUSED, answering=form)
    publish = "publish" in request.form
    verb = actions.publish_answer if publish else actions.draft_answer
    try:
        verb(question_id, form.body.data, form.version.data or 0)
    except api.Refused as reason:
        return _refused(question_id, reason, answering=form)
    if publish:
        api.says(_("The answer is published."))
        found = api.get_or_404(api.Entry, question_id)
        return redirect(url_for("visits.review", space_id=found.space_id, queue="unanswered"))
    api.says(_("The draft is kept for the team."))
    return redirect(url_for("visits.question", question_id=question_id))


def _visit(space_id: int) -> tuple[Visit, api.Space]:
    return api.get_or_404(Visit, space_id), api.get_or_404(api.Space, space_id)


def _form_page(template: str, form: Any, **context: Any) -> Page:
    page = draw(template, form=form, **context)
    return (page, REFUSED) if form.errors else page


def _refused(question_id: int, reason: api.Refused, **forms: Any) -> Page:
    for form in forms.values():
        form.form_errors.append(str(reason))
    return _question_page(question_id, TOO_LATE, **forms)


def _question_page(
    question_id: int, status: int = 200, rejecting: Any = None, noting: Any = None, answering: Any = None
) -> Page:
    entry = api.get_or_404(api.Entry, question_id)
    found = api.get_or_404(Question, question_id)
    visit, space = _visit(entry.space_id)
    api.require("visits.review", space)
    casework = api.get_or_404(Casework, question_id)
    answer, draft = actions.answer_of(question_id)
    if answering and draft:
        answering.over(draft.version)
    typed = {"version": draft.version, "body": draft.body} if draft else {}
    [card] = api.cards([entry], show_space=False)
    page = draw(
        "visits/question.html",
        entry=entry,
        question=found,
        visit=visit,
        space=space,
        casework=casework,
        answer=answer,
        draft=draft,
        card=card._replace(actions=()),
        form=next((form for form in (rejecting, noting, answering) if form), None),
        rejecting=rejecting or RejectForm(formdata=None),
        noting=noting or NoteForm(formdata=None, note=casework.note),
        answering=answering or AnswerForm(formdata=None, **typed),
        publishes=api.can("visits.publish", space),
    )
    return page, status
