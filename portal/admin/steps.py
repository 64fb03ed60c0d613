"""The first steps of a new town: each ticks itself from a fact, and nothing is kept of them."""

import datetime as dt
from typing import NamedTuple

import sqlalchemy as sa
from flask import current_app
from flask_babel import gettext as _

from core import access, registry, settings
from core.db import db, now
from core.models import Area, Audit, Space

BACKUP = dt.timedelta(days=31)


class Step(NamedTuple):
    """Something to do once, where it is done, and whether it is."""

    label: str
    hint: str
    url: str
    done: bool


def mail_leaves() -> bool:
    """Whether mail can leave: a mail server is set, or this is the demonstration, which reads its own."""
    config = current_app.config["PARVIS"]
    return bool(config.smtp_host or config.demo)


def steps() -> list[Step]:
    """What an administrator of a new town sees to, in a good order."""
    town, plugins = settings.town(), registry.current()
    on = {name for name in plugins.enabled() if not plugins.installed[name].protects}
    saved = sa.select(Audit.id).where(Audit.at > now() - BACKUP, Audit.act == "town.backup")
    with access.as_system("see which first steps are done"):
        areas, spaces, backup = (
            db.session.scalar(found.limit(1)) is not None
            for found in (sa.select(Area.id), sa.select(Space.id).where(Space.archived_at.is_(None)), saved)
        )
    named = town.name != settings.Town.name and bool(town.contact)
    return [
        Step(_("Mail"), _("PARVIS_SMTP_HOST and its neighbours, on the server"), "", mail_leaves()),
        Step(_("Name and contact"), _("How residents recognise and reach their town"), "/admin/town", named),
        Step(
            _("Legal notice and accessibility statement"),
            _("The starter texts tell what to fill in"),
            "/admin/town#legal",
            bool(town.legal and town.accessibility),
        ),
        Step(_("Areas"), _("Communes and neighbourhoods, by hand or from a file"), "/admin/areas", areas),
        Step(_("Spaces"), _("One to begin with, where everybody may write"), "/spaces", spaces),
        Step(_("Plugins"), _("What the town needs beyond spaces and posts"), "/admin/plugins", bool(on)),
        Step(
            _("Second factor"),
            _("For officials and staff, your own first"),
            "/admin/town#second_factor",
            town.second_factor and access.viewer().factor,
        ),
        Step(_("Backup"), _("The command parvis backup on the server, within the last month"), "", backup),
    ]
