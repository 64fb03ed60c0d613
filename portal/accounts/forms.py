"""The forms of accounts: signing up and in, passwords, and one's own settings."""

import zoneinfo
from functools import cache
from typing import Any

import sqlalchemy as sa
from babel import Locale
from babel.core import get_global
from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    EmailField,
    FileField,
    HiddenField,
    PasswordField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length, ValidationError

from core import access, settings
from core.accounts import throttle
from core.db import db
from core.forms import Form, a_name, an_address
from core.i18n import LANGUAGES, ZONE
from core.models import Area
from core.text import fold

from .strength import weakness

ABOUT = 500
FRENCH = frozenset(["FR", "GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF", "WF", "PF", "NC", "TF"])


def _name() -> StringField:
    return StringField(_("Name"), [InputRequired(_("Write your name.")), a_name])


def _address(label: Any) -> EmailField:
    return EmailField(label, [InputRequired(_("Write your e-mail address.")), an_address])


def _new_password() -> PasswordField:
    return PasswordField(_("New password"), [InputRequired(_("Choose a password."))])


def _choices(*pairs: tuple[Any, Any]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in pairs]


def _or_none(value: str | None) -> str | None:
    return value or None


class SignInForm(Form):
    """E-mail address and password."""

    email = EmailField(_("E-mail address"), [InputRequired(_("Write your e-mail address."))])
    password = PasswordField(_("Password"), [InputRequired(_("Write your password."))])
    remember = BooleanField(_("Stay signed in on this device"))
    next = HiddenField()


class SignUpForm(Form):
    """A new account; its password is chosen on the page of the mailed link."""

    name = _name()
    email = _address(_("E-mail address"))
    next = HiddenField()


class ResetForm(Form):
    """Whose password was forgotten."""

    email = _address(_("E-mail address"))


class ConfirmForm(Form):
    """The one button of a link's page."""


class NewPasswordForm(Form):
    """The part of a form where a password is chosen; `own_words` are what it may not be made of."""

    own_words: tuple[str, ...] = ()

    def validate_password(self, field: Any) -> None:
        throttle.hit("new_password")  # weighing one is work
        own = (*self.own_words, access.viewer().name, settings.town().name)
        problem = weakness(field.data or "", own)
        if problem:
            raise ValidationError(problem)


class ChoosePasswordForm(NewPasswordForm):
    """A new password, for who came by a link."""

    password = _new_password()


class FirstForm(ChoosePasswordForm):
    """The name too, for whose account was opened without one."""

    name = _name()


class PasswordForm(NewPasswordForm):
    """A new password, for who knows the present one."""

    current = PasswordField(_("Present password"), [InputRequired(_("Write your present password."))])
    password = _new_password()


class AddressForm(Form):
    """A new e-mail address, for who knows the password."""

    email = _address(_("New e-mail address"))
    current = PasswordField(_("Password"), [InputRequired(_("Write your password."))])


class ProfileForm(Form):
    """What others see of a person, and how the portal speaks to them."""

    name = _name()
    about = TextAreaField(_("About me"), [Length(max=ABOUT, message=_("Use at most 500 characters."))])
    picture = FileField(_("Picture"))
    no_picture = BooleanField(_("Remove my picture"))
    area = SelectField(_("Where I live"), coerce=lambda value: int(value) if value else None)
    language = SelectField(_("Language"), coerce=_or_none)
    timezone = SelectField(_("Time zone"), coerce=_or_none)

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        areas = db.session.execute(sa.select(Area.id, Area.name, Area.path).order_by(Area.path))
        self.area.choices = _choices(
            ("", gettext("I would rather not say")),
            *((row.id, "\u2003" * (row.path.count("/") - 2) + row.name) for row in areas),
        )
        self.language.choices = _choices(("", gettext("As my browser says")), *LANGUAGES.items())
        self.timezone.choices = [*_choices(("", gettext("That of the town"))), *_zones(kw.get("timezone"))]
        if access.viewer().role != "resident":
            del self.area
        if access.viewer().picture_url is None:
            del self.no_picture


def _zones(own: str | None) -> list[SelectChoice]:
    """The time zones to choose from, those of France first; one's own too, whatever it was once called."""
    groups = dict(zip((True, False), (gettext("France"), gettext("Elsewhere")), strict=True))
    known = timezones(str(get_locale()))
    old = [(own, own, False)] if own and own not in (name for name, _label, _french in known) else []
    return [SelectChoice(name, label, optgroup=groups[french]) for name, label, french in (*known, *old)]


@cache
def timezones(language: str) -> list[tuple[str, str, bool]]:
    """The time zones of places with how this language calls them, and whether in France: these first."""
    locale, kept, found = Locale.parse(language), zoneinfo.available_timezones(), []
    for name, territory in get_global("zone_territories").items():
        if name in kept and territory in locale.territories and territory != "001":
            known = locale.time_zones.get(name, {})
            place = known.get("city") or name.rpartition("/")[2].replace("_", " ")
            country = locale.territories[territory]
            label = place if place == country else f"{place} ({country})"
            found.append((name, label, territory in FRENCH))
    return sorted(found, key=lambda one: (not one[2], one[0] != ZONE, fold(one[1])))
