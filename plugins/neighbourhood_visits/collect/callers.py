"""Who asked without an account: no message reaches them when a visit moves, so the team calls them back."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import url_for

from core import api

from ..models import Asker, Casework, Question
from ..pages import blueprint, visit_and_space
from ..show import draw

MOST = 500


@dataclass(frozen=True)
class Untold:
    """How many questions came from people whom no message reaches: with a contact, and without any."""

    contacts: int
    nobody: int
    url: str


def untold(space_id: int) -> Untold:
    """How many questions of a visit came from people whom no message reaches: one statement."""
    has = sa.case((Casework.contact != "", 1), else_=0)
    rows = _without_account(space_id, sa.func.count(), sa.func.coalesce(sa.func.sum(has), 0))
    with _team():
        asked, contacts = api.db.session.execute(rows).one()
    return Untold(contacts, asked - contacts, url_for("visits.callers", space_id=space_id))


@blueprint.get("/<int:space_id>/callers")
@api.needs("visits.review")
def callers(space_id: int) -> str:
    """Whom the team calls back about a visit, by their question."""
    visit, space = visit_and_space(space_id)
    api.require("visits.review", space)
    rows = _without_account(space_id, api.Entry, Casework.contact).where(Casework.contact != "")
    with _team():
        found = api.db.session.execute(rows.order_by(api.Entry.id).limit(MOST)).all()
    return draw("visits/callers.html", visit=visit, space=space, rows=found, untold=untold(space_id))


def _team() -> Any:
    """The team, whose right was asked before, is told who is reached already; not who they are."""
    return api.as_system("the team calls those back who have no account")


def _without_account(space_id: int, *columns: Any) -> Any:
    """The questions of a visit that nobody with an account asked, and that nobody took back."""
    with_account = sa.select(Asker.entry_id).where(Asker.entry_id == api.Entry.id)
    return (
        sa.select(*columns)
        .select_from(api.Entry)
        .join(Question, Question.entry_id == api.Entry.id)
        .join(Casework, Casework.entry_id == api.Entry.id)
        .where(api.Entry.space_id == space_id, api.Entry.state != "removed", Question.triage != "withdrawn")
        .where(api.Entry.author_id.is_(None), ~with_account.exists())
    )
