"""Templates of answers: kept by whoever organises, put into a draft with what is known of the visit."""

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import redirect, url_for

from core import api
from core.api import gettext as _

from .. import labels, show, teams
from ..models import Casework, Question, Visit
from ..pages import Page, blueprint, form_page
from .forms import TemplateForm
from .models import AnswerTemplate

MOST = 50
PLACES = re.compile(r"(\{[a-z_]+\})")


@blueprint.get("/templates")
@api.needs("visits.organise")
def templates() -> str:
    """The templates of answers, by theme."""
    rows = sa.select(AnswerTemplate).order_by(AnswerTemplate.theme, AnswerTemplate.title)
    return show.draw("visits/approve/templates.html", rows=api.db.session.scalars(rows).all())


@blueprint.route("/templates/new", methods=["GET", "POST"])
@api.needs("visits.organise")
def new_template() -> Page:
    """Add a template."""
    return _template_page(None)


@blueprint.route("/templates/<int:template_id>", methods=["GET", "POST"])
@api.needs("visits.organise")
def template(template_id: int) -> Page:
    """Change a template."""
    return _template_page(api.get_or_404(AnswerTemplate, template_id))


@blueprint.post("/templates/<int:template_id>/delete")
@api.needs("visits.organise")
def delete_template(template_id: int) -> Page:
    """Delete a template; answers that began with it stay as they are."""
    api.require("visits.organise")
    row = api.get_or_404(AnswerTemplate, template_id)
    with api.write() as session:
        session.delete(session.merge(row))
    api.says(_("The template is deleted."))
    return redirect(url_for("visits.templates"))


def _template_page(row: AnswerTemplate | None) -> Page:
    form: Any = TemplateForm(obj=row)
    if not form.validate_on_submit():
        return form_page("visits/approve/template_form.html", form, row=row)
    save(row.id if row else None, form.title.data, form.theme.data or "", form.body.data)
    api.says(_("The template is saved."))
    return redirect(url_for("visits.templates"))


def save(ident: int | None, title: str, theme: str, body: str) -> None:
    """Keep a template, new or changed."""
    api.require("visits.organise")
    with api.write() as session:
        row = session.get(AnswerTemplate, ident) if ident else AnswerTemplate()
        if row is None:
            raise api.Refused(_("This template was deleted meanwhile."))
        row.title, row.theme, row.body = title, theme, body
        session.add(row)


def offered(theme: str) -> Sequence[AnswerTemplate]:
    """The templates for an answer to a question of this theme, its own first."""
    rows = sa.select(AnswerTemplate).where(AnswerTemplate.theme.in_(["", theme]))
    return api.db.session.scalars(
        rows.order_by(AnswerTemplate.theme.desc(), AnswerTemplate.title).limit(MOST)
    ).all()


def filled(template_id: int, question: Question, casework: Casework, visit: Visit, space: api.Space) -> str:
    """The words of a template, with what is known of the visit and the question in its places."""
    row = api.get_or_404(AnswerTemplate, template_id)
    department = teams.department(casework.department_id)
    known = {
        "{visit}": space.name,
        "{date}": show.date(visit.starts_at),
        "{meeting_point}": visit.meeting_point,
        "{place}": question.place,
        "{theme}": labels.theme_label(question.theme),
        "{department}": department.name if department else "",
    }
    return "".join(known.get(part, part) for part in PLACES.split(str(row.body)))
