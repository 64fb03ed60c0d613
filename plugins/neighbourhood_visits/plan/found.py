"""What the search finds of the area of a visit, for its dossier; what is taken out later leaves it too."""

from typing import Any

import sqlalchemy as sa
from flask_babel import force_locale

from core import api
from core.api import gettext as _

from .. import show, teams

MOST = 10


def found(space: api.Space) -> list[dict[str, Any]]:
    """What everybody can find that names a visit's area or is said in a space of it, the newest first."""
    area = api.db.session.get(api.Area, space.area_id) if space.area_id else None
    team = [one for role in ("coordinator", "official", "agent") for one in teams.team_ids(space.id, role)]
    if area is None or not team:
        return []
    try:
        with api.as_viewer(team[0]):  # the system itself finds nothing
            ids = [hit.entry_id for hit in api.search(f'"{area.name}"', newest=True).hits if hit.entry_id]
    except api.Refused:
        ids = []
    within = sa.select(api.Area.id).where(api.Area.path.startswith(area.path))
    there = sa.and_(
        api.Space.area_id.in_(within), api.Space.kind != "visits.visit", api.Entry.parent_id.is_(None)
    )
    rows = (
        sa.select(api.Entry.id, api.Entry.title, api.Entry.body, api.Entry.published_at)
        .join(api.Space, api.Space.id == api.Entry.space_id)
        .where(sa.or_(api.Entry.id.in_(ids), there), api.Entry.state == "published", ~api.Entry.team_only)
        .where(api.Space.visibility == "public", api.Space.id != space.id)
        .order_by(api.Entry.published_at.desc(), api.Entry.id.desc())
        .limit(MOST)
    )
    return [
        {
            "post": row.id,
            "title": show.glance(row.title or row.body, 160),
            "when": show.date(row.published_at),
        }
        for row in api.db.session.execute(rows)
    ]


def leave_out(said: dict[str, Any], lang: str, posts: set[int]) -> None:
    """Let what a dossier says, in this language, hold no words of these posts any more."""
    with force_locale(lang):
        gone = _("A post that was taken out since")
    for one in said.get("found", ()):
        if one.get("post") in posts:
            one["title"] = gone
