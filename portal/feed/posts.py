"""The pages of a post: writing it, its permalink with replies, its history, and what can be done with it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, redirect, render_template, request
from flask_babel import get_locale
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.wrappers import Response

from core import access, errors, registry
from core.access import Forbidden, Refused, viewer
from core.accounts import throttle
from core.db import db
from core.feed import actions, cases, moderation, query
from core.feed.cards import cards, space_url
from core.feed.drafts import AskAuthor
from core.forms import whole
from core.models import Entry, Follow, Space, Support
from core.spaces import actions as spaces
from core.text import raise_headings
from core.web import back_to_entry, get_or_404, needs, says

from ..moderation.actions import owes_words
from ..spaces import reads
from . import claims, history
from .forms import EditForm, GuestForm, HomePostForm, PostForm, WordsForm
from .views import as_shown, held_kinds, more_url, panels, places

Page = str | Response | tuple[str, int]
WRONG, CONFLICT = 422, 409
SOME = 50

blueprint = Blueprint("posts", __name__)


@blueprint.route("/posts/new", methods=["GET", "POST"])
@needs("core.account")
def new() -> Page:
    """Write a post in a space that one chooses."""
    offered = places(reads.mine())
    form: Any = HomePostForm(offered)
    if not offered:
        says(_("There is no space yet in which you may write: join one first."), "error")
        return redirect("/spaces")
    if not form.validate_on_submit() or "preview" in request.form:
        return _form_page(form, "/posts/new", _("Write a post"))
    space = get_or_404(Space, form.space.data)
    return _publish(form, space, None) or _form_page(form, "/posts/new", _("Write a post"))


@blueprint.get("/posts/cards")
@needs("core.read")
def some() -> str:
    """The cards of these posts as a feed shows them, without those that it would not show this viewer."""
    ids = [ident for ident in map(whole, request.args.getlist("id")[:SOME]) if ident]
    shown = [row for row in query.rows(ids) if row.in_feed]
    level = 3 if request.args.get("level") == "3" else 2
    drawn = cards(shown, show_space="space" not in request.args)
    return render_template("portal/cards.html", cards=drawn, level=level)


@blueprint.post("/spaces/<int:space_id>/posts")
@needs("core.read")
def write_in_space(space_id: int) -> Page:
    """Write a post in a space, with or without an account."""
    space = get_or_404(Space, space_id)
    return _written(space, None, f"/spaces/{space_id}/posts", _("Write a post"), f"/spaces/{space_id}")


@blueprint.post("/posts/<int:entry_id>/reply")
@needs("core.read")
def reply(entry_id: int) -> Page:
    """Reply to a post, with or without an account."""
    parent = get_or_404(Entry, entry_id)
    space = get_or_404(Space, parent.space_id)
    title = _("Comment") if registry.current().entry_kind(parent.kind).comments else _("Reply")
    return _written(space, parent, f"/posts/{entry_id}/reply", title, f"/posts/{entry_id}")


@blueprint.get("/posts/<int:entry_id>")
@needs("core.read")
def show(entry_id: int) -> Page:
    """A post with its replies."""
    try:
        root, found = query.thread(entry_id, request.args.get("after"))
    except query.BadCursor:
        abort(400)
    if root is None:
        return _missing(entry_id)
    if root.parent_id is not None:
        return redirect(f"/posts/{root.parent_id}#post-{entry_id}")
    kinds = _kinds_apart(root)
    first = "after" not in request.args
    apart = query.rows(_apart(entry_id, kinds)) if kinds and first else []
    said = [row for row in found.entries if row.kind not in kinds]
    card, *others = cards([root, *apart, *said])
    card = card._replace(html=Markup(raise_headings(card.html)))  # noqa: S704  cleaned
    space = Space(
        id=root.space_id, kind=root.space_kind, name=root.space_name, visibility=root.space_visibility
    )
    moderates = viewer().signed_in and spaces.oversees(_whole(space))
    hidden = [row for row in (root, *apart, *said) if row.state == "hidden"] if moderates else []
    form = _form(claims.takes(root.space_visibility)) if _takes_replies(root) else None
    return render_template(
        "portal/post.html",
        card=card,
        apart=[one._replace(space=None) for one in others[: len(apart)]],
        replies=others[len(apart) :],
        more_url=more_url(found, "after"),
        space=space,
        space_url=space_url(space.id, space.kind),
        compose=form,
        moderates=moderates,
        held=held_kinds(),
        shown_again={row.id for row in hidden if cases.shows_again(row)},
        follows=viewer().signed_in and _follows(entry_id),
        locked=root.closed,
        panels=panels("entry", root),
    )


def _kinds_apart(root: query.Row) -> frozenset[str]:
    """The kinds of what stands beside a post without being a comment on it: not everybody may write it."""
    if root.kind.startswith("core."):
        return frozenset()
    kinds = (kind for one in registry.current().active() for kind in one.entry_kinds)
    return frozenset(kind.name for kind in kinds if kind.publish not in ("core.reply", "core.post"))


def _apart(entry_id: int, kinds: frozenset[str]) -> list[int]:
    rows = sa.select(Entry.id).where(Entry.parent_id == entry_id, Entry.kind.in_(kinds)).order_by(Entry.id)
    return list(db.session.scalars(rows))


@blueprint.route("/posts/<int:entry_id>/edit", methods=["GET", "POST"])
@needs("core.account")
def edit(entry_id: int) -> Page:
    """Change what one said; a change that came between is shown beside, and nothing typed is lost."""
    entry = _own(entry_id)
    titled = registry.current().entry_kind(entry.kind).titled
    form: Any = EditForm(title=entry.title, body=entry.body, version=entry.version, titled=titled)
    url, back = f"/posts/{entry_id}/edit", f"/posts/{entry.parent_id or entry.id}#post-{entry.id}"
    if request.method == "GET":
        try:
            actions.must_be_changeable(entry)
        except Refused as refusal:
            says(str(refusal), "error")
            return redirect(back)
    if not form.validate_on_submit() or "preview" in request.form:
        return _form_page(form, url, _("Edit"), back, entry=entry)
    seen = whole(request.form.get("version")) or 0  # who sends none has seen none
    try:
        actions.change_entry(entry, form.title.data or "", form.body.data or "", seen, form.confirmed.data)
    except AskAuthor as question:
        form.ask(str(question))
    except (Refused, StaleDataError) as refusal:
        entry = _own(entry_id)
        form.version.data = entry.version
        form.refuse(str(refusal) if isinstance(refusal, Refused) else _("This was changed meanwhile."))
        return _form_page(form, url, _("Edit"), back, entry=entry, other=entry)
    else:
        says(_("Your change is saved."))
        return redirect(back)
    return _form_page(form, url, _("Edit"), back, entry=entry)


@blueprint.get("/posts/<int:entry_id>/history")
@needs("core.read")
def show_history(entry_id: int) -> str:
    """What a post said before, and what each change took away and added, the newest first."""
    entry = get_or_404(Entry, entry_id)
    versions, earlier = history.versions(entry, whole(request.args.get("before")))
    return render_template("portal/post_history.html", entry=entry, versions=versions, earlier=earlier)


@blueprint.post("/posts/<int:entry_id>/support")
@needs("core.support")
def support(entry_id: int) -> Page:
    """Add one's voice to a post, or take it back, as the button says; htmx gets the button alone."""
    entry = get_or_404(Entry, entry_id)
    mine = sa.select(Support.user_id).where(Support.entry_id == entry_id, Support.user_id == viewer().id)
    wanted = request.form.get("on") or str(int(db.session.scalar(mine) is None))
    if wanted not in ("0", "1"):
        abort(400)
    try:
        actions.support(entry, wanted == "1")
    except Refused as refusal:
        says(str(refusal), "error")
    if request.headers.get("HX-Request"):
        found = cards(query.rows([entry_id])) or abort(404)
        return render_template("portal/support.html", card=found[0])
    return back_to_entry(entry_id)


@blueprint.post("/posts/<int:entry_id>/follow")
@needs("core.account")
def follow(entry_id: int) -> Page:
    """Hear of replies to a post, or no longer."""
    actions.follow(not _follows(entry_id), entry=get_or_404(Entry, entry_id))
    return redirect(f"/posts/{entry_id}#follow")


@blueprint.post("/posts/<int:entry_id>/pin")
@needs("core.moderate")
def pin(entry_id: int) -> Page:
    """Keep a post at the top of its space, or no longer."""
    return _moderated(entry_id, lambda entry: actions.pin(entry, entry.pinned_at is None))


@blueprint.post("/posts/<int:entry_id>/lock")
@needs("core.moderate")
def lock(entry_id: int) -> Page:
    """Close a post to replies, or open it again."""
    return _moderated(entry_id, lambda entry: actions.lock_thread(entry, entry.locked_at is None))


@blueprint.post("/posts/<int:entry_id>/hide")
@needs("core.moderate")
def hide(entry_id: int) -> Page:
    """Hide a post or reply from all but the team, or show it again."""

    def turn(entry: Entry) -> None:
        if entry.state == "hidden" and cases.hidden_by_agency(entry):
            moderation.decide(entry, "restored", "")
        elif entry.state != "hidden" and owes_words(entry):
            moderation.decide(entry, "hidden", "")
        else:
            (actions.restore if entry.state == "hidden" else actions.hide)(entry)

    return _moderated(entry_id, turn)


@blueprint.post("/posts/<int:entry_id>/release")
@needs("core.moderate")
def release(entry_id: int) -> Page:
    """Publish a post or reply that waited to be checked."""
    entry = get_or_404(Entry, entry_id)
    if entry.state != "pending" or entry.kind not in held_kinds():
        abort(404)
    seen = whole(request.form.get("version")) or 0  # who sends none has seen none
    return _moderated(entry_id, lambda entry: actions.release(entry, version=seen))


@blueprint.route("/posts/<int:entry_id>/remove", methods=["GET", "POST"])
@needs("core.account")
def remove(entry_id: int) -> Page:
    """Remove one's own words, or as a moderator somebody's; asked once more before."""
    entry = get_or_404(Entry, entry_id)
    space = get_or_404(Space, entry.space_id)
    own = entry.author_id == viewer().id and entry.kind.startswith("core.")
    if not own and not spaces.oversees(space):
        raise Forbidden("core.moderate")
    if not own and owes_words(entry):
        return redirect(f"/posts/{entry_id}/decide")
    if request.method == "GET":
        return render_template("portal/post_remove.html", entry=entry, own=own)
    above = f"/posts/{entry.parent_id}" if entry.parent_id else space_url(space.id, space.kind)
    try:
        actions.remove(entry)
    except Refused as refusal:
        says(str(refusal), "error")
        return redirect(f"/posts/{entry.parent_id or entry_id}")
    says(_("It is removed."))
    return redirect(above)


def _written(space: Space, parent: Entry | None, action: str, title: str, back: str) -> Page:
    if not reads.readable(space):
        raise Forbidden("core.post")
    if viewer().signed_in:
        form: Any = PostForm()
        if form.validate() and "preview" not in request.form:
            done = _publish(form, space, parent)
            if done is not None:
                return done
        return _form_page(form, action, title, back, space=space, parent=parent)
    form = GuestForm()
    if form.validate() and "preview" not in request.form:
        try:
            claims.keep(space, parent, form)
        except AskAuthor as question:
            form.ask(str(question))
        except Refused as refusal:
            form.refuse(str(refusal))
        else:
            return render_template("portal/mail_sent.html", email=form.email.data)
    return _form_page(form, action, title, back, space=space, parent=parent)


def _publish(form: Any, space: Space, parent: Entry | None) -> Response | None:
    """Publish what the form says; None leaves in the form why not."""
    belonged = spaces.belongs(space.id, viewer().id)
    try:
        entry = actions.publish(
            space,
            form.body.data,
            form.title.data or "",
            "core.reply" if parent else "core.post",
            parent=parent,
            lang=str(get_locale()),
            pictures=form.pictures.data,
            client_key=form.client_key.data,
            confirmed=form.confirmed.data,
        )
    except AskAuthor as question:
        form.ask(str(question))
        return None
    except Refused as refusal:
        form.refuse(str(refusal))
        return None
    says(claims.thanks(entry, parent, belonged))
    return redirect(f"/posts/{parent.id}#post-{entry.id}" if parent else f"/posts/{entry.id}")


def _form_page(form: Any, action: str, title: str, back: str = "/", **context: Any) -> Page:
    """The form alone on a page, with what was typed, its errors, and its preview if that was asked for."""
    shown = ""
    if "preview" in request.form:
        throttle.hit("preview", throttle.person())
        shown = as_shown(form.body.data or "", request.form.get("space"))
    page = render_template(
        "portal/compose.html",
        form=form,
        action=action,
        title=title,
        back=back,
        preview=Markup(shown),  # noqa: S704  cleaned
        **context,
    )
    return page, CONFLICT if "other" in context else WRONG if form.errors else 200


def _form(guests: bool) -> WordsForm | None:
    """An empty form for a reply: for people with an account, and where guests may for those without."""
    if viewer().signed_in:
        return PostForm(formdata=None)
    return GuestForm(formdata=None) if guests else None


def _takes_replies(row: Any) -> bool:
    return (
        not row.closed
        and row.state in ("published", "pending")
        and registry.current().entry_kind(row.kind).replies
    )


def _own(entry_id: int) -> Entry:
    entry: Entry = get_or_404(Entry, entry_id)
    if entry.author_id != viewer().id or entry.state not in ("published", "pending"):
        raise Forbidden("core.post")
    return entry


def _follows(entry_id: int) -> bool:
    follows = sa.select(Follow.id).where(Follow.user_id == viewer().id, Follow.entry_id == entry_id)
    return db.session.scalar(follows) is not None


def _moderated(entry_id: int, act: Callable[[Entry], None]) -> Page:
    try:
        act(get_or_404(Entry, entry_id))
    except Refused as refusal:
        says(str(refusal), "error")
    return back_to_entry(entry_id)


def _whole(space: Space) -> Space:
    """The space with its area, in which the rights of staff end; others need no further look."""
    return (db.session.get(Space, space.id) or space) if viewer().staff else space


def _missing(entry_id: int) -> Page:
    """404; of what could be read but for a plugin that is off, the page says so, without its title."""
    plugins = registry.current()
    kinds = list(plugins.kinds())
    for plugin in plugins.installed.values():
        kinds += [kind.name for kind in plugin.space_kinds] + [kind.name for kind in plugin.entry_kinds]
    with access.as_viewer(dataclasses.replace(viewer(), kinds=tuple(kinds))):
        off = db.session.get(Entry, entry_id) is not None
    if not off:
        abort(404)
    return errors.page(404, _("This belongs to a plugin that is switched off at the moment."))
