"""Spaces and who belongs to them: visibilities, joining, invitations, roles with an end, the last owner."""

import datetime as dt
import html
import re
from typing import Any

import pytest
import sqlalchemy as sa

from core import access, jobs
from core.access import Forbidden, Refused
from core.accounts import actions as accounts
from core.db import db, now, write
from core.feed import actions as feed
from core.models import Invitation, JoinRequest, Mail, Membership, Notice, Space, Support, User
from core.spaces import actions
from core.spaces.standing import standing
from core.testing import Town
from portal.spaces import invitations, joining, reads
from portal.spaces.forms import FITTING

pytest_plugins = ["core.testing"]


def group(town: Town, name: str = "Halle", **values: Any) -> int:
    town.person("olga", "agent")
    return int(town.run(lambda: actions.create_space("core.group", name, **values).id, "olga"))


def space(space_id: int) -> Space:
    found: Space = db.session.get(Space, space_id)
    return found


def roles(town: Town, who: str, space_id: int) -> set[str]:
    town.person(who)
    return set(town.run(lambda: access.space_roles(space_id), who))


def count(town: Town, space_id: int) -> int:
    return int(town.run(lambda: space(space_id).member_count))


def test_the_founder_owns_a_group_that_staff_open_within_their_area(town: Town) -> None:
    here, there = town.area("Here"), town.area("There")
    town.person("agnes", "agent", area_id=here)
    town.person("ana")
    opened = town.run(lambda: actions.create_space("core.group", "Ours", area_id=here).id, "agnes")
    assert roles(town, "agnes", opened) == {"owner"}
    for who, area in (("agnes", there), ("agnes", None), ("ana", here)):
        with pytest.raises(Forbidden):
            town.run(lambda a=area: actions.create_space("core.group", "Theirs", area_id=a), who)


def test_each_visibility_shows_as_much_as_it_says(town: Town) -> None:
    words = {"summary": "A summary", "body": "A canary", "joining": "invite"}
    seen = {}
    for visibility in ("public", "portal", "members", "hidden"):
        ident = group(town, f"Group {visibility}", visibility=visibility, **words)
        town.run(lambda i=ident: feed.publish(space(i), "A canary"), "olga")
        for who in (None, "ana", "olga"):
            page = town.browser(who).get(f"/spaces/{ident}")
            about = town.browser(who).get(f"/spaces/{ident}/about")
            members = town.browser(who).get(f"/spaces/{ident}/members")
            listed = f"Group {visibility}" in town.browser(who).get("/spaces").text
            reads_it = [part.status_code == 200 and "canary" in part.text for part in (page, about)]
            assert reads_it[0] == reads_it[1] == (members.status_code == 200)
            seen[visibility, who] = (listed, page.status_code == 200, reads_it[0])
    everything, name_only, nothing = (True, True, True), (True, True, False), (False, False, False)
    assert seen == {
        ("public", None): everything,
        ("public", "ana"): everything,
        ("public", "olga"): everything,
        ("portal", None): nothing,
        ("portal", "ana"): everything,
        ("portal", "olga"): everything,
        ("members", None): name_only,
        ("members", "ana"): name_only,
        ("members", "olga"): everything,
        ("hidden", None): nothing,
        ("hidden", "ana"): nothing,
        ("hidden", "olga"): everything,
    }


def test_joining_leaving_and_following_by_forms(town: Town) -> None:
    ident = group(town)
    ana, url = town.browser("ana"), f"/spaces/{ident}"
    assert town.browser().get(f"{url}/join").location.startswith("/sign-in?next=")
    assert ana.submit(f"{url}/join").location == url
    assert roles(town, "ana", ident) == {"member"}
    assert count(town, ident) == 2
    assert ana.submit(f"{url}/join").status_code == 302
    assert count(town, ident) == 2
    assert ana.submit(f"{url}/follow", url).status_code == 302
    assert town.run(lambda: standing(ident), "ana").follows
    assert ana.submit(f"{url}/leave", url).location == "/spaces"
    assert roles(town, "ana", ident) == set()
    assert count(town, ident) == 1
    assert town.browser("olga").submit(f"{url}/leave", url).location == url
    assert roles(town, "olga", ident) == {"owner"}


@pytest.mark.parametrize("joining", ["open", "request"])
def test_nobody_enters_a_space_that_is_closed_to_them_meanwhile(
    town: Town, joining: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ident, ana = group(town, joining=joining), town.browser("ana")
    held = actions.hold_open

    def after_the_team_closed_it(space_id: int) -> None:
        closed = sa.update(Space).where(Space.id == space_id).values(joining="invite")
        db.session.execute(closed, execution_options={"synchronize_session": False})
        held(space_id)

    monkeypatch.setattr(actions, "hold_open", after_the_team_closed_it)
    assert ana.submit(f"/spaces/{ident}/join", message="Let me in").status_code == 403
    monkeypatch.undo()
    assert roles(town, "ana", ident) == set()
    assert town.run(lambda: db.session.scalars(sa.select(JoinRequest)).all()) == []


def test_a_request_is_answered_by_the_team_once(town: Town) -> None:
    ident = group(town, joining="request")
    ana, olga, url = town.browser("ana"), town.browser("olga"), f"/spaces/{ident}"
    assert ana.submit(f"{url}/join", message="Let me in").status_code == 302
    assert "You have asked to join" in ana.get(url).text
    assert roles(town, "ana", ident) == set()
    assert "Let me in" in olga.get(f"{url}/members").text
    assert "Let me in" not in ana.get(f"{url}/members").text
    waiting = f'href="{url}/members">Members <span class="count">1</span>'
    assert waiting in olga.get(url).text
    assert waiting not in ana.get(url).text
    answer = f"{url}/requests/{town.person('ana')}"
    assert ana.submit(answer, url, accept="1").status_code == 403
    assert olga.submit(answer, f"{url}/members", accept="1").status_code == 302
    assert roles(town, "ana", ident) == {"member"}
    told = olga.get(f"{url}/members").text
    assert "Ana is a member now." in told
    assert waiting not in olga.get(url).text
    zoe = town.person("zoe")
    assert olga.submit(f"{url}/requests/{zoe}", f"{url}/members", accept="1").status_code == 302
    assert roles(town, "zoe", ident) == set()
    told = olga.get(f"{url}/members").text
    assert "Zoe is a member now." not in told
    assert "A colleague has answered this request in the meantime." in told
    assert town.run(lambda: db.session.scalars(sa.select(JoinRequest)).all()) == []
    by_invitation = group(town, joining="invite")
    assert ana.get(f"/spaces/{by_invitation}/join").status_code == 403


def test_an_invitation_lets_in_whoever_proves_the_address_once(town: Town) -> None:
    ident = group(town, visibility="hidden", joining="invite")
    olga, url = town.browser("olga"), f"/spaces/{ident}"
    town.person("ana")
    assert olga.submit(f"{url}/invite", email="ana@example.org", role="member").status_code == 302
    assert "ana@example.org" in olga.get(f"{url}/members").text
    letter = town.run(lambda: db.session.scalars(sa.select(Mail)).one())
    link = re.search(r"/invitations/\S+", letter.text)
    assert link is not None
    assert link[0].rpartition("/")[2] not in town.run(
        lambda: db.session.scalars(sa.select(Invitation.token_hash)).all()
    )
    visitor = town.browser().get(link[0])
    assert "Halle" in visitor.text
    assert f"/sign-up?next={link[0]}" in visitor.text
    assert 'value="ana@example.org"' in town.browser().get(f"/sign-up?next={link[0]}").text
    assert "example.org" not in town.browser().get("/sign-up?next=/invitations/nothing").text
    thief = town.browser("zoe")
    assert thief.submit(link[0], "/me").location == link[0]
    assert "another address" in thief.get(link[0]).text
    assert roles(town, "zoe", ident) == set()
    assert town.browser("ana").submit(link[0]).location == url
    assert roles(town, "ana", ident) == {"member"}
    assert town.browser("ana").get(link[0]).status_code == 404
    assert town.browser().get("/invitations/nothing").status_code == 404
    wrong = olga.submit(f"{url}/invite", email="nonsense", role="member", until="2020-01-01")
    assert wrong.status_code == 422
    assert "nonsense" in wrong.text
    assert 'href="#until"' in wrong.text


@pytest.mark.parametrize("who", ["ana", "zoe", None])
def test_who_holds_an_invitation_reads_what_the_space_is_and_may_decline(town: Town, who: str | None) -> None:
    ident = group(town, visibility="hidden", joining="invite")

    def tell() -> None:
        with write() as session:
            session.get(Space, ident).summary = "For all who share the hall."

    town.run(tell)
    olga, url = town.browser("olga"), f"/spaces/{ident}"
    olga.submit(f"{url}/invite", email="ana@example.org", role="member")
    letter = town.run(lambda: db.session.scalars(sa.select(Mail)).one())
    [link] = re.findall(r"/invitations/\S+", letter.text)
    browser = town.browser(who)
    assert "For all who share the hall." in browser.get(link).text
    answered, sure = browser.submit(link, decline="1").location, f"{link}/decline"
    if who != "ana":
        assert answered == sure
        assert "It was sent to a…@e….org." in browser.get(sure).text
        assert browser.get(link).status_code == 200, "nobody declines for another without being asked"
        answered = browser.submit(sure).location
    assert answered == "/"
    assert "You have declined the invitation." in browser.get("/").text
    assert browser.get(link).status_code == browser.get(sure).status_code == 404
    assert town.run(lambda: db.session.scalars(sa.select(Invitation)).all()) == []


def test_who_is_signed_in_with_another_address_than_the_invited_is_offered_to_sign_in_with_that(
    town: Town,
) -> None:
    link = invited(town, "olga", group(town, visibility="hidden", joining="invite"))
    zoe, strange = town.browser("zoe"), "This invitation was sent to another address: a…@e….org."
    page = zoe.get(link).text
    assert strange in page
    assert "Accept the invitation" not in page
    assert "Olga" not in page
    for reader in (town.browser("ana"), town.browser()):
        assert strange not in reader.get(link).text
    onward = re.search(r'name="next" value="(/sign-in[^"]+)"', page)
    assert onward is not None
    assert zoe.submit("/sign-out", "/me", next=onward[1]).location == onward[1]
    assert 'value="ana@example.org"' in zoe.get(onward[1]).text
    away = town.browser("zoe").submit("/sign-out", "/me", next="https://elsewhere.example/")
    assert away.location == "/"


def test_an_invitation_that_is_none_any_more_says_so_and_not_which(town: Town) -> None:
    ident = group(town, visibility="hidden", joining="invite")
    ana, link = town.browser("ana"), invited(town, "olga", ident)
    ana.submit(link)
    pages = [ana.get(path) for path in (link, "/invitations/nothing", "/spaces/999/invitation")]
    for page in pages:
        assert page.status_code == 404
        assert "This invitation is no longer open" in page.text
        assert "Halle" not in page.text.partition("<main")[2]
    visitor = town.browser().get(link)
    assert visitor.status_code == 404
    assert 'href="/sign-in?next=/spaces"' in visitor.text


def test_who_is_invited_anew_has_the_new_invitation_alone(town: Town) -> None:
    ident, other = group(town, joining="invite"), group(town, joining="invite")
    kept, first = invited(town, "olga", other), invited(town, "olga", ident)
    second, ana = invited(town, "olga", ident, "moderator"), town.browser("ana")
    assert town.browser("olga").get(f"/spaces/{ident}/members").text.count("ana@example.org<") == 1
    assert [ana.get(link).status_code for link in (first, second, kept)] == [404, 200, 200]
    assert ana.submit(second).status_code == 302
    assert roles(town, "ana", ident) == {"moderator"}


@pytest.mark.parametrize("visibility", ["public", "members", "hidden"])
def test_who_is_signed_in_with_the_invited_address_answers_in_the_page(town: Town, visibility: str) -> None:
    ident = group(town, visibility=visibility, joining="invite")
    url, ana, zoe = f"/spaces/{ident}", town.browser("ana"), town.browser("zoe")
    for page in (url, "/notices"):
        assert "invites you" not in ana.get(page, follow_redirects=True).text
    assert ana.get(f"{url}/invitation").status_code == 404
    town.run(lambda: invitations.invite(space(ident), "ANA@Example.org"), "olga")
    for page in (url, "/notices"):
        shown = ana.get(page, follow_redirects=True).text
        assert "Olga invites you to become a member." in shown, page
        assert f'action="{url}/invitation"' in shown
        assert "invites you" not in zoe.get(page, follow_redirects=True).text
    assert zoe.get(url).status_code == (404 if visibility == "hidden" else 200)
    assert zoe.submit(f"{url}/invitation", "/me").status_code == 404
    assert town.browser().get(f"{url}/invitation").status_code == 302
    assert ana.submit(f"{url}/invitation", "/notices").location == url
    assert roles(town, "ana", ident) == {"member"}
    for page in (url, "/notices"):
        assert "invites you" not in ana.get(page).text
    assert roles(town, "zoe", ident) == set()


def test_what_is_declined_is_declined_for_this_space_alone(town: Town) -> None:
    ident, other = group(town, visibility="hidden", joining="invite"), group(town, joining="invite")
    link, kept, ana = invited(town, "olga", ident), invited(town, "olga", other), town.browser("ana")
    assert ana.submit(f"/spaces/{ident}/invitation", "/notices", decline="1").location == "/"
    assert [ana.get(path).status_code for path in (link, kept)] == [404, 200]
    assert ana.get(f"/spaces/{ident}").status_code == 404
    assert f"/spaces/{other}/invitation" in ana.get("/notices").text


def test_who_invites_learns_of_no_address_whether_somebody_has_an_account(town: Town) -> None:
    ident, olga = group(town, joining="invite"), town.browser("olga")
    town.person("ana")
    seen = []
    for email in ("ana@example.org", "nob@example.org"):
        olga.submit(f"/spaces/{ident}/invite", email=email, role="member")
        page = olga.get(f"/spaces/{ident}/members").text.replace(email, "it")
        seen.append(re.sub(r'invitations/\w+|(nonce|value|datetime)="[^"]*"|<time.*?</time>', "", page))
        town.run(
            lambda: invitations.decline(db.session.scalars(sa.select(Invitation.token_hash)).one()), "olga"
        )
    known, unknown = seen
    assert "it" in known
    assert re.sub(r"\s+", " ", known) == re.sub(r"\s+", " ", unknown)


def test_an_invitation_says_until_when_in_the_letter_and_on_every_page(town: Town) -> None:
    ident, sentence = group(town, joining="invite"), "The membership lasts until 1 May 2040."
    ana = town.browser("ana")
    form = {"email": "ana@example.org", "role": "member"}
    town.browser("olga").submit(f"/spaces/{ident}/invite", **form, until="2040-05-01")
    letter = town.run(lambda: db.session.scalars(sa.select(Mail.text)).one())
    assert "\n\nL’adhésion dure jusqu’au 1er mai 2040.\n\nLe lien" in letter
    link = re.search(r"/invitations/\S+", letter)
    for path in (link[0], f"/spaces/{ident}/invitation", f"/spaces/{ident}", "/notices"):  # type: ignore[index]
        assert sentence in ana.get(path).text, path
    town.browser("olga").submit(f"/spaces/{ident}/invite", **form)
    newest = sa.select(Mail.text).order_by(Mail.id.desc()).limit(1)
    assert "jusqu’au" not in town.run(lambda: db.session.scalar(newest))


def test_who_is_a_member_for_as_long_is_not_invited(town: Town) -> None:
    ident, olga = group(town, joining="invite"), town.browser("olga")
    ends = dt.datetime(2040, 6, 1, tzinfo=dt.UTC)
    town.run(lambda: actions.set_role(space(ident), town.person("ana"), "member", ends), "olga")
    letters = sa.select(sa.func.count()).select_from(Mail).where(Mail.kind == "core.invitation")
    form = {"email": "ANA@example.org", "role": "moderator"}
    refused = olga.submit(f"/spaces/{ident}/invite", **form, until="2040-05-01")
    assert refused.status_code == 422
    assert "Ana is a member already." in refused.text
    assert f'<a href="/spaces/{ident}/members">See the members</a>' in refused.text
    assert town.run(lambda: db.session.scalar(letters)) == 0
    town.person("zoe")  # who has an account here, and does not belong
    for email, until in (("zoe@example.org", "2040-05-01"), ("ana@example.org", "2041-01-01")):
        sent = olga.submit(f"/spaces/{ident}/invite", email=email, role="member", until=until)
        assert sent.status_code == 302, email
    assert town.run(lambda: db.session.scalar(letters)) == 2


def test_an_invitation_takes_no_role_away(town: Town) -> None:
    ident, ana = group(town), town.browser("ana")
    link = invited(town, "olga", ident)
    town.run(lambda: actions.set_role(space(ident), town.person("ana"), "moderator"), "olga")
    before = count(town, ident)
    assert ana.submit(link).location == link
    shown = ana.get(link).text
    assert "You are a member already" in shown
    assert "Welcome" not in shown
    assert roles(town, "ana", ident) == {"moderator"}
    assert count(town, ident) == before


def bell(town: Town, who: str) -> int:
    """The number that somebody's bell shows once the worker has done its part."""
    jobs.run_due(town.app)
    shown = re.search(r'class="bell-count"[^>]*>(\d+)', town.browser(who).get("/me").text)
    return int(shown[1]) if shown else 0


@pytest.mark.parametrize("visibility", ["public", "hidden"])
def test_an_invitation_counts_at_the_bell_until_it_is_answered(town: Town, visibility: str) -> None:
    ident = group(town, visibility=visibility, joining="invite")
    url, ana = f"/spaces/{ident}", town.browser("ana")
    invited(town, "olga", ident)
    assert (bell(town, "ana"), bell(town, "olga")) == (1, 0)
    page = ana.get("/notices").text
    assert page.count("Halle</strong>") == 1
    assert "notice-line" not in page, "what is answered above is not said again"
    opened = town.run(lambda: db.session.scalars(sa.select(Notice.id)).one(), "ana")
    assert ana.submit(f"/notices/{opened}/open", "/me").location == f"{url}/invitation"
    assert ana.get(f"{url}/invitation").status_code == 200
    assert bell(town, "ana") == 0
    invited(town, "olga", ident)
    assert bell(town, "ana") == 1, "invited again, and no more than once"
    ana.submit(f"{url}/invitation", "/notices")
    assert bell(town, "ana") == 0
    assert town.run(lambda: db.session.scalars(sa.select(Invitation)).all()) == []
    assert bell(town, "olga") == 1
    assert "Ana has accepted the invitation to Halle" in town.browser("olga").get("/notices").text


@pytest.mark.parametrize("gone", ["withdrawn", "ended"])
def test_no_bell_tells_of_an_invitation_that_is_none_any_more(town: Town, gone: str) -> None:
    ident = group(town, "Secret garden", visibility="hidden", joining="invite")
    invited(town, "olga", ident)
    assert bell(town, "ana") == 1

    def end() -> None:
        with write() as session:
            session.execute(sa.update(Invitation).values(expires_at=now() - dt.timedelta(days=1)))

    [key] = town.run(lambda: db.session.scalars(sa.select(Invitation.token_hash)).all())
    town.run(end) if gone == "ended" else town.run(lambda: invitations.withdraw(space(ident), key), "olga")
    assert bell(town, "ana") == 0
    assert "Secret garden" not in town.browser("ana").get("/notices").text


@pytest.mark.parametrize(("who", "named"), [("ana", "Ana"), ("zoe", "Somebody"), (None, "Somebody")])
def test_who_invited_hears_that_it_is_declined_by_name_from_the_address_alone(
    town: Town, who: str | None, named: str
) -> None:
    ident, marc = group(town, visibility="hidden", joining="invite"), town.person("marc")
    town.run(lambda: actions.set_role(space(ident), marc, "moderator"), "olga")
    jobs.run_due(town.app)
    before = bell(town, "marc"), bell(town, "olga")
    link = invited(town, "marc", ident)
    browser = town.browser(who)
    assert ("They hear what you answer." in browser.get(link).text) == (who != "zoe")
    browser.submit(link if who == "ana" else f"{link}/decline", decline="1")
    assert (bell(town, "marc"), bell(town, "olga")) == (before[0] + 1, before[1]), "it is between the two"
    assert f"{named} has declined the invitation to Halle" in town.browser("marc").get("/notices").text
    assert bell(town, "ana") == 0


@pytest.mark.parametrize(("days", "longer"), [(30, True), (None, True), (10, False), (5, False)])
def test_an_invitation_makes_a_membership_last_longer(town: Town, days: int | None, longer: bool) -> None:
    ident, ana = group(town, joining="invite"), town.person("ana")
    start = now()
    ends = [start + dt.timedelta(days=10), start + dt.timedelta(days=days) if days else None]
    town.run(lambda: invitations.invite(space(ident), "ana@example.org", until=ends[1]), "olga")
    invited, browser = bell(town, "ana"), town.browser("ana")
    town.run(lambda: actions.set_role(space(ident), ana, "moderator", ends[0]), "olga")
    assert bell(town, "ana") == invited + longer
    [key] = town.run(lambda: db.session.scalars(sa.select(Invitation.token_hash)).all())
    if longer:
        assert browser.submit(f"/spaces/{ident}/invitation", "/notices").location == f"/spaces/{ident}"
        assert "Your membership lasts longer now." in browser.get(f"/spaces/{ident}").text
    else:
        with pytest.raises(Refused):
            town.run(lambda: invitations.accept(key), "ana")
    held = town.run(lambda: db.session.scalars(sa.select(Membership).filter_by(user_id=ana)).one())
    assert (held.expires_at, held.role) == (ends[longer], "moderator")
    assert count(town, ident) == 2


def test_a_number_that_is_none_is_no_failure(town: Town) -> None:
    url = f"/spaces/{group(town)}/settings"
    form = {"name": "Halle", "visibility": "public", "joining": "open", "area": "0"}
    assert town.browser("olga").submit(url, **form, version="1" * 5000).status_code < 500
    assert town.browser("olga").submit(url, **form, version="²").status_code < 500


def test_an_expired_invitation_lets_nobody_in(town: Town) -> None:
    ident = group(town, visibility="hidden", joining="invite")
    town.run(lambda: invitations.invite(space(ident), "ana@example.org"), "olga")
    link = re.search(r"/invitations/\S+", town.run(lambda: db.session.scalars(sa.select(Mail)).one()).text)
    assert link is not None

    def expire() -> None:
        with write() as session:
            session.execute(sa.update(Invitation).values(expires_at=now() - dt.timedelta(seconds=1)))

    town.run(expire)
    assert town.browser("ana").get(link[0]).status_code == 404


def invited(town: Town, by: str, space_id: int, role: str = "member") -> str:
    """The path of an invitation that `by` sends to ana."""
    town.person("ana")
    town.run(lambda: invitations.invite(space(space_id), "ana@example.org", role), by)
    letters = sa.select(Mail.text).order_by(Mail.id.desc()).limit(1)
    found = re.search(r"/invitations/\S+", town.run(lambda: db.session.scalar(letters)))
    assert found is not None
    return found[0]


def test_an_invitation_ends_with_the_membership_that_it_would_give(town: Town) -> None:
    ident = group(town, joining="invite")
    link, ana = invited(town, "olga", ident), town.browser("ana")
    assert ana.get(link).status_code == 200
    [key] = town.run(lambda: db.session.scalars(sa.select(Invitation.token_hash)).all())

    def end() -> None:
        with write() as session:
            session.execute(sa.update(Invitation).values(member_until=now() - dt.timedelta(seconds=1)))

    town.run(end)
    assert ana.submit(link, "/me").status_code == 404
    with pytest.raises(Refused):
        town.run(lambda: invitations.accept(key), "ana")
    assert roles(town, "ana", ident) == set()
    assert count(town, ident) == 1
    assert len(town.run(lambda: db.session.scalars(sa.select(Membership)).all())) == 1


def test_an_invitation_can_be_withdrawn_by_the_team(town: Town) -> None:
    ident, other = group(town, joining="invite"), group(town, joining="invite")
    url, link = f"/spaces/{ident}", invited(town, "olga", ident)
    ana, olga = town.browser("ana"), town.browser("olga")
    page = olga.get(f"{url}/members").text
    found = re.search(rf'action="({url}/invitations/\w+/withdraw)"', page)
    assert found is not None
    assert "Withdraw<span" in page
    assert "withdraw" not in ana.get(f"{url}/members").text
    assert ana.submit(found[1], url).status_code == 403
    olga.submit(found[1].replace(str(ident), str(other), 1), url)
    assert ana.get(link).status_code == 200, "it is withdrawn in its own space alone"
    assert olga.submit(found[1], f"{url}/members").location == f"{url}/members"
    shown = olga.get(f"{url}/members").text
    assert "The invitation is withdrawn" in shown
    assert "ana@example.org" not in shown
    assert ana.get(link).status_code == 404
    assert ana.submit(link, "/me").status_code == 404
    assert roles(town, "ana", ident) == set()


def test_an_invitation_lets_in_again_whose_membership_has_ended(town: Town) -> None:
    ident, ana = group(town, joining="invite"), town.person("ana")
    town.run(lambda: actions.set_role(space(ident), ana, "member", now() - dt.timedelta(seconds=1)), "olga")
    assert roles(town, "ana", ident) == set()
    assert town.browser("ana").submit(invited(town, "olga", ident)).status_code == 302
    assert roles(town, "ana", ident) == {"member"}
    assert count(town, ident) == 2


@pytest.mark.parametrize("end", ["expelled", "lowered", "ended", "closed"])
def test_an_invitation_ends_with_its_senders_right_to_send_it(town: Town, end: str) -> None:
    ident, marc = group(town, joining="invite"), town.person("marc")
    town.run(lambda: actions.set_role(space(ident), marc, "owner"), "olga")
    link = invited(town, "marc", ident, "moderator")
    assert town.browser().get(link).status_code == 200

    def close_account() -> None:
        with write() as session:
            session.execute(sa.update(User).where(User.id == marc).values(closed_at=now()))

    ends: dict[str, Any] = {
        "expelled": lambda: actions.expel(space(ident), marc),
        "lowered": lambda: actions.set_role(space(ident), marc, "moderator"),
        "ended": lambda: actions.set_role(space(ident), marc, "owner", now() - dt.timedelta(seconds=1)),
        "closed": close_account,
    }
    town.run(ends[end])
    ana = town.browser("ana")
    assert ana.get(link).status_code == 404
    assert ana.submit(link, "/me").status_code == 404
    assert "ana@example.org<" not in town.browser("olga").get(f"/spaces/{ident}/members").text
    kept = invited(town, "olga", ident)
    assert roles(town, "ana", ident) == set()
    assert ana.submit(kept).status_code == 302
    assert roles(town, "ana", ident) == {"member"}


def test_roles_are_given_by_owners_and_the_last_owner_stays(town: Town) -> None:
    ident = group(town)
    ana_id, olga_id = town.person("ana"), town.person("olga")
    ana, olga, url = town.browser("ana"), town.browser("olga"), f"/spaces/{ident}"
    ana.submit(f"{url}/join")
    assert ana.get(f"{url}/members/{olga_id}").status_code == 403
    assert olga.get(f"{url}/members/999").status_code == 404
    own = olga.submit(f"{url}/members/{olga_id}", role="member")
    assert own.status_code == 422
    assert "A space needs an owner" in own.text
    soon = (now() + dt.timedelta(days=3)).date().isoformat()
    assert olga.submit(f"{url}/members/{olga_id}", role="owner", until=soon).status_code == 422
    assert olga.submit(f"{url}/members/{ana_id}", role="owner").status_code == 302
    assert roles(town, "ana", ident) == {"owner"}
    assert olga.submit(f"{url}/members/{olga_id}", role="member", remove="1").status_code == 302
    assert roles(town, "olga", ident) == set()
    assert ana.submit(f"{url}/leave", url).location == url
    assert roles(town, "ana", ident) == {"owner"}
    moderator = town.browser("marc")
    town.run(lambda: actions.set_role(space(ident), town.person("marc"), "moderator"), "ana")
    assert moderator.get(f"{url}/invite").status_code == 200
    assert moderator.get(f"{url}/settings").status_code == 403
    with pytest.raises(Forbidden):
        town.run(lambda: invitations.invite(space(ident), "x@example.org", "owner"), "marc")


def test_a_membership_ends_when_it_says_and_makes_room(town: Town) -> None:
    ident = group(town, visibility="members", joining="open")
    ana = town.person("ana")
    past = now() - dt.timedelta(seconds=1)
    town.run(lambda: actions.set_role(space(ident), ana, "member", past), "olga")
    assert roles(town, "ana", ident) == set()
    assert town.browser("ana").get(f"/spaces/{ident}/members").status_code == 403
    town.run(lambda: actions.join(space(ident)), "ana")
    assert roles(town, "ana", ident) == {"member"}
    town.run(lambda: actions.set_role(space(ident), ana, "member", past), "olga")
    town.run(actions.end_memberships)
    assert count(town, ident) == 1
    assert len(town.run(lambda: db.session.scalars(sa.select(Membership)).all())) == 1


def test_who_has_left_is_listed_and_linked_no_longer(town: Town) -> None:
    ident = group(town, joining="request")
    ana, zoe, url = town.person("ana"), town.person("zoe"), f"/spaces/{ident}"
    town.run(lambda: actions.set_role(space(ident), ana, "member"), "olga")
    town.run(lambda: joining.ask_to_join(space(ident), "Let me in"), "zoe")
    town.run(lambda: feed.publish(space(ident), "Words that stay"), "ana")
    olga = town.browser("olga")

    def seen() -> list[bool]:
        members, posts = olga.get(f"{url}/members").text, olga.get(url).text
        return ["/people/ana" in members, "/people/zoe" in members, 'href="/people/ana"' in posts]

    def close() -> None:
        with write() as session:
            session.execute(sa.update(User).where(User.id.in_([ana, zoe])).values(closed_at=now()))

    assert seen() == [True, True, True]
    town.run(close)
    assert seen() == [False, False, False]
    page = olga.get(url).text
    assert "Words that stay" in page
    assert ">Ana<" in page


def test_members_come_in_pages_whatever_their_names(town: Town) -> None:
    ident = group(town)
    names = [f"A & b # {n:02} ? c" for n in range(reads.MEMBERS + 2)]

    def settle() -> None:
        with write():
            people = [accounts.create_user(f"p{n}@example.org", name).id for n, name in enumerate(names)]
        actions.set_members(space(ident), "rule", dict.fromkeys(people, "member"))

    town.run(settle)
    browser = town.browser()
    first = browser.get(f"/spaces/{ident}/members").text
    more = re.search(rf'href="(/spaces/{ident}/members\?after=[^"]+)"', first)
    assert more
    rest = html.unescape(browser.get(html.unescape(more[1])).text)
    assert [name for name in names if name in rest] == names[-2:]


@pytest.mark.parametrize("zone", ["Europe/Paris", "Pacific/Auckland"])
def test_the_last_day_of_a_membership_is_said_as_it_was_typed(town: Town, zone: str) -> None:
    ident, ana = group(town), town.person("ana")
    olga, url = town.browser("olga"), f"/spaces/{ident}"
    assert "until " not in olga.get(f"{url}/members").text
    town.run(lambda: actions.join(space(ident)), "ana")
    olga.submit("/me", name="Olga", about="", language="en", timezone=zone)
    last = dt.date(now().year + 1, 7, 14)
    olga.submit(f"{url}/members/{ana}", role="member", until=last.isoformat())
    assert f'value="{last}"' in olga.get(f"{url}/members/{ana}").text
    members = olga.get(f"{url}/members").text
    assert f"until 14 July {last.year}" in members
    assert members.count('scope="col">Role<') == 1, "who are all members have no column that says so"
    end = town.run(
        lambda: db.session.scalars(sa.select(Membership.expires_at).where(Membership.user_id == ana))
    )
    assert end.one() == dt.datetime(last.year, 7, 14, 22, tzinfo=dt.UTC)


def test_how_one_joins_is_no_wider_than_who_reads(town: Town) -> None:
    town.person("olga", "agent")
    olga = town.browser("olga")
    for visibility, fitting in FITTING.items():
        made = olga.submit("/spaces/new", name=visibility, visibility=visibility)
        ident = int(made.location.rpartition("/")[2])
        assert town.run(lambda i=ident: space(i).joining) == fitting
    refused = olga.submit("/spaces/new", name="Cellar", visibility="hidden", joining="open")
    assert refused.status_code == 422
    assert "is not hidden" in refused.text
    chosen = olga.submit("/spaces/new", name="Cellar", visibility="members", joining="open")
    assert chosen.status_code == 302


def test_what_a_rule_gave_it_can_take_back(town: Town) -> None:
    ident = group(town)
    ana, zoe = town.person("ana"), town.person("zoe")
    town.run(lambda: actions.join(space(ident)), "ana")
    for given in ({ana: "moderator", zoe: "member"}, {ana: "moderator", zoe: "member"}, {ana: "moderator"}):
        town.run(lambda g=given: actions.set_members(space(ident), "rule", g))
        assert count(town, ident) == len({*given, ana, town.person("olga")})
    assert roles(town, "ana", ident) == {"member", "moderator"}
    assert roles(town, "zoe", ident) == set()
    town.run(lambda: actions.set_members(space(ident), "rule", {}))
    assert roles(town, "ana", ident) == {"member"}
    with pytest.raises(ValueError, match="no role"):
        town.run(lambda: actions.set_members(space(ident), "rule", {ana: "king"}))


def test_settings_are_changed_once_at_a_time_and_a_space_can_close(town: Town) -> None:
    ident = group(town)
    olga, url = town.browser("olga"), f"/spaces/{ident}"
    fields = {"visibility": "public", "joining": "open", "area": "0"}
    bad = olga.submit(f"{url}/settings", name="", summary="Kept summary", **fields)
    assert bad.status_code == 422
    assert "Kept summary" in bad.text
    hint = "Choose nothing, and it is as open as who reads"
    assert hint not in olga.get(f"{url}/settings").text
    town.person("ada", "administrator")
    assert hint in town.browser("ada").get("/spaces/new").text
    seen = str(town.run(lambda: space(ident).version))
    assert olga.submit(f"{url}/settings", name="Ours", version=seen, **fields).location == url
    for version in ({"version": seen}, {"version": "x"}, {}):
        late = olga.submit(f"{url}/settings", name="Mine", **version, **fields)
        assert late.status_code == 422
        assert "changed this space meanwhile" in late.text
        assert "Mine" in late.text
    assert town.browser("ana").get(f"{url}/settings").status_code == 403
    assert olga.submit(f"{url}/archive", f"{url}/settings").status_code == 302
    assert "This space is closed" in olga.get(url).text
    with pytest.raises(Refused):
        town.run(lambda: feed.publish(space(ident), "Too late"), "olga")


def test_nothing_is_added_to_a_closed_space(town: Town) -> None:
    sentence, open_id, asked_id = "This space is closed", group(town), group(town, joining="request")
    ana, zoe, olga = town.browser("ana"), town.browser("zoe"), town.browser("olga")
    url, asked = f"/spaces/{open_id}", f"/spaces/{asked_id}"
    zoe.submit(f"{asked}/join", message="Let me in")
    post = ana.submit(f"{url}/posts", url, title="Kept", body="Words").location
    before = ana.get(f"{post}/edit").text
    town.run(lambda: invitations.invite(space(open_id), "zoe@example.org"), "olga")
    link = re.search(r"/invitations/\S+", town.run(lambda: db.session.scalars(sa.select(Mail)).one()).text)
    assert link is not None
    for ident in (open_id, asked_id):
        town.run(lambda i=ident: actions.change_space(space(i), archived=True), "olga")

    assert sentence in zoe.submit(f"{url}/join").text
    assert sentence in ana.submit(f"{asked}/join", message="Me too").text
    assert sentence in olga.submit(f"{url}/invite", email="x@example.org", role="member").text
    assert "/invite" not in olga.get(f"{url}/members").text
    request = f"{asked}/requests/{town.person('zoe')}"
    olga.submit(request, f"{asked}/members", accept="1")
    assert sentence in olga.get(f"{asked}/members").text
    zoe.submit(link[0])
    assert sentence in zoe.get(link[0]).text
    for ident in (open_id, asked_id):
        assert roles(town, "zoe", ident) == set()
    olga.submit(request, f"{asked}/members", accept="0")
    assert "Let me in" not in olga.get(f"{asked}/members").text, "to decline adds nothing"

    zoe.submit(f"{post}/support", post)
    assert sentence in zoe.get(post).text
    assert ana.get(f"{post}/edit").location.startswith(post)
    assert sentence in ana.get(post).text
    token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', before)[0]
    late = ana.client.post(
        f"{post}/edit", data={"csrf_token": token, "title": "Other", "body": "Other words"}
    )
    assert sentence in late.text
    assert "Other words" in late.text, "what was typed is kept"
    own = ana.get(post).text
    assert f'href="{post}/edit"' not in own
    assert f'href="{post}/remove"' in own
    shown = town.browser().get(post).text
    assert "Kept" in shown
    assert "Other words" not in shown
    supports = sa.select(sa.func.count()).select_from(Support)
    assert town.run(lambda: db.session.scalar(supports)) == 0
    assert ana.submit(f"{post}/remove").status_code == 302, "one's own words can still be removed"


@pytest.mark.parametrize("role", ["resident", "official"])
def test_an_owners_own_area_moves_no_space(town: Town, role: str) -> None:
    home, other = town.area("Here"), town.area("There")
    town.person("ana", role, area_id=home)
    ana = town.browser("ana")
    for area_id in (None, other):
        ident = group(town, area_id=area_id)
        town.run(lambda i=ident: actions.set_role(space(i), town.person("ana"), "owner"), "olga")
        url = f"/spaces/{ident}/settings"
        form = {"visibility": "public", "joining": "open", "version": "1"}
        assert re.search(rf'<option selected value="{area_id or 0}">', ana.get(url).text)
        assert ana.submit(url, name="Ours", area=str(area_id or 0), **form).status_code == 302
        kept = town.run(lambda i=ident: space(i))
        assert (kept.name, kept.area_id) == ("Ours", area_id)
    elsewhere = ana.submit(url, name="Ours", area="0", **{**form, "version": str(kept.version)})
    assert elsewhere.status_code == (302 if role == "resident" else 422), "staff's and officials' rights end"


def test_opening_a_space_by_its_form(town: Town) -> None:
    olga = town.browser("olga", "agent")
    fields = {"visibility": "members", "joining": "request", "area": "0", "body": "# For **all**"}
    made = olga.submit("/spaces/new", name="  La   Halle ", summary="Of stone", **fields)
    assert made.status_code == 302
    page = olga.get(f"{made.location}/about").text
    assert "La Halle" in page
    assert "<strong>all</strong>" in page
    assert olga.submit("/spaces/new", name="x", visibility="nonsense", joining="open").status_code == 422
    assert town.browser("ana").get("/spaces/new").status_code == 403


def test_a_town_without_spaces_says_so_and_offers_to_open_one(town: Town) -> None:
    page = town.browser().get("/spaces").text
    assert "No space yet" in page
    assert 'role="search"' not in page.partition("<main")[2]
    assert "/spaces/new" not in page
    page = town.browser("olga", "agent").get("/spaces").text
    assert re.search(r'class="empty".*href="/spaces/new"', page, re.DOTALL)
    assert page.count('href="/spaces/new"') == 1
    assert "No space found" in town.browser().get("/spaces?q=moulin").text


def test_the_list_is_searched_without_accents_and_comes_in_pages(town: Town) -> None:
    for n in range(26):
        group(town, f"Quartier {n:02}")
    group(town, "École du Moulin")
    browser = town.browser()
    assert "École du Moulin" in browser.get("/spaces?q=ecole").text
    assert "Quartier" not in browser.get("/spaces?q=ecole").text
    assert "No space found" in browser.get("/spaces?q=%25").text
    first = browser.get("/spaces?q=quartier").text
    more = re.search(r'href="(/spaces\?[^"]*after=[^"]+)"', first)
    assert more is not None
    rest = browser.get(more[1].replace("&amp;", "&")).text
    names = [f"Quartier {n:02}" for n in range(26)]
    assert [name in first for name in names] == [True] * 24 + [False] * 2
    assert [name in rest for name in names] == [False] * 24 + [True] * 2
