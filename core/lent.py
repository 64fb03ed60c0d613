"""What the core lends to a plugin's hook and finds again as it was: `g`, the request, session and answer."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import has_request_context
from flask.globals import request_ctx
from sqlalchemy.exc import SQLAlchemyError

from .db import db

READ_ANEW = frozenset({"stamps", "enabled_plugins", "failed"})  # of `g`, where the core may change them too
TOKEN, MADE = "csrf_token", re.compile("[0-9a-f]{40}")  # drawing a form puts one into a session without
Lent = tuple[dict[str, Any], dict[str, Any], Any, dict[str, Any], dict[str, Any], bool, int]


class AnswerTouched(RuntimeError):
    """A hook changed the session of a browser, the request, `g`, or the answer: they belong to views."""


class TransactionEnded(RuntimeError):
    """A hook ended the transaction of the write that it was called in; the message is the plugin's name."""


def lend(here: dict[str, Any]) -> Lent:
    """What is lent to a hook, as it is: `g`, and of a request its session and what is done to its answer."""
    if not has_request_context():
        return here, dict(here), None, {}, {}, False, 0
    context: Any = request_ctx._get_current_object()  # type: ignore[attr-defined]
    session, later = context.session, len(context._after_request_functions)
    return here, dict(here), context, dict(context.request.environ), dict(session), session.modified, later


def put_back(lent: Lent, forms: bool = False) -> bool:
    """Make it what it was, but for the token of `forms` that were drawn; says whether a hook changed it."""
    here, kept, context, environ, session, modified, later = lent
    changed = {name for name, value in kept.items() if here.get(name) is not value}
    here.update({name: kept[name] for name in changed - READ_ANEW})
    for name in (changed & READ_ANEW) | (here.keys() - kept.keys() - {"reading"}):  # which is closed later
        here.pop(name, None)
    touched = not changed <= READ_ANEW
    if context is None:
        return touched
    if context.request.environ != environ:
        context.request.environ.update(environ)
        touched = True
    if forms and TOKEN not in session and MADE.fullmatch(made := str(context.session.get(TOKEN))):
        session[TOKEN] = made
    if context.session != session or len(context._after_request_functions) != later:
        del context._after_request_functions[later:]
        context.session.clear()
        context.session.update(session)
        touched = True
    context.session.modified = modified or (context.session.modified and TOKEN in session)
    return touched


@contextmanager
def savepoint() -> Iterator[None]:
    """What fails inside is undone alone; TransactionEnded where the surrounding write was ended meanwhile."""
    session = db.session()
    try:
        with session.begin_nested():
            name = getattr(session.connection().get_nested_transaction(), "_savepoint")  # noqa: B009
            yield
    except TransactionEnded:
        raise
    except BaseException:
        try:  # also where it failed to be released, and SQLAlchemy goes back no further
            session.connection().exec_driver_sql(f"ROLLBACK TO SAVEPOINT {name}")
        except SQLAlchemyError as error:
            raise TransactionEnded from error
        raise
