"""The page of “My data” that people read without a program: their words, and what each file holds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from flask import current_app, render_template
from flask_babel import force_locale
from markupsafe import Markup

from core import registry, settings
from core.access import viewer
from core.db import now

NAME = "index.html"


def page(items: Iterable[Mapping[str, Any]], members: Mapping[str, int | None]) -> bytes:
    """The page, from the activities of `outbox` and how many rows each member holds; it needs no network."""
    person, why = viewer(), _purposes()
    told = [
        {"name": name, "rows": rows, "why": why.get(name.removeprefix("data/").removesuffix(".json"), [])}
        for name, rows in members.items()
        if name.endswith(".json")
    ]
    said = [
        {**item["object"], "content": Markup(item["object"]["content"])}  # noqa: S704  cleaned
        for item in items
        if item["type"] == "Create"
    ]
    with force_locale(person.language or settings.town().language):
        base = current_app.config["PARVIS"].base_url
        told_of: dict[str, Any] = {"said": said, "members": told, "address": base, "made_at": now()}
        return render_template("portal/data_readable.html", person=person, **told_of).encode()


def _purposes() -> dict[str, list[Any]]:
    """For what each table holds data of people, as plugins declare it."""
    found: dict[str, list[Any]] = defaultdict(list)
    plugins = registry.current()
    for plugin in (plugins.core, *plugins.installed.values()):
        for data in plugin.personal_data:
            if data.purpose not in found[data.table]:
                found[data.table].append(data.purpose)
    return found
