"""The page of the search and the suggestions: what is asked for, read from the address."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from core.access import Refused, viewer
from core.db import db, table_of, unfiltered
from core.errors import page
from core.feed.query import BadCursor, Page
from core.forms import one_line, whole
from core.i18n import town_zone
from core.models import Space, User
from core.search import find
from core.search.wanted import parse
from core.text import fold
from core.web import needs

from ..feed.views import more_url
from ..spaces import reads as spaces
from . import results

NAMESAKES, OTHERS = 100, 50
FILTERS = ("kind", "space", "person", "since", "until")
ASKED = ("q", "order", *FILTERS)

blueprint = Blueprint("search", __name__)


@blueprint.get("/search")
@needs("core.read")
def index() -> Response | str:
    """What the viewer may read of what the address asks for; or help, where that can't be understood."""
    asked = {name: request.args.get(name, "").strip() for name in ASKED}
    trouble, found, shown = "", find.Found([]), []
    try:
        narrowed = _narrowed(asked)
        found = find.search(
            asked["q"], newest=asked["order"] == "newest", cursor=request.args.get("after"), **narrowed
        )
        shown = results.results(found.hits, parse(asked["q"]))
    except Refused as refusal:
        trouble = str(refusal)
    except BadCursor:
        return page(400)
    chosen = db.session.get(Space, whole(asked["space"]) or 0) if asked["space"] else None
    mine: list[Any] = list(spaces.mine()) if viewer().signed_in else []
    others = spaces.readable_ones({space.id for space in mine}, OTHERS)
    return render_template(
        "portal/search.html",
        asked=asked,
        trouble=trouble,
        found=found,
        results=shown,
        more_url=more_url(Page(found.hits, found.next), "after"),
        kinds=results.kinds(),
        mine={space.id: space.name for space in mine},
        others={space.id: space.name for space in [*others, chosen] if space and space not in mine},
        narrowed=any(asked[name] for name in FILTERS),
        empty=not any(asked[name] for name in ("q", "kind", "space", "person")),
    )


@blueprint.errorhandler(400)
def unreadable(_error: BadRequest) -> Response:
    """A search that can't be read is made anew without the signs that no text holds; its page helps."""
    if request.endpoint != "search.index":
        return page(400)
    asked = {name: one_line(request.args.get(name, "")) for name in ASKED}
    return redirect(url_for("search.index", **{name: said for name, said in asked.items() if said}))


@blueprint.get("/search/suggest")
@needs("core.read")
def suggest() -> Response:
    """Titles that begin as what is typed, of what the viewer may read."""
    hits = results.rows(find.suggest(request.args.get("q", "")))
    return jsonify(
        [{"title": results.title(row), "url": results.url(row), "kind": results.label(row)} for row in hits]
    )


def _narrowed(asked: dict[str, str]) -> dict[str, Any]:
    """The filters of the address; raises Refused for a day or a person that there is not."""
    since, until = _day(asked["since"]), _day(asked["until"])
    if since and until and since > until:
        raise Refused(_("The first of these days is after the last."))
    if (since or until) and not any(asked[name] for name in ("q", "kind", "space", "person")):
        raise Refused(_("Say also what to look for, or of which kind, in which space or by whom."))
    return {
        "kind": asked["kind"][:80] or None,
        "space": whole(asked["space"]) or 0 if asked["space"] else None,
        "people": _people(asked["person"]) if asked["person"] else (),
        "since": since,
        "until": until + dt.timedelta(days=1) if until else None,
    }


def _day(text: str) -> dt.datetime | None:
    if not text:
        return None
    try:
        day = dt.date.fromisoformat(text)
        if not 1900 <= day.year <= 2999:
            raise ValueError(text)
        return dt.datetime.combine(day, dt.time(), town_zone())
    except ValueError:
        raise Refused(_("Write days as year-month-day, such as 2026-05-31.")) from None


def _people(text: str) -> list[int]:
    """Who is called so, or else who has this as a part of their name."""
    user, name = table_of(User), text.removeprefix("@")
    folded = fold(name)[:80]
    called = sa.or_(user.c.handle == name.lower(), user.c.folded == folded)
    begins = user.c.folded.startswith(folded, autoescape=True)
    partly = sa.or_(begins, user.c.folded.contains(f" {folded}", autoescape=True))
    for condition in (called, partly) if folded else (called,):
        people = sa.select(user.c.id).where(condition, user.c.closed_at.is_(None)).order_by(user.c.id)
        found = list(unfiltered(people.limit(NAMESAKES)).scalars())
        if found:
            return found
    raise Refused(_("Nobody here has this name. Look at how it is written, or use @ as in a mention."))
