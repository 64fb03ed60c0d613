"""An erasure: what identifies a person is deleted, and what they wrote stays under an alias or goes too.

An account is closed at once; the worker does the rest in one write, so that a kill leaves all or nothing to
do. The row of the person is deleted, which takes or empties whatever refers to it in any table, and made
anew under an alias where words of theirs stay. A line in a file outside of the database tells a restored
town whom to erase again.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from markupsafe import escape

from core import access, jobs, registry, settings
from core.access import as_system
from core.accounts import claims, throttle
from core.db import db, insert_once, lock, now, table_of, unfiltered, write
from core.feed import drafts
from core.mail import defused
from core.models import (
    Account,
    Case,
    Entry,
    Erasure,
    Event,
    File,
    Invitation,
    JobRow,
    Mail,
    Membership,
    PendingClaim,
    PluginState,
    Report,
    Revision,
    SignIn,
    Space,
    Support,
    User,
)
from core.search import index
from core.text import fold, markdown

from .. import backing_up
from ..files import forget
from . import export

JOB, REPLAY, OVERWRITE = "core.erase", "core.replay_erasures", "core.overwrite"
LEDGER = "erasures.jsonl"
PICTURE = "picture.webp"
KEPT = ("user_id", "mark", "alias", "words")

_entry, _space, _support, _member = map(table_of, (Entry, Space, Support, Membership))
_user, _file, _revision = map(table_of, (User, File, Revision))


class LastAdministrator(Exception):
    """Somebody must be left who can administer the portal."""


def begin(user_id: int, words: bool) -> None:
    """Close an account for good and have its erasure done, of what the person wrote too where `words`."""
    with as_system("close an account"), write() as session:
        administrators = sa.select(User.id).where(User.role == "administrator", User.closed_at.is_(None))
        left = session.scalars(lock(administrators.order_by(User.id))).all()
        user = session.get(User, user_id)
        if user is None or user.closed_at is not None:
            return
        if left == [user_id]:
            raise LastAdministrator
        erasure = Erasure(user_id=user_id, mark=mark(user), alias=_alias(user), words=words)
        _close(user, erasure)
        jobs.enqueue(JOB)
        line = _line(erasure)
    _remember([line])


def run() -> None:
    """Job: carry through each erasure that was begun, and what plugins owe that are back."""
    with as_system("see what is to be erased"):
        rows = db.session.scalars(sa.select(Erasure).order_by(Erasure.user_id)).all()
        here = registry.current().installed.keys()
        due = [row.user_id for row in rows if row.done_at is None or here & set(row.owed)]
    failed: list[Exception] = []
    for user_id in due:
        try:
            erase(user_id)
        except registry.PluginFailed as error:  # the others need not wait
            failed.append(error)
    export.sweep()
    if due:
        overwrite()
    if failed:
        raise failed[0]


def replay(lines: Sequence[dict[str, Any]]) -> None:
    """Erase again, in a town restored from a backup, those who were erased after it was taken."""
    _remember(lines)
    with as_system("repeat erasures after a restore"), write() as session:
        for line in lines:
            user = session.get(User, line["user_id"])
            known = session.get(Erasure, line["user_id"]) is not None
            if not known and user is not None and hmac.compare_digest(mark(user), line["mark"]):
                _close(user, Erasure(**{name: line[name] for name in KEPT}))
        jobs.enqueue(JOB)
    run()


def erase(user_id: int) -> None:
    """Carry one erasure through in one write, or what plugins owe of it; raises PluginFailed."""
    with as_system("erase somebody who closed their account"):
        erasure = db.session.get(Erasure, user_id)
        if erasure is None:
            return
        if erasure.done_at is None:
            _remember([_line(erasure)])
        gone: set[str] = set()
        with write() as session:
            [erasure] = session.scalars(lock(sa.select(Erasure).where(Erasure.user_id == user_id)))
            plugins, first = registry.current(), erasure.done_at is None
            absent = sa.select(PluginState.name).where(PluginState.name.not_in(plugins.installed))
            owed = session.scalars(absent).all() if first else erasure.owed
            addresses = _addresses(user_id)
            facts = {"user_id": user_id, "alias": erasure.alias, "words": erasure.words}
            facts["addresses"] = addresses
            answers = plugins.demand("erase_user", None if first else owed, **facts)
            places = [ident for _name, said in answers for ident in said or ()]
            if first:
                gone = _erase(session, user_id, erasure, addresses, places)
                erasure.done_at = now()
            erasure.owed = sorted(set(owed) - plugins.installed.keys())
        forget(gone)
        backing_up.clear(current_app.config["PARVIS"].data)


def mark(user: User) -> str:
    """What tells this person from any other who may have the same number in another copy of the town."""
    key = str(current_app.secret_key).encode()
    return hmac.new(key, f"{user.id} {user.created_at.isoformat()}".encode(), hashlib.sha256).hexdigest()


def ledger() -> Path:
    """The file that tells whom to erase again after a restore."""
    data: Path = current_app.config["PARVIS"].data
    return data / LEDGER


def _line(erasure: Erasure) -> dict[str, Any]:
    return {**{name: getattr(erasure, name) for name in KEPT}, "at": erasure.asked_at.isoformat()}


def _close(user: User, erasure: Erasure) -> None:
    user.closed_at = now()
    db.session.add(erasure)
    db.session.execute(sa.delete(SignIn).where(SignIn.user_id == user.id))
    db.session.flush()


def _alias(user: User) -> str:
    number = 100_000 + secrets.randbelow(900_000)
    with force_locale(settings.town().language):
        if user.role == "official":
            return str(_("Former elected official %(number)s", number=number))
        if user.role != "resident":
            return str(_("Former agent %(number)s", number=number))
        return str(_("Former resident %(number)s", number=number))


def _remember(lines: Sequence[dict[str, Any]]) -> None:
    """Write down outside of the database, each once, who is to be erased again in a town of an older day."""
    path = ledger()
    known = path.read_text(encoding="utf-8") if path.exists() else ""
    new = [line for line in lines if line["mark"] not in known]
    if new:
        path.touch(0o600)
        with path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in new)
            file.flush()
            os.fsync(file.fileno())


def _addresses(user_id: int) -> list[str]:
    """The address of a person, and those that they had and that are nobody else's now."""
    account = db.session.scalars(sa.select(Account).where(Account.user_id == user_id)).one_or_none()
    if account is None:
        return []
    taken = set(db.session.scalars(sa.select(Account.email).where(Account.email.in_(account.former))))
    return [account.email, *sorted({*account.former} - taken - {account.email})]


def _erase(session: Any, user_id: int, erasure: Erasure, addresses: list[str], places: list[int]) -> set[str]:
    """Rid the core's tables of a person, but for the `places` of what they wrote that stay, empty.

    Answers the keys of files that may be nobody's now.
    """
    named = sa.select(User.handle, User.name).where(User.id == user_id)
    person = session.execute(named).one_or_none()
    if person is None:
        return set()
    own = sa.select(_entry.c.id).where(_entry.c.author_id == user_id)
    of_person = sa.or_(_file.c.profile_of == user_id, _file.c.entry_id.in_(own))
    gone = set(unfiltered(sa.select(_file.c.sha256).where(of_person)).scalars())
    recount = _counted(user_id)
    _mails(session, person, addresses, erasure.alias)
    _forget_addresses(session, user_id, addresses)
    _forget_cases(session, user_id)
    unfiltered(sa.delete(_revision).where(_revision.c.entry_id.in_(own)))
    uploaded = _file.c.uploader_id == user_id, _file.c.entry_id.is_not(None)
    unfiltered(sa.update(_file).where(*uploaded).values(name=PICTURE))
    unfiltered(
        sa.update(_entry)
        .where(_entry.c.author_id == user_id)
        .values(edited_at=None, byline=None, client_key=None)
    )
    unfiltered(sa.update(_entry).where(_entry.c.meant_for == user_id).values(meant_for=None))
    if erasure.words:
        _delete_words(user_id, places)
    _hand_over_spaces(user_id)
    _replace(user_id, erasure.alias)
    _unname(session, person.handle, erasure.alias)
    _count_anew(*recount)
    return gone


def _delete_words(user_id: int, places: list[int]) -> None:
    """Delete what a person wrote; a post that others answered stays as an empty place, and so do `places`."""
    answer = _entry.alias()
    answered = sa.select(answer.c.id).where(answer.c.parent_id == _entry.c.id).exists()
    mine = _entry.c.author_id == user_id
    unfiltered(sa.delete(_entry).where(mine, _entry.c.parent_id.is_not(None)))
    unfiltered(sa.delete(_entry).where(mine, ~answered, _entry.c.id.not_in(places)))
    unfiltered(sa.delete(_file).where(_file.c.entry_id.in_(sa.select(_entry.c.id).where(mine))))
    with force_locale(settings.town().language):
        title, body = _("Deleted post"), _("Deleted by the person who wrote it.")
    empty = {"title": sa.case((_entry.c.title == "", ""), else_=title), "body": body, "html": markdown(body)}
    left = unfiltered(
        sa.update(_entry).where(mine).values(**empty, lang=None).returning(_entry.c.id)
    ).scalars()
    for ident in list(left):
        index.forget("entry", ident)
        index.note("entry", ident)


def _hand_over_spaces(user_id: int) -> None:
    """Where nobody else owns a group, whoever has moderated it for longest does from now on."""
    other = _member.alias()
    mine = sa.select(_member.c.space_id).where(_member.c.user_id == user_id, _member.c.role == "owner")
    owned = sa.select(other.c.space_id).where(
        other.c.role == "owner", other.c.user_id != user_id, other.c.space_id.in_(mine)
    )
    alone = set(unfiltered(mine).scalars()) - set(unfiltered(owned).scalars())
    for space_id in alone:
        next_one = sa.select(_member.c.user_id).where(
            _member.c.space_id == space_id, _member.c.role == "moderator", _member.c.user_id != user_id
        )
        heir = unfiltered(next_one.order_by(_member.c.created_at, _member.c.user_id).limit(1)).scalar()
        theirs = (_member.c.space_id == space_id, _member.c.user_id == heir, _member.c.role == "moderator")
        unfiltered(sa.update(_member).where(*theirs).values(role="owner", team=True))


def _replace(user_id: int, alias: str) -> None:
    """Delete the row of the person and what hangs on it; words that stay are a new row's, of the alias."""
    moment = now()
    facts: dict[str, Any] = {"name": alias, "folded": fold(alias)[:80], "role": "resident", "about": ""}
    facts |= {"created_at": moment, "closed_at": moment}
    handle = f"former-{alias.rpartition(' ')[2]}"
    stays = unfiltered(sa.select(_entry.c.id).where(_entry.c.author_id == user_id).limit(1)).first()
    keeper = None
    if stays:
        made = (
            sa.insert(_user).values(**facts, handle=f"{handle}-{secrets.token_hex(8)}").returning(_user.c.id)
        )
        keeper = unfiltered(made).scalar_one()
        unfiltered(sa.update(_entry).where(_entry.c.author_id == user_id).values(author_id=keeper))
    unfiltered(sa.delete(_user).where(_user.c.id == user_id))
    if keeper is not None:
        while not insert_once(User, id=user_id, handle=handle, **facts):
            handle = f"{handle}-{secrets.randbelow(10_000)}"
        unfiltered(sa.update(_entry).where(_entry.c.author_id == keeper).values(author_id=user_id))
        unfiltered(sa.delete(_user).where(_user.c.id == keeper))


def _unname(session: Any, handle: str, alias: str) -> None:
    """Put the alias where others wrote the handle."""
    named = re.compile(rf"(?<![\w@/.])@{re.escape(handle)}(?![\w-]|\.\w)", re.IGNORECASE)
    looks = f"%@{handle}%"
    for model, columns in ((Entry, ("title", "body")), (Space, ("summary", "body")), (User, ("about",))):
        written = sa.or_(*(getattr(model, column).ilike(looks) for column in columns))
        for row in session.scalars(sa.select(model).where(written)):
            for column in columns:
                setattr(row, column, named.sub(alias, getattr(row, column)))
            if isinstance(row, Entry):
                row.html = drafts.render(row.body, session.get(Space, row.space_id))[0]
            elif isinstance(row, Space):
                row.html = markdown(row.body)
            session.flush()
            index.note({Entry: "entry", Space: "space", User: "user"}[model], row.id)
    of_before = sa.or_(Revision.title.ilike(looks), Revision.body.ilike(looks))
    for revision in session.scalars(sa.select(Revision).where(of_before)):
        revision.title, revision.body = named.sub(alias, revision.title), named.sub(alias, revision.body)
        revision.html = markdown(revision.body)
    session.flush()


def _mails(session: Any, person: Any, addresses: Sequence[str], alias: str) -> None:
    """Delete mail to the person, and let the alias stand in what waits for others."""
    session.execute(sa.delete(Mail).where(Mail.recipient.in_(addresses)))
    plain = {person.name, defused(person.name)}
    forms = sorted(plain | {str(escape(one)) for one in plain}, key=len, reverse=True)
    called = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, forms))})(?!\w)")
    columns = ("subject", "text", "html")
    like = (getattr(Mail, column).contains(one, autoescape=True) for column in columns for one in forms)
    spoken = sa.or_(*like)
    for mail in session.scalars(sa.select(Mail).where(spoken)):
        for column in columns:
            if getattr(mail, column):
                setattr(mail, column, called.sub(alias, getattr(mail, column)))
    session.flush()


def _forget_addresses(session: Any, user_id: int, addresses: Sequence[str]) -> None:
    """Delete what is kept under the person's addresses or number rather than beside their row."""
    session.execute(sa.delete(PendingClaim).where(PendingClaim.email.in_(addresses)))
    changing = sa.select(PendingClaim).where(PendingClaim.action == claims.CHANGE_ADDRESS)
    for claim in session.scalars(changing):
        if claim.payload.get("user_id") == user_id:
            asked = Mail.recipient == claim.email, Mail.kind == claims.CHANGE_ADDRESS
            session.execute(sa.delete(Mail).where(*asked))
            session.delete(claim)
    session.execute(sa.delete(Invitation).where(Invitation.email.in_(addresses)))
    session.execute(sa.delete(Event).where(Event.topic == f"user/{user_id}"))
    for job in session.scalars(sa.select(JobRow)):
        told = json.dumps(job.payload, ensure_ascii=False)
        if job.payload.get("user_id") == user_id or any(address in told for address in addresses):
            session.delete(job)
    for counted in (*addresses, str(user_id)):
        throttle.forget(counted)
    session.flush()


def _forget_cases(session: Any, user_id: int) -> None:
    """Empty what a person told moderators, and what these told the person; that it was decided stays."""
    theirs = (Case.author_id == user_id, Case.appellant_id == user_id)
    session.execute(sa.update(Case).where(sa.or_(*theirs)).values(text=""))
    session.execute(sa.update(Case).where(Case.appellant_id == user_id).values(words=""))
    told = sa.update(Report).where(Report.reporter_id == user_id)
    session.execute(told.values(name="", text="", address=""))


def _counted(user_id: int) -> tuple[list[int], list[int]]:
    """The entries and spaces whose counters count the person."""
    spoken = sa.select(_entry.c.parent_id).where(
        _entry.c.author_id == user_id, _entry.c.parent_id.is_not(None)
    )
    supported = sa.select(_support.c.entry_id).where(_support.c.user_id == user_id)
    member = sa.select(_member.c.space_id).where(_member.c.user_id == user_id)
    wrote = sa.select(_entry.c.space_id).where(_entry.c.author_id == user_id)
    return (
        sorted(set(unfiltered(sa.union(spoken, supported)).scalars())),
        sorted(set(unfiltered(sa.union(member, wrote)).scalars())),
    )


def _count_anew(entries: Iterable[int], spaces: Iterable[int]) -> None:
    reply = _entry.alias()
    number = sa.select(sa.func.count())
    said = number.where(reply.c.parent_id == _entry.c.id, reply.c.state == "published", ~reply.c.team_only)
    voices = number.select_from(_support).where(_support.c.entry_id == _entry.c.id).correlate(_entry)
    counts = {"reply_count": said.select_from(reply).correlate(_entry), "support_count": voices}
    _set(_entry, entries, counts)
    shown = number.where(_entry.c.space_id == _space.c.id, _entry.c.in_feed, ~_entry.c.team_only)
    people = sa.select(sa.func.count(_member.c.user_id.distinct())).where(_member.c.space_id == _space.c.id)
    _set(_space, spaces, {"entry_count": shown.select_from(_entry), "member_count": people})


def _set(table: sa.Table, idents: Iterable[int], counts: dict[str, sa.Select[Any]]) -> None:
    values = {column: count.scalar_subquery() for column, count in counts.items()}
    for ident in idents:
        unfiltered(sa.update(table).where(table.c.id == ident).values(**values))


def overwrite() -> None:
    """Job: let no page of the search or of SQLite's journal hold words any longer that were just deleted."""
    index.run()
    index.tidy()
    _empty_journal()


def _empty_journal() -> None:
    """Let SQLite's journal forget the pages that were overwritten; PostgreSQL's vacuum does by itself."""
    if db.engine.dialect.name == "sqlite":
        db.session.rollback()
        connection = db.engine.raw_connection()
        try:
            connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
        finally:
            connection.close()


def may_choose(person: access.Viewer) -> bool:
    """Whether somebody may have their words deleted: what was written in office is an act of the town."""
    return person.role == "resident"
