"""Open pages hear what they may, all of it, in order, and nothing that is not theirs."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core import live, registry
from core.accounts import sessions
from core.db import WriteOutsideBoundary, db, write
from core.feed import actions
from core.models import Entry, Event, Space, User
from core.spaces import actions as spaces
from portal import live as pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.testing import Browser, Town


def cursor(page: str) -> int:
    """The event from which a page goes on."""
    [number] = re.findall(r'data-live="[^"]*after=(\d+)', page)
    return int(number)


def heard(browser: Browser, after: int, spaces: str = "space=all") -> list[str]:
    """What the stream tells this browser: kind and ref."""
    answer = browser.get(f"/live?after={after}&{spaces}")
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    return [
        f"{said['kind']} {said['ref']}"
        for said in map(json.loads, re.findall(r"^data: (\{.*\})$", answer.text, re.M))
    ]


def say(town: Town, space: int, who: str, **options: Any) -> int:
    """The id of a post, or of a reply to `parent`."""

    def publish() -> int:
        parent = db.session.get(Entry, options.pop("parent")) if "parent" in options else None
        kind = "core.reply" if parent else "core.post"
        entry = actions.publish(
            db.session.get(Space, space), "Hello", kind=options.pop("kind", kind), parent=parent, **options
        )
        return int(entry.id)

    return int(town.run(publish, who))


def do(town: Town, who: str, verb: Callable[..., None], ident: int, *values: Any) -> None:
    """Do something with an entry."""
    town.run(lambda: verb(db.session.get(Entry, ident), *values), who)


def test_a_page_goes_on_from_what_it_showed(town: Town) -> None:
    space = town.space("Square", owner="ann")
    before = say(town, space, "ann")
    visitor = town.browser()
    page = visitor.get(f"/spaces/{space}")
    after = say(town, space, "ann")
    told = heard(visitor, cursor(page.text))
    assert (f'id="post-{before}"' in page.text, told) == (True, [f"core.post:published {after}"])
    again = visitor.get("/live?after=0&space=all", headers={"Last-Event-ID": str(cursor(page.text) + 1)})
    assert "data: {" not in again.text, "Last-Event-ID wins over the page's own cursor"


def test_what_becomes_of_an_entry_is_told_to_those_who_saw_it_and_those_who_see_it(town: Town) -> None:
    space = town.space("Square", owner="ann")
    post = say(town, space, "ann")
    ann, visitor = town.browser("ann"), town.browser()

    def told(work: Callable[[], None]) -> tuple[list[str], list[str]]:
        after = town.run(lambda: db.session.scalar(sa.select(sa.func.max(Event.id))))
        work()
        return heard(visitor, after), sorted(set(heard(ann, after)))

    def both(change: str, ref: object = post, kind: str = "core.post") -> tuple[list[str], list[str]]:
        return [f"{kind}:{change} {ref}"], [f"{kind}:{change} {ref}"]

    reply = say(town, space, "ann", parent=post)
    assert told(lambda: do(town, "ann", actions.change_entry, post, None, "Other")) == both("edited")
    assert told(lambda: do(town, "ann", actions.support, post, True)) == both("supported")
    assert told(lambda: do(town, "ann", actions.support, post, True)) == ([], []), "nothing changed"
    assert told(lambda: do(town, "ann", actions.hide, reply)) == both(
        "hidden", f"{post}/{reply}", "core.reply"
    )
    assert told(lambda: do(town, "ann", actions.restore, reply)) == both(
        "restored", f"{post}/{reply}", "core.reply"
    )
    assert told(lambda: do(town, "ann", actions.pin, post, True)) == both("pinned")
    assert told(lambda: do(town, "ann", actions.set_audience, post, True)) == both("moved")
    team = ([], [f"core.post:edited {post}"])
    assert told(lambda: do(town, "ann", actions.change_entry, post, None, "Team")) == team
    assert told(lambda: do(town, "ann", actions.set_audience, post, False)) == both("moved")
    assert told(lambda: do(town, "ann", actions.remove, post)) == both("removed")


def test_topics_are_for_their_audience(town: Town) -> None:
    town.person("reader")
    people = {name: town.browser(name) for name in ("owner", "member", "reader", "agent")}
    people["visitor"] = town.browser()
    hall = town.space("Hall", "owner", "portal")
    circle = town.space("Circle", "owner", "hidden", "invite")
    town.run(
        lambda: spaces.set_members(db.session.get(Space, circle), "test", {town.person("member"): "member"})
    )
    in_hall, in_circle = say(town, hall, "owner"), say(town, circle, "owner")
    private = say(town, hall, "owner", team_only=True, reader_id=town.person("reader"))
    of_team = say(town, circle, "owner", team_only=True)
    told = {name: {int(line.split()[1]) for line in heard(browser, 0)} for name, browser in people.items()}
    assert told == {
        "visitor": set(),
        "agent": {in_hall},
        "reader": {in_hall, private},
        "member": {in_hall, in_circle},
        "owner": {in_hall, in_circle, private, of_team},
    }
    both = [f"core.post:published {ident}" for ident in (in_circle, of_team)]
    assert heard(people["owner"], 0, f"space={circle}") == both
    assert heard(people["reader"], 0, "") == [f"core.post:published {private}"], "what is one's own, always"


def test_somebody_removed_hears_nothing_later_and_nothing_again(town: Town) -> None:
    circle = town.space("Circle", "owner", "hidden", "invite")
    member = town.browser("member")
    people = lambda *names: town.run(  # noqa: E731
        lambda: spaces.set_members(
            db.session.get(Space, circle), "test", {town.person(name): "member" for name in names}
        )
    )
    people("member")
    first = say(town, circle, "owner")
    assert heard(member, 0) == [f"core.post:published {first}"]
    people()
    say(town, circle, "owner")
    assert heard(member, 0) == []
    people("member")
    assert len(heard(member, 0)) == 2


def test_a_sign_in_that_ended_ends_its_stream(town: Town) -> None:
    town.browser("ann")
    ann = town.person("ann")
    token = town.run(lambda: db.session.scalar(sa.text("SELECT token_hash FROM core_sign_in")))
    listener = live.Listener(0, ann, token, None)
    visitor = live.Listener(0, spaces=None)
    say(town, town.space("Hall", "ann", "portal"), "ann")
    told = town.run(lambda: live.hear([listener, visitor]))
    assert ("core.post" in told[listener], visitor in told) == (True, False)
    assert town.run(lambda: live.hear([listener, visitor])) == {}
    with town.app.test_request_context():
        town.run(lambda: sessions.sign_out_everywhere(ann, but_here=True))
    assert town.run(lambda: live.hear([listener, visitor], anyway=True)) == {listener: None}


def test_nothing_is_heard_of_a_plugin_that_is_off(town: Town) -> None:
    space = town.space("Square", owner="ann")
    visitor = town.browser()
    name = "neighbourhood_visits"
    with town.app.app_context():
        plugin = registry.current().installed[name]
    town.run(lambda: _told(f"space/{space}", f"{plugin.entry_kinds[0].name}:published"))
    assert len(heard(visitor, 0)) == 1
    town.run(lambda: registry.current().switch(name, False))
    assert heard(visitor, 0) == []
    town.run(lambda: registry.current().switch(name, True))
    assert len(heard(visitor, 0)) == 1


def test_who_missed_too_much_begins_anew(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    space = town.space("Square", owner="ann")
    for _turn in range(5):
        say(town, space, "ann")
    visitor = town.browser()
    newest = town.run(lambda: db.session.scalar(sa.select(sa.func.max(Event.id))))
    assert "event: reset" not in visitor.get(f"/live?after={newest - 2}&space=all").text
    monkeypatch.setattr(live, "MOST", 3)
    assert f"id: {newest}\nevent: reset" in visitor.get("/live?after=0&space=all").text
    assert "event: reset" in visitor.get(f"/live?after={newest + 9}&space=all").text, "a database restored"
    monkeypatch.setattr(live, "MOST", 500)
    monkeypatch.setattr(pages, "KEPT", pages.KEPT * -1)
    town.run(pages.prune)
    assert town.run(lambda: db.session.scalars(sa.select(Event.id)).all()) == [newest]
    assert "event: reset" in visitor.get("/live?after=0&space=all").text
    assert heard(visitor, newest - 1) == [f"core.post:published {newest}"] or len(heard(visitor, newest - 1))


def test_events_are_written_with_what_they_tell_of_or_not_at_all(town: Town) -> None:
    with pytest.raises(WriteOutsideBoundary):
        town.run(lambda: live.tell("user/1", "core.notice", 1))

    def twice_then_fail(fail: bool) -> None:
        with write():
            live.tell("user/1", "core.notice", 1)
            live.tell("user/1", "core.notice", 1)
            if fail:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        town.run(lambda: twice_then_fail(True))
    count = sa.select(sa.func.count()).select_from(Event)
    assert town.run(lambda: db.session.scalar(count)) == 0
    town.run(lambda: twice_then_fail(False))
    assert town.run(lambda: db.session.scalar(count)) == 1


def test_only_declared_kinds_are_emitted(town: Town) -> None:
    ann, space = town.person("ann"), town.space("Square", "ann")

    def emit(kind: str) -> None:
        with write():
            live.emit(db.session.get(User, ann), kind, 7)
            live.emit(db.session.get(Space, space), kind, 8, team_only=True)

    with pytest.raises(LookupError):
        town.run(lambda: emit("nobody.knows"))
    town.run(lambda: emit("core.notice"))
    assert heard(town.browser("ann"), 0) == ["core.notice 7", "core.notice 8"]
    assert heard(town.browser("bob"), 0) == []


def test_ids_are_seen_in_order_while_many_write(town: Town) -> None:
    """A reader that goes on from the newest event it saw misses none, though writers overlap."""
    town.person("ann")
    ended = threading.Event()
    seen: list[int] = []

    def read() -> None:
        after = 0
        while True:
            last = ended.is_set()
            later = sa.select(Event.id).where(Event.id > after).order_by(Event.id)
            seen.extend(town.run(lambda later=later: db.session.scalars(later).all()))
            after = seen[-1] if seen else 0
            if last:
                return

    def writes(number: int) -> None:
        for turn in range(15):
            town.run(lambda turn=turn: _told("user/1", "core.notice", f"{number}-{turn}"))  # type: ignore[misc]

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=writes, args=(number,)) for number in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    ended.set()
    reader.join()
    assert len(seen) == 60
    assert seen == town.run(lambda: db.session.scalars(sa.select(Event.id).order_by(Event.id)).all())


def _told(topic: str, kind: str, ref: object = 1) -> None:
    with write():
        live.tell(topic, kind, ref)


def test_cards_are_those_that_a_feed_would_show_this_viewer(town: Town) -> None:
    square, circle = town.space("Square", "ann"), town.space("Circle", "ann", "hidden", "invite")
    public, hidden, inside = say(town, square, "ann"), say(town, square, "ann"), say(town, circle, "ann")
    reply = say(town, square, "ann", parent=public)
    do(town, "ann", actions.hide, hidden)
    address = "/posts/cards?" + "&".join(f"id={ident}" for ident in (public, hidden, inside, reply, 999))

    def shown(browser: Browser) -> set[int]:
        return {
            int(ident) for ident in re.findall(r'<article[^>]* id="post-(\d+)"', browser.get(address).text)
        }

    assert shown(town.browser()) == {public}
    assert shown(town.browser("ann")) == {public, inside}, "the team's feed shows nothing that is hidden"
    assert town.browser().get("/posts/cards?id=x&id=-1&level=9").status_code == 200
