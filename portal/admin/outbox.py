"""What the messages of the outbox are called on the agency's pages."""

from contextlib import suppress

from flask_babel import lazy_gettext as _

from core import registry

TITLES = {
    "core.notice": _("Notifications"),
    "core.invitation": _("Invitation to a space"),
    "core.password_changed": _("The password was changed"),
    "core.second_factor": _("The second factor was changed"),
    "core.export": _("Data ready to download"),
    "core.unused": _("Unused account"),
    "core.refused": _("Mail that could not be taken in"),
    "core.held": _("Replies by mail that are looked at first"),
    "core.attachments": _("Attachments that were left out"),
}


def title(kind: str) -> str:
    """A kind of message in words; its name where what declared it is not installed any more."""
    if kind in TITLES:
        return str(TITLES[kind])
    for sort in ("notice_types", "claims"):
        with suppress(LookupError):
            thing = registry.current().declared(sort, kind)[1]
            return str(getattr(thing, "subject", "") or thing.title)
    return kind
