"""Answers made smaller for browsers that can unpack them.

Each page gets padding of random length, so that the size of an answer says nothing of the secrets in it.
"""

import gzip
import io
import secrets
from functools import lru_cache

from flask import Flask, Response, request

LEAST_BYTES = 1000
PADDING = 64
PAGE = ("Accept-Encoding", "Accept-Language", "Cookie")  # what a page depends on
TYPES = ("text/", "application/json", "application/atom+xml", "application/javascript", "image/svg+xml")


def init(app: Flask) -> None:
    """Compress what is text; call first, so that this runs last."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    kind = response.mimetype or ""
    if not kind.startswith(TYPES):
        return response
    depends = PAGE if kind == "text/html" else PAGE[:1]
    if "Vary" in response.headers:
        response.vary.update(depends)
    else:  # much quicker
        response.headers["Vary"] = ", ".join(depends)
    if response.content_encoding or response.status_code != 200 or not request.accept_encodings["gzip"]:
        return response
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) >= LEAST_BYTES:
        response.set_data(_static(body) if request.endpoint == "static" else _packed(body, 5))
        response.content_encoding = "gzip"
        etag, weak = response.get_etag()
        if etag and not weak:
            response.set_etag(etag, weak=True)
    return response


def _packed(body: bytes, level: int) -> bytes:
    buffer = io.BytesIO()
    padding = "p" * secrets.randbelow(PADDING)
    with gzip.GzipFile(padding, "wb", level, buffer, mtime=0) as file:
        file.write(body)
    return buffer.getvalue()


@lru_cache(maxsize=32)
def _static(body: bytes) -> bytes:
    return _packed(body, 9)
