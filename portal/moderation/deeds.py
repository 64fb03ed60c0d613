"""The log of acts in sentences: who did what on what, linked where the reader may read it, else unnamed."""

import datetime as dt
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from flask import url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup, escape

from core import registry
from core.db import db
from core.feed.cards import space_url
from core.feed.moderation import ACTS as DECISIONS
from core.feed.moderation import REASONS
from core.i18n import day
from core.models import Area, Audit, Entry, Space, User

from ..admin.forms import TownForm, mandate_title, role_title
from ..spaces.forms import last_day

COMMAND = "command"  # where acts come from that nobody did in a browser
ACTS: Mapping[str, Any] = {
    "entry.hidden": _("%(actor)s has hidden %(about)s"),
    "entry.restored": _("%(actor)s has shown %(about)s again"),
    "entry.removed": _("%(actor)s has removed %(about)s"),
    "entry.locked": _("%(actor)s has closed %(about)s to replies"),
    "entry.unlocked": _("%(actor)s has opened %(about)s to replies again"),
    "case.read": _("%(actor)s has looked at %(about)s as a moderator, outside their own spaces"),
    "case.undone": _("%(actor)s has undone the decision about %(about)s"),
    **dict.fromkeys(
        (f"case.{act}" for act in DECISIONS), _("%(actor)s has decided about %(about)s: “%(decision)s”")
    ),
    "space.role": _("%(actor)s has given %(person)s the role “%(role)s” in %(about)s"),
    "space.refused": _("%(actor)s has refused the request of %(person)s to join %(about)s"),
    "space.expelled": _("%(actor)s has ended the membership of %(person)s in %(about)s"),
    "space.invited": _("%(actor)s has invited somebody to %(about)s, with the role “%(role)s”"),
    "person.role": _("%(actor)s has given %(about)s the role “%(role)s”"),
    "person.link": _("%(actor)s has made a link by which %(about)s signs in"),
    "factor.reset": _("%(actor)s has removed the second factor of %(about)s"),
    "plugin.on": _("%(actor)s has switched the plugin %(about)s on"),
    "plugin.off": _("%(actor)s has switched the plugin %(about)s off"),
    "plugin.settings": _("%(actor)s has changed the settings of the plugin %(about)s"),
    "plugin.purged": _("%(actor)s has deleted everything that the plugin %(about)s kept"),
    "town.changed": _("%(actor)s has changed the town’s settings"),
    "town.retention": _("%(actor)s has changed how long things are kept"),
    "town.backup": _("%(actor)s has made a backup"),
    "town.restored": _("%(actor)s has put a backup back in place"),
    "area.added": _("%(actor)s has added areas in %(about)s"),
    "area.renamed": _("%(actor)s has renamed the area %(about)s"),
    "area.removed": _("%(actor)s has removed an area"),
}


def told(rows: Iterable[Audit]) -> list[Any]:
    """Each act as a sentence, with what else is known of it."""
    acts = list(rows)
    known = _Known(acts)
    plugins = registry.current()
    texts: dict[str, Any] = {}
    for plugin in (*plugins.installed.values(), plugins.core):
        texts |= plugin.acts
    return [SimpleNamespace(at=act.at, text=_sentence(act, known, texts), more=_more(act)) for act in acts]


def _sentence(act: Audit, known: "_Known", texts: Mapping[str, Any]) -> Markup:
    said = act.details
    kind, number = _split(f"entry/{said['entry']}" if said.get("entry") else act.ref)
    words = {
        "actor": known.actor(act),
        "about": known.thing(kind, number),
        "person": known.thing("user", str(said.get("person", ""))),
        "role": _role(kind, number, said.get("role"), known),
        "decision": DECISIONS.get(act.act.removeprefix("case."), ""),
    }
    if act.act in texts:
        return escape(str(texts[act.act])) % words
    if act.ref:
        text = gettext("%(actor)s has used a right of theirs on %(about)s: %(act)s")
    else:
        text = gettext("%(actor)s has used a right of theirs: %(act)s")
    return escape(text) % {**words, "act": Markup('<code lang="en">{}</code>').format(act.act)}


def _more(act: Audit) -> list[str]:
    """What else the log keeps of an act, in the reader's words."""
    said = act.details
    found = []
    if said.get("reason") in REASONS:
        found.append(gettext("Reason: %(reason)s", reason=REASONS[said["reason"]]))
    if said.get("mandate"):
        found.append(gettext("Mandate: %(mandate)s", mandate=mandate_title(said["mandate"])))
    if said.get("until"):
        found.append(gettext("Until: %(day)s", day=day(last_day(dt.datetime.fromisoformat(said["until"])))))
    elif "until" in said:
        found.append(gettext("Without an end date"))
    if act.act == "town.changed":
        fields = (getattr(TownForm, name, None) for name in said.get("fields", ()))
        found.append(", ".join(str(field.args[0]) for field in fields if field))
    if "added" in said:
        found.append(ngettext("%(num)s area", "%(num)s areas", said["added"]))
    if isinstance(said.get("on"), bool):
        found.append(gettext("From now on: yes") if said["on"] else gettext("From now on: no"))
    found.append(gettext("On the server") if act.origin == COMMAND else act.origin)
    return [text for text in found if text]


def _role(kind: str, number: str, role: Any, known: "_Known") -> str:
    if kind != "space":
        return role_title(str(role or ""))
    kinds = registry.current().kinds()
    space = known.found["space"].get(number)
    offered = [space.kind] if space and space.kind in kinds else ["core.group"]
    for one in registry.current().space_kind(offered[0]).roles:
        if one.name == role:
            return str(one.title)
    return str(role or "")


def _split(ref: str) -> tuple[str, str]:
    kind, _slash, number = ref.partition("/")
    return kind, number


class _Known:
    """What the reader may read of the things that acts are about, read at once."""

    def __init__(self, acts: list[Audit]) -> None:
        wanted: dict[str, set[int]] = {"entry": set(), "space": set(), "user": set(), "area": set()}
        for act in acts:
            said = act.details
            refs = [
                act.ref,
                f"entry/{said.get('entry')}",
                f"user/{said.get('person')}",
                f"user/{act.actor_id}",
            ]
            for kind, number in map(_split, refs):
                if kind in wanted and number.isdecimal():
                    wanted[kind].add(int(number))
        self.found: dict[str, dict[str, Any]] = {}
        models: dict[str, Any] = {"entry": Entry, "space": Space, "user": User, "area": Area}
        for kind, model in models.items():
            rows = sa.select(model).where(model.id.in_(wanted[kind]))
            self.found[kind] = {str(row.id): row for row in db.session.scalars(rows)} if wanted[kind] else {}

    def actor(self, act: Audit) -> Any:
        """Who did it."""
        if act.actor_id is not None:
            return self.thing("user", str(act.actor_id))
        return gettext("The portal") if act.origin == COMMAND else gettext("Somebody without an account")

    def thing(self, kind: str, number: str) -> Any:
        """What an act is about: a link to it, or its kind alone."""
        row = self.found.get(kind, {}).get(number)
        if kind == "entry":
            if row is None or row.state == "removed":
                return gettext("a post")
            title = gettext("“%(title)s”", title=row.title) if row.title else gettext("a post")
            return _link(f"/posts/{number}", title)
        if kind == "space":
            return _link(space_url(row.id, row.kind), row.name) if row else gettext("a space")
        if kind == "user":
            if row is None or row.closed_at is not None:
                return gettext("somebody who has left")
            return _link(f"/people/{row.handle}", row.name)
        if kind == "area":
            return (
                _link(url_for("areas.index_edit", area_id=row.id), row.name) if row else gettext("the town")
            )
        if kind == "plugin":
            plugin = registry.current().installed.get(number)
            return _link(f"/admin/plugins/{number}", plugin.title) if plugin else number
        return gettext("a report") if kind == "case" else gettext("the town")


def _link(url: str, text: Any) -> Markup:
    return Markup('<a href="{}">{}</a>').format(url, text)
