"""An absent official's delegate: on the same teams for some days, and named in the record."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from flask import redirect, url_for

from core import api
from core.api import gettext as _

from ..pages import Page, blueprint, form_page
from ..teams import DELEGATES as SOURCE
from ..teams import names
from . import places
from .forms import DelegateForm
from .models import Delegate


@blueprint.route("/delegate", methods=["GET", "POST"])
@api.needs("visits.delegate")
def delegate() -> Page:
    """Say who approves answers in one's place, and from when until when; or that one is back."""
    row = api.db.session.get(Delegate, api.viewer().id)
    form = DelegateForm.offered(row)
    if not form.validate_on_submit():
        people = names([row.delegate_id]) if row else {}
        return form_page("visits/approve/delegate.html", form, row=row, people=people, label_day=api.day)
    name(form.delegate.data, form.begins.data, form.ends.data)
    api.says(_("Noted: this person approves answers in your place on these days."))
    return redirect(url_for("visits.delegate"))


@blueprint.post("/delegate/end")
@api.needs("visits.delegate")
def end_delegate() -> Page:
    """Say that one is back."""
    name(None, None, None)
    api.says(_("Noted: nobody approves answers in your place any more."))
    return redirect(url_for("visits.delegate"))


def name(delegate_id: int | None, begins_on: Any, ends_on: Any) -> None:
    """Name the viewer's delegate for these days, in place of any other; None ends it."""
    api.require("visits.delegate")
    person: Any = api.viewer().id
    with api.write() as session:
        row = session.get(Delegate, person)
        if row is None and delegate_id is None:
            return
        if row is not None:
            session.delete(row)
            session.flush()
        if delegate_id is not None:
            session.add(
                Delegate(user_id=person, delegate_id=delegate_id, begins_on=begins_on, ends_on=ends_on)
            )
            session.flush()
        api.audit("visits.delegate", f"user/{person}", delegate=delegate_id)
        with api.as_system("a delegate takes a place on teams"):
            places.apply(person)


def approves_for(space_id: int) -> int | None:
    """For which absent official the viewer approves here; None who is an official of the visit themselves."""
    return absent([space_id]).get(space_id)


def absent(space_ids: Collection[int]) -> dict[int, int]:
    """The same for each of these visits on which the viewer approves for somebody: one statement."""
    rows = sa.select(api.Membership.space_id, api.Membership.source).where(
        api.Membership.user_id == api.viewer().id,
        api.Membership.space_id.in_(space_ids),
        api.Membership.role == "official",
        sa.or_(api.Membership.expires_at.is_(None), api.Membership.expires_at > api.now()),
    )
    sources: dict[int, list[str]] = {}
    for space_id, source in api.db.session.execute(rows.order_by(api.Membership.source)):
        sources.setdefault(space_id, []).append(source)
    return {
        space_id: int(some[0].removeprefix(SOURCE))
        for space_id, some in sources.items()
        if all(one.startswith(SOURCE) for one in some)
    }
