"""The pages of spaces: the list, one space with its feed, and who belongs to it."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response

from core import access, errors, mail, registry
from core.access import Forbidden, Refused, require, viewer
from core.db import db
from core.feed import actions as feed
from core.feed import query
from core.feed.cards import cards, space_url
from core.forms import whole
from core.hookspecs import settled
from core.models import Space
from core.plugin import SpaceRole, Tab
from core.spaces import actions
from core.spaces.standing import Standing, standing
from core.web import get_or_404, local_path, needs, says

from ..feed import claims as written
from ..feed.forms import GuestForm, PostForm
from ..feed.views import held_kinds, more_url, page, panels
from . import invitations, joining, reads
from .forms import FITTING, InviteForm, JoinForm, MemberForm, SpaceForm, last_day

Page = str | Response | tuple[str, int]

blueprint = Blueprint("spaces", __name__)


@blueprint.get("/spaces")
@needs("core.read")
def index() -> str:
    """All spaces that the viewer may know of, by name."""
    search, area = request.args.get("q", "").strip()[:80], request.args.get("area", "")
    area_id = whole(area)
    found, after = reads.listed(search, area_id, request.args.get("after"))
    return render_template(
        "portal/spaces.html",
        spaces=found,
        search=search,
        area=area_id,
        areas=reads.areas(),
        more_url=url_for("spaces.index", q=search or None, area=area_id, after=after) if after else "",
        may_create=access.can("core.create_space", Space(area_id=_own_area())),
        guests=not viewer().signed_in and access.by_mail("core.post_open"),
    )


@blueprint.route("/spaces/new", methods=["GET", "POST"])
@needs("core.create_space")
def new() -> Page:
    """Open a group."""
    form: Any = SpaceForm()
    if form.validate_on_submit():
        space = actions.create_space("core.group", **_values(form))
        says(_("The space is open. Now invite people, or write the first post."))
        return redirect(f"/spaces/{space.id}")
    return _form("portal/space_new.html", form, fitting=FITTING)


@blueprint.get("/spaces/<int:space_id>")
@needs("core.read")
def show(space_id: int) -> Page:
    """A space: what is pinned, then its feed, and the form to write in it; or the page that its kind has."""
    if viewer().signed_in and db.session.get(Space, space_id) is None and _invited(space_id):
        return redirect(f"/spaces/{space_id}/invitation")  # to what only its members know of
    space: Space = get_or_404(Space, space_id)
    own = space_url(space_id, space.kind)
    if own != f"/spaces/{space_id}":
        return redirect(own)
    standing = _standing(space)
    frame = _frame(space, standing, "feed")
    if not _reads(space, standing):
        return render_template("portal/space_closed.html", **frame)
    order = "active" if request.args.get("order") == "active" else "newest"
    found = page(order=order, space=space)
    return render_template(
        "portal/space.html",
        cards=cards(found.entries, show_space=False),
        more_url=more_url(found),
        order=order,
        compose=_compose(space),
        panels=panels("space", space),
        **frame,
    )


@blueprint.get("/spaces/<int:space_id>/about")
@needs("core.read")
def about(space_id: int) -> Page:
    """What a space is for, and for whom."""
    space: Space = get_or_404(Space, space_id)
    standing = _standing(space)
    readable = _reads(space, standing)
    return render_template(
        "portal/space_about.html",
        html=Markup(space.html) if readable else "",  # noqa: S704  cleaned
        body=readable and space.body,
        created=space.created_at,
        area=reads.area_name(space.area_id),
        joining=space.joining,
        team=reads.members(space_id, team=True)[0] if readable else [],
        **_frame(space, standing, "about"),
    )


@blueprint.get("/spaces/<int:space_id>/waiting")
@needs("core.moderate")
def waiting(space_id: int) -> Page:
    """What the team has to look at before it is shown."""
    space: Space = get_or_404(Space, space_id)
    if not access.can("core.moderate", space):
        raise Forbidden("core.moderate")
    frame = _frame(space, _standing(space), "waiting")
    return render_template(
        "portal/space_waiting.html", cards=cards(query.waiting(space_id), False), held=held_kinds(), **frame
    )


@blueprint.get("/spaces/<int:space_id>/members")
@needs("core.read")
def members(space_id: int) -> Page:
    """Who belongs to a space; for its team also who asks to, and who is invited."""
    space: Space = get_or_404(Space, space_id)
    standing = _standing(space)
    if not _reads(space, standing):
        raise Forbidden("core.read")
    found, after = reads.members(space_id, team=False, after=request.args.get("after"))
    invites = viewer().signed_in and access.can("core.invite", space)
    return render_template(
        "portal/space_members.html",
        team=reads.members(space_id, team=True)[0],
        members=found,
        last_day=last_day,
        more_url=url_for("spaces.members", space_id=space_id, after=after) if after else "",
        titles={role.name: role.title for role in registry.current().space_kind(space.kind).roles},
        invites=invites,
        requests=reads.requests(space_id) if invites else [],
        invitations=[
            one for one in (reads.invitations(space_id) if invites else []) if invitations.holds(one, space)
        ],
        **_frame(space, standing, "members"),
    )


@blueprint.route("/spaces/<int:space_id>/members/<int:user_id>", methods=["GET", "POST"])
@needs("core.manage_space")
def member(space_id: int, user_id: int) -> Page:
    """Give a member another role or an end, or end their membership."""
    space = _managed(space_id)
    person = reads.member(space_id, user_id) or abort(404)
    form: Any = MemberForm(role=person.role, until=last_day(person.expires_at))
    form.offer(_roles(space))
    if form.validate_on_submit():
        if "remove" in request.form:
            work: Callable[[], None] = lambda: actions.expel(space, user_id)  # noqa: E731
        else:
            work = lambda: actions.set_role(space, user_id, form.role.data, form.end)  # noqa: E731
        if _done(work, form):
            return redirect(f"/spaces/{space_id}/members")
    return _form("portal/space_member.html", form, person=person, space=space)


@blueprint.route("/spaces/<int:space_id>/invite", methods=["GET", "POST"])
@needs("core.invite")
def invite(space_id: int) -> Page:
    """Invite somebody by e-mail."""
    space: Space = get_or_404(Space, space_id)
    require("core.invite", space)
    form: Any = InviteForm(role="member")
    form.offer(_roles(space, access.can("core.manage_space", space)))
    if form.validate_on_submit():
        email = form.email.data
        try:
            if _done(lambda: invitations.invite(space, email, form.role.data, form.end), form):
                says(_("The invitation is on its way to %(email)s.", email=email))
                return redirect(f"/spaces/{space_id}/members")
        except invitations.IsMember as known:
            form.email.errors = [str(known)]
            return _form("portal/space_invite.html", form, space=space, is_member=True)
    return _form("portal/space_invite.html", form, space=space)


@blueprint.post("/spaces/<int:space_id>/invitations/<key>/withdraw")
@needs("core.invite")
def withdraw(space_id: int, key: str) -> Response:
    """Take an invitation back before it is answered."""
    space: Space = get_or_404(Space, space_id)
    if invitations.withdraw(space, key):
        says(_("The invitation is withdrawn."))
    return redirect(f"/spaces/{space_id}/members")


@blueprint.post("/spaces/<int:space_id>/requests/<int:user_id>")
@needs("core.invite")
def answer(space_id: int, user_id: int) -> Response:
    """Let in who asked, or not."""
    space: Space = get_or_404(Space, space_id)
    try:
        accepts = request.form.get("accept") == "1"
        joining.answer_request(space, user_id, accepts)
        if accepts != (reads.member(space_id, user_id) is not None):
            raise Refused(_("A colleague has answered this request in the meantime."))
        name = reads.name_of(user_id)
        says(_("%(name)s is a member now.", name=name) if accepts else _("The request is declined."))
    except Refused as refusal:
        says(str(refusal), "error")
    return redirect(f"/spaces/{space_id}/members")


@blueprint.route("/spaces/<int:space_id>/settings", methods=["GET", "POST"])
@needs("core.manage_space")
def settings(space_id: int) -> Page:
    """Change what a space is, or close it."""
    space = _managed(space_id)
    form: Any = SpaceForm(obj=space, area=space.area_id or 0)
    if form.validate_on_submit():
        version = whole(request.form.get("version")) or 0  # who sends none has seen none
        if _done(lambda: actions.change_space(space, version, **_values(form)), form):
            says(_("Your change is saved."))
            return redirect(f"/spaces/{space_id}")
        form.version.data = get_or_404(Space, space_id).version
    return _form(
        "portal/space_settings.html",
        form,
        space=space,
        fitting=FITTING,
        archived=space.archived_at is not None,
    )


@blueprint.post("/spaces/<int:space_id>/archive")
@needs("core.manage_space")
def archive(space_id: int) -> Response:
    """Close a space to new posts, or open it again."""
    space = _managed(space_id)
    actions.change_space(space, archived=space.archived_at is None)
    return redirect(f"/spaces/{space_id}")


@blueprint.route("/spaces/<int:space_id>/join", methods=["GET", "POST"])
@needs("core.account")
def join(space_id: int) -> Page:
    """Become a member, or ask to."""
    space: Space = get_or_404(Space, space_id)
    form: Any = JoinForm()
    if space.joining == "invite":
        raise Forbidden("core.join")
    joins = space.joining == "open"
    if form.validate_on_submit():
        message = form.message.data or ""
        if _done(lambda: actions.join(space) if joins else joining.ask_to_join(space, message), form):
            says(_("Welcome! You are a member now.") if joins else _("The team has your request."))
            return redirect(f"/spaces/{space_id}")
    return _form("portal/space_join.html", form, space=space)


@blueprint.post("/spaces/<int:space_id>/leave")
@needs("core.account")
def leave(space_id: int) -> Response:
    """Be a member no longer."""
    space: Space = get_or_404(Space, space_id)
    try:
        actions.leave(space)
    except Refused as refusal:
        says(str(refusal), "error")
        return redirect(f"/spaces/{space_id}")
    says(_("You have left the space."))
    return redirect("/spaces")


@blueprint.post("/spaces/<int:space_id>/follow")
@needs("core.account")
def follow(space_id: int) -> Response:
    """Find a space's posts among what one follows, or no longer."""
    space: Space = get_or_404(Space, space_id)
    feed.follow(not standing(space_id).follows, space=space)
    return redirect(f"/spaces/{space_id}")


@blueprint.route("/invitations/<token>", methods=["GET", "POST"])
@needs("core.read")
def invitation(token: str) -> Page:
    """What one is invited to by a link; one button accepts, the other declines."""
    found = invitations.invitation(token)
    return _answer(found and found[0].token_hash)


@blueprint.route("/invitations/<token>/decline", methods=["GET", "POST"])
@needs("core.read")
def decline(token: str) -> Page:
    """Whether to decline what was sent to an address that is not the viewer's: asked once more before."""
    found = invitations.invitation(token)
    if found is None:
        return _answered()
    invited, space = found
    if request.method == "POST":
        return _declined(invited.token_hash)
    shown = {"address": mail.mask(invited.email), "path": f"/invitations/{token}"}
    return render_template("portal/invitation_decline.html", space=space, **shown)


@blueprint.route("/spaces/<int:space_id>/invitation", methods=["GET", "POST"])
@needs("core.account")
def own_invitation(space_id: int) -> Page:
    """What one's own address is invited to, without the link."""
    found = _invited(space_id)
    return _answer(found and found.key)


def _answer(key: str | None) -> Page:
    """The invitation with this key, and what is answered to it."""
    found = invitations.invitation_of(key) if key else None
    if found is None:
        return _answered()
    invited, space = found
    own = invitations.is_own(invited)
    if request.method == "POST" and "decline" in request.form:
        return _declined(invited.token_hash) if own else redirect(f"{request.path}/decline")
    if request.method == "POST":
        try:
            new = invitations.accept(invited.token_hash)
        except Refused as refusal:
            says(str(refusal), "error")
            return redirect(request.path)
        says(_("Welcome! You are a member now.") if new else _("Your membership lasts longer now."))
        return redirect(f"/spaces/{space.id}")
    inviter = reads.name_of(invited.invited_by)
    shown = {"inviter": inviter, "until": last_day(invited.member_until), "path": request.path}
    return render_template(
        "portal/invitation.html", space=space, own=own, address=mail.mask(invited.email), **shown
    )


def _declined(key: str) -> Response:
    invitations.decline(key)
    says(_("You have declined the invitation."))
    return redirect("/")


def _answered() -> Response:
    """The page of every invitation that is none any more, or never was: which of them, it does not say."""
    return errors.page(404, template="portal/invitation_answered.html")


def _invited(space_id: int) -> reads.Invited | None:
    return next(iter(reads.own_invitations(space_id)), None)


def _standing(space: Space) -> Standing:
    return standing(space.id) if viewer().signed_in else Standing(frozenset(), False, False, False)


def _reads(space: Space, standing: Standing) -> bool:
    return standing.member or reads.readable(space)


def _frame(space: Space, standing: Standing, current: str) -> dict[str, Any]:
    """What is above every page of a space: its cover, what one can do with it, and its tabs."""
    url = f"/spaces/{space.id}"
    tabs = [("feed", _("Posts"), url), ("about", _("About"), f"{url}/about")]
    if _reads(space, standing):
        tabs.append(("members", _("Members"), f"{url}/members"))
    team = {role.name for role in registry.current().space_kind(space.kind).roles if role.team}
    if standing.roles & team:
        tabs.append(("waiting", _("To check"), f"{url}/waiting"))
    answers = standing.roles & access.permissions["core.invite"].space_roles
    counts = {"members": reads.requests_count(space.id) if answers else 0}
    items = [
        SimpleNamespace(label=label, url=to, current=name == current, count=counts.get(name, 0))
        for name, label, to in tabs
    ]
    return {
        "space": SimpleNamespace(
            id=space.id,
            name=space.name,
            url=url,
            summary=space.summary,
            visibility=space.visibility,
            members=space.member_count,
            archived=space.archived_at is not None,
            joining=space.joining,
            own_page=space_url(space.id, space.kind) if not space.kind.startswith("core.") else "",
        ),
        "tabs": [*items, *_plugin_tabs(space)],
        "standing": standing,
        "invited": _invited(space.id) if viewer().signed_in and not standing.member else None,
        "manages": "owner" in standing.roles and space.kind.startswith("core."),
    }


def _plugin_tabs(space: Space) -> list[Any]:
    """The tabs that plugins add; one that fails is left out and named to staff."""
    shown = []
    plugins = registry.current()
    for plugin in plugins.active():
        for tab in sorted(plugin.tabs, key=lambda tab: tab.weight):
            if not access.can(tab.permission, space):
                continue
            label, url = plugins.attempt(plugin.name, "tab", partial(_tab, tab, space), ("", None))
            if isinstance(url, str):
                shown.append(SimpleNamespace(label=label, url=url, current=False))
    return shown


def _tab(tab: Tab, space: Space) -> Any:
    label, url = settled((tab.label, tab.url(space)))
    if url is not None and local_path(url) is None:
        raise ValueError("a tab leads to a path of this portal")
    return label, url


def _compose(space: Space) -> Any:
    """The form to write in the space: for those who may, and where all may for people without an account."""
    if viewer().signed_in:
        return PostForm(formdata=None) if feed.may_post(space) else None
    open_here = space.archived_at is None and written.takes(space.visibility, space)
    return GuestForm(formdata=None) if open_here else None


def _managed(space_id: int) -> Space:
    """A group that the viewer owns; what a plugin made is managed on the plugin's own pages."""
    space: Space = get_or_404(Space, space_id)
    require("core.manage_space", space)
    if not space.kind.startswith("core."):
        abort(404)
    return space


def _done(work: Callable[[], Any], form: Any) -> bool:
    """Whether the work went through; else the form says at its top why not."""
    try:
        work()
    except Refused as refusal:
        form.form_errors.append(str(refusal))
        return False
    return True


def _form(template: str, form: Any, **context: Any) -> Page:
    return render_template(template, form=form, **context), 422 if form.errors else 200


def _values(form: Any) -> dict[str, Any]:
    return {
        "name": form.name.data,
        "summary": form.summary.data or "",
        "body": form.body.data or "",
        "visibility": form.visibility.data,
        "joining": form.joining.data,
        "area_id": form.area.data or None,
    }


def _roles(space: Space, team: bool = True) -> list[SpaceRole]:
    roles = registry.current().space_kind(space.kind).roles
    return [role for role in roles if team or not role.team]


def _own_area() -> int | None:
    return reads.area_at(viewer().reach)
