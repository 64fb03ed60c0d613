"""What `parvis plugins new NAME` writes: a plugin with a kind of entry, pages, and tests that pass."""

import importlib.util
import keyword
import re
from pathlib import Path

from flask import Flask

from core import registry

FILES = Path(__file__).parent / "files"
SUFFIX = ".new"  # so that nobody's tools take the templates for code


def unfit(name: str) -> str | None:
    """Why a new plugin can't have this name, if it can't."""
    if not re.fullmatch(r"[a-z][a-z0-9]{1,19}", name):
        return "a name is 2 to 20 lower case letters and digits"
    if keyword.iskeyword(name):
        return "a word of Python can't name a package"
    core, modules = registry.discover({})
    for plugin in (module.plugin for module in modules.values()):
        if name in (plugin.name, plugin.table_prefix) or f"/{name}" in plugin.paths:
            return f"the plugin {plugin.name} has this name, prefix or path: choose another"
    bare = Flask("bare")
    for blueprint in core.blueprints:
        bare.register_blueprint(blueprint)
    if any(rule.rule.split("/")[1] == name for rule in bare.url_map.iter_rules()):
        return f"the portal has pages at /{name}: choose another"
    if importlib.util.find_spec(name) is not None:
        return "this is the name of an installed package: choose another"
    return None


def write(name: str, folder: Path) -> list[Path]:
    """Write the files of a new plugin into a folder, with its name filled in; answers them."""
    words = {"@name@": name, "@Name@": name.capitalize()}
    written = []
    for source in sorted(FILES.rglob(f"*{SUFFIX}")):
        relative = str(source.relative_to(FILES)).removesuffix(SUFFIX).replace("package", name)
        target = folder / relative.replace("templates/name", f"templates/{name}")
        text = source.read_text(encoding="utf-8")
        for word, filled in words.items():
            text = text.replace(word, filled)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        written.append(target)
    return written
