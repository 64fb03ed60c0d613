"""The forms of workshops, and of the plugin's settings."""

from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    EmailField,
    IntegerField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange

from core.api import Form, an_address
from core.api import lazy_gettext as _


class WorkshopForm(Form):
    """A new workshop."""

    name = StringField(_("Name"), [InputRequired(_("Give the workshop a name.")), Length(max=120)])
    room = StringField(_("Room"), [Length(max=80)])
    visibility = SelectField(
        _("Who may read it"),
        choices=[
            SelectChoice("public", _("Everybody")),
            SelectChoice("portal", _("Whoever is signed in")),
            SelectChoice("members", _("Members")),
            SelectChoice("hidden", _("Members, and nobody else knows of it")),
        ],
    )


class IdeaForm(Form):
    """A new idea."""

    title = StringField(_("Title"), [InputRequired(_("Give your idea a title.")), Length(max=200)])
    body = TextAreaField(_("Your idea"), [InputRequired(_("Write your idea.")), Length(max=10_000)])
    place = StringField(_("Place"), [Length(max=120)])
    team_only = BooleanField(_("Only the team may read it"))
    picture = FileField(_("Picture"))
    alt = StringField(_("What does the picture show?"), [Length(max=300)])


class GuestIdeaForm(Form):
    """An idea of somebody without an account."""

    email = EmailField(_("Your e-mail address"), [InputRequired(_("Write your address.")), an_address])
    body = TextAreaField(_("Your idea"), [InputRequired(_("Write your idea.")), Length(max=10_000)])


class NoteForm(Form):
    """Some words."""

    text = StringField(_("Text"), [InputRequired(_("Write something.")), Length(max=200)])


class SettingsForm(Form):
    """What staff decide about workshops."""

    greeting = StringField(_("Greeting"), [Length(max=80)], description=_("Shown on top of the workshops."))
    most = IntegerField(_("Workshops on a page"), [InputRequired(), NumberRange(1, 50)])
