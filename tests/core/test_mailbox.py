"""Mail in: a reply by mail becomes a reply, once; what machines and forgers send becomes nothing."""

from __future__ import annotations

import base64
import datetime as dt
import email
import email.policy
import hashlib
import hmac
import imaplib
import itertools
import re
import socket
import struct
import time
from dataclasses import replace
from email.message import EmailMessage
from email.mime.text import MIMEText
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import api, jobs, mail, registry
from core.db import db, now, write
from core.feed import actions
from core.models import Entry, Mail, Membership, PluginFault, Space
from ops import check
from portal import intake, mail_words
from portal.notices import mailing, quotes, replies

if TYPE_CHECKING:
    from core.testing import Town

TOWN = "town@parvis.example"
GMAIL = """Oui, mardi me va.

Merci !

Le mer. 25 nov. 2026 à 10:12, Parvis
<parvis@localhost> a écrit :

> Bonjour
"""
received: list[Any] = []


def take(letter: Any) -> None:
    """Keep what came, or fail as its subject says."""
    received.append(letter)
    if letter.subject == "fail":
        raise ZeroDivisionError


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    """A plugin that takes mail in."""
    received.clear()
    module = ModuleType("post")
    module.__file__ = __file__
    module.plugin = api.Plugin(  # type: ignore[attr-defined]
        name="post",
        title="Post",
        summary="Takes mail in",
        version="1",
        table_prefix="post",
        paths=("/post",),
        mail_handlers=(api.MailHandler("post.box", "A box", take),),
    )
    return {"post": module}


@pytest.fixture
def office(town: Town, imap: Any, smtp: Any) -> Town:
    """A town that mails by the test's servers, both ways."""
    ways = {"smtp_host": "127.0.0.1", "smtp_port": smtp.port, "smtp_tls": "none", "mailbox": TOWN}
    ways |= {"imap_host": "127.0.0.1", "imap_port": imap.port, "imap_user": imap.user, "imap_tls": "none"}
    config = replace(town.app.config["PARVIS"], **ways, imap_password=imap.password)
    town.app.config["PARVIS"] = config
    return town


def thread(town: Town) -> tuple[int, int]:
    """A space, and a post of Ana's in it that Ben has replied to."""
    space = town.space("Square", "owner")
    for name in ("ana", "ben"):
        town.person(name, language="en")

    def publish(body: str, parent: int | None = None) -> int:
        above = db.session.get(Entry, parent) if parent else None
        kind = "core.reply" if above else "core.post"
        return actions.publish(db.session.get(Space, space), body, kind=kind, parent=above).id

    post = town.run(lambda: publish("Which day?"), "ana")
    town.run(lambda: publish("Tuesday?", post), "ben")
    return space, post


def asked(town: Town, smtp: Any) -> EmailMessage:
    """The message that tells Ana of Ben's reply."""
    jobs.run_due(town.app)
    town.run(mailing.mail_due)
    town.run(mail.deliver)
    return next(message for message in smtp.messages if message["To"] == "ana@example.org")


def letter(to: str, text: str = GMAIL, sender: str = "ana@example.org", **headers: str) -> EmailMessage:
    """A message as a mail program makes it."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = (
        f"Ana <{sender}>",
        to,
        headers.pop("subject", "Re: Which day?"),
    )
    made["Message-ID"] = headers.pop(
        "ident", f"<{base64.b16encode(text.encode()[:20]).decode()}@example.org>"
    )
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def take_in(town: Town, imap: Any, *messages: EmailMessage) -> None:
    """Let messages arrive, and the worker look into the mailbox."""
    for message in messages:
        imap.deliver(message.as_bytes())
    town.run(intake.fetch)


def replied(town: Town, post: int) -> list[tuple[str, str, int]]:
    """What was said below a post by mail."""
    below = sa.select(Entry.body, Entry.channel, Entry.author_id).order_by(Entry.id)
    below = below.where(Entry.parent_id == post, Entry.channel == "email")
    return [tuple(row) for row in town.run(lambda: db.session.execute(below).all())]


def test_the_mailbox_keeps_old_messages_no_longer_than_the_town_says(office: Town, imap: Any) -> None:
    office.run(intake.fetch)  # makes the folders
    with imap._open() as server:
        for folder, days in itertools.product(("Done", "Refused", "INBOX"), (40, 20)):
            at = imaplib.Time2Internaldate(now() - dt.timedelta(days=days))
            server.append(folder, None, at, letter(TOWN).as_bytes(policy=email.policy.SMTP))
    office.run(intake.sweep)
    assert [imap.count(folder) for folder in ("Done", "Refused", "INBOX")] == [1, 1, 2]
    office.person("ana", language="en")
    assert "mailbox until 30 days after it came" in office.browser("ana").get("/me/delete").text
    assert "Messages in the town’s mailbox" in office.browser().get("/privacy/record").text


def test_the_check_opens_the_mailbox(office: Town) -> None:
    def mailbox() -> tuple[bool, str]:
        [found] = [one for one in office.run(check.everything) if one.name == "mailbox"]
        return found.ok, found.detail

    assert mailbox() == (True, TOWN)
    config = office.app.config["PARVIS"]
    office.app.config["PARVIS"] = replace(config, imap_password="wrong")
    assert mailbox()[0] is False
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        office.app.config["PARVIS"] = replace(config, imap_port=nobody.getsockname()[1])
        assert mailbox() == (False, "ConnectionRefusedError")
    office.app.config["PARVIS"] = replace(config, imap_host="")
    assert mailbox()[0] is True


def answered(town: Town) -> list[tuple[str, str]]:
    """To whom it was written that their message was not taken in, and what."""
    rows = sa.select(Mail.recipient, Mail.text).where(Mail.kind == "core.refused")
    return [tuple(row) for row in town.run(lambda: db.session.execute(rows).all())]


def test_an_answer_by_mail_becomes_a_reply(office: Town, imap: Any, smtp: Any) -> None:
    _space, post = thread(office)
    address = asked(office, smtp)["Reply-To"]
    assert address.startswith("town+core.reply.")
    assert len(address.partition("@")[0]) <= 64
    take_in(office, imap, letter(address))
    assert replied(office, post) == [("Oui, mardi me va.\n\nMerci !", "email", office.person("ana"))]
    assert (imap.count(), imap.count("Done"), imap.count("Refused")) == (0, 1, 0)
    page = office.browser().get(f"/posts/{post}").text
    assert "Oui, mardi me va." in page
    assert "a écrit" not in page
    jobs.run_due(office.app)
    assert "Ana replied" in office.browser("ben").get("/notices").text


def test_an_address_survives_what_mail_servers_do_to_its_case(office: Town, imap: Any, smtp: Any) -> None:
    _space, post = thread(office)
    local, _, host = asked(office, smtp)["Reply-To"].partition("@")
    take_in(office, imap, letter("other@example.org", Delivered_To=f"{local.upper()}@{host}"))
    assert len(replied(office, post)) == 1


def test_a_message_is_acted_on_once(
    office: Town, imap: Any, smtp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _space, post = thread(office)
    address = asked(office, smtp)["Reply-To"]

    class Killed(BaseException):
        pass

    def kill(*_arguments: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(intake, "_move", kill)
        with pytest.raises(Killed):
            take_in(office, imap, letter(address))
    assert len(replied(office, post)) == 1
    take_in(office, imap, letter(address))
    assert len(replied(office, post)) == 1, "neither after a crash nor delivered a second time"
    assert (imap.count(), imap.count("Done")) == (0, 2)
    take_in(office, imap, letter(address, "Et jeudi aussi."))
    assert len(replied(office, post)) == 2


def test_whoever_is_not_named_by_the_address_is_refused_and_told_why(
    office: Town, imap: Any, smtp: Any
) -> None:
    _space, post = thread(office)
    address, who = asked(office, smtp)["Reply-To"], "ben@example.org"
    for _turn in range(2):
        take_in(office, imap, letter(address, sender=who))
    assert replied(office, post) == []
    [(recipient, text)] = answered(office)
    assert recipient == who
    assert "adresse de votre compte" in text or "address of your account" in text
    assert "Which day?" not in text
    assert (imap.count(), imap.count("Refused")) == (0, 1)


def test_a_refusal_leads_to_the_conversation_and_of_a_stranger_to_the_portal(
    office: Town, imap: Any, smtp: Any
) -> None:
    _space, post = thread(office)
    address = asked(office, smtp)["Reply-To"]
    take_in(office, imap, letter(address, "> Tuesday?", ident="<1@example.org>"))
    take_in(office, imap, letter(address, sender="ben@example.org", ident="<2@example.org>"))
    ours, others = (text for _recipient, text in sorted(answered(office)))
    assert f"\n\nhttp://localhost/posts/{post}\n" in ours
    assert "\n\nhttp://localhost\n" in others
    assert "/posts/" not in others


def test_nobody_is_flooded_with_refusals_by_who_writes_under_their_address(
    office: Town, imap: Any, smtp: Any
) -> None:
    _space, post = thread(office)
    address = asked(office, smtp)["Reply-To"]
    for number in range(6):
        for who in ("mallory@example.org", "ben@example.org"):
            ident = f"<{number}.{who}>"
            take_in(
                office, imap, letter(address, "Buy", sender=who, subject="PILLS evil.example", ident=ident)
            )
    assert replied(office, post) == []
    told = answered(office)
    assert [recipient for recipient, _text in told] == ["ben@example.org"] * 3
    assert all("PILLS" not in text for _recipient, text in told)
    assert (imap.count(), imap.count("Refused")) == (0, 12)


def sealed(town: Town, name: str, entry: int) -> str:
    """The word in the address of somebody's reply to an entry."""
    return town.run(lambda: replies.seal(town.person(name), entry))


def test_a_forged_or_old_address_does_nothing(
    office: Town, imap: Any, smtp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _space, post = thread(office)
    word = sealed(office, "ana", post)
    raw = bytearray(base64.b32decode(word.upper()))
    raw[3] ^= 1
    forged = base64.b32encode(bytes(raw)).decode().lower()
    with monkeypatch.context() as patch:
        patch.setattr(replies, "now", lambda: api.now() - replies.LIFETIME - dt.timedelta(days=1))
        old = sealed(office, "ana", post)
    for number, rest in enumerate((forged, old, word[:-8], "x", "é", word + "aaaaaaaa")):
        to = f"town+core.reply.{rest}@parvis.example"
        take_in(office, imap, letter(to, f"Text {number}", sender="stranger@example.org"))
    assert replied(office, post) == answered(office) == []
    take_in(office, imap, letter(f"town+core.reply.{old}@parvis.example", "Too late"))
    assert replied(office, post) == []
    assert [recipient for recipient, _text in answered(office)] == ["ana@example.org"]
    take_in(office, imap, letter(f"town+core.reply.{word}@parvis.example", "In time"))
    assert len(replied(office, post)) == 1


def test_only_the_town_s_own_seal_names_somebody(office: Town, imap: Any, smtp: Any) -> None:
    _space, post = thread(office)
    word = sealed(office, "ana", post)
    raw = base64.b32decode(word.upper())
    other = struct.pack(">IIH", office.person("ana"), post, 40_000)
    for number, forged in enumerate((raw[:10], raw[:10] + bytes(len(raw) - 10), other + raw[10:], other)):
        rest = base64.b32encode(forged).decode().lower()
        for spelled in (rest, rest.rstrip("=")):
            take_in(office, imap, letter(f"town+core.reply.{spelled}@parvis.example", f"As Ana {number}"))
    with_another_key = struct.pack(">IIH", office.person("ana"), post, 40_000)
    mark = hmac.new(b"", with_another_key, hashlib.sha256).digest()[: len(raw) - 10]
    rest = base64.b32encode(with_another_key + mark).decode().lower()
    take_in(office, imap, letter(f"town+core.reply.{rest}@parvis.example", "As Ana, by no key"))
    assert replied(office, post) == []


@pytest.mark.parametrize("why", ["removed from the space", "locked", "taken away", "account closed"])
def test_a_reply_needs_what_a_reply_on_the_page_needs(office: Town, imap: Any, smtp: Any, why: str) -> None:
    space, post = thread(office)
    address = asked(office, smtp)["Reply-To"]

    def change() -> None:
        from core.models import User

        with write() as session:
            if why == "removed from the space":
                session.get(Space, space).visibility = "hidden"
                session.execute(sa.delete(Membership).where(Membership.user_id == office.person("ana")))
            elif why == "locked":
                session.get(Entry, post).locked_at = api.now()
            elif why == "account closed":
                session.get(User, office.person("ana")).closed_at = api.now()
            else:
                session.execute(sa.delete(Entry).where(Entry.id == post))

    office.run(change)
    take_in(office, imap, letter(address))
    assert replied(office, post) == []
    told = [] if why == "account closed" else ["ana@example.org"]
    assert [recipient for recipient, _text in answered(office)] == told


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated"},
        {"Precedence": "bulk"},
        {"Return_Path": "<>"},
        {"List_Id": "<list.example.org>"},
        {"X_Autoreply": "yes"},
        {"sender": "mailer-daemon@example.org"},
        {"sender": TOWN},
        {"sender": "parvis@localhost"},
    ],
)
def test_what_a_machine_sends_is_dropped_without_an_answer(
    office: Town, imap: Any, smtp: Any, headers: dict[str, str]
) -> None:
    _space, post = thread(office)
    address = asked(office, smtp)["Reply-To"]
    box = office.run(lambda: api.mailbox("post.box", "x"))
    take_in(office, imap, letter(address, **headers), letter(box, "Words", **headers))
    assert replied(office, post) == answered(office) == received == []
    assert (imap.count(), imap.count("Refused")) == (0, 2)


class Killed(BaseException):
    """A worker that is ended from outside."""


def test_what_ends_the_worker_is_tried_thrice_behind_others_and_at_last_without_what_is_attached(
    office: Town, imap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    attached: list[int] = []

    def run(letter: Any) -> None:
        if letter.attachments:
            attached.append(len(letter.attachments[0].get_payload()))
            raise Killed
        take(letter)

    handler = office.run(lambda: registry.current().declared("mail_handlers", "post.box")[1])
    monkeypatch.setitem(handler.__dict__, "run", run)
    address = office.run(lambda: api.mailbox("post.box", "x"))
    ends = letter(address, "Ends it")
    ends.add_attachment("x" * 100, filename="a.txt")
    for behind in ([ends], [letter(address, "Behind it")], []):
        with pytest.raises(Killed):
            take_in(office, imap, *behind)
    assert [one.text.strip() for one in received] == ["Behind it"]
    assert [size > 0 for size in attached] == [True, True, False]
    office.run(intake.fetch)
    assert (imap.count(), imap.count("Refused"), imap.count("Done")) == (0, 1, 1)


def test_so_many_messages_are_read_at_once_and_so_much_of_each(
    office: Town, imap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MESSAGES", 2)
    monkeypatch.setattr(intake, "LARGEST", 2000)
    address = office.run(lambda: api.mailbox("post.box", "x"))
    large = letter(address, "Large")
    large.add_attachment("x" * 5000, filename="a.txt")
    take_in(office, imap, large, letter(address, "Second"), letter(address, "Third"))
    assert [one.text.strip() for one in received] == ["Large", "Second"]
    assert len(received[0].attachments[0].get_payload()) < 2000
    assert imap.count() == 1


def test_a_failed_delivery_is_dropped(office: Town, imap: Any, smtp: Any) -> None:
    _space, post = thread(office)
    report = letter(asked(office, smtp)["Reply-To"])
    report.add_attachment("Not delivered")
    report.replace_header("Content-Type", 'multipart/report; boundary="' + str(report.get_boundary()) + '"')
    take_in(office, imap, report)
    assert replied(office, post) == answered(office) == []


def test_attachments_stay_out_and_their_sender_hears_of_it(office: Town, imap: Any, smtp: Any) -> None:
    _space, post = thread(office)
    made = letter(asked(office, smtp)["Reply-To"])
    made.add_attachment(b"\x89PNG" * 200_000, "image", "png", filename="square.png")
    take_in(office, imap, made)
    assert [body for body, *_rest in replied(office, post)] == ["Oui, mardi me va.\n\nMerci !"]
    rows = sa.select(Mail.recipient, Mail.text).where(Mail.kind == "core.attachments")
    [(recipient, text)] = office.run(lambda: db.session.execute(rows).all())
    assert recipient == "ana@example.org"
    assert "1 attachment" in text
    assert f"/posts/{post}#post-" in text


def test_words_are_found_in_html_alone(office: Town, imap: Any, smtp: Any) -> None:
    _space, post = thread(office)
    made = letter(asked(office, smtp)["Reply-To"])
    made.set_content(
        "<head><style>p{color:red}</style></head><p>Oui &amp; non</p><script>alert(1)</script>"
        "<div>Le mer. 25 nov. 2026 à 10:12, Parvis a écrit :</div>"
        "<blockquote type='cite'><p>Which day?</p></blockquote>",
        subtype="html",
    )
    take_in(office, imap, made)
    [(body, *_rest)] = replied(office, post)
    assert body.startswith("Oui & non")
    assert "alert" not in body
    assert "Which day" not in body


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"From: a\nTo: b\n\nhello",
        b"To: town+core.reply.x@parvis.example\nFrom: =?utf-8?q?=ff?= <x>\nContent-Type: x/y\n\nx",
        b"To: town+core.reply.x@parvis.example\nContent-Type: multipart/mixed; boundary=\n\n--\n",
        b"To: " + b"a@b.c, " * 20_000 + b"\n\nx",
        b"From: ana@example.org\nTo: town+nobody.box.x@parvis.example\n\nx",
    ],
)
def test_whatever_arrives_holds_nothing_up(office: Town, imap: Any, smtp: Any, raw: bytes) -> None:
    _space, post = thread(office)
    address = asked(office, smtp)["Reply-To"]
    imap.deliver(raw)
    take_in(office, imap, letter(address))
    assert len(replied(office, post)) == 1
    assert imap.count() == 0


@pytest.mark.engines
@pytest.mark.parametrize("sign", ["\0", "\x08"], ids=ascii)
def test_what_no_text_holds_is_taken_out_of_a_message(office: Town, imap: Any, smtp: Any, sign: str) -> None:
    _space, post = thread(office)
    address = asked(office, smtp)["Reply-To"]
    made = letter(address, "x")
    made.set_payload(base64.b64encode(f"Mardi{sign} !".encode()).decode())
    made.replace_header("Content-Transfer-Encoding", "base64")
    take_in(office, imap, made, letter(address, "And behind it."))
    assert [body for body, *_rest in replied(office, post)] == ["Mardi !", "And behind it."]
    assert (imap.count(), imap.count("Done")) == (0, 2)


@pytest.mark.parametrize("text", ["a \\x00 b", "a \\ud800 b"])
def test_no_charset_brings_them_in(office: Town, imap: Any, smtp: Any, text: str) -> None:
    _space, post = thread(office)
    made = letter(asked(office, smtp)["Reply-To"], text)
    made.replace_header("Content-Type", 'text/plain; charset="unicode_escape"')
    take_in(office, imap, made)
    assert [body for body, *_rest in replied(office, post)] == [text], (
        "a way to write signs, and no charset of mail"
    )


@pytest.mark.parametrize(
    ("charset", "raw"),
    [
        ("iso-8859-1", "Été à Nîmes".encode("iso-8859-1")),
        ("windows-1252", "Été à Nîmes".encode("windows-1252")),
        *(
            (charset, "L’œuvre à 3 €".encode("windows-1252"))
            for charset in ("iso-8859-1", "latin1", "us-ascii")
        ),
        ("iso-8859-9", "L’œuvre à 3 €".encode("windows-1254")),
        ("UTF8", "Été à Nîmes".encode()),
        ("utf-16le", "Été à Nîmes".encode("utf-16le")),
        *((charset, "Été à Nîmes".encode()) for charset in ("unknown-8bit", "cp-850", "utf8mb4", "ansi", "")),
        ("unknown-8bit", "Été à Nîmes".encode("windows-1252")),
        ("us-ascii", "Été à Nîmes".encode()),
    ],
)
def test_a_letter_is_read_whatever_it_says_of_its_charset(charset: str, raw: bytes) -> None:
    head = b"Content-Type: text/plain" + (f'; charset="{charset}"'.encode() if charset else b"")
    head += b"\nContent-Transfer-Encoding: base64\n\n"
    made: Any = email.message_from_bytes(head + base64.b64encode(raw), policy=email.policy.default)
    assert mail_words.words(made) in ("Été à Nîmes", "L’œuvre à 3 €")


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("Bonjour,<div>Le trou</div>", "Bonjour,\nLe trou"),
        ("<table><tr><td>Nom</td><td>Rita</td></tr><tr><td>Rue</td></tr></table>", "Nom Rita\nRue"),
        ("<p>un<p>deux", "un\n\ndeux"),
        ("<ul><li>x<li>y</ul>", "x\ny"),
        ("<script>var a='<script>'</script>Ici<style>b{}</style>", "Ici"),
        ("""<a title="a>b" href='x'>Ici</a>""", "Ici"),
        ("Ici<span hidden>caché</span><p style='display: none'>caché</p>", "Ici"),
        ("<title>Titre</title>Ici <!-- non -->là", "Ici là"),
        ("Ici<br>là &amp; ailleurs &#233;", "Ici\nlà & ailleurs é"),
        ("Ici<blockquote type=cite>avant <blockquote>encore</blockquote></blockquote>", "Ici"),
        ("Ici<blockquote class='gmail_quote'>avant</blockquote>", "Ici"),
        ("Ici : <blockquote>rue Haute</blockquote>merci", "Ici : \nrue Haute\nmerci"),
        ("<p style='display:none'>caché<p>Ici", "Ici"),
        ("<table><tr style='display:none'><td>caché<tr><td>Ici</table>", "Ici"),
        ("1 < 2 et 3 > 2", "1 < 2 et 3 > 2"),
        ("Ici &#" + "9" * 5000 + ";", "Ici \ufffd"),
        ("<p style=display:none>caché<div>Ici", "Ici"),
        ("<p hidden>caché<hr>Ici", "Ici"),
        ("<table><tr><td>a<td style='display:none'>caché</table>Ici", "a\nIci"),
        ("<table><tbody hidden><tr><td>caché<tbody><tr><td>Ici</table>", "Ici"),
        ("<ul><li>un<li hidden>caché</ul>Ici", "un\nIci"),
        ("<ul><li hidden>caché<ul><li>caché</ul>caché<li>Ici</ul>", "Ici"),
        ("<table><tr><td hidden>caché<table><tr><td>caché</td></table>caché<td>Ici</table>", "Ici"),
        ("<div hidden><table><tr><td>caché</div>caché</table></div>Ici", "Ici"),
        ("<select><option hidden>caché<option>Ici</select>", "Ici"),
        ("Ici <span hidden><b>caché</b><br></span>là", "Ici là"),
        ("<p style='-webkit-backface-visibility:hidden; color:red'>Ici", "Ici"),
        ("<p style='color:red;DISPLAY : none !important'>caché</p>Ici", "Ici"),
        ("<blockquote class='blockquote'>Ici</blockquote>", "Ici"),
        ("<div class='quote'>Ici</div>", "Ici"),
        ("<img hidden>Ici", "Ici"),
        ("<div hidden><p hidden>caché</p>caché</div>Ici", "Ici"),
        ("Ici <div hidden>caché</div>là", "Ici là"),
        ("<p style='visibility:hidden'>caché</p>Ici", "Ici"),
    ],
)
def test_html_says_what_its_reader_sees(page: str, said: str) -> None:
    made = EmailMessage()
    made.set_content(" \n")
    made.add_alternative(page, subtype="html")
    assert mail_words.words(made).strip() == said


def test_what_is_attached_is_no_words() -> None:
    made = EmailMessage()
    made.set_content("Ici")
    made.add_attachment("attaché", filename="notes.txt")
    assert mail_words.words(made).strip() == "Ici"


def test_a_word_of_a_header_that_is_none_is_left_out() -> None:
    assert mail_words.in_utf8("Le trou =?iso-8859-1?b?a?= ici") == "Le trou  ici"


def test_long_words_are_read_to_the_last_whole_sign_of_their_beginning() -> None:
    said = mail_words.decoded(b"x" + "é".encode() * mail_words.LONGEST, "utf-8")
    assert said == "x" + "é" * ((mail_words.LONGEST - 1) // 2)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("text/markdown", True),
        ("text/enriched", True),
        ("multipart/mixed", True),
        ("text/calendar", False),
        ("text/vcard", False),
        ("message/rfc822", False),
        ("application/pdf", False),
    ],
)
def test_text_of_any_kind_is_words_and_so_is_what_says_not_where_its_parts_begin(
    kind: str, said: bool
) -> None:
    raw = f"Content-Type: {kind}\n\nLe *trou* est là.".encode()
    made: Any = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail_words.words(made) == ("Le *trou* est là." if said else "")


def test_a_letter_that_is_forwarded_is_an_attachment_of_which_its_sender_hears(
    office: Town, imap: Any, smtp: Any
) -> None:
    _space, post = thread(office)
    made = letter(asked(office, smtp)["Reply-To"])
    made.add_attachment(letter("somebody@example.org", "Forwarded"))
    take_in(office, imap, made)
    assert [body for body, *_rest in replied(office, post)] == ["Oui, mardi me va.\n\nMerci !"]
    rows = sa.select(Mail.text).where(Mail.kind == "core.attachments")
    [text] = office.run(lambda: db.session.scalars(rows).all())
    assert "1 attachment" in text


def test_one_stray_byte_spoils_no_letter(office: Town, imap: Any) -> None:
    head = b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    text = "Le trou est là, près de l’école, à l’angle.".encode() + b"\n-- \nv\xe9rifi\xe9"
    made: Any = email.message_from_bytes(head + text, policy=email.policy.default)
    assert mail_words.words(made).startswith("Le trou est là, près de l’école, à l’angle.")


def test_all_parts_of_text_are_words(office: Town, imap: Any) -> None:
    address = office.run(lambda: api.mailbox("post.box", "x"))
    made = letter(address, "Voici le trou :")
    made.add_attachment(b"GIF89a", "image", "gif", filename="trou.gif", disposition="inline")
    made.attach(MIMEText("Il est devant la halle.", _charset="utf-8"))
    made.add_attachment("Not words", filename="notes.txt")
    take_in(office, imap, made)
    [one] = received
    assert " ".join(one.text.split()) == "Voici le trou : Il est devant la halle."


def test_a_header_is_read_in_its_charset(office: Town, imap: Any) -> None:
    address = office.run(lambda: api.mailbox("post.box", "x"))
    subjects = (
        *(b"=?iso-8859-1?q?L=92=C9t=E9?=", b"=?us-ascii?q?L=92=C9t=E9?=", b"=?cp-850?b?TOKAmcOJdMOp?="),
        *("L’Été".encode(), b"L\x92\xc9t\xe9"),
    )
    for number, subject in enumerate(subjects):
        made = letter(address, f"Words {number}").as_bytes()
        imap.deliver(re.sub(rb"(?m)^Subject: .*$", b"Subject: " + subject, made))
    office.run(intake.fetch)
    assert [one.subject for one in received] == ["L’Été"] * 5


@pytest.mark.engines
def test_what_the_database_can_t_hold_sets_its_message_aside(
    office: Town, imap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = office.run(lambda: api.mailbox("post.box", "x"))

    def hold(letter: Any) -> None:
        if letter.subject == "too much":
            db.session.execute(sa.select(Entry.id).where(Entry.id == 2**80))
        take(letter)

    handler = office.run(lambda: registry.current().declared("mail_handlers", "post.box")[1])
    monkeypatch.setitem(handler.__dict__, "run", hold)
    take_in(office, imap, letter(address, "1", subject="too much"), letter(address, "2"))
    assert (imap.count(), imap.count("Refused"), imap.count("Done")) == (0, 1, 1)
    assert [one.text.strip() for one in received] == ["2"]


NESTED = b"Content-Type: message/rfc822\n\n" * 2000
BOX = b"From: a@example.org\nTo: town+post.box.x@parvis.example\n"
DEEP = {
    "sender": b"From: " + b"(" * 6000 + b"\nTo: town+post.box.x@parvis.example\n\nx",
    "recipients": b"From: a@example.org\nTo: town+post.box.x@parvis.example, " + b"(" * 6000 + b"\n\nx",
    "type": BOX + b"Content-Type: " + b"(" * 6000 + b"\n\nx",
    "name": BOX + b"Message-ID: " + b"(" * 6000 + b"\n\nx",
    "messages in messages": BOX + NESTED + b"x",
    "a charset that is none": BOX + b"Content-Type: text/plain; charset=none\n\nx",
}


@pytest.mark.parametrize("raw", DEEP.values(), ids=DEEP.keys())
def test_whatever_ends_its_reader_is_set_aside_and_the_next_is_read(
    office: Town, imap: Any, raw: bytes
) -> None:
    address = office.run(lambda: api.mailbox("post.box", "x"))
    imap.deliver(raw)
    take_in(office, imap, letter(address, "Words"))
    assert [one.text.strip() for one in received][-1] == "Words"
    assert imap.count() == 0


PUNYCODE = BOX + b"Content-Type: text/plain; charset=punycode\n\n"
SLOW = {
    "a slow charset": (
        BOX + b"Content-Type: text/plain; charset=punycode\n\n" + b"a" * 150_000,
        b"-b",
        300_000,
    ),
    "tags without an end": (BOX + b"Content-Type: text/html\n\n", b"<a ", 255_000),
    "attributes without an end": (BOX + b"Content-Type: text/html\n\n", b"<a b='", 255_000),
    "remarks without an end": (BOX + b"Content-Type: text/html\n\n", b"<!-", 255_000),
    "scripts without an end": (BOX + b"Content-Type: text/html\n\n", b"<script>", 255_000),
    "numbers of characters": (BOX + b"Content-Type: text/html\n\n", b"&#1", 255_000),
    "nested tags": (BOX + b"Content-Type: text/html\n\n", b"<div>\n", 255_000),
    "tags that reopen": (BOX + b"Content-Type: text/html\n\n" + b"<b a=1>" * 9000, b"<p>x\n", 190_000),
    "cells that end the others": (BOX + b"Content-Type: text/html\n\n", b"<table><td><ul><li>", 255_000),
    "tags that end nothing": (
        BOX + b"Content-Type: text/html\n\n<div>" + b"<td>" * 30_000,
        b"</div>",
        130_000,
    ),
    "quotes": (BOX + b"Subject: x\nContent-Type: text/plain; ", b'"', 31_000),
    "comments": (BOX + b"Content-Type: text/plain; ", b"(a)", 31_000),
    "recipients": (b"From: a@example.org\nTo: ", b'"', 31_000),
}


@pytest.mark.parametrize(("begin", "part", "size"), SLOW.values(), ids=SLOW.keys())
def test_no_message_takes_long_to_read(office: Town, begin: bytes, part: bytes, size: int) -> None:
    raw = begin + part * (size // len(part)) + b"\n\nx"
    start = time.process_time()
    office.run(lambda: intake.read(raw))
    assert time.process_time() - start < 3


def test_without_a_mailbox_no_address_is_offered(town: Town, smtp: Any) -> None:
    ways = {"smtp_host": "127.0.0.1", "smtp_port": smtp.port, "smtp_tls": "none"}
    town.app.config["PARVIS"] = replace(town.app.config["PARVIS"], **ways)
    thread(town)
    assert asked(town, smtp)["Reply-To"] is None
    town.run(intake.fetch)


def test_a_plugin_takes_mail_in_at_an_address_of_its_own(office: Town, imap: Any) -> None:
    office.person("ana")
    address = office.run(lambda: api.mailbox("post.box", "visit-12"))
    assert address == "town+post.box.visit-12@parvis.example"
    take_in(office, imap, letter(address, "Words"), letter(address, "Others", sender="x@example.org"))
    [first, second] = received
    assert (first.rest, first.sender, first.user_id) == ("visit-12", "ana@example.org", office.person("ana"))
    assert (first.text.strip(), first.subject) == ("Words", "Re: Which day?")
    assert (second.user_id, second.attachments) == (None, ())
    take_in(office, imap, letter(address, "Trouble", subject="fail"))
    office.run(lambda: registry.current().settle())
    faults = office.run(lambda: list(db.session.scalars(sa.select(PluginFault.place))))
    assert (imap.count(), imap.count("Refused")) == (0, 1)
    office.run(lambda: registry.current().switch("post", False))
    take_in(office, imap, letter(address, "While off"))
    assert len(received) == 3
    assert faults == ["mail post.box"]


@pytest.mark.parametrize("host", ["parvis.example.evil.example", "parvisxexample", "evil.example"])
def test_an_address_at_another_host_is_not_ours(office: Town, imap: Any, host: str) -> None:
    office.run(intake.fetch)
    imap.deliver(letter("x").as_bytes().replace(b"To: x", f"To: town+post.box.x@{host}".encode(), 1))
    office.run(intake.fetch)
    assert received == []
    assert (imap.count(), imap.count("Refused")) == (0, 1)


def test_who_takes_mail_in_for_a_plugin_may_do_what_nobody_may(
    office: Town, imap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    handler = office.run(lambda: registry.current().declared("mail_handlers", "post.box")[1])
    monkeypatch.setitem(
        handler.__dict__, "run", lambda _letter: seen.append((api.viewer().id, api.viewer().role))
    )
    take_in(office, imap, letter(office.run(lambda: api.mailbox("post.box", "x")), "Words"))
    assert seen == [(None, "visitor")]


def test_a_message_stays_while_the_database_is_in_trouble(
    office: Town, imap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trouble(_letter: Any) -> None:
        raise sa.exc.OperationalError("", {}, Exception())

    handler = office.run(lambda: registry.current().declared("mail_handlers", "post.box")[1])
    address = office.run(lambda: api.mailbox("post.box", "x"))
    with monkeypatch.context() as patch:
        patch.setitem(handler.__dict__, "run", trouble)
        for _time in range(5):
            with pytest.raises(sa.exc.OperationalError):
                take_in(office, imap, *([letter(address, "Words")] if imap.count() == 0 else []))
        assert (imap.count(), imap.count("Refused")) == (1, 0)
    office.run(intake.fetch)
    assert [one.text.strip() for one in received] == ["Words"]


def test_of_a_message_without_end_the_beginning_is_read(office: Town, imap: Any) -> None:
    address = office.run(lambda: api.mailbox("post.box", "x"))
    many = letter(address, "First")
    for number in range(intake.PARTS + 50):
        many.add_attachment("x" * 2000, filename=f"{number}.txt")
    long = letter(address, "Long", X_More="a" * intake.HEADERS)
    take_in(office, imap, many, long)
    assert [(one.text.strip(), len(one.attachments) < intake.PARTS) for one in received] == [("First", True)]
    assert imap.count("Refused") == 1
    raw = letter(address, "Null").as_bytes()
    imap.deliver(re.sub(rb"(?m)^Subject: .*$", b"Subject: =?utf-8?q?a=01=00b?=", raw))
    office.run(intake.fetch)
    assert received[-1].subject == "ab"


OURS = {"parvis@localhost", TOWN, "+core.reply."}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GMAIL, "Oui, mardi me va.\n\nMerci !"),
        ("Yes\n\nOn Wed, Nov 25, 2026 at 10:12 AM Parvis <parvis@localhost> wrote:\n> hi", "Yes"),
        ("Oui\n\n> Le 25 nov. 2026 à 10:12, Parvis <parvis@localhost> a écrit :\n> \n> Salut", "Oui"),
        ("Le 25 nov. 2026 à 10:12, Parvis a écrit :\n> Which day?\n\nMardi", "Mardi"),
        ("Oui\n-- \nAna Dupont\n0123456789", "Oui"),
        (
            "Oui\n\nEnvoyé de mon iPhone\n\nLe 25 nov. 2026 à 10:12, Parvis <parvis@localhost> a écrit :",
            "Oui",
        ),
        ("Oui\n\n________________________________\nDe : Parvis <parvis@localhost>\nEnvoyé : mercredi", "Oui"),
        ("Oui\n\n-----Message d'origine-----\nDe : Parvis <parvis@localhost>\nbla", "Oui"),
        ("- un\n- deux", "- un\n- deux"),
        (
            "Le marché du 25 novembre 2026 à 10h30 est annulé.",
            "Le marché du 25 novembre 2026 à 10h30 est annulé.",
        ),
        ("Ma réponse :\n> Mardi ?\n\nNon", "Ma réponse :\n\nNon"),
        ("> all quoted", ""),
        ("", ""),
    ],
)
def test_what_mail_programs_put_around_words_is_left_out(text: str, words: str) -> None:
    assert quotes.unquoted(text, OURS) == words


@pytest.mark.parametrize(
    "part", ["Le ", ">", " \n", "a ", "On 10:12 ", "-", "_", "De : ", "Envoyé d", "<br", "> a\n"]
)
def test_hostile_words_are_read_in_one_go(part: str) -> None:
    quotes.unquoted(part * (256 * 1024 // len(part)), OURS)
