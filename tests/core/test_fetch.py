"""`api.fetch` goes to public addresses alone, whatever names, redirects and servers say, and in time."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import socketserver
import threading
import time
import tracemalloc
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpcore
import pytest
from dummy_plugin import plugin as dummy

from core import __version__, api, create_app, fetch
from core.access import as_system
from core.config import Config
from core.db import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask

PUBLIC, OTHER = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello"


@dataclass
class Internet:
    """A loopback server behind every public address, and a resolver that says what a test wants."""

    port: int
    answers: dict[str, bytes | Callable[[socket.socket], None]] = field(default_factory=dict)
    names: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    dialled: list[str] = field(default_factory=list)

    def resolve(self, host: str, _port: int) -> list[Any]:
        """The next answer for a name: the last one is repeated."""
        self.asked.append(host)
        with suppress(ValueError):
            return [ipaddress.ip_address(host)]
        found = self.names.get(host, [[PUBLIC]])
        return [ipaddress.ip_address(one) for one in (found.pop(0) if len(found) > 1 else found[0])]

    def dial(self, address: str, _port: int, seconds: float) -> httpcore.NetworkStream:
        """Connect to the loopback server instead of a public address."""
        self.dialled.append(address)
        return httpcore.SyncBackend().connect_tcp("127.0.0.1", self.port, timeout=seconds)


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Internet]:
    """An internet of one machine, on which nobody is in a hurry to be polite."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            while b"\r\n\r\n" not in head:
                head += self.request.recv(65536) or b"\r\n\r\n"
            found.heads.append(head.decode("latin1"))
            answer = found.answers.get(head.split()[1].decode() if head.split() else "", OK)
            with suppress(OSError):
                answer(self.request) if callable(answer) else self.request.sendall(answer)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        found = Internet(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        monkeypatch.setattr(fetch, "resolve", found.resolve)
        monkeypatch.setattr(fetch, "dial", found.dial)
        monkeypatch.setattr(fetch, "PAUSE_SECONDS", 0.0)
        monkeypatch.setattr(fetch, "_turns", {})
        yield found
        server.shutdown()


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """A portal with the dummy plugin, without a database."""
    config = Config(data=tmp_path_factory.mktemp("town"), url="http://localhost")
    return create_app(config, {"dummy": dummy})


@pytest.fixture
def declared(portal: Flask, internet: Internet) -> Callable[..., Any]:
    """Return `declared(url, …)`: what the dummy plugin gets, which may call `feed.example`."""

    def get(url: str, **kw: Any) -> Any:
        with portal.app_context():
            return api.fetch("dummy", url, **kw)

    return get


@pytest.fixture
def get(declared: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return `get(url, …)`: what a plugin gets that may call whatever staff say."""
    monkeypatch.setitem(vars(dummy.plugin), "egress", ("*",))
    return lambda url="http://feed.example/", **kw: declared(url, **kw)


def refused(get: Callable[..., Any], reason: str, *arguments: Any, **kw: Any) -> api.FetchError:
    """The error of a call that fails for this reason."""
    with pytest.raises(api.FetchError) as raised:
        get(*arguments, **kw)
    assert raised.value.reason == reason, raised.value
    return raised.value


def head(*lines: str, status: str = "200 OK", body: bytes = b"") -> bytes:
    """An answer with these header lines."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin1") + body


def moved(where: str) -> bytes:
    """A redirect."""
    return head(f"Location: {where}", "Content-Length: 0", status="302 Found")


def test_an_answer_is_fetched_and_says_who_asks(get: Any, internet: Internet) -> None:
    internet.answers["/a%20b?q=%C3%A9&x=1"] = (
        head(
            "Content-Type: text/html",
            'ETag: "1"',
            "Last-Modified: Mon, 02 Nov 2026 10:00:00 GMT",
            "Set-Cookie: a=b",
        )
        + b"words"
    )
    found = get(
        "http://feed.example/a%20b?q=é&x=1#top", types=["text/html"], etag='"0"', last_modified="then"
    )
    assert (found.status, found.body, found.type, found.etag) == (200, b"words", "text/html", '"1"')
    assert found.last_modified == "Mon, 02 Nov 2026 10:00:00 GMT"
    assert found.url == "http://feed.example/a%20b?q=é&x=1"
    [asked] = internet.heads
    lines = dict(line.split(": ", 1) for line in asked.splitlines()[1:] if line)
    assert lines["Host"] == "feed.example"
    assert lines["User-Agent"] == f"Parvis/{__version__} (+http://localhost)"
    assert (lines["If-None-Match"], lines["If-Modified-Since"]) == ('"0"', "then")
    assert "Cookie" not in lines


def test_what_did_not_change_is_said_without_a_body(get: Any, internet: Internet) -> None:
    internet.answers["/"] = head('ETag: "1"', status="304 Not Modified")
    found = get(etag='"1"', types=["text/html"])
    assert (found.status, found.body, found.etag) == (304, b"", '"1"')


def test_a_packed_answer_is_unpacked(get: Any, internet: Internet) -> None:
    packed = gzip.compress(b"words " * 1000)
    internet.answers["/"] = head("Content-Encoding: gzip", f"Content-Length: {len(packed)}", body=packed)
    assert get().body == b"words " * 1000


def test_proxies_of_the_environment_are_not_used(
    get: Any, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert get().body == b"hello"
    assert internet.dialled == [PUBLIC]


def test_only_the_hosts_that_a_plugin_declares_are_called(declared: Any, internet: Internet) -> None:
    assert declared("http://feed.example/").body == b"hello"
    for url in ("http://other.example/", "http://feed.example.other.example/", "http://feed.example:81/"):
        refused(declared, "undeclared", url)
    internet.answers["/"] = moved("http://other.example/")
    refused(declared, "undeclared", "http://feed.example/")
    assert len(internet.dialled) == 2


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://feed.example/",
        "gopher://feed.example/",
        "javascript:alert(1)",
        "//feed.example/",
        "feed.example",
        "http:///nothing",
        "http://",
        "",
        "http://user:secret@feed.example/",
        "http://user@feed.example/",
        "http://feed.example\\@127.0.0.1/",
        "http://feed.example/\r\nHost: 127.0.0.1",
        "http://feed.example/\n",
        " http://feed.example/",
        "http://feed.example/\0",
        "http://feed.example:0x50/",
        "http://feed.example:99999/",
        "http://[::1",
        "http://[fe80::1%25eth0]/",
        "http://fe80::1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://8.8.8.010/",
        "http://feed..example/",
        "http://-feed.example/",
        "http://feed.example%00.other.example/",
        "http://" + "a" * 3000,
        "http://xn--/",
    ],
)
def test_addresses_that_are_none(get: Any, internet: Internet, url: str) -> None:
    refused(get, "url", url)
    assert internet.dialled == internet.asked == []


FORBIDDEN = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.2.1",
    "198.18.0.1",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "233.252.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:93.184.215.14",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2002:5db8:d70e::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_addresses_that_are_not_the_public_internet_s(get: Any, internet: Internet, address: str) -> None:
    literal = f"http://[{address}]/" if ":" in address else f"http://{address}/"
    refused(get, "address", literal)
    internet.names["feed.example"] = [[address]]
    refused(get, "address")
    internet.names["feed.example"] = [[PUBLIC, address]]
    refused(get, "address")
    assert internet.dialled == []


@pytest.mark.parametrize("address", [PUBLIC, OTHER, "1.1.1.1", "2a01:e0a::1"])
def test_public_addresses_are_called(get: Any, internet: Internet, address: str) -> None:
    internet.names["feed.example"] = [[address]]
    assert get().body == b"hello"
    assert internet.dialled == [address]


def test_a_name_that_means_nothing_or_nobody(get: Any, internet: Internet) -> None:
    internet.names["feed.example"] = [[]]
    refused(get, "address")


def test_the_real_resolver_answers_addresses_and_its_failure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ipaddress.ip_address("127.0.0.1") in fetch.resolve("localhost", 80)
    assert fetch.resolve("::1", 80) == [ipaddress.ip_address("::1")]

    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(api.FetchError, match="name"):
        fetch.resolve("feed.example", 80)


def test_a_name_that_changes_its_mind_is_asked_once(get: Any, internet: Internet) -> None:
    """Rebinding: the first answer is public, the second would be loopback."""
    internet.names["feed.example"] = [[PUBLIC], ["127.0.0.1"]]
    assert get().body == b"hello"
    assert (internet.asked, internet.dialled) == (["feed.example"], [PUBLIC])
    refused(get, "address")
    assert internet.dialled == [PUBLIC]


def test_the_next_address_is_tried_when_one_does_not_answer(
    get: Any, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dial(address: str, port: int, seconds: float) -> httpcore.NetworkStream:
        if address == OTHER:
            raise httpcore.ConnectError
        return internet.dial(address, port, seconds)

    monkeypatch.setattr(fetch, "dial", dial)
    internet.names["feed.example"] = [[OTHER, PUBLIC]]
    assert get().body == b"hello"
    internet.names["feed.example"] = [[OTHER]]
    refused(get, "connection")


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("file:///etc/passwd", "url"),
        ("javascript:alert(1)", "url"),
        ("http://127.0.0.1/", "address"),
        ("http://2130706433/", "url"),
        ("http://[::ffff:127.0.0.1]/", "address"),
        ("http://169.254.169.254/latest/meta-data/", "address"),
        ("//10.0.0.1/", "address"),
        ("http://inside.example/", "address"),
        ("http://feed.example:6379/", "undeclared"),
        ("http://user:secret@feed.example/", "url"),
        ("http://[", "url"),
        ("/loop", "redirects"),
        ("/a b", "url"),
    ],
)
def test_each_redirect_is_looked_at_anew(get: Any, internet: Internet, where: str, reason: str) -> None:
    internet.names["inside.example"] = [["192.168.0.10"]]
    internet.answers |= {"/": moved(where), "/loop": moved("/loop")}
    refused(get, reason)
    assert set(internet.dialled) == {PUBLIC}
    assert len(internet.dialled) <= fetch.REDIRECTS + 1


def test_a_redirect_that_rebinds_is_refused(get: Any, internet: Internet) -> None:
    internet.names["feed.example"] = [[PUBLIC], ["127.0.0.1"]]
    internet.answers["/"] = moved("http://feed.example/again")
    refused(get, "address")
    assert internet.dialled == [PUBLIC]


def test_good_redirects_are_followed(get: Any, internet: Internet) -> None:
    internet.answers |= {"/": moved("there?x=1"), "/there?x=1": moved("http://Feed.EXAMPLE/end")}
    found = get()
    assert (found.url, found.body) == ("http://Feed.EXAMPLE/end", b"hello")


def test_a_line_break_in_a_location_is_no_header(get: Any, internet: Internet) -> None:
    internet.answers["/"] = head("Location: /a\r\n b\rX-Evil: 1", status="302 Found")
    with pytest.raises(api.FetchError) as raised:
        get()
    assert raised.value.reason in ("protocol", "url")
    assert len(internet.heads) == 1


@pytest.mark.parametrize("name", ["café.example", "CAFÉ.example", "xn--caf-dma.example"])
def test_a_name_with_accents_is_asked_for_as_the_network_knows_it(
    get: Any, internet: Internet, name: str
) -> None:
    get(f"http://{name}/")
    assert internet.asked == ["xn--caf-dma.example"]
    assert "Host: xn--caf-dma.example" in internet.heads[0]


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("１２７.０.０.１", "address"),
        ("127。0。0。1", "address"),
        ("①②⑦.1", "url"),
        ("a\u202eb.example", "url"),
    ],
)
def test_letters_that_look_like_others(get: Any, internet: Internet, host: str, reason: str) -> None:
    refused(get, reason, f"http://{host}/")
    assert internet.dialled == []


def drip(piece: bytes, pause: float = 0.02, first: bytes = b"") -> Callable[[socket.socket], None]:
    """An answer that never ends, a piece at a time."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(first)
        with suppress(OSError):
            while True:
                connection.sendall(piece)
                time.sleep(pause)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        drip(b"H", first=b"HTTP/1.1 200 OK\r\nX: "),
        drip(b"x", first=head("Content-Length: 1000000")),
        drip(b"1\r\nx\r\n", first=head("Transfer-Encoding: chunked")),
        drip(b"HTTP/1.1 100 Continue\r\n\r\n"),
        drip(b""),
    ],
    ids=["headers", "body", "chunks", "informational answers", "nothing"],
)
def test_what_drips_ends_in_time(get: Any, internet: Internet, answer: Any) -> None:
    internet.answers["/"] = answer
    begun = time.monotonic()
    refused(get, "time", seconds=0.3)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (drip(b"X-More: " + b"x" * 50_000 + b"\r\n", 0, b"HTTP/1.1 200 OK\r\n"), "protocol"),
        (head("Content-Length: 99999999999"), "size"),
        (drip(b"x" * 60_000, 0, head()), "size"),
        (drip(b"f000\r\n" + b"x" * 0xF000 + b"\r\n", 0, head("Transfer-Encoding: chunked")), "size"),
        (head("Content-Encoding: gzip", body=gzip.compress(bytes(50_000_000), mtime=0)), "size"),
        (
            drip(
                gzip.compress(b"", mtime=0)[10:] * 100,
                0,
                head("Content-Encoding: gzip", body=gzip.compress(b"", mtime=0)),
            ),
            "size",
        ),
        (head("Content-Encoding: gzip", body=gzip.compress(b"x" * 100, mtime=0)[:-9]), "encoding"),
        (head("Content-Encoding: gzip", body=b"not packed"), "encoding"),
        (head("Content-Encoding: br", body=b"x"), "encoding"),
        (head("Content-Length: 10", body=b"short"), "protocol"),
        (head("Content-Length: 1", "Content-Length: 2", body=b"xx"), "protocol"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol"),
        (b"\0\0\0\0", "protocol"),
        (b"", "protocol"),
        (head("Content-Type: application/zip", body=b"PK"), "type"),
        (head(body=b"no type"), "type"),
        (head(status="404 Not Found"), "status"),
        (head(status="204 No Content"), "status"),
        (head(status="300 Multiple Choices"), "status"),
        (head(status="302 Found"), "status"),
    ],
)
def test_answers_that_are_not_taken(get: Any, internet: Internet, answer: Any, reason: str) -> None:
    internet.answers["/"] = answer
    types = ["text/html"] if reason == "type" else ()
    refused(get, reason, most=100_000, types=types)


def test_what_unpacks_to_much_takes_no_more_memory_than_is_allowed(get: Any, internet: Internet) -> None:
    internet.answers["/"] = head("Content-Encoding: gzip", body=gzip.compress(bytes(50_000_000), mtime=0))
    tracemalloc.start()
    try:
        refused(get, "size", most=100_000)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_as_much_as_is_allowed_is_taken(get: Any, internet: Internet) -> None:
    internet.answers["/"] = head(body=b"x" * 1000)
    assert len(get(most=1000).body) == 1000
    refused(get, "size", most=999)
    packed = gzip.compress(b"x" * 1000)
    internet.answers["/"] = head("Content-Encoding: gzip", body=packed)
    assert len(get(most=1000).body) == 1000
    refused(get, "size", most=999)


def test_a_host_that_asks_for_a_pause_gets_one(get: Any, internet: Internet) -> None:
    internet.answers["/busy"] = head("Retry-After: 120", status="429 Too Many Requests")
    assert refused(get, "status", "http://feed.example/busy").wait == 120
    assert 100 < refused(get, "pause").wait <= 120
    assert len(internet.heads) == 1
    assert get("http://other.example/").body == b"hello"


def test_two_calls_to_one_host_keep_their_distance(
    get: Any, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(fetch, "PAUSE_SECONDS", 5.0)
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=slept.append)
    monkeypatch.setattr(fetch, "time", clock)
    get("http://feed.example/")
    get("http://other.example/")
    get("http://feed.example/")
    assert slept[:2] == [0, 0]
    assert 4 < slept[2] <= 5
    refused(get, "pause", "http://other.example/", seconds=1)


def test_encrypted_connections_check_the_name_at_the_address_that_was_looked_at(
    get: Any, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    class Stream(httpcore.NetworkStream):
        def start_tls(self, ssl_context: Any, server_hostname: Any = None, timeout: Any = None) -> Any:
            seen.extend([ssl_context.check_hostname, ssl_context.verify_mode.name, server_hostname])
            raise httpcore.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]")

        def close(self) -> None:
            pass

    monkeypatch.setattr(fetch, "dial", lambda address, _port, _seconds: seen.append(address) or Stream())
    refused(get, "tls", "https://feed.example/")
    assert seen == [PUBLIC, True, "CERT_REQUIRED", "feed.example"]


def test_a_redirect_from_https_to_http_is_refused() -> None:
    with pytest.raises(api.FetchError, match="https to http"):
        fetch._target("https://feed.example/", "http://feed.example/", ["*"])
    assert fetch._target("http://feed.example/", "https://feed.example/", ["*"])


def test_nothing_is_fetched_while_something_is_written(internet: Internet, portal: Flask) -> None:
    with (
        portal.app_context(),
        as_system("test"),
        write(),
        pytest.raises(RuntimeError, match="inside `with write"),
    ):
        api.fetch("dummy", "http://feed.example/")
    assert internet.heads == []
