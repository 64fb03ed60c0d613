"""Administrators see how the portal runs, and try failed work again; nobody else does."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import registry
from core.db import db, now, write
from core.models import JobRow, Mail, PluginFault, PluginState
from ops import backup, worker

if TYPE_CHECKING:
    from pathlib import Path

    from core.testing import Browser, Town

PAGE = "/admin/operations"


@pytest.fixture
def admin(town: Town) -> Browser:
    """An administrator's browser."""
    return town.browser("admin", "administrator")


def add(town: Town, *rows: Any) -> list[int]:
    """Insert rows; answers their ids."""

    def put() -> list[int]:
        with write() as session:
            session.add_all(rows)
            session.flush()
            return [row.id for row in rows]

    found: list[int] = town.run(put)
    return found


def jobs(town: Town) -> list[tuple[str, str, int]]:
    """The jobs there are: name, state, attempts."""
    found = sa.select(JobRow.name, JobRow.state, JobRow.attempts).order_by(JobRow.id)
    return [tuple(row) for row in town.run(lambda: db.session.execute(found).all())]


def told(page: Any) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


@pytest.mark.parametrize("role", ["resident", "official", "agent"])
def test_it_is_for_administrators_alone(town: Town, role: str) -> None:
    [job] = add(town, JobRow(name="core.sweep", payload={}, state="failed", attempts=6))
    browser = town.browser("ben", role)
    assert browser.get(PAGE).status_code == 403
    assert "/admin/operations" not in browser.get("/admin").text
    for verb in ("retry", "drop"):
        assert browser.submit(f"{PAGE}/jobs/{job}/{verb}", "/me").status_code == 403
    assert town.browser().get(PAGE).status_code == 302
    assert jobs(town) == [("core.sweep", "failed", 6)]


def test_a_job_that_gave_up_is_tried_again_or_given_up(town: Town, admin: Browser) -> None:
    first, second, waiting = add(
        town,
        JobRow(name="core.sweep", payload={}, state="failed", attempts=6, error="KeyError"),
        JobRow(name="core.gone", payload={}, state="failed", attempts=6, error="LookupError"),
        JobRow(name="core.deliver", payload={}, attempts=2, error="TimeoutError"),
    )
    page = told(admin.get(PAGE))
    for words in (
        "Clear away what expired",
        "KeyError",
        "6 tries",
        "core.gone",
        "Deliver mail",
        "TimeoutError",
    ):
        assert words in page
    assert admin.submit(f"{PAGE}/jobs/{first}/retry", PAGE).location.endswith(f"{PAGE}#jobs")
    assert admin.submit(f"{PAGE}/jobs/{second}/drop", PAGE).status_code == 302
    assert jobs(town) == [("core.sweep", "waiting", 0), ("core.deliver", "waiting", 2)]
    for verb in ("retry", "drop"):
        assert admin.submit(f"{PAGE}/jobs/{waiting}/{verb}", PAGE).status_code == 404, "it did not give up"
        assert admin.submit(f"{PAGE}/jobs/{second}/{verb}", PAGE).status_code == 404


def test_an_error_of_the_core_is_kept_without_words_and_shown(
    town: Town, admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody = "ben@example.org"

    def fail(*_: Any, **__: Any) -> None:
        raise ValueError(f"words of {somebody}")

    town.app.testing = False
    visitor = town.browser()
    with monkeypatch.context() as patch:
        patch.setattr("portal.admin.about._page", fail)
        for _ in range(3):
            assert visitor.get("/legal").status_code == 500
    found = town.run(
        lambda: db.session.execute(sa.select(PluginFault.plugin, PluginFault.place, PluginFault.what)).all()
    )
    assert found == [("core", "about.legal", "ValueError")], "the same thing once in five minutes"
    page = admin.get(PAGE)
    assert "Parvis about.legal ValueError" in told(page).replace("  ", " ")
    assert somebody not in page.text
    dashboard = admin.get("/admin")
    assert "1 error of the portal" in dashboard.text
    assert "fault of a plugin" not in dashboard.text
    assert town.run(lambda: registry.current().failures) == {}


def test_the_overview_is_green_only_while_nothing_is_wrong(town: Town, admin: Browser) -> None:
    worker.beat(town.app.config["PARVIS"])
    beat = town.app.config["PARVIS"].data / "worker-beat"
    assert "Nothing at the moment." in admin.get("/admin").text
    beat.write_text((now() - dt.timedelta(minutes=5)).isoformat())
    page = told(admin.get("/admin"))
    assert "Background work Nothing was heard of it lately." in page
    assert "Nothing at the moment." not in page
    worker.beat(town.app.config["PARVIS"])
    hour = dt.timedelta(hours=2)
    mail = Mail(kind="core.claim", recipient="a@example.org", subject="Hi", text="", created_at=now() - hour)
    add(town, mail)

    def lose() -> None:
        with write() as session:
            session.add(PluginState(name="polls", enabled=True))

    town.run(lose)
    page = told(admin.get("/admin"))
    assert "1 message has waited for more than an hour" in page
    assert "“polls” is enabled, but this server does not have it" in page
    assert "Nothing at the moment." not in page


def test_the_disk_is_said_as_its_bar_shows_it(town: Town, admin: Browser) -> None:
    page = admin.get(PAGE).text
    text, value, most = re.search(
        r"<span>([^<]* used, [^<]* free)</span>.*?value=\"(\d+)\" max=\"(\d+)\"", page
    ).groups()  # type: ignore[union-attr]
    assert text
    free = shutil.disk_usage(town.app.config["PARVIS"].data).free
    assert abs(int(most) - int(value) - free) < 10**9


def test_errors_are_kept_in_bounds(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "FAULTS_KEPT", 3)

    def fail() -> None:
        plugins = registry.current()
        for number in range(6):
            plugins.fault("core", f"place {number}", ValueError(), counts=False)
        plugins.settle()

    town.run(fail)
    places = town.run(lambda: db.session.scalars(sa.select(PluginFault.place).order_by(PluginFault.id)).all())
    assert places == ["place 3", "place 4", "place 5"]


def test_it_tells_what_is_not_well(town: Town, admin: Browser) -> None:
    data = town.app.config["PARVIS"].data
    worker.beat(town.app.config["PARVIS"])
    assert "not well" not in told(admin.get(PAGE))
    (data / "worker-beat").write_text((now() - dt.timedelta(minutes=5)).isoformat())
    page = told(admin.get(PAGE))
    assert "Background work Nothing was heard of it lately. last seen 30" in page


def test_it_tells_of_mail_and_of_the_latest_backup(town: Town, admin: Browser, tmp_path: Path) -> None:
    add(town, Mail(kind="core.reset", recipient="a@example.org", subject="s", text="t", status="failed"))
    page = told(admin.get(PAGE))
    assert "0 messages wait, 1 could not be sent" in page
    assert "No backup has been made yet" in page
    assert "a@example.org" not in page
    town.run(lambda: backup.backup(tmp_path / "kept.zip"))
    page = told(admin.get(PAGE))
    assert "No backup has been made yet" not in page
    assert "Latest backup just now" in page


def test_it_speaks_french(town: Town, admin: Browser) -> None:
    town.app.config["PARVIS"].data.chmod(0o755)

    def note() -> None:
        registry.current().note("core", "panels", f"{registry.SLOW}208 ms")
        registry.current().settle()

    town.run(note)
    page = told(admin.get(PAGE, headers={"Accept-Language": "fr"}))
    assert "Ce qui a été lent" in page
    assert "lent : 208 ms" in page.partition("Ce qui a été lent")[2]
    overview = told(admin.get("/admin"))
    assert "error of the portal" not in overview, "slowness is no error"
    assert "A plugin was slow" not in overview, "nor a plugin's"
    assert "slow" not in page
    assert "plugins –" not in page
    assert "answers on time" not in page
    assert "D’autres comptes du serveur" in page
