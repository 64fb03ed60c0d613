"""The verbs of scribes: keep a note once, let its outcome count, choose where two scribes differ."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from .. import answers, states
from ..actions import take_as_it_is
from ..models import Casework, Question
from ..report import gaps
from ..states import TABLE, Case
from .models import Note

MOST = 100_000  # people at a stop


@dataclass(frozen=True)
class Said:
    """What a scribe noted: about a question, of a stop, or a question that was asked on the way."""

    key: str
    question_id: int | None = None
    stop: str = ""
    outcome: str = ""
    text: str = ""
    attendance: int | None = None
    asked: str = ""
    photo: Any = None
    noted_at: dt.datetime | None = None


def keep(space: api.Space, said: Said) -> bool:
    """Keep a note; says whether it is new. An outcome counts at once unless another scribe noted another."""
    api.require("visits.conclude", space)
    with api.write() as session:
        case = states.visit_case(space.id)
        key = hashlib.sha256(f"{api.viewer().id} {said.key}".encode()).hexdigest()
        if not api.insert_once(Note, key=key, space_id=space.id, author_id=api.viewer().id):
            return False
        note = session.scalars(sa.select(Note).where(Note.space_id == space.id, Note.key == key)).one()
        note.stop, note.text, note.attendance = said.stop, said.text, said.attendance
        note.noted_at = min(said.noted_at or api.now(), api.now())
        note.entry_id = _record(case.space, said) if said.asked else _of_visit(space.id, said.question_id)
        if said.photo:
            note.photo_id = _photo(case.space, said)
        if said.outcome and note.entry_id:
            note.outcome = said.outcome
            _count(states.question_case(note.entry_id), note)
    return True


def choose(note_id: int, reason: str) -> None:
    """Let the outcome of this note hold, and set aside what others noted of the same question."""
    with api.write() as session:
        note = api.get_or_404(Note, note_id)
        case = states.question_case(note.entry_id or 0)
        api.require("visits.manage", case.space)
        session.refresh(note)
        _conclude(case, note, reason or note.text)
        _set_others_aside(note)


def promised(case: Case) -> None:
    """What was promised on the way has its owner and date now, so that holds; inside a write."""
    said = (Note.entry_id == case.entry.id, Note.outcome == "commit", Note.state != "set_aside")
    note = api.db.session.scalars(sa.select(Note).where(*said).order_by(Note.id.desc()).limit(1)).first()
    if note is not None:
        _conclude(case, note, note.text)
        _set_others_aside(note)


def look(space: api.Space, last: int) -> None:
    """The team has looked at the notes without an outcome, up to this one."""
    api.require("visits.manage", space)
    with api.write() as session:
        seen = sa.update(Note).where(*gaps.unread_in(space.id), Note.id <= last).values(state="seen")
        session.execute(seen, execution_options={"synchronize_session": False})


def notes_of(space_id: int) -> Sequence[sa.Row[Note, api.Entry, api.User]]:
    """The notes of a visit in the order of their making, each with its question and its scribe.

    Of private cases they are for those who decide on questions, a scribe is not told of them.
    """
    rows = (
        sa.select(Note, api.Entry, api.User)
        .outerjoin(api.Entry, api.Entry.id == Note.entry_id)
        .outerjoin(api.User, api.User.id == Note.author_id)
        .where(Note.space_id == space_id)
        .order_by(Note.noted_at, Note.id)
    )
    if not api.can("visits.review", api.get_or_404(api.Space, space_id)):
        rows = rows.where(sa.or_(Note.entry_id.is_(None), Note.entry_id.not_in(_private())))
    return api.db.session.execute(rows).all()


def open_choices(rows: Sequence[sa.Row[Note, api.Entry, api.User]]) -> dict[int, list[Any]]:
    """What the coordinator looks at, by question: outcomes that differ, or that the table did not let in."""
    found: dict[int, list[Any]] = {}
    for row in rows:
        note = row[0]
        if note.outcome and note.entry_id and note.state != "set_aside":
            found.setdefault(note.entry_id, []).append(row)
    return {ident: some for ident, some in found.items() if any(row[0].state == "kept" for row in some)}


def attendance(space_id: int) -> int | None:
    """How many came: the most that was counted at a stop."""
    rows = sa.select(sa.func.max(Note.attendance)).where(Note.space_id == space_id)
    return api.db.session.scalar(rows)


def _set_others_aside(note: Note) -> None:
    others = sa.update(Note).where(Note.entry_id == note.entry_id, Note.id != note.id, Note.outcome != "")
    quiet = {"synchronize_session": False}
    api.db.session.execute(others.values(state="set_aside"), execution_options=quiet)


def _of_visit(space_id: int, question_id: int | None) -> int | None:
    """The question, if it is one of this visit, still there and no private case; else None."""
    rows = sa.select(api.Entry.id).where(
        api.Entry.id == question_id,
        api.Entry.space_id == space_id,
        api.Entry.kind == "visits.question",
        api.Entry.id.not_in(_private()),
    )
    return api.db.session.scalar(rows)


def _private() -> Any:
    """The ids of the questions that are private cases."""
    return sa.select(Question.entry_id).where(Question.triage == "private_case")


def _count(case: Case, note: Note) -> None:
    """Let the outcome hold unless another scribe noted another; of one scribe the last word counts."""
    mine = sa.and_(Note.author_id == note.author_id, Note.id < note.id)
    earlier = sa.update(Note).where(Note.entry_id == note.entry_id, Note.outcome != "", mine)
    quiet = {"synchronize_session": False}
    api.db.session.flush()
    api.db.session.execute(earlier.values(state="set_aside"), execution_options=quiet)
    others = sa.select(Note.id).where(
        Note.entry_id == note.entry_id,
        Note.id != note.id,
        Note.state != "set_aside",
        Note.outcome.not_in(("", note.outcome)),
    )
    if api.db.session.scalars(others.limit(1)).first() is not None:
        return
    try:
        _conclude(case, note, note.text)
    except api.Refused:  # what the table asks for is missing: the coordinator sees it
        return


def _conclude(case: Case, note: Note, reason: str) -> None:
    if case.question.outcome != TABLE["outcome", note.outcome].target:
        answers.conclude(case, note.outcome, reason)
    note.state = "applied"
    if case.question.discussion in TABLE["discussion", "discuss"].sources:
        states.move(case, "discussion", "discuss")


def _record(space: api.Space, said: Said) -> int:
    """A question that somebody asked on the way, which the team reads like any other."""
    entry, flags = take_as_it_is(
        space,
        "",
        title=said.asked,
        kind="visits.question",
        channel="stall",
        byline=_("Asked during the visit"),
        author_id=None,
        recorded_by=api.viewer().id,
    )
    question = Question(entry_id=entry.id, place=said.stop[:200])
    api.db.session.add_all([question, Casework(entry_id=entry.id, space_id=space.id, flags=flags)])
    return int(entry.id)


def _photo(space: api.Space, said: Said) -> int:
    """The photo, which the team alone sees."""
    picture = (said.photo, said.text[:300] or said.stop[:300] or _("Photo taken during the visit"))
    entry = api.publish(space, "", kind="visits.photo", team_only=True, pictures=[picture], confirmed=True)
    return int(entry.id)
