"""The form of the minutes."""

from wtforms import TextAreaField

from core.api import lazy_gettext

from ..forms import OverForm, at_most, needed


class MinutesForm(OverForm):
    """The words of the minutes, over those that stand."""

    body = TextAreaField(
        lazy_gettext("Minutes"), validators=[needed(lazy_gettext("Write the minutes.")), at_most(20_000)]
    )
