"""A reply by mail becomes a reply: its address says in a sealed word who may answer what, until when."""

import base64
import datetime as dt
import hashlib
import hmac
import struct
from functools import partial

from flask import current_app
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from core import mail, mailbox
from core.access import Forbidden, Refused, viewer
from core.accounts import sessions
from core.db import db, now
from core.feed import actions
from core.feed.drafts import AskAuthor
from core.models import Entry, Space

from .quotes import unquoted

NAME = "core.reply"
LIFETIME = dt.timedelta(days=60)


def address(entry_id: int) -> str | None:
    """Where the viewer's answer by mail becomes a reply to this entry; None where no mail is taken in."""
    return mailbox.address(NAME, seal(viewer().id or 0, entry_id))


def reply(letter: mailbox.Incoming) -> None:
    """Publish the words of a message in the conversation that it answers, in the name of its sender.

    Whoever is not named by the address learns nothing of it.
    """
    sealed = unseal(letter.rest)
    if sealed is None or letter.user_id != sealed[0]:
        raise Refused(_("It has to come from the address of your account, in answer to recent mail to it."))
    config = current_app.config["PARVIS"]
    text = unquoted(letter.text, {f"+{NAME}.", config.mailbox.lower(), mail.sender(config)})
    try:
        if not text:
            raise Refused(_("No words of your own were found in it."))
        with sessions.as_viewer(sealed[0]) as person:
            if sessions.due(person):
                raise Refused(_("Sign in on the portal first, and set up your second factor."))
            _publish(letter, text, sealed[1])
    except Refused as refusal:  # of who was written to about this conversation
        refusal.link = _link(sealed[1])
        raise


def _publish(letter: mailbox.Incoming, text: str, entry_id: int) -> None:
    parent = db.session.get(Entry, entry_id)
    space = db.session.get(Space, parent.space_id) if parent else None
    if parent is None or space is None:
        raise Refused(_("The conversation is not there any more."))
    said = partial(actions.publish, kind="core.reply", channel="email", lang=str(get_locale()))
    try:
        entry = said(space, text, parent=parent, client_key=letter.key)
    except AskAuthor as question:
        raise Refused(_("%(question)s Please write on the portal.", question=str(question))) from question
    except Forbidden as refusal:
        raise Refused(_("This conversation is closed to you.")) from refusal
    held, count = entry.state == "pending", len(letter.attachments)
    if held or count:
        left = ngettext("%(num)s attachment", "%(num)s attachments", count) if count else ""
        name = "held" if held else "attachments"
        link = _link(parent.id) if held else f"{_link(parent.id)}#post-{entry.id}"
        written = mail.compose(f"portal/mail/{name}", str(get_locale()), link, left=left)
        mail.send(f"core.{name}", letter.sender, *written)


def _link(entry_id: int) -> str:
    return f"{current_app.config['PARVIS'].base_url}/posts/{entry_id}"


def seal(user_id: int, entry_id: int) -> str:
    """A short word that nobody else can make, for this person and entry, good for LIFETIME."""
    body = struct.pack(">IIH", user_id, entry_id, (now() + LIFETIME - _EPOCH).days)
    return base64.b32encode(body + _mark(body)).decode().lower()


def unseal(word: str) -> tuple[int, int] | None:
    """The person and entry of a word that `seal` made and that is still good; else None."""
    try:
        raw = base64.b32decode(word.upper())
    except ValueError:
        return None
    body, mark = raw[:10], raw[10:]
    if len(body) != 10 or not hmac.compare_digest(mark, _mark(body)):
        return None
    user_id, entry_id, day = struct.unpack(">IIH", body)
    return (user_id, entry_id) if _EPOCH + dt.timedelta(days=day) > now() else None


_EPOCH = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def _mark(body: bytes) -> bytes:
    key = f"mailbox {current_app.config['SECRET_KEY']}".encode()
    return hmac.digest(key, body, hashlib.sha256)[:10]
