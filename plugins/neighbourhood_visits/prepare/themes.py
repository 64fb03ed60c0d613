"""The questions of a visit by theme, summed up by counts, leading words and sentences that people wrote."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core import api

from .. import labels
from ..models import Question
from ..pages import blueprint, visit_and_space
from ..reads import voices_of
from ..show import draw

READ = 100  # questions of a theme that are read, those with most support first
WORDS, SENTENCES, SUPPORTED = 6, 3, 3
SAME = 0.7  # of the words of a sentence are in another that says the same
SHORT, LONG = 30, 240  # characters of a sentence that says something
LISTS = ("empty_words.txt", "letter_words.txt")  # words of any text, and of letters to a town
EMPTY = frozenset(word for name in LISTS for word in Path(__file__).with_name(name).read_text().split())


@dataclass(frozen=True)
class Sentence:
    """A sentence that somebody wrote, and the questions that say what it says."""

    text: str
    rests_on: list[tuple[int, str]]


@dataclass(frozen=True)
class Summary:
    """What a theme is about."""

    theme: str
    label: str
    count: int
    supports: int
    unanswered: int
    words: list[str]
    sentences: list[Sentence]
    supported: list[Any]


def counts(space_id: int) -> Sequence[Any]:
    """How many accepted questions each theme of a visit has, and who supports any of them: one statement."""
    number = sa.func.count(Question.entry_id.distinct())
    rows = (
        sa.select(
            Question.theme,
            number,
            sa.func.count(api.Support.user_id.distinct()),
            sa.func.count(sa.case((Question.answered_at.is_(None), Question.entry_id)).distinct()),
        )
        .join(api.Entry, api.Entry.id == Question.entry_id)
        .outerjoin(api.Support, api.Support.entry_id == Question.entry_id)
        .where(api.Entry.space_id == space_id, Question.triage == "accepted", api.Entry.state == "published")
        .group_by(Question.theme)
        .order_by(number.desc(), Question.theme)
    )
    return api.db.session.execute(rows).all()


def summary(space_id: int, theme: str, count: int, supports: int, unanswered: int) -> Summary:
    """What the questions of one theme are about, of those with most support: two statements."""
    rows = (
        sa.select(api.Entry.id, api.Entry.title, api.Entry.body, api.Entry.support_count, Question)
        .join(Question, Question.entry_id == api.Entry.id)
        .where(api.Entry.space_id == space_id, Question.triage == "accepted", api.Entry.state == "published")
        .where(Question.theme == theme)
        .order_by(api.Entry.support_count.desc(), api.Entry.id)
        .limit(READ)
    )
    found = api.db.session.execute(rows).all()
    label = labels.theme_label(theme) or str(api.gettext("Without a theme"))
    leading = leading_words([f"{row.title} {row.body}" for row in found])
    sentences = [one for one in telling(found, leading) if not _mere_title(one)]
    linked = {ident for one in sentences for ident, _title in one.rests_on}
    most = [row for row in found[:SUPPORTED] if row.id not in linked]
    voices = voices_of(row.Question for row in most)
    supported = [{"id": row.id, "title": row.title, "supports": voices[row.id]} for row in most]
    return Summary(theme, label, count, supports, unanswered, leading, sentences, supported)


def _mere_title(sentence: Sentence) -> bool:
    """Whether a sentence is the title of the one question that it rests on, which is read there anyway."""
    titles = [" ".join(title.split()) for _ident, title in sentence.rests_on]
    return titles == [sentence.text]


def leading_words(texts: Sequence[str]) -> list[str]:
    """The words that most of these texts have in common, as they are mostly written."""
    spread: Counter[str] = Counter()
    written: dict[str, Counter[str]] = {}
    for text in texts:
        own = {_stem(word): word for word in words_of(text)}
        spread.update(own.keys())
        for stem, word in own.items():
            written.setdefault(stem, Counter())[word] += 1
    best = sorted((stem for stem in spread if spread[stem] > 1), key=lambda one: (-spread[one], one))
    return [written[stem].most_common(1)[0][0] for stem in best[:WORDS]]


def telling(rows: Sequence[Any], leading: Sequence[str]) -> list[Sentence]:
    """Sentences that say most of what the others say, none like another, each with what it rests on."""
    said = [[_stems(text) for text in _parts(f"{row.title}\n{row.body}")] for row in rows]
    spread = Counter(stem for parts in said for stem in set().union(*parts))
    wanted = {_stem(word) for word in leading}
    offered = []
    for at, row in enumerate(rows):
        for text in _sentences(f"{row.title}\n{row.body}"):
            own = _stems(text)
            if own:
                weight = sum(spread[stem] for stem in own) / math.sqrt(len(own))
                offered.append((weight * (1 + len(own & wanted)) * (1 + row.support_count), -at, text, own))
    offered.sort(key=lambda one: (-one[0], -one[1], one[2]))
    chosen: list[tuple[str, set[str]]] = []
    for _weight, _at, text, own in offered:
        if all(len(own & other) < 0.4 * min(len(own), len(other)) for _text, other in chosen):
            chosen.append((text, own))
        if len(chosen) == SENTENCES:
            break
    return [Sentence(text, _rests_on(text, own, rows, said)) for text, own in chosen]


def words_of(text: str) -> list[str]:
    """The words of a text that say something."""
    found = (word for word in re.findall(r"[^\W\d_]{3,}", text.lower()))
    return [word for word in found if api.fold(word) not in EMPTY]


def _stem(word: str) -> str:
    """A word without the endings that number and gender give it."""
    folded = str(api.fold(word))
    return re.sub(r"(?<=\w{4})(?:es|s|e|x)$", "", folded)


def _stems(text: str) -> set[str]:
    return {_stem(word) for word in words_of(text)}


def _parts(text: str) -> list[str]:
    """A text by its sentences."""
    parts = re.split(r"(?<=[.!?…])\s+|\n+", text)
    return [" ".join(part.split()) for part in parts]


def _sentences(text: str) -> list[str]:
    """Those of its sentences that say something, at a glance."""
    return [one for one in _parts(text) if SHORT <= len(one) <= LONG]


def _rests_on(
    text: str, own: set[str], rows: Sequence[Any], said: Sequence[list[set[str]]]
) -> list[tuple[int, str]]:
    """The question that a sentence is of, and those with a sentence that shares most of its words."""
    most = max(2, SAME * len(own))
    return [
        (row.id, row.title)
        for row, parts in zip(rows, said, strict=True)
        if text in " ".join(f"{row.title} {row.body}".split())
        or any(len(own & other) >= most for other in parts)
    ]


@blueprint.get("/<int:space_id>/themes")
@api.needs("visits.review")
def themes(space_id: int) -> str:
    """What residents talk about, theme by theme, each sentence with the questions that it rests on."""
    found, space = visit_and_space(space_id)
    api.require("visits.review", space)
    rows = counts(space_id)[:12]
    return draw(
        "visits/prepare/themes.html",
        visit=found,
        space=space,
        summaries=[summary(space_id, *row) for row in rows],
    )
