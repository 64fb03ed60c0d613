"""The forms: reporting, with or without an account and as a legal notice; answering; taking a part out."""

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from core.feed.moderation import REASONS
from core.forms import Form, a_name, an_address, whole

LONGEST = 4000
_REASONS = [SelectChoice(name, label) for name, label in REASONS.items()]
_CHOSEN: dict[str, Any] = {
    "choices": [SelectChoice("", _("Choose a reason")), *_REASONS],
    "validators": [InputRequired(_("Choose a reason."))],
}
_most = Length(max=LONGEST, message=_("Use at most 4,000 characters."))


class ReportForm(Form):
    """What is wrong with an entry, and where the law is concerned, what a notice has to say."""

    reason = RadioField(_("What is wrong?"), [InputRequired(_("Choose what is wrong."))], choices=_REASONS)
    text = TextAreaField(_("Explain"), [_most])
    legal = BooleanField(_("I think this is against the law"))
    address = StringField(_("Exact address of it"), [Length(max=500)])
    good_faith = BooleanField(_("I say this in good faith, and to my knowledge it is accurate and complete"))
    name = StringField(_("Your name"), [a_name])
    email = EmailField(_("Your e-mail address"))

    def __init__(self, guest: bool, **kw: Any) -> None:
        super().__init__(**kw)
        self.guest = guest
        if not guest:
            del self.email

    @property
    def exempt(self) -> bool:
        """Whether a notice needs no name: it concerns the abuse of a child."""
        return bool(self.legal.data and self.reason.data == "child")

    def validate(self, extra_validators: Any = None) -> bool:
        sound = bool(super().validate(extra_validators))
        wrong: list[tuple[Any, str]] = []
        if self.legal.data:
            wrong += [(self.text, gettext("Explain why it is against the law."))] * (not self.text.data)
            wrong += [(self.address, gettext("Give the exact address."))] * (not self.address.data)
            wrong += [(self.good_faith, gettext("Please confirm this."))] * (not self.good_faith.data)
            if not self.exempt:
                wrong += [(self.name, gettext("Write your name."))] * (not self.name.data)
        for field, message in wrong:
            field.errors = [*field.errors, message]
        if self.guest and not (self.exempt and not self.email.data):
            try:
                an_address(self, self.email)
            except ValueError as error:
                self.email.errors, sound = [str(error)], False
        return sound and not wrong

    def notice(self) -> dict[str, Any]:
        """The further fields of a legal notice, which are kept of nothing else."""
        if not self.legal.data:
            return {}
        said = {"address": self.address.data or "", "name": self.name.data or ""}  # a field may not be sent
        return {"legal": True, **said, "good_faith": self.good_faith.data}


class AppealForm(Form):
    """Why somebody does not agree with a decision."""

    words = TextAreaField(_("What do you want to say?"), [InputRequired(_("Write something.")), _most])


class _Reasoned(Form):
    """Why something is decided; in words too where a notice of illegal content waits for it.

    `waited` is the case that waited for the entry when it was read, 0 for none.
    """

    waited = HiddenField()
    reason = SelectField(_("Reason"), **_CHOSEN)
    text = TextAreaField(_("Say more to the author"), [_most])

    def __init__(self, legal: bool, **kw: Any) -> None:
        super().__init__(**kw)
        if legal:
            self.text.label.text = gettext("Your reasons")
            self.text.flags.required = True
            self.text.validators = [InputRequired(gettext("Give your reasons.")), _most]


class DecisionForm(_Reasoned):
    """What becomes of an entry, and why; `version` is that of the words that were read."""

    version = HiddenField()
    act = RadioField(_("What becomes of it?"), [InputRequired(_("Choose what becomes of it."))])


class RedactForm(_Reasoned):
    """Which words, and which pictures, are taken out of an entry for good."""

    passage = TextAreaField(_("Words to take out"), [_most])
    pictures = SelectMultipleField(
        _("Pictures to delete"),
        coerce=whole,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
