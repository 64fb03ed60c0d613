"""The forms by which questions come in and are opened again."""

import secrets
from typing import Any

from wtforms import (
    EmailField,
    HiddenField,
    IntegerField,
    MultipleFileField,
    RadioField,
    SelectField,
    StringField,
    TelField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, ValidationError

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from ..forms import at_most, degrees, needed
from .actions import Recorded

CHANNELS = (
    ("phone", lazy_gettext("By phone")),
    ("paper", lazy_gettext("On paper")),
    ("stall", lazy_gettext("At a stall")),
)
SHEETS = 8


class CodeForm(api.Form):
    """A reference code."""

    code = StringField(
        lazy_gettext("Reference code"),
        validators=[needed(lazy_gettext("Write the code of your question.")), at_most(40)],
    )


class ActByCodeForm(api.Form):
    """The wish to withdraw the question of a code, or to contest that it was not accepted."""

    code = HiddenField()
    reason = TextAreaField(lazy_gettext("Why should it be accepted?"), validators=[at_most(1000)])


class RecordForm(api.Form):
    """A question that an agent writes down: five fields."""

    key = HiddenField(default=lambda: secrets.token_urlsafe(16), validators=[Length(max=64)])
    words = TextAreaField(
        lazy_gettext("What do they ask?"),
        validators=[needed(lazy_gettext("Write the question.")), at_most(5000)],
    )
    place = StringField(lazy_gettext("Where is it?"), validators=[at_most(200)])
    name = StringField(lazy_gettext("Name to show"), validators=[api.a_name])
    contact = TelField(lazy_gettext("Telephone"), validators=[at_most(120)])
    channel = RadioField(lazy_gettext("How it came"), default="phone")
    confirmed = HiddenField()

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.channel.choices = [(word, str(label)) for word, label in CHANNELS]

    def said(self) -> Recorded:
        """What was filled in."""
        names = ("words", "place", "channel", "name", "contact", "key")
        return Recorded(**{name: self[name].data or "" for name in names})


class PetitionForm(api.Form):
    """How many signed, and pictures of what they signed."""

    signatures = IntegerField(
        lazy_gettext("Signatures"),
        validators=[
            InputRequired(lazy_gettext("Give the number of signatures.")),
            NumberRange(0, 1_000_000, lazy_gettext("Give a number from 0 to 1,000,000.")),
        ],
    )
    sheets = MultipleFileField(lazy_gettext("Pictures of the sheets"))

    def pictures(self) -> list[Any]:
        """The chosen files, made ready; raises FileError for one that is no picture."""
        return [api.prepare_picture(one) for one in self._chosen()]

    def validate_sheets(self, _field: Any) -> None:
        """There are not too many at once."""
        if len(self._chosen()) > SHEETS:
            raise ValidationError(_("Choose at most eight pictures at once."))

    def _chosen(self) -> list[Any]:
        return [one for one in self.sheets.data or () if getattr(one, "filename", "")]


class VoiceForm(api.Form):
    """Nothing but the wish to add one's voice."""


class VoiceWithoutAccountForm(api.Form):
    """The same of somebody without an account, confirmed by e-mail."""

    name = StringField(
        lazy_gettext("Your name"), validators=[needed(lazy_gettext("Give your name.")), api.a_name]
    )
    email = EmailField(
        lazy_gettext("E-mail"),
        validators=[needed(lazy_gettext("Give your e-mail address.")), api.an_address],
    )


class PhotosForm(api.Form):
    """Pictures, which `pictures.chosen` reads."""


class NearForm(api.Form):
    """Where somebody lives: an address, a pin, or the name of a part of the town."""

    address = StringField(lazy_gettext("My address"), validators=[at_most(200)])
    area = SelectField(lazy_gettext("My neighbourhood"), coerce=int)
    latitude = HiddenField()
    longitude = HiddenField()

    def pin(self) -> tuple[float, float] | None:
        """Where the pin was set."""
        return degrees(self.latitude.data, self.longitude.data)
