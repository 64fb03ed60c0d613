"""The one way in for mail: each message is handed, once, to the MailHandler that its address names.

An address is `mailbox+name.rest@host`. How messages come from the mailbox is in `portal/intake.py`.
"""

import hashlib
import logging
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr
from typing import Any

from flask import current_app
from flask_babel import force_locale

from . import access, mail, registry, settings
from .access import Refused, as_system
from .accounts import claims, throttle
from .db import TROUBLE, insert_once, write
from .models import Received
from .security import CONTROLS, UNREADABLE

log = logging.getLogger("parvis.mailbox")


@dataclass(frozen=True)
class Incoming:
    """A message: what its address says after the name of its handler, who sent it, and its words.

    `user_id` is the account with that address, None for nobody's: an address is easily feigned, so what a
    handler does in somebody's name needs a secret in `rest` too. `key` is the message's own. Of what came
    beside words, `attachments` are the parts as they came, or what the handler's `prepare` made of them.
    """

    rest: str
    sender: str
    user_id: int | None
    subject: str
    text: str
    attachments: tuple[Any, ...]
    key: str


def address(name: str, rest: str) -> str | None:
    """The address that the MailHandler of this name answers to; None where the town takes no mail in."""
    config = current_app.config["PARVIS"]
    local, _, host = config.mailbox.partition("@")
    return f"{local}+{name}.{rest}@{host}" if config.mailbox and config.imap_host else None


def take_in(made: EmailMessage, words: str) -> bool:
    """Hand a message and its words to its handler, once; says whether that did something with it.

    Raises LookupError where it names no address of ours, ValueError and the like where it is no message.
    """
    name, rest = _addressee(made)
    owner, handler = registry.current().declared("mail_handlers", name)
    if owner not in registry.current().active():
        return False
    address = sender(made)
    person = claims.known(address)
    own = str(made["Message-ID"] or [*made.values(), words])
    key = hashlib.sha256(own.encode("utf-8", "replace")).hexdigest()
    said = (_readable(made["Subject"] or ""), _readable(words), tuple(made.iter_attachments()))
    letter = Incoming(rest, address, person.user_id if person else None, *said, key)
    return _handle(owner.name, handler, letter, (person and person.language) or settings.town().language)


def sender(made: EmailMessage) -> str:
    """The address that a message says it comes from."""
    return parseaddr(_readable(made["From"] or ""))[1].lower()


def _addressee(made: EmailMessage) -> tuple[str, str]:
    """The handler and the rest that the message's address names; LookupError where it names none."""
    config = current_app.config["PARVIS"]
    local, _, host = re.escape(config.mailbox.lower()).partition("@")
    ours = re.compile(rf"{local}\+([a-z][a-z0-9]*\.[a-z0-9_]+)\.([^@\s]{{1,64}})@{host}")
    headers = [_readable(value) for name in _TO for value in made.get_all(name, [])]
    for _name, where in getaddresses(headers):
        match = ours.fullmatch(where.lower())
        if match:
            return match[1], match[2]
    raise LookupError("no address of ours")


_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")


def _handle(owner: str, handler: Any, letter: Incoming, language: str) -> bool:
    """Run the handler as nobody; either way that is noted in the same write.

    What it refuses is told to who has an account, a few times a day: a sender is easily feigned.
    """
    nobody = access.Viewer(kinds=registry.current().kinds())
    try:
        letter = replace(letter, attachments=handler.prepare(letter)) if handler.prepare else letter
        with force_locale(language), access.as_viewer(nobody), write():
            if insert_once(Received, key=letter.key):
                handler.run(letter)
    except Refused as refusal:
        written = mail.compose("core/mail/refused", language, refusal.link, reason=str(refusal))
        with as_system("answer a message"), write(), suppress(throttle.TooMany):
            if insert_once(Received, key=letter.key) and letter.user_id is not None:
                throttle.hit("refused", letter.sender)
                mail.send("core.refused", letter.sender, *written)
        return False
    except TROUBLE:  # later
        raise
    except Exception as error:
        log.exception("message not handled", extra={"handler": handler.name})
        registry.current().fault(owner, f"mail {handler.name}", error, counts=False)
        return False
    return True


def _readable(said: Any) -> str:
    """What a message says, without characters that no form takes and not every database holds."""
    return CONTROLS.sub("", UNREADABLE.sub("", str(said)))
