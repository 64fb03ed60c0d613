"""Real servers, killed and raced: what was answered is kept, once, and every process sees the same town."""

from __future__ import annotations

import http.client
import itertools
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from gates import open_gates

from core.models import Entry, Space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.testing import Town

pytestmark = [pytest.mark.slow, pytest.mark.engines]

SOAK = bool(os.environ.get("SOAK"))
ROUNDS = 8 if SOAK else 2
POSTS = 200
WRITERS = 8
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Server:
    """A running `parvis serve`, with all its processes in a group of their own."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def request(
        self, method: str, path: str, cookie: str = "", **fields: str
    ) -> tuple[int, str, http.client.HTTPMessage]:
        """Status, text and headers of an answer; raises OSError or HTTPException where there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(
                method, path, urlencode(fields), {**FORM, "Cookie": cookie, "Host": "localhost"}
            )
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    def kill(self) -> None:
        """End all of its processes at once, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it kindly."""
        self.process.terminate()
        self.process.wait(30)


@dataclass
class Writer:
    """Somebody signed in: their cookie, and the token of their forms."""

    cookie: str
    token: str
    answered: list[str] = field(default_factory=list)

    def post(self, server: Server, space: int, key: str) -> int:
        """Post once; the status, or 0 where no answer came."""
        fields = {"csrf_token": self.token, "client_key": key, "body": f"Hello {key}"}
        try:
            status, _text, _headers = server.request("POST", f"/spaces/{space}/posts", self.cookie, **fields)
        except (OSError, http.client.HTTPException):
            return 0
        if status in (302, 303):
            self.answered.append(key)
        return status


@pytest.fixture
def serve(
    town: Town, tmp_path: Path, database_url: str, free_port: Callable[[], int]
) -> Iterator[Callable[..., Server]]:
    """Return `serve(workers)`: a server of the town under test, in processes of its own."""
    servers: list[Server] = []
    open_gates(town)

    def start(workers: int) -> Server:
        port = free_port()
        settings = {name: value for name, value in os.environ.items() if not name.startswith("PARVIS_")}
        settings |= {"PARVIS_DATA": str(tmp_path), "PARVIS_PORT": str(port), "PARVIS_WORKERS": str(workers)}
        settings["PARVIS_URL"] = "http://localhost"
        if database_url.startswith("postgresql"):
            settings["PARVIS_DATABASE_URL"] = database_url
        log = tmp_path / f"server-{port}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("parvis"), "serve"],
                env=settings,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        server = Server(port, process, log)
        servers.append(server)
        await_answer(server)
        return server

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()


def await_answer(server: Server) -> None:
    """Return when the server answers; fail with its log when it ends instead."""
    while True:
        assert server.process.poll() is None, server.log.read_text()
        try:
            server.request("GET", "/legal")
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        else:
            return


def signed_in(town: Town, name: str, role: str = "resident") -> Writer:
    """Somebody's session, made in this process and good in every server of the same town."""
    browser = town.browser(name, role)
    token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/me").text)[0]
    cookie = browser.client.get_cookie("parvis", "localhost")
    assert cookie is not None
    return Writer(f"parvis={cookie.value}", token)


def said(town: Town, space: int) -> tuple[list[str], int, int]:
    """What was said in a space, how much its counter and a recount say that is."""

    def look() -> Any:
        from core.db import db

        bodies = db.session.scalars(sa.select(Entry.body).where(Entry.space_id == space, Entry.in_feed)).all()
        return list(bodies), db.session.get(Space, space).entry_count, len(bodies)

    found: tuple[list[str], int, int] = town.run(look)
    return found


@pytest.mark.dear
def test_a_killed_server_has_kept_each_answered_post_once_and_its_counters(
    town: Town, serve: Callable[..., Server]
) -> None:
    writer, space = signed_in(town, "ana"), town.space("Square", "ana")
    numbers = itertools.count()
    chance = random.Random(os.environ["SEED"])
    for round_ in range(ROUNDS):
        server = serve(2)
        keys = [f"{round_}-{next(numbers)}" for _ in range(POSTS)]
        killed_at = len(writer.answered) + chance.randint(POSTS // 10, POSTS // 2)
        deadline = threading.Thread(target=kill_after, args=(server, writer, killed_at))
        deadline.start()
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda key: writer.post(server, space, key), keys))  # noqa: B023
        deadline.join()
        bodies, counter, recount = said(town, space)
        assert len(set(bodies)) == len(bodies)
        assert {f"Hello {key}" for key in writer.answered} <= set(bodies)
        assert counter == recount
        server = serve(2)
        with ThreadPoolExecutor(WRITERS) as pool:
            again = list(pool.map(lambda key: writer.post(server, space, key), keys))  # noqa: B023
        assert set(again) <= {302, 303}
        bodies, counter, recount = said(town, space)
        assert sorted(set(bodies)) == sorted(bodies)
        assert {f"Hello {key}" for key in keys} <= set(bodies)
        assert counter == recount == len(set(writer.answered))
        server.stop()


def kill_after(server: Server, writer: Writer, count: int) -> None:
    """Kill the server when so many posts were answered."""
    while len(writer.answered) < count:
        time.sleep(0.001)
    server.kill()


@pytest.mark.dear
def test_posts_from_eight_processes_at_once_all_succeed(town: Town, serve: Callable[..., Server]) -> None:
    people = [signed_in(town, f"person{number}") for number in range(WRITERS)]
    space = town.space("Square", "person0", joining="open")
    members = {town.person(f"person{number}"): "member" for number in range(1, WRITERS)}
    town.run(lambda: join(space, members))
    server = serve(WRITERS)

    def write(number: int) -> list[int]:
        return [people[number].post(server, space, f"{number}-{turn}") for turn in range(10)]

    with ThreadPoolExecutor(WRITERS) as pool:
        statuses = [status for found in pool.map(write, range(WRITERS)) for status in found]
    assert set(statuses) <= {302, 303}
    bodies, counter, recount = said(town, space)
    assert counter == recount == len(set(bodies)) == WRITERS * 10
    assert "database is locked" not in server.log.read_text()


def join(space_id: int, members: dict[int, str]) -> None:
    """Make people members of a space."""
    from core.db import db
    from core.spaces.actions import set_members

    set_members(db.session.get(Space, space_id), "test", members)


def test_a_plugin_switched_off_in_one_server_is_off_in_the_other_at_its_next_request(
    town: Town, serve: Callable[..., Server]
) -> None:
    staff = signed_in(town, "staff", "administrator")
    here, there = serve(1), serve(1)
    for on in (False, True, False, True):
        assert there.request("GET", "/visits/", staff.cookie)[0] == (404 if on else 200)
        fields = {"csrf_token": staff.token, "on": "1" if on else "0", "sure": "1"}
        status, text, _ = here.request(
            "POST", "/admin/plugins/neighbourhood_visits/switch", staff.cookie, **fields
        )
        assert status in (302, 303), text
        assert there.request("GET", "/visits/", staff.cookie)[0] == (200 if on else 404)
        for server in (here, there):
            for path in ("/", "/spaces", "/feed.atom", "/admin/plugins"):
                assert server.request("GET", path, staff.cookie)[0] == 200
