"""The pages of the field: what scribes tap on their way, what they noted, the script for no network."""

import datetime as dt
import secrets
from typing import Any

from flask import Response, abort, jsonify, redirect, request, url_for
from flask_wtf.csrf import generate_csrf

from core import api
from core.api import gettext as _

from .. import reads, states
from ..pages import REFUSED, TOO_LATE, Page, blueprint, visit_and_space
from ..show import draw
from . import notes
from .models import Note
from .route import Halt, halts

GONE = 403  # the page, too: the worker of the browser drops what it kept
LAST = 2**31 - 1  # of the numbers of notes


@blueprint.get("/<int:space_id>/field")
@api.needs("visits.conclude")
def field(space_id: int) -> Page:
    """All that a scribe needs on the way, on one page that is kept for when there is no network.

    For who left the team, a page whose script deletes what their device still keeps.
    """
    if api.viewer().signed_in and not _notes(space_id):
        return draw("visits/field/gone.html"), GONE
    visit, space = visit_and_space(space_id)
    api.require("visits.conclude", space)
    if visit.state in states.REPORTED:
        return draw("visits/field/over.html", visit=visit, space=space)
    found = halts(space_id)
    return draw(
        "visits/field/field.html",
        visit=visit,
        space=space,
        halts=found,
        shown=_shown(found),
        behind=reads.behind(facts.question for halt in found for _entry, facts in halt.questions),
        outcomes=[way for way in states.TRANSITIONS if way.thing == "outcome"],
        key=secrets.token_urlsafe(12),
        chooses=api.can("visits.manage", space),
        own=notes.own_questions(space_id),
        practice=not states.takes_notes(visit),
        opens=None if visit.off else visit.starts_at.astimezone(api.town_zone()).date(),
    )


def _notes(space_id: int) -> bool:
    """Whether the viewer takes notes on a visit."""
    space = api.db.session.get(api.Space, space_id)
    return space is not None and api.can("visits.conclude", space)


def _shown(found: list[Halt]) -> int | None:
    """The question that is open: the one just noted, else the first on the way without an outcome."""
    waits = {entry.id: facts.question.outcome == "none" for halt in found for entry, facts in halt.questions}
    asked = request.args.get("at", type=int)
    return asked if asked in waits else next((ident for ident, silent in waits.items() if silent), None)


@blueprint.get("/<int:space_id>/field/state")
@api.needs("visits.conclude")
def field_state(space_id: int) -> Page:
    """Who is signed in, and the token of their forms, for notes that waited; or that they left the team."""
    if not _notes(space_id):
        return jsonify(removed=api.viewer().id), GONE
    return jsonify(user=api.viewer().id, token=generate_csrf())


@blueprint.post("/<int:space_id>/field/notes")
@api.needs("visits.conclude")
def add_note(space_id: int) -> Page:
    """Keep a note; the same key is kept once, however often it is sent."""
    _visit, space = visit_and_space(space_id)
    api.require("visits.conclude", space)
    try:
        said = _said()
    except api.FileError as error:
        return _answer(space_id, str(error), REFUSED)
    if said is None:
        return _answer(space_id, _("There is nothing to note."), REFUSED)
    try:
        notes.keep(space, said)
    except notes.TooEarly as reason:
        return _answer(space_id, str(reason), TOO_LATE)
    except api.Refused as reason:
        return _answer(space_id, str(reason), REFUSED)
    return _answer(space_id, _("Noted."), 200)


@blueprint.get("/<int:space_id>/field/notes")
@api.needs("visits.conclude")
def field_notes(space_id: int) -> str:
    """All notes of a visit for its team; where two scribes differ, the coordinator chooses."""
    visit, space = visit_and_space(space_id)
    api.require("visits.conclude", space)
    rows = notes.notes_of(space_id)
    photos = [row[0].photo_id for row in rows if row[0].photo_id]
    found = [entry for entry in map(_photo, photos) if entry is not None]
    shown = api.cards(found) if found else []
    choices = notes.open_choices(rows)
    return draw(
        "visits/field/notes.html",
        visit=visit,
        space=space,
        rows=rows,
        choices=choices,
        facts=reads.load_questions(list(choices)),
        unseen=[row[0].id for row in rows if not row[0].outcome and row[0].state == "kept"],
        pictures={card.id: card.pictures for card in shown},
        chooses=api.can("visits.manage", space),
        outcome_of={way.verb: way.label for way in states.TRANSITIONS if way.thing == "outcome"},
    )


@blueprint.post("/<int:space_id>/field/notes/seen")
@api.needs("visits.manage")
def look_at_notes(space_id: int) -> Any:
    """Say that the team has looked at the notes that the page showed."""
    _visit, space = visit_and_space(space_id)
    api.require("visits.manage", space)
    notes.look(space, min(request.form.get("last", 0, type=int), LAST))
    api.says(_("Noted: the team has looked at these notes."))
    return redirect(url_for("visits.field_notes", space_id=space_id))


@blueprint.post("/notes/<int:note_id>/choose")
@api.needs("visits.manage")
def choose_note(note_id: int) -> Any:
    """Let the outcome of one note hold, or the one that stands."""
    note = api.get_or_404(Note, note_id)
    space = api.get_or_404(api.Space, note.space_id)
    api.require("visits.manage", space)
    if not note.outcome or not note.entry_id:
        abort(404)
    try:
        if "stands" in request.form:
            notes.let_stand(note_id)
        else:
            notes.choose(note_id, api.one_line(request.form.get("reason", ""))[:1000])
        api.says(_("Done."))
    except api.Refused as reason:
        api.says(str(reason), "error")
    return redirect(url_for("visits.field_notes", space_id=space.id))


@blueprint.get("/field-worker.js")
@api.needs("core.read")
def field_worker() -> Response:
    """The script that shows the field's page without a network; its place lets it serve /visits/."""
    return blueprint.send_static_file("field-worker.js")


def _said() -> notes.Said | None:
    """What was noted; None when that is nothing."""
    form, photo = request.form, request.files.get("photo")
    outcome = form.get("outcome", "")
    if outcome and ("outcome", outcome) not in states.TABLE:
        abort(404)
    said = notes.Said(
        key=form.get("key", "")[:64] or secrets.token_urlsafe(12),
        question_id=form.get("question", type=int),
        stop=api.one_line(form.get("stop", ""))[:200],
        outcome=outcome,
        text=form.get("text", "").strip()[:4000],
        attendance=_count(form.get("attendance", type=int)),
        asked=api.one_line(form.get("asked", ""))[:200],
        photo=api.prepare_picture(photo) if photo and photo.filename else None,
        noted_at=_moment(form.get("noted_at", "")),
    )
    empty = not (said.outcome or said.text or said.asked or said.photo) and said.attendance is None
    return None if empty else said


def _photo(ident: int) -> api.Entry | None:
    """The entry of a photo, as far as the viewer may see it."""
    found: api.Entry | None = api.db.session.get(api.Entry, ident)
    return found


def _count(number: int | None) -> int | None:
    return None if number is None or not 0 <= number <= notes.MOST else number


def _moment(text: str) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(text)
        return moment.astimezone(dt.UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):  # at the ends of the calendar a zone leads out of it
        return None


def _answer(space_id: int, said: str, status: int) -> Page:
    """Say it to the script that sent the note, or on the next page."""
    if request.headers.get("Accept") == "application/json":
        answer = jsonify(said=said)
        answer.status_code = status
        return answer
    api.says(said, "success" if status < TOO_LATE else "error")
    question = request.form.get("question", type=int)
    at: Any = {"at": question, "_anchor": f"question-{question}"} if question else {}
    return redirect(url_for("visits.field", space_id=space_id, **at))
