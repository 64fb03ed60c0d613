"""What `deploy/` gives a town: units that systemd takes, and a real nginx in front of a real server."""

from __future__ import annotations

import configparser
import http.client
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from environments import answers

from core.config import Config
from portal.privacy.erase import LEDGER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
GUIDE = (ROOT / "docs/how-to/deploy.md").read_text()
MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/parvis.conf;
}}
"""


def unit(path: Path) -> configparser.ConfigParser:
    """A unit file."""
    found = configparser.ConfigParser(interpolation=None, strict=False)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read_string(path.read_text())
    return found


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for path in UNITS:
        text = path.read_text().replace("/opt/parvis/venv/bin/parvis", shutil.which("true") or "")
        (tmp_path / path.name).write_text(text)
    copies = [tmp_path / path.name for path in UNITS]
    done = subprocess.run(["systemd-analyze", "verify", *copies], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "path", [path for path in UNITS if path.suffix == ".service"], ids=lambda path: path.name
)
def test_a_unit_runs_a_command_that_there_is_and_may_do_little(path: Path) -> None:
    service = unit(path)["Service"]
    program, word = service["ExecStart"].split()[:2]
    assert program == "/opt/parvis/venv/bin/parvis"
    helped = subprocess.run(
        [sys.executable, "-m", "ops.cli", word, "--help"], capture_output=True, check=False, cwd=ROOT
    )
    assert helped.returncode == 0
    assert service["User"] == "parvis"
    assert service["NoNewPrivileges"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert service["ProtectSystem"] == "strict"
    assert service["UMask"] == "0077"


def test_the_settings_of_the_example_are_settings() -> None:
    lines = [line.removeprefix("#") for line in (DEPLOY / "parvis.env").read_text().splitlines()]
    values = dict(line.split("=", 1) for line in lines if line.startswith("PARVIS_"))
    config = Config.from_env(values)
    assert (config.proxies, str(config.data)) == (1, "/var/lib/parvis")
    assert config.database == "postgresql+psycopg:///parvis"


def test_the_guide_names_every_file_that_there_is_and_no_other() -> None:
    named = set(re.findall(r"deploy/([\w./-]+\w)", GUIDE))
    there = {str(path.relative_to(DEPLOY)) for path in DEPLOY.rglob("*") if path.is_file()}
    assert named - {"systemd", "nginx"} == there


def test_the_commands_of_the_guide_read_any_password(tmp_path: Path) -> None:
    [block] = re.findall(r"^# (parvis\(\).+?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    settings = tmp_path / "parvis.env"
    settings.write_text('# PARVIS_NONE=1\nPARVIS_SMTP_PASSWORD=it\'s "two" $words #1\n#PARVIS_PORT=1\n')
    runuser = tmp_path / "runuser"
    runuser.write_text('#!/bin/sh\nenv | grep ^PARVIS_\nprintf "%s\\n" "$@"\n')
    runuser.chmod(0o755)
    script = f"{block.replace('/etc/parvis/parvis.env', str(settings))}\nparvis backup '/a folder'\n"
    script += 'echo "${PARVIS_SMTP_PASSWORD-left}"'
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    said = ["-u", "parvis", "--", "/opt/parvis/venv/bin/parvis", "backup", "/a folder"]
    assert done.stdout.splitlines() == ['PARVIS_SMTP_PASSWORD=it\'s "two" $words #1', *said, "left"]


def test_a_restore_by_the_guide_erases_again_whom_the_town_had_erased(tmp_path: Path) -> None:
    data, backups = tmp_path / "data", tmp_path / "backups"
    data.mkdir()
    backups.mkdir()
    (data / LEDGER).write_text("{}\n")
    (backups / "parvis-old.zip").touch()
    os.utime(backups / "parvis-old.zip", (0, 0))
    text = (DEPLOY / "systemd/parvis-backup.service").read_text()
    text = text.replace("/var/lib/parvis", str(data)).replace("/var/backups/parvis", str(backups))
    for command in re.findall(r"^ExecStartPost=-?(.+)$", text, re.MULTILINE):
        subprocess.run(shlex.split(command), check=True)
    assert [path.name for path in backups.iterdir()] == [LEDGER]
    restores = [line for line in GUIDE.splitlines() if line.startswith("#") and "parvis restore" in line]
    assert len(restores) == 2
    assert all(f"--erasures /var/backups/parvis/{LEDGER}" in line for line in restores)


def test_streams_may_have_a_service_of_their_own() -> None:
    [command] = re.findall(r"^# sed -i '(/upstream.+)' /etc/nginx", GUIDE, re.MULTILINE)
    conf = DEPLOY / "nginx/parvis.conf"
    told = subprocess.run(["sed", command, conf], capture_output=True, text=True, check=True).stdout
    upstreams = dict(re.findall(r"upstream (\w+) \{\s+server 127\.0\.0\.1:(\d+);", told))
    port = unit(DEPLOY / "systemd/parvis-live.service")["Service"]["Environment"].partition("=")[2]
    assert upstreams == {"parvis": "8000", "parvis_live": port}
    assert re.search(r"location = /live \{\s+proxy_pass http://parvis_live;", told)


class Front:
    """A town behind nginx: asks as a browser would."""

    def __init__(self, plain: int, secure: int, certificate: Path) -> None:
        self.plain, self.secure = plain, secure
        self.trust = ssl.create_default_context(cafile=certificate)

    def ask(
        self, path: str, method: str = "GET", body: bytes = b"", **headers: str
    ) -> http.client.HTTPResponse:
        """The answer that nginx gives over TLS, read."""
        connection = http.client.HTTPSConnection("localhost", self.secure, timeout=30, context=self.trust)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body or None, {"Host": "localhost", **named})
            answer = connection.getresponse()
            answer.text = answer.read().decode()  # type: ignore[attr-defined]
        finally:
            connection.close()
        return answer


@pytest.fixture
def served(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The port and the process of a new town, told to believe one proxy."""
    port = free_port()
    settings = {name: value for name, value in os.environ.items() if not name.startswith("PARVIS_")}
    settings |= {"PARVIS_DATA": str(tmp_path / "town"), "PARVIS_PORT": str(port), "PARVIS_WORKERS": "1"}
    settings |= {"PARVIS_URL": "https://localhost", "PARVIS_PROXIES": "1"}
    command = [sys.executable, "-m", "ops.cli"]
    made = subprocess.run([*command, "init"], env=settings, check=True, capture_output=True, text=True)
    (tmp_path / "init.txt").write_text(made.stdout)
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen([*command, "serve"], env=settings, stdout=log, stderr=log)
    while not answers(f"http://127.0.0.1:{port}"):
        assert server.poll() is None, (tmp_path / "server.log").read_text()
        time.sleep(0.1)
    yield port, server
    server.terminate()
    server.wait(30)


@pytest.fixture
def front(
    tmp_path: Path, served: tuple[int, subprocess.Popen[bytes]], free_port: Callable[[], int]
) -> Iterator[Front]:
    """The town behind the nginx of `deploy/`, on other ports and with a certificate of the test's own."""
    plain, secure = free_port(), free_port()
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    subprocess.run([*request, *names], check=True, capture_output=True)
    text = (DEPLOY / "nginx/parvis.conf").read_text()
    for given, wanted in {
        "server 127.0.0.1:8000": f"server 127.0.0.1:{served[0]}",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "    listen [::]:80;\n": "",
        "listen 443 ssl": f"listen 127.0.0.1:{secure} ssl",
        "    listen [::]:443 ssl http2;\n": "",
        "/var/cache/nginx/parvis": f"{tmp_path}/cache",
        "/etc/letsencrypt/live/parvis.example/fullchain.pem": str(certificate),
        "/etc/letsencrypt/live/parvis.example/privkey.pem": str(key),
        "parvis.example": "localhost",
    }.items():
        assert given in text, given
        text = text.replace(given, wanted)
    (tmp_path / "parvis.conf").write_text(text)
    user = "user root;" if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(user + MAIN.format(folder=tmp_path))
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    command = [nginx, "-c", tmp_path / "nginx.conf", "-p", tmp_path, "-e", tmp_path / "error.log"]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert "test is successful" in checked.stderr, checked.stderr
    assert "warn" not in checked.stderr, checked.stderr
    process = subprocess.Popen(command)
    while not listens(plain):
        assert process.poll() is None, (tmp_path / "error.log").read_text()
        time.sleep(0.05)
    yield Front(plain, secure, certificate)
    process.terminate()
    process.wait(30)


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_first_administrator_gets_in_by_the_link(
    front: Front, new_page: Callable[..., Page], tmp_path: Path
) -> None:
    [link] = re.findall(r"https://localhost(/confirm/\S+)", (tmp_path / "init.txt").read_text())
    here = f"https://localhost:{front.secure}"
    page = new_page(locale="en-GB", ignore_https_errors=True)
    page.goto(f"{here}{link}")
    page.fill("[name=name]", "Camille Essai")
    page.fill("[name=password]", "quiet-lantern-harbour-nine")
    with page.expect_navigation():
        page.click("main button[type=submit]")
    page.goto(f"{here}/me")
    assert page.url == f"{here}/second-factor", "signed in, and owes what administrators owe"


def guess(front: Front, number: int) -> int:
    """What somebody is answered who guesses a password, and invents an address for each try."""
    page = front.ask("/sign-in")
    cookie = (page.getheader("Set-Cookie") or "").partition(";")[0]
    [token] = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)[:1]  # type: ignore[attr-defined]
    body = f"csrf_token={token}&email=ana@example.org&password=wrong-{number}".encode()
    headers = {"Content_Type": "application/x-www-form-urlencoded", "Referer": "https://localhost/sign-in"}
    forged = f"203.0.113.{number}"
    return front.ask("/sign-in", "POST", body, Cookie=cookie, X_Forwarded_For=forged, **headers).status


def test_a_town_behind_nginx(front: Front, served: tuple[int, subprocess.Popen[bytes]]) -> None:
    plain = http.client.HTTPConnection("127.0.0.1", front.plain, timeout=30)
    plain.request("GET", "/spaces?x=1", headers={"Host": "localhost"})
    moved = plain.getresponse()
    assert (moved.status, moved.getheader("Location")) == (301, "https://localhost/spaces?x=1")
    plain.close()

    page = front.ask("/sign-in")
    assert page.status == 200
    assert "max-age" in (page.getheader("Strict-Transport-Security") or "")
    assert "Secure" in (page.getheader("Set-Cookie") or "")
    assert front.ask("/", Host="elsewhere.example").status in (400, 421)

    found = [guess(front, number) for number in range(7)]
    assert 429 not in found[:6]
    assert found[6] == 429, "an address that a visitor invents is not believed"

    large = front.ask("/sign-in", "POST", b"x" * (13 * 1024 * 1024))
    assert (large.status, large.getheader("Server")) == (413, "nginx")

    [style] = re.findall(r"/static/parvis\.css\?v=\w+", page.text)[:1]  # type: ignore[attr-defined]
    kept = front.ask(style)
    assert "immutable" in (kept.getheader("Cache-Control") or "")
    served[1].terminate()
    served[1].wait(30)
    assert front.ask(style).text == kept.text, "files are kept by nginx"  # type: ignore[attr-defined]
    assert front.ask("/sign-in").status == 502
