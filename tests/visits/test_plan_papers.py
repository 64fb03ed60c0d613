"""Papers for the team: whole and tagged, without private cases; the dossier stays as it was."""

from __future__ import annotations

import datetime as dt
import io
import re
import subprocess
from typing import TYPE_CHECKING, Any

import outloud
import pikepdf
import pypdfium2
import pytest
import sqlalchemy as sa
from flask_babel import force_locale

from core import api, jobs
from core.access import as_system
from core.db import db, now, write
from core.feed import actions as feed
from core.models import Space
from core.search import index
from plugins.neighbourhood_visits import personal, taken_out
from plugins.neighbourhood_visits.models import Casework, Commitment, Department, Question, Visit
from plugins.neighbourhood_visits.plan import papers
from plugins.neighbourhood_visits.plan.models import Paper, Sensitivity, Stop, StopQuestion
from portal.privacy import erase

from .conftest import read_mark, today
from .test_promises import department
from .test_triage import decide

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Scene

LONG = "It has been dark there for weeks. " * 40


def many(scene: Scene, visit: int, count: int, stops: int = 0) -> None:
    """So many accepted questions of a visit, on so many stops: written straight into the database."""

    def make() -> None:
        resident = scene.town.person("resident")
        with write() as session:
            places = [Stop(space_id=visit, position=at, title=f"Corner {at}.") for at in range(1, stops + 1)]
            session.add_all(places)
            session.flush()
            for at in range(1, count + 1):
                entry = api.Entry(space_id=visit, kind="visits.question", title=f"Question {at:03}?")
                entry.author_id, entry.body, entry.html = resident, LONG[: at * 20], ""
                entry.state, entry.published_at, entry.active_at, entry.lang = "published", now(), now(), "en"
                session.add(entry)
                session.flush()
                session.add(Question(entry_id=entry.id, triage="accepted", theme="streets", place="Lane"))
                session.add(Casework(entry_id=entry.id, space_id=visit))
                if stops:
                    row = StopQuestion(entry_id=entry.id, stop_id=places[at % stops].id, position=at)
                    session.add(row)

    scene.town.run(make)


def order(scene: Scene, visit: int, kind: str = "briefing", name: str = "agent") -> int:
    """The id of a paper that the worker has made, asked for on its page."""
    page = f"/visits/{visit}/papers"
    assert scene.browser(name).submit(page, kind=kind).status_code == 302
    scene.town.run(lambda: jobs.run_due(scene.town.app))
    newest = sa.select(sa.func.max(Paper.id)).where(Paper.space_id == visit)
    return int(scene.town.run(lambda: api.db.session.scalar(newest)))


def pages(made: bytes) -> list[str]:
    """The text of each page of a PDF, in one line."""
    with pypdfium2.PdfDocument(made) as document:
        return [" ".join(page.get_textpage().get_text_range().split()) for page in document]


def pdf(scene: Scene, paper: int, name: str = "agent") -> bytes:
    answer = scene.browser(name).get(f"/visits/papers/{paper}/pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    return answer.data


def test_a_briefing_of_sixty_questions_is_whole_and_for_everybody(scene: Scene, tmp_path: Path) -> None:
    visit = scene.visit()
    many(scene, visit, 60, stops=15)
    made = pdf(scene, order(scene, visit))
    found = pages(made)
    text = " ".join(found)
    assert all(text.count(f"Question {at:03}?") == 1 for at in range(1, 61))
    assert "Contents" in found[0]
    for at in range(1, 16):
        [place] = [number for number, said in enumerate(found[1:], 1) if f"Corner {at}." in said]
        listed = re.search(rf"{at} Corner {at}\. ?[ .]*(\d+)", found[0])
        assert listed, found[0]
        assert int(listed[1]) == place + 1
        own = [f"Question {one:03}?" for one in range(1, 61) if one % 15 == at - 1]
        assert all(title in found[place] for title in own), "a stop is split"
    assert not list(filter(orphans, found[1:])), "a heading stands alone at the foot of a page"
    (tmp_path / "briefing.pdf").write_bytes(made)
    report = outloud.check(str(tmp_path / "briefing.pdf"))
    assert report.errors == 0, report.sorted_findings()
    with pikepdf.open(io.BytesIO(made)) as document:
        assert str(document.Root.Lang).startswith("en")
        assert document.Root.MarkInfo.Marked
        assert headings(document).count("/H2") == 60


def test_a_stop_longer_than_a_page_has_pages_of_its_own_with_its_name(scene: Scene) -> None:
    visit = scene.visit()
    many(scene, visit, 60, stops=4)
    found = pages(pdf(scene, order(scene, visit)))
    long = 0
    for at in range(1, 5):
        own = {f"Question {one:03}?" for one in range(1, 61) if one % 4 == at - 1}
        there = [said for said in found[1:] if any(title in said for title in own)]
        assert f"Corner {at}." in there[0]
        assert "(continued)" not in there[0]
        for said in there[1:]:
            assert f"Corner {at}. (continued)" in said
            long += 1
        for said in there if len(there) > 1 else ():
            assert set(re.findall(r"Question \d{3}\?", said)) <= own, "others share its pages"
    assert long > 3, "stops go on over pages"
    sheets = pages(pdf(scene, order(scene, visit, "sheets")))
    going_on = [
        said for said in sheets[1:] if "How many people" not in said and "HOW MANY PEOPLE" not in said
    ]
    assert going_on
    assert all(re.search(r"Corner \d\. \(continued\)", said) for said in going_on)


def headings(document: Any) -> list[str]:
    """The tags of the headings of a PDF, in their order."""
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, pikepdf.Array):
            for one in node:
                walk(one)
        elif isinstance(node, pikepdf.Dictionary) and "/S" in node:
            if re.fullmatch(r"/H\d", str(node.S)):
                found.append(str(node.S))
            walk(node.get("/K", pikepdf.Array()))

    walk(document.Root.StructTreeRoot.K)
    return found


def test_no_heading_stands_alone_at_the_foot_of_a_page(scene: Scene) -> None:
    visit = scene.visit()
    many(scene, visit, 40)
    assert not list(filter(orphans, pages(pdf(scene, order(scene, visit)))[1:]))


def orphans(said: str) -> list[str]:
    """The headings of a page of a briefing that nothing of what they head stands below on that page."""
    alone = r"Question \d{3}\?(?! It has been dark)|Corner \d+\.(?!.{0,80}Question \d{3}\? It has been dark)"
    return re.findall(alone, said)


@pytest.mark.parametrize("kind", ["dossier", "sheets"])
def test_the_dossier_and_the_field_sheets_are_for_everybody(scene: Scene, tmp_path: Path, kind: str) -> None:
    visit = scene.visit()
    many(scene, visit, 6, stops=3)
    made = pdf(scene, order(scene, visit, kind))
    text = " ".join(pages(made))
    assert all(f"Question {at:03}?" in text for at in range(1, 7))
    (tmp_path / "paper.pdf").write_bytes(made)
    report = outloud.check(str(tmp_path / "paper.pdf"))
    assert report.errors == 0, report.sorted_findings()
    with pikepdf.open(io.BytesIO(made)) as document:
        assert str(document.Root.Lang).startswith("en")
        assert document.Root.MarkInfo.Marked


def test_a_private_case_and_who_asked_are_on_no_paper(scene: Scene) -> None:
    visit = scene.visit()
    shown = scene.accepted(visit)
    hidden = scene.question(visit, title="My neighbour and I are at odds")
    page = f"/visits/questions/{hidden}"
    scene.browser("agent").submit(f"{page}/decide", _page=page, verb="divert", moves="0")
    for kind in ("briefing", "sheets", "dossier"):
        paper = order(scene, visit, kind)
        said = " ".join(pages(pdf(scene, paper)))
        assert "lamp in rue du Lavoir" in said
        assert "at odds" not in said
        assert "resident" not in said.lower()
        assert "at odds" not in scene.browser("agent").get(f"/visits/papers/{paper}").text
    assert shown


def test_what_is_late_of_the_last_visit_is_on_the_first_page(scene: Scene) -> None:
    earlier, visit = scene.visit(), scene.visit()
    asked, private = scene.accepted(earlier), scene.question(earlier)

    def promise() -> None:
        with write() as session:
            department = Department(name="Roads", folded="roads")
            session.add(department)
            session.flush()
            session.get(Visit, earlier).starts_at = now() - dt.timedelta(days=90)
            session.get(Visit, earlier).ends_at = now() - dt.timedelta(days=89)
            promises = (
                (asked, "Paint the crossing", -3),
                (asked, "Plant a tree", 30),
                (private, "Move a bin", -3),
            )
            for about, text, days in promises:
                due = today() + dt.timedelta(days=days)
                row = Commitment(
                    space_id=earlier,
                    question_id=about,
                    text=text,
                    department_id=department.id,
                    due_on=due,
                )
                session.add(row)

    scene.town.run(promise)
    first = pages(pdf(scene, order(scene, visit)))[0]
    assert "Paint the crossing" in first
    assert "Plant a tree" not in first
    assert "Move a bin" not in first, "its question is not public"
    assert "1 late promise<" in scene.browser("mayor").get("/").text, "and on the first screen of officials"


def test_the_dossier_stays_as_it_was(scene: Scene) -> None:
    visit, agent = scene.visit(), scene.browser("agent")
    group = scene.town.space("Walkers", "resident")

    def say() -> None:
        space = api.db.session.get(api.Space, group)
        with write():
            api.publish(space, "The fountain of Belleroche runs again.")

    scene.town.run(say, "resident")
    scene.town.run(lambda: jobs.run_due(scene.town.app))
    ident = scene.drafted(visit)
    paper = order(scene, visit, "dossier")
    before = pdf(scene, paper)
    said = " ".join(pages(before))
    assert "It is mended on Monday." in said
    assert "The fountain of Belleroche runs again." in said
    scene.approve(ident, "It is mended on Friday.")
    scene.accepted(visit, title="Why is the bench gone?")
    scene.town.run(lambda: jobs.run_due(scene.town.app))
    assert pdf(scene, paper) == before
    page = agent.get(f"/visits/papers/{paper}").text
    assert "It is mended on Monday." in page
    assert "bench" not in page


def test_a_dossier_says_when_it_was_frozen_and_what_is_said_in_spaces_of_its_area(scene: Scene) -> None:
    visit, agent = scene.visit(), scene.browser("agent")
    page = f"/visits/{visit}/papers"
    assert "makes another" not in agent.get(page).text
    first = order(scene, visit, "dossier")
    said = " ".join(pages(pdf(scene, first)))
    assert "The search finds nothing of the neighbourhood." in said
    assert re.search(r"FROZEN ON ?\d{1,2} \w+ \d{4}, \d\d:\d\d", said), said
    assert "The search finds nothing" in agent.get(f"/visits/papers/{first}").text
    assert "The search finds nothing" not in " ".join(pages(pdf(scene, order(scene, visit))))
    square, elsewhere = (scene.town.space(name, "admin") for name in ("Square", "Elsewhere"))

    def place() -> None:
        with write() as session:
            session.get(Space, square).area_id = scene.commune

    scene.town.run(place)
    for ident, words in ((square, "It runs."), (elsewhere, "Shut.")):
        scene.town.run(lambda ident=ident, words=words: say_in(ident, words), "agent")
    said = " ".join(pages(pdf(scene, order(scene, visit, "dossier"))))
    assert "It runs." in said
    assert "Shut." not in said
    shown = agent.get(page).text
    assert len(re.findall(r"frozen on \d{1,2} \w+ \d{4}, \d\d:\d\d", shown)) == 2
    assert "makes another" in shown
    assert "data-confirm" not in shown.partition('id="make"')[2].partition("</section>")[0]


def say_in(space: int, words: str) -> None:
    with write():
        api.publish(db.session.get(Space, space), words)


def test_the_dossier_is_frozen_on_its_day_once(scene: Scene) -> None:
    visit, agent = scene.visit(), scene.browser("agent")
    day = today() + dt.timedelta(days=5)
    page = f"/visits/{visit}/papers"
    assert agent.submit(f"/visits/{visit}/freeze", _page=page, day=day.isoformat()).status_code == 302
    scene.town.run(papers.freeze_due)
    assert count(scene, visit) == 0

    def come() -> None:
        with write() as session:
            session.get(Visit, visit).freezes_at = now()

    scene.town.run(come)
    for _twice in range(2):
        papers_due(scene)
    assert count(scene, visit) == 1
    scene.town.run(come)
    papers_due(scene)
    assert count(scene, visit) == 2, "another day, another dossier"


def test_another_hour_of_the_same_day_freezes_no_other_dossier(scene: Scene) -> None:
    visit, mayor = scene.visit(), scene.browser("mayor")
    page = f"/visits/{visit}/papers"
    assert mayor.submit(page, _page=page, kind="dossier").status_code == 302
    jobs.run_due(scene.town.app)
    frozen_at = scene.town.run(lambda: api.db.session.get(Visit, visit).freezes_at)
    version = re.search(r'name="version"[^>]*value="(\d+)"', mayor.get(f"/visits/{visit}/edit").text)
    assert frozen_at
    assert version
    later = scene.plan() | {"starts": "18:30", "version": version[1]}
    assert mayor.submit(f"/visits/{visit}/edit", **later).status_code == 302
    found = scene.town.run(lambda: api.db.session.get(Visit, visit))
    assert found.starts_at.minute == 30
    assert found.freezes_at == frozen_at, "it stays, and nothing falls due"


@pytest.mark.parametrize("frozen", [False, True])
def test_nothing_freezes_while_a_visit_is_off_and_the_day_moves_along(scene: Scene, frozen: bool) -> None:
    visit, mayor = scene.visit(), scene.browser("mayor")
    page, passed, days = f"/visits/{visit}", now() - dt.timedelta(hours=1), dt.timedelta(days=40)

    def come() -> None:
        with write() as session:
            session.get(Visit, visit).freezes_at = passed

    def freezes_at() -> Any:
        return scene.town.run(lambda: api.db.session.get(Visit, visit).freezes_at)

    scene.town.run(come)
    if frozen:
        papers_due(scene)
    mayor.submit(f"{page}/turn", _page=page, verb="postpone", reason="Storm.", sure="yes")
    papers_due(scene)
    assert count(scene, visit) == frozen
    later = scene.plan() | {"date": (dt.date.fromisoformat(scene.plan()["date"]) + days).isoformat()}
    assert mayor.submit(f"{page}/reschedule", _page=page, **later).status_code == 302
    moved = freezes_at() - passed
    assert abs(moved - days) <= dt.timedelta(hours=1)  # summer time
    papers_due(scene)
    assert count(scene, visit) == frozen, "the other dossier is for its day"


def papers_due(scene: Scene) -> None:
    with scene.town.app.app_context():
        papers.freeze_due()
        jobs.run_due(scene.town.app)


def count(scene: Scene, visit: int) -> int:
    found = sa.select(sa.func.count(Paper.id)).where(Paper.space_id == visit, Paper.state == "done")
    return int(scene.town.run(lambda: api.db.session.scalar(found)))


def test_what_is_delicate_is_for_the_team_and_for_whom_it_concerns(scene: Scene) -> None:
    visit = scene.visit()
    ident = scene.accepted(visit)
    page = f"/visits/questions/{ident}/delicate"
    agent = scene.browser("agent")
    assert "never about a person" in agent.get(page).text
    text = "A court is to decide on it."
    assert agent.submit(page, text=text, read=read_mark(agent, page)).status_code == 302
    assert "A court is to decide on it." in " ".join(pages(pdf(scene, order(scene, visit))))
    for name in ("resident", "opposition", "agent2"):
        assert scene.browser(name).get(page).status_code in (403, 404)
    exported = scene.town.run(lambda: personal.sensitivities(scene.town.person("resident")))
    assert exported == [{"question": ident, "text": "A court is to decide on it."}]
    assert scene.town.run(lambda: personal.sensitivities(scene.town.person("neighbour"))) == []
    agent.submit(page, text="  ", read=read_mark(agent, page))
    assert scene.town.run(lambda: api.db.session.get(Sensitivity, ident)) is None


@pytest.mark.parametrize("way", ["hide", "erase"])
def test_a_post_that_is_taken_out_leaves_the_dossier_that_found_it(scene: Scene, way: str) -> None:
    visit = scene.visit()
    square = scene.town.space("Square", "admin")
    for name, words in (
        ("neighbour", "Belleroche is loud, says Zibeline"),
        ("agent", "Belleroche has a fair"),
    ):
        scene.town.run(lambda said=words: feed.publish(db.session.get(Space, square), said).id, name)
    scene.town.run(lambda: index.run(seconds=10))
    order(scene, visit, "dossier")
    assert "Zibeline" in held(scene, visit)
    if way == "hide":
        theirs = sa.select(api.Entry.id).where(api.Entry.body.contains("Zibeline"))
        post = scene.town.run(lambda: db.session.scalar(theirs))
        taken(scene.browser("admin"), f"/posts/{post}", "hide", sure="1")
    else:
        scene.town.run(lambda: erase.begin(scene.town.person("neighbour"), words=True))
    after = held(scene, visit)
    assert "Zibeline" not in after
    assert "A post that was taken out since" in after
    assert "Belleroche has a fair" in after


def test_the_foot_of_a_paper_says_the_time_as_its_language_does(scene: Scene) -> None:
    visit = scene.visit()
    scene.accepted(visit)
    said = " ".join(pages(pdf(scene, order(scene, visit))))
    assert re.search(r"as of \d{1,2} \w+ \d{4}, \d\d:\d\d\.", said), said

    def moment() -> str:
        with force_locale("fr"):
            return papers.moment_said(now())

    french = scene.town.run(moment)
    assert re.fullmatch(r"\d{1,2} \w+ \d{4} à \d{1,2} h \d\d", french)


def test_papers_are_for_the_team_alone(scene: Scene) -> None:
    visit = scene.visit()
    scene.accepted(visit)
    paper = order(scene, visit)
    for name in ("resident", "opposition", "agent2", "admin", None):
        browser = scene.browser(name)
        for address in (f"/visits/{visit}/papers", f"/visits/papers/{paper}", f"/visits/papers/{paper}/pdf"):
            assert browser.get(address).status_code in (302, 403, 404), (name, address)


def held(scene: Scene, visit: int) -> str:
    """All that is kept of the papers of a visit, in the database and on their pages, printed anew."""
    scene.town.run(lambda: jobs.run_due(scene.town.app))
    rows = sa.select(Paper).where(Paper.space_id == visit)
    found = []
    for row in scene.town.run(lambda: api.db.session.scalars(rows).all()):
        assert row.state == "done"
        address = f"/visits/papers/{row.id}"
        read = [scene.browser("agent").get(f"{address}{part}").text for part in ("", "?part=rest")]
        found += [str(row.data), " ".join(pages(row.content)), *read]
    return " ".join(found)


def redact(scene: Scene, visit: int, ident: int) -> None:
    told = scene.browser("admin").submit(f"/posts/{ident}/redact", passage="Zibeline", reason="private")
    assert told.status_code == 302, told.text


def moderate(act: str) -> Callable[[Scene, int, int], None]:
    return lambda scene, visit, ident: taken(scene.browser("mayor"), f"/posts/{ident}", act, sure="1")


def review(verb: str, **said: str) -> Callable[[Scene, int, int], None]:
    return lambda scene, visit, ident: decide(scene, visit, [ident], verb, **said)


def withdraw(scene: Scene, visit: int, ident: int) -> None:
    taken(scene.browser("resident"), f"/visits/questions/{ident}", "withdraw")


def erase_all(scene: Scene, visit: int, ident: int) -> None:
    scene.town.run(lambda: erase.begin(scene.town.person("resident"), words=True))


def taken(browser: Any, page: str, act: str, **said: str) -> None:
    told = browser.submit(f"{page}/{act}", _page="/visits/", **said)
    assert told.status_code == 302, told.text


@pytest.mark.parametrize(
    ("take_out", "shown"),
    [
        (redact, ""),
        (moderate("hide"), ""),
        (moderate("remove"), ""),
        (review("reject", reason="Not to the town."), ""),
        (review("divert"), ""),
        (withdraw, ""),
        (erase_all, ""),
        (erase_all, "alias"),
    ],
    ids=["redact", "hide", "remove", "reject", "divert", "withdraw", "erase", "alias"],
)
def test_what_is_taken_out_leaves_the_papers_with_its_date(
    scene: Scene, take_out: Callable[[Scene, int, int], None], shown: str
) -> None:
    visit = scene.visit()
    said = {"title": "Is Zibeline at home?", "body": "I saw Zibeline.", "place": "At Zibeline’s"}
    said |= {"shown": shown} if shown else {}
    ident = scene.accepted(visit, **said)
    other = scene.accepted(visit, title="Where is the bench?", name="neighbour")
    for kind in ("dossier", "briefing"):
        order(scene, visit, kind)
    assert "Zibeline" in held(scene, visit)
    take_out(scene, visit, ident)
    after = held(scene, visit)
    assert "Zibeline" not in after
    assert "Where is the bench?" in after
    dossier = scene.town.run(
        lambda: api.db.session.scalars(sa.select(Paper).where(Paper.kind == "dossier")).one()
    )
    today = scene.town.run(lambda: now().astimezone(api.town_zone()).date().isoformat())
    assert dossier.data["mentions"] == [{"on": today, "question": ident, "what": "question"}]
    mention = "words of a question were taken out."
    assert mention in " ".join(pages(dossier.content))
    assert mention in scene.browser("agent").get(f"/visits/papers/{dossier.id}").text
    assert other


@pytest.mark.parametrize(
    ("take_out", "left"),
    [
        (redact, "Ask […] for the lamp."),
        (moderate("hide"), ""),
        (moderate("remove"), "Ask Zibeline for the lamp."),  # the town's words, which outlive the question
    ],
    ids=["redact", "hide", "remove"],
)
def test_a_promise_that_is_taken_out_leaves_the_papers_of_later_visits(
    scene: Scene, take_out: Callable[[Scene, int, int], None], left: str
) -> None:
    earlier, visit, owner = scene.visit(), scene.visit(), department(scene)
    ident = scene.accepted(earlier, title="Belleroche: is Zibeline at home?", shown="alias")
    kept = scene.accepted(earlier, title="A bench?", name="neighbour")
    for about, text in ((ident, "Ask Zibeline for the lamp."), (kept, "Place the bench.")):
        fields = {"text": text, "department": str(owner), "due_on": "2021-01-01"}
        scene.browser("agent").submit(f"/visits/questions/{about}/promise", **fields)

    def age() -> None:
        with write() as session:
            session.get(Visit, earlier).starts_at = now() - dt.timedelta(days=90)

    scene.town.run(age)
    scene.town.run(lambda: index.run(seconds=10))
    for kind in ("dossier", "briefing"):
        order(scene, visit, kind)
    before = held(scene, visit)
    assert "Ask Zibeline for the lamp." in before
    assert "is Zibeline at home?" in before, "the search finds it for the dossier"
    take_out(scene, earlier, ident)
    after = held(scene, visit)
    assert "is Zibeline at home?" not in after
    assert ("Zibeline" in after) is ("Zibeline" in left)
    assert "Place the bench." in after
    assert ("for the lamp." in after) is bool(left)
    assert left in after
    assert "words of a promise were taken out." in after


@pytest.mark.parametrize("act", ["redact", "hide"])
def test_an_answer_that_is_taken_out_leaves_the_dossier(scene: Scene, act: str) -> None:
    visit = scene.visit()
    scene.answered(visit, "Zibeline mends it on Monday.")
    order(scene, visit, "dossier")
    assert "Zibeline" in held(scene, visit)
    answer = scene.town.run(
        lambda: api.db.session.scalar(sa.select(api.Entry.id).where(api.Entry.kind == "visits.answer"))
    )
    (redact if act == "redact" else moderate("hide"))(scene, visit, answer)
    after = held(scene, visit)
    assert "Zibeline" not in after
    assert ("mends it on Monday." in after) is (act == "redact")
    assert "words of an answer were taken out" in after


def test_words_that_go_while_a_paper_is_printed_are_not_on_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = scene.visit()
    ident = scene.accepted(visit, title="Is Zibeline at home?")
    printing = papers.api.pdf

    def late(*given: Any, **kw: Any) -> Any:
        made = printing(*given, **kw)
        with monkeypatch.context() as patch:
            patch.setattr(papers.api, "pdf", printing)
            with write() as session:
                entry = session.get(api.Entry, ident)
                entry.title = "Is […] at home?"
                taken_out.follow_moderation(entry, "redacted")
        return made

    with monkeypatch.context() as patch:
        patch.setattr(papers.api, "pdf", late)
        scene.browser("agent").submit(f"/visits/{visit}/papers", kind="dossier")
        paper = int(scene.town.run(lambda: api.db.session.scalar(sa.select(sa.func.max(Paper.id)))))
        scene.town.run(lambda: papers.make(paper))
    assert "Zibeline" not in held(scene, visit)


@pytest.mark.parametrize("words", [True, False])
def test_an_erasure_reaches_papers(scene: Scene, words: bool) -> None:
    visit = scene.visit()
    ident = scene.accepted(visit, body="I live at number seven.")
    page = f"/visits/questions/{ident}/delicate"
    agent = scene.browser("agent")
    agent.submit(page, text="A court is to decide.", read=read_mark(agent, page))
    paper = order(scene, visit, "dossier")
    before = " ".join(pages(pdf(scene, paper)))
    assert "number seven" in before
    assert "Mayor" in before

    def forget() -> None:
        with write():
            personal.erase(scene.town.person("resident"), words)
            personal.erase(scene.town.person("mayor"), words=False)

    scene.town.run(forget)
    with scene.town.app.app_context(), as_system("look at what is kept"):
        row = api.db.session.get(Paper, paper)
        assert row is not None
        assert ("number seven" in str(row.data)) is not words
        assert "Mayor" not in str(row.data["people"])
        assert not row.content
    scene.town.run(lambda: jobs.run_due(scene.town.app))
    after = " ".join(pages(pdf(scene, paper)))
    assert ("number seven" in after) is not words
    assert "A court is to decide." in before
    assert "A court is to decide." not in after


@pytest.mark.parametrize(
    ("step", "error"),
    [("gathered", RuntimeError), ("api.pdf", jobs.OutOfTime), ("api.pdf", subprocess.SubprocessError)],
)
def test_a_paper_that_can_not_be_made_says_so_and_is_tried_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, step: str, error: type[BaseException]
) -> None:
    visit = scene.visit()
    scene.accepted(visit)

    def fail(*_given: Any, **_kw: Any) -> Any:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(f"{papers.__name__}.{step}", fail)
        paper = order(scene, visit)
    agent = scene.browser("agent")
    assert "It could not be made" in agent.get(f"/visits/{visit}/papers").text
    assert agent.get(f"/visits/papers/{paper}/pdf").status_code == 404
    scene.town.run(lambda: papers.make(paper))
    assert "lamp in rue du Lavoir" in " ".join(pages(pdf(scene, paper)))


def test_a_paper_is_asked_for_anew_where_one_could_not_be_made(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = scene.visit()
    with monkeypatch.context() as patch:
        patch.setattr(papers, "gathered", lambda *_given: 1 / 0)
        failed = order(scene, visit, "dossier")
    again = order(scene, visit, "dossier")
    assert again != failed
    assert scene.browser("agent").get(f"/visits/papers/{again}/pdf").status_code == 200


def test_words_of_residents_are_printed_as_they_are(scene: Scene) -> None:
    visit = scene.visit()
    said = ('#read("/etc/passwd") $x$ *fat*', '#import "@preview/x:1.0.0": * = No heading 😀')
    scene.accepted(visit, title=said[0], body=said[1])
    for kind in ("briefing", "sheets"):
        text = " ".join(pages(pdf(scene, order(scene, visit, kind))))
        assert said[0] in text
        assert "root:" not in text
    assert said[1].replace("😀", "□") in " ".join(pages(pdf(scene, order(scene, visit))))
