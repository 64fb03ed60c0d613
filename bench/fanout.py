"""Live fan-out: the last of a thousand streams of the portal, beside a bare asyncio protocol."""

import asyncio
import contextlib
import re
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core import create_app, live
from core.access import as_system
from core.config import Config
from core.db import db, write

from .servers import Server, free_port

STREAMS, ROUNDS = 1_000, 30
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Reached:
    """Seconds until the last stream was reached, and KiB that a stream took of the server's memory."""

    seconds: float
    kib: float


class Bare(asyncio.Protocol):
    """The reference: whoever connects is told all that one line on the standard input says."""

    everybody: set[asyncio.BaseTransport] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        self.everybody.discard(self.transport)

    def data_received(self, _data: bytes) -> None:
        self.everybody.add(self.transport)
        self.transport.write(HEAD + chunk(b"event: beat\ndata: 0\n\n"))  # type: ignore[attr-defined]


def chunk(text: bytes) -> bytes:
    """A part of an answer of unknown length."""
    return b"%x\r\n%s\r\n" % (len(text), text)


async def serve_bare(port: int) -> None:
    """Serve the reference, and tell everybody each line of the standard input."""
    raise_limit()
    loop = asyncio.get_running_loop()
    await loop.create_server(Bare, "127.0.0.1", port, backlog=STREAMS)

    def tell() -> None:
        said = chunk(b"id: 1\ndata: " + sys.stdin.buffer.readline().strip() + b"\n\n")
        for transport in Bare.everybody:
            transport.write(said)  # type: ignore[attr-defined]

    loop.add_reader(sys.stdin.fileno(), tell)
    await asyncio.Event().wait()


def raise_limit() -> None:
    """Let this process open as many files as it may."""
    _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def measure(config: Config, portal: Server) -> tuple[Reached, Reached]:
    """The portal with one process, and the reference, in turns of the same run."""
    raise_limit()
    port = free_port()
    command = [sys.executable, "-c", f"import asyncio, bench.fanout as f; asyncio.run(f.serve_bare({port}))"]
    bare = subprocess.Popen(command, stdin=subprocess.PIPE)
    app = create_app(config)

    def tell_bare() -> None:
        assert bare.stdin is not None
        bare.stdin.write(b'{"kind": "core.notice", "ref": "1", "topic": "space/1"}\n')
        bare.stdin.flush()

    def tell_portal() -> None:
        with write():
            live.tell("space/1", "core.notice", "1")

    try:
        with app.app_context(), as_system("tell the streams"), contextlib.ExitStack() as open_:
            ours = open_.enter_context(opened(portal.port, child(portal.process.pid)))
            theirs = open_.enter_context(opened(port, bare.pid))
            times: tuple[list[float], list[float]] = ([], [])
            for _round in range(ROUNDS):
                times[0].append(last(ours[0], tell_portal))
                times[1].append(last(theirs[0], tell_bare))
            db.session.remove()
    finally:
        bare.kill()
        bare.wait()
    found = [
        Reached(statistics.median(taken), kib)
        for taken, (_streams, kib) in zip(times, (ours, theirs), strict=True)
    ]
    return found[0], found[1]


@contextlib.contextmanager
def opened(port: int, pid: int) -> Iterator[tuple[selectors.DefaultSelector, float]]:
    """A thousand open streams, and what each took of the server's memory."""
    selector, streams = selectors.DefaultSelector(), []
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.05)
    request = b"GET /live?after=%d&space=all HTTP/1.1\r\nHost: localhost\r\n\r\n" % newest()
    with socket.create_connection(("127.0.0.1", port)) as first:  # what a process takes once is no stream's
        first.sendall(request)
        begun(first)
        before = memory(pid)
    for _number in range(STREAMS):
        stream = socket.create_connection(("127.0.0.1", port))
        stream.sendall(request)
        streams.append(stream)
    for stream in streams:
        begun(stream)
        stream.setblocking(False)
        selector.register(stream, selectors.EVENT_READ)
    taken = (memory(pid) - before) / STREAMS
    yield selector, taken
    for stream in streams:
        stream.close()
    selector.close()


def begun(stream: socket.socket) -> None:
    """Return when a stream has given its first sign of life."""
    said = b""
    while b"beat" not in said:
        said += stream.recv(65536)


def last(selector: selectors.DefaultSelector, tell: Callable[[], None]) -> float:
    """Seconds from when it is told, which for the portal is in the database, until the last has heard."""
    waiting = set(selector.get_map())
    tell()
    started = time.perf_counter()
    while waiting:
        for key, _events in selector.select(30):
            if b"core.notice" in key.fileobj.recv(65536):  # type: ignore[union-attr]
                waiting.discard(key.fd)
    return time.perf_counter() - started


def newest() -> int:
    """The newest event."""
    return int(db.session.execute(live._bounds).one()[1])


def memory(pid: int) -> int:
    """KiB of memory that a process holds."""
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0])


def child(pid: int) -> int:
    """The web process of a server."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    commands = {one: Path(f"/proc/{one}/cmdline").read_text() for one in children}
    return next(int(one) for one, command in commands.items() if "worker" not in command.split("\0"))
