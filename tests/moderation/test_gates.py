"""What is held, refused or asked before it is published."""

from __future__ import annotations

import datetime as dt
import io
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from PIL import Image
from werkzeug.datastructures import FileStorage

from core.db import db, now, write
from core.models import Entry, User
from plugins.moderation import details

if TYPE_CHECKING:
    from .conftest import Square


def post(square: Square, body: str, name: str = "writer", **fields: Any) -> Any:
    """Write a post on the page of the space."""
    page = f"/spaces/{square.space}"
    return square.browser(name).submit(f"{page}/posts", page, body=body, **fields)


def entries(square: Square, state: str) -> list[str]:
    """What stands in the space in a state, in its order."""
    found = sa.select(Entry.body).where(Entry.state == state).order_by(Entry.id)
    return list(square.town.run(lambda: db.session.scalars(found).all()))


def old(square: Square, name: str) -> None:
    """Let somebody's account be a year old."""
    person, before = square.town.person(name), now() - dt.timedelta(days=365)

    def age() -> None:
        with write() as session:
            session.execute(sa.update(User).where(User.id == person).values(created_at=before))

    square.town.run(age)


def test_a_wave_of_new_accounts_ends_in_the_queue(square: Square) -> None:
    for number in range(20):
        square.say(f"Wave {number}", f"bot{number}")
    assert len(entries(square, "published")) == 3
    assert len(entries(square, "pending")) == 17
    shown = square.browser().get(f"/spaces/{square.space}").text
    assert "Wave 2" in shown
    assert "Wave 3<" not in shown
    page = square.browser("agent").get("/moderation/").text
    assert "Wave 3" in page
    assert "Held back before publication" in page


def test_who_is_here_for_long_writes_on_while_a_wave_is_held(square: Square) -> None:
    for number in range(5):
        square.say(f"Wave {number}", f"bot{number}")
    old(square, "writer")
    assert post(square, "A regular").status_code == 302
    assert "A regular" in entries(square, "published")
    assert post(square, "The owner", "keeper").status_code == 302
    assert "The owner" in entries(square, "published")


def test_who_writes_too_much_is_asked_to_wait(square: Square, monkeypatch: pytest.MonkeyPatch) -> None:
    from plugins.moderation import gates

    monkeypatch.setitem(gates.DEFAULTS, "most_per_hour", 2)
    old(square, "writer")
    for number in range(2):
        assert post(square, f"Number {number}").status_code == 302
    refused = post(square, "Number 2")
    assert refused.status_code == 422
    assert "a lot in a short time" in refused.text
    assert len(entries(square, "published")) == 2


def test_a_held_post_is_published_or_refused_in_the_queue(square: Square) -> None:
    for number in range(5):
        square.say(f"Wave {number}", f"bot{number}")
    first, second = (case for case in square.cases() if case.origin == "held")
    assert square.decide(first.id, "kept").status_code == 302
    assert square.decide(second.id, "hidden", text="No waves.").status_code == 302
    assert "Wave 3" in entries(square, "published")
    assert entries(square, "hidden") == ["Wave 4"]
    assert "core.decision" in square.notices("bot3")
    assert "No waves." in square.browser("bot4").get("/me/moderation").text
    assert [case.reason for case in square.cases()] == ["", "insult"]
    assert "Reason:" not in square.browser("bot3").get("/me/moderation").text
    undone = square.browser("agent").submit(
        f"/moderation/cases/{second.id}/undo", f"/moderation/cases/{second.id}"
    )
    assert undone.status_code == 302
    assert entries(square, "pending") == ["Wave 4"]


def test_a_space_may_look_at_everything_first(square: Square) -> None:
    page = f"/moderation/spaces/{square.space}"
    assert square.browser("reader").get(page).status_code == 403
    assert square.browser("agent2").get(page).status_code == 403
    assert square.browser("keeper").submit(page, checked="y").status_code == 302
    old(square, "writer")
    answer = post(square, "A regular")
    assert answer.status_code == 302
    assert entries(square, "pending") == ["A regular"]
    assert square.browser("keeper").submit(page).status_code == 302
    assert post(square, "Another").status_code == 302
    assert entries(square, "published") == ["Another"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Call 06 12 34 56 78 tonight", ["06 12 34 56 78"]),
        ("Call +33 6 12 34 56 78.", ["+33 6 12 34 56 78"]),
        ("Write to jean.dupont@example.fr.", ["jean.dupont@example.fr"]),
        ("Write to ana (at) example.org!", ["ana (at) example.org"]),
        ("ana[at]mail[dot]example[dot]org", ["ana[at]mail[dot]example[dot]org"]),
        ("Or ana.m arobase example.org", ["ana.m arobase example.org"]),
        ("Or ana\uff20example.org", ["ana\uff20example.org"]),
        ("We meet (at noon) in the square. Or at example.org (a page)", []),
        ("She lives at 12 bis rue des Lilas, 74000 Annecy", ["12 bis rue des Lilas, 74000 Annecy"]),
        ("Mme Durand, au 4 rue des Tanneurs, crie", ["4 rue des Tanneurs"]),
        ("Mon voisin du 4 rue des tanneurs crie", ["4 rue des tanneurs"]),
        ("Il fume chez lui, 4 rue du Général de Gaulle", ["4 rue du Général de Gaulle"]),
        ("Jean Dupont\n4 rue des Tanneurs\n74000 Annecy", ["4 rue des Tanneurs 74000 Annecy"]),
        ("Tout le bruit vient de Jean Dupont, 4 rue des Tanneurs", ["4 rue des Tanneurs"]),
        ("Le nid de poule devant le 4 rue des Tanneurs a cassé ma roue", []),
        ("Madame la Maire, le 4 rue des Tanneurs est sale. Les habitants s’en plaignent.", []),
        ("Devant l’école Jules Ferry, 4 rue des Tanneurs", []),
        ("On 12 March 2026 at 18:30 we meet, 150 people", []),
        ("Ask @jean at the rue des Lilas", []),
        ("The budget is 1 200 000 euros in 2026", []),
        ("06&nbsp;12&nbsp;34&nbsp;56&nbsp;78", ["06\xa012\xa034\xa056\xa078"]),
        ("06*12*34*56*78", ["06*12*34*56*78"]),
        ("On 2026-11-26 10:30:45, no. 20261126103045", []),
    ],
)
def test_details_of_people_are_found(text: str, found: list[str]) -> None:
    assert details.found(text) == found


@pytest.mark.parametrize(
    "text", ["a", "1", "1-", "a.", "+", "1 rue ", "a@", "a(at)", "a (at) b(dot)", " ( at", "a(at)b."]
)
def test_looking_at_a_long_text_comes_to_an_end(text: str) -> None:
    """Patterns that look back and forth would need hours for so many characters."""
    assert len(details.found(text * (400_000 // len(text)))) <= 100


def test_what_the_town_publishes_is_not_asked_about() -> None:
    known = "Town hall: 04 50 11 22 33\nmairie@example.fr"
    assert details.found("Call 04.50.11.22.33 or mairie@example.fr", known) == []


def test_a_telephone_number_is_asked_about_once(square: Square) -> None:
    asked = post(square, "Her number is 06 12 34 56 78", client_key="k1")
    assert asked.status_code == 422
    assert "06 12 34 56 78" in asked.text
    assert asked.text.count("details by which somebody can be found") == 2  # above, and beside the box
    assert entries(square, "published") == []
    assert post(square, "Her number is 06 12 34 56 78", confirmed="y").status_code == 302
    [ident] = square.town.run(lambda: db.session.scalars(sa.select(Entry.id)).all())
    edit = square.browser("writer").submit(
        f"/posts/{ident}/edit", body="Her number is still 06 12 34 56 78", version="1"
    )
    assert edit.status_code == 302, edit.text


def test_details_stand_between_the_quotation_marks_of_the_language(square: Square) -> None:
    square.browser("writer").submit("/language", _page="/", language="fr")
    assert "«\u202f06 12 34 56 78\u202f»" in post(square, "Her number is 06 12 34 56 78").text


def test_the_alternative_text_of_a_picture_is_asked_about_like_the_words(square: Square) -> None:
    def say(alt: str, **fields: Any) -> Any:
        data = io.BytesIO()
        Image.new("RGB", (40, 30), "teal").save(data, "PNG")
        data.seek(0)
        picture = FileStorage(data, "notice.png")
        return post(square, "Seen on a wall", pictures=picture, alts=alt, **fields)

    asked = say("A sheet: call Mrs Zo\u00eb at 06 12 34 56 78")
    assert asked.status_code == 422
    assert "06 12 34 56 78" in asked.text
    assert entries(square, "published") == []
    assert say("A sheet on a wall").status_code == 302
    assert say("A sheet: call 06 12 34 56 78", confirmed="y").status_code == 302
    assert len(entries(square, "published")) == 2
