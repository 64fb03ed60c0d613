"""Mail with notices goes to the outbox when it is due, at once or as a digest; how far it got is a cursor.

The cursor moves in the transaction that puts the message into the outbox, and follows the order in which
notices came to be, never a clock: a round that is cut short, late or early repeats and loses nothing.
"""

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from flask_babel import force_locale
from flask_babel import gettext as _

from core import jobs, mail, settings
from core.access import as_system
from core.db import db, now, table_of, write
from core.models import Account, Entry, Mail, Notice, NoticeLetter, NoticeRound, NoticeTimes, User
from core.notices import reads

MAIL, KIND = "core.mail_notices", "core.notice"
PEOPLE, TURNS = 50, 20  # of a transaction, and transactions of one run of the job

_round, _notice, _entry = table_of(NoticeRound), table_of(Notice), table_of(Entry)
_account, _times, _user = table_of(Account), table_of(NoticeTimes), table_of(User)


def mail_due() -> None:
    """Job: put the messages that are due into the outbox, some people at a time."""
    with as_system("write to whoever waits for mail"):
        for _turn in range(TURNS):
            if not _mail_some():
                return
        with write():
            jobs.enqueue(MAIL, once=MAIL)


def _mail_some() -> bool:
    """One transaction: messages for some people, and their cursors moved; says whether more may be due."""
    with write() as session:
        people = session.execute(_due().where(_round.c.due_at <= now()).limit(PEOPLE)).all()
        if not people:
            return False
        new = _threads([(row.user_id, row.way) for row in people])
        subjects = {language: _subject(language) for language in {row.language for row in people}}
        letters = [
            (
                _message(row, subjects[row.language]),
                NoticeLetter(user_id=row.user_id, way=row.way, after_id=row.mailed_id, **about),
            )
            for row in people
            if not row.paused_at and not row.closed_at
            for about in _letters(row, new[row.user_id, row.way])
        ]
        session.add_all(message for message, _letter in letters)
        session.flush()
        for message, letter in letters:
            letter.mail_id = message.id
            session.add(letter)
        key = (_round.c.user_id == sa.bindparam("person"), _round.c.way == sa.bindparam("by"))
        moved = sa.update(_round).where(*key).values(mailed_id=sa.bindparam("upto"), due_at=None)
        last = {key: max(number for _thread, number in found) for key, found in new.items() if found}
        ends = [{"person": p.user_id, "by": p.way, "upto": last.get(p[:2], p.mailed_id)} for p in people]
        session.execute(moved, ends)
        if letters:
            jobs.enqueue(mail.DELIVER, once=mail.DELIVER)
    return len(people) == PEOPLE


def _due() -> sa.Select[Any]:
    """The rounds that are due, held until the write ends; what another worker holds is left to it."""
    columns = (_round.c.user_id, _round.c.way, _round.c.mailed_id, _account.c.email, _account.c.language)
    return (
        sa.select(*columns, _times.c.paused_at, _user.c.closed_at)
        .select_from(_round)
        .join(_account, _account.c.user_id == _round.c.user_id)
        .join(_user, _user.c.id == _round.c.user_id)
        .outerjoin(_times, _times.c.user_id == _round.c.user_id)
        .order_by(_round.c.due_at, _round.c.user_id)
        .with_for_update(of=_round, skip_locked=True)
    )


def _threads(keys: list[tuple[int, str]]) -> dict[tuple[int, str], list[tuple[int | None, int]]]:
    """For each person and way, the threads of what is new since the cursor, each with its last notice."""
    new = (
        sa.select(_notice.c.user_id, _notice.c.way, reads.thread, sa.func.max(_notice.c.id))
        .select_from(_notice)
        .join(_round, sa.and_(_round.c.user_id == _notice.c.user_id, _round.c.way == _notice.c.way))
        .outerjoin(_entry, _entry.c.id == _notice.c.entry_id)
        .where(_notice.c.id > _round.c.mailed_id, sa.tuple_(_round.c.user_id, _round.c.way).in_(keys))
        .group_by(_notice.c.user_id, _notice.c.way, reads.thread)
    )
    found = defaultdict(list)
    for user_id, way, thread, last in db.session.execute(new):
        found[user_id, way].append((thread, last))
    return found


def _letters(row: Any, threads: list[tuple[int | None, int]]) -> list[dict[str, Any]]:
    """At once, a message for each thread, so that it can be answered; else one for all."""
    if row.way != "at_once" and threads:
        threads = [(None, max(last for _thread, last in threads))]
    return [{"thread_id": thread, "upto_id": last} for thread, last in threads]


def _message(row: Any, subject: str) -> Mail:
    """An outbox row without words: those are chosen when it leaves, by what its reader may read then."""
    return Mail(kind=KIND, recipient=row.email, subject=subject)


def _subject(language: str | None) -> str:
    town = settings.town()
    with force_locale(language or town.language):
        return str(_("News from %(town)s", town=town.name))[:200]
