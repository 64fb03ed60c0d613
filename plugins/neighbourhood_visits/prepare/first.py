"""The first screen of an official: the next visit, what matters and why, what awaits them, late promises."""

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from flask import abort, redirect, request, url_for
from sqlalchemy.orm import aliased

from core import api
from core.api import gettext as _
from core.api import ngettext

from .. import reads, states, teams
from ..approve import answers, delegates
from ..assigned.due import overdue
from ..models import Casework, Commitment, Question, Visit
from ..models import late as late_promise
from ..pages import Page, blueprint
from ..plan import papers
from ..plan.models import Sensitivity
from ..show import draw
from ..triage import queues
from . import awaits

MATTER, LATE = 5, 5
NEW = dt.timedelta(days=7)
WEIGHT = 10  # as many supports as a reason counts for
TO_COME = ("draft", "announced", "collecting", "preparing", "ready", "in_progress", "postponed")


@dataclass(frozen=True)
class Matter:
    """A question that matters on a visit, and for what reasons."""

    entry: Any
    reasons: list[str]


def mine() -> tuple[Visit, api.Space] | None:
    """The next visit on whose team the viewer is."""
    team = awaits.own_visits()
    rows = (
        sa.select(Visit, api.Space)
        .join(api.Space, api.Space.id == Visit.space_id)
        .join(team, team.c.space_id == Visit.space_id)
        .where(Visit.ends_at >= api.now(), Visit.state.in_(TO_COME))
        .order_by(Visit.starts_at, Visit.space_id)
    )
    found = api.db.session.execute(rows.limit(1)).first()
    return (found[0], found[1]) if found else None


def matters(space_id: int) -> list[Matter]:
    """The questions that matter most on a visit, with the reasons that put them there.

    What is delicate, late, asked by others too, or the subject of a late promise counts as much as ten
    supports, each; among equals the one with more supports, then the older comes first.
    """
    same = aliased(Question)
    again = sa.select(sa.func.count(same.entry_id)).where(same.group_id == Question.entry_id)
    repeated = again.correlate(Question).scalar_subquery()
    kept = sa.select(Commitment.id).where(Commitment.question_id == Question.entry_id)
    promised = kept.where(late_promise(api.town_today()))
    promised_late = promised.correlate(Question).exists()
    late = overdue(api.now())
    reasons = (Sensitivity.entry_id.is_not(None), late, repeated > 0, promised_late)
    sizes = reads.group_sizes(space_id)
    supports = sizes.c.size
    weight = sum((sa.case((reason, WEIGHT), else_=0) for reason in reasons), supports)
    flags = [sa.case((reason, 1), else_=0) for reason in reasons]
    rows = (
        sa.select(api.Entry, Question, repeated, Casework.answer, *flags)
        .join(Question, Question.entry_id == api.Entry.id)
        .join(Casework, Casework.entry_id == api.Entry.id)
        .join(Visit, Visit.space_id == api.Entry.space_id)
        .join(sizes, sizes.c.head == Question.entry_id)
        .outerjoin(Sensitivity, Sensitivity.entry_id == api.Entry.id)
        .where(api.Entry.space_id == space_id, api.Entry.state == "published")
        .where(Question.triage == "accepted", Question.group_id.is_(None), ~Question.empty)
        .order_by(weight.desc(), supports.desc(), api.Entry.id)
        .limit(MATTER)
    )
    found = api.db.session.execute(rows).all()
    behind = reads.behind(row[1] for row in found)
    return [
        Matter(
            row[0],
            [*behind[row[0].id], *_reasons(row[2], *row[4:])]
            or _plain_reasons(row[0], row[1].answered_at, row[3]),
        )
        for row in found
    ]


def _plain_reasons(entry: api.Entry, answered_at: dt.datetime | None, answer: str) -> list[str]:
    """Why a question is looked at that nothing else speaks for."""
    new = [_("new")] if entry.created_at > api.now() - NEW else []
    if answered_at is not None:
        return [*new, _("answered already")]
    return [*new, _("answer ready for the visit") if answer == "approved" else _("no answer yet")]


def _reasons(repeated: int, delicate: int, late: int, _again: int, promised: int) -> list[str]:
    said = [
        _("delicate") if delicate else "",
        _("the answer is late") if late else "",
        ngettext("asked by %(num)s other", "asked by %(num)s others", repeated) if repeated else "",
        _("a promise about it is late") if promised else "",
    ]
    return [one for one in said if one]


@blueprint.get("/next")
@api.needs("core.account")
def first_screen() -> str:
    """What an official reads first: what awaits them on all visits, and the next one, on a phone."""
    found = mine()
    visit, space = found or (None, None)
    waiting, number = awaits.drafts(space.id if space else None)
    order = [one.question.id for group in waiting for one in group.drafts]
    absent = delegates.absent([group.space.id for group in waiting])
    return draw(
        "visits/prepare/first.html",
        absent=absent,
        people=teams.names(absent.values()),
        visit=visit,
        space=space,
        matters=matters(space.id) if space else (),
        groups=waiting,
        behind=reads.behind(one.facts for group in waiting for one in group.drafts),
        following=dict(pairwise(order)),
        opened=_opened(order),
        number=number,
        reports=awaits.reports(),
        reading=[row for row in queues.waiting() if row[2]["unread"]],
        late=papers.late_promises(space, visit)[:LATE] if space and visit else (),
        manages=space is not None and api.can("visits.manage", space),
    )


def _opened(order: list[int]) -> int | None:
    """The draft to go on with: the one dealt with if it waits, else the one after it, else the first."""
    asked = request.args.getlist("after", type=int)
    return next((one for one in (*asked, *order) if one in order), None) if asked else None


@blueprint.post("/questions/<int:question_id>/approve")
@api.needs("visits.publish")
def approve_draft(question_id: int) -> Page:
    """Approve a draft as it was read on the first screen, with an outcome if one is chosen; now or held."""
    entry = api.get_or_404(api.Entry, question_id)
    api.require("visits.publish", api.get_or_404(api.Space, entry.space_id))
    _answer, draft = answers.answer_of(question_id)
    held, outcome = "hold" in request.form, request.form.get("outcome", "")
    if outcome and ("outcome", outcome) not in states.TABLE:
        abort(404)
    try:
        if draft is None or api.get_or_404(Casework, question_id).answer != "to_approve":
            raise api.Refused(_("This draft no longer waits: a colleague has dealt with it in the meantime."))
        version = request.form.get("version", 0, type=int)
        answers.approve(question_id, draft.body, version, held=held, outcome=outcome)
        said = _(
            "The answer is approved, and published on the day of the visit: “%(title)s”", title=entry.title
        )
        api.says(said if held else _("The answer is published: “%(title)s”", title=entry.title))
    except api.Refused as reason:  # the next card is open below it
        api.says(_("“%(title)s”: %(reason)s", title=entry.title, reason=str(reason)), "error")
    following = request.form.get("after", type=int)
    after = [question_id, following] if following else [question_id]
    return redirect(url_for("visits.first_screen", after=after) + "#drafts")
