"""What the pages show: visits to come and past, and the questions of one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased, undefer

from core import api

from . import labels, quiet, teams
from .models import OVER, Answer, Asker, Casework, Commitment, Question, Visit, about_public

PAGE = 20
NO_MORE = (*OVER, "cancelled")  # states of a visit that is not to come


@dataclass(frozen=True)
class Facts:
    """A question's own row and, as far as the viewer may read it, the answer: its row, entry and author.

    `first` is the row of the question that leads its group, where another does; `voices` is how many people
    support a question of the group, each counted once.
    """

    question: Question
    answer: Answer | None
    text: api.Entry | None
    official: api.User | None
    first: Question | None = None
    voices: int = 0

    @property
    def silent(self) -> bool:
        """Whether an election comes, before which no figure is shown."""
        return bool(quiet.sentence())

    @property
    def answered(self) -> bool:
        """Whether its answer is published, or that of the first of its group, with which it is accepted."""
        first = self.first if self.question.triage == "accepted" else None
        return self.question.answered_at is not None or bool(first and first.answered_at)

    @property
    def theme(self) -> str:
        """The question's theme, as it is shown."""
        return labels.theme_label(self.question.theme)

    @property
    def outcome(self) -> str:
        """What became of the question, where it is known."""
        return labels.outcome_label(self.question)

    @property
    def apart(self) -> int:
        """How many of the replies are no comments: the published answer."""
        return int(self.question.answered_at is not None and self.text is not None)

    @property
    def decided(self) -> bool:
        """Whether the question waits no longer to be read."""
        return self.question.triage not in ("submitted", "contested")

    @property
    def withdrawn(self) -> bool:
        """Whether its author has taken the question back, and so changes it no more."""
        return self.question.triage == "withdrawn"

    @property
    def standing(self) -> str:
        """Where the question stands, in a word or two."""
        own = self.question.answered_at is not None or not self.answered
        return labels.standing(self.question if own or not self.first else self.first)


def group_of(question: Question) -> list[int]:
    """The ids of the questions that are answered together with this one, itself left out."""
    head = question.group_id or question.entry_id
    same = sa.select(Question.entry_id).where(
        sa.or_(Question.group_id == head, Question.entry_id == head), Question.entry_id != question.entry_id
    )
    return list(api.db.session.scalars(same))


def led(question_ids: Iterable[int]) -> dict[int | None, int]:
    """How many questions each of these leads as the first of their group: one statement."""
    rows = sa.select(Question.group_id, sa.func.count()).where(Question.group_id.in_(list(question_ids)))
    return {row[0]: row[1] for row in api.db.session.execute(rows.group_by(Question.group_id))}


def voices(question: Question) -> int:
    """How many people support a question or one grouped with it, each counted once."""
    return voices_of([question])[question.entry_id]


def apart(question: Question) -> str:
    """What a question and those grouped with it have beside their supports."""
    head = question.group_id or question.entry_id
    return labels.apart_label(*apart_by_group(head == _HEAD)[head])


def voices_by_group(*where: Any) -> dict[int, int]:
    """How many people support each of these questions or one of its group, by the first of the group."""
    rows = (
        sa.select(_HEAD, sa.func.count(api.Support.user_id.distinct()))
        .join(api.Entry, api.Entry.id == Question.entry_id)
        .join(api.Support, api.Support.entry_id == Question.entry_id)
        .where(*where)
        .group_by(_HEAD)
    )
    return {row[0]: row[1] for row in api.db.session.execute(rows)}


def voices_of(questions: Iterable[Question]) -> dict[int, int]:
    """How many people support each of these questions or one of its group, each counted once."""
    heads = _heads(questions)
    found = voices_by_group(_of_groups(heads))
    return {ident: found.get(head, 0) for ident, head in heads.items()}


def group_sizes(space_id: int) -> Any:
    """The `size` of each group of a visit by its `head`: who supports it, each once, or has signed it."""
    signed = sa.select(_HEAD.label("head"), sa.func.sum(Question.signatures).label("size"))
    voices = sa.select(_HEAD, sa.func.count(api.Support.user_id.distinct()))
    voices = voices.join(api.Support, api.Support.entry_id == Question.entry_id)
    both = sa.union_all(
        *(
            rows.join(api.Entry, api.Entry.id == Question.entry_id)
            .where(api.Entry.space_id == space_id)
            .group_by(_HEAD)
            for rows in (signed, voices)
        )
    ).subquery()
    return sa.select(both.c.head, sa.func.sum(both.c.size).label("size")).group_by(both.c.head).subquery()


def apart_by_group(*where: Any) -> dict[int, tuple[int, int]]:
    """The signatures on paper and the voices without an address of these questions' groups, likewise."""
    counts = (sa.func.sum(Question.signatures), sa.func.sum(Question.unconfirmed))
    rows = sa.select(_HEAD, *counts).join(api.Entry, api.Entry.id == Question.entry_id)
    found = api.db.session.execute(rows.where(*where).group_by(_HEAD))
    return {head: (int(signed), int(voices)) for head, signed, voices in found}


def behind(questions: Iterable[Question]) -> dict[int, list[str]]:
    """What speaks for each of these questions with its group: supports, and what stands beside them."""
    heads = _heads(questions)
    voices, beside = voices_by_group(_of_groups(heads)), apart_by_group(_of_groups(heads))
    said = {
        head: [labels.voices_label(voices.get(head, 0)), labels.apart_label(*counts)]
        for head, counts in beside.items()
    }
    return {ident: [one for one in said[head] if one] for ident, head in heads.items()}


def _heads(questions: Iterable[Question]) -> dict[int, int]:
    """The first of the group of each of these questions, itself where it leads or stands alone."""
    return {one.entry_id: one.group_id or one.entry_id for one in questions}


def _of_groups(heads: dict[int, int]) -> sa.ColumnElement[bool]:
    """The questions of these groups, found by index."""
    first = sorted(set(heads.values()))
    return sa.or_(Question.entry_id.in_(first), Question.group_id.in_(first))


_HEAD = sa.func.coalesce(Question.group_id, Question.entry_id)


def settled_before(visit: Visit) -> int:
    """How many questions were settled or explained by an answer published before the visit began.

    A question of a group has the answer of its first, and its outcome unless it has its own.
    """
    first = aliased(Question)
    outcome = sa.case((Question.outcome == "none", first.outcome), else_=Question.outcome)
    found = (
        sa.select(sa.func.count(Question.entry_id))
        .join(api.Entry, api.Entry.id == Question.entry_id)
        .outerjoin(first, first.entry_id == Question.group_id)
        .where(
            api.Entry.space_id == visit.space_id,
            Question.triage == "accepted",
            outcome.in_(("settled", "information_given")),
            sa.func.coalesce(Question.answered_at, first.answered_at) < visit.starts_at,
        )
    )
    return api.db.session.scalar(found) or 0


def promised(space_id: int) -> bool:
    """Whether anything was promised about a question of this visit that everybody may read."""
    found = sa.select(Commitment.id).where(Commitment.space_id == space_id, about_public()).limit(1)
    return api.db.session.scalar(found) is not None


def asked(entry: api.Entry) -> bool:
    """Whether the viewer asked this question, under their name or not."""
    person = api.viewer().id
    if person is None:
        return False
    return entry.author_id == person or api.db.session.get(Asker, (person, entry.id)) is not None


def asked_by(user_id: int | None) -> Any:
    """The ids of what somebody wrote, and of what they asked without being shown as its author."""
    shown = sa.select(api.Entry.id).where(api.Entry.author_id == user_id)
    return shown.union_all(sa.select(Asker.entry_id).where(Asker.user_id == user_id))


def concerns(user_id: int) -> sa.ColumnElement[bool]:
    """Whether somebody asked a question, under their name or not, or supports it, as a condition."""
    voices = sa.select(api.Support.entry_id).where(api.Support.user_id == user_id)
    return sa.or_(Question.entry_id.in_(asked_by(user_id)), Question.entry_id.in_(voices))


def accepted_among(question_ids: Sequence[int]) -> set[int]:
    """Which of these questions are accepted."""
    rows = sa.select(Question.entry_id).where(Question.entry_id.in_(question_ids))
    return set(api.db.session.scalars(rows.where(Question.triage == "accepted")))


def own_among(question_ids: Sequence[int]) -> Any:
    """Which of these the viewer asked without being shown as their author."""
    return sa.select(Asker.entry_id).where(Asker.user_id == api.viewer().id, Asker.entry_id.in_(question_ids))


def asker(question_id: int) -> int | None:
    """Who asked a question that is not shown under their name; for its team, which is asked before."""
    with api.as_system("know whose question it is"):
        found: int | None = api.db.session.scalar(
            sa.select(Asker.user_id).where(Asker.entry_id == question_id)
        )
        return found


def recorder(space: api.Space) -> int | None:
    """Who reads what the viewer writes down, beside the team: the viewer, where they are not on it."""
    return None if api.can("visits.review", space) else api.viewer().id


def came(entry: api.Entry) -> dict[str, str]:
    """Who asked what is not shown under their name, and who wrote it down; for the team."""
    people = {"asker": asker(entry.id), "recorder": entry.recorded_by}
    known = teams.names(people.values())
    return {what: known[person] for what, person in people.items() if person in known}


def moves_of(question_ids: Sequence[int]) -> dict[int, int]:
    """How often questions have moved, by id."""
    rows = sa.select(Question.entry_id, Question.moves).where(Question.entry_id.in_(question_ids))
    return {row.entry_id: row.moves for row in api.db.session.execute(rows)}


def entries(ids: Sequence[int]) -> Sequence[api.Entry]:
    """These entries, as far as the viewer may read them."""
    rows = sa.select(api.Entry).where(api.Entry.id.in_(ids)).order_by(api.Entry.id)
    return api.db.session.scalars(rows).all() if ids else ()


def visits(past: bool = False, limit: int = 50) -> Sequence[sa.Row[Visit, api.Space]]:
    """Visits with their spaces: those to come, the next first; or past and cancelled, the latest first."""
    rows = sa.select(Visit, api.Space).join(api.Space, api.Space.id == Visit.space_id)
    over = sa.or_(Visit.ends_at < api.now(), Visit.state.in_(NO_MORE))
    if past:
        rows = rows.where(over).order_by(Visit.starts_at.desc(), api.Space.name, Visit.space_id.desc())
    else:
        rows = rows.where(~over).order_by(Visit.starts_at, api.Space.name, Visit.space_id)
    return api.db.session.execute(rows.limit(limit)).all()


def next_visit() -> tuple[Visit, str] | None:
    """The next visit that takes questions, else the next, and its name: every home page asks."""
    rows = _next(now=api.now())
    if not rows:
        return None
    values = rows[0]._asdict()
    name = values.pop("name")
    return Visit(**values), name


_shown = (Visit.space_id, Visit.state, Visit.starts_at, Visit.ends_at, Visit.meeting_point)
_name = sa.select(api.Space.name).where(api.Space.id == Visit.space_id).scalar_subquery()
_now = sa.bindparam("now", type_=api.UtcDateTime)
_next = api.Prepared(
    sa.select(*_shown, Visit.questions_close_at, _name.label("name"))
    .where(Visit.ends_at >= _now, Visit.state.not_in(NO_MORE))
    .order_by(
        sa.case((sa.and_(Visit.state == "collecting", Visit.questions_close_at > _now), 0), else_=1),
        Visit.starts_at,
        Visit.space_id,
    )
    .limit(1)
)


def load_questions(entry_ids: Sequence[int]) -> Mapping[int, Facts]:
    """Own rows of questions with their answers and who supports them, by entry: two statements."""
    first = aliased(Question)
    rows = (
        sa.select(Question, Answer, api.Entry, api.User, first)
        .outerjoin(Answer, Answer.question_id == Question.entry_id)
        .outerjoin(api.Entry, api.Entry.id == Answer.entry_id)
        .outerjoin(api.User, api.User.id == api.Entry.author_id)
        .outerjoin(first, first.entry_id == Question.group_id)
        .where(Question.entry_id.in_(entry_ids))
        .options(undefer(Question.given_up), undefer(first.given_up))
    )
    found = api.db.session.execute(rows).all()
    voices = voices_of(row[0] for row in found)
    return {row[0].entry_id: Facts(*row, voices[row[0].entry_id]) for row in found}


def load_answers(entry_ids: Sequence[int]) -> Mapping[int, tuple[str, str, str]]:
    """Who wrote a published answer, where an elected official did, who approved it, and in whose place."""
    people = [aliased(api.User) for _column in range(3)]
    by = (Casework.drafted_by, Casework.approved_by, Casework.approved_for)
    rows = sa.select(Answer.entry_id, *(one.name for one in people), people[0].role)
    rows = rows.join(Casework, Casework.entry_id == Answer.question_id)
    for person, column in zip(people, by, strict=True):
        rows = rows.outerjoin(person, person.id == column)
    rows = rows.where(Answer.entry_id.in_(entry_ids), Casework.answer == "published")
    with api.as_system("everybody reads which elected officials stand for an answer"):
        found: Any = api.db.session.execute(rows).all()
    return {
        ident: (writer or "" if role == "official" else "", approver or "", absent or "")
        for ident, writer, approver, absent, role in found
        if approver
    }


def questions_of(space_id: int, after: str | None = None) -> tuple[Sequence[api.Entry], str | None]:
    """A page of a visit's public questions, answered first, then by supports; and the next cursor."""
    answered = sa.case((Question.answered_at.is_not(None), 1), else_=0)
    order = (answered, api.Entry.support_count, api.Entry.id)
    rows = (
        sa.select(api.Entry, answered.label("answered"))
        .join(Question, Question.entry_id == api.Entry.id)
        .where(api.Entry.space_id == space_id, ~api.Entry.team_only, api.Entry.in_feed, ~Question.empty)
        .order_by(*(column.desc() for column in order))
        .limit(PAGE + 1)
    )
    place = _cursor(after)
    if place is not None:
        rows = rows.where(sa.tuple_(*order) < sa.tuple_(*(sa.literal(part) for part in place)))
    found = api.db.session.execute(rows).all()
    if len(found) <= PAGE:
        return [entry for entry, _answered in found], None
    last, was_answered = found[PAGE - 1]
    return [entry for entry, _answered in found[:PAGE]], f"{was_answered}-{last.support_count}-{last.id}"


def _cursor(text: str | None) -> tuple[int, ...] | None:
    parts = (text or "").split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts):
        return None
    return tuple(int(part) for part in parts)


def public_count(space_id: int) -> int:
    """How many questions of a visit are public."""
    found = sa.select(sa.func.count(Question.entry_id)).join(api.Entry, api.Entry.id == Question.entry_id)
    found = found.where(
        api.Entry.space_id == space_id, ~api.Entry.team_only, api.Entry.in_feed, ~Question.empty
    )
    return api.db.session.scalar(found) or 0


def own_questions(space_id: int) -> Sequence[sa.Row[api.Entry, Question]]:
    """What the viewer has asked before this visit, the latest first."""
    rows = (
        sa.select(api.Entry, Question)
        .join(Question, Question.entry_id == api.Entry.id)
        .where(
            api.Entry.space_id == space_id,
            api.Entry.id.in_(asked_by(api.viewer().id)),
            api.Entry.state != "removed",
        )
        .order_by(api.Entry.id.desc())
    )
    return api.db.session.execute(rows.limit(PAGE)).all()


def communes_of(people: Sequence[api.User]) -> dict[int, str]:
    """The commune of each of these, where they are of two or more; nothing where one goes without saying."""
    own, commune = aliased(api.Area), aliased(api.Area)
    rows = (
        sa.select(api.User.id, commune.name)
        .join(own, own.id == api.User.area_id)
        .join(commune, own.path.startswith(commune.path))
        .where(commune.level == "commune", api.User.id.in_([person.id for person in people]))
    )
    found = {row.id: row.name for row in api.db.session.execute(rows)}
    return found if len(set(found.values())) > 1 else {}


def without_team(space_id: int | None = None) -> Sequence[Any]:
    """The visits on whose team nobody is, or that one of them: what they are called, and no more."""
    team = sa.select(api.Membership.user_id).join(api.User, api.User.id == api.Membership.user_id)
    team = team.where(api.Membership.space_id == api.Space.id, api.Membership.team)
    team = team.where(api.User.closed_at.is_(None))
    team = team.where(sa.or_(api.Membership.expires_at.is_(None), api.Membership.expires_at > api.now()))
    rows = sa.select(api.Space.id, api.Space.name).join(Visit, Visit.space_id == api.Space.id)
    rows = rows.where(~team.exists(), sa.true() if space_id is None else api.Space.id == space_id)
    with api.as_system("else nobody could take charge of them"):
        return api.db.session.execute(rows.order_by(api.Space.name, api.Space.id).limit(PAGE)).all()
