"""The forms of the agency's pages."""

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf.file import FileField
from wtforms import (  # type: ignore[attr-defined]
    BooleanField,
    ColorField,
    EmailField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Email, InputRequired, Length, Optional, ValidationError

from core.access import viewer
from core.colours import contrast
from core.forms import Form
from core.i18n import number
from core.models import MANDATES, ROLES

from . import colours

DEPTH = "\N{NO-BREAK SPACE}" * 4
LANGUAGES = (SelectChoice("fr", "Français"), SelectChoice("en", "English"))
TEXT = 40_000


def _readable_on(page: str) -> Any:
    def check(_form: Any, field: Any) -> None:
        if not colours.valid(field.data or ""):
            raise ValidationError(gettext("Choose a colour such as #1d5e63."))
        if not colours.readable(field.data, page):
            field.nearest = colours.nearest(field.data, page)
            raise ValidationError(
                gettext(
                    "%(field)s: it is hard to read. Its contrast is %(ratio)s, and %(least)s is needed. "
                    "The nearest colour that works is %(colour)s.",
                    field=field.label.text,
                    ratio=number(round(contrast(field.data, page), 1)),
                    least=f"{colours.ON_PAGE:.0f}",
                    colour=field.nearest,
                )
            )

    return check


def indented(area: Any) -> str:
    """An area's name in a list of choices, further in than what it lies in."""
    return f"{DEPTH * (area.path.count('/') - 2)}{area.name}"


class TownForm(Form):
    """The town's name, looks and texts."""

    name = StringField(_("Name of the town"), [InputRequired(_("Write the town’s name.")), Length(max=80)])
    contact = EmailField(
        _("Contact address"),
        [Optional(), Email(_("Write a complete address, for example town@example.org.")), Length(max=254)],
    )
    officer = StringField(_("Data protection officer"), [Length(max=200)])
    language = SelectField(_("Language of the town’s texts"), choices=LANGUAGES)
    colour = ColorField(_("Colour"), [_readable_on(colours.LIGHT_PAGE)])
    colour_dark = ColorField(_("Colour on dark screens"), [_readable_on(colours.DARK_CARD)])
    second_factor = BooleanField(_("Ask officials and staff for a second factor"))
    logo = FileField(_("Logo"))
    no_logo = BooleanField(_("Remove the logo"))
    home = TextAreaField(_("Text of the home page"), [Length(max=TEXT)])
    legal = TextAreaField(_("Legal notice"), [Length(max=TEXT)])
    accessibility = TextAreaField(_("Accessibility statement"), [Length(max=TEXT)])

    def validate_second_factor(self, field: Any) -> None:
        if field.data and not viewer().factor:
            raise ValidationError(
                gettext("First set up your own second factor, in your settings: nobody is to be locked out.")
            )


class PersonForm(Form):
    """A person's role, and an elected official's mandate."""

    role = RadioField(_("Role"))
    mandate = SelectField(_("Mandate"))
    list_name = StringField(_("Electoral list"), [Length(max=80)])
    portfolio = StringField(_("Portfolio"), [Length(max=120)])
    area_id = SelectField(_("Area"), coerce=int)

    def __init__(self, areas: list[tuple[int, str]], **kw: Any) -> None:
        super().__init__(**kw)
        self.role.choices = [SelectChoice(role, role_title(role)) for role in ROLES]
        self.mandate.choices = [SelectChoice("", "—")]
        self.mandate.choices += [SelectChoice(mandate, mandate_title(mandate)) for mandate in MANDATES]
        self.area_id.choices = [SelectChoice(0, gettext("The whole town"))]
        self.area_id.choices += [SelectChoice(area_id, name) for area_id, name in areas]

    def validate_mandate(self, field: Any) -> None:
        if field.data and self.role.data != "official":
            raise ValidationError(gettext("Only an elected official has a mandate."))


def role_title(role: str) -> str:
    """A portal role in the reader's language."""
    titles: dict[str, str] = {
        "visitor": gettext("visitor"),
        "resident": gettext("resident"),
        "official": gettext("elected official"),
        "agent": gettext("agent of the agency"),
        "administrator": gettext("administrator"),
        "signed_in": gettext("anybody signed in"),
        "anyone": gettext("everybody"),
    }
    return titles.get(role, role)


def mandate_title(mandate: str) -> str:
    """A mandate in the reader's language."""
    titles: dict[str, str] = {
        "mayor": gettext("mayor"),
        "deputy_mayor": gettext("deputy mayor"),
        "delegated_councillor": gettext("delegated councillor"),
        "councillor": gettext("councillor"),
    }
    return titles.get(mandate, mandate)
