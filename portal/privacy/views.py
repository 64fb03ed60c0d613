"""The pages of one's own data: to take it with one, and to have it erased."""

from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, send_file, session
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core import access, settings
from core.accounts import sessions
from core.db import now
from core.i18n import day
from core.models import Account
from core.web import get_or_404, needs, says

from ..accounts.views import proven
from ..admin.views import menu
from . import erase, export, forms, retention

blueprint = Blueprint("privacy", __name__)
SURE, SECONDS = "erase", 600  # how long after giving the password one may say yes


@blueprint.route("/me/data", methods=["GET", "POST"])
@needs("core.account")
def data() -> Response:
    """Ask for an archive of one's data, see how far it is, and take it."""
    form: Any = forms.DataForm()
    if proven(form, get_or_404(Account, access.viewer().id), lately=True):
        try:
            export.ask()
        except access.Refused as refusal:
            form.form_errors.append(str(refusal))
        else:
            return redirect("/me/data")
    row = export.current()
    kept = settings.kept_for("core.exports")
    until = day((row.ready_at + kept).date()) if row and row.ready_at and kept else None
    waits = row is not None and row.ready_at is None and row.asked_at > now() - export.STUCK
    shown = {"form": form, "row": row, "until": until, "waits": waits, "days": kept.days if kept else 0}
    shown["withdrawn"] = export.withdrawn()
    page = make_response(render_template("portal/data.html", **shown), 422 if form.errors else 200)
    page.headers["Cache-Control"] = "private, no-store"
    return page


@blueprint.get("/me/data/<token>.zip")
@needs("core.account")
def archive(token: str) -> Response:
    """Send an archive to its owner, signed in; to anybody else it is not there."""
    try:
        file = export.ready(token).open("rb")
    except FileNotFoundError:
        abort(404)
    name = f"{access.viewer().handle}-{now():%Y-%m-%d}.zip"
    answer = send_file(file, "application/zip", as_attachment=True, download_name=name, conditional=False)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@blueprint.route("/me/delete", methods=["GET", "POST"])
@needs("core.account")
def delete() -> Response:
    """Say what becomes of an account that is deleted, and ask what shall become of its words."""
    form: Any = forms.DeleteForm()
    choice = erase.may_choose(access.viewer())
    if not choice:
        del form.words
    if proven(form, get_or_404(Account, access.viewer().id), lately=True):
        words = choice and form.words.data == "delete"
        session[SURE] = {"user": access.viewer().id, "words": words, "at": now().timestamp()}
        return redirect("/me/delete/confirm")
    status = 422 if form.errors else 200
    shown = {"form": form, "purged": retention.purged_days(), "mailbox": retention.mailbox_days()}
    return make_response(render_template("portal/delete.html", **shown), status)


@blueprint.route("/me/delete/confirm", methods=["GET", "POST"])
@needs("core.account")
def delete_confirm() -> Response:
    """Ask once more; the button closes the account at once and for good."""
    asked, form = session.get(SURE) or {}, forms.SureForm()
    person = access.viewer().id
    if person is None or asked.get("user") != person or now().timestamp() - asked["at"] > SECONDS:
        return redirect("/me/delete")
    if form.validate_on_submit():
        try:
            erase.begin(person, asked["words"])
        except erase.LastAdministrator:
            form.form_errors.append(
                _("You are the only administrator. Give the role to somebody else first.")
            )
        else:
            sessions.forget()
            says(_("Your account is closed, and all that is yours here is being erased. Farewell."))
            return redirect("/")
    shown = render_template("portal/delete_confirm.html", form=form, words=asked["words"])
    return make_response(shown, 422 if form.errors else 200)


@blueprint.route("/admin/retention", methods=["GET", "POST"])
@needs("core.manage_town")
def periods() -> Response:
    """How long each thing is kept, within the bounds that the core and the plugins declare."""
    known = retention.all_periods()
    now_kept = {
        forms.field_name(one): kept.days if (kept := settings.kept_for(one.name)) else 0
        for _plugin, one in known
    }
    form = forms.retention_form()(data=now_kept)
    if form.validate_on_submit():
        retention.set_periods({one.name: form[forms.field_name(one)].data for _plugin, one in known})
        says(_("Saved."))
        return redirect("/admin/retention")
    groups: dict[str, Any] = {}
    for plugin, one in known:
        groups.setdefault(plugin.name, (plugin, []))[1].append((form[forms.field_name(one)], one))
    shown = render_template("portal/admin_retention.html", form=form, groups=groups.values(), **menu())
    return make_response(shown, 422 if form.errors else 200)
