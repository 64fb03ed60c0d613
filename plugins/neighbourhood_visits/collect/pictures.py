"""Pictures that go with a question: those of a form, each described or said to decorate; those of a mail."""

import io
from typing import Any

import sqlalchemy as sa
from flask import request
from werkzeug.datastructures import FileStorage

from core import api
from core.api import gettext as _

from ..models import Question
from ..states import question_case

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


def waits(entry: api.Entry, question: Question) -> bool:
    """Whether a question still takes pictures: nobody has decided on it."""
    return question.triage == "submitted" and entry.state == "pending"


def add(question_id: int, ready: list[tuple[Any, str]]) -> None:
    """Hang pictures on a question; Refused once somebody has decided on it, or where they get too many."""
    there = sa.select(sa.func.count(api.File.id)).where(api.File.entry_id == question_id)
    with api.write() as session:
        case = question_case(question_id)
        if not waits(case.entry, case.question):
            raise api.Refused(_("The team has read your question: pictures are no longer taken."))
        if (session.scalar(there) or 0) + len(ready) > MOST:
            raise api.Refused(_("At most four pictures."))
        for picture, said in ready:
            api.attach(case.entry, picture, said)


def of_letter(letter: api.Incoming) -> tuple[list[Any], list[str]]:
    """The pictures that came with a message, made ready as those of a form; the names of all else.

    No more are tried than may be kept: to find that one is damaged may take seconds.
    """
    found: list[Any] = []
    left_out, tried = [], 0
    for part in letter.attachments:
        name = api.one_line(str(part.get_filename() or part.get_content_type()))[:80]
        content = part.get_payload(decode=True) if part.get_content_maintype() == "image" else None
        try:
            if content is None or tried == MOST:
                raise api.FileError(name)
            tried += 1
            found.append(api.prepare_picture(FileStorage(io.BytesIO(content), name)))
        except api.FileError:
            left_out.append(name)
    return found, left_out


def _ready(found: list[tuple[int, Any, str]], wrong: list[str]) -> list[tuple[Any, str]]:
    ready = []
    for number, upload, said in found:
        try:
            ready.append((api.prepare_picture(upload), said))
        except api.FileError as problem:
            wrong.append(_("Picture %(number)s: %(problem)s", number=number, problem=str(problem)))
    return ready
