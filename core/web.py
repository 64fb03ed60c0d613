"""What every request does first and last: who is looking, which plugins are on; and what views need."""

import functools
import logging
from collections.abc import Callable
from decimal import Context, setcontext
from typing import Any, NoReturn, ParamSpec
from urllib.parse import urlencode

from flask import Flask, abort, current_app, flash, g, redirect, request
from flask_login import LoginManager
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from . import access, registry, stamps
from .accounts import sessions
from .db import db, end_reading

P = ParamSpec("P")

log = logging.getLogger("parvis.web")


def init(app: Flask) -> None:
    """Let each request know its viewer; write down plugin faults at its end."""
    manager = LoginManager(app, add_context_processor=False)
    manager.user_loader(sessions.load)
    manager.session_protection = None  # it only marks sessions as not fresh, which nothing here asks
    app.before_request(_enter)
    app.teardown_request(_leave)
    app.context_processor(lambda: {"viewer": access.viewer()} if "viewer_token" in g else {})
    app.jinja_env.globals.update(sign_in_url=sign_in_url, live_cursor=stamps.cursor)


def _enter() -> None:
    setcontext(Context())  # numbers are written as ever, whatever precision a page before chose
    if request.endpoint != "static":
        g.viewer_token = access.enter(sessions.viewer())


def _leave(_error: BaseException | None) -> None:
    token = g.pop("viewer_token", None)
    if token is not None:
        access.leave(token)
    try:
        if db.session.registry.has():
            db.session.rollback()
        end_reading()
        registry.current().settle()
    except SQLAlchemyError:  # the answer has been given; without a database there is nothing to write down
        log.warning("plugin faults are lost", exc_info=True)


class ViewEnded(RuntimeError):
    """A view raised what ends a process, or answered a status that there is not."""


def needs(permission: str) -> Callable[[Callable[P, Any]], Callable[P, Response]]:
    """Declare the permission of a view; a visitor who lacks it is asked to sign in, others get 403.

    A permission that depends on the space is checked again by the action, where the space is known.
    """

    def declare(view: Callable[P, Any]) -> Callable[P, Response]:
        @functools.wraps(view)
        def checked(*args: P.args, **kw: P.kwargs) -> Response:
            declared = access.permissions[permission]
            if not access.can(permission) and not (declared.space_roles and access.viewer().signed_in):
                refuse(permission)
            try:
                answer = current_app.make_response(view(*args, **kw))
                if answer.is_streamed and not answer.direct_passthrough:
                    answer.make_sequence()  # what fails while it is made fails here
            except Exception:
                raise
            except BaseException as error:  # SystemExit and its like would end the process, not the page
                raise ViewEnded(type(error).__name__) from error
            if not 200 <= answer.status_code <= 599:
                raise ViewEnded(answer.status)
            return answer

        checked.permission = permission  # type: ignore[attr-defined]
        return checked

    return declare


def refuse(permission: str) -> NoReturn:
    """Send a visitor to the sign-in page; tell somebody signed in that this is not theirs to do."""
    if access.viewer().signed_in:
        raise access.Forbidden(permission)
    abort(redirect(sign_in_url()))


def sign_in_url() -> str:
    """The page where one signs in, which leads back here; not to what was a form, nor to a secret link."""
    here: str | None = request.full_path.rstrip("?")
    if request.endpoint in ("accounts.sign_in", "accounts.sign_up"):
        here = request.args.get("next")
    elif request.method != "GET" or here == "/" or "token" in (request.view_args or {}):
        here = None
    return "/sign-in?" + urlencode({"next": here}, safe="!$'()*,/:;?@") if here else "/sign-in"


def get_or_404(model: type[Any], ident: Any) -> Any:
    """The row with this id if the viewer may read it, else 404, as if it did not exist."""
    row = db.session.get(model, ident)
    if row is None:
        abort(404)
    return row


def back(fallback: str) -> Response:
    """Redirect to where the form says the person came from, on this portal only, else to `fallback`."""
    return redirect(local_path(request.form.get("next")) or fallback)


def back_to_entry(entry_id: int) -> Response:
    """Redirect to the card of an entry, on the page of this portal where a button was pressed; else to it."""
    _scheme, _, here = (request.referrer or "").partition("//")
    host, slash, path = here.partition("/")
    there = local_path(slash + path) if host == request.host else None
    return redirect(f"{there}#post-{entry_id}" if there else f"/posts/{entry_id}")


def local_path(target: str | None) -> str | None:
    """The target if it is a path on this portal, else None: nobody is sent elsewhere by a link."""
    outside = not target or target[0] != "/" or target[1:2] in ("/", "\\") or min(target) < " "
    return None if outside else target


def says(message: Any, category: str = "success") -> None:
    """Show a message on the next page."""
    flash(message, category)
