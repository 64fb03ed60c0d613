"""Who reads a row of each model of the core: every kind of viewer, in a members-only space."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import models
from core.access import Viewer, as_system, as_viewer
from core.db import Base, db, now, write
from core.models import Entry, Membership, Space, User

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

pytestmark = pytest.mark.engines

PEOPLE = ("stranger", "member", "expired", "author", "reader", "team", "agent", "administrator")
EVERYBODY = {"visitor", *PEOPLE}
INSIDE = {"member", "author", "reader", "team"}
WITH_THE_TEAM = {"reader", "team"}
TEAM = {"team"}
STAFF = {"agent", "administrator"}
AUTHOR = {"author"}

Readers = dict[str, set[str]]


@pytest.fixture
def people(app: Flask) -> Iterator[dict[str, int | None]]:
    """A members-only space with people in every position, and a row of each model in each audience."""
    with app.app_context():
        with as_system("build the scene"), write() as session:
            users = {name: User(handle=name, name=name, folded=name) for name in PEOPLE}
            space = Space(name="Circle", visibility="members")
            session.add_all([*users.values(), space])
            session.flush()
            ids: dict[str, int | None] = {name: user.id for name, user in users.items()}
            for name in (*sorted(INSIDE), "expired"):
                until = now() - dt.timedelta(minutes=1) if name == "expired" else None
                membership = {"user_id": users[name].id, "team": name == "team", "expires_at": until}
                session.add(Membership(space_id=space.id, **membership))
            session.flush()
            fill(session, space.id, users["author"].id, users["reader"].id)
        yield {"visitor": None, **ids}
        db.session.remove()


def fill(session: Any, space: int, author: int, reader: int) -> None:
    """A row of each model; of those that hang on an entry, one for the members and one for the team."""
    for body, audience in (("for members", {}), ("for the team", {"team_only": True, "reader_id": reader})):
        entry = Entry(space_id=space, author_id=author, body=body, html="", **audience)
        session.add(entry)
        session.flush()
        text = {"title": "", "body": "", "html": "", "written_at": now()}
        session.add_all(
            [
                models.Revision(entry_id=entry.id, number=1, **text),
                models.Support(entry_id=entry.id, user_id=author),
                models.Mention(entry_id=entry.id, user_id=author),
                models.File(entry_id=entry.id, sha256="", name="", type="", size=1),
                models.Case(id=entry.id, entry_id=entry.id, space_id=space, origin="team"),
                models.Report(entry_id=entry.id, space_id=space, case_id=entry.id, reason="other"),
                models.Document(place=entry.id, kind="core.post", entry_id=entry.id, words="a"),
            ]
        )
    session.add(models.Mail(id=1, kind="1", recipient="", subject=""))
    session.flush()
    later = {"expires_at": now() + dt.timedelta(days=1)}
    session.add_all(
        [
            models.File(profile_of=author, sha256="", name="", type="", size=1),
            models.Invitation(token_hash="1", space_id=space, email="x@example.org", **later),
            models.JoinRequest(space_id=space, user_id=author),
            models.Account(user_id=author, email="author@example.org"),
            models.SignIn(token_hash="1", user_id=author, **later),
            models.SecondFactor(user_id=author, seed="1", last_step=0),
            models.RecoveryCode(user_id=author, code_hash="1"),
            models.Follow(user_id=author, space_id=space),
            models.Notice(user_id=author, type="", once="", way="page"),
            models.NoticeChoice(user_id=author, type="", way="page"),
            models.NoticeTimes(user_id=author),
            models.NoticeRound(user_id=author, way="daily"),
            models.Received(key="1"),
            models.Export(user_id=author, name="1"),
            models.Erasure(user_id=author, mark="", alias=""),
            models.Seen(user_id=author, at=now()),
            models.PendingClaim(token_hash="1", action="", email="", payload={}, **later),
            models.Throttle(key="1"),
            models.Setting(key="1", value={}),
            models.PluginFault(plugin="1", place="", what=""),
            models.JobRow(name="1", payload={}),
            models.Event(topic="space/1", kind="core.post:published", ref="1"),
            models.NoticeLetter(user_id=author, mail_id=1, way="daily", after_id=0, upto_id=1),
            models.Area(level="land", name=""),
            models.Stamp(key="1"),
            models.PluginState(name="1"),
            models.Document(place=11, kind="core.group", space_id=space, words="a", text="about"),
            models.Document(place=12, kind="core.group", space_id=space, words="a", listed=True, text="name"),
            models.Document(place=13, kind="core.person", user_id=author, words="a", text="person"),
            models.Document(
                place=14, kind="off.kind", space_id=space, words="a", text="of a plugin that is off"
            ),
            models.Stale(sort="entry", ident=1),
            models.Audit(act="entry.hidden", origin="command"),
        ]
    )


ON_ENTRY = {"for members": INSIDE, "for the team": WITH_THE_TEAM}
READERS: dict[str, Readers] = {
    "Space": {"": EVERYBODY},
    "Membership": {"": INSIDE},
    **dict.fromkeys(("Entry", "Revision", "Support", "Mention"), ON_ENTRY),
    "File": {**ON_ENTRY, "of a profile": EVERYBODY},
    "Document": {
        **ON_ENTRY,
        "about": INSIDE,
        "name": EVERYBODY,
        "person": EVERYBODY,
        "of a plugin that is off": set(),
    },
    **{name: {"": TEAM} for name in ("Invitation", "JoinRequest", "Case", "Report")},
    **{name: {"": AUTHOR} for name in ("Account", "SignIn", "Follow", "Export", "Seen")},
    **{name: {"": AUTHOR} for name in ("SecondFactor", "RecoveryCode")},
    **{
        name: {"": AUTHOR}
        for name in ("Notice", "NoticeChoice", "NoticeTimes", "NoticeRound", "NoticeLetter")
    },
    **{
        name: {"": STAFF}
        for name in ("PendingClaim", "Throttle", "Setting", "PluginFault", "JobRow", "Mail", "Stale", "Event")
    },
    **{name: {"": STAFF} for name in ("Received", "Erasure", "Audit")},
    **{name: {"": EVERYBODY} for name in ("Area", "User", "Stamp", "PluginState")},
}
MODELS = {
    mapper.class_.__name__: mapper.class_
    for mapper in Base.registry.mappers
    if mapper.class_.__module__.startswith("core.models.")
}


def test_the_table_of_readers_names_every_model_of_the_core() -> None:
    assert READERS.keys() == MODELS.keys()


def test_each_model_is_read_by_those_who_may_and_nobody_else(people: dict[str, int | None]) -> None:
    with as_system("know all rows"):
        bodies = {entry.id: entry.body for entry in db.session.scalars(sa.select(Entry))}
        everything = [
            (name, key, audience(name, row, bodies)) for name in MODELS for key, row in rows(name).items()
        ]
    for viewer, ident in people.items():
        role = viewer if viewer in STAFF else "resident" if ident else "visitor"
        with as_viewer(Viewer(id=ident, role=role, kinds=("core.group", "core.post"))):
            shown = {(name, key) for name in MODELS for key in rows(name)}
        may = {(name, key) for name, key, which in everything if viewer in READERS[name][which]}
        assert shown == may, viewer


def rows(name: str) -> dict[Any, Any]:
    """The rows of a model that are to be seen now, by key."""
    return {sa.inspect(row).identity: row for row in db.session.scalars(sa.select(MODELS[name]))}


def audience(name: str, row: Any, bodies: dict[int, str]) -> str:
    """Which of the audiences of its model a row has."""
    if len(READERS[name]) == 1:
        return ""
    entry = row.id if name == "Entry" else row.entry_id
    if name == "Document" and entry is None:
        return str(row.text)
    return bodies.get(entry, "of a profile")
