"""What people do with words that are not right: report, answer a decision, take a passage out for good."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from core import jobs, registry
from core.access import Forbidden, Refused, as_system, viewer
from core.db import after_commit, db, insert_once, lock, table_of, unfiltered, write
from core.feed import actions, cases, changes, moderation
from core.feed.drafts import render
from core.models import Case, Entry, File, PendingClaim, Report, Revision, Space
from core.notices.tell import notify
from core.spaces import actions as spaces

from ..files import forget
from ..privacy import erase
from .passages import MARK, hints, shows, take_out

REPORT, RECEIVED = "core.report", "core.report_received"

_case, _report, _file = table_of(Case), table_of(Report), table_of(File)


def report(entry: Entry, reason: str, text: str = "", **notice: Any) -> bool:
    """Tell the team that an entry is wrong; says whether this was the person's first time, which counts.

    `notice` has the further fields of a legal notice: `legal`, `address`, `name`, `good_faith`.
    """
    person, ident = viewer().id, entry.id
    mine = sa.select(_report.c.id).where(_report.c.entry_id == ident, _report.c.reporter_id == person)
    with write(), as_system("a report is for the team, and its receipt from the portal"):
        if person is not None and unfiltered(mine).first() is not None:
            return False
        spaces.hold(entry.space_id)  # a case that is being decided takes no further report
        here = db.session.get(Entry, ident)
        if here is None:
            raise Forbidden("core.read")
        entry = here
        if person is not None:
            spaces.hold_person(person)
        case = cases.open_for(entry, "reported")
        row = {"case_id": case, "entry_id": entry.id, "space_id": entry.space_id, "reporter_id": person}
        new = insert_once(Report, **row, reason=reason, text=text, **notice)
        if new and person is not None:
            space = db.session.get(Space, entry.space_id)
            notify(RECEIVED, [person], space=space, once=f"case:{case}:{person}")
    return new


def appeal(case_id: int, words: str) -> None:
    """Answer a decision, once: for its author, and for those who reported what it is about."""
    person = viewer().id
    with write(), as_system("a decision is answered by whom it concerns"):
        case = db.session.scalars(lock(sa.select(Case).where(Case.id == case_id))).one_or_none()
        if case is None or not concerns(case, person):
            raise Forbidden("core.account")
        if case.decided_at is None or case.appeal_of is not None:
            raise Refused(_("There is no decision yet that could be answered."))
        spaces.hold_person(person)
        row: dict[str, Any] = {
            "space_id": case.space_id,
            "entry_id": case.entry_id,
            "author_id": case.author_id,
        }
        row |= {"origin": "appeal", "appeal_of": case.id, "appellant_id": person, "words": words}
        if not insert_once(Case, **row):
            raise Refused(_("You have answered this decision already."))


def concerns(case: Case, person: int | None) -> bool:
    """Whether a case is about what this person wrote, reported or appealed against."""
    mine = sa.select(_report.c.id).where(_report.c.case_id == case.id, _report.c.reporter_id == person)
    return person is not None and (
        person in (case.author_id, case.appellant_id) or unfiltered(mine).first() is not None
    )


def owes_words(entry: Entry) -> bool:
    """Whether the viewer decides a notice of illegal content, whose sender and author read why."""
    case = cases.waiting(entry)
    return case is not None and cases.legal(case) and not cases.left_to_agency(case)


def redact(
    entry: Entry,
    passage: str,
    pictures: list[int],
    reason: str,
    said: str = "",
    waited: int | None = None,
) -> None:
    """Put a mark in place of a passage wherever the portal keeps it in the entry, and delete these pictures.

    Its words are gone from the history too: of what was said before, all of it where their letters stand
    so that they can't be found there. Raises Refused where they are not in it, and where the case that
    `waited` for them, 0 for none, does no more.
    """
    space = actions.moderated(entry)
    with write(), actions.changing(entry, "redacted") as (row, _root):
        cases.must_be_impartial(row)
        cases.must_still_wait(row, waited)
        case = cases.open_for(row, "team")
        touched = _delete(row.id, pictures)
        with as_system("what a passage is taken out of"):
            past = db.session.scalars(sa.select(Revision).where(Revision.entry_id == row.id)).all()
            texts: list[Any] = [row, *past]
            for text in texts:
                touched += _take_out(passage, text, "title", 200)
                if found := _take_out(passage, text, "body"):
                    touched += found
                    text.html = render(text.body, space)[0]
            for text in past:
                if hints(text.title, passage):
                    touched, text.title = touched + 1, MARK
                if hints(text.html, passage):
                    touched += 1
                    text.body = MARK
                    text.html = render(MARK, space)[0]
            for picture in db.session.scalars(sa.select(File).where(File.entry_id == row.id)):
                touched += _take_out(passage, picture, "alt", 300)
            for column, own in own_texts(row):
                touched += _take_out(passage, own, column.key, column.type.length)
            for column, told in _told(row.id):
                _take_out(passage, told, column.key, column.type.length)
            for claim in _unconfirmed(row.id):
                claim.payload = {**claim.payload, "said": _without(passage, claim.payload["said"])}
            if shows(row.html, passage):
                raise Refused(_("These words are formatted in between. Take each part out by itself."))
            db.session.flush()
        if not touched:
            raise Refused(_("These words are not in it. Copy them exactly as they stand."))
        changes.tell(row, "redacted")
        jobs.enqueue(erase.OVERWRITE, once=erase.OVERWRITE)
        moderation.settle(case, space, "redacted", reason, take_out(passage, said)[0])


def _take_out(passage: str, row: Any, name: str, longest: int | None = None) -> int:
    """Put the mark in place of a passage in a column of a row; answers how often it was there."""
    text, count = take_out(passage, getattr(row, name))
    if count:
        setattr(row, name, text[:longest])
    return count


def _told(entry_id: int) -> Iterator[tuple[Any, Any]]:
    """The columns of words in the reports of an entry and the decisions about it, each with its row.

    What is found there isn't counted: whoever moderates learns nothing of what others told whom.
    """
    for column in (Report.text, Report.address, Case.text, Case.words):
        told: Any = column.class_
        for row in db.session.scalars(sa.select(told).where(told.entry_id == entry_id)):
            yield column, row


def _unconfirmed(entry_id: int) -> Iterator[PendingClaim]:
    """What waits for the link in a mail to become a report of an entry; a used link holds nothing."""
    waiting = (PendingClaim.action == REPORT, PendingClaim.used_at.is_(None))
    for claim in db.session.scalars(sa.select(PendingClaim).where(*waiting)):
        if claim.payload.get("entry") == entry_id:
            yield claim


def _without(passage: str, said: dict[str, Any]) -> dict[str, Any]:
    """What a report says, with the mark in place of a passage."""
    words = {column.key: column.type for column in (Report.text, Report.address)}
    return {
        key: take_out(passage, value)[0][: words[key].length] if key in words else value
        for key, value in said.items()
    }


def own_texts(entry: Entry) -> Iterator[tuple[Any, Any]]:
    """The columns of words that a plugin keeps beside an entry, each with its row, where there are words."""
    for column in registry.current().entry_kind(entry.kind).texts:
        own = column.class_
        for row in db.session.scalars(sa.select(own).where(own.entry_id == entry.id)):
            if getattr(row, column.key):
                yield column, row


def _delete(entry_id: int, pictures: list[int]) -> int:
    """Delete pictures of an entry, and their bytes once nothing else names them."""
    if not pictures:
        return 0
    gone = sa.delete(_file).where(_file.c.entry_id == entry_id, _file.c.id.in_(pictures))
    keys = list(unfiltered(gone.returning(_file.c.sha256)).scalars())
    after_commit(lambda: forget(keys))
    return len(keys)
