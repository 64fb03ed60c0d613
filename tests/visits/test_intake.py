"""A file of questions is taken in on pages: given, its columns said, looked at, and done by the worker."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import jobs
from core.db import db
from core.models import Entry, Notice
from plugins.neighbourhood_visits import teams
from plugins.neighbourhood_visits.intake import imports
from plugins.neighbourhood_visits.intake import pages as intake
from plugins.neighbourhood_visits.models import Casework, Department, Import, Question, Visit

from .test_import import FILE, LINES, count
from .test_import import take_in as read_table
from .test_plugin import change

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from .conftest import Scene

DAY = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=40)).isoformat()
OTHER = "Quoi;Où;Code\nLe banc ?;rue Haute;Centre\n;rue Basse;Centre\n"


def give(scene: Scene, text: str, name: str = "admin", day: str = DAY, **said: str) -> TestResponse:
    """Give a file as the page does."""
    file = (io.BytesIO(text.encode("cp1252")), "questions.csv")
    return scene.browser(name).submit("/visits/import", file=file, day=day, **said)


def page_of(answer: TestResponse) -> str:
    assert answer.status_code == 302, answer.text
    return answer.location


def kept(scene: Scene) -> Any:
    return scene.town.run(lambda: db.session.query(Import).order_by(Import.id.desc()).first())


def test_from_the_file_to_the_questions(scene: Scene) -> None:
    page, admin = page_of(give(scene, LINES)), scene.browser("admin")
    shown = admin.get(page).text
    assert "Où est le banc ?" in shown
    assert "Take in 1 question" in shown
    assert count(scene, Question) == 0, "looking takes nothing in"
    columns = {"title": "1", "visit": "3", "place": "2", "department": "4", "key": "0"}
    assert admin.submit(page, take="yes", came="paper", **columns).status_code == 302
    assert "are being taken in" in admin.get(page).text
    again = admin.submit(page, "/visits/", take="yes", came="paper", **columns)
    assert again.status_code == 422, "it is taken in once"
    asked = kept(scene).columns
    assert admin.submit(page, "/visits/", title="2").status_code == 422
    assert kept(scene).columns == asked, "and as it was when it was asked for"
    jobs.run_due(scene.town.app)
    shown = admin.get(page).text
    assert "1 taken in, 0 already there, 0 flagged." in shown
    [visit] = scene.town.run(lambda: list(db.session.scalars(sa.select(Visit.space_id))))
    link = f'href="/visits/{visit}"'
    assert link in shown.partition('id="intake"')[2]
    assert (count(scene, Question), count(scene, Visit), count(scene, Department)) == (1, 1, 1)
    assert kept(scene).content == b"", "the file is not kept"
    second = page_of(give(scene, LINES))
    again = admin.get(second).text
    assert "1 question of the file is there already" in again
    assert 'name="take"' not in again, "nothing is left to take in"
    admin.submit(second, take="yes", came="paper", **columns)
    jobs.run_due(scene.town.app)
    shown = admin.get(second).text
    assert "0 taken in, 1 already there, 0 flagged." in shown
    assert link in shown.partition('id="intake"')[2]


@pytest.mark.slow
def test_the_page_takes_the_file_of_paris_as_it_is(scene: Scene) -> None:
    admin = scene.browser("admin")
    for counts in ("1341 taken in, 0 already there", "0 taken in, 1341 already there"):
        file = (io.BytesIO(FILE.read_bytes()), FILE.name)
        page = page_of(admin.submit("/visits/import", file=file, day=DAY))
        shown = admin.get(page).text
        assert ("Take in 1341 questions" in shown) == ("1341 questions of the file are" not in shown)
        assert "47 questions lack a title, an address or a known way" in shown
        assert admin.submit(page, take="yes", came="web").status_code == 302
        scene.town.run(lambda: intake.run(kept(scene).id))  # and not what suggestions learn of it
        assert f"{counts}, 47 flagged." in admin.get(page).text
    assert (count(scene, Question), count(scene, Visit), count(scene, Department)) == (1341, 21, 19)


def test_the_page_says_how_far_it_is(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    page, admin = page_of(give(scene, LINES)), scene.browser("admin")
    admin.submit(page, take="yes", came="web")
    assert '<progress value="0" max="100" aria-label="Being taken in">' in admin.get(page).text

    def fail(*_said: Any) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(imports, "_ask", fail)
        jobs.run_due(scene.town.app)
    shown = admin.get(page).text
    assert '<progress value="50" max="100" aria-label="Being taken in">' in shown
    assert "1 question read" in shown
    assert count(scene, Question) == count(scene, Visit) == 0, "all or nothing"
    scene.town.run(lambda: intake.run(kept(scene).id))
    shown = admin.get(page).text
    assert "1 taken in, 0 already there, 0 flagged." in shown
    assert "<progress" not in shown


def test_everybody_reads_who_is_said_to_have_asked_and_never_the_name_of_the_file(scene: Scene) -> None:
    admin = scene.browser("admin")
    assert 'value="Question received before the visit"' in admin.get("/visits/import").text
    for said, shown in (
        ({}, "Question received before the visit"),
        ({"byline": "Budget 2026"}, "Budget 2026"),
    ):
        text = LINES.replace("A1", f"A{shown}")
        page = page_of(give(scene, text, **said))
        admin.submit(page, take="yes", came="web")
        jobs.run_due(scene.town.app)
        newest = sa.select(Entry.byline).order_by(Entry.id.desc()).limit(1)
        assert scene.town.run(lambda newest=newest: db.session.scalar(newest)) == shown


def test_what_will_be_made_is_named_before_anything_is_made(scene: Scene) -> None:
    text = "Titre;Adresse;Quartier;Service;Canal;Reçu le\n"
    text += "Le banc ?;rue Haute;Nord;Voirie;Pigeon;12/03/2026\nLa lampe ?;rue Basse;Sud;Parcs;courrier;\n"
    page, admin = page_of(give(scene, text)), scene.browser("admin")
    shown = admin.get(page).text
    preview, _form, menus = shown.partition("What the columns hold")
    for named in (
        "New visits (2)",
        "Nord · Sud",
        "New departments (2)",
        "Voirie · Parcs",
        "Pigeon",
        "12/03/2026",
    ):
        assert named in preview, named
    assert "1 question lacks a title, an address or a known way" in preview
    assert re.search(r"<details>\s*<summary[^>]*>What the columns hold", shown), "folded where all is clear"
    assert 'value="5" selected' in menus.partition('id="asked_on"')[2].partition("</select>")[0]
    assert (count(scene, Visit), count(scene, Department)) == (0, 0)
    admin.submit(page, take="yes", came="web")
    jobs.run_due(scene.town.app)
    kinds = sa.select(Entry.channel, Casework.flags).join(Casework, Casework.entry_id == Entry.id)
    found = scene.town.run(lambda: db.session.execute(kinds.order_by(Entry.id)).all())
    assert [tuple(one) for one in found] == [("web", "channel"), ("paper", "")]
    known = admin.get(page_of(give(scene, text.replace("Sud", "Est")))).text
    assert "New visits (1)" in known
    assert "New departments" not in known, "none is new"
    wrong = admin.get(page_of(give(scene, text + "Trop court\n"))).text
    assert wrong.index("1 line is wrong") < wrong.index("What the columns hold")
    assert "<details open>" in wrong


def test_nobody_is_told_of_each_question_that_a_file_brings(scene: Scene) -> None:
    page, admin = page_of(give(scene, OTHER)), scene.browser("admin")
    admin.submit(page, take="yes", came="web", title="0", place="1", visit="2")
    jobs.run_due(scene.town.app)
    jobs.run_due(scene.town.app)
    assert count(scene, Question) == 2
    assert count(scene, Notice) == 0
    visit = scene.town.run(
        lambda: db.session.scalars(sa.select(Visit.space_id).where(Visit.code == "Centre")).one()
    )
    assert "To read" in admin.get(f"/visits/{visit}/review").text
    scene.question(scene.visit())
    jobs.run_due(scene.town.app)
    assert count(scene, Notice) > 0, "of what residents ask their team is told"


def test_how_questions_came_is_said_and_never_made_up(scene: Scene) -> None:
    page, admin = page_of(give(scene, LINES)), scene.browser("admin")
    columns = {"title": "1", "visit": "3", "place": "2", "key": "0"}
    assert "How it came: 1 question does not tell" in admin.get(page).text
    for came in ("", "pigeon"):
        told = admin.submit(page, take="yes", came=came, **columns)
        assert told.status_code == 422
        assert "Say how the questions came" in told.text
        assert 'name="came"' in told.text, "it is said on the same page"
        assert "Take in 1 question" in told.text
    assert admin.submit(page, take="yes", came="stall", **columns).status_code == 302
    jobs.run_due(scene.town.app)
    found = sa.select(Entry.channel).where(Entry.kind == "visits.question")
    assert scene.town.run(lambda: db.session.scalars(found).all()) == ["stall"]


def test_columns_are_chosen_and_remembered(scene: Scene) -> None:
    page, admin = page_of(give(scene, OTHER)), scene.browser("admin")
    assert "No column is chosen for: Question · Visit, district or neighbourhood" in admin.get(page).text
    assert admin.submit(page, look="yes", title="0", place="1", visit="2", theme="99").status_code == 302
    shown = admin.get(page).text
    assert "Take in 2 questions" in shown
    assert "1 question lacks a title, an address" in shown
    remembered = admin.get(page_of(give(scene, OTHER))).text
    assert "Take in 2 questions" in remembered


def test_what_was_chosen_last_is_remembered_though_a_later_file_was_not_looked_at(scene: Scene) -> None:
    first, _second = page_of(give(scene, OTHER)), page_of(give(scene, OTHER))
    admin = scene.browser("admin")
    admin.submit(first, look="yes", title="0", place="1", visit="2")
    assert "Take in 2 questions" in admin.get(page_of(give(scene, OTHER))).text


def test_wrong_lines_are_told_and_nothing_is_taken_in(scene: Scene) -> None:
    page, admin = page_of(give(scene, LINES + "A2;Trop court\n")), scene.browser("admin")
    shown = admin.get(page).text
    assert "1 line is wrong" in shown
    assert "Line 3:" in shown
    assert "Take in" not in shown.partition('id="intake"')[2]
    refused = admin.submit(page, take="yes", came="paper", title="1", visit="3")
    assert refused.status_code == 422
    jobs.run_due(scene.town.app)
    assert count(scene, Question) == 0


def test_what_is_no_table_or_has_no_day_is_refused(scene: Scene) -> None:
    for text, day in (("", DAY), (LINES, ""), (LINES, "2020-01-01"), (LINES, "9999-01-01")):
        assert give(scene, text, day=day).status_code == 422, (text, day)
    nothing = scene.browser("admin").submit("/visits/import", day=DAY)
    assert "Choose a file." in nothing.text
    assert count(scene, Import) == 0


def test_a_file_is_its_givers_alone(scene: Scene) -> None:
    page = page_of(give(scene, LINES))
    scene.town.person("another", "administrator")
    assert scene.browser("another").get(page).status_code == 404
    for name in (None, "resident", "mayor", "opposition", "agent"):
        status = scene.browser(name).get("/visits/import").status_code
        assert status in (302, 403), (name, "agents of a commune have no right over the whole town")
        assert scene.browser(name).get(page).status_code in (302, 403), name


def upload(text: str = LINES) -> tuple[io.BytesIO, str]:
    """What a file is in a form of a test."""
    return io.BytesIO(text.encode("cp1252")), "questions.csv"


def test_a_text_for_a_file_or_a_file_for_a_text_gets_its_message_and_keeps_what_was_typed(
    scene: Scene,
) -> None:
    admin = scene.browser("admin")
    words = admin.submit("/visits/import", file=LINES, day=DAY)
    assert words.status_code == 422
    assert "Choose a file." in words.text
    assert f'value="{DAY}"' in words.text
    for day in (upload("x"), upload(DAY)):
        turned = admin.submit("/visits/import", file=upload(), day=day)
        assert turned.status_code == 422
        assert "Give the day of the visits." in turned.text
    both = {"csrf_token": admin.token, "file": [LINES, upload()], "day": [upload("x"), DAY]}
    assert page_of(admin.client.post("/visits/import", data=both))
    assert count(scene, Import) == 1


def test_columns_that_no_list_of_choices_sends_change_nothing_of_what_was_chosen(scene: Scene) -> None:
    page, admin = page_of(give(scene, LINES)), scene.browser("admin")
    chosen = kept(scene).columns
    assert chosen["title"] == 1
    answers = [admin.submit(page, title=said) for said in (upload("1"), "9" * 5000, "x", "²")]
    assert {answer.status_code for answer in answers} == {302}
    assert kept(scene).columns == chosen


def brought(scene: Scene) -> int:
    """The visit that a file brought for the neighbourhood Centre."""
    found = sa.select(Visit.space_id).where(Visit.code == "Centre")
    return scene.town.run(lambda: db.session.scalars(found).one())  # type: ignore[no-any-return]


def test_a_file_opens_nobody_the_visit_of_others(scene: Scene) -> None:
    scene.town.person("another", "administrator")
    admin, another = scene.browser("admin"), scene.browser("another")
    admin.submit(page_of(give(scene, LINES)), take="yes", came="paper")
    jobs.run_due(scene.town.app)
    visit = brought(scene)
    known = page_of(give(scene, LINES, "another"))
    another.submit(known, take="yes", came="paper")
    jobs.run_due(scene.town.app)
    assert "0 taken in, 1 already there" in another.get(known).text
    page = page_of(give(scene, LINES.replace("A1", "A2"), "another"))
    shown = another.get(page).text
    assert "Line 2: you are not on the team of the visit Centre: ask it to add you" in shown
    assert another.submit(page, "/visits/", take="yes", came="paper").status_code == 422
    for path in ("", "/review", "/callers"):
        assert another.get(f"/visits/{visit}{path}").status_code == 404, path
    assert scene.town.run(lambda: teams.who_coordinates(visit)) == {scene.town.person("admin")}
    assert count(scene, Question) == 1


def test_a_file_opens_nobody_a_visit_that_has_no_team_yet(scene: Scene) -> None:
    read_table(scene, LINES.encode())
    visit, admin = brought(scene), scene.browser("admin")
    page = page_of(give(scene, LINES + "N1;Où est la lampe ?;rue Basse;Nord;Voirie\n"))
    admin.submit(page, take="yes", came="paper")
    jobs.run_due(scene.town.app)
    assert "1 taken in, 1 already there" in admin.get(page).text
    assert scene.town.run(lambda: teams.who_coordinates(visit)) == set()
    assert admin.get(f"/visits/{visit}/review").status_code == 404


@pytest.mark.parametrize("state", ["postponed", "cancelled", "reporting", "published", "archived"])
def test_a_visit_that_takes_no_questions_takes_none_from_a_file(scene: Scene, state: str) -> None:
    admin = scene.browser("admin")
    admin.submit(page_of(give(scene, LINES)), take="yes", came="paper")
    jobs.run_due(scene.town.app)
    more = LINES + "A2;Et la fontaine ?;;Centre;\n"
    page = page_of(give(scene, more))
    admin.submit(page, take="yes", came="paper")
    change(scene, Visit, brought(scene), state=state)  # while the file waits to be taken in
    jobs.run_due(scene.town.app)
    assert "Nothing was taken in" in admin.get(page).text
    shown = admin.get(page_of(give(scene, more))).text
    assert "Line 3: the visit Centre takes no questions now" in shown
    assert "Line 2:" not in shown, "what is there already is left as it is"
    assert count(scene, Question) == 1


NAMED = "Titre;Visite\nUn banc ?;visite des tanneries\n"


def clerks_visit(scene: Scene, name: str = "Visit of the Tanneries") -> int:
    """A visit of a team with an agent of the whole town, as another of them is not."""
    clerk, _other = (scene.town.person(name, "agent") for name in ("clerk", "clerk2"))
    return scene.visit(name=name, agents=[str(clerk)])


def took(scene: Scene, page: str, name: str = "clerk") -> str:
    """What the page says once the worker has taken a file in."""
    assert scene.browser(name).submit(page, take="yes", came="paper").status_code == 302
    jobs.run_due(scene.town.app)
    return scene.browser(name).get(page).text


def test_a_row_names_a_visit_that_was_prepared_on_the_page(scene: Scene) -> None:
    visit = clerks_visit(scene, "Visite des Tanneries")
    page = page_of(give(scene, NAMED, "clerk"))
    assert "New visits" not in scene.browser("clerk").get(page).text
    assert f'href="/visits/{visit}"' in took(scene, page).partition('id="intake"')[2]
    assert count(scene, Visit) == 1
    assert "Un banc ?" in scene.browser("clerk").get(f"/visits/{visit}/review?queue=unread").text


def test_a_name_is_that_of_ones_own_visits_alone(scene: Scene) -> None:
    visit = clerks_visit(scene, "Visite des Tanneries")
    page = page_of(give(scene, NAMED, "clerk2"))
    assert "New visits (1)" in scene.browser("clerk2").get(page).text, "as of any name that is not there"
    took(scene, page, "clerk2")
    assert count(scene, Visit) == 2
    assert "Un banc ?" not in scene.browser("clerk").get(f"/visits/{visit}/review?queue=unread").text


def test_of_visits_of_one_name_that_which_takes_questions_is_meant_and_of_two_neither(scene: Scene) -> None:
    past, coming = (clerks_visit(scene, "Visite des Tanneries") for _number in range(2))
    clerk = scene.browser("clerk")
    page = page_of(give(scene, NAMED, "clerk"))
    assert "Line 2: several visits are called visite des tanneries" in clerk.get(page).text
    change(scene, Visit, past, state="archived")
    took(scene, page)
    assert "Un banc ?" in clerk.get(f"/visits/{coming}/review?queue=unread").text
    wrong = page_of(give(scene, NAMED.replace("visite des tanneries", "x" * 41), "clerk"))
    assert f"Line 2: no visit is called {'x' * 41}" in clerk.get(wrong).text


def test_a_file_that_names_no_visit_goes_into_the_one_whose_page_led_to_it(scene: Scene) -> None:
    visit, clerk = clerks_visit(scene), scene.browser("clerk")
    where = f"/visits/import?into={visit}"
    assert f'href="{where}"' in clerk.get(f"/visits/{visit}").text
    usual = scene.visit()
    shown = scene.browser("agent").get(f"/visits/{usual}").text
    assert "Change the visit" in shown
    assert "/visits/import?into=" not in shown, "who may not take in files"
    for text, lines in (
        ("Titre\nUn banc ?\n\nx;y\n", [4]),
        ('Titre;Texte\n"Un\narbre ?";Haut\n\nUne haie ?;\n', []),
    ):
        file = (io.BytesIO(text.encode()), "questions.csv")
        page = page_of(clerk.submit(where, file=file))
        shown = clerk.get(page).text
        assert [int(line) for line in re.findall(r"Line (\d+):", shown)] == lines
    assert ">All rows into this visit</option>" in shown
    assert "New visits" not in shown
    took(scene, page)
    shown = clerk.get(f"/visits/{visit}/review?queue=unread").text
    assert "Une haie ?" in shown
    file = (io.BytesIO(b"Titre;Quartier\nUn mur ?;Nord\n"), "questions.csv")
    assert "New visits (1)" in clerk.get(page_of(clerk.submit(where, file=file))).text, "it says another"
    file = (io.BytesIO(b"Titre\nUn mur ?\n"), "questions.csv")
    assert scene.browser("clerk2").get(where).status_code in (403, 404)
    assert scene.browser("clerk2").submit(where, "/visits/import", file=file).status_code in (403, 404)
    change(scene, Visit, visit, state="published")
    assert where not in clerk.get(f"/visits/{visit}").text, "it takes none any more"
