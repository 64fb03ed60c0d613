"""SQLite and PostgreSQL find the same, in the same order, on two hundred queries."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import access, create_app, registry
from core.access import Refused, as_system
from core.config import Config
from core.db import db, write
from core.feed import actions as feed
from core.models import Entry, Membership, Space, User
from core.search import find, index
from core.search.words import composed, split, stems
from core.text import plain
from plugins.neighbourhood_visits import plugin as visits
from plugins.neighbourhood_visits.models import Commitment, Department, Question, Visit
from plugins.neighbourhood_visits.plan.models import Stop
from plugins.neighbourhood_visits.report.models import Report

from . import search_corpus as corpus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from flask import Flask

SEED, POSTS, QUERIES = 20260531, 400, 200
START = dt.datetime(2026, 5, 31, 12, tzinfo=dt.UTC)


@pytest.fixture
def apps(sqlite_url: str, pg_url: str, tmp_path: Path) -> Iterator[dict[str, Flask]]:
    """The same town on each engine, in one process."""
    on_postgresql = Config(data=tmp_path / "pg", url="http://localhost", database_url=pg_url)
    configs = {"sqlite": Config(data=tmp_path, url="http://localhost"), "postgresql": on_postgresql}
    made = {}
    for name, config in configs.items():
        made[name] = create_app(config, {"neighbourhood_visits": visits})
        with made[name].app_context(), as_system("fill"):
            fill()
            registry.current().switch("neighbourhood_visits", True)
            fill_visits()
            while index.waiting():
                index.run()
            db.session.remove()
    yield made
    for app in made.values():
        with app.app_context():
            db.engine.dispose()


def fill() -> None:
    """People, spaces of each visibility, and what the corpus says in them."""
    with write() as session:
        for name in corpus.PEOPLE:
            at = START - dt.timedelta(days=500)
            session.add(
                User(handle=name, name=name.title(), folded=name, created_at=at, about="jardin école")
            )
            session.flush()
        for number, visibility in enumerate(corpus.SPACES, 1):
            at = START - dt.timedelta(days=450 + number)
            name = f"Place {corpus.FRENCH[number]}"
            session.add(
                Space(
                    name=name,
                    folded="",
                    visibility=visibility,
                    created_at=at,
                    body=".",
                    summary="marché et jardins",
                    html="<p>Une école, des piscines, a market</p>",
                )
            )
            session.flush()
            for person in (1, 2) if number == 3 else (1,):
                session.add(Membership(space_id=number, user_id=person, role="owner", team=person == 1))
        session.flush()
    with write():
        for said in corpus.posts(SEED, POSTS):
            place = db.session.get(Space, said["space"] + 1)
            at = START - dt.timedelta(days=said["days"])
            author = corpus.PEOPLE.index(said["author"]) + 1
            entry = feed.publish(
                place, said["body"], said["title"], author_id=author, team_only=said["team_only"], at=at
            )
            if said["hidden"]:
                feed.hide(entry)


def fill_visits() -> None:
    """Visits of each visibility, with what their pages say beside questions: promises, stops, minutes."""
    chance = random.Random(SEED + 1)
    with write() as session:
        session.add(Department(name="Voirie et jardins", folded="voirie et jardins"))
        session.flush()
        for number, visibility in enumerate(corpus.SPACES):
            at = START - dt.timedelta(days=100 * number)
            name = f"Visite {corpus.FRENCH[number]}"
            place = Space(kind="visits.visit", name=name, folded="", visibility=visibility, created_at=at)
            session.add(place)
            session.flush()
            session.add(Membership(space_id=place.id, user_id=1, role="coordinator", team=True))
            session.add(visit_of(place.id, at, corpus.sentence(chance, 6)))
            for position in range(10):
                session.add(
                    Stop(space_id=place.id, position=position, title=corpus.sentence(chance, 4)[:120])
                )
            reasons = [
                {"id": 10 * number + one, "outcome_reason": corpus.sentence(chance)} for one in range(5)
            ]
            facts = {"minutes": f"<p>{corpus.sentence(chance, 300)}</p>", "questions": reasons}
            session.add(Report(space_id=place.id, facts=facts, issued_at=at))
            session.flush()
            for asked in range(10):
                entry = feed.publish(place, corpus.sentence(chance), corpus.sentence(chance, 6), at=at)
                entry.kind = "visits.question"
                said = {"triage": chance.choice(("accepted", "accepted", "rejected"))}
                session.add(Question(entry_id=entry.id, place=corpus.sentence(chance, 4)[:200], **said))
                due = START.date() + dt.timedelta(days=asked)
                row = Commitment(space_id=place.id, question_id=entry.id, department_id=1, due_on=due)
                row.text, row.changed_at = corpus.sentence(chance, 12)[:300], at
                session.add(row)
    index.note_everything()


def visit_of(space_id: int, at: dt.datetime, meeting_point: str) -> Visit:
    """A visit whose report is published."""
    times = {"starts_at": at, "ends_at": at + dt.timedelta(hours=2), "questions_close_at": at}
    return Visit(space_id=space_id, state="published", meeting_point=meeting_point[:200], **times)


def looking(name: str | None) -> AbstractContextManager[Any]:
    """Look for somebody, or for a visitor."""
    kinds = registry.current().kinds()
    ident, role = (corpus.PEOPLE.index(name) + 1, "resident") if name else (None, "visitor")
    return access.as_viewer(access.Viewer(ident, role, kinds=kinds))


def answers(app: Flask, asked: dict[str, Any]) -> tuple[Any, ...]:
    """All that is found, in its order; and what the title's beginning suggests."""
    given = {key: value for key, value in asked.items() if key not in ("viewer", "text")}
    for name in ("since", "until"):
        if name in given:
            given[name] = START - dt.timedelta(days=given[name])
    with app.app_context(), looking(asked["viewer"]):
        hits, cursor, counts = [], None, []
        try:
            while True:
                found = find.search(asked["text"], cursor=cursor, **given)
                hits += [(hit.kind, hit.entry_id, hit.space_id, hit.user_id) for hit in found.hits]
                counts.append(found.count)
                cursor = found.next
                if cursor is None:
                    break
        except Refused as refusal:
            return str(refusal), []
        suggested = [(hit.entry_id, hit.space_id) for hit in find.suggest(asked["text"])]
        db.session.remove()
    return hits, counts, suggested


def test_both_engines_find_the_same_in_the_same_order(apps: dict[str, Flask]) -> None:
    queries = corpus.queries(SEED, QUERIES)
    found = {name: [answers(app, asked) for asked in queries] for name, app in apps.items()}
    for number, asked in enumerate(queries):
        ours, theirs = found["sqlite"][number], found["postgresql"][number]
        assert set(ours[0]) == set(theirs[0]), asked
        assert ours[0][:10] == theirs[0][:10], asked
        assert ours == theirs, asked
    sizes = [len(hits) for hits, *_rest in found["sqlite"]]
    assert sum(1 for size in sizes if size > 10) > QUERIES // 5, (
        "too little is found for the comparison to tell"
    )
    assert sum(1 for size in sizes if size == 0) < QUERIES // 2
    kinds = {hit[0] for hits, *_rest in found["sqlite"] if isinstance(hits, list) for hit in hits}
    assert kinds >= {"visits.visit", "visits.question", "visits.promise", "visits.stop", "visits.report"}
    compare_with_a_plain_look(apps["sqlite"])


def compare_with_a_plain_look(app: Flask) -> None:
    """Single words against a reading of each post: nothing is missed, nothing else is found."""
    chance = random.Random(SEED)
    with app.app_context():
        said = (Entry.state == "published", Entry.kind == "core.post")
        with as_system("read all"):
            entries = [
                (entry.id, {word.folded for word in split(composed(f"{entry.title} {plain(entry.html)}"))})
                for entry in db.session.scalars(sa.select(Entry).where(*said))
            ]
        for text in chance.sample([word for word in corpus.FRENCH + corpus.ENGLISH if word.isalpha()], 40):
            [word] = {one.folded for one in split(text)}
            french, english = stems(word)
            right = {
                ident
                for ident, said in entries
                if any(stems(one)[0] == french or stems(one)[1] == english for one in said)
            }
            with looking("ana"):
                hits, cursor = set(), None
                while True:
                    found = find.search(text, kind="core.post", cursor=cursor)
                    hits |= {hit.entry_id for hit in found.hits}
                    cursor = found.next
                    if cursor is None:
                        break
            assert hits == right, text
        db.session.remove()
