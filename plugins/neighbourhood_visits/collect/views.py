"""The pages of a question's code: the form that opens its thread, what one does there, the slip to print."""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from flask import abort, redirect, request, session, url_for

from core import api
from core.api import gettext as _

from .. import reads, states
from ..follow import promises, way
from ..models import Casework, Question
from ..pages import REFUSED, Page, blueprint, form_page
from ..show import draw
from ..triage import actions as triage
from . import codes, pictures, unconfirmed
from .forms import ActByCodeForm, CodeForm
from .maps import Map, map_of
from .receipts import receipt
from .similar import accepted
from .voices import voice_page


@blueprint.route("/code", methods=["GET", "POST"])
@api.needs("visits.ask")
def code() -> Page:
    """Open the thread of a question by its code; the code is in no address."""
    form: Any = CodeForm()
    if not form.validate_on_submit():
        return form_page("visits/collect/code.html", form)
    api.throttle("guess")
    return _thread(form.code.data) or _voice(form.code.data) or _unknown(form.code.data)


def _voice(code: str) -> str | None:
    """The page of the voice of a code, as long as everybody may read its question."""
    found = unconfirmed.question_of(code)
    entry = api.db.session.get(api.Entry, found) if found is not None else None
    return voice_page(entry, code) if entry is not None and accepted(entry) else None


@blueprint.get("/received")
@api.needs("visits.ask")
def received() -> Page:
    """The code of the question that was just asked in this browser without an account or an address."""
    question_id = session.get("visits_received")
    read = _read(question_id) if isinstance(question_id, int) and _there(question_id) else None
    if read is None:
        return redirect(url_for("visits.code"))
    kept = receipt(read[0].id)
    form = ActByCodeForm(formdata=None, code=kept.code)
    photos = pictures.waits(read[0], read[1])
    return draw("visits/collect/received.html", entry=read[0], receipt=kept, form=form, photos=photos)


def _there(question_id: int) -> bool:
    with api.as_system("see whether a question is still there"):
        return api.db.session.get(Question, question_id) is not None


@blueprint.post("/code/withdraw")
@api.needs("visits.ask")
def withdraw_by_code() -> Page:
    """Take back the question of a code, once one is sure."""
    if "sure" in request.form:
        done = _("Your question is withdrawn.")
        return _act(lambda question_id, _reason: triage.by_code(question_id, "withdraw"), done)
    api.throttle("guess")
    form: Any = ActByCodeForm()
    found = codes.find(form.code.data or "") if form.validate_on_submit() else None
    read = _read(found) if found is not None else None
    if found is None or read is None:
        return _unknown(form.code.data)
    stands = states.hidden_by(_case(found), states.TABLE["triage", "withdraw"])
    if stands is not None:
        api.says(str(stands.refusal), "error")
        return _thread(form.code.data) or _unknown(form.code.data)
    return draw("visits/collect/withdraw_by_code.html", form=form, entry=read[0])


@blueprint.post("/code/contest")
@api.needs("visits.ask")
def contest_by_code() -> Page:
    """Contest that the question of a code was not accepted."""
    return _act(lambda question_id, reason: triage.by_code(question_id, "contest", reason), _("Done."))


@blueprint.post("/code/promise")
@api.needs("visits.ask")
def promise_by_code() -> Page:
    """Say whether a promise about the question of a code is kept."""
    verb, ident = request.form.get("verb", ""), request.form.get("promise", 0, type=int)
    if verb not in promises.THANKS:
        abort(404)
    return _act(
        lambda question_id, reason: promises.by_code(question_id, ident, verb, api.one_line(reason)),
        str(promises.THANKS[verb]),
    )


@blueprint.post("/code/photos")
@api.needs("visits.ask")
def photos_by_code() -> Page:
    """Add pictures to the question of a code until somebody has read it."""
    api.throttle("guess")
    form: Any = ActByCodeForm()
    found = codes.find(form.code.data or "") if form.validate_on_submit() else None
    if found is None or _read(found) is None:
        return _unknown(form.code.data)
    api.throttle("work")
    wrong = _add_pictures(found)
    if not wrong:
        api.says(_("Your pictures are with your question."))
    page = _thread(form.code.data, wrong) or _unknown(form.code.data)
    return (page, REFUSED) if wrong and isinstance(page, str) else page


def _add_pictures(question_id: int) -> list[str]:
    """Hang the pictures of this request on a question; what is wrong with them."""
    ready, wrong = pictures.chosen()
    if wrong or not ready:
        return wrong or [_("Choose a picture.")]
    try:
        with api.as_system("whoever holds its code adds pictures to a question"):
            pictures.add(question_id, ready)
    except api.Refused as reason:
        return [str(reason)]
    return []


def _act(act: Callable[[int, str], None], done: str) -> Page:
    """Do with the question of a code what its author may, with the reason that is given."""
    api.throttle("guess")
    form: Any = ActByCodeForm()
    found = codes.find(form.code.data or "") if form.validate_on_submit() else None
    if found is None or _read(found) is None:
        return _unknown(form.code.data)
    try:
        act(found, form.reason.data or "")
        api.says(done)
    except api.Refused as reason:
        api.says(str(reason), "error")
    return _thread(form.code.data) or _unknown(form.code.data)


def _unknown(code: str | None) -> Page:
    """The form for a code, which says why this one opens nothing; its holder is told what was taken away."""
    form: Any = CodeForm(formdata=None, code=code)
    if code and codes.find(code) is not None:
        wrong = _("The question of this code is no longer shown. Please ask the town why.")
    else:
        wrong = _("No question has this code. Please compare it letter by letter.")
    form.code.errors = [wrong]
    return draw("visits/collect/code.html", form=form), REFUSED


def _thread(code: str, wrong: Sequence[str] = ()) -> str | None:
    """What whoever holds the code may read: the question as its author does, all else as everybody."""
    found = codes.find(code)
    read = _read(found) if found is not None else None
    if found is None or read is None:
        return None
    entry, question, answer = read
    with api.as_system("say what its author may do with a question, and how many are answered with it"):
        led = reads.led([entry.id]).get(entry.id, 0)
        ways = {one.verb for one in states.ways(_case(found), "triage")}
    return draw(
        "visits/collect/thread.html",
        entry=entry,
        question=question,
        answer=answer,
        led=led,
        public=question.triage == "accepted" and entry.state == "published",
        withdrawable="withdraw" in ways,
        panels=way.panel(entry, code),
        reached=_reached(entry) if question.triage == "private_case" else "",
        receipt=receipt(found),
        photos=pictures.waits(entry, question),
        sent=_sent(found),
        map=_map(entry) if question.latitude is not None else None,
        wrong=wrong,
        form=ActByCodeForm(formdata=None, code=code),
    )


def _case(question_id: int) -> states.Case:
    """The question of a code that was shown, for its holder."""
    with api.as_system("whoever holds its code acts as its author"):
        entry = api.get_or_404(api.Entry, question_id)
        case = states.case_of(entry, api.get_or_404(api.Space, entry.space_id))
    case.by_code = True
    return case


def _map(entry: api.Entry) -> Map | None:
    return map_of(api.get_or_404(api.Space, entry.space_id).area_id)


def _sent(question_id: int) -> list[str]:
    """What the pictures of a question show, in words: the pictures themselves have its audience."""
    rows = sa.select(api.File).where(api.File.entry_id == question_id).order_by(api.File.id)
    with api.as_system("tell whoever holds its code which pictures a question has"):
        return [file.alt or file.name for file in api.db.session.scalars(rows)]


def _reached(entry: api.Entry) -> str:
    """What whoever asked hears of a private case, by the ways in which they can be reached."""
    with api.as_system("say how whoever asked is reached"):
        contact = api.get_or_404(Casework, entry.id).contact
        account = entry.author_id is not None or reads.asker(entry.id) is not None
    if any(sign.isdigit() for sign in contact):
        return str(_("The person in charge of it will call you."))
    if account:
        return str(_("The person in charge of it will write to you."))
    return str(_("You left no way to reach you: please get in touch, with your code, by the contact below."))


def _read(question_id: int) -> tuple[api.Entry, Question, api.Entry | None] | None:
    """A question with its published answer, as long as its author may read it and the visit is public."""
    with api.as_system("show a question to whoever holds its code"):
        entry: Any = api.db.session.get(api.Entry, question_id)
        space: Any = api.db.session.get(api.Space, entry.space_id)
        facts = reads.load_questions([question_id])[question_id]
        answered = facts.question.answered_at is not None and facts.text and not facts.text.team_only
        readable = space.visibility == "public" and entry.state in ("published", "pending")
    return (entry, facts.question, facts.text if answered else None) if readable else None


@blueprint.get("/questions/<int:question_id>/slip")
@api.needs("core.account")
def slip(question_id: int) -> Page:
    """The acknowledgement to print, for who asked; for the team, of what was asked without an account."""
    entry = api.get_or_404(api.Entry, question_id)
    api.get_or_404(Question, question_id)
    if not reads.asked(entry):
        recorded = entry.author_id is None and reads.asker(question_id) is None
        if not recorded or not api.can("visits.review", api.get_or_404(api.Space, entry.space_id)):
            abort(404)
    return draw("visits/collect/slip.html", entry=entry, receipt=receipt(question_id))
