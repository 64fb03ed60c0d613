"""The queue without JavaScript: decide on many, undo, group, forward, assign; whoever asked hears of it."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import api, jobs, mail
from core.db import db, now, write
from core.models import Entry, Follow, JobRow, Mail, Notice, NoticeChoice, NoticeRound
from core.notices import tell
from plugins.neighbourhood_visits import letters, reads
from plugins.neighbourhood_visits.intake import imports, tables
from plugins.neighbourhood_visits.models import Casework, Department, PrivateCase, Question
from portal.notices import mailing

from ..core.test_files import encoded, photo
from .conftest import QUESTION
from .test_browser import many
from .test_plugin import statements

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from .conftest import Scene


def decide(
    scene: Scene, visit: int, questions: list[int], verb: str, name: str = "agent", **said: Any
) -> TestResponse:
    """Tick questions as their page shows them, and decide."""
    page = f"/visits/{visit}/review"
    picks = [f"{one}:{row(scene, Question, one).moves}" for one in questions]
    return scene.browser(name).submit(f"/visits/{visit}/decide", _page=page, verb=verb, pick=picks, **said)


def test_the_queue_stays_as_it_was_after_each_decision(scene: Scene) -> None:
    visit = scene.visit()
    one, two = scene.question(visit, theme="streets"), scene.question(visit, "And the bench?", theme="green")
    agent, page = scene.browser("agent"), f"/visits/{visit}/review?queue=unread&theme=green"
    shown = agent.get(page).text
    assert f'id="question-{two}"' in shown
    assert f'id="question-{one}"' not in shown
    send = html.unescape(re.findall(r'id="bulk"[^>]*action="([^"]+)"', shown)[0])
    refused = agent.submit(send, _page=page, verb="assign", pick=f"{two}:0")
    assert refused.status_code == 422
    assert "Choose a department or an official" in refused.text
    assert re.search(rf'id="pick-{two}" checked', refused.text)
    assert re.search(r'<option selected value="assign"', refused.text)
    assert f'id="question-{one}"' not in refused.text
    done = agent.submit(send, _page=page, verb="accept", pick=f"{two}:0")
    assert done.status_code == 302
    assert "theme=green" in done.location
    after = agent.get(done.location).text
    undo = html.unescape(re.findall(r'class="inline" method="post" action="([^"]+)"', after)[0])
    back = agent.submit(undo, _page=page, verb="reconsider", pick=f"{two}:1").location
    assert back.endswith("/review?queue=unread&theme=green")


def row(scene: Scene, model: Any, ident: int) -> Any:
    """A row as the database holds it."""
    return scene.town.run(lambda: db.session.get(model, ident))


def told(scene: Scene) -> list[tuple[str, int]]:
    """Which notices of a decision whom was given, once the worker has done its part."""
    jobs.run_due(scene.town.app)
    decided = (Notice.type.startswith("visits."), Notice.type != "visits.received")
    found = sa.select(Notice.type, Notice.user_id).where(*decided).order_by(Notice.id)
    return scene.town.run(lambda: [tuple(one) for one in db.session.execute(found)])  # type: ignore[no-any-return]


def test_many_are_decided_at_once_and_taken_back(scene: Scene) -> None:
    visit = scene.visit()
    questions = [scene.question(visit, title=f"Question {number}?") for number in range(3)]
    answer = decide(scene, visit, questions, "reject", reason="Not about this neighbourhood.")
    assert answer.status_code == 302
    shown = scene.browser("agent").get(answer.location).text
    assert "3 questions: done." not in shown, "said once, to who decided"
    assert "Undo" in shown
    assert {row(scene, Question, one).triage for one in questions} == {"rejected"}
    assert "Not about this neighbourhood." in scene.browser("resident").get(f"/visits/{visit}").text
    decide(scene, visit, questions, "reconsider")
    assert {row(scene, Question, one).triage for one in questions} == {"submitted"}


def test_what_lacks_its_reason_keeps_ticks_and_choice(scene: Scene) -> None:
    visit = scene.visit()
    one, two = (scene.question(visit, title=f"Question {number}?") for number in range(2))
    for verb, says in (("reject", "Write the reason."), ("forward", "Say to whom it is forwarded.")):
        refused = decide(scene, visit, [one], verb, reason=" ", queue="unread")
        assert refused.status_code == 422
        assert says in refused.text
        assert re.search(rf'id="pick-{one}" checked', refused.text)
        assert not re.search(rf'id="pick-{two}" checked', refused.text)
        assert re.search(rf'<option selected value="{verb}">', refused.text)
    assert row(scene, Question, one).triage == "submitted"


def test_what_is_taken_back_in_time_is_told_to_nobody(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (letters, tell):
        monkeypatch.setattr(module, "PAUSE", dt.timedelta(seconds=60))
    visit = scene.visit()
    kept, undone = scene.question(visit, title="One?"), scene.question(visit, title="Two?")
    follower = scene.browser("neighbour")
    assert follower.submit(f"/spaces/{visit}/follow", _page=f"/visits/{visit}").status_code == 302
    jobs.run_due(scene.town.app)

    def news() -> list[int]:
        jobs.run_due(scene.town.app)
        posts = sa.select(Notice.entry_id).where(
            Notice.type == "core.post", Notice.user_id == scene.town.person("neighbour")
        )
        return scene.town.run(lambda: list(db.session.scalars(posts)))  # type: ignore[no-any-return]

    decide(scene, visit, [kept, undone], "accept")
    assert (told(scene), news()) == ([], [])
    decide(scene, visit, [undone], "reconsider")

    def pass_time() -> None:
        with write() as session:
            session.execute(sa.update(JobRow).values(run_at=sa.func.current_timestamp()))

    scene.town.run(pass_time)
    assert told(scene) == [("visits.accepted", scene.town.person("resident"))]
    assert news() == [kept], "nor is a follower"
    decide(scene, visit, [undone], "accept")
    assert news() == [kept]
    scene.town.run(pass_time)
    assert news() == [kept, undone], "of what is accepted at last they are told"
    before = told(scene)
    decide(scene, visit, [kept, undone], "group")
    for question in (kept, undone):
        decide(scene, visit, [question], "ungroup")
    scene.town.run(pass_time)
    assert told(scene) == before, "nor of a group that is none any more"
    decide(scene, visit, [kept, undone], "group")
    scene.town.run(pass_time)
    assert [what for what, _who in told(scene)[len(before) :]] == ["visits.grouped"] * 2


def test_forwarding_names_the_body_and_is_told_to_the_author(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.question(visit)
    decide(scene, visit, [question], "forward")
    assert row(scene, Question, question).triage == "submitted", "the body must be named"
    decide(scene, visit, [question], "forward", to="The region", reason="Its trains.")
    assert "The region" in scene.browser("resident").get(f"/posts/{question}").text
    assert scene.browser().get(f"/posts/{question}").status_code == 404
    assert told(scene) == [("visits.forwarded", scene.town.person("resident"))]


def test_a_private_case_is_between_its_author_and_the_team(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.accepted(visit)
    decide(scene, visit, [question], "divert")
    assert row(scene, PrivateCase, question).recipient_id == scene.town.person("agent")
    for name in (None, "neighbour", "opposition", "mayor2", "agent2"):
        assert scene.browser(name).get(f"/posts/{question}").status_code == 404, name
    for name in ("resident", "deputy"):
        assert scene.browser(name).get(f"/posts/{question}").status_code == 200, name
    told_so = "Dealt with between you and the town"
    assert told_so in scene.browser("resident").get(f"/posts/{question}").text
    assert told_so not in scene.browser("deputy").get(f"/posts/{question}").text
    assert ("visits.private_case", scene.town.person("resident")) in told(scene)


def test_what_is_only_taken_back_is_one_button(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.accepted(visit)
    page, agent = f"/visits/questions/{question}", scene.browser("agent")
    assert "Assign, forward, make it a private case" in agent.get(page).text
    decide(scene, visit, [question], "divert")
    shown = agent.get(page).text
    assert 'name="department"' not in shown, "nothing else is decided"
    assert "Undo: to be read again" in shown
    assert agent.submit(f"{page}/decide", _page=page, verb="reconsider").status_code == 302
    assert row(scene, Question, question).triage == "submitted"


def test_assigning_accepts_and_says_who_prepares_the_answer(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.question(visit)
    fields = {"name": "Roads", "mailbox": "roads@town.example", "official": str(scene.town.person("deputy"))}
    added = scene.browser("admin").submit("/visits/departments/new", **fields, days="15")
    assert added.status_code == 302, added.text
    [department] = scene.town.run(lambda: list(db.session.scalars(sa.select(Department.id))))
    decide(scene, visit, [question], "assign", department=str(department), official="0")
    casework = row(scene, Casework, question)
    assert (casework.answer, casework.department_id) == ("assigned", department)
    assert casework.official_id == scene.town.person("deputy"), "who is in charge of the department"
    shown = scene.browser("agent").get(f"/visits/questions/{question}").text
    assert "Roads" in shown
    assert "Deputy" in shown
    assert "Roads" not in scene.browser().get(f"/posts/{question}").text
    again = scene.browser("admin").submit("/visits/departments/new", **(fields | {"name": "ROADS"}), days="9")
    assert "There is a department of this name." in again.text
    for name in (None, "resident", "opposition", "mayor"):
        assert scene.browser(name).get("/visits/departments").status_code in (302, 403), name


def test_a_group_counts_supporters_once_tells_each_author_and_is_undone(scene: Scene) -> None:
    visit = scene.visit()
    first = scene.accepted(visit, title="Where is the lamp?")
    second = scene.accepted(visit, title="And the light?", name="neighbour")
    for name, question in (("mayor2", first), ("mayor2", second), ("agent2", second)):
        scene.browser(name).submit(f"/posts/{question}/support", _page=f"/posts/{question}")
    told(scene)
    decide(scene, visit, [first, second], "group")
    assert scene.town.run(lambda: reads.voices(db.session.get(Question, first))) == 2
    page = scene.browser("agent").get(f"/visits/questions/{first}").text
    assert "2 people support them" in page
    queue = scene.browser("agent").get(f"/visits/{visit}/review?queue=unanswered").text
    assert "Leads a group: 1 similar question" in queue
    assert "And the light?" in page
    public = scene.browser().get(f"/posts/{second}").text
    assert "And the light?" in public
    assert f'href="/posts/{first}"' in public
    heard = {person for kind, person in told(scene) if kind == "visits.grouped"}
    assert heard == {scene.town.person("resident"), scene.town.person("neighbour")}
    assert "To be answered together with a similar question" in public
    assert "Answer to come" in public
    scene.draft(first, "On Monday.")
    scene.approve(first, "On Monday.")
    public = scene.browser().get(f"/posts/{second}").text
    assert "Answered together with a similar question" in public
    assert "Answer published" in public
    assert "Answer to come" not in public
    answered = {person for kind, person in told(scene) if kind == "visits.answered"}
    people = ("resident", "neighbour", "mayor2", "agent2")
    assert answered == {scene.town.person(name) for name in people}, "all who asked or support, once"
    decide(scene, visit, [second], "ungroup")
    assert row(scene, Question, second).group_id is None
    assert f'href="/posts/{first}"' not in scene.browser().get(f"/posts/{second}").text


def test_what_was_done_is_said_in_its_own_words(scene: Scene) -> None:
    visit = scene.visit()
    one, two = scene.question(visit, title="One?"), scene.question(visit, title="Two?")
    agent, page = scene.browser("agent"), f"/visits/{visit}/review"
    for verb, said in (
        ("group", "2 questions grouped."),
        ("ungroup", "2 questions taken out of their group."),
        ("theme", "The theme of 2 questions is said."),
        ("divert", "2 questions are private cases."),
        ("reconsider", "2 questions are to be read again."),
    ):
        picks = [f"{ident}:{row(scene, Question, ident).moves}" for ident in (one, two)]
        agent.submit(f"/visits/{visit}/decide", _page=page, verb=verb, pick=picks, theme="green")
        assert said in agent.get(page).text


def test_what_a_colleague_moved_since_is_not_moved_again(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.question(visit)
    page = f"/visits/{visit}/review"
    seen = {"verb": "reject", "reason": "Not ours.", "pick": f"{question}:0"}
    decide(scene, visit, [question], "accept", name="mayor")
    agent = scene.browser("agent")
    late = agent.submit(f"/visits/{visit}/decide", _page=page, **seen)
    assert late.status_code == 409
    assert "A colleague has dealt with this question" in late.text
    assert row(scene, Question, question).triage == "accepted"


def test_what_is_decided_for_nothing_keeps_what_was_typed(scene: Scene) -> None:
    visit = scene.visit()
    scene.question(visit)
    nothing = decide(scene, visit, [], "reject", reason="Not for the town.", queue="unread")
    assert nothing.status_code == 422
    assert "Tick the questions first." in nothing.text
    assert 'value="Not for the town."' in nothing.text


@pytest.mark.parametrize("verb", ["reject", "group"])
def test_what_a_colleague_was_first_with_is_named_and_the_rest_is_kept(scene: Scene, verb: str) -> None:
    visit = scene.visit()
    first, *others = (scene.question(visit, title=f"Question <{number}>?") for number in range(3))
    scene.question(visit, title="One that waits on?")
    decide(scene, visit, [first], "divert", name="mayor")
    picks = [f"{one}:0" for one in (first, *others)]
    said = {"verb": verb, "pick": picks, "reason": "Not for the town."}
    page = f"/visits/{visit}/review?queue=unread"
    late = scene.browser("agent").submit(f"/visits/{visit}/decide?queue=unread", _page=page, **said)
    assert late.status_code == 409
    summary = re.search(r'(?s)<div class="error-summary".*?</div>', late.text)
    assert summary
    assert f'<a href="/visits/questions/{first}">Question &lt;0&gt;?</a>' in summary[0]
    assert "Question &lt;1&gt;?" not in summary[0]
    assert 'value="Not for the town."' in late.text
    assert re.search(rf'<option selected value="{verb}">', late.text)
    assert {row(scene, Question, one).triage for one in others} == {
        "rejected" if verb == "reject" else "submitted"
    }
    assert ("2 questions not accepted." in late.text) == (verb == "reject"), "what could be done is done"
    assert ('name="verb" value="reconsider"' in late.text) == (verb == "reject"), "and taken back"
    ticked = {int(one) for one in re.findall(r'id="pick-(\d+)" checked', late.text)}
    assert ticked == (set() if verb == "reject" else set(others))


def test_what_reads_otherwise_by_now_is_named_as_it_is_and_ticked_no_longer(scene: Scene) -> None:
    visit = scene.visit()
    changed = scene.question(visit, title="A <b>lamp</b>?")
    page = f"/visits/{visit}/review?queue=unread"
    said = {"verb": "accept", "pick": f"{changed}:0:{'0' * 16}"}
    late = scene.browser("agent").submit(f"/visits/{visit}/decide?queue=unread", _page=page, **said)
    assert late.status_code == 409
    assert "“A &lt;b&gt;lamp&lt;/b&gt;?” has other words or pictures" in late.text
    assert "<b>lamp" not in late.text
    assert f'id="pick-{changed}"' in late.text
    assert f'id="pick-{changed}" checked' not in late.text, "it is to be read first"


def test_a_refused_suggestion_keeps_what_was_ticked_beside_it(scene: Scene) -> None:
    visit = scene.visit()
    first, other = scene.question(visit, title="One?"), scene.question(visit, title="Two?")
    decide(scene, visit, [first], "reject", name="mayor", reason="No.")
    said = {"pick": f"{other}:0", "verb": "reject", "reason": "Not ours."}
    page = f"/visits/{visit}/review?queue=unread"
    for one, refusal in (
        (f"group {first}:0 {other}:0", "This question is not accepted, or no longer."),
        (f"theme {other}:0 made-up", "Not a valid choice"),
    ):
        url = f"/visits/{visit}/decide?queue=unread"
        late = scene.browser("agent").submit(url, _page=page, one=one, **said)
        assert refusal in late.text
        assert re.search(rf'id="pick-{other}" checked', late.text)
        assert 'value="Not ours."' in late.text
        assert row(scene, Question, other).triage == "submitted"


def fields_of(text: str, action: str) -> dict[str, str]:
    """The hidden fields of the form with this address, as its page holds them."""
    form = re.search(rf'(?s)<form[^>]*action="{re.escape(action)}".*?</form>', text)
    assert form, action
    hidden = (one for one in re.findall(r"<input[^>]*>", form[0]) if 'type="hidden"' in one)
    found = {re.search(r'name="([^"]*)"', one)[1]: re.search(r'value="([^"]*)"', one) for one in hidden}  # type: ignore[index]
    return {name: value[1] if value else "" for name, value in found.items() if name != "csrf_token"}


def accepting(scene: Scene, visit: int, question: int, way: str) -> tuple[Any, Any]:
    """What sends the form that accepts a question, with what is shown then; and what reads it."""
    agent, page = scene.browser("agent"), f"/visits/questions/{question}"
    queue, official = f"/visits/{visit}/review", str(scene.town.person("deputy"))

    def read() -> tuple[str, str, dict[str, Any]]:
        listed, alone = agent.get(queue).text, agent.get(page).text
        [picked] = re.findall(rf'name="pick" value="({question}:[^"]*)"', listed)
        assigns = {"verb": "assign", "department": "0", "official": official}
        return {
            "queue": (f"/visits/{visit}/decide", queue, {"verb": "accept", "pick": picked}),
            "queue, assign": (f"/visits/{visit}/decide", queue, {"pick": picked, **assigns}),
            "card": (f"{page}/accept", queue, fields_of(listed, f"{page}/accept")),
            "page": (f"{page}/accept", page, fields_of(alone, f"{page}/accept")),
            "page, assign": (f"{page}/decide", page, {**fields_of(alone, f"{page}/decide"), **assigns}),
        }[way]

    def send(url: str, at: str, fields: dict[str, Any]) -> str:
        answer = agent.submit(url, _page=at, **fields)
        return agent.get(answer.location).text if answer.status_code == 302 else answer.text

    return send, read


WAYS = ("queue", "queue, assign", "card", "page", "page, assign")
OTHER_WORDS = "has other words or pictures than when you read it"


@pytest.mark.parametrize("way", WAYS)
def test_words_that_the_team_has_not_read_are_not_published(scene: Scene, way: str) -> None:
    visit = scene.visit()
    question = scene.question(visit)
    send, read = accepting(scene, visit, question, way)
    seen = read()
    scene.rewrite(question, "Other words than you read?")
    told = send(*seen)
    assert OTHER_WORDS in told
    assert "Other words than you read?" in told, "they are shown as they are now"
    assert row(scene, Question, question).triage == "submitted"
    assert scene.browser().get(f"/posts/{question}").status_code == 404
    send(*read())
    assert row(scene, Question, question).triage == "accepted"


@pytest.mark.parametrize("by_code", [False, True])
@pytest.mark.parametrize("way", ["queue", "page"])
def test_pictures_that_the_team_has_not_seen_are_not_published(scene: Scene, way: str, by_code: bool) -> None:
    visit = scene.visit()
    author, page = scene.browser(None if by_code else "resident"), f"/visits/{visit}/ask"
    author.submit(page, title="May a picture follow?", seen="yes")
    [question] = scene.town.run(lambda: db.session.scalars(sa.select(Entry.id)).all())
    shown = author.get("/visits/received").text if by_code else ""
    send, read = accepting(scene, visit, question, way)
    seen = read()
    added = {"pictures": [(io.BytesIO(encoded(photo(), "PNG")), "lamp.png")], "alts": ["A lewd picture"]}
    if by_code:
        code = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}", shown)
        assert code
        author.submit("/visits/code/photos", _page="/visits/code", code=code[0], **added)
    else:
        author.submit(f"/visits/questions/{question}/photos", **added)
    assert OTHER_WORDS in send(*seen)
    assert row(scene, Question, question).triage == "submitted"
    send(*read())
    assert "A lewd picture" in scene.browser().get(f"/posts/{question}").text


@pytest.mark.parametrize(("url", "field"), [("note", "note"), ("delicate", "text")])
def test_a_note_that_a_colleague_changed_meanwhile_is_not_written_over(
    scene: Scene, url: str, field: str
) -> None:
    question = scene.question(scene.visit())
    page = f"/visits/questions/{question}"
    form, action = (page, f"{page}/note") if url == "note" else (f"{page}/delicate", f"{page}/delicate")
    agent, mayor = scene.browser("agent"), scene.browser("mayor")

    def read(page: str) -> dict[str, str]:
        found = re.search(r'<input[^>]*name="read"[^>]*value="([0-9a-f]+)"', page)
        assert found
        return {"read": found[1]}

    seen = read(mayor.get(form).text)
    first = agent.submit(action, _page=form, **read(agent.get(form).text), **{field: "The agent wrote this."})
    assert first.status_code == 302
    late = mayor.submit(action, _page=form, **seen, **{field: "The mayor wrote that."})
    assert late.status_code == 409
    for text in ("A colleague has changed this note", "The agent wrote this.", "The mayor wrote that."):
        assert text in late.text
    assert "The agent wrote this." in agent.get(form).text
    unread = mayor.submit(action, _page=form, **{field: "Written over what nobody read."})
    assert unread.status_code == 409
    assert "A colleague has changed this note" in unread.text
    assert "Written over what nobody read." in unread.text
    assert "The agent wrote this." in agent.get(form).text
    both = {field: "Both wrote these words."}
    assert mayor.submit(action, _page=form, **read(late.text), **both).status_code == 302
    assert "Both wrote these words." in agent.get(form).text


def test_an_author_withdraws_or_contests(scene: Scene) -> None:
    visit = scene.visit()
    question, resident = scene.accepted(visit), scene.browser("resident")
    page, own = f"/posts/{question}", f"/visits/questions/{question}"
    assert f'href="{own}/withdraw"' in resident.get(page).text
    assert scene.browser("neighbour").get(f"{own}/withdraw").status_code == 404
    assert resident.submit(f"{own}/withdraw").status_code == 302
    assert scene.browser().get(page).status_code == 404
    other = scene.question(visit, title="And the bench?")
    decide(scene, visit, [other], "reject", reason="Not ours.")
    contest = f"/visits/questions/{other}/contest"
    assert resident.submit(contest, reason=" ").status_code == 422
    assert resident.submit(contest, reason="It stands on the square.").status_code == 302
    queue = scene.browser("agent").get(f"/visits/{visit}/review?queue=unread").text
    assert "Contested" in queue
    for shown in (queue, resident.get(f"/posts/{other}").text, resident.get(f"/visits/{visit}").text):
        assert "It stands on the square." in shown
        assert "Not ours." in shown, "the town's reason stays beside it"


def test_an_empty_queue_leads_to_the_one_in_which_something_waits(scene: Scene) -> None:
    visit = scene.visit()
    queue = f"/visits/{visit}/review?queue="
    question, agent = scene.question(visit), scene.browser("agent")
    leads = '<a class="button quiet" href="{}{}">{} (1)</a>'
    assert leads.format(queue, "unread", "To read") in agent.get(queue + "unanswered").text
    decide(scene, visit, [question], "accept")
    page = agent.get(queue + "unread").text
    assert "Nothing waits here" in page
    assert leads.format(queue, "unanswered", "To answer") in page


def test_what_waits_longest_and_soonest_stands_first_among_many_visits(scene: Scene) -> None:
    soon, agent = scene.visit(name="Soon"), scene.browser("agent")
    late, _done = scene.visit(name="Late"), scene.visit(name="Nothing waits")
    scene.question(soon)
    answered = scene.accepted(late)
    lines = [f"{number};Question {number} ?;A place;Far {number}" for number in range(reads.PAGE + 2)]
    table = tables.read("\n".join(["id;title;place;visit", *lines]).encode())

    def act() -> None:
        columns, day = imports.guess(table.header), dt.date(2040, 1, 1)
        imports.take_in(table, columns, "Import", day, [scene.town.person("agent")])
        with write() as session:
            session.get(Casework, answered).due_at = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)

    scene.town.run(act)
    every = reads.PAGE + 4
    for page, most in (("/", 3), ("/visits/", reads.PAGE), ("/visits/?waiting=all", every)):
        waiting = agent.get(page).text.partition("Questions waiting for you")[2].partition("</section>")[0]
        shown = re.findall(r"(Soon|Late|Nothing waits|Visite Far \d+)</a>", waiting)
        assert shown[:3] == ["Late", "Soon", "Visite Far 0"], page
        assert len(shown) == most, page
        more = f'href="/visits/?waiting=all#waits-title">and {every - most} more visits<'
        assert (more in waiting) == (most < every), page


def test_a_card_says_how_it_came_who_has_it_until_when_and_what_it_holds(scene: Scene) -> None:
    visit, agent = scene.visit(), scene.browser("agent")
    said = {"title": "The lamp?", "body": "Call me: 06 12 34 56 78", "seen": "yes", "confirmed": "yes"}
    picture = (io.BytesIO(encoded(photo(), "PNG")), "lamp.png")
    asked = scene.browser("resident").submit(
        f"/visits/{visit}/ask", _page=f"/visits/{visit}", pictures=picture, alts="A lamp", **said
    )
    assert asked.status_code == 302, asked.text
    [question] = scene.town.run(lambda: list(db.session.scalars(sa.select(Question.entry_id))))
    page = f"/visits/{visit}/review"
    card = agent.get(page).text.partition('id="question-')[2].partition("</li>\n<li")[0]
    for shown in ("on this site", "A lamp", "Holds personal details"):
        assert shown in card, shown
    official = str(scene.town.person("deputy"))
    decide(scene, visit, [question], "assign", department="0", official=official)
    card = agent.get(f"{page}?queue=unanswered").text.partition('id="question-')[2]
    assert re.search(r"<span>Deputy[^<]*</span><span>to be answered until", card)
    decide(scene, visit, [question], "forward", to="The region")
    card = agent.get(f"{page}?queue=rejected").text.partition('id="question-')[2]
    assert "Forwarded to:</strong> The region" in card


def test_a_long_question_is_folded_and_read_whole_where_one_unfolds_it(scene: Scene) -> None:
    visit, agent = scene.visit(), scene.browser("agent")
    words = "We have waited for a lamp. " * 150 + "That is the end."
    scene.question(visit, title="A lamp?", body=words)
    scene.question(visit, title="A bench?", body="It is short.")
    queue = agent.get(f"/visits/{visit}/review?queue=unread").text
    [folded] = re.findall(r"<details><summary>All of it.*?</details>", queue, re.DOTALL)
    assert "That is the end." in folded
    assert "That is the end." not in queue.replace(folded, "")
    assert "It is short." in queue


def test_five_hundred_questions_cost_no_more_than_ten(scene: Scene) -> None:
    visit = scene.visit()
    agent = scene.browser("agent")
    many(scene, visit, 10)
    pages = (f"/visits/{visit}/review", f"/visits/{visit}", f"/visits/{visit}/review?queue=unanswered")
    few = [statements(scene, agent, page) for page in pages]
    many(scene, visit, 500)
    assert [statements(scene, agent, page) for page in pages] == few


def test_one_question_is_decided_on_from_its_page(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.question(visit)
    page, agent = f"/visits/questions/{question}", scene.browser("agent")
    wrong = agent.submit(f"{page}/decide", _page=page, verb="group", department="0", official="0")
    assert wrong.status_code == 409
    nobody = agent.submit(f"{page}/decide", _page=page, verb="assign", department="0", official="0")
    assert "Choose a department or an official." in nobody.text
    assert row(scene, Question, question).triage == "submitted", "all of it or nothing"
    official = str(scene.town.person("deputy"))
    done = agent.submit(f"{page}/decide", _page=page, verb="assign", department="0", official=official)
    assert done.status_code == 302
    assert row(scene, Question, question).triage == "accepted"
    late = agent.submit(f"{page}/decide", _page=page, verb="divert", official="0", department="0", moves="0")
    assert late.status_code == 409
    assert "A colleague has dealt with this question" in late.text


def test_a_card_says_one_thing_of_where_its_question_stands(scene: Scene) -> None:
    visit = scene.visit()
    waits, private, gone, refused = (scene.question(visit, title=f"Number {at}?") for at in range(4))
    decide(scene, visit, [private], "divert")
    decide(scene, visit, [refused], "accept")
    scene.browser("resident").submit(f"/visits/questions/{gone}/withdraw")
    page = f"/visits/questions/{refused}"
    scene.browser("agent").submit(f"{page}/conclude", _page=page, verb="refuse", reason="No room.")
    agent = scene.browser("agent")
    assert "Waiting to be checked" in agent.get(f"/posts/{waits}").text
    for ident in (private, gone):
        for url in (f"/posts/{ident}", f"/visits/questions/{ident}"):
            shown = agent.get(url).text
            assert "Waiting to be checked" not in shown, url
            assert "Not public; for the team" in shown, url
    for url in (f"/posts/{refused}", f"/visits/{visit}"):
        shown = scene.browser().get(url).text
        assert "Answer to come" not in shown, url
        assert re.findall(r'<span class="badge[^"]*">(Refused|Answer[^<]*)</span>', shown) == ["Refused"], url


def test_what_its_author_withdrew_is_not_edited(scene: Scene) -> None:
    question = scene.question(scene.visit())
    page, resident = f"/posts/{question}", scene.browser("resident")
    version = re.search(r'name="version"[^>]*value="(\d+)"', resident.get(f"{page}/edit").text)
    assert version
    withdraw = f"/visits/questions/{question}/withdraw"
    ways = [f'href="{page}/edit"', f'href="{withdraw}"']
    assert all(way in resident.get(page).text for way in ways)
    resident.submit(withdraw)
    shown = resident.get(page).text
    assert "Withdrawn" in shown
    assert not any(way in shown for way in ways)
    now = re.search(r'name="version"[^>]*value="(\d+)"', resident.get(f"{page}/edit").text)
    assert now
    told = resident.submit(f"{page}/edit", title="Other words?", body="", version=now[1])
    assert "You have withdrawn this question" in told.text
    assert row(scene, Entry, question).title == QUESTION


def test_a_question_s_desk_leads_with_what_is_to_be_done_next(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.accepted(visit)
    agent, page = scene.browser("agent"), f"/visits/questions/{question}"
    scene.browser("admin").submit("/visits/departments/new", name="Roads", days="30", official="0")
    shown = agent.get(page).text
    assert shown.index('id="decide"') < shown.index('id="answer"'), "it has no department yet"
    decide(scene, visit, [question], "assign", department="1", official="0")
    shown = agent.get(page).text
    assert shown.index('id="answer"') < shown.index('id="decide"')
    private = scene.question(visit)
    decide(scene, visit, [private], "divert")
    shown = agent.get(f"/visits/questions/{private}").text
    assert shown.index('id="case"') < shown.index('id="decide"')


def test_a_second_tap_on_a_note_is_no_colleague(scene: Scene) -> None:
    question = scene.question(scene.visit())
    page, agent = f"/visits/questions/{question}", scene.browser("agent")
    found = re.search(r'<input[^>]*name="read"[^>]*value="([0-9a-f]+)"', agent.get(page).text)
    assert found
    fields = {"note": "The agent wrote this.", "read": found[1]}
    for _tap in range(2):
        assert agent.submit(f"{page}/note", _page=page, **fields).status_code == 302
    late = agent.submit(f"{page}/note", _page=page, note="Other words.", read=found[1])
    assert late.status_code == 409
    assert row(scene, Casework, question).note == "The agent wrote this."


def test_nobody_but_its_author_is_mailed_about_what_is_not_accepted(scene: Scene) -> None:
    visit = scene.visit()
    people = ("mayor", "agent", "neighbour")

    def hear() -> None:
        with write() as session:
            for name in people:
                person = scene.town.person(name)
                session.add(NoticeChoice(user_id=person, space_id=visit, way="at_once"))
                api.insert_once(Follow, user_id=person, space_id=visit)

    scene.town.run(hear)
    names = ("At Groscul's, at midnight?", "A bench?", "A tree?", "A lamp?")
    unread, rejected, forwarded, private = (scene.question(visit, title=title) for title in names)
    decide(scene, visit, [rejected], "reject", reason="No.")
    decide(scene, visit, [forwarded], "forward", to="The region")
    decide(scene, visit, [private], "divert")
    jobs.run_due(scene.town.app)
    assert "core.waits" in {kind for kind, _person in noticed(scene)}, "the team reads it in the page"

    def at_last() -> None:
        with write() as session:
            session.execute(sa.update(NoticeRound).values(due_at=now() - dt.timedelta(seconds=1)))
            session.execute(sa.update(JobRow).values(run_at=now() - dt.timedelta(seconds=1)))
        mailing.mail_due()

    for _round in range(3):
        scene.town.run(at_last)
        jobs.run_due(scene.town.app)

    def mailed() -> set[str]:
        letters = [(one.recipient, mail.written(one)) for one in db.session.scalars(sa.select(Mail)).all()]
        said = [(who, f"{found[0].subject} {found[0].text}") for who, found in letters if found]
        return {who for who, words in said for title in names if title in words}

    assert scene.town.run(mailed) == {"resident@example.org"}
    assert row(scene, Question, unread).triage == "submitted"


def noticed(scene: Scene) -> list[tuple[str, int]]:
    """Every notice there is, with whose it is."""
    found = sa.select(Notice.type, Notice.user_id).order_by(Notice.id)
    return scene.town.run(lambda: [tuple(one) for one in db.session.execute(found)])  # type: ignore[no-any-return]


def test_what_is_not_mailed_takes_no_room_in_a_digest(scene: Scene) -> None:
    visit = scene.visit()
    unread, agent = scene.question(visit, title="A bench?"), scene.town.person("agent")
    other = scene.accepted(visit, title="Who mends the lamp?")

    def fill() -> None:
        about = {"user_id": agent, "way": "daily", "actor_id": scene.town.person("resident")}
        with write() as session:
            session.execute(sa.delete(Notice).where(Notice.user_id == agent))
            for number in range(60):
                session.add(Notice(type="core.waits", entry_id=unread, once=f"waits:{number}", **about))
            session.flush()
            session.add(Notice(type="core.post", entry_id=other, once="entry", **about))
            session.execute(sa.delete(NoticeRound).where(NoticeRound.user_id == agent))
            session.add(NoticeRound(user_id=agent, way="daily", due_at=now() - dt.timedelta(seconds=1)))
            session.add(NoticeChoice(user_id=agent, space_id=visit, way="daily"))
        mailing.mail_due()

    scene.town.run(fill)
    letters = sa.select(Mail).where(Mail.recipient == "agent@example.org").order_by(Mail.id.desc())

    def said() -> str:
        found = mail.written(db.session.scalars(letters).first())
        return found[0].text if found else ""

    told = scene.town.run(said)
    assert "Who mends the lamp?" in told
    assert "A bench?" not in told
