"""The reference of the start: the bare page again, with models of SQLAlchemy, as an application is begun."""

import datetime as dt
import os

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import orm

from .bare import PAGE


class Base(orm.DeclarativeBase):
    """What the models share."""


class User(Base):
    """A person."""

    __tablename__ = "core_user"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    handle: orm.Mapped[str]


class Space(Base):
    """A group."""

    __tablename__ = "core_space"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    visibility: orm.Mapped[str]


class Entry(Base):
    """A post."""

    __tablename__ = "core_entry"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    space_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("core_space.id"))
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("core_user.id"))
    title: orm.Mapped[str]
    html: orm.Mapped[str]
    published_at: orm.Mapped[dt.datetime]
    in_feed: orm.Mapped[bool]
    support_count: orm.Mapped[int]
    reply_count: orm.Mapped[int]
    space: orm.Mapped[Space] = orm.relationship()
    author: orm.Mapped[User] = orm.relationship()


def create() -> Flask:
    """The application over the database of BENCH_DATABASE."""
    app = Flask(__name__)
    engine = sa.create_engine(f"sqlite:///{os.environ['BENCH_DATABASE']}")
    template = app.jinja_env.from_string(PAGE)
    people = (User.name, User.handle, Space.name.label("space"))
    newest = sa.select(*sa.inspect(Entry).columns, *people).join(Entry.space).join(Entry.author)
    newest = newest.where(Entry.in_feed, Space.visibility == "public")
    newest = newest.order_by(Entry.published_at.desc(), Entry.id.desc()).limit(20)

    @app.get("/")
    def home() -> str:
        with orm.Session(engine) as session:
            return template.render(rows=session.execute(newest).all())

    return app
