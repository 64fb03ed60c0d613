"""The pages of workshops."""

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from core import api
from core.api import gettext as _

from . import actions
from .forms import GuestIdeaForm, IdeaForm, NoteForm, WorkshopForm
from .models import Assessment, Bookmark, Idea, Line, Step, Theme
from .trouble import unless_trouble

blueprint = Blueprint("dummy", __name__, url_prefix="/dummy", template_folder="templates")


@blueprint.get("/")
@api.needs("core.read")
def index() -> str:
    """All workshops that the viewer may see, the newest first."""
    settings = api.settings("dummy")
    statement = sa.select(api.Space).where(api.Space.kind == "dummy.workshop").order_by(api.Space.id.desc())
    spaces = unless_trouble("index", lambda: api.db.session.scalars(statement.limit(settings["most"])).all())
    themes = api.db.session.scalars(sa.select(Theme).order_by(Theme.name)).all()
    return render_template("dummy/index.html", spaces=spaces, themes=themes, greeting=settings["greeting"])


@blueprint.route("/new", methods=["GET", "POST"])
@api.needs("dummy.open")
def new() -> str | Response:
    """Open a workshop."""
    form = WorkshopForm()
    if form.validate_on_submit():
        space = actions.open_workshop(form.name.data, form.room.data or "", form.visibility.data)
        api.says(_("The workshop is open."))
        return redirect(url_for("dummy.workshop", space_id=space.id))
    return render_template("dummy/form.html", form=form, title=_("New workshop"))


@blueprint.get("/<int:space_id>/")
@api.needs("core.read")
def workshop(space_id: int) -> str:
    """One workshop: its ideas, its plan, and for its team what the team thinks."""
    space = _workshop(space_id)
    found = api.page(space=space, kind="dummy.idea")
    rows = {
        "steps": api.db.session.scalars(sa.select(Step).where(Step.space_id == space.id)).all(),
        "assessments": api.db.session.scalars(
            sa.select(Assessment).where(Assessment.space_id == space.id)
        ).all(),
    }
    own = actions.load_workshops([space.id]).get(space.id)
    return render_template(
        "dummy/workshop.html", space=space, own=own, cards=api.cards(found.entries), **rows
    )


@blueprint.route("/<int:space_id>/say", methods=["GET", "POST"])
@api.needs("dummy.write")
def say(space_id: int) -> str | Response:
    """Write an idea."""
    space, form = _workshop(space_id), IdeaForm()
    if form.validate_on_submit():
        try:
            pictures = _picture(form)
        except api.FileError as error:
            form.picture.errors = [str(error)]
        else:
            actions.say_idea(
                space, form.title.data, form.body.data, form.place.data, form.team_only.data, pictures
            )
            return redirect(url_for("dummy.workshop", space_id=space.id))
    return render_template("dummy/form.html", form=form, title=_("Write an idea"))


@blueprint.route("/<int:space_id>/write-in", methods=["GET", "POST"])
@api.needs("core.read")
def write_in(space_id: int) -> str | Response:
    """Write an idea without an account; a mail asks to confirm it."""
    space, form = _workshop(space_id), GuestIdeaForm()
    if form.validate_on_submit():
        api.confirm_later(form.email.data, "dummy.idea", {"space": space.id, "body": form.body.data})
        api.says(_("We have sent you a mail: confirm there."))
        return redirect(url_for("dummy.workshop", space_id=space.id))
    return render_template("dummy/form.html", form=form, title=_("Write an idea"))


@blueprint.route("/<int:space_id>/plan", methods=["GET", "POST"])
@api.needs("dummy.lead")
def plan(space_id: int) -> str | Response:
    """Add a step to the plan."""
    space, form = _workshop(space_id), NoteForm()
    if form.validate_on_submit():
        actions.plan_step(space, form.text.data)
        return redirect(url_for("dummy.workshop", space_id=space.id))
    return render_template("dummy/form.html", form=form, title=_("Plan a step"))


@blueprint.route("/ideas/<int:entry_id>/assess", methods=["GET", "POST"])
@api.needs("dummy.lead")
def assess(entry_id: int) -> str | Response:
    """Say what the team thinks of an idea."""
    entry, form = _idea(entry_id), NoteForm()
    if form.validate_on_submit():
        actions.assess(entry, form.text.data)
        return redirect(url_for("dummy.workshop", space_id=entry.space_id))
    return render_template("dummy/form.html", form=form, title=_("Assess an idea"))


@blueprint.post("/ideas/<int:entry_id>/keep")
@api.needs("core.account")
def keep(entry_id: int) -> Response:
    """Keep an idea for later."""
    actions.bookmark(_idea(entry_id), request.form.get("note", "")[:200])
    return redirect(url_for("dummy.kept"))


@blueprint.get("/kept")
@api.needs("core.account")
def kept() -> str:
    """What the viewer keeps for later."""
    rows = api.db.session.scalars(sa.select(Bookmark)).all()
    return render_template("dummy/lines.html", title=_("Kept for later"), lines=[row.note for row in rows])


@blueprint.get("/ledger")
@api.needs("dummy.ledger")
def ledger() -> str:
    """What hooks and jobs noticed."""
    rows = api.db.session.scalars(sa.select(Line).order_by(Line.id.desc()).limit(200)).all()
    return render_template("dummy/lines.html", title=_("Ledger"), lines=[row.text for row in rows])


def confirm_idea(payload: dict[str, Any]) -> str:
    """Publish what somebody without an account wrote, now that the address is proved."""
    space = api.get_or_404(api.Space, payload["space"])
    actions.say_idea(space, _("An idea"), payload["body"])
    return url_for("dummy.workshop", space_id=space.id)


def _workshop(space_id: int) -> api.Space:
    space: api.Space = api.get_or_404(api.Space, space_id)
    if space.kind != "dummy.workshop":
        api.get_or_404(api.Space, -1)
    return space


def _idea(entry_id: int) -> api.Entry:
    return api.get_or_404(api.Entry, api.get_or_404(Idea, entry_id).entry_id)


def _picture(form: IdeaForm) -> list[Any]:
    return [(api.prepare_picture(form.picture.data), form.alt.data or "")] if form.picture.data else []
