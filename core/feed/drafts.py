"""What somebody is about to publish: as HTML, as its mentions, and as the hooks that check it see it."""

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from .. import registry
from ..access import Refused, Viewer
from ..db import now, table_of, unfiltered
from ..models import Entry, Membership, Space, User
from ..plugin import Ask, Hold, Refuse
from ..text import handles, markdown

_user, _member = table_of(User), table_of(Membership)


@dataclass(frozen=True)
class Draft:
    """An entry before publication; `html` is what its Markdown body will be shown as."""

    space: Space
    author: Viewer
    kind: str
    title: str
    body: str
    html: str
    parent: Entry | None = None
    channel: str = "web"
    entry: Entry | None = None
    confirmed: bool = False
    alts: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


class AskAuthor(Exception):
    """A plugin asks the author something before this is published; the message is the question."""


def check(draft: Draft, confirmed: bool) -> bool:
    """Whether the plugins let this be published without a look by the team; raises Refused, AskAuthor."""
    seen = replace(draft, confirmed=confirmed)
    answers = [answer for _name, answer in registry.current().call("check_entry", draft=seen)]
    for answer in answers:
        if isinstance(answer, Refuse):
            raise Refused(str(answer.message))
    for answer in answers:
        if isinstance(answer, Ask) and not confirmed:
            raise AskAuthor(str(answer.message))
    return not any(isinstance(answer, Hold) for answer in answers)


def render(body: str, space: Space) -> tuple[str, list[int]]:
    """The HTML of a body, and who is mentioned in it: people who may read the space, nobody else."""
    named = handles(body)
    if not named:
        return markdown(body), []
    people = sa.select(_user.c.id, _user.c.handle).where(
        _user.c.handle.in_(named), _user.c.closed_at.is_(None), reads(space)
    )
    found = unfiltered(people).all()
    return markdown(body, {row.handle: f"/people/{row.handle}" for row in found}), [row.id for row in found]


def reads(space: Space) -> Any:
    """The clause that a row of core_user may read the content of this space."""
    if space.visibility in ("public", "portal"):
        return sa.true()
    belongs = sa.select(_member.c.user_id).where(
        _member.c.user_id == _user.c.id,
        _member.c.space_id == space.id,
        sa.or_(_member.c.expires_at.is_(None), _member.c.expires_at > now()),
    )
    return belongs.exists()
