"""All 21 visits of the real file: taken in, prepared, held, and reported."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import api
from core.db import db, write
from core.feed.actions import support
from core.models import Entry, Space, User
from plugins.neighbourhood_visits import actions, reads
from plugins.neighbourhood_visits.approve import answers
from plugins.neighbourhood_visits.field import notes
from plugins.neighbourhood_visits.field.models import Note
from plugins.neighbourhood_visits.follow import promises
from plugins.neighbourhood_visits.intake import imports, tables
from plugins.neighbourhood_visits.models import Casework, Commitment, Question, Visit
from plugins.neighbourhood_visits.plan import papers, route
from plugins.neighbourhood_visits.plan.models import Paper, Stop
from plugins.neighbourhood_visits.report import issue
from plugins.neighbourhood_visits.report.models import Report
from plugins.neighbourhood_visits.report.open_data import COLUMNS
from plugins.neighbourhood_visits.suggest import learn, similar
from plugins.neighbourhood_visits.triage import actions as triage

from . import generated
from .test_report import again
from .test_triage import row

if TYPE_CHECKING:
    from .conftest import Scene

OUTCOMES = {"FIN": "settled", "ABANDONNÉ": "refused", "NON DEMARRE": "needs_study"}
SEED = os.environ.get("SEED", "1")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One engine is enough for so many steps; the others' tests take each step on both."""
    return sqlite_url


def outcome(request: generated.Request) -> str:
    """What becomes of a request, by how far its project has come."""
    return OUTCOMES.get(request.row["avancement_projet"], "committed")


def test_what_is_made_up_is_as_people_write_and_the_same_for_one_seed() -> None:
    made = generated.requests(SEED)
    print(f"SEED={SEED}")
    assert made == generated.requests(SEED)
    assert made != generated.requests(f"{SEED} another")
    lengths = [len(one.body) for one in made]
    assert min(lengths) == 0
    assert 4_900 <= max(lengths) <= generated.LONGEST
    assert {one.channel for one in made} == set(generated.CHANNELS)
    said = " ".join(one.body for one in made)
    for words in ("HONTEUX", "06 39 98", "Autre chose"):
        assert words in said
    assert len({one.supports for one in made}) > 5
    assert max(one.supports for one in made) == generated.MOST_SUPPORTS
    assert {one.days_ago for one in made} == set(range(1, generated.OLDEST + 1))
    spelt = words_of(" ".join([*generated.PHRASES, "0123456789"]))
    mistyped = [one.body for one in made if words_of(re.sub(r"\d+", "", one.body.rpartition(" ")[0])) - spelt]
    assert 0.2 < len(mistyped) / len([one for one in made if one.body]) < 0.5, "thumbs err"


def words_of(text: str) -> set[str]:
    """The words of a text, without the marks around them."""
    return set(re.findall(r"\w+", text))


@pytest.mark.parametrize("seed", range(3))
def test_a_table_says_the_day_on_which_each_came(seed: int) -> None:
    made = generated.requests(seed)[:50]
    rows = list(csv.DictReader(io.StringIO(generated.table(made).decode()), delimiter=";"))
    today = dt.datetime.now(dt.UTC).date()
    told = [(today - dt.date.fromisoformat(row["reçue le"])).days for row in rows]
    assert told == [one.days_ago for one in made]


@pytest.mark.slow
def test_all_twenty_one_visits_are_prepared_held_and_reported(scene: Scene) -> None:
    by_visit = defaultdict(list)
    for request in generated.requests(SEED):
        by_visit[request.row["arrondissement_projet_gagnant"]].append(request)
    assert len(by_visit) == 21
    taken = [request for requests in by_visit.values() for request in requests]
    assert len(taken) == 1341
    admin, deputy = scene.town.person("admin"), scene.town.person("deputy")
    voices = [f"voice{number}" for number in range(max(one.supports for one in taken))]
    for name in voices:
        scene.town.person(name)
    scene.town.run(settle)
    scene.town.run(lambda: take_in(taken, admin))
    of_key = {one.row["identifiant_projet_gagnant"]: one for one in taken}
    asked = scene.town.run(lambda: questions(of_key))
    assert len(asked) == len(taken)
    kept = scene.town.run(lambda: Counter(db.session.scalars(sa.select(Entry.channel))))
    assert kept == Counter(one.channel for one in taken)
    visits = scene.town.run(lambda: dict(list(db.session.execute(sa.select(Visit.code, Visit.space_id)))))
    for space_id in visits.values():
        own = {ident: request for ident, (request, space) in asked.items() if space == space_id}
        scene.town.run(lambda space_id=space_id: announce(space_id, deputy), "admin")
        scene.town.run(lambda own=own: accept(own), "admin")
        for number, name in enumerate(voices[: max(one.supports for one in own.values())]):
            scene.town.run(lambda own=own, number=number: lend_voices(own, number), name)
        scene.town.run(lambda own=own: draft(own), "admin")
        scene.town.run(lambda own=own: approve(own), "deputy")
        scene.town.run(lambda own=own: promise(own), "admin")
        paper = scene.town.run(lambda space_id=space_id, own=own: prepare(space_id, own), "admin")
        scene.town.run(lambda paper=paper: papers.make(paper))
        scene.town.run(lambda space_id=space_id, own=own: hold(space_id, own), "admin")
        scene.town.run(lambda space_id=space_id: write_minutes(space_id), "admin")
        with pytest.raises(api.Forbidden):
            scene.town.run(lambda space_id=space_id: actions.turn(space_id, "publish"), "admin")
        scene.town.run(lambda space_id=space_id: actions.turn(space_id, "publish"), "deputy")
    scene.town.run(similar.run)
    scene.town.run(learn.run)
    found = scene.town.run(lambda: standing(visits))
    assert found["states"] == {"published": 21}
    assert found["outcomes"] == Counter(map(outcome, taken))
    assert found["promises"] == sum(outcome(one) == "committed" for one in taken)
    assert found["unanswered"] == 0
    assert found["settled before"] == sum(outcome(one) == "settled" for one in taken)
    assert found["approved by"] == {deputy: 21}
    assert found["stops"] == found["briefings"] == found["notes"] == 21
    assert found["supports"] == {ident: request.supports for ident, (request, _space) in asked.items()}
    for space_id in visits.values():
        own = [request for request, space in asked.values() if space == space_id]
        check_report(scene, space_id, own)


def settle() -> None:
    """Let all accounts be of last year: new ones together are slowed down."""
    with write() as session:
        session.execute(sa.update(User).values(created_at=api.now() - dt.timedelta(days=365)))


def take_in(taken: list[generated.Request], admin: int) -> None:
    """Take the requests in as a file, as the command line does."""
    table = tables.read(generated.table(taken))
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)
    result = imports.take_in(table, imports.guess(table.header), "Import", day, [admin])
    assert not result.errors
    assert result.imported == len(taken)


def questions(of_key: dict[str, generated.Request]) -> dict[int, tuple[generated.Request, int]]:
    """Each question with the request that it came from and its visit, in the order of the file."""
    rows = sa.select(Entry.id, Entry.space_id).where(Entry.kind == "visits.question").order_by(Entry.id)
    found = db.session.execute(rows).all()
    return {row.id: (one, row.space_id) for row, one in zip(found, of_key.values(), strict=True)}


def announce(space_id: int, deputy: int) -> None:
    """The coordinator completes the visit, names the official, and announces it."""
    visit, space = api.get_or_404(Visit, space_id), api.get_or_404(Space, space_id)
    details = {"meeting_point": "Devant la mairie"}
    plan = actions.Plan(space.name, "", None, details, [deputy], [])
    actions.change_visit(visit, plan, space.version)
    actions.announce(api.get_or_404(Visit, space_id))


def accept(own: dict[int, generated.Request]) -> None:
    """The coordinator accepts each question and assigns it to its department."""
    for ident in own:
        casework = db.session.get(Casework, ident)
        decision = triage.Decision("assign", department_id=casework.department_id)
        triage.decide(ident, decision)


def lend_voices(own: dict[int, generated.Request], number: int) -> None:
    """A resident supports what has more supporters than came before them."""
    for ident, request in own.items():
        if request.supports > number:
            support(api.get_or_404(Entry, ident), True)


def draft(own: dict[int, generated.Request]) -> None:
    """The coordinator drafts each answer and asks for its approval."""
    for ident, request in own.items():
        answers.submit(ident, f"Voici où nous en sommes : {request.row['avancement_projet']}.", 0)


def approve(own: dict[int, generated.Request]) -> None:
    """The deputy approves each answer, and says what becomes of the question."""
    verbs = {"settled": "settle", "refused": "refuse", "needs_study": "study"}
    for ident, request in own.items():
        _answer, entry = answers.answer_of(ident)
        answers.approve(ident, entry.body, entry.version, outcome=verbs.get(outcome(request), ""))


def promise(own: dict[int, generated.Request]) -> None:
    """What is neither done nor refused nor to be studied is promised."""
    for ident, request in own.items():
        if outcome(request) == "committed":
            department = db.session.get(Casework, ident).department_id
            due = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=180)
            promises.promise(ident, request.row["titre_projet_gagnant"][:300], department, due)


def prepare(space_id: int, own: dict[int, generated.Request]) -> int:
    """Questions close, half of them are to be talked about at a stop, and a briefing is asked for: its id."""
    actions.turn(space_id, "close")
    stop = route.add(space_id, {"title": "Devant la mairie", "minutes": 20})
    route.put(space_id, list(own)[::2], stop)
    actions.turn(space_id, "finish")
    return papers.order(space_id, "briefing")


def hold(space_id: int, own: dict[int, generated.Request]) -> None:
    """The visit takes place: what has a stop is talked about, a note is taken of the first, and it ends."""
    actions.turn(space_id, "begin")
    said = notes.Said(key="first", question_id=next(iter(own)), text="Douze personnes.", attendance=12)
    notes.keep(api.get_or_404(Space, space_id), said)
    for ident in list(own)[::2]:
        answers.turn(ident, "discussion", "discuss", "")
    actions.turn(space_id, "end")


def write_minutes(space_id: int) -> None:
    """The coordinator writes the minutes and asks an official to approve the report."""
    space = api.get_or_404(Space, space_id)
    issue.keep_minutes(space, "On a parlé devant la mairie.", 0)
    issue.ask_approval(space)


def check_report(scene: Scene, space_id: int, own: list[generated.Request]) -> None:
    """What is frozen says what became of each question, with the figures that anybody counts again."""
    report = row(scene, Report, space_id)
    assert scene.browser().get(f"/visits/{space_id}/report").status_code == 200
    data = scene.browser().get(f"/visits/{space_id}/data.json").json
    figures, counted = report.facts["figures"], again(data)
    assert {name: figures[name] for name in counted} == counted
    assert counted["received"] == counted["answered"] == len(own)
    assert Counter(question["outcome"] for question in data["questions"]) == Counter(map(outcome, own))
    assert figures["outcomes"] == Counter(map(outcome, own))
    frozen = scene.browser().get(f"/visits/{space_id}/report/data.json").json
    for table in ("questions", "commitments", "counts"):
        assert [{name: one[name] for name in COLUMNS[table]} for one in frozen[table]] == data[table]
    assert len(data["commitments"]) == sum(outcome(one) == "committed" for one in own)
    assert "On a parlé devant la mairie." in report.facts["minutes"]
    discussed = [question["discussion"] for question in data["questions"]]
    assert discussed.count("discussed") == len(own[::2])


def standing(visits: dict[str, int]) -> dict[str, Any]:
    """What the database holds at the end."""
    often = sa.func.count()
    states = db.session.execute(sa.select(Visit.state, often).group_by(Visit.state)).all()
    outcomes = db.session.execute(sa.select(Question.outcome, often).group_by(Question.outcome)).all()
    unanswered = sa.select(often).select_from(Question).where(Question.answered_at.is_(None))
    supports = sa.select(Entry.id, Entry.support_count).where(Entry.kind == "visits.question")
    held = [api.get_or_404(Visit, space_id) for space_id in visits.values()]
    return {
        "states": dict(states),
        "outcomes": Counter(dict(outcomes)),
        "promises": db.session.scalar(sa.select(often).select_from(Commitment)),
        "unanswered": db.session.scalar(unanswered),
        "settled before": sum(reads.settled_before(visit) for visit in held),
        "stops": db.session.scalar(sa.select(often).select_from(Stop)),
        "briefings": db.session.scalar(sa.select(often).select_from(Paper).where(Paper.state == "done")),
        "notes": db.session.scalar(sa.select(often).select_from(Note)),
        "supports": dict(list(db.session.execute(supports))),
        "approved by": Counter(db.session.scalars(sa.select(Report.approved_by))),
    }


def test_the_list_shows_each_visit_once_and_first_where_something_waits(scene: Scene) -> None:
    waits, other = scene.visit(), scene.visit(name="Another visit")
    scene.question(waits)
    page = scene.browser("mayor").get("/visits/").text.partition("<main")[2]
    assert page.count(f'class="card-link" href="/visits/{waits}/review"') == 1
    assert f'class="card-link" href="/visits/{waits}"' not in page
    assert page.count(f'class="card-link" href="/visits/{other}"') == 1
    assert page.index(f'href="/visits/{waits}/review"') < page.index(f'href="/visits/{other}"')
    assert f'href="/visits/{waits}/review?queue=unread"' in page
    visitor = scene.browser().get("/visits/").text
    assert visitor.count(f'class="card-link" href="/visits/{waits}"') == 1
    assert "/review" not in visitor


def test_an_outcome_that_is_not_chosen_is_asked_for(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    page, agent = f"/visits/questions/{question}", scene.browser("agent")
    assert agent.submit(f"{page}/conclude", _page=page, verb="").status_code == 302
    assert "Choose what becomes of it." in agent.get(page).text
    assert agent.submit(f"{page}/conclude", _page=page, verb="nonsense").status_code == 404
