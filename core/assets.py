"""Addresses of style sheets, scripts and pictures of the pages, which change whenever the file does."""

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, request

STATIC = Path(__file__).parent / "static"


def init(app: Flask) -> None:
    """Give templates `asset(path)`, and let browsers keep what has a fingerprint for good."""
    app.jinja_env.globals["asset"] = asset
    app.after_request(_keep)


@lru_cache(maxsize=256)
def asset(path: str) -> str:
    """The address of a file of `static/`, with a fingerprint of its content when it was first asked for."""
    file = STATIC / path
    if not file.exists():
        return f"/static/{path}"
    return f"/static/{path}?v={hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"


def _keep(response: Response) -> Response:
    if request.endpoint == "static" and "v" in request.args and response.status_code in (200, 304):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
