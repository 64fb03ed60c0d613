"""What people find by words: stems, accents, phrases, exclusions, filters; and the help where nothing is."""

from __future__ import annotations

import datetime as dt
import itertools
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from core import jobs, registry
from core.access import Refused, Viewer, as_viewer
from core.db import db, now, write
from core.feed import actions as feed
from core.models import Space
from core.search import find, index, wanted, words
from portal.search import results

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.testing import Browser, Town

pytestmark = pytest.mark.engines

POSTS = {
    "Piscine": "Les travaux de la piscine municipale commencent lundi.",
    "Autre chose": "On parle des piscines et des écoles, à deux pas du cœur de ville.",
    "Water": "The rivers of the town and its libraries are running over.",
    "Élus": "Les élu·e·s répondent aux habitant·es du quartier. Marché de Noël sur la place du marché.",
}


def say(town: Town, space: int, posts: dict[str, str], name: str) -> dict[str, int]:
    """Publish posts by title, and have them indexed."""

    def publish() -> dict[str, int]:
        place = db.session.get(Space, space)
        return {title: feed.publish(place, text, title).id for title, text in posts.items()}

    made: dict[str, int] = town.run(publish, name)
    jobs.run_due(town.app)
    return made


def titles(town: Town, text: str, name: str | None = None, **filters: Any) -> list[str]:
    """The titles of the first page of what somebody finds."""

    def look() -> list[str]:
        return [results.title(row) for row in results.rows(find.search(text, **filters).hits)]

    if name is not None:
        return list(town.run(look, name))
    return list(town.run(lambda: as_visitor(look)))


def as_visitor(look: Callable[[], Any]) -> Any:
    """What somebody without an account finds."""
    with as_viewer(Viewer(kinds=registry.current().kinds())):
        return look()


@pytest.fixture
def square(town: Town) -> int:
    """A public space with some posts of Ana's."""
    space = town.space("Place du marché", "ana")
    say(town, space, POSTS, "ana")
    return space


def test_words_are_found_in_their_other_forms_in_french_and_english(town: Town, square: int) -> None:
    for text in ("piscines", "PISCINE", "piscine de la", "la piscine", "ecole piscine", "piscine municipale"):
        assert "Piscine" in titles(town, text) or "Autre chose" in titles(town, text), text
    assert titles(town, "ÉCOLE") == titles(town, "ecoles") == ["Autre chose"]
    assert titles(town, "coeur") == titles(town, "cœurs") == ["Autre chose"]
    assert titles(town, "river") == titles(town, "library") == titles(town, "run town") == ["Water"]
    assert titles(town, "élue") == titles(town, "elus") == titles(town, "habitante") == ["Élus"]
    assert titles(town, "ecol") == ["Autre chose"]
    assert titles(town, "stade") == []


def test_all_words_must_be_there_phrases_in_order_and_what_is_excluded_not(town: Town, square: int) -> None:
    assert titles(town, "piscine ecole") == ["Autre chose"]
    assert titles(town, '"piscine municipale"') == ["Piscine"]
    assert titles(town, '"municipale piscine"') == []
    assert titles(town, "piscine -ecole") == ["Piscine"]
    assert titles(town, 'piscine -"piscine municipale"') == ["Autre chose"]
    assert titles(town, "« place du marché »") == ["Place du marché", "Élus"]
    assert titles(town, '"place du marche') == ["Place du marché", "Élus"]
    assert titles(town, "deux-pas l’école") == ["Autre chose"]
    assert titles(town, '"piscine les"') == []  # a title and the text below it do not make a phrase


def test_what_is_called_so_comes_first_then_titles_then_texts_the_newest_first(town: Town) -> None:
    space = town.space("Vélo", "ana")
    say(
        town,
        space,
        {"Rues": "un vélo", "Un vélo": "ancien", "Le vélo": "nouveau", "Cours": "des vélos"},
        "ana",
    )
    assert titles(town, "vélo") == ["Vélo", "Le vélo", "Un vélo", "Cours", "Rues"]
    assert titles(town, "vélo", newest=True, kind="core.post") == ["Cours", "Le vélo", "Un vélo", "Rues"]


def test_a_search_is_narrowed_by_kind_space_person_and_day(town: Town, square: int) -> None:
    other = town.space("Ailleurs", "ben")
    say(town, other, {"Autre piscine": "chez Ben"}, "ben")
    assert titles(town, "piscine", space=other) == titles(town, "piscine", people=[town.people["ben"]])
    assert titles(town, "piscine", space=other) == ["Autre piscine"]
    assert titles(town, "place", kind="core.group") == ["Place du marché"]
    assert titles(town, "place", kind="core.post") == ["Élus"]
    assert titles(town, "ana", kind="core.person") == ["Ana"]
    assert titles(town, "", people=[town.people["ben"]]) == ["Ben", "Autre piscine"] or titles(
        town, "", people=[town.people["ben"]]
    ) == ["Autre piscine", "Ben"]
    day = dt.timedelta(days=1)
    assert titles(town, "piscine", since=now() + day) == titles(town, "piscine", until=now() - day) == []
    assert len(titles(town, "piscine", since=now() - day, until=now() + day)) == 3
    far = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)
    assert titles(town, "piscine", since=far) == []
    assert len(titles(town, "piscine", since=dt.datetime(1, 1, 2, tzinfo=dt.UTC), until=far)) == 3


def test_pages_follow_one_another_without_a_gap_and_the_count_ends_at_a_hundred(town: Town) -> None:
    space = town.space("Vélo", "ana")
    say(town, space, {f"Vélo {number}": "Rien." for number in range(30)}, "ana")
    say(town, space, {f"Rue {number}": "Un vélo." for number in range(75)}, "ana")
    seen, cursor, counts = [], None, []
    while True:
        found = town.run(lambda cursor=cursor: find.search("vélo", cursor=cursor), "ana")
        seen += [hit.place for hit in found.hits]
        counts.append(found.count)
        cursor = found.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 106
    assert counts == [101, None, None, None, None, None]
    page = town.browser().get("/search?q=velo").text
    assert "More than 100 results" in page
    assert "20 results" not in page
    for asked in ("after=2-x", "order=newest&after=1-2", "order=newest&after=2-2"):
        assert town.browser().get(f"/search?q=velo&{asked}").status_code == 400, asked


MESSAGES = {
    "-piscine": "not only what must not be there",
    "???": "no word or number",
    "🦊": "no word or number",
    "mot " * 500: "too long",
    "m " * 30: "too long",
}
HOSTILE = r"""
"
""
" OR "
a AND
NEAR(a b, 2)
words:x
core_search_fts
x*
(x
x)
{a b}: c
^x
'; DROP TABLE core_search; --
a & | ! <-> b
a:*
\
%
_
f_piscin
k_core_post
the of
à la
-
--
- piscine
пример
示例
ﬁn ½ ²
"""


def test_what_cant_be_looked_for_gets_help_and_no_error(town: Town) -> None:
    for text, message in MESSAGES.items():
        answer = town.browser().get("/search", query_string={"q": text})
        assert answer.status_code == 200
        assert message in answer.text, text
        assert "How to search" in answer.text


def test_hostile_queries_are_looked_for_as_words(town: Town, square: int) -> None:
    for text in (*HOSTILE.splitlines(), "x" * 200, "é" * 200, "e\u0301"):
        for path in ("/search", "/search/suggest"):
            assert town.browser().get(path, query_string={"q": text}).status_code == 200, text
    assert town.browser().get(f"/search?q={'x' * 10_000}").status_code == 414
    assert titles(town, "piscine") == ["Piscine", "Autre chose"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("q=%00", False),
        ("q=%1b%00&person=%00", False),
        ("q=%FF", False),
        ("q=%ED%A0%80", False),
        ("q=pis%00cine&order=newest&%00=%00", True),
        ("q=piscine&after=%00", True),
    ],
)
def test_a_search_that_cannot_be_read_gets_help(town: Town, square: int, asked: str, found: bool) -> None:
    browser = town.browser()
    refused = browser.get(f"/search?{asked}")
    assert refused.location.startswith("/search"), "of this portal"
    answer = browser.get(refused.location)
    assert answer.status_code == 200
    assert ("How to search" in answer.text, "Piscine" in answer.text) == (not found, found)
    assert browser.get("/search/suggest?q=%00").status_code == 400


def test_a_token_of_the_index_is_not_found_as_a_word(town: Town, square: int) -> None:
    assert titles(town, "k_core_post") == titles(town, "n_1") == titles(town, f"s_{square}") == []


def test_filters_that_say_nothing_get_help(town: Town, square: int) -> None:
    browser = town.browser()
    assert "year-month-day" in browser.get("/search?q=piscine&since=yesterday").text
    assert "Nobody here has this name" in browser.get("/search?q=piscine&person=nobody").text
    for person in ("@ana", "ana", "ANA"):
        assert "2 results" in browser.get("/search", query_string={"q": "piscine", "person": person}).text
    today = now().astimezone(ZoneInfo("Europe/Paris")).date()
    for day, count in ((today, "2 results"), (today - dt.timedelta(days=2), "Nothing found")):
        assert count in browser.get(f"/search?q=piscine&until={day}").text
    assert "Nothing found" in browser.get("/search?q=piscine&kind=nothing").text
    assert "Nothing found" in browser.get("/search?q=piscine&space=999999").text
    assert "Nothing found" in browser.get("/search?q=piscine&space=nothing").text


def test_days_by_themselves_or_the_wrong_way_round_get_help(town: Town, square: int) -> None:
    browser = town.browser()
    assert "Say also what to look for" in browser.get("/search?since=2026-01-01").text
    turned = browser.get("/search?q=piscine&since=2026-02-01&until=2026-01-01").text
    assert "The first of these days is after the last." in turned
    assert "result" in browser.get("/search?kind=core.post&since=2026-01-01").text


def test_a_part_of_a_name_finds_whoever_has_it_unless_it_is_somebody_s_whole_name(
    town: Town, square: int
) -> None:
    for number, name in enumerate(("léonie dupont", "marc léonie", "max", "max dupré"), 1):
        say(town, square, {f"Kiosk {number}": "Kiosk"}, name)
    browser = town.browser()

    def found(person: str) -> set[str]:
        """Whose posts are found."""
        page = browser.get("/search", query_string={"q": "kiosk", "person": person}).text
        return set(re.findall("</mark> ([1-4])</a>", page))

    assert found("Léonie") == found("leon") == {"1", "2"}
    assert found("dupont") == {"1"}
    assert found("max") == {"3"}, "the whole name goes before a part"
    assert found("%") == found("_") == set()


def test_one_looks_in_each_space_that_one_may_read(town: Town, square: int) -> None:
    closed = town.space("Team of the pool", "ana", visibility="members")
    for browser, names in ((town.browser(), {square}), (town.browser("ana"), {square, closed})):
        page = browser.get("/search").text
        offered = page.partition('<select id="space"')[2].partition("</select>")[0]
        assert {int(one) for one in re.findall(r'value="(\d+)"', offered)} >= names
        assert ("Team of the pool" in offered) is (closed in names)
    assert f'href="/search?space={square}"' in town.browser().get(f"/spaces/{square}").text


def test_the_page_shows_where_the_words_stand(town: Town, square: int) -> None:
    page = town.browser().get("/search?q=piscines").text
    assert '<a href="/posts/1"><mark>Piscine</mark></a>' in re.sub(r' lang="\w+"', "", page)
    assert "travaux de la <mark>piscine</mark> municipale" in page
    assert "parle des <mark>piscines</mark> et" in page
    assert "<mark>&lt;b&gt;" not in page


def test_titles_are_suggested_while_one_types(town: Town, square: int) -> None:
    browser = town.browser()

    def suggested(text: str) -> list[tuple[str, str]]:
        found = browser.get("/search/suggest", query_string={"q": text}).json
        return [(one["title"], one["url"]) for one in found]

    assert suggested("pis") == [("Piscine", "/posts/1")]
    assert suggested("PLACE DU MA") == [("Place du marché", f"/spaces/{square}")]
    assert suggested("an") == [("Ana", "/people/ana")]
    assert suggested("el") == [("Élus", "/posts/4")]
    assert suggested("p") == suggested("") == suggested("travaux") == suggested("*") == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_extracts_begin_where_most_of_what_was_looked_for_stands(town: Town) -> None:
    def extract(text: str, query: str) -> str:
        return str(town.run(lambda: results.extract(text, wanted.parse(query))))

    filler = "rien du tout " * 60
    assert extract(f"{filler}un chat {filler}le chat et le chien {filler}", "chat chien").count("mark>") == 4
    assert extract("<b>Chat</b>", "chat") == "&lt;b&gt;<mark>Chat</mark>&lt;/b&gt;"
    assert extract("le grand chat", '"grand chat"') == "le <mark>grand chat</mark>"
    assert extract("le chat grand", '"grand chat"') == "le chat grand"
    assert extract("E\u0301cole des habitant·es", "ecole habitant") == (
        "<mark>École</mark> des <mark>habitant·es</mark>"
    )
    long = extract(f"{filler}chat {filler}", "chat")
    assert long.startswith("…")
    assert long.endswith("…")
    assert len(long) < 350


def test_a_text_as_long_and_strange_as_may_be_is_indexed_the_same(town: Town) -> None:
    space = town.space("Essais", "ana")
    strange = (
        "x" * 9_000 + " " + "le " * 400 + "fin des temps " + "a " * 1_000 + " ½ пример \u0301 _ ___ œuvre"
    )
    say(town, space, {"Étrange": strange}, "ana")
    for text in ('"fin des temps"', "oeuvre", "пример", "ПРИМЕР", "x" * 200, "12", '"des temps a a"'):
        assert titles(town, text) == ["Étrange"], text
    made = words.tokens("a " * 300, "b " * 50_000).split()
    assert len(made) < 16_383
    assert max(made.count(token) for token in {"f_b", "e_b", "f_a"}) <= 256


def test_texts_of_one_second_all_have_their_place(town: Town) -> None:
    space, at = town.space("Archives", "ana"), now() - dt.timedelta(days=3)

    def load() -> None:
        with write():
            for number in range(30):
                feed.publish(db.session.get(Space, space), "importé", f"Import {number}", at=at)

    town.run(load, "ana")
    jobs.run_due(town.app)
    assert titles(town, "importé")[:3] == ["Import 29", "Import 28", "Import 27"]
    assert town.run(lambda: find.search("importé").count, "ana") == 30


def test_the_index_is_made_anew_from_nothing(town: Town, square: int) -> None:
    def empty() -> None:
        with write():
            for sort, idents in {
                "entry": (1, 2, 3, 4),
                "space": (square,),
                "user": (town.people["ana"],),
            }.items():
                for ident in idents:
                    index.forget(sort, ident)

    before = [titles(town, text) for text in ("piscine", "place", "ana")]
    town.run(empty)
    assert [titles(town, text) for text in ("piscine", "place", "ana")] == [[], [], []]
    town.run(index.note_everything)
    jobs.run_due(town.app)
    assert [titles(town, text) for text in ("piscine", "place", "ana")] == before
    assert not town.run(index.waiting)


def test_a_refusal_names_its_reason_to_plugins_too(town: Town) -> None:
    with pytest.raises(Refused, match="aucun mot"):
        town.run(lambda: find.search("?"))


def version(browser: Browser, page: str) -> str:
    """The version that the form of a page holds."""
    return re.findall(r'name="version"[^>]*value="([0-9]+)"', browser.get(page).text)[0]


def test_a_change_of_words_or_of_a_name_is_found_soon(town: Town, square: int) -> None:
    ana = town.browser("ana")
    ana.submit("/posts/1/edit", title="Bassin", body="nautique", version=version(ana, "/posts/1/edit"))
    settings = f"/spaces/{square}/settings"
    seen = version(ana, settings)
    ana.submit(settings, name="Parvis", visibility="public", joining="open", version=seen)
    ana.submit("/me", name="Zélie", about="", language="", timezone="", area="")
    jobs.run_due(town.app)
    assert titles(town, "bassin") == ["Bassin"]
    assert titles(town, "piscine municipale") == []
    assert titles(town, "parvis") == ["Parvis"]
    assert titles(town, "zelie") == ["Zélie"]
    assert titles(town, "place", kind="core.group") == []


def test_words_that_are_stemmed_at_once_get_the_stems_that_they_have_alone() -> None:
    begun = ("amenag", "stationn", "nettoy", "fleuriss", "organis", "plant", "elargiss", "republic")
    ended = ("ements", "ations", "euses", "erions", "ables", "aines", "ives", "ismes", "issons", "ees")
    asked = ["".join(parts) for parts in itertools.product(begun, ("", "a", "ill"), ended)]
    alone = [words.stems.__wrapped__(one) for one in asked]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as people:
            for _turn in range(5):
                words.stems.cache_clear()
                assert list(people.map(words.stems, asked)) == alone
    finally:
        sys.setswitchinterval(before)
