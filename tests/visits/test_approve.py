"""Templates begin answers; a delegate approves for an absent official, and the record names both."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import jobs
from core.db import db, write
from core.models import Membership, User
from plugins.neighbourhood_visits.approve import places
from plugins.neighbourhood_visits.approve.models import AnswerTemplate
from plugins.neighbourhood_visits.models import Casework

from .conftest import draft_version, today
from .test_assigned import at
from .test_triage import row

if TYPE_CHECKING:
    from .conftest import Scene


def name_delegate(
    scene: Scene, first: int = 0, last: int = 5, who: str = "deputy", delegate: str = "substitute"
) -> Any:
    """Let an official name a delegate from one day to another, counted from today."""
    return scene.browser(who).submit(
        "/visits/delegate",
        delegate=str(scene.town.person(delegate)),
        begins=str(today() + dt.timedelta(days=first)),
        ends=str(today() + dt.timedelta(days=last)),
    )


@pytest.fixture(autouse=True)
def substitute(scene: Scene) -> None:
    """A delegated councillor of the majority, on the team of no visit."""
    values = {"mandate": "delegated_councillor", "area_id": scene.commune}
    scene.town.person("substitute", "official", **values)


def test_an_official_who_governs_alone_reads_that_nobody_can_be_named(scene: Scene) -> None:
    alone, with_others = (scene.browser(name).get("/visits/delegate").text for name in ("mayor2", "deputy"))
    assert "Nobody can be named" in alone
    assert 'name="delegate"' not in alone
    assert "Nobody can be named" not in with_others
    assert 'name="delegate"' in with_others


def test_a_councillor_of_another_list_is_nobodys_delegate(scene: Scene) -> None:
    ids = {
        name: scene.town.person(name) for name in ("opposition", "substitute", "mayor", "deputy", "mayor2")
    }
    page = scene.browser("deputy").get("/visits/delegate").text
    offered = {
        name for name, ident in ids.items() if f'<option value="{ident}"' in page.replace(" selected", "")
    }
    assert offered == {"substitute", "mayor"}
    assert name_delegate(scene, delegate="opposition").status_code == 422


def test_a_delegate_approves_and_the_record_names_both(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = scene.visit()
    question, later = scene.drafted(visit), scene.drafted(visit, title="Later?")
    page, delegate = f"/visits/questions/{question}", scene.browser("substitute")
    assert delegate.get(page).status_code in (403, 404), "a councillor sees nothing of the team's"
    assert name_delegate(scene).status_code == 302
    said = scene.browser("deputy").get("/visits/delegate").text
    days = [f"{one.day} {one:%B} {one.year}" for one in (today(), today() + dt.timedelta(days=5))]
    assert f"Substitute approves answers in your place from {days[0]} to {days[1]}." in said
    first = scene.browser("agent")
    first.submit(f"{page}/answer", _page=page, body="It is mended on Monday.", version="1", submit="yes")
    for address in ("/visits/next", page):
        assert "You approve in place of Deputy." in delegate.get(address).text, address
        assert "You approve in place of" not in scene.browser("mayor").get(address).text, address
    scene.approve(question, "It is mended on Monday.", name="substitute")
    found = row(scene, Casework, question)
    people = scene.town.person("substitute"), scene.town.person("deputy")
    assert (found.approved_by, found.approved_for) == people
    shown = scene.browser("agent").get(page).text
    assert "approved by Substitute" in shown
    assert "in place of Deputy" in shown
    edit = scene.browser("mayor").get(f"/visits/{visit}/edit").text
    assert f'value="{people[0]}" checked' not in edit, "a delegate does not stay on the team when it is saved"
    at(scene, monkeypatch, 7)
    scene.town.run(places.apply_all)
    given = sa.select(sa.func.count()).where(Membership.user_id == people[0], Membership.space_id == visit)
    assert scene.town.run(lambda: db.session.scalar(given)) == 0
    assert delegate.get(f"/visits/questions/{later}").status_code in (403, 404)


def test_a_delegate_who_drafted_does_not_approve_and_who_is_back_ends_it(scene: Scene) -> None:
    visit = scene.visit()
    assert name_delegate(scene).status_code == 302
    question = scene.accepted(visit)
    page, delegate = f"/visits/questions/{question}", scene.browser("substitute")
    assert delegate.submit(f"{page}/answer", _page=page, body="Mine.", version="0").status_code == 302
    version = draft_version(delegate, page)
    told = delegate.submit(f"{page}/answer", _page=page, body="Mine.", version=version, publish="yes")
    assert told.status_code == 409
    assert "Somebody else than who drafted this answer must approve it." in told.text
    assert scene.browser("deputy").submit("/visits/delegate/end", _page="/visits/delegate").status_code == 302
    assert delegate.get(page).status_code in (403, 404)


def test_who_may_not_publish_what_they_wrote_is_offered_approval_by_others(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.accepted(visit)
    page, mayor = f"/visits/questions/{question}", scene.browser("mayor")

    def main(name: str = "mayor") -> str | None:
        """The one filled button of the answer, as somebody is shown it."""
        form = scene.browser(name).get(page).text.partition('id="answer"')[2].partition("</form>")[0]
        found = re.findall(r'class="button" name="(\w+)"', form)
        assert len(found) == 1, found
        assert ('name="publish"' in form) == ('name="hold"' in form) == (found == ["publish"])
        return str(found[0])

    assert (main(), main("agent")) == ("submit", "submit"), "nothing is drafted"
    shown = mayor.get(page).text
    assert "Who can approve and publish this one: Deputy." in shown
    assert "Who can approve and publish it: Deputy, Mayor." in scene.browser("agent").get(page).text
    told = mayor.submit(f"{page}/answer", _page=page, body="In March.", version="0", submit="yes")
    assert told.status_code == 302
    assert (main(), main("deputy")) == ("submit", "publish")
    jobs.run_due(scene.town.app)
    waits = "A draft answer waits for approval"
    assert waits in scene.browser("deputy").get("/notices").text
    assert waits not in mayor.get("/notices").text, "whoever wrote it does not approve it"
    other = {"body": "No. Never, by no means, whatever they say.", "version": "1", "publish": "yes"}
    refused = scene.browser("deputy").submit(f"{page}/answer", _page=page, **other)
    assert refused.status_code == 409
    assert other["body"] in refused.text
    assert 'name="publish"' not in refused.text, "these words are the deputy's own now"
    assert "this one: Mayor." in refused.text
    scene.let_one_approve()
    assert (main(), main("deputy")) == ("publish", "publish")


def test_a_delegate_of_days_to_come_waits_and_wrong_days_are_refused(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.drafted(visit)
    assert name_delegate(scene, 2, 4).status_code == 302
    assert scene.browser("substitute").get(f"/visits/questions/{question}").status_code in (403, 404)
    assert name_delegate(scene, 4, 2).status_code == 422
    assert name_delegate(scene, delegate="deputy").status_code == 422, "nobody is their own delegate"
    assert scene.browser("agent").get("/visits/delegate").status_code == 403
    assert name_delegate(scene, who="opposition", delegate="mayor2").status_code in (302, 422)
    assert scene.browser("mayor2").get(f"/visits/questions/{question}").status_code in (403, 404)


def test_a_template_is_kept_by_who_organises_and_put_into_a_draft_without_javascript(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.accepted(visit, theme="safety", place="rue du Lavoir")
    admin, agent = scene.browser("admin"), scene.browser("agent")
    body = "Bonjour, nous passons {place} le {date}, rendez-vous : {meeting_point}. {unknown} {0.__class__}"
    made = admin.submit("/visits/templates/new", title="Lamps", theme="safety", body=body)
    assert made.status_code == 302
    assert admin.submit("/visits/templates/new", title="Trees", theme="green", body="x").status_code == 302
    assert admin.submit("/visits/templates/new", title="", theme="", body="").status_code == 422
    assert agent.get("/visits/templates").status_code == 403
    [ident] = scene.town.run(
        lambda: list(db.session.scalars(sa.select(AnswerTemplate.id).where(AnswerTemplate.title == "Lamps")))
    )
    page = f"/visits/questions/{question}"
    shown = agent.get(page).text
    assert "Lamps" in shown
    assert "Trees" not in shown
    inserted = agent.submit(
        f"{page}/answer", _page=page, body="Typed before.", version="0", insert="yes", template=str(ident)
    )
    assert inserted.status_code == 200
    for words in ("Typed before.", "nous passons rue du Lavoir le", "In front of the school", "{unknown}"):
        assert words in inserted.text
    assert row(scene, Casework, question).answer == "none", "nothing is kept before it is sent"
    gone = agent.submit(f"{page}/answer", _page=page, body="x", version="0", insert="yes", template="999")
    assert gone.status_code == 404
    deleted = admin.submit(f"/visits/templates/{ident}/delete", _page=f"/visits/templates/{ident}")
    assert deleted.status_code == 302
    assert "Lamps" not in admin.get("/visits/templates").text


def test_a_delegate_comes_and_goes_with_the_official_at_once(scene: Scene) -> None:
    visit = scene.visit()
    assert name_delegate(scene).status_code == 302
    queue, delegate, mayor = f"/visits/{visit}/review", scene.browser("substitute"), scene.browser("mayor")
    assert delegate.get(queue).status_code == 200
    with_deputy = scene.plan()["officials"]
    for officials, status in ((with_deputy[:1], 403), (with_deputy, 200)):
        page = f"/visits/{visit}/edit"
        seen = re.search(r'name="version"[^>]*value="(\d+)"', mayor.get(page).text)
        assert seen
        told = mayor.submit(page, **{**scene.plan(), "officials": officials, "version": seen[1]})
        assert told.status_code == 302, told.text
        assert delegate.get(queue).status_code == status


@pytest.mark.parametrize("way", ["mandate", "role", "before"])
def test_a_delegate_whose_mandate_ends_approves_nothing_any_more(scene: Scene, way: str) -> None:
    visit = scene.visit()
    question, person = scene.drafted(visit), scene.town.person("substitute")
    assert name_delegate(scene).status_code == 302
    page, delegate = f"/visits/questions/{question}", scene.browser("substitute")
    version = draft_version(delegate, page)
    if way == "before":  # as when it was not looked at
        scene.town.run(lambda: change(person, mandate="councillor"))
        scene.town.run(places.apply_all)
    else:
        said = {"role": "official", "mandate": "councillor"} if way == "mandate" else {"role": "agent"}
        fields = {"mandate": "", "area_id": str(scene.commune), **said}
        assert scene.browser("admin").submit(f"/admin/people/{person}", **fields).status_code == 302
    fields = {"body": "It is mended on Monday.", "version": version, "publish": "yes"}
    told = scene.browser("substitute").submit(f"{page}/answer", _page="/visits/", **fields)
    assert told.status_code in (403, 404)
    assert row(scene, Casework, question).answer == "drafted"
    given = sa.select(sa.func.count()).where(Membership.user_id == person, Membership.space_id == visit)
    assert scene.town.run(lambda: db.session.scalar(given)) == 0


def test_a_delegate_leaves_with_the_role_of_whom_they_stand_for(scene: Scene) -> None:
    visit = scene.visit()
    question = scene.drafted(visit)
    assert name_delegate(scene).status_code == 302
    page, delegate = f"/visits/questions/{question}", scene.browser("substitute")
    assert delegate.get(page).status_code == 200
    fields = {"role": "resident", "mandate": "", "area_id": str(scene.commune)}
    told = scene.browser("admin").submit(f"/admin/people/{scene.town.person('deputy')}", **fields)
    assert told.status_code == 302
    assert delegate.get(page).status_code in (403, 404)


def change(person: int, **values: Any) -> None:
    """Change a person past all that follows."""
    with write() as session:
        session.execute(sa.update(User).where(User.id == person).values(**values))
