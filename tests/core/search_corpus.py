"""A corpus and queries for the search, made of words by a seed: French, English, and all that can vary."""

from __future__ import annotations

import random
from typing import Any

_FRENCH = """
école écoles ecole marché marchés piscine piscines municipale municipaux travaux rue rues vélo vélos élu
élue élus élu·es habitant habitante habitant·es quartier quartiers cœur œuvre sœur vœux forêt forêts fête
fêtes salle salles réunion réunions décision décidé décidée décider sécurité propreté éclairage
lampadaire bibliothèque jardin jardins arbre arbres trottoir trottoirs bus parking bruit eau eaux place
mairie pont centre-ville rendez-vous aujourd’hui l’école d’eau qu’on naïf Noël garçon là-bas château
châteaux jeu jeux loi lois
"""
_ENGLISH = """
school schools market markets river rivers library libraries bridge bridges garden gardens lamp lamps
street streets meeting meetings decide decided decision council councillor councillors noise noisy water
waters tree trees safety café naïve resident residents running runs city cities fine ﬁne ofﬁce
encyclopædia town’s don’t co-operate 12 2026
"""
_COMMON = "le la les de des du et à un une the of and to in a is"
FRENCH, ENGLISH, COMMON = _FRENCH.split(), _ENGLISH.split(), _COMMON.split()
SCRIPTS = ["пример", "Ελλάδα", "示例", "½", "№5", "ŁÓDŹ", "straße", "🦊"]
SPACES = ("public", "portal", "members", "hidden")
PEOPLE = ("ana", "ben", "cléo")
VIEWERS = (None, "ana", "ben")


def sentence(chance: random.Random, most: int = 30) -> str:
    """Some words of either language or both, with capitals, accents composed or not, and other scripts."""
    source = chance.choice((FRENCH, ENGLISH, FRENCH + ENGLISH))
    words = [chance.choice(chance.choice((source, source, COMMON))) for _ in range(chance.randint(1, most))]
    if chance.random() < 0.1:
        words.append(chance.choice(SCRIPTS))
    text = chance.choice((" ", " ", ", ", "\n\n")).join(words)
    return chance.choice((str, str, str.upper, str.capitalize))(text)


def posts(seed: int, count: int) -> list[dict[str, Any]]:
    """What is said where, by whom, for whom."""
    chance = random.Random(seed)
    return [
        {
            "space": chance.randrange(len(SPACES)),
            "author": chance.choice(PEOPLE),
            "title": sentence(chance, 6) if chance.random() < 0.7 else "",
            "body": sentence(chance, 60),
            "team_only": chance.random() < 0.1,
            "days": chance.randint(0, 400),
            "hidden": chance.random() < 0.05,
        }
        for _ in range(count)
    ]


def queries(seed: int, count: int) -> list[dict[str, Any]]:
    """What is looked for: words, phrases and exclusions, each as anybody might write it, and filters."""
    chance = random.Random(seed)
    return [query(chance) for _ in range(count)]


def query(chance: random.Random) -> dict[str, Any]:
    """One query."""
    asked: dict[str, Any] = {"viewer": chance.choice(VIEWERS), "text": "", "newest": chance.random() < 0.2}
    parts = [word(chance) for _ in range(chance.choice((1, 1, 1, 2, 2, 3)))]
    if chance.random() < 0.25:
        first, last = chance.choice((('"', '"'), ("« ", " »"), ("“", "”"), ('"', "")))
        parts.append(f"{first}{word(chance)} {chance.choice(COMMON + FRENCH)}{last}")
    if chance.random() < 0.25:
        parts.append(f"-{word(chance)}")
    if chance.random() < 0.1:
        parts.append(f'-"{word(chance)} {word(chance)}"')
    chance.shuffle(parts)
    asked["text"] = " ".join(parts)
    for name, values in (
        (
            "kind",
            ("core.post", "core.group", "core.person", "visits.promise", "visits.stop", "visits.report"),
        ),
        ("space", (1, 2, 3, 4)),
        ("people", ([1], [2, 3])),
        ("since", (30, 200)),
        ("until", (30, 200)),
    ):
        if chance.random() < 0.08:
            asked[name] = chance.choice(values)
    if chance.random() < 0.03 and {"kind", "space", "people"} & asked.keys():
        asked["text"] = ""
    return asked


def word(chance: random.Random) -> str:
    """A word as somebody types it."""
    text = chance.choice(
        chance.choice((FRENCH, FRENCH, ENGLISH, COMMON, SCRIPTS if chance.random() < 0.1 else FRENCH))
    )
    return chance.choice((str, str, str.upper, str.title))(text)
