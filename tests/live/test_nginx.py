"""Behind the real nginx: pages from `parvis web`, streams from `parvis live`, on one address."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from .conftest import cookie

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Server, Streams

pytestmark = pytest.mark.slow

CONFIGURATION = """
{user}
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
    location / {{ proxy_pass http://127.0.0.1:{pages}; }}
    location = /live {{
      proxy_pass http://127.0.0.1:{streams};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout 60s;
    }}
  }}
}}
"""


@pytest.fixture
def nginx(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Callable[[Server, Server], int]]:
    """Return `nginx(pages, streams)`: the port of an nginx in front of both."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not os.access(program, os.X_OK):
        pytest.fail("no nginx: run tools/test-services")
    running: list[subprocess.Popen[bytes]] = []

    def start(pages: Server, streams: Server) -> int:
        folder, port = tmp_path / "nginx", free_port()
        folder.mkdir()
        user = "user root;" if os.geteuid() == 0 else ""
        ports = {"port": port, "pages": pages.port, "streams": streams.port}
        (folder / "conf").write_text(CONFIGURATION.format(folder=folder, user=user, **ports))
        command = [program, "-p", folder, "-c", folder / "conf", "-e", folder / "error.log"]
        running.append(subprocess.Popen(command))
        end = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except OSError:
                assert running[0].poll() is None, (folder / "error.log").read_text()
                assert time.monotonic() < end, "nginx never answered"
                time.sleep(0.05)
            else:
                return port

    yield start
    for process in running:
        process.terminate()
        process.wait()


def test_pages_and_streams_share_an_address(streams: Streams, nginx: Callable[[Server, Server], int]) -> None:
    town = streams.town
    hall = town.space("Hall", "ann", "portal")
    pages, alone = streams.serve("pages", proxies=1), streams.serve("streams", proxies=1)
    port = nginx(pages, alone)
    bob = cookie(town.browser("bob"))
    assert 'data-live="/live?' in pages.get(f"/spaces/{hall}", bob, port)
    stream = streams.listen(alone, "after=0&space=all", bob, port)
    visitor = streams.listen(alone, "after=0&space=all", port=port)
    first = streams.say(hall, "ann")
    assert stream.next() == f"core.post:published {first}"
    second = streams.say(hall, "ann")
    assert stream.next() == f"core.post:published {second}", "told at once, not when a buffer is full"
    square = streams.say(town.space("Square", "ann"), "ann")
    assert visitor.next() == f"core.post:published {square}", "a visitor hears what is public alone"
