"""Seeds a large and a small town, measures the promises, prints the table and writes `results.json`."""

import calendar
import http.client
import itertools
import json
import logging
import os
import re
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event

from core import create_app
from core.config import Config
from core.db import db
from tests.chromium import OPTIONS, program

from . import fanout, notices, printing, searching, seed, similar
from .servers import NotExpected, Server, bare, compare, parvis

SMALL, LARGE, FULL = 10_000, 100_000, 1_000_000
ALIKE = 20  # times a bare query: ideas, names and rights are looked at, not words alone
RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Result:
    """One line of the table; `ratio` is what the promise speaks of."""

    name: str
    promise: str
    measured: float
    reference: float
    ratio: float
    holds: bool


def at_least(name: str, bound: float, measured: float, reference: float, ratio: float) -> Result:
    """A promise that a ratio is not smaller."""
    return Result(name, f">= {bound}", measured, reference, ratio, ratio >= bound)


def at_most(name: str, bound: float, measured: float, reference: float, ratio: float) -> Result:
    """A promise that a ratio is not greater."""
    return Result(name, f"<= {bound}", measured, reference, ratio, ratio <= bound)


def pages(large: Server, plain: Server) -> list[Result]:
    """The home feed against a bare page of the same rows, as a visitor and signed in."""
    results = []
    for name, bound in (("visitor", 0.5), ("signed in", 0.4)):
        if name == "signed in":
            large.sign_in(seed.EMAIL, seed.PASSWORD)
        ours, theirs = compare(lambda: large.get("/"), lambda: plain.get("/"), rounds=1000)
        results.append(
            at_least(f"home feed to a bare page, {name}", bound, 1 / ours, 1 / theirs, theirs / ours)
        )
    large.cookie = ""
    return results


def growth(large: Server, small: Server, entries: int) -> list[Result]:
    """A page of a large town against a small one's, and a deep page against the first."""
    big, little = compare(lambda: large.get("/"), lambda: small.get("/"))
    newest, deep = (cursor(large, entries, share) for share in (1.0, 0.05))
    first, last = compare(lambda: large.get(f"/?before={newest}"), lambda: large.get(f"/?before={deep}"))
    return [
        at_most(f"time at {entries:,} entries to {SMALL:,}", 1.25, big, little, big / little),
        at_most("time of a page near the end to the first", 1.1, last, first, last / first),
    ]


def cursor(large: Server, entries: int, share: float) -> str:
    """The cursor of a page at this share of all entries, counted from the oldest."""
    database = sqlite3.connect(Path(large.settings["PARVIS_DATA"]) / "town.db")
    row = "SELECT published_at, id FROM core_entry WHERE in_feed AND id <= ? ORDER BY id DESC LIMIT 1"
    moment, ident = database.execute(row, (int(entries * share),)).fetchone()
    database.close()
    seconds, _, micro = moment.partition(".")
    stamp = time.strptime(seconds, "%Y-%m-%d %H:%M:%S")
    return f"{calendar.timegm(stamp) * 1_000_000 + int(micro or 0)}-{ident}"


def statements(config: Config) -> list[Result]:
    """How many statements the home page sends to the database."""
    app = create_app(config)
    seen: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *said: seen.append(said[2]))
    results = []
    for name, bound in (("visitor", 4), ("signed in", 7)):
        client = app.test_client()
        if name == "signed in":
            signed_in(client)
        client.get("/")
        seen.clear()
        client.get("/")
        count = len([said for said in seen if not said.startswith(("BEGIN", "PRAGMA"))])
        results.append(at_most(f"statements of the home page, {name}", bound, count, 1, count))
    return results


def first_view(large: Server) -> list[Result]:
    """What a browser without a cache loads to show the home page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=OPTIONS)
        page = browser.new_page()
        answers: list[Any] = []
        page.on("response", lambda answer: answers.append(answer))
        page.goto(f"http://localhost:{large.port}/", wait_until="networkidle")
        travelled = sum(answer.request.sizes()["responseBodySize"] for answer in answers) / 1024
        browser.close()
    return [
        at_most("first view, KiB gzipped", 60, travelled, 1, travelled),
        at_most("first view, requests", 5, len(answers), 1, len(answers)),
    ]


def start(folder: Path) -> list[Result]:
    """From a cold process to the first answer, beside the same page by models of SQLAlchemy."""
    ours = "from core import create_app; from core.config import Config; app = create_app(Config.from_env())"
    theirs = "from bench.mapped import create; app = create()"
    answer = "; assert app.test_client().get('/', base_url='http://localhost').status_code == 200"
    settings = {"PARVIS_DATA": str(folder), "BENCH_DATABASE": str(folder / "town.db"), "BENCH_TOKEN": "x"}
    settings |= {"PATH": os.environ["PATH"], "PARVIS_URL": "http://localhost"}

    def run(code: str) -> None:
        subprocess.run([sys.executable, "-c", code + answer], check=True, env=settings, capture_output=True)

    measured, reference = compare(lambda: run(ours), lambda: run(theirs), rounds=5, warm=1)
    name, ratio = "start to first answer, to bare Flask + SQLAlchemy", measured / reference
    return [at_most(name, 2, measured, reference, ratio)]


def inserts(config: Config, name: str) -> list[Result]:
    """An entry through the application against its rows by sqlite3 alone; then eight writers at once.

    Measured is what publishes an entry, with Markdown, rights, the plugins' checks, search, notices and open
    pages; and the same as a browser asks for it, with session, token and form. The reference writes
    the same rows, and nothing else, into a copy of the same town, as durably: one transaction for each entry,
    in WAL mode with synchronous=FULL.
    """
    from core.accounts.sessions import as_viewer
    from core.feed.actions import publish
    from core.models import Space

    app, turn, words = create_app(config), itertools.count(), "Hello " * 40
    browser, client = app.test_client(), app.test_client(use_cookies=False)
    token, cookie = signed_in(browser), browser.get_cookie("parvis")
    assert cookie is not None
    headers = {"Cookie": f"parvis={cookie.value}"}  # always the same, as if what it said was shown meanwhile
    town = sqlite3.connect(config.data / "town.db")
    [space] = town.execute("SELECT space_id FROM core_membership WHERE user_id = 1 LIMIT 1").fetchone()

    def published() -> None:
        publish(db.session.get(Space, space), words, client_key=str(next(turn)))

    def posted() -> None:
        form = {"body": words, "client_key": str(next(turn)), "csrf_token": token}
        assert client.post(f"/spaces/{space}/posts", data=form, headers=headers).status_code == 302

    def bare() -> None:
        raw.execute("BEGIN IMMEDIATE")
        own = {"client_key": str(next(turn)), "entry_id": None}
        for statement, values in rows:
            own["entry_id"] = raw.execute(statement, values | own).lastrowid
        raw.execute("UPDATE core_space SET entry_count = entry_count + 1 WHERE id = ?", (space,))
        raw.execute("COMMIT")

    with tempfile.TemporaryDirectory(dir=config.data.parent) as folder:
        raw = sqlite3.connect(Path(folder) / "raw.db", isolation_level=None)
        posted()
        town.backup(raw)
        town.close()
        raw.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
        rows = [newest(raw, table) for table in WRITTEN]
        with app.app_context(), as_viewer(1):
            inner, outer, reference = compare(published, posted, bare)
            db.session.remove()
        raw.close()
    failed = eight_writers(config, space, name)
    return [
        at_least("insert of an entry to raw sqlite3", 0.1, 1 / inner, 1 / reference, reference / inner),
        at_least("the same by a form, to raw sqlite3", 0.05, 1 / outer, 1 / reference, reference / outer),
        at_most("errors with eight writers", 0, failed, 80, failed),
    ]


WRITTEN = ("core_entry", "core_follow", "core_job", "core_search_stale", "core_event")  # by a post


def newest(raw: sqlite3.Connection, table: str) -> tuple[str, dict[str, Any]]:
    """The statement that inserts one more row like the newest of a table, and its values."""
    found = raw.execute(f"SELECT * FROM {table} ORDER BY id DESC LIMIT 1")
    row = dict(zip([column[0] for column in found.description], found.fetchone(), strict=True))
    del row["id"]
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES (:{', :'.join(row)})", row


def signed_in(client: FlaskClient) -> str:
    """Sign a client in as the reader; answers the token of its forms."""
    for path in ("/sign-in", "/me"):
        page = client.get(path).text
        token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)[0]
        if path == "/sign-in":
            client.post(path, data={"email": seed.EMAIL, "password": seed.PASSWORD, "csrf_token": token})
    return token


def eight_writers(config: Config, space: int, name: str) -> int:
    """How many of eighty posts by eight writers at once a server with eight processes refuses."""
    statuses: list[int] = []
    with parvis(config.data, name, workers=8) as server:
        server.sign_in(seed.EMAIL, seed.PASSWORD)
        token, cookie = server.cross_site_token("/me"), server.cookie

        def write(number: int) -> None:
            own = Server(server.command, server.settings, server.token, server.port, cookie)
            own.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
            for turn in range(10):
                own.cookie = cookie
                form = {"body": "Hello", "client_key": f"{number}-{turn}", "csrf_token": token}
                statuses.append(own.request("POST", f"/spaces/{space}/posts", **form)[0].status)
            own.connection.close()

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return 80 - len([status for status in statuses if status in (302, 303)])


def digests(folder: Path) -> list[Result]:
    """Digests for a town of 10,000 people against one of 1,000, and against bare inserts of as many rows."""
    times = {}
    for people in (1_000, 10_000):
        place = folder / f"digests-{people}"
        place.mkdir()
        told, worded = notices.digests(place, people)
        times[people] = (told / people, worded / people)
    (told, worded), (few_told, few_worded) = times[10_000], times[1_000]
    raw = notices.bare(folder, 10_000) / 10_000
    return [
        at_most("digests for 10,000 to 1,000 people, each", 1.3, told, few_told, told / few_told),
        at_most("wording of 10,000 to 1,000 digests, each", 1.3, worded, few_worded, worded / few_worded),
        at_least("digests for 10,000 people to raw sqlite3", 0.01, 1 / told, 1 / raw, raw / told),
    ]


def printed(folder: Path) -> list[Result]:
    """A briefing of five hundred questions against typst alone on the same data."""
    place = folder / "printing"
    place.mkdir()
    ours, alone = printing.briefing(place)
    return [at_most("briefing of 500 questions to bare typst", 1.5, ours, alone, ours / alone)]


def found(config: Config) -> list[Result]:
    """Twenty questions to the search against bare FTS5 queries for the same words."""
    ours, ranked, newest = searching.measure(config, compare)
    name = f"search at {LARGE:,} entries to bare FTS5"
    return [
        at_most(f"{name}, by rank", 1, ours, ranked, ours / ranked),
        at_most(f"{name}, by date", 40, ours, newest, ours / newest),
    ]


def alike(folder: Path) -> list[Result]:
    """Questions that say the same, among 20,000, against a bare FTS5 query for any of the same words."""
    place = folder / "similar"
    place.mkdir()
    ours, theirs = similar.measure(place, compare)
    name = f"similar at {similar.QUESTIONS:,} questions to bare FTS5"
    return [at_most(name, ALIKE, ours, theirs, ours / theirs)]


def fan_out(config: Config, large: Server) -> list[Result]:
    """The last of a thousand streams against a bare asyncio protocol, and the memory of a stream."""
    ours, theirs = fanout.measure(config, large)
    ratio = ours.seconds / theirs.seconds
    return [
        at_most("last of 1,000 streams to a bare asyncio protocol", 2, ours.seconds, theirs.seconds, ratio),
        at_most("memory of a stream, KiB", 20, ours.kib, theirs.kib, ours.kib),
    ]


def measure(folder: Path, entries: int) -> list[Result]:
    """All results, over towns made in this folder."""
    token = f"Bench {secrets.token_hex(6)}"
    logging.disable(logging.INFO)
    configs = {size: seed.town(folder / str(size), size, token) for size in (SMALL, entries)}
    big = configs[entries]
    results = [*statements(big), *start(big.data)]
    with parvis(big.data, token) as large, bare(big.data, token) as plain:
        results += pages(large, plain)
        with parvis(configs[SMALL].data, token) as small:
            results += growth(large, small, entries)
        results += first_view(large)
        results += fan_out(big, large)
    results += inserts(big, token)
    results += found(big if entries == LARGE else seed.town(folder / str(LARGE), LARGE, token))
    results += alike(folder)
    return results + digests(folder) + printed(folder)


def main() -> int:
    """Run, print, write; 1 when a promise does not hold or the run had to stop."""
    entries = FULL if os.environ.get("BENCH") == "full" else LARGE
    print(f"Seeding {seed.PEOPLE:,} people, {seed.SPACES} spaces, {entries:,} and {SMALL:,} entries ...")
    with tempfile.TemporaryDirectory(prefix="parvis-bench-") as folder:
        try:
            results = measure(Path(folder), entries)
        except NotExpected as error:
            print(f"The bench stopped: {error}")
            return 1
    width = max(len(result.name) for result in results)
    print(f"{'':{width}}   promise   measured  reference      ratio")
    for result in results:
        numbers = f"{result.measured:10.4g} {result.reference:10.4g} {result.ratio:10.3g}"
        verdict = "holds" if result.holds else "DOES NOT HOLD"
        print(f"{result.name:{width}}   {result.promise:<8} {numbers}   {verdict}")
    RESULTS.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")
    return 0 if all(result.holds for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
