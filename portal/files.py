"""The one door at which stored files are served."""

import io

from flask import Blueprint, abort, request, send_file
from werkzeug.wrappers import Response

from core import access, files
from core.db import db
from core.models import File
from core.web import get_or_404, needs

blueprint = Blueprint("files", __name__)


@blueprint.get("/files/<int:file_id>/<name>")
@needs("core.read")
def show(file_id: int, name: str) -> Response:
    """Send a file to who may read it; what not everybody may read is kept by no shared cache."""
    file = get_or_404(File, file_id)
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


def _public(file_id: int) -> bool:
    visitor = access.Viewer(kinds=access.viewer().kinds)
    with access.as_viewer(visitor):
        return db.session.get(File, file_id) is not None
