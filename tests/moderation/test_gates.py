"""What is held, refused or asked before it is published."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
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

BUDGET = Path(__file__).parents[1] / "data" / "paris_participatory_budget.csv"


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
        ("Au n° 12 de la rue Victor-Hugo habite Jean Dupont", ["12 de la rue Victor-Hugo"]),
        ("Le trou au n° 12 de la rue Victor-Hugo", []),
        ("3 r. de la Gare, 59300 Valenciennes", ["3 r. de la Gare, 59300 Valenciennes"]),
        ("Le trou au 3 r. de la Gare", []),
        ("sophie martin habite 5 place de l'église", ["5 place de l'église"]),
        ("mme martin, 5 place de l'église", ["5 place de l'église"]),
        ("madame sophie martin, 5 place de l'église", ["5 place de l'église"]),
        ("trou devant, 5 place de l'église", []),
        ("bonjour madame un trou, 5 place de l'église", []),
        ("madame la maire, mme la maire, 5 place de l'église", []),
        ("un trou de 3 m. devant le 5 place de l'église", []),
        ("zoe at exemple dot fr", ["zoe at exemple dot fr"]),
        ("zoe arobase exemple point com", ["zoe arobase exemple point com"]),
        ("zoe.m at mail dot exemple dot org", ["zoe.m at mail dot exemple dot org"]),
        ("zoe [at] exemple point fr", ["zoe [at] exemple point fr"]),
        ("zoe@exemple point fr", ["zoe@exemple point fr"]),
        ("Look at point com, look at my dot com, please at this point be careful", []),
        ("Une arobase est un point utile, at Lille point de rencontre", []),
    ],
)
def test_details_of_people_are_found(text: str, found: list[str]) -> None:
    assert details.found(text) == found


@pytest.mark.parametrize(
    "number",
    [
        "06 12 34 56 78",
        "0612345678",
        "0612 34 56 78",
        "06.12.34.56.78",
        "06_12_34_56_78",
        "06*12*34*56*78",
        "06\xa012\xa034\xa056\xa078",
        "06\u202f12\u202f34\u202f56\u202f78",
        "\uff10\uff16\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
        "+33 6 12 34 56 78",
        "+33 (0)6 12 34 56 78",
        "0033 6 12 34 56 78",
        "+41\u202f22\u202f767\u202f61\u202f11",
        "+32 470 12 34 56",
    ],
)
@pytest.mark.parametrize("beside", ["{}", "{}, 18 h", "{}, 12 rue du Lavoir", "{} (12h-14h)", "Le 28, {}"])
def test_a_number_is_found_whatever_digits_stand_beside_it(number: str, beside: str) -> None:
    assert details.found(beside.format(number)) == [number]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("06 12 34 56 78 2e étage", ["06 12 34 56 78"]),
        ("+33 6 12 34 56 78 12 rue du Lavoir", ["+33 6 12 34 56 78"]),
        ("06 12 34 56 78, 06 98 76 54 32", ["06 12 34 56 78", "06 98 76 54 32"]),
        ("06 12 34 56 78 / 07 98 76 54 32", ["06 12 34 56 78", "07 98 76 54 32"]),
        ("06.12.34.56.78/07.98.76.54.32", ["06.12.34.56.78", "07.98.76.54.32"]),
        ("Tel:0612345678 Ref 12", ["0612345678"]),
        ("0612345678-12, and 0612345678", ["0612345678"]),
        ("0 6 1 2 3 4 5 6 7 8", ["0 6 1 2 3 4 5 6 7 8"]),
    ],
)
def test_numbers_beside_one_another_are_found_once_each(text: str, found: list[str]) -> None:
    assert sorted(details.found(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        "SIRET 732 829 320 00074, 12 rue",
        "SIRET 73282932000074, 73282932000082",
        "12 000 000 €, 250 000 € et 12 500 €",
        "28/11/2026 à 18 h, 05/12/2026 à 9 h 30",
        "01/12/2026, 02/12/2026, 03/12/2026",
        "01.12.2026 - 02.12.2026",
        "06-08-2026 12:30",
        "les 05, 06, 12, 13, 19, 20 décembre",
        "les 05/06/12/13/19/20 décembre",
        "parcelles AB 0123, AB 0124, 0612 et 0613",
        "PC 059 606 26 00123, 2026",
        "FR76 3000 6000 0112 3456 7890 189",
        "2019, 2020, 2021, 2022, 2023, 2024",
        "2019 2020 2021 2022 2023",
        "Lu 08:30-12:00 13:30-17:00",
        "dossier 2026-0612345678",
        "48.856613, 2.352222",
    ],
)
def test_digits_that_are_no_telephone_number_are_not_asked_about(text: str) -> None:
    assert details.found(text) == []


def test_what_towns_are_asked_holds_nobodys_details() -> None:
    with BUDGET.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    titles, places = "titre_projet_gagnant", "adresse_projet_gagnant"
    asked = [one for row in rows for one in details.found(row[titles])]
    asked += [one for row in rows for one in details.found(f"{row[titles]}, {row[places]}", places=False)]
    assert (len(rows), asked) == (1341, [])


@pytest.mark.parametrize(
    "text",
    [
        *("a", "1", "1-", "a.", "+", "1 rue ", "a@", "a(at)", "a (at) b(dot)", " ( at", "a(at)b."),
        *("06 ", "+33 ", "06 12 34 56 7 ", "0612345678 ", "a at b dot ", "@a point ", "madame a "),
    ],
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
