"""What a stranger tries on every form there is: script in each field, fields that no form has."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import dummy_plugin.plugin as dummy
import pytest
import sqlalchemy as sa
from forms import Form, Walk, tree

from core import registry
from core.accounts import throttle
from core.db import Base, db
from core.models import Account, Entry, Mail, Membership, User

if TYPE_CHECKING:
    from types import ModuleType

    from core.testing import Town

pytestmark = pytest.mark.slow

WORDS = """'"><b data-planted>Zibeline</b> [go](javascript:zibeline)"""
ATOM = "{http://www.w3.org/2005/Atom}"
PEOPLE = {"ada": "administrator", "zoe": "agent", "mila": "official", "ana": "resident"}
SHEETS = ("csv", "spreadsheet", "excel", "tab-separated")
OPEN_DATA = "text/csv"  # of visits, whose own tests look at each cell


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    return {"dummy": dummy, **registry.discover()[1]}


@pytest.fixture
def walks(town: Town, monkeypatch: pytest.MonkeyPatch) -> dict[str, Walk]:
    """Somebody of each role, in a town with a group and what was said there."""
    monkeypatch.setattr(throttle, "hit", lambda *_args: None)
    town.person("mila", "official", mandate="mayor")
    space = town.space("Square", "ada")
    for name, role in PEOPLE.items():
        town.person(name, role)
    ana = town.browser("ana")
    ana.submit(f"/spaces/{space}/posts", f"/spaces/{space}", title="First", body="Said before")
    return {name: Walk(town, town.browser(name, role)) for name, role in PEOPLE.items()}


def planted(text: str) -> list[str]:
    """The elements of a page that somebody planted."""
    found = []
    for element in tree(text).iter():
        reference = f"{element.get('href') or ''}{element.get('src') or ''}{element.get('action') or ''}"
        if "data-planted" in element.attrib or reference.strip().lower().startswith("javascript:"):
            found.append(f"{element.tag} {element.attrib}")
    return found


def test_script_in_every_field_that_takes_words_is_words_everywhere(
    town: Town, walks: dict[str, Walk]
) -> None:
    for walk in walks.values():
        walk.fill(WORDS)
    written = set().union(*(walk.written for walk in walks.values()))
    assert len(written) >= 25, written
    seen, found, kinds = 0, dict[str, list[str]](), set()
    for name, walk in {**walks, "visitor": Walk(town, town.browser())}.items():
        walk.pages.clear()
        for _page in walk.everywhere(most=4):
            pass
        for path, text in walk.pages.items():
            seen += "Zibeline" in text
            found[f"{name} {path}"] = planted(text)
        kinds |= set(walk.kinds.values())
    feed = ET.fromstring(town.browser().get("/feed.atom").text)
    for content in feed.iter(f"{ATOM}content"):
        found[f"feed {content.text}"] = planted(content.text or "")
    for html in town.run(lambda: db.session.scalars(sa.select(Mail.html)).all()):
        found[f"mail {html}"] = planted(html or "")
    assert seen >= 30, "the words are shown, as words"
    assert {where: what for where, what in found.items() if what} == {}
    sheets = {kind for kind in kinds if any(word in kind for word in SHEETS)}
    assert not [kind for kind in sheets if not kind.startswith(OPEN_DATA)], "say how formulas are kept out"


def columns() -> dict[str, str]:
    """A field for each column there is, with a value that would widen somebody's rights."""
    wanted = {"role": "administrator", "mandate": "mayor", "kind": "core.group", "state": "published"}
    wanted |= {"source": "core", "visibility": "public", "joining": "open", "channel": "paper"}
    names = {column.name for table in Base.metadata.tables.values() for column in table.columns}
    return {name: wanted.get(name, "1") for name in sorted(names)}


def test_a_field_that_no_form_has_changes_nothing(town: Town, walks: dict[str, Walk]) -> None:
    extra = columns()

    def add(form: Form) -> None:
        for name, value in extra.items():
            if name not in form.said:
                form.said[name] = value

    def rights() -> Any:
        people = sa.select(User.id, User.role, User.mandate, User.list_name, User.portfolio, User.area_id)
        accounts = sa.select(Account.user_id, Account.email, Account.password_hash, Account.demo)
        teams = sa.select(Membership.user_id, Membership.space_id).where(Membership.team)
        return [set(map(tuple, db.session.execute(one))) for one in (people, accounts, teams)]

    ana, before = town.person("ana"), town.run(rights)
    walks["ana"].fill("Zibeline", add)
    assert len(walks["ana"].sent) >= 5, walks["ana"].sent
    assert 302 in walks["ana"].sent.values()
    assert town.run(rights) == before
    entries = town.run(lambda: list(db.session.scalars(sa.select(Entry).where(Entry.author_id == ana))))
    assert len(entries) >= 2
    for entry in entries:
        assert (entry.reader_id, entry.recorded_by, entry.pinned_at, entry.locked_at) == (None,) * 4
        assert (entry.channel, entry.byline or "") == ("web", "")
