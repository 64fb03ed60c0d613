"""The outbox: what leaves, what waits, what is tried again, and what is forgotten."""

import datetime as dt
import email.policy
import re
import smtplib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from core import jobs, mail, settings
from core.db import db, now, write
from core.models import JobRow, Mail
from core.plugin import Claim
from core.testing import Town


@pytest.fixture
def posting(town: Town, smtp: Any) -> Town:
    """A town whose mail leaves by the test's mail server."""
    connect(town, smtp.port)
    return town


def connect(town: Town, port: int, **values: Any) -> None:
    config = town.app.config["PARVIS"]
    changed = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_tls": "none",
        "mail_from": "town@parvis.example",
    }
    town.app.config["PARVIS"] = replace(config, **changed | values)


def send(
    town: Town, recipient: str = "ana@example.org", subject: str = "Hello", text: str = "A word.\n"
) -> int:
    def put() -> int:
        with write() as session:
            mail.send("test", recipient, subject, text, f"<p>{text}</p>")
            session.flush()
            return session.scalar(sa.select(sa.func.max(Mail.id)))

    return town.run(put)


def row(town: Town, number: int) -> Mail:
    return town.run(lambda: db.session.get(Mail, number))


def later(town: Town, **time: int) -> None:
    """Let the time until each message's and job's next try pass."""

    def shift() -> None:
        with write() as session:
            session.execute(sa.update(Mail).values(next_at=now() - dt.timedelta(seconds=1)))
            session.execute(sa.update(JobRow).values(run_at=now() - dt.timedelta(seconds=1)))

    town.run(shift)


def test_a_message_leaves_once_and_its_words_are_erased(posting: Town, smtp: Any) -> None:
    number = send(posting, subject="Réouverture de la passerelle")
    assert smtp.messages == [], "nothing leaves inside a request"
    jobs.run_due(posting.app)
    (message,) = smtp.messages
    assert message["Subject"] == "Réouverture de la passerelle"
    assert message["From"] == "Parvis <town@parvis.example>"
    assert message["To"] == "ana@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_body(("plain",)).get_content().strip() == "A word."
    assert message.get_body(("html",)).get_content().split() == ["<p>A", "word.", "</p>"]
    sent = row(posting, number)
    assert (sent.status, sent.text, sent.html) == ("sent", None, None)
    assert sent.sent_at is not None
    later(posting)
    jobs.run_due(posting.app)
    assert len(smtp.messages) == 1


def test_without_a_mail_server_everything_waits(town: Town) -> None:
    number = send(town)
    jobs.run_due(town.app)
    assert (row(town, number).status, row(town, number).attempts) == ("waiting", 0)
    assert row(town, number).text == "A word.\n"


@pytest.mark.parametrize(
    ("recipient", "subject"),
    [
        ("ana@example.org\nBcc: all@example.org", "Hello"),
        ("ana@example.org", "Hello\r\nBcc: x@y.z"),
        ("", "Hello"),
    ],
)
def test_no_header_is_smuggled_in(town: Town, recipient: str, subject: str) -> None:
    with pytest.raises(ValueError, match="more than one line"):
        send(town, recipient, subject)
    assert town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(Mail))) == 0


@pytest.mark.parametrize("sign", ["\n", "\r", "\r\n", "\x0b", "\x85", "\u2028"])
def test_a_name_of_several_lines_stays_in_one_subject(town: Town, sign: str) -> None:
    letter = town.run(
        lambda: mail.compose(
            "core/mail/confirm",
            "en",
            claim=Claim("a.b", f"A{sign}Bcc: x@y.z", lambda _payload: "/"),
            link="http://localhost/x",
        )
    )
    assert letter.subject.startswith("Please confirm: A")
    assert len(letter.subject.splitlines()) == 1


def test_a_server_that_is_away_is_tried_again_with_growing_pauses(
    town: Town, free_port: Callable[[], int]
) -> None:
    connect(town, free_port())
    numbers = [send(town), send(town, "ben@example.org")]
    pauses = []
    for _ in range(3):
        later(town)
        town.run(mail.deliver)
        pauses.append((row(town, numbers[0]).next_at - now()).total_seconds())
    waiting = row(town, numbers[0])
    assert (waiting.status, waiting.attempts, waiting.error) == ("waiting", 3, "ConnectionRefusedError")
    assert 60 < pauses[0] < pauses[1] < pauses[2]
    assert waiting.text == "A word.\n"
    assert row(town, numbers[1]).attempts == 0, "one refused connection is not tried for each message"


def test_after_the_last_try_the_words_are_erased_too(town: Town, free_port: Callable[[], int]) -> None:
    connect(town, free_port())
    number = send(town)
    for _ in range(mail.TRIES):
        later(town)
        jobs.run_due(town.app)
    failed = row(town, number)
    assert (failed.status, failed.text, failed.html) == ("failed", None, None)


def test_a_refused_recipient_fails_at_once_and_holds_nobody_up(posting: Town, smtp: Any) -> None:
    async def refuse(server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.startswith("nobody"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    smtp.handle_RCPT = refuse
    numbers = [send(posting, "nobody@example.org"), send(posting, "ana@example.org")]
    jobs.run_due(posting.app)
    refused, sent = (row(posting, number) for number in numbers)
    assert (refused.status, refused.error) == ("failed", "SMTPRecipientsRefused 550")
    assert "nobody" not in refused.error
    assert sent.status == "sent"


def test_an_address_that_the_server_cannot_write_holds_nobody_up(
    posting: Town, smtp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtplib.SMTP, "has_extn", lambda _server, name: name.lower() != "smtputf8")
    numbers = [send(posting, "zoé@example.org"), send(posting, "ana@example.org")]
    jobs.run_due(posting.app)
    refused, sent = (row(posting, number) for number in numbers)
    assert (refused.status, refused.error) == ("failed", "SMTPNotSupportedError")
    assert sent.status == "sent"


def test_a_recipient_who_is_busy_is_tried_again(posting: Town, smtp: Any) -> None:
    async def busy(server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        return "450 mailbox busy"

    smtp.handle_RCPT = busy
    number = send(posting)
    jobs.run_due(posting.app)
    assert (row(posting, number).status, row(posting, number).error) == (
        "waiting",
        "SMTPRecipientsRefused 450",
    )


def test_a_crash_after_the_servers_yes_sends_nothing_at_once_and_the_same_message_later(
    posting: Town, smtp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = send(posting)

    class Crash(BaseException):
        pass

    def crash(*_arguments: Any, **_values: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(mail, "_change", crash)
        with pytest.raises(Crash):
            posting.run(mail.deliver)
    assert len(smtp.messages) == 1
    posting.run(mail.deliver)
    assert len(smtp.messages) == 1, "the message is leased: another worker doesn't send it too"
    assert row(posting, number).status == "waiting"
    later(posting)
    posting.run(mail.deliver)
    first, second = smtp.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert row(posting, number).status == "sent"


def test_a_message_whose_answer_is_lost_leaves_again_as_the_same(posting: Town, smtp: Any) -> None:
    """Nobody can know whether it was taken: better twice, under one Message-ID, than never."""
    number, take = send(posting), smtp.handle_DATA

    async def hang_up(server: Any, *message: Any) -> str:
        answer: str = await take(server, *message)
        server.transport.abort()
        return answer

    smtp.handle_DATA = hang_up
    posting.run(mail.deliver)
    assert (row(posting, number).status, row(posting, number).error) == ("waiting", "SMTPServerDisconnected")
    smtp.handle_DATA = take
    later(posting)
    posting.run(mail.deliver)
    assert len(smtp.messages) == 2
    assert len({message["Message-ID"] for message in smtp.messages}) == 1
    assert row(posting, number).status == "sent"


def test_a_letter_is_written_in_its_readers_language(town: Town) -> None:
    french, english = (
        town.run(
            lambda language=language: mail.compose(
                "core/mail/reset", language, name="Ana <b>", link="http://localhost/x"
            )
        )
        for language in ("fr", "en")
    )
    assert english.subject.startswith("Choose a new password")
    assert "Hello Ana <b>," in english.text
    assert "Hello Ana &lt;b&gt;," in english.html
    assert '<a href="http://localhost/x">' in english.html
    assert '<html lang="fr">' in french.html
    assert "Bonjour Ana <b>" in french.text
    assert french.subject != english.subject


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("https://evil.example/x", "https[:]//evil[.]example/x"),
        ("Ana http://localhost/sign-out", "Ana http[:]//localhost/sign-out"),
        ("www.évil.fr", "www[.]évil[.]fr"),
        ("win@evil.example", "win@evil[.]example"),
        ("evil．example", "evil[．]example"),
        ("M. Jean-Noël St. James 3.2, l’été", "M. Jean-Noël St. James 3.2, l’été"),
    ],
)
def test_words_of_strangers_lead_nowhere(town: Town, words: str, shown: str) -> None:
    letters = town.run(
        lambda: [
            mail.compose("core/mail/reset", "en", name=words, link="http://localhost/x"),
            mail.compose("core/mail/invitation", "en", inviter=words, space=words, link="http://localhost/x"),
        ]
    )
    for letter in letters:
        assert re.findall(r'href="([^"]*)"', letter.html) == ["http://localhost/x", "http://localhost"]
        assert re.findall(r"\w+://\S+", letter.text) == ["http://localhost/x", "http://localhost"]
        assert shown in letter.text
        assert shown in letter.html
        assert words == shown or words not in letter.subject


def test_a_letter_leads_to_the_portal_alone(town: Town) -> None:
    for link in ("https://evil.example/", "http://localhost@evil.example/", "http://localhost.evil.example"):
        with pytest.raises(ValueError, match="own pages"):
            town.run(lambda link=link: mail.compose("core/mail/reset", "en", name="Ana", link=link))


def test_messages_travel_as_valid_mail(town: Town) -> None:
    def build() -> bytes:
        letter = mail.compose("core/mail/reset", "fr", name="Zoé", link="http://localhost/x")
        row = Mail(
            id=7, recipient="ana@example.org", created_at=now(), subject=letter.subject, text=letter.text
        )
        with write():
            settings.save("core.town", {"name": 'Val, "d’Œuvre" <x@y.z>'})
        return mail.message(row, town.app.config["PARVIS"], letter, {}).as_bytes(policy=email.policy.SMTP)

    raw = town.run(build)
    read = email.message_from_bytes(raw, policy=email.policy.default)
    assert read["From"].addresses[0].addr_spec == "parvis@localhost"
    assert read["From"].addresses[0].display_name == 'Val, "d’Œuvre" <x@y.z>'
    assert read["Message-ID"].startswith("<7.")


def test_addresses_in_headers_travel_in_one_piece(town: Town) -> None:
    host = f"participation.{'et-de-la-vallee.' * 6}example"
    config = replace(town.app.config["PARVIS"], url=f"https://{host}")
    row = Mail(id=7, recipient="ana@example.org", created_at=now(), subject="Benches")
    letter = mail.Letter("Les bancs de la place du Marché : " + "réponse " * 12, "Words.", "")
    headers = {
        "List-Unsubscribe": f"<https://{host}/unsubscribe/{'x' * 90}>",
        "References": f"<thread.7@{host}>",
    }
    raw = town.run(lambda: mail.message(row, config, letter, headers)).as_bytes().decode("ascii")
    for name, value in headers.items():
        assert f"\n{name}: {value}\n" in raw
    assert re.search(rf"^Message-ID: <7\.\d+@{re.escape(host)}>$", raw, re.MULTILINE)
    lines = [line for line in raw.partition("\n\n")[0].splitlines() if host not in line]
    assert max(map(len, lines)) <= 78, "what may be folded is"


def test_a_masked_address_tells_nobody_enough() -> None:
    assert mail.mask("camille.desnoyers@parvis.example") == "c…@p….example"
