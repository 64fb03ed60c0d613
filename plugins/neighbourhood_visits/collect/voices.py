"""Beside the form to ask: what was asked alike, adding one's voice to it, and pictures after the question."""

import secrets
from typing import Any

from flask import abort, redirect, request, session, url_for

from core import api
from core.api import gettext as _

from .. import quiet, reads
from ..models import Question
from ..pages import REFUSED, Page, blueprint, form_page, visit_and_space
from ..show import draw
from . import pictures, unconfirmed
from .forms import ActByCodeForm, PhotosForm, VoiceForm, VoiceWithoutAccountForm
from .similar import accepted, asked_alike

LONGEST = 200


@blueprint.post("/<int:space_id>/similar")
@api.needs("visits.ask")
def similar(space_id: int) -> str:
    """What was asked alike, as a piece of the page; the words are in no address."""
    found, _space = visit_and_space(space_id)
    api.throttle("work")
    text = api.one_line(request.form.get("title", ""))[:LONGEST]
    return draw("visits/collect/similar.html", alike=asked_alike(text, found) if text else [])


@blueprint.route("/questions/<int:question_id>/voice", methods=["GET", "POST"])
@api.needs("visits.ask")
def voice(question_id: int) -> Page:
    """Add one's voice to a question instead of asking again; without an account by a link in a mail."""
    entry = api.get_or_404(api.Entry, question_id)
    if not accepted(entry):
        abort(404)
    visit, space = visit_and_space(entry.space_id)
    form: Any = VoiceForm() if api.viewer().signed_in else VoiceWithoutAccountForm()
    own = "" if api.viewer().signed_in else unconfirmed.own(question_id, session.get("visits_key", ""))
    if own and request.method == "GET":
        return voice_page(entry, own)
    if not form.validate_on_submit():
        return form_page("visits/collect/voice.html", form, entry=entry, space=space, visit=visit)
    if api.viewer().signed_in:
        return redirect(add_voice({"question": question_id}))
    payload = {"question": question_id, "name": form.name.data}
    api.confirm_later(form.email.data, "visits.voice", payload)
    return draw("visits/collect/voice_asked.html", entry=entry, space=space)


@blueprint.post("/questions/<int:question_id>/voice/code")
@api.needs("visits.ask")
def voice_by_code(question_id: int) -> Page:
    """Add the voice of somebody without an account or an address, which is counted apart."""
    entry = api.get_or_404(api.Entry, question_id)
    if not accepted(entry):
        abort(404)
    form: Any = VoiceForm()
    if form.validate_on_submit() and not api.viewer().signed_in:
        try:
            unconfirmed.add(entry, session.setdefault("visits_key", secrets.token_urlsafe(16)))
        except api.Refused as reason:
            api.says(str(reason), "error")
    return redirect(url_for("visits.voice", question_id=question_id))


@blueprint.post("/code/voice")
@api.needs("visits.ask")
def take_voice_back() -> Page:
    """Take back the voice of a code."""
    api.throttle("guess")
    form: Any = ActByCodeForm()
    if form.validate_on_submit():
        unconfirmed.take_back(form.code.data or "")
        api.says(_("Your voice is taken back."))
    return redirect(url_for("visits.index"))


def voice_page(entry: api.Entry, code: str) -> str:
    """What whoever holds the code of a voice reads and may do."""
    question, form = api.get_or_404(Question, entry.id), ActByCodeForm(formdata=None, code=code)
    space = api.get_or_404(api.Space, entry.space_id)
    return draw(
        "visits/collect/voice_code.html",
        entry=entry,
        question=question,
        space=space,
        code=code,
        form=form,
        quiet=quiet.sentence(),
    )


def describe_voice(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """Which question somebody is about to support."""
    entry = api.db.session.get(api.Entry, payload["question"])
    return [(_("Question"), entry.title if entry else "")]


def add_voice(payload: dict[str, Any]) -> str:
    """Support a question as the viewer, once; answers the page to show next."""
    entry = api.db.session.get(api.Entry, payload["question"])
    try:
        if entry is None or not accepted(entry):
            raise api.Refused(_("This question takes no more voices."))
        api.support(entry, True)
    except api.Refused as reason:
        api.says(str(reason), "error")
        return url_for("visits.index")
    api.says(_("Your voice counts. You are told when the answer is there."))
    return f"/posts/{payload['question']}"


@blueprint.route("/questions/<int:question_id>/photos", methods=["GET", "POST"])
@api.needs("core.account")
def photos(question_id: int) -> Page:
    """Add pictures to one's own question until somebody has read it."""
    entry = api.get_or_404(api.Entry, question_id)
    question = api.get_or_404(Question, question_id)
    if not reads.asked(entry) or not pictures.waits(entry, question):
        abort(404)
    form: Any = PhotosForm()
    wrong: list[str] = []
    [card] = api.cards([entry], show_space=False)
    if form.validate_on_submit():
        ready, wrong = pictures.chosen(already=len(card.pictures))
        wrong = wrong if wrong or ready else [_("Choose a picture.")]
        if not wrong:
            try:
                pictures.add(question_id, ready)
            except api.Refused as reason:
                wrong = [str(reason)]
            else:
                api.says(_("Your pictures are with your question."))
                return redirect(url_for("visits.thanks", question_id=question_id))
    page = draw("visits/collect/photos.html", form=form, entry=entry, card=card, wrong=wrong)
    return (page, REFUSED) if wrong else page
