"""What the team takes down for others: questions by phone, on paper or at a stall, and petitions."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from werkzeug.exceptions import TooManyRequests

from core import api
from core.api import gettext as _

from .. import reads
from ..actions import keep_question, take_as_sent
from ..models import Asker, Visit
from ..states import question_case

RECORDED = ("collecting", "preparing", "ready", "in_progress")  # while an agent may still take one down
TITLE = 200
AT_ONCE, HOUR = 100, dt.timedelta(hours=1)  # questions that are known by their code alone, of one visit


@dataclass(frozen=True)
class Recorded:
    """What somebody said and an agent wrote down."""

    words: str
    place: str
    channel: str
    name: str
    contact: str
    key: str


def record(visit: Visit, said: Recorded, confirmed: bool = False) -> api.Entry:
    """Take down a question of somebody who is not there to write; its recorder is kept with it.

    Raises Refused, or AskAuthor unless `confirmed`.
    """
    space = api.get_or_404(api.Space, visit.space_id)
    api.require("visits.record", space)
    if visit.state not in RECORDED:
        raise api.Refused(_("This visit takes no more questions."))
    title, body = headed(said.words)
    with api.write():
        entry, flags = take_as_sent(
            space,
            body,
            confirmed,
            title=title,
            kind="visits.question",
            channel=said.channel,
            byline=said.name or _("A resident"),
            recorded_by=api.viewer().id,
            author_id=None,
            client_key=_once(said.key, title, body, said.place),
            beside=(said.place,),
            team_only=True,
            reader_id=reads.recorder(space),
        )
        keep_question(entry, said.contact, flags, place=said.place)
    return entry


def ask_by_code(visit: Visit, said: Mapping[str, Any], name: str, confirmed: bool) -> api.Entry:
    """Take the question of somebody without an account or an address, who is known by its code alone.

    Nobody has confirmed the name, which the team alone reads. Few come in at once, of one network and of all.
    """
    space = api.get_or_404(api.Space, visit.space_id)
    api.require("visits.ask", space)
    if not visit.takes_questions(api.now()):
        raise api.Refused(_("This visit takes no more questions."))
    try:
        api.throttle("ask")
    except TooManyRequests as refusal:
        raise api.Refused(_many()) from refusal
    with api.write():
        if _known_by_code(space.id) >= AT_ONCE:
            raise api.Refused(_many())
        entry, flags = take_as_sent(
            space,
            said["body"],
            confirmed,
            title=said["title"],
            kind="visits.question",
            byline=_("A resident"),
            author_id=None,
            client_key=_once(said["key"], said["title"], said["body"], said["place"]),
            beside=(said["place"],),
        )
        latitude, longitude = said["pin"] or (None, None)
        contact = ", ".join(filter(None, (name, said["contact"])))[:120]
        where = {"place": said["place"], "latitude": latitude, "longitude": longitude}
        keep_question(entry, contact, flags, theme=said["theme"], **where)
    return entry


def _once(key: str, title: str, body: str, place: str) -> str:
    """What makes the same words of a form one question, and other words from its page before another."""
    return f"{key}\n{title}\n{body}\n{place}"


def _many() -> str:
    return str(
        _("Too many questions come without an address just now. Give yours, or try again in a few minutes.")
    )


def _known_by_code(space_id: int) -> int:
    """How many questions came to a visit in the last hour from people who are known by a code alone."""
    own = sa.select(Asker.entry_id).where(Asker.entry_id == api.Entry.id)
    came = sa.select(sa.func.count(api.Entry.id)).where(
        api.Entry.space_id == space_id,
        api.Entry.kind == "visits.question",
        api.Entry.channel == "web",
        api.Entry.author_id.is_(None),
        api.Entry.recorded_by.is_(None),
        api.Entry.created_at > api.now() - HOUR,
        ~own.exists(),
    )
    with api.as_system("count questions that are known by their code alone"):
        return api.db.session.scalar(came) or 0


def headed(words: str) -> tuple[str, str]:
    """What is written as one text, as a title and what follows it."""
    first, _line, rest = words.strip().partition("\n")
    title = api.one_line(first)
    if len(title) <= TITLE:
        return title, rest.strip()
    return title[: TITLE - 1].rpartition(" ")[0] + "…", words.strip()


def count_signatures(question_id: int, signatures: int, scans: Sequence[Any]) -> None:
    """Keep how many signed a petition, and pictures of its sheets, which the team alone reads."""
    with api.write():
        case = question_case(question_id)
        api.require("visits.record", case.space)
        case.question.signatures = signatures
        if scans:
            api.publish(
                case.space,
                _("The sheets of the petition"),
                kind="visits.scan",
                parent=case.entry,
                team_only=True,
                reader_id=reads.recorder(case.space),
                pictures=[(scan, _("A sheet of the petition")) for scan in scans],
                confirmed=True,
            )


def sheets(question_id: int) -> list[Any]:
    """The cards of the pictures of a petition, as far as the viewer may read them."""
    rows = sa.select(api.Entry).where(api.Entry.parent_id == question_id, api.Entry.kind == "visits.scan")
    return api.cards(api.db.session.scalars(rows.order_by(api.Entry.id)).all(), show_space=False)
