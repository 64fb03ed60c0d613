"""`/healthz` names each check, answers 503 when one fails, and tells strangers nothing."""

import datetime as dt
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask
from sqlalchemy import event

from core import health, registry
from core.api import Health, Plugin, hookimpl
from core.db import db, now, write
from core.models import Mail
from core.testing import Town
from ops import worker


def well(town: Town) -> dict[str, bool]:
    """Each check by name."""
    return {name: check["ok"] for name, check in town.browser().get("/healthz").json["checks"].items()}


@pytest.fixture
def config(app: Flask) -> object:
    """The settings of the town, whose worker just gave a sign of life."""
    worker.beat(app.config["PARVIS"])
    return app.config["PARVIS"]


def test_a_sound_town_is_well(town: Town, config: object) -> None:
    page = town.browser().get("/healthz")
    assert (page.status_code, page.json["status"]) == (200, "ok")
    assert {"database", "migrations", "disk", "files", "worker", "mail"} <= page.json["checks"].keys()


def test_details_that_strangers_need_not_know_are_kept(town: Town, config: object, tmp_path: Path) -> None:
    page = town.browser().get("/healthz")
    assert str(tmp_path) not in page.text
    assert page.json["checks"]["files"]["detail"] == ""
    assert page.json["checks"]["migrations"]["detail"] == "up to date"


def test_a_long_write_of_somebody_holds_up_no_check(town: Town, config: object) -> None:
    def look(statement: str) -> list[str]:
        begun: list[str] = []
        listener = lambda _connection, _cursor, sql, *_rest: begun.append(sql)  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listener)
        try:
            health.checks()
        finally:
            event.remove(db.engine, "before_cursor_execute", listener)
        return [sql for sql in begun if sql.startswith(statement)]

    assert town.run(lambda: look("BEGIN IMMEDIATE")) == []


def test_a_silent_worker_is_noticed(town: Town, config: object, tmp_path: Path) -> None:
    assert well(town)["worker"]
    (tmp_path / "worker-beat").write_text((now() - dt.timedelta(minutes=5)).isoformat())
    assert town.browser().get("/healthz").status_code == 503
    assert not well(town)["worker"]
    (tmp_path / "worker-beat").unlink()
    assert not well(town)["worker"]


def test_a_full_disk_is_noticed(town: Town, config: object, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10**12, 10**12, 10**6))
    assert not well(town)["disk"]


def test_a_folder_that_cannot_be_written_is_noticed(
    town: Town, config: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert not well(town)["files"]


def test_a_key_or_folder_that_others_can_read_is_noticed(town: Town, config: object, tmp_path: Path) -> None:
    assert well(town)["secret"]
    (tmp_path / "secret-key").chmod(0o640)
    assert not well(town)["secret"]
    (tmp_path / "secret-key").chmod(0o600)
    tmp_path.chmod(0o750)
    assert not well(town)["secret"]


def test_mail_that_waits_too_long_is_noticed(
    town: Town, config: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late() -> None:
        with write() as session:
            waiting = Mail(kind="core.reset", recipient="a@example.org", subject="s", text="t")
            waiting.created_at = now() - dt.timedelta(hours=2)
            session.add(waiting)

    town.run(late)
    assert well(town)["mail"], "without a mail server it waits on purpose"
    object.__setattr__(config, "smtp_host", "mail.example")
    assert not well(town)["mail"]


def test_tables_of_another_version_are_noticed(town: Town, config: object) -> None:
    def age() -> None:
        with write() as session:
            session.execute(db.text("UPDATE core_version SET version_num = 'core_0001'"))

    town.run(age)
    assert not well(town)["migrations"]


class TestOfPlugins:
    @pytest.fixture
    def plugin_modules(self) -> dict[str, ModuleType]:
        """A plugin that is not well."""
        module = ModuleType("ill_plugin.plugin")
        module.__file__ = __file__
        module.plugin = Plugin(  # type: ignore[attr-defined]
            name="ill", title="Ill", summary="Ill.", version="1", table_prefix="ill", paths=("/ill",)
        )

        @hookimpl
        def health() -> list[Health]:
            return [Health("stock", False, "Nothing left of somebody@example.org.")]

        module.health = health  # type: ignore[attr-defined]
        return {"ill": module}

    def test_a_plugin_that_is_not_well_is_named(self, town: Town, config: object) -> None:
        page = town.browser().get("/healthz")
        assert page.status_code == 503
        assert page.json["checks"]["ill.stock"] == {"ok": False, "detail": ""}

    def test_one_that_is_off_is_not_asked(self, town: Town, config: object) -> None:
        assert "Nothing left of" in town.browser("ada", "agent").get("/admin").text
        town.run(lambda: registry.current().switch("ill", False))
        page = town.browser().get("/healthz")
        assert page.status_code == 200
        assert "ill.stock" not in page.json["checks"]
        assert "Nothing left of" not in town.browser("ada").get("/admin").text
