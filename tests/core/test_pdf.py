"""`api.pdf` makes tagged PDFs in which words are words, within bounds of time and memory."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING, Any

import outloud
import pikepdf
import pypdfium2
import pytest

from core.api import pdf

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """
#let data = json(bytes(sys.inputs.data))
#set document(title: data.title)
#set text(font: "Figtree", lang: data.lang)
#title()
= #data.title
#data.body
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A folder with a template of one page."""
    path = tmp_path / "page.typ"
    path.write_text(PAGE)
    return path


def words(made: bytes) -> str:
    """The text of a PDF as it is taken out of it."""
    with pypdfium2.PdfDocument(made) as document:
        return " ".join(page.get_textpage().get_text_range() for page in document)


def made(template: Path, body: str, **changes: Any) -> bytes:
    return pdf(template, {"title": "Une visite", "lang": "fr", "body": body, **changes})


def test_it_is_tagged_and_says_its_language_and_title(template: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.pdf"
    path.write_bytes(made(template, "L’été à Œuilly : « oui »."))
    with pikepdf.open(path) as document:
        assert document.Root.MarkInfo.Marked
        assert str(document.Root.Lang) == "fr"
        assert document.Root.ViewerPreferences.DisplayDocTitle
        assert document.docinfo.get("/Title") == "Une visite"
    report = outloud.check(str(path))
    assert (report.verdict, report.errors, report.warnings) == ("pass", 0, 0), report.sorted_findings()
    assert "L’été à Œuilly : « oui »." in words(path.read_bytes())


@pytest.mark.parametrize(
    "said",
    [
        '#import "@preview/cetz:0.3.0": *',
        '#read("/etc/passwd")',
        '#eval("1+1") $x^2$ *fat* _thin_ `code` <label> @reference',
        "= No heading \\ no line // no comment /* none */",
        '"]) #panic("x") \\u{41} \\u0041 \\\\ {"a": 1}',
        "- no list, + none, / none: at all",
    ],
)
def test_words_are_never_markup(template: Path, said: str) -> None:
    assert said in words(made(template, said)).replace("\r\n", " ")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Merci 😀👍🏽 !", "Merci □□□ !"),
        ("路灯", "□□"),
        ("bell\x07 and nothing\x00.", "bell and nothing ."),
        ("half \ud83d a pair", "half ? a pair"),
        ("e\u1df5t e\u0301te\u0301", "et été"),
        ("مرحبا שלום Ελλάδα Київ", "Ελλάδα Київ"),
    ],
)
def test_what_no_font_has_is_a_square(template: Path, said: str, shown: str) -> None:
    assert shown in words(made(template, said))


def test_a_template_reads_no_file_outside_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("nobody’s")
    folder = tmp_path / "templates"
    folder.mkdir()
    template = folder / "page.typ"
    for path in ("../secret.txt", "/../secret.txt", str(tmp_path / "secret.txt")):
        template.write_text(PAGE + f'#read("{path}")')
        with pytest.raises(subprocess.CalledProcessError):
            made(template, "")


@pytest.mark.parametrize(
    ("endless", "signals"),
    [
        (
            "#{ let x = 0; for a in range(99999) { for b in range(99999) { x = calc.rem(a, 7) } } }",
            {signal.SIGKILL, signal.SIGXCPU},
        ),
        ("#range(120000000).len()", {signal.SIGABRT}),
    ],
    ids=["time", "memory"],
)
def test_no_page_takes_the_machine(
    tmp_path: Path, endless: str, signals: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = subprocess.run

    def patient(*given: Any, **kw: Any) -> Any:
        """Leave it to the kernel, whose limits count the time of the process alone."""
        return run(*given, **{**kw, "timeout": 120})

    monkeypatch.setattr(subprocess, "run", patient)
    template = tmp_path / "page.typ"
    template.write_text(PAGE + endless)
    with pytest.raises(subprocess.CalledProcessError) as ended:
        pdf(template, {"title": "x", "lang": "fr", "body": ""}, seconds=20 if "len" in endless else 1)
    assert -ended.value.returncode in signals
