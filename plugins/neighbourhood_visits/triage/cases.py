"""A private case: who deals with it, when they meet, when it ended; then it is kept for its own time."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask import redirect, url_for
from wtforms import BooleanField, DateTimeLocalField, SelectField
from wtforms.validators import Optional

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from .. import personal
from ..field.models import Note
from ..models import Asker, Casework, PrivateCase, Question
from ..pages import blueprint
from ..plan.models import Sensitivity
from ..states import question_case
from ..suggest.models import Term
from . import groups

KEPT = "visits.private_cases"
ENDED = ("private_case", "withdrawn")  # of triage: it was dealt with, or its author took it back
FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


class CaseForm(api.Form):
    """A private case, for the team alone."""

    recipient = SelectField(lazy_gettext("Who deals with it"), coerce=int)
    appointment = DateTimeLocalField(lazy_gettext("Appointment"), format=FORMATS, validators=[Optional()])
    ended = BooleanField(lazy_gettext("It is dealt with"))

    @classmethod
    def offered(cls, case: PrivateCase, **kw: Any) -> "CaseForm":
        """The form with the people of the team, filled with the case."""
        at = case.appointment_at and case.appointment_at.astimezone(api.town_zone()).replace(tzinfo=None)
        said = {"recipient": case.recipient_id or 0, "appointment": at, "ended": case.ended_at is not None}
        form = cls(data=said, **kw)
        team = (
            sa.select(api.User.id, api.User.name)
            .join(api.Membership, api.Membership.user_id == api.User.id)
            .where(api.Membership.space_id == case.space_id, api.Membership.team)
            .order_by(api.User.name)
            .distinct()
        )
        people = [(row.id, row.name) for row in api.db.session.execute(team)]
        form.recipient.choices = [(0, _("None")), *people]
        return form


@blueprint.post("/questions/<int:question_id>/case")
@api.needs("visits.review")
def keep_case(question_id: int) -> Any:
    """Say who deals with a private case, when they meet, whether it is over."""
    case = api.get_or_404(PrivateCase, question_id)
    form = CaseForm.offered(case)
    if form.validate_on_submit():
        change(question_id, form.recipient.data or None, form.appointment.data, bool(form.ended.data))
        api.says(_("The private case is kept for the team."))
    else:
        api.says(" ".join(text for texts in form.errors.values() for text in texts), "error")
    return redirect(url_for("visits.question", question_id=question_id) + "#case")


def change(question_id: int, recipient: int | None, appointment: dt.datetime | None, ended: bool) -> None:
    """Change a private case; from its end on its time to be kept runs."""
    with api.write() as session:
        held = question_case(question_id)
        api.require("visits.review", held.space)
        case = api.get_or_404(PrivateCase, question_id)
        session.refresh(case)
        case.recipient_id = recipient
        case.appointment_at = appointment and appointment.replace(tzinfo=api.town_zone())
        case.ended_at = (case.ended_at or api.now()) if ended else None


def end_time(now: dt.datetime) -> None:
    """Let private cases that ended long enough ago go, with all that was said in them; they stay counted."""
    kept = api.kept_for(KEPT)
    if kept is None:
        return
    over = (
        sa.select(PrivateCase.entry_id)
        .join(Question, Question.entry_id == PrivateCase.entry_id)
        .where(PrivateCase.ended_at < now - kept, Question.triage.in_(ENDED))
        .order_by(PrivateCase.entry_id)
    )
    for ident in api.db.session.scalars(over.limit(500)).all():
        with api.write():
            _let_go(ident)


def _let_go(question_id: int) -> None:
    """Leave of a private case an empty place without its author; also while the plugin is off."""
    question_case(question_id)  # held: nobody replies from here on
    photos = sa.select(Note.photo_id).where(Note.entry_id == question_id)
    said = sa.or_(api.Entry.parent_id == question_id, api.Entry.id.in_(photos))
    for entry in api.db.session.scalars(sa.select(api.Entry).where(said).order_by(api.Entry.id)).all():
        api.remove(entry)
    asked = api.get_or_404(api.Entry, question_id)
    api.remove(asked, keep=True)
    asked.author_id = asked.meant_for = None
    groups.settle(question_id, gone=True)
    api.db.session.flush()
    empty = {"contact": "", "note": "", "code": None}
    nowhere = {**dict.fromkeys(personal.SAID, ""), "latitude": None, "longitude": None}
    for statement in (
        sa.update(Casework).where(Casework.entry_id == question_id).values(empty),
        sa.update(Question).where(Question.entry_id == question_id).values(nowhere),
        sa.update(Note).where(Note.entry_id == question_id).values(text="", stop=""),
        *(
            sa.delete(table).where(table.entry_id == question_id)
            for table in (Sensitivity, Asker, Term, PrivateCase)
        ),
    ):
        api.db.session.execute(statement, execution_options={"synchronize_session": False})
