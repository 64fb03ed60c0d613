"""The team's desk: the queue of a visit, and one question with the decision, the note and the answer."""

import re
from collections.abc import Collection
from typing import Any

from flask import abort, jsonify, redirect, request, url_for
from markupsafe import Markup, escape
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from core import api
from core.api import gettext as _
from core.api import ngettext

from .. import labels, reads, seen, states, teams
from ..approve import answers, delegates, templates
from ..assigned import links
from ..assigned.due import answer_by, is_overdue
from ..collect import letterbox
from ..collect.maps import map_of
from ..collect.receipts import expected
from ..models import Casework, PrivateCase, Question
from ..pages import REFUSED, TOO_LATE, Page, blueprint, visit_and_space
from ..report.words import channel_label
from ..show import draw
from ..suggest.hints import hints
from . import actions as triage
from . import queues
from .cases import CaseForm
from .forms import AnswerForm, DecideForm, NoteForm, RejectForm

ALONE = (
    "assign",
    "forward",
    "divert",
    "reconsider",
)  # what a question's page offers beside accept and reject
UNDOING = ("reconsider", "unassign", "ungroup")
Undo = tuple[str, list[str]]  # a verb that takes back what was done, and on what
PICK = re.compile(r"([0-9]{1,9}):([0-9]{1,9})(?::([0-9a-f]{16}))?")


@blueprint.get("/<int:space_id>/review")
@api.needs("visits.review")
def review(space_id: int) -> str:
    """The team's queue of a visit."""
    return _queue_page(space_id, DecideForm.offered(space_id, formdata=None))


def _queue_page(space_id: int, form: Any, ticked: Collection[int] = (), undo: Undo | None = None) -> str:
    """The queue, with what was filled in for all that are ticked, should that be refused."""
    found, space = visit_and_space(space_id)
    api.require("visits.review", space)
    counts = queues.queue_counts([space_id])[space_id]
    chosen = request.args.get("queue", "")
    name = chosen if chosen in counts else next((one for one in counts if counts[one]), "unread")
    filters = _filters()
    here: dict[str, Any] = {"space_id": space_id, "queue": name, **filters}
    rows, further = queues.queue(space_id, name, request.args.get("after", 0, type=int), filters)
    tabs = {
        one: {
            "label": queues.queue_label(one),
            "url": url_for("visits.review", space_id=space_id, queue=one),
            "count": counts[one],
            "current": one == name,
        }
        for one in counts
    }
    return draw(
        "visits/review.html",
        visit=found,
        space=space,
        tabs=list(tabs.values()),
        waits=next((tabs[one] for one in ("unread", "unanswered") if counts[one]), None),
        name=name,
        rows=rows,
        hints=hints([row[:3] for row in rows]) if name == "unread" else {},
        late={row[0].id for row in rows if is_overdue(*row[:3], found, api.now())},
        deciding=form,
        ticked=ticked,
        reasons=labels.reasons(),
        bodies=labels.bodies(),
        unreached=teams.unreached(),
        words=seen.marks((row[0], row[1]) for row in rows),
        led=reads.led(row[0].id for row in rows),
        behind=reads.behind(row[1] for row in rows),
        pictures={card.id: card.pictures for card in api.cards([row[0] for row in rows], show_space=False)},
        departments={one.id: one.name for one in teams.departments()},
        answer_by=answer_by,
        channel_label=channel_label,
        people=teams.names(ident for row in rows for ident in (row[0].author_id, row[2].official_id)),
        here=url_for("visits.review", **here),
        filters=filters,
        kinds=queues.kinds(space_id, name),
        further=further,
        undo=undo or _undo(),
        kept_out=letterbox.kept_out(space_id),
    )


def _filters() -> dict[str, Any]:
    """What the queue is filtered by; a decision is sent with it, so that the page stays as it was."""
    return {one: request.args[one] for one in queues.FILTERS if request.args.get(one)}


def _undo() -> Undo | None:
    """What the page before has decided and can take back: the verb, and on what."""
    verb, picked = request.args.get("undo"), request.args.getlist("pick")
    return (verb, picked) if verb in UNDOING and all(map(_pick, picked)) else None


@blueprint.post("/<int:space_id>/decide")
@api.needs("visits.review")
def decide(space_id: int) -> Page:
    """Decide on the questions that are picked, all alike; what can be undone is offered to be."""
    _found, space = visit_and_space(space_id)
    api.require("visits.review", space)
    said = _suggested(request.form.get("one", "")) or request.form
    form = DecideForm.offered(space_id, formdata=said)
    form.validate()
    picked = dict.fromkeys(pick for pick in map(_pick, said.getlist("pick")) if pick)
    told = [text for texts in form.errors.values() for text in texts]
    if not picked and not told:
        told = [_("Tick the questions first.")]
        form.form_errors = told
    assigns = form.verb.data == "assign"
    public = reads.accepted_among([pick[0] for pick in picked]) if assigns else set()
    done, refused = ([], {}) if told else _decide(form, list(picked))
    warning = teams.not_told(form.department.data) if assigns and done else ""
    if _by_script():
        told = [*told, *filter(None, [warning])]
        return _decided_by_script(space_id, form.verb.data, done, told, refused, public)
    if warning:
        api.says(warning, "error")
    if done:
        api.says(_said(form.verb.data, len(done)))
    undo = _undoing(form.verb.data, done, public)
    if not told and not refused:
        back: dict[str, Any] = {"undo": undo[0], "pick": undo[1]} if undo else {}
        queue = request.args.get("queue") or None
        return redirect(url_for("visits.review", space_id=space_id, queue=queue, **_filters(), **back))
    if said is not request.form:  # what was filled in for all that are ticked stays beside a suggestion
        form = DecideForm.offered(space_id)
        form.form_errors = told
    form.form_errors = [*form.form_errors, *map(_why, _refusals(refused))]
    ticked = {pick[0] for pick in map(_pick, request.form.getlist("pick")) if pick}
    page = _queue_page(space_id, form, ticked - {*done, *refused}, undo)
    return page, TOO_LATE if refused else REFUSED


def _suggested(said: str) -> MultiDict[str, str] | None:
    """What a suggestion's button stands for: `assign 12:3:9f… 7`, `theme 12:3 green`, `group 9:0 12:3`."""
    verb, _space, rest = said.partition(" ")
    pick, _space, value = rest.partition(" ")
    form = MultiDict({"verb": verb, "pick": pick})
    if verb == "group":
        form.add("pick", value)
    elif verb in ("assign", "theme"):
        form["department" if verb == "assign" else "theme"] = value
    return form if said else None


def _pick(text: str) -> tuple[int, int, str | None] | None:
    """A question, how often it had moved and the mark of its words when it was seen, of `12:3:9f…`."""
    parts = PICK.fullmatch(text)
    return (int(parts[1]), int(parts[2]), parts[3]) if parts else None


def _decide(form: Any, picked: list[tuple[int, int, str | None]]) -> tuple[list[int], dict[int, str]]:
    """What was decided on, and why the others were not, by id; or by 0, where that concerns them all."""
    ids, verb = [one[0] for one in picked], form.verb.data
    if verb not in ("group", "ungroup", "theme"):
        return triage.decide_many(picked, form.decision())
    try:
        if verb == "group":
            closed = triage.group(ids)
            return ([], closed) if closed else (ids, {})
        if verb == "theme":
            triage.say_theme(ids, form.theme.data or "")
        else:
            for question_id in ids:
                triage.ungroup(question_id)
    except api.Refused as reason:
        return [], {0: str(reason)}
    return ids, {}


def _undoing(verb: str, done: list[int], public: set[int]) -> Undo | None:
    """What takes back this decision on questions, if anything does; some were `public` before."""
    undo = {"group": "ungroup", "theme": "", **dict.fromkeys(UNDOING, "")}.get(verb, "reconsider")
    if public.intersection(done):  # and not by this assignment
        undo = "unassign"
    moves = reads.moves_of(done)
    return (undo, [f"{one}:{moves[one]}" for one in done]) if done and undo else None


def _refusals(refused: dict[int, str]) -> list[dict[str, str]]:
    """Why questions were not decided on, each with its title and address; or why none was."""
    titles = {entry.id: entry.title for entry in reads.entries(list(refused))}
    return [
        {
            "id": str(ident or ""),
            "told": text,
            "title": titles.get(ident, ""),
            "url": url_for("visits.question", question_id=ident) if ident in titles else "",
        }
        for ident, text in refused.items()
    ]


def _why(refusal: dict[str, str]) -> Markup:
    """A refusal with the link to its question."""
    link = Markup(' <a href="{url}">{title}</a>').format_map(refusal) if refusal["url"] else ""
    return escape(refusal["told"]) + link


def _decided_by_script(
    space_id: int, verb: str, done: list[int], told: list[str], refused: dict[int, str], public: set[int]
) -> Response:
    """What was decided, as the script takes it that asked; some were `public` before."""
    undo = _undoing(verb, done, public)
    return jsonify(
        said=_said(verb, len(done)) if done else "",
        told=told,
        refused=_refusals(refused),
        moves=reads.moves_of(done),
        undo=undo[0] if undo else "",
        counts=queues.queue_counts([space_id])[space_id],
    )


def _by_script() -> bool:
    return request.headers.get("Accept") == "application/json"


def _said(verb: str, count: int) -> str:
    """What became of so many questions."""
    accepted = ngettext("%(num)s question accepted.", "%(num)s questions accepted.", count)
    said = {
        "accept": accepted,
        "assign": accepted,
        "reject": ngettext("%(num)s question not accepted.", "%(num)s questions not accepted.", count),
        "forward": ngettext("%(num)s question forwarded.", "%(num)s questions forwarded.", count),
        "divert": ngettext(
            "%(num)s question is a private case.", "%(num)s questions are private cases.", count
        ),
        "group": ngettext("%(num)s question grouped.", "%(num)s questions grouped.", count),
        "ungroup": ngettext(
            "%(num)s question taken out of its group.", "%(num)s questions taken out of their group.", count
        ),
        "theme": ngettext(
            "The theme of %(num)s question is said.", "The theme of %(num)s questions is said.", count
        ),
        "unassign": ngettext(
            "The assignment of %(num)s question is taken back.",
            "The assignments of %(num)s questions are taken back.",
            count,
        ),
        "reconsider": ngettext(
            "%(num)s question is to be read again.", "%(num)s questions are to be read again.", count
        ),
    }
    return str(said[verb])


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
    read = (request.form.get("moves", type=int), request.form.get("words"))
    try:
        triage.decide(question_id, triage.Decision("accept"), *read)
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
        triage.decide(question_id, triage.Decision("reject", form.reason.data), form.moves.data)
    except api.Refused as reason:
        return _refused(question_id, reason, rejecting=form)
    api.says(_("Not accepted: its author reads your reason."))
    found = api.get_or_404(api.Entry, question_id)
    return redirect(url_for("visits.review", space_id=found.space_id))


@blueprint.post("/questions/<int:question_id>/decide")
@api.needs("visits.review")
def decide_one(question_id: int) -> Page:
    """Decide on one question from its page: forward, divert, assign, undo."""
    entry = api.get_or_404(api.Entry, question_id)
    form = DecideForm.offered(entry.space_id)
    if not form.validate_on_submit():
        return _question_page(question_id, REFUSED, deciding=form)
    try:
        if form.verb.data == "ungroup":
            triage.ungroup(question_id)
        elif form.verb.data not in ALONE:
            raise api.Refused(_("Choose a decision."))
        else:
            triage.decide(question_id, form.decision(), form.moves.data, form.words.data)
    except api.Refused as reason:
        return _refused(question_id, reason, deciding=form)
    api.says(_("Done."))  # and the page says where nobody is told of it
    return redirect(url_for("visits.question", question_id=question_id))


@blueprint.post("/questions/<int:question_id>/conclude")
@api.needs("visits.conclude")
def conclude(question_id: int) -> Page:
    """Say what became of a question, or whether it is talked about on the visit."""
    verb, reason = request.form.get("verb", ""), api.one_line(request.form.get("reason", ""))[:1000]
    thing = next((one for one in ("outcome", "discussion") if (one, verb) in states.TABLE), None)
    if not verb:
        api.says(_("Choose what becomes of it."), "error")
        return redirect(url_for("visits.question", question_id=question_id))
    if thing is None:
        abort(404)
    try:
        answers.turn(question_id, thing, verb, reason, request.form.get("moves", type=int))
        api.says(_("Done."))
    except api.Refused as refusal:
        api.says(str(refusal), "error")
    return redirect(url_for("visits.question", question_id=question_id))


@blueprint.post("/questions/<int:question_id>/note")
@api.needs("visits.review")
def note(question_id: int) -> Page:
    """Keep a note for the team."""
    form: Any = NoteForm()
    if not form.validate_on_submit():
        return _question_page(question_id, REFUSED, noting=form)
    try:
        triage.keep_note(question_id, form.note.data, form.read.data)
    except api.Refused as reason:
        form.over(api.get_or_404(Casework, question_id).note)
        return _refused(question_id, reason, noting=form)
    api.says(_("The note is kept."))
    return redirect(url_for("visits.question", question_id=question_id))


@blueprint.post("/questions/<int:question_id>/answer")
@api.needs("visits.answer")
def answer(question_id: int) -> Page:
    """Keep the draft of an answer, ask for its approval, or approve it: published now, or held."""
    form: Any = AnswerForm()
    if "insert" in request.form:
        return _question_page(question_id, answering=form, insert=request.form.get("template", 0, type=int))
    if not form.validate_on_submit():
        return _question_page(question_id, REFUSED, answering=form)
    said, asked = (question_id, form.body.data, form.version.data or 0), "submit" in request.form
    try:
        if "publish" in request.form or "hold" in request.form:
            answers.approve(*said, held="hold" in request.form, outcome=form.outcome.data or "")
        elif asked:
            answers.submit(*said)
        else:
            asked = answers.draft(*said)
    except answers.Saved as told:
        api.says(str(told))
        return redirect(url_for("visits.question", question_id=question_id))
    except api.Refused as reason:
        return _refused(question_id, reason, answering=form)
    found = api.get_or_404(api.Entry, question_id)
    if "publish" in request.form:
        api.says(_("The answer is published."))
        if request.form.get("next") == "drafts":
            return redirect(url_for("visits.first_screen") + "#drafts")
        return redirect(url_for("visits.review", space_id=found.space_id, queue="unanswered"))
    if "hold" in request.form:
        api.says(_("The answer is approved, and published on the day of the visit."))
    elif asked:
        api.says(_("The officials of the visit are asked to approve it."))
    else:
        api.says(_("The draft is kept for the team."))
    return redirect(url_for("visits.question", question_id=question_id))


def _refused(question_id: int, reason: api.Refused, **forms: Any) -> Page:
    for form in forms.values():
        form.form_errors.append(str(reason))
    return _question_page(question_id, TOO_LATE, **forms)


def _question_page(
    question_id: int,
    status: int = 200,
    rejecting: Any = None,
    noting: Any = None,
    answering: Any = None,
    deciding: Any = None,
    insert: int = 0,
) -> Page:
    entry = api.get_or_404(api.Entry, question_id)
    found = api.get_or_404(Question, question_id)
    visit, space = visit_and_space(entry.space_id)
    api.require("visits.review", space)
    casework = api.get_or_404(Casework, question_id)
    answer, draft = answers.answer_of(question_id)
    if answering and draft and not insert:
        answering.over(draft.version)
    if insert:
        words = templates.filled(insert, found, casework, visit, space)
        answering.body.data = "\n\n".join(filter(None, ((answering.body.data or "").strip(), words)))
    words = (answering.body.data or "") if answering else (draft.body if draft else "")
    typed = {"version": draft.version, "body": draft.body} if draft else {}
    likely = hints([(entry, found, casework)])[question_id]
    first = int(likely.departments[0].value) if likely.departments else 0
    deciding = deciding or DecideForm.offered(space.id, formdata=None, department=first)
    case = states.Case(space, visit, entry, found, casework)
    triage_ways = {one.verb for one in states.ways(case, "triage")}
    open_to = triage_ways | {one.verb for one in states.ways(case, "answer")}
    deciding.verb.choices = [one for one in deciding.verb.choices if one[0] in ALONE and one[0] in open_to]
    outcomes = [one for one in states.ways(case, "outcome") if one.verb != "commit"]
    writing = answering or AnswerForm(formdata=None, **typed)
    writing.outcome.choices = [("", _("Not said yet")), *((one.verb, str(one.label)) for one in outcomes)]
    stays = states.hidden_by(case, states.TABLE["triage", "reject"])
    public = found.triage == "accepted" and entry.state == "published"
    promises = public and states.UNREPORTED.holds(case)
    [card] = api.cards([entry], show_space=False)
    stands_for = delegates.approves_for(space.id)
    page = draw(
        "visits/question.html",
        entry=entry,
        question=found,
        visit=visit,
        space=space,
        casework=casework,
        answer=answer,
        draft=draft,
        held=answers.is_held(casework),
        due=expected(entry, casework, visit) if casework.due_at else None,
        card=card._replace(actions=()),
        form=next((form for form in (rejecting, noting, answering, deciding) if form), None),
        rejecting=rejecting or RejectForm(formdata=None),
        noting=noting or NoteForm(formdata=None, note=casework.note, read=seen.mark(casework.note)),
        answering=writing,
        deciding=deciding,
        words=seen.marks([(entry, found)])[question_id],
        triage_ways=triage_ways,
        decisions=[one[0] for one in deciding.verb.choices],
        stays=str(stays.refusal) if stays and found.triage == "accepted" else "",
        outcomes=outcomes,
        promises=promises,
        bound="" if not promises or states.UNBOUND.holds(case) else str(states.UNBOUND.refusal),
        discussions=states.ways(case, "discussion"),
        together=reads.entries(reads.group_of(found)),
        voices=reads.voices(found),
        apart=reads.apart(found),
        likely=likely,
        offered=templates.offered(found.theme),
        by_department=links.answered(question_id),
        department=teams.department(casework.department_id),
        not_told=teams.not_told(casework.department_id),
        people=teams.names(
            getattr(casework, one)
            for one in ("official_id", "drafted_by", "corrected_by", "approved_by", "approved_for")
        ),
        organises=api.can("visits.organise"),
        publishes=api.can("visits.publish", space),
        absent=teams.names([stands_for]).get(stands_for) if stands_for else None,
        approves=not answers.is_own(case, draft, words) and api.can("visits.publish", space),
        approvers=teams.other_approvers(space.id),
        alone=api.settings("neighbourhood_visits")["one_person_approves"],
        came=reads.came(entry),
        case=_private_case(found),
        map=map_of(space.area_id) if found.latitude is not None else None,
    )
    return page, status


def _private_case(question: Question) -> Any:
    """The form of the private case that a question is, if it is one."""
    row = api.db.session.get(PrivateCase, question.entry_id) if question.triage == "private_case" else None
    return row and CaseForm.offered(row, formdata=None)
