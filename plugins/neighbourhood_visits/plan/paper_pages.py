"""The pages of the papers for the team of a visit: made by the worker, read on a phone, given as PDF."""

import io
from typing import Any

from flask import abort, redirect, request, send_file, url_for
from werkzeug.wrappers import Response

from core import api
from core.api import gettext as _

from ..pages import REFUSED, Page, blueprint, visit_and_space
from ..show import draw
from . import papers
from .forms import FreezeForm
from .models import Paper

SHOWN = 20


@blueprint.get("/<int:space_id>/papers")
@api.needs("visits.conclude")
def list_papers(space_id: int) -> Page:
    """The papers of a visit: make a briefing, freeze the dossier, take them as PDF."""
    return _papers_page(space_id)


@blueprint.post("/<int:space_id>/papers")
@api.needs("visits.conclude")
def order_paper(space_id: int) -> Response:
    """Have the worker make a paper; the dossier is frozen by it."""
    kind = request.form.get("kind", "")
    if kind not in papers.KINDS:
        abort(404)
    papers.order(space_id, kind)
    api.says(_("The paper is being made. This page says when it is done; you can leave it."))
    return redirect(url_for("visits.list_papers", space_id=space_id))


@blueprint.post("/<int:space_id>/freeze")
@api.needs("visits.manage")
def freeze(space_id: int) -> Page:
    """Say on which day the dossier is frozen by itself."""
    form: Any = FreezeForm()
    if not form.validate_on_submit():
        return _papers_page(space_id, REFUSED, form)
    papers.freeze_on(space_id, form.day.data)
    api.says(_("The day is kept.") if form.day.data else _("The dossier is frozen on no day by itself."))
    return redirect(url_for("visits.list_papers", space_id=space_id))


@blueprint.get("/papers/<int:paper_id>")
@api.needs("visits.review")
def paper(paper_id: int) -> str:
    """A paper to be read on a phone: its first page with the contents, or one stop of it."""
    row = api.get_or_404(Paper, paper_id)
    found, space = visit_and_space(row.space_id)
    if row.state != "done":
        abort(404)
    said, part = papers.printed(row.data), request.args.get("part", "")
    stop = next((one for one in said["stops"] if str(one["number"]) == part), None)
    questions = stop["questions"] if stop else said["rest"] if part == "rest" or not said["stops"] else []
    begin = min(request.args.get("from", 0, type=int), len(questions)) if len(part) < 10 else 0
    begin = max(0, begin)
    return draw(
        "visits/plan/paper.html",
        row=row,
        visit=found,
        space=space,
        said=said,
        words=said["words"],
        part=part,
        stop=stop,
        questions=questions[begin : begin + SHOWN],
        further=begin + SHOWN if len(questions) > begin + SHOWN else None,
    )


@blueprint.get("/papers/<int:paper_id>/pdf")
@api.needs("visits.conclude")
def paper_pdf(paper_id: int) -> Response:
    """A paper as PDF, for its team; field sheets for scribes too."""
    row = api.db.session.get(Paper, paper_id) or papers.sheets(paper_id)
    if row is None or row.state != "done":
        abort(404)
    return pdf_response(row.content, f"{row.kind}-{row.space_id}.pdf")


def pdf_response(content: bytes, name: str, public: bool = False) -> Response:
    """A PDF that a browser shows; only what everybody may read is kept by caches."""
    answer = send_file(io.BytesIO(content), "application/pdf", download_name=name)
    answer.headers["Cache-Control"] = "public, max-age=300" if public else "private, no-store"
    return answer


def _papers_page(space_id: int, status: int = 200, form: Any = None) -> Page:
    found, space = visit_and_space(space_id)
    api.require("visits.conclude", space)
    day = found.freezes_at.astimezone(api.town_zone()).date() if found.freezes_at else None
    page = draw(
        "visits/plan/papers.html",
        visit=found,
        space=space,
        papers=papers.papers(space_id),
        kinds=papers.KINDS,
        moment_said=papers.moment_said,
        manages=api.can("visits.manage", space),
        form=form or FreezeForm(formdata=None, day=day),
    )
    return page, status
