"""The server between the network and the application: bodies, headers and paths arrive as they were sent."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, has_app_context

from core.config import Config
from ops.rsgi import BODIES, Application, Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .conftest import Server, Streams

pytestmark = pytest.mark.slow

MAX_BODY = 20_000
SLOW = 30
KILLS = 5
AT_ONCE = 2.0  # seconds
UNFINISHED = b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\nemail="


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What the server does has nothing to do with the engine."""
    return sqlite_url


def ask(server: Server, method: str, path: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
    """An answer, read to its end."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    with contextlib.closing(connection):
        chosen = {"Host": "localhost", **{name.replace("_", "-"): text for name, text in headers.items()}}
        connection.request(method, path, body, chosen)
        answer = connection.getresponse()
        answer.text = answer.read().decode()  # type: ignore[attr-defined]
        return answer


def test_requests_are_answered_as_they_should(streams: Streams) -> None:
    server = streams.serve(max_body=MAX_BODY)
    head, get = ask(server, "HEAD", "/sign-in"), ask(server, "GET", "/sign-in")
    assert (head.status, head.text, get.status) == (200, "", 200)  # type: ignore[attr-defined]
    assert 'name="email"' in get.text  # type: ignore[attr-defined]
    style = ask(server, "GET", "/static/parvis.css")
    assert (style.status, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert int(style.headers["Content-Length"]) == len(style.text.encode())  # type: ignore[attr-defined]
    assert ask(server, "GET", "/", Host="evil.example").status == 400
    assert ask(server, "GET", "/people/%E9t%E9").status == 400, "not UTF-8"
    assert ask(server, "GET", "/people/%C3%A9t%C3%A9").status == 404
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert ask(server, "POST", "/sign-in", b"a=1", **form).status == 400, "no cross-site token"
    for body in (b"a=" + b"x" * MAX_BODY, iter([b"a=", *[b"x" * 1000] * 21])):
        assert ask(server, "POST", "/sign-in", body, **form).status == 413


def test_slow_bodies_keep_nobody_waiting(streams: Streams) -> None:
    server = streams.serve()
    with contextlib.ExitStack() as open_:
        for _number in range(SLOW):
            slow = open_.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            slow.sendall(UNFINISHED)
        assert ask(server, "GET", "/sign-in").status == 200
        slow.sendall(b"x" * 8994)
        assert slow.recv(12) == b"HTTP/1.1 400"


def web_process(server: Server, killed: list[int]) -> int:
    """The web process of a server that has one, once it answers and is none of the killed."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert server.process.poll() is None, "the server ended"
        parent = server.process.pid
        living = [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
        if len(living) == 1 and living[0] not in killed and server.answers():
            return living[0]
        time.sleep(0.1)
    raise AssertionError("no web process came in its place")


def test_a_web_process_that_is_killed_again_and_again_is_replaced_each_time(streams: Streams) -> None:
    server = streams.serve()
    killed: list[int] = []
    for _number in range(KILLS):
        killed.append(web_process(server, killed))
        os.kill(killed[-1], signal.SIGKILL)
    web_process(server, killed)
    assert server.stop() < 10


def test_a_server_of_which_no_process_comes_up_ends_and_says_so(
    streams: Streams, free_port: Callable[[], int], tmp_path: Path
) -> None:
    (tmp_path / "town").touch()  # no folder
    run = "from ops import server; server.run(server.Config.from_env(), 'pages')"
    broken = {"PARVIS_PORT": str(free_port()), "PARVIS_DATA": str(tmp_path / "town")}
    command, environment = [sys.executable, "-c", run], streams.environment | broken
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert (ended.stdout + ended.stderr).count("no web process comes up") == 1


@contextlib.contextmanager
def half_sent(addresses: Iterable[str], server: Server, each: int) -> Iterator[list[socket.socket]]:
    """So many connections from each address, each with a body that does not go on."""
    with contextlib.ExitStack() as held:
        senders = []
        for address in addresses:
            for _number in range(each):
                sender = socket.create_connection(("127.0.0.1", server.port), 20, (address, 0))
                senders.append(held.enter_context(sender))
                sender.sendall(UNFINISHED)
        yield senders


def first_line(server: Server, address: str, request: bytes) -> tuple[bytes, float]:
    """The head of the answer to a request from an address, and how many seconds it took."""
    since = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), 40, (address, 0)) as sender:
        sender.sendall(request)
        return sender.recv(4000), time.monotonic() - since


def test_half_sent_bodies_take_the_places_of_their_own_network_alone(streams: Streams) -> None:
    server = streams.serve()
    whole = UNFINISHED.replace(b"9000", b"6")
    slow = socket.create_connection(("127.0.0.1", server.port), 20, source_address=("127.0.0.9", 0))
    with slow:
        slow.sendall(UNFINISHED)
        with half_sent([f"127.0.1.{number}" for number in range(1, 5)], server, BODIES // 2) as senders:
            for address in ("127.0.0.2", "127.0.1.1"):
                answer, seconds = first_line(server, address, whole)
                assert (answer[:12], seconds < AT_ONCE) == (b"HTTP/1.1 400", True), "no cross-site token"
            answer, seconds = first_line(server, "127.0.0.2", UNFINISHED.replace(b"9000", b"99999999999"))
            assert (answer[:12], seconds < AT_ONCE) == (b"HTTP/1.1 413", True), "it needs no place"
            assert senders[0].recv(12) == b"HTTP/1.1 408", "the one that came in longest, of those with most"
            senders[-1].sendall(b"x" * 8994)
            assert senders[-1].recv(12) == b"HTTP/1.1 400", "the latest stayed"
        slow.sendall(b"x" * 8994)
        assert slow.recv(12) == b"HTTP/1.1 400", "it came before them all, the only one of its network"


class Scope:
    """A request as Granian describes it."""

    method, scheme, http_version = "POST", "http", "1.1"
    server, client = "127.0.0.1:8000", "[::1]:9000"
    path, query_string = "/été", "q=%C3%A9"

    def __init__(self, *headers: tuple[str, str]) -> None:
        self.headers = Headers(headers)


class Headers(dict[str, str]):
    """Headers, of which some come twice."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs = list(pairs)
        super().__init__(self.pairs)

    def items(self) -> Any:
        return self.pairs


def test_the_environment_is_what_wsgi_says() -> None:
    application = Application(lambda _environ, _start: [], Config(max_body=MAX_BODY))
    environ = application._environ(
        Scope(
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x_forwarded_for", "6.6.6.6"),
            ("content-type", "text/plain"),
            ("transfer-encoding", "chunked"),
        ),
        b"abc",
    )
    wanted = {
        "PATH_INFO": "/Ã©tÃ©",
        "QUERY_STRING": "q=%C3%A9",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_X_FORWARDED_FOR": "1.2.3.4",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "3",
        "REMOTE_ADDR": "::1",
        "SERVER_PORT": "8000",
        "HTTP_HOST": "",
    }
    assert {name: environ[name] for name in wanted} == wanted
    assert environ["wsgi.input"].read() == b"abc"


class Answers(list[int]):
    """The side of the server that sends: the statuses that were answered."""

    def response_empty(self, status: int, _headers: object) -> None:
        self.append(status)


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """What a page, asked for several times, is answered with."""
    monkeypatch.setattr("ops.rsgi.signal.signal", lambda *_: None)  # not the main thread's here

    async def ask(page: Any, times: int) -> list[int]:
        application, answers = Application(page, Config()), Answers()
        application.__rsgi_init__(asyncio.get_running_loop())
        async with asyncio.timeout(30):
            for _turn in range(times):
                await application.__rsgi__(Scope(), answers)
        return answers

    def run(page: Any, times: int) -> list[int]:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(ask(page, times))).result()

    return run


def test_whatever_a_page_raises_the_next_is_made(answered: Callable[..., list[int]]) -> None:
    def ending(_environ: object, _start: object) -> list[bytes]:
        raise SystemExit

    assert answered(ending, 2) == [500, 500]


def test_who_a_page_is_for_is_never_who_the_next_is_for(answered: Callable[..., list[int]]) -> None:
    held: list[bool] = []

    def leaves_its_context(_environ: object, _start: object) -> list[bytes]:
        held.append(has_app_context())
        Flask(__name__).app_context().push()
        raise LookupError

    assert answered(leaves_its_context, 20) == [500] * 20
    assert held == [False] * 20


class Endless:
    """A sender that never comes to an end."""

    sent = 0

    def __aiter__(self) -> Endless:
        return self

    async def __anext__(self) -> bytes:
        self.sent += 1000
        assert self.sent < 20 * MAX_BODY, "nobody stopped reading"
        return b"x" * 1000


def test_no_more_of_a_body_is_kept_than_is_accepted() -> None:
    application = Application(lambda _environ, _start: [], Config(max_body=MAX_BODY))

    async def body(length: str | None) -> bytes:
        async with asyncio.timeout(60) as patience:
            return await application._body(length, Endless(), patience)

    with ThreadPoolExecutor(1) as pool:  # a browser's fixture may have a loop running in this thread

        def read(length: str | None) -> bytes:
            return pool.submit(lambda: asyncio.run(body(length))).result()

        assert MAX_BODY < len(read(None)) <= MAX_BODY + 1000
        assert read(str(100 * MAX_BODY)) == b""


class Sent(list[bytes]):
    """A sender of these parts, as Granian tells of them."""

    def __aiter__(self) -> Sent:
        return self

    async def __anext__(self) -> bytes:
        if not self:
            raise StopAsyncIteration
        return self.pop(0)


def test_a_body_in_chunks_is_taken_whole_or_not_at_all() -> None:
    application = Application(lambda _environ, _start: [], Config(max_body=MAX_BODY))

    async def body(*parts: bytes) -> bytes:
        async with asyncio.timeout(60) as patience:
            return await application._body(None, Sent(parts), patience)

    def read(*parts: bytes) -> bytes:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(body(*parts))).result()

    assert read(b"email", b"=ana", b"") == b"email=ana"
    with pytest.raises(Broken):  # broken off, or with a trailer: Granian tells of both alike
        read(b"email", b"", b"")
