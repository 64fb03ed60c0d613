"""The search of a large town beside a bare FTS5 query of the same words."""

import sqlite3
import time
from pathlib import Path

from core import create_app
from core.access import as_system
from core.accounts.sessions import as_viewer
from core.config import Config
from core.db import db
from core.search import find, index

from . import seed
from .servers import compare

COMMON, RARE, RAREST = seed.VOCABULARY[1], seed.VOCABULARY[100], seed.VOCABULARY[1000]
QUERIES = {  # as people write them, and as FTS5 has them
    COMMON: COMMON,
    f"{COMMON} {RARE}": f"{COMMON} AND {RARE}",
    f"{RARE} {RAREST}": f"{RARE} AND {RAREST}",
    RAREST: RAREST,
    f'"{COMMON} school"': f'"{COMMON} school"',
    f"{RARE} -{COMMON}": f"{RARE} NOT {COMMON}",
}


def index_all(config: Config) -> float:
    """Index a town; answers how many texts a second that made."""
    app = create_app(config)
    with app.app_context():
        index.note_everything()
        started = time.perf_counter()
        while index.waiting():
            index.run()
        seconds = time.perf_counter() - started
        with as_system("count what was indexed"):
            count = db.session.execute(db.text("SELECT count(*) FROM core_search")).scalar_one()
        db.session.remove()
        db.engine.dispose()
    return float(count) / seconds


def times(config: Config) -> list[tuple[str, float, float, float]]:
    """For each query its name and three times: of ours, of a bare query by rank, and of one by newest."""
    bare = bare_index(config)
    results = []
    app = create_app(config)
    with app.app_context(), as_viewer(1):
        for text, match in QUERIES.items():

            def ours(text: str = text) -> None:
                assert find.search(text).hits

            def by_rank(match: str = match) -> None:
                assert bare.execute(f"{FIND} ORDER BY rank LIMIT 20", (match,)).fetchall()

            def by_newest(match: str = match) -> None:
                assert bare.execute(f"{FIND} ORDER BY rowid DESC LIMIT 20", (match,)).fetchall()

            results.append((text, *compare(ours, by_rank, by_newest, rounds=20, warm=3)))
        db.session.remove()
        db.engine.dispose()
    bare.close()
    return results


FIND = "SELECT rowid FROM bare WHERE bare MATCH ?"


def bare_index(config: Config) -> sqlite3.Connection:
    """The same titles and texts in an FTS5 table and nothing else."""
    database = sqlite3.connect(Path(config.data) / "bare.db", isolation_level=None)
    database.execute(
        "CREATE VIRTUAL TABLE bare USING fts5(title, body, tokenize='unicode61 remove_diacritics 2')"
    )
    database.execute("ATTACH ? AS town", (str(Path(config.data) / "town.db"),))
    database.execute("INSERT INTO bare (rowid, title, body) SELECT id, title, body FROM town.core_entry")
    return database
