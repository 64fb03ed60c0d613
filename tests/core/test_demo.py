"""The demonstration town is lived in, stays as it was left, and never mixes with a real one."""

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import pg_address, pg_execute
from flask import Flask, current_app

from core import create_app, jobs, migrate, registry
from core.access import as_system
from core.accounts import actions as accounts
from core.config import Config
from core.db import db, now, write
from core.models import (
    VISIBILITIES,
    Account,
    Area,
    Audit,
    Case,
    Entry,
    File,
    Mail,
    Membership,
    Notice,
    Report,
    Revision,
    Space,
    Support,
    User,
)
from core.testing import Browser, EnglishClient
from demo import build
from demo.words import french
from ops import demonstration
from ops.town import Refusal, alone
from plugins.neighbourhood_visits.approve.models import AnswerTemplate
from plugins.neighbourhood_visits.follow.models import Step
from plugins.neighbourhood_visits.labels import themes
from plugins.neighbourhood_visits.models import Commitment, Question, Visit
from plugins.neighbourhood_visits.plan.models import Paper, Sensitivity

pytestmark = pytest.mark.slow
ACCOUNTS = [
    "resident",
    "neighbour",
    "mayor",
    "deputy",
    "opposition",
    "agent",
    "admin",
    "member",
    "mayor2",
    "agent2",
    "coordinator",
    "scribe",
    "department",
]
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The settings of a demonstration town that was just made."""
    config = Config(data=tmp_path_factory.mktemp("demo") / "town", url="http://localhost", demo=True)
    demonstration.prepare(config)
    return config


@pytest.fixture(scope="module")
def demo(config: Config) -> Iterator[Flask]:
    """The demonstration town."""
    app = create_app(config)
    app.test_client_class = EnglishClient
    yield app
    with app.app_context():
        db.engine.dispose()


def read(app: Flask, statement: Any) -> list[Any]:
    """All rows, whoever may read them."""
    with app.app_context(), as_system("test"):
        return list(db.session.execute(statement).all())


def visit(app: Flask, account: str) -> Browser:
    """A browser signed in as a demo account."""
    browser = Browser(app.test_client())
    signed = browser.submit("/sign-in", email=f"{account}@parvis.example", password="parvis-demo")
    assert signed.status_code == 302, signed.text
    return browser


@pytest.mark.parametrize("account", ACCOUNTS)
def test_every_demo_account_signs_in_and_finds_a_lively_home(demo: Flask, account: str) -> None:
    browser = visit(demo, account)
    for path in ("/", "/spaces", "/me", "/visits/"):
        assert browser.get(path).status_code == 200
    assert browser.get("/").text.count('class="card') >= 10


def test_figures_do_not_break_before_their_units() -> None:
    assert french("place 16 °C, sous les platanes **13 °C**") == (
        "place 16\u00a0°C, sous les platanes **13\u00a0°C**"
    )
    assert french("à 7 h 30, 8 h ou 10 h devant") == "à 7\u00a0h\u00a030, 8\u00a0h ou 10\u00a0h devant"


def test_the_accounts_have_the_roles_that_they_are_named_after(demo: Flask) -> None:
    rows = read(
        demo, sa.select(Account.email, User.role, User.mandate).join(User, User.id == Account.user_id)
    )
    people = {email.partition("@")[0]: (role, mandate) for email, role, mandate in rows}
    assert people["mayor"] == people["mayor2"] == ("official", "mayor")
    assert people["deputy"] == ("official", "deputy_mayor")
    assert people["opposition"] == ("official", "councillor")
    assert people["agent"][0] == people["agent2"][0] == "agent"
    assert people["admin"][0] == "administrator"
    assert {people[name][0] for name in ("resident", "neighbour", "member")} == {"resident"}
    assert len(people) >= 35


def test_there_is_something_of_everything(demo: Flask) -> None:
    spaces = read(demo, sa.select(Space.visibility, sa.func.count()).group_by(Space.visibility))
    assert {visibility for visibility, _ in spaces} == set(VISIBILITIES)
    assert sum(count for _, count in spaces) >= 12
    entries = read(demo, sa.select(Entry.parent_id, Entry.support_count, Entry.pinned_at, Entry.created_at))
    assert sum(parent is None for parent, *_ in entries) >= 35
    assert sum(parent is not None for parent, *_ in entries) >= 80
    assert sum(supports for _, supports, *_ in entries) >= 500
    assert sum(pinned is not None for *_, pinned, _ in entries) >= 3
    assert len(read(demo, sa.select(Revision))) == 1
    ages = [now() - created for *_, created in entries]
    assert min(ages) < dt.timedelta(hours=2)
    assert max(ages) > dt.timedelta(days=30)


def test_counters_agree_with_what_they_count(demo: Flask) -> None:
    replies = sa.select(sa.func.count()).where(Entry.parent_id == sa.literal_column("outer_entry.id"))
    outer = sa.alias(Entry.__table__, "outer_entry")
    wrong = sa.select(outer.c.id).where(outer.c.parent_id.is_(None), outer.c.kind == "core.post")
    assert read(demo, wrong.where(outer.c.reply_count != replies.correlate(outer).scalar_subquery())) == []


def test_the_overview_of_a_demonstration_says_that_no_mail_leaves(demo: Flask) -> None:
    admin = visit(demo, "admin")
    for page in ("/admin", "/admin/operations"):
        shown = admin.get(page).text
        assert "In this demonstration no mail leaves." in shown
        assert not re.search(r"messages? waits?\b", shown)
    assert "kept here" in admin.get("/admin/outbox").text


def test_the_visits_are_in_each_state_and_those_over_have_their_report(demo: Flask) -> None:
    rows = read(demo, sa.select(Visit.state, Visit.space_id).order_by(Visit.space_id))
    states = [state for state, _ident in rows]
    assert {state: states.count(state) for state in states} == {
        "collecting": 2,
        "ready": 1,
        "published": 1,
        "follow_up": 2,
    }
    reported = [ident for state, ident in rows if state in ("published", "follow_up")]
    for ident in reported:
        report = Browser(demo.test_client()).get(f"/visits/{ident}/report")
        assert report.status_code == 200
        assert "Answer rate" in report.text
    ready = next(ident for state, ident in rows if state == "ready")
    for name, status in (("scribe", 200), ("coordinator", 200), ("department", 403), ("opposition", 403)):
        assert visit(demo, name).get(f"/visits/{ready}/field").status_code == status


def test_what_is_ready_shows_its_map_its_way_its_papers_and_what_waits(demo: Flask) -> None:
    areas = read(demo, sa.select(Area.name, Area.boundary))
    assert all(boundary["type"] == "Polygon" for _name, boundary in areas)
    [(ready,)] = read(demo, sa.select(Visit.space_id).where(Visit.state == "ready"))
    anybody = Browser(demo.test_client())
    page = anybody.get(f"/visits/{ready}").text
    for part in ("map-area", "map-way", "map-stop", "map-pin", "map-meeting"):
        assert f'class="{part}"' in page, part
    pinned = json.loads(anybody.get(f"/visits/{ready}/questions.geojson").text)
    assert len(pinned["features"]) == 4
    first = visit(demo, "deputy").get("/visits/next").text
    assert "2 drafts to approve" in first
    jobs.run_due(demo)
    coordinator = visit(demo, "coordinator")
    for paper, state in read(demo, sa.select(Paper.id, Paper.state)):
        assert state == "done"
        assert coordinator.get(f"/visits/papers/{paper}/pdf").data.startswith(b"%PDF")


def test_what_a_visit_shows_fits_what_the_town_has_chosen(demo: Flask) -> None:
    with demo.app_context(), as_system("test"):
        offered = {theme for theme, _label in themes()}
    used = {theme for (theme,) in read(demo, sa.select(Question.theme))}
    assert used <= offered
    assert {theme for (theme,) in read(demo, sa.select(AnswerTemplate.theme))} - {""} <= offered & used
    [(ready,)] = read(demo, sa.select(Visit.space_id).where(Visit.state == "ready"))
    jobs.run_due(demo)
    dossier = sa.select(Paper.data).where(Paper.space_id == ready, Paper.kind == "dossier")
    [(said,)] = read(demo, dossier)
    assert [one["text"] for one in said["late"]] == ["Le passage de l’Horloge est repavé."]
    ways = {ways for (ways,) in read(demo, sa.select(Visit.other_ways))}
    assert all("02 61 91 " in way for way in ways)


def test_people_were_told_when_things_happened_and_the_outbox_is_all_but_empty(demo: Flask) -> None:
    told = read(demo, sa.select(Notice.type, Notice.created_at, Notice.read_at).order_by(Notice.id))
    days = {at.date() for _kind, at, _read in told}
    assert len(days) > 10
    assert all(read_at for kind, at, read_at in told if kind == "visits.answered" and at < now() - 3 * DAY)
    assert [at for _kind, at, _read in told] == sorted(at for _kind, at, _read in told), "the newest on top"
    mails = read(demo, sa.select(Mail.status, Mail.created_at, Mail.text))
    assert sum(status == "sent" for status, *_ in mails) > 30
    assert sum(status == "waiting" for status, *_ in mails) < 20
    assert not any(text for status, _at, text in mails if status == "sent")
    page = visit(demo, "deputy").get("/notices").text
    assert page.count("waits for approval") == 2, "as many as the home page says"


def test_a_decision_its_notice_and_the_log_are_of_one_moment(demo: Flask) -> None:
    [(case, decided)] = read(demo, sa.select(Case.id, Case.decided_at).where(Case.decided_at.is_not(None)))
    logged = read(demo, sa.select(Audit.at).where(Audit.ref == f"case/{case}"))
    told = sa.select(Notice.created_at).where(Notice.type == "core.decision")
    assert {at for (at,) in logged + read(demo, told)} == {decided}


@pytest.mark.parametrize(
    "column",
    [
        Audit.at,
        Case.opened_at,
        Case.decided_at,
        Report.at,
        Membership.created_at,
        Support.created_at,
        File.created_at,
        Entry.pinned_at,
        Step.at,
        Commitment.changed_at,
        Sensitivity.changed_at,
    ],
    ids=str,
)
def test_nothing_is_dated_in_the_minute_of_the_making(demo: Flask, column: Any) -> None:
    since = now() - dt.timedelta(minutes=15)  # the youngest post is older
    assert read(demo, sa.select(column).where(column > since)) == []
    assert read(demo, sa.select(sa.func.count(column)))[0][0] > 0


def test_every_picture_is_described(demo: Flask) -> None:
    pictures = read(demo, sa.select(File.alt).where(File.entry_id.is_not(None)))
    assert len(pictures) == 12
    assert all(len(alt) > 30 for (alt,) in pictures)


def test_what_is_private_is_private_here_too(demo: Flask) -> None:
    words = {"budget": "Projets recevables", "bellevue": "Présents&nbsp;: 17"}
    (hidden,) = read(demo, sa.select(Space.id).where(Space.visibility == "hidden"))
    for account, status in (("mayor", 200), ("opposition", 404), ("resident", 404)):
        page = visit(demo, account).get(f"/spaces/{hidden.id}")
        assert page.status_code == status
        assert (words["budget"] in page.text) == (status == 200)
    (members,) = read(demo, sa.select(Space.id).where(Space.name.startswith("Conseil de quartier")))
    for account, reads in (("member", True), ("neighbour", False), ("mayor2", False)):
        assert (words["bellevue"] in visit(demo, account).get(f"/spaces/{members.id}").text) == reads


def test_a_second_start_keeps_what_was_written(config: Config, demo: Flask) -> None:
    browser = visit(demo, "resident")
    (space,) = read(demo, sa.select(Space.id).where(Space.name == "La vie du Centre-Bourg"))
    posted = browser.submit(
        f"/spaces/{space.id}/posts", _page=f"/spaces/{space.id}", title="Kept", body="Still here."
    )
    assert posted.status_code == 302, posted.text
    before = read(demo, sa.select(sa.func.count()).select_from(Entry))
    demonstration.prepare(config)
    assert read(demo, sa.select(sa.func.count()).select_from(Entry)) == before
    assert "Still here." in browser.get(posted.location).text


def test_a_second_start_keeps_who_signed_up(config: Config, demo: Flask) -> None:
    with demo.app_context(), as_system("test"), write():
        accounts.create_user("newcomer@example.org", "Newcomer")
    demonstration.prepare(config)
    assert read(demo, sa.select(User.name).where(User.name == "Newcomer")) == [("Newcomer",)]


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Config, str], None]]:
    """Return `interrupted(config, step)`: begins to make a town, and is broken off at this step."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def begin(config: Config, step: str) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(registry.Registry if step == "switch" else build.Builder, step, interrupt)
            with pytest.raises(KeyboardInterrupt):
                demonstration.prepare(config)

    monkeypatch.setattr(build, "POSTS", build.POSTS[:1])
    return begin


@pytest.mark.parametrize("step", ["switch", "talk"])
def test_a_start_that_was_interrupted_is_made_anew(
    tmp_path: Path, interrupted: Callable[[Config, str], None], step: str
) -> None:
    config = Config(data=tmp_path / "town", demo=True)
    interrupted(config, step)
    assert not config.data.exists()
    demonstration.prepare(config)
    assert (config.data / "town.db").exists()


@pytest.mark.parametrize("step", ["switch", "talk"])
def test_on_postgresql_one_is_told_to_empty_the_database_first(
    tmp_path: Path, pg_server: Path, interrupted: Callable[[Config, str], None], step: str
) -> None:
    pg_execute(pg_server, f"create database half_{step}")
    config = Config(data=tmp_path / "town", demo=True, database_url=pg_address(pg_server, f"half_{step}"))
    interrupted(config, step)
    with pytest.raises(Refusal, match="half a town"):
        demonstration.prepare(config)
    pg_execute(pg_server, f"drop database half_{step}")


def test_on_postgresql_tables_without_people_are_no_demonstration(tmp_path: Path, pg_url: str) -> None:
    with pytest.raises(Refusal, match="half a town"):
        demonstration.prepare(Config(data=tmp_path / "town", demo=True, database_url=pg_url))


def test_a_real_town_is_never_filled_with_invented_people(tmp_path: Path) -> None:
    config = Config(data=tmp_path, demo=True)
    app = create_app(config)
    with app.app_context(), as_system("test"):
        migrate.upgrade(db.engine, registry.current().modules)
        with write():
            accounts.create_user("ada@example.org", "Ada")
        db.session.remove()
        db.engine.dispose()
    with pytest.raises(Refusal):
        demonstration.prepare(config)


def test_the_welcome_names_the_address_and_each_account(config: Config) -> None:
    text = build.welcome(config)
    assert "http://localhost" in text
    assert "parvis-demo" in text
    assert all(f"{account}@parvis.example" in text for account in ACCOUNTS)


def test_a_folder_that_is_there_is_held_without_writing_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "town"
    folder.mkdir(mode=0o700)
    with alone(folder):
        assert [path.name for path in tmp_path.iterdir()] == ["town"], "its owner may not write beside it"
        assert list(folder.iterdir()) == []
        with pytest.raises(Refusal, match="another command is making"), alone(folder):
            pass
    with alone(folder):
        pass


def test_of_two_that_begin_at_once_one_makes_the_town(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, made = Config(data=tmp_path / "town", demo=True), []

    def make() -> None:
        folder = current_app.config["PARVIS"].data
        made.append(folder)
        folder.mkdir(exist_ok=True)
        with pytest.raises(Refusal, match="another command is making"):
            demonstration.prepare(config)
        (folder / "town.db").touch()

    monkeypatch.setattr(build, "fill", make)
    demonstration.prepare(config)
    assert [path.name for path in tmp_path.iterdir()] == ["town"]
    assert len(made) == 1
