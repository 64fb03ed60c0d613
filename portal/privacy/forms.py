"""The forms of one's own data."""

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import IntegerField, PasswordField, RadioField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, ValidationError

from core.forms import Form
from core.plugin import Retention

from . import retention


class DeleteForm(Form):
    """Close one's account for good, and say what becomes of one's words."""

    words = RadioField(
        _("What becomes of what I wrote?"),
        [InputRequired(_("Choose what becomes of what you wrote."))],
        choices=[
            SelectChoice("alias", _("It stays, under an alias that nobody can trace to me")),
            SelectChoice("delete", _("It is deleted too")),
        ],
    )
    current = PasswordField(_("Password"), [InputRequired(_("Write your password."))])


class SureForm(Form):
    """The one button that does it."""


class DataForm(Form):
    """Ask for one's data: the password shows that it is theirs to ask for."""

    current = PasswordField(_("Password"), [InputRequired(_("Write your password."))])


def retention_form() -> type[Form]:
    """A form with a field for each period, called by its name."""
    fields = {
        field_name(period): IntegerField(period.what, [_within(period)])
        for _plugin, period in retention.all_periods()
    }
    return type("RetentionForm", (Form,), fields)


def field_name(period: Retention) -> str:
    """The name of a period's field."""
    return period.name.replace(".", "_")


def _within(period: Retention) -> Any:
    def check(_form: Form, field: Any) -> None:
        if field.data is None or not retention.within(period, field.data):
            raise ValidationError(gettext("Write a number of days within the bounds."))

    return check
