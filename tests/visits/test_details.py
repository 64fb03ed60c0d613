"""Personal details in a question: who asks or writes it down is asked; what can't be asked is flagged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from core.db import db
from core.models import Entry, PendingClaim
from plugins.neighbourhood_visits.models import Casework

from .test_collect_mail import address, letter, office, take_in
from .test_field import stand
from .test_import import take_in as read_table

if TYPE_CHECKING:
    from .conftest import Scene

__all__ = ["office"]
AGAIN = "If they may be public, send your text again as it is."
DOUBT, FLAG, NUMBER = "details by which somebody can be found", "Holds personal details", "06 12 34 56 78"


def questions(scene: Scene) -> int:
    """How many questions there are."""
    rows = sa.select(Entry.id).where(Entry.kind == "visits.question")
    return len(scene.town.run(lambda: db.session.scalars(rows).all()))


def flags(scene: Scene, question: int) -> str:
    """What is flagged of a question."""
    return str(scene.town.run(lambda: db.session.get(Casework, question).flags))


@pytest.mark.parametrize(
    "said",
    [
        {"title": f"Who answers at {NUMBER}?"},
        {"title": "A bench?", "body": f"Her number is {NUMBER}"},
        {"title": "A bench?", "place": f"At Ana's, {NUMBER}"},
        {"title": "A bench?", "place": "ask ana@example.net"},
    ],
)
def test_who_asks_is_asked_about_each_field_that_everybody_reads(scene: Scene, said: dict[str, str]) -> None:
    page = f"/visits/{scene.visit()}/ask"
    told = {"key": "one", **said}
    refused = scene.browser("resident").submit(page, **told)
    assert (refused.status_code, questions(scene)) == (422, 0)
    assert DOUBT in refused.text
    assert AGAIN in refused.text
    assert 'name="confirmed" type="hidden" value="yes"' in refused.text
    assert scene.browser("resident").submit(page, **told, confirmed="yes").status_code == 302
    assert questions(scene) == 1


def test_a_place_and_a_number_for_the_team_are_what_the_form_asks_for(scene: Scene) -> None:
    said = {"title": "A bench?", "place": "12 rue des Lilas", "contact": NUMBER}
    question = scene.question(scene.visit(), **said)
    assert flags(scene, question) == ""


def test_an_address_that_is_asked_about_is_nobodys(scene: Scene) -> None:
    visit = scene.visit()
    page, title = f"/visits/{visit}/ask", "The hole before 4 rue des Tanneurs broke my wheel"
    assert scene.browser("resident").submit(page, key="one", title=title).status_code == 302
    page, words = f"/visits/{visit}/record", "The hole before 6 rue des Tanneurs broke my wheel"
    assert scene.browser("agent").submit(page, words=words, channel="phone").status_code == 302
    assert questions(scene) == 2


def test_who_has_no_account_is_asked_before_their_words_are_kept(scene: Scene) -> None:
    def kept() -> int:
        return len(scene.town.run(lambda: db.session.scalars(sa.select(PendingClaim)).all()))

    page = f"/visits/{scene.visit()}/ask"
    for field in ("body", "place", "name"):
        said = {"title": "A bench?", "name": "Zibeline", "email": "z@example.net"}
        said[field] = f"Call {NUMBER}"
        refused = scene.browser().submit(page, **said)
        assert refused.status_code == 422, field
        assert DOUBT in refused.text, field
        assert kept() == 0, field
    assert scene.browser().submit(page, **said, confirmed="yes").status_code == 302
    assert kept() == 1


@pytest.mark.parametrize("channel", ["phone", "paper", "stall"])
def test_who_writes_a_question_down_is_asked_too(scene: Scene, channel: str) -> None:
    page = f"/visits/{scene.visit()}/record"
    for field in ("words", "place"):
        said = {"words": "A bench?", "channel": channel, "contact": NUMBER, field: f"Mrs Z, {NUMBER}"}
        refused = scene.browser("agent").submit(page, **said)
        assert refused.status_code == 422, field
        assert DOUBT in refused.text
        assert AGAIN in refused.text
        assert questions(scene) == 0
    assert scene.browser("agent").submit(page, **said, confirmed="yes").status_code == 302
    assert questions(scene) == 1
    assert (
        scene.browser("agent").submit(page, words="A lamp?", channel=channel, contact=NUMBER).status_code
        == 302
    )


def test_what_comes_by_mail_is_flagged_until_it_is_taken_out(office: Scene, imap: Any) -> None:
    visit = office.visit()
    said = letter(address(visit), text=f"Mrs Z answers at {NUMBER}, day and night.")
    clean = letter(address(visit), ident="<two@example.net>", text="Is there a bench?")
    first, second = take_in(office, imap, said, clean)
    assert (flags(office, first.id), flags(office, second.id)) == ("details", "")
    agent = office.browser("agent")
    assert FLAG in agent.get(f"/visits/questions/{first.id}").text
    assert FLAG in agent.get(f"/visits/{visit}/review").text
    assert FLAG not in agent.get(f"/visits/questions/{second.id}").text
    redact = f"/posts/{first.id}/redact"
    assert agent.submit(redact, passage="day and night", reason="other").status_code == 302
    assert flags(office, first.id) == "details", "the number is still there"
    assert agent.submit(redact, passage=NUMBER, reason="private").status_code == 302
    assert flags(office, first.id) == ""


def test_what_is_noted_on_the_way_is_flagged(scene: Scene) -> None:
    visit = scene.visit()
    stand(scene, visit, "in_progress")
    page = f"/visits/{visit}/field"
    for key, asked in (("a", f"Who answers at {NUMBER}?"), ("b", "Is there a bench?")):
        sent = scene.browser("agent").submit(f"{page}/notes", _page=page, key=key, asked=asked)
        assert sent.status_code == 302
    rows = sa.select(Casework.flags).order_by(Casework.entry_id)
    assert scene.town.run(lambda: list(db.session.scalars(rows))) == ["details", ""]


def test_what_is_taken_in_from_a_table_is_flagged(scene: Scene) -> None:
    table = f"title,visit,body\nWho answers?,1,Call {NUMBER}.\nIs there a bench?,1,By the school.\n"
    assert str(read_table(scene, table.encode())) == "2 imported, 0 already there, 2 flagged"
    rows = sa.select(Casework.flags).order_by(Casework.entry_id)
    assert scene.town.run(lambda: list(db.session.scalars(rows))) == ["place details", "place"]
