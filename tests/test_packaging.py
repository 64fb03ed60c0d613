"""A town can install Parvis from a folder of wheels, without network and without this repository."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
WHEELS = ROOT / ".venv/wheels"


def run(*command: object, **options: object) -> str:
    """Run a command to its end and return what it printed; fail with all of it when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built from the source distribution as a packager without network would."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", folder, cwd=ROOT)
    [source] = folder.glob("parvis-*.tar.gz")
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder]
    run(sys.executable, "-m", "pip", "wheel", *options, source, cwd=folder)
    [built] = folder.glob("parvis-*.whl")
    return built


@pytest.fixture(scope="session")
def parvis(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `parvis` command of another, otherwise empty environment."""
    environment = tmp_path_factory.mktemp("elsewhere") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin/python", "--disable-pip-version-check"]
    run(*pip, "install", "--no-index", "--no-compile", "--find-links", WHEELS, wheel)
    return environment / "bin/parvis"


@pytest.fixture
def served_town(parvis: Path, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[str]:
    """Return the address of an empty town, served by the installed command."""
    port = free_port()
    settings = {"PARVIS_DATA": str(tmp_path / "town"), "PARVIS_PORT": str(port), "PATH": os.environ["PATH"]}
    assert "http://" in run(parvis, "init", cwd=tmp_path, env=settings)
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([parvis, "serve"], cwd=tmp_path, env=settings, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        while not answers(address):
            assert server.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


def answers(address: str) -> bool:
    """Say whether the server at the address answers yet."""
    try:
        return bool(fetch(f"{address}/healthz"))
    except urllib.error.URLError:
        return False


def fetch(url: str, **headers: str) -> str:
    """Return the text at a URL."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
        return str(response.read().decode())


def test_the_wheel_carries_all_that_the_repository_has_and_the_build_makes(wheel: Path) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    kept = set(run("git", "ls-files", "core", "plugins", "demo", cwd=ROOT).splitlines())
    assert kept <= carried
    assert "core/static/vendor/htmx.min.js" in carried
    assert {name.replace(".po", ".mo") for name in kept if name.endswith(".po")} <= carried


def test_an_empty_environment_installs_the_wheel_without_network_and_serves_a_town(served_town: str) -> None:
    page = fetch(f"{served_town}/", **{"Accept-Language": "fr"})
    assert '<html lang="fr"' in page
    assert "Se connecter" in page
    assert "htmx" in fetch(f"{served_town}/static/vendor/htmx.min.js")
