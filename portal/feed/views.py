"""The pages of the feed: home, people, Atom documents, the preview, and suggestions of people to mention."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import Blueprint, abort, jsonify, render_template, request
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response

from core import access, files, registry
from core.access import viewer
from core.accounts import throttle
from core.db import db, table_of, unfiltered
from core.feed import drafts, query
from core.feed.cards import Person, cards, role_label
from core.feed.query import BadCursor, Page
from core.forms import whole
from core.models import Area, File, Space, User
from core.settings import town
from core.text import fold, markdown
from core.web import get_or_404, needs

from ..spaces import reads as spaces
from . import atom, claims
from .forms import BODY, PostForm, grouped, new_key

SUGGESTIONS = 8
ORDERS = ("newest", "active")
MINE = 8

blueprint = Blueprint("feed", __name__)


@blueprint.get("/")
@needs("core.read")
def home() -> str:
    """What is public and what one follows or belongs to; the town's welcome above a visitor's first page."""
    person, order = viewer(), _order()
    followed = person.signed_in and request.args.get("show") == "followed"
    heard = query.followed_spaces() if followed else []
    found = page(order=order, followed=heard if followed else False)
    mine = spaces.mine() if person.signed_in else []
    others = () if mine else tuple(spaces.newest())
    return render_template(
        "portal/home.html",
        cards=cards(found.entries),
        more_url=more_url(found),
        order=order,
        followed=followed,
        compose=places(mine) if person.signed_in else (),
        blank=PostForm,
        client_key=new_key(),
        mine=tuple(mine[:MINE]),
        lost=person.signed_in and not mine and spaces.follows_none(),
        may_create=access.can("core.create_space"),
        others=others,
        guests=not person.signed_in and any(claims.takes(one.visibility, one) for one in others),
        welcome=town().welcome,
        later="before" in request.args,
        panels=panels("home"),
        heard=_heard(heard),
    )


@blueprint.get("/people/<handle>")
@needs("core.read")
def person(handle: str) -> str:
    """What everybody may know of a person, and what of theirs the viewer may read."""
    user = _user(handle)
    found = page(author=user.id)
    return render_template(
        "portal/person.html",
        person=Person(user.name, f"/people/{handle}", role_label(user.role, user.mandate), user.picture_url),
        user=user,
        cards=cards(found.entries),
        more_url=more_url(found),
        panels=panels("profile", user),
    )


@blueprint.get("/feed.atom")
@needs("core.read")
def feed_atom() -> Response:
    """The newest public posts of all spaces."""
    with as_visitor():
        return atom.document(lazy_gettext("News"), "/", lambda: cards(query.page().entries))


@blueprint.get("/people/<handle>/feed.atom")
@needs("core.read")
def person_atom(handle: str) -> Response:
    """The newest public posts of a person."""
    with as_visitor():
        user = _user(handle)
        found = query.page(author=user.id).entries
        return atom.document(user.name, f"/people/{handle}", lambda: cards(found))


@blueprint.get("/spaces/<int:space_id>/feed.atom")
@needs("core.read")
def space_atom(space_id: int) -> Response:
    """The newest posts of a public space."""
    with as_visitor():
        space = get_or_404(Space, space_id)
        if space.visibility != "public":
            abort(404)
        found = query.page(space=space_id)
        entries = sorted(found.entries, key=lambda row: (row.published_at, row.id), reverse=True)
        return atom.document(space.name, f"/spaces/{space_id}", lambda: cards(entries))


@blueprint.post("/preview")
@needs("core.read")
def preview() -> str:
    """A Markdown text as it will be shown."""
    throttle.hit("preview", throttle.person())
    return as_shown(request.form.get("body", "")[:BODY], request.form.get("space"))


def as_shown(body: str, space: Any) -> str:
    """The HTML of a Markdown text, its mentions linked as in this space where the viewer reads it."""
    space_id = whole(space)
    found = db.session.get(Space, space_id) if space_id else None
    return drafts.render(body, found)[0] if found and spaces.readable(found) else markdown(body)


@blueprint.get("/mentions")
@needs("core.account")
def mentions() -> Response:
    """People whose name begins so and who may read the space, for those who may read it themselves.

    Officials and staff come first: whoever means them is not to name somebody of a similar name.
    """
    start, space_id = fold(request.args.get("q", "")[:80]), whole(request.args.get("space"))
    if not start or not space_id:
        return jsonify([])
    space = db.session.get(Space, space_id)
    if space is None or not spaces.readable(space):
        return jsonify([])
    user = table_of(User)
    like = user.c.folded.startswith(start, autoescape=True)
    word = user.c.folded.contains(" " + start, autoescape=True)
    handle = user.c.handle.startswith(start, autoescape=True)
    people = (
        sa.select(user.c.handle, user.c.name, user.c.role, user.c.mandate)
        .where(sa.or_(like, word, handle), user.c.closed_at.is_(None), drafts.reads(space))
        .order_by(user.c.role == "resident", sa.case((like, 0), else_=1), user.c.folded, user.c.id)
        .limit(SUGGESTIONS)
    )
    return jsonify(
        [
            {"handle": row.handle, "name": row.name, "role": role_label(row.role, row.mandate)}
            for row in unfiltered(people)
        ]
    )


def places(mine: Sequence[spaces.Mine]) -> tuple[tuple[str, tuple[spaces.Mine, ...]], ...]:
    """Where the viewer may begin a post, in groups."""
    return grouped(mine, spaces.open_to_all(), spaces.area_at(viewer().area))


def page(**wanted: Any) -> Page:
    """The page of the feed that the address asks for; a cursor of nobody's making is a bad request."""
    try:
        return query.page(before=request.args.get("before"), **wanted)
    except BadCursor:
        abort(400)


def held_kinds() -> frozenset[str]:
    """The kinds of which an entry that is pending was held back, and is let through by who moderates."""
    kinds = (kind for one in registry.current().active() for kind in one.entry_kinds)
    return frozenset(kind.name for kind in kinds if kind.initial_state == "published")


def more_url(found: Page, name: str = "before") -> str:
    """The address of what follows, with whatever else this address says."""
    if found.next is None:
        return ""
    kept = {key: value for key, value in request.args.items() if key != name}
    return f"{request.path}?{urlencode({**kept, name: found.next})}"


def panels(place: str, subject: Any = None) -> Sequence[Any]:
    """What plugins show beside a page of the core, the lightest first."""
    answers = registry.current().call("panels", place=place, subject=subject)
    return sorted((panel for _name, found in answers for panel in found), key=lambda panel: panel.weight)


def as_visitor() -> Any:
    """Read as anybody may."""
    return access.as_viewer(access.Viewer(kinds=viewer().kinds))


def _heard(spaces: Sequence[int]) -> str:
    """What the home page hears of: everything, or the spaces that it shows, unless they are many."""
    return urlencode([("space", ident) for ident in spaces]) if 0 < len(spaces) <= query.FEW else "space=all"


def _order() -> str:
    order = request.args.get("order", "newest")
    return order if order in ORDERS else "newest"


def _user(handle: str) -> Any:
    user, area, file = table_of(User), table_of(Area), table_of(File)
    found = (
        sa.select(user, area.c.name.label("area_name"), file.c.id.label("file_id"), file.c.name.label("file"))
        .outerjoin(area, area.c.id == user.c.area_id)
        .outerjoin(file, file.c.profile_of == user.c.id)
        .where(user.c.handle == handle, user.c.closed_at.is_(None))
    )
    row = unfiltered(found).one_or_none()
    if row is None:
        abort(404)
    picture = files.address(row.file_id, row.file) if row.file_id else None
    return SimpleNamespace(**row._mapping, picture_url=picture)
