"""Servers under measure, each on a port of its own; one that is not the expected one stops the run."""

import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode


class NotExpected(Exception):
    """A port is taken, or another server than the expected one answers there."""


@dataclass
class Server:
    """A started server, and a connection to it that is kept open."""

    command: list[str]
    settings: dict[str, str]
    token: str
    port: int
    cookie: str = ""
    process: subprocess.Popen[bytes] = field(init=False)
    connection: http.client.HTTPConnection = field(init=False)

    def __enter__(self) -> "Server":
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise NotExpected(f"port {self.port} is taken: {error.strerror}") from error
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PARVIS_")}
        environment |= self.settings
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(self.command, env=environment, stdout=quiet, stderr=quiet)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        while True:
            if self.process.poll() is not None:
                raise NotExpected(f"{' '.join(self.command)} ended with {self.process.returncode}")
            try:
                answer, body = self.request("GET", "/")
                break
            except OSError:
                self.connection.close()
                time.sleep(0.05)
        if answer.status != 200 or self.token not in f"{answer.headers}{body.decode()}":
            self.__exit__()
            raise NotExpected(f"another server answers on port {self.port}")
        return self

    def __exit__(self, *_exception: object) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.wait(30)

    def request(self, method: str, path: str, **fields: str) -> tuple[http.client.HTTPResponse, bytes]:
        """An answer and its body; cookies are kept."""
        headers, body = {"Host": "localhost", "Cookie": self.cookie}, None
        if fields:
            headers["Content-Type"], body = "application/x-www-form-urlencoded", urlencode(fields)
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            self.cookie = cookie.partition(";")[0]
        return answer, answer.read()

    def get(self, path: str) -> bytes:
        """The body of the answer to a GET, which must succeed; what only the client pays for isn't done."""
        answer, body = self.request("GET", path)
        if answer.status != 200:
            raise NotExpected(f"{path} on port {self.port} answers {answer.status}")
        return body

    def sign_in(self, email: str, password: str) -> None:
        """Keep a session of this person."""
        token = self.cross_site_token("/sign-in")
        answer, _body = self.request("POST", "/sign-in", email=email, password=password, csrf_token=token)
        if answer.status not in (302, 303):
            raise NotExpected(f"signing in answers {answer.status}")

    def cross_site_token(self, path: str) -> str:
        """The token of the forms on a page."""
        return re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(path).decode())[0]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def parvis(folder: Path, token: str, workers: int = 1) -> Server:
    """The portal over a data folder, whose town has the token as its name."""
    port = free_port()
    settings = {"PARVIS_DATA": str(folder), "PARVIS_PORT": str(port), "PARVIS_URL": "http://localhost"}
    settings |= {"PARVIS_WORKERS": str(workers), "PARVIS_LOG_LEVEL": "error"}
    return Server([str(Path(sys.executable).with_name("parvis")), "serve"], settings, token, port)


def bare(folder: Path, token: str) -> Server:
    """The reference over the same database, on the same server."""
    port = free_port()
    settings = {"BENCH_DATABASE": str(folder / "town.db"), "BENCH_TOKEN": token}
    options = ["--interface", "rsgi", "--port", str(port), "--workers", "1", "--log-level", "warning"]
    command = [str(Path(sys.executable).with_name("granian")), *options, "--factory", "bench.bare:serve"]
    return Server(command, settings, token, port)


def compare(*calls: Callable[[], object], rounds: int = 100, warm: int = 200) -> list[float]:
    """The median time of each call in seconds, measured in turns.

    Before that each is warmed up until the servers' other processes have started too.
    """
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds + warm):
        for taken, call in zip(times, calls, strict=True):
            started = time.perf_counter()
            call()
            if turn >= warm:
                taken.append(time.perf_counter() - started)
    return [statistics.median(taken) for taken in times]
