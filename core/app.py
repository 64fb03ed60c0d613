"""The application factory; read it from top to bottom to see what a request meets, and in what order."""

from collections.abc import MutableMapping
from contextlib import suppress
from functools import cache, partial
from types import FunctionType, ModuleType
from typing import Any

from flask import Flask
from flask.templating import Environment
from jinja2 import FileSystemBytecodeCache, pass_eval_context
from jinja2.bccache import Bucket
from jinja2.runtime import Context as TemplateContext
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Rule

from . import (
    assets,
    checks,
    compress,
    errors,
    files,
    guard,
    i18n,
    kept,
    logs,
    registry,
    security,
    settings,
    text,
    web,
)
from .config import Config
from .db import db, end_reading, prepare

OF_ITS_OWN = object()
WITH_PLACE = vars(pass_eval_context(lambda _place: None))["jinja_pass_arg"]


class Context(TemplateContext):
    """What a template sees; it calls a plain function as it is, where Jinja looks it over at each call."""

    def call(self, called: Any, /, *arguments: Any, **named: Any) -> Any:
        wishes = vars(called).get("jinja_pass_arg") if type(called) is FunctionType else OF_ITS_OWN
        if wishes is WITH_PLACE:  # translations are
            arguments = (self.eval_ctx, *arguments)
        elif wishes is not None:
            return super().call(called, *arguments, **named)
        named.pop("_loop_vars", None)
        named.pop("_block_vars", None)
        return called(*arguments, **named)


class Templates(Environment):
    """Templates whose globals are one dictionary: a chain of two is slow to copy for each page."""

    context_class = Context

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}


class Compiled(FileSystemBytecodeCache):
    """Keeps compiled templates; where it can't write, the page is drawn all the same."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)


class Route(Rule):
    """A route that compiles what builds its addresses when one is first asked for: most are not."""

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        made = cache(partial(super()._compile_builder, append_unknown))
        return lambda route, **values: made()(route, **values)


def _as_it_is(func: Any) -> Any:
    """No view and no function around one is a coroutine: Flask would ask twenty times for each answer."""
    return func


def create_app(config: Config | None = None, modules: dict[str, ModuleType] | None = None) -> Flask:
    """A portal with these deployment settings and these plugin modules (those installed, unless given)."""
    config = config or Config.from_env()
    logs.configure(config)
    app = Flask("core", static_url_path="/static")
    app.ensure_sync = _as_it_is  # type: ignore[method-assign]
    app.url_rule_class = Route
    app.config.update(
        PARVIS=config,
        SECRET_KEY=config.secret_key(),
        SQLALCHEMY_DATABASE_URI=config.database,
        # The database's server may have restarted.
        SQLALCHEMY_ENGINE_OPTIONS={"pool_pre_ping": bool(config.database_url)},
        MAX_CONTENT_LENGTH=config.max_body,
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
        MAX_FORM_PARTS=300,
        TRUSTED_HOSTS=security.trusted_hosts(config),
        SESSION_COOKIE_SECURE=config.base_url.startswith("https:"),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_NAME="parvis",
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    templates = config.data / "templates"  # compiled once for all processes and starts
    templates.mkdir(parents=True, exist_ok=True)
    app.jinja_environment = Templates
    app.jinja_options = {"bytecode_cache": Compiled(str(templates))}
    if config.proxies:
        n = config.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)  # type: ignore[method-assign]

    db.init_app(app)
    app.teardown_appcontext(end_reading)
    with app.app_context():
        prepare(db.engine)
        guard.install(db.engine)

    compress.init(app)
    logs.init(app)
    security.init(app)  # nonce, trusted hosts, body limits, the gate of plugins that are off, CSRF, headers
    web.init(app)  # who is looking
    i18n.init(app)
    settings.init(app)
    text.init(app)
    files.init(app)
    assets.init(app)
    kept.init(app)
    errors.init(app)
    broken: dict[str, str] = {}  # without what can't be loaded, the rest is there
    core, found = registry.discover(broken)
    for blueprint in core.blueprints:
        app.register_blueprint(blueprint)
    plugins = registry.load(app, core, found if modules is None else modules, broken)
    checks.endpoints(app, plugins)
    checks.permissions(app, plugins)
    return app
