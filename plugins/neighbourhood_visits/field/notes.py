"""The verbs of scribes: keep a note once, let its outcome count, choose where two scribes differ."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from .. import reads, states
from ..actions import take_as_it_is
from ..approve import answers
from ..follow import steps
from ..models import Casework, Question
from ..report import gaps
from ..states import TABLE, Case
from .models import Note

MOST = 100_000  # people at a stop
OWN = 50


class TooEarly(api.Refused):
    """The visit has not begun: what is sent again later may be kept."""


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
    """Keep a note; says whether it is new. Refused before the visit begins.

    An outcome counts at once unless another stands: that of another scribe, or of the team. Where its
    question is public no longer, it is kept in words.
    """
    api.require("visits.conclude", space)
    with api.write():
        case, person = states.visit_case(space.id), api.viewer().id
        if not states.takes_notes(case.visit):
            raise TooEarly(_("Notes are taken from the day of the visit on. Nothing is noted."))
        key = hashlib.sha256(f"{person} {said.key}".encode()).hexdigest()
        if not api.insert_once(Note, key=key, space_id=space.id, author_id=person):
            return False
        found: dict[str, Any] = {"stop": said.stop, "text": said.text, "attendance": said.attendance}
        found["noted_at"] = min(said.noted_at or api.now(), api.now())
        found["entry_id"] = _record(case.space, said) if said.asked else _of_visit(space.id, said.question_id)
        found["photo_id"] = _photo(case.space, said) if said.photo else None
        found["outcome"] = said.outcome if _read(found["entry_id"]) else ""
        if said.outcome and not found["outcome"]:
            found["text"] = _in_words(said)
        mine = (Note.space_id == space.id, Note.key == key)
        _set(found, *mine)
        asked = states.question_case(found["entry_id"]) if found["outcome"] else None
        if asked is not None and _counts(asked, said.outcome):
            try:
                _conclude(asked, said.outcome, said.text)
            except api.Refused:  # what the table asks for is missing: the coordinator sees it
                return True
            holds = (Note.entry_id == asked.entry.id, Note.author_id == person, Note.state == "applied")
            _set({"state": "set_aside"}, *holds)
            _set({"state": "applied"}, *mine)
    return True


def choose(note_id: int, reason: str) -> None:
    """Let the outcome of this note hold, and set aside what others noted of the same question."""
    with api.write() as session:
        note = api.get_or_404(Note, note_id)
        case = states.question_case(note.entry_id or 0)
        api.require("visits.manage", case.space)
        session.refresh(note)
        _conclude(case, note.outcome, reason or note.text)
        _let_hold(note)


def let_stand(note_id: int) -> None:
    """Let the outcome stand that the question of this note has, and set aside what was noted of it."""
    with api.write():
        case = states.question_case(api.get_or_404(Note, note_id).entry_id or 0)
        api.require("visits.manage", case.space)
        _talked_about(case)
        _set({"state": "set_aside"}, Note.entry_id == case.entry.id, Note.outcome != "")


def promised(case: Case) -> None:
    """What was promised on the way has its owner and date now, so that holds; inside a write."""
    said = (Note.entry_id == case.entry.id, Note.outcome == "commit", Note.state != "set_aside")
    note = api.db.session.scalars(sa.select(Note).where(*said).order_by(Note.id.desc()).limit(1)).first()
    if note is not None:
        _conclude(case, note.outcome, note.text)
        _let_hold(note)


def look(space: api.Space, last: int) -> None:
    """The team has looked at the notes without an outcome, up to this one."""
    api.require("visits.manage", space)
    with api.write():
        _set({"state": "seen"}, *gaps.unread_in(space.id), Note.id <= last)


def notes_of(space_id: int) -> Sequence[sa.Row[Note, api.Entry, api.User]]:
    """The notes of a visit in the order of their making, each with its question and its scribe.

    Scribes, who are not on the team, are told of no private case, and of no question that is not public but
    those that they wrote down themselves.
    """
    rows = (
        sa.select(Note, api.Entry, api.User)
        .outerjoin(api.User, api.User.id == Note.author_id)
        .where(Note.space_id == space_id)
        .order_by(Note.noted_at, Note.id)
    )
    if api.can("visits.review", api.get_or_404(api.Space, space_id)):
        return api.db.session.execute(rows.outerjoin(api.Entry, api.Entry.id == Note.entry_id)).all()
    own = sa.and_(api.Entry.recorded_by == api.viewer().id, api.Entry.state != "removed")
    read = sa.and_(api.Entry.id == Note.entry_id, sa.or_(~api.Entry.team_only, own))
    rows = rows.where(sa.or_(Note.entry_id.is_(None), Note.entry_id.not_in(_private())))
    with api.as_system("scribes read each other's notes"):
        return api.db.session.execute(rows.outerjoin(api.Entry, read)).all()


def own_questions(space_id: int) -> Sequence[sa.Row[api.Entry, Question]]:
    """The questions that the viewer wrote down for a visit and still reads, the latest first."""
    rows = sa.select(api.Entry, Question).join(Question, Question.entry_id == api.Entry.id)
    rows = rows.where(api.Entry.space_id == space_id, api.Entry.recorded_by == api.viewer().id)
    rows = rows.where(Question.triage != "private_case", api.Entry.state != "removed")
    return api.db.session.execute(rows.order_by(api.Entry.id.desc()).limit(OWN)).all()


def open_choices(rows: Sequence[sa.Row[Note, api.Entry, api.User]]) -> dict[int, list[Any]]:
    """What the coordinator looks at, by question: outcomes that differ, or that the table did not let in."""
    found: dict[int, list[Any]] = {}
    for row in rows:
        note = row[0]
        if note.outcome and note.entry_id and note.state != "set_aside":
            found.setdefault(note.entry_id, []).append(row)
    return {ident: some for ident, some in found.items() if any(row[0].state == "kept" for row in some)}


def _let_hold(note: Note) -> None:
    """The outcome of this note holds, and what others noted of the same question is set aside."""
    others = Note.entry_id == note.entry_id, Note.id != note.id, Note.outcome != note.outcome
    held = sa.select(Note.outcome).where(*others, Note.state == "applied")
    with api.as_system("scribes' notes are kept for the team"):
        steps.forget_outcome(note.entry_id or 0, api.db.session.scalars(held).all())
    note.state = "applied"
    _set({"state": "set_aside"}, Note.entry_id == note.entry_id, Note.id != note.id, Note.outcome != "")


def _set(values: dict[str, Any], *where: Any) -> None:
    """Change notes, whoever may read them, inside a write that asked for the right."""
    with api.as_system("scribes' notes are kept for the team"):
        changed = sa.update(Note).where(*where).values(values)
        api.db.session.execute(changed, execution_options={"synchronize_session": False})


def _of_visit(space_id: int, question_id: int | None) -> int | None:
    """The question, if it is one of this visit and still there, whoever may read it by now; else None."""
    rows = sa.select(api.Entry.id).where(
        api.Entry.id == question_id,
        api.Entry.space_id == space_id,
        api.Entry.kind == "visits.question",
    )
    with api.as_system("the team reads what scribes noted of a question, whatever became of it"):
        return api.db.session.scalar(rows)


def _read(question_id: int | None) -> bool:
    """Whether the scribe may still read a question, and so say what becomes of it."""
    rows = sa.select(api.Entry.id).where(api.Entry.id == question_id, api.Entry.id.not_in(_private()))
    return api.db.session.scalar(rows) is not None


def _in_words(said: Said) -> str:
    """What was noted, with the outcome that could not count and why."""
    outcome = TABLE["outcome", said.outcome].label
    why = _(
        "Outcome noted: %(outcome)s. It does not count: when this note came, "
        "the question was no longer open to everybody.",
        outcome=outcome,
    )
    return "\n\n".join(filter(None, (said.text[: 4000 - len(why) - 2], why)))


def _private() -> Any:
    """The ids of the questions that are private cases."""
    return sa.select(Question.entry_id).where(Question.triage == "private_case")


def _counts(case: Case, outcome: str) -> bool:
    """Whether an outcome holds: no other stands, and no other scribe noted another one.

    Of one scribe the last word counts; what holds is not set aside before it does.
    """
    person = api.viewer().id
    about = (Note.entry_id == case.entry.id, Note.outcome != "")
    with api.as_system("compare what scribes noted"):
        mine = sa.select(Note.outcome).where(*about, Note.author_id == person, Note.state == "applied")
        targets = {TABLE["outcome", verb].target for verb in (*api.db.session.scalars(mine), outcome)}
        stands = case.question.outcome not in targets | {"none"}
        newest = api.db.session.scalar(
            sa.select(sa.func.max(Note.id)).where(*about, Note.author_id == person)
        )
        earlier = (*about, Note.author_id == person, Note.id < newest, Note.state == "kept")
        _set({"state": "set_aside"}, *earlier)
        others = sa.select(Note.id).where(
            *about, Note.author_id.is_distinct_from(person), Note.state != "set_aside"
        )
        differs = api.db.session.scalars(others.where(Note.outcome != outcome).limit(1)).first()
        return not stands and differs is None


def _conclude(case: Case, verb: str, reason: str) -> None:
    """Let an outcome noted on the way be that of its question, which was talked about."""
    if case.question.outcome != TABLE["outcome", verb].target:
        answers.conclude(case, verb, reason)
    _talked_about(case)


def _talked_about(case: Case) -> None:
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
        team_only=True,
        reader_id=reads.recorder(space),
    )
    question = Question(entry_id=entry.id, place=said.stop[:200])
    api.db.session.add_all([question, Casework(entry_id=entry.id, space_id=space.id, flags=flags)])
    return int(entry.id)


def _photo(space: api.Space, said: Said) -> int:
    """The photo, which the team and who took it see."""
    picture = (said.photo, said.text[:300] or said.stop[:300] or _("Photo taken during the visit"))
    entry = api.publish(
        space,
        "",
        kind="visits.photo",
        team_only=True,
        reader_id=reads.recorder(space),
        pictures=[picture],
        confirmed=True,
    )
    return int(entry.id)
