"""Whatever is sent to whatever address: an answer below 500, and nothing written by what was refused."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import hypothesis
import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from werkzeug.datastructures import ImmutableMultiDict

from core.db import Base, db

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from flask.testing import FlaskClient

    from core.testing import Town

pytestmark = pytest.mark.slow

SOAK = bool(os.environ.get("SOAK"))
COUNTED_ELSEWHERE = {"core_throttle", "core_plugin_fault", "core_sign_in"}
LEAVING = {"accounts.sign_out", "accounts.sign_out_everywhere", "accounts.sign_out_device"}

IDS = [
    "1",
    "2",
    "3",
    "0",
    "-1",
    "01",
    "1.5",
    "9" * 30,
    str(2**63),
    "x",
    "é",
    "%00",
    "%FF",
    "a" * 3000,
    "..",
    "%2e",
]
NAMES = [
    "name",
    "title",
    "body",
    "email",
    "password",
    "handle",
    "space",
    "parent",
    "client_key",
    "alt",
    "next",
]
NAMES += [
    "visibility",
    "joining",
    "role",
    "version",
    "on",
    "picture",
    "pictures",
    "language",
    "lang",
    "csrf_token",
]
NAMES += [
    "message",
    "expires_at",
    "reason",
    "text",
    "colour",
    "area",
    "area_id",
    "kind",
    "starts_at",
    "state",
]
VALUES: list[bytes] = [
    b"",
    b"1",
    b"-1",
    b"x",
    b"\xff\xfe",
    b"%00",
    b"a%00b",
    b"%FF",
    b"%F0%9F%A6%8A",
    b"9" * 40,
]
VALUES += [b"2026-99-99T99:99", b"%E2%80%AE", b"<script>", b"@nobody @@", b"[x](javascript:x)", b"a" * 20_000]
VALUES += [b"hello", b"public", b"open", b"fr", b"/spaces", b"//example.org", b"1e999", b"%ED%A0%80"]
TYPES = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/plain",
]
TYPES += ["application/json", "application/x-www-form-urlencoded; charset=utf-7", "", "é/\u00fc", "x" * 500]
HEADERS: list[tuple[str, str]] = [
    ("Accept-Language", "xx,,;q=nonsense,fr-é"),
    ("Accept-Language", "q" * 5000),
    ("Cookie", "parvis=forged; parvis=again"),
    ("Cookie", "=;;=\xff"),
    ("Host", "elsewhere.example"),
    ("Host", "a b:c"),
    ("Range", "bytes=9-1,-"),
    ("If-None-Match", '"x", W/"'),
    ("If-Modified-Since", "yesterday"),
    ("X-Forwarded-For", "not-an-address"),
    ("HX-Request", "true"),
    ("HX-Current-URL", "http://[::1"),
    ("Referer", "http://["),
    ("Origin", "null"),
    ("User-Agent", "\x7f" * 3000),
    ("Content-Encoding", "gzip"),
    ("Transfer-Encoding", "chunked"),
    ("Authorization", "Basic !!!"),
]


@dataclass(frozen=True)
class Request:
    """One request, as raw as a client can send it."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = TYPES[0]
    missing: int = 0
    token: str = "valid"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Target:
    """A portal with somebody signed in who may do much, and the means to send anything to it."""

    town: Town
    clients: dict[str, FlaskClient] = field(default_factory=dict)
    token: str = ""
    sent: int = 0
    known: dict[str, int] | None = None

    def client(self, who: str) -> FlaskClient:
        """A visitor's browser, or the signed-in one, signed in again if need be."""
        if who == "visitor":
            return self.town.app.test_client()
        known = self.clients.get(who)
        self.sent += 1
        if known is None or (self.sent % 25 == 0 and known.get("/me").status_code != 200):
            browser = self.town.browser(who)
            page = browser.get("/me").text
            self.token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)[0]
            known = self.clients[who] = browser.client
        return known

    def send(self, request: Request, who: str) -> int:
        """The status of the answer to a request."""
        client = self.client(who)
        body = request.body
        token = {"valid": self.token, "forged": "x" * 91, "none": ""}[request.token].encode()
        if request.content_type == TYPES[0]:
            body = b"csrf_token=" + token + b"&" + body
        elif request.content_type == TYPES[1]:
            body = multipart(token) + body
        answer = client.open(
            request.path,
            method=request.method,
            headers=list(request.headers),
            content_type=request.content_type,
            input_stream=io.BytesIO(body),
            content_length=len(body) + request.missing,
        )
        with answer:
            answer.get_data()
            return answer.status_code

    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        counts = [
            sa.select(sa.literal(name), sa.select(sa.func.count()).select_from(table).scalar_subquery())
            for name, table in Base.metadata.tables.items()
            if name not in COUNTED_ELSEWHERE and name.partition("_")[0] in {"core", "visits"}
        ]
        with self.town.app.app_context(), db.engine.connect().execution_options(guarded=True) as connection:
            return dict(connection.execute(sa.union_all(*counts)).all())

    def offend(self, request: Request, who: str) -> str:
        """What is wrong with how the portal takes a request; nothing when all is well."""
        self.client(who)
        before = self.known or self.rows()
        status = self.send(request, who)
        self.known = self.rows() if status >= 400 else None
        if status >= 500 and request.path.partition("?")[0] != "/healthz":
            return f"{request} as {who} answers {status}"
        if status >= 400 and self.known != before:
            return f"{request} as {who} is refused with {status} and leaves a trace"
        return ""


def multipart(token: bytes) -> bytes:
    """The first part of a multipart form, with the cross-site token."""
    return b'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n' + token + b"\r\n--x\r\n"


def parts(fields: list[tuple[bytes | None, bytes, bool]]) -> bytes:
    """Parts of a multipart form after its first: names, if they have any, values, and which are files."""
    heads = (
        (b"" if name is None else b'; name="' + name + b'"') + b'; filename="x.txt"' * file
        for name, _value, file in fields
    )
    each = (
        b"Content-Disposition: form-data" + head + b"\r\n\r\n" + value + b"\r\n--x"
        for head, (_name, value, _file) in zip(heads, fields, strict=True)
    )
    return b"\r\n".join(each) + b"--"


@pytest.fixture
def target(town: Town) -> Target:
    """A portal with people, spaces and posts."""
    town.app.testing = False
    owner = town.browser("owner", "administrator")
    for visibility, joining in (("public", "open"), ("hidden", "invite")):
        space = town.space(f"A {visibility} space", "owner", visibility, joining)
        owner.submit(f"/spaces/{space}/posts", _page=f"/spaces/{space}", body=f"Hello {visibility}")
    return Target(town)


def paths(app: Flask, ident: str) -> Iterator[tuple[str, str, str]]:
    """Every route with this id in it: endpoint, method and path."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        path = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule)
        path = re.sub(r"<[^>]+>", ident, path)
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            yield rule.endpoint, method, path


NASTY = [
    Request("", ""),
    Request("", "", token="none"),
    Request("", "", token="forged", body=b"name=x"),
    Request("", "", body=b"&".join(name.encode() + b"=\xff%00" for name in NAMES[:-1])),
    Request("", "", body=b"&".join(name.encode() + b"=a%00b" for name in NAMES[:-1])),
    Request("", "", body=b"&".join(name.encode() + b"=" + b"9" * 40 for name in NAMES[:-1])),
    Request("", "", body=b"body=" + b"x" * 2_000_000),
    Request("", "", body=b"a=b&" * 5000),
    Request("", "", body=b"body=cut", missing=50),
    Request(
        "",
        "",
        content_type=TYPES[1],
        body=b'Content-Disposition: form-data; name="body"\r\n\r\ncut',
        missing=99,
    ),
    Request(
        "",
        "",
        content_type=TYPES[1],
        body=b'Content-Disposition: form-data; name="pictures"; filename="a\x00.png"\r\n\r\n\x89PNG\r\n--x--',
    ),
    Request("", "", content_type=TYPES[1], body=b"Content-Disposition: form-data\r\n\r\nx\r\n--x--"),
    Request(
        "", "", token="none", content_type=TYPES[1], body=b"Content-Disposition: form-data\r\n\r\nx\r\n--x--"
    ),
    Request(
        "", "", content_type=TYPES[1], body=parts([(name.encode(), b"hello", True) for name in NAMES[:-1]])
    ),
    Request("", "", content_type=TYPES[2], body=b"--"),
    Request("", "", content_type="application/json", body=b'{"body": '),
    Request("", "", body=b"body=x", missing=100 * 1024 * 1024),
]


def test_every_route_takes_every_kind_of_nonsense(target: Target, sample: Any) -> None:
    found = []
    for ident in sample(IDS, 1):
        for endpoint, method, path in paths(target.town.app, ident):
            for nasty in sample(NASTY, 2):
                token = "none" if endpoint in LEAVING else nasty.token
                request = Request(
                    method, path, nasty.body, nasty.content_type, nasty.missing, token, nasty.headers
                )
                found += [target.offend(request, who) for who in sample(["visitor", "owner"], 1)]
    assert "\n".join(filter(None, found)) == ""


@st.composite
def requests(draw: st.DrawFn, routes: list[tuple[str, str, str]]) -> tuple[Request, str]:
    """A request to somewhere by somebody."""
    endpoint, method, path = draw(st.sampled_from(routes))
    path = path.replace("{id}", draw(st.sampled_from(IDS) | st.text(max_size=20).map(quoted)))
    fields = st.tuples(st.sampled_from(NAMES).map(str.encode) | st.binary(max_size=9), values())
    query = draw(st.lists(fields, max_size=3))
    if query:
        path += "?" + "&".join(f"{quoted(name)}={quoted(value)}" for name, value in query)
    method = draw(st.sampled_from([method] * 8 + ["HEAD", "PATCH", "OPTIONS", "BREW"]))
    content_type = draw(st.sampled_from(TYPES[:1] * 6 + TYPES[1:2] * 3 + TYPES))
    body = b"&".join(name + b"=" + value for name, value in draw(st.lists(fields, max_size=8)))
    if content_type == TYPES[1]:
        named = st.none() | st.sampled_from(NAMES).map(str.encode)
        body = parts(draw(st.lists(st.tuples(named, st.sampled_from(VALUES), st.booleans()), max_size=4)))
    body = draw(st.sampled_from([body] * 5 + [b"--x--", b"\x00", b"{", b"="])) + draw(st.binary(max_size=5))
    token = "none" if endpoint in LEAVING else draw(st.sampled_from(["valid"] * 6 + ["forged", "none"]))
    missing = draw(st.sampled_from([0] * 8 + [1, 500]))
    headers = draw(st.lists(st.sampled_from(HEADERS), max_size=3, unique=True))
    who = draw(st.sampled_from(["owner", "owner", "visitor"]))
    return Request(method, path, body, content_type, missing, token, tuple(headers)), who


def values() -> st.SearchStrategy[bytes]:
    """A value of a form's field, as it stands in the body."""
    return st.sampled_from(VALUES) | st.text(max_size=30).map(lambda text: quoted(text).encode())


def quoted(value: str | bytes) -> str:
    """Percent-encoded, lone surrogates included."""
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data)


def test_no_request_breaks_the_portal_or_leaves_half_of_what_was_refused(target: Target) -> None:
    routes = list(paths(target.town.app, "{id}"))

    @hypothesis.settings(
        max_examples=20_000 if SOAK else 150,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(requests(routes))
    def bear(drawn: tuple[Request, str]) -> None:
        assert target.offend(*drawn) == ""

    bear()


class Noted(ImmutableMultiDict[str, str]):
    """The arguments of an address, which note what is read of them."""

    read: ClassVar[set[str]] = set()

    def get(self, key: str, *args: Any, **options: Any) -> Any:
        """A value, whose name is noted."""
        self.read.add(key)
        return super().get(key, *args, **options)

    def getlist(self, key: str, *args: Any, **options: Any) -> Any:
        """All values of a name, which is noted."""
        self.read.add(key)
        return super().getlist(key, *args, **options)


LONG = ["x" * 3000, "é" * 3000, "9" * 30, str(2**63), str(2**31), "-1", "1-" + "9" * 300, "%00", "2026-01-01"]


@pytest.mark.engines
def test_whatever_a_page_reads_of_its_address_may_be_long(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Noting(target.town.app.request_class):  # type: ignore[name-defined,misc]
        parameter_storage_class = Noted

    monkeypatch.setattr(target.town.app, "request_class", Noting)
    found, seen = [], set()
    for _endpoint, method, path in paths(target.town.app, "1"):
        if method != "GET":
            continue
        Noted.read.clear()
        target.send(Request("GET", path), "owner")
        names = sorted(Noted.read)
        seen.update(names)
        for name in names:
            found += [target.offend(Request("GET", f"{path}?{name}={value}"), "owner") for value in LONG]
    assert seen >= {"q", "kind", "space", "after", "before", "area", "theme"}
    assert "\n".join(filter(None, found)) == ""


def test_a_refusal_is_noticed(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise ZeroDivisionError

    monkeypatch.setitem(target.town.app.view_functions, "feed.home", fail)
    assert "answers 500" in target.offend(Request("GET", "/"), "visitor")
