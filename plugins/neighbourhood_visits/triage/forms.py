"""The forms of the desk: a decision on one question or many, a note, an answer."""

from typing import Any

from wtforms import (
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import (
    Optional,
    ValidationError,
)
from wtforms.widgets import HiddenInput

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from .. import labels, teams
from ..forms import OverForm, OverMarkForm, at_most, needed
from ..states import BODY, REASON, TRANSITIONS
from .actions import Decision


class RejectForm(api.Form):
    """Why a question is not taken up; its author reads it."""

    reason = TextAreaField(
        lazy_gettext("Reason"),
        validators=[needed(lazy_gettext("Write the reason: the author reads it.")), at_most(1000)],
    )
    moves = IntegerField(widget=HiddenInput(), validators=[Optional()])


class DecideForm(api.Form):
    """What is decided on one question or on many."""

    verb = SelectField(lazy_gettext("Decision"))
    reason = StringField(lazy_gettext("Reason, which the author reads"), validators=[at_most(1000)])
    to = StringField(lazy_gettext("Body to which it is forwarded"), validators=[at_most(200)])
    department = SelectField(lazy_gettext("Department"), coerce=int, default=0)
    official = SelectField(lazy_gettext("Elected official"), coerce=int, default=0)
    theme = SelectField(lazy_gettext("Theme"), default="")
    moves = IntegerField(widget=HiddenInput(), validators=[Optional()])
    words = HiddenField(filters=[lambda sent: sent or None])

    @classmethod
    def offered(cls, space_id: int, **kw: Any) -> "DecideForm":
        """The form with the departments of the town and the officials of the visit."""
        form = cls(**kw)
        form.verb.choices = [
            ("accept", _("Accept")),
            ("assign", _("Accept and assign")),
            ("reject", _("Don’t accept")),
            ("forward", _("Forward to the body in charge")),
            ("divert", _("Make it a private case")),
            ("group", _("Group them")),
            ("ungroup", _("Take out of the group")),
            ("theme", _("Say its theme")),
            ("unassign", _("Undo: take the assignment back")),
            ("reconsider", _("Undo: to be read again")),
        ]
        form.department.choices = [(0, _("None")), *((one.id, one.name) for one in teams.departments())]
        officials = ((one.id, one.name) for one in teams.officials_of(space_id))
        form.official.choices = [(0, _("None")), *officials]
        form.theme.choices = [("", _("None")), *labels.themes()]
        return form

    def validate_reason(self, field: Any) -> None:
        """What is not accepted has a reason."""
        if self.verb.data == "reject" and not (field.data or "").strip():
            raise ValidationError(str(REASON.refusal))

    def validate_to(self, field: Any) -> None:
        """What is forwarded goes to somebody."""
        if self.verb.data == "forward" and not (field.data or "").strip():
            raise ValidationError(str(BODY.refusal))

    def validate_department(self, field: Any) -> None:
        """What is assigned goes to a department or an official."""
        if self.verb.data == "assign" and not (field.data or self.official.data):
            raise ValidationError(_("Choose a department or an official."))

    def decision(self) -> Decision:
        """What was filled in; only what goes with the verb counts."""
        verb = self.verb.data
        assigns = verb in ("assign", "divert")
        return Decision(
            verb,
            reason=(self.reason.data or "") if verb in ("reject", "forward") else "",
            to=(self.to.data or "") if verb == "forward" else "",
            department_id=(self.department.data or None) if assigns else None,
            official_id=(self.official.data or None) if assigns else None,
        )


class NoteForm(OverMarkForm):
    """A note for the team."""

    note = TextAreaField(lazy_gettext("Note for the team"), validators=[at_most(4000)])


class AnswerForm(OverForm):
    """The text of an answer, over a draft of it."""

    body = TextAreaField(
        lazy_gettext("Answer"), validators=[needed(lazy_gettext("Write the answer.")), at_most(10_000)]
    )
    outcome = SelectField(lazy_gettext("What becomes of it"), default="")

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        outcomes = (one for one in TRANSITIONS if one.thing == "outcome" and one.verb != "commit")
        self.outcome.choices = [("", _("Not said yet")), *((one.verb, str(one.label)) for one in outcomes)]
