"""A passage is taken out of the minutes of a published report, for good, and the report says on which day."""

import html
import re
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
from markupsafe import escape
from sqlalchemy.orm.attributes import flag_modified

from core import api
from core.api import gettext as _

from .models import Minutes, Report

MARK = "[…]"
_TAG = re.compile(r"""(<(?:[^>"]|"[^"]*")*>)""")


def take_out(space: api.Space, passage: str, reason: str) -> None:
    """Put a mark in place of a passage of the minutes; Refused where they don't hold it."""
    if not api.oversees(space):
        raise api.Forbidden("core.moderate")
    found = re.compile(r"\s+".join(map(re.escape, passage.split())), re.IGNORECASE)
    with api.write():
        with api.as_system("who moderates need not write the minutes"):
            _take_out(space.id, found)
            api.reindex(space)
        api.audit("visits.redact", f"space/{space.id}", reason=reason)


def _take_out(space_id: int, found: re.Pattern[str]) -> None:
    session, held = api.db.session, api.lock(sa.select(Report).where(Report.space_id == space_id))
    report = session.scalars(held).one()
    left = _without(report.facts["minutes"], found)
    if found.search(api.plain(left)):
        raise api.Refused(_("These words are formatted in between. Take each part out by itself."))
    if left == report.facts["minutes"]:
        raise api.Refused(
            _(
                "These words are not in the minutes. Copy them exactly as they stand. Words of a question, "
                "of its answer or of a reason are taken out on the page of the question."
            )
        )
    report.facts["minutes"] = left
    flag_modified(report, "facts")
    mention = {"on": api.town_today().isoformat(), "question": None, "what": "minutes"}
    if mention not in report.mentions:
        report.mentions = [*report.mentions, mention]
    minutes = session.get(Minutes, space_id)
    if minutes is not None:
        minutes.body = found.sub(MARK, minutes.body)
    session.flush()


def _without(text: str, found: re.Pattern[str]) -> str:
    """HTML with a mark in place of what is found in its words and in the addresses of its links."""

    def masked(part: str) -> str:
        said = html.unescape(part)
        return str(escape(found.sub(MARK, said))) if found.search(said) else part

    def address(match: re.Match[str]) -> str:
        said = unquote(html.unescape(match[1]))
        return f'"{escape(found.sub(MARK, said))}"' if found.search(said) else match[0]

    parts: list[Any] = _TAG.split(text)
    return "".join(
        re.sub(r'"([^"]*)"', address, part) if part.startswith("<") else masked(part) for part in parts
    )
