"""What notices say to whoever reads them, on the page and by mail."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from core import access, registry
from core.db import table_of
from core.i18n import day
from core.models import Entry, Notice, Space, User
from core.notices import reads
from core.text import excerpt

from ..spaces.forms import last_day

_notice, _entry, _space, _user = table_of(Notice), table_of(Entry), table_of(Space), table_of(User)
_root = _entry.alias("root")


# One's notices with what they are about, to be narrowed, ordered and bounded; made once, for all viewers.
TOLD: Any = (
    sa.select(
        *(_notice.c[name] for name in ("id", "type", "way", "once", "entry_id", "created_at", "read_at")),
        reads.thread.label("thread_id"),
        *(_entry.c[name] for name in ("html", "lang", "byline", "team_only", "parent_id")),
        _root.c.title,
        _root.c.html.label("root_html"),
        _space.c.id.label("space_id"),
        _space.c.name.label("space"),
        _space.c.kind.label("space_kind"),
        _user.c.name.label("actor"),
    )
    .select_from(_notice)
    .outerjoin(_entry, _entry.c.id == _notice.c.entry_id)
    .outerjoin(_root, _root.c.id == reads.thread)
    .outerjoin(_space, _space.c.id == sa.func.coalesce(_notice.c.space_id, _entry.c.space_id))
    .outerjoin(_user, _user.c.id == _notice.c.actor_id)
    .where(access.owned(_notice.c.user_id), reads.visible(access.VIEWER_ID))
    .execution_options(guarded=True)
)


def title(row: Any) -> str:
    """What the thread of a notice is called: its title, its first words, else its space."""
    return row.title or (excerpt(row.root_html, 60) if row.root_html else "") or row.space or ""


def sentence(row: Any) -> str:
    """What happened, in the language spoken now."""
    kind = registry.current().declared("notice_types", row.type)[1]
    actor = row.actor or row.byline or _("Somebody")
    result, _colon, rest = row.once.partition(":")
    values = {"actor": actor, "title": title(row), "space": row.space or ""}
    if result == "until":
        ends = dt.datetime.fromtimestamp(int(rest.partition(":")[0]), dt.UTC)
        values["until"] = day(last_day(ends))
    return str(kind.texts.get(result, kind.text)) % values


def page(row: Any) -> str:
    """The page of its own that a kind of notice leads to; empty where it leads to what it is about."""
    own: str = registry.current().declared("notice_types", row.type)[1].url
    return own.replace("%(space_id)s", str(row.space_id or ""))


def detail(row: Any) -> str:
    """What the kind of a notice adds to its message; nothing where the plugin fails."""
    owner, kind = registry.current().declared("notice_types", row.type)
    place, about = f"detail of {row.type}", row.entry_id if row.entry_id is not None else row.once
    tell = kind.detail
    return str((tell and registry.current().attempt(owner.name, place, lambda: tell(about), "")) or "")
