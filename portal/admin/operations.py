"""The page on which administrators see how the portal runs: checks, jobs, mail, errors, versions, backups."""

import datetime as dt
import json
import platform
import shutil
import sqlite3
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, current_app, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core import __version__, health, registry, settings
from core.config import Config
from core.db import db
from core.models import JobRow, Mail, PluginFault
from core.web import needs, says

from ..contributions import text_of
from . import actions
from .checks import described, owner
from .plugins import said
from .views import menu

blueprint = Blueprint("operations", __name__, url_prefix="/admin/operations")
blueprint.context_processor(menu)
SHOWN = 20


@blueprint.get("")
@needs("core.operate")
def index() -> str:
    """How the portal runs, from what needs somebody down to the plain facts."""
    jobs = sa.select(JobRow).order_by(JobRow.run_at, JobRow.id).limit(SHOWN)
    faults = sa.select(PluginFault).order_by(PluginFault.id.desc()).limit(SHOWN)
    slow = PluginFault.what.startswith(registry.SLOW)
    config = current_app.config["PARVIS"]
    return render_template(
        "portal/admin_operations.html",
        checks=[described(check) for check in health.checks()],
        failed=[_job(row) for row in db.session.scalars(jobs.where(JobRow.state == "failed"))],
        planned=[_job(row) for row in db.session.scalars(jobs.where(JobRow.state != "failed"))],
        jobs=_counts(JobRow.state),
        mails=_counts(Mail.status, Mail.status != "sent"),
        faults=_faults(faults.where(~slow)),
        slow=_faults(faults.where(slow)),
        versions=_versions(),
        disk=shutil.disk_usage(config.data),
        backup=last_backup(config),
        restored=settings.restored(),
    )


@blueprint.post("/jobs/<int:job_id>/retry")
@needs("core.operate")
def index_retry(job_id: int) -> Response:
    """Let a job that gave up try again, at once."""
    return _done(actions.retry_job(job_id), _("It is tried again within a few seconds."))


@blueprint.post("/jobs/<int:job_id>/drop")
@needs("core.operate")
def index_drop(job_id: int) -> Response:
    """Give a failed job up for good."""
    return _done(actions.drop_job(job_id), _("It was given up."))


def last_backup(config: Config) -> dict[str, Any] | None:
    """What `parvis backup` noted of the latest one: `at`, `size`, `missing`."""
    with suppress(FileNotFoundError):
        facts: dict[str, Any] = json.loads((config.data / "last-backup").read_text())
        return {**facts, "at": dt.datetime.fromisoformat(facts["at"])}
    return None


def _done(found: bool, message: str) -> Response:
    if not found:
        abort(404)
    says(message)
    return redirect(url_for("operations.index") + "#jobs")


def _counts(column: Any, *where: Any) -> dict[str, int]:
    """How many rows there are of each state."""
    rows = db.session.execute(sa.select(column, sa.func.count()).where(*where).group_by(column))
    return {row[0]: row[1] for row in rows}


def _faults(rows: sa.Select[Any]) -> list[tuple[Any, PluginFault, str]]:
    """Faults, each with whose it is and with what happened in words."""
    return [(owner(fault.plugin), fault, said(fault.what)) for fault in db.session.scalars(rows)]


def _job(row: JobRow) -> SimpleNamespace:
    """A job with the title that its plugin gives it."""
    try:
        plugin, job = registry.current().declared("jobs", row.name)
        title = text_of(plugin.name, job.title, row.name)
    except LookupError:  # the plugin is not installed any more
        title = row.name
    return SimpleNamespace(row=row, title=title)


def _versions() -> list[tuple[Any, str]]:
    """What runs here, and in which version."""
    if db.engine.dialect.name == "sqlite":
        database = ("SQLite", sqlite3.sqlite_version)
    else:
        database = ("PostgreSQL", ".".join(map(str, db.engine.dialect.server_version_info or ())))
    own = [("Parvis", __version__), ("Python", platform.python_version()), database]
    installed = registry.current().installed.items()
    return [*own, *((text_of(name, plugin.title, name), plugin.version) for name, plugin in installed)]
