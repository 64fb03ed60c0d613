"""The agency's pages: who opens them, plugins switched and set, roles given, mail shown or masked."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dummy_plugin.plugin as dummy
import pytest
import sqlalchemy as sa
import wtforms
from dummy_plugin.trouble import trouble
from flask_wtf import FlaskForm
from wtforms import (  # type: ignore[attr-defined]
    DateField,
    DateTimeLocalField,
    DecimalField,
    FieldList,
    FormField,
    IntegerField,
    SelectChoice,
    SelectMultipleField,
    StringField,
    TimeField,
)
from wtforms.validators import Optional

from core import mail, registry, settings
from core.db import db, write
from core.models import Mail, PluginFault, Setting, User

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from core.testing import Town

STAFF_PAGES = {
    "/admin": {"agent", "administrator"},
    "/admin/plugins": {"agent", "administrator"},
    "/admin/plugins/dummy": {"agent", "administrator"},
    "/admin/people": {"administrator"},
    "/admin/outbox": {"administrator"},
    "/admin/town": {"administrator"},
    "/admin/areas": {"administrator"},
}


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    return {"dummy": dummy}


@pytest.fixture(autouse=True)
def _no_trouble() -> Iterator[None]:
    yield
    trouble.clear()


@pytest.fixture
def protecting() -> Iterator[None]:
    """Let the dummy plugin protect the portal."""
    object.__setattr__(dummy.plugin, "protects", True)
    yield
    object.__setattr__(dummy.plugin, "protects", False)


def test_each_page_opens_for_its_roles_and_no_other(town: Town) -> None:
    visitor = town.browser()
    for role in ("resident", "official", "agent", "administrator"):
        browser = town.browser(f"{role}s", role)
        for path, roles in STAFF_PAGES.items():
            assert browser.get(path).status_code == (200 if role in roles else 403), (role, path)
    assert all("/sign-in" in visitor.get(path).location for path in STAFF_PAGES)


# Plugins


def test_staff_switch_a_plugin_off_and_on_and_others_do_not(town: Town) -> None:
    ada, bob = town.browser("ada", "agent"), town.browser("bob")
    asked = ada.submit("/admin/plugins/dummy/switch", _page="/admin/plugins", on="0", list="1")
    assert asked.status_code == 200
    assert "off for everybody?" in asked.text
    assert bob.get("/dummy/").status_code == 200
    sure = dict(re.findall(r'name="(on|sure|list)" value="(\d)"', asked.text))
    done = ada.submit("/admin/plugins/dummy/switch", _page="/admin/plugins", **sure)
    assert done.location == "/admin/plugins"
    assert "Nothing of it is lost" in ada.get(done.location).text
    assert bob.get("/dummy/").status_code == 404
    assert bob.submit("/admin/plugins/dummy/switch", _page="/me", on="1").status_code == 403
    assert bob.get("/dummy/").status_code == 404
    ada.submit("/admin/plugins/dummy/switch", _page="/admin/plugins", on="1")
    assert bob.get("/dummy/").status_code == 200


def test_a_switch_of_nothing_or_to_nothing_is_refused(town: Town) -> None:
    ada = town.browser("ada", "agent")
    assert ada.submit("/admin/plugins/other/switch", _page="/admin/plugins", on="1").status_code == 404
    assert ada.submit("/admin/plugins/dummy/switch", _page="/admin/plugins", on="2").status_code == 400
    assert ada.submit("/admin/plugins/dummy/switch", _page="/admin/plugins").status_code == 400
    assert ada.get("/admin/plugins/other").status_code == 404
    assert ada.get("/dummy/").status_code == 200


@pytest.mark.usefixtures("protecting")
def test_only_an_administrator_switches_or_sets_a_plugin_that_protects(town: Town) -> None:
    ada, ben = town.browser("ada", "agent"), town.browser("ben", "administrator")
    assert ada.submit("/admin/plugins/dummy/switch", _page="/me", on="0").status_code == 403
    assert ada.submit("/admin/plugins/dummy", _page="/me", greeting="Hi", most="3").status_code == 403
    assert ada.get("/dummy/").status_code == 200
    sure = ben.submit("/admin/plugins/dummy/switch", _page="/admin/plugins", on="0", sure="1")
    assert sure.status_code == 302
    assert ada.get("/dummy/").status_code == 404


def test_what_a_plugin_adds_is_shown_before_it_is_enabled(town: Town) -> None:
    town.run(lambda: registry.current().switch("dummy", False))
    ada = town.browser("ada", "agent")
    for path in ("/admin/plugins", "/admin/plugins/dummy"):
        page = ada.get(path).text
        for words in ("Workshop", "Idea", "Open a workshop", "Count the ideas", "Finding ideas again"):
            assert words in page
    assert "dummy_bookmark.note" in page


def test_a_page_tells_what_switching_hides(town: Town) -> None:
    ada = town.browser("ada", "agent")
    shown = ada.submit("/dummy/new", name="Mending", visibility="members")
    ada.submit(shown.location + "say", title="A drill", body="For all")
    page = ada.get("/admin/plugins").text
    hides = re.findall(r'data-more="(Switching it off hides 1 space, 1 post, 2 links, its pages[^"]*)"', page)
    assert len(hides) == 1
    assert hides[0].endswith("Nothing is deleted.")
    assert f"<p>{hides[0]}</p>" in page, "the question says what the page says"
    assert 'data-act="Switch off"' in page
    town.run(lambda: registry.current().switch("dummy", False))
    assert "Switching it on shows 1 space, 1 post, 2 links" in ada.get("/admin/plugins/dummy").text


def test_a_plugins_settings_have_defaults_a_form_and_messages(town: Town) -> None:
    ada = town.browser("ada", "agent")
    assert "Welcome to the workshops" in ada.get("/dummy/").text
    wrong = ada.submit("/admin/plugins/dummy", greeting="Good day", most="0")
    assert wrong.status_code == 200
    assert 'href="#most"' in wrong.text
    assert "Good day" in wrong.text
    assert ada.submit("/admin/plugins/dummy", greeting="Good day", most="3").status_code == 302
    assert "Good day" in town.browser().get("/dummy/").text
    kept = town.run(lambda: db.session.get(Setting, "dummy").value)
    assert kept == {"greeting": "Good day", "most": 3}


def test_its_settings_survive_off(town: Town) -> None:
    ada = town.browser("ada", "agent")
    ada.submit("/admin/plugins/dummy", greeting="Good day", most="3")
    for on in (False, True):
        town.run(lambda on=on: registry.current().switch("dummy", on))
    assert "Good day" in ada.get("/dummy/").text


def test_health_is_shown_also_while_off(town: Town) -> None:
    from core import api

    trouble["health"] = lambda: [api.Health("disk", False, "almost full")]
    town.run(lambda: registry.current().switch("dummy", False))
    page = town.browser("ada", "agent").get("/admin/plugins").text
    assert "almost full" in page


def test_a_settings_form_that_fails_leaves_the_page_standing(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dummy_plugin.forms import SettingsForm

    ada = town.browser("ada", "agent")
    monkeypatch.setattr(SettingsForm, "__init__", lambda self, **kw: 1 / 0)
    page = ada.get("/admin/plugins/dummy")
    assert page.status_code == 200
    assert "settings form" in ada.get("/admin/plugins/dummy").text


@pytest.mark.parametrize("place", ["__init__", "validate", "data"])
def test_a_settings_form_may_fail_anywhere(town: Town, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    class Failing(FlaskForm):  # type: ignore[misc]
        greeting = StringField("Greeting")

    ada = town.browser("ada", "agent")
    page = ada.get("/admin/plugins/dummy").text
    token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)[-1]
    fails: Any = property(lambda self: 1 / 0) if place == "data" else lambda self, **kw: 1 / 0
    monkeypatch.setattr(Failing, place, fails)
    monkeypatch.setitem(vars(dummy.plugin), "settings_form", Failing)
    sent = ada.client.post("/admin/plugins/dummy", data={"csrf_token": token, "greeting": "Good day"})
    assert sent.status_code == (404 if place == "__init__" else 200)
    for path in ("/admin/plugins", "/admin/plugins/dummy"):
        assert ada.get(path).status_code == 200
    failed = sa.select(PluginFault.plugin, PluginFault.place).where(PluginFault.what == "ZeroDivisionError")
    assert town.run(lambda: db.session.execute(failed).all()) == [("dummy", "settings form")]


def test_a_setting_that_no_longer_fits_its_form_is_asked_for_anew(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dated(FlaskForm):  # type: ignore[misc]
        greeting = DateField("Greeting", [Optional()])

    ada = town.browser("ada", "agent")

    def keep() -> None:
        with write():
            settings.save("dummy", {"greeting": "Good day"})

    town.run(keep)
    monkeypatch.setitem(vars(dummy.plugin), "settings_form", Dated)
    monkeypatch.setitem(vars(dummy.plugin), "defaults", {})
    page = ada.get("/admin/plugins/dummy")
    assert page.status_code == 200
    assert 'name="greeting"' in page.text
    assert ada.submit("/admin/plugins/dummy", greeting="2026-05-01").status_code == 302
    assert 'value="2026-05-01"' in ada.get("/admin/plugins/dummy").text
    failed = sa.select(PluginFault.plugin, PluginFault.place).where(~PluginFault.what.startswith("slow"))
    assert town.run(lambda: db.session.execute(failed).all()) == [("dummy", "settings form")]


def test_a_settings_form_may_ask_for_anything_that_a_form_can(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hours(wtforms.Form):
        closes = TimeField("Closes", [Optional()])

    class Everything(FlaskForm):  # type: ignore[misc]
        greeting = StringField("Greeting")
        most = IntegerField("Most")
        since = DateField("Since")
        next = DateTimeLocalField("Next")
        price = DecimalField("Price")
        days = SelectMultipleField("Days", choices=[SelectChoice("mo", "Mo"), SelectChoice("tu", "Tu")])
        holidays = FieldList(DateField("Holiday"), min_entries=2)
        opens = TimeField("Opens")
        ends = DateField("Ends", [Optional()])
        saturday = FormField(Hours)

    monkeypatch.setitem(vars(dummy.plugin), "settings_form", Everything)
    ada = town.browser("ada", "agent")
    given = {
        "greeting": "Good day",
        "most": "3",
        "since": "2026-05-01",
        "next": "2026-05-02T10:30",
        "price": "12.50",
        "days": ["mo", "tu"],
        "opens": "09:30",
        "ends": "",
        "holidays-0": "2026-07-14",
        "holidays-1": "2026-08-15",
        "saturday-closes": "12:00",
    }
    assert ada.submit("/admin/plugins/dummy", **given).status_code == 302
    kept = town.run(lambda: settings.plugin_settings("dummy"))
    assert kept["since"] == dt.date(2026, 5, 1)
    assert kept["next"] == dt.datetime(2026, 5, 2, 10, 30)  # noqa: DTZ001  what the form's field gives
    assert (kept["opens"], kept["ends"]) == (dt.time(9, 30), None)
    assert (kept["price"], kept["days"]) == (Decimal("12.50"), ["mo", "tu"])
    assert kept["holidays"] == [dt.date(2026, 7, 14), dt.date(2026, 8, 15)]
    assert kept["saturday"]["closes"] == dt.time(12)
    shown = ada.get("/admin/plugins/dummy").text
    for value in ("2026-05-01", "2026-05-02 10:30:00", "12.50", "09:30", "2026-08-15", "12:00"):
        assert f'value="{value}"' in shown


def test_a_settings_form_that_gives_what_cannot_be_kept_is_named(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(FlaskForm):  # type: ignore[misc]
        greeting = StringField("Greeting", filters=[lambda _: object()])

    monkeypatch.setitem(vars(dummy.plugin), "settings_form", Odd)
    page = town.browser("ada", "agent").submit("/admin/plugins/dummy", greeting="Good day")
    assert page.status_code == 200
    assert "could not be saved" in page.text
    fault = town.run(lambda: db.session.scalars(sa.select(PluginFault)).one())
    assert (fault.place, fault.what) == ("settings form", "TypeError")


# People


def test_a_role_is_given_and_ends_the_persons_sign_ins(town: Town) -> None:
    ada, bob = town.browser("ada", "administrator"), town.browser("bob")
    bob_id = town.person("bob")
    given = {"role": "official", "mandate": "deputy_mayor", "list_name": "Ensemble", "portfolio": "Streets"}
    assert ada.submit(f"/admin/people/{bob_id}", area_id="0", **given).status_code == 302
    assert bob.get("/me").status_code == 302
    assert ada.get("/me").status_code == 200
    user = town.run(lambda: db.session.get(User, bob_id))
    assert (user.role, user.mandate, user.list_name, user.portfolio) == tuple(given.values())
    assert "deputy mayor" in ada.get("/admin/people?q=bob").text


def test_roles_are_not_for_agents_to_give(town: Town) -> None:
    bea, bea_id = town.browser("bea", "agent"), town.person("bea")
    assert bea.submit(f"/admin/people/{bea_id}", _page="/me", role="administrator").status_code == 403
    assert town.run(lambda: db.session.get(User, bea_id).role) == "agent"


def test_the_last_administrator_keeps_the_role(town: Town) -> None:
    ada, ada_id = town.browser("ada", "administrator"), town.person("ada")
    page = ada.submit(f"/admin/people/{ada_id}", role="resident", mandate="", area_id="0")
    assert page.status_code == 200
    assert "only administrator" in page.text
    town.person("ben", "administrator")
    assert ada.submit(f"/admin/people/{ada_id}", role="resident", mandate="", area_id="0").status_code == 302
    assert town.run(lambda: db.session.get(User, ada_id).role) == "resident"


def test_a_mandate_is_for_elected_officials(town: Town) -> None:
    ada, bob_id = town.browser("ada", "administrator"), town.person("bob")
    page = ada.submit(f"/admin/people/{bob_id}", role="resident", mandate="mayor", area_id="0")
    assert "Only an elected official has a mandate." in page.text
    assert ada.submit(f"/admin/people/{bob_id}", role="king", mandate="", area_id="0").status_code == 200
    assert ada.get("/admin/people/999999").status_code == 404


def test_people_are_found_by_a_part_of_the_name_or_a_whole_address(town: Town) -> None:
    ada = town.browser("ada", "administrator")
    town.person("zoe", list_name=None)
    assert "Zoe" in ada.get("/admin/people?q=zO").text
    assert "Zoe" in ada.get("/admin/people?q=zoe@example.org").text
    assert "Zoe" not in ada.get("/admin/people?q=oe@example.org").text
    assert "Nobody found" in ada.get("/admin/people?q=%25").text


def test_people_come_page_by_page(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal.admin import views

    monkeypatch.setattr(views, "PAGE", 2)
    ada = town.browser("ada", "administrator")
    names = ["bob", "cleo", "dan"]
    for name in names:
        town.person(name)
    seen, url = "", "/admin/people"
    while url:
        page = ada.get(url).text
        seen += page.partition('<ul class="list people">')[2].partition("</ul>")[0]
        url = page.partition('class="button quiet" href="/admin/people')[2].partition('"')[0]
        url = url and "/admin/people" + url.replace("&amp;", "&")
    assert [seen.count(f"{name.title()}</a>") for name in ("ada", *names)] == [1, 1, 1, 1]


# Mail


def send(town: Town) -> int:
    """Put a message with a secret link into the outbox and return its number."""

    def write_mail() -> int:
        with write():
            mail.send("core.confirm", "zoe@example.org", "Confirm, Zoe", "Open /confirm/secret-token")
        return db.session.scalar(sa.select(sa.func.max(Mail.id)))

    return town.run(write_mail)


def test_in_a_real_town_the_outbox_shows_neither_text_nor_address(town: Town) -> None:
    number = send(town)
    ada = town.browser("ada", "administrator")
    page = ada.get("/admin/outbox").text
    assert "core.confirm" in page, "of a kind that nothing declares, its name"
    assert "z…@e….org" in page
    assert "zoe@example.org" not in page
    assert "secret-token" not in page
    assert "Confirm, Zoe" not in page
    assert ada.get(f"/admin/outbox/{number}").status_code == 404


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("core.notice", "Notifications"),
        ("core.sign_up", "Open my account"),
        ("core.decision", "A decision about what you wrote or reported"),
        ("core.reply", "Replies to what I wrote or follow"),
    ],
)
def test_a_kind_of_mail_is_said_as_what_declares_it_says(town: Town, kind: str, words: str) -> None:
    def put() -> None:
        with write():
            mail.send(kind, "zoe@example.org", "Subject", "Text")

    town.run(put)
    page = town.browser("ada", "administrator").get("/admin/outbox").text.partition("<main")[2]
    assert words in page
    assert kind not in page


def test_in_the_demonstration_an_administrator_reads_whole_messages(town: Town) -> None:
    number = send(town)
    town.app.config["PARVIS"] = dataclasses.replace(town.app.config["PARVIS"], demo=True)
    ada = town.browser("ada", "administrator")
    assert "Confirm, Zoe" in ada.get("/admin/outbox").text
    assert "secret-token" in ada.get(f"/admin/outbox/{number}").text

    def sent() -> None:
        with write() as session:
            row = session.get(Mail, number)
            row.status, row.subject = "sent", f"Confirm, Zoe – {settings.town().name}"

    town.run(sent)
    page = ada.get("/admin/outbox").text.partition("<main")[2]
    assert '<span class="badge ">kept here</span>' in page
    assert "success" not in page
    title = re.search("<title>(.*)</title>", ada.get(f"/admin/outbox/{number}").text)
    assert title is not None
    assert title[1].count(town.run(lambda: settings.town().name)) == 1
    assert town.browser("bea", "agent").get(f"/admin/outbox/{number}").status_code == 403
