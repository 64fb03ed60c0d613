"""The second factor: set up, asked for after the password, and passed by in no way."""

from __future__ import annotations

import datetime as dt
import threading
from functools import partial
from types import SimpleNamespace
from typing import Any

import factors
import pytest
import sqlalchemy as sa
from factors import code, key, recovery_codes
from flask_babel import force_locale

from core import live, registry, settings
from core.access import Refused
from core.accounts import claims, sessions, throttle
from core.db import db, write
from core.models import Account, Entry, Mail, RecoveryCode, SecondFactor, SignIn, User
from core.testing import PASSWORD, Browser, Town
from portal.accounts import factor
from portal.feed import claims as written
from portal.notices import replies

NEW = "heron-basket-lantern-7"
set_up = partial(factors.set_up, steps=-1)  # so that the code of this step has not been used


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no step end between a code and its use."""
    moment = factor.now()
    for module in (factor, factors):
        monkeypatch.setattr(module, "now", lambda: moment)


def is_in(browser: Browser) -> bool:
    return browser.get("/me").status_code == 200


def sign_in(town: Town, name: str, browser: Browser | None = None, **fields: str) -> tuple[Browser, str]:
    """A browser in which the password was given, and where that led."""
    browser = browser or town.browser()
    fields = {"email": f"{name}@example.org", "password": PASSWORD, **fields}
    return browser, browser.submit("/sign-in", **fields).location


def enforce(town: Town, on: bool = True) -> None:
    """Set the town's setting, as a process that was elsewhere finds it."""

    def save() -> None:
        with write():
            settings.save(settings.TOWN, {"second_factor": on})

    town.run(save)


def letters(town: Town) -> list[Mail]:
    return town.run(
        lambda: list(db.session.scalars(sa.select(Mail).where(Mail.kind == "core.second_factor")))
    )


def count(town: Town, model: Any) -> int:
    return town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(model)))


@pytest.fixture
def ana(town: Town) -> tuple[str, list[str]]:
    """The key and the recovery codes of ana, a resident who set a factor up."""
    return set_up(town.browser("ana"), current=PASSWORD)


def test_it_is_on_once_the_app_has_shown_a_code(town: Town) -> None:
    browser, elsewhere = town.browser("ana"), town.browser("ana")
    shown = browser.get("/second-factor")
    assert shown.headers["Cache-Control"] == "no-store, private"
    secret = key(shown.text)
    assert key(browser.get("/second-factor").text) == secret, "a reloaded page shows the same"
    for fields in ({"current": PASSWORD, "code": "000000"}, {"current": "wrong", "code": code(secret)}):
        assert browser.submit("/second-factor", **fields).status_code == 422
    assert count(town, SecondFactor) == 0
    done = browser.submit("/second-factor", current=PASSWORD, code=code(secret))
    assert done.headers["Cache-Control"] == "no-store, private"
    codes = recovery_codes(done.text)
    assert len(set(codes)) == 10
    assert is_in(browser)
    assert not is_in(elsewhere), "who signed in by password alone is signed out"
    assert "protège votre compte" in letters(town)[-1].subject
    assert browser.get("/second-factor").location == "/me/second-factor", "it is not shown again"
    assert secret not in browser.get("/me/second-factor").text


def test_what_is_kept_lets_nobody_in(town: Town, ana: tuple[str, list[str]]) -> None:
    secret, codes = ana

    def rows() -> str:
        found = [*db.session.scalars(sa.select(SecondFactor)), *db.session.scalars(sa.select(RecoveryCode))]
        return " ".join(str(vars(row)) for row in found)

    kept = town.run(rows)
    assert not [word for word in (secret, *codes, *(one.replace("-", "") for one in codes)) if word in kept]
    user, key = town.person("ana"), town.app.secret_key
    for typed in (code(secret), codes[0]):
        town.app.secret_key = "of another town"
        assert not town.run(lambda typed=typed: factor.passes(user, typed)), (
            "the rows alone are worth nothing"
        )
        town.app.secret_key = key
        assert town.run(lambda typed=typed: factor.passes(user, typed))


def test_the_code_is_asked_for_after_the_password(town: Town, ana: tuple[str, list[str]]) -> None:
    browser, location = sign_in(town, "ana", next="/spaces")
    assert location == "/sign-in/code"
    assert not is_in(browser)
    assert town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(SignIn))) == 1
    page = browser.get("/sign-in/code").text
    assert 'autocomplete="one-time-code"' in page
    assert 'inputmode="numeric"' in page
    assert browser.submit("/sign-in/code", code="000000").status_code == 422
    assert not is_in(browser)
    with browser.client.session_transaction() as before:
        half = before["half"]
    shown = code(ana[0])
    assert browser.submit("/sign-in/code", code=f" {shown[:3]} {shown[3:]} ").location == "/spaces"
    assert is_in(browser)
    with browser.client.session_transaction() as after:
        assert "half" not in after, "the session is another"
        assert after["_user_id"] not in str(half)


def test_remembering_the_browser_does_not_remember_the_factor(town: Town, ana: tuple[str, list[str]]) -> None:
    browser, _location = sign_in(town, "ana", remember="y")
    browser.submit("/sign-in/code", code=code(ana[0]))
    with browser.client.session_transaction() as kept:
        assert kept.permanent
    browser.submit("/sign-out", "/")
    again, location = sign_in(town, "ana", browser)
    assert location == "/sign-in/code"
    assert not is_in(again)


def test_half_a_sign_in_is_short_and_belongs_to_its_browser(
    town: Town, ana: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, _location = sign_in(town, "ana")
    other = town.browser()
    assert other.get("/sign-in/code").location == "/sign-in"
    page = browser.get("/sign-in/code")
    assert page.status_code == 200
    monkeypatch.setattr(sessions, "HALF", dt.timedelta(0))
    assert browser.get("/sign-in/code").location == "/sign-in"


def test_half_a_sign_in_ends_with_the_password_it_came_by(town: Town, ana: tuple[str, list[str]]) -> None:
    browser, _location = sign_in(town, "ana")
    assert browser.get("/sign-in/code").status_code == 200

    def other_password() -> None:
        with write() as session:
            session.get(Account, town.person("ana")).password_hash = "another"

    town.run(other_password)
    assert browser.get("/sign-in/code").location == "/sign-in"


def test_a_code_counts_once_and_drifts_by_one_step_at_most(town: Town, ana: tuple[str, list[str]]) -> None:
    user, secret = town.person("ana"), ana[0]

    def passes(steps: int) -> bool:
        return town.run(lambda: factor.passes(user, code(secret, steps)))

    assert not passes(-3)
    assert not passes(3)
    assert passes(0)
    assert not passes(0), "a code that somebody saw is worth nothing"
    assert not passes(-1), "nor is an older one"
    assert passes(1)


@pytest.mark.engines
def test_a_clock_that_was_ahead_keeps_nobody_out_and_lets_no_code_count_twice(
    town: Town, ana: tuple[str, list[str]]
) -> None:
    user, secret, hour = town.person("ana"), ana[0], 3600 // factor.STEP_SECONDS

    def passes(steps: int) -> bool:
        return town.run(lambda: factor.passes(user, code(secret, steps)))

    def ahead() -> None:
        with write() as session:
            session.execute(sa.update(SecondFactor).values(last_step=factor._current() + hour))

    town.run(ahead)
    assert not passes(-1), "which may have counted before"
    assert passes(0)
    assert not passes(0)
    assert passes(1)


def test_one_code_tried_by_many_at_once_counts_once(app: Any, town: Town, ana: tuple[str, list[str]]) -> None:
    user, shown, listed = town.person("ana"), code(ana[0]), ana[1][0]
    for typed in (shown, listed):
        barrier, passed = threading.Barrier(6), []

        def attempt(typed: str = typed, barrier: Any = barrier, passed: Any = passed) -> None:
            with app.app_context():
                barrier.wait(30)
                passed.append(factor.passes(user, typed))
                db.session.remove()

        threads = [threading.Thread(target=attempt) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(passed) == [False] * 5 + [True]


def test_a_recovery_code_counts_once_and_its_owner_is_told(town: Town, ana: tuple[str, list[str]]) -> None:
    listed = ana[1][3]
    browser, _location = sign_in(town, "ana")
    assert browser.submit("/sign-in/code", code=listed.upper()).location == "/"
    assert is_in(browser)
    assert "code de secours a été utilisé" in letters(town)[-1].subject
    assert "9 recovery codes" in browser.get("/me/second-factor").text
    other, _location = sign_in(town, "ana")
    assert other.submit("/sign-in/code", code=listed).status_code == 422
    assert not is_in(other)


def test_new_recovery_codes_end_the_old_ones(town: Town) -> None:
    browser = town.browser("ana")
    secret, old = set_up(browser, current=PASSWORD)
    page = "/me/second-factor/codes"
    assert browser.submit(page, current="wrong", code=code(secret)).status_code == 422
    assert browser.submit(page, current=PASSWORD, code="000000").status_code == 422
    new = recovery_codes(browser.submit(page, current=PASSWORD, code=code(secret)).text)
    assert len(new) == 10
    user = town.person("ana")
    assert not town.run(lambda: factor.passes(user, old[0]))
    assert town.run(lambda: factor.passes(user, new[0]))


def test_removing_it_takes_password_and_code(town: Town) -> None:
    browser = town.browser("ana")
    secret, _codes = set_up(browser, current=PASSWORD)
    page = "/me/second-factor/remove"
    assert browser.submit(page, current="wrong", code=code(secret)).status_code == 422
    assert browser.submit(page, current=PASSWORD, code="000000").status_code == 422
    assert count(town, SecondFactor) == 1
    assert browser.submit(page, current=PASSWORD, code=code(secret, 1)).location == "/me/second-factor"
    assert (count(town, SecondFactor), count(town, RecoveryCode)) == (0, 0)
    assert "est retirée" in letters(town)[-1].subject
    assert sign_in(town, "ana")[1] == "/"


def test_tries_are_counted_for_the_account_wherever_they_come_from(
    town: Town, ana: tuple[str, list[str]]
) -> None:
    burst = {limit.per: limit.burst for limit in throttle.LIMITS["factor"]}["account"]
    for _number in range(burst):
        browser, _location = sign_in(town, "ana")
        assert browser.submit("/sign-in/code", code="000000").status_code == 422
    browser, _location = sign_in(town, "ana")
    assert browser.submit("/sign-in/code", code=code(ana[0])).status_code == 429
    assert not is_in(browser)


def test_a_wrong_code_costs_the_same_statements_whatever_is_wrong(
    town: Town, ana: tuple[str, list[str]], app: Any
) -> None:
    user = town.person("ana")
    town.run(lambda: factor.passes(user, code(ana[0])))
    costs = []
    for typed in ("000000", code(ana[0]), "abcd-efgh-jkmn", ""):
        sent: list[str] = []

        def note(*args: Any, sent: list[str] = sent) -> None:
            sent.append(args[2])

        with app.app_context():
            sa.event.listen(db.engine, "before_cursor_execute", note)
        assert not town.run(lambda typed=typed: factor.passes(user, typed))
        with app.app_context():
            sa.event.remove(db.engine, "before_cursor_execute", note)
        costs.append(sent)
    assert all(one == costs[0] for one in costs)


def test_a_mailed_reset_leads_to_the_code(town: Town, ana: tuple[str, list[str]]) -> None:
    browser = town.browser()
    browser.submit("/reset", email="ana@example.org")
    path = last_link(town)
    assert browser.submit(path, password=NEW).location == "/sign-in/code"
    assert not is_in(browser)
    assert browser.submit("/sign-in/code", code=code(ana[0])).location == "/"
    assert is_in(browser)


def last_link(town: Town) -> str:
    text = town.run(
        lambda: db.session.scalars(
            sa.select(Mail.text).where(Mail.text.contains("/confirm/")).order_by(Mail.id.desc())
        ).first()
    )
    return "/confirm/" + text.partition("/confirm/")[2].split()[0]


def test_a_link_in_the_mail_does_not_act_for_who_has_a_factor(town: Town, ana: tuple[str, list[str]]) -> None:
    space = town.space("Square", "ben")
    payload = {"space": space, "body": "In her name", "title": "", "key": "k", "lang": "en", "parent": None}
    for name in ("cleo", "ana"):
        town.person(name)
        with town.app.test_request_context():
            town.run(lambda name=name: claims.confirm_later(f"{name}@example.org", written.PUBLISH, payload))
        browser, path = town.browser(), last_link(town)
        if name == "ana":
            assert browser.get(path).location == f"/sign-in?next={path}"
            answer = browser.submit(path, "/sign-in")
            assert answer.location == f"/sign-in?next={path}"
        else:
            assert browser.submit(path).status_code == 302
            assert is_in(browser)
    said = town.run(lambda: db.session.scalars(sa.select(Entry.author_id)).all())
    assert said == [town.person("cleo")]
    assert not is_in(browser)


def test_a_link_in_the_mail_does_not_act_for_who_owes_a_factor(town: Town) -> None:
    space = town.space("Square", "ben")
    payload = {"space": space, "body": "In her name", "title": "", "key": "k", "lang": "en", "parent": None}
    town.person("zoe", "agent")
    enforce(town)
    with town.app.test_request_context():
        town.run(lambda: claims.confirm_later("zoe@example.org", written.PUBLISH, payload))
    browser, path = town.browser(), last_link(town)
    assert browser.get(path).location == f"/sign-in?next={path}"
    assert browser.submit(path, "/sign-in").location == f"/sign-in?next={path}"
    assert town.run(lambda: db.session.scalars(sa.select(Entry.author_id)).all()) == []


GUARDED = ("official", "agent", "administrator")


@pytest.mark.parametrize("role", GUARDED)
def test_where_it_is_needed_nothing_works_without_it(town: Town, role: str) -> None:
    old = town.browser("zoe", role)
    resident = town.browser("ana")
    assert is_in(old)
    enforce(town)
    assert not is_in(old), "a session from before counts no more"
    for path in ("/admin", "/admin/plugins", "/spaces/new", "/me", "/notices"):
        assert old.get(path).location.startswith("/sign-in")
    assert is_in(resident)
    browser, location = sign_in(town, "zoe", next="/spaces")
    assert location == "/second-factor"
    for path in ("/", "/spaces", "/admin", "/feed.atom", "/me", "/sign-in"):
        assert browser.get(path).location == "/second-factor", path
    for path in ("/legal", "/accessibility"):
        assert browser.get(path).status_code == 200
    assert browser.submit("/language", "/legal", language="fr").status_code == 302
    assert "Configurer" in browser.get("/second-factor").text
    done = browser.submit("/second-factor", code=code(key(browser.get("/second-factor").text)))
    assert len(recovery_codes(done.text)) == 10
    assert is_in(browser)
    assert browser.get("/spaces").status_code == 200


def test_somebody_led_to_it_can_leave(town: Town) -> None:
    town.person("zoe", "agent")
    enforce(town)
    browser, _location = sign_in(town, "zoe")
    assert browser.submit("/sign-out", "/second-factor").status_code == 302
    assert browser.get("/spaces").status_code == 200


def test_a_link_to_choose_a_password_leads_to_setting_it_up(town: Town) -> None:
    town.person("zoe", "agent")
    enforce(town)
    browser = town.browser()
    browser.submit("/reset", email="zoe@example.org")
    assert browser.submit(last_link(town), password=NEW).location == "/second-factor"
    assert not is_in(browser)


def test_a_stream_from_before_ends_when_it_is_asked_for(town: Town) -> None:
    admin, agent = town.browser("ada", "administrator"), town.browser("zoe", "agent")
    with agent.client.session_transaction() as session:
        token = session["_user_id"]
    fields = {"name": "Town", "language": "fr", "colour": "#1d5e63", "colour_dark": "#7fc8c3"}
    refused = admin.submit("/admin/town", second_factor="y", **fields)
    assert "First set up your own" in refused.text
    set_up(admin, current=PASSWORD)
    assert admin.submit("/admin/town", second_factor="y", **fields).status_code == 302
    assert is_in(admin)
    listener = live.Listener(0, town.person("zoe"), sessions.fingerprint(token), None)
    assert town.run(lambda: live.hear([listener], True)) == {listener: None}


def test_an_administrator_resets_somebodys_factor_but_not_their_own(
    town: Town, ana: tuple[str, list[str]]
) -> None:
    admin = town.browser("ada", "administrator")
    set_up(admin, current=PASSWORD)
    agent = town.browser("zoe", "agent")
    person = town.person("ana")
    page = f"/admin/people/{person}"
    assert agent.submit(f"{page}/second-factor", "/me").status_code == 403
    assert "Reset the second factor" in admin.get(page).text
    own = f"/admin/people/{town.person('ada')}"
    assert "Reset the second factor" not in admin.get(own).text
    assert admin.submit(f"{own}/second-factor", own).status_code == 403
    assert count(town, SecondFactor) == 2
    assert admin.submit(f"{page}/second-factor", page).location == page
    assert count(town, SecondFactor) == 1
    assert "est réinitialisée" in letters(town)[-1].subject
    assert sign_in(town, "ana")[1] == "/"


def test_no_plugin_switches_it_off(town: Town) -> None:
    town.person("zoe", "agent")
    enforce(town)
    for name in town.app.extensions["parvis"].installed:
        town.run(lambda name=name: registry.current().switch(name, False))
    assert sign_in(town, "zoe")[1] == "/second-factor"


def test_a_role_given_later_asks_for_it(town: Town) -> None:
    browser = town.browser("zoe")
    enforce(town)
    assert is_in(browser)

    def promote() -> None:
        with write() as session:
            session.get(User, town.person("zoe")).role = "agent"

    town.run(promote)
    assert not is_in(browser)


def test_who_must_have_one_and_removes_it_sets_it_up_anew(town: Town) -> None:
    browser = town.browser("zoe", "agent")
    secret, _codes = set_up(browser, current=PASSWORD)
    enforce(town)
    assert is_in(browser)
    browser.submit("/me/second-factor/remove", current=PASSWORD, code=code(secret))
    assert not is_in(browser)
    assert sign_in(town, "zoe")[1] == "/second-factor"


def test_a_reply_by_mail_is_not_taken_from_who_owes_a_factor(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "unquoted", lambda text, _marks: text)
    town.person("zoe", "agent")
    enforce(town)

    def answer() -> None:
        with sessions.as_viewer(town.person("zoe")):
            rest = replies.seal(town.person("zoe"), 1)
        letter = SimpleNamespace(rest=rest, user_id=town.person("zoe"), text="Yes")
        with force_locale("en"), pytest.raises(Refused, match="set up your second factor"):
            replies.reply(letter)

    town.run(answer)
