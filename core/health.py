"""Whether the portal is well: `/healthz` for machines, the same checks in words for `parvis check`."""

import datetime as dt
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from flask import current_app, jsonify
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from . import access, registry
from .db import db, now
from .models import Mail, Stamp
from .plugin import Health

DISK_NEEDED = 200 * 1024 * 1024
BEAT_SECONDS = 20
MAIL_LATE = dt.timedelta(hours=1)
SOUND_SQLITE = (3, 51, 3)
PUBLIC = ("database", "migrations", "worker", "sqlite")


def answer() -> tuple[Response, int]:
    """Each check by name, with its detail where that tells strangers nothing; 503 when one fails."""
    with access.as_system("health"):
        found = checks()
    well = all(one.ok for one in found)
    listed = {one.name: {"ok": one.ok, "detail": one.detail if one.name in PUBLIC else ""} for one in found}
    return jsonify(status="ok" if well else "failing", checks=listed), 200 if well else 503


def checks() -> list[Health]:
    """All checks of the core, then those of the plugins that are on, one that raises counted as failed."""
    found = [safely(name, check) for name, check in CHECKS.items()]
    try:
        for plugin, answers in registry.current().call("health"):
            on = answers if plugin in registry.current().enabled() else ()
            found += [Health(f"{plugin}.{one.name}", one.ok, str(one.detail)) for one in on]
    except SQLAlchemyError:  # without a database nobody knows which plugins are on
        pass
    return found


def safely(name: str, check: Callable[[], tuple[bool, str]]) -> Health:
    """The outcome of a check; one that raises has failed."""
    try:
        ok, detail = check()
    except (SQLAlchemyError, OSError, ValueError) as error:
        db.session.rollback()
        ok, detail = False, type(error).__name__
    return Health(name, ok, detail)


def _database() -> tuple[bool, str]:
    db.session.execute(sa.select(Stamp.key).limit(1))
    return True, db.engine.dialect.name


def _migrations() -> tuple[bool, str]:
    from . import migrate  # Alembic is dear to load, and most pages need none of it

    plugins = registry.current()
    behind = migrate.behind(db.engine, {name: plugins.modules[name] for name in plugins.enabled()})
    return not behind, f"behind: {', '.join(behind)}" if behind else "up to date"


def _disk() -> tuple[bool, str]:
    free = shutil.disk_usage(_data()).free
    return free > DISK_NEEDED, f"{free // 1024**2} MiB free"


def _files() -> tuple[bool, str]:
    with tempfile.TemporaryFile(dir=_data()) as file:
        file.write(b"parvis")
    return True, str(_data().absolute())


def _privacy() -> tuple[bool, str]:
    """The data folder, and the key that signs cookies, are for the server's own user alone."""
    modes = {path.name: path.stat().st_mode & 0o777 for path in (_data(), _data() / "secret-key")}
    open_ones = [f"{name} has mode {mode:o}: chmod go= it" for name, mode in modes.items() if mode & 0o077]
    return not open_ones, ", ".join(open_ones) or "for the user of the server alone"


def _worker() -> tuple[bool, str]:
    file = _data() / "worker-beat"
    if not file.exists():
        return False, "never ran: parvis serve has one, parvis worker is one"
    seconds = int((now() - dt.datetime.fromisoformat(file.read_text())).total_seconds())
    return abs(seconds) < 3 * BEAT_SECONDS, f"last seen {seconds} s ago"


def _mail() -> tuple[bool, str]:
    if not current_app.config["PARVIS"].smtp_host:
        return True, "no mail server is set (PARVIS_SMTP_HOST): mail waits in the outbox"
    late = sa.select(sa.func.count()).where(Mail.status == "waiting", Mail.created_at < now() - MAIL_LATE)
    count = db.session.scalar(late) or 0
    return not count, f"{count} messages wait for more than an hour"


def _sqlite() -> tuple[bool, str]:
    """The library has a rare fault up to 3.51.2; a warning, because the portal works with it."""
    if db.engine.dialect.name != "sqlite":
        return True, "not used"
    fault = "" if sqlite3.sqlite_version_info >= SOUND_SQLITE else " (before 3.51.3: see docs)"
    return True, sqlite3.sqlite_version + fault


def _plugins() -> tuple[bool, str]:
    lost, broken = registry.current().missing(), registry.current().broken
    return not lost, "; ".join((broken | lost).values()) or "all that are on can be loaded"


def _data() -> Path:
    return Path(current_app.config["PARVIS"].data)


CHECKS: dict[str, Callable[[], tuple[bool, str]]] = {
    "database": _database,
    "migrations": _migrations,
    "sqlite": _sqlite,
    "disk": _disk,
    "files": _files,
    "secret": _privacy,
    "worker": _worker,
    "mail": _mail,
    "plugins": _plugins,
}
