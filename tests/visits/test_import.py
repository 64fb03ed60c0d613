"""Questions are taken in from tables as towns have them: all or nothing, each once, what lacks flagged."""

from __future__ import annotations

import csv
import datetime as dt
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core.access import Refused
from core.db import db, now, write
from core.models import Audit, Entry, Membership, Space, User
from plugins.neighbourhood_visits import teams
from plugins.neighbourhood_visits.intake import imports, tables
from plugins.neighbourhood_visits.models import Casework, Department, Question, Visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Scene

FILE = Path(__file__).parents[1] / "data/paris_participatory_budget.csv"
DAY = dt.date(2030, 5, 1)
LINES = "référence;Titre;Adresse;Quartier;Service\nA1;Où est le banc ?;rue d’Été;Centre;Voirie\n"


def take_in(scene: Scene, data: bytes, **said: Any) -> imports.Result:
    """Take in a file as the command line does."""

    def act() -> imports.Result:
        table = tables.read(data)
        return imports.take_in(table, imports.guess(table.header), "Import", DAY, **said)

    return scene.town.run(act)  # type: ignore[no-any-return]


def count(scene: Scene, model: Any) -> int:
    return int(scene.town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(model))))


@pytest.mark.slow
def test_the_file_of_paris_as_it_is_and_once_more(scene: Scene) -> None:
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    titles, places = (
        [row for row in rows if row[f"{name}_projet_gagnant"].startswith("NON REGISTR")]
        for name in ("titre", "adresse")
    )
    flagged = len({row["identifiant_projet_gagnant"] for row in (*titles, *places)})
    assert flagged
    assert str(take_in(scene, FILE.read_bytes())) == f"1341 imported, 0 already there, {flagged} flagged"
    assert (count(scene, Question), count(scene, Visit), count(scene, Department)) == (1341, 21, 19)
    assert str(take_in(scene, FILE.read_bytes())) == f"0 imported, 1341 already there, {flagged} flagged"
    assert (count(scene, Question), count(scene, Visit), count(scene, Department)) == (1341, 21, 19)

    def read() -> list[Any]:
        found = sa.select(Entry, Question, Casework).join(Question, Question.entry_id == Entry.id)
        return list(db.session.execute(found.join(Casework, Casework.entry_id == Entry.id)))

    found = scene.town.run(read)
    assert {entry.title for entry, _question, _casework in found} >= {
        row["titre_projet_gagnant"].strip() for row in rows if row not in titles
    }, "titles that begin with + or # stay as they are"
    assert all("NON REGISTR" not in entry.title + question.place for entry, question, _casework in found)
    assert len([1 for _entry, question, _casework in found if not question.place]) == len(places)
    assert all((not question.place) == ("place" in casework.flags) for _entry, question, casework in found)
    assert all(entry.state == "pending" and question.triage == "submitted" for entry, question, _c in found)
    assert all(casework.department_id for _entry, _question, casework in found)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_whatever_the_separator_and_the_encoding(encoding: str, separator: str) -> None:
    table = tables.read(LINES.replace(";", separator).encode(encoding))
    assert table.header == ("référence", "Titre", "Adresse", "Quartier", "Service")
    assert table.rows == ((2, ("A1", "Où est le banc ?", "rue d’Été", "Centre", "Voirie")),)
    guessed = {"key": 0, "title": 1, "place": 2, "visit": 3, "department": 4}
    assert imports.guess(table.header) == guessed
    assert imports.guess(("Réf", *table.header[1:])) == guessed


def test_one_wrong_line_and_nothing_is_taken_in(scene: Scene) -> None:
    wrong = LINES + "A2;Trop court\nA3;" + "x" * 201 + ";;Centre;\nA4;Sans quartier;;;\nA1;Encore;;Centre;\n"
    result = take_in(scene, wrong.encode())
    assert [line for line, _text in result.errors] == [3, 4, 5, 6]
    assert count(scene, Question) == count(scene, Visit) == count(scene, Department) == 0


def test_a_failure_in_the_middle_leaves_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fail(*said: Any) -> None:
        asked.append(said)
        if len(asked) == 2:
            raise OSError("the disk is full")
        ask(*said)

    ask = imports._ask
    monkeypatch.setattr(imports, "_ask", fail)
    with pytest.raises(OSError, match="full"):
        take_in(scene, (LINES + "A2;Et la fontaine ?;;Nord;\n").encode())
    assert count(scene, Question) == count(scene, Visit) == count(scene, Department) == 0


def test_whoever_coordinates_sees_the_visits_and_nobody_else(scene: Scene) -> None:
    take_in(scene, LINES.encode(), coordinators=[scene.town.person("agent")])
    [space] = scene.town.run(lambda: list(db.session.scalars(sa.select(Space.id))))
    assert "Où est le banc ?" in scene.browser("agent").get(f"/visits/{space}/review").text
    for name in (None, "resident", "opposition", "colleague", "admin"):
        assert scene.browser(name).get(f"/visits/{space}").status_code == 404, name
    page = f"/visits/{space}"
    scene.browser("agent").submit(f"{page}/announce", _page=page, sure="1")
    assert scene.browser().get(page).status_code == 404, "nobody knows yet where people meet"


def test_an_administrator_takes_charge_of_a_visit_without_a_team_and_of_no_other(scene: Scene) -> None:
    take_in(scene, (LINES + "A2;Un arbre ?;;Nord;\n").encode())
    take_in(scene, b"titre;quartier\nUne haie ?;Sud\n", coordinators=[scene.town.person("agent")])
    rows = sa.select(Visit.code, Visit.space_id)
    visits = dict(scene.town.run(lambda: [tuple(row) for row in db.session.execute(rows)]))
    admin, title = scene.browser("admin"), "Visits on whose team nobody is"
    shown = admin.get("/visits/").text
    assert all(f"/visits/{visits[code]}/take-charge" in shown for code in ("Centre", "Nord"))
    assert f"/visits/{visits['Sud']}/take-charge" not in shown
    assert "Où est le banc" not in shown
    for name in ("agent", "mayor", "resident", None):
        assert title not in scene.browser(name).get("/visits/").text
        told = scene.browser(name).submit(f"/visits/{visits['Nord']}/take-charge", _page="/visits/")
        assert told.status_code in (302, 403), name
    assert scene.town.run(lambda: teams.who_coordinates(visits["Nord"])) == set()
    for code in ("Centre", "Sud"):
        admin.submit(f"/visits/{visits[code]}/take-charge", _page="/visits/")
    gone = admin.submit(f"/visits/{visits['Sud'] + 100}/take-charge", _page="/visits/")
    assert gone.status_code == 302, "as where one is that has its team"
    assert "Où est le banc" in admin.get(f"/visits/{visits['Centre']}/review").text
    assert admin.get(f"/visits/{visits['Sud']}").status_code == 404, "it has its team"
    assert admin.get(f"/visits/{visits['Nord']}").status_code == 404, "it was not asked for"
    acts = sa.select(Audit.act, Audit.ref).where(Audit.act == "visits.take_charge")
    found = scene.town.run(lambda: [tuple(row) for row in db.session.execute(acts)])
    assert found == [("visits.take_charge", f"space/{visits['Centre']}")]


@pytest.mark.parametrize("how", ["closed", "expired"])
def test_who_has_left_is_on_no_team(scene: Scene, how: str) -> None:
    agent, admin = scene.town.person("agent"), scene.browser("admin")
    take_in(scene, LINES.encode(), coordinators=[agent])
    visit = scene.town.run(lambda: db.session.scalar(sa.select(Visit.space_id)))
    take_charge = f"/visits/{visit}/take-charge"
    assert take_charge not in admin.get("/visits/").text

    def leave() -> None:
        with write() as session:
            if how == "closed":
                session.get(User, agent).closed_at = now()
            else:
                ended = sa.update(Membership).where(Membership.user_id == agent)
                session.execute(ended.values(expires_at=now() - dt.timedelta(days=1)))

    scene.town.run(leave)
    assert take_charge in admin.get("/visits/").text
    admin.submit(take_charge, _page="/visits/")
    assert "Où est le banc" in admin.get(f"/visits/{visit}/review").text


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"\x00\x01\x02", b'a;b\n"open;c\n', b"x" * (tables.MOST_BYTES + 1), b"a;" * 101 + b"\n1\n"],
    ids=["nothing", "an empty line", "no text", "an open quote", "too large", "too wide"],
)
def test_what_is_no_table_is_refused(town: Any, data: bytes) -> None:
    with pytest.raises(Refused):
        town.run(lambda: tables.read(data))


def test_more_rows_than_bearable_are_refused(town: Any) -> None:
    with pytest.raises(Refused):
        town.run(lambda: tables.read(b"a;b\n" + b"1;2\n" * (tables.MOST_ROWS + 1)))


@pytest.fixture
def parvis(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line of a new town."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ops.cli", *words]
        environment = {"PATH": os.environ["PATH"], "PARVIS_DATA": str(tmp_path / "town")}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert run("init").returncode == 0
    return run


@pytest.mark.slow
def test_the_command_takes_the_file_of_paris_as_it_is(
    tmp_path: Path, parvis: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    for counts in ("1341 imported, 0 already there", "0 imported, 1341 already there"):
        done = parvis("visits", "import-questions", str(FILE))
        assert (done.returncode, done.stdout) == (0, f"{counts}, 47 flagged\n"), done.stderr
        assert "1341 of 1341" in done.stderr
    with closing(sqlite3.connect(tmp_path / "town/town.db")) as town:
        for table, rows in (("question", 1341), ("visit", 21), ("department", 19)):
            assert town.execute(f"select count(*) from visits_{table}").fetchone() == (rows,), table


@pytest.mark.slow
def test_the_command(tmp_path: Path, parvis: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    file = tmp_path / "questions.csv"
    file.write_text(LINES, encoding="utf-8")
    assert "visits" in parvis("--help").stdout
    done = parvis("visits", "import-questions", str(file))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 imported, 0 already there, 0 flagged\n"
    assert done.stderr.splitlines()[0] == "1 of 1"
    again = parvis("visits", "import-questions", str(file))
    assert again.stdout.splitlines()[-1] == "0 imported, 1 already there, 0 flagged"
    file.write_text(LINES + "A2;Trop court\n", encoding="utf-8")
    wrong = parvis("visits", "import-questions", str(file))
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("line 3: ")
    assert wrong.stderr.splitlines()[-1].startswith("parvis: nothing is imported")


def test_how_and_when_a_question_came_is_kept_and_a_day_that_is_none_refused(scene: Scene) -> None:
    header = "id;titre;quartier;canal;date\n"
    lines = "1;Un banc ?;A;Téléphone;12/03/2026\n2;Un arbre ?;A;pigeon;2026-03-13\n3;Une lampe ?;A;;\n"
    assert str(take_in(scene, (header + lines).encode())) == "3 imported, 0 already there, 3 flagged"
    rows = (
        sa.select(Entry.channel, Entry.created_at).where(Entry.kind == "visits.question").order_by(Entry.id)
    )
    found = scene.town.run(
        lambda: [(row.channel, str(row.created_at)[:10]) for row in db.session.execute(rows)]
    )
    today = str(dt.datetime.now(dt.UTC))[:10]
    assert found == [("phone", "2026-03-12"), ("paper", "2026-03-13"), ("paper", today)]
    for day in ("31/02/2026", "tomorrow", "2999-01-01"):
        result = take_in(scene, f"{header}4;Quoi ?;A;;{day}\n".encode())
        assert [line for line, _why in result.errors] == [2], day
        assert result.imported == 0


def test_how_a_question_came_is_not_said_beside_that_it_is_not_known(scene: Scene) -> None:
    lines = "titre;quartier;canal\nUn banc ?;A;pigeon\n"
    take_in(scene, lines.encode(), came="web", coordinators=[scene.town.person("agent")])
    [space] = scene.town.run(lambda: list(db.session.scalars(sa.select(Space.id))))
    shown = scene.browser("agent").get(f"/visits/{space}/review").text.partition('id="queue"')[2]
    assert "Came in a way that is not known" in shown
    assert "on this site" not in shown
