"""Languages: which one a request speaks, the catalogues, dates and numbers."""

import datetime as dt
import io
import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, current_app, g, has_request_context, request
from flask_babel import Babel, Domain, get_babel, get_locale, get_timezone
from flask_babel import gettext as _
from jinja2 import pass_eval_context
from jinja2.environment import TemplateModule
from jinja2.nodes import EvalContext
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError

from . import access, settings
from .db import now

LANGUAGES = {"fr": "Français", "en": "English"}
DATES = {"en": "en_GB"}  # English as it is written in Europe: 12 November 2026
DAYS = {"short": "dd/MM/y", "medium": "d MMMM y", "long": "d MMMM y", "full": "EEEE d MMMM y"}
ZONE = "Europe/Paris"
COOKIE = "language"
M = "core/macros.html"


class Catalogues(Domain):  # type: ignore[misc]
    """The texts of the core and of all installed plugins in one, per language."""

    def get_translations(self) -> NullTranslations:
        """The catalogue of the language spoken now."""
        return catalogue(str(get_locale() or "en")[:2])


class TownBabel(Babel):  # type: ignore[misc]
    """Flask-Babel with our catalogues, and with dates that are written in one way."""

    domain_instance = Catalogues()
    default_date_formats = {
        **Babel.default_date_formats,
        **{f"date.{length}": day for length, day in DAYS.items()},
        **{f"datetime.{length}": f"{day}, HH:mm" for length, day in DAYS.items()},
        **{f"time.{length}": "HH:mm" for length in DAYS},
    }


def init(app: Flask) -> None:
    """Speak each viewer's language, and give templates what they need to."""
    TownBabel(
        app,
        default_locale="en",
        default_timezone=ZONE,
        locale_selector=_language,
        timezone_selector=_timezone,
    )
    app.jinja_env.filters.update(when=when, day=day, number=number)
    app.jinja_env.globals.update(languages=LANGUAGES)
    app.context_processor(_speak)


def catalogue(language: str) -> NullTranslations:
    """All texts in a language, read once a process."""
    known: dict[str, NullTranslations] = current_app.extensions.setdefault("parvis_catalogues", {})
    if language not in known:
        known[language] = _load(language)
    return known[language]


def _load(language: str) -> NullTranslations:
    plugins = current_app.extensions["parvis"]
    modules = (str(module.__file__) for module in plugins.modules.values())
    homes = [Path(source).parent for source in (__file__, plugins.core.where[0], *modules)]
    merged: NullTranslations | None = None
    for home in reversed(homes):
        source = home / "translations" / language / "LC_MESSAGES" / "messages.po"
        compiled = _compiled(source)
        if compiled is None:
            continue
        texts = Translations(io.BytesIO(compiled))
        merged = texts if merged is None else merged.merge(texts)  # type: ignore[attr-defined]
    return merged or NullTranslations()


def _compiled(source: Path) -> bytes | None:
    """The compiled catalogue beside a source; made here when it is missing or older, as in a checkout."""
    made = source.with_suffix(".mo")
    if made.exists() and (not source.exists() or made.stat().st_mtime >= source.stat().st_mtime):
        return made.read_bytes()
    if not source.exists():
        return None
    buffer = io.BytesIO()
    with source.open("rb") as text:
        write_mo(buffer, read_po(text, locale="fr"))
    if os.access(source.parent, os.W_OK):
        temporary = made.with_name(f".{os.getpid()}.mo")
        temporary.write_bytes(buffer.getvalue())
        temporary.replace(made)
    return buffer.getvalue()


def _language() -> Locale:
    if not has_request_context():
        return _locale(_town_language())
    chosen = access.viewer().language if "viewer_token" in g else None
    chosen = chosen or request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return _locale(str(chosen))
    wished = (tag[:2].lower() for tag, quality in request.accept_languages if quality > 0)
    return _locale(next((language for language in wished if language in LANGUAGES), None) or _town_language())


_locale = lru_cache(maxsize=16)(Locale.parse)


def _town_language() -> str:
    """The town's own language, for whoever asks for none that the portal speaks."""
    try:
        return settings.town().language
    except SQLAlchemyError:  # also asked for by the page that says so
        return "en"


def _timezone() -> Any:
    chosen = access.viewer().timezone if "viewer_token" in g else None
    return _zone(chosen or ZONE)


_zone = lru_cache(maxsize=64)(dates.get_timezone)


def _speak() -> dict[str, Any]:
    language = str(get_locale())
    return _spoken(language, catalogue(language))


@lru_cache(maxsize=16)
def _spoken(language: str, texts: NullTranslations) -> dict[str, Any]:
    """What templates speak a language by, and the macros of others, which beside their arguments see `m`."""
    templates = current_app.jinja_env
    gettext, ngettext = _callables(texts)
    words: dict[str, Any] = {"lang": language, "_": gettext, "gettext": gettext, "ngettext": ngettext}
    made: dict[str, TemplateModule] = {}

    def blocks(name: str) -> TemplateModule:
        if name not in made:
            made[name] = templates.get_template(name).make_module({**words, "m": made.get(M)})
        return made[name]

    return {**words, "blocks": blocks, "m": blocks(M)}


def _callables(texts: NullTranslations) -> tuple[Any, Any]:
    """Jinja's translators bound to one catalogue: looking it up for each text of a page is dear."""
    known = lru_cache(maxsize=4096)(lambda text: Markup(texts.gettext(text)) % {})  # noqa: S704  our own

    @pass_eval_context  # which costs nothing, as the whole context would inside a block
    def gettext(place: EvalContext, text: str, /, **values: Any) -> str:
        if place.autoescape and not values:
            return known(text)
        return (Markup if place.autoescape else str)(texts.gettext(text)) % values

    @pass_eval_context
    def ngettext(place: EvalContext, one: str, many: str, number: int, /, **values: Any) -> str:
        text = texts.ngettext(one, many, number)
        return (Markup if place.autoescape else str)(text) % {"num": number, **values}

    return gettext, ngettext


def when(moment: dt.datetime | None) -> Markup:
    """How long ago, as a `<time>` element that holds the exact moment."""
    return Markup() if moment is None else teller()(moment)


def teller() -> Callable[[dt.datetime], Markup]:
    """Says `when` of many moments, in the language and the time zone of this page."""
    at, language, timezone = now(), str(get_locale()), str(get_timezone())
    return lambda moment: _when(moment, _rounded(int((at - moment).total_seconds())), language, timezone)


@lru_cache(maxsize=4096)
def _when(moment: dt.datetime, seconds: int, language: str, timezone: str) -> Markup:
    local = moment.astimezone(dates.get_timezone(timezone))
    text = _("just now") if not seconds else _ago(seconds, language) or _day(local.date(), language)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), _moment(local, language), text
    )


def day(moment: dt.date | None, weekday: bool = False) -> str:
    """A date in full: 12 November 2026, with its weekday if wished."""
    if moment is None:
        return ""
    if isinstance(moment, dt.datetime):
        moment = moment.astimezone(get_timezone()).date()
    return _day(moment, str(get_locale()), "EEEE d MMMM y" if weekday else "long")


def number(value: float | None) -> str:
    """A number with its language's separators."""
    return "" if value is None else _number(value, str(get_locale()))


def town_today() -> dt.date:
    """The day that it is in the town."""
    return now().astimezone(town_zone()).date()


def town_zone() -> ZoneInfo:
    """The town's own time zone, in which its appointments are."""
    return ZoneInfo(get_babel().default_timezone)


def _rounded(seconds: int) -> int:
    """The seconds in whole days, hours or minutes; 0 for less than a minute."""
    size = abs(seconds)
    unit = 86400 if size >= 86400 else 3600 if size >= 3600 else 60
    return seconds // unit * unit if size >= 60 else 0


@lru_cache(maxsize=4096)
def _ago(seconds: int, language: str) -> str:
    """How long ago that is; nothing for what is better told by its date."""
    if abs(seconds) >= 7 * 86400:
        return ""
    delta = dt.timedelta(seconds=-seconds)
    return dates.format_timedelta(delta, threshold=1, add_direction=True, locale=language)


@lru_cache(maxsize=4096)
def _day(date: dt.date, language: str, pattern: str = "long") -> str:
    text = dates.format_date(date, pattern, locale=DATES.get(language, language))
    return re.sub(r"\b1 ", "1er ", text, count=1) if language == "fr" and date.day == 1 else text


def _moment(local: dt.datetime, language: str) -> str:
    return f"{_day(local.date(), language)}, {local:%H:%M}"


@lru_cache(maxsize=4096)
def _number(value: float, language: str) -> str:
    return numbers.format_decimal(value, locale=Locale.parse(language))
