"""One's words and supports as ActivityStreams 2.0, which other programs read."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from flask import current_app

from core.access import as_system, viewer
from core.db import db
from core.models import Entry, File, Support

CONTEXT, PUBLIC = "https://www.w3.org/ns/activitystreams", "https://www.w3.org/ns/activitystreams#Public"
OUTBOX = "outbox.json"


def outbox(user_id: int) -> Iterator[tuple[str, Any]]:
    """The collection of what this person said and supported, the oldest first."""
    base = current_app.config["PARVIS"].base_url
    actor = f"{base}/people/{viewer().handle}"
    with as_system("people take their own words with them"):
        said = db.session.scalars(
            sa.select(Entry).where(Entry.author_id == user_id, Entry.state != "removed").order_by(Entry.id)
        ).all()
        pictures = defaultdict(list)
        for file in db.session.scalars(
            sa.select(File).where(File.entry_id.in_(sa.select(Entry.id).where(Entry.author_id == user_id)))
        ):
            pictures[file.entry_id].append(file)
        supports = db.session.execute(
            sa.select(Support.entry_id, Support.created_at).where(Support.user_id == user_id)
        ).all()
        items = [_create(base, actor, entry, pictures[entry.id]) for entry in said]
    items += [
        {
            "type": "Like",
            "id": f"{base}/posts/{row.entry_id}#support-{user_id}",
            "actor": actor,
            "object": f"{base}/posts/{row.entry_id}",
            "published": row.created_at,
        }
        for row in supports
    ]
    items.sort(key=lambda item: item["published"])
    yield (
        OUTBOX,
        {
            "@context": CONTEXT,
            "type": "OrderedCollection",
            "id": OUTBOX,
            "attributedTo": actor,
            "totalItems": len(items),
            "orderedItems": items,
        },
    )


def member_of(file_id: int, name: str) -> str:
    """The name in the archive of a stored file: one that no program can take for another folder."""
    return f"files/{file_id}-{re.sub(r'[^A-Za-z0-9._-]+', '_', name)[-80:].lstrip('.')}"


def _create(base: str, actor: str, entry: Entry, pictures: list[File]) -> dict[str, Any]:
    address, at = f"{base}/posts/{entry.id}", entry.published_at or entry.created_at
    to = [PUBLIC] if entry.state == "published" and not entry.team_only else []
    note: dict[str, Any] = {
        "type": "Note",
        "id": address,
        "url": address,
        "attributedTo": actor,
        "content": entry.html,
        "source": {"content": entry.body, "mediaType": "text/markdown"},
        "published": at,
        "to": to,
    }
    if entry.title:
        note["name"] = entry.title
    if entry.edited_at:
        note["updated"] = entry.edited_at
    if entry.parent_id:
        note["inReplyTo"] = f"{base}/posts/{entry.parent_id}"
    if pictures:
        note["attachment"] = [
            {"type": "Image", "mediaType": one.type, "name": one.alt, "url": member_of(one.id, one.name)}
            for one in pictures
        ]
    return {
        "type": "Create",
        "id": f"{address}#create",
        "actor": actor,
        "published": at,
        "to": to,
        "object": note,
    }
