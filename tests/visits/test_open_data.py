"""The public questions of a visit as open data: what is public, nobody's name, no formula."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from plugins.neighbourhood_visits.report.open_data import COLUMNS, harmless

from .test_moderated_answers import hide
from .test_triage import decide

if TYPE_CHECKING:
    from .conftest import Scene


def test_what_is_public_is_there_and_nothing_else(scene: Scene) -> None:
    visit = scene.visit()
    public = scene.answered(visit, title='=HYPERLINK("http://evil.example")', place="+33, rue Haute")
    scene.question(visit, title="Not read yet?", contact="01 23 45 67 89")
    page = scene.browser().get(f"/visits/{visit}")
    assert f'href="/visits/{visit}/questions.csv"' in page.text
    for name in (None, "agent"):
        answer = scene.browser(name).get(f"/visits/{visit}/questions.csv")
        assert answer.content_type.startswith("text/csv")
        [header, row] = csv.reader(io.StringIO(answer.text))
        assert tuple(header) == COLUMNS["questions"]
        assert row[0] == str(public)
        assert row[3] == '\'=HYPERLINK("http://evil.example")'
        assert row[5] == "'+33, rue Haute"
        assert "Resident" not in answer.text
    hidden = scene.browser("agent").submit("/visits/new", **scene.plan(), keep="yes").location
    assert scene.browser().get(f"{hidden}/questions.csv").status_code == 404


def test_why_is_the_reason_or_what_the_answer_says(scene: Scene) -> None:
    visit, words = scene.visit(), "No: the **lime trees** stay."
    first, led = scene.drafted(visit, words), scene.accepted(visit, title="And the planes?")
    undecided = scene.answered(visit, "We look into it.", title="The bench?")
    decide(scene, visit, [first, led], "group")
    apart = scene.accepted(visit, title="The fountain?")
    page = f"/visits/questions/{apart}"
    agent = scene.browser("agent")
    agent.submit(f"{page}/conclude", _page=page, verb="refuse", reason="No money.")
    scene.approve(apart, "The town has no money for a fountain.")

    def why() -> dict[int, str]:
        tables = scene.browser().get(f"/visits/{visit}/data.json").json
        rows = csv.DictReader(io.StringIO(scene.browser().get("/visits/open-data/questions.csv").text))
        found = {row["id"]: row["outcome_reason"] for row in tables["questions"]}
        assert found == {int(row["id"]): row["outcome_reason"] for row in rows}
        return found

    assert why()[first] == "", "an answer that is not published says nothing"
    scene.approve(first, words, outcome="refuse")
    said = "No: the lime trees stay."
    assert why() == {led: said, first: said, undecided: "", apart: "No money."}
    schema = scene.browser().get("/visits/open-data/questions.schema.json").json
    [means] = [one["description"] for one in schema["fields"] if one["name"] == "outcome_reason"]
    assert "else the words of the published answer" in means
    hide(scene, first)
    assert said not in scene.browser().get("/visits/open-data/data.json").text


@pytest.mark.parametrize(
    "cell", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20a"]
)
def test_a_cell_is_never_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert harmless("1 - 1 = 0") == "1 - 1 = 0"
    assert harmless(-1.5) == -1.5
