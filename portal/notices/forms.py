"""The form in which one chooses how notices come."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask_babel import format_time, get_locale, gettext
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from core.forms import Form
from core.plugin import NoticeType

WAYS = (
    ("at_once", _("By e-mail at once")),
    ("daily", _("By e-mail once a day")),
    ("weekly", _("By e-mail on chosen days")),
    ("page", _("On the portal only")),
    ("none", _("Not at all")),
)


class NoticesForm(Form):
    """When digests come, and whether mail is paused; `of` adds a choice for each kind and space."""

    hour = SelectField(_("Hour"), coerce=int)
    days = SelectMultipleField(
        _("Days"), coerce=int, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    paused = BooleanField(_("Pause all notification mail"))

    def validate_days(self, field: Any) -> None:
        if not field.data and any(choice.data == "weekly" for choice in self.kinds() + self.spaces()):
            raise ValidationError(gettext("Choose at least one day."))

    def kinds(self) -> list[Any]:
        """The choices of kinds."""
        return [field for field in self if field.name.startswith("kind-")]

    def spread(self, groups: Iterable[tuple[Any, list[NoticeType]]]) -> None:
        """Let what was chosen anew for a whole group be the choice of each of its kinds."""
        for number, (_title, kinds) in enumerate(groups):
            whole = self[f"group-{number}"]
            if whole.data and whole.data != whole.object_data:
                for kind in kinds:
                    self[f"kind-{kind.name}"].data = whole.data

    def spaces(self) -> list[Any]:
        """The choices of spaces."""
        return [field for field in self if field.name.startswith("space-")]


def of(
    groups: Sequence[tuple[Any, list[NoticeType]]],
    spaces: Iterable[Any],
    chosen: Mapping[Any, str],
    **times: Any,
) -> NoticesForm:
    """A form with a choice for each kind of notice, each group of them and each space, as they are now."""
    types = [kind for _title, kinds in groups for kind in kinds]
    as_above = SelectChoice("", gettext("As chosen above"))
    ways = [SelectChoice(way, str(label)) for way, label in WAYS]
    fields: dict[str, Any] = {
        f"kind-{kind.name}": SelectField(str(kind.title), choices=ways) for kind in types
    }
    fields |= {f"space-{space.id}": SelectField(space.name, choices=[as_above, *ways]) for space in spaces}
    given = {f"kind-{kind.name}": chosen.get(kind.name, kind.default) for kind in types}
    each = SelectChoice("", gettext("Different for each"))
    for number, (title, kinds) in enumerate(groups):
        held = {given[f"kind-{kind.name}"] for kind in kinds}
        fields[f"group-{number}"] = SelectField(title, choices=[each, *ways] if len(held) > 1 else ways)
        given[f"group-{number}"] = held.pop() if len(held) == 1 else ""
    given |= {f"space-{space.id}": chosen.get(space.id, "") for space in spaces}
    form: Any = type("Form", (NoticesForm,), fields)(data={**given, **times})
    form.hour.choices = [
        SelectChoice(hour, format_time(dt.time(hour), "short", rebase=False)) for hour in range(24)
    ]
    names = get_locale().days["format"]["wide"]
    form.days.choices = [SelectChoice(day, names[day].capitalize()) for day in range(7)]
    return form  # type: ignore[no-any-return]
