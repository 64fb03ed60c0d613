"""Reads a table that somebody hands over, in CSV, XLSX or ODS, and never too much of it."""

import csv
import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core import api
from core.api import gettext as _

MOST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 20_000
MOST_COLUMNS = 100
SEPARATORS = ";,\t"
ZIP = b"PK\x03\x04"  # as which a spreadsheet begins
READER = Path(__file__).parent / "sheet_reader.py"
SECONDS = 60


@dataclass(frozen=True)
class Table:
    """The header of a table, and its rows with the line that each is on."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read(data: bytes) -> Table:
    """The table in a file; Refused, with the line where there is one, when it is none that can be read."""
    if len(data) > MOST_BYTES:
        raise api.Refused(_("This file is larger than 10 MB: divide it."))
    lines = _of_text(_decoded(as_csv(data)))
    first = next(lines, None)
    if first is None or not any(first[1]):
        raise api.Refused(_("This file is empty."))
    header = first[1]
    if len(header) > MOST_COLUMNS:
        raise api.Refused(_("This file has more than 100 columns."))
    rows: list[tuple[int, tuple[str, ...]]] = []
    for number, cells in lines:
        if len(rows) >= MOST_ROWS:
            raise api.Refused(_("This file has more than 20,000 rows: divide it."))
        if any(cells):
            rows.append((number, cells))
    return Table(header, tuple(rows))


def as_csv(data: bytes) -> bytes:
    """A spreadsheet's first sheet as CSV, read by a process that is kept within bounds; all else as it is."""
    if not data.startswith(ZIP):
        return data
    command = [sys.executable, "-I", str(READER), str(MOST_ROWS + 2), str(MOST_COLUMNS + 1)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=True, timeout=SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise api.Refused(_("This spreadsheet can’t be read, or is too large: save it as CSV.")) from error
    return done.stdout


def with_column(data: bytes, name: str, value: str) -> bytes:
    """A table that can be read, as CSV with one column more, which says the same in each row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for number, (_line, cells) in enumerate(_of_text(_decoded(data))):
        writer.writerow([*cells, value if number else name] if any(cells) else [])
    return out.getvalue().encode()


def _decoded(data: bytes) -> str:
    """The text of a file in UTF-8, with or without a mark, in UTF-16 with one, or else in Windows-1252."""
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise api.Refused(_("This is no table that can be read: give CSV, XLSX or ODS."))


def _of_text(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    header = text.partition("\n")[0]
    separator = max(SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise api.Refused(
                _("Line %(line)s is no line of a table: %(why)s", line=number, why=error)
            ) from error
        yield number, tuple(cell.strip() for cell in cells)
