"""What is started by an address and confirmed by a mailed link: an account, a password, a plugin's claim."""

import dataclasses
import datetime as dt
import re
import threading
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from core import api
from core.accounts import actions, claims, throttle
from core.db import db, now, write
from core.models import Account, Mail, PendingClaim, User
from core.testing import PASSWORD, Browser, Town

STRONG = "quiet-lantern-harbour-nine"
done: list[dict[str, Any]] = []


def note(payload: dict[str, Any]) -> str:
    """Carry out a confirmed claim of the plugin under test: keep for whom it ran, or fail when asked to."""
    if payload.get("fail"):
        raise RuntimeError("a plugin's fault")
    done.append({"by": api.viewer().id, **payload})
    return "/spaces"


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    """One plugin that keeps something for people without an account."""
    done.clear()
    module = ModuleType("jotter")
    module.__file__ = __file__
    module.plugin = api.Plugin(  # type: ignore[attr-defined]
        name="jotter",
        title="Jotter",
        summary="Notes",
        version="1",
        table_prefix="jotter",
        paths=("/jotter",),
        claims=(
            api.Claim("jotter.note", "Leave a note", note),
            api.Claim("jotter.list", "Leave a list", note, lambda payload: [("Items", payload["items"])]),
        ),
    )
    return {"jotter": module}


def mails(town: Town) -> list[Mail]:
    return town.run(lambda: list(db.session.scalars(sa.select(Mail).order_by(Mail.id))))


def link(town: Town) -> str:
    """The path of the link in the newest message."""
    found = re.search(r"http://localhost(/confirm/\S+)", mails(town)[-1].text or "")
    assert found, mails(town)[-1].text
    return found.group(1)


def who(town: Town) -> list[str]:
    return town.run(lambda: list(db.session.scalars(sa.select(User.name).order_by(User.id))))


def signed_in_as(browser: Browser) -> str | None:
    found = re.search(r'class="own-name">([^<]*)<', browser.get("/sign-up", follow_redirects=True).text)
    return found.group(1) if found else None


def sign_up(town: Town, email: str = "ana@example.org", name: str = "Ana Lise") -> Any:
    return town.browser().submit("/sign-up", name=name, email=email)


@pytest.mark.parametrize("path", ["/sign-up", "/reset"])
def test_who_waits_for_mail_is_told_where_none_can_leave(town: Town, path: str) -> None:
    town.person("ana")

    def said(email: str) -> str:
        sent = town.browser().submit(path, name="Zoe", email=email).text.partition("<main")[2]
        assert email not in sent
        return sent

    told = "This portal can’t send messages yet"
    assert told in town.browser().get(path).text, "before anything is typed"
    assert told in said("ana@example.org")
    assert said("ana@example.org") == said("nobody@example.org"), "known and unknown alike"
    config = town.app.config["PARVIS"]
    town.app.config["PARVIS"] = dataclasses.replace(config, smtp_host="mail.example.org")
    assert told not in town.browser().get(path).text
    sent = town.browser().submit(path, name="Zoe", email="zoe@example.org").text
    assert "Look into your mailbox" in sent
    assert "zoe@example.org" in sent


def test_signing_up_is_confirmed_by_the_button_on_another_device(town: Town) -> None:
    assert "Your message waits" in sign_up(town).text, "there is no mail server"
    assert who(town) == [], "nothing is opened before the address is confirmed"
    path = link(town)
    scanner = town.browser()
    for _ in range(3):
        assert scanner.get(path).status_code == 200
    assert scanner.client.head(path).status_code == 200
    assert who(town) == [], "a mail scanner's GET confirms nothing"
    phone = town.browser()
    assert phone.submit(path, password=STRONG).location == "/"
    assert who(town) == ["Ana Lise"]
    assert signed_in_as(phone) == "Ana Lise"
    assert signed_in_as(scanner) is None
    assert town.browser().submit("/sign-in", email="ana@example.org", password=STRONG).location == "/"


def test_a_link_works_once(town: Town) -> None:
    sign_up(town)
    path, late = link(town), town.browser()
    late.get(path)
    town.browser().submit(path, password=STRONG)
    refused = late.submit(path, "/sign-in", password=STRONG)
    assert refused.status_code == 410
    assert "used already" in refused.text
    assert 'class="button" href="/sign-in"' in refused.text.partition("<h1")[2]
    town.person("zoe")
    assert 'href="/sign-in' not in town.browser("zoe").get(path).text
    assert signed_in_as(late) is None
    assert town.run(lambda: db.session.scalars(sa.select(PendingClaim.payload)).all()) == [{}]


def test_the_first_password_signs_other_browsers_out(town: Town) -> None:
    sign_up(town)
    opens, guest, owner = link(town), town.browser(), town.browser()
    town.run(lambda: claims.confirm_later("ana@example.org", "jotter.note", {"name": "Ana Lise"}))
    guest.submit(link(town))
    assert signed_in_as(guest) == "Ana Lise"
    owner.submit(opens, password=STRONG)
    assert signed_in_as(owner) == "Ana Lise"
    assert signed_in_as(guest) is None


def test_a_link_that_never_was(town: Town) -> None:
    answer = town.browser().get("/confirm/nothing-of-ours")
    assert answer.status_code == 404
    assert "does not work" in answer.text
    assert town.browser().submit("/confirm/nothing-of-ours/again", "/sign-in").status_code == 404


def age() -> None:
    with write() as session:
        session.execute(sa.update(PendingClaim).values(expires_at=now() - dt.timedelta(minutes=1)))


def test_an_expired_link_is_replaced_at_the_same_address(town: Town) -> None:
    sign_up(town)
    path = link(town)
    town.run(age)
    browser = town.browser()
    assert browser.submit(path, "/sign-in", password=STRONG).status_code == 410
    assert who(town) == []
    shown = browser.get(path)
    assert shown.status_code == 410
    assert f'action="{path}/again"' in shown.text
    assert "<code>parvis admin you@example.org</code>" in shown.text, "no mail leaves here"
    browser.submit(f"{path}/again", path)
    assert mails(town)[-1].recipient == "ana@example.org"
    assert link(town) != path
    assert browser.submit(link(town), password=STRONG).location == "/"
    assert who(town) == ["Ana Lise"]


def test_an_expired_link_of_a_name_that_is_an_officials_by_now_says_so(town: Town) -> None:
    sign_up(town, name="Prudence")
    path = link(town)
    town.run(age)
    town.person("prudence", "agent")
    answer = town.browser().submit(f"{path}/again", path)
    assert answer.status_code == 422
    assert "somebody of the staff is known by this name" in answer.text


def test_an_expired_link_of_an_address_that_no_mail_reaches_names_the_way_in(town: Town) -> None:
    def begin() -> str:
        with write():
            return claims.issue("administrator@localhost", claims.RESET, {"unnamed": True})

    path = town.run(begin).removeprefix("http://localhost")
    town.run(age)
    browser = town.browser()
    for answer in (browser.get(path), browser.submit(f"{path}/again", "/sign-in")):
        assert answer.status_code == 410
        assert "<code>parvis admin administrator@localhost</code>" in answer.text
        assert f'action="{path}/again"' not in answer.text


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "Write your name."),
        ("name", "x" * 81, "at most 80"),
        ("email", "ana", "complete address"),
        ("email", "ana@example.org\r\nBcc: all@example.org", "complete address"),
    ],
)
def test_what_can_not_be_is_said_beside_its_field(town: Town, field: str, value: str, says: str) -> None:
    fields = {"name": "Ana Lise", "email": "ana@example.org", field: value}
    answer = town.browser().submit("/sign-up", **fields)
    assert answer.status_code == 422
    assert says in answer.text
    assert f'href="#{field}"' in answer.text
    assert field == "name" or 'value="Ana Lise"' in answer.text
    assert mails(town) == []


@pytest.mark.parametrize("action", ["sign_up", "reset"])
def test_a_password_that_is_easily_guessed_is_not_taken(town: Town, action: str) -> None:
    if action == "sign_up":
        sign_up(town)
    else:
        town.person("ana")
        town.browser().submit("/reset", email="ana@example.org")
    path, browser = link(town), town.browser()
    for password, says in (
        ("", "Choose a password."),
        ("short", "at least 10 characters"),
        ("motdepasse1", "easy to guess"),
        ("ana@example.org", "leave out your name"),
        ("azertyuiop", "easy to guess"),
        ("1234567890", "easy to guess"),
    ):
        answer = browser.submit(path, password=password)
        assert answer.status_code == 422
        assert says in answer.text
        assert 'href="#password"' in answer.text
    assert browser.submit(path, password=STRONG).location == "/", "the link stays good"


def test_whoever_asks_for_an_account_with_anothers_address_never_knows_its_password(town: Town) -> None:
    town.browser().submit("/sign-up", name="Thief", email="ana@example.org", password=STRONG)
    theirs = link(town)
    sign_up(town)
    mine, browser = link(town), town.browser()
    shown = browser.get(theirs).text
    assert "Thief" in shown
    assert "ana@example.org" in shown
    assert browser.submit(theirs, password="a-phrase-of-her-own").location == "/"
    assert town.browser().submit("/sign-in", email="ana@example.org", password=STRONG).status_code == 422
    own = {"email": "ana@example.org", "password": "a-phrase-of-her-own"}
    assert town.browser().submit("/sign-in", **own).location == "/"
    assert town.browser().get(mine).status_code == 410, "an older link takes no password of an account"
    assert town.browser().submit(mine, "/sign-in", password=STRONG).status_code == 410
    assert town.browser().submit("/sign-in", **own).location == "/"


def test_who_wrote_first_chooses_a_password_later(town: Town) -> None:
    sign_up(town, "dan@example.org", "Dan")
    path = link(town)
    town.browser().submit(leave_note(town, "dan@example.org", name="Dan"))
    assert who(town) == ["Dan"]
    town.browser().submit(path, password=STRONG)
    assert town.browser().submit("/sign-in", email="dan@example.org", password=STRONG).location == "/"
    assert who(town) == ["Dan"]


def test_a_known_address_gets_the_same_page_and_another_letter(town: Town) -> None:
    unknown, known = sign_up(town), None
    town.person("ben")
    known = sign_up(town, "ben@example.org", "Somebody")
    assert _bare(unknown.text, "ana@example.org") == _bare(known.text, "ben@example.org")
    assert "already have" in (mails(town)[-1].text or "")
    assert who(town) == ["Ben"]
    ben = town.browser()
    ben.submit(link(town), password="another-wholly-new-phrase")
    assert signed_in_as(ben) == "Ben", "the owner of the mailbox gets in, as who they are"
    assert town.browser().submit("/sign-in", email="ben@example.org", password=STRONG).status_code == 422


@pytest.mark.parametrize("url", ["/sign-up", "/reset"])
def test_known_and_unknown_addresses_cost_the_same(town: Town, url: str) -> None:
    town.person("ben")
    fields = {"name": "Cleo"} if url == "/sign-up" else {}
    town.browser().submit(url, email="first@example.org", **fields)
    work = []
    with town.app.app_context():
        engine = db.engine
    for email in ("ben@example.org", "cleo@example.org"):
        sent: list[str] = []
        browser = town.browser()
        browser.get("/sign-in")

        def note(_connection: Any, _cursor: Any, sql: str, *_rest: Any, sent: list[str] = sent) -> None:
            sent.append(sql)

        sa.event.listen(engine, "before_cursor_execute", note)
        answer = browser.submit(url, email=email, **fields)
        sa.event.remove(engine, "before_cursor_execute", note)
        work.append((sent, answer.status_code, _bare(answer.text, email)))
    assert work[0] == work[1]
    assert len(mails(town)) == 3


def _bare(page: str, email: str) -> str:
    return re.sub(r'(nonce|value|content)="[^"]*"', "", page.replace(email, ""))


def test_a_forgotten_password_is_chosen_anew(town: Town) -> None:
    elsewhere = town.browser("ana")
    browser = town.browser()
    browser.submit("/reset", email="ANA@example.org")
    older = link(town)
    browser.submit("/reset", email="ana@example.org")
    path = link(town)
    weak = browser.submit(path, password="password12")
    assert weak.status_code == 422
    assert "easy to guess" in weak.text
    assert browser.submit(path, password=STRONG).location == "/"
    assert "Your password is changed." in browser.get("/").text
    assert signed_in_as(browser) == "Ana"
    assert signed_in_as(elsewhere) is None, "whoever was signed in before is out"
    assert town.browser().submit("/sign-in", email="ana@example.org", password=PASSWORD).status_code == 422
    assert town.browser().submit("/sign-in", email="ana@example.org", password=STRONG).location == "/"
    assert town.browser().get(older).status_code == 404, "older links are void"
    assert mails(town)[-1].kind == "core.password_changed"


def test_a_link_opened_in_somebody_elses_browser_ends_their_sign_in(town: Town) -> None:
    browser = town.browser("ana")
    before = browser.client.get_cookie("parvis")
    assert before
    town.person("ben")
    browser.submit("/reset", "/me/email", email="ben@example.org")
    browser.submit(link(town), password=STRONG)
    assert signed_in_as(browser) == "Ben"
    browser.client.set_cookie("parvis", before.value)
    assert signed_in_as(browser) is None


def test_a_mail_carries_the_address_of_the_portal_whatever_the_host_said(town: Town) -> None:
    town.person("ana")
    browser = town.browser()
    shown = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/reset").text)
    assert shown
    form = {"csrf_token": shown[1], "email": "ana@example.org"}
    for host, status in (("evil.example", 400), ("localhost.evil.example", 400), ("localhost", 200)):
        headers = {"Host": host, "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
        assert browser.client.post("/reset", data=form, headers=headers).status_code == status
    [text] = [mail.text for mail in mails(town)]
    assert "http://localhost/confirm/" in text
    assert "evil" not in text


def test_a_reset_opens_no_account(town: Town) -> None:
    town.browser().submit("/reset", email="nobody@example.org")
    letter = mails(town)[-1]
    assert letter.recipient == "nobody@example.org"
    assert "/confirm/" not in (letter.text or "")
    assert who(town) == []


def leave_note(town: Town, email: str, claim: str = "note", **payload: Any) -> str:
    """A visitor leaves a note under an address; the path of the link in the mail."""
    with town.app.test_request_context("/", environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        town.app.preprocess_request()
        api.confirm_later(email, f"jotter.{claim}", {"body": "The lamp is broken.", **payload})
    return link(town)


def test_a_note_left_by_address_runs_as_the_owner_of_the_mailbox(town: Town) -> None:
    mayor = town.person("mayor", "official")
    path = leave_note(town, "mayor@example.org", name="Not the mayor")
    assert done == [], "typing the mayor's address does nothing in the mayor's name"
    browser = town.browser()
    assert "The lamp is broken." in browser.get(path).text, "one sees what one confirms"
    assert browser.submit(path).location == "/spaces"
    assert [(one["by"], one["body"]) for one in done] == [(mayor, "The lamp is broken.")]
    assert who(town) == ["Mayor"]
    newcomer = town.browser()
    newcomer.submit(leave_note(town, "dan@example.org", name="Dan"))
    assert signed_in_as(newcomer) == "Dan"
    assert done[-1]["by"] == town.run(lambda: claims.known("dan@example.org")).user_id


def test_however_an_address_is_spelt_it_is_one_mailbox_and_one_person(town: Town) -> None:
    ana = town.person("ana")
    for spelling in ("ANA@example.org", "ana@EXAMPLE.org"):
        town.browser().submit(leave_note(town, spelling, name="Somebody else"))
    assert who(town) == ["Ana"]
    assert {one["by"] for one in done} == {ana}
    for spelling in ("Dan@example.org", "dan@Example.org", "DAN@example.org"):
        town.browser().submit(leave_note(town, spelling, name="Dan"))
    assert who(town) == ["Ana", "Dan"]
    assert {mail.recipient for mail in mails(town)} == {"ana@example.org", "dan@example.org"}


def test_another_spelling_is_no_way_round_the_throttle(town: Town) -> None:
    for spelling in (
        "dan@example.org",
        "Dan@example.org",
        "DAN@example.org",
        "dan@Example.org",
        "daN@example.org",
    ):
        leave_note(town, spelling)
    with pytest.raises(throttle.TooMany):
        leave_note(town, "dAn@example.org")
    assert len(mails(town)) == 5


def test_no_plugin_starts_anything_in_the_name_of_an_official(town: Town) -> None:
    town.person("claire", "official")
    with pytest.raises(api.Refused):
        leave_note(town, "dan@example.org", name="Claire")
    path = leave_note(town, "dan@example.org", name="Odile")
    town.person("odile", "official")
    assert town.browser().submit(path).status_code == 410, "she came into office since"
    assert who(town) == ["Claire", "Odile"]


def test_what_is_no_address_is_no_claim(town: Town) -> None:
    with pytest.raises(ValueError, match="@"):
        leave_note(town, "dan at example.org")
    assert mails(town) == []


def test_a_claim_says_what_it_is_about_and_a_fault_in_that_hides_no_button(town: Town) -> None:
    shown = town.browser().get(leave_note(town, "dan@example.org", "list", items="Three lamps")).text
    assert "Three lamps" in shown
    assert "The lamp is broken." not in shown
    browser, path = town.browser(), leave_note(town, "dan@example.org", "list")
    assert browser.get(path).status_code == 200
    assert browser.submit(path).location == "/spaces"


def test_a_claim_of_a_plugin_that_is_off_is_kept(town: Town) -> None:
    from core import registry

    path = leave_note(town, "dan@example.org")
    town.run(lambda: registry.current().switch("jotter", False))
    browser = town.browser()
    shown = browser.get(path)
    assert shown.status_code == 410
    assert "switched off" in shown.text
    assert browser.submit(path, "/sign-in").status_code == 410
    assert done == []
    town.run(lambda: registry.current().switch("jotter", True))
    assert browser.submit(path).location == "/spaces"
    assert len(done) == 1


def test_a_plugin_that_fails_leaves_nothing_half_done(town: Town) -> None:
    browser = town.browser()
    path = leave_note(town, "dan@example.org", fail=True)
    answer = browser.submit(path)
    assert answer.status_code == 410
    assert "not your fault" in answer.text
    assert who(town) == []
    assert browser.get(path).status_code == 200, "the link stays good"


def test_two_confirmations_at_once_act_once(town: Town) -> None:
    path = leave_note(town, "dan@example.org")
    assert sorted(_at_once([lambda: town.browser().submit(path).status_code] * 2)) in ([302, 410], [302, 422])
    assert len(done) == 1
    assert len(who(town)) == 1


def test_two_sign_ups_of_one_address_open_one_account(town: Town) -> None:
    sign_up(town, name="First")
    first = link(town)
    sign_up(town, name="Second")
    second = link(town)
    answers = _at_once(
        [
            lambda path=path: town.browser().submit(path, password=STRONG).status_code
            for path in (first, second)
        ]
    )
    assert sorted(answers) == [302, 410]
    assert len(who(town)) == 1
    assert town.run(lambda: db.session.scalars(sa.select(Account.email)).all()) == ["ana@example.org"]


def _at_once(calls: list[Any]) -> list[Any]:
    """The answers of calls made at the same moment, each in a thread of its own."""
    barrier, answers = threading.Barrier(len(calls)), [None] * len(calls)

    def run(number: int) -> None:
        barrier.wait()
        answers[number] = calls[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_handles_are_unique_and_readable(town: Town) -> None:

    def make(name: str) -> int:
        with write():
            return actions.create_user(f"{len(who(town))}@example.org", name).id

    ids = [town.run(lambda name=name: make(name)) for name in ("Zoé Œuvrard", "zoe oeuvrard", "李雷")]
    handles = town.run(lambda: [db.session.get(User, one).handle for one in ids])
    assert handles[0] == "zoe-oeuvrard"
    assert re.fullmatch(r"zoe-oeuvrard-\d+", handles[1])
    assert handles[2] == "person"
