"""What moderation has to do in the demonstration town: a report to look at, a post held back, an answer."""

import datetime as dt

import sqlalchemy as sa

from core import access
from core.accounts.sessions import as_viewer
from core.db import write
from core.feed import actions as feed
from core.feed import moderation
from core.models import Case, Entry, Report, Space
from core.web import get_or_404
from plugins.moderation import figures
from portal.moderation import actions

from . import dated
from .words import french

SOLD = "Dix pots de confiture pour le prix de neuf, à prendre chez moi. Qui n'aime pas la mirabelle ?"
LOUD = "Je le redis en majuscules parce que personne ne lit : LES PIGEONS ONT GAGNÉ."
ODD = "Quelqu'un sait-il ouvrir une huître sans couteau ? Je demande pour le jury du concours."
WHY = "Les annonces ont leur place dans l'espace du marché. Merci d'y republier la vôtre."
ANSWER = "C'était pour la fête de quartier, pas pour gagner ma vie !"
REPORTED, DECIDED, ANSWERED = (dt.timedelta(hours=hours) for hours in (5, 26, 49))  # after the post


def file(spaces: dict[str, int], people: dict[str, int], start: dt.datetime) -> None:
    """Three posts: one hidden and answered, one reported, one waiting to be published."""
    days = [start - dt.timedelta(days=number) for number in (3, 2, 1)]
    sold = _say(spaces["centre"], people["barnabe"], SOLD, days[0])
    odd = _say(spaces["centre"], people["gedeon"], ODD, days[1])
    loud = _say(spaces["centre"], people["balthazar"], LOUD, days[2], "pending")
    for post, who, reason in (
        (sold, "leonie", "spam"),
        (odd, "leonie", "off_topic"),
        (sold, "violette", "spam"),
    ):
        with as_viewer(people[who]):
            actions.report(get_or_404(Entry, post), reason)
    decided = days[0] + DECIDED
    with as_viewer(people["gaspard"]), dated.logged(decided):
        case = moderation.decide(get_or_404(Entry, sold), "hidden", "spam", french(WHY))
    with as_viewer(people["barnabe"]):
        actions.appeal(case, french(ANSWER))
    with access.as_system("date the cases"), write() as session:
        for post, opened in ((sold, days[0] + REPORTED), (odd, days[1] + REPORTED), (loud, days[2])):
            session.execute(sa.update(Case).where(Case.entry_id == post).values(opened_at=opened))
            session.execute(sa.update(Report).where(Report.entry_id == post).values(at=opened))
        session.execute(sa.update(Case).where(Case.id == case).values(decided_at=decided))
        answered = sa.update(Case).where(Case.appeal_of == case)
        session.execute(answered.values(opened_at=days[0] + ANSWERED))
    figures.count()


def _say(space: int, author: int, text: str, at: dt.datetime, state: str | None = None) -> int:
    with as_viewer(author):
        said = feed.publish(get_or_404(Space, space), french(text), state=state, at=at, confirmed=True)
        return said.id
