"""What the desk suggests on the real file: themes, departments, and questions that say the same."""

from __future__ import annotations

import csv
import datetime as dt
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core.db import db
from core.models import Entry
from core.search.words import stems
from plugins.neighbourhood_visits.intake import imports, tables
from plugins.neighbourhood_visits.models import Visit
from plugins.neighbourhood_visits.suggest import learn, similar, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Scene

DATA = Path(__file__).parents[1] / "data"
FILE = DATA / "paris_participatory_budget.csv"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One engine is enough to measure with."""
    return sqlite_url


def projects() -> list[dict[str, str]]:
    """The rows of the real file."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return [
            {name.removesuffix("_projet_gagnant"): cell.strip() for name, cell in row.items()}
            for row in csv.DictReader(file)
        ]


def said(row: dict[str, str], theme: str = "") -> learn.Said:
    """A project as a question."""
    return learn.Said(row["titre"], place=row["adresse"], theme=theme)


def test_themes_and_departments_of_later_editions_are_among_the_first_suggested() -> None:
    rows = projects()
    earlier = [row for row in rows if int(row["edition"]) <= 2019]
    later = [row for row in rows if int(row["edition"]) > 2019]
    taught = learn.count("theme", ((said(row), row["thematique"]) for row in earlier))
    taught += learn.count(
        "department", ((said(row, row["thematique"]), row["direction_pilote_projet"]) for row in earlier)
    )

    def right(column: str, first: int, ranked: Callable[[dict[str, str]], list[learn.Ranked]]) -> float:
        """How often what is right is among the first."""
        found = [row[column] in [one.label for one in ranked(row)[:first]] for row in later]
        return sum(found) / len(found)

    theme = right("thematique", 2, lambda row: learn.rank("theme", said(row), taught))
    column = "direction_pilote_projet"
    chosen = right(column, 3, lambda row: learn.departments(said(row, row["thematique"]), taught))
    without = right(column, 3, lambda row: learn.departments(said(row), taught))
    print(
        f"theme among two: {theme:.1%}; department among three: {chosen:.1%}, without a theme {without:.1%}"
    )
    assert theme >= 0.75
    assert chosen >= 0.80
    assert without >= 0.80


def paraphrases(name: str) -> list[dict[str, str]]:
    """The paraphrases of titles of the real file, each with its original."""
    with (DATA / f"visits/paraphrases_{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return [{key: text.strip() for key, text in row.items()} for row in csv.DictReader(file)]


def found_by_plain_search(titles: dict[int, str], text: str) -> list[int]:
    """The five that SQLite's full text finds with any of the words, best first: stems as in the core."""
    index = sqlite3.connect(":memory:")
    index.execute("create virtual table said using fts5(words)")
    index.executemany(
        "insert into said (rowid, words) values (?, ?)", ((key, stemmed(one)) for key, one in titles.items())
    )
    asked = " OR ".join(dict.fromkeys(stemmed(text).split()))
    hits = index.execute("select rowid from said where said match ? order by rank, rowid limit 5", (asked,))
    return [rowid for (rowid,) in hits]


def stemmed(text: str) -> str:
    """The telling words of a text as the core's index has them in French."""
    return " ".join(f"f{stems(words.api.fold(word.said))[0]}" for word in words.words(text))


@pytest.fixture
def real(scene: Scene) -> dict[int, str]:
    """The titles of all questions of the real file, taken in and compared, by the ids of their entries."""

    def act() -> dict[int, str]:
        table = tables.read(FILE.read_bytes())
        imports.take_in(table, imports.guess(table.header), "Import", dt.date(2030, 5, 1))
        similar.run()
        learn.run()
        rows = sa.select(Entry.id, Entry.title).where(Entry.kind == "visits.question")
        return {row.id: row.title for row in db.session.execute(rows)}

    return scene.town.run(act)  # type: ignore[no-any-return]


def spaces() -> list[int]:
    """The ids of all visits."""
    return list(db.session.scalars(sa.select(Visit.space_id)))


@pytest.mark.slow
def test_paraphrases_find_their_originals_oftener_than_with_plain_search(
    scene: Scene, real: dict[int, str]
) -> None:
    found = {}
    for name in ("tuning", "apart"):
        rows, ours, theirs = paraphrases(name), 0, 0
        assert len(rows) == 30
        for row in rows:
            original, text = row["title"], row["paraphrase"]
            assert original in real.values(), original
            shared = set(stemmed(original).split()) & set(stemmed(text).split())
            assert len(shared) <= 1, (original, shared)
            near = scene.town.run(lambda text=text: similar.similar(text, spaces()))  # type: ignore[misc]
            ours += any(real[ident] == original for ident, _reasons in near)
            theirs += any(real[ident] == original for ident in found_by_plain_search(real, text))
        print(f"{name}: {ours} of {len(rows)} among the first five, {theirs} with plain full text")
        found[name] = ours / max(theirs, 1)
    assert found["apart"] >= 1.5
