"""What is taken out of a question is gone from what the plugin keeps beside it too."""

from __future__ import annotations

import html
import io
import re
import zipfile
from typing import TYPE_CHECKING

import sqlalchemy as sa

from core import jobs, mail
from core.db import db
from core.models import Mail
from core.search import index
from core.testing import PASSWORD
from plugins.neighbourhood_visits.models import Casework, Question
from plugins.neighbourhood_visits.plan.models import Stop

from .test_report import lead

if TYPE_CHECKING:
    from .conftest import Scene

SECRET = "zibeline"


def everything(scene: Scene, visit: int, ident: int) -> str:
    """All that a visitor, the author and the team see, find, are mailed and take away of a question."""
    jobs.run_due(scene.town.app)
    scene.town.run(lambda: index.run(seconds=10))
    seen = []
    for name in (None, "resident", "agent"):
        browser = scene.browser(name)
        pages = (
            f"/visits/questions/{ident}",
            f"/visits/{visit}",
            f"/visits/{visit}/questions.csv",
            "/feed.atom",
        )
        seen += [browser.get(page).text for page in (*pages, f"/search?q={SECRET}+lavoir")]
    own = scene.browser("resident")
    own.submit("/me/data", current=PASSWORD)
    jobs.run_due(scene.town.app)
    found = re.search(r'href="(/me/data/[^"]+)"', own.get("/me/data").text)
    assert found
    with own.get(found[1]) as answer, zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        seen += [archive.read(name).decode(errors="replace") for name in archive.namelist()]

    def kept() -> list[str]:
        letters = db.session.scalars(sa.select(Mail)).all()
        rows = [*db.session.scalars(sa.select(Question)), *db.session.scalars(sa.select(Casework))]
        words = [written[0].text for row in letters if (written := mail.written(row))]
        return words + [str(vars(row)) for row in rows]

    return " ".join([*seen, *scene.town.run(kept)]).replace(f"q={SECRET}", "").lower()


def test_a_passage_in_the_place_or_the_notes_is_found_nowhere(scene: Scene) -> None:
    visit = scene.visit()
    ident = scene.question(
        visit, place="12 rue du Lavoir, at Mrs Zibeline's", contact="Zibeline, by the door"
    )
    page = f"/visits/questions/{ident}"
    agent = scene.browser("agent")
    assert agent.submit(f"{page}/accept", _page=page).status_code == 302
    assert f"mrs {SECRET}" in everything(scene, visit, ident)
    shown = agent.get(f"/posts/{ident}/redact").text
    assert "Mrs Zibeline" in shown
    assert "by the door" in shown
    outside = scene.browser("admin").get(f"/posts/{ident}/redact").text
    assert "Mrs Zibeline" in outside
    assert "by the door" not in outside, "what only the team knows"
    answer = agent.submit(f"/posts/{ident}/redact", passage="Zibeline", reason="private")
    assert answer.status_code == 302, answer.text
    after = everything(scene, visit, ident)
    assert f"mrs {SECRET}" not in after
    assert f"{SECRET}, by" not in after
    assert "12 rue du lavoir, at mrs […]" in after


def test_a_stop_bears_what_is_public_of_the_question_it_was_made_of(scene: Scene) -> None:
    visit = scene.visit()
    ident = scene.accepted(visit, title="Who mends the lamp?", place="Rue du Lavoir, at Mrs Zibeline's")
    agent, page = scene.browser("agent"), f"/visits/{visit}/route"
    agent.submit(f"{page}/questions", _page=page, pick=str(ident), stop="0")
    lead(scene, visit, "close", "finish")

    def moderate(verb: str, page: str | None = None, **fields: str) -> None:
        answer = agent.submit(f"/posts/{ident}/{verb}", page, **fields)
        assert answer.status_code == 302, answer.text

    def shown() -> str:
        [[title]] = scene.town.run(lambda: db.session.execute(sa.select(Stop.title)).all(), "agent")
        assert title in html.unescape(scene.browser().get(f"/visits/{visit}/agenda").text)
        return str(title)

    assert shown() == "Rue du Lavoir, at Mrs Zibeline's"
    moderate("redact", passage="at Mrs Zibeline's", reason="private")
    assert shown() == "Rue du Lavoir, […]"
    moderate("hide", f"/posts/{ident}")
    assert shown() == "Stop of a visit"
    moderate("hide", f"/posts/{ident}")
    assert shown() == "Rue du Lavoir, […]"
    stop = scene.town.run(lambda: db.session.scalar(sa.select(Stop.id)), "agent")
    said = {"title": "At the lamp", "minutes": "10", "step_free": "y"}
    assert agent.submit(f"/visits/stops/{stop}", **said).status_code == 302
    moderate("hide", f"/posts/{ident}")
    assert shown() == "At the lamp", "the team's own words stay"
