"""A commune with its people, and visits announced on its pages as people do it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from core.testing import Browser, Town

QUESTION = "When will the lamp in rue du Lavoir be mended?"


@dataclass
class Scene:
    """A town of two communes, their officials and agents, and residents."""

    town: Town
    commune: int

    def browser(self, name: str | None = None) -> Browser:
        """A browser signed in as one of the people below, or a visitor's."""
        return self.town.browser(name)

    def visit(self, *, closed: bool = False, **changes: Any) -> int:
        """The id of a visit that the mayor has announced, with the deputy and the agent on its team."""
        mayor = self.browser("mayor")
        answer = mayor.submit("/visits/new", **self.plan(), announce="yes", **changes)
        assert answer.status_code == 302, answer.text
        space_id = int(answer.location.rpartition("/")[2])
        if closed:
            answer = mayor.submit(f"/visits/{space_id}/close", _page=f"/visits/{space_id}")
            assert answer.status_code == 302
        return space_id

    def plan(self) -> dict[str, Any]:
        """What the form of a visit needs."""
        day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=20)
        return {
            "name": "Visit of the Tanneries",
            "area": str(self.commune),
            "date": day.isoformat(),
            "starts": "18:00",
            "ends": "20:00",
            "meeting_point": "In front of the school",
            "closes": (day - dt.timedelta(days=7)).isoformat(),
            "officials": [str(self.town.person("mayor")), str(self.town.person("deputy"))],
            "agents": [str(self.town.person("agent"))],
        }

    def question(self, space_id: int, title: str = QUESTION, name: str = "resident", **fields: Any) -> int:
        """The id of a question that somebody signed in has asked."""
        answer = self.browser(name).submit(f"/visits/{space_id}/ask", title=title, **fields)
        assert answer.status_code == 302, answer.text
        found = re.fullmatch(r"/visits/questions/(\d+)/thanks", answer.location)
        assert found, answer.location
        return int(found[1])

    def accepted(self, space_id: int, **fields: Any) -> int:
        """The id of a question that the team has accepted."""
        ident = self.question(space_id, **fields)
        page = f"/visits/questions/{ident}"
        assert self.browser("agent").submit(f"{page}/accept", _page=page).status_code == 302
        return ident

    def answered(self, space_id: int, answer: str = "It is mended on Monday.", **fields: Any) -> int:
        """The id of a question whose answer the mayor has published."""
        ident = self.accepted(space_id, **fields)
        page = f"/visits/questions/{ident}"
        told = self.browser("mayor").submit(f"{page}/answer", _page=page, body=answer, publish="yes")
        assert told.status_code == 302, told.text
        return ident


@pytest.fixture
def scene(town: Town) -> Scene:
    """The town of these tests."""
    commune, other = town.area("Belleroche"), town.area("Sautelle")
    people = (
        ("mayor", "official", {"mandate": "mayor", "area_id": commune}),
        ("deputy", "official", {"mandate": "deputy_mayor", "area_id": commune}),
        ("opposition", "official", {"mandate": "councillor", "list_name": "Autrement", "area_id": commune}),
        ("agent", "agent", {"area_id": commune}),
        ("colleague", "agent", {"area_id": commune}),
        ("admin", "administrator", {}),
        ("mayor2", "official", {"mandate": "mayor", "area_id": other}),
        ("agent2", "agent", {"area_id": other}),
        ("resident", "resident", {}),
        ("neighbour", "resident", {}),
    )
    for name, role, values in people:
        town.person(name, role, **values)
    return Scene(town, commune)
