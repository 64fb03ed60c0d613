"""The page on which somebody says in which part of the town they live: by address, map or name."""

from typing import Any

from flask import make_response, redirect, request, url_for
from werkzeug.wrappers import Response

from core import api
from core.api import gettext as _

from ..pages import Page, blueprint, form_page
from . import areas, geocoder
from .forms import NearForm
from .maps import map_of_town

COOKIE = "visits_area"
KEPT = 180 * 24 * 3600


@blueprint.route("/near", methods=["GET", "POST"])
@api.needs("core.read")
def near() -> Page:
    """Find one's neighbourhood; only which it is stays, in the browser."""
    if "forget" in request.form and api.Form().validate_on_submit():
        return _kept(None)
    form: Any = NearForm(area=0)
    form.area.choices = [(0, _("Choose")), *areas.names()]
    if form.validate_on_submit():
        area = _found(form)
        if area is not None:
            api.says(_("Your neighbourhood: %(area)s", area=area.name))
            return _kept(area.id)
        form.form_errors.append(
            _("We could not find this in the town. Choose your neighbourhood by its name.")
        )
    context = {"map": map_of_town(), "geocoder": geocoder.known()}
    return form_page("visits/collect/near.html", form, **context)


def _found(form: Any) -> api.Area | None:
    """The area of what was filled in: the name chosen, the pin, or the address."""
    if form.area.data:
        return api.db.session.get(api.Area, form.area.data)
    pin = form.pin()
    if not pin:
        api.throttle("work")
    place = None if pin else geocoder.search(form.address.data or "")
    at = pin or ((place.latitude, place.longitude) if place else None)
    return areas.area_at(*at) if at else None


def _kept(area_id: int | None) -> Response:
    answer = make_response(redirect(url_for("visits.index")))
    how: Any = {"path": "/visits", "httponly": True, "samesite": "Lax", "secure": request.is_secure}
    if area_id is None:
        answer.delete_cookie(COOKIE, **how)
    else:
        answer.set_cookie(COOKIE, str(area_id), max_age=KEPT, **how)
    return answer
