"""The parts of the town: the page on which administrators add, rename, bring in and take out areas."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf.file import FileField, FileRequired
from werkzeug.wrappers import Response
from wtforms import SelectChoice, SelectField, StringField  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length

from core import access
from core.access import Refused
from core.audit import audit
from core.db import db, lock, write
from core.forms import Form
from core.models import Area, Space, User
from core.text import one_line
from core.web import get_or_404, needs, says

from ..spaces import reads
from .forms import indented
from .views import menu

blueprint = Blueprint("areas", __name__, url_prefix="/admin/areas")
blueprint.context_processor(menu)

LEVELS = {
    "agglomeration": _("Agglomeration"),
    "commune": _("Commune"),
    "neighbourhood": _("Neighbourhood"),
}
NAMES = ("name", "nom", "NAME", "NOM", "libelle", "l_qu")
MOST, CORNERS = 500, 200_000


class Placed(Form):
    """What areas are, and what they lie in."""

    level = SelectField(_("What it is"), choices=[SelectChoice(*item) for item in LEVELS.items()])
    parent_id = SelectField(_("Lies in"), coerce=int)

    def __init__(self, **kw: Any) -> None:
        super().__init__(**kw)
        self.parent_id.choices = [SelectChoice(0, gettext("Nothing larger")), *_choices()]


class AreaForm(Placed):
    """A new area."""

    name = StringField(_("Name"), [InputRequired(_("Write the name of the area.")), Length(max=120)])


class ImportForm(Placed):
    """A GeoJSON file of areas."""

    file = FileField(_("GeoJSON file"), [FileRequired(_("Choose a file."))])


class RenameForm(Form):
    """A new name for an area."""

    name = AreaForm.name


@blueprint.route("", methods=["GET", "POST"])
@needs("core.manage_town")
def index() -> str | Response:
    """The tree of areas, and a form for one more."""
    form = AreaForm()
    if form.validate_on_submit():
        try:
            [added, _known] = add(
                [(form.name.data or "", None)], form.level.data, form.parent_id.data or None
            )
        except Refused as refusal:
            form.parent_id.errors = [str(refusal)]
        else:
            if added:
                says(gettext("%(name)s is added.", name=form.name.data))
                return redirect(url_for("areas.index"))
            form.name.errors = [gettext("There is an area of this name already.")]
    return _page(form, ImportForm(prefix="file", formdata=None))


@blueprint.post("/import")
@needs("core.manage_town")
def index_import() -> str | Response:
    """Take areas in from a GeoJSON file; all of them, or none."""
    form = ImportForm(prefix="file")
    if form.validate_on_submit():
        try:
            found = read(form.file.data.read())
            added, known = add(found, form.level.data, form.parent_id.data or None)
        except Refused as refusal:
            form.file.errors = [str(refusal)]
        else:
            says(
                gettext(
                    "Areas added: %(added)s. Already there, with their border brought up to date: %(known)s.",
                    added=added,
                    known=known,
                )
            )
            return redirect(url_for("areas.index"))
    return _page(AreaForm(formdata=None), form)


@blueprint.route("/<int:area_id>", methods=["GET", "POST"])
@needs("core.manage_town")
def index_edit(area_id: int) -> str | Response:
    """Rename an area."""
    area = get_or_404(Area, area_id)
    form: Any = RenameForm(obj=area)
    if form.validate_on_submit():
        try:
            rename(area_id, form.name.data)
        except Refused as refusal:
            form.name.errors = [str(refusal)]
        else:
            says(gettext("Saved for %(name)s.", name=form.name.data))
            return redirect(url_for("areas.index"))
    return render_template("portal/admin_area.html", form=form, area=area, used=used(area_id))


@blueprint.post("/<int:area_id>/remove")
@needs("core.manage_town")
def index_remove(area_id: int) -> Response:
    """Take out an area that nothing and nobody belongs to."""
    name = get_or_404(Area, area_id).name
    with write() as session:
        held = sa.select(Area.id).where(Area.id == area_id).with_for_update()  # no new row refers to it now
        session.scalars(held).all()
        free = not used(area_id)
        if free:
            session.execute(sa.delete(Area).where(Area.id == area_id))
            audit("area.removed", f"area/{area_id}")
    if not free:
        says(gettext("People, spaces or smaller areas belong to %(name)s.", name=name), "warning")
        return redirect(url_for("areas.index_edit", area_id=area_id))
    says(gettext("%(name)s is taken out.", name=name))
    return redirect(url_for("areas.index"))


def _page(form: AreaForm, importing: ImportForm) -> str:
    people = sa.select(sa.func.count()).where(User.area_id == Area.id, User.closed_at.is_(None))
    spaces = sa.select(sa.func.count()).where(Space.area_id == Area.id)
    with access.as_system("count who and what belongs to an area"):
        rows = db.session.execute(
            sa.select(
                *(Area.id, Area.name, Area.level, Area.path, Area.boundary.is_not(None).label("drawn")),
                people.scalar_subquery().label("people"),
                spaces.scalar_subquery().label("spaces"),
            ).order_by(Area.path)
        ).all()
    return render_template(
        "portal/admin_areas.html", form=form, importing=importing, areas=rows, levels=LEVELS
    )


def _choices() -> list[SelectChoice]:
    return [SelectChoice(row.id, indented(row)) for row in reads.areas()]


def rename(area_id: int, name: str) -> None:
    """Give an area another name; Refused where one of its level beside it has it."""
    access.require("core.manage_town")
    with write() as session:
        area = session.scalars(lock(sa.select(Area).where(Area.id == area_id))).one()
        beside = sa.select(Area.name).where(Area.id != area_id, Area.level == area.level)
        beside = beside.where(Area.parent_id.is_not_distinct_from(area.parent_id))
        if name.casefold() in {other.casefold() for other in session.scalars(beside)}:
            raise Refused(gettext("There is an area of this name already."))
        area.name = name
        audit("area.renamed", f"area/{area_id}")


def used(area_id: int) -> bool:
    """Whether people, spaces or other areas belong to an area."""
    with access.as_system("see whether an area is in use"):
        return any(
            db.session.scalar(sa.select(model.id).where(column == area_id).limit(1)) is not None
            for model, column in ((User, User.area_id), (Space, Space.area_id), (Area, Area.parent_id))
        )


def add(
    found: Sequence[tuple[str, dict[str, Any] | None]], level: str, parent_id: int | None
) -> tuple[int, int]:
    """Add areas with their borders inside another; how many are new, and how many were there by name."""
    access.require("core.manage_town")
    if level not in LEVELS:
        raise Refused(gettext("There is no such level of areas."))
    with write() as session:
        above = session.scalars(lock(sa.select(Area).where(Area.id == parent_id))).one_or_none()
        if above is None and parent_id is not None:
            raise Refused(gettext("The area in which these lie is not there any more."))
        if above is not None and list(LEVELS).index(level) <= list(LEVELS).index(above.level):
            raise Refused(gettext("%(small)s can’t lie in %(name)s.", small=LEVELS[level], name=above.name))
        there = {
            area.name.casefold(): area
            for area in session.scalars(sa.select(Area).filter_by(parent_id=parent_id, level=level))
        }
        added = 0
        for name, boundary in found:
            area = there.get(name.casefold())
            if area is None:
                area = there[name.casefold()] = Area(name=name, level=level, parent_id=parent_id)
                session.add(area)
                session.flush()
                area.path = f"{above.path if above else '/'}{area.id}/"
                added += 1
            if boundary is not None:
                area.boundary = boundary
        audit("area.added", f"area/{parent_id or 0}", level=level, added=added, known=len(found) - added)
    return added, len(found) - added


def read(content: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Names and borders of the areas in a GeoJSON file; raises Refused saying which one is wrong.

    Source: RFC 7946. Borders are polygons in degrees, longitude first.
    """
    try:
        data = json.loads(content.decode("utf-8-sig"), parse_constant=_no_number)
        features = data["features"] if data["type"] == "FeatureCollection" else [data]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused(gettext("This is not a GeoJSON file.")) from None
    if not isinstance(features, list) or not 0 < len(features) <= MOST:
        raise Refused(gettext("The file should hold 1 to %(most)s areas.", most=MOST))
    found = []
    left = CORNERS
    for number, feature in enumerate(features, 1):
        try:
            name, geometry = _name(feature["properties"]), feature["geometry"]
            left -= sum(map(_checked, _rings(geometry)))
        except (KeyError, TypeError, ValueError, OverflowError):
            raise Refused(
                gettext("Area %(number)s of the file needs a name and a border in degrees.", number=number)
            ) from None
        if left < 0:
            raise Refused(gettext("These borders are too detailed: simplify them first."))
        found.append((name, {"type": geometry["type"], "coordinates": geometry["coordinates"]}))
    return found


def _no_number(name: str) -> float:
    raise ValueError(name)


def _name(properties: Any) -> str:
    if not isinstance(properties, dict):
        raise TypeError("no properties")
    name = next((properties[key] for key in NAMES if isinstance(properties.get(key), str)), "")
    name.encode()  # a lone surrogate can't be
    name = one_line(name)
    if not 0 < len(name) <= 120:
        raise ValueError("no name")
    return name


def _rings(geometry: dict[str, Any]) -> Iterator[Any]:
    polygons = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        polygons = [polygons]
    elif geometry["type"] != "MultiPolygon":
        raise ValueError("not an area")
    if not polygons or not all(polygons):
        raise ValueError("no ring")
    for polygon in polygons:
        yield from polygon


def _checked(ring: Any) -> int:
    """The number of a closed ring's corners."""
    if len(ring) < 4 or ring[0] != ring[-1]:
        raise ValueError("not a ring")
    for east, north, *height in ring:
        if not (math.fabs(east) <= 180 and math.fabs(north) <= 90 and all(map(math.isfinite, height))):
            raise ValueError("not in degrees")
    return len(ring)
