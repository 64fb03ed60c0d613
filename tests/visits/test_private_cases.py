"""What is left of a private case after its time: a row that is counted, and not a word of anybody."""

from __future__ import annotations

import datetime as dt
import io
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import api, jobs, registry
from core.db import db, now, write
from core.models import Entry, File, Revision
from plugins.neighbourhood_visits.field.models import Note
from plugins.neighbourhood_visits.models import Asker, Casework, PrivateCase, Question
from plugins.neighbourhood_visits.plan.models import Sensitivity
from plugins.neighbourhood_visits.triage import cases
from portal.privacy import erase, retention

from ..core.test_files import encoded, photo
from .conftest import read_mark
from .test_triage import decide, row

if TYPE_CHECKING:
    from .conftest import Scene

pytestmark = pytest.mark.engines

WORD, STEM = "zibeline", "zibelin"  # of which what is compared is made


def said(scene: Scene, word: str = WORD) -> list[tuple[str, str]]:
    """The columns of all tables in which a word stands."""

    def found() -> list[tuple[str, str]]:
        with db.engine.connect().execution_options(guarded=True) as connection:
            return sorted(
                {
                    (table, name)
                    for table in sa.inspect(db.engine).get_table_names()
                    for line in connection.exec_driver_sql(f'SELECT * FROM "{table}"').mappings()
                    for name, value in line.items()
                    if word in str(value).casefold()
                }
            )

    return scene.town.run(found)


def token_of(browser: Any, page: str) -> str:
    """What a form of a page carries against forged ones."""
    found = re.search(r'csrf_token"[^>]*value="([^"]*)"', browser.get(page).text)
    assert found
    return found[1]


def pictured() -> dict[str, Any]:
    """The fields of a form by which a picture goes with what is said."""
    return {"pictures": [(io.BytesIO(encoded(photo(), "PNG")), "lamp.png")], "alts": [f"A {WORD}"]}


def conversation(scene: Scene, visit: int) -> int:
    """A private case in which its author and an agent wrote to each other, and which is dealt with."""
    question = scene.question(
        visit,
        title=f"My landlord, {WORD}?",
        body=f"He is {WORD}.",
        place=f"{WORD} street",
        latitude="46.1",
        longitude="4.2",
        contact=f"{WORD} 06",
        shown="alias",
        **pictured(),
    )
    decide(scene, visit, [question], "divert")
    agent, page = scene.browser("agent"), f"/visits/questions/{question}"
    for browser in (scene.browser("resident"), agent):
        shown = f"/posts/{question}"
        more = {"body": f"{WORD} 06 12 34 56 78", "confirmed": "yes", **pictured()}
        told = browser.submit(f"{shown}/reply", _page=shown, **more)
        assert told.status_code == 302, told.text
    for form, fields in (
        (page, {"note": f"The {WORD} note"}),
        (f"{page}/delicate", {"text": f"A {WORD} matter"}),
    ):
        to = f"{page}/note" if form == page else form
        told = agent.submit(to, _page=form, read=read_mark(agent, form), **fields)
        assert told.status_code == 302, told.text

    def noted() -> None:
        with write() as session:
            session.add(Note(space_id=visit, key="k", entry_id=question, text=f"{WORD} noted", stop=WORD))
            reply = session.scalars(sa.select(Entry).where(Entry.kind == "core.reply")).first()
            before = {"title": "", "body": WORD, "html": WORD, "written_at": now()}
            session.add(Revision(entry_id=reply.id, number=1, **before))

    scene.town.run(noted)
    agent.submit(f"{page}/case", _page=page, recipient="0", ended="y")
    assert row(scene, PrivateCase, question).ended_at is not None
    jobs.run_due(scene.town.app)
    for name in ("agent", "mayor"):
        assert WORD in scene.browser(name).get(f"/posts/{question}").text
    return question


@pytest.mark.parametrize("on", [True, False], ids=["on", "off"])
def test_nothing_that_was_said_in_a_private_case_outlives_it(scene: Scene, on: bool) -> None:
    visit = scene.visit()
    question = conversation(scene, visit)
    counts = f"/visits/{visit}/counts.csv"
    counted = scene.browser().get(counts).text
    assert "private_case,1" in counted
    tables = {
        "core_entry",
        "visits_casework",
        "visits_note",
        "visits_question",
        "visits_sensitivity",
        "visits_term",
    }
    assert {table for table, _column in said(scene, STEM)} >= tables
    assert len(scene.town.run(lambda: db.session.scalars(sa.select(File)).all())) == 3

    def old() -> None:
        with write() as session:
            session.get(PrivateCase, question).ended_at = now() - dt.timedelta(days=181)

    scene.town.run(old)
    if not on:
        scene.town.run(lambda: registry.current().switch("neighbourhood_visits", False))
    scene.town.run(retention.purge)
    left = [column for table, column in said(scene, STEM) if not table.startswith("core_search")]
    assert left == [], "at once; of the search its job takes it out"
    jobs.run_due(scene.town.app)
    if not on:
        scene.town.run(lambda: registry.current().switch("neighbourhood_visits", True))
        jobs.run_due(scene.town.app)
    assert said(scene) == []
    for table in (Sensitivity, PrivateCase, File, Revision, Asker):
        assert scene.town.run(lambda table=table: db.session.scalars(sa.select(table)).all()) == [], table
    [place] = scene.town.run(lambda: db.session.scalars(sa.select(Entry)).all())
    assert (place.id, place.state, place.author_id, place.meant_for) == (question, "removed", None, None)
    assert row(scene, Question, question).public_pin is None
    assert row(scene, Casework, question).code is None
    assert scene.browser().get(counts).text == counted
    for name in ("resident", "agent", "mayor", "admin"):
        browser = scene.browser(name)
        assert WORD not in browser.get(f"/posts/{question}").text
        assert "06 12" not in browser.get("/search?q=12+34").text


def test_what_moderators_take_out_is_not_counted(scene: Scene) -> None:
    visit = scene.visit()
    question, counts = scene.accepted(visit), f"/visits/{visit}/counts.csv"
    page = f"/posts/{question}"
    scene.browser("neighbour").submit(f"{page}/reply", _page=page, body="Indeed!")
    assert "accepted,1" in scene.browser().get(counts).text
    scene.browser("agent").submit(f"{page}/remove", _page=page, sure="1")
    assert row(scene, Entry, question).state == "removed"
    assert "accepted,1" not in scene.browser().get(counts).text


def test_a_private_case_stays_for_its_time(scene: Scene) -> None:
    question = conversation(scene, scene.visit())
    before = said(scene)
    scene.town.run(lambda: cases.end_time(now() + dt.timedelta(days=179)))
    assert said(scene) == before
    assert row(scene, PrivateCase, question) is not None


def test_a_private_case_that_its_author_took_back_goes_in_time_as_well(scene: Scene) -> None:
    visit = scene.visit()
    question = conversation(scene, visit)
    page = f"/visits/questions/{question}"
    assert scene.browser("resident").submit(f"{page}/withdraw", _page="/visits/").status_code == 302
    counted = scene.browser().get(f"/visits/{visit}/counts.csv").text
    assert "withdrawn,1" in counted
    scene.town.run(lambda: cases.end_time(now() + dt.timedelta(days=181)))
    jobs.run_due(scene.town.app)
    assert said(scene) == []
    assert scene.browser().get(f"/visits/{visit}/counts.csv").text == counted


def test_a_private_case_whose_author_leaves_ends_by_itself(scene: Scene) -> None:
    visit = scene.visit()
    question = conversation(scene, visit)
    page = f"/visits/questions/{question}"
    scene.browser("agent").submit(f"{page}/case", _page=page, recipient="0")
    assert row(scene, PrivateCase, question).ended_at is None
    scene.town.run(lambda: erase.begin(scene.town.person("resident"), True))
    scene.town.run(erase.run)
    assert said(scene), "what the agent wrote to them stays for its time"
    scene.town.run(lambda: cases.end_time(now() + dt.timedelta(days=181)))
    jobs.run_due(scene.town.app)
    assert said(scene) == []


def test_nobody_replies_to_a_private_case_while_it_is_let_go(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = conversation(scene, scene.visit())
    shown, remove = f"/posts/{question}", api.remove
    agent = scene.browser("agent")
    token = {"csrf_token": token_of(agent, shown), "body": "Call 06 98 76 54 32.", "confirmed": "yes"}
    replies: list[Any] = []

    def while_somebody_writes(entry: Any, **how: Any) -> None:
        if not replies:
            replies.append(
                threading.Thread(target=agent.client.post, args=(f"{shown}/reply",), kwargs={"data": token})
            )
            replies[0].start()
            replies[0].join(0.5)
        remove(entry, **how)

    monkeypatch.setattr(api, "remove", while_somebody_writes)
    scene.town.run(lambda: cases.end_time(now() + dt.timedelta(days=181)))
    replies[0].join()
    texts = sa.select(Entry.body).where(Entry.parent_id == question, Entry.body != "")
    assert scene.town.run(lambda: list(db.session.scalars(texts))) == []
