"""The log of privileged acts: what is in it, who reads it, and that it only grows."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core.audit import audit
from core.db import db, now, write
from core.models import Audit, Space
from core.spaces import actions as spaces
from portal.privacy import retention
from portal.spaces import joining

if TYPE_CHECKING:
    from .conftest import Square


def log(square: Square) -> list[tuple[int | None, str, str]]:
    """Who did what on what, in its order."""
    rows = sa.select(Audit.actor_id, Audit.act, Audit.ref).order_by(Audit.id)
    return [tuple(row) for row in square.town.run(lambda: db.session.execute(rows).all())]


def test_privileged_acts_are_written_down(square: Square) -> None:
    post, other, third = square.say("One"), square.say("Two"), square.say("Three")
    agent, admin = square.town.person("agent"), square.town.person("admin")
    keeper = square.town.person("keeper")
    square.report(post)
    square.decide(square.case(post), "hidden")
    square.browser("agent").submit(f"/moderation/cases/{square.case(post)}/undo", "/")
    square.browser("keeper").submit(f"/posts/{other}/lock", f"/posts/{other}")
    square.browser("keeper").submit(f"/posts/{other}/remove")
    square.browser("agent").submit(f"/posts/{third}/redact", passage="Three", reason="private")
    reader = square.town.person("reader")
    person = f"/admin/people/{reader}"
    answer = square.browser("admin").submit(
        person, role="agent", mandate="", list_name="", portfolio="", area_id="0"
    )
    assert answer.status_code == 302, answer.text
    switch = {"on": "0", "sure": "1"}
    page = "/admin/plugins/moderation"
    assert square.browser("admin").submit(f"{page}/switch", page, **switch).status_code == 302
    found = log(square)
    for line in (
        (agent, "entry.hidden", f"entry/{post}"),
        (agent, "entry.restored", f"entry/{post}"),
        (keeper, "entry.locked", f"entry/{other}"),
        (keeper, "entry.removed", f"entry/{other}"),
        (admin, "person.role", f"user/{reader}"),
        (admin, "plugin.off", "plugin/moderation"),
    ):
        assert line in found
    acts = [act for _who, act, _ref in found]
    assert "case.hidden" in acts
    assert "case.redacted" in acts
    shown = square.browser("admin").get("/admin/audit?act=entry.").text
    assert "has closed" in shown
    assert f'<a href="/posts/{post}">' in shown
    assert "has given" not in shown
    assert "Three" not in square.browser("admin").get("/admin/audit").text


def test_one_removes_ones_own_words_without_a_line(square: Square) -> None:
    post = square.say("Mine")
    square.browser("writer").submit(f"/posts/{post}/remove")
    assert not any(act == "entry.removed" for _who, act, _ref in log(square))


@pytest.mark.parametrize("change", ["UPDATE core_audit SET act = 'x'", "DELETE FROM core_audit"])
def test_the_database_refuses_to_change_the_log(square: Square, change: str) -> None:
    def note() -> None:
        with write():
            audit("town.changed", "town")

    def tamper() -> None:
        with write():
            db.session.execute(sa.text(change), execution_options={"guarded": True})

    square.town.run(note, "admin")
    before = log(square)
    with pytest.raises(DBAPIError, match="only grows"):
        square.town.run(tamper)
    assert log(square) == before


def test_what_is_older_than_a_year_is_cleared_away(square: Square) -> None:
    def note() -> None:
        with write() as session:
            for days in (400, 10):
                session.add(Audit(at=now() - dt.timedelta(days=days), act=f"x.{days}", origin="command"))

    square.town.run(note)
    square.town.run(retention.sweep)
    assert [act for _who, act, _ref in log(square)] == ["x.10"]


def test_the_log_is_for_administrators_and_has_pages(square: Square) -> None:
    def note() -> None:
        with write():
            for number in range(60):
                audit(f"x.{number}")

    square.town.run(note)
    assert square.browser("agent").get("/admin/audit").status_code == 403
    assert square.browser("reader").get("/admin/audit").status_code == 403
    first = square.browser("admin").get("/admin/audit").text
    assert "x.59" in first
    assert "x.9<" not in first
    older = square.browser("admin").get("/admin/audit?before=11").text
    assert "x.9<" in older
    assert "x.59" not in older


def test_the_log_says_until_when_somebody_has_a_role_and_who_is_not_let_in(square: Square) -> None:
    town, reader = square.town, square.town.person("reader")
    club = town.space("Club", "keeper", joining="request")
    end = dt.datetime(now().year + 1, 7, 1, tzinfo=dt.UTC)
    for until in (end, None):
        town.run(lambda u=until: spaces.set_role(db.session.get(Space, club), reader, "member", u), "keeper")
    town.run(lambda: spaces.expel(db.session.get(Space, club), reader), "keeper")
    for accept in (True, False):
        town.run(lambda: joining.ask_to_join(db.session.get(Space, club), "Please"), "reader")
        town.run(lambda a=accept: joining.answer_request(db.session.get(Space, club), reader, a), "keeper")
        town.run(lambda: spaces.leave(db.session.get(Space, club)), "reader")
    log = square.browser("admin").get("/admin/audit").text
    assert log.count(f"Until: 1 July {end.year}") == log.count("Without an end date") == 1
    assert log.count("has refused the request of <a") == 1


def test_the_log_is_sentences_that_link_what_its_reader_may_read(square: Square) -> None:
    secret = square.town.space("Secret garden", "keeper", "hidden", "request")

    def note() -> None:
        with write():
            audit("space.invited", f"space/{secret}", role="moderator")
            audit(
                "space.role", f"space/{square.space}", person=square.town.person("reader"), role="moderator"
            )
            audit("town.changed", "town", fields=["colour"])

    square.town.run(note, "agent")
    kept = square.browser("admin").get("/admin/audit").text
    assert "to a space, with the role “Moderator”" in kept
    assert "Secret garden" not in kept
    assert f'in <a href="/spaces/{square.space}">' in kept
    assert "has changed the town’s settings" in kept
    assert "<span>Colour</span>" in kept
    french = square.browser("admin").get("/admin/audit", headers={"Accept-Language": "fr"}).text
    assert "avec le rôle « Modérateur·rice »".replace("« ", "«\u202f").replace(" »", "\u202f»") in french
