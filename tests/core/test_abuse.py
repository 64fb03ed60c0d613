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
PEOPLE = {"ana": "resident", "mila": "official", "zoe": "agent", "ada": "administrator"}
SHEETS = ("csv", "spreadsheet", "excel", "tab-separated")
OPEN_DATA = "text/csv"  # of visits, whose own tests look at each cell


WRITTEN = {  # the fields of each route that the walks fill with words, and that are taken
    "/admin/areas": "name",
    "/admin/people/<int:user_id>": "list_name portfolio",
    "/admin/plugins/<name>": "greeting",
    "/admin/town": "accessibility home legal name officer",
    "/dummy/<int:space_id>/say": "alt body place title",
    "/dummy/new": "name room",
    "/me": "about name",
    "/me/moderation/<int:case_id>/answer": "words",
    "/posts/<int:entry_id>/decide": "text",
    "/posts/<int:entry_id>/edit": "body title",
    "/posts/<int:entry_id>/redact": "passage text",
    "/posts/<int:entry_id>/reply": "alts body",
    "/posts/<int:entry_id>/report": "address name text",
    "/spaces/<int:space_id>/posts": "alts body title",
    "/spaces/<int:space_id>/settings": "body name summary",
    "/spaces/new": "body name summary",
    "/visits/<int:space_id>/edit": "access_notes meeting_point name other_ways summary",
    "/visits/<int:space_id>/route/stops": "title",
    "/visits/departments/<int:department_id>": "name",
    "/visits/departments/new": "name",
    "/visits/new": "access_notes meeting_point name other_ways summary",
    "/visits/templates/<int:template_id>": "body title",
    "/visits/templates/new": "body title",
}
REFUSED = {  # what else such a form asks for, no walk knows: a place, a decision, a point, a code, a file
    "/admin/plugins/<name>": "known",
    "/moderation/cases/<int:case_id>": "text",
    "/posts/new": "alts body title",
    "/visits/<int:space_id>/route/meeting": "latitude longitude",
    "/visits/code": "code",
    "/visits/import": "byline",
}
UNREACHED = {  # routes of which no walk finds the form, or leaves it alone
    "it ends what the walks stand on (`LEFT` of tests/forms.py)": {
        "/admin/areas/<int:area_id>/remove",
        "/admin/operations/jobs/<int:job_id>/retry",
        "/admin/people/<int:user_id>/second-factor",
        "/admin/plugins/<name>/switch",
        "/confirm/<token>",
        "/confirm/<token>/again",
        "/language",
        "/me/delete/confirm",
        "/me/devices/<key>/sign-out",
        "/me/email",
        "/me/password",
        "/me/second-factor/codes",
        "/me/second-factor/remove",
        "/posts/<int:entry_id>/hide",
        "/posts/<int:entry_id>/lock",
        "/posts/<int:entry_id>/remove",
        "/reset",
        "/second-factor",
        "/sign-in",
        "/sign-in/code",
        "/sign-out",
        "/sign-out-everywhere",
        "/spaces/<int:space_id>/leave",
        "/unsubscribe/<token>",
    },
    "there is none in this town: no invitation, draft, link, request or delegate; or a script asks": {
        "/admin/areas/<int:area_id>",
        "/admin/operations/jobs/<int:job_id>/drop",
        "/dummy/<int:space_id>/plan",
        "/dummy/<int:space_id>/write-in",
        "/dummy/ideas/<int:entry_id>/assess",
        "/invitations/<token>",
        "/invitations/<token>/decline",
        "/notices/<int:notice_id>/open",
        "/notices/read",
        "/posts/<int:entry_id>/release",
        "/preview",
        "/sign-up",
        "/spaces/<int:space_id>/invitation",
        "/spaces/<int:space_id>/invitations/<key>/withdraw",
        "/spaces/<int:space_id>/invite",
        "/spaces/<int:space_id>/requests/<int:user_id>",
        "/visits/delegate",
    },
    "it stands below a question of a visit, whose own tests walk there": {
        "/visits/<int:space_id>/ask",
        "/visits/<int:space_id>/asked",
        "/visits/<int:space_id>/decide",
        "/visits/<int:space_id>/field/notes",
        "/visits/<int:space_id>/field/notes/seen",
        "/visits/<int:space_id>/minutes",
        "/visits/<int:space_id>/record",
        "/visits/<int:space_id>/report/redact",
        "/visits/<int:space_id>/reschedule",
        "/visits/<int:space_id>/route/order",
        "/visits/<int:space_id>/route/questions",
        "/visits/<int:space_id>/similar",
        "/visits/<int:space_id>/take-charge",
        "/visits/code/contest",
        "/visits/code/photos",
        "/visits/code/promise",
        "/visits/code/voice",
        "/visits/code/withdraw",
        "/visits/delegate/end",
        "/visits/department/<int:question_id>",
        "/visits/import/<int:import_id>",
        "/visits/notes/<int:note_id>/choose",
        "/visits/promises/<int:commitment_id>/turn",
        "/visits/questions/<int:question_id>/accept",
        "/visits/questions/<int:question_id>/answer",
        "/visits/questions/<int:question_id>/approve",
        "/visits/questions/<int:question_id>/case",
        "/visits/questions/<int:question_id>/conclude",
        "/visits/questions/<int:question_id>/contest",
        "/visits/questions/<int:question_id>/decide",
        "/visits/questions/<int:question_id>/delicate",
        "/visits/questions/<int:question_id>/note",
        "/visits/questions/<int:question_id>/off-route",
        "/visits/questions/<int:question_id>/petition",
        "/visits/questions/<int:question_id>/photos",
        "/visits/questions/<int:question_id>/promise",
        "/visits/questions/<int:question_id>/reject",
        "/visits/questions/<int:question_id>/voice",
        "/visits/questions/<int:question_id>/voice/code",
        "/visits/questions/<int:question_id>/withdraw",
        "/visits/request/<int:link_id>/<token>",
        "/visits/stops/<int:stop_id>",
        "/visits/stops/<int:stop_id>/turn",
    },
}


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    return {"dummy": dummy, **registry.discover()[1]}


@pytest.fixture
def walks(town: Town, monkeypatch: pytest.MonkeyPatch) -> dict[str, Walk]:
    """Somebody of each role, in a town with a group and what was said there."""
    monkeypatch.setattr(throttle, "hit", lambda *_args: None)
    town.person("mila", "official", mandate="mayor")
    for name, role in PEOPLE.items():
        town.person(name, role)
    space = town.space("Square", "ada")
    ana = town.browser("ana")
    ana.submit(f"/spaces/{space}/posts", f"/spaces/{space}", title="First", body="Said before")
    return {name: Walk(town, town.browser(name, role)) for name, role in PEOPLE.items()}


def pairs(fields: dict[str, str]) -> set[tuple[str, str]]:
    """Each field with its route."""
    return {(route, name) for route, names in fields.items() for name in names.split()}


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
    sent: list[set[str]] = []
    for walk in (*walks.values(), walks["ana"]):  # who answers at last what was decided about her words
        walk.sent.clear()
        walk.fill(WORDS)
        sent.append(set(walk.sent))
    written = set().union(*(walk.written for walk in walks.values()))
    there = set().union(*(walk.fields() for walk in walks.values()))
    assert written == pairs(WRITTEN)
    assert there - written == pairs(REFUSED)
    routes = {rule.rule for rule in town.app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    reached = {rule for rule, _field in there}.union(*sent)
    assert routes - reached == set().union(*UNREACHED.values())
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
