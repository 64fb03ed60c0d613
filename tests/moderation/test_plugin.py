"""The plugin in the house: the contract, its switch, and what other plugins have of it for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dummy_plugin.plugin as dummy
import pytest
import sqlalchemy as sa

from core import registry
from core.db import db
from core.feed import actions
from core.models import Entry, Space
from core.search import find, index
from core.spaces import actions as spaces
from core.testing import check_plugin

if TYPE_CHECKING:
    from types import ModuleType

    from core.testing import Town

    from .conftest import Square

NAME = "moderation"


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    """Return the installed plugins and the dummy plugin."""
    return {"dummy": dummy, **registry.discover()[1]}


def test_the_plugin_keeps_the_contract(town: Town) -> None:
    check_plugin(town, NAME)


def test_only_administrators_switch_it_or_change_its_settings(square: Square) -> None:
    square.town.person("chief", "agent")
    page = f"/admin/plugins/{NAME}"
    for name, status in (("chief", 403), ("admin", 302)):
        form = {"on": "0", "sure": "1"}
        assert square.browser(name).submit(f"{page}/switch", "/me", **form).status_code == status
    settings = {"young_hours": "1", "young_most": "2", "most_per_hour": "3", "known": ""}
    assert square.browser("chief").submit(page, "/me", **settings).status_code == 403
    assert square.browser("admin").submit(page, **settings).status_code == 302


def test_off_the_overview_says_what_waits_and_a_report_promises_no_look(square: Square) -> None:
    def attention(name: str) -> str:
        page = square.browser(name).get("/admin").text
        return page[page.index('id="attention"') : page.index("</section>")]

    waits = "1 post waits for a decision, and the plugin “Moderation”, which has the queue, is off."
    post = square.say("Bad words")
    square.report(post)
    assert waits not in attention("admin"), "the plugin says what waits"
    square.town.run(lambda: registry.current().switch(NAME, False))
    assert waits in attention("admin")
    assert 'href="/admin/plugins"' in attention("admin")
    assert waits in attention("agent")
    assert "Nothing at the moment." not in attention("admin")
    other = square.say("Worse words")
    reader = square.browser("reader")
    assert "for the team and the agency" in reader.get(f"/posts/{other}/report").text
    reader.submit(f"/posts/{other}/report", reason="insult")
    shown = reader.get(f"/posts/{other}").text
    assert "Thank you: your report is received. You hear what is decided." in shown
    assert "Somebody looks at it" not in shown
    hide = {"act": "hidden", "reason": "insult", "text": "Not here."}
    for one in (post, other):
        case = str(square.case(one))
        assert square.browser("agent").submit(f"/posts/{one}/decide", **hide, waited=case).status_code == 302
    assert square.notices("reader").count("core.decision") == 2, "which is what was promised"
    assert "for a decision" not in attention("admin")


def test_off_one_still_reports_hides_and_redacts(square: Square) -> None:
    square.town.run(lambda: registry.current().switch(NAME, False))
    post = square.say("Bad words and worse words")
    assert square.report(post).status_code == 302
    assert square.browser("agent").get("/moderation/").status_code == 404
    agent = square.browser("agent")
    assert (
        agent.submit(f"/posts/{post}/redact", passage="and worse words", reason="private").status_code == 302
    )
    assert "Bad words […]" in square.browser().get(f"/posts/{post}").text
    hide = {"act": "hidden", "reason": "insult", "text": "Not here."}
    assert agent.submit(f"/posts/{post}/decide", **hide).status_code == 302
    assert square.state(post) == "hidden"
    assert "Not here." in square.browser("writer").get("/me/moderation").text


@pytest.mark.parametrize(
    ("space_kind", "kind"), [("dummy.workshop", "dummy.idea"), ("visits.visit", "visits.question")]
)
def test_entries_of_other_plugins_are_moderated_for_nothing(
    square: Square, space_kind: str, kind: str
) -> None:
    def ask() -> int:
        members: dict[int, Any] = {}
        space = spaces.create_space(space_kind, "Place", members=members, area_id=square.commune)
        entry = actions.publish(
            db.session.get(Space, space.id),
            "Zibeline lives next door",
            "A question of zibelines",
            kind,
            author_id=square.town.person("writer"),
            state="published",
        )
        return int(entry.id)

    post = square.town.run(ask)
    square.town.run(lambda: index.run(seconds=10))
    assert square.town.run(lambda: find.search("zibeline lives").hits, "reader")
    assert square.report(post).status_code == 302
    assert "Zibeline lives next door" in square.browser("agent").get("/moderation/").text
    agent = square.browser("agent")
    assert (
        agent.submit(f"/posts/{post}/redact", passage="zibeline lives", reason="private").status_code == 302
    )
    square.town.run(lambda: index.run(seconds=10))
    assert not square.town.run(lambda: find.search("zibeline lives").hits, "reader")
    kept = square.town.run(lambda: db.session.scalars(sa.select(Entry.body).where(Entry.id == post)).one())
    assert kept == "[…] next door"
    assert square.report(post, "keeper").status_code == 302
    assert square.decide(square.case(post), "hidden").status_code == 302
    assert square.state(post) == "hidden"
    assert square.browser("reader").get(f"/posts/{post}").status_code == 404
