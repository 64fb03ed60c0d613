"""The form by which a visit and its team are planned and changed."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from wtforms import (
    DateField,
    SelectField,
    StringField,
    TextAreaField,
    TimeField,
)
from wtforms.validators import (
    InputRequired,
    ValidationError,
)

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from . import teams
from .actions import Plan
from .forms import OverForm, at_most, needed, people, people_near
from .models import Visit


class VisitForm(OverForm):
    """A visit: what, where, when, and who is on its team."""

    follows = False  # whether the last day to ask moves along with the date
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
    coordinators = people(lazy_gettext("Who coordinates it"))
    officials = people(lazy_gettext("Elected officials who come"))
    agents = people(lazy_gettext("Agents who prepare"))
    scribes = people(lazy_gettext("Scribes who take notes on the way"))

    @classmethod
    def offered(cls, visit: Visit | None = None, space: Any = None) -> "VisitForm":
        """The form with the areas and people that the viewer may choose, filled with the visit if any."""
        person: Any = api.viewer()
        own = [person.id] if person.role != "official" else []
        form = cls(data=_said(visit, space) if visit else {"coordinators": own})
        form.area.choices = _areas()
        form.officials.choices = people_near("official")
        form.follows = visit is not None and visit.questions_close_at > api.now()
        if visit and visit.state == "postponed":  # its day is told where the new one is announced
            del form.date, form.starts, form.ends, form.closes
        form.agents.choices = form.scribes.choices = people_near("agent")
        known = dict(form.agents.choices)
        also = teams.names(
            {*own, *(teams.team_ids(visit.space_id, "coordinator") if visit else ())} - {*known}
        )
        form.coordinators.choices = [*form.agents.choices, *also.items()]
        return form

    def validate_starts(self, field: Any) -> None:
        """A visit begins at an hour that its day has: one is left out where the clocks go forward."""
        if self.date.data and field.data:
            moment = _moment(self.date.data, field.data).astimezone(dt.UTC).astimezone(api.town_zone())
            if moment.time() != field.data:
                raise ValidationError(_("The clocks go forward that night: there is no such hour."))

    def validate_ends(self, field: Any) -> None:
        """A visit ends after it begins, at an hour that its day has as well."""
        self.validate_starts(field)
        if self.starts.data and field.data and field.data <= self.starts.data:
            raise ValidationError(_("It must end after it begins."))

    def last_day(self) -> Any:
        """The last day to ask: it moves along with the date, unless it is changed itself."""
        day, date = self.closes.data, self.date
        moves = self.follows and date.data and day == self.closes.object_data
        return day + (date.data - date.object_data) if moves else day

    def validate_closes(self, field: Any) -> None:
        """Questions close on the day of the visit at the latest; while they are open, not in the past."""
        if not self.date.data or not field.data:
            return
        if self.last_day() > self.date.data:
            raise ValidationError(_("The last day to ask can’t be after the visit."))
        if self.follows and self.last_day() < _today():
            day = api.day(self.last_day(), weekday=True)
            passed = _("The last day to ask would be %(date)s, which has passed: give another one.", date=day)
            raise ValidationError(passed)

    def validate_date(self, field: Any) -> None:
        """A visit is not planned for the past."""
        if field.data and field.data < _today() and field.object_data != field.data:
            raise ValidationError(_("This date has passed."))

    def details(self) -> dict[str, Any]:
        """When and where the visit takes place, as far as it is asked; moments in the town's time zone."""
        said: Any = {field.short_name: field.data for field in self}
        words = ("meeting_point", "access_notes", "other_ways")
        found = {name: said[name] or "" for name in words if name in said}
        if "date" in said:
            starts_at = _moment(said["date"], said["starts"])
            closes_at = _moment(self.last_day() + dt.timedelta(days=1), dt.time())
            found |= {"starts_at": starts_at, "ends_at": _moment(said["date"], said["ends"])}
            found["questions_close_at"] = min(closes_at, starts_at)
        return found

    def plan(self) -> Plan:
        """What was filled in."""
        said: Any = {field.short_name: field.data for field in self}
        return Plan(
            name=said["name"],
            summary=api.one_line(said["summary"] or ""),
            area_id=said["area"] or None,
            details=self.details(),
            officials=said["officials"],
            agents=said["agents"],
            scribes=said["scribes"],
            coordinators=said["coordinators"],
        )


class NewDateForm(VisitForm):
    """When and where a visit that was postponed takes place instead."""

    name = summary = area = access_notes = other_ways = None  # type: ignore[assignment]
    coordinators = officials = agents = scribes = None

    @classmethod
    def of(cls, visit: Visit, space: Any) -> "NewDateForm":
        """The form with the date that was postponed."""
        form = cls(data=_said(visit, space))
        form.follows = True
        return form

    def validate_date(self, field: Any) -> None:
        """The new date is to come, and another one."""
        super().validate_date(field)
        if field.data and (field.data, self.starts.data) == (field.object_data, self.starts.object_data):
            raise ValidationError(_("This is the date that was postponed: give the new one."))


def _today() -> dt.date:
    return dt.datetime.now(api.town_zone()).date()


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
        "coordinators": teams.team_ids(visit.space_id, "coordinator"),
        "officials": teams.team_ids(visit.space_id, "official"),
        "agents": teams.team_ids(visit.space_id, "agent"),
        "scribes": teams.team_ids(visit.space_id, "scribe"),
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
