"""What is delicate about the subject of a question, for the team's briefing; never about a person."""

from typing import Any

from flask import redirect, url_for
from wtforms import TextAreaField

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from .. import seen, states
from ..forms import OverMarkForm, at_most
from ..pages import REFUSED, TOO_LATE, Page, blueprint, visit_and_space
from ..plan.models import Sensitivity
from ..show import draw


class SensitivityForm(OverMarkForm):
    """What is delicate about a subject; empty where nothing is."""

    text = TextAreaField(lazy_gettext("What is delicate about the subject"), validators=[at_most(1000)])


def note(question_id: int, text: str, read: str | None = None) -> None:
    """Keep what is delicate in a question, or that nothing is; Refused over another than `read`."""
    with api.write() as session:
        case = states.question_case(question_id)
        api.require("visits.review", case.space)
        row = session.get(Sensitivity, question_id)
        seen.must_be_text(row.text if row else "", read)
        if not text.strip():
            if row is not None:
                session.delete(row)
            return
        if row is None:
            row = Sensitivity(entry_id=question_id, space_id=case.space.id)
            session.add(row)
        row.text, row.noted_by, row.changed_at = text.strip(), api.viewer().id, api.now()


@blueprint.route("/questions/<int:question_id>/delicate", methods=["GET", "POST"])
@api.needs("visits.review")
def delicate(question_id: int) -> Page:
    """Say what is delicate about the subject of a question."""
    entry = api.get_or_404(api.Entry, question_id)
    _found, space = visit_and_space(entry.space_id)
    api.require("visits.review", space)
    stands, status = _stands(question_id), 200
    form: Any = SensitivityForm(text=stands, read=seen.mark(stands))
    if form.validate_on_submit():
        try:
            note(question_id, form.text.data or "", form.read.data)
        except api.Refused as reason:
            stands, status = _stands(question_id), TOO_LATE
            form.form_errors.append(str(reason))
            form.over(stands)
        else:
            api.says(_("The note is kept."))
            return redirect(url_for("visits.question", question_id=question_id))
    elif form.errors:
        status = REFUSED
    return draw("visits/prepare/delicate.html", form=form, entry=entry, space=space, stands=stands), status


def _stands(question_id: int) -> str:
    row = api.db.session.get(Sensitivity, question_id)
    return row.text if row else ""
