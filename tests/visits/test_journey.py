"""From the announcement of a visit to the answer that its author reads, page by page."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

from core import jobs
from core.models import Entry, Mail

from .conftest import QUESTION, Scene

DRAFT = "Perhaps in spring, ask the electrician first."
ANSWER = "The lamp is mended on Monday; the whole street in March."


def mails(scene: Scene, recipient: str) -> list[Any]:
    """What waits in the outbox for somebody, once the worker has done its part."""
    jobs.run_due(scene.town.app)

    def read() -> list[Any]:
        from core.db import db

        return list(db.session.execute(sa.select(Mail.kind, Mail.text).where(Mail.recipient == recipient)))

    return scene.town.run(read)


def state(scene: Scene, question_id: int) -> Any:
    """How the core holds the entry of a question."""
    from core.db import db

    return scene.town.run(lambda: db.session.get(Entry, question_id))


def test_a_visit_is_kept_for_its_team_then_announced(scene: Scene) -> None:
    agent = scene.browser("agent")
    kept = agent.submit("/visits/new", **scene.plan(), keep="yes")
    page = kept.location
    assert agent.get(page).status_code == 200
    assert scene.browser("deputy").get(page).status_code == 200
    for name in (None, "resident", "opposition", "colleague", "agent2", "admin"):
        browser = scene.browser(name)
        assert browser.get(page).status_code == 404, name
        assert "Tanneries" not in browser.get("/visits/").text
    announced = scene.browser("mayor").submit(f"{page}/announce", _page=page, sure="1")
    assert announced.status_code == 302
    shown = scene.browser().get(page).text
    assert "In front of the school" in shown
    assert "18:00 – 20:00" in shown
    assert "Tanneries" in scene.browser().get("/visits/").text


def test_a_question_from_its_author_to_its_answer(scene: Scene) -> None:
    scene.let_one_approve()
    visit = scene.visit()
    question = scene.question(visit, place="rue du Lavoir", contact="01 23 45 67 89")
    review, page = f"/visits/questions/{question}", f"/visits/{visit}"
    resident, public = scene.browser("resident"), scene.browser()
    assert "Your question has arrived" in resident.get(f"{review}/thanks").text
    assert QUESTION in resident.get(page).text
    assert QUESTION not in public.get(page).text

    agent = scene.browser("agent")
    queue = agent.get(f"{page}/review").text
    assert QUESTION in queue
    assert "01 23 45 67 89" in agent.get(review).text
    assert agent.submit(f"{review}/accept", _page=review).status_code == 302
    assert QUESTION in public.get(page).text
    assert "01 23 45 67 89" not in public.get(page).text + resident.get(f"/posts/{question}").text

    assert agent.submit(f"{review}/answer", _page=review, body=DRAFT, version="0").status_code == 302
    for browser in (public, resident, scene.browser("opposition"), scene.browser("mayor2")):
        assert DRAFT not in browser.get(page).text + browser.get(f"/posts/{question}").text
    mayor = scene.browser("mayor")
    drafted = mayor.get(review).text
    assert DRAFT in drafted
    version = re.search(r'name="version"[^>]*value="(\d+)"', drafted)
    assert version
    published = mayor.submit(f"{review}/answer", _page=review, body=ANSWER, version=version[1], publish="yes")
    assert published.status_code == 302, published.text
    read = resident.get(f"/posts/{question}").text
    assert ANSWER in read
    assert "Mayor" in read
    assert ANSWER in public.get(page).text
    assert DRAFT not in read + public.get(page).text


def test_what_was_accepted_stays_what_was_read(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    resident, edit = scene.browser("resident"), f"/posts/{question}/edit"
    page = f"/posts/{question}"
    assert edit not in resident.get(page).text
    assert resident.get(edit).location.startswith(page)
    answer = resident.submit(edit, page, title="Another", body="Written after it was accepted")
    assert "no longer changes" in answer.text
    assert "Written after it was accepted" not in scene.browser().get(f"/posts/{question}").text


def test_a_question_is_corrected_until_it_is_accepted_and_a_sentence_is_enough(scene: Scene) -> None:
    question = scene.question(scene.visit())
    resident, page = scene.browser("resident"), f"/posts/{question}"
    assert f'href="{page}/edit"' in resident.get(page).text
    empty = resident.submit(f"{page}/edit", title="", body="No question")
    assert empty.status_code == 422
    assert 'href="#title"' in empty.text
    changed = resident.submit(f"{page}/edit", title="Corrected?", body="", version="1")
    assert changed.status_code == 302, changed.text
    assert "Corrected?" in resident.get(page).text
    assert "Corrected?" in scene.browser("agent").get(f"/visits/questions/{question}").text
    assert scene.browser("neighbour").get(page).status_code == 404


def test_what_is_said_about_a_question_is_a_comment_beside_its_answer(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    page = scene.browser("mayor").get(f"/posts/{question}").text
    assert "Your comment" in page
    assert ">Reply<" not in page
    beside = scene.browser("mayor").get(f"/visits/questions/{question}").text
    assert "Ask for approval" in beside
    assert "/></svg>Comment<" in beside
    preview = scene.browser("mayor").submit(f"/posts/{question}/reply", f"/posts/{question}", body="")
    assert "<h1>Comment</h1>" in preview.text


def test_who_loses_office_leaves_the_team(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.accepted(visit)
    page, mayor = f"/visits/questions/{question}", scene.town.person("mayor")
    scene.town.person("ada", "administrator")
    told = scene.browser("ada").submit(f"/admin/people/{mayor}", role="resident", mandate="", area_id="0")
    assert told.status_code == 302
    assert scene.browser("mayor").get(page).status_code in (403, 404)
    assert scene.browser("deputy").get(page).status_code == 200


def test_draft_history_is_never_public(scene: Scene) -> None:
    scene.let_one_approve()
    question = scene.accepted(scene.visit())
    review = f"/visits/questions/{question}"
    agent, mayor = scene.browser("agent"), scene.browser("mayor")
    agent.submit(f"{review}/answer", _page=review, body=DRAFT, version="0")
    for text, name in ((DRAFT + " Or never.", "keep"), (ANSWER, "publish")):
        version = re.search(r'name="version"[^>]*value="(\d+)"', mayor.get(review).text)
        assert version
        fields = {"body": text, "version": version[1], name: "yes"}
        assert mayor.submit(f"{review}/answer", _page=review, **fields).status_code == 302
    from core.db import db
    from core.models import Revision

    def answer() -> Any:
        found = db.session.scalars(sa.select(Entry).where(Entry.parent_id == question)).one()
        history = db.session.scalars(sa.select(Revision).where(Revision.entry_id == found.id)).all()
        return found, history

    entry, history = scene.town.run(answer)
    assert history == []
    assert entry.author_id == scene.town.person("mayor")
    assert entry.published_at > entry.created_at
    assert DRAFT not in scene.browser().get(f"/posts/{entry.id}/history").text


def test_somebody_without_an_account_asks_and_confirms_elsewhere(scene: Scene) -> None:
    visit = scene.visit()
    phone = scene.browser()
    fields = {"title": QUESTION, "name": "Mireille", "email": "mireille@example.org", "body": "It is dark."}
    sent = phone.submit(f"/visits/{visit}/ask", **fields, place="Number 4", theme="streets")
    assert sent.location == f"/visits/{visit}/asked"
    assert "open your mail" in phone.get(sent.location).text
    assert scene.browser().get(sent.location).location == f"/visits/{visit}"
    assert QUESTION not in scene.browser("agent").get(f"/visits/{visit}/review").text

    [(kind, text)] = mails(scene, "mireille@example.org")
    assert kind == "visits.ask"
    link = re.search(r"http://localhost(/confirm/\S+)", text)
    assert link
    elsewhere = scene.browser()
    shown = elsewhere.get(link[1]).text
    words = (*fields.values(), "Visit of the Tanneries", "Number 4", "Streets and pavements")
    assert [word for word in words if word not in shown] == [], "one sees what one confirms"
    assert QUESTION not in scene.browser("agent").get(f"/visits/{visit}/review").text
    confirmed = elsewhere.submit(link[1])
    arrived = elsewhere.get(confirmed.location).text
    assert "Your question has arrived" in arrived
    assert arrived.index(">by ") < arrived.index("come and talk")  # an answer is due before the visit
    queue = scene.browser("agent").get(f"/visits/{visit}/review").text
    assert QUESTION in queue
    assert "Mireille" in queue
    assert elsewhere.client.post(link[1]).status_code >= 400


def test_a_question_written_in_time_counts_when_confirmed_late(scene: Scene) -> None:
    visit = scene.visit()
    fields = {"title": QUESTION, "name": "Mireille", "email": "mireille@example.org"}
    scene.browser().submit(f"/visits/{visit}/ask", **fields)
    set_close(scene, visit, -1)
    [(_kind, text)] = mails(scene, "mireille@example.org")
    link = re.search(r"http://localhost(/confirm/\S+)", text)
    assert link
    answer = scene.browser().submit(link[1])
    assert answer.status_code == 302
    assert QUESTION not in scene.browser("agent").get(f"/visits/{visit}/review").text


def set_close(scene: Scene, visit: int, hours: int) -> None:
    """Move the closing of questions so many hours from now."""
    import datetime as dt

    from core.db import db, now, write
    from plugins.neighbourhood_visits.models import Visit

    def move() -> None:
        with write():
            db.session.get(Visit, visit).questions_close_at = now() + dt.timedelta(hours=hours)

    scene.town.run(move)
