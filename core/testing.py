"""Fixtures and checks for tests: a portal on either database, people with roles, browsers signed in as them.

A plugin's own tests use it too: `pytest_plugins = ["core.testing"]`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from . import access, create_app, migrate, registry
from .accounts import actions as accounts
from .accounts import passwords
from .config import Config
from .db import db, write
from .models import Area

PASSWORD = "correct-horse-battery"  # noqa: S105


class EnglishClient(FlaskClient):
    """A client whose requests ask for pages in English, unless a test says otherwise."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"


@dataclass
class Town:
    """A portal under test: makes people and spaces, and browsers signed in as anybody."""

    app: Flask
    people: dict[str, int] = field(default_factory=dict)

    def person(self, name: str, role: str = "resident", **values: Any) -> int:
        """The id of a person called `name`, made at first use, with the address `name@example.org`."""
        if name not in self.people:
            with self.app.app_context(), access.as_system("test"), write():
                user = accounts.create_user(
                    email=f"{name}@example.org", name=name.title(), password=PASSWORD, role=role, **values
                )
                self.people[name] = user.id
        return self.people[name]

    def browser(self, name: str | None = None, role: str = "resident") -> "Browser":
        """A browser, signed in as this person if one is named."""
        browser = Browser(self.app.test_client())
        if name is not None:
            self.person(name, role)
            page = browser.submit("/sign-in", email=f"{name}@example.org", password=PASSWORD)
            assert page.status_code == 302, page.text
        return browser

    def run(self, work: Callable[[], Any], name: str | None = None) -> Any:
        """Do work outside a request: as this person, or as the system."""
        from .accounts.sessions import as_viewer

        with self.app.app_context():
            frame = as_viewer(self.person(name)) if name else access.as_system("test")
            with frame:
                return work()

    def area(self, name: str, level: str = "commune") -> int:
        """The id of a new area at the top of the tree."""
        with self.app.app_context(), access.as_system("test"), write() as session:
            area = Area(name=name, level=level)
            session.add(area)
            session.flush()
            area.path = f"/{area.id}/"
            return area.id


@dataclass
class Browser:
    """A cookie jar that posts forms as a page does, its cross-site token included."""

    client: FlaskClient

    def get(self, url: str, **kw: Any) -> TestResponse:
        return self.client.get(url, **kw)

    def submit(self, url: str, _page: str | None = None, **fields: Any) -> TestResponse:
        """Load the page that holds the form (the form's own address unless given) and post these fields."""
        shown = self.client.get(_page or url)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', shown.text)
        assert token, f"{_page or url} ({shown.status_code}) shows no form"
        return self.client.post(url, data={"csrf_token": token.group(1), **fields})


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    """The plugins installed in the portal under test, by name; override it to test with others."""
    return registry.discover()


@pytest.fixture
def app(
    database_url: str,
    tmp_path: Path,
    plugin_modules: dict[str, ModuleType],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Flask]:
    """A portal on a fresh, migrated database, whose passwords are hashed quickly."""
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    config = Config(data=tmp_path, url="http://localhost")
    if database_url.startswith("postgresql"):
        config = Config(data=tmp_path, url="http://localhost", database_url=database_url)
    app = create_app(config, plugin_modules)
    app.testing = True
    app.test_client_class = EnglishClient
    with app.app_context(), access.as_system("test"):
        migrate.upgrade(db.engine, plugin_modules)
        for name in plugin_modules:
            registry.current().switch(name, True)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def town(app: Flask) -> Town:
    """The portal under test, empty of people."""
    return Town(app)
