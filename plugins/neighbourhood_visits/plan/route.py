"""The route of a visit: its stops in order, what is talked about at each, and how long all of it takes."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import gettext as _

from .. import states
from ..field.models import Note
from ..models import Question, Visit
from . import ordering
from .models import Stop, StopQuestion

MOST_STOPS = 40
SHOWN = 50


@dataclass
class Leg:
    """A stop as it comes on the way: its number, its questions, the walk to it and when one arrives."""

    stop: Stop
    number: int
    questions: list[Any] = field(default_factory=list)
    walk: int = 0
    arrives: dt.datetime | None = None


@dataclass(frozen=True)
class Route:
    """The whole way, in minutes, beside the time that the visit has."""

    legs: list[Leg]
    walking: int
    staying: int
    available: int

    @property
    def total(self) -> int:
        """How long the visit takes."""
        return self.walking + self.staying

    @property
    def over(self) -> int:
        """By how many minutes it takes longer than there is time."""
        return max(0, self.total - self.available)

    @property
    def steps(self) -> list[Leg]:
        """The stops that not everybody reaches."""
        return [leg for leg in self.legs if not leg.stop.step_free]

    @property
    def unplaced(self) -> list[Leg]:
        """The stops to which nobody knows how long one walks."""
        return [leg for leg in self.legs if place(leg.stop) is None]


def place(row: Any) -> ordering.Place | None:
    """Where a stop or a question is, if anybody said so."""
    return None if row.latitude is None or row.longitude is None else (row.latitude, row.longitude)


def meeting(visit: Visit) -> ordering.Place | None:
    """Where people meet, if anybody set the pin."""
    if visit.meeting_latitude is None or visit.meeting_longitude is None:
        return None
    return visit.meeting_latitude, visit.meeting_longitude


def stops(space_id: int) -> Sequence[Stop]:
    """The stops of a visit, in their order."""
    rows = sa.select(Stop).where(Stop.space_id == space_id).order_by(Stop.position, Stop.id)
    return api.db.session.scalars(rows).all()


def of(visit: Visit) -> Route:
    """The route of a visit with its accepted questions, as far as the viewer reads them: two statements."""
    legs = [Leg(stop, number) for number, stop in enumerate(stops(visit.space_id), 1)]
    by_id = {leg.stop.id: leg for leg in legs}
    for entry, question, stop_id in _questions(visit.space_id):
        by_id[stop_id].questions.append((entry, question))
    now, here = visit.starts_at, meeting(visit)
    for leg in legs:
        there = place(leg.stop)
        leg.walk = ordering.walk(ordering.metres(here, there)) if here and there else 0
        leg.arrives = now + dt.timedelta(minutes=leg.walk)
        now, here = leg.arrives + dt.timedelta(minutes=leg.stop.minutes), there or here
    available = int((visit.ends_at - visit.starts_at).total_seconds() // 60)
    return Route(legs, sum(leg.walk for leg in legs), sum(leg.stop.minutes for leg in legs), available)


def to_place(space_id: int) -> tuple[Sequence[Any], int]:
    """Accepted questions without a stop that lead their group, most support first, and how many more wait."""
    rows = (
        sa.select(api.Entry, Question, sa.func.count().over())
        .join(Question, Question.entry_id == api.Entry.id)
        .outerjoin(StopQuestion, StopQuestion.entry_id == api.Entry.id)
        .where(api.Entry.space_id == space_id, Question.triage == "accepted", Question.group_id.is_(None))
        .where(StopQuestion.entry_id.is_(None), api.Entry.state == "published", ~Question.empty)
        .order_by(api.Entry.support_count.desc(), api.Entry.id)
    )
    found = api.db.session.execute(rows.limit(SHOWN)).all()
    return found, found[0][2] - len(found) if found else 0


def add(space_id: int, said: Mapping[str, Any]) -> int:
    """The id of a new stop at the end of the route; the same as the last one is that: it was sent twice."""
    with api.write():
        _held(space_id)
        last = next(iter(reversed(stops(space_id))), None)
        if last is not None and all(getattr(last, name) == value for name, value in said.items()):
            return last.id
        return _add(space_id, said).id


def change(stop_id: int, said: Mapping[str, Any]) -> None:
    """Other words, another place or time for a stop."""
    with api.write():
        stop = _stop(stop_id)
        if said.get("title", stop.title) != stop.title:
            stop.made_of = None
        for name, value in said.items():
            setattr(stop, name, value)
        _find_anew(stop)


def remove(stop_id: int) -> None:
    """Take a stop off the route; what was to be talked about there waits for another."""
    with api.write() as session:
        stop = _stop(stop_id)
        at = sa.select(StopQuestion.entry_id).where(StopQuestion.stop_id == stop_id)
        for entry_id in session.scalars(at).all():
            _off(entry_id)
        session.flush()  # before the database takes what is at the stop with it
        _find_anew(stop)
        session.delete(stop)


def rename(question_ids: Iterable[int], gone: bool = False) -> None:
    """Let stops that were made of these questions bear the words that are public of them; inside a write.

    With `gone` no words of theirs stay.
    """
    rows = sa.select(Stop, Question, api.Entry)
    rows = rows.join(Question, Question.entry_id == Stop.made_of).join(
        api.Entry, api.Entry.id == Stop.made_of
    )
    with api.as_system("what is taken out of a question leaves its stop, whoever takes it out"):
        found = api.db.session.execute(rows.where(Stop.made_of.in_(list(question_ids)))).all()
        for stop, question, entry in found:
            public = entry.state == "published" and not gone
            title = _title_of(entry, question) if public else ""
            notes = sa.update(Note).where(Note.space_id == stop.space_id, Note.stop == stop.title)
            stop.title = title or _unnamed(stop)
            api.db.session.execute(notes.values(stop=stop.title))
            _find_anew(stop)


def _unnamed(stop: Stop) -> str:
    """What a stop is called of which no words stay, and no other of its visit: notes know it by its name."""
    others = sa.select(Stop.title).where(Stop.space_id == stop.space_id, Stop.id != stop.id)
    taken, name = set(api.db.session.scalars(others)), str(_("Stop of a visit"))
    numbered = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return next(one for one in (name, *numbered) if one not in taken)


def shift(stop_id: int, by: int) -> None:
    """Move a stop up or down among the others."""
    with api.write():
        stop = _stop(stop_id)
        order = [one.id for one in stops(stop.space_id)]
        at = order.index(stop_id)
        order.insert(max(0, at + by), order.pop(at))
        _arrange(stop.space_id, order)


def arrange(space_id: int, order: Iterable[int]) -> None:
    """Put the stops in this order; those that it does not name, added since, follow."""
    with api.write():
        _held(space_id)
        _arrange(space_id, order)


def suggest(space_id: int) -> None:
    """Put the stops in an order that is short to walk; those without a place follow as they are."""
    with api.write():
        visit = _held(space_id).visit
        placed = [one for one in stops(space_id) if place(one)]
        order = ordering.shortest(meeting(visit), [place(one) or (0.0, 0.0) for one in placed])
        _arrange(space_id, [placed[at].id for at in order])


def put(space_id: int, question_ids: Iterable[int], stop_id: int | None) -> None:
    """Have questions talked about at a stop; None makes a stop of each, named and placed as it is."""
    with api.write() as session:
        _held(space_id)
        for question_id in dict.fromkeys(question_ids):
            case = states.question_case(question_id)
            public = case.question.triage == "accepted" and case.entry.state == "published"
            if case.space.id != space_id or not public:
                raise api.Refused(_("Only accepted questions of this visit have a stop."))
            if case.question.discussion == "not_planned":
                states.move(case, "discussion", "plan")
            own = stop_id or _add(space_id, _stop_of(case.entry, case.question)).id
            _in_space(own, space_id)
            row = session.get(StopQuestion, question_id)
            last = sa.select(sa.func.coalesce(sa.func.max(StopQuestion.position), 0))
            position = 1 + (session.scalar(last.where(StopQuestion.stop_id == own)) or 0)
            if row is None:
                session.add(StopQuestion(entry_id=question_id, stop_id=own, position=position))
            else:
                row.stop_id, row.position = own, position
            session.flush()


def take_off(question_id: int) -> None:
    """Have a question talked about at no stop."""
    with api.write():
        case = states.question_case(question_id)
        api.require("visits.manage", case.space)
        _off(question_id)


def pin(space_id: int, latitude: float | None, longitude: float | None) -> None:
    """Say where on the map people meet."""
    with api.write():
        visit = _held(space_id).visit
        visit.sequence += (latitude, longitude) != (visit.meeting_latitude, visit.meeting_longitude)
        visit.meeting_latitude, visit.meeting_longitude = latitude, longitude


def _held(space_id: int) -> states.Case:
    case = states.visit_case(space_id)
    api.require("visits.manage", case.space)
    return case


def _stop(stop_id: int) -> Stop:
    stop: Stop = api.get_or_404(Stop, stop_id)
    _held(stop.space_id)
    api.db.session.refresh(stop)
    return stop


def _in_space(stop_id: int, space_id: int) -> None:
    if api.get_or_404(Stop, stop_id).space_id != space_id:
        raise api.Refused(_("This stop is of another visit."))


def _add(space_id: int, said: Mapping[str, Any]) -> Stop:
    found = stops(space_id)
    if len(found) >= MOST_STOPS:
        raise api.Refused(_("A visit has at most %(most)s stops.", most=MOST_STOPS))
    row = Stop(space_id=space_id, position=found[-1].position + 1 if found else 1, **said)
    api.db.session.add(row)
    api.db.session.flush()
    _find_anew(row)
    return row


def _find_anew(stop: Stop) -> None:
    """Let the search find the stops of this one's visit as they stand now; inside a write."""
    api.reindex(api.get_or_404(api.Space, stop.space_id))


def _stop_of(entry: api.Entry, question: Question) -> dict[str, Any]:
    place = {"latitude": question.latitude, "longitude": question.longitude}
    return {"title": _title_of(entry, question), "made_of": entry.id, **place}


def _title_of(entry: api.Entry, question: Question) -> str:
    return (question.place or entry.title)[:120]


def _arrange(space_id: int, order: Iterable[int]) -> None:
    found = {stop.id: stop for stop in stops(space_id)}
    named = dict.fromkeys(one for one in order if one in found)
    for position, ident in enumerate([*named, *(one for one in found if one not in named)], 1):
        found[ident].position = position


def _off(question_id: int) -> None:
    case = states.question_case(question_id)
    if case.question.discussion == "planned":
        states.move(case, "discussion", "drop")
    row = api.db.session.get(StopQuestion, question_id)
    if row is not None:
        api.db.session.delete(row)


def _questions(space_id: int) -> Sequence[Any]:
    rows = (
        sa.select(api.Entry, Question, StopQuestion.stop_id)
        .join(Question, Question.entry_id == api.Entry.id)
        .join(StopQuestion, StopQuestion.entry_id == api.Entry.id)
        .where(api.Entry.space_id == space_id, Question.triage == "accepted", ~Question.empty)
        .where(api.Entry.state == "published")
        .order_by(StopQuestion.position, api.Entry.id)
    )
    return api.db.session.execute(rows).all()
