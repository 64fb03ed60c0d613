"""The team leads a visit on: its next step, the others, and a question before what cannot be undone."""

from dataclasses import dataclass
from typing import Any

from flask import abort, redirect, request, url_for

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from . import actions, states
from .approve import answers
from .collect import callers
from .collect.actions import RECORDED
from .forms import PutOffForm
from .intake.imports import TAKES
from .models import Visit
from .pages import Page, blueprint, form_page, visit_and_space
from .plan import announce
from .plan import pages as planning
from .report import gaps, issue
from .show import draw
from .triage import queues
from .visit_forms import NewDateForm

FOR_GOOD = {  # what cannot be undone, and what comes of it
    "announce": lazy_gettext("Everybody sees the visit from now on."),
    "begin": lazy_gettext("The visit is shown as taking place. Notes are taken in the field now."),
    "end": lazy_gettext("The team writes the minutes next, and an elected official approves the report."),
    "publish": lazy_gettext("The report is public at once, and stays as it is."),
    "follow": lazy_gettext("The promises are followed up next, on their page."),
    "archive": lazy_gettext("The file of the visit is closed. What is published stays readable."),
    "postpone": lazy_gettext(
        "All who have an account and asked or support a question are told, with your reason."
    ),
    "reschedule": lazy_gettext(
        "All who have an account and asked or support a question are told of the new date."
    ),
    "cancel": lazy_gettext(
        "The visit does not take place. All who have an account and asked or support a question are told."
    ),
}
NEXT = {  # the steps that a state asks for, the first that somebody has is theirs
    "draft": ("announce",),
    "announced": ("open", "record"),
    "collecting": ("review", "record"),
    "preparing": ("finish", "record"),
    "ready": ("begin", "field"),
    "in_progress": ("field",),
    "reporting": ("minutes",),
    "published": ("follow",),
    "follow_up": ("promises",),
    "postponed": ("reschedule",),
}
PUT_OFF = ("postpone", "cancel")
FIELD, MINUTES = ("ready", "in_progress", "reporting"), ("in_progress", "reporting")


@dataclass(frozen=True)
class Step:
    """Something that the team may do with a visit: a page to open, or a verb of the table to send."""

    name: str
    label: Any
    url: str
    icon: str = ""
    sends: bool = False

    @property
    def asks(self) -> str:
        """What is said before it is done, where it cannot be undone."""
        if not self.sends or self.name not in FOR_GOOD:
            return ""
        for_good = _("This cannot be undone.")
        return f"{FOR_GOOD[self.name]} {for_good}"


@dataclass(frozen=True)
class Panel:
    """What the team finds on the page of a visit: the next step, the others, and what may stop it.

    `record` stands beside the next step: who is on the telephone does not look for it. `lacks` says why a
    draft can't be announced.
    """

    step: Step | None
    record: Step | None
    others: list[Step]
    stops: list[states.Transition]
    counts: dict[str, int]
    lacks: str


def panel(visit: Visit, space: api.Space) -> Panel | None:
    """What the viewer may do with a visit; None for those who do nothing with it."""
    reviews = api.can("visits.review", space)
    pages = _pages(visit, space, reviews)
    ways = states.ways(states.Case(space, visit=visit), "visit") if reviews else []
    stops = [way for way in ways if way.verb in PUT_OFF]
    moves = [way for way in ways if way not in stops and way.verb != "publish"]
    verbs = [_verb(way, space) for way in moves]
    counts = queues.queue_counts([space.id])[space.id] if reviews else {}
    wanted = ("review",) if visit.state == "preparing" and counts.get("unread") else NEXT.get(visit.state, ())
    if not states.day_has_come(visit):
        wanted = tuple(name for name in wanted if name != "begin")
    found = {step.name: step for step in (*pages, *verbs)}
    lacks = _lacks(visit, "announce" in found) if visit.state == "draft" and "edit" in found else ""
    if lacks:
        found.pop("announce", None)
        verbs = [one for one in verbs if one.name != "announce"]
        wanted = ("edit",)
    step = next((found[name] for name in wanted if name in found), None)
    record = found.get("record") if step is not found.get("record") else None
    others = [one for one in (*pages, *verbs) if one not in (step, record)]
    return Panel(step, record, others, stops, counts, lacks) if step or others else None


def _lacks(visit: Visit, announces: bool) -> str:
    """Why the viewer can't announce a draft, and what to do; nothing where they can."""
    if not visit.meeting_point:
        return str(_("It can’t be announced yet: fill in where people meet, and look at its date."))
    if not announces:
        return str(
            _("You can’t announce it for the whole town: choose its neighbourhood, or ask an administrator.")
        )
    return ""


def _verb(way: states.Transition, space: api.Space) -> Step:
    """A verb of the table; the new date of a visit is given on a page of its own."""
    if way.verb == "reschedule":
        return Step(way.verb, way.label, url_for("visits.reschedule", space_id=space.id), "calendar")
    return Step(way.verb, way.label, url_for("visits.turn_with", space_id=space.id), sends=True)


def _pages(visit: Visit, space: api.Space, reviews: bool) -> list[Step]:
    """The pages of the team that the viewer may open."""
    concludes = api.can("visits.conclude", space)
    own: dict[str, Any] = {"space_id": space.id}
    found = []
    if reviews:
        found.append(Step("review", _("Review the questions"), url_for("visits.review", **own), "check"))
    if visit.state in RECORDED and api.can("visits.record", space):
        found.append(Step("record", _("Write a question down"), url_for("visits.record", **own), "phone"))
    if concludes and visit.state in FIELD:
        found.append(Step("field", _("In the field"), url_for("visits.field", **own), "edit"))
    if concludes and visit.state in MINUTES:
        found.append(Step("minutes", _("Minutes and report"), url_for("visits.minutes", **own), "file"))
    if not reviews:
        if concludes and visit.state in queues.NOTED:
            found.append(Step("papers", _("Field sheets"), url_for("visits.list_papers", **own), "file"))
        return found
    if visit.sequence and callers.untold(visit.space_id).contacts:
        found.append(Step("callers", _("Whom to call back"), url_for("visits.callers", **own), "phone"))
    if visit.state in TAKES and api.can("visits.import"):
        found.append(
            Step("import", _("Take in a file of questions"), url_for("visits.give", into=space.id), "file")
        )
    found.append(Step("edit", _("Change the visit"), url_for("visits.edit", **own), "edit"))
    found.append(Step("route", _("Route of the visit"), url_for("visits.plan_route", **own), "place"))
    if visit.state not in planning.AGENDA:
        label = _("Agenda, as everybody will see it")
        found.append(Step("agenda", label, url_for("visits.agenda", **own), "calendar"))
    found.append(Step("papers", _("Papers for the team"), url_for("visits.list_papers", **own), "file"))
    found.append(Step("themes", _("Questions by theme"), url_for("visits.themes", **own), "reply"))
    for size, label in announce.sheets(visit):
        found.append(Step(size, f"{label} (PDF)", url_for("visits.print_sheet", size=size, **own), "file"))
    if visit.state in states.REPORTED:
        found.append(Step("promises", _("Promises"), url_for("visits.promises", visit=space.id), "check"))
    return found


@blueprint.post("/<int:space_id>/<any(announce, open, close, reopen, finish, resume, begin, end):verb>")
@api.needs("core.account")
def turn(space_id: int, verb: str) -> Page:
    """Lead a visit to its next state; announced from its page, it takes questions at once."""
    return _turned(space_id, {"reopen": "open"}.get(verb, verb))


@blueprint.post("/<int:space_id>/turn")
@api.needs("core.account")
def turn_with(space_id: int) -> Page:
    """Lead a visit to another state, with a reason where that needs one."""
    verb = request.form.get("verb", "")
    if ("visit", verb) not in states.TABLE:
        abort(404)
    if verb == "publish" and "lacking" not in request.form and gaps.thin(space_id):
        api.says(_("Tick the box first: the report is published with what it lacks."), "error")
        return redirect(url_for("visits.minutes", space_id=space_id) + "#publish")
    if verb == "publish" and "sure" in request.form:
        return _publish(space_id, request.form.get("read"))
    if verb in PUT_OFF:
        return _put_off(space_id, verb)
    if verb == "reschedule":
        return redirect(url_for("visits.reschedule", space_id=space_id))
    return _turned(space_id, verb, reason=api.one_line(request.form.get("reason", ""))[:1000])


@blueprint.route("/<int:space_id>/reschedule", methods=["GET", "POST"])
@api.needs("core.account")
def reschedule(space_id: int) -> Page:
    """Announce the new date of a postponed visit, with its hours and place."""
    visit, space = visit_and_space(space_id)
    way = states.TABLE["visit", "reschedule"]
    api.require(way.role, space)
    home = redirect(url_for("visits.visit", space_id=space_id))
    if visit.state not in way.sources:
        api.says(str(states.MOVED["visit"]), "error")
        return home
    form = NewDateForm.of(visit, space)
    if not form.validate_on_submit():
        shown = {"visit": visit, "space": space, "way": way, "comes": FOR_GOOD[way.verb]}
        return form_page("visits/reschedule.html", form, **shown, untold=callers.untold(space_id))
    try:
        actions.reschedule(visit, form.details(), "later" not in request.form)
    except api.Refused as reason:
        api.says(str(reason), "error")
        return home
    api.says(str(FOR_GOOD[way.verb]))
    return home


def _publish(space_id: int, read: str | None) -> Page:
    """Publish the report as it was read; where it would say something else by now, it is shown again."""
    try:
        with api.write():
            if read is not None:
                issue.must_be_as_read(states.visit_case(space_id).visit, read)
            actions.turn(space_id, "publish")
    except api.Refused as reason:
        api.says(str(reason), "error")
        return redirect(url_for("visits.minutes", space_id=space_id))
    api.says(_("The report is public, and stays as it is."))
    return redirect(url_for("visits.visit", space_id=space_id))


def _put_off(space_id: int, verb: str) -> Page:
    """Postpone or cancel a visit, once the reason is written where it is asked whether one is sure."""
    form: Any = PutOffForm()
    if "sure" in request.form and form.validate():
        return _turned(space_id, verb, reason=form.reason.data)
    _visit, space = visit_and_space(space_id)
    api.require(states.TABLE["visit", verb].role, space)
    return form_page(
        "visits/put_off.html",
        form,
        space=space,
        way=states.TABLE["visit", verb],
        comes=FOR_GOOD[verb],
        untold=callers.untold(space_id),
        held=answers.held_before(space_id) if verb == "cancel" else 0,
    )


def _turned(space_id: int, verb: str, **said: str) -> Page:
    """Do it, or ask first where it cannot be undone and no script has asked."""
    visit, space = visit_and_space(space_id)
    home = redirect(url_for("visits.visit", space_id=space_id))
    if verb in FOR_GOOD and "sure" not in request.form:
        api.require(states.TABLE["visit", verb].role, space)
        return draw(
            "visits/turn.html",
            space=space,
            way=states.TABLE["visit", verb],
            comes=FOR_GOOD[verb],
            untold=callers.untold(space_id) if verb in PUT_OFF else None,
            fields={name: value for name, value in request.form.items() if name != "csrf_token"},
        )
    try:
        if verb == "announce" and not said:
            actions.announce(visit)
        else:
            actions.turn(space_id, verb, **said)
    except api.Refused as reason:
        api.says(str(reason), "error")
        late = verb == "open" and visit.questions_close_at <= api.now()
        return redirect(url_for("visits.edit", space_id=space_id)) if late else home
    if verb in FOR_GOOD:
        api.says(str(FOR_GOOD[verb]))
    return home
