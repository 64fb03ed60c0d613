"""Makes the demonstration town through the same actions as its people would use."""

import datetime as dt
import io
import random
import re
from collections.abc import Iterator

import sqlalchemy as sa
from werkzeug.datastructures import FileStorage

from core import files, migrate, registry, settings
from core.access import as_system
from core.accounts import actions as accounts
from core.accounts import passwords
from core.accounts.sessions import as_viewer
from core.config import Config
from core.db import db, now, write
from core.feed import actions as feed
from core.models import Account, Area, Entry, Setting, Space
from core.search import index
from core.spaces import actions as spaces
from core.web import get_or_404
from plugins.neighbourhood_visits.collect import streets
from portal.admin import areas as parts

from . import dated, draw, ground, reports, rounds, told, town, visits
from .talk import POSTS, Post, Reply
from .words import ago, french

PASSWORD = "parvis-demo"  # noqa: S105
DOMAIN = "parvis.example"
MAKING = "demo.making"  # the setting that is there until the town is


class NotHere(Exception):
    """A demonstration can't be made there."""


class HalfMade(NotHere):
    """The making of one was broken off there."""


def fill() -> None:
    """Fill the empty database at hand with the town, its people and what they said in the last weeks."""
    with as_system("make the demonstration town"):
        empty = migrate.empty(db.engine)
        migrate.upgrade(db.engine, registry.current().modules)
        if not empty and _real():
            raise NotHere("this is a real town")
        if not empty and _unfinished():
            raise HalfMade("the database holds half a town, whose making was broken off: empty it first")
        if not empty:
            return
        with write() as session:
            session.add(Setting(key=MAKING, value={}))
        for name in registry.current().modules:
            registry.current().switch(name, True)
    Builder().build()
    index.run(seconds=60)
    with as_system("the demonstration town is made"), write() as session:
        session.execute(sa.delete(Setting).where(Setting.key == MAKING))


def _real() -> bool:
    """Whether people have accounts here and none is of the demonstration, whose visitors may open more."""
    demo = set(db.session.scalars(sa.select(Account.demo).distinct()))
    return demo == {False}


def _unfinished() -> bool:
    """Whether the making of a demonstration ended before its end; in a folder, nothing of it is left."""
    people = db.session.scalar(sa.select(sa.func.count()).select_from(Account))
    return not people or db.session.get(Setting, MAKING) is not None


def welcome(config: Config) -> str:
    """What to show when the town is served: where, and as whom one can look around."""
    listed = [person for person in town.PEOPLE.values() if person.account]
    lines = [f"{person.account + '@' + DOMAIN:<28} {person.name}: {_role(person)}" for person in listed]
    return "\n  ".join(
        [
            f"{town.NAME} is open at {config.base_url}",
            "",
            f"Sign in with the password {PASSWORD} as",
            "",
            *lines,
        ]
    )


def _role(person: town.Person) -> str:
    where = town.AREAS[person.area][1] if person.area else town.NAME
    mandate = person.official.get("mandate", person.role).replace("_", " ")
    return f"{mandate}, {where}"


class Builder:
    """The town in the making: ids of what was made, by key."""

    def __init__(self) -> None:
        self.start = now()
        self.areas: dict[str, int] = {}
        self.people: dict[str, int] = {}
        self.handles: dict[str, str] = {}
        self.spaces: dict[str, int] = {}
        self.chance = random.Random(1)  # noqa: S311

    def build(self) -> None:
        """Make everything, in the order in which it depends on one another."""
        with as_system("make the demonstration town"), dated.logged(self.start - dt.timedelta(days=61)):
            self.found()
            self.settle()
            self.open_spaces()
        self.follow()
        self.talk()
        visits.hold(self.areas, self.people, self.start)
        rounds.hold(self.areas, self.people, self.start)
        reports.file(self.spaces, self.people, self.start)
        dated.agree()
        told.catch_up(self.start)

    def found(self) -> None:
        """The town's own texts, and its areas."""
        texts = {"home": town.HOME, "legal": town.LEGAL, "accessibility": town.ACCESSIBILITY}
        said = {"name": town.NAME, "contact": town.CONTACT}
        with write():
            settings.save(settings.TOWN, said | {key: french(text) for key, text in texts.items()})
        for parent in dict.fromkeys(above for _level, _name, above in town.AREAS.values()):
            keys = [key for key, (_level, _name, above) in town.AREAS.items() if above == parent]
            found = parts.read(ground.geojson(keys))
            parts.add(found, town.AREAS[keys[0]][0], self.areas.get(parent or ""))
            named = {area.name: area.id for area in db.session.scalars(sa.select(Area))}
            self.areas |= {key: named[town.AREAS[key][1]] for key in keys}
        streets.keep(ground.streets())

    def settle(self) -> None:
        """The people, their accounts and portraits."""
        password = passwords.digest(PASSWORD)
        faces = {
            key: files.prepare(upload(f"{key}.png", draw.portrait(person.portrait)))
            for key, person in town.PEOPLE.items()
            if person.portrait is not None
        }
        with write() as session:
            for number, (key, person) in enumerate(town.PEOPLE.items()):
                user = accounts.create_user(
                    f"{person.account or key}@{DOMAIN}",
                    person.name,
                    role=person.role,
                    password_hash=password if person.account else None,
                    about=french(person.about),
                    area_id=self.areas.get(person.area or ""),
                    demo=True,
                    created_at=self.start - dt.timedelta(days=60 - number),
                    **person.official,
                )
                self.people[key], self.handles[key] = user.id, user.handle
                if key in faces:
                    files.set_picture(user.id, faces[key])
            session.flush()

    def open_spaces(self) -> None:
        """The spaces, with everybody's role in them."""
        for number, (key, place) in enumerate(town.SPACES.items()):
            roles = {"member": place.members, "moderator": place.moderators, "owner": place.owner}
            members = {self.people[who]: role for role, line in roles.items() for who in line.split()}
            space = spaces.create_space(
                "core.group",
                french(place.name),
                visibility=place.visibility,
                joining=place.joining,
                summary=french(place.summary),
                body=french(place.body),
                area_id=self.areas[place.area],
                members=members,
            )
            self.spaces[key] = space.id
            opened = self.start - dt.timedelta(days=45 - number)
            with write() as session:
                session.execute(sa.update(Space).where(Space.id == space.id).values(created_at=opened))

    def follow(self) -> None:
        """What some follow beside the spaces they are members of."""
        for who, line in town.FOLLOWS.items():
            with as_viewer(self.people[who]):
                for key in line.split():
                    feed.follow(True, space=get_or_404(Space, self.spaces[key]))

    def talk(self) -> None:
        """Everything that was said, oldest first, as each would have seen it then."""
        said: dict[Post, int] = {}
        for at, post, reply in sorted(self.moments(), key=lambda moment: moment[0]):
            if reply is None:
                said[post] = self.publish(post, at)
            else:
                with as_viewer(self.people[reply.who]):
                    parent = get_or_404(Entry, said[post])
                    space = get_or_404(Space, parent.space_id)
                    entry = feed.publish(
                        space, self.words(reply.text), kind="core.reply", parent=parent, at=at
                    )
                    ident = entry.id
                self.support(post.space, reply.who, ident, reply.supports)
        for post, ident in said.items():
            if post.after:
                self.edit(post, ident)
            if post.pinned:
                with as_viewer(self.people[post.who]):
                    feed.pin(get_or_404(Entry, ident), True)

    def moments(self) -> Iterator[tuple[dt.datetime, Post, Reply | None]]:
        """Each post and reply, with when it was said."""
        for post in POSTS:
            yield self.start - ago(post.ago), post, None
            for reply in post.replies:
                yield self.start - ago(reply.ago), post, reply

    def publish(self, post: Post, at: dt.datetime) -> int:
        """One post, with its pictures and voices."""
        pictures = [
            (files.prepare(upload(f"{name}.png", draw.picture(name))), french(alt))
            for name, alt in post.pictures
        ]
        with as_viewer(self.people[post.who]):
            space = get_or_404(Space, self.spaces[post.space])
            entry = feed.publish(
                space, self.words(post.text), french(post.title), pictures=pictures, lang="fr", at=at
            )
            ident: int = entry.id
        self.support(post.space, post.who, ident, post.supports)
        return ident

    def edit(self, post: Post, ident: int) -> None:
        """A post as its author changed it two days later."""
        with as_viewer(self.people[post.who]):
            feed.change_entry(get_or_404(Entry, ident), body=self.words(post.after))
        at = self.start - ago(post.ago) + dt.timedelta(days=2)
        with as_system("date the edit"), write() as session:
            session.execute(sa.update(Entry).where(Entry.id == ident).values(edited_at=at))

    def support(self, space: str, author: str, ident: int, count: int) -> None:
        """Voices of as many people who may read the space, never the author's own."""
        place = town.SPACES[space]
        everybody = list(town.PEOPLE)
        if place.visibility in ("members", "hidden"):
            everybody = f"{place.owner} {place.moderators} {place.members}".split()
        readers = [who for who in everybody if who != author]
        with write():
            for who in self.chance.sample(readers, min(count, len(readers))):
                with as_viewer(self.people[who]):
                    feed.support(Entry(id=ident), True)

    def words(self, text: str) -> str:
        """A text with French typography, and mentions by handle."""
        return re.sub(r"@([a-z]+)", lambda match: "@" + self.handles[match[1]], french(text))


def upload(name: str, data: bytes) -> FileStorage:
    """A picture as a browser would send it."""
    return FileStorage(io.BytesIO(data), name, content_type="image/png")
