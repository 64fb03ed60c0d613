"""Deployment settings: one environment variable `PARVIS_…` each. The town's own are in `settings.py`."""

import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

KEY = re.compile(rb"[0-9a-f]{64}")


class ConfigError(Exception):
    """A deployment setting that can't be used; the message says which and why, in one line."""


def _boolean(text: str) -> bool:
    if text.lower() in {"1", "yes", "true", "on"}:
        return True
    if text.lower() in {"", "0", "no", "false", "off"}:
        return False
    raise ValueError("expected yes or no")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected {' or '.join(choices)}")
        return text

    return parse


def _whole(least: int, most: int = 2**31) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdigit() or not least <= int(text) <= most:
            raise ValueError(f"expected a whole number from {least} to {most}")
        return int(text)

    return parse


def _setting(default: Any, parse: Callable[[str], Any], doc: str) -> Any:
    return field(default=default, metadata={"parse": parse, "doc": doc})


@dataclass(frozen=True)
class Config:
    """All deployment settings; each field is the environment variable `PARVIS_` + its name in capitals."""

    data: Path = _setting(Path("parvis-data"), Path, "Folder of the town: database, files, key.")
    database_url: str = _setting("", str, "PostgreSQL address; empty means SQLite in the data folder.")
    url: str = _setting("", str, "Public address of the portal, used in e-mails and feeds.")
    host: str = _setting("127.0.0.1", str, "Address the server listens on.")
    port: int = _setting(8000, _whole(1, 65535), "Port the server listens on.")
    workers: int = _setting(2, _whole(1, 64), "Web server processes.")
    request_seconds: int = _setting(
        30, _whole(1), "Seconds after which a hanging request's process is replaced."
    )
    trusted_hosts: tuple[str, ...] = _setting((), _words, "Host names accepted besides that of PARVIS_URL.")
    proxies: int = _setting(0, _whole(0, 10), "How many reverse proxies stand in front of the server.")
    max_body: int = _setting(12 * 1024 * 1024, _whole(1024), "Largest accepted request body, in bytes.")
    smtp_host: str = _setting("", str, "Mail server; empty means that mail waits in the outbox.")
    smtp_port: int = _setting(587, _whole(1, 65535), "Port of the mail server.")
    smtp_user: str = _setting("", str, "User name at the mail server.")
    smtp_password: str = _setting("", str, "Password at the mail server.")
    smtp_tls: str = _setting(
        "starttls",
        _one_of("starttls", "tls", "none"),
        "How mail is protected on its way: starttls, tls or none.",
    )
    mail_from: str = _setting("", str, "Sender of all e-mail; empty means parvis@ the host of PARVIS_URL.")
    mailbox: str = _setting("", str, "Address of the mailbox that replies go to; its host must know +tags.")
    imap_host: str = _setting("", str, "IMAP server of that mailbox; empty means that no mail is taken in.")
    imap_port: int = _setting(993, _whole(1, 65535), "Port of the IMAP server.")
    imap_user: str = _setting("", str, "User name at the IMAP server.")
    imap_password: str = _setting("", str, "Password at the IMAP server.")
    imap_tls: str = _setting(
        "tls",
        _one_of("starttls", "tls", "none"),
        "How mail is protected on its way in: starttls, tls or none.",
    )
    security_contact: str = _setting(
        "", str, "Where weaknesses are reported: mailto:… or https://…; in /.well-known/security.txt."
    )
    log_level: str = _setting(
        "info", _one_of("debug", "info", "warning", "error"), "Least important log line written."
    )
    demo: bool = _setting(False, _boolean, "Demonstration mode; set by `parvis demo`, never in a real town.")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **overrides: Any) -> "Config":
        """Read the settings; an unknown `PARVIS_` variable or an unusable value raises ConfigError."""
        values: dict[str, Any] = {}
        for setting in fields(cls):
            text = environ.get(variable(setting.name))
            if text is None:
                continue
            try:
                values[setting.name] = setting.metadata["parse"](text)
            except ValueError as error:
                raise ConfigError(f"{variable(setting.name)}={text!r}: {error}") from error
        known = {variable(setting.name) for setting in fields(cls)}
        unknown = sorted(name for name in environ if name.startswith("PARVIS_") and name not in known)
        if unknown:
            raise ConfigError(f"unknown setting {unknown[0]}: see docs/reference/settings.md")
        return cls(**{**values, **overrides})

    @property
    def database(self) -> str:
        """SQLAlchemy's address of the town's database."""
        if not self.database_url:
            return f"sqlite:///{self.data.absolute() / 'town.db'}"
        scheme, _, rest = self.database_url.partition("://")
        if scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
            raise ConfigError(f"PARVIS_DATABASE_URL: {scheme!r} is not postgresql")
        return f"postgresql+psycopg://{rest}"

    @property
    def base_url(self) -> str:
        """The portal's public address without a final slash."""
        host = "localhost" if ":" in self.host else self.host  # Werkzeug trusts no bare IPv6 address
        return (self.url or f"http://{host}:{self.port}").rstrip("/")

    def secret_key(self) -> str:
        """The key that signs cookies and links, made at first use and kept in the data folder."""
        path = self.data / "secret-key"
        if not path.exists():
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.data) as file:
                file.write(secrets.token_hex(32))
                file.flush()
                with suppress(FileExistsError):  # another process was first: its key is the town's
                    os.link(file.name, path)
        if not KEY.fullmatch(key := path.read_bytes()):
            raise ConfigError(f"{path} holds no key of 64 hex digits: put the one of a backup back")
        return key.decode()


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return "PARVIS_" + name.upper()
