"""A plugin from its own wheel: installed into a running town, used, removed, brought back, purged."""

from __future__ import annotations

import http.cookiejar
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

import pytest
from environments import Environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

PEOPLE = """
import sys
from ops.town import opened
from core import settings
from core.accounts.actions import create_user
from core.accounts.passwords import digest
from core.config import Config
from core.db import write
from core.spaces.actions import create_space
given = digest(sys.argv[1])
with opened(Config.from_env()):
    with write():
        settings.save(settings.TOWN, {"second_factor": False})
        ana = create_user("ana@example.org", "Ana", role="agent", password_hash=given).id
    print(create_space("core.group", "Square", members={ana: "owner"}).id)
"""
PASSWORD = "correct-horse-battery"


class Browser:
    """A browser with cookies that fills in the form of a page."""

    def __init__(self, address: str) -> None:
        self.address = address
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(cookies)
        self.opener.addheaders = [("Accept-Language", "en")]

    def get(self, path: str) -> str:
        """Return a page."""
        with self.opener.open(self.address + path) as answer:
            return str(answer.read().decode())

    def status(self, path: str) -> int:
        """Return the status that a page answers with."""
        try:
            with self.opener.open(self.address + path) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def submit(self, path: str, page: str = "", **fields: str) -> str:
        """Load the page that holds a form, post these fields and return the page that follows."""
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(page or path))
        assert token
        data = urllib.parse.urlencode({"csrf_token": token.group(1), **fields}).encode()
        with self.opener.open(self.address + path, data) as answer:
            return str(answer.read().decode())


@pytest.fixture
def environment(tmp_path: Path, free_port: Callable[[], int]) -> Environment:
    """Return an environment with a town, and the wheel of a plugin beside it."""
    made = Environment(tmp_path, free_port())
    made.run("parvis", "init")
    made.run("parvis", "plugins", "new", "petitions")
    made.run("pip", "wheel", "--no-deps", "--wheel-dir", "wheels", "./parvis-petitions")
    return made


def sign_in(address: str) -> Browser:
    """Return a browser in which ana, an agent, is signed in."""
    browser = Browser(address)
    browser.submit("/sign-in", email="ana@example.org", password=PASSWORD)
    return browser


def test_a_plugin_comes_and_goes_while_the_town_keeps_running(environment: Environment) -> None:
    run = environment.run
    space = run("python", "-c", PEOPLE, PASSWORD).split()[-1]
    page = f"/petitions/{space}/"
    install = ("pip", "install", "--no-deps", "--find-links", "wheels", "./parvis-petitions")

    with environment.serving() as address:  # the plugin is installed while the town is in use
        ana = sign_in(address)
        run(*install)
        assert ana.status("/") == 200
        assert ana.status(page) == 404
        assert "petitions" in run("parvis", "upgrade")

    with environment.serving() as address:  # it is there, and off until staff switch it on
        ana = sign_in(address)
        assert ana.status(page) == 404
        assert "Petitions" in ana.get("/admin/plugins")
        ana.submit("/admin/plugins/petitions/switch", "/admin/plugins", on="1")
        ana.submit(f"{page}new", title="A crossing here", body="Please.", place="School street")
        assert "School street" in Browser(address).get(page)
        assert "A crossing here" in Browser(address).get("/")
        run("parvis", "plugins", "disable", "petitions")
        assert ana.status(page) == 404
        assert "A crossing here" not in ana.get("/")

    run("pip", "uninstall", "--yes", "parvis-petitions")
    with environment.serving() as address:  # without it the town runs, and its data stay
        ana = sign_in(address)
        assert ana.status("/") == 200
        assert ana.status(page) == 404
        assert "A crossing here" not in ana.get("/")
        assert "Petitions" not in ana.get("/admin/plugins")

    run(*install)
    run("parvis", "upgrade")
    with environment.serving() as address:  # installed again, it has what it had
        run("parvis", "plugins", "enable", "petitions")
        assert "School street" in Browser(address).get(page)
        assert "is on" in run("parvis", "plugins", "purge", "petitions", "--yes", fails=True)
        run("parvis", "plugins", "disable", "petitions")
        ana = sign_in(address)
        exported = run("parvis", "plugins", "purge", "petitions", "--yes")
        assert [ana.status(path) for path in (page, "/", "/admin/plugins", "/me/data")] == [
            404,
            200,
            200,
            200,
        ]
        refusal = ana.submit("/admin/plugins/petitions/switch", "/admin/plugins", on="1")
        assert "Its tables are not ready" in refusal
        run("parvis", "upgrade")
        run("parvis", "plugins", "enable", "petitions")
        assert "Nothing yet" in ana.get(page)  # it begins anew, without a restart
        ana.submit(f"{page}new", title="Another crossing", body="Please.", place="Mill street")
        assert "Mill street" in ana.get(page)
        run("parvis", "plugins", "disable", "petitions")
        run("parvis", "plugins", "purge", "petitions", "--yes")

    folder = re.search(r"Exported to (.+)", exported)
    assert folder
    data = json.loads((environment.folder / folder.group(1) / "data.json").read_text(encoding="utf-8"))
    assert [row["title"] for row in data["rows"]["core_entry"]] == ["A crossing here"]
    assert [row["place"] for row in data["rows"]["petitions_item"]] == ["School street"]

    run("pip", "uninstall", "--yes", "parvis-petitions")
    with environment.serving() as address:
        assert sign_in(address).status("/") == 200
    run(*install)
    run("parvis", "upgrade")
    run("parvis", "plugins", "enable", "petitions")
    with environment.serving() as address:  # purged, it begins empty
        assert "Nothing yet" in Browser(address).get("/petitions/")
