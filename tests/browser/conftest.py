"""The demonstration town, served to a browser; who may sign in there, and what its addresses stand for."""

from __future__ import annotations

import datetime as dt
import itertools
import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from core import create_app
from core.access import as_system
from core.accounts import claims
from core.accounts.actions import create_user
from core.accounts.sessions import as_viewer
from core.config import Config
from core.db import db, now, write
from core.models import (
    Account,
    Area,
    Case,
    Entry,
    File,
    Invitation,
    Mail,
    Membership,
    SecondFactor,
    Space,
    User,
)
from demo import build
from plugins.neighbourhood_visits.approve.models import AnswerTemplate
from plugins.neighbourhood_visits.assigned import links
from plugins.neighbourhood_visits.assigned.models import DepartmentLink
from plugins.neighbourhood_visits.intake import pages as intake
from plugins.neighbourhood_visits.models import Casework, Department, DepartmentMember, Question, Visit
from plugins.neighbourhood_visits.plan import papers
from plugins.neighbourhood_visits.plan.models import Paper, Stop
from portal.accounts import factor
from portal.notices import letters
from portal.privacy.views import SURE
from portal.spaces.invitations import invite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask
    from flask.testing import FlaskClient

LANGUAGES = {"fr": "fr-FR", "en": "en-GB"}
DEMO = (
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
)
GUARDED = ("halfway", "guarded")  # who owes a second factor, and who gave it
ROLES = ("visitor", *DEMO, *GUARDED)


@dataclass
class DemoTown:
    """The served town: its application and address, and a session of each of its people."""

    app: Flask
    url: str
    clients: dict[str, FlaskClient] = field(default_factory=dict)
    known: dict[str, list[Any]] = field(default_factory=dict)

    def client(self, role: str) -> FlaskClient:
        """A session of this role in this process; a browser can have its cookie."""
        if role not in self.clients:
            client = self.clients[role] = self.app.test_client()
            if role != "visitor":
                email = f"{'guarded' if role in GUARDED else role}@parvis.example"
                form = {"email": email, "password": build.PASSWORD}
                form["csrf_token"] = token(client.get("/sign-in", base_url=self.url).text)
                answer = client.post("/sign-in", data=form, base_url=self.url)
                assert answer.status_code in (302, 303), answer.text
                if role == "guarded":
                    form = {"code": recovery_code(self)}
                    form["csrf_token"] = token(client.get("/sign-in/code", base_url=self.url).text)
                    client.post("/sign-in/code", data=form, base_url=self.url)
                with client.session_transaction(
                    base_url=self.url
                ) as session:  # as if they had just proven it
                    person = self.run(lambda: self.of(role))
                    session[SURE] = {"user": person, "words": False, "at": time.time() + 86400}
            else:
                visits = sa.select(Space.id).where(Space.kind == "visits.visit").limit(1)
                asked = sa.select(Question.entry_id).where(Question.triage == "accepted").limit(1)
                with client.session_transaction(base_url=self.url) as session:  # as if they had just asked
                    session["visits_asked"] = self.run(lambda: db.session.scalars(visits).one())
                    session["visits_received"] = self.run(lambda: db.session.scalars(asked).one())
        return self.clients[role]

    def of(self, role: str) -> int | None:
        """The id of the person of a role."""
        address = f"{role}@parvis.example"
        return db.session.scalar(sa.select(Account.user_id).where(Account.email == address))

    def cookies(self, role: str) -> list[dict[str, Any]]:
        """The cookies of this role's session, as a browser takes them."""
        cookie = self.client(role).get_cookie("parvis", "localhost")
        return [{"name": "parvis", "value": cookie.value, "url": self.url}] if cookie else []

    def run(self, work: Callable[[], Any]) -> Any:
        """Do work outside a request, as the system."""
        with self.app.app_context(), as_system("test"):
            try:
                return work()
            finally:
                db.session.remove()

    def links(self) -> dict[str, list[Any]]:
        """What each part of a route may stand for, so that somebody sees a page there."""
        if not self.known:
            client = self.app.test_client()
            form = {"email": "resident@parvis.example"}
            form["csrf_token"] = token(client.get("/reset", base_url=self.url).text)
            client.post("/reset", data=form, base_url=self.url)
            self.known = self.run(self._links)
        return self.known

    def _links(self) -> dict[str, list[Any]]:
        every = lambda column: list(db.session.scalars(sa.select(column)))  # noqa: E731
        with write():
            link = claims.issue("resident@parvis.example", claims.RESET, {})
        group = db.session.scalars(sa.select(Space).where(Space.kind == "core.group").limit(1)).one()
        with as_viewer(group.created_by or self.owner(group.id)):
            for name in ("belongs-meanwhile", "mayor2"):
                invite(db.session.get(Space, group.id), f"{name}@parvis.example")
        with write() as session:
            theirs = sa.update(Invitation).where(Invitation.email.startswith("belongs-meanwhile"))
            session.execute(theirs.values(email="resident@parvis.example"))
        opened = self.assigned()
        self.put_off()
        texts = [text or "" for text in every(Mail.text)]
        invitations = re.findall(r"/invitations/([\w-]+)", "\n".join(texts))
        entries = every(Entry.id)
        return {
            "space_id": every(Space.id),
            "entry_id": entries,
            "question_id": list(db.session.scalars(sa.select(Entry.id).where(Entry.kind.like("visits.%")))),
            "commitment_id": [1],
            "note_id": [1],
            "import_id": self.imports(),
            "stop_id": self.stops(),
            "paper_id": self.papers(),
            "link_id": [opened.id],
            "template_id": [self.template()],
            "department_id": [1],
            "user_id": every(User.id),
            "handle": every(User.handle),
            "mail_id": every(Mail.id),
            "case_id": every(Case.id),
            "file_id": every(File.id),
            "area_id": every(Area.id),
            "token": [
                link.rpartition("/")[2],
                *invitations,
                letters.stop_token(1, ["core.post"], []),
                links.address(opened).rpartition("/")[2],
            ],
            "name": ["neighbourhood_visits"],
            "filename": ["parvis.css"],
            "key": ["nothing"],
            "table": ["questions"],
            "size": ["a4"],
            "code": ["nothing"],
        }

    def put_off(self) -> None:
        """Postpone one of the visits that take questions."""
        with write() as session:
            taking = sa.select(Visit).where(Visit.state == "collecting").order_by(Visit.space_id.desc())
            visit = session.scalars(taking.limit(1)).one()
            visit.state, visit.reason = "postponed", "Avis de tempête."

    def assigned(self) -> DepartmentLink:
        """The link to a request that is assigned to a department where all agents work."""
        with write() as session:
            accepted = sa.select(Casework).join(Question, Question.entry_id == Casework.entry_id)
            accepted = accepted.where(Question.triage == "accepted", Question.answered_at.is_(None))
            casework = session.scalars(accepted.order_by(Casework.entry_id).limit(1)).one()
            casework.department_id = session.scalars(sa.select(Department.id).limit(1)).one()
            casework.answer = "assigned"
            agents = session.scalars(sa.select(User.id).where(User.role == "agent")).all()
            for person in agents:
                session.merge(DepartmentMember(department_id=casework.department_id, user_id=person))
            link = DepartmentLink(entry_id=casework.entry_id, space_id=casework.space_id)
            link.department_id, link.expires_at = casework.department_id, now() + dt.timedelta(days=9)
            session.add(link)
        return link

    def template(self) -> int:
        """The id of a template of answers."""
        with write() as session:
            row = AnswerTemplate(title="Éclairage", body="Nous passons {date}.")
            session.add(row)
            session.flush()
            return row.id

    def imports(self) -> list[int]:
        """A file of questions that each administrator gave."""
        given = []
        for administrator in db.session.scalars(sa.select(User.id).where(User.role == "administrator")).all():
            with as_viewer(administrator):
                file = b"titre;quartier\nLe banc ?;Centre\n;Centre\n"
                given.append(intake.keep("questions.csv", file, dt.date(2030, 1, 1), "A file"))
        return given

    def stops(self) -> list[int]:
        """A stop of each visit."""
        with write() as session:
            visits = session.scalars(sa.select(Space.id).where(Space.kind == "visits.visit")).all()
            made = [Stop(space_id=visit, position=1, title="At the school", minutes=10) for visit in visits]
            session.add_all(made)
        return [stop.id for stop in made]

    def papers(self) -> list[int]:
        """A briefing of each visit."""
        visits = db.session.scalars(sa.select(Space.id).where(Space.kind == "visits.visit")).all()
        made = [Paper(space_id=one, kind="briefing", lang="fr", state="done") for one in visits]
        for row in made:
            row.data = papers.gathered(row.space_id, "briefing")
        with write() as session:
            session.add_all(made)
        return [row.id for row in made]

    def owner(self, space: int) -> int:
        """Somebody who owns the space."""
        owners = sa.select(Membership.user_id).where(Membership.space_id == space, Membership.role == "owner")
        return int(db.session.scalars(owners.limit(1)).one())


def recovery_code(town: DemoTown) -> str:
    """A new recovery code of the person who is asked for a second factor."""
    return str(town.run(lambda: factor.renew(town.of("guarded") or 0))[0])


def token(page: str) -> str:
    """The cross-site token of a page."""
    return re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)[0]


def combinations(rule: Any, links: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """What to put into a route; a name that nobody told of fails the test."""
    names = sorted(rule.arguments)
    unknown = [name for name in names if name not in links]
    assert not unknown, f"{rule.rule}: say in `links` what {unknown} stand for"
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(links[n] for n in names))]


@pytest.fixture(scope="session")
def demo_town(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[DemoTown]:
    """The demonstration town, made once, served from this process."""
    port = free_port()
    url = f"http://localhost:{port}"
    config = Config(data=tmp_path_factory.mktemp("demo"), url=url, port=port, demo=True)
    app = create_app(config)
    with app.app_context():
        build.fill()
    with app.app_context(), as_system("test"), write() as session:
        person = create_user("guarded@parvis.example", "Dominique Essai", build.PASSWORD)
        session.add(SecondFactor(user_id=person.id, seed="test", last_step=0))
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.accounts.sessions.HALF", dt.timedelta(days=1))  # as long as a walk takes
        yield DemoTown(app, url)
    server.shutdown()
    thread.join()
    server.server_close()
    with app.app_context():
        db.engine.dispose()
