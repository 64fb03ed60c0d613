"""The command line acts on the town in PARVIS_DATA, refuses in one clear line, and serves."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from factors import code, set_up

from core import access, create_app, migrate, registry
from core.access import as_system
from core.accounts import actions as accounts
from core.config import Config
from core.db import db, write
from core.models import Account
from core.testing import Browser, EnglishClient
from ops.cli import main

pytestmark = pytest.mark.slow


def environment(folder: Path, **settings: object) -> dict[str, str]:
    """The environment of a command that acts on the town in this folder."""
    chosen = {f"PARVIS_{name.upper()}": str(value) for name, value in settings.items()}
    return {"PATH": os.environ["PATH"], "PARVIS_DATA": str(folder), **chosen}


def parvis(folder: Path, *words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "ops.cli", *words]
    chosen = environment(folder, **settings)
    return subprocess.run(command, env=chosen, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a town as `parvis init` leaves it, to copy."""
    folder = tmp_path_factory.mktemp("begun") / "town"
    assert parvis(folder, "init").returncode == 0
    return folder


@pytest.fixture
def folder(begun: Path, tmp_path: Path) -> Path:
    """The folder of a town that has just begun."""
    return Path(shutil.copytree(begun, tmp_path / "town"))


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a refusing command wrote."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("parvis: ")
    return line


@contextmanager
def serving(folder: Path, port: int, **settings: object) -> Iterator[str]:
    """The address of a server in processes of its own; they end cleanly at the end."""
    command = [sys.executable, "-m", "ops.cli", "serve"]
    server = subprocess.Popen(
        command,
        env=environment(folder, port=port, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: status(f"{address}/sign-in") == 200 or server.poll() is not None)
        yield address
    finally:
        server.send_signal(signal.SIGTERM)
        output, _ = server.communicate(timeout=30)
    assert server.returncode == 0, output.decode()


def wait_for(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Return when the condition holds; fail when it never does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.1)


def status(url: str) -> int:
    """The status of an answer, 0 when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


@contextmanager
def opened(folder: Path, **settings: Any) -> Iterator[Any]:
    """The same town, in this process."""
    app = create_app(Config(data=folder, **settings))
    app.test_client_class = EnglishClient
    yield app
    with app.app_context():
        db.engine.dispose()


def test_init_makes_an_empty_town_and_a_link_that_works_once(tmp_path: Path) -> None:
    folder = tmp_path / "town"
    done = parvis(folder, "init", "--email", "ada@example.org")
    assert done.returncode == 0, done.stderr
    assert [path for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077] == []
    (path,) = re.findall(r"http://127\.0\.0\.1:8000(/confirm/\S+)", done.stdout)
    with opened(folder) as app:
        browser = Browser(app.test_client())
        shown = browser.get(path)
        assert shown.status_code == 200, "looking at the link does not use it up"
        assert "<h1>Choose a password</h1>" in shown.text
        password = "heron-basket-lantern-7"
        assert "Write your name." in browser.submit(path, password=password).text
        chosen = browser.submit(path, password=password, name="Ada Lovelace")
        assert chosen.location == "/second-factor", chosen.text
        assert browser.get("/admin/town").status_code != 200
        secret, _codes = set_up(browser)
        assert browser.get("/admin/town").status_code == 200
        assert 'value="Ada Lovelace"' in browser.get("/me").text
        assert browser.get("/people/ada-lovelace").status_code == 200
        again = Browser(app.test_client())
        assert again.get(path).status_code == 410
        assert again.get("/admin/town").status_code != 200
        assert again.submit("/sign-in", email="ada@example.org", password=password).status_code == 302
        assert again.submit("/sign-in/code", code=code(secret, 1)).status_code == 302
        assert again.get("/admin/town").status_code == 200


def test_init_refuses_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    assert "precious" in refused(parvis(tmp_path, "init"))
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_init_goes_on_where_other_commands_found_no_town(tmp_path: Path) -> None:
    folder = tmp_path / "town"
    for words in (("check",), ("upgrade",), ("plugins", "list")):
        assert "run `parvis init`" in refused(parvis(folder, *words))
    assert "no e-mail address" in refused(parvis(folder, "init", "--email", "nope"))
    assert parvis(folder, "init").returncode == 0
    assert "holds a town already" in refused(parvis(folder, "init"))


@pytest.mark.parametrize("at", ["CREATE TABLE core_second_factor", "INSERT INTO core_user"])
def test_an_init_that_was_broken_off_goes_on(tmp_path: Path, at: str) -> None:
    folder = tmp_path / "town"
    dying = (
        "import os, sqlalchemy as sa\n"
        "from ops.cli import main\n"
        "@sa.event.listens_for(sa.engine.Engine, 'before_cursor_execute')\n"
        f"def die(c, cursor, sql, *_): sql.strip().startswith({at!r}) and os._exit(9)\n"
        "main(['init'])\n"
    )
    died = subprocess.run([sys.executable, "-c", dying], env=environment(folder), check=False)
    assert died.returncode == 9
    done = parvis(folder, "init", "--email", "ada@example.org")
    assert done.returncode == 0, done.stderr
    with opened(folder) as app, app.app_context(), as_system("look"):
        assert db.session.scalars(sa.select(Account.email)).all() == ["ada@example.org"]


def test_of_two_that_init_at_once_one_makes_the_town(database_url: str, tmp_path: Path) -> None:
    """Two folders on one PostgreSQL, one folder with SQLite."""
    url = "" if database_url.startswith("sqlite") else database_url
    starts = [
        subprocess.Popen(
            [sys.executable, "-m", "ops.cli", "init", "--email", f"{name}@example.org"],
            env=environment(tmp_path / (name if url else "town"), database_url=url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("ada", "zoe")
    ]
    ends = [(*one.communicate(timeout=120), one.returncode) for one in starts]
    assert sorted(code for *_, code in ends) == [0, 1], ends
    [told] = [error for _, error, code in ends if code]
    assert "is making" in told or "already" in told
    assert len(told.splitlines()) == 1


def test_beside_the_demonstration_one_line_says_how_to_have_a_town(tmp_path: Path) -> None:
    folder = tmp_path / "parvis-data"
    assert parvis(folder, "init").returncode == 0
    with opened(folder) as app, app.app_context(), as_system("pretend"), write() as session:
        session.execute(sa.update(Account).values(demo=True))
    (folder / "worker-beat").touch()
    for words in ("init", "serve"):
        said = refused(parvis(folder, words, port=free()))
        assert f"{folder}" in said
        assert "the demonstration town" in said
        assert "choose another folder by PARVIS_DATA" in said
    assert parvis(tmp_path / "my-town", "init").returncode == 0


def test_who_asks_a_plugins_command_for_help_needs_no_town(tmp_path: Path) -> None:
    done = parvis(tmp_path / "town", "visits", "import-questions", "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
    assert "no town" in refused(parvis(tmp_path / "town", "visits", "import-questions", __file__))


def test_who_stops_reading_ends_a_command_quietly(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "ops.cli", "plugins", "list"]
    done = subprocess.run(
        command, env=environment(folder), stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 1


def test_an_administrator_gets_another_link(tmp_path: Path) -> None:
    folder = tmp_path / "town"
    assert parvis(folder, "init", "--email", "ada@example.org").returncode == 0
    for email in ("Ada@example.org", "zoe@example.org"):
        done = parvis(folder, "admin", email)
        (path,) = re.findall(r"http://127\.0\.0\.1:8000(/confirm/\S+)", done.stdout)
        with opened(folder) as app:
            browser = Browser(app.test_client())
            chosen = browser.submit(path, password="heron-basket-lantern-7", name=email[:3].title())
            assert chosen.location == "/second-factor", chosen.text
            set_up(browser)
            assert browser.get("/admin/town").status_code == 200
    other = tmp_path / "other"
    assert "as administrator@localhost" in parvis(other, "init").stdout
    done = parvis(other, "admin", "administrator@localhost")
    (path,) = re.findall(r"http://127\.0\.0\.1:8000(/confirm/\S+)", done.stdout)
    with opened(other) as app:
        chosen = Browser(app.test_client()).submit(path, password="heron-basket-lantern-7", name="Ada")
        assert chosen.location == "/second-factor", chosen.text
    done = parvis(folder, "admin", "--reset-factor", "ada@example.org")
    (path,) = re.findall(r"http://127\.0\.0\.1:8000(/confirm/\S+)", done.stdout)
    with opened(folder) as app:
        browser = Browser(app.test_client())
        assert browser.submit(path, password="heron-basket-lantern-8").location == "/second-factor"
    with opened(folder) as app, app.app_context(), access.as_system("test"), write():
        accounts.create_user("ben@example.org", "Ben")
    assert "no administrator" in refused(parvis(folder, "admin", "ben@example.org"))


def test_serve_refuses_without_a_town_and_while_migrations_are_behind(tmp_path: Path, folder: Path) -> None:
    port = {"port": free()}
    assert "parvis init" in refused(parvis(tmp_path / "none", "serve", **port))
    with closing(sqlite3.connect(folder / "town.db")) as database, database:
        database.execute("UPDATE core_version SET version_num = 'core_0001'")
    assert "parvis upgrade" in refused(parvis(folder, "serve", **port))


def test_no_server_has_demo_accounts_outside_demo_mode(folder: Path) -> None:
    with opened(folder) as app, app.app_context(), access.as_system("test"), write():
        accounts.create_user("mayor@parvis.example", "Mayor", demo=True)
    for word in ("serve", "web", "live", "worker"):
        assert "demonstration accounts" in refused(parvis(folder, word, port=free()))


@pytest.mark.parametrize("word", ["serve", "demo"])
def test_a_taken_port_is_one_clear_line_before_anything_else(tmp_path: Path, word: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        line = refused(parvis(tmp_path / "town", word, port=port))
    assert line == f"parvis: can't listen on 127.0.0.1:{port}: Address already in use"
    assert not (tmp_path / "town").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"port": "eight"}, "PARVIS_PORT"),
        ({"colour": "red"}, "PARVIS_COLOUR"),
        ({"database_url": "mysql://x/y"}, "PARVIS_DATABASE_URL"),
        ({"database_url": "postgresql://127.0.0.1:1/x"}, "PARVIS_DATABASE_URL: the database does not answer"),
        ({"database_url": "postgresql://127.0.0.1:1/x?bogus=1"}, "PARVIS_DATABASE_URL: invalid connection"),
        ({"data": "/" + "x" * 300}, "File name too long"),
        ({"data": "/dev/null"}, "/dev/null"),
    ],
)
def test_unusable_settings_are_one_clear_line(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    assert said in refused(parvis(tmp_path / "town", "init", **settings))


@pytest.mark.parametrize(
    "words", ["check", "upgrade", "backup", "admin a@example.org", "worker", "plugins list", "reindex"]
)
def test_where_no_town_is_nothing_is_left(tmp_path: Path, words: str) -> None:
    assert "no town" in refused(parvis(tmp_path / "nothing", *words.split()))
    assert list(tmp_path.iterdir()) == []


def test_nor_in_a_folder_that_is_there(tmp_path: Path) -> None:
    assert "no town" in refused(parvis(tmp_path, "check"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "word"),
    [(b"", "check"), (b"00ff", "upgrade"), (b"0" * 65, "serve"), (b"\xff\xfe" * 32, "check")],
    ids=["empty", "short", "long", "not hex"],
)
def test_a_key_that_is_none_is_refused(folder: Path, key: bytes, word: str) -> None:
    (folder / "secret-key").write_bytes(key)
    assert "holds no key of 64 hex digits" in refused(parvis(folder, word))


def test_what_is_no_town_of_this_version_is_one_clear_line(tmp_path: Path, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "town.db")) as database, database:
        database.execute("UPDATE core_version SET version_num = 'core_9999'")
    for word in ("upgrade", "demo"):
        line = refused(parvis(folder, word, port=free()))
        assert line == "parvis: the tables of core were made by a later version: install that one"
    (folder / "town.db").write_bytes(b"no database at all, " * 1000)
    for word in ("check", "demo"):
        assert "is no database" in refused(parvis(folder, word, port=free()))
    key = (folder / "secret-key").rename(tmp_path / "secret-key")
    for word in ("serve", "demo"):
        assert "has lost its secret-key" in refused(parvis(folder, word, port=free()))
    for place in (tmp_path, key):
        assert "holds something else" in refused(parvis(place, "demo", port=free()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret-key", "town"]


def make_demo(**settings: object) -> str:
    """The one line in which `make demo` refuses."""
    words = ["make", "--no-print-directory", "--old-file=.venv/.run", "demo"]
    words += [f"{name}={value}" for name, value in settings.items()]
    root = Path(__file__).parents[2]
    made = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False, timeout=60)
    line, _of_make = made.stderr.splitlines()
    return line


def test_where_a_demonstration_can_t_be_made_one_line_says_why_and_what_to_do(tmp_path: Path) -> None:
    """An empty folder beside which nothing may be written, a link to nothing, a folder within a file."""
    (tmp_path / "town").mkdir()
    (tmp_path / "town.new").touch()  # which stands in the way for the superuser too
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for place, why in (
        ("town", f"{tmp_path}/town.new, where it is made first, can't be made: File exists"),
        ("link", f"{tmp_path}/link is a link to nothing"),
        ("town.new/town", f"{tmp_path}/town.new/town can't be made: {tmp_path}/town.new is no folder"),
    ):
        said = refused(parvis(tmp_path / place, "demo", port=free()))
        assert said == f"parvis: {why}; choose another folder by PARVIS_DATA (make: DATA=)", place
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "town", "town.new"]


@pytest.mark.slow
@pytest.mark.parametrize("place", ["/", "/proc/town", "{file}", "{file}/town"])
def test_a_demonstration_says_where_it_can_be_made_if_not_there(tmp_path: Path, place: str) -> None:
    file = tmp_path / 'it\'s a "file"'
    file.touch()
    place = place.format(file=file)
    line = make_demo(PORT=free(), DATA=place)
    assert line.startswith(f"parvis: {place} ")
    assert line.endswith("; choose another folder by PARVIS_DATA (make: DATA=)")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.slow
@pytest.mark.parametrize("port", ["'", '"', "80 81", "99999"])
def test_the_port_of_make_is_taken_as_it_is_written(port: str) -> None:
    assert make_demo(PORT=port) == "parvis: PARVIS_PORT: expected a whole number from 1 to 65535"


def test_check_names_what_is_well_and_what_is_not(folder: Path) -> None:
    assert parvis(folder, "plugins", "enable", "neighbourhood_visits").returncode == 0
    done = parvis(folder, "check")
    assert done.returncode == 1, "no worker has run yet"
    assert "BAD  worker: never ran" in done.stdout
    assert "ok   migrations: up to date" in done.stdout
    assert "ok   secret:" in done.stdout
    assert "regular work" in done.stdout, "in English, though the town speaks French"
    (folder / "secret-key").chmod(0o644)
    assert "BAD  secret:" in parvis(folder, "check").stdout


def test_reindex_makes_the_search_anew(folder: Path) -> None:
    assert parvis(folder, "reindex").stdout == "Everything can be found again.\n"
    with closing(sqlite3.connect(folder / "town.db")) as database:
        assert database.execute("SELECT kind FROM core_search").fetchall() == [("core.person",)]


def test_two_servers_and_a_command_line_share_one_town(database_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "town"
    settings = {} if database_url.startswith("sqlite") else {"database_url": database_url}
    Config(data=folder).secret_key()  # of a town whose tables the fixture has made already
    assert parvis(folder, *(["upgrade"] if settings else ["init"]), **settings).returncode == 0
    assert parvis(folder, "plugins", "enable", "neighbourhood_visits", **settings).returncode == 0
    one = {**settings, "workers": 1}
    with serving(folder, free(), **one) as first, serving(folder, free(), **one) as second:
        assert [status(f"{server}/visits/") for server in (first, second)] == [200, 200]
        wait_for(lambda: status(f"{first}/healthz") == 200)
        assert parvis(folder, "plugins", "disable", "neighbourhood_visits", **settings).returncode == 0
        assert [status(f"{server}/visits/") for server in (first, second)] == [404, 404]


def test_a_killed_server_leaves_no_process_behind(tmp_path: Path) -> None:
    folder, port = tmp_path / "town", free()
    assert parvis(folder, "init").returncode == 0
    command = [sys.executable, "-m", "ops.cli", "serve"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, env=environment(folder, port=port), **quiet)
    wait_for(lambda: status(f"http://127.0.0.1:{port}/sign-in") == 200)
    server.kill()
    server.wait()
    wait_for(lambda: not processes_of(folder))
    assert status(f"http://127.0.0.1:{port}/sign-in") == 0


def processes_of(folder: Path) -> list[str]:
    """The processes that act on the town in this folder."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"PARVIS_DATA={folder}".encode() in environ.read_bytes().split(b"\0"):
                found.append(environ.parent.name)
    return found


def test_the_watchdog_ends_a_process_whose_request_hangs(tmp_path: Path) -> None:
    program = (
        "import sys, threading\n"
        "from core import config, registry\n"
        "from ops import server\n"
        "from portal.plugin import plugin as core\n"
        "def slow(environ, start): return threading.Event().wait(environ['wait']) or [b'done']\n"
        "plugins = registry.Registry({}, core)\n"
        "app = server.Watchdog(slow, config.Config(request_seconds=0.4), plugins)\n"
        "print(app({'wait': 0.05}, None), flush=True)\n"
        "app({'wait': 60}, None)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout == "[b'done']\n"
    assert done.returncode == 1


UNFINISHED = (
    b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nbegun"
)


@contextmanager
def unfinished(address: str, count: int) -> Iterator[list[socket.socket]]:
    """So many connections to the server, each with a request that has begun and does not go on."""
    where = urllib.parse.urlsplit(address)
    with ExitStack() as stack:
        senders = [
            stack.enter_context(socket.create_connection((where.hostname, where.port), timeout=60))
            for _ in range(count)
        ]
        for sender in senders:
            sender.sendall(UNFINISHED)
        yield senders


def test_slow_senders_hold_nobody_up_and_endless_ones_are_sent_away(tmp_path: Path) -> None:
    folder = tmp_path / "town"
    assert parvis(folder, "init").returncode == 0
    with serving(folder, free(), workers=1, request_seconds=3) as address:
        with unfinished(address, 40) as senders:
            assert status(f"{address}/legal") == 200
            for sender in senders[1:]:
                sender.sendall(b" end")
            for sender in senders[1:]:
                assert sender.recv(100).startswith(b"HTTP/1.1 400 "), "it lacks its cross-site token"
            senders[0].shutdown(socket.SHUT_WR)
            assert senders[0].recv(1000).startswith(b"HTTP/1.1 408 "), "what is cut short reaches no page"
        with unfinished(address, 40) as senders:
            assert all(sender.recv(100).startswith(b"HTTP/1.1 408 ") for sender in senders)
        assert status(f"{address}/legal") == 200


def free() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_upgrade_that_fails_half_way_is_undone_named_and_goes_on_once_mended(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revisions = Path(shutil.copytree(migrate.SCRIPTS / "versions", tmp_path / "migrations"))
    newest = sorted(revisions.glob("0*.py"))[-1].read_text()
    (known,) = re.findall(r'^revision = "(.+)"$', newest, re.MULTILINE)
    made = f'''from alembic import op
revision, down_revision = "core_later", "{known}"


def upgrade():
    op.execute("CREATE TABLE core_later (id INTEGER)")
    op.execute("INSERT INTO core_later VALUES (1)")
'''
    later = revisions / "9999_later.py"
    later.write_text(made + '    op.execute("UPDATE core_nowhere SET id = 2")\n')
    others = {name: path for name, path in migrate.owners(registry.discover()[1]).items() if name != "core"}
    monkeypatch.setattr(migrate, "owners", lambda _modules: {"core": revisions, **others})

    def upgrade() -> Any:
        return CliRunner().invoke(main, ["upgrade"], env={"PARVIS_DATA": str(folder)})

    def tables() -> set[str]:
        with closing(sqlite3.connect(folder / "town.db")) as connection:
            return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}

    before, refusal = tables(), upgrade()
    assert refusal.exit_code == 1
    (line,) = [line for line in refusal.output.splitlines() if line.startswith("parvis: ")]
    assert "the upgrade of core failed at 9999_later.py:8 and is undone" in line
    assert "core_nowhere" in line
    assert tables() == before
    later.write_text(made)
    assert "Upgraded: core" in upgrade().output
    assert tables() - before == {"core_later"}


def test_an_upgrade_has_everything_indexed_that_a_later_version_may_find(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits() -> list[Any]:
        with closing(sqlite3.connect(folder / "town.db")) as connection:
            return connection.execute("SELECT sort, ident FROM core_search_stale").fetchall()

    assert "found again" in parvis(folder, "reindex").stdout
    assert "up to date" in parvis(folder, "upgrade").stdout
    assert waits() == []
    revisions = Path(shutil.copytree(migrate.SCRIPTS / "versions", tmp_path / "migrations"))
    newest = sorted(revisions.glob("0*.py"))[-1].read_text()
    (known,) = re.findall(r'^revision = "(.+)"$', newest, re.MULTILINE)
    made = f'revision, down_revision = "core_later", "{known}"\n\n\ndef upgrade():\n    pass\n'
    (revisions / "9999_later.py").write_text(made)
    others = {name: path for name, path in migrate.owners(registry.discover()[1]).items() if name != "core"}
    monkeypatch.setattr(migrate, "owners", lambda _modules: {"core": revisions, **others})
    done = CliRunner().invoke(main, ["upgrade"], env={"PARVIS_DATA": str(folder)})
    assert "Upgraded: core" in done.output
    assert waits() == [("user", 1)]


WITHOUT_RIGHTS = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@pytest.mark.parametrize("word", ["serve", "demo", "upgrade", "worker"])
@pytest.mark.parametrize("what", [".", "town.db"])
def test_what_cannot_be_written_is_said_in_one_line(folder: Path, word: str, what: str) -> None:
    (folder / what).chmod(0o500 if what == "." else 0o400)
    command = [*WITHOUT_RIGHTS, sys.executable, "-m", "ops.cli", word]
    try:
        done = subprocess.run(
            command, env=environment(folder), capture_output=True, text=True, check=False, timeout=60
        )
    finally:
        folder.chmod(0o700)
    assert "is read-only here, or another user's" in refused(done)
