"""What a question hands on: answer, promises, outcome, work and stop; and what is taken out of them later."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core import jobs
from core.db import db, write
from core.models import Entry
from plugins.neighbourhood_visits.collect import codes
from plugins.neighbourhood_visits.models import Answer, Casework, DepartmentMember, Question
from plugins.neighbourhood_visits.plan.models import Stop, StopQuestion

from .test_assigned import department as outside
from .test_assigned import link_of
from .test_collect_by_code import asked
from .test_collect_codes import opened
from .test_field import kept, send, stand
from .test_field import walk as walk
from .test_promises import PROMISE, department, promise, turn
from .test_promises_go_on import ANSWER, erased, goes_on, grouped, judge, tap, to_answer
from .test_promises_stay import promises, say
from .test_report import conclude, keep, lead
from .test_triage import decide, row

if TYPE_CHECKING:
    from .conftest import Scene

PASSAGE = "both sides"
BENCH = {"title": "And the bench?", "name": "neighbour"}


def publish(scene: Scene, visit: int) -> None:
    """Lead a visit to its published report."""
    lead(scene, visit, "close", "finish", "begin", "end")
    keep(scene, visit, "Nothing.")
    lead(scene, visit, "publish", name="mayor")


def reported(scene: Scene, visit: int, words: str) -> set[bool]:
    """Whether the published report says these words, on its page and in its data."""
    pages = (f"/visits/{visit}/report", f"/visits/{visit}/report/data.json")
    return {words in scene.browser().get(page).text for page in pages}


def redact(scene: Scene, entry: int, passage: str) -> None:
    page = f"/posts/{entry}/redact"
    said = {"passage": passage, "reason": "private", "text": "It names somebody.", "waited": "0"}
    assert scene.browser("agent").submit(page, _page=page, **said).status_code == 302


def answer(scene: Scene) -> int:
    return scene.town.run(lambda: db.session.scalar(sa.select(Answer.entry_id)))  # type: ignore[no-any-return]


def newest(scene: Scene) -> int:
    """The latest question, which is an empty place where one was made."""
    latest = sa.select(sa.func.max(Question.entry_id))
    return scene.town.run(lambda: db.session.scalar(latest))  # type: ignore[no-any-return]


@pytest.mark.parametrize("how", ["removed", "hidden", "erased"])
@pytest.mark.parametrize("then", ["redact", "hide", "remove", "hide its question"])
def test_an_answer_that_moved_leaves_the_report_when_it_is_taken_out(
    scene: Scene, how: str, then: str
) -> None:
    visit, first, other = grouped(scene)
    publish(scene, visit)
    if how == "removed":
        judge(scene, first, "removed")
    elif how == "hidden":
        tap(scene, first)
    else:
        erased(scene, "resident")
    moved = answer(scene)
    assert row(scene, Entry, moved).parent_id == other
    assert reported(scene, visit, PASSAGE) == {True}
    if then == "redact":
        redact(scene, moved, PASSAGE)
    elif then == "remove":
        judge(scene, moved, "removed")
    else:
        tap(scene, moved if then == "hide" else other)
    assert PASSAGE not in scene.browser().get(f"/posts/{other}").text
    assert reported(scene, visit, PASSAGE) == {False}
    if then == "hide":
        tap(scene, moved)
        assert reported(scene, visit, PASSAGE) == {True}


@pytest.mark.parametrize("then", ["redact", "hide"])
def test_what_stands_below_an_empty_place_leaves_the_report_with_it(scene: Scene, then: str) -> None:
    scene.let_one_approve()
    visit, owner = scene.visit(), department(scene)
    question = scene.answered(visit, ANSWER)
    promise(scene, question, owner)
    publish(scene, visit)
    judge(scene, question, "removed")
    assert reported(scene, visit, PROMISE) == reported(scene, visit, PASSAGE) == {True}
    if then == "redact":
        redact(scene, newest(scene), PROMISE)
        redact(scene, answer(scene), PASSAGE)
    else:
        tap(scene, newest(scene))
    assert PROMISE not in scene.browser().get("/visits/promises").text
    assert reported(scene, visit, PROMISE) == reported(scene, visit, PASSAGE) == {False}
    if then == "hide":
        tap(scene, newest(scene))
        assert reported(scene, visit, PROMISE) == reported(scene, visit, PASSAGE) == {True}
        tap(scene, answer(scene))
        assert reported(scene, visit, PASSAGE) == {False}
        tap(scene, answer(scene))
        assert reported(scene, visit, PASSAGE) == {True}


def test_a_reason_that_moved_leaves_the_report_when_it_is_taken_out(scene: Scene) -> None:
    visit = scene.visit()
    first, other = scene.accepted(visit), scene.accepted(visit, **BENCH)
    conclude(scene, first, "refuse", "Mrs Zibeline is against it.")
    decide(scene, visit, [first, other], "group")
    scene.let_one_approve()
    publish(scene, visit)
    tap(scene, first)
    assert reported(scene, visit, "Zibeline") == {True}
    redact(scene, other, "Zibeline")
    assert reported(scene, visit, "Zibeline") == {False}


@pytest.mark.parametrize("goes", ["removed", "erased"])
@pytest.mark.parametrize("first_act", ["none", "hidden"])
def test_what_is_back_in_public_below_an_empty_place_is_back_in_the_report(
    scene: Scene, first_act: str, goes: str
) -> None:
    scene.let_one_approve()
    visit, owner = scene.visit(), department(scene)
    question = scene.answered(visit, ANSWER)
    promise(scene, question, owner)
    publish(scene, visit)
    if first_act == "hidden":
        judge(scene, question, "hidden")
        assert reported(scene, visit, PROMISE) == {False}
    if goes == "removed":
        judge(scene, question, "removed")
    else:
        erased(scene, "resident")
    goes_on(scene, visit, newest(scene))
    assert reported(scene, visit, PROMISE) == reported(scene, visit, PASSAGE) == {True}


def test_who_erases_all_of_a_group_leaves_what_the_town_said_in_the_report(scene: Scene) -> None:
    scene.let_one_approve()
    visit, owner = scene.visit(), department(scene)
    first, other = scene.answered(visit, ANSWER), scene.accepted(visit, title="And the bench?")
    promise(scene, first, owner)
    decide(scene, visit, [first, other], "group")
    publish(scene, visit)
    erased(scene, "resident")
    assert PROMISE in scene.browser().get("/visits/promises").text
    assert reported(scene, visit, PROMISE) == reported(scene, visit, PASSAGE) == {True}


@pytest.mark.parametrize("whose", ["leader", "sibling"])
def test_who_asked_by_code_confirms_what_is_promised_about_any_of_the_group(scene: Scene, whose: str) -> None:
    visit, owner = scene.visit(), department(scene)
    head = scene.accepted(visit, title="And the tree?") if whose == "sibling" else None
    asked(scene, visit)
    own = newest(scene)
    code = scene.town.run(lambda: codes.code_of(own))
    decide(scene, visit, [own], "accept")
    other = scene.accepted(visit, **BENCH)
    decide(scene, visit, [one for one in (head, own, other) if one], "group")
    promise(scene, other, owner)
    [ident] = promises(scene)
    turn(scene, ident, "claim", "agent")
    assert "Yes, it is done" in opened(scene, code).text
    assert say(scene, code, ident, "confirm").status_code == 200


def test_what_was_promised_about_a_hidden_question_is_public_once_its_words_are_erased(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    question = scene.answered(visit, ANSWER)
    promise(scene, question, owner)
    tap(scene, question)
    erased(scene, "resident")
    goes_on(scene, visit, newest(scene))
    assert scene.browser().get(f"/posts/{question}").status_code == 404


def test_as_long_as_a_promise_stands_it_is_the_outcome_of_the_one_it_went_to(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    first, other = scene.accepted(visit), scene.accepted(visit, **BENCH)
    promise(scene, first, owner)
    conclude(scene, other, "refuse", "Too dear.")
    decide(scene, visit, [first, other], "group")
    tap(scene, first)
    found = row(scene, Question, other)
    assert (found.outcome, found.outcome_reason) == ("committed", "")


def test_the_way_of_each_question_tells_its_own_outcome(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    first, other = scene.accepted(visit), scene.accepted(visit, **BENCH)
    conclude(scene, first, "refuse", "Too dear.")
    conclude(scene, other, "settle", "Done.")
    decide(scene, visit, [first, other], "group")

    def way(question: int) -> str:
        return scene.browser().get(f"/posts/{question}").text.partition("The whole way")[2]

    tap(scene, first)
    assert "Refused" not in way(other)
    tap(scene, first)
    assert "Refused" in way(first)
    promise(scene, third := scene.accepted(visit, title="And the tree?"), owner)
    decide(scene, visit, [other, third], "group")
    assert row(scene, Question, third).group_id == other
    assert "Promise made" in way(third)
    tap(scene, third, third)
    assert "romise" not in way(third).partition("</ol>")[0]
    assert "Promise made" in way(other)


def test_an_answer_is_as_public_as_the_question_it_went_to(scene: Scene) -> None:
    visit, first, other = grouped(scene)
    third = scene.question(visit, title="And the tree?", name="neighbour")
    decide(scene, visit, [first, third], "group")
    tap(scene, first)
    judge(scene, other, "removed")
    jobs.run_due(scene.town.app)
    assert row(scene, Entry, answer(scene)).parent_id == first, "which is hidden"
    assert PASSAGE not in scene.browser().get("/search?q=spring").text
    tap(scene, first)
    goes_on(scene, visit, first)
    assert row(scene, Entry, first).reply_count == 1


def test_an_answer_that_another_was_answered_with_outlives_its_question(scene: Scene) -> None:
    visit = scene.visit()
    first, third = scene.accepted(visit), scene.accepted(visit, title="And the tree?")
    decide(scene, visit, [first, third], "group")
    other = scene.answered(visit, ANSWER, **BENCH)
    decide(scene, visit, [first, other], "group")
    assert row(scene, Question, other).group_id == first
    judge(scene, other, "removed")
    assert ANSWER in scene.browser().get(f"/posts/{first}").text


def test_what_is_unread_is_answered_with_what_was_removed_once_it_is_accepted(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    first = scene.answered(visit, ANSWER)
    unread = scene.question(visit, **BENCH)
    promise(scene, first, owner)
    decide(scene, visit, [first, unread], "group")
    judge(scene, first, "removed")
    goes_on(scene, visit, newest(scene))
    decide(scene, visit, [unread], "accept")
    goes_on(scene, visit, unread)
    assert to_answer(scene, visit) == set()


def test_work_and_stop_go_to_the_one_that_leads(scene: Scene) -> None:
    visit, parks = scene.visit(), outside(scene)
    first, other = scene.accepted(visit), scene.accepted(visit, **BENCH)
    decide(scene, visit, [first, other], "group")
    decide(scene, visit, [first], "assign", department=str(parks), official="0")
    due = row(scene, Casework, first).due_at
    before = link_of(scene)
    page = f"/visits/{visit}/route"
    scene.browser("agent").submit(f"{page}/questions", _page=page, pick=[str(first)])
    tap(scene, first)
    found = row(scene, Casework, other)
    assert (found.answer, found.department_id, found.due_at) == ("assigned", parks, due)
    assert row(scene, Casework, first).answer == "none"
    after = link_of(scene)
    assert before != after
    assert scene.browser().get(before).status_code == 404
    assert "And the bench?" in scene.browser().get(after).text
    assert [row(scene, Question, one).discussion for one in (first, other)] == ["not_planned", "planned"]
    placed = sa.select(StopQuestion.entry_id)
    assert scene.town.run(lambda: list(db.session.scalars(placed))) == [other]
    lead(scene, visit, "close", "finish")
    assert "And the bench?" in scene.browser().get(f"/visits/{visit}/agenda").text


def test_nothing_is_promised_about_a_question_that_is_hidden(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    question = scene.accepted(visit)
    assert "Make a promise" in scene.browser("agent").get(f"/visits/questions/{question}").text
    tap(scene, question)
    assert "Make a promise" not in scene.browser("agent").get(f"/visits/questions/{question}").text
    assert promise(scene, question, owner) == 422
    assert promises(scene) == []


def test_a_question_that_is_hidden_names_no_stop(scene: Scene) -> None:
    visit = scene.visit()
    question, agent = scene.accepted(visit, title="Zibeline’s lamp?"), scene.browser("agent")
    page = f"/visits/{visit}/route"
    agent.get(page)
    tap(scene, question)
    agent.submit(f"{page}/questions", _page=page, pick=[str(question)])
    lead(scene, visit, "close", "finish")
    for seen in (agent.get(page), scene.browser().get(f"/visits/{visit}/agenda")):
        assert "Zibeline" not in seen.text


def test_nobody_is_asked_for_an_answer_to_an_empty_place(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    worker = scene.town.person("worker", "agent")

    def joins() -> None:
        with write() as session:
            session.add(DepartmentMember(department_id=owner, user_id=worker))

    scene.town.run(joins)
    drafted, waits = scene.drafted(visit), scene.accepted(visit, title="And the bench?")
    unread = scene.question(visit, title="And the tree?")
    scene.browser("agent").submit(f"/posts/{unread}/reply", _page=f"/posts/{unread}", body="Where?")
    page = f"/visits/questions/{drafted}"
    said = {"body": "Mended on Monday.", "version": "1", "submit": "yes"}
    scene.browser("agent").submit(f"{page}/answer", _page=page, **said)
    for question in (drafted, waits):
        promise(scene, question, owner)
    decide(scene, visit, [waits], "assign", department=str(owner), official="0")
    pages = {
        "mayor": ("/visits/next", "Mended on Monday."),
        "worker": ("/visits/department", f'href="/visits/department/{waits}"'),
        "agent": (f"/visits/{visit}/review?queue=unread", f'data-question="{unread}"'),
    }
    for name, (where, words) in pages.items():
        assert words in scene.browser(name).get(where).text, where
    erased(scene, "resident")
    for name, (where, words) in pages.items():
        assert words not in scene.browser(name).get(where).text, where
        assert not re.search(rf"/questions/({drafted}|{waits})\b", scene.browser(name).get(where).text)


def test_an_empty_place_stands_on_no_agenda(scene: Scene) -> None:
    visit, owner = scene.visit(), department(scene)
    question, agent, page = scene.accepted(visit), scene.browser("agent"), f"/visits/{visit}/route"
    agent.submit(f"{page}/questions", _page=page, pick=[str(question)])
    promise(scene, question, owner)
    lead(scene, visit, "close", "finish")
    agenda = f"/visits/{visit}/agenda"
    assert f'href="/posts/{question}"' in scene.browser().get(agenda).text
    erased(scene, "resident")
    assert row(scene, Question, question).empty
    assert f'href="/posts/{question}"' not in scene.browser().get(agenda).text


def test_an_answer_that_waits_anew_is_no_comment_less(scene: Scene) -> None:
    scene.let_one_approve()
    question = scene.answered(scene.visit(), ANSWER)
    ident, agent, page = answer(scene), scene.browser("agent"), f"/visits/questions/{question}"
    tap(scene, ident)
    version = str(row(scene, Entry, ident).version)
    agent.submit(f"{page}/answer", _page=page, body=ANSWER, version=version)
    tap(scene, ident)
    assert row(scene, Entry, question).reply_count == 0


def test_what_a_coordinator_chooses_holds_for_the_one_the_outcome_went_to(
    scene: Scene, walk: tuple[int, int]
) -> None:
    visit, first = walk
    stand(scene, visit, "collecting")
    other = scene.accepted(visit, **BENCH)
    decide(scene, visit, [first, other], "group")
    stand(scene, visit, "in_progress")
    send(scene, visit, key="a", question=str(first), outcome="refuse", text="Too dear.")
    send(scene, visit, name="second", key="b", question=str(first), outcome="settle", text="Done.")
    tap(scene, first)
    note = kept(scene)[1].id
    page = f"/visits/{visit}/field/notes"
    chosen = scene.browser("mayor").submit(f"/visits/notes/{note}/choose", _page=page)
    assert chosen.status_code == 302
    assert row(scene, Question, other).outcome == "settled"
    assert row(scene, Question, first).outcome == "none"


@pytest.mark.parametrize("way", ["tap", "decide"])
def test_an_answer_of_one_that_follows_is_hidden_and_shown_with_it(scene: Scene, way: str) -> None:
    visit = scene.visit()
    first, third = scene.accepted(visit), scene.accepted(visit, title="And the tree?")
    decide(scene, visit, [first, third], "group")
    other = scene.answered(visit, ANSWER, **BENCH)
    decide(scene, visit, [first, other], "group")
    if way == "tap":
        tap(scene, other)
    else:
        judge(scene, other, "hidden")
    assert ANSWER not in scene.browser().get(f"/posts/{first}").text
    tap(scene, other)
    assert ANSWER in scene.browser().get(f"/posts/{other}").text
    assert to_answer(scene, visit) == {first}


def test_a_promise_goes_to_none_that_is_hidden_while_it_is_public(scene: Scene) -> None:
    visit, first, other = grouped(scene)
    tap(scene, other)
    judge(scene, first, "removed")
    goes_on(scene, visit, newest(scene))


def test_who_supports_what_is_hidden_counts_for_none_that_it_was_answered_with(scene: Scene) -> None:
    visit = scene.visit()
    first, other = scene.accepted(visit), scene.accepted(visit, **BENCH)
    for name, ident in (("deputy", first), ("agent", other), ("mayor", other)):
        scene.browser(name).submit(f"/posts/{ident}/support", _page=f"/posts/{ident}")
    decide(scene, visit, [first, other], "group")
    tap(scene, other)
    [said] = scene.browser().get(f"/visits/{visit}/data.json").json["questions"]
    assert (said["supports"], said["group_supports"]) == (1, 1)


def test_a_department_keeps_its_request_where_a_draft_comes_to_it(scene: Scene) -> None:
    visit, parks = scene.visit(), outside(scene)
    first, other = scene.drafted(visit), scene.accepted(visit, **BENCH)
    decide(scene, visit, [first, other], "group")
    assert row(scene, Question, other).group_id == first
    decide(scene, visit, [other], "assign", department=str(parks), official="0")
    link = link_of(scene)
    tap(scene, first)
    found = row(scene, Casework, other)
    assert (found.answer, found.department_id) == ("drafted", parks)
    assert "And the bench?" in scene.browser().get(link).text
    assert row(scene, Casework, first).department_id is None


def test_what_waits_behind_all_that_somebody_erases_is_answered_once_it_is_accepted(scene: Scene) -> None:
    visit = scene.visit()
    first, own = scene.answered(visit, ANSWER), scene.accepted(visit, title="And the tree?")
    unread = scene.question(visit, **BENCH)
    decide(scene, visit, [first, own, unread], "group")
    erased(scene, "resident")
    decide(scene, visit, [unread], "accept")
    assert ANSWER in scene.browser().get(f"/posts/{unread}").text
    assert to_answer(scene, visit) == set()


def test_notes_of_two_stops_whose_questions_were_hidden_stay_apart(
    scene: Scene, walk: tuple[int, int]
) -> None:
    visit, _question = walk
    stand(scene, visit, "collecting")
    both = [scene.accepted(visit, title="A lamp?"), scene.accepted(visit, **BENCH)]
    agent, page = scene.browser("agent"), f"/visits/{visit}/route"
    for question in both:
        agent.submit(f"{page}/questions", _page=page, pick=[str(question)])
    titles = sa.select(Stop.title).join(StopQuestion, StopQuestion.stop_id == Stop.id)
    names = scene.town.run(
        lambda: list(db.session.scalars(titles.where(StopQuestion.entry_id.in_(both)).order_by(Stop.id)))
    )
    stand(scene, visit, "in_progress")
    for number, name in enumerate(names):
        send(scene, visit, key=f"note{number}", stop=name, text=f"Said at {name}.", attendance="")
    tap(scene, *both)
    assert len({note.stop for note in kept(scene)}) == 2
    tap(scene, *both)
    assert {(note.stop, note.text) for note in kept(scene)} == {(name, f"Said at {name}.") for name in names}
