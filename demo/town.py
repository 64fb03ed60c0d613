"""Who lives in the demonstration town, where, and in which spaces they meet; every name is invented."""

from dataclasses import dataclass, field

NAME = "Montclarey Agglomération"
CONTACT = "accueil@montclarey.example"

HOME = """\
Ce parvis est celui de Montclarey et de Saint-Vérin-sur-Lorelle : 31 000 habitant·es, deux mairies, une \
rivière capricieuse et un marché le samedi.

Ici, on pose une question, on raconte sa rue, on soutient une idée, et les élu·es comme les agent·es répondent \
sous leur nom."""

LEGAL = """\
## Éditeur

Montclarey Agglomération, 1 place du Parvis, Montclarey. Cette agglomération est imaginaire : ce portail est \
une démonstration, et aucune des personnes qui y parlent n'existe.

## Responsable de la publication

La présidente de l'agglomération imaginaire.

## Hébergement

Ce portail tourne sur la machine où la commande `parvis demo` a été lancée ; rien n'en sort.

## Données personnelles

Ce que vous écrivez ici reste dans le dossier de données de la démonstration. Pour tout effacer, supprimez ce \
dossier."""

ACCESSIBILITY = """\
## État de conformité

Ce portail vise les règles WCAG 2.2, niveau AA, et le RGAA. C'est une démonstration : aucun audit extérieur \
n'a encore été mené.

## Signaler une difficulté

Si une page vous résiste, écrivez-le dans l'espace « La vie du Centre-Bourg » : dans une vraie ville, vous \
trouveriez ici une adresse et un délai de réponse."""

AREAS = {
    "agglo": ("agglomeration", NAME, None),
    "montclarey": ("commune", "Montclarey", "agglo"),
    "centre": ("neighbourhood", "Centre-Bourg", "montclarey"),
    "tanneries": ("neighbourhood", "Les Tanneries", "montclarey"),
    "gare": ("neighbourhood", "La Gare", "montclarey"),
    "bellevue": ("neighbourhood", "Bellevue", "montclarey"),
    "verin": ("commune", "Saint-Vérin-sur-Lorelle", "agglo"),
    "bourg": ("neighbourhood", "Le Vieux Bourg", "verin"),
    "pres": ("neighbourhood", "Les Prés-Hauts", "verin"),
}


@dataclass(frozen=True)
class Person:
    """Somebody of the town; `account` is the part of a demo address before the @."""

    name: str
    area: str | None
    about: str = ""
    role: str = "resident"
    account: str = ""
    portrait: int | None = None
    official: dict[str, str] = field(default_factory=dict)


def _mandate(mandate: str, list_name: str, portfolio: str = "") -> dict[str, str]:
    values = {"mandate": mandate, "list_name": list_name, "portfolio": portfolio}
    return {key: value for key, value in values.items() if value}


ENSEMBLE, SOUFFLE, VERIN = "Montclarey ensemble", "Un autre souffle", "Saint-Vérin au fil de l’eau"

PEOPLE = {
    "leonie": Person(
        "Léonie Mirabelle",
        "centre",
        "Libraire à la retraite, pas à la lecture. Je recense les bancs du centre.",
        account="resident",
        portrait=1,
    ),
    "barnabe": Person(
        "Barnabé Tournesol",
        "centre",
        "Menuisier rue des Lavandières. Je répare ce qui grince.",
        account="neighbour",
        portrait=0,
    ),
    "claire": Person(
        "Claire Delalune",
        "montclarey",
        "Maire de Montclarey. Permanence le vendredi matin, café compris.",
        "official",
        "mayor",
        4,
        _mandate("mayor", ENSEMBLE),
    ),
    "anselme": Person(
        "Anselme Rivebelle",
        "montclarey",
        "Adjoint à la voirie et aux mobilités. Oui, je lis tout ce que vous écrivez sur les trottoirs.",
        "official",
        "deputy",
        5,
        _mandate("deputy_mayor", ENSEMBLE, "Voirie, mobilités et cadre de vie"),
    ),
    "hortense": Person(
        "Hortense Contrevent",
        "montclarey",
        "Conseillère municipale, groupe « Un autre souffle ».",
        "official",
        "opposition",
        7,
        _mandate("councillor", SOUFFLE),
    ),
    "gaspard": Person(
        "Gaspard Clairon",
        "agglo",
        "Service Participation de l'agglomération. Je transmets, je relance, je réponds.",
        "agent",
        "agent",
        13,
    ),
    "ondine": Person(
        "Ondine Serrure",
        None,
        "J'administre ce portail.",
        "administrator",
        "admin",
    ),
    "perrine": Person(
        "Perrine Métronome",
        "agglo",
        "Je coordonne les visites de quartier : les dates, les étapes et les chaussures de rechange.",
        "agent",
        "coordinator",
    ),
    "leopold": Person(
        "Léopold Calepin",
        "montclarey",
        "Je note ce qui se dit pendant les visites. Tout ce qui se dit.",
        "agent",
        "scribe",
    ),
    "sidonie": Person(
        "Sidonie Bitume",
        "agglo",
        "Service Voirie. Les trous se signalent, les ponts aussi.",
        "agent",
        "department",
    ),
    "firmin": Person(
        "Firmin Palissade",
        "bellevue",
        "Membre du conseil de quartier de Bellevue.",
        account="member",
        portrait=2,
    ),
    "theodore": Person(
        "Théodore Grandpré",
        "verin",
        "Maire de Saint-Vérin-sur-Lorelle. Éleveur de brebis le reste du temps.",
        "official",
        "mayor2",
        9,
        _mandate("mayor", VERIN),
    ),
    "zelie": Person(
        "Zélie Postillon",
        "verin",
        "Secrétaire générale de la mairie de Saint-Vérin.",
        "agent",
        "agent2",
        8,
    ),
    "eulalie": Person(
        "Eulalie Champignac-Doux",
        "montclarey",
        "Conseillère déléguée à l'enfance et aux écoles.",
        "official",
        portrait=3,
        official=_mandate("delegated_councillor", ENSEMBLE, "Enfance et écoles"),
    ),
    "placide": Person(
        "Placide Tambour",
        "agglo",
        "Responsable de la médiathèque des Deux Ponts.",
        "agent",
        portrait=10,
    ),
    "capucine": Person(
        "Capucine Lavande", "tanneries", "Terre sous les ongles, de mars à octobre.", portrait=6
    ),
    "aristide": Person(
        "Aristide Potiron", "centre", "Maraîcher, troisième étal à gauche de la fontaine.", portrait=12
    ),
    "seraphine": Person(
        "Séraphine Pédalier", "gare", "À vélo par tous les temps, surtout les mauvais.", portrait=11
    ),
    "octave": Person("Octave Réverbère", "bellevue", "Insomniaque, donc spécialiste de l'éclairage public."),
    "violette": Person(
        "Violette Quatresous", "centre", "Deux enfants à l'école des Marronniers.", portrait=14
    ),
    "melchior": Person(
        "Melchior Bonvent", "pres", "Ancien pompier volontaire. Je surveille la Lorelle.", portrait=17
    ),
    "apolline": Person(
        "Apolline Clafoutis", "bourg", "Présidente du comité des fêtes de Saint-Vérin.", portrait=18
    ),
    "ignace": Person("Ignace Pantoufle", "centre", "J'habite au-dessus du café. C'est un engagement."),
    "prune": Person("Prune Desétangs", "tanneries", "Étudiante. Je compte les hérissons.", portrait=21),
    "hector": Person("Hector Boulon", "gare", "Cheminot. J'ai vu passer beaucoup de projets de gare."),
    "blandine": Person("Blandine Parchemin", "centre", "Généalogiste amateure, lectrice professionnelle."),
    "youri": Person(
        "Youri Tambourin", "gare", "Papa, coureur du dimanche, signaleur de nids-de-poule.", portrait=22
    ),
    "amedee": Person("Amédée Chaussette", "bellevue", "87 ans. Je prends le bus 3 depuis qu'il existe."),
    "josephe": Person("Josèphe Grésil", "pres", "Je vends du miel et je prête mon échelle."),
    "nour": Person(
        "Nour Bellescience", "bellevue", "Professeure de physique. J'aime les mesures.", portrait=25
    ),
    "balthazar": Person("Balthazar Cornichon", "centre", "Cuisinier scolaire à la retraite."),
    "clemence": Person("Clémence Averse", "bourg", "Ma maison est au numéro 2 du quai. Le quai est bas."),
    "titouan": Person("Titouan Girouette", "tanneries", "Je change d'avis quand on me convainc."),
    "rosalie": Person("Rosalie Fenouil", "tanneries", "Compost, paillage et patience.", portrait=28),
    "ulysse": Person("Ulysse Trottoir", "gare", "En fauteuil. Un trottoir trop haut est un mur."),
    "perpetue": Person("Perpétue Lanterne", "bourg", "Institutrice à Saint-Vérin depuis toujours."),
    "gedeon": Person("Gédéon Framboise", "centre", "Gérant de l'épicerie du passage."),
    "faustine": Person(
        "Faustine Embrun", "gare", "Infirmière de nuit. Je découvre la ville à l'envers.", portrait=30
    ),
    "isidore": Person("Isidore Mouflon", "pres", "Berger à mi-temps, facteur l'autre moitié."),
    "madeleine": Person("Madeleine Toutlemonde", "bellevue", "Je connais votre grand-mère."),
    "wilfrid": Person("Wilfrid Soupière", "bourg", "Cafetier. Le bulletin municipal, c'est moi."),
    "alba": Person("Alba Grandsoleil", "tanneries", "Médecin. Buvez de l'eau."),
}


@dataclass(frozen=True)
class Place:
    """A space: `people` by role, each a line of keys."""

    name: str
    summary: str
    area: str
    visibility: str = "public"
    joining: str = "open"
    owner: str = "gaspard"
    moderators: str = ""
    members: str = ""
    body: str = ""


SPACES = {
    "centre": Place(
        "La vie du Centre-Bourg",
        "Rues, places, bancs et petites nouvelles du centre de Montclarey.",
        "centre",
        owner="gaspard",
        moderators="leonie anselme",
        members="barnabe claire hortense ignace violette blandine balthazar gedeon aristide youri faustine",
        body="On y parle de ce que l'on voit de sa fenêtre. Une photo vaut mieux qu'un soupir, et une "
        "proposition vaut mieux que deux photos.",
    ),
    "velo": Place(
        "À vélo dans l'agglo",
        "Pistes, arceaux, carrefours qui font peur et bonnes idées pour pédaler tranquille.",
        "agglo",
        owner="anselme",
        moderators="seraphine",
        members="youri leonie prune hortense gaspard titouan isidore nour theodore",
    ),
    "marche": Place(
        "Le marché du samedi",
        "Étals, saisons, recettes et paniers : le marché de la place du Parvis.",
        "centre",
        owner="aristide",
        moderators="gaspard",
        members="leonie barnabe balthazar josephe rosalie violette madeleine gedeon alba",
    ),
    "ecoles": Place(
        "Cantines et écoles",
        "Menus, travaux, trajets : parents, équipes et élu·es se parlent.",
        "montclarey",
        owner="eulalie",
        moderators="gaspard",
        members="violette youri balthazar perpetue nour claire hortense faustine",
    ),
    "jardin": Place(
        "Le jardin partagé des Tanneries",
        "Vingt-quatre parcelles, une serre, un compost et beaucoup de courgettes.",
        "tanneries",
        joining="request",
        owner="capucine",
        moderators="rosalie",
        members="prune titouan alba leonie melchior",
    ),
    "verin": Place(
        "Saint-Vérin, côté village",
        "La vie des bords de Lorelle : mairie, école, quais et Prés-Hauts.",
        "verin",
        owner="zelie",
        moderators="theodore",
        members="melchior apolline josephe clemence perpetue isidore wilfrid",
    ),
    "mediatheque": Place(
        "Médiathèque des Deux Ponts",
        "Horaires, coups de cœur, ateliers et le chat du rayon polar.",
        "agglo",
        owner="placide",
        members="blandine leonie ignace faustine prune perpetue nour violette",
    ),
    "climat": Place(
        "Chaleur, crues et coups de vent",
        "S'entraider avant, pendant et après : alertes, repères et retours d'expérience.",
        "agglo",
        owner="gaspard",
        moderators="melchior zelie",
        members="alba clemence nour theodore claire amedee josephe anselme hortense",
    ),
    "entraide": Place(
        "Coups de main entre voisins",
        "Prêter, garder, porter, dépanner. Pour les personnes inscrites.",
        "agglo",
        visibility="portal",
        owner="leonie",
        moderators="gaspard",
        members="barnabe madeleine amedee josephe prune titouan faustine ulysse octave",
    ),
    "gare": Place(
        "Quartier de la Gare : le chantier",
        "Le calendrier des travaux, les questions et les réponses, semaine après semaine.",
        "gare",
        visibility="portal",
        owner="gaspard",
        moderators="anselme",
        members="hector seraphine ulysse youri faustine claire hortense",
    ),
    "bellevue": Place(
        "Conseil de quartier de Bellevue",
        "Comptes rendus, préparation des réunions et suivi du budget du quartier.",
        "bellevue",
        visibility="members",
        joining="request",
        owner="nour",
        moderators="gaspard",
        members="firmin octave amedee madeleine anselme",
    ),
    "fetes": Place(
        "Comité des fêtes de Saint-Vérin",
        "La fête des lampions se prépare ici. Les surprises aussi.",
        "verin",
        visibility="members",
        joining="invite",
        owner="apolline",
        moderators="wilfrid",
        members="josephe clemence perpetue theodore zelie isidore",
    ),
    "budget": Place(
        "Budget participatif : salle des machines",
        "Étude des projets déposés avant leur mise au vote.",
        "agglo",
        visibility="hidden",
        joining="invite",
        owner="gaspard",
        moderators="ondine",
        members="claire anselme eulalie theodore zelie",
    ),
}

FOLLOWS = {
    "leonie": "climat velo ecoles",
    "barnabe": "velo entraide",
    "claire": "climat velo marche verin",
    "firmin": "centre marche",
    "hortense": "jardin mediatheque",
    "theodore": "centre marche",
}
