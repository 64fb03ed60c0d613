"""What the real file lacks, made up by a seed: bodies, channels, dates and supports."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[1] / "data/paris_participatory_budget.csv"
CHANNELS = ("web", "web", "web", "phone", "paper", "stall", "email")
LONGEST = 5000
MOST_SUPPORTS, OLDEST = 40, 60  # voices of one request, days since it came
OPENINGS = (
    "Bonjour,",
    "Madame la Maire, Monsieur l’élu,",
    "Cela fait trois fois que je vous écris !!!",
    "Je me permets de vous signaler ceci.",
    "",
)
COMPLAINTS = (
    "Rien n’a changé depuis deux ans, et personne ne répond.",
    "C’EST HONTEUX, on paie des impôts pour ça ?!",
    "Mes enfants passent là tous les matins et j’ai peur pour eux.",
    "Le soir on n’y voit rien, et quand il pleut c’est pire.",
    "Les services sont passés une fois, puis plus de nouvelles.",
    "On nous promet des travaux à chaque réunion de quartier.",
    "Avec une poussette ou un fauteuil, il faut descendre sur la chaussée.",
    "J’en ai assez de voir l’argent public gaspillé ailleurs.",
)
WISHES = (
    "Il suffirait de presque rien pour que ce soit agréable.",
    "Pourriez-vous nous dire quand et comment ?",
    "Les voisins sont prêts à aider.",
    "Merci de venir voir par vous-mêmes pendant la visite.",
    "Nous proposons de commencer par un essai de quelques mois.",
)
ASIDES = (
    "Autre chose : les poubelles du square débordent tous les lundis.",
    "J’en profite : à quand un arrêt de bus devant l’école ?",
    "Et puis, rien à voir, mais la fontaine ne coule plus.",
)
NEIGHBOURS = (
    "Vous pouvez appeler ma voisine au 06 39 98 {number}, elle en sait plus.",
    "Le gardien, au 01 99 00 {number}, a toutes les photos.",
)
PHRASES = (*OPENINGS, *COMPLAINTS, *WISHES, *ASIDES, *NEIGHBOURS)


@dataclass(frozen=True)
class Request:
    """A row of the file with what a seed adds to it."""

    row: dict[str, str]
    body: str
    channel: str
    days_ago: int
    supports: int


def requests(seed: int | str) -> list[Request]:
    """All rows of the real file, each with what this seed adds; the same seed adds the same."""
    chance = random.Random(str(seed))
    with FILE.open(encoding="utf-8", newline="") as file:
        return [_request(row, chance) for row in csv.DictReader(file)]


def table(chosen: list[Request]) -> bytes:
    """These requests as a file that is taken in, bodies, channels and dates included."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*chosen[0].row, "texte", "canal", "reçue le"], delimiter=";")
    writer.writeheader()
    for one in chosen:
        day = moment(one).date().isoformat()
        writer.writerow(one.row | {"texte": one.body, "canal": one.channel, "reçue le": day})
    return text.getvalue().encode()


def moment(request: Request) -> dt.datetime:
    """When it was sent."""
    return dt.datetime.now(dt.UTC) - dt.timedelta(days=request.days_ago)


def _request(row: dict[str, str], chance: random.Random) -> Request:
    supports = min(MOST_SUPPORTS, int(chance.paretovariate(1.1)) - 1)
    return Request(row, _body(chance), chance.choice(CHANNELS), chance.randint(1, OLDEST), supports)


def _body(chance: random.Random) -> str:
    """Nothing, a few words, or all that is taken: angry, mistyped, of two subjects, on a neighbour."""
    length = chance.choice((0, 0, chance.randint(1, 300), chance.randint(300, 1500), LONGEST))
    parts = [chance.choice(OPENINGS)]
    while len(" ".join(parts)) < length:
        parts.append(chance.choice((*COMPLAINTS, *WISHES)))
        if chance.random() < 0.15:
            parts.append(chance.choice(ASIDES))
        if chance.random() < 0.1:
            parts.append(chance.choice(NEIGHBOURS).format(number=f"{chance.randint(0, 9999):04}"))
    said = " ".join(filter(None, parts))[:length].strip()
    return _mistyped(said, chance) if chance.random() < 0.4 else said


def _mistyped(text: str, chance: random.Random) -> str:
    """The same with letters turned round, left out and without their accents, as thumbs write."""
    letters = list(text)
    for at in range(1, len(letters) - 1):
        if letters[at].isalpha() and letters[at - 1].isalpha() and chance.random() < 0.02:
            letters[at - 1], letters[at] = letters[at], letters[at - 1]
        elif letters[at] in "éèêàùç" and chance.random() < 0.3:
            letters[at] = {"é": "e", "è": "e", "ê": "e", "à": "a", "ù": "u", "ç": "c"}[letters[at]]
    return "".join(letters)
