"""The manifest and the hooks of neighbourhood visits: read this first."""

from core import api
from core.api import lazy_gettext as _

plugin = api.Plugin(
    name="neighbourhood_visits",
    title=_("Neighbourhood visits"),
    summary=_("Residents ask before elected officials walk through a neighbourhood, and read the answers."),
    version="0.1.0",
    table_prefix="visits",
    paths=("/visits",),
)
