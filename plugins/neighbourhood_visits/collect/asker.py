"""What the author of a question does with it later: withdraw it, or contest that it was not accepted."""

from typing import Any

from flask import abort, redirect, request
from werkzeug.wrappers import Response

from core import api
from core.api import gettext as _

from .. import reads, states
from ..forms import ContestForm, WithdrawForm
from ..models import Question
from ..pages import TOO_LATE, Page, blueprint, form_page
from ..show import draw
from ..triage import actions as triage


@blueprint.route("/questions/<int:question_id>/withdraw", methods=["GET", "POST"])
@api.needs("core.account")
def withdraw(question_id: int) -> Page:
    """Take one's own question back."""
    form: Any = WithdrawForm()
    stands = _stands(question_id) if request.method == "GET" else ""
    if stands:
        api.says(stands, "error")
        return redirect(f"/posts/{question_id}")
    return _own_page(question_id, form, "visits/withdraw.html", lambda: triage.withdraw(question_id))


@blueprint.route("/questions/<int:question_id>/contest", methods=["GET", "POST"])
@api.needs("core.account")
def contest(question_id: int) -> Page:
    """Say why one's own question should have been accepted."""
    form: Any = ContestForm()
    return _own_page(
        question_id, form, "visits/contest.html", lambda: triage.contest(question_id, form.reason.data)
    )


def _stands(question_id: int) -> str:
    """Why one's own question can be withdrawn no longer, "" where it can."""
    entry = api.get_or_404(api.Entry, question_id)
    case = states.case_of(entry, api.get_or_404(api.Space, entry.space_id))
    guard = states.hidden_by(case, states.TABLE["triage", "withdraw"])
    return str(guard.refusal) if guard and guard.refusal else ""


def _own_page(question_id: int, form: Any, template: str, act: Any) -> Page:
    entry = api.get_or_404(api.Entry, question_id)
    found = api.get_or_404(Question, question_id)
    if not reads.asked(entry):
        abort(404)
    if not form.validate_on_submit():
        return form_page(template, form, entry=entry, question=found)
    try:
        act()
    except api.Refused as reason:
        form.form_errors.append(str(reason))
        found = api.get_or_404(Question, question_id)
        return draw(template, form=form, entry=entry, question=found), TOO_LATE
    return _done(question_id)


def _done(question_id: int) -> Response:
    api.says(_("Done."))
    return redirect(f"/posts/{question_id}")
