"""What the people of the demonstration town say to one another; `ago` is counted back from the first start.

`@key` mentions the person with that key in `town.py`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reply:
    """An answer below a post."""

    who: str
    ago: str
    text: str
    supports: int = 0


@dataclass(frozen=True)
class Post:
    """A post; `after` is its text since an edit, `pictures` are names in `draw.py` with their descriptions."""

    space: str
    who: str
    ago: str
    title: str
    text: str
    supports: int = 0
    replies: tuple[Reply, ...] = ()
    pictures: tuple[tuple[str, str], ...] = ()
    pinned: bool = False
    after: str = ""


POSTS = (
    Post(
        "centre",
        "gaspard",
        "38d",
        "Bienvenue, et comment ça marche",
        "Cet espace est à vous : une rue à signaler, une idée, une question, un merci.\n\n"
        "- Les **élu·es** et les **agent·es** répondent sous leur nom, avec leur rôle affiché.\n"
        "- Un **soutien** dit « moi aussi » : pas besoin d'écrire la même chose dix fois.\n"
        "- Tout le monde peut lire ; pour écrire, une adresse électronique suffit.\n\n"
        "Je passe tous les matins. Si je ne sais pas, je demande à qui sait et je reviens.",
        12,
        (
            Reply("ignace", "37d20h", "Enfin un endroit où râler sans timbre. Merci !", 4),
            Reply(
                "gaspard", "37d18h", "Les compliments sont acceptés aussi, @ignace. Sans timbre non plus.", 14
            ),
        ),
        pinned=True,
    ),
    Post(
        "centre",
        "leonie",
        "34d",
        "J'ai compté les bancs : il en manque onze",
        "Trois après-midi, un carnet, de bonnes chaussures : il y a **43 bancs** dans le centre, dont 7 sans dossier "
        "et 4 occupés par des jardinières (joli, mais on ne s'assoit pas sur un géranium).\n\n"
        "Entre la pharmacie et la poste, 600 mètres sans rien. À mon âge, c'est une expédition.\n\n"
        "Je propose onze emplacements. La liste est prête, je la donne à qui veut.",
        16,
        (
            Reply(
                "anselme",
                "33d4h",
                "Je veux bien la liste, et faire le tour avec vous. Mardi 10 h devant la pharmacie ?",
                8,
            ),
            Reply("leonie", "33d3h", "Mardi 10 h. Je serai assise, donc pas devant la pharmacie.", 11),
            Reply("amedee", "32d", "Avec un dossier et **un accoudoir**, sinon on reste dedans.", 9),
        ),
    ),
    Post(
        "velo",
        "seraphine",
        "31d",
        "Le carrefour des Quatre-Vents, ou comment vieillir en cinq secondes",
        "Chaque matin, même histoire : la piste s'arrête net, on se retrouve entre un bus et une camionnette, et "
        "on apprend à prier. La semaine dernière, deux chutes.\n\n"
        "Est-ce que la priorité pourrait aller à ce carrefour **avant** les nouvelles pistes ?",
        18,
        (
            Reply(
                "anselme",
                "30d6h",
                "Vous avez raison, et les comptages vont dans le même sens. L'étude est lancée ; en attendant, un "
                "sas vélo sera peint avant la fin du mois.",
                9,
            ),
            Reply(
                "hortense",
                "30d2h",
                "Je prends note de la date. Notre groupe demandait ce sas en mars : mieux vaut tard que jamais, "
                "mais tard quand même.",
                6,
            ),
            Reply("youri", "29d", "Peinture fraîche ce matin. J'ai eu de la place pour respirer. Merci.", 7),
        ),
        (
            (
                "piste-cyclable",
                "Une piste cyclable verte le long d'une avenue bordée d'arbres, un vélo rouge au premier plan.",
            ),
        ),
    ),
    Post(
        "marche",
        "aristide",
        "30d",
        "Arrivage : les premières courges parlent",
        "Potimarrons, butternuts et une **longue de trente kilos** que je ne sais pas par quel bout prendre. "
        "Je la découpe samedi à 10 h devant l'étal : chacun repart avec sa tranche, et on met les recettes ici.",
        10,
        (
            Reply(
                "balthazar",
                "29d20h",
                "Velouté : un oignon, la courge, du lait de coco, une pointe de muscade. Quarante ans de cantine, "
                "jamais une assiette renvoyée.",
                6,
            ),
            Reply(
                "violette",
                "28d",
                "Mes enfants ont mangé de la courge. Volontairement. Je ne comprends plus rien.",
                10,
            ),
        ),
    ),
    Post(
        "climat",
        "melchior",
        "29d",
        "Lorelle : ce que disent les repères",
        "Pour celles et ceux qui arrivent : l'échelle du pont des Deux Rives se lit en centimètres.\n\n"
        "| Hauteur | Ce qu'on fait |\n| --- | --- |\n| 150 | rien, on admire |\n| 220 | on monte les voitures du quai |\n"
        "| 280 | on monte les meubles |\n| 320 | on monte, tout court |\n\n"
        "Ce matin : **131**. On admire.",
        14,
        (
            Reply(
                "clemence",
                "28d22h",
                "Numéro 2 du quai : j'ai encore le trait de crayon de l'autre fois dans le couloir.",
                5,
            ),
            Reply(
                "theodore",
                "28d20h",
                "On pourrait graver ces seuils sur place. @zelie, on l'inscrit au prochain conseil ?",
                4,
            ),
            Reply("zelie", "28d19h", "C'est inscrit : point 6 de l'ordre du jour.", 3),
        ),
        (
            (
                "riviere",
                "La Lorelle haute sous les arches du pont, avec une échelle de crue rouge et blanche.",
            ),
        ),
        pinned=True,
    ),
    Post(
        "ecoles",
        "violette",
        "27d",
        "Le menu végétarien du jeudi : on en parle ?",
        "Ma fille adore, mon fils négocie. D'autres parents ont-ils des retours ? J'ai l'impression que le problème "
        "n'est pas le légume mais la sauce.",
        6,
        (
            Reply(
                "balthazar",
                "26d20h",
                "Toujours la sauce. Une lentille bien assaisonnée vaut un discours.",
                8,
            ),
            Reply(
                "eulalie",
                "26d4h",
                "La commission menus se réunit le 12 : deux places sont réservées aux parents. @violette, l'une est "
                "pour vous si vous voulez.",
                5,
            ),
            Reply("violette", "26d2h", "Je veux ! J'apporterai mon fils comme expert.", 4),
        ),
        (
            (
                "cantine",
                "Un plateau de cantine : une assiette de purée, lentilles et petits pois, une pomme et un morceau de pain.",
            ),
        ),
    ),
    Post(
        "jardin",
        "capucine",
        "26d",
        "La serre a retrouvé ses vitres",
        "Grâce à @titouan (les vitres), à @rosalie (le mastic) et au voisin du 14 (le café). On peut semer les "
        "salades d'hiver dès dimanche. Il reste **trois parcelles libres** : demandez à rejoindre l'espace.",
        9,
        (
            Reply(
                "prune",
                "25d10h",
                "Un hérisson a élu domicile derrière le compost. Merci de ne plus retourner ce côté-là !",
                9,
            ),
            Reply("titouan", "25d8h", "Il paie un loyer ?", 6),
            Reply("prune", "25d7h", "En limaces.", 13),
        ),
        (
            (
                "jardin",
                "Des rangs de salades et de fleurs, une petite serre et un arrosoir dans le jardin partagé.",
            ),
        ),
    ),
    Post(
        "mediatheque",
        "placide",
        "25d",
        "Ouverture le lundi : l'essai commence",
        "Vous étiez 214 à le demander. À partir de la semaine prochaine et jusqu'aux vacances, la médiathèque ouvre "
        "**le lundi de 14 h à 18 h**. On comptera les visites, puis on décidera ensemble.",
        17,
        (
            Reply("blandine", "24d22h", "Le lundi était le jour le plus long de ma semaine. Merci.", 7),
            Reply(
                "faustine",
                "24d12h",
                "Et un soir jusqu'à 21 h ? Les gens de nuit lisent aussi, surtout la nuit.",
                10,
            ),
            Reply("placide", "24d3h", "Noté, @faustine. Je regarde avec l'équipe pour le jeudi.", 6),
        ),
    ),
    Post(
        "gare",
        "gaspard",
        "24d",
        "Calendrier des travaux, phase 2",
        "- Semaine 1 : réseaux devant le parvis, circulation alternée.\n"
        "- Semaines 2 et 3 : trottoir côté voies, passage piéton déplacé de 30 mètres.\n"
        "- Semaine 4 : plantations.\n\n"
        "Je mets cette publication à jour chaque vendredi.",
        8,
        (
            Reply(
                "ulysse",
                "23d20h",
                "Le passage provisoire a une marche de 6 cm. En fauteuil, c'est un demi-tour de 400 mètres.",
                11,
            ),
            Reply(
                "anselme", "23d17h", "C'est corrigé demain à la première heure. Merci de l'avoir mesuré.", 15
            ),
            Reply("ulysse", "22d20h", "Rampe posée à 8 h 10. Passée et approuvée.", 9),
        ),
        (
            (
                "gare",
                "La gare au soleil couchant, une grue jaune et des barrières de chantier rouges et blanches.",
            ),
        ),
        pinned=True,
        after="- Semaine 1 : réseaux devant le parvis, circulation alternée. *Terminé.*\n"
        "- Semaines 2 et 3 : trottoir côté voies, passage piéton déplacé de 30 mètres, **rampe provisoire posée**.\n"
        "- Semaine 4 : plantations. *Les arbres arrivent jeudi.*\n\n"
        "Je mets cette publication à jour chaque vendredi.",
    ),
    Post(
        "verin",
        "zelie",
        "23d",
        "La mairie ouvre aussi le samedi matin",
        "Premier samedi du mois, de 9 h à 12 h, pour les papiers et les questions. Le café est offert par M. le "
        "maire, qui le fait trop fort.",
        7,
        (
            Reply("theodore", "22d23h", "Il est juste bien.", 4),
            Reply("wilfrid", "22d21h", "Je confirme : trop fort. Et c'est un cafetier qui parle.", 8),
        ),
    ),
    Post(
        "centre",
        "youri",
        "21d",
        "Le nid-de-poule de la rue des Lavandières a maintenant un canard",
        "Le trou devant le 17 fait 1,20 m. Depuis la pluie, quelqu'un y a posé un canard en plastique. "
        "Je trouve que c'est une façon très claire de poser la question.",
        20,
        (
            Reply(
                "barnabe",
                "20d22h",
                "Je plaide coupable pour le canard. J'ai aussi des nénuphars en réserve.",
                14,
            ),
            Reply(
                "anselme",
                "20d5h",
                "Message reçu cinq sur cinq. L'équipe passe jeudi, et le canard sera rendu à son propriétaire.",
                12,
            ),
            Reply("barnabe", "17d", "Rebouché ! Le canard a pris sa retraite sur mon établi.", 11),
            Reply("ignace", "16d22h", "Je demande une plaque commémorative.", 9),
        ),
        (
            (
                "nid-de-poule",
                "Un grand trou plein d'eau dans la chaussée, avec un canard en plastique et un cône orange.",
            ),
        ),
    ),
    Post(
        "entraide",
        "josephe",
        "20d",
        "Je prête mon échelle",
        "Trois mètres, stable, un peu collante (le miel). À venir chercher aux Prés-Hauts, à rendre avec une histoire.",
        5,
        (
            Reply(
                "octave",
                "19d20h",
                "Pour changer l'ampoule du palier, depuis huit mois dans le noir : je prends !",
                3,
            ),
            Reply("josephe", "19d18h", "Elle t'attend. Prévois l'histoire.", 2),
        ),
    ),
    Post(
        "bellevue",
        "nour",
        "19d",
        "Compte rendu du conseil de quartier",
        "Présents : 17. Trois sujets.\n\n"
        "1. **Éclairage** de la montée : mesures faites, 4 lux au lieu de 10. On demande un devis.\n"
        "2. **Bus 3** : passage à 19 h 40 supprimé, courrier commun à l'agglomération.\n"
        "3. **Boîte à livres** : adoptée à l'unanimité moins un chien.",
        4,
        (
            Reply(
                "firmin",
                "18d20h",
                "Je me charge du devis de la boîte à livres. J'ai des palissades en trop.",
                3,
            ),
            Reply(
                "amedee",
                "18d",
                "Pour le 19 h 40, dites-leur que j'ai 87 ans et des répétitions de chorale.",
                5,
            ),
        ),
    ),
    Post(
        "budget",
        "gaspard",
        "18d",
        "Projets recevables : première lecture",
        "23 projets reçus, 17 recevables, 3 à préciser avec leurs porteurs, 3 hors compétence. Merci de relire la "
        "liste avant jeudi : rien ne sort d'ici avant l'accord de tous.",
        1,
        (
            Reply(
                "eulalie",
                "17d20h",
                "Le projet « cour ombragée » mérite d'être regroupé avec celui des Marronniers.",
                0,
            ),
            Reply("zelie", "17d18h", "D'accord pour Saint-Vérin. Il manque juste le chiffrage du ponton."),
        ),
    ),
    Post(
        "climat",
        "alba",
        "17d",
        "Après la canicule : ce que j'ai vu au cabinet",
        "Cet été, onze coups de chaleur, dont neuf chez des personnes qui vivaient **seules et en étage**. Les deux "
        "salles fraîches ont servi, mais presque personne ne savait qu'elles existaient.\n\n"
        "Pour l'an prochain : un porte-à-porte en juin plutôt qu'une affiche en août.",
        19,
        (
            Reply(
                "claire",
                "16d8h",
                "Je m'y engage : le porte-à-porte de juin sera organisé avec les conseils de quartier. Merci, docteur.",
                13,
            ),
            Reply(
                "madeleine",
                "16d6h",
                "Je veux bien faire ma montée d'escalier, et celle d'en face. Je les connais tous.",
                8,
            ),
            Reply(
                "hortense", "15d23h", "Nous voterons les crédits sans hésiter. Ajoutons-y les fontaines.", 12
            ),
        ),
        (
            (
                "canicule",
                "Un grand soleil, des façades blanches, une fontaine et une personne assise à l'ombre d'un arbre.",
            ),
        ),
    ),
    Post(
        "velo",
        "isidore",
        "16d",
        "Facteur et berger : mon avis sur la piste de Saint-Vérin",
        "Je la prends deux fois par jour, une fois avec les lettres, une fois avec les brebis. Les brebis préfèrent "
        "le vieux chemin ; moi, les jours de pluie, la piste.\n\nLe virage du lavoir glisse. Un peu de gravillon, et c'est réglé.",
        12,
        (
            Reply("theodore", "15d20h", "Gravillon commandé. Pour les brebis, je vois avec les miennes.", 7),
            Reply("seraphine", "15d12h", "Une piste testée par des brebis, quel label !", 8),
        ),
    ),
    Post(
        "marche",
        "josephe",
        "15d",
        "Miel d'automne : il n'y en aura pas pour tout le monde",
        "Petite récolte, grand goût. Soixante pots samedi. Je garde un pot pour @madeleine, parce qu'elle a connu ma grand-mère.",
        7,
        (Reply("madeleine", "14d22h", "Une femme de caractère. Comme son miel.", 7),),
    ),
    Post(
        "ecoles",
        "perpetue",
        "14d",
        "Le pédibus de Saint-Vérin cherche deux accompagnateurs",
        "Quatorze enfants, 900 mètres, un ruisseau à ne pas regarder de trop près. Il nous manque quelqu'un le mardi "
        "et le vendredi, départ 8 h 05 du lavoir.",
        9,
        (
            Reply(
                "isidore",
                "13d20h",
                "Le vendredi, je peux. C'est comme un troupeau, mais avec des cartables.",
                10,
            ),
            Reply("clemence", "13d12h", "Je prends le mardi !", 4),
            Reply("perpetue", "13d10h", "Complet en sept heures. Vous êtes merveilleux.", 7),
        ),
    ),
    Post(
        "fetes",
        "apolline",
        "13d",
        "Fête des lampions : qui fait quoi",
        "- Guirlandes : @clemence et @isidore\n- Buvette : @wilfrid\n- Fanfare : confirmée, surprise comprise\n- Météo : je m'en occupe\n\n"
        "**La surprise reste entre nous** jusqu'au soir même.",
        3,
        (
            Reply("wilfrid", "12d20h", "Six fûts, ou sept ?", 1),
            Reply("apolline", "12d18h", "L'an dernier, cinq n'ont pas suffi. Sept.", 2),
        ),
        (
            (
                "fete",
                "La place de Saint-Vérin la nuit : guirlandes de lampions, musiciens sur une estrade et public.",
            ),
        ),
    ),
    Post(
        "verin",
        "apolline",
        "12d",
        "La fête des lampions approche",
        "Samedi en huit, place du lavoir, à la tombée de la nuit. Apportez un lampion, une chaise et de la bonne "
        "humeur ; nous fournissons le reste. Repli sous la halle si la Lorelle s'invite.",
        13,
        (
            Reply("leonie", "11d20h", "Les gens de Montclarey sont-ils admis ?", 3),
            Reply("theodore", "11d18h", "Admis et attendus. Visa délivré à la buvette.", 9),
        ),
    ),
    Post(
        "centre",
        "ulysse",
        "11d",
        "Carte des trottoirs qui coincent",
        "J'ai relevé 28 bordures de plus de 2 cm entre la gare et la mairie, sur le trajet que je fais tous les "
        "jours. Les quatre pires sont marquées en rouge. À disposition des services : coordonnées, hauteurs, photos.",
        18,
        (
            Reply(
                "anselme",
                "10d20h",
                "C'est plus précis que nos propres relevés. Les quatre rouges entrent au programme d'avant l'hiver ; "
                "pour les autres, je reviens ici avec un calendrier.",
                12,
            ),
            Reply(
                "barnabe", "10d18h", "Si une rampe en bois dépanne en attendant, mon atelier est ouvert.", 17
            ),
            Reply("gaspard", "9d", "Le calendrier est prêt : sept bordures par mois jusqu'au printemps.", 10),
        ),
        (
            (
                "plan",
                "Un plan dessiné du centre avec la rivière, un trajet en pointillés rouges et quatre repères.",
            ),
        ),
    ),
    Post(
        "mediatheque",
        "blandine",
        "10d",
        "Coup de cœur : un polar qui se passe dans une sous-préfecture",
        "Deux cents pages, un secrétaire de mairie, un registre disparu et une tarte aux quetsches décisive. "
        "Je l'ai rendu ce matin, courez.",
        4,
        (
            Reply("ignace", "9d20h", "Emprunté à 14 h 02. Ne dites rien.", 3),
            Reply("leonie", "9d12h", "C'est la tarte. Pardon.", 8),
            Reply("ignace", "9d11h", "@leonie !!!", 9),
        ),
    ),
    Post(
        "entraide",
        "faustine",
        "9d",
        "Quelqu'un pour arroser, trois nuits sur sept",
        "Je travaille de nuit et mes plantes m'en veulent. Échange arrosage contre prises de tension, conseils et gâteau.",
        4,
        (Reply("prune", "8d20h", "Je suis au bout de la rue, je passe avec plaisir. Pour le gâteau.", 3),),
    ),
    Post(
        "centre",
        "claire",
        "8d",
        "Conseil municipal : ce qui a été voté lundi",
        "Trois décisions qui vous concernent directement :\n\n"
        "1. **Onze bancs** avec dossier et accoudoirs (merci, @leonie).\n"
        "2. **Extinction des vitrines** après 23 h, avec six mois d'accompagnement pour les commerces.\n"
        "3. **Étude** d'une halle légère pour le marché.\n\n"
        "Les votes détaillés sont affichés en mairie. Questions bienvenues ci-dessous.",
        16,
        (
            Reply("leonie", "7d22h", "Onze ! Je vais pouvoir faire le tour du centre en onze chapitres.", 10),
            Reply(
                "hortense",
                "7d20h",
                "Notre groupe a voté pour les bancs et la halle, contre le calendrier des vitrines : six mois, c'est "
                "court pour les petits commerces.",
                6,
            ),
            Reply(
                "gedeon",
                "7d6h",
                "L'épicerie éteint déjà. C'est surtout le minuteur qui coûte ; une aide serait utile.",
                6,
            ),
            Reply("claire", "6d23h", "Bien noté, @gedeon : le minuteur entre dans l'accompagnement.", 7),
        ),
    ),
    Post(
        "bellevue",
        "octave",
        "7d",
        "Relevé de nuit, de 2 h à 4 h",
        "Onze lampadaires éteints sur trente-deux, dont toute la montée. Une chouette, deux chats, un Octave.",
        3,
        (Reply("nour", "6d20h", "Tes relevés et mes mesures concordent. On envoie tout ensemble.", 2),),
    ),
    Post(
        "jardin",
        "rosalie",
        "6d",
        "Trop de courgettes, suite et (jamais) fin",
        "Caisse en libre-service devant le portail. Prenez-en deux. Prenez-en dix. Prenez-les, s'il vous plaît.",
        10,
        (
            Reply("alba", "5d20h", "Prescription : une courgette matin, midi et soir.", 9),
            Reply(
                "balthazar",
                "5d10h",
                "Gratin, beignets, gâteau au chocolat (si, si). Je publie les trois recettes demain.",
                5,
            ),
        ),
    ),
    Post(
        "gare",
        "hector",
        "5d",
        "Et les vélos pendant la phase 3 ?",
        "Les arceaux disparaissent du plan. Où va-t-on attacher soixante vélos ? Les grilles de la gare sont déjà pleines à 7 h 30.",
        9,
        (
            Reply(
                "gaspard",
                "4d20h",
                "Bien vu : 72 places provisoires sous l'auvent nord dès lundi, gardiennées le matin.",
                6,
            ),
            Reply(
                "seraphine",
                "4d12h",
                "Soixante-douze, et couvertes ? Je retire une partie de ce que j'ai pensé.",
                5,
            ),
        ),
    ),
    Post(
        "verin",
        "clemence",
        "4d",
        "Le quai, après la pluie de cette nuit",
        "168 à l'échelle ce matin. J'ai monté les confitures, par superstition. Merci à @melchior d'être passé à 6 h "
        "avec sa lampe.",
        11,
        (
            Reply(
                "melchior",
                "3d22h",
                "La décrue est annoncée pour ce soir. Les confitures peuvent redescendre demain.",
                7,
            ),
            Reply(
                "theodore",
                "3d21h",
                "Les batardeaux sont vérifiés et prêts au hangar. Numéro d'astreinte affiché à la mairie.",
                6,
            ),
        ),
    ),
    Post(
        "climat",
        "zelie",
        "3d",
        "Exercice d'alerte, mercredi à 10 h",
        "La sirène sonnera **trois fois une minute**. C'est un exercice : on ne monte rien, on ne court pas, on lève "
        "simplement la tête. Prévenez les enfants, les anciens et les chiens.",
        10,
        (
            Reply("amedee", "2d22h", "Je mettrai mes appareils sur silencieux. Merci de prévenir.", 5),
            Reply("wilfrid", "2d20h", "À la demande générale, le café servira une tournée à 10 h 03.", 6),
        ),
    ),
    Post(
        "marche",
        "gaspard",
        "2d",
        "La halle du marché : vos critères",
        "Avant l'étude, nous voudrions partir de vous. De quoi le marché a-t-il **vraiment** besoin ? Abri, "
        "eau, électricité, livraison, toilettes, ombre ? Répondez ici, je rassemble tout dans deux semaines.",
        9,
        (
            Reply(
                "aristide",
                "1d22h",
                "De l'eau à chaque étal, et pas de poteau à l'endroit où je fais demi-tour.",
                7,
            ),
            Reply("madeleine", "1d20h", "Des toilettes. Il faut bien que quelqu'un le dise.", 12),
            Reply("alba", "1d6h", "De l'ombre l'été : l'abri doit aussi protéger de la chaleur.", 7),
            Reply(
                "balthazar",
                "20h",
                "Une cuisine de démonstration. Je me porte volontaire, cela va sans dire.",
                4,
            ),
        ),
        pictures=(
            (
                "marche",
                "Trois étals de légumes sous des auvents rayés rouge, bleu et jaune, sur la place du marché.",
            ),
        ),
    ),
    Post(
        "velo",
        "anselme",
        "1d6h",
        "Atelier : dessinez le carrefour des Quatre-Vents",
        "Plans sur table, feutres et experts. Jeudi à 18 h 30, salle des Tilleuls. Trois scénarios sont possibles, "
        "et un quatrième : **le vôtre**. @seraphine, je compte sur vous pour la vérité du terrain.",
        8,
        (
            Reply("seraphine", "1d4h", "Je viens avec mes comptages et mon casque.", 5),
            Reply("nour", "1d", "Et moi avec un chronomètre : le feu piéton dure 9 secondes.", 5),
        ),
    ),
    Post(
        "ecoles",
        "eulalie",
        "22h",
        "Cour ombragée aux Marronniers : les arbres sont choisis",
        "Les élèves ont voté : deux érables, un tilleul et un mûrier (« pour manger les fruits »). Plantation le "
        "premier mercredi de décembre, bottes conseillées.",
        10,
        (
            Reply(
                "violette", "20h", "Ma fille a fait campagne pour le mûrier. Discours, affiches, tout.", 14
            ),
            Reply("youri", "18h", "Prévoyez des tabliers en juin. Beaucoup de tabliers.", 6),
        ),
    ),
    Post(
        "centre",
        "gedeon",
        "9h",
        "Chat tigré devant l'épicerie",
        "Il attend l'ouverture, inspecte les livraisons et refuse les croquettes premier prix. Si c'est le vôtre, il "
        "a pris un poste ici.",
        7,
        (
            Reply("placide", "8h", "C'est Polar, le chat de la médiathèque. Il est censé être en congé.", 11),
            Reply("gedeon", "7h", "Il a donc un deuxième emploi. Je vérifie son contrat.", 8),
        ),
    ),
    Post(
        "climat",
        "nour",
        "5h",
        "Mesures de ce matin : la place, l'ombre, le parking",
        "À 11 h, au même thermomètre : parking **19 °C**, place 16 °C, sous les platanes **13 °C**. L'écart est le "
        "même qu'en juillet. Les arbres travaillent toute l'année.",
        7,
        (Reply("alba", "4h", "Je l'imprime pour la salle d'attente.", 4),),
    ),
    Post(
        "mediatheque",
        "placide",
        "3h",
        "Nocturne du jeudi : on essaie",
        "C'est décidé : **jusqu'à 21 h le jeudi**, dès la semaine prochaine, avec lampes douces et tisane. "
        "@faustine, la première tasse est pour vous.",
        9,
        (Reply("faustine", "2h", "Je prends mon service à 21 h 30 : c'est fait exprès ? Merci, merci.", 5),),
        pictures=(
            (
                "mediatheque",
                "Un mur de livres de toutes les couleurs, une lampe jaune et un chat endormi dans un fauteuil.",
            ),
        ),
    ),
    Post(
        "verin",
        "wilfrid",
        "2h",
        "Objet trouvé au café",
        "Un parapluie bleu, un seul gant et une liste de courses très ambitieuse (« truffes, pain, robinet »). À réclamer au comptoir.",
        4,
        (Reply("isidore", "1h", "Le robinet, c'est moi. Les truffes, c'était pour rire.", 3),),
    ),
    Post(
        "centre",
        "leonie",
        "50m",
        "Le premier des onze bancs est posé !",
        "Devant la poste, avec dossier **et** accoudoirs. Je l'ai inauguré avec un roman et une brioche. "
        "@anselme, il en reste dix ; je tiens le compte.",
        5,
        (Reply("barnabe", "20m", "J'y passe ce soir vérifier les vis. Déformation professionnelle.", 2),),
        pictures=(
            (
                "place",
                "La place du Parvis : la mairie à l'horloge, des platanes, un banc vide et deux passants avec un chien.",
            ),
        ),
    ),
)
