"""A mailbox for each visit: what people send becomes a question, once; machines and forgers get nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy.exc import OperationalError

from core import api, jobs, mail, mailbox
from core.db import db, writing
from core.files import FileError
from core.models import Entry, File, Mail
from plugins.neighbourhood_visits.collect import codes, letterbox
from plugins.neighbourhood_visits.models import Asker, Casework
from portal import intake
from portal.privacy import erase

from ..core.test_files import REFUSED, encoded, photo
from .test_collect_ask import row
from .test_collect_codes import opened

if TYPE_CHECKING:
    from .conftest import Scene

TOWN = "town@parvis.example"
SUBJECT, WORDS = "The bins of rue du Lavoir", "They are full each Monday.\n\nCould they come twice?"


@pytest.fixture
def office(scene: Scene, imap: Any, smtp: Any) -> Scene:
    """A town that mails by the test's servers, both ways."""
    ways = {"smtp_host": "127.0.0.1", "smtp_port": smtp.port, "smtp_tls": "none", "mailbox": TOWN}
    ways |= {"imap_host": "127.0.0.1", "imap_port": imap.port, "imap_user": imap.user, "imap_tls": "none"}
    app = scene.town.app
    app.config["PARVIS"] = replace(app.config["PARVIS"], **ways, imap_password=imap.password)
    return scene


def letter(to: str, sender: str = "zibeline@example.net", **headers: str) -> EmailMessage:
    """A message to a visit."""
    made = EmailMessage()
    made["From"], made["To"] = f"Somebody <{sender}>", to
    made["Subject"] = headers.pop("subject", SUBJECT)
    made["Message-ID"] = headers.pop("ident", "<one@example.net>")
    text = headers.pop("text", WORDS)
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def take_in(scene: Scene, imap: Any, *messages: EmailMessage) -> list[Entry]:
    """Let messages arrive and the worker look; the questions that came by mail."""
    for message in messages:
        imap.deliver(message.as_bytes())
    scene.town.run(intake.fetch)
    rows = sa.select(Entry).where(Entry.channel == "email").order_by(Entry.id)
    found: list[Entry] = scene.town.run(lambda: list(db.session.scalars(rows)))
    return found


def sent(scene: Scene, kind: str) -> list[tuple[str, str]]:
    """What was written to whom."""
    rows = sa.select(Mail.recipient, Mail.text).where(Mail.kind == kind).order_by(Mail.id)
    return [tuple(one) for one in scene.town.run(lambda: db.session.execute(rows).all())]


def address(visit: int) -> str:
    """The address of a visit."""
    return f"town+visits.ask.{visit}@parvis.example"


def test_a_message_becomes_a_question_that_its_sender_follows(office: Scene, imap: Any) -> None:
    visit = office.visit()
    assert address(visit) in office.browser().get(f"/visits/{visit}").text
    [entry] = take_in(office, imap, letter(address(visit)))
    assert (entry.title, entry.body.strip(), entry.author_id) == (SUBJECT, WORDS, None)
    assert (entry.state, entry.byline) == ("pending", "Un·e habitant·e")
    agent = office.browser("agent").get(f"/visits/questions/{entry.id}").text
    assert "zibeline@example.net" in agent
    assert "nobody has confirmed" in agent
    assert SUBJECT in office.browser("agent").get(f"/visits/{visit}/review").text
    [(recipient, text)] = sent(office, "visits.mine")
    assert recipient == "zibeline@example.net"
    path = re.search(r"http://localhost(/confirm/\S+)", text)
    assert path
    sender = office.browser()
    code = office.town.run(lambda: codes.code_of(entry.id))
    assert code in sender.get(path[1]).text
    assert SUBJECT in opened(office, code).text
    done = sender.submit(path[1])
    assert code in sender.get(done.location).text
    assert SUBJECT in sender.get(f"/posts/{entry.id}").text
    assert "nobody has confirmed" not in office.browser("agent").get(f"/visits/questions/{entry.id}").text
    assert office.browser("neighbour").get(f"/posts/{entry.id}").status_code == 404


def test_a_message_is_taken_and_acknowledged_once(office: Scene, imap: Any) -> None:
    visit = office.visit()
    take_in(office, imap, letter(address(visit)))
    assert len(take_in(office, imap, letter(address(visit)))) == 1
    assert len(sent(office, "visits.mine")) == 1


def test_a_from_line_acts_in_nobodys_name(office: Scene, imap: Any) -> None:
    visit = office.visit()
    [entry] = take_in(office, imap, letter(address(visit), sender="resident@example.org"))
    assert entry.author_id is None
    assert office.browser("resident").get(f"/posts/{entry.id}").status_code == 404
    assert office.town.run(lambda: list(db.session.scalars(sa.select(Asker)))) == []
    [(recipient, text)] = sent(office, "visits.mine")
    assert recipient == "resident@example.org"
    path = re.search(r"http://localhost(/confirm/\S+)", text)
    assert path
    office.browser().submit(path[1])
    assert office.browser("resident").get(f"/posts/{entry.id}").status_code == 200
    assert row(office, Entry, entry.id).author_id is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"List_Id": "<list.example.org>"},
        {"Return_Path": "<>"},
        {"sender": TOWN},
    ],
)
def test_machines_are_not_listened_to(office: Scene, imap: Any, headers: dict[str, str]) -> None:
    assert take_in(office, imap, letter(address(office.visit()), **headers)) == []
    assert sent(office, "visits.mine") == sent(office, "core.refused") == []


def test_many_messages_from_one_address_are_kept_and_few_are_acknowledged(office: Scene, imap: Any) -> None:
    visit = office.visit()
    many = [letter(address(visit), ident=f"<{number}@example.net>") for number in range(7)]
    assert len(take_in(office, imap, *many)) == 7
    assert len(sent(office, "visits.mine")) == 5


def test_what_is_too_long_is_cut_and_attachments_stay_out(office: Scene, imap: Any) -> None:
    visit = office.visit()
    made = letter(address(visit), subject="S" * 300, text="word " * 3000)
    made.add_attachment(b"MZ" * 40, "application", "octet-stream", filename="tool.exe")
    [entry] = take_in(office, imap, made)
    assert (len(entry.title), len(entry.body)) == (200, 5000)
    assert "tool.exe" in row(office, Casework, entry.id).note


def test_pictures_become_those_of_the_question_and_all_else_is_named(office: Scene, imap: Any) -> None:
    visit = office.visit()
    made = letter(address(visit))
    exif = Image.Exif()
    exif[0x010E] = "Zibeline at home"
    for number in range(6):
        sound = encoded(photo(colour=f"#0000{number}0"), "JPEG", exif=exif)
        made.add_attachment(sound, "image", "jpeg", filename=f"street-{number}.jpg")
    made.add_attachment(encoded(photo(), "PNG"), "text", "html", filename="page.html")
    [entry] = take_in(office, imap, made)
    files = sa.select(File).where(File.entry_id == entry.id).order_by(File.id)
    kept = office.town.run(lambda: list(db.session.scalars(files)))
    assert [one.name for one in kept] == [f"street-{number}.webp" for number in range(4)]
    note = row(office, Casework, entry.id).note
    assert note.startswith("3 ")
    assert all(name in note for name in ("street-4.jpg", "street-5.jpg", "page.html"))
    door = f"/files/{kept[0].id}/{kept[0].name}"
    assert office.browser().get(door).status_code == 404
    shown = office.browser("agent").get(door)
    assert (shown.status_code, shown.mimetype) == (200, "image/webp")
    assert b"Zibeline" not in shown.data
    assert door in office.browser("agent").get(f"/visits/questions/{entry.id}").text


def test_no_more_pictures_of_a_message_are_opened_than_may_be_kept(
    office: Scene, imap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def damaged(upload: Any) -> Any:
        tried.append(upload.filename)
        raise FileError("damaged")

    monkeypatch.setattr("core.api.prepare_picture", damaged)
    made = letter(address(office.visit()))
    for number in range(30):
        made.add_attachment(b"RIFF", "image", "webp", filename=f"{number}.webp")
    assert len(take_in(office, imap, made)) == 1
    assert len(tried) == 4


def test_pictures_are_opened_before_the_write_and_not_for_what_is_not_taken_in(
    office: Scene, imap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_while, really = [], api.prepare_picture

    def watched(upload: Any) -> Any:
        opened_while.append(writing())
        return really(upload)

    monkeypatch.setattr("core.api.prepare_picture", watched)
    made = letter(address(office.visit()))
    made.add_attachment(encoded(photo(), "PNG"), "image", "png", filename="street.png")
    [entry] = take_in(office, imap, made)
    files = sa.select(File.name).where(File.entry_id == entry.id)
    assert office.town.run(lambda: db.session.scalar(files)) == "street.webp"
    monkeypatch.setattr(letterbox, "OF_ONE", 1)
    made.replace_header("Message-ID", "<two@example.net>")
    take_in(office, imap, made)
    closed = letter(address(office.visit(closed=True)), ident="<three@example.net>")
    closed.add_attachment(encoded(photo(), "PNG"), "image", "png", filename="street.png")
    assert len(take_in(office, imap, closed)) == 1
    assert opened_while == [False]


def test_a_message_that_takes_too_long_goes_behind_the_others_then_comes_without_its_pictures(
    office: Scene, imap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = api.prepare_picture

    def endless(upload: Any) -> Any:
        if upload.filename == "endless.png" and upload.stream.read():
            raise jobs.OutOfTime
        return really(upload)

    monkeypatch.setattr("core.api.prepare_picture", endless)
    visit = office.visit()
    made = letter(address(visit), subject="First")
    made.add_attachment(encoded(photo(), "PNG"), "image", "png", filename="endless.png")
    with pytest.raises(jobs.OutOfTime):
        take_in(office, imap, made)
    with pytest.raises(jobs.OutOfTime):
        take_in(office, imap, letter(address(visit), subject="Second", ident="<two@example.net>"))
    assert imap.count() == 1, "what came later is taken in first"
    second, first = take_in(office, imap)
    assert (second.title, first.title) == ("Second", "First")
    assert "endless.png" in row(office, Casework, first.id).note
    assert "endless.png" in office.browser("agent").get(f"/visits/questions/{first.id}").text
    assert (imap.count(), imap.count("Done")) == (0, 2)


def test_what_can_never_be_read_is_set_aside_and_a_lost_database_is_not_its_fault(
    office: Scene, imap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(fault: BaseException, times: int) -> None:
        def take(*_arguments: Any) -> None:
            raise fault

        with monkeypatch.context() as patch:
            patch.setattr(mailbox, "take_in", take)
            for _turn in range(times):
                with pytest.raises(type(fault)):
                    office.town.run(intake.fetch)

    imap.deliver(letter(address(office.visit())).as_bytes())
    fail(OperationalError("", {}, ZeroDivisionError()), 5)
    fail(jobs.OutOfTime(), len(intake.TRIED))
    assert take_in(office, imap) == []
    assert (imap.count(), imap.count("Refused")) == (0, 1)


def test_no_hostile_file_comes_in_by_mail(office: Scene, imap: Any) -> None:
    made = letter(address(office.visit()))
    for name, data in REFUSED.items():
        made.add_attachment(data(), "image", "png", filename=f"{name}.png")
    made.add_attachment(EmailMessage())
    [entry] = take_in(office, imap, made)
    files = sa.select(sa.func.count()).select_from(File)
    assert office.town.run(lambda: db.session.scalar(files)) == 0
    assert row(office, Casework, entry.id).note.startswith(f"{len(REFUSED) + 1} ")


def test_of_a_message_with_too_many_parts_little_is_read(office: Scene, imap: Any) -> None:
    made = letter(address(office.visit()))
    for number in range(4000):
        made.add_attachment(b"x", "image", "png", filename=f"{number}.png")
    [entry] = take_in(office, imap, made)
    assert int(row(office, Casework, entry.id).note.split()[0]) < 2000


def test_a_message_without_a_subject_begins_with_its_first_line(office: Scene, imap: Any) -> None:
    [entry] = take_in(office, imap, letter(address(office.visit()), subject=""))
    assert (entry.title, entry.body) == ("They are full each Monday.", "Could they come twice?")


@pytest.mark.parametrize("why", ["closed", "draft", "none", "nonsense", "empty"])
def test_what_is_no_question_of_an_open_visit_is_refused(office: Scene, imap: Any, why: str) -> None:
    rest: Any = {"none": 99_999, "nonsense": "x1"}.get(why)
    text = {"empty": {"subject": "", "text": " "}}.get(why, {})
    if why == "draft":
        kept = office.browser("mayor").submit("/visits/new", **office.plan(), keep="yes")
        rest = kept.location.rpartition("/")[2]
    visit = rest or office.visit(closed=why == "closed")
    assert take_in(office, imap, letter(address(visit), **text)) == []
    assert sent(office, "core.refused") == [], "a stranger’s address is easily feigned"
    assert imap.count("Refused") == 1


def test_without_a_mailbox_no_address_is_shown(scene: Scene) -> None:
    visit = scene.visit()
    assert "mailto:" not in scene.browser().get(f"/visits/{visit}").text.partition("<main")[2]
    assert scene.town.run(mail.deliver) is None


def test_the_form_of_a_visit_tells_its_mailbox_also_before_it_takes_questions(office: Scene) -> None:
    plan = office.plan() | {"agents": [str(office.town.person("agent"))]}
    visit = int(office.browser("mayor").submit("/visits/new", keep="yes", **plan).location.rpartition("/")[2])
    assert address(visit) in office.browser("agent").get(f"/visits/{visit}/edit").text


def test_too_many_messages_are_counted_and_answered_once(
    office: Scene, imap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = office.visit()
    flood = [letter(address(visit), ident=f"<{number}@example.net>") for number in range(14)]
    assert len(take_in(office, imap, *flood)) == letterbox.OF_ONE
    assert [to for to, _text in sent(office, "visits.enough")] == ["zibeline@example.net"]
    review = office.browser("agent").get(f"/visits/{visit}/review").text
    assert "4 messages by mail were not taken in" in review
    other = letter(address(visit), sender="another@example.net", ident="<other@example.net>")
    assert len(take_in(office, imap, other)) == letterbox.OF_ONE + 1, "others are heard"
    monkeypatch.setattr(letterbox, "OF_ALL", letterbox.OF_ONE + 1)
    third = letter(address(visit), sender="third@example.net", ident="<third@example.net>")
    assert len(take_in(office, imap, third)) == letterbox.OF_ONE + 1
    assert sent(office, "visits.enough")[-1][0] == "third@example.net"
    assert (
        "5 messages by mail were not taken in" in office.browser("agent").get(f"/visits/{visit}/review").text
    )


@pytest.mark.engines
@pytest.mark.parametrize("words", [True, False], ids=["and all words", "under an alias"])
def test_what_somebody_asked_by_mail_and_never_confirmed_goes_with_their_account(
    office: Scene, imap: Any, words: bool
) -> None:
    visit, asker = office.visit(), office.town.person("asker")
    mine = letter(address(visit), sender="asker@example.org", ident="<mine@example.org>")
    asked, another = take_in(office, imap, mine, letter(address(visit)))
    contacts = sa.select(Casework.entry_id, Casework.contact).order_by(Casework.entry_id)

    def kept() -> list[tuple[int, str]]:
        return [tuple(row) for row in office.town.run(lambda: db.session.execute(contacts).all())]

    assert kept() == [(asked.id, "asker@example.org"), (another.id, "zibeline@example.net")]
    office.town.run(lambda: erase.begin(asker, words))
    office.town.run(erase.run)
    theirs = [] if words else [(asked.id, "")]
    assert kept() == [*theirs, (another.id, "zibeline@example.net")]
