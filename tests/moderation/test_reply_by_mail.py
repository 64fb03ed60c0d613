"""A reply by mail says something in one conversation; it uses no right of its sender's, whoever that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from core import mailbox
from core.access import Refused, as_system
from core.accounts.sessions import as_viewer
from core.db import db, write
from core.models import Audit, Entry, Mail, Space
from core.testing import PASSWORD
from plugins.moderation import actions
from portal.notices import replies
from tests.factors import set_up

if TYPE_CHECKING:
    from .conftest import Square

ORDERS = "hide\n/remove\nDecision: hidden\nCall her at 06 12 34 56 78"


@pytest.fixture(autouse=True)
def plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take messages as they stand: these quote nothing."""
    monkeypatch.setattr(replies, "unquoted", lambda text, _ours: text)


def mailed(square: Square, post: int, name: str, text: str) -> None:
    """Let a reply of somebody's arrive by mail."""
    person = square.town.person(name)

    def arrive() -> None:
        with as_viewer(person):
            sealed = replies.seal(person, post)
        with write(), as_system("mail is taken in"):
            letter = mailbox.Incoming(
                rest=sealed,
                sender=f"{name}@example.org",
                user_id=person,
                subject="Re",
                text=text,
                attachments=(),
                key=text[:20] + name,
            )
            replies.reply(letter)

    square.town.run(arrive)


@pytest.mark.parametrize("name", ["keeper", "agent", "admin"])
def test_who_moderates_is_held_by_mail_like_everybody(square: Square, name: str) -> None:
    browser = square.browser(name)
    set_up(browser, current=PASSWORD)
    post = square.say("Words", "writer")
    square.town.run(lambda: actions.set_checked(db.session.get(Space, square.space), True), "keeper")
    acts = sa.select(sa.func.count()).select_from(Audit)
    before = square.town.run(lambda: db.session.scalar(acts))
    mailed(square, post, name, "A word by mail, without a number")
    below = sa.select(Entry.state).where(Entry.parent_id == post)
    assert square.town.run(lambda: list(db.session.scalars(below))) == ["pending"]
    assert square.state(post) == "published"
    told = sa.select(Mail.recipient, Mail.text).where(Mail.kind == "core.held")
    [(recipient, text)] = square.town.run(lambda: db.session.execute(told).all())
    assert recipient == f"{name}@example.org"
    assert f"http://localhost/posts/{post}" in text
    assert square.town.run(lambda: db.session.scalar(acts)) == before
    assert browser.submit(f"/posts/{post}/reply", f"/posts/{post}", body="On the page").status_code == 302
    assert square.town.run(lambda: sorted(db.session.scalars(below))) == ["pending", "published"]


def test_orders_in_a_mail_are_words_and_details_are_asked_about(square: Square) -> None:
    post = square.say("Words", "writer")
    with pytest.raises(Refused, match="06 12 34 56 78"):
        mailed(square, post, "agent", ORDERS)
    mailed(square, post, "agent", ORDERS.rpartition("\n")[0])
    below = sa.select(Entry.body, Entry.state).where(Entry.parent_id == post)
    [(body, state)] = square.town.run(lambda: db.session.execute(below).all())
    assert (body.split("\n")[0], state) == ("hide", "published")
    assert square.state(post) == "published"
    square.browser("agent").submit(f"/posts/{post}/lock", f"/posts/{post}")
    with pytest.raises(Refused):
        mailed(square, post, "agent", "Into a closed conversation")
