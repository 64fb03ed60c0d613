"""A commune with its people, and visits announced on its pages as people do it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from plugins.neighbourhood_visits import letters

if TYPE_CHECKING:
    from core.testing import Browser, Town

QUESTION = "When will the lamp in rue du Lavoir be mended?"
TOWN = ZoneInfo("Europe/Paris")  # whose day begins before that of UTC


def today() -> dt.date:
    """The day that it is in the town."""
    return dt.datetime.now(TOWN).date()


@dataclass
class Scene:
    """A town of two communes, their officials and agents, and residents."""

    town: Town
    commune: int
    visits: int = 0

    def browser(self, name: str | None = None) -> Browser:
        """A browser signed in as one of the people below, or a visitor's."""
        return self.town.browser(name)

    def visit(self, *, closed: bool = False, **changes: Any) -> int:
        """The id of a visit that the mayor has announced, with the deputy and the agent on its team."""
        mayor, self.visits = self.browser("mayor"), self.visits + 1
        another = (
            {"summary": f"Visit {self.visits}"} if self.visits > 1 else {}
        )  # of the same words is the same
        said = self.plan() | another | changes
        answer = mayor.submit("/visits/new", _page="/visits/", announce="yes", **said)
        assert answer.status_code == 302, answer.text
        space_id = int(answer.location.rpartition("/")[2])
        if closed:
            answer = mayor.submit(f"/visits/{space_id}/close", _page=f"/visits/{space_id}")
            assert answer.status_code == 302
        return space_id

    def plan(self) -> dict[str, Any]:
        """What the form of a visit needs."""
        day = today() + dt.timedelta(days=20)
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
        """The id of a question that somebody signed in has asked, who has seen what was asked alike."""
        page = f"/visits/{space_id}"
        said = {"title": title, "seen": "yes", **fields}
        answer = self.browser(name).submit(f"{page}/ask", _page=page, **said)
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

    def rewrite(self, ident: int, title: str, name: str = "resident") -> None:
        """Let the author of a question that waits change its words."""
        page = f"/posts/{ident}/edit"
        version = re.search(r'name="version"[^>]*value="(\d+)"', self.browser(name).get(page).text)
        assert version, "it can be changed"
        said = {"title": title, "body": "", "version": version[1]}
        assert self.browser(name).submit(page, **said).status_code == 302

    def let_one_approve(self) -> None:
        """Let who writes an answer approve it themselves."""
        fields = {"days_to_answer": "30", "one_person_approves": "y"}
        told = self.browser("admin").submit("/admin/plugins/neighbourhood_visits", **fields)
        assert told.status_code == 302

    def answered(self, space_id: int, answer: str = "It is mended on Monday.", **fields: Any) -> int:
        """The id of a question whose answer the mayor has published."""
        ident = self.drafted(space_id, answer, **fields)
        self.approve(ident, answer)
        return ident

    def drafted(self, space_id: int, draft: str = "It is mended on Monday.", **fields: Any) -> int:
        """The id of an accepted question for which the agent has drafted an answer."""
        ident = self.accepted(space_id, **fields)
        self.draft(ident, draft)
        return ident

    def draft(self, ident: int, draft: str) -> None:
        """Let the agent draft an answer where there is none."""
        page = f"/visits/questions/{ident}"
        told = self.browser("agent").submit(f"{page}/answer", _page=page, body=draft, version="0")
        assert told.status_code == 302, told.text

    def approve(self, ident: int, answer: str, name: str = "mayor", **fields: Any) -> None:
        """Let the agent bring the draft that stands to this text, and an official publish it."""
        page, browser, agent = f"/visits/questions/{ident}", self.browser(name), self.browser("agent")
        agent.submit(f"{page}/answer", _page=page, body=answer, version=draft_version(agent, page))
        fields = {"publish": "yes", **fields, "body": answer, "version": draft_version(browser, page)}
        told = browser.submit(f"{page}/answer", _page=page, **fields)
        assert told.status_code == 302, told.text


def draft_version(browser: Browser, page: str) -> str:
    """The version of the draft that the page of a question shows."""
    found = re.search(r'name="version"[^>]*value="(\d+)"', browser.get(page).text.partition('id="answer"')[2])
    return found[1] if found else "0"


def read_mark(browser: Browser, page: str) -> str:
    """The mark of what a form shows, which it sends back."""
    found = re.search(r'<input[^>]*name="read"[^>]*value="([0-9a-f]+)"', browser.get(page).text)
    assert found, page
    return found[1]


@pytest.fixture
def scene(town: Town, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The town of these tests, where decisions are told at once."""
    monkeypatch.setattr(letters, "PAUSE", dt.timedelta())
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
