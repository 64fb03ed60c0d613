"""“My data”: asked for with the password, made by a job, complete, and there for its owner alone."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import re
import stat
import zipfile
from typing import TYPE_CHECKING, Any

import dummy_plugin.plugin as dummy
import pytest
import sqlalchemy as sa
from PIL import Image

from core import jobs, registry
from core.access import Refused
from core.accounts import sessions
from core.db import Base, db, now, write
from core.feed import actions
from core.feed import moderation as decisions
from core.models import Account, Case, Entry, Export, Mail, Membership, SignIn, Space
from core.spaces import actions as spaces
from core.testing import PASSWORD
from portal.moderation import actions as moderation
from portal.personal_data import PERSONAL_DATA
from portal.privacy import erase, export

if TYPE_CHECKING:
    from types import ModuleType

    from core.testing import Browser, Town


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    """Return the installed plugins, and the dummy plugin."""
    return {"dummy": dummy, **registry.discover()[1]}


def picture() -> tuple[io.BytesIO, str]:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(file, "PNG")
    file.seek(0)
    return file, "../../etc/Ana.png"


def work(town: Town) -> None:
    jobs.run_due(town.app)


def link(page: str) -> str:
    found = re.search(r'href="(/me/data/[^"]+\.zip)"', page)
    assert found, page
    return found.group(1)


def taken(town: Town, browser: Browser) -> zipfile.ZipFile:
    """Ask for one's data, let the worker work, and download it."""
    asked = browser.submit("/me/data", current=PASSWORD)
    assert asked.status_code == 302, asked.text
    work(town)
    answer = browser.get(link(browser.get("/me/data").text), buffered=True)
    assert answer.status_code == 200
    assert answer.mimetype == "application/zip"
    assert answer.headers["Cache-Control"] == "private, no-store"
    return zipfile.ZipFile(io.BytesIO(answer.data))


def rows(archive: zipfile.ZipFile, member: str) -> list[dict[str, Any]]:
    return list(json.loads(archive.read(f"data/{member}.json")))


def test_a_person_asks_waits_and_takes_their_data(town: Town) -> None:
    ana = town.browser("ana")
    space = town.space("Halle", "olga")
    page = f"/spaces/{space}"
    ana.submit(
        f"{page}/posts",
        page,
        title="Benches",
        body="Of *wood*.",
        client_key="1",
        pictures=picture(),
        alts="A bench",
    )
    post = town.run(lambda: db.session.scalars(sa.select(Entry.id)).one())
    ana.submit(f"/posts/{post}/edit", title="Benches", body="Of *stone*.", version="1")
    ana.client.get("/me/data")
    wrong = ana.submit("/me/data", current="not-this-one")
    assert wrong.status_code == 422
    assert "not your present password" in wrong.text
    assert ana.submit("/me/data", current=PASSWORD).status_code == 302
    waiting = ana.get("/me/data").text
    assert "Being gathered" in waiting
    assert "/me/data/" not in waiting.replace("/me/data/ ", "")
    work(town)
    archive = zipfile.ZipFile(io.BytesIO(ana.get(link(ana.get("/me/data").text), buffered=True).data))

    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["schema"] == 1
    assert manifest["person"]["name"] == "Ana"
    assert manifest["members"].keys() == set(archive.namelist()) - {"manifest.json"}
    for name, facts in manifest["members"].items():
        data = archive.read(name)
        assert (facts["size"], facts["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert re.fullmatch(r"[a-z]+(/[A-Za-z0-9_][A-Za-z0-9._-]*)*\.[a-z]+", name), name
    assert rows(archive, "core_account")[0]["email"] == "ana@example.org"
    assert [row["body"] for row in rows(archive, "core_entry")] == ["Of *stone*."]
    assert [row["body"] for row in rows(archive, "core_revision")] == ["Of *wood*."]
    [file] = [name for name in archive.namelist() if name.startswith("files/")]
    assert archive.read(file)[:4] == b"RIFF"
    whole = b"".join(map(archive.read, archive.namelist()))
    for secret in (b"argon2", b"token_hash", b"password_hash", b"olga@example.org"):
        assert secret not in whole

    page = archive.read("index.html").decode()
    assert "<h3>Benches</h3>" in page
    assert "<p>Of <em>stone</em>.</p>" in page
    assert f'<img src="{file}" alt="A bench"' in page
    assert '<a href="data/core_revision.json">data/core_revision.json</a> (1): ' in page
    assert "<script" not in page

    box = json.loads(archive.read("outbox.json"))
    assert (box["@context"], box["type"]) == ("https://www.w3.org/ns/activitystreams", "OrderedCollection")
    [create] = box["orderedItems"]
    assert box["totalItems"] == 1
    assert create["type"] == "Create"
    assert create["object"]["content"] == "<p>Of <em>stone</em>.</p>"
    assert create["object"]["name"] == "Benches"
    assert create["object"]["attachment"][0]["url"] == file

    letter = town.run(lambda: db.session.scalars(sa.select(Mail).where(Mail.kind == "core.export")).one())
    assert letter.recipient == "ana@example.org"
    assert "http://localhost/me/data\n" in letter.text
    assert ".zip" not in letter.text + letter.html
    assert "stone" not in letter.text


def test_the_archive_is_there_for_its_signed_in_owner_alone(town: Town) -> None:
    ana, other = town.browser("ana"), town.browser("administrator", "administrator")
    taken(town, ana)
    address = link(ana.get("/me/data").text)
    assert other.get(address).status_code == 404
    taken(town, other)
    assert other.get(address).status_code == 404, "having one of one's own opens no other"
    assert town.browser().get(address).status_code == 302
    assert ana.get("/me/data/x.zip").status_code == 404
    ana.submit("/sign-out", "/me")
    assert ana.get(address).status_code == 302
    name = address.rpartition("/")[2]
    file = town.app.config["PARVIS"].data / "exports" / name
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert len(name) > 40


def test_who_was_removed_from_a_space_keeps_their_own_words_and_gets_nothing_of_others(town: Town) -> None:
    space = town.space("Circle", "olga", "hidden", "invite")
    ana = town.person("ana")
    town.run(lambda: join(space, ana))
    browser, olga = town.browser("ana"), town.browser("olga")
    page = f"/spaces/{space}"
    browser.submit(f"{page}/posts", page, title="Mine", body="my own words", client_key="1")
    olga.submit(f"{page}/posts", page, title="Theirs", body="@ana a word to you", client_key="2")
    work(town)
    inside = taken(town, browser)
    assert [row["body"] for row in rows(inside, "addressed_to_me")] == ["@ana a word to you"]
    assert rows(inside, "core_notice")

    def leave() -> None:
        with write() as session:
            session.execute(sa.delete(Membership).where(Membership.user_id == ana))

    kept = link(browser.get("/me/data").text)
    town.run(leave)
    assert browser.get(kept).status_code == 404, "made with rights that are lost"
    assert ".zip" not in browser.get("/me/data").text
    outside = taken(town, browser)
    whole = b"".join(map(outside.read, outside.namelist()))
    assert b"my own words" in whole
    for theirs in (b"a word to you", b"Circle", b"core.mention"):
        assert theirs not in whole, theirs


def join(space: int, person: int) -> None:
    with write() as session:
        session.add(Membership(space_id=space, user_id=person))


def test_one_at_a_time_not_too_often_and_only_with_a_recent_sign_in(town: Town) -> None:
    ana = town.browser("ana")
    ana.client.get("/me/data")
    first = ana.submit("/me/data", current=PASSWORD)
    assert first.status_code == 302
    person = town.person("ana")
    frame = town.app.test_request_context()
    with frame, sessions.as_viewer(person), pytest.raises(Refused, match=r"gathered already|rassembl"):
        export.ask()
    work(town)
    assert ana.submit("/me/data", current=PASSWORD).status_code == 302
    work(town)
    assert ana.submit("/me/data", current=PASSWORD).status_code == 429


def test_an_archive_ends_after_its_days_and_a_file_without_a_row_too(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = town.browser("ana")
    taken(town, ana)
    folder = town.app.config["PARVIS"].data / "exports"
    (folder / "left-by-a-kill.new").write_text("")
    (folder / "of-nobody.zip").write_text("")
    town.run(export.sweep)
    assert len(list(folder.iterdir())) == 1
    later = now() + dt.timedelta(days=8)
    monkeypatch.setattr(export, "now", lambda: later)
    town.run(export.sweep)
    town.run(export.sweep)
    assert list(folder.iterdir()) == []
    assert town.run(lambda: db.session.scalars(sa.select(Export)).all()) == []


def test_a_job_that_was_killed_begins_anew(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    ana = town.browser("ana")
    ana.submit("/me/data", current=PASSWORD)
    person = town.person("ana")
    whole = export._files

    def killed(_user_id: int) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(export, "_files", killed)
    with pytest.raises(KeyboardInterrupt), town.app.app_context():
        export.make(person)
    monkeypatch.setattr(export, "_files", whole)
    assert 0 < town.run(lambda: db.session.scalars(sa.select(Export)).one()).progress < 100
    with town.app.app_context():
        export.make(person)
        export.make(person)
    assert town.run(lambda: db.session.scalars(sa.select(Export)).one()).progress == 100
    assert (
        town.run(lambda: len(db.session.scalars(sa.select(Mail).where(Mail.kind == "core.export")).all()))
        == 1
    )


def test_a_plugin_that_fails_stops_the_whole_and_one_that_is_off_answers(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = town.browser("ana")
    town.run(lambda: registry.current().switch("dummy", False))
    archive = taken(town, ana)
    assert json.loads(archive.read("data/dummy/ledger.json"))

    def fails(_name: str, _work: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(dummy, "unless_trouble", fails)
    ana.submit("/me/data", current=PASSWORD)
    with town.app.app_context(), pytest.raises(registry.PluginFailed, match="dummy"):
        export.make(town.person("ana"))
    assert not town.run(lambda: db.session.scalars(sa.select(Export)).one()).ready_at


def test_every_declared_table_of_the_core_is_exported_or_said_not_to_be(town: Town) -> None:
    declared = {data.table for data in PERSONAL_DATA}
    with town.app.app_context(), sessions.as_viewer(town.person("ana")):
        made = {name.removeprefix("data/").removesuffix(".json") for name, _ in export._tables(1)}
    others = {"core_mention": "addressed_to_me", "core_space": "spaces_opened"}
    assert declared - made == export.NOT_TOLD.keys() | others.keys()
    assert declared <= Base.metadata.tables.keys()


def test_a_space_that_one_opened_is_named_while_one_may_know_of_it(town: Town) -> None:
    town.person("cleo", "agent")
    space = town.space("Opened", "olga")

    def opened() -> None:
        with write() as session:
            session.execute(sa.update(Space).where(Space.id == space).values(created_by=town.person("cleo")))

    town.run(opened)
    assert rows(taken(town, town.browser("cleo")), "spaces_opened")[0]["name"] == "Opened"


def test_who_has_no_password_must_have_signed_in_just_now(town: Town) -> None:
    browser, person = town.browser("ana"), town.person("ana")

    def change(model: Any, **values: Any) -> None:
        with write() as session:
            session.execute(sa.update(model).where(model.user_id == person).values(**values))

    town.run(lambda: change(Account, password_hash=None))
    town.run(lambda: change(SignIn, created_at=now() - dt.timedelta(minutes=16)))
    for page, fields in (("/me/data", {}), ("/me/delete", {"words": "alias"})):
        refused = browser.submit(page, **fields)
        assert refused.status_code == 422
        assert "too old for this" in refused.text
    town.run(lambda: change(SignIn, created_at=now()))
    assert browser.submit("/me/delete", words="alias").location == "/me/delete/confirm"
    assert browser.submit("/me/data").status_code == 302


def test_what_is_asked_for_anew_or_lost_is_not_offered(town: Town) -> None:
    browser, folder = town.browser("ana"), town.app.config["PARVIS"].data / "exports"
    taken(town, browser)
    old = link(browser.get("/me/data").text)
    browser.submit("/me/data", current=PASSWORD)
    assert browser.get(old).status_code == 404
    assert list(folder.iterdir()) == []
    work(town)
    [file] = folder.iterdir()
    file.unlink()
    assert ".zip" not in browser.get("/me/data").text


def narrow(space: int) -> None:
    spaces.change_space(db.session.get(Space, space), visibility="members", joining="invite")


@pytest.mark.parametrize("what", ["redacted", "hidden", "removed", "taken back", "erased", "narrowed"])
def test_an_archive_ends_with_what_it_holds_of_words_that_were_taken_out(town: Town, what: str) -> None:
    space, page = town.space("Halle", "olga"), "/me/data"
    writer, reader, agent = town.browser("writer"), town.browser("reader"), town.browser("ada", "agent")
    said = {"title": "Word", "body": "@reader a zibelinetel", "client_key": "1"}
    writer.submit(f"/spaces/{space}/posts", f"/spaces/{space}", **said)
    work(town)
    post = town.run(lambda: db.session.scalars(sa.select(Entry.id)).one())
    for browser in (writer, reader):
        archive = taken(town, browser)
        assert b"zibelinetel" in b"".join(map(archive.read, archive.namelist()))
    writers, readers = (link(browser.get(page).text) for browser in (writer, reader))
    if what == "redacted":
        answer = agent.submit(f"/posts/{post}/redact", passage="zibelinetel", reason="private")
        assert answer.status_code == 302
    elif what in ("hidden", "removed"):
        verb = {"hidden": actions.hide, "removed": actions.remove}[what]
        town.run(lambda: verb(db.session.get(Entry, post)), "ada")
    elif what == "taken back":
        town.run(lambda: actions.remove(db.session.get(Entry, post)), "writer")
    elif what == "erased":
        with town.app.app_context():
            erase.begin(town.person("writer"), words=True)
        work(town)
    else:
        town.run(lambda: narrow(space), "olga")
    assert reader.get(readers).status_code == 404
    shown = reader.get(page).text
    assert "Please ask for it again" in shown
    assert ".zip" not in shown
    if what in ("redacted", "removed"):
        assert writer.get(writers).status_code == 404, "nor is the writer's own given out"
    if what in ("redacted", "removed", "erased"):
        with town.app.app_context():
            erase.run()
        assert not list((town.app.config["PARVIS"].data / "exports").iterdir()), "nor kept"
    anew = taken(town, reader)
    assert b"zibelinetel" not in b"".join(map(anew.read, anew.namelist()))


def test_who_was_reported_learns_of_it_once_it_is_decided(town: Town) -> None:
    ana, page = town.browser("ana"), f"/spaces/{town.space('Halle', 'olga')}"
    ana.submit(f"{page}/posts", page, title="Mine", body="my own words", client_key="1")
    post = town.run(lambda: db.session.scalars(sa.select(Entry.id)).one())
    town.run(lambda: moderation.report(db.session.get(Entry, post), "insult"), "ben")
    assert "data/core_case.json" not in taken(town, ana).namelist()
    town.run(lambda: decisions.decide(db.session.get(Entry, post), "hidden", "insult"), "olga")
    [case] = rows(taken(town, ana), "core_case")
    assert case["act"] == "hidden"
    town.run(lambda: moderation.appeal(case["id"], "not so"), "ana")
    archive = town.run(lambda: export._rows(Case, export._mine(town.person("ana"), None)[Case], 0))
    assert [row["words"] for row in archive] == ["", "not so"]
