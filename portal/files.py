"""The one door at which stored files are served, and the sweep of those that nothing names."""

import io
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from flask import Blueprint, abort, request, send_file
from werkzeug.wrappers import Response

from core import access, files
from core.audit import audit
from core.db import db, table_of, write
from core.forms import whole
from core.models import Case, File, Space
from core.spaces import actions as spaces
from core.web import get_or_404, needs

from . import backing_up

blueprint = Blueprint("files", __name__)
ORPHAN_SECONDS = 24 * 3600


@blueprint.before_app_request
def one_range() -> None:
    """Send all of it to who asks for what is no single range of bytes, as RFC 9110 has it."""
    asked = request.range if "Range" in request.headers else None
    if asked is None or asked.units != "bytes" or len(asked.ranges) > 1:
        request.environ.pop("HTTP_RANGE", None)


@blueprint.get("/files/<int:file_id>/<name>")
@needs("core.read")
def show(file_id: int, name: str) -> Response:
    """Send a file to who may read it; what not everybody may read is kept by no shared cache."""
    case = whole(request.args.get("case"))
    file = _of_case(file_id, case) if case else get_or_404(File, file_id)
    if name != file.name:
        abort(404)
    small = request.args.get("w") == str(files.SMALL)
    try:
        path = files.stored(file.sha256, small)
        path = path if path.exists() else files.stored(file.sha256)
        data = io.BytesIO(path.read_bytes())
    except FileNotFoundError:
        abort(404)
    response = send_file(data, file.type, download_name=file.name, etag=path.name, conditional=True)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    everybody = file.entry_id is None or _public(file_id)
    response.headers["Cache-Control"] = "public, max-age=3600" if everybody else "private, no-cache"
    return response


def _of_case(file_id: int, case_id: int) -> File:
    """A picture of what an open case is about, for who decides it; the log notes who is not of its space."""
    about = sa.select(File, Space).join(Case, Case.entry_id == File.entry_id)
    about = about.join(Space, Space.id == Case.space_id).where(File.id == file_id, Case.id == case_id)
    about = about.where(Case.decided_at.is_(None), access.judged(Case, Space))
    with access.as_system("who decides a case sees the pictures of what it is about"):
        found = db.session.execute(about).first()
    if found is None:
        abort(404)
    if not spaces.oversees(found.Space):
        with write():
            audit("case.read", f"case/{case_id}", file=file_id)
    picture: File = found.File
    return picture


def _public(file_id: int) -> bool:
    visitor = access.Viewer(kinds=access.viewer().kinds)
    with access.as_viewer(visitor):
        return db.session.get(File, file_id) is not None


def forget(keys: Iterable[str]) -> None:
    """Delete the bytes of files, in all their sizes, unless a row names them."""
    _delete(
        path
        for key in keys
        for path in files.stored(key).parent.glob(f"{key}*")
        if "." not in path.name  # somebody is storing it
    )


def sweep() -> None:
    """Delete bytes that no row has named for a day, and those that a killed backup left."""
    backing_up.clear(files.folder().parent)
    limit = time.time() - ORPHAN_SECONDS
    for shelf in sorted(files.folder().iterdir()):
        _delete(path for path in shelf.iterdir() if path.stat().st_mtime < limit)


def _delete(paths: Iterable[Path]) -> None:
    """Delete those of these paths that no row names.

    They are put aside first: whoever names one meanwhile either has a row by then, and it is put back, or
    finds it gone once the row is there, and stores it again (`core.files`).
    """
    aside: dict[Path, Path] = {}
    for path in _nameless(paths):
        with suppress(FileNotFoundError):  # somebody else deletes it
            aside[path.rename(path.with_suffix(f".{secrets.token_hex(4)}"))] = path
    loose = _nameless(aside)
    for path, place in aside.items():
        if path in loose:
            path.unlink()
        else:
            path.rename(place)


def _nameless(paths: Iterable[Path]) -> set[Path]:
    """Those of these paths that no row names by now, whatever the session has read before."""
    by_key = {path: path.name[:64] for path in paths}
    sha256 = table_of(File).c.sha256
    with db.engine.connect().execution_options(guarded=True) as connection:
        named = set(connection.scalars(sa.select(sha256).where(sha256.in_(set(by_key.values())))))
    return {path for path, key in by_key.items() if key not in named}
