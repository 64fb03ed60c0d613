"""Publishing, changing and reading entries."""

from core import access
from core.db import db, write
from core.feed import actions, cards, query
from core.models import Entry, Space
from core.spaces import actions as spaces
from core.testing import Town

pytest_plugins = ["core.testing"]


def group(town: Town, owner: str = "olga", **values: object) -> int:
    """The id of a group that `owner` owns."""
    town.person(owner, "agent")
    return int(town.run(lambda: spaces.create_space("core.group", "Group", **values).id, owner))


def say(town: Town, who: str, space_id: int, body: str, parent: int | None = None, **values: object) -> int:
    """The id of what somebody published."""

    def work() -> int:
        space = db.session.get(Space, space_id)
        if parent is not None:
            values.update(parent=db.session.get(Entry, parent), kind="core.reply")
        return actions.publish(space, body, **values).id  # type: ignore[arg-type]

    return int(town.run(work, who))


def test_a_post_is_published_and_drawn(town: Town) -> None:
    space_id = group(town)
    town.person("ana")
    ident = say(town, "ana", space_id, "Bonjour **tout le monde**", title="Salut")
    reply = say(town, "olga", space_id, "Bienvenue @ana", parent=ident)

    def look():
        page = query.page(space=space_id)
        assert [row.id for row in page.entries] == [ident]
        card = cards.cards(page.entries)[0]
        assert card.replies == 1 and card.can_edit
        assert "<strong>" in card.html
        return db.session.get(Space, space_id).entry_count

    assert town.run(look, "ana") == 1
    for order in ("newest", "active"):
        assert town.run(lambda: [r.id for r in query.page(order=order).entries], "ana") == [ident]
        assert town.run(lambda: [r.id for r in query.page(order=order, followed=True).entries], "ana") == [ident]
    assert reply
