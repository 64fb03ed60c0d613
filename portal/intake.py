"""Reads the town's mailbox by IMAP: each message is handed on, then lies in the folder Done or Refused.

A message with which the job runs out of time goes behind the others, then on with its words alone.
"""

import email
import email.policy
import imaplib
import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from typing import Any

from flask import current_app

from core import mail, mailbox, settings
from core.access import as_system
from core.config import Config
from core.db import TROUBLE, now

from .mail_words import in_utf8, words
from .privacy.retention import MAILBOX

FETCH = "core.fetch_mail"
TIMEOUT = 20
MESSAGES = 50  # of one run
BATCH = 500  # messages that one command names
LARGEST = 10 * 1024 * 1024  # bytes read of a message: words come first, attachments after
PARTS, WORDS = 200, 256 * 1024  # of what has more parts, no more bytes are read than words may have
HEADERS = 32 * 1024  # bytes; more is nobody's letter
HEADER, ADDRESSES = 1_000, 4_000  # characters that are read of one
DONE, REFUSED = "Done", "Refused"
TRIED = ("ParvisTried1", "ParvisTried2", "ParvisTried3")  # keywords of messages that were begun and not ended
WHOLE = 2  # times that a message is tried with its attachments

log = logging.getLogger("parvis.intake")


class Brief(email.policy.EmailPolicy):
    """Reads the beginning of each header alone: the library takes the square of their length."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """The header as an object, of as much as letters have."""
        begin = value[: ADDRESSES if name.lower() in ("to", "cc") else HEADER]
        return super().header_fetch_parse(name, in_utf8(begin))


def fetch() -> None:
    """Job: take in what lies in the mailbox, if there is one."""
    config: Config = current_app.config["PARVIS"]
    if not config.imap_host or not config.mailbox:
        return
    with as_system("take mail in"), _connected(config) as server:
        for tries, uid in _waiting(server)[:MESSAGES]:
            if tries == len(TRIED):
                log.error("message set aside", extra={"uid": uid, "folder": REFUSED})
                _move(server, uid, REFUSED)
            else:
                _take(server, uid, tries)


def look() -> tuple[bool, str]:
    """Whether the mailbox, where there is one, opens now; raises OSError where its server does not answer."""
    config: Config = current_app.config["PARVIS"]
    if not config.imap_host or not config.mailbox:
        return True, "no mailbox is set (PARVIS_MAILBOX, PARVIS_IMAP_HOST): nobody answers by mail"
    try:
        with _connected(config):
            return True, config.mailbox
    except imaplib.IMAP4.error as error:
        return False, str(error)


def sweep() -> None:
    """Job: delete what lies in the folders Done and Refused for longer than the town keeps it."""
    config: Config = current_app.config["PARVIS"]
    kept = settings.kept_for(MAILBOX)
    if not config.imap_host or not config.mailbox or kept is None:
        return
    end = imaplib.Time2Internaldate(now() - kept)[1:12]
    with _connected(config) as server:
        for folder in (DONE, REFUSED):
            server.select(folder)
            old = _found(server, "BEFORE", end)
            for start in range(0, len(old), BATCH):
                server.uid("STORE", ",".join(old[start : start + BATCH]), "+FLAGS", r"(\Deleted)")
            server.expunge()


def _waiting(server: imaplib.IMAP4) -> list[tuple[int, str]]:
    """How often each message was tried, and which it is; those tried least come first."""
    tries = {uid: number for number, mark in enumerate(TRIED, 1) for uid in _found(server, "KEYWORD", mark)}
    return sorted(((tries.get(uid, 0), uid) for uid in _found(server, "ALL")), key=lambda one: one[0])


def _found(server: imaplib.IMAP4, *what: str) -> list[str]:
    _status, [found] = server.uid("SEARCH", *what)
    return (found or b"").decode().split()


def _take(server: imaplib.IMAP4, uid: str, tries: int) -> None:
    """Hand on one message, marked meanwhile as tried once more; trouble of the database does not count."""
    _status, parts = server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{LARGEST}>)")
    raw = next((part[1] for part in parts if isinstance(part, tuple)), None)
    if raw is None:
        return
    server.uid("STORE", uid, "+FLAGS", f"({TRIED[tries]})")
    try:
        taken = read(raw, words_alone=tries >= WHOLE)
    except TROUBLE:
        server.uid("STORE", uid, "-FLAGS", f"({TRIED[tries]})")
        raise
    _move(server, uid, DONE if taken else REFUSED)


@contextmanager
def _connected(config: Config) -> Iterator[imaplib.IMAP4]:
    where, context = (config.imap_host, config.imap_port), ssl.create_default_context()
    if config.imap_tls == "tls":
        server: imaplib.IMAP4 = imaplib.IMAP4_SSL(*where, ssl_context=context, timeout=TIMEOUT)
    else:
        server = imaplib.IMAP4(*where, timeout=TIMEOUT)
    with server:
        if config.imap_tls == "starttls":
            server.starttls(context)
        server.login(config.imap_user, config.imap_password)
        for folder in (DONE, REFUSED):
            server.create(folder)  # answers NO where it is there
        server.select("INBOX")
        yield server


def _move(server: imaplib.IMAP4, uid: str, folder: str) -> None:
    if server.uid("COPY", uid, folder)[0] == "OK":
        server.uid("STORE", uid, "+FLAGS", r"(\Deleted)")
        server.expunge()


def read(raw: bytes, words_alone: bool = False) -> bool:
    """Hand a message on if a person wrote it; says whether that did something with it.

    With `words_alone`, of what came beside them the names are left.
    """
    if len(re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]) > HEADERS:
        return False
    if raw.count(b"\n--") > PARTS:
        raw = raw[:WORDS]
    try:
        made: Any = email.message_from_bytes(raw, policy=Brief())
        for part in made.iter_attachments() if words_alone else ():
            part.set_payload("")
        if not automatic(made):
            said = words(made)
            with suppress(LookupError):  # not for us
                return mailbox.take_in(made, said)
        return False
    except (MemoryError, *TROUBLE):  # not the message's, or not for sure
        raise
    except Exception:  # a header or part that is none, or has no end: whatever it is, others wait behind it
        log.warning("message not read", exc_info=True)
        return False


def automatic(made: EmailMessage) -> bool:
    """Whether a machine wrote the message: an absence, a list, a failed delivery, or this portal itself."""
    config: Config = current_app.config["PARVIS"]
    sender = mailbox.sender(made)
    marks = ("Auto-Submitted", "Precedence", "Return-Path")
    submitted, precedence, path = (str(made[name] or "").strip().lower() for name in marks)
    return (
        submitted not in ("", "no")
        or precedence in ("bulk", "junk", "list", "auto_reply")
        or path == "<>"
        or any(made[name] for name in ("List-Id", "X-Autoreply", "X-Autorespond"))
        or made.get_content_type() == "multipart/report"
        or sender.partition("@")[0] in ("", "mailer-daemon", "postmaster")
        or sender in (config.mailbox.lower(), mail.sender(config).lower())
    )
