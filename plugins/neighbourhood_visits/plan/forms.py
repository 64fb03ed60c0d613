"""The forms of planning: a stop, where people meet, the day on which the dossier is frozen."""

from typing import Any

from wtforms import BooleanField, DateField, FloatField, IntegerField, StringField
from wtforms.validators import InputRequired, NumberRange, Optional

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from ..forms import at_most, needed


def _degrees(label: Any, most: int) -> Any:
    said = lazy_gettext("Give degrees, such as 48.85; or leave both empty.")
    return FloatField(label, validators=[Optional(), NumberRange(-most, most, said)])


class PinForm(api.Form):
    """A place on the map, in degrees, or none."""

    latitude = _degrees(lazy_gettext("Latitude"), 90)
    longitude = _degrees(lazy_gettext("Longitude"), 180)

    def validate(self, *args: Any, **kw: Any) -> bool:
        """Both are given, or neither."""
        fine = bool(super().validate(*args, **kw))
        if fine and (self.longitude.data is None) != (self.latitude.data is None):
            self.longitude.errors = [_("Give both latitude and longitude, or neither.")]
            fine = False
        return fine


class StopForm(PinForm):
    """A stop: what it is called, where it is, how long one stays, who gets there."""

    title = StringField(
        lazy_gettext("Name of the stop"),
        validators=[needed(lazy_gettext("Give the stop a name.")), at_most(120)],
        filters=[api.one_line],
    )
    minutes = IntegerField(
        lazy_gettext("Minutes there"),
        default=10,
        validators=[
            InputRequired(lazy_gettext("Give a number of minutes.")),
            NumberRange(1, 240, lazy_gettext("Give a number from 1 to 240.")),
        ],
    )
    step_free = BooleanField(lazy_gettext("Reached without steps"), default=True)

    def said(self) -> dict[str, Any]:
        """What was filled in, by column."""
        return {name: self[name].data for name in ("title", "latitude", "longitude", "minutes", "step_free")}


class FreezeForm(api.Form):
    """On which day the dossier is frozen by itself, if on any."""

    day = DateField(lazy_gettext("Freeze the dossier on"), validators=[Optional()])
