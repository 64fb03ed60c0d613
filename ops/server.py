"""The server of `parvis serve`: web processes under granian, one process for jobs, a watchdog for each."""

import io
import logging
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from core import create_app, logs, registry
from core.config import Config

log = logging.getLogger("parvis.server")
RESTART_PAUSE = 2.0
CONNECTIONS = 512  # of a web process; each may keep a thread waiting for the rest of its request
BODIES = 128  # that a web process takes in at once
CHUNK, IN_MEMORY = 64 * 1024, 256 * 1024
SLOWEST = 16 * 1024  # bytes a second, from an old phone far from its mast

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class PortTaken(Exception):
    """Somebody else listens there."""


def serve(config: Config) -> None:
    """Serve until SIGINT or SIGTERM; web processes and the worker are started again when one dies."""
    check_port(config)
    worker = Worker()
    worker.start()
    server = Granian(
        "ops.server:web",
        factory=True,
        address=config.host,
        port=config.port,
        interface=Interfaces.WSGI,
        workers=config.workers,
        http=HTTPModes.http1,  # a connection of HTTP/2 would bring many requests at once
        backpressure=CONNECTIONS,
        blocking_threads=CONNECTIONS,
        respawn_failed_workers=True,
        respawn_interval=0.2,
        workers_kill_timeout=10,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=logs.server_logging(),
    )
    logging.getLogger("_granian").addFilter(lambda line: "Python threads" not in line.getMessage())
    try:
        server.serve()
    finally:
        worker.stop()


def check_port(config: Config) -> None:
    """Raise PortTaken where the server could not listen."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            raise PortTaken(f"can't listen on {config.host}:{config.port}: {error.strerror}") from error


def web() -> Wsgi:
    """The application of one web process."""
    config = Config.from_env()
    app = create_app(config)
    with app.app_context():
        registry.current().hear(config.data)
    return Web(app.wsgi_app, config, app.extensions["parvis"])


class Web:
    """One web process: requests come in side by side, pages are made one at a time, and what hangs ends it.

    Whoever sends slowly keeps a thread that sleeps. A page leaves whole, so whoever reads slowly keeps none.
    """

    def __init__(self, app: Wsgi, config: Config, plugins: registry.Registry) -> None:
        self.app, self.plugins, self.data = app, plugins, config.data
        self.seconds, self.largest = config.request_seconds, config.max_body
        self.turn, self.places = threading.Lock(), threading.Semaphore(BODIES)
        self.since: float | None = None
        self.due: dict[int, float] = {}
        if (parent := multiprocessing.parent_process()) is not None:
            end_with(parent.pid or 0)
        threading.Thread(target=self._watch, daemon=True, name="watchdog").start()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > self.largest:  # the application says so to whoever sends it
            environ["wsgi.input"] = io.BytesIO()
        elif length or "HTTP_TRANSFER_ENCODING" in environ:
            with tempfile.SpooledTemporaryFile(IN_MEMORY) as body:
                refusal = self._take_in(environ["wsgi.input"], body, length)
                if refusal:
                    start_response(refusal, [("Content-Type", "text/plain"), ("Connection", "close")])
                    return [refusal.encode()]
                environ["wsgi.input"] = body
                return self._page(environ, start_response)
        return self._page(environ, start_response)

    def _take_in(self, sent: Any, body: Any, length: int) -> str:
        """Read a request's body to its end; else answer with the status that says why not."""
        if not self.places.acquire(timeout=self.seconds):
            return "503 Service Unavailable"
        me, size = threading.get_ident(), 0
        self.due[me] = time.monotonic() + self.seconds + (length or self.largest) / SLOWEST
        try:
            while size <= self.largest and (chunk := sent.read(CHUNK)):
                size += body.write(chunk)
        finally:
            del self.due[me]
            self.places.release()
        body.seek(0)
        if size > self.largest:
            return "413 Content Too Large"
        return "400 Bad Request" if size < length else ""

    def _page(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        with self.turn:
            self.since = time.monotonic()
            try:
                answer = self.app(environ, start_response)
                try:
                    return [b"".join(answer)]
                finally:
                    if hasattr(answer, "close"):
                        answer.close()
            finally:
                self.since = None

    def _watch(self) -> None:
        while True:
            time.sleep(min(1.0, self.seconds / 4))
            moment, since = time.monotonic(), self.since
            if since is not None and moment - since > self.seconds:
                hanging = self.plugins.leave_word(self.data, self.seconds)
                log.error("a page hangs; its process ends", extra={"seconds": self.seconds, **hanging})
                os._exit(1)
            overdue = sum(due < moment for due in list(self.due.values()))
            if overdue > BODIES // 2 and self.turn.acquire(timeout=1):
                log.error("too many requests never end; their process does", extra={"requests": overdue})
                os._exit(1)


def end_with(parent: int) -> None:
    """End this process with the one that started it: nothing of a killed server stays behind."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent").start()


class Worker:
    """The process that runs jobs, kept running from a thread of the server's main process."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        self.thread = threading.Thread(target=self._keep, daemon=True, name="worker")

    def start(self) -> None:
        """Run it in the background."""
        self.thread.start()

    def stop(self) -> None:
        """End it, kindly first."""
        self.stopping.set()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.thread.join(5)

    def _keep(self) -> None:
        while not self.stopping.is_set():
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ops.cli", "worker", f"--parent={os.getpid()}"]
            )
            self.process.wait()
            if not self.stopping.wait(RESTART_PAUSE):
                log.error("the worker ended and is started again")
