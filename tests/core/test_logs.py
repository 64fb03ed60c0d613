"""Log lines are JSON, and hold nothing that says who asked or what was written."""

import json
import logging

import pytest
from flask import Flask

from core import logs
from core.config import Config
from core.testing import Town


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the engine."""
    return sqlite_url


def lines(text: str) -> list[dict[str, object]]:
    """The log lines among what was written to stderr."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_request_is_one_line_with_the_rule_and_not_the_address(
    town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = town.browser("canary")
    capsys.readouterr()
    answer = browser.get("/people/canary?q=canary&token=canary", headers={"User-Agent": "canary"})
    (line,) = [line for line in lines(capsys.readouterr().err) if line["event"] == "request"]
    assert line["route"] == "/people/<handle>"
    assert (line["method"], line["status"]) == ("GET", answer.status_code)
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert float(str(line["ms"])) > 0
    assert "canary" not in json.dumps(line)
    assert "127.0.0.1" not in json.dumps(line)


def test_signing_in_leaves_no_address_or_password_in_the_log(
    town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    town.browser("canary")
    town.browser().submit("/sign-in", email="canary@example.org", password="canary-canary-canary")
    town.browser().get("/confirm/canary")
    town.browser().get("/canary/canary")
    assert "canary" not in capsys.readouterr().err


def test_an_error_is_logged_with_its_place_and_without_its_words(
    app: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "canary"
    try:
        raise ValueError(f"wrote {secret}")
    except ValueError:
        logging.getLogger("parvis.test").exception("it failed")
    (line,) = lines(capsys.readouterr().err)
    assert (line["event"], line["level"], line["error"]) == ("it failed", "error", "ValueError")
    assert "test_logs.py" in str(line["trace"])
    assert "canary" not in json.dumps(line)


def test_each_request_has_its_own_number(town: Town) -> None:
    browser = town.browser()
    numbers = {browser.get("/nothing").headers["X-Request-ID"] for _ in range(3)}
    assert len(numbers) == 3


def test_the_least_important_level_is_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        logs.configure(Config(log_level="error"))
        logging.getLogger("parvis.test").warning("quiet")
        logging.getLogger("parvis.test").error("loud")
    finally:
        logs.configure(Config())
    assert [line["event"] for line in lines(capsys.readouterr().err)] == ["loud"]
