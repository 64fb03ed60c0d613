"""Questions that say the same in a large town, beside one plain full-text query for any of the same words."""

import csv
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core import create_app, migrate, registry
from core.access import Viewer, as_system, as_viewer
from core.config import Config
from core.db import db, now, write
from core.models import Entry, Space
from plugins.neighbourhood_visits.models import Question, Visit
from plugins.neighbourhood_visits.suggest import learn, similar
from plugins.neighbourhood_visits.suggest.words import words

QUESTIONS, VISITS, CHUNK = 20_000, 40, 1_000
DATA = Path(__file__).parents[1] / "tests/data"


def measure(folder: Path, compare: Callable[..., list[float]]) -> list[float]:
    """Median seconds of thirty questions: by ideas and names over all visits, and by a bare FTS5 query."""
    asked = [row["paraphrase"] for row in table("visits/paraphrases_tuning.csv")]
    config = Config(data=folder, url="http://localhost")
    app = create_app(config)
    with app.app_context():
        with as_system("seed the bench"):
            seed()
        raw = bare(folder)
        everywhere = list(range(1, VISITS + 1))

        def ours() -> None:
            with as_viewer(Viewer(kinds=registry.current().kinds())):
                for text in asked:
                    assert similar.similar(text, everywhere)

        def theirs() -> None:
            for text in asked:
                wanted = " OR ".join({word.stem for word in words(text)})
                found = "SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank LIMIT 5"
                raw.execute(found, (wanted,)).fetchall()

        times = compare(ours, theirs, rounds=5, warm=1)
        db.session.remove()
        db.engine.dispose()
    raw.close()
    return times


def table(name: str) -> list[dict[str, str]]:
    """A table of the tests' data."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def seed() -> None:
    """Visits with as many questions as the bench asks for, public, compared and counted."""
    migrate.upgrade(db.engine, registry.current().modules)
    for plugin in registry.current().modules:
        registry.current().switch(plugin, True)
    with write() as session:
        spaces = [
            {"name": f"Visit {n}", "kind": "visits.visit", "visibility": "public"} for n in range(VISITS)
        ]
        session.execute(sa.insert(Space), spaces)
        visits = [
            {**dict.fromkeys(("starts_at", "ends_at", "questions_close_at"), now()), "meeting_point": "x"}
            | {"space_id": number + 1}
            for number in range(VISITS)
        ]
        session.execute(sa.insert(Visit), visits)
    rows = list(questions(random.Random(1)))
    for first in range(0, QUESTIONS, CHUNK):
        part = rows[first : first + CHUNK]
        with write() as session:
            session.execute(sa.insert(Entry), [entry for entry, _question in part])
            session.execute(sa.insert(Question), [question for _entry, question in part])
            similar.index([entry["id"] for entry, _question in part])
    learn.run()
    with write() as session:
        session.execute(sa.text("ANALYZE"))


def questions(chance: random.Random) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Titles of the real file, each with words of another in its text, over and over."""
    projects = table("paris_participatory_budget.csv")
    for number in range(1, QUESTIONS + 1):
        project, other = projects[number % len(projects)], chance.choice(projects)
        entry = {"id": number, "space_id": number % VISITS + 1, "kind": "visits.question", "in_feed": True}
        entry |= dict.fromkeys(("published_at", "active_at", "created_at"), now())
        entry |= {"title": project["titre_projet_gagnant"][:200], "html": "", "author_id": None}
        entry["body"] = other["titre_projet_gagnant"]
        place = chance.choice(projects)["adresse_projet_gagnant"][:200]
        yield entry, {"entry_id": number, "place": place, "triage": "accepted"}


def bare(folder: Path) -> sqlite3.Connection:
    """The same stems in an FTS5 table, and nothing else."""
    raw = sqlite3.connect(folder / "raw-similar.db", isolation_level=None)
    raw.execute("CREATE VIRTUAL TABLE t USING fts5(words)")
    found = sqlite3.connect(folder / "town.db").execute("SELECT id, title || ' ' || body FROM core_entry")
    stems = ((ident, " ".join(word.stem for word in words(text))) for ident, text in found)
    raw.execute("BEGIN")
    raw.executemany("INSERT INTO t (rowid, words) VALUES (?, ?)", stems)
    raw.execute("COMMIT")
    raw.execute("INSERT INTO t (t) VALUES ('optimize')")
    return raw
