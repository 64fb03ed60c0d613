"""The tutorial, done as it is written: its commands are run and its files made, in the order of the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from babel.messages.pofile import read_po
from environments import Environment

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/tutorial/polls.md"
STEP = re.compile(
    r"(?:\*\*`(?P<path>[^`]+)`\*\*\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@pytest.fixture
def environment(tmp_path: Path, free_port: Callable[[], int]) -> Environment:
    """Return an environment with an empty town."""
    made = Environment(tmp_path, free_port())
    made.run("parvis", "init")
    return made


def test_the_tutorial_works_as_written(environment: Environment) -> None:
    steps = list(STEP.finditer(PAGE.read_text(encoding="utf-8")))
    assert len(steps) >= 10
    printed = ""
    for step in steps:
        if step["language"] == "sh":
            printed += environment.run("sh", "-ec", step["text"])
        else:
            assert step["path"], f"no path stands above the block {step['text'][:60]!r}"
            (environment.folder / "parvis-polls" / step["path"]).write_text(step["text"], encoding="utf-8")
    assert printed.count(" passed") == 2
    assert "polls is on." in printed
    assert re.search(r"polls/plugin\.py:\d+", printed)
    catalogue = environment.folder / "parvis-polls/polls/translations/fr/LC_MESSAGES/messages.po"
    with catalogue.open("rb") as file:
        sentences = [one for one in read_po(file) if one.id]
    assert "Your question" in [one.id for one in sentences]
    assert [one.id for one in sentences if not one.string] == []
    with (environment.folder / "parvis-polls/tests/test_polls.py").open("a", encoding="utf-8") as file:
        file.write(FRESH)
    assert "1 passed" in environment.run("pytest", "parvis-polls", "-k", "just_signed_in")
    with environment.serving() as address:
        environment.run("python", "-c", VISIT, address, "en", "Polls")
        environment.run("python", "-c", VISIT, address, "fr", "Sondages")
        source = (environment.folder / "parvis-polls/polls/plugin.py").read_text()
        catalogue = (
            environment.folder / "parvis-polls/polls/translations/fr/LC_MESSAGES/messages.po"
        ).read_text()
        assert set(re.findall(r'_\("([^"]+)"', source)) <= set(re.findall('msgid "([^"]+)"', catalogue))
        assert '_("public task")' in source, "staff read it in their language"
        environment.run("parvis", "plugins", "disable", "polls")
        assert "404" in environment.run("python", "-c", VISIT, address, "en", fails=True)


VISIT = """
import sys, urllib.request
asked = urllib.request.Request(sys.argv[1] + "/polls/", headers={"Accept-Language": sys.argv[2]})
page = urllib.request.urlopen(asked).read().decode()
assert all(words in page for words in sys.argv[3:]), page
"""

FRESH = """

def test_a_card_with_a_form_is_seen_by_who_just_signed_in(town):
    import sqlalchemy as sa
    from core.db import db
    from core.models import PluginFault

    open_poll(town)
    space = town.space("Garden", "ana")
    town.browser("ana").submit(f"/spaces/{space}/posts", _page="/me", body="A bench")
    bob = town.browser("bob")
    with bob.client.session_transaction() as session:
        del session["csrf_token"]
    page = bob.get("/").text
    tokens = set(re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page))
    assert "/vote/2" in page
    for path in set(re.findall("/posts/[0-9]+/support|/polls/[0-9]+/vote/2", page)):
        for token in tokens:
            assert bob.client.post(path, data={"csrf_token": token}).status_code in (302, 303)
    assert town.run(lambda: db.session.scalars(sa.select(PluginFault.place)).all()) == []
"""
