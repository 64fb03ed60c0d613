"""The stream that keeps open pages up to date: `/live?after=N&space=12`, server-sent events."""

import datetime as dt

import sqlalchemy as sa
from flask import Blueprint, Response, request

from core import live, stamps
from core.access import as_system, viewer
from core.accounts import sessions
from core.db import now, write
from core.forms import whole
from core.models import Event
from core.web import needs

KEPT = dt.timedelta(days=1)
AGAIN = 10  # seconds after which a browser that was given no stream asks again

blueprint = Blueprint("live", __name__)


@blueprint.get("/live")
@needs("core.read")
def stream() -> Response:
    """What happened since an event: all that follows, where the server keeps streams; else what is known."""
    after = whole(request.headers.get("Last-Event-ID") or request.args.get("after"))
    wanted = request.args.getlist("space")
    listener = live.Listener(
        after=stamps.cursor() if after is None else after,
        user_id=viewer().id,
        token_hash=sessions.here() if viewer().signed_in else "",
        spaces=None if "all" in wanted else frozenset(ident for ident in map(whole, wanted) if ident),
    )
    listen = request.environ.get("parvis.listen")
    text = f"event: again\ndata: {AGAIN}\n\n"
    if listen is not None:
        listen(listener)
    else:
        text = (live.hear([listener]).get(listener) or "") + text
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(text, mimetype="text/event-stream", headers=headers)


def prune() -> None:
    """Forget events that nobody can have missed; the newest stays, so that its number is not forgotten."""
    with as_system("forget events"), write() as session:
        newest = sa.select(sa.func.max(Event.id)).scalar_subquery()
        session.execute(sa.delete(Event).where(Event.at < now() - KEPT, Event.id < newest))
