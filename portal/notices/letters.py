"""What a message with notices says: worded when it leaves, by what its reader may read at that moment."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import current_app
from flask_babel import force_locale, ngettext
from itsdangerous import BadSignature, URLSafeSerializer

from core import mail, registry, settings
from core.accounts import sessions
from core.config import Config
from core.db import db, table_of
from core.feed.cards import space_url
from core.models import Entry, Mail, Notice, NoticeChoice, NoticeLetter, NoticeTimes
from core.models.notices import BY_MAIL
from core.notices import reads
from core.text import excerpt, one_line

from ..feed.views import held_kinds
from . import choice, mailing, replies, words

MOST = 50  # notices that a message tells of; the page has them all
WORDS, DIGEST_WORDS = 2000, 240
SUBJECT = 78  # characters of a subject, beyond which the title of the conversation says enough

_notice = table_of(Notice)


class Event(NamedTuple):
    """One thing that happened in a thread."""

    sentence: str
    words: str
    lang: str | None
    detail: str


class Thread(NamedTuple):
    """What happened in one thread, or in one space."""

    title: str
    space: str
    url: str
    events: list[Event]


def write(row: Mail) -> mail.Written | None:
    """The message of an outbox row; None when its reader may read or wants nothing of it any more."""
    letter = db.session.get(NoticeLetter, row.id)
    if letter is None:
        return None
    try:
        with sessions.as_viewer(letter.user_id) as person:
            language = person.language or settings.town().language
            with force_locale(language):
                return _written(letter, language)
    except LookupError:  # the account was closed
        return None


def _written(letter: NoticeLetter, language: str) -> mail.Written | None:
    found = _told(letter)
    rows = found[:MOST]
    if not rows:
        return None
    at_once, only = letter.way == "at_once", len({row.thread_id for row in rows}) == 1
    threads = [
        _thread(list(events), WORDS if at_once else DIGEST_WORDS)
        for _key, events in groupby(sorted(rows, key=_place), _place)
    ]
    config: Config = current_app.config["PARVIS"]
    address = _reply_address(rows[0]) if at_once and only else None
    service = _service(rows)
    stop = "" if service else f"{config.base_url}/unsubscribe/{_stop(letter.user_id, rows)}"
    values: dict[str, Any] = {"threads": threads, "more": len(found) > MOST, "digest": not at_once}
    subject = mailing.subject_of(rows[0].type) if service else _subject(rows, threads, at_once)
    subject = one_line(subject)
    written = mail.compose(
        "portal/mail/notices",
        language,
        link=stop,
        title=subject,
        reply=address is not None,
        why=_why(rows),
        **values,
    )
    return written, _headers(config, rows[0].thread_id if at_once and only else None, stop, address)


def _told(letter: NoticeLetter) -> list[Any]:
    """The notices of a letter that may be read and are wanted by mail now, in the order of their threads."""
    mine = (_notice.c.way == letter.way, _notice.c.id > letter.after_id, _notice.c.id <= letter.upto_id)
    told = words.TOLD.where(*mine, _mailed()).order_by(_notice.c.id).limit(MOST + 1)
    if letter.way == "at_once":
        told = told.where(reads.thread.is_not_distinct_from(letter.thread_id))
    if letter.upto_id - letter.after_id == 1 and _service(found := db.session.execute(told).all()):
        return list(found)
    told = told.where(_notice.c.type.not_in(mailing.services()))
    if db.session.scalar(sa.select(NoticeTimes.paused_at)) is not None:
        return []
    choices = {
        choice.type or choice.space_id: choice.way for choice in db.session.scalars(sa.select(NoticeChoice))
    }
    return [
        row
        for row in db.session.execute(told)
        if choices.get(row.space_id, choices.get(row.type, row.way)) in BY_MAIL
    ]


def _mailed() -> sa.ColumnElement[bool]:
    """What may be mailed: what always waits for its team is not, before it is let through."""
    return sa.or_(_notice.c.type != "core.waits", table_of(Entry).c.kind.in_(held_kinds()))


def _service(rows: Sequence[Any]) -> bool:
    """Whether these are one service message, which leaves whatever its reader chose."""
    return bool(rows) and all(row.type in mailing.services() for row in rows)


def _place(row: Any) -> tuple[int, int]:
    return row.thread_id or 0, row.space_id or 0


def _thread(rows: list[Any], length: int) -> Thread:
    first = rows[0]
    base = current_app.config["PARVIS"].base_url
    path = words.page(first) or (
        f"/posts/{first.thread_id}" if first.thread_id else space_url(first.space_id, first.space_kind)
    )
    return Thread(words.title(first), first.space or "", base + path, [_event(row, length) for row in rows])


def _event(row: Any, length: int) -> Event:
    """What happened; the words of what is between a resident and the team stay on the portal."""
    said = "" if row.team_only or not row.html else excerpt(row.html, length)
    return Event(words.sentence(row), said, row.lang, words.detail(row))


def _subject(rows: list[Any], threads: list[Thread], at_once: bool) -> str:
    """What a message is about: its one event, else its thread; a digest tells how much there is."""
    if at_once and len(rows) == 1 and rows[0].type not in choice.CONVERSATIONS:
        said = words.sentence(rows[0])
        return said if len(said) <= SUBJECT or not rows[0].thread_id else threads[0].title
    if at_once and len(threads) == 1 and not rows[0].thread_id:
        return words.sentence(rows[-1])
    if at_once and len(threads) == 1:
        answers = rows[0].parent_id is not None
        return f"Re: {threads[0].title}" if answers else threads[0].title
    town = settings.town().name
    return str(
        ngettext("%(num)s item of news – %(town)s", "%(num)s items of news – %(town)s", len(rows), town=town)
    )


def _why(rows: list[Any]) -> str:
    """For which kinds of notices one receives this, as the page of settings calls them."""
    declared = registry.current().declared
    return ", ".join(dict.fromkeys(str(declared("notice_types", row.type)[1].title) for row in rows))


def _reply_address(row: Any) -> str | None:
    """Where an answer by mail becomes a reply; none where nobody can reply."""
    root = db.session.get(Entry, row.thread_id) if row.thread_id else None
    if root is None or root.locked_at is not None or root.state not in ("published", "pending"):
        return None
    if not registry.current().entry_kind(root.kind).replies:
        return None
    return replies.address(root.id)


def _headers(config: Config, thread_id: int | None, stop: str, reply: str | None) -> dict[str, str]:
    host = urlsplit(config.base_url).hostname or "localhost"
    headers = {}
    if stop:
        headers = {"List-Id": f"<notices.{host}>", "List-Unsubscribe": f"<{stop}>"}
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if thread_id is not None:
        headers["In-Reply-To"] = headers["References"] = f"<thread.{thread_id}@{host}>"
    if reply is not None:
        headers["Reply-To"] = reply
    return headers


def _stop(user_id: int, rows: list[Any]) -> str:
    chosen = set(
        db.session.scalars(sa.select(NoticeChoice.space_id).where(NoticeChoice.space_id.is_not(None)))
    )
    return stop_token(
        user_id, sorted({row.type for row in rows}), sorted({row.space_id for row in rows} & chosen)
    )


def stop_token(user_id: int, kinds: list[str], spaces: list[int]) -> str:
    """What ends somebody's mail of these kinds, and mail that they chose for these spaces."""
    token = _signer().dumps([user_id, kinds, spaces])
    return token if isinstance(token, str) else token.decode()


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="unsubscribe")


def stopped(token: str) -> tuple[int, list[str], list[int]]:
    """Whose mail of which kinds, and from which spaces, a token ends; LookupError for one of nobody's."""
    try:
        user_id, kinds, places = _signer().loads(token)
    except (BadSignature, ValueError):
        raise LookupError("not a token of ours") from None
    return user_id, kinds, places


mail.writers[mailing.KIND] = write
