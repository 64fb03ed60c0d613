"""What the town's own decisions teach: counts of words by theme and by department, and what they suggest."""

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from core import api

from .. import labels, teams
from ..models import Casework, Department, Question
from .models import Learned, Term
from .words import ideas, loose_ideas, pairs, says_what, says_why, stands_for, twofold, words

EVERY = dt.timedelta(hours=1)
LATEST = 20_000  # questions that are learned from
SMOOTHING = 0.5
SHOWN = {"theme": 2, "department": 3}
BECAUSE = 3  # words of a reason

Row = tuple[str, str, str]


class Said(NamedTuple):
    """What is known of a question before somebody decides on it."""

    title: str
    body: str = ""
    place: str = ""
    theme: str = ""


class Suggestion(NamedTuple):
    """A theme, or the id of a department, with the words that speak for it."""

    value: str
    label: str
    because: tuple[str, ...]


class Ranked(NamedTuple):
    """A label, what each word adds to it, and all in all."""

    label: str
    speaks: dict[str, float]
    score: float


def features(sort: str, said: Said) -> dict[str, str]:
    """What a decision on a question may rest on, each with the word that shows it."""
    title = words(said.title)
    found = {word.stem: word.said for word in (*title, *words(said.body)[:80])}
    found |= {key: written for key, written in pairs(title) if len(key) < 80}
    if sort == "department":
        found |= {f"@{word.stem}"[:90]: word.said for word in words(said.place) if not word.said.isdigit()}
        if said.theme:
            found[f"={said.theme}"] = labels.theme_label(said.theme)
    return found


def count(sort: str, taught: Iterable[tuple[Said, str]]) -> Counter[Row]:
    """The counts that questions with their labels teach."""
    found: Counter[Row] = Counter()
    for said, label in taught:
        known = features(sort, said)
        found.update((sort, word, label) for word in known)
        found[sort, "", label] += 1
        found[sort, "*", label] += len(known)
    different = len({word for _sort, word, _label in found} - {"", "*"})
    return found + Counter({(sort, "*", ""): different})


def rank(sort: str, said: Said, counts: "Counter[Row] | dict[Row, int]") -> list[Ranked]:
    """The labels, the likeliest first, each with what each word adds: one label against all others."""
    labels = [label for kind, word, label in counts if (kind, word) == (sort, "") and label]
    known = features(sort, said)
    different = counts.get((sort, "*", ""), 0) * SMOOTHING
    asked, all_words = (sum(counts[sort, word, label] for label in labels) for word in ("", "*"))
    of_word = {word: [counts.get((sort, word, label), 0) for label in labels] for word in known}
    told = []
    for at, label in enumerate(labels):
        own, rest = counts[sort, "*", label], all_words - counts[sort, "*", label]
        speaks = {
            known[word]: math.log((found[at] + SMOOTHING) / (own + different))
            - math.log((sum(found) - found[at] + SMOOTHING) / (rest + different))
            for word, found in of_word.items()
            if any(found)
        }
        before = math.log(counts[sort, "", label] / asked)
        told.append(Ranked(label, speaks, before + sum(speaks.values())))
    return _in_order(told)


def departments(said: Said, counts: "Counter[Row] | dict[Row, int]") -> list[Ranked]:
    """The departments, the likeliest first; where no theme is chosen, as the likeliest themes have it.

    Each theme counts by how likely it is, and what speaks for it speaks for its departments.
    """
    guesses = [] if said.theme else rank("theme", said, counts)[: SHOWN["theme"]]
    if not guesses:
        return rank("department", said, counts)
    found: dict[str, Ranked] = {}
    for guess, likelihood in zip(guesses, _shares(guesses), strict=True):
        ranked = rank("department", said._replace(theme=guess.label), counts)
        for one, share in zip(ranked, _shares(ranked), strict=True):
            by_theme = one.speaks.pop(labels.theme_label(guess.label), 0)
            _label, speaks, score = found.get(one.label, (one.label, one.speaks, 0.0))
            if by_theme > 0:
                speaks = {
                    word: speaks.get(word, 0) + guess.speaks.get(word, 0) for word in (*speaks, *guess.speaks)
                }
            found[one.label] = Ranked(one.label, speaks, score + likelihood * share)
    return _in_order(found.values())


def _shares(ranked: Sequence[Ranked]) -> list[float]:
    """How likely each of these is, of one in all."""
    odds = [math.exp(one.score - ranked[0].score) for one in ranked]
    return [one / sum(odds) for one in odds]


def _in_order(ranked: Iterable[Ranked]) -> list[Ranked]:
    return sorted(ranked, key=lambda one: (-one.score, one.label))


def suggest(questions: Sequence[Said]) -> list[dict[str, list[Suggestion]]]:
    """For each question the likeliest themes and departments, as far as its words are known."""
    wanted = {sort: {word for said in questions for word in features(sort, said)} for sort in SHOWN}
    theme = sa.orm.aliased(Learned)
    of_themes = sa.select(sa.literal("=") + theme.label).where(theme.sort == "theme", theme.word == "")
    with api.as_system("suggest by what the town has decided, of which words alone are kept"):
        told = [
            sa.and_(Learned.sort == sort, Learned.word.in_({*found, "", "*"}))
            for sort, found in wanted.items()
        ]
        told.append(sa.and_(Learned.sort == "department", Learned.word.in_(of_themes)))
        rows = api.db.session.execute(
            sa.select(Learned.sort, Learned.word, Learned.label, Learned.count).where(sa.or_(*told))
        )
        counts: dict[Row, int] = {(sort, word, label): number for sort, word, label, number in rows}
    names = {"department": department_names(), "theme": dict(labels.themes())}
    return [{sort: _shown(sort, said, counts, names[sort]) for sort in SHOWN} for said in questions]


def department_names() -> dict[str, str]:
    """The names of the departments, by what counts call them."""
    return {str(one.id): one.name for one in teams.departments()}


def _shown(sort: str, said: Said, counts: dict[Row, int], names: dict[str, str]) -> list[Suggestion]:
    found: list[Suggestion] = []
    weak: list[Suggestion] = []
    known = features(sort, said)
    ranked = departments(said, counts) if sort == "department" else rank(sort, said, counts)
    for label, speaks, _score in ranked:
        because = _because(speaks, labels.theme_label(said.theme))
        clear = [told for told in because if not twofold(told)]
        taught = sum(counts.get((sort, word, label), 0) for word, told in known.items() if told in clear)
        enough = max(taught, len(because)) > 1 or any(map(says_what, because))
        if label in names and enough:  # one word of one question, that names no subject, says nothing
            (found if taught > 1 else weak).append(Suggestion(label, names[label], because))
    several: dict[str, Suggestion] = {}
    for one in (*found, *_named(said, names), *weak):
        several.setdefault(one.value, one)
    return [*several.values()][: SHOWN[sort]]


def _named(said: Said, names: dict[str, str]) -> list[Suggestion]:
    """What is called by an idea that a question has words for, though no decision has taught it yet."""
    asked, found = ideas([*words(said.title), *words(said.body)[:80]]), []
    for value, label in names.items():
        because = {
            word: None
            for idea, written in ideas(words(label)).items()
            for word in asked.get(idea, ())
            if idea not in loose_ideas()
            and says_why(word)
            and stands_for(word, idea)
            and any(stands_for(one, idea) for one in written)
        }
        if because:
            found.append(Suggestion(value, label, tuple(because)[:BECAUSE]))
    return sorted(found, key=lambda one: -len(one.because))


def _because(speaks: dict[str, float], theme: str) -> tuple[str, ...]:
    """The theme and the words that speak most for a label; none twice, alone and in a pair."""
    told: list[str] = []
    for said in sorted(speaks, key=lambda said: -speaks[said]):
        known = {word.lower() for other in told for word in other.split()}
        if speaks[said] > 0 and (said == theme or says_why(said)) and known.isdisjoint(said.lower().split()):
            told.append(said)
    return tuple(told[:BECAUSE])


def run() -> None:
    """Job: count anew what the latest accepted questions teach, and write down what has changed."""
    with api.as_system("learn from what the town has decided"):
        fresh = _taught() + _terms()
        rows = api.db.session.execute(sa.select(Learned.sort, Learned.word, Learned.label, Learned.count))
        kept = {(sort, word, label): number for sort, word, label, number in rows}
        with api.write() as session:
            for key in kept.keys() - fresh.keys():
                session.execute(_where(sa.delete(Learned), key), execution_options=_PLAINLY)
            for key in fresh.keys() & kept.keys():
                if kept[key] != fresh[key]:
                    changed = _where(sa.update(Learned), key).values(count=fresh[key])
                    session.execute(changed, execution_options=_PLAINLY)
            new = [(*key, fresh[key]) for key in fresh.keys() - kept.keys()]
            if new:
                names = ("sort", "word", "label", "count")
                session.execute(sa.insert(Learned), [dict(zip(names, row, strict=True)) for row in new])


_PLAINLY = {"synchronize_session": False}


def _where(statement: Any, key: Row) -> Any:
    sort, word, label = key
    return statement.where(Learned.sort == sort, Learned.word == word, Learned.label == label)


def _taught() -> Counter[Row]:
    """What accepted questions teach; those of the labels that are no more teach nothing."""
    rows = api.db.session.execute(
        sa.select(api.Entry.title, api.Entry.body, Question.place, Question.theme, Department.id)
        .join(Question, Question.entry_id == api.Entry.id)
        .join(Casework, Casework.entry_id == api.Entry.id)
        .outerjoin(Department, Department.id == Casework.department_id)
        .where(Question.triage == "accepted", api.Entry.state == "published")
        .order_by(api.Entry.id.desc())
        .limit(LATEST)
    ).all()
    taught = [(Said(*row[:4]), row[4]) for row in rows]
    themes = count("theme", ((said, said.theme) for said, _department in taught if said.theme))
    return themes + count("department", ((said, str(ident)) for said, ident in taught if ident))


def _terms() -> Counter[Row]:
    """In how many questions each term is, and how many questions each visit has."""
    often = sa.func.count()
    terms = api.db.session.execute(sa.select(Term.term, often).group_by(Term.term))
    found = Counter({("term", term, ""): number for term, number in terms})
    asked = sa.select(api.Entry.space_id, often).where(api.Entry.kind == "visits.question")
    spaces = Counter(
        {
            str(space_id): number
            for space_id, number in api.db.session.execute(asked.group_by(api.Entry.space_id))
        }
    )
    found["term", "", ""] = spaces.total()
    return found + Counter({("space", "", label): number for label, number in spaces.items()})
