"""The opposition, the other commune's staff and a department's link open what the table says, no more."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import jobs
from core.access import permissions
from core.db import db, write
from plugins.neighbourhood_visits.approve.models import AnswerTemplate
from plugins.neighbourhood_visits.assigned.models import DepartmentLink
from plugins.neighbourhood_visits.field.models import Note
from plugins.neighbourhood_visits.models import Casework, Commitment, Import, Question, Visit
from plugins.neighbourhood_visits.plan.models import Paper, Sensitivity, Stop, StopQuestion
from plugins.neighbourhood_visits.report.models import Minutes

from .conftest import read_mark
from .test_assigned import SAID, assigned, department, link_of
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
WORDS = {"code": "1", "token": "1"}
PART = re.compile(r"<(?:(?:any\((\w+)[^)]*\)|\w+):)?(\w+)>")  # of a choice the first, else what is given
DAY = dt.date(2030, 1, 1)
FORM = {"verb": "accept", "reason": "x", "body": "x", "note": "x", "title": "x", "publish": "yes"}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What a role opens is asked of the same clauses on either engine; the core's tests take both."""
    return sqlite_url


PLANTED = (
    (Visit, "space_id"),
    (Commitment, "commitment_id"),
    (AnswerTemplate, "template_id"),
    (Stop, "stop_id"),
    (StopQuestion, "public"),
    (Sensitivity, "public"),
    (Import, "import_id"),
    (Note, "note_id"),
    (Paper, "paper_id"),
    (Minutes, "space_id"),
)


QUESTION = "/visits/questions/<int:question_id>"
VISIT = "/visits/<int:space_id>"
OWN = {  # of who asked or of a department, or not there yet
    *(f"{QUESTION}/{what}" for what in ("contest", "photos", "slip", "thanks", "withdraw")),
    *(f"{VISIT}/{what}" for what in ("asked", "report", "report.pdf", "report/data.json", "reschedule")),
    "/visits/received",
    "/visits/c/<code>",
    "/visits/department/<int:question_id>",
    "/visits/request/<int:link_id>/<token>",
}
NOT_YET = {f"{VISIT}/agenda"}  # public, once the visit is prepared
WHOLE = {"visits.import", "visits.organise"}  # an agent's of the whole town; these people are of a commune
SHOWN = {  # what whom shows them that others may not read
    "agent": {
        QUESTION,
        f"{QUESTION}/delicate",
        *(f"{VISIT}/{one}" for one in ("review", "field/notes", "minutes")),
    },
    "admin": {"/visits/import/<int:import_id>", "/visits/templates/<int:template_id>"},
}


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
    agent = scene.browser("agent")
    agent.submit(f"{page}/note", _page=page, note=f"{SECRET} note", read=read_mark(agent, page))
    link = link_of(scene)
    drafted = scene.drafted(visit, f"{SECRET} draft", title="Drafted?")

    def more() -> dict[str, int]:
        person = scene.town.person
        with write() as session:
            promise = Commitment(
                space_id=visit, question_id=public, text="A lamp", department_id=ident, due_on=DAY
            )
            template = AnswerTemplate(title=f"{SECRET} template", body="We come.")
            stop = Stop(space_id=visit, position=1, title="Fountain")
            table = f"titre;quartier\n{SECRET};A\n".encode()
            given = Import(
                user_id=person("admin"),
                name=f"{SECRET}.csv",
                header="",
                columns={"title": 0, "visit": 1},
                day=DAY,
                content=table,
            )
            noted = Note(
                space_id=visit, key="n", author_id=person("agent"), entry_id=public, text=f"{SECRET} noted"
            )
            session.add_all([promise, template, stop, given, noted])
            session.add(Sensitivity(space_id=visit, entry_id=public, text=f"{SECRET} delicate"))
            session.add(Minutes(space_id=visit, body=f"{SECRET} minutes", drafted_by=person("agent")))
            session.flush()
            session.add(StopQuestion(entry_id=public, stop_id=stop.id, position=1))
            links = session.scalar(sa.select(DepartmentLink.id))
            return {
                "commitment_id": promise.id,
                "template_id": template.id,
                "stop_id": stop.id,
                "import_id": given.id,
                "note_id": noted.id,
                "link_id": links,
            }

    ids = {"space_id": visit, "department_id": ident, **scene.town.run(more)}
    scene.browser("agent").submit(f"/visits/{visit}/papers", _page=f"/visits/{visit}/papers", kind="briefing")
    jobs.run_due(scene.town.app)
    ids["paper_id"] = scene.town.run(lambda: db.session.scalar(sa.select(Paper.id)))
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
        given = {**ids, "question_id": ids[question], "entry_id": ids[question], **WORDS}
        path = PART.sub(lambda match: match[1] or str(given[match[2]]), rule.rule)  # noqa: B023
        yield path
        if "question_id" not in rule.rule and "entry_id" not in rule.rule:
            return


def snapshot(scene: Scene, ids: dict[str, int]) -> list[Any]:
    """What was planted, as the database holds it; who asks or adds a voice adds to it."""

    def read() -> list[Any]:
        asked = [ids[name] for name in ("pending", "rejected", "private", "public", "drafted")]
        rows = [db.session.get(model, ident) for model in (Question, Casework) for ident in asked]
        rows += [db.session.get(model, ids[name]) for model, name in PLANTED]
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


def opened(scene: Scene, browser: Browser, ids: dict[str, int]) -> dict[str, bool]:
    """The routes that somebody opens, each with whether it shows them what is the team's."""
    found: dict[str, bool] = {}
    for rule, _permission in routes(scene):
        for path in paths(rule, ids) if "GET" in (rule.methods or ()) else ():
            told = browser.get(path)
            if told.status_code == 200:
                found[rule.rule] = found.get(rule.rule, False) or SECRET.encode() in told.get_data()
            told.close()
    return found


def test_each_opens_exactly_what_the_table_says(scene: Scene) -> None:
    ids, link = planted(scene)
    there = {rule.rule: permission for rule, permission in routes(scene) if "GET" in (rule.methods or ())}
    team = {name: opened(scene, scene.browser(name), ids) for name in ("agent", "mayor", "admin")}
    assert {path for found in team.values() for path in found} == there.keys() - OWN
    for name, shown in SHOWN.items():
        assert {path for path, secret in team[name].items() if secret} >= shown, name
    for name in PEOPLE:
        browser = scene.browser(name)
        theirs = {
            path for path, permission in there.items() if may(permission, name) and permission not in WHOLE
        }
        assert opened(scene, browser, ids).keys() == theirs - OWN - NOT_YET, name
        reads(browser, ids)
    outside = scene.browser()
    told = outside.get(link).text
    for said in ("title", "body", "place"):
        assert SAID[said] in told, said
    assert opened(scene, outside, ids).keys() == {
        path for path, permission in there.items() if may(permission, None)
    } - (OWN | NOT_YET), "a signed link opens nothing besides"
    reads(outside, ids)


def reads(browser: Browser, ids: dict[str, int]) -> None:
    """Whoever is not on the team reads what is accepted, on every page, and nothing that is not."""
    for page in (f"/visits/{ids['space_id']}", f"/posts/{ids['public']}"):
        told = browser.get(page)
        assert (told.status_code, SAID["title"] in told.text, SECRET in told.text) == (200, True, False), page
    for question in ("pending", "rejected", "private"):
        told = browser.get(f"/posts/{ids[question]}")
        assert (told.status_code, SECRET in told.text) == (404, False), question
    for page in ("/", "/search?q=pending", "/search?q=telephone", "/feed.atom"):
        told = browser.get(page)
        assert (told.status_code, SECRET in told.text) == (200, False), page
