"""What `parvis plugins new NAME` writes: a plugin with a kind of entry, pages, and tests that pass."""

from pathlib import Path

FILES = Path(__file__).parent / "files"
SUFFIX = ".new"  # so that nobody's tools take the templates for code


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
