"""The pages of notices: the list, opening one, choosing how they come, and ending their mail."""

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, make_response, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core import registry
from core.access import viewer
from core.accounts import throttle
from core.db import db, table_of
from core.feed.cards import space_url
from core.forms import whole
from core.models import Entry, Follow, Membership, Notice, NoticeChoice, NoticeTimes, Space
from core.notices.reads import INVITED
from core.security import csrf
from core.web import local_path, needs, says

from ..spaces.reads import own_invitations
from . import actions, choice, forms, letters, words

PAGE, SPACES = 30, 50

blueprint = Blueprint("notices", __name__)

_notice = table_of(Notice)


@blueprint.get("/notices")
@needs("core.account")
def index() -> str:
    """One's notices, the unread first, each part the newest first."""
    unread, before = request.args.get("of") != "read", whole(request.args.get("before"))
    found = _page(unread, before, PAGE + 1)
    more = found[PAGE - 1].id if len(found) > PAGE else None
    new, old = (found[:PAGE], []) if unread else ([], found[:PAGE])
    of = "unread" if unread else "read"
    if unread and more is None:
        old = _page(False, None, PAGE + 1 - len(found))
        more = old[-2].id if len(old) == PAGE + 1 - len(found) and len(old) > 1 else None
        of, old = "read", old[:-1] if more else old
    invited = [] if before else own_invitations()
    answered_above = {(INVITED, one.space.id) for one in invited}
    return render_template(
        "portal/notices.html",
        invited=invited,
        newest=before is None,
        new=[_line(row) for row in new if (row.type, row.space_id) not in answered_above],
        old=[_line(row) for row in old if (row.type, row.space_id) not in answered_above],
        upto=max((row.id for row in new), default=0),
        more_url=f"/notices?of={of}&before={more}" if more else "",
    )


def _page(unread: bool, before: int | None, size: int) -> list[Any]:
    """Rows of one part, below a cursor, by one index."""
    told = words.TOLD.where(_notice.c.read_at.is_(None) if unread else _notice.c.read_at.is_not(None))
    if before is not None:
        told = told.where(_notice.c.id < before)
    return list(db.session.execute(told.order_by(_notice.c.id.desc()).limit(size)))


def _line(row: Any) -> dict[str, Any]:
    """A notice as the page shows it; of what is about an entry, which is a tap away, the first line more."""
    detail = words.detail(row)
    return {
        "id": row.id,
        "text": words.sentence(row),
        "detail": detail if row.entry_id is None else detail.partition("\n")[0],
        "when": row.created_at,
        "space": row.space,
        "actor": row.actor,
    }


@blueprint.post("/notices/<int:notice_id>/open")
@needs("core.account")
def open_one(notice_id: int) -> Response:
    """Mark a notice as read and show what it is about."""
    row = db.session.execute(words.TOLD.where(_notice.c.id == notice_id)).one_or_none()
    if row is None:
        abort(404)
    actions.read(0, notice_id)
    own = words.page(row)
    if local_path(own):
        return redirect(own)
    if row.entry_id:
        return redirect(f"/posts/{row.thread_id}#post-{row.entry_id}")
    return redirect(local_path(space_url(row.space_id, row.space_kind)) or "/notices")


@blueprint.post("/notices/read")
@needs("core.account")
def read_all() -> Response:
    """Mark all notices as read that the page showed or that are older."""
    actions.read(whole(request.form.get("upto")) or 0)
    return redirect("/notices")


@blueprint.route("/me/notices", methods=["GET", "POST"])
@needs("core.account")
def choose() -> Response:
    """Choose how each kind of notice comes, and when digests do."""
    groups = choice.groups()
    chosen = {one.type or one.space_id: one.way for one in db.session.scalars(sa.select(NoticeChoice))}
    times = db.session.scalars(sa.select(NoticeTimes)).one_or_none() or NoticeTimes(hour=8, days=1)
    days = [day for day in range(7) if times.days >> day & 1]
    form: Any = forms.of(
        groups, _spaces(), chosen, hour=times.hour, days=days, paused=times.paused_at is not None
    )
    form.spread(groups)
    if form.validate_on_submit():
        kinds = {field.name.removeprefix("kind-"): field.data for field in form.kinds()}
        spaces = {int(field.name.removeprefix("space-")): field.data or None for field in form.spaces()}
        actions.choose(kinds, spaces, form.hour.data, form.days.data, form.paused.data)
        says(_("Your settings are saved."))
        return redirect("/me/notices")
    page = render_template("portal/me_notices.html", form=form, groups=groups)
    return make_response(page, 422 if form.errors else 200)


def _spaces() -> list[Any]:
    """The spaces the viewer belongs to, follows, writes in, was told of or has chosen for, by name."""
    follows = sa.select(Follow.space_id).where(Follow.space_id.is_not(None))
    belongs = sa.select(Membership.space_id).where(Membership.user_id == viewer().id)
    wrote = sa.select(Entry.space_id).where(Entry.author_id == viewer().id)
    of_entry = sa.select(Entry.space_id).join(Notice, Notice.entry_id == Entry.id)
    told = sa.select(Notice.space_id).where(Notice.space_id.is_not(None))
    chosen = sa.select(NoticeChoice.space_id).where(NoticeChoice.space_id.is_not(None))
    mine = sa.or_(*(Space.id.in_(some) for some in (follows, belongs, wrote, of_entry, told, chosen)))
    return list(
        db.session.execute(sa.select(Space.id, Space.name).where(mine).order_by(Space.name).limit(SPACES))
    )


@blueprint.route("/unsubscribe/<token>", methods=["GET", "POST"])
@csrf.exempt  # type: ignore[untyped-decorator]  # mail programs post to it, and nothing but its token counts
@needs("core.read")
def unsubscribe(token: str) -> Response:
    """What the link in a mail ends: the page says so, its button, or a mail program's own, does it."""
    try:
        user_id, kinds, spaces = letters.stopped(token)
    except LookupError:
        throttle.hit("confirm")
        abort(404)
    if request.method == "POST":
        actions.stop(user_id, kinds, spaces)
    declared = {kind.name: kind for plugin in registry.current().active() for kind in plugin.notice_types}
    titles = [declared[name].title for name in kinds if name in declared]
    done = request.method == "POST"
    return make_response(render_template("portal/unsubscribe.html", titles=titles, token=token, done=done))
