"""Servers in processes of their own over the town under test, and what listens to them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from gates import open_gates

from core.db import db
from core.feed import actions
from core.models import Entry, Space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.testing import Browser, Town

RUN = """
import sys
from core.config import Config
from ops import server
server.end_with(int(sys.argv[2]))
server.run(Config.from_env(), sys.argv[1])
"""


@dataclass
class Server:
    """Web processes of one kind on a port: `pages`, `streams` or `both`."""

    kind: str
    port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start, and return when it answers."""
        command = [sys.executable, "-c", RUN, self.kind, str(os.getpid())]
        self.process = subprocess.Popen(command, env=self.environment, start_new_session=True)
        end = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None, f"{self.kind} ended with {self.process.returncode}"
            assert time.monotonic() < end, f"{self.kind} never answered"
            time.sleep(0.1)

    def answers(self) -> bool:
        """Whether somebody answers on the port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/healthz", headers={"Host": "localhost"})
            return connection.getresponse().status in (200, 503)
        return False

    def kill(self) -> None:
        """End all its processes at once, as a power cut does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> float:
        """End it kindly; say how long it took."""
        started = time.monotonic()
        self.process.terminate()
        assert self.process.wait(30) == 0
        return time.monotonic() - started

    def get(self, path: str, cookie: str = "", port: int | None = None) -> str:
        """The text of a page, which must be there."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Host": "localhost", "Cookie": cookie})
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status == 200, f"{path}: {answer.status} {text}"
            return text


class Stream:
    """An open stream: what it says, event by event."""

    def __init__(self, server: Server, query: str, cookie: str = "", port: int | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port or server.port, timeout=60)
        self.connection.request("GET", f"/live?{query}", headers={"Host": "localhost", "Cookie": cookie})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        assert self.answer.headers["Content-Type"].startswith("text/event-stream")

    def __iter__(self) -> Iterator[tuple[int, str, str]]:
        """Id, sort and data of each event, until the stream ends."""
        said = {"id": "0", "event": "message", "data": ""}
        while line := self.answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                said[name] = value
            else:
                yield int(said["id"]), said["event"], said["data"]
                said |= {"event": "message", "data": ""}

    def next(self) -> str:
        """The next thing it tells, as kind and ref; beats are passed over."""
        for _ident, sort, data in self:
            if sort == "message":
                said = json.loads(data)
                return f"{said['kind']} {said['ref']}"
        raise EOFError

    def ends(self) -> bool:
        """Whether it ends without telling anything more."""
        return all(sort != "message" for _ident, sort, _data in self)

    def close(self) -> None:
        """Hang up."""
        self.answer.close()
        self.connection.close()


@dataclass
class Streams:
    """Starts servers over a town, publishes in it, and listens to it."""

    town: Town
    environment: dict[str, str]
    free_port: Callable[[], int]
    servers: list[Server] = field(default_factory=list)
    opened: list[Stream] = field(default_factory=list)

    def serve(self, kind: str = "both", workers: int = 1, **settings: object) -> Server:
        """A started server."""
        port = self.free_port()
        chosen = {f"PARVIS_{name.upper()}": str(value) for name, value in settings.items()}
        chosen |= {"PARVIS_PORT": str(port), "PARVIS_WORKERS": str(workers)}
        server = Server(kind, port, self.environment | chosen)
        self.servers.append(server)
        server.start()
        return server

    def listen(self, server: Server, query: str, cookie: str = "", port: int | None = None) -> Stream:
        """An open stream, which is closed with the test."""
        self.opened.append(Stream(server, query, cookie, port))
        return self.opened[-1]

    def say(self, space: int, who: str, parent: int | None = None, **options: Any) -> int:
        """The id of a new post, or of a reply."""

        def publish() -> int:
            above = None if parent is None else db.session.get(Entry, parent)
            kind = "core.reply" if above else "core.post"
            place = db.session.get(Space, space)
            return int(actions.publish(place, "Hello", kind=kind, parent=above, **options).id)

        return int(self.town.run(publish, who))


def cookie(browser: Browser) -> str:
    """The header that makes another client the same person."""
    kept = browser.client.get_cookie("parvis")
    return f"parvis={kept.value}" if kept else ""


@pytest.fixture
def streams(town: Town, database_url: str, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Streams]:
    """Servers over the town under test; all end with the test."""
    settings = {"PATH": os.environ["PATH"], "PARVIS_DATA": str(tmp_path), "PARVIS_URL": "http://localhost"}
    settings["PARVIS_LOG_LEVEL"] = "warning"
    if database_url.startswith("postgresql"):
        settings["PARVIS_DATABASE_URL"] = database_url.replace("+psycopg", "", 1)
    open_gates(town)
    made = Streams(town, settings, free_port)
    yield made
    for stream in made.opened:
        stream.close()
    for server in made.servers:
        if server.process.poll() is None:
            server.kill()
