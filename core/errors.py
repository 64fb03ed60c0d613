"""Pages for what went wrong: kind, in the reader's language, and drawn even when the database is away."""

import errno
import logging
from typing import Any

from flask import Flask, current_app, g, make_response, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy import exc
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from . import access, health, registry
from .accounts import sessions
from .db import TROUBLE, db

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

log = logging.getLogger("parvis.errors")


def init(app: Flask) -> None:
    """Answer every error of every view with a page of the portal."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _stale_token)
    app.register_error_handler(access.Refused, lambda error: page(422, str(error)))
    answers = {access.Forbidden: 403, access.Gone: 404, ObjectDeletedError: 404, StaleDataError: 409}
    for error, code in {**answers, exc.DataError: 400, OverflowError: 400}.items():
        app.register_error_handler(error, lambda _error, code=code: page(code))
    for trouble in TROUBLE:
        app.register_error_handler(trouble, _database)
    app.register_error_handler(Exception, _unexpected)


def page(code: int, text: str = "", headers: dict[str, str] | None = None, **values: Any) -> Response:
    """The page for a status, as HTML, JSON or a line of text, whichever the client reads."""
    _know_viewer()
    title, sentence = _words(code)
    kind = request.accept_mimetypes.best_match(("text/html", "application/json", "text/plain"), "text/html")
    body: Any
    if kind == "application/json":
        body = {"error": str(title)}
    elif kind == "text/plain":
        body = f"{title}\n"
    else:
        body = _html({"code": code, "title": title, "text": text or sentence, **values})
    response = make_response(body, code)
    if kind == "text/plain":
        response.mimetype = "text/plain"
    response.headers.extend(headers or {})
    return response


def _html(values: dict[str, Any]) -> str:
    """The page in the frame of the portal; without it when the frame can't be drawn either."""
    template = values.pop("template", "core/error.html")
    try:
        return render_template(template, **values)
    except Exception:  # the database that the frame needs may be what failed
        log.warning("error page without its frame", exc_info=True)
        return current_app.jinja_env.get_template("core/error_bare.html").render(**values)


def _know_viewer() -> None:
    """What failed before the viewer was known is told to a visitor, unless the cookie can still be read."""
    if "viewer_token" in g:
        return
    try:
        db.session.rollback()
        g.viewer_token = access.enter(sessions.viewer())
    except Exception:  # whatever sessions need may be what failed
        log.warning("error page without its viewer", exc_info=True)
        g.viewer_token = access.enter(access.Viewer())


def _http(error: HTTPException) -> Any:
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response()
    headers = {
        name: value
        for name, value in error.get_headers()
        if name in ("Allow", "Retry-After", "Content-Range")
    }
    text = ""
    if error.code == 404 and _switched_off():
        text = _("This part of the portal is switched off at the moment. Nothing of it is lost.")
    return page(error.code, text, headers)


def _switched_off() -> bool:
    try:
        plugins = registry.current()
        owner = plugins.owner(request.path)
        return owner is not None and owner not in plugins.enabled()
    except exc.SQLAlchemyError:
        return False


def _stale_token(_error: CSRFError) -> Response:
    """The form is older than the session: show what was typed with a fresh token, to be sent again.

    Only when the form came from the portal itself: nobody is to send what another site filled in.
    """
    own = request.headers.get("Sec-Fetch-Site") == "same-origin"
    secret = any("password" in name for name in request.form)
    fields = [(key, value) for key, value in request.form.items(multi=True) if not key.endswith("csrf_token")]
    if not own or secret or request.method != "POST":
        return page(400, _("This page was open for too long. Go back, reload it and try again."))
    return page(400, template="core/error_stale.html", fields=fields, files=bool(request.files))


def _database(error: Exception) -> Response:
    log.error("database or disk trouble", exc_info=error)
    if registry.current().owner(request.path):  # which may be what asked for a table that is not there
        registry.view_fault(error)
    if request.path == "/healthz":
        return make_response(health.answer())
    return page(503, headers={"Retry-After": "5"}, retry_url=request.path if request.method == "GET" else "")


def _unexpected(error: Exception) -> Response:
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return _database(error)
    log.error("unexpected error", exc_info=error, extra={"request_id": g.get("request_id")})
    plugin = registry.view_fault(error)
    if plugin is not None:
        text = _(
            "The plugin “%(name)s” has a fault. The staff can see it; the rest works.", name=plugin.title
        )
        if request.method == "POST":
            text += " " + _("What you sent may not be kept: go back and send it again.")
        return page(500, text)
    return page(500)


def _words(code: int) -> tuple[str, str]:
    words = {
        400: (
            _("We could not read this request"),
            _("Something in it is damaged or incomplete. Go back and try again."),
        ),
        403: (_("You may not do this"), _("Your role does not allow it. If it should, ask the staff.")),
        404: (
            _("There is nothing here"),
            _("The address may be mistyped, or what was here may be gone or not open to you."),
        ),
        405: (_("This does not work here"), _("The page exists, but not for what was tried.")),
        409: (
            _("Somebody else was faster"),
            _("It was changed while you were writing. Go back, copy your text, reload and try again."),
        ),
        413: (
            _("That is too large"),
            _("The portal cannot take so much at once. Send fewer or smaller files."),
        ),
        414: (_("This address is too long"), _("Check the link that you followed.")),
        422: (_("This can’t be done now"), ""),
        429: (_("Too many tries"), _("Wait a few minutes, then try again.")),
        503: (
            _("The portal is very busy"),
            _("What you sent was not kept. Wait a few seconds and try again."),
        ),
    }
    fallback = 500 if code >= 500 else 400
    words[500] = (
        _("Something went wrong on our side"),
        _("It was noted and will be looked at. What you sent was not kept."),
    )
    return words.get(code) or words[fallback]
