"""The forms of a delegate and of a template of answers."""

import datetime as dt
from typing import Any

from wtforms import (
    DateField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import (
    InputRequired,
    ValidationError,
)

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from .. import labels
from ..forms import at_most, needed, people_near
from ..teams import EXECUTIVE


class DelegateForm(api.Form):
    """Who approves answers in an official's place, and on which days."""

    delegate = SelectField(lazy_gettext("Who approves in your place"), coerce=int)
    begins = DateField(
        lazy_gettext("First day"), validators=[InputRequired(lazy_gettext("Give the first day."))]
    )
    ends = DateField(lazy_gettext("Last day"), validators=[InputRequired(lazy_gettext("Give the last day."))])

    @classmethod
    def offered(cls, row: Any = None) -> "DelegateForm":
        """The form with those who govern near the viewer, filled with the delegate if there is one."""
        form = cls(data=row and {"delegate": row.delegate_id, "begins": row.begins_on, "ends": row.ends_on})
        governing = people_near("official", EXECUTIVE)
        form.delegate.choices = [one for one in governing if one[0] != api.viewer().id]
        return form

    def validate_ends(self, field: Any) -> None:
        """It ends after it begins, within a year."""
        begins = self.begins.data
        if begins and field.data and not begins <= field.data <= begins + dt.timedelta(days=366):
            raise ValidationError(_("The last day comes after the first, within a year."))


class TemplateForm(api.Form):
    """Words to begin an answer with."""

    title = StringField(
        lazy_gettext("Name of the template"),
        validators=[needed(lazy_gettext("Give the template a name.")), at_most(120)],
    )
    theme = SelectField(lazy_gettext("Theme"), default="")
    body = TextAreaField(
        lazy_gettext("Words of the answer"),
        validators=[needed(lazy_gettext("Write the words of the answer.")), at_most(5000)],
    )

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.theme.choices = [("", _("All themes")), *labels.themes()]
