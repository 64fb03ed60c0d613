"""The blueprint of the pages under /visits/, and what these pages share."""

from typing import Any

from flask import Blueprint
from werkzeug.wrappers import Response

from core import api

from .models import Visit
from .show import draw

blueprint = Blueprint(
    "visits", __name__, url_prefix="/visits", template_folder="templates", static_folder="static"
)

Page = str | Response | tuple[str | Response, int]
REFUSED = 422
TOO_LATE = 409


def visit_and_space(space_id: int) -> tuple[Visit, api.Space]:
    """A visit and its space, or 404."""
    return api.get_or_404(Visit, space_id), api.get_or_404(api.Space, space_id)


def form_page(template: str, form: Any, **context: Any) -> Page:
    """A page with a form, refused when the form has errors."""
    page = draw(template, form=form, **context)
    return (page, REFUSED) if form.errors else page
