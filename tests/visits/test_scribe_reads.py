"""A scribe takes notes and writes questions down; what only the team may read is closed to them."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from PIL import Image

from core import access, jobs, live, registry
from core.db import db, write
from core.models import Entry, Membership, Space
from core.spaces.actions import set_members
from core.testing import PASSWORD
from plugins.neighbourhood_visits.collect import codes
from plugins.neighbourhood_visits.plan.models import Paper

from .test_collect_record import recorded
from .test_field import send, stand
from .test_triage import decide

if TYPE_CHECKING:
    from core.testing import Browser

    from .conftest import Scene

SECRET = "Zibeline owes rent"


@pytest.fixture
def visit(scene: Scene) -> int:
    """A visit with a scribe."""
    found = scene.visit()
    person = scene.town.person("scribe", "agent")

    def act() -> None:
        with write() as session:
            set_members(session.get(Space, found), "test", {person: "scribe"})

    scene.town.run(act)
    return found


def texts(browser: Browser, visit: int, question: int) -> dict[str, str]:
    """What somebody gets at every address that could show a question."""
    urls = (
        f"/posts/{question}",
        f"/posts/{question}/history",
        f"/posts/cards?ids={question}",
        f"/posts/cards?space={visit}",
        f"/posts/{question}/cards",
        f"/visits/questions/{question}",
        f"/visits/questions/{question}/slip",
        f"/visits/questions/{question}/petition",
        f"/visits/{visit}",
        f"/visits/{visit}/review?queue=rejected",
        f"/visits/{visit}/review?queue=unread",
        f"/visits/{visit}/field",
        f"/visits/{visit}/field/notes",
        f"/visits/{visit}/minutes",
        f"/visits/{visit}/record?done={question}",
        f"/visits/{visit}/papers",
        f"/visits/{visit}/route",
        f"/visits/{visit}/themes",
        f"/visits/{visit}/data.json",
        f"/visits/{visit}/questions.csv",
        "/visits/next",
        "/visits/department",
        "/search?q=Zibeline",
        "/search/suggest?q=Zibeline",
        f"/spaces/{visit}",
        f"/spaces/{visit}/feed.atom",
        "/feed.atom",
        "/",
        "/notices",
        "/moderation",
        f"/spaces/{visit}/moderation",
    )
    return {url: browser.get(url).text for url in urls}


def told_live(scene: Scene, visit: int, name: str) -> set[str]:
    """The topics of a visit of which somebody's open pages are told."""
    person = scene.town.person(name)

    def ask() -> set[str]:
        with access.as_viewer(access.Viewer(kinds=registry.current().kinds())):
            return {topic for topic, _who in live._audience({visit}, {person})}

    return scene.town.run(ask)  # type: ignore[no-any-return]


def archive(scene: Scene, name: str) -> list[bytes]:
    """What the copy of somebody's data holds."""
    browser = scene.browser(name)
    assert browser.submit("/me/data", current=PASSWORD).status_code == 302
    jobs.run_due(scene.town.app)
    found = re.search(r'href="(/me/data/[^"]+\.zip)"', browser.get("/me/data").text)
    assert found
    made = zipfile.ZipFile(io.BytesIO(browser.get(found[1], buffered=True).data))
    return [made.read(member) for member in made.namelist()]


def test_what_is_not_accepted_is_closed_to_a_scribe_at_every_address(scene: Scene, visit: int) -> None:
    private = scene.question(visit, title=f"{SECRET} since May", body=SECRET)
    unread = scene.question(visit, title=f"{SECRET} again", body=SECRET, name="neighbour")
    decide(scene, visit, [private], "divert")
    jobs.run_due(scene.town.app)
    assert told_live(scene, visit, "scribe") == {f"space/{visit}"}
    assert told_live(scene, visit, "agent") == {f"space/{visit}", f"space/{visit}/team"}
    for text in archive(scene, "scribe"):
        assert SECRET.encode() not in text
    for ident in (private, unread):
        assert SECRET in scene.browser("agent").get(f"/posts/{ident}").text, "the team reads it"
        for url, text in texts(scene.browser("scribe"), visit, ident).items():
            assert SECRET not in text, url
        for url in (f"/posts/{ident}", f"/visits/questions/{ident}/petition"):
            assert scene.browser("scribe").get(url).status_code == 404, url


def test_pictures_of_a_private_case_are_closed_to_a_scribe(scene: Scene, visit: int) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")
    photo = (io.BytesIO(picture.getvalue()), "letter.png")
    private = scene.question(visit, title="My flat", photo1=photo, alt1="The letter")
    decide(scene, visit, [private], "divert")
    shown = scene.browser("agent").get(f"/posts/{private}").text
    files = set(re.findall(r'/files/\d+/[^"?\s]+', shown))
    for url in files:
        assert scene.browser("agent").get(url).status_code == 200
        assert scene.browser("scribe").get(url).status_code == 404, url


def test_who_wrote_a_question_down_reads_it_until_it_is_a_private_case(scene: Scene, visit: int) -> None:
    own = recorded(scene, visit, by="scribe", words=f"{SECRET}.")
    scribe = scene.browser("scribe")
    assert SECRET in scribe.get(f"/visits/{visit}/record?done={own}").text
    assert SECRET in scribe.get(f"/posts/{own}").text
    assert scribe.get(f"/visits/questions/{own}/petition").status_code == 200
    decide(scene, visit, [own], "divert")
    assert scribe.get(f"/posts/{own}").status_code == 404
    assert SECRET not in scribe.get(f"/visits/{visit}/record?done={own}").text
    assert scene.town.run(lambda: codes.code_of(own))
    accepted = recorded(scene, visit, by="scribe", words="A bench?")
    decide(scene, visit, [accepted], "accept")
    assert "A bench?" in scene.browser().get(f"/posts/{accepted}").text


def test_a_scribe_reads_the_others_notes_of_public_questions(scene: Scene, visit: int) -> None:
    lamp, private = scene.accepted(visit), scene.question(visit, title=SECRET)
    send(scene, visit, key="a", question=lamp, text="Thirty people.")
    send(scene, visit, "agent", key="b", question=lamp, text="The mayor came.")
    send(scene, visit, "agent", key="c", asked=SECRET)
    decide(scene, visit, [private], "divert")
    shown = scene.browser("scribe").get(f"/visits/{visit}/field/notes").text
    assert "Thirty people." in shown
    assert "The mayor came." in shown
    assert SECRET not in shown


def test_a_scribe_reads_their_own_notes_of_new_questions(scene: Scene, visit: int) -> None:
    send(scene, visit, key="a", asked="Who sweeps the stairs?")
    send(scene, visit, "agent", key="b", asked=SECRET)
    shown = scene.browser("scribe").get(f"/visits/{visit}/field/notes").text
    assert "Who sweeps the stairs?" in shown
    assert shown.count("A question that the team reads first") == 1
    assert SECRET not in shown
    found = re.search(r'href="(/posts/\d+)">Who sweeps', shown)
    assert found
    assert scene.browser("scribe").get(found[1]).status_code == 200
    decide(scene, visit, [int(found[1].rpartition("/")[2])], "divert")
    assert "Who sweeps" not in scene.browser("scribe").get(f"/visits/{visit}/field/notes").text


def test_a_scribe_finds_their_next_visit_on_the_home_page(scene: Scene, visit: int) -> None:
    assert "You take the notes" not in scene.browser("agent").get("/").text
    for state, page in (("collecting", "field"), ("reporting", "minutes"), ("published", "")):
        stand(scene, visit, state)
        shown = scene.browser("scribe").get("/").text.partition("You take the notes")[2]
        assert (f"/visits/{visit}/{page}" in shown) == bool(page), state


def test_what_a_scribe_does_next_comes_before_a_visit_that_is_over(scene: Scene, visit: int) -> None:
    stand(scene, visit, "reporting", days=-25)
    following = scene.visit(name="Visit of the Mills")
    person = scene.town.person("scribe")

    def act() -> None:
        with write() as session:
            set_members(session.get(Space, following), "test", {person: "scribe"})

    scene.town.run(act)
    shown = scene.browser("scribe").get("/").text.partition("You take the notes")[2]
    assert f"/visits/{following}/field" in shown
    stand(scene, following, "published")
    shown = scene.browser("scribe").get("/").text.partition("You take the notes")[2]
    assert f"/visits/{visit}/minutes" in shown


def test_a_scribe_prints_the_field_sheets_alone(scene: Scene, visit: int) -> None:
    lamp = scene.accepted(visit)
    scribe, page = scene.browser("scribe"), f"/visits/{visit}/papers"
    shown = scribe.get(page).text
    assert "Make field sheets" in shown
    for text in ("Make a briefing", "dossier", "reeze"):
        assert text not in shown
    for kind in ("briefing", "dossier"):
        assert scribe.submit(page, _page="/visits/", kind=kind).status_code == 403
        scene.browser("agent").submit(page, _page=page, kind=kind)
    assert scribe.submit(page, _page=page, kind="sheets").status_code == 302
    for name in ("resident", "opposition", "agent2"):
        assert scene.browser(name).get(page).status_code == 403
        assert scene.browser(name).submit(page, _page="/visits/", kind="sheets").status_code == 403
    jobs.run_due(scene.town.app)
    papers = {
        paper.kind: paper.id for paper in scene.town.run(lambda: db.session.scalars(sa.select(Paper)).all())
    }
    for kind, ident in papers.items():
        own = kind == "sheets"
        assert (f"/visits/papers/{ident}/pdf" in scribe.get(page).text) == own
        assert scribe.get(f"/visits/papers/{ident}/pdf").status_code == (200 if own else 404), kind
        assert scribe.get(f"/visits/papers/{ident}").status_code == 404, kind
        assert scene.browser("resident").get(f"/visits/papers/{ident}/pdf").status_code == 404
    decide(scene, visit, [lamp], "divert")
    assert scribe.get(f"/visits/papers/{papers['sheets']}/pdf").status_code == 404, "it is printed anew"


def test_a_scribe_sees_what_they_wrote_down_in_the_field(scene: Scene, visit: int) -> None:
    send(scene, visit, key="a", asked="Is there a bench?")
    send(scene, visit, "agent", key="b", asked=SECRET)
    shown = scene.browser("scribe").get(f"/visits/{visit}/field").text.partition("Your notes")[2]
    assert "Is there a bench?" in shown
    assert SECRET not in shown
    found = scene.town.run(
        lambda: db.session.scalars(sa.select(Entry.id).where(Entry.title == "Is there a bench?")).one()
    )
    decide(scene, visit, [found], "divert")
    assert "Is there a bench?" not in scene.browser("scribe").get(f"/visits/{visit}/field").text


def change_team(scene: Scene, visit: int, **team: list[str]) -> None:
    """Let the mayor name the team of a visit anew."""
    page = f"/visits/{visit}/edit"
    version = re.search(r'name="version"[^>]*value="(\d+)"', scene.browser("mayor").get(page).text)
    assert version
    changed = scene.browser("mayor").submit(page, **scene.plan() | team, version=version[1])
    assert changed.status_code == 302, changed.text


def noted(scene: Scene, visit: int, name: str) -> list[int]:
    """The question and the photo that somebody notes in the field."""
    last = scene.town.run(lambda: db.session.scalar(sa.select(sa.func.max(Entry.id)))) or 0
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")
    picture.seek(0)
    send(scene, visit, name, key="a", asked=SECRET, photo=(picture, "lamp.png"))
    made = scene.town.run(lambda: db.session.scalars(sa.select(Entry.id).where(Entry.id > last)).all())
    assert len(made) == 2, "a question and a photo"
    return list(made)


def read(scene: Scene, name: str, entries: list[int]) -> list[int]:
    """Which of these somebody reads, at their own address and in their pictures."""
    found = []
    for entry in entries:
        files = set(re.findall(r"/files/\d+/[^\"?\s]+", scene.browser("mayor").get(f"/posts/{entry}").text))
        answers = {scene.browser(name).get(url).status_code for url in (f"/posts/{entry}", *files)}
        assert answers <= {200} or answers <= {403, 404}, (name, entry, answers)
        found += [entry] if answers == {200} else []
    return found


def test_who_leaves_a_visit_reads_no_longer_what_they_wrote_down(scene: Scene) -> None:
    scribe, agent = str(scene.town.person("scribe", "agent")), str(scene.town.person("agent"))
    colleague = str(scene.town.person("colleague"))
    visit = scene.visit(agents=[agent, colleague], scribes=[scribe])
    own = {name: [recorded(scene, visit, name, words=SECRET)] for name in ("scribe", "colleague")}
    stand(scene, visit, "in_progress")
    for name, entries in own.items():
        entries += noted(scene, visit, name)
        assert read(scene, name, entries) == entries
    change_team(scene, visit)
    for name, entries in own.items():
        assert read(scene, name, entries) == []
        assert read(scene, "agent", entries) == entries, "the team reads on"


def test_an_agent_taken_off_the_team_some_other_way_reads_nothing_they_noted(scene: Scene) -> None:
    visit = scene.visit()
    stand(scene, visit, "in_progress")
    own = noted(scene, visit, "agent")
    assert read(scene, "agent", own) == own

    def end() -> None:
        with write() as session:
            session.execute(sa.delete(Membership).where(Membership.user_id == scene.town.person("agent")))

    scene.town.run(end)
    assert read(scene, "agent", own) == []


def test_a_scribe_who_is_named_again_reads_what_they_wrote_down_themselves(scene: Scene) -> None:
    scribe, second = str(scene.town.person("scribe", "agent")), str(scene.town.person("second", "agent"))
    colleague = str(scene.town.person("colleague"))
    visit = scene.visit(scribes=[scribe, second], agents=[colleague])
    other = scene.question(visit, title=SECRET)
    of_second = recorded(scene, visit, "second", words=SECRET)
    own = [recorded(scene, visit, "scribe", words=f"{SECRET} {one}") for one in range(3)]
    of_agent = recorded(scene, visit, "colleague", words="A bench?")
    stand(scene, visit, "in_progress")
    own += noted(scene, visit, "scribe")
    change_team(scene, visit, scribes=[second])
    assert read(scene, "scribe", own) == []
    diverted, accepted, *waiting = own
    decide(scene, visit, [diverted], "divert")
    decide(scene, visit, [accepted], "accept")
    change_team(scene, visit, scribes=[scribe, second, colleague], agents=[])
    assert read(scene, "scribe", [*own, other, of_second, of_agent]) == [accepted, *waiting]
    assert read(scene, "second", [*waiting, of_second]) == [of_second]
    assert read(scene, "colleague", [*waiting, of_agent]) == [of_agent], "who was on the team, and notes now"
    assert scene.browser().get(f"/posts/{accepted}").status_code == 200, "it stays public"


def test_who_is_on_the_team_reads_what_they_wrote_down_by_being_there(scene: Scene) -> None:
    visit = scene.visit()
    question = recorded(scene, visit, words=SECRET)
    assert scene.browser("agent").get(f"/posts/{question}").status_code == 200

    def end() -> None:
        with write() as session:
            session.execute(sa.delete(Membership).where(Membership.user_id == scene.town.person("agent")))

    scene.town.run(end)
    assert scene.browser("agent").get(f"/posts/{question}").status_code == 404
