"""Pages of the feed."""

from flask import Blueprint, render_template_string

from ..web import needs

blueprint = Blueprint("feed", __name__)


@blueprint.get("/")
@needs("core.read")
def home() -> str:
    return render_template_string("{% extends 'core/base.html' %}{% block main %}<h1>x</h1>{% endblock %}")
