"""The pages of the second factor: asking for it at sign-in, setting it up, making new codes, removing it."""

import secrets
from typing import Any
from urllib.parse import quote

import pyotp
from flask import Blueprint, redirect, request, session
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from core import access, settings
from core.accounts import sessions, throttle
from core.db import db
from core.forms import Form
from core.models import Account
from core.web import get_or_404, needs, says

from . import factor
from .views import page, proven

blueprint = Blueprint("factor", __name__)

WITHOUT = frozenset({"factor.set_up", "accounts.sign_out", "about.legal", "about.accessibility", "static"})


class CodeForm(Form):
    """A code of the app, or one of the list."""

    code = StringField(lazy_gettext("Code"), [InputRequired(lazy_gettext("Write the code."))])


class ProofForm(CodeForm):
    """Password and code of who changes their second factor."""

    current = PasswordField(lazy_gettext("Password"), [InputRequired(lazy_gettext("Write your password."))])


@blueprint.before_app_request
def lead() -> Response | None:
    """Lead whoever owes a second factor, and has none, to the page where it is set up."""
    if "half" not in session or request.method != "GET" or request.endpoint in WITHOUT:
        return None
    owing = sessions.half() if "text/html" in request.headers.get("Accept", "text/html") else None
    return redirect("/second-factor") if owing and not owing.has_one else None


@blueprint.route("/sign-in/code", methods=["GET", "POST"])
@needs("core.read")
def code() -> Response:
    """Ask whoever showed the password for the second factor; only then are they signed in."""
    owing = sessions.half()
    if owing is None or not owing.has_one:
        return redirect("/sign-in")
    form: Any = CodeForm()
    if form.validate_on_submit() and _passes(owing.user_id, form):
        return redirect(sessions.sign_in(owing.user_id, owing.remember, owing.path, proven=True))
    return page("factor_code", form=form)


def _passes(user_id: int, form: Any) -> bool:
    """Whether the form's code counts; tries are counted for the account."""
    throttle.hit("factor", str(user_id))
    if factor.passes(user_id, form.code.data):
        throttle.forgive("factor", str(user_id))
        return True
    form.code.errors = [_("This code does not count, or not any more. Wait for the next one of your app.")]
    return False


@blueprint.route("/second-factor", methods=["GET", "POST"])
@needs("core.read")
def set_up() -> Response:
    """Show an authenticator app what it needs; the first code that it shows turns the factor on."""
    owing, person = sessions.half(), access.viewer()
    if person.factor or not (owing or person.signed_in):
        return redirect("/me/second-factor" if person.factor else "/sign-in")
    user_id = person.id or (owing.user_id if owing else 0)
    with sessions.as_viewer(user_id):
        email = get_or_404(Account, user_id).email
    seed = session.setdefault("seed", secrets.token_urlsafe(24))
    if owing and not person.signed_in:
        form: Any = CodeForm()
        sound = form.validate_on_submit()
    else:
        form = ProofForm()
        sound = proven(form, get_or_404(Account, user_id))
    if sound:
        codes = factor.enrol(user_id, seed, form.code.data)
        if codes:
            session.pop("seed")
            path = "/me/second-factor"
            if owing and not person.signed_in:
                path = sessions.sign_in(user_id, owing.remember, owing.path, proven=True)
            with sessions.as_viewer(user_id):
                return _codes(codes, path)
        form.code.errors = [_("This is not the code. Is the time of your telephone right? Try the next one.")]
    import segno  # for this page alone

    key = factor.secret(seed)
    address = pyotp.TOTP(key, name=email, issuer=settings.town().name).provisioning_uri()
    picture = segno.make(address, error="m").svg_data_uri(scale=5, dark="#000", light="#fff")
    groups = [key[start : start + 4] for start in range(0, len(key), 4)]
    values: Any = {"picture": picture, "address": address, "groups": groups, "due": not person.signed_in}
    return _unkept(page("factor_set_up", form=form, **values))


def _codes(codes: list[str], path: str) -> Response:
    """The one page that shows recovery codes; `path` is where it leads."""
    lines = [settings.town().name, "", *codes, ""]
    file = "data:text/plain;charset=utf-8," + quote("\r\n".join(lines))
    return _unkept(page("factor_codes", codes=codes, file=file, path=path))


def _unkept(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store, private"
    return response


@blueprint.get("/me/second-factor")
@needs("core.account")
def state() -> Response:
    """Whether one has a second factor, how many recovery codes are left, and what can be done."""
    return page("factor", left=factor.left(), needed=_needed())


def _needed() -> bool:
    return access.viewer().role in sessions.GUARDED and settings.town().second_factor


@blueprint.route("/me/second-factor/codes", methods=["GET", "POST"])
@needs("core.account")
def renew() -> Response:
    """Make ten new recovery codes; those on the old list count no more."""
    form = _proof()
    if form is None:
        return redirect("/me/second-factor")
    if not form.errors and form.is_submitted():
        return _codes(factor.renew(access.viewer().id or 0), "/me/second-factor")
    return page("factor_proof", form=form, removing=False)


@blueprint.route("/me/second-factor/remove", methods=["GET", "POST"])
@needs("core.account")
def remove() -> Response:
    """Remove one's second factor, by password and code."""
    form, person = _proof(), access.viewer()
    if form is None:
        return redirect("/me/second-factor")
    if not form.errors and form.is_submitted():
        factor.forget_factor(person.id or 0)  # whoever needs one is a visitor until they have another
        says(_("Your second factor is removed."))
        return redirect("/sign-in" if _needed() else "/me/second-factor")
    return page("factor_proof", form=form, removing=True, needed=_needed())


def _proof() -> Any:
    """The form of password and code, with errors where either is wrong; None for who has no factor."""
    person = access.viewer()
    if not person.factor:
        return None
    form = ProofForm()
    if proven(form, get_or_404(Account, person.id)):
        _passes(person.id or 0, form)
    db.session.expire_all()
    return form
