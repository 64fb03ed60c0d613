"""Brings the French catalogues up to the texts of the code; with --check, only says what they lack."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
METHODS = [
    ("migrations/**", "ignore"),
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2"),
    ("**/templates/**.txt", "jinja2"),
]
OPTIONS = {"**/templates/**": {"silent": "false"}}
KEYWORDS = DEFAULT_KEYWORDS | {"lazy_gettext": None, "lazy_ngettext": (1, 2), "_l": None, "_n": (1, 2)}


def main() -> int:
    """Update or check the catalogue of the core and of each plugin."""
    check = "--check" in sys.argv
    complaints = []
    for owner in owners():
        path = owner / "translations/fr/LC_MESSAGES/messages.po"
        catalogue = updated(owner, path)
        complaints += [f"{path.relative_to(ROOT)}: {problem}" for problem in problems(catalogue)]
        text = as_text(catalogue)
        if check and (not path.exists() or path.read_bytes() != text):
            complaints.append(f"{path.relative_to(ROOT)} is not up to date: run make catalogues")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
    print(*complaints, sep="\n", end="\n" if complaints else "", file=sys.stderr)
    return bool(complaints)


def owners() -> list[Path]:
    """Return the packages that have texts: the core, its pages, and each plugin."""
    return [
        ROOT / "core",
        ROOT / "portal",
        *sorted(path.parent for path in (ROOT / "plugins").glob("*/plugin.py")),
    ]


def updated(owner: Path, path: Path) -> Catalog:
    """Return the owner's French catalogue with the texts its code has now, and no others."""
    catalogue = Catalog(locale="fr")
    if path.exists():
        with path.open("rb") as file:
            catalogue = read_po(file, locale="fr")
    texts = Catalog()
    for name, _line, message, comments, context in extract_from_dir(
        owner, METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=("Translators:",), strip_comment_tags=True
    ):
        texts.add(message, None, [(f"{owner.name}/{name}", 0)], auto_comments=comments, context=context)
    catalogue.update(texts, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    return catalogue


def problems(catalogue: Catalog) -> Iterator[str]:
    """Name each text that is not translated, is marked fuzzy, or has other placeholders than the original."""
    for message in catalogue:
        if not message.id:
            continue
        translations = message.string if message.pluralizable else [message.string]
        if not all(translations) or message.fuzzy:
            yield f"no French for {message.id!r}"
            continue
        for error in message.check(catalogue):
            yield f"{message.id!r}: {error}"


def as_text(catalogue: Catalog) -> bytes:
    """Return the catalogue as it is kept: sorted, without dates and line numbers that change for nothing."""
    text = io.BytesIO()
    write_po(text, catalogue, width=110, sort_output=True, include_lineno=False, omit_header=True)
    header = 'msgid ""\nmsgstr ""\n"Language: fr\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    return f'{header}"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n\n'.encode() + text.getvalue()


if __name__ == "__main__":
    sys.exit(main())
