"""500 scripted accounts write at once: they end in the queue, not in public, and the queue stays quick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from core import access
from core.db import db, write
from core.feed import actions
from core.models import Case, Entry, Space, User

if TYPE_CHECKING:
    from .conftest import Square

pytestmark = pytest.mark.slow


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Return the address of a fresh migrated database."""
    return sqlite_url


def flood(square: Square, count: int) -> None:
    """Let so many new accounts each write a post, through every check."""

    def write_all() -> None:
        with write() as session:
            people = [User(handle=f"b{n}", name=f"B{n}", folded=f"b{n}") for n in range(count)]
            session.add_all(people)
            session.flush()
            ids = [person.id for person in people]
        kinds = ("core.group", "core.post", "core.reply")
        for ident in ids:
            with access.as_viewer(access.Viewer(id=ident, role="resident", kinds=kinds)):
                actions.publish(db.session.get(Space, square.space), "Buy pills")

    square.town.run(write_all)


def statements(square: Square, path: str) -> tuple[str, int]:
    """The page that the agent sees, and how many statements it took."""
    browser, seen = square.browser("agent"), []

    def note(_connection: Any, _cursor: Any, sql: str, *_rest: Any) -> None:
        seen.append(sql)

    browser.get(path)
    with square.town.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    text = browser.get(path).text
    event.remove(engine, "before_cursor_execute", note)
    return text, len(seen)


def test_500_scripted_accounts_end_in_the_queue(square: Square) -> None:
    flood(square, 500)
    state = sa.select(Entry.state, sa.func.count()).group_by(Entry.state)
    counted = dict(square.town.run(lambda: db.session.execute(state).all()))
    assert counted == {"published": 3, "pending": 497}
    page, many = statements(square, "/moderation/")
    assert page.count("data-key-item") == 20
    assert "after=" in page
    first = square.cases()[0]
    assert square.decide(first.id, "removed").status_code == 302
    assert square.state(first.entry_id) == "hidden"

    def clear() -> None:
        with write() as session:
            session.execute(sa.update(Case).values(act="kept", decided_at=sa.func.current_timestamp()))

    square.town.run(clear)
    square.report(square.say("One", "keeper"))
    page, few = statements(square, "/moderation/")
    assert page.count("data-key-item") == 1
    assert few == many
