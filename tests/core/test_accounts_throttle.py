"""How often something may be tried, from where, and that nobody is locked out by others."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
import zxcvbn

from core import db as database
from core.accounts import passwords, throttle
from core.db import db
from core.models import Mail, Throttle
from core.testing import PASSWORD, Browser, Town


class Clock:
    """A clock that a test turns on."""

    def __init__(self) -> None:
        self.moment = database.now()

    def __call__(self) -> dt.datetime:
        return self.moment

    def pass_by(self, **time: int) -> None:
        self.moment += dt.timedelta(**time)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the throttle, standing still."""
    clock = Clock()
    monkeypatch.setattr(throttle, "now", clock)
    return clock


def at(town: Town, address: str) -> Browser:
    """A visitor's browser at this network address."""
    browser = town.browser()
    browser.client.environ_base["REMOTE_ADDR"] = address
    return browser


def guess(browser: Browser, email: str = "ana@example.org", password: str = "not-this-one") -> int:
    return browser.submit("/sign-in", email=email, password=password).status_code


def test_guessing_one_account_from_one_address_ends_soon(town: Town, clock: Clock) -> None:
    town.person("ana")
    thief = at(town, "203.0.113.7")
    assert [guess(thief) for _ in range(7)] == [422] * 6 + [429]
    refused = thief.submit("/sign-in", email="ana@example.org", password=PASSWORD)
    assert refused.status_code == 429, "the right password is no use either"
    assert 0 < int(refused.headers["Retry-After"]) <= 121
    assert "Please try again in 2 minutes" in refused.text
    assert guess(thief, "nobody@example.org") == 422, "another account is another counter"
    clock.pass_by(minutes=2)
    assert guess(thief) == 422
    assert guess(thief) == 429


def test_an_unknown_address_is_counted_alike(town: Town, clock: Clock) -> None:
    thief = at(town, "203.0.113.7")
    assert [guess(thief, "nobody@example.org") for _ in range(7)] == [422] * 6 + [429]


def test_the_owner_at_another_address_is_not_locked_out(town: Town, clock: Clock) -> None:
    town.person("mayor")
    for _ in range(8):
        guess(at(town, "203.0.113.7"), "mayor@example.org")
    assert guess(at(town, "198.51.100.4"), "mayor@example.org", PASSWORD) == 302


def test_guessing_from_many_addresses_slows_down_and_never_locks(town: Town, clock: Clock) -> None:
    town.person("mayor")
    answers = [guess(at(town, f"203.0.113.{number}"), "mayor@example.org") for number in range(22)]
    assert answers == [422] * 20 + [429, 429]
    clock.pass_by(seconds=30)
    assert guess(at(town, "198.51.100.4"), "mayor@example.org", PASSWORD) == 302
    assert guess(at(town, "203.0.113.99"), "mayor@example.org") == 422, (
        "the owner's success cleared the counter"
    )


def test_signing_in_clears_ones_own_failures_and_not_the_networks(town: Town, clock: Clock) -> None:
    town.person("ana")
    town.person("thief")
    browser = at(town, "203.0.113.7")
    for _ in range(5):
        guess(browser)
    assert guess(browser, password=PASSWORD) == 302
    for number in range(45):
        guess(at(town, "203.0.113.7"), f"somebody{number}@example.org")
    assert guess(at(town, "203.0.113.7"), "last@example.org") == 429
    assert guess(at(town, "203.0.113.7"), "thief@example.org", PASSWORD) == 429


def test_a_household_of_ipv6_addresses_counts_as_one(town: Town, clock: Clock) -> None:
    for number in range(6):
        guess(at(town, f"2001:db8:0:1::{number:x}"))
    assert guess(at(town, "2001:db8:0:1:ffff::1")) == 429
    assert guess(at(town, "2001:db8:0:2::1")) == 422


@pytest.mark.parametrize(
    ("address", "shared"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", "unknown"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("[2001:db8:1:2::9]:4711", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        ("[fe80::1%eth0]:80", "fe80::/64"),
        ("2001:db8:1:2::4711", "2001:db8:1:2::/64"),
        ("203.0.113.7:4711:1", "unknown"),
        ("[203.0.113.7:4711", "unknown"),
    ],
)
def test_what_a_network_is(address: str, shared: str) -> None:
    assert throttle.network(address) == shared


@pytest.mark.parametrize("url", ["/sign-up", "/reset"])
def test_nobodys_mailbox_is_flooded(town: Town, clock: Clock, url: str) -> None:
    fields = {"name": "Ana"} if url == "/sign-up" else {}

    def ask(number: int) -> int:
        return at(town, f"203.0.113.{number}").submit(url, email="ana@example.org", **fields).status_code

    assert [ask(number) for number in range(7)] == [200] * 5 + [429] * 2
    clock.pass_by(minutes=10)
    assert ask(8) == 200


def test_signing_up_is_counted_and_hashes_nothing(
    town: Town, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.person("ana")
    hashed: list[str] = []
    monkeypatch.setattr(passwords, "digest", hashed.append)

    def ask(email: str) -> int:
        return at(town, "203.0.113.7").submit("/sign-up", name="Ana", email=email).status_code

    for email in ("ana@example.org", "nobody@example.org"):
        answers = [ask(email) for _number in range(7)]
        assert answers == [200] * 5 + [429] * 2
        assert hashed == [], "known or not, an address costs the same"


def test_nobody_is_flooded_with_invitations_nor_sends_them_without_end(town: Town, clock: Clock) -> None:
    url = f"/spaces/{town.space('Halle', 'olga')}/invite"
    olga = town.browser("olga")

    def invite(email: str) -> int:
        return olga.submit(url, email=email, role="member").status_code

    spellings = ("dan@example.org", "Dan@example.org")
    assert [invite(spellings[number % 2]) for number in range(7)] == [302] * 5 + [429] * 2
    assert [invite(f"p{number}@example.org") for number in range(34)] == [302] * 33 + [429]
    assert town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(Mail))) == 38
    clock.pass_by(minutes=10)
    assert invite("dan@example.org") == 302


def test_links_are_not_guessed(town: Town, clock: Clock) -> None:
    browser = at(town, "203.0.113.7")
    answers = [browser.get(f"/confirm/guess-{number}").status_code for number in range(31)]
    assert answers == [404] * 30 + [429]


def test_the_present_password_is_not_guessed(town: Town, clock: Clock) -> None:
    browser = town.browser("ana")
    answers: list[Any] = [
        browser.submit("/me/password", current="wrong", password="quiet-lantern-harbour-nine").status_code
        for _ in range(7)
    ]
    assert answers == [422] * 6 + [429]


def test_previews_are_many_for_each_account_and_not_endless(
    town: Town, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(throttle.LIMITS, "preview", (throttle.Limit("account", 3, 2 * throttle.SECOND),))
    space = town.space("Square", "ana")
    url = f"/spaces/{space}/posts"

    def look(browser: Browser) -> int:
        return browser.submit("/preview", f"/spaces/{space}", body="*x*").status_code

    def look_without_script(browser: Browser) -> int:
        return browser.submit(url, f"/spaces/{space}", body="*x*", preview="1").status_code

    ana = town.browser("ana")
    assert [look(ana) for _ in range(4)] == [200] * 3 + [429]
    assert look_without_script(ana) == 429
    visitor = at(town, "203.0.113.7")
    assert [look_without_script(visitor) for _ in range(4)] == [422] * 3 + [429]
    assert look(visitor) == 429
    assert look(at(town, "198.51.100.4")) == 200
    clock.pass_by(seconds=2)
    assert [look(ana), look(ana)] == [200, 429]


def test_weighing_passwords_is_little_work_however_they_are_made(
    town: Town, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile, weighed = "4@8({[<3611!|157$5%0972z" * 8, []

    def weigh(password: str, user_inputs: list[str]) -> dict[str, Any]:
        weighed.append((len(password), sum(map(len, user_inputs)) < 1000))
        return {"score": 0, "sequence": []}

    monkeypatch.setattr(zxcvbn, "zxcvbn", weigh)
    at(town, "203.0.113.7").submit("/sign-up", name="x" * 80, email="ana@example.org")
    text = town.run(lambda: db.session.scalars(sa.select(Mail.text)).one())
    link = text.partition("http://localhost")[2].split()[0]
    browser, more = at(town, "203.0.113.8"), {"next": "many words " * 1000, "name": "many words " * 1000}
    answers = [browser.submit(link, password=hostile, **more).status_code for _ in range(31)]
    assert answers == [422] * 30 + [429]
    assert len(weighed) == 30, "counted before it is weighed"
    assert set(weighed) == {(32, True)}
    ben = town.browser("ben")
    assert ben.submit("/me/password", current="wrong", password=hostile).status_code == 422
    assert weighed[30] == (32, True)


def test_counters_name_nobody_and_drain(town: Town, clock: Clock) -> None:
    guess(at(town, "203.0.113.7"))
    rows = town.run(lambda: db.session.scalars(sa.select(Throttle)).all())
    assert sorted(row.key.rpartition(" ")[0] for row in rows) == [
        "sign_in account",
        "sign_in both",
        "sign_in network",
    ]
    assert {row.count for row in rows} == {1}
    assert not any("ana" in row.key or "203" in row.key.split()[1] for row in rows)
    clock.pass_by(minutes=10)
    guess(at(town, "203.0.113.7"))
    assert {row.count for row in town.run(lambda: db.session.scalars(sa.select(Throttle)).all())} == {1}
