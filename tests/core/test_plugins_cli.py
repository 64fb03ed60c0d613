"""`parvis plugins …`: what the commands print, refuse, and delete."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import dummy_plugin.plugin as dummy
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from dummy_plugin import actions
from dummy_plugin.models import Bookmark
from PIL import Image
from werkzeug.datastructures import FileStorage

from core import api, files, migrate, registry
from core.db import db, write
from core.models import Audit, Document, Entry, File, PluginFault, PluginState, Setting, Space
from core.search import index
from ops import purge
from ops.application import application
from ops.cli import main
from portal.privacy import retention

if TYPE_CHECKING:
    from types import ModuleType

    from click.testing import Result

    from core.testing import Town


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    return {"dummy": dummy}


@pytest.fixture
def parvis(town: Town, monkeypatch: pytest.MonkeyPatch, plugin_modules: dict[str, ModuleType]) -> object:
    """Return `parvis(words, input=None)`: run a command on the town under test."""
    config = town.app.config["PARVIS"]
    core, _plugins = registry.discover()
    monkeypatch.setattr(registry, "discover", lambda _broken=None: (core, plugin_modules))
    environment = {"PARVIS_DATA": str(config.data), "PARVIS_DATABASE_URL": config.database_url}

    def run(words: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(main, words.split(), input=typed, env=environment)

    return run


@pytest.fixture
def filled(town: Town, tmp_path: Path) -> int:
    """Fill a workshop and a group with what people say; return the group's id."""
    group, bob = town.space("Square", "ana"), town.person("bob")
    town.person("lea", "agent")
    Image.new("RGB", (30, 20), "teal").save(tmp_path / "drill.png")

    def fill() -> None:
        space = actions.open_workshop("Mending", "Hall")
        with (tmp_path / "drill.png").open("rb") as picture:
            prepared = files.prepare(FileStorage(picture, "drill.png"))
        idea = actions.say_idea(space, "A drill", "For all", "Cellar", pictures=[(prepared, "A drill")])
        actions.bookmark(idea, "borrow it")
        actions.plan_step(space, "Sweep")
        actions.say_idea(api.get_or_404(api.Space, group), "A bench", "In the shade")
        api.publish(space, "A reply", parent=idea, kind="core.reply")

    town.run(fill, "lea")
    town.run(lambda: api.publish(db.session.get(Space, group), "Good morning"), "ana")

    def keep() -> None:
        with write():
            api.insert_once(Setting, key="dummy", value={"most": 3})
            api.insert_once(Bookmark, user_id=bob, entry_id=1, note="mine")

    town.run(keep)
    return group


def test_list_tells_what_is_on(parvis: object) -> None:
    assert re.search(r"^on +dummy 1\.0", parvis("plugins list").output, re.MULTILINE)
    parvis("plugins disable dummy")
    assert re.search(r"^off +dummy 1\.0", parvis("plugins list").output, re.MULTILINE)


def test_the_switch_acts_on_the_town_that_is_being_served(town: Town, parvis: object) -> None:
    visitor = town.browser()
    assert parvis("plugins disable dummy").exit_code == 0
    assert visitor.get("/dummy/").status_code == 404
    enabled = parvis("plugins enable dummy")
    assert enabled.exit_code == 0
    assert enabled.output == "dummy is on.\n", "a server knows it already"
    assert visitor.get("/dummy/").status_code == 200
    written = sa.select(Audit.act, Audit.ref, Audit.origin, Audit.actor_id)
    lines = [tuple(row) for row in town.run(lambda: db.session.execute(written).all())]
    assert lines == [(f"plugin.{word}", "plugin/dummy", "command", None) for word in ("off", "on")]


def test_one_that_is_enabled_and_not_installed_is_named_everywhere_and_can_be_switched_off(
    town: Town, parvis: object
) -> None:
    boss = town.browser("boss", "administrator")
    for command in ("plugins list", "check"):
        assert "polls" not in parvis(command).output

    def enable() -> None:
        with write() as session:
            session.add(PluginState(name="polls", enabled=True))

    town.run(enable)
    assert "MISSING     polls is enabled, but not installed" in parvis("plugins list").output
    checked = parvis("check")
    assert "polls is enabled, but not installed" in checked.output
    assert checked.exit_code == 1
    page = boss.get("/admin/plugins").text
    assert "“polls” is enabled, but this server does not have it" in page
    assert "parvis plugins disable polls" in page
    assert "is installed" in parvis("plugins enable polls").output
    assert parvis("plugins disable polls").exit_code == 0
    assert "polls" not in parvis("plugins list").output
    assert "polls" not in boss.get("/admin/plugins").text


def test_one_that_is_off_and_whose_tables_are_not_there_holds_nobody_up(
    town: Town, parvis: object, plugin_modules: dict[str, ModuleType]
) -> None:
    boss = town.browser("boss", "administrator")
    parvis("plugins disable dummy")
    assert "needs a restart" in parvis("plugins purge dummy --yes").output
    said = "dummy waits for `parvis upgrade`"
    assert f"waits       {said}" in parvis("plugins list").output
    assert "BROKEN" not in parvis("plugins list").output
    assert said in parvis("check").output
    assert said in parvis("plugins enable dummy").output, "nor by a command"
    refused = boss.submit("/admin/plugins/dummy/switch", "/admin/plugins", on="1")
    assert "Its tables are not ready" in boss.get(refused.location).text, (
        "nor on a server that still knows it"
    )
    assert boss.get("/healthz").json["checks"]["migrations"]["ok"]

    served = type(town)(application(town.app.config["PARVIS"]))
    served.app.test_client_class = town.app.test_client_class
    assert "dummy" not in served.app.extensions["parvis"].modules
    other = served.browser("lin", "administrator")
    assert said in other.get("/admin/plugins").text
    late = other.submit("/admin/plugins/dummy/switch", "/admin", on="1")
    assert "“dummy” can’t be loaded" in other.get(late.location).text
    served.run(retention.purge)
    assert "purge_expired" not in served.run(lambda: db.session.scalars(sa.select(PluginFault.place)).all())
    with served.app.app_context():
        db.engine.dispose()

    assert "Upgraded: dummy" in parvis("upgrade").output
    told, on = parvis("plugins enable dummy").output.splitlines()
    assert "start it anew first" in told
    assert "is on" in on
    assert "anew first" not in parvis("plugins enable dummy").output, "it was on before"


def test_one_that_is_on_and_behind_stops_every_command(town: Town, parvis: object) -> None:
    with town.app.app_context(), migrate.connected(db.engine) as connection:
        connection.execute(sa.text("DELETE FROM dummy_version"))
        connection.commit()
    refused = parvis("plugins list")
    assert refused.exit_code == 1
    assert "the tables of dummy are of another version" in refused.output


def ended(*_: object) -> None:
    """End the process, as a migration should not."""
    raise SystemExit(0)


@pytest.mark.parametrize("how", ["fails", "ends"])
def test_one_whose_upgrade_fails_can_be_switched_off_and_the_town_opens(
    town: Town, parvis: object, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with town.app.app_context(), migrate.connected(db.engine) as connection:
        connection.execute(sa.text("DELETE FROM dummy_version"))
        connection.commit()
    if how == "ends":
        monkeypatch.setattr(migrate.command, "upgrade", ended)
    failed = parvis("upgrade")
    assert failed.exit_code == 1
    assert "parvis: the upgrade of dummy failed" in failed.output
    assert "; without it: `parvis plugins disable dummy`" in failed.output
    assert parvis("plugins list").exit_code == 1
    assert "dummy is off" in parvis("plugins disable dummy").output
    assert "dummy waits for `parvis upgrade`" in parvis("plugins list").output


def test_the_list_speaks_english_whatever_the_town_speaks(
    parvis: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    titled = dataclasses.replace(dummy.plugin, title=api.lazy_gettext("Home"))
    monkeypatch.setattr(dummy, "plugin", titled)
    shown = parvis("plugins list").output
    assert "– Home" in shown
    assert "Accueil" not in shown


def test_a_backup_and_a_purge_are_in_the_log(town: Town, parvis: object, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    assert parvis(f"backup {tmp_path / 'kept'}").exit_code == 0
    parvis("plugins disable dummy")
    assert parvis("plugins purge dummy --yes").exit_code == 0
    acts = town.run(lambda: list(db.session.scalars(sa.select(Audit.act).order_by(Audit.id))))
    assert acts == ["town.backup", "plugin.off", "plugin.purged"]


def test_a_purge_whose_downgrade_fails_says_what_is_gone_and_goes_on_once_mended(
    town: Town, parvis: object, filled: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revisions = Path(shutil.copytree(Path(dummy.__file__).parent / "migrations", tmp_path / "migrations"))
    first = revisions / "0001_dummy_tables.py"
    right = first.read_text()
    first.write_text(right.replace('op.drop_table("dummy_line")', 'op.drop_table("dummy_nowhere")'))
    owners = migrate.owners
    monkeypatch.setattr(migrate, "owners", lambda modules: owners(modules) | {"dummy": revisions})
    parvis("plugins disable dummy")
    refused = parvis("plugins purge dummy --yes")
    assert refused.exit_code == 1
    line = refused.output.splitlines()[-1]
    assert line.startswith("parvis: the posts, spaces and settings of dummy are deleted")
    assert re.search(r"failed at 0001_dummy_tables\.py:\d+: \w+: .*dummy_nowhere", line)
    assert "purge it again" in line
    assert town.run(lambda: sa.inspect(db.engine).has_table("dummy_idea")), "which it drops first"
    first.write_text(right)
    kept = town.app.config["PARVIS"].data / "purged"
    kept.rename(kept.with_name("purged-before"))  # within one second
    again = parvis("plugins purge dummy --yes")
    assert again.exit_code == 0, again.output
    assert not town.run(lambda: sa.inspect(db.engine).has_table("dummy_idea"))


def test_show_tells_where_each_thing_is_said(parvis: object) -> None:
    shown = parvis("plugins show dummy").output
    here = Path(dummy.__file__).parent
    source = {path.name: path.read_text().splitlines() for path in here.glob("*.py")}
    for sort, name, words in (
        ("space kind", "dummy.workshop", "SpaceKind("),
        ("entry kind", "dummy.idea", "EntryKind("),
        ("navigation", "/dummy/", "NavItem("),
        ("tab", "core.read", "Tab("),
        ("permission", "dummy.lead", 'Permission("dummy.lead"'),
        ("job", "dummy.count", 'Job("dummy.count"'),
        ("claim", "dummy.idea", "Claim("),
        ("settings", "SettingsForm", "class SettingsForm"),
        ("personal data", "dummy_bookmark.note", "PersonalData("),
        ("hook", "panels", "@api.hookimpl"),
        ("page", "GET /dummy/ledger", "@blueprint.get("),
        ("table", "dummy_idea (OnEntry)", "class Idea"),
    ):
        found = re.search(rf"^{sort} +{re.escape(name)}[^\n]*\n +(\S+):(\d+)$", shown, re.MULTILINE)
        assert found, (sort, name)
        assert words in source[Path(found[1]).name][int(found[2]) - 1], (sort, name)
    assert re.search(r"^revision +0001_", shown, re.MULTILINE)
    assert "well: ledger" in shown


@pytest.mark.parametrize("words", ["show", "enable", "disable", "purge --yes", "revise"])
def test_a_plugin_that_is_not_installed_gets_one_clear_line(parvis: object, words: str) -> None:
    done = parvis(f"plugins {words} unknown")
    assert done.exit_code == 1
    assert done.output == "parvis: no plugin 'unknown' is installed\n"


@pytest.mark.parametrize(("column", "warns"), [("nullable=False", True), ("nullable=True", False)])
def test_a_revision_that_rows_stand_in_the_way_of_says_so(
    parvis: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, column: str, warns: bool
) -> None:
    def write(_engine: object, _owner: str, folder: Path, _message: str) -> None:
        text = f"batch_op.add_column(sa.Column('found', sa.Boolean(), {column}))"
        (folder / "0002_more.py").write_text(text)

    monkeypatch.setattr(dummy, "__file__", str(tmp_path / "plugin.py"))
    monkeypatch.setattr(migrate, "revise", write)
    done = parvis("plugins revise dummy -m More")
    assert "0002_more.py" in done.output
    assert ("server_default" in done.output) == warns


@pytest.mark.parametrize("name", ["Polls", "my-polls", "x", "1st", "a" * 30, "../polls"])
def test_a_new_plugin_needs_a_fit_name(tmp_path: Path, name: str) -> None:
    done = CliRunner().invoke(main, ["plugins", "new", name, "--into", str(tmp_path)])
    assert done.exit_code == 1
    assert "lower case" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *[(name, "installed package") for name in ("core", "json", "portal")],
        *[(name, "a word of Python") for name in ("class", "lambda", "async", "import")],
        *[(name, f"pages at /{name}") for name in ("admin", "spaces", "me", "live", "static")],
        *[("visits", "the plugin neighbourhood_visits"), ("moderation", "the plugin moderation")],
    ],
)
def test_a_new_plugin_takes_no_name_that_would_fail(tmp_path: Path, name: str, reason: str) -> None:
    done = CliRunner().invoke(main, ["plugins", "new", name, "--into", str(tmp_path)])
    assert done.exit_code == 1
    assert reason in done.output
    assert len(done.output.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_new_plugin_never_overwrites(tmp_path: Path) -> None:
    new = ["plugins", "new", "polls", "--into", str(tmp_path)]
    assert CliRunner().invoke(main, new).exit_code == 0
    (tmp_path / "parvis-polls/README.md").write_text("Mine")
    done = CliRunner().invoke(main, new)
    assert done.exit_code == 1
    assert "is there already" in done.output
    assert (tmp_path / "parvis-polls/README.md").read_text() == "Mine"


def test_a_purge_asks_and_does_nothing_to_a_plugin_that_is_on(
    town: Town, filled: int, parvis: object
) -> None:
    assert parvis("plugins purge dummy --yes").exit_code == 1
    parvis("plugins disable dummy")
    assert parvis("plugins purge dummy", "n\n").exit_code == 1
    assert town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(Bookmark))) == 2
    done = parvis("plugins purge dummy", "y\n")
    assert done.exit_code == 0, done.output
    assert "Delete 1 spaces and 3 posts" in done.output


def test_what_was_switched_on_since_it_was_asked_about_is_not_purged(town: Town, filled: int) -> None:
    town.run(lambda: registry.current().switch("dummy", False))
    asked = town.run(lambda: purge.since("dummy"))
    for on in (True, False):  # what was written meanwhile has not been exported
        town.run(lambda on=on: registry.current().switch("dummy", on))
        with pytest.raises(purge.SwitchedOn):
            town.run(lambda: purge.purge("dummy", asked))
    assert town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(Bookmark))) == 2


def test_a_purge_exports_everything_then_deletes_it_and_nothing_else(town: Town, filled: int) -> None:
    town.run(index.run)
    town.run(lambda: registry.current().switch("dummy", False))
    folder = town.run(lambda: purge.export("dummy"))
    town.run(lambda: purge.purge("dummy", purge.since("dummy")))

    rows = json.loads((folder / "data.json").read_text(encoding="utf-8"))["rows"]
    assert {row["title"] for row in rows["core_entry"]} == {"A drill", "A bench", ""}
    assert {row["place"] for row in rows["dummy_idea"]} == {"Cellar", ""}
    assert {row["note"] for row in rows["dummy_bookmark"]} == {"borrow it", "mine"}
    assert [row["name"] for row in rows["core_space"]] == ["Mending"]
    assert [row["value"] for row in rows["core_setting"]] == [{"most": 3}]
    assert len(list(folder.glob("* drill.webp"))) == 1

    def left() -> dict[str, object]:
        return {
            "tables": [t for t in sa.inspect(db.engine).get_table_names() if t.startswith("dummy_")],
            "entries": db.session.scalars(sa.select(Entry.body)).all(),
            "spaces": db.session.execute(sa.select(Space.name, Space.entry_count)).all(),
            "files": db.session.scalars(sa.select(File.id)).all(),
            "found": db.session.scalars(sa.select(Document.kind).where(Document.kind.like("dummy.%"))).all(),
            "settings": db.session.scalars(sa.select(Setting.key)).all(),
            "states": db.session.scalars(sa.select(PluginState.name)).all(),
        }

    assert town.run(left) == {
        "found": [],
        "tables": [],
        "entries": ["Good morning"],
        "spaces": [("Square", 1)],
        "files": [],
        "settings": [],
        "states": [],
    }
    assert town.browser("ana").get("/").status_code == 200
