"""What the desk shows beside a question: its likely theme and departments, and what says the same."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from ..models import Casework, Question
from . import learn, similar
from .models import Similar

NEAREST = 2  # similar questions that are shown of each


class Near(NamedTuple):
    """A question that may say the same, and what it shares."""

    entry: api.Entry
    shared: similar.Shared


class Hints(NamedTuple):
    """What is suggested for a question, the likeliest first."""

    themes: list[learn.Suggestion]
    departments: list[learn.Suggestion]
    similar: list[Near]


def hints(rows: Sequence[tuple[api.Entry, Question, Casework]]) -> dict[int, Hints]:
    """What is suggested for questions, by id: as many statements for one as for many."""
    if not rows:
        return {}
    said = [
        learn.Said(entry.title, entry.body, question.place, question.theme) for entry, question, _c in rows
    ]
    near = _near([(entry, question) for entry, question, _casework in rows])
    names, found = learn.department_names(), {}
    for (entry, question, casework), told in zip(rows, learn.suggest(said), strict=True):
        themes = [] if question.theme else told["theme"]
        departments = _named(casework.department_id, names, told["department"])
        found[entry.id] = Hints(themes, departments, near.get(entry.id, []))
    return found


def _named(
    ident: int | None, names: dict[str, str], suggested: list[learn.Suggestion]
) -> list[learn.Suggestion]:
    """The department that came with the question, if any, before those that its words suggest."""
    name = names.get(str(ident))
    if name is None:
        return suggested
    others = [one for one in suggested if one.value != str(ident)]
    return [learn.Suggestion(str(ident), name, (_("it came with the question"),)), *others][
        : learn.SHOWN["department"]
    ]


def _near(rows: Iterable[tuple[api.Entry, Question]]) -> dict[int, list[Near]]:
    """The nearest questions that still may be grouped with each, with the reasons."""
    asked = {entry.id: (entry, question) for entry, question in rows}
    other: Any = sa.orm.aliased(api.Entry)
    known: Any = sa.orm.aliased(Question)
    pairs = (
        sa.select(Similar.entry_id, other, known)
        .join(other, other.id == Similar.other_id)
        .join(known, known.entry_id == Similar.other_id)
        .where(Similar.entry_id.in_(asked), other.state.in_(("published", "pending")))
        .where(known.triage.not_in(similar.LEAVE_OUT))
        .order_by(Similar.entry_id, Similar.score.desc(), Similar.other_id)
    )
    found: dict[int, list[Near]] = {}
    for entry_id, near, theirs in api.db.session.execute(pairs):
        entry, question = asked[entry_id]
        same = (theirs.group_id or near.id) == (question.group_id or entry_id)
        if not same and len(found.get(entry_id, ())) < NEAREST:
            shared = similar.shared(
                similar.read(entry.title, entry.body, question.place),
                similar.read(near.title, near.body, theirs.place),
            )
            if shared.enough:
                found.setdefault(entry_id, []).append(Near(near, shared))
    for several in found.values():
        several.sort(key=lambda one: one.shared.place_alone)
    return found
