"""The rules of the house that no linter knows: the core stays small, the papers agree with one another."""

from __future__ import annotations

import inspect
import re
import subprocess
import tokenize
import tomllib
from pathlib import Path

import pytest
import yaml

from core import hookspecs

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CORE = [
    path
    for path in (ROOT / "core").rglob("*.py")
    if "migrations" not in path.parts and path.name != "testing.py"
]
BETWEEN = {tokenize.ENCODING, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
BESIDE = {tokenize.NL, tokenize.COMMENT}


def lines_of_code(path: Path) -> int:
    """Return how many lines of a module hold code, which blank lines, comments and docstrings do not."""
    lines: set[int] = set()
    statement_begins = True
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            docstring = statement_begins and token.type == tokenize.STRING
            if token.type not in BETWEEN | BESIDE and not docstring:
                lines.update(range(token.start[0], token.end[0] + 1))
            if token.type not in BESIDE:
                statement_begins = token.type in BETWEEN
    return len(lines)


def test_the_core_is_at_most_7000_lines_of_code() -> None:
    assert sum(map(lines_of_code, CORE)) <= 7_000


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_of_the_core_is_over_450_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 450


def test_the_core_has_at_most_twelve_hooks_each_with_its_contract() -> None:
    hooks = [value for value in vars(hookspecs).values() if hasattr(value, "parvis_spec")]
    assert 0 < len(hooks) <= 12
    assert all(inspect.getdoc(hook) for hook in hooks)


def test_no_file_names_the_host_of_a_package_registry() -> None:
    hosts = ["pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com"]
    patterns = [argument for host in hosts for argument in ("-e", host)]
    found = subprocess.run(
        ["git", "grep", "-lF", *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.stdout == ""


def test_the_locked_run_set_is_part_of_the_locked_test_set() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text()
        return {line.split("\\")[0].strip() for line in text.splitlines() if "==" in line}

    assert pins("run.txt") | pins("build.txt") <= pins("test.txt")


def test_publiccode_yml_tells_what_pyproject_tells() -> None:
    told = yaml.safe_load((ROOT / "publiccode.yml").read_text())
    assert (told["softwareVersion"], told["legal"]["license"]) == (PROJECT["version"], PROJECT["license"])
    contacts = told["maintenance"]["contacts"]
    assert contacts
    assert all(contact.keys() == {"name"} for contact in contacts), "no address of nobody"
    assert re.search(r"^https://[\w.-]+\.example/", told["url"]), "no address is public yet"
    for description in told["description"].values():
        assert len(description["shortDescription"]) <= 150
        assert 150 <= len(description["longDescription"]) <= 10_000
        assert description["features"]
        assert all((ROOT / picture).is_file() for picture in description["screenshots"])


def test_no_page_takes_a_package_by_the_name_of_parvis_from_an_index() -> None:
    asked = re.compile(r"pip install (?:--upgrade )?parvis\b(?!-)")
    pages = [*ROOT.glob("docs/**/*.md"), ROOT / "README.md", *ROOT.glob("deploy/**/*.*")]
    assert [str(page) for page in pages if page.is_file() and asked.search(page.read_text())] == []


def test_the_changelog_tells_of_this_version() -> None:
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text().replace("[", "").replace("]", "")
