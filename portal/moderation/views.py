"""The pages of reports, of decisions about one's own words, of redaction, and of the log."""

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import aliased
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from core.access import Forbidden, Refused, as_system, viewer
from core.accounts import throttle
from core.accounts.claims import confirm_later
from core.audit import audit
from core.db import db, write
from core.feed import actions as feed
from core.feed import cases, moderation
from core.forms import whole
from core.models import Audit, Case, Entry, File, Report, Space
from core.spaces import actions as spaces
from core.web import get_or_404, needs, says

from ..admin.views import menu
from ..feed.views import panels
from . import actions
from .deeds import told
from .forms import AppealForm, DecisionForm, RedactForm, ReportForm
from .words import acts_to_do, outcome, redress, sorts, taken_back

blueprint = Blueprint("moderation_core", __name__)
log = Blueprint("audit", __name__)
log.context_processor(menu)

Page = str | Response | tuple[str, int]
WRONG, PAGE = 422, 50


@blueprint.route("/posts/<int:entry_id>/report", methods=["GET", "POST"])
@needs("core.read")
def report(entry_id: int) -> Page:
    """Tell the team that something is wrong; without an account, confirmed by the link in a mail."""
    entry = get_or_404(Entry, entry_id)
    back = f"/posts/{entry.parent_id or entry.id}#post-{entry.id}"
    address = f"{current_app.config['PARVIS'].base_url}{back}"
    form: Any = ReportForm(not viewer().signed_in, address=address)
    if not form.validate_on_submit():
        beside = panels("report", entry)
        page = render_template("portal/report.html", form=form, entry=entry, back=back, panels=beside)
        return page, WRONG if form.errors else 200
    throttle.hit("report", throttle.person())
    said = {"reason": form.reason.data, "text": form.text.data or "", **form.notice()}
    if form.guest and form.email.data:
        confirm_later(
            form.email.data, actions.REPORT, {"entry": entry_id, "said": said}
        )  # an account has no name of it
        return render_template("portal/mail_sent.html", email=form.email.data)
    _thank(actions.report(entry, **said))
    return redirect(back)


def describe(payload: dict[str, Any]) -> list[tuple[Any, str]]:
    """What somebody is about to report."""
    entry, said = db.session.get(Entry, payload["entry"]), payload["said"]
    return [
        (_("Report"), (entry.title or _("A post")) if entry else ""),
        (_("What is wrong?"), str(moderation.REASONS[said["reason"]])),
        (_("Explain"), said["text"]),
        *_law(said),
        (
            _("Account"),
            _("You read what is decided in yours. If you have none, one is opened without your name."),
        ),
    ]


def _law(said: dict[str, Any]) -> list[tuple[Any, str]]:
    if not said.get("legal"):
        return []
    notice = _("A notice of illegal content, in your name: %(name)s", name=said["name"] or "–")
    return [(_("Against the law"), notice)]


def confirmed(payload: dict[str, Any]) -> str:
    """Report what somebody without an account wrote, once they confirmed their address."""
    entry = db.session.get(Entry, payload["entry"])
    if entry is None:
        says(_("What you wrote to is no longer there."), "error")
        return "/"
    _thank(actions.report(entry, **payload["said"]))
    return f"/posts/{entry.parent_id or entry.id}#post-{entry.id}"


def _thank(new: bool) -> None:
    if new and viewer().id is None:
        says(_("Thank you: your report is received. Without your address we cannot write to you."))
    elif new:
        says(_("Thank you: your report is received. You hear what is decided."))
    else:
        says(_("You have reported this already. You hear what is decided."))


@blueprint.get("/me/moderation")
@needs("core.account")
def mine() -> str:
    """What was decided about one's own words and reports, and where one can answer."""
    cases, older = _mine(whole(request.args.get("before")))
    words: dict[str, Any] = {"outcome": outcome, "reasons": moderation.REASONS, "person": viewer().id}
    words |= {"taken_back": taken_back, "redress": redress()}
    return render_template("portal/me_moderation.html", cases=cases, older=older, **words)


def _mine(before: int | None) -> tuple[list[Any], int | None]:
    """The viewer's cases, the newest first, with what the page says of each, and where the next begins."""
    person = viewer().id
    reported = sa.select(Report.id).where(Report.case_id == Case.id, Report.reporter_id == person)
    answer, first = aliased(Case), sa.func.coalesce(Case.appeal_of, Case.id)
    own = sa.or_(
        sa.and_(Case.author_id == person, Case.appeal_of.is_(None), Case.decided_at.is_not(None)),
        Case.appellant_id == person,
        reported.exists(),
    )
    answered = sa.select(answer.id).where(answer.appeal_of == Case.id, answer.appellant_id == person)
    legal = sa.select(Report.id).where(Report.case_id == first, Report.legal)
    statement = (
        sa.select(Case, Space.name, answered.exists(), Entry, legal.exists())
        .join(Space, Space.id == Case.space_id)
        .outerjoin(Entry, sa.and_(Entry.id == Case.entry_id, Case.author_id == person))
        .where(own)
    )
    if before is not None:
        statement = statement.where(Case.id < before)
    with as_system("people read what was decided about their own words and reports"):
        rows = list(db.session.execute(statement.order_by(Case.id.desc()).limit(PAGE + 1)))
    return rows[:PAGE], rows[PAGE - 1][0].id if len(rows) > PAGE else None


@blueprint.route("/me/moderation/<int:case_id>/answer", methods=["GET", "POST"])
@needs("core.account")
def appeal(case_id: int) -> Page:
    """Answer a decision, once."""
    person = viewer().id
    with as_system("whom a decision concerns may answer it"):
        case = db.session.get(Case, case_id)
        if case is None or not actions.concerns(case, person):
            abort(404)
        own = case.author_id == person and case.entry_id is not None
        entry = db.session.get(Entry, case.entry_id) if own else None
    form: Any = AppealForm()
    if form.validate_on_submit():
        try:
            actions.appeal(case_id, form.words.data)
        except Refused as refusal:
            says(str(refusal), "error")
        else:
            says(_("Your answer is received. You hear what is decided."))
        return redirect("/me/moderation")
    words: dict[str, Any] = {"acts": moderation.ACTS, "reasons": moderation.REASONS}
    page = render_template("portal/appeal.html", form=form, case=case, entry=entry, **words)
    return page, WRONG if form.errors else 200


@blueprint.route("/posts/<int:entry_id>/decide", methods=["GET", "POST"])
@needs("core.moderate")
def decide(entry_id: int) -> Page:
    """Decide what becomes of a post, with the reasons that its author reads."""
    entry = _moderated(entry_id)
    around, back = f"/spaces/{entry.space_id}", f"/posts/{entry.parent_id or entry.id}#post-{entry.id}"
    read = {"waited": cases.waiting(entry) or 0, "version": entry.version}
    form: Any = DecisionForm(actions.owes_words(entry), **read)
    possible = ["restored"] if entry.state == "hidden" and cases.shows_again(entry) else []
    possible += ["removed"] if entry.state == "hidden" else ["hidden", "removed"]
    possible += ["locked"] if entry.parent_id is None else []
    form.act.choices = [SelectChoice(name, acts_to_do()[name]) for name in possible]
    if form.validate_on_submit():
        try:
            why = (form.reason.data, form.text.data or "")
            moderation.decide(entry, form.act.data, *why, version=_sent("version"), waited=_sent("waited"))
        except Refused as refusal:
            says(str(refusal), "error")
        else:
            says(_("It is decided. Whom it concerns reads your reasons."))
        return redirect(around if form.act.data == "removed" else back)
    page = render_template("portal/decide.html", form=form, entry=entry, back=back)
    return page, WRONG if form.errors else 200


@blueprint.route("/posts/<int:entry_id>/redact", methods=["GET", "POST"])
@needs("core.moderate")
def redact(entry_id: int) -> Page:
    """Take words or pictures out of a post for good, also out of its history."""
    entry = _moderated(entry_id)
    back = f"/posts/{entry.parent_id or entry.id}#post-{entry.id}"
    with as_system("what a moderator takes out"):
        pictures = db.session.scalars(
            sa.select(File).where(File.entry_id == entry_id).order_by(File.id)
        ).all()
    beside = [getattr(row, column.key) for column, row in actions.own_texts(entry)]  # as the viewer may
    form: Any = RedactForm(actions.owes_words(entry), waited=cases.waiting(entry) or 0)
    form.pictures.choices = [
        SelectChoice(one.id, _("Picture %(number)s: %(words)s", number=number, words=one.alt or one.name))
        for number, one in enumerate(pictures, 1)
    ]
    if form.validate_on_submit():
        try:
            why = (form.reason.data, form.text.data or "")
            actions.redact(entry, form.passage.data or "", form.pictures.data, *why, waited=_sent("waited"))
        except Refused as refusal:
            form.waited.data = cases.waiting(entry) or 0  # the page shows it as it is now
            form.passage.errors = [*form.passage.errors, str(refusal)]
        else:
            says(_("It is taken out, everywhere and for good."))
            return redirect(back)
    case = cases.waiting(entry)
    shown = [_picture(one, case) for one in pictures]
    known: dict[str, Any] = {"entry": entry, "beside": beside, "pictures": shown, "back": back}
    return render_template("portal/redact.html", form=form, **known), WRONG if form.errors else 200


def _sent(name: str) -> int:
    """What stood there when the form was drawn: the case that `waited`, 0 for none, or the `version` read.

    A form that doesn't say is older than any.
    """
    seen = whole(request.form.get(name))
    return -1 if seen is None else seen


def _picture(file: File, case: int | None) -> dict[str, Any]:
    """A picture of an entry, at addresses that open to who decides its case."""
    at: dict[str, Any] = {"file_id": file.id, "name": file.name, "case": case}
    addresses = {"url": url_for("files.show", **at), "small": url_for("files.show", **at, w=640)}
    return {**addresses, "alt": file.alt, "width": file.width, "height": file.height}


def _moderated(entry_id: int) -> Entry:
    """The entry, for those who moderate where it is: one they read, or that is or was a case."""
    entry: Entry | None = db.session.get(Entry, entry_id)
    readable = entry is not None
    if not readable:
        with as_system("who moderates reads what is hidden, held or reported"):
            known = sa.select(Entry).where(Entry.id == entry_id)
            cases = sa.select(Case.id).where(Case.entry_id == Entry.id)
            entry = db.session.scalars(known.where(cases.exists())).one_or_none()
    if entry is None or entry.state == "removed":
        abort(404)
    try:
        space = feed.moderated(entry)
    except Forbidden:
        if not readable:
            abort(404)
        raise
    if not spaces.oversees(space):
        with write():
            audit("case.read", f"entry/{entry_id}")
    return entry


@log.get("/admin/audit")
@needs("core.read_audit")
def index() -> str:
    """Who did what, the newest first."""
    act, before = request.args.get("act", ""), whole(request.args.get("before"))
    statement = sa.select(Audit)
    if act:
        statement = statement.where(Audit.act.startswith(act, autoescape=True))
    if before is not None:
        statement = statement.where(Audit.id < before)
    rows = db.session.scalars(statement.order_by(Audit.id.desc()).limit(PAGE + 1)).all()
    older = url_for("audit.index", act=act or None, before=rows[PAGE - 1].id) if len(rows) > PAGE else ""
    acts = told(rows[:PAGE])
    return render_template("portal/admin_audit.html", acts=acts, older=older, act=act, sorts=sorts())
