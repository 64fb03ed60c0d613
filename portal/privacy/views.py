"""The pages of one's own data: to take it with one."""

from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, send_file
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core import access, settings
from core.db import db, now
from core.i18n import day
from core.models import Account, Export
from core.web import get_or_404, needs, says

from ..accounts.views import proven
from . import export, forms

blueprint = Blueprint("privacy", __name__)


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
            says(_("Your data is being gathered. You will get an e-mail when it is ready."))
            return redirect("/me/data")
    row = db.session.get(Export, access.viewer().id)
    kept = settings.kept_for("core.exports")
    until = day((row.ready_at + kept).date()) if row and row.ready_at and kept else None
    waits = row is not None and row.ready_at is None and row.asked_at > now() - export.STUCK
    shown = {"form": form, "row": row, "until": until, "waits": waits, "days": kept.days if kept else 0}
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
