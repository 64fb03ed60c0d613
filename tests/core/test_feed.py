"""Publishing, changing, hiding and reading entries; counters, races and pages."""

import datetime as dt
import importlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from races import await_lock

from core import access
from core.access import Forbidden, Refused
from core.db import db, now, writing
from core.feed import actions, cards, query
from core.feed.drafts import AskAuthor, Draft
from core.hookspecs import hookimpl
from core.models import Entry, Follow, Mention, Revision, Space, Support
from core.plugin import Ask, Hold, Refuse
from core.registry import current
from core.spaces import actions as spaces
from core.testing import Town

pytest_plugins = ["core.testing"]


def group(town: Town, owner: str = "olga", **values: Any) -> int:
    """The id of a group that `owner` owns."""
    town.person(owner, "agent")
    return int(town.run(lambda: spaces.create_space("core.group", "Group", **values).id, owner))


def say(
    town: Town, who: str, space_id: int, body: str = "Words", parent: int | None = None, **values: Any
) -> int:
    """The id of what somebody published."""

    def work() -> int:
        if parent is not None:
            values.update(parent=db.session.get(Entry, parent), kind="core.reply")
        return actions.publish(db.session.get(Space, space_id), body, **values).id

    return int(town.run(work, who))


def do(town: Town, who: str | None, verb: Callable[..., None], entry_id: int, *args: Any, **kw: Any) -> None:
    town.run(lambda: verb(db.session.get(Entry, entry_id), *args, **kw), who)


def entry(town: Town, entry_id: int) -> Entry:
    found: Entry = town.run(lambda: db.session.get(Entry, entry_id))
    return found


def home(town: Town, who: str | None, **wanted: Any) -> list[int]:
    """The ids on the first page of the feed for somebody."""
    work = lambda: [row.id for row in query.page(**wanted).entries]  # noqa: E731
    if who is not None:
        return list(town.run(work, who))
    with town.app.app_context(), access.as_viewer(access.Viewer(kinds=current().kinds())):
        return work()


def counted(town: Town) -> None:
    """All public counters equal what a recount finds."""

    def recount() -> None:
        public = (Entry.state == "published", ~Entry.team_only)
        for space in db.session.scalars(sa.select(Space)):
            posts = sa.select(sa.func.count()).where(Entry.space_id == space.id, Entry.in_feed, *public)
            assert space.entry_count == db.session.scalar(posts), space.id
        for post in db.session.scalars(sa.select(Entry)):
            replies = sa.select(sa.func.count()).where(Entry.parent_id == post.id, *public)
            assert post.reply_count == db.session.scalar(replies), post.id
            voices = sa.select(sa.func.count()).where(Support.entry_id == post.id)
            assert post.support_count == db.session.scalar(voices), post.id

    town.run(recount)


def test_a_post_makes_its_author_a_member_of_an_open_space_and_is_drawn(town: Town) -> None:
    space_id = group(town)
    town.person("ana")
    post = say(town, "ana", space_id, "Bonjour **tout le monde**", title="Salut")
    say(town, "olga", space_id, "Bienvenue @ana @nobody", parent=post)

    def look() -> None:
        card = cards.cards(query.page(space=space_id).entries)[0]
        assert (card.title, card.replies, card.can_edit) == ("Salut", 1, True)
        assert "<strong>" in card.html
        assert access.space_roles(space_id) == {"member"}

    town.run(look, "ana")
    town.run(lambda: db.session.scalars(sa.select(Follow).where(Follow.entry_id == post)).all())
    for order in ("newest", "active"):
        assert home(town, "ana", order=order) == home(town, None, order=order) == [post]
        assert home(town, "ana", order=order, followed=True) == [post]
    town.person("zoe")
    assert home(town, "zoe", followed=True) == []
    counted(town)


def test_who_may_not_post_or_reply(town: Town) -> None:
    closed, private = group(town, joining="request"), group(town, visibility="members")
    town.person("ana")
    post, secret = say(town, "olga", closed), say(town, "olga", private)
    with pytest.raises(Forbidden):
        say(town, "ana", closed)
    say(town, "ana", closed, parent=post)
    with pytest.raises(Forbidden):
        say(town, "ana", private)
    assert town.run(lambda: db.session.get(Entry, secret), "ana") is None
    hidden_parent = entry(town, secret)
    with pytest.raises(Forbidden):
        town.run(
            lambda: actions.publish(
                db.session.get(Space, private), "x", kind="core.reply", parent=hidden_parent
            ),
            "ana",
        )
    with pytest.raises(Forbidden):
        town.run(lambda: actions.publish(db.session.get(Space, closed), "x", author_id=1), "ana")
    reply = say(town, "ana", closed, parent=post)
    with pytest.raises(Forbidden):
        say(town, "ana", closed, parent=reply)
    counted(town)


def test_closed_conversations_and_spaces_take_nothing(town: Town) -> None:
    space_id = group(town)
    town.person("ana")
    post = say(town, "ana", space_id)
    do(town, "olga", actions.lock_thread, post, True)
    with pytest.raises(Refused):
        say(town, "ana", space_id, parent=post)
    do(town, "olga", actions.lock_thread, post, False)
    say(town, "ana", space_id, parent=post)
    town.run(lambda: spaces.change_space(db.session.get(Space, space_id), archived=True), "olga")
    with pytest.raises(Refused):
        say(town, "ana", space_id)
    with pytest.raises(Refused):
        say(town, "ana", space_id, parent=post)


def test_the_same_key_says_nothing_twice_and_is_its_authors_own(town: Town) -> None:
    space_id = group(town)
    town.person("ana")
    first = say(town, "ana", space_id, "One", client_key="k")
    assert say(town, "ana", space_id, "One", client_key="k") == first
    assert say(town, "olga", space_id, "Other", client_key="k") != first
    reply = say(town, "ana", space_id, "Answer", parent=first, client_key="k")
    assert reply != first
    assert say(town, "ana", space_id, "Answer", parent=first, client_key="k") == reply
    counted(town)


def together(town: Town, work: Callable[[int], Any], times: int) -> list[Any]:
    """What so many threads get that do the work at once; an error of one fails the test."""
    results: list[Any] = []
    start = threading.Barrier(times)

    def run(number: int) -> None:
        start.wait()
        try:
            results.append(work(number))
        except Exception as error:  # noqa: BLE001
            results.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_races_count_once(town: Town) -> None:
    space_id = group(town)
    for name in ("ana", "zoe"):
        town.person(name)
    post = say(town, "ana", space_id)
    support = lambda n: do(town, ["ana", "zoe"][n % 2], actions.support, post, True)  # noqa: E731
    assert together(town, support, 8) == [None] * 8
    assert entry(town, post).support_count == 2
    ids = together(town, lambda n: say(town, "ana", space_id, "Once", client_key="same"), 6)
    assert len(set(ids)) == 1
    assert all(
        isinstance(n, int) for n in together(town, lambda n: say(town, "zoe", space_id, parent=post), 6)
    )
    assert entry(town, post).reply_count == 6
    counted(town)


def test_support_is_given_once_and_taken_back_once(town: Town) -> None:
    space_id = group(town)
    town.person("ana")
    post = say(town, "olga", space_id)
    for on, count in ((True, 1), (True, 1), (False, 0), (False, 0), (True, 1)):
        do(town, "ana", actions.support, post, on)
        assert entry(town, post).support_count == count
    counted(town)


@pytest.mark.engines
@pytest.mark.parametrize(
    ("verb", "place"),
    [
        ("support", "throttle.hit"),
        ("support", "spaces.hold_person"),
        ("support", "spaces.must_be_open"),
        ("follow", "require"),
        ("follow", "spaces.hold_person"),
        ("pin", "moderated"),
    ],
)
def test_who_supports_or_follows_what_its_author_removes_at_that_moment_hears_that_it_is_gone(
    town: Town, monkeypatch: pytest.MonkeyPatch, verb: str, place: str
) -> None:
    town.app.testing = False
    space_id = group(town)
    post = say(town, "ana", space_id)
    bob = town.browser("bob", "administrator")
    at, _, name = f"core.feed.actions.{place}".rpartition(".")
    before, removals = importlib.import_module("core.feed.actions"), []
    for step in place.split("."):
        before = getattr(before, step)

    def remove() -> None:
        town.run(lambda: actions.remove(db.session.get(Entry, post)), "ana")

    def meanwhile(*args: Any, **kw: Any) -> Any:
        answer = before(*args, **kw)
        if not removals:
            removals.append(pool.submit(remove))
            await_lock(removals[0]) if writing() else removals[0].result()
        return answer

    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(f"{at}.{name}", meanwhile)
        sent = bob.submit(f"/posts/{post}/{verb}", _page="/me")
        removals[0].result()
    outside = place in ("throttle.hit", "require", "moderated")
    assert sent.status_code in ((404,) if outside else (302, 404))
    for left in (sa.select(Support.user_id), sa.select(Follow.user_id).where(Follow.entry_id == post)):
        assert town.run(lambda left=left: db.session.scalars(left).all()) == []


def test_an_edit_keeps_a_public_history_and_the_later_of_two_is_refused(town: Town) -> None:
    space_id = group(town)
    town.person("ana")
    post = say(town, "ana", space_id, "First @olga", title="One")
    seen = entry(town, post).version
    do(town, "ana", actions.change_entry, post, body="Second", version=seen)
    with pytest.raises(Refused):
        do(town, "ana", actions.change_entry, post, body="Third", version=seen)
    with pytest.raises(Forbidden):
        do(town, "olga", actions.change_entry, post, body="Not mine")
    assert entry(town, post).body == "Second"
    assert entry(town, post).edited_at is not None
    history = town.run(lambda: db.session.scalars(sa.select(Revision)).all(), "olga")
    assert [old.body for old in history] == ["First @olga"]
    assert town.run(lambda: db.session.scalars(sa.select(Mention)).all()) == []
    outcome = together(
        town, lambda n: do(town, "ana", actions.change_entry, post, body=f"Race {n}", version=seen + 1), 3
    )
    assert outcome.count(None) == 1


def test_narrowing_takes_replies_along_and_widening_never_shows_what_was_private(town: Town) -> None:
    space_id = group(town)
    for name in ("ana", "zoe"):
        town.person(name)
    post = say(town, "ana", space_id)
    public = say(town, "zoe", space_id, "Seen by all", parent=post)
    do(town, "olga", actions.set_audience, post, True, town.person("ana"))
    assert home(town, "zoe") == []
    for who, reads in (("ana", True), ("olga", True), ("zoe", False)):
        for ident in (post, public):
            assert (town.run(lambda i=ident: db.session.get(Entry, i), who) is not None) is reads
    private = say(town, "ana", space_id, "Between us", parent=post)
    counted(town)
    do(town, "olga", actions.set_audience, post, False)
    assert town.run(lambda: db.session.get(Entry, public), "zoe") is not None
    assert town.run(lambda: db.session.get(Entry, private), "zoe") is None
    assert entry(town, post).reply_count == 1
    counted(town)


def test_hiding_takes_a_private_reply_from_its_reader_and_restoring_gives_it_back(town: Town) -> None:
    space_id = group(town)
    ana, zoe = town.person("ana"), town.person("zoe")
    post = say(town, "ana", space_id)
    kept = say(town, "olga", space_id, "Between us", parent=post, team_only=True, reader_id=ana)
    below = say(town, "olga", space_id, "And me", parent=post)
    do(town, "olga", actions.set_audience, below, True, zoe)
    reads = lambda ident, who: town.run(lambda: db.session.get(Entry, ident), who) is not None  # noqa: E731
    for hidden in (post, kept):
        assert reads(kept, "ana")
        do(town, "olga", actions.hide, hidden)
        assert not reads(kept, "ana"), hidden
        assert reads(kept, "olga")
        do(town, "olga", actions.restore, hidden)
    assert reads(kept, "ana")
    assert not reads(kept, "zoe")
    assert reads(below, "zoe")
    assert not reads(below, "ana")
    do(town, "olga", actions.set_audience, post, True, ana)
    assert (reads(kept, "ana"), reads(below, "zoe")) == (True, False), "never wider than its thread"
    do(town, "olga", actions.set_audience, post, False)
    assert (reads(kept, "ana"), reads(below, "zoe")) == (True, True)
    do(town, "olga", actions.set_audience, below, False)
    assert reads(below, "ana")
    counted(town)


def test_the_reader_of_a_thread_does_not_read_a_reply_in_it_that_is_hidden(town: Town) -> None:
    space_id = town.space("Square", "olga")
    ana = town.person("ana")
    post = say(town, "olga", space_id)
    reply = say(town, "ben", space_id, "Rude", parent=post)
    do(town, "olga", actions.set_audience, post, True, ana)

    def reads(ident: int) -> bool:
        return bool(town.run(lambda: db.session.get(Entry, ident) is not None, "ana"))

    assert (reads(post), reads(reply)) == (True, True)
    do(town, "olga", actions.hide, reply)
    assert (reads(post), reads(reply)) == (True, False)
    do(town, "olga", actions.restore, reply)
    assert reads(reply)


def test_hiding_and_restoring_give_everybody_what_they_had(town: Town) -> None:
    space_id = group(town)
    town.person("ana")
    post = say(town, "ana", space_id)
    note = say(town, "olga", space_id, "For the team", parent=post, team_only=True)
    reply = say(town, "ana", space_id, "For all", parent=post)
    with pytest.raises(Forbidden):
        do(town, "ana", actions.hide, post)
    do(town, "olga", actions.hide, post)
    assert home(town, None) == []
    assert town.run(lambda: db.session.get(Entry, reply), "ana") is None
    counted(town)
    do(town, "olga", actions.restore, post)
    assert home(town, None) == [post]
    assert town.run(lambda: db.session.get(Entry, reply), "ana") is not None
    assert town.run(lambda: db.session.get(Entry, note), "ana") is None
    with pytest.raises(Refused):
        do(town, "olga", actions.restore, post)
    counted(town)


def test_removing_leaves_no_words_and_a_place_only_where_there_are_replies(town: Town) -> None:
    space_id = group(town)
    for name in ("ana", "zoe"):
        town.person(name)
    alone, post = say(town, "ana", space_id, "Alone"), say(town, "ana", space_id, "First")
    do(town, "ana", actions.change_entry, post, body="Second")
    say(town, "zoe", space_id, parent=post)
    with pytest.raises(Forbidden):
        do(town, "zoe", actions.remove, post)
    do(town, "ana", actions.remove, alone)
    do(town, "ana", actions.remove, post)
    assert entry(town, alone) is None
    assert (entry(town, post).state, entry(town, post).body) == ("removed", "")
    assert town.run(lambda: db.session.scalars(sa.select(Revision)).all()) == []
    assert home(town, "zoe") == []
    counted(town)


class Watch:
    """A plugin that answers check_entry as told."""

    answer: Any = None
    drafts: list[Draft] = []

    @hookimpl
    def check_entry(self, draft: Draft) -> Any:
        self.drafts.append(draft)
        return self.answer


@pytest.fixture
def watch(town: Town, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A `check_entry` hook of a plugin that is on."""
    plugin = Watch()
    registry = town.app.extensions["parvis"]
    registry.manager.register(plugin, "neighbourhood_visits_watch")
    monkeypatch.setattr(type(registry), "enabled", lambda self: frozenset({"neighbourhood_visits_watch"}))
    monkeypatch.setattr(type(registry), "active", lambda self: [self.core])
    return plugin


def test_a_plugin_may_refuse_ask_or_hold(town: Town, watch: Watch) -> None:
    space_id = group(town)
    for name in ("ana", "zoe"):
        town.person(name)
    watch.answer = Refuse("Not like this.")
    with pytest.raises(Refused, match="Not like this"):
        say(town, "ana", space_id)
    watch.answer = Ask("Is this a personal attack?")
    with pytest.raises(AskAuthor, match="personal attack"):
        say(town, "ana", space_id)
    assert entry(town, say(town, "ana", space_id, confirmed=True)).state == "published"
    watch.answer = Hold("A look first")
    held = say(town, "ana", space_id, "Held back")
    assert (entry(town, held).state, entry(town, held).published_at) == ("pending", None)
    assert town.run(lambda: db.session.get(Entry, held), "ana") is not None
    assert town.run(lambda: db.session.get(Entry, held), "zoe") is None
    assert [row.id for row in town.run(lambda: query.waiting(space_id), "olga")] == [held]
    with pytest.raises(Forbidden):
        do(town, "ana", actions.release, held)
    counted(town)
    seen = entry(town, held).version
    do(town, "ana", actions.change_entry, held, body="Held back, and changed")
    with pytest.raises(Refused, match=r"changed meanwhile|entre-temps"):
        do(town, "olga", actions.release, held, version=seen)
    do(town, "olga", actions.release, held, version=entry(town, held).version)
    assert held in home(town, "zoe")
    with pytest.raises(Refused):
        do(town, "ana", actions.change_entry, held, body="Something else")
    counted(town)


@pytest.mark.parametrize("order", ["newest", "active"])
def test_pages_follow_one_another_without_gap_or_repeat(town: Town, order: str) -> None:
    space_id = group(town)
    start = now() - dt.timedelta(days=1)
    same = [say(town, "olga", space_id, at=start) for _ in range(5)]
    later = [say(town, "olga", space_id, at=start + dt.timedelta(seconds=n)) for n in range(1, 5)]
    expected = [*reversed(later), *reversed(same)]

    def walk(**wanted: Any) -> list[int]:
        found: list[int] = []
        cursor = None
        while True:
            page = query.page(order=order, before=cursor, size=2, **wanted)
            found += [row.id for row in page.entries]
            cursor = page.next
            if cursor is None:
                return found

    for wanted in ({}, {"space": space_id}, {"author": town.person("olga")}, {"followed": True}):
        assert town.run(lambda w=wanted: walk(**w), "olga") == expected, wanted
    for bad in ("", "x", "1", "-1", "9" * 30 + "-1", "1-" + "9" * 30):
        with pytest.raises(query.BadCursor):
            query.parse(bad)


def test_a_space_begins_with_what_is_pinned(town: Town) -> None:
    space_id = group(town)
    first, second = say(town, "olga", space_id), say(town, "olga", space_id)
    town.person("ana")
    with pytest.raises(Forbidden):
        do(town, "ana", actions.pin, first, True)
    do(town, "olga", actions.pin, first, True)
    assert home(town, None, space=space_id) == [first, second]
    assert home(town, None) == [second, first]
    do(town, "olga", actions.pin, first, False)
    assert home(town, None, space=space_id) == [second, first]


def test_activity_moves_a_post_up_but_a_note_of_the_team_does_not(town: Town) -> None:
    space_id = group(town)
    past = now() - dt.timedelta(days=2)
    old, new = (
        say(town, "olga", space_id, at=past),
        say(town, "olga", space_id, at=past + dt.timedelta(hours=1)),
    )
    say(town, "olga", space_id, parent=old, team_only=True)
    assert home(town, None, order="active") == [new, old]
    say(town, "olga", space_id, parent=old)
    assert home(town, None, order="active") == [old, new]
    assert home(town, None) == [new, old]


@pytest.mark.parametrize("answers", [False, True])
def test_who_is_removed_while_they_write_has_written_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    space_id = group(town, visibility="members", joining="invite")
    ana, check = town.person("ana"), actions.check
    town.run(lambda: spaces.set_role(db.session.get(Space, space_id), ana, "member"), "olga")
    first = say(town, "ana", space_id, "First") if answers else None

    def removed_meanwhile(*given: Any) -> bool:
        remove = lambda: spaces.expel(db.session.get(Space, space_id), ana)  # noqa: E731
        other = threading.Thread(target=town.run, args=(remove, "olga"))
        other.start()
        other.join()
        return check(*given)

    monkeypatch.setattr(actions, "check", removed_meanwhile)
    with pytest.raises((Forbidden, Refused, LookupError)):
        say(town, "ana", space_id, "Too late", first)
    assert town.run(lambda: db.session.scalars(sa.select(Entry.body)).all()) == ["First"] * answers
    counted(town)
