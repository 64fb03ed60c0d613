"""Cases follow entries: what is held opens one, and what becomes of an entry closes the one that is open."""

from typing import Any

import sqlalchemy as sa

from .. import access, registry
from ..access import viewer
from ..db import insert_new, now, table_of, unfiltered
from ..models import Case, Entry, Space
from .unnamed import author_of

ACTS = {"published": "kept", "hidden": "hidden", "removed": "removed"}
_case, _space = table_of(Case), table_of(Space)
_open = (_case.c.entry_id == sa.bindparam("entry"), _case.c.appeal_of.is_(None), _case.c.decided_at.is_(None))
_decide = sa.update(_case).where(*_open)


def follow(entry: Entry, change: str) -> None:
    """Open a case for what waits to be checked, or close the entry's by what became of it."""
    if change == "waits" and registry.current().entry_kind(entry.kind).initial_state == "published":
        open_for(entry, "held")
    elif change in ACTS:
        unfiltered(_decide, {"entry": entry.id, **decided(ACTS[change])})


def open_for(entry: Entry, origin: str) -> int:
    """The id of the entry's open case, made now if there is none."""
    row = {"entry_id": entry.id, "space_id": entry.space_id, "author_id": author_of(entry), "origin": origin}
    made = insert_new(Case, row, _case.c.id)
    known = sa.select(_case.c.id).where(*_open)
    return int(made[0] if made else unfiltered(known, {"entry": entry.id}).scalar_one())


def judges(entry: Entry) -> bool:
    """Whether the viewer decides a case of the entry that is open, or has decided one."""
    own = sa.or_(_case.c.decided_at.is_(None), _case.c.decided_by == viewer().id)
    mine = (_case.c.entry_id == entry.id, _case.c.space_id == _space.c.id, own)
    return bool(unfiltered(sa.select(_case.c.id).where(*mine, access.judged(_case.c, _space.c))).first())


def decided(act: str) -> dict[str, Any]:
    """What a case holds once the viewer has decided it now."""
    return {"act": act, "decided_by": viewer().id, "decided_at": now()}
