"""What docs/security.md says is held by tests, is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def collected(path: Path) -> set[str]:
    """The names of the tests that pytest collects from a file."""
    if not path.name.startswith("test_") or not path.exists():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {getattr(node, "name", "") for node in tree.body}
    return {name for name in names if name.startswith(("test_", "Test"))}


def test_each_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) >= 40
    assert [f"{path}::{name}" for path, name in named if name not in collected(ROOT / path)] == []


def test_each_case_of_abuse_names_its_test_and_files_that_are_there() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| --- ")]
    cases = [row for row in rows if "`tests/" in row]
    assert len(cases) >= 30
    assert not [row for row in cases if "::" not in row]
    files = set(re.findall(r"`((?:core|portal|ops)/[\w/]+\.py)`", PAGE))
    assert [path for path in files if not (ROOT / path).exists()] == []
