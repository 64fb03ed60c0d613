"""Search in a large town, beside a bare FTS5 query for the same words over the same texts."""

import random
import sqlite3
from collections.abc import Callable

from core import create_app, registry
from core.access import Viewer, as_viewer
from core.config import Config
from core.db import db
from core.search import index
from core.search.find import search

from . import seed

FOUND = 20


def questions(chance: random.Random) -> list[str]:
    """What people look for: a rare word, a common one, both, one but not the other, a phrase."""
    rare = [seed.rare(chance.randrange(seed.RARE)) for _ in range(10)]
    common = chance.sample(seed.WORDS, 4)
    return [
        *rare,
        *common,
        *(f"{word} {common[0]}" for word in rare[:4]),
        f"{rare[0]} -{rare[1]}",
        f'"{common[0]} {common[1]}"',
    ]


def bare(config: Config) -> sqlite3.Connection:
    """The texts of the town in an FTS5 table, and nothing else."""
    raw = sqlite3.connect(config.data / "raw-search.db", isolation_level=None)
    raw.execute("ATTACH ? AS town", (str(config.data / "town.db"),))
    raw.executescript(
        "CREATE VIRTUAL TABLE t USING fts5(words, tokenize='unicode61 remove_diacritics 2');"
        "INSERT INTO t (rowid, words) SELECT id, title || ' ' || body FROM town.core_entry ORDER BY id;"
        "INSERT INTO t (t) VALUES ('optimize')"
    )
    return raw


def as_fts5(question: str) -> str:
    """The same question in the syntax of FTS5."""
    return question.replace(" -", " NOT ")


def measure(config: Config, compare: Callable[..., list[float]]) -> list[float]:
    """Median seconds of all questions: by the portal's search, by bare queries with rank, by date."""
    asked = questions(random.Random(2))
    raw, app = bare(config), create_app(config)
    found = "SELECT rowid FROM t WHERE t MATCH ? ORDER BY {} LIMIT ?"
    with app.app_context():
        index.note_everything()
        while index.waiting():
            index.run(60)
        index.tidy()

        def ours() -> None:
            with as_viewer(Viewer(kinds=registry.current().kinds())):
                for question in asked:
                    assert search(question).hits

        def theirs(order: str) -> None:
            for question in asked:
                assert raw.execute(found.format(order), (as_fts5(question), FOUND)).fetchall()

        times = compare(ours, lambda: theirs("rank"), lambda: theirs("rowid DESC"), rounds=20, warm=3)
        db.session.remove()
        db.engine.dispose()
    raw.close()
    return times
