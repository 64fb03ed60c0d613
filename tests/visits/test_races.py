"""Two people on one thing: one clear winner, the other told, nothing lost."""

from __future__ import annotations

import datetime as dt
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import jobs
from core.db import db, write
from core.feed.actions import support
from core.models import Entry, JobRow, Space, Support
from plugins.neighbourhood_visits import actions
from plugins.neighbourhood_visits.assigned import overdue
from plugins.neighbourhood_visits.intake import pages as intake
from plugins.neighbourhood_visits.intake import tables
from plugins.neighbourhood_visits.models import Answer, Casework, Visit
from plugins.neighbourhood_visits.plan.models import Paper, Stop
from portal.privacy import erase

from .conftest import read_mark, today
from .test_assigned import assigned, department, link_of
from .test_intake import give, page_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.test import TestResponse

    from core.testing import Browser

    from .conftest import Scene

pytestmark = pytest.mark.engines

ROUNDS = 5


def at_once(tries: list[tuple[Browser, str, dict[str, Any]]]) -> list[TestResponse]:
    """Post forms at the same moment, each from a browser and a thread of its own."""
    return together(*(partial(browser.client.post, url, data=fields) for browser, url, fields in tries))


def together(*acts: Callable[[], Any]) -> list[Any]:
    """What these answer, done at the same moment, each in a thread of its own."""
    ready = threading.Barrier(len(acts))

    def do(act: Callable[[], Any]) -> Any:
        ready.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(do, acts))


def token(browser: Browser, page: str) -> dict[str, str]:
    """The hidden fields of the answer's form, as the page shows them."""
    shown = browser.get(page).text
    names = ("csrf_token", "version")
    return {name: re.search(rf'name="{name}"[^>]*value="([^"]*)"', shown)[1] for name in names}  # type: ignore[index]


def answers(scene: Scene, question: int) -> list[Any]:
    """The answers to a question with their texts."""
    rows = sa.select(Casework.answer, Entry.body).join(Answer, Answer.question_id == Casework.entry_id)
    rows = rows.join(Entry, Entry.id == Answer.entry_id)
    return scene.town.run(lambda: db.session.execute(rows.where(Answer.question_id == question)).all())


def test_two_officials_publish_two_answers_at_once(scene: Scene) -> None:
    scene.let_one_approve()
    visit = scene.visit()
    officials = {name: scene.browser(name) for name in ("mayor", "deputy")}
    for number in range(ROUNDS):
        question = scene.drafted(visit, title=f"Question {number}?")
        page = f"/visits/questions/{question}"
        tries = [
            (browser, f"{page}/answer", token(browser, page) | {"body": f"Says {name}.", "publish": "yes"})
            for name, browser in officials.items()
        ]
        told = at_once(tries)
        assert sorted(answer.status_code for answer in told) == [302, 409]
        [winner] = [name for name, answer in zip(officials, told, strict=True) if answer.status_code == 302]
        [loser] = set(officials) - {winner}
        assert answers(scene, question) == [("published", f"Says {winner}.")]
        page_of_loser = next(answer.text for answer in told if answer.status_code == 409)
        assert "in the meantime" in page_of_loser
        assert f"Says {winner}." in page_of_loser
        assert f"Says {loser}." in page_of_loser


def test_two_agents_draft_at_once(scene: Scene) -> None:
    question = scene.accepted(scene.visit())
    page = f"/visits/questions/{question}"
    people = {name: scene.browser(name) for name in ("agent", "deputy")}
    tries = [
        (browser, f"{page}/answer", token(browser, page) | {"body": f"Says {name}."})
        for name, browser in people.items()
    ]
    told = at_once(tries)
    assert sorted(answer.status_code for answer in told) == [302, 409]
    [(state, body)] = answers(scene, question)
    assert state == "drafted"
    [loser] = [
        (browser, answer, fields)
        for (browser, _url, fields), answer in zip(tries, told, strict=True)
        if answer.status_code == 409
    ]
    browser, answer, fields = loser
    assert body in answer.text
    assert fields["body"] in answer.text
    version = re.search(r'name="version"[^>]*value="([^"]*)"', answer.text)
    again = browser.client.post(f"{page}/answer", data=fields | {"version": version[1]})  # type: ignore[index]
    assert again.status_code == 302, "having compared, they may save theirs over it"
    assert answers(scene, question) == [("drafted", fields["body"])]


def test_accepted_and_rejected_at_once(scene: Scene) -> None:
    visit = scene.visit()
    mayor, agent = scene.browser("mayor"), scene.browser("agent")
    for number in range(ROUNDS):
        title = f"Question {number}?"
        question = scene.question(visit, title=title)
        page = f"/visits/questions/{question}"
        tries = [
            (mayor, f"{page}/accept", token_only(mayor, page)),
            (agent, f"{page}/reject", token_only(agent, page) | {"reason": "Not ours."}),
        ]
        told = at_once(tries)
        assert all(answer.status_code in (302, 409) for answer in told)
        public = title in scene.browser().get(f"/visits/{visit}").text
        reads = "Not ours." in scene.browser("resident").get(f"/posts/{question}").text
        assert public != reads


def token_only(browser: Browser, page: str) -> dict[str, str]:
    """The cross-site token of a page."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]*)"', browser.get(page).text)
    return {"csrf_token": found[1]}  # type: ignore[index]


def test_the_same_question_sent_twice_is_one(scene: Scene) -> None:
    visit = scene.visit()
    browser = scene.browser("resident")
    shown = browser.get(f"/visits/{visit}/ask").text
    key = re.search(r'name="key"[^>]*value="([^"]*)"', shown)
    fields = token_only(browser, f"/visits/{visit}/ask") | {"title": "Once?", "key": key[1]}  # type: ignore[index]
    url = f"/visits/{visit}/ask"
    first, second = (browser.client.post(url, data=fields) for _time in range(2))
    assert first.location == second.location
    assert scene.browser("agent").get(f"/visits/{visit}/review").text.count(">Once?<") == 1


def picked(scene: Scene, question: int) -> str:
    """A question as a page shows it to be picked: with how often it had moved by then."""
    from plugins.neighbourhood_visits.models import Question

    return f"{question}:{scene.town.run(lambda: db.session.get(Question, question).moves)}"


def test_two_agents_decide_on_one_question_at_once(scene: Scene) -> None:
    visit = scene.visit()
    people = [scene.browser(name) for name in ("agent", "mayor")]
    tokens = [token_only(browser, f"/visits/{visit}/review") for browser in people]
    for number in range(ROUNDS):
        question = scene.question(visit, title=f"Question {number}?")
        pick = {"pick": picked(scene, question)}
        decisions = ({"verb": "accept"}, {"verb": "reject", "reason": "Not ours."})
        tries = [
            (browser, f"/visits/{visit}/decide", token | pick | decision)
            for browser, token, decision in zip(people, tokens, decisions, strict=True)
        ]
        told = ["in the meantime" in answer.text for answer in at_once(tries)]
        assert sorted(told) == [False, True], "one wins, the other is told"
        state = scene.town.run(lambda ident=question: db.session.get(Entry, ident).state)  # type: ignore[misc]
        assert state == ("pending" if told[0] else "published")


def test_a_question_is_withdrawn_while_it_is_answered(scene: Scene) -> None:
    scene.let_one_approve()
    visit = scene.visit()
    mayor, resident = scene.browser("mayor"), scene.browser("resident")
    for number in range(ROUNDS):
        question = scene.drafted(visit, title=f"Question {number}?")
        page, own = f"/visits/questions/{question}", f"/visits/questions/{question}/withdraw"
        tries = [
            (mayor, f"{page}/answer", token(mayor, page) | {"body": "In March.", "publish": "yes"}),
            (resident, own, token_only(resident, own)),
        ]
        told = at_once(tries)
        assert sorted(answer.status_code for answer in told) == [302, 409]
        public = scene.browser().get(f"/posts/{question}")
        if told[0].status_code == 302:
            assert "In March." in public.text
            assert "published answer" in told[1].text
        else:
            assert public.status_code == 404
            assert "In March." in told[0].text, "nothing that the official wrote is lost"
            assert "or no longer" in told[0].text


def test_a_support_given_twice_at_once_counts_once(scene: Scene) -> None:
    visit, person = scene.visit(), "neighbour"
    for number in range(ROUNDS):
        question = scene.accepted(visit, title=f"Question {number}?")
        ready = threading.Barrier(2)

        def act(question: int = question, ready: threading.Barrier = ready) -> None:
            entry = db.session.get(Entry, question)
            ready.wait()
            support(entry, True)

        threads = [threading.Thread(target=scene.town.run, args=(act, person)) for _time in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        count = scene.town.run(lambda ident=question: db.session.get(Entry, ident).support_count)  # type: ignore[misc]
        rows = sa.select(sa.func.count()).select_from(Support).where(Support.entry_id == question)
        assert (count, scene.town.run(lambda rows=rows: db.session.scalar(rows))) == (1, 1)  # type: ignore[misc]


def test_a_department_and_an_agent_answer_at_once(scene: Scene) -> None:
    visit, ident = scene.visit(), department(scene)
    agent, outside = scene.browser("agent"), scene.browser()
    for number in range(ROUNDS):
        question = assigned(scene, visit, ident, title=f"Question {number}?")
        link, page = link_of(scene), f"/visits/questions/{question}"
        tries = [
            (outside, link, token(outside, link) | {"body": "The department."}),
            (agent, f"{page}/answer", token(agent, page) | {"body": "The agent.", "version": "0"}),
        ]
        told = at_once(tries)
        assert sorted(answer.status_code for answer in told) == [302, 409]
        winner = "The department." if told[0].status_code == 302 else "The agent."
        [(state, body)] = answers(scene, question)
        assert body == winner
        assert state == ("to_approve" if winner == "The department." else "drafted")
        [loser] = [answer for answer in told if answer.status_code == 409]
        assert ("The agent." if winner == "The department." else "The department.") in loser.text


def test_a_question_goes_to_another_department_while_the_first_answers(scene: Scene) -> None:
    visit, ident, other = scene.visit(), department(scene), department(scene, "Parks", "parks@example.org")
    agent, outside = scene.browser("agent"), scene.browser()
    for number in range(ROUNDS):
        question = assigned(scene, visit, ident, title=f"Question {number}?")
        link = link_of(scene)
        moved = {"verb": "assign", "department": str(other), "official": "0", "pick": picked(scene, question)}
        tries = [
            (outside, link, token(outside, link) | {"body": "In March."}),
            (agent, f"/visits/{visit}/decide", token_only(agent, f"/visits/{visit}/review") | moved),
        ]
        told = at_once(tries)
        found = scene.town.run(lambda ident=question: db.session.get(Casework, ident))  # type: ignore[misc]
        if told[0].status_code == 302:
            assert (found.answer, found.department_id) == ("to_approve", ident), "answered first: it stays"
            assert "in the meantime" in told[1].text
        else:
            assert (found.answer, found.department_id) == ("assigned", other)
            assert told[0].status_code in (404, 409)
            assert outside.get(link).status_code == 404
            agent.get(f"/visits/{visit}/review")


def test_a_visit_is_cancelled_while_it_gets_a_new_date(scene: Scene) -> None:
    mayor, deputy = scene.browser("mayor"), scene.browser("deputy")
    later = scene.plan() | {"date": (today() + dt.timedelta(days=30)).isoformat()}
    for number in range(ROUNDS):
        visit = scene.visit(name=f"Visit {number}")
        page = f"/visits/{visit}"
        mayor.submit(f"{page}/turn", _page=page, verb="postpone", reason="Storm.", sure="yes")
        off = {"verb": "cancel", "reason": "No date suits.", "sure": "yes"}
        tries = [
            (mayor, f"{page}/reschedule", token_only(mayor, page) | later),
            (deputy, f"{page}/turn", token_only(deputy, page) | off),
        ]
        assert [answer.status_code for answer in at_once(tries)] == [302, 302]
        found = scene.town.run(lambda ident=visit: db.session.get(Visit, ident))  # type: ignore[misc]
        assert (found.state, found.reason) == ("cancelled", "No date suits."), "whichever was first"
        moved = "told of the new date" in mayor.get(page).text
        assert found.sequence == 2 + moved, "who came too late is not told that it is done"


def test_the_same_file_is_taken_in_twice_at_once(scene: Scene) -> None:
    admin = scene.browser("admin")
    for number in range(ROUNDS):
        lines = "".join(f"{number}-{line};Le banc {line} ?;Centre {number};Voirie\n" for line in range(40))
        text = f"référence;Titre;Quartier;Service\n{lines}"
        pages = [page_of(give(scene, text)) for _twice in range(2)]
        for page in pages:
            assert admin.submit(page, take="yes", came="paper").status_code == 302
        ready = threading.Barrier(2)
        done: list[str] = []

        def act(page: str, ready: threading.Barrier = ready, done: list[str] = done) -> None:
            ready.wait()
            intake.run(int(page.rpartition("/")[2]))
            done.append(page)

        threads = [
            threading.Thread(target=scene.town.run, args=(lambda page=page: act(page),)) for page in pages
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(done) == sorted(pages), "neither breaks down"
        told = [admin.get(page).text for page in pages]
        assert sorted("40 taken in, 0 already there" in one for one in told) == [False, True]
        assert sorted("0 taken in, 40 already there" in one for one in told) == [False, True]


def test_a_file_is_taken_in_once_though_it_is_asked_twice_at_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [scene.browser("admin") for _twice in range(2)]
    page = page_of(give(scene, "référence;Titre;Quartier;Service\n1;Le banc ?;Centre;Voirie\n"))
    fields = {"take": "yes", "came": "paper"}
    tries = [
        (
            person,
            page,
            fields | {"csrf_token": re.search(r'csrf_token" value="([^"]*)"', person.get(page).text)[1]},
        )  # type: ignore[index]
        for person in people
    ]
    choose, chosen = intake.choose, threading.Barrier(2)

    def and_wait(*said: Any) -> None:
        choose(*said)
        chosen.wait()

    monkeypatch.setattr(intake, "choose", and_wait)
    assert sorted(answer.status_code for answer in at_once(tries)) == [302, 422]
    waits = sa.select(sa.func.count()).select_from(JobRow).where(JobRow.name == "visits.take_in")
    assert scene.town.run(lambda: db.session.scalar(waits)) == 1


def test_what_a_file_has_brought_stands_though_a_second_run_comes_late(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = scene.browser("admin")
    page = page_of(give(scene, "référence;Titre;Quartier;Service\n1;Le banc ?;Centre;Voirie\n"))
    assert admin.submit(page, take="yes", came="paper").status_code == 302
    ident, read = int(page.rpartition("/")[2]), tables.read

    def while_another_finishes(content: bytes) -> tables.Table:
        table = read(content)
        monkeypatch.setattr(tables, "read", read)
        other = threading.Thread(target=scene.town.run, args=(lambda: intake.run(ident),))
        other.start()
        other.join()
        return table

    monkeypatch.setattr(tables, "read", while_another_finishes)
    scene.town.run(lambda: intake.run(ident))
    shown = admin.get(page)
    assert shown.status_code == 200
    assert "1 taken in, 0 already there" in shown.text


def test_a_department_gets_its_name_once(scene: Scene) -> None:
    roads = department(scene, "Roads")
    people = [scene.browser("admin") for _each in range(3)]
    page = "/visits/departments"
    tokens = [re.search(r'csrf_token" value="([^"]*)"', one.get(f"{page}/new").text)[1] for one in people]  # type: ignore[index]
    for number in range(ROUNDS):
        fields = {"name": f"Parks {number}", "days": "30", "official": "0"}
        doors = (f"{page}/new", f"{page}/new", f"{page}/{roads}")
        read = read_mark(people[2], doors[2])
        tries = [
            (person, door, fields | {"csrf_token": token, "read": read})
            for person, door, token in zip(people, doors, tokens, strict=True)
        ]
        told = at_once(tries)
        assert sorted(answer.status_code for answer in told) == [302, 422, 422]
        assert sum("There is a department of this name." in answer.text for answer in told) == 2


@pytest.mark.parametrize("announce", [{"announce": "yes"}, {}], ids=["announced", "kept"])
def test_a_visit_whose_form_is_sent_twice_is_one(scene: Scene, announce: dict[str, str]) -> None:
    people = [scene.browser("mayor") for _twice in range(2)]
    tokens = [re.search(r'csrf_token" value="([^"]*)"', one.get("/visits/new").text)[1] for one in people]  # type: ignore[index]
    for number in range(ROUNDS):
        said = {**scene.plan(), "name": f"Visit {number}", **announce}
        tries = [
            (person, "/visits/new", said | {"csrf_token": token})
            for person, token in zip(people, tokens, strict=True)
        ]
        told = at_once(tries)
        again = people[0].client.post("/visits/new", data=tries[0][2])
        assert [answer.status_code for answer in (*told, again)] == [302] * 3
        assert len({answer.location for answer in (*told, again)}) == 1
    assert len(scene.town.run(lambda: db.session.scalars(sa.select(Visit)).all())) == ROUNDS
    other = people[0].submit("/visits/new", **said | {"name": f"Visit {ROUNDS - 1}", "starts": "17:00"})
    assert other.status_code == 302
    assert len(scene.town.run(lambda: db.session.scalars(sa.select(Visit)).all())) == ROUNDS + 1


def test_a_visit_that_is_not_announced_when_it_should_be_is_not_kept_either(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_visit: Visit) -> None:
        raise RuntimeError

    monkeypatch.setattr(actions, "announce", fails)
    scene.browser("mayor").submit("/visits/new", "/visits/", **scene.plan(), announce="yes")
    assert scene.town.run(lambda: db.session.scalars(sa.select(Visit)).all()) == []


def test_a_visit_that_is_planned_again_later_is_another(scene: Scene) -> None:
    mayor, said = scene.browser("mayor"), scene.plan()

    def long_ago() -> None:
        with write() as session:
            for space in session.scalars(sa.select(Space)):
                space.created_at -= dt.timedelta(minutes=2)

    first = mayor.submit("/visits/new", **said).location
    scene.town.run(long_ago)
    assert mayor.submit("/visits/new", **said).location != first


def test_who_plans_the_same_visit_as_another_or_as_one_that_is_cancelled_plans_one_more(scene: Scene) -> None:
    mayor, deputy, said = scene.browser("mayor"), scene.browser("deputy"), scene.plan() | {"announce": "yes"}
    page = mayor.submit("/visits/new", "/visits/", **said).location
    of_deputy = deputy.submit("/visits/new", "/visits/", **said).location
    mayor.submit(f"{page}/turn", page, verb="cancel", reason="Storm.", sure="yes")
    again = mayor.submit("/visits/new", "/visits/", **said).location
    assert len({page, of_deputy, again}) == 3


def test_a_stop_and_a_paper_that_are_sent_twice_are_one(scene: Scene) -> None:
    visit = scene.visit()
    people = [scene.browser("agent") for _twice in range(2)]
    for door, fields, table in (
        ("route/stops", {"title": "The school", "minutes": "5", "step_free": "y"}, Stop),
        ("papers", {"kind": "dossier"}, Paper),
    ):
        page = f"/visits/{visit}/{door}"
        shown = f"/visits/{visit}/{door.partition('/')[0]}"
        tokens = [re.search(r'csrf_token" value="([^"]*)"', one.get(shown).text)[1] for one in people]  # type: ignore[index]
        tries = [
            (person, page, fields | {"csrf_token": token})
            for person, token in zip(people, tokens, strict=True)
        ]
        assert [answer.status_code for answer in at_once(tries)] == [302, 302]
        assert len(scene.town.run(lambda table=table: db.session.scalars(sa.select(table)).all())) == 1, door
    jobs.run_due(scene.town.app)
    papers = f"/visits/{visit}/papers"
    people[0].submit(papers, kind="dossier")
    assert len(scene.town.run(lambda: db.session.scalars(sa.select(Paper)).all())) == 2, "of another moment"
    token = re.search(r'csrf_token" value="([^"]*)"', people[0].get(papers).text)
    fields = {"kind": "dossier", "csrf_token": token[1]}  # type: ignore[index]
    people[0].client.post(papers, data=fields, headers={"Accept-Language": "fr"})
    assert len(scene.town.run(lambda: db.session.scalars(sa.select(Paper)).all())) == 3, "in another language"
    people[0].submit(papers, kind="briefing")
    assert len(scene.town.run(lambda: db.session.scalars(sa.select(Paper)).all())) == 4, "of another kind"

    def begin() -> None:
        with write() as session:
            session.execute(sa.update(Paper).values(progress=10))

    scene.town.run(begin)
    people[0].submit(papers, kind="dossier")
    assert len(scene.town.run(lambda: db.session.scalars(sa.select(Paper)).all())) == 5, "one is made already"
    people[0].submit(f"/visits/{visit}/route/stops", title="The mill", minutes="5", step_free="y")
    people[0].submit(f"/visits/{visit}/route/stops", title="The school", minutes="5", step_free="y")
    assert len(scene.town.run(lambda: db.session.scalars(sa.select(Stop)).all())) == 3


@pytest.mark.parametrize("work", ["assign", "answer", "promise", "remind"])
def test_a_department_is_saved_while_colleagues_work_with_it(
    scene: Scene, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, agent, member = (scene.browser(name) for name in ("admin", "agent", "colleague"))
    monkeypatch.setattr(overdue, "_late", lambda _now: sa.select(Casework.entry_id))
    monkeypatch.setattr(overdue, "PATIENCE", dt.timedelta())
    visit = scene.visit()
    for number in range(ROUNDS):
        people = ("colleague",) if work == "answer" else ()
        roads = department(scene, f"Roads {number}", members=people)
        waits = assigned(scene, visit, roads, title=f"Street {number}")
        new = scene.question(visit, title=f"Path {number}")
        settings, page, own = (
            f"/visits/departments/{roads}",
            f"/visits/questions/{waits}",
            f"/visits/department/{waits}",
        )
        said = {"name": f"Streets {number}", "mailbox": "streets@example.org", "days": "30", "official": "0"}
        said["read"] = read_mark(admin, settings)
        chosen = {"verb": "assign", "department": str(roads), "official": "0", "pick": f"{new}:0"}
        promised = {"text": "It is mended.", "department": str(roads), "due_on": "2099-05-01"}
        acts: dict[str, Callable[[], Any]] = {
            "assign": partial(post, agent, f"/visits/{visit}/decide", chosen),
            "answer": partial(post, member, own, {"body": "In May.", "version": "0"}),
            "promise": partial(post, agent, f"{page}/promise", promised),
            "remind": partial(scene.town.run, overdue.remind),
        }
        saved, done = together(partial(post, admin, settings, said), acts[work])
        assert saved == 302
        assert done in (302, None) or (work == "answer" and done in (404, 409)), "it is theirs no more"


@pytest.mark.parametrize("work", ["accept", "draft", "promise", "group"])
def test_somebody_is_erased_while_the_team_works_on_what_they_asked(scene: Scene, work: str) -> None:
    visit, agent, roads = scene.visit(), scene.browser("agent"), department(scene)
    for number in range(ROUNDS):
        name = f"asker {number}"
        asked = scene.question if work == "accept" else scene.accepted
        question = asked(visit, title=f"Street {number}", name=name)
        page, pick = f"/visits/questions/{question}", [picked(scene, question)]
        if work == "group":
            pick.append(picked(scene, scene.accepted(visit, title=f"Path {number}", name="neighbour")))
        promised = {"text": "It is mended.", "department": str(roads), "due_on": "2099-05-01"}
        url, fields = {
            "accept": (f"{page}/accept", token_only(agent, page)),
            "draft": (f"{page}/answer", {"body": "In May.", "version": "0"}),
            "promise": (f"{page}/promise", promised),
            "group": (f"/visits/{visit}/decide", {"verb": "group", "pick": pick}),
        }[work]
        scene.town.run(partial(erase.begin, scene.town.person(name), True))
        gone, done = together(partial(scene.town.run, erase.run), partial(post, agent, url, fields))
        assert gone is None
        assert done in (302, 404, 409), "the question is there still, or no more"


def post(browser: Browser, url: str, fields: dict[str, Any]) -> int:
    """The status of a form that is sent as it stands, by somebody signed in."""
    return browser.client.post(url, data={"csrf_token": browser.token, **fields}).status_code


def test_two_officials_plan_a_visit_at_once_each_with_the_other(scene: Scene) -> None:
    people = [scene.browser(name) for name in ("mayor", "deputy")]
    for number in range(ROUNDS):
        plans = [scene.plan() | {"name": f"Visit {number}, {place}", "announce": "yes"} for place in range(2)]
        tries = zip(people, plans, strict=True)
        told = together(*(partial(post, person, "/visits/new", plan) for person, plan in tries))
        assert told == [302, 302]
    assert len(scene.town.run(lambda: db.session.scalars(sa.select(Visit)).all())) == 2 * ROUNDS


def test_a_paper_is_ordered_while_colleagues_decide(scene: Scene) -> None:
    visit = scene.visit()
    mayor, agent = scene.browser("mayor"), scene.browser("agent")
    for number in range(2 * ROUNDS):
        page = f"/visits/questions/{scene.question(visit, title=f'Question {number}?')}"
        order = partial(post, mayor, f"/visits/{visit}/papers", {"kind": "dossier"})
        accept = partial(post, agent, f"{page}/accept", token_only(agent, page))
        assert together(order, accept) == [302, 302]
        jobs.run_due(scene.town.app)
