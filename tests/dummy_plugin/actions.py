"""The verbs of workshops: each checks a permission, then writes."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from core import api

from .models import Assessment, Bookmark, Idea, Line, Step, Theme, Workshop


def open_workshop(name: str, room: str = "", visibility: str = "public") -> api.Space:
    """A new workshop, led by the viewer."""
    api.require("dummy.open")
    with api.write() as session:
        leads = {api.viewer().id: "lead"}
        space = api.create_space("dummy.workshop", name, visibility=visibility, members=leads)
        session.add(Workshop(space_id=space.id, room=room))
    return space


def say_idea(
    space: api.Space,
    title: str,
    body: str,
    place: str = "",
    team_only: bool = False,
    pictures: Sequence[Any] = (),
    theme: str = "",
) -> api.Entry:
    """An idea in a workshop, with its own row."""
    with api.write() as session:
        entry = api.publish(
            space,
            body,
            title,
            "dummy.idea",
            team_only=team_only,
            reader_id=api.viewer().id,
            pictures=pictures,
        )
        theme_id = None
        if theme:
            api.insert_once(Theme, name=theme)
            theme_id = session.scalar(sa.select(Theme.id).where(Theme.name == theme))
        session.add(Idea(entry_id=entry.id, place=place, theme_id=theme_id))
    return entry


def plan_step(space: api.Space, text: str) -> None:
    """One more step in the plan of a workshop."""
    api.require("dummy.lead", space)
    with api.write() as session:
        session.add(Step(space_id=space.id, text=text))
        api.reindex(space)
        api.emit(space, "dummy.plan", space.id, team_only=True)


def assess(entry: api.Entry, text: str) -> None:
    """What the team thinks of an idea."""
    with api.write() as session:
        space = session.get(api.Space, entry.space_id)
        api.require("dummy.lead", space)
        session.add(Assessment(space_id=entry.space_id, entry_id=entry.id, text=text))
        members = sa.select(api.Membership.user_id).where(api.Membership.space_id == entry.space_id)
        api.notify("dummy.assessed", set(session.scalars(members)), entry=entry)


def bookmark(entry: api.Entry, note: str) -> None:
    """Keep an idea for later."""
    api.require("core.account")
    with api.write():
        api.insert_once(Bookmark, user_id=api.viewer().id, entry_id=entry.id, note=note)


def note(text: str) -> None:
    """A line in the ledger, inside a write."""
    api.db.session.add(Line(text=text[:200]))


def lines_of(user_id: int) -> list[dict[str, Any]]:
    """The lines of the ledger that name a person, as they are given to that person."""
    with api.as_system("people take their own with them"):
        rows = api.db.session.scalars(sa.select(Line).where(_named(user_id)).order_by(Line.id))
        return [{"text": row.text, "at": row.at} for row in rows]


def forget_lines(user_id: int) -> None:
    """Take a person out of the ledger, inside a write."""
    api.db.session.execute(sa.delete(Line).where(_named(user_id)))


def end_lines(now: dt.datetime) -> None:
    """Delete the lines that were kept for long enough."""
    kept = api.kept_for("dummy.ledger")
    if kept is not None:
        with api.write() as session:
            session.execute(sa.delete(Line).where(Line.at < now - kept))


def _named(user_id: int) -> Any:
    return sa.or_(Line.text.endswith(f" person {user_id}"), Line.text.endswith(f" by {user_id}"))


def count_ideas() -> None:
    """Write down how many ideas there are."""
    with api.as_system("count ideas"), api.write() as session:
        note(f"{session.scalar(sa.select(sa.func.count()).select_from(Idea))} ideas")


def load_workshops(ids: Sequence[int]) -> Mapping[int, Workshop]:
    """The own rows of these workshops."""
    rows = api.db.session.scalars(sa.select(Workshop).where(Workshop.space_id.in_(ids)))
    return {row.space_id: row for row in rows}


def load_steps(space_ids: Sequence[int]) -> Sequence[Step]:
    """The steps of these workshops."""
    return api.db.session.scalars(sa.select(Step).where(Step.space_id.in_(space_ids))).all()


def load_ideas(ids: Sequence[int]) -> Mapping[int, Idea]:
    """The own rows of these ideas."""
    rows = api.db.session.scalars(sa.select(Idea).where(Idea.entry_id.in_(ids)))
    return {row.entry_id: row for row in rows}
