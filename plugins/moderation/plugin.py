"""The manifest and the hooks of moderation: read this first."""

import datetime as dt

from core import api
from core.api import lazy_gettext as _

from . import actions, figures, gates, queue
from .forms import SettingsForm
from .views import blueprint, settings_url

TEAM, STAFF = frozenset({"team"}), frozenset({"agent", "administrator"})

plugin = api.Plugin(
    name="moderation",
    title=_("Moderation"),
    summary=_("One queue for reports, for what is held back, and for the answers of authors."),
    version="0.3.0",
    table_prefix="moderation",
    paths=("/moderation",),
    protects=True,
    blueprints=(blueprint,),
    permissions=(
        api.Permission("moderation.decide", _("Decide what is reported or held back"), STAFF, TEAM),
        api.Permission("moderation.hold", _("Look at everything before it is published"), STAFF, TEAM),
    ),
    tabs=(api.Tab(_("Moderation"), settings_url, permission="moderation.hold", weight=90),),
    settings_form=SettingsForm,
    defaults=gates.DEFAULTS,
    acts={
        "moderation.checked": _(
            "%(actor)s has changed whether posts in %(about)s are checked before publication"
        )
    },
    jobs=(
        api.Job(actions.REMOVE, _("Remove for good"), actions.remove),
        api.Job(
            "moderation.count", _("Count decisions"), figures.count, every=dt.timedelta(hours=1), seconds=120
        ),
    ),
)


@api.hookimpl
def check_entry(draft: api.Draft) -> api.Hold | api.Ask | api.Refuse | None:
    """What is too much at once is refused or held; personal details are asked about."""
    return gates.check(draft)


@api.hookimpl
def panels(place: str) -> list[api.Panel]:
    """For staff: on the home page what waits, and on the agency's page always the way to the queue."""
    return queue.panels(place)
