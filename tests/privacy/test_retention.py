"""What is old enough ends: each period as declared or as administrators say, by a job that may begin anew."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import dummy_plugin.actions as ledger
import dummy_plugin.plugin as dummy
import pytest
import sqlalchemy as sa
from dummy_plugin.models import Line

from core import registry, settings
from core.access import Forbidden, as_system
from core.db import db, now, write
from core.feed import actions, moderation
from core.models import Audit, Case, Entry, Erasure, Mail, PluginFault, Report, Seen, Space, User
from core.testing import PASSWORD
from plugins.neighbourhood_visits import personal
from plugins.neighbourhood_visits.models import Casework, Visit
from portal.privacy import erase, export, retention

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from core.testing import Town

DAY = dt.timedelta(days=1)


@pytest.fixture
def plugin_modules() -> dict[str, ModuleType]:
    """Return the installed plugins, and the dummy plugin."""
    return {"dummy": dummy, **registry.discover()[1]}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return `clock(days)`, which lets the job run so many days from now."""

    def forward(days: float) -> None:
        moment = now() + days * DAY
        for module in (retention, erase, export):
            monkeypatch.setattr(module, "now", lambda: moment)

    return forward


def purge(town: Town) -> None:
    with town.app.app_context():
        retention.purge()


def count(town: Town, model: Any, *where: Any) -> int:
    return town.run(lambda: db.session.scalar(sa.select(sa.func.count()).select_from(model).where(*where)))


def wrote(text: str) -> None:
    with write():
        ledger.note(text)


def test_a_plugin_s_lines_end_in_their_time_also_while_it_is_off(town: Town, clock: Any) -> None:
    town.run(lambda: wrote("old"))
    town.run(lambda: registry.current().switch("dummy", False))
    clock(29)
    purge(town)
    assert count(town, Line, Line.text == "old") == 1
    clock(31)
    purge(town)
    purge(town)
    assert count(town, Line, Line.text == "old") == 0


def test_a_plugin_that_fails_is_named_and_the_others_go_on(
    town: Town, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_now: dt.datetime) -> None:
        raise RuntimeError

    monkeypatch.setattr(ledger, "end_lines", fails)
    asked: list[dt.datetime] = []
    monkeypatch.setattr(personal, "end_contacts", asked.append)
    clock(0)
    purge(town)
    assert len(asked) == 1
    assert count(town, PluginFault, PluginFault.plugin == "dummy", PluginFault.place == "purge_expired") or [
        fault for fault in town.app.extensions["parvis"].waiting if fault.place == "purge_expired"
    ]


def test_contacts_of_a_visit_end_a_year_after_it(town: Town, clock: Any) -> None:
    space, ana = town.space("Visit", "olga"), town.person("ana")

    def visited() -> None:
        with write() as session:
            entry = Entry(space_id=space, author_id=ana, body="", html="", kind="visits.question")
            times = {name: now() for name in ("starts_at", "ends_at", "questions_close_at")}
            session.add_all([entry, Visit(space_id=space, meeting_point="", **times)])
            session.flush()
            session.add(Casework(entry_id=entry.id, space_id=space, contact="06 00 00 00 00", note="call"))

    town.run(visited)
    assert town.run(lambda: personal.contacts(ana)) == [{"question": 1, "contact": "06 00 00 00 00"}]
    assert town.run(lambda: personal.contacts(town.person("olga"))) == []
    for days, left in ((364, 1), (366, 0)):
        clock(days)
        purge(town)
        assert count(town, Casework, Casework.contact != "") == left


def test_an_account_that_nobody_uses_ends_a_month_after_a_warning(town: Town, clock: Any) -> None:
    for name, role in (("ana", "resident"), ("ben", "resident"), ("agent", "agent")):
        town.person(name, role)
        town.browser(name)
    town.person("never")
    warned = Mail.kind == "core.unused"
    clock(3 * 365 - 31)
    purge(town)
    assert count(town, Mail, warned) == 0
    clock(3 * 365 - 29)
    purge(town)
    purge(town)
    assert count(town, Mail, warned) == 3, "each is warned once; who is in office is not"
    town.browser("ben")

    def again() -> None:
        with write() as session:
            session.execute(
                sa.update(Seen).where(Seen.user_id == town.person("ben")).values(at=retention.now())
            )

    assert town.run(lambda: db.session.get(Seen, town.person("ben"))).warned_at is None, (
        "signing in is enough"
    )
    town.run(again)
    clock(3 * 365 + 0)
    purge(town)
    assert count(town, Erasure) == 0
    clock(3 * 365 + 2)
    purge(town)
    purge(town)
    with town.app.app_context():
        erase.run()
    assert {row.user_id for row in town.run(lambda: db.session.scalars(sa.select(Erasure)).all())} == {
        town.person("ana"),
        town.person("never"),
    }
    assert count(town, User, User.closed_at.is_(None)) == 2


def test_administrators_say_how_long_within_the_bounds(town: Town, clock: Any) -> None:
    boss, agent = town.browser("boss", "administrator"), town.browser("agent", "agent")
    assert agent.get("/admin/retention").status_code == 403
    page = boss.get("/admin/retention")
    assert "Lines of the ledger" in page.text
    with town.app.test_request_context():
        fields = {one.name.replace(".", "_"): str(one.days) for _plugin, one in retention.all_periods()}
    for bad in ({"dummy_ledger": "91"}, {"dummy_ledger": "1"}, {"dummy_ledger": "0"}, {"core_mail": "x"}):
        refused = boss.submit("/admin/retention", **{**fields, **bad})
        assert refused.status_code == 422
        assert "within the bounds" in refused.text or "integer" in refused.text
    kept = boss.submit(
        "/admin/retention", **{**fields, "dummy_ledger": "60", "core_inactive": "0", "core_audit": "3650"}
    )
    assert kept.location == "/admin/retention"
    assert town.run(lambda: settings.kept_for("dummy.ledger")) == 60 * DAY
    assert town.run(lambda: settings.kept_for("core.inactive")) is None
    assert 'value="60"' in boss.get("/admin/retention").text
    town.run(lambda: wrote("old"))
    town.person("ana")
    clock(59)
    purge(town)
    assert count(town, Line, Line.text == "old") == 1
    clock(3600)
    purge(town)
    assert (count(town, Line, Line.text == "old"), count(town, Erasure)) == (0, 0)
    with pytest.raises(Forbidden):
        town.run(lambda: retention.set_periods({"core.mail": 1}), "agent")
    with pytest.raises(ValueError, match="dummy"):
        town.run(lambda: retention.set_periods({"dummy.ledger": 1}), "boss")


def test_archives_and_exports_of_removed_plugins_end(town: Town, clock: Any) -> None:
    ana = town.browser("ana")
    ana.submit("/me/data", current=PASSWORD)
    with town.app.app_context():
        export.make(town.person("ana"))
    data = town.app.config["PARVIS"].data
    (data / "purged" / "polls 2026").mkdir(parents=True)
    clock(6)
    purge(town)
    assert list((data / "exports").iterdir())
    assert list((data / "purged").iterdir())
    clock(31)
    purge(town)
    assert not list((data / "exports").iterdir())
    assert not list((data / "purged").iterdir())


def test_the_case_of_what_is_hidden_stays_and_its_author_still_reads_why(town: Town, clock: Any) -> None:
    space = town.space("Square", "olga")

    def hide() -> int:
        entry = actions.publish(db.session.get(Space, space), "Rude words")
        return moderation.decide(entry, "hidden", "insult", "Please stay polite.")

    def show(case: int) -> None:
        with as_system("test"):
            actions.restore(db.session.get(Entry, db.session.get(Case, case).entry_id))

    town.person("ana")
    case = town.run(hide, "olga")
    old = {"author_id": town.person("ana"), "decided_at": now() - 500 * DAY}
    town.run(lambda: change(sa.update(Case).where(Case.id == case).values(old)))
    clock(0)
    purge(town)
    assert count(town, Entry, Entry.state == "hidden") == 1
    assert "Please stay polite." in town.browser("ana").get("/me/moderation").text
    town.run(lambda: show(case), "olga")
    purge(town)
    assert count(town, Case) == 0


def change(statement: Any) -> None:
    with write() as session:
        session.execute(statement)


def test_cases_end_with_their_reports_and_answers_and_log_and_figures_stay(town: Town, clock: Any) -> None:
    from plugins.moderation import figures

    space, ana = town.space("Square", "olga"), town.person("ana")

    def decide() -> dict[str, int]:
        cases: dict[str, int] = {}
        with write() as session:
            for name, days in (("old", 401), ("young", 10), ("open", 500), ("contested", 450)):
                case = Case(space_id=space, author_id=ana, origin="reported", opened_at=now() - days * DAY)
                if name != "open":
                    case.act, case.decided_at, case.reason = "hidden", now() - days * DAY, "insult"
                session.add(case)
                session.flush()
                session.add(Report(case_id=case.id, space_id=space, reason="insult", text=name))
                cases[name] = case.id
            for first, days in (("old", 401), ("contested", 390)):
                answer = Case(space_id=space, origin="appeal", appeal_of=cases[first], words=f"No, {first}")
                answer.act, answer.decided_at = "kept", now() - days * DAY
                session.add(answer)
        return cases

    cases = town.run(decide)
    town.run(figures.count)
    before = town.run(lambda: figures.kept().counted)
    log = count(town, Audit)
    clock(0)
    purge(town)
    left = town.run(lambda: set(db.session.scalars(sa.select(Case.id).where(Case.appeal_of.is_(None)))))
    assert left == set(cases.values()) - {cases["old"]}
    told = town.run(lambda: set(db.session.scalars(sa.select(Report.text))))
    assert told == {"young", "open", "contested"}
    assert count(town, Case, Case.words == "No, old") == 0
    clock(61)
    purge(town)
    assert count(town, Case, Case.id == cases["contested"]) == 0
    assert count(town, Case, Case.id == cases["open"]) == 1
    town.run(figures.count)
    assert town.run(lambda: figures.kept().counted)["acts"] == before["acts"] == {"hidden": 1}
    assert count(town, Audit) == log
    period = next(one for _plugin, one in town.run(retention.all_periods) if one.name == "core.cases")
    assert period.least >= figures.YEAR.days, "the figures of a year are counted from the cases"
