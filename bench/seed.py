"""A large town in a data folder: people, spaces, memberships, follows, posts and replies, by bulk inserts."""

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core import create_app, migrate, registry, settings
from core.access import as_system
from core.accounts import actions as accounts
from core.config import Config
from core.db import db, now, write
from core.models import Entry, Follow, Membership, Space, User

EMAIL, PASSWORD = "reader@bench.example", "a-long-bench-passphrase"
PEOPLE, SPACES = 1_000, 200
CHUNK = 5_000
RARE = 1_000
WORDS = ["square", "market", "school", "bridge", "garden", "lamp", "street", "library", "river", "tram"]


def town(folder: Path, entries: int, name: str) -> Config:
    """Make a town of this name with so many entries in an empty folder; answers its settings."""
    config = Config(data=folder, url="http://localhost")
    app = create_app(config)
    chance = random.Random(1)
    with app.app_context(), as_system("seed the bench"):
        migrate.upgrade(db.engine, registry.current().modules)
        for plugin in registry.current().modules:
            registry.current().switch(plugin, True)
        with write() as session:
            settings.save(settings.TOWN, {"name": name})
            settings.save("moderation", {"young_most": 10**6, "most_per_hour": 10**6})  # all are new here
            accounts.create_user(EMAIL, "Reader", password=PASSWORD)
            for rows in (list(people()), list(spaces())):
                session.execute(sa.insert(rows[0][0]), [values for _, values in rows])
            session.execute(sa.insert(Membership), list(memberships(chance)))
            session.execute(sa.insert(Follow), [{"user_id": 1, "space_id": n} for n in range(1, 21)])
        for first in range(1, entries + 1, CHUNK):
            rows = [
                entry(number, entries, chance) for number in range(first, min(first + CHUNK, entries + 1))
            ]
            with write() as session:
                session.execute(sa.insert(Entry), rows)
        with write() as session:
            session.execute(sa.text("ANALYZE"))
        db.session.remove()
        db.engine.dispose()
    return config


def people() -> Iterator[tuple[Any, dict[str, Any]]]:
    """Everybody beside the reader, who is the first."""
    for number in range(2, PEOPLE + 1):
        yield User, {"handle": f"person-{number}", "name": f"Person {number}", "folded": f"person {number}"}


def spaces() -> Iterator[tuple[Any, dict[str, Any]]]:
    """Spaces: most of them public, some for members."""
    for number in range(1, SPACES + 1):
        visibility = "members" if number % 10 == 0 else "public"
        yield Space, {"name": f"Space {number}", "visibility": visibility, "summary": "A place to talk."}


def memberships(chance: random.Random) -> Iterator[dict[str, Any]]:
    """Everybody belongs to some spaces; the reader to ten."""
    for person in range(1, PEOPLE + 1):
        for space in chance.sample(range(1, SPACES + 1), 10):
            yield {"space_id": space, "user_id": person, "role": "member", "source": "core", "team": False}


def rare(number: int) -> str:
    """One of a thousand words, each of which stands in as many entries as the others."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{number % RARE:03}") + "ville"


def entry(number: int, entries: int, chance: random.Random) -> dict[str, Any]:
    """A post, or for each fifth a reply to an earlier one, in the order in which they were said."""
    at = now() - dt.timedelta(minutes=entries - number + 1)
    body = " ".join([*chance.choices(WORDS, k=40), rare(number)])
    reply = number % 5 == 0
    space = (number - number % 5 if not reply else number - 5) // 5 % SPACES + 1
    return {
        "id": number,
        "space_id": space,
        "parent_id": number - 4 if reply else None,
        "kind": "core.reply" if reply else "core.post",
        "author_id": chance.randint(1, PEOPLE),
        "title": "" if reply else " ".join(chance.choices(WORDS, k=5)).capitalize(),
        "body": body,
        "html": f"<p>{body}</p>",
        "in_feed": not reply,
        "published_at": at,
        "active_at": at,
        "created_at": at,
        "reply_count": 0 if reply else number % 5 == 1,
        "support_count": chance.randint(0, 9),
    }
