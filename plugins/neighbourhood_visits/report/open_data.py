"""The public questions of visits as open data: CSV in which no cell is taken for a formula, JSON, GeoJSON."""

import csv
import io
from typing import Any

from flask import Response, abort, jsonify

from core import api

from .. import quiet
from ..pages import blueprint, visit_and_space
from ..show import draw
from .data import TABLES, open_tables, public_visits
from .figures import Row

FORMULA = ("=", "+", "-", "@", "\t", "\r", *"\uff1d\uff0b\uff0d\uff20")  # also as wide as an ideograph
COLUMNS = {name: tuple(column[0] for column in columns) for name, columns in TABLES.items()}


@blueprint.get("/open-data")
@api.needs("core.read")
def open_data() -> str:
    """What there is, as files, and what each column means."""
    silent = quiet.sentence()
    shown = {name: columns for name, columns in TABLES.items() if name != "counts" or not silent}
    return draw("visits/report/open_data.html", tables=shown, quiet=silent)


@blueprint.get("/<int:space_id>/<any(questions, counts, commitments):table>.csv")
@api.needs("core.read")
def visit_csv(space_id: int, table: str) -> Response:
    """A table about one visit."""
    visit_and_space(space_id)
    return _csv(table, [space_id], f"visit-{space_id}-{table}.csv")


@blueprint.get("/<int:space_id>/data.json")
@api.needs("core.read")
def visit_json(space_id: int) -> Response:
    """All tables about one visit."""
    visit_and_space(space_id)
    return jsonify(_rows([space_id]))


@blueprint.get("/<int:space_id>/questions.geojson")
@api.needs("core.read")
def visit_geojson(space_id: int) -> Response:
    """The questions of one visit that have a pin."""
    visit_and_space(space_id)
    return _geojson(_rows([space_id])["questions"])


@blueprint.get("/open-data/<any(questions, counts, commitments, visits):table>.csv")
@api.needs("core.read")
def town_csv(table: str) -> Response:
    """A table about all public visits of the town."""
    return _csv(table, public_visits(), f"visits-{table}.csv")


@blueprint.get("/open-data/data.json")
@api.needs("core.read")
def town_json() -> Response:
    """All tables about all public visits of the town."""
    return jsonify(_rows(public_visits()))


@blueprint.get("/open-data/questions.geojson")
@api.needs("core.read")
def town_geojson() -> Response:
    """The questions of all public visits that have a pin."""
    return _geojson(_rows(public_visits())["questions"])


@blueprint.get("/open-data/<any(questions, counts, commitments, visits):table>.schema.json")
@api.needs("core.read")
def table_schema(table: str) -> Response:
    """What the columns of a table hold, as a Table Schema."""
    fields = [{"name": name, "type": kind, "description": str(means)} for name, kind, means in TABLES[table]]
    schema: dict[str, Any] = {"fields": fields, "missingValues": [""]}
    if "id" in COLUMNS[table]:
        schema["primaryKey"] = ["id"]
    return jsonify(schema)


def _rows(space_ids: list[int]) -> dict[str, list[Row]]:
    """The tables about these visits, but for the figures before an election."""
    return quiet.without_figures(open_tables(space_ids))


def harmless(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula; a number is none."""
    if not isinstance(cell, str):
        return "" if cell is None else cell
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _csv(table: str, space_ids: list[int], name: str) -> Response:
    rows = _rows(space_ids).get(table)
    if rows is None:
        abort(404)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS[table])
    writer.writerows([harmless(row[column]) for column in COLUMNS[table]] for row in rows)
    named = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue(), mimetype="text/csv", headers=named)


def _geojson(questions: list[Row]) -> Response:
    features = [
        {
            "type": "Feature",
            "id": row["id"],
            "geometry": {"type": "Point", "coordinates": [row["longitude"], row["latitude"]]},
            "properties": {
                name: value for name, value in row.items() if name not in ("latitude", "longitude")
            },
        }
        for row in questions
        if row["latitude"] is not None and row["longitude"] is not None
    ]
    answer = jsonify({"type": "FeatureCollection", "features": features})
    answer.mimetype = "application/geo+json"
    return answer
