"""The pages made of what is declared: the record, the cookies, the accessibility statement; their links."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

import dummy_plugin.plugin as dummy
import pytest

from core import registry
from core.testing import PASSWORD

if TYPE_CHECKING:
    from types import ModuleType

    from core.testing import Town


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    """Return the installed plugins, and the dummy plugin."""
    return {"dummy": dummy, **registry.discover()[1]}


def test_the_record_tells_each_declared_column_of_the_core_and_of_plugins_that_are_off(town: Town) -> None:
    town.run(lambda: registry.current().switch("dummy", False))
    page = town.browser().get("/privacy/record").text
    plugins = town.app.extensions["parvis"]
    for plugin in (plugins.core, *plugins.installed.values()):
        assert all(
            f"<code>{data.table}</code>" in page and data.column in page for data in plugin.personal_data
        )
    assert "Finding ideas again" in page
    assert "feed.example" in page
    assert "Lines of the ledger" in page


def test_the_record_speaks_to_people_and_has_table_names_as_a_detail_alone(town: Town) -> None:
    boss = town.browser("boss", "administrator")
    assert "Data protection officer" in boss.get("/privacy/record").text
    shown = re.findall(r'name="(\w+)"[^>]*value="([^"]*)"', boss.get("/admin/town").text)
    values = {name: value for name, value in shown if name not in ("csrf_token", "no_logo", "second_factor")}
    said = "Office for data, dpo@belleroche.example"
    saved = boss.submit("/admin/town", **{**values, "language": "fr", "officer": said})
    assert saved.status_code == 302, saved.text
    visitor = town.browser()
    for path in ("/privacy", "/privacy/record"):
        assert said in visitor.get(path).text, path
    page = visitor.get("/privacy/record").text
    assert "It is a task of the town, in the public interest" in page
    told = re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)
    for plugin in (town.app.extensions["parvis"].core, *town.app.extensions["parvis"].installed.values()):
        for data in plugin.personal_data:
            assert data.table not in told
            assert str(data.legal_basis).replace(" ", "\u00a0") in told
    assert "core_user" in page


def test_the_record_names_what_is_left_of_a_plugin_that_was_removed(town: Town) -> None:
    assert "Left of plugins" not in town.browser().get("/privacy/record").text
    folder = town.app.config["PARVIS"].data / "purged" / "polls 2026-01-02T03-04-05"
    folder.mkdir(parents=True)
    page = town.browser().get("/privacy/record").text
    assert "Left of plugins that were removed" in page
    assert re.search(r"polls, deleted on \S+", page)
    assert str(folder.parent) not in page


def test_the_cookies_and_the_obstacles_that_plugins_declare_are_told(town: Town) -> None:
    visitor = town.browser()
    cookies = visitor.get("/privacy/cookies").text
    for name in ("parvis", "language", "visits-*", "dummy-note"):
        assert f"<code>{name}</code>" in cookies
    assert "The plan of a workshop is a picture." in visitor.get("/accessibility").text
    town.run(lambda: registry.current().switch("dummy", False))
    assert "The plan of a workshop" not in visitor.get("/accessibility").text


def test_every_page_leads_to_them(town: Town) -> None:
    page = town.browser().get("/").text
    for path in ("/privacy", "/privacy/cookies", "/accessibility", "/legal"):
        assert f'href="{path}"' in page
    privacy = town.browser().get("/privacy").text
    for path in ("/privacy/record", "/privacy/cookies", "/me/data", "/me/delete", "/legal", "/accessibility"):
        assert f'href="{path}"' in privacy
    assert 'href="/me/data"' in town.browser("ana").get("/me").text
    french = town.app.test_client().get("/accessibility", headers={"Accept-Language": "fr"}).text
    assert "Défenseur des droits" in french


def test_no_cookie_is_set_that_is_not_declared(town: Town) -> None:
    plugins = town.app.extensions["parvis"]
    declared = [cookie.name for p in (plugins.core, *plugins.installed.values()) for cookie in p.cookies]
    browser = town.browser("ana")
    town.space("Halle", "ana")
    browser.submit("/language", "/", language="fr", next="/")
    browser.submit("/me/delete", words="alias", current=PASSWORD)
    for rule in town.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint != "static" and "live" not in rule.rule:
            path = rule.rule.replace("<int:space_id>", "1")
            if "<" not in path:
                browser.get(path, buffered=True)
    names = {name for _domain, _path, name in browser.client._cookies}  # type: ignore[attr-defined]
    assert {"parvis", "language"} <= names
    assert [name for name in names if not any(fnmatch.fnmatch(name, one) for one in declared)] == []
