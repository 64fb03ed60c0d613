"""The switch of language, which anybody may use on every page."""

import sqlalchemy as sa
from flask import Blueprint, request
from werkzeug.wrappers import Response

from core.access import viewer
from core.db import write
from core.i18n import COOKIE, LANGUAGES
from core.models import Account
from core.web import back, needs

YEAR = 365 * 24 * 3600

blueprint = Blueprint("language", __name__)


@blueprint.post("/language")
@needs("core.read")
def switch() -> Response:
    """Speak another language from here on; remembered in the browser, and in the account if there is one."""
    answer = back("/")
    language = request.form.get("language", "")
    if language not in LANGUAGES:
        return answer
    answer.set_cookie(COOKIE, language, max_age=YEAR, httponly=True, samesite="Lax", secure=request.is_secure)
    if viewer().signed_in:
        with write() as session:
            own = sa.update(Account).where(Account.user_id == viewer().id)
            session.execute(own.values(language=language))
    return answer
