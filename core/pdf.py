"""Pages for print: a typst template and data become a PDF, in a process of this file that is kept in bounds.

A PDF for everybody holds no character that its fonts lack: a square stands for it.
"""

import json
import re
import resource
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

FONTS = Path(__file__).parent / "static" / "vendor" / "print"
MOST_MEMORY, FAR = 2 << 30, "\u2e7f"
CONTROL = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u....|[bf])")  # as JSON escapes them


def pdf(template: Path, data: object, seconds: int = 60) -> bytes:
    """A tagged PDF (PDF/UA-1) of a typst template, which reads `data` by `json(bytes(sys.inputs.data))`.

    Its words are data and never markup, and of files typst reads those of the template's folder alone.
    Raises subprocess.SubprocessError, with what typst says in `stderr`, where no PDF comes of it.
    """
    command = [sys.executable, "-I", __file__, str(template), str(seconds)]
    text = unicodedata.normalize("NFC", json.dumps(data, ensure_ascii=False)).encode(errors="replace")
    done = subprocess.run(command, input=text, capture_output=True, check=True, timeout=2 * seconds, env={})
    return done.stdout


def _main(template: Path, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    import typst

    text = CONTROL.sub(r"\1 ", sys.stdin.buffer.read().decode())
    how: Any = {"root": template.parent, "font_paths": [FONTS], "ignore_system_fonts": True}
    while True:
        try:
            made = typst.compile(template, sys_inputs={"data": text}, pdf_standards="ua-1", **how)
            sys.stdout.buffer.write(made)
            return
        except typst.TypstError as error:
            before, text = text, _without(text, error.message)
            if before == text:
                raise


def _without(text: str, message: str) -> str:
    """The text with a square for what typst says that no font has, and for all beyond what fonts know."""
    lacking = re.search(r'the text `"(.+?)"` could not be displayed', message)
    named = re.sub(r"\\u\{(\w+)\}", lambda code: chr(int(code[1], 16)), lacking[1]) if lacking else ""
    if named and named < "ſ" and named.isprintable():  # the letter under a mark
        return "".join(one for one in text if not unicodedata.combining(one))
    return "".join("□" if one in named or min(one, named) > FAR else one for one in text)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
