"""What the core lends to a plugin's hook and finds again as it was: `g`, the request, session and answer."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
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
    """What is lent to a hook: `g`, the contexts of Flask and the request; of the session a copy."""

    def __init__(self) -> None:
        application: Any = app_ctx._get_current_object()  # type: ignore[attr-defined]
        context: Any = request_ctx._get_current_object() if has_request_context() else None  # type: ignore[attr-defined]
        self.here, self.context = vars(application.g), context
        self.kept = dict(self.here)
        contexts = [one for one in (application, context) if one]
        self.contexts = [(one, dict(vars(one)), list(one._cv_tokens)) for one in contexts]
        if context:
            self.asked, self.environ = dict(vars(context.request)), dict(context.request.environ)
            self.session, self.later = context.session, list(context._after_request_functions)
            self.copy = context._session = type(self.session)(deepcopy(dict(self.session)))
        self.lent = [dict(vars(one)) for one in contexts]

    def put_back(self, forms: bool = False) -> bool:
        """Make it what it was, but for the token of `forms` drawn; says whether a hook changed it."""
        here, kept, touched = self.here, self.kept, False
        for (one, own, tokens), lent in zip(self.contexts, self.lent, strict=True):
            left = dict(vars(one))
            vars(one).clear()
            vars(one).update(own)
            touched |= any(left.get(name) is not value for name, value in lent.items())
            touched |= len(left) != len(own) or list(own["_cv_tokens"]) != tokens
            own["_cv_tokens"][:] = tokens
        changed = {name for name, value in kept.items() if here.get(name) is not value}
        here.update({name: kept[name] for name in changed - READ_ANEW})
        new = here.keys() - kept.keys() - {"reading"}  # which is closed later
        for name in (changed & READ_ANEW) | new:
            here.pop(name, None)
        of_request = self.context is not None and self._put_back_request(forms)
        return of_request or touched or not changed <= READ_ANEW

    def _put_back_request(self, forms: bool) -> bool:
        request, own, said = self.context.request, self.session, dict(self.copy)
        touched = any(vars(request).get(name) is not value for name, value in self.asked.items())
        vars(request).update(self.asked)
        touched |= request.environ != self.environ
        request.environ.clear()
        request.environ.update(self.environ)
        later, self.context._after_request_functions[:] = self.context._after_request_functions[:], self.later
        own.accessed |= self.copy.accessed
        made = said.get(TOKEN)
        if drawn := TOKEN not in own and type(made) is str and MADE.fullmatch(made) is not None:
            del said[TOKEN]
        touched |= later != self.later or said != dict(own)
        if drawn and forms:
            own[TOKEN] = made
        return bool(touched)


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
