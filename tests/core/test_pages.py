"""The building blocks of pages are those that the documentation promises."""

import re
from pathlib import Path

import core

ROOT = Path(__file__).parents[2]
TEMPLATES = Path(core.__file__).parent / "templates" / "core"


def test_each_building_block_is_documented_as_it_is() -> None:
    drawn = re.findall(r"{% macro ([a-z]\w*\(.*?\)) -?%}", (TEMPLATES / "macros.html").read_text())
    promised = re.findall(r"^\| `(\w+\(.*?\))` \|", (ROOT / "docs/reference/pages.md").read_text(), re.M)
    assert drawn == promised


def test_each_icon_that_a_page_names_is_drawn() -> None:
    drawn = set(re.findall(r'id="i-(\w+)"', (TEMPLATES / "icons.svg").read_text()))
    pages = [*TEMPLATES.rglob("*.html"), *ROOT.glob("plugins/*/templates/**/*.html")]
    named = {name for page in pages for name in re.findall(r"(?:\bicon\('|#i-)(\w+)", page.read_text())}
    assert named
    assert named <= drawn
