"""A briefing of five hundred questions: gathered and printed by its job, beside typst alone on its data."""

import json
import random
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import sqlalchemy as sa
import typst

from core import create_app, migrate, registry
from core.access import as_system
from core.config import Config
from core.db import db, now, write
from core.models import Entry, Space
from core.pdf import FONTS
from plugins.neighbourhood_visits.models import Casework, Question, Visit
from plugins.neighbourhood_visits.plan import papers
from plugins.neighbourhood_visits.plan.models import Paper, Stop, StopQuestion

QUESTIONS, STOPS, ROUNDS = 500, 40, 3
WORDS = ["lamp", "bench", "crossing", "tree", "school", "market", "bridge", "noise", "bus", "waste"]


def briefing(folder: Path) -> tuple[float, float]:
    """Seconds that the job takes, and those of typst alone on the same data: the best of some rounds."""
    app = create_app(Config(data=folder, url="http://localhost"))
    ours, alone = [], []
    with app.app_context(), as_system("measure a briefing"):
        migrate.upgrade(db.engine, registry.current().modules)
        for plugin in registry.current().modules:
            registry.current().switch(plugin, True)
        _visit()
        template = papers.TEMPLATES / "briefing.typ"
        for number in range(1, ROUNDS + 1):
            with write() as session:
                session.add(Paper(id=number, space_id=1, kind="briefing", lang="fr", data={}))
            started = time.perf_counter()
            papers.make(number)
            ours.append(time.perf_counter() - started)
            row = db.session.get(Paper, number)
            assert row is not None
            assert row.state == "done"
            said = json.dumps(papers.printed(row.data), ensure_ascii=False)
            with ProcessPoolExecutor(1, get_context("spawn")) as fresh:  # typst remembers what it has set
                seconds, size = fresh.submit(_alone, template, said).result()
            alone.append(seconds)
            assert abs(size - len(row.content)) < 1000
        db.session.remove()
        db.engine.dispose()
    return min(ours), min(alone)


def _alone(template: Path, said: str) -> tuple[float, int]:
    """Seconds that typst alone takes for this data, and the size of its PDF."""
    how = {"root": template.parent, "font_paths": [FONTS], "ignore_system_fonts": True}
    started = time.perf_counter()
    made = typst.compile(template, sys_inputs={"data": said}, pdf_standards="ua-1", **how)
    return time.perf_counter() - started, len(made)


def _visit() -> None:
    chance = random.Random(1)
    ids = range(1, QUESTIONS + 1)
    times = {"published_at": now(), "active_at": now()}
    with write() as session:
        session.execute(sa.insert(Space), [{"id": 1, "name": "Visit", "kind": "visits.visit"}])
        moments = dict.fromkeys(("starts_at", "ends_at", "questions_close_at"), now())
        session.execute(sa.insert(Visit), [{"space_id": 1, "meeting_point": "School", **moments}])
        shared = {"space_id": 1, "kind": "visits.question", "byline": "R", "html": "", **times}
        texts = [" ".join(chance.choices(WORDS, k=chance.randrange(5, 120))) for _each in ids]
        entries = [{"id": n, "title": f"Question {n}?", "body": texts[n - 1], **shared} for n in ids]
        session.execute(sa.insert(Entry), entries)
        session.execute(sa.insert(Question), [{"entry_id": n, "triage": "accepted"} for n in ids])
        session.execute(sa.insert(Casework), [{"entry_id": n, "space_id": 1} for n in ids])
        stops = [{"id": n, "space_id": 1, "position": n, "title": f"Stop {n}"} for n in range(1, STOPS + 1)]
        session.execute(sa.insert(Stop), stops)
        at = [{"entry_id": n, "stop_id": 1 + n % STOPS, "position": n} for n in ids if n % 3]
        session.execute(sa.insert(StopQuestion), at)
