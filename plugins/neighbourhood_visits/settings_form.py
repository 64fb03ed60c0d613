"""What staff decide about neighbourhood visits."""

import re
from typing import Any

from wtforms import (
    BooleanField,
    DateField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import (
    InputRequired,
    NumberRange,
    Optional,
    ValidationError,
)

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from .forms import at_most


class SettingsForm(api.Form):
    """What staff decide about neighbourhood visits."""

    days_to_answer = IntegerField(
        lazy_gettext("Days to answer an accepted question"),
        validators=[
            InputRequired(lazy_gettext("Give a number of days.")),
            NumberRange(1, 365, lazy_gettext("Give a number from 1 to 365.")),
        ],
    )
    acknowledgement = TextAreaField(
        lazy_gettext("A sentence for those who have asked a question"), validators=[at_most(500)]
    )
    themes = TextAreaField(
        lazy_gettext("Themes of questions"),
        validators=[at_most(2000)],
        description=lazy_gettext("One per line. Empty: the usual themes."),
    )
    reasons = TextAreaField(
        lazy_gettext("Reasons not to accept a question"),
        validators=[at_most(4000)],
        description=lazy_gettext("One per line. Empty: the usual reasons."),
    )
    bodies = TextAreaField(
        lazy_gettext("Bodies to which questions are forwarded"),
        validators=[at_most(2000)],
        description=lazy_gettext("One per line. Empty: the usual bodies."),
    )
    geocoder = SelectField(lazy_gettext("Service that says where an address is"), default="none")
    geocoder_url = StringField(lazy_gettext("Address of that service"), validators=[at_most(200)])
    quiet_from = DateField(
        lazy_gettext("First day of the quiet period before an election"),
        validators=[Optional()],
        description=lazy_gettext("In these weeks no figure is shown and nothing is put forward."),
    )
    quiet_until = DateField(lazy_gettext("Last day of this quiet period"), validators=[Optional()])
    one_person_approves = BooleanField(
        lazy_gettext("Whoever drafted an answer may approve it too (the report says so)")
    )

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.geocoder.choices = [
            ("none", _("None: people write where it is, or set a pin")),
            ("address_api", _("One that speaks as the French national address API does")),
        ]

    def validate_geocoder_url(self, field: Any) -> None:
        """A service that is chosen has an address, without a key in it."""
        plain = re.fullmatch(r"https?://[^\s/@?#]+(/[^\s@?#]*)?", field.data or "")
        if (field.data or self.geocoder.data != "none") and not plain:
            raise ValidationError(_("Write an address such as https://addresses.example."))

    def validate_quiet_from(self, _field: Any) -> None:
        """Both days are given or none."""
        if self.quiet_until.data is None:
            raise ValidationError(_("Give both days, or none."))

    def validate_quiet_until(self, field: Any) -> None:
        """Both days are given or none, in their order."""
        if self.quiet_from.data is None:
            raise ValidationError(_("Give both days, or none."))
        if field.data < self.quiet_from.data:
            raise ValidationError(_("This day must not be before the first."))
