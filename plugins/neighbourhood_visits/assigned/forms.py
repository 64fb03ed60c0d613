"""The forms of a department: what it is, and the answer that it drafts."""

from typing import Any

from wtforms import (
    EmailField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import (
    InputRequired,
    NumberRange,
    Optional,
)

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from .. import seen, teams
from ..forms import OverForm, OverMarkForm, at_most, needed, people, people_near


class DepartmentForm(OverMarkForm):
    """A department: how it is called and reached, who is in charge, who works there, when it answers."""

    name = StringField(
        lazy_gettext("Name of the department"),
        validators=[needed(lazy_gettext("Give the department a name.")), at_most(120)],
    )
    mailbox = EmailField(lazy_gettext("Mailbox"), validators=[Optional(), api.an_address])
    official = SelectField(lazy_gettext("Elected official in charge"), coerce=int, default=0)
    days = IntegerField(
        lazy_gettext("Days to answer"),
        default=30,
        validators=[
            InputRequired(lazy_gettext("Give a number of days.")),
            NumberRange(1, 365, lazy_gettext("Give a number from 1 to 365.")),
        ],
    )
    members = people(lazy_gettext("Who works there"))

    @classmethod
    def offered(cls, row: Any = None) -> "DepartmentForm":
        """The form with the people of the town, filled with the department if any."""
        said = row and teams.department_said(row)
        form = cls(data=said and {**said, "read": seen.mark(said)})
        form.official.choices = [(0, _("None")), *people_near("official")]
        form.members.choices = people_near("agent")
        return form

    def said(self) -> dict[str, Any]:
        """What was filled in, by column."""
        return {
            "name": self.name.data,
            "mailbox": self.mailbox.data or "",
            "official_id": self.official.data or None,
            "days_to_answer": self.days.data,
        }


class GiveBackForm(api.Form):
    """Why a request is not for a department."""

    reason = TextAreaField(
        lazy_gettext("Why, and who could answer"),
        filters=[api.one_line],
        validators=[needed(lazy_gettext("Say why: the team reads it.")), at_most(1000)],
    )


class DepartmentAnswerForm(OverForm):
    """The answer that a department drafts."""

    body = TextAreaField(
        lazy_gettext("Answer"), validators=[needed(lazy_gettext("Write the answer.")), at_most(10_000)]
    )
