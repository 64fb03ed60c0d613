"""The pages of visits for everybody: the list, a visit, planning it, asking a question before it."""

import datetime as dt
import json
import zlib
from typing import Any

from flask import abort, redirect, request, session, url_for

from core import api
from core.api import gettext as _

from . import actions, labels, quiet, reads, teams, turns
from .approve.corrections import mostly_stays
from .collect import areas, geocoder, letterbox, pictures
from .collect.actions import ask_by_code
from .collect.maps import map_of
from .collect.near import COOKIE
from .collect.receipts import receipt
from .collect.similar import near_enough
from .forms import AddressForm, AskForm, AskWithoutAccountForm, ask_again
from .models import Question
from .pages import TOO_LATE, Page, blueprint, form_page, visit_and_space
from .plan import pages as planning
from .plan import route
from .show import date, draw
from .triage import queues
from .visit_forms import VisitForm

TOLD = "told"  # what the form says once it has been said that its question is asked already
IN_COOKIE = 2000  # bytes of a question that a session holds until it is confirmed


def url_of(space_id: int) -> str:
    """The page of a visit, for messages too, which are written outside of any request."""
    return f"/visits/{space_id}"


@blueprint.get("/")
@api.needs("core.read")
def index() -> str:
    """Visits to come, the next first, and below those past."""
    coming, past = reads.visits(), reads.visits(past=True)
    announces = actions.may_announce(anywhere=True)
    waiting = queues.waiting()
    area = areas.chosen(request.cookies.get(COOKIE))
    return draw(
        "visits/index.html",
        coming=coming,
        past=past,
        quiet=quiet.sentence(),
        announces=announces,
        waiting=waiting,
        most=len(waiting) if request.args.get("waiting") == "all" else reads.PAGE,
        area=area,
        remembered=COOKIE in request.cookies,
        close=areas.visits_near(area) if area else (),
        organises=api.can("visits.organise"),
        imports=api.can("visits.import"),
        alone=reads.without_team() if api.can("visits.take_charge") else (),
    )


@blueprint.post("/<int:space_id>/take-charge")
@api.needs("visits.take_charge")
def take_charge(space_id: int) -> Page:
    """Coordinate a visit on whose team nobody is."""
    try:
        actions.take_charge(space_id)
    except api.Refused as reason:
        api.says(str(reason), "error")
        return redirect(url_for("visits.index"))
    api.says(_("You coordinate this visit. Put the others on its team."))
    return redirect(url_of(space_id))


@blueprint.route("/new", methods=["GET", "POST"])
@api.needs("visits.announce")
def new() -> Page:
    """Plan a visit; announce it at once, or keep it for the team for now."""
    form = VisitForm.offered()
    if not form.validate_on_submit():
        return form_page("visits/visit_form.html", form, mailbox=None)
    with api.write():
        visit = actions.plan_visit(form.plan())
        if "announce" in request.form and visit.state == "draft":
            actions.announce(visit)
    if "announce" in request.form:
        api.says(_("The visit is announced. Residents can ask their questions."))
    else:
        api.says(_("The visit is kept for its team. Announce it when it is ready."))
    return redirect(url_of(visit.space_id))


@blueprint.get("/<int:space_id>")
@api.needs("core.read")
def visit(space_id: int) -> str:
    """A visit: when, where, who comes, and the questions asked so far."""
    found, space = visit_and_space(space_id)
    entries, further = reads.questions_of(space_id, request.args.get("after"))
    return draw(
        "visits/visit.html",
        visit=found,
        space=space,
        officials=teams.officials_of(space_id),
        cards=api.cards(entries, show_space=False),
        count=reads.public_count(space_id),
        own=reads.own_questions(space_id) if api.viewer().signed_in else (),
        follows=api.viewer().signed_in and api.standing(space_id).follows,
        further=further,
        team=turns.panel(found, space),
        mailbox=letterbox.address(found),
        promised=reads.promised(space_id),
        settled=0 if quiet.sentence() else reads.settled_before(found),
        quiet=quiet.sentence(),
        map=planning.map_of(found, space),
        agenda=found.state in planning.AGENDA,
    )


@blueprint.route("/<int:space_id>/edit", methods=["GET", "POST"])
@api.needs("visits.manage")
def edit(space_id: int) -> Page:
    """Change a visit and its team."""
    found, space = visit_and_space(space_id)
    api.require("visits.manage", space)
    form = VisitForm.offered(found, space)
    shown = {"visit": found, "space": space, "mailbox": letterbox.mailbox(space_id) or ""}
    if not form.validate_on_submit():
        return form_page("visits/visit_form.html", form, **shown)
    try:
        actions.change_visit(found, form.plan(), form.version.data or 0)
    except api.Refused as reason:
        form.form_errors.append(str(reason))
        form.over(api.get_or_404(api.Space, space_id).version)
        return form_page("visits/visit_form.html", form, **shown)
    moved = form.follows and form.closes and form.last_day() != form.closes.data
    said = [_("The visit is changed.")]
    if moved:
        said.append(_("The last day to ask has moved along: %(date)s.", date=date(found.last_moment)))
    api.says(" ".join(said))
    return redirect(url_of(space_id))


@blueprint.route("/<int:space_id>/ask", methods=["GET", "POST"])
@api.needs("visits.ask")
def ask(space_id: int) -> Page:
    """Ask a question: at once when signed in, else confirmed by the link in a mail, or known by its code."""
    found, space = visit_and_space(space_id)
    form: Any = AskForm() if api.viewer().signed_in else AskWithoutAccountForm(data=_sent_before(space_id))
    if not found.takes_questions(api.now()):
        if form.is_submitted():
            later = _("This visit takes no questions yet. You find yours below.")
            closed = _("This visit takes no more questions. You find yours below.")
            form.form_errors.append(later if found.opens_later(api.now()) else closed)
        status = TOO_LATE if form.is_submitted() else 200
        return draw("visits/ask.html", form=form, visit=found, space=space, open=False), status
    shown = {"visit": found, "space": space, "open": True, "map": map_of(space.area_id)}
    shown |= {"geocoder": geocoder.known(), "meeting": route.meeting(found)}
    if "find" in request.form:
        _find_place(form)
        _stay_near(form, space)
        return form_page("visits/ask.html", form, **shown)
    if "change" in request.form:
        return form_page("visits/ask.html", form, **shown)
    if not form.validate_on_submit() or not _stay_near(form, space):
        return form_page("visits/ask.html", form, **shown)
    ready, wrong = pictures.chosen() if api.viewer().signed_in else ([], [])
    if wrong:
        form.form_errors.extend(wrong)
        return form_page("visits/ask.html", form, **shown)
    alike = [] if form.seen.data else near_enough(form.title.data, found)
    if alike:
        form.seen.data = "yes"
        return form_page("visits/collect/alike.html", form, alike=alike, again=bool(ready), **shown)
    before = _just_asked(space_id, form)
    if before is not None:
        form.seen.data = TOLD
        return draw("visits/ask.html", form=form, before=before, **shown), TOO_LATE
    sure = bool(form.confirmed.data)
    try:
        if not api.viewer().signed_in:
            return _confirmed_later(space, form, sure) if form.email.data else _received(found, form, sure)
        entry = actions.ask(found, **form.said(), confirmed=sure, pictures=ready)
    except api.AskAuthor as doubt:
        ask_again(form, doubt)
        return form_page("visits/ask.html", form, **shown)
    except api.Refused as reason:
        form.form_errors.append(str(reason))
        return form_page("visits/ask.html", form, **shown)
    return redirect(url_for("visits.thanks", question_id=entry.id))


def _confirmed_later(space: api.Space, form: Any, sure: bool) -> Page:
    """Keep a question until its author opens the link in a mail, once its words are asked about."""
    if not sure:
        actions.check_words(space, form.said(), form.name.data)
    payload = {
        "visit": space.id,
        "said": form.said(),
        "written_at": api.now().isoformat(),
        "name": form.name.data,
    }
    with api.write():
        _take_back(_said_before(space.id, form), form)
        kept = api.confirm_later(form.email.data, "visits.ask", payload)
    short = len(zlib.compress(json.dumps(payload).encode())) <= IN_COOKIE
    sent = {"email": form.email.data, "payload": payload if short else None, "kept": kept}
    sent |= {"key": form.key.data, "title": form.title.data}
    session["visits_asked"], session["visits_sent"] = space.id, sent
    return redirect(url_for("visits.asked", space_id=space.id))


def _sent_before(space_id: int) -> dict[str, Any]:
    """What waits for the link in a mail, for who comes back to change it; a new question is empty."""
    payload = _waiting(space_id).get("payload") if "change" in request.args else None
    if not payload:
        return {}
    latitude, longitude = payload["said"]["pin"] or ("", "")
    shown = "alias" if payload["said"]["alias"] else "name"
    more = {"name": payload["name"], "email": session["visits_sent"]["email"], "shown": shown}
    said = {name: value for name, value in payload["said"].items() if name != "key"}
    return {**said, **more, "latitude": latitude, "longitude": longitude}


def _waiting(space_id: int) -> dict[str, Any]:
    """What was just sent from this browser before this visit and waits to be confirmed, and its address."""
    return session.get("visits_sent") or {} if session.get("visits_asked") == space_id else {}


def _said_before(space_id: int, form: Any) -> str:
    """The link, if any, that was mailed for what this form says in other words; of another question, none."""
    sent = _waiting(space_id)
    again = sent.get("key") == form.key.data and mostly_stays(sent.get("title", ""), form.title.data)
    return str(sent.get("kept", "")) if "change" in request.args or again else ""


def _take_back(kept: str, form: Any = None) -> None:
    """Make the link do nothing that was mailed before: what its author sends now replaces it; in a write.

    Refused where it was opened meanwhile: that is asked. Who sends the form again asks another question.
    """
    told = form is not None and form.seen.data == TOLD
    if kept and not api.take_back(kept) and not told:
        asked = [_("You have confirmed your question in the meantime, so it is asked.")]
        asked.append(_("Sign in to find it on the page of the visit."))
        if form is not None:
            form.seen.data = TOLD
            asked.append(_("Is this another question? Then send it again."))
        raise api.Refused(" ".join(asked))


def _just_asked(space_id: int, form: Any) -> api.Entry | None:
    """What was just asked in this browser, where the form says it in other words; nothing once it is told."""
    entry = api.db.session.get(api.Entry, session.get("visits_thanks", 0))
    if entry is None or entry.space_id != space_id or form.seen.data == TOLD or not reads.asked(entry):
        return None
    same = (entry.title, entry.body) == (form.title.data, form.body.data or "")
    return entry if mostly_stays(entry.title, form.title.data) and not same else None


def _received(visit: Any, form: Any, sure: bool) -> Page:
    """Take a question that is known by its code; the same words sent again in this browser are the same."""
    said = form.said()
    said["key"] = session.setdefault("visits_key", said["key"])
    kept = _said_before(visit.space_id, form)
    with api.write():
        _take_back(kept, form)
        session["visits_received"] = ask_by_code(visit, said, form.name.data or "", sure).id
    if kept:
        session.pop("visits_sent")
    return redirect(url_for("visits.received"))


def _find_place(form: Any) -> None:
    """Set the pin where the address is, or the address where the pin is; what isn't found stays as it is."""
    pin = form.pin()
    written = form.place.data or ""
    found = geocoder.reverse(*pin) if pin and not written else geocoder.search(written)
    if found is None:
        form.place.errors = [_("We could not find this place. In your own words it will do as well.")]
        return
    form.place.data = found.label
    if written:
        form.latitude.data, form.longitude.data = f"{found.latitude:.6f}", f"{found.longitude:.6f}"


def _stay_near(form: Any, space: api.Space) -> bool:
    """Take a pin away that is far outside of the visit's area, and say so; the words stay."""
    pin = form.pin()
    area = areas.strays(space.area_id, *pin) if pin else ""
    if not area:
        return True
    told = _("This place is outside of %(area)s, so the pin is taken away.", area=area)
    more = _("Set it again, or send your question without: your words say where it is.")
    form.place.errors = [f"{told} {more}"]
    form.latitude.data = form.longitude.data = ""
    return False


def describe_question(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """What somebody is about to ask, and before which visit."""
    space, said = api.db.session.get(api.Space, payload["visit"]), payload["said"]
    return [
        (_("Visit"), space.name if space else ""),
        (_("Your question"), said["title"]),
        (_("Where is it?"), said["place"]),
        (_("Theme"), labels.theme_label(said["theme"])),
        (_("Say more"), said["body"]),
        (_("Telephone"), said["contact"]),
        (_("Shown as asked by"), _("A resident") if said.get("alias") else ""),
    ]


def confirm_question(payload: dict[str, Any]) -> str:
    """Ask what somebody wrote before they confirmed their address; taken when it was written in time."""
    found, _space = visit_and_space(payload["visit"])
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


@blueprint.route("/<int:space_id>/asked", methods=["GET", "POST"])
@api.needs("core.read")
def asked(space_id: int) -> Page:
    """What somebody without an account does next: open the link in their mail, or correct its address."""
    found, space = visit_and_space(space_id)
    if session.get("visits_asked") != space_id:
        return redirect(url_of(space_id))
    sent = _waiting(space_id)
    form: Any = AddressForm(data=sent)
    if sent.get("payload") and form.validate_on_submit():
        try:
            with api.write():
                _take_back(sent["kept"])
                kept = api.confirm_later(form.email.data, "visits.ask", sent["payload"])
        except api.Refused as reason:
            api.says(str(reason), "error")
            return redirect(url_of(space_id))
        session["visits_sent"] = {**sent, "email": form.email.data, "kept": kept}
        api.says(_("The message is sent to %(address)s.", address=form.email.data))
        return redirect(url_for("visits.asked", space_id=space_id))
    return form_page("visits/asked.html", form, visit=found, space=space, sent=sent)


@blueprint.get("/questions/<int:question_id>/thanks")
@api.needs("core.account")
def thanks(question_id: int) -> str:
    """The acknowledgement: what happens to a question now, and when."""
    entry = api.get_or_404(api.Entry, question_id)
    found, space = visit_and_space(entry.space_id)
    if entry.kind != "visits.question" or not reads.asked(entry):
        abort(404)
    settings, kept = api.settings("neighbourhood_visits"), receipt(question_id)
    session["visits_thanks"] = question_id
    return draw(
        "visits/thanks.html",
        entry=entry,
        visit=found,
        space=space,
        settings=settings,
        receipt=kept,
        photos=api.get_or_404(Question, question_id).triage == "submitted" and entry.state == "pending",
        visit_first=not found.off and found.starts_at < kept.answer_by,
    )
