"""What Granian calls: pages are made by the WSGI application on one thread, streams cost none.

A body is read before its page is begun, so that a slow sender keeps nobody waiting.
"""

import asyncio
import contextvars
import io
import os
import queue
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from core.accounts.throttle import network
from core.config import Config

from .streams import Streams

BODIES = 128  # that a web process takes in at once
SLOWEST = 16 * 1024  # bytes a second, from an old phone far from its mast
GRACE = 4.0  # seconds, at the end, for requests that have begun to arrive
READ_AWAY = 8  # times the largest body is read of one that is too large
STREAM_HEADERS = {  # what is said of documents costs each stream memory
    *("content-type", "cache-control", "x-accel-buffering", "x-content-type-options", "x-request-id"),
}
Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Application:
    """One web process: `app` makes its pages, `streams` keeps its streams, if it has any."""

    def __init__(self, app: Wsgi, config: Config, streams: Streams | None = None) -> None:
        self.app, self.config, self.streams = app, config, streams
        self.pages = 0  # that wait to be made, or are being made
        self.places: dict[asyncio.Timeout, str] = {}  # each with its network, in the order they were taken
        self.waiting: queue.SimpleQueue[tuple[Any, Any, bytes, asyncio.Future[None]]] = queue.SimpleQueue()
        self.fixed = {
            "SCRIPT_NAME": "",
            "wsgi.version": (1, 0),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": SentFile,
        }

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        threading.Thread(target=self._make_pages, daemon=True, name="pages").start()
        if self.streams is not None:
            self.streams.start(loop)
        for number in (signal.SIGINT, signal.SIGTERM):  # Granian's own handler, on the loop, runs as well
            signal.signal(number, self._end)

    def _end(self, *_signal: object) -> None:
        """End the streams, and soon the process: Granian would wait for what never arrives whole."""
        if self.streams is not None:
            self.streams.end()
        threading.Thread(target=self._leave, daemon=True, name="end").start()

    def _leave(self) -> None:
        time.sleep(GRACE)
        while self.pages:
            time.sleep(0.1)
        time.sleep(0.1)  # the last page is being sent
        os._exit(0)

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        headers = scope.headers
        body = b""
        if self._takes_body(headers):
            try:
                async with self._place(self._network(scope)), asyncio.timeout(None) as patience:
                    body = await self._body(headers.get("content-length"), protocol, patience)
            except (TimeoutError, Broken):
                protocol.response_empty(408, [("connection", "close")])
                return
        done = self.loop.create_future()
        self.pages += 1
        self.waiting.put((scope, protocol, body, done))
        try:
            await done
        finally:  # also of who hung up
            self.pages -= 1

    def _takes_body(self, headers: Any) -> bool:
        """Whether a body comes that is worth reading: the application refuses others by their head alone."""
        length = headers.get("content-length")
        if length is None:
            return "transfer-encoding" in headers
        return length.isdigit() and int(length) <= READ_AWAY * self.config.max_body

    def _network(self, scope: Any) -> str:
        """The network that a request comes from, as the outermost of our proxies says where there are any."""
        said = [value for name, value in scope.headers.items() if name == "x-forwarded-for"]
        hops, proxies = ",".join(said).split(","), self.config.proxies
        direct = scope.client.rpartition(":")[0].strip("[]")
        return network(hops[-proxies].strip() if said and 0 < proxies <= len(hops) else direct)

    @asynccontextmanager
    async def _place(self, network: str) -> AsyncIterator[None]:
        """A place among the bodies that come in; where none is free, another's ends by a TimeoutError.

        It is the oldest of the network that holds the most: who sends few makes no room for who sends many.
        """
        async with asyncio.timeout(None) as place:
            self.places[place] = network
            try:
                if len(self.places) > BODIES:
                    [(most, _count)] = Counter(self.places.values()).most_common(1)
                    oldest = next(one for one, holder in self.places.items() if holder == most)
                    del self.places[oldest]
                    oldest.reschedule(0)
                yield
            finally:
                self.places.pop(place, None)

    async def _body(self, length: str | None, protocol: Any, patience: asyncio.Timeout) -> bytes:
        """The body, kept little further than the largest accepted; Broken when its sender gave up.

        Whoever sends has some seconds, and more for what has arrived: so long as it is not too slow.
        What is too much is read all the same, up to a bound: a browser that still sends reads no answer.
        A body in chunks with a trailer is refused as well: Granian says of it what it says of one broken off.
        """
        limit, most = asyncio.get_running_loop().time() + self.config.request_seconds, self.config.max_body
        patience.reschedule(limit)
        declared = int(length) if length is not None else 0
        parts: list[bytes] = []
        size, kept, ends = 0, 0, 0
        async for part in protocol:
            size, ends = size + len(part), ends + (not part)
            patience.reschedule(limit + size / SLOWEST)
            if kept <= most and declared <= most:
                parts.append(part)
                kept += len(part)
            if size > READ_AWAY * most:
                break
        if ends > 1 or size < min(declared, READ_AWAY * most):
            raise Broken
        return b"".join(parts)

    def _environ(self, scope: Any, body: bytes) -> Environ:
        """The request as WSGI has it: bytes as Latin-1, headers in capitals."""
        server, client = scope.server.rpartition(":"), scope.client.rpartition(":")
        environ = {
            **self.fixed,
            "REQUEST_METHOD": scope.method,
            "PATH_INFO": scope.path.encode().decode("latin-1"),
            "QUERY_STRING": scope.query_string,
            "SERVER_NAME": server[0].strip("[]"),
            "SERVER_PORT": server[2],
            "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
            "REMOTE_ADDR": client[0].strip("[]"),
            "wsgi.url_scheme": scope.scheme,
            "wsgi.input": io.BytesIO(body),
        }
        if scope.http_version == "1.1":
            environ["HTTP_HOST"] = ""  # which HTTP/1.1 must say, and where none is said is no host of ours
        for name, value in scope.headers.items():
            if "_" in name:  # it would pass for the header with a hyphen
                continue
            key = "HTTP_" + name.upper().replace("-", "_")
            if environ.get(key):
                value = f"{environ[key]}{'; ' if name == 'cookie' else ','}{value}"
            environ[key] = value
        if "HTTP_CONTENT_TYPE" in environ:
            environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE")
        environ.pop("HTTP_TRANSFER_ENCODING", None)  # the body is whole by now
        length = environ.pop("HTTP_CONTENT_LENGTH", None)
        if body or length is not None:
            environ["CONTENT_LENGTH"] = str(len(body)) if body else length
        return environ

    def _make_pages(self) -> None:
        while True:
            scope, protocol, body, done = self.waiting.get()
            try:
                page = contextvars.Context()  # its own: who it is for is never who the next is for
                page.run(self._answer, protocol, self._environ(scope, body))
            except BaseException:  # noqa: BLE001  whatever a page raises, this thread makes the next one
                protocol.response_empty(500, [])
            self.loop.call_soon_threadsafe(done.set_result, None)
            del scope, protocol, body, done

    def _answer(self, protocol: Any, environ: Environ) -> None:
        begun: list[Any] = []
        listening: list[Any] = []
        if self.streams is not None and self.streams.room():
            environ["parvis.listen"] = listening.append
        said = self.app(environ, lambda status, headers, _exc=None: begun.extend((status, headers)))
        try:
            status, headers = int(begun[0][:3]), [_header(*header) for header in begun[1]]
            if listening and status == 200 and self.streams is not None:
                kept = [header for header in headers if header[0] in STREAM_HEADERS]
                self.streams.join(listening[0], protocol.response_stream(status, kept).send_bytes)
            elif isinstance(said, SentFile) and said.path is not None:
                protocol.response_file(status, headers, said.path)
            else:
                protocol.response_bytes(status, headers, b"".join(said))
        finally:
            if hasattr(said, "close"):
                said.close()


class Broken(Exception):
    """A request whose sender went away before its end."""


class SentFile:
    """What the application sends of a file: the server reads the whole of one that has a path by itself."""

    def __init__(self, file: Any, size: int = 64 * 1024) -> None:
        self.file, self.size = file, size
        name = getattr(file, "name", None)
        self.path = name if isinstance(name, str) and file.tell() == 0 else None

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.file.read(self.size), b"")

    def close(self) -> None:
        self.file.close()


def _header(name: str, value: str) -> tuple[str, str]:
    """A header as the server takes it: ASCII alone."""
    return name.lower(), value if value.isascii() else quote(value, safe=" !\"#$%&'()*+,-./:;<=>?@[]^_`{|}~")
