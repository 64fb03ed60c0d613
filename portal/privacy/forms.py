"""The forms of one's own data."""

from flask_babel import lazy_gettext as _
from wtforms import PasswordField, RadioField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired

from core.forms import Form


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
