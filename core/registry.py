"""Plugins at run time: discovery, the enabled set of every process, the gate, and isolated hook calls.

What a plugin must satisfy to be loaded at all is in `checks.py`.
"""

import datetime as dt
import logging
import re
import time
import traceback
from collections import Counter
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from decimal import localcontext
from functools import cached_property, partial
from importlib import metadata
from types import ModuleType
from typing import Any

import pluggy
import sqlalchemy as sa
from flask import Flask, abort, current_app, g, request

from . import access, checks, hookspecs, stamps
from .db import FailureUnsaid, WriteOutsideBoundary, begin_anew, changed, db, insert_once, now, write, writing
from .lent import AnswerTouched, Lent, TransactionEnded, savepoint
from .models import PluginFault, PluginState
from .plugin import EntryKind, Hold, Plugin, SpaceKind

GROUP = "parvis.plugins"
SLOW, SLOW_MILLISECONDS = "slow: ", 200
FAILURES_ALLOWED = 5
FAULTS_KEPT = 50
NOTE_AGAIN_SECONDS = 300.0
NAME, TRACE = type.__dict__["__name__"].__get__, BaseException.__dict__["__traceback__"].__get__
HANGS, LATELY = "hangs", dt.timedelta(hours=1)

log = logging.getLogger("parvis.plugins")


class PluginFailed(RuntimeError):
    """A plugin failed at a hook that every plugin must answer; the message is its name."""


@dataclass
class Registry:
    """The installed plugins of this process, in the order of their names.

    `broken` says of what is installed and can't be loaded, why. `running` is what this thread is in: plugin,
    place, and whether failures there count, the innermost last.
    """

    modules: dict[str, ModuleType]
    core: Plugin
    broken: dict[str, str] = field(default_factory=dict)
    manager: pluggy.PluginManager = field(default_factory=lambda: pluggy.PluginManager("parvis"))
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    waiting: list[PluginFault] = field(default_factory=list)
    running: list[tuple[str, str, bool]] = field(default_factory=list)
    _warm: set[tuple[str, str]] = field(default_factory=set)
    _noted: dict[tuple[str, str, str], float] = field(default_factory=dict)
    _kinds: dict[tuple[frozenset[str], tuple[str, ...]], tuple[str, ...]] = field(default_factory=dict)
    _seen: int = -1
    _enabled: frozenset[str] = frozenset()

    @cached_property
    def installed(self) -> dict[str, Plugin]:
        """Manifests by name."""
        return {name: module.plugin for name, module in self.modules.items()}

    def enabled(self) -> frozenset[str]:
        """Names of the enabled plugins, the same throughout one request."""
        names: frozenset[str] | None = g.get("enabled_plugins")
        if names is None:
            version = stamps.read()["plugins"]
            if version != self._seen:
                states = sa.select(PluginState.__table__.c.name).where(
                    PluginState.__table__.c.enabled, PluginState.__table__.c.quarantined_at.is_(None)
                )
                found = frozenset(self.modules.keys() & set(db.session.scalars(states)))
                if writing():  # not committed yet: true for this write alone
                    return found
                self._enabled, self._seen = found, version
            names = g.enabled_plugins = self._enabled
        return names

    def missing(self) -> dict[str, str]:
        """Why each plugin that is switched on is not there: it can't be loaded, or is installed no more."""
        on = sa.select(PluginState.__table__.c.name).where(PluginState.__table__.c.enabled)
        gone = sorted(set(db.session.scalars(on)) - self.modules.keys())
        why = "is enabled, but not installed, or only since this process began"
        return {name: self.broken.get(name, f"{name} {why}") for name in gone}

    def active(self) -> list[Plugin]:
        """Manifests of the core and of the enabled plugins."""
        on = self.enabled()
        return [self.core, *(plugin for name, plugin in self.installed.items() if name in on)]

    def kinds(self) -> tuple[str, ...]:
        """Names of the kinds of spaces and entries that exist for readers now."""
        return self._names("space_kinds", "entry_kinds")

    def notices(self) -> tuple[str, ...]:
        """Names of the types of notices that exist for readers now."""
        return self._names("notice_types")

    def _names(self, *sorts: str) -> tuple[str, ...]:
        key = (self.enabled(), sorts)
        if key not in self._kinds:
            things = (thing for one in self.active() for sort in sorts for thing in getattr(one, sort))
            self._kinds[key] = tuple(thing.name for thing in things)
        return self._kinds[key]

    def declared(self, sort: str, name: str) -> tuple[Plugin, Any]:
        """The plugin, or the core, whose manifest has a thing of this sort and name; and the thing."""
        for plugin in (self.core, *self.installed.values()):
            for thing in getattr(plugin, sort):
                if thing.name == name:
                    return plugin, thing
        raise LookupError(f"{name} is not among the {sort} of any plugin")

    def entry_kind(self, name: str) -> EntryKind:
        """The entry kind of this name, of an installed plugin or the core."""
        return self._entry_kinds[name]

    def space_kind(self, name: str) -> SpaceKind:
        """The space kind of this name, of an installed plugin or the core."""
        return self._space_kinds[name]

    @cached_property
    def _entry_kinds(self) -> dict[str, EntryKind]:
        return {kind.name: kind for p in (self.core, *self.installed.values()) for kind in p.entry_kinds}

    @cached_property
    def _space_kinds(self) -> dict[str, SpaceKind]:
        return {kind.name: kind for p in (self.core, *self.installed.values()) for kind in p.space_kinds}

    def call(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Call a hook, one plugin at a time; gives (plugin, answer) of those that answered soundly."""
        everybody = hook in hookspecs.INSTALLED
        otherwise = Hold("") if hook == "check_entry" else None
        for impl in getattr(self.manager.hook, hook).get_hookimpls():
            name, work = impl.plugin_name, partial(hookspecs.asked, hook, impl, arguments)
            asked = everybody or name in self.enabled()
            if asked and (answer := self.attempt(name, hook, work, otherwise)) is not None:
                yield name, answer

    def demand(
        self, hook: str, only: Container[str] | None = None, **arguments: Any
    ) -> Iterator[tuple[str, Any]]:
        """Call a loud hook of every installed plugin, or of some; the first that fails stops the whole."""
        for impl in getattr(self.manager.hook, hook).get_hookimpls():
            name = impl.plugin_name
            if only is not None and name not in only:
                continue
            try:
                with localcontext(), self._visit(name, hook):
                    answer = copy_context().run(hookspecs.asked, hook, impl, arguments)
            except Exception as error:
                self.fault(name, hook, error, counts=False)
                raise PluginFailed(name) from error
            yield name, answer

    def attempt(self, name: str, place: str, work: Callable[[], Any], otherwise: Any = None) -> Any:
        """Do a plugin's work inside a page of the core: if it fails, it is named and `otherwise` answered.

        TransactionEnded, and quarantine, where it leaves nothing to go on with of the write that it is in.
        """
        started = time.perf_counter()
        try:
            with localcontext(), self._visit(name, place):
                answer = copy_context().run(work)
        except TransactionEnded as error:
            if not error.args:  # by the innermost
                error.args = (name,)
                self.fault(name, place, error)
                self.failures[name, place] = FAILURES_ALLOWED
            raise
        except BaseException as error:  # noqa: BLE001  a plugin may raise anything; the page goes on
            self.fault(name, place, error)
            if not writing() and not begin_anew():
                self.failures[name, place] = FAILURES_ALLOWED
            return otherwise
        self.failures.pop((name, place), None)
        milliseconds = (time.perf_counter() - started) * 1000
        bound = SLOW_MILLISECONDS * (5 if place.startswith("job ") else 1)  # on which no page waits
        if milliseconds > bound and (name, place) in self._warm:
            self.note(name, place, f"{SLOW}{milliseconds:.0f} ms")
        self._warm.add((name, place))  # the first call in a process also loads what the next ones find ready
        return answer

    @contextmanager
    def _visit(self, name: str, place: str) -> Iterator[None]:
        """A frame in which nothing of the core breaks: under a savepoint in a write, else without changes."""
        here: Any = g._get_current_object()
        running, held = self.running, here.get("visited")
        here.visited = place
        running.append((name, place, True))
        lent = Lent()
        try:
            if writing():
                with savepoint(lambda call: partial(self.attempt, name, place, call)):
                    yield
                    if lent.put_back(forms=True):
                        raise AnswerTouched(place)
            else:
                here.failed = False
                yield
                if here.get("failed"):
                    raise FailureUnsaid(place)
                if changed():
                    raise WriteOutsideBoundary(place)
                if lent.put_back(forms=True):
                    raise AnswerTouched(place)
        finally:
            running.pop()
            try:
                lent.put_back()
            finally:  # also where what a hook left behind can't even be compared
                here.visited = held

    def fault(self, name: str, place: str, error: BaseException, counts: bool = True) -> None:
        """A plugin failed: name it; five failures in a row at one place that `counts` mean quarantine."""
        what = NAME(type(error))  # whatever its own class would say
        self.note(name, place, what, "".join(traceback.format_tb(TRACE(error))))
        if counts:
            self.failures[name, place] += 1

    def note(self, name: str, place: str, what: str, trace: str = "") -> None:
        """Keep something staff should see about a plugin, the same thing at most once in five minutes."""
        key = (name, place, what.partition(":")[0])
        if time.monotonic() - self._noted.get(key, -NOTE_AGAIN_SECONDS) < NOTE_AGAIN_SECONDS:
            return
        self._noted[key] = time.monotonic()
        log.warning("plugin trouble", extra={"plugin": name, "place": place, "what": what, "trace": trace})
        self.waiting.append(PluginFault(plugin=name, place=place, what=what[:500], trace=trace, at=now()))

    def settle(self) -> None:
        """Write down what was noted, and quarantine whoever failed too often; never raises."""
        faults, self.waiting = self.waiting, []
        tired = {
            name for (name, _), n in self.failures.items() if n >= FAILURES_ALLOWED and self._may_rest(name)
        }
        if not faults and not tired:
            return
        try:
            with access.as_system("note plugin faults"), write() as session:
                session.add_all(faults)
                session.flush()
                for name in {fault.plugin for fault in faults}:
                    _keep_latest(name)
                for name in tired | self._hanging(faults):
                    self._quarantine(name)
        except Exception:  # the page was answered; what can't be written down is in the log
            log.exception("plugin faults could not be written down")
            db.session.rollback()

    def _may_rest(self, name: str) -> bool:
        return name in self.installed and not self.installed[name].protects

    def _hanging(self, faults: list[PluginFault]) -> set[str]:
        """Whose hook hung once more, and so often in the last hour that the portal does better without."""
        again = {fault.plugin for fault in faults if fault.what.startswith(HANGS)}
        hung = (
            sa.select(PluginFault.plugin)
            .join(PluginState, PluginState.name == PluginFault.plugin)
            .where(PluginFault.plugin.in_(again), PluginFault.what.startswith(HANGS))
            .where(PluginFault.at > now() - LATELY, PluginFault.at > PluginState.switched_at)
            .group_by(PluginFault.plugin, PluginFault.place)
            .having(sa.func.count() >= FAILURES_ALLOWED)
        )
        return set(filter(self._may_rest, db.session.scalars(hung)))

    def _quarantine(self, name: str) -> None:
        state = sa.update(PluginState).where(PluginState.name == name, PluginState.enabled)
        db.session.execute(state.values(quarantined_at=now()))
        stamps.bump("plugins")
        self.failures = Counter({key: n for key, n in self.failures.items() if key[0] != name})

    def switch(self, name: str, on: bool) -> None:
        """Enable or disable an installed plugin, for every process at its next request."""
        from .search import index  # stands on the registry

        with write() as session:
            insert_once(PluginState, name=name)
            values = {"enabled": on, "quarantined_at": None, "switched_at": now()}
            session.execute(sa.update(PluginState).where(PluginState.name == name).values(values))
            stamps.bump("plugins")
            g.pop("enabled_plugins", None)
            for _ in self.call("plugin_switched", name=name, on=on):
                pass
            if on and hasattr(self.modules[name], "search_documents"):
                index.note_everything()
        self.forgive(name)

    def forgive(self, name: str) -> None:
        """Count a plugin's failures from zero again, and tell of them anew."""
        self.failures = Counter({key: n for key, n in self.failures.items() if key[0] != name})
        self._noted = {key: at for key, at in self._noted.items() if key[0] != name}

    def owner(self, path: str) -> str | None:
        """The plugin that a path of a request belongs to."""
        path = re.sub("/{2,}", "/", path)
        for name, plugin in self.installed.items():
            if any(path == prefix or path.startswith(prefix + "/") for prefix in plugin.paths):
                return name
        return None


def current() -> Registry:
    """The registry of the running application."""
    registry: Registry = current_app.extensions["parvis"]
    return registry


def discover(broken: dict[str, str] | None = None) -> tuple[Plugin, dict[str, ModuleType]]:
    """The core's own manifest, and the modules of the plugins, that installed packages announce.

    A plugin that can't be loaded is left out and said in `broken`; PluginError where nobody asks for that.
    """
    found = {}
    for point in metadata.entry_points(group=GROUP):
        try:
            found[point.name] = _loaded(point)
        except checks.PluginError as error:
            if broken is None or point.name == "core":
                raise
            log.error(str(error), exc_info=error)
            broken[point.name] = str(error)
    core: Plugin = found.pop("core").plugin
    return core, dict(sorted(found.items()))


def _loaded(point: metadata.EntryPoint) -> ModuleType:
    try:
        module: ModuleType = point.load()
    except BaseException as error:
        raise checks.PluginError(f"{point.name} can't be loaded: {type(error).__name__}: {error}") from error
    if not hasattr(module, "plugin"):
        raise checks.PluginError(f"{point.name} can't be loaded: {point.value} has no `plugin`")
    return module


def load(app: Flask, core: Plugin, modules: dict[str, ModuleType], broken: dict[str, str]) -> Registry:
    """Check and register the core's own manifest and every plugin once; nothing is ever unregistered."""
    registry = Registry(modules, core, broken)
    registry.manager.add_hookspecs(hookspecs)
    for plugin in (core, *registry.installed.values()):
        checks.manifest(plugin, registry)
        for permission in plugin.permissions:
            access.declare(permission)
    for name, module in modules.items():
        with checks.nothing_app_wide(app, name):
            for blueprint in module.plugin.blueprints:
                app.register_blueprint(blueprint)
    try:
        for name, module in modules.items():
            registry.manager.register(module, name)
        registry.manager.check_pending()
    except pluggy.PluginValidationError as error:
        [name] = [name for name, module in modules.items() if module is error.plugin]
        raise checks.PluginError(f"{name}: {error} (docs/reference/plugins.md has the hooks)") from error
    checks.models(registry)
    app.extensions["parvis"] = registry
    return registry


def gate() -> None:
    """Answer 404 for every path of a plugin that is off, redirects and unknown methods included."""
    registry = current()
    owner = registry.owner(request.path)
    registry.running = [(owner, request.endpoint or request.path, False)] if owner else []
    if owner is not None and owner not in registry.enabled():
        request.url_rule = None  # its blueprint's handlers are not there either
        abort(404)


def view_fault(error: BaseException) -> Plugin | None:
    """Note for staff whose page just failed, and answer the plugin; None when the page is the core's."""
    registry = current()
    if isinstance(error, TransactionEnded):  # noted when it was
        return registry.installed.get(str(error))
    name = registry.owner(request.path)
    registry.fault(name or registry.core.name, request.endpoint or "", error, counts=False)
    return registry.installed[name] if name else None


def _keep_latest(name: str) -> None:
    newest = sa.select(PluginFault.id).where(PluginFault.plugin == name).order_by(PluginFault.id.desc())
    kept = db.session.scalars(newest.limit(FAULTS_KEPT)).all()
    db.session.execute(sa.delete(PluginFault).where(PluginFault.plugin == name, PluginFault.id < min(kept)))
