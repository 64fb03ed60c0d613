"""How long the core keeps what people leave behind."""

from flask_babel import lazy_gettext as _

from core.plugin import Retention

RETENTION = (Retention("core.exports", _("Archives that people asked for of their data"), 7, most=30),)
