"""Similar questions that are answered together: who leads a group, who joins it, who leaves it.

The first of a group stands for it in the queues, on the visit and in the report, so it is an accepted one
as soon as any is. All is done inside a write that holds the visit.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from .. import handed_on, letters
from ..follow import steps
from ..models import Answer, Casework, Question, pledged

TOGETHER = ("submitted", "contested", "accepted")  # of triage: what is answered, or still may be
HIDDEN = ("hidden", "removed")  # states of an entry that is out of sight, whatever its triage
COLUMNS = (
    Question.entry_id,
    Question.triage,
    Question.answered_at,
    Question.group_id,
    api.Entry.state,
    pledged().label("promised"),
    Question.empty,
)


def join(space_id: int, question_ids: Iterable[int]) -> None:
    """Have questions answered together, and all that is grouped with one of them; each author hears."""
    with api.as_system("a group holds whoever’s questions"):
        chosen = set(question_ids)
        members = _together(chosen)
        if any(one.state in HIDDEN and one.entry_id in chosen for one in members):
            raise api.Refused(_("A question that is hidden is not grouped: show it again first."))
        if any(one.empty and one.entry_id in chosen for one in members):
            raise api.Refused(_("A question that was deleted is not grouped."))
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


def hand_on(question_id: int, gone: bool = True) -> Question | None:
    """Give what the town says of a question that goes to the first accepted one it leads: answer, promises.

    An answer goes to none that has its own, or a draft; answers which question leads from now on, if any.
    Of one that leads none, promises go to the one that it is answered with; all else once it is `gone`.
    """
    with api.as_system("a group holds whoever’s questions"):
        first = api.db.session.get(Question, question_id)
        heir, leader = _heir(question_id), _leader(question_id)
        if first is None:  # a reply under an alias is asked for with what somebody asked
            return None
        spoken = first.answered_at is not None or handed_on.promised(question_id)
        if heir is not None:
            handed_on.give(first, heir)
        elif leader is not None and gone and spoken:
            handed_on.give(first, leader)
        elif leader is not None:
            handed_on.give_promises(first, leader)
        return heir


def hide(question_id: int) -> None:
    """A question is hidden: another leads it with the others, as it may come back.

    Where none can, what is hidden stays together, and the others do.
    """
    with api.as_system("a group holds whoever’s questions"):
        heir, members = hand_on(question_id, gone=False), _together([question_id])
        if heir is None:
            for out in (True, False):
                _lead([one for one in members if (one.state in HIDDEN) is out])
            return
        _change([one.entry_id for one in members if one.entry_id != heir.entry_id], group_id=heir.entry_id)
        _change([heir.entry_id], group_id=None)


def remove(question_id: int) -> api.Entry | None:
    """A question goes for good: what the town promised about it stands, below an empty place if need be.

    Of its group one that is hidden takes it, as it may come back, where no other can. Answers the new place.
    """
    with api.as_system("a group holds whoever’s questions"):
        first, place = api.get_or_404(Question, question_id), None
        if not hand_on(question_id):
            hidden = _heir(question_id, "hidden")
            if hidden is not None:
                handed_on.give(first, hidden)
            elif handed_on.promised(question_id):
                place = _empty_place(first)
                handed_on.give(first, place)
                _change([place.entry_id], group_id=first.group_id or question_id)
        settle(question_id, gone=True)
        return api.get_or_404(api.Entry, place.entry_id) if place else None


def _heir(question_id: int, state: str = "published") -> Question | None:
    """The accepted question that leads next, one without an answer of its own before the others."""
    own = sa.select(Answer.entry_id).where(Answer.question_id == Question.entry_id).exists()
    rows = sa.select(Question).join(api.Entry, api.Entry.id == Question.entry_id)
    rows = rows.where(Question.group_id == question_id, Question.triage == "accepted")
    rows = rows.where(api.Entry.state == state).order_by(own, Question.entry_id)
    heir: Question | None = api.db.session.scalars(rows.limit(1)).one_or_none()
    return heir


def _leader(question_id: int) -> Question | None:
    """The question that this one is answered with, where everybody reads that."""
    head = sa.select(Question.group_id).where(Question.entry_id == question_id)
    rows = sa.select(Question).join(api.Entry, api.Entry.id == Question.entry_id)
    rows = rows.where(Question.entry_id.in_(head), Question.triage == "accepted")
    leader: Question | None = api.db.session.scalars(rows.where(api.Entry.state == "published")).one_or_none()
    return leader


def _empty_place(first: Question) -> Question:
    """A place without words for what was promised about a question: on no list, but counted as that was."""
    gone = api.get_or_404(api.Entry, first.entry_id)
    title, body = _("A question that was taken out"), _("What was promised about it stands.")
    kept = ("space_id", "kind", "channel", "created_at", "published_at", "active_at")
    place = api.Entry(
        title=title, body=body, html=api.markdown(body), **{one: getattr(gone, one) for one in kept}
    )
    api.db.session.add(place)
    api.db.session.flush()
    question = Question(entry_id=place.id, triage="accepted", theme=first.theme, empty=True)
    api.db.session.add_all((question, Casework(entry_id=place.id, space_id=place.space_id)))
    api.db.session.flush()
    return question


def _together(question_ids: Iterable[int]) -> Sequence[Any]:
    """These questions and all that are grouped with one of them."""
    head = sa.func.coalesce(Question.group_id, Question.entry_id)
    heads = list(api.db.session.scalars(sa.select(head).where(Question.entry_id.in_(list(question_ids)))))
    rows = sa.select(*COLUMNS).join(api.Entry, api.Entry.id == Question.entry_id)
    rows = rows.where(sa.or_(Question.entry_id.in_(heads), Question.group_id.in_(heads)))
    return api.db.session.execute(rows.order_by(Question.entry_id)).all()


def _lead(members: Sequence[Any]) -> None:
    """Let the first of these lead: accepted, shown, asked, who led before, answered, promised, the oldest.

    What the town says of the one that led, where that is hidden or an empty place by now, goes to the one
    that leads instead; the place follows none.
    """
    led = {one.group_id for one in members}
    order = [
        (
            one.triage != "accepted",
            one.state in HIDDEN,
            one.empty,
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
    for one in members:
        if one.entry_id in led and one.entry_id != ids[0] and (one.empty or one.state in HIDDEN):
            handed_on.give(*(api.get_or_404(Question, ident) for ident in (one.entry_id, ids[0])))
            if one.empty:
                _change([one.entry_id], group_id=None)


def _change(question_ids: list[int], **values: Any) -> None:
    if question_ids:
        changed = sa.update(Question).where(Question.entry_id.in_(question_ids))
        api.db.session.execute(changed.values(**values))
