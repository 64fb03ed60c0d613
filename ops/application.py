"""The application of a town's processes: without plugins that are off and wait for `parvis upgrade`."""

from types import ModuleType

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from core import create_app, registry
from core.config import Config
from core.db import table_of
from core.models import PluginState


def application(config: Config) -> Flask:
    """The application; its registry says, as of all that is broken, why a plugin is not there."""
    _core, modules = registry.discover({})
    late = _late(config, modules)
    app = create_app(config, {name: module for name, module in modules.items() if name not in late})
    app.extensions["parvis"].broken |= {name: advice(name) for name in late}
    return app


def advice(name: str) -> str:
    """What to do about a plugin whose tables are not there yet, or of another version."""
    return f"{name} waits for `parvis upgrade`, which makes its tables; then start the portal anew"


def _late(config: Config, modules: dict[str, ModuleType]) -> set[str]:
    """Names of the plugins that are off and whose tables are of another version."""
    engine, states = sa.create_engine(config.database), table_of(PluginState)
    try:
        with engine.connect() as connection:
            on = set(connection.scalars(sa.select(states.c.name).where(states.c.enabled)))
        off = {name: module for name, module in modules.items() if name not in on}
        if not off:
            return set()
        from core import migrate  # Alembic is dear to load, and most pages need none of it

        behind = migrate.behind(engine, off)
    except SQLAlchemyError:  # no town yet, or its database does not answer
        return set()
    finally:
        engine.dispose()
    return {name for name, module in off.items() if module.plugin.table_prefix in behind}
