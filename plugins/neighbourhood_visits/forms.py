"""What forms share, and the forms of asking, promising and taking files in."""

import datetime as dt
import secrets
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from wtforms import (
    DateField,
    EmailField,
    FileField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TelField,
    TextAreaField,
)
from wtforms.validators import (
    DataRequired,
    InputRequired,
    Length,
    NumberRange,
    Optional,
    ValidationError,
)
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from . import labels, seen, show, teams


def needed(message: Any) -> DataRequired:
    """The field must hold more than white space; says so in these words."""
    return DataRequired(message)


def at_most(length: int) -> Length:
    """The text has at most so many characters."""
    return Length(max=length, message=api.lazy_gettext("Please write at most %(max)d characters."))


def ask_again(form: Any, doubt: api.AskAuthor) -> None:
    """Show what is asked about the words of a form, which are taken as they are when it is sent again."""
    form.form_errors += [str(doubt), _("If they may be public, send your text again as it is.")]
    form.confirmed.data = "yes"


def degrees(latitude: str | None, longitude: str | None) -> tuple[float, float] | None:
    """A place of two texts in degrees; None where they say none, or nowhere on earth."""
    try:
        north, east = float(latitude or ""), float(longitude or "")
    except ValueError:
        return None
    return (north, east) if -90 <= north <= 90 and -180 <= east <= 180 else None


def people(label: Any) -> Any:
    """Check boxes of people."""
    return SelectMultipleField(
        label, coerce=int, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )


def people_near(role: str, mandates: Collection[str] = ()) -> list[tuple[int, str]]:
    """People of a role, and of these mandates if any, whose area and the viewer's lie in one another."""
    reach = api.viewer().reach
    rows = (
        sa.select(api.User, api.Area.path)
        .outerjoin(api.Area, api.Area.id == api.User.area_id)
        .where(api.User.role == role, api.User.closed_at.is_(None))
        .order_by(api.User.name)
    )
    rows = rows.where(api.User.mandate.in_(mandates)) if mandates else rows
    near = [
        user
        for user, path in api.db.session.execute(rows)
        if (path or "").startswith(reach) or reach.startswith(path or "")
    ]
    near.sort(key=lambda user: user.mandate not in teams.EXECUTIVE)
    return [(user.id, ", ".join(filter(None, (user.name, show.mandate(user))))) for user in near]


class VersionField(IntegerField):
    """The version that somebody saw; who sends none has seen none."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take what was sent, never what stands."""
        self.data = 0
        super().process_formdata(valuelist)


class MarkField(HiddenField):
    """The mark of what somebody read; who sends none has read nothing."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take what was sent, never what stands."""
        self.data = valuelist[0] if valuelist else ""


class OverForm(api.Form):
    """What is written over something that others may change too, of which its writer saw a version."""

    version = VersionField(widget=HiddenInput(), default=0, validators=[Optional()])

    def over(self, version: int) -> None:
        """From now on the writer has seen this version."""
        self.version.raw_data, self.version.data = None, version


class OverMarkForm(api.Form):
    """What is written over what others may change too, of which its writer saw what this mark says."""

    read = MarkField()

    def over(self, stands: Any) -> None:
        """From now on the writer has seen what stands."""
        self.read.data = seen.mark(stands)


class AskForm(api.Form):
    """A question before a visit."""

    key = HiddenField(default=lambda: secrets.token_urlsafe(16), validators=[Length(max=64)])
    title = TextAreaField(
        lazy_gettext("Your question"),
        filters=[api.one_line],
        validators=[needed(lazy_gettext("Write your question.")), at_most(200)],
    )
    place = StringField(lazy_gettext("Where is it?"), validators=[at_most(200)])
    theme = SelectField(lazy_gettext("Theme"), default="")
    body = TextAreaField(lazy_gettext("Say more"), validators=[at_most(5000)])
    confirmed = HiddenField()
    seen = HiddenField()  # what was asked alike
    contact = TelField(lazy_gettext("Telephone"), validators=[at_most(120)])
    shown = RadioField(lazy_gettext("Shown as asked by"), default="name")
    latitude = HiddenField()
    longitude = HiddenField()

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.theme.choices = [("", _("Choose")), *labels.themes()]
        self.shown.choices = [("name", _("My name")), ("alias", _("A resident: only the team sees my name"))]

    def said(self) -> dict[str, Any]:
        """What was filled in, as `actions.ask` takes it."""
        names = ("title", "body", "theme", "place", "contact", "key")
        said = {name: self[name].data or "" for name in names}
        return {**said, "alias": self.shown.data == "alias", "pin": self.pin()}

    def pin(self) -> tuple[float, float] | None:
        """Where the pin was set."""
        return degrees(self.latitude.data, self.longitude.data)


class AskWithoutAccountForm(AskForm):
    """A question of somebody who has not signed in: confirmed by e-mail, or else known by its code."""

    name = StringField(lazy_gettext("Your name"), validators=[api.a_name])
    email = EmailField(lazy_gettext("E-mail"), validators=[Optional(), api.an_address])

    def validate_name(self, field: Any) -> None:
        """Whoever confirms their address has a name."""
        if self.email.data and not field.data:
            raise ValidationError(_("With an e-mail address, your name is needed too."))


class AddressForm(api.Form):
    """To which address the link that confirms a question goes."""

    email = EmailField(
        lazy_gettext("E-mail"),
        validators=[needed(lazy_gettext("Give your e-mail address.")), api.an_address],
    )


class PutOffForm(api.Form):
    """Why a visit is postponed or cancelled."""

    reason = StringField(
        lazy_gettext("The reason, which everybody reads"),
        filters=[api.one_line],
        validators=[needed(lazy_gettext("Write the reason.")), at_most(1000)],
    )


class WithdrawForm(api.Form):
    """Nothing but the wish to withdraw a question."""


class ContestForm(api.Form):
    """Why a question should have been accepted."""

    reason = TextAreaField(
        lazy_gettext("Why"),
        validators=[needed(lazy_gettext("Say why: the team reads it.")), at_most(1000)],
    )


class PromiseForm(api.Form):
    """A commitment: what, by whom, until when."""

    text = StringField(
        lazy_gettext("What is promised"),
        validators=[needed(lazy_gettext("Write what is promised.")), at_most(300)],
    )
    department = SelectField(
        lazy_gettext("Department in charge"),
        coerce=int,
        validators=[NumberRange(min=1, message=lazy_gettext("Choose the department in charge."))],
    )
    due_on = DateField(
        lazy_gettext("Until when"),
        validators=[InputRequired(lazy_gettext("Give the date until which it is done."))],
    )

    @classmethod
    def offered(cls, department: int | None) -> "PromiseForm":
        """The form with the departments of the town; none is in charge unawares but the one that answers."""
        form = cls(department=department)
        named = [(one.id, one.name) for one in teams.departments()]
        form.department.choices = [(0, _("Choose")), *named] if named else []
        return form


class ImportForm(api.Form):
    """A file of questions, and a day for the visits that it makes."""

    file = FileField(lazy_gettext("File"))
    day = DateField(
        lazy_gettext("Day of the visits"),
        validators=[InputRequired(lazy_gettext("Give the day of the visits."))],
    )

    byline = StringField(lazy_gettext("Shown as who asked"), validators=[at_most(80)])

    def validate_file(self, field: Any) -> None:
        """There is a file."""
        if not getattr(field.data, "filename", ""):
            raise ValidationError(_("Choose a file."))

    def validate_day(self, field: Any) -> None:
        """The visits are to come, and not in another age."""
        first = api.town_today()
        if field.data and not first <= field.data <= first + dt.timedelta(days=3650):
            raise ValidationError(_("Choose a date that is to come, within ten years."))
