"""Writes the table of states of the visits into its page of the documentation."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs/reference/visits.md"


def main() -> None:
    """Replace the table of the page by that of the code."""
    from plugins.neighbourhood_visits.states import as_markdown

    text = PAGE.read_text()
    PAGE.write_text(
        re.sub(r"\| thing \| verb .*?\n\n", as_markdown().replace("\\", "") + "\n\n", text, flags=re.S)
    )


main()
