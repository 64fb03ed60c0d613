"""The screen on which the team writes down what comes by phone, on paper or at a stall; and petitions."""

from typing import Any

from flask import redirect, request, url_for

from core import api
from core.api import gettext as _

from .. import personal
from ..forms import ask_again
from ..models import Question
from ..pages import TOO_LATE, Page, blueprint, form_page, visit_and_space
from ..show import draw
from . import actions
from .forms import PetitionForm, RecordForm
from .receipts import Receipt, receipt


@blueprint.route("/<int:space_id>/record", methods=["GET", "POST"], endpoint="record")
@api.needs("visits.record")
def write_down(space_id: int) -> Page:
    """Write a question down; then its code is read out, and the next begins in the first field."""
    found, space = visit_and_space(space_id)
    api.require("visits.record", space)
    form: Any = RecordForm(channel=request.args.get("channel", "phone"))
    kept = api.kept_for(personal.CONTACTS)
    context = {"visit": found, "space": space, "days": kept.days if kept else 0}
    context["prints"] = api.can("visits.review", space)
    if not form.validate_on_submit():
        done = None if form.errors else _done(space_id)
        return form_page("visits/collect/record.html", form, done=done, **context)
    try:
        entry = actions.record(found, form.said(), confirmed=bool(form.confirmed.data))
    except api.AskAuthor as doubt:
        ask_again(form, doubt)
        return form_page("visits/collect/record.html", form, done=None, **context)
    except api.Refused as reason:
        form.form_errors.append(str(reason))
        return draw("visits/collect/record.html", form=form, done=None, **context), TOO_LATE
    place = url_for("visits.record", space_id=space_id, done=entry.id, channel=form.channel.data)
    return redirect(place)


def _done(space_id: int) -> tuple[int, Receipt] | None:
    """The question that was just written down here, with what to say of it."""
    ident = request.args.get("done", 0, type=int)
    entry = api.db.session.get(api.Entry, ident) if 0 < ident < 2**31 else None
    if entry is None or entry.space_id != space_id or entry.recorded_by != api.viewer().id:
        return None  # who holds the code acts as whoever asked
    return entry.id, receipt(entry.id)


@blueprint.route("/questions/<int:question_id>/petition", methods=["GET", "POST"])
@api.needs("visits.record")
def petition(question_id: int) -> Page:
    """Say how many signed, and keep pictures of the sheets for the team."""
    entry = api.get_or_404(api.Entry, question_id)
    question = api.get_or_404(Question, question_id)
    _visit, space = visit_and_space(entry.space_id)
    api.require("visits.record", space)
    form: Any = PetitionForm(signatures=question.signatures)
    if form.validate_on_submit():
        try:
            actions.count_signatures(question_id, form.signatures.data, form.pictures())
        except api.FileError as problem:
            form.sheets.errors = [str(problem)]
        except api.Refused as reason:
            form.form_errors.append(str(reason))
        else:
            api.says(_("Done."))
            return redirect(url_for("visits.petition", question_id=question_id))
    sheets = actions.sheets(question_id)
    return form_page("visits/collect/petition.html", form, entry=entry, space=space, sheets=sheets)
