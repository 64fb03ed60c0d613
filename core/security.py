"""What every request and answer must satisfy: host, size, text, cross-site protection, headers."""

import hashlib
import re
import secrets
import time
from copy import deepcopy
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from flask import Flask, Request, Response, abort, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf import CSRFProtect
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadData
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import RequestURITooLarge
from werkzeug.routing import IntegerConverter, Map, UnicodeConverter

from . import access, registry
from .config import Config

LOOPBACK = ("localhost", "127.0.0.1", "::1")
LONGEST_ADDRESS = 4096
LARGEST_ID = 2**31 - 1
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(self), microphone=(), payment=(), usb=()",
}
UNREADABLE = re.compile("[\x00\ud800-\udfff]")
CONTROLS = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")

csrf = CSRFProtect()


class Ident(IntegerConverter):
    """An id in an address; one larger than the database holds belongs to nothing."""

    def __init__(self, url_map: Map, **options: Any) -> None:
        super().__init__(url_map, **{"max": LARGEST_ID, **options})


class Word(UnicodeConverter):
    """A part of an address, of bounded length."""

    def __init__(self, url_map: Map, maxlength: int = 300, **options: Any) -> None:
        super().__init__(url_map, maxlength=maxlength, **options)


class Sessions(SecureCookieSessionInterface):
    """Flask's sessions in signed cookies; one whose signature was verified is known again for a while."""

    digest_method = staticmethod(hashlib.sha1)  # Flask's own choice; said so, OpenSSL does the work

    def __init__(self) -> None:
        self._verified = lru_cache(maxsize=1000)(self._verify)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession:
        """The session of a cookie that we signed and that isn't too old; an empty one for any other."""
        cookie = request.cookies.get(self.get_cookie_name(app), "")
        try:
            said, signed = self._verified(app, cookie)
        except BadData:
            return self.session_class()
        fresh = 0 <= time.time() - signed <= app.permanent_session_lifetime.total_seconds()
        return self.session_class(deepcopy(said) if fresh else {})

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        """Keep what a page changed; a feed or a file sets no cookie, whatever a hook drew for it."""
        session.modified = session.modified and response.mimetype in ("text/html", "application/json")
        super().save_session(app, session, response)

    def _verify(self, app: Flask, cookie: str) -> tuple[dict[str, Any], float]:
        """What a cookie says, and when it was signed; raises BadData."""
        signer: Any = self.get_signing_serializer(app)
        said, signed = signer.loads(cookie, return_timestamp=True)
        return said, signed.timestamp()


def trusted_hosts(config: Config) -> list[str]:
    """The host names that a request may be for: those of the public address and of the settings."""
    names = [urlsplit(config.base_url).hostname or config.host, *config.trusted_hosts]
    if config.host in LOOPBACK:
        names += ["localhost", "127.0.0.1"]
    return list(dict.fromkeys(name.lower() for name in names))  # as browsers write them


def init(app: Flask) -> None:
    """Refuse unfit requests before anything looks at them, and dress every answer."""
    app.session_interface = Sessions()
    # a token is of one session: no Referer, which not every browser sends, would prove more
    app.config.update(WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    app.url_map.converters.update({"int": Ident, "default": Word, "string": Word})
    app.before_request(_examine)
    app.before_request(registry.gate)  # what is off is not there, whatever else is wrong with the request
    app.before_request(_read_form)
    csrf.init_app(app)
    app.after_request(_headers)
    app.context_processor(lambda: {"nonce": nonce(), "csrf_token": token})
    app.jinja_env.globals["csrf_token"] = token


def nonce() -> str:
    """The word that this answer's own scripts and styles carry."""
    word: str | None = g.get("nonce")
    if word is None:
        word = g.nonce = secrets.token_urlsafe(16)
    return word


def token() -> str:
    """The cross-site token of this browser's forms."""
    known = session.get("csrf_token")
    return _signed(known) if known else str(generate_csrf())


@lru_cache(maxsize=1000)
def _signed(_known: str) -> str:
    """The same token each time: signing it anew for each page is dear, and it doesn't expire."""
    return str(generate_csrf())


def _examine() -> None:
    nonce()  # before anybody else could choose it
    if request.method == "HEAD":
        request.method = "GET"  # to every view, whose form would else be sent; the server leaves out the body
    if request.routing_exception is not None and getattr(request.routing_exception, "code", 0) == 400:
        raise request.routing_exception
    raw_path = request.environ.get("PATH_INFO", "").encode("latin1")
    raw_query = request.environ.get("QUERY_STRING", "").encode("latin1")
    if len(raw_path) + len(raw_query) > LONGEST_ADDRESS:
        raise RequestURITooLarge
    if b"\xef\xbf\xbd" in raw_path:  # U+FFFD, which servers put where a path was not UTF-8
        abort(400)
    for raw in (raw_path, unquote_to_bytes(raw_query)):
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            abort(400)
        if UNREADABLE.search(text) or CONTROLS.search(text):
            abort(400)
    if "CONTENT_TYPE" in request.environ and request.mimetype == "application/x-www-form-urlencoded":
        _examine_form()


def _examine_form() -> None:
    """Refuse a form that is not UTF-8, which would otherwise be read as something nobody typed."""
    limit = request.max_form_memory_size
    if limit is not None and (request.content_length or 0) > limit:
        abort(413)
    try:
        unquote_to_bytes(request.get_data(cache=True)).decode()
    except UnicodeDecodeError:
        abort(400)


def _read_form() -> None:
    """Refuse characters that no text holds; drop invisible ones that a paste may bring along."""
    if request.method not in ("POST", "PUT", "PATCH", "DELETE"):
        return
    fields = list(request.form.items(multi=True))
    texts = [text for pair in fields for text in pair] + [
        text for name, file in request.files.items(multi=True) for text in (name, file.filename or "")
    ]
    if not all(isinstance(text, str) and not UNREADABLE.search(text) for text in texts):  # or has no name
        abort(400)
    replaced = {value.encode() for _name, value in fields if "\ufffd" in value}
    if replaced and request.mimetype == "multipart/form-data" and not replaced <= _parts():
        abort(400)
    if any(CONTROLS.search(text) for text in texts):
        request.form = ImmutableMultiDict(
            (CONTROLS.sub("", name), CONTROLS.sub("", value)) for name, value in fields
        )


def _parts() -> set[bytes]:
    """What each part of a multipart form holds, as it was sent: read as text, damage looks like U+FFFD."""
    request.environ["wsgi.input"].seek(0)
    parts = request.environ["wsgi.input"].read().split(b"--" + request.mimetype_params["boundary"].encode())
    return {part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts}


def _headers(response: Response) -> Response:
    word = nonce()
    signed_in = "viewer_token" in g and access.viewer().signed_in
    unless_given = {
        "Content-Security-Policy": (
            f"default-src 'none'; script-src 'self' 'nonce-{word}'; style-src 'self' 'nonce-{word}'; "
            "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        ),
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store, private" if signed_in else "no-cache, private",
    }
    given = {name.lower() for name, _value in response.headers}
    response.headers.extend((key, value) for key, value in unless_given.items() if key.lower() not in given)
    response.headers.extend(HEADERS)
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response
