"""The opposition, the other commune's staff and a department's link open what the table says, no more."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core.access import permissions
from core.db import db, write
from plugins.neighbourhood_visits.approve.models import AnswerTemplate
from plugins.neighbourhood_visits.models import Casework, Commitment, Question, Visit

from .test_assigned import assigned, department, link_of
from .test_triage import decide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.routing import Rule

    from core.testing import Browser

    from .conftest import Scene

SECRET = "zibeline"  # in all that the team alone reads
PEOPLE: dict[str | None, set[str]] = {
    "opposition": {"official", "councillor"},
    "mayor2": {"official", "mayor"},
    "agent2": {"agent"},
    None: set(),
}
FORM = {"verb": "accept", "reason": "x", "body": "x", "note": "x", "title": "x", "publish": "yes"}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What a role opens is asked of the same clauses on either engine; the core's tests take both."""
    return sqlite_url


def planted(scene: Scene) -> tuple[dict[str, int], str]:
    """A visit with something secret in every corner, the ids to try, and the link to one request."""
    visit, ident = scene.visit(), department(scene)
    pending = scene.question(visit, title=f"{SECRET} pending", contact=f"{SECRET} telephone")
    rejected = scene.question(visit, title=f"{SECRET} rejected")
    decide(scene, visit, [rejected], "reject", reason=f"{SECRET} reason")
    private = scene.question(visit, title=f"{SECRET} private")
    decide(scene, visit, [private], "divert")
    public = assigned(scene, visit, ident, contact=f"{SECRET} telephone")
    page = f"/visits/questions/{public}"
    scene.browser("agent").submit(f"{page}/note", _page=page, note=f"{SECRET} note")
    link = link_of(scene)
    drafted = scene.drafted(visit, f"{SECRET} draft", title="Drafted?")

    def more() -> int:
        with write() as session:
            promise = Commitment(
                space_id=visit, text="A lamp", department_id=ident, due_on=dt.date(2030, 1, 1)
            )
            session.add_all([promise, AnswerTemplate(title="Lamps", body="We come.")])
            session.flush()
            return promise.id

    promise = scene.town.run(more)
    ids = {
        "space_id": visit,
        "commitment_id": promise,
        "department_id": ident,
        "template_id": 1,
        "link_id": 1,
    }
    questions = {"pending": pending, "rejected": rejected, "private": private, "public": public}
    return ids | questions | {"drafted": drafted}, link


def routes(scene: Scene) -> list[tuple[Rule, str]]:
    """Every route of the visits, with the permission that its view declares."""
    views = scene.town.app.view_functions
    found = [rule for rule in scene.town.app.url_map.iter_rules() if rule.rule.startswith("/visits")]
    return [
        (rule, getattr(views[rule.endpoint], "permission", ""))
        for rule in found
        if not rule.endpoint.endswith(".static")
    ]


def paths(rule: Rule, ids: dict[str, int]) -> Iterator[str]:
    """The addresses of a route with each question in turn, and with what else it names."""
    for question in ("pending", "rejected", "private", "public", "drafted"):
        given = {**ids, "question_id": ids[question], "entry_id": ids[question]}
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(given.get(match[1], 1)), rule.rule)  # noqa: B023
        yield path
        if "question_id" not in rule.rule and "entry_id" not in rule.rule:
            return


def snapshot(scene: Scene, ids: dict[str, int]) -> list[Any]:
    """What was planted, as the database holds it; who asks or adds a voice adds to it."""

    def read() -> list[Any]:
        asked = [ids[name] for name in ("pending", "rejected", "private", "public", "drafted")]
        rows = [db.session.get(model, ident) for model in (Question, Casework) for ident in asked]
        rows += [db.session.get(Commitment, ids["commitment_id"]), db.session.get(Visit, ids["space_id"])]
        return [
            tuple(
                getattr(row, column.key)
                for column in sa.inspect(type(row)).column_attrs
                if column.key != "unconfirmed"
            )
            for row in rows
        ]

    return scene.town.run(read)  # type: ignore[no-any-return]


def may(permission: str, name: str | None) -> bool:
    """Whether the table of permissions lets somebody off the team even try."""
    roles = permissions[permission].roles
    if "anyone" in roles:
        return True
    return name is not None and bool({"signed_in", *PEOPLE[name]} & roles)


def walk(scene: Scene, browser: Browser, name: str | None, ids: dict[str, int]) -> None:
    """Open and post to every route; nothing secret is seen, and what the table refuses is refused."""
    token = re.search(
        r'name="csrf_token"[^>]*value="([^"]+)"', browser.get(f"/visits/{ids['space_id']}").text
    )
    form = FORM | ({"csrf_token": token[1]} if token else {})
    for rule, permission in routes(scene):
        for path in paths(rule, ids):
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                said = form | {"pick": f"{ids['pending']}:0"} if method == "POST" else {}
                told = browser.client.open(path, method=method, data=said)
                told.get_data()
                told.close()
                case = (name, method, path, told.status_code)
                assert told.status_code < 500, case
                assert SECRET not in told.text, case
                if not may(permission, name):
                    assert told.status_code in (302, 403, 404), case
                    assert told.status_code != 302 or "/sign-in" in told.location, case


def test_who_is_not_on_the_team_sees_and_changes_nothing_of_the_teams(scene: Scene) -> None:
    ids, link = planted(scene)
    before = snapshot(scene, ids)
    assert len(routes(scene)) > 30
    assert all(permission for _rule, permission in routes(scene))
    for name in PEOPLE:
        walk(scene, scene.browser(name), name, ids)
        assert snapshot(scene, ids) == before, name
    outside = scene.browser()
    assert outside.get(link).status_code == 200
    walk(scene, outside, None, ids)
    assert snapshot(scene, ids) == before, "a signed link opens its one request, and nothing besides"
    seen = outside.get(link).text
    assert SECRET not in seen
    assert "Drafted?" not in seen
