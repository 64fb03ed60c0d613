"""The queue: open cases of the spaces where the viewer moderates, danger first, then by age, by keyset."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask import render_template
from sqlalchemy.orm import aliased

from core import api
from core.api import gettext as _

PAGE, TEXTS, NOTICES, COUNTED = 20, 3, 10, 99
URGENT = ("child", "danger")


@dataclass
class Item:
    """A case as the page draws it: what was said, by whom, where, and what was reported of it."""

    case: Any
    entry: Any
    space: Any
    author: str
    appellant: str
    first: Any
    reasons: list[tuple[str, int]] = field(default_factory=list)
    texts: list[Any] = field(default_factory=list)
    legal: bool = False

    @property
    def urgent(self) -> bool:
        """Whether somebody may come to harm while it waits."""
        return any(reason in URGENT for reason, _count in self.reasons)


def waiting(
    space_id: int | None = None, after: int = 0, urgent: bool = True
) -> tuple[list[Item], Item | None]:
    """A page of the queue behind a case that is urgent or not, and its last item if more follow."""
    behind = api.Case.id > after
    which = sa.or_(~_urgent(), behind) if urgent else sa.and_(~_urgent(), behind)
    narrowed = (api.Case.space_id == space_id,) if space_id else ()
    items = _items(api.Case.decided_at.is_(None), which, *narrowed, limit=PAGE + 1)
    return items[:PAGE], items[PAGE - 1] if len(items) > PAGE else None


def item(case_id: int) -> Item | None:
    """One case, open or decided, if the viewer moderates where it is."""
    return next(iter(_items(api.Case.id == case_id, limit=1)), None)


def panels(place: str) -> list[api.Panel]:
    """The way to the queue, for staff; on the home page only when something waits. To all, to the figures."""
    if place == "report":
        return [api.Panel(_("What becomes of reports"), render_template("moderation/figures_link.html"))]
    if place not in ("home", "dashboard") or not api.viewer().staff:
        return []
    some = sa.select(api.Case.id).join(api.Space, api.Space.id == api.Case.space_id)
    some = some.where(api.Case.decided_at.is_(None), _overseen()).limit(COUNTED + 1)
    with api.as_system("count what waits for who moderates"):
        count = len(api.db.session.scalars(some).all())
    if place == "home" and not count:
        return []
    html = render_template("moderation/panel.html", count=count, most=COUNTED)
    return [api.Panel(_("Moderation"), html, weight=6, urgent=place == "home")]


def spaces() -> Sequence[Any]:
    """The spaces where something waits for the viewer, by name; fifty at most."""
    open_here = sa.select(api.Case.id).where(api.Case.space_id == api.Space.id, api.Case.decided_at.is_(None))
    statement = sa.select(api.Space.id, api.Space.name).where(_overseen(), open_here.exists())
    with api.as_system("moderators see where something waits"):
        return api.db.session.execute(statement.order_by(api.Space.name).limit(50)).all()


def _overseen() -> Any:
    """The clause that the viewer of this moment moderates in a space, as `api.oversees` has it."""
    person, end = api.viewer(), api.Membership.expires_at
    mine = (api.Membership.space_id == api.Space.id, api.Membership.user_id == person.id)
    team = sa.select(api.Membership.space_id).where(
        *mine, api.Membership.team, sa.or_(end.is_(None), end > api.now())
    )
    if not person.staff:
        return team.exists()
    near = api.Space.area_id.in_(sa.select(api.Area.id).where(api.Area.path.startswith(person.reach)))
    public = api.Space.visibility.in_(("public", "portal"))
    return sa.or_(team.exists(), sa.and_(public, near if person.reach else sa.true()))


def _urgent() -> Any:
    """The clause that a case was reported because somebody may come to harm."""
    mine = sa.select(api.Report.id).where(api.Report.case_id == api.Case.id, api.Report.reason.in_(URGENT))
    return mine.exists()


def _items(*which: Any, limit: int) -> list[Item]:
    author, appellant, first = aliased(api.User), aliased(api.User), aliased(api.Case)
    statement = (
        sa.select(api.Case, api.Entry, api.Space, author.name, appellant.name, first)
        .join(api.Space, api.Space.id == api.Case.space_id)
        .outerjoin(api.Entry, api.Entry.id == api.Case.entry_id)
        .outerjoin(author, author.id == api.Case.author_id)
        .outerjoin(appellant, appellant.id == api.Case.appellant_id)
        .outerjoin(first, first.id == api.Case.appeal_of)
        .where(_overseen(), *which)
        .order_by(_urgent().desc(), api.Case.id)
        .limit(limit)
    )
    with api.as_system("moderators see what waits in their spaces"):
        rows = api.db.session.execute(statement).all()
        items = {row[0].id: Item(row[0], row[1], row[2], row[3] or "", row[4] or "", row[5]) for row in rows}
        _add_reports(items)
    return list(items.values())


def _add_reports(items: dict[int, Item]) -> None:
    """What was reported: how often for which reason, and the latest words, in one statement."""
    place = sa.func.row_number().over(partition_by=api.Report.case_id, order_by=api.Report.id.desc())
    reason = sa.func.row_number().over(
        partition_by=(api.Report.case_id, api.Report.reason), order_by=api.Report.id.desc()
    )
    count = sa.func.count().over(partition_by=(api.Report.case_id, api.Report.reason))
    told = ("case_id", "reason", "text", "legal", "name", "address", "at")
    columns = [getattr(api.Report, name) for name in told]
    ranked = (
        sa.select(*columns, place.label("place"), reason.label("nth"), count.label("times"))
        .where(api.Report.case_id.in_(items))
        .subquery()
    )
    shown = sa.select(ranked).where(sa.or_(ranked.c.place <= TEXTS, ranked.c.nth == 1, ranked.c.legal))
    for row in api.db.session.execute(shown.order_by(ranked.c.place)):
        item = items[row.case_id]
        item.legal = item.legal or row.legal
        if row.nth == 1:
            item.reasons.append((row.reason, row.times))
        if row.text and (row.place <= TEXTS or (row.legal and len(item.texts) < NOTICES)):
            item.texts.append(row)
