"""The pages under /moderation/: the queue, one case, a space's setting, and the public figures."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from core import api
from core.api import gettext as _

from . import actions, figures, queue
from .forms import AnswerForm, DecisionForm, SpaceForm
from .models import Checked

blueprint = Blueprint("moderation", __name__, url_prefix="/moderation", template_folder="templates")

Page = str | Response | tuple[str, int]
ACTS = ("kept", "restored", "hidden", "removed", "locked")
REFUSED = 422


def settings_url(space: Any) -> str:
    """The moderation page of a space."""
    return url_for("moderation.space", space_id=space.id)


@blueprint.get("/")
@api.needs("moderation.decide")
def index() -> str:
    """What waits for a decision: where somebody may come to harm first, then the oldest."""
    space_id = request.args.get("space", type=int)
    args, urgent = request.args, request.args.get("urgent", 1, type=int)
    items, last = queue.waiting(space_id, args.get("after", 0, type=int), bool(urgent))
    further = {"space": space_id, "after": last.case.id, "urgent": int(last.urgent)} if last else {}
    return _draw(
        "moderation/queue.html",
        items=items,
        spaces=queue.spaces(),
        chosen=space_id,
        older=url_for("moderation.index", **further) if further else "",
    )


@blueprint.route("/cases/<int:case_id>", methods=["GET", "POST"])
@api.needs("moderation.decide")
def case(case_id: int) -> Page:
    """One case: what it is about, and the decision on it."""
    item = _item(case_id)
    if request.method == "GET":
        queue.unseal(item)
        return _draw("moderation/case.html", item=item)
    if item.case.decided_at is not None:
        return _done(case_id, _("Somebody else has decided this meanwhile."), "error")
    form: Any = AnswerForm() if item.case.appeal_of else DecisionForm()
    for field in form:
        field.id = f"{field.name}-{case_id}"  # as the queue, which has many, calls it
    act = request.form.get("act", "")
    version = request.form.get("version", -1, type=int)  # a form that doesn't say is older than any
    if act not in (("kept", "restored") if item.case.appeal_of else ACTS) or not form.validate():
        queue.unseal(item)
        return _draw("moderation/case.html", item=item, form=form), REFUSED
    try:
        if item.case.appeal_of:
            of = (item.case, item.first, item.space, item.entry)
            actions.answer(*of, act == "kept", form.text.data, version)
        elif item.entry is None:
            abort(404)
        else:
            plain = act == "kept" and item.case.origin == "held"  # published: its author needs no reason
            actions.must_be_impartial(item.case, item.first, item.space)
            alone = actions.alone(item.case, item.first, item.space)
            said = "" if plain else form.reason.data or "", form.text.data or ""
            actions.decide(item.case, item.entry, act, *said, alone, version)
    except api.Refused as refusal:
        return _done(case_id, str(refusal), "error")
    return _done(case_id, _("It is decided. Whom it concerns reads your reasons."))


@blueprint.post("/cases/<int:case_id>/undo")
@api.needs("moderation.decide")
def undo(case_id: int) -> Page:
    """Take back that something was hidden or is to be removed."""
    item = _item(case_id)
    if item.entry is None:
        return _done(case_id, _("This can’t be undone any more."), "error")
    try:
        actions.undo(case_id, item.entry, item.space)
    except api.Refused as refusal:
        return _done(case_id, str(refusal), "error")
    return _done(case_id, _("It is as it was before, and waits again."))


@blueprint.route("/spaces/<int:space_id>", methods=["GET", "POST"])
@api.needs("moderation.hold")
def space(space_id: int) -> Page:
    """Whether a space looks at everything before it is published."""
    found = api.get_or_404(api.Space, space_id)
    if not api.oversees(found):
        raise api.Forbidden("moderation.hold")
    checked = api.db.session.get(Checked, space_id) is not None
    form: Any = SpaceForm(checked=checked)
    if form.validate_on_submit():
        actions.set_checked(found, form.checked.data)
        api.says(_("The setting is saved."))
        return redirect(url_for("moderation.space", space_id=space_id))
    return _draw("moderation/space.html", space=found, form=form)


@blueprint.get("/decisions")
@api.needs("core.read")
def decisions() -> str:
    """What was decided: figures without names or words."""
    return _draw("moderation/decisions.html", figures=figures.kept(), name_of=figures.name_of)


def _item(case_id: int) -> queue.Item:
    item = queue.item(case_id)
    if item is None:
        abort(404)
    return item


def _done(case_id: int, message: str, category: str = "success") -> Page:
    """After an act: for htmx the case as it stands now, else the queue, each with the message."""
    if request.headers.get("HX-Request"):
        item = _item(case_id)
        queue.unseal(item)
        return _draw("moderation/one.html", item=item, message=message, category=category)
    api.says(message, category)
    return api.back(url_for("moderation.index"))


def _draw(template: str, **context: Any) -> str:
    known: dict[str, Any] = {"reasons": api.REASONS, "urgent": queue.URGENT, "acts": api.ACTS}
    known |= {"party": actions.party, "alone": actions.alone, "undoes": actions.undoes}
    known["shows_again"] = api.shows_again
    return render_template(template, **known | {"form": None} | context)
