"""A passage that was taken out is nowhere any more: history, search, Atom, mail, pictures."""

from __future__ import annotations

import html as entities
import io
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
import sqlalchemy as sa
from PIL import Image
from werkzeug.datastructures import FileStorage

from core import files, jobs, mail
from core.db import db
from core.feed import actions
from core.models import Entry, File, Mail, PendingClaim, Revision, Space
from core.search import find, index
from portal import files as portal_files
from portal.notices import mailing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .conftest import Square

SECRET = "0612345678"


def everything(square: Square, post: int) -> str:
    """All that visitors and the author are shown, mailed, or find of a post."""
    jobs.run_due(square.town.app)
    seen = []
    for name in (None, "writer", "reader"):
        browser = square.browser(name)
        pages = ("/", f"/posts/{post}", f"/posts/{post}/history", f"/spaces/{square.space}", "/feed.atom")
        seen += [browser.get(path).text for path in (*pages, "/search?q=evening call number")]

    def letters() -> str:
        rows = db.session.scalars(sa.select(Mail).where(Mail.status == "waiting")).all()
        return " ".join(words[0].text + words[0].html for row in rows if (words := mail.written(row)))

    return " ".join([*seen, square.town.run(letters)])


def test_a_passage_taken_out_is_found_nowhere(square: Square) -> None:
    square.browser("reader").submit(f"/spaces/{square.space}/follow", f"/spaces/{square.space}")
    post = square.say(f"Call her: {SECRET}, in the evening", title=f"Her number {SECRET}", confirmed=True)

    def edit() -> None:
        entry = db.session.get(Entry, post)
        actions.change_entry(entry, body=f"Call her: {SECRET}, never mind", confirmed=True)

    square.town.run(edit, "writer")
    before = everything(square, post)
    assert SECRET in before
    answer = square.browser("agent").submit(f"/posts/{post}/redact", passage=SECRET, reason="private")
    assert answer.status_code == 302, answer.text
    after = everything(square, post)
    assert SECRET not in after
    assert "[…]" in after

    def kept() -> str:
        rows = [*db.session.scalars(sa.select(Entry)), *db.session.scalars(sa.select(Revision))]
        return " ".join(f"{row.title} {row.body} {row.html}" for row in rows)

    assert SECRET not in square.town.run(kept)
    square.town.run(lambda: index.run(seconds=10))
    assert square.town.run(lambda: find.search(SECRET).hits, "writer") == []
    assert "core.decision" in square.notices("writer")


def test_what_stood_beside_a_passage_stays_in_what_was_said_before(square: Square) -> None:
    post = square.say(f"Call her: {SECRET}, in the evening", confirmed=True)

    def edit() -> None:
        actions.change_entry(db.session.get(Entry, post), body="Call nobody", confirmed=True)

    square.town.run(edit, "writer")
    answer = square.browser("agent").submit(f"/posts/{post}/redact", passage=SECRET, reason="private")
    assert answer.status_code == 302, answer.text
    [before] = square.town.run(lambda: list(db.session.scalars(sa.select(Revision.body))))
    assert before == "Call her: […], in the evening"


def test_a_passage_taken_out_is_in_no_file_of_the_database(square: Square, tmp_path: Path) -> None:
    if square.town.run(lambda: db.engine.dialect.name) != "sqlite":
        return  # PostgreSQL's own housekeeping does it
    post = square.say("Plain words")

    def edit() -> None:
        actions.change_entry(db.session.get(Entry, post), body="Plain words of krakatoum")

    def kept() -> list[str]:
        return [path.name for path in tmp_path.rglob("town.db*") if b"krakatoum" in path.read_bytes()]

    square.town.run(edit, "writer")
    jobs.run_due(square.town.app)
    assert "town.db-wal" in kept()
    square.browser("agent").submit(f"/posts/{post}/redact", passage="krakatoum", reason="private")
    jobs.run_due(square.town.app)
    assert kept() == []


def test_a_passage_is_taken_out_of_what_was_told_about_it(square: Square) -> None:
    """Of reports, their exact address, decisions and answers; and of the letter that waits."""
    post = square.say(f"Call her: {SECRET}", confirmed=True)
    told = {"text": f"It gives {SECRET} away", "address": f"http://localhost/posts/{post}#{SECRET}"}
    legal = {"legal": "y", "name": "Alma Reader", "good_faith": "y", "reason": "private"}
    assert square.report(post, **told, **legal).status_code == 302
    case = square.case(post)
    assert square.decide(case, "kept", text=f"{SECRET} is a shop's").status_code == 302
    assert "core.decision" in square.notices("reader")
    answer = square.browser("reader").submit(f"/me/moderation/{case}/answer", words=f"{SECRET} is hers")
    assert answer.status_code == 302

    def shown() -> str:
        def letters() -> str:
            mailing.mail_due()
            rows = db.session.scalars(sa.select(Mail).where(Mail.status == "waiting")).all()
            return " ".join(words[0].text for row in rows if (words := mail.written(row)))

        rows = [vars(one) for one in (*square.cases(), *square.reports())]
        pages = [square.browser(name).get("/me/moderation").text for name in ("reader", "writer")]
        pages += [square.browser("agent").get("/moderation/").text]
        return " ".join([str(rows), *pages, square.town.run(letters)])

    assert shown().count(SECRET) > 6
    answer = square.browser("agent").submit(f"/posts/{post}/redact", passage=SECRET, reason="private")
    assert answer.status_code == 302, answer.text
    assert SECRET not in shown()
    assert "[…] is a shop" in shown()


def test_a_passage_is_taken_out_of_a_report_that_waits_for_its_link(square: Square) -> None:
    post, other = square.say(f"Call her: {SECRET}", confirmed=True), square.say("Plain words")
    told = {"text": f"It gives {SECRET} away, private", "reason": "private", "email": "guest@example.org"}
    legal = {
        "legal": "y",
        "name": "Alma",
        "good_faith": "y",
        "address": f"http://localhost/posts/{post}#{SECRET}",
    }
    for entry in (post, other):
        assert square.browser().submit(f"/posts/{entry}/report", **told, **legal).status_code == 200

    def kept() -> list[str]:
        return [str(one) for one in db.session.scalars(sa.select(PendingClaim.payload))]

    assert [SECRET in one for one in square.town.run(kept)] == [True, True]
    letters = square.town.run(lambda: list(db.session.scalars(sa.select(Mail.text).order_by(Mail.id))))
    link = re.findall(r"http://localhost(/confirm/\S+)", letters[0])[0]
    square.browser("agent").submit(f"/posts/{post}/redact", passage=SECRET, reason="private")
    assert sorted(SECRET in one for one in square.town.run(kept)) == [False, True], "of another nothing is"
    guest = square.browser()
    assert SECRET not in guest.get(link).text
    assert guest.submit(link).status_code == 302
    [filed] = square.reports()
    assert (filed.reason, filed.text) == ("private", "It gives […] away, private")
    assert SECRET not in filed.address
    again = square.say(f"Write to {SECRET}", confirmed=True)
    answer = square.browser("agent").submit(f"/posts/{again}/redact", passage=SECRET, reason="private")
    assert answer.status_code == 302, "a link that was used holds no report"


def test_nor_is_a_passage_kept_in_the_words_of_who_takes_it_out(square: Square) -> None:
    post = square.say(f"Call her: {SECRET}", confirmed=True)
    said = f"{SECRET} is not yours to tell"
    agent = square.browser("agent")
    agent.submit(f"/posts/{post}/redact", passage=SECRET, reason="private", text=said)
    assert [one.text for one in square.cases()] == ["[…] is not yours to tell"]
    square.notices("writer")
    pages = [square.browser("writer").get(page).text for page in ("/me/moderation", "/notices")]
    assert "is not yours to tell" in pages[0]
    assert SECRET not in " ".join(pages)


def test_nobody_learns_by_redacting_what_others_told(square: Square) -> None:
    post = square.say("Plain words")
    square.report(post, text="His neighbour told me")
    answer = square.browser("keeper").submit(f"/posts/{post}/redact", passage="neighbour", reason="private")
    assert answer.status_code == 422
    assert "These words are not in it" in answer.text
    assert [one.text for one in square.reports()] == ["His neighbour told me"]


def test_words_that_are_not_there_are_refused_and_outsiders_redact_nothing(square: Square) -> None:
    post = square.say("Plain words")
    answer = square.browser("agent").submit(f"/posts/{post}/redact", passage="other words", reason="private")
    assert answer.status_code == 422
    assert "These words are not in it" in answer.text
    for name in ("reader", "writer", "agent2"):
        browser = square.browser(name)
        assert (
            browser.submit(f"/posts/{post}/redact", "/me", passage="Plain", reason="private").status_code
            == 403
        ), name
    assert "Plain words" in square.browser().get(f"/posts/{post}").text


def prepared() -> files.Prepared:
    """A picture, always the same, as it is before anything is published."""
    data = io.BytesIO()
    Image.new("RGB", (900, 700), "red").save(data, "PNG")
    data.seek(0)
    return files.prepare(FileStorage(data, "face.png"))


def show(square: Square, picture: files.Prepared, alt: str = "") -> int:
    """Publish a post with a picture; answers its id."""
    space = db.session.get(Space, square.space)
    return int(actions.publish(space, "Look", pictures=[(picture, alt)], confirmed=True).id)


def pictured(square: Square, alt: str) -> int:
    """The id of a post with a picture."""
    return int(square.town.run(lambda: show(square, prepared(), alt), "writer"))


def take_out_picture(square: Square, post: int) -> None:
    """Redact the picture of a post."""
    where = sa.select(File.id).where(File.entry_id == post)
    picture = square.town.run(lambda: db.session.scalars(where).one())
    page = square.browser("agent").submit(f"/posts/{post}/redact", pictures=[str(picture)], reason="private")
    assert page.status_code == 302, page.text


def whole(square: Square, post: int) -> bool:
    """Whether visitors get the picture of a post, large and small, and nothing else is left."""
    picture = square.town.run(
        lambda: db.session.scalars(sa.select(File).where(File.entry_id == post)).one(), "writer"
    )
    address, browser = f"/files/{picture.id}/{picture.name}", square.browser()
    sizes = [len(browser.get(address + more).data) for more in ("", "?w=640")]
    shelf = square.town.run(lambda: files.stored(picture.sha256).parent)
    return sizes[0] > sizes[1] > 0 and len(list(shelf.iterdir())) == 2


def test_a_passage_in_the_alternative_text_of_a_picture_is_taken_out(square: Square) -> None:
    post = pictured(square, f"A sheet: call {SECRET}")
    assert SECRET in everything(square, post)
    answer = square.browser("agent").submit(f"/posts/{post}/redact", passage=SECRET, reason="private")
    assert answer.status_code == 302, answer.text
    assert SECRET not in everything(square, post)
    assert square.town.run(lambda: db.session.scalars(sa.select(File.alt)).one()) == "A sheet: call […]"


def test_a_picture_taken_out_loses_its_bytes(square: Square) -> None:
    post = pictured(square, "A face")
    picture = square.town.run(lambda: db.session.scalars(sa.select(File)).one())
    path = square.town.run(lambda: files.stored(picture.sha256))
    small = square.town.run(lambda: files.stored(picture.sha256, small=True))
    assert path.exists()
    assert small.exists()
    browser = square.browser("agent")
    shown = re.search(r'<img src="([^"]+)"', browser.get(f"/posts/{post}/redact").text)
    assert shown is not None, "one sees what one takes out"
    assert browser.get(entities.unescape(shown[1])).status_code == 200
    assert (
        browser.submit(f"/posts/{post}/redact", pictures=[str(picture.id)], reason="private").status_code
        == 302
    )
    assert square.browser().get(f"/files/{picture.id}/{picture.name}").status_code == 404
    assert not path.exists()
    assert not small.exists()


def test_a_picture_of_another_post_stays(square: Square) -> None:
    other, post = pictured(square, "A face"), square.say("Plain words")
    [picture] = square.town.run(lambda: db.session.scalars(sa.select(File)).all())
    page = f"/posts/{post}/redact"
    square.browser("agent").submit(page, passage="Plain", pictures=[str(picture.id)], reason="private")
    assert [one.entry_id for one in square.town.run(lambda: db.session.scalars(sa.select(File)).all())] == [
        other
    ]


@pytest.mark.engines
def test_a_picture_that_another_is_posting_keeps_its_bytes(square: Square) -> None:
    """It is taken out of one post between its preparation and its row in another."""
    first = pictured(square, "A face")

    def publish() -> int:
        picture = prepared()
        with ThreadPoolExecutor(1) as agent:
            agent.submit(take_out_picture, square, first).result()
        assert not files.stored(picture.sha256).exists()
        return show(square, picture)

    assert whole(square, square.town.run(publish, "writer"))


@pytest.mark.engines
def test_a_picture_that_is_posted_while_its_bytes_are_put_aside_keeps_them(
    square: Square, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row is there once nobody seemed to name it; whoever posts it dies before looking at its bytes."""
    first, second = pictured(square, "A face"), []
    look = portal_files._nameless

    def post_first(paths: Iterable[Path]) -> set[Path]:
        found = look(paths)
        if not second:
            with ThreadPoolExecutor(1) as writer:
                picture = square.town.run(prepared)
                monkeypatch.setattr(files, "_store_again", lambda _prepared: None)
                second.append(
                    writer.submit(square.town.run, lambda: show(square, picture), "writer").result()
                )
        return found

    monkeypatch.setattr(portal_files, "_nameless", post_first)
    take_out_picture(square, first)
    assert whole(square, second[0])


def test_no_passage_keeps_the_portal_busy(square: Square) -> None:
    """A long one that almost stands at each sign of a long text, and of what was said before."""
    post = square.say("a" * 19_000)

    def edit() -> None:
        for number in range(9):
            entry = db.session.get(Entry, post)
            actions.change_entry(entry, body=f"{number}" + "a" * 18_000, confirmed=True)

    square.town.run(edit, "writer")
    browser, passage = square.browser("agent"), "a" * 3990 + "b"
    page = f"/posts/{post}/redact"
    browser.get(page)
    began = time.perf_counter()
    assert "not in it" in browser.submit(page, passage=passage, reason="private").text
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("passage", ["**", "_ ~~", " "])
def test_signs_of_markdown_alone_are_no_passage(square: Square, passage: str) -> None:
    post = square.say("2 ** 3 _ ~~ 4")
    answer = square.browser("agent").submit(f"/posts/{post}/redact", passage=passage, reason="private")
    assert answer.status_code == 422
    assert "**" in square.browser().get(f"/posts/{post}").text


@pytest.mark.parametrize(
    ("written", "passage", "left"),
    [
        ("Straße 12 and STRASSE", "straße 12", "[…] and STRASSE"),
        ("ÉTÉ, été, Été", "été", "[…], […], […]"),
        ("100%25 of &amp; 100% of &amp;", "100% of &", "[…] […]"),
        ("%41 is a code, A is none", "%41", "[…] is a code, A is none"),
        ("call 06&nbsp;12 *34* now", "06 12 34", "call […]* now"),
        ("call 06 12 34 now", "**06** _12_ 34", "call […] now"),
        ("call `06 12` now", "`06 12`", "call `[…]` now"),
        ("the rapist, therapist", "therapist", "the rapist, […]"),
        ("aaaa", "aa", "[…][…]"),
        ("cafe\u0301 Zorg, café zorg, cafe zorg", "café zorg", "[…], […], cafe zorg"),
        ("cafe\u0301 zorg, cafe zorg, CAFÉ", "cafe", "cafe\u0301 zorg, […] zorg, CAFÉ"),
        ("Việt, Viê\u0323t, Viet", "Việt", "[…], […], Viet"),
        ("zorg\u200bluf, zorg&shy;luf, ｚｏｒｇluf!", "zorgluf", "[…], […], […]!"),
        ("l’été – “ici”, l'été", 'l\'e\u0301te\u0301 - "ici"', "[…], l'été"),
        ("eﬃcace œuvre", "efficace", "[…] œuvre"),
    ],
)
def test_a_passage_is_taken_out_exactly(square: Square, written: str, passage: str, left: str) -> None:
    post = square.say(written)
    answer = square.browser("agent").submit(f"/posts/{post}/redact", passage=passage, reason="private")
    body = square.town.run(lambda: db.session.get(Entry, post).body)
    assert (body, answer.status_code) == (left, 302)


@pytest.mark.parametrize(
    ("before", "passage"),
    [
        ("call 0612 **345** 678 now", "0612 345 678"),
        ("ask Mr &#x5a;orro now", "Zorro"),
        ("ask Mr Zo~~rr~~o now", "Zorro"),
        ("[write](mailto:zorro%40mask.example)", "zorro@mask.example"),
        ("[write](mailto:zorro&commat;mask.example)", "zorro@mask.example"),
        ("[write](mailto:%25 'zorro\\@mask.example')", "zorro@mask.example"),
        ("ask Mr Zor[r](https://mask.example)o now", "Zorro"),
        ("ask Mr Z\\\nor<!-- -->ro, Zor&ZeroWidthSpace;ro, Zor[ro](x) now", "Zorro"),
        ("ask Zor\u200bro or Zor\u00adro or ｚｏｒｒｏ now", "Zorro"),
        ("ask l’été-Zo now", "l'e\u0301té–Zo"),
    ],
)
@pytest.mark.parametrize("since", [True, False], ids=["history", "now"])
def test_a_passage_is_taken_out_however_it_was_written(
    square: Square, before: str, passage: str, since: bool
) -> None:
    post = square.say(before, confirmed=True)

    def edit() -> None:
        actions.change_entry(db.session.get(Entry, post), body=f"I meant {passage}", confirmed=True)

    if since:
        square.town.run(edit, "writer")
    answer = square.browser("agent").submit(f"/posts/{post}/redact", passage=passage, reason="private")
    assert (answer.status_code == 302) or not since
    pages = [square.browser().get(f"/posts/{post}{more}").text for more in ("", "/history")]
    shown = unquote(entities.unescape(re.sub(r"</?(?:a|s|strong|em|code)\b[^>]*>", "", " ".join(pages))))
    aimed = unquote(entities.unescape(" ".join(re.findall(r'(?:href|title)="([^"]*)"', " ".join(pages)))))
    if answer.status_code == 302:
        assert passage not in shown + aimed
    else:
        assert "formatted in between" in answer.text


@pytest.mark.parametrize(
    "before",
    [
        "Mr Zor|ro",
        "Mr Zor<b></b>ro",
        "[Mr](https://mask.example/?q=Z%256Frro)",
        "Mr\n\nZ.o.r.r.o",
        "M\u0301r Zórro",
    ],
)
def test_what_was_said_before_goes_whole_where_letters_of_a_passage_are_read_between_others(
    square: Square, before: str
) -> None:
    post = square.say(f"Kept words {before}", title=f"A plan {before[:200]}")
    edit = {"title": "A plan", "body": "I meant Mr Zorro"}
    square.town.run(lambda: actions.change_entry(db.session.get(Entry, post), **edit), "writer")
    assert "Kept words" in square.browser().get(f"/posts/{post}/history").text
    passage = "Zorro" if "%" in before else "Mr Zorro"
    answer = square.browser("agent").submit(f"/posts/{post}/redact", passage=passage, reason="private")
    assert answer.status_code == 302
    page = square.browser().get(f"/posts/{post}/history").text
    assert "Kept words" not in page
    assert "A plan M" not in page or "%" in before
