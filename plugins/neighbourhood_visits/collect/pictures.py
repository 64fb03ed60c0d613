"""Pictures that go with a question, as `m.pictures_field` sends them: each described, or said to decorate."""

from typing import Any

from flask import request

from core import api
from core.api import gettext as _

MOST, LONGEST = 4, 300


def chosen(already: int = 0) -> tuple[list[tuple[Any, str]], list[str]]:
    """The pictures of this request, made ready, with what they show; and what is wrong with them."""
    texts, plain = request.form.getlist("alts"), request.form.getlist("decorative")
    found, wrong = [], []
    for number, upload in enumerate(request.files.getlist("pictures"), 1):
        if upload.filename:
            said = api.one_line(texts[number - 1])[:LONGEST] if number <= len(texts) else ""
            decorates = str(number) in plain
            if not said and not decorates:
                wrong.append(
                    _("Picture %(number)s: say what it shows, or that it only decorates.", number=number)
                )
            found.append((number, upload, "" if decorates else said))
    if len(found) + already > MOST:
        wrong.append(_("At most four pictures."))
    return (_ready(found, wrong), wrong) if not wrong else ([], wrong)


def _ready(found: list[tuple[int, Any, str]], wrong: list[str]) -> list[tuple[Any, str]]:
    ready = []
    for number, upload, said in found:
        try:
            ready.append((api.prepare_picture(upload), said))
        except api.FileError as problem:
            wrong.append(_("Picture %(number)s: %(problem)s", number=number, problem=str(problem)))
    return ready
