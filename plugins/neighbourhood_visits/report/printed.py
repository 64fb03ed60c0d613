"""The report of a visit as PDF: the words of its page, as approved, without what was taken out since."""

import json
import re
from functools import lru_cache
from typing import Any

from flask import abort
from flask_babel import format_decimal, get_locale
from werkzeug.wrappers import Response

from core import api
from core.api import gettext as _
from core.api import ngettext

from .. import quiet, show
from ..labels import voices_label
from ..models import Visit
from ..pages import blueprint, visit_and_space
from ..plan.paper_pages import pdf_response
from ..plan.papers import TEMPLATES, town_name
from . import issue
from .figures import Row
from .models import Report
from .words import (
    WORDS,
    by_decision,
    changes,
    channel_label,
    decision,
    promises_of,
    reworded,
    voices,
    when,
    why,
)

BLOCK = re.compile(r"</(?:p|li|h\d|blockquote|pre|tr)>|<br ?/?>|<hr ?/?>")
SECONDS, KEPT = 20, 32


@blueprint.get("/<int:space_id>/report.pdf")
@api.needs("core.read")
def report_pdf(space_id: int) -> Response:
    """What came of a visit, on paper."""
    visit, space = visit_and_space(space_id)
    found = issue.report_of(space_id)
    if found is None:
        abort(404)
    made = _made(json.dumps(said(visit, space, found), sort_keys=True))
    return pdf_response(made, f"report-{space_id}.pdf", public=True)


@lru_cache(maxsize=KEPT)
def _made(text: str) -> bytes:
    """The PDF of these words, made once; who asks for ever others is slowed down."""
    api.throttle("work")
    return api.pdf(TEMPLATES / "report.typ", json.loads(text), seconds=SECONDS)


def said(visit: Visit, space: api.Space, report: Report) -> dict[str, Any]:
    """All that the page of a report says, in the language that is spoken."""
    facts, approver = reworded(report.facts), issue.people(report)
    issued = api.day(report.issued_at.astimezone(api.town_zone()).date())
    approved = _("Approved on %(date)s", date=issued)
    if approver:
        approved = _("Approved by %(name)s on %(date)s", name=approver, date=issued)
    silent = quiet.sentence()
    figures = {} if silent else facts.get("figures") or {}
    report_of = _("Report of the visit")
    return {
        "lang": str(get_locale())[:2],
        "title": f"{report_of} – {space.name}",
        "town": town_name(),
        "name": space.name,
        "when": "",
        "foot": f"{space.name} – {approved}",
        "facts": [(_("Date"), show.date(visit.starts_at)), (_("Meeting point"), visit.meeting_point or "–")],
        "mentions": changes(report.mentions),
        "notes": [approved, *_alone(facts)],
        "minutes": blocks(facts["minutes"]),
        "groups": [
            {"title": title, "questions": [_question(row, facts, silent) for row in rows]}
            for _name, title, rows in by_decision(facts["questions"], bool(silent))
        ],
        "quiet": silent or "",
        "stats": _stats(figures),
        "tables": _tables(figures),
        "meaning": [[label, str(WORDS[name])] for name, label in _labels().items()] if figures else [],
        "words": {
            "report": report_of,
            "minutes": _("Minutes"),
            "questions": _("Question by question"),
            "none": _("No question is public"),
            "figures": _("Figures"),
            "meaning": _("What the figures mean"),
        },
    }


def blocks(html: str) -> list[dict[str, Any]]:
    """The paragraphs of an HTML text, and whether each is an item of a list."""
    pieces = [(piece, api.plain(piece)) for piece in BLOCK.split(html or "")]
    return [{"item": "<li" in piece, "text": text} for piece, text in pieces if text]


def _alone(facts: Row) -> list[str]:
    if not facts.get("one_person_approves"):
        only = _("One person wrote and approved this report, the only elected official of the visit.")
        return [only] if facts.get("alone") else []
    told = [_("In this town, one person may both write and approve.")]
    return [*told, _("So it was with this report.")] if facts.get("alone") else told


def _question(row: Row, facts: Row, silent: str) -> dict[str, Any]:
    """What is said of a question: whether it can be done, when, why, what is promised, the answer."""
    promises = promises_of(row, facts["commitments"])
    told = [
        (_("Can it be done?"), decision(row)[0]),
        (_("When"), when(row, promises)),
        (_("Why"), why(row)),
        *((_("Promise"), f"{one['text']} – {one['department']}") for one in promises),
    ]
    answer = blocks(row["answer"])
    head = next((one for one in facts["questions"] if one["id"] == row["grouped_with"] != row["id"]), None)
    if head and (head["answer"] or not row["answer"]):
        answer = [{"item": False, "text": _("Answered together with a similar question")}]
    elif not row["answer"] and not row["answered_at"]:
        answer = [{"item": False, "text": _("No answer is published yet.")}]
    meta = (row["theme"], row["place"], *(() if silent else _voices(row)))
    return {
        "title": row["question"] or _("A question that was taken out"),
        "meta": [one for one in meta if one],
        "facts": [one for one in told if one[1]],
        "answer": answer,
    }


def _voices(row: Row) -> list[str]:
    """How many support a question, signed it on paper, or said so without an address."""
    signed, more = row["signatures"], row.get("unconfirmed", 0)
    on_paper = ngettext("%(num)s signature", "%(num)s signatures", signed)
    apart = ngettext("+ %(num)s voice without an address", "+ %(num)s voices without an address", more)
    return [voices_label(voices(row)), on_paper if signed else "", apart if more else ""]


def _labels() -> dict[str, str]:
    """What the figures are called, in the order in which they are explained."""
    return {
        "received": _("Questions received"),
        "rate": _("Answer rate"),
        "settled_before": _("Settled before the visit"),
        "times": _("Time to the first answer, in days"),
        "channels": _("How the questions came"),
        "beside": _("Counted apart"),
    }


def _stats(figures: Row) -> list[tuple[str, str]]:
    if not figures:
        return []
    received, settled = figures["received"], figures["settled_before"]
    return [
        (ngettext("Question received", "Questions received", received), _number(received)),
        (_("With a published answer"), _number(figures["answered"])),
        (_("Answer rate"), f"{_number(figures['rate'])} %"),
        (
            ngettext("Question settled before the visit", "Questions settled before the visit", settled),
            _number(settled),
        ),
    ]


def _tables(figures: Row) -> list[dict[str, Any]]:
    if not figures:
        return []
    labels, found = _labels(), []
    if figures["times"]:
        rows = [
            [
                one["department"] or _("All together"),
                *(_number(one[name]) for name in ("answers", "median", "ninetieth")),
            ]
            for one in figures["times"]
        ]
        head = [_("Department"), _("Answers"), _("Median"), _("Nine of ten within")]
        found.append({"title": labels["times"], "head": head, "rows": rows})
    came = [[channel_label(name), f"{_number(part)} %"] for name, part in sorted(figures["channels"].items())]
    found.append({"title": labels["channels"], "head": [_("Way"), _("Share")], "rows": came})
    rejected = _("Not accepted:")
    beside = [[f"{rejected} {reason}", number] for reason, number in sorted(figures["rejected"].items())]
    beside += [
        [_("Forwarded to another body"), figures["forwarded"]],
        [_("Dealt with privately"), figures["private"]],
        [_("Withdrawn by the people who asked"), figures["withdrawn"]],
    ]
    if figures["waiting"]:
        beside.append([_("To be read by the team"), figures["waiting"]])
    rows = [[label, _number(number)] for label, number in beside]
    found.append({"title": labels["beside"], "head": [_("Decision"), _("Questions")], "rows": rows})
    return found


def _number(number: Any) -> str:
    return str(format_decimal(number))
