"""Log lines: one JSON object each on stderr, without names, addresses, e-mail, query strings or tokens."""

import logging
import re
import secrets
import sys
import time
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
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
    handler.setFormatter(formatter())
    root.addHandler(handler)
    logging.getLogger("parvis").setLevel(config.log_level.upper())
    for noisy in ("alembic", "apscheduler", "flask_wtf.csrf"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def formatter() -> logging.Formatter:
    """The formatter of every line."""
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ExtraAdder(),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _exception,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        foreign_pre_chain=(),
        use_get_message=True,
    )


def server_logging() -> dict[str, Any]:
    """The same lines for the web server's own messages, as a logging configuration."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "core.logs.formatter"}},
        "handlers": {"console": {"()": "core.logs.StderrHandler", "formatter": "json"}},
        "loggers": {
            "_granian": {"handlers": ["console"], "level": "WARNING", "propagate": False},
            "granian.access": {"handlers": [], "level": "ERROR", "propagate": False},
        },
    }


def init(app: Flask) -> None:
    """Number each request and log its end: the route's rule, never the address that was asked for."""
    app.before_request(_begin)
    app.after_request(_end)


def trace(error: BaseException) -> list[str]:
    """Where an error arose, as lines without values: an error's message may quote what somebody wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    return [
        f"{re.sub('.*/site-packages/', '', frame.filename)}:{frame.lineno} {frame.name}" for frame in frames
    ]


def _begin() -> None:
    g.request_id = secrets.token_hex(8)
    g.started = time.perf_counter()


def _end(response: Response) -> Response:
    number = g.get("request_id", "-")
    response.headers["X-Request-ID"] = number
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


def _exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    info = event.pop("exc_info", None)
    if isinstance(info, tuple) and info[1] is not None:
        event["error"] = type(info[1]).__name__
        event["trace"] = trace(info[1])
        if logging.getLogger("parvis").isEnabledFor(logging.DEBUG):
            event["message"] = str(info[1])
    return event
