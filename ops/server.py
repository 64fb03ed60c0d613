"""The servers: web processes under granian that make pages, keep streams, or both; a watchdog in each."""

import gc
import json
import logging
import multiprocessing
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from flask import Flask
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from core import registry
from core.config import Config
from core.db import now
from core.models import PluginFault

from .application import application
from .rsgi import Application, Wsgi
from .streams import MOST, Streams

log = logging.getLogger("parvis.server")
LAST_WORDS = "last-words"
RESTART_PAUSE = 2.0
SOON = 30.0  # seconds: where one web process after the other dies sooner, the pause between them grows
STEP, LONGEST = 0.5, 5.0  # seconds, of that pause
TRIES = 4  # web processes that may die at the start before one has come up
BACKLOG = 1024  # connections that may wait, or be served, beside the streams
LOGGING: dict[str, Any] = {  # the same lines of JSON for the web server's own messages
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "core.logs.Lines"}},
    "handlers": {"console": {"()": "core.logs.StderrHandler", "formatter": "json"}},
    "loggers": {
        "_granian": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "granian.access": {"handlers": [], "level": "ERROR", "propagate": False},
    },
}


class PortTaken(Exception):
    """Somebody else listens there."""


def serve(config: Config) -> None:
    """Serve pages, streams and jobs until SIGINT or SIGTERM; a process that dies is started again."""
    check_port(config)
    worker = Worker()
    worker.start()
    try:
        run(config, "both")
    finally:
        worker.stop()


def run(config: Config, what: str) -> None:
    """Serve `pages`, `streams` or `both` until SIGINT or SIGTERM, in processes that are kept running."""
    check_port(config)
    _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each stream is an open file
    come_up, up = multiprocessing.Pipe(duplex=False)
    Server(
        come_up,
        f"ops.server:{what}",
        factory=True,
        address=config.host,
        port=config.port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        workers=config.workers,
        backlog=BACKLOG,
        backpressure=MOST + BACKLOG,
        respawn_failed_workers=True,
        respawn_interval=0.2,
        workers_kill_timeout=10,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=LOGGING,
    ).serve(target_loader=partial(_load, what, up), wrap_loader=False)


class Server(Granian):  # type: ignore[misc,valid-type]
    """Granian that replaces a web process however often one dies, unless none has ever come up."""

    def __init__(self, come_up: Connection, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.come_up, self.up, self.soon = come_up, False, 0

    def _respawn_workers(self, workers: list[int], *how: Any, **delay: Any) -> None:
        dead = [worker for worker in map(self.wrks.__getitem__, workers) if not worker.is_alive()]
        if dead and not self._go_on(min(time.monotonic() - worker.birth for worker in dead)):
            return
        super()._respawn_workers(workers, *how, **delay)
        self.respawned_wrks.clear()  # Granian would end where one that it started dies within seconds

    def _go_on(self, lived: float) -> bool:
        """Whether to replace a process that lived so many seconds; waits, the longer the more died soon."""
        while self.come_up.poll():
            self.up = bool(self.come_up.recv_bytes())
        self.soon = self.soon + 1 if lived < SOON else 0
        if self.soon >= TRIES and not self.up:
            log.error("no web process comes up: the server ends")
            self.interrupt_children.append(0)  # Granian's sign for an exit status that tells of it
            self.signal_handler_interrupt()
        end = time.monotonic() + min(STEP * (self.soon - 1), LONGEST)
        while time.monotonic() < end and not self.interrupt_signal:
            time.sleep(0.1)
        return not self.interrupt_signal


def _load(what: str, up: Connection) -> Application:
    """The application of a new web process, which says that it has come up."""
    application: Application = {"pages": pages, "streams": streams, "both": both}[what]()
    up.send_bytes(b"up")
    return application


def check_port(config: Config) -> None:
    """Raise PortTaken where the server could not listen."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            raise PortTaken(f"can't listen on {config.host}:{config.port}: {error.strerror}") from error


def pages() -> Application:
    """A web process that makes pages; its `/live` answers what is known and ends."""
    config, _app, watched = _made()
    return Application(watched, config)


def both() -> Application:
    """A web process that makes pages and keeps streams."""
    config, app, watched = _made()
    return Application(watched, config, Streams(app))


def streams() -> Application:
    """A web process that keeps streams, and says whether it is well."""
    config, app, watched = _made()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] in ("/live", "/healthz"):
            return watched(environ, start_response)
        start_response("404 Not Found", [])
        return []

    return Application(answer, config, Streams(app))


def _made() -> tuple[Config, Flask, "Watchdog"]:
    """The settings, the application, and its pages under a watchdog; what hung before is heard of."""
    config = Config.from_env()
    app = application(config)
    with app.app_context():
        hear(registry.current(), config.data)
    gc.collect()
    gc.freeze()  # what every request needs stays; looking through it for rubbish takes time in each
    return config, app, Watchdog(app.wsgi_app, config, app.extensions["parvis"])


class Watchdog:
    """Ends the process whose request takes too long; the server starts another in its place."""

    def __init__(self, app: Wsgi, config: Config, plugins: registry.Registry) -> None:
        self.app, self.plugins, self.config = app, plugins, config
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
        seconds = self.config.request_seconds
        while True:
            time.sleep(min(1.0, seconds / 4))
            since = self.since
            if since is not None and time.monotonic() - since > seconds:
                try:
                    hanging = leave_word(self.plugins, self.config.data, seconds)
                    log.error("a page hangs; its process ends", extra={"seconds": seconds, **hanging})
                finally:  # also with a full disk
                    os._exit(1)


def leave_word(plugins: registry.Registry, folder: Path, seconds: float) -> dict[str, str]:
    """Tell the process that will come after this one what hangs; that takes no database, which may."""
    suspects = [one for one in plugins.running if one[0] in plugins.installed]
    if not suspects:
        return {}
    name, place, counts = suspects[-1]
    what = f"{registry.HANGS if counts else 'page hangs'}: its process was ended after {seconds} s"
    with (folder / LAST_WORDS).open("a") as file:
        file.write(json.dumps({"plugin": name, "place": place, "what": what}) + "\n")
    return {"plugin": name, "place": place}


def hear(plugins: registry.Registry, folder: Path) -> None:
    """Write down for staff what the processes before this one left word of."""
    mine = folder / f"{LAST_WORDS}-{os.getpid()}"
    try:
        (folder / LAST_WORDS).rename(mine)  # of several new processes, one hears it
    except FileNotFoundError:
        return
    plugins.waiting += [PluginFault(at=now(), **json.loads(line)) for line in mine.read_text().splitlines()]
    mine.unlink()
    plugins.settle()


def end_with(parent: int) -> None:
    """End this process with the one that started it: nothing of a killed server stays behind."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent").start()


# A web process that is forked while the worker is started would inherit the pipe on which `Popen` waits, and
# let it wait for as long as that process lives: nobody would see the worker end.
starting = threading.Lock()
os.register_at_fork(
    before=starting.acquire, after_in_parent=starting.release, after_in_child=starting.release
)


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
        command = [sys.executable, "-m", "ops.cli", "worker", f"--parent={os.getpid()}"]
        while not self.stopping.is_set():
            try:
                with starting:
                    self.process = subprocess.Popen(command)
                self.process.wait()
            except OSError:  # no room for another process at this moment
                log.exception("the worker could not be started")
            if not self.stopping.wait(RESTART_PAUSE):
                log.error("the worker ended and is started again")
