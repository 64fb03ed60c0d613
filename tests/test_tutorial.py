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
    with environment.serving() as address:
        environment.run("python", "-c", VISIT, address, "en", "Polls")
        environment.run("python", "-c", VISIT, address, "fr", "Sondages")
        environment.run("parvis", "plugins", "disable", "polls")
        assert "404" in environment.run("python", "-c", VISIT, address, "en", fails=True)


VISIT = """
import sys, urllib.request
asked = urllib.request.Request(sys.argv[1] + "/polls/", headers={"Accept-Language": sys.argv[2]})
page = urllib.request.urlopen(asked).read().decode()
assert all(words in page for words in sys.argv[3:]), page
"""
