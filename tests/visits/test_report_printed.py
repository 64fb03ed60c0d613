"""The report as PDF: the words of its page, tagged, and what is taken out later leaves it too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import outloud

from core.db import write
from core.text import markdown, plain
from plugins.neighbourhood_visits import quiet
from plugins.neighbourhood_visits.report.models import Minutes, Report

from .test_plan_papers import pages
from .test_report import MINUTES, keep, lead, lived

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from .conftest import Scene


def printed(scene: Scene, visit: int) -> str:
    """The words of the PDF, as everybody is given it, without what hyphenation adds."""
    answer = scene.browser().get(f"/visits/{visit}/report.pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    return letters(" ".join(pages(answer.data)))


def letters(text: str) -> str:
    """The letters and digits of a text alone, since lines are broken elsewhere in print."""
    return re.sub(r"\W", "", text)


def published(scene: Scene) -> tuple[int, dict[str, int]]:
    """A visit with its report."""
    visit, found = lived(scene)
    assert keep(scene, visit, f"{MINUTES}\n\n- One\n- Two", name="mayor") == 302
    lead(scene, visit, "publish", name="deputy")
    return visit, found


def test_the_report_on_paper_says_what_its_page_says(scene: Scene, tmp_path: Path) -> None:
    visit, _found = published(scene)
    page = scene.browser().get(f"/visits/{visit}/report").text
    assert f"/visits/{visit}/report.pdf" in page
    said = printed(scene, visit)
    body = page.partition('<div class="prose">')[2].partition("The data behind")[0]
    for piece in re.split(r"<(?!/?(?:b|strong|em)\b)[^>]*>", body):
        assert letters(plain(piece)) in said, piece
    made = scene.browser().get(f"/visits/{visit}/report.pdf").data
    (tmp_path / "report.pdf").write_bytes(made)
    report = outloud.check(str(tmp_path / "report.pdf"))
    assert report.errors == 0, report.sorted_findings()
    for words in ("Zoe", "Unread", "My flat", "Resident"):
        assert words not in said


def test_there_is_none_before_the_report_is_published(scene: Scene) -> None:
    visit, _found = lived(scene)
    for name in (None, "agent", "mayor", "resident"):
        assert scene.browser(name).get(f"/visits/{visit}/report.pdf").status_code == 404


def test_what_is_taken_out_leaves_the_paper_with_its_date(scene: Scene) -> None:
    visit, found = published(scene)
    assert "Acarpark" in printed(scene, visit)
    hidden = scene.browser("mayor").submit(f"/posts/{found['refused']}/hide", _page="/visits/", sure="1")
    assert hidden.status_code == 302
    said = printed(scene, visit)
    assert "Acarpark" not in said
    assert "Aquestionthatwastakenout" in said
    assert "wordsofaquestionweretakenout" in said


def test_before_an_election_the_paper_shows_no_figure(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    visit, found = lived(scene)
    refused = f"/posts/{found['refused']}"
    scene.browser("neighbour").submit(f"{refused}/support", _page=refused)
    lead(scene, visit, "publish", name="mayor")
    before = printed(scene, visit)
    assert "Answerrate" in before
    assert "1support" in before
    assert "0support" not in before
    monkeypatch.setattr(quiet, "sentence", lambda: "No figures before the election.")
    said = printed(scene, visit)
    assert "Answerrate" not in said
    assert "1support" not in said
    assert "Acarpark" in said
    assert "Nofiguresbeforetheelection" in said


def test_a_passage_of_the_minutes_is_taken_out_of_page_and_paper(scene: Scene) -> None:
    visit, _found = published(scene)
    words = 'Mrs *Zibeline* & Mr "Okapi" of [a house](https://example.org/mrs%20okapi) asked.'

    def said() -> None:
        with write() as session:
            report, minutes = session.get(Report, visit), session.get(Minutes, visit)
            report.facts = {**report.facts, "minutes": markdown(words)}
            minutes.body = words

    scene.town.run(said)
    page = f"/visits/{visit}/report"
    for name in (None, "resident", "opposition", "agent2"):
        assert "Take out for good" not in scene.browser(name).get(page).text, name
        fields = {"passage": "Okapi", "reason": "private"}
        told = scene.browser(name).submit(f"{page}/redact", _page="/visits/", **fields)
        assert told.status_code in (302, 403, 404), name
        assert "Okapi" in scene.browser().get(page).text, name
    mayor = scene.browser("mayor")
    for passage, reason in (
        ("", "private"),
        ("Okapi", ""),
        ("Marmot", "private"),
        ("Mrs Zibeline", "private"),
    ):
        told = mayor.submit(f"{page}/redact", _page=page, passage=passage, reason=reason)
        assert told.status_code == 422, passage
    for passage in ("zibeline", '& mr  "okapi"', "okapi"):
        told = mayor.submit(f"{page}/redact", _page=page, passage=passage, reason="private")
        assert told.status_code == 302, told.text
    shown = scene.browser().get(page).text
    for text in (shown, printed(scene, visit), scene.browser("agent").get(f"/visits/{visit}/minutes").text):
        assert "zibeline" not in text.lower()
        assert "okapi" not in text.lower()
    assert "a house" in shown
    assert shown.count("words of the minutes were taken out") == 1
    assert "wordsoftheminutesweretakenout" in printed(scene, visit)
    log = scene.browser("admin").get("/admin/audit?act=visits.").text
    assert "has taken a passage out of the minutes of" in log
    assert f'href="/visits/{visit}"' in log
    assert "kapi" not in log
