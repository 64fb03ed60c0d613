"""What the plugin adds to pages of the core: badges on cards, panels on the home page, and its health."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from flask import url_for

from core import api
from core.api import gettext as _
from core.api import ngettext

from . import actions, quiet, reads, show
from .approve import answers
from .models import Department, Question, Visit, pledged
from .plan import papers
from .prepare import awaits, first
from .states import REPORTED, TABLE
from .triage import queues

AT_HOME = 3  # visits where questions wait that the home page shows
PATIENCE = dt.timedelta(hours=1)  # from what is due until a job that has not done it is not well


def decorations(entries: list[Any], viewer: api.Viewer) -> dict[int, api.Decoration]:
    """For those who review a question, the way to it; for its author, the way to take it back.

    Before an election no card of a question says how many support it.
    """
    questions = {entry.id: entry.space_id for entry in entries if entry.kind == "visits.question"}
    if not questions:
        return {}
    found = _ways(entries, questions, viewer)
    if not quiet.sentence():
        return found
    return {one: replace(found.get(one, api.Decoration()), uncounted=True) for one in questions}


def _ways(entries: list[Any], questions: dict[int, int], viewer: api.Viewer) -> dict[int, api.Decoration]:
    """What the viewer can do with each of these questions."""
    if not viewer.signed_in:
        return _for_visitors(entry for entry in entries if entry.id in questions)
    own = queues.reviewed(set(questions.values()))
    found = {
        ident: api.Decoration(
            actions=(api.Action(_("Review and answer"), url_for("visits.question", question_id=ident)),)
        )
        for ident, space_id in questions.items()
        if space_id in own
    }
    mine = [entry.id for entry in entries if entry.id in questions and entry.author_id == viewer.id]
    root = entries[0]
    if root.author_id is None and all(entry.parent_id == root.id for entry in entries[1:]):
        mine = list(api.db.session.scalars(reads.own_among([root.id])))  # the page of one under no name
    return found | _for_authors(mine)


def _for_visitors(questions: Iterable[Any]) -> dict[int, api.Decoration]:
    """For those without an account, the way to support a question."""
    return {
        entry.id: api.Decoration(
            actions=(api.Action(_("Add my voice"), url_for("visits.voice", question_id=entry.id)),)
        )
        for entry in questions
        if entry.state == "published"
    }


def _for_authors(mine: list[int]) -> dict[int, api.Decoration]:
    """For those who asked, the way to take their question back, or to contest that it is not accepted."""
    bare = sa.and_(Question.answered_at.is_(None), ~pledged(), Visit.state.not_in(REPORTED))
    asked = sa.select(Question, bare).join(api.Entry, api.Entry.id == Question.entry_id)
    asked = asked.join(Visit, Visit.space_id == api.Entry.space_id).where(Question.entry_id.in_(mine))
    found = {}
    for question, unpublished in api.db.session.execute(asked) if mine else ():
        actions = []
        if question.triage == "rejected":
            actions.append(api.Action(_("Contest"), url_for("visits.contest", question_id=question.entry_id)))
        if unpublished and question.triage in TABLE["triage", "withdraw"].sources:
            actions.append(
                api.Action(
                    _("Withdraw my question"), url_for("visits.withdraw", question_id=question.entry_id)
                )
            )
        found[question.entry_id] = api.Decoration(actions=tuple(actions))
    return found


def kept_as_withdrawn(draft: api.Draft) -> api.Refuse | None:
    """Refuse other words for a question that is withdrawn: nobody would read them."""
    if draft.kind != "visits.question" or draft.entry is None:
        return None
    question = api.db.session.get(Question, draft.entry.id)
    if question is None or question.triage != "withdrawn":
        return None
    return api.Refuse(str(_("You have withdrawn this question, so it no longer changes. Ask a new one.")))


def home() -> list[api.Panel]:
    """The next visit for everybody; before it, for members of a team, what waits for them."""
    found, waiting = _for_staff() + _for_scribe(), queues.waiting()
    own = first.mine() if api.viewer().role == "official" else None
    if api.viewer().role == "official":
        found += _for_official(own, sum(counts["unread"] for _visit, _space, counts in waiting))
    elif waiting:
        html = show.draw("visits/panel_waiting.html", waiting=waiting, most=AT_HOME)
        found.append(api.Panel(_("Questions waiting for you"), html, weight=5, urgent=True))
    following = None if quiet.sentence() else reads.next_visit()
    if following and not (own and own[0].space_id == following[0].space_id):
        html = show.draw("visits/panel_next.html", visit=following[0], name=following[1])
        asks = not api.can("core.staff") and following[0].takes_questions(api.now())
        found.append(api.Panel(_("Next neighbourhood visit"), html, weight=20, urgent=asks))
    return found


def _for_official(own: tuple[Visit, api.Space] | None, unread: int) -> list[api.Panel]:
    """An official's next visit: when, where, what awaits them, what matters there and why, what is late."""
    visit, space = own or (None, None)
    matters = first.matters(space.id) if space else ()
    late = papers.late_promises(space, visit) if space and visit else ()
    drafts, reports = awaits.counts()
    lines = [
        ngettext("%(num)s draft to approve", "%(num)s drafts to approve", drafts) if drafts else "",
        ngettext("%(num)s report to approve", "%(num)s reports to approve", reports) if reports else "",
        ngettext("%(num)s question to read", "%(num)s questions to read", unread) if unread else "",
        ngettext("%(num)s late promise", "%(num)s late promises", len(late)) if late else "",
    ]
    lines = [line for line in lines if line]
    if not (lines or own):
        return []
    shown: Any = {"lines": lines, "drafts": drafts, "visit": visit, "space": space, "matters": matters}
    html = show.draw("visits/panel_awaits.html", **shown)
    title = _("My next visit") if own else _("What awaits you")
    return [api.Panel(title, html, weight=4, urgent=True)]


def _for_staff() -> list[api.Panel]:
    """What is assigned to the departments in which an agent works."""
    number, due_at = awaits.requests() if api.viewer().role == "agent" else (0, None)
    if not number:
        return []
    html = show.draw("visits/panel_requests.html", number=number, due_at=due_at)
    return [api.Panel(_("Requests to your department"), html, weight=6, urgent=True)]


def _for_scribe() -> list[api.Panel]:
    """The visit on which an agent takes notes next, until its report is published."""
    following = queues.noted_next() if api.viewer().role == "agent" else None
    if following is None:
        return []
    html = show.draw("visits/panel_scribe.html", visit=following[0], name=following[1])
    return [api.Panel(_("You take the notes"), html, weight=4, urgent=True)]


def first_steps() -> list[api.Panel]:
    """For who prepares the town for visits, what is to do before the first, until all of it is done."""
    if not api.can("visits.organise"):
        return []
    rows = (sa.select(api.Area.id), sa.select(Department.id), sa.select(Visit.space_id))
    with api.as_system("see which first steps are done"):
        done = [api.db.session.scalar(one.limit(1)) is not None for one in rows]
    if all(done):
        return []
    html = show.draw("visits/panel_steps.html", areas=done[0], departments=done[1], visits=done[2])
    return [api.Panel(_("First steps of neighbourhood visits"), html, weight=1)]


def regular_work() -> api.Health:
    """Whether jobs do what is due, for who runs the portal; that people are late is not its business."""
    since = api.now() - PATIENCE
    due = (actions.to_close(since), answers.to_publish(since), papers.to_freeze(since))
    with api.as_system("see whether jobs do what is due"):
        count = sum(
            api.db.session.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0
            for rows in due
        )
    said = ngettext(
        "%(num)s thing should have been done by a job more than an hour ago.",
        "%(num)s things should have been done by jobs more than an hour ago.",
        count,
    )
    return api.Health("regular work", count == 0, said if count else _("Nothing that is due is left."))
