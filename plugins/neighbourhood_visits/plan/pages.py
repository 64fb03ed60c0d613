"""The pages where the team plans the stops of a visit, and where everybody reads its agenda."""

from typing import Any

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from core import api
from core.api import gettext as _

from .. import reads
from ..models import Visit
from ..pages import REFUSED, Page, blueprint, visit_and_space
from ..show import draw
from . import map as maps
from . import ordering, route
from .forms import PinForm, StopForm
from .models import Stop

AGENDA = frozenset({"ready", "in_progress", "reporting", "published", "follow_up", "archived"})


@blueprint.get("/<int:space_id>/route")
@api.needs("visits.manage")
def plan_route(space_id: int) -> Page:
    """The stops of a visit for its team: their order, their time, what is talked about where."""
    return _route_page(space_id)


@blueprint.post("/<int:space_id>/route/stops")
@api.needs("visits.manage")
def add_stop(space_id: int) -> Page:
    """Add a stop by hand."""
    form: Any = StopForm()
    if not form.validate_on_submit():
        return _route_page(space_id, REFUSED, adding=form)
    return _done(space_id, lambda: route.add(space_id, form.said()), _("The stop is added."))


@blueprint.route("/stops/<int:stop_id>", methods=["GET", "POST"])
@api.needs("visits.manage")
def change_stop(stop_id: int) -> Page:
    """Change a stop: its name, place and time."""
    stop = api.get_or_404(Stop, stop_id)
    _found, space = visit_and_space(stop.space_id)
    api.require("visits.manage", space)
    form: Any = StopForm(obj=stop)
    if form.validate_on_submit():
        return _done(space.id, lambda: route.change(stop_id, form.said()), _("The stop is changed."))
    page = draw("visits/plan/stop.html", form=form, stop=stop, space=space)
    return (page, REFUSED) if form.errors else page


@blueprint.post("/stops/<int:stop_id>/turn")
@api.needs("visits.manage")
def turn_stop(stop_id: int) -> Page:
    """Move a stop up or down, or take it off the route."""
    space_id = api.get_or_404(Stop, stop_id).space_id
    verb = request.form.get("verb")
    if verb == "remove":
        return _done(space_id, lambda: route.remove(stop_id), _("The stop is off the route."))
    return _done(space_id, lambda: route.shift(stop_id, -1 if verb == "up" else 1), "", f"#stop-{stop_id}")


@blueprint.post("/<int:space_id>/route/order")
@api.needs("visits.manage")
def order_stops(space_id: int) -> Page:
    """Put the stops in the order that is sent, or else in one that is short to walk."""
    order = ids("stop")
    if order:
        return _done(space_id, lambda: route.arrange(space_id, order), _("The order is kept."))
    said = _("The stops are in an order that is short to walk. Move them if it suits you better.")
    return _done(space_id, lambda: route.suggest(space_id), said)


@blueprint.post("/<int:space_id>/route/questions")
@api.needs("visits.manage")
def place_questions(space_id: int) -> Page:
    """Have the questions that are ticked talked about at a stop, or at one of their own each."""
    picked = ids("pick")
    api.require("visits.manage", visit_and_space(space_id)[1])
    if not picked:
        api.says(_("Tick the questions first."), "error")
        return redirect(url_for("visits.plan_route", space_id=space_id))
    stop_id = next(iter(ids("stop")), 0) or None
    return _done(space_id, lambda: route.put(space_id, picked, stop_id), _("Done."))


@blueprint.post("/questions/<int:question_id>/off-route")
@api.needs("visits.manage")
def off_route(question_id: int) -> Page:
    """Have a question talked about at no stop."""
    space_id = api.get_or_404(api.Entry, question_id).space_id
    return _done(space_id, lambda: route.take_off(question_id), _("The question waits for another stop."))


@blueprint.post("/<int:space_id>/route/meeting")
@api.needs("visits.manage")
def pin_meeting(space_id: int) -> Page:
    """Say where on the map people meet."""
    form: Any = PinForm()
    if not form.validate_on_submit():
        return _route_page(space_id, REFUSED, pinning=form)
    pinned = (form.latitude.data, form.longitude.data)
    return _done(space_id, lambda: route.pin(space_id, *pinned), _("The meeting point is on the map."))


@blueprint.get("/<int:space_id>/agenda")
@api.needs("core.read")
def agenda(space_id: int) -> str:
    """Where a visit goes and what is talked about there, for everybody once it is prepared."""
    found, space = visit_and_space(space_id)
    public = found.state in AGENDA
    if not public and not api.can("visits.manage", space):
        abort(404)
    way = route.of(found)
    return draw(
        "visits/plan/agenda.html",
        visit=found,
        space=space,
        route=way,
        public=public,
        map=maps.drawing(found, space, way.legs),
        clock=clock,
    )


def map_of(visit: Visit, space: api.Space) -> Any:
    """The map on the page of a visit: with its stops once everybody may know of them."""
    return maps.drawing(visit, space, route.of(visit).legs if visit.state in AGENDA else [])


def _done(space_id: int, act: Any, said: str, where: str = "") -> Response:
    try:
        act()
        if said:
            api.says(said)
    except api.Refused as reason:
        api.says(str(reason), "error")
    return redirect(url_for("visits.plan_route", space_id=space_id) + where)


def _route_page(space_id: int, status: int = 200, adding: Any = None, pinning: Any = None) -> Page:
    found, space = visit_and_space(space_id)
    api.require("visits.manage", space)
    waiting, more = route.to_place(space_id)
    way = route.of(found)
    asked = [row[1] for rows in (waiting, *(leg.questions for leg in way.legs)) for row in rows]
    page = draw(
        "visits/plan/route.html",
        visit=found,
        space=space,
        route=way,
        behind=reads.behind(asked),
        waiting=waiting,
        more=more,
        pace=ordering.PACE,
        clock=clock,
        form=adding or pinning,
        adding=adding or StopForm(formdata=None),
        pinning=pinning or _pinned(found),
    )
    return page, status


def _pinned(visit: Visit) -> PinForm:
    return PinForm(formdata=None, latitude=visit.meeting_latitude, longitude=visit.meeting_longitude)


def ids(name: str) -> list[int]:
    """The ids that a form sends under this name; what is none is left out."""
    sent = request.form.getlist(name)
    return [int(one) for one in sent if one.isascii() and one.isdecimal() and len(one) < 10]


def clock(moment: Any) -> str:
    """The hour of a moment where the town is: 18:05."""
    return f"{moment.astimezone(api.town_zone()):%H:%M}"
