"""Streams of real servers: nothing is lost between page and stream, nobody hears what is not theirs."""

from __future__ import annotations

import asyncio
import http.client
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core import live
from core.access import as_system
from core.db import db, write
from core.models import SignIn, Space
from core.spaces import actions as spaces
from ops import streams as process

from .conftest import cookie

if TYPE_CHECKING:
    from core.testing import Town

    from .conftest import Streams


def query(page: str) -> str:
    """What a page asks its stream for."""
    [found] = re.findall(r'data-live="/live\?([^"]*)"', page)
    return found.replace("&amp;", "&")


def test_what_is_said_between_page_and_stream_and_after_is_told_by_either_process(streams: Streams) -> None:
    space = streams.town.space("Square", "ann")
    one, other = streams.serve(), streams.serve()
    page = one.get(f"/spaces/{space}")
    between = streams.say(space, "ann")
    listening = [streams.listen(server, query(page)) for server in (one, other)]
    later = [streams.say(space, "ann"), streams.say(space, "ann", between)]
    for stream in listening:
        assert [stream.next() for _turn in range(3)] == [
            f"core.post:published {between}",
            f"core.post:published {later[0]}",
            f"core.reply:published {between}/{later[1]}",
        ]
    assert one.stop() < 8, "open streams keep no server from ending"
    assert listening[0].ends()
    resumed = streams.listen(other, query(page).replace("after=", "after=0&before="))
    assert resumed.next() == f"core.post:published {between}"


def test_a_server_ends_soon_with_a_stream_an_idle_connection_and_half_a_request_open(
    streams: Streams,
) -> None:
    server = streams.serve()
    streams.listen(server, query(server.get("/")))
    idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    with closing(idle), socket.create_connection(("127.0.0.1", server.port), timeout=20) as half:
        idle.request("GET", "/sign-in", headers={"Host": "localhost"})
        assert idle.getresponse().read()
        half.sendall(
            b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
        )
        assert half.recv(100).startswith(b"HTTP/1.1 100"), "its body is waited for"
        assert server.stop() < 8, "granian itself waits for ten seconds"


def test_somebody_removed_hears_nothing_later(streams: Streams) -> None:
    town = streams.town
    circle, square = town.space("Circle", "owner", "hidden", "invite"), town.space("Square", "owner")

    def members(*names: str) -> None:
        given = {town.person(name): "member" for name in names}
        town.run(lambda: spaces.set_members(db.session.get(Space, circle), "test", given))

    members("member")
    member = cookie(town.browser("member"))
    stream = streams.listen(streams.serve(), "after=0&space=all", member)
    said = streams.say(circle, "owner")
    assert stream.next() == f"core.post:published {said}"
    members()
    streams.say(circle, "owner")
    said = streams.say(square, "owner")
    assert stream.next() == f"core.post:published {said}"


def test_signing_out_ends_the_stream(streams: Streams) -> None:
    town = streams.town
    hall = town.space("Hall", "ann", "portal")
    browser = town.browser("bob")
    stream = streams.listen(streams.serve(), "after=0&space=all", cookie(browser))
    said = streams.say(hall, "ann")
    assert stream.next() == f"core.post:published {said}"
    browser.submit("/sign-out", _page="/me")
    streams.say(hall, "ann")
    assert stream.ends()


def test_pages_alone_say_what_is_known_and_streams_alone_show_no_page(streams: Streams) -> None:
    space = streams.town.space("Square", "ann")
    post = streams.say(space, "ann")
    pages, alone = streams.serve("pages"), streams.serve("streams")
    known = streams.listen(pages, f"after=0&space={space}")
    assert known.next() == f"core.post:published {post}"
    assert known.ends()
    assert streams.listen(alone, f"after=0&space={space}").next() == f"core.post:published {post}"
    with pytest.raises(AssertionError, match="404"):
        alone.get("/")


def test_a_lost_wake_up_costs_seconds_and_no_event(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "wake_ups", lambda _config: lambda: False)
    monkeypatch.setattr(process, "QUIET", 0.2)
    told: list[bytes] = []
    arrived = threading.Event()

    async def send(text: bytes) -> None:
        told.append(text)
        if b"core.notice" in text:
            arrived.set()

    loop = asyncio.new_event_loop()
    running = threading.Thread(target=loop.run_forever)
    running.start()
    streams = process.Streams(town.app)
    streams.start(loop)
    person = town.person("ann")
    streams.join(live.Listener(0, person), send)

    def tell() -> None:
        with write():
            live.tell(f"user/{person}", "core.notice", 1)

    town.run(tell)
    assert arrived.wait(20)
    streams.end()
    streams.thread.join(20)
    loop.call_soon_threadsafe(loop.stop)
    running.join(20)
    loop.close()
    assert b"".join(told).count(b"core.notice") == 1


def test_a_full_process_lets_others_ask_now_and_then(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST", 0)
    assert not process.Streams(town.app).room()
    with town.app.app_context(), as_system("test"):
        assert db.session.scalar(sa.select(sa.func.count()).select_from(SignIn)) == 0
    assert "event: again" in town.browser().get("/live?after=0").text


def test_a_browser_that_takes_nothing_more_holds_nobody_up(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "PATIENCE", 0.05)
    streams, told = process.Streams(town.app), list[bytes]()
    stuck, well = (live.Listener(0, town.person(name)) for name in ("ann", "bob"))

    async def never(_text: bytes) -> None:
        await asyncio.Event().wait()

    async def hears(text: bytes) -> None:
        told.append(text)

    streams.open = {stuck: (never, 0.0), well: (hears, 0.0)}
    telling = streams._send([(stuck, never, b"news"), (well, hears, b"news")])
    with ThreadPoolExecutor(1) as loop:
        loop.submit(asyncio.run, telling).result()
    assert told == [b"news"]
    assert list(streams.open) == [well]
