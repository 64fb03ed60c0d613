"""Notices: who is told of what, how it reaches them, and what they no longer hear of."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from races import await_lock

from core import access, jobs, live, mail
from core.db import db, lock, now, unfiltered, write
from core.feed import actions
from core.models import (
    Account,
    Entry,
    Follow,
    JobRow,
    Mail,
    Membership,
    Notice,
    NoticeChoice,
    NoticeRound,
    PluginFault,
    Space,
    User,
)
from core.notices import rounds, tell
from core.spaces import actions as spaces
from portal.notices import mailing
from portal.privacy import erase
from portal.spaces import joining

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from core.testing import Town


def say(town: Town, name: str, space: int, body: str = "Hello", parent: int = 0, **values: Any) -> int:
    """Publish as somebody; the entry's id."""

    def publish() -> int:
        above = db.session.get(Entry, parent) if parent else None
        kind = "core.reply" if above else "core.post"
        return actions.publish(db.session.get(Space, space), body, kind=kind, parent=above, **values).id

    return town.run(publish, name)


def notices(town: Town, name: str) -> list[tuple[str, int | None]]:
    """What somebody was told of, once the worker has done its part."""
    jobs.run_due(town.app)
    found = sa.select(Notice.type, Notice.entry_id).order_by(Notice.id)
    return [tuple(row) for row in town.run(lambda: db.session.execute(found).all(), name)]


def prefer(town: Town, name: str, **fields: Any) -> None:
    """Choose on the page how notices come; all as it is but what is given."""
    browser = town.browser(name)
    page = browser.get("/me/notices").text
    shown = re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.S)
    kept = {key: re.search(r'<option selected value="([^"]*)"', options)[1] for key, options in shown}
    answer = browser.submit("/me/notices", **{**kept, "days": ["0"], **fields})
    assert answer.status_code == 302, answer.text


def due(town: Town) -> None:
    """Let the hour of every digest come."""

    def shift() -> None:
        with write() as session:
            waiting = sa.update(NoticeRound).where(NoticeRound.due_at.is_not(None))
            session.execute(waiting.values(due_at=now() - dt.timedelta(seconds=1)))

    town.run(shift)


def letters(town: Town, name: str) -> list[str]:
    """The text of each message with notices that waits for somebody and would leave now, the oldest first."""

    def read() -> list[str]:
        mine = Mail.recipient == f"{name}@example.org"
        rows = sa.select(Mail).where(Mail.status == "waiting", mine).order_by(Mail.id)
        written = [mail.written(row) for row in db.session.scalars(rows).all()]
        return [words[0].text for words in written if words is not None]

    return town.run(read)


def run(town: Town) -> None:
    """Let the worker tell people, then mail those whose time has come."""
    jobs.run_due(town.app)
    town.run(mailing.mail_due)


@pytest.fixture
def square(town: Town) -> int:
    """An open space with Ana, Ben and Cleo in it; Ana hears of new posts at once."""
    space = town.space("Square", "owner")
    for name in ("ana", "ben", "cleo"):
        town.person(name, language="en")
        town.run(lambda: spaces.join(db.session.get(Space, space)), name)
    return space


def test_a_reply_is_told_to_who_wrote_and_to_nobody_else(town: Town, square: int) -> None:
    post = say(town, "ana", square, "A bench, please", title="Benches")
    assert notices(town, "ana") == []
    reply = say(town, "ben", square, "Two, even", parent=post)
    assert notices(town, "ana") == [("core.reply", reply)]
    assert notices(town, "ben") == [("core.post", post)]
    assert notices(town, "cleo") == [("core.post", post)]
    town.person("eve")
    assert notices(town, "eve") == []
    page = town.browser("ana").get("/notices").text
    assert "Ben replied to “Benches”" in page
    town.run(mailing.mail_due)
    [letter] = letters(town, "ana")
    assert "Two, even" in letter
    assert letters(town, "ben") == letters(town, "cleo") == []


def test_who_is_mentioned_hears_that_alone_and_once(town: Town, square: int) -> None:
    post = say(town, "ana", square, "Ask @ben and @owner")
    assert notices(town, "ben") == [("core.mention", post)]

    def edit() -> None:
        actions.change_entry(db.session.get(Entry, post), body="Ask @ben, @owner and @cleo")

    town.run(edit, "ana")
    assert notices(town, "ben") == [("core.mention", post)]
    assert notices(town, "cleo") == [("core.post", post), ("core.mention", post)]


def test_an_event_told_twice_is_one_notice(town: Town, square: int) -> None:
    post = say(town, "ana", square)
    jobs.run_due(town.app)
    town.run(lambda: tell.tell(post, "published", town.person("ana")))
    assert notices(town, "ben") == [("core.post", post)]


def test_what_is_for_the_team_is_told_to_the_team(town: Town, square: int) -> None:
    post = say(town, "owner", square, "Between us, @ben", team_only=True)
    assert notices(town, "ben") == []
    reply = say(town, "owner", square, "More", parent=post)
    town.run(lambda: actions.follow(True, entry=db.session.get(Entry, post)), "owner")
    assert notices(town, "ana") == notices(town, "ben") == []
    assert reply


def test_the_page_shows_the_unread_first_and_opening_marks_as_read(town: Town, square: int) -> None:
    first, second = (say(town, "ana", square, title=title) for title in ("One", "Two"))
    jobs.run_due(town.app)
    ben = town.browser("ben")
    page = ben.get("/notices").text
    assert page.index("Two") < page.index("One")
    assert ">2</span>" in page
    [newest, _] = re.findall(r'action="(/notices/\d+/open)"', page)
    opened = ben.submit(newest, "/notices")
    assert opened.location == f"/posts/{second}#post-{second}"
    page = ben.get("/notices").text
    assert page.index("One") < page.index("Two")
    assert ">1</span>" in page
    assert town.browser("cleo").submit(newest, "/notices").status_code == 404
    ben.submit("/notices/read", "/notices", upto=re.search(r'name="upto" value="(\d+)"', page)[1])
    assert 'class="bell-count"' not in ben.get("/notices").text
    assert first


def test_lists_of_notices_go_on_where_the_page_ends(town: Town, square: int) -> None:
    for number in range(70):
        say(town, "ana", square, title=f"Post {number:02}")
    jobs.run_due(town.app)
    ben = town.browser("ben")
    assert ">9+</span>" in ben.get("/").text
    page, seen, url = ben.get("/notices").text, [], "/notices"
    ben.submit("/notices/read", "/notices", upto=re.findall(r"/notices/(\d+)/open", page)[20])
    while url:
        page = ben.get(url).text
        seen += re.findall(r"Post \d\d", page)
        more = re.search(r'href="(/notices\?[^"]+)"', page)
        url = more[1].replace("&amp;", "&") if more else ""
    assert seen == [f"Post {number:02}" for number in reversed(range(70))]


@pytest.mark.parametrize(
    ("way", "told", "mailed"), [("at_once", 1, 1), ("daily", 1, 0), ("page", 1, 0), ("none", 0, 0)]
)
def test_each_kind_reaches_people_as_they_choose(
    town: Town, square: int, way: str, told: int, mailed: int
) -> None:
    prefer(town, "ben", **{"kind-core.post": way})
    say(town, "ana", square, "A word", title="News")
    assert len(notices(town, "ben")) == told
    town.run(mailing.mail_due)
    assert len(letters(town, "ben")) == mailed
    due(town)
    run(town)
    assert len(letters(town, "ben")) == (1 if way in ("at_once", "daily") else 0)


def test_a_space_goes_before_a_kind(town: Town, square: int) -> None:
    prefer(town, "ben", **{"kind-core.post": "at_once", f"space-{square}": "page"})
    say(town, "ana", square)
    run(town)
    assert letters(town, "ben") == []
    assert len(notices(town, "ben")) == 1
    prefer(town, "ben", **{"kind-core.post": "none", f"space-{square}": "at_once"})
    say(town, "ana", square)
    run(town)
    assert len(letters(town, "ben")) == 1


def test_paused_mail_is_not_made_up_for(town: Town, square: int) -> None:
    prefer(town, "ben", **{"kind-core.post": "at_once", "paused": "y"})
    say(town, "ana", square)
    run(town)
    prefer(town, "ben", **{"kind-core.post": "at_once"})
    run(town)
    assert letters(town, "ben") == []
    say(town, "ana", square, "After the holidays")
    run(town)
    assert "After the holidays" in "".join(letters(town, "ben"))


def test_what_happens_in_one_thread_is_one_message(town: Town, square: int) -> None:
    benches, lamps = (say(town, "ana", square, title=title) for title in ("Benches", "Lamps"))
    for parent, body in ((benches, "First"), (benches, "Second"), (lamps, "Third")):
        say(town, "ben", square, body, parent=parent)
    run(town)
    about_benches, about_lamps = letters(town, "ana")
    assert about_benches.index("First") < about_benches.index("Second")
    assert "Third" not in about_benches
    assert "Third" in about_lamps
    due(town)
    run(town)
    [digest] = letters(town, "cleo")
    assert "Benches" in digest
    assert "Lamps" in digest


def remove(town: Town, space: int, name: str) -> None:
    """Take somebody out of a space that is for its members alone from now on."""

    def change() -> None:
        with write() as session:
            session.get(Space, space).visibility = "hidden"
            who = Membership.user_id == town.person(name)
            session.execute(sa.delete(Membership).where(who, Membership.space_id == space))

    town.run(change)


@pytest.mark.parametrize("when", ["before it is told", "before it is mailed", "before it leaves"])
def test_nobody_removed_from_a_space_gets_later_mail(town: Town, square: int, when: str, smtp: Any) -> None:
    for name in ("ben", "cleo"):
        prefer(town, name, **{"kind-core.post": "at_once"})
    say(town, "ana", square, "A secret of the circle")
    for moment, work in (
        ("before it is told", lambda: jobs.run_due(town.app)),
        ("before it is mailed", lambda: town.run(mailing.mail_due)),
        ("before it leaves", lambda: None),
    ):
        if moment == when:
            remove(town, square, "ben")
        work()
    leave(town, smtp)
    assert [message["To"] for message in smtp.messages] == ["cleo@example.org"]
    ben = town.browser("ben")
    assert "secret" not in ben.get("/notices").text
    assert 'class="bell-count"' not in ben.get("/").text


def test_the_bell_counts_one_as_one(town: Town, square: int) -> None:
    post = say(town, "ana", square)

    def speak_french() -> None:
        with write() as session:
            session.execute(sa.update(Account).values(language="fr"))

    town.run(speak_french)
    for words in ("Mes notifications (1 non lue)", "Mes notifications (2 non lues)"):
        say(town, "ben", square, parent=post)
        jobs.run_due(town.app)
        assert words in town.browser("ana").get("/me").text


def leave(town: Town, smtp: Any) -> None:
    """Let the mail that waits leave by the test's mail server."""
    connect(town, smtp.port)
    town.run(mail.deliver)


def connect(town: Town, port: int) -> None:
    """Send mail to a server on this port from now on."""
    served = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_tls": "none"}
    town.app.config["PARVIS"] = dataclasses.replace(town.app.config["PARVIS"], **served)


def retry(town: Town) -> None:
    """Let the pause before each message's next try pass, and try."""

    def shift() -> None:
        with write() as session:
            session.execute(sa.update(Mail).values(next_at=now() - dt.timedelta(seconds=1)))

    town.run(shift)
    town.run(mail.deliver)


def test_hidden_or_removed_words_leave_no_more(town: Town, square: int, smtp: Any) -> None:
    prefer(town, "ben", **{"kind-core.post": "at_once"})
    hidden, removed = (say(town, "ana", square, f"Regretted {n}", title="Oops") for n in (1, 2))
    run(town)
    town.run(lambda: actions.hide(db.session.get(Entry, hidden)), "owner")
    town.run(lambda: actions.remove(db.session.get(Entry, removed)), "ana")
    leave(town, smtp)
    assert smtp.messages == []
    assert town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(Mail))) == 0


def test_headers_let_mail_programs_thread_and_end_it(town: Town, square: int, smtp: Any) -> None:
    post = say(town, "ana", square, title="Benches")
    for body in ("One", "Two"):
        say(town, "ben", square, body, parent=post)
        run(town)
    leave(town, smtp)
    first, second = smtp.messages
    assert first["Message-ID"] != second["Message-ID"]
    assert first["References"] == second["References"] == f"<thread.{post}@localhost>"
    assert first["In-Reply-To"] == first["References"]
    assert first["Subject"] == second["Subject"] == "Re: Benches"
    assert first["List-Id"] == "<notices.localhost>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.search(rb"\r\nList-Unsubscribe: <http://localhost/unsubscribe/[!-~]+>\r\n", smtp.raw[0])
    assert first["Reply-To"] is None, "no mailbox, so nothing that nobody reads"
    html = first.get_body(("html",)).get_content()
    assert "Ben replied to “Benches”" in html
    assert not re.search(r"<img|https?://(?!localhost)", html), "nothing that tells who reads"
    assert "Replies to what I wrote or follow" in first.get_body(("plain",)).get_content()


def test_one_click_ends_mail_of_that_kind_and_a_look_does_not(town: Town, square: int, smtp: Any) -> None:
    prefer(town, "ben", **{f"space-{square}": "at_once"})
    post = say(town, "ana", square, title="Benches")
    run(town)
    leave(town, smtp)
    url = re.fullmatch(r"<http://localhost(/unsubscribe/[^>]+)>", smtp.messages[0]["List-Unsubscribe"])[1]
    stranger = town.app.test_client()
    assert "New posts in spaces" in stranger.get(url).text
    say(town, "ana", square, "still mailed")
    run(town)
    assert len(letters(town, "ben")) == 1
    assert stranger.post(url, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert letters(town, "ben") == [], "what waits already doesn't leave either"
    say(town, "ana", square, "mailed no more")
    due(town)
    run(town)
    assert letters(town, "ben") == []
    assert len(notices(town, "ben")) == 3
    payload, _, mark = url.rpartition(".")
    swapped = ("B" if mark[0] == "A" else "A") + mark[1:]
    for forged in (f"{payload}.{swapped}", f"{payload}x.{mark}", "/unsubscribe/x"):
        assert stranger.post(forged, data={"List-Unsubscribe": "One-Click"}).status_code == 404
    assert post


@pytest.mark.engines
@pytest.mark.parametrize("words", [True, False])
def test_one_click_does_nothing_once_its_reader_is_erased(
    town: Town, square: int, smtp: Any, words: bool
) -> None:
    prefer(town, "ben", **{f"space-{square}": "at_once"})
    say(town, "ana", square, title="Benches")
    run(town)
    leave(town, smtp)
    url = re.fullmatch(r"<http://localhost(/unsubscribe/[^>]+)>", smtp.messages[0]["List-Unsubscribe"])[1]
    ben = town.person("ben")
    say(town, "ben", square, "which may stay")
    town.run(lambda: erase.begin(ben, words))
    stranger = town.app.test_client()
    assert stranger.post(url, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    town.run(erase.run)
    assert stranger.post(url, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    chosen = sa.select(NoticeChoice.type).where(NoticeChoice.user_id == ben)
    assert town.run(lambda: db.session.scalars(chosen).all()) == []


def test_who_was_of_a_team_until_now_reads_its_notices_no_more_and_gets_no_new_ones(town: Town) -> None:
    space, marc = town.space("Circle", "owner", visibility="members", joining="request"), town.person("marc")

    def until(end: dt.datetime | None) -> None:
        town.run(lambda: spaces.set_role(db.session.get(Space, space), marc, "moderator", end), "owner")

    def ask(name: str) -> None:
        town.person(name)
        town.run(lambda: joining.ask_to_join(db.session.get(Space, space), "Please"), name)

    until(None)
    ask("ana")
    assert ("core.join_request", None) in notices(town, "marc")
    assert "Ana asks to join" in town.browser("marc").get("/notices").text
    until(now() - dt.timedelta(seconds=1))
    ask("zoe")
    run(town)
    shown = town.browser("marc").get("/notices").text
    assert "asks to join" not in shown
    assert not any("asks to join" in text for text in letters(town, "marc"))
    until(None)
    shown = town.browser("marc").get("/notices").text
    assert "Ana asks to join" in shown
    assert "Zoe asks to join" not in shown
    assert "Zoe asks to join" in town.browser("owner").get("/notices").text


def test_teams_hear_of_requests_and_members_of_their_place(town: Town) -> None:
    space = town.space("Circle", "owner", visibility="members", joining="request")
    town.run(lambda: joining.ask_to_join(db.session.get(Space, space), "Please"), "ana")
    assert notices(town, "owner") == [("core.join_request", None)]
    ana = town.person("ana")
    town.run(lambda: joining.answer_request(db.session.get(Space, space), ana, True), "owner")
    assert notices(town, "ana") == [("core.membership", None)]
    assert notices(town, "owner") == [], "the request is answered"
    with pytest.raises(access.Refused):
        town.run(lambda: joining.ask_to_join(db.session.get(Space, space), "Please"), "ana")
    assert notices(town, "owner") == [], "who is a member asks for nothing"
    page = town.browser("ana").get("/notices").text
    assert "Your request is accepted: you are a member of Circle" in page
    run(town)
    assert "vous voilà membre\N{NO-BREAK SPACE}: Circle" in "".join(letters(town, "ana"))


def test_whoever_asked_in_vain_and_whose_membership_ends_hear_so(town: Town) -> None:
    space = town.space("Circle", "owner", visibility="portal", joining="request")
    ana, ben = town.person("ana"), town.person("ben")
    town.run(lambda: joining.ask_to_join(db.session.get(Space, space), "Please"), "ben")
    run(town)
    assert f"/spaces/{space}/members" in "".join(letters(town, "owner"))
    town.run(lambda: joining.answer_request(db.session.get(Space, space), ben, False), "owner")
    run(town)
    assert "Your request to join Circle was not accepted" in town.browser("ben").get("/notices").text

    def subjects() -> list[str]:
        mine = sa.select(Mail).where(Mail.recipient == "ana@example.org")
        written = [mail.written(row) for row in db.session.scalars(mine).all()]
        return [words[0].subject for words in written if words is not None]

    end = dt.datetime(2099, 12, 31, 23, tzinfo=dt.UTC)
    town.run(lambda: spaces.set_role(db.session.get(Space, space), ana, "member", end), "owner")
    town.run(lambda: spaces.set_role(db.session.get(Space, space), ana, "member"), "owner")
    run(town)
    told = "Your membership of Circle ends on 31 December 2099"
    assert told in town.browser("ana").get("/notices").text
    run(town)
    said = "".join(letters(town, "ana"))
    assert "prend fin le 31 décembre 2099" in said
    assert "a changé" in said
    assert town.run(subjects) == ["Votre place dans Circle a changé"], "of two, the newest"


@pytest.mark.parametrize(
    ("way", "hour", "days", "zone", "at", "expected"),
    [
        ("at_once", 8, 1, None, "2026-06-01T10:00", "2026-06-01T10:00"),
        ("daily", 8, 1, "Europe/Paris", "2026-06-01T05:59", "2026-06-01T06:00"),
        ("daily", 8, 1, "Europe/Paris", "2026-06-01T06:00", "2026-06-02T06:00"),
        ("daily", 8, 1, "Indian/Reunion", "2026-06-01T05:59", "2026-06-02T04:00"),
        ("daily", 8, 1, "Europe/Paris", "2026-10-24T07:00", "2026-10-25T07:00"),
        ("daily", 2, 1, "Europe/Paris", "2026-03-28T12:00", "2026-03-29T01:00"),
        ("weekly", 8, 0b0001001, "Europe/Paris", "2026-06-01T07:00", "2026-06-04T06:00"),
        ("weekly", 8, 0b0000001, "Europe/Paris", "2026-06-01T07:00", "2026-06-08T06:00"),
    ],
)
def test_digests_leave_at_their_readers_hour(
    app: Any, way: str, hour: int, days: int, zone: str | None, at: str, expected: str
) -> None:
    from types import SimpleNamespace

    clock = SimpleNamespace(hour=hour, days=days, timezone=zone)
    moment, then = (dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) for text in (at, expected))
    with app.app_context():
        assert rounds.due(way, clock, moment) == then


class Killed(BaseException):
    """The worker dies here."""


def kill(*_arguments: Any, **_values: Any) -> None:
    raise Killed


def crowd(town: Town, space: int, size: int) -> list[str]:
    """So many members of a space who want new posts by mail every day."""
    names = [f"p{number}" for number in range(size)]

    def join() -> None:
        with write() as session:
            session.add_all(Membership(space_id=space, user_id=town.people[name]) for name in names)

    for name in names:
        town.person(name)
    town.run(join)
    return names


def everybody_is_mailed_once(town: Town, names: list[str]) -> None:
    recipients = town.run(lambda: list(db.session.scalars(sa.select(Mail.recipient))))
    assert sorted(recipients) == sorted(f"{name}@example.org" for name in names)


@pytest.mark.parametrize("at_person", [0, 3, 4, 7])
def test_a_digest_job_killed_in_the_middle_loses_nothing_and_repeats_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch, at_person: int
) -> None:
    space = town.space("Square", "owner")
    names = crowd(town, space, 9)
    say(town, "owner", space, "For everybody")
    jobs.run_due(town.app)
    due(town)
    monkeypatch.setattr(mailing, "PEOPLE", 4)
    made, build = [], mailing._message

    def die(row: Any, subject: str) -> Mail:
        if len(made) == at_person:
            raise Killed
        made.append(row)
        return build(row, subject)

    with monkeypatch.context() as patch:
        patch.setattr(mailing, "_message", die)
        with pytest.raises(Killed):
            town.run(mailing.mail_due)
    town.run(mailing.mail_due)
    everybody_is_mailed_once(town, names)
    due(town)
    town.run(mailing.mail_due)
    everybody_is_mailed_once(town, names)


def test_telling_killed_in_the_middle_tells_everybody_once(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = town.space("Square", "owner")
    names = crowd(town, space, 9)
    say(town, "owner", space)
    monkeypatch.setattr(tell, "CHUNK", 4)
    inserted, insert = [], tell._insert

    def die(people: Any, event: Any) -> None:
        if len(inserted) == 1:
            raise Killed
        inserted.append(people)
        insert(people, event)

    with monkeypatch.context() as patch:
        patch.setattr(tell, "_insert", die)
        with pytest.raises(Killed):
            jobs.run_due(town.app)
    told = sa.select(sa.func.count()).select_from(Notice)
    assert town.run(lambda: db.session.scalar(told)) == 4
    lease_runs_out(town)
    jobs.run_due(town.app)
    assert town.run(lambda: db.session.scalar(told)) == len(names)


def lease_runs_out(town: Town) -> None:
    """Let the lease of a dead worker's job pass: a job is due again within `seconds` and a minute."""

    def shift() -> None:
        with write() as session:
            held = session.scalars(sa.select(JobRow).where(JobRow.leased_until.is_not(None))).all()
            assert all(row.leased_until < now() + dt.timedelta(seconds=700) for row in held)
            for row in held:
                row.leased_until = now() - dt.timedelta(seconds=1)

    town.run(shift)


def test_a_clock_moved_by_an_hour_sends_nothing_twice(
    town: Town, square: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(town, "ana", square, "For the digest")
    jobs.run_due(town.app)
    due(town)
    for hours in (1, -1, 0, 1):
        moved = now() + dt.timedelta(hours=hours)
        with monkeypatch.context() as patch:
            patch.setattr(mailing, "now", lambda moved=moved: moved)
            town.run(mailing.mail_due)
    everybody_is_mailed_once(town, ["owner", "ben", "cleo"])


def test_with_the_mail_server_down_then_slow_each_message_leaves_once_at_its_next_try(
    town: Town,
    square: int,
    smtp: Any,
    free_port: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    move: Callable[[dt.timedelta], None],
) -> None:
    started = dt.datetime.now(dt.UTC)

    def wait(interval: dt.timedelta) -> None:
        """Let the worker run until just before the next try, then at it; that is at most an interval away."""
        before = len(smtp.messages)
        planned = town.run(lambda: db.session.scalars(sa.select(Mail.next_at)).one())
        assert dt.timedelta(seconds=30) < planned - now() <= interval
        move(planned - started - dt.timedelta(seconds=15))
        jobs.run_due(town.app)
        assert len(smtp.messages) == before
        move(planned - started + dt.timedelta(seconds=1))
        jobs.run_due(town.app)

    post = say(town, "ana", square, title="Benches")
    say(town, "ben", square, "Yes", parent=post)
    connect(town, free_port())
    run(town)
    jobs.run_due(town.app)
    connect(town, smtp.port)
    monkeypatch.setattr(mail, "TIMEOUT", 0.2)

    async def slow(server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        import asyncio

        await asyncio.sleep(1)
        return "250 OK"

    with monkeypatch.context() as patch:
        patch.setattr(smtp, "handle_RCPT", slow, raising=False)
        wait(dt.timedelta(minutes=2))
    assert smtp.messages == []
    monkeypatch.setattr(mail, "TIMEOUT", 20)
    wait(dt.timedelta(minutes=4))
    assert [message["To"] for message in smtp.messages] == ["ana@example.org"]
    retry(town)
    assert len(smtp.messages) == 1


def test_a_mail_server_that_takes_a_message_and_answers_late_gets_it_once(
    town: Town, square: int, smtp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to a message may take ten minutes (RFC 5321, 4.5.3.2.6); after such a one none is begun."""
    for name in ("ben", "cleo"):
        say(town, name, square, "Yes", parent=say(town, "ana", square, title="Benches"))
    run(town)
    connect(town, smtp.port)
    monkeypatch.setattr(mail, "TIMEOUT", 1)
    monkeypatch.setattr(mail, "TURN", dt.timedelta(seconds=0.5))
    take = smtp.handle_DATA

    async def late(*message: Any) -> str:
        import asyncio

        answer: str = await take(*message)
        await asyncio.sleep(1.3)
        return answer

    smtp.handle_DATA = late

    def states() -> list[str]:
        return town.run(lambda: list(db.session.scalars(sa.select(Mail.status).order_by(Mail.status))))

    assert states() == ["waiting"] * 2
    retry(town)
    assert (len(smtp.messages), states()) == (1, ["sent", "waiting"])
    retry(town)
    retry(town)
    assert (len({message["Message-ID"] for message in smtp.messages}), len(smtp.messages)) == (2, 2)
    assert states() == ["sent"] * 2


def test_a_message_is_leased_for_longer_than_a_delivery_may_take() -> None:
    steps = (
        12  # of which each may take TIMEOUT: connecting, greetings, TLS, signing in, sender, recipient, words
    )
    assert mail.TURN.total_seconds() + steps * mail.TIMEOUT + mail.ANSWER < mail.SECONDS
    assert mail.LEASE.total_seconds() > mail.SECONDS
    assert mail.ANSWER >= 600


def test_what_waited_to_be_checked_is_told_no_more_once_somebody_has(town: Town, square: int) -> None:
    """For the whole team, on the page and in mail that has not left; nor by a job that comes late."""
    owner, second = "owner", town.person("second", language="en")

    def to_the_team() -> None:
        with write() as session:
            session.add(Membership(space_id=square, user_id=second, role="owner", team=True))

    town.run(to_the_team)
    waiting = [say(town, "ana", square, f"Look {number}", state="pending") for number in range(3)]
    assert notices(town, owner) == [("core.waits", ident) for ident in waiting]
    town.run(lambda: actions.release(db.session.get(Entry, waiting[0])), owner)
    town.run(lambda: actions.hide(db.session.get(Entry, waiting[1])), owner)
    left = ("core.waits", waiting[2])
    assert [left] == [one for one in notices(town, "second") if one[0] == "core.waits"]
    assert town.browser("second").get("/notices").text.count("waits to be checked") == 1
    due(town)
    town.run(mailing.mail_due)
    assert [re.findall(r"Look \d” by", letter) for letter in letters(town, "second")] == [["Look 2” by"]]
    town.run(lambda: actions.release(db.session.get(Entry, waiting[2])), owner)
    assert not any("” by" in letter for letter in letters(town, "second"))
    town.run(lambda: tell.tell(waiting[2], "waits", town.person("ana")))
    assert "core.waits" not in [kind for kind, _entry in notices(town, "second")]


def test_a_message_about_one_event_is_named_after_it_and_no_title_writes_headers(
    town: Town, square: int, smtp: Any
) -> None:
    second = town.person("second", language="en")

    def to_the_team() -> None:
        with write() as session:
            session.add(Membership(space_id=square, user_id=second, role="owner", team=True))

    town.run(to_the_team)
    prefer(town, "second", **{"kind-core.waits": "at_once"})
    post = say(town, "ana", square, title="Benches", state="pending")

    def bend() -> None:
        with write() as session:
            session.get(Entry, post).title = "Benches\r\nBcc: all@example.org\n\nfor all"

    jobs.run_due(town.app)
    town.run(bend)
    run(town)
    leave(town, smtp)
    [letter] = [one for one in smtp.messages if one["To"] == "second@example.org"]
    assert letter["Subject"] == "“Benches Bcc: all@example[.]org for all” by Ana waits to be checked"
    assert letter["Bcc"] is None
    assert letter["References"] == f"<thread.{post}@localhost>"


def test_people_choose_among_what_can_reach_them_alone(town: Town, square: int) -> None:
    page = town.browser("ana").get("/me/notices").text
    for kind in ("core.reply", "core.post", "core.membership", "core.invited"):
        assert f'name="kind-{kind}"' in page
    for kind in ("core.waits", "core.join_request", "core.newcomer"):
        assert f'name="kind-{kind}"' not in page
        assert f'name="kind-{kind}"' in town.browser("owner").get("/me/notices").text
    assert ">Conversations</label>" in page
    assert ">Spaces</label>" in page


def test_every_space_that_somebody_hears_from_is_offered(town: Town, square: int) -> None:
    town.person("eve")

    def offered(name: str = "eve") -> bool:
        return f'name="space-{square}"' in town.browser(name).get("/me/notices").text

    assert not offered()
    eve = town.browser("eve")
    eve.submit(f"/spaces/{square}/follow", _page=f"/spaces/{square}")
    assert offered()
    say(town, "ana", square, "A bench, please")
    jobs.run_due(town.app)
    eve.submit(f"/spaces/{square}/follow", _page=f"/spaces/{square}")
    assert town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(Follow)), "eve") == 0
    assert offered()
    town.person("zoe")
    assert not offered("zoe")


def test_what_is_chosen_for_a_group_holds_for_each_of_its_kinds_until_one_is_chosen_apart(town: Town) -> None:
    conversations = {f"kind-core.{name}" for name in ("reply", "mention", "post")}

    def shown() -> tuple[str, set[str]]:
        page = town.browser("ana").get("/me/notices").text
        found = dict(
            re.findall(r'<select[^>]*name="([^"]+)"[^>]*>.*?<option selected value="([^"]*)"', page, re.S)
        )
        return found["group-0"], {found[name] for name in conversations}

    assert shown() == ("", {"at_once", "daily"})
    prefer(town, "ana", **{"group-0": "daily"})
    assert shown() == ("daily", {"daily"})
    prefer(town, "ana", **{"kind-core.mention": "none"})
    assert shown() == ("", {"daily", "none"})


@pytest.mark.engines
@pytest.mark.parametrize("about", ["entry", "space"])
def test_who_tells_people_and_who_changes_what_they_are_told_of_wait_for_one_another_in_turn(
    town: Town, about: str
) -> None:
    space, bob = town.space("Square", "ana"), town.person("bob")
    entry = say(town, "ana", space)
    event = {"type": "core.post", "once": "x", "actor_id": None, "entry_id": None, "space_id": None}
    event |= {"entry_id": entry} if about == "entry" else {"space_id": space}

    def tell_bob() -> None:
        with town.app.app_context():
            tell.tell_people([bob], event)

    def change() -> Future[None]:
        with write() as session:
            thing = {"entry": Entry, "space": Space}[about]
            row = session.scalars(lock(sa.select(thing).where(thing.id == event[f"{about}_id"]))).one()
            live.emit(session.get(Space, space), "core.post", row.id)
            telling = pool.submit(tell_bob)
            await_lock(telling)
        return telling

    with ThreadPoolExecutor(1) as pool:
        town.run(change).result()
    assert notices(town, "bob") == [("core.post", event["entry_id"])]


@pytest.mark.engines
@pytest.mark.parametrize("gone", ["entry", "space", "ben", "ana"])
def test_what_is_removed_while_people_are_told_is_told_to_nobody_and_the_others_hear(
    town: Town, square: int, gone: str
) -> None:
    people = {name: town.person(name) for name in ("ana", "ben", "cleo")}
    if gone == "entry":
        post = say(town, "ana", square)
    else:
        town.run(lambda: ask(square, people.values()), "ana")
    row = {"entry": lambda: sa.delete(Entry).where(Entry.id == post)}
    row["space"] = lambda: sa.delete(Space).where(Space.id == square)

    def remove() -> Future[int]:
        with write():
            unfiltered(row.get(gone, lambda: sa.delete(User).where(User.id == people[gone]))())
            telling = pool.submit(jobs.run_due, town.app)
            await_lock(telling)
        return telling

    with ThreadPoolExecutor(1) as pool:
        town.run(remove).result()
    assert town.run(lambda: db.session.scalars(sa.select(PluginFault)).all()) == []
    told = sa.select(Notice.user_id, Notice.type, Notice.actor_id).order_by(Notice.user_id)
    heard = {"ben": ["cleo"], "ana": ["ben", "cleo"]}.get(gone, [])
    actor = None if gone == "ana" else people["ana"]
    expected = [(people[name], "core.join_request", actor) for name in heard]
    assert [tuple(row) for row in town.run(lambda: db.session.execute(told).all())] == expected


def ask(space: int, people: Iterable[int]) -> None:
    """Have people told that the viewer asks to join a space."""
    with write():
        tell.notify("core.join_request", list(people), space=db.session.get(Space, space))
