"""Who finds what: each audience, by search and by suggestion, also after it changed a moment ago."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import dummy_plugin.plugin as dummy
import pytest
import sqlalchemy as sa
from dummy_plugin import actions as workshops
from dummy_plugin.trouble import trouble

from core import access, guard, jobs, registry
from core.access import as_system
from core.db import db, insert_once, table_of, unfiltered, write
from core.feed import actions as feed
from core.models import Document, Entry, Space, Stale, User
from core.search import find, index
from core.spaces import actions as spaces
from portal.search import results

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from core.testing import Town

WORD = "zibelinette"
INSIDE, TEAM = {"member", "author", "owner"}, {"owner"}
EVERYBODY = {"visitor", "stranger", "agent", "administrator", *INSIDE}
SIGNED_IN = EVERYBODY - {"visitor"}


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    """Return the installed plugins, and the dummy plugin."""
    return {"dummy": dummy, **registry.discover()[1]}


@pytest.fixture
def people(town: Town) -> Town:
    """The town, with people in every position."""
    for name in sorted(SIGNED_IN):
        town.person(name, name if name in ("agent", "administrator") else "resident")
    return town


def circle(town: Town, visibility: str, name: str = "Circle") -> int:
    """A space with its members."""
    space = town.space(name, "owner", visibility=visibility)
    given = {town.people["member"]: "member", town.people["author"]: "member", town.people["owner"]: "owner"}
    town.run(lambda: spaces.set_members(db.session.get(Space, space), "core", given))
    return space


def publish(town: Town, space: int, name: str = "author", **values: Any) -> int:
    """Something with the word in its title and text, indexed."""

    def say() -> int:
        place = db.session.get(Space, space)
        return feed.publish(place, f"Le mot {WORD} est ici.", f"Titre {WORD}", **values).id

    made: int = town.run(say, name)
    jobs.run_due(town.app)
    return made


def finders(town: Town, word: str = WORD, names: set[str] = EVERYBODY) -> set[str]:
    """Who finds the word; the suggestions know no more than the search."""
    found = set()
    for name in names:
        browser = town.browser(None if name == "visitor" else name)
        page = re.sub(r"</?mark>", "", browser.get(f"/search?q={word}").text)
        titles = [one["title"] for one in browser.get(f"/search/suggest?q={word[:8]}").json]
        shown = "Nothing found" not in page
        assert shown or word not in page.replace(f'value="{word}"', "").partition("<main")[2], name
        assert shown or not titles, name
        found |= {name} if shown else set()
    return found


@pytest.mark.parametrize(
    ("visibility", "readers"),
    [("public", EVERYBODY), ("portal", SIGNED_IN), ("members", INSIDE), ("hidden", INSIDE)],
)
def test_posts_are_found_by_who_reads_the_space(visibility: str, readers: set[str], people: Town) -> None:
    publish(people, circle(people, visibility))
    assert finders(people) == readers


def test_what_is_for_the_team_is_found_by_the_team_and_its_reader(people: Town) -> None:
    space = circle(people, "public")
    publish(people, space, "owner", team_only=True)
    assert finders(people) == TEAM
    publish(people, space, "author", team_only=True, reader_id=people.people["author"])
    assert finders(people) == TEAM | {"author"}


def test_a_hidden_space_is_found_by_its_members_and_one_for_members_by_its_name_alone(people: Town) -> None:
    hidden, members = circle(people, "hidden", f"Secret {WORD}"), circle(people, "members", "Zinzolin")

    def describe() -> None:
        spaces.change_space(db.session.get(Space, members), summary="Aubergine", body="Potiron")

    people.run(describe)
    jobs.run_due(people.app)
    assert finders(people) == INSIDE
    assert finders(people, "zinzolin") == finders(people, "aubergine") == EVERYBODY
    assert finders(people, "potiron") == INSIDE
    assert people.browser("member").get("/search?q=potiron").text.count(f"/spaces/{members}/about") == 1
    assert people.run(lambda: db.session.get(Space, hidden).name)


@pytest.mark.parametrize("visibility", ["members", "hidden"])
def test_who_is_removed_from_a_space_finds_nothing_of_it_from_that_moment(
    visibility: str, people: Town
) -> None:
    space = circle(people, visibility)
    publish(people, space, "owner")
    member = people.browser("member")
    address = f"/search?q={WORD}&space={space}"
    assert "Nothing found" not in member.get(address).text
    people.run(lambda: spaces.expel(db.session.get(Space, space), people.people["member"]), "owner")
    assert "Nothing found" in member.get(address).text
    assert member.get(f"/search/suggest?q={WORD}").json == []
    assert people.run(lambda: (find.search(WORD).count, find.suggest(WORD)), "member") == (0, [])
    assert finders(people) == INSIDE - {"member"}


def test_a_space_that_closes_is_found_no_more_and_narrowing_a_thread_takes_its_replies_along(
    people: Town,
) -> None:
    space = circle(people, "public")
    post = publish(people, space)
    people.run(
        lambda: feed.publish(
            db.session.get(Space, space), "framboisine", kind="core.reply", parent=db.session.get(Entry, post)
        ),
        "member",
    )
    jobs.run_due(people.app)
    assert finders(people, "framboisine") == EVERYBODY
    people.run(lambda: feed.set_audience(db.session.get(Entry, post), team_only=True), "owner")
    assert finders(people) == finders(people, "framboisine") == TEAM
    people.run(lambda: feed.set_audience(db.session.get(Entry, post), team_only=False), "owner")
    assert finders(people) == EVERYBODY
    people.run(
        lambda: spaces.change_space(db.session.get(Space, space), visibility="hidden", joining="invite"),
        "owner",
    )
    assert finders(people) == INSIDE


@pytest.mark.parametrize("verb", [feed.hide, feed.remove])
def test_what_is_hidden_or_removed_leaves_the_index_in_the_same_write(
    verb: Callable[[Entry], None], people: Town
) -> None:
    post = publish(people, circle(people, "public"))
    assert tokens(people)
    people.run(lambda: verb(db.session.get(Entry, post)), "owner")
    assert tokens(people) == []
    assert finders(people) == set()
    jobs.run_due(people.app)
    assert tokens(people) == []
    if verb is feed.hide:
        people.run(lambda: feed.restore(db.session.get(Entry, post)), "owner")
        jobs.run_due(people.app)
        assert finders(people) == EVERYBODY


def tokens(town: Town) -> list[int]:
    """The places of documents that have the word, whoever may read them."""

    def look() -> list[int]:
        text = {"sqlite": "SELECT rowid FROM core_search_fts WHERE core_search_fts MATCH 'f_zibelinet'"}
        text["postgresql"] = "SELECT place FROM core_search WHERE words @@ 'f_zibelinet'::tsquery"
        return list(db.session.scalars(sa.text(text[db.engine.dialect.name])))

    return list(town.run(look))


def test_what_is_hidden_while_it_is_being_indexed_stays_out(
    people: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = circle(people, "public")
    post = publish(people, space)
    people.run(lambda: feed.change_entry(db.session.get(Entry, post), body=f"Encore {WORD}."), "author")
    read = index._documents

    def hide_meanwhile(refs: Any) -> Any:
        made = list(read(refs))
        db.session.rollback()
        monkeypatch.setattr(index, "_documents", read)
        with (
            people.app.app_context(),
            access.as_viewer(access.Viewer(id=people.people["owner"], kinds=registry.current().kinds())),
        ):
            feed.hide(db.session.get(Entry, post))
        return made

    monkeypatch.setattr(index, "_documents", hide_meanwhile)
    people.run(index._batch)
    assert tokens(people) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_daily_tidying_leaves_no_word_of_a_deleted_text_in_the_index_of_sqlite(people: Town) -> None:
    post = publish(people, circle(people, "public"))
    publish(people, circle(people, "public", "Other"), "owner", team_only=True)
    people.run(lambda: feed.remove(db.session.get(Entry, post)), "owner")
    people.run(lambda: feed.remove(db.session.get(Entry, post + 1)), "owner")
    jobs.run_due(people.app)

    def words() -> bool:
        blocks = db.session.scalars(sa.text("SELECT block FROM core_search_fts_data")).all()
        return any(b"zibelinet" in block for block in blocks)

    assert people.run(words)
    people.run(index.tidy)
    assert not people.run(words)
    people.run(whole)


def whole() -> None:
    """Let SQLite compare its index with the documents; it raises when they differ."""
    with write() as session:
        session.execute(
            sa.text("INSERT INTO core_search_fts (core_search_fts, rank) VALUES ('integrity-check', 1)")
        )


def test_people_are_found_until_their_account_is_closed(people: Town) -> None:
    jobs.run_due(people.app)
    assert finders(people, "stranger") == EVERYBODY

    def close() -> None:
        with write() as session:
            session.get(User, people.people["stranger"]).closed_at = sa.func.current_timestamp()

    people.run(close)
    assert finders(people, "stranger", {"visitor", "member"}) == set()


def test_waiting_posts_are_found_once_the_team_lets_them_through(people: Town) -> None:
    post = publish(people, circle(people, "public"), state="pending")
    assert finders(people) == set()
    people.run(lambda: feed.release(db.session.get(Entry, post)), "owner")
    jobs.run_due(people.app)
    assert finders(people) == EVERYBODY


# The texts of plugins.


def workshop(town: Town, visibility: str = "public") -> int:
    """A workshop of the agent with a step in its plan, indexed."""

    def open_it() -> int:
        space = workshops.open_workshop("Atelier", visibility=visibility)
        workshops.plan_step(space, f"Apporter une {WORD}")
        return space.id

    space: int = town.run(open_it, "agent")
    jobs.run_due(town.app)
    return space


@pytest.mark.parametrize(("visibility", "readers"), [("public", EVERYBODY), ("members", {"agent"})])
def test_a_plugin_s_further_texts_are_found_by_who_reads_the_space(
    visibility: str, readers: set[str], people: Town
) -> None:
    space = workshop(people, visibility)
    browser = people.browser("agent")
    page = browser.get(f"/search?q={WORD}&kind=dummy.workshop&space={space}").text
    assert f'href="/dummy/{space}/"' in page
    assert f"Apporter une <mark>{WORD}</mark>" in page
    found = {name for name in EVERYBODY if looks(people, name)}
    assert found == readers


def looks(town: Town, name: str) -> bool:
    """Whether somebody finds the word."""
    return (
        "Nothing found" not in town.browser(None if name == "visitor" else name).get(f"/search?q={WORD}").text
    )


def test_what_a_plugin_that_is_off_brings_is_not_found_and_is_again_when_it_is_on(people: Town) -> None:
    space = workshop(people)
    people.run(
        lambda: workshops.say_idea(db.session.get(Space, space), "Idée mirabelle", "quetsche"), "member"
    )
    jobs.run_due(people.app)
    words = (WORD, "mirabelle", "quetsche", "atelier")
    assert all(looks_for(people, word) for word in words)
    people.run(lambda: registry.current().switch("dummy", False))
    assert not any(looks_for(people, word) for word in words)
    jobs.run_due(people.app)

    def plan_while_off() -> None:
        with write() as session:
            session.add(workshops.Step(space_id=space, text="bergamote"))

    people.run(plan_while_off)
    people.run(lambda: registry.current().switch("dummy", True))
    jobs.run_due(people.app)
    assert all(looks_for(people, word) for word in (*words, "bergamote"))


def test_what_changed_of_a_plugin_leaves_the_index_in_the_same_write_and_the_core_s_words_stay(
    people: Town,
) -> None:
    space = workshop(people)

    def change_step() -> None:
        with write() as session:
            session.scalars(sa.select(workshops.Step)).one().text = "bergamote"
            index.reindex(session.get(Space, space))

    people.run(change_step, "agent")
    assert tokens(people) == []
    assert looks_for(people, "atelier")
    assert not looks_for(people, "bergamote")
    jobs.run_due(people.app)
    assert looks_for(people, "bergamote")


def looks_for(town: Town, word: str) -> bool:
    """Whether an agent finds a word."""
    browser = town.browser("agent")
    suggested = bool(browser.get(f"/search/suggest?q={word}").json)
    found = "Nothing found" not in browser.get(f"/search?q={word}").text
    assert found or not suggested
    return found


def test_a_plugin_that_fails_loses_its_own_texts_and_no_others(people: Town) -> None:
    trouble["search_documents"] = lambda: 1 / 0
    try:
        space = workshop(people)
        publish(people, circle(people, "public"))
    finally:
        trouble.clear()
    assert looks_for(people, "atelier")
    assert [row.entry_id for row in people.run(lambda: find.search(WORD).hits, "agent")] == [1]
    people.run(lambda: noted(space))
    jobs.run_due(people.app)
    assert len(people.run(lambda: find.search(WORD).hits, "agent")) == 2


def noted(space: int) -> None:
    """Have a space indexed again."""
    with write():
        index.reindex(db.session.get(Space, space))


@pytest.mark.parametrize("answer", ["text", [1], [dummy.api.SearchDocument("dummy.idea", "", "", None)]])
def test_a_plugin_s_nonsense_is_no_document(answer: Any, people: Town) -> None:
    trouble["search_documents"] = lambda: answer
    try:
        workshop(people)
    finally:
        trouble.clear()
    assert not looks_for(people, WORD)


def test_a_plugin_adds_texts_of_its_own_kinds_to_what_it_was_asked_about_alone(people: Town) -> None:
    space = circle(people, "public")
    other = publish(people, space)
    at = people.run(lambda: db.session.get(Entry, other).published_at)
    make = dummy.api.SearchDocument
    trouble["search_documents"] = lambda: [
        make("core.post", "framboisine", "", at, entry_id=other + 1),
        make("dummy.idea", "framboisine", "", at, entry_id=other),
        make("dummy.idea", "groseille", "", at, entry_id=other + 1),
    ]
    try:
        publish(people, space)
    finally:
        trouble.clear()
    assert not looks_for(people, "framboisine")
    assert looks_for(people, "groseille")
    people.run(lambda: registry.current().switch("dummy", False))
    assert not looks_for(people, "groseille")


# The nets.


def test_documents_are_behind_both_nets_of_the_read_guard(people: Town) -> None:
    publish(people, circle(people, "hidden"))

    def read(statement: Any) -> Any:
        return db.session.execute(statement).all()

    everything = sa.select(Document)
    assert people.run(lambda: len(read(everything)), "owner") > people.run(
        lambda: len(read(everything)), "agent"
    )
    for text in ("SELECT words FROM core_search", "SELECT rowid FROM core_search_fts"):
        with pytest.raises(guard.UnguardedRead):
            people.run(lambda text=text: read(sa.text(text)), "agent")


def test_results_are_checked_again_where_they_are_drawn(people: Town) -> None:
    space = circle(people, "hidden")
    publish(people, space)
    hits = people.run(lambda: find.search(WORD).hits, "owner")
    assert people.run(lambda: len(results.rows(hits)), "owner") == 1
    assert people.run(lambda: results.rows(hits), "agent") == []


def test_what_nobody_knows_is_cleared_from_what_waits(people: Town) -> None:
    def add() -> None:
        with as_system("test"), write():
            insert_once(Stale, sort="nothing", ident=1)
            insert_once(Stale, sort="entry", ident=999_999)

    people.run(add)
    jobs.run_due(people.app)
    assert people.run(lambda: unfiltered(sa.select(table_of(Stale).c.id)).all()) == []
