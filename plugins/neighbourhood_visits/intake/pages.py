"""The pages where staff take in a file of questions: give it, say what its columns hold, look, take it in."""

import datetime as dt
import hashlib
from pathlib import PurePath
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import redirect, request, url_for

from core import api
from core.api import gettext as _

from ..forms import ImportForm
from ..models import Import
from ..pages import REFUSED, Page, blueprint, form_page, visit_and_space
from ..report.words import CHANNELS
from ..show import draw
from . import imports, tables

SHOWN, MOST_VISITS = 5, 30


@blueprint.route("/import", methods=["GET", "POST"])
@api.needs("visits.import")
def give() -> Page:
    """Give a file of questions; `into` is a visit on whose team one is, for rows that name none."""
    form: Any = ImportForm(byline=str(imports.BYLINE))
    found = _into(request.args.get("into", type=int))
    if found:
        del form.day  # no visit is made
    if form.validate_on_submit():
        try:
            name, content = form.file.data.filename or "", form.file.data.read(tables.MOST_BYTES + 1)
            byline = form.byline.data or str(imports.BYLINE)
            ident = keep(name, content, found.day if found else form.day.data, byline, found and found.name)
            return redirect(url_for("visits.intake", import_id=ident))
        except api.Refused as reason:
            form.file.errors = [str(reason)]
    mine = sa.select(Import).order_by(Import.id.desc()).limit(10)
    return form_page("visits/import.html", form, mine=api.db.session.scalars(mine).all(), into=found)


class Into(NamedTuple):
    """The visit that rows are for which name none: by what an import knows it, and its day."""

    space: api.Space
    name: str
    day: dt.date


def _into(space_id: int | None) -> Into | None:
    if space_id is None:
        return None
    visit, space = visit_and_space(space_id)
    api.require("visits.review", space)
    day = visit.starts_at.astimezone(api.town_zone()).date()
    return Into(space, visit.code or space.name, day)


@blueprint.route("/import/<int:import_id>", methods=["GET", "POST"])
@api.needs("visits.import")
def intake(import_id: int) -> Page:
    """Say what the columns hold, look at what would be taken in, and take it in."""
    row = api.get_or_404(Import, import_id)
    refusal, status = "", 200
    if request.method == "POST":
        try:
            choose(row, {name: request.form[name] for name in imports.FIELDS if name in request.form})
            if "take" in request.form:
                start(row, request.form.get("came", ""))
            return redirect(url_for("visits.intake", import_id=import_id))
        except api.Refused as reason:
            refusal, status = str(reason), REFUSED
    table = None
    found: list[imports.Row] = []
    errors: list[tuple[int, str]] = []
    try:
        table = tables.read(row.content) if row.state == "checked" else None
        if table is not None:
            found, errors = imports.checked(table, row.columns, row.user_id)
    except api.Refused as reason:
        refusal = refusal or str(reason)
    known = imports.taken_in() if found else set()
    already = sum(one.key in known for one in found)
    visits, departments = imports.to_make(found, row.user_id)
    taken = row.result.get("visits", [])[:MOST_VISITS] if row.state == "done" else []
    spaces = sa.select(api.Space).where(api.Space.id.in_(taken)).order_by(api.Space.name, api.Space.id)
    page = draw(
        "visits/intake.html",
        row=row,
        table=table,
        labels=imports.LABELS,
        found=found,
        shown=found[:SHOWN],
        already=already,
        errors=errors,
        untold=sum(not one.channel for one in found),
        ways=CHANNELS,
        flagged=sum(bool(one.flags) for one in found),
        visits=visits,
        departments=departments,
        spaces=api.db.session.scalars(spaces).all() if taken else (),
        channels=dict.fromkeys(one.said["channel"] for one in found if one.channel is None),
        refusal=refusal,
    )
    return page, status


def keep(name: str, content: bytes, day: dt.date, byline: str, into: str | None = None) -> int:
    """Keep a table until it is taken in; its columns are as in the last one like it, or else guessed.

    What counts is what somebody chose or took in, not what was merely guessed. A column more says `into`
    which visit, if one is given, and is that of the visit where the file has none.
    """
    api.require("visits.import")
    content = tables.as_csv(content[: tables.MOST_BYTES + 1])
    table = tables.read(content)
    guessed = imports.guess(table.header)
    if into:
        guessed.setdefault("visit", len(table.header))
        content = tables.with_column(content, str(_("All rows into this visit")), into)
        table = tables.read(content)
    header = hashlib.sha256("\0".join(table.header).encode()).hexdigest()
    with api.write() as session:
        same = sa.select(Import.columns).where(Import.header == header, Import.chosen)
        columns = session.scalar(same.order_by(Import.id.desc()).limit(1)) or guessed
        row = Import(user_id=api.viewer().id, name=PurePath(name).name[:120], header=header, columns=columns)
        row.day, row.content, row.byline = day, content, byline
        session.add(row)
        session.flush()
        return row.id


def choose(row: Import, said: dict[str, str]) -> None:
    """Say which column holds which field, "" that none does; remembered for files with the same columns."""
    with api.write():
        _must_wait(row)
        columns = {str(at): at for at in range(len(tables.read(row.content).header))}
        chosen = {name: columns.get(text) for name, text in said.items() if text in {"", *columns}}
        row.columns = {name: at for name, at in {**row.columns, **chosen}.items() if at is not None}
        row.chosen = True


def start(row: Import, came: str) -> None:
    """Have the worker take the file in, unless something is wrong; rows without a channel `came` so."""
    with api.write():
        _must_wait(row)
        rows, errors = imports.checked(tables.read(row.content), row.columns, row.user_id)
        if errors:
            raise api.Refused(_("Nothing is taken in as long as lines are wrong."))
        if came not in CHANNELS and not all(one.channel for one in rows):
            raise api.Refused(_("Say how the questions came: the report publishes it."))
        row.state = "waiting"
        api.enqueue("visits.take_in", import_id=row.id, came=came if came in CHANNELS else "paper")


def _must_wait(row: Import) -> None:
    """Hold a file until the write ends; Refused where somebody has it taken in already."""
    if _state(row.id) != "checked":
        raise api.Refused(_("This file is taken in already."))


def _state(import_id: int) -> str:
    """Where a file stands, which is held so until the write ends."""
    held = api.lock(sa.select(Import).where(Import.id == import_id))
    state: str = api.db.session.scalars(held).one().state
    return state


def run(import_id: int, came: str = "paper") -> None:
    """Job: take a file in, all of it or nothing, and forget its content; of several, one after another."""
    with api.as_system("take in what staff gave"):
        row = api.db.session.get(Import, import_id)
        if row is None or row.state != "waiting":
            return
        table = tables.read(row.content)
        with api.write():
            if _state(import_id) != "waiting":
                return
            row.result = {"read": len(table.rows)}
            _tell(row)
        with api.write() as session:
            others = sa.select(Import.id).where(Import.state == "waiting").order_by(Import.id)
            if import_id not in session.scalars(api.lock(others)).all():
                return
            byline = row.byline or str(imports.BYLINE)
            person = row.user_id
            result = imports.take_in(table, row.columns, byline, row.day, [person], came=came, giver=person)
            row.state, row.content = ("failed" if result.errors else "done"), b""
            counts = {name: getattr(result, name) for name in ("imported", "already", "flagged")}
            row.result = {**counts, "visits": _visits_of(table, row.columns, person)}
            _tell(row)


def _visits_of(table: tables.Table, columns: dict[str, int], giver: int) -> list[int]:
    """The visits that the questions of a table belong to."""
    found = imports.meant(imports.rows_of(table, columns)[0], giver).values()
    return sorted({some[0].space_id for some in found if some})


def _tell(row: Import) -> None:
    api.emit(api.get_or_404(api.User, row.user_id), "visits.import", row.id)
