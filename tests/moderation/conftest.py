"""A public square with its owner, an agent and an administrator, and what residents say there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import jobs
from core.access import as_system
from core.db import db
from core.feed import actions
from core.models import Case, Entry, Notice, Report, Space

if TYPE_CHECKING:
    from core.testing import Browser, Town


@dataclass
class Square:
    """The space of these tests, its people, and what is asked of them all the time."""

    town: Town
    space: int
    commune: int

    def browser(self, name: str | None = None) -> Browser:
        """A browser signed in as one of the people, or a visitor's."""
        return self.town.browser(name)

    def say(self, body: str = "Fresh words", name: str = "writer", space: int = 0, **values: Any) -> int:
        """The id of a post that somebody published."""

        def publish() -> int:
            if "parent" in values:
                values["parent"] = db.session.get(Entry, values["parent"])
            return actions.publish(db.session.get(Space, space or self.space), body, **values).id

        return int(self.town.run(publish, name))

    def report(self, entry: int, by: str = "reader", **fields: Any) -> Any:
        """Report a post on its page."""
        return self.browser(by).submit(f"/posts/{entry}/report", **{"reason": "insult", **fields})

    def case(self, entry: int) -> int:
        """The id of the latest case of an entry."""
        newest = sa.select(Case.id).where(Case.entry_id == entry).order_by(Case.id.desc()).limit(1)
        return int(self.town.run(lambda: db.session.scalars(newest).one()))

    def decide(self, case: int, act: str, name: str = "agent", **fields: Any) -> Any:
        """Press a button of the queue."""
        about = sa.select(Entry.version).join(Case, Case.entry_id == Entry.id).where(Case.id == case)
        version = str(self.town.run(lambda: db.session.scalar(about)))
        page, values = (
            f"/moderation/cases/{case}",
            {"act": act, "reason": "insult", "version": version, **fields},
        )
        return self.browser(name).submit(page, _page="/moderation/", **values)

    def state(self, entry: int) -> str | None:
        """What an entry is now; None where it is no more."""
        return self.town.run(lambda: db.session.scalar(sa.select(Entry.state).where(Entry.id == entry)))

    def cases(self) -> list[Case]:
        """All cases, in their order."""
        return list(self.town.run(lambda: db.session.scalars(sa.select(Case).order_by(Case.id)).all()))

    def reports(self) -> list[Report]:
        """All reports, in their order."""
        return list(self.town.run(lambda: db.session.scalars(sa.select(Report).order_by(Report.id)).all()))

    def notices(self, name: str) -> list[str]:
        """The kinds of what somebody was told, once the worker has done its part."""
        jobs.run_due(self.town.app)
        told = sa.select(Notice.type).where(Notice.user_id == self.town.person(name)).order_by(Notice.id)
        return list(self.town.run(lambda: db.session.scalars(told).all()))


@pytest.fixture
def everybody_may_write() -> None:
    """Leave the gates as a town has them."""


@pytest.fixture
def square(town: Town) -> Square:
    """The square: owned by `keeper`, in the commune of the agent."""
    commune, other = town.area("Belleroche"), town.area("Sautelle")
    for name, role, area in (
        ("keeper", "resident", None),
        ("writer", "resident", None),
        ("reader", "resident", None),
        ("agent", "agent", commune),
        ("agent2", "agent", other),
        ("admin", "administrator", None),
    ):
        town.person(name, role, area_id=area)
    space = town.space("Square", "keeper")

    def place() -> None:
        from core.db import write

        with as_system("test"), write():
            db.session.get(Space, space).area_id = commune

    town.run(place)
    return Square(town, space, commune)
