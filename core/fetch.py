"""`api.fetch`: the one way out to the web. It goes to public addresses alone, and gives up in time.

A name is resolved once; the connection goes to the address that was looked at, while TLS and `Host` keep
the name. Each redirect begins anew. Nothing of the environment (proxies, cookies, credentials) is used.
"""

import functools
import ipaddress
import re
import socket
import ssl
import time
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpcore
import idna
from flask import current_app

from . import __version__, registry
from .db import db

PORTS = {"http": 80, "https": 443}
REDIRECTS = 5
CONNECT_SECONDS = 5.0
PAUSE_SECONDS = 1.0  # between two calls to one host
LONGEST_PAUSE = 24 * 3600.0
LONGEST_URL = 2000
MOVED = (301, 302, 303, 307, 308)
UNICAST6 = ipaddress.ip_network("2000::/3")
RELAYS = ipaddress.ip_network("192.88.99.0/24")
REASONS: dict[type[Exception], str] = {
    httpcore.TimeoutException: "time",
    httpcore.ProtocolError: "protocol",
    httpcore.NetworkError: "connection",
    OSError: "connection",
    zlib.error: "encoding",
}
NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")

dial = httpcore.SyncBackend().connect_tcp
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class FetchError(Exception):
    """Nothing was fetched. `reason` is one word for why; `wait` the seconds to leave the host alone.

    Reasons: url, undeclared, name, address, connection, tls, protocol, time, size, encoding, type, redirects,
    status, pause.
    """

    def __init__(self, reason: str, detail: str = "", wait: float = 0) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.wait = reason, wait


@dataclass(frozen=True)
class Fetched:
    """What an address answered; 304 without a body means unchanged. `url` is the last of all redirects."""

    url: str
    status: int
    body: bytes
    type: str
    etag: str
    last_modified: str


def fetch(
    plugin: str,
    url: str,
    *,
    types: Collection[str] = (),
    etag: str = "",
    last_modified: str = "",
    most: int = 5 * 1024**2,
    seconds: float = 20,
) -> Fetched:
    """GET an address for a plugin whose `egress` names its host (`*` names all); raises FetchError.

    At most `most` bytes once unpacked, within `seconds` in all (looking up names apart), of one of these
    content types if any are given. `etag` and `last_modified` of the time before make it conditional.
    """
    if db.session.info.get("writing"):
        raise RuntimeError("nothing is fetched inside `with write():`")
    allowed = registry.current().installed[plugin].egress
    asked = {"Accept": ", ".join(types) or "*/*", "If-None-Match": etag, "If-Modified-Since": last_modified}
    asked |= {"User-Agent": f"Parvis/{__version__} (+{current_app.config['PARVIS'].base_url})"}
    asked |= {"Accept-Encoding": "gzip"}
    end = time.monotonic() + seconds
    base = ""
    for _ in range(REDIRECTS + 1):
        base, target = _target(base, url, allowed)
        answer = _get(base, target, asked, types, most, end)
        if isinstance(answer, Fetched):
            return answer
        url = answer
    raise FetchError("redirects", "too many")


def public(address: Address) -> bool:
    """Whether an address is one of the public internet's own: no network inside, no way around to one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and address not in RELAYS
    return address in UNICAST6 and address.is_global and not (address.sixtofour or address.teredo)


def resolve(host: str, port: int) -> list[Address]:
    """The addresses of a host, which may be one itself."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError("name", host) from error
    return [ipaddress.ip_address(where[4][0]) for where in found]


def _target(base: str, url: str, allowed: Collection[str]) -> tuple[str, httpcore.URL]:
    """Where an address, or a redirect from `base`, leads; raises FetchError where nobody may go."""
    if len(url) > LONGEST_URL or re.search(r"[\x00-\x20\x7f\\]", url):
        raise FetchError("url", "unfit characters or length")
    try:
        url = urljoin(base, url).partition("#")[0]
        parts = urlsplit(url)
        usual = PORTS[parts.scheme]
        host, port = _host(parts.hostname or ""), parts.port or usual
    except (ValueError, KeyError) as error:
        raise FetchError("url", "neither http nor https, or malformed") from error
    if parts.username is not None or (parts.scheme == "http" and base.startswith("https:")):
        raise FetchError("url", "it holds credentials, or leads from https to http")
    if not {host if port == usual else f"{host}:{port}", "*" if port == usual else ""} & {*allowed}:
        raise FetchError("undeclared", host)
    path = quote((parts.path or "/") + ("?" + parts.query if parts.query else ""), safe="/%:@!$&'()*+,;=~?")
    return url, httpcore.URL(scheme=parts.scheme, host=host, port=port, target=path)


def _host(host: str) -> str:
    """A host as the network knows it: a name in ASCII, or an address in its one ordinary form."""
    if not host.isascii():
        host = idna.encode(host, uts46=True).decode()
    if NAME.fullmatch(host) and not re.fullmatch(r"[0-9]+|0x.*", host.rpartition(".")[2]):
        return host
    return str(ipaddress.ip_address(host.replace("%", " ")))  # no zones


def _get(
    url: str, target: httpcore.URL, asked: dict[str, str], types: Collection[str], most: int, end: float
) -> Fetched | str:
    """Ask once: the answer, or the address that it redirects to."""
    host, port = target.host.decode(), target.port or 0
    addresses = resolve(host, port)
    if not addresses or not all(map(public, addresses)):
        raise FetchError("address", host)
    _take_turn(host, end)
    headers = [(name, value) for name, value in asked.items() if value]
    pool = httpcore.ConnectionPool(_trust(), network_backend=_Pinned(addresses, end))
    try:
        with pool, pool.stream("GET", target, headers=headers) as answer:
            return _read(url, host, answer, types, most)
    except tuple(REASONS) as error:
        reason = next(reason for kind, reason in REASONS.items() if isinstance(error, kind))
        raise FetchError("tls" if "SSL" in str(error) else reason, type(error).__name__) from error


def _read(url: str, host: str, answer: httpcore.Response, types: Collection[str], most: int) -> Fetched | str:
    head = {name.decode("latin1").lower(): value.decode("latin1") for name, value in answer.headers}
    if answer.status in MOVED and "location" in head:
        return head["location"]
    kind = head.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status not in (200, 304):
        asked = head.get("retry-after", "")
        wait = min(float(asked), LONGEST_PAUSE) if asked.isdecimal() else PAUSE_SECONDS
        _turns[host] = time.monotonic() + wait
        raise FetchError("status", str(answer.status), wait)
    body = b""
    if answer.status == 200:
        if types and kind not in types:
            raise FetchError("type", kind)
        body = _body(answer.iter_stream(), head, most)
    seen = (head.get(name, "") for name in ("content-type", "etag", "last-modified"))
    return Fetched(url, answer.status, body, *seen)


def _body(stream: Iterable[bytes], head: dict[str, str], most: int) -> bytes:
    """The body, unpacked; never more of it in memory than is allowed."""
    encoding = head.get("content-encoding", "identity").strip().lower()
    if encoding not in ("gzip", "identity"):
        raise FetchError("encoding", encoding[:20])
    unpack = zlib.decompressobj(31) if encoding == "gzip" else None
    body, travelled = bytearray(), 0
    length = head.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise FetchError("size", "more than allowed")
    for piece in stream:
        travelled += len(piece)
        body += unpack.decompress(piece, most + 1 - len(body)) if unpack else piece
        if max(travelled, len(body)) > most:
            raise FetchError("size", "more than allowed")
    if unpack and not unpack.eof:
        raise FetchError("encoding", "cut off")
    return bytes(body)


class _Pinned(httpcore.NetworkBackend):
    """Connects to addresses that were looked at, whatever the name says by now."""

    def __init__(self, addresses: list[Address], end: float) -> None:
        self.addresses, self.end = addresses, end

    def connect_tcp(self, host: str, port: int, *_: Any, **_options: Any) -> httpcore.NetworkStream:  # noqa: ARG002
        failure: Exception = httpcore.ConnectError()
        for address in self.addresses:
            try:
                return _Timed(dial(str(address), port, min(CONNECT_SECONDS, _left(self.end))), self.end)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _Timed(httpcore.NetworkStream):
    """A stream that ends with the time of the whole call, however slowly it drips."""

    def __init__(self, stream: httpcore.NetworkStream, end: float) -> None:
        self.stream, self.end = stream, end

    def read(self, max_bytes: int, *_: Any, **_more: Any) -> bytes:
        return self.stream.read(max_bytes, _left(self.end))

    def write(self, buffer: bytes, *_: Any, **_more: Any) -> None:
        self.stream.write(buffer, _left(self.end))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, *_: Any, **_more: Any
    ) -> "_Timed":
        return _Timed(self.stream.start_tls(ssl_context, server_hostname, _left(self.end)), self.end)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


_turns: dict[str, float] = {}


def _take_turn(host: str, end: float) -> None:
    """Wait for this process's turn at a host; raises FetchError where that takes too long."""
    moment = time.monotonic()
    for known in [known for known, turn in _turns.items() if turn < moment]:
        del _turns[known]
    wait = _turns.get(host, moment) - moment
    if moment + wait > end:
        raise FetchError("pause", host, wait)
    time.sleep(wait)
    _turns[host] = moment + wait + PAUSE_SECONDS


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise FetchError("time", "it took too long")
    return left


@functools.cache
def _trust() -> ssl.SSLContext:
    """Whom this machine trusts."""
    return ssl.create_default_context()
