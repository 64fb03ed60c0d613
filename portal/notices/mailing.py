"""Mail with notices goes to the outbox when it is due, at once or as a digest; how far it got is a cursor.

The cursor moves in the transaction that puts the message into the outbox, and follows the order in which
notices came to be, never a clock: a round that is cut short, late or early repeats and loses nothing.
"""

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from flask_babel import force_locale
from flask_babel import gettext as _

from core import jobs, mail, registry, settings
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
        letters = [
            (
                _message(row, service),
                NoticeLetter(user_id=row.user_id, way=row.way, **about),
            )
            for row in people
            if not row.closed_at
            for service, about in _letters(row, new[row.user_id, row.way])
            if service or not row.paused_at
        ]
        session.add_all(message for message, _letter in letters)
        session.flush()
        for message, letter in letters:
            letter.mail_id = message.id
            session.add(letter)
        key = (_round.c.user_id == sa.bindparam("person"), _round.c.way == sa.bindparam("by"))
        moved = sa.update(_round).where(*key).values(mailed_id=sa.bindparam("upto"), due_at=None)
        last = {key: max(one.last for one in found) for key, found in new.items() if found}
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


def _threads(keys: list[tuple[int, str]]) -> dict[tuple[int, str], list[Any]]:
    """For each person and way, the threads of what is new since the cursor, each with its `last` notice.

    A service message is by itself: its notice is `service`, of `kind`.
    """
    service = sa.case((_notice.c.type.in_(services()), _notice.c.id), else_=None).label("service")
    columns = (_notice.c.user_id, _notice.c.way, reads.thread.label("thread"), service)
    last, kind = sa.func.max(_notice.c.id).label("last"), sa.func.min(_notice.c.type).label("kind")
    new = (
        sa.select(*columns, last, kind)
        .select_from(_notice)
        .join(_round, sa.and_(_round.c.user_id == _notice.c.user_id, _round.c.way == _notice.c.way))
        .outerjoin(_entry, _entry.c.id == _notice.c.entry_id)
        .where(_notice.c.id > _round.c.mailed_id, sa.tuple_(_round.c.user_id, _round.c.way).in_(keys))
        .group_by(*columns)
    )
    found = defaultdict(list)
    for row in db.session.execute(new):
        found[row.user_id, row.way].append(row)
    return found


def services() -> list[str]:
    """The kinds of notices that are service messages: one's own case, which nobody unsubscribes from."""
    kinds = [kind for plugin in registry.current().active() for kind in plugin.notice_types]
    return [kind.name for kind in kinds if kind.subject]


def _letters(row: Any, threads: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    """At once, a message for each thread, so that it can be answered; else one for all.

    Beside each, the kind of the service message that it is.
    """
    own = [one for one in threads if one.service]
    told = [(one.kind, {"thread_id": None, "after_id": one.last - 1, "upto_id": one.last}) for one in own]
    others = [(one.thread, one.last) for one in threads if not one.service]
    if row.way != "at_once" and others:
        others = [(None, max(last for _thread, last in others))]
    cursor = {"after_id": row.mailed_id}
    return told + [("", {"thread_id": thread, "upto_id": last, **cursor}) for thread, last in others]


def _message(row: Any, service: str) -> Mail:
    """An outbox row without words: those are chosen when it leaves, by what its reader may read then."""
    town = settings.town()
    with force_locale(row.language or town.language):
        subject = subject_of(service) if service else str(_("News from %(town)s", town=town.name))
    return Mail(kind=KIND, recipient=row.email, subject=subject[:200])


def subject_of(service: str) -> str:
    """What a service message of this kind is called, in the language spoken now."""
    return f"{registry.current().declared('notice_types', service)[1].subject} – {settings.town().name}"
