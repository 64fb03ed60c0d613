"""What a draft has to pass before it is published: not too much at once, a look, no personal details.

Whoever moderates in the space passes freely, except by mail, which proves a mailbox and no second factor;
where they write down what another said they are asked about details as well.
"""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from core import api
from core.api import gettext as _

from . import details
from .models import Checked

DEFAULTS = {"young_hours": 24, "young_most": 3, "most_per_hour": 30, "ask": True, "known": ""}
WINDOW = 1000  # latest entries that are counted, so that a flood costs no more than a quiet day
HOUR = dt.timedelta(hours=1)

_author, _someone = sa.bindparam("author", type_=sa.Integer), orm.aliased(api.User)
_young = sa.bindparam("young", type_=api.UtcDateTime)
_latest = (
    sa.select(api.Entry.author_id, api.Entry.space_id, api.Entry.created_at)
    .order_by(api.Entry.id.desc())
    .limit(sa.bindparam("most"))
    .subquery()
)
_written = api.Prepared(
    sa.select(
        sa.func.count().filter(_latest.c.author_id == _author),
        sa.func.count().filter(_latest.c.space_id == sa.bindparam("space"), api.User.created_at > _young),
        sa.select(_someone.id).where(_someone.id == _author, _someone.created_at > _young).exists(),
    )
    .select_from(_latest)
    .join(api.User, api.User.id == _latest.c.author_id)
    .where(_latest.c.created_at > sa.bindparam("since"))
)
_checked = api.Prepared(sa.select(Checked.space_id).where(Checked.space_id == sa.bindparam("space")))


def check(draft: api.Draft) -> api.Hold | api.Ask | api.Refuse | None:
    """Refuse what comes too fast, ask about details, hold a wave and what is to be seen first."""
    trusted = draft.channel != "email" and api.can("moderation.decide", draft.space)
    settings = api.settings("moderation")
    paced = not trusted and draft.entry is None and draft.author.id is not None
    gate = _pace(draft, settings) if paced else None
    asks = settings["ask"] and not draft.confirmed and not isinstance(gate, api.Refuse)
    told = draft.channel != "web" or draft.author.id is None  # by another, or by a table
    asks = asks and (told or not trusted)
    question = _ask(draft, settings["known"]) if asks else None
    if question is not None or gate is not None or trusted:
        return question or gate
    if _checked(space=draft.space.id):
        return api.Hold(_("The team of this space looks at everything before it is published."))
    return None


def _pace(draft: api.Draft, settings: dict[str, int]) -> api.Hold | api.Refuse | None:
    """How much the author, and all newcomers in the space together, have written in the last hour."""
    moment = api.now()
    young = moment - dt.timedelta(hours=settings["young_hours"])
    who: dict[str, Any] = {"author": draft.author.id, "space": draft.space.id}
    with api.as_system("count what was written in the last hour, whoever may read it"):
        [(own, new, is_new)] = _written(**who, young=young, since=moment - HOUR, most=WINDOW)
    own += api.count_unnamed(who["author"], moment - HOUR)
    if own >= settings["most_per_hour"]:
        return api.Refuse(_("You have written a lot in a short time. Please go on a little later."))
    if is_new and new >= settings["young_most"]:
        return api.Hold(_("Many new accounts are writing here at the moment."))
    return None


def _ask(draft: api.Draft, known: str) -> api.Ask | None:
    """Ask about personal details that the text, or its change, brings."""
    before = f"{draft.entry.title}\n{draft.entry.body}" if draft.entry is not None else ""
    known = f"{known}\n{before}"
    passages = details.found("\n".join((draft.title, draft.body, *draft.alts)), known)
    passages += details.found("\n".join(draft.beside), known, places=False)  # fields that ask for a place
    if not passages:
        return None
    quoted = ", ".join(_("“%(words)s”", words=one) for one in passages[:5])
    return api.Ask(
        _(
            "Your text holds details by which somebody can be found: %(passages)s. Everybody could read "
            "them. Take them out, unless they may be public.",
            passages=quoted,
        )
    )
