"""Texts as suggestions compare them: telling words, their stems, and the ideas behind them."""

import re
import threading
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from core import api

THESAURUS = Path(__file__).with_name("thesaurus.txt")
MOST = 400  # words of a text that count
_WORD = re.compile(r"[^\W_]+")
# Snowball's French leaves these endings as they are, above all in words without their accents.
_ENDING = re.compile(r"^(.{2,}[aiou])s$|^(.*[ae]u|.*ou)x$|^(.{3,}e)es?$")
_COMMON_WORDS = """
a ai ait alors apres as au aucun aussi aux avant avec avoir avons beaucoup bien c ca car ce ceci cela
celle ces cet cette chez ci comme comment d dans de deja depuis des donc dont du elle elles en encore
entre es est et etait etaient ete etes etre eu eux fait faire faut faudrait font ici il ils j je jusqu
juste l la le les leur leurs lorsqu lui m ma mais me mes moi mon n ne ni nos notre nous on ont ou par
parce parmi pas peu peut peuvent plus pour pourquoi pourrait pourrions puisqu qu quand que quel quelle
quelles quels qui quoi s sa sans se sera serait ses si son sont sous sur t ta te tel tes toi ton tous
tout toute toutes tres trop tu un une va vers voici voila voudrait voudrions vos votre vous y an and are
at be been by can do does for from has have how i in is it its my no not of or our out so that the their
them there they this to very was we were what when where which who why will with would you your
"""
_COMMON = frozenset(_COMMON_WORDS.split())
EMPTY = Path(__file__).parents[1] / "prepare" / "empty_words.txt"
_TWOFOLD = frozenset(("gare", "marche", "porte", "place"))  # things, and verbs as often
_WAYS = """
rue rues avenue avenues av boulevard boulevards bd bld allee allees chemin chemins cours faubourg fbg impasse
passage place pl quai quais route ruelle sentier square villa voie street road lane avenue
"""


class Word(NamedTuple):
    """A word that says something: as it is written, its stem, and whether it looks like a name."""

    said: str
    stem: str
    name: bool


def words(text: str) -> list[Word]:
    """The telling words of a text, in their order; a name begins large where no sentence begins."""
    return list(_telling(text))[:MOST]


def _telling(text: str) -> Iterator[Word]:
    end = None
    for match in _WORD.finditer(text):
        said, folded = match[0], api.fold(match[0])
        begins = end is None or any(mark in text[end : match.start()] for mark in ".!?:;+#«»\n")
        if folded not in _COMMON and len(folded) > 1:
            yield Word(said, stem(folded), said[0].isupper() and not begins and not said.isdigit())
        end = match.end()


@cache
def _saying_nothing() -> frozenset[str]:
    return _COMMON | {*EMPTY.read_text(encoding="utf-8").split(), *_WAYS.split()}


def says_why(said: str) -> bool:
    """Whether a word, or two that follow one another, tell people why: no number, no `de`, no `rue`."""
    folded = [api.fold(one) for one in said.split()]
    return all(
        len(one) > 2 and not any(sign.isdigit() for sign in one) and one not in _saying_nothing()
        for one in folded
    )


def says_what(said: str) -> bool:
    """Whether a word names a thing that towns are asked about, by itself: a lamp, not a morning."""
    return not twofold(said) and any(
        idea not in loose_ideas() for idea in thesaurus().get(stem(api.fold(said)), ())
    )


def twofold(said: str) -> bool:
    """Whether a word is as often a verb as a thing, and says nothing by itself."""
    return api.fold(said) in _TWOFOLD


_one_at_a_time = threading.Lock()  # a stemmer keeps the word that it works on


@lru_cache(maxsize=50_000)
def stem(folded: str) -> str:
    """The stem of a folded word."""
    with _one_at_a_time:
        return str(_stemmer().stemWord(_ENDING.sub(r"\1\2\3", folded)))


@cache
def _stemmer() -> Any:
    import snowballstemmer  # takes long to import, and most processes suggest nothing

    return snowballstemmer.stemmer("french")


def pairs(found: Iterable[Word]) -> Iterator[tuple[str, str]]:
    """Each two words that follow one another, as their stems and as they are written."""
    for one, other in pairwise(found):
        yield f"{one.stem} {other.stem}", f"{one.said} {other.said}"


def ideas(found: list[Word]) -> dict[str, list[str]]:
    """The ideas of a text, with the words that say each."""
    known, said = thesaurus(), [(word.stem, word.said) for word in found]
    ideas: dict[str, list[str]] = {}
    for key, written in (*said, *pairs(found)):
        for idea in known.get(key, ()):
            ideas.setdefault(idea, []).append(written)
    return ideas


@cache
def thesaurus() -> dict[str, tuple[str, ...]]:
    """The ideas of each stem, and of each two stems that follow one another."""
    found: dict[str, dict[str, None]] = {}
    for line in THESAURUS.read_text(encoding="utf-8").splitlines():
        named = line.split() if line[:1] not in ("#", "-") else []
        for one in named:
            key = " ".join(word.stem for word in words(one.replace("_", " ")))
            if key:
                found.setdefault(key, {})[named[0]] = None
    return {key: tuple(ideas) for key, ideas in found.items()}


def stands_for(said: str, idea: str) -> bool:
    """Whether a word, or two, are written so under an idea, but for a plural: `cour` is not `courir`."""
    return _singular(words(said)) in _written()[idea]


@cache
def _written() -> dict[str, set[str]]:
    """The words of each idea as they are written, without their plurals."""
    found: dict[str, set[str]] = {}
    for line in THESAURUS.read_text(encoding="utf-8").splitlines():
        named = line.split() if line[:1] not in ("#", "-") else []
        for one in named:
            found.setdefault(named[0], set()).add(_singular(words(one.replace("_", " "))))
    return found


def _singular(found: Iterable[Word]) -> str:
    return " ".join(re.sub("[sx]$", "", api.fold(word.said)) for word in found)


@cache
def loose_ideas() -> frozenset[str]:
    """The ideas below the line of dashes, which say less."""
    below = THESAURUS.read_text(encoding="utf-8").partition("\n---\n")[2]
    return frozenset(line.split()[0] for line in below.splitlines())
