"""The pages of the feed, as browsers ask for them: writing, replying, editing, supporting, subscribing."""

import datetime as dt
import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import feedparser
import pytest
import sqlalchemy as sa
from PIL import Image

from core import access
from core.db import db, now
from core.feed import actions, query
from core.models import Entry, File, Mail, Revision, Space, Support
from core.registry import current
from core.spaces import actions as spaces
from core.testing import Browser, Town
from core.text import markdown
from portal.feed.history import SIZE, changes

pytest_plugins = ["core.testing"]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One engine: the statements behind these pages are tested on both elsewhere."""
    return sqlite_url


def group(town: Town, **values: Any) -> int:
    town.person("olga", "agent")
    return int(town.run(lambda: spaces.create_space("core.group", "Halle", **values).id, "olga"))


def say(town: Town, who: str, space_id: int, body: str = "Words", **values: Any) -> int:
    town.person(who)
    return int(town.run(lambda: actions.publish(db.session.get(Space, space_id), body, **values).id, who))


def entries(town: Town) -> list[Entry]:
    return list(town.run(lambda: db.session.scalars(sa.select(Entry).order_by(Entry.id)).all()))


def picture(size: tuple[int, int] = (30, 20)) -> tuple[io.BytesIO, str]:
    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, "PNG")
    buffer.seek(0)
    return buffer, "halle.png"


def test_writing_in_a_space_and_on_the_home_page(town: Town) -> None:
    space_id = group(town)
    ana = town.browser("ana")
    sent = ana.submit(
        f"/spaces/{space_id}/posts", f"/spaces/{space_id}", title="Fontaine", body="Elle **fuit**."
    )
    assert sent.status_code == 302
    shown = ana.get(sent.location)
    assert "Your post is published. You are a member of this space now." in shown.text
    assert "<strong>fuit</strong>" in shown.text
    assert "<h1" in shown.text
    assert "<title>Fontaine – " in shown.text
    assert "Following</button>" in shown.text, "a word that no narrow page hides"
    second = ana.submit("/posts/new", "/", space=str(space_id), body="Second")
    assert second.status_code == 302
    again = ana.get(second.location).text
    assert "Your post is published." in again
    assert "You are a member" not in again
    assert [one.lang for one in entries(town)] == ["en", "en"]
    assert "Fontaine" in town.browser().get("/").text


def options(page: str) -> list[str]:
    """What one can choose as the space to write in, group by group."""
    select = re.search(r'<select[^>]*name="space".*?</select>', page, re.S)
    return re.findall(r'label="([^"]+)"|<option[^>]*>([^<]+)</option>', select[0]) if select else []


def test_a_newcomer_is_offered_where_everybody_may_write_and_shown_where_to_look(town: Town) -> None:
    here, there = town.area("Here"), town.area("There")
    town.person("olga", "agent")
    for name, values in {
        "Aviron": {"area_id": there},
        "Voisins": {"area_id": here},
        "Clos": {"visibility": "members", "joining": "request"},
        "Sur demande": {"joining": "request"},
    }.items():
        town.run(lambda n=name, v=values: spaces.create_space("core.group", n, **v), "olga")
    town.person("zoe", area_id=here)
    zoe = town.browser("zoe")
    home = zoe.get("/").text
    assert [one or other for one, other in options(home)] == [
        "Choose a space",
        "In my part of the town",
        "Voisins",
        "Open to everybody",
        "Aviron",
    ]
    assert re.findall(r"<option selected[^>]*>([^<]+)", home) == ["Choose a space"]
    assert "Find spaces" in home
    unsaid = zoe.submit("/posts/new", space="", body="A pothole")
    assert unsaid.status_code == 422
    assert "Choose a space." in unsaid.text
    assert "Not a valid" not in unsaid.text
    voisins = town.run(lambda: db.session.scalars(sa.select(Space.id).where(Space.name == "Voisins")).one())
    closed = town.run(lambda: db.session.scalars(sa.select(Space.id).where(Space.name == "Clos")).one())
    assert zoe.submit("/posts/new", space=str(closed), body="Let me in").status_code == 422
    assert zoe.submit("/posts/new", space=str(voisins), body="A pothole").status_code == 302
    assert [one.space_id for one in entries(town)] == [voisins]
    assert "Find spaces" not in zoe.get("/").text


def test_who_may_write_nowhere_is_sent_to_the_spaces(town: Town) -> None:
    group(town, joining="request")
    zoe = town.browser("zoe")
    assert 'name="body"' not in zoe.get("/").text
    assert zoe.get("/posts/new").location == "/spaces"
    assert "join one first" in zoe.get("/spaces").text


def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_is_kept(town: Town) -> None:
    space_id = group(town)
    ana = town.browser("ana")
    url, page = f"/spaces/{space_id}/posts", f"/spaces/{space_id}"
    refused = ana.submit(url, page, title="A kept title", body="")
    assert refused.status_code == 422
    assert "A kept title" in refused.text
    assert 'href="#body"' in refused.text
    long = ana.submit(url, page, body="x" * 20_001)
    assert long.status_code == 422
    assert "x" * 20_001 in long.text
    undescribed = ana.submit(url, page, body="Kept words", pictures=picture(), alts="")
    assert undescribed.status_code == 422
    assert "say what it shows" in undescribed.text
    assert "choose your pictures again" in undescribed.text
    assert "Kept words" in undescribed.text
    two = {"pictures": [picture(), picture()], "alts": ["The “old” hall", ""], "decorative": ["2"]}
    for unsent in ({"body": ""}, {"body": "x", "preview": "1"}):
        kept = ana.submit(url, page, **unsent, **two).text
        assert 'name="alts" type="text" maxlength="300" value="The “old” hall"' in kept
        assert 'value="2" checked' in kept
        assert 'value="1" checked' not in kept
        assert "choose your pictures again" in kept
        two["pictures"] = [picture(), picture()]
    broken = ana.submit(url, page, body="Kept", pictures=(io.BytesIO(b"<svg/>"), "x.png"), alts="x")
    assert broken.status_code == 422
    assert ana.submit(url, page, body="x", space="999").status_code == 302
    assert ana.submit("/posts/new", "/", space="999", body="x").status_code == 422
    assert len(entries(town)) == 1


def test_a_long_post_is_cut_in_a_feed_and_whole_on_its_own_page(town: Town) -> None:
    space_id = group(town)
    short = say(town, "ana", space_id, "The bench is *mended*.")
    long = say(town, "ana", space_id, "The bench is *mended*. " + "It is red, and wide. " * 200 + "At last!")
    feed = town.browser().get(f"/spaces/{space_id}").text
    assert feed.count("<em>mended</em>") == 1
    assert "At last!" not in feed
    assert re.search(rf'<a href="/posts/{long}">Read on<span class="visually-hidden"> Ana</span></a>', feed)
    assert f'<a href="/posts/{short}">Read on' not in feed
    whole = town.browser().get(f"/posts/{long}").text
    assert "At last!" in whole
    assert "Read on" not in whole
    assert "At last!" in town.browser().get(f"/spaces/{space_id}/feed.atom").text


def test_pictures_are_shown_with_what_they_show(town: Town) -> None:
    space_id = group(town)
    ana = town.browser("ana")
    fields = {"pictures": [picture(), picture((20, 30))], "alts": ["The hall", ""], "decorative": ["2"]}
    sent = ana.submit(f"/spaces/{space_id}/posts", f"/spaces/{space_id}", body="Look", **fields)
    assert sent.status_code == 302, sent.text
    shown = town.browser().get(sent.location).text
    assert 'alt="The hall"' in shown
    assert 'alt=""' in shown
    address = re.search(r'href="(/files/[^"]+)"', shown)
    assert address is not None
    assert town.browser().get(address[1]).status_code == 200
    assert len(town.run(lambda: db.session.scalars(sa.select(File)).all())) == 2


def test_a_form_sent_twice_is_one_post_and_a_preview_is_none(town: Town) -> None:
    space_id = group(town)
    ana = town.browser("ana")
    url, page = f"/spaces/{space_id}/posts", f"/spaces/{space_id}"
    preview = ana.submit(url, page, body="Not **yet**", preview="1")
    assert "<strong>yet</strong>" in preview.text
    assert "Not **yet**" in preview.text
    assert '<p class="eyebrow">Halle</p>' in preview.text
    named = ana.submit("/posts/new", "/", body="@ana", space=str(space_id), preview="1")
    assert '<a href="/people/ana" class="mention"' in named.text
    first = ana.submit(url, page, body="Once", client_key="abc")
    assert ana.submit(url, page, body="Once", client_key="abc").location == first.location
    assert len(entries(town)) == 1
    other = ana.submit(url, page, body="Other words", client_key="abc")
    assert "Other words" in ana.get(other.location).text, "sent from the same page after going back to it"
    shown = ana.submit("/preview", page, body="@ana *x* <b>", space=str(space_id)).text
    assert '<a href="/people/ana" class="mention"' in shown
    assert shown.endswith("<em>x</em> &lt;b&gt;</p>")


def test_a_preview_tells_nobody_who_belongs(town: Town) -> None:
    space_id = group(town, visibility="members", joining="invite")
    mention, text = '<a href="/people/olga" class="mention"', {"body": "@olga", "space": str(space_id)}
    assert mention in town.browser("olga").submit("/preview", "/me", **text).text
    for stranger in (town.browser("zoe"), town.browser()):
        assert mention not in stranger.submit("/preview", "/", **text).text


def test_writing_without_an_account_waits_for_the_link_in_the_mail(town: Town) -> None:
    space_id = group(town)
    post = say(town, "ana", space_id, "Who repairs it?")
    visitor = town.browser()
    no_pictures = "You can add pictures in a reply, once your address is confirmed."
    for page in (f"/posts/{post}", f"/spaces/{space_id}"):
        assert (visitor.get(page).text.count(no_pictures), 'type="file"' in visitor.get(page).text) == (
            1,
            False,
        )
        assert no_pictures not in town.browser("ana").get(page).text
    words = {"name": "Ines", "email": "ines@example.org", "body": "I can repair it"}
    answer = visitor.submit(f"/posts/{post}/reply", f"/posts/{post}", **words)
    assert "This portal can’t send messages yet" in answer.text, "there is no mail server"
    assert len(entries(town)) == 1
    letter = town.run(lambda: db.session.scalars(sa.select(Mail)).one())
    assert letter.subject.startswith("Confirm your publication – ")
    assert "To publish it, open this page:" in letter.text
    assert "seven days" in letter.text
    link = re.search(r"/confirm/\S+", letter.text)
    assert link is not None
    other_device = town.browser()
    assert "I can repair it" in other_device.get(link[0]).text
    assert len(entries(town)) == 1
    done = other_device.submit(link[0])
    assert done.status_code == 302
    reply = entries(town)[1]
    assert (reply.body, reply.parent_id) == ("I can repair it", post)
    shown = other_device.get(done.location).text
    assert "Ines" in shown
    assert "Your reply is published." in shown
    assert "An account with your address waits" in shown
    assert 'href="/me/password">Choose a password' in shown
    assert other_device.submit("/sign-out", "/").status_code == 302
    assert other_device.client.post(link[0]).status_code in (400, 404, 410)
    assert len(entries(town)) == 2


def test_the_page_of_the_link_shows_all_that_it_publishes(town: Town) -> None:
    space_id = group(town)
    post = say(town, "ana", space_id, "Who repairs it?", title="The clock")
    reply = {"name": "Ines", "email": "ines@example.org", "body": "I can **surely**\n<b>repair</b> it"}
    fresh = {**reply, "email": "ANA@example.org", "title": "A new bench"}
    for url, page, words, shown in (
        (f"/posts/{post}/reply", f"/posts/{post}", reply, ("Ines", "The clock", "ines@example.org")),
        (
            f"/spaces/{space_id}/posts",
            f"/spaces/{space_id}",
            fresh,
            ("Ana", "A new bench", "ana@example.org"),
        ),
    ):
        town.browser().submit(url, page, **words)
        letters = town.run(lambda: db.session.scalars(sa.select(Mail).order_by(Mail.id)).all())
        link = re.search(r"/confirm/\S+", letters[-1].text)
        assert link
        text = town.browser().get(link[0]).text
        for word in (*shown, "Halle", markdown(reply["body"]), "<strong>surely</strong>", "&lt;b&gt;repair"):
            assert word in text
    assert ">Ines<" not in text, "it would be published in Ana's name"


def test_a_visitor_writes_only_where_all_may(town: Town) -> None:
    private, asked = group(town, visibility="portal"), group(town, joining="request")
    open_page = f"/spaces/{group(town)}"
    words = {"name": "Ines", "email": "ines@example.org", "body": "Words"}
    assert town.browser().submit(f"/spaces/{private}/posts", open_page, **words).status_code == 404
    assert town.browser().submit(f"/spaces/{asked}/posts", open_page, **words).status_code == 403
    assert "Write without an account" not in town.browser().get(f"/spaces/{asked}").text
    post = say(town, "ana", group(town))
    town.browser("ana").submit(f"/posts/{post}/reply", f"/posts/{post}", body="A reply", client_key="1")
    below = f"/posts/{entries(town)[-1].id}/reply"
    assert town.browser().submit(below, open_page, **words).status_code == 403
    assert town.run(lambda: db.session.scalars(sa.select(Mail)).all()) == [], "no link that could do nothing"
    bad = town.browser().submit(f"{open_page}/posts", open_page, name="", email="x", body="Kept words")
    assert bad.status_code == 422
    assert "Kept words" in bad.text
    assert 'href="#email"' in bad.text


def test_editing_keeps_a_public_history_and_both_texts_of_a_conflict(town: Town) -> None:
    post = say(town, "ana", group(town), "The first words", title="Title")
    ana, url = town.browser("ana"), f"/posts/{post}/edit"
    assert town.browser("zoe").get(url).status_code == 403
    assert ana.submit(url, title="Title", body="The second words", version="1").status_code == 302
    for seen in ({"version": "1"}, {"version": "x"}, {"version": ""}, {}):
        conflict = ana.submit(url, title="Title", body="My other words", **seen)
        assert conflict.status_code == 409
        assert "My other words" in conflict.text
        assert "The second words" in conflict.text
    history = town.browser().get(f"/posts/{post}/history").text
    assert "<del>first</del>" in history
    assert "Signs such as ** and # are how the text was typed" in history
    assert "<ins>second</ins>" in history
    assert "The first words" in history
    assert '<strong>Title</strong></p>\n<p class="prose source">The <del>first</del>' in history
    assert len(town.run(lambda: db.session.scalars(sa.select(Revision)).all())) == 1


def test_a_history_tells_of_what_changed_alone_and_shows_each_version_as_it_was_written(town: Town) -> None:
    title, body = "Une place\u202f: où\u00a0?", "Le **banc** et l’arbre"
    post = say(town, "ana", group(town), body, title=title)
    body = body.replace("et", "**et**")
    assert (
        town.browser("ana").submit(f"/posts/{post}/edit", title=title, body=body, version="1").status_code
        == 302
    )
    history = html.unescape(town.browser().get(f"/posts/{post}/history").text)
    assert history.count(f"<strong>{title}</strong>") == 2
    assert "Le **banc** <del>et</del> <ins>**et**</ins> l’arbre" in history
    assert "Le **banc** et l’arbre" in history


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_history_strikes_out_nothing_where_a_paragraph_was_added(town: Town, end: str) -> None:
    post = say(town, "ana", group(town), f"The first{end}{end}The last")
    ana, url = town.browser("ana"), f"/posts/{post}/edit"
    added = f"The first{end}{end}One between{end}{end}The last"
    ana.submit(url, title="", body=added, version="1")
    ana.submit(url, title="", body=f"{added}{end}{end}At the end", version="2")
    history = town.browser().get(f"/posts/{post}/history").text
    assert "<del>" not in history
    [last, between] = re.findall(r"<ins>(.*?)</ins>", history, re.DOTALL)
    assert (last.split(), between.split()) == (["At", "the", "end"], ["One", "between"])
    assert re.search(r"<ins>\s*\n\s*\n At the end", history), "its own paragraph"


def test_a_change_too_large_to_compare_by_words_is_shown_whole() -> None:
    words = [str(n % 50) for n in range(10_000)]
    doubled = [part for word in words for part in (word, "X")]
    shown = list(changes(" ".join(["First", *words]), " ".join(["First", *doubled])))
    assert [part[:5] for part in shown] == ["First", "<del>", "<ins>", ""]
    small = "".join(changes("one two three", "one 2 three"))
    assert small == "one <del>two</del> <ins>2</ins> three"


def test_a_long_history_comes_page_by_page(town: Town) -> None:
    post = say(town, "ana", group(town), "Text 0", title="Title")
    ana, url = town.browser("ana"), f"/posts/{post}/edit"
    for number in range(1, SIZE + 2):
        form = ana.get(url).text
        version = re.findall(r'name="version"[^>]*value="([0-9]+)"', form)[0]
        ana.submit(url, title="Title", body=f"Text {number}", version=version)
    newest = town.browser().get(f"/posts/{post}/history").text
    assert newest.count("<h2>") == SIZE
    earlier = html.unescape(re.findall(r'href="([^"]*before=[0-9]+)"', newest)[0])
    oldest = town.browser().get(earlier).text
    assert "Text 0" in oldest
    assert "As first published" in oldest
    assert "before=" not in oldest.partition("<main")[2]


def test_the_town_welcomes_on_the_first_page_alone(town: Town) -> None:
    ident, visitor = group(town), town.browser()
    for number in range(query.SIZE + 1):
        say(town, "ana", ident, f"Text {number}")
    first = visitor.get("/").text
    later = visitor.get(html.unescape(re.findall(r'href="([^"]*before=[^"]+)"', first)[0])).text
    assert "Welcome to" in first
    assert "Text 0" in later
    assert "Welcome to" not in later
    assert later.count("<h1") == 1


@pytest.mark.parametrize("verb", ["pin", "lock"])
def test_who_edits_hears_nothing_of_a_pin_or_a_lock_that_came_between(town: Town, verb: str) -> None:
    space_id = group(town)
    ana, olga, post = town.browser("ana"), town.browser("olga"), say(town, "ana", space_id)
    shown = ana.get(f"/posts/{post}/edit").text
    seen = re.findall(r'name="version"[^>]*value="(\d+)"', shown)
    for _turn in range(2):
        assert olga.submit(f"/posts/{post}/{verb}", _page="/me").status_code == 302
    assert ana.submit(f"/posts/{post}/edit", _page="/me", body="Better", version=seen[0]).status_code == 302
    [kept] = entries(town)
    assert kept.body == "Better"
    assert kept.version == int(seen[0]) + 1


def test_a_button_pressed_twice_means_what_it_said(town: Town) -> None:
    post = say(town, "ana", group(town))
    zoe, url = town.browser("zoe"), f"/posts/{post}/support"
    for wanted, left in (("1", 1), ("1", 1), ("0", 0), ("0", 0)):
        assert f'name="on" value="{wanted}"' in zoe.get(f"/posts/{post}").text or left == int(wanted)
        zoe.submit(url, f"/posts/{post}", on=wanted)
        assert town.run(lambda: db.session.get(Entry, post).support_count) == left
    assert zoe.submit(url, f"/posts/{post}", on="2").status_code == 400


def test_support_is_a_button_that_turns(town: Town) -> None:
    space_id = group(town)
    post = say(town, "ana", space_id)
    zoe, url = town.browser("zoe"), f"/posts/{post}/support"
    assert zoe.submit(url, f"/posts/{post}").location == f"/posts/{post}"
    token = re.search(r'name="csrf_token" value="([^"]+)"', zoe.get("/").text)
    assert token is not None
    part = zoe.client.post(url, data={"csrf_token": token[1]}, headers={"HX-Request": "true"})
    assert 'aria-pressed="false"' in part.text
    assert "<html" not in part.text
    back = zoe.client.post(
        url, data={"csrf_token": token[1]}, headers={"Referer": "http://localhost/?order=active"}
    )
    assert back.location == f"/?order=active#post-{post}"
    for elsewhere in ("http://elsewhere.example/x", "http://localhost//elsewhere.example", "http://["):
        away = zoe.client.post(url, data={"csrf_token": token[1]}, headers={"Referer": elsewhere})
        assert away.location == f"/posts/{post}"
    assert town.run(lambda: db.session.scalars(sa.select(Support)).all()) == []
    assert town.browser().submit(url, f"/spaces/{space_id}").location.startswith("/sign-in")


def test_moderating_is_for_the_team_and_removing_asks_first(town: Town) -> None:
    space_id = group(town)
    post = say(town, "ana", space_id, "Something rude")
    ana, olga, page = town.browser("ana"), town.browser("olga"), f"/posts/{post}"
    for verb in ("pin", "lock", "hide"):
        assert ana.submit(f"{page}/{verb}", page).status_code == 403
        assert olga.submit(f"{page}/{verb}", page).status_code == 302
    assert "Something rude" not in town.browser().get("/").text
    assert town.browser().get(page).status_code == 404
    assert olga.submit(f"{page}/hide", page).status_code == 302
    assert "This conversation is closed" in ana.get(page).text
    assert town.browser("zoe").get(f"{page}/remove").status_code == 403
    assert "Something rude" in ana.get(f"{page}/remove").text
    assert ana.submit(f"{page}/remove").status_code == 302
    assert entries(town) == []


def test_replies_come_in_pages_and_a_reply_leads_to_its_thread(town: Town) -> None:
    space_id = group(town)
    post = say(town, "ana", space_id)
    parent = town.run(lambda: db.session.get(Entry, post))
    past = now() - dt.timedelta(days=1)
    replies = [
        say(
            town,
            "ana",
            space_id,
            f"Reply {n}.",
            parent=parent,
            kind="core.reply",
            at=past + dt.timedelta(seconds=n),
        )
        for n in range(53)
    ]
    page = town.browser().get(f"/posts/{post}").text
    assert "Reply 49." in page
    assert "Reply 50." not in page
    more = re.search(rf'href="(/posts/{post}\?after=[^"]+)"', page)
    assert more is not None
    rest = town.browser().get(more[1]).text
    assert all(f"Reply {n}." in rest for n in (50, 51, 52))
    assert "Reply 49." not in rest
    assert town.browser().get(f"/posts/{replies[0]}").location == f"/posts/{post}#post-{replies[0]}"
    for bad in ("?after=x", "?after=1"):
        assert town.browser().get(f"/posts/{post}{bad}").status_code == 400
    assert town.browser().get("/?before=nonsense").status_code == 400


def test_atom_documents_are_sound_public_and_kept_by_readers(town: Town) -> None:
    space_id, private = group(town), group(town, visibility="members")
    post = say(town, "ana", space_id, "Hello @ana & <you> \x0b", title="Fontaine & co")
    say(town, "olga", private, "A canary")
    olga = town.browser("olga")
    for path in ("/feed.atom", f"/spaces/{space_id}/feed.atom", "/people/ana/feed.atom"):
        answer = olga.get(path)
        found = feedparser.parse(answer.data)
        assert not found.bozo, path
        assert [one.id for one in found.entries] == [f"tag:localhost,2026:/posts/{post}"]
        assert found.entries[0].title == "Fontaine & co"
        assert found.entries[0].link == f"http://localhost/posts/{post}"
        assert found.entries[0].author == "Ana"
        assert "canary" not in answer.text
        assert olga.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert feedparser.parse(olga.get("/people/olga/feed.atom").data).entries == []
    assert olga.get(f"/spaces/{private}/feed.atom").status_code == 404
    assert olga.get("/people/nobody/feed.atom").status_code == 404


def test_suggestions_name_only_people_who_may_read_the_space(town: Town) -> None:
    private, public = group(town, visibility="members", joining="open"), group(town)
    for name in ("amelie", "anais", "ahmed"):
        town.person(name)
    town.person("azul", "official")
    town.run(lambda: spaces.join(db.session.get(Space, private)), "anais")
    found = lambda who, space: [one["handle"] for one in who.get(f"/mentions?space={space}&q=A").json]  # noqa: E731
    assert found(town.browser("olga"), private) == ["anais"]
    assert found(town.browser("olga"), public) == ["azul", "ahmed", "amelie", "anais"], "officials first"
    assert found(town.browser("amelie"), private) == []
    assert town.browser("olga").get(f"/mentions?space={public}&q=%25").json == []
    assert town.browser("olga").get("/mentions?space=x&q=a").json == []
    assert town.browser().get(f"/mentions?space={public}&q=a").status_code == 302


def test_what_belongs_to_a_plugin_that_is_off_says_so_without_its_title(town: Town) -> None:
    space_id = group(town)
    post = say(town, "ana", space_id, "A canary", title="A canary title")
    town.run(lambda: _turn_into(post, "visits.question"))
    assert "canary" in town.browser().get(f"/posts/{post}").text
    with town.app.app_context(), access.as_system("test"):
        current().switch("neighbourhood_visits", False)
    gone = town.browser().get(f"/posts/{post}")
    assert gone.status_code == 404
    assert "switched off" in gone.text
    assert "canary" not in gone.text
    assert "canary" not in town.browser().get("/").text
    assert "switched off" not in town.browser().get(f"/posts/{post + 1}").text


def _turn_into(post: int, kind: str) -> None:
    from core.db import write

    with write() as session:
        session.get(Entry, post).kind = kind


@contextmanager
def statements(town: Town) -> Iterator[list[str]]:
    """The statements that are sent inside."""
    sent: list[str] = []
    listen = lambda _c, _cur, sql, *_: sql == "BEGIN" or sent.append(sql)  # noqa: E731
    with town.app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", listen)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", listen)


def cost(town: Town, browser: Browser, url: str) -> int:
    browser.get(url)
    with statements(town) as sent:
        assert browser.get(url).status_code == 200
    return len(sent)


@pytest.mark.parametrize("plugin_modules", [{}])
def test_a_page_costs_few_statements_however_much_it_shows(
    town: Town, plugin_modules: dict[str, Any]
) -> None:
    space_id = group(town)
    pages = ("/", "/?order=active", f"/spaces/{space_id}", "/people/ana")
    costs = []
    for _ in range(2):
        for n in range(10):
            say(town, "ana", space_id, f"Post {n}")
        visitor, ana = town.browser(), town.browser("ana")
        costs.append([(cost(town, visitor, url), cost(town, ana, url)) for url in pages])
        costs[-1].append((0, cost(town, ana, "/?show=followed")))
    assert costs[0] == costs[1]
    assert all(out <= 4 and signed_in <= 7 for out, signed_in in costs[0]), costs[0]
