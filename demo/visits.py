"""The visits of the demonstration town: one that takes questions, one that is being prepared."""

import datetime as dt

import sqlalchemy as sa

from core import access
from core.accounts.sessions import as_viewer
from core.db import db, write
from core.models import Entry, Space
from plugins.neighbourhood_visits import actions
from plugins.neighbourhood_visits.models import Question, Visit

from .words import french

TANNERIES = "Visite des Tanneries avec la maire"
QUESTIONS = (
    (
        "barnabe",
        9,
        "Quand la passerelle des Lavandières rouvrira-t-elle ?",
        "Le détour par le pont prend douze minutes à pied, vingt avec un landau. Les barrières sont là depuis le "
        "printemps, sans date affichée.",
        "Circulation",
        "Passerelle des Lavandières",
        "Les pièces sont arrivées et le chantier commence lundi : **réouverture prévue avant la fin du mois**. Vous "
        "avez raison pour l'affichage, la date sera posée demain des deux côtés. Nous passerons la voir ensemble "
        "pendant la visite, c'est notre deuxième étape.",
    ),
    (
        "capucine",
        6,
        "Peut-on éclairer le chemin du jardin jusqu'à 20 h ?",
        "En hiver, on range les outils à la lampe frontale. Un éclairage à détection suffirait, il ne faudrait pas "
        "déranger les chauves-souris.",
        "Éclairage",
        "Chemin du jardin partagé",
        "",
    ),
    (
        "leonie",
        3,
        "Un banc sur le trajet de la visite ?",
        "Je serai des vôtres, mais quatre kilomètres sans s'asseoir, c'est beaucoup. Une halte à mi-parcours ?",
        "Mobilier urbain",
        "",
        "",
    ),
)


def hold(areas: dict[str, int], people: dict[str, int], start: dt.datetime) -> None:
    """Announce a visit, with questions asked, accepted and answered."""
    day = (start + dt.timedelta(days=12)).replace(hour=16, minute=0, second=0, microsecond=0)
    plan = actions.Plan(
        TANNERIES,
        french(
            "Deux heures à pied dans le quartier : la passerelle, le jardin, l'école. Posez vos questions "
            "avant, la maire y répond ici ou sur place."
        ),
        areas["tanneries"],
        {
            "starts_at": day,
            "ends_at": day + dt.timedelta(hours=2),
            "meeting_point": french("Devant l'ancienne tannerie, 3 quai des Lavandières"),
            "access_notes": french("Parcours de 1,8 km, sans marche. Une halte assise à mi-chemin."),
            "other_ways": french("Par téléphone le matin, ou sur papier à l'accueil de la mairie."),
            "questions_close_at": day - dt.timedelta(days=4),
        },
        officials=[people["claire"], people["anselme"]],
        agents=[people["gaspard"]],
    )
    with as_viewer(people["claire"]):
        visit = actions.plan_visit(plan)
        actions.announce(visit)
        space_id = visit.space_id
    announced = start - dt.timedelta(days=10)
    with access.as_system("date the visit"), write() as session:
        session.execute(sa.update(Space).where(Space.id == space_id).values(created_at=announced))
    for number, (who, days, title, body, theme, place, answer) in enumerate(QUESTIONS):
        with as_viewer(people[who]):
            visit = db.session.get(Visit, space_id)
            asked = actions.ask(visit, french(title), french(body), french(theme), french(place))
            question = asked.id
        if number < 2:
            with as_viewer(people["gaspard"]):
                actions.accept(question)
            date(question, start - dt.timedelta(days=days))
        if answer:
            with as_viewer(people["claire"]):
                said = actions.publish_answer(question, french(answer), 0).id
            date(said, start - dt.timedelta(days=days - 2))
            with access.as_system("date the answer"), write() as session:
                answered = start - dt.timedelta(days=days - 2)
                session.execute(
                    sa.update(Question).where(Question.entry_id == question).values(answered_at=answered)
                )


def date(entry_id: int, at: dt.datetime) -> None:
    """Let an entry have been published then."""
    times = dict.fromkeys(("created_at", "published_at", "active_at"), at)
    with access.as_system("date an entry"), write() as session:
        session.execute(sa.update(Entry).where(Entry.id == entry_id).values(times))
