"""Twenty open pages, connections cut and servers killed at random: each ends with what a fresh load shows."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core.access import Forbidden, Refused
from core.db import db
from core.feed import actions
from core.models import Entry, Event

from .conftest import Stream

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from .conftest import Server, Streams

SECONDS = 300 if os.environ.get("SOAK") else 20
CLIENTS = 18  # and two in a browser
CUT = 0.05
CARD = re.compile(r'<article class="[^"]*" id="post-(\d+)".*?</article>', re.S)
PASSING = re.compile(r'name="csrf_token" value="[^"]*"|<time.*?</time>')


def cards(page: str) -> dict[str, str]:
    """The posts or replies of a page by id, in order, without what differs at each load."""
    return {found[1]: PASSING.sub("", found[0]) for found in CARD.finditer(page)}


class Client(threading.Thread):
    """An open page: it reads what events name anew, as `parvis.js` does, `until` it heard an event."""

    def __init__(self, servers: list[Server], path: str, thread: str | None, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.servers, self.path, self.thread, self.chance = servers, path, thread, chance
        self.shown: dict[str, str] = {}
        self.cursor, self.until, self.opened = 0, sys.maxsize, 0

    def run(self) -> None:
        """Load the page, then listen, and listen again from what was heard."""
        page = self.get(self.path)
        self.shown = cards(page)
        [query] = re.findall(r'data-live="/live\?([^"]*)"', page)
        query, _, after = query.replace("&amp;", "&").rpartition("&after=")
        self.cursor = int(after)
        while self.cursor < self.until:
            with contextlib.suppress(OSError, http.client.HTTPException, AssertionError):
                self.listen(f"{query}&after={self.cursor}")
            time.sleep(self.chance.random() / 4)

    def listen(self, query: str) -> None:
        """Hear until the stream ends, or is cut."""
        with contextlib.closing(Stream(self.chance.choice(self.servers), query)) as stream:
            self.opened += 1
            for ident, sort, data in stream:
                if sort == "message":
                    self.hear(json.loads(data))
                elif sort == "reset":
                    self.reload()
                self.cursor = max(self.cursor, ident)
                if self.cursor >= self.until or self.chance.random() < CUT:
                    return

    def hear(self, said: dict[str, str]) -> None:
        """Read what an event names."""
        _kind, what = said["kind"].split(":")
        root, _, reply = said["ref"].partition("/")
        if self.thread is not None:
            if root == self.thread:
                self.reload()
        elif root in self.shown:
            fresh = cards(self.get(f"/posts/cards?id={root}&space=1"))
            if root in fresh:
                self.shown[root] = fresh[root]
            else:
                self.shown.pop(root)
        if self.thread is None and not reply:  # noqa: SIM102
            if what in ("published", "pinned") or (root not in self.shown and what in ("restored", "moved")):
                self.reload()

    def reload(self) -> None:
        """Press the button that shows what is new."""
        self.shown = cards(self.get(self.path))

    def get(self, path: str) -> str:
        """A page of whichever server answers."""
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.chance.choice(self.servers).get(path)
            time.sleep(0.1)


class Mayhem:
    """What happens in the town meanwhile."""

    def __init__(self, streams: Streams, space: int, thread: int, chance: random.Random) -> None:
        self.streams, self.space, self.thread, self.chance = streams, space, thread, chance
        self.posts, self.replies, self.turns = [streams.say(space, "ann")], list[int](), 0

    def turn(self) -> None:
        """Do something to something."""
        self.turns += 1
        if len(self.posts) < 15 and self.chance.random() < 0.2:
            self.posts.append(self.streams.say(self.space, "ann", title=f"Post {self.turns}"))
        elif len(self.replies) < 40 and self.chance.random() < 0.3:
            self.replies.append(self.streams.say(self.space, "ann", self.thread))
        else:
            ident = self.chance.choice([*self.posts, *self.replies, self.thread])
            self.streams.town.run(lambda: self.change(ident), "ann")

    def change(self, ident: int) -> None:
        """Edit, support, hide, bring back, pin or remove."""
        entry = db.session.get(Entry, ident)
        if entry is None:
            return
        verbs = [
            lambda: actions.change_entry(entry, body=f"Words {self.turns}"),
            lambda: actions.support(entry, self.chance.random() < 0.7),
        ]
        if ident != self.thread:
            verbs += [lambda: actions.hide(entry), lambda: actions.restore(entry)] * 2
            verbs += [lambda: actions.pin(entry, self.chance.random() < 0.5), lambda: actions.remove(entry)]
        with contextlib.suppress(Refused, Forbidden):
            self.chance.choice(verbs)()


@pytest.mark.dear
def test_each_open_page_ends_with_what_a_fresh_load_shows(streams: Streams, chromium: Browser) -> None:
    chance = random.Random(os.environ["SEED"])
    space = streams.town.space("Square", "ann")
    thread = streams.say(space, "ann", title="Thread")
    mayhem = Mayhem(streams, space, thread, chance)
    servers = [streams.serve(), streams.serve()]
    paths = {f"/spaces/{space}": None, f"/posts/{thread}": str(thread)}
    clients = [
        Client(servers, path, root, random.Random(f"{chance.random()}"))
        for path, root in list(paths.items()) * (CLIENTS // 2)
    ]
    with chromium.new_context(locale="en-GB") as context:
        pages = [context.new_page() for _path in paths]
        for page, path, server in zip(pages, paths, servers, strict=True):
            page.goto(f"http://localhost:{server.port}{path}")
        for client in clients:
            client.start()
        killer = threading.Thread(target=kill, args=(servers, chance, end := time.monotonic() + SECONDS))
        killer.start()
        while time.monotonic() < end:
            mayhem.turn()
            page.wait_for_timeout(chance.randrange(200))
        killer.join()
        streams.say(space, "ann", title="Last")
        last = int(streams.town.run(lambda: db.session.scalar(sa.select(sa.func.max(Event.id)))))
        for client in clients:
            client.until = last
        patience = time.monotonic() + 120
        for client in clients:
            client.join(max(0, patience - time.monotonic()))
            assert not client.is_alive(), "it never heard of the last"
            fresh = cards(servers[0].get(client.path))
            assert list(client.shown.items()) == list(fresh.items())
        assert sum(client.opened for client in clients) > 2 * CLIENTS, "few were cut off"
        for page in pages:
            settled(page, last)
            before = texts(page)
            page.reload()
            assert texts(page) == before


def kill(servers: list[Server], chance: random.Random, end: float) -> None:
    """Kill one of the servers, now and then, and start it again."""
    while time.monotonic() < end:
        time.sleep(chance.uniform(1, 4))
        server = chance.choice(servers)
        server.kill()
        server.start()


def settled(page: Page, last: int) -> None:
    """Return when a page has heard all, read it, and shown what waited."""
    page.wait_for_function(
        "last => stream.searchParams.get('after') >= last && !live.reading && !live.changed.size",
        arg=last,
        timeout=120_000,
    )
    if page.locator(".live-news button").count():
        page.locator(".live-news button").click()
        page.locator(".live-news").wait_for(state="detached")


def texts(page: Page) -> list[str]:
    """What a page shows, but for times."""
    script = """all => all.map((one) => {
        const copy = one.cloneNode(true);
        for (const time of copy.querySelectorAll("time")) time.remove();
        return copy.textContent.replace(/\\s+/g, " ");
    })"""
    return list(page.locator(".feed > article").evaluate_all(script))
