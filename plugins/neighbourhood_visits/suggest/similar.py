"""Questions that say the same in other words: by ideas, stems, and names of places."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from ..models import Question
from ..triage import queues
from .models import Learned, Similar, Term
from .words import Word, ideas, loose_ideas, says_what, says_why, stands_for, words

MOST_TERMS = 80  # of a text, the telling ones first
POSTINGS = 4_000  # rows that one search looks at, about
NEAR = 0.3  # of what a question has in common with itself: so near another must be to be shown
LEAVE_OUT = ("private_case", "withdrawn", "rejected")
BATCH, PAIRED = 200, 3

WEIGHTS = {"i": 3.0, "l": 1.5, "n": 2.0, "a": 1.0, "w": 1.0, "b": 0.3}


class Text(NamedTuple):
    """What is compared: the words of a question and of its place, and the ideas that they say."""

    words: list[Word]
    place: list[Word]
    ideas: dict[str, list[str]]


class Shared(NamedTuple):
    """What two texts have in common, as people read it."""

    places: list[str]
    ideas: list[str]
    words: list[str]

    @property
    def reasons(self) -> list[str]:
        """Why they may say the same, the most telling first."""
        told = [_("same place: %(names)s", names=" ".join(self.places[:3]))] if self.places else []
        told += self.ideas
        if self.words:
            told.append(_("same words: %(words)s", words=", ".join(self.words[:3])))
        return told[:3]

    @property
    def enough(self) -> bool:
        """Whether people see why: a place, an idea, two words, or one that says what it is about."""
        return bool(self.places or self.ideas or len(self.words) > 1) or any(map(says_what, self.words))

    @property
    def place_alone(self) -> bool:
        """Whether they are about one place, each about something else there."""
        return bool(self.places) and not self.ideas and not self.words


def read(title: str, body: str = "", place: str = "") -> Text:
    """A question as it is compared."""
    found = [*words(title), *words(body)]
    around = [word for word in words(place) if not word.said.isdigit()]
    return Text(found, around, ideas(found))


def terms(text: Text, asking: bool = False) -> dict[str, float]:
    """The terms of a text, with what each says; `asking`, any word may be the name of a place."""
    kinds: dict[str, str] = {}
    for idea in text.ideas:
        kinds[f"i {idea}"] = "l" if idea in loose_ideas() else "i"
    for word in text.words:
        if word.name or asking:
            kinds[f"n {word.stem}"] = "n"
        kinds[f"w {word.stem}"] = "w"
        if len(word.stem) >= 5:
            kinds[f"b {word.stem[:5]}"] = "b"
    for word in text.place:
        kinds.setdefault(f"n {word.stem}", "a")
    return {term[:90]: WEIGHTS[kind] for term, kind in list(kinds.items())[: 5 * MOST_TERMS]}


def similar(
    text: str, space_ids: Iterable[int], limit: int = 5, place: str = "", near: bool = False
) -> list[tuple[int, Shared]]:
    """The questions of these visits that say nearly the same and the viewer reads, with what they share.

    With `near` none that has less than `NEAR` in common with the text.
    """
    asked = read(text, place=place)
    spaces = list(space_ids)
    scores = _scores(terms(asked, asking=True), spaces, 12 * limit)
    if near and scores:
        least = NEAR * _itself(asked, spaces)
        scores = [(entry_id, score) for entry_id, score in scores if score >= least]
    if not scores:
        return []
    rows = (
        sa.select(api.Entry.id, api.Entry.title, api.Entry.body, Question.place)
        .join(Question, Question.entry_id == api.Entry.id)
        .where(api.Entry.id.in_([entry_id for entry_id, _score in scores]))
        .where(api.Entry.state.in_(("published", "pending")), Question.triage.not_in(LEAVE_OUT))
    )
    found = {row.id: row for row in api.db.session.execute(rows)}
    best = [found[entry_id] for entry_id, _score in scores if entry_id in found][:limit]
    return [(row.id, shared(asked, read(row.title, row.body, row.place))) for row in best]


def _scores(asked: dict[str, float], spaces: list[int], size: int) -> list[tuple[int, float]]:
    """The nearest questions of these visits, with scores; who may read them is asked when they are read.

    What is not public counts only where the viewer is on the team, so that it crowds out nothing else.
    """
    weighed = _weighed(asked, spaces)
    if not weighed or not spaces:
        return []
    said = sa.func.sum(Term.weight * sa.case(weighed, value=Term.term))
    rows = sa.select(Term.entry_id, said.label("score")).group_by(Term.entry_id)
    near = rows.where(Term.term.in_(weighed), Term.space_id.in_(spaces)).subquery()
    best = sa.select(near.c.entry_id, near.c.score).order_by(near.c.score.desc(), near.c.entry_id)
    if api.viewer().role != "system":
        shown = sa.or_(~api.Entry.team_only, api.Entry.space_id.in_(queues.reviewed(spaces)))
        best = best.join(api.Entry, api.Entry.id == near.c.entry_id).where(shown)
    with api.as_system("weigh the words of questions"):
        return [(row.entry_id, row.score) for row in api.db.session.execute(best.limit(size))]


def _itself(asked: Text, spaces: list[int]) -> float:
    """The score of a text beside a question in the same words."""
    said, weighed = terms(asked), _weighed(terms(asked, asking=True), spaces)
    common = sum(weight * weighed.get(term, 0.0) for term, weight in said.items())
    return common / sum(said.values()) ** 0.3 if said else 0.0


def _weighed(asked: Iterable[str], spaces: list[int]) -> dict[str, float]:
    """The rarest of these terms, each with what it says, until they are in `POSTINGS` rows or so."""
    often, share = _counts(asked, spaces)
    looked_at, weighed = 0.0, dict[str, float]()
    for term in sorted(asked, key=lambda term: (often[term], term))[:MOST_TERMS]:
        looked_at += often[term] * share
        if weighed and looked_at > POSTINGS:
            break
        weighed[term] = math.log(1 + often[""] / max(often[term], 1)) ** 1.5
    return weighed


def _counts(asked: Iterable[str], spaces: list[int]) -> tuple[Counter[str], float]:
    """In how many questions each term is, all as the term `""`; and the share of these visits in them."""
    here = [str(space_id) for space_id in spaces]
    rows = sa.select(Learned.sort, Learned.word, Learned.count)
    of_terms = rows.where(Learned.sort == "term", Learned.word.in_([*asked, ""]))
    of_visits = rows.where(Learned.sort == "space", Learned.word == "", Learned.label.in_(here))
    with api.as_system("count how often words are used"):
        found = api.db.session.execute(sa.union_all(of_terms, of_visits)).all()
    often = Counter({word: number for sort, word, number in found if sort == "term"})
    known = sum(number for sort, _word, number in found if sort == "space")
    often[""] = max(often[""], 1)
    return often, min(1.0, known / often[""]) if known else 1.0


def shared(asked: Text, found: Text) -> Shared:
    """What two texts have in common; what is nobody's reason, as a number or `rue`, is left out."""
    theirs = {word.stem for word in (*found.place, *found.words)}
    common = [word for word in (*asked.place, *asked.words) if word.stem in theirs]
    said = {word.stem: word.said for word in common if says_why(word.said)}
    own, other = ({word.stem for word in text.words} for text in (asked, found))
    names = {word.stem for text in (asked, found) for word in text.words if word.name}
    words = [stem for stem in said if stem in own & other and stem not in names]
    known = {word.said.lower() for word in common}
    ideas: list[str] = []
    loose: list[str] = []
    for idea, written in asked.ideas.items():
        mine, theirs_of_it = (
            [word for word in several if word.lower() not in known and stands_for(word, idea)]
            for several in (written, found.ideas.get(idea, ()))
        )
        if mine and theirs_of_it and says_why(mine[0]) and says_why(theirs_of_it[0]):
            pair = _("“%(mine)s” ↔ “%(theirs)s”", mine=mine[0], theirs=theirs_of_it[0])
            (loose if idea in loose_ideas() else ideas).append(pair)
    ideas += loose if words else []  # what says less is no reason by itself
    places = [said[stem] for stem in said if stem not in words]
    return Shared(places, ideas, [said[stem].lower() for stem in words])


def compare_again(question_id: int) -> None:
    """The words of a question changed: have it compared anew; inside a write."""
    with api.as_system("compare a question again"):
        _plainly(sa.update(Question).where(Question.entry_id == question_id).values(compared=False))


def waiting() -> bool:
    """Whether any question waits to be compared."""
    with api.as_system("look for questions to compare"):
        found = sa.select(Question.entry_id).where(~Question.compared).limit(1)
        return api.db.session.scalar(found) is not None


def run() -> None:
    """Job: take down the terms of new and changed questions, and what is near them in their visit."""
    fresh = sa.select(Question.entry_id).where(~Question.compared).order_by(Question.entry_id).limit(BATCH)
    with api.as_system("compare questions"):
        while ids := api.db.session.scalars(fresh).all():
            with api.write():
                index(ids)
            with api.write():
                _pair(ids)


def index(ids: Sequence[int]) -> None:
    """Write the terms of these questions; what nobody answers any more has none."""
    _plainly(sa.delete(Term).where(Term.entry_id.in_(ids)))
    rows = sa.select(api.Entry, Question).join(Question, Question.entry_id == api.Entry.id)
    rows = rows.where(api.Entry.id.in_(ids), api.Entry.state.in_(("published", "pending")))
    fresh: list[dict[str, Any]] = []
    for entry, question in api.db.session.execute(rows).all():
        said = terms(read(entry.title, entry.body, question.place))
        length = sum(said.values()) ** 0.3
        known = {"entry_id": entry.id, "space_id": entry.space_id}
        fresh += [{**known, "term": term, "weight": weight / length} for term, weight in said.items()]
    if fresh:
        api.db.session.execute(sa.insert(Term), fresh)
    _plainly(sa.update(Question).where(Question.entry_id.in_(ids)).values(compared=True))


def _pair(ids: Sequence[int]) -> None:
    """Note which questions of their visit are near these, both ways."""
    _plainly(sa.delete(Similar).where(sa.or_(Similar.entry_id.in_(ids), Similar.other_id.in_(ids))))
    rows = sa.select(api.Entry, Question).join(Question, Question.entry_id == api.Entry.id)
    near: dict[tuple[int, int], float] = {}
    for entry, question in api.db.session.execute(rows.where(api.Entry.id.in_(ids))).all():
        asked = terms(read(entry.title, entry.body, question.place), asking=True)
        scores = dict(_scores(asked, [entry.space_id], PAIRED + 1))
        itself = scores.pop(entry.id, 0.0)
        for other_id, score in list(scores.items())[:PAIRED]:
            if score >= NEAR * itself:
                near[entry.id, other_id] = near[other_id, entry.id] = score / (itself or 1)
    if near:
        pairs = [{"entry_id": one, "other_id": other, "score": score} for (one, other), score in near.items()]
        api.db.session.execute(sa.insert(Similar), pairs)


def _plainly(statement: Any) -> None:
    api.db.session.execute(statement, execution_options={"synchronize_session": False})
