"""The forms of one's own data."""

from flask_babel import lazy_gettext as _
from wtforms import PasswordField
from wtforms.validators import InputRequired

from core.forms import Form


class DataForm(Form):
    """Ask for one's data: the password shows that it is theirs to ask for."""

    current = PasswordField(_("Password"), [InputRequired(_("Write your password."))])
