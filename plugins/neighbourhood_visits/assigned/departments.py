"""Departments of the town: the pages where staff keep them, and the verb behind them."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import redirect, url_for

from core import api
from core.api import gettext as _

from .. import seen, teams
from ..models import Casework, Commitment, Department, DepartmentMember, Question
from ..pages import Page, blueprint, form_page
from ..show import draw
from ..states import Case, question_case
from . import links
from .due import OPEN
from .forms import DepartmentForm


@blueprint.get("/departments")
@api.needs("visits.organise")
def departments() -> str:
    """The departments, with their mailbox, the official in charge and the days to answer."""
    rows = teams.departments()
    people = teams.names(row.official_id for row in rows)
    return draw("visits/departments.html", rows=rows, people=people, unreached=teams.unreached())


@blueprint.route("/departments/new", methods=["GET", "POST"])
@api.needs("visits.organise")
def new_department() -> Page:
    """Add a department."""
    return _department_page(None)


@blueprint.route("/departments/<int:department_id>", methods=["GET", "POST"])
@api.needs("visits.organise")
def department(department_id: int) -> Page:
    """Change a department."""
    return _department_page(api.get_or_404(Department, department_id))


def _department_page(row: Department | None) -> Page:
    form = DepartmentForm.offered(row)
    if not form.validate_on_submit():
        return form_page("visits/department_form.html", form, department=row)
    try:
        save(row, form.said(), form.members.data, form.read.data)
    except api.Refused as reason:
        form.form_errors.append(str(reason))
        if row is not None:
            form.over(teams.department_said(row))
        return form_page("visits/department_form.html", form, department=row)
    api.says(_("The department is saved."))
    return redirect(url_for("visits.departments"))


def save(row: Department | None, values: dict[str, Any], members: list[int], read: str | None = None) -> int:
    """Keep a department, new or changed, with exactly these members; its id. Two never have one name.

    Refused over another than was `read`.
    """
    api.require("visits.organise")
    folded = api.fold(values["name"])[:120]
    with api.write() as session:
        if row is not None and read is not None:
            row = session.scalars(api.lock(sa.select(Department).where(Department.id == row.id))).one()
            stands = teams.department_said(row)
            wanted = {
                "name": values["name"],
                "mailbox": values["mailbox"],
                "official": values["official_id"] or 0,
                "days": values["days_to_answer"],
                "members": sorted(members),
            }
            if stands != wanted:  # else a second tap
                seen.must_be_same(stands, read)
        same = session.scalars(sa.select(Department).where(Department.folded == folded)).one_or_none()
        if same is not None and (row is None or same.id != row.id):
            raise api.Refused(_("There is a department of this name."))
        reached = _reached(row) if row else ""
        if row is None:
            row = Department(**values)
            _name(row, values["name"], folded)
        else:
            for name in values.keys() - {"name"}:
                setattr(row, name, values[name])
        gone = sa.delete(DepartmentMember).where(
            DepartmentMember.department_id == row.id, DepartmentMember.user_id.not_in(members)
        )
        session.execute(gone)
        for user_id in members:
            api.insert_once(DepartmentMember, department_id=row.id, user_id=user_id)
        if _reached(row) != reached:
            _tell_what_waits([row.id], links.follow_department if reached else links.follow_assignment)
        if row.name != values["name"]:
            _find_anew(row)
        _name(row, values["name"], folded)  # the last: until then who holds a question may refer to its row
        return row.id


def _name(row: Department, name: str, folded: str) -> None:
    """Give a department its name; Refused where somebody gives it to another at the same moment."""
    row.name, row.folded = name, folded
    api.db.session.add(row)
    try:
        api.db.session.flush()
    except sa.exc.IntegrityError:
        raise api.Refused(_("There is a department of this name.")) from None


def _find_anew(row: Department) -> None:
    """Let the search find what a department has promised by its name of now; inside a write."""
    about = sa.select(Commitment.question_id).where(Commitment.department_id == row.id)
    with api.as_system("whoever keeps departments need not be on the team"):
        for entry in api.db.session.scalars(sa.select(api.Entry).where(api.Entry.id.in_(about))):
            api.reindex(entry)


def _reached(row: Department) -> str:
    """How a department hears of a request: its members by notices, else its mailbox, else not at all."""
    return "members" if links.members(row.id) else row.mailbox


def leave(user_id: int) -> None:
    """Somebody works in no department any more: whoever is told there now hears of what waits; in a write."""
    own = sa.select(DepartmentMember.department_id).where(DepartmentMember.user_id == user_id)
    theirs = api.lock(sa.select(Department).where(Department.id.in_(own)).order_by(Department.id))
    with api.as_system("who leaves the town leaves its departments"):
        before = {row: _reached(row) for row in api.db.session.scalars(theirs)}
        api.db.session.execute(sa.delete(DepartmentMember).where(DepartmentMember.user_id == user_id))
        others = [row.id for row, reached in before.items() if _reached(row) != reached]
    _tell_what_waits(others, links.follow_department)


def resign(user_id: int) -> None:
    """Somebody governs no longer, and is in charge of no department and of no answer to come; in a write."""
    charged = api.lock(sa.select(Department).where(Department.official_id == user_id).order_by(Department.id))
    with api.as_system("who governs no longer is in charge of nothing"):
        for row in api.db.session.scalars(charged):
            row.official_id = None
        to_come = sa.and_(Casework.official_id == user_id, Casework.answer.in_(("none", *OPEN)))
        api.db.session.execute(sa.update(Casework).where(to_come).values(official_id=None))


def _tell_what_waits(department_ids: list[int], tell: Callable[[Case], None]) -> None:
    """Others hear now of what is assigned to these departments; where nobody could, their days begin."""
    with api.as_system("whoever keeps departments need not be on the team"):
        waits = sa.select(Casework.entry_id).where(Casework.department_id.in_(department_ids))
        waits = waits.join(Question, Question.entry_id == Casework.entry_id)
        waits = waits.where(Casework.answer.in_(OPEN), Question.triage == "accepted")
        for question_id in api.db.session.scalars(waits.order_by(Casework.space_id, Casework.entry_id)).all():
            tell(question_case(question_id))
        api.db.session.flush()
