"""What people do with a visit: plan it, change it, lead it from state to state, and ask before it."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm.attributes import flag_modified

from core import api
from core.api import gettext as _

from . import letters, reads, states, teams
from .approve import answers, places
from .assigned import overdue
from .collect import codes
from .models import Asker, Casework, Question, Visit
from .plan import papers
from .report import issue

SOURCE, DETAILS = "visits", "details"
IMPORTED = "visits.import."  # by which those who coordinate what a file brought are on its team
TOLD = frozenset({"announced", "collecting", "preparing", "ready", "in_progress"})
WORK = ("coordinator", "official", "agent", "scribe")  # roles of those who work on a visit
TAKEN = ("visits.photo", "visits.scan")  # kinds of what they photograph
TWICE = dt.timedelta(minutes=1)  # within which the same form is one that was sent twice
PRACTICAL = ("starts_at", "ends_at", "meeting_point")


def may_announce(area_id: int | None = None, anywhere: bool = False) -> bool:
    """Whether the viewer announces visits in this area, or anywhere; a mere councillor doesn't."""
    return api.can("visits.announce", None if anywhere else api.Space(area_id=area_id))


@dataclass(frozen=True)
class Plan:
    """What is said of a visit when it is planned or changed."""

    name: str
    summary: str
    area_id: int | None
    details: Mapping[str, Any]
    officials: Iterable[int]
    agents: Iterable[int]
    scribes: Iterable[int] = ()
    coordinators: Iterable[int] | None = None  # as they are, at first who plans it


def plan_visit(plan: Plan) -> Visit:
    """A new visit, which its team alone sees until it is announced; who plans it is on the team."""
    if not may_announce(plan.area_id):
        raise api.Forbidden("visits.announce")
    person: Any = api.viewer()
    if person.role == "official":
        plan = replace(plan, officials={*plan.officials, person.id})
    with api.write() as session:
        visit = _just_planned(plan)
        if visit is not None:
            space = api.get_or_404(api.Space, visit.space_id)
        else:
            space = api.create_space(
                "visits.visit",
                plan.name,
                visibility="hidden",
                joining="invite",
                summary=plan.summary,
                area_id=plan.area_id,
            )
            visit = Visit(space_id=space.id, **plan.details)
            session.add(visit)
        if not plan.coordinators:
            plan = replace(plan, coordinators=[person.id])
        _set_team(space, replace(plan, agents={*plan.agents, person.id}))
    return visit


def _just_planned(plan: Plan) -> Visit | None:
    """The visit that the viewer planned in these words a moment ago: the form was sent twice."""
    person = api.viewer().id
    api.db.session.execute(api.lock(sa.select(api.User.id).where(api.User.id == person)))  # one by one
    said = {"name": plan.name, "summary": plan.summary, "area_id": plan.area_id, "created_by": person}
    rows = (
        sa.select(Visit)
        .join(api.Space, api.Space.id == Visit.space_id)
        .where(api.Space.created_at > api.now() - TWICE, Visit.state.in_(("draft", *TOLD)))
        .where(*(getattr(api.Space, name) == value for name, value in said.items()))
        .where(*(getattr(Visit, name) == value for name, value in plan.details.items()))
        .order_by(Visit.space_id)
    )
    return api.db.session.scalars(rows).first()


def draft_visit(name: str, code: str, day: dt.date) -> api.Space:
    """A visit that its team alone sees, with a day to begin from; inside a write of somebody who may plan."""
    starts_at = dt.datetime.combine(day, dt.time(18), api.town_zone())
    space = api.create_space("visits.visit", name, visibility="hidden", joining="invite")
    visit = Visit(space_id=space.id, code=code, starts_at=starts_at, meeting_point="")
    visit.ends_at, visit.questions_close_at = starts_at + dt.timedelta(hours=2), starts_at
    api.db.session.add(visit)
    return space


def take_charge(space_id: int) -> None:
    """Coordinate a visit on whose team nobody is; the audit log says so.

    A visit that is not there is refused like one with a team: nobody learns which are hidden.
    """
    api.require("visits.take_charge")
    person = api.viewer().id or 0
    with api.write():
        with api.as_system("nobody sees it before"):
            held = api.lock(sa.select(api.Space).where(api.Space.id == space_id))
            space = api.db.session.scalars(held).one_or_none()
            if space is None or not reads.without_team(space_id):
                raise api.Refused(_("Somebody is on its team by now: ask them to add you."))
            api.set_members(space, f"{IMPORTED}{person}", {person: "coordinator"})
        api.audit("visits.take_charge", f"space/{space_id}")


def change_visit(visit: Visit, plan: Plan, version: int) -> None:
    """Other words, another date or another team for a visit; Refused when it changed since this version."""
    space = api.get_or_404(api.Space, visit.space_id)
    api.require("visits.manage", space)
    if plan.area_id != space.area_id and not may_announce(plan.area_id):
        raise api.Forbidden("visits.announce")
    with api.write():
        visit = states.visit_case(space.id).visit
        api.change_space(space, version, name=plan.name, summary=plan.summary, area_id=plan.area_id)
        flag_modified(space, "name")  # its version counts the changes of the whole visit
        moved = _set_details(visit, plan.details)
        visit.sequence += moved
        if moved and visit.state in TOLD:
            letters.tell("moved", space.id)
        if plan.coordinators is None:
            plan = replace(plan, coordinators=teams.team_ids(space.id, "coordinator"))
        _set_team(space, plan)
        api.reindex(space)
        api.emit(space, "visits.visit", space.id)


def _set_details(visit: Visit, details: Mapping[str, Any]) -> bool:
    """Set what is said of a visit, and move its other days along; whether when or where it is has changed."""
    before, started_at = [getattr(visit, column) for column in PRACTICAL], visit.starts_at
    for column, value in details.items():
        setattr(visit, column, value)
    days = [moment.astimezone(api.town_zone()).date() for moment in (started_at, visit.starts_at)]
    if visit.freezes_at and days[0] != days[1]:
        later = visit.freezes_at + (visit.starts_at - started_at)
        if later > api.now() or not papers.is_frozen(visit):  # another dossier, for the new day
            visit.freezes_at = later
    moved = before != [getattr(visit, column) for column in PRACTICAL]
    if moved:
        overdue.forget(visit.space_id)
    if before[-1] != visit.meeting_point:  # where it is on the map is to be said anew
        visit.meeting_latitude = visit.meeting_longitude = None
    return moved


def _set_team(space: api.Space, plan: Plan) -> None:
    coordinators = set(plan.coordinators or ())
    team = dict.fromkeys(plan.scribes, "scribe") | dict.fromkeys(plan.agents, "agent")
    team |= dict.fromkeys(coordinators, "coordinator")
    team |= dict.fromkeys(plan.officials, "official")
    if not team:
        raise api.Refused(_("A visit needs at least one official or agent."))
    before, worked = teams.team_ids(space.id, "official"), _who_works(space.id)
    for person in set(teams.team_ids(space.id, "coordinator")) - coordinators:
        api.set_members(space, f"{IMPORTED}{person}", {})
    api.set_members(space, SOURCE, team)
    places.follow_team(space, before)
    _read_no_longer(space.id, worked - _who_works(space.id))
    _read_again(space.id, [person for person, role in team.items() if role == "scribe"])


def _who_works(space_id: int) -> set[int]:
    rows = sa.select(api.Membership.user_id).where(api.Membership.space_id == space_id)
    return set(api.db.session.scalars(rows.where(api.Membership.role.in_(WORK))))


def _read_no_longer(space_id: int, people: set[int]) -> None:
    """Who works there no more reads no longer what they wrote down for others, nor what they photographed."""
    own = sa.or_(api.Entry.recorded_by == api.Entry.meant_for, api.Entry.kind.in_(TAKEN))
    with api.as_system("who leaves the team may do it themselves"):
        for entry in _held(space_id, api.Entry.meant_for.in_(people), own):
            api.set_audience(entry, team_only=True)


def _read_again(space_id: int, scribes: list[int]) -> None:
    """Scribes read what they wrote down, as long as nobody has decided on it, and what they photographed."""
    taken = sa.and_(api.Entry.author_id.in_(scribes), api.Entry.kind.in_(TAKEN))
    own = sa.or_(api.Entry.recorded_by.in_(scribes), taken)
    undecided = (api.Entry.private, api.Entry.meant_for.is_(None))  # what is decided on is private no more
    with api.as_system("who takes notes need not be on the team"):
        for entry in _held(space_id, own, *undecided):
            api.set_audience(entry, team_only=True, reader_id=entry.recorded_by or entry.author_id)


def _held(space_id: int, *where: Any) -> Sequence[api.Entry]:
    """Entries of a visit on which nobody decides until this write ends."""
    rows = sa.select(api.Entry).where(api.Entry.space_id == space_id, *where).order_by(api.Entry.id)
    return api.db.session.scalars(api.lock(rows)).all()


def announce(visit: Visit) -> None:
    """Show a visit to everybody and take questions from now on."""
    with api.write():
        turn(visit.space_id, "announce")
        turn(visit.space_id, "open")


def reschedule(visit: Visit, details: Mapping[str, Any], takes: bool) -> None:
    """Announce when and where a postponed visit takes place instead, and take questions again, or not yet."""
    with api.write():
        turn(visit.space_id, "reschedule", starts_at=details["starts_at"])
        _set_details(visit, details)
        flag_modified(api.get_or_404(api.Space, visit.space_id), "name")  # as for any change of the visit
        if takes and visit.questions_close_at > api.now():
            turn(visit.space_id, "open")


def turn(space_id: int, verb: str, **said: Any) -> None:
    """Lead a visit to another state: announced it is public, published its report is frozen."""
    with api.write():
        case = states.visit_case(space_id)
        states.move(case, "visit", verb, **said)
        case.visit.reason = said.get("reason", "")
        case.visit.sequence += verb in ("postpone", "reschedule", "cancel")
        if verb == "announce":
            api.change_space(case.space, visibility="public")
        if ("visit", verb) in states.FOLLOWS:
            answers.publish_held(space_id)
        if verb == "publish":
            issue.freeze(case.visit)
        api.emit(case.space, "visits.visit", space_id)


def close_due() -> None:
    """Stop taking questions where the closing date has passed."""
    with api.as_system("close questions on time"):
        for space_id in api.db.session.scalars(to_close(api.now())).all():
            turn(space_id, "close")


def to_close(moment: dt.datetime) -> sa.Select[int]:
    """The visits that still take questions though they should not since this moment."""
    past = Visit.questions_close_at <= moment
    return sa.select(Visit.space_id).where(Visit.state == "collecting", past)


def ask(
    visit: Visit,
    title: str,
    body: str = "",
    theme: str = "",
    place: str = "",
    contact: str = "",
    key: str | None = None,
    written_at: dt.datetime | None = None,
    confirmed: bool = False,
    alias: bool = False,
    pin: tuple[float, float] | None = None,
    pictures: Sequence[tuple[Any, str]] = (),
) -> api.Entry:
    """Submit a question before a visit; the team and its author alone see it until it is accepted.

    With `alias` the public doesn't read who asked it. `pin` is a latitude and a longitude.
    """
    space = api.get_or_404(api.Space, visit.space_id)
    api.require("visits.ask", space)
    if not visit.takes_questions(written_at or api.now()):
        raise api.Refused(_("This visit takes no more questions."))
    with api.write():
        entry, flags = take_as_sent(
            space,
            body,
            confirmed,
            title=title,
            kind="visits.question",
            client_key=key,
            pictures=pictures,
            beside=(place,),
            **(_unnamed() if alias else {}),
        )
        if alias:
            api.insert_once(Asker, user_id=api.viewer().id, entry_id=entry.id)
        latitude, longitude = pin or (None, None)
        keep_question(entry, contact, flags, theme=theme, place=place, latitude=latitude, longitude=longitude)
    return entry


def check_words(space: api.Space, said: Mapping[str, Any], name: str) -> None:
    """Ask about words that are kept until an address is confirmed, as if they were published now."""
    body, beside = said["body"], (said["place"], name)
    kind, html = "visits.question", api.markdown(body)
    api.check_draft(api.Draft(space, api.viewer(), kind, said["title"], body, html, beside=beside), False)


def take_as_it_is(space: api.Space, body: str, **said: Any) -> tuple[api.Entry, str]:
    """Publish what nobody can be asked about any more; also answers its flags, for whoever looks at it."""
    try:
        return api.publish(space, body, **said), ""
    except api.AskAuthor:
        return api.publish(space, body, **said, confirmed=True), DETAILS


def take_as_sent(space: api.Space, body: str, confirmed: bool, **said: Any) -> tuple[api.Entry, str]:
    """Publish what somebody asks; `confirmed`, they sent it again as it is: its flags tell the team why."""
    return take_as_it_is(space, body, **said) if confirmed else (api.publish(space, body, **said), "")


def look_again(entry: api.Entry) -> None:
    """Take the flag of personal details off a question whose words hold none any more; inside a write."""
    found = sa.select(Casework, Question, api.Space).where(Casework.entry_id == entry.id)
    found = found.join(Question, Question.entry_id == Casework.entry_id)
    found = found.join(api.Space, api.Space.id == Casework.space_id)
    with api.as_system("whoever changes it need not see the flags"):
        row = api.db.session.execute(found).first()
        if row is None or DETAILS not in row.Casework.flags.split():
            return
        said = (entry.kind, entry.title, entry.body, entry.html)
        more: dict[str, Any] = {"channel": entry.channel, "beside": (row.Question.place, entry.byline or "")}
        with suppress(api.AskAuthor):
            api.check_draft(api.Draft(row.Space, api.viewer(), *said, **more), False)
            row.Casework.flags = " ".join(one for one in row.Casework.flags.split() if one != DETAILS)


def _unnamed() -> dict[str, Any]:
    """How an entry is published that does not show its author, who alone reads it beside the team."""
    return {"author_id": None, "byline": _("A resident"), "team_only": True, "reader_id": api.viewer().id}


def keep_question(entry: api.Entry, contact: str, flags: str = "", **said: Any) -> bool:
    """Make an entry a question, once, with its code, and tell its author that it has arrived; in a write."""
    new = api.insert_once(Question, entry_id=entry.id, **said)
    if new:
        code = codes.fingerprint(codes.code_of(entry.id))
        kept = {"contact": contact, "code": code, "flags": flags}
        api.db.session.add(Casework(entry_id=entry.id, space_id=entry.space_id, **kept))
        letters.tell("received", entry.space_id, entry.id)
    return new
