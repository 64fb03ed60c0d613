"""What the core lends to a plugin's hook and finds again as it was: `g`, the request, session and answer."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import has_request_context
from flask.globals import app_ctx, request_ctx
from sqlalchemy.exc import SQLAlchemyError

from .db import db

READ_ANEW = frozenset({"stamps", "enabled_plugins", "failed"})  # of `g`, where the core may change them too
TOKEN, MADE = "csrf_token", re.compile("[0-9a-f]{40}")  # drawing a form puts one into a session without


class AnswerTouched(RuntimeError):
    """A hook changed the session of a browser, the request, `g`, or the answer: they belong to views."""


class TransactionEnded(RuntimeError):
    """A hook ended the transaction of the write that it was called in; the message is the plugin's name."""


class Lent:
    """What is lent to a hook: `g`, the contexts of Flask, and of a request its session and its answer."""

    def __init__(self) -> None:
        application: Any = app_ctx._get_current_object()  # type: ignore[attr-defined]
        request: Any = request_ctx._get_current_object() if has_request_context() else None  # type: ignore[attr-defined]
        self.here, self.request = vars(application.g), request
        self.kept = dict(self.here)
        contexts = [one for one in (application, request) if one]
        self.contexts = [(one, dict(vars(one)), list(one._cv_tokens)) for one in contexts]
        if request:
            self.environ, self.session = dict(request.request.environ), dict(request.session)
            self.modified, self.later = request.session.modified, len(request._after_request_functions)

    def put_back(self, forms: bool = False) -> bool:
        """Make it what it was, but for the token of `forms` drawn; says whether a hook changed it."""
        here, kept = self.here, self.kept
        changed = {name for name, value in kept.items() if here.get(name) is not value}
        here.update({name: kept[name] for name in changed - READ_ANEW})
        for name in (changed & READ_ANEW) | (
            here.keys() - kept.keys() - {"reading"}
        ):  # which is closed later
            here.pop(name, None)
        touched = not changed <= READ_ANEW
        for one, own, tokens in self.contexts:
            touched |= vars(one) != own or one._cv_tokens != tokens
            vars(one).clear()
            vars(one).update(own)
            one._cv_tokens[:] = tokens
        return bool(self.request and self._put_back_request(forms)) or touched

    def _put_back_request(self, forms: bool) -> bool:
        request, session, touched = self.request, self.session, False
        if request.request.environ != self.environ:
            request.request.environ.clear()
            request.request.environ.update(self.environ)
            touched = True
        if forms and TOKEN not in session and MADE.fullmatch(made := str(request.session.get(TOKEN))):
            session[TOKEN] = made
        if request.session != session or len(request._after_request_functions) != self.later:
            del request._after_request_functions[self.later :]
            request.session.clear()
            request.session.update(session)
            touched = True
        request.session.modified = self.modified or (request.session.modified and TOKEN in session)
        return touched


@contextmanager
def savepoint(later: Callable[[Callable[[], None]], Callable[[], None]]) -> Iterator[None]:
    """What fails inside is undone alone; TransactionEnded where the surrounding write was ended meanwhile.

    What is asked for `after_commit` inside is done as `later` has it, or not at all where this fails.
    """
    session = db.session()
    calls, known = session.info["after_commit"], len(session.info["after_commit"])
    try:
        with session.begin_nested():
            name = getattr(session.connection().get_nested_transaction(), "_savepoint")  # noqa: B009
            yield
        calls[known:] = map(later, calls[known:])
    except TransactionEnded:
        raise
    except BaseException:
        del calls[known:]
        try:  # also where it failed to be released, and SQLAlchemy goes back no further
            session.connection().exec_driver_sql(f"ROLLBACK TO SAVEPOINT {name}")
        except SQLAlchemyError as error:
            raise TransactionEnded from error
        raise
