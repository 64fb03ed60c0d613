"""What is delicate about the subject of a question, for the team's briefing; never about a person."""

from typing import Any

from flask import redirect, url_for
from wtforms import TextAreaField

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from .. import states
from ..forms import at_most
from ..pages import REFUSED, Page, blueprint, visit_and_space
from ..plan.models import Sensitivity
from ..show import draw


class SensitivityForm(api.Form):
    """What is delicate about a subject; empty where nothing is."""

    text = TextAreaField(lazy_gettext("What is delicate about the subject"), validators=[at_most(1000)])


def note(question_id: int, text: str) -> None:
    """Keep what is delicate about the subject of a question, or that nothing is."""
    with api.write() as session:
        case = states.question_case(question_id)
        api.require("visits.review", case.space)
        row = session.get(Sensitivity, question_id)
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
    row = api.db.session.get(Sensitivity, question_id)
    form: Any = SensitivityForm(obj=row)
    if form.validate_on_submit():
        note(question_id, form.text.data or "")
        api.says(_("The note is kept."))
        return redirect(url_for("visits.question", question_id=question_id))
    page = draw("visits/prepare/delicate.html", form=form, entry=entry, space=space)
    return (page, REFUSED) if form.errors else page
