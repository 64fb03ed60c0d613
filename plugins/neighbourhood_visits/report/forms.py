"""The forms of the minutes, and of what is taken out of them."""

from wtforms import HiddenField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from core import api
from core.api import lazy_gettext

from ..forms import OverForm, at_most, needed


class MinutesForm(OverForm):
    """The words of the minutes, over those that stand."""

    body = TextAreaField(
        lazy_gettext("Minutes"), validators=[needed(lazy_gettext("Write the minutes.")), at_most(20_000)]
    )
    confirmed = HiddenField()


class PassageForm(api.Form):
    """Which words are taken out of the published minutes for good."""

    passage = TextAreaField(
        lazy_gettext("Words to take out"),
        validators=[needed(lazy_gettext("Copy the words to take out.")), at_most(4000)],
    )
    reason = SelectField(
        lazy_gettext("Reason"),
        choices=[
            SelectChoice("", lazy_gettext("Choose a reason")),
            *(SelectChoice(*one) for one in api.REASONS.items()),
        ],
        validators=[needed(lazy_gettext("Choose a reason."))],
    )
