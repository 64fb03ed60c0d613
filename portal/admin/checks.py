"""The checks of `/healthz` in words for people."""

from types import SimpleNamespace
from typing import Any

from flask_babel import gettext as _

from core import registry

from ..contributions import text_of


def owner(name: str) -> Any:
    """The title of a plugin, or of the portal itself."""
    plugins = registry.current()
    plugin = {"core": plugins.core, **plugins.installed}.get(name)
    return text_of(name, plugin.title, name) if plugin else name


def described(check: Any) -> SimpleNamespace:
    """A check with a name for people; one of the core that failed, with what that means."""
    own = {
        "database": (_("Database"), _("It does not answer.")),
        "migrations": (_("Tables"), _("They are of an older version: run “parvis upgrade” on the server.")),
        "sqlite": (_("SQLite library"), ""),
        "disk": (_("Disk space"), _("There is little left.")),
        "files": (_("Data folder"), _("Nothing can be written there.")),
        "secret": (
            _("Secret key"),
            _("Others on the server could read it, or the data folder: take that right from them."),
        ),
        "worker": (_("Background work"), _("Nothing was heard of it lately.")),
        "mail": (_("Outgoing mail"), _("Messages wait for more than an hour.")),
        "plugins": (_("Plugins"), _("One that is on can’t be loaded.")),
    }
    if check.name in own:
        title, trouble = own[check.name]
        return SimpleNamespace(title=title, ok=check.ok, trouble=trouble, detail=check.detail, own=False)
    plugin, _dot, name = check.name.partition(".")
    return SimpleNamespace(
        title=owner(plugin), ok=check.ok, trouble="", detail=check.detail or name, own=True
    )
