"""The pages of the report: the minutes for the team, the report and its data for everybody."""

from typing import Any

from flask import Response, abort, jsonify, redirect, request, url_for

from core import api
from core.api import gettext as _

from .. import quiet, states, teams
from ..pages import REFUSED, TOO_LATE, Page, blueprint, visit_and_space
from ..show import draw
from . import data, gaps, issue, passage
from .forms import MinutesForm, PassageForm
from .words import (
    WORDS,
    by_decision,
    changes,
    channel_label,
    decision,
    promises_of,
    reworded,
    voices,
    when,
    why,
)

SAYS = {
    "by_decision": by_decision,
    "decision": decision,
    "when": when,
    "channel_label": channel_label,
    "promises_of": promises_of,
    "why": why,
    "voices": voices,
}


@blueprint.get("/<int:space_id>/report")
@api.needs("core.read")
def report(space_id: int) -> str:
    """What came of a visit, as an official approved it."""
    return _report(space_id, PassageForm(formdata=None))


@blueprint.post("/<int:space_id>/report/redact")
@api.needs("core.moderate")
def redact_report(space_id: int) -> Page:
    """Take a passage out of the published minutes for good."""
    _visit, space = visit_and_space(space_id)
    if not api.oversees(space):
        raise api.Forbidden("core.moderate")
    form: Any = PassageForm()
    if form.validate_on_submit() and issue.report_of(space_id):
        try:
            passage.take_out(space, form.passage.data, form.reason.data)
        except api.Refused as refusal:
            form.passage.errors = [*form.passage.errors, str(refusal)]
        else:
            api.says(_("It is taken out, everywhere and for good."))
            return redirect(url_for("visits.report", space_id=space_id))
    return _report(space_id, form), REFUSED


def _report(space_id: int, form: PassageForm) -> str:
    """The page of a report; with the form for who may take something out of it."""
    visit, space = visit_and_space(space_id)
    found = issue.report_of(space_id)
    if found is None:
        abort(404)
    return draw(
        "visits/report/report.html",
        form=form if found.facts.get("minutes") and api.oversees(space) else None,
        visit=visit,
        space=space,
        report=found,
        changes=changes(found.mentions),
        facts=reworded(found.facts),
        approver=issue.people(found),
        quiet=quiet.sentence(),
        words=WORDS,
        **SAYS,
    )


@blueprint.get("/<int:space_id>/report/data.json")
@api.needs("core.read")
def report_data(space_id: int) -> Response:
    """The rows from which the figures of a report are counted, as they were when it was approved."""
    visit_and_space(space_id)
    found = issue.report_of(space_id)
    if found is None:
        abort(404)
    tables = ("visits", "questions", "counts", "commitments")
    said = {name: found.facts.get(name, []) for name in tables}
    said["questions"] = [data.with_why(row, row["answer"]) for row in said["questions"]]
    return jsonify(quiet.without_figures(said))


@blueprint.route("/<int:space_id>/minutes", methods=["GET", "POST"])
@api.needs("visits.conclude")
def minutes(space_id: int) -> Page:
    """The minutes, for the team, above the report as it would be published now."""
    visit, space = visit_and_space(space_id)
    api.require("visits.conclude", space)
    kept = issue.minutes_of(space_id)
    form: Any = MinutesForm(data={"body": kept.body, "version": kept.version} if kept else None)
    status = 200
    if form.validate_on_submit():
        try:
            issue.keep_minutes(space, form.body.data, form.version.data or 0, bool(form.confirmed.data))
        except api.AskAuthor as asked:
            form.form_errors.append(str(asked))
            form.confirmed.data, status = "yes", REFUSED
        except api.Refused as reason:
            kept = issue.minutes_of(space_id)
            form.form_errors.append(str(reason))
            form.over(kept.version if kept else 0)
            status = TOO_LATE
        else:
            if "ask" in request.form:
                return _ask(space)
            api.says(_("The minutes are kept for the team."))
            return redirect(url_for("visits.minutes", space_id=space_id))
    case, facts = states.Case(space, visit=visit), issue.facts_of(visit, kept)
    page = draw(
        "visits/report/minutes.html",
        visit=visit,
        space=space,
        form=form,
        minutes=kept,
        facts=facts,
        read=issue.mark_of(facts),
        publishes=any(way.verb == "publish" for way in states.ways(case, "visit")),
        doubt=issue.doubt(space, kept.body) if kept else "",
        named=issue.named(kept.body, facts) if kept else (),
        another=states.NOT_THE_WRITER.holds(case),
        gaps=gaps.of(space_id) if visit.state == "reporting" else {},
        wrong=gaps.WRONG,
        menders=teams.names(
            teams.team_ids(space_id, "coordinator") or teams.team_ids(space_id, "agent")
        ).values(),
        reviews=api.can("visits.review", space),
        words=WORDS,
        **SAYS,
    )
    return page, status


def _ask(space: api.Space) -> Page:
    """Ask the officials for their approval of what was just kept."""
    try:
        issue.ask_approval(space)
        api.says(_("The officials of the visit are asked to approve the report."))
    except api.Refused as reason:
        api.says(str(reason), "error")
    return redirect(url_for("visits.minutes", space_id=space.id))
