"""Public feeds as Atom documents: what a visitor may read, with identifiers that never change."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape, quoteattr

from flask import current_app, make_response, request
from flask_babel import force_locale
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core.feed.cards import Card
from core.settings import town
from core.text import excerpt

NEVER = datetime(2026, 1, 1, tzinfo=UTC)
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(title: Any, path: str, found: Callable[[], Sequence[Card]]) -> Response:
    """The feed of the page at `path`, the same for all readers; answers 304 to who has it already."""
    with force_locale(town().language):
        return _document(str(title), path, found())


def _document(title: str, path: str, cards: Sequence[Card]) -> Response:
    base = current_app.config["PARVIS"].base_url
    updated = max((card.edited or card.published for card in cards), default=NEVER)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:base={quoteattr(base + "/")}>',
        f"<id>{_tag(base, path)}</id>",
        _element("title", f"{title} – {town().name}"),
        f"<updated>{_time(updated)}</updated>",
        f'<link rel="alternate" type="text/html" href={quoteattr(base + path)}/>',
        f'<link rel="self" type="application/atom+xml" href={quoteattr(base + request.path)}/>',
        *(_entry(base, card) for card in cards),
        "</feed>",
    ]
    response = make_response("\n".join(lines))
    response.content_type = "application/atom+xml; charset=utf-8"
    response.headers["Cache-Control"] = "public, max-age=300"
    response.add_etag()
    return response.make_conditional(request)


def _entry(base: str, card: Card) -> str:
    language = f" xml:lang={quoteattr(card.lang)}" if card.lang else ""
    name = card.author.name if card.author else card.byline
    return "\n".join(
        (
            f"<entry{language}>",
            f"<id>{_tag(base, f'/posts/{card.id}')}</id>",
            _element("title", card.title or excerpt(card.html, 80) or _("Post by %(name)s", name=name)),
            f'<link rel="alternate" type="text/html" href={quoteattr(base + card.url)}/>',
            f"<published>{_time(card.published)}</published>",
            f"<updated>{_time(card.edited or card.published)}</updated>",
            f"<author>{_element('name', name)}</author>",
            f'<content type="html">{escape(_UNFIT.sub("", card.html))}</content>',
            "</entry>",
        )
    )


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(_UNFIT.sub('', text))}</{name}>"


def _tag(base: str, path: str) -> str:
    return f"tag:{urlsplit(base).hostname},2026:{path}"


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
