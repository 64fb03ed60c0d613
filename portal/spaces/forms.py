"""The forms of spaces: what a space is, who belongs to it, and until when."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import (
    DateField,
    EmailField,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from core.access import viewer
from core.db import db, now
from core.forms import Form, an_address
from core.i18n import town_zone
from core.models import Area
from core.plugin import SpaceRole

VISIBILITY = (
    SelectChoice("public", _("Everybody")),
    SelectChoice("portal", _("Signed-in people")),
    SelectChoice("members", _("Members; others see its name")),
    SelectChoice("hidden", _("Members; others don’t know of it")),
)
JOINING = (
    SelectChoice("open", _("Anybody may join")),
    SelectChoice("request", _("People ask to join")),
    SelectChoice("invite", _("By invitation")),
)
FITTING = {"public": "open", "portal": "open", "members": "request", "hidden": "invite"}


class SpaceForm(Form):
    """What a space is called, what it is for, who reads it and how one joins; `area` is where it is now."""

    name = StringField(
        _("Name"),
        [
            InputRequired(_("Give the space a name.")),
            Length(max=120, message=_("Use at most 120 characters.")),
        ],
    )
    summary = StringField(
        _("In one sentence"),
        [Optional(), Length(max=300, message=_("Use at most 300 characters."))],
    )
    body = TextAreaField(
        _("What is it for?"), [Optional(), Length(max=20_000, message=_("Use at most 20,000 characters."))]
    )
    visibility = RadioField(_("Who reads it"), choices=VISIBILITY, default="public")
    joining = RadioField(_("How one joins"), [Optional()], choices=JOINING)
    area = SelectField(_("Part of the town"), coerce=int, default=0)
    version = HiddenField()

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        areas = db.session.execute(sa.select(Area.id, Area.name, Area.path).order_by(Area.path)).all()
        reach, present = viewer().reach, kw.get("area")
        own = [
            SelectChoice(area.id, area.name)
            for area in areas
            if area.path.startswith(reach) or area.id == present
        ]
        self.area.choices = own if reach and present != 0 else [SelectChoice(0, _("The whole town")), *own]
        if self.area.data is None and own:
            self.area.data = own[0].value

    def validate(self, extra_validators: Any = None) -> bool:
        """Also: how one joins, where nothing is chosen, is as open as who reads."""
        sound: bool = super().validate(extra_validators)
        self.joining.data = self.joining.data or FITTING.get(self.visibility.data)
        return sound

    def validate_joining(self, field: Any) -> None:
        if field.data == "open" and self.visibility.data == "hidden":
            raise ValidationError(
                gettext("A space that anybody may join is not hidden. Let people ask, or invite them.")
            )


class MemberForm(Form):
    """A role in a space, and until when."""

    role = RadioField(_("Role"), [InputRequired(_("Choose a role."))])
    until = DateField(_("Until"), [Optional()])

    def offer(self, roles: Iterable[SpaceRole]) -> None:
        """Let one choose among these roles."""
        self.role.choices = [SelectChoice(role.name, role.title) for role in roles]

    def validate_until(self, field: Any) -> None:
        if field.data and end_of(field.data) <= now():
            raise ValidationError(gettext("Choose a day to come."))

    @property
    def end(self) -> dt.datetime | None:
        """The end of the last day, where the town is."""
        return end_of(self.until.data) if self.until.data else None


class InviteForm(MemberForm):
    """Whom to invite, as what, and until when they are members."""

    email = EmailField(_("E-mail"), [InputRequired(_("Write an e-mail address.")), an_address])


class JoinForm(Form):
    """A word to the team of a space that lets people in on request."""

    message = TextAreaField(
        _("A word to the team"), [Optional(), Length(max=500, message=_("Use at most 500 characters."))]
    )


def end_of(day: dt.date) -> dt.datetime:
    """The first moment after a day, where the town is."""
    try:
        return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), town_zone()).astimezone(dt.UTC)
    except OverflowError:
        raise ValidationError(gettext("This day is too far away.")) from None


def last_day(end: dt.datetime | None) -> dt.date | None:
    """The last day before the end of a membership, where the town is."""
    return end and (end - dt.timedelta(seconds=1)).astimezone(town_zone()).date()
