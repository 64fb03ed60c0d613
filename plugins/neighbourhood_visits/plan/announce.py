"""How a visit is announced: an entry for calendars, a short address, a poster and a leaflet with it."""

import io
from typing import Any

from flask import abort, redirect, render_template, url_for
from flask_babel import get_locale
from werkzeug.wrappers import Response

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from .. import reads, show, teams
from ..models import Visit
from ..pages import Page, blueprint, visit_and_space
from .paper_pages import pdf_response
from .papers import TEMPLATES

DIGITS = "23456789BCDFGHJKMNPQRSTVWXYZ"  # none is taken for another, and they make no words
SHEETS = {"a4": "poster.typ", "a3": "poster.typ", "a5": "leaflet.typ"}
ASKED_BEFORE = frozenset({"draft", "announced", "collecting"})
STATUS = {"cancelled": "CANCELLED", "postponed": "TENTATIVE"}
CALLED_OFF = {
    "cancelled": lazy_gettext("CANCELLED"),
    "postponed": lazy_gettext("POSTPONED"),
}  # as phones show it


def code_of(space_id: int) -> str:
    """The short code of a visit, to be typed from paper: its number and a sign that tells a slip."""
    said, rest = "", space_id
    while rest:
        rest, digit = divmod(rest, len(DIGITS))
        said = DIGITS[digit] + said
    return said + _check(said)


def visit_of(code: str) -> int | None:
    """The number of the visit of a code, however it is typed; None for a slip."""
    said = code.upper().replace("-", "").replace(" ", "")
    if not 2 <= len(said) <= 8 or any(one not in DIGITS for one in said) or _check(said[:-1]) != said[-1]:
        return None
    number = 0
    for one in said[:-1]:
        number = number * len(DIGITS) + DIGITS.index(one)
    return number


def _check(said: str) -> str:
    return DIGITS[sum((at + 2) * DIGITS.index(one) for at, one in enumerate(reversed(said))) % len(DIGITS)]


def calendar(visit: Visit, space: api.Space, address: str, host: str) -> bytes:
    """A visit as calendars take it: the same UID for ever, and a SEQUENCE that rises when it is changed."""
    import icalendar  # a tenth of a process's start, for an address that few ask for

    event = icalendar.Event()
    event.add("uid", f"visit-{space.id}@{host}")
    event.add("sequence", visit.sequence)
    event.add("dtstamp", api.now())
    event.add("dtstart", visit.starts_at.astimezone(api.town_zone()))
    event.add("dtend", visit.ends_at.astimezone(api.town_zone()))
    event.add("summary", f"{CALLED_OFF[visit.state]} – {space.name}" if visit.off else space.name)
    event.add("location", visit.meeting_point)
    told = (visit.reason if visit.state in STATUS else "", space.summary, visit.access_notes, address)
    event.add("description", "\n\n".join(filter(None, told)))
    event.add("url", address)
    event.add("status", STATUS.get(visit.state, "CONFIRMED"))
    if visit.meeting_latitude is not None and visit.meeting_longitude is not None:
        event.add("geo", (visit.meeting_latitude, visit.meeting_longitude))
    found = icalendar.Calendar()
    found.add("prodid", "-//Parvis//Neighbourhood visits//EN")
    found.add("version", "2.0")
    found.add("method", "PUBLISH")
    found.add_component(event)
    found.add_missing_timezones()
    return bytes(found.to_ical())


def sheet(visit: Visit, space: api.Space, address: str, short: str, size: str) -> bytes:
    """A poster (a4, a3) or two leaflets on a page (a5), as PDF in the language that is spoken."""
    import segno  # for what is printed alone

    code = io.BytesIO()
    segno.make(address, error="m").save(code, kind="svg", xmldecl=False, border=0, dark="#000")
    taken = visit.state in ASKED_BEFORE and visit.questions_close_at > api.now()
    scan = _("Scan the code, or type this address:") if taken else _("To know more, scan the code or type:")
    officials = teams.officials_of(space.id)
    communes = reads.communes_of(officials)
    day = show.date(visit.last_moment)
    until = (
        _("Soon, ask your question, until %(date)s", date=day)
        if visit.opens_later(api.now())
        else _("Ask your question until %(date)s", date=day)
    )
    return api.pdf(
        TEMPLATES / SHEETS[size],
        {
            "lang": str(get_locale())[:2],
            "size": size,
            "town": render_template("visits/plan/town.txt").strip(),
            "title": space.name,
            "summary": space.summary,
            "kicker": _("Neighbourhood visit"),
            "labels": {
                "when": _("When"),
                "meet": _("Where"),
                "people": _("With"),
                "access": _("Access"),
            },
            "date": show.date(visit.starts_at),
            "hours": show.hours(visit),
            "place": visit.meeting_point,
            "access": visit.access_notes,
            "ask": until if taken else _("Come along: everybody may join and talk"),
            "how": scan,
            "short": short,
            "other": visit.other_ways if taken else "",
            "officials": [
                ", ".join(filter(None, (one.name, show.mandate(one, communes.get(one.id, "")))))
                for one in officials
            ],
            "qr": code.getvalue().decode(),
            "qr_alt": _("QR code of the page of the visit: %(address)s", address=short),
        },
        seconds=20,
    )


@blueprint.get("/c/<code>")
@api.needs("core.read")
def short_address(code: str) -> Page:
    """From the code on paper to the page of the visit; a slip leads to the list of visits."""
    space_id = visit_of(code)
    if space_id is None or api.db.session.get(Visit, space_id) is None:
        return show.draw("visits/plan/no_code.html", code=code), 404
    return redirect(url_for("visits.visit", space_id=space_id))


@blueprint.get("/<int:space_id>/visit.ics")
@api.needs("core.read")
def visit_ics(space_id: int) -> Response:
    """The visit for one's calendar."""
    found, space = visit_and_space(space_id)
    address = url_for("visits.visit", space_id=space_id, _external=True)
    host = address.partition("://")[2].partition("/")[0].partition(":")[0]
    answer = Response(calendar(found, space, address, host), mimetype="text/calendar")
    answer.headers["Content-Disposition"] = f'attachment; filename="visit-{space_id}.ics"'
    return answer


@blueprint.get("/<int:space_id>/<any(a4, a3, a5):size>.pdf")
@api.needs("visits.manage")
def print_sheet(space_id: int, size: str) -> Response:
    """A poster or leaflets of the visit, for its team to print."""
    found, space = visit_and_space(space_id)
    api.require("visits.manage", space)
    if not sheets(found):
        abort(404)
    code = code_of(space_id)
    address = url_for("visits.short_address", code=code, _external=True)
    made = sheet(found, space, address, address.partition("://")[2], size)
    return pdf_response(made, f"visit-{space_id}-{size}.pdf")


def sheets(visit: Visit) -> list[tuple[str, Any]]:
    """What can be printed to announce a visit that is to come: its size and its name."""
    if visit.ends_at < api.now() or visit.state in STATUS:
        return []
    return [("a4", _("Poster, A4")), ("a3", _("Poster, A3")), ("a5", _("Leaflets, two on an A4"))]
