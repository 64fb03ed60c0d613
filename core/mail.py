"""The outbox: mail is a row first, and leaves by SMTP when the worker gets to it.

A row is leased before it is sent and carries the same Message-ID at each try. Where the answer to a message
never reaches us (ten minutes of silence, a connection cut, a worker killed meanwhile), nobody can know if it
was taken: it leaves again, later and recognisably. A link that never comes would be worse than one twice.
"""

import datetime as dt
import logging
import re
import smtplib
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from email.message import EmailMessage
from itertools import takewhile
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import current_app
from flask_babel import force_locale
from markupsafe import Markup, escape

from . import access, jobs, settings
from .config import Config
from .db import db, now, write
from .models import Mail
from .text import one_line

DELIVER = "core.deliver"
BATCH = 50
TURN = dt.timedelta(minutes=1)  # after which no message is begun: other jobs wait meanwhile
TIMEOUT, ANSWER = 20, 600  # seconds to wait for a mail server, and for one that has the message
SECONDS = 1200  # that the job may take: a turn, and its last message at the slowest
LEASE = dt.timedelta(seconds=SECONDS) + jobs.LEASE_MARGIN
REST = dt.timedelta(minutes=1)  # for a mail server that is not well
TRIES = 9  # the last one some ten hours after the first

log = logging.getLogger("parvis.mail")


class Letter(NamedTuple):
    """What a message says."""

    subject: str
    text: str
    html: str


class Unsendable(Exception):
    """This message can't leave by this mail server, whatever its state."""


Written = tuple[Letter, Mapping[str, str]]  # with further headers
writers: dict[str, Callable[[Mail], Written | None]] = {}  # of mail whose words are chosen when it leaves


def compose(template: str, language: str | None, link: str = "", **values: Any) -> Letter:
    """The letter of `<template>.txt` in this language (else the town's); its first line is the subject.

    `link` is an address of the portal. All other values are words, in which no address can be followed.
    """
    town = settings.town()
    config: Config = current_app.config["PARVIS"]
    if link and not _own(link, config):
        raise ValueError("a letter leads to the portal's own pages alone")
    values = {name: defused(value) if isinstance(value, str) else value for name, value in values.items()}
    with force_locale(language or town.language):
        environment = current_app.jinja_env
        values |= {"town": town, "url": config.base_url, "link": link}
        written = environment.get_template(f"{template}.txt").render(values).strip()
        subject, _, text = written.partition("\n")
        text = f"{text.strip()}\n"
        values |= {"lang": language or town.language, "subject": subject}
        paragraphs = [_linked(part, config) for part in text.split("\n\n")]
        dressed = environment.select_template([f"{template}.html", "core/mail/letter.html"])
        html = dressed.render(values, paragraphs=paragraphs)
    return Letter(one_line(subject), text, html)


def send(kind: str, recipient: str, subject: str, text: str, html: str | None = None) -> None:
    """Put a message into the outbox, inside a write; it leaves after that."""
    if not recipient or any(character in part for part in (recipient, subject) for character in "\r\n"):
        raise ValueError("a recipient or subject of more than one line")
    db.session.add(Mail(kind=kind, recipient=recipient, subject=subject[:200], text=text, html=html))
    jobs.enqueue(DELIVER, once=DELIVER)


def sender(config: Config) -> str:
    """The address that all mail comes from."""
    return config.mail_from or f"parvis@{urlsplit(config.base_url).hostname or 'localhost'}"


def mask(recipient: str) -> str:
    """An address that its owner recognises and nobody else can use."""
    local, _, domain = recipient.partition("@")
    return f"{local[:1]}…@{domain[:1]}…{domain[domain.rfind('.') :]}"


def deliver() -> None:
    """Send what is due; without a mail server everything waits."""
    config: Config = current_app.config["PARVIS"]
    if not config.smtp_host:
        return
    with access.as_system("deliver mail"):
        waiting = sa.select(Mail.id).where(Mail.status == "waiting", Mail.next_at <= now())
        due = db.session.scalars(waiting.order_by(Mail.next_at, Mail.id).limit(BATCH)).all()
        pause = dt.timedelta() if _deliver(config, due) else REST
        with write():
            later = db.session.scalar(sa.select(sa.func.min(Mail.next_at)).where(Mail.status == "waiting"))
            if later is not None:
                jobs.enqueue(DELIVER, delay=max(later - now(), pause), once=DELIVER)


def _deliver(config: Config, due: Sequence[int]) -> bool:
    """Send these messages by one connection; says whether the mail server was well until the end."""
    with ExitStack() as connection:
        server: smtplib.SMTP | None = None
        end = now() + TURN
        for mail in filter(None, map(_lease, takewhile(lambda _: now() < end, due))):
            try:
                if server is None:
                    server = _connect(config)
                    connection.callback(server.close)
                if (words := written(mail)) is None:
                    with write() as session:
                        session.execute(sa.delete(Mail).where(Mail.id == mail.id))
                else:
                    _hand_over(server, mail, config, words)
            except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
                _failed(mail, error)
            except Unsendable as error:
                _failed(mail, error, for_good=True)
            except (smtplib.SMTPException, OSError) as error:
                _failed(mail, error)
                return False
            else:
                _change(mail, status="sent", sent_at=now(), text=None, html=None, error="")
    return True


def _hand_over(server: smtplib.SMTP, mail: Mail, config: Config, words: Written) -> None:
    try:
        server.send_message(message(mail, config, *words))
    except (ValueError, smtplib.SMTPNotSupportedError) as error:  # an address that this server can't write
        raise Unsendable(type(error).__name__) from error


def written(mail: Mail) -> Written | None:
    """What an outbox row says when it leaves now; None when nothing is left to say."""
    if mail.kind in writers:
        return writers[mail.kind](mail)
    return Letter(mail.subject, mail.text or "", mail.html or ""), {}


def message(mail: Mail, config: Config, letter: Letter, headers: Mapping[str, str]) -> EmailMessage:
    """The message of an outbox row as it travels; its Message-ID is the row's own."""
    from email.headerregistry import Address  # a grammar of mail, for the worker alone
    from email.policy import default

    host = urlsplit(config.base_url).hostname or "localhost"
    made = EmailMessage(default.clone(refold_source="none"))  # folded, a long address becomes no address
    made["From"] = Address(settings.town().name, addr_spec=sender(config))
    made["To"] = mail.recipient
    made["Subject"] = letter.subject
    made["Date"] = mail.created_at
    made["Auto-Submitted"] = "auto-generated"
    headers = {"Message-ID": f"<{mail.id}.{int(mail.created_at.timestamp())}@{host}>", **headers}
    for name, value in headers.items():
        made.set_raw(name, value)
    made.set_content(letter.text)
    if letter.html:
        made.add_alternative(letter.html, subtype="html")
    return made


class _Patient(smtplib.SMTP):
    """Waits longer for the answer to a message (RFC 5321, 4.5.3.2.6): a slow yes is no reason to repeat."""

    def send(self, s: Any) -> None:
        super().send(s)
        if self.sock:
            self.sock.settimeout(ANSWER if isinstance(s, bytes) else TIMEOUT)  # commands are str


class _PatientTLS(_Patient, smtplib.SMTP_SSL):
    """The same, by TLS from the start."""


def _connect(config: Config) -> smtplib.SMTP:
    where, context = (config.smtp_host, config.smtp_port), ssl.create_default_context()
    if config.smtp_tls == "tls":
        server: smtplib.SMTP = _PatientTLS(*where, timeout=TIMEOUT, context=context)
    else:
        server = _Patient(*where, timeout=TIMEOUT)
    if config.smtp_tls == "starttls":
        server.starttls(context=context)
    if config.smtp_user:
        server.login(config.smtp_user, config.smtp_password)
    return server


def _lease(number: int) -> Mail | None:
    """The message, ours alone for longer than the job may take, or None when somebody else has it."""
    due = sa.update(Mail).where(Mail.id == number, Mail.status == "waiting", Mail.next_at <= now())
    lease = due.values(next_at=now() + LEASE, attempts=Mail.attempts + 1).returning(Mail)
    with write() as session:
        mail = session.scalars(lease, execution_options={"synchronize_session": False}).one_or_none()
        if mail is not None:
            session.expunge(mail)
    return mail


def _failed(mail: Mail, error: Exception, for_good: bool = False) -> None:
    """Try again with growing pauses, unless the mail server refuses this very message for good."""
    codes = [getattr(error, "smtp_code", 0)]
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
    refused = isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) and min(codes) >= 500
    name = str(error) if isinstance(error, Unsendable) else type(error).__name__
    reason = " ".join([name, *(str(code) for code in codes if code)])
    log.warning("mail not sent", extra={"mail": mail.id, "reason": reason, "attempt": mail.attempts})
    if for_good or refused or mail.attempts >= TRIES:
        _change(mail, status="failed", error=reason, text=None, html=None)
    else:
        _change(mail, error=reason, next_at=now() + dt.timedelta(minutes=2) * 2 ** (mail.attempts - 1))


def _change(mail: Mail, **values: Any) -> None:
    with write() as session:
        session.execute(sa.update(Mail).where(Mail.id == mail.id).values(**values))


def _own(address: str, config: Config) -> bool:
    return address == config.base_url or address.startswith(f"{config.base_url}/")


def defused(words: str) -> str:
    """Words that no mail program makes a link of: what strangers call themselves reaches other people."""
    return _ADDRESS.sub(r"[\g<0>]", words)


_ADDRESS = re.compile(r":(?=//)|(?<=\w)[.\uff0e\u3002\uff61](?=[^\W\d_]{2})")


def _linked(paragraph: str, config: Config) -> Markup:
    """A paragraph in which each line that is an address of the portal, and nothing else, is a link."""
    link = Markup('<a href="{0}">{0}</a>')
    lines = map(str.strip, paragraph.splitlines())
    return Markup("<br>").join(link.format(line) if _own(line, config) else escape(line) for line in lines)
