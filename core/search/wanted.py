"""What people type into the search field, and how each engine is asked for it.

Words that must all be there, "phrases", and with a minus in front what must not be there: nothing else.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from ..access import Refused
from .words import composed, split, stems

LONGEST, MOST = 200, 20
_QUOTES = str.maketrans(dict.fromkeys("«»“”„‟", '"'))
_PART = re.compile(r'(?P<minus>(?<!\S)-+)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
_COMMON_WORDS = """
a ai au aux avec ce ces cet cette dans de des du elle en est et il ils je la le les leur leurs lui ma
mais me mes moi mon ne nos notre nous on ont ou par pas pour qui que quoi sa se ses son sont sur ta te
tes toi ton tu un une vos votre vous y and are as at be by for from has have he her his i in is it its my
not of or our she so that the their them there they this to was we were what which who will with you your
"""
_ELIDED = frozenset({*"cdjlmnst", "qu", "jusqu", "lorsqu", "puisqu"})
_COMMON = _ELIDED | frozenset(_COMMON_WORDS.split())

Term = tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """Folded words to look for, several in a term where they must follow one another."""

    terms: tuple[Term, ...] = ()
    without: tuple[Term, ...] = ()


def parse(text: str) -> Wanted:
    """What a text asks for; raises Refused, and says why, when that can't be looked for."""
    too_long = Refused(_("This is too long to look for. Please leave the most telling words."))
    if len(text) > LONGEST:
        raise too_long
    found: dict[str, list[Term]] = {"telling": [], "common": [], "without": []}
    for part in _PART.finditer(composed(text).translate(_QUOTES)):
        words = tuple(word.folded for word in split(part["phrase"] or part["word"] or ""))
        if part["word"] and len(words) > 1 and words[0] in _ELIDED:
            words = words[1:]
        common = part["word"] and len(words) == 1 and words[0] in _COMMON
        if words:
            found["without" if part["minus"] else "common" if common else "telling"].append(words)
    terms, without = found["telling"] or found["common"], found["without"]
    if len(terms) + len(without) > MOST:
        raise too_long
    if without and not terms:
        raise Refused(_("Say also what to look for, not only what must not be there."))
    if not terms and text.strip():
        raise Refused(_("There is no word or number in this to look for."))
    return Wanted(tuple(dict.fromkeys(terms)), tuple(dict.fromkeys(without)))


@dataclass(frozen=True)
class Syntax:
    """How an engine writes an expression over tokens; `both` and `either` stand between parts."""

    phrase: Callable[[Sequence[str]], str]
    begins: Callable[[str], str]
    both: str
    either: str
    but: str


SYNTAX = {
    "sqlite": Syntax(lambda tokens: f'"{" ".join(tokens)}"', '"{}" *'.format, " AND ", " OR ", " NOT "),
    "postgresql": Syntax(lambda tokens: f"({' <-> '.join(tokens)})", "{}:*".format, " & ", " | ", " & !"),
}


def expression(
    syntax: Syntax, wanted: Wanted, tags: Iterable[Sequence[str]] = (), *, titled: bool = False
) -> str:
    """All terms, in the title where that is wanted, none of what is excluded, one tag of each sort."""

    def stemmed(term: Term, place: str = "") -> str:
        languages = zip(*map(stems, term), strict=True)
        named = [
            [f"{place}{name}_{stem}" for stem in found] for name, found in zip("fe", languages, strict=True)
        ]
        return f"({syntax.either.join(map(syntax.phrase, named))})"

    parts = [stemmed(term, "t" if titled else "") for term in wanted.terms]
    parts += [f"({syntax.either.join(syntax.phrase([tag]) for tag in sort)})" for sort in tags]
    return "".join([f"({syntax.both.join(parts)})", *(syntax.but + stemmed(term) for term in wanted.without)])


def beginning(syntax: Syntax, text: str) -> str | None:
    """Titles with all these words, of which the last may be but begun; None where that says too little."""
    words = [word.folded for word in split(composed(text[:LONGEST]))][:MOST]
    if not words or len(words[-1]) < 2:
        return None
    parts = [syntax.phrase([f"t_{word}"]) for word in words[:-1]] + [syntax.begins(f"t_{words[-1]}")]
    return f"({syntax.both.join(parts)})"
