"""Signing in and out: what the cookie is worth, and when it stops being worth anything."""

import datetime as dt
import re
from typing import Any

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from core import access
from core.accounts import actions, claims, passwords, sessions
from core.db import db, write
from core.models import Account, SignIn, User
from core.testing import PASSWORD, Browser, Town

ELSEWHERE = ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb"]


def sign_ins(town: Town) -> list[SignIn]:
    return town.run(lambda: list(db.session.scalars(sa.select(SignIn).order_by(SignIn.created_at))))


def is_in(browser: Browser) -> bool:
    return browser.get("/me").status_code == 200


def cookie(browser: Browser) -> str:
    found = browser.client.get_cookie("parvis")
    assert found is not None
    return found.value


def test_the_right_password_signs_in_and_a_wrong_one_does_not(town: Town) -> None:
    town.person("ana")
    browser = town.browser()
    refused = browser.submit("/sign-in", email="ana@example.org", password="not-this-one")
    assert refused.status_code == 422
    assert 'href="#password"' in refused.text, "the summary leads to the field"
    assert 'value="ana@example.org"' in refused.text, "what was typed is kept"
    assert not is_in(browser)
    accepted = browser.submit("/sign-in", email=" Ana@Example.org ", password=PASSWORD)
    assert accepted.location == "/"
    assert is_in(browser)


def test_only_a_fingerprint_of_the_token_is_kept(town: Town) -> None:
    browser = town.browser("ana")
    with browser.client.session_transaction() as session:
        token = session["_user_id"]
    assert [row.token_hash for row in sign_ins(town)] == [sessions.fingerprint(token)]
    assert token not in str(vars(sign_ins(town)[0]))


def test_signing_in_gives_a_new_token_and_empties_the_session(town: Town) -> None:
    browser = town.browser("ana")
    town.person("ben")
    with browser.client.session_transaction() as session:
        planted, session["planted"] = session["_user_id"], "by somebody else"
    before = cookie(browser)
    browser.client.set_cookie("parvis", before)
    browser.submit("/sign-out", "/")
    browser.client.set_cookie("parvis", before)
    assert not is_in(browser), "signing out ends the token, not only the cookie"
    browser.submit("/sign-in", email="ben@example.org", password=PASSWORD)
    with browser.client.session_transaction() as session:
        assert session["_user_id"] != planted
        assert "planted" not in session


def test_a_session_ends_by_itself(town: Town) -> None:
    short, long = town.browser(), town.browser()
    town.person("ana")
    short.submit("/sign-in", email="ana@example.org", password=PASSWORD)
    long.submit("/sign-in", email="ana@example.org", password=PASSWORD, remember="y")
    assert is_in(short)
    assert is_in(long)

    def age() -> None:
        with write() as session:
            for row in session.scalars(sa.select(SignIn)):
                row.expires_at -= dt.timedelta(days=2)

    town.run(age)
    assert not is_in(short)
    assert is_in(long)


def test_changing_the_password_signs_out_every_other_browser(town: Town) -> None:
    here, there, other = town.browser("ana"), town.browser("ana"), town.browser("ben")
    changed = here.submit("/me/password", current=PASSWORD, password="quiet-lantern-harbour-nine")
    assert changed.location == "/me"
    assert is_in(here)
    assert not is_in(there)
    assert is_in(other)
    assert there.submit("/sign-in", email="ana@example.org", password=PASSWORD).status_code == 422
    assert (
        there.submit("/sign-in", email="ana@example.org", password="quiet-lantern-harbour-nine").location
        == "/"
    )


def test_signing_out_here_elsewhere_and_everywhere(town: Town) -> None:
    here, there, other = town.browser("ana"), town.browser("ana"), town.browser("ana")
    with there.client.session_transaction() as session:
        key = sessions.fingerprint(session["_user_id"])
    assert "This device" in here.get("/me").text
    stranger = town.browser("ben")
    assert stranger.submit(f"/me/devices/{key}/sign-out", "/me").status_code == 404
    assert is_in(there)
    here.submit(f"/me/devices/{key}/sign-out", "/me")
    assert not is_in(there)
    assert is_in(other)
    here.submit("/sign-out-everywhere", "/me")
    assert not is_in(here)
    assert not is_in(other)
    assert is_in(stranger)


@pytest.mark.parametrize("target", ["/spaces?order=active", *ELSEWHERE])
def test_after_signing_in_one_stays_on_the_portal(town: Town, target: str) -> None:
    town.person("ana")
    answer = town.browser().submit("/sign-in", email="ana@example.org", password=PASSWORD, next=target)
    assert answer.location == ("/" if target in ELSEWHERE else target)


def test_a_visitor_is_led_back_to_where_they_were_going(town: Town) -> None:
    town.person("ana")
    browser = town.browser()
    asked = browser.get("/me/password?x=1")
    assert asked.location == "/sign-in?next=/me/password?x%3D1"
    answer = browser.submit(
        "/sign-in", asked.location, email="ana@example.org", password=PASSWORD, next="/me/password?x=1"
    )
    assert answer.location == "/me/password?x=1"


@pytest.mark.parametrize(
    ("page", "back"),
    [
        ("/", "/sign-in"),
        ("/spaces?q=a", "/sign-in?next=/spaces?q%3Da"),
        ("/nowhere", "/sign-in?next=/nowhere"),
        ("/sign-in?next=/me", "/sign-in?next=/me"),
        ("/confirm/a-secret", "/sign-in"),
    ],
)
def test_signing_in_from_the_header_leads_back(town: Town, page: str, back: str) -> None:
    header = town.browser().get(page).text.partition("<main")[0]
    assert f'<a class="button" href="{back}">Sign in</a>' in header


def test_known_and_unknown_addresses_cost_the_same(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.person("ana")
    town.browser().submit("/sign-in", email="someone@example.org", password="to know plugins and settings")
    with town.app.app_context():
        engine = db.engine
    work = []
    for email in ("ana@example.org", "nobody@example.org"):
        done: list[str] = []

        def note(_connection: Any, _cursor: Any, sql: str, *_rest: Any, done: list[str] = done) -> None:
            done.append(sql)

        with monkeypatch.context() as patch:
            patch.setattr(passwords, "hasher", Watched(passwords.hasher, done))
            sa.event.listen(engine, "before_cursor_execute", note)
            answer = town.browser().submit("/sign-in", email=email, password="not-this-one")
            sa.event.remove(engine, "before_cursor_execute", note)
        work.append((done, re.sub(r'(nonce|value)="[^"]*"', "", answer.text)))
    assert work[0] == work[1]
    assert work[0][0].count("verify") == 1


class Watched:
    """A hasher that notes when it does its slow work."""

    def __init__(self, hasher: PasswordHasher, done: list[str]) -> None:
        self.hasher, self.done = hasher, done

    def hash(self, password: str) -> str:
        """Hash without a note: the dummy hash is made once a process."""
        return self.hasher.hash(password)

    def verify(self, kept: str, password: str) -> bool:
        """Verify with a note."""
        self.done.append("verify")
        return self.hasher.verify(kept, password)


def test_an_account_without_a_password_has_none_that_fits(town: Town) -> None:
    def make() -> None:
        with write():
            actions.create_user("zoe@example.org", "Zoe")

    town.run(make)
    for attempt in ("", "nobody", "None"):
        assert town.browser().submit("/sign-in", email="zoe@example.org", password=attempt).status_code == 422


def test_a_closed_account_can_neither_sign_in_nor_stay(town: Town) -> None:
    browser = town.browser("ana")

    def close() -> None:
        with write() as session:
            session.get(User, town.person("ana")).closed_at = sa.func.now()

    town.run(close)
    assert not is_in(browser)
    assert town.browser().submit("/sign-in", email="ana@example.org", password=PASSWORD).status_code == 422


def test_a_password_hashed_at_lower_cost_is_hashed_anew(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.person("ana")
    before = town.run(lambda: claims.known("ana@example.org"))
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert town.browser().submit("/sign-in", email="ana@example.org", password=PASSWORD).location == "/"
    after = town.run(lambda: claims.known("ana@example.org"))
    assert before.password_hash != after.password_hash
    assert "t=2" in after.password_hash


def test_a_password_that_is_changed_while_it_is_verified_lets_nobody_in(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.person("ana")
    matches = passwords.matches

    def slowly(kept: str | None, password: str) -> bool:
        fits = matches(kept, password)
        with access.as_system("test"), write() as session:
            session.get(Account, town.person("ana")).password_hash = passwords.digest("another-one")
        return fits

    monkeypatch.setattr(passwords, "matches", slowly)
    browser = town.browser()
    assert browser.submit("/sign-in", email="ana@example.org", password=PASSWORD).status_code == 422
    assert not is_in(browser)


def test_a_device_is_named_as_a_person_would() -> None:
    phone = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
    assert sessions.device(phone) == "Chrome, Android"
    assert (
        sessions.device("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        == "Firefox, Linux"
    )
    assert sessions.device("curl/8") == ""


def test_knowing_who_is_looking_costs_one_statement(town: Town) -> None:
    browser = town.browser("ana")
    browser.get("/me/password")
    with town.app.app_context():
        engine = db.engine
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, sql: str, *_rest: Any) -> None:
        sent.append(sql)

    sa.event.listen(engine, "before_cursor_execute", note)
    browser.get("/me/password")
    sa.event.remove(engine, "before_cursor_execute", note)
    assert len([sql for sql in sent if "core_user" in sql or "core_sign_in" in sql]) == 1
    assert not [sql for sql in sent if sql.startswith(("INSERT", "UPDATE", "DELETE"))], (
        "reading writes nothing"
    )
