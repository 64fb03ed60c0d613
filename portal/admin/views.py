"""The agency's own pages: overview, town, people, outgoing mail."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core import access, files, health, mail, registry, settings
from core.accounts.addresses import typed
from core.db import db, now
from core.models import Account, Area, Case, Entry, JobRow, Mail, PluginFault, SecondFactor, Space, User
from core.text import fold
from core.web import get_or_404, needs, says

from . import actions
from .checks import described
from .forms import PersonForm, TownForm, indented, mandate_title, role_title
from .outbox import title
from .steps import steps

blueprint = Blueprint("admin", __name__)
PAGE = 50


@blueprint.context_processor
def menu() -> dict[str, Any]:
    """The links between the agency's pages, for those who may open them."""
    pages = (
        ("admin.dashboard", _("Overview"), "home", "core.staff"),
        ("plugins.index", _("Plugins"), "plugin", "core.switch_plugins"),
        ("admin.people", _("People"), "people", "core.manage_people"),
        ("admin.outbox", _("Outgoing mail"), "mail", "core.read_outbox"),
        ("audit.index", _("Log of acts"), "shield", "core.read_audit"),
        ("operations.index", _("Operations"), "clock", "core.operate"),
        ("areas.index", _("Areas"), "place", "core.manage_town"),
        ("admin.town", _("The town"), "settings", "core.manage_town"),
        ("privacy.periods", _("How long things are kept"), "trash", "core.manage_town"),
    )
    here = (request.endpoint or "").partition("_")[0]
    links = [
        SimpleNamespace(label=label, url=url_for(name), icon=icon, current=here == name, count=0)
        for name, label, icon, permission in pages
        if access.can(permission)
    ]
    return {"admin_menu": links}


@blueprint.get("/admin")
@needs("core.staff")
def dashboard() -> str:
    """Plain facts about the portal, and what waits for somebody."""
    late = now() - health.MAIL_LATE
    week, own = now() - dt.timedelta(days=7), PluginFault.plugin == "core"
    slow = PluginFault.what.startswith(registry.SLOW)
    plugins = registry.current()
    queue = "moderation" in plugins.enabled()  # which says itself what waits
    with access.as_system("count for the overview"):
        facts = {
            "people": _count(User, User.closed_at.is_(None)),
            "spaces": _count(Space, Space.archived_at.is_(None)),
            "posts": _count(Entry, Entry.published_at > week),
            "mail_waiting": _count(Mail, Mail.status == "waiting"),
            "mail_late": _count(Mail, sa.and_(Mail.status == "waiting", Mail.created_at < late)),
            "mail_failed": _count(Mail, Mail.status == "failed"),
            "jobs_failed": _count(JobRow, JobRow.state == "failed"),
            "cases": 0 if queue else _count(Case, Case.decided_at.is_(None)),
            "faults": _count(PluginFault, sa.and_(PluginFault.at > week, ~slow, ~own)),
            "slow": _count(PluginFault, sa.and_(PluginFault.at > week, slow, ~own)),
            "errors": _count(PluginFault, sa.and_(PluginFault.at > week, ~slow, own)),
        }
    first = steps() if access.can("core.manage_town") else []
    found = plugins.call("panels", place="dashboard", subject=None)
    panels = sorted((panel for _name, answer in found for panel in answer), key=lambda panel: panel.weight)
    return render_template(
        "portal/admin_dashboard.html",
        facts=facts,
        failing=[described(one) for one in _failing()],
        missing=sorted(plugins.missing()),
        urgent=[panel for panel in panels if panel.urgent],
        panels=[panel for panel in panels if not panel.urgent],
        steps=first if not all(step.done for step in first) else (),
        switches=access.can("core.switch_plugins"),
        on=len(plugins.enabled()),
        all=len(plugins.installed),
    )


def _failing() -> list[Any]:
    """The checks that are not well; late mail and lost plugins are said on their own."""
    with access.as_system("health"):
        return [one for one in health.checks() if not one.ok and one.name not in ("mail", "plugins")]


def _count(model: Any, where: Any) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model).where(where)) or 0


@blueprint.route("/admin/town", methods=["GET", "POST"])
@needs("core.manage_town")
def town() -> str | Response:
    """The town's name, colours, logo and texts."""
    form = TownForm(data=asdict(settings.town()))
    for field in (form.colour, form.colour_dark):
        field.data = request.form.get(f"take_{field.name}", field.data)
    if form.validate_on_submit():
        try:
            logo = files.prepare(form.logo.data) if form.logo.data else None
        except files.FileError as error:
            form.logo.errors = [str(error)]
        else:
            names = ["name", "contact", "officer", "language", "colour", "colour_dark"]
            names += ["home", "legal", "accessibility"]
            values: dict[str, Any] = {name: form[name].data or "" for name in names}
            values["second_factor"] = form.second_factor.data
            actions.save_town(values, logo, form.no_logo.data)
            says(_("The town’s settings are saved."))
            return redirect(url_for("admin.town"))
    if form.errors and form.logo.data and not form.logo.errors:
        form.logo.errors = [_("Please choose the logo again: a browser does not keep it.")]
    return render_template("portal/admin_town.html", form=form)


@blueprint.get("/admin/people")
@needs("core.manage_people")
def people() -> str:
    """People by name, found by a part of it or by their whole e-mail address."""
    query = request.args.get("q", "").strip()[:254]
    where: list[Any] = [User.closed_at.is_(None)]
    if "@" in query:
        with access.as_system("find a person by address"):
            found = db.session.scalar(sa.select(Account.user_id).where(Account.email == typed(query)))
        where.append(User.id == found)
    elif query:
        where.append(User.folded.contains(fold(query), autoescape=True))
    last = db.session.get(User, request.args.get("after", 0, type=int))
    if last is not None:
        where.append(
            sa.tuple_(User.folded, User.id) > sa.tuple_(sa.literal(last.folded), sa.literal(last.id))
        )
    rows = db.session.scalars(
        sa.select(User).where(*where).order_by(User.folded, User.id).limit(PAGE + 1)
    ).all()
    more = url_for("admin.people", q=query or None, after=rows[PAGE - 1].id) if len(rows) > PAGE else ""
    areas = {area.id: area.name for area in db.session.scalars(sa.select(Area))}
    return render_template(
        "portal/admin_people.html",
        people=rows[:PAGE],
        areas=areas,
        query=query,
        more=more,
        role_title=role_title,
        mandate_title=mandate_title,
    )


@blueprint.route("/admin/people/<int:user_id>", methods=["GET", "POST"])
@needs("core.manage_people")
def people_edit(user_id: int) -> str | Response:
    """One person's role and mandate."""
    user = get_or_404(User, user_id)
    if user.closed_at is not None:
        abort(404)
    areas = db.session.scalars(sa.select(Area).order_by(Area.path)).all()
    form = PersonForm([(area.id, indented(area)) for area in areas], obj=user)
    if form.validate_on_submit():
        try:
            actions.set_person(
                user.id,
                role=form.role.data,
                mandate=form.mandate.data or None,
                list_name=form.list_name.data or None,
                portfolio=form.portfolio.data or None,
                area_id=form.area_id.data or None,
            )
        except actions.LastAdministrator:
            form.role.errors = [_("This is the only administrator. Give the role to somebody else first.")]
        except access.Refused as refusal:
            form.area_id.errors = [str(refusal)]
        else:
            says(_("Saved for %(name)s.", name=user.name))
            return redirect(url_for("admin.people_edit", user_id=user_id))
    factor = sa.select(SecondFactor.user_id).where(SecondFactor.user_id == user_id)
    with access.as_system("see whether there is a second factor to reset"):
        has_one = db.session.scalar(factor) is not None
    resettable = has_one and user_id != access.viewer().id
    return render_template("portal/admin_person.html", form=form, user=user, resettable=resettable)


@blueprint.post("/admin/people/<int:user_id>/second-factor")
@needs("core.manage_people")
def people_factor(user_id: int) -> Response:
    """Let somebody who lost telephone and list sign in by password alone, until they set a factor up anew."""
    user = get_or_404(User, user_id)
    actions.reset_factor(user_id)
    says(_("The second factor of %(name)s is reset.", name=user.name))
    return redirect(url_for("admin.people_edit", user_id=user_id))


@blueprint.get("/admin/outbox")
@needs("core.read_outbox")
def outbox() -> str:
    """Outgoing mail: its kind, state and error; recipients are masked in a real town."""
    demo = current_app.config["PARVIS"].demo
    shown = (Mail.id, Mail.kind, Mail.recipient, Mail.status, Mail.error, Mail.created_at, Mail.sent_at)
    statement = sa.select(*shown, *((Mail.subject,) if demo else ())).order_by(Mail.id.desc()).limit(PAGE + 1)
    before = request.args.get("before", type=int)
    if before is not None:
        statement = statement.where(Mail.id < before)
    rows = db.session.execute(statement).all()
    subjects = _subjects(row.id for row in rows[:PAGE]) if demo else {}
    older = url_for("admin.outbox", before=rows[PAGE - 1].id) if len(rows) > PAGE else ""
    return render_template(
        "portal/admin_outbox.html",
        mails=rows[:PAGE],
        older=older,
        subjects=subjects,
        mask=mail.mask,
        title=title,
    )


def _subjects(ids: Iterable[int]) -> dict[int, str]:
    """What messages of the demonstration would be called if they left now."""
    with access.as_system("show in the demonstration what would leave"):
        found = db.session.scalars(sa.select(Mail).where(Mail.id.in_(list(ids)))).all()
        written = {row.id: mail.written(row) for row in found}
    return {ident: words[0].subject for ident, words in written.items() if words}


@blueprint.get("/admin/outbox/<int:mail_id>")
@needs("core.read_outbox")
def outbox_mail(mail_id: int) -> str:
    """A whole message, in the demonstration town only: a real one's mail is between sender and recipient."""
    if not current_app.config["PARVIS"].demo:
        abort(404)
    row = get_or_404(Mail, mail_id)
    with access.as_system("show in the demonstration what would leave"):
        words = mail.written(row)
    subject, text = (words[0].subject, words[0].text) if words else (row.subject, "")
    return render_template(
        "portal/admin_mail.html", mail=row, kind=title(row.kind), subject=subject, text=text
    )
