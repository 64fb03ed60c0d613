"""Finding: what the viewer may read of what somebody asks for, in one order on both engines, by keyset.

Best first means: spaces and people called so, then titles with all the words, then texts; in each the newest
first. Both engines walk their index by date and stop when the page is full, however common a word is.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from .. import access
from ..db import db, table_of
from ..feed.query import BadCursor
from ..models import Document
from .index import place_of
from .wanted import SYNTAX, Syntax, Wanted, beginning, expression, parse
from .words import tag

SIZE, COUNTED, SUGGESTED = 20, 100, 8
_LAST = 2**62
_HIT = ("place", "kind", "entry_id", "space_id", "user_id")
_document = table_of(Document)
_full_text: Any = sa.table("core_search_fts", sa.column("rowid"), sa.column("core_search_fts"))


@dataclass(frozen=True)
class Found:
    """A page of hits, the cursor of what follows, and on the first page how many there are, up to 101.

    A hit has `kind`, and of `entry_id`, `space_id` and `user_id` the one that it hangs on.
    """

    hits: Sequence[Any]
    next: str | None = None
    count: int | None = None


def search(
    text: str,
    *,
    kind: str | None = None,
    space: int | None = None,
    people: Sequence[int] = (),
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    newest: bool = False,
    cursor: str | None = None,
) -> Found:
    """A page of what a text asks for and the viewer may read; raises Refused or BadCursor.

    It can be narrowed to a kind, a space, people who wrote, and a time. Without words all of that is found.
    """
    wanted, syntax = parse(text), SYNTAX[_engine()]
    sorts = (("k", [kind]), ("s", [space]), ("p", people))
    tags = [[tag(sort, value) for value in values] for sort, values in sorts if values and values != [None]]
    if not wanted.terms and not tags:
        return Found([], count=0)
    asked = _by_tier(syntax, wanted, tags, newest or not wanted.terms)
    tier, place = _parse(cursor) if cursor else (0, _LAST)
    asked = {number: expression for number, expression in asked.items() if number >= tier}
    if not asked:
        raise BadCursor(cursor)
    first, last = place_of(since) if since else -_LAST, place_of(until) if until else _LAST
    found = _places(asked, first, last, place, SIZE if cursor else COUNTED)
    shown = found[:SIZE]
    more = f"{shown[-1].tier}-{shown[-1].place}" if len(found) > SIZE else None
    return Found(shown, more, None if cursor else len(found))


def suggest(text: str) -> Sequence[Any]:
    """What the viewer may read and whose title has these words, the last of which may be but begun."""
    syntax = SYNTAX[_engine()]
    begun = beginning(syntax, text)
    if begun is None:
        return []
    return _places(_titled(syntax, begun), -_LAST, _LAST, _LAST, SUGGESTED)[:SUGGESTED]


def _by_tier(syntax: Syntax, wanted: Wanted, tags: Sequence[Sequence[str]], newest: bool) -> dict[int, str]:
    everything = expression(syntax, wanted, tags)
    if newest:
        return {0: everything}
    titled = expression(syntax, wanted, tags, titled=True)
    return {**_titled(syntax, titled), 2: f"({everything}){syntax.but}({titled})"}


def _titled(syntax: Syntax, titled: str) -> dict[int, str]:
    """What is called so, then what else has such a title."""
    called = syntax.phrase([tag("n", 1)])
    return {0: f"({titled}){syntax.both}{called}", 1: f"({titled}){syntax.but}{called}"}


def _places(asked: dict[int, str], since: int, until: int, before: int, size: int) -> Sequence[Any]:
    """Tiers and places of documents, each tier by one walk; `before` is for the first of them."""
    values: dict[str, Any] = {"since": since, "size": size + 1}
    for turn, (tier, text) in enumerate(asked.items()):
        values[f"asked_{tier}"], values[f"before_{tier}"] = text, until if turn else min(before, until)
    return db.session.execute(_walks(_engine(), tuple(asked)), values).all()


def _engine() -> str:
    return db.session.get_bind().dialect.name


def _parse(cursor: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-2])-(-?[0-9]{1,18}|-?[0-3][0-9]{18})", cursor)
    if match is None:
        raise BadCursor(cursor)
    return int(match[1]), int(match[2])


@lru_cache
def _walks(engine: str, tiers: tuple[int, ...]) -> Any:
    every = sa.union_all(*(sa.select(_walk(engine, tier).subquery()) for tier in tiers)).subquery()
    best = sa.select(every).order_by(every.c.tier, every.c.place.desc()).limit(sa.bindparam("size"))
    return best.execution_options(guarded=True)


def _walk(engine: str, tier: int) -> Any:
    """The newest documents that match and that the viewer may read."""
    asked = sa.bindparam(f"asked_{tier}", type_=sa.String)
    place: Any = _document.c.place
    source: Any = _document
    if engine == "sqlite":
        place = _full_text.c.rowid
        matches = _full_text.c.core_search_fts.op("MATCH")(asked)
        # The plus keeps SQLite from walking the documents and asking the index for each.
        source = sa.join(
            _document, _full_text, _document.c.place == sa.literal_column("+core_search_fts.rowid")
        )
    else:
        from sqlalchemy.dialects.postgresql import TSQUERY

        matches = _document.c.words.op("@@")(sa.cast(asked, TSQUERY))
    return (
        sa.select(*(_document.c[name] for name in _HIT), sa.literal_column(str(tier)).label("tier"))
        .select_from(source)
        .where(matches, place >= sa.bindparam("since"), place < sa.bindparam(f"before_{tier}"))
        .where(access.findable(_document.c))
        .order_by(place.desc())
        .limit(sa.bindparam("size"))
    )
