"""A plugin that does not keep the contract is refused at start; the refusal names it and the remedy."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import dummy_plugin.plugin as dummy
import pytest
from dummy_plugin.trouble import trouble
from flask import Blueprint

from core import api, create_app, registry
from core.checks import PluginError
from core.config import Config
from core.testing import Town, check_plugin

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    return {"dummy": dummy}


def plugin_module(blueprint: Blueprint | None = None, **values: Any) -> ModuleType:
    """Return the module of a plugin that is sound but for what is given."""
    module = ModuleType("tried.plugin")
    manifest = {
        "name": "tried",
        "title": "Tried",
        "summary": "Tried out.",
        "version": "1",
        "table_prefix": "tried",
        "paths": ("/tried",),
        "blueprints": (blueprint,) if blueprint else (),
    }
    module.plugin = api.Plugin(**{**manifest, **values})  # type: ignore[attr-defined]
    return module


def start(tmp_path: Path, *modules: ModuleType) -> None:
    """Start an application with these plugins."""
    create_app(Config(data=tmp_path), {module.plugin.name: module for module in modules})


def pages(name: str = "tried", prefix: str = "/tried") -> Blueprint:
    """Return a blueprint with one sound page."""
    blueprint = Blueprint(name, __name__, url_prefix=prefix)
    blueprint.add_url_rule("/", "index", api.needs("core.read")(lambda: "well"))
    return blueprint


def test_a_sound_plugin_starts(tmp_path: Path) -> None:
    start(tmp_path, plugin_module(pages()))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"contract": 99}, "speaks contract 99, this is 1"),
        ({"contract": 0}, "1: the first contract"),
        ({"name": "Bad Name"}, "lower case letters"),
        ({"table_prefix": "x_y"}, "not a short word"),
        ({"table_prefix": "core"}, "is core's"),
        ({"paths": ("tried",)}, "must look like /word"),
        ({"paths": ("/tried/",)}, "must look like /word"),
        ({"permissions": (api.Permission("other.write", "Write"),)}, "must begin with tried."),
        ({"entry_kinds": (api.EntryKind("idea", "Idea"),)}, "must begin with tried."),
        ({"space_kinds": (api.SpaceKind("core.group", "Group"),)}, "must begin with tried."),
        ({"jobs": (api.Job("clean", "Clean", print),)}, "must begin with tried."),
        ({"jobs": (api.Job("tried.clean", "Clean", print),) * 2}, "two things of one sort"),
        ({"claims": (api.Claim("core.sign_up", "Sign up", str),)}, "must begin with tried."),
        ({"live_topics": ("core.post",)}, "must begin with tried."),
        ({"nav": api.NavItem("Ideas", "/tried")}, "tried: nav must be a tuple"),
        ({"nav": (api.NavItem("Ideas", "/tried", weight="10"),)}, "tried: what should be a NavItem"),  # type: ignore[arg-type]
        ({"nav": ("/tried",)}, "tried: what should be a NavItem"),
        (
            {"tabs": (api.Tab("Ideas", lambda _space: None, weight=None),)},
            "tried: what should be a Tab",
        ),  # type: ignore[arg-type]
        ({"nav": (api.NavItem("Ideas", "javascript:alert(1)"),)}, "tried: a link to 'javascript"),
        ({"nav": (api.NavItem("Ideas", "//ideas.example"),)}, "tried: a link to '//ideas"),
        ({"nav": (api.NavItem("Ideas", "/\ud800"),)}, "tried: a link to"),
        ({"settings_form": int}, "tried: settings_form <class 'int'> is no class of forms"),
        ({"blueprints": Blueprint("one", __name__)}, "tried: blueprints must be a tuple"),
        ({"paths": ("/tried", "/spaces")}, "tried: in its paths is /spaces"),
    ],
)
def test_a_manifest_that_is_unfit_is_refused(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    with pytest.raises(PluginError, match=words):
        start(tmp_path, plugin_module(**values))


@pytest.mark.parametrize(
    "values",
    [
        {"nav": (api.NavItem("Ideas", "/tried", permission="tried.nothing"),)},
        {"tabs": (api.Tab("Ideas", lambda _space: None, permission="tried.nothing"),)},
        {"entry_kinds": (api.EntryKind("tried.idea", "Idea", publish="tried.nothing"),)},
    ],
)
def test_a_permission_that_nobody_declares_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(PluginError, match=r"'tried\.nothing' is declared nowhere"):
        start(tmp_path, plugin_module(**values))


def test_paths_and_prefixes_that_another_plugin_has_are_refused(tmp_path: Path) -> None:
    for values in ({"paths": ("/dummy",)}, {"paths": ("/dummy/more",)}, {"table_prefix": "dummy"}):
        with pytest.raises(PluginError, match="dummy"):
            start(tmp_path, dummy, plugin_module(**values))


@pytest.mark.parametrize(
    "register",
    [
        lambda blueprint: blueprint.before_app_request(lambda: None),
        lambda blueprint: blueprint.after_app_request(lambda response: response),
        lambda blueprint: blueprint.teardown_app_request(lambda error: None),
        lambda blueprint: blueprint.app_context_processor(dict),
        lambda blueprint: blueprint.app_errorhandler(404)(lambda error: "mine"),
        lambda blueprint: blueprint.app_template_filter("day")(str),
        lambda blueprint: blueprint.app_template_global("asset")(str),
        lambda blueprint: blueprint.app_template_test("odd")(bool),
        lambda blueprint: blueprint.app_url_defaults(lambda endpoint, values: None),
        lambda blueprint: blueprint.app_url_value_preprocessor(lambda endpoint, values: None),
        lambda blueprint: blueprint.record(lambda state: state.app.teardown_appcontext(lambda error: None)),
    ],
)
def test_handlers_for_the_whole_application_are_refused(tmp_path: Path, register: Any) -> None:
    blueprint = pages()
    register(blueprint)
    with pytest.raises(PluginError, match="tried: app-wide"):
        start(tmp_path, plugin_module(blueprint))


def test_a_page_without_a_permission_is_refused(tmp_path: Path) -> None:
    blueprint = Blueprint("tried", __name__, url_prefix="/tried")
    blueprint.add_url_rule("/", "index", lambda: "bare")
    with pytest.raises(PluginError, match="declares no permission"):
        start(tmp_path, plugin_module(blueprint))


def test_a_page_outside_the_plugins_paths_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="outside its paths"):
        start(tmp_path, plugin_module(pages(prefix="/elsewhere")))


def test_a_hook_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    module = plugin_module()
    module.entry_publised = api.hookimpl(lambda: None)  # type: ignore[attr-defined]
    with pytest.raises(PluginError, match=r"^tried: .*entry_publised"):
        start(tmp_path, module)


def test_a_hook_that_takes_what_there_is_not_is_refused(tmp_path: Path) -> None:
    module = plugin_module()
    module.panels = api.hookimpl(lambda place, topic: [])  # type: ignore[attr-defined]
    with pytest.raises(PluginError, match=r"(?s)^tried: .*hook 'panels'.*'topic'.*reference/plugins"):
        start(tmp_path, module)


class Interrupting:
    """The entry point of a plugin that ends whoever loads it."""

    name, value = "tried", "tried.plugin"

    def load(self) -> None:
        """Do as Control-C does."""
        raise KeyboardInterrupt


def test_a_plugin_that_ends_whoever_loads_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.metadata, "entry_points", lambda group: [Interrupting()])
    with pytest.raises(PluginError, match="tried can't be loaded: KeyboardInterrupt"):
        registry.discover()


MODELS = """
import pathlib, sys, tempfile
from types import ModuleType
import sqlalchemy as sa
from core import api, create_app
from core.config import Config
from sqlalchemy.orm import Mapped, mapped_column
__name__ = "tried.models"
{model}
module = ModuleType("tried.plugin")
module.plugin = api.Plugin("tried", "Title", "Summary", "1", table_prefix="tried", paths=())
create_app(Config(data=pathlib.Path(tempfile.mkdtemp())), {{"tried": module}})
"""
KEY = "id: Mapped[int] = mapped_column(primary_key=True)"


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (f"class A(api.Public, api.Base):\n __tablename__ = 'tried_a'\n {KEY}", ""),
        (f"class A(api.Base):\n __tablename__ = 'tried_a'\n {KEY}", "needs exactly one reader mixin"),
        (
            f"class A(api.Public, api.StaffOnly, api.Base):\n __tablename__ = 'tried_a'\n {KEY}",
            "needs exactly one reader mixin",
        ),
        (f"class A(api.Public, api.Base):\n __tablename__ = 'other_a'\n {KEY}", "must begin with tried_"),
        (
            f"class A(api.Public, api.Base):\n __tablename__ = 'tried_a'\n {KEY}\n"
            " who: Mapped[int] = mapped_column(sa.ForeignKey('core_user.id'))",
            "without ON DELETE",
        ),
        ("sa.Table('tried_a', api.Base.metadata, sa.Column('id', sa.Integer))", "has no model"),
    ],
)
def test_tables_that_are_unfit_are_refused(model: str, words: str) -> None:
    code = MODELS.format(model=model)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().rpartition("\n")[2]
    assert ("PluginError" in last and words in last) if words else done.returncode == 0, done.stderr


# What check_plugin() finds


def test_the_dummy_plugin_keeps_the_contract(town: Town) -> None:
    check_plugin(town, "dummy")


def test_check_plugin_names_what_is_broken(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core import testing

    source = tmp_path / "actions.py"
    source.write_text(
        "import pluggy\nfrom apscheduler import events\nfrom core.models import Mail\n"
        "from core import db, api\n"
        "import core.api\nrows = Mail.__table__\ndb.session.execute(text('x'))\ndb.session.connection()\n"
    )
    monkeypatch.setattr(testing.inspect, "getfile", lambda module: str(source))
    kept = dummy.plugin.personal_data
    object.__setattr__(dummy.plugin, "personal_data", ())
    try:
        with pytest.raises(AssertionError) as caught:
            check_plugin(town, "dummy")
    finally:
        object.__setattr__(dummy.plugin, "personal_data", kept)
    for words in (
        ":1 imports pluggy",
        ":2 imports apscheduler",
        ":3 imports core.models",
        ":4 imports core.db",
        ":6 uses __table__",
        ":7 calls text()",
        ":8 calls connection()",
        "dummy_bookmark refers to a person",
    ):
        assert words in str(caught.value)
    assert ":5" not in str(caught.value)


def _raise(_ids: object) -> None:
    raise LookupError("no table")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("nav", (api.NavItem("Ideas", "/dumy/"),), "/dumy/ answers 404 while it is on"),
        ("defaults", {"most": 20}, "settings_form has the field greeting: say in `defaults`"),
        (
            "entry_kinds",
            (api.EntryKind("dummy.idea", "Idea", template="dummy/none.html"),),
            "dummy.idea fails: TemplateNotFound: dummy/none.html",
        ),
        (
            "entry_kinds",
            (api.EntryKind("dummy.idea", "Idea", load=_raise),),
            "dummy.idea fails: LookupError: no table",
        ),
    ],
)
def test_check_plugin_names_what_leads_nowhere(town: Town, field: str, value: object, words: str) -> None:
    kept = getattr(dummy.plugin, field)
    object.__setattr__(dummy.plugin, field, value)
    try:
        with pytest.raises(AssertionError) as caught:
            check_plugin(town, "dummy")
    finally:
        object.__setattr__(dummy.plugin, field, kept)
    assert words in str(caught.value)


def test_check_plugin_names_hooks_that_fail_or_that_nobody_calls(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(trouble, "panels", lambda: [].pop())
    monkeypatch.setattr(dummy, "check_entry", lambda _draft: None)
    with pytest.raises(AssertionError) as caught:
        check_plugin(town, "dummy")
    assert "panels fails: IndexError, File" in str(caught.value)
    assert "dummy_plugin" in str(caught.value)
    assert "check_entry() is a hook that nobody calls" in str(caught.value)
