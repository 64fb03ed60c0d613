"""The queue: open cases that are the viewer's to decide, danger first, then by age, by keyset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask import render_template, url_for
from sqlalchemy.orm import aliased

from core import api
from core.api import gettext as _

PAGE, TEXTS, NOTICES, COUNTED = 20, 3, 10, 99
URGENT = ("child", "danger")


@dataclass
class Item:
    """A case as the page draws it: what was said, by whom, where, and what was reported of it.

    A viewer who is `outside` reads nothing else of the space, and of a `sealed` one not even what was said.
    What is `left` to the agency the viewer may hide, and no more. `reported` is how it read when it was
    reported, where its author has changed it since.
    """

    case: Any
    entry: Any
    space: Any
    author: str
    appellant: str
    first: Any
    reasons: list[tuple[str, int]] = field(default_factory=list)
    texts: list[Any] = field(default_factory=list)
    legal: bool = False
    left: bool = False
    sealed: bool = False
    outside: bool = False
    parent: Any = None
    pictures: list[dict[str, Any]] = field(default_factory=list)
    reported: list[Any] = field(default_factory=list)

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
    """One case, open or decided, if it is the viewer's to decide."""
    return next(iter(_items(api.Case.id == case_id, limit=1)), None)


def unseal(item: Item) -> None:
    """Show pictures while a case is open, and all of it to who reads nothing else there; the log says so."""
    if item.case.decided_at is None and item.entry is not None:
        item.pictures = list(_pictures(item.case))
        item.reported = _reported(item)
    if not item.sealed or item.entry is None:
        return
    with api.as_system("who decides a case reads what it is about"):
        above = item.entry.parent_id
        item.parent = api.db.session.get(api.Entry, above) if above else None
    with api.write():
        api.audit("case.read", f"case/{item.case.id}", entry=item.entry.id)
    item.sealed, item.outside = False, True


def _pictures(case: Any) -> Iterator[dict[str, Any]]:
    """The pictures of what a case is about, at addresses that open to who decides it."""
    about = sa.select(api.File).where(api.File.entry_id == case.entry_id).order_by(api.File.id)
    with api.as_system("who decides a case sees the pictures of what it is about"):
        for one in api.db.session.scalars(about):
            at = {"file_id": one.id, "name": one.name, "case": case.id}
            addresses = {"url": url_for("files.show", **at), "small": url_for("files.show", **at, w=640)}
            yield {**addresses, "alt": one.alt, "width": one.width, "height": one.height}


def _reported(item: Item) -> list[Any]:
    """How an entry that was edited since read at the moment of each report; of notices alone if there are."""
    before = aliased(api.Revision)
    then = sa.select(sa.func.max(before.number)).where(
        before.entry_id == api.Report.entry_id, before.written_at <= api.Report.at
    )
    rows = (
        sa.select(api.Revision.title, api.Revision.html)
        .join(api.Report, api.Report.entry_id == api.Revision.entry_id)
        .join(api.Entry, api.Entry.id == api.Revision.entry_id)
        .where(
            api.Report.case_id.in_((item.case.id, item.case.appeal_of)),
            api.Report.at < api.Entry.edited_at,
            api.Revision.number == then.correlate(api.Report).scalar_subquery(),
            *((api.Report.legal,) if item.legal else ()),
        )
        .group_by(api.Revision.entry_id, api.Revision.number)
        .order_by(api.Revision.number.desc())
        .limit(NOTICES)
    )
    with api.as_system("who decides a case reads what was reported"):
        return list(api.db.session.execute(rows))


def panels(place: str) -> list[api.Panel]:
    """The way to the queue, for staff; on the home page only when something waits. To all, to the figures."""
    if place == "report":
        return [api.Panel(_("What becomes of reports"), render_template("moderation/figures_link.html"))]
    if place not in ("home", "dashboard") or not api.viewer().staff:
        return []
    some = sa.select(api.Case.id).join(api.Space, api.Space.id == api.Case.space_id)
    some = some.where(api.Case.decided_at.is_(None), api.judged(api.Case, api.Space)).limit(COUNTED + 1)
    with api.as_system("count what waits for who moderates"):
        count = len(api.db.session.scalars(some).all())
    if place == "home" and not count:
        return []
    html = render_template("moderation/panel.html", count=count, most=COUNTED)
    return [api.Panel(_("Moderation"), html, weight=6, urgent=bool(count))]


def spaces() -> Sequence[Any]:
    """The spaces where something waits for the viewer, by name; fifty at most."""
    here = sa.select(api.Case.id).where(api.Case.space_id == api.Space.id, api.Case.decided_at.is_(None))
    mine = here.where(api.judged(api.Case, api.Space))
    statement = sa.select(api.Space.id, api.Space.name).where(mine.exists())
    with api.as_system("moderators see where something waits"):
        return api.db.session.execute(statement.order_by(api.Space.name).limit(50)).all()


def _urgent() -> Any:
    """The clause that a case was reported because somebody may come to harm."""
    mine = sa.select(api.Report.id).where(api.Report.case_id == api.Case.id, api.Report.reason.in_(URGENT))
    return mine.exists()


def _items(*which: Any, limit: int) -> list[Item]:
    author, appellant, first = aliased(api.User), aliased(api.User), aliased(api.Case)
    sees = api.overseen(api.Space).label("sees")
    another = sa.or_(api.Case.author_id.is_(None), appellant.id != api.Case.author_id)
    named = sa.or_(another, appellant.id == api.Entry.author_id)  # an author only where the entry shows it
    statement = (
        sa.select(api.Case, api.Entry, api.Space, author.name, appellant.name, first, sees)
        .join(api.Space, api.Space.id == api.Case.space_id)
        .outerjoin(api.Entry, api.Entry.id == api.Case.entry_id)
        .outerjoin(author, sa.and_(author.id == api.Case.author_id, author.id == api.Entry.author_id))
        .outerjoin(appellant, sa.and_(appellant.id == api.Case.appellant_id, named))
        .outerjoin(first, first.id == api.Case.appeal_of)
        .where(api.judged(api.Case, api.Space), *which)
        .order_by(_urgent().desc(), api.Case.id)
        .limit(limit)
    )
    with api.as_system("moderators see what waits in their spaces"):
        rows = api.db.session.execute(statement).all()
        items = {
            row[0].id: Item(row[0], row[1], row[2], row[3] or "", row[4] or "", row[5], sealed=not row.sees)
            for row in rows
        }
        _add_reports(items)
    for one in items.values():
        one.left = one.legal and not api.can("core.oversee", one.space)
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
