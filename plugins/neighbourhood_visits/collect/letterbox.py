"""Mail to a visit's address becomes a question in triage; nothing is done in its From line's name."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask import url_for
from werkzeug.exceptions import TooManyRequests

from core import api
from core.api import gettext as _
from core.api import ngettext

from ..actions import keep_question, take_as_it_is
from ..models import Asker, Casework, Question, Visit
from . import pictures
from .actions import TITLE, headed
from .codes import code_of
from .receipts import receipt

NAME = "visits.ask"
LONGEST = 5000
HOUR = dt.timedelta(hours=1)
NAMED = 8  # attachments of a message that the team is told of by name
OF_ONE, OF_ALL = 10, 100  # messages to one visit that are taken in within an hour


def address(visit: Visit) -> str | None:
    """Where mail becomes a question of this visit, while it takes any and the town takes mail in."""
    return mailbox(visit.space_id) if visit.takes_questions(api.now()) else None


def mailbox(space_id: int) -> str | None:
    """The address of a visit, whether it takes mail now or not; None where the town takes none in."""
    return api.mailbox(NAME, str(space_id))


def open_attachments(letter: api.Incoming) -> tuple[list[Any], list[str]]:
    """Open the pictures of a message that can be taken in, before the write; the names of all else."""
    visit = _open_visit(letter)
    with api.as_system("count what came by mail"):
        if visit is None or _full(*_latest(visit.space_id, letter.sender[:120])):
            return [], []
    return pictures.of_letter(letter)


def take(letter: api.Incoming) -> None:
    """Keep a message as a question that nobody is confirmed to have asked, and acknowledge it, once."""
    visit = _open_visit(letter)
    space: Any = api.db.session.get(api.Space, visit.space_id) if visit else None
    if visit is None:
        raise api.Refused(_("This visit takes no questions by mail, or no longer."))
    title, body = _words(letter)
    if _too_many(space.id, letter.sender[:120]):
        return
    shown, left_out = letter.attachments
    entry, flags = take_as_it_is(
        space,
        body,
        title=title,
        kind="visits.question",
        channel="email",
        byline=_("A resident"),
        author_id=None,
        client_key=letter.key,
        pictures=[(one, _("A picture that came by mail, without a description")) for one in shown],
    )
    if keep_question(entry, letter.sender[:120], flags):
        with api.as_system("note what a message held beside words"):
            _note(entry.id, left_out)
        _acknowledge(letter.sender, entry.id)


def _open_visit(letter: api.Incoming) -> Visit | None:
    """The visit that a message is for, while it takes questions."""
    digits = letter.rest.isascii() and letter.rest.isdecimal() and len(letter.rest) < 10
    visit = api.db.session.get(Visit, int(letter.rest)) if digits else None
    return visit if visit is not None and visit.takes_questions(api.now()) else None


def _latest(space_id: int, sender: str) -> tuple[list[Casework], list[Casework]]:
    """What came by mail to a visit within an hour, the latest first: all of it, and this sender's."""
    rows = (
        sa.select(Casework)
        .join(api.Entry, api.Entry.id == Casework.entry_id)
        .where(Casework.space_id == space_id, api.Entry.channel == "email")
        .where(api.Entry.created_at > api.now() - HOUR)
        .order_by(api.Entry.id.desc())
        .limit(OF_ALL)
    )
    latest = list(api.db.session.scalars(rows))
    return latest, [casework for casework in latest if casework.contact == sender]


def _full(latest: list[Casework], own: list[Casework]) -> bool:
    return len(own) >= OF_ONE or len(latest) >= OF_ALL


def _too_many(space_id: int, sender: str) -> bool:
    """Whether this is one message too many in an hour; then it is counted, and its sender told once."""
    with api.as_system("count what came by mail"):
        latest, own = _latest(space_id, sender)
        if not _full(latest, own):
            return False
        noted = own[0] if own else latest[0]
        noted.kept_out += 1
        if not own or sum(casework.kept_out for casework in own) == 1:
            _tell(sender)
        return True


def _tell(sender: str) -> None:
    """Say that a message was not taken in, to somebody who isn't written to too often."""
    try:
        api.throttle("confirm")  # an address is easily feigned: nobody is flooded with these
        api.send("visits.enough", sender, *api.compose("visits/mail/enough", None))
    except (TooManyRequests, ValueError):
        return


def kept_out(space_id: int) -> int:
    """How many messages to a visit were not taken in, for its team."""
    counted = sa.select(sa.func.sum(Casework.kept_out)).where(Casework.space_id == space_id)
    return api.db.session.scalar(counted) or 0


def _words(letter: api.Incoming) -> tuple[str, str]:
    """The title and the text of a message, no longer than those of the page to ask."""
    text = "\n".join(letter.text.splitlines()).strip()
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    subject = api.one_line(letter.subject)
    if not subject and not text:
        raise api.Refused(_("No words of your own were found in it."))
    if not subject:
        return headed(text)
    return (subject, text) if len(subject) <= TITLE else (subject[: TITLE - 1] + "…", text)


def _note(question_id: int, left_out: list[str]) -> None:
    if left_out:
        casework: Any = api.db.session.get(Casework, question_id)
        casework.note = ngettext(
            "%(num)s attachment was not taken in: %(names)s",
            "%(num)s attachments were not taken in: %(names)s",
            len(left_out),
            names=", ".join(left_out[:NAMED]) + (" …" if len(left_out) > NAMED else ""),
        )


def _acknowledge(sender: str, question_id: int) -> None:
    """Mail the link whose page shows the code; somebody who writes too often gets no more of these."""
    try:
        api.confirm_later(sender, "visits.mine", {"question": question_id})
    except (TooManyRequests, ValueError):
        return


def describe(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """The acknowledgement of a question that came by mail, for whoever reads that mailbox."""
    if not _there(payload["question"]):
        return []
    kept = receipt(payload["question"])
    return [
        (_("Visit"), kept.visit),
        (_("Your question"), kept.title),
        (_("In charge"), kept.department or _("The team of the visit")),
        (_("Contact"), kept.contact),
        (_("Answer expected by"), api.day(kept.answer_by.astimezone(api.town_zone()).date(), weekday=True)),
        (_("Reference code"), code_of(payload["question"])),
    ]


def confirm(payload: dict[str, Any]) -> str:
    """Make a question that came by mail the viewer's, whose address it is; they are not shown by name."""
    question_id, person = payload["question"], api.viewer().id
    with api.as_system("whoever reads the mailbox follows their question"), api.write() as session:
        entry = session.get(api.Entry, question_id)
        if entry is None or session.get(Question, question_id) is None:
            api.says(_("This question is no longer there."), "error")
            return url_for("visits.index")
        if api.insert_once(Asker, user_id=person, entry_id=question_id) and entry.state == "pending":
            api.set_audience(entry, team_only=True, reader_id=person)
    return url_for("visits.thanks", question_id=question_id)


def _there(question_id: int) -> bool:
    with api.as_system("see whether a question is still there"):
        return api.db.session.get(Question, question_id) is not None
