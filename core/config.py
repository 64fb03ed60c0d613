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

from sqlalchemy.engine import make_url

KEY = re.compile(rb"[0-9a-f]{64}")


class ConfigError(Exception):
    """A deployment setting that can't be used; the message says which and why, in one line."""


def _like(pattern: str, expected: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}")
        return text

    return parse


_byte = r"(?a:25[0-5]|2[0-4]\d|1?\d?\d)"
_after = r"(:(?a:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?"  # a host, its port
_yes, _no = "1|yes|true|on", "0|no|false|off|"
_choice = _like(f"(?i:{_yes}|{_no})", "yes or no")
_level = _like("debug|info|warning|error", "debug, info, warning or error")
_tls = _like("starttls|tls|none", "starttls, tls or none")
_host = _like(r"\.?\w[\w.-]*", "host names, no IPv6 addresses")  # Werkzeug compares none with a request's
_ip = _like(rf"({_byte}\.){{3}}{_byte}|([\da-fA-F]*:){{2}}[\da-fA-F:.]*", "an IPv4 or IPv6 address")
_url = _like(rf"(https?://\w[\w.-]*{_after}/?)?", "https:// and a host name alone, no IPv6 address")
_full = _like(r".*\S.*", "the path of a folder")
_server = _like(r"([\w:][\w.:-]{0,252})?", "the name of a server")
_plain = _like("[ -~]*", "letters without accents, digits and signs, as mail servers want them")
_where = rf"([^:/]*(:[^@]*)?@)?(\[[\da-fA-F:.]+\]|[^][\s/:?@]*){_after}"
_address = _like(rf"(postgres(ql(\+psycopg)?)?://{_where}([/?].*)?)?", "postgresql://user@host:5432/town")
_contact = _like(r"((mailto:|https://)\S+)?", "mailto:… or https://…")
_mailbox = _like(r"([^\s@<>,;]+@\w[\w.-]*)?", "an e-mail address")


def _hosts(text: str) -> tuple[str, ...]:
    return tuple(map(_host, text.replace(",", " ").split()))


def _boolean(text: str) -> bool:
    return _choice(text).lower() in _yes.split("|")


def _postgresql(text: str) -> str:
    """SQLAlchemy's address of a database that is not in the data folder; empty for none."""
    rest = _address(text).partition(":")[2]
    return text and make_url(f"postgresql+psycopg:{rest}").render_as_string(hide_password=False)


def _whole(least: int, most: int = 2**31) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,10}", text) or not least <= int(text) <= most:
            raise ValueError(f"expected a whole number from {least} to {most}")
        return int(text)

    return parse


_port = _whole(1, 65535)


def _setting(default: Any, parse: Callable[[str], Any], doc: str) -> Any:
    return field(default=default, metadata={"parse": parse, "doc": doc})


@dataclass(frozen=True)
class Config:
    """All deployment settings; each field is the environment variable `PARVIS_` + its name in capitals."""

    data: Path = _setting(Path("parvis-data"), lambda text: Path(_full(text)), "Folder of the town.")
    database_url: str = _setting("", _postgresql, "PostgreSQL address; empty means SQLite in the folder.")
    url: str = _setting("", _url, "Public address of the portal, used in e-mails and feeds.")
    host: str = _setting("127.0.0.1", _ip, "Address the server listens on.")
    port: int = _setting(8000, _port, "Port the server listens on.")
    workers: int = _setting(2, _whole(1, 64), "Web server processes.")
    request_seconds: int = _setting(30, _whole(1), "Seconds until a hanging request's process is replaced.")
    trusted_hosts: tuple[str, ...] = _setting((), _hosts, "Host names accepted besides that of PARVIS_URL.")
    proxies: int = _setting(0, _whole(0, 10), "How many reverse proxies stand in front of the server.")
    max_body: int = _setting(12 * 1024 * 1024, _whole(1024), "Largest accepted request body, in bytes.")
    smtp_host: str = _setting("", _server, "Mail server; empty means that mail waits in the outbox.")
    smtp_port: int = _setting(587, _port, "Port of the mail server.")
    smtp_user: str = _setting("", _plain, "User name at the mail server.")
    smtp_password: str = _setting("", _plain, "Password at the mail server.")
    smtp_tls: str = _setting("starttls", _tls, "How mail is protected on its way: starttls, tls or none.")
    mail_from: str = _setting("", _mailbox, "Sender of all e-mail; empty: parvis@ the host of PARVIS_URL.")
    mailbox: str = _setting("", _mailbox, "Mailbox that replies go to; its host must know +tags.")
    imap_host: str = _setting("", _server, "IMAP server of that mailbox; empty: no mail is taken in.")
    imap_port: int = _setting(993, _port, "Port of the IMAP server.")
    imap_user: str = _setting("", _plain, "User name at the IMAP server.")
    imap_password: str = _setting("", _plain, "Password at the IMAP server.")
    imap_tls: str = _setting("tls", _tls, "How mail is protected on its way in: starttls, tls or none.")
    security_contact: str = _setting("", _contact, "Where weaknesses are reported: mailto:… or https://…")
    log_level: str = _setting("info", _level, "Least important log line written.")
    demo: bool = _setting(False, _boolean, "Demonstration mode; set by `parvis demo`, never in a real town.")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Config":
        """Read the settings; an unknown `PARVIS_` variable or an unusable value raises ConfigError."""
        values: dict[str, Any] = {}
        for setting in fields(cls):
            text = environ.get(variable(setting.name))
            if text is None:
                continue
            try:
                values[setting.name] = setting.metadata["parse"](text)
            except ValueError as error:
                raise ConfigError(f"{variable(setting.name)}: {error}") from error
        known = {variable(setting.name) for setting in fields(cls)}
        unknown = sorted(name for name in environ if name.startswith("PARVIS_") and name not in known)
        if unknown:
            raise ConfigError(f"unknown setting {unknown[0]}: see docs/reference/settings.md")
        return cls(**values)

    @property
    def database(self) -> str:
        """SQLAlchemy's address of the town's database."""
        return _postgresql(self.database_url) or f"sqlite:///{self.data.absolute() / 'town.db'}"

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
