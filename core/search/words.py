"""Texts as the index holds them: words folded, then stemmed as French and as English.

Both engines are given the same tokens of plain letters, so that they find the same. Words are folded before
they are stemmed, because people leave accents out. A token begins with what it is:
`f_`, `e_` a French or an English stem; `tf_`, `te_` the same in a title; `t_` a whole word of a title; and
a tag: `k_` the kind, `s_` the space, `p_` the person, `n_` a thing that is called by its title.
"""

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache, lru_cache, partial
from itertools import chain
from typing import Any, NamedTuple

from ..text import fold

LONGEST, MOST, OFTEN = 40, 7_000, 250  # PostgreSQL knows places up to 16,383, and 256 of one token
_WORD = re.compile(r"[^\W_]+(?:[·‧•][^\W_]+)*")
# Snowball's French leaves these plurals and feminines as they are.
_FRENCH = re.compile(r"^(.{2,}[aiou])s$|^(.{1,2}eu|.*ou)x$|^(.*e)es?$")


class Word(NamedTuple):
    """A word of a text, folded, and where it stands."""

    folded: str
    start: int
    end: int


def composed(text: str) -> str:
    """The text with each accent in one character with its letter, so that `split` sees whole words."""
    return unicodedata.normalize("NFC", text)


def split(text: str) -> list[Word]:
    """The words of a composed text; « habitant·es » is one, read as « habitant »."""
    found = ((_plain(match[0]), match) for match in _WORD.finditer(text))
    return [Word(word, *match.span()) for word, match in found if word]


_one_at_a_time = threading.Lock()  # a stemmer keeps the word that it works on


@lru_cache(maxsize=100_000)
def stems(word: str) -> tuple[str, str]:
    """The French and the English stem of a folded word."""
    french, english = _stemmers()
    with _one_at_a_time:
        return french.stemWord(_FRENCH.sub(r"\1\2\3", word)), english.stemWord(word)


@cache
def _stemmers() -> tuple[Any, Any]:
    import snowballstemmer  # takes long to import, and most processes search for nothing

    return snowballstemmer.stemmer("french"), snowballstemmer.stemmer("english")


def tokens(title: str, text: str, tags: Iterable[str] = ()) -> str:
    """What the index holds of a document."""
    titled = [word.folded for word in split(composed(title[:300]))]
    body = [word.folded for word in split(composed(text))][:MOST]
    streams = [tags, (f"t_{word}" for word in titled)]
    streams += [_stemmed(prefix, titled) for prefix in ("tf_", "te_", "f_", "e_")]
    streams += [_stemmed(prefix, body) for prefix in ("f_", "e_")]
    counted: Counter[str] = Counter()
    return " ".join(map(partial(_bounded, counted), chain.from_iterable(streams)))


def tag(sort: str, value: object) -> str:
    """The token that says a fact of a document."""
    return f"{sort}_{re.sub(r'[^a-z0-9]', '_', str(value))}"


def _stemmed(prefix: str, words: list[str]) -> Iterable[str]:
    return (prefix + stems(word)[prefix.endswith("e_")] for word in words)


def _bounded(counted: Counter[str], token: str) -> str:
    counted[token] += 1
    return token if counted[token] <= OFTEN else "x"  # takes its place


@lru_cache(maxsize=100_000)
def _plain(word: str) -> str:
    folded = fold(re.split("[·‧•]", word[: 2 * LONGEST])[0])
    letters = "".join(letter for letter in folded if letter.isalnum())[:LONGEST]
    return letters if letters.isascii() else "_" + letters.encode().hex()
