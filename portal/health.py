"""`/healthz`, by which machines ask whether the portal is well."""

from flask import Blueprint
from werkzeug.wrappers import Response

from core import health
from core.web import needs

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@needs("core.read")
def healthz() -> tuple[Response, int]:
    """Each check by name; 503 when one fails."""
    return health.answer()
