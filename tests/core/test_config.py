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


UNFIT = {
    "data": ["", " "],
    "database_url": [
        *(
            "nonsense",
            " ",
            "mysql://h/x",
            "postgresql://[::1/db",
            "postgresql://[zz]/db",
            "postgresql://a b/db",
        ),
        *(
            "postgresql+psycopg://h:abc/db",
            "postgresql://h:/db",
            "postgresql://h:0/db",
            "postgresql://h:-1/db",
        ),
        *("postgresql://h:٣/db", "postgresql://h:65536/db", "postgresql://h:99999999/db"),
    ],
    "url": [
        "nonsense",
        "ftp://x",
        "http://a b",
        "https://[::1",
        "https://[::1]:8443",
        "https://x/town",
        "https://x?y",
        "http://u@x",
        *("http://x:0", "http://x:99999", "http://x:abc", "https://[zz]", "https://"),
    ],
    "host": ["", " ", "é", "-1", "localhost", "1.2.3", "1.2.3.256", "[::1]", "abc", ":1"],
    "port": ["", "eighty", "0", "99999", "9" * 5000, "-1", "²"],
    "workers": ["", "many", "0", "65"],
    "request_seconds": ["", "soon", "0", "9" * 20],
    "trusted_hosts": ["https://x", "a.example b/c", "a@b", "[::1]", "a.example, 2001:db8::1"],
    "proxies": ["", "no", "11"],
    "max_body": ["", "12 MiB", "1", "9" * 20],
    "smtp_host": ["a b", "-1", "smtp://x", "user@x", "x" * 300],
    "smtp_port": ["", "smtp", "65536"],
    "smtp_user": ["é", "a\nb"],
    "smtp_password": ["é", "a\nb"],
    "smtp_tls": ["", "magic"],
    "mail_from": ["nonsense", "a@", "@b", "Town <a@b.example>", "a@b.example\r\nBcc: c@d.example"],
    "mailbox": ["nonsense", "a@", "@b", "a@b@c"],
    "imap_host": ["a b", "imap://x", "x" * 300],
    "imap_port": ["", "imap", "65536"],
    "imap_user": ["é", "a\nb"],
    "imap_password": ["é", "a\nb"],
    "imap_tls": ["", "magic"],
    "security_contact": ["nonsense", "http://x", "mailto:", "mailto:a@b.example\r\nX: y"],
    "log_level": ["", "chatty", "INFO"],
    "demo": ["perhaps"],
    "colour": ["red"],
}


def test_every_setting_is_tried_with_what_it_cannot_be() -> None:
    assert UNFIT.keys() - {"colour"} == {setting.name for setting in fields(Config)}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in UNFIT for value in UNFIT[name]])
def test_what_cannot_be_used_is_named_in_one_short_line(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Config.from_env({variable(name): value})
    (line,) = str(refused.value).splitlines()
    assert line.startswith((f"{variable(name)}: expected ", f"unknown setting {variable(name)}: "))
    assert len(line) < 200


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "url": [
            "",
            "http://127.0.0.1:8000",
            "https://parvis.example/",
            "http://été.fr",
        ],
        "host": ["0.0.0.0", "127.0.0.255", "::1", "::", "2001:DB8::1", "::ffff:1.2.3.4"],
        "database_url": [
            *("", "postgres://u@h/x", "postgresql:///x?host=/run/postgresql"),
            "postgresql+psycopg://u:p%40@[::1]:5433/x?sslmode=require",
            *("postgresql://u:p/a:b@h.example:65535/x", "postgresql://h?x=1", "postgresql://u@/x?host=/run"),
        ],
        "trusted_hosts": ["", "a.example, b.example", ".example.org"],
        "mail_from": ["", "town+all@parvis.example"],
        "smtp_host": ["", "127.0.0.1", "::1", "mail.parvis.example"],
        "smtp_password": ["", "p ~w0rd"],
        "security_contact": ["", "mailto:a@b.example", "https://b.example/security?x=y"],
        "demo": ["", "Yes", "off"],
    }.items(),
)
def test_what_can_be_used_is_taken(name: str, values: list[str]) -> None:
    for value in values:
        Config.from_env({variable(name): value})


def test_a_password_is_in_no_complaint() -> None:
    with pytest.raises(ConfigError) as refused:
        Config.from_env({"PARVIS_DATABASE_URL": "postgresql://town:Canary-9@h:abc/db"})
    assert "Canary-9" not in str(refused.value)


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
