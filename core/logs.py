"""Log lines: one JSON object each on stderr, without names, addresses, e-mail, query strings or tokens."""

import datetime as dt
import json
import logging
import re
import secrets
import sys
import time
import traceback
from typing import Any, TextIO

from flask import Flask, Response, g, request

from .config import Config

log = logging.getLogger("parvis.request")


class StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stderr` is at that moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def configure(config: Config) -> None:
    """Send every log line of this process, libraries' included, through the JSON formatter."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, StderrHandler)]:
        root.removeHandler(handler)
    handler = StderrHandler()
    handler.setFormatter(Lines())
    root.addHandler(handler)
    logging.getLogger("parvis").setLevel(config.log_level.upper())
    for noisy in ("alembic", "apscheduler", "flask_wtf.csrf"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class Lines(logging.Formatter):
    """A line is one JSON object; of an error it tells the class and the place, not the message."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(),
            **{name: value for name, value in vars(record).items() if name not in _STANDARD},
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line |= {"error": type(error).__name__, "trace": trace(error)}
            if logging.getLogger("parvis").isEnabledFor(logging.DEBUG):
                line["message"] = str(error)
        return json.dumps(line, ensure_ascii=False, default=str)


def init(app: Flask) -> None:
    """Number each request and log its end: the route's rule, never the address that was asked for."""
    app.before_request(_begin)
    app.after_request(_end)


def trace(error: BaseException) -> list[str]:
    """Where an error arose, as lines without values: an error's message may quote what somebody wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{re.sub('.*/site-packages/', '', one.filename)}:{one.lineno} {one.name}" for one in frames]


def _begin() -> None:
    g.request_id = secrets.token_hex(8)
    g.started = time.perf_counter()


def _end(response: Response) -> Response:
    number = g.get("request_id", "-")
    response.headers["X-Request-ID"] = number
    if not log.isEnabledFor(logging.INFO):
        return response
    log.info(
        "request",
        extra={
            "method": request.method if request.method in _METHODS else "other",
            "route": request.url_rule.rule if request.url_rule else None,
            "status": response.status_code,
            "ms": round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 1),
            "request_id": number,
        },
    )
    return response


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_STANDARD = {*vars(logging.makeLogRecord({})), "taskName"}
