"""The states of visits, questions and answers, and the only steps between them: one table."""

from dataclasses import dataclass
from typing import Any

from core import api
from core.api import lazy_gettext as _


@dataclass(frozen=True)
class Step:
    """A verb that leads from one of some states to another, for those with the permission."""

    thing: str
    verb: str
    sources: frozenset[str]
    target: str
    permission: str
    refusal: Any


def _step(thing: str, verb: str, sources: str, target: str, permission: str, refusal: Any) -> Step:
    return Step(thing, verb, frozenset(sources.split()), target, permission, refusal)


_MOVED = _("This visit has moved on in the meantime. Look at it again.")
_READ = _("A colleague has dealt with this question in the meantime. Look at it again.")
_SAID = _("This question has been answered in the meantime. Read the answer below.")

STEPS = (
    _step("visit", "announce", "draft", "collecting", "visits.announce", _MOVED),
    _step("visit", "close", "collecting", "preparing", "visits.review", _MOVED),
    _step("visit", "reopen", "preparing", "collecting", "visits.review", _MOVED),
    _step("question", "accept", "submitted rejected", "accepted", "visits.review", _READ),
    _step("question", "reject", "submitted accepted", "rejected", "visits.review", _READ),
    _step("answer", "draft", "none drafted", "drafted", "visits.answer", _SAID),
    _step("answer", "publish", "drafted", "published", "visits.publish", _SAID),
)


def step(thing: str, verb: str, state: str, space: api.Space) -> str:
    """The state that a verb leads to; raises Forbidden or Refused where the table has no such step."""
    found = next(one for one in STEPS if (one.thing, one.verb) == (thing, verb))
    api.require(found.permission, space)
    if state not in found.sources:
        raise api.Refused(str(found.refusal))
    return found.target
