"""The public figures: counted by a job, kept as one row, without names or words."""

import datetime as dt
from collections import Counter
from typing import Any

import sqlalchemy as sa

from core import api

from .models import Figures

YEAR = dt.timedelta(days=365)
ONLY = 1


def kept() -> Figures | None:
    """The figures as they were last counted."""
    found: Figures | None = api.db.session.get(Figures, ONLY)
    return found


def name_of(month: str) -> str:
    """What a counted month is called in the reader's language."""
    return str(api.format_date(dt.date.fromisoformat(f"{month}-01"), "LLLL y"))


def count() -> None:
    """Job: count the decisions of the last year."""
    from statistics import median  # brings fractions and decimals, for a job alone

    columns = (api.Case.act, api.Case.reason, api.Case.appeal_of, api.Case.opened_at, api.Case.decided_at)
    with api.as_system("count decisions"):
        since = api.now() - YEAR
        decided = sa.select(*columns).where(api.Case.decided_at > since, api.Case.appeal_of.is_(None))
        answered = sa.select(*columns).where(api.Case.opened_at > since, api.Case.appeal_of.is_not(None))
        first = api.db.session.execute(decided).all()
        appeals = api.db.session.execute(answered).all()
    hours = [(row.decided_at - row.opened_at).total_seconds() / 3600 for row in first]
    counted: dict[str, Any] = {
        "acts": Counter(row.act for row in first),
        "reasons": Counter(row.reason for row in first if row.reason),
        "months": sorted(Counter(f"{row.decided_at:%Y-%m}" for row in first).items(), reverse=True),
        "hours": round(median(hours), 1) if hours else None,
        "appeals": len(appeals),
        "changed": sum(row.act == "restored" for row in appeals),
    }
    with api.as_system("keep the figures"), api.write() as session:
        api.insert_once(Figures, id=ONLY, counted={})
        session.execute(sa.update(Figures).where(Figures.id == ONLY).values(counted=counted, at=api.now()))
