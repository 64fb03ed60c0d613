"""The forms: a decision, the answer to an appeal, a space's own setting, and the plugin's settings."""

from typing import Any

from wtforms import BooleanField, HiddenField, IntegerField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from core import api
from core.api import gettext
from core.api import lazy_gettext as _


class DecisionForm(api.Form):
    """What becomes of an entry, and why; its author reads the reason."""

    act = HiddenField()
    reason = SelectField(
        _("Reason"), [Optional()], choices=[SelectChoice(*one) for one in [("", ""), *api.REASONS.items()]]
    )
    text = TextAreaField(
        _("Say more to the author"),
        [Optional(), Length(max=2000, message=_("Use at most 2,000 characters."))],
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Whether it can be decided so: leaving something as it is needs no reason, all else does."""
        sound = bool(super().validate(extra_validators))
        if self.act.data != "kept" and not self.reason.data:
            self.reason.errors = [gettext("Choose a reason.")]
            return False
        return sound


class AnswerForm(api.Form):
    """The answer to somebody who does not agree with a decision."""

    text = TextAreaField(
        _("Your answer"),
        [
            InputRequired(_("Give your reasons.")),
            Length(max=2000, message=_("Use at most 2,000 characters.")),
        ],
    )


class SpaceForm(api.Form):
    """Whether a space looks at everything first."""

    checked = BooleanField(_("Look at everything before it is published"))


def _number(label: Any, least: int, most: int) -> IntegerField:
    message = _("Write a number between %(min)s and %(max)s.")
    return IntegerField(
        label, [InputRequired(_("Write a number.")), NumberRange(least, most, message=message)]
    )


class SettingsForm(api.Form):
    """What is held back or asked before it is published."""

    young_hours = _number(_("Hours for which an account counts as new"), 0, 720)
    young_most = _number(
        _("What all new accounts together may publish in a space within an hour; the rest is held"), 0, 1000
    )
    most_per_hour = _number(_("What one person may write within an hour; the rest is refused"), 1, 1000)
    ask = BooleanField(_("Ask before a telephone number, an e-mail or a postal address is published"))
    known = TextAreaField(
        _("Numbers and addresses of the town’s services, which are not asked about, one a line"),
        [Optional(), Length(max=5000)],
    )
