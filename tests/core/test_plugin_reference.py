"""The reference for authors of plugins tells all that the code offers, and nothing else."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

from core import api, hookspecs, plugin
from ops.cli_plugins import plugins

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/plugins.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`]+)`")
CLASSES = [kind for kind in vars(plugin).values() if dataclasses.is_dataclass(kind)]
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if hasattr(hook, "parvis_spec")}


def first_column(table: str) -> list[str]:
    """Return what stands in backticks in the first column of a table."""
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    return [word for row in rows for word in CODE.findall(row)]


def section(title: str) -> str:
    """Return the part of the page under a heading."""
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_field_of_what_a_plugin_declares_is_told(kind: type) -> None:
    fields = [field.name for field in dataclasses.fields(kind)]
    _, found, table = PAGE.partition(f"\n`{kind.__name__}`\n\n| field |")
    if found:
        assert sorted(first_column(table.partition("\n\n")[0])) == sorted(fields)
    else:
        [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{kind.__name__}` | `")]
        assert [word for word in CODE.findall(row.split("|")[2]) if word in fields] == fields


def test_every_hook_is_told_with_its_arguments() -> None:
    told = [word for word in first_column(section("Hooks")) if "(" in word]
    assert told == [
        f"{name}({', '.join(inspect.signature(hook).parameters)})" for name, hook in HOOKS.items()
    ]


def test_every_name_of_the_api_is_told_and_no_other() -> None:
    words = section("core.api")
    told = {word.partition("(")[0] for word in first_column(words)}
    told |= set(CODE.findall(words.partition("And the manifest's own:")[2]))
    offered = {name for name, one in vars(api).items() if not isinstance(one, ModuleType) and name[0] != "_"}
    assert told == offered - {"LATER"} | set(api.LATER)


def test_every_building_block_of_a_page_is_told_and_no_other() -> None:
    drawn = re.findall(r"{% macro ([a-z]\w*)\(", (ROOT / "core/templates/core/macros.html").read_text())
    assert CODE.findall(section("Templates").partition("They are:")[2]) == drawn


def test_the_contract_told_is_that_of_the_code() -> None:
    assert f"now {plugin.CONTRACT} |" in PAGE


def test_every_command_is_told() -> None:
    told = {word.split()[2] for word in first_column(section("The command line"))}
    assert told == set(plugins.commands)
