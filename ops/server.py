"""The server of `parvis serve`: web processes under granian, one process for jobs, a watchdog for each."""

import logging
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from core import create_app, logs
from core.config import Config

log = logging.getLogger("parvis.server")
RESTART_PAUSE = 2.0

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
        blocking_threads=1,
        respawn_failed_workers=True,
        respawn_interval=0.2,
        workers_kill_timeout=10,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=logs.server_logging(),
    )
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
    """The application of one web process, under its watchdog."""
    config = Config.from_env()
    return Watchdog(create_app(config).wsgi_app, config.request_seconds)


class Watchdog:
    """Ends the process whose request takes too long; the server starts another in its place."""

    def __init__(self, app: Wsgi, seconds: float) -> None:
        self.app, self.seconds = app, seconds
        self.since: float | None = None
        if (parent := multiprocessing.parent_process()) is not None:
            end_with(parent.pid or 0)
        threading.Thread(target=self._watch, daemon=True, name="watchdog").start()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.since = time.monotonic()
        try:
            return self.app(environ, start_response)
        finally:
            self.since = None

    def _watch(self) -> None:
        while True:
            time.sleep(min(1.0, self.seconds / 4))
            since = self.since
            if since is not None and time.monotonic() - since > self.seconds:
                log.error("a request hangs; its process ends", extra={"seconds": self.seconds})
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
