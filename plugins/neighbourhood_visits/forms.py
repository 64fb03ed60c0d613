"""The forms: planning a visit, asking, deciding on a question, answering it, and the plugin's settings."""

import datetime as dt
import re
import secrets
from typing import Any

import sqlalchemy as sa
from wtforms import (
    BooleanField,
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
    TimeField,
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

from . import reads, show
from .actions import EXECUTIVE, Plan
from .models import Visit
from .states import TRANSITIONS
from .triage import Decision


def needed(message: Any) -> DataRequired:
    """The field must hold more than white space; says so in these words."""
    return DataRequired(message)


def at_most(length: int) -> Length:
    """The text has at most so many characters."""
    return Length(max=length, message=api.lazy_gettext("Please write at most %(max)d characters."))


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


class OverForm(api.Form):
    """What is written over something that others may change too, of which its writer saw a version."""

    version = IntegerField(widget=HiddenInput(), default=0, validators=[Optional()])

    def over(self, version: int) -> None:
        """From now on the writer has seen this version."""
        self.version.raw_data, self.version.data = None, version


class VisitForm(OverForm):
    """A visit: what, where, when, and who is on its team."""

    name = StringField(
        lazy_gettext("Name of the visit"),
        validators=[needed(lazy_gettext("Give the visit a name.")), at_most(120)],
    )
    summary = TextAreaField(lazy_gettext("What is it about?"), validators=[at_most(300)])
    area = SelectField(lazy_gettext("Neighbourhood"), coerce=int)
    date = DateField(
        lazy_gettext("Date"), validators=[InputRequired(lazy_gettext("Give the date of the visit."))]
    )
    starts = TimeField(
        lazy_gettext("Begins at"),
        validators=[InputRequired(lazy_gettext("Give the hour at which it begins."))],
    )
    ends = TimeField(
        lazy_gettext("Ends at"), validators=[InputRequired(lazy_gettext("Give the hour at which it ends."))]
    )
    meeting_point = StringField(
        lazy_gettext("Meeting point"),
        validators=[needed(lazy_gettext("Say where people meet.")), at_most(200)],
    )
    access_notes = TextAreaField(lazy_gettext("Accessibility"), validators=[at_most(1000)])
    closes = DateField(
        lazy_gettext("Last day to ask"), validators=[InputRequired(lazy_gettext("Give the last day to ask."))]
    )
    other_ways = TextAreaField(lazy_gettext("Other ways to ask"), validators=[at_most(1000)])
    officials = people(lazy_gettext("Elected officials who come"))
    agents = people(lazy_gettext("Agents who prepare"))
    scribes = people(lazy_gettext("Scribes who take notes on the way"))

    @classmethod
    def offered(cls, visit: Visit | None = None, space: Any = None) -> "VisitForm":
        """The form with the areas and people that the viewer may choose, filled with the visit if any."""
        form = cls(data=_said(visit, space) if visit else None)
        form.area.choices = _areas()
        form.officials.choices = _people("official")
        form.agents.choices = form.scribes.choices = _people("agent")
        return form

    def validate_ends(self, field: Any) -> None:
        """A visit ends after it begins."""
        if self.starts.data and field.data and field.data <= self.starts.data:
            raise ValidationError(_("It must end after it begins."))

    def validate_closes(self, field: Any) -> None:
        """Questions close on the day of the visit at the latest."""
        if self.date.data and field.data and field.data > self.date.data:
            raise ValidationError(_("The last day to ask can’t be after the visit."))

    def validate_date(self, field: Any) -> None:
        """A visit is not planned for the past."""
        if (
            field.data
            and field.data < dt.datetime.now(api.town_zone()).date()
            and field.object_data != field.data
        ):
            raise ValidationError(_("This date has passed."))

    def plan(self) -> Plan:
        """What was filled in, with moments in the town's time zone."""
        said: Any = {field.short_name: field.data for field in self}
        starts_at = _moment(said["date"], said["starts"])
        closes_at = _moment(said["closes"] + dt.timedelta(days=1), dt.time())
        return Plan(
            name=said["name"],
            summary=api.one_line(said["summary"] or ""),
            area_id=said["area"] or None,
            details={
                "starts_at": starts_at,
                "ends_at": _moment(said["date"], said["ends"]),
                "questions_close_at": min(closes_at, starts_at),
                **{name: said[name] for name in ("meeting_point", "access_notes", "other_ways")},
            },
            officials=said["officials"],
            agents=said["agents"],
            scribes=said["scribes"],
        )


def _moment(day: Any, hour: Any) -> dt.datetime:
    return dt.datetime.combine(day, hour, api.town_zone())


def _said(visit: Visit, space: Any) -> dict[str, Any]:
    starts, ends = (moment.astimezone(api.town_zone()) for moment in (visit.starts_at, visit.ends_at))
    closes = visit.questions_close_at.astimezone(api.town_zone()) - dt.timedelta(seconds=1)
    return {
        "version": space.version,
        "name": space.name,
        "summary": space.summary,
        "area": space.area_id or 0,
        "date": starts.date(),
        "starts": starts.time(),
        "ends": ends.time(),
        "closes": closes.date(),
        "meeting_point": visit.meeting_point,
        "access_notes": visit.access_notes,
        "other_ways": visit.other_ways,
        "officials": reads.team_ids(visit.space_id, "official"),
        "agents": reads.team_ids(visit.space_id, "agent"),
        "scribes": reads.team_ids(visit.space_id, "scribe"),
    }


def _areas() -> list[tuple[int, str]]:
    """The areas that the viewer's rights reach; the whole town only for those whose rights reach it."""
    reach = api.viewer().reach
    areas = api.db.session.scalars(sa.select(api.Area).order_by(api.Area.path)).all()
    names = {area.id: area.name for area in areas}
    within = [area for area in areas if area.path.startswith(reach)]
    labels = [
        (area.id, f"{area.name} ({names[area.parent_id]})" if area.parent_id in names else area.name)
        for area in within
    ]
    return labels if reach else [(0, _("The whole town")), *labels]


def _people(role: str) -> list[tuple[int, str]]:
    """People of a role whose area and the viewer's lie in one another."""
    reach = api.viewer().reach
    rows = (
        sa.select(api.User, api.Area.path)
        .outerjoin(api.Area, api.Area.id == api.User.area_id)
        .where(api.User.role == role, api.User.closed_at.is_(None))
        .order_by(api.User.name)
    )
    near = [
        user
        for user, path in api.db.session.execute(rows)
        if (path or "").startswith(reach) or reach.startswith(path or "")
    ]
    near.sort(key=lambda user: user.mandate not in EXECUTIVE)
    return [(user.id, ", ".join(filter(None, (user.name, show.mandate(user))))) for user in near]


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
    contact = TelField(lazy_gettext("Telephone"), validators=[at_most(120)])
    shown = RadioField(lazy_gettext("Shown as asked by"), default="name")
    latitude = HiddenField()
    longitude = HiddenField()

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.theme.choices = [("", _("Choose")), *reads.themes()]
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
            raise ValidationError(_("Give your name."))


class RejectForm(api.Form):
    """Why a question is not taken up; its author reads it."""

    reason = TextAreaField(
        lazy_gettext("Reason"),
        validators=[needed(lazy_gettext("Write the reason: the author reads it.")), at_most(1000)],
    )
    moves = IntegerField(widget=HiddenInput(), validators=[Optional()])


class DecideForm(api.Form):
    """What is decided on one question or on many."""

    verb = SelectField(lazy_gettext("Decision"))
    reason = StringField(lazy_gettext("Reason, which the author reads"), validators=[at_most(1000)])
    to = StringField(lazy_gettext("Body to which it is forwarded"), validators=[at_most(200)])
    department = SelectField(lazy_gettext("Department"), coerce=int, default=0)
    official = SelectField(lazy_gettext("Elected official"), coerce=int, default=0)
    theme = SelectField(lazy_gettext("Theme"), default="")
    moves = IntegerField(widget=HiddenInput(), validators=[Optional()])

    @classmethod
    def offered(cls, space_id: int, **kw: Any) -> "DecideForm":
        """The form with the departments of the town and the officials of the visit."""
        form = cls(**kw)
        form.verb.choices = [
            ("accept", _("Accept")),
            ("assign", _("Accept and assign")),
            ("reject", _("Don’t accept")),
            ("forward", _("Forward to the body in charge")),
            ("divert", _("Make it a private case")),
            ("group", _("Group")),
            ("ungroup", _("Take out of the group")),
            ("theme", _("Say its theme")),
            ("reconsider", _("Undo: to be read again")),
        ]
        form.department.choices = [(0, _("None")), *((one.id, one.name) for one in reads.departments())]
        officials = ((one.id, one.name) for one in reads.officials_of(space_id))
        form.official.choices = [(0, _("None")), *officials]
        form.theme.choices = [("", _("None")), *reads.themes()]
        return form

    def decision(self) -> Decision:
        """What was filled in; only what goes with the verb counts."""
        verb = self.verb.data
        assigns = verb in ("assign", "divert")
        return Decision(
            verb,
            reason=(self.reason.data or "") if verb in ("reject", "forward") else "",
            to=(self.to.data or "") if verb == "forward" else "",
            department_id=(self.department.data or None) if assigns else None,
            official_id=(self.official.data or None) if assigns else None,
        )


class DepartmentForm(api.Form):
    """A department: how it is called and reached, who is in charge, who works there, when it answers."""

    name = StringField(
        lazy_gettext("Name of the department"),
        validators=[needed(lazy_gettext("Give the department a name.")), at_most(120)],
    )
    mailbox = EmailField(lazy_gettext("Mailbox"), validators=[Optional(), api.an_address])
    official = SelectField(lazy_gettext("Elected official in charge"), coerce=int, default=0)
    days = IntegerField(
        lazy_gettext("Days to answer"),
        default=30,
        validators=[
            InputRequired(lazy_gettext("Give a number of days.")),
            NumberRange(1, 365, lazy_gettext("Give a number from 1 to 365.")),
        ],
    )
    members = people(lazy_gettext("Who works there"))

    @classmethod
    def offered(cls, row: Any = None) -> "DepartmentForm":
        """The form with the people of the town, filled with the department if any."""
        form = cls(data=row and reads.department_said(row))
        form.official.choices = [(0, _("None")), *_people("official")]
        form.members.choices = _people("agent")
        return form

    def said(self) -> dict[str, Any]:
        """What was filled in, by column."""
        return {
            "name": self.name.data,
            "mailbox": self.mailbox.data or "",
            "official_id": self.official.data or None,
            "days_to_answer": self.days.data,
        }


class PromiseForm(api.Form):
    """A commitment: what, by whom, until when."""

    text = StringField(
        lazy_gettext("What is promised"),
        validators=[needed(lazy_gettext("Write what is promised.")), at_most(300)],
    )
    department = SelectField(lazy_gettext("Department in charge"), coerce=int)
    due_on = DateField(
        lazy_gettext("Until when"),
        validators=[InputRequired(lazy_gettext("Give the date until which it is done."))],
    )

    @classmethod
    def offered(cls) -> "PromiseForm":
        """The form with the departments of the town."""
        form = cls()
        form.department.choices = [(one.id, one.name) for one in reads.departments()]
        return form


class ImportForm(api.Form):
    """A file of questions, and a day for the visits that it makes."""

    file = FileField(lazy_gettext("File"))
    day = DateField(
        lazy_gettext("Day of the visits"),
        validators=[InputRequired(lazy_gettext("Give the day of the visits."))],
    )

    def validate_file(self, field: Any) -> None:
        """There is a file."""
        if not getattr(field.data, "filename", ""):
            raise ValidationError(_("Choose a file."))

    def validate_day(self, field: Any) -> None:
        """The visits are to come, and not in another age."""
        today = api.now().astimezone(api.town_zone()).date()
        if field.data and not today <= field.data <= today + dt.timedelta(days=3650):
            raise ValidationError(_("Choose a date that is to come, within ten years."))


class WithdrawForm(api.Form):
    """Nothing but the wish to withdraw a question."""


class ContestForm(api.Form):
    """Why a question should have been accepted."""

    reason = TextAreaField(
        lazy_gettext("Why"),
        validators=[needed(lazy_gettext("Say why: the team reads it.")), at_most(1000)],
    )


class NoteForm(api.Form):
    """A note for the team."""

    note = TextAreaField(lazy_gettext("Note for the team"), validators=[at_most(4000)])


class AnswerForm(OverForm):
    """The text of an answer, over a draft of it."""

    body = TextAreaField(
        lazy_gettext("Answer"), validators=[needed(lazy_gettext("Write the answer.")), at_most(10_000)]
    )
    outcome = SelectField(lazy_gettext("What becomes of it"), default="")

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        outcomes = (one for one in TRANSITIONS if one.thing == "outcome" and one.verb != "commit")
        self.outcome.choices = [("", _("Not said yet")), *((one.verb, str(one.label)) for one in outcomes)]


class DelegateForm(api.Form):
    """Who approves answers in an official's place, and on which days."""

    delegate = SelectField(lazy_gettext("Who approves in your place"), coerce=int)
    begins = DateField(
        lazy_gettext("First day"), validators=[InputRequired(lazy_gettext("Give the first day."))]
    )
    ends = DateField(lazy_gettext("Last day"), validators=[InputRequired(lazy_gettext("Give the last day."))])

    @classmethod
    def offered(cls, row: Any = None) -> "DelegateForm":
        """The form with the other officials near the viewer, filled with the delegate if there is one."""
        form = cls(data=row and {"delegate": row.delegate_id, "begins": row.begins_on, "ends": row.ends_on})
        form.delegate.choices = [one for one in _people("official") if one[0] != api.viewer().id]
        return form

    def validate_ends(self, field: Any) -> None:
        """It ends after it begins, within a year."""
        begins = self.begins.data
        if begins and field.data and not begins <= field.data <= begins + dt.timedelta(days=366):
            raise ValidationError(_("The last day comes after the first, within a year."))


class TemplateForm(api.Form):
    """Words to begin an answer with."""

    title = StringField(
        lazy_gettext("Name of the template"),
        validators=[needed(lazy_gettext("Give the template a name.")), at_most(120)],
    )
    theme = SelectField(lazy_gettext("Theme"), default="")
    body = TextAreaField(
        lazy_gettext("Words of the answer"),
        validators=[needed(lazy_gettext("Write the words of the answer.")), at_most(5000)],
    )

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.theme.choices = [("", _("All themes")), *reads.themes()]


class DepartmentAnswerForm(OverForm):
    """The answer that a department drafts."""

    body = TextAreaField(
        lazy_gettext("Answer"), validators=[needed(lazy_gettext("Write the answer.")), at_most(10_000)]
    )


class SettingsForm(api.Form):
    """What staff decide about neighbourhood visits."""

    days_to_answer = IntegerField(
        lazy_gettext("Days to answer an accepted question"),
        validators=[
            InputRequired(lazy_gettext("Give a number of days.")),
            NumberRange(1, 365, lazy_gettext("Give a number from 1 to 365.")),
        ],
    )
    acknowledgement = TextAreaField(
        lazy_gettext("A sentence for those who have asked a question"), validators=[at_most(500)]
    )
    themes = TextAreaField(
        lazy_gettext("Themes of questions, one a line; none means the usual ones"), validators=[at_most(2000)]
    )
    reasons = TextAreaField(
        lazy_gettext("Reasons not to accept a question, one a line; none means the usual ones"),
        validators=[at_most(4000)],
    )
    bodies = TextAreaField(
        lazy_gettext("Bodies to which questions are forwarded, one a line; none means the usual ones"),
        validators=[at_most(2000)],
    )
    geocoder = SelectField(lazy_gettext("Service that says where an address is"), default="none")
    geocoder_url = StringField(lazy_gettext("Address of that service"), validators=[at_most(200)])
    quiet_from = DateField(
        lazy_gettext("Before an election: no figures and nothing put forward, from"), validators=[Optional()]
    )
    quiet_until = DateField(lazy_gettext("until (this day included)"), validators=[Optional()])
    one_person_approves = BooleanField(
        lazy_gettext("Whoever drafted an answer may approve it too (the report says so)")
    )

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.geocoder.choices = [
            ("none", _("None: people write where it is, or set a pin")),
            ("address_api", _("One that speaks as the French national address API does")),
        ]

    def validate_geocoder_url(self, field: Any) -> None:
        """A service that is chosen has an address, without a key in it."""
        plain = re.fullmatch(r"https?://[^\s/@?#]+(/[^\s@?#]*)?", field.data or "")
        if (field.data or self.geocoder.data != "none") and not plain:
            raise ValidationError(_("Write an address such as https://addresses.example."))

    def validate_quiet_from(self, _field: Any) -> None:
        """Both days are given or none."""
        if self.quiet_until.data is None:
            raise ValidationError(_("Give both days, or none."))

    def validate_quiet_until(self, field: Any) -> None:
        """Both days are given or none, in their order."""
        if self.quiet_from.data is None:
            raise ValidationError(_("Give both days, or none."))
        if field.data < self.quiet_from.data:
            raise ValidationError(_("This day must not be before the first."))
