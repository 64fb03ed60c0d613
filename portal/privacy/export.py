"""“My data”: all that is a person's own in one archive, made by a job and kept for its owner for a while.

It holds their own rows and words, whoever may read those now; what others addressed to them only where
they may read it today; and no secret that would let somebody in.
"""

import datetime as dt
import hashlib
import json
import re
import secrets
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import current_app
from flask_babel import gettext as _

from core import __version__, access, files, jobs, mail, registry, settings
from core.access import as_system, require, viewer
from core.accounts import sessions, throttle
from core.db import Base, db, now, table_of, unfiltered, write
from core.models import (
    Account,
    Audit,
    Case,
    Entry,
    Erasure,
    Export,
    File,
    Invitation,
    JoinRequest,
    Mail,
    Membership,
    Mention,
    Notice,
    PendingClaim,
    Report,
    Revision,
    Space,
    Support,
    User,
)
from core.notices import reads

from . import readable
from .activities import OUTBOX, member_of, outbox

JOB, SCHEMA = "core.export", 1
STUCK = dt.timedelta(days=1)  # a job that took so long has failed for good
TAKEN_OUT = ("case.redacted", "entry.removed")  # acts after which no older archive is given out
ADDRESSED = "data/addressed_to_me.json"
NOT_TOLD = {
    "core_throttle": "counters under names that tell nobody whom they count",
    "core_search": "the index, made of what is exported as it was written",
    "core_event": "references to what is exported, for a day",
    "core_job": "work that waits, done within minutes",
    "core_erasure": "nobody who could ask has one",
}
SECRET = re.compile("password|token|secret|hash|code|key")  # in names of columns that let somebody in
HIDDEN: dict[type[Base], tuple[str, ...]] = {Mail: ("text", "html"), Export: ("name",)}  # may hold such, too
_NAME = re.compile(r"[a-z0-9_]{1,60}")


def ask() -> None:
    """Have one's archive made; Refused while one is being made."""
    require("core.account")
    person = viewer().id or 0
    throttle.hit("export", str(person))
    with write() as session:
        row = session.get(Export, person)
        if row is not None and row.ready_at is None and row.asked_at > now() - STUCK:
            raise access.Refused(_("Your data is being gathered already."))
        if row is not None:
            session.delete(row)
            session.flush()
        session.add(Export(user_id=person, name=secrets.token_urlsafe(32), rights=_rights()))
        jobs.enqueue(JOB, user_id=person)
    sweep()


def make(user_id: int) -> None:
    """Job: write the archive that somebody asked for, and tell them where it is."""
    try:
        person = sessions.viewer_for(user_id)
    except LookupError:
        return  # the account was closed meanwhile
    with access.as_viewer(person):
        row = db.session.get(Export, user_id)
        if row is None or row.ready_at is not None:
            return
        name = row.name
        folder().mkdir(mode=0o700, exist_ok=True)
        with (
            files.unfinished(path(name)) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            told = _fill(Archive(archive), user_id, name)
        link = f"{current_app.config['PARVIS'].base_url}/me/data"
        letter = mail.compose("portal/mail/data_ready", person.language, link, name=person.name)
        with write() as session:
            row = session.get(Export, user_id)
            if row is not None and row.name == name:
                row.progress, row.ready_at, row.rights = 100, now(), [*row.rights, told]
                mail.send("core.export", session.get(Account, user_id).email, *letter)
            else:  # asked for anew meanwhile, or closed
                path(name).unlink()


def current() -> Export | None:
    """The viewer's archive, made or being made.

    One whose file is gone, as after a restore, is none; nor is one made with rights that are lost since, or
    before something was taken out of the portal for good.
    """
    row: Export | None = db.session.get(Export, viewer().id)
    if row is None or row.ready_at is None:
        return row
    places = _rights()
    lost = [one for one in row.rights if one not in places and one != _told(viewer().id or 0, one[0])]
    return row if path(row.name).exists() and not lost and not _taken_out(row.asked_at) else None


def withdrawn() -> bool:
    """Whether the viewer has an archive that is not given out any more."""
    return current() is None and db.session.get(Export, viewer().id) is not None


def ready(name: str) -> Path:
    """The viewer's own archive of this name; FileNotFoundError as if there had never been one."""
    row = current()
    if row is None or row.ready_at is None or not secrets.compare_digest(row.name.encode(), name.encode()):
        raise FileNotFoundError(name)
    return path(row.name)


def _rights() -> list[list[int]]:
    """The spaces that the viewer belongs to now, and whether to their teams."""
    mine = sa.select(Membership.space_id, Membership.team).where(Membership.user_id == viewer().id)
    still = sa.or_(Membership.expires_at.is_(None), Membership.expires_at > now())
    rows = db.session.execute(mine.where(still).distinct()).all()
    return sorted([row.space_id, int(row.team)] for row in rows)


def _told(user_id: int, newest: int) -> list[int]:
    """What tells that all that others addressed to a person, up to the newest told, is theirs to read now."""
    what = sa.select(sa.func.count(Entry.id), sa.func.coalesce(sa.func.sum(Entry.id), 0))
    number, checksum = db.session.execute(what.where(*_to(user_id), Entry.id <= newest)).one()
    return [newest, number, int(checksum)]


def _taken_out(since: dt.datetime) -> dt.datetime | None:
    """When words were last redacted, removed or erased, whosever they were, at this time or after it."""
    taken = sa.select(sa.func.max(Audit.at)).where(Audit.act.in_(TAKEN_OUT), Audit.at >= since)
    erased = sa.select(sa.func.max(Erasure.done_at)).where(Erasure.done_at >= since)
    with as_system("see whether something was taken out"):
        return max(filter(None, map(db.session.scalar, (taken, erased))), default=None)


def sweep() -> None:
    """Delete archives that were kept for long enough or are outdated, and files that no row names."""
    kept = settings.kept_for("core.exports") or dt.timedelta()
    with as_system("end old archives"), write() as session:
        session.execute(sa.delete(Export).where(Export.ready_at < now() - kept))
        rows = session.execute(sa.select(Export.name, Export.asked_at, Export.ready_at)).all()
        last = _taken_out(min((row.asked_at for row in rows), default=now()))
        known = {row.name for row in rows if row.ready_at is None or last is None or row.asked_at > last}
    for file in folder().glob("*"):
        if file.name.partition(".")[0] not in known:
            file.unlink(missing_ok=True)


def folder() -> Path:
    """Where archives are kept, for the portal's own user alone."""
    data: Path = current_app.config["PARVIS"].data
    return data / "exports"


def path(name: str) -> Path:
    """The file of an archive."""
    return folder() / f"{name}.zip"


class Archive:
    """A ZIP being written that remembers the size and the SHA-256 of each member."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.members: dict[str, dict[str, Any]] = {}
        self.rows: dict[str, int | None] = {}

    def add(self, name: str, data: bytes) -> None:
        """Write a member."""
        self.archive.writestr(name, data)
        self.members[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    def json(self, name: str, value: Any) -> None:
        """Write a value as JSON that people can read too."""
        self.rows[name] = len(value) if isinstance(value, list) else None
        self.add(name, json.dumps(value, ensure_ascii=False, indent=1, default=_plain).encode())


def _fill(archive: Archive, user_id: int, name: str) -> list[int]:
    """Write all members; answers what `_told` must answer as long as the archive may be given out."""
    told: list[int] = []
    activities: list[Any] = []
    steps = [*_tables(user_id), ("", outbox), ("", _addressed), ("", _of_plugins), ("", _files)]
    for number, (member, step) in enumerate(steps):
        for found, value in step(user_id) if not member else ((member, step(user_id)),):
            if isinstance(value, bytes):
                archive.add(found, value)
            elif value:
                archive.json(found, value)
            if found == ADDRESSED:
                told = [row["id"] for row in value]
            elif found == OUTBOX:
                activities = value["orderedItems"]
        _progress(user_id, name, 95 * (number + 1) // len(steps))
    archive.add(readable.NAME, readable.page(activities, archive.rows))
    person = viewer()
    archive.json(
        "manifest.json",
        {
            "schema": SCHEMA,
            "town": settings.town().name,
            "address": current_app.config["PARVIS"].base_url,
            "parvis": __version__,
            "made_at": now(),
            "person": {"id": user_id, "handle": person.handle, "name": person.name},
            "members": archive.members,
        },
    )
    return [max(told, default=0), len(told), sum(told)]


def _progress(user_id: int, name: str, percent: int) -> None:
    mine = sa.update(Export).where(Export.user_id == user_id, Export.name == name)
    with write() as session:
        session.execute(mine.values(progress=percent), execution_options={"synchronize_session": False})


def _tables(user_id: int) -> Iterator[tuple[str, Any]]:
    """For each table that has rows of people: the member, and what reads this person's rows for it."""
    mine, declared = _mine(user_id, db.session.scalar(sa.select(Account.email))), _declared()
    for mapper in sorted(Base.registry.mappers, key=lambda one: table_of(one.class_).name):
        model, table = mapper.class_, table_of(mapper.class_).name
        if table not in declared:
            continue
        if model is Notice:
            yield f"data/{table}.json", _notices
        elif model in mine or issubclass(model, access.Owned):
            clause = mine[model] if model in mine else model.user_id == user_id  # noqa: SIM401  not of all
            yield f"data/{table}.json", partial(_rows, model, clause)
        elif issubclass(model, access.OnEntry) and not table.startswith("core_"):
            yield f"data/{table}.json", partial(_on_own_entries, model, declared[table] | {"entry_id"})


def _mine(user_id: int, email: str | None) -> dict[Any, Any]:
    """Which rows are a person's, of those tables of the core where that is not simply the row's owner."""
    entries = sa.select(Entry.id).where(Entry.author_id == user_id)
    decided = sa.and_(Case.author_id == user_id, Case.appellant_id.is_(None), Case.decided_at.is_not(None))
    return {
        User: User.id == user_id,
        Entry: Entry.author_id == user_id,
        Revision: Revision.entry_id.in_(entries),
        Support: Support.user_id == user_id,
        Audit: Audit.actor_id == user_id,
        Report: Report.reporter_id == user_id,
        Case: sa.or_(Case.appellant_id == user_id, decided),
        Membership: Membership.user_id == user_id,
        JoinRequest: JoinRequest.user_id == user_id,
        Invitation: Invitation.email == email,
        PendingClaim: PendingClaim.email == email,
        Mail: Mail.recipient == email,
        File: sa.or_(File.profile_of == user_id, File.entry_id.in_(entries)),
    }


def _declared() -> dict[str, set[str]]:
    plugins = registry.current()
    found: dict[str, set[str]] = {}
    for plugin in (plugins.core, *plugins.installed.values()):
        for data in plugin.personal_data:
            found.setdefault(data.table, set()).add(data.column)
    return found


def _rows(model: Any, clause: Any, user_id: int) -> list[dict[str, Any]]:
    """The rows of a model that are a person's own, whoever may read them now."""
    keys = sa.inspect(model).primary_key
    with as_system("people take their own with them"):
        rows = db.session.scalars(sa.select(model).where(clause).order_by(*keys))
        return [_row(row, user_id) for row in rows]


def _notices(user_id: int) -> list[dict[str, Any]]:
    """One's notices, of those things that one may read now."""
    table = table_of(Notice)
    shown = ("id", "type", "entry_id", "space_id", "way", "created_at", "read_at")
    mine = sa.select(*(table.c[name] for name in shown))
    mine = mine.where(table.c.user_id == user_id, reads.visible(access.VIEWER_ID)).order_by(table.c.id)
    return [dict(row) for row in unfiltered(mine).mappings()]


def _on_own_entries(model: Any, wanted: set[str], user_id: int) -> list[dict[str, Any]]:
    """What a plugin declares of its rows on a person's own entries, as far as that person may read it now."""
    own = sa.select(Entry.id).where(Entry.author_id == user_id)
    rows = db.session.scalars(sa.select(model).where(model.entry_id.in_(own)).order_by(model.entry_id))
    return [{name: value for name, value in _row(row, user_id).items() if name in wanted} for row in rows]


def _row(row: Any, user_id: int) -> dict[str, Any]:
    """A row without secrets, and without who else it refers to."""
    found = {}
    for column in sa.inspect(type(row)).columns:
        value = getattr(row, column.key)
        of_people = any(key.target_fullname == "core_user.id" for key in column.foreign_keys)
        secret = SECRET.search(column.name) or column.name in HIDDEN.get(type(row), ())
        if not secret and not (of_people and value != user_id):
            found[column.name] = value
    return found


def _addressed(user_id: int) -> Iterator[tuple[str, Any]]:
    """What others wrote to this person alone, or naming them: what they may read of it now."""
    found = sa.select(Entry, User.name).outerjoin(User, User.id == Entry.author_id)
    rows = db.session.execute(found.where(*_to(user_id)).order_by(Entry.id)).all()
    names = ("id", "space_id", "parent_id", "kind", "title", "body", "published_at")
    told = [
        {**{name: getattr(entry, name) for name in names}, "author": author or entry.byline}
        for entry, author in rows
    ]
    yield ADDRESSED, told
    created = sa.select(Space.id, Space.name, Space.created_at).where(Space.created_by == user_id)
    yield "data/spaces_opened.json", [dict(row) for row in db.session.execute(created).mappings()]


def _to(user_id: int) -> tuple[Any, ...]:
    named = sa.select(Mention.entry_id).where(Mention.user_id == user_id)
    others = sa.or_(Entry.author_id.is_(None), Entry.author_id != user_id)
    return sa.or_(Entry.reader_id == user_id, Entry.id.in_(named)), others, Entry.state == "published"


def _of_plugins(user_id: int) -> Iterator[tuple[str, Any]]:
    """What plugins keep of this person beside their rows; one that fails stops the whole."""
    for plugin, answer in registry.current().demand("export_user", user_id=user_id):
        for name, rows in answer.items() if answer else ():
            if not _NAME.fullmatch(name):
                raise ValueError(f"{plugin} names a member of the archive {name!r}")
            yield f"data/{plugin}/{name}.json", rows


def _files(user_id: int) -> Iterator[tuple[str, Any]]:
    own = sa.select(Entry.id).where(Entry.author_id == user_id)
    with as_system("people take their own pictures with them"):
        mine = sa.select(File.id, File.name, File.sha256).order_by(File.id)
        rows = db.session.execute(
            mine.where(sa.or_(File.profile_of == user_id, File.entry_id.in_(own)))
        ).all()
    for row in rows:
        if (stored := files.stored(row.sha256)).exists():
            yield member_of(row.id, row.name), stored.read_bytes()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else str(value)
