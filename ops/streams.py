"""The open streams of a process: one thread that waits for events and tells whoever hears them.

A wake-up says only that there may be news: it may be lost, and costs seconds then, never an event.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from core import live
from core.config import Config
from core.db import db
from core.live import Listener

MOST = 2000  # streams of a process; who comes later asks again now and then
POLL = 0.005  # seconds between looks for a wake-up
QUIET = 5.0  # seconds after which the table is looked at without one
BEAT = 20.0  # seconds between signs of life, at which sign-ins are looked at
LONGEST = 3600.0  # seconds after which a stream ends, and its browser opens another
PATIENCE = 5.0  # seconds after which a browser that takes nothing is left, so that the others hear
EACH = 200  # open pages that may ask for what changed, in a second

Send = Callable[[bytes], Awaitable[None]]

log = logging.getLogger("parvis.live")


class Streams:
    """All streams of this process; others may call `room`, `join` and `end`."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.joining: list[tuple[Listener, Send]] = []
        self.open: dict[Listener, tuple[Send, float]] = {}
        self.thread = threading.Thread(target=self._run, daemon=True, name="live")
        self.closed = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to wait for events; what is told is sent by this loop."""
        self.loop = loop
        self.thread.start()

    def room(self) -> bool:
        """Whether there is room for another stream."""
        return not self.closed and len(self.open) + len(self.joining) < MOST

    def join(self, listener: Listener, send: Send) -> None:
        """Tell a listener, from the event on that it knows."""
        self.joining.append((listener, send))
        if self.closed:
            self.end()

    def end(self, *_signal: object) -> None:
        """End all streams, for good: browsers come again to another process."""
        self.closed = True
        self.joining.clear()
        self.open.clear()

    def _run(self) -> None:
        wakes = wake_ups(self.app.config["PARVIS"])
        next_beat = 0.0
        while not self.closed:
            started = time.monotonic()
            try:
                while not self.joining and not wakes() and time.monotonic() - started < QUIET:
                    time.sleep(POLL)
                beat = time.monotonic() >= next_beat
                if beat:
                    next_beat = time.monotonic() + BEAT
                self._turn(beat)
            except Exception:  # whatever it was, those who listen wait for the next turn
                log.exception("live")
                time.sleep(1)

    def _turn(self, beat: bool) -> None:
        """Let in who joins, and tell everybody what they have not heard."""
        joining, self.joining = self.joining, []
        for listener, send in joining:
            self.open[listener] = send, time.monotonic()
        if not self.open:
            return
        texts = self._hear(beat or bool(joining))
        sign = f"event: beat\ndata: {len(self.open) / EACH:.1f}\n\n"
        new = {listener for listener, _send in joining}
        news: list[tuple[Listener, Send, bytes]] = []
        moment, packed = time.monotonic(), dict[str, bytes]()
        for listener, (send, since) in list(self.open.items()):
            text = texts.get(listener, "")
            if text is None or moment - since > LONGEST:
                self.open.pop(listener, None)
                continue
            if beat or listener in new:
                text += f"id: {listener.after}\n{sign}"
            if text:
                if text not in packed:
                    packed[text] = text.encode()
                news.append((listener, send, packed[text]))
        if news:
            asyncio.run_coroutine_threadsafe(self._send(news), self.loop).result()

    def _hear(self, anyway: bool) -> dict[Listener, str | None]:
        with self.app.app_context():
            try:
                return live.hear(list(self.open), anyway)
            except SQLAlchemyError:
                log.warning("the database does not answer", exc_info=True)
                db.session.rollback()
                return {}

    async def _send(self, news: list[tuple[Listener, Send, bytes]]) -> None:
        rest = iter(news)
        while True:
            try:
                async with asyncio.timeout(PATIENCE):
                    for listener, send, text in rest:  # noqa: B007  who held it up is named below
                        await send(text)
                return
            except Exception:  # noqa: BLE001  the browser has gone, or takes nothing any more
                self.open.pop(listener, None)


def wake_ups(config: Config) -> Callable[[], bool]:
    """A function that says whether somebody may have written since it was last asked."""
    if config.database.startswith("sqlite"):
        return _sqlite(config.database.removeprefix("sqlite:///"))
    return _postgresql(config.database.replace("+psycopg", "", 1))


def _sqlite(path: str) -> Callable[[], bool]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
    seen = 0

    def woken() -> bool:
        nonlocal seen
        before = seen
        [seen] = connection.execute("PRAGMA data_version").fetchone()
        return bool(seen != before)

    return woken


def _postgresql(address: str) -> Callable[[], bool]:
    connection: psycopg.Connection[Any] | None = None
    again = 0.0

    def woken() -> bool:
        nonlocal connection, again
        if connection is None and time.monotonic() < again:
            return False
        try:
            if connection is None:
                connection = psycopg.connect(address, autocommit=True)
                connection.execute(f"LISTEN {live.CHANNEL}")
                return True
            return any(True for _note in connection.notifies(timeout=POLL, stop_after=1))
        except psycopg.OperationalError:
            if connection is not None:
                with suppress(psycopg.Error):
                    connection.close()
            connection, again = None, time.monotonic() + 1
            return False

    return woken
