"""One's own settings: profile, picture, area, language, time zone, address and password."""

import io
import re

import pytest
import sqlalchemy as sa
from PIL import Image
from werkzeug.test import TestResponse

from core import access
from core.accounts import actions
from core.db import db, write
from core.models import Account, File, Mail, User
from core.testing import PASSWORD, Browser, Town

STRONG = "quiet-lantern-harbour-nine"


def picture(colour: str = "teal") -> tuple[io.BytesIO, str]:
    file = io.BytesIO()
    Image.new("RGB", (400, 300), colour).save(file, "PNG")
    file.seek(0)
    return file, "me.png"


def user(town: Town, name: str) -> User:
    return town.run(lambda: db.session.get(User, town.person(name)))


def account(town: Town, name: str) -> Account:
    return town.run(lambda: db.session.get(Account, town.person(name)), name)


def save(browser: Browser, **fields: object) -> TestResponse:
    return browser.submit(
        "/me", **{"name": "Ana", "about": "", "language": "", "timezone": "", "area": "", **fields}
    )


def newest_link(town: Town) -> str:
    text = town.run(lambda: db.session.scalars(sa.select(Mail.text).order_by(Mail.id.desc())))
    return next(
        found.group(1) for one in text if (found := re.search(r"http://localhost(/confirm/\S+)", one))
    )


def test_nobody_takes_the_name_of_an_official_or_of_staff(town: Town) -> None:
    town.person("ana")
    town.person("claire", "official", mandate="mayor")
    for role, staff in (("agent", "gaspard"), ("administrator", "zoe")):
        town.person(staff, role)
        assert save(town.browser("ana"), name=staff.title()).status_code == 422, role
    space = town.space("Halle", "olga")
    page, guest = f"/spaces/{space}", {"body": "I resign.", "email": "x@example.org", "client_key": "1"}
    ana, visitor = town.browser("ana"), town.browser()
    for name in ("Claire", "CLAIRE", "Clairé", "Cla\u200bire", "\u202eClaire", "Ｃｌａｉｒｅ"):
        for answer in (
            save(ana, name=name),
            visitor.submit("/sign-up", name=name, email="x@example.org"),
            visitor.submit(f"{page}/posts", page, name=name, **guest),
        ):
            assert answer.status_code == 422, ascii(name)
            assert "known by this name" in answer.text
    assert visitor.submit("/sign-up", name="Claire B.", email="x@example.org").status_code == 200
    assert save(town.browser("claire"), name="Claire", about="The mayor").status_code == 302
    assert user(town, "ana").name == "Ana"


@pytest.mark.parametrize(
    "name",
    [
        *("Claire-Delalune", "Claire DelaIune", "CIaire Delalune", "C1aire De|alune", "Claire Delalune."),
        *(
            "Claire Delalune (maire)",
            "Claire Delalune \u2713",
            "Claire Delalune\ufe0f",
            "Cla\ufe0fire Delalune",
        ),
        *("Maire Claire Delalune", "Claire Delalune 2", "Delalune Claire", "ClaireDelalune"),
        *("Mme Claire Delalune, maire", "Claire Delalune (", "Anne (Claire Delalune)"),
        *("Claire (Clo) Delalune", "ZoéArnaud"),
    ],
)
def test_nobody_takes_a_name_that_looks_like_an_official_s(town: Town, name: str) -> None:
    with town.app.app_context(), access.as_system("test"), write():
        for number, official in enumerate(("Claire Delalune", "Isabelle Jean-Lucas", "Zoé Arnaud")):
            actions.create_user(f"{number}@example.org", official, role="official", mandate="mayor")
    answer = save(town.browser("ana"), name=name)
    assert answer.status_code == 422
    assert "known by this name" in answer.text


def test_a_title_alone_is_no_name(town: Town) -> None:
    for name in ("Mme le maire", "La mairie", "Agent municipal", "Anne (Maire)", "Administrateur", "MAIRE"):
        answer = save(town.browser("ana"), name=name)
        assert answer.status_code == 422, name
        assert "A name is needed, not a title." in answer.text, name
        assert "known by this name" not in answer.text, name


def test_a_name_is_written_in_one_alphabet(town: Town) -> None:
    ana = town.browser("ana")
    for name in (
        *("\u0421laire Delalune", "\u041e\u043b\u044c\u0433\u0430 Martin", "Cl\u03b1ire"),
        *("Cl\u2c81ire", "\u13dflaire Delalune", "\u0561na Martin"),
    ):
        answer = save(ana, name=name)
        assert answer.status_code == 422
        assert "in one alphabet" in answer.text
    for name in (
        "\u041e\u043b\u044c\u0433\u0430",
        "Jean-Pierre d'Arc (Jeannot)",
        "Lucile Maire",
        "Jean Maire",
        "Bruno Le Maire",
        "L’agent Jean",
        "Anna \u738b",
        "Louis XIV",
    ):
        assert save(ana, name=name).status_code == 302, name


def test_who_bore_the_name_before_the_official_keeps_it(town: Town) -> None:
    ana = town.browser("ana")
    town.run(lambda: _elect("Ana"))
    assert save(ana, name="Ana", about="Not the mayor").status_code == 302
    assert user(town, "ana").about == "Not the mayor"


def _elect(name: str) -> None:
    with write():
        actions.create_user("elected@example.org", name, role="official")


def test_a_profile_is_changed(town: Town) -> None:
    area = town.area("Brume-sur-Ouve")
    browser = town.browser("ana")
    answer = save(
        browser,
        name="Ana\n Lise",
        about="Hello",
        area=str(area),
        language="fr",
        timezone="Indian/Reunion",
        picture=picture(),
    )
    assert answer.location == "/me"
    ana = user(town, "ana")
    assert (ana.name, ana.folded, ana.about, ana.area_id) == ("Ana Lise", "ana lise", "Hello", area)
    assert (account(town, "ana").language, account(town, "ana").timezone) == ("fr", "Indian/Reunion")
    page = browser.get("/me")
    assert '<html lang="fr">' in page.text
    shown = re.search(r'<img class="avatar[^>]* src="([^"]+)"', page.text)
    assert shown
    with town.browser().get(shown.group(1)) as served:
        assert served.mimetype == "image/webp"


def test_time_zones_are_called_as_the_reader_does_and_those_of_france_come_first(town: Town) -> None:
    browser = town.browser("ana")
    save(browser, language="fr", timezone="Indian/Reunion")
    shown = browser.get("/me").text.partition('name="timezone"')[2].partition("</select>")[0]
    french, _elsewhere, others = shown.partition('<optgroup label="Ailleurs">')
    assert french.index('value="Europe/Paris">Paris (France)') < french.index('value="America/Guadeloupe"')
    assert 'selected value="Indian/Reunion">La Réunion' in french
    assert ">New York (États-Unis)" in others


def test_a_time_zone_that_has_another_name_today_stays_chosen(town: Town) -> None:
    browser = town.browser("ana")
    assert save(browser, timezone="Asia/Calcutta").status_code == 422

    def once() -> None:
        with write() as session:
            session.execute(sa.update(Account).values(timezone="Asia/Calcutta"))

    town.run(once)
    assert 'selected value="Asia/Calcutta"' in browser.get("/me").text
    assert save(browser, name="Ana", timezone="Asia/Calcutta").status_code == 302


def test_a_picture_is_replaced_and_taken_away(town: Town) -> None:
    browser = town.browser("ana")
    for colour in ("teal", "red"):
        save(browser, picture=picture(colour))
        assert town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(File))) == 1
    save(browser, no_picture="y")
    assert town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(File))) == 0
    refused = save(browser, name="Somebody", picture=(io.BytesIO(b"%PDF-1.7 not a picture"), "me.png"))
    assert refused.status_code == 422
    assert 'href="#picture"' in refused.text
    assert 'value="Somebody"' in refused.text
    assert user(town, "ana").name == "Ana"


def test_bad_input_is_said_beside_its_field_and_changes_nothing(town: Town) -> None:
    browser = town.browser("ana")
    for field, value in {
        "name": "",
        "about": "x" * 501,
        "area": "999",
        "language": "xx",
        "timezone": "Mars/X",
    }.items():
        refused = save(browser, **{field: value})
        assert refused.status_code == 422, field
        assert f'href="#{field}"' in refused.text
    assert save(browser, area="9" * 40).status_code == 422
    assert user(town, "ana").name == "Ana"


@pytest.mark.parametrize("role", ["resident", "agent"])
def test_nobody_widens_their_rights_by_a_forged_form(town: Town, role: str) -> None:
    area, other = town.area("Brume-sur-Ouve"), town.area("Clos-Vert")
    town.person("ana", role, area_id=area)
    browser = town.browser("ana")
    forged = {"role": "administrator", "mandate": "mayor", "list_name": "x", "area_id": str(other), "id": "1"}
    save(browser, area=str(other), **forged, handle="mayor", email="x@example.org", demo="y", user_id="2")
    ana = user(town, "ana")
    assert (ana.role, ana.mandate, ana.list_name, ana.handle) == (role, None, None, "ana")
    assert ana.area_id == (other if role == "resident" else area), "an agent's area bounds an agent's rights"
    assert (account(town, "ana").email, account(town, "ana").demo) == ("ana@example.org", False)
    assert ('name="area"' in browser.get("/me").text) is (role == "resident")


def test_an_address_changes_when_the_new_one_confirms_it(town: Town) -> None:
    browser = town.browser("ana")
    wrong = browser.submit("/me/email", email="new@example.org", current="not-this-one")
    assert wrong.status_code == 422
    assert "not your present password" in wrong.text
    browser.submit("/me/email", email="NEW@example.org", current=PASSWORD)
    assert account(town, "ana").email == "ana@example.org"
    path = newest_link(town)
    stranger = town.browser()
    assert stranger.get(path).location == f"/sign-in?next={path}", "a mistyped address lets no stranger in"
    ben = town.browser("ben")
    assert ben.submit(path).status_code == 410
    assert account(town, "ana").email == "ana@example.org"
    assert browser.submit(path).location == "/me"
    assert account(town, "ana").email == "new@example.org"
    assert town.browser().submit("/sign-in", email="new@example.org", password=PASSWORD).location == "/"
    written = town.run(
        lambda: db.session.execute(sa.select(Mail.recipient, Mail.text).order_by(Mail.id)).all()
    )
    assert [row.recipient for row in written] == ["new@example.org", "ana@example.org", "ana@example.org"]
    assert not any("new@example.org" in row.text for row in written[1:]), (
        "the old mailbox learns no new address"
    )


def test_an_address_of_somebody_else_is_never_taken(town: Town) -> None:
    town.person("ben")
    browser = town.browser("ana")
    known = browser.submit("/me/email", email="ben@example.org", current=PASSWORD).text
    unknown = browser.submit("/me/email", email="new@example.org", current=PASSWORD).text
    assert re.sub(r'nonce="[^"]*"|value="[^"]*"', "", known).replace("ben@", "new@") == re.sub(
        r'nonce="[^"]*"|value="[^"]*"', "", unknown
    )
    path = newest_link(town)
    town.run(lambda: _rename(town, "ben", "new@example.org"))
    refused = browser.submit(path)
    assert refused.status_code == 410
    assert "no longer possible" in refused.text
    assert account(town, "ana").email == "ana@example.org"


def _rename(town: Town, name: str, email: str) -> None:
    from core.db import write

    with write() as session:
        session.execute(sa.update(Account).where(Account.user_id == town.person(name)).values(email=email))


def test_a_password_is_changed_by_who_knows_it(town: Town) -> None:
    browser = town.browser("ana")
    for current, new, says in (
        ("wrong", STRONG, "not your present password"),
        (PASSWORD, "ana-example", "easy to guess"),
        ("", STRONG, "present password"),
    ):
        refused = browser.submit("/me/password", current=current, password=new)
        assert refused.status_code == 422
        assert says in refused.text
    assert browser.submit("/me/password", current=PASSWORD, password=STRONG).location == "/me"


@pytest.mark.parametrize("url", ["/me", "/me/password", "/me/email"])
def test_settings_are_for_those_signed_in(town: Town, url: str) -> None:
    assert town.browser().get(url).location == f"/sign-in?next={url}"
    assert town.browser("ana").get(url).status_code == 200


def test_plugins_hear_of_changes(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from core import registry

    heard = []
    called = registry.Registry.call

    def listen(self: registry.Registry, hook: str, **arguments: object) -> object:
        if hook == "user_changed":
            heard.append((arguments["user"].name, arguments["change"], db.session.info["writing"]))
        return called(self, hook, **arguments)

    monkeypatch.setattr(registry.Registry, "call", listen)
    save(town.browser("ana"), name="Ana Lise")
    assert heard == [("Ana", "joined", True), ("Ana Lise", "profile", True)]
