"""A department answers by a signed link, or with accounts; what is overdue is said once to each."""

from __future__ import annotations

import datetime as dt
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from babel.dates import format_date

from core import jobs
from core.db import db, now, write
from core.models import Entry, JobRow, Mail, Membership, Notice
from plugins.neighbourhood_visits import letters
from plugins.neighbourhood_visits.assigned import links, overdue
from plugins.neighbourhood_visits.assigned.due import answer_by
from plugins.neighbourhood_visits.assigned.models import DepartmentLink
from plugins.neighbourhood_visits.models import Casework, Department, DepartmentMember, Question, Visit
from plugins.neighbourhood_visits.plan import papers
from portal.privacy import erase

from .conftest import TOWN, draft_version, read_mark
from .test_triage import decide, row

if TYPE_CHECKING:
    from core.testing import Browser

    from .conftest import Scene

MAILBOX = "roads@example.org"
SAID = {
    "title": "Le trottoir est cassé",
    "body": "Devant chez moi.",
    "place": "rue du Lavoir",
    "contact": "06 01",
}


def department(
    scene: Scene, name: str = "Roads", mailbox: str = MAILBOX, members: tuple[str, ...] = ()
) -> int:
    """The id of a new department."""
    people = [scene.town.person(member) for member in members]

    def act() -> int:
        with write() as session:
            found = Department(name=name, folded=name.lower(), mailbox=mailbox, days_to_answer=10)
            session.add(found)
            session.flush()
            session.add_all(DepartmentMember(department_id=found.id, user_id=person) for person in people)
            return found.id

    return scene.town.run(act)  # type: ignore[no-any-return]


def assigned(scene: Scene, visit: int, ident: int, **said: Any) -> int:
    """The id of a question that is assigned to a department."""
    question = scene.question(visit, **{**SAID, **said})
    decide(scene, visit, [question], "assign", department=str(ident), official="0")
    return question


def link_of(scene: Scene, number: int = -1) -> str:
    """The path of the link that the department's mailbox was sent."""
    jobs.run_due(scene.town.app)
    rows = sa.select(Mail.text).where(Mail.recipient == MAILBOX).order_by(Mail.id)
    texts = scene.town.run(lambda: list(db.session.scalars(rows)))
    found = re.search(r"http://localhost(/visits/request/\S+)", texts[number])
    assert found
    return found[1]


def casework(scene: Scene, question: int) -> Any:
    return row(scene, Casework, question)


def send(browser: Browser, link: str, body: str, **said: str) -> Any:
    """Write the answer into the form of a department's page, as it shows it."""
    version = re.search(r'name="version"[^>]*value="(\d+)"', browser.get(link).text)
    return browser.submit(link, body=body, **{"version": version[1] if version else "0", **said})


def test_a_department_in_which_nobody_is_told_is_shown_wherever_it_is_chosen(scene: Scene) -> None:
    visit, ident = scene.visit(), department(scene, "Archives", "")
    agent, admin = scene.browser("agent"), scene.browser("admin")
    question = scene.question(visit)
    page = f"/visits/{visit}/review"
    said = {"verb": "assign", "department": str(ident), "official": "0", "pick": f"{question}:0"}
    agent.submit(f"/visits/{visit}/decide", _page=page, **said)
    queue = agent.get(f"{page}?queue=unanswered").text
    assert "Nobody is told: Archives has neither a mailbox nor a member." in queue
    assert "Nobody is told there" in queue
    own = f"/visits/questions/{question}"
    assert "Nobody is told: Archives has neither" in agent.get(own).text
    assert "Nobody is told: no mailbox, no member" in admin.get("/visits/departments").text
    fields = {"name": "Archives", "mailbox": MAILBOX, "official": "0", "days": "15"}
    fields["read"] = read_mark(admin, f"/visits/departments/{ident}")
    assert admin.submit(f"/visits/departments/{ident}", **fields).status_code == 302
    assert link_of(scene), "it hears of what it could not hear of"
    for browser, shown in ((agent, own), (agent, f"{page}?queue=unanswered"), (admin, "/visits/departments")):
        assert "Nobody is told" not in browser.get(shown).text, shown


def test_a_department_answers_by_its_link_and_an_official_approves(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    visit, ident = scene.visit(), department(scene)
    other = scene.accepted(visit, title="Something else")
    question = assigned(scene, visit, ident)
    link, outside = link_of(scene), scene.browser()
    with caplog.at_level(logging.INFO, logger="parvis.visits"):
        page = outside.get(link)
    assert "department link used" in caplog.text
    assert page.status_code == 200
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in page.headers["Cache-Control"]
    for shown in ("Le trottoir est cassé", "Devant chez moi.", "rue du Lavoir", "To be answered until"):
        assert shown in page.text
    for hidden in ("Resident", "06 01", "Something else", f"/posts/{other}", f"/posts/{question}"):
        assert hidden not in page.text
    assert casework(scene, question).answer == "assigned", "looking changes nothing"
    told = send(outside, link, "In March.")
    assert told.status_code == 302
    found = casework(scene, question)
    assert (found.answer, found.drafted_by) == ("to_approve", None)
    assert "In March." not in scene.browser().get(f"/posts/{question}").text
    assert "drafted by Roads" in scene.browser("agent").get(f"/visits/questions/{question}").text
    assert send(outside, link, "In April.").status_code == 302, "until it is approved it may be changed"
    scene.approve(question, "In April.", name="deputy")
    assert "In April." in scene.browser().get(f"/posts/{question}").text
    after = outside.get(link).text
    assert "This request has its answer" in after
    assert send_anyway(outside, link, "Never.").status_code == 409
    assert "Never." not in scene.browser().get(f"/posts/{question}").text


def test_the_day_of_an_answer_is_one_and_never_after_the_visit(scene: Scene) -> None:
    visit, ident = scene.visit(), department(scene, name="Streets")
    starts_at = row(scene, Visit, visit).starts_at
    question = scene.question(visit)

    def told() -> set[str]:
        slip = scene.browser("resident").get(f"/visits/questions/{question}/slip").text
        thanks = scene.browser("resident").get(f"/visits/questions/{question}/thanks").text
        days = {re.search(r"Answer expected by</dt><dd>([^<]+)<", page)[1] for page in (slip, thanks)}  # type: ignore[index]
        assert f"by {days.copy().pop()}" in thanks
        return days

    agent = scene.browser("agent")
    taken = agent.submit(f"/visits/{visit}/record", words="A bench?", channel="phone")
    last = starts_at - dt.timedelta(days=3)
    [said] = told()
    assert said.startswith(f"{last:%A} {last.day} {last:%B}"), "not the thirty days of the settings"
    assert f"answer expected by {said}." in agent.get(taken.location).text
    decide(scene, visit, [question], "assign", department=str(ident), official="0")
    [said] = told()
    soon = dt.datetime.now(TOWN) + dt.timedelta(days=10)
    assert said.startswith(f"{soon:%A} {soon.day} {soon:%B}"), "the ten days of the department"
    assert said in scene.browser("agent").get(f"/visits/questions/{question}").text


def test_what_comes_late_is_answered_by_the_visit_or_as_promised() -> None:
    at = dt.datetime(2031, 3, 12, 18, tzinfo=dt.UTC)
    day = dt.timedelta(days=1)
    visit = Visit(state="collecting", starts_at=at, freezes_at=at - 2 * day)
    promised = at + 30 * day
    assert answer_by(promised, at - 20 * day, visit) == at - 5 * day
    assert answer_by(at - 9 * day, at - 20 * day, visit) == at - 9 * day
    assert answer_by(promised, at - 4 * day, visit) == at
    assert answer_by(promised, at + day, visit) == promised
    visit.state = "postponed"
    assert answer_by(promised, at - 20 * day, visit) == promised


def test_a_department_gives_a_request_back_with_its_reason(scene: Scene) -> None:
    visit, ident = scene.visit(), department(scene)
    question = assigned(scene, visit, ident)
    link, outside = link_of(scene), scene.browser()
    page = outside.get(link).text
    assert "Visit of the Tanneries" in page
    assert "This is not for us" in page
    refused = outside.submit(link, body="We could mend", **{"return": "yes", "reason": " "})
    assert refused.status_code == 422
    assert "We could mend</textarea>" in refused.text
    assert 'aria-describedby="reason-error"' in refused.text
    assert re.search(r"<details open>.*This is not for us", refused.text, re.S), "its panel is open"
    assert casework(scene, question).answer == "assigned"
    told = outside.submit(link, **{"return": "yes", "reason": "The region owns it."})
    assert (told.status_code, "The request is given back" in told.text) == (200, True)
    found = casework(scene, question)
    assert (found.answer, found.department_id, found.due_at) == ("none", None, None)
    assert outside.get(link).status_code == 404, "the link ends with it"
    review = scene.browser("agent").get(f"/visits/questions/{question}").text
    assert "Roads: not for us. The region owns it." in review
    assert "The region owns it." not in scene.browser().get(f"/posts/{question}").text
    queue = scene.browser("agent").get(f"/visits/{visit}/review?queue=unanswered").text
    assert "Roads: not for us. The region owns it." in queue
    jobs.run_due(scene.town.app)
    said = scene.town.run(lambda: letters.given_back(question), "agent")
    assert said == "Roads: not for us. The region owns it."
    note = f"/visits/questions/{question}"
    later = f"{casework(scene, question).note}\n\nCalled them since."
    read = read_mark(scene.browser("agent"), note)
    scene.browser("agent").submit(f"{note}/note", _page=note, note=later, read=read)
    assert "Roads: not for us. The region owns it." in scene.browser("agent").get("/notices").text
    assert "Called them since." not in scene.browser("agent").get("/notices").text
    rows = sa.select(Notice.user_id).where(Notice.type == "visits.returned")
    assert scene.town.run(lambda: set(db.session.scalars(rows))) == {
        scene.town.person(name) for name in ("mayor", "deputy", "agent")
    }, "the team, where nobody coordinates"


def test_a_member_gives_back_what_nobody_has_drafted_and_nobody_else_does(scene: Scene) -> None:
    visit, ident = scene.visit(), department(scene, members=("colleague",))
    question = assigned(scene, visit, ident)
    page, fields = f"/visits/department/{question}", {"return": "yes", "reason": "Not ours."}
    for name in ("agent", "resident", "opposition", "agent2"):
        assert scene.browser(name).submit(page, _page="/visits/", **fields).status_code == 404, name
    member = scene.browser("colleague")
    assert send(member, page, "In March.").status_code == 302
    assert "This is not for us" not in member.get(page).text
    assert member.submit(page, **fields).status_code == 409, "its draft waits for approval"
    decide(scene, visit, [question], "assign", department=str(ident), official="0")


def send_anyway(browser: Browser, link: str, body: str, version: str = "0") -> Any:
    """Post to a link whose page shows no form."""
    token = re.search(
        r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/sign-in").text + browser.get("/visits/").text
    )
    assert token
    return browser.client.post(link, data={"csrf_token": token[1], "body": body, "version": version})


def test_a_link_is_bound_to_its_assignment_and_ends_with_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    visit, ident, parks = scene.visit(), department(scene), department(scene, "Parks", "parks@example.org")
    first, second = assigned(scene, visit, ident), assigned(scene, visit, ident, title="Another")
    jobs.run_due(scene.town.app)
    one, two = link_of(scene, 0), link_of(scene, 1)
    outside = scene.browser()
    number, token = one.split("/")[3:]
    swapped = f"/visits/request/{two.split('/')[3]}/{token}"
    for wrong in (swapped, one[:-1], f"/visits/request/999/{token}", f"/visits/request/{number}/x"):
        assert outside.get(wrong).status_code == 404, wrong
        assert send_anyway(outside, wrong, "Forged.").status_code == 404
    refused = [one.__dict__ for one in caplog.records if one.message == "department link refused"]
    assert [one["why"] for one in refused] == ["forged"] * 4 + ["ended"] * 2 + ["forged"] * 2
    assert token not in str([one.__dict__ for one in caplog.records])
    decide(scene, visit, [first], "assign", department=str(parks), official="0")
    assert outside.get(one).status_code == 404, "reassigned"
    decide(scene, visit, [first], "assign", department=str(ident), official="0")
    assert outside.get(one).status_code == 404, "assigned back, by another secret"
    assert outside.get(link_of(scene)).status_code == 200
    own = f"/visits/questions/{second}/withdraw"
    assert outside.get(two).status_code == 200
    assert scene.browser("resident").submit(own).status_code == 302
    assert outside.get(two).status_code == 404, "withdrawn"
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=40)
    fresh = link_of(scene)
    monkeypatch.setattr("core.api.now", lambda: later)
    assert outside.get(fresh).status_code == 404, "expired"
    states = {casework(scene, one_of).answer for one_of in (first, second)}
    assert states == {"assigned"}, "nothing was written"


def test_members_see_what_is_assigned_to_their_department_alone(scene: Scene) -> None:
    visit = scene.visit()
    own, other = department(scene, members=("colleague",)), department(scene, "Parks", members=("agent2",))
    question, theirs = assigned(scene, visit, own), assigned(scene, visit, other, title="Trees")
    colleague = scene.browser("colleague")
    page = colleague.get("/visits/department").text
    assert "Le trottoir est cassé" in page
    assert "Trees" not in page
    assert colleague.get(f"/visits/department/{theirs}").status_code == 404
    assert scene.browser("resident").get(f"/visits/department/{question}").status_code == 404
    assert scene.browser().get("/visits/department").status_code == 302
    shown = colleague.get(f"/visits/department/{question}").text
    assert "06 01" not in shown
    assert ">Resident<" not in shown
    assert send(colleague, f"/visits/department/{question}", "In May.").status_code == 302
    found = casework(scene, question)
    assert (found.answer, found.drafted_by) == ("to_approve", scene.town.person("colleague"))
    assert colleague.get(f"/visits/questions/{question}").status_code == 403, "the desk is the team's"
    jobs.run_due(scene.town.app)
    notices = sa.select(Notice.user_id).where(Notice.type == "visits.department_assigned")
    assert scene.town.person("colleague") in scene.town.run(lambda: list(db.session.scalars(notices)))
    assert scene.town.run(lambda: db.session.scalar(sa.select(sa.func.count(DepartmentLink.id)))) == 0


def test_a_second_tap_on_a_department_is_no_colleague(scene: Scene) -> None:
    roads = department(scene, mailbox=MAILBOX)
    admin, page = scene.browser("admin"), f"/visits/departments/{roads}"
    said = {
        "name": "Roads",
        "days": "12",
        "official": "0",
        "mailbox": MAILBOX,
        "read": read_mark(admin, page),
    }
    members = [str(scene.town.person(name)) for name in ("colleague", "agent")]
    for _tap in range(2):
        answer = admin.submit(page, **said, members=members)
        assert answer.status_code == 302, answer.text
    late = admin.submit(page, **said | {"days": "15"}, members=members)
    assert late.status_code == 422
    assert "A colleague has changed this in the meantime." in late.text


def test_a_request_goes_to_whoever_is_told_for_its_department_now(scene: Scene) -> None:
    visit, roads = scene.visit(), department(scene, mailbox="raods@example.org")
    question = assigned(scene, visit, roads)
    due_at = casework(scene, question).due_at

    def reach(mailbox: str, *members: str) -> None:
        admin, form = scene.browser("admin"), f"/visits/departments/{roads}"
        said = {"name": "Roads", "mailbox": mailbox, "days": "10", "official": "0"}
        said["read"] = read_mark(admin, form)
        people = [str(scene.town.person(member)) for member in members]
        told = admin.submit(form, **said, members=people)
        assert told.status_code == 302, told.text
        jobs.run_due(scene.town.app)

    def mailed(mailbox: str) -> list[str]:
        jobs.run_due(scene.town.app)
        rows = sa.select(Mail.text).where(Mail.recipient == mailbox).order_by(Mail.id)
        texts = "".join(scene.town.run(lambda: list(db.session.scalars(rows))))
        return re.findall(r"http://localhost(/visits/request/\S+)", texts)

    [mistyped], out = mailed("raods@example.org"), scene.browser()
    assert send(out, mistyped, "By a stranger?").status_code == 302
    reach(MAILBOX)
    [link] = mailed(MAILBOX)
    assert len(mailed("raods@example.org")) == 1
    gone = out.get(mistyped)
    assert gone.status_code == 404
    assert "was replaced" in gone.text
    assert out.submit(mistyped, link, body="By a stranger.", version="1").status_code == 404
    assert "By a stranger?" in out.get(link).text, "it reads what was answered for it"
    assert send(out, link, "In May.").status_code == 302
    assert casework(scene, question).due_at == due_at, "its day stays"
    reach(MAILBOX)
    assert mailed(MAILBOX) == [link], "nothing has changed"
    reach(MAILBOX, "colleague")
    assert out.get(link).status_code == 404
    assert mailed(MAILBOX) == [link]
    notices = sa.select(Notice.user_id).where(Notice.type == "visits.department_assigned")
    assert scene.town.run(lambda: list(db.session.scalars(notices))) == [scene.town.person("colleague")]
    reach(MAILBOX)
    assert scene.town.run(lambda: list(db.session.scalars(notices))) == []
    assert out.get(mailed(MAILBOX)[-1]).status_code == 200
    reach("")
    assert out.get(mailed(MAILBOX)[-1]).status_code == 404, "nobody is told"


def test_who_is_told_late_has_time_to_answer(scene: Scene) -> None:
    visit, roads, archives = scene.visit(), department(scene), department(scene, "Archives", "")
    late, untold, private = (
        assigned(scene, visit, ident, title=f"Number {number}?")
        for number, ident in enumerate((roads, archives, archives))
    )
    decide(scene, visit, [private], "divert")

    def long_ago() -> None:
        with write() as session:
            for work in session.scalars(sa.select(Casework).where(Casework.due_at.is_not(None))):
                work.due_at -= dt.timedelta(days=60)

    scene.town.run(long_ago)
    due_at = casework(scene, late).due_at
    admin = scene.browser("admin")
    for ident, name, mailbox in ((roads, "Roads", "new@example.org"), (archives, "Archives", MAILBOX)):
        form = f"/visits/departments/{ident}"
        said = {
            "name": name,
            "mailbox": mailbox,
            "days": "10",
            "official": "0",
            "read": read_mark(admin, form),
        }
        assert admin.submit(form, **said).status_code == 302
    jobs.run_due(scene.town.app)
    assert casework(scene, late).due_at == due_at
    assert casework(scene, untold).due_at > now(), "its days begin once somebody is told"
    assert casework(scene, private).due_at is None
    rows = sa.select(DepartmentLink.entry_id, DepartmentLink.expires_at)
    links = scene.town.run(lambda: {row.entry_id: row.expires_at for row in db.session.execute(rows)})
    assert links.keys() == {late, untold}
    assert all(expires_at > now() for expires_at in links.values())


@pytest.mark.parametrize("mailbox", [MAILBOX, ""], ids=["mailbox", "nobody"])
@pytest.mark.parametrize("way", ["role", "closed"])
def test_whoever_leaves_the_town_leaves_its_departments(scene: Scene, way: str, mailbox: str) -> None:
    visit, roads = scene.visit(), department(scene, mailbox=mailbox, members=("colleague",))
    parks = department(scene, "Parks", mailbox="parks@example.org", members=("colleague", "agent2"))
    questions = [assigned(scene, visit, roads), assigned(scene, visit, parks, title="Trees")]
    days = [casework(scene, question).due_at for question in questions]
    jobs.run_due(scene.town.app)
    colleague, agent = scene.browser("colleague"), scene.browser("agent")
    person, page = scene.town.person("colleague"), f"/visits/department/{questions[0]}"
    assert colleague.get(page).status_code == 200
    if way == "role":
        said = {"role": "resident", "mandate": "", "area_id": str(scene.commune)}
        assert scene.browser("admin").submit(f"/admin/people/{person}", **said).status_code == 302
    else:
        scene.town.run(lambda: erase.begin(person, words=False))
    jobs.run_due(scene.town.app)
    again = scene.browser("colleague" if way == "role" else "resident")
    for question in questions:
        assert again.get(f"/visits/department/{question}").status_code == 404
        told = again.submit(f"/visits/department/{question}", _page="/me", body="No.", version="0")
        assert told.status_code == 404
    assert "Le trottoir est cassé" not in again.get("/visits/department").text
    mailed = sa.select(Mail.text).where(Mail.recipient.in_((MAILBOX, "parks@example.org")))
    texts = scene.town.run(lambda: list(db.session.scalars(mailed)))
    assert len(texts) == (1 if mailbox else 0), "parks has somebody still, who was told"
    assert [casework(scene, question).due_at for question in questions] == days, "their days stay"
    shown = agent.get(f"/visits/questions/{questions[0]}").text
    assert ("Nobody is told" in shown) is not bool(mailbox)
    if mailbox:
        assert send(scene.browser(), link_of(scene), "In May.").status_code == 302
    after = assigned(scene, visit, roads, title="The next one")
    jobs.run_due(scene.town.app)
    of_roads = sa.select(Notice.user_id).where(Notice.type == "visits.department_assigned")
    of_roads = of_roads.where(Notice.entry_id.in_((questions[0], after)))
    assert scene.town.run(lambda: list(db.session.scalars(of_roads))) == []
    assert len(scene.town.run(lambda: list(db.session.scalars(mailed)))) == (2 if mailbox else 0)


def test_a_hidden_request_waits_for_no_department(scene: Scene) -> None:
    visit, roads = scene.visit(), department(scene, members=("colleague",))
    question = assigned(scene, visit, roads)
    colleague, listed = scene.browser("colleague"), f'href="/visits/department/{question}"'
    assert listed in colleague.get("/visits/department").text
    assert "1 request waits" in colleague.get("/").text
    told = scene.browser("mayor").submit(f"/posts/{question}/hide", _page="/visits/", sure="1")
    assert told.status_code == 302
    assert colleague.get(f"/visits/department/{question}").status_code == 404
    assert listed not in colleague.get("/visits/department").text
    assert "request waits" not in colleague.get("/").text


def test_what_another_has_begun_is_not_written_over(scene: Scene) -> None:
    visit, ident = scene.visit(), department(scene)
    question = assigned(scene, visit, ident)
    link, outside = link_of(scene), scene.browser()
    scene.draft(question, "The agent writes.")
    assert "An answer is being prepared" in outside.get(link).text
    assert "The agent writes." not in outside.get(link).text
    assert send_anyway(outside, link, "By the link.").status_code == 409
    agent = scene.browser("agent")
    assert "The agent writes." in agent.get(f"/visits/questions/{question}").text
    assert draft_version(agent, f"/visits/questions/{question}") == "1"


def test_the_day_of_an_answer_follows_the_question_to_another_department(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, roads = scene.visit(), department(scene)
    parks = department(scene, name="Parks", mailbox="", members=("colleague",))
    question = assigned(scene, visit, roads)
    link, first = link_of(scene), casework(scene, question).due_at
    at(scene, monkeypatch, 4)
    decide(scene, visit, [question], "assign", department=str(parks), official="0")
    second = casework(scene, question).due_at
    assert second - first > dt.timedelta(days=3.9), "ten days from when it came to them"
    kept = sa.select(sa.func.count()).select_from(DepartmentLink)
    assert scene.town.run(lambda: db.session.scalar(kept)) == 0
    assert scene.browser().get(link).status_code == 404
    second = second.astimezone(TOWN)
    day = f"{second.day} {second:%B}"
    assert (
        f"to be answered until {second:%A} {day}" in scene.browser("colleague").get("/visits/department").text
    )
    decide(scene, visit, [question], "reconsider")
    assert casework(scene, question).due_at is None
    at(scene, monkeypatch, 6)
    decide(scene, visit, [question], "accept")
    third = casework(scene, question)
    assert (third.department_id, third.answer) == (None, "none"), "what is read again is assigned anew"
    decide(scene, visit, [question], "assign", department=str(roads), official="0")
    [kept_link] = scene.town.run(lambda: db.session.scalars(sa.select(DepartmentLink)).all())
    assert kept_link.department_id == roads
    assert kept_link.expires_at == casework(scene, question).due_at + links.GRACE


def overdue_counts(scene: Scene, visit: int) -> int:
    shown = scene.browser("agent").get(f"/visits/{visit}/review?queue=overdue").text
    return shown.count('data-question="')


def told(scene: Scene) -> list[str]:
    """What the department and the coordinator were sent, after the daily job ran."""
    scene.town.run(overdue.remind)
    jobs.run_due(scene.town.app)
    mails = sa.select(Mail.kind).where(Mail.recipient == MAILBOX, Mail.kind == "visits.overdue")
    notices = sa.select(Notice.type).where(Notice.type == "visits.overdue")
    return scene.town.run(lambda: [*db.session.scalars(mails), *db.session.scalars(notices)])  # type: ignore[no-any-return]


def at(scene: Scene, monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    """Let so many days pass, or come back."""
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    monkeypatch.setattr("core.api.now", lambda: moment)


def test_overdue_is_said_once_to_the_department_then_to_the_coordinator(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, ident = scene.visit(), department(scene)
    question = assigned(scene, visit, ident)
    answered = assigned(scene, visit, ident, title="Answered")
    scene.draft(answered, "Yes.")
    scene.approve(answered, "Yes.", name="deputy")
    person = scene.town.person("agent")

    def coordinate() -> None:
        with write():
            held = sa.update(Membership).where(Membership.user_id == person, Membership.space_id == visit)
            db.session.execute(held.values(role="coordinator"))

    scene.town.run(coordinate)
    assert told(scene) == []
    assert overdue_counts(scene, visit) == 0
    at(scene, monkeypatch, 11)
    assert overdue_counts(scene, visit) == 1
    assert "Overdue" in scene.browser("agent").get(f"/visits/{visit}/review?queue=unanswered").text
    assert told(scene) == ["visits.overdue"], "the department"
    assert told(scene) == ["visits.overdue"], "once"
    assert scene.browser().get(link_of(scene)).status_code == 200
    at(scene, monkeypatch, -1)
    assert told(scene) == ["visits.overdue"], "a clock that is set back says nothing anew"
    at(scene, monkeypatch, 12.5)
    assert told(scene) == ["visits.overdue", "visits.overdue"], "then the coordinator"
    at(scene, monkeypatch, 20)
    assert told(scene) == ["visits.overdue", "visits.overdue"]
    found = casework(scene, question)
    assert found.reminded_at
    assert found.escalated_at
    decide(scene, visit, [question], "assign", department=str(ident), official="0")
    assert casework(scene, question).reminded_at is None, "assigned anew, it has its days again"


def test_nobody_is_reminded_of_a_question_that_moderators_hid(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, ident = scene.visit(), department(scene)
    question, mayor = assigned(scene, visit, ident), scene.browser("mayor")
    mayor.submit(f"/posts/{question}/hide", _page="/visits/", sure="1")
    at(scene, monkeypatch, 11)
    assert told(scene) == []
    mayor.submit(f"/posts/{question}/hide", _page="/visits/", sure="1")
    assert told(scene) == ["visits.overdue"], "shown again, it is late still"


def test_three_days_before_the_freeze_what_is_not_answered_is_overdue(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = scene.visit()
    question = scene.accepted(visit)

    def freeze(days: float | None) -> None:
        with write() as session:
            moment = None if days is None else dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
            session.get(Visit, visit).freezes_at = moment
            session.get(Entry, question).created_at = asked_at

    assert overdue_counts(scene, visit) == 0
    asked_at = dt.datetime.now(dt.UTC)
    scene.town.run(lambda: freeze(2.5))
    assert overdue_counts(scene, visit) == 0, "what comes after that day is answered until the visit"
    asked_at -= dt.timedelta(days=9)
    for days, late in ((4, 0), (2.5, 1), (None, 0)):
        scene.town.run(lambda days=days: freeze(days))  # type: ignore[misc]
        assert overdue_counts(scene, visit) == late, days
    at(scene, monkeypatch, 18)
    assert overdue_counts(scene, visit) == 1, "three days before the visit, where nothing freezes"
    assert row(scene, Question, question).answered_at is None
    assert row(scene, Entry, question).state == "published"
    assert links.OPEN


@pytest.mark.parametrize("days", [9, 11])
def test_the_desk_the_briefing_and_the_department_call_the_same_late(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    visit, ident = scene.visit(), department(scene)
    question = assigned(scene, visit, ident)
    at(scene, monkeypatch, days)
    late = days > 10  # the days of the department, not the thirty of the settings
    assert overdue_counts(scene, visit) == late
    said = scene.town.run(lambda: papers.gathered(visit, "briefing"))
    assert [(one["id"], bool(one["overdue"])) for one in said["rest"]] == [(question, late)]


def test_what_waits_for_an_answer_after_the_visit_is_late_as_well(scene: Scene) -> None:
    visit, ident = scene.visit(), department(scene, members=("colleague",))
    question, other = assigned(scene, visit, ident), assigned(scene, visit, ident, title="Another")
    now = dt.datetime.now(dt.UTC)

    def set_to(state: str) -> None:
        with write() as session:
            found = session.get(Visit, visit)
            found.state, found.starts_at = state, now - dt.timedelta(days=9)
            found.ends_at = found.starts_at + dt.timedelta(hours=2)
            for one, days in ((question, 30), (other, 3)):
                session.get(Entry, one).created_at = now - dt.timedelta(days=days)

    for state, late in (("reporting", 1), ("published", 1), ("follow_up", 1), ("archived", 0)):
        scene.town.run(lambda state=state: set_to(state))  # type: ignore[misc]
        page = scene.browser("colleague").get("/visits/department").text
        assert page.count("Overdue") == overdue_counts(scene, visit) == late, state
        assert page.index("Le trottoir est cassé") < page.index("Another"), "the most urgent first"


def test_a_token_in_any_letters_opens_nothing(scene: Scene) -> None:
    visit, ident = scene.visit(), department(scene)
    assigned(scene, visit, ident)
    for token in ("é", "\N{SNOWMAN}" * 27, "x"):
        assert scene.browser().get(f"{link_of(scene).rpartition('/')[0]}/{token}").status_code == 404


def test_a_member_writes_over_no_draft_that_is_not_shown_to_them(scene: Scene) -> None:
    visit, ident = scene.visit(), department(scene, members=("colleague", "agent2"))
    question, own = assigned(scene, visit, ident), assigned(scene, visit, ident, title="Their own")
    colleague = scene.browser("colleague")
    address = f"/visits/department/{question}"
    scene.draft(question, "The agent writes.")
    for version in ("0", "1"):
        assert send_anyway(colleague, address, "Ours.", version).status_code == 409
    agent = scene.browser("agent")
    assert "The agent writes." in agent.get(f"/visits/questions/{question}").text
    assert casework(scene, question).drafted_by == scene.town.person("agent")
    assert send(colleague, f"/visits/department/{own}", "In May.").status_code == 302
    assert (
        send_anyway(scene.browser("agent2"), f"/visits/department/{own}", "In June.", "1").status_code == 409
    )
    assert send(colleague, f"/visits/department/{own}", "In July.").status_code == 302
    page = f"/visits/questions/{own}"
    said = {"body": "In August.", "version": draft_version(agent, page)}
    assert agent.submit(f"{page}/answer", _page=page, **said).status_code == 302
    assert casework(scene, own).drafted_by == scene.town.person("agent")


def test_who_is_signed_in_and_drafts_by_a_link_is_the_drafter(scene: Scene) -> None:
    question = assigned(scene, scene.visit(), department(scene))
    mayor, link = scene.browser("mayor"), link_of(scene)
    assert send(mayor, link, "In May.").status_code == 302
    assert casework(scene, question).drafted_by == scene.town.person("mayor")
    page = f"/visits/questions/{question}"
    for name, status in (("mayor", 409), ("deputy", 302)):
        browser = scene.browser(name)
        said = {"body": "In May.", "version": draft_version(browser, page), "publish": "yes"}
        assert browser.submit(f"{page}/answer", _page=page, **said).status_code == status


def test_what_is_called_late_is_due_on_a_day_that_has_passed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One day in letter, form, list and on the home page; a freeze brings it forward."""
    visit = scene.visit()
    outside, inside = department(scene), department(scene, name="Parks", members=("colleague",))
    by_link = assigned(scene, visit, outside)
    by_account = assigned(scene, visit, inside, title="A bench")
    link = link_of(scene)
    colleague, moment = scene.browser("colleague"), dt.datetime.now(TOWN)

    def freeze() -> None:
        with write() as session:
            session.get(Visit, visit).freezes_at = moment + dt.timedelta(days=5)

    scene.town.run(freeze)
    day = moment + dt.timedelta(days=2)
    said = f"{day:%A} {day.day} {day:%B}"
    pages = ("/visits/department", f"/visits/department/{by_account}", "/")

    def shown() -> list[bool]:
        return [said in colleague.get(page).text for page in pages] + [said in scene.browser().get(link).text]

    assert shown() == [True] * 4
    assert "Overdue" not in colleague.get("/visits/department").text
    assert overdue_counts(scene, visit) == 0
    assert told(scene) == []
    at(scene, monkeypatch, 2.1)
    assert "Overdue" in colleague.get("/visits/department").text
    assert overdue_counts(scene, visit) == 2
    assert told(scene) == ["visits.overdue"]
    letters_sent = sa.select(Mail.text).where(Mail.kind == "visits.overdue")
    [letter] = scene.town.run(lambda: list(db.session.scalars(letters_sent)))
    assert format_date(day, "d MMMM y", "fr") in letter
    assert by_link


def test_a_department_is_not_told_of_what_is_hidden_by_then(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, roads = scene.visit(), department(scene)
    monkeypatch.setattr(letters, "PAUSE", dt.timedelta(seconds=60))
    shown, hidden = assigned(scene, visit, roads), assigned(scene, visit, roads, title="A hidden one")
    scene.browser("agent").submit(f"/posts/{hidden}/hide", _page="/visits/")

    def pass_time() -> None:
        with write() as session:
            session.execute(sa.update(JobRow).values(run_at=sa.func.current_timestamp()))

    scene.town.run(pass_time)
    jobs.run_due(scene.town.app)
    sent = sa.select(Mail.text).where(Mail.recipient == MAILBOX)
    [letter] = scene.town.run(lambda: list(db.session.scalars(sent)))
    assert row(scene, Entry, shown).title in letter


def test_what_a_department_wrote_is_kept_where_the_team_was_first(scene: Scene) -> None:
    question = assigned(scene, scene.visit(), department(scene))
    link, outside, agent = link_of(scene), scene.browser(), scene.browser("agent")
    outside.get(link)
    page = f"/visits/questions/{question}"
    assert agent.submit(f"{page}/answer", _page=page, body="The agent.", version="0").status_code == 302
    late = outside.submit(link, body="The department.", version="0", _page="/sign-in")
    assert late.status_code == 409
    assert "A colleague has changed the draft" in late.text
    assert "The department.</textarea>" in late.text
    assert "The agent." not in late.text


@pytest.mark.parametrize("before", ["unread", "public"])
def test_an_assignment_is_taken_back_whole(scene: Scene, before: str) -> None:
    visit, roads = scene.visit(), department(scene)
    question = scene.question(visit)
    if before == "public":
        decide(scene, visit, [question], "accept")
    agent, url = scene.browser("agent"), f"/visits/{visit}/decide"

    def send(**fields: str) -> dict[str, Any]:
        pick = f"{question}:{row(scene, Question, question).moves}"
        data = {"csrf_token": agent.token, "pick": pick, "department": "0", "official": "0", **fields}
        answer = agent.client.post(url, data=data, headers={"Accept": "application/json"})
        return answer.json  # type: ignore[no-any-return]

    agent.get(f"/visits/{visit}/review")
    undo = send(verb="assign", department=str(roads))["undo"]
    assert undo == {"unread": "reconsider", "public": "unassign"}[before]
    assert send(verb=undo)["undo"] == ""
    found = row(scene, Casework, question)
    assert (found.answer, found.department_id, found.due_at) == ("none", None, None)
    assert row(scene, Question, question).triage == {"unread": "submitted", "public": "accepted"}[before]
    jobs.run_due(scene.town.app)
    links = sa.select(sa.func.count()).select_from(DepartmentLink)
    assert scene.town.run(lambda: db.session.scalar(links)) == 0
    if before == "unread":
        decide(scene, visit, [question], "accept")
    assert row(scene, Casework, question).answer == "none"


def test_an_assignment_that_replaced_another_is_taken_back_to_that(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its day, several at once; each department is told once of what it has in the end."""
    visit = scene.visit()
    roads, parks = department(scene), department(scene, name="Parks", mailbox="parks@town.example")
    first, second = assigned(scene, visit, roads), assigned(scene, visit, parks, title="A bench")
    before = {one: row(scene, Casework, one) for one in (first, second)}
    jobs.run_due(scene.town.app)
    at(scene, monkeypatch, 2)
    agent = scene.browser("agent")
    page = agent.get(f"/visits/{visit}/review?queue=unanswered")
    moves = [f"{one}:{row(scene, Question, one).moves}" for one in (first, second)]
    said = {"verb": "assign", "department": str(roads), "pick": moves}
    assert agent.submit(f"/visits/{visit}/decide?queue=unanswered", _page=page, **said).status_code == 302
    assert row(scene, Casework, second).department_id == roads
    moves = [f"{one}:{row(scene, Question, one).moves}" for one in (first, second)]
    undo = {"verb": "unassign", "department": "0", "pick": moves}
    assert agent.submit(f"/visits/{visit}/decide?queue=unanswered", _page=page, **undo).status_code == 302
    for one, was in before.items():
        now_is = row(scene, Casework, one)
        assert (now_is.answer, now_is.department_id, now_is.due_at) == (
            "assigned",
            was.department_id,
            was.due_at,
        )
    jobs.run_due(scene.town.app)
    sent = sa.select(Mail.recipient).where(Mail.kind == "visits.assigned").order_by(Mail.recipient)
    sent_to = scene.town.run(lambda: list(db.session.scalars(sent)))
    assert sent_to == ["parks@town.example"] * 2 + [MAILBOX] * 2, "its new link, once"
    decide(scene, visit, [second], "unassign")
    assert row(scene, Casework, second).department_id is None
