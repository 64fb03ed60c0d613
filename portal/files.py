"""The one door at which stored files are served, and the sweep of those that nothing names."""

import io
import time

import sqlalchemy as sa
from flask import Blueprint, abort, request, send_file
from werkzeug.wrappers import Response

from core import access, files
from core.audit import audit
from core.db import db, write
from core.forms import whole
from core.models import Case, File, Space
from core.spaces import actions as spaces
from core.web import get_or_404, needs

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
    path = files.stored(file.sha256, small)
    if not path.exists():
        path = files.stored(file.sha256)
    if not path.exists():
        abort(404)
    data = io.BytesIO(path.read_bytes())
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


def sweep() -> None:
    """Delete bytes that no row has named for a day."""
    limit = time.time() - ORPHAN_SECONDS
    for shelf in sorted(files.folder().iterdir()):
        old = {path for path in shelf.iterdir() if path.stat().st_mtime < limit}
        named = sa.select(File.sha256).where(File.sha256.in_({path.name[:64] for path in old}))
        with access.as_system("find files that no row names"):
            kept = set(db.session.scalars(named))
        for path in old:
            if path.name[:64] not in kept:
                path.unlink()
    db.session.rollback()
