"""Each owner's tables come and go by its own history, on both engines, and nobody else's rows are touched."""

from __future__ import annotations

import textwrap
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dummy_plugin.plugin as dummy
import pytest
import sqlalchemy as sa

from core import migrate, registry
from core.db import WRITING, prepare
from core.models import Space, User

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine

pytestmark = pytest.mark.engines

PERSON = sa.insert(User).values(id=7, handle="ana", name="Ana", folded="ana")
SPACE = sa.insert(Space).values(id=1, name="Square", folded="square")
FOLLOW = "INSERT INTO core_follow (user_id, space_id) VALUES (7, 1)"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A migrated database, without an application."""
    engine = sa.create_engine(database_url)
    prepare(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def extension(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a maker of plugin modules: the owner `extra`, with these revisions one after the other."""

    def make(*upgrades: str) -> dict[str, Any]:
        folder = tmp_path / "extra/migrations"
        folder.mkdir(parents=True, exist_ok=True)
        for number, upgrade in enumerate(upgrades, 1):
            before = f'"extra_{number - 1}"' if number > 1 else "None"
            head = f'import sqlalchemy as sa\nfrom alembic import op\nrevision = "extra_{number}"\n'
            body = textwrap.indent(textwrap.dedent(upgrade).strip(), "    ")
            text = f"{head}down_revision = {before}\n\n\ndef upgrade():\n{body}\n"
            (folder / f"{number}.py").write_text(text)
        manifest = SimpleNamespace(table_prefix="extra")
        return {"extra": SimpleNamespace(__file__=str(folder.parent / "plugin.py"), plugin=manifest)}

    return make


def tables(engine: Engine) -> set[str]:
    """The names of the tables that exist."""
    return set(sa.inspect(engine).get_table_names()) - {"sqlite_sequence"}


def run(engine: Engine, *statements: Any) -> None:
    """Change rows as somebody's application would."""
    with engine.connect().execution_options(**WRITING) as connection:
        for statement in statements:
            connection.execute(sa.text(statement) if isinstance(statement, str) else statement)
        connection.commit()


def count(engine: Engine, table: str) -> int:
    """How many rows a table has."""
    with engine.connect() as connection:
        return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())


def remove_everything(engine: Engine) -> None:
    """Take away every owner's tables, the core's last."""
    for owner, folder in reversed(migrate.owners(registry.discover()[1]).items()):
        migrate.downgrade(engine, owner, folder)


def test_from_nothing_the_revisions_make_what_the_models_say_and_leave_nothing_when_undone(
    engine: Engine,
) -> None:
    modules = {**registry.discover()[1], "dummy": dummy}
    before = tables(engine)
    remove_everything(engine)
    assert tables(engine) == set()
    assert set(migrate.behind(engine, modules)) == set(migrate.owners(modules))
    assert set(migrate.upgrade(engine, modules)) == set(migrate.owners(modules))
    migrate.check(engine, modules)
    assert migrate.behind(engine, modules) == []
    assert migrate.upgrade(engine, modules) == []
    assert tables(engine) - before == {name for name in tables(engine) if name.startswith("dummy_")}


def test_a_plugin_installed_later_uninstalled_and_installed_again_keeps_its_rows(engine: Engine) -> None:
    without = registry.discover()[1]
    everything = {**without, "dummy": dummy}
    assert migrate.upgrade(engine, everything) == ["dummy"]
    run(engine, "INSERT INTO dummy_theme (name) VALUES ('kept')")
    assert migrate.upgrade(engine, without) == []
    migrate.check(engine, without)
    assert migrate.behind(engine, without) == []
    assert count(engine, "dummy_theme") == 1
    assert migrate.upgrade(engine, everything) == []
    assert count(engine, "dummy_theme") == 1


def test_undoing_one_owner_leaves_the_others(engine: Engine) -> None:
    migrate.upgrade(engine, {"dummy": dummy})
    run(engine, PERSON)
    before = {name for name in tables(engine) if not name.startswith("dummy_")}
    migrate.downgrade(engine, "dummy", migrate.owners({"dummy": dummy})["dummy"])
    assert tables(engine) == before
    assert count(engine, "core_user") == 1


def test_an_upgrade_brings_a_database_forward_one_revision_at_a_time(
    engine: Engine, extension: Callable[..., dict[str, Any]]
) -> None:
    first = 'op.create_table("extra_thing", sa.Column("id", sa.Integer, primary_key=True))'
    second = 'op.add_column("extra_thing", sa.Column("name", sa.String(20), server_default="new"))'
    assert migrate.upgrade(engine, extension(first)) == ["extra"]
    run(engine, "INSERT INTO extra_thing (id) VALUES (1)")
    modules = extension(first, second)
    assert migrate.behind(engine, modules) == ["extra"]
    assert migrate.upgrade(engine, modules) == ["extra"]
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT id, name FROM extra_thing")).all() == [(1, "new")]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_building_a_table_anew_on_sqlite_deletes_no_row_that_refers_to_it(
    engine: Engine, extension: Callable[..., dict[str, Any]]
) -> None:
    run(engine, PERSON, SPACE, FOLLOW)
    migrate.upgrade(engine, extension('with op.batch_alter_table("core_user", recreate="always"):\n    pass'))
    assert (count(engine, "core_user"), count(engine, "core_follow")) == (1, 1)
    with pytest.raises(sa.exc.IntegrityError):  # references are watched again
        run(engine, "INSERT INTO core_follow (user_id, space_id) VALUES (8, 1)")


def test_a_revision_that_would_break_references_is_undone_whole(
    engine: Engine, extension: Callable[..., dict[str, Any]]
) -> None:
    run(engine, PERSON, SPACE, FOLLOW)
    first = 'op.create_table("extra_thing", sa.Column("id", sa.Integer, primary_key=True))'
    orphan = "INSERT INTO core_follow (user_id, space_id) VALUES (99, 1)"
    with pytest.raises((RuntimeError, sa.exc.IntegrityError)):
        migrate.upgrade(engine, extension(first, f'op.execute("{orphan}")'))
    assert count(engine, "core_follow") == 1
    assert not {"extra_thing"} & tables(engine)
    assert migrate.behind(engine, extension(first)) == ["extra"]


def test_what_fails_half_way_is_undone_whole_and_goes_on_once_mended(
    engine: Engine, extension: Callable[..., dict[str, Any]]
) -> None:
    migrate.upgrade(engine, {})
    one, two = (f"op.create_table('extra_{name}', sa.Column('id', sa.Integer))" for name in ("one", "two"))
    with pytest.raises(sa.exc.DBAPIError):
        migrate.upgrade(engine, extension(one, f"{two}\nop.execute('UPDATE extra_nowhere SET id = 1')"))
    assert not {"extra_one", "extra_two"} & tables(engine)
    assert migrate.behind(engine, extension(one, two)) == ["extra"]
    assert migrate.upgrade(engine, extension(one, two)) == ["extra"]
    assert tables(engine) >= {"extra_one", "extra_two"}


def test_addresses_of_the_first_release_are_folded_where_they_are_nobody_elses(engine: Engine) -> None:
    remove_everything(engine)
    migrate.upgrade(engine, {}, {"core": "core_0001"})
    spelt = ["Ana@Example.org", "ben@example.org", "BEN@example.org", "CLEO@example.org", "Cleo@example.org"]
    for number, email in enumerate(spelt, 1):
        person = f"({number}, 'p{number}', 'P', 'p', 'resident', '', '2026-01-01 00:00:00')"
        run(
            engine,
            f"INSERT INTO core_user (id, handle, name, folded, role, about, created_at) VALUES {person}",
            f"INSERT INTO core_account (user_id, email, demo) VALUES ({number}, '{email}', false)",
        )
    migrate.upgrade(engine, {})
    with engine.connect() as connection:
        kept = connection.execute(sa.text("SELECT email FROM core_account ORDER BY user_id")).scalars().all()
    assert kept == [
        "ana@example.org",
        "ben@example.org",
        "BEN@example.org",
        "cleo@example.org",
        "Cleo@example.org",
    ]
