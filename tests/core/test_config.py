"""Deployment settings: each is documented, and what can't be used is said in one line."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from werkzeug.sansio.utils import host_is_trusted

from core.config import Config, ConfigError, variable
from core.security import trusted_hosts

PAGE = Path(__file__).parents[2] / "docs/reference/settings.md"


def test_the_page_of_settings_lists_them_all_and_no_others() -> None:
    listed = re.findall(r"^\| `(PARVIS_\w+)` \|", PAGE.read_text(), re.M)
    assert listed == [variable(setting.name) for setting in fields(Config)]


def test_the_page_of_settings_has_the_defaults_of_the_code() -> None:
    listed = dict(re.findall(r"^\| `(PARVIS_\w+)` \| `([^`]+)` \|", PAGE.read_text(), re.M))
    for setting in fields(Config):
        if shown := listed.get(variable(setting.name)):
            assert shown in ("no" if setting.default is False else str(setting.default), "parvis@")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARVIS_PORT", "eighty"),
        ("PARVIS_PORT", "99999"),
        ("PARVIS_WORKERS", "0"),
        ("PARVIS_DEMO", "perhaps"),
        ("PARVIS_LOG_LEVEL", "chatty"),
        ("PARVIS_SMTP_TLS", "magic"),
        ("PARVIS_COLOUR", "red"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Config.from_env({name: value})


def test_settings_are_read_from_the_environment() -> None:
    environment = {"PARVIS_TRUSTED_HOSTS": "a.example, b.example", "PARVIS_PORT": "81", "HOME": "/"}
    config = Config.from_env(environment)
    assert (config.trusted_hosts, config.port) == (("a.example", "b.example"), 81)
    assert config.base_url == "http://127.0.0.1:81"


def test_a_server_at_an_ipv6_address_has_a_public_address_that_it_answers() -> None:
    config = Config(host="::1", port=81)
    assert config.base_url == "http://localhost:81"
    assert host_is_trusted("localhost:81", trusted_hosts(config))
    assert Config(host="::1", url="https://parvis.example/").base_url == "https://parvis.example"


def test_the_secret_key_is_made_once_for_the_server_alone(tmp_path: Path) -> None:
    config = Config(data=tmp_path / "town")
    key = config.secret_key()
    assert len(key) == 64
    assert config.secret_key() == key
    assert (tmp_path / "town/secret-key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "town").stat().st_mode & 0o777 == 0o700
