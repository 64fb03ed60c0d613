"""The visits of the demonstration town: announced, asked about, and answered through the plugin's own actions."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from core import access
from core.accounts.sessions import as_viewer
from core.db import write
from core.models import Entry, Space
from core.web import get_or_404
from plugins.neighbourhood_visits import actions, models, teams
from plugins.neighbourhood_visits.approve import answers, templates
from plugins.neighbourhood_visits.assigned import departments
from plugins.neighbourhood_visits.follow import promises
from plugins.neighbourhood_visits.follow.models import Step
from plugins.neighbourhood_visits.plan import route
from plugins.neighbourhood_visits.triage import actions as triage

from . import ground
from .words import french


@dataclass(frozen=True)
class Question:
    """A question before a visit: its `answer`, empty while it is to come; whether it is `accepted` yet.

    `theme` is one of those that the plugin offers. `promise` is what is promised about it, and in how many days.
    """

    who: str
    days_ago: int
    title: str
    text: str
    theme: str
    place: str = ""
    answer: str = ""
    accepted: bool = True
    promise: tuple[str, int] | None = None
    at: ground.Place | None = None


@dataclass(frozen=True)
class Walk:
    """A visit that its host announced ten days ago."""

    host: str
    agent: str
    area: str
    in_days: int
    name: str
    summary: str
    meeting_point: str
    access_notes: str
    meeting: ground.Place
    questions: tuple[Question, ...]
    colleagues: tuple[str, ...] = ()


WALKS = (
    Walk(
        "claire",
        "gaspard",
        "tanneries",
        12,
        "Les Tanneries avec la maire",
        "Deux heures à pied dans le quartier : la passerelle, le jardin, l'école. Posez vos questions avant, la maire "
        "y répond ici ou sur place.",
        "Devant l'ancienne tannerie, 3 quai des Lavandières",
        "Parcours de 1,8 km, sans marches. Une halte assise à mi-chemin.",
        (-0.3, -0.75),
        (
            Question(
                "barnabe",
                9,
                "Quand la passerelle des Lavandières rouvrira-t-elle ?",
                "Le détour par le pont prend douze minutes à pied, vingt avec un landau. Les barrières sont là depuis "
                "le printemps, sans date affichée.",
                "transport",
                "Passerelle des Lavandières",
                "Les pièces sont arrivées et le chantier commence lundi : **réouverture prévue sous un mois**. "
                "Vous avez raison pour l'affichage, la date sera posée demain des deux côtés. Nous passerons la voir "
                "ensemble pendant la visite, c'est notre deuxième étape.",
                promise=("La passerelle des Lavandières est rouverte aux piétons.", 24),
                at=(0.2, -0.95),
            ),
            Question(
                "capucine",
                6,
                "Peut-on éclairer le chemin du jardin jusqu'à 20 h ?",
                "En hiver, on range les outils à la lampe frontale. Un éclairage à détection suffirait, il ne faudrait "
                "pas déranger les chauves-souris.",
                "streets",
                "Chemin du jardin partagé",
                at=(-1.4, 0.1),
            ),
            Question(
                "leonie",
                1,
                "Un banc sur le trajet de la visite ?",
                "Je serai des vôtres, mais deux heures sans s'asseoir, c'est beaucoup. Une halte à mi-parcours ?",
                "streets",
                accepted=False,
            ),
        ),
        ("anselme",),
    ),
    Walk(
        "theodore",
        "zelie",
        "bourg",
        19,
        "Les quais de Saint-Vérin, au bord de l'eau",
        "Le maire et l'équipe technique parcourent les quais avant l'hiver : batardeaux, repères de crue, éclairage.",
        "Au lavoir",
        "Sol pavé et irrégulier ; la partie haute se suit en fauteuil.",
        (-0.6, -1.2),
        (
            Question(
                "clemence",
                4,
                "Qui monte les batardeaux la nuit ?",
                "La dernière fois, nous étions trois voisins et une lampe. Une astreinte est-elle prévue ?",
                "safety",
                "Quai bas",
                "Oui : depuis ce mois-ci, **deux agents sont d'astreinte** chaque nuit dès que l'échelle passe 200. Le "
                "numéro est affiché à la mairie et au lavoir. On vous montre le matériel pendant la visite.",
                at=(-0.2, -1.15),
            ),
        ),
    ),
)


OTHER_WAYS = "Le matin au 02 61 91 04 16, ou sur papier à l'accueil de la mairie."
DEPARTMENTS = (
    ("Voirie, éclairage et ouvrages d'art", "voirie@saint-verin.example", 15),
    ("Espaces verts et propreté", "espaces-verts@saint-verin.example", 20),
    ("Écoles et jeunesse", "ecoles@saint-verin.example", 30),
)
TEMPLATES = (
    (
        "streets",
        "Un éclairage ou un banc à réparer",
        "Merci de l'avoir signalé. Le service « {department} » passe sur place avant la visite du {date} ; nous vous "
        "disons ici ce qui est fait, et quand.",
    ),
    (
        "transport",
        "Une demande qui regarde les bus",
        "Les horaires dépendent de la compagnie des bus. Nous lui transmettons votre demande et vous donnons sa réponse "
        "pendant la visite du {date}.",
    ),
    (
        "cleanliness",
        "Un passage de plus pour le nettoyage",
        "L'équipe passe déjà chaque semaine. Nous regardons sur place, le {date}, si un passage de plus est nécessaire.",
    ),
    (
        "green",
        "Des plantations à la bonne saison",
        "Les arbres se plantent de novembre à mars. Le service « {department} » note votre demande pour la prochaine saison.",
    ),
    ("", "Nous en parlons sur place", "Nous en parlons avec vous le {date}. Rendez-vous : {meeting_point}."),
)


def hold(areas: dict[str, int], people: dict[str, int], start: dt.datetime) -> None:
    """Announce each visit, with the questions asked, accepted, answered, and what is promised."""
    with access.as_system("the departments of the town"):
        for name, mailbox, days in DEPARTMENTS:
            said = {"name": french(name), "mailbox": mailbox, "official_id": None, "days_to_answer": days}
            members = [people["sidonie"]] if mailbox.startswith("voirie") else []
            departments.save(None, said, members)
    with as_viewer(people["perrine"]):
        for theme, title, body in TEMPLATES:
            templates.save(None, french(title), theme, french(body))
    for walk in WALKS:
        space_id = announce(walk, areas, people, start)
        for question in walk.questions:
            ask(walk, question, space_id, people, start)


def announce(walk: Walk, areas: dict[str, int], people: dict[str, int], start: dt.datetime) -> int:
    """The visit's space."""
    day = (start + dt.timedelta(days=walk.in_days)).replace(hour=14, minute=0, second=0, microsecond=0)
    details = {
        "starts_at": day,
        "ends_at": day + dt.timedelta(hours=2),
        "meeting_point": french(walk.meeting_point),
        "access_notes": french(walk.access_notes),
        "other_ways": french(OTHER_WAYS),
        "questions_close_at": day - dt.timedelta(days=4),
    }
    officials = [people[who] for who in (walk.host, *walk.colleagues)]
    plan = actions.Plan(
        french(walk.name),
        french(walk.summary),
        areas[walk.area],
        details,
        officials,
        [people[walk.agent]],
        coordinators=[people["perrine"]],
    )
    with as_viewer(people[walk.host]):
        visit = actions.plan_visit(plan)
        actions.announce(visit)
        space_id = visit.space_id
        route.pin(space_id, *ground.degrees(walk.meeting))
    announced = start - dt.timedelta(days=10)
    with access.as_system("date the visit"), write() as session:
        session.execute(sa.update(Space).where(Space.id == space_id).values(created_at=announced))
    return space_id


def ask(walk: Walk, question: Question, space_id: int, people: dict[str, int], start: dt.datetime) -> None:
    """One question, and what the team made of it."""
    asked_at = start - dt.timedelta(days=question.days_ago)
    answered_at = asked_at + dt.timedelta(days=2)
    with as_viewer(people[question.who]):
        visit = get_or_404(models.Visit, space_id)
        title, text = french(question.title), french(question.text)
        theme, place = question.theme, french(question.place)
        pin = ground.degrees(question.at) if question.at else None
        ident = actions.ask(visit, title, text, theme, place, pin=pin).id
    if question.accepted:
        with as_viewer(people[walk.agent]):
            triage.decide(ident, triage.Decision("accept"))
    date(ident, asked_at, question.accepted)
    if question.answer:
        with as_viewer(people[walk.agent]):
            draft = answers.submit(ident, french(question.answer), 0)
            text, version = draft.body, draft.version
        with as_viewer(people[walk.host]):
            answers.approve(ident, text, version)
        date(draft.id, answered_at)
    if question.promise:
        text, days = question.promise
        with as_viewer(people[walk.agent]):
            promises.promise(ident, french(text), roads(), (start + dt.timedelta(days=days)).date())
    if question.answer:
        with access.as_system("date the answer"), write() as session:
            row = sa.update(models.Question).where(models.Question.entry_id == ident)
            session.execute(row.values(answered_at=answered_at))
            session.execute(sa.update(Step).where(Step.entry_id == ident).values(at=answered_at))
            session.execute(sa.update(Entry).where(Entry.id == ident).values(active_at=answered_at))


def roads() -> int:
    """The id of the department in charge of streets."""
    return next(row.id for row in teams.departments() if row.mailbox.startswith("voirie"))


def date(entry_id: int, at: dt.datetime, published: bool = True) -> None:
    """Let an entry have been written, and published, then."""
    names = ("created_at", "published_at", "active_at") if published else ("created_at",)
    with access.as_system("date an entry"), write() as session:
        session.execute(sa.update(Entry).where(Entry.id == entry_id).values(dict.fromkeys(names, at)))
