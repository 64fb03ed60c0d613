"""Spreadsheets are taken in like tables in CSV, and no file of a few bytes takes the machine's memory."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from core.access import Refused
from plugins.neighbourhood_visits.intake import tables

if TYPE_CHECKING:
    from core.testing import Town

OFFICE = "urn:oasis:names:tc:opendocument:xmlns"
SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
MANY = ' table:number-columns-repeated="1000000000"'
FILLER = (
    '<table:table-row table:number-rows-repeated="1048570">'
    '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
)


def zipped(**members: str) -> bytes:
    """A zip of these texts."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return file.getvalue()


def ods(rows: str) -> bytes:
    """An ODS file with these rows on its sheet."""
    spaces = "".join(f' xmlns:{name}="{OFFICE}:{name}:1.0"' for name in ("office", "table", "text"))
    sheet = f'<table:table table:name="A">{rows}</table:table>'
    body = f"<office:body><office:spreadsheet>{sheet}</office:spreadsheet></office:body>"
    manifest = (
        f'<m:manifest xmlns:m="{OFFICE}:manifest:1.0">'
        '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>'
    )
    return zipped(
        **{
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": manifest,
            "content.xml": f"<office:document-content{spaces}>{body}</office:document-content>",
        }
    )


def ods_cell(text: str, more: str = "") -> str:
    return f'<table:table-cell office:value-type="string"{more}><text:p>{text}</text:p></table:table-cell>'


def xlsx(rows: str) -> bytes:
    """An XLSX file with these rows on its sheet."""
    rel = f"{PACKAGE}/relationships"
    return zipped(
        **{
            "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
            "_rels/.rels": f'<Relationships xmlns="{rel}"><Relationship Id="rId1" '
            f'Type="{LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{SHEETS}" xmlns:r="{LINKS}"><sheets>'
            '<sheet name="A" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{rel}"><Relationship Id="rId1" '
            f'Type="{LINKS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{SHEETS}"><sheetData>{rows}</sheetData>'
            "</worksheet>",
        }
    )


def xlsx_cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def read(town: Town, data: bytes) -> tables.Table:
    return town.run(lambda: tables.read(data))  # type: ignore[no-any-return]


def test_both_kinds_are_read_with_their_lines(town: Town) -> None:
    header, first = ("Titre", "Quartier"), ("Où est le banc ?", "4")
    of_ods = [
        f"<table:table-row>{ods_cell(one)}{ods_cell(two)}</table:table-row>" for one, two in (header, first)
    ]
    number = '<c r="B2"><v>4</v></c>'
    rows = f'<row r="1">{xlsx_cell("A1", header[0])}{xlsx_cell("B1", header[1])}</row>'
    rows += f'<row r="2">{xlsx_cell("A2", first[0])}{number}</row>'
    for data in (ods("".join(of_ods) + FILLER), xlsx(rows)):
        table = read(town, data)
        assert table.header == header
        assert table.rows == ((2, first),)


@pytest.mark.parametrize(
    "data",
    [
        ods("<table:table-row>" + ods_cell("x", MANY) + "</table:table-row>"),
        ods(
            f'<table:table-row table:number-rows-repeated="1000000000">{ods_cell("x")}{ods_cell("y")}'
            "</table:table-row>"
        ),
        xlsx(f'<row r="1">{xlsx_cell("A1", "a")}</row><row r="1048576">{xlsx_cell("XFD1048576", "b")}</row>'),
        xlsx(f'<row r="1">{xlsx_cell("A1", "x" * 300_000_000)}</row>'),
        zipped(**{"a.txt": "no spreadsheet"}),
        b"PK\x03\x04 nothing",
    ],
    ids=["columns", "rows", "far apart", "a long text", "another zip", "no zip"],
)
def test_what_is_too_much_or_none_is_refused(town: Town, data: bytes) -> None:
    assert len(data) < 400_000
    with pytest.raises(Refused):
        read(town, data)
