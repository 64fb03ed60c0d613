"""Throw-away Python environments that see all that this one has, into which tests install plugins."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMANDS = {
    "parvis": "from ops.cli import main; main()",
    "pytest": "import sys, pytest; sys.exit(pytest.main())",
    "pybabel": "from babel.messages.frontend import main; main()",
    "pip": "import sys; from pip._internal.cli.main import main; sys.exit(main())",
}


class Environment:
    """An environment of its own, with parvis, pytest, pybabel and pip, and one town in a folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.bin, self.port = folder, folder / "venv/bin", port
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        [site] = (folder / "venv/lib").glob("python*/site-packages")
        here = sysconfig.get_path("purelib")
        (site / "outer.pth").write_text(f"import site; site.addsitedir({here!r})\n")
        for name, code in COMMANDS.items():
            program = self.bin / name
            program.write_text(f"#!{self.bin / 'python'}\n{code}\n")
            program.chmod(0o755)
        self.variables = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PARVIS_DATA": str(folder / "town"),
            "PARVIS_PORT": str(port),
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, *command: object, fails: bool = False) -> str:
        """Run a command to its end and return what it printed; fail with that unless it ends as it should."""
        words = [str(word) for word in command]
        done = subprocess.run(
            words, cwd=self.folder, env=self.variables, capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) == fails, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve the town with a process of its own; gives its address."""
        with (self.folder / "log").open("ab") as log:
            server = subprocess.Popen(
                [self.bin / "parvis", "serve"], cwd=self.folder, env=self.variables, stdout=log, stderr=log
            )
        address = f"http://127.0.0.1:{self.port}"
        try:
            while not answers(address):
                assert server.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.1)
            yield address
        finally:
            server.terminate()
            server.wait()


def answers(address: str) -> bool:
    """Say whether a server answers at the address, whatever it says."""
    try:
        urllib.request.urlopen(f"{address}/healthz").close()
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, ConnectionError):
        return False
    return True
