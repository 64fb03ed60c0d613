"""The visits of the demonstration town that are prepared, reported or followed up, as their teams left them."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from flask_babel import force_locale

from core import access
from core.accounts.sessions import as_viewer
from core.db import write
from core.feed import actions as feed
from core.models import Entry, Space
from core.web import get_or_404
from plugins.neighbourhood_visits import actions, labels, models, teams
from plugins.neighbourhood_visits.approve import answers
from plugins.neighbourhood_visits.field import notes
from plugins.neighbourhood_visits.follow import promises
from plugins.neighbourhood_visits.follow.models import Step
from plugins.neighbourhood_visits.plan import papers, route
from plugins.neighbourhood_visits.prepare import delicate
from plugins.neighbourhood_visits.report import issue
from plugins.neighbourhood_visits.report.models import Report
from plugins.neighbourhood_visits.triage import actions as triage

from . import ground
from .visits import OTHER_WAYS
from .words import french

COORDINATOR, SCRIBE, AGENT, OFFICIAL = "perrine", "leopold", "gaspard", "anselme"
ORDER = ("close", "finish", "begin", "end", "publish", "follow")
LAST = {"ready": "finish", "published": "publish", "follow_up": "follow"}
LATEST = dt.timedelta(hours=2)  # nothing is younger
ROADS, GREEN, SCHOOLS = "voirie", "espaces-verts", "ecoles"


@dataclass(frozen=True)
class Asked:
    """A question of one of these visits: its answer `before` the visit or after it, and what came of it.

    An answer that `waits` is to be approved. `at` is where it is, `delicate` what is delicate about it.
    `promise` is what was promised, in how many days after the visit, and the verbs since.
    """

    who: str
    title: str
    text: str
    theme: str
    place: str
    answer: str = ""
    before: bool = False
    outcome: str = ""
    reason: str = ""
    at: ground.Place | None = None
    waits: bool = False
    delicate: str = ""
    promise: tuple[str, int, tuple[str, ...]] | None = None
    department: str = ROADS
    supports: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class Round:
    """A visit: in how many days it is or was, how far it has come, and what was asked."""

    area: str
    state: str
    in_days: int
    name: str
    summary: str
    meeting_point: str
    access_notes: str
    meeting: ground.Place
    questions: tuple[Asked, ...]
    minutes: str = ""


ROUNDS = (
    Round(
        "centre",
        "follow_up",
        -171,
        "Le Centre-Bourg au printemps",
        "La fontaine, les pavés, le passage de l'Horloge : ce qui a été promis alors, et ce qui en est fait.",
        "Sous la halle, place du Marché",
        "Parcours de 1 km, deux bancs en route.",
        (0.0, 0.05),
        (
            Asked(
                "seraphine",
                "Quand le passage de l'Horloge sera-t-il repavé ?",
                "Il manque onze pavés. Ma poussette les a tous trouvés.",
                "streets",
                "Passage de l'Horloge",
                "Les pavés sont commandés à la carrière. Le passage sera repris en une semaine, sans le fermer.",
                outcome="commit",
                promise=("Le passage de l'Horloge est repavé.", 140, ("start",)),
                supports=("ignace", "leonie", "ulysse"),
                at=(0.2, 0.55),
            ),
            Asked(
                "gedeon",
                "La fontaine de la place marche-t-elle l'été ?",
                "On y boit, on s'y mouille, on s'y retrouve.",
                "green",
                "Place du Marché",
                "Oui, du premier mai au trente septembre. L'eau y est contrôlée chaque semaine.",
                before=True,
                outcome="inform",
                department=GREEN,
                at=(0.05, 0.1),
            ),
        ),
        "Vingt personnes sous la halle, et une averse. Au **passage de l'Horloge**, on a compté les pavés qui manquent : "
        "onze.",
    ),
    Round(
        "centre",
        "ready",
        2,
        "Du marché à l'église",
        "Une heure et demie entre la place du Marché et le parvis. Tout est prêt : venez avec vos chaussures et vos "
        "questions.",
        "Sous la halle, place du Marché",
        "Parcours de 1,2 km, deux bancs en route, une rampe au passage de l'Horloge.",
        (0.0, 0.05),
        (
            Asked(
                "leonie",
                "Peut-on remettre un banc devant la librairie ?",
                "L'ancien a été enlevé pendant les travaux. On s'y reposait avant de remonter la rue.",
                "streets",
                "14 rue des Libraires",
                "Oui. Le banc attend à l'atelier, il sera **reposé avant la visite**. Nous nous y arrêterons.",
                before=True,
                outcome="settle",
                supports=("amedee", "ulysse", "balthazar", "madeleine"),
                at=(0.35, 0.3),
            ),
            Asked(
                "ulysse",
                "Comment traverser la place du Marché le samedi en fauteuil ?",
                "Entre les étals et les câbles, il ne reste aucun passage. Un mètre quarante suffirait.",
                "transport",
                "Place du Marché",
                supports=("leonie", "amedee", "nour", "gedeon", "seraphine"),
                answer="Nous ferons tracer au sol un passage d'**un mètre quarante** entre les étals. L'emplacement exact se "
                "décide sur place, avec vous.",
                waits=True,
                delicate="Deux étals devront reculer d'un mètre : l'association du marché n'est pas encore d'accord.",
                at=(0.05, 0.1),
            ),
            Asked(
                "ignace",
                "La livraison du café à 5 h peut-elle attendre 7 h ?",
                "J'habite au-dessus. J'aime le café, mais pas à cette heure-là.",
                "safety",
                "Passage de l'Horloge",
                "L'arrêté de 2019 l'interdit déjà avant 6 h 30 : il sera **rappelé au livreur** cette semaine.",
                waits=True,
                at=(0.2, 0.55),
            ),
            Asked(
                "balthazar",
                "Que mangent les enfants à la cantine le vendredi ?",
                "Je demande en professionnel.",
                "schools",
                "École du Centre",
                at=(-0.25, 0.4),
                department=SCHOOLS,
            ),
        ),
    ),
    Round(
        "gare",
        "published",
        -9,
        "Autour de la gare",
        "Le souterrain, l'arrêt du bus 3 et la friche : ce que nous avons vu, et ce qui est décidé.",
        "Devant la gare, sous l'horloge",
        "Parcours de 1,5 km ; le souterrain a un ascenseur.",
        (1.5, 0.7),
        (
            Asked(
                "hector",
                "Qui nettoie le souterrain le dimanche ?",
                "Le lundi matin, on y passe sur la pointe des pieds.",
                "cleanliness",
                "Souterrain de la gare",
                "L'équipe du samedi passera aussi **le dimanche à 18 h**, dès ce mois-ci.",
                before=True,
                outcome="settle",
                department=GREEN,
                supports=("ulysse", "nour", "titouan"),
                at=(1.55, 0.75),
            ),
            Asked(
                "ulysse",
                "L'ascenseur du souterrain peut-il rester ouvert après 20 h ?",
                "Il ferme avec le guichet. Mon train arrive à 20 h 12.",
                "transport",
                "Souterrain de la gare",
                "Oui : l'ascenseur restera ouvert jusqu'au dernier train. Il faut changer la commande, c'est commandé.",
                outcome="commit",
                promise=("L'ascenseur de la gare marche jusqu'au dernier train.", 40, ("start",)),
                supports=("hector", "leonie", "amedee", "nour"),
                at=(1.55, 0.75),
            ),
            Asked(
                "titouan",
                "Peut-on se garer sur la friche en attendant ?",
                "Elle est vide depuis trois ans.",
                "transport",
                "Friche des Messageries",
                "Non. Le sol est pollué et la friche est fermée au public jusqu'à la fin des analyses.",
                outcome="refuse",
                reason="Le sol est pollué : personne ne doit y entrer avant la fin des analyses.",
                at=(1.9, 0.1),
            ),
            Asked(
                "nour",
                "Le bus 3 peut-il attendre le train de 18 h 40 ?",
                "Il part à 18 h 39. On le voit partir.",
                "transport",
                "Arrêt Gare",
                outcome="study",
                reason="Nous le demandons à la compagnie des bus ; la réponse est attendue au printemps.",
                supports=("amedee", "hector"),
                at=(1.35, 0.85),
            ),
            Asked(
                "melchior",
                "Mon voisin du 12 gare sa camionnette n'importe où",
                "Faites quelque chose.",
                "transport",
                "",
                refused="It names or concerns a private person.",
            ),
        ),
        "Une trentaine de personnes nous ont suivis, dont six en sortant du train de 18 h 40.\n\n"
        "Au **souterrain**, l'odeur a parlé d'elle-même. À **l'arrêt du bus 3**, nous avons vu le bus partir une minute "
        "avant le train. Devant la **friche**, l'adjoint à la voirie a expliqué les analyses en cours.",
    ),
    Round(
        "bellevue",
        "follow_up",
        -62,
        "Bellevue, en haut comme en bas",
        "Les escaliers, le terrain de jeu, les lampadaires : les promesses de cette visite sont suivies ici.",
        "Au terminus du bus 3",
        "Parcours de 2 km avec des escaliers ; une voiture contourne pour qui le souhaite.",
        (-0.4, 1.9),
        (
            Asked(
                "octave",
                "Quand la lampe du grand escalier sera-t-elle réparée ?",
                "Quarante-deux marches dans le noir. Je les ai comptées.",
                "streets",
                "Grand escalier",
                "Elle est remplacée avec toute la rampe, en diodes.",
                outcome="commit",
                promise=("Le grand escalier est éclairé de nouveau.", 20, ("start", "claim", "confirm")),
                supports=("amedee", "madeleine", "firmin"),
                at=(-0.7, 1.3),
            ),
            Asked(
                "firmin",
                "Le terrain de jeu aura-t-il de l'ombre avant l'été ?",
                "Le toboggan brûle dès dix heures.",
                "green",
                "Terrain de jeu de Bellevue",
                "Oui : six érables et une toile.",
                outcome="commit",
                promise=("Six arbres et une toile donnent de l'ombre au terrain de jeu.", 45, ("start",)),
                department=GREEN,
                supports=("madeleine", "octave", "leonie"),
                at=(-1.1, 1.6),
            ),
            Asked(
                "amedee",
                "Un abri au terminus du bus 3 ?",
                "À 87 ans, j'attends debout et sous la pluie.",
                "transport",
                "Terminus du bus 3",
                "Oui, avec un banc et un éclairage.",
                outcome="commit",
                promise=("Un abri avec un banc attend au terminus du bus 3.", 58, ("start", "claim")),
                supports=("firmin", "madeleine", "octave", "ulysse", "leonie"),
                at=(-0.4, 1.95),
            ),
            Asked(
                "madeleine",
                "Pourquoi la fontaine est-elle coupée ?",
                "On remplissait les arrosoirs.",
                "green",
                "Place de la Fontaine",
                "L'arrêté sécheresse l'impose jusqu'au premier octobre ; elle sera rouverte ce jour-là.",
                before=True,
                outcome="inform",
                at=(-0.2, 1.2),
                department=GREEN,
            ),
        ),
        "Le quartier était là : quarante personnes au départ, cinquante à l'arrivée. Le plus long arrêt fut celui du "
        "**grand escalier**, descendu à la lampe de poche.",
    ),
)


def hold(areas: dict[str, int], people: dict[str, int], start: dt.datetime) -> None:
    """Hold each of these visits as far as it has come."""
    for one in ROUNDS:
        _hold(one, areas, people, start)


def _hold(one: Round, areas: dict[str, int], people: dict[str, int], start: dt.datetime) -> None:
    space_id = _announce(one, areas, people, start)
    day = (start + dt.timedelta(days=one.in_days)).replace(hour=16, minute=30, second=0, microsecond=0)
    asked = {question: _ask(question, space_id, people) for question in one.questions}
    for number, (question, ident) in enumerate(asked.items()):
        _answer(question, ident, people)
        _date(ident, question, day, number, start)
    with access.as_system("date the visit"), write() as session:
        moments = {"starts_at": day, "ends_at": day + dt.timedelta(minutes=90)}
        visit = session.get(models.Visit, space_id)
        visit.starts_at, visit.ends_at = moments["starts_at"], moments["ends_at"]
        visit.questions_close_at = min(day - dt.timedelta(days=5), start - dt.timedelta(hours=1))
    with as_viewer(people[COORDINATOR]):
        _lead(space_id, ("close", "finish"))
        _route(one, asked, space_id)
    if one.state == "ready":
        with as_viewer(people[COORDINATOR]), force_locale("fr"):
            for kind in ("dossier", "briefing", "sheets"):
                papers.order(space_id, kind)
        return
    with as_viewer(people[COORDINATOR]):
        _lead(space_id, ("begin",))
    with as_viewer(people[SCRIBE]):
        _note(asked, space_id, day)
    for question, ident in asked.items():
        _promise(question, ident, people, day)
    with as_viewer(people[COORDINATOR]):
        _lead(space_id, ("end",))
        issue.keep_minutes(get_or_404(Space, space_id), french(one.minutes), 0)
    with as_viewer(people[OFFICIAL]):
        _lead(space_id, ("publish",))
    if one.state == "follow_up":
        with as_viewer(people[COORDINATOR]):
            _lead(space_id, ("follow",))
    _date_all(space_id, day, start)


def _announce(one: Round, areas: dict[str, int], people: dict[str, int], start: dt.datetime) -> int:
    """The visit's space, announced while its day was still to come."""
    soon = start + dt.timedelta(days=30)
    details = {
        "starts_at": soon,
        "ends_at": soon + dt.timedelta(hours=2),
        "meeting_point": french(one.meeting_point),
        "access_notes": french(one.access_notes),
        "other_ways": french(OTHER_WAYS),
        "questions_close_at": soon - dt.timedelta(days=4),
    }
    plan = actions.Plan(
        french(one.name),
        french(one.summary),
        areas[one.area],
        details,
        [people["claire"], people[OFFICIAL]],
        [people[AGENT]],
        [people[SCRIBE]],
    )
    with as_viewer(people[COORDINATOR]):
        visit = actions.plan_visit(plan)
        actions.announce(visit)
        space_id = visit.space_id
    with access.as_system("date the visit"), write() as session:
        announced = start + dt.timedelta(days=min(one.in_days, 0) - 25)
        session.execute(sa.update(Space).where(Space.id == space_id).values(created_at=announced))
    return space_id


def _route(one: Round, asked: dict[Asked, int], space_id: int) -> None:
    """Where the visit goes: a stop for each place that is talked about, in an order that is short to walk."""
    route.pin(space_id, *ground.degrees(one.meeting))
    stops: dict[str, int] = {}
    for question, ident in asked.items():
        if not question.refused and (one.state == "ready" or not question.before):
            route.put(space_id, [ident], stops.get(question.place))
            stops.setdefault(question.place, route.stops(space_id)[-1].id)
    route.suggest(space_id)


def _ask(question: Asked, space_id: int, people: dict[str, int]) -> int:
    """One question, decided on, with its voices."""
    with as_viewer(people[question.who]):
        visit = get_or_404(models.Visit, space_id)
        title, text = french(question.title), french(question.text)
        pin = ground.degrees(question.at) if question.at else None
        said = (title, text, question.theme, french(question.place))
        ident: int = actions.ask(visit, *said, pin=pin).id
    with as_viewer(people[COORDINATOR]):
        if question.refused:
            reasons = labels.reasons()
            triage.decide(ident, triage.Decision("reject", reason=reasons[0]))
            return ident
        department = next(
            row.id for row in teams.departments() if row.mailbox.startswith(question.department)
        )
        triage.decide(ident, triage.Decision("assign", department_id=department))
        delicate.note(ident, french(question.delicate))
    for who in question.supports:
        with as_viewer(people[who]):
            feed.support(get_or_404(Entry, ident), True)
    return ident


def _answer(question: Asked, ident: int, people: dict[str, int]) -> None:
    """The answer, drafted by an agent and approved by the deputy."""
    if not question.answer:
        return
    with as_viewer(people[AGENT]):
        draft = answers.submit(ident, french(question.answer), 0)
        body, version = draft.body, draft.version
    if question.waits:
        return
    with as_viewer(people[OFFICIAL]):
        answers.approve(ident, body, version, outcome=question.outcome if question.before else "")


def _note(asked: dict[Asked, int], space_id: int, day: dt.datetime) -> None:
    """What the scribe noted on the way."""
    space = get_or_404(Space, space_id)
    notes.keep(space, notes.Said("people", attendance=34, noted_at=day))
    for number, (question, ident) in enumerate(asked.items(), 1):
        if not question.refused and not question.before:
            said = notes.Said(
                f"note {number}",
                ident,
                outcome=question.outcome,
                text=french(question.reason),
                noted_at=day + dt.timedelta(minutes=15 * number),
            )
            notes.keep(space, said)


def _promise(question: Asked, ident: int, people: dict[str, int], day: dt.datetime) -> None:
    """What is promised, and what became of it since."""
    if question.promise is None:
        return
    text, days, verbs = question.promise
    with as_viewer(people[AGENT]):
        department = next(
            row.id for row in teams.departments() if row.mailbox.startswith(question.department)
        )
        row = promises.promise(ident, french(text), department, (day + dt.timedelta(days=days)).date())
        promise_id = row.id
    for verb in verbs:
        with as_viewer(people[question.who if verb == "confirm" else AGENT]):
            promises.turn(promise_id, verb)


def _date(ident: int, question: Asked, day: dt.datetime, number: int, start: dt.datetime) -> None:
    """Let a question have been asked before the visit, and answered before or after it."""
    asked_at = min(day - dt.timedelta(days=18 - 3 * number), start - dt.timedelta(days=6 - number))
    answered_at = min(
        asked_at + dt.timedelta(days=4) if question.before else day + dt.timedelta(days=2 + number),
        start - LATEST,
    )
    with access.as_system("date a question"), write() as session:
        times = {"created_at": asked_at, "active_at": asked_at}
        if not question.refused:
            times["published_at"] = asked_at + dt.timedelta(hours=9)
        session.execute(sa.update(Entry).where(Entry.id == ident).values(times))
        own = sa.update(Entry).where(Entry.parent_id == ident)
        if question.waits:
            session.execute(own.values(created_at=start - dt.timedelta(days=2, hours=number)))
        elif question.answer:
            session.execute(
                own.values(dict.fromkeys(("created_at", "published_at", "active_at"), answered_at))
            )
            row = sa.update(models.Question).where(models.Question.entry_id == ident)
            session.execute(row.values(answered_at=answered_at))
            session.execute(sa.update(Step).where(Step.entry_id == ident).values(at=answered_at))


def _date_all(space_id: int, day: dt.datetime, start: dt.datetime) -> None:
    """Let the report have been approved, and the steps been taken, in the days after the visit."""
    with access.as_system("date the report"), write() as session:
        session.get(Report, space_id).issued_at = day + dt.timedelta(days=6)
        mine = sa.select(Entry.id).where(Entry.space_id == space_id)
        steps = session.scalars(sa.select(Step).where(Step.entry_id.in_(mine)).order_by(Step.id)).all()
        taken: dict[int, int] = {}
        for step in steps:
            taken[step.entry_id] = taken.get(step.entry_id, 0) + 1
            after = 0 if step.thing != "commitment" else 9 * (taken[step.entry_id] - 2)
            step.at = min(day + dt.timedelta(days=after, minutes=taken[step.entry_id]), start - LATEST)


def _lead(space_id: int, verbs: tuple[str, ...]) -> None:
    for verb in verbs:
        actions.turn(space_id, verb)
