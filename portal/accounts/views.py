"""The pages of accounts: signing up, in and out, confirmation links, and one's own settings."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, make_response, redirect, render_template, request, session
from flask_babel import format_timedelta
from flask_babel import gettext as _
from markupsafe import escape
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from core import access, errors, files, registry
from core.accounts import addresses, claims, passwords, sessions, throttle
from core.db import db, lock, now, write
from core.models import Account, SignIn, User
from core.web import get_or_404, local_path, needs, says

from ..admin.steps import mail_leaves
from ..spaces.invitations import invitation
from . import forms, profile

blueprint = Blueprint("accounts", __name__)
LATELY = dt.timedelta(minutes=15)
blueprint.app_context_processor(lambda: {"mail_leaves": mail_leaves()})


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A page of accounts; a form that was refused answers 422."""
    refused = "form" in values and values["form"].errors
    return make_response(render_template(f"portal/{template}.html", **values), 422 if refused else status)


@blueprint.app_errorhandler(throttle.TooMany)
def too_many(error: throttle.TooMany) -> Response:
    """Say when to try again, and what can be done meanwhile."""
    wait = format_timedelta(error.wait, threshold=1)
    text = _("This was tried too often. Please try again in %(time)s.", time=wait)
    return errors.page(429, text, {"Retry-After": str(error.retry_after)})


@blueprint.route("/sign-in", methods=["GET", "POST"])
@needs("core.read")
def sign_in() -> Response:
    """Sign in with address and password."""
    form: Any = forms.SignInForm(**_arrival())
    if access.viewer().signed_in:
        return redirect(local_path(form.next.data) or "/")
    if form.validate_on_submit():
        email = addresses.typed(form.email.data)
        throttle.hit("sign_in", email)
        person = claims.known(email)
        kept = person.password_hash if person else None
        if passwords.matches(kept, form.password.data) and person:
            throttle.forgive("sign_in", email)
            stale = passwords.outdated(str(kept))
            anew = passwords.digest(form.password.data) if stale else kept  # today's costs are higher
            path = local_path(form.next.data) or "/"
            with write():
                if _keeps(person.user_id, kept, anew):
                    return redirect(sessions.sign_in(person.user_id, form.remember.data, path))
        form.password.errors = [_("This address and this password don’t go together.")]
    return page("sign_in", form=form)


def _arrival() -> dict[str, str]:
    """Where to go on afterwards; who comes from an invitation finds the one address filled in that fits."""
    path = request.args.get("next", "")
    start, _slash, token = path.rpartition("/")
    found = invitation(token) if start == "/invitations" else None
    return {"next": path, "email": found[0].email if found else ""}


def _keeps(user_id: int, known: str | None, anew: str | None) -> bool:
    """Whether the password is still what was verified, to the end of this write; its hash is kept `anew`."""
    with access.as_system("the password may have been changed meanwhile"):
        account = db.session.scalars(lock(sa.select(Account).where(Account.user_id == user_id))).one()
        if account.password_hash != known:
            return False
        account.password_hash = anew
    return True


@blueprint.post("/sign-out")
@needs("core.read")
def sign_out() -> Response:
    """Sign this browser out; a form may say where to go on."""
    sessions.sign_out()
    says(_("You are signed out."))
    return _left(local_path(request.form.get("next")) or "/")


@blueprint.post("/sign-out-everywhere")
@needs("core.account")
def sign_out_everywhere() -> Response:
    """Sign out all browsers, this one too."""
    sessions.sign_out_everywhere(access.viewer().id or 0)
    says(_("You are signed out on all your devices."))
    return _left()


def _left(path: str = "/") -> Response:
    """On to this page, in a browser that keeps nothing of who has left: no draft, no page, no note."""
    answer = redirect(path)
    answer.headers["Clear-Site-Data"] = '"storage"'
    return answer


@blueprint.route("/sign-up", methods=["GET", "POST"])
@needs("core.read")
def sign_up() -> Response:
    """Ask for an account: the link in the mail opens it."""
    if access.viewer().signed_in:
        return redirect("/")
    form: Any = forms.SignUpForm(**_arrival())
    if form.validate_on_submit():
        claims.sign_up(form.email.data, form.name.data, local_path(form.next.data) or "/")
        return page("mail_sent", email=form.email.data)
    return page("sign_up", form=form)


@blueprint.route("/reset", methods=["GET", "POST"])
@needs("core.read")
def reset() -> Response:
    """Ask for a link that lets one choose a new password."""
    form: Any = forms.ResetForm()
    if form.validate_on_submit():
        claims.reset(form.email.data)
        return page("mail_sent", email=form.email.data)
    return page("reset", form=form)


@blueprint.route("/confirm/<token>", methods=["GET", "POST"])
@needs("core.read")
def confirm(token: str) -> Response:
    """Show what a mailed link is for; its button, and nothing else, carries it out."""
    try:
        return _confirm(token)
    except claims.Unusable as reason:
        return _unusable(token, str(reason))


def _look(token: str) -> claims.Pending:
    """What a link is for; raises Unusable for one that expired at an address that no mail reaches."""
    pending = claims.look(token)
    try:
        addresses.normal(pending.email)
    except ValueError:
        if pending.state == "expired":
            raise claims.Unusable("server") from None
    return pending


def _confirm(token: str) -> Response:
    pending = _look(token)
    if pending.state != "open":
        raise claims.Unusable(pending.state)
    if pending.of_account and not access.viewer().signed_in:
        return redirect(f"/sign-in?next=/confirm/{token}")
    choosing = pending.claim.name in (claims.SIGN_UP, claims.RESET)
    unnamed = choosing and pending.payload.get("unnamed")
    choose = forms.FirstForm if unnamed else forms.ChoosePasswordForm
    form: Any = choose() if choosing else forms.ConfirmForm()
    if choosing:
        form.own_words = (pending.email, pending.payload.get("name") or "")
    person = claims.known(pending.email)
    first = person is None or person.password_hash is None
    if not form.validate_on_submit():
        template = "choose_password" if choosing else "confirm"
        return page(template, form=form, pending=pending, first=first, said=_said(pending))
    given = {"password_hash": passwords.digest(form.password.data)} if choosing else {}
    given |= {"name": form.name.data} if unnamed else {}
    try:
        path = claims.confirm(token, **given)
    except (access.Forbidden, access.Refused, HTTPException):
        raise claims.Unusable("refused") from None
    except Exception as error:
        if pending.owner == "core" or isinstance(error, claims.Unusable):
            raise
        registry.current().fault(pending.owner, f"claim {pending.claim.name}", error, counts=False)
        raise claims.Unusable("fault") from error
    if "_flashes" not in session:
        reset = pending.claim.name == claims.RESET and not first
        says(
            _("Your password is changed. Your other devices are signed out.")
            if reset
            else _("Thank you, this is confirmed.")
        )
    person = claims.known(pending.email)
    if person is not None and person.password_hash is None:
        account = _("An account with your address waits for you here: choose a password to come back to it.")
        says(" ".join((account, _("Is this device not yours? Then sign out."))), "account")
    return redirect(path)


def _said(pending: claims.Pending) -> list[tuple[str, str]]:
    """What is confirmed and as whom, in pairs of a label and a text."""
    claim, payload, person = pending.claim, pending.payload, claims.known(pending.email)
    name = person.name if person else payload.get("name")
    said = [(_("E-mail address"), pending.email), *([(_("Name"), str(name))] if name else ())]
    describe, described = claim.describe, None
    if describe is not None:
        described = registry.current().attempt(
            pending.owner,
            f"description of {claim.name}",
            lambda: [(str(label), escape(text)) for label, text in describe(payload)],
        )
    elif isinstance(payload.get("body"), str):
        described = [(_("Your text"), payload["body"])]
    return [*said, *(pair for pair in described or () if pair[1])]


@blueprint.post("/confirm/<token>/again")
@needs("core.read")
def confirm_again(token: str) -> Response:
    """Mail a new link in place of one that expired."""
    try:
        _look(token)
        claims.again(token)
    except claims.Unusable as reason:
        return _unusable(token, str(reason))
    return page("mail_sent", email="")


def _unusable(token: str, reason: str) -> Response:
    """Say why a link does nothing; links that never were are counted, so that nobody guesses many."""
    if reason == "unknown":
        throttle.hit("confirm")
    return page("confirm_not", 404 if reason == "unknown" else 410, reason=reason, token=token)


@blueprint.route("/me", methods=["GET", "POST"])
@needs("core.account")
def me() -> Response:
    """One's own profile, preferences and devices."""
    user, account = get_or_404(User, access.viewer().id), get_or_404(Account, access.viewer().id)
    kept = {"area": user.area_id, "language": account.language, "timezone": account.timezone}
    form: Any = forms.ProfileForm(name=user.name, about=user.about, **kept)
    picture = _picture(form.picture) if form.validate_on_submit() else None
    if form.is_submitted() and not form.errors:
        profile.change_profile(form.data, picture)
        says(_("Your settings are saved."))
        return redirect("/me")
    devices = db.session.scalars(sa.select(SignIn).order_by(SignIn.created_at.desc())).all()
    return page("me", form=form, email=account.email, devices=devices, here=sessions.here())


def _picture(field: Any) -> files.Prepared | None:
    """The uploaded picture if there is one; what can't be taken is said beside the field."""
    if not getattr(field.data, "filename", ""):
        return None
    try:
        throttle.hit("picture", throttle.person())
        return files.prepare(field.data, files.FACE)
    except files.FileError as error:
        field.errors = [str(error)]
        return None


@blueprint.route("/me/password", methods=["GET", "POST"])
@needs("core.account")
def password() -> Response:
    """Choose another password; all other devices are signed out."""
    account = get_or_404(Account, access.viewer().id)
    form: Any = forms.PasswordForm()
    form.own_words = (account.email,)
    if proven(form, account):
        profile.change_password(passwords.digest(form.password.data))
        says(_("Your password is changed. Your other devices are signed out."))
        return redirect("/me")
    return page("password", form=form)


@blueprint.route("/me/email", methods=["GET", "POST"])
@needs("core.account")
def email() -> Response:
    """Ask for another e-mail address: the link mailed to it makes the change."""
    account = get_or_404(Account, access.viewer().id)
    form: Any = forms.AddressForm()
    if proven(form, account):
        claims.change_address(account.user_id, account.email, form.email.data)
        return page("mail_sent", email=form.email.data)
    return page("email", form=form, email=account.email)


def proven(form: Any, account: Account, lately: bool = False) -> bool:
    """Whether the form is sound, and from who knows the password; where there is none, it isn't asked for.

    With `lately`, who has no password must have signed in just now.
    """
    if account.password_hash is None:
        del form.current
        sound = bool(form.validate_on_submit())
        if sound and lately and not _lately():
            form.form_errors.append(_("Your sign-in is too old for this. Please sign out and in again."))
            sound = False
        return sound
    if not form.validate_on_submit():
        return False
    throttle.hit("password", account.email)
    if passwords.matches(account.password_hash, form.current.data):
        throttle.forgive("password", account.email)
        return True
    form.current.errors = [_("This is not your present password.")]
    return False


def _lately() -> bool:
    """Whether this browser signed in just now."""
    here = db.session.get(SignIn, sessions.here())
    return here is not None and here.created_at > now() - LATELY


@blueprint.post("/me/devices/<key>/sign-out")
@needs("core.account")
def sign_out_device(key: str) -> Response:
    """Sign one of one's own devices out."""
    device = get_or_404(SignIn, key)
    with write() as database:
        database.delete(device)
    says(_("That device is signed out."))
    return redirect("/me")
