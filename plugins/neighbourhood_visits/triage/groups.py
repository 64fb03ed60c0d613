"""Similar questions that are answered together: who leads a group, who joins it, who leaves it.

The first of a group stands for it in the queues, on the visit and in the report, so it is an accepted one
as soon as any is. All is done inside a write that holds the visit.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from .. import letters
from ..follow import steps
from ..follow.models import Step
from ..models import Answer, Casework, Commitment, Question, pledged

TOGETHER = ("submitted", "contested", "accepted")  # of triage: what is answered, or still may be
HIDDEN = ("hidden", "removed")  # states of an entry that is out of sight, whatever its triage
COLUMNS = (
    Question.entry_id,
    Question.triage,
    Question.answered_at,
    Question.group_id,
    api.Entry.state,
    pledged().label("promised"),
)


def join(space_id: int, question_ids: Iterable[int]) -> None:
    """Have questions answered together, and all that is grouped with one of them; each author hears."""
    with api.as_system("a group holds whoever’s questions"):
        members = _together(question_ids)
        if any(one.state in HIDDEN for one in members):
            raise api.Refused(_("A question that is hidden is not grouped: show it again first."))
        if len(members) < 2:
            raise api.Refused(_("Choose at least two questions to group them."))
        led = {one.group_id for one in members}
        new = [one.entry_id for one in members if one.group_id is None and one.entry_id not in led]
        _lead(members)
        _change(new, moves=Question.moves + 1)
    for ident in new:
        steps.record(ident, "triage", "group")
        letters.tell("grouped", space_id, ident)


def leave(question_id: int) -> None:
    """Take a question out of its group; the others stay together."""
    with api.as_system("a group holds whoever’s questions"):
        members = _together([question_id])
        _change([question_id], group_id=None, moves=Question.moves + 1)
        _lead([one for one in members if one.entry_id != question_id])


def settle(question_id: int, gone: bool = False) -> None:
    """A question of a group was decided on, or is `gone`: what is not to be answered leaves the group."""
    with api.as_system("a group holds whoever’s questions"):
        members = _together([question_id])
        if len(members) < 2:
            return
        stay = [
            one for one in members if one.triage in TOGETHER and not (gone and one.entry_id == question_id)
        ]
        _change([one.entry_id for one in members if one not in stay], group_id=None)
        _lead(stay)


def hand_on(question_id: int) -> bool:
    """Give what the town says of a question that goes to the first accepted one it leads: answer, promises.

    An answer goes to none that has its own, or a draft; answers whether there was one that takes it all.
    """
    with api.as_system("a group holds whoever’s questions"):
        return _hand_on(question_id)


def _hand_on(question_id: int) -> bool:
    own = sa.select(Answer.entry_id).where(Answer.question_id == Question.entry_id)
    answer = api.db.session.scalars(sa.select(Answer).where(Answer.question_id == question_id)).one_or_none()
    rows = sa.select(Question).join(api.Entry, api.Entry.id == Question.entry_id)
    rows = rows.where(Question.group_id == question_id, Question.triage == "accepted")
    rows = rows.where(api.Entry.state == "published", ~own.exists() if answer else sa.true())
    first = api.db.session.get(Question, question_id)
    heir = api.db.session.scalars(rows.order_by(Question.entry_id).limit(1)).one_or_none()
    if first is None or heir is None:
        return False
    if answer is not None:
        _hand_answer_on(answer, first, heir)
    heir.outcome = first.outcome if heir.outcome == "none" else heir.outcome
    steps_of = sa.or_(Step.commitment_id.is_not(None), Step.thing == "outcome")
    for statement in (
        sa.update(Step).where(Step.entry_id == question_id, steps_of).values(entry_id=heir.entry_id),
        sa.update(Commitment).where(Commitment.question_id == question_id).values(question_id=heir.entry_id),
    ):
        api.db.session.execute(statement, execution_options={"synchronize_session": False})
    api.db.session.flush()
    for ident in (question_id, heir.entry_id):
        api.reindex(api.get_or_404(api.Entry, ident))
    return True


def _hand_answer_on(answer: Answer, first: Question, heir: Question) -> None:
    """Move an answer, in whichever state, and who wrote and approved it, below another question."""
    works = [api.get_or_404(Casework, one.entry_id) for one in (first, heir)]
    for column in ("answer", "held", "drafted_by", "corrected_by", "approved_by", "approved_for"):
        setattr(works[1], column, getattr(works[0], column))
    works[0].answer = "none"
    heir.answered_at, first.answered_at = first.answered_at, None
    answer.question_id = heir.entry_id
    entry = api.get_or_404(api.Entry, answer.entry_id)
    entry.parent_id = heir.entry_id
    if entry.state == "published" and not entry.team_only:
        for ident, change in ((first.entry_id, -1), (heir.entry_id, 1)):
            api.get_or_404(api.Entry, ident).reply_count += change


def _together(question_ids: Iterable[int]) -> Sequence[Any]:
    """These questions and all that are grouped with one of them."""
    head = sa.func.coalesce(Question.group_id, Question.entry_id)
    heads = list(api.db.session.scalars(sa.select(head).where(Question.entry_id.in_(list(question_ids)))))
    rows = sa.select(*COLUMNS).join(api.Entry, api.Entry.id == Question.entry_id)
    rows = rows.where(sa.or_(Question.entry_id.in_(heads), Question.group_id.in_(heads)))
    return api.db.session.execute(rows.order_by(Question.entry_id)).all()


def _lead(members: Sequence[Any]) -> None:
    """Let the first of these lead them: accepted, who led before, answered, promised, the oldest."""
    led = {one.group_id for one in members}
    order = [
        (
            one.triage != "accepted",
            one.entry_id not in led,
            one.answered_at is None,
            not one.promised,
            one.entry_id,
        )
        for one in members
    ]
    ids = [rank[-1] for rank in sorted(order)]
    _change(ids[:1], group_id=None)
    _change(ids[1:], group_id=ids[0] if ids else None)


def _change(question_ids: list[int], **values: Any) -> None:
    if question_ids:
        changed = sa.update(Question).where(Question.entry_id.in_(question_ids))
        api.db.session.execute(changed.values(**values))
