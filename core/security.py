"""What every request and answer must satisfy: host, size, text, cross-site protection, headers."""

import re
import secrets
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from flask import Flask, Response, abort, g, request
from flask_wtf import CSRFProtect
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import RequestURITooLarge
from werkzeug.routing import IntegerConverter, Map, UnicodeConverter

from . import access, registry
from .config import Config

LOOPBACK = ("localhost", "127.0.0.1", "::1")
LONGEST_ADDRESS = 4096
LARGEST_ID = 2**31 - 1
UNREADABLE = re.compile("[\x00\ufffd\ud800-\udfff]")
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


def trusted_hosts(config: Config) -> list[str]:
    """The host names that a request may be for: those of the public address and of the settings."""
    names = [urlsplit(config.base_url).hostname or config.host, *config.trusted_hosts]
    if config.host in LOOPBACK:
        names += ["localhost", "127.0.0.1"]
    return list(dict.fromkeys(names))


def init(app: Flask) -> None:
    """Refuse unfit requests before anything looks at them, and dress every answer."""
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    app.url_map.converters.update({"int": Ident, "default": Word, "string": Word})
    app.before_request(_examine)
    app.before_request(registry.gate)  # what is off is not there, whatever else is wrong with the request
    csrf.init_app(app)
    app.before_request(_read_form)
    app.after_request(_headers)
    app.context_processor(lambda: {"nonce": nonce()})


def nonce() -> str:
    """The word that this answer's own scripts and styles carry."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    word: str = g.nonce
    return word


def _examine() -> None:
    if request.routing_exception is not None and getattr(request.routing_exception, "code", 0) == 400:
        raise request.routing_exception
    raw_path = request.environ.get("PATH_INFO", "").encode("latin1")
    raw_query = request.environ.get("QUERY_STRING", "").encode("latin1")
    if len(raw_path) + len(raw_query) > LONGEST_ADDRESS:
        raise RequestURITooLarge
    for raw in (raw_path, unquote_to_bytes(raw_query)):
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            abort(400)
        if UNREADABLE.search(text) or CONTROLS.search(text):
            abort(400)
    if request.mimetype == "application/x-www-form-urlencoded":
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
    if any(UNREADABLE.search(text) for text in texts):
        abort(400)
    if any(CONTROLS.search(text) for text in texts):
        request.form = ImmutableMultiDict(
            (CONTROLS.sub("", name), CONTROLS.sub("", value)) for name, value in fields
        )


def _headers(response: Response) -> Response:
    word = nonce()
    headers = response.headers
    headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'none'; script-src 'self' 'nonce-{word}'; style-src 'self' 'nonce-{word}'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    )
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(self), microphone=(), payment=(), usb=()"
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if "Cache-Control" not in headers:
        signed_in = "viewer_token" in g and access.viewer().signed_in
        headers["Cache-Control"] = "no-store, private" if signed_in else "no-cache, private"
    return response
